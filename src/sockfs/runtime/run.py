"""`sockfs run`: an unmodified program on a fresh kernel, in this process.

Control comes from the command line (`cli/run.py`) before anything has imported `socket`. The kernel is made,
put under the process (`runtime/swap.py`), and the program is started as Python starts it: as `__main__`, with
its own `sys.argv` and `sys.path[0]`. Its SystemExit, its exceptions and its exit handlers go the
interpreter's way; only our own frames are taken out of a traceback.
"""

from __future__ import annotations

import importlib
import os
import sys
from types import CodeType, ModuleType, TracebackType
from typing import TYPE_CHECKING, Any

from sockfs.runtime import swap

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfs.boot import Kernel

    Prepare = Callable[[Kernel, swap.Swap], None]


def run_program(
    argv: list[str],
    module: bool,
    pcap: str | None = None,
    wire: bool = False,
    sysctls: list[str] | None = None,
    prepare: Prepare | None = None,
    *,
    mtu: int | None = None,
    offload: bool = True,
) -> int:
    """Run argv[0] (a file, a folder or archive with a `__main__`, or with `module` a module's name) with the
    rest as its arguments. Returns its exit status, or 2 for what cannot be started (one line on standard
    error); its exceptions, SystemExit too, pass through. `prepare` is called with the kernel in place, before
    the program."""
    start = _find(argv, module)
    if start is None:
        return 2
    kernel = swap.make_kernel(None)
    for setting in sysctls or []:
        key, _, value = setting.partition("=")
        if not swap.set_sysctl(kernel, key, value):
            return _refuse(f"cannot set {key!r} to {value!r}")
    swap.set_loopback(kernel, mtu, offload)
    if wire:
        kernel.wire_mode = True
    if pcap is not None:
        capture = getattr(importlib.import_module("sockfs.observe.pcapng"), "capture")  # noqa: B009
        try:
            capture(kernel, pcap)
        except OSError as e:
            return _refuse(f"cannot write {pcap!r}: {e.strerror}")
    under = swap.Swap(kernel, os.path.basename(argv[0])[:15])
    under.do()
    if prepare is not None:
        prepare(kernel, under)
    _start(start, argv)
    return 0


def _refuse(why: str) -> int:
    print(f"sockfs run: {why}", file=sys.stderr)
    return 2


class _Start:
    """A program found: its code, and what `__main__` must look like."""

    def __init__(self, path0: str, code: CodeType, fields: dict[str, Any], argv0: str) -> None:
        self.path0 = path0
        self.code = code
        self.fields = fields
        self.argv0 = argv0


def _find(argv: list[str], module: bool) -> _Start | None:
    if not argv:
        _refuse("no program given")
        return None
    if module:
        return _find_module(argv[0])
    path = argv[0]
    if os.path.isdir(path) or _is_archive(path):
        return _find_folder(path)
    try:
        with open(path, "rb") as f:
            source = f.read()
    except OSError as e:
        _refuse(f"cannot read {path!r}: {e.strerror}")
        return None
    code = _compile(source, path)
    fields = {"__file__": path, "__cached__": None, "__spec__": None, "__package__": None}
    return _Start(os.path.dirname(os.path.realpath(path)), code, fields, path)


def _compile(source: bytes, path: str) -> CodeType:
    try:
        return compile(source, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as e:
        _strip(e)
        raise


def _is_archive(path: str) -> bool:
    try:
        with open(path, "rb") as f:
            return f.read(4) == b"PK\3\4"
    except OSError:
        return False


def _find_module(name: str) -> _Start | None:
    import runpy

    sys.path[0] = os.getcwd()
    try:
        _, spec, code = runpy._get_module_details(name)  # type: ignore[attr-defined]
    except ImportError as e:
        _refuse(str(e))
        return None
    fields = {
        "__file__": spec.origin,
        "__cached__": spec.cached,
        "__spec__": spec,
        "__package__": spec.parent,
        "__loader__": spec.loader,
    }
    return _Start(os.getcwd(), code, fields, spec.origin or name)


def _find_folder(path: str) -> _Start | None:
    import runpy

    sys.path.insert(0, path)
    try:
        _, spec, code = runpy._get_main_module_details()  # type: ignore[attr-defined]
    except ImportError:
        _refuse(f"cannot find '__main__' in {path!r}")
        return None
    finally:
        del sys.path[0]
    fields = {
        "__file__": spec.origin,
        "__cached__": spec.cached,
        "__spec__": None,
        "__package__": "",
        "__loader__": spec.loader,
    }
    return _Start(path, code, fields, path)


def _start(start: _Start, argv: list[str]) -> None:
    main = ModuleType("__main__")
    main.__dict__.update({"__builtins__": __builtins__, **start.fields})
    main.__dict__.setdefault("__loader__", None)
    sys.modules["__main__"] = main
    sys.argv[:] = [start.argv0, *argv[1:]]
    if not getattr(sys.flags, "safe_path", False):
        sys.path[0] = start.path0
    try:
        exec(start.code, main.__dict__)
    except SystemExit:
        raise
    except BaseException as e:
        _strip(e)
        raise


def _strip(e: BaseException) -> None:
    """When the interpreter prints e, the frames that are not the program's are left out."""
    hook = sys.excepthook

    def excepthook(kind: type[BaseException], value: BaseException, tb: TracebackType | None) -> None:
        here = __file__
        own = tb
        while tb is not None:
            at_us = tb.tb_frame.f_code.co_filename == here
            tb = tb.tb_next
            if at_us:
                own = tb
        value = value.with_traceback(own)
        hook(kind, value, own)

    sys.excepthook = excepthook
