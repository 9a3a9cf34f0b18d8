"""From a core's -errno to Python's exceptions: the one place where that happens.

glibc counterpart: the wrapper that turns a negative result into `errno`; CPython's: `PyErr_SetFromErrno`.
Everything in `libc/` that meets a negative result comes here. `OSError` itself picks the subclass
(ConnectionRefusedError …).
"""

from __future__ import annotations

import os
from typing import Final, NoReturn

from mypy_extensions import i64

from sockfs.uapi.errno import EINTR

ETIMEDOUT_LIBC: Final = 1000
"""A wait of libc's own (`settimeout`) ended without an answer: TimeoutError("timed out"), which has no errno.
"""

EFORKED: Final = "sockfs: this process was forked; the sockets and the kernel stayed with its parent"


def fail(r: i64) -> NoReturn:
    """Raise the OSError of a negative result."""
    if r == -ETIMEDOUT_LIBC:
        raise TimeoutError("timed out")
    number: int = -r
    if number >= 512:  # a code of the kernel's own: the call was cut by a signal
        number = EINTR
    raise OSError(number, os.strerror(number))
