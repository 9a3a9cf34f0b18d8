"""The protocol side of a socket: `struct sock`, and the part that minisocks share with it.

Kernel counterpart: `include/net/sock.h`. `SockCommon` is `struct sock_common`: what a lookup needs, the
same in full sockets, request socks (`request_sock.py`) and time-wait socks (`inet_timewait_sock.py`), which
therefore lie in one hash table. `Sock` is specialised by `inet_sock.py`, `tcp_sock.py`, `udp_sock.py`,
`raw_sock.py`, `unix_sock.py`, `packet_sock.py`. Functions stand in `net/core/sock.py`.

IPv4 addresses are integers in host order, IPv6 addresses 16 bytes, ports integers in host order. Times are
nanoseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.structs.sk_buff import SkBuffHead

if TYPE_CHECKING:
    from sockfs.structs.dst import Dst
    from sockfs.structs.kernel import Kernel
    from sockfs.structs.net import Net
    from sockfs.structs.ops import Proto
    from sockfs.structs.scm import Ucred
    from sockfs.structs.sk_buff import SkBuff
    from sockfs.structs.socket import Socket
    from sockfs.structs.timer import TimerList
    from sockfs.structs.wait_queue import WaitQueueHead

# enum sock_flags, as bits of sk_flags
SOCK_DEAD: Final = 1 << 0
SOCK_DONE: Final = 1 << 1
SOCK_URGINLINE: Final = 1 << 2
SOCK_KEEPOPEN: Final = 1 << 3
SOCK_LINGER: Final = 1 << 4
SOCK_DESTROY: Final = 1 << 5
SOCK_BROADCAST: Final = 1 << 6
SOCK_TIMESTAMP: Final = 1 << 7
SOCK_ZAPPED: Final = 1 << 8
SOCK_USE_WRITE_QUEUE: Final = 1 << 9
SOCK_DBG: Final = 1 << 10
SOCK_RCVTSTAMP: Final = 1 << 11
SOCK_RCVTSTAMPNS: Final = 1 << 12
SOCK_LOCALROUTE: Final = 1 << 13
SOCK_RXQ_OVFL: Final = 1 << 14
SOCK_ZEROCOPY: Final = 1 << 15
SOCK_WIFI_STATUS: Final = 1 << 16
SOCK_NOFCS: Final = 1 << 17
SOCK_FILTER_LOCKED: Final = 1 << 18
SOCK_SELECT_ERR_QUEUE: Final = 1 << 19
SOCK_RCU_FREE: Final = 1 << 20
SOCK_TXTIME: Final = 1 << 21
SOCK_XDP: Final = 1 << 22
SOCK_TSTAMP_NEW: Final = 1 << 23
SOCK_RCVMARK: Final = 1 << 24
SOCK_RCVPRIORITY: Final = 1 << 25
SOCK_PASSCRED: Final = 1 << 26
SOCK_PASSPIDFD: Final = 1 << 27
SOCK_PASSSEC: Final = 1 << 28

# sk_userlocks
SOCK_SNDBUF_LOCK: Final = 1
SOCK_RCVBUF_LOCK: Final = 2
SOCK_BINDADDR_LOCK: Final = 4
SOCK_BINDPORT_LOCK: Final = 8
SOCK_CONNECT_BIND: Final = 16

RCV_SHUTDOWN: Final = 1
SEND_SHUTDOWN: Final = 2
SHUTDOWN_MASK: Final = 3


class SockCommon:
    """`struct sock_common`: the identity by which packets find a sock."""

    sk_family: i64
    sk_state: i64  # TCP_ESTABLISHED … (uapi/tcp.py); changed only by tcp_set_state and inet_sk_state_store
    sk_daddr: i64
    sk_rcv_saddr: i64
    sk_num: i64  # local port
    sk_dport: i64
    sk_v6_daddr: bytes
    sk_v6_rcv_saddr: bytes
    sk_bound_dev_if: i64
    sk_reuse: i64
    sk_reuseport: bool
    sk_ipv6only: bool
    sk_net: Net
    sk_prot: Proto
    sk_refcnt: i64
    sk_cookie: i64
    sk_hashed: bool
    hash_next: SockCommon | None  # chain of an ehash, listening or udp bucket
    bind_next: SockCommon | None  # sk_bind_node: the owners of a local port, in order of binding
    bind_prev: SockCommon | None

    def __init__(self, family: i64, net: Net, prot: Proto) -> None:
        self.sk_family = family
        self.sk_state = 7
        self.sk_daddr = 0
        self.sk_rcv_saddr = 0
        self.sk_num = 0
        self.sk_dport = 0
        self.sk_v6_daddr = b""
        self.sk_v6_rcv_saddr = b""
        self.sk_bound_dev_if = 0
        self.sk_reuse = 0
        self.sk_reuseport = False
        self.sk_ipv6only = False
        self.sk_net = net
        self.sk_prot = prot
        self.sk_refcnt = 1
        self.sk_cookie = 0
        self.sk_hashed = False
        self.hash_next = None
        self.bind_next = None
        self.bind_prev = None


class SockCallback:
    """One of the four callbacks of a sock, by its kernel name (`sock_def_readable` …)."""

    name: str

    def __init__(self, name: str) -> None:
        self.name = name

    def run(self, sk: Sock) -> None:
        pass


class Sock(SockCommon):
    """`struct sock`."""

    kernel: Kernel
    sk_type: i64
    sk_protocol: i64
    sk_socket: Socket | None
    sk_wq: WaitQueueHead | None  # of the socket; None once orphaned
    sk_flags: i64  # SOCK_DEAD … bits
    sk_shutdown: i64
    sk_userlocks: i64
    sk_owned: bool  # sk_lock.owned: a call is at work on it
    sk_receive_queue: SkBuffHead
    sk_write_queue: SkBuffHead
    sk_error_queue: SkBuffHead | None  # made when first used
    sk_backlog: SkBuffHead | None  # made when first used
    sk_backlog_len: i64
    sk_rcvbuf: i64
    sk_sndbuf: i64
    sk_rmem_alloc: i64
    sk_wmem_alloc: i64
    sk_wmem_queued: i64
    sk_forward_alloc: i64
    sk_omem_alloc: i64
    sk_rcvlowat: i64
    sk_rcvtimeo: i64  # ns; MAX_SCHEDULE_TIMEOUT: none
    sk_sndtimeo: i64
    sk_lingertime: i64  # ns
    sk_err: i64
    sk_err_soft: i64
    sk_ack_backlog: i64
    sk_max_ack_backlog: i64
    sk_drops: i64
    sk_priority: i64
    sk_mark: i64
    sk_uid: i64
    sk_peer_cred: Ucred | None
    sk_incoming_cpu: i64
    sk_peek_off: i64
    sk_ll_usec: i64
    sk_pacing_rate: i64  # bytes per second
    sk_max_pacing_rate: i64
    sk_pacing_status: i64
    sk_no_check_tx: bool
    sk_tsflags: i64  # SO_TIMESTAMPING flags
    sk_tskey: i64
    sk_zckey: i64  # number of the next MSG_ZEROCOPY send
    sk_stamp: i64
    sk_busy_poll: i64
    sk_route_caps: i64
    sk_gso_max_size: i64
    sk_gso_max_segs: i64
    sk_dst_cache: Dst | None
    sk_dst_genid: i64
    sk_timer: TimerList | None  # keep-alive, SYN-ACK, FIN-WAIT-2
    sk_state_change: SockCallback
    sk_data_ready: SockCallback
    sk_write_space: SockCallback
    sk_error_report: SockCallback
    sk_filter: object
    sk_txrehash: i64
    sk_prefer_busy_poll: bool
    sk_reserved_mem: i64
    sk_clockid: i64  # SO_TXTIME
    sk_txtime_flags: i64
    sk_busy_poll_budget: i64
    sk_create_ns: i64

    def __init__(
        self,
        kernel: Kernel,
        family: i64,
        net: Net,
        prot: Proto,
        callbacks: tuple[SockCallback, SockCallback, SockCallback, SockCallback],
    ) -> None:
        super().__init__(family, net, prot)
        self.kernel = kernel
        self.sk_type = 0
        self.sk_protocol = 0
        self.sk_socket = None
        self.sk_wq = None
        self.sk_flags = 0
        self.sk_shutdown = 0
        self.sk_userlocks = 0
        self.sk_owned = False
        self.sk_receive_queue = SkBuffHead()
        self.sk_write_queue = SkBuffHead()
        self.sk_error_queue = None
        self.sk_backlog = None
        self.sk_backlog_len = 0
        self.sk_rcvbuf = 212992
        self.sk_sndbuf = 212992
        self.sk_rmem_alloc = 0
        self.sk_wmem_alloc = 0
        self.sk_wmem_queued = 0
        self.sk_forward_alloc = 0
        self.sk_omem_alloc = 0
        self.sk_rcvlowat = 1
        self.sk_rcvtimeo = 0x7FFF_FFFF_FFFF_FFFF
        self.sk_sndtimeo = 0x7FFF_FFFF_FFFF_FFFF
        self.sk_lingertime = 0
        self.sk_err = 0
        self.sk_err_soft = 0
        self.sk_ack_backlog = 0
        self.sk_max_ack_backlog = 0
        self.sk_drops = 0
        self.sk_priority = 0
        self.sk_mark = 0
        self.sk_uid = 0
        self.sk_peer_cred = None
        self.sk_incoming_cpu = -1
        self.sk_peek_off = -1
        self.sk_ll_usec = 0
        self.sk_pacing_rate = 0x7FFF_FFFF_FFFF_FFFF
        self.sk_max_pacing_rate = 0x7FFF_FFFF_FFFF_FFFF
        self.sk_pacing_status = 0
        self.sk_no_check_tx = False
        self.sk_tsflags = 0
        self.sk_tskey = 0
        self.sk_zckey = 0
        self.sk_stamp = -1
        self.sk_busy_poll = 0
        self.sk_route_caps = 0
        self.sk_gso_max_size = 65536
        self.sk_gso_max_segs = 65535
        self.sk_dst_cache = None
        self.sk_dst_genid = 0
        self.sk_timer = None
        self.sk_state_change = callbacks[0]
        self.sk_data_ready = callbacks[1]
        self.sk_write_space = callbacks[2]
        self.sk_error_report = callbacks[3]
        self.sk_filter = None
        self.sk_txrehash = 1
        self.sk_prefer_busy_poll = False
        self.sk_reserved_mem = 0
        self.sk_clockid = 0
        self.sk_txtime_flags = 0
        self.sk_busy_poll_budget = 8
        self.sk_create_ns = 0

    def backlog_rcv(self, skb: SkBuff) -> i64:
        """A packet that came while a call owned the sock."""
        return self.sk_prot.backlog_rcv(self, skb)

    def destruct(self) -> None:
        """`sk_destruct`: the last reference went."""

    def local_address(self) -> str:
        """Derived, for pictures: "127.0.0.1:80", a path; "" while unbound."""
        return ""

    def remote_address(self) -> str:
        """Derived, for pictures; "" while unconnected."""
        return ""
