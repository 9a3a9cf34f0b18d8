"""The loopback device: what is sent on `lo` arrives on `lo`.

Kernel counterpart: `drivers/net/loopback.c`. A packet keeps its route, so that it is not looked up a second
time on its way in, and goes back through the softirq queue like any other arrival. Whoever was charged for
it is not any more (`skb_orphan`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.net.core import dev as net_dev
from sockfs.net.core import skbuff
from sockfs.net.core.dev import (
    NETIF_F_FRAGLIST,
    NETIF_F_GSO_SOFTWARE,
    NETIF_F_HIGHDMA,
    NETIF_F_HW_CSUM,
    NETIF_F_RXCSUM,
    NETIF_F_SG,
)
from sockfs.structs.net_device import NetDevice, NetDeviceOps
from sockfs.uapi.if_ import ARPHRD_LOOPBACK, IFF_LOOPBACK
from sockfs.uapi.if_ether import ETH_HLEN

if TYPE_CHECKING:
    from sockfs.structs.net import Net
    from sockfs.structs.sk_buff import SkBuff

LOOPBACK_MTU: Final = 65536


def loopback_net_init(net: Net) -> i64:
    """Every namespace gets its `lo`, number 1. Raised (as the first process of a machine does), it has
    127.0.0.1/8 (`net/ipv4/devinet.py`).
    """
    dev = NetDevice(net, "lo", LoopbackOps())
    loopback_setup(dev)
    dev.ifindex = 1
    net.loopback_dev = dev
    err = net_dev.register_netdevice(dev)
    if err != 0:
        return err
    return net_dev.dev_open(dev)


def loopback_setup(dev: NetDevice) -> None:
    dev.type = ARPHRD_LOOPBACK
    dev.flags = IFF_LOOPBACK
    dev.mtu = LOOPBACK_MTU
    dev.hard_header_len = ETH_HLEN
    dev.dev_addr = bytes(6)
    dev.broadcast = bytes(6)
    dev.features = (
        NETIF_F_SG
        | NETIF_F_FRAGLIST
        | NETIF_F_GSO_SOFTWARE
        | NETIF_F_HW_CSUM
        | NETIF_F_RXCSUM
        | NETIF_F_HIGHDMA
    )


def loopback_xmit(skb: SkBuff, dev: NetDevice) -> i64:
    """One packet out, and so one in."""
    skbuff.skb_orphan(skb)
    size: i64 = skb.len
    iph = skb.iph
    if iph is not None:
        size = iph.tot_len
    size += ETH_HLEN
    dev.tx_packets += 1
    dev.tx_bytes += size
    if net_dev.netif_rx(dev.net.kernel, skb) == 0:
        dev.rx_packets += 1
        dev.rx_bytes += size
    return 0


class LoopbackOps(NetDeviceOps):
    """`loopback_ops`."""

    def ndo_start_xmit(self, skb: SkBuff, dev: NetDevice) -> int:
        return loopback_xmit(skb, dev)
