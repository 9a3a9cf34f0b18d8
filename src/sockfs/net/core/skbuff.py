"""Packets and queues of packets at work.

Kernel counterpart: `net/core/skbuff.c`. Payload pieces are shared by reference and never changed; what
changes is which range of them an skb holds. Queues are linked through the skbs: no allocation, removal from
the middle in constant time.

`truesize` is what Linux would charge for the packet: payload and overhead. Every end of an skb goes through
`consume_skb` (it arrived) or `kfree_skb_reason` (it was dropped, and why).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.kernel import trace
from sockfs.structs.headers import Icmphdr, Iphdr, Tcphdr, Udphdr
from sockfs.structs.sk_buff import SkbFrag, SkBuff, SkBuffHead
from sockfs.structs.sock import SOCK_USE_WRITE_QUEUE, Sock
from sockfs.structs.tcp_sock import TcpSock

if TYPE_CHECKING:
    from sockfs.structs.kernel import Kernel
    from sockfs.structs.msghdr import Msghdr

SKB_OVERHEAD: Final = 832
"""What a packet whose data stands in fragments is charged for itself: struct sk_buff, and a head with room
for TCP's headers
and struct skb_shared_info (SO_MEMINFO of a TCP socket shows it)."""


def alloc_skb(k: Kernel) -> SkBuff:
    """A new, empty packet."""
    cache = k.skbuff_head_cache
    cache.active += 1
    cache.total += 1
    skb = SkBuff()
    skb.truesize = SKB_OVERHEAD
    return skb


def skb_clone(k: Kernel, skb: SkBuff) -> SkBuff:
    """Another packet with the same payload and control block, on no queue, charged to nobody, without
    headers.
    """
    cache = k.skbuff_head_cache
    cache.active += 1
    cache.total += 1
    n = SkBuff()
    n.data = skb.data
    n.data_off = skb.data_off
    n.headlen = skb.headlen
    if skb.frags is not None:
        n.frags = [SkbFrag(f.page, f.off, f.size) for f in skb.frags]
    n.len = skb.len
    n.truesize = skb.truesize
    n.dev = skb.dev
    n.dst = skb.dst
    n.protocol = skb.protocol
    n.pkt_type = skb.pkt_type
    n.ip_summed = skb.ip_summed
    n.gso_size = skb.gso_size
    n.gso_segs = skb.gso_segs
    n.tstamp = skb.tstamp
    n.skb_mstamp_ns = skb.skb_mstamp_ns
    n.priority = skb.priority
    n.mark = skb.mark
    n.hash = skb.hash
    n.skb_iif = skb.skb_iif
    n.seq = skb.seq
    n.end_seq = skb.end_seq
    n.ack_seq = skb.ack_seq
    n.tcp_flags = skb.tcp_flags
    n.sacked = skb.sacked
    n.tcp_gso_segs = skb.tcp_gso_segs
    n.tskey = skb.tskey
    n.tx_flags = skb.tx_flags
    n.consumed = skb.consumed
    n.scm = skb.scm
    n.name = skb.name
    return n


def skb_copy_headers(to: SkBuff, skb: SkBuff) -> None:
    """Give to copies of skb's headers (delivery of one packet to several sockets, taps that keep packets)."""
    iph = skb.iph
    if iph is not None:
        h = Iphdr(iph.saddr, iph.daddr, iph.protocol, iph.ttl, iph.tos)
        h.ihl = iph.ihl
        h.tot_len = iph.tot_len
        h.id = iph.id
        h.frag_off = iph.frag_off
        h.check = iph.check
        h.options = iph.options
        to.iph = h
    to.ip6h = skb.ip6h
    to.ethh = skb.ethh
    uh = skb.uh
    if uh is not None:
        u = Udphdr(uh.source, uh.dest, uh.len)
        u.check = uh.check
        to.uh = u
    ih = skb.icmph
    if ih is not None:
        i = Icmphdr(ih.type, ih.code, ih.rest)
        i.checksum = ih.checksum
        to.icmph = i
    th = skb.th
    if th is not None:
        to.th = tcphdr_copy(th)


def tcphdr_copy(th: Tcphdr) -> Tcphdr:
    """A TCP header of its own with the same fields."""
    t = Tcphdr(th.source, th.dest, th.seq, th.ack_seq, th.flags, th.window)
    t.doff = th.doff
    t.check = th.check
    t.urg_ptr = th.urg_ptr
    t.mss = th.mss
    t.wscale = th.wscale
    t.sack_perm = th.sack_perm
    t.saw_tstamp = th.saw_tstamp
    t.tsval = th.tsval
    t.tsecr = th.tsecr
    sacks = th.sacks
    if sacks is not None:
        t.sacks = list(sacks)
    t.fastopen = th.fastopen
    t.fastopen_exp = th.fastopen_exp
    t.md5 = th.md5
    t.options = th.options
    return t


# ---- the end of a packet


def consume_skb(k: Kernel, skb: SkBuff) -> None:
    """One reference went, in good order; the last one frees the packet."""
    skb.users -= 1
    if skb.users > 0:
        return
    if k.trace_on:
        trace.consume_skb(k, skb)
    skb_orphan(skb)
    k.skbuff_head_cache.active -= 1


