"""The build: what is compiled, what happens without a compiler, and that either kind runs.

The builds here are real ones by the project's own setup.py, of a house of four small modules that import each
other across groups, so that they take seconds.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import shutil
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

import sockfs

ROOT = Path(__file__).resolve().parent.parent
ROOMS = "uapi util structs kernel fs net drivers entry libc".split()

HOUSE = {
    "structs/sock.py": """
from mypy_extensions import i64
class Sock:
    def __init__(self) -> None:
        self.n: i64 = 0
""",
    "net/ipv4/tcp.py": """
from sockfs.net.ipv4 import route
from sockfs.structs.sock import Sock
def push(sk: Sock) -> int:
    sk.n += 1
    return route.out(sk)
""",
    "net/ipv4/route.py": """
from sockfs.net.ipv4 import tcp
from sockfs.structs.sock import Sock
def out(sk: Sock) -> int:
    return sk.n if sk.n > 5 else tcp.push(sk)
""",
    "boot.py": """
from sockfs.net.ipv4 import tcp
from sockfs.structs.sock import Sock
class Kernel:
    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
    def push(self) -> int:
        return tcp.push(Sock())
""",
}

LOOK = """
import sockfs, sockfs.net.ipv4.tcp as tcp
print(sockfs.compiled(), tcp.__file__.endswith(".so"), sockfs.Kernel(seed=3).push())
"""


def house(where: Path) -> Path:
    """A project like ours, with the real frame and the small core of HOUSE."""
    shutil.copy(ROOT / "setup.py", where)
    shutil.copy(ROOT / "pyproject.toml", where)
    shutil.copy(ROOT / "LICENSE", where)
    (where / "README.md").write_text("# test\n")
    package = where / "src" / "sockfs"
    package.mkdir(parents=True)
    for name in ("__init__.py", "_version.py", "py.typed"):
        shutil.copy(ROOT / "src" / "sockfs" / name, package)
    for name, text in HOUSE.items():
        file = package / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("from __future__ import annotations\n" + text)
        for folder in file.relative_to(package).parents:
            (package / folder / "__init__.py").touch()
    return where


def build(where: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if not k.startswith("SOCKFS_") and k != "PYTHONPATH"}
    return subprocess.run(
        [sys.executable, "-W", "ignore", "setup.py", "-q", "build_ext", "--inplace"],
        cwd=where, env={**env, "SOCKFS_OPT": "0", **environment}, capture_output=True, text=True, timeout=110,
    )  # fmt: skip


def look(where: Path, **environment: str) -> str:
    env = {k: v for k, v in os.environ.items() if not k.startswith("SOCKFS_")}
    env["PYTHONPATH"] = str(where / "src")
    run = subprocess.run(
        [sys.executable, "-c", LOOK], env={**env, **environment}, capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def shared_objects(where: Path) -> list[str]:
    return sorted(p.name.partition(".")[0] for p in (where / "src").rglob("*.so"))


def have_compiler() -> bool:
    return shutil.which("cc") is not None and shutil.which("gcc") is not None


@pytest.mark.slow
@pytest.mark.skipif(not have_compiler(), reason="no C compiler")
def test_compiled_build_and_its_pure_run(tmp_path: Path) -> None:
    where = house(tmp_path)
    done = build(where, SOCKFS_REQUIRE_COMPILE="1")
    assert done.returncode == 0, done.stdout + done.stderr
    stubs = ["boot", "route", "sock", "tcp"]
    assert shared_objects(where) == sorted(
        ["_structs__mypyc", "_machine__mypyc", "_tcp__mypyc", "_ipv4__mypyc", *stubs]
    )
    assert look(where) == "True True 6"
    assert look(where, SOCKFS_PURE="1") == "False False 6"
    assert look(where, SOCKFS_PURE="0") == "True True 6"

    # A change in one file: its group is compiled anew, the others' objects stay as they are.
    # (mypyc dates what it generates a second into the future; put it back behind the objects made from it.)
    for generated in (where / "build").rglob("*.[ch]"):
        os.utime(generated, (1e9, 1e9))
    times = {p.name: p.stat().st_mtime_ns for p in (where / "build").rglob("*__mypyc*.so")}
    route = where / "src/sockfs/net/ipv4/route.py"
    route.write_text(route.read_text().replace("> 5", "> 6"))
    assert build(where, SOCKFS_REQUIRE_COMPILE="1").returncode == 0
    changed = [
        p.name for p in (where / "build").rglob("*__mypyc*.so") if times[p.name] != p.stat().st_mtime_ns
    ]
    assert [name.partition(".")[0] for name in changed] == ["_ipv4__mypyc"]
    assert look(where) == "True True 7"


def test_without_a_compiler(tmp_path: Path) -> None:
    where = house(tmp_path)
    done = build(where, CC="false")
    assert done.returncode == 0, done.stdout + done.stderr
    said = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("sockfs:")]
    assert said == [
        "sockfs: built without compiled core, it will run interpreted (no C compiler with Python's headers)"
    ]
    assert shared_objects(where) == []
    assert look(where) == "False False 6"


@pytest.mark.slow
@pytest.mark.skipif(not have_compiler(), reason="no C compiler")
def test_a_failure_half_way_leaves_no_object(tmp_path: Path) -> None:
    """The stubs of the modules compile, the shared object of one group does not: nothing of either stays."""
    where = house(tmp_path)
    cc = tmp_path / "cc-that-fails-on-one-group"
    cc.write_text('#!/bin/sh\ncase "$*" in *_tcp*) exit 1;; esac\nexec cc "$@"\n')
    cc.chmod(0o755)
    done = build(where, CC=str(cc), LDSHARED=f"{cc} -shared")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "it will run interpreted" in done.stderr
    assert shared_objects(where) == []
    assert look(where) == "False False 6"

    strict = build(where, CC=str(cc), SOCKFS_REQUIRE_COMPILE="1")
    assert strict.returncode != 0


def test_no_compile_when_told_so(tmp_path: Path) -> None:
    where = house(tmp_path)
    assert build(where, SOCKFS_NO_COMPILE="1").returncode == 0
    assert shared_objects(where) == []


def compiled_files(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What setup.py compiles."""
    monkeypatch.chdir(ROOT)
    spec = importlib.util.spec_from_file_location("sockfs_setup", ROOT / "setup.py")
    assert spec is not None
    assert spec.loader is not None
    setup = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(setup)
    return [path for _, files in setup.core_groups() for path in files]


