"""`%{ … }%`: a few lines of Python about the socket, evaluated with nothing else in reach.

The code is read as Python, every node of it is held against a list, and what is left is run over a name
space that holds the socket's `tcpi_*` values, `SK_MEMINFO_*`, the constants of `constants.py`, and the
names that earlier blocks of the same script assigned. There are no attributes, no imports, no loops and no
builtins but those named here.
"""

from __future__ import annotations

import ast
import struct
import textwrap
from collections.abc import Callable

from sockfs.packetdrill import constants

# tcp_info: name, offset, size
FIELDS = (
    ("state", 0, 1),
    ("ca_state", 1, 1),
    ("retransmits", 2, 1),
    ("probes", 3, 1),
    ("backoff", 4, 1),
    ("options", 5, 1),
    *(
        (name, 8 + 4 * i, 4)
        for i, name in enumerate(
            "rto ato snd_mss rcv_mss unacked sacked lost retrans fackets last_data_sent last_ack_sent"
            " last_data_recv last_ack_recv pmtu rcv_ssthresh rtt rttvar snd_ssthresh snd_cwnd advmss"
            " reordering rcv_rtt rcv_space total_retrans".split()
        )
    ),
    ("pacing_rate", 104, 8),
    ("max_pacing_rate", 112, 8),
    ("bytes_acked", 120, 8),
    ("bytes_received", 128, 8),
    ("segs_out", 136, 4),
    ("segs_in", 140, 4),
    ("notsent_bytes", 144, 4),
    ("min_rtt", 148, 4),
    ("data_segs_in", 152, 4),
    ("data_segs_out", 156, 4),
    ("delivery_rate", 160, 8),
    ("busy_time", 168, 8),
    ("rwnd_limited", 176, 8),
    ("sndbuf_limited", 184, 8),
    ("delivered", 192, 4),
    ("delivered_ce", 196, 4),
    ("bytes_sent", 200, 8),
    ("bytes_retrans", 208, 8),
    ("dsack_dups", 216, 4),
    ("reord_seen", 220, 4),
    ("rcv_ooopack", 224, 4),
    ("snd_wnd", 228, 4),
    ("rcv_wnd", 232, 4),
    ("rehash", 236, 4),
    ("total_rto", 240, 2),
    ("total_rto_recoveries", 242, 2),
    ("total_rto_time", 244, 4),
)
MEMINFO = (
    "RMEM_ALLOC",
    "RCVBUF",
    "WMEM_ALLOC",
    "SNDBUF",
    "FWD_ALLOC",
    "WMEM_QUEUED",
    "OPTMEM",
    "BACKLOG",
    "DROPS",
)
SAFE: dict[str, Callable[..., object]] = {
    "abs": abs,
    "bool": bool,
    "float": float,
    "hex": hex,
    "int": int,
    "len": len,
    "max": max,
    "min": min,
    "round": round,
    "str": str,
}
NODES = (
    ast.Module,
    ast.Expr,
    ast.Assert,
    ast.Assign,
    ast.AugAssign,
    ast.If,
    ast.Pass,
    ast.IfExp,
    ast.Compare,
    ast.BoolOp,
    ast.BinOp,
    ast.UnaryOp,
    ast.Name,
    ast.Constant,
    ast.Tuple,
    ast.List,
    ast.Call,
    ast.JoinedStr,
    ast.FormattedValue,
    ast.Load,
    ast.Store,
    ast.boolop,
    ast.unaryop,
    ast.cmpop,
    ast.Add,
    ast.Sub,
    ast.Mult,
    ast.Div,
    ast.FloorDiv,
    ast.Mod,
    ast.BitAnd,
    ast.BitOr,
    ast.BitXor,
    ast.LShift,
    ast.RShift,
)


class AssertionFailure(Exception):
    """An assertion that does not hold, or code that cannot be run. `line` counts from the block's first."""

    def __init__(self, message: str, line: int = 1) -> None:
        super().__init__(message)
        self.line = line


def tcp_info(raw: bytes) -> dict[str, int]:
    """The values of a struct tcp_info."""
    out = {f"tcpi_{n}": int.from_bytes(raw[at : at + size], "little") for n, at, size in FIELDS}
    out["tcpi_snd_wscale"] = raw[6] & 15
    out["tcpi_rcv_wscale"] = raw[6] >> 4
    out["tcpi_delivery_rate_app_limited"] = raw[7] & 1
    out["tcpi_fastopen_client_fail"] = raw[7] >> 1 & 3
    return out


def meminfo(raw: bytes) -> dict[str, int]:
    """The values of SO_MEMINFO."""
    numbers = struct.unpack(f"=9I{len(raw) - 36}x", raw) if len(raw) >= 36 else (0,) * 9
    return {f"SK_MEMINFO_{name}": v for name, v in zip(MEMINFO, numbers, strict=True)}


def check(text: str) -> ast.Module:
    """The code, parsed, with nothing in it that is not allowed. Raises AssertionFailure."""
    stripped = text.strip(" \t").rstrip("\\ \t\n;")
    source = textwrap.dedent(stripped) if stripped.startswith("\n") else stripped
    try:
        tree = ast.parse(source.rstrip())
    except SyntaxError as e:
        raise AssertionFailure(f"not Python: {e.msg}", e.lineno or 1) from None
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 1)
        if not isinstance(node, NODES):
            raise AssertionFailure(f"{type(node).__name__} is not allowed in %{{ }}%", line)
        if isinstance(node, ast.Name) and node.id.startswith("_"):
            raise AssertionFailure(f"the name {node.id} is not allowed in %{{ }}%", line)
        if isinstance(node, ast.Call) and (
            not isinstance(node.func, ast.Name) or (node.func.id not in SAFE and node.func.id != "print")
        ):
            raise AssertionFailure(
                "only calls of print, abs, min, max and the like are allowed in %{ }%", line
            )
    return tree


def run(text: str, names: dict[str, object], values: dict[str, int]) -> list[str]:
    """Run a block. `names` are what the script's blocks assigned, and are changed. Returns what was printed.

    Raises AssertionFailure.
    """
    tree = check(text)
    printed: list[str] = []

    def echo(*args: object, **kwargs: object) -> None:
        printed.append(" ".join(str(a) for a in args))

    scope: dict[str, object] = {**constants.table(), **SAFE, **names, **values}
    scope["print"] = echo
    scope["__builtins__"] = {"AssertionError": AssertionError}
    before = {k: v for k, v in scope.items() if k != "__builtins__"}
    for statement in tree.body:
        try:
            exec(compile(ast.Module([statement], []), "<%{ }%>", "exec"), scope)
        except AssertionError as e:
            said = ast.unparse(statement.test) if isinstance(statement, ast.Assert) else "assertion"
            got = f", got {e.args[0]}" if e.args else ""
            raise AssertionFailure(f"{said}{got}", statement.lineno) from None
        except Exception as e:
            raise AssertionFailure(f"{type(e).__name__}: {e}", statement.lineno) from None
    for name, value in scope.items():
        if name != "__builtins__" and (name not in before or before[name] is not value):
            names[name] = value
    return printed
