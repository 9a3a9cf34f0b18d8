"""One body of test code, run twice: on the real kernel and on sockfs. Everything it observes is compared.

A body is a function of one argument, `s`, whose methods are the system calls with C's arguments. Each call
writes one line
into a transcript: name, arguments, result (a number or the name of the errno), and what came back in
buffers. `Parity`
runs the body in a child process inside a network namespace of its own and on a fresh bare `sockfs.Kernel`,
and fails with
both transcripts side by side where they differ. Ephemeral ports, inode numbers and cookies are replaced by
labels in the
order in which they appear; ports below 32768 are the body's own and are compared as they are.

Bodies never sleep. A body that must wait for an event says `s.until(fd, events)`, a poll with a time-out.
A call that
would sleep for good is part of the observation: a timer interrupts it on the kernel's side, sockfs's
record says so on
ours, and the line ends in "blocks".

For sweeps over thousands of arguments `s.tab[key] = value` (with `s.raw`, which writes no line) is
compared key by key.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import pickle
import select
import signal
import socket
import struct
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

NR: Final = {
    "read": 0, "write": 1, "close": 3, "fstat": 5, "poll": 7, "ioctl": 16, "readv": 19, "writev": 20,
    "pipe": 22,
    "select": 23, "dup": 32, "dup2": 33, "sendfile": 40, "socket": 41, "connect": 42, "accept": 43,
    "sendto": 44,
    "recvfrom": 45, "sendmsg": 46, "recvmsg": 47, "shutdown": 48, "bind": 49, "listen": 50, "getsockname": 51,
    "getpeername": 52, "socketpair": 53, "setsockopt": 54, "getsockopt": 55, "fcntl": 72, "epoll_create": 213,
    "epoll_wait": 232, "epoll_ctl": 233, "pselect6": 270, "ppoll": 271, "epoll_pwait": 281, "eventfd": 284,
    "accept4": 288, "eventfd2": 290, "epoll_create1": 291, "dup3": 292, "pipe2": 293, "recvmmsg": 299,
    "sendmmsg": 307, "close_range": 436, "epoll_pwait2": 441,
}  # fmt: skip

LENGTH_POINTER: Final = {
    "accept": 2, "accept4": 2, "getsockname": 2, "getpeername": 2, "recvfrom": 5, "getsockopt": 4,
}  # fmt: skip
ESLEEP: Final = 600
BLOCK_SECONDS: Final = 0.12  # a call that has not come back after this is said to block
CLONE_NEWNET: Final = 0x4000_0000
RESULT_FD: Final = 63  # beyond it Linux would make the table larger, and select(2) sees how large it is
EPHEMERAL: Final = 32768  # net.ipv4.ip_local_port_range starts here

POLL_NAMES: Final = (
    (0x1, "IN"), (0x2, "PRI"), (0x4, "OUT"), (0x8, "ERR"), (0x10, "HUP"), (0x20, "NVAL"), (0x40, "RDNORM"),
    (0x80, "RDBAND"), (0x100, "WRNORM"), (0x200, "WRBAND"), (0x400, "MSG"), (0x2000, "RDHUP"),
    (1 << 28, "EXCLUSIVE"), (1 << 29, "WAKEUP"), (1 << 30, "ONESHOT"), (1 << 31, "ET"),
)  # fmt: skip
POLLIN, POLLPRI, POLLOUT, POLLERR, POLLHUP, POLLNVAL, POLLRDHUP = 1, 2, 4, 8, 16, 32, 0x2000
POLLALL: Final = 0x27FF & ~0x38


# ---- what is compared


def errname(r: int) -> str:
    """A result as text: a number, or -NAME."""
    if r >= 0:
        return str(r)
    return "-" + errno.errorcode.get(-r, str(-r))


def pollnames(mask: int) -> str:
    names = [name for bit, name in POLL_NAMES if mask & bit]
    rest = mask & ~sum(bit for bit, _ in POLL_NAMES)
    if rest:
        names.append(hex(rest))
    return "|".join(names) or "0"


def ip(addr: str, port: int = 0) -> bytes:
    """A packed sockaddr_in."""
    return struct.pack("=H", 2) + struct.pack("!H", port) + socket.inet_aton(addr) + bytes(8)


def un(path: bytes) -> bytes:
    """A packed sockaddr_un of just the length of the name."""
    return struct.pack("=H", 1) + path


def port_of(addr: bytes) -> int:
    return int.from_bytes(addr[2:4], "big")


def i32(value: int) -> bytes:
    return struct.pack("=I", value & 0xFFFFFFFF)


class Msg:
    """`struct msghdr`: buffers are bytes to send from, bytearrays to receive into. Lengths default to the
    buffers'.
    """

    def __init__(
        self,
        iov: Sequence[bytes | bytearray | None],
        name: bytes | bytearray | None = None,
        control: bytes | bytearray | None = None,
        *,
        namelen: int | None = None,
        controllen: int | None = None,
        lens: Sequence[int] | None = None,
        iovlen: int | None = None,
    ) -> None:
        self.iov = list(iov)
        self.lens = list(lens) if lens is not None else [0 if b is None else len(b) for b in iov]
        self.iovlen = len(self.iov) if iovlen is None else iovlen
        self.name = name
        self.namelen = namelen if namelen is not None else 0 if name is None else len(name)
        self.control = control
        self.controllen = controllen if controllen is not None else 0 if control is None else len(control)
        self.flags = 0
        self.len = 0  # sendmmsg and recvmmsg: bytes


class Different(AssertionError):
    """The two sides answered differently."""


class Observer:
    """A transcript, and the labels of what may differ between two runs."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.tab: dict[object, object] = {}
        self._labels: dict[tuple[str, object], str] = {}

    def note(self, *what: object) -> None:
        """Observe something that no call said."""
        self.lines.append(" ".join(str(w) for w in what))

    def label(self, kind: str, value: object) -> str:
        """A name for a value that differs between runs: the first of its kind is kind1."""
        key = (kind, value)
        if key not in self._labels:
            self._labels[key] = f"{kind}{sum(1 for k, _ in self._labels if k == kind) + 1}"
        return self._labels[key]

    def show_port(self, port: int) -> str:
        return self.label("P", port) if port >= EPHEMERAL else str(port)

    def show_addr(self, b: bytes | None) -> str:
        """A packed address as text; what is no address of a known family as hex."""
        if b is None:
            return "NULL"
        b = bytes(b)
        if len(b) == 16 and b[:2] == b"\x02\x00" and b[8:] == bytes(8):
            return f"{socket.inet_ntoa(b[4:8])}:{self.show_port(port_of(b))}"
        if b[:2] == b"\x02\x00" and len(b) >= 4:
            return f"inet[{len(b)}]:{self.show_port(port_of(b))}:{b[4:].hex()}"
        if b[:2] == b"\x01\x00":
            path = b[2:]
            if len(path) == 6 and path[0] == 0:  # autobind: five hex digits
                try:
                    int(path[1:], 16)
                    return self.label("AUTO", path)
                except ValueError:
                    pass
            return f"unix:{path!r}"
        return b.hex() or "empty"

    def show_bytes(self, b: bytes | bytearray | None) -> str:
        if b is None:
            return "NULL"
        b = bytes(b)
        if len(b) > 48:
            head = b[:24]
            return f"{head!r}…[{len(b)}]#{hash_bytes(b):08x}"
        return repr(b)


