"""What a packetdrill script is made of, after parsing.

Times are integer nanoseconds from the start of the script (absolute) or from the event before (relative).
Numbers of packets are the script's own: relative sequence numbers, symbolic ports. `line` and `column`
point at the first character of an event, `text` is the event as it stands in the file (for reports).
"""

from __future__ import annotations

from dataclasses import dataclass, field

# ---- expressions


@dataclass(frozen=True)
class Ellipsis_:
    """`...`: whatever fits."""


@dataclass(frozen=True)
class Int:
    value: int


@dataclass(frozen=True)
class Word:
    """A symbolic constant (or NULL)."""

    name: str
    line: int = field(default=0, compare=False)
    column: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Str:
    value: str
    open_end: bool = False  # "abc"...: the rest does not matter


@dataclass(frozen=True)
class Or:
    """`A | B`."""

    left: Expr
    right: Expr


@dataclass(frozen=True)
class Call:
    """`htons(8080)`, `inet_addr("192.0.2.1")`."""

    name: str
    args: tuple[Expr, ...]


@dataclass(frozen=True)
class Array:
    items: tuple[Expr, ...]


@dataclass(frozen=True)
class Member:
    """`name = value` or `name(count) = value` inside braces, or a value without a name (name is "")."""

    name: str
    value: Expr
    count: Expr | None = None


@dataclass(frozen=True)
class Struct:
    """`{...}`: msghdr, iovec, pollfd, epoll_event, sockaddr, linger, cmsg, by the names of its members."""

    members: tuple[Member, ...]

    def get(self, name: str) -> Expr | None:
        for m in self.members:
            if m.name == name:
                return m.value
        return None

    def names(self) -> tuple[str, ...]:
        return tuple(m.name for m in self.members)


Expr = Ellipsis_ | Int | Word | Str | Or | Call | Array | Struct


# ---- packets


@dataclass(frozen=True)
class TcpOption:
    """One option: kind is the script's word (mss, wscale, sackOK, sack, TS, FO, FOEXP, md5, nop, eol, …)."""

    kind: str
    value: int = 0
    ecr: int = 0
    blocks: tuple[tuple[int, int], ...] = ()
    data: bytes = b""


@dataclass(frozen=True)
class IpInfo:
    ecn: str = ""  # "", noecn, ect0, ect1, ect01, ce
    tos: int | None = None
    ttl: int | None = None
    flowlabel: int | None = None


@dataclass(frozen=True)
class TcpPacket:
    inbound: bool
    ip: IpInfo
    ports: tuple[int, int] | None
    flags: str
    seq: int
    end: int
    length: int
    ack: int | None
    win: int | None
    urg: int | None
    options: tuple[TcpOption, ...] | None  # None: `<...>`, not looked at


@dataclass(frozen=True)
class UdpPacket:
    inbound: bool
    ip: IpInfo
    ports: tuple[int, int] | None
    length: int


@dataclass(frozen=True)
class IcmpPacket:
    inbound: bool
    ip: IpInfo
    type: str
    code: str
    mtu: int | None
    echo_id: int | None
    echoed: (
        tuple[str, int, int, int] | None
    )  # ("tcp", start, end, length), ("udp", 0, 0, n), ("raw", 0, 0, n)


Packet = TcpPacket | UdpPacket | IcmpPacket


# ---- actions and events


@dataclass(frozen=True)
class Syscall:
    name: str
    args: tuple[Expr, ...]
    result: Expr
    errno: str  # "" when none is named
    end: int | None  # ns; None: the call must not block


@dataclass(frozen=True)
class Command:
    """A back-ticked shell command."""

    text: str


@dataclass(frozen=True)
class Code:
    """`%{ … }%`."""

    text: str


Action = Packet | Syscall | Command | Code


@dataclass(frozen=True)
class Time:
    """When: `kind` is absolute, relative, any, absolute_range or relative_range; `start` and `end` in ns."""

    kind: str
    start: int = 0
    end: int = 0


@dataclass(frozen=True)
class Event:
    time: Time
    action: Action
    line: int
    column: int
    text: str


@dataclass
class Script:
    path: str
    options: list[tuple[str, str, int]] = field(default_factory=list)  # name, value, line
    init: Event | None = None
    events: list[Event] = field(default_factory=list)
    cleanup: Event | None = None
