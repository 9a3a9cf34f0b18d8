"""Local sockets against the real kernel: names, connections, data, ends."""

from __future__ import annotations

import os
import struct

import pytest

import sockfs
from sockfs.fs import file as fs_file
from tests.parity.harness import Msg, Parity, Sys, un

NB = 0o4000
TYPES = [1, 2, 5]
PEEK, TRUNC, DONTWAIT, OOB = 2, 0x20, 0x40, 1


def setup(s: Sys, type: int) -> int:
    return s.socket(1, type | NB)


def fresh(s: Sys, fd: int) -> None:
    """Everything that can be asked of a socket that is not connected."""
    s.mask(fd)
    s.send(fd, b"x")
    s.recv(fd, 1)
    s.getpeername(fd)
    s.getsockname(fd)
    s.listen(fd, 1)
    s.accept(fd)
    s.send(fd, b"x", OOB)
    s.recv(fd, 1, OOB)
    s.shutdown(fd, 3)
    s.shutdown(fd, -1)


@pytest.mark.parity
@pytest.mark.parametrize("type", [*TYPES, 3, 4, 6, 10, 0])
@pytest.mark.parametrize("protocol", [0, 1, 2, -1])
def test_create(parity: Parity, type: int, protocol: int) -> None:
    def body(s: Sys) -> None:
        fd = s.socket(1, type, protocol)
        s.socketpair(1, type, protocol)
        for opt in (3, 38, 39, 30, 16, 7, 8):
            s.getsockopt(fd, 1, opt)
        s.getsockopt(fd, 6, 1)
        s.setsockopt(fd, 6, 1, 1)
        s.getsockopt(fd, 0, 1)

    parity(body)


@pytest.mark.parity
@pytest.mark.parametrize("type", TYPES)
def test_unconnected(parity: Parity, type: int) -> None:
    def body(s: Sys) -> None:
        fresh(s, setup(s, type))
        fd = setup(s, type)
        s.shutdown(fd, 2)
        fresh(s, fd)
        fd = setup(s, type)
        s.bind(fd, un(b"\0fresh"))
        fresh(s, fd)

    parity(body)


@pytest.mark.parity
@pytest.mark.parametrize("type", TYPES)
def test_names(parity: Parity, type: int) -> None:
    def body(s: Sys) -> None:
        for addr in (
            b"", b"\1", b"\1\0", b"\1\0\0", b"\2\0abc", b"\1\0" + b"a" * 109,
            un(b"\0a\0b"), un(b"\0" + b"n" * 107),
        ):  # fmt: skip
            fd = setup(s, type)
            s.connect(fd, addr)
            s.sendto(fd, b"x", 0, addr)
            s.bind(fd, addr)
            s.getsockname(fd)
            if addr != b"\1\0":
                s.getsockname(fd, 4)
            s.bind(fd, un(b"\0other"))
            s.bind(fd, b"\1\0")
        s.bind(setup(s, type), un(b"\0a\0b"))
        s.bind(setup(s, 3 - type if type < 3 else 1), un(b"\0a\0b"))
        s.connect(setup(s, type), un(b"\0nobody"))
        s.connect(setup(s, type), un(b"/nonexistent/x"))
        s.sendto(setup(s, type), b"x", 0, un(b"\0nobody"))

    parity(body)


