"""The receiver's judgement: how the peer sends, when to acknowledge, how large a window to offer.

Kernel counterpart: the first part of `net/ipv4/tcp_input.c`. Control enters with each segment of data
(`tcp_event_data_recv`,
`tcp_ack_snd_check`) and with each read of a program (`tcp_rcv_space_adjust`, the receive buffer's
autotuning). Delayed ACKs:
RFC 9293 section 3.8.6.3, RFC 5681 section 4.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.net.core import sock as core_sock
from sockfs.net.ipv4 import tcp_connect, tcp_h, tcp_output, tcp_timer
from sockfs.uapi.tcp import (
    ICSK_ACK_NOW,
    ICSK_ACK_PUSHED,
    ICSK_ACK_PUSHED2,
    ICSK_ACK_SCHED,
    TCP_ACK_DEFERRED,
    TCPHDR_CWR,
    TCPHDR_PSH,
)
from sockfs.util.seq import before

if TYPE_CHECKING:
    from sockfs.structs.dst import Dst
    from sockfs.structs.sk_buff import SkBuff
    from sockfs.structs.tcp_sock import TcpSock

U32: Final = 0xFFFFFFFF
TCP_MAX_QUICKACKS: Final = 16


# ---- data has arrived


def tcp_event_data_recv(sk: TcpSock, skb: SkBuff) -> None:
    """An ACK is owed; and what does this segment tell of the peer's pace?"""
    sk.icsk_ack_pending |= ICSK_ACK_SCHED
    tcp_measure_rcv_mss(sk, skb)
    tcp_rcv_rtt_measure(sk)
    now = sk.kernel.now
    ato = sk.icsk_ack_ato
    if ato == 0:
        # The first data: acknowledge at once until the sender's window is open.
        tcp_incr_quickack(sk, TCP_MAX_QUICKACKS)
        sk.icsk_ack_ato = tcp_h.TCP_ATO_MIN
    else:
        m: i64 = now - sk.icsk_ack_lrcvtime
        if m <= tcp_h.TCP_ATO_MIN // 2:
            # Close together: the faster case.
            sk.icsk_ack_ato = (ato >> 1) + tcp_h.TCP_ATO_MIN // 2
        elif m < ato:
            ato = (ato >> 1) + m
            sk.icsk_ack_ato = ato if ato < sk.icsk_rto else sk.icsk_rto
        elif m > sk.icsk_rto:
            # A long pause: the sender starts from a small window again.
            tcp_incr_quickack(sk, TCP_MAX_QUICKACKS)
    sk.icsk_ack_lrcvtime = now
    if sk.ecn_flags & tcp_h.TCP_ECN_OK:
        tcp_ecn_check_ce(sk, skb)
    if skb.len >= 128:
        tcp_grow_window(sk, skb, True)


def tcp_measure_rcv_mss(sk: TcpSock, skb: SkBuff) -> None:
    """Guess the peer's segment size; and how much of receive memory is payload (`scaling_ratio`)."""
    last = sk.icsk_ack_last_seg_size
    sk.icsk_ack_last_seg_size = 0
    length = skb.gso_size if skb.gso_size else skb.len
    if length >= sk.icsk_ack_rcv_mss:
        if length != sk.icsk_ack_rcv_mss:
            ratio: i64 = (skb.len << 8) // skb.truesize
            if ratio == 0:
                ratio = 1
            if ratio > 255:
                ratio = 255
            old = sk.scaling_ratio
            if ratio != old:
                sk.scaling_ratio = ratio
                tcp_set_window_clamp(sk, tcp_h.tcp_win_from_space(sk, sk.sk_rcvbuf))
        sk.icsk_ack_rcv_mss = length if length < sk.advmss else sk.advmss
        # A burst that ends in a push with less than a segment.
        if skb.len < sk.icsk_ack_rcv_mss and skb.tcp_flags & TCPHDR_PSH:
            sk.icsk_ack_pending |= ICSK_ACK_PUSHED
    else:
        # Smaller than the guess: the guess is wrong when two equal ones, neither of them a remnant, follow
        # each other.
        th = skb.th
        whole: i64 = length + (20 if th is None else th.doff * 4)
        if whole >= 536 + 20 or (whole >= tcp_h.TCP_MIN_MSS + 20 and skb.tcp_flags & 0x2B == 0):
            full: i64 = whole - sk.tcp_header_len
            sk.icsk_ack_last_seg_size = full
            if full == last:
                sk.icsk_ack_rcv_mss = full
                return
        if sk.icsk_ack_pending & ICSK_ACK_PUSHED:
            sk.icsk_ack_pending |= ICSK_ACK_PUSHED2
        sk.icsk_ack_pending |= ICSK_ACK_PUSHED


