"""The calls on descriptors of the table: read and write, poll and select, epoll, dup, fcntl, pipes.

Kernel counterpart: the SYSCALL_DEFINE wrappers of `fs/`. Argument conventions: `entry/door.py`; structures
(pollfd, epoll_event, fd_set, timespec) are packed bytes, as the man pages lay them out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import i64

from sockfs.entry import door
from sockfs.fs import eventfd, eventpoll, fcntl, ioctl, pipe, read_write, select
from sockfs.fs import file as fs_file
from sockfs.structs.msghdr import IovIter, Msghdr
from sockfs.uapi.errno import EFAULT, EINVAL
from sockfs.uapi.socket import UIO_MAXIOV

if TYPE_CHECKING:
    from sockfs.structs.task import Task


def message(p: door.Pending, task: Task) -> Msghdr:
    """The record of a call that carries data, made at its first start."""
    msg = p.msg
    if msg is None:
        msg = Msghdr(task, IovIter(None, None, 0))
        p.msg = msg
    return msg


def optional_bytes(regs: door.Regs, i: i64) -> bytes | None:
    """Bytes, or NULL."""
    v = regs.raw(i)
    if isinstance(v, bytes):
        return v
    if isinstance(v, bytearray):
        return bytes(v)
    if not regs.null(i):
        regs.err = -EFAULT
    return None


def optional_buffer(regs: door.Regs, i: i64) -> bytearray | None:
    """Memory to write, or NULL."""
    v = regs.raw(i)
    if isinstance(v, bytearray):
        return v
    if not regs.null(i):
        regs.err = -EFAULT
    return None


class ScRead(door.Syscall):
    def run(self, task: Task, regs: door.Regs, p: door.Pending) -> i64:
        fd = regs.i32(0)
        if fs_file.fdget(task, fd, p.msg) is None:
            return -9
        buf = optional_buffer(regs, 1)
        size = regs.size(2)
        if regs.err != 0:
            return regs.err
        return read_write.sys_read(task, fd, buf, size, message(p, task))


class ScWrite(door.Syscall):
    def run(self, task: Task, regs: door.Regs, p: door.Pending) -> i64:
        fd = regs.i32(0)
        if fs_file.fdget(task, fd, p.msg) is None:
            return -9
        buf = optional_bytes(regs, 1)
        size = regs.size(2)
        if regs.err != 0:
            return regs.err
        return read_write.sys_write(task, fd, buf, size, message(p, task))


class ScReadv(door.Syscall):
    """readv(fd, [bytearray …]) and writev(fd, [bytes …])."""

    def run(self, task: Task, regs: door.Regs, p: door.Pending) -> i64:
        fd = regs.i32(0)
        if fs_file.fdget(task, fd, p.msg) is None:
            return -9
        iov = regs.raw(1)
        if not 0 <= regs.long(2) <= UIO_MAXIOV:
            return -EINVAL
        if not isinstance(iov, list):
            return 0 if regs.null(1) and regs.long(2) == 0 else -EFAULT
        if self.name == "readv":
            into: list[bytearray] = []
            for part in iov:
                if not isinstance(part, bytearray):
                    return -EFAULT
                into.append(part)
            return read_write.sys_readv(task, fd, into, message(p, task))
        parts: list[bytes] = []
        for part in iov:
            if not isinstance(part, bytes | bytearray):
                return -EFAULT
            parts.append(bytes(part))
        return read_write.sys_writev(task, fd, parts, message(p, task))


class ScLseek(door.Syscall):
    """lseek(fd, offset, whence), pread64(fd, buf, count, pos) and pwrite64: nothing here has a position."""

    def run(self, task: Task, regs: door.Regs, p: door.Pending) -> i64:
        fd = regs.i32(0)
        if self.name == "lseek":
            offset, whence = regs.long(1), regs.i32(2)
            return regs.err if regs.err != 0 else read_write.sys_lseek(task, fd, offset, whence, p.call)
        count, pos = regs.long(2), regs.long(3)
        return regs.err if regs.err != 0 else read_write.sys_pread64(task, fd, count, pos, p.call)


class ScClose(door.Syscall):
    def run(self, task: Task, regs: door.Regs, p: door.Pending) -> i64:
        fd = regs.i32(0)
        return fs_file.sys_close(task, fd, p.call)


class ScCloseRange(door.Syscall):
    def run(self, task: Task, regs: door.Regs, p: door.Pending) -> i64:
        first, last, flags = regs.u32(0), regs.u32(1), regs.u32(2)
        return fs_file.sys_close_range(task, first, last, flags, p.call)


class ScDup(door.Syscall):
    """dup(fd), dup2(old, new), dup3(old, new, flags)."""

    def run(self, task: Task, regs: door.Regs, p: door.Pending) -> i64:
        old = regs.i32(0)
        if self.name == "dup":
            return fs_file.sys_dup(task, old, p.call)
        new = regs.i32(1)
        if self.name == "dup2":
            return fs_file.sys_dup2(task, old, new, p.call)
        flags = regs.i32(2)
        return fs_file.sys_dup3(task, old, new, flags, p.call)


class ScFcntl(door.Syscall):
    """fcntl(fd, cmd, arg) and ioctl(fd, cmd, arg); arg is an integer or a bytearray."""

    def run(self, task: Task, regs: door.Regs, p: door.Pending) -> i64:
        fd = regs.i32(0)
        cmd = regs.u32(1)
        arg = regs.raw(2)
        if isinstance(arg, int):
            arg = int(regs.long(2))
        if self.name == "fcntl":
            return fcntl.sys_fcntl(task, fd, cmd, arg, p.call)
        return ioctl.sys_ioctl(task, fd, cmd, arg, p.call)


class ScPipe(door.Syscall):
    """pipe(bytearray of 8), pipe2(…, flags)."""

    def run(self, task: Task, regs: door.Regs, p: door.Pending) -> i64:
        fildes = optional_buffer(regs, 0)
        flags = regs.i32(1)
        if regs.err != 0:
            return regs.err
        if self.name == "pipe":
            return pipe.sys_pipe(task, fildes, p.call)
        return pipe.sys_pipe2(task, fildes, flags, p.call)


class ScEventfd(door.Syscall):
    def run(self, task: Task, regs: door.Regs, p: door.Pending) -> i64:
        count, flags = regs.u32(0), regs.i32(1)
        if self.name == "eventfd":
            return eventfd.sys_eventfd(task, count, p.call)
        return eventfd.sys_eventfd2(task, count, flags, p.call)


class ScPoll(door.Syscall):
    """poll(pollfds, nfds, ms)."""

    def run(self, task: Task, regs: door.Regs, p: door.Pending) -> i64:
        ufds = optional_buffer(regs, 0)
        nfds, timeout = regs.u32(1), regs.i32(2)
        if regs.err != 0:
            return regs.err
        return select.sys_poll(task, ufds, nfds, timeout, p.call)


class ScPpoll(door.Syscall):
    """ppoll(pollfds, nfds, timespec, sigmask, sigsetsize)."""

    def run(self, task: Task, regs: door.Regs, p: door.Pending) -> i64:
        ufds = optional_buffer(regs, 0)
        nfds = regs.u32(1)
        tsp = optional_bytes(regs, 2)
        sigmask = optional_bytes(regs, 3)
        size = regs.long(4)
        if regs.err != 0:
            return regs.err
        return select.sys_ppoll(task, ufds, nfds, tsp, sigmask, size, p.call)


class ScSelect(door.Syscall):
    """select(n, readfds, writefds, exceptfds, timeval) and pselect6(…, timespec, sig)."""

    def run(self, task: Task, regs: door.Regs, p: door.Pending) -> i64:
        n = regs.i32(0)
        inp, outp, exp = optional_buffer(regs, 1), optional_buffer(regs, 2), optional_buffer(regs, 3)
        tvp = optional_buffer(regs, 4)
        if regs.err != 0:
            return regs.err
        if self.name == "select":
            return select.sys_select(task, n, inp, outp, exp, tvp, p.call)
        sig = optional_bytes(regs, 5)
        if regs.err != 0:
            return regs.err
        return select.sys_pselect6(task, n, inp, outp, exp, tvp, sig, p.call)


class ScEpollCreate(door.Syscall):
    def run(self, task: Task, regs: door.Regs, p: door.Pending) -> i64:
        n = regs.i32(0)
        if self.name == "epoll_create":
            return eventpoll.sys_epoll_create(task, n, p.call)
        return eventpoll.sys_epoll_create1(task, n, p.call)


class ScEpollCtl(door.Syscall):
    """epoll_ctl(epfd, op, fd, event of 12 bytes)."""

    def run(self, task: Task, regs: door.Regs, p: door.Pending) -> i64:
        epfd, op, fd = regs.i32(0), regs.i32(1), regs.i32(2)
        event = optional_bytes(regs, 3)
        if regs.err != 0:
            return regs.err
        return eventpoll.sys_epoll_ctl(task, epfd, op, fd, event, p.call)


class ScEpollWait(door.Syscall):
    """epoll_wait(epfd, events, maxevents, ms), epoll_pwait(…, sigmask, size), epoll_pwait2(…, timespec,
    sigmask, size).
    """

    def run(self, task: Task, regs: door.Regs, p: door.Pending) -> i64:
        epfd = regs.i32(0)
        events = optional_buffer(regs, 1)
        maxevents = regs.i32(2)
        if self.name == "epoll_pwait2":
            tsp = optional_bytes(regs, 3)
            mask = optional_bytes(regs, 4)
            size = regs.long(5)
            if regs.err != 0:
                return regs.err
            return eventpoll.sys_epoll_pwait2(task, epfd, events, maxevents, tsp, mask, size, p.call)
        timeout = regs.i32(3)
        mask = optional_bytes(regs, 4) if self.name == "epoll_pwait" else None
        size = regs.long(5)
        if regs.err != 0:
            return regs.err
        if self.name == "epoll_pwait":
            return eventpoll.sys_epoll_pwait(task, epfd, events, maxevents, timeout, mask, size, p.call)
        return eventpoll.sys_epoll_wait(task, epfd, events, maxevents, timeout, p.call)


class ScFstat(door.Syscall):
    def run(self, task: Task, regs: door.Regs, p: door.Pending) -> i64:
        fd = regs.i32(0)
        buf = optional_buffer(regs, 1)
        if regs.err != 0:
            return regs.err
        return read_write.sys_fstat(task, fd, buf, p.call)


class ScSendfile(door.Syscall):
    """sendfile(out, in, offset or None, count)."""

    def run(self, task: Task, regs: door.Regs, p: door.Pending) -> i64:
        out_fd, in_fd = regs.i32(0), regs.i32(1)
        offset = optional_buffer(regs, 2)
        count = regs.size(3)
        if regs.err != 0:
            return regs.err
        return read_write.sys_sendfile(task, out_fd, in_fd, offset, count, message(p, task))


class ScSplice(door.Syscall):
    """splice(in, off_in, out, off_out, len, flags)."""

    def run(self, task: Task, regs: door.Regs, p: door.Pending) -> i64:
        fd_in, fd_out = regs.i32(0), regs.i32(2)
        off_in, off_out = optional_buffer(regs, 1), optional_buffer(regs, 3)
        size, flags = regs.size(4), regs.u32(5)
        if regs.err != 0:
            return regs.err
        return read_write.sys_splice(task, fd_in, off_in, fd_out, off_out, size, flags, message(p, task))


class ScRlimit(door.Syscall):
    """getrlimit and setrlimit for RLIMIT_NOFILE (7): (resource, 16 bytes: soft, hard)."""

    def run(self, task: Task, regs: door.Regs, p: door.Pending) -> i64:
        if regs.i32(0) != 7:
            return -EINVAL
        if self.name == "getrlimit":
            buf = regs.writable(1)
            if regs.err != 0 or len(buf) < 16:
                return -EFAULT
            buf[0:8] = int(task.rlimit_nofile).to_bytes(8, "little")
            buf[8:16] = int(task.rlimit_nofile).to_bytes(8, "little")
            return 0
        raw = regs.read(1, 16)
        if regs.err != 0:
            return regs.err
        task.rlimit_nofile = min(int.from_bytes(raw[0:8], "little"), 1 << 30)
        return 0


def file_calls() -> list[door.Syscall]:
    """The lines of the table."""
    return [
        ScRead("read"),
        ScWrite("write"),
        ScReadv("readv"),
        ScReadv("writev"),
        ScLseek("lseek"),
        ScLseek("pread64"),
        ScLseek("pwrite64"),
        ScClose("close"),
        ScCloseRange("close_range"),
        ScDup("dup"),
        ScDup("dup2"),
        ScDup("dup3"),
        ScFcntl("fcntl"),
        ScFcntl("ioctl"),
        ScPipe("pipe"),
        ScPipe("pipe2"),
        ScEventfd("eventfd"),
        ScEventfd("eventfd2"),
        ScPoll("poll"),
        ScPpoll("ppoll"),
        ScSelect("select"),
        ScSelect("pselect6"),
        ScEpollCreate("epoll_create"),
        ScEpollCreate("epoll_create1"),
        ScEpollCtl("epoll_ctl"),
        ScEpollWait("epoll_wait"),
        ScEpollWait("epoll_pwait"),
        ScEpollWait("epoll_pwait2"),
        ScFstat("fstat"),
        ScSendfile("sendfile"),
        ScSplice("splice"),
        ScRlimit("getrlimit"),
        ScRlimit("setrlimit"),
    ]
