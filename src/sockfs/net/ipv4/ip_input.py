"""IPv4 on the way in: header checked, route found, delivered to the transport.

Kernel counterparts: `net/ipv4/ip_input.c`, `ip_forward.c`. `dev` hands over to `ip_rcv` (the packet type of
ETH_P_IP); `ip_rcv_core` checks (bytes only: a packet from inside has its header as an object, and nothing
to verify), `ip_rcv_finish` finds the route, `ip_local_deliver` puts fragments together, and
`ip_protocol_deliver` calls `k.inet_protos[protocol].handler`. RFC 791, RFC 1122 section 3.2.1, RFC 1812 for
forwarding.

Left out: netfilter, IPsec, early demultiplexing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import i64

from sockfs.net.core import dev as net_dev
from sockfs.net.core import skbuff, wire
from sockfs.net.ipv4 import icmp, ip_fragment, ip_options, ip_output, raw, route
from sockfs.structs.ops import PacketType
from sockfs.uapi.dropreason import (
    SKB_DROP_REASON_HDR_TRUNC,
    SKB_DROP_REASON_IP_CSUM,
    SKB_DROP_REASON_IP_INHDR,
    SKB_DROP_REASON_IP_NOPROTO,
    SKB_DROP_REASON_NOT_SPECIFIED,
    SKB_DROP_REASON_OTHERHOST,
    SKB_DROP_REASON_PKT_TOO_BIG,
    SKB_DROP_REASON_PKT_TOO_SMALL,
    SKB_DROP_REASON_UNICAST_IN_L2_MULTICAST,
)
from sockfs.uapi.icmp import (
    ICMP_DEST_UNREACH,
    ICMP_EXC_TTL,
    ICMP_FRAG_NEEDED,
    ICMP_PROT_UNREACH,
    ICMP_TIME_EXCEEDED,
)
from sockfs.uapi.if_ import NET_RX_DROP
from sockfs.uapi.if_ether import ETH_P_IP
from sockfs.uapi.ip import INET_ECN_MASK, IP_DF, IP_MF, IP_OFFSET
from sockfs.uapi.packet import PACKET_BROADCAST, PACKET_HOST, PACKET_MULTICAST, PACKET_OTHERHOST
from sockfs.uapi.rtnetlink import RTN_BROADCAST, RTN_MULTICAST

if TYPE_CHECKING:
    from sockfs.net.ipv4.route import Rtable
    from sockfs.structs.headers import Iphdr
    from sockfs.structs.kernel import Kernel
    from sockfs.structs.net import Net
    from sockfs.structs.net_device import NetDevice
    from sockfs.structs.sk_buff import SkBuff


def ip_rcv(skb: SkBuff, dev: NetDevice) -> i64:
    """An IPv4 packet arrived on dev."""
    net = dev.net
    k = net.kernel
    if skb.pkt_type == PACKET_OTHERHOST:
        dev.rx_dropped += 1
        skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_OTHERHOST)
        return NET_RX_DROP
    iph = skb.iph
    if iph is None:
        iph = ip_rcv_core(skb, net)
        if iph is None:
            return NET_RX_DROP
    else:
        net.mib_ip.InReceives += 1
        net.mib_ipext.InOctets += iph.tot_len
        ip_count_ecn(net, skb, iph)
    return ip_rcv_finish(net, skb, dev, iph)


def ip_rcv_core(skb: SkBuff, net: Net) -> Iphdr | None:
    """A packet that came as bytes: RFC 1122 3.2.1.2 and what follows. None: it was dropped."""
    size = skb.len
    net.mib_ip.InReceives += 1
    net.mib_ipext.InOctets += size
    reason = wire.parse_ipv4(skb)
    iph = skb.iph
    if reason == 0 and iph is not None:
        ip_count_ecn(net, skb, iph)
        return iph
    if reason == SKB_DROP_REASON_IP_CSUM:
        net.mib_ipext.InCsumErrors += 1
        net.mib_ip.InHdrErrors += 1
    elif reason == SKB_DROP_REASON_PKT_TOO_SMALL:
        net.mib_ipext.InTruncatedPkts += 1
    elif reason in (SKB_DROP_REASON_IP_INHDR, SKB_DROP_REASON_HDR_TRUNC):
        net.mib_ip.InHdrErrors += 1
    else:
        net.mib_ip.InDiscards += 1
    skbuff.kfree_skb_reason(net.kernel, skb, reason)
    return None


def ip_count_ecn(net: Net, skb: SkBuff, iph: Iphdr) -> None:
    """One more packet of its ECN code point; a big one counts as the segments it stands for."""
    n = skb.gso_segs
    if n < 1:
        n = 1
    ecn = iph.tos & INET_ECN_MASK
    if ecn == 0:
        net.mib_ipext.InNoECTPkts += n
    elif ecn == 1:
        net.mib_ipext.InECT1Pkts += n
    elif ecn == 2:
        net.mib_ipext.InECT0Pkts += n
    else:
        net.mib_ipext.InCEPkts += n


def ip_rcv_finish(net: Net, skb: SkBuff, dev: NetDevice, iph: Iphdr) -> i64:
    """Which way now: to a socket here, or on. What came through lo has its route already."""
    dst = skb.dst
    if dst is None:
        reason = route.ip_route_input(skb, iph.daddr, iph.saddr, iph.tos, dev)
        dst = skb.dst
        if reason != 0 or dst is None:
            if reason == 0:
                reason = SKB_DROP_REASON_NOT_SPECIFIED
            skbuff.kfree_skb_reason(net.kernel, skb, reason)
            return NET_RX_DROP
    if iph.ihl > 5 and not ip_options.ip_rcv_options(net, skb, dev, iph):
        return NET_RX_DROP
    rt = dst
    if isinstance(rt, route.Rtable):
        type = rt.rt_type
        if type == RTN_MULTICAST:
            net.mib_ipext.InMcastPkts += 1
            net.mib_ipext.InMcastOctets += iph.tot_len
        elif type == RTN_BROADCAST:
            net.mib_ipext.InBcastPkts += 1
            net.mib_ipext.InBcastOctets += iph.tot_len
        elif skb.pkt_type == PACKET_BROADCAST or skb.pkt_type == PACKET_MULTICAST:
            # A unicast packet in a link-layer broadcast must be dropped silently (RFC 1122 3.3.6).
            if net.kernel.init_net is net:
                skbuff.kfree_skb_reason(net.kernel, skb, SKB_DROP_REASON_UNICAST_IN_L2_MULTICAST)
                return NET_RX_DROP
    return dst.input(skb)


def ip_local_deliver(skb: SkBuff) -> i64:
    """It is for us. Fragments wait for the rest."""
    iph = skb.iph
    dev = skb.dev
    assert iph is not None
    assert dev is not None
    if iph.frag_off & (IP_MF | IP_OFFSET):
        whole = ip_fragment.ip_defrag(dev.net, skb, ip_fragment.IP_DEFRAG_LOCAL_DELIVER)
        if whole is None:
            return 0
        skb = whole
        iph = skb.iph
        assert iph is not None
    return ip_protocol_deliver(dev.net, skb, iph)


def ip_protocol_deliver(net: Net, skb: SkBuff, iph: Iphdr) -> i64:
    """`ip_protocol_deliver_rcu`: copies to raw sockets, then the protocol's handler; nobody: "protocol
    unreachable" (RFC 1122 3.2.2.1).
    """
    k = net.kernel
    protocol = iph.protocol
    raw_taken = False
    if net.raw_hash:
        raw_taken = raw.raw_local_deliver(net, skb, protocol)
    ipprot = k.inet_protos[protocol]
    if ipprot is not None:
        net.mib_ip.InDelivers += 1
        return ipprot.handler(skb)
    if raw_taken:
        net.mib_ip.InDelivers += 1
        skbuff.consume_skb(k, skb)
        return 0
    net.mib_ip.InUnknownProtos += 1
    icmp.icmp_send(skb, ICMP_DEST_UNREACH, ICMP_PROT_UNREACH, 0)
    skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_IP_NOPROTO)
    return 0


def ip_forward(skb: SkBuff, rt: Rtable) -> i64:
    """It is for somebody else and we are a router (RFC 1812 section 5)."""
    iph = skb.iph
    dev = skb.dev
    assert iph is not None
    assert dev is not None
    net = dev.net
    k = net.kernel
    if skb.pkt_type != PACKET_HOST or skb.sk is not None:
        skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_NOT_SPECIFIED)
        return NET_RX_DROP
    if iph.ttl <= 1:
        net.mib_ip.InHdrErrors += 1
        icmp.icmp_send(skb, ICMP_TIME_EXCEEDED, ICMP_EXC_TTL, 0)
        skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_IP_INHDR)
        return NET_RX_DROP
    net.mib_ip.ForwDatagrams += 1
    net.mib_ip.OutTransmits += 1
    net.mib_ipext.OutOctets += iph.tot_len
    mtu = rt.mtu()
    if iph.tot_len > mtu and iph.frag_off & IP_DF and skb.gso_size == 0:
        net.mib_ip.FragFails += 1
        icmp.icmp_send(skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, mtu)
        skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_PKT_TOO_BIG)
        return NET_RX_DROP
    iph.ttl -= 1
    skb.dev = rt.dev
    return ip_output.ip_finish_output(net, skb, rt, iph)


class IpPacketType(PacketType):
    """`ip_packet_type`."""

    def func(self, skb: SkBuff, dev: NetDevice) -> i64:
        return ip_rcv(skb, dev)


def ip_packet_init(k: Kernel) -> None:
    """IPv4 packets come here from now on."""
    net_dev.dev_add_pack(k, IpPacketType(ETH_P_IP))
