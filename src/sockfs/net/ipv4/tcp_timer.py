"""TCP's timers: retransmission, probes, delayed ACK, keep-alive.

Kernel counterpart: `net/ipv4/tcp_timer.c`, and the timer parts of `inet_connection_sock.h`. A sock has five
timers (`icsk_retransmit_timer`, whose meaning `icsk_pending` tells; `icsk_delack_timer`; `sk_timer`; pacing,
compressed ACKs), each made when first used. Each holds a reference to its sock while it is pending. When a
call owns the sock, the work is left to `tcp_output.tcp_release_cb`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.kernel import timers
from sockfs.net.core import sock as core_sock
from sockfs.net.ipv4 import (
    tcp,
    tcp_connect,
    tcp_fastopen,
    tcp_h,
    tcp_input,
    tcp_loss,
    tcp_minisocks,
    tcp_output,
    tcp_recovery,
    tcp_retrans,
)
from sockfs.structs.sock import SOCK_DEAD, SOCK_KEEPOPEN
from sockfs.structs.timer import TimerList
from sockfs.uapi.errno import ETIMEDOUT
from sockfs.uapi.rstreason import (
    SK_RST_REASON_TCP_ABORT_ON_MEMORY,
    SK_RST_REASON_TCP_KEEPALIVE_TIMEOUT,
    SK_RST_REASON_TCP_STATE,
)
from sockfs.uapi.tcp import (
    ICSK_ACK_SCHED,
    ICSK_ACK_TIMER,
    ICSK_TIME_DACK,
    ICSK_TIME_LOSS_PROBE,
    ICSK_TIME_PROBE0,
    ICSK_TIME_REO_TIMEOUT,
    ICSK_TIME_RETRANS,
    TCP_CLOSE,
    TCP_DELACK_TIMER_DEFERRED,
    TCP_ESTABLISHED,
    TCP_FIN_WAIT2,
    TCP_LISTEN,
    TCP_SYN_RECV,
    TCP_SYN_SENT,
    TCP_WRITE_TIMER_DEFERRED,
    TCP_CA_Disorder,
    TCP_CA_Loss,
    TCP_CA_Recovery,
)

if TYPE_CHECKING:
    from sockfs.structs.kernel import Kernel
    from sockfs.structs.request_sock import RequestSock
    from sockfs.structs.tcp_sock import TcpSock

U32: Final = 0xFFFFFFFF
TCP_TIMEWAIT_LEN: Final = 60 * tcp_h.SEC
TCP_THIN_LINEAR_RETRIES: Final = 6


class TcpWriteTimer(TimerList):
    """`icsk_retransmit_timer` (`tcp_write_timer`)."""

    sk: TcpSock

    def __init__(self, sk: TcpSock) -> None:
        super().__init__()
        self.sk = sk

    def function(self) -> None:
        tcp_write_timer(self.sk)


class TcpDelackTimer(TimerList):
    """`icsk_delack_timer` (`tcp_delack_timer`)."""

    sk: TcpSock

    def __init__(self, sk: TcpSock) -> None:
        super().__init__()
        self.sk = sk

    def function(self) -> None:
        tcp_delack_timer(self.sk)


class TcpKeepaliveTimer(TimerList):
    """`sk_timer` (`tcp_keepalive_timer`)."""

    sk: TcpSock

    def __init__(self, sk: TcpSock) -> None:
        super().__init__()
        self.sk = sk

    def function(self) -> None:
        tcp_keepalive_timer(self.sk)


class CompressedAckTimer(TimerList):
    """`compressed_ack_timer` (`tcp_compressed_ack_kick`)."""

    sk: TcpSock

    def __init__(self, sk: TcpSock) -> None:
        super().__init__()
        self.sk = sk

    def function(self) -> None:
        tcp_compressed_ack_kick(self.sk)


def tcp_init_xmit_timers(sk: TcpSock) -> None:
    """A new sock's timers (`inet_csk_init_xmit_timers`). Each is made when first used: an idle connection
    that was accepted needs none."""
    sk.icsk_retransmit_timer = None
    sk.icsk_delack_timer = None
    sk.sk_timer = None
    sk.icsk_pending = 0
    sk.icsk_ack_pending = 0
    sk.pacing_timer = None
    sk.compressed_ack_timer = None


def tcp_clear_xmit_timers(sk: TcpSock) -> None:
    """The connection ends: nothing is pending any more (`inet_csk_clear_xmit_timers`)."""
    sk.icsk_pending = 0
    sk.icsk_ack_pending = 0
    core_sock.sk_stop_timer(sk, sk.pacing_timer)
    core_sock.sk_stop_timer(sk, sk.compressed_ack_timer)
    core_sock.sk_stop_timer(sk, sk.icsk_retransmit_timer)
    core_sock.sk_stop_timer(sk, sk.icsk_delack_timer)
    core_sock.sk_stop_timer(sk, sk.sk_timer)


def tcp_reset_delack_timer(sk: TcpSock, at: i64) -> None:
    """(Re)start `icsk_delack_timer`; made when first used."""
    timer = sk.icsk_delack_timer
    if timer is None:
        timer = TcpDelackTimer(sk)
        sk.icsk_delack_timer = timer
    core_sock.sk_reset_timer(sk, timer, at)


def tcp_shutdown_xmit_timers(sk: TcpSock) -> None:
    """The sock is gone: neither the heap nor a timer refers to it any more (`timer_shutdown`)."""
    k = sk.kernel
    _shutdown(k, sk.icsk_retransmit_timer)
    _shutdown(k, sk.icsk_delack_timer)
    _shutdown(k, sk.sk_timer)
    _shutdown(k, sk.pacing_timer)
    _shutdown(k, sk.compressed_ack_timer)
    sk.icsk_retransmit_timer = None
    sk.icsk_delack_timer = None
    sk.sk_timer = None
    sk.pacing_timer = None
    sk.compressed_ack_timer = None


def _shutdown(k: Kernel, timer: TimerList | None) -> None:
    if timer is not None:
        timers.timer_shutdown(k, timer)


def tcp_reset_xmit_timer(sk: TcpSock, what: i64, when: i64, pace_delay: bool) -> None:
    """(Re)start the retransmission timer as `what` (ICSK_TIME_*) in `when` ns, counted from the departure of
    a paced packet."""
    if pace_delay and sk.sk_pacing_status != 0:
        ahead: i64 = sk.tcp_wstamp_ns - sk.tcp_clock_cache
        if ahead > 0:
            when += ahead
    if when > sk.icsk_rto_max:
        when = sk.icsk_rto_max
    at: i64 = sk.kernel.now + when
    sk.icsk_pending = what
    sk.icsk_timeout = at
    timer = sk.icsk_retransmit_timer
    if timer is None:
        timer = TcpWriteTimer(sk)
        sk.icsk_retransmit_timer = timer
    core_sock.sk_reset_timer(sk, timer, at)


def inet_csk_clear_xmit_timer(sk: TcpSock, what: i64) -> None:
    """Nothing is in flight, or no ACK is owed."""
    if what == ICSK_TIME_DACK:
        sk.icsk_ack_pending = 0
        sk.icsk_ack_retry = 0
        core_sock.sk_stop_timer(sk, sk.icsk_delack_timer)
    else:
        sk.icsk_pending = 0
        core_sock.sk_stop_timer(sk, sk.icsk_retransmit_timer)


# ---- the retransmission timer


def tcp_write_timer(sk: TcpSock) -> None:
    if sk.icsk_pending != 0:
        if not sk.sk_owned:
            tcp_write_timer_handler(sk)
        elif sk.tsq_flags & (1 << TCP_WRITE_TIMER_DEFERRED) == 0:
            sk.tsq_flags |= 1 << TCP_WRITE_TIMER_DEFERRED
            core_sock.sock_hold(sk)
    core_sock.sock_put(sk)


def tcp_write_timer_handler(sk: TcpSock) -> None:
    if sk.sk_state == TCP_CLOSE or sk.sk_state == TCP_LISTEN or sk.icsk_pending == 0:
        return
    if sk.icsk_timeout > sk.kernel.now:
        timer = sk.icsk_retransmit_timer
        if timer is not None:
            core_sock.sk_reset_timer(sk, timer, sk.icsk_timeout)
        return
    tcp_h.tcp_mstamp_refresh(sk)
    event = sk.icsk_pending
    if event == ICSK_TIME_REO_TIMEOUT:
        tcp_recovery.tcp_rack_reo_timeout(sk)
    elif event == ICSK_TIME_LOSS_PROBE:
        tcp_retrans.tcp_send_loss_probe(sk)
    elif event == ICSK_TIME_RETRANS:
        sk.icsk_pending = 0
        tcp_retransmit_timer(sk)
    elif event == ICSK_TIME_PROBE0:
        sk.icsk_pending = 0
        tcp_probe_timer(sk)


def tcp_retransmit_timer(sk: TcpSock) -> None:
    """RFC 6298 section 5, steps 5.4 to 5.7."""
    req = sk.fastopen_rsk
    if req is not None:
        # Before the SYN,ACK is acknowledged nothing else is sent again.
        tcp_fastopen.tcp_fastopen_synack_timer(sk, req)
        return
    if sk.packets_out == 0:
        return
    skb = sk.tcp_rtx_queue.first
    if skb is None:
        return
    net = sk.sk_net
    state_bit: i64 = 1 << sk.sk_state
    if sk.snd_wnd == 0 and sk.sk_flags & SOCK_DEAD == 0 and state_bit & ((1 << 2) | (1 << 3)) == 0:
        # The peer shrank its window to nothing over data in flight: the retransmission is a window probe. It
        # ends
        # only when the peer says nothing at all for long.
        rtx_delta: i64 = sk.kernel.now - skb.skb_mstamp_ns
        if tcp_rtx_probe0_timed_out(sk, rtx_delta):
            tcp_write_err(sk)
            return
        tcp_loss.tcp_enter_loss(sk)
        tcp_retrans.tcp_retransmit_skb(sk, skb, 1)
        core_sock.sk_dst_reset(sk)
    else:
        net.mib_linux.TCPTimeouts += 1
        if tcp_write_timeout(sk):
            return
        if sk.icsk_retransmits == 0:
            _count_failure(sk)
        tcp_loss.tcp_enter_loss(sk)
        tcp_update_rto_stats(sk)
        head = sk.tcp_rtx_queue.first
        if head is not None and tcp_retrans.tcp_retransmit_skb(sk, head, 1) > 0:
            # The device's queue is full: that is no loss on the path, so no back-off.
            tcp_reset_xmit_timer(sk, ICSK_TIME_RETRANS, tcp_h.TCP_RESOURCE_PROBE_INTERVAL, False)
            return
    # (5.5) back off: RTO = RTO * 2.
    if (
        sk.sk_state == TCP_ESTABLISHED
        and (sk.thin_lto or net.ipv4.sysctl_tcp_thin_linear_timeouts)
        and tcp_stream_is_thin(sk)
        and sk.icsk_retransmits <= TCP_THIN_LINEAR_RETRIES
    ):
        sk.icsk_backoff = 0
        tcp_h.tcp_set_rto(sk)
        if sk.icsk_rto < tcp_h.tcp_rto_min(sk):
            sk.icsk_rto = tcp_h.tcp_rto_min(sk)
    elif sk.sk_state != TCP_SYN_SENT or sk.total_rto > net.ipv4.sysctl_tcp_syn_linear_timeouts:
        # A SYN is sent a few times at the same interval first (net.ipv4.tcp_syn_linear_timeouts).
        sk.icsk_backoff += 1
        rto: i64 = sk.icsk_rto << 1
        sk.icsk_rto = rto if rto < sk.icsk_rto_max else sk.icsk_rto_max
    tcp_reset_xmit_timer(sk, ICSK_TIME_RETRANS, tcp_clamp_rto_to_user_timeout(sk), False)
    if retransmits_timed_out(sk, net.ipv4.sysctl_tcp_retries1 + 1, 0):
        core_sock.sk_dst_reset(sk)


def _count_failure(sk: TcpSock) -> None:
    """Which attempt at recovery ended in this time-out."""
    mib = sk.sk_net.mib_linux
    sack = sk.sack_ok != 0
    if sk.icsk_ca_state == TCP_CA_Recovery:
        if sack:
            mib.TCPSackRecoveryFail += 1
        else:
            mib.TCPRenoRecoveryFail += 1
    elif sk.icsk_ca_state == TCP_CA_Loss:
        mib.TCPLossFailures += 1
    elif sk.icsk_ca_state == TCP_CA_Disorder or sk.sacked_out:
        if sack:
            mib.TCPSackFailures += 1
        else:
            mib.TCPRenoFailures += 1


def tcp_update_rto_stats(sk: TcpSock) -> None:
    if sk.icsk_retransmits == 0:
        sk.total_rto_recoveries += 1
        sk.rto_stamp = tcp_h.tcp_time_stamp_ms(sk)
    sk.icsk_retransmits += 1
    sk.total_rto += 1


def tcp_stream_is_thin(sk: TcpSock) -> bool:
    return sk.packets_out < 4 and not tcp_h.tcp_in_initial_slowstart(sk)


def tcp_rtx_probe0_timed_out(sk: TcpSock, rtx_delta: i64) -> bool:
    """The peer has been silent for two minutes (twice its window-probe maximum), or the user time-out
    passed."""
    user: i64 = sk.icsk_user_timeout * tcp_h.MS
    timeout: i64 = sk.icsk_rto_max * 2
    if user and rtx_delta > user:
        return True
    # An answer of any kind shows that the peer lives.
    if sk.kernel.now - sk.rcv_tstamp <= timeout:
        return False
    return rtx_delta > timeout


def tcp_write_timeout(sk: TcpSock) -> bool:
    """Has it been tried long enough? Then the connection ends. True: it did."""
    ipv4 = sk.sk_net.ipv4
    expired = False
    retry_until: i64
    if sk.sk_state == TCP_SYN_SENT or sk.sk_state == TCP_SYN_RECV:
        retry_until = sk.icsk_syn_retries if sk.icsk_syn_retries else ipv4.sysctl_tcp_syn_retries
        most: i64 = retry_until
        if sk.sk_state == TCP_SYN_SENT:
            most += ipv4.sysctl_tcp_syn_linear_timeouts
        expired = sk.icsk_retransmits >= most
    else:
        if retransmits_timed_out(sk, ipv4.sysctl_tcp_retries1, 0):
            tcp_mtu_probing(sk)  # a black hole for large packets? (RFC 4821)
            core_sock.sk_dst_reset(sk)
        retry_until = ipv4.sysctl_tcp_retries2
        if sk.sk_flags & SOCK_DEAD:
            alive: bool = sk.icsk_rto < sk.icsk_rto_max
            retry_until = tcp_orphan_retries(sk, alive)
            do_reset: bool = alive or not retransmits_timed_out(sk, retry_until, 0)
            if tcp_out_of_resources(sk, do_reset):
                return True
    if not expired:
        expired = retransmits_timed_out(sk, retry_until, sk.icsk_user_timeout)
    if expired:
        tcp_write_err(sk)
        return True
    if sk.sk_txrehash:
        sk.timeout_rehash += 1
        sk.sk_net.mib_linux.TcpTimeoutRehash += 1
    return False


def retransmits_timed_out(sk: TcpSock, boundary: i64, timeout_ms: i64) -> bool:
    """RFC 1122 section 4.2.3.5: R1 and R2 are counts; what is compared is the time that so many
    retransmissions take."""
    if sk.icsk_retransmits == 0:
        return False
    if timeout_ms == 0:
        base: i64 = tcp_h.TCP_RTO_MIN
        if sk.sk_state == TCP_SYN_SENT or sk.sk_state == TCP_SYN_RECV:
            base = tcp_connect.tcp_timeout_init(sk)
        timeout_ms = tcp_model_timeout(sk, boundary, base) // tcp_h.MS
    elapsed: i64 = (tcp_h.tcp_time_stamp_ms(sk) - sk.retrans_stamp) & U32
    if elapsed & 0x80000000:
        return False
    return elapsed >= timeout_ms


def tcp_model_timeout(sk: TcpSock, boundary: i64, rto_base: i64) -> i64:
    """How long `boundary` retransmissions with doubling time-outs take, from rto_base up to the maximum."""
    thresh: i64 = 0
    while (rto_base << (thresh + 1)) <= sk.icsk_rto_max:
        thresh += 1
    if boundary <= thresh:
        return ((2 << boundary) - 1) * rto_base
    return ((2 << thresh) - 1) * rto_base + (boundary - thresh) * sk.icsk_rto_max


def tcp_clamp_rto_to_user_timeout(sk: TcpSock) -> i64:
    user = sk.icsk_user_timeout
    if user == 0:
        return sk.icsk_rto
    elapsed: i64 = (tcp_h.tcp_time_stamp_ms(sk) - sk.retrans_stamp) & U32
    left: i64 = user - elapsed
    if left <= 0:
        return tcp_h.JIFFY
    left *= tcp_h.MS
    return left if left < sk.icsk_rto else sk.icsk_rto


def tcp_mtu_probing(sk: TcpSock) -> None:
    """Large packets may be vanishing: search the path's MTU from below (`net.ipv4.tcp_mtu_probing`)."""
    ipv4 = sk.sk_net.ipv4
    if ipv4.sysctl_tcp_mtu_probing == 0:
        return
    if not sk.icsk_mtup_enabled:
        sk.icsk_mtup_enabled = True
        sk.icsk_mtup_probe_timestamp = sk.kernel.now
    else:
        mss: i64 = tcp_output.tcp_mtu_to_mss(sk, sk.icsk_mtup_search_low) >> 1
        if mss > ipv4.sysctl_tcp_base_mss:
            mss = ipv4.sysctl_tcp_base_mss
        if mss < ipv4.sysctl_tcp_mtu_probe_floor:
            mss = ipv4.sysctl_tcp_mtu_probe_floor
        if mss < ipv4.sysctl_tcp_min_snd_mss:
            mss = ipv4.sysctl_tcp_min_snd_mss
        sk.icsk_mtup_search_low = tcp_output.tcp_mss_to_mtu(sk, mss)
    tcp_output.tcp_sync_mss(sk, sk.icsk_pmtu_cookie)


