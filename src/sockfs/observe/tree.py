"""The picture: fd table → file table → socket → sock, for every task of a machine.

Drawn from a `View`, so of this process's machine or of another's. One row for each open file: the descriptors
that lead to it (dup, fork and SCM_RIGHTS give a file several), `struct file` with its count, `struct socket`,
and the sock with its state, addresses, buffers, queues and timers. Below a listener stand the connections
that wait for accept; at the end what no descriptor reaches: connections in the making, TIME-WAIT, orphans.
`draw` gives lines (`text.py`) for a terminal or a file; where that is too narrow the boxes stand below each
other.

Left out here, but in the JSON (`snapshot.py`): every other field.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfs.observe import sockets, text
from sockfs.uapi.fcntl import O_NONBLOCK

if TYPE_CHECKING:
    from sockfs.observe.snapshot import Obj, View
    from sockfs.observe.text import Line

FD, FILE, SOCKET, SOCK = 7, 23, 28, 52
ARROW: Line = [("──▶", "bold white")]
WIDE = FD + FILE + SOCKET + SOCK + 3 * 3
LABEL = "dim"
KINDS = {
    "TcpSock": "tcp_sock",
    "UdpSock": "udp_sock",
    "RawSock": "raw_sock",
    "UnixSock": "unix_sock",
    "PacketSock": "packet_sock",
    "RequestSock": "request_sock",
    "InetTimewaitSock": "inet_timewait_sock",
}
MAX_SKBS = 5


class _Picture:
    """What is looked up more than once while the picture is drawn."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.seen: set[Obj] = set()
        self.owners = sockets.descriptors(view)
        self.ends = {
            (sk.kind, sk.d["local"], sk.d["remote"]): sk
            for sk in view.kind("Sock")
            if sk.d["local"] and sk.d["remote"]
        }


def draw(view: View, columns: int = 120) -> list[Line]:
    """The picture of the machine in at most that many columns (but never less than a box needs)."""
    pic = _Picture(view)
    lines = _heading(view)
    for task in view.tasks.values():
        lines += [[], *_task(pic, task, columns)]
    rest = [entry.sk for entry in sockets.collect(view) if entry.sk not in pic.seen]
    if rest:
        lines += [[], text.plain("reached by no descriptor", "bold"), []]
        for sk in rest:
            lines += _indent(_sock_box(pic, sk, SOCK), 2)
    lines += _slabs(view)
    return lines


def _heading(view: View) -> list[Line]:
    k = view.kernel
    pending = [t for t in view.kind("TimerList") if t.pending]
    socks = view.kind("Sock")
    counts = (
        f"{len(view.tasks)} task{'s' * (len(view.tasks) != 1)} · "
        f"{len(socks)} sock{'s' * (len(socks) != 1)} · "
        f"{len(pending)} timer{'s' * (len(pending) != 1)} pending · "
        f"{k.softnet.input_pkt_queue.qlen} packets in the backlog"
    )
    return [
        [("kernel ", LABEL), (str(k.name), "bold"), (f"   now {view.now / 1e9:.6f} s", LABEL)],
        text.plain(counts, LABEL),
    ]


def _task(pic: _Picture, task: Obj, columns: int) -> list[Line]:
    files: dict[Obj, list[int]] = {}
    fdt = task.files.fdt
    for fd, file in enumerate(fdt):
        if file is not None:
            files.setdefault(file, []).append(fd)
    streams = [f for f in files if f.private_data is not None and f.private_data.kind == "Stream"]
    title: Line = [("task ", LABEL), (str(task.pid), "bold"), (" ", ""), (str(task.comm), "bold")]
    if task.files.count > 1:
        title.append((f"   files_struct shared by {task.files.count} tasks", LABEL))
    lines: list[Line] = [title]
    if len(streams) == len(files):
        lines.append(
            text.plain("  no descriptor is open" + " but the standard streams" * bool(streams), LABEL)
        )
        return lines
    if columns >= WIDE:
        heads = ("fd", "struct file", "struct socket", "struct sock")
        cells = zip(heads, (FD, FILE, SOCKET, SOCK), strict=True)
        lines.append([("".join(head.center(w) + "   " for head, w in cells), "italic dim")])
    if streams:
        fds = ", ".join(str(fd) for f in streams for fd in files[f])
        lines.append([(f" {fds}", "bold"), (" ──▶ the standard streams", LABEL)])
    for file, fds_of in files.items():
        if file not in streams:
            lines += _row(pic, file, fds_of, columns)
    return lines


