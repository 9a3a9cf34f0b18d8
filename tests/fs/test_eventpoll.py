"""epoll: rules of registration, levels and edges, nesting, and what it costs."""

from __future__ import annotations

import struct

import pytest

import sockfs
from sockfs.fs import eventpoll, read_write
from sockfs.fs import file as fs_file
from sockfs.structs.call import ESLEEP, Call
from sockfs.structs.msghdr import IovIter, Msghdr
from sockfs.uapi import poll as P
from tests.parity.harness import Parity, Sys

ADD, DEL, MOD = 1, 2, 3
IN, OUT, ET, ONESHOT, EXCL = P.EPOLLIN, P.EPOLLOUT, P.EPOLLET, P.EPOLLONESHOT, P.EPOLLEXCLUSIVE


@pytest.mark.parity
def test_errors(parity: Parity) -> None:
    def body(s: Sys) -> None:
        for size in (0, -1, 1):
            s.call("epoll_create", size)
        for flags in (1, 0o4000):
            s.epoll_create1(flags)
        ep = s.epoll_create1(P.EPOLL_CLOEXEC)
        a, b = s.socketpair(1, 1)
        s.epoll_ctl(99, ADD, a, IN)
        s.epoll_ctl(ep, ADD, 99, IN)
        s.epoll_ctl(ep, ADD, ep, IN)
        s.epoll_ctl(a, ADD, b, IN)
        s.epoll_ctl(a, ADD, a, IN)
        s.epoll_ctl(ep, 9, a, IN)
        s.epoll_ctl(ep, 9, a, None)
        s.epoll_ctl(ep, 9, 99, IN)
        s.epoll_ctl(ep, DEL, a, IN)
        s.epoll_ctl(ep, MOD, a, IN)
        s.epoll_ctl(ep, ADD, a, None)
        s.epoll_ctl(ep, DEL, 99, None)
        s.epoll_ctl(ep, ADD, a, IN)
        s.epoll_ctl(ep, ADD, a, IN)
        s.epoll_ctl(ep, MOD, a, IN | EXCL)
        s.epoll_ctl(ep, ADD, a, IN | EXCL)
        s.epoll_ctl(ep, ADD, b, IN | EXCL | ONESHOT)
        s.epoll_ctl(ep, ADD, b, IN | EXCL | P.EPOLLPRI)
        s.epoll_ctl(ep, ADD, b, IN | EXCL | ET | P.EPOLLWAKEUP)
        s.epoll_ctl(ep, MOD, b, IN)
        s.epoll_ctl(ep, DEL, b, None)
        for n in (0, -1, 178956971, 178956970):
            s.epoll_wait(ep, n)
        s.epoll_wait(99, 1)
        s.epoll_wait(99, 0)
        s.epoll_wait(a, 1)
        s.epoll_wait(a, 0)
        buf = bytearray(12)
        for sec, nsec in ((0, 10**9), (-1, 0), (0, 0)):
            s.call("epoll_pwait2", ep, buf, 1, struct.pack("=qq", sec, nsec), None, 8)
        s.call("epoll_pwait", ep, buf, 1, 0, bytes(8), 4)
        s.call("epoll_pwait", ep, buf, 1, 0, None, 4)

    parity(body)


@pytest.mark.parity
@pytest.mark.parametrize("mode", [0, ET, ONESHOT, ET | ONESHOT])
def test_level_edge_oneshot(parity: Parity, mode: int) -> None:
    def body(s: Sys) -> None:
        ep = s.epoll_create1()
        a, b = s.socketpair(1, 1)
        s.epoll_ctl(ep, ADD, a, IN | P.EPOLLRDHUP | mode, 77)
        s.epoll_wait(ep)
        s.send(b, b"one")
        s.epoll_wait(ep)
        s.epoll_wait(ep)
        s.send(b, b"two")
        s.epoll_wait(ep)
        s.recv(a, 2)
        s.epoll_wait(ep)
        s.epoll_ctl(ep, MOD, a, IN | OUT | mode)
        s.epoll_wait(ep)
        s.epoll_wait(ep)
        s.recv(a, 99)
        s.epoll_wait(ep)
        s.close(b)
        s.epoll_wait(ep)
        s.epoll_wait(ep)
        s.close(a)
        s.epoll_wait(ep)

    parity(body)


@pytest.mark.parity
def test_fair_order(parity: Parity) -> None:
    def body(s: Sys) -> None:
        ep = s.epoll_create1()
        pairs = [s.socketpair(1, 1) for _ in range(5)]
        for a, _ in pairs:
            s.epoll_ctl(ep, ADD, a, IN)
        for _, b in (pairs[3], pairs[1], pairs[4], pairs[0], pairs[2]):
            s.send(b, b"x")
        for _ in range(5):
            s.epoll_wait(ep, 2)
        s.recv(pairs[4][0], 1)
        for _ in range(3):
            s.epoll_wait(ep, 3)

    parity(body)


@pytest.mark.parity
def test_item_lives_as_long_as_the_file(parity: Parity) -> None:
    def body(s: Sys) -> None:
        ep = s.epoll_create1()
        a, b = s.socketpair(1, 1)
        c = s.dup(a)
        s.epoll_ctl(ep, ADD, a, IN, 1)
        s.epoll_ctl(ep, ADD, c, IN, 2)
        s.send(b, b"x")
        s.epoll_wait(ep)
        s.close(a)
        s.epoll_wait(ep)
        s.epoll_ctl(ep, DEL, a)
        new, _ = s.socketpair(1, 1)
        s.epoll_ctl(ep, DEL, new)
        s.epoll_ctl(ep, ADD, new, OUT, 3)
        s.epoll_wait(ep)
        s.close(c)
        s.epoll_wait(ep)
        s.dup2(b, new)
        s.epoll_wait(ep)

    parity(body)


