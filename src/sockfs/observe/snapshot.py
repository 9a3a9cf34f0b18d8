"""Every field of every structure of a machine at one instant, as plain data.

`take(kernel)` walks the structures from the `Kernel` on and writes each object down once, under an id such as
`TcpSock:3`; where a field points at another structure the snapshot holds `{"$ref": "TcpSock:3"}`, so cycles
are no trouble and the whole is JSON. Beside the kernel's own fields an object may have `derived`: what people
draw (addresses as text, names of states, what is left on a timer, a queue as a list).

`View` reads a snapshot back as objects: `view.tasks[1].files.fdt[3].private_data.sk.sk_state`. All pictures
and tables of this folder are drawn from a `View`, so they look the same for a machine in this process and for
one that another process sent as JSON (`control.py`).

Left out: payload past `payload` bytes of each piece, the insides of random generators, host objects (locks,
threads)."""

from __future__ import annotations

import json
from collections import deque
from typing import TYPE_CHECKING, Any

from sockfs._version import __version__
from sockfs.structs.file import File
from sockfs.structs.inet_connection_sock import InetConnectionSock
from sockfs.structs.inet_timewait_sock import InetTimewaitSock
from sockfs.structs.ops import (
    CongestionOps,
    FileOperations,
    NetProtocol,
    NetProtoFamily,
    PacketType,
    Proto,
    ProtoOps,
)
from sockfs.structs.request_sock import RequestSock
from sockfs.structs.sk_buff import SkBuffHead
from sockfs.structs.sock import Sock, SockCallback, SockCommon
from sockfs.structs.socket import Socket
from sockfs.structs.tcp_sock import TcpSock
from sockfs.structs.timer import TimerList
from sockfs.structs.unix_sock import UnixSock
from sockfs.structs.wait_queue import WaitQueueHead
from sockfs.uapi.socket import (
    AF_INET,
    AF_INET6,
    AF_NETLINK,
    AF_PACKET,
    AF_UNIX,
    SOCK_DGRAM,
    SOCK_RAW,
    SOCK_SEQPACKET,
    SOCK_STREAM,
)
from sockfs.uapi.tcp import TCP_STATE_NAMES
from sockfs.util import inet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sockfs.structs.kernel import Kernel

FORMAT = "sockfs snapshot 1"

FAMILY_NAMES = {
    AF_UNIX: "AF_UNIX",
    AF_INET: "AF_INET",
    AF_INET6: "AF_INET6",
    AF_NETLINK: "AF_NETLINK",
    AF_PACKET: "AF_PACKET",
}
TYPE_NAMES = {
    SOCK_STREAM: "SOCK_STREAM",
    SOCK_DGRAM: "SOCK_DGRAM",
    SOCK_RAW: "SOCK_RAW",
    SOCK_SEQPACKET: "SOCK_SEQPACKET",
}
SOCKET_STATES = ("SS_FREE", "SS_UNCONNECTED", "SS_CONNECTING", "SS_CONNECTED", "SS_DISCONNECTING")
RETRANSMIT_KINDS = {1: "retransmit", 3: "probe0", 5: "loss probe", 6: "reordering"}  # by icsk_pending

# Operation tables have no state: a name says all of one.
TABLES = (
    CongestionOps,
    FileOperations,
    NetProtocol,
    NetProtoFamily,
    PacketType,
    Proto,
    ProtoOps,
    SockCallback,
)
OPAQUE = ("sockfs.util.prng", "sockfs.runtime", "sockfs.libc", "sockfs.observe", "sockfs.world")


# ---- taking one


def take(kernel: Kernel, payload: int = 64) -> dict[str, Any]:
    """All structures reachable from `kernel` as a JSON-able dict; `payload`: bytes kept of each byte string.
    The caller holds the kernel, or knows that nobody else is at work on it."""
    return _Taker(kernel, payload).data


