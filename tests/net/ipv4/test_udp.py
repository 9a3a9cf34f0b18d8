"""UDP as the real kernel does it: sending, receiving, ports, errors, groups, counters."""

from __future__ import annotations

import errno
import struct
from typing import Any

import pytest

import sockfs
from tests.net.ipv4.snmp import note_counters
from tests.parity.harness import POLLALL, POLLIN, Msg, Parity, ip

pytestmark = pytest.mark.parity

LO = "127.0.0.1"
SOL_UDP = 17
MSG_PEEK, MSG_TRUNC, MSG_DONTWAIT, MSG_ERRQUEUE, MSG_MORE, MSG_OOB, MSG_CONFIRM = (
    2,
    0x20,
    0x40,
    0x2000,
    0x8000,
    1,
    0x800,
)
MSG_DONTROUTE = 4


def test_send_and_receive(parity: Parity) -> None:
    def body(s: Any) -> None:
        a, b = s.socket(2, 2), s.socket(2, 2)
        s.mask(a)
        s.getsockname(a)
        s.bind(a, ip(LO, 5000))
        s.getsockname(a)
        s.getpeername(a)
        s.sendto(b, b"hello", 0, ip(LO, 5000))
        s.getsockname(b)
        s.mask(a)
        s.ioctl(a, 0x541B)
        s.ioctl(a, 0x5411)
        s.recvfrom(a, 3, MSG_PEEK)
        s.recvfrom(a, 3, MSG_PEEK | MSG_TRUNC)
        s.recvmsg(a, Msg([bytearray(3)], bytearray(16)), MSG_PEEK)
        s.recvfrom(a, 3, MSG_TRUNC)
        s.recvfrom(a, 3, MSG_DONTWAIT)
        s.recv(a, 3)
        s.sendto(b, b"", 0, ip(LO, 5000))
        s.mask(a)
        s.ioctl(a, 0x541B)
        s.recvfrom(a, 10)
        s.sendto(b, b"x", MSG_CONFIRM | MSG_DONTROUTE, ip(LO, 5000))
        s.recvfrom(a, 10, 0, 4)
        s.sendto(b, b"x", MSG_OOB, ip(LO, 5000))
        s.sendto(b, b"x", 0, ip(LO, 0))
        s.sendto(b, b"x", 0, ip(LO, 5000)[:15])
        s.sendto(b, b"x", 0, b"\x0a\0" + ip(LO, 5000)[2:])
        s.sendto(b, b"x", 0, b"\0\0" + ip(LO, 5000)[2:])
        s.sendto(b, b"x", 0, b"\0" * 16)
        s.recvfrom(a, 10, MSG_DONTWAIT)
        s.sendto(b, b"x", 0, None)
        s.sendto(b, b"x", 0, ip("0.0.0.0", 5000))
        s.recvfrom(a, 10, MSG_DONTWAIT)
        s.sendto(b, b"x", 0, ip("10.1.2.3", 5000))
        s.sendto(b, b"x", 0, ip("127.0.0.2", 5000))
        s.sendto(b, b"x", 0, ip("255.255.255.255", 5000))
        s.sendto(b, b"x", 0, ip("127.255.255.255", 5000))
        s.setsockopt(b, 1, 6, 1)
        s.sendto(b, b"x", 0, ip("127.255.255.255", 5000))
        s.sendto(b, b"x", 0, ip("255.255.255.255", 5000))
        s.sendto(b, b"x", 0, ip("224.1.1.1", 5000))
        s.mask(b)
        s.close(a)
        s.close(b)
        note_counters(s)

    parity(body)


