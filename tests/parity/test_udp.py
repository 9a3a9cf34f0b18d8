"""UDP sockets."""

from __future__ import annotations

import struct

from tests.parity.harness import POLLERR, POLLIN, Msg, Parity, Sys, i32, ip

LO = "127.0.0.1"
PEEK, TRUNC, DONTWAIT, MORE, ERRQUEUE = 2, 0x20, 0x40, 0x8000, 0x2000
NOBODY = ip(LO, 7300)


def two(s: Sys) -> tuple[int, int]:
    a, b = s.socket(2, 2 | 0o4000), s.socket(2, 2 | 0o4000)
    s.bind(a, ip(LO))
    s.bind(b, ip(LO))
    return a, b


def addr(s: Sys, fd: int) -> bytes:
    return ip(LO, s.port(fd))


def test_datagrams(parity: Parity) -> None:
    def body(s: Sys) -> None:
        a, b = two(s)
        s.mask(a)
        s.recv(b, 10)
        s.sendto(a, b"hello", 0, addr(s, b))
        s.sendto(a, b"", 0, addr(s, b))
        s.sendto(a, b"x" * 100, 0, addr(s, b))
        s.until(b, POLLIN)
        s.ioctl(b, 0x541B)
        s.recvfrom(b, 3, PEEK)
        s.recvfrom(b, 3, PEEK | TRUNC)
        s.recvfrom(b, 10)
        s.ioctl(b, 0x541B)
        s.mask(b)
        s.recvfrom(b, 10)
        s.recvmsg(b, Msg([bytearray(4), bytearray(4)], bytearray(16), bytearray(10)), TRUNC)
        s.recvfrom(b, 10)
        s.mask(b)
        for size in (0, 1, 4, 8, 15):
            s.sendto(a, b"n", 0, addr(s, b))
            s.recvfrom(b, 5, 0, size)
        s.sendto(a, b"n", 0, addr(s, b))
        s.recvfrom(b, 5, 0, -1)
        s.recvfrom(b, 5)
        s.sendto(a, b"zero", 0, addr(s, b))
        s.recv(b, 0, TRUNC)
        s.recv(b, 5)
        s.send(a, b"no destination")
        s.sendto(a, b"port 0", 0, ip(LO, 0))
        s.sendto(a, bytes(65507), 0, addr(s, b))
        s.sendto(a, bytes(65508), 0, addr(s, b))
        s.sendto(a, bytes(70000), 0, addr(s, b))
        s.recv(b, 70000)
        s.recv(b, 70000)

    parity(body)


def test_connect_and_dissolve(parity: Parity) -> None:
    def body(s: Sys) -> None:
        a, b = two(s)
        c = s.socket(2, 2 | 0o4000)
        s.getpeername(c)
        s.connect(c, addr(s, a))
        s.getsockname(c)
        s.getpeername(c)
        s.send(c, b"1")
        s.recvfrom(a, 5)
        s.sendto(c, b"2", 0, addr(s, b))
        s.recvfrom(b, 5)
        s.sendto(b, b"not from the peer", 0, addr(s, c))
        s.recv(c, 50)
        s.sendto(a, b"from the peer", 0, addr(s, c))
        s.recvfrom(c, 50)
        s.connect(c, addr(s, b))
        s.getsockname(c)
        s.getpeername(c)
        s.connect(c, struct.pack("=H14x", 0))
        s.getsockname(c)
        s.getpeername(c)
        s.send(c, b"x")
        s.connect(c, struct.pack("=H", 0))
        s.bind(c, ip(LO, 7301))
        s.connect(c, addr(s, a))
        s.connect(c, struct.pack("=H14x", 0))
        s.getsockname(c)
        s.bind(c, ip(LO, 7302))
        d = s.socket(2, 2)
        s.connect(d, ip("0.0.0.0", s.port(a)))
        s.getpeername(d)
        s.connect(d, ip("255.255.255.255", 9))
        s.setsockopt(d, 1, 6, 1)
        s.connect(d, ip("255.255.255.255", 9))
        s.connect(d, ip("224.0.0.5", 9))
        s.connect(d, ip("192.0.2.1", 9))
        s.connect(d, ip(LO, 0))
        s.getpeername(d)

    parity(body)


