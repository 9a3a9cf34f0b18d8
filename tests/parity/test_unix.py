"""AF_UNIX: stream, datagram, seqpacket."""

from __future__ import annotations

import struct

import pytest

from tests.parity.harness import POLLIN, Msg, Parity, Sys, i32, ip, un

TYPES = {"stream": 1, "dgram": 2, "seqpacket": 5}
PEEK, TRUNC, DONTWAIT, WAITALL, OOB, EOR = 2, 0x20, 0x40, 0x100, 1, 0x80


def nonblocking(s: Sys, type: int) -> tuple[int, int]:
    return s.socketpair(1, type | 0o4000)


@pytest.mark.parametrize("type", TYPES)
def test_pair(parity: Parity, type: str) -> None:
    def body(s: Sys) -> None:
        a, b = nonblocking(s, TYPES[type])
        for fd in (a, b):
            s.mask(fd)
            s.getsockname(fd)
            s.getpeername(fd)
            for opt in (3, 30, 38, 39, 7, 8, 4):
                s.getsockopt(fd, 1, opt)
        s.recv(b, 5)
        s.send(a, b"hello")
        s.send(a, b"wide world")
        s.mask(b)
        s.ioctl(b, 0x541B)
        s.recv(b, 3, PEEK)
        s.recv(b, 3)
        s.ioctl(b, 0x541B)
        s.recv(b, 3, TRUNC)
        s.recvfrom(b, 30)
        s.recv(b, 30)
        s.send(a, b"")
        s.mask(b)
        s.recv(b, 30)
        s.send(a, b"r", EOR)
        s.recvmsg(b, Msg([bytearray(9)], bytearray(110), bytearray(40)))
        s.send(a, b"0123456789")
        s.recvmsg(b, Msg([bytearray(4)], bytearray(110), bytearray(40)))
        s.recvmsg(b, Msg([bytearray(4)], bytearray(110), bytearray(40)), TRUNC)
        s.recv(b, 20, WAITALL)
        s.sendto(a, b"x", 0, un(b"\0nobody"))
        s.sendto(a, b"x", 0, b"")
        s.recv(b, 5)
        s.connect(a, un(b"\0nobody"))
        s.listen(a, 1)
        s.accept(a)
        s.bind(a, un(b"\0mine"))
        s.getsockname(a)
        s.getpeername(b)
        s.send(a, b"named")
        s.recvfrom(b, 10)

    parity(body)


@pytest.mark.parametrize("type", TYPES)
@pytest.mark.parametrize("how", [0, 1, 2])
def test_shutdown(parity: Parity, type: str, how: int) -> None:
    def body(s: Sys) -> None:
        a, b = nonblocking(s, TYPES[type])
        s.send(b, b"before")
        s.send(a, b"before")
        s.shutdown(a, how)
        for _ in range(2):
            for fd in (a, b):
                s.mask(fd)
                s.recv(fd, 3)
                s.recv(fd, 10)
                s.send(fd, b"after")
                s.so_error(fd)
        s.shutdown(b, how)
        for fd in (a, b):
            s.mask(fd)
            s.recv(fd, 10)
            s.send(fd, b"x")

    parity(body)


@pytest.mark.parametrize("type", TYPES)
@pytest.mark.parametrize("unread", [False, True])
def test_peer_closed(parity: Parity, type: str, unread: bool) -> None:
    def body(s: Sys) -> None:
        a, b = nonblocking(s, TYPES[type])
        s.send(b, b"last words")
        if unread:
            s.send(a, b"never read")
        s.close(b)
        s.mask(a)
        s.recv(a, 4)
        s.mask(a)
        s.recv(a, 40)
        s.recv(a, 40)
        s.send(a, b"x")
        s.so_error(a)
        s.getpeername(a)
        s.mask(a)
        s.send(a, b"x")
        s.mask(a)

    parity(body)


