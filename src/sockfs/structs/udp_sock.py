"""A UDP or UDP-Lite socket: `struct udp_sock`. Kernel counterpart: `include/linux/udp.h`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import i64

from sockfs.structs.inet_sock import InetSock
from sockfs.structs.sock import SockCallback

if TYPE_CHECKING:
    from sockfs.structs.kernel import Kernel
    from sockfs.structs.net import Net
    from sockfs.structs.ops import Proto


class UdpSock(InetSock):
    """`struct udp_sock`."""

    pending: i64  # AF_INET or AF_INET6 while datagram pieces are corked
    corkflag: bool
    encap_type: i64
    gso_size: i64
    gro_enabled: bool
    no_check6_tx: bool
    no_check6_rx: bool
    pcslen: i64  # UDP-Lite: checksum coverage sent, and least accepted
    pcrlen: i64
    pcflag: i64

    def __init__(
        self,
        kernel: Kernel,
        family: i64,
        net: Net,
        prot: Proto,
        callbacks: tuple[SockCallback, SockCallback, SockCallback, SockCallback],
    ) -> None:
        super().__init__(kernel, family, net, prot, callbacks)
        self.pending = 0
        self.corkflag = False
        self.encap_type = 0
        self.gso_size = 0
        self.gro_enabled = False
        self.no_check6_tx = False
        self.no_check6_rx = False
        self.pcslen = 0
        self.pcrlen = 0
        self.pcflag = 0
