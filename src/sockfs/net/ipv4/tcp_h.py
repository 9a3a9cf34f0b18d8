"""Small questions that every TCP file asks of a connection.

Kernel counterpart: the inline functions of `include/net/tcp.h`. They change nothing but what their name
says, and call nobody
above them. Times: a jiffy is 4 ms (HZ=250, as Debian's kernels have it): `icsk_rto` and the delayed ACK's
time-out are
rounded up to one, because programs see them so in `tcp_info`; everything else is exact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

if TYPE_CHECKING:
    from sockfs.structs.sk_buff import SkBuff
    from sockfs.structs.tcp_sock import TcpSock

JIFFY: Final = 4_000_000
MS: Final = 1_000_000
SEC: Final = 1_000_000_000
TCP_RTO_MAX: Final = 120 * SEC
TCP_RTO_MIN: Final = 200 * MS
TCP_TIMEOUT_MIN: Final = 2 * JIFFY
TCP_TIMEOUT_INIT: Final = 1 * SEC  # RFC 6298 (2.1)
TCP_TIMEOUT_FALLBACK: Final = 3 * SEC  # RFC 6298 (5.7)
TCP_DELACK_MAX: Final = 200 * MS
TCP_DELACK_MIN: Final = 40 * MS
TCP_ATO_MIN: Final = 40 * MS
TCP_RESOURCE_PROBE_INTERVAL: Final = 500 * MS
TCP_PAWS_WRAP: Final = 2147483  # seconds: half the circle of a millisecond clock
TCP_PAWS_MSL: Final = 60  # seconds
TCP_INIT_CWND: Final = 10  # RFC 6928
TCP_MIN_MSS: Final = 88
TCP_MAX_QUICKACKS: Final = 16
TCP_INFINITE_SSTHRESH: Final = 0x7FFFFFFF
TCP_RMEM_TO_WIN_SCALE: Final = 8
TCP_NAGLE_OFF: Final = 1
TCP_NAGLE_CORK: Final = 2
TCP_NAGLE_PUSH: Final = 4
TCP_ECN_OK: Final = 1
TCP_ECN_QUEUE_CWR: Final = 2
TCP_ECN_DEMAND_CWR: Final = 4
TCP_ECN_SEEN: Final = 8
TCP_URG_VALID: Final = 0x0100
TCP_URG_NOTYET: Final = 0x0200
TCP_URG_READ: Final = 0x0400
TCP_FASTRETRANS_THRESH: Final = 3
MAX_TCP_HEADER: Final = 320
U32: Final = 0xFFFFFFFF


def jiffies_up(ns: i64) -> i64:
    """A duration as a whole number of jiffies, in nanoseconds."""
    return (ns + (JIFFY - 1)) // JIFFY * JIFFY


# ---- what is in flight


def tcp_is_reno(tp: TcpSock) -> bool:
    """The peer sends no SACK: duplicate ACKs are counted as if each stood for one segment."""
    return tp.sack_ok == 0


def tcp_packets_in_flight(tp: TcpSock) -> i64:
    """RFC 6675's pipe: sent, and neither lost nor delivered; retransmissions count again."""
    return tp.packets_out - tp.sacked_out - tp.lost_out + tp.retrans_out


def tcp_in_initial_slowstart(tp: TcpSock) -> bool:
    return tp.snd_ssthresh >= TCP_INFINITE_SSTHRESH


def tcp_in_cwnd_reduction(tp: TcpSock) -> bool:
    """In CWR or Recovery: PRR holds the window (RFC 6937)."""
    return tp.icsk_ca_state == 2 or tp.icsk_ca_state == 3


def tcp_current_ssthresh(tp: TcpSock) -> i64:
    """What `tcpi_snd_ssthresh` and a restart after idleness call the threshold (RFC 2861)."""
    if tcp_in_cwnd_reduction(tp):
        return tp.snd_ssthresh
    part: i64 = (tp.snd_cwnd >> 1) + (tp.snd_cwnd >> 2)
    return part if part > tp.snd_ssthresh else tp.snd_ssthresh


def tcp_wnd_end(tp: TcpSock) -> i64:
    """One past the last sequence number the peer lets us send."""
    return (tp.snd_una + tp.snd_wnd) & U32


def tcp_is_cwnd_limited(tp: TcpSock) -> bool:
    """The window, not the application, held the sender (RFC 2861). In slow start half a window used is use
    enough."""
    if tp.is_cwnd_limited:
        return True
    if tp.snd_cwnd < tp.snd_ssthresh:
        return tp.snd_cwnd < 2 * tp.max_packets_out
    return False


