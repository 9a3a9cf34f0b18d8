"""ICMP and fragments: packets handed to lo as bytes, and what comes out."""

from __future__ import annotations

import struct
from typing import Any

import pytest

import sockfs
from sockfs.kernel import softirq, timers
from sockfs.net.core import dev, skbuff, wire
from sockfs.structs.net_device import NetDevice, PacketTap
from sockfs.structs.sk_buff import SkBuff
from sockfs.util import checksum
from tests.parity.harness import ip

LO = 0x7F000001


class Tap(PacketTap):
    """Keeps what leaves a device, as bytes."""

    def __init__(self) -> None:
        self.out: list[bytes] = []

    def packet(self, skb: SkBuff, dev: NetDevice, outgoing: bool) -> None:
        if outgoing:
            self.out.append(wire.skb_to_bytes(skb))


class Host:
    def __init__(self, wired: bool = False) -> None:
        self.k = sockfs.Kernel(seed=1)
        self.k.wire_mode = wired
        self.t = self.k.task("t")
        self.net = self.k.init_net
        self.lo: Any = self.net.loopback_dev
        self.tap = Tap()
        self.lo.taps.append(self.tap)

    def hand(self, data: bytes) -> list[bytes]:
        """A packet arrives on lo. What is sent because of it."""
        self.tap.out.clear()
        skb = skbuff.alloc_skb(self.k)
        skbuff.skb_set_data(skb, data)
        skb.protocol = 0x0800
        skb.dev = self.lo
        dev.netif_receive_skb(self.k, skb)
        while softirq.do_softirq(self.k, 100):
            pass
        return list(self.tap.out)

    def drops(self) -> dict[int, int]:
        return {i: n for i, n in enumerate(self.k.drops) if n}


def ipv4(
    proto: int, body: bytes, *, src: int = LO, dst: int = LO, frag: int = 0, ident: int = 7, ttl: int = 64
) -> bytes:
    head = struct.pack("!BBHHHBBHII", 0x45, 0, 20 + len(body), ident, frag, ttl, proto, 0, src, dst)
    return head[:10] + struct.pack("!H", checksum.ip_compute_csum(head)) + head[12:] + body


def icmp(type: int, code: int, rest: int, data: bytes) -> bytes:
    m = struct.pack("!BBHI", type, code, 0, rest) + data
    return m[:2] + struct.pack("!H", checksum.ip_compute_csum(m)) + m[4:]


def udp(sport: int, dport: int, data: bytes) -> bytes:
    return struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data


@pytest.mark.parametrize("wired", [False, True])
def test_an_echo_request_is_answered(wired: bool) -> None:
    h = Host(wired)
    out = h.hand(ipv4(1, icmp(8, 0, 0x00010002, b"ping")))
    assert [p[20:] for p in out] == [icmp(0, 0, 0x00010002, b"ping")]
    assert struct.unpack("!II", out[0][12:20]) == (LO, LO)
    m = h.net.mib_icmp
    assert (m.InMsgs, m.InEchos, m.OutEchoReps, m.InEchoReps) == (2, 1, 1, 1)
    h.net.ipv4.sysctl_icmp_echo_ignore_all = 1
    assert h.hand(ipv4(1, icmp(8, 0, 0x00010002, b"ping"))) == []


def test_a_timestamp_request_is_answered() -> None:
    h = Host()
    h.k.wall_offset = 3_600_000_000_000
    out = h.hand(ipv4(1, icmp(13, 0, 5, struct.pack("!III", 99, 0, 0))))
    stamp = (h.k.now + h.k.wall_offset) // 10**6 % 86_400_000
    assert out[0][20:] == icmp(14, 0, 5, struct.pack("!III", 99, stamp, stamp))


def test_wrong_packets_are_dropped_and_counted() -> None:
    h = Host()
    good = ipv4(1, icmp(8, 0, 0, b"x"))
    for bad in (
        b"",
        good[:19],
        b"\x65" + good[1:],
        b"\x44" + good[1:],
        good[:-1],
        good[:8] + b"\x01" + good[9:],
        good[:20] + b"\x09" + good[21:],
        ipv4(1, b"\0\0"),
        ipv4(1, icmp(99, 0, 0, b"")),
        ipv4(17, b"\0"),
        ipv4(200, b"nobody", src=0xE0000001),
        ipv4(6, b"\0" * 10),
    ):
        assert h.hand(bad) == []
    ipm, ext, m = h.net.mib_ip, h.net.mib_ipext, h.net.mib_icmp
    assert (ipm.InReceives, ipm.InHdrErrors, ext.InCsumErrors, ext.InTruncatedPkts) == (12, 5, 1, 1)
    assert (m.InMsgs, m.InErrors, m.InCsumErrors) == (3, 3, 2)
    assert sum(h.drops().values()) == 12
    assert h.k.skbuff_head_cache.active == 0


def test_an_unknown_protocol_is_unreachable_and_no_error_answers_an_error() -> None:
    h = Host()
    asked = ipv4(253, b"hello there")
    out = h.hand(asked)
    assert [p[20:] for p in out] == [icmp(3, 2, 0, asked)]
    assert out[0][1] == 0xC0
    assert h.net.mib_ip.InUnknownProtos == 1
    # an ICMP error about something nobody sent is no reason for another
    assert h.hand(ipv4(1, icmp(3, 2, 0, asked))) == []
    # nor is a fragment that is not the first
    assert h.hand(ipv4(253, b"x" * 8, frag=1)) == []


