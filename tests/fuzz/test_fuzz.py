"""Nothing that a packet or a caller can send may raise, hang or upset the books. Fixed seeds; more by
`SOCKFS_FUZZ=N pytest tests/fuzz` (N seeds of each kind)."""

from __future__ import annotations

import os

import pytest

from tests.fuzz.calls import Program
from tests.fuzz.packets import Target

SEEDS = int(os.environ.get("SOCKFS_FUZZ", "0"))


@pytest.mark.parametrize("seed", range(SEEDS or 30))
def test_any_call_is_answered_and_leaves_nothing_behind(seed: int) -> None:
    program = Program(seed)
    for _ in range(500):
        program.step()
    program.end()


@pytest.mark.parametrize("seed", range(SEEDS or 60))
def test_any_packet_is_taken_and_the_books_balance(seed: int) -> None:
    target = Target(seed)
    for _ in range(300):
        target.step()
    target.end()
