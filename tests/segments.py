"""A segment harness: one machine, one wire, segments by template, virtual time.

`Wire()` boots a Kernel with a device at 192.0.2.1/24; the test is everybody else on that network, as
192.0.2.2. Every segment is
real bytes, checksummed and parsed on its way in and out. A `Peer` is one connection seen from the far end:
sequence numbers
are relative (0 is the SYN), so `peer.send("PA", seq=1, ack=1, data=b"hi")` and `peer.expect("A", ack=3)`
read like a drawing.

Time stands still until `wire.run(ms)`; whatever the machine sends is kept, with the time at which it went.
`expect` demands that exactly this
is the next segment; `nothing` that there is none. The ladder functions at the end reach each state by real
segments.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from sockfs.boot import Kernel
from sockfs.entry import door
from sockfs.kernel import softirq, timers
from sockfs.net.core import dev as net_dev
from sockfs.net.core import skbuff, wire
from sockfs.net.ipv4 import devinet
from sockfs.structs.net_device import NetDevice, NetDeviceOps
from sockfs.structs.sk_buff import SkBuff
from sockfs.structs.tcp_sock import TcpSock

MS = 1_000_000
U32 = 0xFFFFFFFF
LOCAL = bytes([192, 0, 2, 1])
REMOTE = bytes([192, 0, 2, 2])
FLAGS = {"F": 1, "S": 2, "R": 4, "P": 8, "A": 16, "U": 32, "E": 64, "W": 128}
AGAIN = -11
SLEEPS = -600
O_NONBLOCK = 0o4000


@dataclass
class Seg:
    """A TCP segment, parsed. Sequence numbers as on the wire."""

    sport: int
    dport: int
    seq: int
    ack: int
    flags: str
    win: int
    data: bytes
    urg: int = 0
    mss: int | None = None
    wscale: int | None = None
    sack_ok: bool = False
    ts: tuple[int, int] | None = None
    sacks: list[tuple[int, int]] = field(default_factory=list)
    ecn: int = 0
    at: float = 0.0  # ms


def checksum(data: bytes) -> int:
    if len(data) % 2:
        data += b"\0"
    s = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while s >> 16:
        s = (s & 0xFFFF) + (s >> 16)
    return ~s & 0xFFFF


def build(seg: Seg, src: bytes = REMOTE, dst: bytes = LOCAL) -> bytes:
    """An IPv4 packet of seg, from the far end to the machine."""
    opt = b""
    if seg.mss is not None:
        opt += struct.pack("!BBH", 2, 4, seg.mss)
    if seg.sack_ok:
        opt += b"\x01\x01\x04\x02"
    if seg.ts is not None:
        opt += struct.pack("!BBBBII", 1, 1, 8, 10, *seg.ts)
    if seg.wscale is not None:
        opt += struct.pack("!BBBB", 1, 3, 3, seg.wscale)
    if seg.sacks:
        opt += struct.pack("!BBBB", 1, 1, 5, 2 + 8 * len(seg.sacks))
        for a, b in seg.sacks:
            opt += struct.pack("!II", a & U32, b & U32)
    bits = sum(FLAGS[f] for f in seg.flags)
    head = struct.pack(
        "!HHIIBBHHH",
        seg.sport,
        seg.dport,
        seg.seq & U32,
        seg.ack & U32,
        (5 + len(opt) // 4) << 4,
        bits,
        seg.win,
        0,
        seg.urg,
    )
    tcp = head + opt + seg.data
    pseudo = src + dst + struct.pack("!BBH", 0, 6, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, seg.ecn, 20 + len(tcp), 0, 0x4000, 64, 6, 0, src, dst)
    return ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + tcp


def parse(raw: bytes) -> Seg:
    """A packet of the machine's. Its checksums must be right."""
    ihl = (raw[0] & 15) * 4
    assert checksum(raw[:ihl]) == 0, "IP checksum"
    assert struct.unpack("!H", raw[2:4])[0] == len(raw)
    tcp = raw[ihl:]
    pseudo = raw[12:20] + struct.pack("!BBH", 0, 6, len(tcp))
    assert checksum(pseudo + tcp) == 0, "TCP checksum"
    sport, dport, seq, ack, off, bits, win, _, urg = struct.unpack("!HHIIBBHHH", tcp[:20])
    names = "".join(n for n, b in FLAGS.items() if bits & b)
    seg = Seg(sport, dport, seq, ack, names, win, tcp[(off >> 4) * 4 :], urg, ecn=raw[1] & 3)
    opt = tcp[20 : (off >> 4) * 4]
    while opt:
        kind = opt[0]
        if kind == 0:
            break
        if kind == 1:
            opt = opt[1:]
            continue
        body = opt[2 : opt[1]]
        if kind == 2:
            seg.mss = struct.unpack("!H", body)[0]
        elif kind == 3:
            seg.wscale = body[0]
        elif kind == 4:
            seg.sack_ok = True
        elif kind == 5:
            seg.sacks = [struct.unpack("!II", body[i : i + 8]) for i in range(0, len(body), 8)]
        elif kind == 8:
            seg.ts = struct.unpack("!II", body)
        opt = opt[opt[1] :]
    return seg


