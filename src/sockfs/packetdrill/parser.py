"""Tokens to a `Script`: a descent by hand, since the notation is small and errors must point.

`parse(path, text, defines)` is the entry. Order of a script: options (`--name=value`), an optional
command, events, an optional command. The grammar is packetdrill's `syntax.md`; GRE and MPLS are refused by
name.
"""

from __future__ import annotations

import re

from sockfs.packetdrill import ast, lexer

SECOND = 1_000_000_000
OPTIONS_WITH_NUMBER = {"mss", "wscale"}
ECN_WORDS = {"noecn", "ect0", "ect1", "ect01", "ce"}
FLAG_LETTERS = set("FSRPUEWACNB0123456789")


def parse(path: str, text: str, defines: dict[str, str] | None = None) -> ast.Script:
    """The script. Raises lexer.ScriptSyntaxError."""
    words = dict(defines or {})
    for name, value in script_defines(text):
        words.setdefault(name, value)
    return Parser(path, text, lexer.tokenize(path, text, words)).script()


def script_defines(text: str) -> list[tuple[str, str]]:
    """`--define=NAME=VALUE` lines."""
    out = []
    for m in re.finditer(r"^--define=([A-Za-z_]\w*)=(\"[^\"]*\"|\S+)", text, re.MULTILINE):
        out.append((m.group(1), m.group(2)))
    return out


