"""TCP as a program sees it: send, poll, shutdown, close, and the one place where a connection's state
changes.

Kernel counterpart: `net/ipv4/tcp.c`. Its other parts stand by themselves: receiving in `tcp_recv.py`, socket
options in `tcp_sockopt.py`, `struct tcp_info` in `tcp_info.py`; all are reachable from here by their kernel
names. Control comes from `inet_stream_ops` and `tcp_prot`; what is sent goes on to `tcp_output`, what ends
goes to `tcp_minisocks` or `inet_csk_destroy_sock`.

RFC 9293 section 3.10: SEND (3.10.2), CLOSE (3.10.4), ABORT (3.10.5). A program's `bytes` is queued by
reference; a mutable buffer is copied once.

Leaves out: MSG_SPLICE_PAGES (refused).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.kernel import slab, trace, wait
from sockfs.net.core import errqueue, skbuff, sock, stream
from sockfs.net.ipv4 import (
    inet_connection_sock,
    inet_hashtables,
    tcp_cong,
    tcp_connect,
    tcp_fastopen,
    tcp_h,
    tcp_info,
    tcp_minisocks,
    tcp_output,
    tcp_rate,
    tcp_recv,
    tcp_sockopt,
    tcp_timer,
)
from sockfs.structs.call import ESLEEP
from sockfs.structs.sock import (
    RCV_SHUTDOWN,
    SEND_SHUTDOWN,
    SHUTDOWN_MASK,
    SOCK_DEAD,
    SOCK_DONE,
    SOCK_LINGER,
    SOCK_URGINLINE,
    SOCK_USE_WRITE_QUEUE,
    SOCK_ZEROCOPY,
    Sock,
)
from sockfs.structs.tcp_sock import TcpSock
from sockfs.uapi.dropreason import SKB_DROP_REASON_NOT_SPECIFIED, SKB_DROP_REASON_SOCKET_CLOSE
from sockfs.uapi.errno import EAGAIN, ECONNABORTED, ECONNRESET, EINPROGRESS, EINVAL, EPIPE
from sockfs.uapi.poll import (
    EPOLLERR,
    EPOLLHUP,
    EPOLLIN,
    EPOLLOUT,
    EPOLLPRI,
    EPOLLRDHUP,
    EPOLLRDNORM,
    EPOLLWRNORM,
)
from sockfs.uapi.rstreason import (
    SK_RST_REASON_NOT_SPECIFIED,
    SK_RST_REASON_TCP_ABORT_ON_CLOSE,
    SK_RST_REASON_TCP_ABORT_ON_LINGER,
    SK_RST_REASON_TCP_ABORT_ON_MEMORY,
    SK_RST_REASON_TCP_DISCONNECT_WITH_DATA,
    SK_RST_REASON_TCP_STATE,
)
from sockfs.uapi.socket import MSG_DONTWAIT, MSG_EOR, MSG_FASTOPEN, MSG_MORE, MSG_OOB, MSG_ZEROCOPY
from sockfs.uapi.tcp import (
    TCP_CHRONO_BUSY,
    TCP_CHRONO_SNDBUF_LIMITED,
    TCP_CLOSE,
    TCP_CLOSE_WAIT,
    TCP_ESTABLISHED,
    TCP_FIN_WAIT1,
    TCP_FIN_WAIT2,
    TCP_LAST_ACK,
    TCP_LISTEN,
    TCP_SYN_RECV,
    TCP_SYN_SENT,
    TCPF_CLOSE_WAIT,
    TCPF_CLOSING,
    TCPF_ESTABLISHED,
    TCPF_FIN_WAIT1,
    TCPF_FIN_WAIT2,
    TCPF_LAST_ACK,
    TCPF_SYN_RECV,
    TCPF_SYN_SENT,
    TCPHDR_ACK,
    TCPHDR_FIN,
    TCPHDR_PSH,
)
from sockfs.util.seq import after

if TYPE_CHECKING:
    from sockfs.structs.call import Call
    from sockfs.structs.file import File
    from sockfs.structs.kernel import Kernel
    from sockfs.structs.msghdr import IovIter, Msghdr
    from sockfs.structs.ops import PollTable, Proto, Sockopt
    from sockfs.structs.sk_buff import SkBuff
    from sockfs.structs.socket import Socket
    from sockfs.structs.task import Task

U32: Final = 0xFFFFFFFF
INT_MAX: Final = 0x7FFFFFFF
tcp_prot: Proto  # drawings place it here; Linux and we make it in tcp_ipv4.py
TCP_TIMEWAIT_LEN: Final = 60_000_000_000
SOF_TIMESTAMPING_TX_RECORD_MASK: Final = 0x2 | 0x100 | 0x200  # TX_SOFTWARE, TX_SCHED, TX_ACK
TCP_CLOSE_LINGERS: Final = 100  # Call.phase of a close that waits for its FIN to be acknowledged
SIOCINQ: Final = 0x541B
SIOCOUTQ: Final = 0x5411
SIOCATMARK: Final = 0x8905
SIOCOUTQNSD: Final = 0x894B
ENOIOCTLCMD: Final = 515


# ---- boot, birth


def tcp_init(k: Kernel) -> None:
    """Boot: the slab caches of TCP, with the sizes that Linux 6.18 has on x86-64."""
    slab.kmem_cache_create(k, "TCP", 2432)
    slab.kmem_cache_create(k, "request_sock_TCP", 304)
    slab.kmem_cache_create(k, "tw_sock_TCP", 248)
    slab.kmem_cache_create(k, "tcp_bind_bucket", 128)


def tcp_init_sock(sk: TcpSock) -> None:
    """What every new TCP sock starts with, IPv4 or IPv6."""
    net = sk.sk_net
    tcp_timer.tcp_init_xmit_timers(sk)
    sk.icsk_rto = tcp_h.TCP_TIMEOUT_INIT
    sk.icsk_rto_max = net.ipv4.sysctl_tcp_rto_max_ms * 1_000_000
    sk.icsk_rto_min = net.ipv4.sysctl_tcp_rto_min_us * 1000
    sk.icsk_delack_max = tcp_h.TCP_DELACK_MAX
    sk.mdev_us = 1_000_000
    sk.rtt_min.v0 = U32
    sk.rtt_min.v1 = U32
    sk.rtt_min.v2 = U32
    # A connection that has sent nothing is limited by its program (the delivery rate means nothing yet).
    sk.app_limited = U32
    sk.rate_app_limited = True
    sk.reordering = net.ipv4.sysctl_tcp_reordering
    sk.advmss = 0
    sk.icsk_pmtu_cookie = 0
    tcp_cong.tcp_assign_congestion_control(sk)
    sk.sk_write_space = stream.SK_STREAM_WRITE_SPACE
    sk.sk_flags |= SOCK_USE_WRITE_QUEUE
    sk.sk_sndbuf = net.ipv4.sysctl_tcp_wmem[1]
    sk.sk_rcvbuf = net.ipv4.sysctl_tcp_rmem[1]
    net.tcp_hashinfo.sockets_allocated += 1


# ---- send(2)


def tcp_sendmsg(sk: TcpSock, msg: Msghdr, size: i64) -> i64:
    """Queue what msg holds, push what may go. Bytes taken, -errno, or -ESLEEP (msg goes on later)."""
    sk.sk_owned = True
    r = tcp_sendmsg_locked(sk, msg, size)
    uarg = msg.msg_ubuf
    if uarg is not None and r != -ESLEEP:
        # the reference of this call
        msg.msg_ubuf = None
        if r > 0:
            errqueue.net_zcopy_put(uarg)
        else:
            errqueue.net_zcopy_put_abort(uarg)
    sock.release_sock(sk)
    return r


def tcp_sendmsg_locked(sk: TcpSock, msg: Msghdr, size: i64) -> i64:
    flags = msg.msg_flags
    copied: i64 = msg.done
    err: i64
    if (
        (flags & MSG_ZEROCOPY) != 0
        and size != 0
        and msg.msg_ubuf is None
        and (sk.sk_flags & SOCK_ZEROCOPY) != 0
    ):
        msg.msg_ubuf = errqueue.msg_zerocopy_realloc(sk, sk.sk_write_queue.last)
    if (
        ((flags & MSG_FASTOPEN) != 0 or sk.defer_connect or msg.phase != 0)
        and msg.phase != tcp_fastopen.FASTOPEN_DONE
        and not sk.repair
    ):
        # sleeps: inet_wait_for_connect
        err = tcp_fastopen.tcp_sendmsg_fastopen(sk, msg, size)
        if err == -ESLEEP:
            return err
        copied = msg.done
        if err == -EINPROGRESS and copied > 0:
            return copied
        if err != 0:
            return stream.sk_stream_error(sk, flags, err)
        msg.phase = tcp_fastopen.FASTOPEN_DONE
        wait.restart_timeo(msg)
    state: i64 = 1 << sk.sk_state
    if (state & ~(TCPF_ESTABLISHED | TCPF_CLOSE_WAIT)) != 0 and not tcp_fastopen.tcp_passive_fastopen(sk):
        # Wait for the handshake, if there is one (sk_stream_wait_connect sleeps).
        err = stream.sk_stream_wait_connect(sk, msg, sock.sock_sndtimeo(sk, (flags & MSG_DONTWAIT) != 0))
        if err == -ESLEEP:
            return err
        if err != 0:
            return tcp_sendmsg_error(sk, msg, flags, copied, 0, 0, err)
    if sk.packets_out < sk.snd_cwnd:
        tcp_rate.tcp_rate_check_app_limited(sk)
    if sk.sk_err != 0 or (sk.sk_shutdown & SEND_SHUTDOWN) != 0:
        return tcp_sendmsg_error(sk, msg, flags, copied, 0, 0, -EPIPE)
    it = msg.msg_iter
    src = it.src
    zc = msg.msg_ubuf
    mss_now: i64 = tcp_output.tcp_current_mss(sk)
    size_goal: i64 = tcp_xmit_size_goal(sk, mss_now, (flags & MSG_OOB) == 0)
    queue = sk.sk_write_queue
    fresh = True  # nothing was taken yet in this call
    while it.count > 0:
        skb = queue.last
        room: i64 = 0
        if skb is not None and not skb.eor:
            room = size_goal - skb.len
            if zc is not None and room > 0 and skb.len != 0:
                # Linux: only so many pieces of memory in a packet, and only one send's completion
                if skb.zc_frags >= errqueue.MAX_SKB_FRAGS or (skb.uarg is not None and skb.uarg is not zc):
                    tcp_output.tcp_mark_push(sk, skb)
                    room = 0
        if room <= 0:
            if not tcp_sk_stream_memory_free(sk):
                err = tcp_wait_for_space(sk, msg, flags, copied, fresh, mss_now, size_goal)
                if err != 0:
                    if err == -ESLEEP:
                        msg.done = copied
                        return err
                    return tcp_sendmsg_error(sk, msg, flags, copied, mss_now, size_goal, err)
                mss_now = tcp_output.tcp_current_mss(sk)
                size_goal = tcp_xmit_size_goal(sk, mss_now, (flags & MSG_OOB) == 0)
                continue
            skb = skbuff.alloc_skb(sk.kernel)
            if not sock.sk_wmem_schedule(sk, skb.truesize):
                # Linux: the first packet of an idle connection is let through whatever the memory says
                if sk.tcp_rtx_queue.qlen != 0 or queue.qlen != 0:
                    skbuff.consume_skb(sk.kernel, skb)
                    return tcp_no_memory(sk, msg, flags, copied, fresh, mss_now, size_goal)
                tcp_output.sk_forced_mem_schedule(sk, skb.truesize)
            tcp_skb_entail(sk, skb)
            room = size_goal
        assert skb is not None
        copy: i64 = it.count
        if copy > room:
            copy = room
        if zc is not None:
            copy = tcp_zerocopy_piece(msg, it, copy)
        if copy > sk.sk_forward_alloc and not sock.sk_wmem_schedule(sk, copy):
            copy = sk.sk_forward_alloc  # past tcp_mem's limit: only what was had before
            if copy <= 0:
                return tcp_no_memory(sk, msg, flags, copied, fresh, mss_now, size_goal)
        if src is not None:
            skbuff.skb_put_data(skb, src, it.iov_offset, copy)
            it.iov_offset += copy
            it.count -= copy
        else:
            skbuff.skb_put_data(skb, it.take(copy), 0, copy)
        sk.sk_wmem_queued += copy
        sk.sk_forward_alloc -= copy
        if copied == 0:
            skb.tcp_flags &= ~TCPHDR_PSH
        end: i64 = (sk.write_seq + copy) & U32
        sk.write_seq = end
        skb.end_seq = end
        skb.tcp_gso_segs = 0
        copied += copy
        fresh = False
        if zc is not None:
            errqueue.skb_zcopy_set(skb, zc)
            skb.zc_frags += 1
        if it.count == 0:
            if (flags & MSG_EOR) != 0:
                skb.eor = True
            break
        if skb.len < size_goal or (flags & MSG_OOB) != 0:
            continue
        if ((sk.write_seq - sk.pushed_seq) & U32) > (sk.max_window >> 1):
            # forced_push: half the peer's window without a PSH is enough
            tcp_output.tcp_mark_push(sk, skb)
            tcp_output.__tcp_push_pending_frames(sk, mss_now, tcp_h.TCP_NAGLE_PUSH)
        elif skb is queue.first:
            tcp_output.tcp_push_one(sk, mss_now)
    msg.done = copied
    if copied != 0:
        tcp_tx_timestamp(sk)
        tcp_output.tcp_push(sk, flags, mss_now, sk.nonagle, size_goal)
    return copied


def tcp_zerocopy_piece(msg: Msghdr, it: IovIter, copy: i64) -> i64:
    """As much of `copy` as lies in one piece of the caller's iovec array."""
    ends = msg.iov_ends
    if ends is None:
        return copy
    for end in ends:
        if end > it.iov_offset:
            left: i64 = end - it.iov_offset
            return left if left < copy else copy
    return copy


