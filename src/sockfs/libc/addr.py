"""Addresses as Python programs write them (tuples, paths) and as system calls carry them (packed sockaddr),
both ways.

CPython counterpart: `getsockaddrarg`, `makesockaddr` and `setipaddr` of socketmodule.c; the error texts are
its own, programs match on them. Control comes from the socket methods; a name that is no number goes on to
`libc/netdb.py`.

A program says the same few addresses over and over: both directions are remembered (`_packed`, `_unpacked`),
literal addresses only.
"""

from __future__ import annotations

import os
from typing import Final

from mypy_extensions import i64

from sockfs.libc import netdb
from sockfs.structs import sockaddr
from sockfs.uapi.socket import AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_UNIX
from sockfs.util import inet

CACHE_MAX: Final = 4096
UNIX_PATH_MAX: Final = 108

_packed: Final[dict[tuple[object, ...], bytes]] = {}  # (host, port) of IPv4
_unpacked: Final[dict[bytes, object]] = {}  # object: a tuple of its own type would be made anew each time


def pack(family: int, address: object, caller: str) -> bytes:
    """The packed address; raises what CPython raises for a bad one."""
    if family == AF_INET:
        if isinstance(address, tuple):
            try:
                found = _packed.get(address)
            except TypeError:  # a bytearray as host
                found = None
            if found is not None and type(address[1]) is int:
                return found
        return _pack_inet(address, caller)
    if family == AF_INET6:
        return _pack_inet6(address, caller)
    if family == AF_UNIX:
        return _pack_unix(address)
    if family == AF_NETLINK:
        return _pack_netlink(address, caller)
    if family == AF_PACKET:
        return _pack_packet(address, caller)
    raise OSError(f"{caller}(): bad family")


def _pack_inet(address: object, caller: str) -> bytes:
    if not isinstance(address, tuple):
        raise TypeError(f"{caller}(): AF_INET address must be tuple, not {type(address).__name__}")
    if len(address) != 2:
        raise TypeError("AF_INET address must be a pair (host, port)")
    host, port = address[0], address[1]
    number = any_integer(port)
    name = hostname(host)
    literal = name in ("", "<broadcast>") or inet.inet_pton4(name) >= 0
    addr = netdb.setipaddr4(name)
    if number < 0 or number > 0xFFFF:
        raise OverflowError(f"{caller}(): port must be 0-65535.")
    packed = sockaddr.pack_sockaddr_in(addr, number)
    if literal and type(host) is str and type(port) is int:
        if len(_packed) >= CACHE_MAX:
            _packed.clear()
        _packed[address] = packed
    return packed


def _pack_inet6(address: object, caller: str) -> bytes:
    if not isinstance(address, tuple):
        raise TypeError(f"{caller}(): AF_INET6 address must be tuple, not {type(address).__name__}")
    n = len(address)
    if n < 2 or n > 4:
        raise TypeError("AF_INET6 address must be a tuple (host, port[, flowinfo[, scopeid]])")
    port = any_integer(address[1])
    flowinfo = integer(address[2]) if n > 2 else 0
    scope = integer(address[3]) if n > 3 else 0
    addr, found_scope = netdb.setipaddr6(hostname(address[0]))
    if port < 0 or port > 0xFFFF:
        raise OverflowError(f"{caller}(): port must be 0-65535.")
    if flowinfo < 0 or flowinfo > 0xFFFFF:
        raise OverflowError(f"{caller}(): flowinfo must be 0-1048575.")
    return sockaddr.pack_sockaddr_in6(addr, port, flowinfo, (scope or found_scope) & 0xFFFFFFFF)


def _pack_unix(address: object) -> bytes:
    if isinstance(address, str):
        path = os.fsencode(address)
    elif isinstance(address, (bytes, bytearray, memoryview)):
        path = bytes(address)
    else:
        raise TypeError(f"a bytes-like object is required, not '{type(address).__name__}'")
    if len(path) > 0 and path[0] == 0:
        if len(path) > UNIX_PATH_MAX:
            raise OSError("AF_UNIX path too long")
        return b"\x01\x00" + path
    if len(path) >= UNIX_PATH_MAX + 1:
        raise OSError("AF_UNIX path too long")
    if len(path) == 0:
        return b"\x01\x00"
    return b"\x01\x00" + path + b"\x00"


def _pack_netlink(address: object, caller: str) -> bytes:
    if not isinstance(address, tuple):
        raise TypeError(f"{caller}(): AF_NETLINK address must be tuple, not {type(address).__name__}")
    if len(address) != 2:
        raise TypeError("AF_NETLINK address must be a pair (pid, groups)")
    return sockaddr.SockaddrNl(integer(address[0]) & 0xFFFFFFFF, integer(address[1]) & 0xFFFFFFFF).pack()


