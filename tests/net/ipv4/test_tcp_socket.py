"""The socket side of TCP on a bare kernel: connections over lo, every call's answer, and that nothing stays
behind.

Numbers (errnos, masks, option ranges) are what Linux 6.18 answered to the same calls.
"""

from __future__ import annotations

import pytest

from sockfs.net.core import skbuff
from sockfs.net.ipv4 import tcp_ipv4
from sockfs.structs.headers import Icmphdr, Iphdr
from tests.tools.bare import ESLEEP, SEC, SOCK_NONBLOCK, Bare, addr

EAGAIN, EINVAL, EPIPE, ENOTCONN, ECONNREFUSED, ECONNRESET, EADDRINUSE = 11, 22, 32, 107, 111, 104, 98
IN, PRI, OUT, ERR, HUP, RDHUP = 1, 2, 4, 8, 16, 0x2000
RDNORM, WRNORM = 0x40, 0x100
MSG_OOB, MSG_PEEK, MSG_TRUNC, MSG_DONTWAIT, MSG_WAITALL, MSG_MORE = 1, 2, 0x20, 0x40, 0x100, 0x8000
ESTABLISHED, FIN_WAIT1, FIN_WAIT2, TIME_WAIT, CLOSE, CLOSE_WAIT, LAST_ACK, LISTEN = 1, 4, 5, 6, 7, 8, 9, 10


@pytest.fixture
def m() -> Bare:
    return Bare()


