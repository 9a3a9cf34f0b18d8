"""Raw IPv4 sockets: packets of one protocol with their header, past the transports.

Kernel counterpart: `net/ipv4/raw.c`. `ip_local_deliver` gives each raw socket of a protocol a copy
(`raw_local_deliver`); `raw_sendmsg` writes the IP header, or takes the program's own (IP_HDRINCL, always
with IPPROTO_RAW). raw(7), icmp(7) for ICMP_FILTER.

Left out: multicast routing, router alert.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from mypy_extensions import i64

from sockfs.net.core import datagram, skbuff, sock_cmsg, wire
from sockfs.net.core import sock as core_sock
from sockfs.net.ipv4 import icmp, ip_options, ip_output, ip_sockglue, route, udp
from sockfs.structs.call import ESLEEP
from sockfs.structs.headers import Iphdr
from sockfs.structs.inet_sock import InetSock
from sockfs.structs.ops import Proto
from sockfs.structs.raw_sock import RawSock
from sockfs.structs.sock import SOCK_BROADCAST, Sock
from sockfs.structs.sockaddr import pack_sockaddr_in, sa_family, sockaddr_in_addr
from sockfs.uapi.errno import (
    EACCES,
    EADDRNOTAVAIL,
    EAFNOSUPPORT,
    EDESTADDRREQ,
    EFAULT,
    EHOSTUNREACH,
    EINVAL,
    EMSGSIZE,
    ENOIOCTLCMD,
    ENOPROTOOPT,
    EOPNOTSUPP,
    EPROTO,
)
from sockfs.uapi.icmp import (
    ICMP_DEST_UNREACH,
    ICMP_FILTER,
    ICMP_FRAG_NEEDED,
    ICMP_PARAMETERPROB,
    ICMP_TIME_EXCEEDED,
    NR_ICMP_UNREACH,
)
from sockfs.uapi.if_ether import ETH_P_IP
from sockfs.uapi.in_ import IP_PMTUDISC_DO, IP_PMTUDISC_PROBE, IP_PMTUDISC_WANT, IPPROTO_ICMP
from sockfs.uapi.ioctl import SIOCINQ, SIOCOUTQ
from sockfs.uapi.ip import IP_DF
from sockfs.uapi.rtnetlink import RTN_BROADCAST, RTN_LOCAL, RTN_MULTICAST
from sockfs.uapi.socket import (
    AF_INET,
    AF_UNSPEC,
    MSG_DONTWAIT,
    MSG_ERRQUEUE,
    MSG_OOB,
    MSG_TRUNC,
    SOL_RAW,
)
from sockfs.uapi.tcp import TCP_CLOSE, TCP_ESTABLISHED

if TYPE_CHECKING:
    from sockfs.structs.call import Call
    from sockfs.structs.msghdr import Msghdr
    from sockfs.structs.net import Net
    from sockfs.structs.ops import Sockopt
    from sockfs.structs.sk_buff import SkBuff
    from sockfs.structs.sock import SockCommon
    from sockfs.structs.task import Task

MAX_LENGTH: Final = 0xFFFF


# The network's side


def raw_local_deliver(net: Net, skb: SkBuff, protocol: i64) -> bool:
    """Copies to the raw sockets that want it. True: there was one."""
    node = net.raw_hash.get(protocol)
    iph = skb.iph
    if node is None or iph is None:
        return False
    taken = False
    whole = b""
    while node is not None:
        sk = node
        node = node.hash_next
        if isinstance(sk, RawSock) and raw_v4_match(sk, iph, skb.skb_iif):
            if not taken:
                whole = wire.skb_to_bytes(skb)
            taken = True
            if protocol == IPPROTO_ICMP and icmp_filter(sk, whole, iph):
                continue
            raw_rcv(sk, skb, whole)
    return taken


def raw_v4_match(sk: RawSock, iph: Iphdr, dif: i64) -> bool:
    """The socket's addresses and device allow the packet."""
    if (
        (sk.sk_daddr != 0 and sk.sk_daddr != iph.saddr)
        or (sk.sk_rcv_saddr != 0 and sk.sk_rcv_saddr != iph.daddr)
        or (sk.sk_bound_dev_if != 0 and sk.sk_bound_dev_if != dif)
    ):
        return False
    return ip_sockglue.ip_mc_sf_allow(sk, iph.daddr, iph.saddr, dif)


