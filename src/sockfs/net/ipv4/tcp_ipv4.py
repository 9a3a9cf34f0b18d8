"""TCP over IPv4: segments come in here, connections go out from here, and the table `tcp_prot` names
everybody else.

Kernel counterpart: `net/ipv4/tcp_ipv4.c`. In: `ip_local_deliver_finish` → `tcp_v4_rcv` → `tcp_v4_do_rcv` →
`tcp_input` (or the minisocks). Out: `inet_stream_connect` → `tcp_v4_connect` → `tcp_output.tcp_connect`.
Errors: `icmp_rcv` → `tcp_v4_err`.

Resets and acknowledgements without a sock (RFC 9293 section 3.10.7.1, TIME-WAIT, requests) are made here too:
they need no queue and no memory, only the addresses of what they answer.

Leaves out: TCP-MD5 and TCP-AO, XFRM, early demultiplexing (the lookup is one dictionary access).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.net.core import request_sock, secure_seq, skbuff, sock, wire
from sockfs.net.ipv4 import (
    icmp,
    inet_connection_sock,
    inet_hashtables,
    inet_timewait_sock,
    ip_output,
    ip_sockglue,
    route,
    syncookies,
    tcp,
    tcp_cong,
    tcp_fastopen,
    tcp_h,
    tcp_input,
    tcp_minisocks,
    tcp_output,
    tcp_timer,
)
from sockfs.structs.headers import Tcphdr
from sockfs.structs.inet_connection_sock import InetConnectionSock
from sockfs.structs.inet_timewait_sock import InetTimewaitSock
from sockfs.structs.ops import InetConnectionSockAfOps, NetProtocol, Proto, RequestSockOps
from sockfs.structs.request_sock import RequestSock
from sockfs.structs.sock import Sock, SockCommon
from sockfs.structs.sockaddr import pack_sockaddr_in, sa_family, sockaddr_in_addr, sockaddr_in_port
from sockfs.structs.tcp_sock import TcpSock
from sockfs.uapi.dropreason import (
    SKB_DROP_REASON_NO_SOCKET,
    SKB_DROP_REASON_NOT_SPECIFIED,
    SKB_DROP_REASON_OTHERHOST,
    SKB_DROP_REASON_SOCKET_BACKLOG,
    SKB_DROP_REASON_TCP_MINTTL,
)
from sockfs.uapi.errno import (
    EAFNOSUPPORT,
    EHOSTUNREACH,
    EINVAL,
    EMSGSIZE,
    ENETUNREACH,
    ENOENT,
    EPROTO,
)
from sockfs.uapi.in_ import IPPROTO_TCP
from sockfs.uapi.rstreason import SK_RST_REASON_NO_SOCKET, SK_RST_REASON_TCP_TIMEWAIT_SOCKET
from sockfs.uapi.rtnetlink import RTN_LOCAL
from sockfs.uapi.socket import AF_INET
from sockfs.uapi.tcp import (
    ICSK_TIME_RETRANS,
    TCP_CLOSE,
    TCP_ESTABLISHED,
    TCP_LISTEN,
    TCP_MTU_REDUCED_DEFERRED,
    TCP_NEW_SYN_RECV,
    TCP_SYN_RECV,
    TCP_SYN_SENT,
    TCP_TIME_WAIT,
    TCP_TW_ACK,
    TCP_TW_RST,
    TCP_TW_SYN,
    TCPHDR_ACK,
    TCPHDR_FIN,
    TCPHDR_RST,
    TCPHDR_SYN,
)
from sockfs.util.seq import between

if TYPE_CHECKING:
    from sockfs.structs.call import Call
    from sockfs.structs.dst import Dst
    from sockfs.structs.kernel import Kernel
    from sockfs.structs.msghdr import Msghdr
    from sockfs.structs.net import Net
    from sockfs.structs.ops import Sockopt
    from sockfs.structs.sk_buff import SkBuff
    from sockfs.structs.task import Task

U32: Final = 0xFFFFFFFF


# ---- a segment comes in


def tcp_v4_rcv(skb: SkBuff) -> i64:
    """A segment for us. The skb is consumed. Returns 0."""
    dev = skb.dev
    iph = skb.iph
    assert dev is not None
    assert iph is not None
    net = dev.net
    k = net.kernel
    if skb.pkt_type != 0:
        skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_OTHERHOST)
        return 0
    net.mib_tcp.InSegs += 1
    th = skb.th
    if th is None:
        bad = wire.parse_tcp(skb)
        th = skb.th
        if bad != 0 or th is None:
            net.mib_tcp.InErrs += 1
            if bad == 10:
                net.mib_tcp.InCsumErrors += 1
            skbuff.kfree_skb_reason(k, skb, bad if bad != 0 else SKB_DROP_REASON_NOT_SPECIFIED)
            return 0
    tcp_v4_fill_cb(skb, th)
    sport = th.source
    dport = th.dest
    saddr = iph.saddr
    daddr = iph.daddr
    dif = dev.ifindex

    # The common case, without a call: the chain of these two ports.
    found = net.tcp_hashinfo.ehash.get((dport << 16) | sport)
    while found is not None:
        if (
            found.sk_daddr == saddr
            and found.sk_rcv_saddr == daddr
            and (found.sk_bound_dev_if == 0 or found.sk_bound_dev_if == dif)
        ):
            break
        found = found.hash_next
    if found is None:
        found = inet_hashtables.__inet_lookup_listener(net, saddr, sport, daddr, dport, dif)
    if found is None:
        return tcp_v4_no_socket(net, skb)
    if found.sk_state == TCP_TIME_WAIT:
        assert isinstance(found, InetTimewaitSock)
        return tcp_v4_rcv_time_wait(net, found, skb, th)
    if found.sk_state == TCP_NEW_SYN_RECV:
        assert isinstance(found, RequestSock)
        return tcp_v4_rcv_req(net, found, skb)
    assert isinstance(found, TcpSock)
    return tcp_v4_rcv_sk(found, skb)


def tcp_v4_rcv_sk(sk: TcpSock, skb: SkBuff) -> i64:
    """The segment is for a whole sock."""
    iph = skb.iph
    assert iph is not None
    if sk.min_ttl != 0 and iph.ttl < sk.min_ttl:
        sk.sk_net.mib_linux.TCPMinTTLDrop += 1
        skbuff.kfree_skb_reason(sk.kernel, skb, SKB_DROP_REASON_TCP_MINTTL)
        return 0
    skb.dev = None
    if sk.sk_state == TCP_LISTEN:
        sk.sk_refcnt += 1
        tcp_v4_do_rcv(sk, skb)
        sock.sock_put(sk)
        return 0
    sk.segs_in += 1
    if skb.len != 0:
        sk.data_segs_in += 1
    if sk.sk_owned:
        tcp_add_backlog(sk, skb)
        return 0
    sk.sk_refcnt += 1
    tcp_v4_do_rcv(sk, skb)
    sock.sock_put(sk)
    return 0


def tcp_v4_fill_cb(skb: SkBuff, th: Tcphdr) -> None:
    """What the state machine reads of a segment."""
    flags = th.flags
    seq = th.seq
    skb.seq = seq
    skb.end_seq = (seq + ((flags >> 1) & 1) + (flags & 1) + skb.len) & U32
    skb.ack_seq = th.ack_seq
    skb.tcp_flags = flags
    skb.sacked = 0
    skb.has_rxtstamp = skb.tstamp != 0


def tcp_add_backlog(sk: TcpSock, skb: SkBuff) -> bool:
    """A call is at work on sk: the segment waits for release_sock. True: no room, it is dropped."""
    limit: i64 = (sk.sk_rcvbuf << 1) + (sk.sk_sndbuf >> 1) + 65536
    if sock.sk_add_backlog(sk, skb, limit):
        sk.sk_net.mib_linux.TCPBacklogDrop += 1
        skbuff.kfree_skb_reason(sk.kernel, skb, SKB_DROP_REASON_SOCKET_BACKLOG)
        return True
    return False


def tcp_v4_do_rcv(sk: TcpSock, skb: SkBuff) -> i64:
    """The segment meets the state machine. Also called for the backlog."""
    if sk.sk_state == TCP_ESTABLISHED:
        tcp_input.tcp_rcv_established(sk, skb)
        return 0
    rsk: TcpSock = sk
    if sk.sk_state == TCP_LISTEN:
        nsk = tcp_v4_cookie_check(sk, skb)
        if nsk is None:
            return 0
        if nsk is not sk:
            rsk = nsk
            reason = tcp_minisocks.tcp_child_process(sk, nsk, skb)
            if reason != 0:
                tcp_v4_send_reset(rsk, skb, sk_rst_convert_drop_reason(reason))
                skbuff.kfree_skb_reason(sk.kernel, skb, reason)
            return 0
    reason = tcp_input.tcp_rcv_state_process(sk, skb)
    if reason != 0:
        tcp_v4_send_reset(rsk, skb, sk_rst_convert_drop_reason(reason))
        skbuff.kfree_skb_reason(sk.kernel, skb, reason)
    return 0


def sk_rst_convert_drop_reason(reason: i64) -> i64:
    """Why the segment was dropped, in the words of the tracepoint tcp_send_reset."""
    if reason == SKB_DROP_REASON_NO_SOCKET:
        return SK_RST_REASON_NO_SOCKET
    if reason == 44:
        return 2
    if reason == 30:
        return 6
    if reason == 49:
        return 7
    if reason == 31:
        return 8
    return 0


def tcp_v4_cookie_check(sk: TcpSock, skb: SkBuff) -> TcpSock | None:
    """An ACK for a listener without a request may be the answer to a SYN cookie. None: the segment has been
    freed."""
    if (skb.tcp_flags & TCPHDR_SYN) == 0:
        return syncookies.cookie_v4_check(sk, skb)
    return sk


def tcp_v4_no_socket(net: Net, skb: SkBuff) -> i64:
    """CLOSED (RFC 9293 section 3.10.7.1): everything but a RST is answered with a RST."""
    tcp_v4_send_reset(None, skb, SK_RST_REASON_NO_SOCKET)
    skbuff.kfree_skb_reason(net.kernel, skb, SKB_DROP_REASON_NO_SOCKET)
    return 0


def tcp_v4_rcv_req(net: Net, req: RequestSock, skb: SkBuff) -> i64:
    """The segment is for a handshake under way."""
    k = net.kernel
    sk = req.rsk_listener
    req.sk_refcnt += 1
    if sk is None or sk.sk_state != TCP_LISTEN:
        # The listener is gone: so is the request, and the segment finds nobody.
        if sk is not None:
            inet_connection_sock.inet_csk_reqsk_queue_drop_and_put(sk, req)
        iph = skb.iph
        dev = skb.dev
        assert iph is not None
        assert dev is not None
        again = inet_hashtables.__inet_lookup_listener(
            net, iph.saddr, req.ir_rmt_port, iph.daddr, req.ir_num, dev.ifindex
        )
        if isinstance(again, TcpSock):
            return tcp_v4_rcv_sk(again, skb)
        return tcp_v4_no_socket(net, skb)
    sk.sk_refcnt += 1
    nsk = tcp_minisocks.tcp_check_req(sk, skb, req, False)
    if nsk is None:
        request_sock.reqsk_put(req)
        skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_NOT_SPECIFIED)
    elif nsk is sk:
        request_sock.reqsk_put(req)
        tcp_v4_do_rcv(sk, skb)
    else:
        # our reference to the request is the accept queue's now
        reason = tcp_minisocks.tcp_child_process(sk, nsk, skb)
        if reason != 0:
            tcp_v4_send_reset(nsk, skb, sk_rst_convert_drop_reason(reason))
            skbuff.kfree_skb_reason(k, skb, reason)
    sock.sock_put(sk)
    return 0


def tcp_v4_rcv_time_wait(net: Net, tw: InetTimewaitSock, skb: SkBuff, th: Tcphdr) -> i64:
    """The segment is for what remains of a connection."""
    status = tcp_minisocks.tcp_timewait_state_process(tw, skb, th)
    if status == TCP_TW_SYN:
        iph = skb.iph
        dev = skb.dev
        assert iph is not None
        assert dev is not None
        sk2 = inet_hashtables.__inet_lookup_listener(
            net, iph.saddr, th.source, iph.daddr, th.dest, dev.ifindex
        )
        if isinstance(sk2, TcpSock):
            inet_timewait_sock.inet_twsk_deschedule_put(tw)
            r = tcp_v4_rcv_sk(sk2, skb)
            net.kernel.softnet.tcp_tw_isn = 0
            return r
        net.kernel.softnet.tcp_tw_isn = 0
        status = TCP_TW_ACK
    if status == TCP_TW_ACK:
        tcp_v4_timewait_ack(tw, skb)
    elif status == TCP_TW_RST:
        tcp_v4_send_reset(tw, skb, SK_RST_REASON_TCP_TIMEWAIT_SOCKET)
        inet_timewait_sock.inet_twsk_deschedule_put(tw)
    skbuff.kfree_skb_reason(net.kernel, skb, SKB_DROP_REASON_NOT_SPECIFIED)
    return 0


# ---- answers without a sock


def tcp_v4_send_reset(sk: SockCommon | None, skb: SkBuff, reason: i64) -> None:
    """RFC 9293 section 3.5.2: <SEQ=SEG.ACK><CTL=RST> to a segment with ACK, else
    <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>."""
    th = skb.th
    iph = skb.iph
    assert th is not None
    assert iph is not None
    if (th.flags & TCPHDR_RST) != 0:
        return
    rt = skb.dst
    if sk is None and isinstance(rt, route.Rtable) and rt.rt_type != RTN_LOCAL:
        return
    if (th.flags & TCPHDR_ACK) != 0:
        rep = Tcphdr(th.dest, th.source, th.ack_seq, 0, TCPHDR_RST, 0)
    else:
        length: i64 = skb.len + ((th.flags >> 1) & 1) + (th.flags & TCPHDR_FIN)
        rep = Tcphdr(th.dest, th.source, 0, (th.seq + length) & U32, TCPHDR_RST | TCPHDR_ACK, 0)
    net = tcp_skb_net(skb)
    mark: i64 = 0
    if isinstance(sk, InetTimewaitSock):
        mark = sk.tw_mark
    elif isinstance(sk, Sock):
        mark = sk.sk_mark
    net.mib_tcp.OutSegs += 1
    net.mib_tcp.OutRsts += 1
    ip_output.ip_send_unicast_reply(net, skb, rep, iph.daddr, iph.saddr, iph.tos & ~3, mark)


def tcp_skb_net(skb: SkBuff) -> Net:
    """The namespace a received segment is in (its device may have been cut off already)."""
    dev = skb.dev
    if dev is not None:
        return dev.net
    dst = skb.dst
    assert dst is not None
    return dst.dev.net


def tcp_v4_send_ack(
    net: Net, skb: SkBuff, seq: i64, ack: i64, win: i64, tsval: i64, tsecr: i64, tos: i64, mark: i64
) -> None:
    """An ACK in answer to skb, from no sock. tsecr 0: without timestamps."""
    th = skb.th
    iph = skb.iph
    assert th is not None
    assert iph is not None
    rep = Tcphdr(th.dest, th.source, seq, ack, TCPHDR_ACK, win & 0xFFFF)
    if tsecr != 0:
        rep.saw_tstamp = True
        rep.tsval = tsval
        rep.tsecr = tsecr
        rep.doff = 8
    net.mib_tcp.OutSegs += 1
    ip_output.ip_send_unicast_reply(net, skb, rep, iph.daddr, iph.saddr, tos, mark)


def tcp_v4_timewait_ack(tw: InetTimewaitSock, skb: SkBuff) -> None:
    net = tw.sk_net
    tsval: i64 = (net.kernel.now // 1_000_000 + tw.tw_ts_offset) & U32
    tcp_v4_send_ack(
        net,
        skb,
        tw.tw_snd_nxt,
        tw.tw_rcv_nxt,
        tw.tw_rcv_wnd >> tw.tw_rcv_wscale,
        tsval,
        tw.tw_ts_recent,
        tw.tw_tos,
        tw.tw_mark,
    )


def tcp_v4_reqsk_send_ack(sk: Sock, skb: SkBuff, req: RequestSock) -> None:
    """A segment outside the window of a handshake under way."""
    net = sk.sk_net
    seq: i64 = (req.snt_isn + 1) & U32
    if sk.sk_state != TCP_LISTEN and isinstance(sk, TcpSock):
        seq = sk.snd_nxt  # fast open: the child exists
    tsval: i64 = (net.kernel.now // 1_000_000 + req.ts_off) & U32
    iph = skb.iph
    tos: i64 = 0 if iph is None else iph.tos
    tcp_v4_send_ack(
        net,
        skb,
        seq,
        req.rcv_nxt,
        tcp_minisocks.tcp_synack_window(req) >> req.rcv_wscale,
        tsval,
        req.ts_recent if req.tstamp_ok else 0,
        tos,
        req.ir_mark,
    )


# ---- a handshake from the other side


def tcp_v4_conn_request(sk: TcpSock, skb: SkBuff) -> i64:
    """A SYN for a listener. 0: taken care of."""
    rt = skb.dst
    # Never answer SYNs to broadcast or multicast (RFC 1122 section 4.2.3.10).
    if isinstance(rt, route.Rtable) and (rt.rt_flags & (route.RTCF_BROADCAST | route.RTCF_MULTICAST)) != 0:
        tcp_listendrop(sk)
        return 0
    return tcp_input.tcp_conn_request(tcp_request_sock_ops, sk, skb)


def tcp_v4_init_req(req: RequestSock, sk: Sock, skb: SkBuff) -> None:
    """The addresses of a SYN become the request's."""
    iph = skb.iph
    th = skb.th
    assert iph is not None
    assert th is not None
    req.sk_family = AF_INET
    req.ir_loc_addr = iph.daddr
    req.ir_rmt_addr = iph.saddr
    req.sk_rcv_saddr = iph.daddr
    req.sk_daddr = iph.saddr
    req.ir_num = th.dest
    req.ir_rmt_port = th.source
    req.sk_num = th.dest
    req.sk_dport = th.source
    req.ir_iif = sk.sk_bound_dev_if if sk.sk_bound_dev_if != 0 else skb.skb_iif
    req.ir_mark = skb.mark if sk.sk_net.ipv4.sysctl_tcp_fwmark_accept != 0 and sk.sk_mark == 0 else sk.sk_mark


