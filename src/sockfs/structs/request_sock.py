"""A connection in the making: `struct request_sock`, `inet_request_sock` and `tcp_request_sock` in one.

Kernel counterparts: `include/net/request_sock.h`, `include/linux/tcp.h`. It stands in the established hash
table as a minisock in TCP_NEW_SYN_RECV from the SYN until the third segment of the handshake; then its
child waits in the listener's accept queue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import i64

from sockfs.structs.sock import SockCommon

if TYPE_CHECKING:
    from sockfs.structs.net import Net
    from sockfs.structs.ops import Proto, RequestSockOps
    from sockfs.structs.sk_buff import SkBuff
    from sockfs.structs.sock import Sock
    from sockfs.structs.tcp_sock import TcpSock
    from sockfs.structs.timer import TimerList


class RequestSock(SockCommon):
    """`struct tcp_request_sock`."""

    rsk_ops: RequestSockOps
    rsk_listener: TcpSock | None
    sk: Sock | None  # the child
    rsk_timer: TimerList | None
    dl_next: RequestSock | None  # accept queue
    num_retrans: i64
    num_timeout: i64
    timeout: i64  # ns
    syncookie: bool
    mss: i64
    ts_recent: i64
    ts_off: i64
    snt_isn: i64
    rcv_isn: i64
    rcv_nxt: i64
    snt_synack: i64  # µs
    last_oow_ack_time: i64
    rsk_rcv_wnd: i64
    rsk_window_clamp: i64
    ir_loc_addr: i64
    ir_rmt_addr: i64
    ir_num: i64
    ir_rmt_port: i64
    ir_iif: i64
    ir_mark: i64
    snd_wscale: i64
    rcv_wscale: i64
    tstamp_ok: bool
    sack_ok: bool
    wscale_ok: bool
    ecn_ok: bool
    acked: bool
    tfo_listener: bool
    syn_tos: i64
    txhash: i64
    cookie_ts: bool
    saved_syn: bytes | None
    ir_opt: bytes
    syn_skb: SkBuff | None
    fastopen_cookie: bytes | None  # what the SYN,ACK offers; None: no option
    fastopen_exp: bool
    snt_tsval_first: i64  # timestamps of our first and latest SYN-ACK: what TSecr may say; first 0: none sent
    snt_tsval_last: i64

    def __init__(self, family: i64, net: Net, prot: Proto, ops: RequestSockOps) -> None:
        super().__init__(family, net, prot)
        self.sk_state = 12
        self.rsk_ops = ops
        self.rsk_listener = None
        self.sk = None
        self.rsk_timer = None
        self.dl_next = None
        self.num_retrans = 0
        self.num_timeout = 0
        self.timeout = 0
        self.syncookie = False
        self.mss = 0
        self.ts_recent = 0
        self.ts_off = 0
        self.snt_isn = 0
        self.rcv_isn = 0
        self.rcv_nxt = 0
        self.snt_synack = 0
        self.last_oow_ack_time = 0
        self.rsk_rcv_wnd = 0
        self.rsk_window_clamp = 0
        self.ir_loc_addr = 0
        self.ir_rmt_addr = 0
        self.ir_num = 0
        self.ir_rmt_port = 0
        self.ir_iif = 0
        self.ir_mark = 0
        self.snd_wscale = 0
        self.rcv_wscale = 0
        self.tstamp_ok = False
        self.sack_ok = False
        self.wscale_ok = False
        self.ecn_ok = False
        self.acked = False
        self.tfo_listener = False
        self.syn_tos = 0
        self.txhash = 0
        self.cookie_ts = False
        self.saved_syn = None
        self.ir_opt = b""
        self.syn_skb = None
        self.fastopen_cookie = None
        self.fastopen_exp = False
        self.snt_tsval_first = 0
        self.snt_tsval_last = 0


class RequestSockQueue:
    """`struct request_sock_queue`: what a listener waits for (`qlen`) and what waits for accept."""

    qlen: i64
    young: i64
    rskq_defer_accept: i64
    rskq_accept_head: RequestSock | None
    rskq_accept_tail: RequestSock | None
    synflood_warned: bool
    fastopenq_max_qlen: i64
    fastopenq_qlen: i64
    fastopenq_key: bytes | None
    fastopenq_rst: list[int]  # until when children that were reset count

    def __init__(self) -> None:
        self.qlen = 0
        self.young = 0
        self.rskq_defer_accept = 0
        self.rskq_accept_head = None
        self.rskq_accept_tail = None
        self.synflood_warned = False
        self.fastopenq_max_qlen = 0
        self.fastopenq_qlen = 0
        self.fastopenq_key = None
        self.fastopenq_rst = []
