"""Every script under tests/scripts/ runs and passes; and a wrong one fails where it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from sockfs.cli.packetdrill_views import ObserveViews
from sockfs.packetdrill import runner

SCRIPTS = Path(__file__).parent.parent / "scripts"
SERVER = """
    0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
   +0 bind(3, ..., ...) = 0
   +0 listen(3, 1) = 0
   +0 < S 0:0(0) win 32792 <mss 1000,sackOK,nop,nop>
   +0 > S. 0:0(0) ack 1 <mss 1460,nop,nop,sackOK>
 +.01 < . 1:1(0) ack 1 win 32792
   +0 accept(3, ..., ...) = 4
"""


def run(tmp_path: Path, text: str, **kwargs: object) -> runner.Result:
    path = tmp_path / "script.pkt"
    path.write_text(text)
    return runner.run_script(str(path), views=ObserveViews(), **kwargs)  # type: ignore[arg-type]


def fails(tmp_path: Path, tail: str, kind: str, line: int, what: str) -> runner.Result:
    """The handshake and `tail`: fails in the given line (of the tail, from 1), saying `what`."""
    r = run(tmp_path, SERVER + tail)
    assert r.failure is not None
    assert what in f"{r.failure.message} {r.failure.expected} {r.failure.actual}", r.failure
    assert (r.failure.kind, r.failure.line - SERVER.count("\n")) == (kind, line), r.failure
    return r


@pytest.mark.parametrize("path", sorted(SCRIPTS.rglob("*.pkt")), ids=lambda p: str(p.relative_to(SCRIPTS)))
def test_script(path: Path) -> None:
    r = runner.run_script(str(path), views=ObserveViews())
    assert r.passed, r.failure


def test_one_script_again_gives_the_same() -> None:
    path = str(SCRIPTS / "sack" / "one-hole.pkt")
    assert runner.run_script(path).exchange == runner.run_script(path).exchange


@pytest.mark.parametrize(
    ("expected", "what"),
    [
        ("> P. 2:102(100) ack 1", "sequence number"),
        ("> P. 1:51(50) ack 1 win 1", "payload length"),
        ("> P. 1:101(100) ack 2", "acknowledgement number"),
        ("> FP. 1:101(100) ack 1", "flags"),
        ("> P. 1:101(100) ack 1 win 5", "window"),
        ("> P. 1:101(100) ack 1 <nop,nop,TS val 1 ecr 0>", "TCP options"),
        ("> [ect0] P. 1:101(100) ack 1", "ECN bits"),
    ],
)
def test_each_field_is_compared(tmp_path: Path, expected: str, what: str) -> None:
    strict = "--strict_segments\n" if what == "payload length" else ""
    r = run(tmp_path, strict + SERVER + f"+0 write(4, ..., 100) = 100\n+0 {expected}\n")
    assert r.failure is not None
    assert r.failure.message.startswith(what), r.failure
    assert r.failure.expected == expected


def test_a_packet_at_the_wrong_time(tmp_path: Path) -> None:
    fails(tmp_path, "+0 write(4, ..., 9) = 9\n+.1 > P. 1:10(9) ack 1\n", "timing", 2, "0.010")
    fails(tmp_path, "+.1 > P. 1:10(9) ack 1\n", "mismatch", 1, "no packet came")


def test_results_of_calls(tmp_path: Path) -> None:
    fails(tmp_path, "+0 write(4, ..., 9) = 8\n", "mismatch", 1, "write: expected 8, got 9")
    fails(tmp_path, "+0 close(9) = 0\n", "mismatch", 1, "close: expected 0, got -1 EBADF")
    fails(tmp_path, "+0 close(9) = -1 EINVAL (x)\n", "mismatch", 1, "expected errno EINVAL, got EBADF")
    fails(tmp_path, "+0 read(4, ..., 9) = 9\n", "mismatch", 1, "read() blocks")
    fails(tmp_path, "+0 frob(4) = 0\n", "mismatch", 1, "system call 'frob' is not known")
    fails(tmp_path, "+0 setsockopt(4, SOL_TCP, TCP_FROB, [1], 4) = 0\n", "mismatch", 1, "'TCP_FROB' is not")
    fails(
        tmp_path,
        "+0 getsockopt(4, SOL_TCP, TCP_MAXSEG, [999], [4]) = 0\n",
        "mismatch",
        1,
        "expected 999, got 1000",
    )


def test_a_blocking_call_ends_when_it_should(tmp_path: Path) -> None:
    late = "+0...0.010 read(4, ..., 9) = 9\n+.1 < P. 1:10(9) ack 1 win 100\n"
    fails(tmp_path, late, "timing", 1, "read() returned at 0.11")
    fails(tmp_path, "+0...0.010 read(4, ..., 9) = 9\n", "timing", 1, "did not return")
    early = "+0 < P. 1:10(9) ack 1 win 100\n+0...0.100 read(4, ..., 9) = 9\n"
    fails(tmp_path, early, "timing", 2, "read() returned at once")


def test_assertions_see_the_socket_and_nothing_else(tmp_path: Path) -> None:
    assert run(tmp_path, SERVER + "+0 %{ x = tcpi_snd_cwnd + 1; print(x); assert x == 11 }%").printed == [
        "11"
    ]
    fails(tmp_path, "+0 %{ assert tcpi_snd_cwnd == 3, tcpi_snd_cwnd }%", "mismatch", 1, "== 3, got 10")
    fails(tmp_path, "+0 %{\nassert tcpi_unacked == 0\nassert False\n}%", "mismatch", 3, "False")
    for evil in (
        "import os",
        "open('/etc/passwd')",
        "(1).__class__",
        "tcpi_rtt.real",
        "__import__('os')",
        "[x for x in (1,)]",
        "lambda: 1",
        "exec('1')",
        "9**9**9",
    ):
        fails(tmp_path, f"+0 %{{ {evil} }}%", "mismatch", 1, "allowed")
    fails(tmp_path, "+0 %{ assert ( }%", "mismatch", 1, "not Python")
    fails(tmp_path, "+0 %{ assert nothing_such }%", "mismatch", 1, "nothing_such")


def test_commands_run_on_the_stack(tmp_path: Path) -> None:
    text = (
        '`sysctl -q net.ipv4.tcp_rmem="4096 $((128*1024)) 6291456" && cat /proc/sys/net/ipv4/tcp_rmem\n'
        "echo hi > /tmp/x; cat /tmp/x | grep h`\n" + SERVER
    )
    assert run(tmp_path, text).printed == ["4096\t131072\t6291456\n", "hi\n"]
    fails(tmp_path, "+0 `wget http://example.com`", "command", 1, "command 'wget' is not known")
    fails(tmp_path, "+0 `echo x > /etc/passwd`", "command", 1, "/etc/passwd cannot be written")
    fails(tmp_path, "+0 `false`", "command", 1, "status 1")
    fails(tmp_path, "+0 `sysctl -q net.ipv4.no_such=1`", "command", 1, "status 255")
    assert run(tmp_path, SERVER + "+0 `sysctl -e -q net.ipv4.no_such=1`").passed


def test_commands_restore_what_they_set(tmp_path: Path) -> None:
    text = (
        "`../common/set_sysctls.py /proc/sys/net/ipv4/tcp_sack=0`\n"
        + SERVER.replace("<mss 1460,nop,nop,sackOK>", "<mss 1460>")
        + "+0 `/tmp/sysctl_restore_${PPID}.sh; cat /proc/sys/net/ipv4/tcp_sack`"
    )
    r = run(tmp_path, text)
    assert r.passed, r.failure
    assert r.printed == ["1\n"]


def test_routes_and_devices(tmp_path: Path) -> None:
    route = "`ip route change 192.0.2.1 via 192.168.0.2 dev tun0 advmss 600 mtu lock 640`\n"
    assert run(tmp_path, route + SERVER.replace("mss 1460", "mss 600")).passed
    assert run(tmp_path, "`ip -6 route add ::1`\n" + SERVER).failure is not None
    lost = (
        "+0 `tc qdisc replace dev tun0 root pfifo limit 0`\n+0 write(4, ..., 9) = 9\n+0 > P. 1:10(9) ack 1\n"
    )
    fails(tmp_path, lost, "mismatch", 3, "no packet came")


def test_segments_are_fitted_unless_strict(tmp_path: Path) -> None:
    tail = "+0 write(4, ..., 4000) = 4000\n+0 > . 1:1001(1000) ack 1\n+0 > P. 1001:4001(3000) ack 1\n"
    assert run(tmp_path, SERVER + tail).passed
    assert not run(tmp_path, "--strict_segments\n" + SERVER + tail).passed


def test_other_address_families_say_so(tmp_path: Path) -> None:
    r = run(tmp_path, SERVER, ip_version="ipv6")
    assert r.failure is not None
    assert "address family not supported" in r.failure.message


def test_a_failure_tells_the_story(tmp_path: Path) -> None:
    r = fails(tmp_path, "+0 write(4, ..., 9) = 9\n+0 > P. 1:11(10) ack 1\n", "mismatch", 2, "payload length")
    assert any("> S. 0:0(0) ack 1" in line for line in r.exchange)
    assert "ESTAB" in r.sockets
    assert "cubic" in r.sockets


def test_any_time_is_no_longer_than_a_day(tmp_path: Path) -> None:
    assert run(tmp_path, SERVER + "+0 close(4) = 0\n* > F. 1:1(0) ack 1\n* > F. 1:1(0) ack 1\n").passed
    fails(tmp_path, "* > P. 1:10(9) ack 1\n", "mismatch", 1, "no packet came by 86400")


def test_nothing_that_a_script_says_raises(tmp_path: Path) -> None:
    for text in (
        "--local_ip=fd::1\n" + SERVER,
        "0 write(3) = 0",
        "0 write(3, [1, 2], {a=1}) = 0",
        "0 poll(7, 1, 0) = 0",
        "0 < S 0:0(0) <mss 1000,nop>",
        "0 < . 1:1(0) ack 1 win 1 <sack 1:2 3:4 5:6 7:8 9:10 11:12>",
        "0 < icmp frobnicate",
        "0 sendmsg(3, {}, 0) = 0",
        "0 getsockopt(3, SOL_TCP, TCP_INFO, ..., [-5]) = 0",
        "0 read(99999999999999999999, ..., 99999999999999999999) = 0",
        "0 f(" + "(" * 5000,
        "`$((1/0))`",
        "`ip route add x`",
    ):
        assert run(tmp_path, text).failure is not None, text


def test_definitions(tmp_path: Path) -> None:
    text = SERVER + "+0 write(4, ..., AMOUNT) = AMOUNT\n+0 > P. 1:101(100) ack 1"
    assert run(tmp_path, text, defines={"AMOUNT": "100"}).passed
    assert run(tmp_path, "--define=AMOUNT=100\n" + text).passed