# ---- one open file


def _row(pic: _Picture, file: Obj, fds: list[int], columns: int) -> list[Line]:
    wide = columns >= WIDE
    blocks = [_fd_box(fds), _file_box(file)]
    private = file.private_data
    children: list[Obj] = []
    if private is not None and private.kind == "Socket":
        blocks.append(_socket_box(private))
        sk = private.sk
        if sk is not None:
            pic.seen.add(sk)
            children = accept_queue(sk)
            blocks.append(_sock_box(pic, sk, SOCK))
    elif private is not None:
        blocks.append(_other_box(pic, private))
    if wide:
        lines = text.beside(blocks, [ARROW] * (len(blocks) - 1), 1)
    else:
        lines = text.beside(blocks[:2], [ARROW], 1)
        for i, block in enumerate(blocks[2:]):
            lines += text.beside([[text.plain(" " * (4 + 4 * i))], block], [[("└─▶", "bold white")]], 1)
    for child in children:
        pic.seen.add(child)
        drawn = _sock_box(pic, child, SOCK)
        left = FD + FILE + SOCKET + 6 if wide else 8
        lines += text.beside([[text.plain(" " * left)], drawn], [[("└─▶", "bold cyan")]], 1)
    return lines


def accept_queue(sk: Obj) -> list[Obj]:
    """The connections that wait for accept(2) on a listener, the next one first."""
    if sk.kind == "TcpSock" and sk.icsk_accept_queue is not None:
        found = []
        request = sk.icsk_accept_queue.rskq_accept_head
        while request is not None:
            if request.sk is not None:
                found.append(request.sk)
            request = request.dl_next
        return found
    if sk.kind == "UnixSock" and sk.sk_state == sockets.LISTEN:
        return [skb.sk for skb in sk.sk_receive_queue.list("skbs") if skb.sk is not None]
    return []


def _fd_box(fds: list[int]) -> list[Line]:
    return text.box(text.plain("fd", LABEL), [[(f"{fd:^3}", "bold yellow")] for fd in fds], FD)


def _file_box(file: Obj) -> list[Line]:
    flags = ["O_RDWR"] if file.f_flags & 3 == 2 else ["O_WRONLY"] if file.f_flags & 3 == 1 else ["O_RDONLY"]
    if file.f_flags & O_NONBLOCK:
        flags.append("O_NONBLOCK")
    if file.f_flags & 0o20000:
        flags.append("O_ASYNC")
    body: list[Line] = [
        [("f_count ", LABEL), (str(file.f_count), "bold" if file.f_count > 1 else "")],
        text.plain(flags[0] if len(flags) == 1 else "|".join(flag.removeprefix("O_") for flag in flags)),
        [(str(file.d.get("f_op", "")), LABEL)],
    ]
    return text.box(text.plain("file", "bold"), body, FILE)


def _socket_box(sock: Obj) -> list[Line]:
    label = sock.d["state_label"]
    body: list[Line] = [
        [(label, text.STATE_STYLES.get(label, ""))],
        [(sock.d["state"], LABEL)],
        text.plain(sock.d["type"]),
        [("ops ", LABEL), ("NULL" if sock.ops is None else str(sock.ops.name), "")],
    ]
    waiting = waiters(sock.wq)
    if waiting:
        body.append([("wq  ", LABEL), (waiting, "yellow")])
    return text.box([("socket", "bold"), (f":[{sock.i_ino}]", LABEL)], body, SOCKET)


def waiters(head: Obj) -> str:
    """Who hangs on a wait queue: "2 asleep, 1 epoll"."""
    kinds: dict[str, int] = {}
    for entry in head.list("entries"):
        kind = "epoll" if "p" in entry.kind.lower() and entry.kind.lower().startswith("ep") else "asleep"
        if "poll" in entry.kind.lower() and kind != "epoll":
            kind = "poll"
        if entry.flags & 1:
            kind += " (exclusive)"
        kinds[kind] = kinds.get(kind, 0) + 1
    return ", ".join(f"{n} {kind}" for kind, n in kinds.items())


