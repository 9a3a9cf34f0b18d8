"""Options of level IPPROTO_IP, IPv4 control messages, and the queue of errors.

Kernel counterpart: `net/ipv4/ip_sockglue.c`; group membership: `igmp.c`. setsockopt(2) and getsockopt(2) of
every IPv4 socket end here (`ip_setsockopt`, `ip_getsockopt`); senders call `ip_cmsg_send`, receivers
`ip_cmsg_recv`; ICMP errors are queued by `ip_icmp_error`, errors found here by `ip_local_error`, and both
read by `ip_recv_error` (MSG_ERRQUEUE). ip(7), recv(2).

Left out: multicast routing, IPsec policies (refused as a kernel without them refuses), netfilter options.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.net.core import skbuff, sock_cmsg
from sockfs.net.core import sock as core_sock
from sockfs.net.ipv4 import devinet, fib_frontend, ip_options, route, tcp_output
from sockfs.structs.inet_sock import InetSock, IpMcMembership
from sockfs.structs.sockaddr import pack_sockaddr_in, sa_family, sockaddr_in_addr
from sockfs.structs.task import CAP_NET_ADMIN, CAP_NET_RAW
from sockfs.structs.tcp_sock import TcpSock
from sockfs.uapi.dropreason import SKB_DROP_REASON_QUEUE_PURGE
from sockfs.uapi.errno import (
    EADDRINUSE,
    EADDRNOTAVAIL,
    EAGAIN,
    EINVAL,
    EMSGSIZE,
    ENOBUFS,
    ENODEV,
    ENOPROTOOPT,
    ENOTCONN,
    EOPNOTSUPP,
    EPERM,
    EPROTO,
)
from sockfs.uapi.errqueue import (
    SO_EE_ORIGIN_ICMP,
    SO_EE_ORIGIN_LOCAL,
    SO_EE_ORIGIN_TIMESTAMPING,
    SOF_TIMESTAMPING_SOFTWARE,
)
from sockfs.uapi.in_ import (
    IP_ADD_MEMBERSHIP,
    IP_ADD_SOURCE_MEMBERSHIP,
    IP_BIND_ADDRESS_NO_PORT,
    IP_BLOCK_SOURCE,
    IP_CHECKSUM,
    IP_DROP_MEMBERSHIP,
    IP_DROP_SOURCE_MEMBERSHIP,
    IP_FREEBIND,
    IP_HDRINCL,
    IP_IPSEC_POLICY,
    IP_LOCAL_PORT_RANGE,
    IP_MINTTL,
    IP_MSFILTER,
    IP_MTU,
    IP_MTU_DISCOVER,
    IP_MULTICAST_ALL,
    IP_MULTICAST_IF,
    IP_MULTICAST_LOOP,
    IP_MULTICAST_TTL,
    IP_NODEFRAG,
    IP_OPTIONS,
    IP_PASSSEC,
    IP_PKTINFO,
    IP_PKTOPTIONS,
    IP_PMTUDISC_DONT,
    IP_PMTUDISC_OMIT,
    IP_PROTOCOL,
    IP_RECVERR,
    IP_RECVERR_RFC4884,
    IP_RECVFRAGSIZE,
    IP_RECVOPTS,
    IP_RECVORIGDSTADDR,
    IP_RECVTOS,
    IP_RECVTTL,
    IP_RETOPTS,
    IP_ROUTER_ALERT,
    IP_TOS,
    IP_TRANSPARENT,
    IP_TTL,
    IP_UNBLOCK_SOURCE,
    IP_UNICAST_IF,
    IP_XFRM_POLICY,
    IPPROTO_RAW,
    MCAST_BLOCK_SOURCE,
    MCAST_EXCLUDE,
    MCAST_INCLUDE,
    MCAST_JOIN_GROUP,
    MCAST_JOIN_SOURCE_GROUP,
    MCAST_LEAVE_GROUP,
    MCAST_LEAVE_SOURCE_GROUP,
    MCAST_MSFILTER,
    MCAST_UNBLOCK_SOURCE,
)
from sockfs.uapi.ip import INET_ECN_MASK
from sockfs.uapi.socket import (
    AF_INET,
    MSG_ERRQUEUE,
    MSG_TRUNC,
    SCM_CREDENTIALS,
    SCM_RIGHTS,
    SCM_TIMESTAMPING,
    SCM_TXTIME,
    SO_MARK,
    SO_PRIORITY,
    SOCK_DGRAM,
    SOCK_RAW,
    SOCK_STREAM,
    SOL_IP,
    SOL_SOCKET,
)

if TYPE_CHECKING:
    from sockfs.structs.headers import Iphdr
    from sockfs.structs.msghdr import Msghdr
    from sockfs.structs.net import Net
    from sockfs.structs.net_device import NetDevice
    from sockfs.structs.ops import Sockopt
    from sockfs.structs.sk_buff import SkBuff
    from sockfs.structs.task import Task

# inet.cmsg_flags
IP_CMSG_PKTINFO: Final = 1 << 0
IP_CMSG_TTL: Final = 1 << 1
IP_CMSG_TOS: Final = 1 << 2
IP_CMSG_RECVOPTS: Final = 1 << 3
IP_CMSG_RETOPTS: Final = 1 << 4
IP_CMSG_PASSSEC: Final = 1 << 5
IP_CMSG_ORIGDSTADDR: Final = 1 << 6
IP_CMSG_CHECKSUM: Final = 1 << 7
IP_CMSG_RECVFRAGSIZE: Final = 1 << 8

CMSG_HDRLEN: Final = 16
SIZEOF_GROUP_REQ: Final = 136
SIZEOF_GROUP_FILTER: Final = 144
SIZEOF_GROUP_SOURCE_REQ: Final = 264
PAGE_SIZE: Final = 4096
LOOPBACK_IFINDEX: Final = 1
TOS_PRIORITY: Final[list[int]] = [0, 0, 0, 0, 2, 2, 2, 2, 6, 6, 6, 6, 4, 4, 4, 4]


class IpcmCookie:
    """`struct ipcm_cookie`: how one datagram is to be sent."""

    addr: i64  # source address wished for
    oif: i64
    ttl: i64  # 0: the socket's
    tos: i64  # -1: the socket's
    opt: bytes
    protocol: i64
    mark: i64
    priority: i64
    gso_size: i64

    def __init__(self, sk: InetSock) -> None:
        self.addr = sk.inet_saddr
        self.oif = sk.sk_bound_dev_if
        self.ttl = 0
        self.tos = -1
        self.opt = b""
        self.protocol = sk.sk_protocol
        self.mark = sk.sk_mark
        self.priority = sk.sk_priority
        self.gso_size = 0


# setsockopt(2)


def ip_setsockopt(sk: InetSock, level: i64, optname: i64, opt: Sockopt, task: Task) -> i64:
    """0 or -errno."""
    if level != SOL_IP:
        return -ENOPROTOOPT
    return do_ip_setsockopt(sk, optname, opt, task)


def do_ip_setsockopt(sk: InetSock, optname: i64, opt: Sockopt, task: Task) -> i64:
    """The options that are one integer; short values count as a byte, none as 0, where Linux lets them."""
    optlen = opt.optlen
    optval = opt.optval
    if optlen > len(optval):
        optlen = len(optval)
    val: i64 = 0
    if optlen >= 4:
        val = get_s32(optval, 0)
    elif optlen >= 1:
        val = optval[0]
    on = val != 0
    # Those that need no value of at least one byte.
    if optname == IP_PKTINFO:
        return _set_cmsg(sk, IP_CMSG_PKTINFO, on)
    if optname == IP_RECVTTL:
        return _set_cmsg(sk, IP_CMSG_TTL, on)
    if optname == IP_RECVTOS:
        return _set_cmsg(sk, IP_CMSG_TOS, on)
    if optname == IP_RECVOPTS:
        return _set_cmsg(sk, IP_CMSG_RECVOPTS, on)
    if optname == IP_RETOPTS:
        return _set_cmsg(sk, IP_CMSG_RETOPTS, on)
    if optname == IP_PASSSEC:
        return _set_cmsg(sk, IP_CMSG_PASSSEC, on)
    if optname == IP_RECVORIGDSTADDR:
        return _set_cmsg(sk, IP_CMSG_ORIGDSTADDR, on)
    if optname == IP_CHECKSUM:
        sk.convert_csum = on
        return _set_cmsg(sk, IP_CMSG_CHECKSUM, on)
    if optname == IP_RECVFRAGSIZE:
        if sk.sk_type != SOCK_RAW and sk.sk_type != SOCK_DGRAM:
            return -EINVAL
        return _set_cmsg(sk, IP_CMSG_RECVFRAGSIZE, on)
    if optname == IP_TOS:
        ip_sock_set_tos(sk, val)
        return 0
    if optname == IP_RECVERR:
        sk.recverr = on
        if not on:
            errq = sk.sk_error_queue
            if errq is not None:
                skbuff.skb_queue_purge(sk.kernel, errq, SKB_DROP_REASON_QUEUE_PURGE)
        return 0
    if optname == IP_RECVERR_RFC4884:
        if val < 0 or val > 1:
            return -EINVAL
        sk.recverr_rfc4884 = on
        return 0
    if optname == IP_MTU_DISCOVER:
        if val < IP_PMTUDISC_DONT or val > IP_PMTUDISC_OMIT:
            return -EINVAL
        sk.pmtudisc = val
        return 0
    if optname == IP_BIND_ADDRESS_NO_PORT:
        sk.bind_address_no_port = on
        return 0
    if optname in (IP_HDRINCL, IP_NODEFRAG):
        if sk.sk_type != SOCK_RAW:
            return -ENOPROTOOPT
        if optname == IP_HDRINCL:
            sk.hdrincl = on
        else:
            sk.nodefrag = on
        return 0
    if optname == IP_OPTIONS:
        return _set_options(sk, optval[: opt.optlen])
    if optname == IP_ROUTER_ALERT:
        return ip_ra_control(sk, on)
    if optname in (IP_IPSEC_POLICY, IP_XFRM_POLICY):
        if not capable(task, CAP_NET_ADMIN):
            return -EPERM
        if optlen < 1 or optlen > PAGE_SIZE:
            return -EMSGSIZE
        return -EOPNOTSUPP if optname == IP_IPSEC_POLICY else -EINVAL
    if optname == IP_UNICAST_IF:
        return _set_unicast_if(sk, opt.optlen, optval, val)
    if optname == IP_LOCAL_PORT_RANGE:
        if opt.optlen != 4:
            return -EINVAL
        lo = val & 0xFFFF
        hi = val >> 16 & 0xFFFF
        if lo != 0 and hi != 0 and lo > hi:
            return -EINVAL
        sk.local_port_range_lo = lo
        sk.local_port_range_hi = hi
        return 0
    if optname == IP_MULTICAST_IF:
        return _set_multicast_if(sk, optlen, optval)
    if optname in (IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP):
        return _membership(sk, optname, optlen, optval)
    if IP_UNBLOCK_SOURCE <= optname <= IP_DROP_SOURCE_MEMBERSHIP:
        return _source(sk, optname, opt.optlen, optval)
    if optname == IP_MSFILTER:
        return _set_msfilter(sk, optlen, optval)
    if optname == MCAST_MSFILTER:
        if optlen < SIZEOF_GROUP_FILTER:
            return -EINVAL
        if sa_family(optval[8:136]) != AF_INET:
            return -EADDRNOTAVAIL
        return _set_msfilter(sk, optlen - SIZEOF_GROUP_FILTER + 16, _group_filter(optval))
    if MCAST_JOIN_GROUP <= optname <= MCAST_LEAVE_SOURCE_GROUP:
        return _mcast(sk, optname, optlen, optval)
    return _set_byte(sk, optname, optlen, val, task)


def _set_byte(sk: InetSock, optname: i64, optlen: i64, val: i64, task: Task) -> i64:
    """Those that want at least one byte."""
    on = val != 0
    if optname == IP_MULTICAST_TTL and sk.sk_type == SOCK_STREAM:
        return -EINVAL
    known = optname in (
        IP_TTL,
        IP_MINTTL,
        IP_FREEBIND,
        IP_TRANSPARENT,
        IP_MULTICAST_TTL,
        IP_MULTICAST_LOOP,
        IP_MULTICAST_ALL,
    )
    if not known:
        return -ENOPROTOOPT
    if optname == IP_TRANSPARENT:
        if on and not capable(task, CAP_NET_RAW) and not capable(task, CAP_NET_ADMIN):
            return -EPERM
    if optlen < 1:
        return -EINVAL
    if optname == IP_TTL:
        if val != -1 and (val < 1 or val > 255):
            return -EINVAL
        sk.uc_ttl = val
    elif optname == IP_MINTTL:
        if val < 0 or val > 255:
            return -EINVAL
        sk.min_ttl = val
    elif optname == IP_FREEBIND:
        sk.freebind = on
    elif optname == IP_TRANSPARENT:
        sk.transparent = on
    elif optname == IP_MULTICAST_TTL:
        if val == -1:
            val = 1
        if val < 0 or val > 255:
            return -EINVAL
        sk.mc_ttl = val
    elif optname == IP_MULTICAST_LOOP:
        sk.mc_loop = on
    else:
        if val != 0 and val != 1:
            return -EINVAL
        sk.mc_all = on
    return 0


def _set_cmsg(sk: InetSock, flag: i64, on: bool) -> i64:
    if on:
        sk.cmsg_flags |= flag
    else:
        sk.cmsg_flags &= ~flag
    return 0


def ip_sock_set_tos(sk: InetSock, val: i64) -> None:
    """IP_TOS. TCP keeps the ECN bits for itself (RFC 3168)."""
    if sk.sk_type == SOCK_STREAM:
        val = (val & ~INET_ECN_MASK) | (sk.tos & INET_ECN_MASK)
    val &= 0xFF
    if sk.tos != val:
        sk.tos = val
        sk.sk_priority = rt_tos2priority(val)
        core_sock.sk_dst_reset(sk)


def rt_tos2priority(tos: i64) -> i64:
    """skb->priority of a type of service (ip(7); tc-prio(8) has the table)."""
    return TOS_PRIORITY[tos >> 1 & 15]


def _set_options(sk: InetSock, data: bytes) -> i64:
    if len(data) > 40:
        return -EINVAL
    opt = ip_options.ip_options_get(data)
    if opt is None:
        return -EINVAL
    if isinstance(sk, TcpSock):
        sk.icsk_ext_hdr_len += len(opt) - len(sk.inet_opt)
        tcp_output.tcp_sync_mss(sk, sk.icsk_pmtu_cookie)
    sk.inet_opt = opt
    return 0


def ip_ra_control(sk: InetSock, on: bool) -> i64:
    """IP_ROUTER_ALERT: only for raw sockets (routing daemons). Kept, but nothing here is a router to be
    alerted.
    """
    if sk.sk_type != SOCK_RAW or sk.sk_num == IPPROTO_RAW:
        return -EINVAL
    if not on and not sk.ra_chain:
        return -ENOBUFS
    if on and sk.ra_chain:
        return -EADDRINUSE
    sk.ra_chain = on
    return 0


def _set_unicast_if(sk: InetSock, optlen: i64, optval: bytes, val: i64) -> i64:
    """IP_UNICAST_IF takes the interface number in network order."""
    if optlen != 4 or len(optval) < 4:
        return -EINVAL
    ifindex: i64 = (optval[0] << 24) | (optval[1] << 16) | (optval[2] << 8) | optval[3]
    if ifindex == 0:
        sk.uc_index = 0
        return 0
    if sk.sk_net.dev_by_index.get(ifindex) is None:
        return -EADDRNOTAVAIL
    if sk.sk_bound_dev_if != 0 and sk.sk_bound_dev_if != ifindex:
        return -EINVAL
    sk.uc_index = ifindex
    return 0


def _set_multicast_if(sk: InetSock, optlen: i64, optval: bytes) -> i64:
    if sk.sk_type == SOCK_STREAM:
        return -EINVAL
    if optlen < 4:
        return -EINVAL
    ifindex: i64 = 0
    if optlen >= 12:
        address = get_be32(optval, 4)
        ifindex = get_s32(optval, 8)
    elif optlen >= 8:
        address = get_be32(optval, 4)
    else:
        address = get_be32(optval, 0)
    net = sk.sk_net
    dev: NetDevice | None
    if ifindex == 0:
        if address == 0:
            sk.mc_index = 0
            sk.mc_addr = 0
            return 0
        dev = devinet.ip_dev_find(net, address)
    else:
        dev = net.dev_by_index.get(ifindex)
    if dev is None:
        return -EADDRNOTAVAIL
    if sk.sk_bound_dev_if != 0 and dev.ifindex != sk.sk_bound_dev_if:
        return -EINVAL
    sk.mc_index = dev.ifindex
    sk.mc_addr = address
    return 0


# Groups (ip(7), RFC 1112, RFC 3376 for sources)


def _membership(sk: InetSock, optname: i64, optlen: i64, optval: bytes) -> i64:
    if sk.is_icsk or sk.sk_type == SOCK_STREAM:
        return -EPROTO
    if optlen < 8:
        return -EINVAL
    ifindex = get_s32(optval, 8) if optlen >= 12 else 0
    if optname == IP_ADD_MEMBERSHIP:
        return ip_mc_join_group(sk, get_be32(optval, 0), get_be32(optval, 4), ifindex, MCAST_EXCLUDE)
    return ip_mc_leave_group(sk, get_be32(optval, 0), get_be32(optval, 4), ifindex)


def ip_mc_find_dev(net: Net, multiaddr: i64, address: i64, ifindex: i64) -> NetDevice | None:
    """The interface a membership means: by number, by address, or the one that the group's route leads to."""
    if ifindex != 0:
        return net.dev_by_index.get(ifindex)
    if address != 0:
        return devinet.ip_dev_find(net, address)
    fl4 = route.Flowi4(multiaddr, 0, 0)
    rt = route.ip_route_output_key(net, fl4)
    return None if rt is None else rt.dev


