"""fq: packets leave at the time their connection wants (tc-fq(8)).

Kernel counterpart: `net/sched/sch_fq.c`. Control enters in `enqueue` from `dev_queue_xmit` and in the
timer that waits for the earliest departure; it goes on in `dev.sch_direct_xmit`. TCP names the departure
time of each packet (`skb.tstamp`) once it knows that somebody below keeps it (`sk_pacing_status`); other
socks are held to their SO_MAX_PACING_RATE here. A connection's packets keep their order; what carries no
data does not wait.

Leaves out: fairness between connections that may all send now (the device is never busy here), the
priority bands, and the horizon.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.kernel import timers
from sockfs.net.core import dev as core_dev
from sockfs.net.core import skbuff
from sockfs.structs.net_device import QdiscOps
from sockfs.structs.sk_buff import SkBuffHead
from sockfs.structs.sock import Sock
from sockfs.structs.timer import TimerList
from sockfs.uapi.dropreason import SKB_DROP_REASON_QDISC_DROP

if TYPE_CHECKING:
    from sockfs.structs.net_device import NetDevice
    from sockfs.structs.sk_buff import SkBuff

SK_PACING_FQ: Final = 2
NEVER: Final = 0x7FFF_FFFF_FFFF_FFFF
NSEC_PER_SEC: Final = 1_000_000_000
NET_XMIT_DROP: Final = 1
FLOW_LIMIT: Final = 100
LIMIT: Final = 10000


class FqFlow:
    """`struct fq_flow`: what waits of one sock."""

    queue: SkBuffHead
    credit: i64  # bytes that may still go unpaced, for socks that name no departure time
    time_next_packet: i64

    def __init__(self, credit: i64) -> None:
        self.queue = SkBuffHead()
        self.credit = credit
        self.time_next_packet = 0


class FqTimer(TimerList):
    """`qdisc_watchdog`."""

    fq: Fq

    def __init__(self, fq: Fq) -> None:
        super().__init__()
        self.fq = fq

    def function(self) -> None:
        fq_dequeue(self.fq)


class Fq(QdiscOps):
    """`struct fq_sched_data` of one device."""

    dev: NetDevice
    flows: dict[int, FqFlow]  # by sock
    qlen: i64
    watchdog: FqTimer

    def __init__(self, dev: NetDevice) -> None:
        super().__init__("fq")
        self.dev = dev
        self.flows = {}
        self.qlen = 0
        self.watchdog = FqTimer(self)

    def enqueue(self, skb: SkBuff, dev: NetDevice) -> i64:
        return fq_enqueue(self, skb, dev)


def fq_enqueue(fq: Fq, skb: SkBuff, dev: NetDevice) -> i64:
    """Send skb, or keep it until its time. 0 or NET_XMIT_DROP."""
    k = dev.net.kernel
    sk = skb.sk
    if not isinstance(sk, Sock) or skb.len == 0:
        return core_dev.sch_direct_xmit(skb, dev)
    if sk.sk_pacing_status != SK_PACING_FQ:
        sk.sk_pacing_status = SK_PACING_FQ
    key = int(sk.sk_cookie)
    flow = fq.flows.get(key)
    if flow is None:
        flow = FqFlow(10 * dev.mtu)
        fq.flows[key] = flow
    if flow.queue.qlen >= FLOW_LIMIT or fq.qlen >= LIMIT:
        dev.tx_dropped += 1
        skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_QDISC_DROP)
        return NET_XMIT_DROP
    if skb.tstamp == 0:
        skb.tstamp = fq_departure(flow, sk, skb, k.now)
    if flow.queue.qlen == 0 and skb.tstamp <= k.now:
        return core_dev.sch_direct_xmit(skb, dev)
    skbuff.skb_queue_tail(flow.queue, skb)
    fq.qlen += 1
    fq_watch(fq)
    return 0


def fq_departure(flow: FqFlow, sk: Sock, skb: SkBuff, now: i64) -> i64:
    """When a packet may go whose sock left that to us: at sk_pacing_rate, after ten packets of grace."""
    rate = sk.sk_pacing_rate
    if rate >= NEVER or rate == 0:
        return now
    if flow.credit > 0:
        flow.credit -= skb.len
        return now
    at = flow.time_next_packet if flow.time_next_packet > now else now
    flow.time_next_packet = at + skb.len * NSEC_PER_SEC // rate
    return at


def fq_dequeue(fq: Fq) -> None:
    """What is due goes, in order of time."""
    now = fq.dev.net.kernel.now
    while True:
        best: FqFlow | None = None
        at: i64 = NEVER
        for flow in fq.flows.values():
            head = flow.queue.first
            if head is not None and head.tstamp < at:
                at = head.tstamp
                best = flow
        if best is None or at > now:
            break
        skb = skbuff.skb_dequeue(best.queue)
        if skb is None:
            break
        fq.qlen -= 1
        core_dev.sch_direct_xmit(skb, fq.dev)
    fq_watch(fq)


def fq_watch(fq: Fq) -> None:
    """Set the timer for the earliest departure."""
    at: i64 = NEVER
    for flow in fq.flows.values():
        head = flow.queue.first
        if head is not None and head.tstamp < at:
            at = head.tstamp
    if at != NEVER:
        timers.mod_timer(fq.dev.net.kernel, fq.watchdog, at)


def fq_reset(fq: Fq) -> None:
    """The discipline is taken away: nothing is kept."""
    k = fq.dev.net.kernel
    timers.timer_shutdown(k, fq.watchdog)
    for flow in fq.flows.values():
        skbuff.skb_queue_purge(k, flow.queue, SKB_DROP_REASON_QDISC_DROP)
    fq.flows.clear()
    fq.qlen = 0
