"""An open file: what a descriptor points at.

Kernel counterpart: `struct file` (`include/linux/fs.h`). One `File` may be reached from several descriptors
and several tasks (dup, fork, SCM_RIGHTS); `f_count` counts them, and the last `fput` calls `f_op.release`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import i64

if TYPE_CHECKING:
    from sockfs.structs.kernel import Kernel
    from sockfs.structs.ops import FileOperations


class File:
    """`struct file`."""

    kernel: Kernel
    f_op: FileOperations
    # the Socket of a socket, the EventPoll of an epoll descriptor, the Pipe of a pipe end
    private_data: object
    f_flags: i64  # O_NONBLOCK and friends
    f_mode: i64  # FMODE_READ 1, FMODE_WRITE 2
    f_pos: i64
    f_count: i64  # newer kernels say f_ref
    f_owner: i64  # process or group for SIGIO (F_SETOWN)
    f_ino: i64  # inode number: `socket:[f_ino]`
    f_signum: i64  # F_SETSIG: the signal instead of SIGIO; 0: SIGIO
    f_ep: object  # Epitem: head of the chain of epoll items that watch this file; they go at the last fput

    def __init__(
        self, kernel: Kernel, f_op: FileOperations, private_data: object, f_flags: i64, f_ino: i64
    ) -> None:
        self.kernel = kernel
        self.f_op = f_op
        self.private_data = private_data
        self.f_flags = f_flags
        self.f_mode = 3
        self.f_pos = 0
        self.f_count = 1
        self.f_owner = 0
        self.f_ino = f_ino
        self.f_signum = 0
        self.f_ep = None
