"""Socket addresses: what programs hand in and get back, byte for byte.

Kernel counterparts: `struct sockaddr_in`, `sockaddr_in6`, `sockaddr_un`, `sockaddr_ll`, `sockaddr_nl`;
ip(7), ipv6(7), unix(7), packet(7), netlink(7). Families, scope ids, interface numbers and netlink addresses
are host order (little-endian here); ports, flow information, sll_protocol and IP addresses are network order.
On our side every number is a plain integer in host order and an IPv6 address is 16 bytes.

Calls carry addresses packed (`msg_name`, the arguments of bind and connect); the protocols read the fields
they need with the functions below, and the classes are for those that want a whole address. Lengths are the
caller's to check, as in Linux each protocol's own: what lies beyond the end reads as 0, nothing raises.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from sockfs.uapi.in6 import SIZEOF_SOCKADDR_IN6
from sockfs.uapi.netlink import SIZEOF_SOCKADDR_NL
from sockfs.uapi.packet import SIZEOF_SOCKADDR_LL
from sockfs.uapi.socket import AF_INET, AF_PACKET, AF_UNSPEC

SIN6_LEN_RFC2133: Final = 24  # struct sockaddr_in6 before it had sin6_scope_id; still accepted


def sa_family(b: bytes) -> i64:
    """The family of a packed address, AF_UNSPEC if there are not even the two bytes of it."""
    if len(b) < 2:
        return AF_UNSPEC
    return b[0] | (b[1] << 8)


# AF_INET


class SockaddrIn:
    """`struct sockaddr_in`, 16 bytes: sin_family, sin_port, sin_addr, 8 bytes of zero."""

    family: i64
    port: i64
    addr: i64

    def __init__(self, family: i64, port: i64, addr: i64) -> None:
        self.family = family
        self.port = port
        self.addr = addr

    def pack(self) -> bytes:
        b = pack_sockaddr_in(self.addr, self.port)
        if self.family == AF_INET:
            return b
        return _le16(self.family) + b[2:]


def unpack_sockaddr_in(b: bytes) -> SockaddrIn:
    return SockaddrIn(sa_family(b), sockaddr_in_port(b), sockaddr_in_addr(b))


def pack_sockaddr_in(addr: i64, port: i64) -> bytes:
    """Sixteen bytes of family AF_INET."""
    word: int = (port & 0xFFFF) << 32 | (addr & 0xFFFFFFFF)
    return b"\x02\x00" + word.to_bytes(6, "big") + b"\x00\x00\x00\x00\x00\x00\x00\x00"


def sockaddr_in_port(b: bytes) -> i64:
    """sin_port; sin6_port lies at the same place."""
    if len(b) < 4:
        return 0
    return (b[2] << 8) | b[3]


def sockaddr_in_addr(b: bytes) -> i64:
    if len(b) < 8:
        return 0
    return (b[4] << 24) | (b[5] << 16) | (b[6] << 8) | b[7]


# AF_INET6


class SockaddrIn6:
    """`struct sockaddr_in6`, 28 bytes: sin6_family, sin6_port, sin6_flowinfo, sin6_addr, sin6_scope_id."""

    port: i64
    flowinfo: i64
    addr: bytes  # 16 bytes
    scope_id: i64

    def __init__(self, port: i64, flowinfo: i64, addr: bytes, scope_id: i64) -> None:
        self.port = port
        self.flowinfo = flowinfo
        self.addr = addr
        self.scope_id = scope_id

    def pack(self) -> bytes:
        return pack_sockaddr_in6(self.addr, self.port, self.flowinfo, self.scope_id)


def unpack_sockaddr_in6(b: bytes) -> SockaddrIn6:
    return SockaddrIn6(
        sockaddr_in_port(b), sockaddr_in6_flowinfo(b), sockaddr_in6_addr(b), sockaddr_in6_scope_id(b)
    )


def pack_sockaddr_in6(addr: bytes, port: i64, flowinfo: i64, scope_id: i64) -> bytes:
    """Twenty-eight bytes of family AF_INET6. `addr` has 16 bytes; `flowinfo` is what ntohl() gives."""
    word: int = (port & 0xFFFF) << 32 | (flowinfo & 0xFFFFFFFF)
    return b"\x0a\x00" + word.to_bytes(6, "big") + addr + _le32(scope_id)


def sockaddr_in6_flowinfo(b: bytes) -> i64:
    if len(b) < 8:
        return 0
    return (b[4] << 24) | (b[5] << 16) | (b[6] << 8) | b[7]


def sockaddr_in6_addr(b: bytes) -> bytes:
    """Always 16 bytes."""
    if len(b) < SIN6_LEN_RFC2133:
        return bytes(16)
    return b[8:24]


def sockaddr_in6_scope_id(b: bytes) -> i64:
    if len(b) < SIZEOF_SOCKADDR_IN6:
        return 0
    return b[24] | (b[25] << 8) | (b[26] << 16) | (b[27] << 24)


# AF_UNIX


class SockaddrUn:
    """`struct sockaddr_un`: sun_family, sun_path of at most 108 bytes.

    `path` is b"" for the unnamed address, starts with NUL for an abstract one (every byte of it counts, NULs
    too), and is a file name without its terminating NUL otherwise.
    """

    path: bytes

    def __init__(self, path: bytes) -> None:
        self.path = path

    def pack(self) -> bytes:
        return pack_sockaddr_un(self.path)


def unpack_sockaddr_un(b: bytes) -> SockaddrUn:
    return SockaddrUn(sockaddr_un_path(b))


def pack_sockaddr_un(path: bytes) -> bytes:
    """As getsockname(2) returns it: 2 bytes unnamed, 2 + n abstract, 2 + n + 1 with the NUL for a file name.

    A file name that fills all 108 bytes comes back with a NUL in a 111th byte (unix(7), BUGS).
    """
    if len(path) == 0:
        return b"\x01\x00"
    if path[0] == 0:
        return b"\x01\x00" + path
    return b"\x01\x00" + path + b"\x00"


def sockaddr_un_path(b: bytes) -> bytes:
    """The name in a packed address whose length is the caller's addrlen."""
    if len(b) <= 2:
        return b""
    if b[2] == 0:
        return b[2:]
    end = b.find(b"\x00", 2)
    return b[2:] if end < 0 else b[2:end]


