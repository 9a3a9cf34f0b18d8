"""Plain Python: the standard library on the kernel, and the same body under `sockfs.installed()`."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import io
import os
import select
import selectors
import socket
import threading
from collections.abc import Callable
from typing import Any

from tests.parity.harness import Observer, Parity


def attempt(log: Observer, what: str, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call it and observe what it answers, or the exception with its errno and its words."""
    try:
        r = call(*args, **kwargs)
    except Exception as e:
        number = getattr(e, "errno", None)
        log.note(what, type(e).__name__, errno.errorcode.get(number, number) if number else "", str(e))
        return None
    log.note(what, repr(r) if not isinstance(r, socket.socket | io.IOBase) else type(r).__name__)
    return r


def connection() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as ls:
        c = socket.create_connection(ls.getsockname())
        a, _ = ls.accept()
    return c, a


def test_errors_and_their_words(parity: Parity) -> None:
    def body(log: Observer) -> None:
        s = socket.socket()
        attempt(log, "repr", lambda: (s.family, s.type, s.proto, s.timeout, s.getblocking()))
        attempt(log, "recv", s.recv, 5)
        attempt(log, "send", s.send, b"x")
        attempt(log, "getpeername", s.getpeername)
        attempt(log, "accept", s.accept)
        attempt(log, "connect", s.connect, ("127.0.0.1", 7950))
        attempt(log, "connect_ex", s.connect_ex, ("127.0.0.1", 7950))
        attempt(log, "bind", s.bind, ("192.0.2.1", 0))
        attempt(log, "bind", s.bind, ("127.0.0.1", 70000))
        attempt(log, "bind", s.bind, ("127.0.0.1",))
        attempt(log, "bind", s.bind, "127.0.0.1")
        attempt(log, "setsockopt", s.setsockopt, socket.SOL_SOCKET, 999, 1)
        attempt(log, "getsockopt", s.getsockopt, socket.SOL_SOCKET, socket.SO_RCVBUF)
        attempt(log, "getsockopt", s.getsockopt, socket.SOL_SOCKET, socket.SO_LINGER, 8)
        attempt(log, "getsockopt", s.getsockopt, socket.SOL_SOCKET, socket.SO_LINGER, 5000)
        attempt(log, "shutdown", s.shutdown, 7)
        attempt(log, "listen", s.listen)
        attempt(log, "sendto", s.sendto, b"x", ("127.0.0.1", 7950))
        attempt(log, "sendto", s.sendto, b"x")
        s.close()
        attempt(log, "closed", s.recv, 1)
        attempt(log, "fileno", s.fileno)
        attempt(log, "family", socket.socket, 99)
        attempt(log, "type", socket.socket, socket.AF_INET, 99)
        attempt(log, "proto", socket.socket, socket.AF_INET, socket.SOCK_STREAM, 17)
        attempt(log, "inet_aton", socket.inet_aton, "1.2.3")
        attempt(log, "inet_pton", socket.inet_pton, socket.AF_INET, "1.2.3")

    parity.py(body)


def test_time_outs(parity: Parity) -> None:
    def body(log: Observer) -> None:
        c, a = connection()
        with c, a:
            c.settimeout(0.02)
            attempt(log, "recv", c.recv, 1)
            attempt(log, "gettimeout", c.gettimeout)
            c.settimeout(0)
            attempt(log, "recv", c.recv, 1)
            attempt(log, "blocking", c.getblocking)
            c.setblocking(True)
            a.sendall(b"data")
            attempt(log, "recv", c.recv, 10)
            c.settimeout(0.02)
            attempt(log, "sendall", c.sendall, bytes(50_000_000))
        with socket.create_server(("127.0.0.1", 0)) as ls:
            ls.settimeout(0.02)
            attempt(log, "accept", ls.accept)

    parity.py(body)


def test_streams_and_buffers(parity: Parity) -> None:
    def body(log: Observer) -> None:
        c, a = connection()
        with c, a, c.makefile("rwb") as f, a.makefile("r", encoding="utf-8", newline="\n") as g:
            f.write(b"first line\nsecond")
            f.flush()
            attempt(log, "readline", g.readline)
            f.write(b" line\n")
            f.flush()
            attempt(log, "readline", g.readline)
            buf = bytearray(10)
            a.sendall(b"into a buffer")
            attempt(log, "recv_into", c.recv_into, buf, 4)
            attempt(log, "recv_into", c.recv_into, memoryview(buf)[4:])
            log.note(bytes(buf))
            attempt(log, "recvfrom", c.recvfrom, 100)
            attempt(log, "sendmsg", a.sendmsg, [b"a", b"", bytearray(b"bc")])
            attempt(log, "recvmsg", c.recvmsg, 100, 100)
            attempt(log, "recvmsg_into", c.recvmsg_into, [bytearray(1)], 0, socket.MSG_DONTWAIT)
            c.shutdown(socket.SHUT_WR)
            attempt(log, "end", g.readline)

    parity.py(body)


