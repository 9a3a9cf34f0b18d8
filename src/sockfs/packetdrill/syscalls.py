"""System calls of a script, made on the sockfs kernel.

`Calls.prepare` turns a parsed call into the arguments of `Task.syscall` and a check of what comes back:
the result, errno, and whatever the call writes to memory (option values, poll events, control messages). A
call runs as long as the runner lets it; nothing here waits. Script descriptors and live ones need not be
the same numbers: what a call that makes a descriptor is said to return is the script's name for it.

Files: `open` and `sendfile` know only the files that the script's own commands wrote (`commands.py`).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sockfs.packetdrill import ast, constants

if TYPE_CHECKING:
    from sockfs.structs.task import Task

AF_INET = 2
SOL_TCP = 6
MAKES_DESCRIPTOR = {"socket", "accept", "accept4", "open", "epoll_create", "epoll_create1", "dup", "eventfd"}
CONTROL_ROOM = 1024


class CallError(Exception):
    """A call that the script states in a way that cannot be carried out."""


@dataclass
class Prepared:
    """What to call, and what to say about its result ("" when all is as expected)."""

    name: str
    args: tuple[object, ...]
    check: Callable[[int], str]
    done: Callable[[int], None] | None = None


@dataclass
class Calls:
    """The script's process: its descriptors, and where `...` points."""

    task: Task
    local_ip: int
    remote_ip: int
    local_port: int
    remote_port: int
    tolerance_ns: int
    start: int  # kernel time at which the script began
    files: dict[str, bytes] = field(default_factory=dict)
    fds: dict[int, int] = field(default_factory=dict)
    opened: dict[int, bytes] = field(default_factory=dict)  # live descriptor → contents

    # ---- entry

    def prepare(self, spec: ast.Syscall) -> Prepared:
        """The call, ready to be made. Raises CallError."""
        handler = HANDLERS.get(spec.name)
        if handler is None:
            raise CallError(f"system call '{spec.name}' is not known")
        try:
            prepared = handler(self, spec)
        except IndexError:
            raise CallError(f"too few arguments for {spec.name}()") from None
        inner = prepared.check
        prepared.check = lambda r: self.result(spec, r) or (inner(r) if r >= 0 else "")
        if spec.name in MAKES_DESCRIPTOR:
            prepared.done = lambda r: self.made(spec, r)
        return prepared

    def made(self, spec: ast.Syscall, r: int) -> None:
        if r >= 0:
            wanted = self.number(spec.result) if not isinstance(spec.result, ast.Ellipsis_) else r
            self.fds[wanted] = r

    def result(self, spec: ast.Syscall, r: int) -> str:
        """What is wrong with the returned number."""
        if isinstance(spec.result, ast.Ellipsis_):
            return ""
        want = self.number(spec.result)
        if r < 0:
            name = constants.errno_names().get(-r, str(-r))
            if want != -1:
                return f"{spec.name}: expected {want}, got -1 {name}"
            if spec.errno and spec.errno != name:
                same = constants.table().get(spec.errno) == -r
                return "" if same else f"{spec.name}: expected errno {spec.errno}, got {name}"
            return ""
        if want == -1:
            return f"{spec.name}: expected -1 {spec.errno}".rstrip() + f", got {r}"
        if spec.name in MAKES_DESCRIPTOR:
            return ""
        return "" if want == r else f"{spec.name}: expected {want}, got {r}"

    # ---- values

    def number(self, e: ast.Expr) -> int:
        if isinstance(e, ast.Int):
            return e.value
        if isinstance(e, ast.Word):
            value = constants.table().get(e.name)
            if value is None:
                raise CallError(f"constant '{e.name}' is not known")
            return value
        if isinstance(e, ast.Or):
            return self.number(e.left) | self.number(e.right)
        if isinstance(e, ast.Call) and e.name in ("htons", "htonl", "ntohs", "ntohl", "_htons_"):
            return self.number(e.args[0])
        if isinstance(e, ast.Array) and len(e.items) == 1:
            return self.number(e.items[0])
        raise CallError("expected a number")

    def fd(self, e: ast.Expr) -> int:
        n = self.number(e)
        return self.fds.get(n, n)

    def numbers(self, e: ast.Expr) -> list[int]:
        if not isinstance(e, ast.Array):
            raise CallError("expected an array of numbers")
        return [self.number(item) for item in e.items]

    def sockaddr(self, e: ast.Expr, local: bool) -> bytes | None:
        """A packed sockaddr; `...` is the script's own side or its peer's."""
        if isinstance(e, ast.Word):
            if e.name == "NULL":
                return None
            return struct.pack("=H", self.number(e)) + bytes(14)
        if isinstance(e, ast.Ellipsis_):
            ip, port = (self.local_ip, self.local_port) if local else (self.remote_ip, self.remote_port)
            return struct.pack("=H", AF_INET) + struct.pack("!HI", port, ip) + bytes(8)
        if isinstance(e, ast.Struct):
            family = self.number(e.get("sa_family") or ast.Word("AF_INET"))
            port = self.number(e.get("sin_port") or ast.Int(0))
            return (
                struct.pack("=H", family)
                + struct.pack("!HI", port, self.address(e.get("sin_addr")))
                + bytes(8)
            )
        raise CallError("expected a socket address")

    def address(self, e: ast.Expr | None) -> int:
        if isinstance(e, ast.Call) and e.args and isinstance(e.args[0], ast.Str):
            return parse_ipv4(e.args[0].value)
        if e is None:
            return 0
        return self.number(e)

    def data(self, e: ast.Expr, n: int) -> bytes | None:
        """n bytes to send: zeros, or the script's own string."""
        if isinstance(e, ast.Word) and e.name == "NULL":
            return None
        if isinstance(e, ast.Str):
            raw = e.value.encode("latin-1")
            return (raw + bytes(max(0, n - len(raw))))[:n]
        return bytes(max(0, n))

    def room(self, e: ast.Expr, n: int) -> bytearray | None:
        if isinstance(e, ast.Word) and e.name == "NULL":
            return None
        return bytearray(max(0, n))

    def iov(self, e: ast.Expr | None) -> list[int]:
        """The lengths of an iovec array."""
        if not isinstance(e, ast.Array):
            raise CallError("expected an iovec array")
        out = []
        for item in e.items:
            if not isinstance(item, ast.Struct) or len(item.members) != 2:
                raise CallError("an iovec is {..., length}")
            out.append(self.number(item.members[1].value))
        return out

    # ---- sockets

    def do_socket(self, s: ast.Syscall) -> Prepared:
        family = AF_INET if isinstance(s.args[0], ast.Ellipsis_) else self.number(s.args[0])
        return Prepared("socket", (family, self.number(s.args[1]), self.number(s.args[2])), ok)

    def do_bind(self, s: ast.Syscall) -> Prepared:
        return Prepared("bind", (self.fd(s.args[0]), self.sockaddr(s.args[1], True), 16), ok)

    def do_connect(self, s: ast.Syscall) -> Prepared:
        return Prepared("connect", (self.fd(s.args[0]), self.sockaddr(s.args[1], False), 16), ok)

    def do_listen(self, s: ast.Syscall) -> Prepared:
        return Prepared("listen", (self.fd(s.args[0]), self.number(s.args[1])), ok)

    def do_accept(self, s: ast.Syscall) -> Prepared:
        flags = (self.number(s.args[3]),) if s.name == "accept4" else ()
        return Prepared(s.name, (self.fd(s.args[0]), bytearray(16), [16], *flags), ok)

    def do_getname(self, s: ast.Syscall) -> Prepared:
        name, length = bytearray(16), [16]

        def check(r: int) -> str:
            want = s.args[1]
            if isinstance(want, ast.Struct) and self.sockaddr(want, True) != bytes(name):
                return f"{s.name}: another address came: {bytes(name).hex()}"
            return ""

        return Prepared(s.name, (self.fd(s.args[0]), name, length), check)

    def do_shutdown(self, s: ast.Syscall) -> Prepared:
        return Prepared("shutdown", (self.fd(s.args[0]), self.number(s.args[1])), ok)

    def do_write(self, s: ast.Syscall) -> Prepared:
        n = self.number(s.args[2])
        return Prepared("write", (self.fd(s.args[0]), self.data(s.args[1], n), n), ok)

    def do_read(self, s: ast.Syscall) -> Prepared:
        n = self.number(s.args[2])
        buf = self.room(s.args[1], n)
        return Prepared("read", (self.fd(s.args[0]), buf, n), self.contents(s.args[1], buf))

    def contents(self, want: ast.Expr, buf: bytearray | None) -> Callable[[int], str]:
        if not isinstance(want, ast.Str) or buf is None:
            return ok
        raw = want.value.encode("latin-1")

        def check(r: int) -> str:
            have = bytes(buf[:r])
            if have[: len(raw)] != raw or (not want.open_end and len(have) != len(raw)):
                return f"expected {raw!r}, got {have!r}"
            return ""

        return check

    def do_send(self, s: ast.Syscall) -> Prepared:
        n = self.number(s.args[2])
        return Prepared("send", (self.fd(s.args[0]), self.data(s.args[1], n), n, self.number(s.args[3])), ok)

    def do_sendto(self, s: ast.Syscall) -> Prepared:
        n = self.number(s.args[2])
        to = self.sockaddr(s.args[4], False)
        args = (self.fd(s.args[0]), self.data(s.args[1], n), n, self.number(s.args[3]), to, len(to or b""))
        return Prepared("sendto", args, ok)

    def do_recv(self, s: ast.Syscall) -> Prepared:
        n = self.number(s.args[2])
        buf = self.room(s.args[1], n)
        args: tuple[object, ...] = (self.fd(s.args[0]), buf, n, self.number(s.args[3]))
        if s.name == "recvfrom":
            args += (bytearray(16), [16])
        return Prepared(s.name, args, self.contents(s.args[1], buf))

    def do_writev(self, s: ast.Syscall) -> Prepared:
        parts = [bytes(n) for n in self.iov(s.args[1])]
        return Prepared("writev", (self.fd(s.args[0]), parts, self.number(s.args[2])), ok)

    def do_readv(self, s: ast.Syscall) -> Prepared:
        parts = [bytearray(n) for n in self.iov(s.args[1])]
        return Prepared("readv", (self.fd(s.args[0]), parts, self.number(s.args[2])), ok)

    def do_sendmsg(self, s: ast.Syscall) -> Prepared:
        m = s.args[1]
        if not isinstance(m, ast.Struct):
            raise CallError("expected a msghdr")
        to = self.sockaddr(m.get("msg_name") or ast.Ellipsis_(), False)
        control = m.get("msg_control")
        packed = self.pack_cmsgs(control) if isinstance(control, ast.Array) else None
        message = [to, [bytes(n) for n in self.iov(m.get("msg_iov"))], packed, 0]
        return Prepared("sendmsg", (self.fd(s.args[0]), message, self.number(s.args[2])), ok)

    def do_recvmsg(self, s: ast.Syscall) -> Prepared:
        m = s.args[1]
        if not isinstance(m, ast.Struct):
            raise CallError("expected a msghdr")
        want = m.get("msg_control")
        control = bytearray(CONTROL_ROOM) if want is not None else None
        message: list[object] = [
            bytearray(16),
            [bytearray(n) for n in self.iov(m.get("msg_iov"))],
            control,
            0,
        ]

        def check(r: int) -> str:
            flags = m.get("msg_flags")
            if flags is not None and not isinstance(flags, ast.Ellipsis_):
                expected = self.number(flags)
                if expected != message[3]:
                    return f"recvmsg: expected msg_flags {expected:#x}, got {message[3]:#x}"
            if isinstance(want, ast.Array):
                return self.compare_cmsgs(want, bytes(control or b""))
            return ""

        return Prepared("recvmsg", (self.fd(s.args[0]), message, self.number(s.args[2])), check)

    # ---- control messages

    def pack_cmsgs(self, want: ast.Array) -> bytes:
        out = b""
        for item in want.items:
            level, kind, data = self.cmsg(item)
            raw = struct.pack("=i", self.number(data))
            out += struct.pack("=Qii", 16 + len(raw), level, kind) + raw
            out += bytes(-len(out) % 8)
        return out

    def cmsg(self, item: ast.Expr) -> tuple[int, int, ast.Expr]:
        if not isinstance(item, ast.Struct):
            raise CallError("a control message is {cmsg_level=…, cmsg_type=…, cmsg_data=…}")
        level, kind, data = item.get("cmsg_level"), item.get("cmsg_type"), item.get("cmsg_data")
        if level is None or kind is None or data is None:
            raise CallError("a control message is {cmsg_level=…, cmsg_type=…, cmsg_data=…}")
        return self.number(level), self.number(kind), data

    def compare_cmsgs(self, want: ast.Array, raw: bytes) -> str:
        have: list[tuple[int, int, bytes]] = []
        while len(raw) >= 16:
            length, level, kind = struct.unpack("=Qii", raw[:16])
            if length < 16 or length > len(raw):
                break
            have.append((level, kind, raw[16:length]))
            raw = raw[(length + 7) & ~7 :]
        if len(have) != len(want.items):
            return f"recvmsg: expected {len(want.items)} control messages, got {len(have)}: {have}"
        for item, (level, kind, data) in zip(want.items, have, strict=True):
            want_level, want_kind, value = self.cmsg(item)
            if (want_level, want_kind) != (level, kind):
                return f"control message: expected {want_level}/{want_kind}, got {level}/{kind}"
            problem = self.compare_cmsg(value, data)
            if problem:
                return problem
        return ""

    def compare_cmsg(self, want: ast.Expr, data: bytes) -> str:
        if not isinstance(want, ast.Struct):
            have = int.from_bytes(data[:4], "little")
            expected = self.number(want) & 0xFFFFFFFF
            return "" if have == expected else f"control message: expected {expected}, got {have}"
        names = want.names()
        if "scm_sec" in names:
            sec, nsec = struct.unpack("=qq", data[:16])
            at = sec * 1_000_000_000 + nsec - self.task.kernel.wall_offset - self.start
            expected = self.number(want.members[0].value) * 1_000_000_000 + self.number(want.members[1].value)
            if abs(at - expected) > self.tolerance_ns:
                return f"timestamp: expected {expected / 1e9:.6f}, got {at / 1e9:.6f}"
            return ""
        if "ee_errno" in names:
            fields = dict(
                zip(
                    ("ee_errno", "ee_origin", "ee_type", "ee_code", "ee_pad", "ee_info", "ee_data"),
                    struct.unpack("=IBBBBII", data[:16]),
                    strict=True,
                )
            )
            for m in want.members:
                expected = self.number(m.value) & 0xFFFFFFFF
                if fields.get(m.name) != expected:
                    return f"{m.name}: expected {expected}, got {fields.get(m.name)}"
            return ""
        raise CallError(f"control data with {', '.join(names)} is not known")

    # ---- options

    def option_value(self, e: ast.Expr, length: int) -> bytes | None:
        if isinstance(e, ast.Word):
            return None if e.name == "NULL" else struct.pack("=I", self.number(e) & 0xFFFFFFFF)
        if isinstance(e, ast.Str):
            raw = e.value.encode("latin-1")
            return raw + bytes(max(0, length - len(raw)))
        if isinstance(e, ast.Struct):
            if "onoff" in e.names() or "linger" in e.names():
                on, linger = e.get("onoff") or ast.Int(0), e.get("linger") or ast.Int(0)
                return struct.pack("=ii", self.number(on), self.number(linger))
            return b"".join(struct.pack("=I", self.number(m.value) & 0xFFFFFFFF) for m in e.members)
        if isinstance(e, ast.Array):
            values = self.numbers(e)
            size = 1 if length == 1 else 8 if length == 8 and len(values) == 1 else 4
            mask = (1 << (8 * size)) - 1
            return b"".join((v & mask).to_bytes(size, "little") for v in values)
        if isinstance(e, ast.Int):
            return struct.pack("=I", e.value & 0xFFFFFFFF)
        return bytes(max(0, length))

    def do_setsockopt(self, s: ast.Syscall) -> Prepared:
        length = self.number(s.args[4])
        value = self.option_value(s.args[3], length)
        args = (self.fd(s.args[0]), self.number(s.args[1]), self.number(s.args[2]), value, length)
        return Prepared("setsockopt", args, ok)

    def do_getsockopt(self, s: ast.Syscall) -> Prepared:
        room = self.number(s.args[4])
        buf, length = bytearray(max(room, 0)), [room]
        want = s.args[3]

        def check(r: int) -> str:
            if isinstance(want, ast.Ellipsis_):
                return ""
            expected = self.option_value(want, length[0])
            have = bytes(buf[: length[0]])
            if isinstance(want, ast.Str):
                have = have.split(b"\0")[0]
                expected = want.value.encode("latin-1")
            if expected != have:
                return f"getsockopt: expected {show(expected)}, got {show(have)}"
            return ""

        args = (self.fd(s.args[0]), self.number(s.args[1]), self.number(s.args[2]), buf, length)
        return Prepared("getsockopt", args, check)

    # ---- descriptors

    def do_close(self, s: ast.Syscall) -> Prepared:
        fd = self.fd(s.args[0])
        prepared = Prepared("close", (fd,), ok)
        number = self.number(s.args[0])

        def done(r: int) -> None:
            self.fds.pop(number, None)
            self.opened.pop(fd, None)

        prepared.done = done
        return prepared

    def do_fcntl(self, s: ast.Syscall) -> Prepared:
        arg = self.number(s.args[2]) if len(s.args) > 2 else 0
        return Prepared("fcntl", (self.fd(s.args[0]), self.number(s.args[1]), arg), ok)

    def do_ioctl(self, s: ast.Syscall) -> Prepared:
        request = self.number(s.args[1])
        if len(s.args) < 3:
            return Prepared("ioctl", (self.fd(s.args[0]), request, 0), ok)
        want = self.number(s.args[2])
        buf = bytearray(struct.pack("=i", want if request == 0x5421 else 0))

        def check(r: int) -> str:
            (have,) = struct.unpack("=i", buf)
            return "" if have == want else f"ioctl: expected {want}, got {have}"

        return Prepared("ioctl", (self.fd(s.args[0]), request, buf), check)

    def do_dup(self, s: ast.Syscall) -> Prepared:
        return Prepared("dup", (self.fd(s.args[0]),), ok)

    def do_open(self, s: ast.Syscall) -> Prepared:
        name = s.args[0]
        if not isinstance(name, ast.Str):
            raise CallError("open() takes a name")
        contents = self.files.get(name.value)
        if contents is None:
            raise CallError(f"open(): the script's commands made no file {name.value}")
        prepared = Prepared("eventfd", (0,), ok)  # a descriptor to stand for the file
        opened = contents

        def check(r: int) -> str:
            self.opened[r] = opened
            return ""

        prepared.check = check
        return prepared

    def do_sendfile(self, s: ast.Syscall) -> Prepared:
        contents = self.opened.get(self.fd(s.args[1]))
        if contents is None:
            raise CallError("sendfile() sends from a file that open() gave")
        offset = self.numbers(s.args[2])[0] if isinstance(s.args[2], ast.Array) else 0
        data = contents[offset : offset + self.number(s.args[3])]
        return Prepared("write", (self.fd(s.args[0]), data, len(data)), ok)

    def do_pipe(self, s: ast.Syscall) -> Prepared:
        names = self.numbers(s.args[0])
        buf = bytearray(8)

        def check(r: int) -> str:
            for name, live in zip(names, struct.unpack("=ii", buf), strict=True):
                self.fds[name] = live
            return ""

        return Prepared("pipe", (buf,), check)

    def do_splice(self, s: ast.Syscall) -> Prepared:
        a = s.args
        args = (self.fd(a[0]), None, self.fd(a[2]), None, self.number(a[4]), self.number(a[5]))
        return Prepared("splice", args, ok)

    # ---- poll

    def do_poll(self, s: ast.Syscall) -> Prepared:
        if not isinstance(s.args[0], ast.Array):
            raise CallError("poll() takes an array of pollfds")
        lines = [item for item in s.args[0].items if isinstance(item, ast.Struct)]
        raw = bytearray()
        for line in lines:
            raw += struct.pack(
                "=ihh",
                self.fd(line.get("fd") or ast.Int(-1)),
                self.number(line.get("events") or ast.Int(0)),
                0,
            )

        def check(r: int) -> str:
            for i, line in enumerate(lines):
                _, _, revents = struct.unpack("=ihh", raw[8 * i : 8 * i + 8])
                want = line.get("revents")
                if want is not None and self.number(want) != revents & 0xFFFF:
                    return f"poll: expected revents {self.number(want):#x}, got {revents & 0xFFFF:#x}"
            return ""

        return Prepared("poll", (raw, self.number(s.args[1]), self.number(s.args[2])), check)

    def do_epoll_create(self, s: ast.Syscall) -> Prepared:
        return Prepared(s.name, (self.number(s.args[0]),), ok)

    def epoll_event(self, e: ast.Expr) -> tuple[int, int]:
        """events, data."""
        if not isinstance(e, ast.Struct):
            raise CallError("expected an epoll_event")
        events = self.number(e.get("events") or ast.Int(0)) & 0xFFFFFFFF
        for name in ("fd", "ptr", "u32", "u64"):
            value = e.get(name)
            if value is not None:
                return events, self.number(value)
        return events, 0

    def do_epoll_ctl(self, s: ast.Syscall) -> Prepared:
        events, data = self.epoll_event(s.args[3])
        packed = struct.pack("<IQ", events, data)
        args = (self.fd(s.args[0]), self.number(s.args[1]), self.fd(s.args[2]), packed)
        return Prepared("epoll_ctl", args, ok)

    def do_epoll_wait(self, s: ast.Syscall) -> Prepared:
        want = list(s.args[1].items) if isinstance(s.args[1], ast.Array) else [s.args[1]]
        room = self.number(s.args[2])
        buf = bytearray(12 * max(room, 0))

        def check(r: int) -> str:
            for i in range(min(r, len(want))):
                if isinstance(want[i], ast.Ellipsis_):
                    continue
                expected = self.epoll_event(want[i])
                have = struct.unpack("<IQ", buf[12 * i : 12 * i + 12])
                if expected != have:
                    return (
                        f"epoll_wait: expected events {expected[0]:#x} data {expected[1]},"
                        f" got events {have[0]:#x} data {have[1]}"
                    )
            return ""

        return Prepared("epoll_wait", (self.fd(s.args[0]), buf, room, self.number(s.args[3])), check)