def _other_box(pic: _Picture, private: Obj) -> list[Line]:
    body: list[Line] = []
    if private.kind == "Eventpoll":
        items = [e for e in pic.view.kind("Epitem") if e.ep == private]
        watched = sorted(e.fd for e in items)
        ready = sum(1 for e in items if e.on_rdllist)
        body = [
            [("watches ", LABEL), (", ".join(map(str, watched)) or "nothing", "")],
            [("ready   ", LABEL), (str(ready), "")],
        ]
        title = "eventpoll"
    elif private.kind == "PipeInodeInfo":
        title = "pipe"
        body = [
            [
                ("readers ", LABEL),
                (str(private.readers), ""),
                ("  writers ", LABEL),
                (str(private.writers), ""),
            ]
        ]
        body.append([("buffers ", LABEL), (f"{len(private.bufs)} of {private.ring_size}", "")])
    elif private.kind == "EventfdCtx":
        title = "eventfd"
        body = [[("count ", LABEL), (str(private.count), "")]]
    else:
        title = private.kind
    return text.box(text.plain(title, "bold"), body, SOCKET)


# ---- a sock


def _sock_box(pic: _Picture, sk: Obj, columns: int) -> list[Line]:
    state = sk.d["state"]
    if sk.kind == "InetTimewaitSock":
        state = sk.d["substate"]
    shown = state if sk.kind == "TcpSock" or not sk.is_a("Sock") else _plain_state(sk)
    title: Line = [
        (KINDS.get(sk.kind, sk.kind), "bold"),
        ("  ", ""),
        (shown, text.STATE_STYLES.get(state, "")),
    ]
    body: list[Line] = [_addresses(sk)]
    prot: Line = [
        ("sk_prot ", LABEL),
        (sk.d["protocol"], ""),
        ("  sk_refcnt ", LABEL),
        (str(sk.sk_refcnt), ""),
    ]
    if sk.is_a("Sock"):
        if sk.sk_err:
            prot += [("  sk_err ", LABEL), (_errno(sk.sk_err), "bold red")]
        if sk.sk_shutdown:
            prot += [("  shutdown ", LABEL), (("", "RCV", "SEND", "RCV|SEND")[sk.sk_shutdown & 3], "magenta")]
        body.append(prot)
        if sk.sk_state == sockets.LISTEN:
            body += _listener(sk)
        else:
            body += _buffers(sk)
        if sk.kind == "TcpSock" and sk.sk_state in (1, 4, 5, 8, 9, 11):
            body.append(_connection(sk))
        body += _peer(pic, sk)
    else:
        body.append(prot)
    timers = sk.d.get("timers", [])
    if timers:
        line: Line = [("timers  ", LABEL)]
        for i, timer in enumerate(timers):
            left = max(0, timer["left_ns"])
            line += [
                (" · " if i else "◷ ", LABEL),
                (timer["name"] + " ", ""),
                (text.time_left(left), "bold yellow"),
            ]
        body.append(line)
    style = "cyan" if sk.sk_state == sockets.LISTEN else text.EDGE
    return text.box(title, body, columns, style)


def _plain_state(sk: Obj) -> str:
    """UDP, raw and local sockets use two or three of TCP's states; their drawings say what they mean."""
    if sk.sk_state == 1:
        return "CONNECTED (TCP_ESTABLISHED)"
    if sk.sk_state == sockets.LISTEN:
        return "LISTENING (TCP_LISTEN)"
    return "TCP_CLOSE"


def _errno(number: int) -> str:
    import errno

    return errno.errorcode.get(number, str(number))


def _addresses(sk: Obj) -> Line:
    local, remote = sk.d["local"] or "unbound", sk.d["remote"]
    if sk.kind == "UnixSock":
        return [(sk.d["local"] or "unnamed", "bold")]
    line: Line = [(local, "bold")]
    if remote:
        line += [(" ⇄ ", "bold white"), (remote, "bold")]
    return line