def ip_mc_join_group(sk: InetSock, multiaddr: i64, address: i64, ifindex: i64, mode: i64) -> i64:
    """IP_ADD_MEMBERSHIP. 0 or -errno."""
    if not route.ipv4_is_multicast(multiaddr):
        return -EINVAL
    net = sk.sk_net
    dev = ip_mc_find_dev(net, multiaddr, address, ifindex)
    if dev is None:
        return -ENODEV
    mc_list = sk.mc_list
    if mc_list is None:
        mc_list = []
        sk.mc_list = mc_list
    for iml in mc_list:
        if iml.multiaddr == multiaddr and iml.ifindex == dev.ifindex:
            return -EADDRINUSE
    if len(mc_list) >= net.ipv4.sysctl_igmp_max_memberships:
        return -ENOBUFS
    made = IpMcMembership(multiaddr, address, dev.ifindex)
    made.sfmode = mode
    mc_list.insert(0, made)
    devinet.ip_mc_inc_group(dev, multiaddr)
    return 0


def ip_mc_leave_group(sk: InetSock, multiaddr: i64, address: i64, ifindex: i64) -> i64:
    """IP_DROP_MEMBERSHIP."""
    net = sk.sk_net
    dev = ip_mc_find_dev(net, multiaddr, address, ifindex)
    if ifindex == 0 and address == 0 and dev is None:
        return -ENODEV
    want = dev.ifindex if dev is not None else ifindex
    mc_list = sk.mc_list
    if mc_list is not None:
        for iml in mc_list:
            if iml.multiaddr != multiaddr:
                continue
            if want != 0:
                if iml.ifindex != want:
                    continue
            elif address != 0 and address != iml.address:
                continue
            mc_list.remove(iml)
            left = net.dev_by_index.get(iml.ifindex)
            if left is not None:
                devinet.ip_mc_dec_group(left, multiaddr)
            return 0
    return -EADDRNOTAVAIL


