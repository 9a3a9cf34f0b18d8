"""After fork: the child has a copy of everything, and none of it is connected to anybody.

The kernel, its connections and its timers stay with the parent. In the child every call that needs the kernel
fails with one clear error, closing is quiet, and the host's own descriptors work as ever; so `subprocess`,
and children that only compute, are not disturbed. (A kernel shared by processes is not modelled.)
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, NoReturn

from sockfs.libc import error, host, loop

if TYPE_CHECKING:
    from sockfs.runtime.realtime import RealTime

_watching = False


def refuse() -> NoReturn:
    raise OSError(errno.EOPNOTSUPP, error.EFORKED)


def watch() -> None:
    """From now on, cut a child off when it is forked."""
    global _watching
    if not _watching:
        _watching = True
        os.register_at_fork(after_in_child=_in_child)


def _in_child() -> None:
    w = loop.current.waiter
    if w is None:
        return
    cut_off(w)  # type: ignore[arg-type]


def cut_off(w: RealTime) -> None:
    """This process is a child: its kernel is lost."""
    w.kernel.lost = True
    w.acquire = refuse
    w.inside = False
    w.lost = True
    host.set_wakeup_fd(-1)
