"""The command `sockfs`: finds the subcommand, reports what the user got wrong in one line, exits.

Control enters at `main` (the console script and `python -m sockfs`) and goes on to the module that `COMMANDS`
names for the subcommand, imported only then: `sockfs run` has to put the runtime in place before anything
imports `socket` or `select`, so nothing on its way here may import those, nor asyncio, rich or whatever else
stands on them.

A subcommand that runs a program returns a function of no arguments instead of running it. It is called when
click has left the stack, so that the program's own SystemExit, KeyboardInterrupt and traceback come through
untouched.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, NoReturn

import click

import sockfs

if TYPE_CHECKING:
    from collections.abc import Sequence

# name → (module, attribute, one line of help). A command whose module is not there is not offered.
COMMANDS: dict[str, tuple[str, str, str]] = {
    "run": ("sockfs.cli.run", "run", "Run an unmodified Python program on a fresh kernel."),
    "trace": ("sockfs.cli.trace", "trace", "The same, printing system calls and the call graph below each."),
    "tree": ("sockfs.cli.tree", "tree", "The same, showing fd table → file → socket → sock."),
    "ss": ("sockfs.cli.ss", "ss", "Sockets of a running sockfs program, as ss(8) shows them."),
    "lsof": ("sockfs.cli.ss", "lsof", "Open files of a running sockfs program, as lsof(8) shows them."),
    "nstat": (
        "sockfs.cli.ss",
        "nstat",
        "Network counters of a running sockfs program, as nstat(8) shows them.",
    ),
    "netstat": ("sockfs.cli.ss", "netstat", "Sockets and counters, as netstat(8) shows them."),
    "packetdrill": ("sockfs.cli.packetdrill", "packetdrill", "Run packetdrill scripts in virtual time."),
    "bench": ("sockfs.cli.bench", "bench", "Measure the workloads beside the real kernel."),
    "demo": (
        "sockfs.cli.demo",
        "demo",
        "A web server and its clients on the stack, and what one can see of them.",
    ),
    "ui": ("sockfs.cli.ui", "ui", "The live page."),
}


class LazyGroup(click.Group):
    """A group that knows its commands' names and help lines, and imports the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name, (module, _, _) in COMMANDS.items() if find_spec(module) is not None]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(cmd_name)
        if entry is None or find_spec(entry[0]) is None:
            return None
        command = getattr(import_module(entry[0]), entry[1])
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][2]) for name in self.list_commands(ctx)])


def version_line() -> str:
    python = sys.version.partition(" ")[0]
    return (
        f"sockfs {sockfs.__version__} (Python {python}, {'compiled' if sockfs.compiled() else 'interpreted'})"
    )


def _show_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(version_line())
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]}, no_args_is_help=False)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show version, Python, and whether the core is compiled or interpreted.",
)
def cli() -> None:
    """The Linux socket subsystem and its TCP/IP stack, run and inspected from Python."""


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command line `argv` (without the program's name; None: this process's own) and exit: with the
    status of the program that ran, or 2 and one line on standard error for what the user got wrong."""
    args = list(sys.argv[1:] if argv is None else argv)
    try:
        result = cli.main(args or ["--help"], prog_name="sockfs", standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as e:
        where = e.ctx.command_path if isinstance(e, click.UsageError) and e.ctx is not None else "sockfs"
        print(f"{where}: {' '.join(e.format_message().split())}", file=sys.stderr)
        sys.exit(2)
    if callable(result):
        result = result()
    sys.exit(result if isinstance(result, int) else 0)
