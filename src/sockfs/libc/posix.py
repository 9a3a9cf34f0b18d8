"""The functions of `os`, `fcntl` and `termios` that programs use on sockets, for descriptors of the kernel
and of the host alike.

Each asks first whose the descriptor is: the kernel's go on to `libc/calls.py` or the file table, every other
to the function that was there before. `runtime/swap.py` puts them in place.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from mypy_extensions import i64

from sockfs.fs import fcntl as fs_fcntl
from sockfs.fs import file as fs_file
from sockfs.fs import ioctl as fs_ioctl
from sockfs.libc import _socket as libc_socket
from sockfs.libc import addr, calls, error, host, loop
from sockfs.structs.call import Call
from sockfs.structs.msghdr import IovIter, Msghdr
from sockfs.uapi.errno import EBADF, EINVAL, ESPIPE
from sockfs.uapi.fcntl import F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, O_NONBLOCK

if TYPE_CHECKING:
    from sockfs.structs.task import Task

SENDFILE_CHUNK: Final = 1 << 18


def fd_of(file: object) -> int:
    """A descriptor argument: an integer, or an object with fileno()."""
    if isinstance(file, int):
        return file
    method = getattr(file, "fileno", None)
    if method is None:
        raise TypeError("argument must be an int, or have a fileno() method.")
    n = method()
    if not isinstance(n, int):
        raise TypeError("fileno() returned a non-integer")
    return n


def _ours(fd: object) -> bool:
    task = loop.current.task
    if task is None or not isinstance(fd, int) or fd < 0 or fd > 0x7FFFFFFF:
        return False
    if not calls.ours(task, fd):
        return False
    return still_ours(task, fd)


def still_ours(task: Task, fd: int) -> bool:
    """Whether the host has not given a number of the table to another file: C code can close one past us (a
    file object over a detached socket). Then it leaves the table."""
    holder = task.files.placeholder
    if holder is None or holder.holds(fd):
        return True
    _give_up(fd)
    return False


# ---- os


def read(fd: int, length: int, /) -> bytes:
    """Read from a file descriptor. Returns a bytes object."""
    if not _ours(fd):
        return host.read(fd, length)
    if length < 0:
        error.fail(-EINVAL)
    task = loop.this_task()
    msg = Msghdr(task, IovIter(None, None, min(length, 0x7FFFF000)))
    r = calls.read(loop.waiter_of(task), task, fd, msg)
    if r < 0:
        error.fail(r)
    return msg.msg_iter.result()


def write(fd: int, data: Any, /) -> int:
    """Write a bytes object to a file descriptor."""
    if not _ours(fd):
        return host.write(fd, data)
    task = loop.this_task()
    it = libc_socket.readable(data)
    r = calls.write(loop.waiter_of(task), task, fd, Msghdr(task, it))
    if r < 0:
        libc_socket.drop_view(it)
        error.fail(r)
    return r


def readv(fd: int, buffers: Any, /) -> int:
    """Read from a file descriptor fd into an iterable of buffers."""
    if not _ours(fd):
        return host.readv(fd, buffers)
    views = [libc_socket.writable(b) for b in buffers]
    data = read(fd, sum([len(v) for v in views]))
    libc_socket.scatter(data, views)
    return len(data)


def writev(fd: int, buffers: Any, /) -> int:
    """Iterate over buffers, and write the contents of each to a file descriptor."""
    if not _ours(fd):
        return host.writev(fd, buffers)
    return write(fd, b"".join([bytes(b) for b in buffers]))


def close(fd: int) -> None:
    """Close a file descriptor."""
    if not _ours(fd):
        host.close(fd)
        return
    task = loop.this_task()
    r = calls.close(loop.waiter_of(task), task, fd)
    if r < 0:
        error.fail(r)


def closerange(fd_low: int, fd_high: int, /) -> None:
    """Closes all file descriptors in [fd_low, fd_high), ignoring errors."""
    task = loop.current.task
    low = fd_low
    if task is not None:
        for fd in range(max(fd_low, 0), min(fd_high, len(task.files.fdt))):
            if calls.ours(task, fd):
                host.closerange(low, fd)
                calls.close(loop.waiter_of(task), task, fd)
                low = fd + 1
    host.closerange(low, fd_high)


def dup(fd: int, /) -> int:
    """Return a duplicate of a file descriptor."""
    if not _ours(fd):
        return host.dup(fd)
    task = loop.this_task()
    r = calls.dup(loop.waiter_of(task), task, fd)
    if r < 0:
        error.fail(r)
    return r


def dup2(fd: int, fd2: int, inheritable: bool = True) -> int:
    """Duplicate file descriptor."""
    if not _ours(fd):
        if _ours(fd2):
            _give_up(fd2)
        return host.dup2(fd, fd2, inheritable)
    if fd2 < 0:
        error.fail(-EBADF)
    task = loop.this_task()
    r = calls.dup2(loop.waiter_of(task), task, fd, fd2, not inheritable)
    if r < 0:
        error.fail(r)
    return r


def _give_up(fd: int) -> None:
    """The host is about to put a file of its own at a number of ours: close ours, but not the number."""
    task = loop.this_task()
    w = loop.waiter_of(task)
    w.enter()
    try:
        holder = task.files.placeholder
        task.files.placeholder = None
        fs_file.close_fd(task, fd, None)
        task.files.placeholder = holder
    except BaseException:
        w.abandon()
        raise
    w.leave()


def get_inheritable(fd: int, /) -> bool:
    """Get the close-on-exe flag of the specified file descriptor."""
    if not _ours(fd):
        return host.get_inheritable(fd)
    return loop.this_task().files.close_on_exec[fd] == 0


def set_inheritable(fd: int, inheritable: int, /) -> None:
    """Set the inheritable flag of the specified file descriptor."""
    if not _ours(fd):
        host.set_inheritable(fd, bool(inheritable))
        return
    loop.this_task().files.close_on_exec[fd] = 0 if inheritable else 1


def get_blocking(fd: int, /) -> bool:
    """Get the blocking mode of the file descriptor."""
    if not _ours(fd):
        return host.get_blocking(fd)
    file = fs_file.fdget(loop.this_task(), fd, None)
    return file is not None and (file.f_flags & O_NONBLOCK) == 0


def set_blocking(fd: int, blocking: bool, /) -> None:
    """Set the blocking mode of the specified file descriptor."""
    if not _ours(fd):
        host.set_blocking(fd, blocking)
        return
    task = loop.this_task()
    calls.set_nonblock(loop.waiter_of(task), task, fd, not blocking)


def isatty(fd: int, /) -> bool:
    """Return True if the fd is connected to a terminal."""
    if not _ours(fd):
        return host.isatty(fd)
    return False


def fstat(fd: int) -> os.stat_result:
    """Perform a stat system call on the given file descriptor."""
    st = host.fstat(fd)
    if not _ours(fd):
        return st
    file = fs_file.fdget(loop.this_task(), fd, None)
    if file is None:
        return st
    values = list(st)
    values[1] = int(file.f_ino)
    return os.stat_result(values)


def lseek(fd: int, position: int, whence: int, /) -> int:
    """Set the position of a file descriptor."""
    if _ours(fd):
        error.fail(-ESPIPE)
    return host.lseek(fd, position, whence)


def sendfile(
    out_fd: int,
    in_fd: int,
    offset: Any = None,
    count: int = -1,
    headers: Any = (),
    trailers: Any = (),
    flags: int = 0,
) -> int:
    """Copy count bytes from file descriptor in_fd to file descriptor out_fd."""
    if not _ours(out_fd):
        return host.sendfile(out_fd, in_fd, offset, count)
    if count < 0:
        error.fail(-EINVAL)
    size = min(count, SENDFILE_CHUNK)
    if offset is None:
        data = host.read(in_fd, size)
    else:
        data = os.pread(in_fd, size, offset)
    if len(data) == 0:
        return 0
    sent = write(out_fd, data)
    if offset is None and sent < len(data):
        host.lseek(in_fd, sent - len(data), 1)
    return sent


# ---- fcntl


def fcntl(fd: object, cmd: int, arg: Any = 0, /) -> Any:
    """Perform the operation `cmd` on file descriptor fd."""
    number = fd_of(fd)
    if not _ours(number):
        return host.fcntl(number, cmd, arg)
    if not isinstance(arg, int):
        return host.fcntl(number, cmd, arg)
    task = loop.this_task()
    w = loop.waiter_of(task)
    w.enter()
    try:
        r = fs_fcntl.sys_fcntl(task, number, cmd, addr.integer(arg), Call(task))
    except BaseException:
        w.abandon()
        raise
    w.leave()
    if r < 0:
        error.fail(r)
    if cmd in (F_GETFD, F_SETFD, F_DUPFD, F_DUPFD_CLOEXEC):
        return int(r)
    return int(r)


def ioctl(fd: object, request: int, arg: Any = 0, mutate_flag: bool = True, /) -> Any:
    """Perform the operation request on file descriptor fd."""
    number = fd_of(fd)
    if not _ours(number):
        return host.ioctl(number, request, arg, mutate_flag)
    request &= 0xFFFFFFFF
    task = loop.this_task()
    w = loop.waiter_of(task)
    memory: bytearray | None = None
    value: object = arg
    if not isinstance(arg, int):
        if isinstance(arg, str):
            arg = arg.encode()
        memory = bytearray(arg)
        value = memory
    w.enter()
    try:
        w.kernel.current = task
        r: i64 = fs_ioctl.sys_ioctl(task, number, request, value, Call(task))
    except BaseException:
        w.abandon()
        raise
    w.leave()
    if r < 0:
        error.fail(r)
    if memory is None:
        return int(r)
    if mutate_flag and not isinstance(arg, bytes):
        view = memoryview(arg)
        if not view.readonly:
            view.cast("B")[:] = memory
            return int(r)
    return bytes(memory)