def tcp_v4_send_synack(
    sk: TcpSock, dst: Dst | None, req: RequestSock, synack_type: i64, syn_skb: SkBuff | None
) -> i64:
    """Send a SYN-ACK for req. 0 or -errno."""
    if dst is None:
        dst = inet_connection_sock.inet_csk_route_req(sk, req)
        if dst is None:
            return -1
    skb = tcp_output.tcp_make_synack(sk, dst, req, synack_type, syn_skb)
    th = skb.th
    if th is not None and th.saw_tstamp:
        if req.snt_tsval_first == 0:
            req.snt_tsval_first = th.tsval
        req.snt_tsval_last = th.tsval
    tos: i64 = sk.tos
    if sk.sk_net.ipv4.sysctl_tcp_reflect_tos != 0:
        tos = (req.syn_tos & ~3) | (sk.tos & 3)
    skb.mark = req.ir_mark
    err = ip_output.ip_build_and_send_pkt(skb, sk, req.ir_loc_addr, req.ir_rmt_addr, req.ir_opt, tos)
    # A full queue below is no error: the timer will repeat it (net_xmit_eval).
    return 0 if err == 2 else err


def tcp_v4_syn_recv_sock(sk: TcpSock, skb: SkBuff, req: RequestSock) -> TcpSock | None:
    """The handshake is complete: make the child, and put it in the request's place. None: no room."""
    net = sk.sk_net
    if inet_connection_sock.sk_acceptq_is_full(sk):
        net.mib_linux.ListenOverflows += 1
        tcp_listendrop(sk)
        return None
    dst = inet_connection_sock.inet_csk_route_req(sk, req)
    if dst is None:
        tcp_listendrop(sk)
        return None
    newsk = tcp_minisocks.tcp_create_openreq_child(sk, req, skb)
    iph = skb.iph
    assert iph is not None
    newsk.sk_daddr = req.ir_rmt_addr
    newsk.sk_rcv_saddr = req.ir_loc_addr
    newsk.inet_saddr = req.ir_loc_addr
    newsk.inet_opt = req.ir_opt
    newsk.mc_index = skb.skb_iif
    newsk.mc_ttl = iph.ttl
    newsk.rcv_tos = iph.tos
    newsk.icsk_ext_hdr_len = len(newsk.inet_opt)
    newsk.inet_id = sk.kernel.rng_misc.get_random_u32() & 0xFFFF
    if net.ipv4.sysctl_tcp_reflect_tos != 0:
        newsk.tos = req.syn_tos & ~3
    sk_setup_caps(newsk, dst)
    tcp_minisocks.tcp_ca_openreq_child(newsk, dst)
    tcp_output.tcp_sync_mss(newsk, dst.mtu())
    newsk.advmss = tcp_minisocks.tcp_mss_clamp(sk, dst.advmss())
    tcp_input.tcp_initialize_rcv_mss(newsk)
    if inet_hashtables.__inet_inherit_port(sk, newsk) < 0:
        tcp_v4_forget_child(newsk)
        tcp_listendrop(sk)
        return None
    # a cookie's request is nowhere, one of fast open not yet
    osk: RequestSock | None = None if req.syncookie or req.tfo_listener else req
    if not inet_hashtables.inet_ehash_nolisten(newsk, osk):
        tcp_v4_forget_child(newsk)
        tcp_listendrop(sk)
        return None
    return newsk


