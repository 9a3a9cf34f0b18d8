"""fcntl: flags of descriptors and files, and duplicates.

Kernel counterpart: `fs/fcntl.c`; fcntl(2). Control goes on to `fs/file.py` for duplicates, to `f_op.fasync`
for O_ASYNC, to `fs/pipe.py` for a pipe's size.

Left out: record locks take no effect on our files, which nobody shares with other programs (F_GETLK says
unlocked, the others succeed); signals are the program's runtime's to send: F_SETOWN and F_SETSIG are kept and
given back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.fs import file as fs_file
from sockfs.fs import pipe as fs_pipe
from sockfs.structs.socket import Socket
from sockfs.uapi.errno import EBADF, EFAULT, EINVAL, ENOTDIR, EPERM, ESRCH
from sockfs.uapi.fcntl import (
    F_ADD_SEALS,
    F_CREATED_QUERY,
    F_DUPFD,
    F_DUPFD_CLOEXEC,
    F_DUPFD_QUERY,
    F_GETFD,
    F_GETFL,
    F_GETLEASE,
    F_GETLK,
    F_GETOWN,
    F_GETOWN_EX,
    F_GETPIPE_SZ,
    F_GETSIG,
    F_NOTIFY,
    F_OFD_GETLK,
    F_OFD_SETLK,
    F_OFD_SETLKW,
    F_OWNER_PGRP,
    F_OWNER_PID,
    F_OWNER_TID,
    F_SETFD,
    F_SETFL,
    F_SETLK,
    F_SETLKW,
    F_SETOWN,
    F_SETOWN_EX,
    F_SETPIPE_SZ,
    F_SETSIG,
    FASYNC,
    FD_CLOEXEC,
    O_APPEND,
    O_CLOEXEC,
    O_DIRECT,
    O_NOATIME,
    O_NONBLOCK,
)

if TYPE_CHECKING:
    from sockfs.structs.call import Call
    from sockfs.structs.file import File
    from sockfs.structs.task import Task

F_GETOWNER_UIDS: Final = 17
F_GET_RW_HINT: Final = 1035
F_SET_RW_HINT: Final = 1036
SETFL_MASK: Final = O_APPEND | O_NONBLOCK | FASYNC | O_DIRECT | O_NOATIME
F_UNLCK: Final = 2
NSIG: Final = 64


def sys_fcntl(task: Task, fd: i64, cmd: i64, arg: object, call: Call) -> i64:
    """fcntl(2). `arg` is an integer, or a bytearray where the command takes a structure."""
    file = fs_file.fdget(task, fd, None)
    if file is None:
        return -EBADF
    return do_fcntl(task, fd, cmd, arg, file)


def do_fcntl(task: Task, fd: i64, cmd: i64, arg: object, file: File) -> i64:
    """One command. A result ≥ 0 or -errno."""
    n: i64 = 0
    if isinstance(arg, int):
        n = arg & 0xFFFFFFFF
    if cmd == F_GETFL:
        return file.f_flags
    if cmd == F_SETFL:
        return setfl(file, n)
    if cmd == F_GETFD:
        return FD_CLOEXEC if task.files.close_on_exec[fd] else 0
    if cmd == F_SETFD:
        task.files.close_on_exec[fd] = 1 if n & FD_CLOEXEC else 0
        return 0
    if cmd == F_DUPFD:
        return f_dupfd(task, n, file, 0)
    if cmd == F_DUPFD_CLOEXEC:
        return f_dupfd(task, n, file, O_CLOEXEC)
    if cmd == F_DUPFD_QUERY:
        other = fs_file.fdget(task, n, None)
        if other is None:
            return -EBADF
        return 1 if other is file else 0
    if cmd == F_CREATED_QUERY:
        return 0
    if cmd == F_GETOWN:
        return file.f_owner
    if cmd == F_SETOWN:
        return f_setown(task, file, n)
    if cmd in (F_GETOWN_EX, F_SETOWN_EX):
        return f_owner_ex(task, file, cmd, arg)
    if cmd == F_GETSIG:
        return file.f_signum
    if cmd == F_SETSIG:
        if n > NSIG:
            return -EINVAL
        file.f_signum = n
        return 0
    if cmd in (F_GETPIPE_SZ, F_SETPIPE_SZ):
        pipe = fs_pipe.get_pipe_info(file)
        if pipe is None:
            return -EBADF
        if cmd == F_GETPIPE_SZ:
            return pipe.ring_size * 4096
        return fs_pipe.pipe_set_size(pipe, n, task)
    if cmd in (F_GETLK, F_OFD_GETLK):
        if not isinstance(arg, bytearray) or len(arg) < 32:
            return -EFAULT
        arg[0:2] = F_UNLCK.to_bytes(2, "little")
        return 0
    if cmd in (F_SETLK, F_SETLKW, F_OFD_SETLK, F_OFD_SETLKW):
        return 0 if isinstance(arg, bytearray) and len(arg) >= 32 else -EFAULT
    if cmd == F_GETLEASE:
        return F_UNLCK
    if cmd == F_NOTIFY:
        return -ENOTDIR if n else 0
    if cmd == F_GETOWNER_UIDS:
        if not isinstance(arg, bytearray) or len(arg) < 8:
            return -EFAULT
        arg[:8] = bytes(8)  # real and effective user of whoever set the owner: all tasks are root's
        return 0
    if cmd == F_GET_RW_HINT:
        if not isinstance(arg, bytearray) or len(arg) < 8:
            return -EFAULT
        arg[:8] = bytes(8)
        return 0
    if cmd == F_SET_RW_HINT:
        if not isinstance(arg, bytes | bytearray) or len(arg) < 8:
            return -EFAULT
        return 0 if int.from_bytes(arg[:8], "little") <= 5 else -EINVAL
    if cmd == F_ADD_SEALS:
        return -EINVAL if file.f_mode & 2 else -EPERM
    return -EINVAL


def f_dupfd(task: Task, start: i64, file: File, flags: i64) -> i64:
    """The lowest free number ≥ start for the same file."""
    if start >= task.rlimit_nofile:
        return -EINVAL
    fd = fs_file.alloc_fd(task, start, task.rlimit_nofile, flags)
    if fd >= 0:
        fs_file.fd_install(task, fd, fs_file.get_file(file))
    return fd


def setfl(file: File, arg: i64) -> i64:
    """F_SETFL: the flags that may change, and nothing else of arg."""
    if arg & O_DIRECT and fs_pipe.get_pipe_info(file) is None:
        return -EINVAL
    if (arg ^ file.f_flags) & FASYNC:
        # only sockets and pipes send signals; on other files the flag does not stick
        if isinstance(file.private_data, Socket) or fs_pipe.get_pipe_info(file) is not None:
            err = file.f_op.fasync(file, (arg & FASYNC) != 0)
            if err < 0:
                return err
        else:
            arg &= ~FASYNC
    file.f_flags = (arg & SETFL_MASK) | (file.f_flags & ~SETFL_MASK)
    return 0


def f_setown(task: Task, file: File, arg: i64) -> i64:
    """F_SETOWN: a process, or a group as a negative number; 0: nobody."""
    who = arg - 0x1_0000_0000 if arg & 0x8000_0000 else arg
    if who == -0x8000_0000:
        return -EINVAL
    if who != 0 and not _known(task, -who if who < 0 else who):
        return -ESRCH
    file.f_owner = who
    return 0


def _known(task: Task, pid: i64) -> bool:
    return pid == task.pid or pid in task.kernel.tasks


def f_owner_ex(task: Task, file: File, cmd: i64, arg: object) -> i64:
    """F_GETOWN_EX, F_SETOWN_EX: struct f_owner_ex, two ints. A thread is its process here."""
    if not isinstance(arg, bytearray) or len(arg) < 8:
        return -EFAULT
    if cmd == F_GETOWN_EX:
        kind: int = F_OWNER_PGRP if file.f_owner < 0 else F_OWNER_PID
        who: int = abs(int(file.f_owner))
        arg[:8] = kind.to_bytes(4, "little") + who.to_bytes(4, "little")
        return 0
    kind = int.from_bytes(arg[:4], "little", signed=True)
    pid: i64 = int.from_bytes(arg[4:8], "little", signed=True)
    if kind != F_OWNER_TID and kind != F_OWNER_PID and kind != F_OWNER_PGRP:
        return -EINVAL
    if pid != 0 and not _known(task, pid):
        return -ESRCH
    file.f_owner = -pid if kind == F_OWNER_PGRP else pid
    return 0
