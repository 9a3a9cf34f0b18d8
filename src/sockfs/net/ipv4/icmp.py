"""ICMP: errors sent and received, echo and timestamp answered.

Kernel counterpart: `net/ipv4/icmp.c`. Whoever drops a packet for a reason its sender should know calls
`icmp_send`; `icmp_rcv` takes what arrives: queries are answered here, errors go to the protocol of the
quoted packet (`inet_protos[p].err_handler`), which finds the socket. RFC 792, RFC 1122 section 3.2.2, RFC
1812 section 4.3 (rate limits), RFC 1191. icmp(7).

An error handler gets the skb with `iph` the quoted header, `data` the quoted bytes behind it, `icmph` the
error's own header and `name` the packed address of who sent the error. Left out: redirects (counted, not
followed), extended echo (RFC 8335), address masks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.net.core import skbuff, wire
from sockfs.net.ipv4 import devinet, fib_frontend, ip_options, ip_output, ping, raw, route
from sockfs.structs.headers import Icmphdr, Iphdr
from sockfs.structs.ops import NetProtocol
from sockfs.structs.sockaddr import pack_sockaddr_in
from sockfs.uapi.dropreason import (
    SKB_DROP_REASON_INVALID_PROTO,
    SKB_DROP_REASON_NOT_SPECIFIED,
    SKB_DROP_REASON_PKT_TOO_SMALL,
    SKB_DROP_REASON_UNHANDLED_PROTO,
)
from sockfs.uapi.errno import (
    ECONNREFUSED,
    EHOSTDOWN,
    EHOSTUNREACH,
    EMSGSIZE,
    ENETUNREACH,
    ENONET,
    ENOPROTOOPT,
    EOPNOTSUPP,
)
from sockfs.uapi.icmp import (
    ICMP_ADDRESS,
    ICMP_ADDRESSREPLY,
    ICMP_DEST_UNREACH,
    ICMP_ECHO,
    ICMP_ECHOREPLY,
    ICMP_EXC_FRAGTIME,
    ICMP_FRAG_NEEDED,
    ICMP_PARAMETERPROB,
    ICMP_REDIRECT,
    ICMP_SOURCE_QUENCH,
    ICMP_TIME_EXCEEDED,
    ICMP_TIMESTAMP,
    ICMP_TIMESTAMPREPLY,
    NR_ICMP_TYPES,
    NR_ICMP_UNREACH,
)
from sockfs.uapi.if_ import IFF_LOOPBACK
from sockfs.uapi.if_ether import ETH_P_IP
from sockfs.uapi.in_ import IPPROTO_ICMP
from sockfs.uapi.ip import IP_OFFSET, IPTOS_PREC_INTERNETCONTROL, IPTOS_TOS_MASK
from sockfs.uapi.packet import PACKET_HOST
from sockfs.uapi.rtnetlink import RTN_BROADCAST

if TYPE_CHECKING:
    from sockfs.structs.kernel import Kernel
    from sockfs.structs.net import Net
    from sockfs.structs.sk_buff import SkBuff

NSEC_PER_MSEC: Final = 1_000_000
NSEC_PER_SEC: Final = 1_000_000_000
XRLIM_BURST_FACTOR: Final = 6
ICMP_QUOTE_MAX: Final = 576  # RFC 1812 section 4.3.2.3: as much as fits into 576 bytes
PEERS_MAX: Final = 4096

# What an unreachable means to a program (RFC 1122 section 4.2.3.9): errno, and whether a connection ends by
# it.
ICMP_ERR_ERRNO: Final[list[int]] = [
    ENETUNREACH,
    EHOSTUNREACH,
    ENOPROTOOPT,
    ECONNREFUSED,
    EMSGSIZE,
    EOPNOTSUPP,
    ENETUNREACH,
    EHOSTDOWN,
    ENONET,
    ENETUNREACH,
    EHOSTUNREACH,
    ENETUNREACH,
    EHOSTUNREACH,
    EHOSTUNREACH,
    EHOSTUNREACH,
    EHOSTUNREACH,
]
ICMP_ERR_FATAL: Final[list[int]] = [0, 0, 1, 1, 0, 0, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1]


# Sending errors


def icmp_send(skb_in: SkBuff, type: i64, code: i64, info: i64) -> None:
    """Tell the sender of skb_in what became of it. skb_in stays the caller's. RFC 1122 3.2.2 says when to
    be silent.
    """
    iph = skb_in.iph
    dst = skb_in.dst
    if iph is None or dst is None:
        return
    net = dst.dev.net
    if skb_in.pkt_type != PACKET_HOST:
        return
    if isinstance(dst, route.Rtable) and dst.rt_flags & (route.RTCF_BROADCAST | route.RTCF_MULTICAST):
        return
    if iph.frag_off & IP_OFFSET:
        return
    if icmp_is_error(type) and iph.protocol == IPPROTO_ICMP:
        inner = skb_in.icmph
        if inner is not None:
            inner_type = inner.type
        elif skb_in.len > 0:
            inner_type = skbuff.skb_copy_bits(skb_in, 0, 1)[0]
        else:
            return
        if inner_type > NR_ICMP_TYPES or icmp_is_error(inner_type):
            return
    dev_in = skb_in.dev
    limited = dev_in is None or not dev_in.flags & IFF_LOOPBACK
    if limited and not icmpv4_global_allow(net, type, code):
        return
    saddr = iph.daddr
    if not (isinstance(dst, route.Rtable) and dst.rt_flags & route.RTCF_LOCAL):
        saddr = 0
        if net.ipv4.sysctl_icmp_errors_use_inbound_ifaddr and dev_in is not None:
            saddr = devinet.inet_select_addr(dev_in, iph.saddr, 253)
    tos = iph.tos
    if icmp_is_error(type):
        tos = (tos & IPTOS_TOS_MASK) | IPTOS_PREC_INTERNETCONTROL
    opt = ip_options.ip_options_echo(iph.options)
    fl4 = route.Flowi4(iph.saddr, saddr, 0)
    fl4.proto = IPPROTO_ICMP
    rt = route.ip_route_output_key(net, fl4)
    if rt is None:
        return
    if not icmpv4_xrlim_allow(net, rt, type, code, fl4.daddr):
        return
    room = min(rt.mtu(), ICMP_QUOTE_MAX) - 20 - len(opt) - 8
    quote = wire.skb_to_bytes(skb_in)
    if room <= 20:
        return
    if len(quote) > room:
        quote = quote[:room]
    icmp_push_reply(net, rt, fl4, Icmphdr(type, code, info), quote, tos, opt)


def icmp_push_reply(
    net: Net, rt: route.Rtable, fl4: route.Flowi4, icmph: Icmphdr, data: bytes, tos: i64, opt: bytes
) -> None:
    """One ICMP message out."""
    k = net.kernel
    skb = skbuff.alloc_skb(k)
    skbuff.skb_set_data(skb, data)
    skb.icmph = icmph
    skb.ip_summed = wire.CHECKSUM_PARTIAL
    iph = Iphdr(fl4.saddr, fl4.daddr, IPPROTO_ICMP, net.ipv4.sysctl_ip_default_ttl, tos)
    if len(opt) != 0:
        ip_options.ip_options_build(iph, opt)
    iph.id = ip_output.ip_select_ident(net, 1)
    skb.iph = iph
    skb.protocol = ETH_P_IP
    skb.dst = rt
    icmp_out_count(net, icmph.type)
    ip_output.ip_local_out(net, None, skb)


def icmp_is_error(type: i64) -> bool:
    """Types that report an error: no error is ever sent about one (RFC 1122 3.2.2)."""
    return type in (
        ICMP_DEST_UNREACH,
        ICMP_SOURCE_QUENCH,
        ICMP_REDIRECT,
        ICMP_TIME_EXCEEDED,
        ICMP_PARAMETERPROB,
    )


def icmpv4_mask_allow(net: Net, type: i64, code: i64) -> bool:
    """Types that are never limited: unknown ones, path MTU discovery, and those out of icmp_ratemask."""
    if type > NR_ICMP_TYPES:
        return True
    if type == ICMP_DEST_UNREACH and code == ICMP_FRAG_NEEDED:
        return True
    return not (1 << type) & net.ipv4.sysctl_icmp_ratemask


def icmpv4_global_allow(net: Net, type: i64, code: i64) -> bool:
    """icmp_msgs_per_sec and icmp_msgs_burst: a bucket for the whole host."""
    if icmpv4_mask_allow(net, type, code):
        return True
    now = net.kernel.now
    burst = net.ipv4.sysctl_icmp_msgs_burst
    if net.icmp_stamp == 0:
        net.icmp_tokens = burst
        net.icmp_stamp = now
    grown = min(now - net.icmp_stamp, NSEC_PER_SEC) * net.ipv4.sysctl_icmp_msgs_per_sec // NSEC_PER_SEC
    if grown > 0:
        net.icmp_tokens = min(burst, net.icmp_tokens + grown)
        net.icmp_stamp = now
    if net.icmp_tokens > 0:
        net.icmp_tokens -= 1
        return True
    net.mib_icmp.OutRateLimitGlobal += 1
    return False


def icmpv4_xrlim_allow(net: Net, rt: route.Rtable, type: i64, code: i64, daddr: i64) -> bool:
    """icmp_ratelimit: a bucket for each destination. Nothing is limited on lo."""
    if icmpv4_mask_allow(net, type, code) or rt.dev.flags & IFF_LOOPBACK:
        return True
    timeout: int = net.ipv4.sysctl_icmp_ratelimit * NSEC_PER_MSEC
    if timeout == 0:
        return True
    now: int = net.kernel.now
    peer = net.icmp_peers.get(daddr)
    if peer is None:
        if len(net.icmp_peers) >= PEERS_MAX:
            net.icmp_peers.clear()
        peer = [XRLIM_BURST_FACTOR * timeout, now]
        net.icmp_peers[daddr] = peer
    tokens = min(peer[0] + now - peer[1], XRLIM_BURST_FACTOR * timeout)
    peer[1] = now
    if tokens >= timeout:
        peer[0] = tokens - timeout
        return True
    peer[0] = tokens
    net.mib_icmp.OutRateLimitHost += 1
    return False


# Receiving


def icmp_rcv(skb: SkBuff) -> i64:
    """An ICMP message arrived."""
    dev = skb.dev
    iph = skb.iph
    assert dev is not None
    assert iph is not None
    net = dev.net
    k = net.kernel
    net.mib_icmp.InMsgs += 1
    if skb.icmph is None:
        reason = wire.parse_icmp(skb)
        if reason != 0:
            if reason != SKB_DROP_REASON_PKT_TOO_SMALL:
                net.mib_icmp.InCsumErrors += 1
            net.mib_icmp.InErrors += 1
            skbuff.kfree_skb_reason(k, skb, reason)
            return 0
    icmph = skb.icmph
    assert icmph is not None
    type = icmph.type
    icmp_in_count(net, type)
    reason = 0
    if type > NR_ICMP_TYPES:
        # RFC 1122 3.2.2: unknown types are silently discarded.
        reason = SKB_DROP_REASON_UNHANDLED_PROTO
    else:
        dst = skb.dst
        if isinstance(dst, route.Rtable) and dst.rt_flags & (route.RTCF_BROADCAST | route.RTCF_MULTICAST):
            # RFC 1122 3.2.2.6: an echo to a broadcast may be ignored; 3.2.2.8 for timestamps.
            if type in (ICMP_ECHO, ICMP_TIMESTAMP):
                if net.ipv4.sysctl_icmp_echo_ignore_broadcasts:
                    reason = SKB_DROP_REASON_INVALID_PROTO
            elif type not in (ICMP_ADDRESS, ICMP_ADDRESSREPLY):
                reason = SKB_DROP_REASON_INVALID_PROTO
    if reason != 0:
        net.mib_icmp.InErrors += 1
        skbuff.kfree_skb_reason(k, skb, reason)
        return 0
    if type == ICMP_ECHO:
        icmp_echo(net, skb, iph, icmph)
    elif type == ICMP_ECHOREPLY:
        if ping.ping_rcv(net, skb, iph, icmph):
            return 0
    elif type in (ICMP_DEST_UNREACH, ICMP_TIME_EXCEEDED, ICMP_PARAMETERPROB, ICMP_SOURCE_QUENCH):
        reason = icmp_unreach(net, skb, iph, icmph)
        if reason != 0:
            skbuff.kfree_skb_reason(k, skb, reason)
            return 0
    elif type == ICMP_REDIRECT:
        if skb.len < 20:
            net.mib_icmp.InErrors += 1
            skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_PKT_TOO_SMALL)
            return 0
    elif type == ICMP_TIMESTAMP:
        icmp_timestamp(net, skb, iph, icmph)
    skbuff.consume_skb(k, skb)
    return 0


def icmp_echo(net: Net, skb: SkBuff, iph: Iphdr, icmph: Icmphdr) -> None:
    """RFC 1122 3.2.2.6: every host answers."""
    if net.ipv4.sysctl_icmp_echo_ignore_all:
        return
    icmp_reply(net, skb, iph, Icmphdr(ICMP_ECHOREPLY, 0, icmph.rest), skbuff.skb_payload(skb))


def icmp_timestamp(net: Net, skb: SkBuff, iph: Iphdr, icmph: Icmphdr) -> None:
    """RFC 1122 3.2.2.8: milliseconds since midnight UT, when it came and when it left."""
    if skb.len < 4:
        net.mib_icmp.InErrors += 1
        return
    k = net.kernel
    ms: int = (k.now + k.wall_offset) // NSEC_PER_MSEC % 86_400_000
    stamp = ms.to_bytes(4, "big")
    reply = Icmphdr(ICMP_TIMESTAMPREPLY, 0, icmph.rest)
    icmp_reply(net, skb, iph, reply, skbuff.skb_copy_bits(skb, 0, 4) + stamp + stamp)


def icmp_reply(net: Net, skb: SkBuff, iph: Iphdr, icmph: Icmphdr, data: bytes) -> None:
    """Answer a query from the address it was sent to (RFC 1122 3.2.2.6); one to a group or to all from our
    own.
    """
    fl4 = route.Flowi4(iph.saddr, fib_frontend.fib_compute_spec_dst(skb), 0)
    fl4.proto = IPPROTO_ICMP
    rt = route.ip_route_output_key(net, fl4)
    if rt is None:
        return
    if not icmpv4_xrlim_allow(net, rt, icmph.type, icmph.code, fl4.daddr):
        return
    icmp_push_reply(net, rt, fl4, icmph, data, iph.tos, ip_options.ip_options_echo(iph.options))


def icmp_unreach(net: Net, skb: SkBuff, outer: Iphdr, icmph: Icmphdr) -> i64:
    """An error about a packet of ours. 0, or why it is dropped. RFC 1122 3.2.2.1 ff."""
    quote = skbuff.skb_payload(skb)
    if len(quote) < 20:
        net.mib_icmp.InErrors += 1
        return SKB_DROP_REASON_PKT_TOO_SMALL
    iph = wire.ipv4_header_from(quote)
    if iph.ihl < 5:
        net.mib_icmp.InErrors += 1
        return SKB_DROP_REASON_NOT_SPECIFIED
    info: i64 = 0
    code = icmph.code
    if icmph.type == ICMP_DEST_UNREACH:
        if code & 15 == ICMP_FRAG_NEEDED:
            # RFC 1191 section 4: the next hop's MTU is in the low half of the second word.
            if net.ipv4.sysctl_ip_no_pmtu_disc not in (1, 2):
                info = icmph.rest & 0xFFFF
        if code > NR_ICMP_UNREACH:
            return 0
    elif icmph.type == ICMP_PARAMETERPROB:
        info = icmph.rest >> 24 & 0xFF
    elif icmph.type == ICMP_TIME_EXCEEDED:
        if code == ICMP_EXC_FRAGTIME:
            return 0
    # RFC 1122 3.2.2: an error about something we sent to all is bogus.
    if (
        net.ipv4.sysctl_icmp_ignore_bogus_error_responses == 0
        and route.inet_addr_type(net, iph.daddr) == RTN_BROADCAST
    ):
        return 0
    return icmp_socket_deliver(net, skb, outer, iph, quote, info)


def icmp_socket_deliver(net: Net, skb: SkBuff, outer: Iphdr, iph: Iphdr, quote: bytes, info: i64) -> i64:
    """To raw sockets that listen for errors, and to the protocol of the quoted packet: at least eight bytes
    of it.
    """
    hlen = iph.ihl << 2
    if len(quote) < hlen + 8:
        net.mib_icmp.InErrors += 1
        return SKB_DROP_REASON_PKT_TOO_SMALL
    skb.name = pack_sockaddr_in(outer.saddr, 0)
    skb.iph = iph
    skbuff.skb_set_data(skb, quote[hlen:])
    raw.raw_icmp_error(net, skb, iph.protocol, info)
    ipprot = net.kernel.inet_protos[iph.protocol]
    if ipprot is not None:
        ipprot.err_handler(skb, info)
    return 0


def icmp_err(skb: SkBuff, info: i64) -> i64:
    """An error about an ICMP message that we sent: only a ping socket cares, and the path MTU."""
    icmph = skb.icmph
    dev = skb.dev
    iph = skb.iph
    if icmph is None or dev is None or iph is None:
        return 0
    inner = skbuff.skb_copy_bits(skb, 0, 8)
    if inner[0] != ICMP_ECHOREPLY:
        ping.ping_err(dev.net, skb, inner, info)
        return 0
    if icmph.type == ICMP_DEST_UNREACH and icmph.code == ICMP_FRAG_NEEDED:
        route.ip_rt_update_pmtu(dev.net, None, iph.daddr, info)
    return 0


# Counters: the named ones of RFC 2011, and one for each type (IcmpMsg)


def icmp_out_count(net: Net, type: i64) -> None:
    """A message of this type goes out."""
    m = net.mib_icmp
    m.OutMsgs += 1
    net.mib_icmpmsg_out[type] = net.mib_icmpmsg_out.get(type, 0) + 1
    if type == ICMP_DEST_UNREACH:
        m.OutDestUnreachs += 1
    elif type == ICMP_ECHO:
        m.OutEchos += 1
    elif type == ICMP_ECHOREPLY:
        m.OutEchoReps += 1
    elif type == ICMP_TIME_EXCEEDED:
        m.OutTimeExcds += 1
    elif type == ICMP_PARAMETERPROB:
        m.OutParmProbs += 1
    elif type == ICMP_SOURCE_QUENCH:
        m.OutSrcQuenchs += 1
    elif type == ICMP_REDIRECT:
        m.OutRedirects += 1
    elif type == ICMP_TIMESTAMP:
        m.OutTimestamps += 1
    elif type == ICMP_TIMESTAMPREPLY:
        m.OutTimestampReps += 1
    elif type == ICMP_ADDRESS:
        m.OutAddrMasks += 1
    elif type == ICMP_ADDRESSREPLY:
        m.OutAddrMaskReps += 1


def icmp_in_count(net: Net, type: i64) -> None:
    """A message of this type came in."""
    m = net.mib_icmp
    net.mib_icmpmsg_in[type] = net.mib_icmpmsg_in.get(type, 0) + 1
    if type == ICMP_DEST_UNREACH:
        m.InDestUnreachs += 1
    elif type == ICMP_ECHO:
        m.InEchos += 1
    elif type == ICMP_ECHOREPLY:
        m.InEchoReps += 1
    elif type == ICMP_TIME_EXCEEDED:
        m.InTimeExcds += 1
    elif type == ICMP_PARAMETERPROB:
        m.InParmProbs += 1
    elif type == ICMP_SOURCE_QUENCH:
        m.InSrcQuenchs += 1
    elif type == ICMP_REDIRECT:
        m.InRedirects += 1
    elif type == ICMP_TIMESTAMP:
        m.InTimestamps += 1
    elif type == ICMP_TIMESTAMPREPLY:
        m.InTimestampReps += 1
    elif type == ICMP_ADDRESS:
        m.InAddrMasks += 1
    elif type == ICMP_ADDRESSREPLY:
        m.InAddrMaskReps += 1


class IcmpProtocol(NetProtocol):
    """`icmp_protocol`."""

    def handler(self, skb: SkBuff) -> i64:
        return icmp_rcv(skb)

    def err_handler(self, skb: SkBuff, info: i64) -> i64:
        return icmp_err(skb, info)


def icmp_init(k: Kernel) -> None:
    """ICMP messages come here from now on."""
    k.inet_protos[IPPROTO_ICMP] = IcmpProtocol("ICMP")
