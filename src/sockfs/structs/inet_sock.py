"""What every internet socket has: `struct inet_sock`.

Kernel counterpart: `include/net/inet_sock.h`, `struct ipv6_pinfo` of `include/linux/ipv6.h`. Addresses and
ports of a lookup lie in `SockCommon` (`sk_daddr`, `sk_rcv_saddr`, `sk_num`, `sk_dport`); `inet_saddr` is
the source address of what is sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import i64

from sockfs.structs.sock import Sock, SockCallback

if TYPE_CHECKING:
    from sockfs.structs.dst import Dst
    from sockfs.structs.kernel import Kernel
    from sockfs.structs.net import Net
    from sockfs.structs.ops import Proto


class Ipv6Pinfo:
    """`struct ipv6_pinfo`: the options of ipv6(7)."""

    saddr: bytes
    hop_limit: i64
    mcast_hops: i64
    mcast_oif: i64
    unicast_oif: i64
    mc_loop: bool
    pmtudisc: i64
    tclass: i64
    flow_label: i64
    recverr: bool
    recverr_rfc4884: bool
    rxopt: i64  # IPV6_RECV* bits, as shifts of the option number's bit in net/ipv6
    frag_size: i64
    autoflowlabel: bool
    dontfrag: bool
    min_hopcount: i64
    srcprefs: i64
    recv_fragsize: bool
    opt: bytes

    def __init__(self) -> None:
        self.saddr = bytes(16)
        self.hop_limit = -1
        self.mcast_hops = 1
        self.mcast_oif = 0
        self.unicast_oif = 0
        self.mc_loop = True
        self.pmtudisc = 1
        self.tclass = 0
        self.flow_label = 0
        self.recverr = False
        self.recverr_rfc4884 = False
        self.rxopt = 0
        self.frag_size = 0
        self.autoflowlabel = True
        self.dontfrag = False
        self.min_hopcount = 0
        self.srcprefs = 0
        self.recv_fragsize = False
        self.opt = b""


def inet_ntoa(addr: i64) -> str:
    """Dotted quad of a host-order address (for pictures and traces)."""
    return f"{(addr >> 24) & 255}.{(addr >> 16) & 255}.{(addr >> 8) & 255}.{addr & 255}"


class IpMcMembership:
    """`struct ip_mc_socklist`: one multicast group that a socket joined."""

    multiaddr: i64
    address: i64
    ifindex: i64
    sfmode: i64
    sources: list[int]
    filtered: bool  # sources were named once: the mode stays what it was then

    def __init__(self, multiaddr: i64, address: i64, ifindex: i64) -> None:
        self.multiaddr = multiaddr
        self.address = address
        self.ifindex = ifindex
        self.sfmode = 0
        self.sources = []
        self.filtered = False


class CorkState:
    """`struct inet_cork_full`: datagram pieces gathered by MSG_MORE, UDP_CORK or a header-including send."""

    active: bool
    pieces: list[bytes]
    length: i64
    daddr: i64
    dport: i64
    saddr: i64
    oif: i64
    tos: i64
    ttl: i64
    gso_size: i64
    ipc_flags: i64
    dst: Dst | None  # the route of the first piece serves for all
    opt: bytes
    mark: i64
    priority: i64

    def __init__(self) -> None:
        self.active = False
        self.pieces = []
        self.length = 0
        self.daddr = 0
        self.dport = 0
        self.saddr = 0
        self.oif = 0
        self.tos = 0
        self.ttl = 0
        self.gso_size = 0
        self.ipc_flags = 0
        self.dst = None
        self.opt = b""
        self.mark = 0
        self.priority = 0


class InetSock(Sock):
    """`struct inet_sock`."""

    inet_saddr: i64
    inet_sport: i64
    inet_id: i64
    uc_ttl: i64  # -1: the route's
    tos: i64
    min_ttl: i64
    mc_ttl: i64
    mc_index: i64
    mc_addr: i64
    mc_loop: bool
    mc_all: bool
    mc_list: list[IpMcMembership] | None
    uc_index: i64
    pmtudisc: i64
    recverr: bool
    recverr_rfc4884: bool
    is_icsk: bool
    freebind: bool
    transparent: bool
    hdrincl: bool
    nodefrag: bool
    ra_chain: bool  # IP_ROUTER_ALERT is on
    bind_address_no_port: bool
    defer_connect: bool
    cmsg_flags: i64  # IP_CMSG_* bits (net/ipv4/ip_sockglue.py)
    rcv_tos: i64
    inet_opt: bytes  # IP options to send
    convert_csum: bool
    local_port_range_lo: i64
    local_port_range_hi: i64
    cork: CorkState | None
    pinet6: Ipv6Pinfo | None

    def __init__(
        self,
        kernel: Kernel,
        family: i64,
        net: Net,
        prot: Proto,
        callbacks: tuple[SockCallback, SockCallback, SockCallback, SockCallback],
    ) -> None:
        super().__init__(kernel, family, net, prot, callbacks)
        self.inet_saddr = 0
        self.inet_sport = 0
        self.inet_id = 0
        self.uc_ttl = -1
        self.tos = 0
        self.min_ttl = 0
        self.mc_ttl = 1
        self.mc_index = 0
        self.mc_addr = 0
        self.mc_loop = True
        self.mc_all = True
        self.mc_list = None
        self.uc_index = 0
        self.pmtudisc = 0
        self.recverr = False
        self.recverr_rfc4884 = False
        self.is_icsk = False
        self.freebind = False
        self.transparent = False
        self.hdrincl = False
        self.nodefrag = False
        self.ra_chain = False
        self.bind_address_no_port = False
        self.defer_connect = False
        self.cmsg_flags = 0
        self.rcv_tos = 0
        self.inet_opt = b""
        self.convert_csum = False
        self.local_port_range_lo = 0
        self.local_port_range_hi = 0
        self.cork = None
        self.pinet6 = None

    def local_address(self) -> str:
        if self.sk_num == 0 and self.inet_sport == 0:
            return ""
        return f"{inet_ntoa(self.sk_rcv_saddr)}:{self.inet_sport}"

    def remote_address(self) -> str:
        if self.sk_dport == 0:
            return ""
        return f"{inet_ntoa(self.sk_daddr)}:{self.sk_dport}"