def test_sizes(parity: Parity) -> None:
    def body(s: Any) -> None:
        a, b = s.socket(2, 2), s.socket(2, 2)
        s.bind(a, ip(LO, 5000))
        for n in (0, 1, 1472, 65506, 65507, 65508, 65527, 65535, 65536, 70000):
            s.sendto(b, bytes(n), 0, ip(LO, 5000))
            s.recvfrom(a, 70000, MSG_DONTWAIT)
        for disc in (0, 2):
            s.setsockopt(b, 0, 10, disc)
            for n in (65506, 65507, 65508):
                s.sendto(b, bytes(n), 0, ip(LO, 5000))
                s.recvfrom(a, 70000, MSG_DONTWAIT)
        s.setsockopt(b, 0, 11, 1)
        s.sendto(b, bytes(65508), 0, ip(LO, 5000))
        s.mask(b)
        s.recvmsg(b, Msg([bytearray(10)], bytearray(16), bytearray(100)), MSG_ERRQUEUE)
        s.recvmsg(b, Msg([bytearray(10)], bytearray(16), bytearray(100)), MSG_ERRQUEUE)
        note_counters(s)
        for disc in (
            3,
            4,
            5,
        ):  # lo's 65,536 bytes do not fit into an IPv4 header: only the answers are compared
            s.setsockopt(b, 0, 10, disc)
            for n in (65507, 65508):
                s.sendto(b, bytes(n), 0, ip(LO, 5000))
                s.recvfrom(a, 70000, MSG_DONTWAIT)
        s.recvmsg(b, Msg([bytearray(10)], bytearray(16), bytearray(100)), MSG_ERRQUEUE)

    parity(body)


def test_connect_and_dissolve(parity: Parity) -> None:
    def body(s: Any) -> None:
        a, b, c = s.socket(2, 2), s.socket(2, 2), s.socket(2, 2)
        s.bind(a, ip(LO, 5000))
        s.bind(c, ip(LO, 5001))
        s.connect(b, ip(LO, 5000)[:15])
        s.connect(b, b"\x0a\0" + bytes(26))
        s.connect(b, b"\0")
        s.connect(b, ip("255.255.255.255", 5000))
        s.connect(b, ip("10.0.0.1", 5000))
        s.connect(b, ip("224.0.0.5", 5000))
        s.getsockname(b)
        s.connect(b, ip(LO, 5000))
        s.getsockname(b)
        s.getpeername(b)
        s.getsockopt(b, 0, 14)
        s.send(b, b"one")
        _, name = s.recvfrom(a, 10)
        s.sendto(c, b"stranger", 0, name)
        s.recv(b, 10, MSG_DONTWAIT)
        s.sendto(a, b"friend", 0, name)
        s.recv(b, 10, MSG_DONTWAIT)
        s.sendto(b, b"elsewhere", 0, ip(LO, 5001))
        s.recv(c, 20, MSG_DONTWAIT)
        s.connect(b, ip(LO, 5001))
        s.getpeername(b)
        s.send(b, b"two")
        s.recv(c, 20, MSG_DONTWAIT)
        s.connect(b, b"\0\0" + bytes(14))
        s.getsockname(b)
        s.getpeername(b)
        s.send(b, b"none")
        s.connect(b, ip("0.0.0.0", 5000))
        s.getpeername(b)
        s.connect(a, ip(LO, 9))
        s.connect(a, b"\0\0")
        s.getsockname(a)
        s.shutdown(c, 1)
        s.connect(c, ip(LO, 5000))
        s.shutdown(c, 1)
        s.send(c, b"x")
        s.mask(c)
        s.shutdown(c, 0)
        s.recv(c, 10)
        s.mask(c)
        s.listen(c, 1)
        s.accept(c)
        note_counters(s)

    parity(body)


def test_nobody_listens(parity: Parity) -> None:
    def body(s: Any) -> None:
        b = s.socket(2, 2)
        s.sendto(b, b"x", 0, ip(LO, 9))
        s.mask(b)
        s.sendto(b, b"x", 0, ip(LO, 9))
        s.connect(b, ip(LO, 9))
        s.send(b, b"x")
        s.mask(b)
        s.send(b, b"x")
        s.send(b, b"x")
        s.recv(b, 10)
        s.recv(b, 10, MSG_DONTWAIT)
        s.send(b, b"x")
        s.so_error(b)
        s.so_error(b)
        s.mask(b)
        note_counters(s)

    parity(body)


