"""netstat: connections, local sockets, routes, interfaces and counters in net-tools' columns. Counterpart:
netstat(8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sockfs.observe import proc_net, services, sockets
from sockfs.uapi.socket import AF_INET6, AF_UNIX
from sockfs.util import inet

if TYPE_CHECKING:
    from sockfs.observe.snapshot import View
    from sockfs.observe.sockets import Entry

STATES = {
    1: "ESTABLISHED",
    2: "SYN_SENT",
    3: "SYN_RECV",
    4: "FIN_WAIT1",
    5: "FIN_WAIT2",
    6: "TIME_WAIT",
    7: "CLOSE",
    8: "CLOSE_WAIT",
    9: "LAST_ACK",
    10: "LISTEN",
    11: "CLOSING",
}
UNIX_STATES = {1: "CONNECTED", 2: "CONNECTING", 10: "LISTENING"}
UNIX_TYPES = {1: "STREAM", 2: "DGRAM", 5: "SEQPACKET"}


@dataclass
class Options:
    tcp: bool = False
    udp: bool = False
    raw: bool = False
    unix: bool = False
    all: bool = False
    listening: bool = False
    numeric: bool = False
    programs: bool = False
    timers: bool = False


def table(view: View, o: Options) -> str:
    """What netstat prints for these options: internet connections, then local sockets."""
    every = not (o.tcp or o.udp or o.raw or o.unix)
    found = sockets.collect(view)
    text = ""
    if every or o.tcp or o.udp or o.raw:
        wanted = [
            name
            for name, on in (("tcp", o.tcp or every), ("udp", o.udp or every), ("raw", o.raw or every))
            if on
        ]
        text += _internet([e for name in wanted for e in found if e.netid == name and _shown(e, o)], o)
    if every or o.unix:
        text += _local([e for e in found if e.family == AF_UNIX and _shown(e, o)], o)
    return text


def _shown(e: Entry, o: Options) -> bool:
    waiting = e.state == sockets.LISTEN or (e.netid != "tcp" and e.state == sockets.CLOSE)
    return o.all or (waiting if o.listening else not waiting)


def which(o: Options) -> str:
    return "servers and established" if o.all else "only servers" if o.listening else "w/o servers"


def _internet(found: list[Entry], o: Options) -> str:
    head = "Proto Recv-Q Send-Q Local Address           Foreign Address         State      "
    text = f"Active Internet connections ({which(o)})\n{head}"
    text += " PID/Program name    " if o.programs else ""
    text += " Timer" if o.timers else ""
    text += "\n"
    for e in found:
        name = e.netid + ("6" if e.family == AF_INET6 else "")
        state = STATES.get(e.state, "") if e.netid == "tcp" else "ESTABLISHED" if e.state == 1 else ""
        recv, send = e.recv_q, 0 if e.state == sockets.LISTEN else e.send_q
        local, remote = end(e.local, int(e.lport), e, o), end(e.remote, int(e.rport), e, o)
        line = f"{name:<5} {recv:6d} {send:6d} {local:<23} {remote:<23} {state:<11}"
        if o.programs:
            line += f" {program(e):<20}"
        if o.timers:
            line += " " + timer(e)
        text += line + "\n"
    return text


def end(addr: str, port: int, e: Entry, o: Options) -> str:
    return f"{addr}:{services.port_name(port, e.netid, o.numeric)}"


def program(e: Entry) -> str:
    return f"{e.users[0][1]}/{e.users[0][0]}" if e.users else "-"


def timer(e: Entry) -> str:
    if e.timer is None:
        return "off (0.00/0/0)"
    kind, left, again = e.timer
    return f"{kind if kind != 'persist' else 'probe'} ({left / 1e9:.2f}/{again}/0)"


def _local(found: list[Entry], o: Options) -> str:
    text = f"Active UNIX domain sockets ({which(o)})\n"
    text += "Proto RefCnt Flags       Type       State         I-Node  "
    text += " PID/Program name    " if o.programs else ""
    text += " Path\n"
    for e in found:
        flags = "[ ACC ]" if e.state == sockets.LISTEN else "[ ]"
        kind = UNIX_TYPES.get(int(e.sk.sk_type), "UNKNOWN")
        path = "" if e.local == "*" else e.local
        line = f"unix  {e.refcnt:<6} {flags:<11} {kind:<10} {UNIX_STATES.get(e.state, ''):<13} {e.ino:<8}"
        if o.programs:
            line += f" {program(e):<20}"
        text += f"{line} {path}\n"
    return text


def routes(view: View) -> str:
    """netstat -rn."""
    text = "Kernel IP routing table\n"
    text += "Destination     Gateway         Genmask         Flags   MSS Window  irtt Iface\n"
    for r in proc_net.routes(view):
        mask = (0xFFFFFFFF << (32 - r.fa_plen)) & 0xFFFFFFFF
        flags = "U" + ("G" if r.fib_gw else "") + ("H" if r.fa_plen == 32 else "")
        dst, gw, netmask = (inet.inet_ntoa(int(v)) for v in (r.fa_dst, r.fib_gw, mask))
        name = "*" if r.fib_dev is None else r.fib_dev.name
        text += f"{dst:<15} {gw:<15} {netmask:<15} {flags:<5} {0:5d} {0:<5}  {0:5d} {name}\n"
    return text


def interfaces(view: View) -> str:
    """netstat -i."""
    text = "Kernel Interface table\n"
    text += "Iface             MTU    RX-OK RX-ERR RX-DRP RX-OVR    TX-OK TX-ERR TX-DRP TX-OVR Flg\n"
    for d in view.net.dev_by_index.values():
        flags = "".join(
            ch for bit, ch in ((2, "B"), (8, "L"), (0x1000, "M"), (0x40, "R"), (1, "U")) if d.flags & bit
        )
        flags = flags.replace("U", "") + "U" if "U" in flags else flags
        text += f"{d.name:<15} {d.mtu:5d} {d.rx_packets:8d} {d.rx_errors:6d} {d.rx_dropped:6d} {0:<6}"
        text += f" {d.tx_packets:8d} {d.tx_errors:6d} {d.tx_dropped:6d} {0:6d} {flags}\n"
    return text


def statistics(view: View) -> str:
    """netstat -s, by the counters' own names."""
    text = ""
    for title, name in (*proc_net.SNMP_GROUPS, *proc_net.NETSTAT_GROUPS):
        text += f"{title}:\n"
        for key, value in proc_net.counters(getattr(view.net, name)).items():
            if value:
                text += f"    {key}: {value}\n"
    return text