def kfree_skb_reason(k: Kernel, skb: SkBuff, reason: i64) -> None:
    """One reference went because the packet is dropped; reason is an SKB_DROP_REASON_*."""
    skb.users -= 1
    if skb.users > 0:
        return
    drops = k.drops
    drops[reason] = drops[reason] + 1
    if k.trace_on:
        trace.kfree_skb(k, skb, reason)
    skb_orphan(skb)
    k.skbuff_head_cache.active -= 1


# ---- who is charged


def skb_set_owner_w(skb: SkBuff, sk: Sock) -> None:
    """Charge the packet to its sender until it is freed or orphaned."""
    skb_orphan(skb)
    skb.sk = sk
    size = skb.truesize
    skb.wmem_charged = size
    sk.sk_wmem_alloc += size


def skb_set_owner_r(skb: SkBuff, sk: Sock) -> None:
    """Charge the packet to its receiver until it is freed or orphaned."""
    skb_orphan(skb)
    skb.sk = sk
    size = skb.truesize
    skb.rmem_charged = size
    sk.sk_rmem_alloc += size
    sk.sk_forward_alloc -= size


def skb_orphan(skb: SkBuff) -> None:
    """Nobody is charged for the packet any more (`skb->destructor`: sock_wfree or sock_rfree)."""
    size = skb.wmem_charged
    if size != 0:
        skb.wmem_charged = 0
        owner = skb.sk
        skb.sk = None
        if isinstance(owner, Sock):
            owner.sk_wmem_alloc -= size
            if (owner.sk_flags & SOCK_USE_WRITE_QUEUE) == 0:
                owner.sk_write_space.run(owner)
            elif isinstance(owner, TcpSock) and owner.tsq_flags & 1 and not owner.tsq_queued:
                # tcp_wfree: small queues held it back; the softirq drain goes on with it.
                if owner.sk_refcnt > 0:
                    owner.tsq_queued = True
                    owner.sk_refcnt += 1
                    owner.kernel.softnet.tsq_head.append(owner)
        return
    size = skb.rmem_charged
    if size != 0:
        skb.rmem_charged = 0
        owner = skb.sk
        skb.sk = None
        if isinstance(owner, Sock):
            owner.sk_rmem_alloc -= size
            owner.sk_forward_alloc += size


# ---- payload


def skb_put_data(skb: SkBuff, data: bytes, off: i64, n: i64) -> None:
    """Append n bytes of data from off, by reference."""
    if skb.len == 0 and skb.frags is None:
        skb.data = data
        skb.data_off = off
        skb.headlen = n
    else:
        frags = skb.frags
        if frags is None:
            if skb.data is data and skb.data_off + skb.headlen == off:
                skb.headlen += n
                skb.len += n
                skb.truesize += n
                return
            skb.frags = [SkbFrag(data, off, n)]
        else:
            last = frags[-1]
            if last.page is data and last.off + last.size == off:
                last.size += n
            else:
                frags.append(SkbFrag(data, off, n))
    skb.len += n
    skb.truesize += n


def skb_set_data(skb: SkBuff, data: bytes) -> None:
    """The payload is just data; the charge is adjusted by the difference."""
    skb.truesize += len(data) - skb.len
    skb.data = data
    skb.data_off = 0
    skb.headlen = len(data)
    skb.len = len(data)
    skb.frags = None


def skb_payload(skb: SkBuff) -> bytes:
    """The whole payload in one piece (the object itself when it is one)."""
    frags = skb.frags
    if frags is None:
        return _piece(skb.data, skb.data_off, skb.headlen)
    pieces: list[bytes] = []
    if skb.headlen != 0:
        pieces.append(_piece(skb.data, skb.data_off, skb.headlen))
    for f in frags:
        pieces.append(_piece(f.page, f.off, f.size))
    return b"".join(pieces)


def _piece(data: bytes, off: i64, n: i64) -> bytes:
    if off == 0 and n == len(data):
        return data
    return data[off : off + n]


def skb_copy_bits(skb: SkBuff, off: i64, n: i64) -> bytes:
    """n bytes of payload from off; shorter when there are not so many."""
    if skb.frags is None:
        left = skb.headlen - off
        if left < n:
            n = left
        if n <= 0:
            return b""
        return _piece(skb.data, skb.data_off + off, n)
    return skb_payload(skb)[off : off + n]


def skb_copy_datagram_msg(skb: SkBuff, off: i64, msg: Msghdr, n: i64) -> None:
    """Hand n bytes of payload from off to the caller's memory."""
    it = msg.msg_iter
    headlen = skb.headlen
    if off < headlen:
        part = headlen - off
        if part > n:
            part = n
        it.copy_to(skb.data, skb.data_off + off, part)
        n -= part
        off = 0
    else:
        off -= headlen
    frags = skb.frags
    if frags is None or n <= 0:
        return
    for f in frags:
        size = f.size
        if off >= size:
            off -= size
            continue
        part = size - off
        if part > n:
            part = n
        it.copy_to(f.page, f.off + off, part)
        n -= part
        off = 0
        if n == 0:
            return