def hash_bytes(b: bytes) -> int:
    import zlib

    return zlib.crc32(b)


# ---- the calls


class Sys(Observer):
    """The system calls. `raw` is a side's own; everything else is written here once, for both."""

    side = ""
    quiet = False

    def raw(self, name: str, *args: Any) -> int:
        """Make a call without a line. Integers, bytes to read from, bytearrays to write to, None for NULL,
        `Msg`.
        """
        raise NotImplementedError

    def patient(self, name: str, *args: Any) -> tuple[int, bool]:
        """Make a call that may sleep. The result and whether it had to be interrupted."""
        raise NotImplementedError

    def _line(self, name: str, args: Iterable[object], r: int, blocked: bool = False, more: str = "") -> None:
        if not self.quiet:
            tail = " blocks" if blocked else ""
            self.lines.append(f"{name}({', '.join(map(str, args))}) = {errname(r)}{tail}{more}")

    def call(self, name: str, *args: Any) -> int:
        """Any call, with a plain line."""
        r = self.raw(name, *args)
        shown = [
            self.show_bytes(a) if isinstance(a, bytes) else "buf" if isinstance(a, bytearray) else a
            for a in args
        ]
        more = "".join(f" {self.show_bytes(a)}" for a in args if isinstance(a, bytearray))
        self._line(name, shown, r, more=more)
        return r

    # sockets and names

    def socket(self, family: int, type: int, protocol: int = 0) -> int:
        return self.call("socket", family, type, protocol)

    def socketpair(self, family: int, type: int, protocol: int = 0) -> tuple[int, int]:
        sv = bytearray(8)
        r = self.raw("socketpair", family, type, protocol, sv)
        a, b = struct.unpack("=ii", sv)
        self._line("socketpair", (family, type, protocol), r, more=f" [{a}, {b}]" if r == 0 else "")
        return (a, b) if r == 0 else (r, r)

    def pipe2(self, flags: int = 0) -> tuple[int, int]:
        sv = bytearray(8)
        r = self.raw("pipe2", sv, flags)
        a, b = struct.unpack("=ii", sv)
        self._line("pipe2", (flags,), r, more=f" [{a}, {b}]" if r == 0 else "")
        return (a, b) if r == 0 else (r, r)

    def bind(self, fd: int, addr: bytes | None, length: int | None = None) -> int:
        n = length if length is not None else len(addr or b"")
        r = self.raw("bind", fd, addr, n)
        self._line("bind", (fd, self.show_addr(addr), n), r)
        return r

    def connect(self, fd: int, addr: bytes | None, length: int | None = None) -> int:
        n = length if length is not None else len(addr or b"")
        r, blocked = self.patient("connect", fd, addr, n)
        self._line("connect", (fd, self.show_addr(addr), n), r, blocked)
        return r

    def listen(self, fd: int, backlog: int) -> int:
        return self.call("listen", fd, backlog)

    def accept(self, fd: int, size: int | None = 128) -> int:
        return self._accept("accept", (fd,), size)

    def accept4(self, fd: int, flags: int, size: int | None = 128) -> int:
        return self._accept("accept4", (fd, flags), size)

    def _accept(self, name: str, args: tuple[int, ...], size: int | None) -> int:
        if size is None:
            r, blocked = self.patient(name, args[0], None, None, *args[1:])
            self._line(name, (*args, "NULL"), r, blocked)
            return r
        buf, n = bytearray(max(size, 0)), bytearray(i32(size))
        r, blocked = self.patient(name, args[0], buf, n, *args[1:])
        self._line(name, (*args, size), r, blocked, self._name_out(buf, n, size) if r >= 0 else "")
        return r

    def getsockname(self, fd: int, size: int = 128) -> bytes:
        return self._getname("getsockname", fd, size)

    def getpeername(self, fd: int, size: int = 128) -> bytes:
        return self._getname("getpeername", fd, size)

    def _getname(self, name: str, fd: int, size: int) -> bytes:
        buf, n = bytearray(max(size, 0)), bytearray(i32(size))
        r = self.raw(name, fd, buf, n)
        self._line(name, (fd, size), r, more=self._name_out(buf, n, size) if r == 0 else "")
        return bytes(buf[: min(size, int.from_bytes(n, "little"))]) if r == 0 else b""

    def _name_out(self, buf: bytearray, n: bytearray, size: int) -> str:
        got = int.from_bytes(n, "little")
        return f" {self.show_addr(bytes(buf[: min(got, size)]))} len {got}"

    def port(self, fd: int) -> int:
        """The local port, without a line."""
        buf, n = bytearray(128), bytearray(i32(128))
        self.raw("getsockname", fd, buf, n)
        return port_of(buf)

    # data

    def send(self, fd: int, data: bytes | None, flags: int = 0) -> int:
        return self.sendto(fd, data, flags, None, 0)

    def sendto(
        self,
        fd: int,
        data: bytes | None,
        flags: int,
        addr: bytes | None,
        length: int | None = None,
        *,
        n: int | None = None,
    ) -> int:
        alen = length if length is not None else len(addr or b"")
        dlen = n if n is not None else len(data or b"")
        r, blocked = self.patient("sendto", fd, data, dlen, flags, addr, alen)
        shown = (fd, self.show_bytes(data), dlen, hex(flags), self.show_addr(addr), alen)
        self._line("sendto", shown, r, blocked)
        return r

    def recv(self, fd: int, n: int, flags: int = 0) -> bytes:
        buf = bytearray(n)
        r, blocked = self.patient("recvfrom", fd, buf, n, flags, None, None)
        got = bytes(buf[: min(r, n)]) if r > 0 else b""
        self._line("recv", (fd, n, hex(flags)), r, blocked, f" {self.show_bytes(got)}" if r > 0 else "")
        return got

    def recvfrom(self, fd: int, n: int, flags: int = 0, size: int = 128) -> tuple[bytes, bytes]:
        buf, addr, alen = bytearray(n), bytearray(max(size, 0)), bytearray(i32(size))
        r, blocked = self.patient("recvfrom", fd, buf, n, flags, addr, alen)
        got = bytes(buf[: min(r, n)]) if r > 0 else b""
        more = f" {self.show_bytes(got)} from{self._name_out(addr, alen, size)}" if r >= 0 else ""
        self._line("recvfrom", (fd, n, hex(flags), size), r, blocked, more)
        return got, bytes(addr[: int.from_bytes(alen, "little")])

    def sendmsg(self, fd: int, msg: Msg, flags: int = 0) -> int:
        r, blocked = self.patient("sendmsg", fd, msg, flags)
        shown = [self.show_bytes(b) for b in msg.iov]
        self._line(
            "sendmsg",
            (fd, f"[{', '.join(shown)}]", self.show_addr(msg.name), self.show_bytes(msg.control), hex(flags)),
            r,
            blocked,
        )
        return r

    def recvmsg(self, fd: int, msg: Msg, flags: int = 0) -> int:
        size, csize = msg.namelen, msg.controllen
        r, blocked = self.patient("recvmsg", fd, msg, flags)
        more = self._msg_out(msg, r, size) if r >= 0 else ""
        self._line("recvmsg", (fd, msg.lens, size, csize, hex(flags)), r, blocked, more)
        return r

    def _msg_out(self, msg: Msg, r: int, size: int) -> str:
        data = b"".join(bytes(b) for b in msg.iov if b is not None)[: max(r, 0)]
        got = min(size, msg.namelen)
        name = "" if msg.name is None else f" from {self.show_addr(bytes(msg.name[:got]))} len {got}"
        ctl = "" if msg.control is None else f" control {self.show_bytes(msg.control[: msg.controllen])}"
        return f" {self.show_bytes(data)}{name}{ctl} clen {msg.controllen} flags {msg.flags:#x}"

    def sendmmsg(self, fd: int, msgs: list[Msg], flags: int = 0, n: int | None = None) -> int:
        r, blocked = self.patient("sendmmsg", fd, msgs, len(msgs) if n is None else n, flags)
        self._line(
            "sendmmsg", (fd, len(msgs), n, hex(flags)), r, blocked, f" {[m.len for m in msgs[: max(r, 0)]]}"
        )
        return r

    def recvmmsg(
        self, fd: int, msgs: list[Msg], flags: int = 0, timeout: bytes | None = None, n: int | None = None
    ) -> int:
        tmo = None if timeout is None else bytearray(timeout)
        sizes = [m.namelen for m in msgs]
        r, blocked = self.patient("recvmmsg", fd, msgs, len(msgs) if n is None else n, flags, tmo)
        more = "".join(self._msg_out(m, m.len, z) for m, z in zip(msgs[: max(r, 0)], sizes, strict=False))
        self._line("recvmmsg", (fd, len(msgs), n, hex(flags), timeout), r, blocked, more)
        return r

    def read(self, fd: int, n: int) -> bytes:
        buf = bytearray(n)
        r, blocked = self.patient("read", fd, buf, n)
        got = bytes(buf[:r]) if r > 0 else b""
        self._line("read", (fd, n), r, blocked, f" {self.show_bytes(got)}" if r > 0 else "")
        return got

    def write(self, fd: int, data: bytes | None, n: int | None = None) -> int:
        dlen = n if n is not None else len(data or b"")
        r, blocked = self.patient("write", fd, data, dlen)
        self._line("write", (fd, self.show_bytes(data), dlen), r, blocked)
        return r

    def readv(self, fd: int, lens: Sequence[int]) -> bytes:
        bufs = [bytearray(n) for n in lens]
        r, blocked = self.patient("readv", fd, bufs, len(bufs))
        got = b"".join(bytes(b) for b in bufs)[: max(r, 0)]
        self._line("readv", (fd, list(lens)), r, blocked, f" {self.show_bytes(got)}" if r > 0 else "")
        return got

    def writev(self, fd: int, bufs: Sequence[bytes]) -> int:
        r, blocked = self.patient("writev", fd, list(bufs), len(bufs))
        self._line("writev", (fd, [self.show_bytes(b) for b in bufs]), r, blocked)
        return r

    # options, descriptors

    def setsockopt(
        self, fd: int, level: int, opt: int, value: int | bytes | None, length: int | None = None
    ) -> int:
        b = i32(value) if isinstance(value, int) else value
        n = length if length is not None else len(b or b"")
        r = self.raw("setsockopt", fd, level, opt, b, n)
        self._line(
            "setsockopt", (fd, level, opt, value if isinstance(value, int) else self.show_bytes(b), n), r
        )
        return r

    def getsockopt(self, fd: int, level: int, opt: int, size: int = 4) -> int | bytes:
        """The value: an integer when 4 bytes came, bytes otherwise; -errno."""
        buf, n = bytearray(max(size, 0)), bytearray(i32(size))
        r = self.raw("getsockopt", fd, level, opt, buf, n)
        got = int.from_bytes(n, "little", signed=True)
        value = bytes(buf[: max(got, 0)])
        shown: object = struct.unpack("=i", value)[0] if len(value) == 4 else self.show_bytes(value)
        self._line("getsockopt", (fd, level, opt, size), r, more=f" {shown} len {got}" if r == 0 else "")
        if r < 0:
            return r
        return int(struct.unpack("=i", value)[0]) if len(value) == 4 else value

    def so_error(self, fd: int) -> int:
        buf, n = bytearray(4), bytearray(i32(4))
        r = self.raw("getsockopt", fd, 1, 4, buf, n)
        err = int.from_bytes(buf, "little")
        self._line("SO_ERROR", (fd,), r, more=" " + errno.errorcode.get(err, str(err)))
        return err

    def shutdown(self, fd: int, how: int) -> int:
        return self.call("shutdown", fd, how)

    def close(self, fd: int) -> int:
        r, blocked = self.patient("close", fd)
        self._line("close", (fd,), r, blocked)
        return r

    def dup(self, fd: int) -> int:
        return self.call("dup", fd)

    def dup2(self, fd: int, new: int) -> int:
        return self.call("dup2", fd, new)

    def dup3(self, fd: int, new: int, flags: int = 0) -> int:
        return self.call("dup3", fd, new, flags)

    def fcntl(self, fd: int, cmd: int, arg: int = 0) -> int:
        return self.call("fcntl", fd, cmd, arg)

    def ioctl(self, fd: int, cmd: int, arg: int | bytes | None = 0) -> int:
        """An ioctl whose argument is an in-and-out buffer of bytes (an integer stands for four of them)."""
        if arg is None:
            r = self.raw("ioctl", fd, cmd, None)
            self._line("ioctl", (fd, hex(cmd), "NULL"), r)
            return r
        buf = bytearray(i32(arg) if isinstance(arg, int) else arg)
        r = self.raw("ioctl", fd, cmd, buf)
        self._line("ioctl", (fd, hex(cmd), arg), r, more=f" {bytes(buf)!r}")
        return int.from_bytes(buf, "little") if r == 0 and len(buf) == 4 else r

    def nonblock(self, fd: int) -> None:
        """O_NONBLOCK on, without a line."""
        flags = self.raw("fcntl", fd, 3, 0)
        self.raw("fcntl", fd, 4, flags | 0o4000)

    # waiting

    def poll(self, fds: Sequence[tuple[int, int]], timeout: int = 0) -> int:
        buf = bytearray(b"".join(struct.pack("=ihh", fd, _short(ev), 0) for fd, ev in fds))
        r, blocked = self.patient("poll", buf, len(fds), timeout)
        got = [struct.unpack_from("=ihH", buf, 8 * i)[2] for i in range(len(fds))]
        shown = [f"{fd}:{pollnames(ev)}" for fd, ev in fds]
        self._line("poll", (shown, timeout), r, blocked, f" {[pollnames(m) for m in got]}")
        return r

    def mask(self, fd: int) -> int:
        """What poll says at once, all bits asked for."""
        m = self._mask(fd, POLLALL)
        self.lines.append(f"mask({fd}) = {pollnames(m)}")
        return m

    def _mask(self, fd: int, events: int, timeout: int = 0) -> int:
        buf = bytearray(struct.pack("=ihh", fd, _short(events), 0))
        if timeout:
            self.patient("poll", buf, 1, timeout)
        else:
            self.raw("poll", buf, 1, 0)
        return int(struct.unpack("=ihH", buf)[2])

    def until(self, fd: int, events: int, ms: int = 3000) -> int:
        """Wait for one of the events (all that are ready come back, only those asked for are observed)."""
        m = self._mask(fd, events, ms)
        self.lines.append(f"until({fd}, {pollnames(events)}) = {pollnames(m & events)}")
        return m

    def select(
        self,
        n: int,
        r: Sequence[int],
        w: Sequence[int] = (),
        x: Sequence[int] = (),
        timeout: float | None = 0,
    ) -> int:
        sets = [bytearray(128) for _ in range(3)]
        for buf, fds in zip(sets, (r, w, x), strict=True):
            for fd in fds:
                buf[fd >> 3] |= 1 << (fd & 7)
        tv = (
            None
            if timeout is None
            else bytearray(struct.pack("=qq", int(timeout), int(timeout * 1e6) % 1000000))
        )
        res, blocked = self.patient("select", n, *sets, tv)
        got = [[fd for fd in range(1024) if buf[fd >> 3] & 1 << (fd & 7)] for buf in sets]
        self._line("select", (n, list(r), list(w), list(x), timeout), res, blocked, f" {got}")
        return res

    def epoll_create1(self, flags: int = 0) -> int:
        return self.call("epoll_create1", flags)

    def epoll_ctl(self, epfd: int, op: int, fd: int, events: int | None = 0, data: int | None = None) -> int:
        ev = (
            None
            if events is None
            else struct.pack("=IQ", events & 0xFFFFFFFF, fd & 0xFFFFFFFF if data is None else data)
        )
        r = self.raw("epoll_ctl", epfd, op, fd, ev)
        self._line("epoll_ctl", (epfd, op, fd, "NULL" if events is None else pollnames(events)), r)
        return r

    def epoll_wait(self, epfd: int, n: int = 16, timeout: int = 0, *, sort: bool = False) -> int:
        """`sort` where one call makes several files ready: in which order depends on when the other end's
        half is done.
        """
        buf = bytearray(12 * max(min(n, 64), 0))
        r, blocked = self.patient("epoll_wait", epfd, buf, n, timeout)
        got = [struct.unpack_from("=IQ", buf, 12 * i) for i in range(max(r, 0))]
        if sort:
            got.sort(key=lambda event: event[1])
        self._line("epoll_wait", (epfd, n, timeout), r, blocked, f" {[(d, pollnames(m)) for m, d in got]}")
        return r

    # whole steps

    def listener(self, port: int = 0, backlog: int = 8, addr: str = "127.0.0.1", type: int = 1) -> int:
        fd = self.socket(2, type, 0)
        self.bind(fd, ip(addr, port))
        self.listen(fd, backlog)
        return fd

    def pair(self, port: int = 0) -> tuple[int, int, int]:
        """A TCP connection over loopback: listener, client, accepted; the ports are `port` and the next,
        where given.
        """
        ls = self.listener(port)
        c = self.socket(2, 1, 0)
        if port:
            self.bind(c, ip("127.0.0.1", port + 1))
        self.connect(c, ip("127.0.0.1", self.port(ls)))
        a = self.accept(ls)
        return ls, c, a


