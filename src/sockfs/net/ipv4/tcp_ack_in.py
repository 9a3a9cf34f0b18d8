"""An acknowledgement comes in: `tcp_ack`.

Kernel counterpart: the ACK part of `net/ipv4/tcp_input.c`. Control enters from `tcp_rcv_established` and
`tcp_rcv_state_process` and goes through:
is it acceptable; window update; SACK marks (`tcp_sack.py`); cleaning the retransmission queue and measuring
the round trip
(RFC 6298, RFC 7323); loss recovery (`tcp_loss.py`); congestion control; sending what recovery asks for. New
data is sent by the caller.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.net.ipv4 import (
    tcp_cong,
    tcp_h,
    tcp_input,
    tcp_loss,
    tcp_output,
    tcp_rate,
    tcp_recovery,
    tcp_sack,
    tcp_timer,
)
from sockfs.structs.tcp_ack_flags import (
    FLAG_ACK_MAYBE_DELAYED,
    FLAG_ACKED,
    FLAG_CA_ALERT,
    FLAG_DATA,
    FLAG_DATA_ACKED,
    FLAG_DATA_SACKED,
    FLAG_DSACK_TLP,
    FLAG_DSACKING_ACK,
    FLAG_ECE,
    FLAG_FORWARD_PROGRESS,
    FLAG_NO_CHALLENGE_ACK,
    FLAG_NOT_DUP,
    FLAG_ORIG_SACK_ACKED,
    FLAG_RETRANS_DATA_ACKED,
    FLAG_SACK_RENEGING,
    FLAG_SET_XMIT_TIMER,
    FLAG_SLOWPATH,
    FLAG_SND_UNA_ADVANCED,
    FLAG_SYN_ACKED,
    FLAG_UPDATE_TS_RECENT,
    FLAG_WIN_UPDATE,
)
from sockfs.uapi.dropreason import (
    SKB_DROP_REASON_TCP_ACK_UNSENT_DATA,
    SKB_DROP_REASON_TCP_TOO_OLD_ACK,
)
from sockfs.uapi.tcp import (
    CA_ACK_ECE,
    CA_ACK_SLOWPATH,
    CA_ACK_WIN_UPDATE,
    ICSK_TIME_PROBE0,
    TCP_CA_CWR,
    TCP_CHRONO_BUSY,
    TCPCB_LOST,
    TCPCB_RETRANS,
    TCPCB_SACKED_ACKED,
    TCPCB_SACKED_RETRANS,
    TCPHDR_ECE,
    TCPHDR_SYN,
    TCP_CA_Open,
)
from sockfs.util.minmax import minmax_running_min
from sockfs.util.seq import after, before, between

if TYPE_CHECKING:
    from sockfs.structs.request_sock import RequestSock
    from sockfs.structs.sk_buff import SkBuff
    from sockfs.structs.tcp_sock import TcpSacktagState, TcpSock

U32: Final = 0xFFFFFFFF


def tcp_ack(sk: TcpSock, skb: SkBuff, flag: i64) -> i64:
    """RFC 9293 section 3.10.7.4, fifth. flag: FLAG_DATA, FLAG_SLOWPATH …  1: fine; 0: nothing new; < 0:
    minus a drop reason."""
    net = sk.sk_net
    prior_snd_una = sk.snd_una
    ack_seq = skb.seq
    ack = skb.ack_seq
    # "If the ACK is a duplicate (SEG.ACK =< SND.UNA), it can be ignored." Very old ones smell of blind
    # injection (RFC 5961
    # section 5.2): ACKs are acceptable from SND.UNA - MAX.SND.WND on.
    if before(ack, prior_snd_una):
        max_window = sk.max_window
        if sk.bytes_acked < max_window:
            max_window = sk.bytes_acked
        if before(ack, prior_snd_una - max_window):
            if flag & FLAG_NO_CHALLENGE_ACK == 0:
                tcp_input.tcp_send_challenge_ack(sk)
            return -SKB_DROP_REASON_TCP_TOO_OLD_ACK
        return _old_ack(sk, skb, prior_snd_una)
    # "If the ACK acks something not yet sent (SEG.ACK > SND.NXT), then send an ACK, drop the segment, and
    # return."
    if after(ack, sk.snd_nxt):
        if flag & FLAG_NO_CHALLENGE_ACK == 0:
            tcp_input.tcp_send_challenge_ack(sk)
        return -SKB_DROP_REASON_TCP_ACK_UNSENT_DATA
    st = sk.kernel.ack_state
    rs = st.rate
    st.first_sackt = 0
    st.last_sackt = 0
    st.sack_delivered = 0
    st.rexmit = 0
    rs.prior_delivered = 0
    rs.prior_mstamp = 0
    rs.rtt_us = -1
    rs.interval_us = -1
    rs.is_app_limited = False
    rs.is_retrans = False
    rs.last_end_seq = 0
    prior_packets = sk.packets_out
    delivered = sk.delivered
    lost = sk.lost
    if after(ack, prior_snd_una):
        flag |= FLAG_SND_UNA_ADVANCED
        sk.icsk_retransmits = 0
    prior_fack = tcp_loss.tcp_highest_sack_seq(sk)
    st.reord = prior_fack
    rs.prior_in_flight = tcp_h.tcp_packets_in_flight(sk)
    if flag & FLAG_UPDATE_TS_RECENT:
        tcp_replace_ts_recent(sk, skb.seq)
    if flag & (FLAG_SLOWPATH | FLAG_SND_UNA_ADVANCED) == FLAG_SND_UNA_ADVANCED:
        # The header was predicted: the window is as it was, there is no SACK, and ACK moves forward.
        sk.snd_wl1 = ack_seq
        sk.bytes_acked += (ack - prior_snd_una) & U32
        sk.snd_una = ack
        flag |= FLAG_WIN_UPDATE
        if sk.icsk_ca_ops.has_in_ack_event:
            sk.icsk_ca_ops.in_ack_event(sk, CA_ACK_WIN_UPDATE)
        net.mib_linux.TCPHPAcks += 1
    else:
        events: i64 = CA_ACK_SLOWPATH
        if ack_seq != skb.end_seq:
            flag |= FLAG_DATA
        else:
            net.mib_linux.TCPPureAcks += 1
        flag |= tcp_ack_update_window(sk, skb, ack, ack_seq)
        th = skb.th
        if th is not None and th.sacks is not None and sk.sack_ok:
            flag |= tcp_sack.tcp_sacktag_write_queue(sk, skb, prior_snd_una, st)
        if skb.tcp_flags & TCPHDR_ECE and tcp_ecn_rcv_ecn_echo(sk, skb):
            flag |= FLAG_ECE
            events |= CA_ACK_ECE
        if st.sack_delivered:
            sk.delivered_ce += st.sack_delivered if flag & FLAG_ECE else 0
        if flag & FLAG_WIN_UPDATE:
            events |= CA_ACK_WIN_UPDATE
        if sk.icsk_ca_ops.has_in_ack_event:
            sk.icsk_ca_ops.in_ack_event(sk, events)
    sk.sk_err_soft = 0
    sk.icsk_probes_out = 0
    sk.rcv_tstamp = sk.kernel.now
    if prior_packets == 0:
        # Nothing was in flight: only the window can be news (tcp_ack_probe), or that nothing had been lost.
        if flag & FLAG_DSACKING_ACK:
            st.flag = flag
            tcp_loss.tcp_fastretrans_alert(sk, st, prior_snd_una, 0)
        if sk.sk_write_queue.qlen != 0:
            tcp_ack_probe(sk)
        if sk.tlp_high_seq:
            tcp_process_tlp_ack(sk, ack, flag)
        return 1
    st.flag = flag
    tcp_clean_rtx_queue(sk, skb, prior_fack, prior_snd_una, st)
    tcp_recovery.tcp_rack_update_reo_wnd(sk, rs)
    flag = st.flag
    if sk.tlp_high_seq:
        tcp_process_tlp_ack(sk, ack, flag)
    # tcp_ack_is_dubious
    if flag & FLAG_NOT_DUP == 0 or flag & FLAG_CA_ALERT or sk.icsk_ca_state != TCP_CA_Open:
        num_dupack: i64 = 0
        if flag & (FLAG_SND_UNA_ADVANCED | FLAG_NOT_DUP | FLAG_DSACKING_ACK) == 0:
            # A large packet of the peer's counts as so many duplicates.
            num_dupack = skb.gso_segs if skb.gso_segs > 1 else 1
        tcp_loss.tcp_fastretrans_alert(sk, st, prior_snd_una, num_dupack)
        flag = st.flag
    # The timer stays when a recovery has set it for a special purpose.
    if flag & FLAG_SET_XMIT_TIMER:
        tcp_loss.tcp_set_xmit_timer(sk)
    delivered = sk.delivered - delivered
    lost = sk.lost - lost
    if delivered:
        net.mib_linux.TCPDelivered += delivered
        if flag & FLAG_ECE:
            net.mib_linux.TCPDeliveredCE += delivered
    rs.is_ack_delayed = flag & FLAG_ACK_MAYBE_DELAYED != 0
    tcp_rate.tcp_rate_gen(sk, delivered, lost, sk.is_sack_reneg, rs)
    tcp_cong_control(sk, ack, delivered, lost, flag, st)
    if st.rexmit:
        tcp_loss.tcp_xmit_recovery(sk, st.rexmit)
    return 1


def _old_ack(sk: TcpSock, skb: SkBuff, prior_snd_una: i64) -> i64:
    """An ACK from the past may still carry SACK blocks that are news."""
    th = skb.th
    if th is not None and th.sacks is not None and sk.sack_ok:
        st = sk.kernel.ack_state
        st.first_sackt = 0
        st.last_sackt = 0
        st.sack_delivered = 0
        st.rexmit = 0
        st.rate.prior_delivered = 0
        st.rate.prior_mstamp = 0
        delivered = sk.delivered
        st.flag = tcp_sack.tcp_sacktag_write_queue(sk, skb, prior_snd_una, st)
        tcp_loss.tcp_fastretrans_alert(sk, st, prior_snd_una, 0)
        if sk.delivered > delivered:
            sk.sk_net.mib_linux.TCPDelivered += sk.delivered - delivered
        tcp_loss.tcp_xmit_recovery(sk, st.rexmit)
    return 0


# ---- the peer's window


def tcp_ack_update_window(sk: TcpSock, skb: SkBuff, ack: i64, ack_seq: i64) -> i64:
    """RFC 9293 section 3.10.7.4: "if (SND.WL1 < SEG.SEQ or (SND.WL1 = SEG.SEQ and SND.WL2 =< SEG.ACK)), set
    SND.WND <- SEG.WND"."""
    flag: i64 = 0
    th = skb.th
    nwin: i64 = 0
    if th is not None:
        nwin = th.window
        if th.flags & TCPHDR_SYN == 0:
            nwin <<= sk.snd_wscale
    if (
        after(ack, sk.snd_una)
        or after(ack_seq, sk.snd_wl1)
        or (ack_seq == sk.snd_wl1 and (nwin > sk.snd_wnd or nwin == 0))
    ):
        flag = FLAG_WIN_UPDATE
        sk.snd_wl1 = ack_seq
        if sk.snd_wnd != nwin:
            sk.snd_wnd = nwin
            sk.pred_flags = 0
            tcp_h.tcp_fast_path_check(sk)
            if sk.sk_write_queue.qlen != 0:
                tcp_output.tcp_slow_start_after_idle_check(sk)
            if nwin > sk.max_window:
                sk.max_window = nwin
                tcp_output.tcp_sync_mss(sk, sk.icsk_pmtu_cookie)
    sk.bytes_acked += (ack - sk.snd_una) & U32
    sk.snd_una = ack
    return flag