def tcp_v4_forget_child(newsk: TcpSock) -> None:
    """The child came to nothing."""
    inet_connection_sock.inet_csk_prepare_forced_close(newsk)
    tcp.tcp_done(newsk)


def tcp_listendrop(sk: TcpSock) -> None:
    """A SYN or a third segment that a listener could not use."""
    sk.sk_drops += 1
    sk.sk_net.mib_linux.ListenDrops += 1


def sk_setup_caps(sk: TcpSock, dst: Dst) -> None:
    """The route is known: cache it, and with it what the device can do with large packets."""
    dev = dst.dev
    sk.sk_dst_cache = dst
    sk.sk_route_caps = dev.features
    sk.sk_gso_max_size = dev.gso_max_size
    sk.sk_gso_max_segs = dev.gso_max_segs


# ---- a handshake from our side


def tcp_v4_connect(sk: TcpSock, uaddr: bytes) -> i64:
    """connect(2) (RFC 9293 section 3.10.1, active OPEN): a route, a port, and the SYN. 0 or -errno."""
    if len(uaddr) < 16:
        return -EINVAL
    if sa_family(uaddr) != AF_INET:
        return -EAFNOSUPPORT
    net = sk.sk_net
    k = sk.kernel
    daddr = sockaddr_in_addr(uaddr)
    dport = sockaddr_in_port(uaddr)
    fl4 = route.Flowi4(daddr, sk.inet_saddr, sk.sk_bound_dev_if)
    rt = route.ip_route_connect(
        fl4, net, daddr, sk.inet_saddr, sk.sk_bound_dev_if, IPPROTO_TCP, sk.inet_sport, dport
    )
    if rt is None:
        if fl4.err == -ENETUNREACH:
            net.mib_ip.OutNoRoutes += 1
        return fl4.err
    if (rt.rt_flags & (route.RTCF_MULTICAST | route.RTCF_BROADCAST)) != 0:
        return -ENETUNREACH
    daddr = fl4.daddr  # 0.0.0.0 has become 127.0.0.1
    if sk.inet_saddr == 0:
        sk.inet_saddr = fl4.saddr
        sk.sk_rcv_saddr = fl4.saddr
    else:
        sk.sk_rcv_saddr = sk.inet_saddr
    if sk.ts_recent_stamp != 0 and sk.sk_daddr != daddr:
        # What another host's clock said is no use here.
        sk.ts_recent = 0
        sk.ts_recent_stamp = 0
        if not sk.repair:
            sk.write_seq = 0
    sk.sk_dport = dport
    sk.sk_daddr = daddr
    sk.icsk_ext_hdr_len = len(sk.inet_opt)
    sk.rx_opt_mss_clamp = 536
    tcp.tcp_set_state(sk, TCP_SYN_SENT)
    err = inet_hashtables.inet_hash_connect(sk)
    if err != 0:
        return tcp_v4_connect_failed(sk, err)
    rt2 = route.ip_route_newports(net, fl4, rt, sk.inet_sport, dport)
    if rt2 is None:
        return tcp_v4_connect_failed(sk, fl4.err)
    sk_setup_caps(sk, rt2)
    if not sk.repair:
        if sk.write_seq == 0:
            sk.write_seq = secure_seq.secure_tcp_seq(k, sk.inet_saddr, sk.sk_daddr, sk.inet_sport, dport)
        sk.tsoffset = secure_seq.secure_tcp_ts_off(net, sk.inet_saddr, sk.sk_daddr)
    sk.inet_id = k.rng_misc.get_random_u32() & 0xFFFF
    if tcp_fastopen.tcp_fastopen_defer_connect(sk):
        return 0
    err = tcp_output.tcp_connect(sk)
    if err != 0:
        return tcp_v4_connect_failed(sk, err)
    return 0


