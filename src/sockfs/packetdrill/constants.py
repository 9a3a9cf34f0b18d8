"""The names that scripts use for numbers: everything of `uapi/`, and the few that only packetdrill has."""

from __future__ import annotations

from functools import cache

from sockfs.uapi import errno, errqueue, fcntl, in_, ioctl, ip, poll, socket, tcp
from sockfs.uapi import stat as uapi_stat

EXTRA = {
    "NULL": 0,
    "INFINITE_SSTHRESH": 0x7FFFFFFF,
    "SOCK_EXTENDED_ERR": 0,
    "EPOLL_CTL_ADD": 1,
    "EPOLL_CTL_DEL": 2,
    "EPOLL_CTL_MOD": 3,
    "TCP_CM_INQ": 36,
    "SCM_TSTAMP_SND": 0,
    "SCM_TSTAMP_SCHED": 1,
    "SCM_TSTAMP_ACK": 2,
    "TCPI_OPT_TIMESTAMPS": 1,
    "TCPI_OPT_SACK": 2,
    "TCPI_OPT_WSCALE": 4,
    "TCPI_OPT_ECN": 8,
    "TCPI_OPT_ECN_SEEN": 16,
    "TCPI_OPT_SYN_DATA": 32,
    "SIOCINQ": 0x541B,
    "SIOCOUTQ": 0x5411,
    "SIOCOUTQNSD": 0x894B,
    "FIONREAD": 0x541B,
    "FIONBIO": 0x5421,
}


@cache
def table() -> dict[str, int]:
    """Name → number."""
    found = dict(EXTRA)
    for module in (in_, ip, ioctl, uapi_stat, fcntl, poll, errqueue, socket, tcp, errno):
        for name in dir(module):
            value = getattr(module, name)
            if name[0].isupper() and isinstance(value, int) and not isinstance(value, bool):
                found[name] = value
    return found


@cache
def errno_names() -> dict[int, str]:
    """errno → name."""
    names: dict[int, str] = {}
    for name in dir(errno):
        value = getattr(errno, name)
        if name[0] == "E" and name.isupper() and isinstance(value, int):
            names.setdefault(value, name)
    return names
