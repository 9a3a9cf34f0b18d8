"""Where an IPv4 packet goes: routes found, cached, and corrected by what the path reports.

Kernel counterpart: `net/ipv4/route.c`. Senders come in by `ip_route_output_key` (slow, complete) or
`ip_route_output_cached` (what a datagram pays); arrivals by `ip_route_input`. Both end in an `Rtable`,
whose `output` and `input` are the way on: `ip_output`, `ip_local_deliver`, `ip_error`. Tables are searched
by `fib_frontend.fib_lookup`. One Rtable per destination is kept in `net.rt_cache` until the tables change
(`net.fib_genid`); path MTUs are kept in `net.pmtu` (the kernel's fib exceptions).

Left out: policy rules, multipath, source-specific and TOS routes in the cache, ICMP redirects, forwarding
of multicast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from mypy_extensions import i64

from sockfs.net.core import skbuff
from sockfs.net.ipv4 import devinet, fib_frontend, icmp, ip_input, ip_output
from sockfs.structs.dst import Dst
from sockfs.structs.fib import FibAlias
from sockfs.uapi.dropreason import (
    SKB_DROP_REASON_IP_INADDRERRORS,
    SKB_DROP_REASON_IP_INNOROUTES,
    SKB_DROP_REASON_IP_INVALID_DEST,
    SKB_DROP_REASON_IP_INVALID_SOURCE,
    SKB_DROP_REASON_IP_LOCAL_SOURCE,
    SKB_DROP_REASON_IP_LOCALNET,
    SKB_DROP_REASON_NOT_SPECIFIED,
    SKB_NOT_DROPPED_YET,
)
from sockfs.uapi.errno import EACCES, EHOSTUNREACH, EINVAL, ENETUNREACH, ENODEV
from sockfs.uapi.icmp import ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, ICMP_NET_UNREACH, ICMP_PKT_FILTERED
from sockfs.uapi.if_ import IFF_LOOPBACK, IFF_UP
from sockfs.uapi.in_ import INADDR_BROADCAST, INADDR_LOOPBACK, IPPROTO_IGMP
from sockfs.uapi.ip import IP_MAX_MTU
from sockfs.uapi.rtnetlink import (
    RT_SCOPE_HOST,
    RT_SCOPE_LINK,
    RT_SCOPE_UNIVERSE,
    RTAX_ADVMSS,
    RTAX_CWND,
    RTAX_FEATURES,
    RTAX_INITCWND,
    RTAX_INITRWND,
    RTAX_MTU,
    RTAX_QUICKACK,
    RTAX_RTO_MIN,
    RTAX_RTT,
    RTAX_RTTVAR,
    RTAX_SSTHRESH,
    RTAX_WINDOW,
    RTN_BLACKHOLE,
    RTN_BROADCAST,
    RTN_LOCAL,
    RTN_MULTICAST,
    RTN_PROHIBIT,
    RTN_UNICAST,
    RTN_UNREACHABLE,
)

if TYPE_CHECKING:
    from sockfs.structs.net import Net
    from sockfs.structs.net_device import NetDevice
    from sockfs.structs.sk_buff import SkBuff
    from sockfs.structs.sock import Sock

RTCF_MULTICAST: Final = 0x20000000
RTCF_BROADCAST: Final = 0x10000000
RTCF_LOCAL: Final = 0x80000000

FLOWI_FLAG_ANYSRC: Final = 0x01

IP_RT_MIN_PMTU: Final = 512 + 20 + 20  # ip_rt_min_pmtu: below it a reported path MTU is not believed
IP_RT_MIN_ADVMSS: Final = 256
IP_RT_MTU_EXPIRES: Final = 600 * 1_000_000_000
RT_CACHE_MAX: Final = 4096
NSEC_PER_MSEC: Final = 1_000_000


class Flowi4:
    """`struct flowi4`: what a route is looked up for. The lookup fills in `saddr`, `daddr`, `oif`, and
    `err` when it fails.
    """

    daddr: i64
    saddr: i64
    oif: i64
    iif: i64
    tos: i64
    proto: i64
    sport: i64
    dport: i64
    flags: i64
    mark: i64
    scope: i64
    err: i64  # -errno of a lookup that failed

    def __init__(self, daddr: i64, saddr: i64, oif: i64) -> None:
        self.daddr = daddr
        self.saddr = saddr
        self.oif = oif
        self.iif = 0
        self.tos = 0
        self.proto = 0
        self.sport = 0
        self.dport = 0
        self.flags = 0
        self.mark = 0
        self.scope = RT_SCOPE_UNIVERSE
        self.err = 0


class Rtable(Dst):
    """`struct rtable`."""

    rt_type: i64  # RTN_*
    rt_flags: i64  # RTCF_*
    rt_gateway: i64
    rt_uses_gateway: bool
    rt_src: i64  # source address that was chosen for it
    rt_iif: i64
    rt_is_input: bool
    rt_pmtu: i64  # learnt path MTU; 0: none
    rt_expires: i64  # when it is forgotten
    rt_saddr_ok: i64  # the source address last found to be ours
    rt_mc_output: bool

    def __init__(self, dev: NetDevice) -> None:
        super().__init__(dev)
        self.rt_type = RTN_UNICAST
        self.rt_flags = 0
        self.rt_gateway = 0
        self.rt_uses_gateway = False
        self.rt_src = 0
        self.rt_iif = 0
        self.rt_is_input = False
        self.rt_pmtu = 0
        self.rt_expires = 0
        self.rt_saddr_ok = 0
        self.rt_mc_output = False

    def output(self, skb: SkBuff) -> i64:
        if self.rt_mc_output:
            return ip_output.ip_mc_output(skb, self)
        return ip_output.ip_output(skb, self)

    def input(self, skb: SkBuff) -> i64:
        if self.rt_flags & RTCF_LOCAL:
            return ip_input.ip_local_deliver(skb)
        if self.error != 0:
            return ip_error(skb, self)
        if self.rt_is_input:
            return ip_input.ip_forward(skb, self)
        return dst_discard(skb)

    def mtu(self) -> i64:
        """`ipv4_mtu`: never more than an IPv4 packet can be, although lo's device has 65536."""
        mtu = self.rt_pmtu
        if mtu == 0 or self.dev.net.kernel.now >= self.rt_expires:
            mtu = self.mtu_metric
            if mtu == 0:
                mtu = self.dev.mtu
        return mtu if mtu < IP_MAX_MTU else IP_MAX_MTU

    def advmss(self) -> i64:
        if self.advmss_metric:
            return self.advmss_metric
        return max(self.mtu() - 40, IP_RT_MIN_ADVMSS)


