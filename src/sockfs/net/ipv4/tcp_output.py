"""TCP sends: from the write queue to `queue_xmit`.

Kernel counterpart: `net/ipv4/tcp_output.c`. Control enters from a program's send (`tcp_push`,
`tcp_push_one`), from an acknowledgement
(`tcp_push_pending_frames`) or a timer, and goes on through `icsk_af_ops.queue_xmit` to IP. The walk of a
segment:
`__tcp_push_pending_frames → tcp_write_xmit → tcp_transmit_skb`. What is sent again, probed or sent for the
connection's own
sake (SYN, FIN, RST, ACK) stands in `tcp_retrans.py` and `tcp_connect.py`; the doors at the end of this file
lead there, so
that every function of the kernel's file is reached in this one.

Sequence numbers of the send side (RFC 9293 section 3.3.1): snd_una ≤ snd_nxt ≤ write_seq. `sk_write_queue`
holds what was never
sent, `tcp_rtx_queue` what was and is not acknowledged.

Not modelled: MPTCP, TCP-AO, `TCP_TX_DELAY`, kernel TLS. The file is longer than 800 lines because the walk
is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.net.core import errqueue, skbuff
from sockfs.net.core import sock as core_sock
from sockfs.net.ipv4 import tcp_connect as conn_room
from sockfs.net.ipv4 import tcp_h, tcp_input, tcp_loss, tcp_rate, tcp_retrans, tcp_timer
from sockfs.structs.headers import Tcphdr
from sockfs.structs.kernel import SoftirqAction
from sockfs.structs.sk_buff import SkBuff
from sockfs.structs.tcp_sock import TcpSock
from sockfs.structs.timer import TimerList
from sockfs.uapi.tcp import (
    CA_EVENT_CWND_RESTART,
    CA_EVENT_TX_START,
    ICSK_ACK_NOMEM,
    ICSK_TIME_LOSS_PROBE,
    TCP_ACK_DEFERRED,
    TCP_CHRONO_BUSY,
    TCP_CHRONO_RWND_LIMITED,
    TCP_CHRONO_SNDBUF_LIMITED,
    TCP_CHRONO_UNSPEC,
    TCP_DELACK_TIMER_DEFERRED,
    TCP_MTU_REDUCED_DEFERRED,
    TCP_SEND_QUEUE,
    TCP_TSQ_DEFERRED,
    TCP_WRITE_TIMER_DEFERRED,
    TCPCB_LOST,
    TCPCB_SACKED_ACKED,
    TCPCB_SACKED_RETRANS,
    TCPHDR_ACK,
    TCPHDR_CWR,
    TCPHDR_ECE,
    TCPHDR_FIN,
    TCPHDR_PSH,
    TCPHDR_SYN,
    TCPHDR_URG,
    TSQ_THROTTLED,
)
from sockfs.util.seq import after, before, seq_diff

if TYPE_CHECKING:
    from sockfs.structs.dst import Dst
    from sockfs.structs.kernel import Kernel
    from sockfs.structs.request_sock import RequestSock
    from sockfs.structs.sock import Sock

U32: Final = 0xFFFFFFFF
TCPF_CONN: Final = (1 << 1) | (1 << 4) | (1 << 11) | (1 << 8) | (1 << 9)
TCP_FRAG_IN_WRITE_QUEUE: Final = 0
TCP_FRAG_IN_RTX_QUEUE: Final = 1
SACK_PACING_SHIFT: Final = 10  # a burst is a millisecond of the pacing rate


# ---- control enters: push


def tcp_push(sk: TcpSock, flags: i64, mss_now: i64, nonagle: i64, size_goal: i64) -> None:
    """The end of a send: mark PSH where due, and let go of what may go. flags: of the send (MSG_MORE,
    MSG_OOB)."""
    skb = sk.sk_write_queue.last
    if skb is None:
        return
    more: bool = flags & 0x8000 != 0
    if not more or seq_diff(sk.write_seq, sk.pushed_seq) > (sk.max_window >> 1):
        tcp_mark_push(sk, skb)
    if flags & 1:
        sk.snd_up = sk.write_seq
        sk.urg_mode = True
    if tcp_should_autocork(sk, skb, size_goal):
        if sk.tsq_flags & (1 << TSQ_THROTTLED) == 0:
            sk.sk_net.mib_linux.TCPAutoCorking += 1
            sk.tsq_flags |= 1 << TSQ_THROTTLED
        # The packet in the queue below may have gone meanwhile: nothing would wake us then.
        if sk.sk_wmem_alloc > skb.truesize:
            return
    if more:
        nonagle = tcp_h.TCP_NAGLE_CORK
    __tcp_push_pending_frames(sk, mss_now, nonagle)


def tcp_mark_push(sk: TcpSock, skb: SkBuff) -> None:
    skb.tcp_flags |= TCPHDR_PSH
    sk.pushed_seq = sk.write_seq


def tcp_should_autocork(sk: TcpSock, skb: SkBuff, size_goal: i64) -> bool:
    """Small writes wait for company while an earlier packet of ours still stands in the device's queue."""
    return (
        skb.len < size_goal
        and sk.sk_net.ipv4.sysctl_tcp_autocorking != 0
        and sk.tcp_rtx_queue.qlen != 0
        and sk.sk_wmem_alloc > skb.truesize
        and skb.len != 0
    )


def __tcp_push_pending_frames(sk: TcpSock, cur_mss: i64, nonagle: i64) -> None:
    # A dead sock has nothing more to say.
    if sk.sk_state == 7:
        return
    if tcp_write_xmit(sk, cur_mss, nonagle, 0):
        tcp_check_probe_timer(sk)


def tcp_push_pending_frames(sk: TcpSock) -> None:
    if sk.sk_write_queue.qlen != 0:
        __tcp_push_pending_frames(sk, tcp_current_mss(sk), sk.nonagle)


def tcp_push_one(sk: TcpSock, mss_now: i64) -> None:
    """A sender that fills its buffer lets one packet go at once."""
    if sk.sk_write_queue.first is not None:
        tcp_write_xmit(sk, mss_now, tcp_h.TCP_NAGLE_PUSH, 1)


def tcp_check_probe_timer(sk: TcpSock) -> None:
    """Nothing in flight and nothing may go: without a timer we would wait for ever."""
    if sk.packets_out == 0 and sk.icsk_pending == 0:
        tcp_timer.tcp_reset_xmit_timer(sk, 3, tcp_timer.tcp_probe0_base(sk), True)


# ---- tcp_write_xmit


