"""Two machines, a bad link: whatever it loses, doubles or reorders, bytes arrive and the books balance."""

from __future__ import annotations

import heapq
import random

import pytest

from sockfs.kernel import timers
from sockfs.net.ipv4 import devinet
from sockfs.structs.tcp_sock import TcpSock
from tests.segments import LOCAL, MS, REMOTE, Wire, addr


class Link:
    """Two wires tied together, in one virtual time."""

    def __init__(
        self, seed: int, delay: float, loss: float, reorder: float, dup: float, **sysctl: object
    ) -> None:
        self.rng = random.Random(seed)
        self.ends = [Wire(**sysctl), Wire(**sysctl)]
        b = self.ends[1].dev
        devinet.inet_addr_del(b, int.from_bytes(LOCAL, "big"), 24)
        remote = int.from_bytes(REMOTE, "big")
        assert devinet.inet_addr_add(b, remote, 24, remote | 255) == 0
        self.delay, self.loss, self.reorder, self.dup = delay, loss, reorder, dup
        self.flying: list[tuple[int, int, int, bytes]] = []
        self.n = 0

    def pump(self) -> None:
        """What the machines sent is on its way."""
        for i, w in enumerate(self.ends):
            for _, raw in w.out:
                if self.rng.random() < self.loss:
                    continue
                for _ in range(2 if self.rng.random() < self.dup else 1):
                    at = w.k.now + int(self.delay * MS)
                    if self.rng.random() < self.reorder:
                        at += int(self.rng.random() * 2 * self.delay * MS)
                    self.n += 1
                    heapq.heappush(self.flying, (at, self.n, 1 - i, raw))
            w.out.clear()

    def step(self) -> bool:
        """On to the next event. False: there is none."""
        self.pump()
        at = min(timers.next_expiry(w.k) for w in self.ends)
        if self.flying:
            at = min(at, self.flying[0][0])
        if at >= timers.NEVER:
            return False
        for w in self.ends:
            w.k.now = max(at, w.k.now)
        while self.flying and self.flying[0][0] <= at:
            _, _, i, raw = heapq.heappop(self.flying)
            self.ends[i].push(raw)
        for w in self.ends:
            timers.run_timers(w.k)
            w.drain()
        return True


def books(sk: TcpSock) -> None:
    """The counts of the retransmission queue are what its segments say."""
    packets = sacked = lost = retrans = 0
    skb = sk.tcp_rtx_queue.first
    seq = sk.snd_una
    while skb is not None:
        n = skb.tcp_gso_segs
        packets += n
        sacked += n if skb.sacked & 1 else 0
        retrans += n if skb.sacked & 2 else 0
        lost += n if skb.sacked & 4 else 0
        assert skb.seq == seq or skb.seq == sk.snd_una or seq == sk.snd_una
        seq = skb.end_seq
        skb = skb.next
    if sk.sack_ok == 0:
        sacked = sk.sacked_out
    assert (packets, sacked, lost, retrans) == (sk.packets_out, sk.sacked_out, sk.lost_out, sk.retrans_out)
    assert sk.sacked_out + sk.lost_out <= sk.packets_out


@pytest.mark.parametrize("sack", [1, 0])
@pytest.mark.parametrize("control", ["cubic", "reno"])
@pytest.mark.parametrize(
    ("loss", "reorder", "dup"), [(0, 0, 0), (0.02, 0, 0), (0.1, 0, 0), (0, 0.2, 0), (0.03, 0.1, 0.05)]
)
def test_a_transfer_over_a_bad_link(loss: float, reorder: float, dup: float, control: str, sack: int) -> None:
    link = Link(3, 10, loss, reorder, dup, tcp_sack=sack, tcp_congestion_control=control)
    a, b = link.ends
    lfd = a.listen()
    fd = b.socket()
    assert b.call("connect", fd, addr(LOCAL, 8080), 16) == -115
    conn = -11
    data = random.Random(1).randbytes(400_000)
    sent = 0
    got = bytearray()
    buf = bytearray(65536)
    closed = False
    for _ in range(60_000):
        if conn < 0:
            conn = a.call("accept4", lfd, None, None, 0o4000)
        if sent < len(data):
            n = b.call(
                "sendto", fd, data[sent : sent + 30_000], len(data[sent : sent + 30_000]), 0x4000, None, 0
            )
            if n > 0:
                sent += n
        elif not closed:
            closed = True
            assert b.call("shutdown", fd, 1) == 0
        if conn >= 0:
            n = a.call("recvfrom", conn, buf, len(buf), 0, None, None)
            if n == 0:
                break
            if n > 0:
                got += buf[:n]
        sk = b.sock(fd)
        if sk.sk_state == 1:
            books(sk)
        assert sk.sk_err == 0
        if not link.step():
            break
    assert bytes(got) == data
    if loss:
        assert b.sock(fd).total_retrans > 0
    assert a.call("close", conn) == b.call("close", fd) == a.call("close", lfd) == 0
    while link.step():
        pass
    for w in link.ends:
        for name in ("TCP", "request_sock_TCP", "tw_sock_TCP", "skbuff_head_cache"):
            assert w.k.slabs[name].active == 0, name
        assert not w.k.init_net.tcp_hashinfo.bhash
