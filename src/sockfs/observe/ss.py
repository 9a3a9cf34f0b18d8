"""ss: sockets in iproute2's columns, options and order.

The layout is ss's own when its output goes to a file: each column as wide as its widest word, State, Recv-Q
and Send-Q to the left, addresses to the right of a left-hand port; a process column that begins with its own
blank; what -i and -m tell on a line below, behind a tab (-O keeps it on the line). Control comes from
`cli/ss.py` with a `View`; `table` gives text, `records` plain dicts for --json. Counterpart: ss(8).

Left out: filters by expression other than `state NAME` and `sport|dport = N`, -K, -Z, -N, sctp, vsock, tipc.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sockfs.observe import services, sockets
from sockfs.uapi.socket import AF_INET6, AF_UNIX

if TYPE_CHECKING:
    from sockfs.observe.snapshot import Obj, View
    from sockfs.observe.sockets import Entry

STATES = {
    1: "ESTAB",
    2: "SYN-SENT",
    3: "SYN-RECV",
    4: "FIN-WAIT-1",
    5: "FIN-WAIT-2",
    6: "TIME-WAIT",
    7: "UNCONN",
    8: "CLOSE-WAIT",
    9: "LAST-ACK",
    10: "LISTEN",
    11: "CLOSING",
}
STATE_FILTERS = {
    "established": {1},
    "syn-sent": {2},
    "syn-recv": {3},
    "fin-wait-1": {4},
    "fin-wait-2": {5},
    "time-wait": {6},
    "closed": {7},
    "unconnected": {7},
    "close-wait": {8},
    "last-ack": {9},
    "listening": {10},
    "listen": {10},
    "closing": {11},
    "connected": {1, 2, 3, 4, 5, 6, 8, 9, 11},
    "synchronized": {1, 3, 4, 5, 6, 8, 9, 11},
    "bucket": {3, 6},
    "big": {1, 2, 4, 5, 7, 8, 9, 10, 11},
    "all": set(range(1, 12)),
}
DEFAULT_STATES = {1, 2, 4, 5, 8, 9, 11}  # neither listening, closed, nor minisocks
SK_FIELDS = ("r", "rb", "t", "tb", "f", "w", "o", "bl", "d")


@dataclass
class Options:
    """The options of ss(8), by their long names."""

    tcp: bool = False
    udp: bool = False
    raw: bool = False
    unix: bool = False
    packet: bool = False
    all: bool = False
    listening: bool = False
    numeric: bool = False
    processes: bool = False
    info: bool = False
    extended: bool = False
    memory: bool = False
    options: bool = False
    ipv4: bool = False
    ipv6: bool = False
    header: bool = True
    oneline: bool = False
    states: set[int] = field(default_factory=set)
    sport: int = -1
    dport: int = -1

    def any_family(self) -> bool:
        return self.tcp or self.udp or self.raw or self.unix or self.packet


def select(view: View, o: Options) -> list[Entry]:
    """The sockets that the options ask for."""
    states = o.states or (
        STATE_FILTERS["all"] if o.all else {sockets.LISTEN, sockets.CLOSE} if o.listening else DEFAULT_STATES
    )
    wanted: set[str] = set()
    if not o.any_family():
        wanted = {"tcp", "udp", "raw", "icmp", "u_str", "u_dgr", "u_seq", "p_raw", "p_dgr"}
    if o.tcp:
        wanted.add("tcp")
    if o.udp:
        wanted.add("udp")
    if o.raw:
        wanted |= {"raw", "icmp"}
    if o.unix:
        wanted |= {"u_str", "u_dgr", "u_seq"}
    if o.packet:
        wanted |= {"p_raw", "p_dgr"}
    found = [e for e in sockets.collect(view) if e.netid in wanted and e.state in states]
    if o.ipv4 or o.ipv6:
        found = [e for e in found if e.family != AF_UNIX and (e.family == AF_INET6) == o.ipv6]
    if o.sport >= 0:
        found = [e for e in found if e.lport == o.sport]
    if o.dport >= 0:
        found = [e for e in found if e.rport == o.dport]
    return found


# ---- text


def table(view: View, o: Options) -> str:
    """What `ss` prints for these options into a file or pipe."""
    entries = select(view, o)
    netids = {e.netid for e in entries}
    show_netid = not o.any_family() or sum((o.tcp, o.udp, o.raw, o.unix, o.packet)) > 1
    if o.any_family() and not show_netid and o.unix and netids:
        show_netid = True  # a local socket's kind is not said by the option
    show_state = len(o.states) != 1
    rows = [_cells(view, e, o) for e in entries]
    return layout(rows, o, show_netid, show_state)


def layout(rows: list[list[str]], o: Options, show_netid: bool, show_state: bool) -> str:
    """Rows of [netid, state, recv-q, send-q, address, port, peer address, peer port, process] as lines."""
    header = [
        "Netid",
        "State",
        "Recv-Q",
        "Send-Q",
        "Local Address:",
        "Port",
        "Peer Address:",
        "Port",
        "Process",
    ]
    least = [0, 0, 6, 6, 0, 0, 0, 0, 0]
    all_rows = [header, *rows] if o.header else rows
    columns = list(range(9))
    if not show_netid:
        columns.remove(0)
    if not show_state:
        columns.remove(1)
    widths = [max([least[c], *(len(row[c]) for row in all_rows)]) for c in range(9)]
    lines = []
    for row in all_rows:
        line = ""
        for c in columns:
            cell = row[c].rjust(widths[c]) if c in (4, 6) else row[c].ljust(widths[c])
            line += cell + (" " if c in (0, 1, 2, 3, 5) else "")
        lines.append(line)
    return "".join(line + "\n" for line in lines)


def _cells(view: View, e: Entry, o: Options) -> list[str]:
    local, lport, remote, rport = _ends(e, o)
    return [
        e.netid,
        STATES.get(e.state, "UNKNOWN"),
        str(e.recv_q),
        str(e.send_q),
        local,
        lport,
        remote,
        rport,
        _process(view, e, o),
    ]


def _ends(e: Entry, o: Options) -> tuple[str, str, str, str]:
    if e.family == AF_UNIX:
        return f"{e.local} ", str(e.lport), f"{e.remote} ", str(e.rport)
    if e.netid.startswith("p_"):
        return f"{e.local}:", str(e.lport), f"{e.remote} ", ""
    wrap = "[{}]" if e.family == AF_INET6 else "{}"
    device = f"%{e.device}" if e.device else ""
    lport = services.port_name(int(e.lport), e.netid, o.numeric)
    rport = services.port_name(int(e.rport), e.netid, o.numeric)
    return f"{wrap.format(e.local)}{device}:", lport, f"{wrap.format(e.remote)}:", rport


def _process(view: View, e: Entry, o: Options) -> str:
    text = ""
    if o.processes and e.users:
        text += " users:(" + ",".join(f'("{comm}",pid={pid},fd={fd})' for comm, pid, fd in e.users) + ")"
    if o.options and e.timer is not None:
        kind, left, again = e.timer
        text += f" timer:({kind},{duration(left // 1_000_000)},{again})"
    arrow = " {}-{}".format("-" if e.shutdown & 1 else "<", "-" if e.shutdown & 2 else ">") if e.full else ""
    if o.extended and e.family != AF_UNIX:
        text += (f" uid:{e.uid}" if e.uid else "") + f" ino:{e.ino} sk:{e.cookie:x}" + arrow
    below = ""
    if o.memory and e.full:
        below += " " + skmem(e.sk)
    if o.extended and e.family == AF_UNIX:
        below += arrow
    if o.info and e.netid == "tcp" and e.full:
        below += tcp_info_text(view, e.sk, o)
    if not below and not (e.netid == "tcp" and o.info):
        return text
    if e.family == AF_UNIX or o.oneline:
        return text + below
    return f"{text}\n\t{below or ' '}"


def skmem(sk: Obj) -> str:
    """`skmem:(r…,rb…,…)`: the memory of a sock, as ss -m has it."""
    return "skmem:(" + ",".join(f"{name}{value}" for name, value in meminfo(sk).items()) + ")"


def meminfo(sk: Obj) -> dict[str, int]:
    values = (
        sk.sk_rmem_alloc,
        sk.sk_rcvbuf,
        sk.sk_wmem_alloc,
        sk.sk_sndbuf,
        sk.sk_forward_alloc,
        sk.sk_wmem_queued,
        sk.sk_omem_alloc,
        sk.sk_backlog_len,
        sk.sk_drops,
    )
    return dict(zip(SK_FIELDS, (int(v) for v in values), strict=True))


def duration(ms: int) -> str:
    """ss's own way with times: 204ms, 3.092ms for three seconds and 92 ms, 59sec, 119min."""
    secs, msecs = divmod(ms, 1000)
    minutes, secs = divmod(secs, 60)
    text = ""
    if minutes:
        text += f"{minutes}min"
        msecs = 0
        if minutes > 9:
            secs = 0
    if secs:
        if secs > 9:
            msecs = 0
        text += f"{secs}{'.' if msecs else 'sec'}"
    if msecs:
        text += f"{msecs:03d}ms" if secs else f"{msecs}ms"
    return text or "0ms"


