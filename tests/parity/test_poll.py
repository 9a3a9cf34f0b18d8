"""poll, select and epoll over every kind of file."""

from __future__ import annotations

import itertools

from tests.parity.harness import POLLIN, POLLOUT, Parity, Sys, ip, un

LO = "127.0.0.1"
ET, ONESHOT, EXCLUSIVE, WAKEUP = 1 << 31, 1 << 30, 1 << 28, 1 << 29
ADD, DEL, MOD = 1, 2, 3


def test_which_bits_are_asked_for(parity: Parity) -> None:
    def body(s: Sys) -> None:
        ls, c, a = s.pair()
        u = s.socket(2, 2)
        x, y = s.socketpair(1, 1)
        r, w = s.pipe2()
        s.send(c, b"x")
        s.send(x, b"x")
        s.write(w, b"x")
        s.until(a, POLLIN)
        for fd in (ls, c, a, u, x, y, r, w, 99, -1, -5):
            for bit in range(16):
                s.poll([(fd, 1 << bit)])
            s.poll([(fd, 0)])
        s.poll([(a, 1), (a, 4), (-1, 1), (99, 1), (r, 5)])
        s.poll([])
        s.poll([], 10)

    parity(body)


def test_pipes(parity: Parity) -> None:
    def body(s: Sys) -> None:
        r, w = s.pipe2(0o4000)
        s.mask(r)
        s.mask(w)
        s.read(r, 5)
        s.write(w, b"hello")
        s.mask(r)
        s.ioctl(r, 0x541B)
        s.read(r, 3)
        s.write(r, b"x")
        s.read(w, 1)
        s.quiet = True
        total = 0
        while (n := s.write(w, bytes(4096))) > 0:
            total += n
        s.quiet = False
        s.note("total", total, n)
        s.mask(w)
        s.write(w, b"x")
        s.write(w, bytes(5000))
        s.read(r, 4096)
        s.mask(w)
        s.close(w)
        s.mask(r)
        s.quiet = True
        while s.read(r, 65536):
            pass
        s.quiet = False
        s.mask(r)
        s.read(r, 1)
        r, w = s.pipe2()
        s.close(r)
        s.mask(w)
        s.write(w, b"x")
        s.fcntl(w, 1032)
        s.fcntl(w, 1031, 1 << 16)
        r, w = s.pipe2()
        s.read(r, 1)
        s.lines.append(str(s.call("read", r, bytearray(0), 0)))

    parity(body)


def test_select(parity: Parity) -> None:
    def body(s: Sys) -> None:
        ls, c, a = s.pair()
        s.select(10, [c, a, ls], [c, a, ls], [c, a, ls])
        s.send(c, b"x")
        s.until(a, POLLIN)
        s.select(10, [c, a, ls], [c, a], [a])
        s.select(a, [c, a, ls], [c, a], [a])
        s.select(0, [a])
        s.select(10, [30])
        s.select(40, [30])
        s.select(-1, [a])
        s.select(1000, [999])
        s.select(10, [ls], timeout=0.02)
        s.send(c, b"!", 1)
        s.until(a, 2)
        s.select(10, [a], [], [a])
        s.close(c)
        s.until(a, 0x2000)
        s.select(10, [a], [a], [a])
        s.select(10, [ls], timeout=None)

    parity(body)


def test_level_edge_oneshot(parity: Parity) -> None:
    def body(s: Sys) -> None:
        for mode in (0, ET, ONESHOT, ET | ONESHOT):
            a, b = s.socketpair(1, 1 | 0o4000)
            ep = s.epoll_create1()
            s.epoll_ctl(ep, ADD, b, POLLIN | POLLOUT | mode)
            s.epoll_wait(ep)
            s.epoll_wait(ep)
            s.send(a, b"one")
            s.epoll_wait(ep)
            s.epoll_wait(ep)
            s.send(a, b"two")
            s.epoll_wait(ep)
            s.recv(b, 1)
            s.epoll_wait(ep)
            s.recv(b, 100)
            s.epoll_wait(ep)
            s.epoll_ctl(ep, MOD, b, POLLIN | mode)
            s.epoll_wait(ep)
            s.send(a, b"three")
            s.epoll_wait(ep)
            s.epoll_ctl(ep, MOD, b, POLLIN | mode)
            s.epoll_wait(ep)
            s.epoll_ctl(ep, MOD, b, mode)
            s.epoll_wait(ep)
            s.close(a)
            s.epoll_wait(ep)
            s.epoll_wait(ep)
            s.mask(ep)
            s.close(b)
            s.epoll_wait(ep)
            s.close(ep)

    parity(body)


