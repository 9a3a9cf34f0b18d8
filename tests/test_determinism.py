"""The same seed gives the same packets: twice in one process, in a process with other hashes of strings, in
the compiled and the interpreted core. And packets that go through bytes and back tell programs the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools.script import bad_link, digests, loopback


def test_one_seed_gives_one_trace() -> None:
    first, results = loopback(3)
    again, results_again = loopback(3)
    assert first == again
    assert results == results_again
    assert len(first) > 200
    assert len(bad_link(3)) > 100
    assert bad_link(3) == bad_link(3)


def test_another_seed_gives_another_trace() -> None:
    assert loopback(3)[0] != loopback(4)[0]


@pytest.mark.parametrize("pure", ["1", ""])
def test_another_process_or_build_gives_the_same_trace(pure: str) -> None:
    env = {**os.environ, "PYTHONHASHSEED": "4711", "SOCKFS_PURE": pure}
    if not pure:
        del env["SOCKFS_PURE"]
    run = subprocess.run(
        [sys.executable, "-m", "tests.tools.script", "5"],
        cwd=Path(__file__).parents[1],
        env=env,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert run.stderr == ""
    assert run.stdout.split() == digests(5)


@pytest.mark.parametrize("seed", [1, 2])
def test_packets_through_bytes_and_back_tell_programs_the_same(seed: int) -> None:
    trace, results = loopback(seed)
    trace_by_wire, results_by_wire = loopback(seed, wire_mode=True)
    assert results == results_by_wire
    assert trace == trace_by_wire
