"""The host's own functions, as they were before anything was put in their place.

Whoever in libc or runtime needs a real descriptor, a real clock or CPython's own conversions takes them from
here. This module is imported before the swap and never again.
"""

from __future__ import annotations

import _socket
import fcntl as _fcntl
import posix
import resource
import select as _select
import time
from importlib import import_module
from typing import Any, Final

_signal: Final[Any] = import_module("_signal")
socket_module: Final = _socket
select_module: Final = _select

read: Final = posix.read
write: Final = posix.write
readv: Final = posix.readv
writev: Final = posix.writev
close: Final = posix.close
lseek: Final = posix.lseek
closerange: Final = posix.closerange
dup: Final = posix.dup
dup2: Final = posix.dup2
fstat: Final = posix.fstat
isatty: Final = posix.isatty
sendfile: Final = posix.sendfile
splice: Final = posix.splice
get_inheritable: Final = posix.get_inheritable
set_inheritable: Final = posix.set_inheritable
get_blocking: Final = posix.get_blocking
set_blocking: Final = posix.set_blocking
eventfd: Final = posix.eventfd

fcntl: Final = _fcntl.fcntl
ioctl: Final = _fcntl.ioctl

select: Final = _select.select
poll: Final = _select.poll
epoll: Final = _select.epoll

signal: Final = _signal.signal
getsignal: Final = _signal.getsignal
set_wakeup_fd: Final = _signal.set_wakeup_fd

monotonic_ns: Final = time.monotonic_ns
time_ns: Final = time.time_ns

FD_SETSIZE: Final = 1024


def high(fd: int) -> int:
    """Move one of our own descriptors out of the way of programs, who count from 3."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    floor = (FD_SETSIZE if soft == resource.RLIM_INFINITY else min(soft, FD_SETSIZE)) - 24
    try:
        moved = fcntl(fd, _fcntl.F_DUPFD_CLOEXEC, max(floor, 3))
    except OSError:
        return fd
    close(fd)
    return int(moved)