def skb_pull(skb: SkBuff, n: i64) -> None:
    """Drop n ≤ len bytes from the front. The charge stays as it is."""
    skb.len -= n
    if n < skb.headlen or skb.frags is None:
        skb.data_off += n
        skb.headlen -= n
        return
    n -= skb.headlen
    skb.headlen = 0
    skb.data = b""
    skb.data_off = 0
    frags = skb.frags
    drop: i64 = 0
    for f in frags:
        if n >= f.size:
            n -= f.size
            drop += 1
        else:
            f.off += n
            f.size -= n
            break
    rest = frags[drop:]
    if rest:
        first = rest[0]
        skb.data = first.page
        skb.data_off = first.off
        skb.headlen = first.size
        rest = rest[1:]
    skb.frags = rest if rest else None


def skb_trim(skb: SkBuff, n: i64) -> None:
    """Keep the first n ≤ len bytes. The charge stays as it is."""
    skb.len = n
    if n <= skb.headlen:
        skb.headlen = n
        skb.frags = None
        return
    n -= skb.headlen
    frags = skb.frags
    if frags is None:
        return
    kept: list[SkbFrag] = []
    for f in frags:
        if n <= 0:
            break
        if f.size > n:
            f.size = n
        kept.append(f)
        n -= f.size
    skb.frags = kept if kept else None


def skb_split(skb: SkBuff, skb1: SkBuff, n: i64) -> None:
    """skb keeps its first n bytes; the rest goes to the end of skb1 (empty, as a rule). Charges move with
    the bytes.
    """
    rest = skb.len - n
    if n < skb.headlen:
        skb_put_data(skb1, skb.data, skb.data_off + n, skb.headlen - n)
        frags = skb.frags
        if frags is not None:
            for f in frags:
                skb_put_data(skb1, f.page, f.off, f.size)
        skb.headlen = n
        skb.frags = None
    else:
        at = n - skb.headlen
        frags = skb.frags
        kept: list[SkbFrag] = []
        if frags is not None:
            for f in frags:
                if at >= f.size:
                    kept.append(f)
                    at -= f.size
                elif at > 0:
                    skb_put_data(skb1, f.page, f.off + at, f.size - at)
                    f.size = at
                    kept.append(f)
                    at = 0
                else:
                    skb_put_data(skb1, f.page, f.off, f.size)
        skb.frags = kept if kept else None
    skb.len = n
    skb.truesize -= rest


def skb_append(skb: SkBuff, other: SkBuff) -> None:
    """Put other's payload behind skb's, with its charge of data; other is left for its holder to free."""
    if other.headlen != 0:
        skb_put_data(skb, other.data, other.data_off, other.headlen)
    frags = other.frags
    if frags is not None:
        for f in frags:
            skb_put_data(skb, f.page, f.off, f.size)


# ---- queues


def skb_queue_tail(head: SkBuffHead, skb: SkBuff) -> None:
    """Put skb at the end of head."""
    last = head.last
    skb.prev = last
    skb.next = None
    skb.on_list = head
    if last is None:
        head.first = skb
    else:
        last.next = skb
    head.last = skb
    head.qlen += 1


def skb_queue_head(head: SkBuffHead, skb: SkBuff) -> None:
    """Put skb at the front of head."""
    first = head.first
    skb.prev = None
    skb.next = first
    skb.on_list = head
    if first is None:
        head.last = skb
    else:
        first.prev = skb
    head.first = skb
    head.qlen += 1


def skb_insert_after(head: SkBuffHead, old: SkBuff, skb: SkBuff) -> None:
    """Put skb behind old, which is on head (`__skb_queue_after`)."""
    after = old.next
    if after is None:
        skb_queue_tail(head, skb)
        return
    skb.prev = old
    skb.next = after
    skb.on_list = head
    old.next = skb
    after.prev = skb
    head.qlen += 1


def skb_unlink(head: SkBuffHead, skb: SkBuff) -> None:
    """Take skb off head, on which it is."""
    before = skb.prev
    after = skb.next
    if before is None:
        head.first = after
    else:
        before.next = after
    if after is None:
        head.last = before
    else:
        after.prev = before
    skb.next = None
    skb.prev = None
    skb.on_list = None
    head.qlen -= 1


def skb_dequeue(head: SkBuffHead) -> SkBuff | None:
    """Take the first skb off head."""
    skb = head.first
    if skb is None:
        return None
    after = skb.next
    head.first = after
    if after is None:
        head.last = None
    else:
        after.prev = None
    skb.next = None
    skb.prev = None
    skb.on_list = None
    head.qlen -= 1
    return skb


def skb_queue_purge(k: Kernel, head: SkBuffHead, reason: i64) -> None:
    """Free everything on head; reason SKB_CONSUMED (1) when that is no drop."""
    skb = skb_dequeue(head)
    while skb is not None:
        if reason <= 1:
            consume_skb(k, skb)
        else:
            kfree_skb_reason(k, skb, reason)
        skb = skb_dequeue(head)