def _listener(sk: Obj) -> list[Line]:
    lines: list[Line] = []
    used, limit = sk.d["recv_q"], int(sk.sk_max_ack_backlog)
    if sk.kind == "TcpSock" and sk.icsk_accept_queue is not None:
        q = sk.icsk_accept_queue
        lines.append([("SYN queue    ", LABEL), *text.bar(q.qlen, limit), (f" {q.qlen} of {limit}", "")])
    lines.append([("accept queue ", LABEL), *text.bar(used, limit + 1), (f" {used} of {limit}", "")])
    return lines


def _buffers(sk: Obj) -> list[Line]:
    lines: list[Line] = []
    wmem = int(sk.sk_wmem_queued if sk.kind == "TcpSock" else sk.sk_wmem_alloc)
    for name, charged, limit in (
        ("receive ", int(sk.sk_rmem_alloc), int(sk.sk_rcvbuf)),
        ("send    ", wmem, int(sk.sk_sndbuf)),
    ):
        lines.append(
            [(name, LABEL), *text.bar(charged, limit), (f" {text.size(charged)} of {text.size(limit)}", "")]
        )
    for name, head in _queues(sk):
        line = _queue(name, head)
        if line:
            lines.append(line)
    return lines


def _queues(sk: Obj) -> list[tuple[str, Obj | None]]:
    found = [("sk_receive_queue", sk.sk_receive_queue)]
    if sk.kind == "TcpSock":
        found += [
            ("out_of_order_queue", sk.out_of_order_queue),
            ("sk_write_queue", sk.sk_write_queue),
            ("tcp_rtx_queue", sk.tcp_rtx_queue),
        ]
    found += [("sk_error_queue", sk.sk_error_queue), ("sk_backlog", sk.sk_backlog)]
    return found


def _queue(name: str, head: Obj | None) -> Line:
    skbs = [] if head is None else head.list("skbs")
    if not skbs:
        return []
    line: Line = [(name + " ", LABEL)]
    for skb in skbs[:MAX_SKBS]:
        line += [("[", text.EDGE), (f"{int(skb.len) - int(skb.consumed)}", "bold green"), ("]", text.EDGE)]
    if len(skbs) > MAX_SKBS:
        line.append((f" +{len(skbs) - MAX_SKBS}", ""))
    return line


def _connection(sk: Obj) -> Line:
    line: Line = [("cwnd ", LABEL), (str(sk.snd_cwnd), ""), (" mss ", LABEL), (str(sk.mss_cache), "")]
    if sk.srtt_us:
        line += [(" rtt ", LABEL), (text.time_left(int(sk.srtt_us) * 125), "")]
    line += [
        (" rto ", LABEL),
        (text.time_left(int(sk.icsk_rto)), ""),
        (" ", ""),
        (str(sk.icsk_ca_ops.name), LABEL),
    ]
    return line


def _peer(pic: _Picture, sk: Obj) -> list[Line]:
    """Where the other end lies, when it lies in this machine."""
    if sk.kind == "UnixSock":
        other = sk.peer
    else:
        other = pic.ends.get((sk.kind, sk.d["remote"], sk.d["local"]))
    if other is None or other == sk:
        return []
    names = [f"{comm} {pid} fd {fd}" for comm, pid, fd in pic.owners.get(other, [])]
    return [[("peer    ", LABEL), (", ".join(names) or "held by no descriptor", "")]]


# ---- the rest


def _slabs(view: View) -> list[Line]:
    slabs = [s for s in view.kernel.slabs.values() if s.total]
    if not slabs:
        return []
    lines: list[Line] = [[], [("slab", "bold"), (" (active of all ever made)", LABEL)]]
    line: Line = [("  ", "")]
    for slab in slabs:
        cell = f"{slab.name} {slab.active}/{slab.total}"
        if text.width(line) + len(cell) > 110:
            lines.append(line)
            line = [("  ", "")]
        line += [(f"{slab.name} ", LABEL), (str(slab.active), "bold"), (f"/{slab.total}   ", LABEL)]
    return [*lines, line]


def _indent(lines: list[Line], by: int) -> list[Line]:
    return [[(" " * by, ""), *line] for line in lines]
