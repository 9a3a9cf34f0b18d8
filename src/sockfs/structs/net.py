"""A network namespace: devices, routes, hash tables, sysctls and counters.

Kernel counterpart: `struct net` (`include/net/net_namespace.h`), `inet_hashinfo`
(`include/net/inet_hashtables.h`), `udp_table`. A sock belongs to one; every packet is looked up in one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import i64

from sockfs.structs.mib import IcmpMib, IpExtMib, IpMib, LinuxMib, TcpMib, UdpMib
from sockfs.structs.netns_sysctl import NetnsCore, NetnsIpv4, NetnsUnix

if TYPE_CHECKING:
    from sockfs.structs.fib import FibTable, Neighbour
    from sockfs.structs.inet_connection_sock import InetBindBucket
    from sockfs.structs.kernel import Kernel
    from sockfs.structs.net_device import NetDevice
    from sockfs.structs.sock import Sock, SockCommon
    from sockfs.structs.unix_sock import UnixSock


class InetHashinfo:
    """`struct inet_hashinfo`. Chains run through `hash_next`.

    `ehash`: (local port << 16 | remote port) → chain of full socks, request socks and time-wait socks.
    `lhash2`: local port → chain of listeners. `bhash`: local port → who holds it.
    """

    ehash: dict[int, SockCommon]
    lhash2: dict[int, SockCommon]
    bhash: dict[int, InetBindBucket]
    tw_count: i64
    orphan_count: i64
    sockets_allocated: i64
    memory_allocated: i64  # pages
    table_perturb: dict[int, int]  # RFC 6056 algorithm 4: how far each class of destinations has come

    def __init__(self) -> None:
        self.ehash = {}
        self.lhash2 = {}
        self.bhash = {}
        self.tw_count = 0
        self.orphan_count = 0
        self.sockets_allocated = 0
        self.memory_allocated = 0
        self.table_perturb = {}


class UdpTable:
    """`struct udp_table`: local port → chain of socks."""

    hash: dict[int, SockCommon]
    sockets_allocated: i64
    memory_allocated: i64

    def __init__(self) -> None:
        self.hash = {}
        self.sockets_allocated = 0
        self.memory_allocated = 0


class Net:
    """`struct net`."""

    kernel: Kernel
    inum: i64
    core: NetnsCore
    ipv4: NetnsIpv4
    unx: NetnsUnix
    dev_by_index: dict[int, NetDevice]
    dev_by_name: dict[str, NetDevice]
    loopback_dev: NetDevice | None
    next_ifindex: i64
    tcp_hashinfo: InetHashinfo
    udp_table: UdpTable
    udplite_table: UdpTable
    raw_hash: dict[int, SockCommon]  # protocol → chain
    ping_hash: dict[int, SockCommon]  # identifier → chain
    unix_abstract: dict[bytes, UnixSock]
    unix_paths: dict[bytes, UnixSock]
    unix_all: dict[int, UnixSock]  # by inode or cookie
    packet_socks: dict[int, Sock]
    netlink_socks: dict[int, Sock]
    fib_local: FibTable | None
    fib_main: FibTable | None
    fib_genid: i64  # grows with every change of routes or addresses; cached routes of an older one are stale
    neigh4: dict[int, Neighbour]
    neigh6: dict[bytes, Neighbour]
    rt_cache: dict[int, object]  # small cache of output routes by destination (net/ipv4/route.py)
    pmtu: dict[int, tuple[int, int]]  # fib exceptions: destination → (mtu, expires)
    tcp_metrics: dict[bytes, object]
    ip_frags: dict[tuple[int, int, int, int], object]
    ip_frag_mem: i64  # bytes in ip_frags (fqdir->mem)
    mib_ip: IpMib
    mib_ipext: IpExtMib
    mib_icmp: IcmpMib
    mib_icmpmsg_in: dict[int, int]
    mib_icmpmsg_out: dict[int, int]
    mib_tcp: TcpMib
    mib_udp: UdpMib
    mib_udplite: UdpMib
    mib_linux: LinuxMib
    icmp_tokens: i64
    icmp_stamp: i64
    icmp_peers: dict[int, list[int]]  # destination → rate tokens left, when last counted (inet_peer)
    tcp_challenge_timestamp: i64
    tcp_challenge_count: i64
    ip_id: i64
    hostname: str
    hosts: dict[str, list[str]]  # name → addresses: what /etc/hosts is to a machine (libc/netdb.py)

    def __init__(self, kernel: Kernel, inum: i64) -> None:
        self.kernel = kernel
        self.inum = inum
        self.core = NetnsCore()
        self.ipv4 = NetnsIpv4()
        self.unx = NetnsUnix()
        self.dev_by_index = {}
        self.dev_by_name = {}
        self.loopback_dev = None
        self.next_ifindex = 1
        self.tcp_hashinfo = InetHashinfo()
        self.udp_table = UdpTable()
        self.udplite_table = UdpTable()
        self.raw_hash = {}
        self.ping_hash = {}
        self.unix_abstract = {}
        self.unix_paths = {}
        self.unix_all = {}
        self.packet_socks = {}
        self.netlink_socks = {}
        self.fib_local = None
        self.fib_main = None
        self.fib_genid = 1
        self.neigh4 = {}
        self.neigh6 = {}
        self.rt_cache = {}
        self.pmtu = {}
        self.tcp_metrics = {}
        self.ip_frags = {}
        self.ip_frag_mem = 0
        self.mib_ip = IpMib()
        self.mib_ipext = IpExtMib()
        self.mib_icmp = IcmpMib()
        self.mib_icmpmsg_in = {}
        self.mib_icmpmsg_out = {}
        self.mib_tcp = TcpMib()
        self.mib_udp = UdpMib()
        self.mib_udplite = UdpMib()
        self.mib_linux = LinuxMib()
        self.icmp_tokens = 0
        self.icmp_stamp = 0
        self.icmp_peers = {}
        self.tcp_challenge_timestamp = 0
        self.tcp_challenge_count = 0
        self.ip_id = 1
        self.hostname = "sockfs"
        self.hosts = {}
