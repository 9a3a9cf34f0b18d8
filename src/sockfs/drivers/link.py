"""A link between two machines of a simulated world: delay, rate, loss.

Kernel counterparts: a veth pair with netem and tbf behind it (tc-netem(8), tc-tbf(8)), in one place. A
packet that a device of the link sends is serialised at the link's rate, may be lost, and arrives `delay`
later at the peer's machine. Who carries it through time is the link's `LinkClock` (the world's event
queue); every random choice comes from the link's own seeded stream, so that one more packet here does not
reshuffle the losses there.

Left out until worlds grow: reordering, duplication, corruption.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64, mypyc_attr

from sockfs.net.core import dev as net_dev
from sockfs.net.core import skbuff
from sockfs.structs.net_device import NetDevice, NetDeviceOps
from sockfs.uapi.dropreason import SKB_DROP_REASON_DEV_READY, SKB_DROP_REASON_QDISC_DROP
from sockfs.uapi.if_ import ARPHRD_NONE, IFF_NOARP, IFF_POINTOPOINT

if TYPE_CHECKING:
    from sockfs.structs.net import Net
    from sockfs.structs.sk_buff import SkBuff
    from sockfs.util.prng import Prng

NSEC_PER_SEC: Final = 1_000_000_000
ETH_OVERHEAD: Final = 14


@mypyc_attr(allow_interpreted_subclasses=True)
class LinkClock:
    """Who carries packets through time."""

    def now(self) -> int:
        """The world's time in ns."""
        return 0

    def deliver(self, at: int, skb: SkBuff, dev: NetDevice) -> None:
        """At time `at`, skb arrives on dev: `receive` is to be called then."""


class Link:
    """What both directions share."""

    clock: LinkClock
    rng: Prng
    delay: i64  # ns, one way
    loss: float  # probability
    rate: i64  # bits per second; 0: unlimited
    limit: i64  # packets that wait for serialisation, per direction
    up: bool  # False: partitioned, everything is lost
    lost: i64
    delivered: i64

    def __init__(self, clock: LinkClock, rng: Prng, delay: i64, loss: float, rate: i64, limit: i64) -> None:
        self.clock = clock
        self.rng = rng
        self.delay = delay
        self.loss = loss
        self.rate = rate
        self.limit = limit
        self.up = True
        self.lost = 0
        self.delivered = 0


class LinkOps(NetDeviceOps):
    """One direction of a link: the operations of the device at its sending end."""

    link: Link
    free_at: i64  # when the wire has sent all it was given

    def __init__(self, link: Link) -> None:
        self.link = link
        self.free_at = 0

    def ndo_start_xmit(self, skb: SkBuff, dev: NetDevice) -> int:
        return link_xmit(self, skb, dev)


def link_setup(net: Net, name: str, link: Link, mtu: i64) -> NetDevice:
    """A device `name` at one end of link, not yet up. It has no offloads: what is lost is lost packet by
    packet.
    """
    dev = NetDevice(net, name, LinkOps(link))
    dev.type = ARPHRD_NONE
    dev.flags = IFF_POINTOPOINT | IFF_NOARP
    dev.mtu = mtu
    dev.features = 0
    net_dev.register_netdevice(dev)
    return dev


def link_join(a: NetDevice, b: NetDevice) -> None:
    """The two ends know each other, and come up."""
    a.peer = b
    b.peer = a
    net_dev.dev_open(a)
    net_dev.dev_open(b)


def link_xmit(ops: LinkOps, skb: SkBuff, dev: NetDevice) -> i64:
    """Send one packet down the link."""
    link = ops.link
    k = dev.net.kernel
    peer = dev.peer
    size = packet_size(skb)
    dev.tx_packets += 1
    dev.tx_bytes += size
    if peer is None or not link.up:
        link.lost += 1
        skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_DEV_READY)
        return 0
    if link.loss > 0.0 and link.rng.chance(link.loss):
        link.lost += 1
        skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_QDISC_DROP)
        return 0
    now: i64 = link.clock.now()
    begin = ops.free_at if ops.free_at > now else now
    rate = link.rate
    if rate != 0:
        spent = (size + ETH_OVERHEAD) * 8 * NSEC_PER_SEC // rate
        if link.limit != 0 and begin - now > link.limit * spent:
            dev.tx_dropped += 1
            skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_QDISC_DROP)
            return 0
        begin += spent
        ops.free_at = begin
    skbuff.skb_orphan(skb)
    skb.dst = None
    link.clock.deliver(begin + link.delay, skb, peer)
    return 0


def packet_size(skb: SkBuff) -> i64:
    """Bytes from the network header on."""
    iph = skb.iph
    if iph is not None:
        return iph.tot_len
    return skb.len


def receive(skb: SkBuff, dev: NetDevice) -> None:
    """The packet is at dev's machine: from here on it is an arrival like any other."""
    ops = dev.netdev_ops
    k = dev.net.kernel
    if isinstance(ops, LinkOps):
        link = ops.link
        if not link.up:
            link.lost += 1
            skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_DEV_READY)
            return
        link.delivered += 1
    skb.dev = dev
    dev.rx_packets += 1
    dev.rx_bytes += packet_size(skb)
    net_dev.netif_rx(k, skb)
