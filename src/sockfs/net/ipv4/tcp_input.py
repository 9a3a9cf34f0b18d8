"""TCP receives: the state machine of RFC 9293 section 3.10.7.

Kernel counterpart: `net/ipv4/tcp_input.c`. Control enters from `tcp_v4_do_rcv`: an established connection by
`tcp_rcv_established` (with a fast
path for the segment that was expected), every other state by `tcp_rcv_state_process`, which follows the
RFC's order of checks. It
goes on to `tcp_ack_in.py` (acknowledgements), `tcp_ofo.py` (data), and ends at two named exits:
`tcp_data_snd_check` (what may be sent now)
and `tcp_ack_snd_check` (what is to be acknowledged).

The kernel's file is divided here by rooms: `tcp_ack_in.py`, `tcp_loss.py` (recovery's state machine),
`tcp_sack.py`, `tcp_ofo.py`, `tcp_rcvbuf.py`;
the doors at the end lead there. Longer than 800 lines because the RFC's list is.

A function that returns a drop reason leaves the skb, and the RST that answers it, to its caller.
Not modelled: MPTCP, TCP-AO, MD5, AccECN, receive offload's page recycling.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.kernel import trace
from sockfs.net.core import errqueue, request_sock, skbuff, wire
from sockfs.net.core import sock as core_sock
from sockfs.net.ipv4 import (
    inet_connection_sock,
    tcp,
    tcp_ack_in,
    tcp_cong,
    tcp_connect,
    tcp_fastopen,
    tcp_h,
    tcp_loss,
    tcp_metrics,
    tcp_minisocks,
    tcp_ofo,
    tcp_output,
    tcp_rcvbuf,
    tcp_timer,
)
from sockfs.structs.sock import (
    RCV_SHUTDOWN,
    SEND_SHUTDOWN,
    SHUTDOWN_MASK,
    SOCK_DEAD,
    SOCK_DONE,
    SOCK_URGINLINE,
)
from sockfs.structs.tcp_ack_flags import (
    FLAG_DATA,
    FLAG_NO_CHALLENGE_ACK,
    FLAG_SLOWPATH,
    FLAG_UPDATE_TS_RECENT,
)
from sockfs.uapi.dropreason import (
    SKB_DROP_REASON_TCP_ABORT_ON_DATA,
    SKB_DROP_REASON_TCP_CLOSE,
    SKB_DROP_REASON_TCP_FASTOPEN,
    SKB_DROP_REASON_TCP_FLAGS,
    SKB_DROP_REASON_TCP_INVALID_ACK_SEQUENCE,
    SKB_DROP_REASON_TCP_INVALID_END_SEQUENCE,
    SKB_DROP_REASON_TCP_INVALID_SEQUENCE,
    SKB_DROP_REASON_TCP_INVALID_SYN,
    SKB_DROP_REASON_TCP_OLD_SEQUENCE,
    SKB_DROP_REASON_TCP_RESET,
    SKB_DROP_REASON_TCP_RFC7323_PAWS,
    SKB_DROP_REASON_TCP_RFC7323_PAWS_ACK,
)
from sockfs.uapi.errno import ECONNREFUSED, ECONNRESET, EPIPE
from sockfs.uapi.tcp import (
    ICSK_TIME_RETRANS,
    TCP_CLOSE,
    TCP_CLOSE_WAIT,
    TCP_CLOSING,
    TCP_ESTABLISHED,
    TCP_FIN_WAIT1,
    TCP_FIN_WAIT2,
    TCP_LAST_ACK,
    TCP_LISTEN,
    TCP_SYN_RECV,
    TCP_SYN_SENT,
    TCP_SYNACK_COOKIE,
    TCP_SYNACK_FASTOPEN,
    TCP_SYNACK_NORMAL,
    TCP_TIME_WAIT,
    TCPHDR_ACK,
    TCPHDR_CWR,
    TCPHDR_ECE,
    TCPHDR_FIN,
    TCPHDR_RST,
    TCPHDR_SYN,
    TCPHDR_URG,
)
from sockfs.util.seq import after, before, between

if TYPE_CHECKING:
    from sockfs.structs.dst import Dst
    from sockfs.structs.headers import Tcphdr
    from sockfs.structs.ops import RequestSockOps
    from sockfs.structs.request_sock import RequestSock
    from sockfs.structs.sk_buff import SkBuff
    from sockfs.structs.tcp_sock import TcpSock

U32: Final = 0xFFFFFFFF
TCP_TIMEWAIT_LEN: Final = 60 * tcp_h.SEC
POLL_IN: Final = 1
POLL_OUT: Final = 2
POLL_HUP: Final = 6
SOCK_WAKE_IO: Final = 0
SOCK_WAKE_WAITD: Final = 1
SOCK_NOSPACE: Final = 1 << 2


# ---- ESTABLISHED


def tcp_rcv_established(sk: TcpSock, skb: SkBuff) -> None:
    """A segment for an established connection. The skb is consumed.

    Header prediction (Van Jacobson): the next segment is, nearly always, either the ACK of what we sent or
    the next data, with
    nothing remarkable in its header. Either is done here; everything else takes the long way.
    """
    th = skb.th
    if th is None:
        skbuff.consume_skb(sk.kernel, skb)
        return
    k = sk.kernel
    now = k.now
    sk.tcp_clock_cache = now
    sk.tcp_mstamp = now // 1000
    sk.saw_tstamp = False
    pred = sk.pred_flags
    if (
        pred != 0
        and (th.doff << 28) | ((th.flags & 0x1F7) << 16) | th.window == pred
        and skb.seq == sk.rcv_nxt
        and (skb.ack_seq - sk.snd_nxt - 1) & 0x80000000 != 0
        and (skb.ack_seq - sk.snd_una) & 0x80000000 == 0  # older: perhaps blind injection (RFC 5961)
    ):
        fast = True
        if sk.tcp_header_len == 32:
            # Timestamps are expected: they must be there, and not older than the last (PAWS).
            if not th.saw_tstamp:
                fast = False
            else:
                sk.saw_tstamp = True
                sk.rcv_tsval = th.tsval
                sk.rcv_tsecr = (th.tsecr - sk.tsoffset) & U32 if th.tsecr else 0
                fast = (th.tsval - sk.ts_recent) & 0x80000000 == 0
        elif th.doff != 5:
            fast = False
        if fast:
            if skb.len == 0:
                # A bare ACK: we are the sender. (Nothing but its header.)
                if sk.saw_tstamp and sk.rcv_nxt == sk.rcv_wup:
                    tcp_ack_in.tcp_store_ts_recent(sk)
                tcp_ack_in.tcp_ack(sk, skb, 0)
                skbuff.consume_skb(k, skb)
                tcp_data_snd_check(sk)
                # Linux: a hint for autotuning's RTT without data would go here
                return
            if (
                sk.sk_rmem_alloc + skb.len <= sk.sk_rcvbuf
                and sk.sk_socket is not None
                and core_sock.sk_rmem_schedule(sk, skb.truesize)
            ):
                # The next data: we are the receiver.
                if sk.saw_tstamp and sk.rcv_nxt == sk.rcv_wup:
                    tcp_ack_in.tcp_store_ts_recent(sk)
                tcp_rcvbuf.tcp_rcv_rtt_measure_ts(sk, skb)
                sk.sk_net.mib_linux.TCPHPHits += 1
                sk.rx_opt_dsack = False
                # Linux: data for which the sock must get another page takes the long way, which lets go of
                # what MSG_MORE held back.
                push = (
                    sk.sk_write_queue.first is not None
                    and skb.truesize > -(sk.sk_rmem_alloc + sk.sk_wmem_queued) & 0xFFF
                )
                eaten = tcp_ofo.tcp_queue_rcv(sk, skb)
                tcp_rcvbuf.tcp_event_data_recv(sk, skb)
                if skb.ack_seq != sk.snd_una:
                    # It acknowledges something too.
                    tcp_ack_in.tcp_ack(sk, skb, FLAG_DATA)
                    tcp_data_snd_check(sk)
                else:
                    sk.snd_wl1 = skb.seq
                    if push:
                        tcp_data_snd_check(sk)
                if sk.icsk_ack_pending & 1:
                    tcp_rcvbuf.__tcp_ack_snd_check(sk, False)
                if eaten:
                    skbuff.consume_skb(k, skb)
                tcp_rcvbuf.tcp_data_ready(sk)
                return
    # The long way.
    if th.flags & (TCPHDR_ACK | TCPHDR_RST | TCPHDR_SYN) == 0:
        skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_TCP_FLAGS)
        return
    if not tcp_validate_incoming(sk, skb, th, True):
        return
    reason = tcp_ack_in.tcp_ack(sk, skb, FLAG_SLOWPATH | FLAG_UPDATE_TS_RECENT)
    if reason < 0:
        skbuff.kfree_skb_reason(k, skb, -reason)
        return
    tcp_rcvbuf.tcp_rcv_rtt_measure_ts(sk, skb)
    if th.flags & TCPHDR_URG or sk.urg_data == tcp_h.TCP_URG_NOTYET:
        tcp_urg(sk, skb, th)
    tcp_ofo.tcp_data_queue(sk, skb)
    tcp_data_snd_check(sk)
    tcp_rcvbuf.tcp_ack_snd_check(sk)


# ---- every other state


def tcp_rcv_state_process(sk: TcpSock, skb: SkBuff) -> i64:
    """RFC 9293 section 3.10.7 for all states but ESTABLISHED. 0: the skb is consumed; else a drop reason:
    the caller resets and frees."""
    k = sk.kernel
    th = skb.th
    if th is None:
        skbuff.consume_skb(k, skb)
        return 0
    flags = th.flags
    state = sk.sk_state
    if state == TCP_CLOSE:
        # 3.10.7.1: "all data in the incoming segment is discarded"
        skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_TCP_CLOSE)
        return 0
    if state == TCP_LISTEN:
        # 3.10.7.2. First: "an incoming RST should be ignored". Second: an ACK "is bad: a RST should be
        # formed".
        if flags & TCPHDR_ACK:
            return SKB_DROP_REASON_TCP_FLAGS
        if flags & TCPHDR_RST:
            skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_TCP_RESET)
            return 0
        # Third: SYN.
        if flags & TCPHDR_SYN:
            if flags & TCPHDR_FIN:
                # Linux: SYN and FIN together are a scan, not T/TCP.
                skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_TCP_FLAGS)
                return 0
            sk.icsk_af_ops.conn_request(sk, skb)
            skbuff.consume_skb(k, skb)
            return 0
        # Fourth: "should not be reached; drop the segment"
        skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_TCP_FLAGS)
        return 0
    if state == TCP_SYN_SENT:
        sk.saw_tstamp = False
        tcp_h.tcp_mstamp_refresh(sk)
        reason = tcp_rcv_synsent_state_process(sk, skb, th)
        if reason > 0:
            return reason
        if reason < 0:
            # "If neither SYN nor RST is set, drop the segment"; else: connected, look at URG and send.
            if sk.sk_state != TCP_CLOSE:
                tcp_urg(sk, skb, th)
                tcp_data_snd_check(sk)
            skbuff.consume_skb(k, skb)
        return 0
    # 3.10.7.4, all other states.
    tcp_h.tcp_mstamp_refresh(sk)
    sk.saw_tstamp = False
    req = sk.fastopen_rsk
    if req is not None and tcp_minisocks.tcp_check_req(sk, skb, req, True) is None:
        skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_TCP_FASTOPEN)
        return 0
    # A segment without ACK, RST or SYN says nothing.
    if flags & (TCPHDR_ACK | TCPHDR_RST | TCPHDR_SYN) == 0:
        skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_TCP_FLAGS)
        return 0
    # First to fourth: sequence number, RST, security, SYN.
    if not tcp_validate_incoming(sk, skb, th, False):
        return 0
    # Fifth: "if the ACK bit is off, drop the segment"
    reason = tcp_ack_in.tcp_ack(sk, skb, FLAG_SLOWPATH | FLAG_UPDATE_TS_RECENT | FLAG_NO_CHALLENGE_ACK)
    if reason <= 0:
        if sk.sk_state == TCP_SYN_RECV:
            # "If the segment acknowledgment is not acceptable, form a reset segment"
            return SKB_DROP_REASON_TCP_INVALID_ACK_SEQUENCE if reason == 0 else -reason
        # RFC 5961 section 5.2: an ACK that acknowledges nothing of ours is challenged.
        if reason < 0:
            tcp_send_challenge_ack(sk)
            skbuff.kfree_skb_reason(k, skb, -reason)
            return 0
    state = sk.sk_state
    if state == TCP_SYN_RECV:
        _synrecv_acked(sk, skb, th)
    elif state == TCP_FIN_WAIT1:
        if sk.fastopen_rsk is not None:
            tcp_fastopen.tcp_rcv_synrecv_state_fastopen(sk)
        r = _fin_wait1_acked(sk, skb, th)
        if r < 0:
            return 0
        if r > 0:
            return r
    elif state == TCP_CLOSING:
        # "if the ACK acknowledges our FIN then enter the TIME-WAIT state; otherwise ignore the segment"
        if sk.snd_una == sk.write_seq:
            tcp_minisocks.tcp_time_wait(sk, TCP_TIME_WAIT, 0)
            skbuff.consume_skb(k, skb)
            return 0
    elif state == TCP_LAST_ACK:
        # "If our FIN is now acknowledged, delete the TCB, enter the CLOSED state, and return."
        if sk.snd_una == sk.write_seq:
            tcp_metrics.tcp_update_metrics(sk)
            tcp.tcp_done(sk)
            skbuff.consume_skb(k, skb)
            return 0
    # Sixth: URG.
    tcp_urg(sk, skb, th)
    # Seventh: the text; eighth: FIN (in tcp_data_queue).
    state = sk.sk_state
    if state in (TCP_CLOSE_WAIT, TCP_CLOSING, TCP_LAST_ACK):
        # "This should not occur since a FIN has been received from the remote side. Ignore the segment text."
        if not before(skb.seq, sk.rcv_nxt):
            skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_TCP_ABORT_ON_DATA)
            tcp_data_snd_check(sk)
            tcp_rcvbuf.tcp_ack_snd_check(sk)
            return 0
        tcp_ofo.tcp_data_queue(sk, skb)
    elif state in (TCP_FIN_WAIT1, TCP_FIN_WAIT2):
        # RFC 1122 section 4.2.2.13: data for a program that has closed: reset.
        if sk.sk_shutdown & RCV_SHUTDOWN:
            if skb.end_seq != skb.seq and after(skb.end_seq - (flags & 1), sk.rcv_nxt):
                sk.sk_net.mib_linux.TCPAbortOnData += 1
                tcp_reset(sk, skb)
                return SKB_DROP_REASON_TCP_ABORT_ON_DATA
        tcp_ofo.tcp_data_queue(sk, skb)
    elif state == TCP_ESTABLISHED:
        tcp_ofo.tcp_data_queue(sk, skb)
    else:
        skbuff.consume_skb(k, skb)
        return 0
    if sk.sk_state != TCP_CLOSE:
        tcp_data_snd_check(sk)
        tcp_rcvbuf.tcp_ack_snd_check(sk)
    return 0


def _synrecv_acked(sk: TcpSock, skb: SkBuff, th: Tcphdr) -> None:
    """SYN-RECEIVED: "If SND.UNA < SEG.ACK =< SND.NXT, then enter ESTABLISHED state" with the window of this
    segment."""
    sk.delivered += 1
    req = sk.fastopen_rsk
    if req is not None:
        # Its transfer began with the SYN.
        if sk.srtt_us == 0:
            tcp_ack_in.tcp_synack_rtt_meas(sk, req)
        tcp_fastopen.tcp_rcv_synrecv_state_fastopen(sk)
    tcp.tcp_set_state(sk, TCP_ESTABLISHED)
    sk.sk_state_change.run(sk)
    # A child has no socket yet; a simultaneous open has.
    if sk.sk_socket is not None:
        core_sock.sk_wake_async(sk, SOCK_WAKE_IO, POLL_OUT)
    sk.snd_una = skb.ack_seq
    sk.snd_wnd = th.window << sk.snd_wscale
    sk.snd_wl1 = skb.seq
    if sk.snd_wnd > sk.max_window:
        sk.max_window = sk.snd_wnd
    if sk.tstamp_ok:
        sk.advmss -= 12
    if req is None and sk.undo_marker and sk.undo_retrans <= 0 and sk.retrans_stamp:
        # The SYN-ACK's time-out was spurious (RFC 5682, Eifel).
        if sk.saw_tstamp and sk.rcv_tsecr and before(sk.rcv_tsecr, sk.retrans_stamp):
            sk.undo_marker = 0
            sk.retrans_stamp = 0
    sk.retrans_stamp = 0
    if req is None:
        tcp_init_transfer(sk, skb)
    if not sk.icsk_ca_ops.has_cong_control:
        tcp_ack_in.tcp_update_pacing_rate(sk)
    sk.lsndtime = sk.kernel.now
    tcp_rcvbuf.tcp_initialize_rcv_mss(sk)
    tcp_h.tcp_fast_path_on(sk)
    if sk.sk_shutdown & SEND_SHUTDOWN:
        tcp.tcp_shutdown(sk, SEND_SHUTDOWN)


def _fin_wait1_acked(sk: TcpSock, skb: SkBuff, th: Tcphdr) -> i64:
    """FIN-WAIT-1: "if our FIN is now acknowledged, then enter FIN-WAIT-2 and continue". 0: go on; -1: done;
    > 0: drop reason."""
    if sk.snd_una != sk.write_seq:
        return 0
    tcp.tcp_set_state(sk, TCP_FIN_WAIT2)
    sk.sk_shutdown |= SEND_SHUTDOWN
    if sk.sk_flags & SOCK_DEAD == 0:
        # Somebody may linger in close(2).
        sk.sk_state_change.run(sk)
        return 0
    if sk.linger2 < 0:
        tcp.tcp_done(sk)
        sk.sk_net.mib_linux.TCPAbortOnData += 1
        return SKB_DROP_REASON_TCP_ABORT_ON_DATA
    if skb.end_seq != skb.seq and after(skb.end_seq - (th.flags & 1), sk.rcv_nxt):
        # Data for an orphan.
        tcp.tcp_done(sk)
        sk.sk_net.mib_linux.TCPAbortOnData += 1
        return SKB_DROP_REASON_TCP_ABORT_ON_DATA
    tmo = tcp_h.tcp_fin_time(sk)
    if tmo > TCP_TIMEWAIT_LEN:
        tcp_timer.tcp_reset_keepalive_timer(sk, tmo - TCP_TIMEWAIT_LEN)
    elif th.flags & TCPHDR_FIN or sk.sk_owned:
        # The FIN is here with it, or a call is at work: a timer, so as not to lose it.
        tcp_timer.tcp_reset_keepalive_timer(sk, tmo)
    else:
        tcp_minisocks.tcp_time_wait(sk, TCP_FIN_WAIT2, tmo)
        skbuff.consume_skb(sk.kernel, skb)
        return -1
    return 0


# ---- SYN-SENT


def tcp_rcv_synsent_state_process(sk: TcpSock, skb: SkBuff, th: Tcphdr) -> i64:
    """RFC 9293 section 3.10.7.3. 0: consumed; > 0: drop reason, to be reset; -1: connected, go on with URG
    and output."""
    k = sk.kernel
    flags = th.flags
    tcp_parse_options(sk, th, False)
    # RFC 7323: TSecr of the SYN-ACK is one of ours, in its own time.
    saved_clamp = sk.rx_opt_mss_clamp
    if flags & TCPHDR_ACK:
        # "First, check the ACK bit: If SEG.ACK =< ISS or SEG.ACK > SND.NXT, send a reset (unless the RST bit
        # is set)"
        if not after(skb.ack_seq, sk.snd_una) or after(skb.ack_seq, sk.snd_nxt):
            # Previous FIN/ACK or RST/ACK of an old connection may be why: try the SYN again soon.
            if sk.icsk_retransmits == 0:
                tcp_timer.tcp_reset_xmit_timer(sk, ICSK_TIME_RETRANS, tcp_h.TCP_TIMEOUT_MIN, False)
            if flags & TCPHDR_RST:
                skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_TCP_INVALID_ACK_SEQUENCE)
                return 0
            return SKB_DROP_REASON_TCP_INVALID_ACK_SEQUENCE
        if sk.saw_tstamp and sk.rcv_tsecr:
            now_ms = tcp_h.tcp_time_stamp_ms(sk)
            start = sk.retrans_stamp if sk.retrans_stamp else now_ms
            if not between(sk.rcv_tsecr, start - 1, now_ms):
                sk.sk_net.mib_linux.PAWSActive += 1
                if flags & TCPHDR_RST:
                    skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_TCP_RFC7323_PAWS)
                    return 0
                return SKB_DROP_REASON_TCP_RFC7323_PAWS
        # "Second, check the RST bit: ... signal the user "error: connection reset", drop the segment, enter
        # CLOSED state"
        if flags & TCPHDR_RST:
            tcp_reset(sk, skb)
            skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_TCP_RESET)
            return 0
        # "Fourth, check the SYN bit"; without it "drop the segment and return".
        if flags & TCPHDR_SYN == 0:
            skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_TCP_FLAGS)
            return 0
        # RFC 3168 section 6.1.1: ECE without CWR agrees to ECN.
        if sk.ecn_flags & tcp_h.TCP_ECN_OK and flags & (TCPHDR_ECE | TCPHDR_CWR) != TCPHDR_ECE:
            sk.ecn_flags = 0
        sk.snd_wl1 = skb.seq
        # "SND.UNA should be advanced to equal SEG.ACK" and the SYN leaves the retransmission queue.
        tcp_ack_in.tcp_ack(sk, skb, FLAG_SLOWPATH)
        # "RCV.NXT is set to SEG.SEQ+1, IRS is set to SEG.SEQ"
        sk.rcv_nxt = (skb.seq + 1) & U32
        sk.rcv_wup = sk.rcv_nxt
        # RFC 7323: the window of a SYN is never scaled.
        sk.snd_wnd = th.window
        if not sk.wscale_ok:
            sk.snd_wscale = 0
            sk.rcv_wscale = 0
            if sk.window_clamp > 65535:
                sk.window_clamp = 65535
        if sk.saw_tstamp:
            sk.tstamp_ok = True
            sk.tcp_header_len = 32
            sk.advmss -= 12
            tcp_ack_in.tcp_store_ts_recent(sk)
        else:
            sk.tcp_header_len = 20
        tcp_output.tcp_sync_mss(sk, sk.icsk_pmtu_cookie)
        tcp_rcvbuf.tcp_initialize_rcv_mss(sk)
        sk.copied_seq = sk.rcv_nxt
        tcp_finish_connect(sk, skb)
        again: bool = (sk.syn_fastopen or sk.syn_data) and tcp_fastopen.tcp_rcv_fastopen_synack(sk, skb)
        if sk.sk_flags & SOCK_DEAD == 0:
            sk.sk_state_change.run(sk)
            core_sock.sk_wake_async(sk, SOCK_WAKE_IO, POLL_OUT)
        if again:
            return -1  # what was sent again carried the ACK
        fo = sk.fastopen_req
        if (
            (fo is not None and fo.msg is not None)
            or sk.sk_write_queue.first is not None
            or sk.defer_accept
            or tcp_h.inet_csk_in_pingpong_mode(sk)
        ):
            # Data is about to follow: the third segment of the handshake can ride on it.
            sk.icsk_ack_pending |= 1
            tcp_rcvbuf.tcp_enter_quickack_mode(sk, tcp_rcvbuf.TCP_MAX_QUICKACKS)
            tcp_timer_reset_dack(sk)
            return -1
        tcp_connect.tcp_send_ack(sk)
        return -1
    # No ACK bit.
    if flags & TCPHDR_RST:
        # "If the ACK was not acceptable, drop the segment": a RST without ACK proves nothing (RFC 5961
        # section 3.2).
        skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_TCP_RESET)
        return 0
    if sk.ts_recent_stamp and sk.saw_tstamp and tcp_h.tcp_paws_reject(sk, False):
        skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_TCP_RFC7323_PAWS)
        return 0
    if flags & TCPHDR_SYN:
        # Simultaneous open (section 3.5, figure 7): "Otherwise, enter SYN-RECEIVED, form a SYN,ACK segment
        # and send it".
        tcp.tcp_set_state(sk, TCP_SYN_RECV)
        if sk.saw_tstamp:
            sk.tstamp_ok = True
            tcp_ack_in.tcp_store_ts_recent(sk)
            sk.tcp_header_len = 32
        else:
            sk.tcp_header_len = 20
        sk.rcv_nxt = (skb.seq + 1) & U32
        sk.copied_seq = sk.rcv_nxt
        sk.rcv_wup = sk.rcv_nxt
        sk.snd_wnd = th.window
        sk.snd_wl1 = skb.seq
        sk.max_window = sk.snd_wnd
        if flags & (TCPHDR_ECE | TCPHDR_CWR) != TCPHDR_ECE | TCPHDR_CWR:
            sk.ecn_flags = 0
        tcp_output.tcp_sync_mss(sk, sk.icsk_pmtu_cookie)
        tcp_rcvbuf.tcp_initialize_rcv_mss(sk)
        tcp_connect.tcp_send_synack(sk)
        # Data in a SYN is left to be sent again (section 3.10.7.3 lets it be queued).
        skbuff.consume_skb(k, skb)
        return 0
    # "Fifth, if neither of the SYN or RST bits is set, then drop the segment and return."
    sk.rx_opt_mss_clamp = saved_clamp
    skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_TCP_FLAGS)
    return 0


def tcp_timer_reset_dack(sk: TcpSock) -> None:
    """The handshake's last ACK waits for data, no longer than the longest delayed ACK."""
    sk.icsk_ack_pending |= 2
    sk.icsk_ack_timeout = sk.kernel.now + tcp_h.TCP_DELACK_MAX
    tcp_timer.tcp_reset_delack_timer(sk, sk.icsk_ack_timeout)


