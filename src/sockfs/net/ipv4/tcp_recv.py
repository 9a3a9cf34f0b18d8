"""TCP receives for a program: recv(2) in all its flags, urgent data, the window that reading opens, buffer
autotuning.

Kernel counterpart: the receive half of `net/ipv4/tcp.c` (`tcp_recvmsg_locked` and what it calls),
`tcp_rcv_space_adjust` of `tcp_input.c`. Control comes from `inet_recvmsg`; segments were put on
`sk_receive_queue` by `tcp_input`; it goes on to `tcp_output.tcp_send_ack` when what was read has opened the
window enough.

RFC 9293 section 3.10.3 (RECEIVE), 3.8.6.2 (window management), RFC 6093 (urgent data).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.kernel import wait
from sockfs.net.core import skbuff, sock, stream
from sockfs.net.ipv4 import ip_sockglue, tcp_h, tcp_output
from sockfs.structs.sock import RCV_SHUTDOWN, SOCK_DONE, SOCK_URGINLINE
from sockfs.uapi.errno import EAGAIN, EINVAL, ENOTCONN
from sockfs.uapi.socket import (
    MSG_DONTWAIT,
    MSG_ERRQUEUE,
    MSG_OOB,
    MSG_PEEK,
    MSG_TRUNC,
    MSG_WAITALL,
)
from sockfs.uapi.tcp import (
    ICSK_ACK_PUSHED,
    ICSK_ACK_PUSHED2,
    ICSK_ACK_SCHED,
    TCP_CLOSE,
    TCP_CM_INQ,
    TCP_LISTEN,
    TCP_RECV_QUEUE,
    TCP_SYN_RECV,
    TCP_SYN_SENT,
    TCPHDR_FIN,
    TCPHDR_SYN,
)
from sockfs.util.seq import after, before

if TYPE_CHECKING:
    from sockfs.structs.msghdr import Msghdr
    from sockfs.structs.tcp_sock import TcpSock

U32: Final = 0xFFFFFFFF
EPERM: Final = 1
SOCK_RCVBUF_LOCK: Final = 2


# ---- recv(2)


def tcp_recvmsg(sk: TcpSock, msg: Msghdr, size: i64, flags: i64) -> i64:
    """At most size bytes into msg. Bytes, 0 at the end of the stream, -errno, or -ESLEEP (the same msg goes
    on later)."""
    if (flags & (MSG_ERRQUEUE | MSG_OOB)) != 0:
        if (flags & MSG_ERRQUEUE) != 0:
            return ip_sockglue.ip_recv_error(sk, msg, size)
        if sk.sk_state == TCP_LISTEN:
            return -ENOTCONN
        sk.sk_owned = True
        r = tcp_recv_urg(sk, msg, size, flags)
        sock.release_sock(sk)
        return r
    sk.sk_owned = True
    if (flags & MSG_PEEK) != 0 or sk.urg_data != 0 or sk.repair:
        r = tcp_recvmsg_careful(sk, msg, size, flags)
    else:
        r = tcp_recvmsg_locked(sk, msg, size, flags)
    sock.release_sock(sk)
    if r >= 0 and sk.recvmsg_inq:
        inq = tcp_inq_hint(sk)
        sock.put_cmsg(msg, 6, TCP_CM_INQ, int(inq).to_bytes(4, "little"))
    return r


def tcp_recvmsg_locked(sk: TcpSock, msg: Msghdr, size: i64, flags: i64) -> i64:
    """The usual receive: no urgent data in sight, nothing peeked at."""
    if sk.sk_state == TCP_LISTEN:
        return -ENOTCONN
    it = msg.msg_iter
    size = it.iov_offset + it.count  # after a sleep the caller's size is what is left
    copied: i64 = msg.done
    left: i64 = size - copied
    queue = sk.sk_receive_queue
    k = sk.kernel
    discard = (flags & MSG_TRUNC) != 0  # tcp(7): the bytes are thrown away
    while left > 0:
        skb = queue.first
        if skb is None:
            break
        seq: i64 = sk.copied_seq
        offset: i64 = (seq - skb.seq) & U32
        if (skb.tcp_flags & TCPHDR_SYN) != 0:
            offset -= 1
        length: i64 = skb.len
        if offset < length:
            used: i64 = length - offset
            if used > left:
                used = left
            if not discard:
                skbuff.skb_copy_datagram_msg(skb, offset, msg, used)
            sk.copied_seq = (seq + used) & U32
            copied += used
            left -= used
            if sk.sk_peek_off >= 0:
                sk_peek_offset_bwd(sk, used)
            tcp_rcv_space_adjust(sk)
            if used + offset < length:
                continue
        fin = (skb.tcp_flags & TCPHDR_FIN) != 0
        if fin:
            sk.copied_seq = (sk.copied_seq + 1) & U32
        skbuff.skb_unlink(queue, skb)
        skbuff.consume_skb(k, skb)
        if fin:
            msg.done = copied
            tcp_cleanup_rbuf(sk, copied)
            return copied
    msg.done = copied
    if left > 0 or (size == 0 and queue.qlen == 0):
        r = tcp_recv_nothing_more(sk, msg, size, flags, copied)
        if r != 0:
            tcp_cleanup_rbuf(sk, copied)
            return r
    tcp_cleanup_rbuf(sk, copied)
    return copied


def tcp_recv_nothing_more(sk: TcpSock, msg: Msghdr, size: i64, flags: i64, copied: i64) -> i64:
    """The queue is empty. 0: return what was copied (0 bytes: the end); -errno; or -ESLEEP."""
    target = sock.sock_rcvlowat(sk, (flags & MSG_WAITALL) != 0, size)
    if copied >= target or (size == 0 and msg.wq is not None):
        # Linux: a receive of nothing waits once, and whatever wakes it is enough.
        return 0
    timeo = sock.sock_rcvtimeo(sk, (flags & MSG_DONTWAIT) != 0)
    expired = timeo == 0 or wait.timeo_left(msg, timeo) == 0
    if copied != 0:
        if (
            expired
            or msg.signalled
            or sk.sk_err != 0
            or sk.sk_state == TCP_CLOSE
            or (sk.sk_shutdown & RCV_SHUTDOWN) != 0
        ):
            return 0
    else:
        if (sk.sk_flags & SOCK_DONE) != 0:
            return 0
        if sk.sk_err != 0:
            return sock.sock_error(sk)
        if (sk.sk_shutdown & RCV_SHUTDOWN) != 0:
            return 0
        if sk.sk_state == TCP_CLOSE:
            # Never connected, or the end was read already (then SOCK_DONE says so).
            return -ENOTCONN
        if expired:
            return -EAGAIN
        if msg.signalled:
            return sock.sock_intr_errno(timeo)
    if sk.sk_wq is None:
        return -ENOTCONN
    return stream.sk_wait_data(sk, msg, timeo)


def tcp_recvmsg_careful(sk: TcpSock, msg: Msghdr, size: i64, flags: i64) -> i64:
    """The same with MSG_PEEK (and SO_PEEK_OFF), or with an urgent mark on the way."""
    if sk.sk_state == TCP_LISTEN:
        return -ENOTCONN
    if sk.repair:
        # TCP_REPAIR: only to look, and not at the queue to send
        if (flags & MSG_PEEK) == 0:
            return -EPERM
        if sk.repair_queue != TCP_RECV_QUEUE:
            return -EINVAL
    peek = (flags & MSG_PEEK) != 0
    discard = (flags & MSG_TRUNC) != 0
    it = msg.msg_iter
    size = it.iov_offset + it.count
    copied: i64 = msg.done
    left: i64 = size - copied
    seq: i64 = sk.copied_seq
    if peek:
        seq = (seq + copied) & U32  # 0 but after a sleep
        if sk.sk_peek_off >= 0:
            # copied bytes were added to the offset when they were copied
            seq = (sk.copied_seq + sk.sk_peek_off) & U32
    k = sk.kernel
    queue = sk.sk_receive_queue
    done = False
    while left > 0 and not done:
        if sk.urg_data != 0 and sk.urg_seq == seq:
            # Reading stops at the mark, so that SIOCATMARK can tell of it (tcp(7)).
            if copied != 0:
                break
            if msg.splice and queue.qlen != 0:
                # Linux: tcp_splice_read never gets past it, and does not wait in front of it.
                return 0
            if msg.signalled:
                timeo = sock.sock_rcvtimeo(sk, (flags & MSG_DONTWAIT) != 0)
                return sock.sock_intr_errno(timeo) if timeo != 0 else -EAGAIN
        skb = queue.first
        offset: i64 = 0
        while skb is not None:
            offset = (seq - skb.seq) & U32
            if (skb.tcp_flags & TCPHDR_SYN) != 0:
                offset -= 1
            if offset < skb.len:
                break
            if (skb.tcp_flags & TCPHDR_FIN) != 0 and offset == skb.len:
                break
            skb = skb.next
        if skb is None:
            msg.done = copied
            r = tcp_recv_nothing_more(sk, msg, size, flags, copied)
            if r != 0:
                if not peek:
                    tcp_cleanup_rbuf(sk, copied)
                return r
            break
        length: i64 = skb.len
        if offset < length:
            used: i64 = length - offset
            if used > left:
                used = left
            skip = False
            if sk.urg_data != 0:
                urg_offset: i64 = (sk.urg_seq - seq) & U32
                if urg_offset < used:
                    if urg_offset == 0:
                        if (sk.sk_flags & SOCK_URGINLINE) == 0:
                            # The urgent byte is not part of the stream.
                            seq = (seq + 1) & U32
                            if not peek:
                                sk.copied_seq = seq
                            offset += 1
                            used -= 1
                            if used == 0:
                                skip = True
                    else:
                        used = urg_offset
            if not skip:
                if not discard:
                    skbuff.skb_copy_datagram_msg(skb, offset, msg, used)
                seq = (seq + used) & U32
                copied += used
                left -= used
                if peek:
                    if sk.sk_peek_off >= 0:
                        sk.sk_peek_off += used
                else:
                    sk.copied_seq = seq
                    if sk.sk_peek_off >= 0:
                        sk_peek_offset_bwd(sk, used)
                    tcp_rcv_space_adjust(sk)
            if sk.urg_data != 0 and after(sk.copied_seq, sk.urg_seq):
                sk.urg_data = 0
                tcp_h.tcp_fast_path_check(sk)
            if used + offset < length:
                continue
        if (skb.tcp_flags & TCPHDR_FIN) != 0:
            seq = (seq + 1) & U32
            if not peek:
                sk.copied_seq = seq
            done = True
        if not peek:
            # whatever lies in front of it was read as well
            skbuff.skb_unlink(queue, skb)
            skbuff.consume_skb(k, skb)
    msg.done = copied
    if not peek:
        tcp_cleanup_rbuf(sk, copied)
    return copied


def sk_peek_offset_bwd(sk: TcpSock, val: i64) -> None:
    """Bytes were read: SO_PEEK_OFF counts from the new front (socket(7))."""
    off = sk.sk_peek_off - val
    sk.sk_peek_off = off if off > 0 else 0


def tcp_recv_urg(sk: TcpSock, msg: Msghdr, length: i64, flags: i64) -> i64:
    """recv with MSG_OOB: the one byte that was marked urgent (RFC 6093). 1, 0, or -errno."""
    if (sk.sk_flags & SOCK_URGINLINE) != 0 or sk.urg_data == 0 or sk.urg_data == tcp_h.TCP_URG_READ:
        return -EINVAL
    if sk.sk_state == TCP_CLOSE and (sk.sk_flags & SOCK_DONE) == 0:
        return -ENOTCONN
    if (sk.urg_data & tcp_h.TCP_URG_VALID) != 0:
        c: i64 = sk.urg_data & 0xFF
        if (flags & MSG_PEEK) == 0:
            sk.urg_data = tcp_h.TCP_URG_READ
        msg.msg_flags |= MSG_OOB
        if length > 0:
            if (flags & MSG_TRUNC) == 0:
                msg.msg_iter.copy_to(bytes([int(c)]), 0, 1)
            return 1
        msg.msg_flags |= MSG_TRUNC
        return 0
    if sk.sk_state == TCP_CLOSE or (sk.sk_shutdown & RCV_SHUTDOWN) != 0:
        return 0
    # The pointer came, its byte has not yet. Linux never waits for it.
    return -EAGAIN


def tcp_inq(sk: TcpSock) -> i64:
    """Bytes that can be read, up to the urgent mark (FIONREAD)."""
    if sk.sk_state == TCP_SYN_SENT or sk.sk_state == TCP_SYN_RECV:
        return 0
    if (
        (sk.sk_flags & SOCK_URGINLINE) != 0
        or sk.urg_data == 0
        or before(sk.urg_seq, sk.copied_seq)
        or not before(sk.urg_seq, sk.rcv_nxt)
    ):
        answ: i64 = (sk.rcv_nxt - sk.copied_seq) & U32
        # the FIN has a sequence number but is no byte
        if answ != 0 and (sk.sk_flags & SOCK_DONE) != 0:
            answ -= 1
        return answ
    return (sk.urg_seq - sk.copied_seq) & U32


def tcp_inq_hint(sk: TcpSock) -> i64:
    """TCP_INQ: as tcp_inq; 1 at the end of the stream, so that the reader comes once more."""
    inq: i64 = (sk.rcv_nxt - sk.copied_seq) & U32
    if (sk.sk_flags & SOCK_DONE) != 0 and inq != 0:
        inq -= 1
    if inq == 0 and (sk.sk_flags & SOCK_DONE) != 0:
        inq = 1
    return inq


# ---- what reading does to the window


def tcp_cleanup_rbuf(sk: TcpSock, copied: i64) -> None:
    """After reading: send an ACK if the peer waits for it, or for the window (RFC 9293 3.8.6.2.2)."""
    time_to_ack = False
    pending = sk.icsk_ack_pending
    if (pending & ICSK_ACK_SCHED) != 0:
        # More than a full segment since the last ACK; or all of a small write was read.
        if ((sk.rcv_nxt - sk.rcv_wup) & U32) > sk.icsk_ack_rcv_mss or (
            copied > 0
            and sk.sk_rmem_alloc == 0
            and (
                (pending & ICSK_ACK_PUSHED2) != 0
                or ((pending & ICSK_ACK_PUSHED) != 0 and not tcp_h.inet_csk_in_pingpong_mode(sk))
            )
        ):
            time_to_ack = True
    if copied > 0 and not time_to_ack and (sk.sk_shutdown & RCV_SHUTDOWN) == 0:
        rcv_window_now: i64 = (sk.rcv_wup + sk.rcv_wnd - sk.rcv_nxt) & U32
        if (rcv_window_now & 0x80000000) != 0:
            rcv_window_now = 0
        # Worth an ACK only if the window at least doubles.
        if 2 * rcv_window_now <= sk.window_clamp:
            new_window = tcp_output.__tcp_select_window(sk)
            if new_window != 0 and new_window >= 2 * rcv_window_now:
                time_to_ack = True
    if time_to_ack:
        tcp_h.tcp_mstamp_refresh(sk)
        tcp_output.tcp_send_ack(sk)


def tcp_rcv_space_adjust(sk: TcpSock) -> None:
    """Dynamic right-sizing: once per round trip, see how much the program read, and let the buffer hold twice
    that."""
    now_us: i64 = sk.kernel.now // 1000
    rtt: i64 = sk.rcv_rtt_est_rtt_us
    if rtt == 0:
        return
    elapsed: i64 = now_us - sk.rcvq_space_time
    if elapsed < (rtt >> 3):
        return
    tcp_h.tcp_mstamp_refresh(sk)
    copied: i64 = (sk.copied_seq - sk.rcvq_space_seq) & U32
    if copied > sk.rcvq_space_space:
        tcp_rcvbuf_grow(sk, copied)
    sk.rcvq_space_seq = sk.copied_seq
    sk.rcvq_space_time = now_us


def tcp_rcvbuf_grow(sk: TcpSock, newval: i64) -> None:
    """The program reads newval bytes in a round trip, more than ever before."""
    oldval: i64 = sk.rcvq_space_space
    sk.rcvq_space_space = newval
    ipv4 = sk.sk_net.ipv4
    if ipv4.sysctl_tcp_moderate_rcvbuf == 0 or (sk.sk_userlocks & SOCK_RCVBUF_LOCK) != 0:
        return
    # What was read belongs to the last round trip: in this one a sender in slow start has sent twice that.
    rcvwin: i64 = newval << 1
    if oldval > 0:
        rcvwin += (rcvwin * (newval - oldval) // oldval) << 1
    ooo = sk.out_of_order_queue
    if ooo is not None:
        last = ooo.last
        if last is not None:
            rcvwin += (last.end_seq - sk.rcv_nxt) & U32
    rcvbuf = tcp_h.tcp_space_from_win(sk, rcvwin)
    top: i64 = ipv4.sysctl_tcp_rmem[2]
    if rcvbuf > top:
        rcvbuf = top
    if rcvbuf > sk.sk_rcvbuf:
        sk.sk_rcvbuf = rcvbuf
        # the window follows the buffer
        sk.window_clamp = tcp_h.tcp_win_from_space(sk, rcvbuf)


def tcp_set_rcvlowat(sk: TcpSock, val: i64) -> i64:
    """SO_RCVLOWAT (socket(7)): at most half the buffer, which grows to hold twice the mark. 0."""
    if (sk.sk_userlocks & SOCK_RCVBUF_LOCK) != 0:
        cap: i64 = sk.sk_rcvbuf >> 1
    else:
        cap = sk.sk_net.ipv4.sysctl_tcp_rmem[2] >> 1
    if val > cap:
        val = cap
    sk.sk_rcvlowat = val if val != 0 else 1
    # Enough may be there by the new mark already.
    if tcp_h.tcp_epollin_ready(sk, sk.sk_rcvlowat):
        sk.sk_data_ready.run(sk)
    if (sk.sk_userlocks & SOCK_RCVBUF_LOCK) != 0:
        return 0
    space = tcp_h.tcp_space_from_win(sk, val)
    if space > sk.sk_rcvbuf:
        sk.sk_rcvbuf = space
        if sk.window_clamp != 0 and sk.window_clamp < val:
            sk.window_clamp = val
    return 0
