"""Random packets: whatever arrives, nothing raises, everything ends, and the books balance.

`Target` is a machine on one wire (`tests/segments.py`) with sockets of every kind: listeners, connections to
the far end and over `lo`, UDP sockets, raw sockets. `step` sends it one packet: bytes of no meaning; a packet
that really went over a wire, mutated; a segment that nearly fits a connection; a fragment; an ICMP error that
quotes one of its own packets. Between them its program reads, writes and closes, and time passes. Everything
follows from the seed.
"""

from __future__ import annotations

import random

from sockfs.boot import do_exit
from sockfs.kernel import softirq, sysctl, timers
from sockfs.net.core import dev as net_dev
from sockfs.net.core import skbuff, wire
from sockfs.structs.net_device import NetDevice, PacketTap
from sockfs.structs.sk_buff import SkBuff, SkBuffHead
from sockfs.structs.sock import Sock
from sockfs.structs.socket import Socket
from sockfs.structs.tcp_sock import TcpSock
from tests.fuzz.calls import tune
from tests.segments import LOCAL, MS, REMOTE, Peer, Seg, Wire, addr, build, checksum, established

LO = b"\x7f\0\0\1"
PAGE = 4096


class Tap(PacketTap):
    """Keeps what goes over a device, as bytes."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []

    def packet(self, skb: SkBuff, dev: NetDevice, outgoing: bool) -> None:
        if len(self.seen) < 400:
            self.seen.append(wire.skb_to_bytes(skb))


class Target:
    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.w = w = Wire()
        self.k = w.k
        self.log: list[str] = []
        self.sent: list[bytes] = []
        self.tap = Tap()
        lo = net_dev.dev_get_by_name(self.k.init_net, "lo")
        assert lo is not None
        self.lo = lo
        lo.taps = [self.tap]
        w.dev.taps = [self.tap]
        self.peers: list[Peer] = []
        self.lfd = w.listen()
        for options in ({}, {"sack_ok": True, "wscale": 7, "ts": (5000, 0)}, {"sack_ok": True}):
            self.peers.append(established(w, self.lfd, **options))  # type: ignore[arg-type]
        self.udp(LOCAL, 53)
        self.udp(bytes(4), 54)
        a, b = self.udp(LO, 55), self.udp(LO, 56)
        w.call("connect", a, addr(LO, 56), 16)
        w.call("connect", b, addr(LO, 55), 16)
        for proto in (1, 6, 17, 99):
            w.call("socket", 2, 3 | 0o4000, proto)
        self.local(8081)
        self.local(8082)
        for fd in self.fds():
            w.call("setsockopt", fd, 0, 11, b"\1\0\0\0", 4)  # IP_RECVERR
        syn = w.socket()
        w.call("connect", syn, addr(REMOTE, 9000), 16)
        for fd in self.fds():
            w.call("sendto", fd, b"hello" * 300, 1500, 0x4040, None, 0)
        self.tap.seen.extend(raw for _, raw in w.out)
        w.out.clear()
        if self.rng.random() < 0.5:
            tune(self.k, self.rng)
            # without it two sides that disagree on sequence numbers answer each other for ever, as on Linux
            sysctl.proc_write(self.k.init_net, "net.ipv4.tcp_invalid_ratelimit", "500")
        if self.rng.random() < 0.3:
            sysctl.proc_write(
                self.k.init_net, "net.ipv4.tcp_mem", self.rng.choice(["0 0 0", "4 8 16", "60 70 80"])
            )
        sysctl.proc_write(
            self.k.init_net, "net.ipv4.tcp_fastopen", self.rng.choice(["1", "3", "1027", "519"])
        )
        self.k.wire_mode = self.rng.random() < 0.2
        self.check()

    def udp(self, ip: bytes, port: int) -> int:
        fd = self.w.call("socket", 2, 2 | 0o4000, 0)
        assert self.w.call("bind", fd, addr(ip, port), 16) == 0
        return fd

    def local(self, port: int) -> None:
        """A connection over lo."""
        w = self.w
        lfd = w.socket()
        w.call("bind", lfd, addr(LO, port), 16)
        w.call("listen", lfd, 5)
        assert w.call("connect", w.socket(), addr(LO, port), 16) == -115
        assert w.call("accept4", lfd, None, None, 0o4000) >= 0

    def fds(self) -> list[int]:
        return [
            i
            for i, f in enumerate(self.w.task.files.fdt)
            if f is not None and isinstance(f.private_data, Socket)
        ]

    def socks(self) -> list[Sock]:
        out = []
        for fd in self.fds():
            file = self.w.task.files.fdt[fd]
            sock = file.private_data  # type: ignore[union-attr]
            if isinstance(sock, Socket) and sock.sk is not None:
                out.append(sock.sk)
        return out

    # ---- packets

    def segment(self) -> bytes:
        """A segment near the window of a connection."""
        r = self.rng
        conns = [
            s for s in self.socks() if isinstance(s, TcpSock) and s.sk_state not in (7, 10) and s.sk_dport
        ]
        if not conns:
            return self.syn()
        sk = r.choice(conns)
        near = r.choice([0, 0, 0, 0, 1, -1, 10, 1000, 65535, -65535, 1 << 31, r.getrandbits(32)])
        seq = sk.rcv_nxt + near
        ack = r.choice(
            [
                sk.snd_una,
                sk.snd_nxt,
                sk.snd_nxt,
                sk.snd_nxt + 1,
                sk.snd_una - 1,
                sk.snd_una + 1,
                r.getrandbits(32),
            ]
        )
        flags = r.choice(
            [
                "A",
                "A",
                "A",
                "PA",
                "FA",
                "R",
                "RA",
                "S",
                "SA",
                "FPUA",
                "",
                "SF",
                "SR",
                "UA",
                "U",
                "SEW",
                "EA",
                "WA",
            ]
        )
        seg = Seg(
            sk.sk_dport,
            sk.sk_num,
            seq,
            ack,
            flags,
            r.choice([0, 1, 100, 65535, 65535]),
            r.randbytes(r.choice([0, 0, 1, 10, 536, 1400, 1460])),
            r.choice([0, 1, 5, 65535]),
        )
        if r.random() < 0.4:
            seg.ts = r.choice(
                [
                    (5000, 0),
                    (6000, 1),
                    (0, 0),
                    (0xFFFFFFFF, 0xFFFFFFFF),
                    (int(sk.rcv_tsval), int(sk.rcv_tsecr)),
                ]
            )
        if r.random() < 0.3:
            top = sk.snd_una
            seg.sacks = [
                (top + r.randrange(-3000, 5000), top + r.randrange(-3000, 5000))
                for _ in range(r.randrange(1, 4))
            ]
            if seg.ts is not None:
                seg.sacks = seg.sacks[:3]
        if r.random() < 0.1:
            seg.mss = r.choice([0, 1, 8, 88, 536, 1460, 65535])
            seg.sacks = []
        if r.random() < 0.1:
            seg.wscale = r.choice([0, 7, 14, 15, 255])
            seg.sacks = []
        seg.ecn = r.choice([0, 0, 0, 1, 2, 3])
        here, there = sk.sk_rcv_saddr.to_bytes(4, "big"), sk.sk_daddr.to_bytes(4, "big")
        return build(seg, there, here)

    def syn(self) -> bytes:
        r = self.rng
        seg = Seg(
            r.randrange(65536),
            r.choice([8080, 8080, 8081, 9999, 0]),
            r.getrandbits(32),
            r.getrandbits(32),
            r.choice(["S", "S", "S", "A", "R", "F", "SA", "SEW"]),
            r.randrange(65536),
            r.randbytes(r.choice([0, 0, 10])),
        )
        if r.random() < 0.5:
            seg.mss, seg.sack_ok, seg.ts, seg.wscale = 1460, True, (r.getrandbits(32), 0), r.randrange(256)
        return self.with_options(build(seg)) if r.random() < 0.4 else build(seg)

    def with_options(self, raw: bytes) -> bytes:
        """More options at the end of a TCP header: fast open with any cookie, what nobody knows."""
        r = self.rng
        data = bytearray(raw)
        doff = data[32] >> 4
        opt = b""
        while r.random() < 0.7:
            body = r.randbytes(r.choice([0, 2, 4, 6, 8, 16, 18]))
            kind = r.choice([34, 34, 34, 254, 19, 5, 2, 3, 4, 8, 28, 30, r.randrange(256)])
            size = len(body) + 2 if r.random() < 0.9 else r.randrange(40)
            opt += bytes([kind, size]) + (b"\xf9\x89" if kind == 254 else b"") + body
        opt = opt[: 60 - doff * 4]
        opt += b"\1" * (-len(opt) % 4)
        data[20 + doff * 4 : 20 + doff * 4] = opt
        data[32] = (doff + len(opt) // 4) << 4
        mend(data)
        return bytes(data)

    def ip(self, proto: int, body: bytes, frag: int = 0, opt: bytes = b"") -> bytes:
        r = self.rng
        src = r.choice([REMOTE, REMOTE, LO, LOCAL, b"\xff" * 4, b"\xe0\0\0\1", bytes(4), r.randbytes(4)])
        dst = r.choice([LOCAL, LOCAL, LOCAL, LO, b"\xff" * 4, b"\xe0\0\0\1", b"\xc0\0\2\xff", r.randbytes(4)])
        opt += bytes(-len(opt) % 4)
        head = bytes([0x45 + len(opt) // 4, r.choice([0, 0, 255])]) + (20 + len(opt) + len(body)).to_bytes(
            2, "big"
        )
        head += (
            r.choice([1, 2, 3]).to_bytes(2, "big")
            + frag.to_bytes(2, "big")
            + bytes([r.choice([64, 1, 0]), proto, 0, 0])
        )
        head += src + dst + opt
        return head[:10] + checksum(head).to_bytes(2, "big") + head[12:] + body

    def icmp(self) -> bytes:
        r = self.rng
        x = r.random()
        if x < 0.2 or not self.tap.seen:
            body = (
                bytes([r.randrange(256), r.randrange(20)])
                + bytes(2)
                + r.randbytes(r.choice([0, 3, 4, 20, 60]))
            )
        elif x < 0.3:
            body = b"\x08\0\0\0" + r.randbytes(r.choice([4, 60]))
        else:
            quote = r.choice(self.tap.seen)
            quote = quote[: r.choice([0, 8, 19, 20, 24, 27, 28, 60, 1000])]
            if r.random() < 0.3:
                quote = self.mutate(quote)
            kind = r.choice([3, 3, 3, 4, 5, 11, 12, r.randrange(256)])
            rest = r.choice(
                [b"\0\0\0\0", b"\0\0\2\0", b"\0\0\0\x44", b"\0\0\xff\xff", r.randbytes(4), REMOTE]
            )
            body = bytes([kind, r.choice([0, 1, 3, 4, 4, 13, 200])]) + bytes(2) + rest + quote
        if len(body) >= 4:
            body = body[:2] + checksum(body).to_bytes(2, "big") + body[4:]
        return self.ip(1, body)

    def udp_packet(self) -> bytes:
        r = self.rng
        data = r.randbytes(r.choice([0, 1, 100, 1400]))
        head = r.randrange(65536).to_bytes(2, "big") + r.choice([53, 54, 55, 56, 0, 7777]).to_bytes(2, "big")
        n = 8 + len(data) if r.random() < 0.8 else r.randrange(65536)
        return self.ip(r.choice([17, 17, 17, 136, 99]), head + n.to_bytes(2, "big") + b"\0\0" + data)

    def fragment(self) -> bytes:
        r = self.rng
        at = r.choice([0, 0, 1, 2, 3, 8, 100, 8191])
        body = b"\0\x35\0\x35\0\x20\0\0" + r.randbytes(r.choice([0, 1, 8, 16, 24, 1400]))
        return self.ip(r.choice([17, 1, 6]), body, at | r.choice([0x2000, 0x2000, 0, 0x4000, 0x8000]))

    def options(self) -> bytes:
        r = self.rng
        opt = b""
        while len(opt) < 36 and r.random() < 0.8:
            opt += r.choice(
                [
                    b"\1",
                    b"\0",
                    bytes(
                        [
                            r.choice([7, 68, 131, 137, 130, 136, 148, r.randrange(256)]),
                            r.randrange(12),
                            r.randrange(12),
                        ]
                    )
                    + r.randbytes(r.randrange(10)),
                ]
            )
        return self.ip(r.choice([1, 17, 6]), b"\x08\0\xf7\xff\0\0\0\0", 0, opt[:40])

    def mutate(self, raw: bytes) -> bytes:
        """A little wrong; the checksums often right again."""
        r = self.rng
        data = bytearray(raw)
        for _ in range(r.choice([0, 1, 1, 2, 5])):
            if not data:
                break
            i = r.randrange(min(len(data), 60)) if r.random() < 0.9 else r.randrange(len(data))
            x = r.random()
            if x < 0.5:
                data[i] = r.choice([0, 1, 255, data[i] ^ (1 << r.randrange(8)), r.randrange(256)])
            elif x < 0.65:
                del data[i:]
            elif x < 0.8:
                del data[i : i + r.randrange(1, 9)]
            else:
                data[i:i] = r.randbytes(r.randrange(1, 9))
        if r.random() < 0.8:
            mend(data)
        return bytes(data)

    def packet(self) -> bytes:
        r = self.rng
        x = r.random()
        if x < 0.04:
            return r.randbytes(r.choice([0, 1, 19, 20, 40, 100]))
        if x < 0.08:
            return b"\x45" + r.randbytes(39)
        if x < 0.25 and self.tap.seen:
            return self.mutate(r.choice(self.tap.seen))
        make = r.choices(
            [self.segment, self.syn, self.icmp, self.udp_packet, self.fragment, self.options],
            [8, 2, 3, 2, 2, 1],
        )[0]
        raw = make()
        return self.mutate(raw) if r.random() < 0.25 else raw

    # ---- the run

    def step(self) -> None:
        r = self.rng
        x = r.random()
        if x < 0.15:
            self.program()
        elif x < 0.2:
            self.advance(r.choice([1, 10, 200, 1000, 100_000]))
        else:
            raw = self.packet()
            dev = self.lo if r.random() < 0.3 else self.w.dev
            self.log.append(f"{dev.name} {raw.hex()}")
            skb = skbuff.alloc_skb(self.k)
            skbuff.skb_set_data(skb, raw)
            skb.protocol = 0x0800 if r.random() < 0.99 else r.getrandbits(16)
            skb.dev = dev
            skb.skb_iif = dev.ifindex
            if r.random() < 0.5:
                net_dev.netif_receive_skb(self.k, skb)
            else:
                net_dev.netif_rx(self.k, skb)
        self.drain()
        self.check()
        self.sent.extend(raw for _, raw in self.w.out)
        self.w.out.clear()

    def drain(self) -> None:
        for _ in range(200):
            if not softirq.do_softirq(self.k, 1000):
                return
        raise AssertionError("the drain has no end")

    def advance(self, ms: int) -> None:
        self.log.append(f"advance {ms}")
        end = self.k.now + ms * MS
        n = 0
        while timers.next_expiry(self.k) <= end:
            self.k.now = max(self.k.now, timers.next_expiry(self.k))
            timers.run_timers(self.k)
            self.drain()
            n += 1
            assert n < 50_000, "timers without end"
        self.k.now = end

    def program(self) -> None:
        r, w = self.rng, self.w
        fds = self.fds()
        if not fds:
            return
        fd = r.choice(fds)
        x = r.random()
        data = r.randbytes(r.choice([1, 100, 5000, 60000]))
        if x < 0.4:
            call: tuple[object, ...] = ("sendto", fd, data, len(data), 0x4040, None, 0)
        elif x < 0.8:
            call = (
                "recvfrom",
                fd,
                bytearray(70000),
                r.choice([1, 100, 70000]),
                r.choice([0x40, 0x40, 0x42, 0x41, 0x2040]),
                None,
                None,
            )
        elif x < 0.85:
            call = ("accept4", fd, None, None, 0o4000)
        elif x < 0.88:
            call = ("shutdown", fd, r.randrange(3))
        elif x < 0.9 and len(fds) > 6:
            call = ("close", fd)
        elif x < 0.95:
            level = r.choice([0, 1, 1, 6, 6, 6, 17])
            value = r.choice([0, 1, 2, 30, 4096, 1 << 20, (1 << 31) - 1]).to_bytes(4, "little") * r.choice(
                [1, 1, 4]
            )
            call = ("setsockopt", fd, level, r.randrange(70), value, len(value))
        else:
            call = ("connect", fd, addr(r.choice([LO, REMOTE]), r.choice([8080, 8081, 8082, 9000])), 16)
        self.log.append(repr(call)[:60])
        w.call(call[0], *call[1:])  # type: ignore[arg-type]

    def check(self) -> None:
        """What every socket's books say is what its queues hold."""
        held = self.k.softnet.input_pkt_queue.qlen
        assert held == 0
        assert self.k.drops[0] == self.k.drops[1] == 0, "a drop without a reason"
        for sk in self.socks():
            check_sock(sk)

    def end(self) -> None:
        do_exit(self.w.task)
        self.drain()
        self.advance(20_000_000_000)  # ipfrag_time may be months
        left = {name: int(c.active) for name, c in self.k.slabs.items() if c.active}
        assert not left, left
        assert timers.next_expiry(self.k) >= timers.NEVER
        net = self.k.init_net
        assert not net.tcp_hashinfo.bhash
        assert not net.ip_frags and net.ip_frag_mem == 0
        assert net.tcp_hashinfo.memory_allocated == net.udp_table.memory_allocated == 0


