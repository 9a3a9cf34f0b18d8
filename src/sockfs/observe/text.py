"""Text in colours and boxes: the same lines for a terminal, where rich paints them, and for a file, where
they are plain.

A `Line` is a list of (text, style) spans; styles are rich's. Nothing here imports rich before `paint` needs
it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Span = tuple[str, str]
Line = list[Span]

EDGE = "bright_black"
STATE_STYLES = {
    "ESTABLISHED": "bold green",
    "CONNECTED": "bold green",
    "LISTEN": "bold cyan",
    "LISTENING": "bold cyan",
    "BOUND": "blue",
    "SYN_SENT": "bold yellow",
    "SYN_RECV": "bold yellow",
    "NEW_SYN_RECV": "bold yellow",
    "CONNECTING": "bold yellow",
    "FIN_WAIT1": "magenta",
    "FIN_WAIT2": "magenta",
    "CLOSE_WAIT": "magenta",
    "LAST_ACK": "magenta",
    "CLOSING": "magenta",
    "DISCONNECTING": "magenta",
    "TIME_WAIT": "yellow",
    "CLOSE": "dim",
    "UNCONNECTED": "dim",
    "FREE": "dim",
}


def width(line: Line) -> int:
    """How many columns a line takes (every character we draw takes one)."""
    return sum(len(text) for text, _ in line)


def plain(text: str, style: str = "") -> Line:
    return [(text, style)]


def fit(line: Line, columns: int) -> Line:
    """The line in exactly that many columns: filled with blanks, or cut with an ellipsis."""
    have = width(line)
    if have <= columns:
        return [*line, (" " * (columns - have), "")] if have < columns else line
    out: Line = []
    room = columns - 1
    for text, style in line:
        if len(text) > room:
            out.append((text[:room] + "…", style))
            return out
        out.append((text, style))
        room -= len(text)
    return [*out, ("…", "")]


def box(
    title: Line, body: Sequence[Line], columns: int, style: str = EDGE, heavy: bool = False
) -> list[Line]:
    """A frame of that width with its title in the upper edge."""
    tl, tr, bl, br, h, v = "┏┓┗┛━┃" if heavy else "╭╮╰╯─│"
    title = fit(title, min(width(title), columns - 5))
    rest = columns - 5 - width(title)
    out: list[Line] = [[(tl + h, style), (" ", ""), *title, (" ", ""), (h * rest + tr, style)]]
    out += [[(v, style), (" ", ""), *fit(line, columns - 4), (" ", ""), (v, style)] for line in body]
    out.append([(bl + h * (columns - 2) + br, style)])
    return out


def beside(blocks: Sequence[Sequence[Line]], joints: Sequence[Line], at: int) -> list[Line]:
    """Blocks side by side; between two of them `joints[i]` in row `at`, blanks in the others."""
    widths = [max((width(line) for line in block), default=0) for block in blocks]
    rows = max((len(block) for block in blocks), default=0)
    out: list[Line] = []
    for row in range(rows):
        line: Line = []
        for i, block in enumerate(blocks):
            last = i == len(blocks) - 1
            cell = list(block[row]) if row < len(block) else []
            line += cell if last else fit(cell, widths[i])
            if not last:
                joint = joints[i]
                line += joint if row == at else [(" " * width(joint), "")]
        out.append(line)
    return out


def bar(value: int, limit: int, columns: int = 10) -> Line:
    """A gauge: ▕███░░░░░░░▏, red when it is full."""
    share = 0.0 if limit <= 0 else min(1.0, value / limit)
    eighths = round(share * columns * 8)
    if value > 0 and eighths == 0:
        eighths = 1
    full, part = divmod(eighths, 8)
    body = "█" * full + (" ▏▎▍▌▋▊▉"[part] if part else "")
    style = "red" if share > 0.9 else "yellow" if share > 0.6 else "green"
    return [("▕", EDGE), (body, style), ("·" * (columns - len(body)), EDGE), ("▏", EDGE)]


def size(n: int) -> str:
    """Bytes for people: 1000 B, 128 KiB, 3.8 MiB."""
    if n < 10_000:
        return f"{n} B"
    value = float(n)
    for unit in ("KiB", "MiB", "GiB"):
        value /= 1024
        if value < 1000:
            return f"{value:.4g} {unit}"
    return f"{value:.0f} GiB"


def time_left(ns: int) -> str:
    """A duration for people: 199.8 ms, 12.3 s, 1 h 59 min."""
    if ns < 1_000_000:
        return f"{ns / 1000:.1f} µs"
    if ns < 1_000_000_000:
        return f"{ns / 1e6:.1f} ms"
    if ns < 120_000_000_000:
        return f"{ns / 1e9:.1f} s"
    minutes = ns // 60_000_000_000
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def to_text(lines: Iterable[Line]) -> str:
    """The lines without their colours, without blanks at their ends."""
    return "".join("".join(text for text, _ in line).rstrip() + "\n" for line in lines)


def paint(lines: Iterable[Line], out: TextIO | None = None) -> None:
    """Write the lines: in colours on a terminal, plain into anything else."""
    stream = out or sys.stdout
    if not stream.isatty():
        stream.write(to_text(lines))
        stream.flush()
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(file=stream, highlight=False, soft_wrap=True)
    for line in lines:
        text = Text()
        for part, style in line:
            text.append(part, style=style or None)
        console.print(text, crop=False, overflow="ignore")


def columns(out: TextIO | None = None) -> int:
    """How wide the terminal is; 120 for a file."""
    import os

    stream = out or sys.stdout
    if not stream.isatty():
        return 120
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except OSError:
        return 120
