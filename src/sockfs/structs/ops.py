"""The operation tables: what a file, a socket, a protocol and a congestion control are asked to do.

Kernel counterparts: `struct file_operations`, `net_proto_family`, `proto_ops`, `proto`, `inet_protosw`,
`net_protocol`, `packet_type`, `inet_connection_sock_af_ops`, `request_sock_ops`, `tcp_congestion_ops`. Each
table is a class with one method per slot; a protocol overrides the slots it has, and one instance of it is
the table (`inet_stream_ops`, `tcp_prot` …). The tables hold no state of their own. They are how a lower
layer calls a higher one: boot fills them in.

Results are integers ≥ 0 or -errno; `-ESLEEP` says that the call record knows where it sleeps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import i64, mypyc_attr

if TYPE_CHECKING:
    from sockfs.structs.call import Call
    from sockfs.structs.dst import Dst
    from sockfs.structs.file import File
    from sockfs.structs.kernel import Kernel
    from sockfs.structs.msghdr import Msghdr
    from sockfs.structs.net import Net
    from sockfs.structs.net_device import NetDevice
    from sockfs.structs.request_sock import RequestSock
    from sockfs.structs.sk_buff import SkBuff
    from sockfs.structs.sock import Sock
    from sockfs.structs.socket import Socket
    from sockfs.structs.task import Task
    from sockfs.structs.tcp_sock import RateSample, TcpSock
    from sockfs.structs.wait_queue import WaitQueueHead


class PollTable:
    """`poll_table`: who wants to be hung on the wait queues that a `poll` method names. `fs/` overrides
    `queue`.
    """

    key: i64

    def __init__(self) -> None:
        self.key = 0

    def queue(self, file: File, head: WaitQueueHead) -> None:
        """`poll_wait`: hang an entry on head."""


@mypyc_attr(allow_interpreted_subclasses=True)
class FileOperations:
    """`struct file_operations`."""

    name: str

    def __init__(self, name: str) -> None:
        self.name = name

    def read_iter(self, file: File, msg: Msghdr) -> i64:
        """read(2) and readv(2). Bytes read, 0 at the end, -errno, or -ESLEEP."""
        return -22

    def write_iter(self, file: File, msg: Msghdr) -> i64:
        """write(2) and writev(2). Bytes written, -errno, or -ESLEEP."""
        return -22

    def poll(self, file: File, pt: PollTable | None) -> i64:
        """The poll mask now; with pt, hang it on the wait queues (`vfs_poll`)."""
        return 0x145

    def ioctl(self, file: File, cmd: i64, arg: object) -> i64:
        """ioctl(2). An argument that is read or written is a bytearray."""
        return -25

    def release(self, file: File, call: Call | None) -> i64:
        """The last reference went. May sleep (-ESLEEP) only when a call is there to wait (SO_LINGER)."""
        return 0

    def fasync(self, file: File, on: bool) -> i64:
        """O_ASYNC was set or cleared."""
        return 0

    def can_poll(self, file: File) -> bool:
        """`file_can_poll`: epoll takes it (a regular file is refused with EPERM)."""
        return True

    def i_mode(self, file: File) -> i64:
        """`st_mode` of fstat(2): type and permissions. An anonymous inode (epoll, eventfd) has no type."""
        return 0o600


class NetProtoFamily:
    """`struct net_proto_family`: how a family makes a socket."""

    family: i64
    name: str

    def __init__(self, family: i64, name: str) -> None:
        self.family = family
        self.name = name

    def create(self, net: Net, sock: Socket, protocol: i64, kern: bool, task: Task | None) -> i64:
        """Set `sock.ops` and `sock.sk`. 0 or -errno."""
        return -97


class Sockopt:
    """A socket option's value on its way in (`optval`, `optlen`) or out (`result`)."""

    optval: bytes
    optlen: i64
    result: bytes
    err: i64  # errno beside a result that could not be given

    def __init__(self, optval: bytes, optlen: i64) -> None:
        self.optval = optval
        self.optlen = optlen
        self.result = b""
        self.err = 0


