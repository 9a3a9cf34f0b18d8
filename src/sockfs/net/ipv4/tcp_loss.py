"""Loss recovery: the state machine of `icsk_ca_state`, the window it leaves, and its undoing.

Kernel counterpart: the middle of `net/ipv4/tcp_input.c`. Control enters from an acknowledgement
(`tcp_fastretrans_alert`, after
`tcp_ack_in.py` has cleaned the queue), from the retransmission timer (`tcp_enter_loss`) and from local
congestion (`tcp_enter_cwr`).

States: Open; Disorder (something SACKed or doubled); CWR (reducing without loss: ECN, local drop); Recovery
(fast retransmit, RFC 6675's
state with RACK's marks, RFC 8985); Loss (time-out). Windows follow PRR (RFC 6937 with the changes of its
successor); F-RTO is RFC 5682;
undo by timestamps is Eifel (RFC 3522), by D-SACK RFC 3708.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.net.ipv4 import tcp_cong, tcp_h, tcp_output, tcp_recovery, tcp_retrans, tcp_timer
from sockfs.structs.tcp_ack_flags import (
    FLAG_DATA_SACKED,
    FLAG_ECE,
    FLAG_LOST_RETRANS,
    FLAG_ORIG_SACK_ACKED,
    FLAG_SACK_RENEGING,
    FLAG_SET_XMIT_TIMER,
    FLAG_SND_UNA_ADVANCED,
    REXMIT_LOST,
    REXMIT_NEW,
    REXMIT_NONE,
)
from sockfs.uapi.tcp import (
    CA_EVENT_COMPLETE_CWR,
    CA_EVENT_LOSS,
    ICSK_TIME_LOSS_PROBE,
    ICSK_TIME_REO_TIMEOUT,
    ICSK_TIME_RETRANS,
    TCP_CA_CWR,
    TCP_SYN_RECV,
    TCP_SYN_SENT,
    TCPCB_LOST,
    TCPCB_SACKED_ACKED,
    TCPCB_SACKED_RETRANS,
    TCP_CA_Disorder,
    TCP_CA_Loss,
    TCP_CA_Open,
    TCP_CA_Recovery,
)
from sockfs.util.seq import after, before

if TYPE_CHECKING:
    from sockfs.structs.sk_buff import SkBuff
    from sockfs.structs.tcp_sock import TcpSacktagState, TcpSock

U32: Final = 0xFFFFFFFF


# ---- the state machine


def tcp_fastretrans_alert(sk: TcpSock, st: TcpSacktagState, prior_snd_una: i64, num_dupack: i64) -> None:
    """An acknowledgement that is dubious (SACK, duplicate, ECE) or that came outside Open. Sets st.rexmit."""
    flag = st.flag
    if sk.packets_out == 0 and sk.sacked_out:
        sk.sacked_out = 0
    # ECE forbids undoing this reduction.
    if flag & FLAG_ECE:
        sk.prior_ssthresh = 0
    if tcp_check_sack_reneging(sk, st):
        return
    state = sk.icsk_ca_state
    # A. The flight that the state is about is acknowledged.
    if state == TCP_CA_Open:
        sk.retrans_stamp = 0
    elif not before(sk.snd_una, sk.high_seq):
        if state == TCP_CA_CWR:
            if sk.snd_una != sk.high_seq:
                tcp_end_cwnd_reduction(sk)
                tcp_cong.tcp_set_ca_state(sk, TCP_CA_Open)
        elif state == TCP_CA_Recovery:
            if sk.sack_ok == 0:
                sk.sacked_out = 0
            if tcp_try_undo_recovery(sk):
                return
            tcp_end_cwnd_reduction(sk)
    # B. What the state makes of it.
    state = sk.icsk_ca_state
    ece: bool = flag & FLAG_ECE != 0
    if state == TCP_CA_Recovery:
        if flag & FLAG_SND_UNA_ADVANCED == 0:
            if sk.sack_ok == 0:
                tcp_add_reno_sack(sk, num_dupack, ece)
        elif tcp_try_undo_partial(sk, prior_snd_una):
            return
        if tcp_try_undo_dsack(sk):
            tcp_try_to_open(sk, flag)
        tcp_identify_packet_loss(sk, st)
        if sk.icsk_ca_state != TCP_CA_Recovery:
            if sk.lost_out == 0:
                return
            tcp_enter_recovery(sk, ece)
    else:
        if state == TCP_CA_Loss:
            tcp_process_loss(sk, st, num_dupack)
            if sk.icsk_ca_state != TCP_CA_Loss:
                tcp_update_rto_time(sk)
            tcp_identify_packet_loss(sk, st)
            if not (sk.icsk_ca_state == TCP_CA_Open or st.flag & FLAG_LOST_RETRANS):
                return
        if sk.sack_ok == 0:
            if flag & FLAG_SND_UNA_ADVANCED:
                sk.sacked_out = 0
            tcp_add_reno_sack(sk, num_dupack, ece)
        if sk.icsk_ca_state <= TCP_CA_Disorder:
            tcp_try_undo_dsack(sk)
        tcp_identify_packet_loss(sk, st)
        if sk.lost_out == 0:  # tcp_time_to_recover
            tcp_try_to_open(sk, flag)
            return
        # A lost MTU probe is no congestion (RFC 4821 section 7.5).
        if sk.icsk_ca_state < TCP_CA_CWR and sk.icsk_mtup_probe_size and sk.snd_una == sk.mtu_probe_seq_start:
            tcp_mtup_probe_failed(sk)
            sk.snd_cwnd += 1
            tcp_simple_retransmit(sk)
            return
        tcp_enter_recovery(sk, ece)
    st.rexmit = REXMIT_LOST


def tcp_identify_packet_loss(sk: TcpSock, st: TcpSacktagState) -> None:
    """Mark what is lost, by RACK or by counting."""
    if sk.tcp_rtx_queue.qlen == 0:
        return
    if sk.sack_ok == 0:
        tcp_recovery.tcp_newreno_mark_lost(sk, st.flag & FLAG_SND_UNA_ADVANCED != 0)
        return
    prior = sk.retrans_out
    if tcp_recovery.tcp_rack_mark_lost(sk):
        st.flag &= ~FLAG_SET_XMIT_TIMER
    if prior > sk.retrans_out:
        st.flag |= FLAG_LOST_RETRANS


def tcp_check_sack_reneging(sk: TcpSock, st: TcpSacktagState) -> bool:
    """The peer acknowledged up to a segment it had SACKed, and not that one: it threw it away. Wait a
    little, then believe it."""
    if st.flag & FLAG_SACK_RENEGING == 0 or st.flag & FLAG_SND_UNA_ADVANCED == 0:
        return False
    delay: i64 = (sk.srtt_us >> 4) * 1000
    if delay < 10 * tcp_h.MS:
        delay = 10 * tcp_h.MS
    tcp_timer.tcp_reset_xmit_timer(sk, ICSK_TIME_RETRANS, delay, False)
    st.flag &= ~FLAG_SET_XMIT_TIMER
    return True


def tcp_process_loss(sk: TcpSock, st: TcpSacktagState, num_dupack: i64) -> None:
    """After a time-out: F-RTO, then slow start through what is marked."""
    flag = st.flag
    recovered: bool = not before(sk.snd_una, sk.high_seq)
    if (flag & FLAG_SND_UNA_ADVANCED or sk.fastopen_rsk is not None) and tcp_try_undo_loss(sk, False):
        return
    if sk.frto:
        # RFC 5682 section 2.1 (3.b) and section 3: data that was never retransmitted got through: the
        # time-out was spurious.
        if flag & FLAG_ORIG_SACK_ACKED and tcp_try_undo_loss(sk, True):
            return
        if after(sk.snd_nxt, sk.high_seq):
            if flag & FLAG_DATA_SACKED or num_dupack:
                sk.frto = False  # (3.a) the loss is real
        elif flag & FLAG_SND_UNA_ADVANCED and not recovered:
            sk.high_seq = sk.snd_nxt
            # (2.b) send new data and see.
            if sk.sk_write_queue.first is not None and after(tcp_h.tcp_wnd_end(sk), sk.snd_nxt):
                st.rexmit = REXMIT_NEW
                return
            sk.frto = False
    if recovered:
        tcp_try_undo_recovery(sk)
        return
    if sk.sack_ok == 0:
        # Duplicates of what was sent after the time-out count; older ones do not (RFC 6582 section 4).
        if after(sk.snd_nxt, sk.high_seq) and num_dupack:
            tcp_add_reno_sack(sk, num_dupack, flag & FLAG_ECE != 0)
        elif flag & FLAG_SND_UNA_ADVANCED:
            sk.sacked_out = 0
    st.rexmit = REXMIT_LOST


def tcp_xmit_recovery(sk: TcpSock, rexmit: i64) -> None:
    """Send what recovery asks for."""
    if rexmit == REXMIT_NONE or sk.sk_state == TCP_SYN_SENT:
        return
    if rexmit == REXMIT_NEW:
        tcp_output.__tcp_push_pending_frames(sk, tcp_output.tcp_current_mss(sk), tcp_h.TCP_NAGLE_OFF)
        if after(sk.snd_nxt, sk.high_seq):
            return
        sk.frto = False
    tcp_retrans.tcp_xmit_retransmit_queue(sk)


def tcp_try_keep_open(sk: TcpSock) -> None:
    state: i64 = TCP_CA_Open
    if sk.sacked_out + sk.lost_out or tcp_any_retrans_done(sk):
        state = TCP_CA_Disorder
    if sk.icsk_ca_state != state:
        tcp_cong.tcp_set_ca_state(sk, state)
        sk.high_seq = sk.snd_nxt


def tcp_try_to_open(sk: TcpSock, flag: i64) -> None:
    if not tcp_any_retrans_done(sk):
        sk.retrans_stamp = 0
    if flag & FLAG_ECE:
        tcp_enter_cwr(sk)
    if sk.icsk_ca_state != TCP_CA_CWR:
        tcp_try_keep_open(sk)


def tcp_any_retrans_done(sk: TcpSock) -> bool:
    """Is a retransmission still unanswered?"""
    if sk.retrans_out:
        return True
    head = sk.tcp_rtx_queue.first
    return head is not None and head.sacked & 0x80 != 0


# ---- entering


def tcp_init_undo(sk: TcpSock) -> None:
    sk.undo_marker = sk.snd_una
    n = sk.retrans_out
    if sk.tlp_high_seq and sk.tlp_retrans:
        n += 1
    sk.undo_retrans = n if n else -1


def tcp_enter_recovery(sk: TcpSock, ece_ack: bool) -> None:
    """Fast retransmit."""
    if not tcp_any_retrans_done(sk):
        sk.retrans_stamp = 0
    if sk.sack_ok == 0:
        sk.sk_net.mib_linux.TCPRenoRecovery += 1
    else:
        sk.sk_net.mib_linux.TCPSackRecovery += 1
    sk.prior_ssthresh = 0
    tcp_init_undo(sk)
    if not tcp_h.tcp_in_cwnd_reduction(sk):
        if not ece_ack:
            sk.prior_ssthresh = tcp_h.tcp_current_ssthresh(sk)
        tcp_init_cwnd_reduction(sk)
    tcp_cong.tcp_set_ca_state(sk, TCP_CA_Recovery)


def tcp_enter_cwr(sk: TcpSock) -> None:
    """Reduce without loss: ECN, or a full queue in this machine."""
    sk.prior_ssthresh = 0
    if sk.icsk_ca_state < TCP_CA_CWR:
        sk.undo_marker = 0
        tcp_init_cwnd_reduction(sk)
        tcp_cong.tcp_set_ca_state(sk, TCP_CA_CWR)


def tcp_enter_loss(sk: TcpSock) -> None:
    """RFC 5681 section 3.1 (4) and RFC 6298 (5.4): the timer went off. One segment may go; all the rest is
    taken for lost."""
    net = sk.sk_net
    state = sk.icsk_ca_state
    new_recovery: bool = state < TCP_CA_Recovery
    tcp_timeout_mark_lost(sk)
    # Reduce ssthresh once for one flight.
    if (
        state <= TCP_CA_Disorder
        or not after(sk.high_seq, sk.snd_una)
        or (state == TCP_CA_Loss and sk.icsk_retransmits == 0)
    ):
        sk.prior_ssthresh = tcp_h.tcp_current_ssthresh(sk)
        sk.prior_cwnd = sk.snd_cwnd
        sk.snd_ssthresh = sk.icsk_ca_ops.ssthresh(sk)
        if sk.icsk_ca_ops.has_cwnd_event:
            sk.icsk_ca_ops.cwnd_event(sk, CA_EVENT_LOSS)
        tcp_init_undo(sk)
    sk.snd_cwnd = tcp_h.tcp_packets_in_flight(sk) + 1
    sk.snd_cwnd_cnt = 0
    sk.snd_cwnd_stamp = sk.kernel.now
    # A time-out in spite of many SACKs: reordering was taken for too large.
    reordering = net.ipv4.sysctl_tcp_reordering
    if state <= TCP_CA_Disorder and sk.sacked_out >= reordering and sk.reordering > reordering:
        sk.reordering = reordering
    tcp_cong.tcp_set_ca_state(sk, TCP_CA_Loss)
    sk.high_seq = sk.snd_nxt
    sk.tlp_high_seq = 0
    tcp_ecn_queue_cwr(sk)
    # RFC 5682: not while an earlier recovery goes on, unless it is the same time-out again.
    sk.frto = (
        net.ipv4.sysctl_tcp_frto != 0
        and (new_recovery or sk.icsk_retransmits != 0)
        and sk.icsk_mtup_probe_size == 0
    )


def tcp_timeout_mark_lost(sk: TcpSock) -> None:
    head = sk.tcp_rtx_queue.first
    reneg: bool = head is not None and head.sacked & TCPCB_SACKED_ACKED != 0
    if reneg:
        sk.sk_net.mib_linux.TCPSACKReneging += 1
        sk.sacked_out = 0
        sk.is_sack_reneg = True
    elif sk.sack_ok == 0:
        sk.sacked_out = 0
    skb = head
    while skb is not None:
        if reneg:
            skb.sacked &= ~TCPCB_SACKED_ACKED
        elif sk.sack_ok and skb is not head and tcp_recovery.tcp_rack_skb_timeout(sk, skb, 0) > 0:
            skb = skb.next
            continue  # sent too recently to be lost
        tcp_mark_skb_lost(sk, skb)
        skb = skb.next
    tcp_clear_all_retrans_hints(sk)


def tcp_simple_retransmit(sk: TcpSock) -> None:
    """The path's MTU fell (RFC 1191 section 6.5): what is too large is sent again, without a congestion
    reaction."""
    mss: i64 = -1
    if not sk.syn_data or sk.sk_state != TCP_SYN_SENT:
        mss = tcp_output.tcp_current_mss(sk)
    # A SYN and the data that went in it stand there as two: both are lost when it was too large.
    skb = sk.tcp_rtx_queue.first
    while skb is not None:
        seglen = skb.gso_size if skb.gso_size else skb.len
        if seglen > mss:
            tcp_mark_skb_lost(sk, skb)
        skb = skb.next
    if sk.lost_out == 0:
        return
    if sk.sack_ok == 0:
        tcp_limit_reno_sacked(sk)
    tcp_non_congestion_loss_retransmit(sk)


def tcp_non_congestion_loss_retransmit(sk: TcpSock) -> None:
    if sk.icsk_ca_state != TCP_CA_Loss:
        sk.high_seq = sk.snd_nxt
        sk.snd_ssthresh = tcp_h.tcp_current_ssthresh(sk)
        sk.prior_ssthresh = 0
        sk.undo_marker = 0
        tcp_cong.tcp_set_ca_state(sk, TCP_CA_Loss)
    tcp_retrans.tcp_xmit_retransmit_queue(sk)


def tcp_mark_skb_lost(sk: TcpSock, skb: SkBuff) -> None:
    """skb is lost; or its retransmission is."""
    sacked = skb.sacked
    if sacked & TCPCB_SACKED_ACKED:
        return
    # tcp_verify_retransmit_hint: a hole before the place where the search stands.
    hint = sk.retransmit_skb_hint
    if (hint is None and sk.retrans_out >= sk.lost_out) or (hint is not None and before(skb.seq, hint.seq)):
        sk.retransmit_skb_hint = skb
    segs = skb.tcp_gso_segs
    if sacked & TCPCB_LOST:
        if sacked & TCPCB_SACKED_RETRANS:
            skb.sacked = sacked & ~TCPCB_SACKED_RETRANS
            sk.retrans_out -= segs
            sk.sk_net.mib_linux.TCPLostRetransmit += segs
            sk.lost += segs
    else:
        skb.sacked = sacked | TCPCB_LOST
        sk.lost_out += segs
        sk.lost += segs


def tcp_clear_all_retrans_hints(sk: TcpSock) -> None:
    sk.retransmit_skb_hint = None


def tcp_update_rto_time(sk: TcpSock) -> None:
    """Recovered from a time-out: how long did it take? (tcpi_total_rto_time)"""
    if sk.rto_stamp:
        sk.total_rto_time += (tcp_h.tcp_time_stamp_ms(sk) - sk.rto_stamp) & U32
        sk.rto_stamp = 0


# ---- undo


def tcp_packet_delayed(sk: TcpSock) -> bool:
    """Eifel: the acknowledgement echoes a timestamp from before the first retransmission: the original got
    through."""
    if sk.retrans_stamp == 0:
        # Nothing was retransmitted, it says; but without SACK the stamp is cleared when all is acknowledged.
        if sk.sack_ok == 0 and not before(sk.snd_una, sk.high_seq):
            return False
        return sk.sk_state != TCP_SYN_SENT and sk.sk_state != TCP_SYN_RECV
    return sk.saw_tstamp and sk.rcv_tsecr != 0 and before(sk.rcv_tsecr, sk.retrans_stamp)


def tcp_may_undo(sk: TcpSock) -> bool:
    return sk.undo_marker != 0 and (sk.undo_retrans == 0 or tcp_packet_delayed(sk))


def tcp_undo_cwnd_reduction(sk: TcpSock, unmark_loss: bool) -> None:
    if unmark_loss:
        skb = sk.tcp_rtx_queue.first
        while skb is not None:
            skb.sacked &= ~TCPCB_LOST
            skb = skb.next
        sk.lost_out = 0
        tcp_clear_all_retrans_hints(sk)
    if sk.prior_ssthresh:
        sk.snd_cwnd = sk.icsk_ca_ops.undo_cwnd(sk)
        if sk.prior_ssthresh > sk.snd_ssthresh:
            sk.snd_ssthresh = sk.prior_ssthresh
            sk.ecn_flags &= ~tcp_h.TCP_ECN_QUEUE_CWR
    sk.snd_cwnd_stamp = sk.kernel.now
    sk.undo_marker = 0
    sk.rack_advanced = True  # look at everything again


def _non_sack_preventing_reopen(sk: TcpSock) -> bool:
    """Without SACK, stay in the state until something above high_seq is acknowledged, lest old duplicates
    restart it (RFC 6582)."""
    if sk.snd_una == sk.high_seq and sk.sack_ok == 0:
        if not tcp_any_retrans_done(sk):
            sk.retrans_stamp = 0
        return True
    return False


def tcp_try_undo_recovery(sk: TcpSock) -> bool:
    """Recovery is over. True: stay in the state."""
    if tcp_may_undo(sk):
        mib = sk.sk_net.mib_linux
        if sk.icsk_ca_state == TCP_CA_Loss:
            mib.TCPLossUndo += 1
        else:
            mib.TCPFullUndo += 1
        tcp_undo_cwnd_reduction(sk, False)
    elif sk.rack_reo_wnd_persist:
        sk.rack_reo_wnd_persist -= 1
    if _non_sack_preventing_reopen(sk):
        return True
    tcp_cong.tcp_set_ca_state(sk, TCP_CA_Open)
    sk.is_sack_reneg = False
    return False


def tcp_try_undo_dsack(sk: TcpSock) -> bool:
    """Every retransmission was reported as a duplicate: none was needed."""
    if sk.undo_marker and sk.undo_retrans == 0:
        persist: i64 = sk.rack_reo_wnd_persist + 1
        most: i64 = tcp_recovery.TCP_RACK_RECOVERY_THRESH
        sk.rack_reo_wnd_persist = persist if persist < most else most
        tcp_undo_cwnd_reduction(sk, False)
        sk.sk_net.mib_linux.TCPDSACKUndo += 1
        return True
    return False


def tcp_try_undo_loss(sk: TcpSock, frto_undo: bool) -> bool:
    if not frto_undo and not tcp_may_undo(sk):
        return False
    tcp_undo_cwnd_reduction(sk, True)
    mib = sk.sk_net.mib_linux
    mib.TCPLossUndo += 1
    if frto_undo:
        mib.TCPSpuriousRTOs += 1
    sk.icsk_retransmits = 0
    if _non_sack_preventing_reopen(sk):
        return True
    if frto_undo or sk.sack_ok:
        tcp_cong.tcp_set_ca_state(sk, TCP_CA_Open)
        sk.is_sack_reneg = False
    return True


def tcp_try_undo_partial(sk: TcpSock, prior_snd_una: i64) -> bool:
    """A partial acknowledgement of an original: it was reordering. True: wait for the retransmissions
    first."""
    if sk.undo_marker and tcp_packet_delayed(sk):
        tcp_check_sack_reordering(sk, prior_snd_una, 1)
        if sk.retrans_out:
            return True
        if not tcp_any_retrans_done(sk):
            sk.retrans_stamp = 0
        tcp_undo_cwnd_reduction(sk, True)
        sk.sk_net.mib_linux.TCPPartialUndo += 1
        tcp_try_keep_open(sk)
    return False


# ---- PRR (RFC 6937)


def tcp_init_cwnd_reduction(sk: TcpSock) -> None:
    sk.high_seq = sk.snd_nxt
    sk.tlp_high_seq = 0
    sk.snd_cwnd_cnt = 0
    sk.prior_cwnd = sk.snd_cwnd
    sk.prr_delivered = 0
    sk.prr_out = 0
    sk.snd_ssthresh = sk.icsk_ca_ops.ssthresh(sk)
    tcp_ecn_queue_cwr(sk)


def tcp_cwnd_reduction(sk: TcpSock, newly_acked_sacked: i64, newly_lost: i64, flag: i64) -> None:
    """How many segments may go for this acknowledgement."""
    if newly_acked_sacked <= 0 or sk.prior_cwnd == 0:
        return
    in_flight = tcp_h.tcp_packets_in_flight(sk)
    delta: i64 = sk.snd_ssthresh - in_flight
    sk.prr_delivered += newly_acked_sacked
    sndcnt: i64
    if delta < 0:
        # Proportionally: leave so many as arrive, times ssthresh over the window before.
        dividend: i64 = sk.snd_ssthresh * sk.prr_delivered + sk.prior_cwnd - 1
        sndcnt = dividend // sk.prior_cwnd - sk.prr_out
    else:
        sndcnt = sk.prr_delivered - sk.prr_out
        if sndcnt < newly_acked_sacked:
            sndcnt = newly_acked_sacked
        # Recovery makes good progress: grow as slow start does.
        if flag & FLAG_SND_UNA_ADVANCED and newly_lost == 0:
            sndcnt += 1
        if sndcnt > delta:
            sndcnt = delta
    # The first retransmission goes whatever the sum says.
    least: i64 = 0 if sk.prr_out else 1
    if sndcnt < least:
        sndcnt = least
    sk.snd_cwnd = in_flight + sndcnt


def tcp_end_cwnd_reduction(sk: TcpSock) -> None:
    if sk.icsk_ca_ops.has_cong_control:
        return
    if sk.snd_ssthresh < tcp_h.TCP_INFINITE_SSTHRESH and (sk.icsk_ca_state == TCP_CA_CWR or sk.undo_marker):
        sk.snd_cwnd = sk.snd_ssthresh
        sk.snd_cwnd_stamp = sk.kernel.now
    if sk.icsk_ca_ops.has_cwnd_event:
        sk.icsk_ca_ops.cwnd_event(sk, CA_EVENT_COMPLETE_CWR)


def tcp_ecn_queue_cwr(sk: TcpSock) -> None:
    if sk.ecn_flags & tcp_h.TCP_ECN_OK:
        sk.ecn_flags |= tcp_h.TCP_ECN_QUEUE_CWR


# ---- duplicates without SACK


def tcp_limit_reno_sacked(sk: TcpSock) -> bool:
    """No more can have left than were sent. True: there were more duplicates than that, so packets were
    duplicated."""
    holes = sk.lost_out if sk.lost_out > 1 else 1
    if holes > sk.packets_out:
        holes = sk.packets_out
    if sk.sacked_out + holes > sk.packets_out:
        sk.sacked_out = sk.packets_out - holes
        return True
    return False


def tcp_add_reno_sack(sk: TcpSock, num_dupack: i64, ece_ack: bool) -> None:
    """RFC 6582: each duplicate says that one segment has left."""
    if num_dupack == 0:
        return
    prior = sk.sacked_out
    sk.sacked_out += num_dupack
    if tcp_limit_reno_sacked(sk):
        tcp_check_reno_reordering(sk, 0)
    delivered: i64 = sk.sacked_out - prior
    if delivered > 0:
        sk.delivered += delivered
        if ece_ack:
            sk.delivered_ce += delivered


def tcp_remove_reno_sacks(sk: TcpSock, acked: i64, ece_ack: bool) -> None:
    """An acknowledgement of `acked` segments: one was the hole, the others had been counted as duplicates."""
    if acked > 0:
        # One of them is new; the others were counted as duplicates when these came.
        n: i64 = acked - sk.sacked_out
        if n < 1:
            n = 1
        sk.delivered += n
        if ece_ack:
            sk.delivered_ce += n
        if acked - 1 >= sk.sacked_out:
            sk.sacked_out = 0
        else:
            sk.sacked_out -= acked - 1
    if tcp_limit_reno_sacked(sk):
        tcp_check_reno_reordering(sk, acked)


def tcp_check_reno_reordering(sk: TcpSock, addend: i64) -> None:
    reordering: i64 = sk.packets_out + addend
    most = sk.sk_net.ipv4.sysctl_tcp_max_reordering
    sk.reordering = reordering if reordering < most else most
    sk.reord_seen += 1
    sk.sk_net.mib_linux.TCPRenoReorder += 1


def tcp_check_sack_reordering(sk: TcpSock, low_seq: i64, ts: i64) -> None:
    """Something below the highest SACKed byte arrived without being retransmitted: the path reorders that
    far."""
    fack = tcp_highest_sack_seq(sk)
    if not before(low_seq, fack):
        return
    metric: i64 = (fack - low_seq) & U32
    mss = sk.mss_cache
    if mss and metric > sk.reordering * mss:
        n: i64 = (metric + mss - 1) // mss
        most = sk.sk_net.ipv4.sysctl_tcp_max_reordering
        sk.reordering = n if n < most else most
    sk.reord_seen += 1
    if ts:
        sk.sk_net.mib_linux.TCPTSReorder += 1
    else:
        sk.sk_net.mib_linux.TCPSACKReorder += 1


def tcp_highest_sack_seq(sk: TcpSock) -> i64:
    if sk.sacked_out == 0:
        return sk.snd_una
    high = sk.highest_sack
    if high is None:
        return sk.snd_nxt
    return high.seq


# ---- the timer that covers what is in flight


def tcp_rto_delta_us(sk: TcpSock) -> i64:
    """µs until the RTO of the oldest segment."""
    head = sk.tcp_rtx_queue.first
    if head is None:
        return sk.icsk_rto // 1000
    return head.skb_mstamp_ns // 1000 + sk.icsk_rto // 1000 - sk.tcp_mstamp


def tcp_rearm_rto(sk: TcpSock) -> None:
    """RFC 6298 (5.1) to (5.3)."""
    if sk.fastopen_rsk is not None:
        return
    if sk.packets_out == 0:
        tcp_timer.inet_csk_clear_xmit_timer(sk, ICSK_TIME_RETRANS)
        return
    rto = sk.icsk_rto
    if sk.icsk_pending == ICSK_TIME_REO_TIMEOUT or sk.icsk_pending == ICSK_TIME_LOSS_PROBE:
        # Count from when the segment went, not from the probe.
        delta: i64 = tcp_rto_delta_us(sk)
        rto = delta * 1000 if delta > 0 else 1000
    tcp_timer.tcp_reset_xmit_timer(sk, ICSK_TIME_RETRANS, rto, True)


def tcp_set_xmit_timer(sk: TcpSock) -> None:
    if not tcp_retrans.tcp_schedule_loss_probe(sk, True):
        tcp_rearm_rto(sk)


# ---- MTU probes


def tcp_mtup_probe_failed(sk: TcpSock) -> None:
    sk.icsk_mtup_search_high = sk.icsk_mtup_probe_size - 1
    sk.icsk_mtup_probe_size = 0
    sk.sk_net.mib_linux.TCPMTUPFail += 1


def tcp_mtup_probe_success(sk: TcpSock) -> None:
    """The larger size gets through: the window, counted in segments, shrinks to the same bytes."""
    sk.prior_ssthresh = tcp_h.tcp_current_ssthresh(sk)
    size = sk.icsk_mtup_probe_size
    cwnd: i64 = sk.snd_cwnd * tcp_output.tcp_mss_to_mtu(sk, sk.mss_cache) // size
    sk.snd_cwnd = cwnd if cwnd > 1 else 1
    sk.snd_cwnd_cnt = 0
    sk.snd_cwnd_stamp = sk.kernel.now
    sk.snd_ssthresh = tcp_h.tcp_current_ssthresh(sk)
    sk.icsk_mtup_search_low = size
    sk.icsk_mtup_probe_size = 0
    tcp_output.tcp_sync_mss(sk, sk.icsk_pmtu_cookie)
    sk.sk_net.mib_linux.TCPMTUPSuccess += 1