def tcp_v4_connect_failed(sk: TcpSock, err: i64) -> i64:
    """As if it had not been tried: CLOSE, and the port goes back unless bind(2) chose it."""
    tcp.tcp_set_state(sk, TCP_CLOSE)
    inet_bhash2_reset_saddr(sk)
    sock.sk_dst_reset(sk)
    sk.sk_route_caps = 0
    sk.sk_dport = 0
    return err


def inet_bhash2_reset_saddr(sk: TcpSock) -> None:
    """The source address that connect chose goes; the one that bind(2) asked for stays."""
    if (sk.sk_userlocks & 4) == 0:
        sk.inet_saddr = 0
        sk.sk_rcv_saddr = 0


def tcp_twsk_unique(sk: InetConnectionSock, tw: InetTimewaitSock) -> bool:
    """May connect take the ports of a TIME-WAIT? (net.ipv4.tcp_tw_reuse; RFC 6191, RFC 7323 appendix B.2)"""
    assert isinstance(sk, TcpSock)
    net = sk.sk_net
    reuse = net.ipv4.sysctl_tcp_tw_reuse
    if tw.tw_substate == 5:
        reuse = 0
    if reuse == 2:
        lo = net.loopback_dev
        on_lo = (tw.sk_bound_dev_if != 0 and lo is not None and tw.sk_bound_dev_if == lo.ifindex) or (
            (tw.sk_daddr >> 24) == 127 or (tw.sk_rcv_saddr >> 24) == 127
        )
        if not on_lo:
            reuse = 0
    if tw.tw_ts_recent_stamp == 0 or reuse == 0:
        return False
    # The timestamps of the new connection must be newer than anything the old one left under way.
    delay_us: i64 = net.ipv4.sysctl_tcp_tw_reuse_delay * 1000
    if net.kernel.now // 1000 - tw.tw_entry_stamp <= delay_us:
        return False
    if not sk.repair:
        seq: i64 = (tw.tw_snd_nxt + 65535 + 2) & U32
        sk.write_seq = seq if seq != 0 else 1
        sk.ts_recent = tw.tw_ts_recent
        sk.ts_recent_stamp = tw.tw_ts_recent_stamp
    return True