def icmp_filter(sk: RawSock, whole: bytes, iph: Iphdr) -> bool:
    """ICMP_FILTER: the socket does not want this type."""
    at = iph.ihl << 2
    if at >= len(whole):
        return True
    type: i64 = whole[at]
    return type < 32 and (sk.icmp_filter >> type) & 1 != 0


def raw_rcv(sk: RawSock, skb: SkBuff, whole: bytes) -> None:
    """One copy, IP header and all, into the queue of one socket."""
    k = sk.kernel
    copy = skbuff.alloc_skb(k)
    skbuff.skb_set_data(copy, whole)
    copy.truesize = udp.udp_truesize(len(whole))
    copy.tstamp = skb.tstamp
    copy.skb_iif = skb.skb_iif
    copy.mark = skb.mark
    copy.priority = skb.priority
    copy.iph = wire.ipv4_header_from(whole)
    copy.dst = skb.dst
    ip_sockglue.ipv4_pktinfo_prepare(sk, copy)
    reason = core_sock.sock_queue_rcv_skb_reason(sk, copy)
    if reason != 0:
        skbuff.kfree_skb_reason(k, copy, reason)


def raw_icmp_error(net: Net, skb: SkBuff, protocol: i64, info: i64) -> None:
    """An ICMP error (skb as `icmp_socket_deliver` made it): to the raw sockets that could have sent the
    quoted packet.
    """
    node = net.raw_hash.get(protocol)
    iph = skb.iph
    if iph is None:
        return
    while node is not None:
        sk = node
        node = node.hash_next
        if (
            isinstance(sk, RawSock)
            and (sk.sk_daddr == 0 or sk.sk_daddr == iph.daddr)
            and (sk.sk_rcv_saddr == 0 or sk.sk_rcv_saddr == iph.saddr)
            and (sk.sk_bound_dev_if == 0 or sk.sk_bound_dev_if == skb.skb_iif)
        ):
            raw_err(sk, skb, info)


def raw_err(sk: RawSock, skb: SkBuff, info: i64) -> None:
    """As UDP's: only a connected socket, or one with IP_RECVERR, learns of it."""
    icmph = skb.icmph
    if icmph is None:
        return
    code = icmph.code
    harderr = False
    err: i64 = EHOSTUNREACH
    if icmph.type == ICMP_PARAMETERPROB:
        err = EPROTO
        harderr = True
    elif icmph.type == ICMP_DEST_UNREACH:
        if code <= NR_ICMP_UNREACH:
            err = icmp.ICMP_ERR_ERRNO[code]
            harderr = icmp.ICMP_ERR_FATAL[code] != 0
        if code == ICMP_FRAG_NEEDED:
            harderr = sk.pmtudisc != 0
            err = EMSGSIZE
    elif icmph.type != ICMP_TIME_EXCEEDED:
        return
    if not sk.recverr and sk.sk_state != TCP_ESTABLISHED:
        return
    if sk.recverr:
        payload = skbuff.skb_payload(skb)
        iph = skb.iph
        if sk.hdrincl and iph is not None:
            payload = wire.ipv4_header(iph, iph.tot_len) + payload
        ip_sockglue.ip_icmp_error(sk, skb, err, 0, info, payload)
    if sk.recverr or harderr:
        sk.sk_err = err
        sk.sk_error_report.run(sk)


# The program's side