class _Ops(NetDeviceOps):
    def __init__(self, owner: Wire) -> None:
        self.owner = owner

    def ndo_start_xmit(self, skb: SkBuff, dev: NetDevice) -> int:
        self.owner.out.append((self.owner.now, wire.skb_to_bytes(skb)))
        skbuff.consume_skb(self.owner.k, skb)
        return 0


class Wire:
    """One machine on one wire."""

    def __init__(self, mtu: int = 1500, **sysctl: object) -> None:
        self.k = Kernel(seed=7)
        self.k.now = 1000 * MS
        self.out: list[tuple[float, bytes]] = []
        net = self.k.init_net
        for name, value in sysctl.items():
            assert hasattr(net.ipv4, "sysctl_" + name), name
            setattr(net.ipv4, "sysctl_" + name, value)
        self.dev = NetDevice(net, "test0", _Ops(self))
        self.dev.type = 0xFFFE  # no link layer, no ARP
        self.dev.flags = 0x80  # IFF_NOARP
        self.dev.mtu = mtu
        assert net_dev.register_netdevice(self.dev) == 0
        assert net_dev.dev_open(self.dev) == 0
        addr = int.from_bytes(LOCAL, "big")
        assert devinet.inet_addr_add(self.dev, addr, 24, addr | 255) == 0
        self.task = self.k.task("test")
        self.ports = 40000

    @property
    def now(self) -> float:
        """ms since the machine was booted for the test."""
        return (self.k.now - 1000 * MS) / MS

    @property
    def mib(self) -> object:
        return self.k.init_net.mib_linux

    def drain(self) -> None:
        while softirq.do_softirq(self.k, 1000):
            pass

    def run(self, ms: float) -> None:
        """Let ms pass, timer by timer."""
        until = int(self.k.now + ms * MS)
        while True:
            at = timers.next_expiry(self.k)
            if at > until:
                break
            self.k.now = max(at, self.k.now)
            timers.run_timers(self.k)
            self.drain()
        self.k.now = until

    def push(self, raw: bytes) -> None:
        """Bytes arrive."""
        skb = skbuff.alloc_skb(self.k)
        skbuff.skb_set_data(skb, raw)
        skb.protocol = 0x0800
        skb.dev = self.dev
        skb.skb_iif = self.dev.ifindex
        net_dev.netif_rx(self.k, skb)
        self.drain()

    def call(self, name: str, *args: object) -> int:
        return self.task.syscall(name, *args)

    def resume(self) -> int:
        """The call that sleeps is started again."""
        return door.resume(self.k, self.k.sleeping[-1])

    def sock(self, fd: int) -> TcpSock:
        sk = self.task.files.fdt[fd].private_data.sk
        assert isinstance(sk, TcpSock)
        return sk

    def socket(self, nonblock: bool = True) -> int:
        return self.call("socket", 2, 1 | (O_NONBLOCK if nonblock else 0), 0)

    def listen(self, port: int = 8080, backlog: int = 8) -> int:
        fd = self.socket()
        assert self.call("setsockopt", fd, 1, 2, struct.pack("i", 1), 4) == 0
        assert self.call("bind", fd, addr(LOCAL, port), 16) == 0
        assert self.call("listen", fd, backlog) == 0
        return fd

    def frames(self) -> list[Seg]:
        """Everything that went out since the last look."""
        got = []
        for at, raw in self.out:
            seg = parse(raw)
            seg.at = at
            got.append(seg)
        self.out.clear()
        return got

    def nothing(self) -> None:
        left = self.frames()
        assert not left, f"nothing was to come out, but: {left}"


def addr(ip: bytes, port: int) -> bytes:
    return struct.pack("<H", 2) + struct.pack("!H", port) + ip + bytes(8)