def tcp_set_window_clamp(sk: TcpSock, clamp: i64) -> None:
    """The window may grow to clamp; where that is more than before, what was advertised already counts as
    reached.
    """
    old = sk.window_clamp
    sk.window_clamp = clamp
    if clamp < old:
        if sk.rcv_ssthresh > clamp:
            sk.rcv_ssthresh = clamp
        return
    reached = sk.rcv_wnd if sk.rcv_wnd < clamp else clamp
    if reached > sk.rcv_ssthresh:
        sk.rcv_ssthresh = reached


def tcp_initialize_rcv_mss(sk: TcpSock) -> None:
    """Before any data: a guess on the small side."""
    hint = sk.advmss if sk.advmss < sk.mss_cache else sk.mss_cache
    if hint > sk.rcv_wnd // 2:
        hint = sk.rcv_wnd // 2
    if hint > 536:
        hint = 536
    if hint < tcp_h.TCP_MIN_MSS:
        hint = tcp_h.TCP_MIN_MSS
    sk.icsk_ack_rcv_mss = hint


# ---- quick ACKs


def tcp_incr_quickack(sk: TcpSock, max_quickacks: i64) -> None:
    mss = sk.icsk_ack_rcv_mss
    quick: i64 = sk.rcv_wnd // (2 * mss) if mss else 2
    if quick == 0:
        quick = 2
    if quick > max_quickacks:
        quick = max_quickacks
    if quick > sk.icsk_ack_quick:
        sk.icsk_ack_quick = quick


def tcp_enter_quickack_mode(sk: TcpSock, max_quickacks: i64) -> None:
    """Something is amiss on the path: tell the sender at once for a while."""
    tcp_incr_quickack(sk, max_quickacks)
    tcp_h.inet_csk_exit_pingpong_mode(sk)
    sk.icsk_ack_ato = tcp_h.TCP_ATO_MIN


def tcp_in_quickack_mode(sk: TcpSock) -> bool:
    dst = sk.sk_dst_cache
    if dst is not None and dst.quickack:
        return True
    return sk.icsk_ack_quick != 0 and not tcp_h.inet_csk_in_pingpong_mode(sk)


def tcp_ack_snd_check(sk: TcpSock) -> None:
    """The end of a segment's processing: is an ACK owed, now or later?"""
    if sk.icsk_ack_pending & ICSK_ACK_SCHED:
        __tcp_ack_snd_check(sk, True)