def tcp_write_xmit(sk: TcpSock, mss_now: i64, nonagle: i64, push_one: i64) -> bool:
    """Send what window, congestion window, Nagle and pacing allow. push_one 1: one packet; 2: one packet
    whatever cwnd says.

    Returns True when nothing is in flight and something still waits: a probe timer is needed.
    """
    sent_pkts: i64 = 0
    is_cwnd_limited = False
    is_rwnd_limited = False
    tcp_h.tcp_mstamp_refresh(sk)
    if push_one == 0:
        probe = tcp_mtu_probe(sk)
        if probe == 0:
            return False
        if probe > 0:
            sent_pkts = 1
    queue = sk.sk_write_queue
    max_segs = tcp_tso_segs(sk, mss_now)
    while True:
        skb = queue.first
        if skb is None:
            break
        if sk.repair and sk.repair_queue == TCP_SEND_QUEUE:
            # TCP_REPAIR: put on the books as if sent.
            sk.tcp_wstamp_ns = sk.tcp_clock_cache
            skb.skb_mstamp_ns = sk.tcp_wstamp_ns
            tcp_h.tcp_tsorted_add_tail(sk, skb)
            tcp_set_skb_tso_segs(skb, mss_now)
            tcp_event_new_data_sent(sk, skb)
            sent_pkts += skb.tcp_gso_segs
            continue
        if sk.sk_pacing_status != 0 and tcp_pacing_check(sk):
            break
        quota = tcp_cwnd_test(sk)
        if quota == 0:
            if push_one != 2:
                break
            quota = 1
        if quota > max_segs:
            quota = max_segs
        if skb.len <= mss_now:
            skb.gso_size = 0
            skb.tcp_gso_segs = 1
            tso_segs: i64 = 1
        else:
            tso_segs = tcp_set_skb_tso_segs(skb, mss_now)
        if not tcp_snd_wnd_test(sk, skb, mss_now):
            is_rwnd_limited = True
            break
        limit = mss_now
        if tso_segs == 1:
            if not tcp_nagle_test(sk, skb, mss_now, nonagle if skb.next is None else tcp_h.TCP_NAGLE_PUSH):
                break
        else:
            if push_one == 0:
                wait = tcp_tso_should_defer(sk, skb, max_segs)
                if wait != 0:
                    if wait & 2:
                        is_cwnd_limited = True
                    if wait & 4:
                        is_rwnd_limited = True
                    break
            if not sk.urg_mode:
                limit = tcp_mss_split_point(sk, skb, mss_now, quota, nonagle)
        if skb.len > limit and tso_fragment(sk, skb, limit, mss_now) != 0:
            break
        if tcp_small_queue_check(sk, skb, 0):
            break
        if skb.end_seq == skb.seq:
            break  # a sender that waits for memory left it empty
        if tcp_transmit_skb(sk, skb, True) != 0:
            break
        tcp_event_new_data_sent(sk, skb)
        # Minshall's variant of Nagle: remember the last small segment.
        if skb.len < mss_now * skb.tcp_gso_segs:
            sk.snd_sml = skb.end_seq
        sent_pkts += skb.tcp_gso_segs
        if push_one != 0:
            break
    if is_rwnd_limited:
        tcp_chrono_start(sk, TCP_CHRONO_RWND_LIMITED)
    else:
        tcp_chrono_stop(sk, TCP_CHRONO_RWND_LIMITED)
    if tcp_h.tcp_packets_in_flight(sk) >= sk.snd_cwnd:
        is_cwnd_limited = True
    if sent_pkts != 0 or is_cwnd_limited:
        tcp_cwnd_validate(sk, is_cwnd_limited)
    if sent_pkts != 0:
        if tcp_h.tcp_in_cwnd_reduction(sk):
            sk.prr_out += sent_pkts
        if push_one != 2:
            tcp_retrans.tcp_schedule_loss_probe(sk, False)
        return False
    return sk.packets_out == 0 and queue.qlen != 0


def tcp_cwnd_test(sk: TcpSock) -> i64:
    """How many segments the congestion window still has room for; no more than half of it in one burst."""
    in_flight = tcp_h.tcp_packets_in_flight(sk)
    cwnd = sk.snd_cwnd
    if in_flight >= cwnd:
        return 0
    half: i64 = cwnd >> 1
    if half < 1:
        half = 1
    room: i64 = cwnd - in_flight
    return half if half < room else room


def tcp_snd_wnd_test(sk: TcpSock, skb: SkBuff, cur_mss: i64) -> bool:
    """RFC 9293 section 3.8.6.2.1: does (the first segment of) it fit the peer's window?"""
    end = skb.end_seq
    if skb.len > cur_mss:
        end = skb.seq + cur_mss
    return not after(end, sk.snd_una + sk.snd_wnd)


def tcp_nagle_test(sk: TcpSock, skb: SkBuff, cur_mss: i64, nonagle: i64) -> bool:
    """RFC 9293 section 3.7.4. True: may go now."""
    if nonagle & tcp_h.TCP_NAGLE_PUSH:
        return True
    if sk.urg_mode or skb.tcp_flags & TCPHDR_FIN:
        return True
    return not tcp_nagle_check(skb.len < cur_mss, sk, nonagle)


def tcp_nagle_check(partial: bool, sk: TcpSock, nonagle: i64) -> bool:
    """A segment that is not full must wait: corked, or (Minshall) another small one is not acknowledged
    yet."""
    if not partial:
        return False
    if nonagle & tcp_h.TCP_NAGLE_CORK:
        return True
    return (
        nonagle == 0
        and sk.packets_out != 0
        and after(sk.snd_sml, sk.snd_una)
        and not after(sk.snd_sml, sk.snd_nxt)
    )


def tcp_mss_split_point(sk: TcpSock, skb: SkBuff, mss_now: i64, max_segs: i64, nonagle: i64) -> i64:
    """How much of a large packet may go: whole segments as far as the window reaches, and a tail if Nagle
    lets it."""
    window: i64 = (sk.snd_una + sk.snd_wnd - skb.seq) & U32
    max_len: i64 = mss_now * max_segs
    if max_len <= window and skb.next is not None:
        return max_len
    needed = skb.len if skb.len < window else window
    if max_len <= needed:
        return max_len
    partial: i64 = needed % mss_now
    if tcp_nagle_check(partial != 0, sk, nonagle):
        return needed - partial
    return needed


def tcp_tso_segs(sk: TcpSock, mss_now: i64) -> i64:
    """The most segments in one burst."""
    least: i64 = sk.icsk_ca_ops.min_tso_segs(sk) if sk.icsk_ca_ops.has_cong_control else 0
    if least == 0:
        least = sk.sk_net.ipv4.sysctl_tcp_min_tso_segs
    segs = tcp_tso_autosize(sk, mss_now, least)
    return segs if segs < sk.sk_gso_max_segs else sk.sk_gso_max_segs


def tcp_tso_autosize(sk: TcpSock, mss_now: i64, min_tso_segs: i64) -> i64:
    """About a millisecond of the pacing rate, more on a short path (`tcp_tso_rtt_log`)."""
    size: i64 = sk.sk_pacing_rate >> SACK_PACING_SHIFT
    shift: i64 = sk.sk_net.ipv4.sysctl_tcp_tso_rtt_log
    r: i64 = sk.rtt_min.v0 >> shift if shift < 32 else 64
    if shift and r < 32:
        size += sk.sk_gso_max_size >> r
    if size > sk.sk_gso_max_size:
        size = sk.sk_gso_max_size
    segs: i64 = size // mss_now
    return segs if segs > min_tso_segs else min_tso_segs


def tcp_set_skb_tso_segs(skb: SkBuff, mss_now: i64) -> i64:
    if skb.len <= mss_now:
        skb.gso_size = 0
        skb.tcp_gso_segs = 1
        return 1
    skb.gso_size = mss_now
    segs: i64 = (skb.len + mss_now - 1) // mss_now
    skb.tcp_gso_segs = segs
    return segs


