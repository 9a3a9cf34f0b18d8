"""`sockfs demo`: a web server and its clients run on the stack, and what one can see of them.

Control enters at `demo`. It does what one would do in a shell, the commands printed before their output: runs
`demo_web.py` by `sockfs run` with a capture, looks at it with `sockfs ss` and `sockfs tree` while one client
stands in the middle of a download, and shows some of what `sockfs trace` says of that program.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from sockfs.cli import program

if TYPE_CHECKING:
    from collections.abc import Iterable

PROGRAM = Path(__file__).with_name("demo_web.py")
NAME = PROGRAM.name
CALLS = 24  # lines of strace shown
CALL = re.compile(r"(\[tid \d+\] )?(<\.\.\. )?\w+[( ]\S")  # a line of strace (the graph's begin with a blank)
TIME_LIMIT = 60


@click.command("demo")
@click.option("--pcap", metavar="FILE", help="Where to write the capture (a temporary file unless told).")
def demo(pcap: str | None) -> int:
    """Run an unmodified web server and its clients on the stack, and show what one can see."""
    if pcap is not None:
        program.check_writable(pcap)
    folder = tempfile.mkdtemp(prefix="sockfs-demo-")
    capture = pcap or os.path.join(folder, "demo.pcapng")
    trace_file = os.path.join(folder, "trace.txt")
    tracing = start("trace", "-o", trace_file, str(PROGRAM))
    show = Show()
    show.command(f"sockfs run --pcap {capture} {NAME} --pause")
    running = start("run", "--pcap", capture, str(PROGRAM), "--pause", stdin=subprocess.PIPE)
    try:
        if not follow(running, "waiting"):
            return fail(running)
        show.text(f"(one client stops here; the program is process {running.pid}, and can be looked at)")
        show.command(f"sockfs ss -tan --of {running.pid}")
        show.text(output("ss", "-tan", "--of", str(running.pid)))
        show.command(f"sockfs tree --of {running.pid}")
        show.text(output("tree", "--of", str(running.pid)))
        if running.stdin is not None:
            running.stdin.close()
        follow(running, "")
        if running.wait(TIME_LIMIT) != 0:
            return fail(running)
        traced = tracing.communicate(timeout=TIME_LIMIT)
        if tracing.returncode != 0:
            return fail(tracing, traced[1])
    finally:
        for child in (running, tracing):
            if child.poll() is None:
                child.kill()
                child.wait()
    lines = Path(trace_file).read_text().splitlines()
    show.command(f"sockfs trace --no-graph {NAME} | head -{CALLS}")
    show.text("\n".join(calls(lines)[:CALLS]))
    show.command(f"sockfs trace -e socket {NAME}    (the first one: the functions that ran)")
    show.text("\n".join(graph_of(lines, "socket(")))
    size = os.path.getsize(capture)
    show.text(f"\nThe packets are in {capture} ({size:,} bytes), for Wireshark or tshark.")
    show.text(f"The whole trace is in {trace_file}; the program is {PROGRAM}.")
    return 0


class Show:
    """Prints what is run, and what comes of it."""

    def command(self, line: str) -> None:
        click.secho(f"\n$ {line}", bold=True, fg="cyan")
        sys.stdout.flush()

    def text(self, text: str) -> None:
        click.echo(text.rstrip("\n"))


def start(*arguments: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
    """Begin a sockfs command as a child."""
    return subprocess.Popen(
        [sys.executable, "-m", "sockfs", *arguments],
        stdin=stdin,
        stdout=subprocess.PIPE if "run" in arguments else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def output(*arguments: str) -> str:
    """What a sockfs command prints, errors too."""
    done = subprocess.run(
        [sys.executable, "-m", "sockfs", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIME_LIMIT,
        env={**os.environ, "COLUMNS": str(columns())},
    )
    return done.stdout


def columns() -> int:
    try:
        return os.get_terminal_size(1).columns
    except OSError:
        return 120


def follow(child: subprocess.Popen[str], until: str) -> bool:
    """Print what the child says, until a line holds that word (whether one did) or, without one, to its
    end."""
    out: IO[str] | None = child.stdout
    if out is None:
        return False
    for line in out:
        click.echo(line.rstrip("\n"))
        if until and until in line:
            return True
    return False


def fail(child: subprocess.Popen[str], said: str | None = None) -> int:
    """Why the child did not do it; exit status 1."""
    if said is None and child.stderr is not None:
        child.kill()
        said = child.stderr.read()
    click.echo(f"sockfs demo: {' '.join(map(str, child.args[2:]))} did not work:\n{said}", err=True)  # type: ignore[index]
    return 1


def calls(lines: Iterable[str]) -> list[str]:
    """The strace lines among a trace's."""
    return [line for line in lines if CALL.match(line)]


def graph_of(lines: list[str], call: str) -> list[str]:
    """The first such call and the functions below it."""
    found: list[str] = []
    for line in lines:
        if CALL.match(line):
            if found:
                break
            if line.startswith(call):
                found.append(line)
        elif found:
            found.append(line)
    return found
