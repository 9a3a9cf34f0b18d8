"""The life of a `Sock`: made, charged for memory, owned by calls, woken, freed.

Kernel counterpart: `net/core/sock.c`, `include/net/sock.h` (socket options of SOL_SOCKET:
`net/core/sockopt.py`). Control comes from the families' create functions and from every protocol; it goes
on to the wait queues.

A sock that a call owns (`lock_sock`) takes arrivals on its backlog, processed at `release_sock`. As all
calls of a kernel run under one lock and packets are drained only between them, that happens when a call
sends to itself or sleeps half-way.

Not modelled: SIGIO and O_ASYNC delivery, cgroup memory, busy polling.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.kernel import slab, timers, trace, wait
from sockfs.net.core import skbuff
from sockfs.structs.call import MAX_SCHEDULE_TIMEOUT
from sockfs.structs.sk_buff import SkBuffHead
from sockfs.structs.sock import (
    RCV_SHUTDOWN,
    SOCK_DEAD,
    SOCK_RXQ_OVFL,
    SOCK_SELECT_ERR_QUEUE,
    SockCallback,
    SockCommon,
)
from sockfs.uapi.dropreason import (
    SKB_DROP_REASON_PROTO_MEM,
    SKB_DROP_REASON_SOCKET_CLOSE,
    SKB_DROP_REASON_SOCKET_RCVBUFF,
)
from sockfs.uapi.errno import EINTR
from sockfs.uapi.poll import (
    EPOLLERR,
    EPOLLIN,
    EPOLLOUT,
    EPOLLPRI,
    EPOLLRDBAND,
    EPOLLRDNORM,
    EPOLLWRBAND,
    EPOLLWRNORM,
)
from sockfs.uapi.socket import MSG_CTRUNC

if TYPE_CHECKING:
    from sockfs.structs.dst import Dst
    from sockfs.structs.msghdr import Msghdr
    from sockfs.structs.net import Net
    from sockfs.structs.ops import Proto
    from sockfs.structs.sk_buff import SkBuff
    from sockfs.structs.sock import Sock
    from sockfs.structs.socket import Socket
    from sockfs.structs.timer import TimerList

SK_MEM_SEND: Final = 0
SK_MEM_RECV: Final = 1
PAGE_SHIFT: Final = 12
PAGE_SIZE: Final = 4096

SOCK_MIN_SNDBUF: Final = 4608
SOCK_MIN_RCVBUF: Final = 2304

ERESTARTSYS: Final = 512


# ---- made


def sk_alloc(net: Net, family: i64, prot: Proto) -> Sock:
    """A new sock of prot's own kind, counted in its slab, with one reference."""
    sk = prot.alloc(net)
    k = net.kernel
    sk.sk_family = family
    sk.sk_create_ns = k.now
    cache = k.slabs.get(prot.slab)
    if cache is None:
        cache = slab.kmem_cache_create(k, prot.slab, 1024)
    slab.kmem_cache_alloc(cache)
    return sk


def sock_init_data(sock: Socket | None, sk: Sock) -> None:
    """The fields that every sock has in common, tied to sock when there is one."""
    core = sk.sk_net.core
    sk.sk_rcvbuf = core.sysctl_rmem_default
    sk.sk_sndbuf = core.sysctl_wmem_default
    sk.sk_state = 7  # TCP_CLOSE
    sk.sk_cookie = sock_gen_cookie(sk)
    if sock is not None:
        sk.sk_type = sock.type
        sock.sk = sk
        sk.sk_socket = sock
        sk.sk_wq = sock.wq


def sock_gen_cookie(sk: SockCommon) -> i64:
    """The number by which sock_diag and SO_COOKIE know a sock, never used twice (`__sock_gen_cookie`)."""
    if sk.sk_cookie == 0:
        k = sk.sk_net.kernel
        sk.sk_cookie = k.next_cookie
        k.next_cookie += 1
    return sk.sk_cookie