class ProtoOps:
    """`struct proto_ops`: what a `Socket` is asked to do."""

    family: i64
    name: str

    def __init__(self, family: i64, name: str) -> None:
        self.family = family
        self.name = name

    def release(self, sock: Socket, call: Call | None) -> i64:
        return 0

    def bind(self, sock: Socket, uaddr: bytes, task: Task) -> i64:
        return -95

    def connect(self, sock: Socket, uaddr: bytes, flags: i64, call: Call) -> i64:
        return -95

    def socketpair(self, sock1: Socket, sock2: Socket, task: Task) -> i64:
        return -95

    def accept(self, sock: Socket, newsock: Socket, flags: i64, call: Call) -> i64:
        return -95

    def getname(self, sock: Socket, peer: i64) -> bytes | None:
        """The packed local or peer address; None: -ENOTCONN."""
        return None

    def poll(self, file: File, sock: Socket, pt: PollTable | None) -> i64:
        return 0

    def ioctl(self, sock: Socket, cmd: i64, arg: object, task: Task) -> i64:
        """-ENOIOCTLCMD (515) hands the request to the device layer."""
        return -515

    def listen(self, sock: Socket, backlog: i64) -> i64:
        return -95

    def shutdown(self, sock: Socket, how: i64) -> i64:
        return -95

    def setsockopt(self, sock: Socket, level: i64, optname: i64, opt: Sockopt, task: Task) -> i64:
        return -95

    def getsockopt(self, sock: Socket, level: i64, optname: i64, opt: Sockopt, task: Task) -> i64:
        return -95

    def sendmsg(self, sock: Socket, msg: Msghdr, size: i64) -> i64:
        return -95

    def recvmsg(self, sock: Socket, msg: Msghdr, size: i64, flags: i64) -> i64:
        return -95


class Proto:
    """`struct proto`: what a `Sock` is asked to do by the layer above it."""

    name: str
    slab: str  # name of its slab cache
    tw_slab: str
    rsk_slab: str
    no_autobind: bool

    def __init__(self, name: str, slab: str) -> None:
        self.name = name
        self.slab = slab
        self.tw_slab = ""
        self.rsk_slab = ""
        self.no_autobind = False

    def alloc(self, net: Net) -> Sock:
        """`sk_prot_alloc`: a new structure of the protocol's own kind."""
        raise AssertionError(self.name)

    def init(self, sk: Sock) -> i64:
        return 0

    def destroy(self, sk: Sock) -> None:
        """Last rites before the structure goes back to its slab."""

    def destruct(self, sk: Sock) -> None:
        """The last reference went (`sk->sk_destruct`): let go of what the protocol's own fields hold."""

    def memory_allocated_add(self, sk: Sock, pages: i64) -> i64:
        """Pages more (or less) for the protocol's socks (`proto->memory_allocated`). Returns the total."""
        return 0

    def mem_limits(self, sk: Sock) -> list[int] | None:
        """`proto->sysctl_mem`: low, pressure and hard limit in pages; None: the protocol has none."""
        return None

    def close(self, sk: Sock, timeout: i64, call: Call | None) -> i64:
        """0, or -ESLEEP while it lingers (timeout in ns)."""
        return 0

    def pre_connect(self, sk: Sock, uaddr: bytes) -> i64:
        return 0

    def connect(self, sk: Sock, uaddr: bytes) -> i64:
        return -95

    def disconnect(self, sk: Sock, flags: i64) -> i64:
        return -95

    def accept(self, sk: Sock, flags: i64, call: Call) -> Sock | None:
        """The new sock, or None with call.err set (-EAGAIN, -ESLEEP …)."""
        call.err = -95
        return None

    def ioctl(self, sk: Sock, cmd: i64, arg: object) -> i64:
        return -515

    def shutdown(self, sk: Sock, how: i64) -> None:
        pass

    def setsockopt(self, sk: Sock, level: i64, optname: i64, opt: Sockopt, task: Task) -> i64:
        return -92

    def getsockopt(self, sk: Sock, level: i64, optname: i64, opt: Sockopt, task: Task) -> i64:
        return -92

    def sendmsg(self, sk: Sock, msg: Msghdr, size: i64) -> i64:
        return -95

    def recvmsg(self, sk: Sock, msg: Msghdr, size: i64, flags: i64) -> i64:
        return -95

    def bind(self, sk: Sock, uaddr: bytes) -> i64:
        """Only raw-like protocols have one; -95: use the family's."""
        return -95

    def bind_add(self, sk: Sock, uaddr: bytes) -> i64:
        return -95

    def backlog_rcv(self, sk: Sock, skb: SkBuff) -> i64:
        return 0

    def release_cb(self, sk: Sock) -> None:
        pass

    def hash(self, sk: Sock) -> i64:
        return 0

    def unhash(self, sk: Sock) -> None:
        pass

    def rehash(self, sk: Sock) -> None:
        pass

    def get_port(self, sk: Sock, snum: i64) -> i64:
        """Take local port snum, or a free one when 0. 0 or 1 (in use)."""
        return 1

    def put_port(self, sk: Sock) -> None:
        pass

    def keepalive(self, sk: Sock, on: bool) -> None:
        """SO_KEEPALIVE was set or cleared."""

    def set_rcvlowat(self, sk: Sock, val: i64) -> i64:
        """SO_RCVLOWAT (`proto_ops.set_rcvlowat`)."""
        sk.sk_rcvlowat = val
        return 0

    def set_inq(self, sk: Sock, val: i64) -> i64:
        """SO_INQ: only stream sockets of AF_UNIX have it."""
        return -92

    def start_tskey(self, sk: Sock, opt_id_tcp: bool) -> i64:
        """SOF_TIMESTAMPING_OPT_ID: what is sent is numbered from here on. 0 or -errno."""
        sk.sk_tskey = 0
        return 0

    def rcvbuf_changed(self, sk: Sock) -> None:
        """SO_RCVBUF was set."""

    def enter_memory_pressure(self, sk: Sock) -> None:
        pass


