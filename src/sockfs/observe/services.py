"""Names of ports, from the host's /etc/services: what tables show without -n."""

from __future__ import annotations

from functools import cache


@cache
def services() -> dict[tuple[int, str], str]:
    """(port, "tcp" or "udp") → name. Empty where the file is missing."""
    found: dict[tuple[int, str], str] = {}
    try:
        with open("/etc/services", encoding="utf-8", errors="replace") as file:
            for line in file:
                words = line.partition("#")[0].split()
                if len(words) >= 2 and "/" in words[1]:
                    port, _, proto = words[1].partition("/")
                    if port.isdigit():
                        found.setdefault((int(port), proto), words[0])
    except OSError:
        pass
    return found


def port_name(port: int, netid: str, numeric: bool) -> str:
    """A port as tables show it: a service's name, or the number; "*" for none."""
    if port == 0:
        return "*"
    if numeric:
        return str(port)
    if netid in ("raw", "icmp"):
        return {1: "icmp", 2: "igmp", 6: "tcp", 17: "udp", 255: "raw"}.get(port, str(port))
    return services().get((port, netid), str(port))