@pytest.mark.parametrize("type", ["stream", "seqpacket"])
def test_listen_and_connect(parity: Parity, type: str) -> None:
    def body(s: Sys) -> None:
        t = TYPES[type]
        ls = s.socket(1, t)
        s.listen(ls, 1)
        s.bind(ls, un(b"\0listener"))
        c = s.socket(1, t)
        s.connect(c, un(b"\0listener"))
        s.listen(ls, 1)
        s.mask(ls)
        s.connect(c, un(b"\0listener"))
        s.mask(ls)
        s.mask(c)
        s.getpeername(c)
        s.getsockname(c)
        s.send(c, b"early")
        a = s.accept(ls)
        s.getsockname(a)
        s.getpeername(a)
        s.recv(a, 10)
        s.connect(c, un(b"\0listener"))
        s.connect(a, un(b"\0listener"))
        s.connect(ls, un(b"\0listener"))
        d = s.socket(1, t | 0o4000)
        s.bind(d, un(b"\0client"))
        s.connect(d, un(b"\0listener"))
        s.accept(ls)
        fds = [s.socket(1, t | 0o4000) for _ in range(4)]
        for fd in fds:
            s.connect(fd, un(b"\0listener"))
        s.mask(fds[3])
        blocking = s.socket(1, t)
        s.connect(blocking, un(b"\0listener"))
        s.close(ls)
        s.mask(fds[0])
        s.recv(fds[0], 1)
        s.send(fds[0], b"x")
        s.so_error(fds[0])
        e = s.socket(1, t)
        s.connect(e, un(b"\0listener"))
        s.connect(e, un(b"\0nobody"))
        s.connect(e, un(b"/nonexistent/socket"))
        s.accept(e)
        s.send(e, b"x")
        s.recv(e, 1)
        s.mask(e)
        other = s.socket(1, 6 - t)
        s.bind(other, un(b"\0other"))
        s.listen(other, 1)
        s.connect(e, un(b"\0other"))

    parity(body)


def test_datagram_names(parity: Parity) -> None:
    def body(s: Sys) -> None:
        a, b, c = (s.socket(1, 2 | 0o4000) for _ in range(3))
        s.bind(a, un(b"\0a"))
        s.bind(b, un(b"\0b"))
        s.bind(c, un(b"\0a"))
        s.bind(a, un(b"\0again"))
        s.send(c, b"x")
        s.sendto(c, b"anonymous", 0, un(b"\0a"))
        s.recvfrom(a, 20)
        s.sendto(b, b"from b", 0, un(b"\0a"))
        s.recvfrom(a, 3)
        s.recvfrom(a, 3)
        s.sendto(b, b"x", 0, un(b"\0nobody"))
        s.connect(c, un(b"\0nobody"))
        s.connect(c, un(b"\0a"))
        s.getpeername(c)
        s.getsockname(c)
        s.send(c, b"connected")
        s.recvfrom(a, 20)
        s.connect(a, un(b"\0b"))
        s.sendto(c, b"not its peer", 0, un(b"\0a"))
        s.send(c, b"x")
        s.connect(c, un(b"\0a"))
        s.sendto(b, b"its peer", 0, un(b"\0a"))
        s.recvfrom(a, 20)
        s.connect(c, struct.pack("=H", 0))
        s.getpeername(c)
        s.connect(b, un(b"\0a"))
        s.close(a)
        s.mask(b)
        s.send(b, b"x")
        s.mask(b)
        s.send(b, b"x")
        s.so_error(b)
        d = s.socket(1, 2)
        s.bind(d, struct.pack("=H", 1))
        s.getsockname(d)
        s.sendto(d, bytes(212960), 0, un(b"\0b"))
        s.sendto(d, bytes(300000), 0, un(b"\0b"))
        s.sendto(d, b"x", 0, ip("127.0.0.1", 5))
        s.recvfrom(b, 10, TRUNC)

    parity(body)