def tcp_write_err(sk: TcpSock) -> None:
    """Given up: ETIMEDOUT, or what ICMP said meanwhile."""
    err = sk.sk_err_soft
    sk.sk_err = err if err else ETIMEDOUT
    sk.sk_net.mib_linux.TCPAbortOnTimeout += 1
    tcp.tcp_write_queue_purge(sk)
    tcp.tcp_done_with_error(sk, sk.sk_err)


def tcp_orphan_retries(sk: TcpSock, alive: bool) -> i64:
    """An orphan tries less hard, and not at all against an error it was told of."""
    retries: i64 = sk.sk_net.ipv4.sysctl_tcp_orphan_retries
    if sk.sk_err_soft and not alive:
        retries = 0
    if retries == 0 and alive:
        retries = 8
    return retries


def tcp_out_of_resources(sk: TcpSock, do_reset: bool) -> bool:
    """Orphans die when there are too many (`net.ipv4.tcp_max_orphans`)."""
    shift: i64 = 0
    now = sk.kernel.now
    if now - sk.lsndtime > 2 * sk.icsk_rto_max or not do_reset:
        shift += 1
    if sk.sk_err_soft:
        shift += 1
    net = sk.sk_net
    if (net.tcp_hashinfo.orphan_count << shift) > net.ipv4.sysctl_tcp_max_orphans:
        if now - sk.lsndtime <= TCP_TIMEWAIT_LEN or (sk.snd_wnd == 0 and sk.packets_out == 0):
            do_reset = True
        if do_reset:
            tcp_connect.tcp_send_active_reset(sk, SK_RST_REASON_TCP_ABORT_ON_MEMORY)
        tcp.tcp_done(sk)
        net.mib_linux.TCPAbortOnMemory += 1
        return True
    return False


