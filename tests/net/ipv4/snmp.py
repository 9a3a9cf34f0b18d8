"""Counters on both sides of a comparison: /proc/net/snmp and netstat of the kernel, the objects of sockfs."""

from __future__ import annotations

from typing import Any

from sockfs.uapi import snmp as names

GROUPS = {
    "Ip": "mib_ip",
    "IpExt": "mib_ipext",
    "Icmp": "mib_icmp",
    "Udp": "mib_udp",
    "UdpLite": "mib_udplite",
}


NAMES = {
    "Ip": names.IPSTATS,
    "IpExt": names.IPEXT,
    "Icmp": names.ICMP,
    "Udp": names.UDP,
    "UdpLite": names.UDPLITE,
}


def counters(s: Any) -> dict[str, int]:
    """Every counter of IPv4, ICMP and UDP that is not 0, as "Group.Name"."""
    found: dict[str, int] = {}
    if s.side == "kernel":
        for path in ("/proc/net/snmp", "/proc/net/netstat"):
            with open(path) as f:
                lines = f.read().splitlines()
            for names, values in zip(lines[::2], lines[1::2], strict=True):
                group = names.split(":")[0]
                if group in GROUPS:
                    for name, value in zip(names.split()[1:], values.split()[1:], strict=True):
                        found[f"{group}.{name}"] = int(value)
    else:
        net = s.kernel.init_net
        for group, field in GROUPS.items():
            mib = getattr(net, field)
            for name in NAMES[group]:
                found[f"{group}.{name}"] = int(getattr(mib, name))
    return {k: v for k, v in found.items() if v and k not in ("Ip.Forwarding", "Ip.DefaultTTL")}


def note_counters(s: Any) -> None:
    """Observe all of them."""
    for name, value in sorted(counters(s).items()):
        s.note(name, value)
