"""Connection-oriented sockets in general: ports for bind, the listener's queues, accept, the SYN-ACK timer,
the end.

Kernel counterpart: `net/ipv4/inet_connection_sock.c`. Control comes from bind(2) (`inet_csk_get_port`),
listen(2), accept(2), from `tcp_check_req` when a handshake is complete (`inet_csk_complete_hashdance`) and
from whoever ends a sock (`inet_csk_destroy_sock`).

A listener has no list of its requests: they lie in the established table, each with a timer of its own;
`qlen` counts them. The accept queue is a list through the requests whose children wait.

Leaves out: migration of requests between listeners of a SO_REUSEPORT group (sysctl tcp_migrate_req, off by
default).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.kernel import slab, timers, wait
from sockfs.net.core import request_sock, sock, stream
from sockfs.net.ipv4 import inet_hashtables, route, tcp, tcp_fastopen, tcp_h, tcp_minisocks
from sockfs.structs.call import Call
from sockfs.structs.inet_connection_sock import InetBindBucket, InetConnectionSock
from sockfs.structs.request_sock import RequestSock, RequestSockQueue
from sockfs.structs.sock import SOCK_CONNECT_BIND, SOCK_DEAD, Sock, SockCommon
from sockfs.structs.tcp_sock import TcpSock
from sockfs.structs.timer import TimerList
from sockfs.uapi.errno import EADDRINUSE, EAGAIN, EINVAL
from sockfs.uapi.fcntl import O_NONBLOCK
from sockfs.uapi.in_ import IPPROTO_TCP
from sockfs.uapi.poll import EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLRDNORM
from sockfs.uapi.tcp import TCP_CLOSE, TCP_LISTEN, TCP_SYN_RECV, TCP_TIME_WAIT

if TYPE_CHECKING:
    from sockfs.structs.dst import Dst
    from sockfs.structs.ops import RequestSockOps

SK_CAN_REUSE: Final = 1
SK_FORCE_REUSE: Final = 2
FASTREUSEPORT_ANY: Final = 1
FASTREUSEPORT_STRICT: Final = 2
TCP_SYNQ_RETRY_FLOOR: Final = 2


# ---- a port for bind(2)


def inet_csk_get_port(sk: InetConnectionSock, snum: i64) -> i64:
    """Take local port snum, or a free one when snum is 0. 0, or -EADDRINUSE.

    Called again by listen(2): what SO_REUSEADDR allowed to be bound twice may still not listen twice.
    """
    net = sk.sk_net
    reuse = sk.sk_reuse != 0 and sk.sk_state != TCP_LISTEN
    port = snum
    tb: InetBindBucket | None
    if port == 0:
        port = inet_csk_find_open_port(sk)
        if port < 0:
            return -EADDRINUSE
        tb = net.tcp_hashinfo.bhash.get(port)
        if tb is None:
            tb = inet_hashtables.inet_bind_bucket_create(net, port)
    else:
        tb = net.tcp_hashinfo.bhash.get(port)
        if tb is None:
            tb = inet_hashtables.inet_bind_bucket_create(net, port)
        elif tb.owners is not None and sk.sk_reuse != SK_FORCE_REUSE:
            if not sk_reuseport_match(tb, sk) and inet_csk_bind_conflict(sk, tb, True, True):
                return -EADDRINUSE
    inet_csk_update_fastreuse(sk, tb, reuse)
    if sk.icsk_bind_hash is None:
        inet_hashtables.inet_bind_hash(sk, tb, port)
    return 0


def inet_csk_find_open_port(sk: InetConnectionSock) -> i64:
    """A port of the ephemeral range that sk may have; -1: none. Odd distances from the range's start first:
    connect takes even."""
    net = sk.sk_net
    attempt_half: i64 = 1 if sk.sk_reuse == SK_CAN_REUSE else 0
    relax = False
    low: i64 = 0
    high: i64 = 0
    low, high = inet_hashtables.inet_sk_get_local_port_range(sk)
    high += 1
    if high - low < 4:
        attempt_half = 0
    reserved = inet_hashtables.inet_local_reserved_ports(net)
    while True:
        first: i64 = low
        end: i64 = high
        if attempt_half != 0:
            # With SO_REUSEADDR, the lower half of the range first, so that two such sockets seldom collide.
            half = low + (((high - low) >> 2) << 1)
            if attempt_half == 1:
                end = half
            else:
                first = half
        remaining: i64 = end - first
        if remaining > 1:
            remaining &= ~1
        offset: i64 = net.kernel.rng_port.below(remaining) | 1
        parity: i64 = 0
        while parity < 2:
            port: i64 = first + offset
            i: i64 = 0
            while i < remaining:
                if port >= end:
                    port -= remaining
                if not (reserved and inet_hashtables.reserved_port(reserved, port)):
                    tb = net.tcp_hashinfo.bhash.get(port)
                    if tb is None or not inet_csk_bind_conflict(sk, tb, relax, False):
                        return port
                i += 2
                port += 2
            offset -= 1
            parity += 1
        if attempt_half == 1:
            attempt_half = 2
        elif net.ipv4.sysctl_ip_autobind_reuse != 0 and not relax:
            relax = True
        else:
            return -1


def inet_csk_bind_conflict(
    sk: InetConnectionSock, tb: InetBindBucket, relax: bool, reuseport_ok: bool
) -> bool:
    """Whether an owner of the port forbids sk to share it (socket(7): SO_REUSEADDR, SO_REUSEPORT).

    `relax`: the port was asked for by number; then SO_REUSEADDR on both, neither listening, is enough.
    """
    reuse = sk.sk_reuse != 0
    reuseport = sk.sk_reuseport
    owner = tb.owners
    while owner is not None:
        sk2 = owner
        owner = sk2.bind_next
        if sk2 is sk:
            continue
        if sk.sk_bound_dev_if != 0 and sk2.sk_bound_dev_if != 0 and sk.sk_bound_dev_if != sk2.sk_bound_dev_if:
            continue
        both_reuseport = reuseport_ok and reuseport and sk2.sk_reuseport and reuseport_owner_ok(sk, sk2)
        if reuse and sk2.sk_reuse != 0 and sk2.sk_state != TCP_LISTEN:
            if relax or both_reuseport:
                continue
        elif both_reuseport:
            continue
        if inet_hashtables.inet_rcv_saddr_equal(sk, sk2, True):
            return True
    return False


def reuseport_owner_ok(sk: Sock, sk2: SockCommon) -> bool:
    """Only sockets of one user share a port (what remains of a connection has no user)."""
    if sk2.sk_state == TCP_TIME_WAIT:
        return True
    return isinstance(sk2, Sock) and sk2.sk_uid == sk.sk_uid


def sk_reuseport_match(tb: InetBindBucket, sk: InetConnectionSock) -> bool:
    """The latest owner with SO_REUSEPORT, when it came, agreed to such as sk: then the others are not asked.

    What counts is what its option said then, not what it says now.
    """
    if tb.fastreuseport <= 0 or not sk.sk_reuseport or tb.fastuid != sk.sk_uid:
        return False
    if tb.fastreuseport == FASTREUSEPORT_ANY:
        # all of them have it
        return True
    return tb.fast_sk_family == sk.sk_family and tb.fast_rcv_saddr == sk.sk_rcv_saddr


def inet_csk_update_fastreuse(sk: InetConnectionSock, tb: InetBindBucket, reuse: bool) -> None:
    """sk is let in: remember on what terms."""
    first = tb.owners is None
    if first:
        tb.fastreuse = 1 if reuse else 0
    elif not reuse or tb.fastreuse < 0:
        tb.fastreuse = 0
    if not sk.sk_reuseport:
        tb.fastreuseport = 0
    elif first or not sk_reuseport_match(tb, sk):
        tb.fastreuseport = FASTREUSEPORT_ANY if first else FASTREUSEPORT_STRICT
        tb.fastuid = sk.sk_uid
        tb.fast_sk_family = sk.sk_family
        tb.fast_rcv_saddr = sk.sk_rcv_saddr


# ---- listen and accept


def inet_csk_listen_start(sk: InetConnectionSock) -> i64:
    """CLOSE → LISTEN. 0 or -errno; `sk_max_ack_backlog` is set by the caller."""
    queue = sk.icsk_accept_queue
    if queue is None:
        queue = RequestSockQueue()
        sk.icsk_accept_queue = queue
    else:
        request_sock.reqsk_queue_alloc(queue)
    sk.sk_ack_backlog = 0
    inet_csk_delack_init(sk)
    # In LISTEN already while the port is checked, so that of two who start to listen at once one loses.
    tcp.inet_sk_state_store(sk, TCP_LISTEN)
    err = sk.sk_prot.get_port(sk, sk.sk_num)
    if err == 0:
        sk.inet_sport = sk.sk_num
        sock.sk_dst_reset(sk)
        err = sk.sk_prot.hash(sk)
        if err == 0:
            return 0
    tcp.inet_sk_state_store(sk, TCP_CLOSE)
    return -EADDRINUSE if err == 1 else err


def inet_csk_accept(sk: InetConnectionSock, flags: i64, call: Call) -> Sock | None:
    """The oldest finished connection. None with call.err: -EINVAL (not listening), -EAGAIN, or -ESLEEP."""
    queue = sk.icsk_accept_queue
    if sk.sk_state != TCP_LISTEN or queue is None:
        call.err = -EINVAL
        return None
    req = request_sock.reqsk_queue_remove(queue)
    if req is None:
        call.err = inet_csk_wait_for_connect(sk, call, sock.sock_rcvtimeo(sk, (flags & O_NONBLOCK) != 0))
        return None
    sk_acceptq_removed(sk)
    newsk = req.sk
    req.sk = None  # a child of fast open has the request still, until its handshake ends
    request_sock.reqsk_put(req)
    call.err = 0
    return newsk


def inet_csk_wait_for_connect(sk: InetConnectionSock, call: Call, timeo: i64) -> i64:
    """Nobody waits for accept. Each sleeper takes one wake-up: exclusive."""
    if timeo == 0 or call.expired:
        return -EAGAIN
    if call.signalled:
        return sock.sock_intr_errno(timeo)
    wq = sk.sk_wq
    if wq is None:
        return -EINVAL
    call.exclusive = True
    # sleeps: inet_csk_wait_for_connect
    return wait.sleep_on(call, wq, EPOLLIN | EPOLLRDNORM | EPOLLERR | EPOLLHUP, timeo)


def inet_csk_listen_poll(sk: InetConnectionSock) -> i64:
    """The poll mask of a listener."""
    queue = sk.icsk_accept_queue
    return EPOLLIN | EPOLLRDNORM if queue is not None and queue.rskq_accept_head is not None else 0


def inet_csk_listen_stop(sk: InetConnectionSock) -> None:
    """Nobody will accept any more: finished connections are reset. Unfinished ones end with their timers."""
    queue = sk.icsk_accept_queue
    if queue is None:
        return
    req = request_sock.reqsk_queue_remove(queue)
    while req is not None:
        sk_acceptq_removed(sk)
        child = req.sk
        req.sk = None
        if isinstance(child, TcpSock):
            sock.sock_hold(child)
            inet_child_forget(sk, req, child)
            sock.sock_put(child)
        request_sock.reqsk_put(req)
        req = request_sock.reqsk_queue_remove(queue)


def inet_child_forget(sk: Sock, req: RequestSock, child: TcpSock) -> None:
    """A child that nobody took."""
    child.sk_prot.disconnect(child, O_NONBLOCK)
    sock.sock_orphan(child)
    child.sk_net.tcp_hashinfo.orphan_count += 1
    if child.fastopen_rsk is not None:
        tcp_fastopen.reqsk_fastopen_remove(child, req, False)
    inet_csk_destroy_sock(child)


def sk_acceptq_is_full(sk: Sock) -> bool:
    """One more than the backlog may wait, as ever (listen(2))."""
    return sk.sk_ack_backlog > sk.sk_max_ack_backlog


def sk_acceptq_added(sk: Sock) -> None:
    sk.sk_ack_backlog += 1


def sk_acceptq_removed(sk: Sock) -> None:
    sk.sk_ack_backlog -= 1


# ---- requests


def inet_reqsk_alloc(ops: RequestSockOps, sk: TcpSock) -> RequestSock:
    """A request for listener sk, with one reference: the caller's."""
    net = sk.sk_net
    slab.kmem_cache_alloc(sk.kernel.slabs[sk.sk_prot.rsk_slab])
    req = RequestSock(sk.sk_family, net, sk.sk_prot, ops)
    req.rsk_listener = sk
    sock.sock_hold(sk)
    req.sk_bound_dev_if = sk.sk_bound_dev_if
    return req


