"""System calls as strace(1) writes them: names for flags and options, addresses spelled out, data quoted and
cut.

`Invocation` holds one call: its kernel name, the arguments it was made with (as the `sys_*` function received
them) and, later, its answer. `arguments` and `result` turn them into text. Control comes from `tracer.py`,
which sees the calls."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from sockfs.structs import sockaddr
from sockfs.structs.msghdr import Msghdr
from sockfs.uapi import fcntl as uapi_fcntl
from sockfs.uapi import in6, in_, ioctl, poll, tcp, udp
from sockfs.uapi import socket as uapi_socket
from sockfs.uapi.errno import ERRNO_NAME
from sockfs.uapi.socket import AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_UNIX, SOL_SOCKET
from sockfs.util import inet

if TYPE_CHECKING:
    from types import ModuleType

    from sockfs.structs.sock import SockCommon

STRING_MAX = 32  # strace -s
MAX_SCHEDULE_TIMEOUT = 0x7FFF_FFFF_FFFF_FFFF
ESLEEP = 600
RESTART = {512: "ERESTARTSYS", 513: "ERESTARTNOINTR", 514: "ERESTARTNOHAND", 516: "ERESTART_RESTARTBLOCK"}
# Functions that are a call's entry where the C library passes over the packed form, by the call's name.
ENTRIES = {
    "ksys_read": "read",
    "ksys_write": "write",
    "do_poll": "poll",
    "do_epoll_ctl": "epoll_ctl",
    "ep_poll": "epoll_wait",
    "close_fd": "close",
}
METHODS = {"read_iter": "read", "write_iter": "write"}  # of a file, called from the C library itself


class Invocation:
    """One system call."""

    def __init__(self, name: str, args: dict[str, Any]) -> None:
        self.name = name
        self.args = args
        self.record = args.get("call") or args.get("msg")  # the same again after a sleep
        msg = args.get("msg")
        self.count = int(msg.msg_iter.count) if isinstance(msg, Msghdr) else 0
        self.data = _data_at(msg) if isinstance(msg, Msghdr) else b""  # what a send is given
        self.answer: Any = None

    @property
    def value(self) -> int | None:
        """The answer as a number; None when it is none (an address)."""
        if isinstance(self.answer, tuple):
            return int(self.answer[0])
        return int(self.answer) if isinstance(self.answer, int) else None


# ---- names of numbers


@cache
def table(module: ModuleType, prefix: str, after: str = "") -> dict[int, str]:
    """number → name, for the module's constants with that prefix; the first of several names."""
    found: dict[int, str] = {}
    begun = not after
    for name, value in vars(module).items():
        begun = begun or name == after
        if begun and name.startswith(prefix) and isinstance(value, int):
            found.setdefault(value, name)
    return found


def flags(value: int, names: dict[int, str]) -> str:
    """Bits by name, in order of value, the rest in hexadecimal; "0" for none."""
    out = []
    for bit in sorted(names):
        if bit and bit & (bit - 1) == 0 and value & bit:
            out.append(names[bit])
            value &= ~bit
    if value or not out:
        out.append(hex(value) if value else "0")
    return "|".join(out)


def msg_flags(value: int) -> str:
    return flags(value, table(uapi_socket, "MSG_"))


def family(value: int) -> str:
    return table(uapi_socket, "AF_").get(value) or f"{value & 0xFFFFFFFF:#x} /* AF_??? */"


def socket_type(value: int) -> str:
    kinds = {1: "SOCK_STREAM", 2: "SOCK_DGRAM", 3: "SOCK_RAW", 4: "SOCK_RDM", 5: "SOCK_SEQPACKET"}
    kinds |= {6: "SOCK_DCCP", 10: "SOCK_PACKET"}
    out = [kinds[value & 0xF]] if value & 0xF in kinds else []
    rest = value & ~0xF if out else value
    for bit, name in ((0o2000000, "SOCK_CLOEXEC"), (0o4000, "SOCK_NONBLOCK")):
        if rest & bit:
            out.append(name)
            rest &= ~bit
    if not out:
        return f"{rest & 0xFFFFFFFF:#x} /* SOCK_??? */"
    if rest:
        out.append(hex(rest & 0xFFFFFFFF))
    return "|".join(out)