def __tcp_ack_snd_check(sk: TcpSock, ofo_possible: bool) -> None:
    ooo = sk.out_of_order_queue
    # More than one full segment waits for an ACK ("at least every second full-sized segment"), and the
    # window moves with it.
    if (
        (
            ((sk.rcv_nxt - sk.rcv_wup) & U32) > sk.icsk_ack_rcv_mss
            and (
                ((sk.rcv_nxt - sk.copied_seq) & U32) < sk.sk_rcvlowat
                or tcp_output.__tcp_select_window(sk) >= sk.rcv_wnd
            )
        )
        or tcp_in_quickack_mode(sk)
        or sk.icsk_ack_pending & ICSK_ACK_NOW
    ):
        # While a call works through the backlog one ACK at the end will do.
        if sk.sk_owned and sk.sk_net.ipv4.sysctl_tcp_backlog_ack_defer:
            sk.tsq_flags |= 1 << TCP_ACK_DEFERRED
            return
        tcp_connect.tcp_send_ack(sk)
        return
    if not ofo_possible or ooo is None or ooo.qlen == 0:
        tcp_connect.tcp_send_delayed_ack(sk)
        return
    # Out of order. Without SACK, or for the first three, each is acknowledged at once: the sender counts
    # them.
    ipv4 = sk.sk_net.ipv4
    if sk.sack_ok == 0 or sk.compressed_ack >= ipv4.sysctl_tcp_comp_sack_nr:
        tcp_connect.tcp_send_ack(sk)
        return
    if sk.compressed_ack_rcv_nxt != sk.rcv_nxt:
        sk.compressed_ack_rcv_nxt = sk.rcv_nxt
        sk.dup_ack_counter = 0
    if sk.dup_ack_counter < tcp_h.TCP_FASTRETRANS_THRESH:
        sk.dup_ack_counter += 1
        tcp_connect.tcp_send_ack(sk)
        return
    # Compressed: one ACK for those of the next short while, 5 % of the round trip.
    sk.compressed_ack += 1
    timer = sk.compressed_ack_timer
    if timer is None:
        timer = tcp_timer.CompressedAckTimer(sk)
        sk.compressed_ack_timer = timer
    if timer.pending:
        return
    rtt = sk.rcv_rtt_est_rtt_us
    if (sk.srtt_us and sk.srtt_us < rtt) or rtt == 0:
        rtt = sk.srtt_us
    delay: i64 = rtt * (1000 >> 3) // 20
    if delay > ipv4.sysctl_tcp_comp_sack_delay_ns:
        delay = ipv4.sysctl_tcp_comp_sack_delay_ns
    core_sock.sk_reset_timer(sk, timer, sk.kernel.now + delay)


def tcp_sack_compress_send_ack(sk: TcpSock) -> None:
    """The ACK that was put off goes now."""
    if sk.compressed_ack == 0:
        return
    core_sock.sk_stop_timer(sk, sk.compressed_ack_timer)
    # One is sent for all of them: the others are spared.
    sk.sk_net.mib_linux.TCPAckCompressed += sk.compressed_ack - 1
    sk.compressed_ack = 0
    tcp_connect.tcp_send_ack(sk)


def tcp_data_ready(sk: TcpSock) -> None:
    """Wake a reader, if there is enough to read."""
    if tcp_h.tcp_epollin_ready(sk, sk.sk_rcvlowat) or sk.sk_flags & 2:
        sk.sk_data_ready.run(sk)


# ---- ECN of the receiver (RFC 3168 section 6.1.3)


def tcp_ecn_check_ce(sk: TcpSock, skb: SkBuff) -> None:
    """A router marked the packet: say so in every ACK until CWR comes."""
    tos: i64 = 0
    iph = skb.iph
    if iph is not None:
        tos = iph.tos
    else:
        ip6h = skb.ip6h
        if ip6h is not None:
            tos = ip6h.priority
    ecn = tos & 3
    if ecn == 0:
        # Not ECN-capable, in a connection that was: a retransmission, perhaps. Answer at once.
        if sk.ecn_flags & tcp_h.TCP_ECN_SEEN:
            tcp_enter_quickack_mode(sk, 2)
    elif ecn == 3:
        if sk.ecn_flags & tcp_h.TCP_ECN_DEMAND_CWR == 0:
            tcp_enter_quickack_mode(sk, 2)
            sk.ecn_flags |= tcp_h.TCP_ECN_DEMAND_CWR
        sk.ecn_flags |= tcp_h.TCP_ECN_SEEN
    else:
        sk.ecn_flags |= tcp_h.TCP_ECN_SEEN


def tcp_ecn_accept_cwr(sk: TcpSock, skb: SkBuff) -> None:
    """The sender has slowed down: no more ECE. Its window may be a single packet now, so answer at once."""
    if skb.tcp_flags & TCPHDR_CWR:
        sk.ecn_flags &= ~tcp_h.TCP_ECN_DEMAND_CWR
        if skb.len:
            sk.icsk_ack_pending |= ICSK_ACK_NOW


# ---- the window grows with what is known of the sender


