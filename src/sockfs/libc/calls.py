"""The system calls as a program's C library makes them: enter the kernel, start, sleep if need be, let go.

glibc counterpart: the thin wrappers of section 2 of the manual. Control comes from `libc/_socket.py`,
`posix.py` and `select.py`; each function here enters the kernel through the task's `Waiter`, calls the
`sys_*` entry, and leaves. Results are integers ≥ 0 or -errno; the caller turns them into exceptions
(`libc/error.py`).

Time-outs of `settimeout` are the library's own, as in CPython: the file is O_NONBLOCK, and a call that
answers -EAGAIN waits for readiness until `deadline` and is made again (`Timed`). Each attempt is a new system
call with a record of its own.

Nothing raises between enter and leave but `loop.resume`, which lets the kernel go first; `abandon` is there
so that a bug of ours ends one call and not the program.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.fs import file as fs_file
from sockfs.fs import stdio
from sockfs.libc import error, loop
from sockfs.net import socket
from sockfs.structs.call import ESLEEP, Call
from sockfs.structs.msghdr import Msghdr
from sockfs.structs.ops import Sockopt
from sockfs.structs.socket import Socket
from sockfs.uapi.errno import EAGAIN, EBADF, EINPROGRESS, EINTR, EISCONN
from sockfs.uapi.fcntl import O_NONBLOCK
from sockfs.uapi.poll import EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLPRI, EPOLLRDHUP
from sockfs.uapi.socket import MSG_OOB, SO_ERROR, SOCK_CLOEXEC, SOL_SOCKET

if TYPE_CHECKING:
    from sockfs.libc.loop import Waiter
    from sockfs.structs.file import File
    from sockfs.structs.task import Task

SENDTO: Final = 0
SENDMSG: Final = 1
RECVFROM: Final = 2
RECVMSG: Final = 3
READ: Final = 4
WRITE: Final = 5


# ---- one message


def sendto(w: Waiter, task: Task, fd: i64, msg: Msghdr, flags: i64, timeout: i64) -> i64:
    """send(2), sendto(2). timeout in ns, ≤ 0: none of the library's own."""
    w.enter()
    try:
        r = socket.sys_sendto(task, fd, msg, flags)
        if r == -ESLEEP:
            r = loop.resume(w, MsgOp(msg, SENDTO, fd, flags))
        elif r == -EAGAIN and timeout > 0:
            r = loop.resume(w, TimedMsg(w, task, fd, SENDTO, msg, flags, timeout))
    except BaseException:
        w.abandon()
        raise
    w.leave()
    return r


def sendmsg(w: Waiter, task: Task, fd: i64, msg: Msghdr, flags: i64, timeout: i64) -> i64:
    """sendmsg(2)."""
    w.enter()
    try:
        r = socket.sys_sendmsg(task, fd, msg, flags)
        if r == -ESLEEP:
            r = loop.resume(w, MsgOp(msg, SENDMSG, fd, flags))
        elif r == -EAGAIN and timeout > 0:
            r = loop.resume(w, TimedMsg(w, task, fd, SENDMSG, msg, flags, timeout))
    except BaseException:
        w.abandon()
        raise
    w.leave()
    return r


def recvfrom(w: Waiter, task: Task, fd: i64, msg: Msghdr, flags: i64, timeout: i64) -> i64:
    """recv(2), recvfrom(2)."""
    w.enter()
    try:
        r = socket.sys_recvfrom(task, fd, msg, flags)
        if r == -ESLEEP:
            r = loop.resume(w, MsgOp(msg, RECVFROM, fd, flags))
        elif r == -EAGAIN and timeout > 0:
            r = loop.resume(w, TimedMsg(w, task, fd, RECVFROM, msg, flags, timeout))
    except BaseException:
        w.abandon()
        raise
    w.leave()
    return r


def recvmsg(w: Waiter, task: Task, fd: i64, msg: Msghdr, flags: i64, timeout: i64) -> i64:
    """recvmsg(2)."""
    w.enter()
    try:
        r = socket.sys_recvmsg(task, fd, msg, flags)
        if r == -ESLEEP:
            r = loop.resume(w, MsgOp(msg, RECVMSG, fd, flags))
        elif r == -EAGAIN and timeout > 0:
            r = loop.resume(w, TimedMsg(w, task, fd, RECVMSG, msg, flags, timeout))
    except BaseException:
        w.abandon()
        raise
    w.leave()
    return r


def read(w: Waiter, task: Task, fd: i64, msg: Msghdr) -> i64:
    """read(2), readv(2)."""
    w.enter()
    try:
        r = _message(task, fd, msg, READ, 0)
        if r == -ESLEEP:
            r = loop.resume(w, MsgOp(msg, READ, fd, 0))
    except BaseException:
        w.abandon()
        raise
    w.leave()
    return r