def inet_csk_reqsk_queue_len(sk: InetConnectionSock) -> i64:
    queue = sk.icsk_accept_queue
    return 0 if queue is None else queue.qlen


def inet_csk_reqsk_queue_is_full(sk: InetConnectionSock) -> bool:
    """As many handshakes under way as the backlog allows."""
    return inet_csk_reqsk_queue_len(sk) >= sk.sk_max_ack_backlog


def inet_csk_reqsk_queue_hash_add(sk: InetConnectionSock, req: RequestSock, timeout: i64) -> bool:
    """The request can be found from now on, and its SYN-ACK is repeated (first after timeout ns). False: one
    like it is there."""
    queue = sk.icsk_accept_queue
    if queue is None:
        return False
    net = sk.sk_net
    found = inet_hashtables.__inet_lookup_established(
        net, req.sk_daddr, req.sk_dport, req.sk_rcv_saddr, req.sk_num, req.sk_bound_dev_if
    )
    if found is not None and found.sk_state != TCP_TIME_WAIT:
        return False
    req.num_retrans = 0
    req.num_timeout = 0
    req.sk = None
    req.timeout = timeout
    req.sk_refcnt += 1
    inet_hashtables.inet_ehash_insert(req)
    timer = ReqskTimer(req)
    req.rsk_timer = timer
    k = net.kernel
    timers.mod_timer(k, timer, k.now + timeout)
    request_sock.reqsk_queue_added(queue)
    return True