def ip_mc_drop_socket(sk: InetSock) -> None:
    """The socket goes: so do its memberships."""
    mc_list = sk.mc_list
    if mc_list is None:
        return
    sk.mc_list = None
    for iml in mc_list:
        dev = sk.sk_net.dev_by_index.get(iml.ifindex)
        if dev is not None:
            devinet.ip_mc_dec_group(dev, iml.multiaddr)


def _source(sk: InetSock, optname: i64, optlen: i64, optval: bytes) -> i64:
    """IP_ADD_SOURCE_MEMBERSHIP and its like: struct ip_mreq_source is group, interface, source."""
    if optlen != 12 or len(optval) < 12:
        return -EINVAL
    group = get_be32(optval, 0)
    iface = get_be32(optval, 4)
    source = get_be32(optval, 8)
    return _source_op(sk, optname, group, iface, 0, source)


def _source_op(sk: InetSock, optname: i64, group: i64, iface: i64, ifindex: i64, source: i64) -> i64:
    if optname in (IP_BLOCK_SOURCE, MCAST_BLOCK_SOURCE):
        return ip_mc_source(sk, True, MCAST_EXCLUDE, group, iface, ifindex, source)
    if optname in (IP_UNBLOCK_SOURCE, MCAST_UNBLOCK_SOURCE):
        return ip_mc_source(sk, False, MCAST_EXCLUDE, group, iface, ifindex, source)
    if optname in (IP_ADD_SOURCE_MEMBERSHIP, MCAST_JOIN_SOURCE_GROUP):
        err = ip_mc_join_group(sk, group, iface, ifindex, MCAST_INCLUDE)
        if err != 0 and err != -EADDRINUSE:
            return err
        return ip_mc_source(sk, True, MCAST_INCLUDE, group, iface, ifindex, source)
    return ip_mc_source(sk, False, MCAST_INCLUDE, group, iface, ifindex, source)


