"""The functions of the module `_socket` beside its class, and the two replacement modules put together.

CPython counterpart: the method table of socketmodule.c and of selectmodule.c. What needs no kernel (byte
order, addresses as text, service and protocol numbers) is CPython's own function. Control comes from
`runtime/swap.py`, which puts the modules in place.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from sockfs.libc import _socket, addr, calls, cmsg, constants, error, host, loop, netdb
from sockfs.libc import select as libc_select
from sockfs.uapi.errno import ECONNRESET
from sockfs.uapi.socket import AF_UNIX, SOCK_CLOEXEC, SOCK_STREAM

PURE = (
    "htonl htons ntohl ntohs inet_aton inet_ntoa inet_ntop inet_pton getprotobyname getservbyname"
    " getservbyport"
).split()


def close(fd: object, /) -> None:
    """close(integer) -> None"""
    number = addr.integer(fd)
    task = loop.this_task()
    if not calls.ours(task, number):
        host.close(number)
        return
    r = calls.close(loop.waiter_of(task), task, number)
    if r < 0 and r != -ECONNRESET:
        error.fail(r)


def dup(fd: object, /) -> int:
    """dup(integer) -> integer"""
    number = addr.integer(fd)
    task = loop.this_task()
    if not calls.ours(task, number):
        return host.dup(number)
    r = calls.dup(loop.waiter_of(task), task, number)
    if r < 0:
        error.fail(r)
    return r


def socketpair(family: int = AF_UNIX, type: int = SOCK_STREAM, proto: int = 0, /) -> tuple[object, object]:
    """socketpair([family[, type [, proto]]]) -> (socket object, socket object)"""
    task = loop.this_task()
    w = loop.waiter_of(task)
    a, b = calls.socketpair(
        w, task, addr.integer(family), addr.integer(type) | SOCK_CLOEXEC, addr.integer(proto)
    )
    if a < 0:
        error.fail(a)
    return _socket.socket(family, type, proto, int(a)), _socket.socket(family, type, proto, int(b))


def getdefaulttimeout() -> float | None:
    """getdefaulttimeout() -> timeout"""
    timeout = loop.this_task().default_timeout
    return None if timeout < 0 else timeout


def setdefaulttimeout(timeout: object, /) -> None:
    """setdefaulttimeout(timeout)"""
    ns = _socket.nanoseconds(timeout)
    loop.this_task().default_timeout = -1.0 if ns < 0 else int(ns) / 1e9


def socket_module() -> ModuleType:
    """A module to stand as `sys.modules["_socket"]`."""
    m = ModuleType("_socket", "The sockets of a sockfs kernel.")
    d = m.__dict__
    d.update(constants.of_socket())
    d["socket"] = _socket.socket
    d["SocketType"] = _socket.socket
    for name in ("error", "gaierror", "herror", "timeout", "CAPI"):
        d[name] = getattr(host.socket_module, name)
    for name in PURE:
        d[name] = getattr(host.socket_module, name)
    functions: list[Any] = [close, dup, socketpair, getdefaulttimeout, setdefaulttimeout]
    functions += [cmsg.CMSG_LEN, cmsg.CMSG_SPACE, netdb.getaddrinfo, netdb.getnameinfo]
    functions += [netdb.gethostbyname, netdb.gethostbyname_ex, netdb.gethostbyaddr]
    functions += [netdb.gethostname, netdb.sethostname]
    functions += [netdb.if_nameindex, netdb.if_nametoindex, netdb.if_indextoname]
    for f in functions:
        d[f.__name__] = f
    return m


def select_module() -> ModuleType:
    """A module to stand as `sys.modules["select"]`."""
    m = ModuleType("select", "Waiting for files of a sockfs kernel and of the host together.")
    d = m.__dict__
    d.update(constants.of_select())
    d["error"] = OSError
    # selectors.py binds this in a class body: as a plain function it would become a method there
    d["select"] = staticmethod(libc_select.select)
    d["poll"] = staticmethod(libc_select.poll)
    d["epoll"] = libc_select.epoll
    return m