# The way out


def ip_route_connect(
    fl4: Flowi4, net: Net, daddr: i64, saddr: i64, oif: i64, protocol: i64, sport: i64, dport: i64
) -> Rtable | None:
    """The route of a connection to be. fl4 (any; it is set here) holds the addresses chosen, or the error."""
    fl4.daddr = daddr
    fl4.saddr = saddr
    fl4.oif = oif
    fl4.proto = protocol
    fl4.sport = sport
    fl4.dport = dport
    fl4.err = 0
    return ip_route_output_key(net, fl4)


def ip_route_newports(net: Net, fl4: Flowi4, rt: Rtable, sport: i64, dport: i64) -> Rtable | None:
    """The ports are known now. No rule here looks at ports, so the route stays."""
    fl4.sport = sport
    fl4.dport = dport
    return rt


def ip_route_output_flow(net: Net, fl4: Flowi4, sk: Sock | None) -> Rtable | None:
    """`ip_route_output_key` for a sock (there is no IPsec to ask)."""
    return ip_route_output_key(net, fl4)


def ip_route_output_cached(net: Net, daddr: i64, saddr: i64) -> Rtable | None:
    """The cached route from saddr (0: any) to daddr through any device, or None: then ask
    `ip_route_output_key`.
    """
    rt = cast("Rtable | None", net.rt_cache.get(daddr))
    if rt is None or rt.genid != net.fib_genid or rt.obsolete:
        return None
    if saddr == 0 or saddr == rt.rt_saddr_ok or saddr == rt.rt_src:
        return rt
    return None


