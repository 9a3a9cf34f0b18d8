"""`sockfs ss`, `lsof`, `nstat` and `netstat`: the tables of those tools, of a program that runs under sockfs.

Each asks the program for a snapshot (`observe/control.py`) and prints it as the tool of that name would.
Without --of it is the only one that runs. `--json` gives the same as data."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfs.observe.snapshot import View

    F = Callable[..., Any]

OF = click.option(
    "--of", metavar="PID|PATH", help="Which running program: its process id, its file, or its control socket."
)
JSON = click.option("--json", "as_json", is_flag=True, help="As JSON.")


def flag(*names: str, help: str) -> Callable[[F], F]:
    return click.option(*names, is_flag=True, help=help)


def fetch(of: str | None) -> View:
    from sockfs.observe import control

    try:
        return control.fetch(of)
    except control.Nobody as e:
        raise click.ClickException(str(e)) from None


def emit(data: object) -> None:
    click.echo(json.dumps(data, indent=2))


SS_EPILOG = """\b
Examples:
  sockfs ss -tan                        all TCP sockets of the only running program
  sockfs ss -tlnp --of 4711             its listeners, with who holds them
  sockfs ss -tanimeo --of server.py     all there is to say of a connection
  sockfs ss -tan state time-wait        those in one state; also: sport = 80, dport = 80