@pytest.mark.parity
@pytest.mark.parametrize("type", [1, 5])
def test_connect_and_accept(parity: Parity, type: int) -> None:
    def body(s: Sys) -> None:
        ls = setup(s, type)
        s.bind(ls, un(b"\0srv"))
        c = setup(s, type)
        s.connect(c, un(b"\0srv"))
        s.listen(ls, 0)
        s.mask(ls)
        s.connect(c, un(b"\0srv"))
        s.mask(c)
        s.mask(ls)
        s.getpeername(c)
        s.send(c, b"early")
        s.connect(c, un(b"\0srv"))
        second = setup(s, type)
        s.connect(second, un(b"\0srv"))
        s.mask(second)
        blocking = s.socket(1, type)
        s.connect(blocking, un(b"\0srv"))
        s.connect(setup(s, 2), un(b"\0srv"))
        a = s.accept(ls)
        s.mask(ls)
        s.getsockname(a)
        s.getpeername(a)
        s.recv(a, 99)
        s.connect(c, un(b"\0srv"))
        s.listen(c, 1)
        s.accept(c)
        s.bind(c, un(b"\0client"))
        s.getpeername(a)
        s.sendto(c, b"x", 0, un(b"\0srv"))
        s.connect(c, b"\0\0" + bytes(14))
        s.accept(ls)
        s.listen(ls, 5)
        s.connect(second, un(b"\0srv"))
        s.send(second, b"in the queue")
        s.close(ls)
        s.mask(second)
        s.so_error(second)
        s.send(second, b"x")
        s.recv(second, 1)
        s.connect(setup(s, type), un(b"\0srv"))
        s.shutdown(a, 2)
        s.mask(c)

    parity(body)


@pytest.mark.parity
@pytest.mark.parametrize("type", TYPES)
def test_shutdown_and_close(parity: Parity, type: int) -> None:
    def body(s: Sys) -> None:
        for how in (0, 1, 2):
            a, b = s.socketpair(1, type | NB)
            s.send(b, b"before")
            s.shutdown(a, how)
            for fd in (a, b):
                s.mask(fd)
                s.send(fd, b"x")
                s.recv(fd, 99)
                s.recv(fd, 99)
                s.so_error(fd)
            s.shutdown(b, 1)
            s.mask(a)
            s.mask(b)
        for unread in (b"", b"unread"):
            a, b = s.socketpair(1, type | NB)
            s.send(b, b"for a")
            if unread:
                s.send(a, unread)
            s.close(b)
            s.mask(a)
            s.recv(a, 99)
            s.recv(a, 99)
            s.send(a, b"x")
            s.mask(a)
            s.so_error(a)
            s.getpeername(a)
            s.send(a, b"x")

    parity(body)


@pytest.mark.parity
@pytest.mark.parametrize("type", TYPES)
def test_data(parity: Parity, type: int) -> None:
    def body(s: Sys) -> None:
        a, b = s.socketpair(1, type | NB)
        s.mask(a)
        s.recv(a, 5)
        s.send(b, b"abc")
        s.send(b, b"")
        s.send(b, b"defg")
        s.ioctl(a, 0x541B)
        s.ioctl(b, 0x5411)
        s.ioctl(a, 0x8905)
        s.recv(a, 2, PEEK)
        s.recv(a, 99, PEEK)
        s.recv(a, 2, TRUNC)
        m = Msg([bytearray(2), bytearray(1)], name=bytearray(128), control=bytearray(64))
        s.recvmsg(a, m)
        s.recv(a, 99)
        s.recv(a, 99)
        s.writev(a, [b"one", b"two"])
        s.readv(b, [2, 2, 2, 2])
        s.read(b, 0)
        s.setsockopt(a, 1, 42, 0)
        s.send(b, b"12345678")
        s.send(b, b"abcdefgh")
        for _ in range(5):
            s.recv(a, 3, PEEK)
        s.recv(a, 4)
        s.recv(a, 5, PEEK)
        s.recv(a, 99)
        s.recv(a, 99)
        s.send(b, b"x" * 300000)
        s.send(b, b"x" * (212992 - 31))
        s.send(b, b"x" * (212992 - 32))
        s.mask(b)
        s.ioctl(b, 0x5411)

    parity(body)


