"""Raw IPv4 sockets.

Kernel counterpart: `net/ipv4/raw.c`. raw(7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sockfs.net.core import sock as core_sock
from sockfs.structs.ops import Proto
from sockfs.structs.raw_sock import RawSock
from sockfs.uapi.socket import AF_INET

if TYPE_CHECKING:
    from mypy_extensions import i64

    from sockfs.structs.net import Net
    from sockfs.structs.sk_buff import SkBuff
    from sockfs.structs.sock import Sock


def raw_local_deliver(net: Net, skb: SkBuff, protocol: i64) -> bool:
    """Copies to the raw sockets that want it. True: there was one."""
    return False


def raw_icmp_error(net: Net, skb: SkBuff, protocol: i64, info: i64) -> None:
    """An ICMP error for raw sockets of that protocol."""


class RawProt(Proto):
    """`raw_prot`."""

    def alloc(self, net: Net) -> Sock:
        return RawSock(net.kernel, AF_INET, net, self, core_sock.SOCK_DEF_CALLBACKS)


raw_prot: Final = RawProt("RAW", "RAW")