# ---- ICMP errors


def tcp_v4_err(skb: SkBuff, info: i64) -> i64:
    """An ICMP error about a segment of ours: skb.iph and skb.data are what it returned, skb.icmph tells what.
    0 or -ENOENT."""
    iph = skb.iph
    icmph = skb.icmph
    dev = skb.dev
    if iph is None or icmph is None or dev is None:
        return -ENOENT
    net = dev.net
    head = skbuff.skb_copy_bits(skb, 0, 8)
    if len(head) < 8:
        net.mib_icmp.InErrors += 1
        return -ENOENT
    source: i64 = (head[0] << 8) | head[1]
    dest: i64 = (head[2] << 8) | head[3]
    seq: i64 = (head[4] << 24) | (head[5] << 16) | (head[6] << 8) | head[7]
    type = icmph.type
    code = icmph.code
    found = inet_hashtables.__inet_lookup_established(net, iph.daddr, dest, iph.saddr, source, dev.ifindex)
    if found is None:
        net.mib_icmp.InErrors += 1
        return -ENOENT
    if found.sk_state == TCP_TIME_WAIT:
        return 0
    if isinstance(found, RequestSock):
        abort = type == 12 or type == 11 or (type == 3 and (code == 0 or code == 1))
        tcp_req_err(found, seq, abort)
        return 0
    assert isinstance(found, TcpSock)
    sk: TcpSock = found
    # "fragmentation needed" is for the route as well, so it must not be lost
    if sk.sk_owned and not (type == 3 and code == 4):
        net.mib_linux.LockDroppedIcmps += 1
    if sk.sk_state == TCP_CLOSE:
        return 0
    if sk.min_ttl != 0 and iph.ttl < sk.min_ttl:
        net.mib_linux.TCPMinTTLDrop += 1
        return 0
    # RFC 5927 section 4: believe nothing about a segment that is not under way.
    fastopen = sk.fastopen_rsk
    snd_una = sk.snd_una if fastopen is None else fastopen.snt_isn
    if sk.sk_state != TCP_LISTEN and not between(seq, snd_una, sk.snd_nxt):
        net.mib_linux.OutOfWindowIcmps += 1
        return 0
    sk.sk_refcnt += 1
    tcp_v4_err_sk(sk, skb, type, code, info, seq)
    sock.sock_put(sk)
    return 0


