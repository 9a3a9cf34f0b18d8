"""Devices and the way of a packet through them: `dev_queue_xmit` on the way out, `netif_receive_skb` on the
way in.

Kernel counterpart: `net/core/dev.c`. A protocol hands a packet that has its headers and its route to
`dev_queue_xmit`; the driver takes it with `ndo_start_xmit`. What arrives is only queued (`netif_rx`) and
delivered by the softirq drain (`process_backlog`), to the protocol registered for its Ethernet type
(`dev_add_pack`). Nothing re-enters.

Left out: several transmit queues, RPS, GRO, XDP. In wire mode (`Kernel.wire_mode`) every packet goes
through bytes and back here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.kernel import softirq, trace
from sockfs.net.core import errqueue, gso, skbuff, wire
from sockfs.structs.kernel import SoftirqAction
from sockfs.structs.net_device import NetDevice
from sockfs.uapi.dropreason import (
    SKB_DROP_REASON_CPU_BACKLOG,
    SKB_DROP_REASON_DEV_READY,
    SKB_DROP_REASON_SKB_GSO_SEG,
    SKB_DROP_REASON_UNHANDLED_PROTO,
)
from sockfs.uapi.errno import EEXIST, ENETDOWN
from sockfs.uapi.errqueue import SCM_TSTAMP_SCHED, SCM_TSTAMP_SND
from sockfs.uapi.if_ import (
    IFF_LOWER_UP,
    IFF_RUNNING,
    IFF_UP,
    NET_RX_DROP,
    NET_RX_SUCCESS,
    NETDEV_DOWN,
    NETDEV_GOING_DOWN,
    NETDEV_REGISTER,
    NETDEV_UNREGISTER,
    NETDEV_UP,
)

if TYPE_CHECKING:
    from sockfs.structs.kernel import Kernel
    from sockfs.structs.net import Net
    from sockfs.structs.net_device import NotifierBlock
    from sockfs.structs.ops import PacketType
    from sockfs.structs.sk_buff import SkBuff

# What a device can do by itself (netdev_features_t; the bit numbers are Linux's).
NETIF_F_SG: Final = 1 << 0
NETIF_F_IP_CSUM: Final = 1 << 1
NETIF_F_HW_CSUM: Final = 1 << 3
NETIF_F_IPV6_CSUM: Final = 1 << 4
NETIF_F_HIGHDMA: Final = 1 << 5
NETIF_F_FRAGLIST: Final = 1 << 6
NETIF_F_TSO: Final = 1 << 16
NETIF_F_TSO_ECN: Final = 1 << 18
NETIF_F_TSO6: Final = 1 << 20
NETIF_F_GSO_UDP_L4: Final = 1 << 33
NETIF_F_RXCSUM: Final = 1 << 34
NETIF_F_ALL_TSO: Final = NETIF_F_TSO | NETIF_F_TSO_ECN | NETIF_F_TSO6
NETIF_F_GSO_SOFTWARE: Final = NETIF_F_ALL_TSO | NETIF_F_GSO_UDP_L4


def net_dev_init(k: Kernel) -> None:
    """Boot: the packet handlers' table is empty, nobody is told of devices yet."""
    k.ptype_base = {}
    k.netdev_chain = []
    softirq.open_softirq(k, NetRxAction())


# Registration


def register_netdevice(dev: NetDevice) -> i64:
    """Give dev a number and a place in its namespace. 0 or -EEXIST."""
    net = dev.net
    if dev.name in net.dev_by_name:
        return -EEXIST
    if dev.ifindex == 0:
        dev.ifindex = net.next_ifindex
    net.next_ifindex = max(net.next_ifindex, dev.ifindex + 1)
    net.dev_by_name[dev.name] = dev
    net.dev_by_index[dev.ifindex] = dev
    call_netdevice_notifiers(NETDEV_REGISTER, dev)
    return 0


def unregister_netdevice(dev: NetDevice) -> None:
    """dev goes: down first, then out of the tables."""
    net = dev.net
    if net.dev_by_index.get(dev.ifindex) is not dev:
        return
    dev_close(dev)
    call_netdevice_notifiers(NETDEV_UNREGISTER, dev)
    del net.dev_by_index[dev.ifindex]
    del net.dev_by_name[dev.name]


