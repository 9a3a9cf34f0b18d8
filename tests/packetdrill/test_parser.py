"""The notation: what a script's text becomes, and where an error points."""

from __future__ import annotations

import pytest

from sockfs.packetdrill import ast
from sockfs.packetdrill.lexer import ScriptSyntaxError
from sockfs.packetdrill.parser import parse

MS = 1_000_000


def one(text: str) -> ast.Event:
    """The only event of a script."""
    script = parse("x.pkt", text)
    assert len(script.events) == 1
    return script.events[0]


def tcp(text: str) -> ast.TcpPacket:
    packet = one("0 " + text).action
    assert isinstance(packet, ast.TcpPacket)
    return packet


def call(text: str) -> ast.Syscall:
    spec = one("0 " + text).action
    assert isinstance(spec, ast.Syscall)
    return spec


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("0", ast.Time("absolute", 0, 0)),
        ("1.5", ast.Time("absolute", 1500 * MS, 1500 * MS)),
        ("+.1", ast.Time("relative", 100 * MS, 100 * MS)),
        ("+0.000001", ast.Time("relative", 1000, 1000)),
        ("*", ast.Time("any")),
        ("1~2.5", ast.Time("absolute_range", 1000 * MS, 2500 * MS)),
        ("+.3~+.310", ast.Time("relative_range", 300 * MS, 310 * MS)),
    ],
)
def test_times(text: str, time: ast.Time) -> None:
    assert one(f"{text} close(3) = 0").time == time


def test_blocking_calls_have_an_end() -> None:
    assert call("...0.200 accept(3, ..., ...) = 4").end == 200 * MS
    assert one("+.1...0.200 connect(3, ..., ...) = 0").time == ast.Time("relative", 100 * MS, 100 * MS)
    assert one("+0 ...0.010 read(3, ..., 1) = 1").action == ast.Syscall(
        "read", (ast.Int(3), ast.Ellipsis_(), ast.Int(1)), ast.Int(1), "", 10 * MS
    )
    assert call("close(3) = 0").end is None


def test_a_segment() -> None:
    p = tcp("< [ect0] P. 1:1001(1000) ack 5 win 257 urg 7 <nop,nop,sack 1:2 3:4>")
    assert p.inbound
    assert p.ip.ecn == "ect0"
    assert (p.flags, p.seq, p.end, p.length) == ("P.", 1, 1001, 1000)
    assert (p.ack, p.win, p.urg) == (5, 257, 7)
    assert p.options == (
        ast.TcpOption("nop"),
        ast.TcpOption("nop"),
        ast.TcpOption("sack", blocks=((1, 2), (3, 4))),
    )


@pytest.mark.parametrize("flags", ["S", "S.", "SEW", "SE.", "F.", "FP.", ".", "R", "U.", "SF.", "EWA.", "5."])
def test_flags(flags: str) -> None:
    assert tcp(f"> {flags} 0:0(0)").flags == flags


def test_no_flags_and_any_options() -> None:
    assert tcp("< - 1:2(1) win 5").flags == ""
    assert tcp("> S 0:0(0) <...>").options is None
    assert tcp("> S 0:0(0)").options == ()


def test_options() -> None:
    p = tcp("> S 0:0(0) <mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 8,FO abcd1234,FOEXP, md5 00ff, eol>")
    assert p.options == (
        ast.TcpOption("mss", 1460),
        ast.TcpOption("sackOK"),
        ast.TcpOption("TS", 100, 0),
        ast.TcpOption("nop"),
        ast.TcpOption("wscale", 8),
        ast.TcpOption("FO", data=b"\xab\xcd\x12\x34"),
        ast.TcpOption("FOEXP"),
        ast.TcpOption("md5", data=b"\x00\xff"),
        ast.TcpOption("eol"),
    )


def test_cookies_that_look_like_numbers() -> None:
    for text in ("112233445566", "1234abcd5678dcba", "00000000"):
        options = tcp(f"< S 0:0(0) <FO {text}>").options
        assert options is not None
        assert options[0].data == bytes.fromhex(text)


def test_ports_and_ip() -> None:
    assert tcp("< 4000 > 8080 S 0:0(0)").ports == (4000, 8080)
    assert tcp("> (tos 0x10) S 0:0(0)").ip.tos == 0x10
    assert tcp("> [ttl 64] S 0:0(0)").ip.ttl == 64


def test_icmp_and_udp() -> None:
    assert one("0 < icmp unreachable frag_needed mtu 840 [0:1000(1000)]").action == ast.IcmpPacket(
        True, ast.IpInfo(), "unreachable", "frag_needed", 840, None, ("tcp", 0, 1000, 1000)
    )
    assert one("0 > icmp echo_reply id 7").action == ast.IcmpPacket(
        False, ast.IpInfo(), "echo_reply", "", None, 7, None
    )
    assert one("0 > udp (10)").action == ast.UdpPacket(False, ast.IpInfo(), None, 10)


