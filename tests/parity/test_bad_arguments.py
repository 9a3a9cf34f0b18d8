"""Every call of the table with descriptors, lengths, addresses, flags and numbers that are wrong."""

from __future__ import annotations

import struct

import pytest

from tests.parity.harness import Msg, Parity, Sys, i32, ip, un

DONTWAIT = 0x40
O_NONBLOCK = 0o4000
BAD_FDS = (-1, 99, 2**31 - 1, 2**31, 2**32 - 1, 2**32 + 99, 2**63 + 99, 2**64 + 99, 2**70 + 99)


def every_call(s: Sys, fd: int) -> None:
    """Each call once with this descriptor and arguments that are right for some socket."""
    s.bind(fd, ip("127.0.0.1", 0))
    s.listen(fd, 1)
    s.accept(fd)
    s.accept4(fd, 0)
    s.accept4(fd, 1)
    s.getsockname(fd)
    s.getpeername(fd)
    s.getsockopt(fd, 1, 3)
    s.setsockopt(fd, 1, 2, 1)
    s.setsockopt(fd, 1, 2, 1, -1)
    s.send(fd, b"x", DONTWAIT)
    s.sendto(fd, b"x", DONTWAIT, ip("127.0.0.1", 9))
    s.sendmsg(fd, Msg([b"x"]), DONTWAIT)
    s.sendmmsg(fd, [Msg([b"x"])], DONTWAIT)
    s.recv(fd, 1, DONTWAIT)
    s.recvfrom(fd, 1, DONTWAIT)
    s.recvmsg(fd, Msg([bytearray(1)]), DONTWAIT)
    s.recvmmsg(fd, [Msg([bytearray(1)])], DONTWAIT)
    s.shutdown(fd, 7)
    s.poll([(fd if abs(fd) < 2**31 else -1, 1)])
    s.fcntl(fd, 1)
    s.fcntl(fd, 3)
    s.fcntl(fd, 9999)
    for cmd in (0x541B, 0x5421, 0x8905, 0x5411, 0x5401, 0x1234):
        s.ioctl(fd, cmd)
    s.read(fd, 0)
    s.write(fd, b"")
    s.readv(fd, [])
    s.writev(fd, [])
    s.connect(fd, un(b"/nonexistent/x"))


@pytest.mark.parametrize("fd", BAD_FDS)
def test_no_descriptor(parity: Parity, fd: int) -> None:
    def body(s: Sys) -> None:
        every_call(s, fd)
        s.read(fd, 1)
        s.write(fd, b"x")
        s.dup(fd)
        s.dup2(fd, 5)
        s.dup3(fd, 5, 0)
        s.dup3(fd, fd, 0)
        s.dup2(fd, fd)
        s.close(fd)
        ep = s.epoll_create1()
        s.epoll_ctl(ep, 1, fd, 1)
        s.epoll_ctl(fd, 1, ep, 1)
        s.epoll_wait(fd)

    parity(body)


KINDS = {
    "tcp": (2, 1, 0),
    "udp": (2, 2, 0),
    "unix stream": (1, 1, 0),
    "unix dgram": (1, 2, 0),
    "unix seqpacket": (1, 5, 0),
}


@pytest.mark.parametrize("kind", KINDS)
def test_fresh_socket(parity: Parity, kind: str) -> None:
    def body(s: Sys) -> None:
        family, type, protocol = KINDS[kind]
        fd = s.socket(family, type | O_NONBLOCK, protocol)
        s.mask(fd)
        every_call(s, fd)

    parity(body)


@pytest.mark.parametrize("what", ["pipe r", "pipe w", "epoll", "eventfd"])
def test_not_a_socket(parity: Parity, what: str) -> None:
    def body(s: Sys) -> None:
        if what.startswith("pipe"):
            s.pipe2(O_NONBLOCK)
            fd = 3 if what == "pipe r" else 4
        elif what == "epoll":
            fd = s.epoll_create1()
        else:
            fd = s.call("eventfd2", 0, O_NONBLOCK)
        every_call(s, fd)
        s.read(fd, 8)
        s.write(fd, b"12345678")
        s.mask(fd)

    parity(body)


