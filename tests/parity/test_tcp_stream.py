"""Data, flags, half-close, reset: a TCP connection from its middle to its end."""

from __future__ import annotations

import itertools
import struct

import pytest

from tests.parity.harness import POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP, Msg, Parity, Sys, ip

LO = "127.0.0.1"
OOB, PEEK, DONTWAIT, WAITALL, TRUNC, MORE, NOSIGNAL, ERRQUEUE = (
    1,
    2,
    0x40,
    0x100,
    0x20,
    0x8000,
    0x4000,
    0x2000,
)


def nonblocking_pair(s: Sys) -> tuple[int, int]:
    ls, c, a = s.pair()
    s.close(ls)
    s.nonblock(c)
    s.nonblock(a)
    return c, a


def look(s: Sys, *fds: int) -> None:
    """Everything that can be asked without changing anything but so_error."""
    for fd in fds:
        s.mask(fd)
        s.getpeername(fd)
        s.getsockname(fd)
        s.so_error(fd)
        s.ioctl(fd, 0x541B)
        s.ioctl(fd, 0x8905)


def test_data_and_flags(parity: Parity) -> None:
    def body(s: Sys) -> None:
        c, a = nonblocking_pair(s)
        s.recv(a, 5)
        s.send(c, b"0123456789")
        s.until(a, POLLIN)
        look(s, a)
        s.recv(a, 3, PEEK)
        s.recv(a, 20, PEEK)
        s.recv(a, 3)
        s.recv(a, 2, TRUNC)
        s.recv(a, 20, TRUNC | PEEK)
        s.recv(a, 20, WAITALL | PEEK)
        s.recv(a, 4, WAITALL)
        s.recv(a, 20, WAITALL)
        s.recv(a, 20)
        s.recv(a, 0)
        s.send(c, b"")
        s.recv(a, 0)
        s.recv(a, 5, ERRQUEUE)
        s.recvmsg(a, Msg([bytearray(4)], bytearray(128), bytearray(100)), ERRQUEUE)
        s.send(c, b"more", MORE)
        s.send(c, b"end")
        s.until(a, POLLIN)
        s.recvmsg(a, Msg([bytearray(2), bytearray(20)], bytearray(128), bytearray(100)))
        s.recvfrom(a, 5)
        s.write(c, b"abc")
        s.writev(c, [b"d", b"", b"ef"])
        s.until(a, POLLIN)
        s.readv(a, [1, 0, 2])
        s.read(a, 10)
        s.sendto(c, b"x", 0, ip(LO, 9))
        s.sendto(c, b"y", 0, b"")
        s.recvfrom(a, 5)

    parity(body)


def test_blocking_waits(parity: Parity) -> None:
    def body(s: Sys) -> None:
        ls, c, a = s.pair()
        s.recv(a, 5)
        s.send(c, b"abc")
        s.recv(a, 10, WAITALL)
        s.recv(a, 10, WAITALL | DONTWAIT)
        s.accept(ls)
        s.read(a, 1)
        s.recv(a, 0)
        s.setsockopt(a, 1, 20, struct.pack("=qq", 0, 20000))
        s.recv(a, 5)
        s.read(a, 5)
        s.send(c, b"abc")
        s.until(a, POLLIN)
        s.recv(a, 5, WAITALL)
        s.setsockopt(a, 1, 18, 4)
        s.mask(a)
        s.send(c, b"abc")
        s.recv(a, 10, DONTWAIT)
        s.recv(a, 10)
        s.send(c, b"abcd")
        s.until(a, POLLIN)
        s.recv(a, 10)
        s.setsockopt(ls, 1, 20, struct.pack("=qq", 0, 20000))
        s.accept(ls)

    parity(body)


def test_low_water_mark(parity: Parity) -> None:
    def body(s: Sys) -> None:
        c, a = nonblocking_pair(s)
        s.setsockopt(a, 1, 18, 5)
        s.send(c, b"abc")
        s.mask(a)
        s.recv(a, 2)
        s.send(c, b"defg")
        s.until(a, POLLIN)
        s.recv(a, 10)
        s.send(c, b"x")
        s.shutdown(c, 1)
        s.until(a, POLLIN)
        s.recv(a, 10)

    parity(body)