class Peer:
    """The far end of one connection. `iss` is its own initial sequence number, `irs` the machine's."""

    def __init__(self, w: Wire, port: int, local_port: int, iss: int = 1_000_000) -> None:
        self.w = w
        self.port = port
        self.local_port = local_port
        self.iss = iss
        self.irs = 0
        self.fd = -1
        self.win = 65535
        self.ts_on = False
        self.tsval = 5000
        self.ts_ecr = 0

    @property
    def sk(self) -> TcpSock:
        return self.w.sock(self.fd)

    def send(
        self,
        flags: str,
        seq: int = 0,
        ack: int | None = None,
        data: bytes = b"",
        win: int | None = None,
        sacks: list[tuple[int, int]] | None = None,
        ts: tuple[int, int] | None = None,
        **options: object,
    ) -> None:
        """A segment goes to the machine. SACK blocks are relative to the machine's sequence numbers."""
        seg = Seg(
            self.port,
            self.local_port,
            self.iss + seq,
            0 if ack is None else self.irs + ack,
            flags,
            self.win if win is None else win,
            data,
            **options,  # type: ignore[arg-type]
        )
        if ts is None and self.ts_on:
            ts = (self.tsval, self.ts_ecr)
        seg.ts = ts
        seg.sacks = [(self.irs + a, self.irs + b) for a, b in sacks or []]
        self.w.push(build(seg))

    def next(self) -> Seg:
        """The machine's next segment, with relative numbers."""
        assert self.w.out, f"a segment was to come out by {self.w.now} ms"
        at, raw = self.w.out.pop(0)
        seg = parse(raw)
        seg.at = at
        assert (seg.sport, seg.dport) == (self.local_port, self.port)
        seg.seq = (seg.seq - self.irs) & U32
        if "A" in seg.flags:
            seg.ack = (seg.ack - self.iss) & U32
        if seg.ts is not None:
            self.ts_ecr = seg.ts[0]
        seg.sacks = [((a - self.iss) & U32, (b - self.iss) & U32) for a, b in seg.sacks]
        return seg

    def expect(self, flags: str, **want: object) -> Seg:
        """Exactly this comes out next: flags, and whatever else is named (seq, ack, data, win, sacks,
        len)."""
        seg = self.next()
        got = {"flags": "".join(sorted(seg.flags))}
        wanted: dict[str, object] = {"flags": "".join(sorted(flags))}
        for name, value in want.items():
            wanted[name] = value
            got[name] = len(seg.data) if name == "len" else getattr(seg, name)
        assert got == wanted, f"at {seg.at} ms: {seg}"
        return seg

    def nothing(self) -> None:
        self.w.nothing()

    def write(self, data: bytes, flags: int = 0) -> int:
        return self.w.call("sendto", self.fd, data, len(data), flags, None, 0)

    def read(self, n: int = 65536, flags: int = 0) -> bytes | int:
        buf = bytearray(n)
        r = self.w.call("recvfrom", self.fd, buf, n, flags, None, None)
        return bytes(buf[:r]) if r >= 0 else r

    def close(self) -> int:
        return self.w.call("close", self.fd)

    def shutdown(self, how: int = 1) -> int:
        return self.w.call("shutdown", self.fd, how)

    def setsockopt(self, level: int, name: int, value: int) -> None:
        assert self.w.call("setsockopt", self.fd, level, name, struct.pack("i", value), 4) == 0

    def error(self) -> int:
        buf = bytearray(4)
        assert self.w.call("getsockopt", self.fd, 1, 4, buf, [4]) == 0
        return int(struct.unpack("i", buf)[0])


# ---- the ladder: each state by real segments


def syn_sent(w: Wire, port: int = 9000) -> Peer:
    """An active open; its SYN is out."""
    fd = w.socket()
    assert w.call("connect", fd, addr(REMOTE, port), 16) == -115
    _, raw = w.out[-1]
    syn = parse(raw)
    p = Peer(w, port, syn.sport)
    p.fd = fd
    p.irs = syn.seq
    return p


def syn_recv(
    w: Wire, listener: int | None = None, mss: int | None = 1460, **options: object
) -> tuple[Peer, int]:
    """A passive open; the SYN,ACK is out. The listener's descriptor beside it."""
    if listener is None:
        listener = w.listen()
    w.ports += 1
    p = Peer(w, w.ports, 8080)
    p.ts_on = "ts" in options
    p.send("S", mss=mss, **options)  # type: ignore[arg-type]
    _, raw = w.out[-1]
    p.irs = parse(raw).seq
    return p, listener


def established(w: Wire, listener: int | None = None, rtt: float = 10, **options: object) -> Peer:
    """A connection that the machine accepted, nothing sent. By default without options but MSS 1460. rtt in
    ms."""
    p, lfd = syn_recv(w, listener, **options)
    p.expect("SA", seq=0, ack=1)
    w.run(rtt)
    p.send("A", seq=1, ack=1)
    p.fd = w.call("accept4", lfd, None, None, O_NONBLOCK)
    assert p.fd >= 0
    p.nothing()
    return p


def sack_established(w: Wire, listener: int | None = None) -> Peer:
    return established(w, listener, sack_ok=True)


def fin_wait1(w: Wire) -> Peer:
    p = established(w)
    p.shutdown()
    p.expect("FA", seq=1, ack=1)
    return p


def fin_wait2(w: Wire) -> Peer:
    p = fin_wait1(w)
    p.send("A", seq=1, ack=2)
    return p


def closing(w: Wire) -> Peer:
    p = fin_wait1(w)
    p.send("FA", seq=1, ack=1)
    p.expect("A", seq=2, ack=2)
    return p


def close_wait(w: Wire) -> Peer:
    p = established(w)
    p.send("FA", seq=1, ack=1)
    p.w.run(300)
    p.expect("A", seq=1, ack=2)
    return p


def last_ack(w: Wire) -> Peer:
    p = close_wait(w)
    p.shutdown()
    p.expect("FA", seq=1, ack=2)
    return p


def time_wait(w: Wire) -> Peer:
    p = fin_wait2(w)
    p.send("FA", seq=1, ack=2)
    p.expect("A", seq=2, ack=2)
    return p