def mend(data: bytearray) -> None:
    """Lengths and checksums of an IPv4 packet as far as there are any."""
    if len(data) < 20:
        return
    hlen = (data[0] & 15) * 4
    if hlen < 20 or len(data) < hlen:
        return
    data[2:4] = len(data).to_bytes(2, "big")
    data[10:12] = b"\0\0"
    data[10:12] = checksum(bytes(data[:hlen])).to_bytes(2, "big")
    body = data[hlen:]
    at = {6: 16, 17: 6, 1: 2}.get(data[9])
    if at is None or len(body) < at + 2:
        return
    body[at : at + 2] = b"\0\0"
    pseudo = b"" if data[9] == 1 else bytes(data[12:20]) + bytes([0, data[9]]) + len(body).to_bytes(2, "big")
    body[at : at + 2] = checksum(pseudo + bytes(body)).to_bytes(2, "big")
    data[hlen:] = body


def walk(head: SkBuffHead | None) -> list[SkBuff]:
    """A queue, and that its links are right."""
    out: list[SkBuff] = []
    if head is None:
        return out
    skb, before = head.first, None
    while skb is not None:
        assert skb.prev is before
        assert skb.on_list is head
        n = skb.headlen + sum(f.size for f in skb.frags or [])
        assert skb.len == n
        assert skb.users > 0
        out.append(skb)
        before, skb = skb, skb.next
    assert head.last is before
    assert head.qlen == len(out)
    return out