def register_netdevice_notifier(k: Kernel, nb: NotifierBlock) -> None:
    """nb is told of every device event from now on."""
    k.netdev_chain.append(nb)


def call_netdevice_notifiers(event: i64, dev: NetDevice) -> None:
    for nb in dev.net.kernel.netdev_chain:
        nb.notifier_call(event, dev)


def dev_open(dev: NetDevice) -> i64:
    """`ip link set dev up`. 0 or the driver's -errno."""
    if dev.flags & IFF_UP:
        return 0
    err: i64 = dev.netdev_ops.ndo_open(dev)
    if err != 0:
        return err
    dev.flags |= IFF_UP | IFF_RUNNING | IFF_LOWER_UP
    call_netdevice_notifiers(NETDEV_UP, dev)
    return 0


def dev_close(dev: NetDevice) -> None:
    """`ip link set dev down`."""
    if not dev.flags & IFF_UP:
        return
    call_netdevice_notifiers(NETDEV_GOING_DOWN, dev)
    dev.netdev_ops.ndo_stop(dev)
    dev.flags &= ~(IFF_UP | IFF_RUNNING | IFF_LOWER_UP)
    call_netdevice_notifiers(NETDEV_DOWN, dev)


def dev_get_by_index(net: Net, ifindex: i64) -> NetDevice | None:
    """The device of that number in net."""
    return net.dev_by_index.get(ifindex)


def dev_get_by_name(net: Net, name: str) -> NetDevice | None:
    """The device of that name in net."""
    return net.dev_by_name.get(name)


def dev_add_pack(k: Kernel, pt: PacketType) -> None:
    """pt takes packets of its Ethernet type from now on."""
    k.ptype_base.setdefault(pt.type, []).append(pt)


def dev_remove_pack(k: Kernel, pt: PacketType) -> None:
    """pt takes none any more."""
    handlers = k.ptype_base.get(pt.type)
    if handlers is not None and pt in handlers:
        handlers.remove(pt)


# The way out


def dev_queue_xmit(skb: SkBuff) -> i64:
    """Send a packet whose headers are set through skb.dev; it goes. 0, a NET_XMIT code or -ENETDOWN."""
    dev = skb.dev
    assert dev is not None
    if not dev.flags & IFF_UP:
        dev.tx_dropped += 1
        skbuff.kfree_skb_reason(dev.net.kernel, skb, SKB_DROP_REASON_DEV_READY)
        return -ENETDOWN
    if skb.tx_flags & errqueue.SKBTX_SCHED_TSTAMP:
        errqueue.skb_tstamp_tx(skb, skb.sk, SCM_TSTAMP_SCHED)
    qdisc = dev.qdisc
    if qdisc is not None:
        return qdisc.enqueue(skb, dev)
    return sch_direct_xmit(skb, dev)


def sch_direct_xmit(skb: SkBuff, dev: NetDevice) -> i64:
    """Hand a packet to the driver, cut first where the device cannot cut it itself (a qdisc that releases
    one calls this).
    """
    if skb.tx_flags & errqueue.SKBTX_SW_TSTAMP:
        errqueue.skb_tstamp_tx(skb, skb.sk, SCM_TSTAMP_SND)
    if skb.gso_size != 0 and not netif_needs_no_gso(skb, dev):
        return _xmit_segments(skb, dev)
    return dev_hard_start_xmit(skb, dev)


def netif_needs_no_gso(skb: SkBuff, dev: NetDevice) -> bool:
    """The device itself takes packets of more than one segment of this kind."""
    if skb.th is not None:
        want: i64 = NETIF_F_TSO6 if skb.ip6h is not None else NETIF_F_TSO
    else:
        want = NETIF_F_GSO_UDP_L4
    return (dev.features & want) != 0 and skb.gso_segs <= dev.gso_max_segs