def tcp_v4_err_sk(sk: TcpSock, skb: SkBuff, type: i64, code: i64, info: i64, seq: i64) -> None:
    """What the error means for the connection (RFC 1122 section 4.2.3.9, RFC 5461)."""
    if type == 3:
        if code > 15 or code < 0:
            return
        if code == 4:
            # Path MTU discovery, RFC 1191.
            if sk.sk_state == TCP_LISTEN:
                return
            sk.mtu_info = info
            if not sk.sk_owned:
                tcp_v4_mtu_reduced(sk)
            elif (sk.tsq_flags & (1 << TCP_MTU_REDUCED_DEFERRED)) == 0:
                sk.tsq_flags |= 1 << TCP_MTU_REDUCED_DEFERRED
            return
        err: i64 = icmp.ICMP_ERR_ERRNO[code]
        if (code == 0 or code == 1) and sk.icsk_retransmits != 0 and sk.icsk_backoff != 0 and not sk.sk_owned:
            # RFC 6069: a route that comes and goes is no congestion.
            tcp_ld_RTO_revert(sk, seq)
    elif type == 12:
        err = EPROTO
    elif type == 11:
        err = EHOSTUNREACH
    else:
        return  # source quench (RFC 6633), redirects (net/ipv4/route.py)
    fastopen = sk.fastopen_rsk
    taken: bool = fastopen is not None and fastopen.sk is None  # accepted before its handshake ended
    if (sk.sk_state == TCP_SYN_SENT or sk.sk_state == TCP_SYN_RECV) and not taken:
        # The handshake fails at once: soft errors are not waited for (RFC 5461).
        if sk.recverr:
            ip_sockglue.ip_icmp_error(sk, skb, err, sk.sk_dport, info, skbuff.skb_payload(skb))
        if not sk.sk_owned:
            tcp.tcp_done_with_error(sk, err)
        else:
            sk.sk_err_soft = err
        return
    # On a connection every ICMP error is soft, unless the program asked to be told (IP_RECVERR, ip(7)).
    if not sk.sk_owned and sk.recverr:
        sk.sk_err = err
        sk.sk_error_report.run(sk)
    else:
        sk.sk_err_soft = err


def tcp_ld_RTO_revert(sk: TcpSock, seq: i64) -> None:
    """RFC 6069 (TCP-LCD): the time-out's packet came as far as a router without a route, so undo one
    back-off."""
    skb = sk.tcp_rtx_queue.first
    if seq != sk.snd_una or sk.icsk_retransmits == 0 or sk.icsk_backoff == 0 or skb is None:
        return
    sk.icsk_backoff -= 1
    if sk.srtt_us != 0:
        tcp_h.tcp_set_rto(sk)
    else:
        sk.icsk_rto = tcp_h.TCP_TIMEOUT_INIT
    rto: i64 = sk.icsk_rto << sk.icsk_backoff
    sk.icsk_rto = rto if rto < sk.icsk_rto_max else sk.icsk_rto_max
    tcp_h.tcp_mstamp_refresh(sk)
    remaining: i64 = sk.icsk_rto - (sk.kernel.now - skb.skb_mstamp_ns)
    if remaining > 0:
        tcp_timer.tcp_reset_xmit_timer(sk, ICSK_TIME_RETRANS, remaining, False)
    else:
        # It should have gone off meanwhile.
        tcp_timer.tcp_retransmit_timer(sk)


def tcp_req_err(req: RequestSock, seq: i64, abort: bool) -> None:
    """An ICMP error about a SYN-ACK."""
    net = req.sk_net
    listener = req.rsk_listener
    if seq != req.snt_isn:
        net.mib_linux.OutOfWindowIcmps += 1
    elif abort and listener is not None:
        inet_connection_sock.inet_csk_reqsk_queue_drop(listener, req)
        tcp_listendrop(listener)


def tcp_v4_mtu_reduced(sk: TcpSock) -> None:
    """A router could not forward a packet of ours: send smaller ones, and what was lost again."""
    if ((1 << sk.sk_state) & ((1 << TCP_LISTEN) | (1 << TCP_CLOSE))) != 0:
        return
    mtu: i64 = sk.mtu_info
    dst = inet_connection_sock.inet_csk_update_pmtu(sk, mtu)
    if dst is None:
        return
    if mtu < dst.mtu() and ip_output.ip_dont_fragment(sk):
        sk.sk_err_soft = EMSGSIZE
    mtu = dst.mtu()
    if sk.pmtudisc != 0 and sk.pmtudisc < 4 and sk.icsk_pmtu_cookie > mtu:
        tcp_output.tcp_sync_mss(sk, mtu)
        tcp_input.tcp_simple_retransmit(sk)