@pytest.mark.parametrize("kind", KINDS)
def test_addresses(parity: Parity, kind: str) -> None:
    """Lengths and families of addresses, in bind, connect and sendto."""

    def body(s: Sys) -> None:
        family, type, protocol = KINDS[kind]
        addrs: list[tuple[bytes | None, int | None]] = [(None, 0), (None, 16), (b"", 0)]
        good = ip("127.0.0.1", 1)
        for n in (1, 2, 3, 4, 7, 8, 15, 16):
            addrs.append((good, n))
        for n in (17, 20, 28, 108, 110, 111, 128):
            addrs.append((good + bytes(112), n))
        addrs += [(good + bytes(200), n) for n in (129, 200)]
        addrs += [(good, -1), (good, -(2**31))]
        for fam in (0, 1, 3, 10, 16, 17, 255, 65535):
            addrs.append((struct.pack("=H", fam) + good[2:], None))
            addrs.append((struct.pack("=H", fam) + bytes(26), None))
            addrs.append((struct.pack("=H", fam), None))
        for name in (
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "192.0.2.1",
            "127.255.255.255",
            "240.0.0.1",
            "0.1.2.3",
        ):
            addrs.append((ip(name, 0), None))
        for call in ("bind", "connect", "sendto", "connect bound"):
            for addr, n in addrs:
                fd = s.socket(family, type | O_NONBLOCK, protocol)
                if call == "bind":
                    s.bind(fd, addr, n)
                    s.getsockname(fd)
                elif call == "connect":
                    s.connect(fd, addr, n)
                    s.getpeername(fd)
                elif call == "sendto":
                    s.sendto(fd, b"x", DONTWAIT, addr, n)
                elif family == 2:
                    s.bind(fd, ip("127.0.0.1", 0))
                    s.connect(fd, addr, n)
                s.close(fd)

    parity(body)


def test_pointers(parity: Parity) -> None:
    def body(s: Sys) -> None:
        t = s.socket(2, 1 | O_NONBLOCK)
        u = s.socket(2, 2 | O_NONBLOCK)
        for fd in (t, u):
            for name, args in (
                ("bind", (None, 16)),
                ("bind", (1, 16)),
                ("connect", (None, 16)),
                ("connect", (8, 16)),
                ("getsockname", (None, None)),
                ("getsockname", (1, 1)),
                ("getsockname", (None, bytearray(i32(16)))),
                ("getsockname", (None, bytearray(i32(0)))),
                ("getpeername", (None, None)),
                ("accept", (1, 1)),
                ("setsockopt", (1, 2, None, 4)),
                ("setsockopt", (1, 2, 1, 4)),
                ("setsockopt", (1, 2, None, 0)),
                ("getsockopt", (1, 2, None, bytearray(i32(4)))),
                ("getsockopt", (1, 2, bytearray(4), None)),
                ("getsockopt", (1, 2, None, bytearray(i32(0)))),
                ("sendto", (None, 0, DONTWAIT, None, 0)),
                ("sendto", (b"x", 1, DONTWAIT, None, 16)),
                ("sendto", (b"x", 1, DONTWAIT, 1, 16)),
                ("recvfrom", (None, 5, DONTWAIT, None, None)),
                ("sendmsg", (None, 0)),
                ("recvmsg", (None, 0)),
                ("sendmmsg", (None, 1, 0)),
                ("sendmmsg", (None, 0, 0)),
                ("recvmmsg", (None, 1, DONTWAIT, None)),
                ("recvmmsg", (None, 0, DONTWAIT, None)),
                ("write", (None, 0)),
                ("readv", (None, 1)),
                ("writev", (None, 1)),
                ("readv", (None, 0)),
                ("readv", (None, -1)),
                ("readv", (None, 1025)),
                ("writev", (None, 1025)),
                ("ioctl", (0x541B, None)),
                ("ioctl", (0x5421, None)),
                ("ioctl", (0x541B, 1)),
                ("ioctl", (0x5421, 1)),
                ("fstat", (None,)),
                ("fstat", (1,)),
            ):
                s.call(name, fd, *args)
        s.call("poll", None, 1, 0)
        s.call("poll", None, 0, 0)
        s.call("poll", 1, 1, 0)
        s.call("pipe2", None, 0)
        s.call("select", 4, None, None, None, bytearray(16))
        s.call("select", 4, 1, None, None, bytearray(16))
        s.call("select", -1, None, None, None, bytearray(16))
        s.call("select", 2**31 - 1, None, None, None, bytearray(16))
        s.call("select", 4, None, None, None, bytearray(struct.pack("=qq", -1, 0)))
        s.call("select", 4, None, None, None, bytearray(struct.pack("=qq", 0, -1)))
        s.call("ppoll", None, 0, struct.pack("=qq", 0, 10**9), None, 8)
        s.call("ppoll", None, 0, struct.pack("=qq", -1, 0), None, 8)
        s.call("ppoll", None, 0, struct.pack("=qq", 0, 0), bytes(8), 4)
        s.call("ppoll", None, 0, struct.pack("=qq", 0, 0), None, 4)
        s.call("ppoll", None, 0, struct.pack("=qq", 0, 0), bytes(8), 8)
        ep = s.epoll_create1()
        s.call("epoll_ctl", ep, 1, t, None)
        s.call("epoll_ctl", ep, 1, t, 1)
        s.call("epoll_ctl", ep, 2, t, None)
        s.call("epoll_wait", ep, None, 1, 0)
        s.call("epoll_wait", ep, None, 0, 0)
        s.call("epoll_wait", ep, bytearray(12), -1, 0)
        s.call("epoll_wait", ep, bytearray(12), 2**31 - 1, 0)
        s.call("epoll_pwait", ep, bytearray(12), 1, 0, bytes(8), 4)
        s.call("epoll_pwait", ep, bytearray(12), 1, 0, None, 4)
        s.call("epoll_create", 0)
        s.call("epoll_create", -1)
        s.call("epoll_create", 1)
        for flags in (1, 0o4000, 0o2000000, 0x80000000, 1 << 32):
            s.call("epoll_create1", flags)
            s.call("eventfd2", 0, flags)
            s.pipe2(flags)
        s.call("eventfd2", 2**32 - 1, 1)
        s.call("eventfd", 2**40 + 1)

    parity(body)