def _xmit_segments(skb: SkBuff, dev: NetDevice) -> i64:
    """`validate_xmit_skb` with software segmentation: send the pieces one by one."""
    k = dev.net.kernel
    seg = gso.skb_gso_segment(k, skb)
    if seg is None:
        dev.tx_dropped += 1
        skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_SKB_GSO_SEG)
        return NET_RX_DROP
    skbuff.consume_skb(k, skb)
    rc: i64 = 0
    while seg is not None:
        after = seg.next
        seg.next = None
        err = dev_hard_start_xmit(seg, dev)
        if err != 0:
            rc = err
        seg = after
    return rc


def dev_hard_start_xmit(skb: SkBuff, dev: NetDevice) -> i64:
    """The taps look at it, then the driver takes it."""
    if dev.taps:
        for tap in dev.taps:
            tap.packet(skb, dev, True)
    k = dev.net.kernel
    if k.trace_on:
        trace.skb_event(k, "net_dev_xmit", skb)
    if k.wire_mode:
        wire.skb_through_bytes(skb)
    return dev.netdev_ops.ndo_start_xmit(skb, dev)


# The way in


def netif_rx(k: Kernel, skb: SkBuff) -> i64:
    """`enqueue_to_backlog`: a packet arrived on skb.dev of kernel k; it waits for the softirq drain."""
    queue = k.softnet.input_pkt_queue
    dev = skb.dev
    assert dev is not None
    if queue.qlen > dev.net.core.sysctl_netdev_max_backlog:
        k.softnet.dropped += 1
        dev.rx_dropped += 1
        skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_CPU_BACKLOG)
        return NET_RX_DROP
    skb.tstamp = k.now + k.wall_offset
    last = queue.last
    skb.on_list = queue
    skb.next = None
    skb.prev = last
    if last is None:
        queue.first = skb
    else:
        last.next = skb
    queue.last = skb
    queue.qlen += 1
    return NET_RX_SUCCESS


def process_backlog(k: Kernel, budget: i64) -> i64:
    """Deliver at most budget waiting packets. Returns how many were."""
    queue = k.softnet.input_pkt_queue
    done: i64 = 0
    while done < budget:
        skb = queue.first
        if skb is None:
            break
        after = skb.next
        queue.first = after
        if after is None:
            queue.last = None
        else:
            after.prev = None
            skb.next = None
        queue.qlen -= 1
        skb.on_list = None
        done += 1
        netif_receive_skb_core(k, skb)
    return done


def netif_receive_skb(k: Kernel, skb: SkBuff) -> i64:
    """A packet arrived on skb.dev, delivered at once: for whoever is the softirq drain's caller (TUN, pcap,
    tests).

    Fresh from bytes it has `skb.data` from the network header on, `skb.protocol`, and no header objects.
    """
    skb.tstamp = k.now + k.wall_offset
    return netif_receive_skb_core(k, skb)


def netif_receive_skb_core(k: Kernel, skb: SkBuff) -> i64:
    """`__netif_receive_skb_core`: to the taps, then to the protocol of skb.protocol."""
    dev = skb.dev
    assert dev is not None
    skb.skb_iif = dev.ifindex
    if k.trace_on:
        trace.skb_event(k, "netif_receive_skb", skb)
    if dev.taps:
        for tap in dev.taps:
            tap.packet(skb, dev, False)
    handlers = k.ptype_base.get(skb.protocol)
    if handlers is None or len(handlers) == 0:
        dev.rx_dropped += 1
        skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_UNHANDLED_PROTO)
        return NET_RX_DROP
    n: i64 = len(handlers)
    i: i64 = 0
    while i < n - 1:
        handlers[i].func(skbuff.skb_clone(k, skb), dev)
        i += 1
    return handlers[i].func(skb, dev)


class NetRxAction(SoftirqAction):
    """`net_rx_action`, and the tasklet of TCP's small queues."""

    def action(self, k: Kernel, budget: i64) -> i64:
        done = process_backlog(k, budget)
        softnet = k.softnet
        if len(softnet.tsq_head) != 0:
            done += softnet.tsq_tasklet.action(k, budget)
        return done
