"""IPv4 addresses of devices, and the groups they listen to.

Kernel counterparts: `net/ipv4/devinet.c`, parts of `net/ipv4/igmp.c`. `inet_addr_add` is `ip addr add`; a
device that rises gets its routes back, and `lo` its 127.0.0.1/8 (`inetdev_event`). Source addresses for
packets are chosen by `inet_select_addr` (RFC 1122 3.3.4.3).

Left out: IGMP on the wire (no device here leads to a multicast router), secondary addresses as such,
lifetimes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import i64

from sockfs.net.core import dev as net_dev
from sockfs.net.ipv4 import fib_frontend, route
from sockfs.structs.net_device import InIfaddr, NotifierBlock
from sockfs.uapi.errno import EADDRNOTAVAIL, EEXIST, EINVAL
from sockfs.uapi.if_ import IFF_LOOPBACK, NETDEV_DOWN, NETDEV_UNREGISTER, NETDEV_UP
from sockfs.uapi.in_ import INADDR_ALLHOSTS_GROUP, INADDR_LOOPBACK
from sockfs.uapi.rtnetlink import RT_SCOPE_HOST, RT_SCOPE_LINK, RT_SCOPE_UNIVERSE, RTN_LOCAL

if TYPE_CHECKING:
    from sockfs.structs.kernel import Kernel
    from sockfs.structs.net import Net
    from sockfs.structs.net_device import NetDevice


def devinet_init(k: Kernel) -> None:
    """From now on devices that rise and fall have their addresses and routes looked after."""
    net_dev.register_netdevice_notifier(k, IpNetdevNotifier())


def inetdev_event(event: i64, dev: NetDevice) -> None:
    """What a device's fate means for its addresses."""
    if event == NETDEV_UP:
        if dev.flags & IFF_LOOPBACK and not dev.in_dev:
            inet_insert_ifa(dev, InIfaddr(INADDR_LOOPBACK, 8, 0, RT_SCOPE_HOST, dev.name))
        else:
            for ifa in dev.in_dev:
                fib_frontend.fib_add_ifaddr(dev, ifa)
            route.rt_cache_flush(dev.net)
        ip_mc_inc_group(dev, INADDR_ALLHOSTS_GROUP)
    elif event == NETDEV_DOWN:
        fib_frontend.fib_flush_dev(dev)
        ip_mc_dec_group(dev, INADDR_ALLHOSTS_GROUP)
    elif event == NETDEV_UNREGISTER:
        dev.in_dev.clear()
        dev.mc_list.clear()
        fib_frontend.fib_flush_dev(dev)


def inet_addr_add(dev: NetDevice, local: i64, prefixlen: i64, broadcast: i64) -> i64:
    """`ip addr add local/prefixlen [broadcast B] dev dev` (broadcast 0: none). 0 or -errno."""
    if prefixlen < 0 or prefixlen > 32 or local < 0 or local > 0xFFFFFFFF:
        return -EINVAL
    scope: i64 = RT_SCOPE_HOST if route.ipv4_is_loopback(local) else RT_SCOPE_UNIVERSE
    for ifa in dev.in_dev:
        if ifa.ifa_local == local and ifa.ifa_prefixlen == prefixlen:
            return -EEXIST
    inet_insert_ifa(dev, InIfaddr(local, prefixlen, broadcast, scope, dev.name))
    return 0


def inet_insert_ifa(dev: NetDevice, ifa: InIfaddr) -> None:
    dev.in_dev.append(ifa)
    fib_frontend.fib_add_ifaddr(dev, ifa)
    route.rt_cache_flush(dev.net)


def inet_addr_del(dev: NetDevice, local: i64, prefixlen: i64) -> i64:
    """`ip addr del`. 0 or -EADDRNOTAVAIL."""
    for ifa in dev.in_dev:
        if ifa.ifa_local == local and ifa.ifa_prefixlen == prefixlen:
            dev.in_dev.remove(ifa)
            fib_frontend.fib_flush_dev(dev)
            for other in dev.in_dev:
                fib_frontend.fib_add_ifaddr(dev, other)
            route.rt_cache_flush(dev.net)
            return 0
    return -EADDRNOTAVAIL


def inet_select_addr(dev: NetDevice, dst: i64, scope: i64) -> i64:
    """A source address on dev for dst (0: anything), of at most the given scope; another device's when dev
    has none.
    """
    addr: i64 = 0
    for ifa in dev.in_dev:
        if min(ifa.ifa_scope, RT_SCOPE_HOST) > scope:
            continue
        mask = fib_frontend.inet_make_mask(ifa.ifa_prefixlen)
        if dst == 0 or (dst & mask) == (ifa.ifa_local & mask):
            return ifa.ifa_local
        if addr == 0:
            addr = ifa.ifa_local
    if addr != 0:
        return addr
    # Linux: no address on this device: any other device's that is not just the link's.
    net = dev.net
    for index in sorted(net.dev_by_index):
        other = net.dev_by_index[index]
        for ifa in other.in_dev:
            if ifa.ifa_scope != RT_SCOPE_LINK and ifa.ifa_scope <= scope:
                return ifa.ifa_local
    return 0


def ip_dev_find(net: Net, addr: i64) -> NetDevice | None:
    """The device that has addr, or to whose local net it belongs (127.0.0.0/8)."""
    table = net.fib_local
    if table is None:
        return None
    res = fib_frontend.fib_table_lookup(table, addr, 0)
    if res is None or res.fa_type != RTN_LOCAL:
        return None
    return res.fib_dev


# Groups


def ip_mc_inc_group(dev: NetDevice, group: i64) -> None:
    """One more wants group on dev. A route that did not deliver it must be found anew."""
    dev.mc_list[group] = dev.mc_list.get(group, 0) + 1
    if dev.mc_list[group] == 1:
        route.rt_cache_flush(dev.net)


def ip_mc_dec_group(dev: NetDevice, group: i64) -> None:
    """One fewer does."""
    users = dev.mc_list.get(group, 0)
    if users <= 1:
        dev.mc_list.pop(group, None)
        route.rt_cache_flush(dev.net)
    else:
        dev.mc_list[group] = users - 1


def ip_check_mc(dev: NetDevice, group: i64) -> bool:
    """Somebody here listens to group on dev. All hosts listen to 224.0.0.1 (RFC 1112 section 4)."""
    return group == INADDR_ALLHOSTS_GROUP or group in dev.mc_list


class IpNetdevNotifier(NotifierBlock):
    """`ip_netdev_notifier`."""

    def notifier_call(self, event: i64, dev: NetDevice) -> None:
        inetdev_event(event, dev)
