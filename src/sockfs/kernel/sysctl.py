"""Sysctls by path: `net.ipv4.tcp_rmem` or `/proc/sys/net/ipv4/tcp_rmem`, read and written as text.

Kernel counterparts: `kernel/sysctl.c`, `net/ipv4/sysctl_net_ipv4.c`; meanings in the kernel's
`networking/ip-sysctl` document. The values are fields of `structs/netns_sysctl.py`; this file knows their
limits. What a sysctl does stands where it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sockfs.uapi.errno import EACCES, EINVAL, ENOENT

if TYPE_CHECKING:
    from sockfs.structs.net import Net

INT_MAX: Final = 2**31 - 1
SWITCHES: Final = (
    "fib_multipath_use_neigh icmp_echo_enable_probe icmp_echo_ignore_all icmp_echo_ignore_broadcasts "
    "icmp_errors_use_inbound_ifaddr icmp_ignore_bogus_error_responses ip_autobind_reuse "
    "ip_forward_update_priority nexthop_compat_mode raw_l3mdev_accept tcp_autocorking "
    "tcp_backlog_ack_defer tcp_ecn_fallback tcp_l3mdev_accept tcp_migrate_req "
    "tcp_no_ssthresh_metrics_save tcp_plb_enabled tcp_reflect_tos tcp_shrink_window txrehash "
    "udp_l3mdev_accept"
)
BYTES: Final = (
    "fwmark_reflect igmp_link_local_mcast_reports ip_dynaddr ip_early_demux ip_forward_use_pmtu "
    "ip_no_pmtu_disc ip_nonlocal_bind tcp_abort_on_overflow tcp_comp_sack_nr tcp_dsack tcp_early_demux "
    "tcp_fack tcp_frto tcp_fwmark_accept tcp_keepalive_probes tcp_moderate_rcvbuf tcp_mtu_probing "
    "tcp_no_metrics_save tcp_orphan_retries tcp_plb_suspend_rto_sec tcp_recovery tcp_retrans_collapse "
    "tcp_retries1 tcp_retries2 tcp_rfc1337 tcp_sack tcp_slow_start_after_idle tcp_stdurg "
    "tcp_synack_retries tcp_syncookies tcp_thin_linear_timeouts tcp_timestamps tcp_tso_rtt_log "
    "tcp_tso_win_divisor tcp_window_scaling tcp_workaround_signed_windows udp_early_demux"
)
COUNTS: Final = (
    "fib_multipath_hash_seed icmp_msgs_burst icmp_msgs_per_sec icmp_ratelimit ipfrag_high_thresh "
    "ipfrag_low_thresh ipfrag_max_dist max_dgram_qlen optmem_max ping_group_range somaxconn "
    "tcp_comp_sack_delay_ns tcp_comp_sack_slack_ns tcp_fastopen_blackhole_timeout_sec "
    "tcp_invalid_ratelimit"
)

# (lowest, highest) of integers that Linux limits, as a running kernel answers; everything else is any
# 32-bit integer. Linux takes negative times (keep-alive, FIN-WAIT-2, fragments) too: here they are refused.
LIMITS: Final[dict[str, tuple[int, int]]] = {
    **dict.fromkeys(SWITCHES.split(), (0, 1)),
    **dict.fromkeys(BYTES.split(), (0, 255)),
    **dict.fromkeys(COUNTS.split(), (0, INT_MAX)),
    "tcp_adv_win_scale": (-31, 31),
    "fib_notify_on_flag_change": (0, 2),
    "tcp_ecn": (0, 2),
    "tcp_ecn_option": (0, 2),
    "tcp_tw_reuse": (0, 2),
    "fib_multipath_hash_policy": (0, 3),
    "tcp_ecn_option_beacon": (0, 3),
    "tcp_early_retrans": (0, 4),
    "tcp_app_win": (0, 31),
    "tcp_plb_idle_rehash_rounds": (0, 31),
    "tcp_plb_rehash_rounds": (0, 31),
    "tcp_syn_linear_timeouts": (0, 127),
    "tcp_plb_cong_thresh": (0, 256),
    "tcp_pacing_ca_ratio": (0, 1000),
    "tcp_pacing_ss_ratio": (0, 1000),
    "ip_unprivileged_port_start": (0, 65535),
    "udp_child_hash_entries": (0, 65536),
    "tcp_min_rtt_wlen": (0, 86400),
    "ipfrag_time": (0, 8589934),
    "tcp_fin_timeout": (0, 8589934),
    "tcp_keepalive_intvl": (0, 8589934),
    "tcp_keepalive_time": (0, 8589934),
    "tcp_child_ehash_entries": (0, 16777216),
    "tcp_probe_interval": (0, 17179869),
    "tcp_notsent_lowat": (0, 2**32 - 1),
    "tcp_mem": (0, 2**63 - 1),
    "udp_mem": (0, 2**63 - 1),
    "tcp_syn_retries": (1, 127),
    "ip_default_ttl": (1, 255),
    "tcp_min_tso_segs": (1, 255),
    "tcp_pingpong_thresh": (1, 255),
    "tcp_reordering": (1, 300),
    "fib_multipath_hash_fields": (1, 4095),
    "tcp_tw_reuse_delay": (1, 60000),
    "ip_local_port_range": (1, 65535),
    "igmp_qrv": (1, INT_MAX),
    "tcp_max_reordering": (1, INT_MAX),
    "tcp_rmem": (1, INT_MAX),
    "tcp_rto_min_us": (1, INT_MAX),
    "tcp_wmem": (1, INT_MAX),
    "udp_rmem_min": (1, INT_MAX),
    "udp_wmem_min": (1, INT_MAX),
    "tcp_min_snd_mss": (48, 65535),
    "tcp_mtu_probe_floor": (48, 65535),
    "tcp_rto_max_ms": (1000, 120000),
    "rmem_default": (2304, INT_MAX),
    "rmem_max": (2304, INT_MAX),
    "wmem_default": (4608, INT_MAX),
    "wmem_max": (4608, INT_MAX),
}

READ_ONLY: Final = (
    "tcp_available_congestion_control",
    "tcp_available_ulp",
    "tcp_ehash_entries",
    "udp_hash_entries",
)


def names(net: Net) -> list[str]:
    """Every sysctl of the namespace, in alphabetical order."""
    found: list[str] = []
    for prefix, table in (("net.core.", net.core), ("net.ipv4.", net.ipv4), ("net.unix.", net.unx)):
        for name in dir(table):
            if name.startswith("sysctl_"):
                found.append(prefix + name[len("sysctl_") :])
    return sorted(found)


def proc_read(net: Net, path: str) -> str | None:
    """The value as /proc shows it (tab between numbers), or None when there is no such sysctl."""
    table, name = _find(net, path)
    if table is None:
        return None
    if name == "tcp_available_congestion_control":
        return " ".join(ca.name for ca in net.kernel.tcp_cong_list)
    value = getattr(table, "sysctl_" + name)
    if name == "tcp_fastopen_key" and not value:
        return "00000000-00000000-00000000-00000000"
    if isinstance(value, list):
        return "\t".join(str(v) for v in value)
    return str(value)


def proc_write(net: Net, path: str, text: str) -> int:
    """Set it from text, as writing to /proc does. 0, -ENOENT, -EACCES (read-only), -EINVAL (no number, out
    of limits).
    """
    table, name = _find(net, path)
    if table is None:
        return -ENOENT
    if name in READ_ONLY:
        return -EACCES
    field = "sysctl_" + name
    old = getattr(table, field)
    text = text.strip()
    if isinstance(old, str):
        if name == "tcp_congestion_control" and all(ca.name != text for ca in net.kernel.tcp_cong_list):
            return -ENOENT
        setattr(table, field, text)
        return 0
    low, high = LIMITS.get(name, (-(2**31), 2**31 - 1))
    words = text.split()
    numbers: list[int] = []
    for word in words:
        try:
            number = int(word, 0)
        except ValueError:
            return -EINVAL
        if not low <= number <= high:
            return -EINVAL
        numbers.append(number)
    if isinstance(old, list):
        if not numbers or len(numbers) > len(old):
            return -EINVAL
        if name == "ip_local_port_range" and (
            len(numbers) != 2 or not 1 <= numbers[0] <= numbers[1] <= 65535
        ):
            return -EINVAL
        setattr(table, field, numbers + old[len(numbers) :])
        return 0
    if len(numbers) != 1:
        return -EINVAL
    setattr(table, field, numbers[0])
    return 0


def _find(net: Net, path: str) -> tuple[object, str]:
    path = path.removeprefix("/proc/sys/").replace("/", ".")
    for prefix, table in (("net.core.", net.core), ("net.ipv4.", net.ipv4), ("net.unix.", net.unx)):
        if path.startswith(prefix):
            name = path[len(prefix) :]
            if hasattr(table, "sysctl_" + name):
                return table, name
    return None, ""