def tcp_finish_connect(sk: TcpSock, skb: SkBuff | None) -> None:
    """SYN-SENT → ESTABLISHED."""
    tcp.tcp_set_state(sk, TCP_ESTABLISHED)
    now = sk.kernel.now
    sk.icsk_ack_lrcvtime = now
    tcp_init_transfer(sk, skb)
    # So that the first data is not taken for data after idleness.
    sk.lsndtime = now
    if sk.sk_flags & (1 << 3):
        tcp_timer.tcp_reset_keepalive_timer(sk, tcp_h.keepalive_time_when(sk))
    if sk.snd_wscale == 0:
        tcp_h.tcp_fast_path_on(sk)
    else:
        sk.pred_flags = 0


def tcp_init_transfer(sk: TcpSock, skb: SkBuff | None) -> None:
    """The connection stands: metrics, initial window, congestion control, buffers."""
    tcp_output.tcp_mtup_init(sk)
    sk.icsk_af_ops.rebuild_header(sk)
    tcp_metrics.tcp_init_metrics(sk)
    if not sk.icsk_ca_initialized:
        tcp_cong.tcp_init_congestion_control(sk)
    tcp_rcvbuf.tcp_init_buffer_space(sk)


# ---- first to fourth: sequence, RST, security, SYN


def tcp_validate_incoming(sk: TcpSock, skb: SkBuff, th: Tcphdr, syn_inerr: bool) -> bool:
    """RFC 9293 section 3.10.7.4, first to fourth; RFC 7323 section 5 (PAWS); RFC 5961. False: the skb is
    consumed."""
    k = sk.kernel
    net = sk.sk_net
    flags = th.flags
    rst: bool = flags & TCPHDR_RST != 0
    # RFC 7323 section 5.3, R1: PAWS comes first.
    if sk.tstamp_ok and th.saw_tstamp:
        sk.saw_tstamp = True
        sk.rcv_tsval = th.tsval
        sk.rcv_tsecr = (th.tsecr - sk.tsoffset) & U32 if th.tsecr else 0
        if tcp_h.tcp_paws_reject(sk, rst):
            reason = tcp_disordered_ack_check(sk, skb)
            if reason != 0:
                if reason == SKB_DROP_REASON_TCP_RFC7323_PAWS_ACK:
                    net.mib_linux.PAWSOldAck += 1
                    skbuff.kfree_skb_reason(k, skb, reason)
                    return False
                net.mib_linux.PAWSEstab += 1
                if not rst:
                    if not tcp_oow_rate_limited(sk, skb, 1):
                        tcp_send_dupack(sk, skb)
                    skbuff.kfree_skb_reason(k, skb, reason)
                    return False
                # "a RST is accepted even if its timestamp is old" (RFC 7323 section 5.2)
    # First, "check sequence number".
    reason = tcp_sequence(sk, skb.seq, skb.end_seq)
    if reason != 0:
        # "If an incoming segment is not acceptable, an acknowledgment should be sent in reply (unless the
        # RST bit is set)"
        if not rst:
            if flags & TCPHDR_SYN:
                return _challenge_syn(sk, skb, th, syn_inerr)
            if reason == SKB_DROP_REASON_TCP_INVALID_END_SEQUENCE:
                net.mib_linux.BeyondWindow += 1
            if not tcp_oow_rate_limited(sk, skb, 0):
                tcp_send_dupack(sk, skb)
        elif tcp_reset_check(sk, skb):
            tcp_reset(sk, skb)
        skbuff.kfree_skb_reason(k, skb, reason)
        return False
    # Second, "check the RST bit". RFC 5961 section 3.2: only the exact next sequence number resets; the rest
    # of the window is challenged.
    if rst:
        if skb.seq == sk.rcv_nxt or tcp_reset_check(sk, skb):
            tcp_reset(sk, skb)
            skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_TCP_RESET)
            return False
        # Linux: the end of the rightmost block we SACKed counts too; the peer may have sent it after all
        # that.
        blocks = sk.selective_acks
        if sk.sack_ok and sk.rx_opt_num_sacks > 0 and blocks is not None:
            max_sack: i64 = blocks[0].end_seq
            for b in blocks:
                if after(b.end_seq, max_sack):
                    max_sack = b.end_seq
            if skb.seq == max_sack:
                tcp_reset(sk, skb)
                skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_TCP_RESET)
                return False
        tcp_send_challenge_ack(sk)
        skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_TCP_RESET)
        return False
    # Third, "check security": none is modelled. Fourth, "check the SYN bit": RFC 5961 section 4.2:
    # challenge, in any state.
    if flags & TCPHDR_SYN:
        if (
            sk.sk_state == TCP_SYN_RECV
            and sk.sk_socket is not None
            and flags & TCPHDR_ACK
            and ((skb.seq + 1) & U32) == sk.rcv_nxt
            and skb.ack_seq == sk.snd_nxt
        ):
            # Simultaneous open: the peer's SYN,ACK crosses ours. Its SYN is known; its ACK is what we wait
            # for.
            return True
        return _challenge_syn(sk, skb, th, syn_inerr)
    return True


