"""connect, listen and accept: the states of a connection's beginning as programs see them."""

from __future__ import annotations

import struct

import pytest

from tests.parity.harness import POLLERR, POLLHUP, POLLIN, POLLOUT, Parity, Sys, i32, ip

LO = "127.0.0.1"
O_NONBLOCK = 0o4000
NOBODY = ip(LO, 7100)


def test_connected(parity: Parity) -> None:
    def body(s: Sys) -> None:
        ls = s.listener()
        port = s.port(ls)
        s.mask(ls)
        c = s.socket(2, 1)
        s.mask(c)
        s.connect(c, ip(LO, port))
        s.mask(c)
        s.mask(ls)
        s.getsockname(c)
        s.getpeername(c)
        s.connect(c, ip(LO, port))
        a = s.accept(ls)
        s.mask(a)
        s.mask(ls)
        s.getsockname(a)
        s.getpeername(a)
        s.connect(a, ip(LO, port))
        s.bind(c, ip(LO, 0))
        s.bind(a, ip(LO, 7101))
        s.listen(c, 1)
        s.so_error(c)
        s.fcntl(a, 3)
        s.fcntl(a, 1)

    parity(body)


def test_nonblocking(parity: Parity) -> None:
    def body(s: Sys) -> None:
        ls = s.listener()
        s.nonblock(ls)
        s.accept(ls)
        c = s.socket(2, 1 | O_NONBLOCK)
        s.connect(c, ip(LO, s.port(ls)))
        s.until(c, POLLOUT)
        s.mask(c)
        s.so_error(c)
        s.connect(c, ip(LO, s.port(ls)))
        s.connect(c, ip(LO, s.port(ls)))
        s.until(ls, POLLIN)
        a = s.accept4(ls, O_NONBLOCK | 0o2000000)
        s.fcntl(a, 3)
        s.fcntl(a, 1)
        s.accept(ls)
        s.recv(a, 1)

    parity(body)


def test_refused(parity: Parity) -> None:
    def body(s: Sys) -> None:
        c = s.socket(2, 1)
        s.connect(c, NOBODY)
        s.mask(c)
        s.so_error(c)
        s.getsockname(c)
        s.getpeername(c)
        s.connect(c, NOBODY)
        ls = s.listener()
        s.connect(c, ip(LO, s.port(ls)))
        s.mask(c)

    parity(body)


def test_refused_nonblocking(parity: Parity) -> None:
    def body(s: Sys) -> None:
        for ask in ("connect", "error", "send", "recv", "read", "write", "getpeername", "shutdown"):
            c = s.socket(2, 1 | O_NONBLOCK)
            s.connect(c, NOBODY)
            s.until(c, POLLERR | POLLHUP | POLLIN | POLLOUT)
            s.mask(c)
            for _ in range(3):
                if ask == "connect":
                    s.connect(c, NOBODY)
                    s.until(c, POLLERR | POLLHUP)
                elif ask == "error":
                    s.so_error(c)
                elif ask == "send":
                    s.send(c, b"x")
                elif ask == "recv":
                    s.recv(c, 1)
                elif ask == "read":
                    s.read(c, 1)
                elif ask == "write":
                    s.write(c, b"x")
                elif ask == "shutdown":
                    s.shutdown(c, 2)
                else:
                    s.getpeername(c)
            s.mask(c)
            s.so_error(c)
            s.close(c)

    parity(body)


def test_connecting_for_ever(parity: Parity) -> None:
    """The accept queue is full: the SYN is dropped, the connection stays under way."""

    def body(s: Sys) -> None:
        ls = s.listener(backlog=0)
        port = s.port(ls)
        first = s.socket(2, 1)
        s.connect(first, ip(LO, port))
        c = s.socket(2, 1 | O_NONBLOCK)
        s.connect(c, ip(LO, port))
        s.mask(c)
        s.connect(c, ip(LO, port))
        s.connect(c, NOBODY)
        s.send(c, b"x")
        s.recv(c, 1)
        s.getpeername(c)
        s.getsockname(c)
        s.so_error(c)
        s.listen(c, 1)
        s.bind(c, ip(LO, 0))
        s.shutdown(c, 0)
        s.mask(c)
        s.recv(c, 1)
        s.shutdown(c, 1)
        s.mask(c)
        s.so_error(c)
        s.send(c, b"x")
        s.recv(c, 1)
        s.connect(c, ip(LO, port))
        b = s.socket(2, 1)
        s.connect(b, ip(LO, port))
        s.connect(b, ip(LO, port))

    parity(body)