@pytest.mark.parametrize("inline", [0, 1])
def test_urgent_data(parity: Parity, inline: int) -> None:
    def body(s: Sys) -> None:
        c, a = nonblocking_pair(s)
        s.setsockopt(a, 1, 10, inline)
        s.recv(a, 1, OOB)
        s.send(c, b"ab")
        s.send(c, b"X", OOB)
        s.until(a, 2)
        look(s, a)
        s.recv(a, 1, OOB | PEEK)
        s.recv(a, 10)
        look(s, a)
        s.recv(a, 1, OOB)
        s.recv(a, 1, OOB)
        look(s, a)
        s.send(c, b"cd")
        s.recv(a, 10)
        s.recv(a, 10)
        s.send(c, b"efG", OOB)
        s.send(c, b"hi")
        s.until(a, 2)
        s.recv(a, 3)
        look(s, a)
        s.recv(a, 10)
        s.recvmsg(a, Msg([bytearray(3)]), OOB)
        s.recv(a, 10)
        s.send(c, b"1", OOB)
        s.send(c, b"2", OOB)
        s.until(a, 2)
        s.recv(a, 10)
        s.recv(a, 10)
        s.recv(a, 1, OOB)
        s.shutdown(c, 1)
        s.until(a, POLLRDHUP)
        s.recv(a, 1, OOB)
        s.send(a, b"", OOB)
        look(s, a, c)

    parity(body)


@pytest.mark.parametrize("how", [0, 1, 2])
@pytest.mark.parametrize("then", [None, 0, 1, 2])
def test_shutdown(parity: Parity, how: int, then: int | None) -> None:
    def body(s: Sys) -> None:
        c, a = nonblocking_pair(s)
        s.send(c, b"before")
        s.send(a, b"before")
        s.until(c, POLLIN)
        s.until(a, POLLIN)
        s.shutdown(c, how)
        if how:
            s.until(a, POLLRDHUP)
        look(s, c, a)
        s.send(a, b"after")
        s.until(c, POLLIN)
        s.recv(c, 100)
        s.recv(c, 100)
        s.send(c, b"mine")
        look(s, c, a)
        s.recv(a, 3)
        s.recv(a, 100)
        s.recv(a, 100)
        s.shutdown(c, how)
        if then is not None:
            s.shutdown(a, then)
            if then:
                s.until(c, POLLRDHUP)
            look(s, c, a)
            s.send(a, b"x")
            s.send(c, b"x")
            s.recv(a, 10)
            s.recv(c, 10)
            s.send(a, b"x")
            s.shutdown(a, 2)
            s.shutdown(c, 2)
            look(s, c, a)

    parity(body)


def test_shutdown_values(parity: Parity) -> None:
    def body(s: Sys) -> None:
        c, a = nonblocking_pair(s)
        for how in (-1, 3, 4, 2**31 - 1, -(2**31), 2**32 + 5):
            s.shutdown(c, how)
        s.shutdown(c, 2**32 + 1)
        s.until(a, POLLRDHUP)
        for kind in ((2, 1), (2, 2), (1, 1), (1, 2), (1, 5)):
            for how in (0, 1, 2, 3):
                fd = s.socket(*kind)
                s.shutdown(fd, how)
                s.mask(fd)
                s.close(fd)

    parity(body)


def test_closed_by_the_peer(parity: Parity) -> None:
    def body(s: Sys) -> None:
        c, a = nonblocking_pair(s)
        s.send(c, b"last")
        s.close(c)
        s.until(a, POLLRDHUP)
        look(s, a)
        s.recv(a, 2)
        s.recv(a, 10)
        s.recv(a, 10)
        s.send(a, b"one")
        s.until(a, POLLHUP)
        look(s, a)
        s.send(a, b"two")
        s.recv(a, 10)
        look(s, a)

    parity(body)


@pytest.mark.parametrize("why", ["unread data", "linger 0", "data after close"])
@pytest.mark.parametrize("first", ["recv", "send", "poll", "error", "shutdown", "read", "getpeername"])
def test_reset(parity: Parity, why: str, first: str) -> None:
    """What each call says first on a connection that was reset, and what they say after that."""

    def body(s: Sys) -> None:
        c, a = nonblocking_pair(s)
        s.send(c, b"mine")
        s.until(a, POLLIN)
        if why == "linger 0":
            s.recv(a, 10)
            s.setsockopt(a, 1, 13, struct.pack("=ii", 1, 0))
        elif why == "data after close":
            s.recv(a, 10)
            s.send(a, b"unread")
        s.close(a)
        if why == "data after close":
            s.until(c, POLLRDHUP)
            s.send(c, b"late")
        s.until(c, POLLHUP)
        for _ in range(2):
            if first == "recv":
                s.recv(c, 10)
            elif first == "send":
                s.send(c, b"x")
            elif first == "read":
                s.read(c, 10)
            elif first == "poll":
                s.mask(c)
            elif first == "error":
                s.so_error(c)
            elif first == "shutdown":
                s.shutdown(c, 1)
            else:
                s.getpeername(c)
        s.recv(c, 10)
        s.send(c, b"x")
        look(s, c)
        s.recv(c, 10)
        s.shutdown(c, 2)
        s.connect(c, ip(LO, 7200))
        look(s, c)

    parity(body)


