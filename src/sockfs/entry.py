"""The system call entry: numbers and C arguments in, an integer out.

Kernel counterpart: `arch/x86/entry/` (`do_syscall_64`, and `socketcall` of the i386 table). `task.syscall("bind", 3, addr, 16)` comes
here; libc calls the `sys_*` functions themselves. Arguments are C's: an integer (cut to 64 bits, and to `int` where C has int), `bytes`
to read from, `bytearray` to write to, `None` for NULL. Structures with pointers in them are Python tuples:

- an iovec array: a list of bytes or bytearrays;
- a msghdr: a list `[name, iov, control, flags]`: on a receive, name and control are bytearrays (or None), cut to what
  came, and flags is written to;
- an mmsghdr array: a list of `[msghdr, length]`;
- a length pointer (`socklen_t *`): a one-element list `[n]`.

Bad memory (`None` where there must be something, a `bytes` where something must be written, a wrong type) is -EFAULT. Nothing raises. On a
machine with nobody to wait, a call that would sleep returns -ESLEEP (600) and its record is `kernel.sleeping[-1]`; `resume` starts it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.fs import file as fs_file
from sockfs.kernel import softirq, timers
from sockfs.net import socket
from sockfs.structs.call import ESLEEP, Call
from sockfs.structs.msghdr import IovIter, Msghdr
from sockfs.structs.ops import Sockopt, SyscallEntry
from sockfs.uapi.errno import EFAULT, EINVAL, EMSGSIZE, ENOBUFS, ENOSYS
from sockfs.uapi.socket import MSG_CMSG_CLOEXEC
from sockfs.uapi.syscalls import SYSCALL_NAME

if TYPE_CHECKING:
    from sockfs.structs.kernel import Kernel
    from sockfs.structs.task import Task

SOFTIRQ_BUDGET: Final = 1 << 20
MAX_RW_COUNT: Final = 0x7FFFF000
UIO_MAXIOV: Final = 1024

# socketcall(2): number → (name, arguments); the i386 multiplexer
SOCKETCALL: Final[dict[int, tuple[str, int]]] = {
    1: ("socket", 3),
    2: ("bind", 3),
    3: ("connect", 3),
    4: ("listen", 2),
    5: ("accept", 3),
    6: ("getsockname", 3),
    7: ("getpeername", 3),
    8: ("socketpair", 4),
    9: ("send", 4),
    10: ("recv", 4),
    11: ("sendto", 6),
    12: ("recvfrom", 6),
    13: ("shutdown", 2),
    14: ("setsockopt", 5),
    15: ("getsockopt", 5),
    16: ("sendmsg", 3),
    17: ("recvmsg", 3),
    18: ("accept4", 4),
    19: ("recvmmsg", 5),
    20: ("sendmmsg", 4),
}


class Regs:
    """The arguments of one call. A wrong one sets `err`, and the call answers with it."""

    task: Task
    args: tuple[object, ...]
    err: i64

    def __init__(self, task: Task, args: tuple[object, ...]) -> None:
        self.task = task
        self.args = args
        self.err = 0

    def raw(self, i: i64) -> object:
        return self.args[i] if i < len(self.args) else 0

    def long(self, i: i64) -> i64:
        """Argument i as a signed 64-bit register."""
        v = self.raw(i)
        if v is None:
            return 0
        if isinstance(v, int):
            v &= 0xFFFF_FFFF_FFFF_FFFF
            return v - (1 << 64) if v >= 1 << 63 else v
        self.err = -EFAULT
        return 0

    def int(self, i: i64) -> i64:
        """Argument i as a C int."""
        return sign32(self.long(i))

    def uint(self, i: i64) -> i64:
        """Argument i as a C unsigned int."""
        return self.long(i) & 0xFFFFFFFF

    def size(self, i: i64) -> i64:
        """Argument i as a size_t, cut to what one call moves."""
        n = self.long(i)
        return MAX_RW_COUNT if n < 0 or n > MAX_RW_COUNT else n

    def null(self, i: i64) -> bool:
        v = self.raw(i)
        return v is None or (isinstance(v, int) and v == 0)

    def read(self, i: i64, n: i64) -> bytes:
        """n bytes of the memory that argument i points to."""
        return read_memory(self, self.raw(i), n)

    def writable(self, i: i64) -> bytearray:
        """The memory that argument i points to, to be written."""
        v = self.raw(i)
        if isinstance(v, bytearray):
            return v
        self.err = -EFAULT
        return bytearray()

    def length_ptr(self, i: i64) -> list[object]:
        """A `socklen_t *`: a one-element list."""
        v = self.raw(i)
        if isinstance(v, list) and len(v) == 1 and isinstance(v[0], int):
            return v
        self.err = -EFAULT
        return [0]


def sign32(v: i64) -> i64:
    """The low 32 bits, as a C int."""
    v &= 0xFFFFFFFF
    return v - 0x100000000 if v >= 0x80000000 else v


def read_memory(regs: Regs, v: object, n: i64) -> bytes:
    """n bytes at v, which is as long as the caller says it is."""
    if n == 0:
        return b""
    if isinstance(v, bytes):
        data = v
    elif isinstance(v, bytearray):
        data = bytes(v)
    else:
        regs.err = -EFAULT
        return b""
    if n < 0 or n > len(data):
        regs.err = -EFAULT
        return b""
    return data if n == len(data) else data[:n]


# ---- the door


class DoSyscall64(SyscallEntry):
    """`do_syscall_64`: the table by name or number."""

    def call(self, task: Task, name: str | int, args: tuple[object, ...]) -> int:
        if isinstance(name, int):
            found = SYSCALL_NAME.get(name)
            if found is None:
                return -ENOSYS
            name = found
        if name == "socketcall":
            return socketcall(task, args)
        handler = SYSCALLS.get(name)
        if handler is None:
            return -ENOSYS
        return run(task, handler, args)


def socketcall(task: Task, args: tuple[object, ...]) -> int:
    """socketcall(2): (call, args list)."""
    regs = Regs(task, args)
    number = regs.int(0)
    line = SOCKETCALL.get(number)
    if line is None:
        return -EINVAL
    inner = regs.raw(1)
    if not isinstance(inner, list | tuple) or len(inner) < line[1]:
        return -EFAULT
    return run(task, SYSCALLS[line[0]], tuple(inner[: line[1]]))


def run(task: Task, handler: Syscall, args: tuple[object, ...]) -> int:
    """One call from its entry to the drain behind it."""
    k = task.kernel
    k.current = task
    if k.timers.next_expiry <= k.now:
        timers.run_timers(k)
    regs = Regs(task, args)
    pending = Pending(task, handler, regs)
    r = handler.run(task, regs, pending)
    r = settle(k, pending, r)
    k.current = None
    return int(r)


class Pending:
    """A call through this door: its handler, arguments, and the record that it sleeps with."""

    task: Task
    handler: Syscall
    regs: Regs
    call: Call
    msg: Msghdr | None
    msgs: list[Msghdr]

    def __init__(self, task: Task, handler: Syscall, regs: Regs) -> None:
        self.task = task
        self.handler = handler
        self.regs = regs
        self.call = Call(task)
        self.msg = None
        self.msgs = []

    def record(self) -> Call:
        """What the core was given to sleep with."""
        msg = self.msg
        return self.call if msg is None else msg


def settle(k: Kernel, pending: Pending, r: i64) -> i64:
    """Drain; a call that sleeps is tried again as long as the drain itself woke it (a peer on the same machine)."""
    while True:
        progressed = k.softnet.processed
        while softirq.do_softirq(k, SOFTIRQ_BUDGET):
            pass
        if r != -ESLEEP:
            return r
        if k.softnet.processed == progressed:
            k.sleeping.append(pending.record())
            return r
        r = pending.handler.run(pending.task, pending.regs, pending)


class Syscall:
    """One line of the table. `run` may be called again for a call that slept (then `pending` holds its record)."""

    name: str

    def __init__(self, name: str) -> None:
        self.name = name

    def run(self, task: Task, regs: Regs, p: Pending) -> i64:
        return -ENOSYS


# ---- sockets


class ScSocket(Syscall):
    def run(self, task: Task, regs: Regs, p: Pending) -> i64:
        family, type, protocol = regs.int(0), regs.int(1), regs.int(2)
        if regs.err != 0:
            return regs.err
        return socket.sys_socket(task, family, type, protocol)


class ScSocketpair(Syscall):
    def run(self, task: Task, regs: Regs, p: Pending) -> i64:
        family, type, protocol = regs.int(0), regs.int(1), regs.int(2)
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


class ScBind(Syscall):
    """bind(fd, addr, addrlen) and connect(fd, addr, addrlen)."""

    def run(self, task: Task, regs: Regs, p: Pending) -> i64:
        fd = regs.int(0)
        # Linux looks the descriptor up first, then copies the address
        err = check_socket(task, fd, p.call)
        if err != 0:
            return err
        addr = sockaddr_arg(regs, 1, regs.int(2))
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


def sockaddr_arg(regs: Regs, i: i64, length: i64) -> bytes:
    """`move_addr_to_kernel`: -EINVAL for a length no address has, before the memory is looked at."""
    if length < 0 or length > socket.ADDR_MAX:
        regs.err = -EINVAL
        return b""
    return regs.read(i, length)


class ScListen(Syscall):
    def run(self, task: Task, regs: Regs, p: Pending) -> i64:
        fd, backlog = regs.int(0), regs.int(1)
        return regs.err if regs.err != 0 else socket.sys_listen(task, fd, backlog, p.call)


class ScAccept(Syscall):
    """accept(fd, addr, addrlen*) and accept4(…, flags)."""

    def run(self, task: Task, regs: Regs, p: Pending) -> i64:
        fd = regs.int(0)
        flags = regs.int(3) if self.name == "accept4" else 0
        r = socket.sys_accept4(task, fd, flags, p.call)
        if r < 0 or regs.null(1):
            return r
        name = socket.sys_getpeername(task, r, Call(task))
        err = put_sockaddr(regs, 1, 2, b"" if name is None else name)
        if err != 0:
            fs_file.close_fd(task, r, None)
            return err
        return r


def put_sockaddr(regs: Regs, i: i64, j: i64, name: bytes) -> i64:
    """`move_addr_to_user`: as much as fits; the length says how long it is. 0, -EFAULT, -EINVAL."""
    length = regs.length_ptr(j)
    if regs.err != 0:
        return regs.err
    n = sign32(as_int(length[0]))
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


class ScGetname(Syscall):
    """getsockname and getpeername (fd, addr, addrlen*)."""

    def run(self, task: Task, regs: Regs, p: Pending) -> i64:
        fd = regs.int(0)
        if self.name == "getsockname":
            name = socket.sys_getsockname(task, fd, p.call)
        else:
            name = socket.sys_getpeername(task, fd, p.call)
        if name is None:
            return p.call.err
        return put_sockaddr(regs, 1, 2, name)


class ScSendto(Syscall):
    """sendto(fd, buf, len, flags, addr, addrlen) and send(fd, buf, len, flags)."""

    def run(self, task: Task, regs: Regs, p: Pending) -> i64:
        fd = regs.int(0)
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
                msg.msg_name = sockaddr_arg(regs, 4, regs.int(5))
            if regs.err != 0:
                return regs.err
            p.msg = msg
        return socket.sys_sendto(task, fd, msg, regs.uint(3))


class ScRecvfrom(Syscall):
    """recvfrom(fd, buf, len, flags, addr, addrlen*) and recv(fd, buf, len, flags)."""

    def run(self, task: Task, regs: Regs, p: Pending) -> i64:
        fd = regs.int(0)
        msg = p.msg
        if msg is None:
            size = regs.size(2)
            msg = Msghdr(task, IovIter(None, None, size))
            msg.want_name = self.name == "recvfrom" and not regs.null(4)
            p.msg = msg
        r = socket.sys_recvfrom(task, fd, msg, regs.uint(3))
        if r < 0:
            return r
        err = scatter(regs, regs.raw(1), msg.msg_iter.result())
        if err == 0 and msg.want_name:
            err = put_sockaddr(regs, 4, 5, msg.msg_name or b"")
        return r if err == 0 else err


def scatter(regs: Regs, target: object, data: bytes) -> i64:
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


def iov_size(regs: Regs, iov: object) -> i64:
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


def iov_bytes(regs: Regs, iov: object) -> bytes:
    """What an iovec array holds."""
    iov_size(regs, iov)
    if regs.err != 0 or not isinstance(iov, list):
        return b""
    return b"".join([bytes(part) for part in iov])


def msghdr_fields(regs: Regs, v: object) -> list[object]:
    """The four fields of a msghdr."""
    if isinstance(v, list) and len(v) == 4:
        return v
    regs.err = -EFAULT
    return [None, None, None, 0]


def msghdr_to_send(task: Task, regs: Regs, fields: list[object]) -> Msghdr:
    """`copy_msghdr_from_user` on the way out."""
    data = iov_bytes(regs, fields[1])
    msg = Msghdr(task, IovIter(data, None, len(data)))
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


class ScSendmsg(Syscall):
    """sendmsg(fd, msghdr, flags)."""

    def run(self, task: Task, regs: Regs, p: Pending) -> i64:
        fd = regs.int(0)
        msg = p.msg
        if msg is None:
            err = check_socket(task, fd, p.call)
            if err != 0:
                return err
            msg = msghdr_to_send(task, regs, msghdr_fields(regs, regs.raw(1)))
            if regs.err != 0:
                return regs.err
            p.msg = msg
        return socket.sys_sendmsg(task, fd, msg, regs.uint(2))


class ScRecvmsg(Syscall):
    """recvmsg(fd, msghdr, flags)."""

    def run(self, task: Task, regs: Regs, p: Pending) -> i64:
        fd = regs.int(0)
        fields = msghdr_fields(regs, regs.raw(1))
        msg = p.msg
        if msg is None:
            err = check_socket(task, fd, p.call)
            if err != 0:
                return err
            msg = msghdr_to_receive(task, regs, fields)
            if regs.err != 0:
                return regs.err
            p.msg = msg
        r = socket.sys_recvmsg(task, fd, msg, regs.uint(2))
        if r < 0:
            return r
        err = deliver(regs, fields, msg)
        return r if err == 0 else err


def msghdr_to_receive(task: Task, regs: Regs, fields: list[object]) -> Msghdr:
    """`copy_msghdr_from_user` on the way in."""
    msg = Msghdr(task, IovIter(None, None, iov_size(regs, fields[1])))
    msg.want_name = isinstance(fields[0], bytearray)
    control = fields[2]
    if isinstance(control, bytearray):
        msg.msg_controllen = len(control)
    return msg


def deliver(regs: Regs, fields: list[object], msg: Msghdr) -> i64:
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
    fields[3] = int(msg.msg_flags & ~MSG_CMSG_CLOEXEC) | (int(msg.msg_flags) & MSG_CMSG_CLOEXEC)
    return 0


class ScSendmmsg(Syscall):
    """sendmmsg(fd, mmsghdrs, vlen, flags)."""

    def run(self, task: Task, regs: Regs, p: Pending) -> i64:
        fd = regs.int(0)
        vec = mmsghdrs(regs, 1, regs.uint(2))
        if regs.err != 0:
            return regs.err
        if p.call.phase == 0 and not p.msgs:
            err = check_socket(task, fd, p.call)
            if err != 0:
                return err
            p.msgs = [msghdr_to_send(task, regs, msghdr_fields(regs, m[0])) for m in vec]
            if regs.err != 0:
                return regs.err
        r = socket.sys_sendmmsg(task, fd, p.msgs, regs.uint(3), p.call)
        for i in range(max(int(r), 0)):
            vec[i][1] = int(p.msgs[i].done_len)
        return r


class ScRecvmmsg(Syscall):
    """recvmmsg(fd, mmsghdrs, vlen, flags, timeout ns or None)."""

    def run(self, task: Task, regs: Regs, p: Pending) -> i64:
        fd = regs.int(0)
        vec = mmsghdrs(regs, 1, regs.uint(2))
        if regs.err != 0:
            return regs.err
        timeout: i64 = -1 if regs.raw(4) is None else regs.long(4)
        if len(regs.args) < 5:
            timeout = -1
        if p.call.phase == 0 and not p.msgs:
            p.msgs = [msghdr_to_receive(task, regs, msghdr_fields(regs, m[0])) for m in vec]
            if regs.err != 0:
                return regs.err
        r = socket.sys_recvmmsg(task, fd, p.msgs, regs.uint(3), timeout, p.call)
        for i in range(max(int(r), 0)):
            vec[i][1] = int(p.msgs[i].done_len)
            err = deliver(regs, msghdr_fields(regs, vec[i][0]), p.msgs[i])
            if err != 0:
                return err
        return r


def mmsghdrs(regs: Regs, i: i64, vlen: i64) -> list[list[object]]:
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


class ScShutdown(Syscall):
    def run(self, task: Task, regs: Regs, p: Pending) -> i64:
        fd, how = regs.int(0), regs.int(1)
        return regs.err if regs.err != 0 else socket.sys_shutdown(task, fd, how, p.call)


class ScSetsockopt(Syscall):
    """setsockopt(fd, level, optname, optval, optlen)."""

    def run(self, task: Task, regs: Regs, p: Pending) -> i64:
        fd, level, optname, optlen = regs.int(0), regs.int(1), regs.int(2), regs.int(4)
        if regs.err != 0:
            return regs.err
        if optlen < 0:
            return -EINVAL
        err = check_socket(task, fd, p.call)
        if err != 0:
            return err
        v = regs.raw(3)
        optval = bytes(v) if isinstance(v, bytes | bytearray) else b""
        if optval == b"" and optlen > 0:
            # a bad pointer is noticed by the option that reads it; a length too short for an int, before that
            return -EINVAL if optlen < 4 else -EFAULT
        return socket.sys_setsockopt(task, fd, level, optname, optval[:optlen], optlen, p.call)


class ScGetsockopt(Syscall):
    """getsockopt(fd, level, optname, optval, optlen*)."""

    def run(self, task: Task, regs: Regs, p: Pending) -> i64:
        fd, level, optname = regs.int(0), regs.int(1), regs.int(2)
        if regs.err != 0:
            return regs.err
        err = check_socket(task, fd, p.call)
        if err != 0:
            return err
        length = regs.length_ptr(4)
        if regs.err != 0:
            return regs.err
        v = regs.raw(3)
        opt = Sockopt(bytes(v) if isinstance(v, bytes | bytearray) else b"", sign32(as_int(length[0])))
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


SYSCALLS: Final[dict[str, Syscall]] = {
    call.name: call
    for call in (
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
    )
}