def tcp_tx_timestamp(sk: TcpSock) -> None:
    """SO_TIMESTAMPING: the last byte of this send is to be stamped on its way."""
    if sk.sk_tsflags & SOF_TIMESTAMPING_TX_RECORD_MASK == 0:
        return
    skb = sk.sk_write_queue.last
    if skb is not None and skb.len != 0:
        errqueue.sock_tx_timestamp(sk, skb, skb.seq + skb.len - 1)


def tcp_no_memory(
    sk: TcpSock, msg: Msghdr, flags: i64, copied: i64, fresh: bool, mss_now: i64, size_goal: i64
) -> i64:
    """tcp_mem's limit is reached: wait, if the send buffer is what one can wait for, or give up for now."""
    err = tcp_wait_for_space(sk, msg, flags, copied, fresh, mss_now, size_goal)
    if err == -ESLEEP:
        msg.done = copied
        return err
    return tcp_sendmsg_error(sk, msg, flags, copied, mss_now, size_goal, -EAGAIN if err == 0 else err)


def tcp_wait_for_space(
    sk: TcpSock, msg: Msghdr, flags: i64, copied: i64, fresh: bool, mss_now: i64, size_goal: i64
) -> i64:
    """The send buffer is full: send what is in it, and wait. 0: there is room, -errno, -ESLEEP."""
    sck = sk.sk_socket
    if sck is not None:
        sck.flags |= sock.SOCK_NOSPACE
    tcp_remove_empty_skb(sk)
    if not fresh:
        tcp_output.tcp_push(sk, flags & ~MSG_MORE, mss_now, tcp_h.TCP_NAGLE_PUSH, size_goal)
    timeo = sock.sock_sndtimeo(sk, (flags & MSG_DONTWAIT) != 0)
    return stream.sk_stream_wait_memory(sk, msg, timeo, tcp_sk_stream_memory_free(sk))


