"""Data finds its place: the receive queue, the out-of-order queue, and the SACK blocks that tell of it.

Kernel counterpart: the `tcp_data_queue` part of `net/ipv4/tcp_input.c`. RFC 9293 section 3.10.7.4, seventh;
RFC 2018 (blocks, the latest first),
RFC 2883 (D-SACK). The out-of-order queue is a list by sequence number; arrivals are looked for from its end,
where most belong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.net.core import skbuff
from sockfs.net.core import sock as core_sock
from sockfs.net.ipv4 import tcp_h, tcp_input, tcp_output, tcp_rcvbuf
from sockfs.structs.sk_buff import SkBuffHead
from sockfs.structs.sock import SOCK_DEAD
from sockfs.structs.tcp_sock import TcpSackBlock
from sockfs.uapi.dropreason import (
    SKB_DROP_REASON_PROTO_MEM,
    SKB_DROP_REASON_TCP_OFO_DROP,
    SKB_DROP_REASON_TCP_OFO_QUEUE_PRUNE,
    SKB_DROP_REASON_TCP_OFOMERGE,
    SKB_DROP_REASON_TCP_OLD_DATA,
    SKB_DROP_REASON_TCP_OVERWINDOW,
    SKB_DROP_REASON_TCP_ZEROWINDOW,
)
from sockfs.uapi.tcp import ICSK_ACK_NOMEM, ICSK_ACK_NOW, ICSK_ACK_SCHED, TCPHDR_FIN, TCPHDR_SYN
from sockfs.util.seq import after, before

if TYPE_CHECKING:
    from sockfs.structs.sk_buff import SkBuff
    from sockfs.structs.tcp_sock import TcpSock

U32: Final = 0xFFFFFFFF
TCP_NUM_SACKS: Final = 4
MAX_SKB_FRAGS: Final = 17


def tcp_data_queue(sk: TcpSock, skb: SkBuff) -> None:
    """Take the text of a segment (and its FIN). The skb is consumed."""
    k = sk.kernel
    if skb.seq == skb.end_seq:
        skbuff.consume_skb(k, skb)
        return
    tcp_rcvbuf.tcp_ecn_accept_cwr(sk, skb)
    sk.rx_opt_dsack = False
    if skb.seq == sk.rcv_nxt:
        # A bare FIN fits even a closed window: it takes no memory.
        if tcp_h.tcp_receive_window(sk) == 0 and not (skb.len == 0 and skb.tcp_flags & TCPHDR_FIN):
            sk.sk_net.mib_linux.TCPZeroWindowDrop += 1
            _out_of_window(sk, skb, SKB_DROP_REASON_TCP_ZEROWINDOW)
            return
        tcp_queue_in_order(sk, skb)
        return
    if not after(skb.end_seq, sk.rcv_nxt):
        # All of it is here already: a retransmission that was not needed, or our ACK was lost.
        sk.sk_net.mib_linux.DelayedACKLost += 1
        tcp_dsack_set(sk, skb.seq, skb.end_seq)
        _out_of_window(sk, skb, SKB_DROP_REASON_TCP_OLD_DATA)
        return
    if not before(skb.seq, sk.rcv_nxt + tcp_h.tcp_receive_window(sk)):
        _out_of_window(sk, skb, SKB_DROP_REASON_TCP_OVERWINDOW)
        return
    if before(skb.seq, sk.rcv_nxt):
        # Partly old: the reader skips what it has.
        tcp_dsack_set(sk, skb.seq, sk.rcv_nxt)
        if tcp_h.tcp_receive_window(sk) == 0:
            sk.sk_net.mib_linux.TCPZeroWindowDrop += 1
            _out_of_window(sk, skb, SKB_DROP_REASON_TCP_ZEROWINDOW)
            return
        tcp_queue_in_order(sk, skb)
        return
    tcp_data_queue_ofo(sk, skb)


def _out_of_window(sk: TcpSock, skb: SkBuff, reason: i64) -> None:
    tcp_rcvbuf.tcp_enter_quickack_mode(sk, tcp_rcvbuf.TCP_MAX_QUICKACKS)
    sk.icsk_ack_pending |= ICSK_ACK_SCHED
    tcp_drop_reason(sk, skb, reason)


def tcp_drop_reason(sk: TcpSock, skb: SkBuff, reason: i64) -> None:
    sk.sk_drops += skb.gso_segs if skb.gso_segs > 1 else 1
    skbuff.kfree_skb_reason(sk.kernel, skb, reason)


def tcp_queue_in_order(sk: TcpSock, skb: SkBuff) -> None:
    """What comes next in sequence; and what had waited for it."""
    if tcp_try_rmem_schedule(sk, skb, skb.truesize) != 0:
        # No memory: say so with a zero window, now; but an empty queue must take something, or nothing would
        # ever move.
        sk.icsk_ack_pending |= ICSK_ACK_SCHED | ICSK_ACK_NOMEM | ICSK_ACK_NOW
        sk.sk_data_ready.run(sk)
        if sk.sk_receive_queue.qlen != 0 and skb.len != 0:
            sk.sk_net.mib_linux.TCPRcvQDrop += 1
            tcp_drop_reason(sk, skb, SKB_DROP_REASON_PROTO_MEM)
            return
        tcp_output.sk_forced_mem_schedule(sk, skb.truesize)
    fin: bool = skb.tcp_flags & TCPHDR_FIN != 0
    length = skb.len
    eaten = tcp_queue_rcv(sk, skb)
    if length:
        tcp_rcvbuf.tcp_event_data_recv(sk, skb)
    if fin:
        tcp_input.tcp_fin(sk)
    ooo = sk.out_of_order_queue
    if ooo is not None and ooo.qlen != 0:
        tcp_ofo_queue(sk)
        # RFC 5681 section 4.2: an ACK at once when a segment fills a gap.
        if ooo.qlen == 0:
            sk.icsk_ack_pending |= ICSK_ACK_NOW
    if sk.rx_opt_num_sacks:
        tcp_sack_remove(sk)
    tcp_h.tcp_fast_path_check(sk)
    if eaten:
        skbuff.consume_skb(sk.kernel, skb)
    if sk.sk_flags & SOCK_DEAD == 0:
        tcp_rcvbuf.tcp_data_ready(sk)


def tcp_queue_rcv(sk: TcpSock, skb: SkBuff) -> bool:
    """Put skb at the end of the receive queue. True: its bytes went into the one before, the caller frees
    it."""
    tail = sk.sk_receive_queue.last
    eaten: bool = tail is not None and tcp_try_coalesce(sk, tail, skb)
    sk.bytes_received += (skb.end_seq - sk.rcv_nxt) & U32
    sk.rcv_nxt = skb.end_seq
    if not eaten:
        skbuff.skb_queue_tail(sk.sk_receive_queue, skb)
        skbuff.skb_set_owner_r(skb, sk)
    return eaten


def tcp_try_coalesce(sk: TcpSock, to: SkBuff, skb: SkBuff) -> bool:
    """Adjacent segments share one skb, as far as fragments go: its overhead is spared."""
    if skb.seq != to.end_seq or to.eor:
        return False
    frags = to.frags
    have: i64 = 0 if frags is None else len(frags)
    mine = skb.frags
    more: i64 = 1 if mine is None else 1 + len(mine)
    if have + more > MAX_SKB_FRAGS or skb.len == 0 or to.len == 0 or to.len + skb.len > 0xFFFFF:
        return False
    old = to.truesize
    skbuff.skb_append(to, skb)
    delta: i64 = to.truesize - old
    to.rmem_charged += delta
    sk.sk_rmem_alloc += delta
    core_sock.sk_mem_charge(sk, delta)
    to.end_seq = skb.end_seq
    to.ack_seq = skb.ack_seq
    to.tcp_flags |= skb.tcp_flags
    if skb.has_rxtstamp:
        to.has_rxtstamp = True
        to.tstamp = skb.tstamp
    sk.sk_net.mib_linux.TCPRcvCoalesce += 1
    return True


# ---- out of order


def tcp_data_queue_ofo(sk: TcpSock, skb: SkBuff) -> None:
    """A hole precedes it: keep it, and answer at once with what is here (RFC 5681 section 3.2, RFC 2018)."""
    mib = sk.sk_net.mib_linux
    if tcp_try_rmem_schedule(sk, skb, skb.truesize) != 0:
        mib.TCPOFODrop += 1
        sk.sk_data_ready.run(sk)
        tcp_drop_reason(sk, skb, SKB_DROP_REASON_PROTO_MEM)
        return
    tcp_rcvbuf.tcp_measure_rcv_mss(sk, skb)
    sk.pred_flags = 0
    sk.icsk_ack_pending |= ICSK_ACK_SCHED
    sk.rcv_ooopack += skb.gso_segs if skb.gso_segs > 1 else 1
    mib.TCPOFOQueue += 1
    seq = skb.seq
    end_seq = skb.end_seq
    queue = sk.out_of_order_queue
    if queue is None:
        queue = SkBuffHead()
        sk.out_of_order_queue = queue
    pos = queue.last
    while pos is not None and before(seq, pos.seq):
        pos = pos.prev
    if pos is not None and before(seq, pos.end_seq):
        if not after(end_seq, pos.end_seq):
            # Nothing new in it.
            mib.TCPOFOMerge += 1
            tcp_drop_reason(sk, skb, SKB_DROP_REASON_TCP_OFOMERGE)
            tcp_dsack_set(sk, seq, end_seq)
            _ofo_add_sack(sk, seq, end_seq)
            return
        if after(seq, pos.seq):
            tcp_dsack_set(sk, seq, pos.end_seq)
        else:
            # It begins where the other does and is longer: it takes its place.
            old = pos
            pos = pos.prev
            skbuff.skb_unlink(queue, old)
            tcp_dsack_extend(sk, old.seq, old.end_seq)
            mib.TCPOFOMerge += 1
            tcp_drop_reason(sk, old, SKB_DROP_REASON_TCP_OFOMERGE)
    elif pos is not None:
        nxt = pos.next
        if (nxt is None or not after(end_seq, nxt.seq)) and tcp_try_coalesce(sk, pos, skb):
            _ofo_add_sack(sk, seq, end_seq)
            tcp_rcvbuf.tcp_grow_window(sk, skb, False)
            skbuff.consume_skb(sk.kernel, skb)
            return
    if pos is None:
        skbuff.skb_queue_head(queue, skb)
    else:
        skbuff.skb_insert_after(queue, pos, skb)
    # What it covers goes.
    nxt = skb.next
    while nxt is not None and after(end_seq, nxt.seq):
        if before(end_seq, nxt.end_seq):
            tcp_dsack_extend(sk, nxt.seq, end_seq)
            break
        after_it = nxt.next
        skbuff.skb_unlink(queue, nxt)
        tcp_dsack_extend(sk, nxt.seq, nxt.end_seq)
        mib.TCPOFOMerge += 1
        tcp_drop_reason(sk, nxt, SKB_DROP_REASON_TCP_OFOMERGE)
        nxt = after_it
    sk.ooo_last_skb = queue.last
    _ofo_add_sack(sk, seq, end_seq)
    tcp_rcvbuf.tcp_grow_window(sk, skb, False)
    skbuff.skb_set_owner_r(skb, sk)


def _ofo_add_sack(sk: TcpSock, seq: i64, end_seq: i64) -> None:
    if sk.sack_ok:
        tcp_sack_new_ofo_skb(sk, seq, end_seq)


def tcp_ofo_queue(sk: TcpSock) -> None:
    """A gap is filled: move what follows to the receive queue."""
    queue = sk.out_of_order_queue
    if queue is None:
        return
    dsack_high = sk.rcv_nxt
    while True:
        skb = queue.first
        if skb is None or after(skb.seq, sk.rcv_nxt):
            break
        if before(skb.seq, dsack_high):
            # RFC 2883: what came twice is this packet's part of it, and not what lay between two.
            dsack = dsack_high
            if before(skb.end_seq, dsack):
                dsack = skb.end_seq
            tcp_dsack_extend(sk, skb.seq, dsack)
        skbuff.skb_unlink(queue, skb)
        if not after(skb.end_seq, sk.rcv_nxt):
            tcp_drop_reason(sk, skb, SKB_DROP_REASON_TCP_OFO_DROP)
            continue
        fin: bool = skb.tcp_flags & TCPHDR_FIN != 0
        skbuff.skb_orphan(skb)
        if tcp_queue_rcv(sk, skb):
            skbuff.consume_skb(sk.kernel, skb)
        if fin:
            tcp_input.tcp_fin(sk)  # which empties the queue: nothing can follow
            break
    sk.ooo_last_skb = queue.last


# ---- the blocks that we report


def tcp_sack_new_ofo_skb(sk: TcpSock, seq: i64, end_seq: i64) -> None:
    """RFC 2018 section 4: the first block holds the segment that caused the ACK."""
    blocks = sk.selective_acks
    if blocks is None:
        blocks = []
        sk.selective_acks = blocks
    n = len(blocks)
    i = 0
    while i < n:
        b = blocks[i]
        if not after(seq, b.end_seq) and not after(b.start_seq, end_seq):
            if before(seq, b.start_seq):
                b.start_seq = seq
            if after(end_seq, b.end_seq):
                b.end_seq = end_seq
            if i >= 2:
                # The block would not have been in the ACKs that are put off.
                tcp_rcvbuf.tcp_sack_compress_send_ack(sk)
            if i > 0:
                del blocks[i]
                blocks.insert(0, b)
            if n > 1:
                tcp_sack_maybe_coalesce(sk, blocks)
            sk.rx_opt_num_sacks = len(blocks)
            return
        i += 1
    if n >= TCP_NUM_SACKS:
        # The oldest is forgotten; an ACK that was put off must still tell of it.
        tcp_rcvbuf.tcp_sack_compress_send_ack(sk)
        blocks.pop()
    blocks.insert(0, TcpSackBlock(seq, end_seq))
    sk.rx_opt_num_sacks = len(blocks)


def tcp_sack_maybe_coalesce(sk: TcpSock, blocks: list[TcpSackBlock]) -> None:
    """The first block grew: it may touch others now."""
    first = blocks[0]
    i = 1
    while i < len(blocks):
        b = blocks[i]
        if not after(b.start_seq, first.end_seq) and not after(first.start_seq, b.end_seq):
            if before(b.start_seq, first.start_seq):
                first.start_seq = b.start_seq
            if after(b.end_seq, first.end_seq):
                first.end_seq = b.end_seq
            del blocks[i]
            i = 1
            continue
        i += 1


def tcp_sack_remove(sk: TcpSock) -> None:
    """rcv_nxt moved on: blocks below it are history."""
    queue = sk.out_of_order_queue
    blocks = sk.selective_acks
    if queue is None or queue.qlen == 0 or blocks is None:
        sk.rx_opt_num_sacks = 0
        sk.selective_acks = None
        return
    rcv_nxt = sk.rcv_nxt
    i = 0
    while i < len(blocks):
        if not before(rcv_nxt, blocks[i].start_seq):
            del blocks[i]
        else:
            i += 1
    sk.rx_opt_num_sacks = len(blocks)


def tcp_dsack_set(sk: TcpSock, seq: i64, end_seq: i64) -> None:
    """RFC 2883: the next ACK reports seq…end_seq as received twice."""
    if sk.sack_ok and sk.sk_net.ipv4.sysctl_tcp_dsack:
        mib = sk.sk_net.mib_linux
        if before(seq, sk.rcv_nxt):
            mib.TCPDSACKOldSent += 1
        else:
            mib.TCPDSACKOfoSent += 1
        sk.rx_opt_dsack = True
        sk.duplicate_sack0 = seq
        sk.duplicate_sack1 = end_seq


def tcp_dsack_extend(sk: TcpSock, seq: i64, end_seq: i64) -> None:
    if not sk.rx_opt_dsack:
        tcp_dsack_set(sk, seq, end_seq)
        return
    if not after(seq, sk.duplicate_sack1) and not after(sk.duplicate_sack0, end_seq):
        if before(seq, sk.duplicate_sack0):
            sk.duplicate_sack0 = seq
        if after(end_seq, sk.duplicate_sack1):
            sk.duplicate_sack1 = end_seq


# ---- memory


def tcp_try_rmem_schedule(sk: TcpSock, skb: SkBuff, size: i64) -> i64:
    """Room for size more bytes of receive memory, if need be by pruning. 0 or -1."""
    if sk.sk_rmem_alloc > sk.sk_rcvbuf or not core_sock.sk_rmem_schedule(sk, size):
        if tcp_prune_queue(sk, skb) < 0:
            return -1
        while not core_sock.sk_rmem_schedule(sk, size):
            if not tcp_prune_ofo_queue(sk, skb):
                return -1
    return 0


def tcp_prune_queue(sk: TcpSock, in_skb: SkBuff) -> i64:
    """The buffer is full: first its overhead goes, then what came out of order (RFC 2018 section 8 allows
    it)."""
    mib = sk.sk_net.mib_linux
    # Nothing to collapse in an empty queue.
    mib.PruneCalled += 1
    if sk.sk_rmem_alloc >= sk.sk_rcvbuf:
        tcp_clamp_window(sk)
    if sk.sk_rmem_alloc <= sk.sk_rcvbuf:
        return 0
    ooo = sk.out_of_order_queue
    if ooo is not None:
        tcp_collapse(sk, ooo)
    tcp_collapse(sk, sk.sk_receive_queue)
    if sk.sk_rmem_alloc <= sk.sk_rcvbuf:
        return 0
    tcp_prune_ofo_queue(sk, in_skb)
    if sk.sk_rmem_alloc <= sk.sk_rcvbuf:
        return 0
    mib.RcvPruned += 1
    sk.pred_flags = 0
    return -1


def tcp_clamp_window(sk: TcpSock) -> None:
    """More came than the buffer holds: the buffer grows if it may, else the window shrinks."""
    ipv4 = sk.sk_net.ipv4
    sk.icsk_ack_quick = 0
    most = ipv4.sysctl_tcp_rmem[2]
    if sk.sk_rcvbuf < most and sk.sk_userlocks & 2 == 0:
        sk.sk_rcvbuf = sk.sk_rmem_alloc if sk.sk_rmem_alloc < most else most
    if sk.sk_rmem_alloc > sk.sk_rcvbuf:
        small: i64 = 2 * sk.advmss
        sk.rcv_ssthresh = small if small < sk.window_clamp else sk.window_clamp


def tcp_collapse(sk: TcpSock, queue: SkBuffHead) -> None:
    """Join neighbours of a queue into larger skbs."""
    skb = queue.first
    while skb is not None:
        nxt = skb.next
        if (
            nxt is None
            or nxt.seq != skb.end_seq
            or (skb.tcp_flags | nxt.tcp_flags) & (TCPHDR_SYN | TCPHDR_FIN)
            or skb.len >= 65536
        ):
            skb = nxt
            continue
        old = skb.truesize
        skbuff.skb_unlink(queue, nxt)
        skbuff.skb_set_data(skb, skbuff.skb_payload(skb) + skbuff.skb_payload(nxt))
        delta: i64 = skb.truesize - old
        skb.rmem_charged += delta
        sk.sk_rmem_alloc += delta
        core_sock.sk_mem_charge(sk, delta)
        skb.end_seq = nxt.end_seq
        skb.tcp_flags |= nxt.tcp_flags
        skbuff.consume_skb(sk.kernel, nxt)
        sk.sk_net.mib_linux.TCPRcvCollapsed += 1


def tcp_prune_ofo_queue(sk: TcpSock, in_skb: SkBuff) -> bool:
    """Drop from the far end of what came out of order. True: something went."""
    queue = sk.out_of_order_queue
    if queue is None or queue.qlen == 0:
        return False
    pruned = False
    while True:
        last = queue.last
        # What would land behind all others is worth less than they are.
        if last is None or after(in_skb.seq, last.seq):
            break
        pruned = True
        skbuff.skb_unlink(queue, last)
        tcp_drop_reason(sk, last, SKB_DROP_REASON_TCP_OFO_QUEUE_PRUNE)
        if sk.sk_rmem_alloc <= sk.sk_rcvbuf - (sk.sk_rcvbuf >> 3):
            break
    if pruned:
        sk.sk_net.mib_linux.OfoPruned += 1
        sk.ooo_last_skb = queue.last
        # The blocks may speak of what is gone: forget them (RFC 2018 section 8).
        sk.rx_opt_num_sacks = 0
        sk.selective_acks = None
    return pruned
