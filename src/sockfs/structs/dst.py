"""A routing decision, cached: `struct dst_entry`.

Kernel counterpart: `include/net/dst.h`. `output` and `input` are the two pointers by which a packet goes
on: a route of a protocol overrides them (`net/ipv4/route.py: Rtable`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import i64

if TYPE_CHECKING:
    from sockfs.structs.net_device import NetDevice
    from sockfs.structs.sk_buff import SkBuff


class Dst:
    """`struct dst_entry`."""

    dev: NetDevice
    obsolete: bool
    genid: i64  # of the routing table it came from: stale when the table has moved on
    error: i64  # -errno of a blackhole, unreachable or prohibit route
    mtu_metric: i64  # RTAX_MTU; 0: the device's
    advmss_metric: i64
    window_metric: i64
    rtt_metric: i64  # ms << 3
    rttvar_metric: i64
    ssthresh_metric: i64
    cwnd_metric: i64
    initcwnd: i64
    initrwnd: i64
    rto_min: i64  # ns; 0: unset
    features: i64
    quickack: bool
    cc_algo: str

    def __init__(self, dev: NetDevice) -> None:
        self.dev = dev
        self.obsolete = False
        self.genid = 0
        self.error = 0
        self.mtu_metric = 0
        self.advmss_metric = 0
        self.window_metric = 0
        self.rtt_metric = 0
        self.rttvar_metric = 0
        self.ssthresh_metric = 0
        self.cwnd_metric = 0
        self.initcwnd = 0
        self.initrwnd = 0
        self.rto_min = 0
        self.features = 0
        self.quickack = False
        self.cc_algo = ""

    def output(self, skb: SkBuff) -> i64:
        """Send a packet that has its network header (`dst_output`). Returns 0 or -errno; the skb is
        consumed.
        """
        return -113

    def input(self, skb: SkBuff) -> i64:
        """Take a packet that arrived (`dst_input`). Returns 0; the skb is consumed."""
        return 0

    def mtu(self) -> i64:
        """What fits, in bytes from the network header on (`dst_mtu`)."""
        return self.mtu_metric if self.mtu_metric else self.dev.mtu

    def advmss(self) -> i64:
        """The MSS to advertise on it (`dst_metric_advmss`)."""
        return self.advmss_metric