def protocol(domain: int, value: int) -> str:
    if domain in (AF_INET, AF_INET6):
        return table(in_, "IPPROTO_").get(value) or f"{value & 0xFFFFFFFF:#x} /* IPPROTO_??? */"
    return str(value)


def option(level: int, name: int) -> tuple[str, str]:
    """The names of a socket option's level and of the option."""
    if level == SOL_SOCKET:
        found = table(uapi_socket, "SO_").get(name)
        return "SOL_SOCKET", found or f"{name:#x} /* SO_??? */"
    levels: dict[int, tuple[str, dict[int, str]]] = {
        0: ("SOL_IP", table(in_, "IP_")),
        6: ("SOL_TCP", table(tcp, "TCP_", "TCP_NODELAY")),
        17: ("SOL_UDP", table(udp, "UDP_")),
        41: ("SOL_IPV6", table(in6, "IPV6_")),
    }
    if level in levels:
        text, names = levels[level]
        return text, names.get(name) or f"{name:#x} /* {text.removeprefix('SOL_')}_??? */"
    return table(uapi_socket, "SOL_").get(level) or str(level), str(name)


# ---- values


def string(data: bytes, total: int | None = None) -> str:
    """Bytes as C would write them, cut after 32."""
    total = len(data) if total is None else total
    out = []
    shown = data[:STRING_MAX]
    for i, byte in enumerate(shown):
        named = {
            7: "\\a",
            8: "\\b",
            9: "\\t",
            10: "\\n",
            11: "\\v",
            12: "\\f",
            13: "\\r",
            34: '\\"',
            92: "\\\\",
        }
        if byte in named:
            out.append(named[byte])
        elif 32 <= byte < 127:
            out.append(chr(byte))
        else:
            digit = i + 1 < len(shown) and 48 <= shown[i + 1] <= 55
            out.append(f"\\{byte:03o}" if digit else f"\\{byte:o}")
    return '"' + "".join(out) + '"' + ("..." if total > STRING_MAX else "")


def address(packed: bytes | None) -> str:
    """A packed socket address, spelled out."""
    if packed is None:
        return "NULL"
    if len(packed) < 2:
        return string(packed)
    kind = int(sockaddr.sa_family(packed))
    if kind == AF_INET and len(packed) >= 8:
        port = sockaddr.sockaddr_in_port(packed)
        where = inet.inet_ntoa(sockaddr.sockaddr_in_addr(packed))
        return f'{{sa_family=AF_INET, sin_port=htons({port}), sin_addr=inet_addr("{where}")}}'
    if kind == AF_INET6 and len(packed) >= 24:
        port = int.from_bytes(packed[2:4], "big")
        where = inet.inet_ntop(AF_INET6, packed[8:24])
        flow = int.from_bytes(packed[4:8], "big")
        scope = int.from_bytes(packed[24:28], "little")
        return (
            f"{{sa_family=AF_INET6, sin6_port=htons({port}), sin6_flowinfo=htonl({flow}), "
            f'inet_pton(AF_INET6, "{where}", &sin6_addr), sin6_scope_id={scope}}}'
        )
    if kind == AF_UNIX:
        path = packed[2:]
        if not path:
            return "{sa_family=AF_UNIX}"
        if path[0] == 0:
            return f"{{sa_family=AF_UNIX, sun_path=@{string(path[1:])}}}"
        return f"{{sa_family=AF_UNIX, sun_path={string(path.split(bytes(1))[0])}}}"
    if kind == AF_NETLINK and len(packed) >= 12:
        pid, groups = (int.from_bytes(packed[a : a + 4], "little") for a in (4, 8))
        return f"{{sa_family=AF_NETLINK, nl_pid={pid}, nl_groups={groups:08x}}}"
    if kind == AF_PACKET and len(packed) >= 12:
        proto, index = int.from_bytes(packed[2:4], "big"), int.from_bytes(packed[4:8], "little")
        return f"{{sa_family=AF_PACKET, sll_protocol=htons({proto:#06x}), sll_ifindex={index}}}"
    return f"{{sa_family={family(kind)}, sa_data={string(packed[2:])}}}"