def _challenge_syn(sk: TcpSock, skb: SkBuff, th: Tcphdr, syn_inerr: bool) -> bool:
    net = sk.sk_net
    if (
        sk.sk_state == TCP_SYN_RECV
        and sk.sk_socket is not None
        and th.flags & TCPHDR_ACK
        and ((skb.seq + 1) & U32) == sk.rcv_nxt
        and skb.ack_seq == sk.snd_nxt
    ):
        return True
    if syn_inerr:
        net.mib_tcp.InErrs += 1
    net.mib_linux.TCPSYNChallenge += 1
    tcp_send_challenge_ack(sk)
    skbuff.kfree_skb_reason(sk.kernel, skb, SKB_DROP_REASON_TCP_INVALID_SYN)
    return False


def tcp_sequence(sk: TcpSock, seq: i64, end_seq: i64) -> i64:
    """RFC 9293 section 3.10.7.4, table 6, and a little more: 0, or why the segment is not acceptable."""
    # Linux: the left edge is what was last announced, so that a lost ACK is answered.
    if before(end_seq, sk.rcv_wup):
        return SKB_DROP_REASON_TCP_OLD_SEQUENCE
    right: i64 = sk.rcv_nxt + tcp_h.tcp_receive_window(sk)
    if after(end_seq, right):
        if after(seq, right):
            return SKB_DROP_REASON_TCP_INVALID_SEQUENCE
        # It reaches beyond the window: taken only when nothing waits to be read.
        if sk.sk_receive_queue.qlen != 0:
            return SKB_DROP_REASON_TCP_INVALID_END_SEQUENCE
    return 0


