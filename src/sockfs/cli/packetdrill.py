"""`sockfs packetdrill`: runs .pkt scripts on the stack, in virtual time.

Each path is a script or a folder of them. Control goes on to `packetdrill/runner.py` for each script; here
are only the arguments, the progress bar and what is printed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

EPILOG = """\b
Examples:
  sockfs packetdrill handshake.pkt
  sockfs packetdrill --json tests/scripts | jq .passed
  sockfs packetdrill -D TFO_COOKIE=3021b9d889017eeb scripts/fastopen
"""


@click.command("packetdrill", epilog=EPILOG)
@click.option(
    "--ip-version",
    type=click.Choice(["ipv4", "ipv4-mapped-ipv6", "ipv6", "all"]),
    default="ipv4",
    show_default=True,
    help="Address family of the script's sockets.",
)
@click.option("--json", "as_json", is_flag=True, help="Results as JSON.")
@click.option(
    "-D", "defines", multiple=True, metavar="NAME=VALUE", help="A word of the script, and what it means."
)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(exists=True))
def packetdrill(ip_version: str, as_json: bool, defines: tuple[str, ...], paths: tuple[str, ...]) -> int:
    """Run packetdrill scripts on the stack, in virtual time, without privileges.

    The status is 0 when all pass, 1 when one fails, 2 when one cannot be read.
    """
    from sockfs.cli import packetdrill_views
    from sockfs.packetdrill import report, runner

    views = packetdrill_views.ObserveViews()
    words: dict[str, str] = {}
    for item in defines:
        name, eq, value = item.partition("=")
        if not eq or not name.isidentifier():
            raise click.UsageError(f"-D takes NAME=VALUE, and not '{item}'", click.get_current_context())
        words[name] = value
    versions = list(runner.IP_VERSIONS) if ip_version == "all" else [ip_version]
    jobs = [(script, version) for script in find_scripts(paths) for version in versions]
    if not jobs:
        raise click.UsageError("no .pkt script there", click.get_current_context())
    results: list[runner.Result] = []
    with click.progressbar(
        jobs, label="packetdrill", file=sys.stderr, hidden=as_json or not sys.stderr.isatty() or len(jobs) < 2
    ) as bar:
        for script, version in bar:
            results.append(runner.run_script(script, version, words, views))
    if as_json:
        click.echo(json.dumps(report.as_data(results), indent=2))
    else:
        for r in results:
            if not r.passed:
                click.echo(report.failure_text(r))
                click.echo()
        show_summary(report.summary(results))
    if any(r.failure is not None and r.failure.kind == "syntax" for r in results):
        return 2
    return 0 if all(r.passed for r in results) else 1


def find_scripts(paths: tuple[str, ...]) -> list[str]:
    """The scripts named, and those in the folders named, in order of name."""
    out: list[str] = []
    for path in paths:
        p = Path(path)
        if p.is_dir():
            out += [str(script) for script in sorted(p.rglob("*.pkt"))]
        else:
            out.append(path)
    return out


def show_summary(rows: list[tuple[str, int, int]]) -> None:
    if len(rows) == 2:
        rows = rows[:1]
    width = max(len(name) for name, _, _ in rows)
    for name, passed, total in rows:
        mark = "" if passed == total else f"  {total - passed} failed"
        click.echo(f"{name:<{width}}  {passed:4d} / {total:<4d}{mark}".rstrip())