def tcp_init_tso_segs(skb: SkBuff, mss_now: i64) -> i64:
    segs = skb.tcp_gso_segs
    if segs == 0 or (segs > 1 and skb.gso_size != mss_now):
        return tcp_set_skb_tso_segs(skb, mss_now)
    return segs


def tcp_tso_should_defer(sk: TcpSock, skb: SkBuff, max_segs: i64) -> i64:
    """Wait for more, to send a larger burst? 0: send. 1: wait; +2: the congestion window is the limit; +4:
    the peer's."""
    if sk.icsk_ca_state >= 3:
        return 0
    # A sender that was idle for a millisecond sends at once.
    if sk.tcp_clock_cache - sk.tcp_wstamp_ns > 1_000_000:
        return 0
    send_win: i64 = (sk.snd_una + sk.snd_wnd - skb.seq) & U32
    cong_win: i64 = (sk.snd_cwnd - tcp_h.tcp_packets_in_flight(sk)) * sk.mss_cache
    limit = send_win if send_win < cong_win else cong_win
    if limit >= max_segs * sk.mss_cache:
        return 0
    if skb.next is not None and limit >= skb.len:
        return 0
    divisor: i64 = sk.sk_net.ipv4.sysctl_tcp_tso_win_divisor
    if divisor:
        chunk: i64 = sk.snd_cwnd * sk.mss_cache
        if sk.snd_wnd < chunk:
            chunk = sk.snd_wnd
        if limit >= chunk // divisor:
            return 0
    elif limit > 3 * sk.mss_cache:
        return 0
    head = sk.tcp_rtx_queue.first
    if head is None:
        return 0
    # Wait only if an ACK is near: within half a round trip and a millisecond.
    srtt_ns: i64 = (sk.srtt_us >> 3) * 1000
    far: i64 = head.skb_mstamp_ns + srtt_ns - sk.tcp_clock_cache
    threshold: i64 = srtt_ns >> 1
    if threshold > 1_000_000:
        threshold = 1_000_000
    if far > threshold:
        return 0
    if cong_win < send_win:
        if cong_win <= skb.len:
            return 3
    elif send_win <= skb.len:
        return 5
    if skb.tcp_flags & TCPHDR_FIN or skb.eor:
        return 0
    return 1


def tcp_small_queue_check(sk: TcpSock, skb: SkBuff, factor: i64) -> bool:
    """TCP small queues: no more than about a millisecond (two packets at least) of ours below IP. True:
    wait."""
    limit: i64 = 2 * skb.truesize
    paced: i64 = sk.sk_pacing_rate >> SACK_PACING_SHIFT
    if paced > limit:
        limit = paced
    most: i64 = sk.sk_net.ipv4.sysctl_tcp_limit_output_bytes
    if sk.sk_pacing_status == 0 and limit > most:
        limit = most
    limit <<= factor
    if sk.sk_wmem_alloc > limit:
        # The head of an empty flight must go, or no ACK would ever restart us.
        if sk.tcp_rtx_queue.qlen == 0:
            return False
        sk.tsq_flags |= 1 << TSQ_THROTTLED
        if sk.sk_wmem_alloc > limit:
            return True
    return False


def tcp_event_new_data_sent(sk: TcpSock, skb: SkBuff) -> None:
    """skb moves from the write queue to the retransmission queue."""
    prior = sk.packets_out
    sk.snd_nxt = skb.end_seq
    skbuff.skb_unlink(sk.sk_write_queue, skb)
    skbuff.skb_queue_tail(sk.tcp_rtx_queue, skb)
    if sk.highest_sack is None:
        sk.highest_sack = skb
    segs = skb.tcp_gso_segs
    sk.packets_out = prior + segs
    if prior == 0 or sk.icsk_pending == ICSK_TIME_LOSS_PROBE:
        tcp_loss.tcp_rearm_rto(sk)
    sk.sk_net.mib_linux.TCPOrigDataSent += segs
    tcp_input.tcp_check_space(sk)


# ---- tcp_transmit_skb


def tcp_transmit_skb(sk: TcpSock, skb: SkBuff, clone_it: bool) -> i64:
    """Send skb (a clone of it, when it must stay in a queue). 0, a NET_XMIT code, or -errno."""
    return __tcp_transmit_skb(sk, skb, clone_it, sk.rcv_nxt)


def __tcp_transmit_skb(sk: TcpSock, skb: SkBuff, clone_it: bool, rcv_nxt: i64) -> i64:
    k = sk.kernel
    oskb = skb
    prior_wstamp = sk.tcp_wstamp_ns
    wstamp = sk.tcp_clock_cache
    if prior_wstamp > wstamp:
        wstamp = prior_wstamp
    sk.tcp_wstamp_ns = wstamp
    skb.skb_mstamp_ns = wstamp
    if clone_it:
        skb = skbuff.skb_clone(k, oskb)
    if sk.sk_pacing_status != 0:
        skb.tstamp = wstamp  # the earliest departure time, for a queueing discipline that keeps it
    if skb.tcp_gso_segs > 1 and skb.tcp_flags & TCPHDR_SYN == 0:
        # Linux: a packet of several segments asks to be delivered at once; the last of them carries the bit.
        skb.tcp_flags |= TCPHDR_PSH
    flags = skb.tcp_flags
    th = Tcphdr(sk.inet_sport, sk.sk_dport, skb.seq, rcv_nxt, flags, 0)
    if flags & TCPHDR_SYN:
        size = tcp_syn_options(sk, skb, th)
        th.window = sk.rcv_wnd if sk.rcv_wnd < 65535 else 65535  # RFC 7323: never scaled in a SYN
    else:
        size = tcp_established_options(sk, th, skb)
        th.window = tcp_select_window(sk)
    th.doff = (20 + size) >> 2
    skbuff.skb_set_owner_w(skb, sk)
    if sk.urg_mode and before(skb.seq, sk.snd_up):
        # RFC 9293 section 3.8.5; RFC 6093: the pointer points behind the urgent byte.
        if before(sk.snd_up, skb.seq + 0x10000):
            th.urg_ptr = (sk.snd_up - skb.seq) & 0xFFFF
            th.flags |= TCPHDR_URG
        elif after(skb.seq + 0xFFFF, sk.snd_nxt):
            th.urg_ptr = 0xFFFF
            th.flags |= TCPHDR_URG
    if sk.ecn_flags & tcp_h.TCP_ECN_OK and not flags & TCPHDR_SYN:
        tcp_ecn_send(sk, skb, th)
    skb.th = th
    skb.sacked = 0
    skb.ip_summed = 3  # CHECKSUM_PARTIAL: the edge makes it
    segs = skb.tcp_gso_segs
    if segs == 0:
        segs = 1
    skb.gso_segs = segs if skb.gso_size else 0
    if flags & TCPHDR_ACK:
        tcp_event_ack_sent(sk, rcv_nxt)
    if skb.len != 0:
        tcp_event_data_sent(sk)
        sk.data_segs_out += segs
        sk.bytes_sent += skb.len
    if after(skb.end_seq, sk.snd_nxt) or skb.seq == skb.end_seq:
        sk.sk_net.mib_tcp.OutSegs += segs
    sk.segs_out += segs
    err = sk.icsk_af_ops.queue_xmit(sk, skb)
    if err > 0:
        # The device's queue dropped it: congestion next door.
        tcp_loss.tcp_enter_cwr(sk)
        err = 0 if err == 2 else err  # NET_XMIT_CN still counts as sent
    if err == 0 and clone_it:
        tcp_update_skb_after_send(sk, oskb, prior_wstamp)
        tcp_rate.tcp_rate_skb_sent(sk, oskb)
    return err


