"""What the commands that run a program (run, trace, tree, demo) share: their command line ends where the
program's begins, and a program that cannot be started is found out before anything is set up.

    @click.command("run", cls=ProgramCommand)
    @click.option(…)
    @program_arguments
    def run(…, argv: tuple[str, ...], module: bool) -> Callable[[], int]:
        check_program(argv, module)

Nothing here imports `socket` or `select`, nor the program: a module is looked for by its first name only,
because finding `a.b` would import `a` on the real kernel's sockets.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import BuiltinImporter, FrozenImporter, PathFinder
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    F = TypeVar("F", bound=Callable[..., Any])


class ProgramCommand(click.Command):
    """A command whose options stop at the first word that is none: the rest is the program's own, `--` and
    all."""

    allow_interspersed_args = False

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return ["[OPTIONS]", "PROGRAM.py ARGS… | -m MODULE ARGS…"]


def program_arguments(function: F) -> F:
    """Adds `-m` and the program with its arguments: parameters `module: bool` and `argv: tuple[str, ...]`."""
    function = click.argument("argv", nargs=-1, type=click.UNPROCESSED)(function)
    return click.option("-m", "module", is_flag=True, help="Run a module by its name, as python -m does.")(
        function
    )


def check_program(argv: Sequence[str], module: bool) -> None:
    """Refuse, in one line, a program that is not named, not there or not readable."""
    if not argv or not argv[0]:
        raise click.UsageError("no module given after -m" if module else "no program given")
    name = argv[0]
    if module:
        first = name.partition(".")[0]
        if not (
            BuiltinImporter.find_spec(first)
            or FrozenImporter.find_spec(first)
            or PathFinder.find_spec(first, [os.getcwd(), *sys.path])
        ):
            raise click.UsageError(f"no module named {name!r}")
        return
    path = os.path.join(name, "__main__.py") if os.path.isdir(name) else name
    try:
        os.close(os.open(path, os.O_RDONLY))
    except OSError as e:
        raise click.UsageError(f"cannot read {path!r}: {os.strerror(e.errno or 0)}") from None


def check_writable(path: str) -> None:
    """Refuse, in one line, a file that could not be written. Leaves no new file behind."""
    folder = os.path.dirname(path) or "."
    if os.path.isdir(path):
        raise click.UsageError(f"cannot write {path!r}: it is a directory")
    if not os.access(path if os.path.exists(path) else folder, os.W_OK):
        why = "permission denied" if os.path.isdir(folder) else "no such directory"
        raise click.UsageError(f"cannot write {path!r}: {why}")


def check_sysctls(settings: Sequence[str]) -> None:
    """Refuse, in one line, a setting that is not of the form KEY=VALUE."""
    for setting in settings:
        key, equals, _ = setting.partition("=")
        if not equals or not key:
            raise click.UsageError(f"--sysctl wants KEY=VALUE, not {setting!r}")