def inet_csk_reqsk_queue_drop(sk: InetConnectionSock, req: RequestSock) -> bool:
    """Take the request out of the table, stop its timer, drop their reference. False: it was out already."""
    unlinked = inet_hashtables.__sk_nulls_del(req)
    timer = req.rsk_timer
    if timer is not None:
        timers.timer_shutdown(sk.sk_net.kernel, timer)
        req.rsk_timer = None
    if not unlinked:
        return False
    inet_csk_reqsk_queue_unlinked(sk, req)
    return True


def inet_csk_reqsk_queue_unlinked(sk: InetConnectionSock, req: RequestSock) -> None:
    queue = sk.icsk_accept_queue
    if queue is not None:
        request_sock.reqsk_queue_removed(queue, req)
    request_sock.reqsk_put(req)


def inet_csk_reqsk_queue_drop_and_put(sk: InetConnectionSock, req: RequestSock) -> None:
    """Drop it, and the caller's reference."""
    inet_csk_reqsk_queue_drop(sk, req)
    request_sock.reqsk_put(req)


def inet_csk_reqsk_queue_add(sk: InetConnectionSock, req: RequestSock, child: Sock) -> Sock | None:
    """The child waits for accept now. None: the listener was closed meanwhile, the child is forgotten."""
    queue = sk.icsk_accept_queue
    if sk.sk_state != TCP_LISTEN or queue is None:
        if isinstance(child, TcpSock):
            inet_child_forget(sk, req, child)
        return None
    req.sk = child
    req.dl_next = None
    tail = queue.rskq_accept_tail
    if tail is None:
        queue.rskq_accept_head = req
    else:
        tail.dl_next = req
    queue.rskq_accept_tail = req
    sk_acceptq_added(sk)
    return child


