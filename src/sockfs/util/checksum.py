"""The Internet checksum: ones' complement sums of 16-bit words.

Kernel counterpart: lib/checksum.c, net/checksum.h. RFC 1071, RFC 1624; pseudo-headers of RFC 9293 section
3.1, RFC 768 and RFC 8200 section 8.1. Only the edge of the stack calls this: inside the process packets carry
no bytes.

2**16 is 1 modulo 65535, so the sum of all words of a buffer is the buffer, read as one big number, modulo
65535: two calls into C whatever the length. The one value to mind is 0: ones' complement has two zeros, and a
sum of words that are not all zero can only come out as 0xFFFF (RFC 1071 section 4). Sums are host-order
numbers of big-endian words, at most 32 bits wide.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

CSUM_MANGLED_0: Final = 0xFFFF  # what UDP sends for a checksum of 0, which would mean "none" (RFC 768)


def ip_compute_csum(buf: bytes) -> i64:
    """The checksum to put into a header whose own checksum field is zero; 0 over a header that is right."""
    return ~csum_partial(buf, 0) & 0xFFFF


def csum_tcpudp_magic(saddr: i64, daddr: i64, length: i64, proto: i64, sum: i64) -> i64:
    """Checksum of a TCP or UDP packet over IPv4, from the sum of its header and data."""
    return csum_fold(csum_tcpudp_nofold(saddr, daddr, length, proto, sum))


def csum_tcpudp_nofold(saddr: i64, daddr: i64, length: i64, proto: i64, sum: i64) -> i64:
    return (
        (saddr >> 16 & 0xFFFF)
        + (saddr & 0xFFFF)
        + (daddr >> 16 & 0xFFFF)
        + (daddr & 0xFFFF)
        + (length >> 16)
        + (length & 0xFFFF)
        + proto
        + sum
    )


def csum_ipv6_magic(saddr: bytes, daddr: bytes, length: i64, proto: i64, sum: i64) -> i64:
    """The same over IPv6; the addresses are 16 bytes each."""
    return csum_fold(csum_partial(saddr + daddr, sum) + (length >> 16) + (length & 0xFFFF) + proto)


def csum_fold(sum: i64) -> i64:
    """Complement of a sum, 16 bits: what goes onto the wire."""
    sum = (sum & 0xFFFF) + (sum >> 16)
    sum = (sum & 0xFFFF) + (sum >> 16)
    return ~sum & 0xFFFF


def csum_partial(buf: bytes, sum: i64) -> i64:
    """Adds the words of `buf` to `sum`; an odd last byte counts as the high half of a word."""
    n = int.from_bytes(buf, "big")
    if n == 0:
        return sum
    if len(buf) & 1:
        n <<= 8
    words: i64 = n % 0xFFFF
    return sum + (words if words != 0 else 0xFFFF)


def csum_block_add(sum: i64, sum2: i64, offset: i64) -> i64:
    """Sum of two pieces, the second `offset` bytes in: at an odd place its bytes swap (RFC 1071 2.B)."""
    if offset & 1:
        sum2 = (sum2 & 0xFFFF) + (sum2 >> 16)
        sum2 = (sum2 & 0xFFFF) + (sum2 >> 16)
        sum2 = (sum2 & 0xFF) << 8 | sum2 >> 8
    return sum + sum2


def csum_replace2(check: i64, old: i64, new: i64) -> i64:
    """The checksum after one 16-bit word of the data changed from `old` to `new` (RFC 1624 equation 3)."""
    return csum_fold((~check & 0xFFFF) + (~old & 0xFFFF) + new)
