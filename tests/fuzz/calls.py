"""Random system calls: whatever a program passes, an integer comes back and the books balance.

`Program` is one task that calls at random: plausible calls mostly, so that sockets get into every state, and
among them nonsense of every type in every place. Everything follows from the seed. `calls` keeps what was
called, so that a failure tells its story.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import sockfs
from sockfs.entry import door
from sockfs.fs.eventpoll import Eventpoll
from sockfs.fs.pipe import PipeInodeInfo
from sockfs.kernel import softirq, sysctl, timers
from sockfs.structs.socket import Socket

SEC = 1_000_000_000
NAMES = (
    "socket socketpair bind connect listen accept accept4 getsockname getpeername sendto send recvfrom "
    "recv sendmsg recvmsg sendmmsg recvmmsg shutdown setsockopt getsockopt read write readv writev close "
    "close_range dup dup2 dup3 fcntl ioctl pipe pipe2 eventfd eventfd2 poll ppoll select pselect6 "
    "epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 fstat sendfile splice "
    "getrlimit setrlimit socketcall"
).split()
OFTEN = (
    "bind connect listen accept4 getsockname getpeername sendto recvfrom recvfrom sendmsg recvmsg "
    "sendmmsg recvmmsg shutdown setsockopt setsockopt setsockopt getsockopt read write readv writev close "
    "dup poll epoll_ctl ioctl"
).split()
SELDOM = ("setrlimit", "close_range", "epoll_create", "epoll_create1", "eventfd", "eventfd2")
INTS = [
    0,
    1,
    -1,
    2,
    3,
    4,
    7,
    8,
    16,
    127,
    128,
    255,
    256,
    1000,
    4095,
    4096,
    65535,
    65536,
    1 << 20,
    (1 << 31) - 1,
    1 << 31,
    -(1 << 31),
    (1 << 32) - 1,
    1 << 32,
    (1 << 63) - 1,
    1 << 63,
    -(1 << 63),
    (1 << 64) - 1,
    1 << 64,
    -(1 << 64),
    1 << 70,
    -(1 << 70),
    1 << 4000,
]
TYPES = [1, 2, 3, 5, 1 | 0o4000, 2 | 0o4000, 1 | 0o2000000]
LEVELS = [0, 1, 6, 17, 41, 255, 263, 270, 136]
MSG_FLAGS = [
    0,
    0x40,
    0x40,
    0x4000,
    1,
    2,
    0x20,
    0x80,
    0x100,
    0x2000,
    0x8000,
    0x42,
    0x41,
    0x60,
    0x142,
    0x20000000,
    0x4000000,
    0x10000,
    0x40000000,
]


class Program:
    def __init__(self, seed: int, kernel: sockfs.Kernel | None = None) -> None:
        self.rng = random.Random(seed)
        self.k = sockfs.Kernel(seed=seed) if kernel is None else kernel
        self.k.now = 1000 * SEC
        self.before = {name: int(c.active) for name, c in self.k.slabs.items()}
        self.t = self.k.task("fuzz")
        if self.rng.random() < 0.5:
            tune(self.k, self.rng)
        self.answers: list[int] = []
        self.calls: list[tuple[str, tuple[object, ...]]] = []
        self.buf = bytearray(4096)

    # ---- arguments

    def junk(self) -> object:
        r = self.rng
        return r.choice(
            [
                lambda: None,
                lambda: r.choice(INTS),
                lambda: r.getrandbits(r.choice([1, 8, 16, 32, 63, 64, 70])) * r.choice([1, -1]),
                lambda: r.randbytes(r.choice([0, 1, 2, 4, 8, 12, 16, 28, 100])),
                lambda: bytearray(r.randbytes(r.choice([0, 1, 2, 4, 8, 16, 100]))),
                lambda: [r.choice(INTS)],
                list,
                dict,
                lambda: [bytearray(3), b"xy", None, 3],
                lambda: [None, [b"abc"], b"\0" * 16, 0],
                lambda: 1.5,
                lambda: float("nan"),
                lambda: "text",
                lambda: True,
                lambda: object(),
                lambda: (1, 2, 3, 4, 5, 6),
                lambda: memoryview(b"abc"),
                lambda: {1},
                lambda: len,
                lambda: int,
            ]
        )()

    def fd(self) -> object:
        r = self.rng
        if r.random() < 0.04:
            return r.choice([-1, 0, 1, 2, 999, 1 << 31, 1 << 70])
        if r.random() < 0.85:
            sockets = [
                i
                for i, f in enumerate(self.t.files.fdt)
                if f is not None and isinstance(f.private_data, Socket)
            ]
            if sockets:
                return r.choice(sockets)
        return r.randrange(3, max(4, min(len(self.t.files.fdt) + 1, 40)))

    def int(self, *plausible: int) -> Callable[[], object]:
        return lambda: (
            self.rng.choice(plausible) if plausible and self.rng.random() < 0.8 else self.rng.choice(INTS)
        )

    def addr(self) -> object:
        r = self.rng
        x = r.random()
        if x < 0.6:
            host = r.choice(
                [b"\x7f\0\0\1"] * 6 + [b"\0\0\0\0", b"\x7f\1\2\3", b"\xe0\0\0\1", b"\xff" * 4, b"\x0a\0\0\1"]
            )
            return (
                b"\x02\0"
                + r.choice([0, 80, 80, 81, 81, 82, 5000, 65535]).to_bytes(2, "big")
                + host
                + bytes(8)
            )
        if x < 0.8:
            name = r.choice(
                [b"", b"\0a", b"\0b", b"\0" + r.randbytes(3), b"/a\0b", r.randbytes(r.randrange(108))]
            )
            return b"\x01\0" + name
        return r.randbytes(r.choice([0, 1, 2, 8, 15, 16, 28, 110, 128, 129]))

    def addrlen(self) -> object:
        return self.rng.choice([16, 16, 16, 2, 3, 4, 5, 8, 15, 17, 28, 110, 128, 0, -1, 1 << 33])

    def data(self) -> object:
        return bytes(self.rng.choice([0, 1, 10, 100, 5000, 70000]))

    def space(self) -> object:
        return bytearray(self.rng.choice([0, 1, 10, 100, 5000]))

    def length(self) -> object:
        return [self.rng.choice([16, 16, 4, 0, -1, 128, 1, 1 << 31, 1 << 70])]

    def size(self) -> object:
        return self.rng.choice([0, 1, 10, 100, 5000, 5000, 70000, -1, 1 << 62])

    def flags(self) -> object:
        r = self.rng
        return (
            r.choice(MSG_FLAGS) | 0x40
            if r.random() < 0.7
            else r.choice([r.choice(MSG_FLAGS), r.getrandbits(32)])
        )

    def control(self) -> object:
        r = self.rng
        if r.random() < 0.5:
            return None
        out = b""
        fds = [i for i, f in enumerate(self.t.files.fdt) if f is not None] + [999]
        for _ in range(r.randrange(3)):
            body = r.choice(
                [
                    (3).to_bytes(4, "little"),
                    bytes(12),
                    r.randbytes(r.randrange(40)),
                    b"".join(r.choice(fds).to_bytes(4, "little") for _ in range(r.choice([1, 1, 2, 5, 300]))),
                ]
            )
            n = 16 + len(body) + r.choice([0, 0, 0, 0, 1, -1, 1 << 20])
            level, kind = r.choice(
                [(1, 1), (1, 1), (1, 2), (0, 8), (0, 1), (0, 2), (17, 103), (0, 7), (1, 37), (1, 61)]
            )
            out += (
                (n & (1 << 64) - 1).to_bytes(8, "little")
                + level.to_bytes(4, "little")
                + kind.to_bytes(4, "little")
            )
            out += body + bytes(-len(body) % 8)
        return out[: r.randrange(len(out) + 1)] if r.random() < 0.1 else out

    def msghdr_out(self) -> object:
        r = self.rng
        return [
            r.choice([None, self.addr()]),
            [self.data() for _ in range(r.randrange(3))],
            self.control(),
            0,
        ]

    def msghdr_in(self) -> object:
        r = self.rng
        return [
            r.choice([None, bytearray(16), bytearray(128), bytearray(3)]),
            [self.space() for _ in range(r.randrange(3))],
            r.choice([None, bytearray(256), bytearray(17), bytearray(16), bytearray(3), bytearray(0)]),
            0,
        ]

    def pollfds(self) -> object:
        r = self.rng
        out = b""
        for _ in range(r.randrange(5)):
            fd = self.fd()
            out += (fd & 0xFFFFFFFF).to_bytes(4, "little") + r.getrandbits(16).to_bytes(2, "little") + b"\0\0"  # type: ignore[operator]
        return bytearray(out)

    def of(self, kind: type) -> object:
        """A descriptor of something of that kind, if there is one."""
        found = [
            i for i, f in enumerate(self.t.files.fdt) if f is not None and isinstance(f.private_data, kind)
        ]
        return self.rng.choice(found) if found and self.rng.random() < 0.9 else self.fd()

    def option(self, fd: object) -> tuple[object, object]:
        """A level and an option, mostly of the socket's own protocol."""
        r = self.rng
        fdt = self.t.files.fdt
        file = fdt[fd] if isinstance(fd, int) and 0 <= fd < len(fdt) else None
        levels = [1, 0]
        if file is not None and isinstance(file.private_data, Socket) and file.private_data.sk is not None:
            levels += [int(file.private_data.sk.sk_protocol)] * 2
        level = r.choice(levels) if r.random() < 0.9 else r.choice(LEVELS)
        most = {0: 52, 1: 84, 6: 45, 17: 105, 255: 3}.get(level, 80)
        return level, r.randrange(most) if r.random() < 0.95 else r.choice(INTS)

    def args(self, name: str) -> tuple[object, ...]:
        """Plausible arguments for one call."""
        r, fd = self.rng, self.fd
        bytes_ = self.data
        if name == "socket":
            return (
                r.choice([2, 2, 2, 1, 10, 16, 17]),
                r.choice(TYPES),
                r.choice([0, 0, 0, 6, 17, 1, 255, 136, 132]),
            )
        if name == "socketpair":
            return (
                r.choice([1, 1, 1, 2]),
                r.choice([1, 2, 5, 1 | 0o4000]),
                0,
                r.choice([bytearray(8), bytearray(4)]),
            )
        if name in ("bind", "connect"):
            a = self.addr()
            return fd(), a, len(a) if r.random() < 0.7 else self.addrlen()  # type: ignore[arg-type]
        if name == "listen":
            return fd(), self.int(0, 1, 5, 128)()
        if name in ("accept", "accept4", "getsockname", "getpeername"):
            return (
                fd(),
                *r.choice([(None, None), (bytearray(16), self.length()), (self.space(), self.length())]),
                r.choice([0, 0o4000]),
            )
        if name in ("sendto", "send"):
            d = bytes_()
            return (
                fd(),
                d,
                len(d) if r.random() < 0.9 else self.size(),
                self.flags(),
                r.choice([None, None, self.addr()]),
                self.addrlen(),
            )  # type: ignore[arg-type]
        if name in ("recvfrom", "recv"):
            return (
                fd(),
                self.space(),
                self.size(),
                self.flags(),
                r.choice([None, bytearray(16)]),
                self.length(),
            )
        if name == "sendmsg":
            return fd(), self.msghdr_out(), self.flags()
        if name == "recvmsg":
            return fd(), self.msghdr_in(), self.flags()
        if name == "sendmmsg":
            n = r.randrange(4)
            return fd(), [[self.msghdr_out(), 0] for _ in range(n)], n, self.flags()
        if name == "recvmmsg":
            n = r.randrange(4)
            return (
                fd(),
                [[self.msghdr_in(), 0] for _ in range(n)],
                n,
                self.flags(),
                r.choice([None, 0, 10**9, -5]),
            )
        if name == "shutdown":
            return fd(), self.int(0, 1, 2)()
        if name == "setsockopt":
            target = fd()
            level, option = self.option(target)
            v = r.choice([0, 1, 2, 5, 60, 255, 4096, 65536, -1, (1 << 31) - 1, -(1 << 31), r.getrandbits(31)])
            value = r.choice(
                [
                    (v & 0xFFFFFFFF).to_bytes(4, "little"),
                    (v & 0xFFFFFFFF).to_bytes(4, "little"),
                    bytes(8),
                    bytes(16),
                    (v & 0xFFFFFFFF).to_bytes(8, "little") + (v & 0xFFFFFFFF).to_bytes(8, "little"),
                    b"\x01",
                    b"",
                    b"cubic",
                    b"reno",
                    r.randbytes(r.choice([1, 3, 4, 8, 12, 16, 40, 100])),
                    r.randbytes(4),
                ]
            )
            return (
                target,
                level,
                option,
                value,
                len(value) if r.random() < 0.9 else r.choice([0, 1, 4, 5, -1, 1 << 20]),
            )
        if name == "getsockopt":
            target = fd()
            return (
                target,
                *self.option(target),
                bytearray(r.choice([0, 1, 4, 8, 16, 300])),
                [r.choice([4, 4, 0, 1, 8, 16, 300, -1, 1 << 40])],
            )
        if name == "read":
            return fd(), self.space(), self.size()
        if name == "write":
            d = bytes_()
            return fd(), d, len(d) if r.random() < 0.9 else self.size()  # type: ignore[arg-type]
        if name == "readv":
            return fd(), [self.space() for _ in range(r.randrange(4))], r.randrange(4)
        if name == "writev":
            return fd(), [self.data() for _ in range(r.randrange(4))], r.randrange(4)
        if name == "close":
            return (fd(),)
        if name == "close_range":
            a = r.randrange(8, 40)
            return a, a + r.randrange(3), r.choice([0, 0, 4, 2])
        if name == "dup":
            return (fd(),)
        if name in ("dup2", "dup3"):
            return fd(), fd(), r.choice([0, 0o2000000])
        if name == "fcntl":
            return (
                fd(),
                r.choice(
                    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 15, 16, 36, 1024, 1030, 1031, 1032, 1033, 1034]
                ),
                r.choice(
                    [0, 1, 2, 0o4000, 0o20000, 5, 20, -1, 1 << 40, bytearray(8), bytearray(32), b"12345678"]
                ),
            )
        if name == "ioctl":
            return (
                fd(),
                r.choice(
                    [
                        0x5411,
                        0x541B,
                        0x5421,
                        0x5452,
                        0x8904,
                        0x8905,
                        0x8906,
                        0x8907,
                        0x8910,
                        0x8912,
                        0x8915,
                        0x8933,
                        0x8901,
                        0x8902,
                        0x8903,
                        0x5450,
                        0x5451,
                        0x8913,
                        0x8927,
                    ]
                ),
                r.choice([bytearray(4), bytearray(8), bytearray(40), bytearray(b"lo" + bytes(38)), 0, 1]),
            )
        if name in ("pipe", "pipe2"):
            return bytearray(8), r.choice([0, 0o4000, 0o2000000, 0o40000])
        if name in ("eventfd", "eventfd2"):
            return self.int(0, 1)(), r.choice([0, 1, 0o4000])
        if name in ("poll", "ppoll"):
            p = self.pollfds()
            n = len(p) // 8 if r.random() < 0.9 else r.choice(INTS)  # type: ignore[arg-type]
            if name == "poll":
                return p, n, r.choice([0, 0, 5, -1])
            return p, n, r.choice([None, bytes(16), r.randbytes(16), b"x"]), r.choice([None, bytes(8)]), 8
        if name in ("select", "pselect6"):

            def bits() -> object:
                return r.choice([None, bytearray(r.randbytes(8)), bytearray(128), bytearray(1)])

            return (
                r.choice([0, 5, 8, 64, 1024, -1]),
                bits(),
                bits(),
                bits(),
                r.choice([None, bytearray(16), bytearray(r.randbytes(16))]),
                None,
            )
        if name in ("epoll_create", "epoll_create1"):
            return (r.choice([0, 1, 0o2000000, -1]),)
        if name == "epoll_ctl":
            ev = r.choice([1, 5, 4, 0x80000001, 0x40000001, 0x10000001, 0x2001, r.getrandbits(32)]).to_bytes(
                4, "little"
            )
            return self.of(Eventpoll), r.choice([1, 1, 1, 2, 3, 0, 9]), fd(), ev + r.randbytes(8)
        if name.startswith("epoll_"):
            return (
                self.of(Eventpoll),
                bytearray(12 * r.randrange(4)),
                r.choice([1, 2, 3, 0, -1, 1 << 30]),
                *((r.choice([None, bytes(16)]),) if name.endswith("2") else (r.choice([0, 0, 3, -1]),)),
                None,
                8,
            )
        if name == "fstat":
            return fd(), bytearray(144)
        if name == "sendfile":
            return fd(), self.of(PipeInodeInfo), r.choice([None, bytearray(8)]), self.size()
        if name == "splice":
            ends = r.choice([(self.of(PipeInodeInfo), fd()), (fd(), self.of(PipeInodeInfo))])
            return ends[0], None, ends[1], None, self.size(), r.randrange(16)
        if name in ("getrlimit", "setrlimit"):
            return 7, r.choice([bytearray(16), (60).to_bytes(8, "little") * 2, bytes(16), b"\xff" * 16])
        inner = r.choice(["socket", "bind", "send", "recv", "accept4", "getsockname"])
        number = {"socket": 1, "bind": 2, "send": 9, "recv": 10, "accept4": 18, "getsockname": 6}[inner]
        return number, list(self.args(inner))

    # ---- the run

    def step(self) -> None:
        r = self.rng
        x = r.random()
        if x < 0.04 and self.k.sleeping:
            call = r.choice(self.k.sleeping)
            what = r.choice(["signalled", "expired", ""])
            self.calls.append(("resume", (what,)))
            if what:
                setattr(call, what, True)
            check(door.resume(self.k, call))
            return
        if x < 0.07:
            self.advance(r.choice([1000, 10**6, 10**8, 10**9, 10**11]))
            return
        if x < 0.09:
            self.connection()
            return
        name = r.choice(OFTEN) if r.random() < 0.7 else r.choice(NAMES)
        if name in SELDOM and r.random() < 0.9:
            name = "sendto"
        args = self.args(name)
        if r.random() < 0.15 and args:
            i = r.randrange(len(args) + 1)
            args = args[:i] + (self.junk(),) + args[i + 1 :]
        elif r.random() < 0.02:
            args = tuple(self.junk() for _ in range(r.randrange(8)))
        self.last = (name, self.call(name, *args))

    def connection(self) -> None:
        """A connection, or a pair of UDP or local sockets, the straight way; the listener stays."""
        if self.rng.random() < 0.2:
            kind, name = self.rng.choice([1, 1, 5, 2]), b"\1\0\0" + self.rng.choice([b"a", b"b"])
            lfd = self.call("socket", 1, kind, 0)
            self.call("bind", lfd, name, len(name))
            self.call("listen", lfd, 2)
            self.call("connect", self.call("socket", 1, kind | 0o4000, 0), name, len(name))
            self.call("accept4", lfd, None, None, 0o4000)
            return
        if self.rng.random() < 0.3:
            self.call("socketpair", 1, self.rng.choice(TYPES), 0, bytearray(8))
            self.call("epoll_create1", 0)
            return
        kind = self.rng.choice([1, 1, 1, 2])
        here = self.rng.choice([80, 81, 82]).to_bytes(2, "big")
        to = b"\x02\0" + here + b"\x7f\0\0\1" + bytes(8)
        lfd = self.call("socket", 2, kind, 0)
        self.call("setsockopt", lfd, 1, 2, b"\1\0\0\0", 4)
        self.call("bind", lfd, to, 16)
        self.call("listen", lfd, 5)
        self.call("connect", self.call("socket", 2, kind, 0), to, 16)
        self.call("accept4", lfd, None, None, self.rng.choice([0, 0o4000]))

    def call(self, name: str, *args: object) -> int:
        self.calls.append((name, args))
        r = self.t.syscall(name, *args)
        check(r)
        self.answers.append(r)
        return r

    def advance(self, ns: int) -> None:
        self.calls.append(("advance", (ns,)))
        end = self.k.now + ns
        while timers.next_expiry(self.k) <= end:
            self.k.now = max(self.k.now, timers.next_expiry(self.k))
            timers.run_timers(self.k)
            self.drain()
        self.k.now = end

    def drain(self) -> None:
        for _ in range(1000):
            if not softirq.do_softirq(self.k, 1000):
                return
        raise AssertionError("the drain has no end")

    def end(self) -> None:
        """Signals end what sleeps, the task exits, an hour passes: nothing is left."""
        for _ in range(3):
            for call in list(self.k.sleeping):
                call.signalled = True
                self.calls.append(("resume", ("signalled",)))
                check(door.resume(self.k, call))
        sockfs.boot.do_exit(self.t)
        self.drain()
        self.advance(20_000_000 * SEC)
        left = {name: int(c.active) - self.before.get(name, 0) for name, c in self.k.slabs.items()}
        left = {name: n for name, n in left.items() if n}
        assert not left, left
        assert timers.next_expiry(self.k) >= timers.NEVER
        net = self.k.init_net
        assert not net.tcp_hashinfo.bhash
        assert net.tcp_hashinfo.memory_allocated == net.udp_table.memory_allocated == 0


def tune(k: sockfs.Kernel, rng: random.Random) -> None:
    """A few sysctls at random."""
    names = sysctl.names(k.init_net)
    for _ in range(rng.choice([1, 1, 5])):
        name = rng.choice(names)
        if rng.random() < 0.2:
            sysctl.proc_write(k.init_net, "net.ipv4.tcp_fastopen", rng.choice(["3", "7", "1543"]))
        words = [
            str(rng.choice([0, 1, 2, 10, 4096, 1 << 20, (1 << 31) - 1, -1]))
            for _ in range(rng.choice([1, 1, 3]))
        ]
        sysctl.proc_write(k.init_net, name, " ".join(words))


def check(r: object) -> None:
    assert type(r) is int, r
    assert r >= -133 or -531 <= r <= -512 or r == -600, r
