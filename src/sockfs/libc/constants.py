"""The constants of the modules `_socket` and `select`, as this interpreter has them.

CPython takes its numbers from the C library's headers when it is built, and which names there are depends on
its version (344 in 3.11, 376 in 3.13) and on those headers. A program must find exactly the names it would
find without us, so they are read from the interpreter's own modules; that they agree with `uapi/` is tested.
"""

from __future__ import annotations

from sockfs.libc import host


def of_socket() -> dict[str, object]:
    """AF_INET, SOCK_STREAM, … and has_ipv6."""
    return _integers(host.socket_module)


def of_select() -> dict[str, object]:
    """EPOLLIN, POLLIN, PIPE_BUF …"""
    return _integers(host.select_module)


def _integers(module: object) -> dict[str, object]:
    found: dict[str, object] = {}
    for name in dir(module):
        value = getattr(module, name)
        if not name.startswith("__") and isinstance(value, int):
            found[name] = value
    return found