# ---- birth and death


def tcp_v4_init_sock(sk: TcpSock) -> i64:
    """`socket(AF_INET, SOCK_STREAM, 0)`: 0."""
    tcp.tcp_init_sock(sk)
    sk.icsk_af_ops = ipv4_specific
    return 0


def tcp_v4_destroy_sock(sk: TcpSock) -> None:
    """Everything that hangs on sk goes: timers, congestion control, queues, the port."""
    tcp_timer.tcp_clear_xmit_timers(sk)
    tcp_cong.tcp_cleanup_congestion_control(sk)
    tcp.tcp_write_queue_purge(sk)
    ooo = sk.out_of_order_queue
    if ooo is not None:
        skbuff.skb_queue_purge(sk.kernel, ooo, 4)
    sk.ooo_last_skb = None
    if sk.icsk_bind_hash is not None:
        inet_hashtables.inet_put_port(sk)
    sk.saved_syn = None
    sk.fastopen_req = None
    sk.sk_net.tcp_hashinfo.sockets_allocated -= 1


# ---- the tables


class Ipv4Specific(InetConnectionSockAfOps):
    """`ipv4_specific`."""

    def queue_xmit(self, sk: Sock, skb: SkBuff) -> i64:
        return ip_output.ip_queue_xmit(sk, skb)

    def rebuild_header(self, sk: Sock) -> i64:
        assert isinstance(sk, InetConnectionSock)
        if sock.sk_dst_check(sk) is not None:
            return 0
        if inet_connection_sock.inet_csk_rebuild_route(sk) is not None:
            return 0
        sk.sk_err_soft = EHOSTUNREACH
        return -EHOSTUNREACH

    def conn_request(self, sk: Sock, skb: SkBuff) -> i64:
        assert isinstance(sk, TcpSock)
        return tcp_v4_conn_request(sk, skb)

    def syn_recv_sock(self, sk: Sock, skb: SkBuff, req: RequestSock) -> Sock | None:
        assert isinstance(sk, TcpSock)
        return tcp_v4_syn_recv_sock(sk, skb, req)

    def setsockopt(self, sk: Sock, level: i64, optname: i64, opt: Sockopt, task: Task) -> i64:
        assert isinstance(sk, InetConnectionSock)
        return ip_sockglue.ip_setsockopt(sk, level, optname, opt, task)

    def getsockopt(self, sk: Sock, level: i64, optname: i64, opt: Sockopt, task: Task) -> i64:
        assert isinstance(sk, InetConnectionSock)
        return ip_sockglue.ip_getsockopt(sk, level, optname, opt, task)

    def addr2sockaddr(self, sk: Sock) -> bytes:
        return pack_sockaddr_in(sk.sk_daddr, sk.sk_dport)

    def mtu_reduced(self, sk: Sock) -> None:
        assert isinstance(sk, TcpSock)
        tcp_v4_mtu_reduced(sk)


class TcpRequestSockOps(RequestSockOps):
    """`tcp_request_sock_ops` and `tcp_request_sock_ipv4_ops`."""

    def rtx_syn_ack(self, sk: Sock, req: RequestSock) -> i64:
        assert isinstance(sk, TcpSock)
        return tcp_output.tcp_rtx_synack(sk, req)

    def send_ack(self, sk: Sock, skb: SkBuff, req: RequestSock) -> None:
        tcp_v4_reqsk_send_ack(sk, skb, req)

    def send_reset(self, sk: Sock | None, skb: SkBuff, reason: i64) -> None:
        tcp_v4_send_reset(sk, skb, reason)

    def destructor(self, req: RequestSock) -> None:
        req.ir_opt = b""

    def route_req(self, sk: Sock, skb: SkBuff, req: RequestSock) -> Dst | None:
        assert isinstance(sk, InetConnectionSock)
        tcp_v4_init_req(req, sk, skb)
        return inet_connection_sock.inet_csk_route_req(sk, req)

    def cookie_init_seq(self, skb: SkBuff, req: RequestSock) -> i64:
        listener = req.rsk_listener
        if listener is not None:
            syncookies.tcp_synq_overflow(listener)
            listener.sk_net.mib_linux.SyncookiesSent += 1
        return syncookies.cookie_v4_init_sequence(skb, req)

    def init_seq(self, skb: SkBuff) -> i64:
        iph = skb.iph
        th = skb.th
        assert iph is not None
        assert th is not None
        return secure_seq.secure_tcp_seq(tcp_skb_net(skb).kernel, iph.daddr, iph.saddr, th.dest, th.source)

    def init_ts_off(self, net: Net, skb: SkBuff) -> i64:
        iph = skb.iph
        assert iph is not None
        return secure_seq.secure_tcp_ts_off(net, iph.daddr, iph.saddr)

    def send_synack(
        self, sk: Sock, dst: Dst | None, req: RequestSock, synack_type: i64, syn_skb: SkBuff | None
    ) -> i64:
        assert isinstance(sk, TcpSock)
        return tcp_v4_send_synack(sk, dst, req, synack_type, syn_skb)