def tcp_reset_check(sk: TcpSock, skb: SkBuff) -> bool:
    """Some peers number the RST after their FIN as if the FIN took none (macOS)."""
    return skb.seq == ((sk.rcv_nxt - 1) & U32) and (
        sk.sk_state == TCP_CLOSE_WAIT or sk.sk_state == TCP_LAST_ACK or sk.sk_state == TCP_CLOSING
    )


def tcp_disordered_ack_check(sk: TcpSock, skb: SkBuff) -> i64:
    """PAWS failed: is it a bare ACK that reordering made late? Those are dropped without an answer, or taken
    when they are quite like the last."""
    seq = skb.seq
    old_ack = SKB_DROP_REASON_TCP_RFC7323_PAWS
    if skb.tcp_flags & TCPHDR_ACK == 0:
        return old_ack
    if seq != skb.end_seq:
        return old_ack
    ack = skb.ack_seq
    if after(seq, sk.rcv_nxt) or before(ack, sk.snd_una - sk.max_window):
        return old_ack
    # Older than what we know: nothing new can be in it.
    if before(seq, sk.rcv_nxt) or before(ack, sk.snd_una):
        return SKB_DROP_REASON_TCP_RFC7323_PAWS_ACK
    # A real duplicate ACK (window and all), within a RTO's time.
    if ack != sk.snd_una:
        return old_ack
    th = skb.th
    if th is not None and (th.window << sk.snd_wscale) != sk.snd_wnd:
        return old_ack
    behind: i64 = (sk.ts_recent - sk.rcv_tsval) & U32
    if behind > sk.icsk_rto // tcp_h.MS:
        return old_ack
    return 0


