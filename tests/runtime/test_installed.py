"""A kernel under this very process: threads, time-outs, signals, mixed waits; and everything back in its
place afterwards."""

from __future__ import annotations

import os
import select
import selectors
import signal
import socket
import ssl
import sys
import threading
import time
from collections.abc import Iterator

import pytest

import sockfs
from sockfs.boot import Kernel


@pytest.fixture
def k() -> Iterator[Kernel]:
    with sockfs.installed(seed=1) as kernel:
        yield kernel


def pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as s:
        c = socket.create_connection(s.getsockname())
        return c, s.accept()[0]


def test_everything_is_put_back() -> None:
    names = ("_socket", "select", "socket", "selectors", "ssl", "os", "fcntl", "signal")
    before = {n: (sys.modules[n], dict(vars(sys.modules[n]))) for n in names if n in sys.modules}
    handler = signal.getsignal(signal.SIGINT)
    threads = threading.active_count()
    with sockfs.installed():
        assert sys.modules["_socket"] is not before["_socket"][0]
        assert select.epoll is not before["select"][1]["epoll"] or sys.modules["select"] is not select
        a, b = socket.socketpair()
        a.send(b"x")
        assert b.recv(1) == b"x"
        a.close()
        b.close()
    for name, (module, names_then) in before.items():
        assert sys.modules[name] is module
        now = vars(module)
        assert {n for n in names_then if now.get(n) is not names_then[n] and n != "__builtins__"} == set()
    assert signal.getsignal(signal.SIGINT) is handler
    assert threading.active_count() == threads
    with socket.socket() as s:
        assert type(s).__mro__[1].__module__ == "_socket"


def test_two_at_once_are_refused(k: Kernel) -> None:
    with pytest.raises(RuntimeError, match="installed in this process already"), sockfs.installed():
        pass


def test_a_thread_that_waits_is_woken(k: Kernel) -> None:
    c, a = pair()
    got: list[bytes] = []
    t = threading.Thread(target=lambda: got.append(a.recv(10)))
    t.start()
    c.send(b"now")
    t.join(20)
    assert got == [b"now"]
    c.close()
    a.close()


def test_time_outs(k: Kernel) -> None:
    c, a = pair()
    a.settimeout(0.01)
    with pytest.raises(TimeoutError, match="timed out"):
        a.recv(1)
    a.settimeout(0)
    with pytest.raises(BlockingIOError):
        a.recv(1)
    a.settimeout(None)
    a.setsockopt(
        socket.SOL_SOCKET, socket.SO_RCVTIMEO, (0).to_bytes(8, "little") + (10000).to_bytes(8, "little")
    )
    with pytest.raises(BlockingIOError):
        a.recv(1)
    with socket.create_server(("127.0.0.1", 0)) as s:
        s.settimeout(0.01)
        with pytest.raises(TimeoutError):
            s.accept()
    c.close()
    a.close()


def test_a_signal_interrupts_and_a_call_goes_on(k: Kernel) -> None:
    class Stop(Exception):
        pass

    def stop(signum: int, frame: object) -> None:
        raise Stop

    c, a = pair()
    before = signal.signal(signal.SIGALRM, stop)
    assert signal.getsignal(signal.SIGALRM) is stop
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        with pytest.raises(Stop):
            a.recv(1)
        signal.signal(signal.SIGALRM, lambda *_: c.send(b"y") and None)
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        assert a.recv(1) == b"y"  # PEP 475
    finally:
        signal.signal(signal.SIGALRM, before)
    assert k.slabs["TCP"].active >= 2
    c.close()
    a.close()


@pytest.mark.parametrize("kind", ["SelectSelector", "PollSelector", "EpollSelector"])
def test_sockets_and_the_hosts_files_in_one_wait(k: Kernel, kind: str) -> None:
    c, a = pair()
    r, w = os.pipe()
    with getattr(selectors, kind)() as sel:
        sel.register(a, selectors.EVENT_READ, "socket")
        sel.register(r, selectors.EVENT_READ, "pipe")
        assert sel.select(0) == []
        assert sel.select(0.01) == []
        for write, name in ((lambda: os.write(w, b"1"), "pipe"), (lambda: c.send(b"1"), "socket")):
            t = threading.Timer(0.01, write)
            t.start()
            assert [key.data for key, _ in sel.select(20)] == [name]
            t.join()
            os.read(r if name == "pipe" else a.fileno(), 1)
        os.write(w, b"1")
        c.send(b"1")
        assert {key.data for key, _ in sel.select(20)} == {"pipe", "socket"}
    os.close(r)
    os.close(w)
    c.close()
    a.close()