def test_disconnect_with_af_unspec(parity: Parity) -> None:
    def body(s: Sys) -> None:
        ls, c, a = s.pair()
        unspec = struct.pack("=H14x", 0)
        s.connect(c, unspec)
        s.mask(c)
        s.getsockname(c)
        s.getpeername(c)
        s.until(a, POLLIN)
        s.recv(a, 1)
        s.mask(a)
        s.connect(c, ip(LO, s.port(ls)))
        s.mask(c)
        s.connect(ls, unspec)
        s.mask(ls)
        s.accept(ls)
        d = s.socket(2, 1)
        s.connect(d, unspec)
        s.bind(d, ip(LO, 7102))
        s.connect(d, unspec)
        s.getsockname(d)
        s.mask(d)

    parity(body)


def test_connect_to_itself(parity: Parity) -> None:
    """Simultaneous open with oneself."""

    def body(s: Sys) -> None:
        c = s.socket(2, 1)
        s.bind(c, ip(LO, 7103))
        s.connect(c, ip(LO, 7103))
        s.mask(c)
        s.getpeername(c)
        s.send(c, b"echo")
        s.until(c, POLLIN)
        s.recv(c, 10)
        s.shutdown(c, 1)
        s.until(c, 0x2000)
        s.recv(c, 10)
        s.mask(c)

    parity(body)


def test_to_the_wildcard_and_elsewhere(parity: Parity) -> None:
    def body(s: Sys) -> None:
        ls = s.listener(addr="0.0.0.0")
        port = s.port(ls)
        for addr in ("0.0.0.0", "127.0.0.2", "127.255.255.254"):
            c = s.socket(2, 1)
            s.connect(c, ip(addr, port))
            s.getsockname(c)
            s.getpeername(c)
            a = s.accept(ls)
            s.getsockname(a)
        for addr in ("255.255.255.255", "224.0.0.1", "192.0.2.1", "127.255.255.255", "240.0.0.1"):
            c = s.socket(2, 1)
            s.connect(c, ip(addr, port))
            s.so_error(c)
            s.close(c)
        c = s.socket(2, 1)
        s.connect(c, ip(LO, 0))
        s.bind(c, ip("127.0.0.9", 0))
        s.connect(c, ip(LO, port))
        s.getsockname(c)
        s.accept(ls)

    parity(body)


@pytest.mark.parametrize("backlog", [0, 1, 2, 5])
def test_backlog(parity: Parity, backlog: int) -> None:
    """One more than the backlog are taken; then SYNs are dropped."""

    def body(s: Sys) -> None:
        ls = s.listener(backlog=backlog)
        fds = []
        for _ in range(backlog + 1):
            c = s.socket(2, 1 | O_NONBLOCK)
            s.connect(c, ip(LO, s.port(ls)))
            s.until(c, POLLOUT)
            fds.append(c)
        c = s.socket(2, 1 | O_NONBLOCK)
        s.connect(c, ip(LO, s.port(ls)))
        s.mask(c)
        s.nonblock(ls)
        for _ in range(backlog + 2):
            s.accept(ls)
        s.until(c, POLLOUT)  # its SYN is sent again after a second
        s.accept(ls)

    parity(body)


def test_listener_closed(parity: Parity) -> None:
    """Those that were not accepted are reset."""

    def body(s: Sys) -> None:
        ls = s.listener()
        c = s.socket(2, 1)
        s.connect(c, ip(LO, s.port(ls)))
        s.close(ls)
        s.until(c, POLLERR | POLLHUP)
        s.mask(c)
        s.recv(c, 1)
        s.recv(c, 1)
        s.send(c, b"x")
        s.mask(c)

    parity(body)


