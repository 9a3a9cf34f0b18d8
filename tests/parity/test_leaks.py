"""When the last reference goes, everything goes: structures, timers, ports, memory.

Only sockfs is asked here (the kernel's own slab counts are the machine's). Interpreted, fewer connections
are made.
"""

from __future__ import annotations

import struct

import sockfs
from sockfs.boot import do_exit
from sockfs.kernel import timers
from tests.parity.harness import Msg, SockfsSys, ip, un

CONNECTIONS = 10_000 if sockfs.compiled() else 1000
TIME_WAIT = 60.0


def census(s: SockfsSys) -> dict[str, object]:
    """Everything of which there is a number."""
    k = s.kernel
    net = k.init_net
    hashes = (net.tcp_hashinfo, net.udp_table)
    return {
        "slabs": {name: cache.active for name, cache in k.slabs.items() if cache.active},
        "timers": len(timers.pending(k)),
        "established": len(net.tcp_hashinfo.ehash),
        "listening": len(net.tcp_hashinfo.lhash2),
        "ports": sorted(net.tcp_hashinfo.bhash),
        "udp ports": sorted(net.udp_table.hash),
        "time-wait": net.tcp_hashinfo.tw_count,
        "orphans": net.tcp_hashinfo.orphan_count,
        "sockets": [h.sockets_allocated for h in hashes],
        "memory": [h.memory_allocated for h in hashes],
        "local names": (len(net.unix_abstract), len(net.unix_paths), len(net.unix_all)),
        "descriptors": [fd for fd, file in enumerate(s.task.files.fdt) if file is not None],
        "backlog": k.softnet.input_pkt_queue.qlen,
        "sleeping": len(k.sleeping),
    }


def machine() -> SockfsSys:
    s = SockfsSys()
    s.quiet = True
    return s


def one_connection(s: SockfsSys, ls: int, port: int, i: int) -> None:
    """Open, talk, close in one of several ways."""
    c = s.socket(2, 1)
    assert s.connect(c, ip("127.0.0.1", port)) == 0
    a = s.accept(ls)
    assert a >= 0
    s.send(c, b"x" * (1 + i % 5000))
    if i % 3:
        s.recv(a, 10_000)
    s.send(a, b"answer")
    way = i % 5
    if way == 0:
        s.setsockopt(c, 1, 13, struct.pack("=ii", 1, 0))
        s.close(c)
        s.close(a)
    elif way == 1:
        s.shutdown(c, 1)
        s.recv(a, 10_000)
        s.close(a)
        s.close(c)
    elif way == 2:
        s.close(a)
        s.close(c)
    elif way == 3:
        s.recv(c, 100)
        s.close(c)
        s.recv(a, 10_000)
        s.close(a)
    else:
        d = s.dup(c)
        s.close(c)
        s.close(a)
        s.close(d)


def test_connections_leave_nothing() -> None:
    s = machine()
    before = census(s)
    ls = s.listener(7900, backlog=64)
    listening = census(s)
    for i in range(CONNECTIONS):
        one_connection(s, ls, 7900, i)
    assert s.kernel.init_net.tcp_hashinfo.tw_count > 0
    s.pass_time(TIME_WAIT + 1)
    assert census(s) == listening
    s.close(ls)
    s.pass_time(1)
    assert census(s) == before


def test_connections_that_nobody_accepted_leave_nothing() -> None:
    s = machine()
    before = census(s)
    ls = s.listener(7901, backlog=8)
    clients = [s.socket(2, 1 | 0o4000) for _ in range(20)]
    for c in clients:
        s.connect(c, ip("127.0.0.1", 7901))
    s.close(ls)
    for c in clients:
        s.close(c)
    s.pass_time(400)
    assert census(s) == before


def test_refused_and_given_up_connections_leave_nothing() -> None:
    s = machine()
    before = census(s)
    for i in range(20):
        c = s.socket(2, 1 | 0o4000)
        s.connect(c, ip("127.0.0.1", 7902))
        if i % 2:
            s.connect(c, struct.pack("=H14x", 0))
        s.close(c)
    s.pass_time(5)
    assert census(s) == before


def test_unacknowledged_data_is_given_up_in_the_end() -> None:
    """The reader never reads and then goes: what the orphan holds is freed."""
    s = machine()
    before = census(s)
    ls, c, a = s.pair()
    s.nonblock(c)
    while s.send(c, bytes(65536)) > 0:
        pass
    s.close(c)
    s.pass_time(3)
    s.close(a)
    s.close(ls)
    s.pass_time(2000)
    assert census(s) == before


def test_datagrams_and_pipes_leave_nothing() -> None:
    s = machine()
    before = census(s)
    for i in range(100):
        u, v = s.socket(2, 2), s.socket(2, 2)
        s.bind(u, ip("127.0.0.1", 7910))
        s.connect(v, ip("127.0.0.1", 7910))
        s.send(v, bytes(i * 100))
        s.send(v, b"corked", 0x8000)
        if i % 2:
            s.recv(u, 100)
        s.connect(v, ip("127.0.0.1", 7911))
        s.send(v, b"refused")
        s.close(u)
        s.close(v)
        r, w = s.pipe2(0o4000)
        s.write(w, bytes(5000))
        ep = s.epoll_create1()
        s.epoll_ctl(ep, 1, r, 1)
        if i % 2:
            s.close(ep)
            s.close(r)
            s.close(w)
        else:
            s.close(r)
            s.close(w)
            s.close(ep)
        s.close(s.call("eventfd2", 1, 0))
    s.pass_time(60)
    assert census(s) == before


def test_local_sockets_and_their_messages_leave_nothing() -> None:
    s = machine()
    before = census(s)
    for type in (1, 2, 5):
        for i in range(30):
            a, b = s.socketpair(1, type | 0o4000)
            control = struct.pack("=Qiiii", 24, 1, 1, a, b)
            s.sendmsg(a, Msg([b"with descriptors"], None, control))
            s.send(b, b"unread")
            if i % 2:
                m = Msg([bytearray(20)], None, bytearray(64))
                s.recvmsg(b, m)
                if m.controllen >= 24:
                    for fd in struct.unpack_from("=ii", m.control or b"", 16):
                        s.close(fd)
            s.close(a)
            s.close(b)
        ls = s.socket(1, type)
        s.bind(ls, un(b"\0leak"))
        s.listen(ls, 5)
        c = s.socket(1, type | 0o4000)
        s.connect(c, un(b"\0leak"))
        s.send(c, b"never read")
        s.close(ls)
        s.close(c)
    s.pass_time(1)
    assert census(s) == before


def test_a_task_that_exits_leaves_nothing() -> None:
    s = machine()
    before = census(s)
    task = s.task
    s.task = s.kernel.task("other")
    for i in range(10):
        s.pair()
        s.socketpair(1, 1)
        u = s.socket(2, 2)
        s.bind(u, ip("127.0.0.1", 7920 + i))
    do_exit(s.task)
    s.task = task
    s.pass_time(400)
    assert census(s) == before
