"""sockfs: the Linux socket subsystem and its TCP/IP stack as a Python library.

Three names are public here: `Kernel` (a machine that has booted), `installed` (run this process's sockets on
one) and `World` (many machines and the links between them, in virtual time). They are loaded when first asked
for: `import sockfs` is quick and imports neither `socket` nor `select`, because whoever is about to replace
those two must come before everybody who binds them.

The core is compiled where the package was built with a C compiler. With `SOCKFS_PURE=1` in the environment
the `.py` files beside the compiled ones are run instead; `compiled()` says which of the two this process has.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from importlib.machinery import (
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    ModuleSpec,
    SourceFileLoader,
)
from importlib.util import find_spec
from typing import TYPE_CHECKING

from sockfs._version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    from sockfs.boot import Kernel
    from sockfs.runtime.installed import installed
    from sockfs.world import World

__all__ = ["Kernel", "World", "__version__", "compiled", "installed"]

_LAZY = {"Kernel": "sockfs.boot", "installed": "sockfs.runtime.installed", "World": "sockfs.world"}


def __getattr__(name: str) -> object:
    room = _LAZY.get(name)
    if room is None:
        raise AttributeError(f"module 'sockfs' has no attribute {name!r}")
    value: object = getattr(import_module(room), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))


def compiled() -> bool:
    """Whether the core of this process is the compiled one (a build without a C compiler has none, and
    `SOCKFS_PURE=1` passes it by). Imports nothing of the core."""
    spec = find_spec("sockfs.boot")
    return spec is not None and isinstance(spec.loader, ExtensionFileLoader)


class _SourceFinder:
    """A meta-path finder that knows only the source files of `sockfs.*`, so that they win over the compiled
    modules that lie beside them."""

    def __init__(self) -> None:
        self._finders: dict[str, FileFinder] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is None or not fullname.startswith("sockfs."):
            return None
        for entry in path:
            finder = self._finders.get(entry)
            if finder is None:
                finder = self._finders[entry] = FileFinder(entry, (SourceFileLoader, SOURCE_SUFFIXES))
            spec = finder.find_spec(fullname, target)
            if spec is not None and spec.loader is not None:
                return spec
        return None

    def invalidate_caches(self) -> None:
        for finder in self._finders.values():
            finder.invalidate_caches()


if os.environ.get("SOCKFS_PURE", "") not in ("", "0"):
    sys.meta_path.insert(0, _SourceFinder())