def tcp_ack_probe(sk: TcpSock) -> None:
    """Data waits and nothing is in flight: does the window take it now? Else go on probing."""
    head = sk.sk_write_queue.first
    if head is None:
        return
    if not after(head.end_seq, tcp_h.tcp_wnd_end(sk)):
        sk.icsk_backoff = 0
        sk.icsk_probes_tstamp = 0
        if sk.icsk_pending == ICSK_TIME_PROBE0:
            tcp_timer.inet_csk_clear_xmit_timer(sk, ICSK_TIME_PROBE0)
    else:
        when = tcp_timer.tcp_probe0_when(sk, sk.icsk_rto_max)
        when = tcp_timer.tcp_clamp_probe0_to_user_timeout(sk, when)
        tcp_timer.tcp_reset_xmit_timer(sk, ICSK_TIME_PROBE0, when, True)


# ---- timestamps


def tcp_store_ts_recent(sk: TcpSock) -> None:
    sk.ts_recent = sk.rcv_tsval
    sk.ts_recent_stamp = sk.kernel.now // tcp_h.SEC


def tcp_replace_ts_recent(sk: TcpSock, seq: i64) -> None:
    """RFC 7323 section 4.3 (2): remember the timestamp of what fills the window's left edge."""
    if sk.saw_tstamp and not after(seq, sk.rcv_wup):
        if tcp_h.tcp_paws_check(sk, 0):
            tcp_store_ts_recent(sk)