def test_every_core_file_is_in_one_group(monkeypatch: pytest.MonkeyPatch) -> None:
    grouped = compiled_files(monkeypatch)
    package = ROOT / "src" / "sockfs"
    core = [p for room in ROOMS for p in (package / room).rglob("*.py") if p.name != "__init__.py"]
    core += [package / "boot.py", package / "runtime" / "realtime.py", package / "runtime" / "fds.py"]
    assert sorted(grouped) == sorted(str(p.relative_to(ROOT)) for p in core)


def test_the_core_is_all_of_one_kind() -> None:
    """Where the core is compiled, every file of it is: a lone interpreted module would be slow and go
    unnoticed."""
    package = Path(sockfs.__path__[0])
    files = [p for room in ROOMS for p in (package / room).rglob("*.py") if p.name != "__init__.py"]
    alone = [str(p) for p in files if not p.with_name(p.stem + EXTENSION_SUFFIXES[0]).exists()]
    installed = [p for p in package.rglob(f"*{EXTENSION_SUFFIXES[0]}") if "__mypyc" not in p.name]
    assert alone == [] or installed == []


def test_interpreted_classes_derive_only_from_compiled_ones_that_allow_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A compiled class that nobody marked cannot be subclassed by interpreted code, and mypyc does not say
    so: it fails when the first object is made."""
    compiled = compiled_files(monkeypatch)
    home: dict[str, str] = {}  # class → file
    marked: set[str] = set()
    derived: list[tuple[str, str, str]] = []
    for path in sorted((ROOT / "src/sockfs").rglob("*.py")):
        name = str(path.relative_to(ROOT))
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                home[node.name] = name
                if any("allow_interpreted_subclasses" in ast.dump(d) for d in node.decorator_list):
                    marked.add(node.name)
                derived += [(name, node.name, ast.unparse(b).rpartition(".")[2]) for b in node.bases]
    wrong = [
        f"{name}: {kind}({base})"
        for name, kind, base in derived
        if name not in compiled and home.get(base) in compiled and base not in marked
    ]
    assert len(marked) > 3
    assert not wrong