# ---- zero-window probes


def tcp_probe0_base(sk: TcpSock) -> i64:
    """The first probe goes after an RTO, but no sooner than 200 ms."""
    return sk.icsk_rto if sk.icsk_rto > tcp_h.TCP_RTO_MIN else tcp_h.TCP_RTO_MIN


def tcp_probe0_when(sk: TcpSock, max_when: i64) -> i64:
    backoff = sk.icsk_backoff
    if backoff > 10:
        backoff = 10
    when: i64 = tcp_probe0_base(sk) << backoff
    return when if when < max_when else max_when


def tcp_clamp_probe0_to_user_timeout(sk: TcpSock, when: i64) -> i64:
    user: i64 = sk.icsk_user_timeout * tcp_h.MS
    if user == 0 or sk.icsk_probes_tstamp == 0:
        return when
    elapsed: i64 = sk.kernel.now - sk.icsk_probes_tstamp
    if elapsed < 0:
        elapsed = 0
    left: i64 = user - elapsed
    if left < tcp_h.TCP_TIMEOUT_MIN:
        left = tcp_h.TCP_TIMEOUT_MIN
    return left if left < when else when


def tcp_probe_timer(sk: TcpSock) -> None:
    """RFC 9293 section 3.8.6.1: probe as long as the peer answers; give up when it does not."""
    if sk.packets_out or sk.sk_write_queue.qlen == 0:
        sk.icsk_probes_out = 0
        sk.icsk_probes_tstamp = 0
        return
    now = sk.kernel.now
    user: i64 = sk.icsk_user_timeout * tcp_h.MS
    if sk.icsk_probes_tstamp == 0:
        sk.icsk_probes_tstamp = now
    elif user and now - sk.icsk_probes_tstamp >= user:
        tcp_write_err(sk)
        return
    max_probes: i64 = sk.sk_net.ipv4.sysctl_tcp_retries2
    if sk.sk_flags & SOCK_DEAD:
        alive: bool = (sk.icsk_rto << (sk.icsk_backoff if sk.icsk_backoff < 16 else 16)) < sk.icsk_rto_max
        max_probes = tcp_orphan_retries(sk, alive)
        if not alive and sk.icsk_backoff >= max_probes:
            tcp_write_err(sk)
            return
        if tcp_out_of_resources(sk, True):
            return
    if sk.icsk_probes_out >= max_probes:
        tcp_write_err(sk)
        return
    tcp_connect.tcp_send_probe0(sk)


