"""The internet family: what a `Socket` of AF_INET is asked to do, whatever protocol lies below.

Kernel counterpart: `net/ipv4/af_inet.c`. Control comes from `net/socket.py` through `inet_stream_ops`,
`inet_dgram_ops` and `inet_sockraw_ops`, and goes on through `sk.sk_prot` (`tcp_prot`, `udp_prot` …).
`inetsw` says which ops and which protocol a (type, protocol) pair gets; protocol 0 picks the default of the
type for stream and datagram, and is refused for raw.

The five states of a `Socket` change here: SS_UNCONNECTED, SS_CONNECTING, SS_CONNECTED, SS_DISCONNECTING.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.kernel import slab, wait
from sockfs.net import socket as net_socket
from sockfs.net.core import datagram, dev_ioctl
from sockfs.net.core import sock as core_sock
from sockfs.net.ipv4 import inet_connection_sock, ping, raw, route, tcp, tcp_ipv4, udp, udplite
from sockfs.structs.call import ESLEEP
from sockfs.structs.inet_connection_sock import InetConnectionSock
from sockfs.structs.inet_sock import InetSock
from sockfs.structs.ops import InetProtosw, NetProtoFamily, ProtoOps
from sockfs.structs.sock import (
    RCV_SHUTDOWN,
    SHUTDOWN_MASK,
    SOCK_BINDADDR_LOCK,
    SOCK_BINDPORT_LOCK,
    SOCK_LINGER,
)
from sockfs.structs.sockaddr import pack_sockaddr_in, sa_family, sockaddr_in_addr, sockaddr_in_port
from sockfs.structs.task import CAP_NET_BIND_SERVICE, CAP_NET_RAW
from sockfs.uapi.errno import (
    EACCES,
    EADDRINUSE,
    EADDRNOTAVAIL,
    EAFNOSUPPORT,
    EAGAIN,
    EALREADY,
    ECONNABORTED,
    EINPROGRESS,
    EINVAL,
    EISCONN,
    ENOTCONN,
    EPERM,
    EPROTONOSUPPORT,
    ESOCKTNOSUPPORT,
)
from sockfs.uapi.fcntl import O_NONBLOCK
from sockfs.uapi.in_ import (
    INADDR_ANY,
    IPPROTO_ICMP,
    IPPROTO_IP,
    IPPROTO_RAW,
    IPPROTO_TCP,
    IPPROTO_UDP,
    IPPROTO_UDPLITE,
)
from sockfs.uapi.poll import EPOLLERR, EPOLLHUP, EPOLLOUT
from sockfs.uapi.socket import (
    AF_INET,
    AF_UNSPEC,
    PF_INET,
    SOCK_DGRAM,
    SOCK_RAW,
    SOCK_STREAM,
    SS_CONNECTED,
    SS_CONNECTING,
    SS_DISCONNECTING,
    SS_UNCONNECTED,
)
from sockfs.uapi.tcp import (
    TCP_CLOSE,
    TCP_LISTEN,
    TCP_SYN_SENT,
    TCPF_CLOSE,
    TCPF_LISTEN,
    TCPF_SYN_RECV,
    TCPF_SYN_SENT,
)

if TYPE_CHECKING:
    from sockfs.structs.call import Call
    from sockfs.structs.file import File
    from sockfs.structs.kernel import Kernel
    from sockfs.structs.msghdr import Msghdr
    from sockfs.structs.net import Net
    from sockfs.structs.ops import PollTable, Sockopt
    from sockfs.structs.socket import Socket
    from sockfs.structs.task import Task

IPPROTO_MAX: Final = 263
SIZEOF_SOCKADDR_IN: Final = 16
IP_PMTUDISC_DONT: Final = 0
IP_PMTUDISC_WANT: Final = 1
RTN_LOCAL: Final = 2
RTN_BROADCAST: Final = 3
RTN_MULTICAST: Final = 5

INET_PROTOSW_REUSE: Final = 1
INET_PROTOSW_PERMANENT: Final = 2
INET_PROTOSW_ICSK: Final = 4


# ---- socket(2)


def inet_create(net: Net, sock: Socket, protocol: i64, kern: bool, task: Task | None) -> i64:
    """Find the line of `inetsw` for type and protocol, set `sock.ops`, make the sock. 0 or -errno."""
    if protocol < 0 or protocol >= IPPROTO_MAX:
        return -EINVAL
    sock.state = SS_UNCONNECTED
    err: i64 = -ESOCKTNOSUPPORT
    answer: InetProtosw | None = None
    for entry in net.kernel.inetsw[sock.type]:
        if protocol == entry.protocol:
            if protocol != IPPROTO_IP:
                answer = entry
                break
        elif protocol == IPPROTO_IP:
            protocol = entry.protocol
            answer = entry
            break
        elif entry.protocol == IPPROTO_IP:
            answer = entry
            break
        err = -EPROTONOSUPPORT
    if answer is None:
        return err
    if sock.type == SOCK_RAW and not kern and task is not None and not capable(task, CAP_NET_RAW):
        return -EPERM

    sock.ops = answer.ops
    sk = core_sock.sk_alloc(net, PF_INET, answer.prot)
    assert isinstance(sk, InetSock)
    if (answer.flags & INET_PROTOSW_REUSE) != 0:
        sk.sk_reuse = 1
    if sock.type == SOCK_RAW:
        sk.sk_num = protocol
        if protocol == IPPROTO_RAW:
            sk.hdrincl = True
    sk.pmtudisc = IP_PMTUDISC_DONT if net.ipv4.sysctl_ip_no_pmtu_disc != 0 else IP_PMTUDISC_WANT
    core_sock.sock_init_data(sock, sk)
    sk.sk_protocol = protocol
    if task is not None:
        sk.sk_uid = task.uid
    net_socket.note_ops_set(sock)
    if sk.sk_num != 0:
        # raw sockets are found by their protocol from now on
        sk.inet_sport = sk.sk_num
        err = sk.sk_prot.hash(sk)
        if err != 0:
            sk_common_release(sk)
            sock.sk = None
            return err
    err = sk.sk_prot.init(sk)
    if err != 0:
        sk_common_release(sk)
        sock.sk = None
        return err
    return 0


def capable(task: Task, cap: i64) -> bool:
    """The task has the capability (capabilities(7))."""
    return (task.cap_effective >> cap) & 1 != 0


def sk_common_release(sk: InetSock) -> None:
    """The sock of a datagram or raw socket goes."""
    sk.sk_prot.destroy(sk)
    sk.sk_prot.unhash(sk)
    core_sock.sock_orphan(sk)
    core_sock.sock_put(sk)


# ---- close(2)


def inet_release(sock: Socket, call: Call | None) -> i64:
    """The last reference to the Socket went. 0, or -ESLEEP while it lingers (SO_LINGER, socket(7))."""
    sk = sock.sk
    if sk is None:
        return 0
    timeout: i64 = 0
    if (sk.sk_flags & SOCK_LINGER) != 0 and call is not None and not call.task.exited:
        timeout = sk.sk_lingertime
    if sk.sk_prot.close(sk, timeout, call) == -ESLEEP:
        return -ESLEEP
    sock.sk = None
    return 0


# ---- bind(2)


def inet_bind(sock: Socket, uaddr: bytes, task: Task) -> i64:
    """bind(2) as ip(7) has it. 0 or -errno."""
    sk = sock.sk
    assert isinstance(sk, InetSock)
    if sk.sk_type == SOCK_RAW:
        return sk.sk_prot.bind(sk, uaddr)
    if len(uaddr) < SIZEOF_SOCKADDR_IN:
        return -EINVAL
    return __inet_bind(sk, uaddr, task)


def __inet_bind(sk: InetSock, uaddr: bytes, task: Task) -> i64:
    net = sk.sk_net
    addr = sockaddr_in_addr(uaddr)
    family = sa_family(uaddr)
    # Linux: AF_UNSPEC is let through for INADDR_ANY, as old programs say it
    if family != AF_INET and (family != AF_UNSPEC or addr != INADDR_ANY):
        return -EAFNOSUPPORT
    addr_type = route.inet_addr_type(net, addr)
    if not inet_addr_valid_or_nonlocal(net, sk, addr, addr_type):
        return -EADDRNOTAVAIL
    snum = sockaddr_in_port(uaddr)
    if (
        snum != 0
        and snum < net.ipv4.sysctl_ip_unprivileged_port_start
        and not capable(task, CAP_NET_BIND_SERVICE)
    ):
        return -EACCES
    if sk.sk_state != TCP_CLOSE or sk.sk_num != 0:
        return -EINVAL
    sk.sk_rcv_saddr = addr
    sk.inet_saddr = addr
    if addr_type == RTN_MULTICAST or addr_type == RTN_BROADCAST:
        sk.inet_saddr = 0  # what is sent takes the device's address
    if snum != 0 or not sk.bind_address_no_port:
        rc = sk.sk_prot.get_port(sk, snum)
        if rc != 0:
            sk.inet_saddr = 0
            sk.sk_rcv_saddr = 0
            return rc if rc < 0 else -EADDRINUSE
    if sk.sk_rcv_saddr != 0:
        sk.sk_userlocks |= SOCK_BINDADDR_LOCK
    if snum != 0:
        sk.sk_userlocks |= SOCK_BINDPORT_LOCK
    sk.inet_sport = sk.sk_num
    sk.sk_daddr = 0
    sk.sk_dport = 0
    core_sock.sk_dst_reset(sk)
    return 0


def inet_addr_valid_or_nonlocal(net: Net, sk: InetSock, addr: i64, addr_type: i64) -> bool:
    """Whether addr may be bound to: one of ours, a group, a broadcast address, or anything with
    IP_FREEBIND.
    """
    return (
        net.ipv4.sysctl_ip_nonlocal_bind != 0
        or sk.freebind
        or sk.transparent
        or addr == INADDR_ANY
        or addr_type == RTN_LOCAL
        or addr_type == RTN_MULTICAST
        or addr_type == RTN_BROADCAST
    )


def inet_autobind(sk: InetSock) -> i64:
    """A port for a sock that is about to send without having been bound. 0 or -EAGAIN."""
    if sk.sk_num == 0:
        if sk.sk_prot.get_port(sk, 0) != 0:
            return -EAGAIN
        sk.inet_sport = sk.sk_num
    return 0


# ---- listen(2), accept(2)


def inet_listen(sock: Socket, backlog: i64) -> i64:
    """listen(2). On a listening socket it only changes the backlog."""
    sk = sock.sk
    assert sk is not None
    if sock.state != SS_UNCONNECTED or sock.type != SOCK_STREAM:
        return -EINVAL
    old_state: i64 = 1 << sk.sk_state
    if (old_state & (TCPF_CLOSE | TCPF_LISTEN)) == 0:
        return -EINVAL
    sk.sk_max_ack_backlog = backlog
    if old_state != TCPF_LISTEN:
        assert isinstance(sk, InetConnectionSock)
        tcp.tcp_listen_fastopen(sk, backlog)
        return inet_connection_sock.inet_csk_listen_start(sk)
    return 0


def inet_accept(sock: Socket, newsock: Socket, flags: i64, call: Call) -> i64:
    """accept(2): the next established connection becomes newsock's. 0, -errno, or -ESLEEP."""
    sk1 = sock.sk
    assert sk1 is not None
    call.err = -EINVAL
    sk2 = sk1.sk_prot.accept(sk1, flags, call)
    if sk2 is None:
        return call.err
    core_sock.lock_sock(sk2)
    __inet_accept(newsock, sk2)
    core_sock.release_sock(sk2)
    return 0