def check_sock(sk: Sock) -> None:
    arrived = walk(sk.sk_receive_queue) + walk(sk.sk_error_queue) + walk(sk.sk_backlog)
    waiting = walk(sk.sk_write_queue)
    assert sk.sk_refcnt > 0
    assert not sk.sk_owned
    if isinstance(sk, TcpSock):
        arrived += walk(sk.out_of_order_queue)
        sent = walk(sk.tcp_rtx_queue)
        waiting += sent
        assert sk.sk_wmem_queued == sum(s.truesize for s in waiting), "sk_wmem_queued"
        for x in (sk.snd_una, sk.snd_nxt, sk.rcv_nxt, sk.copied_seq, sk.write_seq):
            assert 0 <= x <= 0xFFFFFFFF
        if sk.sk_state == 1:
            assert sk.packets_out == sum(s.tcp_gso_segs for s in sent)
            assert sk.retrans_out == sum(s.tcp_gso_segs for s in sent if s.sacked & 2)
            assert sk.lost_out == sum(s.tcp_gso_segs for s in sent if s.sacked & 4)
            if sk.sack_ok:
                assert sk.sacked_out == sum(s.tcp_gso_segs for s in sent if s.sacked & 1)
            assert sk.sacked_out + sk.lost_out <= sk.packets_out
            assert sk.snd_cwnd >= 1
        held = sk.sk_forward_alloc + sk.sk_wmem_queued + sk.sk_rmem_alloc
        assert held % PAGE == 0, f"{held} bytes are not whole pages"
    assert sk.sk_forward_alloc >= 0, (
        f"sk_forward_alloc {sk.sk_forward_alloc} of {sk.sk_prot.name} in state {sk.sk_state}"
    )
    assert sk.sk_wmem_alloc >= 0
    assert sk.sk_rmem_alloc == sum(s.rmem_charged for s in arrived), "sk_rmem_alloc"
