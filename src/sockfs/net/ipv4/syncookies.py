"""SYN cookies: a handshake without memory, when the queue of a listener is full.

Kernel counterpart: `net/ipv4/syncookies.c`; D. J. Bernstein's scheme, RFC 4987 section 3.6. The initial
sequence number says it all: a keyed hash of the addresses, the minute, and in its low 24 bits, hidden under a
second hash, which MSS of a table the client has. The other options lie in the low bits of the timestamp of
the SYN-ACK, which the client echoes.

Control comes from `tcp_conn_request` (`cookie_init_sequence`) and from `tcp_v4_cookie_check`
(`cookie_v4_check`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.net.core import request_sock, secure_seq, skbuff, sock
from sockfs.net.ipv4 import inet_connection_sock, tcp_input, tcp_ipv4, tcp_minisocks
from sockfs.structs.tcp_sock import TcpSock
from sockfs.uapi.dropreason import SKB_DROP_REASON_NO_SOCKET, SKB_DROP_REASON_NOT_SPECIFIED
from sockfs.uapi.tcp import TCPHDR_ACK, TCPHDR_RST
from sockfs.util import siphash

if TYPE_CHECKING:
    from sockfs.structs.kernel import Kernel
    from sockfs.structs.net import Net
    from sockfs.structs.request_sock import RequestSock
    from sockfs.structs.sk_buff import SkBuff

U32: Final = 0xFFFFFFFF
COOKIEBITS: Final = 24
COOKIEMASK: Final = (1 << COOKIEBITS) - 1
MAX_SYNCOOKIE_AGE: Final = 2
SYNCOOKIE_PERIOD: Final = 60_000_000_000
TCP_SYNCOOKIE_VALID: Final = MAX_SYNCOOKIE_AGE * SYNCOOKIE_PERIOD
TSBITS: Final = 6
TSMASK: Final = (1 << TSBITS) - 1
TS_OPT_WSCALE_MASK: Final = 0xF
TS_OPT_SACK: Final = 1 << 4
TS_OPT_ECN: Final = 1 << 5

# The MSS that a cookie can tell: those that are common (the kernel's table for IPv4).
MSSTAB: Final[list[int]] = [536, 1300, 1440, 1460]


# ---- the cookie goes out


def cookie_v4_init_sequence(skb: SkBuff, req: RequestSock) -> i64:
    """The cookie that answers the SYN in skb; `req.mss` is rounded down to what it can say."""
    iph = skb.iph
    th = skb.th
    assert iph is not None
    assert th is not None
    mssind: i64 = len(MSSTAB) - 1
    while mssind > 0 and req.mss < MSSTAB[mssind]:
        mssind -= 1
    req.mss = MSSTAB[mssind]
    return secure_tcp_syn_cookie(
        tcp_ipv4.tcp_skb_net(skb).kernel, iph.saddr, iph.daddr, th.source, th.dest, th.seq, mssind
    )


def cookie_hash(k: Kernel, saddr: i64, daddr: i64, sport: i64, dport: i64, count: i64, c: i64) -> i64:
    key = siphash.HsiphashKey(k.cookie_key0 ^ c, k.cookie_key1)
    return siphash.hsiphash_4u32(saddr, daddr, (sport << 16) | dport, count, key)


def secure_tcp_syn_cookie(
    k: Kernel, saddr: i64, daddr: i64, sport: i64, dport: i64, sseq: i64, data: i64
) -> i64:
    count = tcp_cookie_time(k)
    return (
        cookie_hash(k, saddr, daddr, sport, dport, 0, 0)
        + sseq
        + (count << COOKIEBITS)
        + ((cookie_hash(k, saddr, daddr, sport, dport, count, 1) + data) & COOKIEMASK)
    ) & U32


def check_tcp_syn_cookie(
    k: Kernel, cookie: i64, saddr: i64, daddr: i64, sport: i64, dport: i64, sseq: i64
) -> i64:
    """The data in the cookie; -1: too old, or never ours."""
    count = tcp_cookie_time(k)
    cookie = (cookie - (cookie_hash(k, saddr, daddr, sport, dport, 0, 0) + sseq)) & U32
    diff: i64 = (count - (cookie >> COOKIEBITS)) & (U32 >> COOKIEBITS)
    if diff >= MAX_SYNCOOKIE_AGE:
        return -1
    return (cookie - cookie_hash(k, saddr, daddr, sport, dport, count - diff, 1)) & COOKIEMASK


def tcp_cookie_time(k: Kernel) -> i64:
    """Minutes."""
    return k.now // SYNCOOKIE_PERIOD


def cookie_init_timestamp(net: Net, req: RequestSock, now: i64) -> i64:
    """A timestamp (ms) not later than now (ns) whose low six bits are the client's options."""
    ts_now: i64 = now // 1_000_000
    options: i64 = req.snd_wscale if req.wscale_ok else TS_OPT_WSCALE_MASK
    if req.sack_ok:
        options |= TS_OPT_SACK
    if req.ecn_ok:
        options |= TS_OPT_ECN
    ts: i64 = (ts_now & ~TSMASK) | options
    if ts > ts_now:
        ts -= 1 << TSBITS
    return ts


