"""Ping sockets: ICMP echo without privileges.

Kernel counterpart: `net/ipv4/ping.c`. `icmp_rcv` brings echo replies (`ping_rcv`). icmp(7),
`ping_group_range`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.net.core import sock as core_sock
from sockfs.structs.ops import Proto
from sockfs.structs.raw_sock import RawSock
from sockfs.uapi.errno import EACCES
from sockfs.uapi.socket import AF_INET

if TYPE_CHECKING:
    from sockfs.structs.headers import Icmphdr, Iphdr
    from sockfs.structs.net import Net
    from sockfs.structs.sk_buff import SkBuff
    from sockfs.structs.sock import Sock


def ping_rcv(net: Net, skb: SkBuff, iph: Iphdr, icmph: Icmphdr) -> bool:
    """An echo reply. True: a socket took it."""
    return False


def ping_err(net: Net, skb: SkBuff, inner: bytes, info: i64) -> None:
    """An error about an echo request of ours."""


class PingProt(Proto):
    """`ping_prot`."""

    def alloc(self, net: Net) -> Sock:
        return RawSock(net.kernel, AF_INET, net, self, core_sock.SOCK_DEF_CALLBACKS)

    def init(self, sk: Sock) -> i64:
        """`ping_init_sock`: only groups within `net.ipv4.ping_group_range`."""
        return -EACCES


ping_prot: Final = PingProt("PING", "PING")
