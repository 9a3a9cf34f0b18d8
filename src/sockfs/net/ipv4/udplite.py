"""UDP-Lite: datagrams of which a part only is covered by the checksum.

Kernel counterpart: `net/ipv4/udplite.c`. Everything is UDP's (`udp.py`), with a table, counters and a
protocol number of its own. RFC 3828, udplite(7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.net.core import sock as core_sock
from sockfs.net.ipv4 import udp
from sockfs.structs.ops import NetProtocol
from sockfs.structs.udp_sock import UdpSock
from sockfs.uapi.in_ import IPPROTO_UDPLITE
from sockfs.uapi.socket import AF_INET

if TYPE_CHECKING:
    from sockfs.structs.kernel import Kernel
    from sockfs.structs.net import Net
    from sockfs.structs.sk_buff import SkBuff
    from sockfs.structs.sock import Sock

UDPLITE_BIT: Final = 0x1


class UdpliteProt(udp.UdpProt):
    """`udplite_prot`."""

    def alloc(self, net: Net) -> Sock:
        return UdpSock(net.kernel, AF_INET, net, self, core_sock.SOCK_DEF_CALLBACKS)

    def init(self, sk: Sock) -> i64:
        assert isinstance(sk, UdpSock)
        sk.pcflag = UDPLITE_BIT
        return 0


udplite_prot: Final = UdpliteProt("UDP-Lite", "UDP-Lite")


class UdpliteProtocol(NetProtocol):
    """`udplite_protocol`."""

    def handler(self, skb: SkBuff) -> i64:
        dev = skb.dev
        assert dev is not None
        return udp.udp4_lib_rcv(skb, dev.net, dev.net.udplite_table, dev.net.mib_udplite)

    def err_handler(self, skb: SkBuff, info: i64) -> i64:
        dev = skb.dev
        assert dev is not None
        return udp.udp4_lib_err(skb, info, dev.net, dev.net.udplite_table)


def udplite4_register(k: Kernel) -> None:
    """UDP-Lite packets come here from now on. (af_inet's `inetsw` needs the line SOCK_DGRAM,
    IPPROTO_UDPLITE, udplite_prot.)
    """
    k.inet_protos[IPPROTO_UDPLITE] = UdpliteProtocol("UDP-Lite")