def raw_sendmsg(sk: RawSock, msg: Msghdr, length: i64) -> i64:
    """One packet. Bytes, -errno, or -ESLEEP."""
    if length > MAX_LENGTH:
        return -EMSGSIZE
    if msg.msg_flags & MSG_OOB:
        return -EOPNOTSUPP
    net = sk.sk_net
    name = msg.msg_name
    if name is not None:
        if len(name) < 16:
            return -EINVAL
        family = sa_family(name)
        if family != AF_INET and family != AF_UNSPEC:
            return -EAFNOSUPPORT
        daddr = sockaddr_in_addr(name)
    else:
        if sk.sk_state != TCP_ESTABLISHED:
            return -EDESTADDRREQ
        daddr = sk.sk_daddr
    ipc = ip_sockglue.IpcmCookie(sk)
    if msg.msg_control is not None:
        err = ip_sockglue.ip_cmsg_send(sk, msg, ipc)
        if err != 0:
            return err
    if len(ipc.opt) == 0:
        ipc.opt = sk.inet_opt
    if sk.hdrincl and len(ipc.opt) != 0 and msg.msg_control is not None:
        return -EINVAL
    saddr = ipc.addr
    if route.ipv4_is_multicast(daddr):
        if ipc.oif == 0:
            ipc.oif = sk.mc_index
        if saddr == 0:
            saddr = sk.mc_addr
    elif ipc.oif == 0:
        ipc.oif = sk.uc_index
    if sk.sk_protocol == IPPROTO_ICMP and not sk.hdrincl and length < 2:
        return -EFAULT  # Linux: type and code are read before anything else
    fl4 = route.Flowi4(daddr, saddr, ipc.oif)
    fl4.proto = ipc.protocol
    if sk.hdrincl or sk.transparent:
        fl4.flags = route.FLOWI_FLAG_ANYSRC
    rt = route.ip_route_output_flow(net, fl4, sk)
    if rt is None:
        return fl4.err
    if rt.rt_flags & route.RTCF_BROADCAST and not sk.sk_flags & SOCK_BROADCAST:
        return -EACCES
    if length + (0 if sk.hdrincl else 20 + len(ipc.opt)) > udp_mtu(sk, rt):
        ip_sockglue.ip_local_error(sk, EMSGSIZE, fl4.daddr, sk.sk_dport, rt.mtu())
        return -EMSGSIZE
    if sk.hdrincl and length < 20:
        return -EINVAL
    err = core_sock.sock_alloc_send_room(sk, msg, (msg.msg_flags & MSG_DONTWAIT) != 0)
    if err != 0:
        if err != -ESLEEP:
            net.mib_ip.OutDiscards += 1
        return err
    data = msg.msg_iter.take(length)
    skb = skbuff.alloc_skb(sk.kernel)
    skb.protocol = ETH_P_IP
    skb.priority = ipc.priority
    skb.mark = ipc.mark
    skb.dst = rt
    if sk.hdrincl:
        err = raw_send_hdrinc(sk, skb, data, fl4)
        if err != 0:
            net.mib_ip.OutDiscards += 1
            skbuff.consume_skb(sk.kernel, skb)
            return err
        err = rt.output(skb)  # Linux: not counted among OutRequests
    else:
        _raw_send(sk, skb, data, fl4, ipc, rt)
        err = ip_output.ip_local_out(net, sk, skb)
    return length if err >= 0 or (err == -105 and not sk.recverr) else err


def udp_mtu(sk: InetSock, rt: route.Rtable) -> i64:
    """The longest packet: any where it may be cut, else the MTU; a header of the program's own is never cut
    here.
    """
    if isinstance(sk, RawSock) and sk.hdrincl:
        return rt.dev.mtu
    return MAX_LENGTH if ip_output.ip_sk_ignore_df(sk) else rt.mtu()


def _raw_send(
    sk: RawSock, skb: SkBuff, data: bytes, fl4: route.Flowi4, ipc: ip_sockglue.IpcmCookie, rt: route.Rtable
) -> None:
    ttl = ipc.ttl
    if ttl == 0:
        ttl = sk.mc_ttl if rt.rt_type == RTN_MULTICAST else ip_output.ip_select_ttl(sk, rt)
    iph = Iphdr(fl4.saddr, fl4.daddr, sk.sk_protocol & 0xFF, ttl, ipc.tos if ipc.tos >= 0 else sk.tos)
    if len(ipc.opt) != 0:
        ip_options.ip_options_build(iph, ipc.opt)
    disc = sk.pmtudisc
    if disc in (IP_PMTUDISC_DO, IP_PMTUDISC_PROBE) or (
        disc == IP_PMTUDISC_WANT and len(data) + (iph.ihl << 2) <= rt.mtu()
    ):
        iph.frag_off = IP_DF
    if disc not in (IP_PMTUDISC_DO, IP_PMTUDISC_PROBE):
        iph.id = ip_output.ip_select_ident(sk.sk_net, 1)
    skb.iph = iph
    skbuff.skb_set_data(skb, data)
    skb.truesize = udp.udp_truesize(len(data))
    skbuff.skb_set_owner_w(skb, sk)
    if sk.sk_protocol == IPPROTO_ICMP and len(data) != 0:
        icmp.icmp_out_count(sk.sk_net, data[0])


