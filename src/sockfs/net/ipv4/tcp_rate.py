"""How fast data is delivered: one sample for each acknowledgement.

Kernel counterpart: `net/ipv4/tcp_rate.c`; draft-cheng-iccrg-delivery-rate-estimation. Each segment
remembers, when it is sent, how much
had been delivered; when it is delivered itself, the difference over the time between is a rate. Congestion
controls and
`tcpi_delivery_rate` read it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import i64

from sockfs.net.ipv4 import tcp_h
from sockfs.uapi.tcp import TCPCB_EVER_RETRANS, TCPCB_SACKED_ACKED
from sockfs.util.seq import after

if TYPE_CHECKING:
    from sockfs.structs.sk_buff import SkBuff
    from sockfs.structs.tcp_sock import RateSample, TcpSock


def tcp_rate_skb_sent(sk: TcpSock, skb: SkBuff) -> None:
    """skb goes out: note where delivery stands. A flight that starts from nothing starts the clocks too."""
    if sk.packets_out == 0:
        at: i64 = skb.skb_mstamp_ns // 1000
        sk.first_tx_mstamp = at
        sk.delivered_mstamp = at
    skb.tx_first_tx_mstamp = sk.first_tx_mstamp
    skb.tx_delivered_mstamp = sk.delivered_mstamp
    skb.tx_delivered = sk.delivered
    skb.tx_delivered_ce = sk.delivered_ce
    skb.is_app_limited = sk.app_limited != 0


def tcp_rate_skb_delivered(sk: TcpSock, skb: SkBuff, rs: RateSample) -> None:
    """skb was newly acknowledged or SACKed: the one sent last makes the sample."""
    if skb.tx_delivered_mstamp == 0 and skb.tx_first_tx_mstamp == 0:
        return
    sent: i64 = skb.skb_mstamp_ns // 1000
    if (
        rs.prior_delivered == 0
        or sent > sk.first_tx_mstamp
        or (sent == sk.first_tx_mstamp and after(skb.end_seq, rs.last_end_seq))
    ):
        rs.prior_delivered_ce = skb.tx_delivered_ce
        rs.prior_delivered = skb.tx_delivered
        rs.prior_mstamp = skb.tx_delivered_mstamp
        rs.is_app_limited = skb.is_app_limited
        rs.is_retrans = skb.sacked & TCPCB_EVER_RETRANS != 0
        rs.last_end_seq = skb.end_seq
        sk.first_tx_mstamp = sent
        rs.interval_us = sent - skb.tx_first_tx_mstamp
    # SACKed now, acknowledged later: count it once.
    if skb.sacked & TCPCB_SACKED_ACKED:
        skb.tx_delivered_mstamp = 0
        skb.tx_first_tx_mstamp = 0


def tcp_rate_gen(sk: TcpSock, delivered: i64, lost: i64, is_sack_reneg: bool, rs: RateSample) -> None:
    """The acknowledgement is processed: complete its sample."""
    if sk.app_limited and after(sk.delivered, sk.app_limited):
        sk.app_limited = 0
    if delivered:
        sk.delivered_mstamp = sk.tcp_mstamp
    rs.acked_sacked = delivered
    rs.losses = lost
    # Nothing to measure, or the peer took back what it SACKed.
    if rs.prior_mstamp == 0 or is_sack_reneg:
        rs.delivered = -1
        rs.interval_us = -1
        return
    rs.delivered = sk.delivered - rs.prior_delivered
    rs.delivered_ce = sk.delivered_ce - rs.prior_delivered_ce
    # The slower of sending and acknowledging: ACKs may come in a lump.
    snd_us: i64 = rs.interval_us
    ack_us: i64 = sk.tcp_mstamp - rs.prior_mstamp
    rs.snd_interval_us = snd_us
    rs.rcv_interval_us = ack_us
    rs.interval_us = snd_us if snd_us > ack_us else ack_us
    if rs.interval_us < tcp_h.tcp_min_rtt(sk):
        rs.interval_us = -1
        return
    if not rs.is_app_limited or rs.delivered * sk.rate_interval_us >= sk.rate_delivered * rs.interval_us:
        sk.rate_delivered = rs.delivered
        sk.rate_interval_us = rs.interval_us
        sk.rate_app_limited = rs.is_app_limited


def tcp_rate_check_app_limited(sk: TcpSock) -> None:
    """A send finds nothing waiting and room in the window: until what is in flight is delivered, samples
    show the program's pace."""
    if (
        ((sk.write_seq - sk.snd_nxt) & 0xFFFFFFFF) < sk.mss_cache
        and sk.sk_wmem_alloc < 832
        and tcp_h.tcp_packets_in_flight(sk) < sk.snd_cwnd
        and sk.lost_out <= sk.retrans_out
    ):
        limited: i64 = sk.delivered + tcp_h.tcp_packets_in_flight(sk)
        sk.app_limited = limited if limited else 1