"""


@click.command("ss", epilog=SS_EPILOG)
@OF
@flag("-t", "--tcp", help="TCP sockets.")
@flag("-u", "--udp", help="UDP sockets.")
@flag("-w", "--raw", help="Raw sockets.")
@flag("-x", "--unix", help="Local sockets.")
@flag("-0", "--packet", help="Packet sockets.")
@flag("-a", "--all", help="Listening, closed and TIME-WAIT sockets too.")
@flag("-l", "--listening", help="Only listening ones.")
@flag("-n", "--numeric", help="Ports as numbers.")
@flag("-p", "--processes", help="Who holds each.")
@flag("-i", "--info", help="What TCP knows.")
@flag("-e", "--extended", help="User, inode, cookie.")
@flag("-m", "--memory", help="Buffers.")
@flag("-o", "--options", help="Timers.")
@flag("-s", "--summary", help="Only counts.")
@flag("-4", "--ipv4", help="Only IPv4.")
@flag("-6", "--ipv6", help="Only IPv6.")
@flag("-H", "--no-header", help="No header line.")
@flag("-O", "--oneline", help="One line a socket.")
@JSON
@click.argument("words", nargs=-1, metavar="[FILTER]")
def ss(
    of: str | None, as_json: bool, summary: bool, no_header: bool, words: tuple[str, ...], **chosen: Any
) -> int:
    """Sockets of a running sockfs program, in the columns of ss(8)."""
    from sockfs.observe import ss as observe_ss

    o = observe_ss.Options(header=not no_header, **chosen)
    _filter(o, list(words))
    view = fetch(of)
    if as_json:
        emit(observe_ss.records(view, o))
    elif summary:
        click.echo(observe_ss.summary(view), nl=False)
    else:
        click.echo(observe_ss.table(view, o), nl=False)
    return 0


def _filter(o: Any, words: list[str]) -> None:
    """`state NAME`, `sport = N`, `dport = N`."""
    from sockfs.observe import ss as observe_ss

    while words:
        word = words.pop(0)
        if word == "state" and words:
            name = words.pop(0)
            if name not in observe_ss.STATE_FILTERS:
                raise click.UsageError(f"wrong state name: {name!r}")
            o.states = o.states | observe_ss.STATE_FILTERS[name]
        elif word in ("sport", "dport") and words:
            if words[0] in ("=", "==", "eq"):
                words.pop(0)
            number = words.pop(0).lstrip(":") if words else ""
            if not number.isdigit():
                raise click.UsageError(f"{word} wants a port number, not {number!r}")
            setattr(o, word, int(number))
        else:
            raise click.UsageError(f"no such filter: {word!r} (there are: state NAME, sport = N, dport = N)")


@click.command("lsof")
@OF
@flag("-i", "inet_only", help="Only internet sockets.")
@flag("-U", "unix_only", help="Only local sockets.")
@flag("-n", "_no_hosts", help="Addresses as numbers (they always are).")
@flag("-P", "numeric", help="Ports as numbers.")
@JSON
def lsof(
    of: str | None, inet_only: bool, unix_only: bool, _no_hosts: bool, numeric: bool, as_json: bool
) -> int:
    """Open files of a running sockfs program, in the columns of lsof(8).

    \b
    Examples:
      sockfs lsof -i -P
      sockfs lsof -U --of 4711
    """
    from sockfs.observe import lsof as observe_lsof

    rows = observe_lsof.records(fetch(of), inet_only, unix_only, numeric)
    if as_json:
        emit(rows)
    else:
        click.echo(observe_lsof.table(rows), nl=False)
    return 0 if rows else 1


@click.command("nstat")
@OF
@flag("-a", "--ignore", help="Absolute values (they always are).")
@flag("-z", "--zeros", help="Those that are 0 too.")
@JSON
@click.argument("patterns", nargs=-1)
def nstat(of: str | None, ignore: bool, zeros: bool, as_json: bool, patterns: tuple[str, ...]) -> int:
    """Network counters of a running sockfs program, as nstat(8) shows them.

    \b
    Examples:
      sockfs nstat
      sockfs nstat -z 'TcpExt*'
    """
    from sockfs.observe import nstat as observe_nstat

    values = observe_nstat.counters(fetch(of), zeros, patterns)
    if as_json:
        emit({"kernel": values})
    else:
        click.echo(observe_nstat.table(values), nl=False)
    return 0


@click.command("netstat")
@OF
@flag("-t", "--tcp", help="TCP.")
@flag("-u", "--udp", help="UDP.")
@flag("-w", "--raw", help="Raw.")
@flag("-x", "--unix", help="Local sockets.")
@flag("-a", "--all", help="Listening ones too.")
@flag("-l", "--listening", help="Only listening ones.")
@flag("-n", "--numeric", help="Ports as numbers.")
@flag("-p", "--programs", help="Who holds each.")
@flag("-o", "--timers", help="Timers.")
@flag("-s", "--statistics", help="Counters.")
@flag("-r", "--route", help="The routing table.")
@flag("-i", "--interfaces", help="The devices.")
@click.option(
    "--proc",
    metavar="NAME",
    help="The text of /proc/net/NAME: tcp, udp, raw, unix, snmp, netstat, sockstat, dev, route; or slabinfo.",
)
@JSON
def netstat(
    of: str | None,
    statistics: bool,
    route: bool,
    interfaces: bool,
    proc: str | None,
    as_json: bool,
    **chosen: bool,
) -> int:
    """Sockets, routes, devices and counters of a running sockfs program, as netstat(8) shows them.

    \b
    Examples:
      sockfs netstat -tanp
      sockfs netstat -s
      sockfs netstat --proc tcp
    """
    from sockfs.observe import netstat as observe_netstat
    from sockfs.observe import nstat as observe_nstat
    from sockfs.observe import proc_net
    from sockfs.observe import ss as observe_ss

    if proc is not None and proc not in proc_net.NAMES:
        raise click.UsageError(f"no such file: {proc!r} (there are: {', '.join(proc_net.NAMES)})")
    view = fetch(of)
    if proc is not None:
        text = proc_net.read(view, proc)
        emit({"file": proc, "text": text}) if as_json else click.echo(text, nl=False)
        return 0
    o = observe_netstat.Options(**chosen)
    if as_json:
        if statistics:
            emit(observe_nstat.counters(view, True))
        else:
            emit(
                observe_ss.records(
                    view, observe_ss.Options(o.tcp, o.udp, o.raw, o.unix, all=o.all, listening=o.listening)
                )
            )
        return 0
    if statistics:
        click.echo(observe_netstat.statistics(view), nl=False)
    elif route:
        click.echo(observe_netstat.routes(view), nl=False)
    elif interfaces:
        click.echo(observe_netstat.interfaces(view), nl=False)
    else:
        click.echo(observe_netstat.table(view, o), nl=False)
    return 0