def sock_graft(sk: Sock, parent: Socket) -> None:
    """Tie an accepted sock to its new Socket."""
    sk.sk_wq = parent.wq
    parent.sk = sk
    sk.sk_socket = parent


def sock_orphan(sk: Sock) -> None:
    """The sock lives on without a Socket: nobody will be woken."""
    sk.sk_flags |= SOCK_DEAD
    sk.sk_socket = None
    sk.sk_wq = None


# ---- freed


def sock_hold(sk: SockCommon) -> None:
    """One reference more."""
    sk.sk_refcnt += 1


def sock_put(sk: Sock) -> None:
    """One reference less; the last one frees the sock."""
    sk.sk_refcnt -= 1
    if sk.sk_refcnt == 0:
        sk_destruct(sk)


def sk_free(sk: Sock) -> None:
    """`sk_free`: as sock_put (what is still in flight holds no references here)."""
    sock_put(sk)


def sk_destruct(sk: Sock) -> None:
    """The last reference went: queues, memory and the slab object go back."""
    k = sk.kernel
    prot = sk.sk_prot
    prot.destruct(sk)
    skbuff.skb_queue_purge(k, sk.sk_receive_queue, SKB_DROP_REASON_SOCKET_CLOSE)
    skbuff.skb_queue_purge(k, sk.sk_write_queue, SKB_DROP_REASON_SOCKET_CLOSE)
    if sk.sk_error_queue is not None:
        skbuff.skb_queue_purge(k, sk.sk_error_queue, SKB_DROP_REASON_SOCKET_CLOSE)
    if sk.sk_backlog is not None:
        skbuff.skb_queue_purge(k, sk.sk_backlog, SKB_DROP_REASON_SOCKET_CLOSE)
    sk_mem_reclaim_final(sk)
    sk_dst_reset(sk)
    slab.kmem_cache_free(k.slabs[prot.slab])


# ---- owned by a call


def lock_sock(sk: Sock) -> None:
    """A call begins to work on sk."""
    sk.sk_owned = True


def release_sock(sk: Sock) -> None:
    """The call lets go: arrivals of the meantime are processed now."""
    backlog = sk.sk_backlog
    if backlog is not None and backlog.qlen != 0:
        __release_sock(sk, backlog)
    sk.sk_prot.release_cb(sk)
    sk.sk_owned = False


def __release_sock(sk: Sock, backlog: SkBuffHead) -> None:
    skb = skbuff.skb_dequeue(backlog)
    while skb is not None:
        sk.sk_backlog_len -= skb.truesize
        sk.backlog_rcv(skb)
        skb = skbuff.skb_dequeue(backlog)
    sk.sk_backlog_len = 0


def sk_add_backlog(sk: Sock, skb: SkBuff, limit: i64) -> bool:
    """Put skb aside until the call lets go. True: no room, the packet is the caller's to drop."""
    if sk.sk_backlog_len + sk.sk_rmem_alloc > limit:
        return True
    backlog = sk.sk_backlog
    if backlog is None:
        backlog = SkBuffHead()
        sk.sk_backlog = backlog
    skbuff.skb_queue_tail(backlog, skb)
    sk.sk_backlog_len += skb.truesize
    return False


# ---- flags, errors, time-outs


def sock_set_flag(sk: Sock, flag: i64) -> None:
    sk.sk_flags |= flag


def sock_reset_flag(sk: Sock, flag: i64) -> None:
    sk.sk_flags &= ~flag


def sock_valbool_flag(sk: Sock, flag: i64, on: bool) -> None:
    if on:
        sk.sk_flags |= flag
    else:
        sk.sk_flags &= ~flag


def sock_error(sk: Sock) -> i64:
    """The pending error as -errno, once; 0 when there is none."""
    err = sk.sk_err
    if err == 0:
        return 0
    sk.sk_err = 0
    return -err


def sock_rcvtimeo(sk: Sock, noblock: bool) -> i64:
    """How long a receive may wait, in ns."""
    return 0 if noblock else sk.sk_rcvtimeo


