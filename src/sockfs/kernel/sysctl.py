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

# (lowest, highest) of integers that Linux limits; everything else is any 32-bit integer
LIMITS: Final[dict[str, tuple[int, int]]] = {
    "ip_default_ttl": (1, 255),
    "ip_forward": (0, 1),
    "ip_nonlocal_bind": (0, 255),
    "ip_unprivileged_port_start": (0, 65535),
    "tcp_syn_retries": (1, 127),
    "tcp_synack_retries": (0, 255),
    "tcp_syn_linear_timeouts": (0, 127),
    "tcp_adv_win_scale": (-31, 31),
    "tcp_ecn": (0, 5),
    "tcp_early_retrans": (0, 4),
    "tcp_fastopen": (0, 0x7FFFFFFF),
    "tcp_frto": (0, 255),
    "tcp_min_tso_segs": (1, 65535),
    "tcp_min_snd_mss": (48, 65535),
    "tcp_mtu_probing": (0, 255),
    "tcp_pacing_ss_ratio": (0, 1000),
    "tcp_pacing_ca_ratio": (0, 1000),
    "tcp_retries1": (0, 255),
    "tcp_retries2": (0, 255),
    "tcp_orphan_retries": (0, 255),
    "tcp_sack": (0, 255),
    "tcp_timestamps": (0, 255),
    "tcp_window_scaling": (0, 255),
    "tcp_dsack": (0, 255),
    "tcp_syncookies": (0, 255),
    "tcp_tw_reuse": (0, 2),
    "tcp_rto_min_us": (1, 2**31 - 1),
    "tcp_rto_max_ms": (1000, 120000),
    "tcp_keepalive_probes": (0, 255),
    "tcp_reordering": (0, 2**31 - 1),
    "tcp_notsent_lowat": (0, 2**32 - 1),
    "tcp_rmem": (1, 2**31 - 1),
    "tcp_wmem": (1, 2**31 - 1),
    "tcp_mem": (0, 2**63 - 1),
    "udp_mem": (0, 2**63 - 1),
    "somaxconn": (0, 2**31 - 1),
    "rmem_default": (2304, 2**31 - 1),
    "rmem_max": (2304, 2**31 - 1),
    "wmem_default": (4608, 2**31 - 1),
    "wmem_max": (4608, 2**31 - 1),
    "max_dgram_qlen": (0, 2**31 - 1),
    "tcp_fin_timeout": (0, 2**31 // 1000 - 1),
    "tcp_keepalive_time": (0, 2**31 // 1000 - 1),
    "tcp_keepalive_intvl": (0, 2**31 // 1000 - 1),
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
