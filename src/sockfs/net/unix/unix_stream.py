"""Local stream sockets: sending and receiving bytes.

Kernel counterpart: `net/unix/af_unix.c` (its stream half); unix(7). A send goes straight onto the peer's
receive queue, in packets charged to the sender (`sk_wmem_alloc`) until they are read: that is the
back-pressure. Packets are cut and charged as Linux does, so that a full buffer is full after the same number
of bytes. Files travel with the first packet of a send, and no receive reads on past a packet that brought
some.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.kernel import wait
from sockfs.net.core import scm as core_scm
from sockfs.net.core import skbuff
from sockfs.net.core import sock as core_sock
from sockfs.net.unix import af_unix
from sockfs.structs.call import ESLEEP
from sockfs.structs.sock import RCV_SHUTDOWN, SEND_SHUTDOWN, SOCK_DEAD, SOCK_PASSCRED, SOCK_URGINLINE
from sockfs.uapi.errno import EAGAIN, ECONNRESET, EINVAL, EISCONN, ENOTCONN, EOPNOTSUPP, EPIPE
from sockfs.uapi.poll import EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLRDHUP, EPOLLRDNORM
from sockfs.uapi.socket import MSG_DONTWAIT, MSG_OOB, MSG_PEEK, MSG_WAITALL, SCM_INQ, SOL_SOCKET
from sockfs.uapi.tcp import TCP_ESTABLISHED

if TYPE_CHECKING:
    from sockfs.structs.file import File
    from sockfs.structs.msghdr import Msghdr
    from sockfs.structs.scm import Ucred
    from sockfs.structs.sk_buff import SkBuff
    from sockfs.structs.unix_sock import UnixSock

SKB_MAX_HEAD: Final = 3776  # what one page leaves for data: 4096 less struct skb_shared_info
UNIX_SKB_FRAGS_SZ: Final = 32768
PAGE_MASK: Final = ~4095


# Send


def unix_stream_send_generic(u: UnixSock, msg: Msghdr, size: i64) -> i64:
    """Send `msg.msg_iter`. Bytes (`msg.done` so far when it sleeps), -errno, or -ESLEEP."""
    err = core_scm.scm_send(msg)
    if err < 0:
        return err
    r = _stream_send(u, msg)
    if r != -ESLEEP:
        core_scm.scm_destroy(msg)
    return r


def _stream_send(u: UnixSock, msg: Msghdr) -> i64:
    flags = msg.msg_flags
    it = msg.msg_iter
    oob = (flags & MSG_OOB) != 0
    if oob and it.count == 0 and msg.done == 0:
        return -EOPNOTSUPP
    if msg.msg_name is not None and len(msg.msg_name) != 0:
        return -EISCONN if u.sk_state == TCP_ESTABLISHED else -EOPNOTSUPP
    other = u.peer
    if other is None:
        return -ENOTCONN
    if u.sk_shutdown & SEND_SHUTDOWN:
        return msg.done if msg.done else -EPIPE
    while it.count > 0:
        n = it.count
        if oob:
            if n == 1:
                break
            n -= 1
        if n > (u.sk_sndbuf >> 1) - 64:
            n = (u.sk_sndbuf >> 1) - 64
        if n > SKB_MAX_HEAD + UNIX_SKB_FRAGS_SZ:
            n = SKB_MAX_HEAD + UNIX_SKB_FRAGS_SZ
        err = _send_one(u, other, msg, n, flags)
        if err < 0:
            if err == -ESLEEP:
                return err
            return msg.done if msg.done else err
    if oob and it.count == 1:
        err = queue_oob(u, other, msg, flags)
        if err < 0:
            return err if err == -ESLEEP or not msg.done else msg.done
    return msg.done


def _send_one(u: UnixSock, other: UnixSock, msg: Msghdr, n: i64, flags: i64) -> i64:
    """One packet of n bytes. 0, -errno, or -ESLEEP."""
    err = core_sock.sock_alloc_send_room(u, msg, (flags & MSG_DONTWAIT) != 0)  # sleeps: sock_alloc_send_pskb
    if err < 0:
        return err
    if other.sk_flags & SOCK_DEAD or other.sk_shutdown & RCV_SHUTDOWN:
        return -EPIPE
    data_len: i64 = 0
    if n > SKB_MAX_HEAD:
        data_len = (n - SKB_MAX_HEAD + 4095) & PAGE_MASK
        head = n - data_len if data_len < n else 0
    else:
        head = n
    skb = af_unix.unix_alloc_skb(u, msg, n, af_unix.head_truesize(head) + data_len)
    err = af_unix.unix_scm_to_skb(u, other, msg, skb)
    if err < 0:
        af_unix.unix_free_skb(u.kernel, skb)
        return err
    skbuff.skb_queue_tail(other.sk_receive_queue, skb)
    msg.done += n
    other.sk_data_ready.run(other)
    return 0


def queue_oob(u: UnixSock, other: UnixSock, msg: Msghdr, flags: i64) -> i64:
    """The last byte, as out-of-band data; an earlier such byte becomes an ordinary one."""
    err = _send_one(u, other, msg, 1, flags)
    if err < 0:
        return err
    other.oob_skb = other.sk_receive_queue.last
    return 0


# Receive


def unix_stream_read_generic(u: UnixSock, msg: Msghdr, size: i64, flags: i64) -> i64:
    """Receive up to `msg.msg_iter.count` bytes. Bytes, 0 at the end, -errno, or -ESLEEP."""
    if u.sk_state != TCP_ESTABLISHED:
        return -EINVAL
    if flags & MSG_OOB:
        return unix_stream_recv_urg(u, msg, flags)
    it = msg.msg_iter
    peek = (flags & MSG_PEEK) != 0
    noblock = (flags & MSG_DONTWAIT) != 0 or msg.nonblock
    target = core_sock.sock_rcvlowat(u, (flags & MSG_WAITALL) != 0, it.count + msg.done)
    skip: i64 = 0
    if peek:
        skip = msg.done
        if u.sk_peek_off > 0:
            skip += u.sk_peek_off
    creds: Ucred | None = None
    check_creds = False
    fp: list[File] | None = None
    err: i64 = 0
    named = False
    skb = u.sk_receive_queue.first
    while True:
        skb = manage_oob(u, skb, peek, msg.done != 0)
        while skb is not None and skip > 0 and skip >= skb.len - skb.consumed:
            skip -= skb.len - skb.consumed
            skb = skb.next
        if skb is None and msg.done != 0 and u.sk_receive_queue.first is not None and not peek:
            break  # at a mark
        if skb is None:
            if msg.done >= target:
                break
            err = core_sock.sock_error(u)
            if err != 0 or u.sk_shutdown & RCV_SHUTDOWN:
                break
            if u.sk_flags & SOCK_DEAD:
                err = -ECONNRESET
                break
            timeo = core_sock.sock_rcvtimeo(u, noblock)
            if wait.timeo_left(msg, timeo) == 0:
                err = -EAGAIN
                break
            if msg.signalled:
                err = core_sock.sock_intr_errno(timeo)
                break
            if fp is not None:
                break
            wq = u.sk_wq
            if wq is None:
                break
            return wait.sleep_on(  # sleeps: unix_stream_data_wait
                msg, wq, EPOLLIN | EPOLLRDNORM | EPOLLERR | EPOLLHUP | EPOLLRDHUP, timeo
            )
        scm = skb.scm
        if check_creds:
            if not _same_creds(creds, None if scm is None else scm.creds):
                break
        elif u.sk_flags & SOCK_PASSCRED:
            creds = None if scm is None else scm.creds
            check_creds = True
        if msg.want_name and not named:
            named = True
            af_unix.unix_copy_addr(msg, skb)
        chunk = skb.len - skb.consumed - skip
        if chunk > it.count:
            chunk = it.count
        skbuff.skb_copy_datagram_msg(skb, skb.consumed + skip, msg, chunk)
        msg.done += chunk
        if not peek:
            skb.consumed += chunk
            if u.sk_peek_off > 0:
                u.sk_peek_off -= chunk if chunk < u.sk_peek_off else u.sk_peek_off
            if scm is not None and len(scm.fp) != 0:
                fp = af_unix.unix_detach_fds(u.kernel, skb)
            if skb.consumed < skb.len:
                break
            after = skb.next
            if skb is u.oob_skb:
                u.oob_skb = None
            skbuff.skb_unlink(u.sk_receive_queue, skb)
            skbuff.consume_skb(u.kernel, skb)
            if fp is not None:
                break
            skb = after
        else:
            if u.sk_peek_off >= 0:
                u.sk_peek_off += chunk
            if scm is not None and len(scm.fp) != 0:
                fp = af_unix.scm_fp_dup(scm.fp)
                break
            skip = 0
            if it.count == 0:
                break
            skb = skb.next
        if it.count == 0:
            break
    if msg.done > 0 or fp is not None:
        core_scm.scm_recv_unix(u, msg, creds, fp, flags)
        if u.recvmsg_inq:
            left: int = af_unix.unix_inq_len(u)
            core_sock.put_cmsg(msg, SOL_SOCKET, SCM_INQ, left.to_bytes(4, "little"))
        return msg.done
    return err


def _same_creds(a: Ucred | None, b: Ucred | None) -> bool:
    """Messages of different writers are not glued together."""
    if a is None or b is None:
        return a is b
    return a.pid == b.pid and a.uid == b.uid and a.gid == b.gid


def unix_stream_recv_urg(u: UnixSock, msg: Msghdr, flags: i64) -> i64:
    """The out-of-band byte."""
    skb = u.oob_skb
    if skb is None or u.sk_flags & SOCK_URGINLINE:
        return -EINVAL
    if msg.msg_iter.count == 0:
        return 0
    skbuff.skb_copy_datagram_msg(skb, 0, msg, 1)
    if not flags & MSG_PEEK:
        u.oob_skb = None
        skb.consumed = 1  # it stays where it is, as the mark
    msg.msg_flags |= MSG_OOB
    return 1


def manage_oob(u: UnixSock, skb: SkBuff | None, peek: bool, copied: bool) -> SkBuff | None:
    """What a reader may take next.

    One that has read something stops at an out-of-band byte, or at the mark that a byte read by MSG_OOB left;
    one that begins there passes over it, or reads it with SO_OOBINLINE.
    """
    while skb is not None:
        if skb.consumed == skb.len and skb.len != 0:
            if copied and (u.oob_skb is None or skb is u.oob_skb):
                return None
        elif skb is u.oob_skb:
            if copied:
                return None
            if u.sk_flags & SOCK_URGINLINE:
                if not peek:
                    u.oob_skb = None
                return skb
        else:
            return skb
        after = skb.next
        if not peek:
            if skb is u.oob_skb:
                u.oob_skb = None
            skbuff.skb_unlink(u.sk_receive_queue, skb)
            af_unix.unix_free_skb(u.kernel, skb)
        skb = after
    return None