def test_an_error_quotes_at_most_576_bytes() -> None:
    h = Host()
    out = h.hand(ipv4(17, udp(1, 9, b"z" * 2000)))
    assert len(out) == 1 and len(out[0]) == 576


def test_errors_of_every_kind_reach_a_udp_socket() -> None:
    h = Host()
    b = h.t.syscall("socket", 2, 2, 0)
    h.t.syscall("bind", b, ip("127.0.0.1", 5001), 16)
    h.t.syscall("connect", b, ip("127.0.0.1", 9), 16)
    sk = h.t.files.fdt[b].private_data.sk
    quoted = ipv4(17, udp(5001, 9, b"data"))
    fatal = {(3, 2): 92, (3, 3): 111, (3, 9): 101, (3, 13): 113, (12, 0): 71}
    soft = [(3, 0), (3, 1), (3, 5), (3, 11), (11, 0), (4, 0), (5, 0), (11, 1)]
    for kind, err in fatal.items():
        h.hand(ipv4(1, icmp(*kind, 0, quoted)))
        assert sk.sk_err == err, kind
        sk.sk_err = 0
    for kind in soft:
        h.hand(ipv4(1, icmp(*kind, 0, quoted)))
        assert sk.sk_err == 0, kind
    h.hand(ipv4(1, icmp(3, 4, 1000, quoted)))
    assert sk.sk_err == 90
    assert h.net.pmtu[LO][0] == 1000
    # cut short: eight bytes of the quoted datagram are the least
    sk.sk_err = 0
    errors = h.net.mib_icmp.InErrors
    h.hand(ipv4(1, icmp(3, 3, 0, quoted[:27])))
    assert sk.sk_err == 0 and h.net.mib_icmp.InErrors == errors + 1


def pieces(body: bytes, size: int, proto: int = 17) -> list[bytes]:
    return [
        ipv4(proto, body[i : i + size], frag=i // 8 | (0x2000 if i + size < len(body) else 0))
        for i in range(0, len(body), size)
    ]


def listener(h: Host) -> int:
    fd = h.t.syscall("socket", 2, 2, 0)
    h.t.syscall("bind", fd, ip("127.0.0.1", 5000), 16)
    return fd


def received(h: Host, fd: int) -> bytes | None:
    buf = bytearray(70000)
    n = h.t.syscall("recvfrom", fd, buf, len(buf), 0x40, None, None)
    return bytes(buf[:n]) if n >= 0 else None


@pytest.mark.parametrize("order", ["forward", "backward", "twice"])
def test_fragments_are_put_together(order: str) -> None:
    h = Host()
    fd = listener(h)
    data = bytes(range(256)) * 10
    parts = pieces(udp(6000, 5000, data), 512)
    if order == "backward":
        parts.reverse()
    elif order == "twice":
        parts = [p for p in parts[:-1] for _ in (0, 1)] + parts[-1:]
    for p in parts:
        h.hand(p)
    assert received(h, fd) == data
    assert h.net.mib_ip.ReasmOKs == 1 and h.net.mib_ip.ReasmReqds == len(parts)
    assert not h.net.ip_frags and h.k.skbuff_head_cache.active == 0
    assert timers.next_expiry(h.k) == timers.NEVER


def test_overlapping_fragments_kill_the_packet() -> None:
    h = Host()
    fd = listener(h)
    body = udp(6000, 5000, b"a" * 100)
    h.hand(ipv4(17, body[:64], frag=0x2000))
    h.hand(ipv4(17, body[56:], frag=7))
    assert received(h, fd) is None
    assert h.net.mib_ipext.ReasmOverlaps == 1 and h.net.mib_ip.ReasmFails == 1
    assert not h.net.ip_frags and h.k.skbuff_head_cache.active == 0


def test_fragments_that_miss_one_are_forgotten_and_the_sender_told() -> None:
    h = Host()
    first = pieces(udp(6000, 5000, b"a" * 1000), 512)[0]
    h.hand(first)
    h.k.now += 30_000_000_000
    h.tap.out.clear()
    timers.run_timers(h.k)
    assert [p[20:22] for p in h.tap.out] == [b"\x0b\x01"]
    assert h.net.mib_ip.ReasmTimeout == 1 and h.net.mib_ip.ReasmFails == 1
    while softirq.do_softirq(h.k, 100):
        pass
    assert not h.net.ip_frags and h.k.skbuff_head_cache.active == 0


def test_a_datagram_is_cut_on_a_small_mtu() -> None:
    h = Host()
    h.lo.mtu = 1500
    fd = listener(h)
    b = h.t.syscall("socket", 2, 2, 0)
    data = bytes(range(256)) * 16
    h.tap.out.clear()
    assert h.t.syscall("sendto", b, data, len(data), 0, ip("127.0.0.1", 5000), 16) == len(data)
    assert [len(p) for p in h.tap.out] == [1500, 1500, 1164]
    assert received(h, fd) == data
    m = h.net.mib_ip
    assert (m.FragOKs, m.FragCreates, m.ReasmOKs) == (1, 3, 1)
    h.t.syscall("setsockopt", b, 0, 10, struct.pack("=i", 2), 4)
    assert h.t.syscall("sendto", b, data, len(data), 0, ip("127.0.0.1", 5000), 16) == -90
    assert h.k.skbuff_head_cache.active == 0
