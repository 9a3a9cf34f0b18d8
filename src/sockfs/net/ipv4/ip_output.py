"""IPv4 on the way out: the header is written, the route followed, what is too big is cut.

Kernel counterpart: `net/ipv4/ip_output.c`. Transports come in by `ip_queue_xmit` (connections),
`ip_build_and_send_pkt` (SYN-ACKs), `ip_send_unicast_reply` (packets that belong to no socket) and
`ip_send_skb` (datagrams that have their header). All go `ip_local_out → ip_output → ip_finish_output →
ip_finish_output2` and on to `dev.dev_queue_xmit`. RFC 791, RFC 1122 section 3.3, RFC 6864 (identification).

The header is an object; bytes are made only for fragments. Left out: netfilter, IPsec, source routing of
forwarded packets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from mypy_extensions import i64

from sockfs.net.core import dev as net_dev
from sockfs.net.core import neighbour, skbuff, wire
from sockfs.net.ipv4 import icmp, ip_options, route
from sockfs.structs.headers import Iphdr
from sockfs.structs.inet_sock import InetSock
from sockfs.uapi.dropreason import (
    SKB_DROP_REASON_IP_OUTNOROUTES,
    SKB_DROP_REASON_PKT_TOO_BIG,
)
from sockfs.uapi.errno import EHOSTUNREACH, EMSGSIZE
from sockfs.uapi.icmp import ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED
from sockfs.uapi.if_ import IFF_LOOPBACK, IFF_NOARP
from sockfs.uapi.if_ether import ETH_P_IP
from sockfs.uapi.in_ import IP_PMTUDISC_DO, IP_PMTUDISC_WANT, IPPROTO_TCP
from sockfs.uapi.ip import IP_DF, IP_MAX_MTU, IP_MF, IP_OFFSET
from sockfs.uapi.rtnetlink import RTN_BROADCAST, RTN_MULTICAST

if TYPE_CHECKING:
    from sockfs.net.ipv4.route import Rtable
    from sockfs.structs.dst import Dst
    from sockfs.structs.headers import Tcphdr
    from sockfs.structs.net import Net
    from sockfs.structs.sk_buff import SkBuff
    from sockfs.structs.sock import Sock


# Ways in


def ip_queue_xmit(sk: Sock, skb: SkBuff) -> i64:
    """A segment of a connection (skb.th set, payload in skb) gets its network header and goes. 0, NET_XMIT
    code or -errno.
    """
    assert isinstance(sk, InetSock)
    return ip_queue_xmit_tos(sk, skb, sk.tos)


def ip_queue_xmit_tos(sk: InetSock, skb: SkBuff, tos: i64) -> i64:
    """`__ip_queue_xmit`: the same with a type of service of its own."""
    net = sk.sk_net
    rt = skb.dst
    if rt is None:
        rt = sk.sk_dst_cache
        if rt is None or rt.obsolete or rt.genid != net.fib_genid:
            rt = inet_sk_route(sk)
            if rt is None:
                net.mib_ip.OutNoRoutes += 1
                skbuff.kfree_skb_reason(sk.kernel, skb, SKB_DROP_REASON_IP_OUTNOROUTES)
                return -EHOSTUNREACH
        skb.dst = rt
    ttl = sk.uc_ttl
    if ttl < 0:
        ttl = net.ipv4.sysctl_ip_default_ttl
    iph = Iphdr(sk.inet_saddr, sk.sk_daddr, sk.sk_protocol, ttl, tos)
    opt = sk.inet_opt
    if len(opt) != 0:
        ip_options.ip_options_build(iph, opt)
    disc = sk.pmtudisc
    if disc in (IP_PMTUDISC_WANT, IP_PMTUDISC_DO):
        iph.frag_off = IP_DF
    # Linux counts the identification of a connection up also where DF is set, one a segment (RFC 6864
    # leaves it free).
    iph.id = sk.inet_id & 0xFFFF
    segs = skb.gso_segs
    sk.inet_id = (sk.inet_id + (segs if segs > 1 else 1)) & 0xFFFF
    skb.iph = iph
    skb.protocol = ETH_P_IP
    skb.priority = sk.sk_priority
    skb.mark = sk.sk_mark
    return ip_local_out(net, sk, skb)


def inet_sk_route(sk: InetSock) -> Dst | None:
    """The connection's route anew, into its cache. None when there is none any more."""
    net = sk.sk_net
    fl4 = route.Flowi4(sk.sk_daddr, sk.inet_saddr, sk.sk_bound_dev_if)
    opt = sk.inet_opt
    if len(opt) != 0:
        first = ip_options.ip_options_first_hop(opt)
        if first != 0:
            fl4.daddr = first
    rt = route.ip_route_output_key(net, fl4)
    sk.sk_dst_cache = rt
    sk.sk_dst_genid = net.fib_genid
    return rt


