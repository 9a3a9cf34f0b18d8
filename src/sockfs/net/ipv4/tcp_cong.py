"""Congestion controls: the registry, and Reno.

Kernel counterpart: `net/ipv4/tcp_cong.c`. A control is one class over `CongestionOps` and one line of
`tcp_register_congestion_control`. Windows
are in segments. RFC 5681: slow start and congestion avoidance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.net.ipv4 import tcp_cubic, tcp_h
from sockfs.structs.ops import CongestionOps
from sockfs.uapi.errno import EEXIST, ENOENT, EPERM
from sockfs.uapi.tcp import TCP_CLOSE

if TYPE_CHECKING:
    from sockfs.structs.kernel import Kernel
    from sockfs.structs.net import Net
    from sockfs.structs.tcp_sock import TcpSock

TCP_CONG_NON_RESTRICTED: Final = 1
TCP_CONG_NEEDS_ECN: Final = 2


# ---- the registry


def tcp_congestion_init(k: Kernel) -> None:
    """What a kernel has built in (called at boot)."""
    tcp_register_congestion_control(k, tcp_reno)
    tcp_register_congestion_control(k, tcp_cubic.cubictcp)


def tcp_register_congestion_control(k: Kernel, ca: CongestionOps) -> i64:
    """0, or -EEXIST."""
    if tcp_ca_find(k, ca.name) is not None:
        return -EEXIST
    k.tcp_cong_list.append(ca)
    return 0


def tcp_unregister_congestion_control(k: Kernel, ca: CongestionOps) -> None:
    k.tcp_cong_list = [c for c in k.tcp_cong_list if c is not ca]


def tcp_ca_find(k: Kernel, name: str) -> CongestionOps | None:
    for ca in k.tcp_cong_list:
        if ca.name == name:
            return ca
    return None


def tcp_ca_default(net: Net) -> CongestionOps:
    """What `net.ipv4.tcp_congestion_control` names; Reno is always there."""
    ca = tcp_ca_find(net.kernel, net.ipv4.sysctl_tcp_congestion_control)
    return tcp_reno if ca is None else ca


def tcp_assign_congestion_control(sk: TcpSock) -> None:
    """A new sock takes the default."""
    sk.icsk_ca_ops = tcp_ca_default(sk.sk_net)
    sk.icsk_ca_priv = None
    sk.icsk_ca_initialized = False


def tcp_init_congestion_control(sk: TcpSock) -> None:
    """The connection stands: its control starts."""
    sk.prior_ssthresh = 0
    sk.icsk_ca_ops.init(sk)
    sk.icsk_ca_initialized = True


def tcp_reinit_congestion_control(sk: TcpSock, ca: CongestionOps) -> None:
    """TCP_CONGESTION on a sock that has one."""
    tcp_cleanup_congestion_control(sk)
    sk.icsk_ca_ops = ca
    sk.icsk_ca_setsockopt = True
    if sk.sk_state != TCP_CLOSE:
        tcp_init_congestion_control(sk)


def tcp_cleanup_congestion_control(sk: TcpSock) -> None:
    if sk.icsk_ca_initialized:
        sk.icsk_ca_ops.release(sk)
    sk.icsk_ca_initialized = False
    sk.icsk_ca_priv = None


def tcp_set_congestion_control(sk: TcpSock, name: str, load: bool, cap_net_admin: bool) -> i64:
    """TCP_CONGESTION. 0, -ENOENT, -EPERM (restricted, `net.ipv4.tcp_allowed_congestion_control`), or -EPERM
    when a route fixed it."""
    if sk.icsk_ca_dst_locked:
        return -EPERM
    ca = tcp_ca_find(sk.kernel, name)
    if ca is None:
        return -ENOENT
    if ca is sk.icsk_ca_ops:
        sk.icsk_ca_setsockopt = True
        return 0
    allowed: bool = name in sk.sk_net.ipv4.sysctl_tcp_allowed_congestion_control.split()
    if not (ca.flags & TCP_CONG_NON_RESTRICTED or allowed or cap_net_admin):
        return -EPERM
    tcp_reinit_congestion_control(sk, ca)
    return 0


def tcp_set_ca_state(sk: TcpSock, ca_state: i64) -> None:
    """The recovery's state machine takes a step, and tells the control before."""
    sk.icsk_ca_ops.set_state(sk, ca_state)
    sk.icsk_ca_state = ca_state


def tcp_ca_needs_ecn(sk: TcpSock) -> bool:
    return sk.icsk_ca_ops.flags & TCP_CONG_NEEDS_ECN != 0


# ---- RFC 5681


def tcp_slow_start(sk: TcpSock, acked: i64) -> i64:
    """One segment for each acknowledged, up to ssthresh. Returns what is left for congestion avoidance."""
    cwnd: i64 = sk.snd_cwnd + acked
    if cwnd > sk.snd_ssthresh:
        cwnd = sk.snd_ssthresh
    acked -= cwnd - sk.snd_cwnd
    sk.snd_cwnd = cwnd if cwnd < sk.snd_cwnd_clamp else sk.snd_cwnd_clamp
    return acked


def tcp_cong_avoid_ai(sk: TcpSock, w: i64, acked: i64) -> None:
    """Additive increase: one segment for each w acknowledged."""
    if w < 1:
        w = 1
    # What was gathered under a larger w counts at once.
    if sk.snd_cwnd_cnt >= w:
        sk.snd_cwnd_cnt = 0
        sk.snd_cwnd += 1
    sk.snd_cwnd_cnt += acked
    if sk.snd_cwnd_cnt >= w:
        delta: i64 = sk.snd_cwnd_cnt // w
        sk.snd_cwnd_cnt -= delta * w
        sk.snd_cwnd += delta
    if sk.snd_cwnd > sk.snd_cwnd_clamp:
        sk.snd_cwnd = sk.snd_cwnd_clamp


class TcpReno(CongestionOps):
    """RFC 5681, as `tcp_reno` has it."""

    def __init__(self) -> None:
        super().__init__("reno")
        self.flags = TCP_CONG_NON_RESTRICTED

    def ssthresh(self, sk: TcpSock) -> int:
        half: i64 = sk.snd_cwnd >> 1
        return half if half > 2 else 2

    def cong_avoid(self, sk: TcpSock, ack: int, acked: int) -> None:
        if not tcp_h.tcp_is_cwnd_limited(sk):
            return
        left: i64 = acked
        if sk.snd_cwnd < sk.snd_ssthresh:
            left = tcp_slow_start(sk, left)
            if left == 0:
                return
        tcp_cong_avoid_ai(sk, sk.snd_cwnd, left)

    def undo_cwnd(self, sk: TcpSock) -> int:
        return sk.prior_cwnd if sk.prior_cwnd > sk.snd_cwnd else sk.snd_cwnd


tcp_reno: Final = TcpReno()