def sock_sndtimeo(sk: Sock, noblock: bool) -> i64:
    """How long a send may wait, in ns."""
    return 0 if noblock else sk.sk_sndtimeo


def sock_rcvlowat(sk: Sock, waitall: bool, length: i64) -> i64:
    """How many bytes a stream receive waits for: all, or SO_RCVLOWAT, but at least one."""
    v = length if waitall else (sk.sk_rcvlowat if sk.sk_rcvlowat < length else length)
    return v if v > 0 else 1


def sock_intr_errno(timeo: i64) -> i64:
    """What a call says that a signal cut short: to be restarted, unless it had a time-out (signal(7))."""
    return -ERESTARTSYS if timeo == MAX_SCHEDULE_TIMEOUT else -EINTR


# ---- memory


def sk_mem_pages(amt: i64) -> i64:
    return (amt + PAGE_SIZE - 1) >> PAGE_SHIFT


def sk_wmem_schedule(sk: Sock, size: i64) -> bool:
    """Room for size bytes more to send, against the protocol's memory limits."""
    if size <= sk.sk_forward_alloc:
        return True
    return __sk_mem_schedule(sk, size - sk.sk_forward_alloc, SK_MEM_SEND)


def sk_rmem_schedule(sk: Sock, size: i64) -> bool:
    """Room for size bytes more received."""
    if size <= sk.sk_forward_alloc:
        return True
    return __sk_mem_schedule(sk, size - sk.sk_forward_alloc, SK_MEM_RECV)


def __sk_mem_schedule(sk: Sock, size: i64, kind: i64) -> bool:
    prot = sk.sk_prot
    amt = sk_mem_pages(size)
    sk.sk_forward_alloc += amt << PAGE_SHIFT
    allocated = prot.memory_allocated_add(sk, amt)
    limits = prot.mem_limits(sk)
    if limits is None or allocated <= limits[0]:
        return True
    if allocated > limits[1]:
        prot.enter_memory_pressure(sk)
    if allocated <= limits[2]:
        return True
    # Linux: a sock below its guaranteed minimum gets its page even past the hard limit
    if kind == SK_MEM_RECV:
        if sk.sk_rmem_alloc < PAGE_SIZE:
            return True
    elif sk.sk_wmem_queued < PAGE_SIZE:
        return True
    sk.sk_forward_alloc -= amt << PAGE_SHIFT
    prot.memory_allocated_add(sk, -amt)
    return False


def sk_forced_mem_schedule(sk: Sock, size: i64) -> None:
    """Memory that must be had, whatever the limits say: a SYN, a FIN, a cut, a report."""
    if size > sk.sk_forward_alloc:
        pages = sk_mem_pages(size - sk.sk_forward_alloc)
        sk.sk_forward_alloc += pages << PAGE_SHIFT
        sk.sk_prot.memory_allocated_add(sk, pages)


def sk_mem_charge(sk: Sock, size: i64) -> None:
    sk.sk_forward_alloc -= size


def sk_mem_uncharge(sk: Sock, size: i64) -> None:
    sk.sk_forward_alloc += size
    if sk.sk_forward_alloc >= 0x10000:
        sk_mem_reclaim(sk)


def sk_mem_reclaim(sk: Sock) -> None:
    """Give whole unused pages back to the protocol."""
    pages = sk.sk_forward_alloc >> PAGE_SHIFT
    if pages > 0:
        sk.sk_forward_alloc -= pages << PAGE_SHIFT
        sk.sk_prot.memory_allocated_add(sk, -pages)


def sk_mem_reclaim_final(sk: Sock) -> None:
    sk_mem_reclaim(sk)


def sock_writeable(sk: Sock) -> bool:
    """Datagram senders may send while less than half the send buffer is in flight."""
    return sk.sk_wmem_alloc < (sk.sk_sndbuf >> 1)


