"""Reports on what was sent, through the error queue: completions of MSG_ZEROCOPY, and transmit time stamps.

Kernel counterpart: `msg_zerocopy_*` and `__skb_tstamp_tx` of `net/core/skbuff.c`; documents: the kernel's
`networking/msg_zerocopy` and `networking/timestamping`. Control enters from sendmsg
(`msg_zerocopy_realloc`), from the queues of TCP when a packet is done with (`net_zcopy_put`), from the
device (`skb_tstamp_tx`) and from an acknowledgement. `recvmsg` with MSG_ERRQUEUE takes the reports out
(`ip_sockglue.ip_recv_error`).

A completion always says that the data was copied, as Linux's does on loopback and TUN: nothing here hands
a program's memory to hardware.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.net.core import skbuff, sock
from sockfs.structs.sk_buff import SkBuff, SkBuffHead, UbufInfo
from sockfs.structs.sock import SOCK_DEAD, Sock
from sockfs.uapi.errno import ENOMSG
from sockfs.uapi.errqueue import (
    SCM_TSTAMP_ACK,
    SO_EE_CODE_ZEROCOPY_COPIED,
    SO_EE_ORIGIN_TIMESTAMPING,
    SO_EE_ORIGIN_ZEROCOPY,
    SOF_TIMESTAMPING_OPT_ID,
    SOF_TIMESTAMPING_OPT_TSONLY,
    SOF_TIMESTAMPING_TX_ACK,
    SOF_TIMESTAMPING_TX_SCHED,
    SOF_TIMESTAMPING_TX_SOFTWARE,
)

if TYPE_CHECKING:
    from sockfs.structs.sock import SockCommon

U32: Final = 0xFFFFFFFF
MAX_SKB_FRAGS: Final = 17
SKBTX_SW_TSTAMP: Final = 1 << 1  # SkBuff.tx_flags
TXSTAMP_ACK: Final = 1 << 2
SKBTX_SCHED_TSTAMP: Final = 1 << 6


# ---- MSG_ZEROCOPY


def msg_zerocopy_realloc(sk: Sock, tail: SkBuff | None) -> UbufInfo:
    """The completion of a send that begins: a new one, or that of the unsent packet in front, which then
    stands for both. The caller has a reference.
    """
    key: i64 = sk.sk_zckey
    sk.sk_zckey = (key + 1) & U32
    uarg = None if tail is None else tail.uarg
    if uarg is not None and uarg.sk is sk and ((uarg.id + uarg.len) & U32) == key:
        uarg.len += 1
        uarg.refcnt += 1
        return uarg
    return UbufInfo(sk, key)


def skb_zcopy_set(skb: SkBuff, uarg: UbufInfo) -> None:
    """skb holds data of the send."""
    if skb.uarg is None:
        skb.uarg = uarg
        uarg.refcnt += 1


def net_zcopy_put(uarg: UbufInfo) -> None:
    """One holder less; the last one reports."""
    uarg.refcnt -= 1
    if uarg.refcnt == 0:
        msg_zerocopy_complete(uarg)


def net_zcopy_put_abort(uarg: UbufInfo) -> None:
    """The send came to nothing: its number is free again."""
    uarg.sk.sk_zckey = (uarg.sk.sk_zckey - 1) & U32
    uarg.len -= 1
    net_zcopy_put(uarg)


def msg_zerocopy_complete(uarg: UbufInfo) -> None:
    """Queue the range of sends that are done, or let the last report in the queue grow by it."""
    sk = uarg.sk
    if uarg.len == 0 or sk.sk_flags & SOCK_DEAD:
        return
    lo = uarg.id
    hi: i64 = (lo + uarg.len - 1) & U32
    errq = sk.sk_error_queue
    if errq is None:
        errq = SkBuffHead()
        sk.sk_error_queue = errq
    tail = errq.last
    if (
        tail is not None
        and tail.ee_origin == SO_EE_ORIGIN_ZEROCOPY
        and tail.ee_code == SO_EE_CODE_ZEROCOPY_COPIED
        and ((tail.ee_data + 1) & U32) == lo
    ):
        tail.ee_data = hi
    else:
        skb = skbuff.alloc_skb(sk.kernel)
        skb.ee_origin = SO_EE_ORIGIN_ZEROCOPY
        skb.ee_code = SO_EE_CODE_ZEROCOPY_COPIED
        skb.ee_info = lo
        skb.ee_data = hi
        skbuff.skb_queue_tail(errq, skb)
    sk.sk_error_report.run(sk)


# ---- SO_TIMESTAMPING, on the way out


def sock_tx_timestamp(sk: Sock, skb: SkBuff, last: i64) -> None:
    """Ask for the stamps that the socket wants, of the byte that `last` names (a sequence number, for a
    stream)."""
    flags = sk.sk_tsflags
    if flags & SOF_TIMESTAMPING_TX_SCHED:
        skb.tx_flags |= SKBTX_SCHED_TSTAMP
    if flags & SOF_TIMESTAMPING_TX_SOFTWARE:
        skb.tx_flags |= SKBTX_SW_TSTAMP
    if flags & SOF_TIMESTAMPING_TX_ACK:
        skb.tx_flags |= TXSTAMP_ACK
    if skb.tx_flags:
        skb.tskey = last & U32


def skb_tstamp_tx(skb: SkBuff, owner: SockCommon | None, tstype: i64) -> None:
    """Report that skb reached the stage `tstype` (SCM_TSTAMP_*) now."""
    if not isinstance(owner, Sock):
        return
    sk: Sock = owner
    k = sk.kernel
    if sk.sk_tsflags & SOF_TIMESTAMPING_OPT_TSONLY:
        report = skbuff.alloc_skb(k)
    else:
        report = skbuff.skb_clone(k, skb)
    report.tx_flags = 0
    report.tstamp = k.now + k.wall_offset
    report.ee_errno = ENOMSG
    report.ee_origin = SO_EE_ORIGIN_TIMESTAMPING
    report.ee_info = tstype
    if sk.sk_tsflags & SOF_TIMESTAMPING_OPT_ID:
        report.ee_data = (skb.tskey - sk.sk_tskey) & U32
    if sock.sock_queue_err_skb(sk, report) != 0:
        skbuff.consume_skb(k, report)


def skb_tstamp_ack(skb: SkBuff, sk: Sock) -> None:
    """The byte that was asked about is acknowledged."""
    skb.tx_flags &= ~TXSTAMP_ACK
    skb_tstamp_tx(skb, sk, SCM_TSTAMP_ACK)
