"""A scripted workload: many sockets on `lo`, and a transfer over a bad link. What goes over the wires is its
trace (time and bytes of every packet), what the calls answered its results; both follow from the seed.

`python -m tests.tools.script SEED` prints the digests of both, for comparison with another build or process.
"""

from __future__ import annotations

import hashlib
import random
import sys

from sockfs.net.core import dev as net_dev
from sockfs.net.core import wire
from sockfs.structs.net_device import NetDevice, PacketTap
from sockfs.structs.sk_buff import SkBuff
from tests.fuzz.calls import Program
from tests.fuzz.packets import Target
from tests.net.ipv4.test_tcp_lossy import Link
from tests.segments import LOCAL
from tests.segments import addr as address
from tests.tools.bare import SEC, Bare, addr

NONBLOCK = 0o4000


class Tap(PacketTap):
    def __init__(self, trace: list[tuple[int, bytes]]) -> None:
        self.trace = trace

    def packet(self, skb: SkBuff, dev: NetDevice, outgoing: bool) -> None:
        if not outgoing:
            self.trace.append((int(dev.net.kernel.now), wire.skb_to_bytes(skb)))


def loopback(seed: int, wire_mode: bool = False) -> tuple[list[tuple[int, bytes]], list[object]]:
    """Connections, datagrams and refusals on one machine, by fifty sockets. Its trace and its results."""
    rng = random.Random(seed)
    m = Bare(seed)
    m.k.wire_mode = wire_mode
    trace: list[tuple[int, bytes]] = []
    results: list[object] = []
    lo = net_dev.dev_get_by_name(m.k.init_net, "lo")
    assert lo is not None
    lo.taps = [Tap(trace)]
    listeners = [m.listener(port, backlog=4) for port in (80, 81)]
    ends: list[int] = []
    for _ in range(12):
        fd = m.socket(NONBLOCK)
        results.append(m.call("connect", fd, addr(rng.choice([80, 81, 82])), 16))
        results.append(m.name(fd))
        ends.append(fd)
        ends.extend(
            fd for fd in (m.call("accept4", lfd, None, None, NONBLOCK) for lfd in listeners) if fd > 0
        )
    for port in (53, 54):
        fd = m.call("socket", 2, 2 | NONBLOCK, 0)
        results.append(m.call("bind", fd, addr(port), 16))
        ends.append(fd)
    stray = m.call("socket", 2, 2 | NONBLOCK, 0)
    for _ in range(400):
        x = rng.random()
        fd = rng.choice(ends)
        if x < 0.4:
            results.append(m.send(fd, rng.randbytes(rng.choice([1, 100, 3000, 90000]))))
        elif x < 0.75:
            results.append(m.recv(fd, rng.choice([1, 2000, 65536])))
        elif x < 0.85:
            to = addr(rng.choice([53, 54, 55]))
            results.append(m.call("sendto", stray, b"x" * rng.randrange(2000), 1, 0, to, 16))
        elif x < 0.9:
            results.append(m.poll(fd))
        elif x < 0.93:
            results.append(m.call("shutdown", fd, rng.randrange(3)))
        elif x < 0.95 and len(ends) > 8:
            ends.remove(fd)
            results.append(m.call("close", fd))
        else:
            m.advance(rng.choice([1, 50, 300, 5000]) * (SEC // 1000))
    for fd in ends:
        results.append(m.call("close", fd))
    m.advance(200 * SEC)
    results.append(sorted(m.slabs().items()))
    return trace, results


def bad_link(seed: int) -> list[tuple[float, bytes]]:
    """100 kB over a link that loses and reorders. What both machines sent, and when."""
    link = Link(seed, 10, 0.03, 0.1, 0.02)
    a, b = link.ends
    trace: list[tuple[float, bytes]] = []
    lfd = a.listen()
    fd = b.socket()
    assert b.call("connect", fd, address(LOCAL, 8080), 16) == -115
    conn, sent, data, buf = -11, 0, random.Random(seed).randbytes(100_000), bytearray(65536)
    for _ in range(20_000):
        if conn < 0:
            conn = a.call("accept4", lfd, None, None, NONBLOCK)
        if sent < len(data):
            piece = data[sent : sent + 10_000]
            sent += max(0, b.call("sendto", fd, piece, len(piece), 0x4000, None, 0))
            if sent == len(data):
                b.call("close", fd)
        if conn >= 0 and a.call("recvfrom", conn, buf, len(buf), 0, None, None) == 0:
            break
        trace.extend((w.now, raw) for w in link.ends for _, raw in w.out)
        if not link.step():
            break
    return trace


def nonsense(seed: int) -> tuple[list[int], list[bytes], list[int]]:
    """Random calls and random packets (`tests/fuzz`): the answers, what came back, the drops by reason."""
    program, target = Program(seed), Target(seed)
    for _ in range(400):
        program.step()
        target.step()
    return program.answers, target.sent, list(target.k.drops)


def digests(seed: int) -> list[str]:
    """Of the two traces, the results, and the nonsense."""
    trace, results = loopback(seed)
    parts: list[object] = [trace, results, bad_link(seed)]
    parts.extend(nonsense(n) for n in range(seed, seed + 5))
    return [hashlib.sha256(repr(x).encode()).hexdigest() for x in parts]


if __name__ == "__main__":
    print(*digests(int(sys.argv[1])))