def sock_address(sk: SockCommon | None) -> str:
    """The far end of a new connection, as accept returns it."""
    if sk is None:
        return "NULL"
    if sk.sk_family == AF_INET:
        return address(sockaddr.pack_sockaddr_in(sk.sk_daddr, sk.sk_dport))
    if sk.sk_family == AF_INET6 and len(sk.sk_v6_daddr) == 16:
        return address(sockaddr.pack_sockaddr_in6(sk.sk_v6_daddr, sk.sk_dport, 0, 0))
    return "{sa_family=AF_UNIX}" if sk.sk_family == AF_UNIX else "NULL"


def option_value(level: int, name: int, data: bytes) -> str:
    if level == SOL_SOCKET and name == uapi_socket.SO_LINGER and len(data) == 8:
        on, seconds = (int.from_bytes(data[a : a + 4], "little", signed=True) for a in (0, 4))
        return f"{{l_onoff={on}, l_linger={seconds}}}"
    if len(data) == 4:
        return f"[{int.from_bytes(data, 'little', signed=True)}]"
    return string(data)


def _data_at(msg: Msghdr) -> bytes:
    """The first bytes that a message is about to send."""
    it = msg.msg_iter
    if it.src is not None:
        return it.src[it.iov_offset : it.iov_offset + STRING_MAX]
    if it.view is not None:
        return bytes(it.view[it.iov_offset : it.iov_offset + STRING_MAX])
    return b""


def _received(msg: Msghdr, n: int) -> bytes:
    it = msg.msg_iter
    if it.view is not None:
        return bytes(it.view[: min(n, STRING_MAX)])
    return b"".join(it.pieces)[: min(n, STRING_MAX)]


# ---- a call as a line


def arguments(c: Invocation) -> tuple[str, str]:
    """The arguments in two parts: what is known when the call is made, and what is known when it ends."""
    writer = WRITERS.get(c.name)
    if writer is not None:
        return writer(c)
    out = []
    for name, value in c.args.items():
        if name in ("task", "call", "msg", "self"):
            continue
        if isinstance(value, (bytes, bytearray)):
            out.append(string(bytes(value)))
        elif value is None:
            out.append("NULL")
        elif isinstance(value, int):
            out.append(str(value))
        else:
            out.append(f"<{type(value).__name__}>")
    return ", ".join(out), ""


def result(c: Invocation) -> str:
    """What stands behind the equals sign."""
    answer = c.answer
    if isinstance(answer, (bytes, bytearray)):
        return "0"
    if answer is None:
        err = getattr(c.record, "err", 0)
        return _failure(-int(err)) if err else "?"
    value = c.value
    if value is None:
        return "?"
    if value < 0:
        return _failure(-value)
    if c.name == "socketpair":
        return "0"
    if c.name == "fcntl" and c.args.get("cmd") == uapi_fcntl.F_GETFL:
        return f"{value:#x} (flags {file_flags(value)})"
    return str(value)


def _failure(number: int) -> str:
    if number in RESTART:
        return f"? {RESTART[number]} (To be restarted if SA_RESTART is set)"
    import os

    return f"-1 {ERRNO_NAME.get(number, str(number))} ({os.strerror(number)})"


def line(c: Invocation) -> str:
    """The whole call: `connect(3, {sa_family=AF_INET, …}, 16) = 0`, the equals sign in column 40 if it
    can."""
    before, after = arguments(c)
    joined = ", ".join(part for part in (before, after) if part)
    return f"{f'{c.name}({joined})':<39} = {result(c)}"


def failed(c: Invocation) -> bool:
    value = c.value
    return value is not None and value < 0


def _socket(c: Invocation) -> tuple[str, str]:
    a = c.args
    text = f"{family(a['family'])}, {socket_type(a['type'])}, {protocol(a['family'], a['protocol'])}"
    if c.name == "socketpair":
        pair = c.answer
        good = isinstance(pair, tuple) and int(pair[0]) >= 0
        return text, f"[{pair[0]}, {pair[1]}]" if good else "0x7ffd00000000"
    return text, ""