def tcp_send_dupack(sk: TcpSock, skb: SkBuff) -> None:
    """An ACK with what we expect, and a D-SACK when the segment was old data."""
    if skb.end_seq != skb.seq and before(skb.seq, sk.rcv_nxt):
        sk.sk_net.mib_linux.DelayedACKLost += 1
        tcp_rcvbuf.tcp_enter_quickack_mode(sk, tcp_rcvbuf.TCP_MAX_QUICKACKS)
        if sk.sack_ok and sk.sk_net.ipv4.sysctl_tcp_dsack:
            end_seq = skb.end_seq
            if after(skb.end_seq, sk.rcv_nxt):
                end_seq = sk.rcv_nxt
            tcp_ofo.tcp_dsack_set(sk, skb.seq, end_seq)
    tcp_connect.tcp_send_ack(sk)


# ---- answers that are rationed


def tcp_oow_rate_limited(sk: TcpSock, skb: SkBuff, mib: i64) -> bool:
    """At most one answer per `net.ipv4.tcp_invalid_ratelimit` ms to segments without data that are out of
    window. mib: 0 Seq, 1 PAWS."""
    # Data always gets its answer: the sender must learn where we are.
    if skb.seq != skb.end_seq and skb.tcp_flags & TCPHDR_SYN == 0:
        return False
    if _oow_limited(sk):
        if mib == 0:
            sk.sk_net.mib_linux.TCPACKSkippedSeq += 1
        else:
            sk.sk_net.mib_linux.TCPACKSkippedPAWS += 1
        return True
    return False