# ---- the cookie comes back


def cookie_v4_check(sk: TcpSock, skb: SkBuff) -> TcpSock | None:
    """An ACK for listener sk. The child when it echoes a cookie; sk itself when not; None: the segment was
    freed."""
    th = skb.th
    iph = skb.iph
    assert th is not None
    assert iph is not None
    net = sk.sk_net
    if net.ipv4.sysctl_tcp_syncookies == 0 or (th.flags & TCPHDR_ACK) == 0 or (th.flags & TCPHDR_RST) != 0:
        return sk
    k = sk.kernel
    if not tcp_synq_overflowed_recently(sk):
        # No cookie was sent lately: the ACK is just wrong.
        return sk
    cookie: i64 = (skb.ack_seq - 1) & U32
    mssind = check_tcp_syn_cookie(k, cookie, iph.saddr, iph.daddr, th.source, th.dest, (skb.seq - 1) & U32)
    if mssind < 0 or mssind >= len(MSSTAB):
        net.mib_linux.SyncookiesFailed += 1
        return sk
    net.mib_linux.SyncookiesRecv += 1
    snd_wscale: i64 = 0
    wscale_ok = False
    sack_ok = False
    ts_off: i64 = 0
    if th.saw_tstamp and th.tsecr != 0:
        ts_off = secure_seq.secure_tcp_ts_off(net, iph.daddr, iph.saddr)
        options: i64 = (th.tsecr - ts_off) & TSMASK
        sack_ok = (options & TS_OPT_SACK) != 0
        if (options & TS_OPT_WSCALE_MASK) != TS_OPT_WSCALE_MASK:
            wscale_ok = True
            snd_wscale = options & TS_OPT_WSCALE_MASK
            if snd_wscale > 14 or net.ipv4.sysctl_tcp_window_scaling == 0:
                skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_NOT_SPECIFIED)
                return None
        if net.ipv4.sysctl_tcp_timestamps == 0 or (sack_ok and net.ipv4.sysctl_tcp_sack == 0):
            skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_NOT_SPECIFIED)
            return None
    req = inet_connection_sock.inet_reqsk_alloc(tcp_ipv4.tcp_request_sock_ops, sk)
    dst = tcp_ipv4.tcp_request_sock_ops.route_req(sk, skb, req)
    if dst is None:
        request_sock.reqsk_free(req)
        skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_NO_SOCKET)
        return None
    req.syncookie = True
    req.mss = MSSTAB[mssind]
    req.rcv_isn = (skb.seq - 1) & U32
    req.rcv_nxt = skb.seq
    req.snt_isn = cookie
    req.snt_synack = 0
    req.ts_off = ts_off
    req.ts_recent = th.tsval if th.saw_tstamp else 0
    req.tstamp_ok = th.saw_tstamp
    req.sack_ok = sack_ok
    req.wscale_ok = wscale_ok
    req.snd_wscale = snd_wscale
    req.syn_tos = iph.tos
    tcp_minisocks.tcp_openreq_init_rwin(req, sk, dst)
    child = tcp_ipv4.tcp_v4_syn_recv_sock(sk, skb, req)
    if child is None:
        request_sock.reqsk_free(req)
        skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_NOT_SPECIFIED)
        return None
    child.tsoffset = ts_off
    tcp_input.tcp_synack_rtt_meas(child, req)
    # the request's one reference is the accept queue's now
    if inet_connection_sock.inet_csk_reqsk_queue_add(sk, req, child) is None:
        sock.sock_put(child)
        request_sock.reqsk_put(req)
        skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_NOT_SPECIFIED)
        return None
    return child


def tcp_synq_overflow(sk: TcpSock) -> None:
    """A cookie goes out: ACKs will be looked at for two minutes."""
    sk.ts_recent_stamp = sk.kernel.now // 1_000_000_000 + 1


def tcp_synq_overflowed_recently(sk: TcpSock) -> bool:
    """`tcp_synq_no_recent_overflow`, the other way round. A listener's ts_recent_stamp is the second of its
    last cookie, plus one."""
    last: i64 = sk.ts_recent_stamp
    if last == 0:
        return False
    return sk.kernel.now // 1_000_000_000 <= last + TCP_SYNCOOKIE_VALID // 1_000_000_000