# ---- delayed ACK


def tcp_delack_timer(sk: TcpSock) -> None:
    if sk.icsk_ack_pending & ICSK_ACK_TIMER or sk.compressed_ack:
        if not sk.sk_owned:
            tcp_delack_timer_handler(sk)
        else:
            sk.sk_net.mib_linux.DelayedACKLocked += 1
            if sk.tsq_flags & (1 << TCP_DELACK_TIMER_DEFERRED) == 0:
                sk.tsq_flags |= 1 << TCP_DELACK_TIMER_DEFERRED
                core_sock.sock_hold(sk)
    core_sock.sock_put(sk)


def tcp_delack_timer_handler(sk: TcpSock) -> None:
    if sk.sk_state == TCP_CLOSE or sk.sk_state == TCP_LISTEN:
        return
    if sk.compressed_ack:
        tcp_h.tcp_mstamp_refresh(sk)
        tcp_input.tcp_sack_compress_send_ack(sk)
        return
    if sk.icsk_ack_pending & ICSK_ACK_TIMER == 0:
        return
    if sk.icsk_ack_timeout > sk.kernel.now:
        tcp_reset_delack_timer(sk, sk.icsk_ack_timeout)
        return
    sk.icsk_ack_pending &= ~ICSK_ACK_TIMER
    if sk.icsk_ack_pending & ICSK_ACK_SCHED:
        if not tcp_h.inet_csk_in_pingpong_mode(sk):
            # The peer sends more slowly than we thought: wait longer next time.
            ato: i64 = sk.icsk_ack_ato << 1
            sk.icsk_ack_ato = ato if ato < sk.icsk_rto else sk.icsk_rto
        else:
            # No reply came to ride on: this was no conversation after all.
            tcp_h.inet_csk_exit_pingpong_mode(sk)
            sk.icsk_ack_ato = tcp_h.TCP_ATO_MIN
        tcp_h.tcp_mstamp_refresh(sk)
        tcp_connect.tcp_send_ack(sk)
        sk.sk_net.mib_linux.DelayedACKs += 1