def test_error_queue(parity: Parity) -> None:
    def body(s: Any) -> None:
        b = s.socket(2, 2)
        s.bind(b, ip(LO, 5001))
        s.setsockopt(b, 0, 11, 1)
        s.sendto(b, b"payload", 0, ip(LO, 9))
        s.mask(b)
        s.sendto(b, b"x", 0, ip(LO, 9))
        s.sendto(b, b"second", 0, ip(LO, 10))
        s.sendto(b, b"third", 0, ip(LO, 11))
        for size in (100, 3, 100, 100):
            m = Msg([bytearray(size)], bytearray(16), bytearray(100))
            s.recvmsg(b, m, MSG_ERRQUEUE)
            s.mask(b)
        s.recv(b, 10, MSG_DONTWAIT)
        s.so_error(b)
        s.sendto(b, b"x" * 2000, 0, ip(LO, 9))
        s.so_error(b)
        s.mask(b)
        s.recvmsg(b, Msg([bytearray(3000)], bytearray(16), bytearray(20)), MSG_ERRQUEUE)
        s.sendto(b, b"x", 0, ip(LO, 9))
        s.setsockopt(b, 0, 11, 0)
        s.recvmsg(b, Msg([bytearray(3)], bytearray(16), bytearray(100)), MSG_ERRQUEUE)
        s.mask(b)
        note_counters(s)

    parity(body)


def test_overflow(parity: Parity) -> None:
    def body(s: Any) -> None:
        for n in (0, 64, 200, 1000, 4000, 20000):
            a, b = s.socket(2, 2), s.socket(2, 2)
            s.bind(a, ip(LO, 5000))
            s.setsockopt(a, 1, 8, 8192)
            s.setsockopt(a, 1, 40, 1)
            for _ in range(30):
                s.raw("sendto", b, bytes(n), n, 0, ip(LO, 5000), 16)
            info = s.getsockopt(a, 1, 55, 36)
            s.note(struct.unpack("=9I", info))
            count = 0
            buf = bytearray(30000)
            while s.raw("recvfrom", a, buf, 30000, MSG_DONTWAIT, None, None) >= 0:
                count += 1
            s.note(n, count)
            s.sendto(b, b"last", 0, ip(LO, 5000))
            s.recvmsg(a, Msg([bytearray(10)], None, bytearray(64)), MSG_DONTWAIT)
            s.close(a)
            s.close(b)
        note_counters(s)

    parity(body)


def test_bind_conflicts(parity: Parity) -> None:
    def body(s: Any) -> None:
        any_, lo, lo2 = ip("0.0.0.0", 5000), ip(LO, 5000), ip("127.0.0.2", 5000)
        for first in (any_, lo):
            for second in (any_, lo, lo2):
                for flags1 in (0, 2, 15):
                    for flags2 in (0, 2, 15):
                        a, b = s.raw("socket", 2, 2, 0), s.raw("socket", 2, 2, 0)
                        for fd, flag in ((a, flags1), (b, flags2)):
                            if flag:
                                s.raw("setsockopt", fd, 1, flag, struct.pack("=i", 1), 4)
                        s.raw("bind", a, first, 16)
                        s.tab[first, second, flags1, flags2] = s.raw("bind", b, second, 16)
                        s.raw("close", a)
                        s.raw("close", b)
        a = s.socket(2, 2)
        for addr in (ip("10.0.0.1", 1), ip("224.0.0.1", 5000), lo, ip(LO, 5001)):
            s.bind(a, addr)
            s.getsockname(a)
        b = s.socket(2, 2)
        s.bind(b, ip("127.255.255.255", 5000))
        s.getsockname(b)
        b = s.socket(2, 2)
        s.bind(b, ip("255.255.255.255", 5000))
        s.getsockname(b)
        b = s.socket(2, 2)
        s.bind(b, b"\0\0" + bytes(14))
        s.getsockname(b)
        b = s.socket(2, 2)
        s.bind(b, b"\0\0\0\0\x7f\0\0\1" + bytes(8))
        s.bind(b, lo[:15])
        s.setsockopt(b, 0, 15, 1)
        s.bind(b, ip("10.0.0.1", 5000))
        s.sendto(b, b"x", 0, lo)
        s.setsockopt(b, 0, 24, 1)

    parity(body)