def __inet_accept(newsock: Socket, sk2: InetSock | object) -> None:
    assert isinstance(sk2, InetSock)
    core_sock.sock_graft(sk2, newsock)
    newsock.state = SS_CONNECTED


# ---- connect(2)


def inet_stream_connect(sock: Socket, uaddr: bytes, flags: i64, call: Call) -> i64:
    """connect(2) of a stream: start the handshake, wait for it. 0, -errno, or -ESLEEP."""
    sk = sock.sk
    assert sk is not None
    core_sock.lock_sock(sk)
    err = __inet_stream_connect(sock, uaddr, flags, call, False)
    core_sock.release_sock(sk)
    return err


def __inet_stream_connect(sock: Socket, uaddr: bytes, flags: i64, call: Call, is_sendmsg: bool) -> i64:
    sk = sock.sk
    assert isinstance(sk, InetSock)
    err: i64
    if call.phase == 0:
        # a send that follows a connect put off (TCP_FASTOPEN_CONNECT) names nobody
        if len(uaddr) < 2 and not (is_sendmsg and len(uaddr) == 0):
            return -EINVAL
        if len(uaddr) != 0 and sa_family(uaddr) == AF_UNSPEC:
            err = sk.sk_prot.disconnect(sk, flags)
            sock.state = SS_DISCONNECTING if err != 0 else SS_UNCONNECTED
            return err
        if sock.state == SS_CONNECTED:
            return -EISCONN
        if sock.state == SS_CONNECTING:
            if sk.defer_connect:
                err = -EINPROGRESS if is_sendmsg else -EISCONN
            else:
                err = -EALREADY
        elif sock.state == SS_UNCONNECTED:
            if sk.sk_state != TCP_CLOSE:
                return -EISCONN
            err = sk.sk_prot.pre_connect(sk, uaddr)
            if err != 0:
                return err
            err = sk.sk_prot.connect(sk, uaddr)
            if err < 0:
                return err
            sock.state = SS_CONNECTING
            if sk.defer_connect:
                return err
            err = -EINPROGRESS  # what a socket that does not wait answers
        else:
            return -EINVAL
        call.phase = 1
        call.err = err
    else:
        err = call.err

    timeo = core_sock.sock_sndtimeo(sk, (flags & O_NONBLOCK) != 0)
    state: i64 = 1 << sk.sk_state
    if (state & (TCPF_SYN_SENT | TCPF_SYN_RECV)) != 0:
        if timeo == 0 or wait.timeo_left(call, timeo) == 0:
            return err
        if call.signalled:
            return core_sock.sock_intr_errno(timeo)
        # sleeps: inet_wait_for_connect
        return wait.sleep_on(call, sock.wq, EPOLLOUT | EPOLLERR | EPOLLHUP, timeo)

    # The handshake ended, one way or the other. A refusal shows as a pending error.
    if sk.sk_state == TCP_CLOSE:
        return inet_connect_failed(sock, sk, flags)
    sock.state = SS_CONNECTED
    return 0