def test_datagram_queue_is_bounded(parity: Parity) -> None:
    """net.unix.max_dgram_qlen datagrams wait; then the sender does."""

    def body(s: Sys) -> None:
        a, b = nonblocking(s, 2)
        for i in range(14):
            s.send(a, b"%d" % i)
        s.mask(a)
        s.recv(b, 5)
        s.mask(a)
        s.send(a, b"x")
        s.send(a, b"x")
        r = s.socket(1, 2 | 0o4000)
        s.bind(r, un(b"\0receiver"))
        t = s.socket(1, 2 | 0o4000)
        for i in range(13):
            s.sendto(t, b"%d" % i, 0, un(b"\0receiver"))
        s.connect(t, un(b"\0receiver"))
        s.send(t, b"x")
        s.mask(t)
        s.recv(r, 5)
        s.mask(t)

    parity(body)


def test_stream_fills_up(parity: Parity) -> None:
    def body(s: Sys) -> None:
        for size in (1, 1000, 4096, 65536):
            a, b = nonblocking(s, 1)
            s.quiet = True
            total = 0
            for _ in range(5000):
                n = s.send(a, bytes(size))
                if n < 0:
                    break
                total += n
            s.quiet = False
            s.note("size", size, "total", total, n)
            s.mask(a)
            s.recv(b, size)
            s.mask(a)
            s.close(a)
            s.close(b)

    parity(body)


def test_out_of_band(parity: Parity) -> None:
    def body(s: Sys) -> None:
        a, b = nonblocking(s, 1)
        s.send(a, b"ab")
        s.send(a, b"XY", OOB)
        s.mask(b)
        s.ioctl(b, 0x8905)
        s.recv(b, 5)
        s.ioctl(b, 0x8905)
        s.recv(b, 5, OOB)
        s.recv(b, 5, OOB)
        s.recv(b, 5)
        for kind in (2, 5):
            c, d = nonblocking(s, kind)
            s.send(c, b"x", OOB)
            s.recv(d, 1, OOB)

    parity(body)


def rights(*fds: int) -> bytes:
    data = struct.pack(f"={len(fds)}i", *fds)
    return struct.pack("=Qii", 16 + len(data), 1, 1) + data + bytes(-len(data) % 8)


@pytest.mark.parametrize("type", TYPES)
def test_descriptors_in_messages(parity: Parity, type: str) -> None:
    def body(s: Sys) -> None:
        a, b = nonblocking(s, TYPES[type])
        r, w = s.pipe2()
        s.sendmsg(a, Msg([b"one"], None, rights(r)))
        s.recvmsg(b, Msg([bytearray(10)], None, bytearray(64)))
        s.write(w, b"through")
        s.read(7, 10)
        s.sendmsg(a, Msg([b"two"], None, rights(r, w)))
        s.recvmsg(b, Msg([bytearray(10)], None, bytearray(64)), 0x40000000)
        s.fcntl(8, 1)
        s.sendmsg(a, Msg([b"none"], None, rights(99)))
        s.sendmsg(a, Msg([b"few"], None, rights(r, w)))
        s.recvmsg(b, Msg([bytearray(10)], None, bytearray(20)))
        s.sendmsg(a, Msg([b"lost"], None, rights(r)))
        s.recv(b, 10)
        s.sendmsg(a, Msg([b"peek"], None, rights(r)))
        s.recvmsg(b, Msg([bytearray(10)], None, bytearray(64)), PEEK)
        s.recvmsg(b, Msg([bytearray(10)], None, bytearray(64)))
        s.sendmsg(a, Msg([b"bad"], None, rights(r)[:12]))
        s.sendmsg(a, Msg([b"bad"], None, struct.pack("=Qii", 8, 1, 1)))
        s.sendmsg(a, Msg([b"bad"], None, struct.pack("=Qiii4x", 20, 1, 77, 1)))
        s.sendmsg(a, Msg([b"many"], None, rights(*[r] * 254)))
        s.sendmsg(a, Msg([b""], None, rights(r)))
        s.mask(b)
        s.sendmsg(a, Msg([b"x"], None, rights(b)))
        s.close(a)
        s.close(b)
        s.socket(1, 1)

    parity(body)