# AF_PACKET


class SockaddrLl:
    """`struct sockaddr_ll`, 20 bytes. Of the `halen` bytes of the hardware address 8 have room."""

    protocol: i64  # ETH_P_*; the only field in network order
    ifindex: i64
    hatype: i64  # ARPHRD_*
    pkttype: i64  # PACKET_HOST …
    halen: i64
    addr: bytes

    def __init__(
        self, protocol: i64, ifindex: i64, hatype: i64, pkttype: i64, halen: i64, addr: bytes
    ) -> None:
        self.protocol = protocol
        self.ifindex = ifindex
        self.hatype = hatype
        self.pkttype = pkttype
        self.halen = halen
        self.addr = addr

    def pack(self) -> bytes:
        head: int = AF_PACKET | (self.protocol >> 8 & 0xFF) << 16 | (self.protocol & 0xFF) << 24
        tail: int = (self.hatype & 0xFFFF) | (self.pkttype & 0xFF) << 16 | (self.halen & 0xFF) << 24
        start = head.to_bytes(4, "little") + _le32(self.ifindex) + tail.to_bytes(4, "little")
        return start + (self.addr + bytes(8))[:8]


def unpack_sockaddr_ll(b: bytes) -> SockaddrLl:
    if len(b) < SIZEOF_SOCKADDR_LL:
        b = b + bytes(SIZEOF_SOCKADDR_LL - len(b))
    index: i64 = _get_le32(b, 4)
    if index & 0x80000000:
        index -= 1 << 32
    halen: i64 = b[11]
    return SockaddrLl(
        (b[2] << 8) | b[3], index, b[8] | (b[9] << 8), b[10], halen, b[12 : 12 + min(int(halen), 8)]
    )


# AF_NETLINK


class SockaddrNl:
    """`struct sockaddr_nl`, 12 bytes: nl_family, two bytes of padding, nl_pid, nl_groups."""

    pid: i64
    groups: i64

    def __init__(self, pid: i64, groups: i64) -> None:
        self.pid = pid
        self.groups = groups

    def pack(self) -> bytes:
        return b"\x10\x00\x00\x00" + _le32(self.pid) + _le32(self.groups)


def unpack_sockaddr_nl(b: bytes) -> SockaddrNl:
    if len(b) < SIZEOF_SOCKADDR_NL:
        b = b + bytes(SIZEOF_SOCKADDR_NL - len(b))
    return SockaddrNl(_get_le32(b, 4), _get_le32(b, 8))


def _le16(v: i64) -> bytes:
    n: int = v & 0xFFFF
    return n.to_bytes(2, "little")


def _le32(v: i64) -> bytes:
    n: int = v & 0xFFFFFFFF
    return n.to_bytes(4, "little")


def _get_le32(b: bytes, at: i64) -> i64:
    return b[at] | (b[at + 1] << 8) | (b[at + 2] << 16) | (b[at + 3] << 24)