def ok(r: int) -> str:
    """Nothing more to look at."""
    return ""


def show(raw: bytes | None) -> str:
    if raw is not None and len(raw) == 4:
        return str(int.from_bytes(raw, "little", signed=True))
    return repr(raw)


def parse_ipv4(text: str) -> int:
    """Dotted quad to a number. Raises CallError."""
    m = re.fullmatch(r"(\d+)\.(\d+)\.(\d+)\.(\d+)", text.strip())
    if m is None or any(int(g) > 255 for g in m.groups()):
        raise CallError(f"'{text}' is no IPv4 address")
    a, b, c, d = (int(g) for g in m.groups())
    return a << 24 | b << 16 | c << 8 | d


HANDLERS: dict[str, Callable[[Calls, ast.Syscall], Prepared]] = {
    "socket": Calls.do_socket,
    "bind": Calls.do_bind,
    "connect": Calls.do_connect,
    "listen": Calls.do_listen,
    "accept": Calls.do_accept,
    "accept4": Calls.do_accept,
    "getsockname": Calls.do_getname,
    "getpeername": Calls.do_getname,
    "shutdown": Calls.do_shutdown,
    "write": Calls.do_write,
    "read": Calls.do_read,
    "send": Calls.do_send,
    "sendto": Calls.do_sendto,
    "recv": Calls.do_recv,
    "recvfrom": Calls.do_recv,
    "writev": Calls.do_writev,
    "readv": Calls.do_readv,
    "sendmsg": Calls.do_sendmsg,
    "recvmsg": Calls.do_recvmsg,
    "setsockopt": Calls.do_setsockopt,
    "getsockopt": Calls.do_getsockopt,
    "close": Calls.do_close,
    "fcntl": Calls.do_fcntl,
    "ioctl": Calls.do_ioctl,
    "dup": Calls.do_dup,
    "open": Calls.do_open,
    "sendfile": Calls.do_sendfile,
    "pipe": Calls.do_pipe,
    "splice": Calls.do_splice,
    "poll": Calls.do_poll,
    "epoll_create": Calls.do_epoll_create,
    "epoll_create1": Calls.do_epoll_create,
    "epoll_ctl": Calls.do_epoll_ctl,
    "epoll_wait": Calls.do_epoll_wait,
}