def test_listener_shut_down(parity: Parity) -> None:
    def body(s: Sys) -> None:
        ls = s.listener()
        c = s.socket(2, 1)
        s.connect(c, ip(LO, s.port(ls)))
        s.shutdown(ls, 1)
        s.mask(ls)
        s.shutdown(ls, 0)
        s.mask(ls)
        s.accept(ls)
        s.until(c, POLLERR | POLLHUP)
        s.mask(c)
        s.getsockname(ls)
        s.listen(ls, 3)
        s.mask(ls)
        s.getsockname(ls)

    parity(body)


def test_client_gone_before_accept(parity: Parity) -> None:
    def body(s: Sys) -> None:
        ls = s.listener()
        for reset in (False, True):
            c = s.socket(2, 1)
            s.connect(c, ip(LO, s.port(ls)))
            s.send(c, b"bye")
            if reset:
                s.setsockopt(c, 1, 13, struct.pack("=ii", 1, 0))
            s.close(c)
            a = s.accept(ls)
            s.mask(a)
            s.getpeername(a)
            s.recv(a, 10)
            s.recv(a, 10)
            s.so_error(a)
            s.send(a, b"x")

    parity(body)


def test_options_are_inherited(parity: Parity) -> None:
    def body(s: Sys) -> None:
        ls = s.listener()
        for level, opt in ((1, 9), (1, 2), (1, 15), (1, 10), (6, 1), (6, 3), (6, 12), (0, 1)):
            s.setsockopt(ls, level, opt, 1)
        s.setsockopt(ls, 1, 8, 5000)
        s.setsockopt(ls, 1, 7, 6000)
        s.setsockopt(ls, 1, 18, 3)
        s.setsockopt(ls, 6, 2, 600)
        s.setsockopt(ls, 6, 4, 77)
        s.setsockopt(ls, 0, 2, 99)
        s.setsockopt(ls, 1, 12, 4)
        s.setsockopt(ls, 1, 13, struct.pack("=ii", 1, 9))
        s.setsockopt(ls, 1, 20, struct.pack("=qq", 7, 0))
        c = s.socket(2, 1)
        s.connect(c, ip(LO, s.port(ls)))
        a = s.accept(ls)
        for level, opt in (
            (1, 9),
            (1, 2),
            (1, 15),
            (1, 10),
            (6, 1),
            (6, 3),
            (6, 12),
            (0, 1),
            (1, 8),
            (1, 7),
            (1, 18),
            (6, 2),
            (6, 4),
            (0, 2),
            (1, 12),
            (1, 30),
        ):
            s.getsockopt(a, level, opt)
        s.getsockopt(a, 1, 13, 8)
        s.getsockopt(a, 1, 20, 16)
        s.getsockopt(a, 6, 13, 16)
        for fd in (c, a):
            s.getsockopt(fd, 6, 2)

    parity(body)


def test_deferred_accept(parity: Parity) -> None:
    def body(s: Sys) -> None:
        ls = s.listener()
        s.setsockopt(ls, 6, 9, 5)
        s.getsockopt(ls, 6, 9)
        s.nonblock(ls)
        c = s.socket(2, 1)
        s.connect(c, ip(LO, s.port(ls)))
        s.mask(ls)
        s.accept(ls)
        s.send(c, b"data")
        s.until(ls, POLLIN)
        a = s.accept(ls)
        s.recv(a, 10)

    parity(body)


