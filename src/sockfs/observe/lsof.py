"""lsof: the open files of every task, in lsof's columns. Counterpart: lsof(8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sockfs.observe import services, sockets
from sockfs.uapi.socket import AF_INET6, AF_UNIX

if TYPE_CHECKING:
    from sockfs.observe.snapshot import Obj, View
    from sockfs.observe.sockets import Entry

STATES = {
    1: "ESTABLISHED",
    2: "SYN_SENT",
    3: "SYN_RECV",
    4: "FIN_WAIT1",
    5: "FIN_WAIT2",
    6: "TIME_WAIT",
    7: "CLOSED",
    8: "CLOSE_WAIT",
    9: "LAST_ACK",
    10: "LISTEN",
    11: "CLOSING",
}
UNIX_STATES = {1: "CONNECTED", 10: "LISTEN", 7: "UNCONNECTED"}
UNIX_TYPES = {1: "STREAM", 2: "DGRAM", 5: "SEQPACKET"}
HEAD = ("COMMAND", "PID", "USER", "  FD  ", "TYPE", "DEVICE", "SIZE/OFF", "NODE", "NAME")
LEFT = {0, 2, 8}


def records(
    view: View, inet_only: bool = False, unix_only: bool = False, numeric: bool = False
) -> list[dict[str, Any]]:
    """One dict an open descriptor."""
    entries = {e.sk: e for e in sockets.collect(view)}
    out = []
    for task in view.tasks.values():
        for fd, file in enumerate(task.files.fdt):
            if file is None:
                continue
            row = _row(task, fd, file, entries, numeric)
            internet = row["type"] in ("IPv4", "IPv6")
            if (inet_only and not internet) or (unix_only and row["type"] != "unix"):
                continue
            out.append(row)
    return out


def _row(task: Obj, fd: int, file: Obj, entries: dict[Obj, Entry], numeric: bool) -> dict[str, Any]:
    mode = {1: "r", 2: "w", 3: "u"}.get(int(file.f_mode) & 3, " ")
    row: dict[str, Any] = {
        "command": task.comm,
        "pid": task.pid,
        "user": user(int(task.uid)),
        "fd": f"{fd}{mode}",
        "type": "a_inode",
        "device": "",
        "size": "0t0",
        "node": str(file.f_ino),
        "name": file.d["name"],
    }
    private = file.private_data
    if private is None:
        return row
    if private.kind == "Socket" and private.sk is not None:
        _sock(row, private.sk, entries.get(private.sk), numeric)
    elif private.kind == "Stream":
        row["type"], row["size"] = "CHR", ""
    elif private.kind == "PipeInodeInfo":
        row["type"], row["name"] = "FIFO", "pipe"
    return row


def _sock(row: dict[str, Any], sk: Obj, e: Entry | None, numeric: bool) -> None:
    if sk.sk_family == AF_UNIX:
        name = "" if sk.d["local"] == "" else sk.d["local"] + " "
        state = UNIX_STATES.get(int(sk.sk_state), "UNKNOWN")
        row["type"], row["device"] = "unix", f"0x{int(sk.sk_cookie):016x}"
        row["name"] = f"{name}type={UNIX_TYPES.get(int(sk.sk_type), 'UNKNOWN')} ({state})"
        return
    if not sk.is_a("InetSock"):
        row["type"] = "pack" if sk.kind == "PacketSock" else "sock"
        return
    proto = {"TcpSock": "TCP", "UdpSock": "UDP", "RawSock": "RAW"}.get(sk.kind, sk.d["protocol"])
    row["type"], row["device"] = ("IPv6" if sk.sk_family == AF_INET6 else "IPv4"), row["node"]
    row["node"], row["size"] = proto, "0t0"
    local, lport, remote, rport = sockets.ip_ends(sk)
    name = proto.lower()
    text = f"{_host(local)}:{services.port_name(lport, name, numeric)}"
    if rport:
        text += f"->{_host(remote)}:{services.port_name(rport, name, numeric)}"
    if proto == "TCP":
        text += f" ({STATES.get(int(sk.sk_state), 'CLOSED')})"
    row["name"] = text


def _host(addr: str) -> str:
    return "*" if addr in ("0.0.0.0", "::") else f"[{addr}]" if ":" in addr else addr


def user(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def table(rows: list[dict[str, Any]]) -> str:
    """lsof's own layout; "" when there is nothing, as lsof prints nothing."""
    if not rows:
        return ""
    # a number of up to four digits, its mode, a place for a lock
    cells = [HEAD, *(tuple(f"{v:>5} " if key == "fd" else str(v) for key, v in row.items()) for row in rows)]
    widths = [max(len(row[c]) for row in cells) for c in range(len(HEAD))]
    text = ""
    for row in cells:
        out = [
            cell.ljust(w) if c in LEFT else cell.rjust(w)
            for c, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        text += " ".join(out[:-1]) + f" {row[-1]}\n"
    return text