def tcp_sendmsg_error(
    sk: TcpSock, msg: Msghdr, flags: i64, copied: i64, mss_now: i64, size_goal: i64, err: i64
) -> i64:
    """The send cannot go on. What was taken counts; the error waits for the next call."""
    tcp_remove_empty_skb(sk)
    if copied != 0:
        if mss_now != 0:
            tcp_tx_timestamp(sk)
            tcp_output.tcp_push(sk, flags, mss_now, sk.nonagle, size_goal)
        return copied
    err = stream.sk_stream_error(sk, flags, err)
    if err == -EAGAIN and sk.sk_write_queue.qlen == 0 and sk.tcp_rtx_queue.qlen == 0:
        # Nothing of ours is on its way whose acknowledgement would wake the writer: do it now.
        sk.sk_write_space.run(sk)
        tcp_output.tcp_chrono_stop(sk, TCP_CHRONO_SNDBUF_LIMITED)
    return err


def tcp_xmit_size_goal(sk: TcpSock, mss_now: i64, large_allowed: bool) -> i64:
    """How large a packet to build: whole segments, as many as the device's segmentation takes at once."""
    if not large_allowed:
        return mss_now
    new_goal: i64 = tcp_output.tcp_bound_to_half_wnd(sk, sk.sk_gso_max_size)
    goal: i64 = sk.gso_segs * mss_now
    if new_goal < goal or new_goal >= goal + mss_now:
        segs: i64 = new_goal // mss_now
        if segs > sk.sk_gso_max_segs:
            segs = sk.sk_gso_max_segs
        sk.gso_segs = segs
        goal = segs * mss_now
    return goal if goal > mss_now else mss_now