def _short(ev: int) -> int:
    ev &= 0xFFFF
    return ev - 0x10000 if ev & 0x8000 else ev


# ---- the kernel's side


class Iovec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("len", ctypes.c_size_t))


class Msghdr(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_void_p),
        ("namelen", ctypes.c_uint32),
        ("iov", ctypes.c_void_p),
        ("iovlen", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("controllen", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class Mmsghdr(ctypes.Structure):
    _fields_ = (("hdr", Msghdr), ("len", ctypes.c_uint32))


class KernelSys(Sys):
    """The real kernel through syscall(2)."""

    side = "kernel"

    def __init__(self) -> None:
        super().__init__()
        self._syscall = ctypes.CDLL(None, use_errno=True).syscall
        self._syscall.restype = ctypes.c_long
        self._alarms = 0
        signal.signal(signal.SIGALRM, self._alarm)
        signal.siginterrupt(signal.SIGALRM, True)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        signal.signal(signal.SIGURG, signal.SIG_IGN)

    def _alarm(self, signum: int, frame: object) -> None:
        self._alarms += 1

    def raw(self, name: str, *args: Any) -> int:
        keep: list[object] = []
        values = [self._convert(a, keep) for a in args]
        r = int(self._syscall(ctypes.c_long(NR[name]), *values))
        if r == -1:
            r = -ctypes.get_errno()
        for fill in keep:
            if isinstance(fill, tuple):
                msg, hdr = fill
                if isinstance(hdr, Mmsghdr):
                    msg.len, hdr = hdr.len, hdr.hdr
                msg.namelen, msg.controllen, msg.flags = hdr.namelen, hdr.controllen, hdr.flags
        return r

    def socket(self, family: int, type: int, protocol: int = 0) -> int:
        fd = super().socket(family, type, protocol)
        if fd >= 0 and family == 2 and type & 15 == 1:
            self.raw("setsockopt", fd, 6, 13, b"cubic", 5)  # TCP_CONGESTION
        return fd

    def patient(self, name: str, *args: Any) -> tuple[int, bool]:
        before = self._alarms
        signal.setitimer(signal.ITIMER_REAL, BLOCK_SECONDS if name != "poll" else 5, BLOCK_SECONDS)
        r = self.raw(name, *args)
        signal.setitimer(signal.ITIMER_REAL, 0)
        return r, self._alarms != before

    def _convert(self, a: Any, keep: list[object]) -> Any:
        if a is None:
            return None
        if isinstance(a, int):
            return ctypes.c_long(((a & 0xFFFFFFFFFFFFFFFF) ^ (1 << 63)) - (1 << 63))
        if isinstance(a, bytes):
            return a
        if isinstance(a, bytearray):
            return (ctypes.c_char * len(a)).from_buffer(a)
        if isinstance(a, Msg):
            hdr = self._msghdr(a, keep)
            keep.append((a, hdr))
            return ctypes.byref(hdr)
        assert isinstance(a, list)
        if a and isinstance(a[0], Msg):
            many = (Mmsghdr * len(a))()
            for i, m in enumerate(a):
                many[i].hdr = self._msghdr(m, keep)
                keep.append((m, many[i]))
            keep.append(many)
            return many
        return self._iovec(a, [len(b) for b in a], keep)

    def _iovec(
        self, bufs: Sequence[bytes | bytearray | None], lens: Sequence[int], keep: list[object]
    ) -> Any:
        iov = (Iovec * max(len(bufs), 1))()
        for i, b in enumerate(bufs):
            iov[i].base = self._address(b, keep)
            iov[i].len = lens[i] & 0xFFFFFFFFFFFFFFFF
        keep.append(iov)
        return iov

    def _address(self, b: bytes | bytearray | None, keep: list[object]) -> int | None:
        if b is None:
            return None
        c: Any = ctypes.c_char_p(b) if isinstance(b, bytes) else (ctypes.c_char * len(b)).from_buffer(b)
        keep.append(c)
        return ctypes.cast(c, ctypes.c_void_p).value

    def _msghdr(self, m: Msg, keep: list[object]) -> Msghdr:
        iov = self._iovec(m.iov, m.lens, keep)
        return Msghdr(
            self._address(m.name, keep),
            m.namelen & 0xFFFFFFFF,
            ctypes.addressof(iov),
            m.iovlen,
            self._address(m.control, keep),
            m.controllen & 0xFFFFFFFFFFFFFFFF,
            0,
        )


def enter_namespace() -> None:
    """A network namespace of this process's own, its loopback up.

    Its default congestion control stays the machine's: a namespace may only choose from
    tcp_allowed_congestion_control, which is
    the machine's too. So `KernelSys.socket` asks for cubic socket by socket.

    Where namespaces are not permitted the body runs in the one that is there: loopback is loopback.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        return
    with socket.socket() as s:
        fcntl.ioctl(
            s, 0x8914, struct.pack("16sH22x", b"lo", 0x49)
        )  # SIOCSIFFLAGS: IFF_UP | IFF_LOOPBACK | IFF_RUNNING


def why_no_kernel() -> str:
    """Why the kernel cannot be the oracle here; "" when it can."""
    if sys.platform != "linux" or os.uname().machine != "x86_64":
        return "the oracle is Linux on x86-64"
    return ""


class KernelRun:
    """A body in a child process on the real kernel."""

    def __init__(self, enter: Callable[[], Observer], body: Callable[[Any], None]) -> None:
        r, w = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 and later warn of fork with threads
            self.pid = os.fork()
        if self.pid == 0:
            status = 1
            try:
                os.dup2(w, RESULT_FD)
                os.closerange(3, RESULT_FD)
                os.closerange(RESULT_FD + 1, RESULT_FD + 100)
                answer = observe(enter, body)
                with open(RESULT_FD, "wb") as f:
                    pickle.dump(answer, f)
                status = 0
            finally:
                os._exit(status)
        os.close(w)
        self.pipe = r

    def result(self, seconds: float = 60) -> tuple[list[str], dict[object, object], str]:
        chunks = []
        deadline = time.monotonic() + seconds
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.pipe], [], [], left)[0]:
                os.kill(self.pid, signal.SIGKILL)
                break
            chunk = os.read(self.pipe, 1 << 20)
            if not chunk:
                break
            chunks.append(chunk)
        os.close(self.pipe)
        os.waitpid(self.pid, 0)
        if not chunks:
            return [], {}, "the kernel's side died or did not come back"
        answer: tuple[list[str], dict[object, object], str] = pickle.loads(b"".join(chunks))
        return answer


def observe(
    enter: Callable[[], Observer], body: Callable[[Any], None]
) -> tuple[list[str], dict[object, object], str]:
    """Run a body: its transcript, its table, and the traceback if it ended in an exception."""
    s = Observer()
    try:
        s = enter()
        body(s)
    except BaseException:
        return s.lines, s.tab, traceback.format_exc()
    return s.lines, s.tab, ""


def kernel_sys() -> Sys:
    enter_namespace()
    return KernelSys()


# ---- sockfs's side


class SockfsSys(Sys):
    """A bare sockfs machine through `task.syscall`. Time passes only where a call waits."""

    side = "sockfs"

    def __init__(self) -> None:
        super().__init__()
        import sockfs

        self.kernel: Any = sockfs.Kernel(seed=0)
        self.kernel.now = (
            10**12
        )  # a machine that has been up for a while: no time of its connections is near 0
        self.task: Any = self.kernel.task("parity")

    def raw(self, name: str, *args: Any) -> int:
        theirs = self._convert(name, args)
        r = self._whole(name, int(self.task.syscall(name, *theirs)))
        self._fill(name, args, theirs)
        return r

    def patient(self, name: str, *args: Any) -> tuple[int, bool]:
        from sockfs.entry import door
        from sockfs.kernel import timers

        k = self.kernel
        theirs = self._convert(name, args)
        r = int(self.task.syscall(name, *theirs))
        blocked = False
        limit = k.now + int((BLOCK_SECONDS if name != "poll" else 5) * 1e9)
        while r == -ESLEEP:
            call = k.sleeping[-1]
            due = min(timers.next_expiry(k), call.deadline if call.deadline >= 0 else limit + 1)
            if due > limit:
                blocked = call.signalled = True
                k.now = limit
            else:
                k.now = max(k.now, due)
                call.expired = 0 <= call.deadline <= k.now
            r = door.resume(k, call)
        self._fill(name, args, theirs)
        return self._whole(name, r), blocked

    def pass_time(self, seconds: float) -> None:
        """Let time go by and run what becomes due."""
        from sockfs.kernel import softirq, timers

        k = self.kernel
        end = k.now + int(seconds * 1e9)
        while timers.next_expiry(k) <= end:
            k.now = max(k.now, timers.next_expiry(k))
            timers.run_timers(k)
            while softirq.do_softirq(k, 1 << 20):
                pass
        k.now = end

    def _whole(self, name: str, r: int) -> int:
        return -errno.EINTR if r in (-512, -513, -514, -516) else r

    def _convert(self, name: str, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Pointers to structures with pointers in them become what `sockfs.entry` takes for them."""
        out: list[Any] = []
        for i, a in enumerate(args):
            if i == LENGTH_POINTER.get(name) and isinstance(a, bytearray):
                out.append([int.from_bytes(a, "little", signed=True)])
            elif isinstance(a, Msg):
                out.append(self._msghdr(a))
            elif isinstance(a, list) and a and isinstance(a[0], Msg):
                out.append([[self._msghdr(m), 0] for m in a])
            elif name == "recvmmsg" and i == 4 and isinstance(a, bytearray):
                out.append(
                    int.from_bytes(a[:8], "little", signed=True) * 10**9 + int.from_bytes(a[8:], "little")
                )
            else:
                out.append(a)
        return tuple(out)

    def _msghdr(self, m: Msg) -> list[Any]:
        return [m.name, m.iov, m.control, 0]

    def _fill(self, name: str, args: tuple[Any, ...], theirs: tuple[Any, ...]) -> None:
        for a, b in zip(args, theirs, strict=True):
            if isinstance(a, bytearray) and isinstance(b, list):
                a[:] = i32(b[0])
            elif isinstance(a, Msg):
                self._msg_back(a, b)
            elif isinstance(b, list) and a and isinstance(a[0], Msg):
                for m, (fields, n) in zip(a, b, strict=True):
                    m.len = n
                    self._msg_back(m, fields)

    def _msg_back(self, m: Msg, fields: list[Any]) -> None:
        m.flags = fields[3]
        if isinstance(m.control, bytearray):
            m.controllen = len(m.control)
        if isinstance(m.name, bytearray):
            m.namelen = len(m.name)


# ---- the comparison


class Parity:
    """`parity(body)`: run it on both, fail where they differ."""

    def __init__(self) -> None:
        self.why = why_no_kernel()

    def __call__(self, body: Callable[[Any], None]) -> None:
        self.compare(kernel_sys, SockfsSys, body)

    def py(self, body: Callable[[Any], None]) -> None:
        """A body that uses the plain `socket` module; it observes with `log.note`."""
        self.compare(kernel_py, Observer, installed_body(body), body)

    def compare(
        self,
        kernel: Callable[[], Observer],
        ours: Callable[[], Observer],
        body: Callable[[Any], None],
        kernel_body: Callable[[Any], None] | None = None,
    ) -> None:
        run = KernelRun(kernel, kernel_body or body)
        mine = observe(ours, body)
        theirs = run.result()
        message = difference(theirs, mine)
        if message:
            # A machine with other work on it can delay the kernel's side: ask once more before believing it.
            theirs = KernelRun(kernel, kernel_body or body).result()
            message = difference(theirs, mine)
        if message:
            raise Different(message)


def kernel_py() -> Observer:
    enter_namespace()
    return Observer()


def installed_body(body: Callable[[Any], None]) -> Callable[[Any], None]:
    def run(log: Any) -> None:
        import sockfs

        with sockfs.installed():
            body(log)

    return run


def difference(
    theirs: tuple[list[str], dict[object, object], str], mine: tuple[list[str], dict[object, object], str]
) -> str:
    """What is different, for a person; "" when nothing is."""
    out: list[str] = []
    for who, answer in (("the kernel", theirs), ("sockfs", mine)):
        if answer[2]:
            out.append(f"the body failed on {who}:\n{answer[2]}")
    if theirs[0] != mine[0]:
        out.append(side_by_side(theirs[0], mine[0]))
    keys = [k for k in {**theirs[1], **mine[1]} if theirs[1].get(k) != mine[1].get(k)]
    if keys:
        out.append(f"{len(keys)} of {len(theirs[1])} entries differ (key: kernel, sockfs):")
        out += [f"  {k}: {theirs[1].get(k)}   {mine[1].get(k)}" for k in keys[:80]]
    return "\n".join(out)


def side_by_side(left: list[str], right: list[str], width: int = 78) -> str:
    """Both transcripts, the lines that differ marked."""
    rows = ["", f"  {'kernel':{width}} sockfs"]
    for i in range(max(len(left), len(right))):
        a = left[i] if i < len(left) else "—"
        b = right[i] if i < len(right) else "—"
        if a == b:
            rows.append(f"  {a}")
        else:
            rows.append(f"! {a:{width}} {b}")
    return "\n".join(rows)
