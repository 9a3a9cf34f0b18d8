"""The standard streams: what descriptors 0, 1 and 2 of a task name.

Kernel counterpart: a terminal's `struct file`. They stand in the table so that the first socket is 3. The
core does no I/O: a stream reads as ended and swallows what is written, unless whoever runs the task hangs a
`Stream` of his own on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64, mypyc_attr

from sockfs.fs import file as fs_file
from sockfs.structs.ops import FileOperations
from sockfs.uapi.fcntl import O_RDWR
from sockfs.uapi.poll import EPOLLIN, EPOLLOUT, EPOLLRDNORM, EPOLLWRNORM
from sockfs.uapi.stat import S_IFCHR

if TYPE_CHECKING:
    from sockfs.structs.file import File
    from sockfs.structs.msghdr import Msghdr
    from sockfs.structs.ops import PollTable
    from sockfs.structs.task import Task


@mypyc_attr(allow_interpreted_subclasses=True)
class Stream:
    """Where a standard stream leads."""

    number: int

    def __init__(self, number: int) -> None:
        self.number = number

    def read(self, n: int) -> bytes:
        """Up to n bytes; b"" at the end."""
        return b""

    def write(self, data: bytes) -> int:
        """How many bytes were taken."""
        return len(data)


def open_standard_streams(task: Task) -> None:
    """Put descriptors 0, 1 and 2 into a new task's table. They need no placeholder: the host has its own of
    these numbers.
    """
    files = task.files
    host = files.placeholder
    files.placeholder = None
    fd: i64 = 0
    while fd < 3:
        got = fs_file.get_unused_fd_flags(task, 0)
        assert got == fd, got
        k = task.kernel
        file = fs_file.alloc_file(k, STDIO_FOPS, Stream(fd), O_RDWR)
        file.f_ino = fd + 3
        fs_file.fd_install(task, got, file)
        fd += 1
    files.placeholder = host


class StdioFops(FileOperations):
    """The operations of a terminal, as far as programs meet them here."""

    def read_iter(self, file: File, msg: Msghdr) -> i64:
        stream = file.private_data
        assert isinstance(stream, Stream)
        data = stream.read(msg.msg_iter.count)
        msg.msg_iter.copy_to(data, 0, len(data))
        return len(data)

    def write_iter(self, file: File, msg: Msghdr) -> i64:
        stream = file.private_data
        assert isinstance(stream, Stream)
        return stream.write(msg.msg_iter.take(msg.msg_iter.count))

    def poll(self, file: File, pt: PollTable | None) -> i64:
        return EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM

    def i_mode(self, file: File) -> i64:
        return S_IFCHR | 0o620


STDIO_FOPS: Final = StdioFops("stdio")