def _bind(c: Invocation) -> tuple[str, str]:
    packed = c.args.get("umyaddr", c.args.get("uservaddr", b""))
    return f"{c.args['fd']}, {address(packed)}, {len(packed)}", ""


def _accept(c: Invocation) -> tuple[str, str]:
    after = sock_address(getattr(c.record, "sk", None)) if not failed(c) else "NULL"
    length = ", NULL" if after == "NULL" else ", [16]" if "AF_INET," in after else ", [28]"
    if "AF_UNIX" in after:
        length = ", [110 => 2]"
    text = after + length
    if c.name == "accept4":
        text += f", {flags(c.args['flags'], {0o2000000: 'SOCK_CLOEXEC', 0o4000: 'SOCK_NONBLOCK'})}"
    return str(c.args["fd"]), text


def _getname(c: Invocation) -> tuple[str, str]:
    name = c.answer
    if not isinstance(name, (bytes, bytearray)):
        return str(c.args["fd"]), "0x7ffd00000000, [128]"
    return str(c.args["fd"]), f"{address(bytes(name))}, [128 => {len(name)}]"


def _sendto(c: Invocation) -> tuple[str, str]:
    msg: Msghdr = c.args["msg"]
    name = msg.msg_name
    to = f"{address(name)}, {0 if name is None else len(name)}"
    return f"{c.args['fd']}, {string(c.data, c.count)}, {c.count}, {msg_flags(c.args['flags'])}, {to}", ""


def _recvfrom(c: Invocation) -> tuple[str, str]:
    msg: Msghdr = c.args["msg"]
    n = c.value
    data = "0x7ffd00000000" if n is None or n < 0 else string(_received(msg, n), n)
    name = msg.msg_name if n is not None and n >= 0 else None
    source = "NULL, NULL" if name is None else f"{address(name)}, [128 => {len(name)}]"
    return str(c.args["fd"]), f"{data}, {c.count}, {msg_flags(c.args['flags'])}, {source}"


def _message(c: Invocation) -> tuple[str, str]:
    msg: Msghdr = c.args["msg"]
    n = c.value
    sending = c.name == "sendmsg"
    data = c.data if sending else b"" if n is None or n < 0 else _received(msg, n)
    total = c.count if sending else max(0, n or 0)
    name = msg.msg_name
    length = 0 if name is None else len(name)
    control = msg.msg_control
    text = f"{{msg_name={address(name)}, msg_namelen={length}, msg_iov=[{{iov_base={string(data, total)}, "
    text += f"iov_len={c.count}}}], msg_iovlen=1"
    if control:
        text += f", msg_control={control_data(control)}"
    answered = 0 if sending else int(msg.msg_flags)
    text += f", msg_controllen={len(control or b'')}, msg_flags={msg_flags(answered)}}}"
    after = f"{text}, {msg_flags(c.args['flags'])}"
    return (f"{c.args['fd']}, {after}", "") if sending else (str(c.args["fd"]), after)


def control_data(data: bytes) -> str:
    """Ancillary data: one {…} a message."""
    out = []
    at = 0
    while at + 16 <= len(data):
        length = int.from_bytes(data[at : at + 8], "little")
        level, kind = (int.from_bytes(data[at + o : at + o + 4], "little", signed=True) for o in (8, 12))
        body = data[at + 16 : at + max(16, length)]
        if level == SOL_SOCKET and kind == uapi_socket.SCM_RIGHTS:
            fds = ", ".join(
                str(int.from_bytes(body[i : i + 4], "little", signed=True)) for i in range(0, len(body), 4)
            )
            name, shown = "SCM_RIGHTS", f"[{fds}]"
        else:
            named = table(uapi_socket, "SCM_") if level == SOL_SOCKET else {}
            name, shown = named.get(kind) or option(level, kind)[1], string(body)
        text = f"{{cmsg_len={length}, cmsg_level={option(level, 0)[0]}, cmsg_type={name}, cmsg_data={shown}}}"
        out.append(text)
        at += (max(length, 16) + 7) & ~7
    return "[" + ", ".join(out) + "]"