def ip_route_output_key(net: Net, fl4: Flowi4) -> Rtable | None:
    """The route for fl4. Sets fl4.saddr when it was 0; None and fl4.err when there is none."""
    daddr = fl4.daddr
    saddr = fl4.saddr
    plain = fl4.oif == 0 and daddr != 0
    if plain:
        rt = ip_route_output_cached(net, daddr, saddr)
        if rt is not None:
            if saddr == 0:
                fl4.saddr = rt.rt_src
            return rt
    rt = _ip_route_output_key_slow(net, fl4)
    if rt is not None and plain and not rt.rt_flags & (RTCF_MULTICAST | RTCF_BROADCAST):
        if saddr == 0:
            if len(net.rt_cache) >= RT_CACHE_MAX:
                net.rt_cache.clear()
            net.rt_cache[daddr] = rt
        else:
            known = cast("Rtable | None", net.rt_cache.get(daddr))
            if known is not None and known.genid == net.fib_genid and not known.obsolete:
                known.rt_saddr_ok = saddr
            elif (fl4.flags & FLOWI_FLAG_ANYSRC) == 0:
                any_src = Flowi4(daddr, 0, 0)
                first = _ip_route_output_key_slow(net, any_src)
                if first is not None:
                    first.rt_saddr_ok = saddr
                    net.rt_cache[daddr] = first
    return rt


def _ip_route_output_key_slow(net: Net, fl4: Flowi4) -> Rtable | None:
    """`ip_route_output_key_hash_rcu`, in its order."""
    orig_oif = fl4.oif
    dev_out: NetDevice | None = None
    fl4.err = 0
    if fl4.saddr != 0:
        if ipv4_is_multicast(fl4.saddr) or fl4.saddr == INADDR_BROADCAST or ipv4_is_zeronet(fl4.saddr):
            fl4.err = -EINVAL
            return None
        if fl4.oif == 0 and (ipv4_is_multicast(fl4.daddr) or fl4.daddr == INADDR_BROADCAST):
            # Bound to an address and sending to a group: the interface is that of the address.
            dev_out = devinet.ip_dev_find(net, fl4.saddr)
            if dev_out is None:
                fl4.err = -ENETUNREACH
                return None
            fl4.oif = dev_out.ifindex
            return _mkroute_output(net, fl4, None, RTN_UNICAST, dev_out, orig_oif)
        if not fl4.flags & FLOWI_FLAG_ANYSRC and devinet.ip_dev_find(net, fl4.saddr) is None:
            fl4.err = -ENETUNREACH
            return None
    if fl4.oif != 0:
        dev_out = net.dev_by_index.get(fl4.oif)
        if dev_out is None:
            fl4.err = -ENODEV
            return None
        if not dev_out.flags & IFF_UP:
            fl4.err = -ENETUNREACH
            return None
        if ipv4_is_local_multicast(fl4.daddr) or fl4.daddr == INADDR_BROADCAST or fl4.proto == IPPROTO_IGMP:
            if fl4.saddr == 0:
                fl4.saddr = devinet.inet_select_addr(dev_out, 0, RT_SCOPE_LINK)
            return _mkroute_output(net, fl4, None, RTN_UNICAST, dev_out, orig_oif)
        if fl4.saddr == 0:
            if ipv4_is_multicast(fl4.daddr):
                fl4.saddr = devinet.inet_select_addr(dev_out, 0, fl4.scope)
            elif fl4.daddr == 0:
                fl4.saddr = devinet.inet_select_addr(dev_out, 0, RT_SCOPE_HOST)
    if fl4.daddr == 0:
        # No destination is this host itself (RFC 1122 3.2.1.3 forbids the address; Linux, like BSD, takes
        # it so).
        fl4.daddr = fl4.saddr
        if fl4.daddr == 0:
            fl4.daddr = fl4.saddr = INADDR_LOOPBACK
        dev_out = net.loopback_dev
        if dev_out is None:
            fl4.err = -ENETUNREACH
            return None
        fl4.oif = dev_out.ifindex
        return _mkroute_output(net, fl4, None, RTN_LOCAL, dev_out, orig_oif)
    res = fib_frontend.fib_lookup(net, fl4.daddr, fl4.oif)
    if res is None:
        if (
            fl4.oif != 0
            and dev_out is not None
            and (ipv4_is_multicast(fl4.daddr) or not fib_frontend.unreachable_route(net, fl4.daddr))
        ):
            # Linux: an interface was named and no route is known: assume that the destination is on that
            # link.
            if fl4.saddr == 0:
                fl4.saddr = devinet.inet_select_addr(dev_out, 0, RT_SCOPE_LINK)
            return _mkroute_output(net, fl4, None, RTN_UNICAST, dev_out, orig_oif)
        fl4.err = fib_frontend.fib_error(net, fl4.daddr)
        return None
    if res.fa_type == RTN_LOCAL:
        if fl4.saddr == 0:
            fl4.saddr = res.fib_prefsrc if res.fib_prefsrc != 0 else fl4.daddr
        dev_out = net.loopback_dev
        if dev_out is None:
            fl4.err = -ENETUNREACH
            return None
        # the flow's own interface is lo; where the address lies stays in rt_iif
        orig_oif = res.fib_dev.ifindex if res.fib_dev is not None else orig_oif
        fl4.oif = dev_out.ifindex
        return _mkroute_output(net, fl4, res, RTN_LOCAL, dev_out, orig_oif)
    if fl4.saddr == 0:
        fl4.saddr = fib_frontend.fib_result_prefsrc(net, res)
    dev_out = res.fib_dev
    if dev_out is None:
        fl4.err = -ENETUNREACH
        return None
    fl4.oif = dev_out.ifindex
    return _mkroute_output(net, fl4, res, res.fa_type, dev_out, orig_oif)


