"""ioctl: the requests every file answers, and the way on to the file's own.

Kernel counterpart: `fs/ioctl.c`; ioctl(2). Control goes on to `f_op.ioctl` (sockets: `net/socket.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import i64

from sockfs.fs import file as fs_file
from sockfs.fs import pipe as fs_pipe
from sockfs.structs.socket import Socket
from sockfs.uapi.errno import EBADF, EFAULT, ENOTTY
from sockfs.uapi.fcntl import FASYNC, O_NONBLOCK
from sockfs.uapi.ioctl import FIOASYNC, FIOCLEX, FIONBIO, FIONCLEX, FIOQSIZE

if TYPE_CHECKING:
    from sockfs.structs.call import Call
    from sockfs.structs.file import File
    from sockfs.structs.task import Task


def sys_ioctl(task: Task, fd: i64, cmd: i64, arg: object, call: Call) -> i64:
    """ioctl(2). `arg` is a bytearray that is read and written, an integer, or None."""
    file = fs_file.fdget(task, fd, None)
    if file is None:
        return -EBADF
    cmd &= 0xFFFFFFFF
    if cmd == FIOCLEX:
        task.files.close_on_exec[fd] = 1
        return 0
    if cmd == FIONCLEX:
        task.files.close_on_exec[fd] = 0
        return 0
    if cmd == FIONBIO:
        return ioctl_flag(file, O_NONBLOCK, arg)
    if cmd == FIOASYNC:
        return ioctl_fioasync(file, arg)
    if cmd == FIOQSIZE:
        return -ENOTTY
    return file.f_op.ioctl(file, cmd, arg)


def ioctl_flag(file: File, flag: i64, arg: object) -> i64:
    """Set flag when the int that arg points to is not 0, clear it otherwise."""
    if not isinstance(arg, bytes | bytearray) or len(arg) < 4:
        return -EFAULT
    if arg[0] | arg[1] | arg[2] | arg[3]:
        file.f_flags |= flag
    else:
        file.f_flags &= ~flag
    return 0


def ioctl_fioasync(file: File, arg: object) -> i64:
    """FIOASYNC: O_ASYNC by another door; files that send no signals answer ENOTTY when it would change."""
    if not isinstance(arg, bytes | bytearray) or len(arg) < 4:
        return -EFAULT
    on = (arg[0] | arg[1] | arg[2] | arg[3]) != 0
    if on != ((file.f_flags & FASYNC) != 0):
        if not isinstance(file.private_data, Socket) and fs_pipe.get_pipe_info(file) is None:
            return -ENOTTY
        err = file.f_op.fasync(file, on)
        if err < 0:
            return err
    return ioctl_flag(file, FASYNC, arg)