def sock_alloc_send_room(sk: Sock, msg: Msghdr, noblock: bool) -> i64:
    """Whether a datagram may be charged now (`sock_alloc_send_pskb`): 0, -errno, or -ESLEEP."""
    err = sock_error(sk)
    if err != 0:
        return err
    if (sk.sk_shutdown & 2) != 0:
        return -32  # EPIPE
    if sk.sk_wmem_alloc < sk.sk_sndbuf:
        return 0
    sock = sk.sk_socket
    if sock is not None:
        sock.flags |= SOCK_NOSPACE
    timeo = wait.timeo_left(msg, sock_sndtimeo(sk, noblock))
    if timeo == 0:
        return -11  # EAGAIN
    if msg.signalled:
        return sock_intr_errno(sk.sk_sndtimeo)
    wq = sk.sk_wq
    if wq is None:
        return -32
    # sleeps: sock_wait_for_wmem
    return wait.sleep_on(msg, wq, EPOLLOUT | EPOLLERR, sk.sk_sndtimeo)


SOCK_NOSPACE: Final = 1 << 2
"""Bit of Socket.flags: a sender waits for room, so freeing some must wake it (`SOCK_NOSPACE`)."""


# ---- arrivals for datagram-like protocols


def sock_queue_rcv_skb_reason(sk: Sock, skb: SkBuff) -> i64:
    """Put an arrived packet on the receive queue and wake readers. 0, or why not (the packet is the
    caller's).
    """
    if sk.sk_rmem_alloc >= sk.sk_rcvbuf:
        sk.sk_drops += 1
        return SKB_DROP_REASON_SOCKET_RCVBUFF
    if not sk_rmem_schedule(sk, skb.truesize):
        sk.sk_drops += 1
        return SKB_DROP_REASON_PROTO_MEM
    skb.dev = None
    skb.dst = None
    skbuff.skb_set_owner_r(skb, sk)
    if (sk.sk_flags & SOCK_RXQ_OVFL) != 0:
        skb.ack_seq = sk.sk_drops
    skbuff.skb_queue_tail(sk.sk_receive_queue, skb)
    if (sk.sk_flags & SOCK_DEAD) == 0:
        sk.sk_data_ready.run(sk)
    return 0


def sock_queue_err_skb(sk: Sock, skb: SkBuff) -> i64:
    """Put an error report on the error queue (`MSG_ERRQUEUE`). 0 or -ENOMEM."""
    if sk.sk_rmem_alloc + skb.truesize >= sk.sk_rcvbuf:
        return -12
    errq = sk.sk_error_queue
    if errq is None:
        errq = SkBuffHead()
        sk.sk_error_queue = errq
    sk_forced_mem_schedule(sk, skb.truesize)  # Linux: a report is not held against the protocol's memory
    skbuff.skb_set_owner_r(skb, sk)
    skbuff.skb_queue_tail(errq, skb)
    if (sk.sk_flags & SOCK_DEAD) == 0:
        sk.sk_error_report.run(sk)
    return 0


# ---- the four callbacks


def sock_def_wakeup(sk: Sock) -> None:
    """The state changed: wake everybody who waits for anything."""
    wq = sk.sk_wq
    if wq is not None and wq.first is not None:
        wait.wake_up_all(wq, 0)


def sock_def_readable(sk: Sock) -> None:
    """Data came."""
    wq = sk.sk_wq
    if wq is not None and wq.first is not None:
        wait.wake_up(wq, EPOLLIN | EPOLLPRI | EPOLLRDNORM | EPOLLRDBAND)


def sock_def_write_space(sk: Sock) -> None:
    """Buffer space became free (datagram senders)."""
    wq = sk.sk_wq
    if wq is not None and wq.first is not None and sock_writeable(sk):
        sock = sk.sk_socket
        if sock is not None:
            sock.flags &= ~SOCK_NOSPACE
        wait.wake_up(wq, EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND)


def sock_def_error_report(sk: Sock) -> None:
    """An error is pending."""
    wq = sk.sk_wq
    if wq is not None and wq.first is not None:
        wait.wake_up(wq, EPOLLERR)


