"""The documents are held against the code: options, sysctls, flags and requests of docs/supported.md, the
marks of docs/differences-from-linux.md, and every link and path that a page names.
"""

from __future__ import annotations

import ast
import errno
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import sockfs
from sockfs.kernel import sysctl
from sockfs.uapi import in_, ioctl, tcp, udp
from sockfs.uapi import socket as uapi_socket

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "sockfs"
CORE = ("kernel", "fs", "net", "drivers", "entry")
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benches/*.md")])
HEADS = ("no.", "sysctl", "flag", "request", "what", "test", "asked for")  # first cells of tables' heads

SUPPORTED = (ROOT / "docs/supported.md").read_text("utf-8")
CLASSES = ("effective", "effective, get only", "effective, set only", "stored")
REFUSED = re.compile(r"refused \(`(E[A-Z]+)`\)")


def section(title: str) -> str:
    """The text below a heading of docs/supported.md."""
    parts = re.split(rf"^##+ {re.escape(title)}$", SUPPORTED, flags=re.MULTILINE)
    assert len(parts) == 2, title
    return re.split(r"^## ", parts[1], flags=re.MULTILINE)[0]


def rows(text: str) -> Iterator[list[str]]:
    """Cells of each line of the tables in text, heads left out."""
    for line in text.splitlines():
        if line.startswith("|"):
            cells = [c.strip() for c in line.strip("|").split("|")]
            if not set(cells[0]) <= {"-"} and cells[0] not in HEADS:
                yield cells


# ---- options

LEVELS = {
    "Options of SOL_SOCKET": (1, ((2, 1, 0), (2, 2, 0), (1, 1, 0))),
    "Options of IPPROTO_IP": (0, ((2, 1, 0), (2, 2, 0), (2, 3, 255))),
    "Options of IPPROTO_TCP": (6, ((2, 1, 0),)),
    "Options of IPPROTO_UDP and IPPROTO_UDPLITE": (17, ((2, 2, 0), (2, 2, 136))),
}


class Row:
    """One option: its numbers, names, class, note."""

    def __init__(self, cells: list[str]) -> None:
        assert len(cells) == 4, cells
        self.number = int(cells[0])
        self.names = re.findall(r"`(\w+)`", cells[1])
        self.kind = cells[2]
        self.note = cells[3]
        refused = REFUSED.fullmatch(self.kind)
        self.errno = getattr(errno, refused[1]) if refused else 0
        assert refused or self.kind in CLASSES, cells


OPTIONS = {title: [Row(cells) for cells in rows(section(title))] for title in LEVELS}


def names_of(title: str) -> dict[str, int]:
    """The options of a level, as the uapi modules have them."""
    if title == "Options of SOL_SOCKET":
        return {n: v for n, v in vars(uapi_socket).items() if re.match(r"SO_[A-Z]", n)}
    if title == "Options of IPPROTO_IP":
        ip = re.compile(r"IP_(?!PMTUDISC_|DEFAULT_|MAX_)[A-Z]|MCAST_(?!(EX|IN)CLUDE)")
        return {n: v for n, v in vars(in_).items() if ip.match(n)}
    if title == "Options of IPPROTO_TCP":
        text = (SOURCE / "uapi/tcp.py").read_text("utf-8")
        text = text[text.index("\nTCP_NODELAY: Final") : text.index("\nTCP_REPAIR_OFF_NO_WP: Final")]
        return {n: getattr(tcp, n) for n in re.findall(r"^(TCP_\w+): Final", text, re.MULTILINE)}
    return {n: v for n, v in vars(udp).items() if re.match(r"UDP(LITE)?_(?!ENCAP_|HDRLEN|MAX)[A-Z]", n)}


@pytest.mark.parametrize("title", LEVELS)
def test_every_option_has_one_line(title: str) -> None:
    page = {name: row.number for row in OPTIONS[title] for name in row.names}
    assert page == names_of(title)
    numbers = [row.number for row in OPTIONS[title]]
    assert numbers == sorted(set(numbers))


class Probe:
    """Sockets of a level on a bare kernel, asked for options."""

    def __init__(self, title: str) -> None:
        self.level, sockets = LEVELS[title]
        self.task = sockfs.Kernel().task()
        self.fds = [self.task.syscall("socket", *s) for s in sockets]
        assert min(self.fds) > 0

    def set(self, number: int, size: int = 4) -> list[int]:
        """What setting it to 1 answers on each."""
        value = (b"\1\0\0\0" + bytes(60))[:size]
        return [self.task.syscall("setsockopt", fd, self.level, number, value, size) for fd in self.fds]

    def get(self, number: int) -> list[int]:
        return [
            self.task.syscall("getsockopt", fd, self.level, number, bytearray(64), [64]) for fd in self.fds
        ]


@pytest.mark.parametrize("title", LEVELS)
def test_every_number_that_is_answered_is_on_the_page(title: str) -> None:
    probe = Probe(title)
    known = {row.number for row in OPTIONS[title]}
    for number in (*range(256), 1000, -1):
        answers = {*probe.set(number), *probe.get(number)}
        if number not in known:
            assert answers == {-errno.ENOPROTOOPT}, number


@pytest.mark.parametrize("title", LEVELS)
def test_an_option_answers_as_its_class_says(title: str) -> None:
    for row in OPTIONS[title]:
        probe = Probe(title)  # some options change what others answer
        answers, values = probe.set(row.number), probe.get(row.number)
        sizes = {r for size in (4, 8, 12, 16) for r in Probe(title).set(row.number, size)}
        if row.errno:
            assert set(answers) == {-row.errno}, row.names
            continue
        no = -errno.ENOPROTOOPT
        if row.kind == "effective, get only":
            assert all(r < 0 for r in sizes), row.names
            assert any(r != no for r in values), row.names
            assert set(answers) <= {no, -errno.EPERM}, row.names
        elif row.kind == "effective, set only":
            assert set(values) == {no}, row.names
            assert any(r != no for r in sizes), row.names
        else:
            assert any(r != no for r in sizes), row.names
            assert any(r != no for r in values) or "et only" in row.note, row.names


# ---- what is stored is read by nobody


class Readers(ast.NodeVisitor):
    """Functions of a file in which each name or attribute is read."""

    def __init__(self, path: Path) -> None:
        self.where = str(path.relative_to(SOURCE))
        self.function = "module"
        self.found: dict[str, set[str]] = {}
        self.visit(ast.parse(path.read_text("utf-8")))

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        outer, self.function = self.function, node.name
        self.generic_visit(node)
        self.function = outer

    def _note(self, name: str, context: ast.expr_context) -> None:
        if isinstance(context, ast.Load):
            self.found.setdefault(name, set()).add(f"{self.where}:{self.function}")

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self._note(node.attr, node.ctx)
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        self._note(node.id, node.ctx)


@pytest.fixture(scope="module")
def readers() -> dict[str, set[str]]:
    """Name → the functions of the core that read it."""
    found: dict[str, set[str]] = {}
    for room in CORE:
        for path in sorted((SOURCE / room).rglob("*.py")):
            if path != SOURCE / "kernel/sysctl.py":
                for name, where in Readers(path).found.items():
                    found.setdefault(name, set()).update(where)
    return found


# setsockopt and getsockopt themselves, and what a child inherits of its listener
STORES = re.compile(r".*:(\w*sockopt|sk_clone|_set_byte|_set_cmsg|ip_ra_control)|net/core/sockopt\.py:module")


@pytest.mark.parametrize("title", LEVELS)
def test_a_stored_option_is_read_by_nobody(title: str, readers: dict[str, set[str]]) -> None:
    for row in OPTIONS[title]:
        if row.kind == "stored" and not row.note.startswith("No field"):
            field = re.match(r"Field `(\w+)`", row.note)
            assert field, row.names
            assert readers.get(field[1]), f"{field[1]} is not there"
            others = {w for w in readers[field[1]] if not STORES.fullmatch(w)}
            if field[1] != "sk_busy_poll_budget":  # Linux too has no reading of it
                assert any("getsockopt" in w or "module" in w for w in readers[field[1]]), row.names
            assert not others, row.names
        elif row.kind == "stored":
            assert "`" not in row.note, row.names
        else:
            assert not row.note.startswith(("Field", "No field")), row.names


SETTERS = ("net/core/sockopt.py", "net/ipv4/ip_sockglue.py", "net/ipv4/tcp_sockopt.py", "net/ipv4/udp.py")


def kept_in() -> dict[str, set[str]]:
    """Option → the fields and flags that setting it writes, where that is plain to see: an assignment to
    `sk`, a flag that is set or cleared, a line of a table of flags.
    """
    found: dict[str, set[str]] = {}
    for file in SETTERS:
        for node in ast.walk(ast.parse((SOURCE / file).read_text("utf-8"))):
            if isinstance(node, ast.If) and isinstance(node.test, ast.Compare):
                if isinstance(node.test.left, ast.Name) and node.test.left.id == "optname":
                    fields = {name for line in node.body for name in written(line)}
                    options = names_in(node.test.comparators[0])
                    for option in options if len(options) == 1 else ():
                        found.setdefault(option, set()).update(fields)
            elif isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values, strict=True):
                    if key is not None and isinstance(value, ast.Name):
                        for option in names_in(key):
                            found.setdefault(option, set()).add(value.id)
    return found


def names_in(node: ast.AST) -> set[str]:
    """Constants that an expression names."""
    names = {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)}
    names |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    return {n for n in names if n.isupper()}


def written(node: ast.AST) -> set[str]:
    """Fields of `sk` that a statement assigns, flags that it sets."""
    fields: set[str] = set()
    for n in ast.walk(node):
        if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store):
            if isinstance(n.value, ast.Name) and n.value.id == "sk":
                fields.add(n.attr)
        elif isinstance(n, ast.Call) and ast.unparse(n.func).rpartition(".")[2] in (
            "sock_valbool_flag",
            "_set_cmsg",
        ):
            fields |= {f for f in names_in(n) if f.startswith(("SOCK_", "IP_CMSG_", "SO_PASS"))}
    return fields


def test_what_an_effective_option_writes_is_read(readers: dict[str, set[str]]) -> None:
    written_by = kept_in()
    looked_at = 0
    for title in LEVELS:
        for row in OPTIONS[title]:
            fields = {f for name in row.names for f in written_by.get(name, ())}
            if not fields:
                continue  # a function of its own does it
            looked_at += 1
            outside = {w for f in fields for w in readers.get(f, ()) if not STORES.fullmatch(w)}
            assert bool(outside) == row.kind.startswith("effective"), (row.names, fields, outside)
    assert looked_at > 60


# ---- sysctls


def listed(text: str) -> list[str]:
    return re.findall(r"`(net\.(?:core|ipv4|unix)\.\w+)`", text)


def test_every_sysctl_is_effective_or_stored(readers: dict[str, set[str]]) -> None:
    effective, _, stored_part = section("Sysctls").partition("\nStored:\n")
    stored = [name for cells in rows(stored_part) for name in listed(cells[0])]
    names = listed(effective)
    for name in sysctl.names(sockfs.Kernel().init_net):
        read = readers.get("sysctl_" + name.rpartition(".")[2])
        assert (names if read else stored).count(name) == 1, name
        assert (stored if read else names).count(name) == 0, name
    assert len(names) + len(stored) == len(sysctl.names(sockfs.Kernel().init_net))


# ---- flags and requests


def test_every_message_flag_is_on_the_page() -> None:
    flags = rows(section("Flags of send and receive"))
    page = [name for cells in flags for name in re.findall(r"`(\w+)`", cells[0])]
    assert sorted(page) == sorted(n for n in vars(uapi_socket) if re.match(r"MSG_[A-Z]", n))


def test_requests_are_answered_or_refused_as_the_page_says() -> None:
    text = section("ioctl requests")
    effective = {name for cells in rows(text) for name in re.findall(r"`(\w+)`", cells[0])}
    task = sockfs.Kernel().task()
    fd = task.syscall("socket", 2, 1, 0)
    for name, number in vars(ioctl).items():
        if not re.match(r"(FIO|TIOC|SIOC|TCGETS)", name):
            continue
        answer = task.syscall("ioctl", fd, number, bytearray(b"lo".ljust(64, b"\0")))
        known = any(getattr(ioctl, other, None) == number for other in effective)
        assert (answer != -errno.ENOTTY) == known, name
    assert effective <= set(vars(ioctl))


# ---- links and paths


def headings(page: Path) -> set[str]:
    """Anchors as GitHub makes them."""
    found = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h).strip().lower().replace(" ", "-") for h in found}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if re.match(r"https?:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        assert not anchor or anchor in headings(file), target


PATH = re.compile(r"`((?:[\w.]+/)+[\w.]+\.(?:py|md|toml|sh)|(?:src|tests|docs|benches|\.ci)/[\w/.]*)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_paths_exist(page: Path) -> None:
    for path in PATH.findall(page.read_text("utf-8")):
        assert (ROOT / path).exists() or (SOURCE / path).exists() or (page.parent / path).exists(), path


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs/README.md").read_text("utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        name = str(page.relative_to(ROOT / "docs"))
        if name != "README.md" and (not name.startswith("walks/") or name == "walks/README.md"):
            assert f"]({name})" in index, name


def test_what_the_code_leaves_out_is_written_down() -> None:
    """A file that says `Not modelled:` is named on the page of differences."""
    text = (ROOT / "docs/differences-from-linux.md").read_text("utf-8")
    for path in sorted(SOURCE.rglob("*.py")):
        if re.search(r"Not modelled:", path.read_text("utf-8")):
            assert f"`{path.relative_to(SOURCE)}`" in text, path
