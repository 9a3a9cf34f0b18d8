"""Request socks: the queue of a listener, and how a request ends.

Kernel counterpart: `net/core/request_sock.c`, `include/net/request_sock.h`. A request is born in
`tcp_conn_request`, lies in the established hash table until its handshake ends, then in the accept queue
until accept(2) takes its child. Every holder has a reference: the hash table (and the SYN-ACK timer with it),
the accept queue, and whoever works on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfs.kernel import slab
from sockfs.net.core import sock

if TYPE_CHECKING:
    from sockfs.structs.request_sock import RequestSock, RequestSockQueue


def reqsk_queue_alloc(queue: RequestSockQueue) -> None:
    """A listener starts over with an empty queue."""
    queue.rskq_accept_head = None
    queue.rskq_accept_tail = None
    queue.qlen = 0
    queue.young = 0
    queue.synflood_warned = False
    queue.fastopenq_qlen = 0
    queue.fastopenq_rst = []


def reqsk_queue_added(queue: RequestSockQueue) -> None:
    """One more handshake is under way."""
    queue.young += 1
    queue.qlen += 1


def reqsk_queue_removed(queue: RequestSockQueue, req: RequestSock) -> None:
    """A handshake ended, one way or the other. Young: its SYN-ACK was never repeated."""
    if req.num_timeout == 0:
        queue.young -= 1
    queue.qlen -= 1


def reqsk_queue_remove(queue: RequestSockQueue) -> RequestSock | None:
    """Take the oldest finished handshake off the accept queue."""
    req = queue.rskq_accept_head
    if req is None:
        return None
    queue.rskq_accept_head = req.dl_next
    if queue.rskq_accept_head is None:
        queue.rskq_accept_tail = None
    req.dl_next = None
    return req


def reqsk_put(req: RequestSock) -> None:
    """One reference less; the last one frees the request."""
    req.sk_refcnt -= 1
    if req.sk_refcnt == 0:
        __reqsk_free(req)


def reqsk_free(req: RequestSock) -> None:
    """Free a request that was never hashed: the one reference to it is the caller's."""
    assert req.sk_refcnt == 1
    req.sk_refcnt = 0
    __reqsk_free(req)


def __reqsk_free(req: RequestSock) -> None:
    req.rsk_ops.destructor(req)
    listener = req.rsk_listener
    req.rsk_listener = None
    req.saved_syn = None
    slab.kmem_cache_free(req.sk_net.kernel.slabs[req.sk_prot.rsk_slab])
    if listener is not None:
        sock.sock_put(listener)
