"""What the commands that look at a program they run themselves (trace, tree) share with `sockfs run`.

`pure()` starts the command again with the interpreted core where the installed one is compiled: the profiler
sees nothing inside compiled code. `control(…)` lights the socket by which `sockfs ss` reaches the program.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TextIO

import click

import sockfs

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    F = Callable[..., Any]


def pure() -> None:
    """Go on with the interpreted core; returns only if it is the one that is there."""
    if not sockfs.compiled():
        return
    if os.environ.get("SOCKFS_PURE", "") not in ("", "0"):
        raise click.ClickException("the interpreted core is not installed beside the compiled one")
    sys.stdout.flush()
    sys.stderr.flush()
    os.environ["SOCKFS_PURE"] = "1"
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def run_options(function: F) -> F:
    """The options of `sockfs run`: parameters pcap, wire, sysctls."""
    function = click.option(
        "--sysctl",
        "sysctls",
        metavar="KEY=VALUE",
        multiple=True,
        help="Set net.ipv4.… before the program starts.",
    )(function)
    function = click.option("--wire", is_flag=True, help="Send every packet through bytes and back.")(
        function
    )
    return click.option("--pcap", metavar="FILE", help="Write every packet to FILE (pcapng).")(function)


def open_output(path: str | None, default: TextIO) -> TextIO:
    """The file that -o names, out of the way of the program's descriptors, or the default."""
    if path is None:
        return default
    from sockfs.libc import host

    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    return open(host.high(fd), "w", encoding="utf-8", buffering=1)