def _mkroute_output(
    net: Net, fl4: Flowi4, res: FibAlias | None, type: i64, dev_out: NetDevice, orig_oif: i64
) -> Rtable | None:
    """`__mkroute_output`: a new Rtable for the outcome of a lookup."""
    if ipv4_is_loopback(fl4.saddr) and not dev_out.flags & IFF_LOOPBACK:
        fl4.err = -EINVAL
        return None
    flags: i64 = 0
    if fl4.daddr == INADDR_BROADCAST:
        type = RTN_BROADCAST
    elif ipv4_is_multicast(fl4.daddr):
        type = RTN_MULTICAST
    elif ipv4_is_zeronet(fl4.daddr):
        fl4.err = -EINVAL
        return None
    if dev_out.flags & IFF_LOOPBACK:
        flags |= RTCF_LOCAL
    if type == RTN_BROADCAST:
        flags |= RTCF_BROADCAST | RTCF_LOCAL
        res = None
    elif type == RTN_MULTICAST:
        flags |= RTCF_MULTICAST | RTCF_LOCAL
        if not devinet.ip_check_mc(dev_out, fl4.daddr):
            flags &= ~RTCF_LOCAL
        res = None
    elif type == RTN_LOCAL:
        flags |= RTCF_LOCAL
    rt = Rtable(dev_out)
    rt.genid = net.fib_genid
    rt.rt_type = type
    rt.rt_flags = flags
    rt.rt_src = fl4.saddr
    rt.rt_iif = orig_oif
    if flags & (RTCF_BROADCAST | RTCF_MULTICAST) and flags & RTCF_LOCAL and not dev_out.flags & IFF_LOOPBACK:
        rt.rt_mc_output = True
    if type == RTN_MULTICAST and not dev_out.flags & IFF_LOOPBACK:
        rt.rt_mc_output = True
    _rt_set_nexthop(net, rt, fl4.daddr, res)
    return rt


def _rt_set_nexthop(net: Net, rt: Rtable, daddr: i64, res: FibAlias | None) -> None:
    if res is not None:
        if res.fib_gw != 0:
            rt.rt_gateway = res.fib_gw
            rt.rt_uses_gateway = True
        if res.metrics:
            fib_metrics(rt, res)
    known = net.pmtu.get(daddr)
    if known is not None:
        mtu, expires = known
        if expires > net.kernel.now:
            rt.rt_pmtu = mtu
            rt.rt_expires = expires
        else:
            del net.pmtu[daddr]


def fib_metrics(rt: Rtable, res: FibAlias) -> None:
    """The metrics of `ip route add … mtu N advmss N …` onto a route."""
    m = res.metrics
    rt.mtu_metric = m.get(RTAX_MTU, 0)
    rt.window_metric = m.get(RTAX_WINDOW, 0)
    rt.rtt_metric = m.get(RTAX_RTT, 0)
    rt.rttvar_metric = m.get(RTAX_RTTVAR, 0)
    rt.ssthresh_metric = m.get(RTAX_SSTHRESH, 0)
    rt.cwnd_metric = m.get(RTAX_CWND, 0)
    rt.advmss_metric = m.get(RTAX_ADVMSS, 0)
    rt.initcwnd = m.get(RTAX_INITCWND, 0)
    rt.initrwnd = m.get(RTAX_INITRWND, 0)
    rt.features = m.get(RTAX_FEATURES, 0)
    rt.quickack = m.get(RTAX_QUICKACK, 0) != 0
    rt.rto_min = m.get(RTAX_RTO_MIN, 0) * NSEC_PER_MSEC


