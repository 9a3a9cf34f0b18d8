"""Worlds: unmodified programs on several machines, one clock that jumps, one seed that decides."""

from __future__ import annotations

import asyncio
import http.server
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

import sockfs
from sockfs.net.core import wire
from sockfs.world import WorldStalled


def sink_server() -> int:
    listener = socket.create_server(("", 80))
    connection, _ = listener.accept()
    total = 0
    while data := connection.recv(65536):
        total += len(data)
    connection.sendall(b"%d" % total)
    connection.close()
    listener.close()
    return total


def bulk_client(size: int) -> tuple[bytes, float]:
    begin = time.monotonic()
    with socket.create_connection(("server", 80)) as s:
        s.sendall(b"x" * size)
        s.shutdown(socket.SHUT_WR)
        return s.recv(100), time.monotonic() - begin


def run_bulk(
    seed: int, size: int = 200_000, **link: object
) -> tuple[sockfs.World, list[tuple[float, str, bytes]]]:
    world = sockfs.World(seed=seed)
    world.host("server", sink_server)
    world.host("client", bulk_client, size)
    world.link("server", "client", **link)  # type: ignore[arg-type]
    packets: list[tuple[float, str, bytes]] = []
    world.tap(lambda t, host, skb, out: packets.append((t, host, wire.skb_to_bytes(skb))))
    world.run()
    return world, packets


def test_a_blocking_program_crosses_a_lossy_link() -> None:
    world, _ = run_bulk(1, delay=0.02, loss=0.02, rate="10mbit")
    assert world.hosts["server"].result == 200_000
    answer, seconds = world.hosts["client"].result
    assert answer == b"200000"
    assert seconds > 200_000 * 8 / 10e6 + 0.04
    assert next(iter(world.links.values())).lost > 0


def test_the_same_seed_gives_the_same_packets_at_the_same_times() -> None:
    _, first = run_bulk(7, delay=0.02, loss=0.03)
    _, second = run_bulk(7, delay=0.02, loss=0.03)
    _, other = run_bulk(8, delay=0.02, loss=0.03)
    assert first == second
    assert first != other


def test_delay_is_what_a_round_trip_takes() -> None:
    def ping() -> float:
        with socket.create_connection(("server", 80)) as s:
            begin = time.monotonic()
            s.sendall(b"?")
            s.shutdown(socket.SHUT_WR)
            s.recv(10)
            return time.monotonic() - begin

    world = sockfs.World(seed=1)
    world.host("server", sink_server)
    client = world.host("client", ping)
    world.link("server", "client", delay=0.1)
    world.run()
    assert client.result == pytest.approx(0.2, abs=1e-6)


def test_the_clock_belongs_to_the_world() -> None:
    def sleeper() -> tuple[float, float]:
        wall, mono = time.time(), time.monotonic()
        time.sleep(86_400)
        return time.time() - wall, time.monotonic() - mono

    real = time.monotonic()
    world = sockfs.World()
    host = world.host("a", sleeper)
    world.run()
    assert host.result == pytest.approx((86_400, 86_400))
    assert world.now == 86_400
    assert time.monotonic() - real < 60


def test_asyncio_runs_on_it_with_names_and_time_outs() -> None:
    async def serve() -> None:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write((await reader.read())[::-1])
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(handle, "0.0.0.0", 80)
        async with server:
            await server.serve_forever()

    async def fetch() -> tuple[bytes, bool]:
        reader, writer = await asyncio.open_connection("server", 80)
        writer.write(b"abc" * 1000)
        writer.write_eof()
        data = await reader.read()
        writer.close()
        await writer.wait_closed()
        timed_out = False
        try:
            await asyncio.wait_for(asyncio.sleep(3600), 10)
        except TimeoutError:
            timed_out = True
        return data, timed_out

    world = sockfs.World(seed=3)
    world.host("server", serve, daemon=True)
    client = world.host("client", fetch)
    world.link("server", "client", delay=0.05, loss=0.02)
    world.run()
    assert client.result == (b"cba" * 1000, True)
    assert 10 < world.now < 30


def test_threads_are_strands_of_their_host() -> None:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            time.sleep(0.5)
            body = threading.current_thread().name.encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    def web() -> None:
        http.server.ThreadingHTTPServer(("", 80), Handler).serve_forever()

    def fetch() -> tuple[int, float]:
        begin = time.monotonic()
        with ThreadPoolExecutor(4) as pool:
            names = list(pool.map(lambda i: urllib.request.urlopen(f"http://web/{i}").read(), range(4)))
        return len(set(names)), time.monotonic() - begin

    world = sockfs.World(seed=5)
    world.host("web", web, daemon=True)
    client = world.host("client", fetch)
    world.link("web", "client", delay=0.01)
    world.run()
    distinct, seconds = client.result
    assert distinct == 4
    assert 0.5 < seconds < 1.0  # four at once, not one after the other
    assert threading.current_thread() is threading.main_thread()


def test_a_partition_heals_and_tcp_goes_on() -> None:
    world = sockfs.World(seed=2)
    world.host("server", sink_server)
    client = world.host("client", bulk_client, 500_000)
    world.link("server", "client", delay=0.01, rate="2mbit")
    cut = []
    world.at(0.5, lambda: cut.append(world.partition("server", "client")))
    world.at(5.5, lambda: cut[0].heal())
    world.run()
    answer, seconds = client.result
    assert answer == b"500000"
    assert seconds > 5.5


def test_what_a_main_raises_run_raises() -> None:
    def fail() -> None:
        raise LookupError("of its own")

    world = sockfs.World()
    world.host("a", fail)
    with pytest.raises(LookupError, match="of its own"):
        world.run()


def test_a_stall_names_who_waits() -> None:
    def wait() -> None:
        socket.create_server(("", 80)).accept()

    world = sockfs.World()
    world.host("lonely", wait)
    with pytest.raises(WorldStalled, match="lonely"):
        world.run()


def test_run_until_stops_the_clock_and_goes_on() -> None:
    world = sockfs.World()
    host = world.host("a", lambda: time.sleep(10))
    world.run(until=4)
    assert world.now == 4
    assert host.strand is not None and not host.strand.finished
    world.run()
    assert world.now == 10


def test_hosts_without_a_link_do_not_reach_each_other() -> None:
    def connect() -> int:
        s = socket.socket()
        try:
            return s.connect_ex(("b", 80))
        finally:
            s.close()

    world = sockfs.World()
    host = world.host("a", connect)
    world.host("b", None)
    world.run()
    import errno

    assert host.result == errno.ENETUNREACH


@pytest.mark.parametrize("rate", ["10 furlongs", "", "-1mbit", -5])
def test_a_rate_that_is_none_is_refused(rate: str | float) -> None:
    world = sockfs.World()
    world.host("a")
    world.host("b")
    with pytest.raises(ValueError):
        world.link("a", "b", rate=rate)


def test_the_process_is_as_before_afterwards() -> None:
    before = (socket.socket, time.sleep, time.monotonic, threading.Lock, threading.get_ident)
    world = sockfs.World()
    world.host("a", lambda: time.sleep(1))
    world.run()
    assert (socket.socket, time.sleep, time.monotonic, threading.Lock, threading.get_ident) == before
    a, b = socket.socketpair()
    a.sendall(b"real")
    assert b.recv(10) == b"real"
    a.close()
    b.close()


def test_a_world_leaves_nothing_that_complains_when_the_interpreter_ends() -> None:
    program = (
        "import sockfs, time; w = sockfs.World(); w.host('a', lambda: time.sleep(1)); w.run(); print(w.now)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1.0\n", "")