def inet_connect_failed(sock: Socket, sk: InetSock, flags: i64) -> i64:
    """The connection was refused, reset or timed out: the Socket may try again."""
    err = core_sock.sock_error(sk)
    if err == 0:
        err = -ECONNABORTED
    sock.state = SS_UNCONNECTED
    if sk.sk_prot.disconnect(sk, flags) != 0:
        sock.state = SS_DISCONNECTING
    return err


def inet_dgram_connect(sock: Socket, uaddr: bytes, flags: i64, call: Call) -> i64:
    """connect(2) of a datagram socket: remember the peer; AF_UNSPEC forgets it."""
    sk = sock.sk
    assert isinstance(sk, InetSock)
    if len(uaddr) < 2:
        return -EINVAL
    if sa_family(uaddr) == AF_UNSPEC:
        return sk.sk_prot.disconnect(sk, flags)
    err = sk.sk_prot.pre_connect(sk, uaddr)
    if err != 0:
        return err
    if sk.sk_num == 0 and inet_autobind(sk) != 0:
        return -EAGAIN
    return sk.sk_prot.connect(sk, uaddr)


# ---- getsockname(2), getpeername(2)


def inet_getname(sock: Socket, peer: i64) -> bytes | None:
    """The packed name of one end (peer 0: this one; 1: the other; 2: the other for accept, which asks no
    state); None: not connected.
    """
    sk = sock.sk
    assert isinstance(sk, InetSock)
    if peer != 0:
        if sk.sk_dport == 0 or (peer == 1 and (sk.sk_state == TCP_CLOSE or sk.sk_state == TCP_SYN_SENT)):
            return None
        return pack_sockaddr_in(sk.sk_daddr, sk.sk_dport)
    addr = sk.sk_rcv_saddr
    if addr == 0:
        addr = sk.inet_saddr
    return pack_sockaddr_in(addr, sk.inet_sport)


