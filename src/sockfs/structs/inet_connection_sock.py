"""What every connection-oriented internet socket has: `struct inet_connection_sock`, and the port buckets.

Kernel counterparts: `include/net/inet_connection_sock.h`, `include/net/inet_hashtables.h`. Times are
nanoseconds unless the name says otherwise (`_us`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import i64

from sockfs.structs.inet_sock import InetSock
from sockfs.structs.sock import SockCallback

if TYPE_CHECKING:
    from sockfs.structs.kernel import Kernel
    from sockfs.structs.net import Net
    from sockfs.structs.ops import CongestionOps, InetConnectionSockAfOps, Proto
    from sockfs.structs.request_sock import RequestSockQueue
    from sockfs.structs.sock import SockCommon
    from sockfs.structs.timer import TimerList


class InetBindBucket:
    """`struct inet_bind_bucket`: a local port in use, and by whom (`owners` to `owners_last`, in order of
    binding, linked by `bind_next`)."""

    port: i64
    fastreuse: i64
    fastreuseport: i64
    owners: SockCommon | None
    owners_last: SockCommon | None
    fast_sk_family: i64
    fast_rcv_saddr: i64
    fastuid: i64

    def __init__(self, port: i64) -> None:
        self.port = port
        self.fastreuse = 0
        self.fastreuseport = 0
        self.owners = None
        self.owners_last = None
        self.fast_sk_family = 0
        self.fast_rcv_saddr = 0
        self.fastuid = 0


class InetConnectionSock(InetSock):
    """`struct inet_connection_sock`."""

    icsk_accept_queue: RequestSockQueue | None  # listeners only
    icsk_bind_hash: InetBindBucket | None
    icsk_timeout: i64  # when the retransmit timer should act
    icsk_retransmit_timer: TimerList | None
    icsk_delack_timer: TimerList | None
    icsk_rto: i64
    icsk_rto_min: i64
    icsk_rto_max: i64
    icsk_delack_max: i64
    icsk_pmtu_cookie: i64
    icsk_ca_ops: CongestionOps
    icsk_ca_priv: object
    icsk_ca_initialized: bool
    icsk_ca_setsockopt: bool
    icsk_ca_dst_locked: bool
    icsk_ca_state: i64
    icsk_af_ops: InetConnectionSockAfOps
    icsk_retransmits: i64
    icsk_pending: i64  # ICSK_TIME_RETRANS 1, PROBE0 3, LOSS_PROBE 5, REO_TIMEOUT 6
    icsk_backoff: i64
    icsk_syn_retries: i64
    icsk_probes_out: i64
    icsk_probes_tstamp: i64
    icsk_ext_hdr_len: i64
    icsk_user_timeout: i64  # ms, as the option has it
    icsk_ack_pending: i64  # ICSK_ACK_* bits
    icsk_ack_quick: i64
    icsk_ack_pingpong: i64
    icsk_ack_retry: i64
    icsk_ack_ato: i64
    icsk_ack_timeout: i64
    icsk_ack_lrcvtime: i64
    icsk_ack_last_seg_size: i64
    icsk_ack_rcv_mss: i64
    icsk_mtup_enabled: bool
    icsk_mtup_search_high: i64
    icsk_mtup_search_low: i64
    icsk_mtup_probe_size: i64
    icsk_mtup_probe_timestamp: i64

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
        super().__init__(kernel, family, net, prot, callbacks)
        self.is_icsk = True
        self.icsk_accept_queue = None
        self.icsk_bind_hash = None
        self.icsk_timeout = 0
        self.icsk_retransmit_timer = None
        self.icsk_delack_timer = None
        self.icsk_rto = 1_000_000_000
        self.icsk_rto_min = 200_000_000
        self.icsk_rto_max = 120_000_000_000
        self.icsk_delack_max = 200_000_000
        self.icsk_pmtu_cookie = 1500
        self.icsk_ca_ops = ca_ops
        self.icsk_ca_priv = None
        self.icsk_ca_initialized = False
        self.icsk_ca_setsockopt = False
        self.icsk_ca_dst_locked = False
        self.icsk_ca_state = 0
        self.icsk_af_ops = af_ops
        self.icsk_retransmits = 0
        self.icsk_pending = 0
        self.icsk_backoff = 0
        self.icsk_syn_retries = 0
        self.icsk_probes_out = 0
        self.icsk_probes_tstamp = 0
        self.icsk_ext_hdr_len = 0
        self.icsk_user_timeout = 0
        self.icsk_ack_pending = 0
        self.icsk_ack_quick = 0
        self.icsk_ack_pingpong = 0
        self.icsk_ack_retry = 0
        self.icsk_ack_ato = 0
        self.icsk_ack_timeout = 0
        self.icsk_ack_lrcvtime = 0
        self.icsk_ack_last_seg_size = 0
        self.icsk_ack_rcv_mss = 0
        self.icsk_mtup_enabled = False
        self.icsk_mtup_search_high = 0
        self.icsk_mtup_search_low = 0
        self.icsk_mtup_probe_size = 0
        self.icsk_mtup_probe_timestamp = 0