def raw_send_hdrinc(sk: RawSock, skb: SkBuff, data: bytes, fl4: route.Flowi4) -> i64:
    """The program's own header. Filled in: total length and checksum always; source and identification when
    they are 0 (raw(7)).
    """
    hlen: i64 = (data[0] & 15) << 2
    iph = wire.ipv4_header_from(data)
    if iph.ihl < 5 or hlen > len(data):
        return -EINVAL
    if iph.saddr == 0:
        iph.saddr = fl4.saddr
    if iph.id == 0:
        iph.id = ip_output.ip_select_ident(sk.sk_net, 1)
    iph.tot_len = len(data)
    skb.iph = iph
    skbuff.skb_set_data(skb, data[hlen:])
    skbuff.skb_set_owner_w(skb, sk)
    if iph.protocol == IPPROTO_ICMP and hlen < len(data):
        icmp.icmp_out_count(sk.sk_net, data[hlen])
    return 0


def raw_recvmsg(sk: RawSock, msg: Msghdr, length: i64, flags: i64) -> i64:
    """The next packet, IP header first. Bytes, -errno, or -ESLEEP."""
    if flags & MSG_OOB:
        return -EOPNOTSUPP
    if flags & MSG_ERRQUEUE:
        return ip_sockglue.ip_recv_error(sk, msg, length)
    skb = datagram.__skb_recv_datagram(sk, msg, flags)
    if skb is None:
        return msg.err
    size = skb.len
    copied = size
    if length < copied:
        msg.msg_flags |= MSG_TRUNC
        copied = length
    skbuff.skb_copy_datagram_msg(skb, 0, msg, copied)
    sock_cmsg.sock_recv_cmsgs(msg, sk, skb)
    iph = skb.iph
    if msg.want_name and iph is not None:
        msg.msg_name = pack_sockaddr_in(iph.saddr, 0)
    if sk.cmsg_flags != 0:
        ip_sockglue.ip_cmsg_recv(sk, msg, skb)
    datagram.skb_free_datagram(sk, skb)
    return size if flags & MSG_TRUNC else copied


def raw_bind(sk: RawSock, uaddr: bytes) -> i64:
    """A raw socket is bound to an address, never to a port."""
    if len(uaddr) < 16 or sk.sk_state != TCP_CLOSE:
        return -EINVAL
    addr = sockaddr_in_addr(uaddr)  # Linux: whatever the family says
    kind = route.inet_addr_type(sk.sk_net, addr)
    if (
        addr != 0
        and kind not in (RTN_LOCAL, RTN_MULTICAST, RTN_BROADCAST)
        and not (sk.freebind or sk.transparent or sk.sk_net.ipv4.sysctl_ip_nonlocal_bind)
    ):
        return -EADDRNOTAVAIL
    sk.sk_rcv_saddr = addr
    sk.inet_saddr = 0 if kind in (RTN_MULTICAST, RTN_BROADCAST) else addr
    core_sock.sk_dst_reset(sk)
    return 0


def raw_hash_sk(sk: RawSock) -> None:
    """Found by its protocol from now on."""
    table = sk.sk_net.raw_hash
    sk.hash_next = table.get(sk.sk_num)
    table[sk.sk_num] = sk
    sk.sk_hashed = True


