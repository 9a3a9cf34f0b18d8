"""Sequence numbers: 32 bits that wrap, compared by the sign of their difference.

Kernel counterpart: before(), after() and between() of net/tcp.h. RFC 9293 section 3.4, RFC 1982. Every
comparison of sequence numbers in the stack goes through here; a plain < is a bug. Arguments may be any
integers: only their low 32 bits count, so `before(seq + len, ack)` needs no mask. Results that are stored do:
`seq_add`.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

SEQ_MASK: Final = 0xFFFFFFFF
SEQ_SIGN: Final = 0x80000000


def before(seq1: i64, seq2: i64) -> bool:
    """seq1 lies before seq2. Two numbers half the circle apart lie each before the other, as in Linux."""
    return (seq1 - seq2) & SEQ_SIGN != 0


def after(seq1: i64, seq2: i64) -> bool:
    return (seq2 - seq1) & SEQ_SIGN != 0


def between(seq1: i64, seq2: i64, seq3: i64) -> bool:
    """seq2 <= seq1 <= seq3, walking upwards from seq2."""
    return (seq3 - seq2) & SEQ_MASK >= (seq1 - seq2) & SEQ_MASK


def seq_add(seq: i64, n: i64) -> i64:
    return (seq + n) & SEQ_MASK


def seq_diff(seq1: i64, seq2: i64) -> i64:
    """seq1 - seq2 as a signed number: how far seq1 lies after seq2."""
    d: i64 = (seq1 - seq2) & SEQ_MASK
    return d - 0x100000000 if d & SEQ_SIGN else d


def seq_max(seq1: i64, seq2: i64) -> i64:
    return seq2 if (seq1 - seq2) & SEQ_SIGN != 0 else seq1
