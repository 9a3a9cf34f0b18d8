"""A BSD socket: what lies between a file and a protocol's sock.

Kernel counterpart: `struct socket` (`include/linux/net.h`). Five states only: Linux has no SS_BOUND and no
SS_LISTENING; a listening socket stays SS_UNCONNECTED while its sock is in TCP_LISTEN. `addr` and
`state_label` are derived, for pictures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import i64

from sockfs.structs.wait_queue import WaitQueueHead

if TYPE_CHECKING:
    from sockfs.structs.file import File
    from sockfs.structs.kernel import Kernel
    from sockfs.structs.ops import ProtoOps
    from sockfs.structs.sock import Sock


class Socket:
    """`struct socket`, with its inode number (`struct socket_alloc` holds both)."""

    kernel: Kernel
    state: i64  # SS_FREE … SS_DISCONNECTING
    type: i64  # SOCK_STREAM …
    flags: i64  # SOCK_NOSPACE, SOCK_PASSCRED … bits
    wq: WaitQueueHead
    file: File | None
    sk: Sock | None
    ops: ProtoOps | None
    i_ino: i64

    def __init__(self, kernel: Kernel, i_ino: i64) -> None:
        self.kernel = kernel
        self.state = 1
        self.type = 0
        self.flags = 0
        self.wq = WaitQueueHead()
        self.file = None
        self.sk = None
        self.ops = None
        self.i_ino = i_ino

    @property
    def addr(self) -> str:
        """Derived: the local address as people draw it, "" while unbound."""
        sk = self.sk
        return "" if sk is None else sk.local_address()

    @property
    def state_label(self) -> str:
        """Derived: UNCONNECTED, BOUND, LISTENING, CONNECTING, CONNECTED, DISCONNECTING or FREE."""
        if self.state == 0:
            return "FREE"
        if self.state == 2:
            return "CONNECTING"
        if self.state == 3:
            return "CONNECTED"
        if self.state == 4:
            return "DISCONNECTING"
        sk = self.sk
        if sk is not None and sk.sk_state == 10:
            return "LISTENING"
        if sk is not None and sk.local_address() != "":
            return "BOUND"
        return "UNCONNECTED"