# ---- what was acknowledged leaves the queue


def tcp_clean_rtx_queue(
    sk: TcpSock, skb: SkBuff, prior_fack: i64, prior_snd_una: i64, st: TcpSacktagState
) -> None:
    """Free what is acknowledged, measure the round trip, tell the congestion control. Adds to st.flag."""
    flag = st.flag
    rs = st.rate
    now_us = sk.tcp_mstamp
    first_ackt: i64 = -1
    last_ackt: i64 = 0
    pkts_acked: i64 = 0
    prior_sacked = sk.sacked_out
    reord = sk.snd_nxt
    fully_acked = True
    ece: bool = flag & FLAG_ECE != 0
    snd_una = sk.snd_una
    sack: bool = sk.sack_ok != 0
    if st.reord and before(st.reord, reord):
        reord = st.reord
    queue = sk.tcp_rtx_queue
    head = queue.first
    while head is not None:
        sacked = head.sacked
        acked = head.tcp_gso_segs
        if after(head.end_seq, snd_una):
            # A large packet of which part is acknowledged (tcp_tso_acked).
            if acked == 1 or not after(snd_una, head.seq):
                break
            before_segs = acked
            tcp_output.tcp_trim_head(sk, head, (snd_una - head.seq) & U32)
            acked = before_segs - head.tcp_gso_segs
            if acked == 0:
                break
            fully_acked = False
        sent: i64 = head.skb_mstamp_ns // 1000
        if sacked & TCPCB_RETRANS:
            if sacked & TCPCB_SACKED_RETRANS:
                sk.retrans_out -= acked
            flag |= FLAG_RETRANS_DATA_ACKED
        elif sacked & TCPCB_SACKED_ACKED == 0:
            last_ackt = sent
            if first_ackt < 0:
                first_ackt = sent
            if before(head.seq, reord):
                reord = head.seq
            if not after(head.end_seq, sk.high_seq):
                flag |= FLAG_ORIG_SACK_ACKED
        if sacked & TCPCB_SACKED_ACKED:
            sk.sacked_out -= acked
        elif sack:
            sk.delivered += acked
            if ece:
                sk.delivered_ce += acked
            if sacked & TCPCB_RETRANS == 0 or not tcp_sack.tcp_skb_spurious_retrans(sk, head):
                tcp_recovery.tcp_rack_advance(sk, sacked, head.end_seq, sent)
        if sacked & TCPCB_LOST:
            sk.lost_out -= acked
        sk.packets_out -= acked
        pkts_acked += acked
        tcp_rate.tcp_rate_skb_delivered(sk, head, rs)
        # "Only data is acknowledged": a SYN opens no window.
        if head.tcp_flags & TCPHDR_SYN:
            flag |= FLAG_SYN_ACKED
            sk.retrans_stamp = 0
        else:
            flag |= FLAG_DATA_ACKED
        if not fully_acked:
            break
        if head.tx_flags:
            tcp_input.tcp_ack_tstamp(sk, head, skb, prior_snd_una)
        nxt = head.next
        if sk.retransmit_skb_hint is head:
            sk.retransmit_skb_hint = None
        if sk.highest_sack is head:
            sk.highest_sack = nxt
        tcp_output.tcp_rtx_queue_unlink_and_free(sk, head)
        head = nxt
    if head is None:
        tcp_output.tcp_chrono_stop(sk, TCP_CHRONO_BUSY)
    elif head.sacked & TCPCB_SACKED_ACKED:
        flag |= FLAG_SACK_RENEGING
    if between(sk.snd_up, prior_snd_una, snd_una):
        sk.snd_up = snd_una
        sk.urg_mode = False
    seq_rtt: i64 = -1
    sack_rtt: i64 = -1
    ca_rtt: i64 = -1
    if first_ackt >= 0 and flag & FLAG_RETRANS_DATA_ACKED == 0:
        seq_rtt = now_us - first_ackt
        ca_rtt = now_us - last_ackt
        if (
            pkts_acked == 1
            and fully_acked
            and prior_sacked == 0
            and ((snd_una - prior_snd_una) & U32) < sk.mss_cache
        ):
            flag |= FLAG_ACK_MAYBE_DELAYED
    if st.first_sackt:
        sack_rtt = now_us - st.first_sackt
        ca_rtt = now_us - st.last_sackt
    rtt_update = tcp_ack_update_rtt(sk, flag, seq_rtt, sack_rtt, ca_rtt, st)
    if flag & FLAG_ACKED:
        flag |= FLAG_SET_XMIT_TIMER
        if sk.icsk_mtup_probe_size and not after(sk.mtu_probe_seq_end, snd_una):
            tcp_loss.tcp_mtup_probe_success(sk)
        if not sack:
            tcp_loss.tcp_remove_reno_sacks(sk, pkts_acked, ece)
            # Without SACK one cannot know that originals came, once anything was sent again.
            if flag & FLAG_RETRANS_DATA_ACKED:
                flag &= ~FLAG_ORIG_SACK_ACKED
        elif before(reord, prior_fack):
            tcp_loss.tcp_check_sack_reordering(sk, reord, 0)
    elif head is not None and rtt_update and sack_rtt >= 0 and sack_rtt > now_us - head.skb_mstamp_ns // 1000:
        # The oldest segment went later than the one just SACKed: count its RTO from now.
        flag |= FLAG_SET_XMIT_TIMER
    ops = sk.icsk_ca_ops
    if ops.has_pkts_acked:
        ops.pkts_acked(sk, pkts_acked, ca_rtt, rs.prior_in_flight)
    st.flag = flag


