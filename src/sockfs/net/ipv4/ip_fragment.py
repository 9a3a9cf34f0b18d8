"""Fragments put together again.

Kernel counterparts: `net/ipv4/ip_fragment.c`, `inet_fragment.c`. `ip_local_deliver` hands in each fragment
(`ip_defrag`); when the last hole is filled the whole packet comes out. A queue that waits longer than
`net.ipv4.ipfrag_time` goes, and its sender is told if the first fragment had come. RFC 791 section 3.2, RFC
1122 section 3.3.2, RFC 5722 (overlaps kill the queue), RFC 3168 section 5.3 (ECN).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from mypy_extensions import i64

from sockfs.kernel import timers
from sockfs.net.core import skbuff, wire
from sockfs.net.ipv4 import icmp
from sockfs.structs.headers import Iphdr
from sockfs.structs.timer import TimerList
from sockfs.uapi.dropreason import (
    SKB_DROP_REASON_DUP_FRAG,
    SKB_DROP_REASON_FRAG_REASM_TIMEOUT,
    SKB_DROP_REASON_NOT_SPECIFIED,
    SKB_DROP_REASON_PKT_TOO_BIG,
)
from sockfs.uapi.icmp import ICMP_EXC_FRAGTIME, ICMP_TIME_EXCEEDED
from sockfs.uapi.ip import INET_ECN_CE, INET_ECN_MASK, INET_ECN_NOT_ECT, IP_MF, IP_OFFSET

if TYPE_CHECKING:
    from sockfs.structs.net import Net
    from sockfs.structs.sk_buff import SkBuff

IP_DEFRAG_LOCAL_DELIVER: Final = 0
IPQ_SIZE: Final = 200  # sizeof(struct ipq): a queue counts even when its fragments were refused
NSEC_PER_SEC: Final = 1_000_000_000


class Ipq:
    """`struct ipq`: the fragments of one packet, by offset."""

    net: Net
    key: tuple[int, int, int, int]
    frags: list[SkBuff]
    offsets: list[int]
    len: i64  # of the whole, once the last fragment came; so far the furthest end
    meat: i64  # bytes that came
    first_in: bool
    last_in: bool
    ecn_seen: i64  # bit n: a fragment with code point n came
    mem: i64
    timer: IpqTimer | None

    def __init__(self, net: Net, key: tuple[int, int, int, int]) -> None:
        self.net = net
        self.key = key
        self.frags = []
        self.offsets = []
        self.len = 0
        self.meat = 0
        self.first_in = False
        self.last_in = False
        self.ecn_seen = 0
        self.mem = 0
        self.timer = None


class IpqTimer(TimerList):
    """`ip_expire`: the rest did not come in time."""

    qp: Ipq

    def __init__(self, qp: Ipq) -> None:
        super().__init__()
        self.qp = qp

    def function(self) -> None:
        ip_expire(self.qp)


def ip_defrag(net: Net, skb: SkBuff, user: i64) -> SkBuff | None:
    """One fragment more; the whole packet when it was the last that missed. The fragment is consumed."""
    iph = skb.iph
    assert iph is not None
    net.mib_ip.ReasmReqds += 1
    key = (int(iph.saddr), int(iph.daddr), int(iph.id), int(iph.protocol))
    qp = cast("Ipq | None", net.ip_frags.get(key))
    if qp is None:
        if net.ip_frag_mem > net.ipv4.sysctl_ipfrag_high_thresh:
            net.mib_ip.ReasmFails += 1
            skbuff.kfree_skb_reason(net.kernel, skb, SKB_DROP_REASON_NOT_SPECIFIED)
            return None
        qp = Ipq(net, key)
        timer = IpqTimer(qp)
        qp.timer = timer
        timers.mod_timer(net.kernel, timer, net.kernel.now + net.ipv4.sysctl_ipfrag_time * NSEC_PER_SEC)
        net.ip_frags[key] = qp
        net.ip_frag_mem += IPQ_SIZE
    return ip_frag_queue(qp, skb, iph)


def ip_frag_queue(qp: Ipq, skb: SkBuff, iph: Iphdr) -> SkBuff | None:
    """Put one fragment into its place."""
    k = qp.net.kernel
    # Pieces are compared as bytes from here on: a fragment has no transport header object.
    offset = (iph.frag_off & IP_OFFSET) << 3
    end = offset + skb.len
    if not iph.frag_off & IP_MF:
        if end < qp.len or (qp.last_in and end != qp.len):
            return _discard(qp, skb)
        qp.last_in = True
        qp.len = end
    else:
        if end & 7:
            end &= ~7
            if end <= offset:
                return _discard(qp, skb)
            skbuff.skb_trim(skb, end - offset)
        if end > qp.len:
            if qp.last_in:
                return _discard(qp, skb)
            qp.len = end
    if end == offset:
        return _discard(qp, skb)
    at: i64 = len(qp.frags)
    while at > 0 and qp.offsets[at - 1] > offset:
        at -= 1
    if at > 0:
        before = qp.frags[at - 1]
        before_off: i64 = qp.offsets[at - 1]
        if before_off + before.len > offset:
            if before_off <= offset and before_off + before.len >= end:
                skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_DUP_FRAG)
                return None
            return _overlap(qp, skb)
    if at < len(qp.frags) and qp.offsets[at] < end:
        return _overlap(qp, skb)
    qp.frags.insert(at, skb)
    qp.offsets.insert(at, offset)
    qp.meat += skb.len
    qp.mem += skb.truesize
    qp.net.ip_frag_mem += skb.truesize
    qp.ecn_seen |= 1 << (iph.tos & INET_ECN_MASK)
    if offset == 0:
        qp.first_in = True
    if qp.first_in and qp.last_in and qp.meat == qp.len:
        return ip_frag_reasm(qp)
    skb.dst = skb.dst if offset == 0 else None
    return None


def _discard(qp: Ipq, skb: SkBuff) -> SkBuff | None:
    """The fragment contradicts the others: only it goes."""
    skbuff.kfree_skb_reason(qp.net.kernel, skb, SKB_DROP_REASON_NOT_SPECIFIED)
    return None


def _overlap(qp: Ipq, skb: SkBuff) -> SkBuff | None:
    """RFC 5722: fragments that overlap are no accident; the whole packet goes."""
    qp.net.mib_ipext.ReasmOverlaps += 1
    qp.net.mib_ip.ReasmFails += 1
    skbuff.kfree_skb_reason(qp.net.kernel, skb, SKB_DROP_REASON_NOT_SPECIFIED)
    ipq_kill(qp, SKB_DROP_REASON_NOT_SPECIFIED)
    return None


def ip_frag_reasm(qp: Ipq) -> SkBuff | None:
    """All are there."""
    net = qp.net
    first = qp.frags[0]
    iph = first.iph
    assert iph is not None
    ecn = ip_frag_ecn(qp.ecn_seen)
    if ecn < 0 or qp.len + (iph.ihl << 2) > 65535:
        net.mib_ip.ReasmFails += 1
        ipq_kill(qp, SKB_DROP_REASON_PKT_TOO_BIG if ecn >= 0 else SKB_DROP_REASON_NOT_SPECIFIED)
        return None
    net.mib_ip.ReasmOKs += 1
    timer = qp.timer
    if timer is not None:
        timers.del_timer(timer)
    ipq_unlink(qp)
    last = qp.frags[-1]
    pieces: list[bytes] = []
    for frag in qp.frags:
        pieces.append(skbuff.skb_payload(frag))
    truesize = qp.mem
    skbuff.skb_set_data(first, b"".join(pieces))
    first.truesize = truesize
    iph.frag_off = 0
    iph.tot_len = (iph.ihl << 2) + first.len
    iph.tos |= ecn
    first.dev = last.dev
    first.tstamp = last.tstamp
    first.ip_summed = wire.CHECKSUM_NONE
    if first.dst is None:
        first.dst = last.dst
    i: i64 = 1
    while i < len(qp.frags):
        skbuff.consume_skb(net.kernel, qp.frags[i])
        i += 1
    qp.frags = []
    qp.offsets = []
    return first


def ip_frag_ecn(seen: i64) -> i64:
    """What the code points of the fragments make together: a mark stays; marked and not-capable together is
    wrong (-1).
    """
    if seen & (1 << INET_ECN_CE):
        if seen & (1 << INET_ECN_NOT_ECT):
            return -1
        return INET_ECN_CE
    if seen & (1 << INET_ECN_NOT_ECT) and seen != 1 << INET_ECN_NOT_ECT:
        return -1
    return 0


def ip_expire(qp: Ipq) -> None:
    """RFC 1122 3.3.2: after the time-out all goes; "time exceeded" says so when the first fragment is there
    to quote.
    """
    net = qp.net
    net.mib_ip.ReasmFails += 1
    net.mib_ip.ReasmTimeout += 1
    if qp.first_in and qp.frags:
        head = qp.frags[0]
        icmp.icmp_send(head, ICMP_TIME_EXCEEDED, ICMP_EXC_FRAGTIME, 0)
    ipq_kill(qp, SKB_DROP_REASON_FRAG_REASM_TIMEOUT)


def ipq_kill(qp: Ipq, reason: i64) -> None:
    """The queue goes with all that is in it."""
    net = qp.net
    timer = qp.timer
    if timer is not None:
        timers.del_timer(timer)
    ipq_unlink(qp)
    for skb in qp.frags:
        skbuff.kfree_skb_reason(net.kernel, skb, reason)
    qp.frags = []
    qp.offsets = []


def ipq_unlink(qp: Ipq) -> None:
    """The queue is not found any more, and its memory not counted."""
    net = qp.net
    if net.ip_frags.get(qp.key) is qp:
        del net.ip_frags[qp.key]
        net.ip_frag_mem -= qp.mem + IPQ_SIZE