class _Taker:
    def __init__(self, kernel: Kernel, payload: int) -> None:
        self.now = int(kernel.now)
        self.payload = payload
        self.ids: dict[int, str] = {}
        self.counts: dict[str, int] = {}
        self.alive: list[object] = []  # ids are of living objects only
        self.names: dict[type, list[str]] = {}
        self.queue: deque[tuple[str, object]] = deque()
        objects: dict[str, dict[str, Any]] = {}
        root = self.ref(kernel)
        while self.queue:
            name, obj = self.queue.popleft()
            objects[name] = self.describe(obj)
        self.data: dict[str, Any] = {
            "format": FORMAT,
            "version": __version__,
            "now": self.now,
            "kernel": root,
            "objects": objects,
        }

    def ref(self, obj: object) -> dict[str, str]:
        name = self.ids.get(id(obj))
        if name is None:
            kind = type(obj).__name__
            n = self.counts[kind] = self.counts.get(kind, 0) + 1
            name = self.ids[id(obj)] = f"{kind}:{n}"
            self.alive.append(obj)
            self.queue.append((name, obj))
        return {"$ref": name}

    def value(self, v: object) -> Any:
        if v is None or isinstance(v, (bool, int, float, str)):
            return v
        if isinstance(v, (bytes, bytearray)):
            return {"$bytes": bytes(v[: self.payload]).hex(), "len": len(v)}
        if isinstance(v, (list, tuple, deque)):
            return [self.value(x) for x in v]
        if isinstance(v, dict):
            if all(isinstance(k, str) and not k.startswith("$") for k in v):
                return {k: self.value(x) for k, x in v.items()}
            return {"$dict": [[self.value(k), self.value(x)] for k, x in v.items()]}
        if is_structure(v):
            return self.ref(v)
        return {"$opaque": type(v).__name__}

    def describe(self, obj: object) -> dict[str, Any]:
        kind = type(obj)
        out: dict[str, Any] = {"type": kind.__name__}
        bases = [b.__name__ for b in kind.__mro__[1:] if b.__module__.startswith("sockfs.")]
        if bases:
            out["bases"] = bases
        if isinstance(obj, TABLES):
            out["fields"] = {"name": table_name(obj)}
            return out
        fields = out["fields"] = {}
        names = self.names.get(kind)
        if names is None:
            names = self.names[kind] = field_names(obj)
        for name in names:
            v = getattr(obj, name, None)
            fields[name] = v if type(v) in PLAIN else self.value(v)
        derived = self.derive(obj)
        if derived:
            out["derived"] = derived
        return out

    def derive(self, obj: object) -> dict[str, Any]:
        """What people draw, beside the kernel's own fields."""
        if isinstance(obj, SockCommon):
            return self.derive_sock(obj)
        if isinstance(obj, Socket):
            return {
                "state": SOCKET_STATES[obj.state] if 0 <= obj.state < 5 else str(obj.state),
                "state_label": obj.state_label,
                "type": TYPE_NAMES.get(int(obj.type), str(obj.type)),
                "addr": obj.addr,
            }
        if isinstance(obj, File):
            return {"name": file_name(obj), "f_op": table_name(obj.f_op)}
        if isinstance(obj, SkBuffHead):
            return {"skbs": [self.ref(skb) for skb in linked(obj.first)]}
        if isinstance(obj, WaitQueueHead):
            return {"entries": [self.ref(entry) for entry in linked(obj.first)]}
        if isinstance(obj, TimerList) and obj.pending:
            return {"left_ns": int(obj.expires) - self.now}
        return {}

    def derive_sock(self, sk: SockCommon) -> dict[str, Any]:
        out: dict[str, Any] = {
            "family": FAMILY_NAMES.get(int(sk.sk_family), str(sk.sk_family)),
            "state": TCP_STATE_NAMES.get(int(sk.sk_state), str(sk.sk_state)),
            "protocol": sk.sk_prot.name,
            "slab": sk.sk_prot.slab,
            "local": address(sk, False),
            "remote": address(sk, True),
            "timers": [
                {"name": name, "left_ns": int(timer.expires) - self.now} for name, timer in pending_timers(sk)
            ],
        }
        if isinstance(sk, Sock):
            out["type"] = TYPE_NAMES.get(int(sk.sk_type), str(sk.sk_type))
            out["recv_q"], out["send_q"] = queues(sk)
        if isinstance(sk, InetTimewaitSock):
            out["substate"] = TCP_STATE_NAMES.get(int(sk.tw_substate), str(sk.tw_substate))
        return out


PLAIN = (int, bool, str, type(None), float)
_structures: dict[type, bool] = {}


