"""Runs the workloads on the kernel and on sockfs in turn, and says how they compare.

Every run is a child process of its own: `python workloads.py …` for the kernel, `sockfs run workloads.py …`
for sockfs, the same interpreter and the same file. They alternate, because a machine's speed changes by the
second; the ratio is the median of the ratios of neighbours. Ratios are sockfs over kernel in speed: 2 is
twice as fast, whatever the unit.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sockfs

PROGRAM = Path(__file__).with_name("workloads.py")
TIME_LIMIT = 120


@dataclass(frozen=True)
class Workload:
    """What is measured, and what it must reach as a fraction of the kernel's speed (None: no kernel to
    compare with)."""

    name: str
    what: str
    must: float
    here: float
    lo: tuple[int, bool] | None = None  # MTU and segmentation offload of the loopback device; None: as it is
    less_is_better: bool = False
    simulated: bool = False


WORKLOADS = [
    Workload("W1", "one TCP stream, 64 KiB sends, loopback", 1.0, 0.5),
    Workload("W1s", "the same, MTU 1500, no segmentation offload", 0.3, 0.15, (1500, False)),
    Workload("W1g", "the same, MTU 1500 with segmentation offload", 0.5, 0.25, (1500, True)),
    Workload("W2", "64 B request and response", 1.0, 0.5),
    Workload("W2a", "the same through asyncio streams", 1.0, 0.8),
    Workload("W3", "connect, accept, request, response, close", 1.0, 0.5),
    Workload("W4", "1,000 open connections, 10 kB each", 1.0, 0.5, less_is_better=True),
    Workload("W5", "UDP datagrams of 64 B", 1.0, 0.5),
    Workload("W6", "simulated: 2 hosts, 10 Mbit/s, 50 ms, 1 % loss", 50, 50, simulated=True),
]
BY_NAME = {w.name.lower(): w for w in WORKLOADS}

MUST_BYTES = 8_192
HERE_BYTES = 12_288


@dataclass
class Figures:
    """One workload's results. `note` says why a figure is missing."""

    workload: Workload
    unit: str = ""
    kernel: list[float] = field(default_factory=list)
    sockfs: list[float] = field(default_factory=list)
    kernel_bytes: list[float] = field(default_factory=list)
    sockfs_bytes: list[float] = field(default_factory=list)
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Speed of sockfs as a multiple of the kernel's; of W6: of real time."""
        if self.workload.simulated:
            return median(self.sockfs)
        pairs = [(k, s) for k, s in zip(self.kernel, self.sockfs, strict=False) if k > 0 and s > 0]
        return median([k / s if self.workload.less_is_better else s / k for k, s in pairs])

    def as_json(self) -> dict[str, Any]:
        w = self.workload
        out: dict[str, Any] = {
            "workload": w.name,
            "what": w.what,
            "unit": self.unit,
            "kernel": median(self.kernel),
            "sockfs": median(self.sockfs),
            "ratio": self.ratio,
            "must_reach": w.must,
            "here": w.here,
        }
        if self.sockfs_bytes:
            out["bytes_per_connection"] = {
                "kernel": median(self.kernel_bytes),
                "sockfs": median(self.sockfs_bytes),
                "must_reach": MUST_BYTES,
                "here": HERE_BYTES,
            }
        if self.note:
            out["note"] = self.note
        return out


def measure(
    workloads: list[Workload], rounds: int, seconds: float, progress: Callable[[str], None]
) -> list[Figures]:
    """Run each workload `rounds` times on either side, `seconds` each, in turn.
    `progress` is told of every run."""
    results = []
    for w in workloads:
        figures = Figures(w)
        results.append(figures)
        for _ in range(rounds):
            for side in ("kernel", "sockfs"):
                if w.simulated and side == "kernel":
                    continue
                progress(f"{w.name} on {'the kernel' if side == 'kernel' else 'sockfs'}")
                answer = run_child(command(w, side, seconds))
                if "error" in answer:
                    figures.note = f"{side}: {answer['error']}"
                    continue
                figures.unit = str(answer["unit"])
                getattr(figures, side).append(float(answer["rate"]))
                if "bytes_per_connection" in answer:
                    getattr(figures, f"{side}_bytes").append(float(answer["bytes_per_connection"]))
    return results


def steps(workloads: list[Workload], rounds: int) -> int:
    """How many runs `measure` will make."""
    return sum(rounds * (1 if w.simulated else 2) for w in workloads)


def command(w: Workload, side: str, seconds: float) -> list[str]:
    """The child's command line."""
    if w.simulated:
        return [sys.executable, "-m", "sockfs.benches.world", str(seconds * 60)]
    program = [str(PROGRAM), w.name, str(seconds)]
    if side == "kernel":
        if w.lo is not None:
            program[1:1] = ["--lo", str(w.lo[0]), "on" if w.lo[1] else "off"]
        return [sys.executable, *program]
    device = [] if w.lo is None else ["--mtu", str(w.lo[0])]
    if w.lo is not None and not w.lo[1]:
        device.append("--no-offload")
    return [sys.executable, "-m", "sockfs", "run", *device, *program]


def run_child(argv: list[str]) -> dict[str, Any]:
    """The JSON that the child printed, or {"error": …}."""
    where = str(Path(sockfs.__path__[0]).parent)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [where, os.environ.get("PYTHONPATH")])),
    }
    try:
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=TIME_LIMIT)
    except subprocess.TimeoutExpired:
        return {"error": f"not done after {TIME_LIMIT} s"}
    lines = done.stdout.splitlines()
    if done.returncode != 0 or not lines:
        why = done.stderr.strip().rpartition("\n")[2] or f"exit status {done.returncode}"
        return {"error": why}
    answer: dict[str, Any] = json.loads(lines[-1])
    return answer


def median(values: list[float]) -> float | None:
    return statistics.median(values) if values else None


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    return {
        "sockfs": sockfs.__version__,
        "core": "compiled" if sockfs.compiled() else "interpreted",
        "python": platform.python_version(),
        "kernel": platform.release(),
        "cpus": os.cpu_count(),
    }
