"""CUBIC, with HyStart.

Kernel counterpart: `net/ipv4/tcp_cubic.c`. RFC 9438; HyStart: Ha and Rhee, "Taming the elephants" (2011).
After a loss the window
follows a cubic curve of time around the size it had then: W(t) = C·(t−K)³ + W_max, C = 0.4, β = 0.7. Time
runs in 1/1024 s here,
which makes the arithmetic whole: a window is (410 · t³) >> 40 away from its origin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64, mypyc_attr

from sockfs.net.ipv4 import tcp_cong, tcp_h
from sockfs.structs.ops import CongestionOps
from sockfs.uapi.tcp import CA_EVENT_TX_START, TCP_CA_Loss
from sockfs.util.seq import after

if TYPE_CHECKING:
    from sockfs.structs.tcp_sock import TcpSock

BETA: Final = 717  # of 1024
SCALE: Final = 1024
CUBE_RTT_SCALE: Final = 410  # C · 1024
CUBE_FACTOR: Final = (1 << 40) // 410
BETA_SCALE: Final = 15  # 8 · 3(1−β)/(1+β), inverted: Reno-friendly growth per window, times 8
JIFFY: Final = 4_000_000
SEC: Final = 1_000_000_000
HYSTART_LOW_WINDOW: Final = 16
HYSTART_MIN_SAMPLES: Final = 8
HYSTART_ACK_DELTA_US: Final = 2000
HYSTART_DELAY_MIN: Final = 4000
HYSTART_DELAY_MAX: Final = 16000


@mypyc_attr(acyclic=True)
class Bictcp:
    """`struct bictcp`: what the control knows of a connection. Instants are ns, delays µs, windows
    segments."""

    cnt: i64  # raise the window by one for so many acknowledged
    last_max_cwnd: i64
    last_cwnd: i64
    last_time: i64
    bic_origin_point: i64
    bic_k: i64  # 1/1024 s
    delay_min: i64
    epoch_start: i64
    ack_cnt: i64
    tcp_cwnd: i64
    sample_cnt: i64
    found: bool
    round_start: i64
    end_seq: i64
    last_ack: i64
    curr_rtt: i64

    def __init__(self) -> None:
        self.round_start = 0
        self.end_seq = 0
        self.last_ack = 0
        self.curr_rtt = 0
        self.reset()

    def reset(self) -> None:
        self.cnt = 0
        self.last_max_cwnd = 0
        self.last_cwnd = 0
        self.last_time = 0
        self.bic_origin_point = 0
        self.bic_k = 0
        self.delay_min = 0
        self.epoch_start = 0
        self.ack_cnt = 0
        self.tcp_cwnd = 0
        self.sample_cnt = 0
        self.found = False


def cubic_root(a: i64) -> i64:
    """The whole cube root of a, by Newton."""
    if a < 8:
        return 0 if a == 0 else 1
    bits: i64 = 0
    n = a
    while n:
        n >>= 1
        bits += 1
    x: i64 = 1 << ((bits + 2) // 3)
    while True:
        y: i64 = (2 * x + a // (x * x)) // 3
        if y >= x:
            return x
        x = y


def bictcp_update(sk: TcpSock, ca: Bictcp, acked: i64) -> None:
    """Set `cnt`: how fast the window grows now."""
    now = sk.kernel.now
    cwnd = sk.snd_cwnd
    ca.ack_cnt += acked
    if ca.last_cwnd == cwnd and now - ca.last_time <= SEC // 32:
        return
    # The curve moves once a jiffy at most.
    if not (ca.epoch_start and now - ca.last_time < JIFFY and ca.last_time):
        ca.last_cwnd = cwnd
        ca.last_time = now
        if ca.epoch_start == 0:
            ca.epoch_start = now if now else 1
            ca.ack_cnt = acked
            ca.tcp_cwnd = cwnd
            if ca.last_max_cwnd <= cwnd:
                ca.bic_k = 0
                ca.bic_origin_point = cwnd
            else:
                # RFC 9438 section 4.2: K, the time to W_max.
                ca.bic_k = cubic_root(CUBE_FACTOR * (ca.last_max_cwnd - cwnd))
                ca.bic_origin_point = ca.last_max_cwnd
        # The window one round trip from now.
        t: i64 = ((now - ca.epoch_start) // 1000 + ca.delay_min) * 1024 // 1_000_000
        offs: i64 = ca.bic_k - t if t < ca.bic_k else t - ca.bic_k
        if offs > 200_000:
            offs = 200_000
        delta: i64 = (CUBE_RTT_SCALE * offs * offs * offs) >> 40
        target: i64 = ca.bic_origin_point - delta if t < ca.bic_k else ca.bic_origin_point + delta
        ca.cnt = cwnd // (target - cwnd) if target > cwnd else 100 * cwnd
        if ca.last_max_cwnd == 0 and ca.cnt > 20:
            ca.cnt = 20  # no loss yet: at least 5 % per round trip
    # RFC 9438 section 4.3: never slower than Reno.
    step: i64 = (cwnd * BETA_SCALE) >> 3
    while step and ca.ack_cnt > step:
        ca.ack_cnt -= step
        ca.tcp_cwnd += 1
    if ca.tcp_cwnd > cwnd:
        most: i64 = cwnd // (ca.tcp_cwnd - cwnd)
        if ca.cnt > most:
            ca.cnt = most
    if ca.cnt < 2:
        ca.cnt = 2  # no more than one for each two acknowledged


def bictcp_hystart_reset(sk: TcpSock, ca: Bictcp) -> None:
    """A round of HyStart begins."""
    ca.round_start = sk.tcp_mstamp
    ca.last_ack = sk.tcp_mstamp
    ca.end_seq = sk.snd_nxt
    ca.curr_rtt = 0xFFFFFFFF
    ca.sample_cnt = 0


def hystart_ack_delay(sk: TcpSock) -> i64:
    """How long a burst as large as TSO makes them keeps the ACKs apart, at most 1 ms."""
    rate = sk.sk_pacing_rate
    if rate == 0:
        return 0
    d: i64 = sk.sk_gso_max_size * 4 * 1_000_000 // rate
    return d if d < 1000 else 1000


def hystart_update(sk: TcpSock, ca: Bictcp, delay: i64) -> None:
    """Leave slow start before the queue overflows: when an ACK train spans half the round trip, or the delay
    grows."""
    mib = sk.sk_net.mib_linux
    if after(sk.snd_una, ca.end_seq):
        bictcp_hystart_reset(sk, ca)
    now = sk.tcp_mstamp
    if now - ca.last_ack <= HYSTART_ACK_DELTA_US:
        ca.last_ack = now
        threshold: i64 = ca.delay_min + hystart_ack_delay(sk)
        if sk.sk_pacing_status == 0:
            threshold >>= 1
        if now - ca.round_start > threshold:
            ca.found = True
            mib.TCPHystartTrainDetect += 1
            mib.TCPHystartTrainCwnd += sk.snd_cwnd
            sk.snd_ssthresh = sk.snd_cwnd
    if ca.curr_rtt > delay:
        ca.curr_rtt = delay
    if ca.sample_cnt < HYSTART_MIN_SAMPLES:
        ca.sample_cnt += 1
    else:
        slack: i64 = ca.delay_min >> 3
        if slack < HYSTART_DELAY_MIN:
            slack = HYSTART_DELAY_MIN
        if slack > HYSTART_DELAY_MAX:
            slack = HYSTART_DELAY_MAX
        if ca.curr_rtt > ca.delay_min + slack:
            ca.found = True
            mib.TCPHystartDelayDetect += 1
            mib.TCPHystartDelayCwnd += sk.snd_cwnd
            sk.snd_ssthresh = sk.snd_cwnd


def _of(sk: TcpSock) -> Bictcp:
    ca = sk.icsk_ca_priv
    if isinstance(ca, Bictcp):
        return ca
    ca = Bictcp()
    sk.icsk_ca_priv = ca
    return ca


class CubicTcp(CongestionOps):
    """`cubictcp`."""

    def __init__(self) -> None:
        super().__init__("cubic")
        self.flags = 1
        self.has_cwnd_event = True
        self.has_pkts_acked = True

    def init(self, sk: TcpSock) -> None:
        ca = Bictcp()
        sk.icsk_ca_priv = ca
        bictcp_hystart_reset(sk, ca)

    def cwnd_event(self, sk: TcpSock, ev: int) -> None:
        if ev == CA_EVENT_TX_START:
            # Idle time is no time to grow in: move the epoch (RFC 9438 section 5.8).
            now = sk.kernel.now
            delta: i64 = now - sk.lsndtime
            ca = _of(sk)
            if ca.epoch_start and delta > 0:
                ca.epoch_start += delta
                if ca.epoch_start > now:
                    ca.epoch_start = now

    def cong_avoid(self, sk: TcpSock, ack: int, acked: int) -> None:
        if not tcp_h.tcp_is_cwnd_limited(sk):
            return
        left: i64 = acked
        if sk.snd_cwnd < sk.snd_ssthresh:
            left = tcp_cong.tcp_slow_start(sk, left)
            if left == 0:
                return
        ca = _of(sk)
        bictcp_update(sk, ca, left)
        tcp_cong.tcp_cong_avoid_ai(sk, ca.cnt, left)

    def ssthresh(self, sk: TcpSock) -> int:
        ca = _of(sk)
        cwnd = sk.snd_cwnd
        ca.epoch_start = 0
        # Fast convergence (RFC 9438 section 4.7): a shrinking flow leaves room for others.
        if cwnd < ca.last_max_cwnd:
            ca.last_max_cwnd = cwnd * (SCALE + BETA) // (2 * SCALE)
        else:
            ca.last_max_cwnd = cwnd
        cut: i64 = cwnd * BETA // SCALE
        return cut if cut > 2 else 2

    def set_state(self, sk: TcpSock, new_state: int) -> None:
        if new_state == TCP_CA_Loss:
            ca = _of(sk)
            ca.reset()
            bictcp_hystart_reset(sk, ca)

    def undo_cwnd(self, sk: TcpSock) -> int:
        return sk.prior_cwnd if sk.prior_cwnd > sk.snd_cwnd else sk.snd_cwnd

    def pkts_acked(self, sk: TcpSock, pkts_acked: int, rtt_us: int, in_flight: int) -> None:
        if rtt_us < 0:
            return
        ca = _of(sk)
        # Just after a recovery delays say little.
        if ca.epoch_start and sk.kernel.now - ca.epoch_start < SEC:
            return
        delay: i64 = rtt_us
        if delay == 0:
            delay = 1
        if ca.delay_min == 0 or ca.delay_min > delay:
            ca.delay_min = delay
        if not ca.found and sk.snd_cwnd < sk.snd_ssthresh and sk.snd_cwnd >= HYSTART_LOW_WINDOW:
            hystart_update(sk, ca, delay)


cubictcp: Final = CubicTcp()
