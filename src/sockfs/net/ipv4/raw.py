"""Raw IPv4 sockets.

Kernel counterpart: `net/ipv4/raw.c`. raw(7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_extensions import i64

    from sockfs.structs.net import Net
    from sockfs.structs.sk_buff import SkBuff


def raw_local_deliver(net: Net, skb: SkBuff, protocol: i64) -> bool:
    """Copies to the raw sockets that want it. True: there was one."""
    return False


def raw_icmp_error(net: Net, skb: SkBuff, protocol: i64, info: i64) -> None:
    """An ICMP error for raw sockets of that protocol."""