def tcp_sk_stream_memory_free(sk: TcpSock) -> bool:
    """`sk_stream_memory_free`: room in the send buffer, and not too much of it unsent (TCP_NOTSENT_LOWAT)."""
    if sk.sk_wmem_queued >= sk.sk_sndbuf:
        return False
    return tcp_stream_memory_free(sk, 0)


def tcp_stream_memory_free(sk: TcpSock, wake: i64) -> bool:
    """wake 1: to tell poll(2) so, only half of the mark may be unsent."""
    return (((sk.write_seq - sk.snd_nxt) & U32) << wake) < tcp_notsent_lowat(sk)


def tcp_notsent_lowat(sk: TcpSock) -> i64:
    val = sk.notsent_lowat
    return val if val != 0 else sk.sk_net.ipv4.sysctl_tcp_notsent_lowat


def tcp_skb_entail(sk: TcpSock, skb: SkBuff) -> None:
    """skb becomes the tail of the write queue."""
    seq = sk.write_seq
    skb.seq = seq
    skb.end_seq = seq
    skb.tcp_flags = TCPHDR_ACK
    queue = sk.sk_write_queue
    empty = queue.qlen == 0
    skbuff.skb_queue_tail(queue, skb)
    if empty:
        tcp_output.tcp_chrono_start(sk, TCP_CHRONO_BUSY)
    sk.sk_wmem_queued += skb.truesize
    sk.sk_forward_alloc -= skb.truesize
    sk.nonagle &= ~tcp_h.TCP_NAGLE_PUSH
    tcp_output.tcp_slow_start_after_idle_check(sk)


def tcp_remove_empty_skb(sk: TcpSock) -> None:
    """A send failed after it had made its packet: do not leave it empty."""
    skb = sk.sk_write_queue.last
    if skb is not None and skb.seq == skb.end_seq and (skb.tcp_flags & TCPHDR_FIN) == 0 and skb.len == 0:
        skbuff.skb_unlink(sk.sk_write_queue, skb)
        if sk.sk_write_queue.qlen == 0 and sk.tcp_rtx_queue.qlen == 0:
            tcp_output.tcp_chrono_stop(sk, TCP_CHRONO_BUSY)
        tcp_output.tcp_wmem_free_skb(sk, skb)


# ---- poll(2), ioctl(2)


def tcp_poll(file: File, sck: Socket, pt: PollTable | None) -> i64:
    """The poll mask of a stream (poll(2), tcp(7))."""
    sk = sck.sk
    assert isinstance(sk, TcpSock)
    if pt is not None:
        pt.queue(file, sck.wq)
    state = sk.sk_state
    if state == TCP_LISTEN:
        return inet_connection_sock.inet_csk_listen_poll(sk)
    mask: i64 = 0
    shutdown = sk.sk_shutdown
    # EPOLLHUP cannot be masked out, so it must not be set while anything can still be sent or read: both
    # directions.
    if shutdown == SHUTDOWN_MASK or state == TCP_CLOSE:
        mask |= EPOLLHUP
    if (shutdown & RCV_SHUTDOWN) != 0:
        mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP
    if state != TCP_SYN_SENT and (state != TCP_SYN_RECV or sk.fastopen_rsk is not None):
        target: i64 = sk.sk_rcvlowat if sk.sk_rcvlowat > 0 else 1
        if sk.urg_data != 0 and sk.urg_seq == sk.copied_seq and (sk.sk_flags & SOCK_URGINLINE) == 0:
            target += 1
        if tcp_h.tcp_epollin_ready(sk, target):
            mask |= EPOLLIN | EPOLLRDNORM
        if (shutdown & SEND_SHUTDOWN) != 0:
            mask |= EPOLLOUT | EPOLLWRNORM
        elif tcp_is_writeable(sk):
            mask |= EPOLLOUT | EPOLLWRNORM
        else:
            sck.flags |= sock.SOCK_NOSPACE
        if (sk.urg_data & tcp_h.TCP_URG_VALID) != 0:
            mask |= EPOLLPRI
    elif state == TCP_SYN_SENT and sk.defer_connect:
        mask |= EPOLLOUT | EPOLLWRNORM
    errq = sk.sk_error_queue
    if sk.sk_err != 0 or (errq is not None and errq.qlen != 0):
        mask |= EPOLLERR
    return mask