def _oow_limited(sk: TcpSock) -> bool:
    now = sk.kernel.now
    last = sk.last_oow_ack_time
    if last:
        elapsed: i64 = now - last
        if 0 <= elapsed < sk.sk_net.ipv4.sysctl_tcp_invalid_ratelimit * tcp_h.MS:
            return True
    sk.last_oow_ack_time = now if now else 1
    return False


def tcp_send_challenge_ack(sk: TcpSock) -> None:
    """RFC 5961 section 7: challenge ACKs, rationed per connection and, unless the limit is the largest
    number, per machine."""
    net = sk.sk_net
    if _oow_limited(sk):
        net.mib_linux.TCPACKSkippedChallenge += 1
        return
    limit = net.ipv4.sysctl_tcp_challenge_ack_limit
    if limit != 0x7FFFFFFF:
        now_s: i64 = sk.kernel.now // tcp_h.SEC + 1
        if now_s != net.tcp_challenge_timestamp:
            # A number that cannot be guessed (CVE-2016-5696).
            net.tcp_challenge_timestamp = now_s
            half: i64 = (limit + 1) >> 1
            net.tcp_challenge_count = half + (sk.kernel.rng_misc.get_random_u32() % limit if limit > 0 else 0)
        if net.tcp_challenge_count <= 0:
            return
        net.tcp_challenge_count -= 1
    net.mib_linux.TCPChallengeACK += 1
    tcp_connect.tcp_send_ack(sk)


# ---- RST, FIN


def tcp_reset(sk: TcpSock, skb: SkBuff | None) -> None:
    """A valid RST: what the program hears depends on the state (section 3.10.7.4, second)."""
    if sk.kernel.trace_on:
        trace.tcp_event_sk("tcp_receive_reset", sk)
    state = sk.sk_state
    if state == TCP_SYN_SENT:
        err: i64 = ECONNREFUSED
    elif state == TCP_CLOSE_WAIT:
        err = EPIPE
    elif state == TCP_CLOSE:
        return
    else:
        err = ECONNRESET
    tcp.tcp_write_queue_purge(sk)
    tcp.tcp_done_with_error(sk, err)


def tcp_fin(sk: TcpSock) -> None:
    """Section 3.10.7.4, eighth: the FIN is next in sequence (rcv_nxt is already past it)."""
    sk.icsk_ack_pending |= 1
    sk.sk_shutdown |= RCV_SHUTDOWN
    sk.sk_flags |= SOCK_DONE
    state = sk.sk_state
    if state in (TCP_SYN_RECV, TCP_ESTABLISHED):
        # "Enter the CLOSE-WAIT state."
        tcp.tcp_set_state(sk, TCP_CLOSE_WAIT)
        tcp_h.inet_csk_enter_pingpong_mode(sk)
    elif state in (TCP_CLOSE_WAIT, TCP_CLOSING, TCP_LAST_ACK):
        pass  # "Remain in the state": a FIN again
    elif state == TCP_FIN_WAIT1:
        # Our FIN is not acknowledged yet: "otherwise, enter the CLOSING state".
        tcp_connect.tcp_send_ack(sk)
        tcp.tcp_set_state(sk, TCP_CLOSING)
    elif state == TCP_FIN_WAIT2:
        # "Enter the TIME-WAIT state. Start the time-wait timer".
        tcp_connect.tcp_send_ack(sk)
        tcp_minisocks.tcp_time_wait(sk, TCP_TIME_WAIT, 0)
    # Nothing can follow a FIN.
    ooo = sk.out_of_order_queue
    if ooo is not None:
        skbuff.skb_queue_purge(sk.kernel, ooo, 1)
        sk.ooo_last_skb = None
    sk.rx_opt_num_sacks = 0
    sk.rx_opt_dsack = False
    sk.selective_acks = None
    if sk.sk_flags & SOCK_DEAD == 0:
        sk.sk_state_change.run(sk)
        # Nothing can come any more, or nothing can come for now.
        if sk.sk_shutdown == SHUTDOWN_MASK or sk.sk_state == TCP_CLOSE:
            core_sock.sk_wake_async(sk, SOCK_WAKE_WAITD, POLL_HUP)
        else:
            core_sock.sk_wake_async(sk, SOCK_WAKE_WAITD, POLL_IN)


# ---- sixth: URG (section 3.8.5; RFC 6093)


def tcp_urg(sk: TcpSock, skb: SkBuff, th: Tcphdr) -> None:
    if th.flags & TCPHDR_URG:
        tcp_check_urg(sk, th)
    if sk.urg_data == tcp_h.TCP_URG_NOTYET:
        # The urgent byte itself, if this segment has it.
        ptr: i64 = ((sk.urg_seq - skb.seq) & U32) - (1 if th.flags & TCPHDR_SYN else 0)
        if 0 <= ptr < skb.len:
            data = skbuff.skb_copy_bits(skb, ptr, 1)
            if len(data) == 1:
                sk.urg_data = tcp_h.TCP_URG_VALID | data[0]
                if sk.sk_flags & SOCK_DEAD == 0:
                    sk.sk_data_ready.run(sk)


