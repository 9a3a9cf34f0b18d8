"""bind(2): who may share a port with whom."""

from __future__ import annotations

import itertools

import pytest

from tests.parity.harness import Parity, Sys, ip

WILD, ONE, TWO = "0.0.0.0", "127.0.0.1", "127.0.0.2"
PORT = 7000


def opened(s: Sys, type: int, reuse: bool, port: bool) -> int:
    fd = s.raw("socket", 2, type, 0)
    if reuse:
        s.raw("setsockopt", fd, 1, 2, b"\1\0\0\0", 4)
    if port:
        s.raw("setsockopt", fd, 1, 15, b"\1\0\0\0", 4)
    return fd


@pytest.mark.parametrize("type", [1, 2])
def test_two_sockets_on_one_port(parity: Parity, type: int) -> None:
    """SO_REUSEADDR × SO_REUSEPORT × wildcard or specific × listening, for the first and the second."""

    def body(s: Sys) -> None:
        bools = (False, True)
        for a1, r1, p1, listening in itertools.product(
            (WILD, ONE), bools, bools, bools if type == 1 else (False,)
        ):
            for a2, r2, p2 in itertools.product((WILD, ONE, TWO), bools, bools):
                first = opened(s, type, r1, p1)
                s.raw("bind", first, ip(a1, PORT), 16)
                l1 = s.raw("listen", first, 1) if listening else 0
                second = opened(s, type, r2, p2)
                b2 = s.raw("bind", second, ip(a2, PORT), 16)
                l2 = s.raw("listen", second, 1) if type == 1 and b2 == 0 else 0
                s.tab[a1, r1, p1, listening, a2, r2, p2] = (l1, b2, l2)
                s.raw("close", first)
                s.raw("close", second)

    parity(body)


def test_three_sockets_on_one_port(parity: Parity) -> None:
    """What a port's bucket remembers of those before."""

    def body(s: Sys) -> None:
        for order in itertools.product((0, 1, 2, 3), repeat=3):
            for addrs in ((ONE, TWO, WILD), (ONE, ONE, ONE), (WILD, ONE, TWO)):
                fds = [opened(s, 1, bool(o & 1), bool(o & 2)) for o in order]
                s.tab[order, addrs] = tuple(
                    s.raw("bind", fd, ip(a, PORT), 16) for fd, a in zip(fds, addrs, strict=True)
                )
                for fd in fds:
                    s.raw("close", fd)

    parity(body)


def test_options_changed_after_bind(parity: Parity) -> None:
    def body(s: Sys) -> None:
        for opt in (2, 15):
            for on_first in (0, 1):
                a = s.socket(2, 1)
                b = s.socket(2, 1)
                s.setsockopt(a, 1, opt, on_first)
                s.setsockopt(b, 1, opt, 1)
                s.bind(a, ip(ONE, PORT))
                s.setsockopt(a, 1, opt, 1 - on_first)
                s.bind(b, ip(ONE, PORT))
                s.listen(a, 1)
                s.listen(b, 1)
                s.close(a)
                s.close(b)

    parity(body)


def test_names_and_numbers(parity: Parity) -> None:
    def body(s: Sys) -> None:
        for type in (1, 2):
            fd = s.socket(2, type)
            s.getsockname(fd)
            s.bind(fd, ip(ONE, 0))
            s.getsockname(fd)
            s.bind(fd, ip(ONE, 0))
            s.bind(fd, ip(ONE, 7001))
            fd = s.socket(2, type)
            s.bind(fd, ip(WILD, 0))
            s.getsockname(fd)
            s.getpeername(fd)
            for addr in (
                "255.255.255.255",
                "224.0.0.1",
                "192.0.2.1",
                "127.255.255.255",
                "127.1.2.3",
                "240.0.0.1",
                "0.0.0.1",
            ):
                fd = s.socket(2, type)
                s.bind(fd, ip(addr, 7002))
                s.getsockname(fd)
                s.close(fd)
            for opt in (15, 19, 24):  # IP_FREEBIND, IP_TRANSPARENT, IP_BIND_ADDRESS_NO_PORT
                fd = s.socket(2, type)
                s.setsockopt(fd, 0, opt, 1)
                s.bind(fd, ip("192.0.2.1", 0))
                s.getsockname(fd)
                s.close(fd)

    parity(body)


def test_listen_without_bind(parity: Parity) -> None:
    def body(s: Sys) -> None:
        fd = s.socket(2, 1)
        s.mask(fd)
        s.listen(fd, 1)
        s.getsockname(fd)
        s.mask(fd)
        s.getsockopt(fd, 1, 30)
        s.listen(fd, 5)
        s.listen(fd, -1)
        s.listen(fd, 2**31 - 1)
        s.bind(fd, ip(ONE, 7003))
        s.connect(fd, ip(ONE, 7003))
        s.listen(s.socket(2, 2), 1)
        c = s.socket(2, 1)
        s.bind(c, ip(ONE, 7004))
        s.listen(c, 0)
        s.listen(c, 0)
        s.getpeername(c)
        s.send(c, b"x")
        s.recv(c, 1)
        s.shutdown(c, 1)
        s.mask(c)
        s.shutdown(c, 0)
        s.mask(c)
        s.listen(c, 3)
        s.mask(c)

    parity(body)


def test_ports_are_free_again(parity: Parity) -> None:
    def body(s: Sys) -> None:
        for type in (1, 2):
            a = s.socket(2, type)
            s.bind(a, ip(ONE, 7005))
            d = s.dup(a)
            s.close(a)
            b = s.socket(2, type)
            s.bind(b, ip(ONE, 7005))
            s.close(d)
            s.bind(b, ip(ONE, 7005))
            s.close(b)
        ls, c, a = s.pair()
        port = s.port(ls)
        for fd in (ls, c):
            s.close(fd)
        s.until(a, 1)
        s.close(a)  # the client's side has TIME-WAIT
        b = s.socket(2, 1)
        s.bind(b, ip(ONE, port))
        s.close(b)
        ls, c, a = s.pair()
        port = s.port(ls)
        s.close(ls)
        s.close(a)
        s.until(c, 1)
        s.close(c)  # the port of the listener has TIME-WAIT
        b = s.socket(2, 1)
        s.bind(b, ip(ONE, port))
        s.setsockopt(b, 1, 2, 1)
        s.bind(b, ip(ONE, port))
        s.listen(b, 1)

    parity(body)


def test_bound_and_connecting(parity: Parity) -> None:
    """Two connections from one local port, to two listeners and to one."""

    def body(s: Sys) -> None:
        l1, l2 = s.listener(), s.listener()
        for reuse in (0, 1):
            a, b, c = s.socket(2, 1), s.socket(2, 1), s.socket(2, 1)
            for fd in (a, b, c):
                s.setsockopt(fd, 1, 2, reuse)
            port = 7010 + reuse
            s.bind(a, ip(ONE, port))
            s.bind(b, ip(ONE, port))
            s.bind(c, ip(ONE, port))
            s.connect(a, ip(ONE, s.port(l1)))
            s.connect(b, ip(ONE, s.port(l2)))
            s.connect(c, ip(ONE, s.port(l2)))
            s.getsockname(c)
            s.close(a)
            s.close(b)
            s.close(c)

    parity(body)
