"""The socket calls of the table: C arguments taken apart, `net/socket.py` asked, results written back.

Kernel counterpart: the SYSCALL_DEFINE wrappers of `net/socket.c`, `copy_msghdr_from_user`,
`move_addr_to_user`. Argument conventions: `entry/door.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import i64

from sockfs.entry import door
from sockfs.fs import file as fs_file
from sockfs.net import socket
from sockfs.structs.call import Call
from sockfs.structs.msghdr import IovIter, Msghdr
from sockfs.structs.ops import Sockopt
from sockfs.uapi.errno import EFAULT, EINVAL, EMSGSIZE, ENOBUFS
from sockfs.uapi.socket import MSG_PEEK, MSG_TRUNC, UIO_MAXIOV

if TYPE_CHECKING:
    from sockfs.structs.task import Task


class ScSocket(door.Syscall):
    def run(self, task: Task, regs: door.Regs, p: door.Pending) -> i64:
        family, type, protocol = regs.i32(0), regs.i32(1), regs.i32(2)
        if regs.err != 0:
            return regs.err
        return socket.sys_socket(task, family, type, protocol)


class ScSocketpair(door.Syscall):
    def run(self, task: Task, regs: door.Regs, p: door.Pending) -> i64:
        family, type, protocol = regs.i32(0), regs.i32(1), regs.i32(2)
        usockvec = regs.raw(3)
        if regs.err != 0:
            return regs.err
        fd1, fd2 = socket.sys_socketpair(task, family, type, protocol)
        if fd1 < 0:
            return fd1
        if not isinstance(usockvec, bytearray) or len(usockvec) < 8:
            fs_file.close_fd(task, fd1, None)
            fs_file.close_fd(task, fd2, None)
            return -EFAULT
        usockvec[0:4] = int(fd1).to_bytes(4, "little")
        usockvec[4:8] = int(fd2).to_bytes(4, "little")
        return 0


class ScBind(door.Syscall):
    """bind(fd, addr, addrlen) and connect(fd, addr, addrlen)."""

    def run(self, task: Task, regs: door.Regs, p: door.Pending) -> i64:
        fd = regs.i32(0)
        # Linux looks the descriptor up first, then copies the address
        err = check_socket(task, fd, p.call)
        if err != 0:
            return err
        addr = sockaddr_arg(regs, 1, regs.i32(2))
        if regs.err != 0:
            return regs.err
        if self.name == "bind":
            return socket.sys_bind(task, fd, addr, p.call)
        return socket.sys_connect(task, fd, addr, p.call)


def check_socket(task: Task, fd: i64, call: Call) -> i64:
    """0, -EBADF or -ENOTSOCK."""
    if socket.sockfd_lookup_light(task, fd, call) is None:
        return call.err
    return 0


def sockaddr_arg(regs: door.Regs, i: i64, length: i64) -> bytes:
    """`move_addr_to_kernel`: -EINVAL for a length no address has, before the memory is looked at."""
    if length < 0 or length > socket.ADDR_MAX:
        regs.err = -EINVAL
        return b""
    return regs.read(i, length)


class ScListen(door.Syscall):
    def run(self, task: Task, regs: door.Regs, p: door.Pending) -> i64:
        fd, backlog = regs.i32(0), regs.i32(1)
        return regs.err if regs.err != 0 else socket.sys_listen(task, fd, backlog, p.call)


class ScAccept(door.Syscall):
    """accept(fd, addr, addrlen*) and accept4(…, flags)."""

    def run(self, task: Task, regs: door.Regs, p: door.Pending) -> i64:
        fd = regs.i32(0)
        flags = regs.i32(3) if self.name == "accept4" else 0
        if regs.err != 0:
            return regs.err
        r = socket.sys_accept4(task, fd, flags, p.call)
        if r < 0 or regs.null(1):
            return r
        name = socket.accepted_name(task, r, Call(task))
        err = put_sockaddr(regs, 1, 2, b"" if name is None else name)
        if err != 0:
            fs_file.close_fd(task, r, None)
            return err
        return r


def put_sockaddr(regs: door.Regs, i: i64, j: i64, name: bytes) -> i64:
    """`move_addr_to_user`: as much as fits; the length says how long it is. 0, -EFAULT, -EINVAL."""
    length = regs.length_ptr(j)
    if regs.err != 0:
        return regs.err
    n = door.sign32(as_int(length[0]))
    if n < 0:
        return -EINVAL
    n = min(n, len(name))
    if n > 0:
        buf = regs.writable(i)
        if regs.err != 0:
            return regs.err
        if len(buf) < n:
            return -EFAULT
        buf[0:n] = name[:n]
    length[0] = len(name)
    return 0


def as_int(v: object) -> int:
    return v & 0xFFFFFFFF if isinstance(v, int) else 0


class ScGetname(door.Syscall):
    """getsockname and getpeername (fd, addr, addrlen*)."""

    def run(self, task: Task, regs: door.Regs, p: door.Pending) -> i64:
        fd = regs.i32(0)
        if self.name == "getsockname":
            name = socket.sys_getsockname(task, fd, p.call)
        else:
            name = socket.sys_getpeername(task, fd, p.call)
        if name is None:
            return p.call.err
        return put_sockaddr(regs, 1, 2, name)


class ScSendto(door.Syscall):
    """sendto(fd, buf, len, flags, addr, addrlen) and send(fd, buf, len, flags)."""

    def run(self, task: Task, regs: door.Regs, p: door.Pending) -> i64:
        fd, flags = regs.i32(0), regs.u32(3)
        msg = p.msg
        if msg is None:
            data = regs.read(1, regs.size(2))
            if regs.err != 0:
                return regs.err
            err = check_socket(task, fd, p.call)
            if err != 0:
                return err
            msg = Msghdr(task, IovIter(data, None, len(data)))
            if self.name == "sendto" and not regs.null(4):
                msg.msg_name = sockaddr_arg(regs, 4, regs.i32(5))
            if regs.err != 0:
                return regs.err
            p.msg = msg
        return socket.sys_sendto(task, fd, msg, flags)


class ScRecvfrom(door.Syscall):
    """recvfrom(fd, buf, len, flags, addr, addrlen*) and recv(fd, buf, len, flags)."""

    def run(self, task: Task, regs: door.Regs, p: door.Pending) -> i64:
        fd, flags = regs.i32(0), regs.u32(3)
        msg = p.msg
        if msg is None:
            size = regs.size(2)
            if regs.err != 0:
                return regs.err
            msg = Msghdr(task, IovIter(None, None, size))
            msg.want_name = self.name == "recvfrom" and not regs.null(4)
            p.msg = msg
        if (
            msg.msg_iter.count > 0
            and flags & MSG_TRUNC == 0
            and not isinstance(regs.raw(1), bytearray | list)
        ):
            # nowhere to write: what would be read stays in the queue
            r = socket.sys_recvfrom(task, fd, msg, flags | MSG_PEEK)
            return -EFAULT if r > 0 else r
        r = socket.sys_recvfrom(task, fd, msg, flags)
        if r < 0:
            return r
        err = scatter(regs, regs.raw(1), msg.msg_iter.result())
        if err == 0 and msg.want_name:
            err = put_sockaddr(regs, 4, 5, msg.msg_name or b"")
        return r if err == 0 else err


def scatter(regs: door.Regs, target: object, data: bytes) -> i64:
    """Write data into a bytearray, or over a list of them. 0 or -EFAULT."""
    if not data:
        return 0
    parts = target if isinstance(target, list) else [target]
    at = 0
    for part in parts:
        if at >= len(data):
            break
        if not isinstance(part, bytearray):
            return -EFAULT
        piece = data[at : at + len(part)]
        part[: len(piece)] = piece
        at += len(piece)
    return 0 if at >= len(data) else -EFAULT


def iov_size(regs: door.Regs, iov: object) -> i64:
    """Bytes that an iovec array covers; -EFAULT or -EINVAL in regs.err."""
    if iov is None:
        return 0
    if not isinstance(iov, list):
        regs.err = -EFAULT
        return 0
    if len(iov) > UIO_MAXIOV:
        regs.err = -EMSGSIZE
        return 0
    total = 0
    for part in iov:
        if not isinstance(part, bytes | bytearray):
            regs.err = -EFAULT
            return 0
        total += len(part)
    return total


def iov_bytes(regs: door.Regs, iov: object) -> bytes:
    """What an iovec array holds."""
    iov_size(regs, iov)
    if regs.err != 0 or not isinstance(iov, list):
        return b""
    return b"".join([bytes(part) for part in iov])


def msghdr_fields(regs: door.Regs, v: object) -> list[object]:
    """The four fields of a msghdr."""
    if isinstance(v, list) and len(v) == 4:
        return v
    regs.err = -EFAULT
    return [None, None, None, 0]


def msghdr_to_send(task: Task, regs: door.Regs, fields: list[object]) -> Msghdr:
    """`copy_msghdr_from_user` on the way out."""
    data = iov_bytes(regs, fields[1])
    msg = Msghdr(task, IovIter(data, None, len(data)))
    iov = fields[1]
    if isinstance(iov, list) and len(iov) > 1:
        end = 0
        ends: list[int] = []
        for part in iov:
            if isinstance(part, bytes | bytearray) and len(part) != 0:
                end += len(part)
                ends.append(end)
        msg.iov_ends = ends
    name = fields[0]
    if isinstance(name, bytes | bytearray):
        if len(name) > socket.ADDR_MAX:
            name = name[: socket.ADDR_MAX]
        msg.msg_name = bytes(name) if len(name) > 0 else None
    control = fields[2]
    if isinstance(control, bytes | bytearray) and len(control) > 0:
        if len(control) > 0x7FFFFFFF:
            regs.err = -ENOBUFS
        msg.msg_control = bytes(control)
        msg.msg_controllen = len(control)
    return msg


class ScSendmsg(door.Syscall):
    """sendmsg(fd, msghdr, flags)."""

    def run(self, task: Task, regs: door.Regs, p: door.Pending) -> i64:
        fd, flags = regs.i32(0), regs.u32(2)
        msg = p.msg
        if msg is None:
            err = check_socket(task, fd, p.call)
            if err != 0:
                return err
            msg = msghdr_to_send(task, regs, msghdr_fields(regs, regs.raw(1)))
            if regs.err != 0:
                return regs.err
            p.msg = msg
        return socket.sys_sendmsg(task, fd, msg, flags)


class ScRecvmsg(door.Syscall):
    """recvmsg(fd, msghdr, flags)."""

    def run(self, task: Task, regs: door.Regs, p: door.Pending) -> i64:
        fd, flags = regs.i32(0), regs.u32(2)
        msg = p.msg
        if msg is None:
            err = check_socket(task, fd, p.call)
            if err != 0:
                return err
            fields = msghdr_fields(regs, regs.raw(1))
            msg = msghdr_to_receive(task, regs, fields)
            if regs.err != 0:
                return regs.err
            p.msg = msg
        r = socket.sys_recvmsg(task, fd, msg, flags)
        if r < 0:
            return r
        err = deliver(regs, msghdr_fields(regs, regs.raw(1)), msg)
        return r if err == 0 else err


def msghdr_to_receive(task: Task, regs: door.Regs, fields: list[object]) -> Msghdr:
    """`copy_msghdr_from_user` on the way in."""
    msg = Msghdr(task, IovIter(None, None, iov_size(regs, fields[1])))
    msg.want_name = isinstance(fields[0], bytearray)
    control = fields[2]
    if isinstance(control, bytearray):
        msg.msg_controllen = len(control)
    return msg


def deliver(regs: door.Regs, fields: list[object], msg: Msghdr) -> i64:
    """Write a received message back: data, name, control data, flags."""
    err = scatter(regs, fields[1], msg.msg_iter.result())
    if err != 0:
        return err
    name = fields[0]
    if isinstance(name, bytearray):
        came = msg.msg_name or b""
        name[:] = came[: len(name)]
    control = fields[2]
    if isinstance(control, bytearray):
        control[:] = msg.msg_control or b""
    fields[3] = int(msg.msg_flags)
    return 0


class ScSendmmsg(door.Syscall):
    """sendmmsg(fd, mmsghdrs, vlen, flags)."""

    def run(self, task: Task, regs: door.Regs, p: door.Pending) -> i64:
        fd, flags = regs.i32(0), regs.u32(3)
        if not p.vec:
            if regs.err != 0:
                return regs.err
            err = check_socket(task, fd, p.call)
            if err != 0:
                return err
            vec = mmsghdrs(regs, 1, regs.u32(2))
            if regs.err != 0:
                return regs.err
            p.msgs = [msghdr_to_send(task, regs, msghdr_fields(regs, m[0])) for m in vec]
            if regs.err != 0:
                return regs.err
            p.vec = vec
        r = socket.sys_sendmmsg(task, fd, p.msgs, flags, p.call)
        for i in range(max(int(r), 0)):
            p.vec[i][1] = int(p.msgs[i].done_len)
        return r


class ScRecvmmsg(door.Syscall):
    """recvmmsg(fd, mmsghdrs, vlen, flags, timeout ns or None)."""

    def run(self, task: Task, regs: door.Regs, p: door.Pending) -> i64:
        fd, flags = regs.i32(0), regs.u32(3)
        timeout: i64 = -1 if len(regs.args) < 5 or regs.raw(4) is None else regs.long(4)
        if not p.vec:
            if regs.err != 0:
                return regs.err
            if timeout < 0 and len(regs.args) >= 5 and regs.raw(4) is not None:
                return -EINVAL
            err = check_socket(task, fd, p.call)
            if err != 0:
                return err
            vec = mmsghdrs(regs, 1, regs.u32(2))
            if regs.err != 0:
                return regs.err
            p.msgs = [msghdr_to_receive(task, regs, msghdr_fields(regs, m[0])) for m in vec]
            if regs.err != 0:
                return regs.err
            p.vec = vec
        r = socket.sys_recvmmsg(task, fd, p.msgs, flags, timeout, p.call)
        for i in range(max(int(r), 0)):
            p.vec[i][1] = int(p.msgs[i].done_len)
            err = deliver(regs, msghdr_fields(regs, p.vec[i][0]), p.msgs[i])
            if err != 0:
                return err
        return r


def mmsghdrs(regs: door.Regs, i: i64, vlen: i64) -> list[list[object]]:
    """The first vlen lines of an mmsghdr array."""
    v = regs.raw(i)
    if vlen == 0:
        return []
    if not isinstance(v, list) or len(v) < min(vlen, UIO_MAXIOV):
        regs.err = -EFAULT
        return []
    out: list[list[object]] = []
    for m in v[: min(vlen, UIO_MAXIOV)]:
        if not isinstance(m, list) or len(m) != 2:
            regs.err = -EFAULT
            return []
        out.append(m)
    return out


class ScShutdown(door.Syscall):
    def run(self, task: Task, regs: door.Regs, p: door.Pending) -> i64:
        fd, how = regs.i32(0), regs.i32(1)
        return regs.err if regs.err != 0 else socket.sys_shutdown(task, fd, how, p.call)


class ScSetsockopt(door.Syscall):
    """setsockopt(fd, level, optname, optval, optlen)."""

    def run(self, task: Task, regs: door.Regs, p: door.Pending) -> i64:
        fd, level, optname, optlen = regs.i32(0), regs.i32(1), regs.i32(2), regs.i32(4)
        if regs.err != 0:
            return regs.err
        err = check_socket(task, fd, p.call)
        if err != 0:
            return err
        if optlen < 0:
            return -EINVAL
        v = regs.raw(3)
        optval = bytes(v) if isinstance(v, bytes | bytearray) else b""
        if optval == b"" and optlen > 0:
            # a bad pointer is noticed by the option that reads it; a length too short for an int, before that
            return -EINVAL if optlen < 4 else -EFAULT
        return socket.sys_setsockopt(task, fd, level, optname, optval[:optlen], optlen, p.call)


class ScGetsockopt(door.Syscall):
    """getsockopt(fd, level, optname, optval, optlen*)."""

    def run(self, task: Task, regs: door.Regs, p: door.Pending) -> i64:
        fd, level, optname = regs.i32(0), regs.i32(1), regs.i32(2)
        if regs.err != 0:
            return regs.err
        err = check_socket(task, fd, p.call)
        if err != 0:
            return err
        length = regs.length_ptr(4)
        if regs.err != 0:
            return regs.err
        v = regs.raw(3)
        opt = Sockopt(bytes(v) if isinstance(v, bytes | bytearray) else b"", door.sign32(as_int(length[0])))
        r = socket.sys_getsockopt(task, fd, level, optname, opt, p.call)
        if r < 0:
            return r
        value = opt.result
        if value:
            buf = regs.writable(3)
            if regs.err != 0 or len(buf) < len(value):
                return -EFAULT
            buf[: len(value)] = value
        length[0] = len(value)
        return r


def socket_calls() -> list[door.Syscall]:
    """The lines of the table."""
    return [
        ScSocket("socket"),
        ScSocketpair("socketpair"),
        ScBind("bind"),
        ScBind("connect"),
        ScListen("listen"),
        ScAccept("accept"),
        ScAccept("accept4"),
        ScGetname("getsockname"),
        ScGetname("getpeername"),
        ScSendto("sendto"),
        ScSendto("send"),
        ScRecvfrom("recvfrom"),
        ScRecvfrom("recv"),
        ScSendmsg("sendmsg"),
        ScRecvmsg("recvmsg"),
        ScSendmmsg("sendmmsg"),
        ScRecvmmsg("recvmmsg"),
        ScShutdown("shutdown"),
        ScSetsockopt("setsockopt"),
        ScGetsockopt("getsockopt"),
    ]