def ip_build_and_send_pkt(skb: SkBuff, sk: InetSock, saddr: i64, daddr: i64, opt: bytes, tos: i64) -> i64:
    """A packet of a connection that is still being made (SYN-ACK), by the route in skb.dst."""
    net = sk.sk_net
    rt = skb.dst
    if rt is None:
        fl4 = route.Flowi4(daddr, saddr, sk.sk_bound_dev_if)
        rt = route.ip_route_output_key(net, fl4)
        if rt is None:
            net.mib_ip.OutNoRoutes += 1
            skbuff.kfree_skb_reason(sk.kernel, skb, SKB_DROP_REASON_IP_OUTNOROUTES)
            return -EHOSTUNREACH
        skb.dst = rt
    ttl = sk.uc_ttl
    if ttl < 0:
        ttl = net.ipv4.sysctl_ip_default_ttl
    iph = Iphdr(saddr, daddr, sk.sk_protocol, ttl, tos)
    if len(opt) != 0:
        ip_options.ip_options_build(iph, opt)
    if ip_dont_fragment(sk):
        iph.frag_off = IP_DF
        iph.id = 0
    else:
        iph.id = ip_select_ident(net, 1)
    skb.iph = iph
    skb.protocol = ETH_P_IP
    skb.priority = sk.sk_priority
    if skb.mark == 0:
        skb.mark = sk.sk_mark
    return ip_local_out(net, sk, skb)


def ip_send_unicast_reply(
    net: Net, skb_in: SkBuff, th: Tcphdr, saddr: i64, daddr: i64, tos: i64, mark: i64
) -> i64:
    """A segment without a socket, in answer to skb_in: a RST, or an ACK out of TIME-WAIT. From saddr (ours)
    to daddr.
    """
    k = net.kernel
    oif = skb_in.skb_iif if route.ipv4_is_local_multicast(daddr) else 0
    fl4 = route.Flowi4(daddr, saddr, oif)
    fl4.flags = route.FLOWI_FLAG_ANYSRC
    fl4.proto = IPPROTO_TCP
    rt = route.ip_route_output_key(net, fl4)
    if rt is None:
        return fl4.err
    skb = skbuff.alloc_skb(k)
    skb.th = th
    skb.dst = rt
    iph = Iphdr(saddr, daddr, IPPROTO_TCP, net.ipv4.sysctl_ip_default_ttl, tos)
    iph.frag_off = IP_DF
    skb.iph = iph
    skb.protocol = ETH_P_IP
    skb.mark = mark
    return ip_local_out(net, None, skb)


# The way out


def ip_local_out(net: Net, sk: Sock | None, skb: SkBuff) -> i64:
    """A packet of our own starts: its length is known now."""
    iph = skb.iph
    assert iph is not None
    size = skb.len + (iph.ihl << 2)
    th = skb.th
    if th is not None:
        size += th.doff << 2
    elif skb.uh is not None or skb.icmph is not None:
        size += 8
    iph.tot_len = size
    net.mib_ip.OutRequests += 1
    rt = skb.dst
    assert rt is not None
    return rt.output(skb)


def ip_mc_output(skb: SkBuff, rt: Rtable) -> i64:
    """To a group or to all, through a device that is not lo: those here who listen get a copy
    (ip_mc_output, IP_MULTICAST_LOOP).
    """
    dev = rt.dev
    net = dev.net
    iph = skb.iph
    assert iph is not None
    if rt.rt_flags & route.RTCF_MULTICAST:
        sk = skb.sk
        loop = sk is None or not isinstance(sk, InetSock) or sk.mc_loop
        if loop and rt.rt_flags & route.RTCF_LOCAL:
            _ip_mc_loopback(skb, rt)
        if iph.ttl == 0:
            # Multicasts with ttl 0 never leave this host (RFC 1112 section 6.1).
            skbuff.consume_skb(net.kernel, skb)
            return 0
    if rt.rt_flags & route.RTCF_BROADCAST:
        _ip_mc_loopback(skb, rt)
    return ip_output(skb, rt)


def _ip_mc_loopback(skb: SkBuff, rt: Rtable) -> None:
    dev = rt.dev
    k = dev.net.kernel
    copy = skbuff.skb_clone(k, skb)
    copy.dev = dev
    back = route.Rtable(dev)
    back.genid = rt.genid
    back.rt_type = rt.rt_type
    back.rt_flags = rt.rt_flags | route.RTCF_LOCAL
    back.rt_src = rt.rt_src
    back.rt_iif = dev.ifindex
    copy.dst = back
    net_dev.netif_rx(k, copy)


def ip_output(skb: SkBuff, rt: Rtable) -> i64:
    """Counted as sent; the route says through which device."""
    dev = rt.dev
    net = dev.net
    iph = skb.iph
    assert iph is not None
    net.mib_ip.OutTransmits += 1
    net.mib_ipext.OutOctets += iph.tot_len
    skb.dev = dev
    return ip_finish_output(net, skb, rt, iph)


def ip_finish_output(net: Net, skb: SkBuff, rt: Rtable, iph: Iphdr) -> i64:
    """What does not fit is cut: big TCP and UDP packets into segments (by the device), others into
    fragments.
    """
    mtu = ip_skb_dst_mtu(skb, rt)
    if skb.gso_size == 0 and iph.tot_len > mtu:
        return ip_fragment(net, skb, rt, iph, mtu)
    return ip_finish_output2(net, skb, rt, iph)


