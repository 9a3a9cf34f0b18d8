"""Names and numbers: getaddrinfo and its relations, services, protocols, interfaces.

glibc counterparts: `getaddrinfo(3)`, `getnameinfo(3)`, `gethostbyname(3)`, `getservbyname(3)`,
`if_nametoindex(3)`. Addresses that are numbers are read; names are looked up in the hosts table of the task's
kernel (`hosts_of`), what /etc/hosts is to a machine. There is no DNS. Services and protocols are the host's
lists (/etc/services, /etc/protocols), read by CPython's own functions.
"""

from __future__ import annotations

import _socket as host_socket
from typing import TYPE_CHECKING, Final, NoReturn

from sockfs.libc import loop
from sockfs.uapi.socket import AF_INET, AF_INET6, AF_UNIX, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM
from sockfs.util import inet

if TYPE_CHECKING:
    from sockfs.structs.net import Net

gaierror: Final = host_socket.gaierror
herror: Final = host_socket.herror

EAI_BADFLAGS: Final = -1
EAI_NONAME: Final = -2
EAI_AGAIN: Final = -3
EAI_FAMILY: Final = -6
EAI_SOCKTYPE: Final = -7
EAI_SERVICE: Final = -8
EAI_ADDRFAMILY: Final = -9
EAI_TEXT: Final = {
    EAI_BADFLAGS: "Bad value for ai_flags",
    EAI_NONAME: "Name or service not known",
    EAI_AGAIN: "Temporary failure in name resolution",
    EAI_FAMILY: "ai_family not supported",
    EAI_SOCKTYPE: "ai_socktype not supported",
    EAI_SERVICE: "Servname not supported for ai_socktype",
    EAI_ADDRFAMILY: "Address family for hostname not supported",
}

AI_PASSIVE: Final = 1
AI_CANONNAME: Final = 2
AI_NUMERICHOST: Final = 4
AI_V4MAPPED: Final = 8
AI_ALL: Final = 16
AI_ADDRCONFIG: Final = 32
AI_NUMERICSERV: Final = 1024
AI_KNOWN: Final = 0x07FF

NI_NUMERICHOST: Final = 1
NI_NUMERICSERV: Final = 2
NI_NOFQDN: Final = 4
NI_NAMEREQD: Final = 8
NI_DGRAM: Final = 16

IPPROTO_TCP: Final = 6
IPPROTO_UDP: Final = 17
HOST_NOT_FOUND: Final = 1

INADDR_LOOPBACK: Final = 0x7F000001
IN6_LOOPBACK: Final = b"\0" * 15 + b"\1"


def _fail(code: int) -> NoReturn:
    raise gaierror(code, EAI_TEXT[code])


# ---- the hosts table


def hosts_of(net: Net) -> dict[str, list[str]]:
    """The machine's names → addresses as text. Whoever builds worlds writes into it."""
    return net.hosts


def _net() -> Net:
    return loop.this_task().nsproxy_net


def has_ipv6() -> bool:
    """The kernel has the family."""
    task = loop.current.task
    return task is not None and task.kernel.net_families[AF_INET6] is not None


def lookup(name: str) -> tuple[str, list[str]]:
    """Canonical name and addresses of a name, or of none. Case does not matter, nor a final dot."""
    net = _net()
    key = name.lower().rstrip(".")
    found = net.hosts.get(key)
    if found is not None:
        return key, found
    if key == "localhost" or key.endswith(".localhost"):
        return "localhost", ["127.0.0.1", "::1"] if has_ipv6() else ["127.0.0.1"]
    if key == net.hostname.lower():
        return net.hostname, ["127.0.0.1"]
    return name, []


def _reverse(address: str) -> str:
    """The name of an address, "" if it has none."""
    net = _net()
    for name, addresses in net.hosts.items():
        if address in addresses:
            return name
    if address.startswith("127.") or address == "::1":
        return "localhost"
    return ""


# ---- what the address arguments of socket calls may be


