"""Back-ticked commands, carried out on the sockfs kernel.

A small shell: lists with `;`, `&&`, `||` and new lines, pipes, quotes, `$NAME` and `$((…))`, redirections.
Its commands are those below and nothing else: no process is started and no file of the host is written.
The one thing read from the host is a shell script beside the .pkt file that a command names
(`../common/defaults.sh`), and that is interpreted here too. /proc/sys, /sys/module/tcp_cubic and /proc/net
are the kernel's; other files exist in memory.

A command that is not known raises CommandError, which names it.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sockfs.kernel import sysctl
from sockfs.net.core import dev as net_dev
from sockfs.net.ipv4 import fib_frontend
from sockfs.net.sched import sch_fq
from sockfs.packetdrill import syscalls
from sockfs.structs.net_device import QdiscOps
from sockfs.uapi.errno import ENOENT

if TYPE_CHECKING:
    from sockfs.structs.kernel import Kernel
    from sockfs.structs.net_device import NetDevice
    from sockfs.structs.sk_buff import SkBuff

RTAX = {
    "mtu": 2,
    "window": 3,
    "rtt": 4,
    "rttvar": 5,
    "ssthresh": 6,
    "cwnd": 7,
    "advmss": 8,
    "reordering": 9,
    "hoplimit": 10,
    "initcwnd": 11,
    "features": 12,
    "rto_min": 13,
    "initrwnd": 14,
    "quickack": 15,
}
RTAX_LOCK = 1
NETIF_F_TSO = 1 << 16 | 1 << 18 | 1 << 19
NETIF_F_GSO = 1 << 14
NETIF_F_SG = 1
CUBIC = "/sys/module/tcp_cubic/parameters/"
# What the suite's defaults.sh sets, for scripts that stand without it.
DEFAULTS = """
ip tcp_metrics flush all
sysctl -q net.ipv4.tcp_rmem="4096 540000 15728640" net.ipv4.tcp_wmem="4096 262144 4194304"
sysctl -q net.ipv4.tcp_timestamps=1 net.ipv4.tcp_syn_retries=5 net.ipv4.tcp_synack_retries=5
sysctl -q net.ipv4.tcp_frto=2 net.ipv4.tcp_sack=1 net.ipv4.tcp_dsack=1 net.ipv4.tcp_reordering=3
sysctl -q net.ipv4.tcp_congestion_control=cubic net.ipv4.tcp_slow_start_after_idle=0
sysctl -q net.ipv4.tcp_early_retrans=4 net.ipv4.tcp_recovery=1 net.ipv4.tcp_tso_win_divisor=3
sysctl -q net.ipv4.tcp_ecn=0 net.ipv4.tcp_pacing_ss_ratio=200 net.ipv4.tcp_pacing_ca_ratio=120
sysctl -q net.ipv4.tcp_notsent_lowat=4294967295 net.ipv4.tcp_fastopen=0x70403
sysctl -q net.ipv4.tcp_fastopen_key=a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4 net.ipv4.tcp_syncookies=1
tc qdisc add dev tun0 root pfifo
"""


class CommandError(Exception):
    """A command that is not known, or that cannot be understood."""


class LimitZero(QdiscOps):
    """A queue with no room: every packet is dropped, and the sender is told (NET_XMIT_DROP)."""

    def __init__(self) -> None:
        super().__init__("pfifo")

    def enqueue(self, skb: SkBuff, dev: NetDevice) -> int:
        from sockfs.net.core import skbuff
        from sockfs.uapi.dropreason import SKB_DROP_REASON_QDISC_DROP

        dev.tx_dropped += 1
        skbuff.kfree_skb_reason(dev.net.kernel, skb, SKB_DROP_REASON_QDISC_DROP)
        return 1


class Views:
    """How the machine is looked at: whoever runs scripts hands in the tools that show tables (`cli/`)."""

    def proc_net(self, k: Kernel, name: str) -> str | None:
        """The text of /proc/net/NAME; None: there is no such file."""
        return None

    def counters(self, k: Kernel) -> dict[str, int]:
        """What nstat counts, by name."""
        return {}

    def sockets(self, k: Kernel) -> str:
        """The sockets as `ss -tinm` shows them."""
        return ""


@dataclass
class Redirect:
    out: str | None = None
    append: bool = False
    source: str | None = None


@dataclass
class Shell:
    """The state that commands share during one script."""

    k: Kernel
    device: NetDevice
    folder: Path
    views: Views
    files: dict[str, bytes] = field(default_factory=dict)
    pid: int = 4711
    counters: dict[str, int] = field(default_factory=dict)
    output: list[str] = field(default_factory=list)
    qdisc: str = ""

    def run(self, text: str) -> int:
        """Run a script; the exit status of its last command. What it printed is in `output`."""
        status = 0
        skip = False
        for op, pipeline in split_list(text):
            if op == "&&":
                skip = status != 0
            elif op == "||":
                skip = status == 0
            else:
                skip = False
            if not skip:
                status = self.pipeline(pipeline)
        return status

    def pipeline(self, commands: list[list[str]]) -> int:
        status, text = 0, ""
        for i, words in enumerate(commands):
            expanded = [self.expand(w) for w in words]
            argv, redirect = take_redirects(expanded)
            argv = [unquote(w) for w in argv]
            if not argv:
                continue
            if redirect.source is not None:
                text = self.read(redirect.source) or ""
            status, text = self.command(argv, text)
            if redirect.out is not None:
                wrote = self.write(redirect.out, text, redirect.append)
                status = status or wrote
                text = ""
            if i == len(commands) - 1 and text:
                self.output.append(text)
        return status

    def expand(self, word: str) -> str:
        """$((…)), ${NAME}, $NAME, outside single quotes."""
        if word.startswith("'"):
            return word

        def arithmetic(m: re.Match[str]) -> str:
            return str(integer_expression(m.group(1)))

        def name(m: re.Match[str]) -> str:
            n = m.group(1) or m.group(2)
            return {"PPID": str(self.pid), "PACKETDRILL_PID": str(self.pid)}.get(n, "")

        word = re.sub(r"\$\(\((.*?)\)\)", arithmetic, word)
        return re.sub(r"\$\{(\w+)\}|\$(\w+)", name, word)

    def command(self, argv: list[str], text: str) -> tuple[int, str]:
        name = argv[0]
        base = name.rsplit("/", 1)[-1]
        if base.endswith(".sh"):
            return self.shell_script(name), ""
        handler = COMMANDS.get(base)
        if handler is None:
            raise CommandError(f"command '{name}' is not known")
        return handler(self, argv[1:], text)

    def shell_script(self, name: str) -> int:
        inside = self.files.get(name)
        if inside is not None:
            return self.run(inside.decode())
        if re.fullmatch(r"/tmp/sysctl_restore_\d+\.sh", name):
            return 0  # nothing was changed
        for folder in (self.folder, *self.folder.parents):
            for candidate in (folder / name, folder / "common" / Path(name).name):
                if candidate.is_file():
                    return self.run(candidate.read_text())
            if (folder / ".git").exists():
                break
        if Path(name).name == "defaults.sh":
            return self.run(DEFAULTS)
        raise CommandError(f"there is no script {name}")

    # ---- files

    def read(self, path: str) -> str | None:
        """A file's text; None when there is none."""
        if path.startswith("/proc/sys/"):
            return self.sysctl_read(path)
        if path.startswith("/proc/net/"):
            return self.views.proc_net(self.k, path.removeprefix("/proc/net/"))
        if path.startswith(CUBIC):
            return "3\n"
        found = self.files.get(path)
        return None if found is None else found.decode("latin-1")

    def sysctl_read(self, path: str) -> str | None:
        value = sysctl.proc_read(self.k.init_net, path)
        return None if value is None else value + "\n"

    def write(self, path: str, text: str, append: bool = False) -> int:
        if path == "/dev/null":
            return 0
        if path.startswith("/proc/sys/"):
            return 0 if sysctl.proc_write(self.k.init_net, path, text) == 0 else 1
        if path.startswith(CUBIC):
            return 0  # both of HyStart's detectors are always on, as by default
        if path.startswith("/tmp/"):
            old = self.files.get(path, b"") if append else b""
            self.files[path] = old + text.encode("latin-1")
            return 0
        raise CommandError(f"{path} cannot be written")

    # ---- commands

    def do_sysctl(self, args: list[str], text: str) -> tuple[int, str]:
        quiet, ignore, status, out = False, False, 0, ""
        for a in args:
            if a.startswith("-"):
                quiet |= "q" in a
                ignore |= "e" in a
                continue
            name, eq, value = a.partition("=")
            path = "/proc/sys/" + name.replace(".", "/")
            if eq:
                r = sysctl.proc_write(self.k.init_net, path, value)
                if r != 0 and not (ignore and r == -ENOENT):
                    status = 255
                elif not quiet:
                    out += f"{name} = {value}\n"
            else:
                found = self.sysctl_read(path)
                if found is None:
                    status = status if ignore else 255
                else:
                    out += f"{name} = {found}"
        return status, out

    def do_set_sysctls(self, args: list[str], text: str) -> tuple[int, str]:
        restore = "#!/bin/bash\n"
        for a in args:
            path, _, value = a.partition("=")
            old = self.read(path)
            if old is None:
                return 1, ""
            restore += f'echo "{old.strip()}" > {path}\n'
            self.write(path, value)
        self.files[f"/tmp/sysctl_restore_{self.pid}.sh"] = restore.encode()
        return 0, ""

    def do_ip(self, args: list[str], text: str) -> tuple[int, str]:
        args = list(args)
        while args and args[0].startswith("-"):
            if args.pop(0) == "-6":
                raise CommandError("ip -6: address family not supported")
        if args[:2] == ["tcp_metrics", "flush"]:
            self.k.init_net.tcp_metrics.clear()
            return 0, ""
        if args and args[0] in ("route", "r", "ro"):
            return self.ip_route(args[1:]), ""
        if args and args[0] in ("link", "l"):
            return self.ip_link(args[1:]), ""
        raise CommandError(f"command 'ip {' '.join(args[:2])}' is not known")

    def ip_link(self, args: list[str]) -> int:
        words = [a for a in args if a not in ("set", "dev")]
        device = net_dev.dev_get_by_name(self.k.init_net, words[0]) if words else None
        if device is None:
            return 1
        rest = words[1:]
        while rest:
            word = rest.pop(0)
            if word == "mtu" and rest:
                device.mtu = int(rest.pop(0))
            elif word == "up":
                net_dev.dev_open(device)
            elif word == "down":
                net_dev.dev_close(device)
            else:
                raise CommandError(f"command 'ip link … {word}' is not known")
        return 0

    def ip_route(self, args: list[str]) -> int:
        if not args or args[0] not in ("add", "change", "replace", "del", "delete", "flush"):
            raise CommandError(f"command 'ip route {' '.join(args[:1])}' is not known")
        what = args[0]
        if what == "flush":
            self.k.init_net.rt_cache.clear()
            self.k.init_net.fib_genid += 1
            return 0
        if len(args) < 2:
            return 255
        try:
            prefix, _, length = args[1].partition("/")
            dst = 0 if prefix == "default" else syscalls.parse_ipv4(prefix)
            plen = 0 if prefix == "default" else int(length or 32)
            gateway, device, metrics = self.route_words(args[2:])
        except (syscalls.CallError, ValueError, IndexError) as e:
            raise CommandError(f"ip route: {e}") from None
        net = self.k.init_net
        table = net.fib_main
        assert table is not None
        level = table.by_plen[plen] or {}
        existing = level.get(dst)
        if what == "change" and not existing:
            return 2
        if what != "add":
            r = fib_frontend.ip_route_del(net, dst, plen, None)
            if what in ("del", "delete"):
                return 0 if r == 0 else 2
        if fib_frontend.ip_route_add(net, dst, plen, device, gateway, 0, 1, 0) != 0:
            return 2
        added = (table.by_plen[plen] or {})[dst][0]
        added.metrics = metrics
        net.rt_cache.clear()
        net.fib_genid += 1
        return 0

    def route_words(self, words: list[str]) -> tuple[int, NetDevice | None, dict[int, int]]:
        gateway, device = 0, None
        metrics: dict[int, int] = {}
        i = 0
        while i < len(words):
            word = words[i]
            if word == "via":
                gateway = syscalls.parse_ipv4(words[i + 1])
                i += 2
            elif word == "dev":
                device = net_dev.dev_get_by_name(self.k.init_net, words[i + 1])
                i += 2
            elif word in RTAX:
                if words[i + 1] == "lock":
                    metrics[RTAX_LOCK] = metrics.get(RTAX_LOCK, 0) | 1 << RTAX[word]
                    i += 1
                value = words[i + 1].removesuffix("ms")
                metrics[RTAX[word]] = int(value)
                i += 2
            elif word in ("proto", "scope", "metric", "src", "table"):
                i += 2
            else:
                raise syscalls.CallError(f"'{word}' is not known")
        return gateway, device, metrics

    def do_tc(self, args: list[str], text: str) -> tuple[int, str]:
        if len(args) < 4 or args[0] != "qdisc" or args[2] != "dev":
            raise CommandError(f"command 'tc {' '.join(args[:2])}' is not known")
        what, rest = args[1], args[4:]
        device = net_dev.dev_get_by_name(self.k.init_net, args[3])
        if device is None:
            return 1, ""
        rest = [w for w in rest if w != "root"]
        if what in ("del", "delete"):
            had = self.qdisc
            self.qdisc = ""
            self.drop_qdisc(device)
            return (0 if had else 2), ""
        if what not in ("add", "replace", "change") or not rest:
            raise CommandError(f"command 'tc qdisc {what}' is not known")
        kind = rest[0]
        if kind == "fq":
            if what == "add" and self.qdisc:
                return 2, ""
            self.drop_qdisc(device)
            self.qdisc = kind
            device.qdisc = sch_fq.Fq(device)
            return 0, ""
        if kind not in ("pfifo", "bfifo", "pfifo_fast", "noqueue"):
            self.output.append(f"tc: queueing discipline '{kind}' is unknown\n")
            return 2, ""
        if what == "add" and self.qdisc:
            return 2, ""
        limit = int(rest[rest.index("limit") + 1]) if "limit" in rest else 1000
        self.drop_qdisc(device)
        self.qdisc = kind
        device.qdisc = LimitZero() if limit == 0 else None
        return 0, ""

    def drop_qdisc(self, device: NetDevice) -> None:
        old = device.qdisc
        device.qdisc = None
        if isinstance(old, sch_fq.Fq):
            sch_fq.fq_reset(old)

    def do_ethtool(self, args: list[str], text: str) -> tuple[int, str]:
        if not args or args[0] != "-K":
            raise CommandError(f"command 'ethtool {' '.join(args[:1])}' is not known")
        device = net_dev.dev_get_by_name(self.k.init_net, args[1]) if len(args) > 1 else None
        if device is None:
            return 1, ""
        for feature, state in zip(args[2::2], args[3::2], strict=False):
            bits = {"tso": NETIF_F_TSO, "gso": NETIF_F_GSO, "sg": NETIF_F_SG}.get(feature)
            if bits is None:
                if feature in ("gro", "lro", "rx", "tx", "ufo", "rxvlan", "txvlan"):
                    continue
                raise CommandError(f"ethtool: feature '{feature}' is not known")
            device.features = device.features | bits if state == "on" else device.features & ~bits
        return 0, ""

    def do_nstat(self, args: list[str], text: str) -> tuple[int, str]:
        flags = "".join(a[1:] for a in args if a.startswith("-"))
        wanted = [a for a in args if not a.startswith("-")]
        now = self.views.counters(self.k)
        out = "" if "n" in flags else "#kernel\n"
        for name, value in now.items():
            change = value if "a" in flags else value - self.counters.get(name, 0)
            if "n" in flags or (wanted and not any(fnmatch.fnmatch(name, w) for w in wanted)):
                continue
            if change or "z" in flags:
                out += f"{name:<32}{change:<16} 0.0\n"
        if "s" not in flags:
            self.counters = now
        return 0, out

    def do_echo(self, args: list[str], text: str) -> tuple[int, str]:
        end = "\n"
        if args and args[0] == "-n":
            args, end = args[1:], ""
        return 0, " ".join(args) + end

    def do_cat(self, args: list[str], text: str) -> tuple[int, str]:
        out = "" if args else text
        for path in args:
            found = self.read(path)
            if found is None:
                return 1, out
            out += found
        return 0, out

    def do_grep(self, args: list[str], text: str) -> tuple[int, str]:
        flags = "".join(a[1:] for a in args if a.startswith("-"))
        words = [a for a in args if not a.startswith("-")]
        if not words:
            return 2, ""
        status = 0
        lines = text.splitlines() if len(words) == 1 else []
        for path in words[1:]:
            found = self.read(path)
            if found is None:
                status = 2
            else:
                name = f"{path}:" if len(words) > 2 else ""
                lines += [name + line for line in found.splitlines()]
        pattern = re.compile(words[0], re.IGNORECASE if "i" in flags else 0)
        hit = [line for line in lines if (pattern.search(line) is not None) != ("v" in flags)]
        out = "" if "q" in flags else "".join(line + "\n" for line in hit)
        return (0 if hit else status or 1), out

    def do_rm(self, args: list[str], text: str) -> tuple[int, str]:
        status = 0
        for path in args:
            if not path.startswith("-") and self.files.pop(path, None) is None and "-f" not in args:
                status = 1
        return status, ""

    def do_dd(self, args: list[str], text: str) -> tuple[int, str]:
        words = dict(a.partition("=")[::2] for a in args)
        if words.get("if") != "/dev/zero" or "of" not in words:
            raise CommandError("dd: only from /dev/zero to a file")
        size = int(words.get("bs", "512")) * int(words.get("count", "1"))
        return self.write(words["of"], "\0" * min(size, 1 << 24)), ""

    def do_true(self, args: list[str], text: str) -> tuple[int, str]:
        return 0, ""

    def do_false(self, args: list[str], text: str) -> tuple[int, str]:
        return 1, ""


