"""The walks tell the truth: the program of each page is run under `sockfs trace --json`, and every chain on
the page must be found in what was called: each line below its parent, in the page's order, in the file that
the page names. Lines in between may be left out by a page; a line with a star is a tracepoint whose words
must all be there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

WALKS = Path(__file__).resolve().parents[2] / "docs" / "walks"
PAGES = sorted(path.name for path in WALKS.glob("*.md") if path.name != "README.md")
Graph = dict[str, Any]


@dataclass
class Line:
    """A line of a chain, with what stands below it."""

    text: str
    name: str
    rest: list[str]
    below: list[Line] = field(default_factory=list)


def parse(block: str) -> list[Line]:
    """The lines of a fenced chain as a tree."""
    top: list[Line] = []
    stack: list[tuple[int, Line]] = []
    for row in block.splitlines():
        if not row.strip():
            continue
        indent = len(row) - len(row.lstrip())
        words = row.split()
        star = words[0] == "*"
        line = Line(row.strip(), words[1] if star else words[0], words[2:] if star else words[1:])
        line.name = f"* {line.name}" if star else line.name
        while stack and stack[-1][0] >= indent:
            stack.pop()
        (stack[-1][1].below if stack else top).append(line)
        stack.append((indent, line))
    return top


def flat(node: Graph) -> list[Graph]:
    """Everything below a call, in the order in which it happened."""
    return [found for child in node.get("calls", []) for found in (child, *flat(child))]


def is_it(line: Line, node: Graph) -> bool:
    if line.name.startswith("* "):
        name, _, text = node.get("event", "").partition(":")
        return name == line.name[2:] and set(line.rest) <= set(text.split())
    return bool(node.get("function") == line.name)


def missing(line: Line, node: Graph) -> str:
    """What of a line's children cannot be found below the node; "" when all is there."""
    if line.rest and not line.name.startswith("* ") and node["file"] != line.rest[0]:
        return f"{line.name} stands in {node['file']}, not in {line.rest[0]}"
    below = flat(node)
    at = 0
    for child in line.below:
        why = f"below {line.name}, {child.text!r} is not called (or not in that place)"
        for i in range(at, len(below)):
            if is_it(child, below[i]):
                found = missing(child, below[i])
                if not found:
                    at = i + 1 + len(flat(below[i]))
                    break
                why = found
        else:
            return why
    return ""


def blocks(page: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", page, re.M | re.S)


def graphs(program: str, tmp_path: Path) -> list[Graph]:
    """What the program called: the roots of every graph."""
    (tmp_path / "page.py").write_text(program)
    done = subprocess.run(
        [sys.executable, "-m", "sockfs", "trace", "--json", "-o", "calls.jsonl", "page.py"],
        cwd=tmp_path,
        env={**os.environ, "SOCKFS_PURE": "1"},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "calls.jsonl").read_text().splitlines()
    return [root for line in lines for root in json.loads(line)["graph"]]


@pytest.mark.parametrize("name", PAGES)
def test_the_walk_was_really_walked(name: str, tmp_path: Path) -> None:
    page = (WALKS / name).read_text()
    (program,) = blocks(page, "python")
    chains = blocks(page, "chain")
    assert chains
    roots = graphs(program, tmp_path)
    at = 0
    for chain in chains:
        (line,) = parse(chain)
        why = f"{line.name} was not called"
        for i in range(at, len(roots)):
            if roots[i]["function"] == line.name:
                found = missing(line, roots[i])
                if not found:
                    at = i + 1
                    break
                why = found
        else:
            pytest.fail(f"{name}: {why}")


GRAPH: Graph = {
    "function": "a",
    "file": "a.py",
    "calls": [
        {
            "function": "b",
            "file": "b.py",
            "calls": [{"event": "moved: from=1 to=2"}, {"function": "c", "file": "c.py"}],
        },
        {"function": "d", "file": "d.py"},
    ],
}


@pytest.mark.parametrize(
    ("chain", "why"),
    [
        ("a a.py\n  b b.py\n    * moved to=2\n    c c.py\n  d d.py", ""),
        ("a a.py\n  c c.py\n  d d.py", ""),
        ("a a.py\n  d d.py\n  b b.py", "'b b.py' is not called"),
        ("a a.py\n  b b.py\n    d d.py", "'d d.py' is not called"),
        ("a a.py\n  b c.py", "b stands in b.py, not in c.py"),
        ("a a.py\n  * moved to=3", "'* moved to=3' is not called"),
        ("a a.py\n  c c.py\n    * moved to=2", "'* moved to=2' is not called"),
    ],
)
def test_a_chain_that_is_not_so_is_found_out(chain: str, why: str) -> None:
    (line,) = parse(chain)
    found = missing(line, GRAPH)
    assert (why in found) if why else found == ""