def test_credentials(parity: Parity) -> None:
    """SO_PASSCRED; whose process it is differs, so only lengths and types are compared."""

    def body(s: Sys) -> None:
        a, b = nonblocking(s, 1)
        s.setsockopt(b, 1, 16, 1)
        s.getsockopt(b, 1, 16)
        s.send(a, b"x")
        m = Msg([bytearray(5)], None, bytearray(64))
        s.raw("recvmsg", b, m, 0)
        s.note(m.controllen, bytes(m.control or b"")[:16])
        buf, n = bytearray(12), bytearray(i32(12))
        s.note(s.raw("getsockopt", b, 1, 17, buf, n), bytes(n), bytes(buf[4:]))

    parity(body)


def test_pairs_of_tcp_and_udp_do_not_exist(parity: Parity) -> None:
    def body(s: Sys) -> None:
        s.socketpair(2, 1)
        s.socketpair(2, 2)
        s.socketpair(1, 1, 1)
        s.socketpair(1, 1, 2)
        s.socketpair(1, 3)
        s.getsockopt(3, 1, 39)
        s.getsockopt(3, 1, 3)

    parity(body)


def test_blocking(parity: Parity) -> None:
    def body(s: Sys) -> None:
        for type in (1, 2, 5):
            a, b = s.socketpair(1, type)
            s.recv(b, 5)
            s.setsockopt(b, 1, 20, struct.pack("=qq", 0, 20000))
            s.recv(b, 5)
            s.send(a, b"ab")
            s.recv(b, 5, WAITALL)
            ls = s.socket(1, type)
            s.bind(ls, un(b"\0blocking%d" % type))
            s.listen(ls, 0)
            s.accept(ls)
            s.until(a, POLLIN, 20)

    parity(body)


def test_bytes_left(parity: Parity) -> None:
    """SO_INQ; MSG_PEEK with SO_PEEK_OFF."""

    def body(s: Sys) -> None:
        a, b = nonblocking(s, 1)
        s.setsockopt(b, 1, 84, 1)
        s.send(a, b"0123456789")
        s.send(a, b"abc")
        s.recvmsg(b, Msg([bytearray(4)], None, bytearray(64)))
        s.setsockopt(b, 1, 42, 2)
        s.getsockopt(b, 1, 42)
        s.recvmsg(b, Msg([bytearray(3)], None, bytearray(64)), PEEK)
        s.getsockopt(b, 1, 42)
        s.recv(b, 10, PEEK)
        s.recv(b, 3)
        s.getsockopt(b, 1, 42)
        s.recvmsg(b, Msg([bytearray(40)], None, bytearray(64)))
        s.recvmsg(b, Msg([bytearray(40)], None, bytearray(64)))

    parity(body)


def test_abstract_names(parity: Parity) -> None:
    def body(s: Sys) -> None:
        for name in (b"\0", b"\0\0", b"\0a\0b", b"\0" + b"x" * 107, b"\0" + b"x" * 108):
            fd = s.socket(1, 1)
            s.bind(fd, un(name))
            s.getsockname(fd)
            s.listen(fd, 1)
            c = s.socket(1, 1)
            s.connect(c, un(name))
            s.getpeername(c)
            s.close(fd)
            again = s.socket(1, 1)
            s.bind(again, un(name))
            s.close(again)
            s.close(c)
        fd = s.socket(1, 1)
        s.bind(fd, un(b""))
        s.bind(fd, un(b""))
        s.bind(fd, un(b"\0x"))
        s.getsockname(fd)

    parity(body)