def test_name_lengths(parity: Parity) -> None:
    """What fits is written and the whole length told."""

    def body(s: Sys) -> None:
        ls = s.listener(7501)
        c = s.socket(2, 1)
        s.bind(c, ip("127.0.0.1", 7502))
        s.connect(c, ip("127.0.0.1", 7501))
        a = s.accept(ls)
        u = s.socket(1, 1)
        v, _ = s.socketpair(1, 1)
        for fd in (ls, c, a, u, v):
            for n in (0, 1, 2, 3, 8, 15, 16, 17, 128, 200, -1, -(2**31)):
                s.getsockname(fd, n)
                s.getpeername(fd, n)
        for n in (0, 1, 4, 16, 128, -1):
            d = s.socket(2, 1 | O_NONBLOCK)
            s.connect(d, ip("127.0.0.1", s.port(ls)))
            s.accept(ls, n)
            d = s.socket(2, 1 | O_NONBLOCK)
            s.connect(d, ip("127.0.0.1", s.port(ls)))
            s.accept4(ls, O_NONBLOCK, n)
        s.accept4(ls, 0x10)
        s.socket(2, 1)

    parity(body)


@pytest.mark.parametrize("kind", ["tcp", "udp", "unix stream", "unix dgram", "unix seqpacket"])
def test_every_message_flag(parity: Parity, kind: str) -> None:
    """Each bit of send's and recv's flags on a connected pair."""

    def body(s: Sys) -> None:
        for bit in range(32):
            flag = 1 << bit
            if kind == "tcp":
                ls, a, b = s.pair(7700 + 2 * bit)
                s.close(ls)
            elif kind == "udp":
                a = s.socket(2, 2)
                b = s.socket(2, 2)
                s.bind(a, ip("127.0.0.1", 7600))
                s.bind(b, ip("127.0.0.1", 7601))
                s.connect(b, ip("127.0.0.1", 7600))
                s.connect(a, ip("127.0.0.1", 7601))
            else:
                a, b = s.socketpair(*KINDS[kind])
            s.nonblock(a)
            s.nonblock(b)
            if bit not in (15, 26):  # MSG_MORE holds data back, MSG_ZEROCOPY needs SO_ZEROCOPY
                s.send(a, b"hello", flag)
            s.send(a, b"world")
            s.until(b, 1)
            s.recv(b, 3, flag)
            s.recv(b, 8, flag)
            s.recv(b, 8)
            s.recv(b, 8, flag)
            s.send(a, b"", flag)
            s.recv(b, 0, flag)
            s.recvmsg(b, Msg([bytearray(4), bytearray(4)], bytearray(128), bytearray(64)), flag)
            s.so_error(a)
            s.so_error(b)
            s.close(a)
            s.close(b)

    parity(body)


