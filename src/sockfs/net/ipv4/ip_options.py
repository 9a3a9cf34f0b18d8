"""Options of the IPv4 header: those a socket sends, and those that arrive.

Kernel counterpart: `net/ipv4/ip_options.c`. `ip_options_get` checks what setsockopt(IP_OPTIONS) or a
control message gives (ip(7)); `ip_options_build` puts it into a header; `ip_rcv_options` looks at what
came. RFC 791 section 3.1, RFC 1122 3.2.1.8.

Left out: filling in record route and timestamps (no host of ours has to be visited), source-routed
forwarding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import i64

from sockfs.net.core import skbuff
from sockfs.net.ipv4 import icmp
from sockfs.uapi.dropreason import SKB_DROP_REASON_IP_INHDR
from sockfs.uapi.icmp import ICMP_PARAMETERPROB
from sockfs.uapi.ip import (
    IPOPT_COPY,
    IPOPT_END,
    IPOPT_LSRR,
    IPOPT_NOOP,
    IPOPT_RA,
    IPOPT_RR,
    IPOPT_SSRR,
    IPOPT_TIMESTAMP,
    MAX_IPOPTLEN,
)

if TYPE_CHECKING:
    from sockfs.structs.headers import Iphdr
    from sockfs.structs.net import Net
    from sockfs.structs.net_device import NetDevice
    from sockfs.structs.sk_buff import SkBuff


def ip_options_build(iph: Iphdr, opt: bytes) -> None:
    """opt, as `ip_options_get` gave it, into a header. With a source route the packet goes to its first
    hop.
    """
    iph.options = opt
    iph.ihl = 5 + (len(opt) >> 2)
    first = ip_options_first_hop(opt)
    if first != 0:
        iph.options = _source_route_shift(opt, iph.daddr)
        iph.daddr = first


def ip_options_first_hop(opt: bytes) -> i64:
    """Where a source route starts; 0: there is none."""
    at = _find_source_route(opt)
    if at < 0 or opt[at + 1] < 7:
        return 0
    return (opt[at + 3] << 24) | (opt[at + 4] << 16) | (opt[at + 5] << 8) | opt[at + 6]


def _find_source_route(opt: bytes) -> i64:
    n: i64 = len(opt)
    at: i64 = 0
    while at < n:
        kind: i64 = opt[at]
        if kind == IPOPT_END:
            return -1
        if kind == IPOPT_NOOP:
            at += 1
            continue
        if at + 2 > n or opt[at + 1] < 2:
            return -1
        if kind in (IPOPT_LSRR, IPOPT_SSRR):
            return at
        at += opt[at + 1]
    return -1


def _source_route_shift(opt: bytes, daddr: i64) -> bytes:
    """The first address of the route leaves it, the destination becomes its last."""
    at = _find_source_route(opt)
    end: i64 = at + opt[at + 1]
    last: int = daddr & 0xFFFFFFFF
    return opt[: at + 3] + opt[at + 7 : end] + last.to_bytes(4, "big") + opt[end:]


def ip_options_get(data: bytes) -> bytes | None:
    """What a program gave, padded to four bytes; None: -EINVAL (`ip_options_compile`)."""
    n: i64 = len(data)
    if n > MAX_IPOPTLEN:
        return None
    if n & 3:
        data = data + bytes(int(4 - (n & 3)))
    if ip_options_compile(data) >= 0:
        return None
    end = _end_of_options(data)
    return data[:end] + bytes(len(data) - end)


def _end_of_options(opt: bytes) -> int:
    """Where the end-of-list option stands in well-formed options; behind it all counts as its repetition."""
    n: i64 = len(opt)
    at: i64 = 0
    while at < n:
        kind: i64 = opt[at]
        if kind == IPOPT_END:
            break
        at += 1 if kind == IPOPT_NOOP else opt[at + 1]
    return min(int(at), int(n))


def ip_options_compile(opt: bytes) -> i64:
    """-1 when opt is well formed, else the offset of what is wrong."""
    n: i64 = len(opt)
    at: i64 = 0
    seen_srr = False
    while at < n:
        kind: i64 = opt[at]
        if kind == IPOPT_END:
            return -1
        if kind == IPOPT_NOOP:
            at += 1
            continue
        if at + 2 > n:
            return at
        size: i64 = opt[at + 1]
        if size < 2 or at + size > n:
            return at
        if kind in (IPOPT_SSRR, IPOPT_LSRR):
            if size < 3:
                return at + 1
            if opt[at + 2] < 4:
                return at + 2
            if seen_srr:
                return at
            if opt[at + 2] != 4 or size < 7 or (size - 3) & 3:
                return at + 1
            seen_srr = True
        elif kind == IPOPT_RR:
            if size < 3:
                return at + 1
            if opt[at + 2] < 4:
                return at + 2
            if opt[at + 2] <= size and opt[at + 2] + 3 > size:
                return at + 2
        elif kind == IPOPT_TIMESTAMP:
            if size < 4:
                return at + 1
            if opt[at + 2] < 5:
                return at + 2
        elif kind == IPOPT_RA:
            if size < 4:
                return at + 1
        at += size
    return -1


def ip_options_fragment(opt: bytes) -> bytes:
    """Options of all fragments but the first: those that are not to be copied become no-operations (RFC
    791).
    """
    if len(opt) == 0:
        return opt
    out = bytearray(opt)
    n: i64 = len(out)
    at: i64 = 0
    while at < n:
        kind: i64 = out[at]
        if kind == IPOPT_END:
            break
        if kind == IPOPT_NOOP:
            at += 1
            continue
        if at + 2 > n or out[at + 1] < 2 or at + out[at + 1] > n:
            break
        size: i64 = out[at + 1]
        if not kind & IPOPT_COPY:
            i: i64 = at
            while i < at + size:
                out[i] = IPOPT_NOOP
                i += 1
        at += size
    return bytes(out)


def ip_options_echo(opt: bytes) -> bytes:
    """Options for an answer to a packet that had these: record route, timestamp and security go back, a
    source route reversed.
    """
    out = b""
    n: i64 = len(opt)
    at: i64 = 0
    while at < n:
        kind: i64 = opt[at]
        if kind == IPOPT_END:
            break
        if kind == IPOPT_NOOP:
            at += 1
            continue
        if at + 2 > n or opt[at + 1] < 2 or at + opt[at + 1] > n:
            break
        size: i64 = opt[at + 1]
        if kind in (IPOPT_RR, IPOPT_TIMESTAMP):
            out += opt[at : at + size]
        at += size
    if len(out) & 3:
        out += bytes(4 - (len(out) & 3))
    return out


def ip_rcv_options(net: Net, skb: SkBuff, dev: NetDevice, iph: Iphdr) -> bool:
    """Options of an arrival. False: they were wrong, the sender was told, the packet is gone."""
    wrong = ip_options_compile(iph.options)
    if wrong < 0:
        return True
    net.mib_ip.InHdrErrors += 1
    icmp.icmp_send(skb, ICMP_PARAMETERPROB, 0, (20 + wrong) << 24)
    skbuff.kfree_skb_reason(net.kernel, skb, SKB_DROP_REASON_IP_INHDR)
    return False
