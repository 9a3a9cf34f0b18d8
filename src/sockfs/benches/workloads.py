"""The workloads, in plain sockets and asyncio: the same file runs on the kernel and, unmodified, on sockfs.

    python workloads.py W2 0.3                 0.3 seconds of W2 on the kernel's sockets
    sockfs run workloads.py W2 0.3             the same on sockfs's
    python workloads.py --lo 1500 off W1s 0.3  in a network namespace of its own, lo with that MTU, offloads
    off

One line of JSON comes out: {"rate": …, "unit": …} and what else the workload has to tell. All of them but W2a
are one thread that does both ends, the quickest way to use sockets from Python; each warms up for a third of
its time first.
"""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import gc
import json
import os
import resource
import selectors
import socket
import struct
import sys
from collections.abc import Callable
from time import perf_counter

CHUNK = 65536
CONNECTIONS = 1000
PER_CONNECTION = 10_000

Result = dict[str, float | str]


def w1(seconds: float) -> Result:
    """One stream, 64 KiB a send."""
    _, client, server = pair()
    client.setblocking(False)
    server.setblocking(False)
    data = bytes(CHUNK)
    buffer = bytearray(CHUNK)

    def run(until: float) -> int:
        got = 0
        while perf_counter() < until:
            try:
                client.send(data)
            except BlockingIOError:
                pass
            try:
                got += server.recv_into(buffer)
            except BlockingIOError:
                pass
        return got

    return rate(run, seconds, "MB/s", 1e-6)


def w2(seconds: float) -> Result:
    """64 bytes there and back."""
    _, client, server = pair()
    message = bytes(64)

    def run(until: float) -> int:
        n = 0
        while perf_counter() < until:
            for _ in range(20):
                client.sendall(message)
                server.sendall(server.recv(64))
                client.recv(64)
            n += 20
        return n

    return rate(run, seconds, "round trips/s")


def w2a(seconds: float) -> Result:
    """The same through asyncio's streams."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                writer.write(await reader.readexactly(64))
                await writer.drain()
        except asyncio.IncompleteReadError:
            pass
        writer.close()

    async def main() -> Result:
        listener = await asyncio.start_server(serve, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*listener.sockets[0].getsockname())
        message = bytes(64)

        async def run(until: float) -> int:
            n = 0
            while perf_counter() < until:
                for _ in range(10):
                    writer.write(message)
                    await writer.drain()
                    await reader.readexactly(64)
                n += 10
            return n

        await run(perf_counter() + seconds / 3)
        start = perf_counter()
        n = await run(start + seconds)
        took = perf_counter() - start
        writer.close()
        listener.close()
        await asyncio.sleep(0.01)
        return {"rate": n / took, "unit": "round trips/s"}

    return asyncio.run(main())


def w3(seconds: float) -> Result:
    """Connect, accept, one request, one response, close."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    address = listener.getsockname()
    message = bytes(64)

    def run(until: float) -> int:
        n = 0
        while perf_counter() < until:
            for _ in range(5):
                client = socket.socket()
                client.connect(address)
                server, _ = listener.accept()
                client.sendall(message)
                server.sendall(server.recv(64))
                client.recv(64)
                client.close()
                server.recv(64)
                server.close()
            n += 5
        return n

    return rate(run, seconds, "connections/s")


def w4(seconds: float) -> Result:
    """Many open connections, 10 kB through each; what they cost in time and, idle, in memory."""
    need = 2 * CONNECTIONS + 64
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < need:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(need, hard), hard))
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    address = listener.getsockname()
    warm = [connect(listener, address) for _ in range(10)]
    gc.collect()
    before = resident() + slab()
    clients, servers = [], []
    start = perf_counter()
    for _ in range(CONNECTIONS):
        client, server = connect(listener, address)
        clients.append(client)
        servers.append(server)
    took = perf_counter() - start
    gc.collect()
    memory = resident() + slab() - before
    selector = selectors.EpollSelector()
    for server in servers:
        selector.register(server, selectors.EVENT_READ)
    data = bytes(PER_CONNECTION)
    got = 0
    start = perf_counter()
    for client in clients:
        client.send(data)
    while got < CONNECTIONS * PER_CONNECTION:
        for key, _ in selector.select():
            got += len(key.fileobj.recv(65536))  # type: ignore[union-attr]
    took += perf_counter() - start
    del warm
    return {"rate": took * 1e3, "unit": "ms", "bytes_per_connection": round(memory / CONNECTIONS)}


