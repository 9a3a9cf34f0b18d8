"""Socket options of level IPPROTO_TCP (tcp(7)): each effective, stored, or refused with Linux's errno.

Kernel counterpart: `do_tcp_setsockopt` and `do_tcp_getsockopt` of `net/ipv4/tcp.c`. Control comes from
`tcp_prot`; other levels go on to `icsk_af_ops` (IPPROTO_IP). Ranges and lengths are those of Linux 6.18,
asked one by one.

A value has at least four bytes (but for names and keys); an answer is cut to the caller's length. Times are
stored in nanoseconds and answered in the option's unit, rounded as Linux's clock tick rounds them.

Refused: TCP_MD5SIG, TCP_AO_*, TCP_ULP (none is known), TCP_ZEROCOPY_RECEIVE, TCP_REPAIR_OPTIONS.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.net.ipv4 import tcp_cong, tcp_h, tcp_info, tcp_output, tcp_recv, tcp_timer
from sockfs.structs.request_sock import RequestSockQueue
from sockfs.structs.sock import SOCK_KEEPOPEN
from sockfs.structs.task import CAP_NET_ADMIN
from sockfs.uapi.errno import EINVAL, ENOENT, ENOPROTOOPT, ENOTCONN, EPERM
from sockfs.uapi.in_ import IPPROTO_TCP
from sockfs.uapi.tcp import (
    ICSK_ACK_PUSHED,
    ICSK_ACK_SCHED,
    TCP_AO_REPAIR,
    TCP_CC_INFO,
    TCP_CLOSE,
    TCP_CONGESTION,
    TCP_CORK,
    TCP_DEFER_ACCEPT,
    TCP_DELACK_MAX_US,
    TCP_FASTOPEN,
    TCP_FASTOPEN_CONNECT,
    TCP_FASTOPEN_KEY,
    TCP_FASTOPEN_NO_COOKIE,
    TCP_INFO,
    TCP_INQ,
    TCP_IS_MPTCP,
    TCP_KEEPCNT,
    TCP_KEEPIDLE,
    TCP_KEEPINTVL,
    TCP_LINGER2,
    TCP_LISTEN,
    TCP_MAXSEG,
    TCP_MD5SIG,
    TCP_MD5SIG_EXT,
    TCP_NODELAY,
    TCP_NOTSENT_LOWAT,
    TCP_QUEUE_SEQ,
    TCP_QUICKACK,
    TCP_RECV_QUEUE,
    TCP_REPAIR,
    TCP_REPAIR_OPTIONS,
    TCP_REPAIR_QUEUE,
    TCP_REPAIR_WINDOW,
    TCP_RTO_MAX_MS,
    TCP_RTO_MIN_US,
    TCP_SAVE_SYN,
    TCP_SAVED_SYN,
    TCP_SEND_QUEUE,
    TCP_SYNCNT,
    TCP_THIN_DUPACK,
    TCP_THIN_LINEAR_TIMEOUTS,
    TCP_TIMESTAMP,
    TCP_TX_DELAY,
    TCP_ULP,
    TCP_USER_TIMEOUT,
    TCP_WINDOW_CLAMP,
    TCP_ZEROCOPY_RECEIVE,
    TCPF_CLOSE,
    TCPF_CLOSE_WAIT,
    TCPF_ESTABLISHED,
    TCPF_LISTEN,
)

if TYPE_CHECKING:
    from sockfs.structs.inet_connection_sock import InetConnectionSock
    from sockfs.structs.ops import Sockopt
    from sockfs.structs.task import Task
    from sockfs.structs.tcp_sock import TcpSock

U32: Final = 0xFFFFFFFF
SEC: Final = 1_000_000_000
TCP_FIN_TIMEOUT_MAX: Final = 120  # seconds
TCP_MIN_MSS: Final = 88
MAX_TCP_WINDOW: Final = 32767
TFO_CLIENT_ENABLE: Final = 1
SK_NO_REUSE: Final = 0
SK_FORCE_REUSE: Final = 2
WINDOW_CLAMP_MIN: Final = 1152  # half of SOCK_MIN_RCVBUF
SIZEOF_TCP_REPAIR_WINDOW: Final = 20


# ---- setsockopt(2)


def tcp_setsockopt(sk: TcpSock, level: i64, optname: i64, opt: Sockopt, task: Task) -> i64:
    """0 or -errno."""
    if level != IPPROTO_TCP:
        return sk.icsk_af_ops.setsockopt(sk, level, optname, opt, task)
    sk.sk_owned = True
    r = do_tcp_setsockopt(sk, optname, opt, task)
    sk.sk_prot.release_cb(sk)
    sk.sk_owned = False
    return r


def do_tcp_setsockopt(sk: TcpSock, optname: i64, opt: Sockopt, task: Task) -> i64:
    optlen: i64 = opt.optlen
    # names and keys
    if optname == TCP_CONGESTION:
        if optlen < 1:
            return -EINVAL
        admin = (task.cap_effective >> CAP_NET_ADMIN) & 1 != 0
        return tcp_cong.tcp_set_congestion_control(sk, optstring(opt, 15), True, admin)
    if optname == TCP_ULP:
        return -EINVAL if optlen < 1 else -ENOENT
    if optname == TCP_FASTOPEN_KEY:
        if optlen != 16 and optlen != 32:
            return -EINVAL
        icsk_accept_queue(sk).fastopenq_key = bytes(opt.optval[: int(optlen)])
        return 0
    if optlen < 4 or len(opt.optval) < 4:
        return -EINVAL
    val: i64 = s32(opt.optval)
    state: i64 = 1 << sk.sk_state

    if optname == TCP_NODELAY:
        tcp_sock_set_nodelay(sk, val != 0)
    elif optname == TCP_CORK:
        tcp_sock_set_cork(sk, val != 0)
    elif optname == TCP_MAXSEG:
        if val != 0 and (val < TCP_MIN_MSS or val > MAX_TCP_WINDOW):
            return -EINVAL
        sk.rx_opt_user_mss = val
    elif optname == TCP_KEEPIDLE:
        if val < 1 or val > 32767:
            return -EINVAL
        sk.keepalive_time = val * SEC
        if (sk.sk_flags & SOCK_KEEPOPEN) != 0 and (state & (TCPF_CLOSE | TCPF_LISTEN)) == 0:
            elapsed = tcp_h.keepalive_time_elapsed(sk)
            left: i64 = sk.keepalive_time - elapsed
            tcp_timer.tcp_reset_keepalive_timer(sk, left if left > 0 else 0)
    elif optname == TCP_KEEPINTVL:
        if val < 1 or val > 32767:
            return -EINVAL
        sk.keepalive_intvl = val * SEC
    elif optname == TCP_KEEPCNT:
        if val < 1 or val > 127:
            return -EINVAL
        sk.keepalive_probes = val
    elif optname == TCP_SYNCNT:
        if val < 1 or val > 127:
            return -EINVAL
        sk.icsk_syn_retries = val
    elif optname == TCP_LINGER2:
        if val < 0:
            sk.linger2 = -1
        elif val > TCP_FIN_TIMEOUT_MAX:
            sk.linger2 = TCP_FIN_TIMEOUT_MAX * SEC
        else:
            sk.linger2 = val * SEC
    elif optname == TCP_DEFER_ACCEPT:
        icsk_accept_queue(sk).rskq_defer_accept = secs_to_retrans(val)
    elif optname == TCP_WINDOW_CLAMP:
        return tcp_set_window_clamp(sk, val)
    elif optname == TCP_QUICKACK:
        tcp_sock_set_quickack(sk, val)
    elif optname == TCP_USER_TIMEOUT:
        if val < 0:
            return -EINVAL
        sk.icsk_user_timeout = val
    elif optname == TCP_THIN_LINEAR_TIMEOUTS:
        if val < 0 or val > 1:
            return -EINVAL
        sk.thin_lto = val != 0
    elif optname == TCP_THIN_DUPACK:
        # obsolete: RACK does it for every stream
        if val < 0 or val > 1:
            return -EINVAL
    elif optname == TCP_NOTSENT_LOWAT:
        sk.notsent_lowat = val & U32
        sk.sk_write_space.run(sk)
    elif optname == TCP_INQ:
        if val < 0 or val > 1:
            return -EINVAL
        sk.recvmsg_inq = val != 0
    elif optname == TCP_SAVE_SYN:
        if val < 0 or val > 2:
            return -EINVAL
        sk.save_syn = val
    elif optname == TCP_TX_DELAY:
        if val < 0 or val >= 1 << 28:
            return -EINVAL
        sk.tcp_tx_delay = val
    elif optname == TCP_RTO_MAX_MS:
        if val < 1000 or val > 120000:
            return -EINVAL
        sk.icsk_rto_max = tcp_h.jiffies_up(val * 1_000_000)
    elif optname in (TCP_RTO_MIN_US, TCP_DELACK_MAX_US):
        ns: i64 = tcp_h.jiffies_up(val * 1000) if val > 0 else 0
        if ns < tcp_h.TCP_TIMEOUT_MIN or ns > tcp_h.TCP_RTO_MIN:
            return -EINVAL
        if optname == TCP_RTO_MIN_US:
            sk.icsk_rto_min = ns
        else:
            sk.icsk_delack_max = ns
    elif optname == TCP_FASTOPEN:
        if val < 0 or (state & (TCPF_CLOSE | TCPF_LISTEN)) == 0:
            return -EINVAL
        fastopen_queue_tune(sk, val)
    elif optname == TCP_FASTOPEN_CONNECT:
        if val < 0 or val > 1:
            return -EINVAL
        if (sk.sk_net.ipv4.sysctl_tcp_fastopen & TFO_CLIENT_ENABLE) == 0:
            return -95
        if sk.sk_state != TCP_CLOSE:
            return -EINVAL
        sk.fastopen_connect = val != 0
    elif optname == TCP_FASTOPEN_NO_COOKIE:
        if val < 0 or val > 1 or (state & (TCPF_CLOSE | TCPF_LISTEN)) == 0:
            return -EINVAL
        sk.fastopen_no_cookie = val != 0
    elif optname in (TCP_MD5SIG, TCP_MD5SIG_EXT):
        return -EINVAL
    else:
        return tcp_set_repair(sk, optname, val, optlen, task)
    return 0


def tcp_set_repair(sk: TcpSock, optname: i64, val: i64, optlen: i64, task: Task) -> i64:
    """TCP_REPAIR and what goes with it: how a connection is saved and brought back (checkpoint/restore)."""
    if optname == TCP_REPAIR:
        if (task.cap_effective >> CAP_NET_ADMIN) & 1 == 0 or sk.sk_state == TCP_LISTEN:
            return -EPERM
        if val == 1:
            sk.repair = True
            sk.sk_reuse = SK_FORCE_REUSE
            sk.repair_queue = 0
        elif val == 0 or val == -1:
            sk.repair = False
            sk.sk_reuse = SK_NO_REUSE
            if val == 0:
                tcp_output.tcp_send_window_probe(sk)
        else:
            return -EINVAL
        return 0
    if optname == TCP_REPAIR_QUEUE:
        if not sk.repair:
            return -EPERM
        if val < 0 or val > 2:
            return -EINVAL
        sk.repair_queue = val
        return 0
    if optname == TCP_QUEUE_SEQ:
        if sk.sk_state != TCP_CLOSE:
            return -EPERM
        if sk.repair_queue == TCP_SEND_QUEUE:
            if sk.tcp_rtx_queue.qlen != 0:
                return -EPERM
            sk.write_seq = val & U32
        elif sk.repair_queue == TCP_RECV_QUEUE:
            if sk.rcv_nxt != sk.copied_seq:
                return -EPERM
            sk.rcv_nxt = val & U32
            sk.copied_seq = val & U32
        else:
            return -EINVAL
        return 0
    if optname == TCP_REPAIR_OPTIONS:
        return -EINVAL if not sk.repair else -EPERM
    if optname == TCP_REPAIR_WINDOW:
        if not sk.repair:
            return -EPERM
        return -EINVAL
    if optname == TCP_TIMESTAMP:
        if not sk.repair:
            return -EPERM
        sk.tsoffset = (val - sk.kernel.now // 1_000_000) & U32
        return 0
    if optname == TCP_AO_REPAIR and sk.sk_state == TCP_LISTEN:
        return -EPERM
    return -ENOPROTOOPT


def tcp_sock_set_nodelay(sk: TcpSock, on: bool) -> None:
    """TCP_NODELAY: Nagle off (RFC 9293 section 3.7.4), and what waits for company goes now."""
    if on:
        sk.nonagle |= tcp_h.TCP_NAGLE_OFF | tcp_h.TCP_NAGLE_PUSH
        tcp_output.tcp_push_pending_frames(sk)
    else:
        sk.nonagle &= ~tcp_h.TCP_NAGLE_OFF


def tcp_sock_set_cork(sk: TcpSock, on: bool) -> None:
    """TCP_CORK: only full segments; pulling the cork sends the rest."""
    if on:
        sk.nonagle |= tcp_h.TCP_NAGLE_CORK
    else:
        sk.nonagle &= ~tcp_h.TCP_NAGLE_CORK
        if (sk.nonagle & tcp_h.TCP_NAGLE_OFF) != 0:
            sk.nonagle |= tcp_h.TCP_NAGLE_PUSH
        tcp_output.tcp_push_pending_frames(sk)


def tcp_sock_set_quickack(sk: TcpSock, val: i64) -> None:
    """TCP_QUICKACK: acknowledge at once, until the conversation looks interactive again."""
    if val == 0:
        tcp_h.inet_csk_enter_pingpong_mode(sk)
        return
    tcp_h.inet_csk_exit_pingpong_mode(sk)
    if ((1 << sk.sk_state) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT)) != 0 and (
        sk.icsk_ack_pending & ICSK_ACK_SCHED
    ) != 0:
        sk.icsk_ack_pending |= ICSK_ACK_PUSHED
        tcp_recv.tcp_cleanup_rbuf(sk, 1)
        if (val & 1) == 0:
            tcp_h.inet_csk_enter_pingpong_mode(sk)


def tcp_set_window_clamp(sk: TcpSock, val: i64) -> i64:
    """TCP_WINDOW_CLAMP: the most that is ever advertised."""
    if val == 0:
        if sk.sk_state != TCP_CLOSE:
            return -EINVAL
        sk.window_clamp = 0
        return 0
    new: i64 = val if val > WINDOW_CLAMP_MIN else WINDOW_CLAMP_MIN
    old: i64 = sk.window_clamp
    if new == old:
        return 0
    sk.window_clamp = new
    if new < old:
        if sk.rcv_ssthresh > new:
            sk.rcv_ssthresh = new
    else:
        ssthresh = sk.rcv_wnd if sk.rcv_wnd < new else new
        if ssthresh > sk.rcv_ssthresh:
            sk.rcv_ssthresh = ssthresh
    return 0


def icsk_accept_queue(sk: InetConnectionSock) -> RequestSockQueue:
    """Options of listeners may be set before listen(2)."""
    queue = sk.icsk_accept_queue
    if queue is None:
        queue = RequestSockQueue()
        sk.icsk_accept_queue = queue
    return queue


def fastopen_queue_tune(sk: TcpSock, backlog: i64) -> None:
    """How many fast-open children may wait before their handshake ends (RFC 7413)."""
    top: i64 = sk.sk_net.core.sysctl_somaxconn
    icsk_accept_queue(sk).fastopenq_max_qlen = backlog if backlog < top else top


def secs_to_retrans(seconds: i64) -> i64:
    """How many SYN-ACKs are sent in so many seconds, the first after one second."""
    res: i64 = 0
    if seconds > 0:
        timeout: i64 = 1
        period: i64 = 1
        res = 1
        while seconds > period and res < 255:
            res += 1
            timeout <<= 1
            if timeout > 120:
                timeout = 120
            period += timeout
    return res


def retrans_to_secs(retrans: i64) -> i64:
    period: i64 = 0
    if retrans > 0:
        timeout: i64 = 1
        period = 1
        while retrans > 1:
            retrans -= 1
            timeout <<= 1
            if timeout > 120:
                timeout = 120
            period += timeout
    return period


def s32(b: bytes) -> i64:
    """The C int at the start of b."""
    v: i64 = b[0] | (b[1] << 8) | (b[2] << 16) | (b[3] << 24)
    return v - 0x100000000 if v & 0x80000000 else v


def optstring(opt: Sockopt, most: i64) -> str:
    """A name: at most `most` bytes, up to the first NUL."""
    n: i64 = opt.optlen if opt.optlen < most else most
    raw = opt.optval[: int(n)]
    end = raw.find(b"\0")
    if end >= 0:
        raw = raw[:end]
    return raw.decode("latin-1")


# ---- getsockopt(2)


def tcp_getsockopt(sk: TcpSock, level: i64, optname: i64, opt: Sockopt, task: Task) -> i64:
    """0 with opt.result, or -errno."""
    if level != IPPROTO_TCP:
        return sk.icsk_af_ops.getsockopt(sk, level, optname, opt, task)
    return do_tcp_getsockopt(sk, optname, opt)


def do_tcp_getsockopt(sk: TcpSock, optname: i64, opt: Sockopt) -> i64:
    length: i64 = opt.optlen
    if length < 0:
        return -EINVAL
    ipv4 = sk.sk_net.ipv4
    queue = sk.icsk_accept_queue
    val: i64 = 0
    if optname == TCP_MAXSEG:
        val = sk.mss_cache
        if sk.rx_opt_user_mss != 0 and ((1 << sk.sk_state) & (TCPF_CLOSE | TCPF_LISTEN)) != 0:
            val = sk.rx_opt_user_mss
        if sk.repair:
            val = sk.rx_opt_mss_clamp
    elif optname == TCP_NODELAY:
        val = 1 if (sk.nonagle & tcp_h.TCP_NAGLE_OFF) != 0 else 0
    elif optname == TCP_CORK:
        val = 1 if (sk.nonagle & tcp_h.TCP_NAGLE_CORK) != 0 else 0
    elif optname == TCP_KEEPIDLE:
        val = tcp_h.keepalive_time_when(sk) // SEC
    elif optname == TCP_KEEPINTVL:
        val = tcp_h.keepalive_intvl_when(sk) // SEC
    elif optname == TCP_KEEPCNT:
        val = tcp_h.keepalive_probes(sk)
    elif optname == TCP_SYNCNT:
        val = sk.icsk_syn_retries if sk.icsk_syn_retries != 0 else ipv4.sysctl_tcp_syn_retries
    elif optname == TCP_LINGER2:
        val = sk.linger2
        if val >= 0:
            val = val // SEC if val != 0 else ipv4.sysctl_tcp_fin_timeout
    elif optname == TCP_DEFER_ACCEPT:
        val = 0 if queue is None else retrans_to_secs(queue.rskq_defer_accept)
    elif optname == TCP_WINDOW_CLAMP:
        val = sk.window_clamp
    elif optname == TCP_INFO:
        opt.result = tcp_info.tcp_get_info(sk)[: int(length)]
        return 0
    elif optname == TCP_CC_INFO:
        opt.result = sk.icsk_ca_ops.get_info(sk)[: int(length)]
        return 0
    elif optname == TCP_QUICKACK:
        val = 0 if tcp_h.inet_csk_in_pingpong_mode(sk) else 1
    elif optname == TCP_CONGESTION:
        name = sk.icsk_ca_ops.name.encode("latin-1")
        opt.result = (name + bytes(16))[: int(min(length, 16))]
        return 0
    elif optname == TCP_ULP:
        opt.result = b""
        return 0
    elif optname == TCP_FASTOPEN_KEY:
        key = None if queue is None else queue.fastopenq_key
        opt.result = b"" if key is None else key[: int(length)]
        return 0
    elif optname == TCP_THIN_LINEAR_TIMEOUTS:
        val = 1 if sk.thin_lto else 0
    elif optname in (TCP_THIN_DUPACK, TCP_IS_MPTCP):
        val = 0
    elif optname == TCP_REPAIR:
        val = 1 if sk.repair else 0
    elif optname == TCP_REPAIR_QUEUE:
        if not sk.repair:
            return -EINVAL
        val = sk.repair_queue
    elif optname == TCP_REPAIR_WINDOW:
        if length != SIZEOF_TCP_REPAIR_WINDOW:
            return -EINVAL
        if not sk.repair:
            return -EPERM
        opt.result = (
            le32(sk.snd_wl1) + le32(sk.snd_wnd) + le32(sk.max_window) + le32(sk.rcv_wnd) + le32(sk.rcv_wup)
        )
        return 0
    elif optname == TCP_QUEUE_SEQ:
        if sk.repair_queue == TCP_SEND_QUEUE:
            val = sk.write_seq
        elif sk.repair_queue == TCP_RECV_QUEUE:
            val = sk.rcv_nxt
        else:
            return -EINVAL
    elif optname == TCP_USER_TIMEOUT:
        val = sk.icsk_user_timeout
    elif optname == TCP_FASTOPEN:
        val = 0 if queue is None else queue.fastopenq_max_qlen
    elif optname == TCP_FASTOPEN_CONNECT:
        val = 1 if sk.fastopen_connect else 0
    elif optname == TCP_FASTOPEN_NO_COOKIE:
        val = 1 if sk.fastopen_no_cookie else 0
    elif optname == TCP_TX_DELAY:
        val = sk.tcp_tx_delay
    elif optname == TCP_TIMESTAMP:
        val = (sk.kernel.now // 1_000_000 + sk.tsoffset) & U32
    elif optname == TCP_NOTSENT_LOWAT:
        val = sk.notsent_lowat
    elif optname == TCP_INQ:
        val = 1 if sk.recvmsg_inq else 0
    elif optname == TCP_SAVE_SYN:
        val = sk.save_syn
    elif optname == TCP_SAVED_SYN:
        return tcp_get_saved_syn(sk, opt)
    elif optname == TCP_RTO_MAX_MS:
        val = sk.icsk_rto_max // 1_000_000
    elif optname == TCP_RTO_MIN_US:
        val = tcp_h.tcp_rto_min(sk) // 1000
    elif optname == TCP_DELACK_MAX_US:
        val = sk.icsk_delack_max // 1000
    elif optname == TCP_ZEROCOPY_RECEIVE:
        # An empty request is answered; nothing is ever mapped.
        if length < 16 or opt.optval[:64].count(0) != len(opt.optval[:64]):
            return -EINVAL
        if sk.sk_state == TCP_LISTEN:
            return -ENOTCONN
        opt.result = bytes(int(min(length, 64)))
        return 0
    elif optname == TCP_AO_REPAIR and sk.sk_state == TCP_LISTEN:
        return -EPERM
    else:
        return -ENOPROTOOPT
    opt.result = le32(val)[: int(min(length, 4))]
    return 0


def tcp_get_saved_syn(sk: TcpSock, opt: Sockopt) -> i64:
    """TCP_SAVED_SYN: the headers of the SYN, once, if they fit."""
    syn = sk.saved_syn
    if syn is None:
        opt.result = b""
        return 0
    if opt.optlen < len(syn):
        return -EINVAL
    sk.saved_syn = None
    opt.result = syn
    return 0


def le32(v: i64) -> bytes:
    return int(v & U32).to_bytes(4, "little")