def inet_csk_complete_hashdance(
    sk: InetConnectionSock, child: Sock | None, req: RequestSock, own_req: bool
) -> Sock | None:
    """The handshake is complete, the child stands in the table: the request moves from there to the accept
    queue."""
    if own_req and child is not None:
        # syn_recv_sock took the request out of its chain already: settle the queue's books
        timer = req.rsk_timer
        if timer is not None:
            timers.timer_shutdown(sk.sk_net.kernel, timer)
            req.rsk_timer = None
            inet_csk_reqsk_queue_unlinked(sk, req)
        if inet_csk_reqsk_queue_add(sk, req, child) is not None:
            return child
        sock.sock_put(child)
    return None


class ReqskTimer(TimerList):
    """`rsk_timer`: repeats the SYN-ACK."""

    req: RequestSock

    def __init__(self, req: RequestSock) -> None:
        super().__init__()
        self.req = req

    def function(self) -> None:
        reqsk_timer_handler(self.req)


def reqsk_timer_handler(req: RequestSock) -> None:
    """No third segment yet: send the SYN-ACK again, or give the request up."""
    sk = req.rsk_listener
    if sk is None:
        return
    queue = sk.icsk_accept_queue
    req.sk_refcnt += 1
    if sk.sk_state != TCP_LISTEN or queue is None:
        inet_csk_reqsk_queue_drop_and_put(sk, req)
        return
    net = sk.sk_net
    max_retries: i64 = sk.icsk_syn_retries
    if max_retries == 0:
        max_retries = net.ipv4.sysctl_tcp_synack_retries
    # Under load the old make room for the young: while more than half the queue is old, fewer retries each.
    qlen: i64 = queue.qlen
    if (qlen << 1) > max(8, sk.sk_max_ack_backlog):
        young: i64 = queue.young << 1
        while max_retries > TCP_SYNQ_RETRY_FLOOR:
            if qlen < young:
                break
            max_retries -= 1
            young <<= 1
    # TCP_DEFER_ACCEPT (tcp(7)): an acknowledged request whose data has not come is let wait without repeats.
    defer: i64 = queue.rskq_defer_accept
    if defer == 0:
        expire = req.num_timeout >= max_retries
        resend = True
    else:
        expire = req.num_timeout >= max_retries and (not req.acked or req.num_timeout >= defer)
        resend = not req.acked or req.num_timeout >= defer - 1
    net.mib_linux.TCPTimeouts += 1
    if not expire:
        ok = True
        if resend:
            ok = inet_rtx_syn_ack(sk, req) == 0 or req.acked
        if ok:
            if req.num_timeout == 0:
                queue.young -= 1
            req.num_timeout += 1
            timer = req.rsk_timer
            if timer is not None:
                k = net.kernel
                timers.mod_timer(k, timer, k.now + tcp_minisocks.tcp_reqsk_timeout(req))
            request_sock.reqsk_put(req)
            return
    inet_csk_reqsk_queue_drop_and_put(sk, req)