def test_refused(parity: Parity) -> None:
    """An ICMP error reaches a connected socket once, in whatever call comes first."""

    def body(s: Sys) -> None:
        for ask in ("send", "recv", "error", "poll", "recv peek", "recvmmsg", "connect"):
            c = s.socket(2, 2 | 0o4000)
            s.connect(c, NOBODY)
            s.send(c, b"x")
            s.until(c, POLLERR)
            s.mask(c)
            for _ in range(2):
                if ask == "send":
                    s.send(c, b"y")
                elif ask == "recv":
                    s.recv(c, 5)
                elif ask == "recv peek":
                    s.recv(c, 5, PEEK)
                elif ask == "recvmmsg":
                    s.recvmmsg(c, [Msg([bytearray(5)])])
                elif ask == "error":
                    s.so_error(c)
                elif ask == "connect":
                    s.connect(c, NOBODY)
                else:
                    s.mask(c)
            s.close(c)
        u = s.socket(2, 2 | 0o4000)
        s.sendto(u, b"x", 0, NOBODY)
        s.mask(u)
        s.recv(u, 5)

    parity(body)


def test_error_queue(parity: Parity) -> None:
    def body(s: Sys) -> None:
        for connected in (False, True):
            u = s.socket(2, 2 | 0o4000)
            s.bind(u, ip(LO, 7310 + connected))
            s.setsockopt(u, 0, 11, 1)
            if connected:
                s.connect(u, NOBODY)
                s.send(u, b"payload")
            else:
                s.sendto(u, b"payload", 0, NOBODY)
            s.until(u, POLLERR)
            s.mask(u)
            s.recv(u, 5)
            s.recvmsg(u, Msg([bytearray(50)], bytearray(16), bytearray(200)), ERRQUEUE)
            s.mask(u)
            s.recvmsg(u, Msg([bytearray(50)], bytearray(16), bytearray(200)), ERRQUEUE)
            s.so_error(u)

    parity(body)


def test_control_messages(parity: Parity) -> None:
    def body(s: Sys) -> None:
        a, b = s.socket(2, 2 | 0o4000), s.socket(2, 2 | 0o4000)
        s.bind(a, ip(LO, 7330))
        s.bind(b, ip(LO, 7331))
        for opt in (8, 12, 13, 20):  # IP_PKTINFO, RECVTTL, RECVTOS, RECVORIGDSTADDR
            s.setsockopt(b, 0, opt, 1)
        s.sendto(a, b"x", 0, addr(s, b))
        for room in (200, 60, 28, 27, 20, 16, 8, 0):
            s.recvmsg(b, Msg([bytearray(5)], bytearray(16), bytearray(room)), PEEK if room else 0)
        s.setsockopt(b, 0, 20, 0)
        pktinfo = struct.pack("=QiiiIII4x", 28, 0, 8, 1, 0x0200007F, 0, 0)[:32]
        ttl = struct.pack("=Qiii4x", 20, 0, 2, 77)
        tos = struct.pack("=Qiii4x", 20, 0, 1, 0x10)
        for control in (
            pktinfo,
            ttl,
            tos,
            pktinfo + ttl,
            ttl[:12],
            struct.pack("=Qiii4x", 20, 0, 2, 0),
            struct.pack("=Qiii4x", 20, 0, 2, 256),
            struct.pack("=Qiii4x", 20, 0, 99, 1),
            struct.pack("=Qiii4x", 20, 1, 1, 1),
            struct.pack("=Qiii4x", 100, 0, 2, 5),
            struct.pack("=Qiii4x", 8, 0, 2, 5),
            struct.pack("=Qiii4x", 20, 77, 2, 5),
        ):
            s.sendmsg(a, Msg([b"c"], addr(s, b), control))
            s.recvmsg(b, Msg([bytearray(5)], bytearray(16), bytearray(200)))

    parity(body)