def tcp_grow_window(sk: TcpSock, skb: SkBuff, adjust: bool) -> None:
    """rcv_ssthresh: slow start of the receiver, so that small segments cannot eat the buffer by their
    overhead."""
    clamp = sk.window_clamp
    space = tcp_h.tcp_space(sk)
    if clamp < space:
        space = clamp
    room: i64 = space - sk.rcv_ssthresh
    if room <= 0:
        return
    incr: i64
    if tcp_h.tcp_win_from_space(sk, skb.truesize) <= skb.len:
        incr = 2 * sk.advmss  # payload dominates
    else:
        incr = __tcp_grow_window(sk, skb)
    if incr:
        if incr < 2 * skb.len:
            incr = 2 * skb.len
        sk.rcv_ssthresh += incr if incr < room else room
        sk.icsk_ack_quick |= 1


def __tcp_grow_window(sk: TcpSock, skb: SkBuff) -> i64:
    """Halve segment and buffer until one fits: is the overhead in proportion?"""
    truesize: i64 = tcp_h.tcp_win_from_space(sk, skb.truesize) >> 1
    window: i64 = tcp_h.tcp_win_from_space(sk, sk.sk_net.ipv4.sysctl_tcp_rmem[2]) >> 1
    while sk.rcv_ssthresh <= window:
        if truesize <= skb.len:
            return 2 * sk.icsk_ack_rcv_mss
        truesize >>= 1
        window >>= 1
    return 0


def tcp_init_buffer_space(sk: TcpSock) -> None:
    """The connection stands: the buffers meet the window."""
    if sk.sk_userlocks & 1 == 0:
        tcp_sndbuf_expand(sk)
    tcp_h.tcp_mstamp_refresh(sk)
    sk.rcvq_space_time = sk.tcp_mstamp
    sk.rcvq_space_seq = sk.copied_seq
    maxwin = tcp_h.tcp_full_space(sk)
    if sk.window_clamp >= maxwin:
        sk.window_clamp = maxwin
        app_win = sk.sk_net.ipv4.sysctl_tcp_app_win
        if app_win and maxwin > 4 * sk.advmss:
            kept: i64 = maxwin - (maxwin >> app_win if app_win < 63 else 0)
            sk.window_clamp = kept if kept > 4 * sk.advmss else 4 * sk.advmss
    if (
        sk.sk_net.ipv4.sysctl_tcp_app_win
        and sk.window_clamp > 2 * sk.advmss
        and sk.window_clamp + sk.advmss > maxwin
    ):
        least: i64 = maxwin - sk.advmss
        sk.window_clamp = least if least > 2 * sk.advmss else 2 * sk.advmss
    if sk.rcv_ssthresh > sk.window_clamp:
        sk.rcv_ssthresh = sk.window_clamp
    sk.snd_cwnd_stamp = sk.kernel.now
    space = sk.rcv_ssthresh
    most: i64 = tcp_h.TCP_INIT_CWND * sk.advmss
    if space > most:
        space = most
    if space > sk.rcv_wnd:
        space = sk.rcv_wnd
    sk.rcvq_space_space = space


def tcp_sndbuf_expand(sk: TcpSock) -> None:
    """The send buffer holds two windows, overhead included."""
    per_mss = sk.rx_opt_mss_clamp if sk.rx_opt_mss_clamp > sk.mss_cache else sk.mss_cache
    per_mss += tcp_h.MAX_TCP_HEADER + 320
    size: i64 = 1
    while size < per_mss:
        size <<= 1
    size += 256
    segs: i64 = tcp_h.TCP_INIT_CWND
    if sk.snd_cwnd > segs:
        segs = sk.snd_cwnd
    if sk.reordering + 1 > segs:
        segs = sk.reordering + 1
    sndmem: i64 = 2 * segs * size
    if sk.sk_sndbuf < sndmem:
        most = sk.sk_net.ipv4.sysctl_tcp_wmem[2]
        sk.sk_sndbuf = sndmem if sndmem < most else most


def tcp_should_expand_sndbuf(sk: TcpSock) -> bool:
    """The window is full, and the buffer is what keeps the program from writing."""
    if sk.sk_userlocks & 1:
        return False
    return tcp_h.tcp_packets_in_flight(sk) < sk.snd_cwnd


