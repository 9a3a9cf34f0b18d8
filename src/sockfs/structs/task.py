"""A task: one process of the machine, with its descriptor table.

Kernel counterparts: `task_struct`, `files_struct` and `fdtable`. Threads of a program share their task; a
system call in flight has a record of its own (`Call`). The functions stand in `fs/file.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64, mypyc_attr

if TYPE_CHECKING:
    from sockfs.structs.file import File
    from sockfs.structs.kernel import Kernel
    from sockfs.structs.net import Net

CAP_NET_BIND_SERVICE: Final = 10
CAP_NET_BROADCAST: Final = 11
CAP_NET_ADMIN: Final = 12
CAP_NET_RAW: Final = 13
CAP_SYS_ADMIN: Final = 21
CAP_ALL: Final = (1 << 41) - 1


@mypyc_attr(allow_interpreted_subclasses=True)
class FdPlaceholder:
    """Where descriptor numbers come from when they must not clash with the host's own (see `runtime/`)."""

    def open(self) -> int:
        """Take the lowest number the host has free. Returns it, or -EMFILE."""
        return -24

    def open_from(self, start: int) -> int:
        """Take the lowest free number ≥ start (F_DUPFD). Returns it, or -EMFILE."""
        return -24

    def close(self, fd: int) -> None:
        """Give the number back."""

    def holds(self, fd: int) -> bool:
        """Whether the number is still ours: C code may have closed it, and the host reused it."""
        return True

    def claim(self, fd: int) -> int:
        """Take just this number, closing what the host has there (dup2). Returns it, or -errno."""
        return fd


class FilesStruct:
    """The descriptor table. `open_fds` marks numbers in use, a reserved one (no file yet) included."""

    fdt: list[File | None]
    open_fds: bytearray
    close_on_exec: bytearray
    next_fd: i64  # no number below it is free
    count: i64  # tasks that share the table
    placeholder: FdPlaceholder | None

    def __init__(self) -> None:
        self.fdt = []
        self.open_fds = bytearray()
        self.close_on_exec = bytearray()
        self.next_fd = 0
        self.count = 1
        self.placeholder = None


class Task:
    """One process. It has every capability unless told otherwise."""

    kernel: Kernel
    pid: i64
    comm: str
    files: FilesStruct
    nsproxy_net: Net
    uid: i64
    gid: i64
    cap_effective: i64
    rlimit_nofile: i64
    default_timeout: float  # the C library's default socket time-out in seconds; -1.0: none
    exited: bool

    def __init__(self, kernel: Kernel, pid: i64, comm: str, files: FilesStruct, net: Net) -> None:
        self.kernel = kernel
        self.pid = pid
        self.comm = comm
        self.files = files
        self.nsproxy_net = net
        self.uid = 0
        self.gid = 0
        self.cap_effective = CAP_ALL
        self.rlimit_nofile = 1024 * 1024
        self.default_timeout = -1.0
        self.exited = False

    def syscall(self, name: str | int, *args: object) -> int:
        """Make a system call by name or x86-64 number.

        Arguments are C's: integers, `bytes` to read from, `bytearray` to write to, `None` for NULL. Returns
        an integer ≥ 0 or
        -errno, and never raises. On a machine with nobody to wait, a call that would sleep returns -ESLEEP
          (600); its record
        is then `task.kernel.sleeping[-1]`.

        """
        return self.kernel.syscall_entry.call(self, name, args)