@pytest.mark.parity
@pytest.mark.parametrize("type", TYPES)
@pytest.mark.parametrize("size", [0, 1, 100, 192, 193, 1000, 4096, 10000, 36544, 65536, 150000])
def test_how_much_fits(parity: Parity, type: int, size: int) -> None:
    def body(s: Sys) -> None:
        a, b = s.socketpair(1, type | NB)
        s.quiet = True
        n = total = 0
        while n < 400:
            r = s.send(a, b"x" * size)
            if r < 0:
                break
            n += 1
            total += r
        s.quiet = False
        s.note(n, total, r)
        s.mask(a)
        s.ioctl(a, 0x5411)
        for _ in range(4):
            s.recv(b, 60000, 0)
            s.ioctl(a, 0x5411)
            s.mask(a)

    parity(body)


@pytest.mark.parity
def test_datagram_queue_of_a_stranger(parity: Parity) -> None:
    def body(s: Sys) -> None:
        r = setup(s, 2)
        s.bind(r, un(b"\0r"))
        c = setup(s, 2)
        s.connect(c, un(b"\0r"))
        other = setup(s, 2)
        for i in range(12):
            s.send(c, b"%d" % i)
        s.mask(c)
        s.mask(other)
        s.sendto(other, b"x", 0, un(b"\0r"))
        ep = s.epoll_create1()
        s.epoll_ctl(ep, 1, c, 4 | 1 << 31)
        s.epoll_wait(ep)
        s.recvfrom(r, 99)
        s.mask(c)
        s.epoll_wait(ep)
        s.bind(c, b"\1\0")
        s.send(c, b"named")
        for _ in range(12):
            s.recvfrom(r, 99)
        s.recvfrom(r, 99)
        blocking = s.socket(1, 2)
        for _ in range(12):
            s.sendto(blocking, b"x", 0, un(b"\0r"))

    parity(body)


@pytest.mark.parity
def test_datagram_connections(parity: Parity) -> None:
    def body(s: Sys) -> None:
        a, b, c = (setup(s, 2) for _ in range(3))
        s.bind(a, un(b"\0a"))
        s.bind(b, un(b"\0b"))
        s.bind(c, un(b"\0c"))
        s.connect(a, un(b"\0b"))
        s.send(a, b"a to b")
        s.sendto(c, b"c to a", 0, un(b"\0a"))
        s.connect(c, un(b"\0a"))
        s.sendto(b, b"b to a", 0, un(b"\0a"))
        s.recvfrom(a, 99)
        s.connect(b, un(b"\0a"))
        s.send(b, b"again")
        s.sendto(a, b"elsewhere", 0, un(b"\0c"))
        s.recvfrom(c, 99)
        s.connect(a, un(b"\0c"))
        s.so_error(b)
        s.recv(a, 99)
        s.send(b, b"to one that has turned away")
        s.connect(a, b"\0\0")
        s.getpeername(a)
        s.mask(a)
        s.close(c)
        s.connect(a, un(b"\0c"))
        s.connect(a, a.to_bytes(1, "little"))
        s.connect(a, un(b"\0a"))
        s.send(a, b"to myself")
        s.recvfrom(a, 99)

    parity(body)


@pytest.mark.parity
def test_out_of_band(parity: Parity) -> None:
    def body(s: Sys) -> None:
        a, b = s.socketpair(1, 1 | NB)
        s.send(b, b"", OOB)
        s.send(b, b"abcX", OOB)
        s.mask(a)
        s.ioctl(a, 0x8905)
        s.recv(a, 99, PEEK)
        s.recv(a, 99)
        s.ioctl(a, 0x8905)
        s.recv(a, 1, OOB | PEEK)
        s.recv(a, 1, OOB)
        s.recv(a, 1, OOB)
        s.mask(a)
        s.send(b, b"Y", OOB)
        s.send(b, b"after")
        s.recv(a, 99)
        s.setsockopt(a, 1, 10, 1)
        s.send(b, b"deZ", OOB)
        s.recv(a, 1, OOB)
        s.recv(a, 99)
        s.recv(a, 99)

    parity(body)


