"""Imports run one way: from the picture's structures upward to the programs, never back.

Reads every file of the package as a syntax tree and holds each import against the order of the rooms. Imports
under `if TYPE_CHECKING:` do not count: a type may be named in either direction. The rules:

1. a room imports only rooms below it (`BELOW` and what those stand on);
2. inside a room only modules are imported, not names out of them, so that cycles between its files work in
   both builds; `structs` is one picture and exempt, so are constants of `uapi` and what an `__init__` offers;
3. functions of kernel, fs, net, drivers and boot are called with their module's name, so the module is
   imported;
4. the core (everything up to boot) imports from the standard library only what has no clock, no I/O, no dice;
5. the `__init__` files of compiled rooms hold nothing but their docstring: they alone are not compiled.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import NamedTuple

import pytest

SRC = Path(__file__).resolve().parent.parent / "src"

# room → the rooms directly below it. What those stand on may be imported too.
BELOW: dict[str, tuple[str, ...]] = {
    "uapi": (),
    "util": ("uapi",),  # its numbers
    "structs": ("uapi", "util"),
    "kernel": ("structs",),
    "fs": ("kernel",),
    "net/core": ("fs",),
    "net/socket": ("fs", "net/core"),
    "net/ethernet": ("net/socket",),
    "net/sched": ("net/socket",),
    "net/ipv4": ("net/socket",),
    "net/ipv6": ("net/ipv4",),
    "net/unix": ("net/socket",),
    "net/packet": ("net/socket",),
    "net/netlink": ("net/socket",),
    "drivers": ("net/ethernet",),
    "entry": ("net/socket",),
    "boot": ("entry", "net/sched", "net/ipv6", "net/unix", "net/packet", "net/netlink", "drivers"),
    "libc": ("boot",),
    "hostdev": ("boot",),
    "runtime": ("libc", "hostdev"),
    "world": ("runtime", "sockfs"),
    "observe": ("runtime", "sockfs"),
    "packetdrill": ("runtime", "sockfs"),
    "benches": ("runtime", "sockfs"),
    "cli": ("world", "observe", "packetdrill", "benches", "sockfs"),
    "web": ("world", "observe", "packetdrill", "sockfs"),
    "pytest_plugin": ("world", "observe", "packetdrill", "sockfs"),
    "__main__": ("cli",),
    "sockfs": ("_version",),  # the package's root loads its public names by themselves, when asked
    "_version": (),
}

CORE = (
    "uapi util structs kernel fs net/core net/socket net/ethernet net/sched net/ipv4 net/ipv6 net/unix "
    "net/packet net/netlink drivers entry boot"
).split()
COMPILED = {*CORE, "libc"}
CALLED_BY_MODULE = set(CORE) - {"uapi", "util", "structs"}

HARMLESS = {
    "__future__", "abc", "array", "bisect", "collections", "enum", "functools", "hashlib", "heapq", "hmac",
    "math", "mypy_extensions", "operator", "struct", "types", "typing", "zlib",
}  # fmt: skip
SEEDED = {"sockfs/util/prng.py": "random"}  # makes the kernel's seeded streams; nobody else draws


class Import(NamedTuple):
    line: int
    module: str  # where it is taken from, absolute
    names: tuple[str, ...]  # what is taken from it; empty for `import module`


def imports(source: str, module: str, is_package: bool) -> list[Import]:
    """Every import that happens at run time, wherever in the file it stands."""
    found: list[Import] = []

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in (
            getattr(node.test, "id", ""),
            getattr(node.test, "attr", ""),
        ):
            for child in node.orelse:
                visit(child)
            return
        if isinstance(node, ast.Import):
            found.extend(Import(node.lineno, alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            if node.level:
                parents = module.split(".")
                parents = parents[: len(parents) - node.level + is_package]
                origin = ".".join([*parents, origin] if origin else parents)
            found.append(Import(node.lineno, origin, tuple(alias.name for alias in node.names)))
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(source))
    return found


def room(module: str) -> str:
    """`sockfs.net.ipv4.tcp` → `net/ipv4`; a file directly in `net` belongs to `net/socket`, the room of
    socket.c."""
    parts = module.split(".")
    if len(parts) == 1:
        return "sockfs"
    if parts[1] != "net":
        return parts[1]
    sub = "/".join(parts[1:3])
    return sub if sub in BELOW else "net/socket"


def reachable(start: str) -> set[str]:
    seen = set(BELOW[start])
    todo = list(seen)
    while todo:
        for lower in BELOW[todo.pop()]:
            if lower not in seen:
                seen.add(lower)
                todo.append(lower)
    return seen


def check(files: dict[str, str]) -> list[str]:
    """The violations in `files` (path below src → text), each as `path:line: what`."""
    modules: dict[str, str] = {}
    for path in files:
        parts = path.removesuffix(".py").split("/")
        modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    wrong: list[str] = []
    for module, path in sorted(modules.items()):
        here = room(module)
        is_package = path.endswith("__init__.py")
        if here not in BELOW:
            wrong.append(f"{path}:1: {here} is no room of the design")
            continue
        if is_package and here in COMPILED:
            body = ast.parse(files[path]).body
            if len(body) > 1 or (body and ast.get_docstring(ast.parse(files[path])) is None):
                wrong.append(f"{path}:1: the __init__ of a compiled room holds only its docstring")
        allowed = reachable(here) | {here, "_version"}
        folder = module if is_package else module.rpartition(".")[0]
        for line, origin, names in imports(files[path], module, is_package):
            top = origin.partition(".")[0]
            if top != "sockfs":
                if here in CORE and top not in HARMLESS and SEEDED.get(path) != top:
                    wrong.append(f"{path}:{line}: the core imports {origin}")
                continue
            targets = [f"{origin}.{name}" for name in names if f"{origin}.{name}" in modules]
            plain = [name for name in names if f"{origin}.{name}" not in modules]
            if (plain or not names) and origin not in {f"sockfs.{p}" for p in ("net",)}:
                targets.append(origin)
            for target in targets:
                there = room(target)
                if there not in allowed:
                    wrong.append(f"{path}:{line}: {here} imports {there} ({target})")
            if origin not in modules or is_package or not plain:
                continue
            there = room(origin)
            constants = all(name.isupper() for name in plain)
            if origin.rpartition(".")[0] == folder and folder not in ("sockfs", "sockfs.structs"):
                if not (there == "uapi" and constants):
                    wrong.append(f"{path}:{line}: {', '.join(plain)} by name from its own room ({origin})")
            elif here in COMPILED and there in CALLED_BY_MODULE:
                functions = [name for name in plain if name.islower()]
                if functions and modules[origin].endswith("__init__.py"):
                    wrong.append(f"{path}:{line}: there is no {', '.join(functions)} in {origin}")
                elif functions:
                    wrong.append(
                        f"{path}:{line}: function {', '.join(functions)} without its module ({origin})"
                    )
    return wrong


def package_files() -> dict[str, str]:
    return {str(p.relative_to(SRC)): p.read_text() for p in sorted((SRC / "sockfs").rglob("*.py"))}


def test_imports_run_one_way() -> None:
    files = package_files()
    assert "sockfs/__init__.py" in files
    wrong = check(files)
    assert not wrong, "\n" + "\n".join(wrong)


# A small house that keeps all the rules. Each case below puts one bad file into it.
HOUSE = {
    "sockfs/__init__.py": "from sockfs._version import __version__\n",
    "sockfs/_version.py": "__version__ = '1'\n",
    "sockfs/uapi/__init__.py": '"""Numbers."""\n',
    "sockfs/uapi/tcp.py": "TCP_LISTEN = 10\n",
    "sockfs/uapi/tcp_info.py": "from sockfs.uapi.tcp import TCP_LISTEN\n",
    "sockfs/util/seq.py": "def before(a, b): ...\n",
    "sockfs/util/prng.py": "import random\nfrom sockfs.uapi.tcp import TCP_LISTEN\n",
    "sockfs/structs/sock.py": "from sockfs.structs.net import Net\nfrom sockfs.util.seq import before\n",
    "sockfs/structs/net.py": "from sockfs.structs.sock import Sock\n",
    "sockfs/kernel/timer.py": "import heapq\nfrom sockfs.structs.sock import Sock\n",
    "sockfs/fs/__init__.py": '"""Files."""\n',
    "sockfs/fs/poll.py": "from sockfs.kernel import timer\n",
    "sockfs/net/core/skbuff.py": "if TYPE_CHECKING:\n    from sockfs.net.ipv4.tcp import Tcp\n",
    "sockfs/net/socket.py": "from sockfs.net.core import skbuff\nfrom sockfs.fs import poll\n",
    "sockfs/net/ipv4/tcp.py": "from sockfs.net import socket\nfrom sockfs.net.ipv4 import tcp_output\n",
    "sockfs/net/ipv4/tcp_output.py": (
        "from sockfs.net.ipv4 import tcp\nfrom sockfs.uapi.tcp import TCP_LISTEN\n"
    ),
    "sockfs/net/ipv4/udp.py": "def udp_init(): ...\n",
    "sockfs/net/ipv6/udp.py": "from sockfs.net.ipv4 import udp\n",
    "sockfs/entry.py": "from sockfs.net import socket\n",
    "sockfs/boot.py": "from sockfs import entry\nfrom sockfs.net.ipv6 import udp\n",
    "sockfs/libc/_socket.py": "import os\nfrom sockfs import boot\nfrom sockfs.boot import Kernel\n",
    "sockfs/runtime/__init__.py": "from sockfs.runtime.real import installed\n",
    "sockfs/runtime/real.py": "import threading\nfrom sockfs.libc import _socket\n",
    "sockfs/observe/tree.py": "from sockfs.runtime import installed\n",
    "sockfs/cli/main.py": "import sockfs\nfrom sockfs.cli import tree\n",
    "sockfs/cli/tree.py": "from sockfs.observe.tree import draw\n",
    "sockfs/__main__.py": "from sockfs.cli.main import main\n",
}


def test_a_house_that_keeps_the_rules() -> None:
    assert check(HOUSE) == []


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        ("sockfs/uapi/bad.py", "import sockfs.structs.sock", "uapi imports structs"),
        ("sockfs/uapi/bad.py", "from sockfs.util import seq", "uapi imports util"),
        ("sockfs/util/bad.py", "from sockfs.structs.sock import Sock", "util imports structs"),
        ("sockfs/util/bad.py", "import random", "the core imports random"),
        ("sockfs/structs/bad.py", "from sockfs.kernel import timer", "structs imports kernel"),
        ("sockfs/structs/bad.py", "def f():\n    from sockfs.kernel import timer", "structs imports kernel"),
        ("sockfs/structs/bad.py", "from ..kernel.timer import Timer", "structs imports kernel"),
        ("sockfs/structs/bad.py", "try:\n    import sockfs.boot\nexcept: ...", "structs imports boot"),
        ("sockfs/fs/bad.py", "from sockfs.net import socket", "fs imports net/socket"),
        ("sockfs/fs/bad.py", "from sockfs.net.core import skbuff", "fs imports net/core"),
        ("sockfs/net/core/bad.py", "from sockfs.net import socket", "net/core imports net/socket"),
        ("sockfs/net/core/bad.py", "from sockfs.net.ipv4 import tcp", "net/core imports net/ipv4"),
        ("sockfs/net/socket2.py", "from sockfs.net.ipv4 import tcp", "net/socket imports net/ipv4"),
        ("sockfs/net/ipv4/bad.py", "from sockfs.net.ipv6 import udp", "net/ipv4 imports net/ipv6"),
        ("sockfs/net/unix/bad.py", "from sockfs.net.ipv4 import tcp", "net/unix imports net/ipv4"),
        ("sockfs/net/ipv4/bad.py", "from sockfs import boot", "net/ipv4 imports boot"),
        ("sockfs/net/ipv4/bad.py", "import sockfs", "net/ipv4 imports sockfs"),
        ("sockfs/boot2.py", "", "boot2 is no room"),
        ("sockfs/libc/bad.py", "from sockfs.runtime import real", "libc imports runtime"),
        ("sockfs/runtime/bad.py", "from sockfs.observe import tree", "runtime imports observe"),
        ("sockfs/observe/bad.py", "from sockfs.cli import main", "observe imports cli"),
        (
            "sockfs/net/ipv4/bad.py",
            "from sockfs.net.ipv4.tcp_output import tcp_push",
            "by name from its own room",
        ),
        ("sockfs/net/ipv4/bad.py", "from .tcp_output import tcp_push", "by name from its own room"),
        ("sockfs/uapi/bad.py", "from sockfs.uapi.tcp import pack", "by name from its own room"),
        ("sockfs/cli/bad.py", "from sockfs.cli.main import main", "by name from its own room"),
        ("sockfs/net/ipv6/bad.py", "from sockfs.net.ipv4.udp import udp_init", "without its module"),
        ("sockfs/uapi/bad.py", "from sockfs import entry", "uapi imports entry"),
        ("sockfs/boot.py", "from sockfs.fs import inexistent", "there is no inexistent in sockfs.fs"),
        ("sockfs/kernel/bad.py", "import time", "the core imports time"),
        ("sockfs/net/bad.py", "from random import random", "the core imports random"),
        ("sockfs/boot.py", "import os.path", "the core imports os.path"),
        (
            "sockfs/fs/bad.py",
            "if TYPE_CHECKING:\n    import io\nelse:\n    import select",
            "the core imports select",
        ),
        ("sockfs/net/__init__.py", "X = 1", "only its docstring"),
        ("sockfs/net/ipv4/__init__.py", '"""IPv4."""\nfrom sockfs.net.ipv4 import tcp', "only its docstring"),
    ],
)
def test_a_violation_is_seen(path: str, text: str, message: str) -> None:
    wrong = check({**HOUSE, path: text})
    assert len(wrong) == 1
    assert wrong[0].startswith(path)
    assert message in wrong[0]
