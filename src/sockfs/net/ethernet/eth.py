"""Ethernet frames: the header in front of a packet, and what kind of frame it makes.

Kernel counterpart: `net/ethernet/eth.c`. Drivers that carry frames call `eth_type_trans` for what arrives
and `eth_header_bytes` for what leaves. IEEE 802.3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfs.net.core import skbuff
from sockfs.structs.headers import Ethhdr
from sockfs.uapi.if_ether import ETH_HLEN
from sockfs.uapi.packet import PACKET_BROADCAST, PACKET_HOST, PACKET_MULTICAST, PACKET_OTHERHOST

if TYPE_CHECKING:
    from mypy_extensions import i64

    from sockfs.structs.net_device import NetDevice
    from sockfs.structs.sk_buff import SkBuff


def eth_type_trans(skb: SkBuff, dev: NetDevice) -> i64:
    """A frame arrived: from bytes its header is taken off; in any case say for whom it is. Returns the
    Ethernet type, 0 when too short.
    """
    eth = skb.ethh
    if eth is None:
        if skb.len < ETH_HLEN:
            return 0
        head = skbuff.skb_copy_bits(skb, 0, ETH_HLEN)
        eth = Ethhdr(head[0:6], head[6:12], (head[12] << 8) | head[13])
        skb.ethh = eth
        skbuff.skb_pull(skb, ETH_HLEN)
    skb.dev = dev
    dest = eth.h_dest
    if dest == dev.dev_addr:
        skb.pkt_type = PACKET_HOST
    elif dest == dev.broadcast:
        skb.pkt_type = PACKET_BROADCAST
    elif len(dest) > 0 and dest[0] & 1:
        skb.pkt_type = PACKET_MULTICAST
    else:
        skb.pkt_type = PACKET_OTHERHOST
    skb.protocol = eth.h_proto
    return eth.h_proto


def eth_header_bytes(eth: Ethhdr) -> bytes:
    """Fourteen bytes: destination, source, type."""
    proto: int = eth.h_proto & 0xFFFF
    return eth.h_dest + eth.h_source + proto.to_bytes(2, "big")