def tcp_is_writeable(sk: TcpSock) -> bool:
    """`__sk_stream_is_writeable`: a third of the buffer is free."""
    return sk.sk_sndbuf - sk.sk_wmem_queued >= (sk.sk_wmem_queued >> 1) and tcp_stream_memory_free(sk, 1)


def tcp_ioctl(sk: TcpSock, cmd: i64, arg: object) -> i64:
    """SIOCINQ, SIOCATMARK, SIOCOUTQ, SIOCOUTQNSD (tcp(7)). The answer goes into arg, an int of 4 bytes."""
    answ: i64 = 0
    if cmd == SIOCINQ:
        if sk.sk_state == TCP_LISTEN:
            return -EINVAL
        answ = tcp_recv.tcp_inq(sk)
    elif cmd == SIOCATMARK:
        answ = 1 if sk.urg_data != 0 and sk.urg_seq == sk.copied_seq else 0
    elif cmd in (SIOCOUTQ, SIOCOUTQNSD):
        if sk.sk_state == TCP_LISTEN:
            return -EINVAL
        if ((1 << sk.sk_state) & (TCPF_SYN_SENT | TCPF_SYN_RECV)) == 0:
            base = sk.snd_una if cmd == SIOCOUTQ else sk.snd_nxt
            answ = (sk.write_seq - base) & U32
    else:
        return -ENOIOCTLCMD
    if isinstance(arg, bytearray) and len(arg) >= 4:
        arg[0] = answ & 0xFF
        arg[1] = (answ >> 8) & 0xFF
        arg[2] = (answ >> 16) & 0xFF
        arg[3] = (answ >> 24) & 0xFF
        return 0
    return -14  # EFAULT


# ---- the state


def tcp_set_state(sk: TcpSock, state: i64) -> None:
    """The only way a TCP sock changes its state (RFC 9293 section 3.3.2), with what the MIB (RFC 4022) counts
    of it."""
    oldstate = sk.sk_state
    mib = sk.sk_net.mib_tcp
    if state == TCP_ESTABLISHED:
        if oldstate != TCP_ESTABLISHED:
            mib.CurrEstab += 1
    elif state == TCP_CLOSE_WAIT and oldstate == TCP_SYN_RECV:
        mib.CurrEstab += 1
    else:
        if state == TCP_CLOSE:
            if oldstate in (TCP_CLOSE_WAIT, TCP_ESTABLISHED):
                mib.EstabResets += 1
            inet_hashtables.inet_unhash(sk)
            if sk.icsk_bind_hash is not None and (sk.sk_userlocks & 8) == 0:
                inet_hashtables.inet_put_port(sk)
        if (oldstate in (TCP_ESTABLISHED, TCP_CLOSE_WAIT)) and state != TCP_CLOSE_WAIT:
            mib.CurrEstab -= 1
    inet_sk_state_store(sk, state)


def inet_sk_state_store(sk: Sock, state: i64) -> None:
    """The store itself, with its tracepoint."""
    if sk.kernel.trace_on:
        trace.inet_sock_set_state(sk, sk.sk_state, state)
    sk.sk_state = state


def tcp_close_state(sk: TcpSock) -> bool:
    """The state after our side has closed (RFC 9293 section 3.10.4). True: a FIN has to go out."""
    old = sk.sk_state
    if old in (TCP_ESTABLISHED, TCP_SYN_RECV):
        tcp_set_state(sk, TCP_FIN_WAIT1)
        return True
    if old == TCP_CLOSE_WAIT:
        tcp_set_state(sk, TCP_LAST_ACK)
        return True
    if old in (TCP_SYN_SENT, TCP_LISTEN):
        tcp_set_state(sk, TCP_CLOSE)
    return False


def tcp_shutdown(sk: TcpSock, how: i64) -> None:
    """shutdown(2), write side: what is queued goes first, the FIN behind it. `how`: SEND_SHUTDOWN bits."""
    if (how & SEND_SHUTDOWN) == 0:
        return
    if ((1 << sk.sk_state) & (TCPF_ESTABLISHED | TCPF_SYN_SENT | TCPF_CLOSE_WAIT)) != 0:
        if tcp_close_state(sk):
            tcp_output.tcp_send_fin(sk)


# ---- close(2)


def tcp_close(sk: TcpSock, timeout: i64, call: Call | None) -> i64:
    """close(2): 0, or -ESLEEP while it lingers (timeout ns; SO_LINGER). The sock lives on as long as the
    protocol needs it."""
    sock.lock_sock(sk)
    r = __tcp_close(sk, timeout, call)
    if r == -ESLEEP:
        sock.release_sock(sk)
        return r
    sock.release_sock(sk)
    if sk.sk_state == TCP_CLOSE and (sk.sk_flags & SOCK_DEAD) != 0 and r == 1:
        inet_connection_sock.inet_csk_destroy_sock(sk)
    sock.sock_put(sk)
    return 0