def is_structure(obj: object) -> bool:
    """One of the machine's own structures, a subclass that a program made included; not a lock, not a
    thread."""
    kind = type(obj)
    known = _structures.get(kind)
    if known is None:
        modules = [base.__module__ for base in kind.__mro__]
        ours = any(m.startswith("sockfs.") for m in modules) and not modules[0].startswith(OPAQUE)
        known = _structures[kind] = issubclass(kind, TABLES) or ours
    return known


def table_name(obj: object) -> str:
    """The name of an operation table: `tcp_prot` knows itself as "TCP"; nameless ones go by their class."""
    return str(getattr(obj, "name", "") or type(obj).__name__)


def field_names(obj: object) -> list[str]:
    """The fields of a structure in the order of their declaration, of the common part first. Compiled classes
    tell theirs in `__mypyc_attrs__`, interpreted instances in their dict."""
    names: dict[str, None] = {}
    for base in reversed(type(obj).__mro__):
        for name in getattr(base, "__dict__", {}).get("__mypyc_attrs__", ()):
            if name != "__dict__":
                names[name] = None
    for name in getattr(obj, "__dict__", ()):
        names[name] = None
    return [name for name in names if hasattr(obj, name)]


def linked(first: Any) -> Iterator[Any]:
    """The elements of a list that runs through `next`."""
    while first is not None:
        yield first
        first = first.next


def file_name(file: File) -> str:
    """What /proc/PID/fd shows: `socket:[ino]`, `pipe:[ino]`, `anon_inode:[eventpoll]`."""
    kind = type(file.private_data).__name__
    if isinstance(file.private_data, Socket):
        return f"socket:[{file.private_data.i_ino}]"
    if kind == "PipeInodeInfo":
        return f"pipe:[{file.f_ino}]"
    if kind == "Stream":
        return ("stdin", "stdout", "stderr")[int(getattr(file.private_data, "number", 0)) % 3]
    known = {"Eventpoll": "eventpoll", "EventfdCtx": "eventfd"}
    return f"anon_inode:[{known.get(kind, kind.lower())}]"


def address(sk: SockCommon, remote: bool) -> str:
    """One end of a sock as people write it; "" where there is none."""
    if isinstance(sk, UnixSock):
        return sk.remote_address() if remote else sk.local_address()
    port = int(sk.sk_dport if remote else sk.sk_num)
    if sk.sk_family == AF_INET:
        addr = int(sk.sk_daddr if remote else sk.sk_rcv_saddr)
        if not port and (remote or not addr):
            return ""
        return f"{inet.inet_ntoa(addr)}:{port}"
    if sk.sk_family == AF_INET6:
        raw = sk.sk_v6_daddr if remote else sk.sk_v6_rcv_saddr
        if not port or len(raw) != 16:
            return ""
        return f"[{inet.inet_ntop(AF_INET6, raw)}]:{port}"
    if isinstance(sk, Sock):
        return sk.remote_address() if remote else sk.local_address()
    return ""


def pending_timers(sk: SockCommon) -> list[tuple[str, TimerList]]:
    """The pending timers of a sock, by what they are for."""
    found: list[tuple[str, TimerList | None]] = []
    if isinstance(sk, InetConnectionSock):
        kind = RETRANSMIT_KINDS.get(int(sk.icsk_pending), "retransmit")
        found.append((kind, sk.icsk_retransmit_timer))
        found.append(("delayed ack", sk.icsk_delack_timer))
        if isinstance(sk, TcpSock):
            found.append(("pacing", sk.pacing_timer))
            found.append(("compressed ack", sk.compressed_ack_timer))
    if isinstance(sk, Sock):
        found.append(("fin-wait-2" if sk.sk_state == 5 else "keepalive", sk.sk_timer))
    if isinstance(sk, RequestSock):
        found.append(("syn-ack", sk.rsk_timer))
    if isinstance(sk, InetTimewaitSock):
        found.append(("time-wait" if sk.tw_substate == 6 else "fin-wait-2", sk.tw_timer))
    return [(name, timer) for name, timer in found if timer is not None and timer.pending]


