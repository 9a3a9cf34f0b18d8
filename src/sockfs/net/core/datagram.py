"""What datagram protocols share: taking a packet off the queue, and their poll mask.

Kernel counterpart: `net/core/datagram.c`. Control comes from `udp_recvmsg`, `raw_recvmsg`,
`unix_dgram_recvmsg` and their like.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import i64

from sockfs.kernel import wait
from sockfs.net.core import skbuff, sock
from sockfs.structs.sock import RCV_SHUTDOWN
from sockfs.uapi.errno import EAGAIN, EFAULT, ENOTCONN
from sockfs.uapi.poll import (
    EPOLLERR,
    EPOLLHUP,
    EPOLLIN,
    EPOLLOUT,
    EPOLLRDHUP,
    EPOLLRDNORM,
    EPOLLWRBAND,
    EPOLLWRNORM,
)
from sockfs.uapi.socket import MSG_DONTWAIT, MSG_PEEK, SOCK_SEQPACKET, SOCK_STREAM
from sockfs.uapi.tcp import TCP_ESTABLISHED, TCP_LISTEN, TCP_SYN_SENT

if TYPE_CHECKING:
    from sockfs.structs.file import File
    from sockfs.structs.msghdr import Msghdr
    from sockfs.structs.ops import PollTable
    from sockfs.structs.sk_buff import SkBuff
    from sockfs.structs.sock import Sock
    from sockfs.structs.socket import Socket


def __skb_recv_datagram(sk: Sock, msg: Msghdr, flags: i64) -> SkBuff | None:
    """The next packet of the receive queue, taken off it unless MSG_PEEK. None: msg.err says why, -ESLEEP
    included.

    With SO_PEEK_OFF (socket(7)) a peek passes over the bytes that earlier ones saw; `msg.done` is where in
    the packet it begins.
    """
    err = sock.sock_error(sk)
    if err != 0:
        msg.err = err
        return None
    skb = __skb_try_recv_datagram(sk, msg, flags)
    if skb is not None:
        return skb
    nonblock = (flags & MSG_DONTWAIT) != 0 or msg.nonblock
    msg.err = __skb_wait_for_more_packets(sk, msg, nonblock)
    return None


def __skb_try_recv_datagram(sk: Sock, msg: Msghdr, flags: i64) -> SkBuff | None:
    queue = sk.sk_receive_queue
    skb = queue.first
    msg.done = 0
    if skb is None:
        return None
    if (flags & MSG_PEEK) != 0:
        off = sk.sk_peek_off
        if off > 0:
            while skb is not None and off >= skb.len and (off != 0 or skb.len != 0):
                off -= skb.len
                skb = skb.next
            if skb is None:
                return None
            msg.done = off
        skb.users += 1
        return skb
    return skbuff.skb_dequeue(queue)


def __skb_wait_for_more_packets(sk: Sock, msg: Msghdr, nonblock: bool) -> i64:
    """Nothing there: -EAGAIN, the end of a shutdown, -ENOTCONN, or -ESLEEP."""
    timeo = sock.sock_rcvtimeo(sk, nonblock)
    if wait.timeo_left(msg, timeo) == 0:
        return -EAGAIN  # Linux: who does not wait is not told of a shutdown
    if (sk.sk_shutdown & RCV_SHUTDOWN) != 0:
        return 0
    if connection_based(sk) and not (sk.sk_state == TCP_ESTABLISHED or sk.sk_state == TCP_LISTEN):
        return -ENOTCONN
    if msg.signalled:
        return sock.sock_intr_errno(timeo)
    wq = sk.sk_wq
    if wq is None:
        return -EFAULT
    # sleeps: __skb_wait_for_more_packets
    return wait.sleep_on(msg, wq, EPOLLIN | EPOLLRDNORM | EPOLLERR | EPOLLHUP | EPOLLRDHUP, timeo)


def skb_free_datagram(sk: Sock, skb: SkBuff) -> None:
    """The reader is done with a packet."""
    skbuff.consume_skb(sk.kernel, skb)
    sock.sk_mem_reclaim(sk)


def connection_based(sk: Sock) -> bool:
    """Stream and sequenced-packet sockets need a connection."""
    return sk.sk_type == SOCK_SEQPACKET or sk.sk_type == SOCK_STREAM


def datagram_poll(file: File, sck: Socket, pt: PollTable | None) -> i64:
    """The poll mask of a datagram socket."""
    sk = sck.sk
    assert sk is not None
    if pt is not None:
        pt.queue(file, sck.wq)
    mask = sock.datagram_error_mask(sk)
    if sk.sk_receive_queue.qlen != 0:
        mask |= EPOLLIN | EPOLLRDNORM
    if connection_based(sk):
        if sk.sk_state == 7:
            mask |= EPOLLHUP
        if sk.sk_state == TCP_SYN_SENT:
            return mask
    if sock.sock_writeable(sk):
        mask |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND
    else:
        sck.flags |= sock.SOCK_NOSPACE
    return mask