def setipaddr4(name: str) -> int:
    """A host argument of AF_INET as a number: "", "<broadcast>", numbers and dots, or a name."""
    if name == "":
        return 0
    if name == "<broadcast>" or name == "255.255.255.255":
        return 0xFFFFFFFF
    addr: int = inet.inet_pton4(name)
    if addr >= 0:
        return addr
    for _, text in _addresses(name, AF_INET, 0):
        return int(inet.inet_pton4(text))
    _fail(EAI_NONAME)


def setipaddr6(name: str) -> tuple[bytes, int]:
    """A host argument of AF_INET6: 16 bytes and the scope of "fe80::1%lo"."""
    if name == "":
        return bytes(16), 0
    text, _, zone = name.partition("%")
    addr = inet.inet_pton(AF_INET6, text)
    if addr:
        return addr, _zone(zone)
    for _, found in _addresses(name, AF_INET6, 0):
        return inet.inet_pton(AF_INET6, found), 0
    _fail(EAI_NONAME)


def _zone(zone: str) -> int:
    if zone == "":
        return 0
    if zone.isdecimal():
        return int(zone)
    dev = _net().dev_by_name.get(zone)
    if dev is None:
        _fail(EAI_NONAME)
    return int(dev.ifindex)


def _addresses(name: str, family: int, flags: int) -> list[tuple[int, str]]:
    """(family, text) of a host that is a number or a name."""
    v4: int = inet.inet_aton(name)
    if v4 >= 0:
        if family == AF_INET6:
            if flags & AI_V4MAPPED:
                return [(AF_INET6, "::ffff:" + inet.inet_ntoa(v4))]
            _fail(EAI_ADDRFAMILY)
        return [(AF_INET, inet.inet_ntoa(v4))]
    text, _, zone = name.partition("%")
    v6 = inet.inet_pton(AF_INET6, text)
    if v6:
        if family == AF_INET:
            _fail(EAI_ADDRFAMILY)
        _zone(zone)
        return [(AF_INET6, inet.inet_ntop(AF_INET6, v6) + ("%" + zone if zone else ""))]
    if flags & AI_NUMERICHOST:
        _fail(EAI_NONAME)
    result: list[tuple[int, str]] = []
    for address in lookup(name)[1]:
        fam = AF_INET6 if ":" in address else AF_INET
        if family in (0, fam):
            result.append((fam, address))
    if not result:
        _fail(EAI_NONAME)
    # RFC 6724: of two loopback addresses ::1 comes first
    result.sort(key=_rank)
    return result


def _rank(entry: tuple[int, str]) -> int:
    return 0 if entry[0] == AF_INET6 else 1


# ---- getaddrinfo, getnameinfo


def getaddrinfo(
    host: object, port: object, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
) -> list[tuple[int, int, int, str, tuple[object, ...]]]:
    """getaddrinfo(host, port [, family, type, proto, flags]) -> list of (family, type, proto, canonname,
    sockaddr)"""
    name: str | None
    if host is None:
        name = None
    elif isinstance(host, str):
        name = host if host.isascii() else host.encode("idna").decode("ascii")
    elif isinstance(host, (bytes, bytearray)):
        name = bytes(host).decode("latin-1")
    else:
        raise TypeError("getaddrinfo() argument 1 must be string or None")
    service: str | None
    if port is None:
        service = None
    elif isinstance(port, int):
        service = str(int(port))
    elif isinstance(port, str):
        service = port
    elif isinstance(port, (bytes, bytearray)):
        service = bytes(port).decode("latin-1")
    else:
        raise OSError("Int or String expected")
    if name == "":
        name = None
    if service == "":
        service = None
    if flags & ~AI_KNOWN:
        _fail(EAI_BADFLAGS)
    if flags & AI_CANONNAME and name is None:
        _fail(EAI_BADFLAGS)
    if name is None and service is None:
        _fail(EAI_NONAME)
    if family not in (0, AF_INET, AF_INET6):
        if family == AF_UNIX:
            _fail(EAI_ADDRFAMILY if name is not None else EAI_FAMILY)
        _fail(EAI_FAMILY)
    kinds = _kinds(type, proto)
    ports = _ports(service, kinds, flags)
    if name is None:
        addresses = []
        passive = flags & AI_PASSIVE
        v6 = (AF_INET6, "::" if passive else "::1")
        v4 = (AF_INET, "0.0.0.0" if passive else "127.0.0.1")
        for fam, text in [v4, v6] if passive else [v6, v4]:
            if family in (0, fam) and (fam == AF_INET or family == AF_INET6 or has_ipv6()):
                addresses.append((fam, text))
    else:
        addresses = _addresses(name, family, flags)
    canon = ""
    if flags & AI_CANONNAME and name is not None:
        canon = name if flags & AI_NUMERICHOST else lookup(name)[0]
    result: list[tuple[int, int, int, str, tuple[object, ...]]] = []
    for fam, text in addresses:
        for (kind, protocol), number in zip(kinds, ports, strict=True):
            if number < 0:
                continue
            if fam == AF_INET:
                result.append((fam, kind, protocol, canon, (text, number)))
            else:
                zone = text.partition("%")[2]
                result.append((fam, kind, protocol, canon, (text, number, 0, _zone(zone))))
            canon = ""
    return result