def write(w: Waiter, task: Task, fd: i64, msg: Msghdr) -> i64:
    """write(2), writev(2)."""
    w.enter()
    try:
        r = _message(task, fd, msg, WRITE, 0)
        if r == -ESLEEP:
            r = loop.resume(w, MsgOp(msg, WRITE, fd, 0))
    except BaseException:
        w.abandon()
        raise
    w.leave()
    return r


def _message(task: Task, fd: i64, msg: Msghdr, nr: i64, flags: i64) -> i64:
    if nr == SENDTO:
        return socket.sys_sendto(task, fd, msg, flags)
    if nr == SENDMSG:
        return socket.sys_sendmsg(task, fd, msg, flags)
    if nr == RECVFROM:
        return socket.sys_recvfrom(task, fd, msg, flags)
    if nr == RECVMSG:
        return socket.sys_recvmsg(task, fd, msg, flags)
    file = fs_file.fdget(task, fd, msg)
    if file is None:
        return -EBADF
    if nr == READ:
        r = file.f_op.read_iter(file, msg)
    else:
        r = file.f_op.write_iter(file, msg)
    if r == -ESLEEP or msg.held:
        return fs_file.fdput(file, msg, r)
    return r


class MsgOp(loop.SysOp):
    """A call with a message, asleep."""

    msg: Msghdr
    nr: i64
    fd: i64
    flags: i64

    def __init__(self, msg: Msghdr, nr: i64, fd: i64, flags: i64) -> None:
        super().__init__(msg)
        self.msg = msg
        self.nr = nr
        self.fd = fd
        self.flags = flags

    def start(self) -> i64:
        return _message(self.msg.task, self.fd, self.msg, self.nr, self.flags)


# ---- waiting for readiness with a time-out of the library's own


class Timed(loop.SysOp):
    """A call that answered -EAGAIN and is made again when the file is ready, until its deadline.

    `attempt` makes the call. The file is held, whatever happens to the descriptor meanwhile.
    """

    task: Task
    fd: i64
    file: File | None
    events: i64

    def __init__(self, w: Waiter, task: Task, fd: i64, events: i64, timeout: i64) -> None:
        call = Call(task)
        super().__init__(call)
        call.deadline = w.kernel.now + timeout
        self.task = task
        self.fd = fd
        self.file = fs_file.fget(task, fd)
        self.events = events
        self._hang()

    def _hang(self) -> None:
        file = self.file
        call = self.call
        call.events = self.events | EPOLLERR | EPOLLHUP
        if file is not None:
            private = file.private_data
            if isinstance(private, Socket):
                call.wq = private.wq

    def attempt(self) -> i64:
        return -EBADF

    def start(self) -> i64:
        call = self.call
        r: i64 = -EINTR if call.signalled else self.attempt()
        if r == -EAGAIN:
            if not call.expired:
                self._hang()
                return -ESLEEP
            r = -error.ETIMEDOUT_LIBC
        file = self.file
        if file is not None:
            self.file = None
            fs_file.fput(file)
        return r


class TimedMsg(Timed):
    """A message with a time-out."""

    msg: Msghdr
    nr: i64
    flags: i64

    def __init__(
        self, w: Waiter, task: Task, fd: i64, nr: i64, msg: Msghdr, flags: i64, timeout: i64
    ) -> None:
        if nr <= SENDMSG:
            events: i64 = EPOLLOUT
        elif (flags & MSG_OOB) != 0:
            events = EPOLLPRI
        else:
            events = EPOLLIN | EPOLLRDHUP
        super().__init__(w, task, fd, events, timeout)
        self.msg = msg
        self.nr = nr
        self.flags = flags

    def attempt(self) -> i64:
        msg = self.msg
        msg.phase = 0
        msg.deadline = -1
        return _message(self.task, self.fd, msg, self.nr, self.flags)


# ---- connections


def accept4(w: Waiter, task: Task, fd: i64, call: Call, timeout: i64) -> i64:
    """accept4(2) with SOCK_CLOEXEC, as CPython asks for it."""
    w.enter()
    try:
        r = socket.sys_accept4(task, fd, SOCK_CLOEXEC, call)
        if r == -ESLEEP:
            r = loop.resume(w, AcceptOp(call, fd))
        elif r == -EAGAIN and timeout > 0:
            r = loop.resume(w, TimedAccept(w, task, fd, timeout))
    except BaseException:
        w.abandon()
        raise
    w.leave()
    return r