def test_who_gets_the_datagram(parity: Parity) -> None:
    def body(s: Any) -> None:
        fds = {}
        for name, addr, peer in (
            ("any1", "0.0.0.0", None),
            ("any2", "0.0.0.0", None),
            ("lo1", LO, None),
            ("lo2", LO, None),
            ("peer", LO, 6000),
            ("two", "127.0.0.2", None),
        ):
            fd = s.socket(2, 2)
            s.setsockopt(fd, 1, 2, 1)
            s.bind(fd, ip(addr, 5000))
            if peer:
                s.connect(fd, ip(LO, peer))
            fds[fd] = name
        for port in (6000, 6001):
            b = s.socket(2, 2)
            s.bind(b, ip(LO, port))
            for dst in (LO, "127.0.0.2", "127.0.0.3"):
                s.sendto(b, b"x", 0, ip(dst, 5000))
                for fd, name in fds.items():
                    if s.raw("recvfrom", fd, bytearray(4), 4, MSG_DONTWAIT, None, None) >= 0:
                        s.note(port, dst, name)
        s.setsockopt(b, 1, 6, 1)
        s.sendto(b, b"x", 0, ip("127.255.255.255", 5000))
        for fd, name in fds.items():
            if s.raw("recvfrom", fd, bytearray(4), 4, MSG_DONTWAIT, None, None) >= 0:
                s.note("broadcast", name)

    parity(body)


def test_groups(parity: Parity) -> None:
    def body(s: Any) -> None:
        group = bytes([239, 1, 2, 3])
        lo = bytes([127, 0, 0, 1])
        a, b, c = s.socket(2, 2), s.socket(2, 2), s.socket(2, 2)
        for fd in (a, b, c):
            s.setsockopt(fd, 1, 2, 1)
            s.bind(fd, ip("0.0.0.0", 5000))
        for opt in (8, 12):
            s.setsockopt(a, 0, opt, 1)
        s.setsockopt(c, 0, 49, 0)
        tx = s.socket(2, 2)
        dst = ip("239.1.2.3", 5000)
        s.sendto(tx, b"no route", 0, dst)
        s.setsockopt(tx, 0, 32, lo)
        s.sendto(tx, b"nobody", 0, dst)
        s.setsockopt(a, 0, 35, group + lo)
        s.sendto(tx, b"one", 0, dst)
        s.recvmsg(a, Msg([bytearray(10)], bytearray(16), bytearray(100)), MSG_DONTWAIT)
        s.recvfrom(b, 10, MSG_DONTWAIT)
        s.recvfrom(c, 10, MSG_DONTWAIT)
        s.setsockopt(tx, 0, 33, 7)
        s.setsockopt(tx, 0, 34, 0)
        s.sendto(tx, b"two", 0, dst)
        s.recvmsg(a, Msg([bytearray(10)], bytearray(16), bytearray(100)), MSG_DONTWAIT)
        s.recvfrom(b, 10, MSG_DONTWAIT)
        s.setsockopt(c, 0, 39, group + lo + bytes([127, 0, 0, 1]))
        s.sendto(tx, b"three", 0, dst)
        s.recvfrom(c, 10, MSG_DONTWAIT)
        s.bind(tx, ip("127.0.0.9", 0))
        s.sendto(tx, b"four", 0, dst)
        s.recvfrom(c, 10, MSG_DONTWAIT)
        s.close(a)
        s.close(c)
        s.sendto(tx, b"five", 0, dst)
        s.recvfrom(b, 10, MSG_DONTWAIT)
        s.recvfrom(b, 10, MSG_DONTWAIT)
        s.sendto(tx, b"all hosts", 0, ip("224.0.0.1", 5000))
        s.recvfrom(b, 10, MSG_DONTWAIT)
        note_counters(s)

    parity(body)


def test_cork(parity: Parity) -> None:
    def body(s: Any) -> None:
        a, b = s.socket(2, 2), s.socket(2, 2)
        s.bind(a, ip(LO, 5000))
        s.sendto(b, b"one ", MSG_MORE, ip(LO, 5000))
        s.ioctl(a, 0x541B)
        s.sendto(b, b"two", MSG_MORE, ip("127.0.0.2", 5001))
        s.send(b, b" three")
        s.recv(a, 100, MSG_DONTWAIT)
        s.setsockopt(b, SOL_UDP, 1, 1)
        s.getsockopt(b, SOL_UDP, 1)
        s.sendto(b, b"a", 0, ip(LO, 5000))
        s.send(b, b"b")
        s.setsockopt(b, SOL_UDP, 1, 0)
        s.recv(a, 100, MSG_DONTWAIT)
        s.sendto(b, bytes(40000), MSG_MORE, ip(LO, 5000))
        s.send(b, bytes(30000), MSG_MORE)
        s.send(b, b"after")
        s.sendto(b, b"", MSG_MORE, ip(LO, 5000))
        s.send(b, b"")
        s.recv(a, 100, MSG_DONTWAIT)
        s.sendto(b, b"never", MSG_MORE, ip(LO, 5000))
        s.close(b)
        s.recv(a, 100, MSG_DONTWAIT)
        note_counters(s)

    parity(body)