@pytest.mark.parity
def test_nesting(parity: Parity) -> None:
    def body(s: Sys) -> None:
        eps = [s.epoll_create1() for _ in range(8)]
        for i in range(7):
            s.epoll_ctl(eps[i], ADD, eps[i + 1], IN)
        s.epoll_ctl(eps[1], ADD, eps[0], IN)
        s.epoll_ctl(eps[2], ADD, eps[0], IN | EXCL)
        up = [s.epoll_create1() for _ in range(8)]
        for i in range(7):
            s.epoll_ctl(up[i + 1], ADD, up[i], IN)
        a, b = s.socketpair(1, 1)
        s.epoll_ctl(up[0], ADD, a, IN | ET)
        s.mask(up[1])
        s.send(b, b"x")
        s.mask(up[0])
        s.mask(up[1])
        s.mask(up[3])
        s.epoll_wait(up[3])
        s.epoll_wait(up[0])
        s.epoll_wait(up[3])
        s.mask(up[1])

    parity(body)


def test_a_sleeping_wait_wakes_with_the_event() -> None:
    t = sockfs.Kernel().task()
    sv = bytearray(8)
    t.syscall("socketpair", 1, 1, 0, sv)
    ep = fs_file.fdget(t, t.syscall("epoll_create1", 0), None).private_data
    assert eventpoll.do_epoll_ctl(t, 5, ADD, 3, IN, -5) == 0
    call = Call(t)
    out: list[tuple[int, int]] = []
    assert eventpoll.ep_poll(ep, call, 8, 10**9, out) == -ESLEEP
    assert call.wq is ep.wq and call.exclusive and call.deadline == t.kernel.now + 10**9
    t.syscall("write", 4, b"x", 1)
    assert eventpoll.ep_poll(ep, call, 8, 10**9, out) == 1
    assert out == [(-5, IN)]
    out.clear()
    t.syscall("read", 3, bytearray(1), 1)
    call = Call(t)
    assert eventpoll.ep_poll(ep, call, 8, 10**9, out) == -ESLEEP
    call.expired = True
    assert eventpoll.ep_poll(ep, call, 8, 10**9, out) == 0
    call.expired, call.signalled = False, True
    assert eventpoll.ep_poll(ep, call, 8, 10**9, out) == -4


def test_exclusive_wakes_one_epoll() -> None:
    t = sockfs.Kernel().task()
    t.syscall("socketpair", 1, 2, 0, bytearray(8))
    eps = []
    for _ in range(3):
        fd = t.syscall("epoll_create1", 0)
        assert eventpoll.do_epoll_ctl(t, fd, ADD, 3, IN | EXCL, fd) == 0
        ep = fs_file.fdget(t, fd, None).private_data
        eps.append(ep)
        call = Call(t)
        assert eventpoll.ep_poll(ep, call, 1, 10**9, []) == -ESLEEP
        waiter = eventpoll.WaitQueueEntry()
        eventpoll.wait.add_wait_queue_exclusive(ep.wq, waiter)
    t.syscall("write", 4, b"x", 1)
    assert [ep.rdl_first is not None for ep in eps] == [True, False, False]


def test_ready_costs_what_is_ready() -> None:
    """Registered items that are idle are never asked."""
    k = sockfs.Kernel()
    t = k.task()
    epfd = t.syscall("epoll_create1", 0)
    ep = fs_file.fdget(t, epfd, None).private_data
    fds = []
    for _ in range(500):
        sv = bytearray(8)
        t.syscall("socketpair", 1, 1, 0, sv)
        fds.append(struct.unpack("=ii", sv))
        assert eventpoll.do_epoll_ctl(t, epfd, ADD, fds[-1][0], IN, fds[-1][0]) == 0
    assert ep.nitems == 500 and k.slabs["eventpoll_epi"].active == 500
    asked = []
    for a, _ in fds:
        t.files.fdt[a].f_op = Counting(t.files.fdt[a].f_op, asked)
    t.syscall("write", fds[7][1], b"x", 1)
    out: list[tuple[int, int]] = []
    assert eventpoll.ep_poll(ep, Call(t), 64, 0, out) == 1
    assert out == [(fds[7][0], IN)] and len(asked) == 1
    assert t.syscall("close", epfd) == 0
    assert k.slabs["eventpoll_epi"].active == 0
    assert all(t.files.fdt[a].private_data.wq.first is None for a, _ in fds)


class Counting(eventpoll.FileOperations):
    def __init__(self, inner, asked: list[int]) -> None:
        super().__init__("counting")
        self.inner = inner
        self.asked = asked

    def poll(self, file, pt):
        self.asked.append(1)
        return self.inner.poll(file, pt)

    def release(self, file, call):
        return self.inner.release(file, call)


def test_close_while_another_call_sleeps_in_it() -> None:
    t = sockfs.Kernel().task()
    t.syscall("socketpair", 1, 1, 0, bytearray(8))
    msg = Msghdr(t, IovIter(None, None, 10))
    assert read_write.ksys_read(t, 3, msg) == -ESLEEP
    assert t.syscall("close", 3) == 0
    assert t.kernel.filp_cache.active == 5  # the sleeping call holds it
    assert t.syscall("write", 4, b"x", 1) == 1
    assert read_write.ksys_read(t, 3, msg) == 1
    assert t.kernel.filp_cache.active == 4