def _read(c: Invocation) -> tuple[str, str]:
    msg: Msghdr = c.args["msg"]
    fd = _fd_of(c)
    if c.name == "write":
        return f"{fd}, {string(c.data, c.count)}, {c.count}", ""
    n = c.value
    data = "0x7ffd00000000" if n is None or n < 0 else string(_received(msg, n), n)
    return str(fd), f"{data}, {c.count}"


def _fd_of(c: Invocation) -> int:
    """The descriptor of a call that was made with the file."""
    fd = c.args.get("fd")
    if fd is not None:
        return int(fd)
    file, msg = c.args.get("file"), c.args.get("msg")
    if isinstance(msg, Msghdr):
        for number, known in enumerate(msg.task.files.fdt):
            if known is file:
                return number
    return -1


def _listen(c: Invocation) -> tuple[str, str]:
    return f"{c.args['fd']}, {c.args['backlog']}", ""


def _shutdown(c: Invocation) -> tuple[str, str]:
    names = {0: "SHUT_RD", 1: "SHUT_WR", 2: "SHUT_RDWR"}
    how = int(c.args["how"])
    return f"{c.args['fd']}, {names.get(how) or f'{how:#x} /* SHUT_??? */'}", ""


def _setsockopt(c: Invocation) -> tuple[str, str]:
    a = c.args
    level, name = option(int(a["level"]), int(a["optname"]))
    value = option_value(int(a["level"]), int(a["optname"]), a["optval"] or b"")
    return f"{a['fd']}, {level}, {name}, {value}, {a['optlen']}", ""


def _getsockopt(c: Invocation) -> tuple[str, str]:
    a = c.args
    level, name = option(int(a["level"]), int(a["optname"]))
    opt = a["opt"]
    if failed(c):
        return f"{a['fd']}, {level}, {name}", f"0x7ffd00000000, [{opt.optlen}]"
    value = option_value(int(a["level"]), int(a["optname"]), opt.result)
    length = f"[{opt.optlen}]" if len(opt.result) == opt.optlen else f"[{opt.optlen} => {len(opt.result)}]"
    return f"{a['fd']}, {level}, {name}", f"{value}, {length}"


def _poll(c: Invocation) -> tuple[str, str]:
    a = c.args
    names = {bit: name for bit, name in table(poll, "POLL").items() if bit <= 0x2000}
    fds = zip(a["fds"], a["events"], strict=False)
    shown = ", ".join(f"{{fd={fd}, events={flags(events & 0xFFFF, names)}}}" for fd, events in fds)
    return f"[{shown}], {len(a['fds'])}, {milliseconds(a['timeo'])}", ""


def poll_answer(c: Invocation) -> str:
    """What strace puts behind poll's and select's answers."""
    a = c.args
    if c.name != "poll" or not c.value or c.value < 0:
        return ""
    names = {bit: name for bit, name in table(poll, "POLL").items() if bit <= 0x2000}
    ready = (
        f"{{fd={fd}, revents={flags(r, names)}}}" for fd, r in zip(a["fds"], a["revents"], strict=False) if r
    )
    return f" ([{', '.join(ready)}])"