def _kinds(type: int, proto: int) -> list[tuple[int, int]]:
    """The (type, protocol) pairs that a request stands for."""
    every = [(SOCK_STREAM, IPPROTO_TCP), (SOCK_DGRAM, IPPROTO_UDP), (SOCK_RAW, 0)]
    if type == 0 and proto == 0:
        return every
    if type == 0:
        found = [(t, p) for t, p in every if p == proto]
        return found or [(SOCK_RAW, proto)]
    if type == SOCK_RAW:
        return [(SOCK_RAW, proto)]
    found = [(t, p) for t, p in every if t == type and proto in (0, p)]
    if not found:
        if type in (SOCK_STREAM, SOCK_DGRAM):
            others = {(SOCK_STREAM, 132), (SOCK_STREAM, 33), (SOCK_DGRAM, 136)}
            if (type, proto) in others:
                return [(type, proto)]
        _fail(EAI_SOCKTYPE)
    return found


def _ports(service: str | None, kinds: list[tuple[int, int]], flags: int) -> list[int]:
    """A port for each pair; -1: the service is not one of that protocol."""
    if service is None:
        return [0] * len(kinds)
    text = service.strip()
    digits = text[1:] if text[:1] in ("+", "-") else text
    if digits.isdecimal():
        return [int(text) & 0xFFFF] * len(kinds)
    if flags & AI_NUMERICSERV:
        _fail(EAI_NONAME)
    ports = []
    for kind, protocol in kinds:
        number = -1
        if kind in (SOCK_STREAM, SOCK_DGRAM):
            try:
                number = host_socket.getservbyname(service, "tcp" if protocol == IPPROTO_TCP else "udp")
            except OSError:
                number = -1
        ports.append(number)
    if all(n < 0 for n in ports):
        _fail(EAI_SERVICE)
    return ports


def getnameinfo(sockaddr: tuple[object, ...], flags: int) -> tuple[str, str]:
    """getnameinfo(sockaddr, flags) --> (host, port)"""
    if not isinstance(sockaddr, tuple):
        raise TypeError("getnameinfo() argument 1 must be a tuple")
    if len(sockaddr) < 2 or len(sockaddr) > 4:
        raise TypeError("getnameinfo(): illegal sockaddr argument")
    host, port = sockaddr[0], sockaddr[1]
    if not isinstance(host, str) or not isinstance(port, int):
        raise TypeError("getnameinfo(): illegal sockaddr argument")
    if len(sockaddr) > 2:
        flow = sockaddr[2]
        if not isinstance(flow, int):
            raise TypeError("getnameinfo(): illegal sockaddr argument")
        if flow < 0 or flow > 0xFFFFF:
            raise OverflowError("getnameinfo(): flowinfo must be 0-1048575.")
    found = _addresses(host, 0, AI_NUMERICHOST)
    if found[0][0] == AF_INET and len(sockaddr) != 2:
        raise OSError("IPv4 sockaddr must be 2 tuple")
    address = found[0][1]
    name = "" if flags & NI_NUMERICHOST else _reverse(address)
    if name == "":
        if flags & NI_NAMEREQD:
            _fail(EAI_NONAME)
        name = address
    service = str(port)
    if not flags & NI_NUMERICSERV:
        try:
            service = host_socket.getservbyport(port & 0xFFFF, "udp" if flags & NI_DGRAM else "tcp")
        except OSError:
            pass
    return name, service