TCP_INFO_FIELDS = {
    "state": (0, "B"), "ca_state": (1, "B"), "retransmits": (2, "B"), "probes": (3, "B"), "backoff": (4, "B"),
    "options": (5, "B"), "wscale": (6, "B"), "snd_mss": (16, "I"), "rcv_mss": (20, "I"), "unacked": (24, "I"),
    "sacked": (28, "I"), "lost": (32, "I"), "retrans": (36, "I"), "pmtu": (60, "I"), "rcv_ssthresh": (64,
    "I"),
    "snd_ssthresh": (76, "I"), "snd_cwnd": (80, "I"), "advmss": (84, "I"), "reordering": (88, "I"),
    "rcv_space": (96, "I"), "total_retrans": (100, "I"), "bytes_acked": (120, "Q"), "bytes_received": (128,
    "Q"),
    "segs_out": (136, "I"), "segs_in": (140, "I"), "data_segs_in": (152, "I"), "data_segs_out": (156, "I"),
    "delivered": (192, "I"), "bytes_sent": (200, "Q"), "bytes_retrans": (208, "Q"), "dsack_dups": (216, "I"),
    "reord_seen": (220, "I"), "rcv_ooopack": (224, "I"), "snd_wnd": (228, "I"), "rcv_wnd": (232, "I"),
}  # fmt: skip


def tcp_info(s: Sys, fd: int) -> None:
    buf, n = bytearray(256), bytearray(i32(256))
    r = s.raw("getsockopt", fd, 6, 11, buf, n)
    s.note("TCP_INFO", fd, r, int.from_bytes(n, "little"))
    for name, (at, kind) in TCP_INFO_FIELDS.items():
        s.note(" ", name, struct.unpack_from("=" + kind, buf, at)[0])


def test_tcp_info(parity: Parity) -> None:
    def body(s: Sys) -> None:
        ls = s.listener()
        f = s.socket(2, 1)
        tcp_info(s, f)
        tcp_info(s, ls)
        c = s.socket(2, 1)
        s.connect(c, ip(LO, s.port(ls)))
        a = s.accept(ls)
        tcp_info(s, c)
        tcp_info(s, a)
        s.send(c, b"x" * 1000)
        s.until(a, POLLIN)
        tcp_info(s, a)
        s.recv(a, 2000)
        s.send(a, b"y" * 10)
        s.until(c, POLLIN)
        tcp_info(s, c)
        s.close(a)
        s.until(c, 0x2000)
        s.note("state", struct.unpack_from("=B", bytes(s.getsockopt(c, 6, 11, 1) or b"\0"))[0])

    parity(body)


def test_mss_and_info_values(parity: Parity) -> None:
    def body(s: Sys) -> None:
        ls, c, a = s.pair()
        for fd in (ls, c, a):
            for level, opt in (
                (6, 2),
                (6, 10),
                (1, 7),
                (1, 8),
                (1, 3),
                (1, 30),
                (1, 38),
                (1, 39),
                (1, 12),
                (6, 25),
                (6, 23),
                (0, 14),
            ):
                s.getsockopt(fd, level, opt)

    parity(body)


def test_shutdown_before_listen(parity: Parity) -> None:
    """shutdown says ENOTCONN, and every connection accepted later begins shut down."""

    def body(s: Sys) -> None:
        ls = s.socket(2, 1)
        s.bind(ls, ip(LO, 7110))
        s.shutdown(ls, 2)
        s.listen(ls, 3)
        c = s.socket(2, 1 | O_NONBLOCK)
        s.connect(c, ip(LO, 7110))
        s.until(c, 0x2000)
        a = s.accept(ls)
        s.mask(a)
        s.send(c, b"x")
        s.until(a, POLLERR | POLLHUP)
        s.mask(a)
        s.recv(a, 5)
        s.send(a, b"x")
        s.mask(c)
        s.recv(c, 1)

    parity(body)


def test_used_again(parity: Parity) -> None:
    """A socket that was disconnected with data on its way connects again."""

    def body(s: Sys) -> None:
        ls = s.listener()
        c = s.socket(2, 1 | O_NONBLOCK)
        for _ in range(3):
            s.connect(c, ip(LO, s.port(ls)))
            s.until(c, POLLOUT)
            a = s.accept(ls)
            s.send(a, b"unread")
            s.shutdown(a, 1)
            s.until(c, POLLIN)
            s.connect(c, struct.pack("=H14x", 0))
            s.mask(c)
            s.close(a)
        s.connect(c, ip(LO, 7111))
        s.until(c, POLLERR)
        s.so_error(c)

    parity(body)