class InetProtosw:
    """`struct inet_protosw`: one line of `inetsw`."""

    type: i64
    protocol: i64
    prot: Proto
    ops: ProtoOps
    flags: i64  # INET_PROTOSW_REUSE 1, PERMANENT 2, ICSK 4

    def __init__(self, type: i64, protocol: i64, prot: Proto, ops: ProtoOps, flags: i64) -> None:
        self.type = type
        self.protocol = protocol
        self.prot = prot
        self.ops = ops
        self.flags = flags


class NetProtocol:
    """`struct net_protocol`: who takes the packets of an IP protocol number."""

    name: str

    def __init__(self, name: str) -> None:
        self.name = name

    def handler(self, skb: SkBuff) -> i64:
        """A packet of it arrived, network header set, payload from the transport header on (or `skb.th` …
        set).
        """
        return 0

    def err_handler(self, skb: SkBuff, info: i64) -> i64:
        """An ICMP error came for a packet of it: skb.iph is the returned header, skb.data the returned
        transport bytes.
        """
        return 0


class PacketType:
    """`struct packet_type`: who takes the packets of an Ethernet protocol number."""

    type: i64

    def __init__(self, type: i64) -> None:
        self.type = type

    def func(self, skb: SkBuff, dev: NetDevice) -> i64:
        return 0


class InetConnectionSockAfOps:
    """`struct inet_connection_sock_af_ops`: what differs between IPv4 and IPv6 below a connection."""

    net_header_len: i64
    sockaddr_len: i64

    def __init__(self, net_header_len: i64, sockaddr_len: i64) -> None:
        self.net_header_len = net_header_len
        self.sockaddr_len = sockaddr_len

    def queue_xmit(self, sk: Sock, skb: SkBuff) -> i64:
        """Add the network header and send (`ip_queue_xmit`). 0, a NET_XMIT code or -errno."""
        return -113

    def send_check(self, sk: Sock, skb: SkBuff) -> None:
        """The transport checksum is left to the edge (CHECKSUM_PARTIAL)."""

    def rebuild_header(self, sk: Sock) -> i64:
        """The route went: find another (`inet_sk_rebuild_header`)."""
        return -113

    def conn_request(self, sk: Sock, skb: SkBuff) -> i64:
        """A SYN for a listener (`tcp_v4_conn_request`)."""
        return 0

    def syn_recv_sock(self, sk: Sock, skb: SkBuff, req: RequestSock) -> Sock | None:
        """The handshake is complete: make the child (`tcp_v4_syn_recv_sock`). None: no room."""
        return None

    def setsockopt(self, sk: Sock, level: i64, optname: i64, opt: Sockopt, task: Task) -> i64:
        return -92

    def getsockopt(self, sk: Sock, level: i64, optname: i64, opt: Sockopt, task: Task) -> i64:
        return -92

    def addr2sockaddr(self, sk: Sock) -> bytes:
        """The peer's address, packed."""
        return b""

    def mtu_reduced(self, sk: Sock) -> None:
        """An ICMP "fragmentation needed" that came while a call owned the sock."""


