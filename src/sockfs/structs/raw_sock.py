"""A raw IP socket or a ping socket: `struct raw_sock`. Kernel counterpart: `include/net/raw.h`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import i64

from sockfs.structs.inet_sock import InetSock
from sockfs.structs.sock import SockCallback

if TYPE_CHECKING:
    from sockfs.structs.kernel import Kernel
    from sockfs.structs.net import Net
    from sockfs.structs.ops import Proto


class RawSock(InetSock):
    """`struct raw_sock`."""

    icmp_filter: i64  # bit n: drop ICMP type n (ICMP_FILTER of raw(7))
    ipmr_table: i64

    def __init__(
        self,
        kernel: Kernel,
        family: i64,
        net: Net,
        prot: Proto,
        callbacks: tuple[SockCallback, SockCallback, SockCallback, SockCallback],
    ) -> None:
        super().__init__(kernel, family, net, prot, callbacks)
        self.icmp_filter = 0
        self.ipmr_table = 0
