"""`sockfs bench`: every workload runs on sockfs, ratios are what they say, wrong names are one line."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from sockfs.benches import runner
from sockfs.cli import bench


@pytest.mark.parametrize("name", [w.name for w in runner.WORKLOADS])
def test_every_workload_runs_on_sockfs(name: str) -> None:
    w = runner.BY_NAME[name.lower()]
    answer = runner.run_child(runner.command(w, "sockfs", 0.03))
    assert "error" not in answer
    assert answer["rate"] > 0
    if name == "W4":
        assert 0 < answer["bytes_per_connection"] < 40_000


def test_the_kernel_side_says_why_it_cannot() -> None:
    answer = runner.run_child([sys.executable, str(runner.PROGRAM), "--lo", "-5", "on", "W1s", "0.1"])
    assert answer["error"].startswith("lo cannot be set up: ")


def test_json_and_exit_status() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sockfs", "bench", "--quick", "--json", "-w", "W5", "-w", "w4"],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [r["workload"] for r in found["results"]] == ["W5", "W4"]
    for r in found["results"]:
        assert r["kernel"] > 0 and r["sockfs"] > 0
        speed = r["kernel"] / r["sockfs"] if r["unit"] == "ms" else r["sockfs"] / r["kernel"]
        assert r["ratio"] == pytest.approx(speed)
    assert found["results"][1]["bytes_per_connection"]["sockfs"] > 0


def test_an_unknown_workload_is_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sockfs", "bench", "-w", "W99"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert done.stderr.startswith("sockfs bench: no workload 'W99': there are W1, ")
    assert done.stderr.count("\n") == 1


def test_ratio_is_the_median_of_neighbours_and_less_time_is_faster() -> None:
    f = runner.Figures(runner.BY_NAME["w2"], "x/s", [10, 20, 10], [20, 20, 40])
    assert f.ratio == 2
    f = runner.Figures(runner.BY_NAME["w4"], "ms", [10, 20, 40], [20, 20, 20])
    assert f.ratio == 1
    assert runner.Figures(runner.BY_NAME["w2"], note="why").ratio is None
    row = bench.rows([runner.Figures(runner.BY_NAME["w1s"], note="kernel: no")])[0]
    assert row[0] == "W1s" and row[4] == "–" and row[-1] == "kernel: no"
