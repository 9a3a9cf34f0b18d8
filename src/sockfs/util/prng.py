"""Seeded streams of random numbers, one for each purpose.

Kernel counterpart: get_random_u32() and get_random_u32_below() of drivers/char/random.c, which here are no
one's shared pool. A kernel makes one stream per purpose ("isn", "ports", "hash", "netem/eth0"…): one more
draw in one of them changes nothing in the others, and the same seed and purpose give the same numbers on
every machine and Python version. Each call takes a fixed number of draws from the stream. Not for secrets.
"""

from __future__ import annotations

import random

from mypy_extensions import i64


class Prng:
    """A stream. `seed` is the kernel's, `purpose` any text."""

    seed: int
    purpose: str
    _random: random.Random

    def __init__(self, seed: int, purpose: str) -> None:
        self.seed = seed
        self.purpose = purpose
        self._random = random.Random(f"{seed}/{purpose}")  # a str seeds through SHA-512, not through hash()

    def get_random_u32(self) -> i64:
        return self._random.getrandbits(32)

    def below(self, n: i64) -> i64:
        """0 <= result < n, for 0 < n <= 2**31. For n < 1 the result is 0. Its bias is below n / 2**32."""
        draw: i64 = self._random.getrandbits(32)
        if n < 1:
            return 0
        return (draw * n) >> 32

    def between(self, low: i64, high: i64) -> i64:
        """low <= result <= high."""
        return low + self.below(high - low + 1)

    def random(self) -> float:
        """0.0 <= result < 1.0, 53 bits."""
        return self._random.random()

    def chance(self, probability: float) -> bool:
        """True with that probability: never at 0.0, always at 1.0."""
        return self._random.random() < probability

    def gauss(self) -> float:
        """About normal, mean 0 and deviation 1: twelve uniform draws less six, so never beyond six."""
        total = -6.0
        i: i64 = 0
        while i < 12:
            total += self._random.random()
            i += 1
        return total

    def bytes(self, n: i64) -> bytes:
        return self._random.randbytes(n)
