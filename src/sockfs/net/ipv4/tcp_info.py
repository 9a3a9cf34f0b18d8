"""`struct tcp_info`: what a connection says of itself (TCP_INFO, `ss -i`).

Kernel counterpart: `tcp_get_info` of `net/ipv4/tcp.c`; the layout, 280 bytes of Linux 6.18, stands in
`uapi/tcp.py`. Times in it are microseconds (rto, ato, rtt) or milliseconds (the `last_` fields), as tcp(7)
has them.

Not modelled: AccECN's byte counters (0).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.net.ipv4 import tcp_h
from sockfs.uapi.tcp import (
    SIZEOF_TCP_INFO,
    TCP_CHRONO_BUSY,
    TCP_CHRONO_RWND_LIMITED,
    TCP_CHRONO_SNDBUF_LIMITED,
    TCP_LISTEN,
    TCPI_OPT_ECN,
    TCPI_OPT_ECN_SEEN,
    TCPI_OPT_SACK,
    TCPI_OPT_SYN_DATA,
    TCPI_OPT_TIMESTAMPS,
    TCPI_OPT_WSCALE,
)

if TYPE_CHECKING:
    from sockfs.structs.tcp_sock import TcpSock

U32: Final = 0xFFFFFFFF
NEVER: Final = 0x7FFF_FFFF_FFFF_FFFF


def tcp_get_info(sk: TcpSock) -> bytes:
    """The 280 bytes."""
    b = bytearray(SIZEOF_TCP_INFO)
    b[0] = sk.sk_state
    _u64(b, 104, sk.sk_pacing_rate)
    _u64(b, 112, sk.sk_max_pacing_rate)
    _u32(b, 88, sk.reordering)
    _u32(b, 80, sk.snd_cwnd)
    if sk.sk_state == TCP_LISTEN:
        # For a listener these two mean the accept queue and its limit.
        _u32(b, 24, sk.sk_ack_backlog)
        _u32(b, 28, sk.sk_max_ack_backlog)
        return bytes(b)
    now = sk.kernel.now
    now_us: i64 = now // 1000
    b[1] = sk.icsk_ca_state
    b[2] = sk.icsk_retransmits & 0xFF
    b[3] = sk.icsk_probes_out & 0xFF
    b[4] = sk.icsk_backoff & 0xFF
    options: i64 = 0
    if sk.tstamp_ok:
        options |= TCPI_OPT_TIMESTAMPS
    if sk.sack_ok != 0:
        options |= TCPI_OPT_SACK
    if sk.wscale_ok:
        options |= TCPI_OPT_WSCALE
        b[6] = (sk.snd_wscale & 15) | ((sk.rcv_wscale & 15) << 4)
    if (sk.ecn_flags & tcp_h.TCP_ECN_OK) != 0:
        options |= TCPI_OPT_ECN
    if (sk.ecn_flags & tcp_h.TCP_ECN_SEEN) != 0:
        options |= TCPI_OPT_ECN_SEEN
    if sk.syn_data_acked:
        options |= TCPI_OPT_SYN_DATA
    b[5] = options
    b[7] = (1 if sk.rate_app_limited else 0) | ((sk.fastopen_client_fail & 3) << 1)
    _u32(b, 8, sk.icsk_rto // 1000)
    ato: i64 = sk.icsk_ack_ato
    if ato > sk.icsk_delack_max:
        ato = sk.icsk_delack_max
    _u32(b, 12, ato // 1000)
    _u32(b, 16, sk.mss_cache)
    _u32(b, 20, sk.icsk_ack_rcv_mss)
    _u32(b, 24, sk.packets_out)
    _u32(b, 28, sk.sacked_out)
    _u32(b, 32, sk.lost_out)
    _u32(b, 36, sk.retrans_out)
    _u32(b, 44, (now - sk.lsndtime) // 1_000_000)
    _u32(b, 52, (now - sk.icsk_ack_lrcvtime) // 1_000_000)
    _u32(b, 56, (now - sk.rcv_tstamp) // 1_000_000)
    _u32(b, 60, sk.icsk_pmtu_cookie)
    _u32(b, 64, sk.rcv_ssthresh)
    _u32(b, 68, sk.srtt_us >> 3)
    _u32(b, 72, sk.mdev_us >> 2)
    _u32(b, 76, sk.snd_ssthresh)
    _u32(b, 84, sk.advmss)
    _u32(b, 92, sk.rcv_rtt_est_rtt_us >> 3)
    _u32(b, 96, sk.rcvq_space_space)
    _u32(b, 100, sk.total_retrans)
    _u64(b, 120, sk.bytes_acked)
    _u64(b, 128, sk.bytes_received)
    _u32(b, 136, sk.segs_out)
    _u32(b, 140, sk.segs_in)
    notsent: i64 = (sk.write_seq - sk.snd_nxt) & U32
    _u32(b, 144, 0 if (notsent & 0x80000000) != 0 else notsent)
    _u32(b, 148, tcp_h.tcp_min_rtt(sk))
    _u32(b, 152, sk.data_segs_in)
    _u32(b, 156, sk.data_segs_out)
    _u64(b, 160, tcp_compute_delivery_rate(sk))
    busy: i64 = chrono(sk, TCP_CHRONO_BUSY, sk.chrono_stat_busy, now_us)
    rwnd: i64 = chrono(sk, TCP_CHRONO_RWND_LIMITED, sk.chrono_stat_rwnd, now_us)
    sndbuf: i64 = chrono(sk, TCP_CHRONO_SNDBUF_LIMITED, sk.chrono_stat_sndbuf, now_us)
    _u64(b, 168, busy + rwnd + sndbuf)
    _u64(b, 176, rwnd)
    _u64(b, 184, sndbuf)
    _u32(b, 192, sk.delivered)
    _u32(b, 196, sk.delivered_ce)
    _u64(b, 200, sk.bytes_sent)
    _u64(b, 208, sk.bytes_retrans)
    _u32(b, 216, sk.dsack_dups)
    _u32(b, 220, sk.reord_seen)
    _u32(b, 224, sk.rcv_ooopack)
    _u32(b, 228, sk.snd_wnd)
    _u32(b, 232, sk.rcv_wnd)
    _u32(b, 236, sk.plb_rehash + sk.timeout_rehash)
    b[240] = sk.total_rto & 0xFF
    b[241] = (sk.total_rto >> 8) & 0xFF
    b[242] = sk.total_rto_recoveries & 0xFF
    b[243] = (sk.total_rto_recoveries >> 8) & 0xFF
    rto_time: i64 = sk.total_rto_time
    if sk.rto_stamp != 0:
        rto_time += (now // 1_000_000 - sk.rto_stamp) & U32
    _u32(b, 244, rto_time)
    _u32(b, 248, sk.received_ce)
    return bytes(b)


def chrono(sk: TcpSock, kind: i64, stat: i64, now_us: i64) -> i64:
    """µs spent so, the spell under way included."""
    if sk.chrono_type == kind:
        # the chronograph counts in milliseconds (tcp_jiffies32)
        return stat // 1000 + (now_us - sk.chrono_start // 1000)
    return stat // 1000


def tcp_compute_delivery_rate(sk: TcpSock) -> i64:
    """Bytes per second of the latest rate sample."""
    if sk.rate_delivered == 0 or sk.rate_interval_us == 0:
        return 0
    return sk.rate_delivered * sk.mss_cache * 1_000_000 // sk.rate_interval_us


def _u32(b: bytearray, at: i64, v: i64) -> None:
    b[at] = v & 0xFF
    b[at + 1] = (v >> 8) & 0xFF
    b[at + 2] = (v >> 16) & 0xFF
    b[at + 3] = (v >> 24) & 0xFF


def _u64(b: bytearray, at: i64, v: i64) -> None:
    if v == NEVER:
        v = -1  # no limit: all ones
    _u32(b, at, v)
    _u32(b, at + 4, v >> 32)
