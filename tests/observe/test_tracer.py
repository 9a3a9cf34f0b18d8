"""Call graphs of a bare machine: what a call really went through, as function_graph and strace lay it out."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import pytest

import sockfs
from sockfs.observe import strace, tracer
from sockfs.structs.task import Task

pytestmark = pytest.mark.skipif(sockfs.compiled(), reason="the profiler sees nothing inside compiled code")

LOCAL = b"\2\0\x1f\x90\x7f\0\0\1" + bytes(8)  # 127.0.0.1:8080


def traced(sink: tracer.Sink, body: Callable[[Task], object]) -> None:
    k = sockfs.Kernel(seed=1)
    task = k.task("test")
    t = tracer.Tracer(k, sink)
    t.start()
    try:
        body(task)
    finally:
        t.stop()


def connection(t: Task) -> tuple[int, int, int]:
    s = t.syscall("socket", 2, 1, 0)
    assert t.syscall("bind", s, LOCAL, 16) == 0
    assert t.syscall("listen", s, 5) == 0
    c = t.syscall("socket", 2, 1, 0)
    assert t.syscall("connect", c, LOCAL, 16) == 0
    return s, c, t.syscall("accept4", s, None, None, 0)


def test_socket_goes_the_kernels_way() -> None:
    seen = tracer.Collector()
    traced(seen, lambda t: t.syscall("socket", 2, 1, 0))
    (root,) = seen.calls("socket")
    names = [name for _, name in root.chain()]
    wanted = (
        "sys_socket __sys_socket __sys_socket_create sock_create __sock_create sock_alloc inet_create"
        " sk_alloc sock_init_data tcp_v4_init_sock tcp_init_sock sock_map_fd get_unused_fd_flags"
        " sock_alloc_file"
        " fd_install"
    )
    assert [name for name in names if name in wanted.split()] == wanted.split()
    depth = {name: d for d, name in root.chain()}
    assert depth["inet_create"] == depth["sock_alloc"] > depth["__sock_create"]
    assert depth["sock_map_fd"] == depth["__sys_socket_create"] == 2
    events = [node.event for node in nodes(root.node) if node.fn is None]
    assert events == ["sock_ops_set: ops=inet_stream_ops prot=TCP"]
    assert root.call is not None
    assert strace.line(root.call) == "socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 3"


def nodes(node: tracer.Node) -> list[tracer.Node]:
    return [node] + [found for child in node.children for found in nodes(child)]


def test_a_slot_of_a_table_is_named_at_the_function_it_leads_to() -> None:
    seen = tracer.Collector()
    traced(seen, lambda t: t.syscall("bind", t.syscall("socket", 2, 1, 0), LOCAL, 16))
    (root,) = seen.calls("bind")
    assert [n.via for n in nodes(root.node) if n.name == "inet_bind"] == ["inet_stream_ops.bind"]
    for n in nodes(root.node):
        if n.fn is not None and n.children:
            assert n.end >= n.start
            assert n.start <= n.children[0].start
            assert n.children[-1].end <= n.end


def test_packets_are_processed_after_the_call_that_sent_them() -> None:
    seen = tracer.Collector()
    traced(seen, connection)
    kinds = [(root.kind, root.call.name if root.call else "") for root in seen.roots]
    at = kinds.index(("syscall", "connect"))
    assert kinds[at : at + 3] == [("syscall", "connect"), ("softirq", ""), ("syscall", "connect")]
    first, softirq, last = seen.roots[at : at + 3]
    assert (first.sleeps, first.resumed, last.sleeps, last.resumed) == (True, False, False, True)
    assert first.call is last.call
    assert sum(name == "ip_rcv" for _, name in softirq.chain()) == 3  # SYN, SYN-ACK, ACK
    assert "ip_rcv" not in [name for _, name in first.chain()]


STRACE = """\
socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 3
bind(3, {sa_family=AF_INET, sin_port=htons(8080), sin_addr=inet_addr("127.0.0.1")}, 16) = 0
listen(3, 5)                            = 0
socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 4
connect(4, {sa_family=AF_INET, sin_port=htons(8080), sin_addr=inet_addr("127.0.0.1")}, 16) = 0
"""


def test_the_lines_are_straces() -> None:
    out = io.StringIO()
    traced(tracer.TextSink(out, tracer.Filters(graph=False)), connection)
    text = out.getvalue()
    assert text.startswith(STRACE)
    assert text[len(STRACE) :].startswith("accept4(3, {sa_family=AF_INET, sin_port=htons(")


def test_the_graph_is_function_graphs() -> None:
    out = io.StringIO()
    filters = tracer.Filters(calls=("listen",), functions=("inet_csk_get_port",), softirq=False)
    traced(tracer.TextSink(out, filters), connection)
    lines = out.getvalue().splitlines()
    assert lines[0] == "listen(3, 5)                            = 0"
    assert lines[1] == " 0)                  |  inet_csk_get_port() {  /* TCP.get_port */"
    assert lines[-1].startswith(" 0) ")
    assert lines[-1].endswith(" us".ljust(10) + "|  }") or lines[-1].endswith("|  }")
    assert all(line.index("|") == 21 for line in lines[1:])
    assert sum(line.count("{") for line in lines[1:]) == sum(line.count("}") for line in lines[1:]) == 1


def test_filters() -> None:
    out = io.StringIO()
    filters = tracer.Filters(calls=("bind,list*",), depth=2, events=False)
    traced(tracer.JsonSink(out, filters), connection)
    records = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [r["call"] for r in records if r["kind"] == "syscall"] == ["bind", "listen"]
    assert records[0]["arguments"].startswith("3, {sa_family=AF_INET")
    assert records[0]["value"] == 0
    assert records[0]["graph"][0]["function"] == "sys_bind"
    assert records[0]["graph"][0]["file"] == "net/socket.py"
    assert records[0]["graph"][0]["duration_ns"] > 0


def test_a_call_that_never_ends_is_unfinished() -> None:
    out = io.StringIO()

    def body(t: Task) -> None:
        s = t.syscall("socket", 2, 2, 0)
        assert t.syscall("recvfrom", s, bytearray(10), 10, 0, None, None) == -600

    traced(tracer.TextSink(out, tracer.Filters(graph=False)), body)
    assert out.getvalue().splitlines()[-1] == "recvfrom(3,  <unfinished ...>"  # two blanks, as strace


def test_the_watch_calls_back_before_and_after() -> None:
    seen: list[tuple[str, object]] = []

    def run(before: bool) -> None:
        k = sockfs.Kernel(seed=1)
        task = k.task("test")
        watch = tracer.CallWatch("listen", before, lambda call: seen.append((call.name, call.answer)))
        t = tracer.Tracer(k, watch, watch.entry)
        t.start()
        try:
            connection(task)
        finally:
            t.stop()

    run(True)
    run(False)
    assert seen == [("listen", None), ("listen", 0)]


ERRORS = """\
socket(AF_INET, 0x4d /* SOCK_??? */, IPPROTO_IP) = -1 EINVAL (Invalid argument)
socket(0x4d /* AF_??? */, SOCK_STREAM, 0) = -1 EAFNOSUPPORT (Address family not supported by protocol)
socket(AF_INET, SOCK_DGRAM|SOCK_CLOEXEC|SOCK_NONBLOCK, IPPROTO_UDP) = 4
setsockopt(3, SOL_TCP, TCP_NODELAY, [1], 4) = 0
setsockopt(3, SOL_SOCKET, SO_LINGER, {l_onoff=1, l_linger=5}, 8) = 0
shutdown(3, SHUT_WR)                    = -1 ENOTCONN (Transport endpoint is not connected)
close(3)                                = 0
""".splitlines()
SENT = (
    r'sendto(3, "a\n\1\0002\377a\n\1\0002\377a\n\1\0002\377a\n\1\0002\377a\n\1\0002\377a\n"..., 60, '
    "MSG_DONTWAIT|MSG_NOSIGNAL, {sa_family=AF_INET, sin_port=htons(8080), "
    'sin_addr=inet_addr("127.0.0.1")}, 16) = -1 EPIPE (Broken pipe)'
)


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (("socket", 2, 77, 0), ERRORS[0]),
        (("socket", 77, 1, 0), ERRORS[1]),
        (("socket", 2, 0o2004002, 17), ERRORS[2]),
        (("setsockopt", 3, 6, 1, b"\1\0\0\0", 4), ERRORS[3]),
        (("setsockopt", 3, 1, 13, b"\1\0\0\0\5\0\0\0", 8), ERRORS[4]),
        (("shutdown", 3, 1), ERRORS[5]),
        (("close", 3), ERRORS[6]),
        (("sendto", 3, b"a\n\1\0002\xff" * 10, 60, 0x4040, LOCAL, 16), SENT),
    ],
)
def test_arguments_as_strace_writes_them(args: tuple[object, ...], line: str) -> None:
    """Compared with what strace 6.1 printed of the same calls."""
    seen = tracer.Collector()

    def body(t: Task) -> None:
        t.syscall("socket", 2, 1, 0)
        t.syscall(str(args[0]), *args[1:])

    traced(seen, body)
    call = [root.call for root in seen.roots if root.call is not None][-1]
    assert strace.line(call) == line
