"""Two devices joined by a cable: what one sends arrives at the other, on the same machine or another.

Kernel counterpart: `drivers/net/veth.c`; veth(4). `veth_newlink` makes the pair. The packet belongs to the
receiving end from `veth_xmit` on: its route, its charge and the sender's header objects stay behind, so
neither side sees the other's fields change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.net.core import dev as net_dev
from sockfs.net.core import skbuff
from sockfs.net.core.dev import (
    NETIF_F_GSO_SOFTWARE,
    NETIF_F_HIGHDMA,
    NETIF_F_HW_CSUM,
    NETIF_F_RXCSUM,
    NETIF_F_SG,
)
from sockfs.net.ethernet import eth
from sockfs.structs.net_device import NetDevice, NetDeviceOps
from sockfs.uapi.dropreason import SKB_DROP_REASON_DEV_READY
from sockfs.uapi.if_ import ARPHRD_ETHER, IFF_BROADCAST, IFF_MULTICAST, IFF_UP
from sockfs.uapi.if_ether import ETH_HLEN

if TYPE_CHECKING:
    from sockfs.structs.net import Net
    from sockfs.structs.sk_buff import SkBuff

ETH_BROADCAST: Final = b"\xff\xff\xff\xff\xff\xff"


def veth_newlink(net: Net, name: str, peer_net: Net, peer_name: str) -> NetDevice | None:
    """`ip link add name type veth peer name peer_name`. The first device; its `peer` is the other. None: a
    name is taken.
    """
    if (
        name in net.dev_by_name
        or peer_name in peer_net.dev_by_name
        or (net is peer_net and name == peer_name)
    ):
        return None
    dev = veth_setup(net, name)
    peer = veth_setup(peer_net, peer_name)
    dev.peer = peer
    peer.peer = dev
    net_dev.register_netdevice(dev)
    net_dev.register_netdevice(peer)
    return dev


def veth_setup(net: Net, name: str) -> NetDevice:
    """One end, with a random locally administered address."""
    dev = NetDevice(net, name, VethOps())
    dev.type = ARPHRD_ETHER
    dev.flags = IFF_BROADCAST | IFF_MULTICAST
    dev.hard_header_len = ETH_HLEN
    address = bytearray(net.kernel.rng_misc.bytes(6))
    address[0] = (address[0] & 0xFE) | 0x02
    dev.dev_addr = bytes(address)
    dev.broadcast = ETH_BROADCAST
    dev.features = NETIF_F_SG | NETIF_F_HW_CSUM | NETIF_F_RXCSUM | NETIF_F_HIGHDMA | NETIF_F_GSO_SOFTWARE
    return dev


def veth_xmit(skb: SkBuff, dev: NetDevice) -> i64:
    """Out of one end, into the other's softirq queue."""
    k = dev.net.kernel
    peer = dev.peer
    if peer is None or not peer.flags & IFF_UP:
        dev.tx_dropped += 1
        skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_DEV_READY)
        return 0
    iph = skb.iph
    size = (skb.len if iph is None else iph.tot_len) + ETH_HLEN
    dev.tx_packets += 1
    dev.tx_bytes += size
    there = peer.net.kernel
    copy = skbuff.skb_clone(there, skb)
    skbuff.skb_copy_headers(copy, skb)
    copy.dst = None
    copy.mark = 0
    copy.skb_iif = 0
    skbuff.consume_skb(k, skb)
    eth.eth_type_trans(copy, peer)
    if net_dev.netif_rx(there, copy) == 0:
        peer.rx_packets += 1
        peer.rx_bytes += size
    return 0


class VethOps(NetDeviceOps):
    """`veth_netdev_ops`."""

    def ndo_start_xmit(self, skb: SkBuff, dev: NetDevice) -> int:
        return veth_xmit(skb, dev)