def ip_mc_source(
    sk: InetSock, add: bool, mode: i64, group: i64, iface: i64, ifindex: i64, source: i64
) -> i64:
    """One source more, or fewer, in the filter of a membership."""
    if not route.ipv4_is_multicast(group):
        return -EINVAL
    dev = ip_mc_find_dev(sk.sk_net, group, iface, ifindex)
    if dev is None:
        return -ENODEV
    found: IpMcMembership | None = None
    for iml in sk.mc_list or []:
        if iml.multiaddr == group and iml.ifindex == dev.ifindex:
            found = iml
    if found is None:
        return -EINVAL
    if found.filtered:
        if found.sfmode != mode:
            return -EINVAL
    else:
        found.sfmode = mode
    if not add:
        if source not in found.sources:
            return -EADDRNOTAVAIL
        if len(found.sources) == 1 and mode == MCAST_INCLUDE:
            # the last source that was wanted goes: so does the membership
            return ip_mc_leave_group(sk, group, iface, dev.ifindex)
        found.sources.remove(source)
        return 0
    if source in found.sources:
        return -EADDRNOTAVAIL
    if len(found.sources) >= sk.sk_net.ipv4.sysctl_igmp_max_msf:
        return -ENOBUFS
    found.sources.append(source)
    found.filtered = True
    return 0