def queues(sk: Sock) -> tuple[int, int]:
    """Recv-Q and Send-Q as ss(8) counts them: bytes a program has not read, bytes the peer has not
    acknowledged; of a listener, connections that wait for accept and how many may."""
    if isinstance(sk, TcpSock):
        if sk.sk_state == 10:
            return int(sk.sk_ack_backlog), int(sk.sk_max_ack_backlog)
        return max(0, _minus(int(sk.rcv_nxt), int(sk.copied_seq))), _minus(int(sk.write_seq), int(sk.snd_una))
    if isinstance(sk, UnixSock):
        if sk.sk_state == 10:
            return int(sk.sk_receive_queue.qlen), int(sk.sk_max_ack_backlog)
        if sk.sk_type == SOCK_STREAM:
            waiting = sum(int(skb.len) - int(skb.consumed) for skb in linked(sk.sk_receive_queue.first))
        else:
            first = sk.sk_receive_queue.first
            waiting = 0 if first is None else int(first.len)
        return waiting, int(sk.sk_wmem_alloc)
    return int(sk.sk_rmem_alloc), int(sk.sk_wmem_alloc)


def _minus(a: int, b: int) -> int:
    """a - b of sequence numbers, signed."""
    return ((a - b + 0x80000000) & 0xFFFFFFFF) - 0x80000000


# ---- reading one


class Obj:
    """A structure in a snapshot: its fields as attributes, `derived` as `d`. Two are equal when they are
    one."""

    __slots__ = ("_record", "_view", "d", "id", "kind")

    def __init__(self, view: View, name: str) -> None:
        self._view = view
        self._record: dict[str, Any] = view.data["objects"][name]
        self.id = name
        self.kind: str = self._record["type"]
        self.d: dict[str, Any] = self._record.get("derived", {})

    def __getattr__(self, name: str) -> Any:
        fields = self._record["fields"]
        if name not in fields:
            raise AttributeError(f"{self.id} has no field {name!r}")
        return self._view.decode(fields[name])

    def is_a(self, kind: str) -> bool:
        """Its class is `kind` or stands on it."""
        return kind == self.kind or kind in self._record.get("bases", ())

    def fields(self) -> dict[str, Any]:
        """The fields as the snapshot holds them, undecoded."""
        fields: dict[str, Any] = self._record["fields"]
        return fields

    def list(self, name: str) -> list[Any]:
        """A derived list of structures: "skbs", "entries"."""
        found: list[Any] = self._view.decode(self.d.get(name, []))
        return found

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Obj) and other.id == self.id and other._view is self._view

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"<{self.id}>"


class View:
    """A snapshot read back as objects. Raises ValueError for data that is no snapshot."""

    def __init__(self, data: Any) -> None:
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise ValueError("not a sockfs snapshot")
        self.data = data
        self.objects: dict[str, Obj] = {}
        self.now = int(data["now"])
        self.kernel: Obj = self.decode(data["kernel"])

    @classmethod
    def of(cls, kernel: Kernel, payload: int = 64) -> View:
        """The machine in this process, as it is now."""
        return cls(take(kernel, payload))

    @classmethod
    def loads(cls, text: str) -> View:
        """A snapshot that was written as JSON."""
        return cls(json.loads(text))

    def get(self, name: str) -> Obj:
        found = self.objects.get(name)
        if found is None:
            found = self.objects[name] = Obj(self, name)
        return found

    def decode(self, v: Any) -> Any:
        if isinstance(v, list):
            return [self.decode(x) for x in v]
        if isinstance(v, dict):
            if "$ref" in v:
                return self.get(v["$ref"])
            if "$bytes" in v:
                return bytes.fromhex(v["$bytes"])
            if "$dict" in v:
                return {_key(self.decode(k)): self.decode(x) for k, x in v["$dict"]}
            if "$opaque" in v:
                return None
            return {k: self.decode(x) for k, x in v.items()}
        return v

    @property
    def tasks(self) -> dict[int, Obj]:
        """The tasks by process id."""
        tasks: dict[int, Obj] = self.kernel.tasks
        return tasks

    @property
    def net(self) -> Obj:
        """The first network namespace."""
        net: Obj = self.kernel.init_net
        return net

    def kind(self, name: str) -> list[Obj]:
        """Every object whose class is `name` or stands on it."""
        return [
            self.get(key)
            for key, record in self.data["objects"].items()
            if record["type"] == name or name in record.get("bases", ())
        ]


def _key(k: Any) -> Any:
    return tuple(k) if isinstance(k, list) else k


def dumps(data: dict[str, Any], indent: int | None = None) -> str:
    """A snapshot as JSON text."""
    return json.dumps(data, indent=indent, ensure_ascii=False)
