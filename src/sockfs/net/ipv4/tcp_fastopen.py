"""TCP Fast Open (RFC 7413): data in the SYN, trusted by a cookie.

Kernel counterpart: `net/ipv4/tcp_fastopen.c`, `tcp_send_syn_data` of `tcp_output.c` and
`tcp_rcv_fastopen_synack` of `tcp_input.c`. The client comes from sendmsg with MSG_FASTOPEN, or from the
first send after a connect that TCP_FASTOPEN_CONNECT put off (`tcp_sendmsg_fastopen`), goes through
`tcp_connect` to `tcp_send_syn_data`, and hears the outcome in `tcp_rcv_fastopen_synack`. What it learns of
a server (cookie, MSS) stands in `tcp_metrics`. The server comes from `tcp_conn_request`
(`tcp_try_fastopen`): a right cookie makes the child at once, in SYN-RECEIVED, with the request hanging on
it (`fastopen_rsk`) until the handshake ends or fails (`reqsk_fastopen_remove`).

The cookie is Linux's: SipHash of both addresses under the key of the listener, else the namespace's.

Leaves out: the detection of middleboxes that swallow SYN data (`tcp_fastopen_blackhole_timeout_sec`, off
by default).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.net.core import errqueue, request_sock, skbuff
from sockfs.net.core import sock as core_sock
from sockfs.net.ipv4 import (
    af_inet,
    tcp,
    tcp_connect,
    tcp_h,
    tcp_input,
    tcp_loss,
    tcp_metrics,
    tcp_output,
    tcp_timer,
)
from sockfs.structs.call import ESLEEP
from sockfs.structs.tcp_sock import TcpFastopenRequest, TcpSock
from sockfs.uapi.errno import EALREADY, EOPNOTSUPP
from sockfs.uapi.socket import MSG_DONTWAIT
from sockfs.uapi.tcp import (
    ICSK_TIME_RETRANS,
    TCP_CHRONO_BUSY,
    TCP_CLOSE,
    TCP_LISTEN,
    TCP_SYN_RECV,
    TCPHDR_ACK,
    TCPHDR_FIN,
    TCPHDR_PSH,
    TCPHDR_SYN,
    TCP_CA_Loss,
)
from sockfs.util import siphash

if TYPE_CHECKING:
    from sockfs.structs.dst import Dst
    from sockfs.structs.msghdr import Msghdr
    from sockfs.structs.net import Net
    from sockfs.structs.request_sock import RequestSock
    from sockfs.structs.sk_buff import SkBuff

U32: Final = 0xFFFFFFFF
TFO_CLIENT_ENABLE: Final = 1  # net.ipv4.tcp_fastopen
TFO_SERVER_ENABLE: Final = 2
TFO_CLIENT_NO_COOKIE: Final = 4
TFO_SERVER_COOKIE_NOT_REQD: Final = 0x200
TFO_COOKIE_UNAVAILABLE: Final = 1  # tcpi_fastopen_client_fail
TFO_DATA_NOT_ACKED: Final = 2
TFO_SYN_RETRANSMITTED: Final = 3
MAX_TCP_OPTION_SPACE: Final = 40
O_NONBLOCK: Final = 0o4000
FASTOPEN_DONE: Final = 2  # Msghdr.phase: the SYN is out, and answered
RST_HOLD: Final = 60_000_000_000


# ---- client: sendmsg and connect


def tcp_sendmsg_fastopen(sk: TcpSock, msg: Msghdr, size: i64) -> i64:
    """The SYN with as much of msg as it takes; waits for the handshake. 0, -errno (-EINPROGRESS: the SYN is
    out), or -ESLEEP. What went into the SYN is in `msg.done`.
    """
    net = sk.sk_net
    uaddr = msg.msg_name
    req = sk.fastopen_req
    if msg.phase == 0:
        unspec: bool = uaddr is not None and len(uaddr) >= 2 and uaddr[0] == 0 and uaddr[1] == 0
        if net.ipv4.sysctl_tcp_fastopen & TFO_CLIENT_ENABLE == 0 or unspec:
            return -EOPNOTSUPP
        if req is not None:
            return -EALREADY
        req = TcpFastopenRequest()
        req.msg = msg
        req.size = size
        sk.fastopen_req = req
        if sk.defer_connect:
            err = tcp_connect.tcp_connect(sk)
            if err != 0:
                tcp.tcp_set_state(sk, TCP_CLOSE)
                sk.sk_dport = 0
                sk.sk_route_caps = 0
    sck = sk.sk_socket
    assert sck is not None
    flags: i64 = O_NONBLOCK if msg.msg_flags & MSG_DONTWAIT else 0
    r = af_inet.__inet_stream_connect(sck, b"" if uaddr is None else uaddr, flags, msg, True)
    if r == -ESLEEP:
        return r
    req = sk.fastopen_req
    if req is not None:
        # it is gone when the connection failed meanwhile
        msg.done = req.copied
        tcp_free_fastopen_req(sk)
        sk.defer_connect = False
    return r


def tcp_free_fastopen_req(sk: TcpSock) -> None:
    sk.fastopen_req = None


def tcp_fastopen_defer_connect(sk: TcpSock) -> bool:
    """TCP_FASTOPEN_CONNECT: with a cookie at hand, connect(2) succeeds at once, the SYN waits for data."""
    if not sk.fastopen_connect or sk.fastopen_req is not None:
        return False
    req = TcpFastopenRequest()
    req.cookie = b""
    if tcp_fastopen_cookie_check(sk, req):
        sk.defer_connect = True
        return True
    # The SYN asks for a cookie.
    sk.fastopen_req = req
    return False


def tcp_fastopen_cookie_check(sk: TcpSock, req: TcpFastopenRequest) -> bool:
    """May data go with the SYN? `req.cookie` becomes the cookie, b"" to ask for one, None for no option at
    all; the MSS the server named last time becomes the clamp.
    """
    tm = tcp_metrics.tcp_get_metrics(sk, False)
    req.cookie = b""
    if tm is not None:
        if tm.fastopen_mss:
            sk.rx_opt_mss_clamp = tm.fastopen_mss
        req.cookie = tm.fastopen_cookie
        req.exp = tm.fastopen_exp
        if not tm.fastopen_cookie and tm.fastopen_try_exp == 1:
            req.exp = True
    if tcp_fastopen_no_cookie(sk, sk.sk_dst_cache, TFO_CLIENT_NO_COOKIE):
        req.cookie = None
        return True
    if req.cookie:
        return True
    sk.fastopen_client_fail = TFO_COOKIE_UNAVAILABLE
    return False


def tcp_fastopen_no_cookie(sk: TcpSock, dst: Dst | None, flag: i64) -> bool:
    """The sysctl or the socket does without cookies."""
    return sk.sk_net.ipv4.sysctl_tcp_fastopen & flag != 0 or sk.fastopen_no_cookie


# ---- client: the SYN


def tcp_send_syn_data(sk: TcpSock, syn: SkBuff) -> i64:
    """Send syn, with data when there are a cookie and data. What is in the SYN is kept behind it in the
    retransmission queue as a segment of its own: SYNs are sent again without (RFC 7413 section 4.1.3).
    """
    fo = sk.fastopen_req
    assert fo is not None
    sk.rx_opt_mss_clamp = sk.advmss
    if not tcp_fastopen_cookie_check(sk, fo):
        return _syn_without_data(sk, syn, fo)
    sk.rx_opt_mss_clamp = tcp_connect.tcp_mss_clamp(sk, sk.rx_opt_mss_clamp)
    tcp_output.tcp_sync_mss(sk, sk.icsk_pmtu_cookie)
    # Room for the longest options a middlebox may add.
    space: i64 = tcp_output.__tcp_mtu_to_mss(sk, sk.icsk_pmtu_cookie) - MAX_TCP_OPTION_SPACE
    if space > fo.size:
        space = fo.size
    msg = fo.msg
    if msg is None or space <= 0:
        err = tcp_output.tcp_transmit_skb(sk, syn, True)
        fo.cookie = None
        return err
    data = msg.msg_iter.take(space)
    if space == fo.size:
        fo.msg = None  # nothing is left for the sender to wait with
    fo.copied = space
    k = sk.kernel
    skb = skbuff.alloc_skb(k)
    tcp_connect.tcp_init_nondata_skb(skb, syn.seq, syn.tcp_flags)
    skbuff.skb_put_data(skb, data, 0, space)
    skb.end_seq = (skb.seq + 1 + space) & U32
    if msg.msg_ubuf is not None:
        errqueue.skb_zcopy_set(skb, msg.msg_ubuf)
    tcp_output.sk_forced_mem_schedule(sk, skb.truesize)
    sk.write_seq = skb.end_seq
    sk.sk_wmem_queued += skb.truesize
    core_sock.sk_mem_charge(sk, skb.truesize)
    sk.packets_out += 1
    tcp_output.tcp_chrono_start(sk, TCP_CHRONO_BUSY)
    err = tcp_output.tcp_transmit_skb(sk, skb, True)
    syn.skb_mstamp_ns = skb.skb_mstamp_ns
    skb.seq = (skb.seq + 1) & U32
    skb.tcp_flags = TCPHDR_ACK | TCPHDR_PSH
    if err != 0:
        # Not sent: it is ordinary data then.
        tcp_h.tcp_tsorted_del(sk, skb)
        skbuff.skb_queue_tail(sk.sk_write_queue, skb)
        sk.packets_out -= 1
        return _syn_without_data(sk, syn, fo)
    sk.syn_data = True
    skbuff.skb_queue_tail(sk.tcp_rtx_queue, skb)
    sk.sk_net.mib_linux.TCPOrigDataSent += 1
    fo.cookie = None
    return 0


def _syn_without_data(sk: TcpSock, syn: SkBuff, fo: TcpFastopenRequest) -> i64:
    """A SYN that asks for a cookie."""
    if fo.cookie:
        fo.cookie = b""
    err = tcp_output.tcp_transmit_skb(sk, syn, True)
    if err != 0:
        sk.syn_fastopen = False
    fo.cookie = None  # SYNs are sent again without the option
    return err


# ---- client: the SYN,ACK


def tcp_rcv_fastopen_synack(sk: TcpSock, skb: SkBuff) -> bool:
    """What the server made of it: remember its cookie and MSS; data that it did not take is sent again. True:
    it was."""
    th = skb.th
    assert th is not None
    data = sk.tcp_rtx_queue.first if sk.syn_data else None
    mss = sk.rx_opt_mss_clamp
    if mss == sk.rx_opt_user_mss:
        mss = th.mss
    cookie = th.fastopen
    exp = th.fastopen_exp
    try_exp: i64 = 0
    syn_drop = False
    if not sk.syn_fastopen:
        cookie = None  # nobody asked for it
    elif sk.total_retrans:
        # Neither cookie nor data: only the later, plain SYNs seem to have come through.
        syn_drop = cookie is None and data is not None
    elif cookie is None and not sk.syn_data:
        # We asked, and got none: try the other option kind the next time.
        try_exp = 2 if sk.syn_fastopen_exp else 1
    tcp_fastopen_cache_set(sk, mss, cookie, exp, syn_drop, try_exp)
    if data is not None:
        sk.fastopen_client_fail = TFO_SYN_RETRANSMITTED if sk.total_retrans else TFO_DATA_NOT_ACKED
        lost: SkBuff | None = data
        while lost is not None:
            tcp_loss.tcp_mark_skb_lost(sk, lost)
            lost = lost.next
        tcp_loss.tcp_non_congestion_loss_retransmit(sk)
        sk.sk_net.mib_linux.TCPFastOpenActiveFail += 1
        return True
    sk.syn_data_acked = sk.syn_data
    if sk.syn_data_acked:
        sk.sk_net.mib_linux.TCPFastOpenActive += 1
        # SYN and data were one packet, and were counted as two.
        if sk.delivered > 1:
            sk.delivered -= 1
    tcp_fastopen_add_skb(sk, skb)
    return False


def tcp_fastopen_cache_set(
    sk: TcpSock, mss: i64, cookie: bytes | None, exp: bool, syn_lost: bool, try_exp: i64
) -> None:
    tm = tcp_metrics.tcp_get_metrics(sk, True)
    if tm is None:
        return
    if mss:
        tm.fastopen_mss = mss
    if cookie:
        tm.fastopen_cookie = cookie
        tm.fastopen_exp = exp
    elif try_exp > tm.fastopen_try_exp and not tm.fastopen_cookie and not tm.fastopen_exp:
        tm.fastopen_try_exp = try_exp
    tm.fastopen_syn_loss = tm.fastopen_syn_loss + 1 if syn_lost else 0


# ---- both: data that came with a SYN


def tcp_fastopen_add_skb(sk: TcpSock, skb: SkBuff) -> None:
    """The data of a SYN (or SYN,ACK) can be read."""
    if skb.end_seq == sk.rcv_nxt or (skb.len == 0 and skb.tcp_flags & TCPHDR_FIN == 0):
        return
    k = sk.kernel
    skb = skbuff.skb_clone(k, skb)
    sk.segs_in = 0
    tcp_input.tcp_segs_in(sk, skb)
    tcp_output.sk_forced_mem_schedule(sk, skb.truesize)
    skb.seq = (skb.seq + 1) & U32
    skb.tcp_flags &= ~TCPHDR_SYN
    sk.rcv_nxt = skb.end_seq
    skbuff.skb_queue_tail(sk.sk_receive_queue, skb)
    skbuff.skb_set_owner_r(skb, sk)
    sk.syn_data_acked = True
    sk.bytes_received = skb.len
    if skb.tcp_flags & TCPHDR_FIN:
        tcp_input.tcp_fin(sk)


# ---- server: the cookie


def tcp_fastopen_keys(sk: TcpSock) -> list[bytes]:
    """The listener's keys, else the namespace's: the first makes cookies, all are accepted."""
    queue = sk.icsk_accept_queue
    raw: bytes | None = None if queue is None else queue.fastopenq_key
    if raw is None:
        raw = namespace_key(sk.sk_net)
    return [raw[at : at + 16] for at in range(0, len(raw), 16)]


def namespace_key(net: Net) -> bytes:
    """`net.ipv4.tcp_fastopen_key`: one key or two, each four words of hexadecimal digits. Random until it is
    set."""
    ipv4 = net.ipv4
    if not ipv4.sysctl_tcp_fastopen_key:
        rng = net.kernel.rng_misc
        words = [f"{int(rng.get_random_u32()) & U32:08x}" for _ in range(4)]
        ipv4.sysctl_tcp_fastopen_key = "-".join(words)
    out = b""
    for word in ipv4.sysctl_tcp_fastopen_key.replace(",", "-").split("-"):
        out += int(word, 16).to_bytes(4, "little")
    return out


def tcp_fastopen_cookie_gen(skb: SkBuff, key: bytes) -> bytes:
    """SipHash of source and destination address of the SYN."""
    iph = skb.iph
    if iph is not None:
        path = int(iph.saddr).to_bytes(4, "big") + int(iph.daddr).to_bytes(4, "big")
    else:
        ip6h = skb.ip6h
        assert ip6h is not None
        path = ip6h.saddr + ip6h.daddr
    return siphash.siphash(path, key).to_bytes(8, "little")


# ---- server: the SYN


def tcp_try_fastopen(sk: TcpSock, skb: SkBuff, req: RequestSock, dst: Dst | None) -> TcpSock | None:
    """A SYN for listener sk: the child, when it may be trusted at once. What to answer with
    (`req.fastopen_cookie`, None: no option) is set.
    """
    th = skb.th
    assert th is not None
    net = sk.sk_net
    mib = net.mib_linux
    foc = th.fastopen
    syn_data: bool = skb.end_seq != ((skb.seq + 1) & U32)
    req.fastopen_cookie = None
    req.fastopen_exp = th.fastopen_exp
    if foc is not None and len(foc) == 0:
        mib.TCPFastOpenCookieReqd += 1
    if (
        net.ipv4.sysctl_tcp_fastopen & TFO_SERVER_ENABLE == 0
        or (not syn_data and foc is None)
        or not tcp_fastopen_queue_check(sk)
    ):
        return None
    child: TcpSock | None
    if tcp_fastopen_no_cookie(sk, dst, TFO_SERVER_COOKIE_NOT_REQD):
        child = tcp_fastopen_create_child(sk, skb, req)
        if child is not None:
            mib.TCPFastOpenPassive += 1
        else:
            mib.TCPFastOpenPassiveFail += 1
        return child
    if foc is None:
        return None
    keys = tcp_fastopen_keys(sk)
    good = tcp_fastopen_cookie_gen(skb, keys[0])
    if len(foc) == 0:
        req.fastopen_cookie = good
        return None
    backup: bool = len(keys) > 1 and foc == tcp_fastopen_cookie_gen(skb, keys[1])
    if foc != good and not backup:
        mib.TCPFastOpenPassiveFail += 1
        req.fastopen_cookie = good
        return None
    child = tcp_fastopen_create_child(sk, skb, req)
    if child is None:
        mib.TCPFastOpenPassiveFail += 1
        req.fastopen_cookie = good
        return None
    if backup and foc != good:
        req.fastopen_cookie = good  # the new key's
        mib.TCPFastOpenPassiveAltKey += 1
    mib.TCPFastOpenPassive += 1
    return child


def tcp_fastopen_queue_check(sk: TcpSock) -> bool:
    """RFC 7413 section 5.1: only so many children whose handshake has not ended (TCP_FASTOPEN); those that
    were reset count for a minute.
    """
    queue = sk.icsk_accept_queue
    if queue is None or queue.fastopenq_max_qlen == 0:
        return False
    if queue.fastopenq_qlen >= queue.fastopenq_max_qlen:
        held = queue.fastopenq_rst
        if not held or held[0] > sk.kernel.now:
            sk.sk_net.mib_linux.TCPFastOpenListenOverflow += 1
            return False
        del held[0]
        queue.fastopenq_qlen -= 1
    return True


def tcp_fastopen_create_child(sk: TcpSock, skb: SkBuff, req: RequestSock) -> TcpSock | None:
    """The connection, before its handshake has ended: in SYN-RECEIVED, its data ready to be read."""
    req.tfo_listener = True
    child = sk.icsk_af_ops.syn_recv_sock(sk, skb, req)
    if child is None:
        req.tfo_listener = False
        return None
    assert isinstance(child, TcpSock)
    queue = sk.icsk_accept_queue
    assert queue is not None
    queue.fastopenq_qlen += 1
    child.fastopen_rsk = req
    th = skb.th
    assert th is not None
    child.snd_wnd = th.window  # that of a SYN is never scaled
    child.max_window = child.snd_wnd
    req.timeout = tcp_connect.tcp_timeout_init(child)
    tcp_timer.tcp_reset_xmit_timer(child, ICSK_TIME_RETRANS, req.timeout, False)
    req.sk_refcnt += 1  # the child's
    tcp_input.tcp_init_transfer(child, skb)
    child.rcv_nxt = (skb.seq + 1) & U32
    tcp_fastopen_add_skb(child, skb)
    req.rcv_nxt = child.rcv_nxt
    child.rcv_wup = child.rcv_nxt
    return child


# ---- server: the end of the handshake


def tcp_passive_fastopen(sk: TcpSock) -> bool:
    """A child in SYN-RECEIVED: it may send already (RFC 7413 section 4.2.2)."""
    return sk.sk_state == TCP_SYN_RECV and sk.fastopen_rsk is not None


def tcp_rcv_synrecv_state_fastopen(sk: TcpSock) -> None:
    """The third segment came: the request has done its duty."""
    req = sk.fastopen_rsk
    assert req is not None
    if sk.icsk_ca_state == TCP_CA_Loss and sk.packets_out == 0:
        tcp_loss.tcp_try_undo_recovery(sk)
    sk.icsk_retransmits = 0
    sk.retrans_stamp = 0
    reqsk_fastopen_remove(sk, req, False)
    tcp_loss.tcp_rearm_rto(sk)


def reqsk_fastopen_remove(sk: TcpSock, req: RequestSock, reset: bool) -> None:
    """The request leaves its child. reset: by a RST before it was accepted, which is held against the
    listener's limit for a minute (RFC 7413 section 5.1).
    """
    listener = req.rsk_listener
    sk.fastopen_rsk = None
    req.tfo_listener = False
    queue = None if listener is None else listener.icsk_accept_queue
    if queue is not None:
        queue.fastopenq_qlen -= 1
    if (
        req.sk is None
        and reset
        and queue is not None
        and listener is not None
        and listener.sk_state == TCP_LISTEN
    ):
        queue.fastopenq_rst.append(int(sk.kernel.now + RST_HOLD))
        queue.fastopenq_qlen += 1
    request_sock.reqsk_put(req)


def tcp_fastopen_synack_timer(sk: TcpSock, req: RequestSock) -> None:
    """The SYN,ACK of a child was not acknowledged in time."""
    net = sk.sk_net
    tcp_timer.tcp_syn_ack_timeout(req)
    # One more than for others: what is at stake is a connection that may be in use.
    most: i64 = sk.icsk_syn_retries if sk.icsk_syn_retries else net.ipv4.sysctl_tcp_synack_retries + 1
    if req.num_timeout >= most:
        tcp_timer.tcp_write_err(sk)
        return
    if sk.icsk_retransmits == 1:
        tcp_loss.tcp_enter_loss(sk)
    tcp_connect.tcp_rtx_synack(sk, req)
    req.num_timeout += 1
    tcp_timer.tcp_update_rto_stats(sk)
    if sk.retrans_stamp == 0:
        sk.retrans_stamp = tcp_h.tcp_time_stamp_ms(sk)
    tcp_timer.tcp_reset_xmit_timer(sk, ICSK_TIME_RETRANS, req.timeout << req.num_timeout, False)