# ---- send and receive


def inet_sendmsg(sock: Socket, msg: Msghdr, size: i64) -> i64:
    """Bytes sent, -errno, or -ESLEEP."""
    sk = sock.sk
    assert isinstance(sk, InetSock)
    if sk.sk_num == 0 and not sk.sk_prot.no_autobind and inet_autobind(sk) != 0:
        return -EAGAIN
    return sk.sk_prot.sendmsg(sk, msg, size)


def inet_recvmsg(sock: Socket, msg: Msghdr, size: i64, flags: i64) -> i64:
    """Bytes received, -errno, or -ESLEEP."""
    sk = sock.sk
    assert sk is not None
    return sk.sk_prot.recvmsg(sk, msg, size, flags)


# ---- shutdown(2), ioctl(2), options


def inet_shutdown(sock: Socket, how: i64) -> i64:
    """shutdown(2): SHUT_RD 0, SHUT_WR 1, SHUT_RDWR 2."""
    sk = sock.sk
    assert sk is not None
    how += 1  # bits from here on: RCV_SHUTDOWN, SEND_SHUTDOWN
    if (how & ~SHUTDOWN_MASK) != 0 or how == 0:
        return -EINVAL
    core_sock.lock_sock(sk)
    state: i64 = 1 << sk.sk_state
    if sock.state == SS_CONNECTING:
        if (state & (TCPF_SYN_SENT | TCPF_SYN_RECV | TCPF_CLOSE)) != 0:
            sock.state = SS_DISCONNECTING
        else:
            sock.state = SS_CONNECTED
    err: i64 = 0
    if sk.sk_state == TCP_LISTEN or sk.sk_state == TCP_SYN_SENT:
        if sk.sk_state == TCP_SYN_SENT or (how & RCV_SHUTDOWN) != 0:
            err = sk.sk_prot.disconnect(sk, O_NONBLOCK)
            sock.state = SS_DISCONNECTING if err != 0 else SS_UNCONNECTED
    else:
        if sk.sk_state == TCP_CLOSE:
            err = -ENOTCONN  # Linux: and yet it takes effect, so that pollers wake
        sk.sk_shutdown |= how
        sk.sk_prot.shutdown(sk, how)
    sk.sk_state_change.run(sk)
    core_sock.release_sock(sk)
    return err