class TestConnection:
    def test_handshake_makes_two_established_ends(self, m: Bare) -> None:
        _, c, s = m.pair()
        assert (m.sk(c).sk_state, m.sk(s).sk_state) == (ESTABLISHED, ESTABLISHED)
        assert m.name(c, peer=True) == ("127.0.0.1", 80)
        assert m.name(s, peer=True) == m.name(c)
        assert (m.getopt(c, 6, 2), m.getopt(s, 6, 2)) == (32741, 32768)  # half the largest window seen

    def test_bytes_go_both_ways(self, m: Bare) -> None:
        _, c, s = m.pair()
        assert m.send(c, b"request") == 7
        assert m.recv(s) == b"request"
        assert m.send(s, b"answer") == 6
        assert m.recv(c) == b"answer"
        assert m.recv(c) == -EAGAIN

    def test_a_megabyte_arrives_in_order(self, m: Bare) -> None:
        _, c, s = m.pair()
        data = bytes(range(256)) * 4096
        sent, got = 0, bytearray()
        for _ in range(2000):
            if sent < len(data):
                r = m.send(c, data[sent : sent + 65536])
                sent += max(r, 0)
            r2 = m.recv(s)
            if isinstance(r2, bytes):
                got += r2
            elif sent == len(data):
                m.advance(SEC // 20)
            if len(got) == len(data):
                break
        assert bytes(got) == data

    def test_refused_when_nobody_listens(self, m: Bare) -> None:
        c = m.socket()
        assert m.call("connect", c, addr(81), 16) == -ECONNREFUSED
        assert m.k.init_net.mib_tcp.OutRsts == 1
        assert m.k.init_net.mib_tcp.AttemptFails == 1

    def test_connect_twice(self, m: Bare) -> None:
        _, c, _ = m.pair()
        assert m.call("connect", c, addr(80), 16) == -106  # EISCONN

    def test_receive_before_connect(self, m: Bare) -> None:
        fd = m.socket()
        assert m.recv(fd) == -ENOTCONN
        assert m.send(fd, b"x") == -EPIPE
        assert m.recv(m.listener()) == -ENOTCONN

    def test_same_seed_same_numbers(self) -> None:
        a, b, other = Bare(5), Bare(5), Bare(6)
        isn = []
        for m in (a, b, other):
            _, c, _ = m.pair()
            isn.append((int(m.sk(c).snd_una), m.name(c)))
        assert isn[0] == isn[1] != isn[2]


class TestReceive:
    def test_waits_and_goes_on(self, m: Bare) -> None:
        _, c, s = m.pair()
        m.call("fcntl", s, 4, 0)
        buf = bytearray(10)
        assert m.call("recv", s, buf, 10, 0) == -ESLEEP
        assert m.send(c, b"later") == 5
        assert m.resume() == 5
        assert buf[:5] == b"later"

    def test_waitall_collects_over_sleeps(self, m: Bare) -> None:
        _, c, s = m.pair()
        m.call("fcntl", s, 4, 0)
        buf = bytearray(6)
        assert m.call("recv", s, buf, 6, MSG_WAITALL) == -ESLEEP
        m.send(c, b"abc")
        assert m.resume() == -ESLEEP
        m.send(c, b"defg")
        assert m.resume() == 6
        assert buf == b"abcdef"
        assert m.recv(s) == b"g"

    def test_waitall_cut_by_the_end(self, m: Bare) -> None:
        _, c, s = m.pair()
        m.call("fcntl", s, 4, 0)
        buf = bytearray(6)
        assert m.call("recv", s, buf, 6, MSG_WAITALL) == -ESLEEP
        m.send(c, b"abc")
        m.call("shutdown", c, 1)
        assert m.resume() == 3

    def test_time_out(self, m: Bare) -> None:
        _, _, s = m.pair()
        m.call("fcntl", s, 4, 0)
        assert m.call("setsockopt", s, 1, 20, (2).to_bytes(8, "little") + bytes(8), 16) == 0
        assert m.call("recv", s, bytearray(1), 1, 0) == -ESLEEP
        call = m.k.sleeping[-1]
        assert call.deadline == m.k.now + 2 * SEC
        m.advance(2 * SEC)
        call.expired = True
        assert m.resume() == -EAGAIN

    def test_peek_leaves_everything(self, m: Bare) -> None:
        _, c, s = m.pair()
        m.send(c, b"abc")
        m.send(c, b"def")
        assert m.recv(s, 4, MSG_PEEK | MSG_DONTWAIT) == b"abcd"
        assert m.recv(s, 100) == b"abcdef"

    def test_peek_offset_moves(self, m: Bare) -> None:
        _, c, s = m.pair()
        assert m.setopt(s, 1, 42, 0) == 0
        m.send(c, b"abcdef")
        assert m.recv(s, 2, MSG_PEEK | MSG_DONTWAIT) == b"ab"
        assert m.recv(s, 2, MSG_PEEK | MSG_DONTWAIT) == b"cd"
        assert m.recv(s, 3) == b"abc"
        assert m.getopt(s, 1, 42) == 1

    def test_trunc_throws_away(self, m: Bare) -> None:
        _, c, s = m.pair()
        m.send(c, b"abcdef")
        assert m.call("recv", s, None, 4, MSG_TRUNC | MSG_DONTWAIT) == 4
        assert m.recv(s) == b"ef"

    def test_urgent_byte_stands_apart(self, m: Bare) -> None:
        _, c, s = m.pair()
        assert m.send(c, b"abc", MSG_OOB) == 3
        assert m.poll(s) & PRI
        assert m.recv(s, 1, MSG_OOB) == b"c"
        assert m.recv(s, 10) == b"ab"
        assert m.ioctl(s, 0x8905) == 1
        assert m.recv(s, 1, MSG_OOB) == -EINVAL
        m.send(c, b"x")
        assert m.recv(s) == b"x"
        assert m.ioctl(s, 0x8905) == 0

    def test_urgent_inline(self, m: Bare) -> None:
        _, c, s = m.pair()
        m.setopt(s, 1, 10, 1)
        m.send(c, b"abc", MSG_OOB)
        assert m.recv(s, 1, MSG_OOB) == -EINVAL
        assert m.recv(s, 10) == b"ab"
        assert m.recv(s, 10) == b"c"

    def test_counts(self, m: Bare) -> None:
        lfd, c, s = m.pair()
        m.send(c, b"abcdef")
        assert m.ioctl(s, 0x541B) == 6
        assert m.ioctl(lfd, 0x541B) == -EINVAL
        assert m.ioctl(c, 0x894B) == 0


class TestSend:
    def test_full_buffer_is_a_partial_send(self, m: Bare) -> None:
        _, c, s = m.pair()
        total = 0
        while (r := m.send(c, bytes(65536))) > 0:
            total += r
        assert r == -EAGAIN
        assert m.poll(c) & OUT == 0
        got = 0
        while True:
            r2 = m.recv(s)
            if not isinstance(r2, bytes):
                break
            got += len(r2)
        m.advance(SEC)
        while isinstance(r2 := m.recv(s), bytes):
            got += len(r2)
        assert got == total
        assert m.poll(c) & OUT

    def test_blocking_send_goes_on(self, m: Bare) -> None:
        _, c, s = m.pair()
        big = bytes(8 << 20)
        assert m.send(c, big, 0) == -ESLEEP
        call, got = m.k.sleeping[-1], 0
        for _ in range(4000):
            r = m.recv(s)
            if isinstance(r, bytes):
                got += len(r)
            else:
                m.advance(SEC // 100)
            if call in m.k.sleeping and m.sk(c).sk_wmem_queued < m.sk(c).sk_sndbuf:
                last = m.resume()
            if got == len(big):
                break
        assert got == len(big) == last

    def test_more_is_held_back(self, m: Bare) -> None:
        _, c, s = m.pair()
        m.send(c, b"he", MSG_MORE | MSG_DONTWAIT)
        assert m.recv(s) == -EAGAIN
        m.send(c, b"llo")
        assert m.recv(s) == b"hello"

    def test_cork_and_uncork(self, m: Bare) -> None:
        _, c, s = m.pair()
        m.setopt(c, 6, 3, 1)
        m.send(c, b"held")
        assert m.recv(s) == -EAGAIN
        m.setopt(c, 6, 3, 0)
        assert m.recv(s) == b"held"

    def test_after_shutdown(self, m: Bare) -> None:
        _, c, s = m.pair()
        assert m.call("shutdown", c, 1) == 0
        assert m.send(c, b"x") == -EPIPE
        assert m.recv(s) == b""
        assert m.send(s, b"still") == 5
        assert m.recv(c) == b"still"


class TestPoll:
    def test_masks(self, m: Bare) -> None:
        assert m.poll(m.socket()) == OUT | WRNORM | HUP
        lfd, c, s = m.pair()
        assert m.poll(lfd) == 0
        assert m.poll(c) == OUT | WRNORM
        m.send(c, b"x")
        assert m.poll(s) == IN | RDNORM | OUT | WRNORM
        m.recv(s)
        m.call("shutdown", c, 1)
        assert m.poll(s) == IN | RDNORM | OUT | WRNORM | RDHUP
        m.call("shutdown", s, 1)
        assert m.poll(s) == IN | RDNORM | OUT | WRNORM | RDHUP | HUP

    def test_listener_with_somebody_waiting(self, m: Bare) -> None:
        lfd = m.listener()
        m.call("connect", m.socket(), addr(80), 16)
        assert m.poll(lfd) == IN | RDNORM


class TestEnd:
    def test_active_close_leaves_time_wait(self, m: Bare) -> None:
        before = m.slabs()
        lfd, c, s = m.pair()
        m.call("close", c)
        assert m.sk(s).sk_state == CLOSE_WAIT
        assert m.recv(s) == b""
        m.call("close", s)
        assert m.slabs()["tw_sock_TCP"] == 1
        m.call("close", lfd)
        m.advance(59 * SEC)
        assert m.slabs()["tw_sock_TCP"] == 1
        m.advance(2 * SEC)
        assert m.slabs() == before
        assert not m.k.init_net.tcp_hashinfo.bhash
        assert not m.k.init_net.tcp_hashinfo.ehash

    def test_unread_data_is_a_reset(self, m: Bare) -> None:
        _, c, s = m.pair()
        m.send(c, b"never read")
        m.call("close", s)
        assert m.sk(c).sk_state == CLOSE
        assert m.recv(c) == -ECONNRESET
        assert m.recv(c) == b""
        assert m.k.init_net.mib_linux.TCPAbortOnClose == 1

    def test_linger_zero_is_a_reset(self, m: Bare) -> None:
        _, c, s = m.pair()
        m.call("setsockopt", c, 1, 13, (1).to_bytes(4, "little") + bytes(4), 8)
        m.call("close", c)
        assert m.poll(s) & (ERR | HUP) == ERR | HUP
        assert m.recv(s) == -ECONNRESET
        assert "tw_sock_TCP" not in m.slabs()

    def test_orphan_in_fin_wait_2_becomes_small(self, m: Bare) -> None:
        _lfd, c, s = m.pair()
        m.call("close", c)
        m.advance(SEC // 10)  # the ACK of a FIN is delayed
        assert m.slabs()["tw_sock_TCP"] == 1
        m.advance(61 * SEC)
        assert "tw_sock_TCP" not in m.slabs()
        m.send(s, b"anybody?")
        assert m.sk(s).sk_state == CLOSE
        assert m.recv(s) == b""  # the end was there already
        assert m.send(s, b"x") == -EPIPE

    def test_data_to_an_orphan_in_fin_wait_2(self, m: Bare) -> None:
        _, c, s = m.pair()
        m.call("close", c)
        m.advance(SEC // 10)
        m.send(s, b"unwanted")
        assert m.sk(s).sk_state == CLOSE
        assert "tw_sock_TCP" not in m.slabs()
        assert m.send(s, b"x") == -EPIPE

    def test_disconnect_and_use_again(self, m: Bare) -> None:
        lfd, c, s = m.pair()
        assert m.call("connect", c, bytes(16), 16) == 0
        assert m.name(c, peer=True) == -ENOTCONN
        assert m.recv(s) == -ECONNRESET
        assert m.recv(c) == -ECONNRESET
        assert m.call("connect", c, addr(80), 16) == 0
        s2 = m.call("accept4", lfd, None, None, 0)
        m.send(c, b"again")
        assert m.recv(s2) == b"again"

    def test_closing_a_listener_resets_who_waits(self, m: Bare) -> None:
        before = m.slabs()
        lfd, c = m.listener(), m.socket()
        m.call("connect", c, addr(80), 16)
        m.call("close", lfd)
        assert m.recv(c) == -ECONNRESET
        m.call("close", c)
        assert m.slabs() == before

    def test_a_thousand_connections_leave_nothing(self, m: Bare) -> None:
        before = m.slabs()
        lfd = m.listener()
        for _ in range(1000):
            c = m.socket()
            assert m.call("connect", c, addr(80), 16) == 0
            s = m.call("accept4", lfd, None, None, 0)
            m.send(c, b"ping")
            assert m.recv(s) == b"ping"
            m.call("close", c)
            m.call("close", s)
        m.call("close", lfd)
        m.advance(61 * SEC)
        assert m.slabs() == before
        hinfo = m.k.init_net.tcp_hashinfo
        assert (hinfo.ehash, hinfo.bhash, hinfo.lhash2) == ({}, {}, {})
        assert (hinfo.tw_count, hinfo.orphan_count, hinfo.sockets_allocated) == (0, 0, 0)
        assert hinfo.memory_allocated == 0
        assert m.k.init_net.mib_tcp.CurrEstab == 0

    def test_time_wait_lets_a_new_syn_through(self, m: Bare) -> None:
        lfd, c, s = m.pair()
        m.call("close", s)
        port = m.name(c)
        assert isinstance(port, tuple)
        m.recv(c)
        m.call("close", c)
        m.advance(2 * SEC)
        c2 = m.socket()
        m.setopt(c2, 1, 2, 1)
        assert m.call("bind", c2, addr(port[1]), 16) == 0
        assert m.call("connect", c2, addr(80), 16) == 0
        assert m.call("accept4", lfd, None, None, 0) > 0


class TestListen:
    def test_accept_queue_overflows(self, m: Bare) -> None:
        m.listener(backlog=1)
        fds = [m.socket(SOCK_NONBLOCK) for _ in range(4)]
        for fd in fds:
            m.call("connect", fd, addr(80), 16)
        # backlog + 1 are finished; the third's last ACK, or the fourth's SYN, finds no room
        assert m.k.init_net.mib_linux.ListenOverflows > 0
        assert m.k.init_net.mib_linux.ListenDrops > 0

    def test_accept_waits_and_goes_on(self, m: Bare) -> None:
        lfd = m.listener()
        m.call("fcntl", lfd, 4, 0)
        assert m.call("accept", lfd, None, None) == -ESLEEP
        c = m.socket()
        assert m.call("connect", c, addr(80), 16) == 0
        assert m.resume() == 4 < c  # the descriptor was taken before the sleep

    def test_accept_of_no_listener(self, m: Bare) -> None:
        assert m.call("accept", m.socket(), None, None) == -EINVAL

    def test_backlog_may_change_while_listening(self, m: Bare) -> None:
        fd = m.listener()
        assert m.call("listen", fd, 3) == 0
        assert m.sk(fd).sk_max_ack_backlog == 3


class TestBind:
    def bound(self, m: Bare, port: int, host: str = "127.0.0.1", reuse: int = 0, reuseport: int = 0) -> int:
        fd = m.socket()
        if reuse:
            m.setopt(fd, 1, 2, 1)
        if reuseport:
            m.setopt(fd, 1, 15, 1)
        r = m.call("bind", fd, addr(port, host), 16)
        return fd if r == 0 else r

    @pytest.mark.parametrize(
        ("first", "second", "ok"),
        [
            ({}, {}, False),
            ({}, {"host": "127.0.0.2"}, True),
            ({}, {"host": "0.0.0.0"}, False),
            ({"reuse": 1}, {"reuse": 1}, True),
            ({"reuse": 1}, {}, False),
            ({"reuseport": 1}, {"reuseport": 1}, True),
            ({"reuseport": 1}, {"reuse": 1}, False),
            ({"reuse": 1}, {"reuseport": 1}, False),
        ],
    )
    def test_conflicts(self, m: Bare, first: dict[str, int], second: dict[str, int], ok: bool) -> None:
        assert self.bound(m, 5000, **first) > 0  # type: ignore[arg-type]
        assert (self.bound(m, 5000, **second) > 0) is ok  # type: ignore[arg-type]

    def test_only_one_of_two_may_listen(self, m: Bare) -> None:
        a, b = self.bound(m, 5000, reuse=1), self.bound(m, 5000, reuse=1)
        assert m.call("listen", a, 1) == 0
        assert m.call("listen", b, 1) == -EADDRINUSE
        assert self.bound(m, 5000, reuse=1) == -EADDRINUSE

    def test_port_of_a_connect_is_taken(self, m: Bare) -> None:
        _, c, _ = m.pair()
        name = m.name(c)
        assert isinstance(name, tuple)
        assert self.bound(m, name[1], reuse=1) == -EADDRINUSE
        assert self.bound(m, name[1], "127.0.0.2") > 0

    def test_restart_of_a_server(self, m: Bare) -> None:
        lfd, c, s = m.pair()
        m.call("close", lfd)
        assert self.bound(m, 80, reuse=1) == -EADDRINUSE
        m.call("close", s)
        m.recv(c)
        m.call("close", c)
        assert self.bound(m, 80) == -EADDRINUSE  # TIME-WAIT of a socket without SO_REUSEADDR
        m.advance(61 * SEC)
        assert self.bound(m, 80) > 0

    def test_ephemeral_parity(self, m: Bare) -> None:
        fd = m.socket()
        m.call("bind", fd, addr(0), 16)
        name = m.name(fd)
        assert isinstance(name, tuple)
        assert 32768 <= name[1] <= 60999
        assert name[1] % 2 == 1
        _, c, _ = m.pair()
        name = m.name(c)
        assert isinstance(name, tuple)
        assert name[1] % 2 == 0

    def test_ports_run_out(self, m: Bare) -> None:
        m.k.init_net.ipv4.sysctl_ip_local_port_range = [40000, 40003]
        m.listener()
        got = [m.call("connect", m.socket(), addr(80), 16) for _ in range(5)]
        assert got == [0, 0, 0, 0, -99]  # EADDRNOTAVAIL
        assert self.bound(m, 0) == -EADDRINUSE


class TestOptions:
    @pytest.mark.parametrize(
        ("name", "good", "bad", "default"),
        [
            (1, [(0, 0), (1, 1), (-5, 1)], [], 0),
            (2, [(0, 536), (88, 88), (32767, 32767)], [1, 87, 32768, -1], 536),
            (4, [(1, 1), (32767, 32767)], [0, -1, 32768], 7200),
            (5, [(1, 1), (32767, 32767)], [0, -1, 32768], 75),
            (6, [(1, 1), (127, 127)], [0, 128], 9),
            (7, [(1, 1), (127, 127)], [0, 128], 6),
            (8, [(-9, -1), (0, 60), (7, 7), (127, 120)], [], 60),
            (9, [(-1, 0), (1, 1), (2, 3), (4, 7), (128, 247), (255, 367), (32767, 29887)], [], 0),
            (10, [(0, 0), (1, 1152), (4000, 4000), (-1, 1152)], [], 0),
            (16, [(0, 0), (1, 1)], [2, -1], 0),
            (17, [(0, 0), (1, 0)], [2, -1], 0),
            (18, [(0, 0), (70000, 70000)], [-1], 0),
            (23, [(0, 0), (5, 5), (5000, 4096)], [-1], 0),
            (25, [(-1, -1), (0, 0), (9, 9)], [], 0),
            (27, [(0, 0), (1, 1), (2, 2)], [3, -1], 0),
            (30, [(0, 0), (1, 1)], [2, -1], 0),
            (34, [(0, 0), (1, 1)], [2, -1], 0),
            (36, [(0, 0), (1, 1)], [2, -1], 0),
            (37, [(0, 0), (1 << 20, 1 << 20)], [-1, 0x7FFFFFFF], 0),
            (44, [(1000, 1000), (32767, 32768), (119999, 120000)], [999, 120001], 120000),
            (45, [(5000, 8000), (100000, 100000), (120001, 124000)], [4000, 200001, -1], 200000),
            (46, [(5000, 8000), (100000, 100000), (120001, 124000)], [4000, 200001, -1], 200000),
        ],
    )
    def test_ranges(
        self, m: Bare, name: int, good: list[tuple[int, int]], bad: list[int], default: int
    ) -> None:
        assert m.getopt(m.socket(), 6, name) == default
        for value, read in good:
            fd = m.socket()
            assert m.setopt(fd, 6, name, value) == 0
            assert m.getopt(fd, 6, name) == read
        for value in bad:
            fd = m.socket()
            assert m.setopt(fd, 6, name, value) == -EINVAL
            assert m.getopt(fd, 6, name) == default

    @pytest.mark.parametrize("name", [0, 11, 15, 26, 28, 35, 38, 43, 47, 99])
    def test_no_such_option_to_set(self, m: Bare, name: int) -> None:
        assert m.setopt(m.socket(), 6, name, 1) == -92

    @pytest.mark.parametrize("name", [0, 14, 15, 22, 32, 38, 39, 41, 42, 47])
    def test_no_such_option_to_read(self, m: Bare, name: int) -> None:
        assert m.getopt(m.socket(), 6, name) == -92

    def test_short_values(self, m: Bare) -> None:
        fd = m.socket()
        assert m.call("setsockopt", fd, 6, 1, b"\1\0\0", 3) == -EINVAL
        assert m.getopt(fd, 6, 4, 1) == b"\x20"
        assert m.getopt(fd, 6, 4, 300) == b"\x20\x1c\0\0"

    def test_congestion_control_by_name(self, m: Bare) -> None:
        fd = m.socket()
        assert m.getopt(fd, 6, 13, 16) == b"cubic" + bytes(11)
        assert m.call("setsockopt", fd, 6, 13, b"reno", 4) == 0
        assert m.getopt(fd, 6, 13, 16) == b"reno" + bytes(12)
        assert m.call("setsockopt", fd, 6, 13, b"cubic\0xx", 8) == 0
        assert m.call("setsockopt", fd, 6, 13, b"nosuch", 6) == -2

    def test_info_has_280_bytes(self, m: Bare) -> None:
        fd = m.socket()
        info = m.getopt(fd, 6, 11, 300)
        assert isinstance(info, bytes)
        assert len(info) == 280
        assert info[:12] == b"\x07\0\0\0\0\0\0\x01\x40\x42\x0f\0"
        _, c, _ = m.pair()
        info = m.getopt(c, 6, 11, 280)
        assert isinstance(info, bytes)
        assert info[0] == ESTABLISHED
        assert info[5] == 7  # timestamps, SACK, window scaling
        assert int.from_bytes(info[16:20], "little") == 32741

    def test_child_has_its_listeners_options(self, m: Bare) -> None:
        lfd = m.socket(SOCK_NONBLOCK)
        m.setopt(lfd, 6, 1, 1)
        m.setopt(lfd, 6, 4, 77)
        m.setopt(lfd, 6, 18, 1234)
        m.call("bind", lfd, addr(80), 16)
        m.call("listen", lfd, 5)
        m.call("connect", m.socket(), addr(80), 16)
        s = m.call("accept4", lfd, None, None, 0)
        assert [m.getopt(s, 6, o) for o in (1, 4, 18)] == [1, 77, 1234]


class TestCookies:
    def test_full_queue_answers_with_cookies(self, m: Bare) -> None:
        m.k.init_net.ipv4.sysctl_tcp_syncookies = 2
        _lfd, c, s = m.pair()
        assert m.k.init_net.mib_linux.SyncookiesSent == 1
        assert m.k.init_net.mib_linux.SyncookiesRecv == 1
        m.send(c, b"by cookie")
        assert m.recv(s) == b"by cookie"
        assert m.sk(s).snd_wscale == m.sk(c).rcv_wscale

    def test_wrong_cookie_is_reset(self, m: Bare) -> None:
        from sockfs.net.ipv4 import syncookies

        k = m.k
        cookie = syncookies.secure_tcp_syn_cookie(k, 1, 2, 3, 4, 5, 2)
        assert syncookies.check_tcp_syn_cookie(k, cookie, 1, 2, 3, 4, 5) == 2
        assert syncookies.check_tcp_syn_cookie(k, cookie ^ 1 << 30, 1, 2, 3, 4, 5) == -1
        assert syncookies.check_tcp_syn_cookie(k, cookie, 9, 2, 3, 4, 5) not in (0, 1, 2, 3)
        k.now += 121 * SEC
        assert syncookies.check_tcp_syn_cookie(k, cookie, 1, 2, 3, 4, 5) == -1


class TestLinger:
    def linger(self, m: Bare, fd: int, seconds: int) -> None:
        value = (1).to_bytes(4, "little") + seconds.to_bytes(4, "little")
        assert m.call("setsockopt", fd, 1, 13, value, 8) == 0

    def test_close_waits_for_the_last_acknowledgement(self, m: Bare) -> None:
        _, c, s = m.pair()
        self.linger(m, c, 5)
        assert m.call("close", c) == -ESLEEP
        m.advance(SEC // 10)  # the delayed ACK of the FIN
        assert m.resume() == 0
        assert m.sk(s).sk_state == CLOSE_WAIT

    def test_close_gives_up(self, m: Bare) -> None:
        _, c, _s = m.pair()
        self.linger(m, c, 5)
        assert m.call("close", c) == -ESLEEP
        call = m.k.sleeping[-1]
        assert call.deadline == m.k.now + 5 * SEC
        call.expired = True
        assert m.resume() == 0
        assert m.call("close", c) == -9


class TestHandshakeTimers:
    def test_syn_ack_is_repeated_until_given_up(self, m: Bare) -> None:
        lfd, c = m.listener(), m.socket(SOCK_NONBLOCK)
        m.setopt(lfd, 6, 9, 1000)  # TCP_DEFER_ACCEPT: the bare ACK makes no child
        m.call("connect", c, addr(80), 16)
        assert m.poll(lfd) == 0
        assert m.slabs()["request_sock_TCP"] == 1
        m.send(c, b"now")
        assert m.poll(lfd) == IN | RDNORM
        s = m.call("accept4", lfd, None, None, 0)
        assert m.recv(s) == b"now"
        assert "request_sock_TCP" not in m.slabs()

    def test_syn_is_repeated_until_given_up(self, m: Bare) -> None:
        c = m.socket(SOCK_NONBLOCK)
        lfd = m.listener(backlog=0)
        m.k.init_net.ipv4.sysctl_tcp_syncookies = 0
        first = [m.socket(SOCK_NONBLOCK) for _ in range(2)]
        for fd in first:
            m.call("connect", fd, addr(80), 16)
        assert m.call("connect", c, addr(80), 16) == -115
        m.advance(200 * SEC)
        assert m.sk(c).sk_state == CLOSE
        assert m.getopt(c, 1, 4) == 110  # SO_ERROR: ETIMEDOUT
        m.call("close", lfd)

    def test_request_of_a_closed_listener_ends(self, m: Bare) -> None:
        before = m.slabs()
        lfd, c = m.listener(), m.socket(SOCK_NONBLOCK)
        m.setopt(lfd, 6, 9, 1000)
        m.call("connect", c, addr(80), 16)
        m.call("close", lfd)
        m.send(c, b"anybody?")
        assert m.recv(c) == -ECONNRESET
        m.call("close", c)
        m.advance(200 * SEC)
        assert m.slabs() == before


class TestReuseOfTimeWait:
    def test_connect_takes_an_old_pair_of_ports(self, m: Bare) -> None:
        m.k.init_net.ipv4.sysctl_ip_local_port_range = [40000, 40000]
        lfd, c, s = m.pair()
        m.call("close", c)
        m.recv(s)
        m.call("close", s)
        again = m.socket()
        assert m.call("connect", again, addr(80), 16) == -99
        m.advance(2 * SEC)
        assert m.call("connect", again, addr(80), 16) == 0
        assert m.k.init_net.mib_linux.TWRecycled == 1
        s2 = m.call("accept4", lfd, None, None, 0)
        m.send(again, b"new")
        assert m.recv(s2) == b"new"


class TestReuseport:
    def test_connections_are_spread(self, m: Bare) -> None:
        fds = []
        for _ in range(2):
            fd = m.socket(SOCK_NONBLOCK)
            m.setopt(fd, 1, 15, 1)
            assert m.call("bind", fd, addr(80), 16) == 0
            assert m.call("listen", fd, 100) == 0
            fds.append(fd)
        for _ in range(40):
            m.call("connect", m.socket(), addr(80), 16)
        waiting = [int(m.sk(fd).sk_ack_backlog) for fd in fds]
        assert sum(waiting) == 40
        assert min(waiting) > 5


class TestIcmpErrors:
    """What icmp_rcv hands to tcp_v4_err about a segment of ours (RFC 1122 4.2.3.9, RFC 5461, RFC 5927)."""

    def error(self, m: Bare, fd: int, type: int, code: int, seq: int, info: int = 0) -> int:
        sk = m.sk(fd)
        skb = skbuff.alloc_skb(m.k)
        skb.dev = m.k.init_net.loopback_dev
        skb.iph = Iphdr(sk.inet_saddr, sk.sk_daddr, 6, 64, 0)
        skb.icmph = Icmphdr(type, code, 0)
        head = int(sk.inet_sport).to_bytes(2, "big") + int(sk.sk_dport).to_bytes(2, "big")
        skbuff.skb_set_data(skb, head + (seq & 0xFFFFFFFF).to_bytes(4, "big"))
        r = tcp_ipv4.tcp_protocol.err_handler(skb, info)
        skbuff.consume_skb(m.k, skb)
        return int(r)

    def syn_sent(self, m: Bare) -> int:
        m.k.init_net.ipv4.sysctl_tcp_syncookies = 0
        m.listener(backlog=0)
        for _ in range(2):
            m.call("connect", m.socket(SOCK_NONBLOCK), addr(80), 16)
        fd = m.socket(SOCK_NONBLOCK)
        assert m.call("connect", fd, addr(80), 16) == -115
        return fd

    @pytest.mark.parametrize(
        ("type", "code", "errno"),
        [
            (3, 0, 101),
            (3, 1, 113),
            (3, 2, 92),
            (3, 3, 111),
            (3, 7, 112),
            (3, 8, 64),
            (3, 13, 113),
            (11, 0, 113),
            (12, 0, 71),
        ],
    )
    def test_handshake_fails_at_once(self, m: Bare, type: int, code: int, errno: int) -> None:
        fd = self.syn_sent(m)
        assert self.error(m, fd, type, code, int(m.sk(fd).snd_una)) == 0
        assert m.sk(fd).sk_state == CLOSE
        assert m.getopt(fd, 1, 4) == errno

    def test_error_about_no_segment_of_ours_is_ignored(self, m: Bare) -> None:
        fd = self.syn_sent(m)
        self.error(m, fd, 3, 3, int(m.sk(fd).snd_nxt) + 1)
        assert m.sk(fd).sk_state == 2
        assert m.k.init_net.mib_linux.OutOfWindowIcmps == 1

    def test_source_quench_is_ignored(self, m: Bare) -> None:
        fd = self.syn_sent(m)
        self.error(m, fd, 4, 0, int(m.sk(fd).snd_una))
        assert m.sk(fd).sk_state == 2

    def test_soft_on_a_connection_unless_asked_for(self, m: Bare) -> None:
        _, c, s = m.pair()
        self.error(m, c, 3, 1, int(m.sk(c).snd_una))
        assert m.sk(c).sk_state == ESTABLISHED
        assert m.poll(c) & ERR == 0
        assert m.sk(c).sk_err_soft == 113
        m.setopt(c, 0, 11, 1)  # IP_RECVERR
        self.error(m, c, 3, 1, int(m.sk(c).snd_una))
        assert m.getopt(c, 1, 4) == 113
        m.send(c, b"alive")
        assert m.recv(s) == b"alive"

    def test_fragmentation_needed_shrinks_segments(self, m: Bare) -> None:
        _, c, s = m.pair()
        self.error(m, c, 3, 4, int(m.sk(c).snd_una), 1500)
        assert m.getopt(c, 6, 2) == 1448
        m.send(c, bytes(10000))
        assert m.recv(s) == bytes(10000)

    def test_about_nobody(self, m: Bare) -> None:
        fd = m.socket()
        assert self.error(m, fd, 3, 3, 1) == -2
        assert m.k.init_net.mib_icmp.InErrors == 1