def _set_msfilter(sk: InetSock, optlen: i64, optval: bytes) -> i64:
    """IP_MSFILTER: group, interface, mode, number, sources."""
    if optlen < 16:
        return -EINVAL
    group = get_be32(optval, 0)
    iface = get_be32(optval, 4)
    mode = get_s32(optval, 8)
    n = get_s32(optval, 12)
    if n < 0 or n > 0x1FFFFFFF or 16 + 4 * n > optlen:
        return -EINVAL
    if n > sk.sk_net.ipv4.sysctl_igmp_max_msf:
        return -ENOBUFS
    if not route.ipv4_is_multicast(group):
        return -EINVAL
    if mode != MCAST_INCLUDE and mode != MCAST_EXCLUDE:
        return -EINVAL
    dev = ip_mc_find_dev(sk.sk_net, group, iface, 0)
    if dev is None:
        return -ENODEV
    if mode == MCAST_INCLUDE and n == 0:
        return ip_mc_leave_group(sk, group, iface, 0)
    for iml in sk.mc_list or []:
        if iml.multiaddr == group and iml.ifindex == dev.ifindex:
            iml.sfmode = mode
            sources: list[int] = []
            i: i64 = 0
            while i < n:
                sources.append(get_be32(optval, 16 + 4 * i))
                i += 1
            iml.sources = sources
            iml.filtered = True
            return 0
    return -EINVAL


def _group_filter(optval: bytes) -> bytes:
    """struct group_filter (RFC 3678: interface number, group, mode, number, then sources as
    sockaddr_storage) as struct ip_msfilter.
    """
    n: i64 = min(get_s32(optval, 140), 1024)
    out = optval[12:16] + bytes(4) + optval[136:144]
    i: i64 = 0
    while i < n and SIZEOF_GROUP_FILTER + 128 * i + 8 <= len(optval):
        at = SIZEOF_GROUP_FILTER + 128 * i
        out += optval[at + 4 : at + 8]
        i += 1
    return out


def _mcast(sk: InetSock, optname: i64, optlen: i64, optval: bytes) -> i64:
    """The options of RFC 3678: struct group_req and group_source_req."""
    sourced = optname not in (MCAST_JOIN_GROUP, MCAST_LEAVE_GROUP)
    need: i64 = SIZEOF_GROUP_SOURCE_REQ if sourced else SIZEOF_GROUP_REQ
    if optlen < need:
        return -EINVAL
    ifindex = get_s32(optval, 0)
    group = optval[8:24]
    if sa_family(group) != AF_INET:
        return -EINVAL if not sourced else -EADDRNOTAVAIL
    addr = sockaddr_in_addr(group)
    if not sourced:
        if optname == MCAST_JOIN_GROUP:
            return ip_mc_join_group(sk, addr, 0, ifindex, MCAST_EXCLUDE)
        return ip_mc_leave_group(sk, addr, 0, ifindex)
    source = optval[136:152]
    if sa_family(source) != AF_INET:
        return -EADDRNOTAVAIL
    return _source_op(sk, optname, addr, 0, ifindex, sockaddr_in_addr(source))


def ip_mc_sf_allow(sk: InetSock, group: i64, source: i64, ifindex: i64) -> bool:
    """Whether sk wants what source sends to group. Linux: with IP_MULTICAST_ALL any joined by anybody here
    will do.
    """
    mc_list = sk.mc_list
    if not route.ipv4_is_multicast(group):
        return True
    if mc_list is not None:
        for iml in mc_list:
            if iml.multiaddr == group and iml.ifindex == ifindex:
                if not iml.sources:
                    return iml.sfmode == MCAST_EXCLUDE
                listed = source in iml.sources
                return listed if iml.sfmode == MCAST_INCLUDE else not listed
    return sk.mc_all


# getsockopt(2)


def ip_getsockopt(sk: InetSock, level: i64, optname: i64, opt: Sockopt, task: Task) -> i64:
    """0 with opt.result set (as many bytes as fit into opt.optlen), or -errno."""
    if level != SOL_IP:
        return -EOPNOTSUPP
    return do_ip_getsockopt(sk, optname, opt)


