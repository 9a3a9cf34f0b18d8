"""A bare machine with programs written as system calls: no C library, no runtime, time moved by hand.

`Bare` has one kernel and one task; its methods are the calls a test says most, by two-line names, each
returning what the kernel returned (an integer, or bytes). Nothing here raises for an errno: tests compare
numbers.
"""

from __future__ import annotations

import sockfs
from sockfs.entry import door
from sockfs.kernel import softirq, timers
from sockfs.structs.socket import Socket
from sockfs.structs.tcp_sock import TcpSock

AF_INET, SOCK_STREAM, SOCK_NONBLOCK = 2, 1, 0o4000
ESLEEP = 600
SEC = 1_000_000_000


def addr(port: int, host: str = "127.0.0.1") -> bytes:
    return b"\x02\x00" + port.to_bytes(2, "big") + bytes(int(x) for x in host.split(".")) + bytes(8)


class Bare:
    def __init__(self, seed: int = 0) -> None:
        self.k = sockfs.Kernel(seed=seed)
        self.k.now = 1000 * SEC
        self.t = self.k.task("test")

    def call(self, name: str, *args: object) -> int:
        return self.t.syscall(name, *args)

    def advance(self, ns: int) -> None:
        """Let time pass, timer by timer."""
        end = self.k.now + ns
        while True:
            at = timers.next_expiry(self.k)
            if at > end:
                break
            self.k.now = max(self.k.now, at)
            timers.run_timers(self.k)
            while softirq.do_softirq(self.k, 1 << 20):
                pass
        self.k.now = end

    def socket(self, flags: int = 0) -> int:
        return self.call("socket", AF_INET, SOCK_STREAM | flags, 0)

    def sk(self, fd: int) -> TcpSock:
        file = self.t.files.fdt[fd]
        assert file is not None
        sock = file.private_data
        assert isinstance(sock, Socket)
        sk = sock.sk
        assert isinstance(sk, TcpSock)
        return sk

    def listener(self, port: int = 80, backlog: int = 16, **opts: int) -> int:
        fd = self.socket(SOCK_NONBLOCK)
        if opts.get("reuse"):
            assert self.setopt(fd, 1, 2, 1) == 0
        assert self.call("bind", fd, addr(port), 16) == 0
        assert self.call("listen", fd, backlog) == 0
        return fd

    def pair(self, port: int = 80) -> tuple[int, int, int]:
        """(listener, client, server side) of a new connection over lo."""
        lfd = self.listener(port)
        cfd = self.socket()
        assert self.call("connect", cfd, addr(port), 16) == 0
        sfd = self.call("accept4", lfd, None, None, SOCK_NONBLOCK)
        assert sfd > 0
        return lfd, cfd, sfd

    def send(self, fd: int, data: bytes, flags: int = 0x40) -> int:
        return self.call("send", fd, data, len(data), flags)

    def recv(self, fd: int, n: int = 65536, flags: int = 0x40) -> bytes | int:
        buf = bytearray(n)
        r = self.call("recv", fd, buf, n, flags)
        return bytes(buf[:r]) if r >= 0 else r

    def resume(self) -> int:
        """Start the call again that fell asleep last."""
        return door.resume(self.k, self.k.sleeping[-1])

    def setopt(self, fd: int, level: int, name: int, value: int) -> int:
        return self.call("setsockopt", fd, level, name, (value & 0xFFFFFFFF).to_bytes(4, "little"), 4)

    def getopt(self, fd: int, level: int, name: int, n: int = 4) -> int | bytes:
        """The int, the bytes when another length than 4 was asked for, or -errno."""
        buf, length = bytearray(n), [n]
        r = self.call("getsockopt", fd, level, name, buf, length)
        if r < 0:
            return r
        return int.from_bytes(buf[: length[0]], "little", signed=True) if n == 4 else bytes(buf[: length[0]])

    def ioctl(self, fd: int, cmd: int) -> int:
        buf = bytearray(4)
        r = self.call("ioctl", fd, cmd, buf)
        return r if r < 0 else int.from_bytes(buf, "little")

    def name(self, fd: int, peer: bool = False) -> tuple[str, int] | int:
        buf, length = bytearray(16), [16]
        r = self.call("getpeername" if peer else "getsockname", fd, buf, length)
        if r < 0:
            return r
        return ".".join(str(b) for b in buf[4:8]), int.from_bytes(buf[2:4], "big")

    def poll(self, fd: int) -> int:
        """Every bit of the mask, asked for or not."""
        file = self.t.files.fdt[fd]
        assert file is not None
        return int(file.f_op.poll(file, None))

    def slabs(self) -> dict[str, int]:
        return {name: int(c.active) for name, c in self.k.slabs.items() if c.active}
