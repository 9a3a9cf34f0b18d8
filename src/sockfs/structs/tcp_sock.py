"""A TCP connection: `struct tcp_sock`.

Kernel counterpart: `include/linux/tcp.h`. Sequence numbers are 32-bit, compared only by `before`/`after`
(`util/seq.py`). Names end in their unit where it is not nanoseconds: `_us`; `tcp_mstamp` is microseconds,
`tcp_clock_cache` nanoseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import i64, mypyc_attr

from sockfs.structs.inet_connection_sock import InetConnectionSock
from sockfs.structs.sk_buff import SkBuffHead
from sockfs.structs.sock import SockCallback
from sockfs.util.minmax import Minmax

if TYPE_CHECKING:
    from sockfs.structs.kernel import Kernel
    from sockfs.structs.msghdr import Msghdr
    from sockfs.structs.net import Net
    from sockfs.structs.ops import CongestionOps, InetConnectionSockAfOps, Proto
    from sockfs.structs.request_sock import RequestSock
    from sockfs.structs.sk_buff import SkBuff
    from sockfs.structs.timer import TimerList


@mypyc_attr(acyclic=True)
class TcpSackBlock:
    """`struct tcp_sack_block`."""

    start_seq: i64
    end_seq: i64

    def __init__(self, start_seq: i64, end_seq: i64) -> None:
        self.start_seq = start_seq
        self.end_seq = end_seq


class RateSample:
    """`struct rate_sample`: what one acknowledgement says about the delivery rate."""

    prior_mstamp: i64
    prior_delivered: i64
    prior_delivered_ce: i64
    delivered: i64
    delivered_ce: i64
    interval_us: i64
    snd_interval_us: i64
    rcv_interval_us: i64
    rtt_us: i64
    losses: i64
    acked_sacked: i64
    prior_in_flight: i64
    last_end_seq: i64
    is_app_limited: bool
    is_retrans: bool
    is_ack_delayed: bool
    tx_in_flight: i64

    def __init__(self) -> None:
        self.prior_mstamp = 0
        self.prior_delivered = 0
        self.prior_delivered_ce = 0
        self.delivered = 0
        self.delivered_ce = 0
        self.interval_us = -1
        self.snd_interval_us = 0
        self.rcv_interval_us = 0
        self.rtt_us = -1
        self.losses = 0
        self.acked_sacked = 0
        self.prior_in_flight = 0
        self.last_end_seq = 0
        self.is_app_limited = False
        self.is_retrans = False
        self.is_ack_delayed = False
        self.tx_in_flight = 0


class TcpFastopenRequest:
    """`struct tcp_fastopen_request`: a fast open under way (RFC 7413)."""

    cookie: bytes | None  # b"": ask for one; None: no option
    exp: bool  # the experimental option kind
    msg: Msghdr | None  # where more data is to come from
    size: i64
    copied: i64  # bytes that went into the SYN

    def __init__(self) -> None:
        self.cookie = None
        self.exp = False
        self.msg = None
        self.size = 0
        self.copied = 0


class TcpSacktagState:
    """`struct tcp_sacktag_state`, and what else one acknowledgement gathers. A kernel has one and uses it
    again (`Kernel.ack_state`).
    """

    first_sackt: i64  # µs: when the first and the last segment that this ACK newly SACKs were sent; 0: none
    last_sackt: i64
    reord: i64  # lowest sequence number seen to arrive late
    sack_delivered: i64
    flag: i64  # FLAG_* (net/ipv4/tcp_ack_in.py)
    mss_now: i64
    rexmit: i64
    rate: RateSample

    def __init__(self) -> None:
        self.first_sackt = 0
        self.last_sackt = 0
        self.reord = 0
        self.sack_delivered = 0
        self.flag = 0
        self.mss_now = 0
        self.rexmit = 0
        self.rate = RateSample()


class TcpSock(InetConnectionSock):
    """`struct tcp_sock`."""

    tcp_header_len: i64  # bytes of header in front of the data, options included
    gso_segs: i64
    # header prediction is on (not 0) for an established receiver with an empty out-of-order queue
    pred_flags: i64
    bytes_received: i64
    segs_in: i64
    data_segs_in: i64
    rcv_nxt: i64
    copied_seq: i64
    rcv_wup: i64
    snd_nxt: i64
    segs_out: i64
    data_segs_out: i64
    bytes_sent: i64
    bytes_acked: i64
    dsack_dups: i64
    snd_una: i64
    snd_sml: i64
    rcv_tstamp: i64
    lsndtime: i64
    last_oow_ack_time: i64
    compressed_ack_rcv_nxt: i64
    tsoffset: i64
    snd_wl1: i64
    snd_wnd: i64
    max_window: i64
    mss_cache: i64
    window_clamp: i64
    rcv_ssthresh: i64
    scaling_ratio: i64
    rack_mstamp: i64  # µs: latest sent time of a delivered segment
    rack_rtt_us: i64
    rack_end_seq: i64
    rack_last_delivered: i64
    rack_reo_wnd_steps: i64
    rack_reo_wnd_persist: i64
    rack_dsack_seen: bool
    rack_advanced: bool
    advmss: i64
    compressed_ack: i64
    dup_ack_counter: i64
    tlp_retrans: bool
    tlp_high_seq: i64
    chrono_start: i64
    chrono_stat_busy: i64
    chrono_stat_rwnd: i64
    chrono_stat_sndbuf: i64
    chrono_type: i64
    rate_delivered: i64
    rate_interval_us: i64
    rate_app_limited: bool
    fastopen_connect: bool
    fastopen_no_cookie: bool
    fastopen_client_fail: i64
    fastopen_req: TcpFastopenRequest | None
    fastopen_rsk: RequestSock | None
    is_sack_reneg: bool
    nonagle: i64  # TCP_NAGLE_OFF 1, CORK 2, PUSH 4
    thin_lto: bool
    recvmsg_inq: bool
    repair: bool
    repair_queue: i64
    frto: bool
    syn_data: bool
    syn_fastopen: bool
    syn_fastopen_exp: bool
    syn_data_acked: bool
    save_syn: i64
    saved_syn: bytes | None
    is_cwnd_limited: bool
    tcp_tx_delay: i64
    tcp_wstamp_ns: i64
    tcp_clock_cache: i64
    tcp_mstamp: i64
    srtt_us: i64  # << 3
    mdev_us: i64
    mdev_max_us: i64
    rttvar_us: i64
    rtt_seq: i64
    rtt_min: Minmax
    packets_out: i64
    retrans_out: i64
    max_packets_out: i64
    cwnd_usage_seq: i64
    urg_data: i64  # TCP_URG_VALID 0x100, NOTYET 0x200, READ 0x400 and the byte
    urg_seq: i64
    urg_mode: bool
    snd_up: i64
    ecn_flags: i64
    keepalive_probes: i64
    keepalive_time: i64
    keepalive_intvl: i64
    linger2: i64
    reordering: i64
    reord_seen: i64
    snd_ssthresh: i64
    snd_cwnd: i64
    snd_cwnd_cnt: i64
    snd_cwnd_clamp: i64
    snd_cwnd_used: i64
    snd_cwnd_stamp: i64
    prior_cwnd: i64
    prr_delivered: i64
    prr_out: i64
    delivered: i64
    delivered_ce: i64
    lost: i64
    app_limited: i64
    first_tx_mstamp: i64  # µs, as delivered_mstamp, rcvq_space_time and rcv_rtt_est_time
    delivered_mstamp: i64
    rcv_wnd: i64
    write_seq: i64
    notsent_lowat: i64
    pushed_seq: i64
    lost_out: i64
    sacked_out: i64
    duplicate_sack0: i64  # RFC 2883 D-SACK to report; both 0: none
    duplicate_sack1: i64
    selective_acks: list[TcpSackBlock] | None  # blocks to report, most recent first
    recv_sack_cache: list[TcpSackBlock] | None
    highest_sack: SkBuff | None
    lost_skb_hint: SkBuff | None
    retransmit_skb_hint: SkBuff | None
    tcp_rtx_queue: SkBuffHead  # sent, not acknowledged, by sequence number
    out_of_order_queue: SkBuffHead | None  # made when first used
    ooo_last_skb: SkBuff | None
    tsorted_first: SkBuff | None  # sent and not acknowledged, by time of last transmission (RACK)
    tsorted_last: SkBuff | None
    prior_ssthresh: i64
    high_seq: i64
    retrans_stamp: i64  # ms of the timestamp clock (tcp_time_stamp_ms, no tsoffset); 0: nothing retransmitted
    undo_marker: i64
    undo_retrans: i64
    bytes_retrans: i64
    total_retrans: i64
    total_rto: i64
    total_rto_recoveries: i64
    total_rto_time: i64
    rto_stamp: i64  # ms, as retrans_stamp; total_rto_time is ms too
    rcvq_space_space: i64
    rcvq_space_seq: i64
    rcvq_space_time: i64
    rcv_rtt_est_rtt_us: i64
    rcv_rtt_est_seq: i64
    rcv_rtt_est_time: i64
    rcv_rtt_last_tsecr: i64
    rcv_ooopack: i64
    received_ce: i64
    mtu_info: i64
    mtu_probe_seq_start: i64
    mtu_probe_seq_end: i64
    tstamp_ok: bool  # struct tcp_options_received
    sack_ok: i64  # 1: SACK; 2 bit: seen FACK-less D-SACK
    wscale_ok: bool
    snd_wscale: i64
    rcv_wscale: i64
    saw_tstamp: bool
    ts_recent: i64
    ts_recent_stamp: i64  # seconds
    rcv_tsval: i64
    rcv_tsecr: i64
    rx_opt_mss_clamp: i64
    rx_opt_user_mss: i64
    rx_opt_num_sacks: i64
    rx_opt_dsack: bool
    tsq_flags: i64
    tsq_queued: bool
    pacing_timer: TimerList | None
    compressed_ack_timer: TimerList | None
    md5sig_info: object
    plb_rehash: i64
    timeout_rehash: i64
    defer_accept: i64

    def __init__(
        self,
        kernel: Kernel,
        family: i64,
        net: Net,
        prot: Proto,
        callbacks: tuple[SockCallback, SockCallback, SockCallback, SockCallback],
        af_ops: InetConnectionSockAfOps,
        ca_ops: CongestionOps,
    ) -> None:
        super().__init__(kernel, family, net, prot, callbacks, af_ops, ca_ops)
        self.tcp_header_len = 20
        self.gso_segs = 0
        self.pred_flags = 0
        self.bytes_received = 0
        self.segs_in = 0
        self.data_segs_in = 0
        self.rcv_nxt = 0
        self.copied_seq = 0
        self.rcv_wup = 0
        self.snd_nxt = 0
        self.segs_out = 0
        self.data_segs_out = 0
        self.bytes_sent = 0
        self.bytes_acked = 0
        self.dsack_dups = 0
        self.snd_una = 0
        self.snd_sml = 0
        self.rcv_tstamp = 0
        self.lsndtime = 0
        self.last_oow_ack_time = 0
        self.compressed_ack_rcv_nxt = 0
        self.tsoffset = 0
        self.snd_wl1 = 0
        self.snd_wnd = 0
        self.max_window = 0
        self.mss_cache = 536
        self.window_clamp = 0
        self.rcv_ssthresh = 0
        self.scaling_ratio = 128
        self.rack_mstamp = 0
        self.rack_rtt_us = 0
        self.rack_end_seq = 0
        self.rack_last_delivered = 0
        self.rack_reo_wnd_steps = 1
        self.rack_reo_wnd_persist = 0
        self.rack_dsack_seen = False
        self.rack_advanced = False
        self.advmss = 65535
        self.compressed_ack = 0
        self.dup_ack_counter = 0
        self.tlp_retrans = False
        self.tlp_high_seq = 0
        self.chrono_start = 0
        self.chrono_stat_busy = 0
        self.chrono_stat_rwnd = 0
        self.chrono_stat_sndbuf = 0
        self.chrono_type = 0
        self.rate_delivered = 0
        self.rate_interval_us = 0
        self.rate_app_limited = False
        self.fastopen_connect = False
        self.fastopen_no_cookie = False
        self.fastopen_client_fail = 0
        self.fastopen_req = None
        self.fastopen_rsk = None
        self.is_sack_reneg = False
        self.nonagle = 0
        self.thin_lto = False
        self.recvmsg_inq = False
        self.repair = False
        self.repair_queue = 0
        self.frto = False
        self.syn_data = False
        self.syn_fastopen = False
        self.syn_fastopen_exp = False
        self.syn_data_acked = False
        self.save_syn = 0
        self.saved_syn = None
        self.is_cwnd_limited = False
        self.tcp_tx_delay = 0
        self.tcp_wstamp_ns = 0
        self.tcp_clock_cache = 0
        self.tcp_mstamp = 0
        self.srtt_us = 0
        self.mdev_us = 0
        self.mdev_max_us = 0
        self.rttvar_us = 0
        self.rtt_seq = 0
        self.rtt_min = Minmax()
        self.packets_out = 0
        self.retrans_out = 0
        self.max_packets_out = 0
        self.cwnd_usage_seq = 0
        self.urg_data = 0
        self.urg_seq = 0
        self.urg_mode = False
        self.snd_up = 0
        self.ecn_flags = 0
        self.keepalive_probes = 0
        self.keepalive_time = 0
        self.keepalive_intvl = 0
        self.linger2 = 0
        self.reordering = 3
        self.reord_seen = 0
        self.snd_ssthresh = 0x7FFFFFFF
        self.snd_cwnd = 10
        self.snd_cwnd_cnt = 0
        self.snd_cwnd_clamp = 0xFFFFFFFF
        self.snd_cwnd_used = 0
        self.snd_cwnd_stamp = 0
        self.prior_cwnd = 0
        self.prr_delivered = 0
        self.prr_out = 0
        self.delivered = 0
        self.delivered_ce = 0
        self.lost = 0
        self.app_limited = 0
        self.first_tx_mstamp = 0
        self.delivered_mstamp = 0
        self.rcv_wnd = 0
        self.write_seq = 0
        self.notsent_lowat = 0
        self.pushed_seq = 0
        self.lost_out = 0
        self.sacked_out = 0
        self.duplicate_sack0 = 0
        self.duplicate_sack1 = 0
        self.selective_acks = None
        self.recv_sack_cache = None
        self.highest_sack = None
        self.lost_skb_hint = None
        self.retransmit_skb_hint = None
        self.tcp_rtx_queue = SkBuffHead()
        self.out_of_order_queue = None
        self.ooo_last_skb = None
        self.tsorted_first = None
        self.tsorted_last = None
        self.prior_ssthresh = 0
        self.high_seq = 0
        self.retrans_stamp = 0
        self.undo_marker = 0
        self.undo_retrans = -1
        self.bytes_retrans = 0
        self.total_retrans = 0
        self.total_rto = 0
        self.total_rto_recoveries = 0
        self.total_rto_time = 0
        self.rto_stamp = 0
        self.rcvq_space_space = 0
        self.rcvq_space_seq = 0
        self.rcvq_space_time = 0
        self.rcv_rtt_est_rtt_us = 0
        self.rcv_rtt_est_seq = 0
        self.rcv_rtt_est_time = 0
        self.rcv_rtt_last_tsecr = 0
        self.rcv_ooopack = 0
        self.received_ce = 0
        self.mtu_info = 0
        self.mtu_probe_seq_start = 0
        self.mtu_probe_seq_end = 0
        self.tstamp_ok = False
        self.sack_ok = 0
        self.wscale_ok = False
        self.snd_wscale = 0
        self.rcv_wscale = 0
        self.saw_tstamp = False
        self.ts_recent = 0
        self.ts_recent_stamp = 0
        self.rcv_tsval = 0
        self.rcv_tsecr = 0
        self.rx_opt_mss_clamp = 536
        self.rx_opt_user_mss = 0
        self.rx_opt_num_sacks = 0
        self.rx_opt_dsack = False
        self.tsq_flags = 0
        self.tsq_queued = False
        self.pacing_timer = None
        self.compressed_ack_timer = None
        self.md5sig_info = None
        self.plb_rehash = 0
        self.timeout_rehash = 0
        self.defer_accept = 0