def raw_unhash_sk(sk: RawSock) -> None:
    """And no more."""
    if not sk.sk_hashed:
        return
    table = sk.sk_net.raw_hash
    node: SockCommon | None = table.get(sk.sk_num)
    before: SockCommon | None = None
    while node is not None and node is not sk:
        before = node
        node = node.hash_next
    after = sk.hash_next
    if before is not None:
        before.hash_next = after
    elif after is not None:
        table[sk.sk_num] = after
    else:
        table.pop(sk.sk_num, None)
    sk.hash_next = None
    sk.sk_hashed = False


def raw_disconnect(sk: InetSock) -> i64:
    """connect(2) with AF_UNSPEC."""
    sk.sk_state = TCP_CLOSE
    sk.sk_daddr = 0
    sk.sk_dport = 0
    sk.sk_bound_dev_if = 0
    if not sk.sk_userlocks & 4:
        sk.sk_rcv_saddr = 0
        sk.inet_saddr = 0
    core_sock.sk_dst_reset(sk)
    return 0


def raw_seticmpfilter(sk: RawSock, opt: Sockopt) -> i64:
    value = opt.optval[: opt.optlen][:4] + bytes(4)
    sk.icmp_filter = ip_sockglue.get_s32(value, 0) & 0xFFFFFFFF
    return 0


class RawProt(Proto):
    """`raw_prot`."""

    def alloc(self, net: Net) -> Sock:
        return RawSock(net.kernel, AF_INET, net, self, core_sock.SOCK_DEF_CALLBACKS)

    def close(self, sk: Sock, timeout: i64, call: Call | None) -> i64:
        udp.udp_lib_close(cast(InetSock, sk))
        return 0

    def destroy(self, sk: Sock) -> None:
        ip_sockglue.ip_mc_drop_socket(cast(InetSock, sk))

    def connect(self, sk: Sock, uaddr: bytes) -> i64:
        return udp.ip4_datagram_connect(cast(InetSock, sk), uaddr)

    def disconnect(self, sk: Sock, flags: i64) -> i64:
        return raw_disconnect(cast(InetSock, sk))

    def bind(self, sk: Sock, uaddr: bytes) -> i64:
        return raw_bind(cast(RawSock, sk), uaddr)

    def hash(self, sk: Sock) -> i64:
        raw_hash_sk(cast(RawSock, sk))
        return 0

    def unhash(self, sk: Sock) -> None:
        raw_unhash_sk(cast(RawSock, sk))

    def sendmsg(self, sk: Sock, msg: Msghdr, size: i64) -> i64:
        return raw_sendmsg(cast(RawSock, sk), msg, size)

    def recvmsg(self, sk: Sock, msg: Msghdr, size: i64, flags: i64) -> i64:
        return raw_recvmsg(cast(RawSock, sk), msg, size, flags)

    def ioctl(self, sk: Sock, cmd: i64, arg: object) -> i64:
        if cmd == SIOCOUTQ:
            return udp.put_int(arg, sk.sk_wmem_alloc)
        if cmd == SIOCINQ:
            skb = sk.sk_receive_queue.first
            return udp.put_int(arg, 0 if skb is None else skb.len)
        return -ENOIOCTLCMD

    def setsockopt(self, sk: Sock, level: i64, optname: i64, opt: Sockopt, task: Task) -> i64:
        if level == SOL_RAW:
            if optname != ICMP_FILTER:
                return -ENOPROTOOPT
            if sk.sk_num != IPPROTO_ICMP:
                return -EOPNOTSUPP
            return raw_seticmpfilter(cast(RawSock, sk), opt)
        return ip_sockglue.ip_setsockopt(cast(InetSock, sk), level, optname, opt, task)

    def getsockopt(self, sk: Sock, level: i64, optname: i64, opt: Sockopt, task: Task) -> i64:
        if level == SOL_RAW:
            if optname != ICMP_FILTER:
                return -ENOPROTOOPT
            if sk.sk_num != IPPROTO_ICMP:
                return -EOPNOTSUPP
            if opt.optlen < 0:
                return -EINVAL
            opt.result = ip_sockglue.le32_bytes(cast(RawSock, sk).icmp_filter)[: opt.optlen]
            return 0
        return ip_sockglue.ip_getsockopt(cast(InetSock, sk), level, optname, opt, task)


raw_prot: Final = RawProt("RAW", "RAW")
