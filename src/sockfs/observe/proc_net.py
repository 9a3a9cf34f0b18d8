"""The texts of /proc/net, as the kernel prints them: tcp, udp, raw, unix, snmp, netstat, sockstat, dev,
route; and /proc/slabinfo.

`read(view, "tcp")` gives a file's text, `NAMES` lists them. Layouts: proc(5), and the kernel's own files
beside which they were laid. Pointers are not shown (the kernel hides them from most readers as well): their
place holds the sock's cookie."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfs.observe import sockets
from sockfs.uapi.socket import AF_INET

if TYPE_CHECKING:
    from sockfs.observe.snapshot import Obj, View
    from sockfs.observe.sockets import Entry

USER_HZ = 100
TICK_NS = 1_000_000_000 // USER_HZ
TCP_HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
UDP_HEAD = (
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
    " ref pointer drops"
)
SNMP_GROUPS = (
    ("Ip", "mib_ip"),
    ("Icmp", "mib_icmp"),
    ("Tcp", "mib_tcp"),
    ("Udp", "mib_udp"),
    ("UdpLite", "mib_udplite"),
)
NETSTAT_GROUPS = (("TcpExt", "mib_linux"), ("IpExt", "mib_ipext"))


def read(view: View, name: str) -> str:
    """The text of /proc/net/NAME, or of /proc/slabinfo. Raises KeyError for a name that is not in NAMES."""
    return FILES[name](view)


# ---- sockets


def _hex_end(addr: int, port: int) -> str:
    """An IPv4 address in the memory order of a little-endian machine, and a port: 0100007F:46A0."""
    return f"{int.from_bytes(addr.to_bytes(4, 'big'), 'little'):08X}:{port:04X}"


def _ends(e: Entry) -> str:
    sk = e.sk
    local = _hex_end(int(sk.sk_rcv_saddr), int(sk.sk_num))
    return f"{local} {_hex_end(int(sk.sk_daddr), int(sk.sk_dport))}"


def _timer(e: Entry) -> tuple[int, int, int]:
    """tr, tm->when (ticks), retrnsmt."""
    if e.timer is None:
        return 0, 0, 0
    kind, left, again = e.timer
    number = {"on": 1, "keepalive": 2, "timewait": 3, "persist": 4}[kind]
    return number, -(-left // TICK_NS), again


def tcp(view: View) -> str:
    lines = [TCP_HEAD.ljust(149)]
    found = [e for e in sockets.collect(view) if e.netid == "tcp" and e.family == AF_INET]
    for n, e in enumerate(found):
        tr, when, again = _timer(e)
        sk = e.sk
        rx = e.recv_q
        tx = 0 if e.state == sockets.LISTEN else e.send_q
        line = f"{n:4d}: {_ends(e)} {e.state:02X} {tx:08X}:{rx:08X} {tr:02X}:{when:08X} {again:08X} "
        line += f"{e.uid:5d} {int(sk.icsk_probes_out) if e.full else 0:8d} {e.ino} {e.refcnt} {e.cookie:016x}"
        if e.full:
            ssthresh = int(sk.snd_ssthresh)
            if e.state == sockets.LISTEN:
                line += f" {100} 0 0 {sk.snd_cwnd} 0"
            else:
                quick = int(sk.icsk_ack_quick) << 1 | int(sk.icsk_ack_pingpong > 0)
                line += (
                    f" {int(sk.icsk_rto) // TICK_NS} {int(sk.icsk_ack_ato) // TICK_NS} {quick} {sk.snd_cwnd}"
                )
                line += f" {-1 if ssthresh >= 0x7FFFFFFF else ssthresh}"
        lines.append(line.ljust(149))
    return "\n".join(lines) + "\n"


def _datagrams(view: View, netid: str, width: int) -> str:
    lines = [(" " * (netid == "udp") + UDP_HEAD).ljust(width)]  # the kernel's is one blank further in
    for e in sockets.collect(view):
        if e.netid == netid and e.family == AF_INET:
            slot = int(e.sk.sk_num) & 255
            line = f"{slot:5d}: {_ends(e)} {e.state:02X} {e.send_q:08X}:{e.recv_q:08X} 00:00000000 00000000 "
            line += f"{e.uid:5d} {0:8d} {e.ino} {e.refcnt} {e.cookie:016x} {e.sk.sk_drops}"
            lines.append(line.ljust(width))
    return "\n".join(lines) + "\n"


def udp(view: View) -> str:
    return _datagrams(view, "udp", 127)


def raw(view: View) -> str:
    return _datagrams(view, "raw", 0)


def unix(view: View) -> str:
    lines = ["Num       RefCount Protocol Flags    Type St Inode Path"]
    for e in sockets.collect(view):
        if e.netid.startswith("u_"):
            state = {1: 3, 7: 1, 10: 1, 2: 2}.get(e.state, 1)  # SS_*: connected, unconnected, connecting
            flags = 0x10000 if e.state == sockets.LISTEN else 0
            path = "" if e.local == "*" else f" {e.local}"
            refs = int(e.sk.sk_refcnt)
            kind = int(e.sk.sk_type)
            lines.append(
                f"{e.cookie:016x}: {refs:08X} 00000000 {flags:08X} {kind:04X} {state:02X} {e.ino:5d}{path}"
            )
    return "\n".join(lines) + "\n"


# ---- counters


def counters(mib: Obj) -> dict[str, int]:
    """A group's counters in the order of their declaration, which is the kernel's."""
    return {name: int(value) for name, value in mib.fields().items() if isinstance(value, int)}


def _groups(view: View, groups: tuple[tuple[str, str], ...]) -> str:
    out = []
    for title, name in groups:
        values = counters(getattr(view.net, name))
        out.append(f"{title}: {' '.join(values)}")
        out.append(f"{title}: {' '.join(map(str, values.values()))}")
        if title == "Icmp":
            out += _icmp_types(view)
    return "\n".join(out) + "\n"


def _icmp_types(view: View) -> list[str]:
    """The line IcmpMsg, there once a type has been seen."""
    net = view.net
    names = [f"InType{t}" for t in sorted(net.mib_icmpmsg_in)] + [
        f"OutType{t}" for t in sorted(net.mib_icmpmsg_out)
    ]
    values = [v for _, v in sorted(net.mib_icmpmsg_in.items())] + [
        v for _, v in sorted(net.mib_icmpmsg_out.items())
    ]
    if not names:
        return []
    return [f"IcmpMsg: {' '.join(names)}", f"IcmpMsg: {' '.join(map(str, values))}"]


def snmp(view: View) -> str:
    return _groups(view, SNMP_GROUPS)


def netstat(view: View) -> str:
    return _groups(view, NETSTAT_GROUPS)


def sockstat(view: View) -> str:
    found = [e for e in sockets.collect(view) if e.full]
    count = {name: sum(1 for e in found if e.netid == name) for name in ("tcp", "udp", "raw")}
    net = view.net
    info = net.tcp_hashinfo
    used = len(view.kind("Socket"))
    alloc = len(view.kind("TcpSock"))
    return (
        f"sockets: used {used}\n"
        f"TCP: inuse {count['tcp']} orphan {info.orphan_count} tw {info.tw_count} alloc {alloc} "
        f"mem {info.memory_allocated}\n"
        f"UDP: inuse {count['udp']} mem {net.udp_table.memory_allocated}\n"
        f"UDPLITE: inuse 0\nRAW: inuse {count['raw']}\n"
        f"FRAG: inuse {len(net.ip_frags)} memory {net.ip_frag_mem}\n"
    )


# ---- devices, routes, slabs


def dev(view: View) -> str:
    lines = [
        "Inter-|   Receive                                                |  Transmit",
        (
            " face |bytes    packets errs drop fifo frame compressed multicast"
            "|bytes    packets errs drop fifo colls carrier compressed"
        ),
    ]
    for d in view.net.dev_by_index.values():
        line = f"{d.name:>6}: {d.rx_bytes:7d} {d.rx_packets:7d} {d.rx_errors:4d} {d.rx_dropped:4d}"
        line += f" {0:4d} {0:5d} {0:10d} {0:9d}"
        line += f" {d.tx_bytes:8d} {d.tx_packets:7d} {d.tx_errors:4d} {d.tx_dropped:4d}"
        line += f" {0:4d} {0:5d} {0:7d} {0:10d}"
        lines.append(line)
    return "\n".join(lines) + "\n"


def routes(view: View) -> list[Obj]:
    """The routes of the main table, longest prefix first."""
    table = view.net.fib_main
    if table is None:
        return []
    return [
        alias
        for by_dst in reversed(table.by_plen)
        if by_dst
        for aliases in by_dst.values()
        for alias in aliases
    ]


def route(view: View) -> str:
    head = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT"
    lines = [head.ljust(127)]
    for r in routes(view):
        mask = (0xFFFFFFFF << (32 - r.fa_plen)) & 0xFFFFFFFF
        flags = 1 | (2 if r.fib_gw else 0) | (4 if r.fa_plen == 32 else 0)
        dst, gw, netmask = (
            f"{int.from_bytes(int(v).to_bytes(4, 'big'), 'little'):08X}" for v in (r.fa_dst, r.fib_gw, mask)
        )
        name = "*" if r.fib_dev is None else r.fib_dev.name
        lines.append(
            f"{name}\t{dst}\t{gw}\t{flags:04X}\t0\t0\t{r.fib_priority}\t{netmask}\t0\t0\t0".ljust(127)
        )
    return "\n".join(lines) + "\n"


def slabinfo(view: View) -> str:
    """Objects of one page at a time: Python allocates, so slabs are only counted."""
    lines = [
        "slabinfo - version: 2.1",
        (
            "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables "
            "<limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>"
        ),
    ]
    for slab in view.kernel.slabs.values():
        active, size = int(slab.active), max(1, int(slab.size))
        per = max(1, 4096 // size)
        slabs = -(-active // per)
        lines.append(
            f"{slab.name:<17} {active:6d} {active:6d} {size:6d} {per:4d} {1:4d}"
            f" : tunables {0:4d} {0:4d} {0:4d} : slabdata {slabs:6d} {slabs:6d} {0:6d}"
        )
    return "\n".join(lines) + "\n"


FILES = {
    "tcp": tcp,
    "udp": udp,
    "raw": raw,
    "unix": unix,
    "snmp": snmp,
    "netstat": netstat,
    "sockstat": sockstat,
    "dev": dev,
    "route": route,
    "slabinfo": slabinfo,
}
NAMES = tuple(FILES)
