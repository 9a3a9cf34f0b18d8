"""nstat: the kernel's network counters by their names. Counterpart: nstat(8), without its history file."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING

from sockfs.observe import proc_net

if TYPE_CHECKING:
    from sockfs.observe.snapshot import View

SKIPPED = {
    "IpForwarding",
    "IpDefaultTTL",
    "TcpRtoAlgorithm",
    "TcpRtoMin",
    "TcpRtoMax",
    "TcpMaxConn",
    "TcpCurrEstab",
}


def counters(view: View, zeros: bool = False, patterns: tuple[str, ...] = ()) -> dict[str, int]:
    """Every counter by nstat's name (`TcpExtTCPPureAcks`), those that are 0 only if asked for."""
    found: dict[str, int] = {}
    for title, name in (*proc_net.SNMP_GROUPS, *proc_net.NETSTAT_GROUPS):
        for key, value in proc_net.counters(getattr(view.net, name)).items():
            full = title + key
            if full in SKIPPED or not (value or zeros):
                continue
            if patterns and not any(fnmatch.fnmatchcase(full, p) for p in patterns):
                continue
            found[full] = value
    return found


def table(values: dict[str, int]) -> str:
    """nstat's own layout."""
    return "#kernel\n" + "".join(f"{name:<32}{value:<19}0.0\n" for name, value in values.items())