class RequestSockOps:
    """`struct request_sock_ops` and `tcp_request_sock_ops`."""

    family: i64
    mss_clamp: i64

    def __init__(self, family: i64, mss_clamp: i64) -> None:
        self.family = family
        self.mss_clamp = mss_clamp

    def rtx_syn_ack(self, sk: Sock, req: RequestSock) -> i64:
        return 0

    def send_ack(self, sk: Sock, skb: SkBuff, req: RequestSock) -> None:
        pass

    def send_reset(self, sk: Sock | None, skb: SkBuff, reason: i64) -> None:
        pass

    def destructor(self, req: RequestSock) -> None:
        pass

    def route_req(self, sk: Sock, skb: SkBuff, req: RequestSock) -> Dst | None:
        """Fill in addresses and ports of req from a SYN, and find the way back to its sender."""
        return None

    def cookie_init_seq(self, skb: SkBuff, req: RequestSock) -> i64:
        """The initial sequence number that is a SYN cookie; `req.mss` becomes what the cookie can say."""
        return 0

    def init_seq(self, skb: SkBuff) -> i64:
        """The initial sequence number (RFC 6528) of the answer to a SYN."""
        return 0

    def init_ts_off(self, net: Net, skb: SkBuff) -> i64:
        """What is added to this connection's timestamps."""
        return 0

    def send_synack(
        self, sk: Sock, dst: Dst | None, req: RequestSock, synack_type: i64, syn_skb: SkBuff | None
    ) -> i64:
        return 0


@mypyc_attr(allow_interpreted_subclasses=True)
class CongestionOps:
    """`struct tcp_congestion_ops`: one congestion control. `icsk_ca_priv` of the sock is its own to use."""

    name: str
    key: i64
    flags: i64  # TCP_CONG_NON_RESTRICTED 1, TCP_CONG_NEEDS_ECN 2
    has_cong_control: bool  # `cong_control` replaces `cong_avoid` and the recovery's window (BBR)
    has_in_ack_event: bool
    has_cwnd_event: bool
    has_pkts_acked: bool

    def __init__(self, name: str) -> None:
        self.name = name
        self.key = 0
        self.flags = 0
        self.has_cong_control = False
        self.has_in_ack_event = False
        self.has_cwnd_event = False
        self.has_pkts_acked = False

    def init(self, sk: TcpSock) -> None:
        """The sock starts to use it."""

    def release(self, sk: TcpSock) -> None:
        """The sock stops using it."""

    def ssthresh(self, sk: TcpSock) -> int:
        """The slow-start threshold after a loss, in segments."""
        return max(int(sk.snd_cwnd) >> 1, 2)

    def cong_avoid(self, sk: TcpSock, ack: int, acked: int) -> None:
        """`acked` segments were acknowledged: raise `snd_cwnd`."""

    def set_state(self, sk: TcpSock, new_state: int) -> None:
        """`icsk_ca_state` is about to change."""

    def cwnd_event(self, sk: TcpSock, ev: int) -> None:
        """CA_EVENT_TX_START … (uapi/tcp.py)."""

    def in_ack_event(self, sk: TcpSock, flags: int) -> None:
        """An acknowledgement came."""

    def pkts_acked(self, sk: TcpSock, pkts_acked: int, rtt_us: int, in_flight: int) -> None:
        """Segments were delivered."""

    def cong_control(self, sk: TcpSock, ack: int, flag: int, rs: RateSample) -> None:
        """Takes full charge of `snd_cwnd` and `sk_pacing_rate`."""

    def undo_cwnd(self, sk: TcpSock) -> int:
        """The reduction was spurious: the window to go back to."""
        return max(int(sk.snd_cwnd), int(sk.prior_cwnd))

    def min_tso_segs(self, sk: TcpSock) -> int:
        """Least segments per burst; 0: the sysctl's."""
        return 0

    def get_info(self, sk: TcpSock) -> bytes:
        """What TCP_CC_INFO answers."""
        return b""


@mypyc_attr(allow_interpreted_subclasses=True)
class SyscallEntry:
    """The system call table's door (`net/socket.py` and `fs/` fill it; boot hangs it on the kernel)."""

    def call(self, task: Task, name: str | int, args: tuple[object, ...]) -> int:
        return -38


class PernetInit:
    """What a protocol does for each new network namespace (`struct pernet_operations`)."""

    def init(self, net: Net, kernel: Kernel) -> None:
        pass