def __tcp_close(sk: TcpSock, timeout: i64, call: Call | None) -> i64:
    """-ESLEEP; or, with one more reference held: 1 when the sock is finished and to be destroyed, else 0."""
    k = sk.kernel
    net = sk.sk_net
    if call is None or call.phase != TCP_CLOSE_LINGERS:
        sk.sk_shutdown = SHUTDOWN_MASK
        if sk.sk_state == TCP_LISTEN:
            tcp_set_state(sk, TCP_CLOSE)
            inet_connection_sock.inet_csk_listen_stop(sk)
            return tcp_close_adjudge(sk)
        # RFC 2525 section 2.17, RFC 9293 section 3.10.4: unread data means that it was not delivered; say so
        # with a RST.
        data_was_unread = False
        skb = skbuff.skb_dequeue(sk.sk_receive_queue)
        while skb is not None:
            end: i64 = skb.end_seq
            if (skb.tcp_flags & TCPHDR_FIN) != 0:
                end = (end - 1) & U32
            if after(end, sk.copied_seq):
                data_was_unread = True
            skbuff.consume_skb(k, skb)
            skb = skbuff.skb_dequeue(sk.sk_receive_queue)
        if sk.sk_state == TCP_CLOSE:
            return tcp_close_adjudge(sk)
        if sk.repair:
            sk.sk_prot.disconnect(sk, 0)
        elif data_was_unread:
            net.mib_linux.TCPAbortOnClose += 1
            tcp_set_state(sk, TCP_CLOSE)
            tcp_output.tcp_send_active_reset(sk, SK_RST_REASON_TCP_ABORT_ON_CLOSE)
        elif (sk.sk_flags & SOCK_LINGER) != 0 and sk.sk_lingertime == 0:
            # SO_LINGER with 0 is how the sockets interface says ABORT (RFC 9293 section 3.10.5).
            sk.sk_prot.disconnect(sk, 0)
            net.mib_linux.TCPAbortOnData += 1
        elif tcp_close_state(sk):
            tcp_output.tcp_send_fin(sk)
    if timeout != 0 and call is not None:
        if sk_stream_closing(sk) and not call.signalled and wait.timeo_left(call, timeout) != 0:
            wq = sk.sk_wq
            if wq is not None:
                call.phase = TCP_CLOSE_LINGERS
                # sleeps: sk_stream_wait_close
                return wait.sleep_on(call, wq, 0, timeout)
    return tcp_close_adjudge(sk)


def sk_stream_closing(sk: TcpSock) -> bool:
    return ((1 << sk.sk_state) & (TCPF_FIN_WAIT1 | TCPF_CLOSING | TCPF_LAST_ACK)) != 0


def tcp_close_adjudge(sk: TcpSock) -> i64:
    """The Socket lets go. What becomes of the sock? 1: it is finished. One reference more is held."""
    net = sk.sk_net
    sock.sock_hold(sk)
    sock.sock_orphan(sk)
    net.tcp_hashinfo.orphan_count += 1
    if sk.sk_state == TCP_FIN_WAIT2:
        # Nobody can read any more: wait for the peer's FIN for a while only (tcp_fin_timeout, TCP_LINGER2).
        if sk.linger2 < 0:
            tcp_set_state(sk, TCP_CLOSE)
            tcp_output.tcp_send_active_reset(sk, SK_RST_REASON_TCP_ABORT_ON_LINGER)
            net.mib_linux.TCPAbortOnLinger += 1
        else:
            tmo = tcp_h.tcp_fin_time(sk)
            if tmo > TCP_TIMEWAIT_LEN:
                tcp_timer.tcp_reset_keepalive_timer(sk, tmo - TCP_TIMEWAIT_LEN)
            else:
                tcp_minisocks.tcp_time_wait(sk, TCP_FIN_WAIT2, tmo)
                return 0
    if sk.sk_state != TCP_CLOSE and tcp_check_oom(sk, 0):
        tcp_set_state(sk, TCP_CLOSE)
        tcp_output.tcp_send_active_reset(sk, SK_RST_REASON_TCP_ABORT_ON_MEMORY)
        net.mib_linux.TCPAbortOnMemory += 1
    if sk.sk_state == TCP_CLOSE:
        req = sk.fastopen_rsk
        if req is not None:
            # Aborted, with data unread say, before its handshake ended.
            tcp_fastopen.reqsk_fastopen_remove(sk, req, False)
        return 1
    return 0


def tcp_check_oom(sk: TcpSock, shift: i64) -> bool:
    """Too many orphans, or too little memory, to keep this one."""
    hinfo = sk.sk_net.tcp_hashinfo
    ipv4 = sk.sk_net.ipv4
    if (hinfo.orphan_count << shift) > ipv4.sysctl_tcp_max_orphans:
        return True
    return sk.sk_wmem_queued > 2048 * 2 and hinfo.memory_allocated > ipv4.sysctl_tcp_mem[2]


def tcp_enter_memory_pressure(sk: Sock) -> None:
    """`net.ipv4.tcp_mem`'s middle value is passed."""
    sk.sk_net.mib_linux.TCPMemoryPressures += 1


# ---- the end of a connection