class _Wakeup(SockCallback):
    def run(self, sk: Sock) -> None:
        sock_def_wakeup(sk)


class _Readable(SockCallback):
    def run(self, sk: Sock) -> None:
        if sk.kernel.trace_on:
            trace.emit(
                sk.kernel, "sk_data_ready", {"family": int(sk.sk_family), "protocol": int(sk.sk_protocol)}
            )
        sock_def_readable(sk)


class _WriteSpace(SockCallback):
    def run(self, sk: Sock) -> None:
        sock_def_write_space(sk)


class _ErrorReport(SockCallback):
    def run(self, sk: Sock) -> None:
        sock_def_error_report(sk)


SOCK_DEF_CALLBACKS: Final[tuple[SockCallback, SockCallback, SockCallback, SockCallback]] = (
    _Wakeup("sock_def_wakeup"),
    _Readable("sock_def_readable"),
    _WriteSpace("sock_def_write_space"),
    _ErrorReport("sock_def_error_report"),
)


def sk_wake_async(sk: Sock, how: i64, band: i64) -> None:
    """SIGIO for O_ASYNC. Not modelled: tasks take no signals from the kernel."""


def datagram_error_mask(sk: Sock) -> i64:
    """The part of every poll mask that tells of errors and shutdowns."""
    mask: i64 = 0
    errq = sk.sk_error_queue
    if sk.sk_err != 0 or (errq is not None and errq.qlen != 0):
        mask = EPOLLERR | (EPOLLPRI if (sk.sk_flags & SOCK_SELECT_ERR_QUEUE) != 0 else 0)
    if (sk.sk_shutdown & RCV_SHUTDOWN) != 0:
        mask |= 0x2000 | EPOLLIN | EPOLLRDNORM
    if sk.sk_shutdown == 3:
        mask |= 0x10
    return mask


# ---- routes, timers


def sk_dst_get(sk: Sock) -> Dst | None:
    """The cached route."""
    return sk.sk_dst_cache


def sk_dst_check(sk: Sock) -> Dst | None:
    """The cached route if it is still good."""
    dst = sk.sk_dst_cache
    if dst is None:
        return None
    if dst.obsolete or dst.genid != sk.sk_net.fib_genid:
        sk.sk_dst_cache = None
        return None
    return dst


def sk_dst_set(sk: Sock, dst: Dst | None) -> None:
    sk.sk_dst_cache = dst


def sk_dst_reset(sk: Sock) -> None:
    sk.sk_dst_cache = None


def sk_reset_timer(sk: SockCommon, timer: TimerList, expires: i64) -> None:
    """(Re)start a timer of sk, which holds a reference while it is pending."""
    if not timers.mod_timer(sk.sk_net.kernel, timer, expires):
        sk.sk_refcnt += 1


def sk_stop_timer(sk: Sock, timer: TimerList | None) -> None:
    """Stop a timer of sk and give its reference back."""
    if timer is not None and timers.del_timer(timer):
        sk.sk_refcnt -= 1
        assert sk.sk_refcnt > 0


# ---- ancillary data


def put_cmsg(msg: Msghdr, level: i64, type: i64, data: bytes) -> None:
    """Append one control message (cmsg(3)) to the answer; MSG_CTRUNC when it does not fit, cut off as Linux
    cuts.
    """
    length = 16 + len(data)
    have = msg.msg_control
    used = len(have) if have is not None else 0
    room = msg.msg_controllen - used
    if room < 16:
        msg.msg_flags |= MSG_CTRUNC
        return
    if room < length:
        msg.msg_flags |= MSG_CTRUNC
        length = room
        data = data[: room - 16]
    block = (
        int(length).to_bytes(8, "little")
        + int(level).to_bytes(4, "little")
        + int(type).to_bytes(4, "little", signed=True)
    )
    block += data
    space = (length + 7) & ~7
    if space > room:
        space = room
    block += bytes(space - len(block))
    msg.msg_control = block if have is None else have + block
