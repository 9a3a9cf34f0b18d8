"""Network devices: `struct net_device` and its operations.

Kernel counterpart: `include/linux/netdevice.h`. A driver overrides `NetDeviceOps`; drivers inside the
process stand in `drivers/`, those that reach outside in `hostdev/`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import i64, mypyc_attr

if TYPE_CHECKING:
    from sockfs.structs.net import Net
    from sockfs.structs.sk_buff import SkBuff


@mypyc_attr(allow_interpreted_subclasses=True)
class NetDeviceOps:
    """`struct net_device_ops`."""

    def ndo_open(self, dev: NetDevice) -> int:
        """The interface goes up. Returns 0 or -errno."""
        return 0

    def ndo_stop(self, dev: NetDevice) -> int:
        """The interface goes down."""
        return 0

    def ndo_start_xmit(self, skb: SkBuff, dev: NetDevice) -> int:
        """Send one packet; the skb is consumed. Returns 0 (NETDEV_TX_OK)."""
        return 0


@mypyc_attr(allow_interpreted_subclasses=True)
@mypyc_attr(allow_interpreted_subclasses=True)
class QdiscOps:
    """A queueing discipline in front of a device (`net/sched/`). `noqueue` devices have none."""

    id: str

    def __init__(self, id: str) -> None:
        self.id = id

    def enqueue(self, skb: SkBuff, dev: NetDevice) -> i64:
        """Take a packet; 0 or a drop code."""
        return 0


@mypyc_attr(allow_interpreted_subclasses=True)
class PacketTap:
    """Somebody who looks at every packet of a device: pcap files, AF_PACKET (`dev_queue_xmit_nit`)."""

    def packet(self, skb: SkBuff, dev: NetDevice, outgoing: bool) -> None:
        """Look at skb; it stays the caller's. Headers are set; `net/core/wire.py` makes bytes of it."""


class NetDevice:
    """`struct net_device`."""

    net: Net
    name: str
    ifindex: i64
    type: i64  # ARPHRD_LOOPBACK, ARPHRD_ETHER, ARPHRD_NONE
    flags: i64  # IFF_UP …
    mtu: i64
    hard_header_len: i64
    dev_addr: bytes
    broadcast: bytes
    features: i64  # NETIF_F_* bits (net/core/dev.py)
    gso_max_size: i64
    gso_max_segs: i64
    tx_queue_len: i64
    netdev_ops: NetDeviceOps
    qdisc: QdiscOps | None
    taps: list[PacketTap]
    peer: NetDevice | None  # veth
    priv: object
    in_dev: list[InIfaddr]  # IPv4 addresses
    in6_dev: list[In6Ifaddr]
    mc_list: dict[int, int]  # IPv4 multicast group → how many sockets want it on this device (`ip_mc_list`)
    rx_packets: i64
    rx_bytes: i64
    rx_dropped: i64
    rx_errors: i64
    tx_packets: i64
    tx_bytes: i64
    tx_dropped: i64
    tx_errors: i64

    def __init__(self, net: Net, name: str, netdev_ops: NetDeviceOps) -> None:
        self.net = net
        self.name = name
        self.ifindex = 0
        self.type = 1
        self.flags = 0
        self.mtu = 1500
        self.hard_header_len = 0
        self.dev_addr = b""
        self.broadcast = b""
        self.features = 0
        self.gso_max_size = 65536
        self.gso_max_segs = 65535
        self.tx_queue_len = 1000
        self.netdev_ops = netdev_ops
        self.qdisc = None
        self.taps = []
        self.peer = None
        self.priv = None
        self.in_dev = []
        self.in6_dev = []
        self.mc_list = {}
        self.rx_packets = 0
        self.rx_bytes = 0
        self.rx_dropped = 0
        self.rx_errors = 0
        self.tx_packets = 0
        self.tx_bytes = 0
        self.tx_dropped = 0
        self.tx_errors = 0


@mypyc_attr(allow_interpreted_subclasses=True)
class NotifierBlock:
    """Somebody who is told when a device comes, goes, rises or falls (`register_netdevice_notifier`)."""

    def notifier_call(self, event: i64, dev: NetDevice) -> None:
        """event: NETDEV_UP … (uapi/if_.py)."""


class InIfaddr:
    """`struct in_ifaddr`: one IPv4 address of a device."""

    ifa_local: i64
    ifa_prefixlen: i64
    ifa_broadcast: i64
    ifa_scope: i64
    ifa_label: str

    def __init__(self, local: i64, prefixlen: i64, broadcast: i64, scope: i64, label: str) -> None:
        self.ifa_local = local
        self.ifa_prefixlen = prefixlen
        self.ifa_broadcast = broadcast
        self.ifa_scope = scope
        self.ifa_label = label


class In6Ifaddr:
    """`struct inet6_ifaddr`: one IPv6 address of a device."""

    addr: bytes
    prefix_len: i64
    scope: i64
    flags: i64

    def __init__(self, addr: bytes, prefix_len: i64, scope: i64, flags: i64) -> None:
        self.addr = addr
        self.prefix_len = prefix_len
        self.scope = scope
        self.flags = flags