# ---- tcp_info


def tcp_info(view: View, sk: Obj) -> dict[str, Any]:
    """The numbers of ss -i, by the names it prints; absent where ss prints none."""
    now_ms = view.now // 1_000_000
    listen = sk.sk_state == sockets.LISTEN
    info: dict[str, Any] = {}
    if sk.tstamp_ok:
        info["ts"] = True
    if sk.sack_ok:
        info["sack"] = True
    if sk.ecn_flags & 1:
        info["ecn"] = True
    info["cong"] = sk.icsk_ca_ops.name
    if sk.wscale_ok and not listen:
        info["wscale"] = (sk.snd_wscale, sk.rcv_wscale)
    if not listen:
        info["rto"] = _round(sk.icsk_rto / 1e6)
        if sk.icsk_backoff:
            info["backoff"] = sk.icsk_backoff
        if sk.srtt_us:
            info["rtt"] = (_round(sk.srtt_us / 8000), _round(sk.mdev_us / 4000))
        if sk.icsk_ack_ato:
            info["ato"] = _round(sk.icsk_ack_ato / 1e6)
        info["mss"] = sk.mss_cache
        info["pmtu"] = sk.icsk_pmtu_cookie
        info["rcvmss"] = sk.icsk_ack_rcv_mss
        info["advmss"] = sk.advmss
    info["cwnd"] = sk.snd_cwnd
    if 0 < sk.snd_ssthresh < 0x7FFFFFFF:
        info["ssthresh"] = sk.snd_ssthresh
    if listen:
        return info
    for name, value in (
        ("bytes_sent", sk.bytes_sent),
        ("bytes_retrans", sk.bytes_retrans),
        ("bytes_acked", sk.bytes_acked),
        ("bytes_received", sk.bytes_received),
        ("segs_out", sk.segs_out),
        ("segs_in", sk.segs_in),
        ("data_segs_out", sk.data_segs_out),
        ("data_segs_in", sk.data_segs_in),
    ):
        if value:
            info[name] = value
    if sk.srtt_us and sk.mss_cache and sk.snd_cwnd:
        info["send"] = sk.snd_cwnd * sk.mss_cache * 8 * 1e6 / (sk.srtt_us / 8)
    for name, at in (("lastsnd", sk.lsndtime), ("lastrcv", sk.icsk_ack_lrcvtime), ("lastack", sk.rcv_tstamp)):
        ago = now_ms - at // 1_000_000
        if at and ago > 0:
            info[name] = ago
    if 0 < sk.sk_pacing_rate < (1 << 62):
        info["pacing_rate"] = sk.sk_pacing_rate * 8
        if sk.sk_max_pacing_rate < (1 << 62):
            info["max_pacing_rate"] = sk.sk_max_pacing_rate * 8
    if sk.rate_interval_us and sk.rate_delivered:
        info["delivery_rate"] = sk.rate_delivered * sk.mss_cache * 8 * 1e6 / sk.rate_interval_us
    if sk.delivered:
        info["delivered"] = sk.delivered
    if sk.delivered_ce:
        info["delivered_ce"] = sk.delivered_ce
    if sk.app_limited:
        info["app_limited"] = True
    if sk.packets_out:
        info["unacked"] = sk.packets_out
    if sk.retrans_out or sk.total_retrans:
        info["retrans"] = (sk.retrans_out, sk.total_retrans)
    if sk.lost_out:
        info["lost"] = sk.lost_out
    if sk.sacked_out:
        info["sacked"] = sk.sacked_out
    if sk.dsack_dups:
        info["dsack_dups"] = sk.dsack_dups
    if sk.reordering != 3:
        info["reordering"] = sk.reordering
    if sk.reord_seen:
        info["reord_seen"] = sk.reord_seen
    if sk.rcv_rtt_est_rtt_us:
        info["rcv_rtt"] = _round(sk.rcv_rtt_est_rtt_us / 8000)
    if sk.rcvq_space_space:
        info["rcv_space"] = sk.rcvq_space_space
    if sk.rcv_ssthresh:
        info["rcv_ssthresh"] = sk.rcv_ssthresh
    notsent = (sk.write_seq - sk.snd_nxt) & 0xFFFFFFFF
    if notsent and notsent < 0x80000000:
        info["notsent"] = notsent
    least = sk.rtt_min.v0
    if 0 < least < 0xFFFFFFFF:
        info["minrtt"] = _round(least / 1000)
    if sk.rcv_ooopack:
        info["rcv_ooopack"] = sk.rcv_ooopack
    if sk.snd_wnd:
        info["snd_wnd"] = sk.snd_wnd
    return info