def do_ip_getsockopt(sk: InetSock, optname: i64, opt: Sockopt) -> i64:
    if opt.optlen < 0:
        return -EINVAL
    val: i64 = 0
    if optname == IP_OPTIONS:
        opt.result = sk.inet_opt[: opt.optlen]
        return 0
    if optname == IP_MULTICAST_IF:
        opt.result = be32_bytes(sk.mc_addr)[: opt.optlen]
        return 0
    if optname == IP_MSFILTER:
        return _get_msfilter(sk, opt)
    if optname == MCAST_MSFILTER:
        return -EINVAL  # `_get_msfilter` has the answer in the older layout
    if optname == IP_PKTOPTIONS:
        if sk.sk_type != SOCK_STREAM:
            return -ENOPROTOOPT
        opt.result = _pktoptions(sk)[: opt.optlen]
        return 0
    if optname == IP_TOS:
        val = sk.tos
    elif optname == IP_TTL:
        val = sk.uc_ttl if sk.uc_ttl >= 0 else sk.sk_net.ipv4.sysctl_ip_default_ttl
    elif optname == IP_PKTINFO:
        val = sk.cmsg_flags & IP_CMSG_PKTINFO
    elif optname == IP_RECVTTL:
        val = sk.cmsg_flags & IP_CMSG_TTL
    elif optname == IP_RECVTOS:
        val = sk.cmsg_flags & IP_CMSG_TOS
    elif optname == IP_RECVOPTS:
        val = sk.cmsg_flags & IP_CMSG_RECVOPTS
    elif optname == IP_RETOPTS:
        val = sk.cmsg_flags & IP_CMSG_RETOPTS
    elif optname == IP_PASSSEC:
        val = sk.cmsg_flags & IP_CMSG_PASSSEC
    elif optname == IP_RECVORIGDSTADDR:
        val = sk.cmsg_flags & IP_CMSG_ORIGDSTADDR
    elif optname == IP_CHECKSUM:
        val = sk.cmsg_flags & IP_CMSG_CHECKSUM
    elif optname == IP_RECVFRAGSIZE:
        val = sk.cmsg_flags & IP_CMSG_RECVFRAGSIZE
    elif optname == IP_RECVERR:
        val = 1 if sk.recverr else 0
    elif optname == IP_RECVERR_RFC4884:
        val = 1 if sk.recverr_rfc4884 else 0
    elif optname == IP_FREEBIND:
        val = 1 if sk.freebind else 0
    elif optname == IP_HDRINCL:
        val = 1 if sk.hdrincl else 0
    elif optname == IP_NODEFRAG:
        val = 1 if sk.nodefrag else 0
    elif optname == IP_BIND_ADDRESS_NO_PORT:
        val = 1 if sk.bind_address_no_port else 0
    elif optname == IP_ROUTER_ALERT:
        val = 1 if sk.ra_chain else 0
    elif optname == IP_TRANSPARENT:
        val = 1 if sk.transparent else 0
    elif optname == IP_MTU_DISCOVER:
        return _put_int(opt, sk.pmtudisc)
    elif optname == IP_MTU:
        dst = core_sock.sk_dst_get(sk)
        mtu: i64 = 0 if dst is None else dst.mtu()
        if mtu == 0:
            return -ENOTCONN
        return _put_int(opt, mtu)
    elif optname == IP_MINTTL:
        return _put_int(opt, sk.min_ttl)
    elif optname == IP_UNICAST_IF:
        return _put_int(opt, get_s32(be32_bytes(sk.uc_index), 0))
    elif optname == IP_MULTICAST_TTL:
        return _put_int(opt, sk.mc_ttl)
    elif optname == IP_MULTICAST_LOOP:
        return _put_int(opt, 1 if sk.mc_loop else 0)
    elif optname == IP_MULTICAST_ALL:
        return _put_int(opt, 1 if sk.mc_all else 0)
    elif optname == IP_LOCAL_PORT_RANGE:
        return _put_int(opt, sk.local_port_range_hi << 16 | sk.local_port_range_lo)
    elif optname == IP_PROTOCOL:
        return _put_int(opt, sk.sk_num)
    else:
        return -ENOPROTOOPT
    if sk.cmsg_flags and val > 1 and optname not in (IP_TOS, IP_TTL):
        val = 1
    return _put_int(opt, val)


def _put_int(opt: Sockopt, val: i64) -> i64:
    """An integer; into less than four bytes, one byte when it fits there (ip_getsockopt's old habit)."""
    n = opt.optlen
    if n < 4 and n > 0 and 0 <= val <= 255:
        opt.result = bytes([int(val)])
        return 0
    word: int = val & 0xFFFFFFFF
    opt.result = word.to_bytes(4, "little")[: n if n < 4 else 4]
    return 0


def _get_msfilter(sk: InetSock, opt: Sockopt) -> i64:
    if opt.optlen < 16 or len(opt.optval) < 16:
        return -EINVAL
    group = get_be32(opt.optval, 0)
    if not route.ipv4_is_multicast(group):
        return -EINVAL
    dev = ip_mc_find_dev(sk.sk_net, group, get_be32(opt.optval, 4), 0)
    if dev is None:
        return -ENODEV
    for iml in sk.mc_list or []:
        if iml.multiaddr == group and iml.ifindex == dev.ifindex:
            room = (opt.optlen - 16) >> 2
            out = opt.optval[:8] + le32_bytes(iml.sfmode) + le32_bytes(len(iml.sources))
            for source in iml.sources[:room]:
                out += be32_bytes(source)
            opt.result = out
            return 0
    return -EADDRNOTAVAIL


def _pktoptions(sk: InetSock) -> bytes:
    """IP_PKTOPTIONS of a TCP socket: what IP_PKTINFO, IP_RECVTTL and IP_RECVTOS ask for of it."""
    out = b""
    if sk.cmsg_flags & IP_CMSG_PKTINFO:
        info = le32_bytes(sk.mc_index) + be32_bytes(sk.sk_rcv_saddr) + be32_bytes(sk.sk_rcv_saddr)
        out += _cmsg(SOL_IP, IP_PKTINFO, info)
    if sk.cmsg_flags & IP_CMSG_TTL:
        out += _cmsg(SOL_IP, IP_TTL, le32_bytes(sk.mc_ttl))
    if sk.cmsg_flags & IP_CMSG_TOS:
        out += _cmsg(SOL_IP, IP_TOS, le32_bytes(sk.rcv_tos))
    return out


