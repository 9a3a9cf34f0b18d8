"""The Internet checksum: ones' complement sums of 16-bit words.

Kernel counterpart: lib/checksum.c, net/checksum.h. RFC 1071, RFC 1624; pseudo-headers of RFC 9293 section
3.1, RFC 768 and RFC 8200 section 8.1. Only the edge of the stack calls this: inside the process packets carry
no bytes.

Sums are host-order numbers of big-endian words, at most 32 bits wide. Of the two ways to add the words one
is quick compiled and the other interpreted; which it is is settled once, at import.
"""

from __future__ import annotations

from types import FunctionType
from typing import Final

from mypy_extensions import i64

CSUM_MANGLED_0: Final = 0xFFFF  # what UDP sends for a checksum of 0, which would mean "none" (RFC 768)


def ip_compute_csum(buf: bytes) -> i64:
    """The checksum to put into a header whose own checksum field is zero; 0 over a header that is right."""
    return csum_fold(csum_partial(buf, 0))


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
    if COMPILED:
        return sum + _words(buf)
    return sum + _big_number(buf)


def _words(buf: bytes) -> i64:
    """Word by word: compiled, 0.5 ns a byte. At most 32 bits for anything a packet can hold."""
    size: i64 = len(buf)
    end: i64 = size - 1
    total: i64 = 0
    at: i64 = 0
    while at < end:
        total += buf[at] << 8 | buf[at + 1]
        at += 2
    if at < size:
        total += buf[at] << 8
    return total


def _big_number(buf: bytes) -> i64:
    """2**16 is 1 modulo 65535, so the sum of all words is the buffer, read as one number, modulo 65535.

    Two calls into C whatever the length: interpreted 1.6 ns a byte, a twentieth of the loop's time. The value
    to mind is 0: ones' complement has two zeros, and words that are not all zero add up to 0xFFFF (RFC 1071
    section 4).
    """
    n = int.from_bytes(buf, "big")
    if n == 0:
        return 0
    if len(buf) & 1:
        n <<= 8
    words: i64 = n % 0xFFFF
    return words if words != 0 else 0xFFFF


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


# A function of a compiled module is no Python function.
COMPILED: Final = not isinstance(csum_fold, FunctionType)
