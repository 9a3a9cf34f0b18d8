"""Numbers that an outsider must not guess: initial sequence numbers, port offsets, timestamp offsets.

Kernel counterpart: `net/core/secure_seq.c`. All are keyed hashes of the addresses, so that one connection
gets the same answer twice and different ones get unrelated answers. The keys are the kernel's own
(`Kernel.isn_key0` …), drawn from its seed.

RFC 6528: ISN = M + F(localip, localport, remoteip, remoteport, secretkey), with M a clock of 64 ns a tick
here, as in Linux. RFC 6056: the offset with which the search for an ephemeral port starts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import i64

from sockfs.util import siphash

if TYPE_CHECKING:
    from sockfs.structs.kernel import Kernel
    from sockfs.structs.net import Net


def seq_scale(k: Kernel, seq: i64) -> i64:
    """RFC 6528's M: a new connection between the same ends starts above what the old one had sent at 64 ns a
    byte."""
    return (seq + (k.now >> 6)) & 0xFFFFFFFF


def secure_tcp_seq(k: Kernel, saddr: i64, daddr: i64, sport: i64, dport: i64) -> i64:
    """The initial sequence number of a connection (addresses and ports in host order)."""
    key = siphash.HsiphashKey(k.isn_key0, k.isn_key1)
    return seq_scale(k, siphash.hsiphash_3u32(saddr, daddr, (sport << 16) | dport, key))


def secure_tcp_ts_off(net: Net, saddr: i64, daddr: i64) -> i64:
    """What a host adds to its timestamps towards another (sysctl tcp_timestamps 1; 2 is the bare clock)."""
    if net.ipv4.sysctl_tcp_timestamps != 1:
        return 0
    k = net.kernel
    return siphash.hsiphash_2u32(saddr, daddr, siphash.HsiphashKey(k.ts_key0, k.ts_key1))


def secure_ipv4_port_ephemeral(k: Kernel, saddr: i64, daddr: i64, dport: i64) -> i64:
    """RFC 6056 section 3.3.4 F(): 62 bits, the upper half the offset of the search, the lower half which
    counter to use."""
    key = siphash.HsiphashKey(k.port_key0, k.port_key1)
    low = siphash.hsiphash_4u32(saddr, daddr, dport, 0, key)
    high = siphash.hsiphash_4u32(saddr, daddr, dport, 1, key)
    return ((high & 0x3FFFFFFF) << 32) | low


def table_perturb_init(k: Kernel, index: i64) -> i64:
    """Where the counter `index` of RFC 6056 algorithm 4 starts."""
    return siphash.hsiphash_2u32(index, 0x70657274, siphash.HsiphashKey(k.port_key0, k.port_key1))
