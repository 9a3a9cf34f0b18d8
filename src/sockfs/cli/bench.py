"""`sockfs bench`: the workloads on sockfs beside the real kernel, with ratios.

Control enters at `bench` and goes on to `benches/runner.py`, which runs every workload in child processes. A
table comes out, or with --json what it was made of.
"""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sockfs.benches.runner import Figures

ROUNDS, SECONDS = 5, 0.4
QUICK_ROUNDS, QUICK_SECONDS = 1, 0.15


@click.command("bench")
@click.option("-w", "--workload", "names", metavar="NAME", multiple=True, help="Only this one: W1, W1s … W6.")
@click.option("--quick", is_flag=True, help="One short run of each: rough figures in a few seconds.")
@click.option("--rounds", type=click.IntRange(1, 1000), help=f"Runs on either side ({ROUNDS}).")
@click.option("--seconds", type=click.FloatRange(0.01, 60), help=f"Length of a run ({SECONDS}).")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def bench(
    names: tuple[str, ...], quick: bool, rounds: int | None, seconds: float | None, as_json: bool
) -> None:
    """Measure the workloads on sockfs beside the real kernel."""
    from sockfs.benches import runner

    wanted = runner.WORKLOADS
    if names:
        missing = [n for n in names if n.lower() not in runner.BY_NAME]
        if missing:
            known = ", ".join(w.name for w in runner.WORKLOADS)
            raise click.UsageError(f"no workload {missing[0]!r}: there are {known}")
        wanted = [runner.BY_NAME[n.lower()] for n in names]
    rounds = rounds or (QUICK_ROUNDS if quick else ROUNDS)
    seconds = seconds or (QUICK_SECONDS if quick else SECONDS)
    progress = Progress(runner.steps(wanted, rounds))
    try:
        results = runner.measure(wanted, rounds, seconds, progress.step)
    finally:
        progress.clear()
    if as_json:
        out = {
            **runner.machine(),
            "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "rounds": rounds,
            "seconds": seconds,
            "results": [f.as_json() for f in results],
        }
        click.echo(json.dumps(out, indent=1))
    else:
        about = runner.machine()
        title = (
            f"sockfs {about['sockfs']} ({about['core']}), Linux {about['kernel']}, Python {about['python']}"
        )
        if about["core"] != "compiled":
            title += " (the targets are the compiled core's)"
        print_table(title, rows(results))


HEADINGS = ["", "workload", "kernel", "sockfs", "ratio", "here", "must", ""]


def rows(results: list[Figures]) -> list[list[str]]:
    """The table's cells; the last column says whether the target was reached."""
    from sockfs.benches import runner

    out = []
    for f in results:
        w = f.workload
        ratio = f.ratio
        cells = [
            w.name,
            w.what,
            figure(runner.median(f.kernel), f.unit),
            figure(runner.median(f.sockfs), f.unit),
            "–" if ratio is None else f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}",
            f"{w.here:g}",
            f"{w.must:g}",
            f.note if ratio is None else verdict(ratio >= w.here, ratio >= w.must),
        ]
        out.append(cells)
        kernel, mine = runner.median(f.kernel_bytes), runner.median(f.sockfs_bytes)
        if mine is not None:
            out.append(
                [
                    "",
                    "  memory of an idle connection, both ends",
                    figure(kernel, "B"),
                    figure(mine, "B"),
                    f"{mine / kernel:.2f}" if kernel else "–",
                    f"≤{runner.HERE_BYTES // 1024} kB",
                    f"≤{runner.MUST_BYTES // 1024} kB",
                    verdict(mine <= runner.HERE_BYTES, mine <= runner.MUST_BYTES),
                ]
            )
    return out


def verdict(here: bool, must: bool) -> str:
    return "reached" if must else "reached here" if here else "below"


def figure(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    digits = 0 if value >= 100 else 1
    return f"{value:,.{digits}f} {unit}"


def print_table(title: str, cells: list[list[str]]) -> None:
    """With colours and lines on a terminal, plain columns otherwise."""
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table

        table = Table(title=title, title_justify="left")
        for i, heading in enumerate(HEADINGS):
            table.add_column(heading, justify="right" if 2 <= i <= 6 else "left", overflow="fold")
        colours = {"reached": "green", "reached here": "cyan", "below": "red"}
        for row in cells:
            colour = colours.get(row[-1], "yellow")
            table.add_row(*row[:-1], f"[{colour}]{row[-1]}[/]")
        Console().print(table)
        return
    click.echo(title)
    widths = [max(len(row[i]) for row in [HEADINGS, *cells]) for i in range(len(HEADINGS))]
    for row in [HEADINGS, *cells]:
        line = [
            c.rjust(w) if 2 <= i <= 6 else c.ljust(w)
            for i, (c, w) in enumerate(zip(row, widths, strict=True))
        ]
        click.echo("  ".join(line).rstrip())


class Progress:
    """One line on a terminal's standard error: a bar, and what runs now."""

    WIDTH = 24

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0
        self.shown = sys.stderr.isatty()

    def step(self, what: str) -> None:
        if self.shown:
            full = self.WIDTH * self.done // max(self.total, 1)
            bar = "█" * full + "░" * (self.WIDTH - full)
            sys.stderr.write(f"\r\033[K{bar} {self.done}/{self.total}  {what}")
            sys.stderr.flush()
        self.done += 1

    def clear(self) -> None:
        if self.shown:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()