class Parser:
    def __init__(self, path: str, text: str, tokens: list[lexer.Token]) -> None:
        self.path = path
        self.text = text
        self.tokens = tokens
        self.at = 0

    # ---- tools

    @property
    def token(self) -> lexer.Token:
        return self.tokens[self.at]

    def peek(self, n: int = 1) -> lexer.Token:
        return self.tokens[min(self.at + n, len(self.tokens) - 1)]

    def take(self) -> lexer.Token:
        token = self.token
        if token.kind != "end":
            self.at += 1
        return token

    def error(self, what: str, token: lexer.Token | None = None) -> lexer.ScriptSyntaxError:
        t = token or self.token
        found = "end of file" if t.kind == "end" else repr(self.text[t.start : t.end].split("\n")[0])
        return lexer.ScriptSyntaxError(self.path, t.line, t.column, f"{what}, found {found}")

    def is_op(self, *ops: str) -> bool:
        return self.token.kind == "op" and self.token.text in ops

    def is_word(self, *words: str) -> bool:
        return self.token.kind == "word" and self.token.text in words

    def op(self, op: str) -> lexer.Token:
        if not self.is_op(op):
            raise self.error(f"expected '{op}'")
        return self.take()

    def accept(self, op: str) -> bool:
        if self.is_op(op):
            self.take()
            return True
        return False

    def integer(self) -> int:
        negative = self.accept("-")
        t = self.token
        if t.kind not in ("int", "hex"):
            raise self.error("expected a number")
        self.take()
        n = int(t.text, 0) if t.kind == "hex" else int(t.text)
        return -n if negative else n

    def word(self) -> str:
        if self.token.kind != "word":
            raise self.error("expected a word")
        return self.take().text

    # ---- script

    def script(self) -> ast.Script:
        script = ast.Script(self.path)
        while self.token.kind == "option":
            script.options.append(self.option())
        if self.token.kind == "backquote":
            script.init = self.bare_command()
        while self.token.kind not in ("end", "backquote"):
            script.events.append(self.event())
        if self.token.kind == "backquote":
            script.cleanup = self.bare_command()
        if self.token.kind != "end":
            raise self.error("expected the end of the script after its last command")
        return script

    def option(self) -> tuple[str, str, int]:
        token = self.take()
        value = ""
        if self.is_op("=") and not self.token.spaced:
            start = self.take().end
            end = re.compile(r"[ \t]*(?://[^\n]*)?(?:\n|$)").search(self.text, start)
            stop = end.start() if end is not None else len(self.text)
            value = self.text[start:stop].strip().strip('"')
            while self.token.kind != "end" and self.token.start < stop:
                self.take()
        return token.text, value, token.line

    def bare_command(self) -> ast.Event:
        token = self.take()
        text = self.text[token.start : token.end]
        return ast.Event(ast.Time("relative"), ast.Command(token.text), token.line, token.column, text)

    def event(self) -> ast.Event:
        first = self.token
        when = self.time()
        start = self.token
        action = self.action(when)
        last = self.tokens[self.at - 1]
        text = self.text[first.start : last.end]
        return ast.Event(when, action, start.line, start.column, " ".join(text.split()))

    def time(self) -> ast.Time:
        if self.accept("*"):
            return ast.Time("any")
        relative = self.accept("+")
        start = self.duration()
        if self.accept("~"):
            if self.accept("+") != relative:
                raise self.error("both ends of a time range are relative, or none")
            end = self.duration()
            if end < start:
                raise self.error("a time range runs forward")
            return ast.Time("relative_range" if relative else "absolute_range", start, end)
        return ast.Time("relative" if relative else "absolute", start, start)

    def duration(self) -> int:
        t = self.token
        if t.kind not in ("int", "float"):
            raise self.error("expected a time in seconds")
        self.take()
        whole, _, part = t.text.partition(".")
        return int(whole or "0") * SECOND + int((part + "000000000")[:9])

    def action(self, when: ast.Time) -> ast.Action:
        t = self.token
        if t.kind == "backquote":
            self.take()
            return ast.Command(t.text)
        if t.kind == "code":
            self.take()
            return ast.Code(t.text)
        if self.is_op("<", ">"):
            return self.packet()
        end: int | None = None
        if t.kind == "ellipsis":
            self.take()
            end = self.duration()
        if self.token.kind == "word" and self.peek().kind == "op" and self.peek().text == "(":
            return self.syscall(end)
        raise self.error("expected a packet, a system call, a command or %{ code }%")

    # ---- system calls

    def syscall(self, end: int | None) -> ast.Syscall:
        name = self.word()
        self.op("(")
        args = self.expressions(")")
        self.op(")")
        self.op("=")
        result = self.expression()
        errno = ""
        if self.token.kind == "word" and re.fullmatch(r"E[A-Z0-9]+", self.token.text):
            errno = self.word()
        if self.is_op("("):
            self.note()
        return ast.Syscall(name, args, result, errno, end)

    def note(self) -> None:
        """`(Operation now in progress)`."""
        self.op("(")
        depth = 1
        while depth:
            if self.token.kind == "end":
                raise self.error("a note ends with ')'")
            if self.is_op("("):
                depth += 1
            elif self.is_op(")"):
                depth -= 1
            self.take()

    def expressions(self, close: str) -> tuple[ast.Expr, ...]:
        out: list[ast.Expr] = []
        while not self.is_op(close):
            out.append(self.expression())
            if not self.accept(","):
                break
        return tuple(out)

    def expression(self) -> ast.Expr:
        left = self.operand()
        while self.is_op("|"):
            self.take()
            left = ast.Or(left, self.operand())
        return left

    def operand(self) -> ast.Expr:
        t = self.token
        if t.kind == "ellipsis":
            self.take()
            return ast.Ellipsis_()
        if t.kind in ("int", "hex") or self.is_op("-"):
            return ast.Int(self.integer())
        if t.kind == "string":
            self.take()
            open_end = self.token.kind == "ellipsis"
            if open_end:
                self.take()
            return ast.Str(t.text, open_end)
        if t.kind == "word":
            self.take()
            if self.is_op("("):
                self.take()
                args = self.expressions(")")
                self.op(")")
                return ast.Call(t.text, args)
            return ast.Word(t.text, t.line, t.column)
        if self.accept("["):
            items = self.expressions("]")
            self.op("]")
            return ast.Array(items)
        if self.accept("("):
            inner = self.expression()
            self.op(")")
            return inner
        if self.is_op("{"):
            return self.struct()
        raise self.error("expected a value")

    def struct(self) -> ast.Struct:
        self.op("{")
        members: list[ast.Member] = []
        while not self.is_op("}"):
            members.append(self.member())
            if not self.accept(","):
                break
        self.op("}")
        return ast.Struct(tuple(members))

    def member(self) -> ast.Member:
        if self.token.kind == "word":
            following = self.peek()
            if following.kind == "op" and following.text == "=":
                name = self.word()
                self.take()
                return ast.Member(name, self.expression())
            if (
                following.kind == "op"
                and following.text == "("
                and self.token.text in ("msg_name", "msg_iov")
            ):
                name = self.word()
                self.take()
                count = self.expression()
                self.op(")")
                self.op("=")
                return ast.Member(name, self.expression(), count)
        return ast.Member("", self.expression())

    # ---- packets

    def packet(self) -> ast.Packet:
        inbound = self.take().text == "<"
        ip = self.ip_info()
        if self.is_word("ipv4", "ipv6", "gre", "mpls"):
            raise self.error("encapsulated packets are not supported")
        if self.is_word("icmp", "icmpv6"):
            self.take()
            return self.icmp(inbound, ip)
        if self.is_word("udp"):
            self.take()
            ports = self.ports()
            self.op("(")
            length = self.integer()
            self.op(")")
            return ast.UdpPacket(inbound, ip, ports, length)
        return self.tcp(inbound, ip)

    def ip_info(self) -> ast.IpInfo:
        if not self.is_op("[", "("):
            return ast.IpInfo()
        close = "]" if self.take().text == "[" else ")"
        ecn, tos, ttl, label = "", None, None, None
        while not self.is_op(close):
            name = self.word()
            if name in ECN_WORDS:
                ecn = name
            elif name == "tos":
                tos = self.integer()
            elif name == "ttl":
                ttl = self.integer()
            elif name == "flowlabel":
                label = self.integer()
            else:
                raise self.error(f"'{name}' says nothing about an IP header", self.tokens[self.at - 1])
            self.accept(",")
        self.op(close)
        return ast.IpInfo(ecn, tos, ttl, label)

    def ports(self) -> tuple[int, int] | None:
        if self.token.kind == "int" and self.peek().kind == "op" and self.peek().text == ">":
            first = self.integer()
            self.op(">")
            return first, self.integer()
        return None

    def flags(self) -> str:
        if self.accept("-"):
            return ""
        out = ""
        first = self.token
        if self.token.kind in ("word", "int"):
            out = self.take().text
            if not set(out) <= FLAG_LETTERS:
                raise self.error("expected TCP flags", first)
            if self.is_op(".") and not self.token.spaced:
                self.take()
                out += "."
        elif self.accept("."):
            out = "."
        elif self.token.kind == "float" and re.fullmatch(r"\d\.", self.token.text):
            out = self.take().text
        else:
            raise self.error("expected TCP flags")
        return out

    def span(self) -> tuple[int, int, int]:
        """`1:1001(1000)`."""
        start = self.integer()
        self.op(":")
        end = self.integer()
        self.op("(")
        here = self.token
        length = self.integer()
        self.op(")")
        if (start + length) & 0xFFFFFFFF != end & 0xFFFFFFFF:
            raise self.error(f"inconsistent TCP sequence numbers: {start} + {length} is not {end}", here)
        return start, end, length

    def tcp(self, inbound: bool, ip: ast.IpInfo) -> ast.TcpPacket:
        ports = self.ports()
        flags = self.flags()
        if self.token.kind not in ("int", "op") or not (self.token.kind == "int" or self.is_op("-")):
            raise self.error("expected sequence numbers as in 1:1001(1000)")
        seq, end, length = self.span()
        ack = win = urg = None
        if self.is_word("ack"):
            self.take()
            ack = self.integer()
        if self.is_word("win"):
            self.take()
            win = self.integer()
        if self.is_word("urg"):
            self.take()
            urg = self.integer()
        options: tuple[ast.TcpOption, ...] | None = ()
        if self.is_op("<"):
            self.take()
            options = self.tcp_options()
            self.op(">")
        if ack is not None and "." not in flags:
            raise self.error("an acknowledgement number needs the flag '.'")
        return ast.TcpPacket(inbound, ip, ports, flags, seq, end, length, ack, win, urg, options)

    def tcp_options(self) -> tuple[ast.TcpOption, ...] | None:
        if self.token.kind == "ellipsis":
            self.take()
            return None
        out: list[ast.TcpOption] = []
        while not self.is_op(">"):
            out.append(self.tcp_option())
            if not self.accept(","):
                break
        return tuple(out)

    def tcp_option(self) -> ast.TcpOption:
        here = self.token
        kind = self.word()
        if kind in ("nop", "eol", "sackOK"):
            return ast.TcpOption(kind)
        if kind in OPTIONS_WITH_NUMBER:
            return ast.TcpOption(kind, self.integer())
        if kind == "TS":
            if not self.is_word("val"):
                raise self.error("expected 'val'")
            self.take()
            value = self.integer()
            if not self.is_word("ecr"):
                raise self.error("expected 'ecr'")
            self.take()
            return ast.TcpOption("TS", value, self.integer())
        if kind == "sack":
            blocks: list[tuple[int, int]] = []
            while self.token.kind == "int":
                start = self.integer()
                self.op(":")
                blocks.append((start, self.integer()))
            return ast.TcpOption("sack", blocks=tuple(blocks))
        if kind in ("FO", "FOEXP", "md5"):
            data = b""
            if self.token.kind in ("int", "word", "hex"):
                data = self.blob(kind)
            return ast.TcpOption(kind, data=data)
        raise self.error(f"TCP option '{kind}' is not known", here)

    def blob(self, kind: str) -> bytes:
        token = self.take()
        text = token.text.removeprefix("0x")
        try:
            return bytes.fromhex(text)
        except ValueError:
            raise self.error(f"{kind} takes an even number of hexadecimal digits", token) from None

    def icmp(self, inbound: bool, ip: ast.IpInfo) -> ast.IcmpPacket:
        type_ = self.word()
        code = ""
        if self.token.kind == "word" and self.token.text not in ("mtu", "id"):
            code = self.word()
        mtu = echo_id = None
        if self.is_word("mtu"):
            self.take()
            mtu = self.integer()
        if self.is_word("id"):
            self.take()
            echo_id = self.integer()
        echoed: tuple[str, int, int, int] | None = None
        if self.accept("["):
            if self.is_word("udp", "raw"):
                what = self.word()
                self.op("(")
                echoed = (what, 0, 0, self.integer())
                self.op(")")
            else:
                echoed = ("tcp", *self.span())
            self.op("]")
        return ast.IcmpPacket(inbound, ip, type_, code, mtu, echo_id, echoed)
