"""RACK: loss is told by time, not by counting duplicates. And NewReno's marking, for peers without SACK.

Kernel counterpart: `net/ipv4/tcp_recovery.c`; RFC 8985. A segment is lost when one sent later was delivered
and a reordering window has
passed since. Segments hang on `tsorted_first…` in the order of their last transmission. RFC 6582 for NewReno.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.net.ipv4 import tcp_h, tcp_loss, tcp_output, tcp_retrans, tcp_timer
from sockfs.uapi.tcp import (
    ICSK_TIME_REO_TIMEOUT,
    ICSK_TIME_RETRANS,
    TCPCB_LOST,
    TCPCB_RETRANS,
    TCPCB_SACKED_RETRANS,
    TCP_CA_Recovery,
)
from sockfs.util.seq import after, before

if TYPE_CHECKING:
    from sockfs.structs.sk_buff import SkBuff
    from sockfs.structs.tcp_sock import RateSample, TcpSock

TCP_RACK_STATIC_REO_WND: Final = 2
TCP_RACK_NO_DUPTHRESH: Final = 4
TCP_RACK_RECOVERY_THRESH: Final = 16


def tcp_rack_reo_wnd(sk: TcpSock) -> i64:
    """RFC 8985 section 6.2 step 4: how much reordering to bear, µs."""
    if sk.reord_seen == 0:
        # No reordering seen: none is borne in recovery, nor once three segments are SACKed (the classic
        # DupThresh).
        if sk.icsk_ca_state >= TCP_CA_Recovery:
            return 0
        if sk.sacked_out >= sk.reordering and (
            sk.sk_net.ipv4.sysctl_tcp_recovery & TCP_RACK_NO_DUPTHRESH == 0
        ):
            return 0
    wnd: i64 = (tcp_h.tcp_min_rtt(sk) >> 2) * sk.rack_reo_wnd_steps
    srtt: i64 = sk.srtt_us >> 3
    return wnd if wnd < srtt else srtt


def tcp_rack_skb_timeout(sk: TcpSock, skb: SkBuff, reo_wnd: i64) -> i64:
    """µs until skb counts as lost; ≤ 0: it does."""
    return sk.rack_rtt_us + reo_wnd - (sk.tcp_mstamp - skb.skb_mstamp_ns // 1000)


def _sent_after(t1: i64, t2: i64, seq1: i64, seq2: i64) -> bool:
    """Was segment 1 sent after segment 2? Those of one burst go by sequence."""
    return t1 > t2 or (t1 == t2 and after(seq1, seq2))


def tcp_rack_detect_loss(sk: TcpSock) -> i64:
    """RFC 8985 section 6.2 step 5: mark what is lost. Returns µs until the next may be; 0: none waits."""
    timeout: i64 = 0
    reo_wnd = tcp_rack_reo_wnd(sk)
    skb = sk.tsorted_first
    while skb is not None:
        nxt = skb.tsort_next
        # Lost and not sent again: nothing to find.
        if skb.sacked & TCPCB_LOST and skb.sacked & TCPCB_SACKED_RETRANS == 0:
            skb = nxt
            continue
        if not _sent_after(sk.rack_mstamp, skb.skb_mstamp_ns // 1000, sk.rack_end_seq, skb.end_seq):
            break
        remaining = tcp_rack_skb_timeout(sk, skb, reo_wnd)
        if remaining <= 0:
            tcp_loss.tcp_mark_skb_lost(sk, skb)
            tcp_h.tcp_tsorted_del(sk, skb)
        elif remaining > timeout:
            timeout = remaining
        skb = nxt
    return timeout


def tcp_rack_mark_lost(sk: TcpSock) -> bool:
    """After an ACK. True: the reordering timer was set."""
    if not sk.rack_advanced:
        return False
    sk.rack_advanced = False
    timeout = tcp_rack_detect_loss(sk)
    if timeout:
        tcp_timer.tcp_reset_xmit_timer(
            sk, ICSK_TIME_REO_TIMEOUT, timeout * 1000 + tcp_h.TCP_TIMEOUT_MIN, False
        )
    return timeout != 0


def tcp_rack_advance(sk: TcpSock, sacked: i64, end_seq: i64, xmit_time: i64) -> None:
    """RFC 8985 section 6.2 step 2: a segment sent at xmit_time (µs) was delivered."""
    rtt_us: i64 = sk.tcp_mstamp - xmit_time
    if sacked & TCPCB_RETRANS:
        # The ACK may be for the first copy: not faster than ever before, then.
        if rtt_us < tcp_h.tcp_min_rtt(sk):
            return
    sk.rack_advanced = True
    sk.rack_rtt_us = rtt_us
    if _sent_after(xmit_time, sk.rack_mstamp, end_seq, sk.rack_end_seq):
        sk.rack_mstamp = xmit_time
        sk.rack_end_seq = end_seq


def tcp_rack_reo_timeout(sk: TcpSock) -> None:
    """The reordering timer went off (RFC 8985 section 6.3)."""
    prior = tcp_h.tcp_packets_in_flight(sk)
    lost = sk.lost
    tcp_rack_detect_loss(sk)
    if prior != tcp_h.tcp_packets_in_flight(sk):
        if sk.icsk_ca_state != TCP_CA_Recovery:
            tcp_loss.tcp_enter_recovery(sk, False)
            if not sk.icsk_ca_ops.has_cong_control:
                tcp_loss.tcp_cwnd_reduction(sk, 1, sk.lost - lost, 0)
        tcp_retrans.tcp_xmit_retransmit_queue(sk)
    if sk.icsk_pending != ICSK_TIME_RETRANS:
        tcp_loss.tcp_rearm_rto(sk)


def tcp_rack_update_reo_wnd(sk: TcpSock, rs: RateSample) -> None:
    """RFC 8985 section 6.2 step 4: a round with D-SACKs widens the window by a quarter of the minimal RTT;
    16 quiet recoveries reset it."""
    if sk.sk_net.ipv4.sysctl_tcp_recovery & TCP_RACK_STATIC_REO_WND or rs.prior_delivered == 0:
        return
    # Once a round trip.
    if before(rs.prior_delivered, sk.rack_last_delivered):
        sk.rack_dsack_seen = False
    if sk.rack_dsack_seen:
        sk.rack_reo_wnd_steps = sk.rack_reo_wnd_steps + 1 if sk.rack_reo_wnd_steps < 255 else 255
        sk.rack_dsack_seen = False
        sk.rack_last_delivered = sk.delivered
        sk.rack_reo_wnd_persist = TCP_RACK_RECOVERY_THRESH
    elif sk.rack_reo_wnd_persist == 0:
        sk.rack_reo_wnd_steps = 1


def tcp_newreno_mark_lost(sk: TcpSock, snd_una_advanced: bool) -> None:
    """RFC 6582: the third duplicate, and each partial acknowledgement in recovery, tell that the first
    segment is lost."""
    state = sk.icsk_ca_state
    if (state < TCP_CA_Recovery and sk.sacked_out >= sk.reordering) or (
        state == TCP_CA_Recovery and snd_una_advanced
    ):
        skb = sk.tcp_rtx_queue.first
        if skb is None or skb.sacked & TCPCB_LOST:
            return
        mss = sk.mss_cache
        if skb.tcp_gso_segs > 1 and skb.len > mss:
            tcp_output.tcp_fragment(sk, tcp_output.TCP_FRAG_IN_RTX_QUEUE, skb, mss, mss)
        tcp_loss.tcp_mark_skb_lost(sk, skb)