def test_numbers_never_clash_with_the_hosts(k: Kernel) -> None:
    r, w = os.pipe()
    s = socket.socket()
    r2, w2 = os.pipe()
    assert len({r, w, s.fileno(), r2, w2}) == 5
    os.close(s.fileno())
    with pytest.raises(OSError) as e:
        s.getsockname()
    assert e.value.errno == 9
    r3, w3 = os.pipe()
    with pytest.raises(OSError):
        s.getsockname()
    s.detach()
    for fd in (r, w, r2, w2, r3, w3):
        os.close(fd)


def test_a_file_object_over_a_detached_socket_closes_it(k: Kernel) -> None:
    c, a = pair()
    with open(a.detach(), "rb", buffering=0):
        pass
    r, w = os.pipe()  # takes the number
    os.write(w, b"p")
    assert os.read(r, 1) == b"p"
    os.close(r)
    os.close(w)
    c.close()


def test_an_idle_program_uses_no_cpu(k: Kernel) -> None:
    c, a = pair()
    c.send(b"x")
    a.recv(1)
    a.settimeout(0.3)
    start = time.process_time()
    with pytest.raises(TimeoutError):
        a.recv(1)
    assert time.process_time() - start < 0.1
    c.close()
    a.close()


def test_a_finaliser_in_the_middle_of_a_call_waits(k: Kernel) -> None:
    from sockfs.libc import calls, loop

    w = loop.waiter_of(loop.this_task())
    s = socket.socket()
    fd = s.detach()
    w.enter()
    calls.close_late(w, loop.this_task(), fd)
    assert calls.ours(loop.this_task(), fd)
    with pytest.raises(OSError, match="inside the kernel"):
        w.enter()
    w.leave()
    assert not calls.ours(loop.this_task(), fd)


def test_descriptors_pass_through_a_socket(k: Kernel) -> None:
    a, b = socket.socketpair()
    r, w = os.pipe()
    c, d = pair()
    socket.send_fds(a, [b"m"], [w, c.fileno()])
    _, fds, _, _ = socket.recv_fds(b, 10, 5)
    assert len(fds) == 2
    os.write(fds[0], b"through the pipe")
    assert os.read(r, 100) == b"through the pipe"
    os.write(fds[1], b"through the socket")
    assert d.recv(100) == b"through the socket"
    for fd in (*fds, r, w):
        os.close(fd)
    for s in (a, b, c, d):
        s.close()


def test_paths_stand_in_the_file_system(k: Kernel, tmp_path: object) -> None:
    path = f"{tmp_path}/s"
    with socket.socket(socket.AF_UNIX) as s, socket.socket(socket.AF_UNIX) as c:
        s.bind(path)
        assert os.stat(path).st_mode & 0o170000 == 0o140000
        s.listen()
        c.connect(path)
        with socket.socket(socket.AF_UNIX) as other, pytest.raises(OSError) as e:
            other.bind(path)
        assert e.value.errno == 98
        os.unlink(path)
        with socket.socket(socket.AF_UNIX) as other, pytest.raises(FileNotFoundError):
            other.connect(path)


def test_ssl_is_on_our_sockets(k: Kernel) -> None:
    assert "_wrap_socket" in vars(ssl.SSLContext.__mro__[1])


def test_a_failed_call_lets_go_of_the_programs_buffer(k: Kernel) -> None:
    c, a = pair()
    a.setblocking(False)
    data = bytearray(10)
    for call in (lambda: a.recv_into(data), lambda: a.recvmsg_into([data]), lambda: a.recvfrom_into(data)):
        with pytest.raises(BlockingIOError):
            call()
        data.append(0)  # BufferError while a view of it is alive
    a.close()
    with pytest.raises(OSError) as kept:
        a.send(data)
    data.clear()
    assert kept.value.errno == 9
    c.close()