def ip_rt_update_pmtu(net: Net, rt: Dst | None, daddr: i64, mtu: i64) -> None:
    """A router said "fragmentation needed": believe it for ten minutes (RFC 1191 section 6.3)."""
    if rt is not None and isinstance(rt, Rtable):
        if rt.rt_flags & RTCF_LOCAL and rt.dev.flags & IFF_LOOPBACK and rt.rt_type == RTN_LOCAL:
            pass  # even lo learns: Linux keeps exceptions for local routes as for others
        if rt.mtu() <= mtu:
            return
    else:
        fl4 = Flowi4(daddr, 0, 0)
        found = ip_route_output_key(net, fl4)
        if found is None or found.mtu() <= mtu:
            return
    if mtu < IP_RT_MIN_PMTU:
        mtu = IP_RT_MIN_PMTU
    net.pmtu[daddr] = (mtu, net.kernel.now + IP_RT_MTU_EXPIRES)
    cached = cast("Rtable | None", net.rt_cache.pop(daddr, None))
    if cached is not None:
        cached.obsolete = True
    if rt is not None:
        rt.obsolete = True


def rt_cache_flush(net: Net) -> None:
    """Routes or addresses changed: every cached route is stale."""
    net.fib_genid += 1
    net.rt_cache.clear()


# The way in


def ip_route_input(skb: SkBuff, daddr: i64, saddr: i64, tos: i64, dev: NetDevice) -> i64:
    """The route of an arrival into skb.dst. 0, or the reason to drop it. RFC 1122 3.2.1.3, 1812 5.3.7."""
    net = dev.net
    if ipv4_is_multicast(daddr):
        if not devinet.ip_check_mc(dev, daddr):
            return SKB_DROP_REASON_NOT_SPECIFIED
        return _ip_route_input_mc(skb, daddr, saddr, dev)
    on_lo = (dev.flags & IFF_LOOPBACK) != 0
    if ipv4_is_multicast(saddr) or saddr == INADDR_BROADCAST:
        return SKB_DROP_REASON_IP_INVALID_SOURCE
    if daddr == INADDR_BROADCAST or (saddr == 0 and daddr == 0):
        return _brd_input(skb, daddr, saddr, dev)
    if ipv4_is_zeronet(saddr):
        return SKB_DROP_REASON_IP_INVALID_SOURCE
    if ipv4_is_zeronet(daddr):
        return SKB_DROP_REASON_IP_INVALID_DEST
    # Not Linux: a packet handed to lo from outside the stack may have lo's own addresses; Linux wants
    # route_localnet for that.
    if not on_lo and (ipv4_is_loopback(daddr) or ipv4_is_loopback(saddr)):
        return SKB_DROP_REASON_IP_LOCALNET
    res = fib_frontend.fib_lookup(net, daddr, 0)
    if res is None:
        # Linux: to a host that does not forward, any address that is not its own is just not its own.
        forward = net.ipv4.sysctl_ip_forward != 0
        return _no_route(skb, dev, fib_frontend.fib_error(net, daddr) if forward else -EHOSTUNREACH)
    if res.fa_type == RTN_BROADCAST:
        return _brd_input(skb, daddr, saddr, dev)
    if not on_lo and devinet.ip_dev_find(net, saddr) is not None:
        return SKB_DROP_REASON_IP_LOCAL_SOURCE
    if res.fa_type == RTN_LOCAL:
        rt = Rtable(dev)
        rt.rt_type = RTN_LOCAL
        rt.rt_flags = RTCF_LOCAL
        return _set_input(skb, rt, net, daddr)
    if net.ipv4.sysctl_ip_forward == 0:
        return _no_route(skb, dev, -EHOSTUNREACH)
    out = res.fib_dev
    if out is None:
        return _no_route(skb, dev, -ENETUNREACH)
    rt = Rtable(out)
    rt.rt_type = RTN_UNICAST
    _rt_set_nexthop(net, rt, daddr, res)
    return _set_input(skb, rt, net, daddr)


def _set_input(skb: SkBuff, rt: Rtable, net: Net, daddr: i64) -> i64:
    rt.genid = net.fib_genid
    rt.rt_is_input = True
    rt.rt_src = daddr
    rt.rt_iif = skb.skb_iif
    skb.dst = rt
    return SKB_NOT_DROPPED_YET


