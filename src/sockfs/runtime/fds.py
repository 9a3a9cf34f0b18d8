"""Placeholder descriptors: the numbers of the kernel's files are real descriptors of the host, so nothing can
clash.

Each number that the kernel hands out is a duplicate of one end of a dead socket pair: the lowest free number
comes first, `EMFILE` comes from the host's limit, `os.fstat` says it is a socket, and a real file opened next
gets another number. C code that reads or writes it finds the end of the file, and nothing else. Control comes
from `fs/file.py` (`FilesStruct.placeholder`).
"""

from __future__ import annotations

import fcntl

from sockfs.libc import host
from sockfs.structs.task import FdPlaceholder


class HostFds(FdPlaceholder):
    """Numbers taken from the host's own table."""

    template: int

    def __init__(self) -> None:
        a, b = host.socket_module.socketpair()
        b.close()
        self.template = host.high(a.detach())

    def open(self) -> int:
        try:
            return host.dup(self.template)
        except OSError as e:
            return -(e.errno or 24)

    def open_from(self, start: int) -> int:
        try:
            return int(host.fcntl(self.template, fcntl.F_DUPFD_CLOEXEC, start))
        except OSError as e:
            return -(e.errno or 24)

    def claim(self, fd: int) -> int:
        try:
            return host.dup2(self.template, fd, False)
        except OSError as e:
            return -(e.errno or 9)

    def close(self, fd: int) -> None:
        try:
            host.close(fd)
        except OSError:
            pass

    def shut(self) -> None:
        """No number will be asked for any more."""
        if self.template >= 0:
            host.close(self.template)
            self.template = -1
