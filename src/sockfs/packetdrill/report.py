"""What a run looks like: the story of a script that failed, the table by folder, and both as data."""

from __future__ import annotations

from collections import Counter
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sockfs.packetdrill.runner import Result


def failure_text(r: Result) -> str:
    """Why, where, what was expected and what came; then the exchange so far and the sockets."""
    f = r.failure
    assert f is not None
    where = f"{r.path}:{f.line}:{f.column}" if f.line else r.path
    lines = [f"{where}: {f.message} [{r.ip_version}]"]
    if f.expected:
        lines.append(f"    expected: {f.expected}")
    if f.actual:
        lines.append(f"    actual:   {f.actual}")
    if r.exchange:
        lines.append("    so far:")
        lines += [f"    {line}" for line in r.exchange]
    if r.sockets:
        lines.append("    sockets:")
        lines += [f"    {line}" for line in r.sockets.rstrip().splitlines()]
    return "\n".join(lines)


def summary(results: list[Result]) -> list[tuple[str, int, int]]:
    """(folder, passed, all), and the whole under the name "total"."""
    passed: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for r in results:
        folder = str(PurePath(r.path).parent)
        total[folder] += 1
        passed[folder] += r.passed
    rows = [(folder, passed[folder], total[folder]) for folder in sorted(total)]
    rows.append(("total", sum(passed.values()), sum(total.values())))
    return rows


def as_data(results: list[Result]) -> dict[str, Any]:
    """For --json."""
    out = []
    for r in results:
        line: dict[str, Any] = {
            "path": r.path,
            "ip_version": r.ip_version,
            "passed": r.passed,
            "seconds": round(r.seconds, 6),
            "virtual_seconds": r.virtual_ns / 1e9,
        }
        f = r.failure
        if f is not None:
            line["failure"] = {
                "kind": f.kind,
                "line": f.line,
                "column": f.column,
                "message": f.message,
                "expected": f.expected,
                "actual": f.actual,
            }
            line["exchange"] = r.exchange
            line["sockets"] = r.sockets
        out.append(line)
    return {
        "results": out,
        "passed": sum(r.passed for r in results),
        "total": len(results),
        "folders": [{"folder": f, "passed": p, "total": t} for f, p, t in summary(results)[:-1]],
    }