def tcp_done(sk: TcpSock) -> None:
    """The connection is over; the sock goes too once nobody has it open."""
    if sk.sk_state == TCP_SYN_SENT or sk.sk_state == TCP_SYN_RECV:
        sk.sk_net.mib_tcp.AttemptFails += 1
    tcp_set_state(sk, TCP_CLOSE)
    tcp_timer.tcp_clear_xmit_timers(sk)
    req = sk.fastopen_rsk
    if req is not None:
        tcp_fastopen.reqsk_fastopen_remove(sk, req, False)
    sk.sk_shutdown = SHUTDOWN_MASK
    if (sk.sk_flags & SOCK_DEAD) == 0:
        sk.sk_state_change.run(sk)
    else:
        inet_connection_sock.inet_csk_destroy_sock(sk)


def tcp_done_with_error(sk: TcpSock, err: i64) -> None:
    """... and the program will be told why."""
    sk.sk_err = err
    tcp_write_queue_purge(sk)
    dead = (sk.sk_flags & SOCK_DEAD) != 0
    tcp_done(sk)
    if not dead:
        sk.sk_error_report.run(sk)


def tcp_need_reset(state: i64) -> bool:
    """A peer in a state in which it must be told (RFC 9293 section 3.10.5)."""
    return (
        (1 << state) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT | TCPF_FIN_WAIT1 | TCPF_FIN_WAIT2 | TCPF_SYN_RECV)
    ) != 0


def tcp_disconnect(sk: TcpSock, flags: i64) -> i64:
    """connect(2) with AF_UNSPEC, ABORT: the connection ends with a RST; the sock may be used again. 0."""
    k = sk.kernel
    old_state = sk.sk_state
    if old_state != TCP_CLOSE:
        tcp_set_state(sk, TCP_CLOSE)
    if old_state == TCP_LISTEN:
        inet_connection_sock.inet_csk_listen_stop(sk)
    elif sk.repair:
        sk.sk_err = ECONNABORTED
    elif tcp_need_reset(old_state):
        tcp_output.tcp_send_active_reset(sk, SK_RST_REASON_TCP_STATE)
        sk.sk_err = ECONNRESET
    elif sk.snd_nxt != sk.write_seq and ((1 << old_state) & (TCPF_CLOSING | TCPF_LAST_ACK)) != 0:
        # Data behind the FIN's place that will never go: the peer must not believe it had all.
        tcp_output.tcp_send_active_reset(sk, SK_RST_REASON_TCP_DISCONNECT_WITH_DATA)
        sk.sk_err = ECONNRESET
    elif old_state == TCP_SYN_SENT:
        sk.sk_err = ECONNRESET
    tcp_timer.tcp_clear_xmit_timers(sk)
    skbuff.skb_queue_purge(k, sk.sk_receive_queue, SKB_DROP_REASON_SOCKET_CLOSE)
    sk.copied_seq = sk.rcv_nxt
    sk.urg_data = 0
    if sk.sk_peek_off >= 0:
        sk.sk_peek_off = 0
    tcp_write_queue_purge(sk)
    ooo = sk.out_of_order_queue
    if ooo is not None:
        skbuff.skb_queue_purge(k, ooo, SKB_DROP_REASON_SOCKET_CLOSE)
    sk.ooo_last_skb = None
    sk.sk_dport = 0
    if (sk.sk_userlocks & 4) == 0:
        sk.inet_saddr = 0
        sk.sk_rcv_saddr = 0
    sk.sk_shutdown = 0
    sk.sk_flags &= ~SOCK_DONE
    sk.srtt_us = 0
    sk.mdev_us = 1_000_000
    sk.rttvar_us = 0
    sk.mdev_max_us = 0
    sk.rcv_rtt_last_tsecr = 0
    # Another connection of this sock starts above anything the old one may have had under way.
    seq: i64 = (sk.write_seq + sk.max_window + 2) & U32
    sk.write_seq = seq if seq != 0 else 1
    sk.icsk_backoff = 0
    sk.icsk_probes_out = 0
    sk.icsk_probes_tstamp = 0
    sk.icsk_rto = tcp_h.TCP_TIMEOUT_INIT
    sk.icsk_rto_min = sk.sk_net.ipv4.sysctl_tcp_rto_min_us * 1000
    sk.icsk_delack_max = tcp_h.TCP_DELACK_MAX
    sk.snd_ssthresh = tcp_h.TCP_INFINITE_SSTHRESH
    sk.snd_cwnd = tcp_h.TCP_INIT_CWND
    sk.snd_cwnd_cnt = 0
    sk.is_cwnd_limited = False
    sk.max_packets_out = 0
    sk.window_clamp = 0
    sk.delivered = 0
    sk.delivered_ce = 0
    tcp_cong.tcp_cleanup_congestion_control(sk)
    sk.icsk_ca_priv = None
    sk.icsk_ca_initialized = False
    tcp_cong.tcp_set_ca_state(sk, 0)
    sk.is_sack_reneg = False
    tcp_connect.tcp_clear_retrans(sk)
    sk.total_retrans = 0
    inet_connection_sock.inet_csk_delack_init(sk)
    sk.icsk_ack_rcv_mss = tcp_h.TCP_MIN_MSS
    sk.tstamp_ok = False
    sk.sack_ok = 0
    sk.wscale_ok = False
    sk.snd_wscale = 0
    sk.rcv_wscale = 0
    sk.saw_tstamp = False
    sk.rx_opt_num_sacks = 0
    sk.rx_opt_dsack = False
    sk.selective_acks = None
    sk.recv_sack_cache = None
    sk.duplicate_sack0 = 0
    sk.duplicate_sack1 = 0
    sock.sk_dst_reset(sk)
    sk.saved_syn = None
    sk.compressed_ack = 0
    sk.segs_in = 0
    sk.segs_out = 0
    sk.bytes_sent = 0
    sk.bytes_acked = 0
    sk.bytes_received = 0
    sk.bytes_retrans = 0
    sk.data_segs_in = 0
    sk.data_segs_out = 0
    sk.total_rto = 0
    sk.total_rto_recoveries = 0
    sk.total_rto_time = 0
    sk.dsack_dups = 0
    sk.reord_seen = 0
    sk.retrans_out = 0
    sk.sacked_out = 0
    sk.lost_out = 0
    sk.tlp_high_seq = 0
    sk.last_oow_ack_time = 0
    sk.app_limited = U32
    sk.rack_mstamp = 0
    sk.rack_advanced = False
    sk.rack_reo_wnd_steps = 1
    sk.rack_last_delivered = 0
    sk.rack_reo_wnd_persist = 0
    sk.rack_dsack_seen = False
    sk.syn_data_acked = False
    sk.rcv_rtt_est_rtt_us = 0
    sk.rcvq_space_space = 0
    sk.rcv_ooopack = 0
    sk.pred_flags = 0
    sk.ecn_flags = 0
    sk.defer_connect = False
    sk.fastopen_client_fail = 0
    sk.syn_fastopen = False
    sk.syn_data = False
    tcp_fastopen.tcp_free_fastopen_req(sk)
    sk.sk_error_report.run(sk)
    return 0