# ---- receive memory as a window


def tcp_win_from_space(tp: TcpSock, space: i64) -> i64:
    """How much window so much receive memory is worth: payload's share of truesize, `scaling_ratio` / 256."""
    return (space * tp.scaling_ratio) >> TCP_RMEM_TO_WIN_SCALE


def tcp_space_from_win(tp: TcpSock, win: i64) -> i64:
    return (win << TCP_RMEM_TO_WIN_SCALE) // tp.scaling_ratio


def tcp_space(tp: TcpSock) -> i64:
    return tcp_win_from_space(tp, tp.sk_rcvbuf - tp.sk_backlog_len - tp.sk_rmem_alloc)


def tcp_full_space(tp: TcpSock) -> i64:
    return tcp_win_from_space(tp, tp.sk_rcvbuf)


def tcp_receive_window(tp: TcpSock) -> i64:
    """What is left of the window that was advertised last; never negative."""
    win: i64 = (tp.rcv_wup + tp.rcv_wnd - tp.rcv_nxt) & U32
    return 0 if win & 0x80000000 else win


def tcp_epollin_ready(tp: TcpSock, target: i64) -> bool:
    """Enough to read that a reader should be woken (SO_RCVLOWAT), or so much memory taken that it must."""
    avail: i64 = (tp.rcv_nxt - tp.copied_seq) & U32
    if avail == 0 or avail & 0x80000000:
        return False
    if avail >= target or tcp_rmem_pressure(tp):
        return True
    return tcp_receive_window(tp) <= tp.icsk_ack_rcv_mss


def tcp_rmem_pressure(tp: TcpSock) -> bool:
    threshold: i64 = tp.sk_rcvbuf - (tp.sk_rcvbuf >> 3)
    return tp.sk_rmem_alloc > threshold


# ---- clocks


def tcp_mstamp_refresh(tp: TcpSock) -> None:
    """Take the time once per event; everything in it happens at that time."""
    now: i64 = tp.kernel.now
    tp.tcp_clock_cache = now
    tp.tcp_mstamp = now // 1000