def test_arguments() -> None:
    spec = call(
        'f(..., 0x2, -1, A|B, "x\\x01", [1, 2], {a=1, fd=3}, NULL, htons(80)) = -1 EAGAIN (Try again)'
    )
    assert spec.args == (
        ast.Ellipsis_(),
        ast.Int(2),
        ast.Int(-1),
        ast.Or(ast.Word("A"), ast.Word("B")),
        ast.Str("x\x01"),
        ast.Array((ast.Int(1), ast.Int(2))),
        ast.Struct((ast.Member("a", ast.Int(1)), ast.Member("fd", ast.Int(3)))),
        ast.Word("NULL"),
        ast.Call("htons", (ast.Int(80),)),
    )
    assert spec.result == ast.Int(-1)
    assert spec.errno == "EAGAIN"


def test_messages() -> None:
    spec = call(
        "recvmsg(3, {msg_name(...)=..., msg_iov(1)=[{..., 10}], msg_flags=0, msg_control=[]}, 0) = 10"
    )
    message = spec.args[1]
    assert isinstance(message, ast.Struct)
    assert message.names() == ("msg_name", "msg_iov", "msg_flags", "msg_control")
    assert message.get("msg_control") == ast.Array(())


def test_a_note_without_an_errno() -> None:
    assert call("fcntl(3, F_GETFL) = 0x2 (flags O_RDWR)").result == ast.Int(2)
    assert call("f(3) = -1 (Invalid Argument)").errno == ""


def test_options_commands_and_code() -> None:
    script = parse(
        "x.pkt",
        "// one\n--tolerance_usecs=5000 // why\n--strict_segments\n"
        "`a\nb`\n/* c\n */ 0 %{ assert 1 }%\n+0 `d`\n`e`\n",
    )
    assert script.options == [("tolerance_usecs", "5000", 2), ("strict_segments", "", 3)]
    assert script.init is not None
    assert script.init.action == ast.Command("a\nb")
    assert [e.action for e in script.events] == [ast.Code(" assert 1 "), ast.Command("d")]
    assert script.cleanup is not None
    assert script.cleanup.action == ast.Command("e")


def test_definitions_replace_words() -> None:
    script = parse("x.pkt", "0 < S 0:0(0) <FO COOKIE>", {"COOKIE": "0011aabb"})
    packet = script.events[0].action
    assert isinstance(packet, ast.TcpPacket)
    assert packet.options == (ast.TcpOption("FO", data=b"\x00\x11\xaa\xbb"),)


@pytest.mark.parametrize(
    ("text", "line", "column", "what"),
    [
        ("0 close(3) = ", 1, 14, "expected a value, found end of file"),
        ("0 close(3 = 0", 1, 11, "expected ')'"),
        ("\n0 > P. 1:10(8) ack 1", 2, 13, "1 + 8 is not 10"),
        ("0 > P. 1:10 ack 1", 1, 13, "expected '('"),
        ("0 > Q 1:1(0)", 1, 5, "expected TCP flags"),
        ("0 > S 0:0(0) <mss>", 1, 18, "expected a number"),
        ("0 > S 0:0(0) <foo 1>", 1, 15, "TCP option 'foo' is not known"),
        ("0 > S 0:0(0) <FO abc>", 1, 18, "even number"),
        ("0 > S 0:0(0) ack 1", 1, 19, "needs the flag"),
        ("0 frob", 1, 3, "expected a packet, a system call"),
        ("zero close(3) = 0", 1, 1, "expected a time"),
        ("0 `echo", 1, 3, "without an end"),
        ("0 %{ assert", 1, 3, "%{ without }%"),
        ('0 open("x', 1, 8, "string without an end"),
        ("0 close(3) = 0\n0 @", 2, 3, "has no meaning here"),
        ("0 < ipv4 1.2.3.4 > 5.6.7.8: . 1:1(0)", 1, 5, "not supported"),
        ("+1~2 close(3) = 0", 1, 4, "both ends of a time range"),
        ("0 > [frob] . 1:1(0)", 1, 6, "nothing about an IP header"),
    ],
)
def test_errors_point(text: str, line: int, column: int, what: str) -> None:
    with pytest.raises(ScriptSyntaxError) as e:
        parse("x.pkt", text)
    assert what in e.value.message
    assert (e.value.path, e.value.line, e.value.column) == ("x.pkt", line, column), e.value