def test_epoll_of_tcp(parity: Parity) -> None:
    def body(s: Sys) -> None:
        ep = s.epoll_create1()
        ls = s.listener()
        s.epoll_ctl(ep, ADD, ls, POLLIN | ET)
        c = s.socket(2, 1 | 0o4000)
        s.epoll_ctl(ep, ADD, c, POLLIN | POLLOUT | 0x2000 | ET)
        s.epoll_wait(ep)
        s.connect(c, ip(LO, s.port(ls)))
        s.until(c, POLLOUT)
        s.epoll_wait(ep)
        s.epoll_wait(ep)
        a = s.accept(ls)
        s.epoll_ctl(ep, ADD, a, POLLIN | POLLOUT | ET)
        s.epoll_wait(ep)
        s.send(c, b"x")
        s.until(a, POLLIN)
        s.epoll_wait(ep)
        s.send(c, b"y")
        s.epoll_wait(ep)
        s.recv(a, 10)
        s.epoll_wait(ep)
        s.shutdown(a, 1)
        s.until(c, 0x2000)
        s.epoll_wait(ep, sort=True)
        s.close(a)
        s.epoll_wait(ep)
        s.shutdown(c, 1)
        s.epoll_wait(ep)
        s.epoll_ctl(ep, DEL, c)
        s.epoll_wait(ep)

    parity(body)


def test_epoll_ctl_errors(parity: Parity) -> None:
    def body(s: Sys) -> None:
        ep, other = s.epoll_create1(), s.epoll_create1(0o2000000)
        s.fcntl(other, 1)
        u = s.socket(2, 2)
        s.epoll_ctl(ep, ADD, u, POLLIN)
        s.epoll_ctl(ep, ADD, u, POLLIN)
        s.epoll_ctl(ep, MOD, u, POLLOUT)
        s.epoll_ctl(ep, DEL, u, None)
        s.epoll_ctl(ep, DEL, u)
        s.epoll_ctl(ep, MOD, u)
        s.epoll_ctl(ep, 0, u)
        s.epoll_ctl(ep, 4, u)
        s.epoll_ctl(ep, ADD, ep, POLLIN)
        s.epoll_ctl(u, ADD, ep, POLLIN)
        s.epoll_ctl(ep, ADD, other, POLLIN)
        s.epoll_ctl(other, ADD, ep, POLLIN)
        s.epoll_ctl(ep, ADD, u, POLLIN | EXCLUSIVE)
        s.epoll_ctl(ep, MOD, u, POLLIN)
        s.epoll_ctl(ep, DEL, u)
        s.epoll_ctl(ep, ADD, u, POLLIN | EXCLUSIVE | ONESHOT)
        s.epoll_ctl(ep, ADD, u, POLLIN | EXCLUSIVE | ET | WAKEUP)
        s.epoll_ctl(ep, ADD, u, 0)
        s.epoll_ctl(ep, DEL, u)
        d = s.dup(u)
        s.epoll_ctl(ep, ADD, u, POLLOUT)
        s.epoll_ctl(ep, ADD, d, POLLOUT)
        s.epoll_wait(ep)
        s.close(u)
        s.epoll_wait(ep)
        s.epoll_ctl(ep, DEL, u)
        s.close(d)
        s.epoll_wait(ep)
        chain = [s.epoll_create1() for _ in range(7)]
        for inner, outer in itertools.pairwise(chain):
            s.epoll_ctl(outer, ADD, inner, POLLIN)

    parity(body)


def test_epoll_waits(parity: Parity) -> None:
    def body(s: Sys) -> None:
        ep = s.epoll_create1()
        s.epoll_wait(ep, 1, 20)
        s.epoll_wait(ep, 1, -1)
        fds = [s.socket(2, 2) for _ in range(5)]
        for fd in fds:
            s.epoll_ctl(ep, ADD, fd, POLLOUT)
        for _ in range(4):  # as many as fit, the others first the next time
            s.epoll_wait(ep, 2)
        outer = s.epoll_create1()
        s.epoll_ctl(outer, ADD, ep, POLLIN)
        s.epoll_wait(outer)
        s.mask(ep)
        s.mask(outer)
        for fd in fds:
            s.close(fd)
        s.epoll_wait(outer)
        s.mask(ep)
        ev = s.call("eventfd2", 0, 0o4000)
        s.epoll_ctl(ep, ADD, ev, POLLIN | POLLOUT | ET)
        s.epoll_wait(ep)
        s.write(ev, (1).to_bytes(8, "little"))
        s.epoll_wait(ep)
        s.write(ev, (2**64 - 2).to_bytes(8, "little"))
        s.mask(ev)
        s.read(ev, 8)
        s.read(ev, 8)
        s.write(ev, (2**64 - 1).to_bytes(8, "little"))
        s.write(ev, b"1234")
        s.read(ev, 4)
        sem = s.call("eventfd2", 3, 0o4001)
        s.read(sem, 8)
        s.read(sem, 9)
        s.mask(sem)

    parity(body)


def test_masks_of_unix_listeners(parity: Parity) -> None:
    def body(s: Sys) -> None:
        for type in (1, 2, 5):
            fd = s.socket(1, type)
            s.mask(fd)
            s.bind(fd, un(b"\0poll%d" % type))
            s.mask(fd)
            s.listen(fd, 1)
            s.mask(fd)
            s.shutdown(fd, 2)
            s.mask(fd)

    parity(body)
