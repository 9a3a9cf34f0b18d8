"""Sockets that only messages in flight still reach.

Kernel counterpart: `net/unix/garbage.c`; unix(7). A file sent by SCM_RIGHTS is held by the message. A socket
whose every reference is held by messages, which wait in the queues of just such sockets, can never be
received again: `unix_gc` finds these circles and drops the messages. It runs when a local socket closes while
some file is in flight.

The search: candidates are socks all of whose file's references are in flight. Take from each what messages in
other candidates' queues account for; a candidate that has some left is reached from outside, and so is all
that its queue holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfs.net.core import skbuff
from sockfs.net.core import sock as core_sock
from sockfs.structs.socket import Socket
from sockfs.structs.unix_sock import UnixSock
from sockfs.uapi.tcp import TCP_LISTEN

if TYPE_CHECKING:
    from sockfs.structs.file import File
    from sockfs.structs.kernel import Kernel
    from sockfs.structs.sk_buff import SkBuff


def unix_get_socket(file: File) -> UnixSock | None:
    """The local socket behind a file."""
    sock = file.private_data
    if isinstance(sock, Socket):
        sk = sock.sk
        if isinstance(sk, UnixSock):
            return sk
    return None


def unix_inflight(k: Kernel, file: File) -> None:
    """A message took a reference on file."""
    u = unix_get_socket(file)
    if u is not None:
        u.inflight += 1
        k.unix_gc_list[core_sock.sock_gen_cookie(u)] = u
    k.unix_inflight += 1


def unix_notinflight(k: Kernel, file: File) -> None:
    """A message gave its reference on file back, or to a task."""
    u = unix_get_socket(file)
    if u is not None:
        u.inflight -= 1
        if u.inflight == 0:
            k.unix_gc_list.pop(u.sk_cookie, None)
    k.unix_inflight -= 1


def unix_gc(k: Kernel) -> list[SkBuff]:
    """Messages of unreachable circles, taken off their queues: the caller frees them."""
    found: list[SkBuff] = []
    if k.unix_gc_running:
        return found
    k.unix_gc_running = True
    candidates: dict[int, UnixSock] = {}
    left: dict[int, int] = {}
    for cookie, u in k.unix_gc_list.items():
        sock = u.sk_socket
        file = None if sock is None else sock.file
        if file is not None and file.f_count == u.inflight:
            candidates[cookie] = u
            left[cookie] = u.inflight
    if len(candidates) != 0:
        for u in candidates.values():
            for child in _children(u):
                if child in left:
                    left[child] -= 1
        reached = [cookie for cookie, n in left.items() if n > 0]
        while len(reached) != 0:
            cookie = reached.pop()
            u1 = candidates.pop(cookie, None)
            if u1 is not None:
                reached.extend([child for child in _children(u1) if child in candidates])
        for u in candidates.values():
            _take_messages(u, found)
    k.unix_gc_running = False
    return found


def _children(u: UnixSock) -> list[int]:
    """Cookies of the socks whose files lie in u's queue, or in those of its unaccepted connections."""
    out: list[int] = []
    skb = u.sk_receive_queue.first
    while skb is not None:
        if u.sk_state == TCP_LISTEN:
            embryo = skb.sk
            if isinstance(embryo, UnixSock):
                out.extend(_children(embryo))
        elif skb.scm is not None:
            for file in skb.scm.fp:
                child = unix_get_socket(file)
                if child is not None:
                    out.append(child.sk_cookie)
        skb = skb.next
    return out


def _take_messages(u: UnixSock, found: list[SkBuff]) -> None:
    skb = u.sk_receive_queue.first
    while skb is not None:
        after = skb.next
        if u.sk_state == TCP_LISTEN:
            embryo = skb.sk
            if isinstance(embryo, UnixSock):
                _take_messages(embryo, found)
        elif skb.scm is not None and len(skb.scm.fp) != 0:
            skbuff.skb_unlink(u.sk_receive_queue, skb)
            found.append(skb)
        skb = after