def inet_rtx_syn_ack(sk: InetConnectionSock, req: RequestSock) -> i64:
    """Send the SYN-ACK once more. 0 or -errno."""
    err = req.rsk_ops.rtx_syn_ack(sk, req)
    if err == 0:
        req.num_retrans += 1
    return err


# ---- the child of a request


def inet_csk_clone_lock(sk: TcpSock, req: RequestSock) -> TcpSock:
    """A new sock in SYN_RECV with the options of listener sk. Two references: the accept queue's and the
    caller's."""
    newsk = sock.sk_alloc(sk.sk_net, sk.sk_family, sk.sk_prot)
    assert isinstance(newsk, TcpSock)
    sk_clone(sk, newsk)
    newsk.sk_state = TCP_SYN_RECV
    newsk.icsk_bind_hash = None
    newsk.sk_dport = req.ir_rmt_port
    newsk.sk_num = req.ir_num
    newsk.inet_sport = req.ir_num
    newsk.sk_mark = req.ir_mark
    newsk.sk_bound_dev_if = req.sk_bound_dev_if
    newsk.sk_cookie = 0
    sock.sock_gen_cookie(newsk)
    newsk.sk_refcnt = 2
    inet_csk_delack_init(newsk)
    sk.sk_net.tcp_hashinfo.sockets_allocated += 1
    return newsk