def test_vectors(parity: Parity) -> None:
    def body(s: Sys) -> None:
        for kind in ("unix stream", "unix dgram"):
            a, b = s.socketpair(*KINDS[kind])
            s.nonblock(a)
            s.nonblock(b)
            s.sendmsg(a, Msg([b"ab", b"", b"cde"]))
            s.recvmsg(
                b, Msg([bytearray(1), bytearray(0), bytearray(3), bytearray(9)], bytearray(16), bytearray(0))
            )
            s.sendmsg(a, Msg([]))
            s.recvmsg(b, Msg([bytearray(3)]))
            s.sendmsg(a, Msg([b"x"] * 1024))
            s.recvmsg(b, Msg([bytearray(2000)]))
            s.sendmsg(a, Msg([b"x"] * 1025))
            s.recvmsg(b, Msg([bytearray(1)] * 1025))
            s.writev(a, [b"x"] * 1024)
            s.writev(a, [b"x"] * 1025)
            s.readv(b, [1] * 1025)
            s.readv(b, [1] * 1024)
            s.sendmmsg(a, [Msg([b"1"]), Msg([b"22"]), Msg([])])
            s.recvmmsg(
                b, [Msg([bytearray(5)]), Msg([bytearray(1)]), Msg([bytearray(4)]), Msg([bytearray(4)])]
            )
            s.recvmmsg(b, [Msg([bytearray(5)])], 0x10000)
            s.recvmmsg(b, [Msg([bytearray(5)])], 0, struct.pack("=qq", 0, 0))
            s.recvmmsg(b, [Msg([bytearray(5)])], 0, struct.pack("=qq", -1, 0))
            s.sendmmsg(a, [])
            s.close(a)
            s.close(b)

    parity(body)


def test_descriptor_calls(parity: Parity) -> None:
    def body(s: Sys) -> None:
        a, b = s.socketpair(1, 1)
        s.dup2(a, a)
        s.dup3(a, a, 0)
        s.dup3(a, 9, 1)
        s.dup3(a, 9, 0o2000000)
        s.fcntl(9, 1)
        s.dup2(a, -1)
        s.dup2(a, 2**31 - 1)
        s.dup2(a, 2**32 + 10)
        s.fcntl(a, 0, -1)
        s.fcntl(a, 0, 2**31 - 1)
        s.fcntl(a, 2, 1)
        s.fcntl(a, 1)
        s.fcntl(a, 2, -2)
        s.fcntl(a, 1)
        for flags in (0o4000, 0o2000, 0o20000, 0o40000, 0o1000000, 0o10000, 1, 0o100, -1, 0):
            s.fcntl(a, 4, flags)
            s.fcntl(a, 3)
        for cmd in (
            *range(5, 20),
            1024,
            1025,
            1026,
            1027,
            1028,
            1029,
            1031,
            1032,
            1033,
            1034,
            1035,
            1036,
            -1,
        ):
            if cmd not in (5, 6, 7, 12, 13, 14):  # locks take a structure
                s.fcntl(a, cmd, 1)
        s.call("close_range", 9, 8, 0)
        s.call("close_range", 9, 9, 8)
        s.call("close_range", 9, 20, 4)
        s.fcntl(9, 1)
        s.call("close_range", 9, 20, 0)
        s.close(9)
        s.close(a)
        s.close(a)
        s.read(b, 1)
        s.mask(b)

    parity(body)