def tcp_abort(sk: TcpSock, err: i64) -> i64:
    """SOCK_DESTROY (`ss -K`): the connection ends with a RST, its program with err. 0."""
    if sk.sk_state == TCP_LISTEN:
        tcp_set_state(sk, TCP_CLOSE)
        inet_connection_sock.inet_csk_listen_stop(sk)
    elif sk.sk_state == TCP_CLOSE:
        return -2
    if (sk.sk_flags & SOCK_DEAD) == 0:
        if tcp_need_reset(sk.sk_state):
            tcp_output.tcp_send_active_reset(sk, SK_RST_REASON_NOT_SPECIFIED)
        tcp_done_with_error(sk, err)
    return 0


def tcp_write_queue_purge(sk: TcpSock) -> None:
    """Nothing that waits to be sent, or to be acknowledged, will be."""
    tcp_output.tcp_chrono_stop(sk, TCP_CHRONO_BUSY)
    queue = sk.sk_write_queue
    skb = skbuff.skb_dequeue(queue)
    while skb is not None:
        tcp_h.tcp_tsorted_del(sk, skb)
        tcp_output.tcp_wmem_free_skb(sk, skb)
        skb = skbuff.skb_dequeue(queue)
    rtx = sk.tcp_rtx_queue
    skb = skbuff.skb_dequeue(rtx)
    while skb is not None:
        tcp_h.tcp_tsorted_del(sk, skb)
        tcp_output.tcp_wmem_free_skb(sk, skb)
        skb = skbuff.skb_dequeue(rtx)
    sk.tsorted_first = None
    sk.tsorted_last = None
    sk.highest_sack = None
    sk.lost_skb_hint = None
    sk.retransmit_skb_hint = None
    sock.sk_mem_reclaim(sk)
    sk.packets_out = 0
    sk.icsk_backoff = 0


def tcp_sk_destruct(sk: TcpSock) -> None:
    """The last reference went: cut the cycles through timers, so that the memory goes at once."""
    tcp_timer.tcp_shutdown_xmit_timers(sk)
    sk.icsk_ca_priv = None
    rtx = sk.tcp_rtx_queue
    if rtx.qlen != 0:
        skbuff.skb_queue_purge(sk.kernel, rtx, SKB_DROP_REASON_NOT_SPECIFIED)


def tcp_listen_fastopen(sk: Sock, backlog: i64) -> None:
    """listen(2) turns fast open on where net.ipv4.tcp_fastopen says so for every listener (bits 2 and 10)."""
    fastopen = sk.sk_net.ipv4.sysctl_tcp_fastopen
    if (fastopen & 2) != 0 and (fastopen & 0x400) != 0 and isinstance(sk, TcpSock):
        tcp_sockopt.fastopen_queue_tune(sk, backlog)


# ---- parts of tcp.c that stand in files of their own


def tcp_recvmsg(sk: TcpSock, msg: Msghdr, size: i64, flags: i64) -> i64:
    return tcp_recv.tcp_recvmsg(sk, msg, size, flags)


def tcp_cleanup_rbuf(sk: TcpSock, copied: i64) -> None:
    tcp_recv.tcp_cleanup_rbuf(sk, copied)


def tcp_set_rcvlowat(sk: TcpSock, val: i64) -> i64:
    return tcp_recv.tcp_set_rcvlowat(sk, val)


def tcp_setsockopt(sk: TcpSock, level: i64, optname: i64, opt: Sockopt, task: Task) -> i64:
    return tcp_sockopt.tcp_setsockopt(sk, level, optname, opt, task)


def tcp_getsockopt(sk: TcpSock, level: i64, optname: i64, opt: Sockopt, task: Task) -> i64:
    return tcp_sockopt.tcp_getsockopt(sk, level, optname, opt, task)


def tcp_get_info(sk: TcpSock) -> bytes:
    return tcp_info.tcp_get_info(sk)