def test_cork(parity: Parity) -> None:
    def body(s: Sys) -> None:
        a, b = two(s)
        s.connect(a, addr(s, b))
        s.send(a, b"one ", MORE)
        s.mask(b)
        s.send(a, b"two")
        s.recv(b, 20)
        s.setsockopt(a, 17, 1, 1)
        s.send(a, b"1")
        s.send(a, b"2")
        s.connect(a, addr(s, b))
        s.ioctl(a, 0x5411)
        s.mask(b)
        s.setsockopt(a, 17, 1, 0)
        s.recv(b, 20)
        s.sendto(a, b"x", MORE, addr(s, b))
        s.sendto(a, b"y", 0, NOBODY)
        s.recv(b, 20)

    parity(body)


def test_full_receive_buffer(parity: Parity) -> None:
    """Datagrams beyond the buffer are dropped; how many fit follows from the true sizes of packets."""

    def body(s: Sys) -> None:
        for size in (1, 100, 1000, 5000):
            a, b = two(s)
            s.setsockopt(b, 1, 8, 20000)
            s.quiet = True
            for _ in range(100):
                s.sendto(a, bytes(size), 0, addr(s, b))
            n = 0
            while s.recv(b, 6000):
                n += 1
            s.quiet = False
            s.note(size, "fit", n)
            s.close(a)
            s.close(b)

    parity(body)


def test_who_gets_it(parity: Parity) -> None:
    """The most exact socket wins: connected, then bound to the address, then the wildcard."""

    def body(s: Sys) -> None:
        port = 7320
        fds = []
        for where in ("0.0.0.0", LO, LO, LO):
            fd = s.socket(2, 2 | 0o4000)
            s.setsockopt(fd, 1, 2, 1)
            s.bind(fd, ip(where, port))
            fds.append(fd)
        c = s.socket(2, 2)
        s.bind(c, ip(LO, 7321))
        s.connect(fds[1], ip(LO, 7321))
        e = s.socket(2, 2)
        s.bind(e, ip(LO, 7322))
        for sender in (c, e):
            for to in (LO, "127.0.0.2"):
                s.sendto(sender, b"x", 0, ip(to, port))
                for fd in fds:
                    s.mask(fd)
                    s.recv(fd, 1)

    parity(body)


def test_shutdown(parity: Parity) -> None:
    def body(s: Sys) -> None:
        for how in (0, 1, 2):
            a, b = two(s)
            s.shutdown(b, how)
            s.connect(b, addr(s, a))
            s.shutdown(b, how)
            s.mask(b)
            s.recv(b, 5)
            s.send(b, b"x")
            s.sendto(a, b"y", 0, addr(s, b))
            s.recv(b, 5)
            s.recv(b, 5)
            s.mask(b)
            s.shutdown(b, how)

    parity(body)


def test_blocking(parity: Parity) -> None:
    def body(s: Sys) -> None:
        u = s.socket(2, 2)
        s.bind(u, ip(LO, 0))
        s.recv(u, 5)
        s.setsockopt(u, 1, 20, struct.pack("=qq", 0, 20000))
        s.recv(u, 5)
        s.shutdown(u, 0)
        s.recv(u, 5)
        s.poll([(u, POLLIN)], 20)
        s.select(10, [u], timeout=0.02)
        s.accept(u)
        s.listen(u, 1)

    parity(body)