def tcp_compressed_ack_kick(sk: TcpSock) -> None:
    """The short wait for more out-of-order segments is over."""
    if not sk.sk_owned:
        if sk.compressed_ack:
            # One ACK goes for all of them: it is not counted as spared.
            sk.compressed_ack -= 1
            tcp_h.tcp_mstamp_refresh(sk)
            tcp_connect.tcp_send_ack(sk)
    elif sk.tsq_flags & (1 << TCP_DELACK_TIMER_DEFERRED) == 0:
        sk.tsq_flags |= 1 << TCP_DELACK_TIMER_DEFERRED
        core_sock.sock_hold(sk)
    core_sock.sock_put(sk)


# ---- keep-alive (RFC 9293 section 3.8.4), FIN-WAIT-2 of an orphan


def tcp_reset_keepalive_timer(sk: TcpSock, length: i64) -> None:
    """(Re)start `sk_timer`, made when first used."""
    timer = sk.sk_timer
    if timer is None:
        timer = TcpKeepaliveTimer(sk)
        sk.sk_timer = timer
    core_sock.sk_reset_timer(sk, timer, sk.kernel.now + length)


def tcp_delete_keepalive_timer(sk: TcpSock) -> None:
    core_sock.sk_stop_timer(sk, sk.sk_timer)