def w5(seconds: float) -> Result:
    """UDP datagrams of 64 bytes."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    address = server.getsockname()
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    message = bytes(64)

    def run(until: float) -> int:
        n = 0
        while perf_counter() < until:
            for _ in range(20):
                client.sendto(message, address)
                server.recvfrom(128)
            n += 20
        return n

    return rate(run, seconds, "datagrams/s")


WORKLOADS: dict[str, Callable[[float], Result]] = {
    "W1": w1,
    "W1s": w1,
    "W1g": w1,
    "W2": w2,
    "W2a": w2a,
    "W3": w3,
    "W4": w4,
    "W5": w5,
}


def rate(run: Callable[[float], int], seconds: float, unit: str, scale: float = 1.0) -> Result:
    run(perf_counter() + seconds / 3)
    start = perf_counter()
    n = run(start + seconds)
    return {"rate": n * scale / (perf_counter() - start), "unit": unit}


def pair() -> tuple[socket.socket, socket.socket, socket.socket]:
    """A listener and the two ends of a connection, Nagle's algorithm off."""
    listener = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(listener.getsockname())
    server, _ = listener.accept()
    for end in (client, server):
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener, client, server


def connect(listener: socket.socket, address: tuple[str, int]) -> tuple[socket.socket, socket.socket]:
    client = socket.socket()
    client.connect(address)
    server, _ = listener.accept()
    client.setblocking(False)
    server.setblocking(False)
    return client, server


def resident() -> int:
    """Bytes of this process in memory."""
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * resource.getpagesize()


def slab() -> int:
    """Bytes of the kernel's slab caches: there the kernel's sockets are."""
    with open("/proc/meminfo") as f:
        for line in f:
            if line.startswith("Slab:"):
                return int(line.split()[1]) * 1024
    return 0


CLONE_NEWNET = 0x40000000
CLONE_NEWUSER = 0x10000000
SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCSIFMTU, SIOCETHTOOL = 0x8913, 0x8914, 0x8922, 0x8946
ETHTOOL_STSO, ETHTOOL_SGSO = 0x1F, 0x24
IFF_UP = 1


def own_loopback(mtu: int, offload: bool) -> None:
    """Go into a network namespace of our own, whose lo is up with this MTU and segments by itself or not."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0 and libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0:
        raise OSError(
            ctypes.get_errno(), "no network namespace of its own: " + os.strerror(ctypes.get_errno())
        )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        flags = struct.unpack_from("16xH", fcntl.ioctl(s, SIOCGIFFLAGS, struct.pack("16sH14x", b"lo", 0)))[0]
        fcntl.ioctl(s, SIOCSIFMTU, struct.pack("16si12x", b"lo", mtu))
        fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))
        for command in (ETHTOOL_STSO, ETHTOOL_SGSO):
            value = ctypes.create_string_buffer(struct.pack("II", command, offload))
            fcntl.ioctl(s, SIOCETHTOOL, struct.pack("16sP8x", b"lo", ctypes.addressof(value)))


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["--lo"]:
        try:
            own_loopback(int(arguments[1]), arguments[2] == "on")
        except OSError as e:
            print(json.dumps({"error": f"lo cannot be set up: {e.strerror}"}))
            return 0
        arguments = arguments[3:]
    print(json.dumps(WORKLOADS[arguments[0]](float(arguments[1]))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