# ---- the receiver's own measure of the round trip (Dynamic Right-Sizing)


def tcp_rcv_rtt_update(sk: TcpSock, sample: i64, win_dep: bool) -> None:
    new: i64 = sample << 3
    old = sk.rcv_rtt_est_rtt_us
    if sample == 0:
        sample = 1
        new = 8
    if old == 0 or sample << 3 < old:
        sk.rcv_rtt_est_rtt_us = new
    elif not win_dep:
        # Samples of a window's worth only ever bound it from above.
        sk.rcv_rtt_est_rtt_us = old + ((sample << 3) - old >> 3)


def tcp_rcv_rtt_measure(sk: TcpSock) -> None:
    """Without timestamps: how long a window takes to arrive."""
    if sk.rcv_rtt_est_time:
        if before(sk.rcv_nxt, sk.rcv_rtt_est_seq):
            return
        delta: i64 = sk.tcp_mstamp - sk.rcv_rtt_est_time
        tcp_rcv_rtt_update(sk, delta if delta else 1, True)
    sk.rcv_rtt_est_seq = (sk.rcv_nxt + sk.rcv_wnd) & U32
    sk.rcv_rtt_est_time = sk.tcp_mstamp


def tcp_rcv_rtt_measure_ts(sk: TcpSock, skb: SkBuff) -> None:
    """With timestamps: a full segment echoes when our ACK went."""
    if sk.rcv_tsecr == sk.rcv_rtt_last_tsecr:
        return
    sk.rcv_rtt_last_tsecr = sk.rcv_tsecr
    if ((skb.end_seq - skb.seq) & U32) >= sk.icsk_ack_rcv_mss and sk.rcv_tsecr:
        delta: i64 = (tcp_h.tcp_time_stamp_ms(sk) - sk.rcv_tsecr) & U32
        if 0 < delta < 2_000_000:
            tcp_rcv_rtt_update(sk, delta * 1000, False)


def tcp_rcv_space_adjust(sk: TcpSock) -> None:
    """A program has read: once a round trip, let the buffer grow with what it takes
    (`net.ipv4.tcp_moderate_rcvbuf`)."""
    tcp_h.tcp_mstamp_refresh(sk)
    time: i64 = sk.tcp_mstamp - sk.rcvq_space_time
    if time < (sk.rcv_rtt_est_rtt_us >> 3) or sk.rcv_rtt_est_rtt_us == 0:
        return
    copied: i64 = (sk.copied_seq - sk.rcvq_space_seq) & U32
    if copied > sk.rcvq_space_space:
        if sk.sk_net.ipv4.sysctl_tcp_moderate_rcvbuf and sk.sk_userlocks & 2 == 0:
            # Twice what was read in a round trip (the sender may double), and the growth seen on top.
            rcvwin: i64 = (copied << 1) + 16 * sk.advmss
            space = sk.rcvq_space_space
            if space:
                rcvwin += rcvwin * (copied - space) // space
            ooo = sk.out_of_order_queue
            last = None if ooo is None else ooo.last
            if last is not None:
                rcvwin += (last.end_seq - sk.rcv_nxt) & U32
            rcvbuf = tcp_h.tcp_space_from_win(sk, rcvwin)
            most = sk.sk_net.ipv4.sysctl_tcp_rmem[2]
            if rcvbuf > most:
                rcvbuf = most
            if rcvbuf > sk.sk_rcvbuf:
                sk.sk_rcvbuf = rcvbuf
                sk.window_clamp = tcp_h.tcp_win_from_space(sk, rcvbuf)
        sk.rcvq_space_space = copied
    sk.rcvq_space_seq = sk.copied_seq
    sk.rcvq_space_time = sk.tcp_mstamp


def tcp_init_cwnd(sk: TcpSock, dst: Dst | None) -> i64:
    """RFC 6928: ten segments, or the route's initcwnd."""
    cwnd: i64 = 0 if dst is None else dst.initcwnd
    if cwnd == 0:
        cwnd = tcp_h.TCP_INIT_CWND
    return cwnd if cwnd < sk.snd_cwnd_clamp else sk.snd_cwnd_clamp
