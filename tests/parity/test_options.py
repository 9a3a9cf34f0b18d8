"""setsockopt and getsockopt: every number of every level, every length."""

from __future__ import annotations

import errno
import struct

import pytest

from tests.parity.harness import Parity, Sys, i32, ip

KINDS = {"tcp": (2, 1), "udp": (2, 2), "unix": (1, 1), "unix dgram": (1, 2)}
LENGTHS = (0, 1, 2, 3, 4, 8, 16, 256, -1)
NUMBERS = (*range(91), -1, 1000, 2**31 - 1)

# Values that are a machine's or a moment's own; their errno and length are compared.
VOLATILE = {
    *((1, opt) for opt in (17, 31, 49, 55, 56, 57, 59, 71, 77)),
    *((6, opt) for opt in (11, 20, 24, 26, 38, 40)),
}
# (level, option): docs/supported.md says so. Socket filters and BPF, process descriptors, netfilter's
# tables, device memory, TCP-MD5 and
# TCP-AO keys, zero-copy receive.
NOT_MODELLED = {
    *((0, opt) for opt in (64, 65, 66, 67, 80, 83)),
    *((1, opt) for opt in (26, 50, 51, 52, 77, 80)),
    *((6, opt) for opt in (14, 32, 35, 38, 39, 40, 41, 42)),
}


def make(s: Sys, kind: str, state: str) -> int:
    """A socket in a state; its descriptor. Everything else stays open until the end of the body."""
    s.quiet = True
    family, type = KINDS[kind]
    if state == "fresh":
        fd = s.socket(family, type)
    elif state == "listening":
        fd = s.socket(family, type)
        if family == 2:
            s.bind(fd, ip("127.0.0.1", 7400))
        s.listen(fd, 5)
    elif kind == "tcp":
        s.listener(7401)
        fd = s.socket(2, 1)
        s.bind(fd, ip("127.0.0.1", 7402))
        s.connect(fd, ip("127.0.0.1", 7401))
    elif kind == "udp":
        fd = s.socket(2, 2)
        s.bind(fd, ip("127.0.0.1", 7403))
        s.connect(fd, ip("127.0.0.1", 9))
    else:
        fd, _ = s.socketpair(family, type)
    s.quiet = False
    return fd


def get(s: Sys, fd: int, level: int, opt: int, size: int) -> object:
    buf, n = bytearray(max(size, 0) + 8), bytearray(i32(size))
    r = s.raw("getsockopt", fd, level, opt, buf, n)
    if r < 0:
        return errno.errorcode.get(-r, r)
    got = struct.unpack("=i", n)[0]
    if level == 1 and opt == 77 and got == 4:
        s.raw("close", struct.unpack_from("=i", buf)[0])
    return (got, "" if (level, opt) in VOLATILE else bytes(buf[: max(got, 0)]).hex())


@pytest.mark.parametrize("level", [0, 1, 6, 17, 41, 255, 1000, -1])
@pytest.mark.parametrize("kind", KINDS)
def test_get_every_option(parity: Parity, kind: str, level: int) -> None:
    states = ["fresh"]
    if level in (0, 1, 6):
        states += ["connected"] + (["listening"] if kind in ("tcp", "unix") else [])

    def body(s: Sys) -> None:
        for state in states:
            fd = make(s, kind, state)
            for opt in NUMBERS:
                if (level, opt) in NOT_MODELLED:
                    continue
                for size in LENGTHS:
                    s.tab[state, opt, size] = get(s, fd, level, opt, size)

    parity(body)


VALUES = (0, 1, 2, 5, 100, -1, 2**31 - 1)


@pytest.mark.parametrize("level", [0, 1, 6, 17, 41, 1000])
@pytest.mark.parametrize("kind", KINDS)
def test_set_every_option(parity: Parity, kind: str, level: int) -> None:
    """Set it on a fresh socket, read it back."""

    def body(s: Sys) -> None:
        cases = [(v, i32(v), 4) for v in VALUES]
        cases += [(f"1 in {n}", (i32(1) + bytes(252))[:n], n) for n in (0, 1, 2, 3, 8, 16, 256)]
        cases += [("-1 byte", b"\xff", 1), ("200 byte", b"\xc8", 1), ("negative length", i32(1), -1)]
        for opt in NUMBERS:
            if (level, opt) in NOT_MODELLED:
                continue
            for name, value, n in cases:
                fd = make(s, kind, "fresh")
                r = s.raw("setsockopt", fd, level, opt, value, n)
                s.tab[opt, name] = (errno.errorcode.get(-r, r), get(s, fd, level, opt, 4) if r == 0 else "")
                s.raw("close", fd)

    parity(body)


