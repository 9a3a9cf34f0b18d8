"""`sockfs run`: an unmodified Python program on a fresh kernel, with its own exit status, output and
traceback.

Control enters at `run` and goes on to `sockfs.runtime.run.run_program`, which puts the kernel under `socket`
and `select` and starts the program. That module is imported only when the command line has been found good,
and this one imports nothing that would bring `socket` in before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sockfs.cli import program

if TYPE_CHECKING:
    from collections.abc import Callable


@click.command("run", cls=program.ProgramCommand)
@click.option("--pcap", metavar="FILE", help="Write every packet to FILE (pcapng, nanoseconds).")
@click.option("--wire", is_flag=True, help="Send every packet through bytes and back, checksums and all.")
@click.option(
    "--sysctl",
    "sysctls",
    metavar="KEY=VALUE",
    multiple=True,
    help="Set net.ipv4.… before the program starts.",
)
@click.option("--mtu", type=click.IntRange(68, 65536), metavar="BYTES", help="MTU of lo (65536).")
@click.option("--no-offload", is_flag=True, help="Segments leave TCP one by one (lo without TSO and GSO).")
@program.program_arguments
def run(
    pcap: str | None,
    wire: bool,
    sysctls: tuple[str, ...],
    mtu: int | None,
    no_offload: bool,
    argv: tuple[str, ...],
    module: bool,
) -> Callable[[], int]:
    """Run an unmodified Python program on a fresh kernel. The exit status is the program's own."""
    program.check_program(argv, module)
    program.check_sysctls(sysctls)
    if pcap is not None:
        program.check_writable(pcap)

    def start() -> int:
        from sockfs.runtime.run import run_program

        def prepare(kernel: Any, swap: Any) -> None:
            """`sockfs ss` and its kin can look at the program while it runs."""
            from sockfs.observe import control

            control.serve(kernel, list(argv))

        return run_program(
            list(argv), module, pcap, wire, list(sysctls), prepare=prepare, mtu=mtu, offload=not no_offload
        )

    return start