def test_udp_options(parity: Parity) -> None:
    def body(s: Any) -> None:
        for opt in (*range(-1, 5), *range(9, 13), *range(99, 107)):
            for v in (-1, 0, 1, 2, 3, 100, 65535, 65536):
                fd = s.raw("socket", 2, 2, 0)
                r = s.raw("setsockopt", fd, SOL_UDP, opt, struct.pack("=i", v), 4)
                buf, n = bytearray(8), bytearray(struct.pack("=I", 8))
                g = s.raw("getsockopt", fd, SOL_UDP, opt, buf, n)
                if opt == 100:
                    continue  # encapsulation is not modelled
                s.tab[opt, v] = r, g, buf.hex(), n.hex()
                s.raw("close", fd)
            for size in (0, 1, 3, 4, 8):
                fd = s.raw("socket", 2, 2, 0)
                s.tab[opt, "len", size] = s.raw("setsockopt", fd, SOL_UDP, opt, bytes(8), size)
                buf, n = bytearray(8), bytearray(struct.pack("=I", size))
                s.tab[opt, "get", size] = s.raw("getsockopt", fd, SOL_UDP, opt, buf, n), n.hex()
                s.raw("close", fd)

    parity(body)


def test_segments(parity: Parity) -> None:
    def body(s: Any) -> None:
        a, b = s.socket(2, 2), s.socket(2, 2)
        s.bind(a, ip(LO, 5000))
        s.setsockopt(b, SOL_UDP, 103, 100)
        s.sendto(b, b"x" * 350, 0, ip(LO, 5000))
        s.sendto(b, b"y" * 100, 0, ip(LO, 5000))
        s.sendto(b, b"z" * 50, 0, ip(LO, 5000))
        for _ in range(7):
            s.recv(a, 1000, MSG_DONTWAIT)
        s.sendto(b, b"x" * 12801, 0, ip(LO, 5000))
        s.setsockopt(a, SOL_UDP, 104, 1)
        s.sendto(b, b"x" * 350, 0, ip(LO, 5000))
        s.recvmsg(a, Msg([bytearray(1000)], None, bytearray(64)), MSG_DONTWAIT)
        s.recv(a, 1000, MSG_DONTWAIT)
        s.setsockopt(b, SOL_UDP, 103, 65535)
        s.sendto(b, b"x" * 65507, 0, ip(LO, 5000))
        s.recv(a, 70000, MSG_DONTWAIT)

    parity(body)


def test_ports_run_out(parity: Parity) -> None:
    def body(s: Any) -> None:
        b = s.socket(2, 2)
        s.setsockopt(b, 0, 51, 50001 << 16 | 50000)
        s.bind(b, ip(LO, 0))
        s.note(s.port(b) in (50000, 50001))
        for i in range(3):
            c = s.socket(2, 2)
            s.setsockopt(c, 0, 51, 50001 << 16 | 50000)
            r = s.raw("bind", c, ip(LO if i < 2 else "127.0.0.2", 0), 16)
            s.note(i, r, r == 0 and s.port(c) in (50000, 50001))
        d = s.socket(2, 2)
        s.setsockopt(d, 0, 51, 50001 << 16 | 50000)
        s.sendto(d, b"x", 0, ip(LO, 9))

    parity(body)


def test_timeouts_and_shutdown_wake(parity: Parity) -> None:
    def body(s: Any) -> None:
        a = s.socket(2, 2)
        s.bind(a, ip(LO, 5000))
        s.setsockopt(a, 1, 20, struct.pack("=qq", 0, 50000))
        s.recv(a, 10)
        s.connect(a, ip(LO, 5000))
        s.send(a, b"self")
        s.until(a, POLLIN)
        s.recv(a, 10)
        s.shutdown(a, 2)
        s.recv(a, 10)
        s._mask(a, POLLALL)
        s.mask(a)

    parity(body)


