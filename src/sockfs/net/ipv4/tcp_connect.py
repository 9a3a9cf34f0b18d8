"""TCP sends for the connection's own sake: SYN, SYN-ACK, FIN, RST, ACK, probes.

Kernel counterpart: the last third of `net/ipv4/tcp_output.c`. Control enters from connect (`tcp_connect`),
close (`tcp_send_fin`,
`tcp_send_active_reset`), the receive path (`tcp_send_ack`, `tcp_send_delayed_ack`) and timers
(`tcp_send_probe0`,
`tcp_write_wakeup`), and goes on in `tcp_output.tcp_transmit_skb`. A SYN-ACK belongs to no full sock:
`tcp_make_synack` only
builds it, `tcp_ipv4` sends it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.kernel import trace
from sockfs.net.core import skbuff
from sockfs.net.core import sock as core_sock
from sockfs.net.ipv4 import (
    syncookies,
    tcp,
    tcp_cong,
    tcp_fastopen,
    tcp_h,
    tcp_input,
    tcp_output,
    tcp_timer,
)
from sockfs.structs.headers import Tcphdr
from sockfs.structs.sock import SOCK_DONE
from sockfs.uapi.errno import ECONNREFUSED, EFAULT, EHOSTUNREACH
from sockfs.uapi.tcp import (
    ICSK_ACK_SCHED,
    ICSK_ACK_TIMER,
    ICSK_TIME_PROBE0,
    ICSK_TIME_RETRANS,
    TCP_CLOSE,
    TCP_ESTABLISHED,
    TCP_SYNACK_COOKIE,
    TCPHDR_ACK,
    TCPHDR_CWR,
    TCPHDR_ECE,
    TCPHDR_FIN,
    TCPHDR_PSH,
    TCPHDR_RST,
    TCPHDR_SYN,
)
from sockfs.util.seq import before, between

if TYPE_CHECKING:
    from sockfs.structs.dst import Dst
    from sockfs.structs.request_sock import RequestSock
    from sockfs.structs.sk_buff import SkBuff
    from sockfs.structs.tcp_sock import TcpSock

U32: Final = 0xFFFFFFFF
PROBE_WIN: Final = 0  # which counter a probe counts in: TCPWinProbe
PROBE_KEEPALIVE: Final = 1  # TCPKeepAlive


# ---- connect


def tcp_connect(sk: TcpSock) -> i64:
    """Send the first SYN. The route, addresses, ports and write_seq (the ISN) are chosen. 0 or -errno."""
    if sk.icsk_af_ops.rebuild_header(sk) != 0:
        return -EHOSTUNREACH
    tcp_connect_init(sk)
    if sk.repair:
        tcp_input.tcp_finish_connect(sk, None)
        return 0
    skb = skbuff.alloc_skb(sk.kernel)
    tcp_init_nondata_skb(skb, sk.write_seq, TCPHDR_SYN)
    tcp_h.tcp_mstamp_refresh(sk)
    stamp = tcp_h.tcp_time_stamp_ms(sk)
    sk.retrans_stamp = stamp if stamp else 1
    # tcp_connect_queue_skb
    tcp_output.sk_forced_mem_schedule(sk, skb.truesize)
    sk.write_seq = skb.end_seq
    sk.sk_wmem_queued += skb.truesize
    core_sock.sk_mem_charge(sk, skb.truesize)
    sk.packets_out += 1
    tcp_ecn_send_syn(sk, skb)
    skbuff.skb_queue_tail(sk.tcp_rtx_queue, skb)
    if sk.fastopen_req is not None:
        err = tcp_fastopen.tcp_send_syn_data(sk, skb)
    else:
        err = tcp_output.tcp_transmit_skb(sk, skb, True)
    if err == -ECONNREFUSED:
        return err
    # The SYN counts as sent only now, so that OutSegs sees it as new.
    sk.snd_nxt = sk.write_seq
    sk.pushed_seq = sk.write_seq
    head = sk.sk_write_queue.first
    if head is not None:
        sk.snd_nxt = head.seq
        sk.pushed_seq = head.seq
    sk.sk_net.mib_tcp.ActiveOpens += 1
    tcp_timer.tcp_reset_xmit_timer(sk, ICSK_TIME_RETRANS, sk.icsk_rto, False)
    return 0


def tcp_connect_init(sk: TcpSock) -> None:
    """What a connection offers and expects, before the peer has said anything."""
    net = sk.sk_net
    sk.tcp_header_len = 20
    if net.ipv4.sysctl_tcp_timestamps:
        sk.tcp_header_len += 12
    if sk.rx_opt_user_mss:
        sk.rx_opt_mss_clamp = sk.rx_opt_user_mss
    sk.max_window = 0
    tcp_output.tcp_mtup_init(sk)
    dst = sk.sk_dst_cache
    advmss: i64 = 1460
    window: i64 = 0
    initrwnd: i64 = 0
    if dst is not None:
        tcp_output.tcp_sync_mss(sk, dst.mtu())
        advmss = dst.advmss()
        window = dst.window_metric
        initrwnd = dst.initrwnd
        tcp_ca_dst_init(sk, dst)
    if sk.window_clamp == 0:
        sk.window_clamp = window
    sk.advmss = tcp_mss_clamp(sk, advmss)
    tcp_input.tcp_initialize_rcv_mss(sk)
    # A program that locked its buffer means it.
    if sk.sk_userlocks & 2:
        full = tcp_h.tcp_full_space(sk)
        if sk.window_clamp > full or sk.window_clamp == 0:
            sk.window_clamp = full
    rcv_wnd, clamp, wscale = tcp_output.tcp_select_initial_window(
        sk,
        tcp_h.tcp_full_space(sk),
        sk.advmss - (sk.tcp_header_len - 20 if sk.ts_recent_stamp else 0),
        sk.window_clamp,
        net.ipv4.sysctl_tcp_window_scaling != 0,
        initrwnd,
    )
    sk.rcv_wnd = rcv_wnd
    sk.window_clamp = clamp
    sk.rcv_wscale = wscale
    sk.rcv_ssthresh = rcv_wnd
    sk.sk_err = 0
    core_sock.sock_reset_flag(sk, SOCK_DONE)
    sk.snd_wnd = 0
    sk.snd_wl1 = 0
    tcp.tcp_write_queue_purge(sk)
    sk.snd_una = sk.write_seq
    sk.snd_sml = sk.write_seq
    sk.snd_up = sk.write_seq
    sk.urg_mode = False
    sk.snd_nxt = sk.write_seq
    if not sk.repair:
        sk.rcv_nxt = 0
    else:
        sk.rcv_tstamp = sk.kernel.now
    sk.rcv_wup = sk.rcv_nxt
    sk.copied_seq = sk.rcv_nxt
    sk.icsk_rto = tcp_timeout_init(sk)
    sk.icsk_retransmits = 0
    tcp_clear_retrans(sk)


def tcp_timeout_init(sk: TcpSock) -> i64:
    """RFC 6298 (2.1): one second."""
    t: i64 = tcp_h.TCP_TIMEOUT_INIT
    return t if t < sk.icsk_rto_max else sk.icsk_rto_max


def tcp_clear_retrans(sk: TcpSock) -> None:
    sk.retrans_out = 0
    sk.lost_out = 0
    sk.undo_marker = 0
    sk.undo_retrans = -1
    sk.sacked_out = 0
    sk.rto_stamp = 0
    sk.total_rto = 0
    sk.total_rto_recoveries = 0
    sk.total_rto_time = 0


def tcp_ca_dst_init(sk: TcpSock, dst: Dst) -> None:
    """`ip route … congctl`: the route names the congestion control."""
    if dst.cc_algo:
        ca = tcp_cong.tcp_ca_find(sk.kernel, dst.cc_algo)
        if ca is not None:
            sk.icsk_ca_ops = ca


def tcp_mss_clamp(sk: TcpSock, mss: i64) -> i64:
    """TCP_MAXSEG bounds what is offered."""
    user = sk.rx_opt_user_mss
    return user if user and user < mss else mss


def tcp_ecn_send_syn(sk: TcpSock, skb: SkBuff) -> None:
    """RFC 3168 section 6.1.1: an ECN-setup SYN, when `net.ipv4.tcp_ecn` is 1 or the route asks for it."""
    use: bool = sk.sk_net.ipv4.sysctl_tcp_ecn == 1
    dst = sk.sk_dst_cache
    if not use and dst is not None and dst.features & 1:
        use = True
    sk.ecn_flags = 0
    if use:
        skb.tcp_flags |= TCPHDR_ECE | TCPHDR_CWR
        sk.ecn_flags = tcp_h.TCP_ECN_OK


# ---- SYN-ACK


def tcp_make_synack(
    sk: TcpSock, dst: Dst | None, req: RequestSock, synack_type: i64, syn_skb: SkBuff | None
) -> SkBuff:
    """The SYN-ACK that answers a request: what was offered and we take (RFC 9293 section 3.10.7.2)."""
    k = sk.kernel
    net = sk.sk_net
    skb = skbuff.alloc_skb(k)
    now_ms: i64 = (k.now // 1_000_000) & U32
    skb.skb_mstamp_ns = k.now
    tcp_init_nondata_skb(skb, req.snt_isn, TCPHDR_SYN | TCPHDR_ACK)
    if req.ecn_ok:
        skb.tcp_flags |= TCPHDR_ECE
    window = req.rsk_rcv_wnd if req.rsk_rcv_wnd < 65535 else 65535
    th = Tcphdr(req.ir_num, req.ir_rmt_port, req.snt_isn, req.rcv_nxt, skb.tcp_flags, window)
    mss: i64 = 536
    if dst is not None:
        mss = dst.advmss()
    th.mss = tcp_mss_clamp(sk, mss)
    size: i64 = 4
    if req.tstamp_ok:
        th.saw_tstamp = True
        if req.cookie_ts or synack_type == TCP_SYNACK_COOKIE:
            th.tsval = (syncookies.cookie_init_timestamp(net, req, k.now) + req.ts_off) & U32
        else:
            th.tsval = (now_ms + req.ts_off) & U32
        th.tsecr = req.ts_recent
        size += 12
    if req.wscale_ok:
        th.wscale = req.rcv_wscale
        size += 4
    if req.sack_ok:
        th.sack_perm = True
        if not req.tstamp_ok:
            size += 4
    cookie = req.fastopen_cookie
    if cookie is not None:
        need: i64 = ((4 if req.fastopen_exp else 2) + len(cookie) + 3) & ~3
        if size + need <= 40:
            th.fastopen = cookie
            th.fastopen_exp = req.fastopen_exp
            size += need
    th.doff = (20 + size) >> 2
    skb.th = th
    skb.sk = None
    skb.dst = dst
    skb.mark = req.ir_mark if req.ir_mark else sk.sk_mark
    skb.priority = sk.sk_priority
    skb.ip_summed = 3
    if req.snt_synack == 0:
        req.snt_synack = k.now // 1000
    net.mib_tcp.OutSegs += 1
    return skb


def tcp_rtx_synack(sk: TcpSock, req: RequestSock) -> i64:
    """Send the SYN-ACK again, without a fast open cookie."""
    req.fastopen_cookie = None
    res = req.rsk_ops.send_synack(sk, None, req, 0, None)
    if res == 0:
        net = sk.sk_net
        net.mib_tcp.RetransSegs += 1
        net.mib_linux.TCPSynRetrans += 1
        req.num_retrans += 1
    return res


def tcp_send_synack(sk: TcpSock) -> i64:
    """Simultaneous open (RFC 9293 section 3.5, figure 7): our SYN once more, now with an ACK."""
    skb = sk.tcp_rtx_queue.first
    if skb is None or skb.tcp_flags & TCPHDR_SYN == 0:
        return -EFAULT
    if skb.tcp_flags & TCPHDR_ACK == 0:
        skb.tcp_flags |= TCPHDR_ACK
        skb.tcp_flags &= ~TCPHDR_CWR
        if sk.ecn_flags & tcp_h.TCP_ECN_OK == 0:
            skb.tcp_flags &= ~TCPHDR_ECE
    return tcp_output.tcp_transmit_skb(sk, skb, True)


# ---- FIN, RST


def tcp_init_nondata_skb(skb: SkBuff, seq: i64, flags: i64) -> None:
    skb.tcp_flags = flags
    skb.tcp_gso_segs = 1
    skb.seq = seq & U32
    end = seq
    if flags & (TCPHDR_SYN | TCPHDR_FIN):
        end += 1
    skb.end_seq = end & U32


def tcp_queue_skb(sk: TcpSock, skb: SkBuff) -> None:
    sk.write_seq = skb.end_seq
    skbuff.skb_queue_tail(sk.sk_write_queue, skb)
    tcp_output.sk_forced_mem_schedule(sk, skb.truesize)
    sk.sk_wmem_queued += skb.truesize
    core_sock.sk_mem_charge(sk, skb.truesize)


def tcp_send_fin(sk: TcpSock) -> None:
    """The FIN rides on the last data when that is not sent yet (RFC 9293 section 3.10.4)."""
    tail = sk.sk_write_queue.last
    if tail is not None:
        tail.tcp_flags |= TCPHDR_FIN
        tail.end_seq = (tail.end_seq + 1) & U32
        sk.write_seq = (sk.write_seq + 1) & U32
    else:
        skb = skbuff.alloc_skb(sk.kernel)
        tcp_init_nondata_skb(skb, sk.write_seq, TCPHDR_ACK | TCPHDR_FIN)
        tcp_queue_skb(sk, skb)
    tcp_output.__tcp_push_pending_frames(sk, tcp_output.tcp_current_mss(sk), tcp_h.TCP_NAGLE_OFF)


def tcp_acceptable_seq(sk: TcpSock) -> i64:
    """A sequence number that the peer takes, even when it shrank its window below what was sent."""
    end = tcp_h.tcp_wnd_end(sk)
    if not before(end, sk.snd_nxt):
        return sk.snd_nxt
    if sk.wscale_ok and (sk.snd_nxt - end) & U32 < (1 << sk.rcv_wscale):
        return sk.snd_nxt
    return end


def tcp_send_active_reset(sk: TcpSock, reason: i64) -> None:
    """RST of our own accord: abort, unread data at close (RFC 2525 section 2.17), time-outs. reason:
    SK_RST_REASON_*."""
    net = sk.sk_net
    net.mib_tcp.OutRsts += 1
    skb = skbuff.alloc_skb(sk.kernel)
    tcp_init_nondata_skb(skb, tcp_acceptable_seq(sk), TCPHDR_ACK | TCPHDR_RST)
    tcp_h.tcp_mstamp_refresh(sk)
    if tcp_output.tcp_transmit_skb(sk, skb, False) != 0:
        net.mib_linux.TCPAbortFailed += 1
    if sk.kernel.trace_on:
        trace.tcp_event_sk("tcp_send_reset", sk)


# ---- ACK


def tcp_send_delayed_ack(sk: TcpSock) -> None:
    """RFC 9293 section 3.8.6.3: let the ACK wait for data to ride on, 40 to 200 ms by how the peer sends."""
    now = sk.kernel.now
    ato = sk.icsk_ack_ato
    if ato > tcp_h.TCP_DELACK_MIN:
        most: i64 = tcp_h.SEC // 2
        if tcp_h.inet_csk_in_pingpong_mode(sk) or sk.icsk_ack_pending & 4:
            most = tcp_h.TCP_DELACK_MAX
        if sk.srtt_us:
            rtt: i64 = (sk.srtt_us >> 3) * 1000
            if rtt < tcp_h.TCP_DELACK_MIN:
                rtt = tcp_h.TCP_DELACK_MIN
            if rtt < most:
                most = rtt
        if most < ato:
            ato = most
    limit = sk.icsk_delack_max
    from_rto: i64 = tcp_h.tcp_rto_min(sk)
    if from_rto < 2 * tcp_h.JIFFY:
        from_rto = 2 * tcp_h.JIFFY
    from_rto -= tcp_h.JIFFY
    if from_rto < limit:
        limit = from_rto
    if ato > limit:
        ato = limit
    timeout: i64 = now + ato
    if sk.icsk_ack_pending & ICSK_ACK_TIMER:
        # The old timer is about to go off: answer now.
        if sk.icsk_ack_timeout <= now + (ato >> 2):
            tcp_send_ack(sk)
            return
        if timeout > sk.icsk_ack_timeout:
            timeout = sk.icsk_ack_timeout
    sk.icsk_ack_pending |= ICSK_ACK_SCHED | ICSK_ACK_TIMER
    sk.icsk_ack_timeout = timeout
    tcp_timer.tcp_reset_delack_timer(sk, timeout)


def tcp_send_ack(sk: TcpSock) -> None:
    __tcp_send_ack(sk, sk.rcv_nxt)


def __tcp_send_ack(sk: TcpSock, rcv_nxt: i64) -> None:
    """A bare ACK, now."""
    if sk.sk_state == TCP_CLOSE:
        return
    skb = skbuff.alloc_skb(sk.kernel)
    skb.tcp_flags = TCPHDR_ACK
    skb.tcp_gso_segs = 1
    seq = sk.snd_nxt
    if before(sk.snd_una + sk.snd_wnd, seq):
        seq = tcp_acceptable_seq(sk)
    skb.seq = seq
    skb.end_seq = seq
    tcp_output.__tcp_transmit_skb(sk, skb, False, rcv_nxt)


# ---- probes


def tcp_xmit_probe_skb(sk: TcpSock, urgent: bool, mib: i64) -> i64:
    """A segment without data, one octet to the left of the window: the peer must answer it (RFC 9293 section
    3.8.4)."""
    skb = skbuff.alloc_skb(sk.kernel)
    tcp_init_nondata_skb(skb, sk.snd_una if urgent else sk.snd_una - 1, TCPHDR_ACK)
    if mib == PROBE_KEEPALIVE:
        sk.sk_net.mib_linux.TCPKeepAlive += 1
    else:
        sk.sk_net.mib_linux.TCPWinProbe += 1
    return tcp_output.tcp_transmit_skb(sk, skb, False)


def tcp_send_window_probe(sk: TcpSock) -> None:
    """TCP_REPAIR off: ask the peer for its window."""
    if sk.sk_state == TCP_ESTABLISHED:
        sk.snd_wl1 = (sk.rcv_nxt - 1) & U32
        tcp_h.tcp_mstamp_refresh(sk)
        tcp_xmit_probe_skb(sk, False, PROBE_WIN)


def tcp_write_wakeup(sk: TcpSock, mib: i64) -> i64:
    """Provoke an answer: with data when the window takes any, else with a bare probe. 0, > 0: local
    congestion, < 0."""
    if sk.sk_state == TCP_CLOSE:
        return -1
    skb = sk.sk_write_queue.first
    end = tcp_h.tcp_wnd_end(sk)
    if skb is not None and before(skb.seq, end):
        mss = tcp_output.tcp_current_mss(sk)
        seg_size: i64 = (end - skb.seq) & U32
        if before(sk.pushed_seq, skb.end_seq):
            sk.pushed_seq = skb.end_seq
        # A piece only, when the whole does not fit (RFC 9293 section 3.8.6.2.1 lets a probe be small).
        if seg_size < ((skb.end_seq - skb.seq) & U32) or skb.len > mss:
            if seg_size > mss:
                seg_size = mss
            skb.tcp_flags |= TCPHDR_PSH
            if tcp_output.tcp_fragment(sk, tcp_output.TCP_FRAG_IN_WRITE_QUEUE, skb, seg_size, mss) != 0:
                return -1
        else:
            tcp_output.tcp_init_tso_segs(skb, mss)
        skb.tcp_flags |= TCPHDR_PSH
        err = tcp_output.tcp_transmit_skb(sk, skb, True)
        if err == 0:
            tcp_output.tcp_event_new_data_sent(sk, skb)
        return err
    if between(sk.snd_up, sk.snd_una + 1, sk.snd_una + 0xFFFF):
        tcp_xmit_probe_skb(sk, True, mib)
    return tcp_xmit_probe_skb(sk, False, mib)


def tcp_send_probe0(sk: TcpSock) -> None:
    """The zero-window probe timer went off (RFC 9293 section 3.8.6.1): probe, and wait longer each time."""
    err = tcp_write_wakeup(sk, PROBE_WIN)
    if sk.packets_out or sk.sk_write_queue.qlen == 0:
        sk.icsk_probes_out = 0
        sk.icsk_backoff = 0
        sk.icsk_probes_tstamp = 0
        return
    sk.icsk_probes_out += 1
    timeout: i64
    if err <= 0:
        if sk.icsk_backoff < sk.sk_net.ipv4.sysctl_tcp_retries2:
            sk.icsk_backoff += 1
        timeout = tcp_timer.tcp_probe0_when(sk, sk.icsk_rto_max)
    else:
        # The device's queue took it not: try again soon, and do not count it.
        timeout = tcp_h.TCP_RESOURCE_PROBE_INTERVAL
    timeout = tcp_timer.tcp_clamp_probe0_to_user_timeout(sk, timeout)
    tcp_timer.tcp_reset_xmit_timer(sk, ICSK_TIME_PROBE0, timeout, True)