def milliseconds(ns: int) -> int:
    return -1 if ns < 0 or ns >= MAX_SCHEDULE_TIMEOUT else -(-ns // 1_000_000)


def epoll_events(mask: int) -> str:
    return flags(mask & 0xFFFFFFFF, table(poll, "EPOLL"))


def _epoll_ctl(c: Invocation) -> tuple[str, str]:
    a = c.args
    names = {1: "EPOLL_CTL_ADD", 2: "EPOLL_CTL_DEL", 3: "EPOLL_CTL_MOD"}
    op = names.get(int(a["op"]), str(a["op"]))
    if "event" in a:
        packed = a["event"] or bytes(12)
        events, data = int.from_bytes(packed[:4], "little"), int.from_bytes(packed[4:12], "little")
    else:
        events, data = int(a["events"]), int(a["data"]) & 0xFFFFFFFFFFFFFFFF
    event = f"{{events={epoll_events(events)}, data={{u32={data & 0xFFFFFFFF}, u64={data}}}}}"
    if op == "EPOLL_CTL_DEL":
        event = "NULL"
    return f"{a['epfd']}, {op}, {a['fd']}, {event}", ""


def _epoll_wait(c: Invocation) -> tuple[str, str]:
    a = c.args
    if "out" not in a:
        return f"{a['epfd']}, [], {a['maxevents']}, {a['timeout']}", ""
    epfd = -1
    ep = a["ep"]
    call = c.record
    if call is not None:
        for number, file in enumerate(call.task.files.fdt):
            if file is not None and file.private_data is ep:
                epfd = number
    n = c.value or 0
    got = ", ".join(
        f"{{events={epoll_events(mask)}, data={{u32={data & 0xFFFFFFFF}, u64={data}}}}}"
        for data, mask in a["out"][: max(0, n)]
    )
    return str(epfd), f"[{got}], {a['maxevents']}, {milliseconds(a['timeo'])}"


def file_flags(value: int) -> str:
    access = ("O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE")[value & 3]
    rest = {b: n for b, n in table(uapi_fcntl, "O_").items() if b > 3}
    return access if not value & ~3 else f"{access}|{flags(value & ~3, rest)}"


def _fcntl(c: Invocation) -> tuple[str, str]:
    a = c.args
    cmd = int(a["cmd"])
    name = table(uapi_fcntl, "F_").get(cmd) or f"{cmd:#x} /* F_??? */"
    if cmd in (uapi_fcntl.F_GETFD, uapi_fcntl.F_GETFL):
        return f"{a['fd']}, {name}", ""
    arg = a["arg"]
    if cmd == uapi_fcntl.F_SETFL and isinstance(arg, int):
        return f"{a['fd']}, {name}, {file_flags(arg)}", ""
    if cmd == uapi_fcntl.F_SETFD:
        return f"{a['fd']}, {name}, {'FD_CLOEXEC' if arg == 1 else arg}", ""
    return f"{a['fd']}, {name}, {arg}", ""


def _ioctl(c: Invocation) -> tuple[str, str]:
    a = c.args
    cmd = int(a["cmd"])
    name = {**table(ioctl, "SIOC"), **table(ioctl, "FIO")}.get(cmd) or hex(cmd)
    arg = a["arg"]
    if isinstance(arg, (bytes, bytearray)) and len(arg) == 4:
        return f"{a['fd']}, {name}", f"[{int.from_bytes(arg, 'little', signed=True)}]"
    return f"{a['fd']}, {name}, {string(bytes(arg)) if isinstance(arg, (bytes, bytearray)) else arg}", ""


def _fd(c: Invocation) -> tuple[str, str]:
    return ", ".join(str(c.args[name]) for name in ("fd", "oldfd", "newfd") if name in c.args), ""


def _epoll_create(c: Invocation) -> tuple[str, str]:
    return "EPOLL_CLOEXEC" if c.args.get("flags") == 0o2000000 else str(c.args.get("flags", 1)), ""


WRITERS = {
    "socket": _socket,
    "socketpair": _socket,
    "bind": _bind,
    "connect": _bind,
    "listen": _listen,
    "accept": _accept,
    "accept4": _accept,
    "getsockname": _getname,
    "getpeername": _getname,
    "sendto": _sendto,
    "recvfrom": _recvfrom,
    "sendmsg": _message,
    "recvmsg": _message,
    "read": _read,
    "write": _read,
    "shutdown": _shutdown,
    "setsockopt": _setsockopt,
    "getsockopt": _getsockopt,
    "close": _fd,
    "dup": _fd,
    "dup2": _fd,
    "poll": _poll,
    "epoll_create1": _epoll_create,
    "epoll_ctl": _epoll_ctl,
    "epoll_wait": _epoll_wait,
    "fcntl": _fcntl,
    "ioctl": _ioctl,
}