def tcp_info_text(view: View, sk: Obj, o: Options) -> str:
    info = tcp_info(view, sk)
    words = []
    for name, value in info.items():
        if name in ("ts", "sack", "ecn"):
            if o.extended or o.options:
                words.append(name)
        elif name == "cong":
            words.append(value)
        elif name == "app_limited":
            words.append(name)
        elif name in ("send", "delivery_rate"):
            words.append(f"{name} {rate(value, o.numeric)}")
        elif name == "pacing_rate":
            limit = f"/{rate(info['max_pacing_rate'], o.numeric)}" if "max_pacing_rate" in info else ""
            words.append(f"{name} {rate(value, o.numeric)}{limit}")
        elif name == "max_pacing_rate":
            pass
        elif name == "wscale":
            words.append(f"wscale:{value[0]},{value[1]}")
        elif isinstance(value, tuple):
            words.append(f"{name}:{value[0]}/{value[1]}")
        else:
            words.append(f"{name}:{value}")
    return "".join(f" {word}" for word in words)


def rate(bps: float, numeric: bool) -> str:
    """Bits per second: exact with -n, else with a unit."""
    if not numeric:
        for unit, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
            if bps >= size:
                return f"{bps / size:.3g}{unit}bps" if unit != "T" else f"{bps / size:.1f}Tbps"
    return f"{bps:.0f}bps"


