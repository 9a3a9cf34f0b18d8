"""Connections that are not whole socks: the request before, the time-wait after; and the child in between.

Kernel counterpart: `net/ipv4/tcp_minisocks.c`. Control comes from `tcp_v4_rcv`: a segment for a request goes
to `tcp_check_req`, which makes the child when the handshake is complete; a segment for a time-wait sock to
`tcp_timewait_state_process`. `tcp_time_wait` is called by the state machine and by close.

RFC 9293 sections 3.10.7.4 (SYN-RECEIVED, TIME-WAIT) and 3.6.1; RFC 6191 (timestamps and TIME-WAIT); RFC 1337;
RFC 7323 section 5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.kernel import timers
from sockfs.net.core import sock
from sockfs.net.ipv4 import (
    inet_connection_sock,
    inet_timewait_sock,
    tcp,
    tcp_cong,
    tcp_fastopen,
    tcp_h,
    tcp_input,
    tcp_metrics,
    tcp_output,
    tcp_timer,
)
from sockfs.structs.inet_timewait_sock import InetTimewaitSock
from sockfs.structs.sock import SOCK_KEEPOPEN
from sockfs.structs.tcp_sock import TcpSock
from sockfs.uapi.rstreason import SK_RST_REASON_INVALID_SYN, SK_RST_REASON_NOT_SPECIFIED
from sockfs.uapi.tcp import (
    TCP_FIN_WAIT2,
    TCP_SYN_RECV,
    TCP_TIME_WAIT,
    TCP_TW_ACK,
    TCP_TW_RST,
    TCP_TW_SUCCESS,
    TCP_TW_SYN,
    TCPHDR_ACK,
    TCPHDR_FIN,
    TCPHDR_RST,
    TCPHDR_SYN,
    TCPOLEN_TSTAMP_ALIGNED,
)
from sockfs.util.minmax import minmax_reset
from sockfs.util.seq import after, before

if TYPE_CHECKING:
    from sockfs.structs.dst import Dst
    from sockfs.structs.headers import Tcphdr
    from sockfs.structs.net import Net
    from sockfs.structs.request_sock import RequestSock
    from sockfs.structs.sk_buff import SkBuff

U32: Final = 0xFFFFFFFF
SEC: Final = 1_000_000_000
TCP_PAWS_MSL: Final = 60  # seconds
TCP_PAWS_24DAYS: Final = 60 * 60 * 24 * 24
TCP_TIMEWAIT_LEN: Final = 60_000_000_000


# ---- TIME-WAIT


def tcp_time_wait(sk: TcpSock, state: i64, timeo: i64) -> None:
    """sk goes; a time-wait sock in `state` (TIME_WAIT, or FIN_WAIT2 of an orphan) stays for timeo ns."""
    net = sk.sk_net
    tw = inet_timewait_sock.inet_twsk_alloc(sk, state)
    if tw is not None:
        tw.tw_rcv_wscale = sk.rcv_wscale
        tw.tw_rcv_nxt = sk.rcv_nxt
        tw.tw_snd_nxt = sk.snd_nxt
        tw.tw_rcv_wnd = tcp_h.tcp_receive_window(sk)
        tw.tw_ts_recent = sk.ts_recent
        tw.tw_ts_recent_stamp = sk.ts_recent_stamp
        tw.tw_ts_offset = sk.tsoffset
        tw.tw_entry_stamp = sk.kernel.now // 1000
        tw.tw_md5 = sk.md5sig_info
        # No less than 3.5 RTO, so that our last ACK can be asked for again at least once.
        rto: i64 = (sk.icsk_rto << 2) - (sk.icsk_rto >> 1)
        if timeo < rto:
            timeo = rto
        if state == TCP_TIME_WAIT:
            timeo = TCP_TIMEWAIT_LEN
        inet_timewait_sock.inet_twsk_hashdance_schedule(tw, sk, timeo)
    else:
        # Too many (net.ipv4.tcp_max_tw_buckets): the pair of ports is free at once, which RFC 9293 would not
        # like.
        net.mib_linux.TCPTimeWaitOverflow += 1
    tcp_metrics.tcp_update_metrics(sk)
    tcp.tcp_done(sk)


def tcp_timewait_state_process(tw: InetTimewaitSock, skb: SkBuff, th: Tcphdr) -> i64:
    """A segment for a time-wait sock. TCP_TW_SUCCESS (drop it), _RST, _ACK, or _SYN with `softnet.tcp_tw_isn`
    set."""
    net = tw.sk_net
    now_s: i64 = net.kernel.now // SEC
    rcv_nxt: i64 = tw.tw_rcv_nxt
    rst = (th.flags & TCPHDR_RST) != 0
    paws_reject = False
    saw_tstamp = False
    if th.saw_tstamp and tw.tw_ts_recent_stamp != 0:
        saw_tstamp = True
        paws_reject = tcp_paws_reject(tw.tw_ts_recent, tw.tw_ts_recent_stamp, th.tsval, rst, now_s)

    if tw.tw_substate == TCP_FIN_WAIT2:
        # Just as FIN-WAIT-2 of a whole sock, but for data: there is nobody to read it.
        if paws_reject or not tcp_in_window(skb.seq, skb.end_seq, rcv_nxt, rcv_nxt + tw.tw_rcv_wnd):
            if oow_rate_limited_tw(net, skb, tw):
                net.mib_linux.TCPACKSkippedFinWait2 += 1
                return TCP_TW_SUCCESS
            return TCP_TW_ACK
        if rst:
            inet_timewait_sock.inet_twsk_deschedule_put(tw)
            return TCP_TW_SUCCESS
        if (th.flags & TCPHDR_SYN) != 0 and not before(skb.seq, rcv_nxt):
            return TCP_TW_RST
        # Duplicate ACK?
        if (th.flags & TCPHDR_ACK) == 0 or not after(skb.end_seq, rcv_nxt) or skb.end_seq == skb.seq:
            return TCP_TW_SUCCESS
        # New data, or a FIN that does not follow at once: reset, as close(2) told nobody wants it (RFC 2525
        # 2.17).
        if (th.flags & TCPHDR_FIN) == 0 or skb.end_seq != ((rcv_nxt + 1) & U32):
            return TCP_TW_RST
        tw.tw_substate = TCP_TIME_WAIT
        tw.tw_entry_stamp = net.kernel.now // 1000
        tw.tw_rcv_nxt = skb.end_seq
        if saw_tstamp:
            tw.tw_ts_recent_stamp = now_s
            tw.tw_ts_recent = th.tsval
        inet_timewait_sock.inet_twsk_reschedule(tw, TCP_TIMEWAIT_LEN)
        return TCP_TW_ACK

    # RFC 9293 section 3.10.7.4, TIME-WAIT. "The only thing that can arrive is a retransmission of the remote
    # FIN."
    if not paws_reject and skb.seq == rcv_nxt and (skb.seq == skb.end_seq or rst):
        if rst:
            # RFC 1337: a RST may end TIME-WAIT too early. Linux lets it, unless net.ipv4.tcp_rfc1337 says no.
            if net.ipv4.sysctl_tcp_rfc1337 == 0:
                inet_timewait_sock.inet_twsk_deschedule_put(tw)
                return TCP_TW_SUCCESS
        else:
            inet_timewait_sock.inet_twsk_reschedule(tw, TCP_TIMEWAIT_LEN)
        if saw_tstamp:
            tw.tw_ts_recent = th.tsval
            tw.tw_ts_recent_stamp = now_s
        return TCP_TW_SUCCESS

    # RFC 9293 MAY-2, RFC 6191: a SYN that is provably new opens the connection again.
    if (
        (th.flags & (TCPHDR_SYN | TCPHDR_RST | TCPHDR_ACK)) == TCPHDR_SYN
        and not paws_reject
        and (after(skb.seq, rcv_nxt) or (saw_tstamp and ((tw.tw_ts_recent - th.tsval) & 0x80000000) != 0))
    ):
        isn: i64 = (tw.tw_snd_nxt + 65535 + 2) & U32
        net.kernel.softnet.tcp_tw_isn = isn if isn != 0 else 1
        return TCP_TW_SYN

    if paws_reject:
        net.mib_linux.PAWSTimewait += 1
    if not rst:
        # Anything else that is acceptable restarts the wait and is answered with an ACK.
        if paws_reject or (th.flags & TCPHDR_ACK) != 0:
            inet_timewait_sock.inet_twsk_reschedule(tw, TCP_TIMEWAIT_LEN)
        if oow_rate_limited_tw(net, skb, tw):
            net.mib_linux.TCPACKSkippedTimeWait += 1
            return TCP_TW_SUCCESS
        return TCP_TW_ACK
    return TCP_TW_SUCCESS


def oow_rate_limited_tw(net: Net, skb: SkBuff, tw: InetTimewaitSock) -> bool:
    """At most one ACK per net.ipv4.tcp_invalid_ratelimit ms for segments without data
    (`__tcp_oow_rate_limited`)."""
    if oow_exempt(skb):
        return False
    if oow_recent(net, tw.tw_last_oow_ack_time):
        return True
    tw.tw_last_oow_ack_time = net.kernel.now
    return False


def oow_exempt(skb: SkBuff) -> bool:
    """Data packets without SYN are always answered: the sender must learn where we are."""
    return skb.seq != skb.end_seq and (skb.tcp_flags & TCPHDR_SYN) == 0


def oow_recent(net: Net, last: i64) -> bool:
    elapsed: i64 = net.kernel.now - last
    return last != 0 and 0 <= elapsed < net.ipv4.sysctl_tcp_invalid_ratelimit * 1_000_000


def tcp_in_window(seq: i64, end_seq: i64, s_win: i64, e_win: i64) -> bool:
    """RFC 9293 section 3.4: a part of the segment lies in the window."""
    if seq == s_win & U32:
        return True
    if after(end_seq, s_win) and before(seq, e_win):
        return True
    return seq == (e_win & U32) and seq == end_seq


def tcp_paws_reject(ts_recent: i64, ts_recent_stamp: i64, tsval: i64, rst: bool, now_s: i64) -> bool:
    """RFC 7323 section 5.3 for socks that are not whole."""
    behind: i64 = (ts_recent - tsval) & U32
    if (behind & 0x80000000) != 0 or behind == 0:
        return False
    if ts_recent == 0 or now_s >= ts_recent_stamp + TCP_PAWS_24DAYS:
        return False
    return not (rst and now_s >= ts_recent_stamp + TCP_PAWS_MSL)


# ---- the request


def tcp_reqsk_timeout(req: RequestSock) -> i64:
    """How long this SYN-ACK waits for its answer: doubled each time, at most TCP_RTO_MAX_MS says."""
    listener = req.rsk_listener
    top: i64 = tcp_h.TCP_RTO_MAX if listener is None else listener.icsk_rto_max
    if req.num_timeout > 40:
        return top
    timeo: i64 = req.timeout << req.num_timeout
    return timeo if timeo < top else top


def tcp_openreq_init_rwin(req: RequestSock, sk: TcpSock, dst: Dst | None) -> None:
    """The window and its scale that the SYN-ACK will offer."""
    full_space: i64 = tcp_h.tcp_full_space(sk)
    advmss: i64 = 536 if dst is None else dst.advmss()
    mss: i64 = tcp_mss_clamp(sk, advmss)
    clamp: i64 = sk.window_clamp
    if clamp == 0 and dst is not None:
        clamp = dst.window_metric
    # SO_RCVBUF bounds the window for good.
    if (sk.sk_userlocks & 2) != 0 and (clamp > full_space or clamp == 0):
        clamp = full_space
    init_rcv_wnd: i64 = 0 if dst is None else dst.initrwnd
    if init_rcv_wnd != 0 and full_space < init_rcv_wnd * mss:
        full_space = init_rcv_wnd * mss
    ts: i64 = TCPOLEN_TSTAMP_ALIGNED if req.tstamp_ok else 0
    wnd: i64 = 0
    wscale: i64 = 0
    wnd, clamp, wscale = tcp_output.tcp_select_initial_window(
        sk, full_space, mss - ts, clamp, req.wscale_ok, init_rcv_wnd
    )
    req.rsk_rcv_wnd = wnd
    req.rsk_window_clamp = clamp
    req.rcv_wscale = wscale


def tcp_mss_clamp(sk: TcpSock, mss: i64) -> i64:
    """TCP_MAXSEG can only lower it."""
    user: i64 = sk.rx_opt_user_mss
    return user if user != 0 and user < mss else mss


def tcp_synack_window(req: RequestSock) -> i64:
    """An ACK for a request may offer no more than 16 bits hold: there is no sock yet that scales."""
    return req.rsk_rcv_wnd if req.rsk_rcv_wnd < 65535 else 65535


def tcp_check_req(sk: TcpSock, skb: SkBuff, req: RequestSock, fastopen: bool) -> TcpSock | None:
    """A segment for a request of listener sk (RFC 9293 section 3.10.7.4, SYN-RECEIVED).

    Returns the child (handshake complete), sk itself (the segment is for its LISTEN state: a wrong ACK to be
    reset), or None.
    """
    net = sk.sk_net
    th = skb.th
    assert th is not None
    flg: i64 = th.flags & (TCPHDR_RST | TCPHDR_SYN | TCPHDR_ACK)
    paws_reject = False
    tsecr_reject = False
    if th.saw_tstamp and req.tstamp_ok:
        if req.ts_recent != 0:
            # When TS.Recent was learnt: this SYN-ACK's wait ago, near enough.
            stamp: i64 = (net.kernel.now - tcp_reqsk_timeout(req)) // SEC
            paws_reject = tcp_paws_reject(
                req.ts_recent, stamp, th.tsval, (flg & TCPHDR_RST) != 0, net.kernel.now // SEC
            )
        if (flg & TCPHDR_ACK) != 0 and req.snt_tsval_first != 0:
            # RFC 7323 section 3.2: TSecr is one that we sent.
            tsecr_reject = before(th.tsecr, req.snt_tsval_first) or after(th.tsecr, req.snt_tsval_last)

    # The SYN again: answer with the same SYN-ACK.
    if skb.seq == req.rcv_isn and flg == TCPHDR_SYN and not paws_reject:
        if not oow_exempt(skb) and oow_recent(net, req.last_oow_ack_time):
            net.mib_linux.TCPACKSkippedSynRecv += 1
        else:
            req.last_oow_ack_time = net.kernel.now
            if inet_connection_sock.inet_rtx_syn_ack(sk, req) == 0 and not fastopen:
                timer = req.rsk_timer
                if timer is not None and timer.pending:
                    timers.mod_timer(net.kernel, timer, net.kernel.now + tcp_reqsk_timeout(req))
        return None

    # An ACK of something else than our SYN: "send a reset" (RFC 9293 3.10.7.4, fifth), which LISTEN does for
    # us.
    if (flg & TCPHDR_ACK) != 0 and not fastopen and skb.ack_seq != ((req.snt_isn + 1) & U32):
        return sk

    # First, check the sequence number; PAWS with it (RFC 7323 section 5.3).
    if (
        paws_reject
        or tsecr_reject
        or not tcp_in_window(skb.seq, skb.end_seq, req.rcv_nxt, req.rcv_nxt + tcp_synack_window(req))
    ):
        if (flg & TCPHDR_RST) == 0:
            if not oow_exempt(skb) and oow_recent(net, req.last_oow_ack_time):
                net.mib_linux.TCPACKSkippedSynRecv += 1
            else:
                req.last_oow_ack_time = net.kernel.now
                req.rsk_ops.send_ack(sk, skb, req)
        if paws_reject:
            net.mib_linux.PAWSEstab += 1
        elif tsecr_reject:
            net.mib_linux.TSEcrRejected += 1
        return None

    if th.saw_tstamp and req.tstamp_ok and not after(skb.seq, req.rcv_nxt):
        req.ts_recent = th.tsval

    if skb.seq == req.rcv_isn:
        # The SYN lies left of the window: only what follows it counts.
        flg &= ~TCPHDR_SYN

    # Second, RST; fourth, SYN in the window.
    if (flg & (TCPHDR_RST | TCPHDR_SYN)) != 0:
        net.mib_tcp.AttemptFails += 1
        return embryonic_reset(sk, skb, req, flg, fastopen)

    # Fifth, ACK.
    if (flg & TCPHDR_ACK) == 0:
        return None
    if fastopen:
        return sk

    queue = sk.icsk_accept_queue
    if (
        queue is not None
        and req.num_timeout < queue.rskq_defer_accept
        and skb.end_seq == ((req.rcv_isn + 1) & U32)
    ):
        # TCP_DEFER_ACCEPT: a bare ACK makes no child, the data will.
        req.acked = True
        net.mib_linux.TCPDeferAcceptDrop += 1
        return None

    child = sk.icsk_af_ops.syn_recv_sock(sk, skb, req)
    if child is None:
        # No room in the accept queue: keep quiet, the client will say it again; or reset it if told so.
        if net.ipv4.sysctl_tcp_abort_on_overflow == 0:
            req.acked = True
            return None
        return embryonic_reset(sk, skb, req, flg, fastopen)
    assert isinstance(child, TcpSock)
    tcp_input.tcp_synack_rtt_meas(child, req)
    if inet_connection_sock.inet_csk_complete_hashdance(sk, child, req, True) is None:
        return None
    return child


def embryonic_reset(sk: TcpSock, skb: SkBuff, req: RequestSock, flg: i64, fastopen: bool) -> TcpSock | None:
    """The request ends; whoever sent no RST gets one."""
    if (flg & TCPHDR_RST) == 0:
        reason = SK_RST_REASON_INVALID_SYN if (flg & TCPHDR_SYN) != 0 else SK_RST_REASON_NOT_SPECIFIED
        req.rsk_ops.send_reset(sk, skb, reason)
    elif fastopen:
        # A RST that is right ends a child that has not been accepted yet, too.
        tcp_fastopen.reqsk_fastopen_remove(sk, req, True)
        tcp_input.tcp_reset(sk, skb)
    if not fastopen and inet_connection_sock.inet_csk_reqsk_queue_drop(sk, req):
        sk.sk_net.mib_linux.EmbryonicRsts += 1
    return None


# ---- the child


def tcp_create_openreq_child(sk: TcpSock, req: RequestSock, skb: SkBuff) -> TcpSock:
    """The sock of a connection whose third segment is skb, in SYN_RECV: tcp_rcv_state_process brings it to
    ESTABLISHED."""
    newtp = inet_connection_sock.inet_csk_clone_lock(sk, req)
    k = sk.kernel
    seq: i64 = (req.rcv_isn + 1) & U32
    newtp.pred_flags = 0
    newtp.rcv_wup = seq
    newtp.copied_seq = seq
    newtp.rcv_nxt = seq
    newtp.segs_in = 1
    snd: i64 = (req.snt_isn + 1) & U32
    newtp.snd_sml = snd
    newtp.snd_una = snd
    newtp.snd_nxt = snd
    newtp.snd_up = snd
    newtp.write_seq = snd
    newtp.pushed_seq = snd
    newtp.snd_wl1 = req.rcv_isn
    newtp.lsndtime = k.now
    minmax_reset(newtp.rtt_min, k.now // 1000, U32)
    newtp.total_retrans = req.num_retrans
    tcp_timer.tcp_init_xmit_timers(newtp)
    if (newtp.sk_flags & SOCK_KEEPOPEN) != 0:
        tcp_timer.tcp_reset_keepalive_timer(newtp, tcp_h.keepalive_time_when(newtp))
    newtp.tstamp_ok = req.tstamp_ok
    newtp.sack_ok = 1 if req.sack_ok else 0
    newtp.window_clamp = req.rsk_window_clamp
    newtp.rcv_ssthresh = req.rsk_rcv_wnd
    newtp.rcv_wnd = req.rsk_rcv_wnd
    newtp.wscale_ok = req.wscale_ok
    if req.wscale_ok:
        newtp.snd_wscale = req.snd_wscale
        newtp.rcv_wscale = req.rcv_wscale
    else:
        newtp.snd_wscale = 0
        newtp.rcv_wscale = 0
        if newtp.window_clamp > 65535:
            newtp.window_clamp = 65535
    th = skb.th
    window: i64 = 0 if th is None else th.window
    newtp.snd_wnd = window << newtp.snd_wscale
    newtp.max_window = newtp.snd_wnd
    newtp.saw_tstamp = False
    if newtp.tstamp_ok:
        newtp.ts_recent = req.ts_recent
        newtp.ts_recent_stamp = k.now // SEC
        newtp.tcp_header_len = 20 + TCPOLEN_TSTAMP_ALIGNED
    else:
        newtp.ts_recent = 0
        newtp.ts_recent_stamp = 0
        newtp.tcp_header_len = 20
    if req.num_timeout != 0:
        # The SYN-ACK timed out: should its first copy turn out to be what was answered, undo (RFC 5682,
        # Eifel).
        newtp.total_rto = req.num_timeout
        newtp.total_rto_recoveries = 1
        newtp.undo_marker = req.snt_isn
        newtp.retrans_stamp = (req.snt_synack // 1000) & U32
        newtp.total_rto_time = (k.now // 1000 - req.snt_synack) // 1000
    newtp.tsoffset = req.ts_off
    if skb.len >= 536:
        newtp.icsk_ack_last_seg_size = skb.len
    newtp.rx_opt_mss_clamp = req.mss
    newtp.ecn_flags = 1 if req.ecn_ok else 0
    newtp.saved_syn = req.saved_syn
    req.saved_syn = None
    sk.sk_net.mib_tcp.PassiveOpens += 1
    return newtp


def tcp_ca_openreq_child(sk: TcpSock, dst: Dst | None) -> None:
    """The child's congestion control: the route's if it names one, else the listener's, else the default."""
    if dst is not None and dst.cc_algo != "":
        if tcp_cong.tcp_set_congestion_control(sk, dst.cc_algo, True, True) == 0:
            sk.icsk_ca_dst_locked = True
    elif not sk.icsk_ca_setsockopt:
        tcp_cong.tcp_assign_congestion_control(sk)
    tcp_cong.tcp_set_ca_state(sk, 0)


def tcp_child_process(parent: TcpSock, child: TcpSock, skb: SkBuff) -> i64:
    """The segment that completed the handshake is the child's first. Returns a drop reason; 0: taken."""
    reason: i64 = 0
    state = child.sk_state
    tcp_input.tcp_segs_in(child, skb)
    if not child.sk_owned:
        reason = tcp_input.tcp_rcv_state_process(child, skb)
        if state == TCP_SYN_RECV and child.sk_state != state:
            parent.sk_data_ready.run(parent)
    else:
        sock.sk_add_backlog(child, skb, 1 << 40)
    sock.sock_put(child)
    return reason