def tcp_set_keepalive(sk: TcpSock, val: bool) -> None:
    """SO_KEEPALIVE was set or cleared."""
    if sk.sk_state == TCP_CLOSE or sk.sk_state == TCP_LISTEN:
        return
    if val and sk.sk_flags & SOCK_KEEPOPEN == 0:
        tcp_reset_keepalive_timer(sk, tcp_h.keepalive_time_when(sk))
    elif not val:
        tcp_delete_keepalive_timer(sk)


def tcp_keepalive_timer(sk: TcpSock) -> None:
    _keepalive(sk)
    core_sock.sock_put(sk)


def _keepalive(sk: TcpSock) -> None:
    if sk.sk_owned:
        tcp_reset_keepalive_timer(sk, tcp_h.SEC // 20)
        return
    if sk.sk_state == TCP_LISTEN:
        return
    tcp_h.tcp_mstamp_refresh(sk)
    if sk.sk_state == TCP_FIN_WAIT2 and sk.sk_flags & SOCK_DEAD:
        if sk.linger2 >= 0:
            tmo: i64 = tcp_h.tcp_fin_time(sk) - TCP_TIMEWAIT_LEN
            if tmo > 0:
                tcp_minisocks.tcp_time_wait(sk, TCP_FIN_WAIT2, tmo)
                return
        tcp_connect.tcp_send_active_reset(sk, SK_RST_REASON_TCP_STATE)
        tcp.tcp_done(sk)
        return
    if sk.sk_flags & SOCK_KEEPOPEN == 0 or sk.sk_state == TCP_CLOSE or sk.sk_state == TCP_SYN_SENT:
        return
    elapsed = tcp_h.keepalive_time_when(sk)
    # Data under way keeps the connection tested anyhow.
    if sk.packets_out == 0 and sk.sk_write_queue.qlen == 0:
        idle = tcp_h.keepalive_time_elapsed(sk)
        if idle >= elapsed:
            user: i64 = sk.icsk_user_timeout * tcp_h.MS
            if (user != 0 and idle >= user and sk.icsk_probes_out > 0) or (
                user == 0 and sk.icsk_probes_out >= tcp_h.keepalive_probes(sk)
            ):
                tcp_connect.tcp_send_active_reset(sk, SK_RST_REASON_TCP_KEEPALIVE_TIMEOUT)
                tcp_write_err(sk)
                return
            if tcp_connect.tcp_write_wakeup(sk, tcp_connect.PROBE_KEEPALIVE) <= 0:
                sk.icsk_probes_out += 1
                elapsed = tcp_h.keepalive_intvl_when(sk)
            else:
                elapsed = tcp_h.TCP_RESOURCE_PROBE_INTERVAL
        else:
            elapsed -= idle
    tcp_reset_keepalive_timer(sk, elapsed)


def tcp_syn_ack_timeout(req: RequestSock) -> None:
    """A SYN-ACK was not answered in time."""
    req.sk_net.mib_linux.TCPTimeouts += 1


def tcp_ld_RTO_revert(sk: TcpSock, seq: i64) -> None:
    """RFC 6069: "no route" is why nothing came through, not congestion: take one back-off back."""
    if sk.icsk_retransmits == 0 or sk.icsk_backoff == 0:
        return
    head = sk.tcp_rtx_queue.first
    if head is None or seq != sk.snd_una:
        return
    sk.icsk_backoff -= 1
    if sk.srtt_us:
        tcp_h.tcp_set_rto(sk)
    else:
        sk.icsk_rto = tcp_connect.tcp_timeout_init(sk)
    rto: i64 = sk.icsk_rto << sk.icsk_backoff
    if rto > sk.icsk_rto_max:
        rto = sk.icsk_rto_max
    sk.icsk_rto = rto
    tcp_h.tcp_mstamp_refresh(sk)
    left: i64 = rto - (sk.kernel.now - head.skb_mstamp_ns)
    if left > 0:
        tcp_reset_xmit_timer(sk, ICSK_TIME_RETRANS, left, False)
    else:
        tcp_retransmit_timer(sk)