COMMANDS: dict[str, Callable[[Shell, list[str], str], tuple[int, str]]] = {
    "sysctl": Shell.do_sysctl,
    "set_sysctls.py": Shell.do_set_sysctls,
    "ip": Shell.do_ip,
    "tc": Shell.do_tc,
    "ethtool": Shell.do_ethtool,
    "nstat": Shell.do_nstat,
    "echo": Shell.do_echo,
    "cat": Shell.do_cat,
    "grep": Shell.do_grep,
    "rm": Shell.do_rm,
    "dd": Shell.do_dd,
    "true": Shell.do_true,
    ":": Shell.do_true,
    "false": Shell.do_false,
}


# ---- the shell's grammar

_WORD = re.compile(
    r"""
    (?:[^\s;&|<>"'\\#]
     | "(?:\\.|[^"\\])*"
     | '[^']*'
     | \\.
     | (?<=\S)\#
    )+
    """,
    re.VERBOSE | re.DOTALL,
)
_OPERATOR = re.compile(r"&&|\|\||&>>|&>|\d?>&\d|\d?>>|\d?>|<|;|\||&|\n")


def split_list(text: str) -> list[tuple[str, list[list[str]]]]:
    """(operator in front, pipeline of commands of raw words) one after the other."""
    text = text.replace("\\\n", " ")
    out: list[tuple[str, list[list[str]]]] = []
    operator = ";"
    pipeline: list[list[str]] = [[]]
    at = 0
    while at < len(text):
        if text[at] in " \t\r":
            at += 1
            continue
        if text[at] == "#":
            end = text.find("\n", at)
            at = len(text) if end < 0 else end
            continue
        found = _OPERATOR.match(text, at)
        if found is not None:
            op = found.group()
            at = found.end()
            if ">" in op or op == "<":
                pipeline[-1].append("\0" + op)
            elif op == "|":
                pipeline.append([])
            else:
                if pipeline[0]:
                    out.append((operator, pipeline))
                    pipeline = [[]]
                    operator = ";"
                if op in ("&&", "||"):
                    operator = op
            continue
        word = _WORD.match(text, at)
        if word is None:
            raise CommandError(f"cannot understand '{text[at:].strip()[:40]}'")
        end = word.end()
        # $((…)) holds blanks and operators
        if word.group().endswith("$((") or ("$((" in word.group() and "))" not in word.group()):
            close = text.find("))", at)
            end = len(text) if close < 0 else close + 2
        pipeline[-1].append(text[at:end])
        at = end
    if pipeline[0]:
        out.append((operator, pipeline))
    return out


