"""The packet, and the unit of every buffer: `struct sk_buff` and its queues.

Kernel counterpart: `include/linux/skbuff.h`. Payload is immutable `bytes` shared by reference: a head piece
(`data`, `data_off`, `headlen`) and further `frags`; `len` is all of it. Headers are objects of
`structs/headers.py`, absent while the payload waits in a queue. The control block (`cb` in the kernel) is
spread out as fields: those of TCP (`TCP_SKB_CB`), and a few of the other protocols. Functions stand in
`net/core/skbuff.py`.

An skb belongs to one holder. A clone shares payload and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import i64, mypyc_attr

if TYPE_CHECKING:
    from sockfs.structs.dst import Dst
    from sockfs.structs.headers import Ethhdr, Icmphdr, Iphdr, Ipv6hdr, Tcphdr, Udphdr
    from sockfs.structs.net_device import NetDevice
    from sockfs.structs.scm import ScmCookie
    from sockfs.structs.sock import Sock, SockCommon


@mypyc_attr(acyclic=True)
class SkbFrag:
    """One further piece of payload: `skb_frag_t`."""

    page: bytes
    off: i64
    size: i64

    def __init__(self, page: bytes, off: i64, size: i64) -> None:
        self.page = page
        self.off = off
        self.size = size


class UbufInfo:
    """`struct ubuf_info_msgzc`: what is reported when the memory of MSG_ZEROCOPY sends may be used again."""

    sk: Sock
    id: i64  # number of the first send it stands for
    len: i64  # how many
    refcnt: i64  # the send under way, and every packet that holds its data

    def __init__(self, sk: Sock, id: i64) -> None:
        self.sk = sk
        self.id = id
        self.len = 1
        self.refcnt = 1


SkbFrags = list[SkbFrag]  # a name of its own: inside SkBuff `list` is the field


class SkBuff:
    """`struct sk_buff`."""

    next: SkBuff | None
    prev: SkBuff | None
    on_list: SkBuffHead | None  # the queue it is on
    sk: SockCommon | None  # who is charged for it (sender on the way out, receiver on the way in)
    dev: NetDevice | None
    dst: Dst | None  # skb_dst()

    data: bytes
    data_off: i64
    headlen: i64
    frags: SkbFrags | None
    len: i64
    truesize: i64
    users: i64

    ethh: Ethhdr | None
    iph: Iphdr | None
    ip6h: Ipv6hdr | None
    th: Tcphdr | None
    uh: Udphdr | None
    icmph: Icmphdr | None

    protocol: i64  # ETH_P_IP …, host order
    pkt_type: i64  # PACKET_HOST …
    ip_summed: i64  # CHECKSUM_NONE 0, UNNECESSARY 1, COMPLETE 2, PARTIAL 3
    gso_size: i64
    gso_segs: i64
    tstamp: i64  # ns: arrival (wall clock) or, on the way out, the earliest departure time
    skb_mstamp_ns: i64  # TCP: when it was (last) sent
    priority: i64
    mark: i64
    hash: i64
    skb_iif: i64
    wmem_charged: i64  # bytes of truesize charged to sk.sk_wmem_alloc; freed by skb_orphan/sock_wfree
    rmem_charged: i64  # bytes of truesize charged to sk.sk_rmem_alloc; freed by skb_orphan/sock_rfree

    seq: i64  # TCP_SKB_CB
    end_seq: i64
    ack_seq: i64
    tcp_flags: i64
    sacked: i64
    tcp_gso_segs: i64
    tx_delivered: i64  # rate sample: tp.delivered when sent
    tx_delivered_ce: i64
    tx_first_tx_mstamp: i64
    tx_delivered_mstamp: i64
    tx_in_flight: i64
    is_app_limited: bool
    eor: bool
    has_rxtstamp: bool
    tsort_next: SkBuff | None  # tcp_tsorted_anchor: order of last transmission
    tsort_prev: SkBuff | None
    on_tsorted: bool
    tskey: i64
    tx_flags: i64  # SKBTX_* of net/core/errqueue.py
    uarg: UbufInfo | None  # skb_zcopy(): who is told when its data is done with
    zc_frags: i64  # pieces of a MSG_ZEROCOPY send in it

    consumed: i64  # unix stream, peek offset: bytes of it already read
    scm: ScmCookie | None
    name: bytes | None  # source address of a unix or packet datagram; offender of an error
    ee_errno: i64  # sock_exterr_skb: error queue
    ee_origin: i64
    ee_type: i64
    ee_code: i64
    ee_info: i64
    ee_data: i64
    ee_offender: bytes | None

    def __init__(self) -> None:
        self.next = None
        self.prev = None
        self.on_list = None
        self.sk = None
        self.dev = None
        self.dst = None
        self.data = b""
        self.data_off = 0
        self.headlen = 0
        self.frags = None
        self.len = 0
        self.truesize = 0
        self.users = 1
        self.ethh = None
        self.iph = None
        self.ip6h = None
        self.th = None
        self.uh = None
        self.icmph = None
        self.protocol = 0
        self.pkt_type = 0
        self.ip_summed = 0
        self.gso_size = 0
        self.gso_segs = 0
        self.tstamp = 0
        self.skb_mstamp_ns = 0
        self.priority = 0
        self.mark = 0
        self.hash = 0
        self.skb_iif = 0
        self.wmem_charged = 0
        self.rmem_charged = 0
        self.seq = 0
        self.end_seq = 0
        self.ack_seq = 0
        self.tcp_flags = 0
        self.sacked = 0
        self.tcp_gso_segs = 0
        self.tx_delivered = 0
        self.tx_delivered_ce = 0
        self.tx_first_tx_mstamp = 0
        self.tx_delivered_mstamp = 0
        self.tx_in_flight = 0
        self.is_app_limited = False
        self.eor = False
        self.has_rxtstamp = False
        self.tsort_next = None
        self.tsort_prev = None
        self.on_tsorted = False
        self.tskey = 0
        self.tx_flags = 0
        self.uarg = None
        self.zc_frags = 0
        self.consumed = 0
        self.scm = None
        self.name = None
        self.ee_errno = 0
        self.ee_origin = 0
        self.ee_type = 0
        self.ee_code = 0
        self.ee_info = 0
        self.ee_data = 0
        self.ee_offender = None


class SkBuffHead:
    """`struct sk_buff_head`: a queue of skbs, linked through the skbs themselves."""

    first: SkBuff | None
    last: SkBuff | None
    qlen: i64

    def __init__(self) -> None:
        self.first = None
        self.last = None
        self.qlen = 0

    def __len__(self) -> int:
        return self.qlen