def tcp_update_skb_after_send(sk: TcpSock, skb: SkBuff, prior_wstamp: i64) -> None:
    """Pacing: the earliest time of the next departure; RACK: skb is the latest one sent."""
    if sk.sk_pacing_status != 0:
        rate = sk.sk_pacing_rate
        # Slow start begins with an unpaced window; so does a rate nobody has set.
        if rate < 0x7FFF_FFFF_FFFF_FFFF and rate and sk.data_segs_out >= tcp_h.TCP_INIT_CWND:
            length: i64 = skb.len * 1_000_000_000 // rate
            credit: i64 = sk.tcp_wstamp_ns - prior_wstamp
            half: i64 = length // 2
            length -= credit if credit < half else half
            sk.tcp_wstamp_ns += length
    tcp_h.tcp_tsorted_add_tail(sk, skb)


def tcp_syn_options(sk: TcpSock, skb: SkBuff, th: Tcphdr) -> i64:
    """The offers of a SYN: MSS, SACK, timestamps, window scale. Returns their length on the wire."""
    ipv4 = sk.sk_net.ipv4
    size: i64 = 4
    th.mss = tcp_advertise_mss(sk)
    # Linux: the SYN,ACK of a simultaneous open offers what our SYN did, whatever the peer's does.
    if ipv4.sysctl_tcp_timestamps:
        th.saw_tstamp = True
        th.tsval = ((skb.skb_mstamp_ns // 1_000_000) + sk.tsoffset) & U32
        th.tsecr = sk.ts_recent
        size += 12
    if ipv4.sysctl_tcp_window_scaling:
        th.wscale = sk.rcv_wscale
        size += 4
    if ipv4.sysctl_tcp_sack:
        th.sack_perm = True
        if not th.saw_tstamp:
            size += 4
    fo = sk.fastopen_req
    cookie = None if fo is None else fo.cookie
    if fo is not None and cookie is not None:
        need: i64 = ((4 if fo.exp else 2) + len(cookie) + 3) & ~3
        if size + need <= 40:
            th.fastopen = cookie
            th.fastopen_exp = fo.exp
            sk.syn_fastopen = True
            sk.syn_fastopen_exp = fo.exp
            size += need
    return size


def tcp_established_options(sk: TcpSock, th: Tcphdr, skb: SkBuff | None) -> i64:
    """Timestamps on every segment once agreed (RFC 7323), SACK blocks as many as fit (RFC 2018: at most 4, 3
    with timestamps)."""
    size: i64 = 0
    if sk.tstamp_ok:
        th.saw_tstamp = True
        if skb is not None:
            th.tsval = ((skb.skb_mstamp_ns // 1_000_000) + sk.tsoffset) & U32
        th.tsecr = sk.ts_recent
        size = 12
    eff: i64 = sk.rx_opt_num_sacks + (1 if sk.rx_opt_dsack else 0)
    if eff != 0:
        room: i64 = (40 - size - 4) // 8
        if eff > room:
            eff = room
        sacks: list[i64] = []
        if sk.rx_opt_dsack:
            sacks.append(sk.duplicate_sack0)
            sacks.append(sk.duplicate_sack1)
            eff -= 1
        blocks = sk.selective_acks
        if blocks is not None:
            for b in blocks[:eff]:
                sacks.append(b.start_seq)
                sacks.append(b.end_seq)
        if skb is not None:
            sk.rx_opt_dsack = False
        th.sacks = sacks
        size += 4 + 4 * len(sacks)
    return size


def tcp_event_ack_sent(sk: TcpSock, rcv_nxt: i64) -> None:
    """An ACK went, so none is owed."""
    if sk.compressed_ack:
        sk.sk_net.mib_linux.TCPAckCompressed += sk.compressed_ack
        sk.compressed_ack = 0
        timer = sk.compressed_ack_timer
        if timer is not None:
            core_sock.sk_stop_timer(sk, timer)
    if rcv_nxt != sk.rcv_nxt:
        return  # an ACK out of turn (DCTCP)
    if sk.icsk_ack_pending:
        if sk.icsk_ack_quick:
            sk.icsk_ack_quick -= 1
            if sk.icsk_ack_quick == 0:
                sk.icsk_ack_ato = tcp_h.TCP_ATO_MIN  # leaving quick-ACK mode: start slow
        sk.icsk_ack_pending = 0
        sk.icsk_ack_retry = 0


def tcp_event_data_sent(sk: TcpSock) -> None:
    now = sk.kernel.now
    ops = sk.icsk_ca_ops
    if ops.has_cwnd_event and tcp_h.tcp_packets_in_flight(sk) == 0:
        ops.cwnd_event(sk, CA_EVENT_TX_START)
    sk.lsndtime = now
    # A reply within the delayed ACK's time: the conversation goes back and forth.
    if now - sk.icsk_ack_lrcvtime < sk.icsk_ack_ato:
        tcp_h.inet_csk_inc_pingpong_cnt(sk)


def tcp_ecn_send(sk: TcpSock, skb: SkBuff, th: Tcphdr) -> None:
    """RFC 3168 section 6.1: new data is ECT(0), and carries CWR after a reduction; nothing else is ECT. ECE
    until CWR is seen."""
    if skb.len != 0 and not before(skb.seq, sk.snd_nxt):
        sk.tos = (sk.tos & ~3) | 2
        if sk.ecn_flags & tcp_h.TCP_ECN_QUEUE_CWR:
            sk.ecn_flags &= ~tcp_h.TCP_ECN_QUEUE_CWR
            th.flags |= TCPHDR_CWR
    else:
        sk.tos &= ~3
    if sk.ecn_flags & tcp_h.TCP_ECN_DEMAND_CWR:
        th.flags |= TCPHDR_ECE


# ---- the receive window that a segment advertises


def tcp_select_window(sk: TcpSock) -> i64:
    """The window field of the next segment; what it promises is kept in rcv_wnd, counted from rcv_wup."""
    net = sk.sk_net
    old_win = sk.rcv_wnd
    if sk.icsk_ack_pending & ICSK_ACK_NOMEM:
        # No memory for what came: promise nothing, but do not take back the right edge.
        sk.pred_flags = 0
        sk.rcv_wnd = 0
        sk.rcv_wup = sk.rcv_nxt
        return 0
    cur_win = tcp_h.tcp_receive_window(sk)
    new_win = __tcp_select_window(sk)
    scale = sk.rcv_wscale
    if new_win < cur_win and not (net.ipv4.sysctl_tcp_shrink_window and scale):
        # RFC 9293 section 3.8.6: do not shrink the window.
        if new_win == 0:
            net.mib_linux.TCPWantZeroWindowAdv += 1
        unit: i64 = 1 << scale
        new_win = (cur_win + unit - 1) & ~(unit - 1)
    sk.rcv_wnd = new_win
    sk.rcv_wup = sk.rcv_nxt
    most: i64 = 65535 << scale
    if scale == 0 and net.ipv4.sysctl_tcp_workaround_signed_windows:
        most = 32767
    if new_win > most:
        new_win = most
    new_win >>= scale
    if new_win == 0:
        sk.pred_flags = 0
        if old_win:
            net.mib_linux.TCPToZeroWindowAdv += 1
    elif old_win == 0:
        net.mib_linux.TCPFromZeroWindowAdv += 1
    return new_win


def __tcp_select_window(sk: TcpSock) -> i64:
    """Silly window avoidance of the receiver (RFC 9293 section 3.8.6.2.2): what free memory is worth, in
    useful steps."""
    mss = sk.icsk_ack_rcv_mss
    free_space = tcp_h.tcp_space(sk)
    allowed = tcp_h.tcp_full_space(sk)
    full = sk.window_clamp if sk.window_clamp < allowed else allowed
    if mss > full:
        mss = full
        if mss <= 0:
            return 0
    scale = sk.rcv_wscale
    shrink: bool = sk.sk_net.ipv4.sysctl_tcp_shrink_window != 0 and scale != 0
    if shrink:
        free_space = (free_space >> scale) << scale if free_space > 0 else 0
    if free_space < (full >> 1):
        sk.icsk_ack_quick = 0
        if free_space < 0:
            free_space = 0
        free_space = (free_space >> scale) << scale
        # A sixteenth of the buffer or a segment is the least that is worth announcing.
        if free_space < (allowed >> 4) or free_space < mss:
            return 0
    if free_space > sk.rcv_ssthresh:
        free_space = sk.rcv_ssthresh
    if scale:
        unit: i64 = 1 << scale
        return (free_space + unit - 1) & ~(unit - 1)
    window = sk.rcv_wnd
    # Without scaling, move in whole segments, lest the sender be lured into small ones.
    if window <= free_space - mss or window > free_space:
        return free_space // mss * mss if mss else free_space
    if mss == full and free_space > window + (full >> 1):
        return free_space
    return window


def tcp_select_initial_window(
    sk: Sock, space: i64, mss: i64, window_clamp: i64, wscale_ok: bool, init_rcv_wnd: i64
) -> tuple[i64, i64, i64]:
    """(rcv_wnd, window_clamp, rcv_wscale) of a new connection with so much space (bytes of window)."""
    net = sk.sk_net
    if space < 0:
        space = 0
    if window_clamp == 0:
        window_clamp = 65535 << 14
    if space > window_clamp:
        space = window_clamp
    if space > mss and mss > 0:
        space = space // mss * mss
    rcv_wnd = space
    if net.ipv4.sysctl_tcp_workaround_signed_windows and rcv_wnd > 32767:
        rcv_wnd = 32767
    if init_rcv_wnd and rcv_wnd > init_rcv_wnd * mss:
        rcv_wnd = init_rcv_wnd * mss
    rcv_wscale: i64 = 0
    if wscale_ok:
        # RFC 7323 section 2.3: room for what the buffer may grow to.
        top: i64 = net.ipv4.sysctl_tcp_rmem[2]
        if net.core.sysctl_rmem_max > top:
            top = net.core.sysctl_rmem_max
        if space > top:
            top = space
        if top > window_clamp:
            top = window_clamp
        while rcv_wscale < 14 and (top >> (rcv_wscale + 16)) != 0:
            rcv_wscale += 1
    if (65535 << rcv_wscale) < window_clamp:
        window_clamp = 65535 << rcv_wscale
    return rcv_wnd, window_clamp, rcv_wscale


# ---- segment size


def tcp_advertise_mss(sk: TcpSock) -> i64:
    """The MSS to offer: what was chosen, and never more than the route's."""
    dst = sk.sk_dst_cache
    mss = sk.advmss
    if dst is not None:
        metric = dst.advmss()
        if metric and metric < mss:
            mss = metric
            sk.advmss = mss
    return mss


def __tcp_mtu_to_mss(sk: TcpSock, pmtu: i64) -> i64:
    mss: i64 = pmtu - sk.icsk_af_ops.net_header_len - 20
    if mss > sk.rx_opt_mss_clamp:
        mss = sk.rx_opt_mss_clamp
    mss -= sk.icsk_ext_hdr_len
    least: i64 = sk.sk_net.ipv4.sysctl_tcp_min_snd_mss
    return mss if mss > least else least


def tcp_mtu_to_mss(sk: TcpSock, pmtu: i64) -> i64:
    """Payload of a full segment on a path of pmtu: less the headers and the options that every segment
    has."""
    return __tcp_mtu_to_mss(sk, pmtu) - (sk.tcp_header_len - 20)


def tcp_mss_to_mtu(sk: TcpSock, mss: i64) -> i64:
    return mss + sk.tcp_header_len + sk.icsk_ext_hdr_len + sk.icsk_af_ops.net_header_len


def tcp_bound_to_half_wnd(sk: TcpSock, pktsize: i64) -> i64:
    """No packet of more than half the peer's largest window: or it could not overlap reading with
    receiving."""
    cutoff = sk.max_window >> 1 if sk.max_window > 536 else sk.max_window
    if cutoff and pktsize > cutoff:
        floor: i64 = 68 - sk.tcp_header_len
        return cutoff if cutoff > floor else floor
    return pktsize


def tcp_mtup_init(sk: TcpSock) -> None:
    """RFC 4821: where a search for the path's MTU begins."""
    ipv4 = sk.sk_net.ipv4
    sk.icsk_mtup_enabled = ipv4.sysctl_tcp_mtu_probing > 1
    sk.icsk_mtup_search_high = sk.rx_opt_mss_clamp + 20 + sk.icsk_af_ops.net_header_len
    sk.icsk_mtup_search_low = tcp_mss_to_mtu(sk, ipv4.sysctl_tcp_base_mss)
    sk.icsk_mtup_probe_size = 0
    if sk.icsk_mtup_enabled:
        sk.icsk_mtup_probe_timestamp = sk.kernel.now


def tcp_sync_mss(sk: TcpSock, pmtu: i64) -> i64:
    """The path's MTU is pmtu: set mss_cache."""
    if sk.icsk_mtup_search_high > pmtu:
        sk.icsk_mtup_search_high = pmtu
    mss_now = tcp_bound_to_half_wnd(sk, tcp_mtu_to_mss(sk, pmtu))
    sk.icsk_pmtu_cookie = pmtu
    if sk.icsk_mtup_enabled:
        found = tcp_mtu_to_mss(sk, sk.icsk_mtup_search_low)
        if found < mss_now:
            mss_now = found
    sk.mss_cache = mss_now
    return mss_now


def tcp_current_mss(sk: TcpSock) -> i64:
    """Payload of a full segment now: after a change of the route's MTU, and with today's options."""
    mss_now = sk.mss_cache
    dst = sk.sk_dst_cache
    if dst is not None:
        mtu = dst.mtu()
        if mtu != sk.icsk_pmtu_cookie:
            mss_now = tcp_sync_mss(sk, mtu)
    header: i64 = 32 if sk.tstamp_ok else 20
    eff: i64 = sk.rx_opt_num_sacks + (1 if sk.rx_opt_dsack else 0)
    if eff:
        room: i64 = (40 - (header - 20) - 4) // 8
        header += 4 + 8 * (eff if eff < room else room)
    if header != sk.tcp_header_len:
        mss_now -= header - sk.tcp_header_len
    return mss_now


def tcp_mtu_probe(sk: TcpSock) -> i64:
    """Send one larger segment to see whether the path takes it (RFC 4821). -1: not now; 0: wait for more
    data; 1: sent."""
    if not sk.icsk_mtup_enabled or sk.icsk_mtup_probe_size or sk.icsk_ca_state != 0:
        return -1
    if sk.snd_cwnd < 11 or sk.rx_opt_num_sacks or sk.rx_opt_dsack:
        return -1
    mss_now = tcp_current_mss(sk)
    mid: i64 = (sk.icsk_mtup_search_high + sk.icsk_mtup_search_low) >> 1
    probe_size = tcp_mtu_to_mss(sk, mid)
    size_needed: i64 = probe_size + (sk.reordering + 1) * sk.mss_cache
    interval: i64 = sk.icsk_mtup_search_high - sk.icsk_mtup_search_low
    if (
        probe_size > tcp_mtu_to_mss(sk, sk.icsk_mtup_search_high)
        or interval < sk.sk_net.ipv4.sysctl_tcp_probe_threshold
    ):
        tcp_mtu_check_reprobe(sk)
        return -1
    queued: i64 = (sk.write_seq - sk.snd_nxt) & U32
    if queued < size_needed:
        return -1
    if sk.snd_wnd < size_needed:
        return -1
    if after(sk.snd_nxt + size_needed, tcp_h.tcp_wnd_end(sk)):
        return 0
    in_flight = tcp_h.tcp_packets_in_flight(sk)
    if in_flight + 2 > sk.snd_cwnd:
        return -1 if in_flight == 0 else 0
    for_probe = sk.sk_write_queue.first
    total: i64 = 0
    scan = for_probe
    while scan is not None and total < probe_size:
        if scan.eor or scan.tcp_flags & TCPHDR_FIN:
            return -1
        total += scan.len
        scan = scan.next
    if for_probe is None or total < probe_size:
        return -1
    k = sk.kernel
    nskb = skbuff.alloc_skb(k)
    nskb.seq = for_probe.seq
    nskb.end_seq = (for_probe.seq + probe_size) & U32
    nskb.tcp_flags = TCPHDR_ACK
    queue = sk.sk_write_queue
    left = probe_size
    while left > 0:
        skb = queue.first
        if skb is None:
            break
        part = skb.len if skb.len < left else left
        skbuff.skb_put_data(nskb, skbuff.skb_copy_bits(skb, 0, part), 0, part)
        if part == skb.len:
            nskb.tcp_flags |= skb.tcp_flags
            skbuff.skb_unlink(queue, skb)
            tcp_wmem_free_skb(sk, skb)
        else:
            nskb.tcp_flags |= skb.tcp_flags & ~(TCPHDR_FIN | TCPHDR_PSH)
            skbuff.skb_pull(skb, part)
            skb.seq = (skb.seq + part) & U32
            tcp_set_skb_tso_segs(skb, mss_now)
        left -= part
    sk_forced_mem_schedule(sk, nskb.truesize)
    sk.sk_wmem_queued += nskb.truesize
    core_sock.sk_mem_charge(sk, nskb.truesize)
    skbuff.skb_queue_head(queue, nskb)
    nskb.gso_size = 0
    nskb.tcp_gso_segs = 1
    if tcp_transmit_skb(sk, nskb, True) == 0:
        # Decremented as if one of the full-size segments it stands for had been held back.
        sk.snd_cwnd -= 1
        tcp_event_new_data_sent(sk, nskb)
        sk.icsk_mtup_probe_size = tcp_mss_to_mtu(sk, nskb.len)
        sk.mtu_probe_seq_start = nskb.seq
        sk.mtu_probe_seq_end = nskb.end_seq
        return 1
    return -1


def tcp_mtu_check_reprobe(sk: TcpSock) -> None:
    """The search ended long ago: the path may have changed."""
    now = sk.kernel.now
    if now - sk.icsk_mtup_probe_timestamp >= sk.sk_net.ipv4.sysctl_tcp_probe_interval * tcp_h.SEC:
        mss = tcp_current_mss(sk)
        sk.icsk_mtup_probe_size = 0
        sk.icsk_mtup_search_high = sk.rx_opt_mss_clamp + 20 + sk.icsk_af_ops.net_header_len
        sk.icsk_mtup_search_low = tcp_mss_to_mtu(sk, mss)
        sk.icsk_mtup_probe_timestamp = now


# ---- splitting


def tso_fragment(sk: TcpSock, skb: SkBuff, length: i64, mss_now: i64) -> i64:
    """Cut a packet that was never sent."""
    return tcp_fragment(sk, TCP_FRAG_IN_WRITE_QUEUE, skb, length, mss_now)


def tcp_fragment(sk: TcpSock, tcp_queue: i64, skb: SkBuff, length: i64, mss_now: i64) -> i64:
    """skb keeps its first `length` bytes; the rest becomes a packet of its own behind it. 0 or -errno."""
    if length >= skb.len:
        return -22
    # Linux: cutting is bounded by the send buffer (CVE-2019-11478), but the head must always go.
    limit: i64 = sk.sk_sndbuf + 2 * 65536
    if (
        (sk.sk_wmem_queued >> 1) > limit
        and tcp_queue != TCP_FRAG_IN_WRITE_QUEUE
        and skb is not sk.tcp_rtx_queue.first
        and skb is not sk.tcp_rtx_queue.last
    ):
        sk.sk_net.mib_linux.TCPWqueueTooBig += 1
        return -12
    buff = skbuff.alloc_skb(sk.kernel)
    sk_forced_mem_schedule(sk, buff.truesize)
    sk.sk_wmem_queued += buff.truesize
    core_sock.sk_mem_charge(sk, buff.truesize)
    skbuff.skb_split(skb, buff, length)
    buff.seq = (skb.seq + length) & U32
    buff.end_seq = skb.end_seq
    skb.end_seq = buff.seq
    flags = skb.tcp_flags
    skb.tcp_flags = flags & ~(TCPHDR_FIN | TCPHDR_PSH)
    buff.tcp_flags = flags
    buff.sacked = skb.sacked
    buff.skb_mstamp_ns = skb.skb_mstamp_ns
    buff.eor = skb.eor
    skb.eor = False
    buff.tx_delivered = skb.tx_delivered
    buff.tx_delivered_ce = skb.tx_delivered_ce
    buff.tx_first_tx_mstamp = skb.tx_first_tx_mstamp
    buff.tx_delivered_mstamp = skb.tx_delivered_mstamp
    buff.tx_in_flight = skb.tx_in_flight
    buff.is_app_limited = skb.is_app_limited
    uarg = skb.uarg
    if uarg is not None:
        errqueue.skb_zcopy_set(buff, uarg)
    if skb.tx_flags:
        # The time stamp goes with the last byte that was asked about.
        key: i64 = skb.tskey & U32
        if not before(key, buff.seq):
            buff.tx_flags = skb.tx_flags
            buff.tskey = skb.tskey
            skb.tx_flags = 0
    old_factor = skb.tcp_gso_segs
    tcp_set_skb_tso_segs(skb, mss_now)
    tcp_set_skb_tso_segs(buff, mss_now)
    if tcp_queue == TCP_FRAG_IN_RTX_QUEUE:
        if not before(sk.snd_nxt, buff.end_seq):
            diff: i64 = old_factor - skb.tcp_gso_segs - buff.tcp_gso_segs
            if diff:
                tcp_adjust_pcount(sk, skb, diff)
        skbuff.skb_insert_after(sk.tcp_rtx_queue, skb, buff)
        tcp_h.tcp_tsorted_add_after(sk, skb, buff)
    else:
        skbuff.skb_insert_after(sk.sk_write_queue, skb, buff)
    return 0


def tcp_adjust_pcount(sk: TcpSock, skb: SkBuff, decr: i64) -> None:
    """skb stands for decr segments less than before (more when negative)."""
    sk.packets_out -= decr
    if skb.sacked & TCPCB_SACKED_ACKED:
        sk.sacked_out -= decr
    if skb.sacked & TCPCB_SACKED_RETRANS:
        sk.retrans_out -= decr
    if skb.sacked & TCPCB_LOST:
        sk.lost_out -= decr
    if tcp_h.tcp_is_reno(sk) and decr > 0:
        sk.sacked_out -= decr if decr < sk.sacked_out else sk.sacked_out


def tcp_trim_head(sk: TcpSock, skb: SkBuff, length: i64) -> i64:
    """The peer has the first `length` bytes of skb."""
    skbuff.skb_pull(skb, length)
    skb.seq = (skb.seq + length) & U32
    freed = length
    skb.truesize -= freed
    sk.sk_wmem_queued -= freed
    core_sock.sk_mem_uncharge(sk, freed)
    if skb.tcp_gso_segs > 1:
        tcp_set_skb_tso_segs(skb, tcp_skb_mss(sk, skb))
    return 0


def tcp_skb_mss(sk: TcpSock, skb: SkBuff) -> i64:
    return skb.gso_size if skb.gso_size else sk.mss_cache


# ---- memory of sent data


def sk_forced_mem_schedule(sk: TcpSock, size: i64) -> None:
    """→ net/core/sock.py"""
    core_sock.sk_forced_mem_schedule(sk, size)


def tcp_wmem_free_skb(sk: TcpSock, skb: SkBuff) -> None:
    """A packet of the send queues is done with."""
    size = skb.truesize
    sk.sk_wmem_queued -= size
    core_sock.sk_mem_uncharge(sk, size)
    uarg = skb.uarg
    skbuff.consume_skb(sk.kernel, skb)
    if uarg is not None:
        skb.uarg = None
        errqueue.net_zcopy_put(uarg)


def tcp_rtx_queue_unlink_and_free(sk: TcpSock, skb: SkBuff) -> None:
    if skb.on_tsorted:
        tcp_h.tcp_tsorted_del(sk, skb)
    skbuff.skb_unlink(sk.tcp_rtx_queue, skb)
    tcp_wmem_free_skb(sk, skb)


# ---- congestion window validation (RFC 2861, RFC 7661 as Linux has it)


def tcp_cwnd_validate(sk: TcpSock, is_cwnd_limited: bool) -> None:
    """Remember how much of the window was used, and lower a window that stands idle."""
    # Within a window, being limited once is what counts.
    if (
        not before(sk.snd_una, sk.cwnd_usage_seq)
        or is_cwnd_limited
        or (not sk.is_cwnd_limited and sk.packets_out > sk.max_packets_out)
    ):
        sk.is_cwnd_limited = is_cwnd_limited
        sk.max_packets_out = sk.packets_out
        sk.cwnd_usage_seq = sk.snd_nxt
    now = sk.kernel.now
    if tcp_h.tcp_is_cwnd_limited(sk):
        sk.snd_cwnd_used = 0
        sk.snd_cwnd_stamp = now
        return
    if sk.packets_out > sk.snd_cwnd_used:
        sk.snd_cwnd_used = sk.packets_out
    if (
        sk.sk_net.ipv4.sysctl_tcp_slow_start_after_idle
        and now - sk.snd_cwnd_stamp >= sk.icsk_rto
        and not sk.icsk_ca_ops.has_cong_control
    ):
        tcp_cwnd_application_limited(sk)
    # Nothing to send although the buffer was never large enough: the buffer is the limit.
    sock = sk.sk_socket
    if (
        sk.sk_write_queue.qlen == 0
        and sock is not None
        and sock.flags & (1 << 2)
        and (1 << sk.sk_state) & ((1 << 1) | (1 << 8))
    ):
        tcp_chrono_start(sk, TCP_CHRONO_SNDBUF_LIMITED)


def tcp_cwnd_application_limited(sk: TcpSock) -> None:
    """RFC 2861: the application used less than the window for an RTO: meet it half-way."""
    sock = sk.sk_socket
    if sk.icsk_ca_state == 0 and not (sock is not None and sock.flags & (1 << 2)):
        init_win = tcp_input.tcp_init_cwnd(sk, sk.sk_dst_cache)
        win_used = sk.snd_cwnd_used if sk.snd_cwnd_used > init_win else init_win
        if win_used < sk.snd_cwnd:
            sk.snd_ssthresh = tcp_h.tcp_current_ssthresh(sk)
            sk.snd_cwnd = (sk.snd_cwnd + win_used) >> 1
        sk.snd_cwnd_used = 0
    sk.snd_cwnd_stamp = sk.kernel.now


def tcp_slow_start_after_idle_check(sk: TcpSock) -> None:
    """Before new data is queued: a sender that was idle starts again from the restart window."""
    if (
        sk.sk_net.ipv4.sysctl_tcp_slow_start_after_idle == 0
        or sk.packets_out
        or sk.icsk_ca_ops.has_cong_control
    ):
        return
    delta: i64 = sk.kernel.now - sk.lsndtime
    if delta > sk.icsk_rto:
        tcp_cwnd_restart(sk, delta)


def tcp_cwnd_restart(sk: TcpSock, delta: i64) -> None:
    """RFC 2861 section 3: halve the window for each RTO that passed idle, down to the restart window (RFC
    5681 section 4.1)."""
    restart = tcp_input.tcp_init_cwnd(sk, sk.sk_dst_cache)
    cwnd = sk.snd_cwnd
    if sk.icsk_ca_ops.has_cwnd_event:
        sk.icsk_ca_ops.cwnd_event(sk, CA_EVENT_CWND_RESTART)
    sk.snd_ssthresh = tcp_h.tcp_current_ssthresh(sk)
    if restart > cwnd:
        restart = cwnd
    delta -= sk.icsk_rto
    while delta > 0 and cwnd > restart:
        cwnd >>= 1
        delta -= sk.icsk_rto
    sk.snd_cwnd = cwnd if cwnd > restart else restart
    sk.snd_cwnd_stamp = sk.kernel.now
    sk.snd_cwnd_used = 0


# ---- what a sender waited for (tcpi_busy_time, tcpi_rwnd_limited, tcpi_sndbuf_limited)


def tcp_chrono_set(sk: TcpSock, new: i64) -> None:
    now = sk.kernel.now
    old = sk.chrono_type
    if old == TCP_CHRONO_BUSY:
        sk.chrono_stat_busy += now - sk.chrono_start
    elif old == TCP_CHRONO_RWND_LIMITED:
        sk.chrono_stat_rwnd += now - sk.chrono_start
    elif old == TCP_CHRONO_SNDBUF_LIMITED:
        sk.chrono_stat_sndbuf += now - sk.chrono_start
    sk.chrono_start = now
    sk.chrono_type = new


def tcp_chrono_start(sk: TcpSock, kind: i64) -> None:
    """The more specific reason wins."""
    if kind > sk.chrono_type:
        tcp_chrono_set(sk, kind)


def tcp_chrono_stop(sk: TcpSock, kind: i64) -> None:
    """Busy as long as anything is queued or in flight."""
    if sk.tcp_rtx_queue.qlen == 0 and sk.sk_write_queue.qlen == 0:
        tcp_chrono_set(sk, TCP_CHRONO_UNSPEC)
    elif kind == sk.chrono_type:
        tcp_chrono_set(sk, TCP_CHRONO_BUSY)


# ---- pacing inside TCP (no fq below us)


class PacingTimer(TimerList):
    """`pacing_timer`: the time of the next departure has come."""

    sk: TcpSock

    def __init__(self, sk: TcpSock) -> None:
        super().__init__()
        self.sk = sk

    def function(self) -> None:
        sk = self.sk
        tcp_tsq_handler(sk)
        core_sock.sock_put(sk)


def tcp_pacing_check(sk: TcpSock) -> bool:
    """True: not yet; a timer will go on."""
    if sk.sk_pacing_status != 1:  # SK_PACING_NEEDED
        return False
    if sk.tcp_wstamp_ns <= sk.tcp_clock_cache:
        return False
    timer = sk.pacing_timer
    if timer is None:
        timer = PacingTimer(sk)
        sk.pacing_timer = timer
    if not timer.pending:
        core_sock.sk_reset_timer(sk, timer, sk.tcp_wstamp_ns)
    return True


# ---- TCP small queues


def tcp_tsq_workfn(sk: TcpSock) -> None:
    """The softirq drain takes sk off `softnet.tsq_head`, where `skb_orphan` put it (Linux: `tcp_wfree`)."""
    sk.tsq_queued = False
    sk.tsq_flags &= ~(1 << TSQ_THROTTLED)
    tcp_tsq_handler(sk)
    core_sock.sock_put(sk)


def tcp_tsq_handler(sk: TcpSock) -> None:
    if sk.sk_owned:
        sk.tsq_flags |= 1 << TCP_TSQ_DEFERRED
        return
    tcp_tsq_write(sk)


def tcp_tsq_write(sk: TcpSock) -> None:
    if (1 << sk.sk_state) & TCPF_CONN:
        if sk.lost_out > sk.retrans_out and sk.snd_cwnd > tcp_h.tcp_packets_in_flight(sk):
            tcp_h.tcp_mstamp_refresh(sk)
            tcp_retrans.tcp_xmit_retransmit_queue(sk)
        tcp_write_xmit(sk, tcp_current_mss(sk), sk.nonagle, 0)


def tcp_release_cb(sk: TcpSock) -> None:
    """What timers and the softirq left for the owner to do, now that it lets go."""
    flags = sk.tsq_flags
    deferred: i64 = (
        (1 << TCP_TSQ_DEFERRED)
        | (1 << TCP_WRITE_TIMER_DEFERRED)
        | (1 << TCP_DELACK_TIMER_DEFERRED)
        | (1 << TCP_MTU_REDUCED_DEFERRED)
        | (1 << TCP_ACK_DEFERRED)
    )
    if flags & deferred == 0:
        return
    sk.tsq_flags = flags & ~deferred
    if flags & (1 << TCP_TSQ_DEFERRED):
        tcp_tsq_write(sk)
    if flags & (1 << TCP_WRITE_TIMER_DEFERRED):
        tcp_timer.tcp_write_timer_handler(sk)
        core_sock.sock_put(sk)
    if flags & (1 << TCP_DELACK_TIMER_DEFERRED):
        tcp_timer.tcp_delack_timer_handler(sk)
        core_sock.sock_put(sk)
    if flags & (1 << TCP_MTU_REDUCED_DEFERRED):
        sk.icsk_af_ops.mtu_reduced(sk)
        core_sock.sock_put(sk)
    if flags & (1 << TCP_ACK_DEFERRED) and sk.icsk_ack_pending & 1:
        conn_room.tcp_send_ack(sk)


# ---- doors to the rest of the kernel's file


def tcp_connect(sk: TcpSock) -> i64:
    """→ tcp_connect.py"""
    return conn_room.tcp_connect(sk)


def tcp_make_synack(
    sk: TcpSock, dst: Dst | None, req: RequestSock, synack_type: i64, syn_skb: SkBuff | None
) -> SkBuff:
    return conn_room.tcp_make_synack(sk, dst, req, synack_type, syn_skb)


def tcp_rtx_synack(sk: TcpSock, req: RequestSock) -> i64:
    return conn_room.tcp_rtx_synack(sk, req)


def tcp_send_fin(sk: TcpSock) -> None:
    conn_room.tcp_send_fin(sk)


def tcp_send_active_reset(sk: TcpSock, reason: i64) -> None:
    conn_room.tcp_send_active_reset(sk, reason)


def tcp_send_synack(sk: TcpSock) -> i64:
    return conn_room.tcp_send_synack(sk)


def tcp_send_ack(sk: TcpSock) -> None:
    conn_room.tcp_send_ack(sk)


def __tcp_send_ack(sk: TcpSock, rcv_nxt: i64) -> None:
    conn_room.__tcp_send_ack(sk, rcv_nxt)


def tcp_send_delayed_ack(sk: TcpSock) -> None:
    conn_room.tcp_send_delayed_ack(sk)


def tcp_send_window_probe(sk: TcpSock) -> None:
    conn_room.tcp_send_window_probe(sk)


def tcp_write_wakeup(sk: TcpSock, mib: i64) -> i64:
    return conn_room.tcp_write_wakeup(sk, mib)


def tcp_send_probe0(sk: TcpSock) -> None:
    conn_room.tcp_send_probe0(sk)


def tcp_retransmit_skb(sk: TcpSock, skb: SkBuff, segs: i64) -> i64:
    """→ tcp_retrans.py"""
    return tcp_retrans.tcp_retransmit_skb(sk, skb, segs)


def __tcp_retransmit_skb(sk: TcpSock, skb: SkBuff, segs: i64) -> i64:
    return tcp_retrans.__tcp_retransmit_skb(sk, skb, segs)


def tcp_xmit_retransmit_queue(sk: TcpSock) -> None:
    tcp_retrans.tcp_xmit_retransmit_queue(sk)


def tcp_schedule_loss_probe(sk: TcpSock, advancing_rto: bool) -> bool:
    return tcp_retrans.tcp_schedule_loss_probe(sk, advancing_rto)


def tcp_send_loss_probe(sk: TcpSock) -> None:
    tcp_retrans.tcp_send_loss_probe(sk)


class TsqTasklet(SoftirqAction):
    """`tsq_tasklet`: the softirq drain goes on with the socks that small queues had stopped."""

    def action(self, k: Kernel, budget: i64) -> i64:
        waiting = k.softnet.tsq_head
        k.softnet.tsq_head = []
        for sk in waiting:
            tcp_tsq_workfn(sk)
        return len(waiting)