def test_peek_offset(parity: Parity) -> None:
    def body(s: Any) -> None:
        a, b = s.socket(2, 2), s.socket(2, 2)
        s.bind(a, ip(LO, 5000))
        s.setsockopt(a, 1, 42, 0)
        s.sendto(b, b"0123456789", 0, ip(LO, 5000))
        s.sendto(b, b"abc", 0, ip(LO, 5000))
        for _ in range(5):
            s.recv(a, 4, MSG_PEEK | MSG_DONTWAIT)
            s.getsockopt(a, 1, 42)
        s.recv(a, 4, MSG_DONTWAIT)
        s.getsockopt(a, 1, 42)
        s.recv(a, 4, MSG_PEEK | MSG_DONTWAIT)

    parity(body)


def test_timestamps(parity: Parity) -> None:
    def body(s: Any) -> None:
        a, b = s.socket(2, 2), s.socket(2, 2)
        s.bind(a, ip(LO, 5000))
        for opt in (29, 35, 63, 64, 75, 82):
            s.setsockopt(a, 1, opt, 1)
            s.sendto(b, b"x", 0, ip(LO, 5000))
            m = Msg([bytearray(4)], None, bytearray(100))
            s.raw("recvmsg", a, m, MSG_DONTWAIT)
            kinds = []
            at = 0
            while at + 16 <= m.controllen:
                size, level, kind = struct.unpack_from("=Qii", m.control, at)
                if size < 16:
                    break
                kinds.append((size, level, kind))
                at += (size + 7) & ~7
            s.note(opt, kinds)
            s.setsockopt(a, 1, opt, 0)

    parity(body)


def test_reuseport_spreads_and_is_steady() -> None:
    k = sockfs.Kernel(seed=3)
    t = k.task("t")
    group = []
    for _ in range(4):
        fd = t.syscall("socket", 2, 2, 0)
        t.syscall("setsockopt", fd, 1, 15, struct.pack("=i", 1), 4)
        assert t.syscall("bind", fd, ip(LO, 5000), 16) == 0
        group.append(fd)
    seen: dict[int, set[int]] = {}
    for port in range(7000, 7064):
        b = t.syscall("socket", 2, 2, 0)
        t.syscall("bind", b, ip(LO, port), 16)
        for _ in range(2):
            assert t.syscall("sendto", b, b"x", 1, 0, ip(LO, 5000), 16) == 1
            for fd in group:
                if t.syscall("recvfrom", fd, bytearray(4), 4, MSG_DONTWAIT, None, None) == 1:
                    seen.setdefault(port, set()).add(fd)
        t.syscall("close", b)
    assert all(len(fds) == 1 for fds in seen.values())
    assert {fd for fds in seen.values() for fd in fds} == set(group)


def test_all_goes_when_the_socket_goes() -> None:
    k = sockfs.Kernel(seed=3)
    t = k.task("t")
    for _ in range(100):
        a, b = t.syscall("socket", 2, 2, 0), t.syscall("socket", 2, 2, 0)
        t.syscall("bind", a, ip(LO, 5000), 16)
        t.syscall("setsockopt", a, 0, 35, bytes([239, 1, 1, 1, 127, 0, 0, 1]), 8)
        for _ in range(3):
            t.syscall("sendto", b, b"x", 1, 0, ip(LO, 5000), 16)
        t.syscall("sendto", b, b"x", 1, MSG_MORE, ip(LO, 5000), 16)
        t.syscall("close", a)
        t.syscall("sendto", b, b"x", 1, MSG_DONTWAIT, ip(LO, 5000), 16)
        t.syscall("close", b)
    net = k.init_net
    assert not net.udp_table.hash
    assert net.udp_table.memory_allocated == 0
    assert k.slabs["UDP"].active == 0
    assert k.skbuff_head_cache.active == 0
    assert list(net.loopback_dev.mc_list) == [0xE0000001]


def test_integers_out_of_range_do_not_raise() -> None:
    t = sockfs.Kernel(seed=3).task("t")
    fd = t.syscall("socket", 2, 2, 0)
    for v in (2**31, 2**32, 2**63, 2**64, 2**70, -(2**70)):
        assert t.syscall("setsockopt", fd, 0, v, bytes(4), 4) < 0 or v % 2**32 == 0
        assert t.syscall("recvfrom", fd, bytearray(1), v, MSG_DONTWAIT, None, None) in (
            -errno.EAGAIN,
            -errno.EINVAL,
            -errno.EFAULT,
        )