def inet_ioctl(sock: Socket, cmd: i64, arg: object, task: Task) -> i64:
    """ioctl(2): the protocol's own, then interfaces (netdevice(7))."""
    sk = sock.sk
    assert sk is not None
    r = sk.sk_prot.ioctl(sk, cmd, arg)
    if r != -515:
        return r
    return dev_ioctl.dev_ioctl(sk.sk_net, cmd, arg)


# ---- the tables


class InetStreamOps(ProtoOps):
    """`inet_stream_ops`."""

    def release(self, sock: Socket, call: Call | None) -> i64:
        return inet_release(sock, call)

    def bind(self, sock: Socket, uaddr: bytes, task: Task) -> i64:
        return inet_bind(sock, uaddr, task)

    def connect(self, sock: Socket, uaddr: bytes, flags: i64, call: Call) -> i64:
        return inet_stream_connect(sock, uaddr, flags, call)

    def accept(self, sock: Socket, newsock: Socket, flags: i64, call: Call) -> i64:
        return inet_accept(sock, newsock, flags, call)

    def getname(self, sock: Socket, peer: i64) -> bytes | None:
        return inet_getname(sock, peer)

    def poll(self, file: File, sock: Socket, pt: PollTable | None) -> i64:
        return tcp.tcp_poll(file, sock, pt)

    def ioctl(self, sock: Socket, cmd: i64, arg: object, task: Task) -> i64:
        return inet_ioctl(sock, cmd, arg, task)

    def listen(self, sock: Socket, backlog: i64) -> i64:
        return inet_listen(sock, backlog)

    def shutdown(self, sock: Socket, how: i64) -> i64:
        return inet_shutdown(sock, how)

    def setsockopt(self, sock: Socket, level: i64, optname: i64, opt: Sockopt, task: Task) -> i64:
        sk = sock.sk
        assert sk is not None
        return sk.sk_prot.setsockopt(sk, level, optname, opt, task)

    def getsockopt(self, sock: Socket, level: i64, optname: i64, opt: Sockopt, task: Task) -> i64:
        sk = sock.sk
        assert sk is not None
        return sk.sk_prot.getsockopt(sk, level, optname, opt, task)

    def sendmsg(self, sock: Socket, msg: Msghdr, size: i64) -> i64:
        return inet_sendmsg(sock, msg, size)

    def recvmsg(self, sock: Socket, msg: Msghdr, size: i64, flags: i64) -> i64:
        return inet_recvmsg(sock, msg, size, flags)


