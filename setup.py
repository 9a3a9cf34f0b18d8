"""Builds the core of sockfs with mypyc, or leaves it interpreted.

`pyproject.toml` holds the metadata; this file only decides what becomes C. Every `.py` file of the core rooms
(never an `__init__.py`) is compiled, found by its place, so that a new file needs no entry here. The rooms
are gathered into groups: each is one shared object, the groups are compiled side by side, and a change in one
file recompiles its own group.

Where there is no C compiler, or anything at all goes wrong on the way, the build says so in one line and goes
on without extensions: the same files run interpreted.

    SOCKFS_NO_COMPILE=1       do not compile
    SOCKFS_REQUIRE_COMPILE=1  fail rather than fall back
    SOCKFS_OPT=0…3            the compiler's -O level, 2 unless told otherwise
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from glob import glob

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

PACKAGE = "src/sockfs"

# Group → patterns below PACKAGE. A file belongs to the first group that matches. Calls inside a group are
# quicker than calls between groups; a group is also what one compiler process works on, so they are of
# similar size.
GROUPS: list[tuple[str, list[str]]] = [
    ("structs", ["uapi/*.py", "util/*.py", "structs/*.py"]),
    ("machine", ["kernel/*.py", "fs/*.py", "drivers/*.py", "entry/*.py", "boot.py"]),
    ("net", ["net/*.py", "net/core/*.py", "net/ethernet/*.py", "net/sched/*.py"]),
    ("tcp", ["net/ipv4/*tcp*.py", "net/ipv4/inet_*.py"]),
    ("ipv4", ["net/ipv4/*.py"]),
    ("families", ["net/ipv6/*.py", "net/unix/*.py", "net/packet/*.py", "net/netlink/*.py"]),
    # the real-time waiter and the placeholder descriptors are on every call's way, as libc is
    ("libc", ["libc/*.py", "runtime/realtime.py", "runtime/fds.py"]),
]

# The build asks for correct types in the core only; `mypy --strict` over everything is a check of its own.
# No cache: what mypyc 2.4.1 reads back from one has lost the bitmaps of i64 attributes, and it stops with a
# ValueError. Generated C that comes out the same is not compiled again, which is what takes the time.
MYPY = ["--config-file=", "--cache-dir=/dev/null", "--follow-imports=silent"]

# mypyc's functions are global symbols, and in a shared object whatever is visible could be replaced by
# another's: the compiler may then neither inline nor call them directly. Hidden, small functions cost a third
# to a seventh. (Groups reach each other through a table of pointers, not by symbol.) And mypyc asks for
# -Werror: a compiler that warns of something new must not cost the compiled core.
CFLAGS = ["-fvisibility=hidden", "-fno-semantic-interposition", "-Wno-error"]

BUILDING = {"build", "build_ext", "bdist_wheel", "editable_wheel", "develop", "install"}


def core_groups() -> list[tuple[str, list[str]]]:
    """The groups that have files, each file in one group."""
    taken: set[str] = set()
    groups: list[tuple[str, list[str]]] = []
    for name, patterns in GROUPS:
        found = [path for pattern in patterns for path in sorted(glob(f"{PACKAGE}/{pattern}"))]
        files = [p for p in found if p not in taken and os.path.basename(p) != "__init__.py"]
        taken.update(files)
        if files:
            groups.append((name, files))
    return groups


def say_interpreted(why: object) -> None:
    if os.environ.get("SOCKFS_REQUIRE_COMPILE", "") not in ("", "0"):
        raise SystemExit(f"sockfs: the core was not compiled: {why}")
    first = str(why).strip().partition("\n")[0]
    print(f"sockfs: built without compiled core, it will run interpreted ({first})", file=sys.stderr)


def compiler_works() -> bool:
    """Try the compiler on three lines: mypyc takes a minute to find out otherwise."""
    from setuptools._distutils import ccompiler, sysconfig

    with tempfile.TemporaryDirectory() as tmp:
        source = os.path.join(tmp, "probe.c")
        with open(source, "w") as f:
            f.write("#include <Python.h>\nint probe(void) { return Py_IsInitialized(); }\n")
        compiler = ccompiler.new_compiler()
        sysconfig.customize_compiler(compiler)
        include = [sysconfig.get_python_inc(), sysconfig.get_python_inc(plat_specific=True)]
        with quiet():
            try:
                compiler.compile([source], output_dir=tmp, include_dirs=include)
            except Exception:
                return False
    return True


@contextlib.contextmanager
def quiet():  # type: ignore[no-untyped-def]
    """Send what a child process writes to descriptors 1 and 2 nowhere."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 1)
        os.dup2(null, 2)
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, saved in zip((1, 2), kept, strict=True):
            os.dup2(saved, number)
            os.close(saved)
        os.close(null)


def core_extensions() -> list[Extension]:
    """The core as extensions, or none, with the one line that says why."""
    if os.environ.get("SOCKFS_NO_COMPILE", "") not in ("", "0"):
        return []
    groups = core_groups()
    if not groups:
        return []
    if not compiler_works():
        say_interpreted("no C compiler with Python's headers")
        return []
    try:
        from mypyc.build import mypycify

        extensions: list[Extension] = mypycify(
            [*MYPY, *[path for _, files in groups for path in files]],
            separate=[(files, f"sockfs._{name}") for name, files in groups],
            opt_level=os.environ.get("SOCKFS_OPT", "2"),
            debug_level="0",
        )
    except (Exception, SystemExit) as e:
        say_interpreted(e)
        return []
    for extension in extensions:
        extension.extra_compile_args += CFLAGS
    return extensions


class BuildCore(build_ext):
    """All the extensions or none: `Extension.optional` would install the modules' stubs although the shared
    object of their group had failed, and then nothing could be imported."""

    def finalize_options(self) -> None:
        super().finalize_options()
        if not self.parallel:
            self.parallel = os.cpu_count() or 1

    def build_extensions(self) -> None:
        try:
            super().build_extensions()
        except Exception as e:
            for extension in self.extensions:
                with contextlib.suppress(OSError):
                    os.remove(self.get_ext_fullpath(extension.name))
            self.extensions = []
            say_interpreted(e)


if __name__ == "__main__":
    setup(
        ext_modules=core_extensions() if BUILDING & set(sys.argv) else [],
        cmdclass={"build_ext": BuildCore},
    )
