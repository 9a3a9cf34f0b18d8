"""Routes and neighbours as a namespace keeps them: `fib_table`, `fib_info`, `neighbour`.

Kernel counterparts: `include/net/ip_fib.h`, `include/net/neighbour.h`. Functions stand in
`net/ipv4/fib_frontend.py`, `net/ipv4/route.py` and `net/core/neighbour.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import i64

if TYPE_CHECKING:
    from sockfs.structs.net_device import NetDevice
    from sockfs.structs.sk_buff import SkBuff


class FibAlias:
    """One IPv4 route: `struct fib_alias` and its `fib_info`."""

    fa_dst: i64
    fa_plen: i64
    fa_tos: i64
    fa_type: i64  # RTN_UNICAST 1, LOCAL 2, BROADCAST 3, MULTICAST 5, BLACKHOLE 6, UNREACHABLE 7, PROHIBIT 8
    fa_scope: i64  # RT_SCOPE_UNIVERSE 0, LINK 253, HOST 254
    tb_id: i64  # RT_TABLE_MAIN 254, LOCAL 255
    fib_dev: NetDevice | None
    fib_gw: i64
    fib_prefsrc: i64
    fib_priority: i64
    fib_protocol: i64
    metrics: dict[int, int]  # RTAX_*

    def __init__(self, dst: i64, plen: i64, type: i64, scope: i64, tb_id: i64, dev: NetDevice | None) -> None:
        self.fa_dst = dst
        self.fa_plen = plen
        self.fa_tos = 0
        self.fa_type = type
        self.fa_scope = scope
        self.tb_id = tb_id
        self.fib_dev = dev
        self.fib_gw = 0
        self.fib_prefsrc = 0
        self.fib_priority = 0
        self.fib_protocol = 2
        self.metrics = {}


class FibTable:
    """Routes by prefix length, longest first: `by_plen[n]` maps a masked destination to its routes, best
    first.
    """

    tb_id: i64
    by_plen: list[dict[int, list[FibAlias]] | None]

    def __init__(self, tb_id: i64) -> None:
        self.tb_id = tb_id
        self.by_plen = [None] * 33


class Neighbour:
    """`struct neighbour`: an address on a link and how to reach it."""

    key: bytes | int
    dev: NetDevice
    ha: bytes
    nud_state: i64
    updated: i64
    confirmed: i64
    probes: i64
    arp_queue: list[SkBuff]

    def __init__(self, key: bytes | int, dev: NetDevice) -> None:
        self.key = key
        self.dev = dev
        self.ha = b""
        self.nud_state = 0
        self.updated = 0
        self.confirmed = 0
        self.probes = 0
        self.arp_queue = []