class InetDgramOps(InetStreamOps):
    """`inet_dgram_ops`: no listening; connecting only remembers the peer."""

    def connect(self, sock: Socket, uaddr: bytes, flags: i64, call: Call) -> i64:
        return inet_dgram_connect(sock, uaddr, flags, call)

    def accept(self, sock: Socket, newsock: Socket, flags: i64, call: Call) -> i64:
        return -95

    def listen(self, sock: Socket, backlog: i64) -> i64:
        return -95

    def poll(self, file: File, sock: Socket, pt: PollTable | None) -> i64:
        return udp.udp_poll(file, sock, pt)


class InetSockrawOps(InetDgramOps):
    """`inet_sockraw_ops`: raw and ping sockets."""

    def poll(self, file: File, sock: Socket, pt: PollTable | None) -> i64:
        return datagram.datagram_poll(file, sock, pt)


class InetFamilyOps(NetProtoFamily):
    """`inet_family_ops`."""

    def create(self, net: Net, sock: Socket, protocol: i64, kern: bool, task: Task | None) -> i64:
        return inet_create(net, sock, protocol, kern, task)


inet_stream_ops: Final = InetStreamOps(AF_INET, "inet_stream_ops")
inet_dgram_ops: Final = InetDgramOps(AF_INET, "inet_dgram_ops")
inet_sockraw_ops: Final = InetSockrawOps(AF_INET, "inet_sockraw_ops")
inet_family_ops: Final = InetFamilyOps(AF_INET, "inet_family_ops")


def inetsw_array() -> list[InetProtosw]:
    """The lines of `inetsw`, in Linux's order."""
    return [
        InetProtosw(
            SOCK_STREAM,
            IPPROTO_TCP,
            tcp_ipv4.tcp_prot,
            inet_stream_ops,
            INET_PROTOSW_PERMANENT | INET_PROTOSW_ICSK,
        ),
        InetProtosw(SOCK_DGRAM, IPPROTO_UDP, udp.udp_prot, inet_dgram_ops, INET_PROTOSW_PERMANENT),
        InetProtosw(
            SOCK_DGRAM, IPPROTO_UDPLITE, udplite.udplite_prot, inet_dgram_ops, INET_PROTOSW_PERMANENT
        ),
        InetProtosw(SOCK_DGRAM, IPPROTO_ICMP, ping.ping_prot, inet_sockraw_ops, INET_PROTOSW_REUSE),
        InetProtosw(SOCK_RAW, IPPROTO_IP, raw.raw_prot, inet_sockraw_ops, INET_PROTOSW_REUSE),
    ]


def inet_register_protosw(k: Kernel, p: InetProtosw) -> None:
    """Put a line into `inetsw`; permanent ones stay in front."""
    lines = k.inetsw[p.type]
    if (p.flags & INET_PROTOSW_PERMANENT) != 0:
        at = 0
        while at < len(lines) and (lines[at].flags & INET_PROTOSW_PERMANENT) != 0:
            at += 1
        lines.insert(at, p)
    else:
        # in front of the wildcard, so that a protocol of its own is found first
        at = 0
        while at < len(lines) and lines[at].protocol != IPPROTO_IP:
            at += 1
        lines.insert(at, p)


def inet_init(k: Kernel) -> None:
    """Boot: the family and its lines."""
    k.net_families[PF_INET] = inet_family_ops
    # proto_register
    slab.kmem_cache_create(k, udp.udp_prot.slab, 1344)
    slab.kmem_cache_create(k, udplite.udplite_prot.slab, 1344)
    slab.kmem_cache_create(k, raw.raw_prot.slab, 1152)
    slab.kmem_cache_create(k, ping.ping_prot.slab, 1024)
    for p in inetsw_array():
        inet_register_protosw(k, p)
