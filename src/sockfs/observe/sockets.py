"""Every socket of a machine as one flat record: what ss, netstat, lsof and /proc/net print.

`collect(view)` goes through the tables where the kernel keeps its sockets (listeners, established, UDP, raw,
local, packet), not through descriptors, so orphans, half-made connections and TIME-WAIT are there too. Kernel
counterpart: `net/ipv4/inet_diag.c`, `net/unix/diag.c`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sockfs.uapi.socket import AF_INET6, AF_UNIX, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM
from sockfs.util import inet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sockfs.observe.snapshot import Obj, View

ESTABLISHED, SYN_SENT, SYN_RECV, FIN_WAIT1, FIN_WAIT2, TIME_WAIT, CLOSE = 1, 2, 3, 4, 5, 6, 7
CLOSE_WAIT, LAST_ACK, LISTEN, CLOSING = 8, 9, 10, 11


@dataclass
class Entry:
    """One socket. Ports of 0 and addresses of no length mean "none"."""

    netid: str  # tcp, udp, raw, icmp, u_str, u_dgr, u_seq, p_raw, p_dgr, nl
    family: int
    state: int  # TCP_ESTABLISHED … as ss shows it: a minisock's own, SYN-RECV for a request
    recv_q: int
    send_q: int
    local: str
    lport: int | str
    remote: str
    rport: int | str
    ino: int
    cookie: int
    uid: int
    refcnt: int
    users: list[tuple[str, int, int]]  # (comm, pid, fd)
    timer: tuple[str, int, int] | None  # (on, keepalive, timewait, persist; ns left; retransmissions)
    shutdown: int
    device: str
    sk: Obj = field(repr=False)

    @property
    def full(self) -> bool:
        """A real sock, not a minisock."""
        return self.sk.is_a("Sock")


def collect(view: View) -> list[Entry]:
    """All sockets, in the order in which ss prints families: local, packet, raw, udp, tcp."""
    owners = descriptors(view)
    out: list[Entry] = []
    for net in view.kernel.nets:
        for sk in _unique(net.unix_all.values()):
            out.append(_unix(sk, owners))
        for sk in _unique(net.packet_socks.values()):
            out.append(_packet(sk, owners))
        for netid, table in (
            ("icmp", net.ping_hash),
            ("raw", net.raw_hash),
            ("udp", net.udp_table.hash),
            ("udp", net.udplite_table.hash),
            ("tcp", net.tcp_hashinfo.lhash2),
            ("tcp", net.tcp_hashinfo.ehash),
        ):
            for sk in _unique(sk for first in table.values() for sk in chain(first)):
                out.append(_inet(view, netid, sk, owners))
    return out


def chain(first: Obj | None) -> Iterator[Obj]:
    """The socks of one bucket."""
    while first is not None:
        yield first
        first = first.hash_next


def descriptors(view: View) -> dict[Obj, list[tuple[str, int, int]]]:
    """Who holds each sock: (comm, pid, fd)."""
    found: dict[Obj, list[tuple[str, int, int]]] = {}
    for task in view.tasks.values():
        for fd, file in enumerate(task.files.fdt):
            socket = file and file.private_data
            if socket is not None and socket.kind == "Socket" and socket.sk is not None:
                found.setdefault(socket.sk, []).append((task.comm, task.pid, fd))
    return found


def _unique(socks: Iterator[Obj] | list[Obj]) -> list[Obj]:
    return list(dict.fromkeys(socks))


def sock_inode(sk: Obj) -> int:
    """The inode of the socket above a sock; 0 for an orphan."""
    socket = sk.sk_socket
    return 0 if socket is None else int(socket.i_ino)


def ip_ends(sk: Obj) -> tuple[str, int, str, int]:
    """Local address and port, remote address and port, of anything in an internet hash table."""
    if sk.sk_family == AF_INET6:
        local, remote = (
            inet.inet_ntop(AF_INET6, raw if len(raw) == 16 else bytes(16))
            for raw in (sk.sk_v6_rcv_saddr, sk.sk_v6_daddr)
        )
    else:
        local, remote = inet.inet_ntoa(sk.sk_rcv_saddr), inet.inet_ntoa(sk.sk_daddr)
    return local, int(sk.sk_num), remote, int(sk.sk_dport)


def _inet(view: View, netid: str, sk: Obj, owners: dict[Obj, list[tuple[str, int, int]]]) -> Entry:
    local, lport, remote, rport = ip_ends(sk)
    state = int(sk.sk_state)
    full = sk.is_a("Sock")
    if sk.kind == "RequestSock":
        state = SYN_RECV
    elif sk.kind == "InetTimewaitSock":
        state = int(sk.tw_substate)
    index = int(sk.sk_bound_dev_if)
    dev = view.net.dev_by_index.get(index) if index else None
    return Entry(
        netid=netid,
        family=int(sk.sk_family),
        state=state,
        recv_q=sk.d.get("recv_q", 0),
        send_q=sk.d.get("send_q", 0),
        local=local,
        lport=lport,
        remote=remote,
        rport=rport,
        ino=sock_inode(sk) if full else 0,
        cookie=int(sk.sk_cookie),
        uid=int(sk.sk_uid) if full else 0,
        refcnt=int(sk.sk_refcnt),
        users=owners.get(sk, []),
        timer=diag_timer(sk),
        shutdown=int(sk.sk_shutdown) if full else 0,
        device="" if dev is None else str(dev.name),
        sk=sk,
    )


def diag_timer(sk: Obj) -> tuple[str, int, int] | None:
    """The one timer that ss -o shows: its kind, what is left in ns, and how often it has gone off."""
    left = {timer["name"]: max(0, timer["left_ns"]) for timer in sk.d.get("timers", [])}
    if sk.kind == "InetTimewaitSock":
        return ("timewait", next(iter(left.values())), 0) if left else None
    if sk.kind == "RequestSock":
        return ("on", left["syn-ack"], int(sk.num_timeout)) if left else None
    for name in ("retransmit", "loss probe", "reordering"):
        if name in left:
            return ("on", left[name], int(sk.icsk_retransmits))
    if "probe0" in left:
        return ("persist", left["probe0"], int(sk.icsk_probes_out))
    for name in ("keepalive", "fin-wait-2"):
        if name in left:
            return ("keepalive", left[name], int(sk.icsk_probes_out))
    return None


def _unix(sk: Obj, owners: dict[Obj, list[tuple[str, int, int]]]) -> Entry:
    netid = {SOCK_STREAM: "u_str", SOCK_DGRAM: "u_dgr"}.get(int(sk.sk_type), "u_seq")
    peer = sk.peer
    return Entry(
        netid=netid,
        family=AF_UNIX,
        state=int(sk.sk_state),
        recv_q=sk.d.get("recv_q", 0),
        send_q=int(sk.sk_max_ack_backlog) if sk.sk_state == LISTEN else sk.d.get("send_q", 0),
        local=sk.d.get("local") or "*",
        lport=sock_inode(sk),
        remote="*" if peer is None else peer.d.get("local") or "*",
        rport=0 if peer is None else sock_inode(peer),
        ino=sock_inode(sk),
        cookie=int(sk.sk_cookie),
        uid=int(sk.sk_uid),
        refcnt=int(sk.sk_refcnt),
        users=owners.get(sk, []),
        timer=None,
        shutdown=int(sk.sk_shutdown),
        device="",
        sk=sk,
    )


def _packet(sk: Obj, owners: dict[Obj, list[tuple[str, int, int]]]) -> Entry:
    return Entry(
        netid="p_raw" if sk.sk_type == SOCK_RAW else "p_dgr",
        family=int(sk.sk_family),
        state=CLOSE,
        recv_q=int(sk.sk_rmem_alloc),
        send_q=0,
        local="*" if sk.num in (0, 3) else f"[{sk.num}]",
        lport="*" if not sk.ifindex else str(sk.ifindex),
        remote="*",
        rport="",
        ino=sock_inode(sk),
        cookie=int(sk.sk_cookie),
        uid=int(sk.sk_uid),
        refcnt=int(sk.sk_refcnt),
        users=owners.get(sk, []),
        timer=None,
        shutdown=int(sk.sk_shutdown),
        device="",
        sk=sk,
    )