def rights(*fds: int) -> bytes:
    data = b"".join(struct.pack("=i", fd) for fd in fds)
    return struct.pack("=Qii", 16 + len(data), 1, 1) + data + bytes(-len(data) % 8)


def creds(pid: int, uid: int, gid: int) -> bytes:
    return struct.pack("=Qiiiii4x", 28, 1, 2, pid, uid, gid)


@pytest.mark.parity
@pytest.mark.parametrize("type", TYPES)
def test_files_in_messages(parity: Parity, type: int) -> None:
    def body(s: Sys) -> None:
        a, b = s.socketpair(1, type | NB)
        r, w = s.pipe2()
        s.sendmsg(a, Msg([b"one"], control=rights(r, w)))
        s.close(r)
        m = Msg([bytearray(9)], control=bytearray(64))
        s.recvmsg(b, m, PEEK)
        s.recvmsg(b, Msg([bytearray(9)], control=bytearray(64)), 0x40000000)
        s.fcntl(8, 1)
        s.fcntl(6, 1)
        s.write(w, b"through")
        s.read(8, 99)
        s.sendmsg(a, Msg([b"x"], control=rights(99)))
        s.sendmsg(a, Msg([b"x"], control=rights(-1)))
        s.sendmsg(a, Msg([b"x"], control=rights(*[a] * 254)))
        s.sendmsg(a, Msg([b"x"], control=struct.pack("=Qii", 15, 1, 1)))
        s.sendmsg(a, Msg([b"x"], control=struct.pack("=Qii", 400, 1, 1)))
        s.sendmsg(a, Msg([b"x"], control=struct.pack("=Qii", 16, 1, 9)))
        s.sendmsg(a, Msg([b"y"], control=struct.pack("=Qii", 16, 5, 9)))
        s.recv(b, 99)
        for size in (0, 8, 16, 20, 23, 24, 28, 32):
            s.sendmsg(a, Msg([b"cut"], control=rights(a, b, w)))
            s.recvmsg(b, Msg([bytearray(9)], control=bytearray(size)))
        s.sendmsg(a, Msg([b"plain read"], control=rights(w)))
        s.recv(b, 99)
        s.sendmsg(a, Msg([b"part"], control=rights(w)))
        s.sendmsg(a, Msg([b"next"], control=rights(w)))
        s.send(a, b"bare")
        for _ in range(5):
            s.recvmsg(b, Msg([bytearray(2)], control=bytearray(32)))
        s.dup(a)

    parity(body)


@pytest.mark.parity
@pytest.mark.parametrize("type", TYPES)
def test_credentials(parity: Parity, type: int) -> None:
    def body(s: Sys) -> None:
        pid = os.getpid() if s.side == "kernel" else 1

        def show(fd: int, n: int = 99) -> None:
            m = Msg([bytearray(n)], control=bytearray(64))
            r = s.raw("recvmsg", fd, m, 0)
            c = bytes(m.control[: m.controllen]) if m.control and r >= 0 else b""
            if len(c) >= 28:
                got = struct.unpack_from("=iii", c, 16)
                c = c[:16] + repr((got[0] == pid, *got[1:])).encode()
            s.note(r, bytes(m.iov[0] or b"")[: max(r, 0)], c, m.flags)

        a, b = s.socketpair(1, type | NB)
        s.send(a, b"before")
        s.setsockopt(b, 1, 16, 1)
        s.send(a, b"asked for")
        show(b)
        show(b)
        s.quiet = True
        for p, u, g in ((pid, 0, 0), (4000000, 0, 0), (pid, 5, 6), (pid, -1, 0)):
            s.note(s.sendmsg(a, Msg([b"said"], control=creds(p, u, g))))
        s.note(s.sendmsg(a, Msg([b"x"], control=struct.pack("=Qii", 16, 1, 2))))
        s.quiet = False
        for _ in range(3):
            show(b)
        fd = setup(s, type)
        for sock in (a, fd):
            buf = bytearray(12)
            s.raw("getsockopt", sock, 1, 17, buf, bytearray(struct.pack("=i", 12)))
            got = struct.unpack("=iii", buf)
            s.note(got[0] == pid, *got[1:])
        s.setsockopt(fd, 1, 16, 1)
        s.getsockname(fd)
        s.connect(fd, un(b"\0nobody"))
        s.getsockname(fd)

    parity(body)