def test_descriptors(parity: Parity) -> None:
    def body(log: Observer) -> None:
        a, b = socket.socketpair()
        with a, b:
            attempt(log, "write", os.write, a.fileno(), b"through os")
            attempt(log, "read", os.read, b.fileno(), 100)
            attempt(log, "inheritable", a.get_inheritable)
            attempt(log, "blocking", os.get_blocking, a.fileno())
            os.set_blocking(a.fileno(), False)
            attempt(log, "read", os.read, a.fileno(), 1)
            d = a.dup()
            attempt(log, "send", d.send, b"dup")
            attempt(log, "recv", b.recv, 10)
            fd = d.detach()
            attempt(log, "detached", d.fileno)
            attempt(log, "close", os.close, fd)
            attempt(log, "close", os.close, fd)
            e = socket.socket(fileno=os.dup(b.fileno()))
            attempt(log, "from fileno", lambda: (e.family, e.type, e.proto))
            e.close()
            attempt(log, "getsockname", a.getsockname)

    parity.py(body)


def test_select_poll_epoll(parity: Parity) -> None:
    def body(log: Observer) -> None:
        a, b = socket.socketpair()
        r, w = os.pipe()
        with a, b:
            names = {a: "a", b: "b", r: "r", w: "w"}

            def seen() -> list[list[str]]:
                return [[names[x] for x in ready] for ready in select.select([a, b, r], [a, b, w], [a], 0)]

            log.note(seen())
            a.send(b"x")
            os.write(w, b"y")
            log.note(seen())
            p = select.poll()
            p.register(b)
            p.register(r, select.POLLIN)
            log.note(sorted((fd == r, mask) for fd, mask in p.poll(0)))
            with select.epoll() as ep:
                ep.register(b, select.EPOLLIN | select.EPOLLET)
                ep.register(r, select.EPOLLIN | select.EPOLLONESHOT)
                log.note(sorted((fd == r, mask) for fd, mask in ep.poll(0)))
                log.note(ep.poll(0))
                attempt(log, "register", ep.register, b)
                attempt(log, "unregister", ep.unregister, a)
            with selectors.DefaultSelector() as sel:
                sel.register(b, selectors.EVENT_READ, "b")
                log.note([(key.data, mask) for key, mask in sel.select(0)])
            attempt(log, "select", select.select, [-1], [], [], 0)
            log.note(select.select([], [], [], 0.01))
        os.close(r)
        os.close(w)

    parity.py(body)


def test_threads(parity: Parity) -> None:
    """An echo server in threads, blocking calls on both sides."""

    def body(log: Observer) -> None:
        ls = socket.create_server(("127.0.0.1", 0), backlog=16)

        def serve(n: int) -> None:
            for _ in range(n):
                conn, _ = ls.accept()
                threading.Thread(target=echo, args=(conn,)).start()

        def echo(conn: socket.socket) -> None:
            with conn:
                while data := conn.recv(1000):
                    conn.sendall(data)

        server = threading.Thread(target=serve, args=(5,))
        server.start()
        for i in range(5):
            with socket.create_connection(ls.getsockname()) as c:
                c.sendall(bytes([i]) * 20_000)
                c.shutdown(socket.SHUT_WR)
                got = b""
                while data := c.recv(3000):
                    got += data
                log.note(i, len(got), set(got))
        server.join()
        ls.close()

    parity.py(body)


def test_asyncio(parity: Parity) -> None:
    def body(log: Observer) -> None:
        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while line := await reader.readline():
                writer.write(line.upper())
                await writer.drain()
            writer.close()
            await writer.wait_closed()

        async def client(port: int, i: int) -> list[str]:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            got = []
            for word in ("one", "two"):
                writer.write(f"{word} {i}\n".encode())
                got.append((await reader.readline()).decode().strip())
            writer.write_eof()
            got.append(repr(await reader.read()))
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            return got

        async def main() -> None:
            server = await asyncio.start_server(echo, "127.0.0.1", 0)
            port = server.sockets[0].getsockname()[1]
            for got in await asyncio.gather(*(client(port, i) for i in range(20))):
                log.note(*got)
            server.close()
            await server.wait_closed()
            try:
                await asyncio.open_connection("127.0.0.1", 7951)
            except OSError as e:
                log.note(type(e).__name__, e.errno)

        asyncio.run(main())

    parity.py(body)


def test_datagrams(parity: Parity) -> None:
    def body(log: Observer) -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as a, socket.socket(type=socket.SOCK_DGRAM) as b:
            a.bind(("127.0.0.1", 7952))
            b.bind(("", 7953))
            attempt(log, "name", b.getsockname)
            attempt(log, "sendto", b.sendto, b"hello", ("127.0.0.1", 7952))
            attempt(log, "recvfrom", a.recvfrom, 3)
            a.settimeout(0.02)
            attempt(log, "recvfrom", a.recvfrom, 3)
            b.connect(("127.0.0.1", 7954))
            b.send(b"nobody")
            attempt(log, "refused", b.recv, 10)
            attempt(log, "large", b.send, bytes(65508))
            attempt(log, "broadcast", a.sendto, b"x", ("255.255.255.255", 9))

    parity.py(body)
