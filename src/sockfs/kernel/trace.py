"""Tracepoints, under their kernel names: what happens, told to whoever listens.

Kernel counterparts: `include/trace/events/{skb,sock,tcp,net,udp}.h`. A tracepoint costs one test of a flag
while nobody listens: `if k.trace_on: trace.kfree_skb(k, skb, reason)`. Fields are plain values, safe to
keep.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import i64

from sockfs.uapi.dropreason import DROP_REASON_NAMES
from sockfs.uapi.tcp import TCP_STATE_NAMES

if TYPE_CHECKING:
    from sockfs.structs.inet_sock import InetSock
    from sockfs.structs.kernel import Kernel, TraceSink
    from sockfs.structs.sk_buff import SkBuff
    from sockfs.structs.sock import Sock
    from sockfs.structs.socket import Socket


def attach(k: Kernel, sink: TraceSink) -> None:
    """sink hears every tracepoint from now on."""
    k.trace_sinks.append(sink)
    k.trace_on = True


def detach(k: Kernel, sink: TraceSink) -> None:
    """sink hears no more."""
    k.trace_sinks = [s for s in k.trace_sinks if s is not sink]
    k.trace_on = len(k.trace_sinks) > 0


def emit(k: Kernel, name: str, fields: dict[str, object]) -> None:
    """Tell every sink."""
    for sink in k.trace_sinks:
        sink.event(name, fields)


def inet_sock_set_state(sk: Sock, oldstate: i64, newstate: i64) -> None:
    """A TCP state changed."""
    emit(
        sk.kernel,
        "inet_sock_set_state",
        {
            "family": int(sk.sk_family),
            "protocol": int(sk.sk_protocol),
            "sport": int(sk.sk_num),
            "dport": int(sk.sk_dport),
            "saddr": int(sk.sk_rcv_saddr),
            "daddr": int(sk.sk_daddr),
            "oldstate": TCP_STATE_NAMES[int(oldstate)],
            "newstate": TCP_STATE_NAMES[int(newstate)],
        },
    )


def kfree_skb(k: Kernel, skb: SkBuff, reason: i64) -> None:
    """A packet was dropped."""
    emit(
        k,
        "kfree_skb",
        {"protocol": int(skb.protocol), "len": int(skb.len), "reason": DROP_REASON_NAMES[int(reason)]},
    )


def consume_skb(k: Kernel, skb: SkBuff) -> None:
    """A packet reached its end in good order."""
    emit(k, "consume_skb", {"protocol": int(skb.protocol), "len": int(skb.len)})


def skb_event(k: Kernel, name: str, skb: SkBuff) -> None:
    """`net_dev_queue`, `net_dev_xmit`, `netif_rx`, `netif_receive_skb`: a packet passes a device."""
    dev = skb.dev
    emit(k, name, {"name": "" if dev is None else dev.name, "len": int(skb.len)})


def tcp_event_sk(name: str, sk: InetSock) -> None:
    """`tcp_send_reset`, `tcp_receive_reset`, `tcp_destroy_sock`, `tcp_rcv_space_adjust`: something about a
    connection.
    """
    emit(
        sk.kernel,
        name,
        {
            "sport": int(sk.sk_num),
            "dport": int(sk.sk_dport),
            "saddr": int(sk.inet_saddr),
            "daddr": int(sk.sk_daddr),
            "state": TCP_STATE_NAMES[int(sk.sk_state)],
        },
    )


def tcp_retransmit_skb(sk: InetSock, skb: SkBuff) -> None:
    """A segment is sent again."""
    emit(
        sk.kernel,
        "tcp_retransmit_skb",
        {
            "sport": int(sk.sk_num),
            "dport": int(sk.sk_dport),
            "seq": int(skb.seq),
            "len": int(skb.len),
            "state": TCP_STATE_NAMES[int(sk.sk_state)],
        },
    )


def sock_bound(sock: Socket) -> None:
    """The moment `sock.ops` and `sk.sk_prot` are both set (socket creation; drawings disagree on when that
    is).
    """
    sk = sock.sk
    ops = sock.ops
    emit(
        sock.kernel,
        "sock_ops_set",
        {"ops": "" if ops is None else ops.name, "prot": "" if sk is None else sk.sk_prot.name},
    )