# ---- the round-trip time (RFC 6298)


def tcp_ack_update_rtt(
    sk: TcpSock, flag: i64, seq_rtt_us: i64, sack_rtt_us: i64, ca_rtt_us: i64, st: TcpSacktagState
) -> bool:
    """The sample: by the send time of what was never retransmitted (Karn), else of what was SACKed, else by
    timestamp."""
    if seq_rtt_us < 0:
        seq_rtt_us = sack_rtt_us
    if seq_rtt_us < 0 and sk.saw_tstamp and sk.rcv_tsecr and flag & FLAG_ACKED:
        # RFC 7323 section 4: TSecr tells which transmission it was.
        delta: i64 = (tcp_h.tcp_time_stamp_ms(sk) - sk.rcv_tsecr) & U32
        if delta < 0x7FFFFFFF // 1000:
            if delta == 0:
                delta = 1
            seq_rtt_us = delta * 1000
            ca_rtt_us = seq_rtt_us
    st.rate.rtt_us = ca_rtt_us
    if seq_rtt_us < 0:
        return False
    # The least of some minutes, for RACK and pacing.
    us = ca_rtt_us if ca_rtt_us > 0 else 0
    if flag & FLAG_ACK_MAYBE_DELAYED == 0 or us <= tcp_h.tcp_min_rtt(sk):
        minmax_running_min(
            sk.rtt_min, sk.sk_net.ipv4.sysctl_tcp_min_rtt_wlen * 1_000_000, sk.tcp_mstamp, us if us else 1
        )
    tcp_rtt_estimator(sk, seq_rtt_us)
    tcp_h.tcp_set_rto(sk)
    # RFC 6298 (5.7), second half: a fresh sample ends the back-off.
    sk.icsk_backoff = 0
    return True


