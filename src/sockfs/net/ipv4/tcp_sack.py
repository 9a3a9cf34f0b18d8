"""What the peer's SACK blocks say about our retransmission queue.

Kernel counterpart: the `tcp_sacktag_*` part of `net/ipv4/tcp_input.c`. RFC 2018 (SACK), RFC 2883 (D-SACK).
Control enters from `tcp_ack`;
marks go into `skb.sacked`, counts into `sacked_out`, `lost_out`, `retrans_out`. The blocks that we send are
made in `tcp_ofo.py`.

Not modelled: merging SACKed neighbours into one skb (`tcp_shift_skb_data`), which only saves memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.net.ipv4 import tcp_h, tcp_loss, tcp_output, tcp_rate, tcp_recovery
from sockfs.structs.tcp_ack_flags import (
    FLAG_DATA_SACKED,
    FLAG_DSACK_TLP,
    FLAG_DSACKING_ACK,
    FLAG_ORIG_SACK_ACKED,
)
from sockfs.structs.tcp_sock import TcpSackBlock
from sockfs.uapi.tcp import TCPCB_LOST, TCPCB_RETRANS, TCPCB_SACKED_ACKED, TCPCB_SACKED_RETRANS
from sockfs.util.seq import after, before

if TYPE_CHECKING:
    from sockfs.structs.sk_buff import SkBuff
    from sockfs.structs.tcp_sock import TcpSacktagState, TcpSock

U32: Final = 0xFFFFFFFF


def tcp_sacktag_write_queue(sk: TcpSock, ack_skb: SkBuff, prior_snd_una: i64, st: TcpSacktagState) -> i64:
    """Mark what the blocks of ack_skb cover. Returns FLAG_DATA_SACKED, FLAG_DSACKING_ACK … for the ACK's
    flags."""
    th = ack_skb.th
    if th is None or th.sacks is None:
        return 0
    wire = th.sacks
    st.flag = 0
    st.reord = sk.snd_nxt
    if sk.sacked_out == 0:
        sk.highest_sack = sk.tcp_rtx_queue.first
    n = len(wire) // 2
    if n > 4:
        n = 4
    found_dup = False
    if n > 0:
        found_dup = tcp_check_dsack(sk, ack_skb, wire, n, prior_snd_una, st)
    # Too old to tell anything (RFC 2018 blocks may only repeat what is newer).
    if before(ack_skb.ack_seq, prior_snd_una - sk.max_window):
        return 0
    if sk.packets_out == 0:
        return st.flag if found_dup else 0
    mib = sk.sk_net.mib_linux
    blocks: list[TcpSackBlock] = []
    first_dup: TcpSackBlock | None = None
    i: i64 = 0
    while i < n:
        start: i64 = wire[2 * i]
        end: i64 = wire[2 * i + 1]
        dup: bool = i == 0 and found_dup
        i += 1
        if not tcp_is_sackblock_valid(sk, dup, start, end):
            if dup:
                if sk.undo_marker == 0:
                    mib.TCPDSACKIgnoredNoUndo += 1
                else:
                    mib.TCPDSACKIgnoredOld += 1
            else:
                # An old one that reached us late is no lie.
                if ack_skb.ack_seq != sk.snd_una and not after(end, sk.snd_una):
                    continue
                mib.TCPSACKDiscard += 1
            continue
        # Nothing of it is in flight any more.
        if not after(end, prior_snd_una):
            continue
        block = TcpSackBlock(start, end)
        if dup:
            first_dup = block
        _insert_sorted(blocks, block)
    queue = sk.tcp_rtx_queue
    skb = queue.first
    for block in blocks:
        dup = block is first_dup
        if dup:
            # A D-SACK may lie below the others: it is looked for from the start.
            skb = queue.first
        skb = tcp_sacktag_walk(sk, skb, st, block.start_seq, block.end_seq, dup)
        if dup and len(blocks) > 1:
            skb = queue.first
    if sk.icsk_ca_state != 4 or sk.undo_marker:
        tcp_loss.tcp_check_sack_reordering(sk, st.reord, 0)
    return st.flag


def _insert_sorted(blocks: list[TcpSackBlock], block: TcpSackBlock) -> None:
    at = len(blocks)
    while at > 0 and after(blocks[at - 1].start_seq, block.start_seq):
        at -= 1
    blocks.insert(at, block)


def tcp_check_dsack(
    sk: TcpSock, ack_skb: SkBuff, wire: list[i64], n: i64, prior_snd_una: i64, st: TcpSacktagState
) -> bool:
    """RFC 2883 section 4: a first block below the ACK, or inside the second, tells of a duplicate."""
    start0: i64 = wire[0]
    end0: i64 = wire[1]
    mib = sk.sk_net.mib_linux
    if before(start0, ack_skb.ack_seq):
        mib.TCPDSACKRecv += 1
    elif n > 1 and not after(end0, wire[3]) and not before(start0, wire[2]):
        mib.TCPDSACKOfoRecv += 1
    else:
        return False
    dup_segs = tcp_dsack_seen(sk, start0, end0, st)
    if dup_segs == 0:
        mib.TCPDSACKIgnoredDubious += 1
        return False
    mib.TCPDSACKRecvSegs += dup_segs
    # It answers one of our retransmissions of this flight.
    if (
        sk.undo_marker
        and sk.undo_retrans > 0
        and not after(end0, prior_snd_una)
        and after(end0, sk.undo_marker)
    ):
        sk.undo_retrans -= dup_segs
        if sk.undo_retrans < 0:
            sk.undo_retrans = 0
    return True


def tcp_dsack_seen(sk: TcpSock, start_seq: i64, end_seq: i64, st: TcpSacktagState) -> i64:
    """How many segments of ours came twice; 0: a report that cannot be true."""
    if not before(start_seq, end_seq):
        return 0
    seq_len: i64 = (end_seq - start_seq) & U32
    # More than ever was in flight.
    if seq_len > sk.max_window:
        return 0
    segs: i64 = 1
    if seq_len > sk.mss_cache:
        segs = (seq_len + sk.mss_cache - 1) // sk.mss_cache
    elif sk.tlp_high_seq and sk.tlp_high_seq == end_seq:
        st.flag |= FLAG_DSACK_TLP
    sk.dsack_dups += segs
    # More duplicates than retransmissions: the network makes them.
    if sk.dsack_dups > sk.total_retrans:
        return 0
    sk.sack_ok |= 4  # TCP_DSACK_SEEN
    # The duplicate may come of RACK's marking too early; a probe's does not.
    if sk.reord_seen and st.flag & FLAG_DSACK_TLP == 0:
        sk.rack_dsack_seen = True
    st.flag |= FLAG_DSACKING_ACK
    st.sack_delivered += segs
    return segs


def tcp_is_sackblock_valid(sk: TcpSock, is_dsack: bool, start_seq: i64, end_seq: i64) -> bool:
    """A block of what we sent and have not seen acknowledged; a D-SACK may be a little older."""
    if after(end_seq, sk.snd_nxt) or not before(start_seq, end_seq):
        return False
    if not before(start_seq, sk.snd_nxt):
        return False
    if after(start_seq, sk.snd_una):
        return True
    if not is_dsack or sk.undo_marker == 0:
        return False
    if after(end_seq, sk.snd_una):
        return False
    if not before(start_seq, sk.undo_marker):
        return True
    if not after(end_seq, sk.undo_marker):
        return False
    return not before(start_seq, end_seq - sk.max_window)


def tcp_sacktag_walk(
    sk: TcpSock, skb: SkBuff | None, st: TcpSacktagState, start_seq: i64, end_seq: i64, dup_sack: bool
) -> SkBuff | None:
    """Mark from skb on what lies in the block. Returns where it stopped."""
    while skb is not None:
        if not before(skb.seq, end_seq):
            break
        if not after(skb.end_seq, start_seq):
            skb = skb.next
            continue
        if not tcp_match_skb_to_sack(sk, skb, start_seq, end_seq):
            skb = skb.next
            continue
        tcp_sacktag_one(sk, st, skb, dup_sack)
        if not before(skb.seq, tcp_loss.tcp_highest_sack_seq(sk)) and skb.sacked & TCPCB_SACKED_ACKED:
            sk.highest_sack = skb.next  # tcp_advance_highest_sack
        skb = skb.next
    return skb


def tcp_match_skb_to_sack(sk: TcpSock, skb: SkBuff, start_seq: i64, end_seq: i64) -> bool:
    """Does the block cover skb? One that covers part of a large packet cuts it there, at a whole segment."""
    in_sack: bool = not after(start_seq, skb.seq) and not before(end_seq, skb.end_seq)
    if in_sack:
        return True
    if skb.tcp_gso_segs > 1 and after(skb.end_seq, start_seq):
        mss = tcp_output.tcp_skb_mss(sk, skb)
        starts_inside: bool = after(start_seq, skb.seq)
        if starts_inside:
            pkt_len: i64 = (start_seq - skb.seq) & U32
        else:
            pkt_len = (end_seq - skb.seq) & U32
        if pkt_len < mss:
            if not starts_inside:
                return False
            pkt_len = mss
        elif pkt_len > mss:
            whole: i64 = pkt_len // mss * mss
            if starts_inside and whole < pkt_len:
                whole += mss
            pkt_len = whole
        if pkt_len >= skb.len:
            return False
        if tcp_output.tcp_fragment(sk, tcp_output.TCP_FRAG_IN_RTX_QUEUE, skb, pkt_len, mss) != 0:
            return False
        return not after(start_seq, skb.seq) and not before(end_seq, skb.end_seq)
    return False


def tcp_sacktag_one(sk: TcpSock, st: TcpSacktagState, skb: SkBuff, dup_sack: bool) -> None:
    """skb has arrived out of order, or arrived twice."""
    sacked = skb.sacked
    segs = skb.tcp_gso_segs
    if dup_sack and sacked & TCPCB_RETRANS:
        if sk.undo_marker and sk.undo_retrans > 0 and after(skb.end_seq, sk.undo_marker):
            sk.undo_retrans -= segs
            if sk.undo_retrans < 0:
                sk.undo_retrans = 0
        if sacked & TCPCB_SACKED_ACKED and before(skb.seq, st.reord):
            st.reord = skb.seq
    if not after(skb.end_seq, sk.snd_una):
        return
    if sacked & TCPCB_SACKED_ACKED == 0:
        sent: i64 = skb.skb_mstamp_ns // 1000
        if not (sacked & TCPCB_RETRANS and tcp_skb_spurious_retrans(sk, skb)):
            tcp_recovery.tcp_rack_advance(sk, sacked, skb.end_seq, sent)
        if sacked & TCPCB_SACKED_RETRANS:
            # The retransmission arrived (or its original did: whichever, it is there).
            if sacked & TCPCB_LOST:
                sacked &= ~(TCPCB_LOST | TCPCB_SACKED_RETRANS)
                sk.lost_out -= segs
                sk.retrans_out -= segs
        else:
            if sacked & TCPCB_RETRANS == 0:
                # A first transmission below what was SACKed before: reordering.
                if before(skb.seq, tcp_loss.tcp_highest_sack_seq(sk)) and before(skb.seq, st.reord):
                    st.reord = skb.seq
                if not after(skb.end_seq, sk.high_seq):
                    st.flag |= FLAG_ORIG_SACK_ACKED
                if st.first_sackt == 0:
                    st.first_sackt = sent
                st.last_sackt = sent
            if sacked & TCPCB_LOST:
                sacked &= ~TCPCB_LOST
                sk.lost_out -= segs
        sacked |= TCPCB_SACKED_ACKED
        skb.sacked = sacked
        st.flag |= FLAG_DATA_SACKED
        sk.sacked_out += segs
        sk.delivered += segs
        st.sack_delivered += segs
        tcp_rate.tcp_rate_skb_delivered(sk, skb, st.rate)
        # What arrived has no place in RACK's list.
        tcp_h.tcp_tsorted_del(sk, skb)
    elif dup_sack and sacked & TCPCB_SACKED_RETRANS:
        skb.sacked = sacked & ~TCPCB_SACKED_RETRANS
        sk.retrans_out -= segs


def tcp_skb_spurious_retrans(sk: TcpSock, skb: SkBuff) -> bool:
    """Sent again, and the ACK echoes a time before that."""
    return (
        skb.sacked & TCPCB_RETRANS != 0
        and sk.saw_tstamp
        and sk.rcv_tsecr != 0
        and before(sk.rcv_tsecr, (skb.skb_mstamp_ns // 1_000_000) & U32)
    )
