"""HalfSipHash-2-4: a keyed hash of 32-bit words with a 32-bit result.

Kernel counterpart: hsiphash() of lib/siphash.c (Linux uses fewer rounds, 1-3; nothing outside can tell).
Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012), in the 32-bit variant of their reference
implementation, whose published vectors the test checks. Used where a value must look random to others and
repeat from a seed: initial sequence numbers (RFC 6528), port offsets (RFC 6056), SYN cookies, fast open
cookies, hash tables.
"""

from __future__ import annotations

from mypy_extensions import i64


class HsiphashKey:
    """`hsiphash_key_t`: two words of 32 bits."""

    k0: i64
    k1: i64

    def __init__(self, k0: i64, k1: i64) -> None:
        self.k0 = k0 & 0xFFFFFFFF
        self.k1 = k1 & 0xFFFFFFFF


def hsiphash_1u32(a: i64, key: HsiphashKey) -> i64:
    return _hsiphash([a & 0xFFFFFFFF, 4 << 24], key)


def hsiphash_2u32(a: i64, b: i64, key: HsiphashKey) -> i64:
    return _hsiphash([a & 0xFFFFFFFF, b & 0xFFFFFFFF, 8 << 24], key)


def hsiphash_3u32(a: i64, b: i64, c: i64, key: HsiphashKey) -> i64:
    return _hsiphash([a & 0xFFFFFFFF, b & 0xFFFFFFFF, c & 0xFFFFFFFF, 12 << 24], key)


def hsiphash_4u32(a: i64, b: i64, c: i64, d: i64, key: HsiphashKey) -> i64:
    return _hsiphash([a & 0xFFFFFFFF, b & 0xFFFFFFFF, c & 0xFFFFFFFF, d & 0xFFFFFFFF, 16 << 24], key)


def hsiphash(data: bytes, key: HsiphashKey) -> i64:
    """Over bytes, read as little-endian words: `hsiphash_1u32(a)` is the hash of the four bytes of a."""
    size: i64 = len(data)
    words: list[i64] = []
    at: i64 = 0
    while at + 4 <= size:
        words.append(data[at] | data[at + 1] << 8 | data[at + 2] << 16 | data[at + 3] << 24)
        at += 4
    last: i64 = (size & 0xFF) << 24
    shift: i64 = 0
    while at < size:
        last |= data[at] << shift
        shift += 8
        at += 1
    words.append(last)
    return _hsiphash(words, key)


def _hsiphash(words: list[i64], key: HsiphashKey) -> i64:
    """Two rounds for each word, then four. The last word carries the length in its top byte."""
    v0: i64 = key.k0
    v1: i64 = key.k1
    v2: i64 = 0x6C796765 ^ key.k0
    v3: i64 = 0x74656462 ^ key.k1
    n: i64 = len(words)
    i: i64 = 0
    rounds: i64 = 2
    m: i64 = 0
    while i <= n:
        if i < n:
            m = words[i]
            v3 ^= m
        else:
            m = 0
            v2 ^= 0xFF
            rounds = 4
        r: i64 = 0
        while r < rounds:
            v0 = (v0 + v1) & 0xFFFFFFFF
            v1 = ((v1 << 5 | v1 >> 27) & 0xFFFFFFFF) ^ v0
            v0 = (v0 << 16 | v0 >> 16) & 0xFFFFFFFF
            v2 = (v2 + v3) & 0xFFFFFFFF
            v3 = ((v3 << 8 | v3 >> 24) & 0xFFFFFFFF) ^ v2
            v0 = (v0 + v3) & 0xFFFFFFFF
            v3 = ((v3 << 7 | v3 >> 25) & 0xFFFFFFFF) ^ v0
            v2 = (v2 + v1) & 0xFFFFFFFF
            v1 = ((v1 << 13 | v1 >> 19) & 0xFFFFFFFF) ^ v2
            v2 = (v2 << 16 | v2 >> 16) & 0xFFFFFFFF
            r += 1
        v0 ^= m
        i += 1
    return v1 ^ v3


# ---- SipHash-2-4 with 64-bit words: what a fast open cookie is (the kernel's siphash())

_M64 = (1 << 64) - 1


def siphash(data: bytes, key: bytes) -> int:
    """Over any bytes, with a key of 16. Plain integers: 64 unsigned bits do not fit a machine integer here,
    and nothing hot comes this way."""
    k0 = int.from_bytes(key[0:8], "little")
    k1 = int.from_bytes(key[8:16], "little")
    v = [
        k0 ^ 0x736F6D6570736575,
        k1 ^ 0x646F72616E646F6D,
        k0 ^ 0x6C7967656E657261,
        k1 ^ 0x7465646279746573,
    ]
    whole = len(data) & ~7
    for at in range(0, whole, 8):
        _sip_word(v, int.from_bytes(data[at : at + 8], "little"))
    _sip_word(v, int.from_bytes(data[whole:], "little") | (len(data) & 0xFF) << 56)
    v[2] ^= 0xFF
    for _ in range(4):
        _sip_round(v)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def _sip_word(v: list[int], word: int) -> None:
    v[3] ^= word
    _sip_round(v)
    _sip_round(v)
    v[0] ^= word


def _rotl64(x: int, n: int) -> int:
    return ((x << n) | (x >> (64 - n))) & _M64


def _sip_round(v: list[int]) -> None:
    v[0] = (v[0] + v[1]) & _M64
    v[1] = _rotl64(v[1], 13) ^ v[0]
    v[0] = _rotl64(v[0], 32)
    v[2] = (v[2] + v[3]) & _M64
    v[3] = _rotl64(v[3], 16) ^ v[2]
    v[0] = (v[0] + v[3]) & _M64
    v[3] = _rotl64(v[3], 21) ^ v[0]
    v[2] = (v[2] + v[1]) & _M64
    v[1] = _rotl64(v[1], 17) ^ v[2]
    v[2] = _rotl64(v[2], 32)
