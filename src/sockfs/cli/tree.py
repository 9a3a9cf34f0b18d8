"""`sockfs tree`: what `sockfs run` does, drawing fd table → file → socket → sock.

The picture is drawn when the program has ended and its descriptors are still open, at SIGUSR1, and before or
after each system call that --at names (that needs the interpreted core, because it is the profiler that sees
calls). With --of it is that of a program which runs already."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TextIO

import click

from sockfs.cli import observed, program

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfs.observe.snapshot import View

EPILOG = """\b
Examples:
  sockfs tree server.py                 the picture when the program ends; kill -USR1 PID: now
  sockfs tree --at accept server.py     after each accept
  sockfs tree --at before:close prog.py before each close
  sockfs tree --of 4711                 of a program that runs under sockfs run
  sockfs tree --json -o t.json prog.py  every field of every structure
"""


@click.command("tree", cls=program.ProgramCommand, epilog=EPILOG)
@click.option("--at", metavar="CALL", help="Draw after (or before:CALL) each system call of that name.")
@click.option("--once", is_flag=True, help="With --at: only the first time.")
@click.option("--of", metavar="PID|PATH", help="A program that runs already, instead of starting one.")
@click.option("--json", "as_json", is_flag=True, help="Every field of every structure, as JSON.")
@click.option("-o", "--output", metavar="FILE", help="Write there instead of standard output.")
@observed.run_options
@program.program_arguments
def tree(
    at: str | None,
    once: bool,
    of: str | None,
    as_json: bool,
    output: str | None,
    pcap: str | None,
    wire: bool,
    sysctls: tuple[str, ...],
    argv: tuple[str, ...],
    module: bool,
) -> Callable[[], int] | int:
    """Run a program as `sockfs run` does and draw its descriptors, files, sockets and socks with their
    states, addresses, buffers, timers and reference counts."""
    if output is not None:
        program.check_writable(output)
    if of is not None:
        if argv:
            raise click.UsageError("--of looks at a program that runs already: name none to start")
        return _running(of, as_json, output)
    program.check_program(argv, module)
    program.check_sysctls(sysctls)
    if pcap is not None:
        program.check_writable(pcap)
    if at is not None:
        _check_call(at)
        observed.pure()

    def start() -> int:
        from sockfs.runtime.run import run_program

        def prepare(kernel: Any, swap: Any) -> None:
            _prepare(kernel, list(argv), at, once, as_json, output)

        return run_program(list(argv), module, pcap, wire, list(sysctls), prepare)

    return start


def _check_call(at: str) -> None:
    """--at names a call that there is, and perhaps before:."""
    from sockfs.uapi.syscalls import SYSCALL_NR

    where, _colon, name = at.rpartition(":")
    if where not in ("", "before", "after"):
        raise click.UsageError(f"--at takes CALL, before:CALL or after:CALL, not {at!r}")
    if name not in SYSCALL_NR:
        raise click.UsageError(f"there is no system call {name!r}: say for example accept4, connect or close")


def _running(of: str, as_json: bool, output: str | None) -> int:
    from sockfs.observe import control

    try:
        view = control.fetch(of)
    except control.Nobody as e:
        raise click.ClickException(str(e)) from None
    show(view, as_json, observed.open_output(output, sys.stdout), "")
    return 0


def show(view: View, as_json: bool, out: TextIO, title: str) -> None:
    """Draw one picture."""
    from sockfs.observe import snapshot, text, tree

    if as_json:
        out.write(snapshot.dumps(view.data) + "\n")
        out.flush()
        return
    lines: list[text.Line] = [[], [(f"── {title} ", "bold"), ("─" * 40, text.EDGE)]] if title else []
    text.paint([*lines, *tree.draw(view, text.columns(out))], out)


def _prepare(
    kernel: Any, argv: list[str], at: str | None, once: bool, as_json: bool, output: str | None
) -> None:
    import atexit
    import signal

    from sockfs.observe import control, strace, tracer
    from sockfs.observe.snapshot import View

    out = observed.open_output(output, sys.stdout)
    waiter = kernel.host
    shown = 0
    before = False

    def picture(title: str) -> None:
        waiter.acquire()
        try:
            view = View.of(kernel)
        finally:
            waiter.release()
        show(view, as_json, out, title)

    def at_call(call: strace.Invocation) -> None:
        nonlocal shown
        shown += 1
        if not (once and shown > 1):
            when = "before" if before else "after"
            picture(f"{when} {call.name}({strace.arguments(call)[0]})")

    control.serve(kernel, argv)
    if at is None:
        atexit.register(picture, "at exit" if not as_json else "")
    else:
        where, _colon, name = at.rpartition(":")
        before = where == "before"
        watch = tracer.CallWatch(name, before, at_call)
        running = tracer.Tracer(kernel, watch, watch.entry)
        atexit.register(running.stop)
        running.start()
    signal.signal(signal.SIGUSR1, lambda number, frame: picture("at SIGUSR1"))
