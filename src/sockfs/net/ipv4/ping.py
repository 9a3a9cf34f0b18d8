"""Ping sockets: ICMP echo without privileges.

Kernel counterpart: `net/ipv4/ping.c`. `icmp_rcv` brings echo replies (`ping_rcv`). icmp(7),
`ping_group_range`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_extensions import i64

    from sockfs.structs.headers import Icmphdr, Iphdr
    from sockfs.structs.net import Net
    from sockfs.structs.sk_buff import SkBuff


def ping_rcv(net: Net, skb: SkBuff, iph: Iphdr, icmph: Icmphdr) -> bool:
    """An echo reply. True: a socket took it."""
    return False


def ping_err(net: Net, skb: SkBuff, inner: bytes, info: i64) -> None:
    """An error about an echo request of ours."""
