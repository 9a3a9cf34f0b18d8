"""Segmentation in software: one big packet becomes the packets that fit.

Kernel counterparts: `net/core/gso.c`, `tcp_gso_segment`, `__udp_gso_segment`. `dev.sch_direct_xmit` calls
it when the device cannot segment by itself. Pieces share the payload; each has headers of its own. RFC 9293
for TCP; UDP_SEGMENT of udp(7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import i64

from sockfs.net.core import skbuff
from sockfs.structs.headers import Iphdr, Ipv6hdr, Tcphdr, Udphdr
from sockfs.structs.sock import Sock
from sockfs.uapi.ip import IP_DF
from sockfs.uapi.tcp import TCPHDR_CWR, TCPHDR_FIN, TCPHDR_PSH
from sockfs.uapi.udp import UDP_HDRLEN

if TYPE_CHECKING:
    from sockfs.structs.kernel import Kernel
    from sockfs.structs.sk_buff import SkBuff


def skb_gso_segment(k: Kernel, skb: SkBuff) -> SkBuff | None:
    """The segments of skb, linked through `next`; None when it is of no kind that can be cut. skb itself
    stays the caller's.
    """
    if skb.gso_size <= 0 or (skb.th is None and skb.uh is None):
        return None
    head: SkBuff | None = None
    tail: SkBuff | None = None
    mss = skb.gso_size
    total = skb.len
    off: i64 = 0
    n: i64 = 0
    while off < total or n == 0:
        size = min(mss, total - off)
        seg = skbuff.alloc_skb(k)
        _copy_payload(skb, seg, off, size)
        seg.dev = skb.dev
        seg.dst = skb.dst
        seg.protocol = skb.protocol
        seg.ip_summed = skb.ip_summed
        seg.priority = skb.priority
        seg.mark = skb.mark
        seg.hash = skb.hash
        seg.pkt_type = skb.pkt_type
        seg.tstamp = skb.tstamp
        seg.skb_mstamp_ns = skb.skb_mstamp_ns
        last = off + size >= total
        length = _transport(skb, seg, off, last)
        _network(skb, seg, n, length)
        sk = skb.sk
        if isinstance(sk, Sock) and skb.wmem_charged != 0:
            skbuff.skb_set_owner_w(seg, sk)
        if tail is None:
            head = seg
        else:
            tail.next = seg
        tail = seg
        off += size
        n += 1
    return head


def _copy_payload(skb: SkBuff, seg: SkBuff, off: i64, size: i64) -> None:
    """Append payload bytes off … off+size of skb to seg, by reference."""
    if off < skb.headlen:
        n = min(size, skb.headlen - off)
        skbuff.skb_put_data(seg, skb.data, skb.data_off + off, n)
        size -= n
        off += n
    frags = skb.frags
    if size == 0 or frags is None:
        return
    at = skb.headlen
    for frag in frags:
        if off < at + frag.size:
            skip = off - at
            n = min(size, frag.size - skip)
            skbuff.skb_put_data(seg, frag.page, frag.off + skip, n)
            size -= n
            off += n
            if size == 0:
                return
        at += frag.size


def _transport(skb: SkBuff, seg: SkBuff, off: i64, last: bool) -> i64:
    """Write the segment's TCP or UDP header. Returns the length from it on."""
    th = skb.th
    if th is not None:
        flags = th.flags
        if not last:
            flags &= ~(TCPHDR_FIN | TCPHDR_PSH)
        if off != 0:
            flags &= ~TCPHDR_CWR
        new = Tcphdr(th.source, th.dest, (th.seq + off) & 0xFFFFFFFF, th.ack_seq, flags, th.window)
        new.doff = th.doff
        new.urg_ptr = th.urg_ptr
        new.mss = th.mss
        new.wscale = th.wscale
        new.sack_perm = th.sack_perm
        new.saw_tstamp = th.saw_tstamp
        new.tsval = th.tsval
        new.tsecr = th.tsecr
        new.sacks = th.sacks
        new.fastopen = th.fastopen
        new.fastopen_exp = th.fastopen_exp
        new.md5 = th.md5
        new.options = th.options
        seg.th = new
        seg.seq = new.seq
        seg.end_seq = (new.seq + seg.len) & 0xFFFFFFFF
        return (th.doff << 2) + seg.len
    uh = skb.uh
    assert uh is not None
    seg.uh = Udphdr(uh.source, uh.dest, UDP_HDRLEN + seg.len)
    return UDP_HDRLEN + seg.len


def _network(skb: SkBuff, seg: SkBuff, n: i64, length: i64) -> None:
    """Write the segment's network header. The identification counts on, one a segment (RFC 6864 allows any
    where DF is set).
    """
    iph = skb.iph
    if iph is not None:
        new = Iphdr(iph.saddr, iph.daddr, iph.protocol, iph.ttl, iph.tos)
        new.ihl = iph.ihl
        new.options = iph.options
        new.frag_off = iph.frag_off & IP_DF
        new.id = (iph.id + n) & 0xFFFF
        new.tot_len = (iph.ihl << 2) + length
        seg.iph = new
        return
    ip6h = skb.ip6h
    if ip6h is not None:
        new6 = Ipv6hdr(ip6h.saddr, ip6h.daddr, ip6h.nexthdr, ip6h.hop_limit)
        new6.priority = ip6h.priority
        new6.flow_lbl = ip6h.flow_lbl
        new6.ext = ip6h.ext
        new6.payload_len = len(ip6h.ext) + length
        seg.ip6h = new6
