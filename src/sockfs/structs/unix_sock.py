"""A local socket: `struct unix_sock`. Kernel counterpart: `include/net/af_unix.h`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import i64

from sockfs.structs.sock import Sock, SockCallback
from sockfs.structs.wait_queue import WaitQueueHead

if TYPE_CHECKING:
    from sockfs.structs.kernel import Kernel
    from sockfs.structs.net import Net
    from sockfs.structs.ops import Proto
    from sockfs.structs.sk_buff import SkBuff
    from sockfs.structs.wait_queue import WaitQueueEntry


class UnixSock(Sock):
    """`struct unix_sock`."""

    addr: bytes | None  # bound name: a path, or NUL and an abstract name; None: unbound
    path_key: bytes  # under which net.unix_paths holds a pathname socket; b"": none
    peer: UnixSock | None
    listener: UnixSock | None  # embryo in the accept queue of
    peer_wait: WaitQueueHead  # senders that wait for room in this receive queue
    inflight: i64  # references to it that are on their way in messages (SCM_RIGHTS)
    peer_wake: WaitQueueEntry | None  # on the peer's peer_wait while poll waits for room there
    oob_skb: SkBuff | None
    recvmsg_inq: bool

    def __init__(
        self,
        kernel: Kernel,
        family: i64,
        net: Net,
        prot: Proto,
        callbacks: tuple[SockCallback, SockCallback, SockCallback, SockCallback],
    ) -> None:
        super().__init__(kernel, family, net, prot, callbacks)
        self.addr = None
        self.path_key = b""
        self.peer = None
        self.listener = None
        self.peer_wait = WaitQueueHead()
        self.inflight = 0
        self.peer_wake = None
        self.oob_skb = None
        self.recvmsg_inq = False

    def local_address(self) -> str:
        return unix_name(self.addr)

    def remote_address(self) -> str:
        peer = self.peer
        return "" if peer is None else unix_name(peer.addr)


def unix_name(addr: bytes | None) -> str:
    """A local socket's name as ss(8) shows it: the path, or "@" and the abstract name."""
    if addr is None or len(addr) == 0:
        return ""
    if addr[0] == 0:
        return "@" + addr[1:].decode("latin-1").replace("\0", "@")
    return addr.decode("utf-8", "surrogateescape")
