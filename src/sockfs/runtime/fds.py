"""Placeholder descriptors: the numbers of the kernel's files are real descriptors of the host, so nothing can
clash.

Each number that the kernel hands out is a duplicate of one end of a dead socket pair: the lowest free number
comes first, `EMFILE` comes from the host's limit, `os.fstat` says it is a socket, and a real file opened next
gets another number. C code that reads or writes it finds the end of the file, and nothing else. Control comes
from `fs/file.py` (`FilesStruct.placeholder`).
"""

from __future__ import annotations

import fcntl

from sockfs.fs import file as fs_file
from sockfs.libc import host
from sockfs.structs.task import FdPlaceholder, FilesStruct


class HostFds(FdPlaceholder):
    """Numbers taken from the host's own table."""

    template: int
    ino: int
    files: FilesStruct

    def __init__(self, files: FilesStruct) -> None:
        a, b = host.socket_module.socketpair()
        b.close()
        self.ino = host.fstat(a.fileno()).st_ino
        self.files = files
        self.template = host.high(a.detach())

    def open(self) -> int:
        try:
            fd = host.dup(self.template)
        except OSError as e:
            return -(e.errno or 24)
        fdt = self.files.fdt
        if fd < len(fdt) and fdt[fd] is not None:
            self._forget(fd)
        return fd

    def open_from(self, start: int) -> int:
        try:
            fd = int(host.fcntl(self.template, fcntl.F_DUPFD_CLOEXEC, start))
        except OSError as e:
            return -(e.errno or 24)
        fdt = self.files.fdt
        if fd < len(fdt) and fdt[fd] is not None:
            self._forget(fd)
        return fd

    def _forget(self, fd: int) -> None:
        """C code closed a number past us (a file object over a detached socket): close what it named."""
        file = self.files.fdt[fd]
        self.files.fdt[fd] = None
        if file is not None:
            fs_file.fput(file)

    def holds(self, fd: int) -> bool:
        try:
            return host.fstat(fd).st_ino == self.ino
        except OSError:
            return False

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