def _cmsg(level: i64, type: i64, data: bytes) -> bytes:
    n: int = CMSG_HDRLEN + len(data)
    return n.to_bytes(8, "little") + le32_bytes(level) + le32_bytes(type) + data + bytes(-n & 7)


# Control messages


def ip_cmsg_send(sk: InetSock, msg: Msghdr, ipc: IpcmCookie) -> i64:
    """What a sender's control messages ask for, into ipc. 0 or -EINVAL. ip(7)."""
    control = msg.msg_control
    if control is None:
        return 0
    n: i64 = len(control)
    at: i64 = 0
    while at + CMSG_HDRLEN <= n:
        size = get_le64(control, at)
        if size < CMSG_HDRLEN or size > n - at:
            return -EINVAL
        level = get_s32(control, at + 8)
        type = get_s32(control, at + 12)
        data = at + CMSG_HDRLEN
        length = size - CMSG_HDRLEN
        err: i64 = 0
        if level == SOL_SOCKET:
            err = sock_cmsg_send(sk, msg, control, type, data, length, ipc)
        elif level == SOL_IP:
            err = _ip_cmsg_send_one(sk, control, type, data, length, ipc)
        if err != 0:
            return err
        at += (size + 7) & ~7
    return 0


def _ip_cmsg_send_one(
    sk: InetSock, control: bytes, type: i64, data: i64, length: i64, ipc: IpcmCookie
) -> i64:
    if type == IP_RETOPTS:
        opt = ip_options.ip_options_get(control[data : data + min(length, 40)])
        if opt is None:
            return -EINVAL
        ipc.opt = opt
        return 0
    if type == IP_PKTINFO:
        if length != 12:
            return -EINVAL
        ifindex = get_s32(control, data)
        if ifindex != 0:
            ipc.oif = ifindex
        ipc.addr = get_be32(control, data + 4)
        return 0
    if type == IP_TTL:
        if length != 4:
            return -EINVAL
        val = get_s32(control, data)
        if val < 1 or val > 255:
            return -EINVAL
        ipc.ttl = val
        return 0
    if type == IP_TOS:
        if length == 4:
            val = get_s32(control, data)
        elif length == 1:
            val = control[data]
        else:
            return -EINVAL
        if val < 0 or val > 255:
            return -EINVAL
        ipc.tos = val
        ipc.priority = rt_tos2priority(val)
        return 0
    if type == IP_PROTOCOL:
        if length != 4:
            return -EINVAL
        val = get_s32(control, data)
        if val < 1 or val > 255:
            return -EINVAL
        ipc.protocol = val
        return 0
    return -EINVAL


def sock_cmsg_send(
    sk: InetSock, msg: Msghdr, control: bytes, type: i64, data: i64, length: i64, ipc: IpcmCookie
) -> i64:
    """`__sock_cmsg_send`: control messages of SOL_SOCKET that every sender takes."""
    if type == SO_MARK:
        if not capable(msg.task, CAP_NET_RAW) and not capable(msg.task, CAP_NET_ADMIN):
            return -EPERM
        if length != 4:
            return -EINVAL
        ipc.mark = get_s32(control, data) & 0xFFFFFFFF
        return 0
    if type == SO_PRIORITY:
        if length != 4:
            return -EINVAL
        prio = get_s32(control, data)
        if (
            (prio < 0 or prio > 6)
            and not capable(msg.task, CAP_NET_RAW)
            and not capable(msg.task, CAP_NET_ADMIN)
        ):
            return -EPERM
        ipc.priority = prio & 0xFFFFFFFF
        return 0
    if type == SCM_TIMESTAMPING:
        return 0 if length == 4 else -EINVAL
    if type == SCM_TXTIME:
        return -EINVAL
    if type in (SCM_RIGHTS, SCM_CREDENTIALS):
        return 0  # SCM_RIGHTS and SCM_CREDENTIALS are semantically in SOL_UNIX
    return -EINVAL


def ipv4_pktinfo_prepare(sk: InetSock, skb: SkBuff) -> None:
    """What IP_PKTINFO will say, while the route is still there: the interface, and the address to answer
    from.
    """
    dst = skb.dst
    ifindex = skb.skb_iif
    if ifindex == LOOPBACK_IFINDEX and isinstance(dst, route.Rtable) and dst.rt_iif != 0:
        ifindex = dst.rt_iif
    spec = fib_frontend.fib_compute_spec_dst(skb)
    skb.ee_info = spec
    skb.ee_data = ifindex


def ip_cmsg_recv(sk: InetSock, msg: Msghdr, skb: SkBuff) -> None:
    """The control messages that sk asked for, in the kernel's order (`ip_cmsg_recv_offset`)."""
    flags = sk.cmsg_flags
    iph = skb.iph
    if iph is None:
        return
    if flags & IP_CMSG_PKTINFO:
        info = le32_bytes(skb.ee_data) + be32_bytes(skb.ee_info) + be32_bytes(iph.daddr)
        core_sock.put_cmsg(msg, SOL_IP, IP_PKTINFO, info)
    if flags & IP_CMSG_TTL:
        core_sock.put_cmsg(msg, SOL_IP, IP_TTL, le32_bytes(iph.ttl))
    if flags & IP_CMSG_TOS:
        core_sock.put_cmsg(msg, SOL_IP, IP_TOS, bytes([int(iph.tos & 0xFF)]))
    if flags & IP_CMSG_RECVOPTS and len(iph.options) != 0:
        core_sock.put_cmsg(msg, SOL_IP, IP_RECVOPTS, iph.options)
    if flags & IP_CMSG_RETOPTS and len(iph.options) != 0:
        core_sock.put_cmsg(msg, SOL_IP, IP_RETOPTS, ip_options.ip_options_echo(iph.options))
    if flags & IP_CMSG_ORIGDSTADDR:
        _ip_cmsg_recv_dstaddr(msg, skb, iph)