def tcp_check_urg(sk: TcpSock, th: Tcphdr) -> None:
    """A new urgent pointer: tell the program (SIGURG), and mark where the byte is."""
    ptr = th.urg_ptr
    # Linux: BSD's reading, one byte back, unless net.ipv4.tcp_stdurg.
    if ptr and sk.sk_net.ipv4.sysctl_tcp_stdurg == 0:
        ptr -= 1
    ptr = (ptr + th.seq) & U32
    # Read already, or not newer.
    if after(sk.copied_seq, ptr):
        return
    if before(ptr, sk.rcv_nxt):
        return
    if sk.urg_data and not after(ptr, sk.urg_seq):
        return
    core_sock.sk_wake_async(sk, 3, 4)
    # The byte before was never read out of band: it stays in the stream, as BSD has it.
    if (
        sk.urg_seq == sk.copied_seq
        and sk.urg_data
        and sk.sk_flags & SOCK_URGINLINE == 0
        and sk.copied_seq != sk.rcv_nxt
    ):
        skb = sk.sk_receive_queue.first
        sk.copied_seq = (sk.copied_seq + 1) & U32
        if skb is not None and not before(sk.copied_seq, skb.end_seq):
            skbuff.skb_unlink(sk.sk_receive_queue, skb)
            skbuff.consume_skb(sk.kernel, skb)
    sk.urg_data = tcp_h.TCP_URG_NOTYET
    sk.urg_seq = ptr
    sk.pred_flags = 0


# ---- the exits


def tcp_data_snd_check(sk: TcpSock) -> None:
    """Exit: the acknowledgement may have made room, in the window or in the buffer."""
    if sk.sk_write_queue.qlen != 0:
        tcp_output.__tcp_push_pending_frames(sk, tcp_output.tcp_current_mss(sk), sk.nonagle)
    tcp_check_space(sk)


def tcp_check_space(sk: TcpSock) -> None:
    """A writer waits for room in the send buffer: is there some?"""
    sock = sk.sk_socket
    if sock is not None and sock.flags & SOCK_NOSPACE:
        tcp_new_space(sk)
        if sock.flags & SOCK_NOSPACE == 0:
            tcp_output.tcp_chrono_stop(sk, 3)


def tcp_new_space(sk: TcpSock) -> None:
    if tcp_rcvbuf.tcp_should_expand_sndbuf(sk):
        tcp_rcvbuf.tcp_sndbuf_expand(sk)
        sk.snd_cwnd_stamp = sk.kernel.now
    sk.sk_write_space.run(sk)


def tcp_segs_in(sk: TcpSock, skb: SkBuff) -> None:
    """Count what came (tcpi_segs_in, tcpi_data_segs_in)."""
    n: i64 = skb.gso_segs if skb.gso_segs > 1 else 1
    sk.segs_in += n
    if skb.len != 0:
        sk.data_segs_in += n


def tcp_parse_options(sk: TcpSock, th: Tcphdr, estab: bool) -> None:
    """What a SYN or SYN,ACK offers (section 3.2; RFC 7323, 2018), as far as we offer it too."""
    ipv4 = sk.sk_net.ipv4
    sk.saw_tstamp = False
    if th.flags & TCPHDR_SYN and not estab:
        if th.mss:
            mss = th.mss
            user = sk.rx_opt_user_mss
            if user and user < mss:
                mss = user
            sk.rx_opt_mss_clamp = mss
        else:
            sk.rx_opt_mss_clamp = (
                536 if not (sk.rx_opt_user_mss and sk.rx_opt_user_mss < 536) else sk.rx_opt_user_mss
            )
        sk.sack_ok = 1 if th.sack_perm and ipv4.sysctl_tcp_sack else 0
        if th.wscale >= 0 and ipv4.sysctl_tcp_window_scaling:
            sk.wscale_ok = True
            sk.snd_wscale = th.wscale if th.wscale <= 14 else 14  # RFC 7323 section 2.3
        else:
            sk.wscale_ok = False
            sk.snd_wscale = 0
    if th.saw_tstamp and ((estab and sk.tstamp_ok) or (not estab and ipv4.sysctl_tcp_timestamps)):
        sk.saw_tstamp = True
        sk.rcv_tsval = th.tsval
        sk.rcv_tsecr = (th.tsecr - sk.tsoffset) & U32 if th.tsecr else 0


def tcp_ack_tstamp(sk: TcpSock, skb: SkBuff, ack_skb: SkBuff, prior_snd_una: i64) -> None:
    """SOF_TIMESTAMPING_TX_ACK: the byte that was asked about is acknowledged."""
    if (
        skb.tx_flags & errqueue.TXSTAMP_ACK
        and not before(skb.tskey & U32, prior_snd_una)
        and before(skb.tskey & U32, sk.snd_una)
    ):
        errqueue.skb_tstamp_ack(skb, sk)


# ---- LISTEN: a SYN (section 3.10.7.2, third)