def tcp_rtt_estimator(sk: TcpSock, mrtt_us: i64) -> None:
    """RFC 6298 section 2, with Linux's care for falling variance: mdev_max per window, smaller weight when
    the RTT falls."""
    m = mrtt_us
    srtt = sk.srtt_us
    rto_min_us = tcp_h.tcp_rto_min_us(sk)
    if srtt:
        # SRTT <- 7/8 SRTT + 1/8 R'.
        m -= srtt >> 3
        srtt += m
        if m < 0:
            m = -m
            m -= sk.mdev_us >> 2
            # The path got faster: that must not make the RTO grow.
            if m > 0:
                m >>= 3
        else:
            m -= sk.mdev_us >> 2
        sk.mdev_us += m  # RTTVAR <- 3/4 RTTVAR + 1/4 |SRTT - R'|
        if sk.mdev_us > sk.mdev_max_us:
            sk.mdev_max_us = sk.mdev_us
            if sk.mdev_max_us > sk.rttvar_us:
                sk.rttvar_us = sk.mdev_max_us
        if after(sk.snd_una, sk.rtt_seq):
            # Once a round trip the variance may fall by a quarter.
            if sk.mdev_max_us < sk.rttvar_us:
                sk.rttvar_us -= (sk.rttvar_us - sk.mdev_max_us) >> 2
            sk.rtt_seq = sk.snd_nxt
            sk.mdev_max_us = rto_min_us
    else:
        # The first: SRTT <- R, RTTVAR <- R/2.
        srtt = m << 3
        sk.mdev_us = m << 1
        sk.rttvar_us = sk.mdev_us if sk.mdev_us > rto_min_us else rto_min_us
        sk.mdev_max_us = sk.rttvar_us
        sk.rtt_seq = sk.snd_nxt
    sk.srtt_us = srtt if srtt > 1 else 1


