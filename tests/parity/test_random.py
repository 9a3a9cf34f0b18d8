"""Random programs: a handful of sockets, calls in any order, every step compared with the kernel's.

Where a program of hypothesis fails it is cut down to the shortest one that still does, and its transcripts
are shown.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.parity.harness import Msg, Parity, Sys, ip, un

O_NONBLOCK = 0o4000
KINDS = {"tcp": (2, 1), "udp": (2, 2), "stream": (1, 1), "dgram": (1, 2), "seqpacket": (1, 5)}
FIRST_PORT = 7800
EXAMPLES = int(os.environ.get("SOCKFS_EXAMPLES", "25"))

fds = st.integers(0, 5)
places = st.integers(0, 2)
Step = tuple[str, int, int, int]


def step() -> st.SearchStrategy[Step]:
    names = (
        "bind",
        "listen",
        "connect",
        "connect",
        "accept",
        "accept",
        "send",
        "send",
        "recv",
        "recv",
        "sendto",
        "peek",
        "oob",
        "shutdown",
        "close",
        "mask",
        "error",
        "name",
        "peer",
        "option",
        "get",
        "dup",
        "unconnect",
        "inq",
        "new",
        "more",
        "big",
        "drain",
        "cork",
        "message",
        "watch",
        "watch",
        "events",
    )
    return st.tuples(st.sampled_from(names), fds, places, st.integers(0, 5))


class Program:
    """A program's descriptors by position; positions that hold nothing do nothing."""

    def __init__(self, s: Sys, kind: str) -> None:
        self.s = s
        self.kind = kind
        self.fds: list[int] = []
        self.ep = -1
        for _ in range(4):
            self.new()

    def new(self) -> None:
        family, type = KINDS[self.kind]
        fd = self.s.socket(family, type | O_NONBLOCK)
        if family == 2 and type == 1:
            self.s.raw("setsockopt", fd, 1, 2, b"\1\0\0\0", 4)
        self.fds.append(fd)

    def watch(self) -> int:
        """The program's epoll."""
        if self.ep < 0:
            self.ep = self.s.epoll_create1()
        return self.ep

    def place(self, n: int) -> bytes:
        return ip("127.0.0.1", FIRST_PORT + n) if KINDS[self.kind][0] == 2 else un(b"\0place%d" % n)

    def run(self, name: str, i: int, place: int, n: int) -> None:
        s = self.s
        if name == "new":
            if len(self.fds) < 6:
                self.new()
            return
        if i >= len(self.fds):
            return
        fd = self.fds[i]
        data = bytes(range(65, 65 + 1 + n * 3))
        if name == "bind":
            s.bind(fd, self.place(place))
        elif name == "listen":
            s.listen(fd, n)
        elif name == "connect":
            s.connect(fd, self.place(place))
        elif name == "unconnect":
            s.connect(fd, struct.pack("=H14x", 0))
        elif name == "accept":
            new = s.accept4(fd, O_NONBLOCK)
            if new >= 0:
                self.fds.append(new)
        elif name == "send":
            s.send(fd, data)
        elif name == "sendto":
            s.sendto(fd, data, 0, self.place(place))
        elif name == "oob":
            s.send(fd, data[-1:], 1) if place else s.recv(fd, 1, 1)
        elif name == "recv":
            s.recvfrom(fd, 1 + n * 4)
        elif name == "peek":
            s.recvfrom(fd, 1 + n * 4, 2)
        elif name == "shutdown":
            s.shutdown(fd, place)
        elif name == "close":
            s.close(fd)
            self.fds[i] = 99
        elif name == "mask":
            s.mask(fd)
        elif name == "error":
            s.so_error(fd)
        elif name == "name":
            s.getsockname(fd)
        elif name == "peer":
            s.getpeername(fd)
        elif name == "inq" and self.kind != "stream":
            # Linux goes on counting an out-of-band byte of a local stream that was passed over.
            s.ioctl(fd, 0x541B)
        elif name == "option":
            level, opt, value = OPTIONS[n]
            s.setsockopt(fd, level, opt, value)
        elif name == "get":
            level, opt, _ = OPTIONS[n]
            s.getsockopt(fd, level, opt, 8)
        elif name == "more":
            s.send(fd, data, 0x8000)
        elif name == "big":
            s.send(fd, bytes(n * 5_000))
        elif name == "drain":
            s.recv(fd, 1 << 20)
        elif name == "cork":
            s.setsockopt(fd, 6 if self.kind == "tcp" else 17, 3 if self.kind == "tcp" else 1, place & 1)
        elif name == "message":
            s.recvmsg(
                fd, Msg([bytearray(n), bytearray(3)], bytearray(128), bytearray(32)), 0x20 if place else 0
            )
        elif name == "watch":
            s.epoll_ctl(
                self.watch(), 1 + place, fd, 0x2005 | (1 << 31 if n & 1 else 0) | (1 << 30 if n & 2 else 0)
            )
        elif name == "events":
            s.epoll_wait(self.watch(), sort=True)
        elif name == "dup" and len(self.fds) < 8:
            self.fds.append(s.dup(fd))


OPTIONS: tuple[tuple[int, int, int | bytes], ...] = (
    (1, 13, struct.pack("=ii", 1, 0)),  # SO_LINGER: close is a reset
    (1, 10, 1),  # SO_OOBINLINE
    (1, 18, 3),  # SO_RCVLOWAT
    (6, 1, 1),  # TCP_NODELAY
    (1, 30, 0),  # SO_ACCEPTCONN
    (1, 15, 1),  # SO_REUSEPORT
)


def body_of(kind: str, program: list[Step]) -> Callable[[Sys], None]:
    def body(s: Sys) -> None:
        p = Program(s, kind)
        for one in program:
            p.run(*one)
        for fd in p.fds:
            s.mask(fd)
            s.so_error(fd)

    return body


# Programs that begin where things happen: a listener, a connection.
BEGINNINGS: dict[str, list[list[Step]]] = {
    "tcp": [[], [("bind", 0, 0, 0), ("listen", 0, 0, 2), ("connect", 1, 0, 0), ("accept", 0, 0, 0)]],
    "udp": [[], [("bind", 0, 0, 0), ("bind", 1, 1, 0), ("connect", 0, 1, 0), ("connect", 1, 0, 0)]],
    "stream": [[], [("bind", 0, 0, 0), ("listen", 0, 0, 2), ("connect", 1, 0, 0), ("accept", 0, 0, 0)]],
    "dgram": [[], [("bind", 0, 0, 0), ("bind", 1, 1, 0), ("connect", 0, 1, 0), ("connect", 1, 0, 0)]],
    "seqpacket": [[], [("bind", 0, 0, 0), ("listen", 0, 0, 2), ("connect", 1, 0, 0), ("accept", 0, 0, 0)]],
}


@settings(max_examples=EXAMPLES)
@given(
    kind=st.sampled_from(sorted(KINDS)),
    start=st.integers(0, 1),
    program=st.lists(step(), min_size=3, max_size=25),
)
def test_random_programs(parity: Parity, kind: str, start: int, program: list[Step]) -> None:
    parity(body_of(kind, BEGINNINGS[kind][start] + program))