def sk_clone(sk: TcpSock, newsk: TcpSock) -> None:
    """What accept(2)'s socket has of its listener: everything that setsockopt can set, and nothing else."""
    newsk.sk_type = sk.sk_type
    newsk.sk_protocol = sk.sk_protocol
    newsk.sk_flags = sk.sk_flags & ~SOCK_DEAD
    # shutdown(2) says ENOTCONN before listen(2), and leaves its mark all the same
    newsk.sk_shutdown = sk.sk_shutdown
    newsk.sk_userlocks = sk.sk_userlocks & ~(8 | SOCK_CONNECT_BIND)
    newsk.sk_reuse = sk.sk_reuse
    newsk.sk_reuseport = sk.sk_reuseport
    newsk.sk_ipv6only = sk.sk_ipv6only
    newsk.sk_rcvbuf = sk.sk_rcvbuf
    newsk.sk_sndbuf = sk.sk_sndbuf
    newsk.sk_rcvlowat = sk.sk_rcvlowat
    newsk.sk_rcvtimeo = sk.sk_rcvtimeo
    newsk.sk_sndtimeo = sk.sk_sndtimeo
    newsk.sk_lingertime = sk.sk_lingertime
    newsk.sk_uid = sk.sk_uid
    newsk.sk_peek_off = sk.sk_peek_off
    newsk.sk_ll_usec = sk.sk_ll_usec
    newsk.sk_pacing_rate = sk.sk_pacing_rate
    newsk.sk_max_pacing_rate = sk.sk_max_pacing_rate
    newsk.sk_pacing_status = sk.sk_pacing_status
    newsk.sk_tsflags = sk.sk_tsflags
    newsk.sk_busy_poll = sk.sk_busy_poll
    newsk.sk_filter = sk.sk_filter
    newsk.sk_txrehash = sk.sk_txrehash
    newsk.sk_prefer_busy_poll = sk.sk_prefer_busy_poll
    newsk.sk_busy_poll_budget = sk.sk_busy_poll_budget
    newsk.sk_state_change = sk.sk_state_change
    newsk.sk_data_ready = sk.sk_data_ready
    newsk.sk_error_report = sk.sk_error_report
    newsk.sk_write_space = stream.SK_STREAM_WRITE_SPACE
    newsk.uc_ttl = sk.uc_ttl
    newsk.tos = sk.tos
    newsk.min_ttl = sk.min_ttl
    newsk.mc_ttl = sk.mc_ttl
    newsk.mc_index = sk.mc_index
    newsk.mc_addr = sk.mc_addr
    newsk.mc_loop = sk.mc_loop
    newsk.mc_all = sk.mc_all
    newsk.uc_index = sk.uc_index
    newsk.pmtudisc = sk.pmtudisc
    newsk.recverr = sk.recverr
    newsk.recverr_rfc4884 = sk.recverr_rfc4884
    newsk.is_icsk = True
    newsk.freebind = sk.freebind
    newsk.transparent = sk.transparent
    newsk.nodefrag = sk.nodefrag
    newsk.bind_address_no_port = sk.bind_address_no_port
    newsk.cmsg_flags = sk.cmsg_flags
    newsk.local_port_range_lo = sk.local_port_range_lo
    newsk.local_port_range_hi = sk.local_port_range_hi
    newsk.icsk_af_ops = sk.icsk_af_ops
    newsk.icsk_ca_ops = sk.icsk_ca_ops
    newsk.icsk_ca_setsockopt = sk.icsk_ca_setsockopt
    newsk.icsk_rto = tcp_h.TCP_TIMEOUT_INIT
    newsk.icsk_rto_min = sk.icsk_rto_min
    newsk.icsk_rto_max = sk.icsk_rto_max
    newsk.icsk_delack_max = sk.icsk_delack_max
    newsk.icsk_syn_retries = sk.icsk_syn_retries
    newsk.icsk_user_timeout = sk.icsk_user_timeout
    newsk.icsk_ack_pingpong = sk.icsk_ack_pingpong
    newsk.nonagle = sk.nonagle
    newsk.thin_lto = sk.thin_lto
    newsk.keepalive_time = sk.keepalive_time
    newsk.keepalive_intvl = sk.keepalive_intvl
    newsk.keepalive_probes = sk.keepalive_probes
    newsk.linger2 = sk.linger2
    newsk.notsent_lowat = sk.notsent_lowat
    newsk.recvmsg_inq = sk.recvmsg_inq
    newsk.save_syn = sk.save_syn
    newsk.tcp_tx_delay = sk.tcp_tx_delay
    newsk.fastopen_no_cookie = sk.fastopen_no_cookie
    newsk.rx_opt_user_mss = sk.rx_opt_user_mss
    newsk.window_clamp = sk.window_clamp
    newsk.scaling_ratio = sk.scaling_ratio
    newsk.reordering = sk.reordering
    newsk.mdev_us = sk.mdev_us
    newsk.app_limited = 0xFFFFFFFF
    newsk.md5sig_info = sk.md5sig_info
    newsk.pinet6 = sk.pinet6


