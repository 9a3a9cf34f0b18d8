"""What is remembered of a destination from one connection to the next.

Kernel counterpart: `net/ipv4/tcp_metrics.c`. Control enters when a connection is established
(`tcp_init_metrics`) and when it ends
(`tcp_update_metrics`). Kept per pair of addresses in `net.tcp_metrics`: round-trip time, its variation,
ssthresh (unless
`net.ipv4.tcp_no_ssthresh_metrics_save`, the default), cwnd and reordering.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.net.ipv4 import tcp_h, tcp_input
from sockfs.uapi.tcp import TCP_CA_Open

if TYPE_CHECKING:
    from sockfs.structs.tcp_sock import TcpSock

METRICS_MAX: Final = 1024
TCP_TIMEOUT_FALLBACK_US: Final = 3_000_000


class TcpMetricsBlock:
    """`struct tcp_metrics_block`. Times are µs."""

    saddr: i64
    daddr: i64
    stamp: i64
    rtt: i64
    rttvar: i64
    ssthresh: i64
    cwnd: i64
    reordering: i64
    fastopen_cookie: bytes  # RFC 7413; b"": none
    fastopen_exp: bool  # it came with the experimental option kind
    fastopen_mss: i64
    fastopen_try_exp: i64  # 1: ask with the experimental kind, 2: that was tried too
    fastopen_syn_loss: i64

    def __init__(self, saddr: i64, daddr: i64) -> None:
        self.saddr = saddr
        self.daddr = daddr
        self.stamp = 0
        self.rtt = 0
        self.rttvar = 0
        self.ssthresh = 0
        self.cwnd = 0
        self.reordering = 0
        self.fastopen_cookie = b""
        self.fastopen_exp = False
        self.fastopen_mss = 0
        self.fastopen_try_exp = 0
        self.fastopen_syn_loss = 0


def _key(sk: TcpSock) -> bytes:
    if sk.sk_v6_daddr and sk.sk_family == 10:
        return sk.sk_v6_rcv_saddr + sk.sk_v6_daddr
    return int(sk.inet_saddr).to_bytes(4, "big") + int(sk.sk_daddr).to_bytes(4, "big")


def tcp_get_metrics(sk: TcpSock, create: bool) -> TcpMetricsBlock | None:
    table = sk.sk_net.tcp_metrics
    if not create and not table:
        return None
    key = _key(sk)
    found = table.get(key)
    if isinstance(found, TcpMetricsBlock):
        return found
    if not create:
        return None
    if len(table) >= METRICS_MAX:
        del table[next(iter(table))]  # the oldest: dicts keep their order
    tm = TcpMetricsBlock(sk.inet_saddr, sk.sk_daddr)
    table[key] = tm
    return tm


def tcp_update_metrics(sk: TcpSock) -> None:
    """The connection ends: what did it learn?"""
    net = sk.sk_net
    if net.ipv4.sysctl_tcp_no_metrics_save:
        return
    if sk.icsk_backoff or sk.srtt_us == 0:
        # It never got an answer, or lost its way: what was known is no longer to be trusted.
        tm = tcp_get_metrics(sk, False)
        if tm is not None:
            tm.rtt = 0
        return
    tm = tcp_get_metrics(sk, True)
    if tm is None:
        return
    srtt: i64 = sk.srtt_us
    m: i64 = tm.rtt - srtt
    # Smaller ones gradually, larger ones at once.
    tm.rtt = srtt if m <= 0 else tm.rtt - (m >> 3)
    if m < 0:
        m = -m
    m >>= 1
    if m < sk.mdev_us:
        m = sk.mdev_us
    var = tm.rttvar
    tm.rttvar = m if m >= var else var - ((var - m) >> 2)
    save_ssthresh: bool = net.ipv4.sysctl_tcp_no_ssthresh_metrics_save == 0
    if tcp_h.tcp_in_initial_slowstart(sk):
        if save_ssthresh and tm.ssthresh and (sk.snd_cwnd >> 1) > tm.ssthresh:
            tm.ssthresh = sk.snd_cwnd >> 1
        if sk.snd_cwnd > tm.cwnd:
            tm.cwnd = sk.snd_cwnd
    elif sk.snd_cwnd > sk.snd_ssthresh and sk.icsk_ca_state == TCP_CA_Open:
        if save_ssthresh:
            half: i64 = sk.snd_cwnd >> 1
            tm.ssthresh = half if half > sk.snd_ssthresh else sk.snd_ssthresh
        tm.cwnd = (tm.cwnd + sk.snd_cwnd) >> 1
    else:
        tm.cwnd = (tm.cwnd + sk.snd_ssthresh) >> 1
        if save_ssthresh and tm.ssthresh and sk.snd_ssthresh > tm.ssthresh:
            tm.ssthresh = sk.snd_ssthresh
    if sk.reordering != net.ipv4.sysctl_tcp_reordering and tm.reordering < sk.reordering:
        tm.reordering = sk.reordering
    tm.stamp = sk.kernel.now


def tcp_init_metrics(sk: TcpSock) -> None:
    """The connection stands: what is known of the destination sets ssthresh, reordering and the first RTO."""
    dst = sk.sk_dst_cache
    crtt: i64 = 0
    sk.snd_ssthresh = tcp_h.TCP_INFINITE_SSTHRESH
    if dst is not None:
        if dst.ssthresh_metric:
            sk.snd_ssthresh = dst.ssthresh_metric
        crtt = dst.rtt_metric * 1000
    tm = tcp_get_metrics(sk, False)
    if tm is not None:
        if sk.sk_net.ipv4.sysctl_tcp_no_ssthresh_metrics_save == 0 and tm.ssthresh:
            sk.snd_ssthresh = tm.ssthresh
        if tm.reordering:
            sk.reordering = tm.reordering
        if crtt == 0:
            crtt = tm.rtt
    if crtt > sk.srtt_us:
        # RFC 6298 would start from the first sample; the path is known to be slower.
        crtt >>= 3
        rto: i64 = crtt + 2 * crtt
        if rto < tcp_h.TCP_RTO_MIN // 1000:
            rto = crtt + tcp_h.TCP_RTO_MIN // 1000
        sk.icsk_rto = tcp_h.jiffies_up(rto * 1000)
    elif sk.srtt_us == 0:
        # RFC 6298 (5.7): no sample since the SYN was retransmitted.
        sk.rttvar_us = TCP_TIMEOUT_FALLBACK_US
        sk.mdev_us = TCP_TIMEOUT_FALLBACK_US
        sk.mdev_max_us = TCP_TIMEOUT_FALLBACK_US
        sk.icsk_rto = tcp_h.TCP_TIMEOUT_FALLBACK
    tcp_input_init_cwnd(sk)


def tcp_input_init_cwnd(sk: TcpSock) -> None:
    """A SYN that was lost tells of congestion (RFC 6298 section 5.7, RFC 5681 section 3.1): start from one
    segment."""
    if sk.total_retrans > 1 and sk.undo_marker:
        sk.snd_cwnd = 1
    else:
        sk.snd_cwnd = tcp_input.tcp_init_cwnd(sk, sk.sk_dst_cache)
    sk.snd_cwnd_stamp = sk.kernel.now