class AcceptOp(loop.SysOp):
    """accept4(2), asleep."""

    fd: i64

    def __init__(self, call: Call, fd: i64) -> None:
        super().__init__(call)
        self.fd = fd

    def start(self) -> i64:
        return socket.sys_accept4(self.call.task, self.fd, SOCK_CLOEXEC, self.call)


class TimedAccept(Timed):
    """accept4(2) with a time-out."""

    def __init__(self, w: Waiter, task: Task, fd: i64, timeout: i64) -> None:
        super().__init__(w, task, fd, EPOLLIN, timeout)

    def attempt(self) -> i64:
        return socket.sys_accept4(self.task, self.fd, SOCK_CLOEXEC, Call(self.task))


def connect(w: Waiter, task: Task, fd: i64, addr: bytes, call: Call, timeout: i64) -> i64:
    """connect(2). A handler that returns does not cut it short: it goes on, as CPython's does after EINTR."""
    w.enter()
    try:
        r = socket.sys_connect(task, fd, addr, call)
        if r == -ESLEEP:
            r = loop.resume(w, ConnectOp(call, fd, addr))
        elif r == -EINPROGRESS and timeout > 0:
            r = loop.resume(w, TimedConnect(w, task, fd, timeout))
        elif r == -EAGAIN and timeout > 0:
            r = loop.resume(w, TimedUnixConnect(w, task, fd, addr, timeout))
    except BaseException:
        w.abandon()
        raise
    w.leave()
    return r


class ConnectOp(loop.SysOp):
    """connect(2), asleep."""

    fd: i64
    addr: bytes

    def __init__(self, call: Call, fd: i64, addr: bytes) -> None:
        super().__init__(call)
        self.fd = fd
        self.addr = addr

    def start(self) -> i64:
        return socket.sys_connect(self.call.task, self.fd, self.addr, self.call)


