"""TCP small queues: a device that keeps its packets holds the sender back until it gives them up."""

from __future__ import annotations

from sockfs.net.core import skbuff
from sockfs.structs.net_device import NetDevice, NetDeviceOps
from sockfs.structs.sk_buff import SkBuff
from tests.segments import Wire, established


class Slow(NetDeviceOps):
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.held: list[SkBuff] = []

    def ndo_start_xmit(self, skb: SkBuff, dev: NetDevice) -> int:
        self.held.append(skb)
        return 0


def test_a_slow_device_holds_the_sender_back_without_an_ack() -> None:
    w = Wire(tcp_limit_output_bytes=1, tcp_wmem=[4096, 1 << 20, 1 << 20])
    p = established(w)
    slow = Slow()
    w.dev.netdev_ops = slow
    p.sk.snd_cwnd = 40
    p.setsockopt(6, 1, 1)
    for _ in range(20):
        assert p.write(b"x" * 1460) == 1460
    sk = p.sk
    first = sk.packets_out
    assert 0 < first < 20
    assert sk.tsq_flags & 1
    for skb in slow.held[:]:
        slow.held.remove(skb)
        skbuff.consume_skb(w.k, skb)
    w.drain()
    assert sk.packets_out > first
    for _ in range(20):
        for skb in slow.held[:]:
            slow.held.remove(skb)
            skbuff.consume_skb(w.k, skb)
        w.drain()
    assert sk.packets_out == 20
    assert sk.sk_wmem_alloc == 0