def slabs(k) -> dict[str, int]:
    return {name: c.active for name, c in k.slabs.items() if c.active}


@pytest.mark.parametrize("type", TYPES)
def test_everything_goes(type: int) -> None:
    k = sockfs.Kernel()
    t = k.task()
    before = slabs(k)
    sv = bytearray(8)
    assert t.syscall("socketpair", 1, type, 0, sv) == 0
    ls = t.syscall("socket", 1, type, 0)
    t.syscall("bind", ls, un(b"\0x"), 4)
    t.syscall("listen", ls, 5)
    for _ in range(3):
        t.syscall("connect", t.syscall("socket", 1, type, 0), un(b"\0x"), 4)
    t.syscall("write", 3, b"unread", 6)
    t.syscall("sendmsg", 4, [None, [b"x"], rights(3, 4, ls), 0], 0)
    for fd in range(3, 12):
        t.syscall("close", fd)
    assert slabs(k) == before
    assert k.init_net.unix_abstract == {} and k.init_net.unix_all == {} and k.unix_inflight == 0


def test_circle_in_flight_is_collected() -> None:
    k = sockfs.Kernel()
    t = k.task()
    before = slabs(k)
    sv = bytearray(8)
    t.syscall("socketpair", 1, 1, 0, sv)
    t.syscall("socketpair", 1, 2, 0, sv)
    assert t.syscall("sendmsg", 3, [None, [b"x"], rights(4, 5), 0], 0) == 1  # 4's queue holds 4 and 5
    assert t.syscall("sendmsg", 6, [None, [b"x"], rights(4), 0], 0) == 1  # 5's queue holds 4
    for fd in (4, 5, 6):
        t.syscall("close", fd)
    assert k.slabs["UNIX-STREAM"].active == 2, "3 is still open, 4 is its peer"
    assert k.unix_inflight == 0, "4 could be received only from its own queue"
    t.syscall("close", 3)
    assert slabs(k) == before


def test_reachable_messages_stay() -> None:
    k = sockfs.Kernel()
    t = k.task()
    t.syscall("socketpair", 1, 1, 0, bytearray(8))
    t.syscall("socketpair", 1, 1, 0, bytearray(8))
    t.syscall("sendmsg", 3, [None, [b"x"], rights(5, 6), 0], 0)
    t.syscall("close", 5)
    t.syscall("close", 6)
    t.syscall("socketpair", 1, 1, 0, bytearray(8))
    t.syscall("close", 5)  # runs the collector
    assert k.unix_inflight == 2
    control = bytearray(64)
    assert t.syscall("recvmsg", 4, [None, [bytearray(5)], control, 0], 0) == 1
    assert k.unix_inflight == 0


def test_a_long_chain_does_not_recurse() -> None:
    """Each socket lies in the queue of the one before: dropping the first drops thousands."""
    k = sockfs.Kernel()
    t = k.task()
    sv = bytearray(8)
    t.syscall("socketpair", 1, 1, 0, sv)
    a, b = struct.unpack("=ii", sv)
    for _ in range(3000):
        t.syscall("socketpair", 1, 1, 0, sv)
        c, d = struct.unpack("=ii", sv)
        assert t.syscall("sendmsg", c, [None, [b"x"], rights(a, b), 0], 0) == 1
        t.syscall("close", a)
        t.syscall("close", b)
        a, b = c, d
    fs_file.exit_files(t)
    assert slabs(k) == {}