def test_multicast_on_loopback(parity: Parity) -> None:
    def body(s: Sys) -> None:
        a, b = two(s)
        group = bytes([239, 1, 2, 3])
        s.setsockopt(b, 0, 35, group + bytes(4))
        s.setsockopt(b, 0, 35, group + bytes([127, 0, 0, 1]))
        s.setsockopt(b, 0, 35, group + bytes([127, 0, 0, 1]))
        s.setsockopt(b, 0, 36, group + bytes([127, 0, 0, 1]))
        s.setsockopt(b, 0, 36, group + bytes([127, 0, 0, 1]))
        s.setsockopt(b, 0, 35, bytes([10, 0, 0, 1]) + bytes([127, 0, 0, 1]))
        s.setsockopt(b, 0, 35, group + bytes([9, 9, 9, 9]))
        s.setsockopt(b, 0, 35, group)
        s.setsockopt(a, 0, 33, 5)
        s.setsockopt(a, 0, 34, b"\0")
        s.getsockopt(a, 0, 33)
        s.getsockopt(a, 0, 34, 1)
        s.setsockopt(a, 0, 32, bytes([127, 0, 0, 1]))
        s.getsockopt(a, 0, 32)

    parity(body)


def test_checksum_off_and_priority(parity: Parity) -> None:
    def body(s: Sys) -> None:
        a, b = two(s)
        s.setsockopt(a, 1, 11, 1)
        s.setsockopt(a, 0, 1, 0x1B)
        s.getsockopt(a, 0, 1)
        s.getsockopt(a, 1, 12)
        s.setsockopt(b, 0, 13, 1)
        s.sendto(a, b"x", 0, addr(s, b))
        s.recvmsg(b, Msg([bytearray(5)], bytearray(16), bytearray(64)))
        s.getsockopt(a, 1, 16)
        s.note(i32(1))

    parity(body)


def test_corked_data_and_a_new_peer(parity: Parity) -> None:
    """What waits for MSG_MORE goes to the peer of the moment when it goes; a shutdown does not hold it."""

    def body(s: Sys) -> None:
        a, b = two(s)
        c = s.socket(2, 2 | 0o4000)
        s.connect(c, addr(s, a))
        s.send(c, b"to whom ", MORE)
        s.connect(c, addr(s, b))
        s.send(c, b"it may concern")
        s.recv(a, 50)
        s.recv(b, 50)
        s.send(c, b"late", MORE)
        s.shutdown(c, 1)
        s.send(c, b" mail")
        s.recv(b, 50)
        s.send(c, b"x")

    parity(body)


def test_peek_offset_segments_and_small_buffers(parity: Parity) -> None:
    """SO_PEEK_OFF; UDP_SEGMENT and UDP_GRO; path MTU discovery; a send buffer smaller than the datagram."""

    def body(s: Sys) -> None:
        u, v = two(s)
        s.connect(v, addr(s, u))
        s.setsockopt(u, 1, 42, 0)
        s.send(v, b"abcdef")
        s.send(v, b"ghi")
        for n in (2, 2, 10, 10, 10):
            s.recv(u, n, PEEK)
        s.recv(u, 10)
        s.recv(u, 10, PEEK)
        s.getsockopt(u, 1, 42)
        s.recv(u, 10)
        s.setsockopt(v, 17, 103, 100)
        s.send(v, bytes(350))
        for _ in range(5):
            s.recv(u, 1000)
        s.setsockopt(u, 17, 104, 1)
        s.send(v, bytes(350))
        s.recvmsg(u, Msg([bytearray(1000)], bytearray(16), bytearray(64)))
        s.setsockopt(v, 17, 103, 0)
        s.setsockopt(u, 1, 40, 1)
        s.sendmmsg(v, [Msg([b"a"]), Msg([b"b" * 10]), Msg([b""])])
        s.recvmmsg(u, [Msg([bytearray(5)], bytearray(16)) for _ in range(4)])
        for mode in (2, 0):  # IP_PMTUDISC_DO, DONT
            s.setsockopt(v, 0, 10, mode)
            s.send(v, bytes(65507))
            s.send(v, bytes(65508))
            s.recv(u, 70000)
        s.setsockopt(v, 1, 7, 4608)
        for n in (4000, 8000, 20000, 65000):
            s.send(v, bytes(n))
            s.recv(u, 70000)
        s.mask(v)

    parity(body)