def tcp_conn_request(rsk_ops: RequestSockOps, sk: TcpSock, skb: SkBuff) -> i64:
    """A SYN for a listener: make a request, answer with SYN,ACK. SYN cookies when the queue is full. 0:
    taken care of.

    The skb stays the caller's.
    """
    net = sk.sk_net
    k = sk.kernel
    th = skb.th
    if th is None:
        return 0
    cookies = net.ipv4.sysctl_tcp_syncookies
    want_cookie = False
    isn: i64 = k.softnet.tcp_tw_isn
    k.softnet.tcp_tw_isn = 0
    if (cookies == 2 or inet_connection_sock.inet_csk_reqsk_queue_is_full(sk)) and isn == 0:
        # The SYN queue is full: state goes into the sequence number (or the SYN is dropped).
        if cookies:
            net.mib_linux.TCPReqQFullDoCookies += 1
            want_cookie = True
        else:
            net.mib_linux.TCPReqQFullDrop += 1
            net.mib_linux.ListenDrops += 1
            return 0
    if inet_connection_sock.sk_acceptq_is_full(sk):
        # Nobody accepts: let the client try again.
        net.mib_linux.ListenOverflows += 1
        net.mib_linux.ListenDrops += 1
        return 0
    req = inet_connection_sock.inet_reqsk_alloc(rsk_ops, sk)
    req.syncookie = want_cookie
    req.ts_off = 0
    # tcp_parse_options, tcp_openreq_init
    # mss_clamp is what holds when the SYN names none (RFC 9293 section 3.7.1)
    mss = th.mss if th.mss else rsk_ops.mss_clamp
    user = sk.rx_opt_user_mss
    req.mss = user if user and user < mss else mss
    ipv4 = net.ipv4
    saw_ts: bool = th.saw_tstamp and ipv4.sysctl_tcp_timestamps != 0
    req.sack_ok = th.sack_perm and ipv4.sysctl_tcp_sack != 0
    req.wscale_ok = th.wscale >= 0 and ipv4.sysctl_tcp_window_scaling != 0
    req.snd_wscale = (th.wscale if th.wscale <= 14 else 14) if req.wscale_ok else 0
    if want_cookie and not saw_ts:
        # A cookie keeps the options in our timestamp: without it there are none.
        req.sack_ok = False
        req.wscale_ok = False
        req.snd_wscale = 0
    req.tstamp_ok = saw_ts
    req.cookie_ts = want_cookie and saw_ts
    req.ts_recent = th.tsval if saw_ts else 0
    req.rcv_isn = skb.seq
    req.rcv_nxt = (skb.seq + 1) & U32
    req.ir_rmt_port = th.source
    req.ir_num = th.dest
    req.ir_mark = sk.sk_mark
    req.acked = False
    dst = rsk_ops.route_req(sk, skb, req)
    if dst is None:
        request_sock.reqsk_put(req)
        net.mib_linux.ListenDrops += 1
        return 0
    if req.tstamp_ok:
        req.ts_off = rsk_ops.init_ts_off(net, skb)
    if not want_cookie and isn == 0:
        # The last quarter of the queue is for those who have shown that they exist, when there are no
        # cookies.
        if not cookies and (
            ipv4.sysctl_tcp_max_syn_backlog - inet_connection_sock.inet_csk_reqsk_queue_len(sk)
            < (ipv4.sysctl_tcp_max_syn_backlog >> 2)
        ):
            request_sock.reqsk_put(req)
            net.mib_linux.ListenDrops += 1
            return 0
        isn = rsk_ops.init_seq(skb)
    tcp_ecn_create_request(req, skb, sk, dst)
    if want_cookie:
        isn = rsk_ops.cookie_init_seq(skb, req)
        if not req.tstamp_ok:
            req.ecn_ok = False
    req.snt_isn = isn & U32
    iph = skb.iph
    req.syn_tos = 0 if iph is None else iph.tos
    tcp_minisocks.tcp_openreq_init_rwin(req, sk, dst)
    if not want_cookie:
        tcp_reqsk_record_syn(sk, req, skb)
        child = tcp_fastopen.tcp_try_fastopen(sk, skb, req, dst)
        if child is not None:
            # It waits for accept(2) already; the reference to the request becomes the queue's.
            rsk_ops.send_synack(child, dst, req, TCP_SYNACK_FASTOPEN, skb)
            if inet_connection_sock.inet_csk_reqsk_queue_add(sk, req, child) is None:
                request_sock.reqsk_put(req)
            else:
                sk.sk_data_ready.run(sk)
            core_sock.sock_put(child)
            return 0
        timeout = tcp_connect.tcp_timeout_init(sk)
        if not inet_connection_sock.inet_csk_reqsk_queue_hash_add(sk, req, timeout):
            request_sock.reqsk_put(req)
            return 0
        rsk_ops.send_synack(sk, dst, req, TCP_SYNACK_NORMAL, skb)
        request_sock.reqsk_put(req)
        return 0
    rsk_ops.send_synack(sk, dst, req, TCP_SYNACK_COOKIE, skb)
    request_sock.reqsk_put(req)
    return 0


def tcp_ecn_create_request(req: RequestSock, skb: SkBuff, sk: TcpSock, dst: Dst | None) -> None:
    """RFC 3168 section 6.1.1: an ECN-setup SYN is answered in kind when `net.ipv4.tcp_ecn` is not 0."""
    if skb.tcp_flags & (TCPHDR_ECE | TCPHDR_CWR) != TCPHDR_ECE | TCPHDR_CWR:
        return
    ok: bool = sk.sk_net.ipv4.sysctl_tcp_ecn != 0 or (dst is not None and dst.features & 1 != 0)
    iph = skb.iph
    ect: bool = iph is not None and iph.tos & 3 != 0
    # A SYN that is ECT itself is no honest one, but for controls that need it.
    if (not ect and ok) or tcp_cong.tcp_ca_needs_ecn(sk):
        req.ecn_ok = True


def tcp_reqsk_record_syn(sk: TcpSock, req: RequestSock, skb: SkBuff) -> None:
    """TCP_SAVE_SYN: keep the headers of the SYN for TCP_SAVED_SYN."""
    if sk.save_syn:
        raw = wire.skb_to_bytes(skb)
        req.saved_syn = raw


# ---- doors to the other rooms


def tcp_ack(sk: TcpSock, skb: SkBuff, flag: i64) -> i64:
    """→ tcp_ack_in.py"""
    return tcp_ack_in.tcp_ack(sk, skb, flag)


def tcp_synack_rtt_meas(sk: TcpSock, req: RequestSock) -> None:
    tcp_ack_in.tcp_synack_rtt_meas(sk, req)


def tcp_rtt_estimator(sk: TcpSock, mrtt_us: i64) -> None:
    tcp_ack_in.tcp_rtt_estimator(sk, mrtt_us)


def tcp_enter_loss(sk: TcpSock) -> None:
    """→ tcp_loss.py"""
    tcp_loss.tcp_enter_loss(sk)


def tcp_enter_cwr(sk: TcpSock) -> None:
    tcp_loss.tcp_enter_cwr(sk)


def tcp_enter_recovery(sk: TcpSock, ece_ack: bool) -> None:
    tcp_loss.tcp_enter_recovery(sk, ece_ack)


def tcp_simple_retransmit(sk: TcpSock) -> None:
    tcp_loss.tcp_simple_retransmit(sk)


def tcp_rearm_rto(sk: TcpSock) -> None:
    tcp_loss.tcp_rearm_rto(sk)


def tcp_data_queue(sk: TcpSock, skb: SkBuff) -> None:
    """→ tcp_ofo.py"""
    tcp_ofo.tcp_data_queue(sk, skb)


def tcp_event_data_recv(sk: TcpSock, skb: SkBuff) -> None:
    """→ tcp_rcvbuf.py"""
    tcp_rcvbuf.tcp_event_data_recv(sk, skb)


def tcp_rcv_space_adjust(sk: TcpSock) -> None:
    tcp_rcvbuf.tcp_rcv_space_adjust(sk)


def tcp_initialize_rcv_mss(sk: TcpSock) -> None:
    tcp_rcvbuf.tcp_initialize_rcv_mss(sk)


def tcp_init_cwnd(sk: TcpSock, dst: Dst | None) -> i64:
    return tcp_rcvbuf.tcp_init_cwnd(sk, dst)


def tcp_init_buffer_space(sk: TcpSock) -> None:
    tcp_rcvbuf.tcp_init_buffer_space(sk)


def tcp_sack_compress_send_ack(sk: TcpSock) -> None:
    tcp_rcvbuf.tcp_sack_compress_send_ack(sk)


def tcp_enter_quickack_mode(sk: TcpSock, max_quickacks: i64) -> None:
    tcp_rcvbuf.tcp_enter_quickack_mode(sk, max_quickacks)


def tcp_data_ready(sk: TcpSock) -> None:
    tcp_rcvbuf.tcp_data_ready(sk)