def test_reset_while_data_is_in_the_queue(parity: Parity) -> None:
    def body(s: Sys) -> None:
        c, a = nonblocking_pair(s)
        s.send(c, b"x")
        s.send(a, b"for the client")
        s.until(a, POLLIN)
        s.until(c, POLLIN)
        s.close(a)
        s.until(c, POLLHUP)
        s.mask(c)
        s.recv(c, 5)
        s.recv(c, 5)
        s.recv(c, 50)

    parity(body)


def test_full_buffers(parity: Parity) -> None:
    """Back-pressure: the sender is not writable until the reader reads."""

    def body(s: Sys) -> None:
        c, a = nonblocking_pair(s)
        block = bytes(65536)
        s.quiet = True
        sent = 0
        for _ in range(2000):
            n = s.send(c, block)
            if n < 0:
                break
            sent += n
        s.quiet = False
        s.note("last", n)
        s.mask(c)
        s.send(c, b"x")
        s.shutdown(c, 1)
        s.quiet = True
        got = 0
        while True:
            n = len(s.recv(a, 1 << 20))
            if n == 0:
                s._mask(a, POLLIN, 200)
                n = len(s.recv(a, 1 << 20))
                if n == 0:
                    break
            got += n
        s.quiet = False
        s.note("all came", got == sent)
        s.mask(c)
        s.mask(a)

    parity(body)


def test_blocking_send_waits_for_room(parity: Parity) -> None:
    def body(s: Sys) -> None:
        _, c, a = s.pair()
        s.setsockopt(c, 1, 7, 4608)
        s.setsockopt(a, 1, 8, 4608)
        s.quiet = True
        r, blocked = s.patient("sendto", c, bytes(20_000_000), 20_000_000, 0, None, 0)
        s.quiet = False
        s.note("partial", 0 < r < 20_000_000, blocked)
        s.mask(c)
        r, blocked = s.patient("sendto", c, bytes(20_000_000), 20_000_000, 0, None, 0)
        s.note("nothing", r, blocked)
        s.setsockopt(c, 1, 21, struct.pack("=qq", 0, 20000))
        r, blocked = s.patient("sendto", c, bytes(20_000_000), 20_000_000, 0, None, 0)
        s.note("timed out", r, blocked)
        s.mask(c)

    parity(body)


def test_close_and_linger(parity: Parity) -> None:
    def body(s: Sys) -> None:
        for linger in ((0, 0), (1, 0), (1, 5)):
            ls, c, a = s.pair()
            s.setsockopt(c, 1, 13, struct.pack("=ii", *linger))
            s.send(c, b"bye")
            s.close(c)
            s.until(a, POLLRDHUP | POLLHUP)
            s.mask(a)
            s.recv(a, 10)
            s.recv(a, 10)
            s.close(a)
            s.close(ls)

    parity(body)


def test_linger_waits(parity: Parity) -> None:
    """Data that the peer does not take keeps close waiting; the descriptor is gone at once."""

    def body(s: Sys) -> None:
        _, c, _ = s.pair()
        s.setsockopt(c, 1, 13, struct.pack("=ii", 1, 5))
        s.nonblock(c)
        s.quiet = True
        while s.send(c, bytes(65536)) > 0:
            pass
        s.quiet = False
        s.raw("fcntl", c, 4, 2)
        s.close(c)
        s.close(c)
        s.socket(2, 1)

    parity(body)


def test_both_close(parity: Parity) -> None:
    def body(s: Sys) -> None:
        for order in itertools.permutations(("shut c", "shut a", "close c", "close a")):
            ls, c, a = s.pair()
            fds = {"c": c, "a": a}
            for step in order:
                fd = fds[step[-1]]
                if step.startswith("shut"):
                    s.shutdown(fd, 1)
                else:
                    s.close(fd)
                for other in "ca":
                    if f"close {other}" not in order[: order.index(step) + 1]:
                        s.mask(fds[other])
            s.close(ls)

    parity(body)


def test_cork_and_nodelay(parity: Parity) -> None:
    def body(s: Sys) -> None:
        c, a = nonblocking_pair(s)
        s.setsockopt(c, 6, 3, 1)
        s.send(c, b"held")
        s.mask(a)
        s.ioctl(c, 0x5411)
        s.ioctl(c, 0x894B)
        s.setsockopt(c, 6, 3, 0)
        s.until(a, POLLIN)
        s.recv(a, 10)
        s.send(c, b"held", MORE)
        s.mask(a)
        s.setsockopt(c, 6, 1, 1)
        s.until(a, POLLIN)
        s.recv(a, 10)
        s.ioctl(c, 0x5411)

    parity(body)


