"""Time-wait socks: made small, found like any connection, gone after a minute.

Kernel counterpart: `net/ipv4/inet_timewait_sock.c`. Control comes from `tcp_time_wait` (birth), the timer and
`tcp_timewait_state_process` (death). `tw_sock_TCP` counts them; `net.ipv4.tcp_max_tw_buckets` limits them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.kernel import slab, timers
from sockfs.net.ipv4 import inet_hashtables
from sockfs.structs.inet_timewait_sock import InetTimewaitSock
from sockfs.structs.sock import SOCK_CONNECT_BIND
from sockfs.structs.timer import TimerList

if TYPE_CHECKING:
    from sockfs.structs.tcp_sock import TcpSock

TCP_TIMEWAIT_LEN: Final = 60_000_000_000
"""RFC 9293 section 3.4.2: 2 MSL. Linux: one minute, whatever the MSL."""


class TwTimer(TimerList):
    """`tw_timer`."""

    tw: InetTimewaitSock

    def __init__(self, tw: InetTimewaitSock) -> None:
        super().__init__()
        self.tw = tw

    def function(self) -> None:
        tw_timer_handler(self.tw)


def inet_twsk_alloc(sk: TcpSock, state: i64) -> InetTimewaitSock | None:
    """The minisock for what remains of sk; None when there are too many."""
    net = sk.sk_net
    if net.tcp_hashinfo.tw_count >= net.ipv4.sysctl_tcp_max_tw_buckets:
        return None
    k = sk.kernel
    slab.kmem_cache_alloc(k.slabs[sk.sk_prot.tw_slab])
    net.tcp_hashinfo.tw_count += 1
    tw = InetTimewaitSock(sk.sk_family, net, sk.sk_prot)
    tw.tw_substate = state
    tw.sk_daddr = sk.sk_daddr
    tw.sk_rcv_saddr = sk.sk_rcv_saddr
    tw.tw_saddr = sk.inet_saddr
    tw.sk_v6_daddr = sk.sk_v6_daddr
    tw.sk_v6_rcv_saddr = sk.sk_v6_rcv_saddr
    tw.sk_num = sk.sk_num
    tw.sk_dport = sk.sk_dport
    tw.sk_bound_dev_if = sk.sk_bound_dev_if
    tw.sk_reuse = sk.sk_reuse
    tw.sk_reuseport = sk.sk_reuseport
    tw.sk_ipv6only = sk.sk_ipv6only
    tw.tw_tos = sk.tos
    tw.tw_transparent = sk.transparent
    tw.tw_mark = sk.sk_mark
    tw.tw_connect_bind = (sk.sk_userlocks & SOCK_CONNECT_BIND) != 0
    tw.sk_cookie = sk.sk_cookie
    return tw


def inet_twsk_hashdance_schedule(tw: InetTimewaitSock, sk: TcpSock, timeo: i64) -> None:
    """Take sk's place in both tables, and start the timer (timeo in ns)."""
    tb = sk.icsk_bind_hash
    tw.tw_tb = tb
    if tb is not None:
        inet_hashtables.sk_add_bind_node(tw, tb)  # the sock itself lets go in its own time
    inet_hashtables.inet_unhash(sk)
    inet_hashtables.inet_ehash_insert(tw)
    inet_twsk_schedule(tw, timeo)


def inet_twsk_schedule(tw: InetTimewaitSock, timeo: i64) -> None:
    timer = TwTimer(tw)
    tw.tw_timer = timer
    k = tw.sk_net.kernel
    timers.mod_timer(k, timer, k.now + timeo)


def inet_twsk_reschedule(tw: InetTimewaitSock, timeo: i64) -> None:
    """Start the wait over."""
    timer = tw.tw_timer
    if timer is not None:
        k = tw.sk_net.kernel
        timers.mod_timer(k, timer, k.now + timeo)


def tw_timer_handler(tw: InetTimewaitSock) -> None:
    """The wait is over."""
    tw.sk_net.mib_linux.TW += 1
    inet_twsk_kill(tw)


def inet_twsk_deschedule_put(tw: InetTimewaitSock) -> None:
    """Make an end before the time."""
    timer = tw.tw_timer
    if timer is not None and timers.timer_shutdown(tw.sk_net.kernel, timer):
        inet_twsk_kill(tw)


def inet_twsk_kill(tw: InetTimewaitSock) -> None:
    """Out of both tables, and back to the slab."""
    net = tw.sk_net
    inet_hashtables.__sk_nulls_del(tw)
    tb = tw.tw_tb
    if tb is not None:
        tw.tw_tb = None
        inet_hashtables.sk_del_bind_node(tw, tb)
        inet_hashtables.inet_bind_bucket_leave(net, tb)
    tw.tw_timer = None
    net.tcp_hashinfo.tw_count -= 1
    slab.kmem_cache_free(net.kernel.slabs[tw.sk_prot.tw_slab])