def take_redirects(words: list[str]) -> tuple[list[str], Redirect]:
    """Words without their redirections. Standard error goes nowhere."""
    out: list[str] = []
    redirect = Redirect()
    i = 0
    while i < len(words):
        word = words[i]
        if not word.startswith("\0"):
            out.append(word)
            i += 1
            continue
        op = word[1:]
        if re.fullmatch(r"\d?>&\d", op):
            i += 1
            continue
        target = unquote(words[i + 1]) if i + 1 < len(words) else ""
        i += 2
        if op.startswith("2"):
            continue
        if op == "<":
            redirect.source = target
        else:
            redirect.out = target
            redirect.append = op.endswith(">>")
    return out, redirect


def unquote(word: str) -> str:
    def part(m: re.Match[str]) -> str:
        if m.group(1) is not None:
            return re.sub(r"\\(.)", r"\1", m.group(1))
        if m.group(2) is not None:
            return m.group(2)
        return m.group(3)

    return re.sub(r'"((?:\\.|[^"\\])*)"|\'([^\']*)\'|\\(.)', part, word)


def integer_expression(text: str) -> int:
    """`$((15*1024*1024))`: numbers with + - * / and parentheses."""
    import ast as python_ast

    def value(node: python_ast.AST) -> int:
        if isinstance(node, python_ast.Expression):
            return value(node.body)
        if isinstance(node, python_ast.Constant) and isinstance(node.value, int):
            return node.value
        if isinstance(node, python_ast.BinOp):
            a, b = value(node.left), value(node.right)
            if isinstance(node.op, python_ast.Add):
                return a + b
            if isinstance(node.op, python_ast.Sub):
                return a - b
            if isinstance(node.op, python_ast.Mult):
                return a * b
            if isinstance(node.op, python_ast.Div | python_ast.FloorDiv) and b:
                return a // b
        raise CommandError(f"cannot work out $(({text}))")

    try:
        return value(python_ast.parse(text.strip(), mode="eval"))
    except SyntaxError:
        raise CommandError(f"cannot work out $(({text}))") from None