def test_ioctls(parity: Parity) -> None:
    def body(s: Sys) -> None:
        ls, c, a = s.pair()
        for fd in (ls, c, a, s.socket(2, 1), s.socket(2, 2), s.socket(1, 1), s.socket(1, 2)):
            for cmd in (
                0x541B,
                0x5411,
                0x894B,
                0x8905,
                0x5452,
                0x5421,
                0x8901,
                0x8902,
                0x8903,
                0x8904,
                0x8906,
                0x8907,
                0x5401,
                0x5460,
                0x5450,
                0x5451,
                0,
                0xFFFFFFFF,
            ):
                s.ioctl(fd, cmd, 0)
            for cmd in (0x5421, 0x5452):
                s.ioctl(fd, cmd, 1)
                s.fcntl(fd, 3)
                s.ioctl(fd, cmd, 0)
                s.fcntl(fd, 3)
            lo = b"lo" + bytes(38)
            for cmd in (
                0x8910,
                0x8913,
                0x8915,
                0x8917,
                0x8919,
                0x891B,
                0x891D,
                0x8921,
                0x8927,
                0x8933,
                0x8942,
            ):
                s.ioctl(fd, cmd, lo)
                s.ioctl(fd, cmd, b"nosuch" + bytes(34))
            s.ioctl(fd, 0x8910, bytes(16) + b"\1" + bytes(23))

    parity(body)


def test_large_transfer(parity: Parity) -> None:
    """Everything comes, in order, through segmentation and window updates."""

    def body(s: Sys) -> None:
        c, a = nonblocking_pair(s)
        data = b"".join(struct.pack("=I", i) for i in range(100_000))
        s.quiet = True
        at, got = 0, bytearray()
        while len(got) < len(data):
            if at < len(data):
                at += max(s.send(c, data[at : at + 30_000]), 0)
            if not s._mask(a, POLLIN, 2000) & POLLIN:
                break
            got += s.recv(a, 65536)
        s.quiet = False
        s.note("equal", bytes(got) == data, len(got))

    parity(body)


def test_poll_out_and_errors_of_closed_listener_child(parity: Parity) -> None:
    def body(s: Sys) -> None:
        ls, c, a = s.pair()
        s.close(ls)
        s.send(c, b"still works")
        s.until(a, POLLIN)
        s.recv(a, 20)
        s.close(a)
        s.until(c, POLLRDHUP)
        s.send(c, b"x")
        s.until(c, POLLERR | POLLHUP)
        s.send(c, b"x", NOSIGNAL)
        s.mask(c)
        s.until(c, POLLOUT)

    parity(body)


def test_what_a_queue_is_charged(parity: Parity) -> None:
    """SO_MEMINFO: a segment of n bytes costs as much as Linux's does; so windows grow alike."""

    def body(s: Sys) -> None:
        for size in (1, 100, 1000, 1448, 4000, 10000, 32000):
            ls, c, a = s.pair()
            s.send(c, bytes(size))
            s.until(a, POLLIN)
            buf = bytearray(36)
            s.raw("getsockopt", a, 1, 55, buf, bytearray(struct.pack("=i", 36)))
            s.note(size, "charged", struct.unpack_from("=I", buf)[0])
            for fd in (ls, c, a):
                s.close(fd)
        for type in (1, 2):
            for size in (1, 500, 1000, 4000, 65000):
                x, _ = s.socketpair(1, type)
                s.send(x, bytes(size))
                s.raw("getsockopt", x, 1, 55, buf, bytearray(struct.pack("=i", 36)))
                s.note(type, size, "charged", struct.unpack_from("=9I", buf)[2])

    parity(body)


def test_peek_offset_inq_and_keepalive_options(parity: Parity) -> None:
    def body(s: Sys) -> None:
        c, a = nonblocking_pair(s)
        s.setsockopt(a, 1, 42, 0)  # SO_PEEK_OFF
        s.send(c, b"0123456789")
        s.until(a, POLLIN)
        for n in (3, 3, 3, 3):
            s.recv(a, n, PEEK)
        s.recv(a, 4)
        s.getsockopt(a, 1, 42)
        s.recv(a, 3, PEEK)
        s.recv(a, 100, TRUNC)
        s.recv(a, 5)
        s.setsockopt(a, 6, 36, 1)  # TCP_INQ
        s.send(c, b"x" * 50)
        s.until(a, POLLIN)
        s.recvmsg(a, Msg([bytearray(10)], None, bytearray(64)))
        for level, opt, value in (
            (6, 7, 5), (6, 4, 10), (6, 5, 3), (6, 6, 2), (6, 18, 5000), (1, 9, 1), (6, 8, 3), (6, 23, 5),
            (6, 10, 100000), (6, 12, 0), (6, 25, 1),
        ):  # fmt: skip
            s.setsockopt(c, level, opt, value)
            s.getsockopt(c, level, opt)
        s.shutdown(c, 1)
        s.until(a, POLLRDHUP)
        s.recv(a, 100)
        s.recv(a, 5, PEEK)
        s.recv(a, 5, PEEK | WAITALL)

    parity(body)