def inet_csk_delack_init(sk: InetConnectionSock) -> None:
    """No ACK is owed."""
    sk.icsk_ack_pending = 0
    sk.icsk_ack_quick = 0
    sk.icsk_ack_pingpong = 0
    sk.icsk_ack_retry = 0
    sk.icsk_ack_ato = 0
    sk.icsk_ack_timeout = 0
    sk.icsk_ack_lrcvtime = 0
    sk.icsk_ack_last_seg_size = 0
    sk.icsk_ack_rcv_mss = 0


def inet_csk_route_req(sk: InetConnectionSock, req: RequestSock) -> Dst | None:
    """The way back to the sender of a SYN."""
    net = sk.sk_net
    fl4 = route.Flowi4(req.ir_rmt_addr, req.ir_loc_addr, req.sk_bound_dev_if)
    fl4.proto = IPPROTO_TCP
    fl4.sport = req.ir_num
    fl4.dport = req.ir_rmt_port
    fl4.mark = req.ir_mark
    rt = route.ip_route_output_key(net, fl4)
    if rt is None:
        net.mib_ip.OutNoRoutes += 1
    return rt


def inet_csk_update_pmtu(sk: InetConnectionSock, mtu: i64) -> Dst | None:
    """Believe an ICMP "fragmentation needed", and look the route up again."""
    dst = sock.sk_dst_check(sk)
    route.ip_rt_update_pmtu(sk.sk_net, dst, sk.sk_daddr, mtu)
    return inet_csk_rebuild_route(sk)


def inet_csk_rebuild_route(sk: InetConnectionSock) -> Dst | None:
    fl4 = route.Flowi4(sk.sk_daddr, sk.inet_saddr, sk.sk_bound_dev_if)
    fl4.proto = IPPROTO_TCP
    rt = route.ip_route_output_key(sk.sk_net, fl4)
    sock.sk_dst_set(sk, rt)
    return rt


# ---- the end


def inet_csk_prepare_forced_close(sk: InetConnectionSock) -> None:
    """A child that fails before it was ever seen: make it fit for inet_csk_destroy_sock's books (`tcp_done`
    follows)."""
    sk.sk_refcnt -= 1
    sk.sk_flags |= SOCK_DEAD
    sk.sk_net.tcp_hashinfo.orphan_count += 1
    sk.sk_num = 0


def inet_csk_destroy_sock(sk: InetConnectionSock) -> None:
    """Nobody holds the sock and the protocol is done with it: give everything back. sk is in CLOSE, and
    orphaned."""
    assert sk.sk_state == TCP_CLOSE
    assert (sk.sk_flags & SOCK_DEAD) != 0
    sk.sk_prot.destroy(sk)
    stream.sk_stream_kill_queues(sk)
    sk.sk_net.tcp_hashinfo.orphan_count -= 1
    sock.sock_put(sk)


# ---- timers that others know by these names
