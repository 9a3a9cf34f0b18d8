"""A packet socket: `struct packet_sock`. Kernel counterpart: `net/packet/internal.h`; behaviour in
packet(7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import i64

from sockfs.structs.sock import Sock, SockCallback

if TYPE_CHECKING:
    from sockfs.structs.kernel import Kernel
    from sockfs.structs.net import Net
    from sockfs.structs.ops import Proto


class PacketSock(Sock):
    """`struct packet_sock`."""

    num: i64  # protocol, host order
    ifindex: i64
    auxdata: bool
    origdev: bool
    has_vnet_hdr: bool
    running: bool
    tp_packets: i64
    tp_drops: i64

    def __init__(
        self,
        kernel: Kernel,
        family: i64,
        net: Net,
        prot: Proto,
        callbacks: tuple[SockCallback, SockCallback, SockCallback, SockCallback],
    ) -> None:
        super().__init__(kernel, family, net, prot, callbacks)
        self.num = 0
        self.ifindex = 0
        self.auxdata = False
        self.origdev = False
        self.has_vnet_hdr = False
        self.running = False
        self.tp_packets = 0
        self.tp_drops = 0