class TimedConnect(Timed):
    """A non-blocking connect under way: wait until it is writable, then SO_ERROR tells how it went."""

    def __init__(self, w: Waiter, task: Task, fd: i64, timeout: i64) -> None:
        super().__init__(w, task, fd, EPOLLOUT, timeout)

    def attempt(self) -> i64:
        file = self.file
        if file is None:
            return -EBADF
        mask = file.f_op.poll(file, None)
        if (mask & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0:
            return -EAGAIN
        opt = Sockopt(b"", 4)
        r = socket.sys_getsockopt(self.task, self.fd, SOL_SOCKET, SO_ERROR, opt, Call(self.task))
        if r < 0:
            return r
        result = opt.result
        err: i64 = result[0] | (result[1] << 8)
        if err == EISCONN:
            return 0
        return -err


class TimedUnixConnect(Timed):
    """A local connect whose listener is full (EAGAIN): try again when it may have room."""

    addr: bytes

    def __init__(self, w: Waiter, task: Task, fd: i64, addr: bytes, timeout: i64) -> None:
        super().__init__(w, task, fd, EPOLLOUT, timeout)
        self.addr = addr

    def attempt(self) -> i64:
        return socket.sys_connect(self.task, self.fd, self.addr, Call(self.task))


# ---- calls that never sleep, and close


def new_socket(w: Waiter, task: Task, family: i64, type: i64, protocol: i64) -> i64:
    w.enter()
    try:
        r = socket.sys_socket(task, family, type, protocol)
    except BaseException:
        w.abandon()
        raise
    w.leave()
    return r


def socketpair(w: Waiter, task: Task, family: i64, type: i64, protocol: i64) -> tuple[i64, i64]:
    w.enter()
    try:
        pair = socket.sys_socketpair(task, family, type, protocol)
    except BaseException:
        w.abandon()
        raise
    w.leave()
    return pair


def bind(w: Waiter, task: Task, fd: i64, addr: bytes) -> i64:
    w.enter()
    try:
        w.kernel.current = task
        r = socket.sys_bind(task, fd, addr, Call(task))
    except BaseException:
        w.abandon()
        raise
    w.leave()
    return r


def listen(w: Waiter, task: Task, fd: i64, backlog: i64) -> i64:
    w.enter()
    try:
        r = socket.sys_listen(task, fd, backlog, Call(task))
    except BaseException:
        w.abandon()
        raise
    w.leave()
    return r


def shutdown(w: Waiter, task: Task, fd: i64, how: i64) -> i64:
    w.enter()
    try:
        r = socket.sys_shutdown(task, fd, how, Call(task))
    except BaseException:
        w.abandon()
        raise
    w.leave()
    return r


def accepted_name(w: Waiter, task: Task, fd: i64) -> bytes | None:
    """The name that accept(2) writes beside its descriptor."""
    w.enter()
    try:
        name = socket.accepted_name(task, fd, Call(task))
    except BaseException:
        w.abandon()
        raise
    w.leave()
    return name


def getname(w: Waiter, task: Task, fd: i64, peer: bool, call: Call) -> bytes | None:
    """getsockname(2), getpeername(2): the packed address; None: call.err."""
    w.enter()
    try:
        if peer:
            name = socket.sys_getpeername(task, fd, call)
        else:
            name = socket.sys_getsockname(task, fd, call)
    except BaseException:
        w.abandon()
        raise
    w.leave()
    return name


def setsockopt(w: Waiter, task: Task, fd: i64, level: i64, optname: i64, optval: bytes, optlen: i64) -> i64:
    w.enter()
    try:
        w.kernel.current = task
        r = socket.sys_setsockopt(task, fd, level, optname, optval, optlen, Call(task))
    except BaseException:
        w.abandon()
        raise
    w.leave()
    return r


def getsockopt(w: Waiter, task: Task, fd: i64, level: i64, optname: i64, opt: Sockopt) -> i64:
    w.enter()
    try:
        r = socket.sys_getsockopt(task, fd, level, optname, opt, Call(task))
    except BaseException:
        w.abandon()
        raise
    w.leave()
    return r


def close(w: Waiter, task: Task, fd: i64) -> i64:
    """close(2): may linger (SO_LINGER)."""
    if w.kernel.lost:
        return _close_lost(task, fd)
    w.enter()
    try:
        call = Call(task)
        r = fs_file.sys_close(task, fd, call)
        if r == -ESLEEP:
            r = loop.resume(w, CloseOp(call, fd))
    except BaseException:
        w.abandon()
        raise
    w.leave()
    return r


class CloseOp(loop.SysOp):
    """close(2), lingering."""

    fd: i64

    def __init__(self, call: Call, fd: i64) -> None:
        super().__init__(call)
        self.fd = fd

    def start(self) -> i64:
        return fs_file.sys_close(self.call.task, self.fd, self.call)


def close_late(w: Waiter, task: Task, fd: i64) -> None:
    """A finaliser's close: put off when the kernel is in the middle of a call of this very thread (law 8)."""
    if w.held():
        w.deferred.append((task, fd))
        return
    if w.kernel.lost:
        _close_lost(task, fd)
        return
    w.enter()
    try:
        fs_file.close_fd(task, fd, None)
    except BaseException:
        w.abandon()
        raise
    w.leave()


def _close_lost(task: Task, fd: i64) -> i64:
    """In a forked child only the number is left to give back."""
    if not ours(task, fd):
        return -EBADF
    files = task.files
    files.fdt[fd] = None
    host = files.placeholder
    if host is not None:
        host.close(fd)
    return 0


def dup(w: Waiter, task: Task, fd: i64) -> i64:
    w.enter()
    try:
        r = fs_file.sys_dup(task, fd, Call(task))
        if r >= 0:
            task.files.close_on_exec[r] = 1
    except BaseException:
        w.abandon()
        raise
    w.leave()
    return r


def dup2(w: Waiter, task: Task, oldfd: i64, newfd: i64, cloexec: bool) -> i64:
    w.enter()
    try:
        call = Call(task)
        r = fs_file.sys_dup2(task, oldfd, newfd, call)
        if r == -ESLEEP:
            r = loop.resume(w, Dup2Op(call, oldfd, newfd))
        if r >= 0:
            task.files.close_on_exec[newfd] = 1 if cloexec else 0
    except BaseException:
        w.abandon()
        raise
    w.leave()
    return r


class Dup2Op(loop.SysOp):
    """dup2(2), the file that it closed lingering."""

    oldfd: i64
    newfd: i64

    def __init__(self, call: Call, oldfd: i64, newfd: i64) -> None:
        super().__init__(call)
        self.oldfd = oldfd
        self.newfd = newfd

    def start(self) -> i64:
        return fs_file.sys_dup2(self.call.task, self.oldfd, self.newfd, self.call)


def set_nonblock(w: Waiter, task: Task, fd: i64, on: bool) -> i64:
    """ioctl(FIONBIO)."""
    w.enter()
    try:
        file = fs_file.fdget(task, fd, None)
        r: i64 = -EBADF
        if file is not None:
            if on:
                file.f_flags |= O_NONBLOCK
            else:
                file.f_flags &= ~O_NONBLOCK
            r = 0
    except BaseException:
        w.abandon()
        raise
    w.leave()
    return r


def ours(task: Task, fd: i64) -> bool:
    """The descriptor is one of the kernel's, not the host's."""
    fdt = task.files.fdt
    if fd < 0 or fd >= len(fdt):
        return False
    file = fdt[fd]
    return file is not None and not isinstance(file.f_op, stdio.StdioFops)
