"""The routing tables: local and main, and what an address of a device puts into them.

Kernel counterparts: `net/ipv4/fib_frontend.c`, `fib_trie.c`, `fib_semantics.c`. `fib_lookup` answers with
the longest prefix, local table first (the two rules of a stock kernel). A table is one dictionary a prefix
length instead of a trie: a lookup asks at most 33. Each change makes the cached routes stale
(`route.rt_cache_flush`). ip-route(8).

Left out: rules, multipath, TOS, source routing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import i64

from sockfs.net.ipv4 import devinet, route
from sockfs.structs.fib import FibAlias, FibTable
from sockfs.uapi.errno import EEXIST, EINVAL, ENETUNREACH, ESRCH
from sockfs.uapi.if_ import IFF_LOOPBACK, IFF_UP
from sockfs.uapi.rtnetlink import (
    RT_SCOPE_HOST,
    RT_SCOPE_LINK,
    RT_SCOPE_UNIVERSE,
    RT_TABLE_LOCAL,
    RT_TABLE_MAIN,
    RTN_BROADCAST,
    RTN_LOCAL,
    RTN_UNICAST,
    RTPROT_BOOT,
)

if TYPE_CHECKING:
    from sockfs.structs.kernel import Kernel
    from sockfs.structs.net import Net
    from sockfs.structs.net_device import InIfaddr, NetDevice
    from sockfs.structs.sk_buff import SkBuff


def ip_fib_init(k: Kernel) -> None:
    """Boot. The tables are each namespace's own (`fib_net_init`)."""


def fib_net_init(net: Net) -> None:
    """The two tables of a namespace."""
    net.fib_local = FibTable(RT_TABLE_LOCAL)
    net.fib_main = FibTable(RT_TABLE_MAIN)


# Lookup


def fib_lookup(net: Net, daddr: i64, oif: i64) -> FibAlias | None:
    """The route to daddr (through oif, if not 0), or None: no route, or one that forbids (`fib_error`
    tells).
    """
    table = net.fib_local
    if table is not None:
        res = fib_table_lookup(table, daddr, oif)
        if res is not None:
            return res if res.fib_dev is not None else None
    table = net.fib_main
    if table is not None:
        res = fib_table_lookup(table, daddr, oif)
        if res is not None and res.fib_dev is not None:
            return res
    return None


def fib_table_lookup(table: FibTable, daddr: i64, oif: i64) -> FibAlias | None:
    """The longest prefix of one table that holds daddr and leads through a device that is up."""
    plen: i64 = 32
    while plen >= 0:
        level = table.by_plen[plen]
        if level is not None:
            found = level.get(daddr & inet_make_mask(plen))
            if found is not None:
                for fa in found:
                    dev = fa.fib_dev
                    if dev is None:
                        return fa
                    if dev.flags & IFF_UP == 0:
                        continue
                    if oif != 0 and dev.ifindex != oif:
                        continue
                    return fa
        plen -= 1
    return None


def fib_error(net: Net, daddr: i64) -> i64:
    """Why `fib_lookup` found nothing: -ENETUNREACH, or what a blackhole, unreachable or prohibit route
    says.
    """
    table = net.fib_main
    if table is not None:
        res = fib_table_lookup(table, daddr, 0)
        if res is not None and res.fib_dev is None:
            return route.route_error_of(res.fa_type)
    return -ENETUNREACH


def unreachable_route(net: Net, daddr: i64) -> bool:
    """A route says that daddr must not be reached."""
    table = net.fib_main
    if table is None:
        return False
    res = fib_table_lookup(table, daddr, 0)
    return res is not None and res.fib_dev is None


def fib_result_prefsrc(net: Net, res: FibAlias) -> i64:
    """The source address for a route: its own preference, else one of its device in the scope of the next
    hop.
    """
    if res.fib_prefsrc != 0:
        return res.fib_prefsrc
    dev = res.fib_dev
    if dev is None:
        return 0
    return devinet.inet_select_addr(dev, res.fib_gw, res.fa_scope)


def fib_compute_spec_dst(skb: SkBuff) -> i64:
    """The address of ours from which to answer a packet: where it went to, or, if that was a group or all,
    what leads back.
    """
    iph = skb.iph
    dst = skb.dst
    if iph is None or not isinstance(dst, route.Rtable):
        return 0
    if dst.rt_flags & (route.RTCF_BROADCAST | route.RTCF_MULTICAST | route.RTCF_LOCAL) == route.RTCF_LOCAL:
        return iph.daddr
    scope: i64 = RT_SCOPE_UNIVERSE
    if iph.saddr != 0:
        res = fib_lookup(dst.dev.net, iph.saddr, 0)
        if res is not None:
            return fib_result_prefsrc(dst.dev.net, res)
    else:
        scope = RT_SCOPE_LINK
    return devinet.inet_select_addr(dst.dev, iph.saddr, scope)


# Change


