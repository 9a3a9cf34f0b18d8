"""TCP sends again: retransmissions and the tail loss probe.

Kernel counterpart: the second half of `net/ipv4/tcp_output.c`. Control enters from loss recovery
(`tcp_xmit_retransmit_queue`), from
the retransmission timer (`tcp_retransmit_skb`) and from the probe timer (`tcp_send_loss_probe`, RFC 8985
section 7); it goes on in
`tcp_output.tcp_transmit_skb`. What is to be retransmitted is marked TCPCB_LOST by `tcp_recovery.py` and
`tcp_loss.py`.

Not modelled: a clone that still stands in the device's queue does not hold its retransmission back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.kernel import trace
from sockfs.net.core import skbuff
from sockfs.net.core import sock as core_sock
from sockfs.net.ipv4 import tcp_h, tcp_loss, tcp_output, tcp_timer
from sockfs.uapi.errno import EAGAIN, EHOSTUNREACH, EINVAL, ENOMEM
from sockfs.uapi.tcp import (
    ICSK_TIME_LOSS_PROBE,
    ICSK_TIME_REO_TIMEOUT,
    ICSK_TIME_RETRANS,
    TCP_CA_CWR,
    TCPCB_EVER_RETRANS,
    TCPCB_LOST,
    TCPCB_SACKED_ACKED,
    TCPCB_SACKED_RETRANS,
    TCPHDR_CWR,
    TCPHDR_ECE,
    TCPHDR_FIN,
    TCPHDR_PSH,
    TCPHDR_SYN,
    TCP_CA_Loss,
    TCP_CA_Open,
)
from sockfs.util.seq import after, before, seq_diff

if TYPE_CHECKING:
    from sockfs.structs.sk_buff import SkBuff
    from sockfs.structs.tcp_sock import TcpSock

U32: Final = 0xFFFFFFFF
TCP_TIMEOUT_MIN_US: Final = 2000


def tcp_xmit_retransmit_queue(sk: TcpSock) -> None:
    """Retransmit what is marked lost, oldest first, as far as the congestion window reaches."""
    if sk.packets_out == 0:
        return
    head = sk.tcp_rtx_queue.first
    skb = sk.retransmit_skb_hint
    if skb is None:
        skb = head
    hole: SkBuff | None = None
    rearm = False
    mib = sk.sk_net.mib_linux
    max_segs = tcp_output.tcp_tso_segs(sk, tcp_output.tcp_current_mss(sk))
    while skb is not None:
        if sk.sk_pacing_status != 0 and tcp_output.tcp_pacing_check(sk):
            break
        if hole is None:
            sk.retransmit_skb_hint = skb  # nothing before it needs a look any more
        segs: i64 = sk.snd_cwnd - tcp_h.tcp_packets_in_flight(sk)
        if segs <= 0:
            break
        if segs > max_segs:
            segs = max_segs
        if sk.retrans_out >= sk.lost_out:
            break
        sacked = skb.sacked
        if sacked & TCPCB_LOST == 0:
            if hole is None and sacked & (TCPCB_SACKED_RETRANS | TCPCB_SACKED_ACKED) == 0:
                hole = skb
            skb = skb.next
            continue
        if sacked & (TCPCB_SACKED_ACKED | TCPCB_SACKED_RETRANS):
            skb = skb.next
            continue
        if tcp_output.tcp_small_queue_check(sk, skb, 1):
            break
        if tcp_retransmit_skb(sk, skb, segs) != 0:
            break
        if sk.icsk_ca_state == TCP_CA_Loss:
            mib.TCPSlowStartRetrans += skb.tcp_gso_segs
        else:
            mib.TCPFastRetrans += skb.tcp_gso_segs
        if tcp_h.tcp_in_cwnd_reduction(sk):
            sk.prr_out += skb.tcp_gso_segs
        if skb is head and sk.icsk_pending != ICSK_TIME_REO_TIMEOUT:
            rearm = True
        skb = skb.next
    if rearm:
        tcp_timer.tcp_reset_xmit_timer(sk, ICSK_TIME_RETRANS, sk.icsk_rto, True)


def tcp_retransmit_skb(sk: TcpSock, skb: SkBuff, segs: i64) -> i64:
    """Send (the first segs segments of) skb again, and keep account of it. 0, a NET_XMIT code or -errno."""
    err = __tcp_retransmit_skb(sk, skb, segs)
    # An undo takes the marks of loss away and leaves this one: it may be here already, and counted.
    if err == 0 and (skb.sacked & TCPCB_SACKED_RETRANS) == 0:
        skb.sacked |= TCPCB_SACKED_RETRANS
        sk.retrans_out += skb.tcp_gso_segs
    # When the first retransmission went: the Eifel test and the user time-out look back to it.
    if sk.retrans_stamp == 0:
        stamp: i64 = (skb.skb_mstamp_ns // 1_000_000) & U32
        sk.retrans_stamp = stamp if stamp else 1
    if sk.undo_retrans < 0:
        sk.undo_retrans = 0
    sk.undo_retrans += skb.tcp_gso_segs
    return err


def __tcp_retransmit_skb(sk: TcpSock, skb: SkBuff, segs: i64) -> i64:
    sk.icsk_mtup_probe_size = 0
    if before(skb.seq, sk.snd_una):
        if skb.tcp_flags & TCPHDR_SYN:
            # The SYN of a fast open is acknowledged, its data is not.
            skb.tcp_flags &= ~TCPHDR_SYN
            skb.seq = (skb.seq + 1) & U32
        if before(skb.end_seq, sk.snd_una):
            return -EINVAL
        acked = seq_diff(sk.snd_una, skb.seq)
        if acked > 0 and acked <= skb.len:
            tcp_output.tcp_trim_head(sk, skb, acked)
    if sk.icsk_af_ops.rebuild_header(sk) != 0:
        return -EHOSTUNREACH
    cur_mss = tcp_output.tcp_current_mss(sk)
    avail = seq_diff(tcp_h.tcp_wnd_end(sk), skb.seq)
    if avail <= 0:
        # The window shrank below it: only the head goes, as a probe.
        if skb.seq != sk.snd_una:
            return -EAGAIN
        avail = cur_mss
    length: i64 = cur_mss * segs
    if length > avail:
        length = avail // cur_mss * cur_mss
        if length == 0:
            length = avail
    if skb.len > length:
        if tcp_output.tcp_fragment(sk, tcp_output.TCP_FRAG_IN_RTX_QUEUE, skb, length, cur_mss) != 0:
            return -ENOMEM
    else:
        before_segs = skb.tcp_gso_segs
        after_segs = tcp_output.tcp_set_skb_tso_segs(skb, cur_mss)
        if before_segs and before_segs != after_segs:
            tcp_output.tcp_adjust_pcount(sk, skb, before_segs - after_segs)
        if avail > cur_mss:
            avail = cur_mss
        if skb.len < avail:
            tcp_retrans_try_collapse(sk, skb, avail)
    if skb.tcp_flags & TCPHDR_SYN and skb.tcp_flags & (TCPHDR_ECE | TCPHDR_CWR) == TCPHDR_ECE | TCPHDR_CWR:
        # RFC 3168 section 6.1.1.1: perhaps ECN is what kills it.
        if sk.sk_net.ipv4.sysctl_tcp_ecn_fallback:
            skb.tcp_flags &= ~(TCPHDR_ECE | TCPHDR_CWR)
    n = skb.tcp_gso_segs
    net = sk.sk_net
    net.mib_tcp.RetransSegs += n
    if skb.tcp_flags & TCPHDR_SYN:
        net.mib_linux.TCPSynRetrans += 1
    sk.total_retrans += n
    sk.bytes_retrans += skb.len
    err = tcp_output.tcp_transmit_skb(sk, skb, True)
    if err == 0:
        if sk.kernel.trace_on:
            trace.tcp_retransmit_skb(sk, skb)
    else:
        net.mib_linux.TCPRetransFail += n
    skb.sacked |= TCPCB_EVER_RETRANS
    return err


def tcp_retrans_try_collapse(sk: TcpSock, to: SkBuff, space: i64) -> None:
    """Small neighbours are sent again as one segment (`net.ipv4.tcp_retrans_collapse`)."""
    if sk.sk_net.ipv4.sysctl_tcp_retrans_collapse == 0 or to.tcp_flags & TCPHDR_SYN:
        return
    first = True
    skb = to.next
    while skb is not None:
        nxt = skb.next
        if not tcp_can_collapse(sk, skb) or to.eor:
            break
        if skb.tcp_flags & TCPHDR_SYN:
            break
        space -= skb.len
        if first:
            first = False
            space -= to.len
        if space < 0:
            break
        if after(skb.end_seq, tcp_h.tcp_wnd_end(sk)):
            break
        tcp_collapse_retrans(sk, to)
        skb = nxt


def tcp_can_collapse(sk: TcpSock, skb: SkBuff) -> bool:
    return skb.tcp_gso_segs <= 1 and skb.sacked & TCPCB_SACKED_ACKED == 0 and skb.len != 0


def tcp_collapse_retrans(sk: TcpSock, skb: SkBuff) -> None:
    """The one behind skb goes into it."""
    nxt = skb.next
    if nxt is None or nxt.uarg is not skb.uarg:
        return
    if sk.highest_sack is nxt:
        sk.highest_sack = nxt.next
    old = skb.truesize
    skbuff.skb_append(skb, nxt)
    grown: i64 = skb.truesize - old
    sk.sk_wmem_queued += grown
    core_sock.sk_mem_charge(sk, grown)
    skb.end_seq = nxt.end_seq
    skb.tcp_flags |= nxt.tcp_flags & (TCPHDR_FIN | TCPHDR_PSH | 0x10)
    # The sum is as retransmitted as its parts.
    skb.sacked |= nxt.sacked & TCPCB_EVER_RETRANS
    skb.eor = nxt.eor
    if nxt.tx_flags:
        skb.tx_flags |= nxt.tx_flags
        skb.tskey = nxt.tskey
    if sk.retransmit_skb_hint is nxt:
        sk.retransmit_skb_hint = skb
    tcp_output.tcp_adjust_pcount(sk, nxt, nxt.tcp_gso_segs)
    tcp_output.tcp_rtx_queue_unlink_and_free(sk, nxt)


# ---- tail loss probe


def tcp_schedule_loss_probe(sk: TcpSock, advancing_rto: bool) -> bool:
    """RFC 8985 section 7.2: set the probe timer to two round trips, unless the RTO comes first. False: not
    applicable."""
    if sk.fastopen_rsk is not None:
        return False
    early = sk.sk_net.ipv4.sysctl_tcp_early_retrans
    if (
        (early != 3 and early != 4)
        or sk.packets_out == 0
        or sk.sack_ok == 0
        or (sk.icsk_ca_state != TCP_CA_Open and sk.icsk_ca_state != TCP_CA_CWR)
    ):
        return False
    timeout: i64
    if sk.srtt_us:
        us: i64 = sk.srtt_us >> 2
        if sk.packets_out == 1:
            us += tcp_h.tcp_rto_min_us(sk)  # the peer may delay the ACK of a single segment
        else:
            us += TCP_TIMEOUT_MIN_US
        timeout = tcp_h.jiffies_up(us * 1000)
    else:
        timeout = tcp_h.TCP_TIMEOUT_INIT
    rto: i64 = sk.icsk_rto if advancing_rto else tcp_loss.tcp_rto_delta_us(sk) * 1000
    if rto > 0 and rto < timeout:
        timeout = rto
    tcp_timer.tcp_reset_xmit_timer(sk, ICSK_TIME_LOSS_PROBE, timeout, True)
    return True


def tcp_send_loss_probe(sk: TcpSock) -> None:
    """RFC 8985 section 7.3: send new data if there is any and it may go; else the last segment again."""
    if sk.tlp_high_seq == 0 and _send_probe(sk):
        sk.tlp_high_seq = sk.snd_nxt
        sk.sk_net.mib_linux.TCPLossProbes += 1
        sk.icsk_pending = 0  # so that the RTO is set anew
    tcp_loss.tcp_rearm_rto(sk)


def _send_probe(sk: TcpSock) -> bool:
    mss = tcp_output.tcp_current_mss(sk)
    sk.tlp_retrans = False
    skb = sk.sk_write_queue.first
    if skb is not None and tcp_output.tcp_snd_wnd_test(sk, skb, mss):
        out = sk.packets_out
        tcp_output.tcp_write_xmit(sk, mss, tcp_h.TCP_NAGLE_OFF, 2)
        return sk.packets_out > out
    skb = sk.tcp_rtx_queue.last
    if skb is None:
        return False
    pcount = skb.tcp_gso_segs
    if pcount > 1 and skb.len > (pcount - 1) * mss:
        if tcp_output.tcp_fragment(sk, tcp_output.TCP_FRAG_IN_RTX_QUEUE, skb, (pcount - 1) * mss, mss) != 0:
            return False
        skb = skb.next
        if skb is None:
            return False
    if __tcp_retransmit_skb(sk, skb, 1) != 0:
        return False
    sk.tlp_retrans = True
    return True