def _ip_route_input_mc(skb: SkBuff, daddr: i64, saddr: i64, dev: NetDevice) -> i64:
    if ipv4_is_multicast(saddr) or saddr == INADDR_BROADCAST:
        return SKB_DROP_REASON_IP_INVALID_SOURCE
    if ipv4_is_loopback(saddr) and not dev.flags & IFF_LOOPBACK:
        return SKB_DROP_REASON_IP_LOCALNET
    if ipv4_is_zeronet(saddr) and not ipv4_is_local_multicast(daddr):
        return SKB_DROP_REASON_IP_INVALID_SOURCE
    rt = Rtable(dev)
    rt.rt_type = RTN_MULTICAST
    rt.rt_flags = RTCF_MULTICAST | RTCF_LOCAL
    return _set_input(skb, rt, dev.net, daddr)


def _brd_input(skb: SkBuff, daddr: i64, saddr: i64, dev: NetDevice) -> i64:
    rt = Rtable(dev)
    rt.rt_type = RTN_BROADCAST
    rt.rt_flags = RTCF_BROADCAST | RTCF_LOCAL
    return _set_input(skb, rt, dev.net, daddr)


def _no_route(skb: SkBuff, dev: NetDevice, err: i64) -> i64:
    rt = Rtable(dev)
    rt.rt_type = RTN_UNREACHABLE
    rt.error = err
    return _set_input(skb, rt, dev.net, 0)


def ip_error(skb: SkBuff, rt: Rtable) -> i64:
    """An arrival that has no route: a router says so, a host only counts it (RFC 1122 3.3.1.1)."""
    net = rt.dev.net
    k = net.kernel
    reason: i64 = SKB_DROP_REASON_IP_INADDRERRORS
    code: i64 = ICMP_HOST_UNREACH
    if rt.error == -ENETUNREACH:
        code = ICMP_NET_UNREACH
        reason = SKB_DROP_REASON_IP_INNOROUTES
        net.mib_ipext.InNoRoutes += 1
    elif rt.error == -EACCES:
        code = ICMP_PKT_FILTERED
    elif net.ipv4.sysctl_ip_forward == 0:
        net.mib_ip.InAddrErrors += 1
    if net.ipv4.sysctl_ip_forward != 0:
        icmp.icmp_send(skb, ICMP_DEST_UNREACH, code, 0)
    skbuff.kfree_skb_reason(k, skb, reason)
    return 0


def dst_discard(skb: SkBuff) -> i64:
    """The end of a packet that its own route does not deliver here (a group nobody joined)."""
    dev = skb.dev
    if dev is not None:
        skbuff.kfree_skb_reason(dev.net.kernel, skb, SKB_DROP_REASON_NOT_SPECIFIED)
    return 0


# What an address is


def inet_addr_type(net: Net, addr: i64) -> i64:
    """RTN_LOCAL, RTN_BROADCAST, RTN_MULTICAST or RTN_UNICAST, as the local table sees addr."""
    if ipv4_is_zeronet(addr) or addr == INADDR_BROADCAST:
        return RTN_BROADCAST
    if ipv4_is_multicast(addr):
        return RTN_MULTICAST
    table = net.fib_local
    if table is not None:
        res = fib_frontend.fib_table_lookup(table, addr, 0)
        if res is not None:
            return res.fa_type
    return RTN_UNICAST


def ipv4_is_loopback(addr: i64) -> bool:
    return (addr >> 24) == 127


def ipv4_is_multicast(addr: i64) -> bool:
    return (addr >> 28) == 14


def ipv4_is_local_multicast(addr: i64) -> bool:
    """224.0.0.0/24 (RFC 5771): never forwarded, and no route is needed for it."""
    return (addr & 0xFFFFFF00) == 0xE0000000


def ipv4_is_zeronet(addr: i64) -> bool:
    """0.0.0.0 alone: the rest of 0/8 is unicast to Linux."""
    return addr == 0


def route_error_of(type: i64) -> i64:
    """-errno of a blackhole, unreachable or prohibit route (ip-route(8))."""
    if type == RTN_BLACKHOLE:
        return -EINVAL
    if type == RTN_UNREACHABLE:
        return -EHOSTUNREACH
    if type == RTN_PROHIBIT:
        return -EACCES
    return -ENETUNREACH
