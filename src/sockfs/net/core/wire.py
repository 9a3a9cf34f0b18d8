"""The edge: packets to bytes and back.

Kernel counterparts: what drivers do with a packet's headers, `tcp_options_write`, `tcp_parse_options`, the
`*_rcv` functions' header checks. Inside, a packet has its headers as objects; devices that lead outside,
files of packets, fragments, ICMP quotes and raw sockets need bytes. Three forms of a packet exist: fresh
(`skb.data` from the network header on, no header objects), half parsed (`skb.iph` set, `skb.data` from the
transport header on), and whole (transport header set too, payload only). Parsing verifies checksums and
lengths, once.

Nothing that stands in a packet may raise. Layout of TCP options as Linux writes them (RFC 9293 3.2, RFC
7323 appendix A). Left out: IPv6 (net/ipv6 adds its own), SCTP, IGMP.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.net.core import skbuff
from sockfs.structs.headers import Icmphdr, Iphdr, Tcphdr, Udphdr
from sockfs.uapi.dropreason import (
    SKB_DROP_REASON_HDR_TRUNC,
    SKB_DROP_REASON_ICMP_CSUM,
    SKB_DROP_REASON_IP_CSUM,
    SKB_DROP_REASON_IP_INHDR,
    SKB_DROP_REASON_PKT_TOO_SMALL,
    SKB_DROP_REASON_TCP_CSUM,
    SKB_DROP_REASON_UDP_CSUM,
    SKB_NOT_DROPPED_YET,
)
from sockfs.uapi.if_ether import ETH_P_IP
from sockfs.uapi.in_ import IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE
from sockfs.uapi.ip import IP_HDRLEN
from sockfs.uapi.tcp import (
    TCPHDR_FLAGS_MASK,
    TCPHDR_SYN,
    TCPOPT_EOL,
    TCPOPT_EXP,
    TCPOPT_FASTOPEN,
    TCPOPT_FASTOPEN_MAGIC,
    TCPOPT_MD5SIG,
    TCPOPT_MSS,
    TCPOPT_NOP,
    TCPOPT_SACK,
    TCPOPT_SACK_PERM,
    TCPOPT_TIMESTAMP,
    TCPOPT_WINDOW,
)
from sockfs.util import checksum

if TYPE_CHECKING:
    from sockfs.structs.sk_buff import SkBuff

CHECKSUM_NONE: Final = 0
CHECKSUM_UNNECESSARY: Final = 1
CHECKSUM_COMPLETE: Final = 2
CHECKSUM_PARTIAL: Final = 3

TCP_MAX_WSCALE: Final = 14
TCP_FASTOPEN_COOKIE_MIN: Final = 4
TCP_FASTOPEN_COOKIE_MAX: Final = 16
TCP_MAX_OPTLEN: Final = 40


# To bytes


def skb_to_bytes(skb: SkBuff) -> bytes:
    """The whole packet, from the network header on, with lengths and checksums right."""
    iph = skb.iph
    if iph is None:
        return skbuff.skb_payload(skb)
    body = transport_bytes(skb)
    return ipv4_header(iph, (iph.ihl << 2) + len(body)) + body


def transport_bytes(skb: SkBuff) -> bytes:
    """Everything behind the IPv4 header of skb."""
    payload = skbuff.skb_payload(skb)
    iph = skb.iph
    if iph is None:
        return payload
    th = skb.th
    if th is not None:
        return tcp_segment(iph.saddr, iph.daddr, th, payload)
    uh = skb.uh
    if uh is not None:
        return udp_datagram(iph.saddr, iph.daddr, iph.protocol, uh, payload, skb.ip_summed)
    icmph = skb.icmph
    if icmph is not None:
        return icmp_message(icmph, payload)
    return payload


def ipv4_header(iph: Iphdr, tot_len: i64) -> bytes:
    """The header of a packet of tot_len bytes, checksummed."""
    opt = iph.options
    ihl = IP_HDRLEN + len(opt)
    first: int = (
        (0x40 | (ihl >> 2)) << 56
        | (iph.tos & 0xFF) << 48
        | (tot_len & 0xFFFF) << 32
        | (iph.id & 0xFFFF) << 16
        | (iph.frag_off & 0xFFFF)
    ) & 0x7FFFFFFFFFFFFFFF
    second: int = (iph.ttl & 0xFF) << 24 | (iph.protocol & 0xFF) << 16
    third: int = (iph.saddr & 0x7FFFFFFF) << 32 | (iph.daddr & 0xFFFFFFFF)
    addrs = third.to_bytes(8, "big")
    if iph.saddr & 0x80000000:
        addrs = bytes([addrs[0] | 0x80]) + addrs[1:]
    head = first.to_bytes(8, "big")
    check: int = checksum.ip_compute_csum(head + second.to_bytes(4, "big") + addrs + opt)
    second |= check
    return head + second.to_bytes(4, "big") + addrs + opt


def tcp_segment(saddr: i64, daddr: i64, th: Tcphdr, payload: bytes) -> bytes:
    """Header, options and payload, checksummed over the IPv4 pseudo-header (RFC 9293 3.1)."""
    opt = tcp_option_bytes(th)
    doff: int = 5 + (len(opt) >> 2)
    ports: int = (th.source & 0xFFFF) << 16 | (th.dest & 0xFFFF)
    seq: int = th.seq & 0xFFFFFFFF
    ack: int = th.ack_seq & 0xFFFFFFFF
    word: int = doff << 28 | (th.flags & TCPHDR_FLAGS_MASK) << 16 | (th.window & 0xFFFF)
    urg: int = th.urg_ptr & 0xFFFF
    front = (
        ports.to_bytes(4, "big") + seq.to_bytes(4, "big") + ack.to_bytes(4, "big") + word.to_bytes(4, "big")
    )
    back = urg.to_bytes(2, "big") + opt + payload
    length: i64 = 18 + len(back)
    check: int = checksum.csum_tcpudp_magic(
        saddr, daddr, length, IPPROTO_TCP, checksum.csum_partial(back, checksum.csum_partial(front, 0))
    )
    return front + check.to_bytes(2, "big") + back


def udp_datagram(saddr: i64, daddr: i64, proto: i64, uh: Udphdr, payload: bytes, ip_summed: i64) -> bytes:
    """Header and payload. A header that came from outside without a checksum stays without (RFC 768)."""
    length: i64 = 8 + len(payload)
    field = length
    if proto == IPPROTO_UDPLITE:
        field = uh.len & 0xFFFF
    word: int = (uh.source & 0xFFFF) << 32 | (uh.dest & 0xFFFF) << 16 | (field & 0xFFFF)
    front = word.to_bytes(6, "big")
    check: int = uh.check
    if ip_summed == CHECKSUM_PARTIAL or proto == IPPROTO_UDPLITE:
        covered = payload
        if proto == IPPROTO_UDPLITE and field >= 8 and field - 8 < len(payload):
            covered = payload[: field - 8]
        check = checksum.csum_tcpudp_magic(
            saddr, daddr, length, proto, checksum.csum_partial(covered, checksum.csum_partial(front, 0))
        )
        if check == 0:
            check = checksum.CSUM_MANGLED_0
    check &= 0xFFFF
    return front + check.to_bytes(2, "big") + payload


def icmp_message(icmph: Icmphdr, payload: bytes) -> bytes:
    """Header and data, checksummed (RFC 792)."""
    kind: int = (icmph.type & 0xFF) << 8 | (icmph.code & 0xFF)
    rest: int = icmph.rest & 0xFFFFFFFF
    front = kind.to_bytes(2, "big")
    back = rest.to_bytes(4, "big") + payload
    check: int = checksum.csum_fold(checksum.csum_partial(back, checksum.csum_partial(front, 0)))
    return front + check.to_bytes(2, "big") + back


def tcp_option_bytes(th: Tcphdr) -> bytes:
    """The options in Linux's order and padding, at most 40 bytes: MD5, MSS, timestamps, window scale, SACK,
    fast open.
    """
    raw = th.options
    if raw is not None:
        return raw
    if (
        th.saw_tstamp
        and th.mss == 0
        and th.sacks is None
        and th.wscale < 0
        and th.fastopen is None
        and th.md5 is None
        and not th.sack_perm
    ):
        tsval: int = th.tsval & 0xFFFFFFFF
        tsecr: int = th.tsecr & 0xFFFFFFFF
        return b"\x01\x01\x08\x0a" + tsval.to_bytes(4, "big") + tsecr.to_bytes(4, "big")
    out = b""
    md5 = th.md5
    if md5 is not None:
        out += b"\x01\x01\x13\x12" + (md5 + bytes(16))[:16]
    if th.mss != 0:
        mss: int = th.mss & 0xFFFF
        out += b"\x02\x04" + mss.to_bytes(2, "big")
    if th.saw_tstamp:
        tsval = th.tsval & 0xFFFFFFFF
        tsecr = th.tsecr & 0xFFFFFFFF
        out += b"\x04\x02\x08\x0a" if th.sack_perm else b"\x01\x01\x08\x0a"
        out += tsval.to_bytes(4, "big") + tsecr.to_bytes(4, "big")
    elif th.sack_perm:
        out += b"\x01\x01\x04\x02"
    if th.wscale >= 0:
        wscale: int = th.wscale & 0xFF
        out += b"\x01\x03\x03" + wscale.to_bytes(1, "big")
    sacks = th.sacks
    if sacks is not None and len(sacks) >= 2:
        room: i64 = (TCP_MAX_OPTLEN - len(out) - 4) >> 3
        blocks: i64 = min(len(sacks) >> 1, room)
        if blocks > 0:
            size: int = 2 + 8 * blocks
            out += b"\x01\x01\x05" + size.to_bytes(1, "big")
            i: i64 = 0
            while i < 2 * blocks:
                edge: int = sacks[i] & 0xFFFFFFFF
                out += edge.to_bytes(4, "big")
                i += 1
    cookie = th.fastopen
    if cookie is not None:
        n: int = len(cookie)
        if th.fastopen_exp:
            n += 4
            tfo = b"\xfe" + n.to_bytes(1, "big") + b"\xf9\x89" + cookie
        else:
            n += 2
            tfo = b"\x22" + n.to_bytes(1, "big") + cookie
        tfo += b"\x01" * (-len(tfo) & 3)
        if len(out) + len(tfo) <= TCP_MAX_OPTLEN:
            out += tfo
    return out


def tcp_option_size(th: Tcphdr) -> i64:
    """How many bytes the options of th take: what `doff` must hold beyond its first five words."""
    return len(tcp_option_bytes(th))


# From bytes


def parse_ipv4(skb: SkBuff) -> i64:
    """A fresh packet becomes a half parsed one. 0, or the reason to drop it (`ip_rcv_core`; RFC 1122
    3.2.1).
    """
    data = skbuff.skb_payload(skb)
    n: i64 = len(data)
    if n < IP_HDRLEN:
        return SKB_DROP_REASON_HDR_TRUNC
    first: i64 = data[0]
    if first >> 4 != 4 or first & 15 < 5:
        return SKB_DROP_REASON_IP_INHDR
    hlen: i64 = (first & 15) << 2
    if n < hlen:
        return SKB_DROP_REASON_IP_INHDR
    if checksum.ip_compute_csum(data[:hlen]) != 0:
        return SKB_DROP_REASON_IP_CSUM
    tot_len: i64 = be16(data, 2)
    if n < tot_len:
        return SKB_DROP_REASON_PKT_TOO_SMALL
    if tot_len < hlen:
        return SKB_DROP_REASON_IP_INHDR
    skb.iph = ipv4_header_from(data)
    skbuff.skb_set_data(skb, data[hlen:tot_len])
    skb.protocol = ETH_P_IP
    skb.ip_summed = CHECKSUM_NONE
    skb.th = None
    skb.uh = None
    skb.icmph = None
    return SKB_NOT_DROPPED_YET


def ipv4_header_from(data: bytes) -> Iphdr:
    """The header at the front of at least 20 bytes, unchecked (a quote in an ICMP error may be cut short)."""
    iph = Iphdr(be32(data, 12), be32(data, 16), data[9], data[8], data[1])
    iph.ihl = data[0] & 15
    iph.tot_len = be16(data, 2)
    iph.id = be16(data, 4)
    iph.frag_off = be16(data, 6)
    iph.check = be16(data, 10)
    if iph.ihl > 5:
        iph.options = data[20 : iph.ihl << 2]
    return iph


def parse_tcp(skb: SkBuff) -> i64:
    """A half parsed TCP packet becomes a whole one. 0, or the reason to drop it (`tcp_v4_rcv`)."""
    iph = skb.iph
    data = skbuff.skb_payload(skb)
    n: i64 = len(data)
    if n < 20:
        return SKB_DROP_REASON_PKT_TOO_SMALL
    doff: i64 = data[12] >> 4
    if doff < 5 or n < doff << 2:
        return SKB_DROP_REASON_PKT_TOO_SMALL
    if iph is not None and skb.ip_summed == CHECKSUM_NONE:
        if checksum.csum_tcpudp_magic(iph.saddr, iph.daddr, n, IPPROTO_TCP, checksum.csum_partial(data, 0)):
            return SKB_DROP_REASON_TCP_CSUM
        skb.ip_summed = CHECKSUM_UNNECESSARY
    th = tcp_header_from(data)
    th.doff = doff
    if doff > 5:
        th.options = data[20 : doff << 2]
        tcp_parse_options(th, data[20 : doff << 2])
    skb.th = th
    skbuff.skb_set_data(skb, data[doff << 2 :])
    return SKB_NOT_DROPPED_YET


def tcp_header_from(data: bytes) -> Tcphdr:
    """The fixed part of a TCP header of at least 20 bytes."""
    th = Tcphdr(
        be16(data, 0),
        be16(data, 2),
        be32(data, 4),
        be32(data, 8),
        be16(data, 12) & TCPHDR_FLAGS_MASK,
        be16(data, 14),
    )
    th.check = be16(data, 16)
    th.urg_ptr = be16(data, 18)
    return th


def tcp_parse_options(th: Tcphdr, opt: bytes) -> None:
    """Fill in th's option fields from their bytes. What is malformed ends the walk or is passed over (RFC
    9293 3.1, MUST-7).
    """
    n: i64 = len(opt)
    at: i64 = 0
    syn = (th.flags & TCPHDR_SYN) != 0
    while at < n:
        kind: i64 = opt[at]
        if kind == TCPOPT_EOL:
            return
        if kind == TCPOPT_NOP:
            at += 1
            continue
        if at + 2 > n:
            return
        size: i64 = opt[at + 1]
        if size < 2 or at + size > n:
            return
        if kind == TCPOPT_TIMESTAMP:
            if size == 10:
                th.saw_tstamp = True
                th.tsval = be32(opt, at + 2)
                th.tsecr = be32(opt, at + 6)
        elif kind == TCPOPT_MSS:
            if size == 4 and syn:
                th.mss = be16(opt, at + 2)
        elif kind == TCPOPT_WINDOW:
            if size == 3 and syn:
                wscale: i64 = opt[at + 2]
                # A shift beyond 14 counts as 14 (RFC 7323 section 2.3).
                th.wscale = wscale if wscale < TCP_MAX_WSCALE else TCP_MAX_WSCALE
        elif kind == TCPOPT_SACK_PERM:
            if size == 2 and syn:
                th.sack_perm = True
        elif kind == TCPOPT_SACK:
            if size >= 10 and (size - 2) & 7 == 0:
                sacks: list[i64] = []
                p: i64 = at + 2
                while p < at + size:
                    sacks.append(be32(opt, p))
                    p += 4
                th.sacks = sacks
        elif kind == TCPOPT_MD5SIG:
            if size == 18:
                th.md5 = opt[at + 2 : at + 18]
        elif kind == TCPOPT_FASTOPEN:
            if syn:
                _fastopen(th, opt[at + 2 : at + size], False)
        elif kind == TCPOPT_EXP:
            if syn and size >= 4 and be16(opt, at + 2) == TCPOPT_FASTOPEN_MAGIC:
                _fastopen(th, opt[at + 4 : at + size], True)
        at += size


def _fastopen(th: Tcphdr, cookie: bytes, exp: bool) -> None:
    """RFC 7413 section 4.1.1: none, or 4 to 16 bytes, an even number."""
    n: i64 = len(cookie)
    if n == 0 or (TCP_FASTOPEN_COOKIE_MIN <= n <= TCP_FASTOPEN_COOKIE_MAX and n & 1 == 0):
        th.fastopen = cookie
        th.fastopen_exp = exp


def parse_udp(skb: SkBuff) -> i64:
    """A half parsed UDP or UDP-Lite packet becomes a whole one. 0, or the reason to drop it
    (`__udp4_lib_rcv`).
    """
    iph = skb.iph
    data = skbuff.skb_payload(skb)
    n: i64 = len(data)
    if n < 8:
        return SKB_DROP_REASON_PKT_TOO_SMALL
    ulen: i64 = be16(data, 4)
    uh = Udphdr(be16(data, 0), be16(data, 2), ulen)
    uh.check = be16(data, 6)
    lite = iph is not None and iph.protocol == IPPROTO_UDPLITE
    covered = data
    if lite:
        # RFC 3828 section 3.1: 0 means all; 1 to 7, or more than there is, is wrong; no checksum is wrong
        # too.
        if ulen == 0:
            ulen = n
        if ulen < 8 or ulen > n:
            return SKB_DROP_REASON_PKT_TOO_SMALL
        if uh.check == 0:
            skb.uh = uh
            return SKB_DROP_REASON_UDP_CSUM
        if ulen < n:
            covered = data[:ulen]
        length = n
    else:
        if ulen < 8 or ulen > n:
            return SKB_DROP_REASON_PKT_TOO_SMALL
        if ulen < n:
            data = data[:ulen]
            covered = data
        length = ulen
    if iph is not None and uh.check != 0 and skb.ip_summed == CHECKSUM_NONE:
        proto: i64 = IPPROTO_UDPLITE if lite else IPPROTO_UDP
        if checksum.csum_tcpudp_magic(iph.saddr, iph.daddr, length, proto, checksum.csum_partial(covered, 0)):
            skb.uh = uh
            return SKB_DROP_REASON_UDP_CSUM
    skb.ip_summed = CHECKSUM_UNNECESSARY
    skb.uh = uh
    skbuff.skb_set_data(skb, data[8:])
    return SKB_NOT_DROPPED_YET


def parse_icmp(skb: SkBuff) -> i64:
    """A half parsed ICMP packet becomes a whole one. 0, or the reason to drop it (`icmp_rcv`)."""
    data = skbuff.skb_payload(skb)
    if len(data) < 8:
        # shorter than a header: the sum may be right, the packet is not
        if skb.ip_summed == CHECKSUM_NONE and checksum.ip_compute_csum(data) != 0:
            return SKB_DROP_REASON_ICMP_CSUM
        return SKB_DROP_REASON_PKT_TOO_SMALL
    if skb.ip_summed == CHECKSUM_NONE:
        if checksum.ip_compute_csum(data) != 0:
            return SKB_DROP_REASON_ICMP_CSUM
        skb.ip_summed = CHECKSUM_UNNECESSARY
    icmph = Icmphdr(data[0], data[1], be32(data, 4))
    icmph.checksum = be16(data, 2)
    skb.icmph = icmph
    skbuff.skb_set_data(skb, data[8:])
    return SKB_NOT_DROPPED_YET


def skb_through_bytes(skb: SkBuff) -> None:
    """Wire mode: the packet is written and becomes fresh again. One that still waits to be segmented is
    left alone.
    """
    if skb.iph is None or skb.gso_size != 0:
        return
    # truesize grows by the headers here and shrinks by them where they are parsed
    skbuff.skb_set_data(skb, skb_to_bytes(skb))
    skb.iph = None
    skb.th = None
    skb.uh = None
    skb.icmph = None
    skb.ip_summed = CHECKSUM_NONE


def be16(b: bytes, at: i64) -> i64:
    return (b[at] << 8) | b[at + 1]


def be32(b: bytes, at: i64) -> i64:
    return (b[at] << 24) | (b[at + 1] << 16) | (b[at + 2] << 8) | b[at + 3]