def _round(x: float) -> float | int:
    """A number as C's %g shows it, without an exponent for what we print."""
    value = float(f"{x:.6g}")
    return int(value) if value == int(value) else value


# ---- --json and -s


def records(view: View, o: Options) -> list[dict[str, Any]]:
    """One dict a socket, for --json: everything that any option would show."""
    out = []
    for e in select(view, o):
        record: dict[str, Any] = {
            "netid": e.netid,
            "state": STATES.get(e.state, str(e.state)),
            "recv-q": e.recv_q,
            "send-q": e.send_q,
            "local": {"address": e.local, "port": e.lport},
            "peer": {"address": e.remote, "port": e.rport},
            "users": [{"comm": comm, "pid": pid, "fd": fd} for comm, pid, fd in e.users],
            "ino": e.ino,
            "sk": e.cookie,
            "uid": e.uid,
        }
        if e.timer is not None:
            record["timer"] = {"name": e.timer[0], "left_ms": e.timer[1] / 1e6, "retransmits": e.timer[2]}
        if e.full:
            record["skmem"] = meminfo(e.sk)
            if e.netid == "tcp":
                record["info"] = tcp_info(view, e.sk)
        out.append(record)
    return out


def summary(view: View) -> str:
    """ss -s."""
    found = sockets.collect(view)
    hashinfo = view.net.tcp_hashinfo
    tcp = [e for e in found if e.netid == "tcp"]
    timewait = sum(1 for e in tcp if e.sk.kind == "InetTimewaitSock")
    estab = sum(1 for e in tcp if e.state == 1)
    allocated = sum(1 for sk in view.kind("TcpSock"))
    closed = timewait + sum(1 for sk in view.kind("TcpSock") if sk.sk_state == 7)
    total = sum(1 for _ in view.kind("Socket"))
    lines = [
        f"Total: {total}",
        (
            f"TCP:   {allocated + timewait} (estab {estab}, closed {closed}, "
            f"orphaned {hashinfo.orphan_count}, timewait {timewait})"
        ),
        "",
        "Transport Total     IP        IPv6",
    ]
    inet = frag = 0
    for name in ("raw", "udp", "tcp"):
        mine = [e for e in found if e.netid == name and e.sk.is_a("Sock")]
        v6 = sum(1 for e in mine if e.family == AF_INET6)
        inet += len(mine)
        frag += v6
        lines.append(f"{name.upper()}\t  {len(mine):<9} {len(mine) - v6:<9} {v6:<9}")
    lines.append(f"INET\t  {inet:<9} {inet - frag:<9} {frag:<9}")
    lines.append(f"FRAG\t  {0:<9} {0:<9} {0:<9}")
    return "\n".join(lines) + "\n\n"