@pytest.mark.parametrize("state", ["connected", "listening"])
def test_set_tcp_options_later(parity: Parity, state: str) -> None:
    def body(s: Sys) -> None:
        fd = make(s, "tcp", state)
        for level in (0, 1, 6):
            for opt in range(60):
                if (level, opt) in NOT_MODELLED or (level, opt) in ((6, 19), (1, 25), (6, 31), (0, 4)):
                    continue  # TCP_REPAIR, SO_BINDTODEVICE, TCP_ULP and IP_OPTIONS change what the socket is
                for v in (1, 0):
                    r = s.raw("setsockopt", fd, level, opt, i32(v), 4)
                    s.tab[level, opt, v] = (errno.errorcode.get(-r, r), get(s, fd, level, opt, 4))

    parity(body)


def test_buffer_sizes(parity: Parity) -> None:
    """SO_RCVBUF and SO_SNDBUF are doubled and kept within limits, and so are the FORCE ones without an
    upper one.
    """

    def body(s: Sys) -> None:
        for kind in KINDS:
            fd = make(s, kind, "fresh")
            for opt, back in ((7, 7), (8, 8), (32, 7), (33, 8)):
                for v in (
                    0,
                    1,
                    1000,
                    1152,
                    2303,
                    2304,
                    4607,
                    4608,
                    5000,
                    65536,
                    212992,
                    212993,
                    10**6,
                    2**30,
                    2**31 - 1,
                    -1,
                    -5000,
                ):
                    s.setsockopt(fd, 1, opt, v)
                    s.getsockopt(fd, 1, back)

    parity(body)


def test_timeouts(parity: Parity) -> None:
    """In whole ticks of every usual HZ: Linux rounds up to its own."""

    def body(s: Sys) -> None:
        fd = s.socket(2, 1)
        for opt in (20, 21, 66, 67):
            for sec, usec in (
                (0, 0),
                (1, 0),
                (0, 20000),
                (0, 980000),
                (5, 500000),
                (0, 1000000),
                (-1, 0),
                (0, -1),
                (2**62, 5),
            ):
                s.setsockopt(fd, 1, opt, struct.pack("=qq", sec, usec))
                s.getsockopt(fd, 1, opt, 16)
                s.getsockopt(fd, 1, opt, 8)
            s.setsockopt(fd, 1, opt, 5)
            s.setsockopt(fd, 1, opt, struct.pack("=qq", 1, 0), 8)

    parity(body)


def test_linger(parity: Parity) -> None:
    def body(s: Sys) -> None:
        for kind in KINDS:
            fd = make(s, kind, "fresh")
            for on, sec in ((0, 0), (1, 5), (1, 0), (0, 7), (2, 3), (1, 2**31 - 1), (-1, 100000000)):
                s.setsockopt(fd, 1, 13, struct.pack("=ii", on, sec))
                s.getsockopt(fd, 1, 13, 8)
            s.setsockopt(fd, 1, 13, 1)
            s.getsockopt(fd, 1, 13, 4)
            s.getsockopt(fd, 1, 13, 3)

    parity(body)


def test_names_of_congestion_controls(parity: Parity) -> None:
    def body(s: Sys) -> None:
        fd = s.socket(2, 1)
        for name in (
            b"reno",
            b"cubic",
            b"nosuch",
            b"",
            b"reno\0junk",
            b"cubicx",
            b"CUBIC",
            b"a" * 15,
            b"a" * 16,
            b"reno" + bytes(40),
        ):
            s.setsockopt(fd, 6, 13, name)
            s.getsockopt(fd, 6, 13, 16)
        for n in (0, 1, 4, 5, 15, 16, 17, 100, -1):
            s.getsockopt(fd, 6, 13, n)
        s.setsockopt(fd, 6, 31, b"tls")
        s.setsockopt(fd, 6, 31, b"nosuch")

    parity(body)


def test_addresses_in_options(parity: Parity) -> None:
    """IP_MULTICAST_IF, memberships, IP_PKTINFO, IP_OPTIONS, SO_BINDTODEVICE."""

    def body(s: Sys) -> None:
        fd = s.socket(2, 2)
        for name in (b"lo", b"lo\0", b"nosuch", b"", b"\0", b"lo" + bytes(30)):
            s.setsockopt(fd, 1, 25, name)
            s.getsockopt(fd, 1, 25, 16)
        s.setsockopt(fd, 1, 25, b"lo")
        for n in (0, 1, 2, 3, 15, 16, 17):
            s.getsockopt(fd, 1, 25, n)
        s.setsockopt(fd, 1, 62, 1)
        s.setsockopt(fd, 1, 62, 9)
        s.setsockopt(fd, 1, 62, 0)
        s.getsockopt(fd, 1, 62)
        for opt in (4, 33, 32, 34, 49, 50, 8, 2, 1, 10, 11, 12, 15, 23, 18, 19):
            for v in (0, 1, 255, 256, -1):
                s.setsockopt(fd, 0, opt, v)
                s.getsockopt(fd, 0, opt, 4)

    parity(body)
