"""`sockfs.installed()`: this process's sockets on a fresh kernel for the length of a `with` block.

    with sockfs.installed() as k:
        …                        # socket, select, selectors, ssl, asyncio: all of them on k

What was imported before the block is changed in place and put back afterwards (`runtime/swap.py`). Sockets
made before the block stay the host's; those left open at its end are closed.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from sockfs.runtime import swap

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sockfs.boot import Kernel as KernelType


@contextlib.contextmanager
def installed(
    kernel: KernelType | None = None, *, seed: int | None = None, sysctl: Mapping[str, object] | None = None
) -> Iterator[KernelType]:
    """Run the block on `kernel`, or on a new one (seeded from the machine's randomness unless told)."""
    if kernel is None:
        kernel = swap.make_kernel(seed)
    if sysctl:
        for key, value in sysctl.items():
            if not swap.set_sysctl(kernel, key, str(value)):
                raise ValueError(f"cannot set {key!r} to {value!r}")
    under = swap.Swap(kernel, "python")
    under.do()
    try:
        yield kernel
    finally:
        under.undo()