def _ip_cmsg_recv_dstaddr(msg: Msghdr, skb: SkBuff, iph: Iphdr) -> None:
    uh = skb.uh
    port: i64 = 0 if uh is None else uh.dest
    core_sock.put_cmsg(msg, SOL_IP, IP_RECVORIGDSTADDR, pack_sockaddr_in(iph.daddr, port))


# Errors in a queue of their own (IP_RECVERR)


def ip_icmp_error(sk: InetSock, skb: SkBuff, err: i64, port: i64, info: i64, payload: bytes) -> None:
    """An ICMP error came (skb as `icmp_socket_deliver` made it): queue it with what was left of the packet
    it is about.
    """
    iph = skb.iph
    icmph = skb.icmph
    if iph is None or icmph is None:
        return
    rep = skbuff.alloc_skb(sk.kernel)
    skbuff.skb_set_data(rep, payload)
    rep.ee_errno = err
    rep.ee_origin = SO_EE_ORIGIN_ICMP
    rep.ee_type = icmph.type
    rep.ee_code = icmph.code
    rep.ee_info = info
    rep.name = pack_sockaddr_in(iph.daddr, port)
    rep.ee_offender = skb.name
    rep.skb_iif = skb.skb_iif
    rep.tstamp = skb.tstamp
    if core_sock.sock_queue_err_skb(sk, rep) != 0:
        skbuff.consume_skb(sk.kernel, rep)


def ip_local_error(sk: InetSock, err: i64, daddr: i64, port: i64, info: i64) -> None:
    """An error found here (a datagram too big for the path): queue it, if the program wants to know."""
    if not sk.recverr:
        return
    rep = skbuff.alloc_skb(sk.kernel)
    rep.ee_errno = err
    rep.ee_origin = SO_EE_ORIGIN_LOCAL
    rep.ee_info = info
    rep.name = pack_sockaddr_in(daddr, port)
    if core_sock.sock_queue_err_skb(sk, rep) != 0:
        skbuff.consume_skb(sk.kernel, rep)


def ip_recv_error(sk: InetSock, msg: Msghdr, length: i64) -> i64:
    """recvmsg(2) with MSG_ERRQUEUE: the oldest error, its packet as data. Bytes, or -EAGAIN (it never
    waits).
    """
    skb = sock_dequeue_err_skb(sk)
    if skb is None:
        return -EAGAIN
    copied = skb.len
    if copied > length:
        msg.msg_flags |= MSG_TRUNC
        copied = length
    skbuff.skb_copy_datagram_msg(skb, 0, msg, copied)
    msg.msg_name = skb.name
    if skb.ee_origin == SO_EE_ORIGIN_TIMESTAMPING and sk.sk_tsflags & SOF_TIMESTAMPING_SOFTWARE:
        sock_cmsg.put_tx_timestamp(msg, sk, skb)
    offender = skb.ee_offender
    if offender is None:
        offender = bytes(16)
    err = (
        le32_bytes(skb.ee_errno)
        + bytes([int(skb.ee_origin), int(skb.ee_type & 0xFF), int(skb.ee_code & 0xFF), 0])
        + le32_bytes(skb.ee_info)
        + le32_bytes(skb.ee_data)
    )
    core_sock.put_cmsg(msg, SOL_IP, IP_RECVERR, err + offender)
    msg.msg_flags |= MSG_ERRQUEUE
    skbuff.consume_skb(sk.kernel, skb)
    return copied


def sock_dequeue_err_skb(sk: InetSock) -> SkBuff | None:
    """The oldest error; sk.sk_err then speaks for the next one, if that is an ICMP error."""
    errq = sk.sk_error_queue
    if errq is None:
        return None
    skb = skbuff.skb_dequeue(errq)
    if skb is None:
        return None
    after = errq.first
    icmp_next = after is not None and after.ee_origin == SO_EE_ORIGIN_ICMP
    if after is not None and icmp_next:
        sk.sk_err = after.ee_errno
    elif skb.ee_origin == SO_EE_ORIGIN_ICMP:
        sk.sk_err = 0
    if after is not None:
        sk.sk_error_report.run(sk)
    return skb


# Bytes


def capable(task: Task, cap: i64) -> bool:
    return (task.cap_effective >> cap) & 1 != 0


def get_s32(b: bytes, at: i64) -> i64:
    """A signed 32-bit number in host order; at + 4 ≤ len(b)."""
    v: i64 = b[at] | (b[at + 1] << 8) | (b[at + 2] << 16) | (b[at + 3] << 24)
    return v - 0x100000000 if v & 0x80000000 else v


def get_be32(b: bytes, at: i64) -> i64:
    return (b[at] << 24) | (b[at + 1] << 16) | (b[at + 2] << 8) | b[at + 3]


def get_le64(b: bytes, at: i64) -> i64:
    """A size_t; one that is out of all bounds comes back as 0, which is too small for a cmsg."""
    if b[at + 4] | b[at + 5] | b[at + 6] | b[at + 7]:
        return 0
    return b[at] | (b[at + 1] << 8) | (b[at + 2] << 16) | (b[at + 3] << 24)


def be32_bytes(v: i64) -> bytes:
    n: int = v & 0xFFFFFFFF
    return n.to_bytes(4, "big")


def le32_bytes(v: i64) -> bytes:
    n: int = v & 0xFFFFFFFF
    return n.to_bytes(4, "little")