def ip_finish_output2(net: Net, skb: SkBuff, rt: Rtable, iph: Iphdr) -> i64:
    """To the next hop on the link."""
    type = rt.rt_type
    if type == RTN_MULTICAST:
        net.mib_ipext.OutMcastPkts += 1
        net.mib_ipext.OutMcastOctets += iph.tot_len
    elif type == RTN_BROADCAST:
        net.mib_ipext.OutBcastPkts += 1
        net.mib_ipext.OutBcastOctets += iph.tot_len
    dev = rt.dev
    if dev.flags & (IFF_LOOPBACK | IFF_NOARP):
        return net_dev.dev_queue_xmit(skb)
    nexthop = rt.rt_gateway if rt.rt_uses_gateway else iph.daddr
    return neighbour.neigh_output4(skb, dev, nexthop, type == RTN_MULTICAST, type == RTN_BROADCAST)


def ip_skb_dst_mtu(skb: SkBuff, rt: Dst) -> i64:
    """The MTU that counts for this packet: the path's, or the device's where the socket ignores the path
    (IP_PMTUDISC_PROBE …).
    """
    sk = skb.sk
    if sk is not None and isinstance(sk, InetSock) and sk.pmtudisc > IP_PMTUDISC_DO:
        mtu = rt.dev.mtu
        return mtu if mtu < IP_MAX_MTU else IP_MAX_MTU
    return rt.mtu()


# Fragments (RFC 791 section 3.2)


def ip_fragment(net: Net, skb: SkBuff, rt: Rtable, iph: Iphdr, mtu: i64) -> i64:
    """Cut a packet that may be cut; tell the sender of one that may not (RFC 1191)."""
    k = net.kernel
    if iph.frag_off & IP_DF and not skb_ignore_df(skb):
        net.mib_ip.FragFails += 1
        icmp.icmp_send(skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, mtu)
        skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_PKT_TOO_BIG)
        return -EMSGSIZE
    return ip_do_fragment(net, skb, rt, iph, mtu)


def skb_ignore_df(skb: SkBuff) -> bool:
    """The socket lets its own packets be cut although DF is set (IP_PMTUDISC_WANT, DONT: `ignore_df`)."""
    sk = skb.sk
    return sk is not None and isinstance(sk, InetSock) and ip_sk_ignore_df(sk)


def ip_do_fragment(net: Net, skb: SkBuff, rt: Rtable, iph: Iphdr, mtu: i64) -> i64:
    """One fragment after the other, each but the last a multiple of eight bytes."""
    k = net.kernel
    body = wire.transport_bytes(skb)
    total: i64 = len(body)
    hlen = iph.ihl << 2
    room = (mtu - hlen) & ~7
    if room <= 0:
        net.mib_ip.FragFails += 1
        skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_PKT_TOO_BIG)
        return -EMSGSIZE
    base = (iph.frag_off & IP_OFFSET) << 3
    more = iph.frag_off & IP_MF
    err: i64 = 0
    off: i64 = 0
    net.mib_ip.FragOKs += 1
    while off < total:
        size = total - off
        if size > mtu - hlen:
            size = room
        part = skbuff.alloc_skb(k)
        skbuff.skb_set_data(part, body[off : off + size])
        head = Iphdr(iph.saddr, iph.daddr, iph.protocol, iph.ttl, iph.tos)
        head.ihl = iph.ihl
        head.id = iph.id
        head.options = iph.options if off == 0 else ip_options.ip_options_fragment(iph.options)
        head.frag_off = (base + off) >> 3 | (iph.frag_off & IP_DF)
        if off + size < total or more:
            head.frag_off |= IP_MF
        head.tot_len = hlen + size
        part.iph = head
        part.protocol = ETH_P_IP
        part.dst = skb.dst
        part.dev = skb.dev
        part.priority = skb.priority
        part.mark = skb.mark
        sk = skb.sk
        if sk is not None:
            skbuff.skb_set_owner_w(part, cast("Sock", sk))
        net.mib_ip.FragCreates += 1
        rc = ip_finish_output2(net, part, rt, head)
        if rc != 0:
            err = rc
        off += size
    skbuff.consume_skb(k, skb)
    return err


# Small questions


def ip_dont_fragment(sk: InetSock) -> bool:
    """DF is to be set on what sk sends."""
    return sk.pmtudisc == IP_PMTUDISC_DO or sk.pmtudisc == IP_PMTUDISC_WANT


def ip_sk_ignore_df(sk: InetSock) -> bool:
    """Packets of sk may be cut here, at their source."""
    return sk.pmtudisc < IP_PMTUDISC_DO or sk.pmtudisc == 5


def ip_select_ttl(sk: InetSock, rt: Dst) -> i64:
    """The time to live of a unicast packet of sk."""
    if sk.uc_ttl >= 0:
        return sk.uc_ttl
    return rt.dev.net.ipv4.sysctl_ip_default_ttl


def ip_select_ident(net: Net, segs: i64) -> i64:
    """An identification for a packet that may be cut; segs of them are taken."""
    id = net.ip_id
    net.ip_id = (id + segs) & 0xFFFF
    return id
