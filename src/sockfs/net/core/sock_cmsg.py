"""Control messages of level SOL_SOCKET that any datagram may bring: when it came, how many were lost before
it, its mark.

Kernel counterpart: `sock_recv_cmsgs` of `net/socket.c`, `include/net/sock.h`. Called by every `recvmsg` of
a datagram protocol. socket(7): SO_TIMESTAMP, SO_TIMESTAMPNS, SO_TIMESTAMPING, SO_RXQ_OVFL, SO_RCVMARK,
SO_RCVPRIORITY.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.net.core import sock as core_sock
from sockfs.structs.sock import (
    SOCK_RCVMARK,
    SOCK_RCVPRIORITY,
    SOCK_RCVTSTAMP,
    SOCK_RCVTSTAMPNS,
    SOCK_RXQ_OVFL,
    SOCK_TSTAMP_NEW,
)
from sockfs.uapi.errqueue import SOF_TIMESTAMPING_RX_SOFTWARE, SOF_TIMESTAMPING_SOFTWARE
from sockfs.uapi.socket import (
    SO_MARK,
    SO_PRIORITY,
    SO_RXQ_OVFL,
    SO_TIMESTAMP,
    SO_TIMESTAMP_NEW,
    SO_TIMESTAMPING,
    SO_TIMESTAMPING_NEW,
    SO_TIMESTAMPNS,
    SO_TIMESTAMPNS_NEW,
    SOL_SOCKET,
)

if TYPE_CHECKING:
    from sockfs.structs.msghdr import Msghdr
    from sockfs.structs.sk_buff import SkBuff
    from sockfs.structs.sock import Sock

NSEC_PER_SEC: Final = 1_000_000_000
NSEC_PER_USEC: Final = 1_000
ANY: Final = SOCK_RCVTSTAMP | SOCK_RXQ_OVFL | SOCK_RCVMARK | SOCK_RCVPRIORITY


def sock_recv_cmsgs(msg: Msghdr, sk: Sock, skb: SkBuff) -> None:
    """What sk asked to be told of skb, in the kernel's order."""
    flags = sk.sk_flags
    sk.sk_stamp = skb.tstamp
    if not flags & ANY and sk.sk_tsflags == 0:
        return
    if flags & SOCK_RCVTSTAMP or sk.sk_tsflags:
        sock_recv_timestamp(msg, sk, skb)
    if flags & SOCK_RXQ_OVFL and skb.ack_seq != 0:
        core_sock.put_cmsg(msg, SOL_SOCKET, SO_RXQ_OVFL, _le(skb.ack_seq, 4))
    if flags & SOCK_RCVMARK:
        core_sock.put_cmsg(msg, SOL_SOCKET, SO_MARK, _le(skb.mark, 4))
    if flags & SOCK_RCVPRIORITY:
        core_sock.put_cmsg(msg, SOL_SOCKET, SO_PRIORITY, _le(skb.priority, 4))


def sock_recv_timestamp(msg: Msghdr, sk: Sock, skb: SkBuff) -> None:
    """`__sock_recv_timestamp`: the instant of arrival as timeval or timespec; the three stamps of
    SO_TIMESTAMPING.
    """
    stamp = skb.tstamp
    new = (sk.sk_flags & SOCK_TSTAMP_NEW) != 0
    sec = _le(stamp // NSEC_PER_SEC, 8)
    if sk.sk_flags & SOCK_RCVTSTAMP:
        if sk.sk_flags & SOCK_RCVTSTAMPNS:
            ns = _le(stamp % NSEC_PER_SEC, 8)
            core_sock.put_cmsg(msg, SOL_SOCKET, SO_TIMESTAMPNS_NEW if new else SO_TIMESTAMPNS, sec + ns)
        else:
            us = _le(stamp % NSEC_PER_SEC // NSEC_PER_USEC, 8)
            core_sock.put_cmsg(msg, SOL_SOCKET, SO_TIMESTAMP_NEW if new else SO_TIMESTAMP, sec + us)
    want = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE
    if sk.sk_tsflags & want == want:
        ns = _le(stamp % NSEC_PER_SEC, 8)
        core_sock.put_cmsg(
            msg, SOL_SOCKET, SO_TIMESTAMPING_NEW if new else SO_TIMESTAMPING, sec + ns + bytes(32)
        )


def put_tx_timestamp(msg: Msghdr, sk: Sock, skb: SkBuff) -> None:
    """The stamp of a report on what was sent."""
    new = (sk.sk_flags & SOCK_TSTAMP_NEW) != 0
    sec = _le(skb.tstamp // NSEC_PER_SEC, 8)
    ns = _le(skb.tstamp % NSEC_PER_SEC, 8)
    core_sock.put_cmsg(msg, SOL_SOCKET, SO_TIMESTAMPING_NEW if new else SO_TIMESTAMPING, sec + ns + bytes(32))


def _le(v: i64, n: int) -> bytes:
    x: int = v & 0x7FFFFFFFFFFFFFFF if n == 8 else v & 0xFFFFFFFF
    return x.to_bytes(n, "little")