def tcp_synack_rtt_meas(sk: TcpSock, req: RequestSock) -> None:
    """The round trip of a SYN-ACK that was sent once."""
    rtt_us: i64 = -1
    if req.num_retrans == 0 and req.snt_synack:
        rtt_us = sk.kernel.now // 1000 - req.snt_synack
    if sk.tcp_mstamp == 0:
        tcp_h.tcp_mstamp_refresh(sk)
    tcp_ack_update_rtt(sk, FLAG_SYN_ACKED, rtt_us, -1, rtt_us, sk.kernel.ack_state)


# ---- tail loss probe


def tcp_process_tlp_ack(sk: TcpSock, ack: i64, flag: i64) -> None:
    """RFC 8985 section 7.4: did the probe repair a loss? Then the window pays for it."""
    if before(ack, sk.tlp_high_seq):
        return
    if not sk.tlp_retrans:
        sk.tlp_high_seq = 0  # the probe was new data
    elif flag & FLAG_DSACK_TLP:
        sk.tlp_high_seq = 0  # both copies came
    elif after(ack, sk.tlp_high_seq):
        tcp_loss.tcp_init_cwnd_reduction(sk)
        tcp_cong.tcp_set_ca_state(sk, TCP_CA_CWR)
        tcp_loss.tcp_end_cwnd_reduction(sk)
        tcp_loss.tcp_try_keep_open(sk)
        sk.sk_net.mib_linux.TCPLossProbeRecovery += 1
    elif flag & (FLAG_SND_UNA_ADVANCED | FLAG_NOT_DUP | FLAG_DATA_SACKED) == 0:
        sk.tlp_high_seq = 0  # a pure duplicate: the original and the probe both came


# ---- congestion control


def tcp_cong_control(
    sk: TcpSock, ack: i64, acked_sacked: i64, lost: i64, flag: i64, st: TcpSacktagState
) -> None:
    ops = sk.icsk_ca_ops
    if ops.has_cong_control:
        ops.cong_control(sk, ack, flag, st.rate)
        return
    if tcp_h.tcp_in_cwnd_reduction(sk):
        tcp_loss.tcp_cwnd_reduction(sk, acked_sacked, lost, flag)
    elif tcp_may_raise_cwnd(sk, flag):
        ops.cong_avoid(sk, ack, acked_sacked)
        sk.snd_cwnd_stamp = sk.kernel.now
    tcp_update_pacing_rate(sk)


def tcp_may_raise_cwnd(sk: TcpSock, flag: i64) -> bool:
    """On a path known to reorder, SACKed data is progress too."""
    if sk.reordering > sk.sk_net.ipv4.sysctl_tcp_reordering:
        return flag & FLAG_FORWARD_PROGRESS != 0
    return flag & FLAG_DATA_ACKED != 0


def tcp_update_pacing_rate(sk: TcpSock) -> None:
    """A window per round trip, doubled in slow start and a fifth more later, so that pacing does not hinder
    growth."""
    ipv4 = sk.sk_net.ipv4
    rate: i64 = sk.mss_cache * 80_000  # << 3, per second, percent
    if sk.snd_cwnd < sk.snd_ssthresh // 2:
        rate *= ipv4.sysctl_tcp_pacing_ss_ratio
    else:
        rate *= ipv4.sysctl_tcp_pacing_ca_ratio
    rate *= sk.snd_cwnd if sk.snd_cwnd > sk.packets_out else sk.packets_out
    if sk.srtt_us:
        rate //= sk.srtt_us
    most = sk.sk_max_pacing_rate
    sk.sk_pacing_rate = rate if rate < most else most


# ---- ECN (RFC 3168)


def tcp_ecn_rcv_ecn_echo(sk: TcpSock, skb: SkBuff) -> bool:
    """The peer saw congestion on our packets."""
    return skb.tcp_flags & (TCPHDR_ECE | TCPHDR_SYN) == TCPHDR_ECE and sk.ecn_flags & tcp_h.TCP_ECN_OK != 0