def tcp_time_stamp_ms(tp: TcpSock) -> i64:
    """The timestamp clock (1 ms a tick), without the connection's offset."""
    return (tp.tcp_mstamp // 1000) & U32


def tcp_min_rtt(tp: TcpSock) -> i64:
    """µs; all ones while there is no sample."""
    return tp.rtt_min.v0


def tcp_rto_min(tp: TcpSock) -> i64:
    dst = tp.sk_dst_cache
    if dst is not None and dst.rto_min != 0:
        return dst.rto_min
    return tp.icsk_rto_min


def tcp_rto_min_us(tp: TcpSock) -> i64:
    return tcp_rto_min(tp) // 1000


def tcp_set_rto(tp: TcpSock) -> None:
    """RFC 6298 (2.3): RTO = SRTT + 4·RTTVAR. `__tcp_set_rto` and `tcp_bound_rto`; rttvar is kept at its
    floor elsewhere."""
    rto: i64 = jiffies_up(((tp.srtt_us >> 3) + tp.rttvar_us) * 1000)
    if rto > tp.icsk_rto_max:
        rto = tp.icsk_rto_max
    tp.icsk_rto = rto


def keepalive_intvl_when(tp: TcpSock) -> i64:
    return tp.keepalive_intvl if tp.keepalive_intvl else tp.sk_net.ipv4.sysctl_tcp_keepalive_intvl * SEC


def keepalive_time_when(tp: TcpSock) -> i64:
    return tp.keepalive_time if tp.keepalive_time else tp.sk_net.ipv4.sysctl_tcp_keepalive_time * SEC


def keepalive_probes(tp: TcpSock) -> i64:
    return tp.keepalive_probes if tp.keepalive_probes else tp.sk_net.ipv4.sysctl_tcp_keepalive_probes


def keepalive_time_elapsed(tp: TcpSock) -> i64:
    """Since the peer was last heard of, data or not."""
    now: i64 = tp.kernel.now
    a: i64 = now - tp.icsk_ack_lrcvtime
    b: i64 = now - tp.rcv_tstamp
    return a if a < b else b


def tcp_fin_time(tp: TcpSock) -> i64:
    """How long FIN-WAIT-2 may last for an orphan: TCP_LINGER2 or the sysctl, and no less than 3.5 RTO."""
    fin: i64 = tp.linger2 if tp.linger2 else tp.sk_net.ipv4.sysctl_tcp_fin_timeout * SEC
    least: i64 = (tp.icsk_rto << 2) - (tp.icsk_rto >> 1)
    return least if fin < least else fin


def tcp_paws_check(tp: TcpSock, paws_win: i64) -> bool:
    """RFC 7323 section 5.3: is SEG.TSval at least TS.Recent (or TS.Recent too old to trust)?"""
    behind: i64 = (tp.ts_recent - tp.rcv_tsval) & U32
    if behind & 0x80000000 or behind <= paws_win:
        return True
    if tp.kernel.now // SEC >= tp.ts_recent_stamp + 1 + TCP_PAWS_WRAP:
        return True
    # Some stacks send 0 in the SYN and start their clock later.
    return tp.ts_recent == 0


def tcp_paws_reject(tp: TcpSock, rst: bool) -> bool:
    if tcp_paws_check(tp, 0):
        return False
    # RFC 7323 section 5.2 lets a RST through without the test; Linux does once TS.Recent is older than an
    # MSL.
    return not (rst and tp.kernel.now // SEC >= tp.ts_recent_stamp + TCP_PAWS_MSL)


# ---- a connection's mood


def inet_csk_in_pingpong_mode(tp: TcpSock) -> bool:
    """Requests and responses alternate: ACKs can ride on data."""
    return tp.icsk_ack_pingpong >= tp.sk_net.ipv4.sysctl_tcp_pingpong_thresh


def inet_csk_enter_pingpong_mode(tp: TcpSock) -> None:
    tp.icsk_ack_pingpong = tp.sk_net.ipv4.sysctl_tcp_pingpong_thresh


def inet_csk_exit_pingpong_mode(tp: TcpSock) -> None:
    tp.icsk_ack_pingpong = 0


def inet_csk_inc_pingpong_cnt(tp: TcpSock) -> None:
    if tp.icsk_ack_pingpong < 255:
        tp.icsk_ack_pingpong += 1


# ---- header prediction (Van Jacobson; the fast path of RFC 1323 section 4)


def tcp_fast_path_on(tp: TcpSock) -> None:
    """Predict the next header: our usual length, ACK alone, the peer's window as it is."""
    tp.pred_flags = (tp.tcp_header_len << 26) | (0x10 << 16) | ((tp.snd_wnd >> tp.snd_wscale) & 0xFFFF)


def tcp_fast_path_check(tp: TcpSock) -> None:
    ooo = tp.out_of_order_queue
    if (
        (ooo is None or ooo.qlen == 0)
        and tp.rcv_wnd != 0
        and tp.sk_rmem_alloc < tp.sk_rcvbuf
        and tp.urg_data == 0
    ):
        tcp_fast_path_on(tp)


# ---- the list of sent segments in order of their last transmission (RACK)


def tcp_tsorted_add_tail(tp: TcpSock, skb: SkBuff) -> None:
    """skb was (re)sent just now."""
    if skb.on_tsorted:
        if skb is tp.tsorted_last:
            return
        tcp_tsorted_del(tp, skb)
    last = tp.tsorted_last
    skb.tsort_prev = last
    skb.tsort_next = None
    skb.on_tsorted = True
    if last is None:
        tp.tsorted_first = skb
    else:
        last.tsort_next = skb
    tp.tsorted_last = skb


def tcp_tsorted_add_after(tp: TcpSock, old: SkBuff, skb: SkBuff) -> None:
    """skb is a part cut off old."""
    nxt = old.tsort_next
    if not old.on_tsorted:
        return
    skb.tsort_prev = old
    skb.tsort_next = nxt
    skb.on_tsorted = True
    old.tsort_next = skb
    if nxt is None:
        tp.tsorted_last = skb
    else:
        nxt.tsort_prev = skb


def tcp_tsorted_del(tp: TcpSock, skb: SkBuff) -> None:
    if not skb.on_tsorted:
        return
    prev = skb.tsort_prev
    nxt = skb.tsort_next
    if prev is None:
        tp.tsorted_first = nxt
    else:
        prev.tsort_next = nxt
    if nxt is None:
        tp.tsorted_last = prev
    else:
        nxt.tsort_prev = prev
    skb.tsort_prev = None
    skb.tsort_next = None
    skb.on_tsorted = False