def _pack_packet(address: object, caller: str) -> bytes:
    if not isinstance(address, tuple):
        raise TypeError(f"{caller}(): AF_PACKET address must be tuple, not {type(address).__name__}")
    n = len(address)
    if n < 2 or n > 5:
        raise TypeError(
            "AF_PACKET address must be a tuple of two to five elements"
            " (ifname, proto[, pkttype[, hatype[, addr]]])"
        )
    ifname = address[0]
    if not isinstance(ifname, str):
        raise TypeError(f"a str is required, not {type(ifname).__name__}")
    proto = integer(address[1])
    if proto < 0 or proto > 0xFFFF:
        raise OverflowError(f"{caller}(): proto must be 0-65535.")
    pkttype = integer(address[2]) if n > 2 else 0
    hatype = integer(address[3]) if n > 3 else 0
    addr = bytes(address[4]) if n > 4 else b""
    if len(addr) > 8:
        raise ValueError("Hardware address must be 8 bytes or less")
    index = netdb.if_index(ifname)
    # CPython has taken sll_protocol in host order since its beginning: htons
    return sockaddr.SockaddrLl(proto, index, hatype & 0xFFFF, pkttype & 0xFF, len(addr), addr).pack()


def hostname(host: object) -> str:
    """A host argument as text: str, or bytes of ASCII; other text goes through IDNA."""
    if isinstance(host, str):
        if "\0" in host:
            raise TypeError("host name must not contain null character")
        if host.isascii():
            return host
        return host.encode("idna").decode("ascii")
    if isinstance(host, (bytes, bytearray)):
        if b"\0" in host:
            raise TypeError("host name must not contain null character")
        return bytes(host).decode("latin-1")
    if host is None:
        return ""
    raise TypeError(f"str, bytes or bytearray expected, not {type(host).__name__}")


def integer(x: object) -> int:
    """An int argument as PyArg_Parse's "i" takes it."""
    n = any_integer(x)
    if n > 0x7FFFFFFF:
        if n > 0x7FFFFFFFFFFFFFFF:
            raise OverflowError("Python int too large to convert to C int")
        raise OverflowError("signed integer is greater than maximum")
    if n < -0x80000000:
        raise OverflowError("signed integer is less than minimum")
    return n


def ssize(x: object) -> int:
    """A Py_ssize_t argument as PyArg_Parse's "n" takes it."""
    n = any_integer(x)
    if not -0x8000000000000000 <= n <= 0x7FFFFFFFFFFFFFFF:
        raise OverflowError("Python int too large to convert to C ssize_t")
    return n


def any_integer(x: object) -> int:
    """An int, or what says it can be one."""
    if isinstance(x, int):
        return int(x)
    method = getattr(x, "__index__", None)
    if method is None:
        raise TypeError(f"'{type(x).__name__}' object cannot be interpreted as an integer")
    return int(method())


def unpack(packed: bytes | None) -> object:
    """A packed address as Python shows it; None when there is none."""
    if packed is None or len(packed) == 0:
        return None
    family: i64 = sockaddr.sa_family(packed)
    if family == AF_INET:
        found = _unpacked.get(packed)
        if found is not None:
            return found
        pair = (inet.inet_ntoa(sockaddr.sockaddr_in_addr(packed)), int(sockaddr.sockaddr_in_port(packed)))
        if len(_unpacked) >= CACHE_MAX:
            _unpacked.clear()
        _unpacked[packed] = pair
        return pair
    if family == AF_UNIX:
        if len(packed) <= 2:
            return ""
        if packed[2] == 0:
            return packed[2:]
        return os.fsdecode(sockaddr.sockaddr_un_path(packed))
    if family == AF_INET6:
        scope: int = sockaddr.sockaddr_in6_scope_id(packed)
        text = inet.inet_ntop(AF_INET6, sockaddr.sockaddr_in6_addr(packed))
        if scope != 0 and text.startswith("fe80:"):
            text = f"{text}%{netdb.if_name(scope) or scope}"
        port: int = sockaddr.sockaddr_in_port(packed)
        flow: int = sockaddr.sockaddr_in6_flowinfo(packed)
        return (text, port, flow, scope)
    if family == AF_NETLINK:
        nl = sockaddr.unpack_sockaddr_nl(packed)
        return (int(nl.pid), int(nl.groups))
    if family == AF_PACKET:
        ll = sockaddr.unpack_sockaddr_ll(packed)
        return (netdb.if_name(int(ll.ifindex)), int(ll.protocol), int(ll.pkttype), int(ll.hatype), ll.addr)
    return (int(family), packed[2:])
