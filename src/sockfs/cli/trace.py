"""`sockfs trace`: what `sockfs run` does, printing each system call as strace does and the call graph below
it.

Control enters at `trace`, which makes sure that the core is interpreted, and goes on to
`runtime.run.run_program`; the tracer (`observe/tracer.py`) is switched on when the kernel is in place, and
off when the interpreter ends."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from sockfs.cli import observed, program

if TYPE_CHECKING:
    from collections.abc import Callable

EPILOG = """\b
Examples:
  sockfs trace server.py                      everything
  sockfs trace -e connect,accept4 prog.py     only these calls
  sockfs trace -f 'tcp_*' prog.py             only below functions of these names
  sockfs trace --no-graph prog.py             strace
  sockfs trace --json -o calls.jsonl prog.py  one JSON object a call
"""


@click.command("trace", cls=program.ProgramCommand, epilog=EPILOG)
@click.option(
    "-e", "--call", "calls", metavar="NAMES", multiple=True, help="Only these system calls (patterns)."
)
@click.option(
    "-f", "--function", "functions", metavar="NAMES", multiple=True, help="Only graphs below these functions."
)
@click.option("--depth", type=click.IntRange(min=0), default=0, help="Cut the graph at that depth.")
@click.option("--no-graph", is_flag=True, help="Only the calls, as strace.")
@click.option("--no-events", is_flag=True, help="Leave tracepoints out.")
@click.option("--no-softirq", is_flag=True, help="Leave out what follows a call: packets and timers.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("-o", "--output", metavar="FILE", help="Write there instead of standard error.")
@observed.run_options
@program.program_arguments
def trace(
    calls: tuple[str, ...],
    functions: tuple[str, ...],
    depth: int,
    no_graph: bool,
    no_events: bool,
    no_softirq: bool,
    as_json: bool,
    output: str | None,
    pcap: str | None,
    wire: bool,
    sysctls: tuple[str, ...],
    argv: tuple[str, ...],
    module: bool,
) -> Callable[[], int]:
    """Run a program as `sockfs run` does, printing its system calls and, below each, the functions of the
    kernel that ran: depth, duration and name, taken from the running functions."""
    program.check_program(argv, module)
    program.check_sysctls(sysctls)
    for path in (pcap, output):
        if path is not None:
            program.check_writable(path)
    observed.pure()

    def prepare(kernel: Any, swap: Any) -> None:
        import atexit

        from sockfs.observe import control, tracer

        filters = tracer.Filters(calls, functions, depth, not no_graph, not no_events, not no_softirq)
        out = observed.open_output(output, sys.stderr)
        sink = tracer.JsonSink(out, filters) if as_json else tracer.TextSink(out, filters)
        control.serve(kernel, list(argv))
        running = tracer.Tracer(kernel, sink)
        atexit.register(running.stop)
        running.start()

    def start() -> int:
        from sockfs.runtime.run import run_program

        return run_program(list(argv), module, pcap, wire, list(sysctls), prepare)

    return start