# ---- gethostby*


def gethostbyname(hostname: object) -> str:
    """gethostbyname(host) -> address"""
    name = _host_argument(hostname)
    return str(inet.inet_ntoa(setipaddr4(name)))


def gethostbyname_ex(hostname: object) -> tuple[str, list[str], list[str]]:
    """gethostbyname_ex(host) -> (name, aliaslist, addresslist)"""
    name = _host_argument(hostname)
    found = [text for _, text in _addresses(name, AF_INET, 0)]
    return lookup(name)[0] if inet.inet_aton(name) < 0 else name, [], found


def gethostbyaddr(hostname: object) -> tuple[str, list[str], list[str]]:
    """gethostbyaddr(host) -> (name, aliaslist, addresslist)"""
    name = _host_argument(hostname)
    family, address = _addresses(name or "0.0.0.0", 0, 0)[0]
    found = _reverse(address)
    if found == "":
        raise herror(HOST_NOT_FOUND, "Unknown host")
    aliases = [n for n, a in _net().hosts.items() if address in a and n != found]
    assert family in (AF_INET, AF_INET6)
    return found, aliases, [address]


def _host_argument(host: object) -> str:
    if isinstance(host, str):
        return host if host.isascii() else host.encode("idna").decode("ascii")
    if isinstance(host, (bytes, bytearray)):
        return bytes(host).decode("latin-1")
    raise TypeError(f"str, bytes or bytearray expected, not {type(host).__name__}")


def gethostname() -> str:
    """gethostname() -> string"""
    return _net().hostname


def sethostname(name: object) -> None:
    """sethostname(name)"""
    if isinstance(name, str):
        _net().hostname = name
    elif isinstance(name, bytes):
        _net().hostname = name.decode()
    else:
        raise TypeError(f"sethostname() argument 1 must be str, not {type(name).__name__}")


# ---- interfaces


def if_nameindex() -> list[tuple[int, str]]:
    """if_nameindex() -> list of (index, name)"""
    net = _net()
    return [(int(index), net.dev_by_index[index].name) for index in sorted(net.dev_by_index)]


def if_nametoindex(oname: object) -> int:
    """if_nametoindex(name) -> index"""
    if isinstance(oname, str):
        name = oname
    elif isinstance(oname, bytes):
        name = oname.decode("utf-8", "surrogateescape")
    else:
        raise TypeError(f"expected str, bytes or os.PathLike object, not {type(oname).__name__}")
    dev = _net().dev_by_name.get(name)
    if dev is None:
        raise OSError("no interface with this name")
    return int(dev.ifindex)


def if_indextoname(if_index: int) -> str:
    """if_indextoname(index) -> name"""
    if if_index < 0:
        raise OverflowError("can't convert negative value to unsigned int")
    dev = _net().dev_by_index.get(if_index)
    if dev is None:
        raise OSError(6, "No such device or address")
    return dev.name


def if_index(name: str) -> int:
    """The number of an interface that an address names; "" is none (0)."""
    if name == "":
        return 0
    dev = _net().dev_by_name.get(name)
    if dev is None:
        raise OSError(19, "No such device")
    return int(dev.ifindex)


def if_name(index: int) -> str:
    """The name of an interface, "" if it is not there."""
    task = loop.current.task
    if task is None:
        return ""
    dev = task.nsproxy_net.dev_by_index.get(index)
    return "" if dev is None else dev.name
