"""UDP: datagrams out, in, and to the right socket.

Kernel counterpart: `net/ipv4/udp.c`, `net/ipv4/datagram.c`. Programs come in by `udp_prot` (`udp_sendmsg`,
`udp_recvmsg`, `udp_v4_get_port`, `ip4_datagram_connect` …), packets by `udp_rcv`, ICMP errors by `udp_err`.
A send goes on to `ip_output.ip_send_skb`; an arrival waits in `sk_receive_queue`. RFC 768, RFC 1122 section
4.1, RFC 8085; udp(7), ip(7). UDP-Lite (`udplite.py`) shares all of it.

The datagram's way is hot: no route is looked up twice (`sk_dst_cache`, `net.rt_cache`), no byte is copied,
no checksum made. Longer than other files because sending, receiving and port choice share the table below.
Left out: encapsulation, early demultiplexing, BPF.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from mypy_extensions import i64

from sockfs.net.core import datagram, gso, skbuff, sock_cmsg, wire
from sockfs.net.core import sock as core_sock
from sockfs.net.ipv4 import icmp, ip_options, ip_output, ip_sockglue, route
from sockfs.structs.call import ESLEEP
from sockfs.structs.headers import Iphdr, Udphdr
from sockfs.structs.inet_sock import CorkState, InetSock
from sockfs.structs.ops import NetProtocol, Proto
from sockfs.structs.sock import (
    SOCK_BINDADDR_LOCK,
    SOCK_BINDPORT_LOCK,
    SOCK_BROADCAST,
    SOCK_LOCALROUTE,
    SOCK_RXQ_OVFL,
)
from sockfs.structs.sockaddr import pack_sockaddr_in, sa_family, sockaddr_in_addr, sockaddr_in_port
from sockfs.structs.udp_sock import UdpSock
from sockfs.uapi.dropreason import (
    SKB_DROP_REASON_NO_SOCKET,
    SKB_DROP_REASON_NOT_SPECIFIED,
    SKB_DROP_REASON_PROTO_MEM,
    SKB_DROP_REASON_SOCKET_RCVBUFF,
    SKB_DROP_REASON_UDP_CSUM,
)
from sockfs.uapi.errno import (
    EACCES,
    EAFNOSUPPORT,
    EAGAIN,
    EDESTADDRREQ,
    EHOSTUNREACH,
    EINVAL,
    EMSGSIZE,
    ENETUNREACH,
    ENOIOCTLCMD,
    ENOPROTOOPT,
    EOPNOTSUPP,
    EPROTO,
)
from sockfs.uapi.icmp import (
    ICMP_DEST_UNREACH,
    ICMP_FRAG_NEEDED,
    ICMP_PARAMETERPROB,
    ICMP_PORT_UNREACH,
    ICMP_TIME_EXCEEDED,
    NR_ICMP_UNREACH,
)
from sockfs.uapi.if_ether import ETH_P_IP
from sockfs.uapi.in_ import (
    INADDR_BROADCAST,
    IP_PMTUDISC_DO,
    IP_PMTUDISC_DONT,
    IP_PMTUDISC_PROBE,
    IP_PMTUDISC_WANT,
    IPPROTO_UDP,
)
from sockfs.uapi.ioctl import SIOCINQ, SIOCOUTQ
from sockfs.uapi.ip import IP_DF
from sockfs.uapi.rtnetlink import RT_SCOPE_LINK, RTN_MULTICAST
from sockfs.uapi.socket import (
    AF_INET,
    AF_UNSPEC,
    MSG_DONTROUTE,
    MSG_DONTWAIT,
    MSG_ERRQUEUE,
    MSG_MORE,
    MSG_OOB,
    MSG_PEEK,
    MSG_PROBE,
    MSG_TRUNC,
    SOL_UDP,
    SOL_UDPLITE,
)
from sockfs.uapi.tcp import TCP_CLOSE, TCP_ESTABLISHED
from sockfs.uapi.udp import (
    UDP_CORK,
    UDP_ENCAP,
    UDP_GRO,
    UDP_HDRLEN,
    UDP_MAX_SEGMENTS,
    UDP_NO_CHECK6_RX,
    UDP_NO_CHECK6_TX,
    UDP_SEGMENT,
    UDPLITE_RECV_CSCOV,
    UDPLITE_SEND_CSCOV,
)
from sockfs.util.siphash import HsiphashKey, hsiphash_3u32

if TYPE_CHECKING:
    from sockfs.net.ipv4.ip_sockglue import IpcmCookie
    from sockfs.structs.call import Call
    from sockfs.structs.file import File
    from sockfs.structs.kernel import Kernel
    from sockfs.structs.mib import UdpMib
    from sockfs.structs.msghdr import Msghdr
    from sockfs.structs.net import Net, UdpTable
    from sockfs.structs.ops import PollTable, Sockopt
    from sockfs.structs.sk_buff import SkBuff
    from sockfs.structs.sock import Sock, SockCommon
    from sockfs.structs.socket import Socket
    from sockfs.structs.task import Task

CHECKSUM_PARTIAL: Final = 3
IP_MAX_DATAGRAM: Final = 0xFFFF


# Send


def udp_sendmsg(sk: UdpSock, msg: Msghdr, length: i64) -> i64:
    """One datagram (or a piece of one, with MSG_MORE or UDP_CORK). Bytes, -errno, or -ESLEEP for want of
    send buffer.
    """
    if length > IP_MAX_DATAGRAM:
        return -EMSGSIZE
    flags = msg.msg_flags
    if flags & MSG_OOB:
        return -EOPNOTSUPP
    corkreq = sk.corkflag or (flags & MSG_MORE) != 0
    if sk.pending != 0:
        if sk.pending != AF_INET:
            return -EINVAL
        return udp_append(sk, msg, length, corkreq)
    net = sk.sk_net
    connected = False
    name = msg.msg_name
    if name is not None:
        if len(name) < 16:
            return -EINVAL
        family = sa_family(name)
        if family != AF_INET and family != AF_UNSPEC:
            return -EAFNOSUPPORT
        daddr = sockaddr_in_addr(name)
        dport = sockaddr_in_port(name)
        if dport == 0:
            return -EINVAL
    else:
        if sk.sk_state != TCP_ESTABLISHED:
            return -EDESTADDRREQ
        daddr = sk.sk_daddr
        dport = sk.sk_dport
        connected = True
    if flags & MSG_PROBE:
        return length  # Linux: nothing is built
    if (
        msg.msg_control is not None
        or sk.sk_bound_dev_if != 0
        or len(sk.inet_opt) != 0
        or sk.gso_size != 0
        or corkreq
        or sk.uc_index != 0
        or (daddr >> 28) == 14
        or daddr == 0
        or flags & MSG_DONTROUTE
        or sk.sk_flags & SOCK_LOCALROUTE
    ):
        return udp_sendmsg_slow(sk, msg, length, daddr, dport, connected, corkreq)
    # The plain case: a known route, no options.
    rt: route.Rtable | None = None
    saddr = sk.inet_saddr
    if connected:
        rt = cast("route.Rtable | None", core_sock.sk_dst_check(sk))
    if rt is None:
        rt = route.ip_route_output_cached(net, daddr, saddr)
        if rt is None:
            return udp_sendmsg_slow(sk, msg, length, daddr, dport, connected, corkreq)
        if connected:
            sk.sk_dst_cache = rt
    if saddr == 0:
        saddr = rt.rt_src
    if rt.rt_flags & route.RTCF_BROADCAST and not sk.sk_flags & SOCK_BROADCAST:
        return -EACCES
    limit = udp_max_payload(sk, rt, 20)
    if length > limit:
        ip_sockglue.ip_local_error(sk, EMSGSIZE, daddr, sk.sk_dport, udp_frag_mtu(sk, rt))
        return -EMSGSIZE
    err = core_sock.sock_alloc_send_room(sk, msg, (flags & MSG_DONTWAIT) != 0)
    if err != 0:
        return udp_send_failed(sk, err)
    ttl = sk.uc_ttl
    if ttl < 0:
        ttl = net.ipv4.sysctl_ip_default_ttl
    iph = Iphdr(saddr, daddr, sk.sk_protocol, ttl, sk.tos)
    skb = udp_make_skb(sk, msg.msg_iter.take(length), length)
    skb.priority = sk.sk_priority
    skb.mark = sk.sk_mark
    err = udp_send_skb(sk, skb, iph, rt, dport, 0)
    return length if err == 0 else err


def udp_sendmsg_slow(
    sk: UdpSock, msg: Msghdr, length: i64, daddr: i64, dport: i64, connected: bool, corkreq: bool
) -> i64:
    """The same with everything: control messages, options, groups, corking, segmentation."""
    net = sk.sk_net
    ipc = ip_sockglue.IpcmCookie(sk)
    ipc.gso_size = sk.gso_size
    if msg.msg_control is not None:
        err = udp_cmsg_send(sk, msg, ipc)
        if err == 0:
            err = ip_sockglue.ip_cmsg_send(sk, msg, ipc)
        if err != 0:
            return err
        connected = False
    if len(ipc.opt) == 0:
        ipc.opt = sk.inet_opt
    saddr = ipc.addr
    faddr = daddr
    first = ip_options.ip_options_first_hop(ipc.opt)
    if first != 0:
        if daddr == 0:
            return -EINVAL
        faddr = first
        connected = False
    scope: i64 = 0
    if msg.msg_flags & MSG_DONTROUTE or sk.sk_flags & SOCK_LOCALROUTE:
        scope = RT_SCOPE_LINK
        connected = False
    if route.ipv4_is_multicast(daddr):
        if ipc.oif == 0:
            ipc.oif = sk.mc_index
        if saddr == 0:
            saddr = sk.mc_addr
        connected = False
    elif ipc.oif == 0:
        ipc.oif = sk.uc_index
    elif daddr == INADDR_BROADCAST and sk.uc_index != 0 and ipc.oif != sk.uc_index:
        ipc.oif = sk.uc_index
    rt: route.Rtable | None = None
    if connected:
        rt = cast("route.Rtable | None", core_sock.sk_dst_check(sk))
    if rt is None:
        fl4 = route.Flowi4(faddr, saddr, ipc.oif)
        fl4.proto = sk.sk_protocol
        fl4.scope = scope
        fl4.sport = sk.inet_sport
        fl4.dport = dport
        if sk.transparent or sk.hdrincl:
            fl4.flags = route.FLOWI_FLAG_ANYSRC
        rt = route.ip_route_output_flow(net, fl4, sk)
        if rt is None:
            if fl4.err == -ENETUNREACH:
                net.mib_ip.OutNoRoutes += 1
            return fl4.err
        if rt.rt_flags & route.RTCF_BROADCAST and not sk.sk_flags & SOCK_BROADCAST:
            return -EACCES
        if connected:
            sk.sk_dst_cache = rt
        saddr = fl4.saddr
        if daddr == 0:
            daddr = fl4.daddr
    else:
        saddr = sk.inet_saddr
        if saddr == 0:
            saddr = rt.rt_src
    ttl = ipc.ttl
    if ttl == 0:
        if rt.rt_type == RTN_MULTICAST:
            ttl = sk.mc_ttl
        else:
            ttl = ip_output.ip_select_ttl(sk, rt)
    tos = ipc.tos if ipc.tos >= 0 else sk.tos
    if corkreq:
        cork = CorkState()
        cork.daddr = daddr
        cork.dport = dport
        cork.saddr = saddr
        cork.tos = tos
        cork.ttl = ttl
        cork.gso_size = ipc.gso_size
        cork.dst = rt
        cork.opt = ipc.opt
        cork.mark = ipc.mark
        cork.priority = ipc.priority
        sk.cork = cork
        sk.pending = AF_INET
        return udp_append(sk, msg, length, True)
    hlen: i64 = 20 + len(ipc.opt)
    if ipc.gso_size == 0 or length <= ipc.gso_size:
        if length > udp_max_payload(sk, rt, hlen):
            ip_sockglue.ip_local_error(sk, EMSGSIZE, daddr, sk.sk_dport, udp_frag_mtu(sk, rt) - len(ipc.opt))
            return -EMSGSIZE
    elif length > IP_MAX_DATAGRAM - hlen - UDP_HDRLEN:
        return -EMSGSIZE
    err = core_sock.sock_alloc_send_room(sk, msg, (msg.msg_flags & MSG_DONTWAIT) != 0)
    if err != 0:
        return udp_send_failed(sk, err)
    iph = Iphdr(saddr, daddr, sk.sk_protocol, ttl, tos)
    if len(ipc.opt) != 0:
        ip_options.ip_options_build(iph, ipc.opt)
    skb = udp_make_skb(sk, msg.msg_iter.take(length), length)
    skb.priority = ipc.priority
    skb.mark = ipc.mark
    err = udp_send_skb(sk, skb, iph, rt, dport, ipc.gso_size)
    return length if err == 0 else err


def udp_send_failed(sk: UdpSock, err: i64) -> i64:
    """No room, or an error was waiting. Linux counts the former where the send buffer is full."""
    if err != -ESLEEP:
        sk.sk_net.mib_ip.OutDiscards += 1
    if err == -EAGAIN:
        udp_mib(sk).SndbufErrors += 1
    return err


def udp_append(sk: UdpSock, msg: Msghdr, length: i64, corkreq: bool) -> i64:
    """`ip_append_data`: one piece more; the last one sends them all."""
    cork = sk.cork
    assert cork is not None
    rt = cast("route.Rtable", cork.dst)
    hlen: i64 = 20 + len(cork.opt)
    if cork.length + length > udp_max_payload(sk, rt, hlen):
        ip_sockglue.ip_local_error(sk, EMSGSIZE, cork.daddr, sk.sk_dport, udp_frag_mtu(sk, rt))
        udp_flush_pending_frames(sk)
        return -EMSGSIZE
    if cork.length == 0 or hlen + UDP_HDRLEN + cork.length + length > udp_frag_mtu(sk, rt):
        # one packet more; what fits into the last one asks nobody
        err = core_sock.sock_alloc_send_room(sk, msg, (msg.msg_flags & MSG_DONTWAIT) != 0)
        if err != 0:
            if err != -ESLEEP:
                udp_flush_pending_frames(sk)
            return udp_send_failed(sk, err)
    if length > 0:
        cork.pieces.append(msg.msg_iter.take(length))
        cork.length += length
    if not corkreq:
        err = udp_push_pending_frames(sk)
        if err != 0:
            return err
    return length


def udp_push_pending_frames(sk: UdpSock) -> i64:
    """The corked pieces go as one datagram. 0 or -errno."""
    cork = sk.cork
    if cork is None or sk.pending == 0:
        return 0
    sk.cork = None
    sk.pending = 0
    rt = cast("route.Rtable", cork.dst)
    iph = Iphdr(cork.saddr, cork.daddr, sk.sk_protocol, cork.ttl, cork.tos)
    if len(cork.opt) != 0:
        ip_options.ip_options_build(iph, cork.opt)
    skb = udp_make_skb(sk, b"".join(cork.pieces), cork.length)
    skb.priority = cork.priority
    skb.mark = cork.mark
    return udp_send_skb(sk, skb, iph, rt, cork.dport, cork.gso_size)


def udp_flush_pending_frames(sk: UdpSock) -> None:
    """The corked pieces are thrown away."""
    sk.cork = None
    sk.pending = 0


def udp_make_skb(sk: UdpSock, data: bytes, length: i64) -> SkBuff:
    """`ip_make_skb`: the payload as a packet, charged to its sender."""
    skb = skbuff.alloc_skb(sk.kernel)
    skb.data = data
    skb.headlen = length
    skb.len = length
    skb.truesize = udp_truesize(length)
    skbuff.skb_set_owner_w(skb, sk)
    return skb


def udp_truesize(n: i64) -> i64:
    """What Linux charges for a datagram of n bytes: its head comes in sizes of the allocator, beyond 16 kB
    in pages.
    """
    if n <= 197:
        return 832
    if n <= 645:
        return 1280
    if n <= 1669:
        return 2304
    if n <= 3717:
        return 4352
    if n <= 7813:
        return 8448
    if n <= 16004:
        return 16640
    return 832 + n


def udp_send_skb(sk: UdpSock, skb: SkBuff, iph: Iphdr, rt: route.Rtable, dport: i64, gso_size: i64) -> i64:
    """Headers on, and out. 0 or -errno."""
    net = sk.sk_net
    length = skb.len
    hlen = iph.ihl << 2
    if gso_size != 0:
        err = _udp_check_gso(sk, rt, hlen, length, gso_size)
        if err != 0:
            skbuff.consume_skb(sk.kernel, skb)
            return err
        if length > gso_size:
            skb.gso_size = gso_size
            skb.gso_segs = (length + gso_size - 1) // gso_size
    uh = Udphdr(sk.inet_sport, dport, UDP_HDRLEN + length)
    if sk.pcflag & UDPLITE_SEND_CC:
        if sk.pcslen < UDP_HDRLEN + length:
            uh.len = sk.pcslen if sk.pcslen != 0 else UDP_HDRLEN + length
    skb.uh = uh
    skb.iph = iph
    skb.dst = rt
    skb.protocol = ETH_P_IP
    if not sk.sk_no_check_tx:
        skb.ip_summed = CHECKSUM_PARTIAL
    disc = sk.pmtudisc
    if disc == IP_PMTUDISC_WANT:
        if hlen + UDP_HDRLEN + length <= rt.mtu():
            iph.frag_off = IP_DF
    elif disc == IP_PMTUDISC_DO or disc == IP_PMTUDISC_PROBE:
        iph.frag_off = IP_DF
    if sk.sk_daddr != 0:
        iph.id = sk.inet_id & 0xFFFF
        sk.inet_id = (sk.inet_id + 1) & 0xFFFF
    elif disc != IP_PMTUDISC_DO and disc != IP_PMTUDISC_PROBE:
        iph.id = ip_output.ip_select_ident(net, 1)
    rc = ip_output.ip_local_out(net, sk, skb)
    mib = udp_mib(sk)
    if rc < 0:
        if rc == -105 and not sk.recverr:
            mib.SndbufErrors += 1
            return 0
        return rc
    mib.OutDatagrams += 1
    return 0


UDPLITE_SEND_CC: Final = 0x2
UDPLITE_RECV_CC: Final = 0x4


def _udp_check_gso(sk: UdpSock, rt: route.Rtable, hlen: i64, length: i64, gso_size: i64) -> i64:
    """UDP_SEGMENT: each segment must fit into a packet, and there are at most 128 (udp(7))."""
    if hlen + UDP_HDRLEN + min(length, gso_size) > udp_frag_mtu(sk, rt):
        return -EMSGSIZE
    if length > gso_size * UDP_MAX_SEGMENTS:
        return -EINVAL
    if sk.sk_no_check_tx:
        return -EINVAL
    return 0


def udp_max_payload(sk: UdpSock, rt: route.Rtable, hlen: i64) -> i64:
    """The longest datagram: 65,535 bytes with headers, or the MTU where fragments are forbidden."""
    if ip_output.ip_sk_ignore_df(sk):
        return IP_MAX_DATAGRAM - hlen - UDP_HDRLEN
    return udp_frag_mtu(sk, rt) - hlen - UDP_HDRLEN


def udp_frag_mtu(sk: UdpSock, rt: route.Rtable) -> i64:
    """The size of fragments: the path's MTU, or the device's where the path is not to be believed."""
    if sk.pmtudisc < IP_PMTUDISC_PROBE:
        return rt.mtu()
    return rt.dev.mtu  # Linux: on lo one byte more than a packet can have


def udp_cmsg_send(sk: UdpSock, msg: Msghdr, ipc: IpcmCookie) -> i64:
    """Control messages of level SOL_UDP: only UDP_SEGMENT, two bytes."""
    control = msg.msg_control
    if control is None:
        return 0
    n: i64 = len(control)
    at: i64 = 0
    while at + 16 <= n:
        size = ip_sockglue.get_le64(control, at)
        if size < 16 or size > n - at:
            return -EINVAL
        if ip_sockglue.get_s32(control, at + 8) == SOL_UDP:
            if ip_sockglue.get_s32(control, at + 12) != UDP_SEGMENT or size != 18:
                return -EINVAL
            ipc.gso_size = control[at + 16] | (control[at + 17] << 8)
        at += (size + 7) & ~7
    return 0


# Receive: the program's side


def udp_recvmsg(sk: UdpSock, msg: Msghdr, length: i64, flags: i64) -> i64:
    """The next datagram, cut to length. Bytes (with MSG_TRUNC the datagram's own length), -errno, or
    -ESLEEP.
    """
    if flags & MSG_ERRQUEUE:
        return ip_sockglue.ip_recv_error(sk, msg, length)
    skb = datagram.__skb_recv_datagram(sk, msg, flags)
    if skb is None:
        return msg.err
    k = sk.kernel
    ulen = skb.len
    off = msg.done
    copied = length
    if copied > ulen - off:
        copied = ulen - off
    elif copied < ulen:
        msg.msg_flags |= MSG_TRUNC
    if skb.frags is None and skb.data_off == 0:
        msg.msg_iter.copy_to(skb.data, off, copied)
    else:
        skbuff.skb_copy_datagram_msg(skb, off, msg, copied)
    if not flags & MSG_PEEK:
        udp_mib(sk).InDatagrams += 1
        if sk.sk_peek_off > 0:
            sk.sk_peek_off = max(0, sk.sk_peek_off - (ulen if flags & MSG_TRUNC else copied))
    elif sk.sk_peek_off >= 0:
        sk.sk_peek_off += copied
    if sk.sk_flags & sock_cmsg.ANY or sk.sk_tsflags != 0:
        sock_cmsg.sock_recv_cmsgs(msg, sk, skb)
    else:
        sk.sk_stamp = skb.tstamp
    if msg.want_name:
        iph = skb.iph
        uh = skb.uh
        if iph is not None and uh is not None:
            msg.msg_name = pack_sockaddr_in(iph.saddr, uh.source)
    if sk.gro_enabled and skb.gso_size != 0:
        core_sock.put_cmsg(msg, SOL_UDP, UDP_GRO, ip_sockglue.le32_bytes(skb.gso_size))
    if sk.cmsg_flags != 0:
        ip_sockglue.ip_cmsg_recv(sk, msg, skb)
    skbuff.consume_skb(k, skb)
    if sk.sk_forward_alloc >= UDP_FORWARD_MAX and sk.sk_receive_queue.qlen == 0:
        core_sock.sk_mem_reclaim(sk)
    if flags & MSG_TRUNC:
        return ulen
    return copied


UDP_FORWARD_MAX: Final = 4 * 4096


def udp_poll(file: File, sock: Socket, pt: PollTable | None) -> i64:
    """poll(2)."""
    return datagram.datagram_poll(file, sock, pt)


def udp_ioctl(sk: UdpSock, cmd: i64, arg: object) -> i64:
    """SIOCOUTQ: bytes of memory in flight; SIOCINQ: length of the next datagram (udp(7))."""
    if cmd == SIOCOUTQ:
        corked: i64 = 0
        cork = sk.cork
        if cork is not None and len(cork.pieces) > 0:
            # the first piece stands in the packet's head, what follows in its fragments
            head: i64 = len(cork.pieces[0])
            corked = udp_truesize(head) + cork.length - head
        return put_int(arg, sk.sk_wmem_alloc + corked)
    if cmd == SIOCINQ:
        skb = sk.sk_receive_queue.first
        return put_int(arg, 0 if skb is None else skb.len)
    return -ENOIOCTLCMD


def put_int(arg: object, value: i64) -> i64:
    """An int for an ioctl(2) that has a pointer to one. 0 or -EFAULT."""
    if not isinstance(arg, bytearray) or len(arg) < 4:
        return -14
    arg[0:4] = ip_sockglue.le32_bytes(value)
    return 0


# Receive: the network's side


def udp_rcv(skb: SkBuff) -> i64:
    """A UDP packet arrived."""
    dev = skb.dev
    assert dev is not None
    return udp4_lib_rcv(skb, dev.net, dev.net.udp_table, dev.net.mib_udp)


def udp4_lib_rcv(skb: SkBuff, net: Net, table: UdpTable, mib: UdpMib) -> i64:
    k = net.kernel
    iph = skb.iph
    assert iph is not None
    uh = skb.uh
    if uh is None:
        reason = wire.parse_udp(skb)
        if reason != 0:
            if reason == SKB_DROP_REASON_UDP_CSUM:
                mib.InCsumErrors += 1
            mib.InErrors += 1
            skbuff.kfree_skb_reason(k, skb, reason)
            return 0
        uh = skb.uh
        assert uh is not None
    dst = skb.dst
    if isinstance(dst, route.Rtable) and dst.rt_flags & (route.RTCF_BROADCAST | route.RTCF_MULTICAST):
        return __udp4_lib_mcast_deliver(net, skb, iph, uh, table, mib)
    sk = __udp4_lib_lookup(net, iph.saddr, uh.source, iph.daddr, uh.dest, skb.skb_iif, table)
    if sk is not None:
        return udp_queue_rcv_skb(sk, skb, mib)
    mib.NoPorts += 1
    icmp.icmp_send(skb, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, 0)
    # Hmm, nobody here: RFC 1122 section 4.1.3.1.
    skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_NO_SOCKET)
    return 0


def __udp4_lib_lookup(
    net: Net, saddr: i64, sport: i64, daddr: i64, hnum: i64, dif: i64, table: UdpTable
) -> UdpSock | None:
    """The socket for a packet from saddr:sport to daddr:hnum: the one bound most exactly, the newest of
    equals.
    """
    node = table.hash.get(hnum)
    best: UdpSock | None = None
    badness: i64 = -1
    while node is not None:
        if isinstance(node, UdpSock):
            score = compute_score(node, saddr, sport, daddr, dif)
            if score > badness:
                badness = score
                best = node
        node = node.hash_next
    if best is not None and best.sk_reuseport and best.sk_state != TCP_ESTABLISHED:
        return reuseport_select_sock(net, table, best, badness, saddr, sport, daddr, hnum, dif)
    return best


def compute_score(sk: UdpSock, saddr: i64, sport: i64, daddr: i64, dif: i64) -> i64:
    """How well a socket fits; -1: not at all. An exact local address outweighs all else (Linux looks in two
    tables).
    """
    score: i64 = 2 if sk.sk_family == AF_INET else 1
    if sk.sk_ipv6only:
        return -1
    bound = sk.sk_rcv_saddr
    if bound != 0:
        if bound != daddr:
            return -1
        score += 100
    if sk.sk_daddr != 0:
        if sk.sk_daddr != saddr:
            return -1
        score += 4
    if sk.sk_dport != 0:
        if sk.sk_dport != sport:
            return -1
        score += 4
    if sk.sk_bound_dev_if != 0:
        if sk.sk_bound_dev_if != dif:
            return -1
        score += 4
    return score


def reuseport_select_sock(
    net: Net,
    table: UdpTable,
    first: UdpSock,
    badness: i64,
    saddr: i64,
    sport: i64,
    daddr: i64,
    hnum: i64,
    dif: i64,
) -> UdpSock:
    """SO_REUSEPORT: one of the group's sockets, always the same for one peer (socket(7)). The group is in
    order of binding.
    """
    n: i64 = 0
    node = table.hash.get(hnum)
    while node is not None:
        if isinstance(node, UdpSock) and _in_group(node, first):
            n += 1
        node = node.hash_next
    if n <= 1:
        return first
    k = net.kernel
    key = HsiphashKey(k.port_key0, k.port_key1)
    hash = hsiphash_3u32(daddr, saddr, sport << 16 | hnum, key) & 0xFFFFFFFF
    want = n - 1 - (hash * n >> 32)  # the chain has the newest in front
    node = table.hash.get(hnum)
    while node is not None:
        if isinstance(node, UdpSock) and _in_group(node, first):
            if want == 0:
                return node
            want -= 1
        node = node.hash_next
    return first


def _in_group(sk: UdpSock, first: UdpSock) -> bool:
    return (
        sk.sk_reuseport
        and sk.sk_state != TCP_ESTABLISHED
        and sk.sk_rcv_saddr == first.sk_rcv_saddr
        and sk.sk_bound_dev_if == first.sk_bound_dev_if
        and sk.sk_uid == first.sk_uid
    )


def udp_queue_rcv_skb(sk: UdpSock, skb: SkBuff, mib: UdpMib) -> i64:
    """To one socket. A train of segments is taken apart unless the socket wants it whole (UDP_GRO)."""
    if skb.gso_size != 0 and not sk.gro_enabled:
        k = sk.kernel
        seg = gso.skb_gso_segment(k, skb)
        while seg is not None:
            after = seg.next
            seg.next = None
            seg.tstamp = skb.tstamp
            seg.skb_iif = skb.skb_iif
            udp_queue_rcv_one_skb(sk, seg, mib)
            seg = after
        skbuff.consume_skb(k, skb)
        return 0
    return udp_queue_rcv_one_skb(sk, skb, mib)


def udp_queue_rcv_one_skb(sk: UdpSock, skb: SkBuff, mib: UdpMib) -> i64:
    """`__udp_enqueue_schedule_skb`: into the receive queue, or dropped for want of room."""
    size = skb.truesize
    rmem = sk.sk_rmem_alloc
    reason: i64 = 0
    if sk.pcflag != 0 and not _udplite_accept(sk, skb):
        reason = SKB_DROP_REASON_NOT_SPECIFIED
    elif rmem != 0 and rmem + size > sk.sk_rcvbuf:
        mib.RcvbufErrors += 1
        reason = SKB_DROP_REASON_SOCKET_RCVBUFF
    elif size > sk.sk_forward_alloc and not core_sock.sk_rmem_schedule(sk, size):
        mib.MemErrors += 1
        reason = SKB_DROP_REASON_PROTO_MEM
    if reason != 0:
        mib.InErrors += 1
        sk.sk_drops += 1
        skbuff.kfree_skb_reason(sk.kernel, skb, reason)
        return 0
    if sk.cmsg_flags & ip_sockglue.IP_CMSG_PKTINFO:
        ip_sockglue.ipv4_pktinfo_prepare(sk, skb)
    skb.dev = None
    skb.dst = None
    skbuff.skb_set_owner_r(skb, sk)
    if sk.sk_flags & SOCK_RXQ_OVFL:
        skb.ack_seq = sk.sk_drops
    skbuff.skb_queue_tail(sk.sk_receive_queue, skb)
    sk.sk_data_ready.run(sk)
    return 0


def _udplite_accept(sk: UdpSock, skb: SkBuff) -> bool:
    """RFC 3828 section 3.1: a socket may insist on a least coverage (UDPLITE_RECV_CSCOV)."""
    uh = skb.uh
    if uh is None or not sk.pcflag & UDPLITE_RECV_CC:
        return True
    cov = uh.len
    whole = UDP_HDRLEN + skb.len
    if cov == 0 or cov >= whole:
        return True
    return sk.pcrlen != 0 and cov >= sk.pcrlen


def __udp4_lib_mcast_deliver(
    net: Net, skb: SkBuff, iph: Iphdr, uh: Udphdr, table: UdpTable, mib: UdpMib
) -> i64:
    """To every socket that listens: groups and broadcasts have no one receiver."""
    k = net.kernel
    first: UdpSock | None = None
    node = table.hash.get(uh.dest)
    while node is not None:
        if isinstance(node, UdpSock) and __udp_is_mcast_sock(node, iph, uh, skb.skb_iif):
            if first is None:
                first = node
            else:
                copy = skbuff.skb_clone(k, skb)
                skbuff.skb_copy_headers(copy, skb)
                udp_queue_rcv_skb(node, copy, mib)
        node = node.hash_next
    if first is not None:
        return udp_queue_rcv_skb(first, skb, mib)
    mib.IgnoredMulti += 1
    skbuff.consume_skb(k, skb)
    return 0


def __udp_is_mcast_sock(sk: UdpSock, iph: Iphdr, uh: Udphdr, dif: i64) -> bool:
    if (
        (sk.sk_daddr != 0 and sk.sk_daddr != iph.saddr)
        or (sk.sk_dport != 0 and sk.sk_dport != uh.source)
        or (sk.sk_rcv_saddr != 0 and sk.sk_rcv_saddr != iph.daddr)
        or sk.sk_ipv6only
        or (sk.sk_bound_dev_if != 0 and sk.sk_bound_dev_if != dif)
    ):
        return False
    return ip_sockglue.ip_mc_sf_allow(sk, iph.daddr, iph.saddr, dif)


def udp_err(skb: SkBuff, info: i64) -> i64:
    """An ICMP error about a datagram of ours."""
    dev = skb.dev
    assert dev is not None
    return udp4_lib_err(skb, info, dev.net, dev.net.udp_table)


def udp4_lib_err(skb: SkBuff, info: i64, net: Net, table: UdpTable) -> i64:
    """RFC 1122 4.1.3.3: to the socket that sent it; only a connected one, or one with IP_RECVERR, learns of
    it.
    """
    iph = skb.iph
    icmph = skb.icmph
    if iph is None or icmph is None or skb.len < 8:
        return 0
    head = skbuff.skb_copy_bits(skb, 0, 4)
    source: i64 = (head[0] << 8) | head[1]
    dest: i64 = (head[2] << 8) | head[3]
    sk = __udp4_lib_lookup(net, iph.daddr, dest, iph.saddr, source, skb.skb_iif, table)
    if sk is None:
        net.mib_icmp.InErrors += 1
        return 0
    harderr = False
    type = icmph.type
    code = icmph.code
    err: i64
    if type == ICMP_TIME_EXCEEDED:
        err = EHOSTUNREACH
    elif type == ICMP_PARAMETERPROB:
        err = EPROTO
        harderr = True
    elif type == ICMP_DEST_UNREACH:
        if code == ICMP_FRAG_NEEDED:
            # RFC 1191
            route.ip_rt_update_pmtu(net, sk.sk_dst_cache, iph.daddr, info)
            if sk.pmtudisc == IP_PMTUDISC_DONT:
                return 0
            err = EMSGSIZE
            harderr = True
        else:
            err = EHOSTUNREACH
            if code <= NR_ICMP_UNREACH:
                harderr = icmp.ICMP_ERR_FATAL[code] != 0
                err = icmp.ICMP_ERR_ERRNO[code]
    else:
        return 0
    if not sk.recverr:
        if not harderr or sk.sk_state != TCP_ESTABLISHED:
            return 0
    else:
        payload = skbuff.skb_copy_bits(skb, 8, skb.len - 8)
        ip_sockglue.ip_icmp_error(sk, skb, err, dest, info, payload)
    sk.sk_err = err
    sk.sk_error_report.run(sk)
    return 0


# Ports


def udp_table_of(sk: SockCommon) -> UdpTable:
    """Where sk is found: UDP and UDP-Lite have tables of their own."""
    net = sk.sk_net
    return net.udplite_table if sk.sk_prot.name == "UDP-Lite" else net.udp_table


def udp_mib(sk: UdpSock) -> UdpMib:
    """The counters sk counts in."""
    net = sk.sk_net
    return net.mib_udplite if sk.pcflag != 0 else net.mib_udp


def udp_v4_get_port(sk: UdpSock, snum: i64) -> i64:
    """`udp_lib_get_port`: take snum, or a free port of the range when 0. 0, or 1 when it is taken, or none
    is left.
    """
    table = udp_table_of(sk)
    if snum != 0:
        if udp_lib_lport_inuse(table, snum, sk, True):
            return 1
    else:
        snum = _ephemeral(sk, table)
        if snum == 0:
            return 1
    sk.sk_num = snum
    sk.hash_next = table.hash.get(snum)
    table.hash[snum] = sk
    sk.sk_hashed = True
    return 0


def _ephemeral(sk: UdpSock, table: UdpTable) -> i64:
    """A free port of ip_local_port_range, from a random one on (RFC 6056 section 3.3.1). 0: all are taken."""
    net = sk.sk_net
    low, high = inet_sk_get_local_port_range(sk)
    remaining = high - low + 1
    if remaining <= 0:
        return 0
    reserved = net.ipv4.sysctl_ip_local_reserved_ports
    port = low + net.kernel.rng_port.below(remaining)
    tried: i64 = 0
    while tried < remaining:
        if port not in table.hash or not udp_lib_lport_inuse(table, port, sk, False):
            if not reserved or not inet_is_local_reserved_port(reserved, port):
                return port
        port += 1
        if port > high:
            port = low
        tried += 1
    return 0


def inet_sk_get_local_port_range(sk: InetSock) -> tuple[i64, i64]:
    """The namespace's range, narrowed by IP_LOCAL_PORT_RANGE (ip(7)) where that lies within it."""
    lo: i64 = sk.sk_net.ipv4.sysctl_ip_local_port_range[0]
    hi: i64 = sk.sk_net.ipv4.sysctl_ip_local_port_range[1]
    sk_lo = sk.local_port_range_lo
    sk_hi = sk.local_port_range_hi
    if sk_lo != 0 and lo <= sk_lo <= hi:
        lo = sk_lo
    if sk_hi != 0 and lo <= sk_hi <= hi:
        hi = sk_hi
    return lo, hi


def inet_is_local_reserved_port(reserved: str, port: i64) -> bool:
    """ip_local_reserved_ports: "8080,9000-9100"."""
    for part in reserved.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            continue
        if int(first) <= port <= int(last if dash else first):
            return True
    return False


def udp_lib_lport_inuse(table: UdpTable, num: i64, sk: UdpSock, explicit: bool) -> bool:
    """Somebody holds num in a way that excludes sk (SO_REUSEADDR, SO_REUSEPORT, addresses and devices that
    differ).
    """
    node = table.hash.get(num)
    while node is not None:
        if (
            node is not sk
            and (node.sk_reuse == 0 or sk.sk_reuse == 0)
            and (
                node.sk_bound_dev_if == 0
                or sk.sk_bound_dev_if == 0
                or node.sk_bound_dev_if == sk.sk_bound_dev_if
            )
            and inet_rcv_saddr_equal(sk, node, True)
        ):
            if node.sk_reuseport and sk.sk_reuseport and cast("UdpSock", node).sk_uid == sk.sk_uid:
                if explicit:
                    return False
            else:
                return True
        node = node.hash_next
    return False


def inet_rcv_saddr_equal(sk: SockCommon, sk2: SockCommon, match_wildcard: bool) -> bool:
    """The two local addresses overlap."""
    if sk2.sk_ipv6only or sk.sk_ipv6only:
        return sk.sk_family == sk2.sk_family and sk.sk_v6_rcv_saddr == sk2.sk_v6_rcv_saddr
    if sk.sk_rcv_saddr == sk2.sk_rcv_saddr:
        return True
    return match_wildcard and (sk.sk_rcv_saddr == 0 or sk2.sk_rcv_saddr == 0)


def udp_lib_unhash(sk: UdpSock) -> None:
    """The port is free again."""
    if not sk.sk_hashed:
        return
    table = udp_table_of(sk)
    num = sk.sk_num
    node = table.hash.get(num)
    before: SockCommon | None = None
    while node is not None and node is not sk:
        before = node
        node = node.hash_next
    if node is not None:
        after = sk.hash_next
        if before is not None:
            before.hash_next = after
        elif after is not None:
            table.hash[num] = after
        else:
            del table.hash[num]
    sk.hash_next = None
    sk.sk_hashed = False
    sk.sk_num = 0


# connect(2)


def ip4_datagram_connect(sk: InetSock, uaddr: bytes) -> i64:
    """Remember a peer: its datagrams only, and its ICMP errors. 0 or -errno."""
    if len(uaddr) < 16:
        return -EINVAL
    if sa_family(uaddr) != AF_INET:
        return -EAFNOSUPPORT
    core_sock.sk_dst_reset(sk)
    net = sk.sk_net
    daddr = sockaddr_in_addr(uaddr)
    oif = sk.sk_bound_dev_if
    saddr = sk.inet_saddr
    if route.ipv4_is_multicast(daddr):
        if oif == 0:
            oif = sk.mc_index
        if saddr == 0:
            saddr = sk.mc_addr
    elif oif == 0:
        oif = sk.uc_index
    fl4 = route.Flowi4(daddr, saddr, oif)
    dport = sockaddr_in_port(uaddr)
    rt = route.ip_route_connect(fl4, net, daddr, saddr, oif, sk.sk_protocol, sk.inet_sport, dport)
    if rt is None:
        if fl4.err == -ENETUNREACH:
            net.mib_ip.OutNoRoutes += 1
        return fl4.err
    if rt.rt_flags & route.RTCF_BROADCAST and not sk.sk_flags & SOCK_BROADCAST:
        return -EACCES
    if sk.inet_saddr == 0:
        sk.inet_saddr = fl4.saddr
    if sk.sk_rcv_saddr == 0:
        sk.sk_rcv_saddr = fl4.saddr
        sk.sk_prot.rehash(sk)
    sk.sk_daddr = fl4.daddr
    sk.sk_dport = dport
    sk.sk_state = TCP_ESTABLISHED
    if isinstance(sk, UdpSock):
        cork = sk.cork
        if cork is not None and sk.pending != 0:
            # Linux: the flow of corked data is the socket's, so what waits goes to the new peer
            cork.daddr = fl4.daddr
            cork.saddr = fl4.saddr
            cork.dport = dport
    sk.inet_id = net.kernel.rng_misc.get_random_u32() & 0xFFFF
    core_sock.sk_dst_set(sk, rt)
    return 0


def udp_disconnect(sk: InetSock, flags: i64) -> i64:
    """connect(2) with AF_UNSPEC: forget the peer, and what was not bound by the program itself."""
    sk.sk_state = TCP_CLOSE
    sk.sk_daddr = 0
    sk.sk_dport = 0
    sk.sk_bound_dev_if = 0
    if not sk.sk_userlocks & SOCK_BINDADDR_LOCK:
        sk.sk_rcv_saddr = 0
        sk.inet_saddr = 0
        sk.sk_prot.rehash(sk)
    if not sk.sk_userlocks & SOCK_BINDPORT_LOCK:
        sk.sk_prot.unhash(sk)
        sk.inet_sport = 0
    core_sock.sk_dst_reset(sk)
    return 0


# Life and options


def udp_destroy_sock(sk: UdpSock) -> None:
    """Corked pieces and memberships go."""
    udp_flush_pending_frames(sk)
    ip_sockglue.ip_mc_drop_socket(sk)


def udp_lib_close(sk: InetSock) -> None:
    """`sk_common_release`: close(2) never lingers here."""
    sk.sk_prot.destroy(sk)
    sk.sk_prot.unhash(sk)
    core_sock.sock_orphan(sk)
    core_sock.sock_put(sk)


def udp_lib_setsockopt(sk: UdpSock, optname: i64, opt: Sockopt) -> i64:
    """Options of level IPPROTO_UDP (udp(7)). 0 or -errno."""
    if opt.optlen < 4 or len(opt.optval) < 4:
        return -EINVAL
    val = ip_sockglue.get_s32(opt.optval, 0)
    on = val != 0
    if optname == UDP_CORK:
        sk.corkflag = on
        if not on and sk.pending != 0:
            udp_push_pending_frames(sk)
        return 0
    if optname == UDP_ENCAP:
        if val != 0:
            return -ENOPROTOOPT
        sk.encap_type = 0
        return 0
    if optname == UDP_NO_CHECK6_TX:
        sk.no_check6_tx = on
        return 0
    if optname == UDP_NO_CHECK6_RX:
        sk.no_check6_rx = on
        return 0
    if optname == UDP_SEGMENT:
        if val < 0 or val > 0xFFFF:
            return -EINVAL
        sk.gso_size = val
        return 0
    if optname == UDP_GRO:
        sk.gro_enabled = on
        return 0
    if optname == UDPLITE_SEND_CSCOV or optname == UDPLITE_RECV_CSCOV:
        if sk.pcflag == 0:
            return -ENOPROTOOPT
        if val != 0 and val < 8:
            val = 8
        elif val > 0xFFFF:
            val = 0xFFFF
        if optname == UDPLITE_SEND_CSCOV:
            sk.pcslen = val
            sk.pcflag |= UDPLITE_SEND_CC
        else:
            sk.pcrlen = val
            sk.pcflag |= UDPLITE_RECV_CC
        return 0
    return -ENOPROTOOPT


def udp_lib_getsockopt(sk: UdpSock, optname: i64, opt: Sockopt) -> i64:
    """0 with opt.result, or -errno."""
    if opt.optlen < 0:
        return -EINVAL
    if optname == UDP_CORK:
        val: i64 = 1 if sk.corkflag else 0
    elif optname == UDP_ENCAP:
        val = sk.encap_type
    elif optname == UDP_NO_CHECK6_TX:
        val = 1 if sk.no_check6_tx else 0
    elif optname == UDP_NO_CHECK6_RX:
        val = 1 if sk.no_check6_rx else 0
    elif optname == UDP_SEGMENT:
        val = sk.gso_size
    elif optname == UDP_GRO:
        val = 1 if sk.gro_enabled else 0
    elif optname == UDPLITE_SEND_CSCOV:
        val = sk.pcslen
    elif optname == UDPLITE_RECV_CSCOV:
        val = sk.pcrlen
    else:
        return -ENOPROTOOPT
    opt.result = ip_sockglue.le32_bytes(val)[: opt.optlen]
    return 0


class UdpProt(Proto):
    """`udp_prot`."""

    def alloc(self, net: Net) -> Sock:
        return UdpSock(net.kernel, AF_INET, net, self, core_sock.SOCK_DEF_CALLBACKS)

    def destroy(self, sk: Sock) -> None:
        udp_destroy_sock(cast(UdpSock, sk))

    def close(self, sk: Sock, timeout: i64, call: Call | None) -> i64:
        udp_lib_close(cast(InetSock, sk))
        return 0

    def connect(self, sk: Sock, uaddr: bytes) -> i64:
        return ip4_datagram_connect(cast(InetSock, sk), uaddr)

    def pre_connect(self, sk: Sock, uaddr: bytes) -> i64:
        return -EINVAL if len(uaddr) < 16 else 0

    def disconnect(self, sk: Sock, flags: i64) -> i64:
        return udp_disconnect(cast(InetSock, sk), flags)

    def ioctl(self, sk: Sock, cmd: i64, arg: object) -> i64:
        return udp_ioctl(cast(UdpSock, sk), cmd, arg)

    def setsockopt(self, sk: Sock, level: i64, optname: i64, opt: Sockopt, task: Task) -> i64:
        if level == SOL_UDP or level == SOL_UDPLITE:
            return udp_lib_setsockopt(cast(UdpSock, sk), optname, opt)
        return ip_sockglue.ip_setsockopt(cast(InetSock, sk), level, optname, opt, task)

    def getsockopt(self, sk: Sock, level: i64, optname: i64, opt: Sockopt, task: Task) -> i64:
        if level == SOL_UDP or level == SOL_UDPLITE:
            return udp_lib_getsockopt(cast(UdpSock, sk), optname, opt)
        return ip_sockglue.ip_getsockopt(cast(InetSock, sk), level, optname, opt, task)

    def sendmsg(self, sk: Sock, msg: Msghdr, size: i64) -> i64:
        return udp_sendmsg(cast(UdpSock, sk), msg, size)

    def recvmsg(self, sk: Sock, msg: Msghdr, size: i64, flags: i64) -> i64:
        return udp_recvmsg(cast(UdpSock, sk), msg, size, flags)

    def unhash(self, sk: Sock) -> None:
        udp_lib_unhash(cast(UdpSock, sk))

    def get_port(self, sk: Sock, snum: i64) -> i64:
        return udp_v4_get_port(cast(UdpSock, sk), snum)

    def memory_allocated_add(self, sk: Sock, pages: i64) -> i64:
        table = sk.sk_net.udp_table
        table.memory_allocated += pages
        return table.memory_allocated

    def mem_limits(self, sk: Sock) -> list[int] | None:
        return sk.sk_net.ipv4.sysctl_udp_mem


udp_prot: Final = UdpProt("UDP", "UDP")


class UdpProtocol(NetProtocol):
    """`udp_protocol`."""

    def handler(self, skb: SkBuff) -> i64:
        return udp_rcv(skb)

    def err_handler(self, skb: SkBuff, info: i64) -> i64:
        return udp_err(skb, info)


def udp_init(k: Kernel) -> None:
    """UDP packets come here from now on."""
    k.inet_protos[IPPROTO_UDP] = UdpProtocol("UDP")