def fib_table_insert(net: Net, table: FibTable, fa: FibAlias) -> i64:
    """Add a route. 0, or -EEXIST when the same stands there with the same metric."""
    level = table.by_plen[fa.fa_plen]
    if level is None:
        level = {}
        table.by_plen[fa.fa_plen] = level
    found = level.setdefault(fa.fa_dst & inet_make_mask(fa.fa_plen), [])
    at: i64 = 0
    for other in found:
        if other.fib_priority > fa.fib_priority:
            break
        if other.fib_priority == fa.fib_priority:
            if other.fib_dev is fa.fib_dev and other.fib_gw == fa.fib_gw and other.fa_type == fa.fa_type:
                return -EEXIST
        at += 1
    found.insert(at, fa)
    route.rt_cache_flush(net)
    return 0


def fib_table_delete(net: Net, table: FibTable, dst: i64, plen: i64, type: i64, dev: NetDevice | None) -> i64:
    """Remove the first route that matches (type 0: any; dev None: any). 0 or -ESRCH."""
    level = table.by_plen[plen]
    if level is None:
        return -ESRCH
    key = dst & inet_make_mask(plen)
    found = level.get(key)
    if found is None:
        return -ESRCH
    for fa in found:
        if (type == 0 or fa.fa_type == type) and (dev is None or fa.fib_dev is dev):
            found.remove(fa)
            if not found:
                del level[key]
            route.rt_cache_flush(net)
            return 0
    return -ESRCH


def ip_route_add(
    net: Net, dst: i64, plen: i64, dev: NetDevice | None, gw: i64, prefsrc: i64, type: i64, metric: i64
) -> i64:
    """`ip route add`: into the main table. 0 or -errno. dev may be None when gw tells it."""
    if plen < 0 or plen > 32 or (dst & ~inet_make_mask(plen) & 0xFFFFFFFF) != 0:
        return -EINVAL
    table = net.fib_main
    assert table is not None
    if gw != 0:
        way = fib_lookup(net, gw, 0 if dev is None else dev.ifindex)
        if way is None or way.fa_type != RTN_UNICAST:
            return -ENETUNREACH
        if dev is None:
            dev = way.fib_dev
    if type == RTN_UNICAST:
        if dev is None:
            return -EINVAL
        if dev.flags & IFF_UP == 0:
            return -ENETUNREACH
    fa = FibAlias(dst, plen, type, RT_SCOPE_UNIVERSE if gw != 0 else RT_SCOPE_LINK, RT_TABLE_MAIN, dev)
    fa.fib_gw = gw
    fa.fib_prefsrc = prefsrc
    fa.fib_priority = metric
    fa.fib_protocol = RTPROT_BOOT
    return fib_table_insert(net, table, fa)


def ip_route_del(net: Net, dst: i64, plen: i64, dev: NetDevice | None) -> i64:
    """`ip route del`."""
    table = net.fib_main
    assert table is not None
    if plen < 0 or plen > 32:
        return -EINVAL
    return fib_table_delete(net, table, dst, plen, 0, dev)


# What an address means for the tables


def fib_add_ifaddr(dev: NetDevice, ifa: InIfaddr) -> None:
    """An address came: it is local; its net is on the link; its broadcast address is one."""
    net = dev.net
    local = net.fib_local
    main = net.fib_main
    assert local is not None
    assert main is not None
    addr = ifa.ifa_local
    plen = ifa.ifa_prefixlen
    mask = inet_make_mask(plen)
    prefix = addr & mask
    fib_magic(net, local, RTN_LOCAL, addr, 32, dev, addr)
    if dev.flags & IFF_UP == 0:
        return
    if ifa.ifa_broadcast != 0 and ifa.ifa_broadcast != 0xFFFFFFFF:
        fib_magic(net, local, RTN_BROADCAST, ifa.ifa_broadcast, 32, dev, addr)
    if prefix != 0 and plen < 32:
        if dev.flags & IFF_LOOPBACK:
            fib_magic(net, local, RTN_LOCAL, prefix, plen, dev, addr)
        else:
            fib_magic(net, main, RTN_UNICAST, prefix, plen, dev, addr)
        if plen < 31:
            fib_magic(net, local, RTN_BROADCAST, (prefix | ~mask) & 0xFFFFFFFF, 32, dev, addr)


def fib_magic(
    net: Net, table: FibTable, type: i64, dst: i64, plen: i64, dev: NetDevice, prefsrc: i64
) -> None:
    scope: i64 = RT_SCOPE_HOST if type == RTN_LOCAL else RT_SCOPE_LINK
    fa = FibAlias(dst, plen, type, scope, table.tb_id, dev)
    fa.fib_prefsrc = prefsrc
    fib_table_insert(net, table, fa)


def fib_flush_dev(dev: NetDevice) -> None:
    """`fib_disable_ip`: every route through dev goes."""
    net = dev.net
    for table in (net.fib_local, net.fib_main):
        if table is None:
            continue
        for level in table.by_plen:
            if level is None:
                continue
            for key in list(level):
                left = [fa for fa in level[key] if fa.fib_dev is not dev]
                if left:
                    level[key] = left
                else:
                    del level[key]
    route.rt_cache_flush(net)


def inet_make_mask(plen: i64) -> i64:
    """A netmask of plen ones."""
    return (0xFFFFFFFF << (32 - plen)) & 0xFFFFFFFF
