"""Local datagram and sequenced-packet sockets: sending and receiving messages.

Kernel counterpart: `net/unix/af_unix.c` (its datagram half); unix(7). A message goes onto the receiver's
queue whole, charged to the sender until it is read. A receiver that is not the sender's own peer holds
`net.unix.max_dgram_qlen` messages; then senders wait on its `peer_wait`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.kernel import wait
from sockfs.net.core import datagram, skbuff
from sockfs.net.core import scm as core_scm
from sockfs.net.core import sock as core_sock
from sockfs.net.unix import af_unix
from sockfs.structs.call import ESLEEP
from sockfs.structs.sock import RCV_SHUTDOWN, SOCK_DEAD, SOCK_PASSCRED
from sockfs.uapi.errno import EAGAIN, ECONNREFUSED, ECONNRESET, EMSGSIZE, ENOTCONN, EOPNOTSUPP, EPERM, EPIPE
from sockfs.uapi.poll import EPOLLOUT, EPOLLWRBAND, EPOLLWRNORM
from sockfs.uapi.socket import MSG_DONTWAIT, MSG_OOB, MSG_PEEK, MSG_TRUNC, SOCK_SEQPACKET
from sockfs.uapi.tcp import TCP_CLOSE, TCP_ESTABLISHED

if TYPE_CHECKING:
    from sockfs.structs.file import File
    from sockfs.structs.msghdr import Msghdr
    from sockfs.structs.unix_sock import UnixSock

SKB_MAX_ALLOC: Final = 16064
MAX_FRAGS_SZ: Final = 17 * 4096
EWRITE: Final = EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND


# Send


def unix_seqpacket_sendmsg(u: UnixSock, msg: Msghdr, size: i64) -> i64:
    """As for datagrams, but connected; an address is passed over."""
    err = core_sock.sock_error(u)
    if err != 0:
        return err
    if u.sk_state != TCP_ESTABLISHED:
        return -ENOTCONN
    msg.msg_name = None
    return __unix_dgram_sendmsg(u, msg, size)


def __unix_dgram_sendmsg(u: UnixSock, msg: Msghdr, size: i64) -> i64:
    """Send one message. Its length, -errno, or -ESLEEP."""
    err = core_scm.scm_send(msg)
    if err < 0:
        return err
    r = _dgram_send(u, msg)
    if r != -ESLEEP:
        core_scm.scm_destroy(msg)
    return r


def _dgram_send(u: UnixSock, msg: Msghdr) -> i64:
    k = u.kernel
    flags = msg.msg_flags
    if flags & MSG_OOB:
        return -EOPNOTSUPP
    name = msg.msg_name
    named = name is not None and len(name) != 0
    if name is not None and named:
        err = af_unix.unix_validate_addr(name)
        if err < 0:
            return err
    if u.sk_flags & SOCK_PASSCRED and u.addr is None:
        err = af_unix.unix_autobind(u)
        if err < 0:
            return err
    n = msg.msg_iter.count
    if n > u.sk_sndbuf - 32:
        return -EMSGSIZE
    noblock = (flags & MSG_DONTWAIT) != 0
    err = core_sock.sock_alloc_send_room(u, msg, noblock)  # sleeps: sock_alloc_send_pskb
    if err < 0:
        return err
    other: UnixSock | None
    if name is not None and named:
        other = af_unix.unix_find_other(u.sk_net, name, u.sk_type)
        if other is None:
            return k.unix_err
    else:
        other = u.peer
        if other is None:
            return -ENOTCONN  # Linux: said only after room was found
    if not unix_may_send(u, other):
        return -EPERM
    if other.sk_flags & SOCK_DEAD:
        # the receiver has closed; an unconnected sender hears it, a connected one is disconnected as well
        if u.sk_type == SOCK_SEQPACKET:
            return -EPIPE
        if u.peer is other:
            u.peer = None
            af_unix.unix_dgram_peer_wake_disconnect_wakeup(u, other)
            u.sk_state = TCP_CLOSE
            af_unix.unix_dgram_disconnected(u, other)
            core_sock.sock_put(other)
            return -ECONNREFUSED
        return -ECONNREFUSED if named else -ECONNRESET
    if other.sk_shutdown & RCV_SHUTDOWN:
        return -EPIPE
    if other is not u and other.peer is not u and af_unix.unix_recvq_full(other):
        timeo = core_sock.sock_sndtimeo(u, noblock)
        if wait.timeo_left(msg, timeo) == 0:
            return -EAGAIN
        if msg.signalled:
            return core_sock.sock_intr_errno(timeo)
        msg.exclusive = True
        return wait.sleep_on(msg, other.peer_wait, EWRITE, timeo)  # sleeps: unix_wait_for_peer
    data_len: i64 = 0
    if n > SKB_MAX_ALLOC:
        data_len = (n - SKB_MAX_ALLOC + 4095) & ~4095
        if data_len > MAX_FRAGS_SZ:
            data_len = MAX_FRAGS_SZ
    skb = af_unix.unix_alloc_skb(u, msg, n, af_unix.head_truesize(n - data_len) + data_len)
    err = af_unix.unix_scm_to_skb(u, other, msg, skb)
    if err < 0:
        af_unix.unix_free_skb(k, skb)
        return err
    skbuff.skb_queue_tail(other.sk_receive_queue, skb)
    other.sk_data_ready.run(other)
    return n


def unix_may_send(u: UnixSock, other: UnixSock) -> bool:
    """A connected receiver hears its peer only."""
    return other.peer is None or other.peer is u


# Receive


def unix_seqpacket_recvmsg(u: UnixSock, msg: Msghdr, size: i64, flags: i64) -> i64:
    """As for datagrams, but connected."""
    if u.sk_state != TCP_ESTABLISHED:
        return -ENOTCONN
    return __unix_dgram_recvmsg(u, msg, size, flags)


def __unix_dgram_recvmsg(u: UnixSock, msg: Msghdr, size: i64, flags: i64) -> i64:
    """Receive one message. Its length as far as there was room (MSG_TRUNC: all of it), -errno, or -ESLEEP."""
    if flags & MSG_OOB:
        return -EOPNOTSUPP
    skb = datagram.__skb_recv_datagram(u, msg, flags)
    if skb is None:
        err = msg.err
        if err == -EAGAIN and u.sk_type == SOCK_SEQPACKET and u.sk_shutdown & RCV_SHUTDOWN:
            return 0
        if err == 0 and flags & MSG_DONTWAIT and u.sk_type != SOCK_SEQPACKET:
            return -EAGAIN  # Linux: only a receive that may wait learns of the shutdown
        return err
    k = u.kernel
    peek = (flags & MSG_PEEK) != 0
    if u.peer_wait.first is not None:
        wait.wake_up(u.peer_wait, EWRITE)
    if msg.want_name:
        af_unix.unix_copy_addr(msg, skb)
    skip: i64 = msg.done if peek else 0
    msg.done = 0
    it = msg.msg_iter
    n = it.count
    left = skb.len - skip
    if n > left:
        n = left
    elif n < left:
        msg.msg_flags |= MSG_TRUNC
    skbuff.skb_copy_datagram_msg(skb, skip, msg, n)
    scm = skb.scm
    creds = None if scm is None else scm.creds
    fp: list[File] | None = None
    if peek:
        if u.sk_peek_off >= 0:
            u.sk_peek_off += n
        if scm is not None and len(scm.fp) != 0:
            fp = af_unix.scm_fp_dup(scm.fp)
    else:
        if u.sk_peek_off > 0:
            u.sk_peek_off -= skb.len if skb.len < u.sk_peek_off else u.sk_peek_off
        if scm is not None and len(scm.fp) != 0:
            fp = af_unix.unix_detach_fds(k, skb)
    skbuff.consume_skb(k, skb)
    core_scm.scm_recv_unix(u, msg, creds, fp, flags)
    return left if flags & MSG_TRUNC else n