class TcpProt(Proto):
    """`tcp_prot`."""

    def alloc(self, net: Net) -> Sock:
        return TcpSock(
            net.kernel,
            AF_INET,
            net,
            self,
            sock.SOCK_DEF_CALLBACKS,
            ipv4_specific,
            tcp_cong.tcp_ca_default(net),
        )

    def init(self, sk: Sock) -> i64:
        assert isinstance(sk, TcpSock)
        return tcp_v4_init_sock(sk)

    def destroy(self, sk: Sock) -> None:
        assert isinstance(sk, TcpSock)
        tcp_v4_destroy_sock(sk)

    def destruct(self, sk: Sock) -> None:
        assert isinstance(sk, TcpSock)
        tcp.tcp_sk_destruct(sk)

    def memory_allocated_add(self, sk: Sock, pages: i64) -> i64:
        hinfo = sk.sk_net.tcp_hashinfo
        hinfo.memory_allocated += pages
        return hinfo.memory_allocated

    def mem_limits(self, sk: Sock) -> list[int] | None:
        return sk.sk_net.ipv4.sysctl_tcp_mem

    def enter_memory_pressure(self, sk: Sock) -> None:
        tcp.tcp_enter_memory_pressure(sk)

    def close(self, sk: Sock, timeout: i64, call: Call | None) -> i64:
        assert isinstance(sk, TcpSock)
        return tcp.tcp_close(sk, timeout, call)

    def connect(self, sk: Sock, uaddr: bytes) -> i64:
        assert isinstance(sk, TcpSock)
        return tcp_v4_connect(sk, uaddr)

    def disconnect(self, sk: Sock, flags: i64) -> i64:
        assert isinstance(sk, TcpSock)
        return tcp.tcp_disconnect(sk, flags)

    def accept(self, sk: Sock, flags: i64, call: Call) -> Sock | None:
        assert isinstance(sk, TcpSock)
        return inet_connection_sock.inet_csk_accept(sk, flags, call)

    def ioctl(self, sk: Sock, cmd: i64, arg: object) -> i64:
        assert isinstance(sk, TcpSock)
        return tcp.tcp_ioctl(sk, cmd, arg)

    def shutdown(self, sk: Sock, how: i64) -> None:
        assert isinstance(sk, TcpSock)
        tcp.tcp_shutdown(sk, how)

    def setsockopt(self, sk: Sock, level: i64, optname: i64, opt: Sockopt, task: Task) -> i64:
        assert isinstance(sk, TcpSock)
        return tcp.tcp_setsockopt(sk, level, optname, opt, task)

    def getsockopt(self, sk: Sock, level: i64, optname: i64, opt: Sockopt, task: Task) -> i64:
        assert isinstance(sk, TcpSock)
        return tcp.tcp_getsockopt(sk, level, optname, opt, task)

    def keepalive(self, sk: Sock, on: bool) -> None:
        assert isinstance(sk, TcpSock)
        tcp_timer.tcp_set_keepalive(sk, on)

    def start_tskey(self, sk: Sock, opt_id_tcp: bool) -> i64:
        assert isinstance(sk, TcpSock)
        if sk.sk_state == TCP_CLOSE or sk.sk_state == TCP_LISTEN:
            return -EINVAL
        sk.sk_tskey = sk.write_seq if opt_id_tcp else sk.snd_una
        return 0

    def set_rcvlowat(self, sk: Sock, val: i64) -> i64:
        assert isinstance(sk, TcpSock)
        return tcp.tcp_set_rcvlowat(sk, val)

    def sendmsg(self, sk: Sock, msg: Msghdr, size: i64) -> i64:
        assert isinstance(sk, TcpSock)
        return tcp.tcp_sendmsg(sk, msg, size)

    def recvmsg(self, sk: Sock, msg: Msghdr, size: i64, flags: i64) -> i64:
        assert isinstance(sk, TcpSock)
        return tcp.tcp_recvmsg(sk, msg, size, flags)

    def backlog_rcv(self, sk: Sock, skb: SkBuff) -> i64:
        assert isinstance(sk, TcpSock)
        return tcp_v4_do_rcv(sk, skb)

    def release_cb(self, sk: Sock) -> None:
        assert isinstance(sk, TcpSock)
        if sk.tsq_flags != 0:
            tcp_output.tcp_release_cb(sk)

    def hash(self, sk: Sock) -> i64:
        return inet_hashtables.inet_hash(sk)

    def unhash(self, sk: Sock) -> None:
        inet_hashtables.inet_unhash(sk)

    def get_port(self, sk: Sock, snum: i64) -> i64:
        assert isinstance(sk, TcpSock)
        return inet_connection_sock.inet_csk_get_port(sk, snum)

    def put_port(self, sk: Sock) -> None:
        assert isinstance(sk, TcpSock)
        inet_hashtables.inet_put_port(sk)


class TcpProtocol(NetProtocol):
    """`tcp_protocol`: IPPROTO_TCP in `inet_protos`."""

    def handler(self, skb: SkBuff) -> i64:
        return tcp_v4_rcv(skb)

    def err_handler(self, skb: SkBuff, info: i64) -> i64:
        return tcp_v4_err(skb, info)


def _tcp_prot() -> TcpProt:
    prot = TcpProt("TCP", "TCP")
    prot.tw_slab = "tw_sock_TCP"
    prot.rsk_slab = "request_sock_TCP"
    prot.no_autobind = True
    return prot


ipv4_specific: Final = Ipv4Specific(20, 16)
tcp_request_sock_ops: Final = TcpRequestSockOps(AF_INET, 536)
tcp_prot: Final = _tcp_prot()
tcp.tcp_prot = tcp_prot
tcp_protocol: Final = TcpProtocol("TCP")


def tcp_v4_init(k: Kernel) -> None:
    """Boot: TCP takes its protocol number, and its slab caches."""
    tcp.tcp_init(k)
    k.inet_protos[IPPROTO_TCP] = tcp_protocol
    k.softnet.tsq_tasklet = tcp_output.TsqTasklet()


def tcp_init(k: Kernel) -> None:
    """`tcp_init` and `tcp_v4_init`, as boot calls them."""
    tcp_v4_init(k)
