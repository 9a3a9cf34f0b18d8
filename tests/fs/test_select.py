"""poll and select: masks, errors, time-outs, and that nothing is left on a wait queue."""

from __future__ import annotations

import struct

import pytest

import sockfs
from sockfs.fs import select
from sockfs.structs.call import ESLEEP, Call
from sockfs.uapi import poll as P
from tests.parity.harness import Parity, Sys


@pytest.mark.parity
def test_poll(parity: Parity) -> None:
    def body(s: Sys) -> None:
        a, b = s.socketpair(1, 1)
        r, w = s.pipe2()
        e = s.call("eventfd2", 0, 0)
        ep = s.epoll_create1()
        everything = [(fd, P.POLLIN | P.POLLOUT | P.POLLPRI) for fd in (a, b, r, w, e, ep, 99, -1)]
        s.poll(everything)
        s.send(a, b"x")
        s.write(w, b"x")
        s.write(e, struct.pack("=Q", 5))
        s.poll(everything)
        s.poll([(a, 0), (b, 0), (99, 0)])
        s.close(w)
        s.close(b)
        s.poll(everything)
        s.poll([(r, 0), (a, 0)])
        s.read(r, 5)
        s.poll([(r, P.POLLIN)], 50)
        s.poll([], 1)
        s.call("poll", None, 1, 0)
        s.call("poll", None, 0, 0)
        s.call("poll", bytearray(8), 1 << 31, 0)
        s.call("ppoll", None, 0, struct.pack("=qq", 0, 10**9), None, 8)
        s.call("ppoll", None, 0, struct.pack("=qq", -1, 0), None, 8)
        s.call("ppoll", None, 0, struct.pack("=qq", 0, 0), bytes(8), 4)

    parity(body)


@pytest.mark.parity
def test_select(parity: Parity) -> None:
    def body(s: Sys) -> None:
        a, b = s.socketpair(1, 1)
        r, w = s.pipe2()
        s.select(10, [a, b, r], [a, b, w], [a, b])
        s.send(a, b"x")
        s.write(w, b"x")
        s.select(10, [a, b, r], [a, b, w], [a, b])
        s.select(b, [a, b], [a, b])
        s.select(10, [a, 7])
        s.select(-1, [])
        s.close(w)
        s.close(b)
        s.select(10, [a, r], [a], [a])
        s.select(0, [], timeout=0.01)
        for sec, usec in ((-1, 0), (0, -1), (-1, 1000000), (0, 0)):
            s.call("select", 0, None, None, None, bytearray(struct.pack("=qq", sec, usec)))
        s.call("pselect6", 0, None, None, None, bytearray(struct.pack("=qq", 0, 10**9)), None)
        s.call("pselect6", 0, None, None, None, bytearray(16), struct.pack("=QQ", 0, 4))

    parity(body)


def machine() -> tuple[object, list[int]]:
    t = sockfs.Kernel().task()
    sv = bytearray(8)
    assert t.syscall("socketpair", 1, 1, 0, sv) == 0
    return t, list(struct.unpack("=ii", sv))


def test_poll_sleeps_wakes_and_leaves_nothing_behind() -> None:
    t, (a, b) = machine()
    wq = t.files.fdt[a].private_data.wq
    call = Call(t)
    revents: list[int] = []
    assert select.do_poll(t, [a], [P.POLLIN], revents, 10**9, call) == -ESLEEP
    assert wq.first is not None and t.files.fdt[a].f_count == 2
    waiter = select.WaitQueueEntry()
    select.wait.add_wait_queue(call.wq, waiter)
    t.syscall("write", b, b"x", 1)
    assert waiter.woken
    assert select.do_poll(t, [a], [P.POLLIN], revents, 10**9, call) == 1
    assert revents == [P.POLLIN]
    assert wq.first is None and t.files.fdt[a].f_count == 1


def test_a_wake_up_for_other_events_does_not_wake() -> None:
    t, (a, _) = machine()
    call = Call(t)
    assert select.do_poll(t, [a], [P.POLLPRI], [], 10**9, call) == -ESLEEP
    waiter = select.WaitQueueEntry()
    select.wait.add_wait_queue(call.wq, waiter)
    t.files.fdt[a].private_data.sk.sk_write_space.run(t.files.fdt[a].private_data.sk)
    assert not waiter.woken


@pytest.mark.parametrize(("why", "result"), [("expired", 0), ("signalled", -516)])
def test_poll_ends_without_an_event(why: str, result: int) -> None:
    t, (a, _) = machine()
    call = Call(t)
    assert select.do_poll(t, [a], [P.POLLIN], [], 10**9, call) == -ESLEEP
    setattr(call, why, True)
    assert select.do_poll(t, [a], [P.POLLIN], [], 10**9, call) == result
    assert t.files.fdt[a].private_data.wq.first is None


def test_select_keeps_the_order_given() -> None:
    t, (a, b) = machine()
    t.syscall("write", a, b"x", 1)
    t.syscall("write", b, b"x", 1)
    r: list[int] = []
    w: list[int] = []
    assert select.do_select(t, [b, a, b], [a], [], r, w, [], 0, Call(t)) == 4
    assert (r, w) == ([b, a, b], [a])
    assert select.do_select(t, [77], [], [], r, w, [], 0, Call(t)) == -9
