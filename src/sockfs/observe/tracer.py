"""The call graph of the kernel at work, taken from the running functions: ftrace's function_graph for a
Python program.

`Tracer` sets itself as the interpreter's profile function. It sees every call and return of the core's
functions (so the core must run interpreted: `SOCKFS_PURE=1`), keeps those that belong to the kernel's own
files, and builds a tree for each entry into the kernel: a system call, the softirq drain that follows it, a
timer that went off. Nothing here knows which function calls which: what is printed was called.

    Tracer(kernel, sink)   sink hears `Root`s as they end, with their system call (`strace.Invocation`) if
    they are one TextSink               prints strace's line, and the graph below it as function_graph lays it
    out JsonSink               one JSON object a line

Functions of `structs`, `uapi`, `util` and the tracepoints themselves are left out (a compiler would inline
them), and so are methods of operation tables that only call the one function they stand for: that function's
line names the slot it was reached by. A call that sleeps and is started again is one call with several
graphs.

Also here: `CallWatch`, which calls back before or after a system call of a given name (`sockfs tree --at
CALL`)."""

from __future__ import annotations

import dis
import fnmatch
import json
import sys
import threading
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, TextIO

from sockfs.kernel import trace
from sockfs.libc import host
from sockfs.observe import strace, text
from sockfs.runtime.realtime import RealTime, Relay
from sockfs.structs.kernel import TraceSink

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType

    from sockfs.observe.strace import Invocation
    from sockfs.observe.text import Line
    from sockfs.structs.kernel import Kernel

CORE_ROOMS = ("kernel", "fs", "net", "drivers", "entry", "boot")
HIDDEN_MODULES = ("sockfs.kernel.trace",)
HIDDEN_NAMES = {"<genexpr>", "<listcomp>", "<dictcomp>", "<lambda>", "<module>", "__init__", "__len__"}
HIDDEN_NAMES |= {"note_ops_set"}  # a tracepoint in all but name
SOFTIRQ_ROOTS = ("do_softirq",)
TIMER_ROOTS = ("run_timers",)
CALLS = {dis.opmap[name] for name in ("CALL", "CALL_FUNCTION_EX", "CALL_KW") if name in dis.opmap}


class Function:
    """What is known of one function, once."""

    __slots__ = ("forwards", "line", "method", "module", "name", "path", "root", "syscall")

    def __init__(self, name: str, module: str, path: str, line: int, method: str) -> None:
        self.forwards = False  # its body is one call
        self.name = name
        self.module = module
        self.path = path
        self.line = line
        self.method = method  # "Class.slot" of a method, "" of a function
        self.syscall = ""
        self.root = ""
        if name.startswith("sys_") and not method:
            self.syscall = name[4:]
        elif not method and name in strace.ENTRIES:
            self.syscall = strace.ENTRIES[name]
        elif method and name in strace.METHODS:
            self.syscall = strace.METHODS[name]
        if self.syscall:
            self.root = "syscall"
        elif name in SOFTIRQ_ROOTS and not method:
            self.root = "softirq"
        elif name in TIMER_ROOTS and not method:
            self.root = "timer"


class Node:
    """One call of one function, or a tracepoint that was passed."""

    __slots__ = ("children", "end", "event", "fn", "frame", "start", "table", "via")

    def __init__(self, fn: Function | None, frame: FrameType | None, start: int) -> None:
        self.fn = fn
        self.frame = frame
        self.start = start
        self.end = 0
        self.children: list[Node] = []
        self.event = ""  # a tracepoint's text instead of a function
        self.table = ""  # of a method: the operation table it belongs to
        self.via = ""  # the slot by which this function was reached

    @property
    def name(self) -> str:
        if self.fn is None:
            return self.event
        if not self.fn.method:
            return self.fn.name
        return f"{self.table or self.fn.method.partition('.')[0]}.{self.fn.name}"

    def json(self) -> dict[str, Any]:
        if self.fn is None:
            return {"event": self.event, "at_ns": self.start}
        out: dict[str, Any] = {
            "function": self.name,
            "file": self.fn.path,
            "line": self.fn.line,
            "start_ns": self.start,
            "duration_ns": self.end - self.start,
        }
        if self.via:
            out["via"] = self.via
        if self.children:
            out["calls"] = [child.json() for child in self.children]
        return out


class Root:
    """One way into the kernel: its graph, and what it was."""

    def __init__(self, kind: str, node: Node, thread: int, call: Invocation | None) -> None:
        self.kind = kind  # syscall, softirq, timer
        self.node = node
        self.thread = thread
        self.call = call
        self.sleeps = False  # it ended in a sleep: the call will be started again
        self.resumed = False  # it is such a second start

    def chain(self) -> list[tuple[int, str]]:
        """(depth, function) of every call, in order."""
        out: list[tuple[int, str]] = []
        _chain(self.node, 0, out)
        return out


def _chain(node: Node, depth: int, out: list[tuple[int, str]]) -> None:
    if node.fn is not None:
        out.append((depth, node.name))
    for child in node.children:
        _chain(child, depth + 1, out)


class PatientLock:
    """One thread prints at a time, but nobody waits for ever: a finaliser that runs in the middle of a line
    may wait for the kernel, whose holder may wait to print."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.owner = 0

    def __enter__(self) -> None:
        if self.lock.acquire(timeout=1):
            self.owner = threading.get_ident()

    def __exit__(self, *error: object) -> None:
        if self.owner == threading.get_ident():
            self.owner = 0
            self.lock.release()


class Sink:
    """Who hears the tracer."""

    def root(self, root: Root) -> None:
        """A way into the kernel has ended."""

    def parked(self, thread: int) -> None:
        """That thread goes to sleep in a call it has not finished."""

    def finish(self) -> None:
        """Nothing more will come."""


class Tracer(TraceSink):
    """Builds graphs from the interpreter's profile events. `start` and `stop` switch it on and off."""

    def __init__(self, kernel: Kernel, sink: Sink, entry: Callable[[Invocation], None] | None = None) -> None:
        self.kernel = kernel
        self.sink = sink
        self.on_entry = entry
        self.functions: dict[CodeType, Function | None] = {}
        self.stacks: dict[int, list[Node]] = {}
        self.pending: dict[int, Invocation] = {}  # calls asleep, by their record's id
        self.asleep: dict[int, Invocation] = {}  # the same by thread
        self.numbers: dict[int, int] = {}
        self.service: OnService | None = None

    def start(self) -> None:
        trace.attach(self.kernel, self)
        threading.setprofile(self.profile)
        waiter = self.kernel.host
        if isinstance(waiter, RealTime):
            self.service = OnService(waiter, self.profile)
        sys.setprofile(self.profile)

    def stop(self) -> None:
        sys.setprofile(None)
        threading.setprofile(None)
        if self.service is not None:
            self.service.profile = None
            self.service.knock()
        trace.detach(self.kernel, self)
        self.sink.finish()

    # ---- what the interpreter tells

    def profile(self, frame: FrameType, event: str, arg: object) -> None:
        if event != "call" and event != "return":
            return
        code = frame.f_code
        try:
            fn = self.functions[code]
        except KeyError:
            fn = self.functions[code] = self.classify(frame)
        if fn is None:
            return
        if fn.root == "park":
            if event == "call":
                self.sink.parked(self.thread())
            return
        ident = threading.get_ident()
        stack = self.stacks.get(ident)
        if stack is None:
            stack = self.stacks[ident] = []
        if event == "call":
            if stack or fn.root:
                self.enter(stack, fn, frame)
        elif stack and stack[-1].frame is frame:
            self.leave(stack, arg)

    def enter(self, stack: list[Node], fn: Function, frame: FrameType) -> None:
        node = Node(fn, frame, 0)
        if fn.method:
            owner = frame.f_locals.get("self")
            node.table = str(getattr(owner, "name", "") or "")
        if not stack and fn.syscall:
            call = self.invocation(fn, frame)
            if self.on_entry is not None and call.answer is None:
                self.on_entry(call)
            node.event = ""
            self.asleep[threading.get_ident()] = call
        stack.append(node)
        node.start = perf_counter_ns()

    def leave(self, stack: list[Node], answer: object) -> None:
        node = stack.pop()
        node.end = perf_counter_ns()
        node.frame = None
        fn = node.fn
        assert fn is not None
        if stack:
            attach(stack[-1], node)
            return
        call = self.asleep.pop(threading.get_ident(), None) if fn.syscall else None
        root = Root(fn.root, node, self.thread(), call)
        if call is not None:
            root.resumed = call.answer is not None
            call.answer = answer
            if isinstance(answer, int) and answer == -strace.ESLEEP:
                root.sleeps = True
                self.pending[id(call.record)] = call
        elif fn.root == "softirq" and size(node) <= 4:
            return  # nothing was queued
        elif fn.root == "timer" and not node.children:
            return
        self.sink.root(root)

    def invocation(self, fn: Function, frame: FrameType) -> Invocation:
        code = frame.f_code
        values = frame.f_locals
        args = {name: values[name] for name in code.co_varnames[: code.co_argcount] if name in values}
        record = args.get("call") or args.get("msg")
        if record is not None:
            again = self.pending.pop(id(record), None)
            if again is not None and again.name == fn.syscall:
                return again
        return strace.Invocation(fn.syscall, args)

    def thread(self) -> int:
        ident = threading.get_ident()
        number = self.numbers.get(ident)
        if number is None:
            number = self.numbers[ident] = len(self.numbers) + 1
        return number

    def event(self, name: str, fields: dict[str, object]) -> None:
        """A tracepoint: a comment in the graph, where it was passed."""
        stack = self.stacks.get(threading.get_ident())
        if not stack:
            return
        node = Node(None, None, perf_counter_ns())
        node.event = f"{name}: " + " ".join(f"{key}={show(key, value)}" for key, value in fields.items())
        stack[-1].children.append(node)

    def classify(self, frame: FrameType) -> Function | None:
        """Whether a function belongs into the graph: it stands in the kernel's own rooms."""
        module = str(frame.f_globals.get("__name__", ""))
        if not module.startswith("sockfs."):
            return None
        code = frame.f_code
        room = module.split(".")[1]
        qualname = code.co_qualname
        method = qualname if "." in qualname and "<locals>" not in qualname else ""
        fn = Function(code.co_name, module, module_path(module), code.co_firstlineno, method)
        fn.forwards = one_call(code)
        if room == "runtime" and code.co_name == "park":
            fn.root = "park"
            return fn
        if room not in CORE_ROOMS or module in HIDDEN_MODULES or code.co_name in HIDDEN_NAMES:
            return None
        return fn


def one_call(code: CodeType) -> bool:
    """Whether a function's body makes a single call, `isinstance` not counted."""
    calls = sum(op in CALLS for op in code.co_code[::2])
    return 1 <= calls <= (3 if "isinstance" in code.co_names else 1)


def size(node: Node) -> int:
    """How many lines a graph has, about."""
    return 1 + sum(size(child) for child in node.children)


def module_path(module: str) -> str:
    """`sockfs.net.ipv4.tcp` → `net/ipv4/tcp.py`."""
    return module.removeprefix("sockfs.").replace(".", "/") + ".py"


def show(key: str, value: object) -> str:
    """A tracepoint's field: addresses dotted."""
    if key in ("saddr", "daddr") and isinstance(value, int):
        return f"{value >> 24 & 255}.{value >> 16 & 255}.{value >> 8 & 255}.{value & 255}"
    return str(value)


def attach(parent: Node, node: Node) -> None:
    """Hang a finished call below its caller. A slot of an operation table that only passes the call on is
    left out: the one function it called is hung there instead and remembers the slot. So is a second name of
    the same function."""
    fn = node.fn
    if fn is not None and fn.forwards:
        calls = [child for child in node.children if child.fn is not None]
        only = calls[0].fn if len(calls) == 1 and not calls[0].via else None
        if only is not None and ((fn.method and not only.method) or only.name == fn.name):
            if fn.method:
                calls[0].via = node.name
            calls[0].start, calls[0].end = node.start, node.end
            parent.children += node.children
            return
    parent.children.append(node)


class OnService(Relay):
    """Sets the profile function of the kernel's service thread, where timers go off: it was there before the
    tracer. It does so itself, when it is told that this relay can be read."""

    def __init__(self, waiter: RealTime, profile: Callable[[FrameType, str, object], None] | None) -> None:
        super().__init__(host.high(host.eventfd(0)))
        self.profile = profile
        self.ready = threading.Lock()
        self.ready.acquire()
        waiter.add_relay(self)
        self.knock()
        self.ready.acquire(True, 5)

    def knock(self) -> None:
        host.write(self.fd, b"\1\0\0\0\0\0\0\0")

    def pump(self) -> None:
        host.read(self.fd, 8)
        sys.setprofile(self.profile)
        if self.ready.locked():
            self.ready.release()


# ---- text


class Filters:
    """What of the graph is shown. Patterns are shell patterns."""

    def __init__(
        self,
        calls: tuple[str, ...] = (),
        functions: tuple[str, ...] = (),
        depth: int = 0,
        graph: bool = True,
        events: bool = True,
        softirq: bool = True,
    ) -> None:
        self.calls = tuple(name for group in calls for name in group.split(","))
        self.functions = tuple(name for group in functions for name in group.split(","))
        self.depth = depth
        self.graph = graph
        self.events = events
        self.softirq = softirq

    def wants_call(self, name: str) -> bool:
        return not self.calls or any(fnmatch.fnmatchcase(name, p) for p in self.calls)

    def wants_function(self, name: str) -> bool:
        return not self.functions or any(fnmatch.fnmatchcase(name, p) for p in self.functions)

    def subtrees(self, node: Node) -> list[Node]:
        """The parts of a graph that are shown: all of it, or below each function that is asked for."""
        if not self.functions or (node.fn is not None and self.wants_function(node.name)):
            return [node]
        return [found for child in node.children for found in self.subtrees(child)]


MARKS = (
    (1_000_000_000, "$"),
    (100_000_000, "@"),
    (10_000_000, "*"),
    (1_000_000, "#"),
    (100_000, "!"),
    (10_000, "+"),
)
ROOM_STYLES = {
    "fs": "yellow",
    "net/socket.py": "bold cyan",
    "net/core": "blue",
    "net/ipv4/tcp": "green",
    "net/ipv4/inet": "green",
    "net": "cyan",
    "kernel": "magenta",
    "drivers": "red",
}


def duration(ns: int) -> str:
    """function_graph's duration column, 17 characters."""
    mark = next((m for least, m in MARKS if ns >= least), " ")
    return f"{mark} {ns // 1000}.{ns % 1000:03d} us".ljust(16)


def graph(node: Node, cpu: int, depth: int, filters: Filters, out: list[Line]) -> None:
    """The lines of one call and all below it, as function_graph writes them."""
    head = f"{cpu:>2}) "
    indent = "  " * depth
    if node.fn is None:
        if filters.events:
            out.append(
                [(head + " " * 17 + "|  " + indent, text.EDGE), (f"/* {node.event} */", "italic yellow")]
            )
        return
    style = style_of(node.fn)
    via = f"  /* {node.via} */" if node.via else ""
    took = duration(node.end - node.start)
    calls = [c for c in node.children if c.fn is not None or filters.events]
    if not calls or (filters.depth and depth + 1 >= filters.depth):
        out.append(
            [(head, text.EDGE), (took, ""), (" |  " + indent, text.EDGE), (node.name, style), ("();", style)]
        )
        out[-1].append((via, text.EDGE))
        return
    out.append(
        [(head + " " * 17 + "|  " + indent, text.EDGE), (node.name, style), ("() {", style), (via, text.EDGE)]
    )
    for child in calls:
        graph(child, cpu, depth + 1, filters, out)
    out.append([(head, text.EDGE), (took, ""), (" |  " + indent, text.EDGE), ("}", style)])
    if len(calls) > 12:
        out[-1].append((f" /* {node.name} */", text.EDGE))


def style_of(fn: Function) -> str:
    for prefix, style in ROOM_STYLES.items():
        if fn.path.startswith(prefix):
            return style
    return ""


def unfinished(call: Invocation) -> Line:
    """The line of a call that sleeps: what was known when it was made."""
    before, after = strace.arguments(call)
    return [(call.name, "bold cyan"), (f"({before}{', ' if after else ''} <unfinished ...>", "")]


class TextSink(Sink):
    """strace's lines with function_graph's below them."""

    def __init__(self, out: TextIO | None = None, filters: Filters | None = None) -> None:
        self.out = out
        self.filters = filters or Filters()
        self.lock = PatientLock()
        self.open: dict[int, list[Root]] = {}  # by thread: starts of a call that is not finished
        self.announced: set[int] = set()  # threads whose unfinished call is printed
        self.threads: set[int] = set()
        self.last_shown = True
        self.headed = False

    def root(self, root: Root) -> None:
        with self.lock:
            self.threads.add(root.thread)
            waiting = self.open.get(root.thread)
            if root.kind != "syscall":
                if waiting:
                    waiting.append(root)
                elif self.last_shown and self.filters.softirq and self.filters.graph:
                    self.show([], [root], root.thread)
                return
            assert root.call is not None
            roots = [*(waiting or []), root]
            if root.sleeps:
                self.open[root.thread] = roots
                return
            self.open.pop(root.thread, None)
            self.last_shown = self.filters.wants_call(root.call.name)
            if self.last_shown:
                self.show(self.head(root), roots, root.thread)
            self.announced.discard(root.thread)

    def head(self, root: Root) -> Line:
        """The system call's own line."""
        call = root.call
        assert call is not None
        before, after = strace.arguments(call)
        answer = strace.result(call) + strace.poll_answer(call)
        style = "bold red" if strace.failed(call) else "bold"
        if root.thread in self.announced:
            left = f"<... {call.name} resumed>{after})"
            return [(f"{left:<39}", "bold"), (" = ", text.EDGE), (answer, style)]
        joined = ", ".join(part for part in (before, after) if part)
        pad = " " * max(0, 39 - len(call.name) - len(joined) - 2)
        return [(call.name, "bold cyan"), (f"({joined}){pad}", ""), (" = ", text.EDGE), (answer, style)]

    def parked(self, thread: int) -> None:
        with self.lock:
            roots = self.open.get(thread)
            if not roots or thread in self.announced:
                return
            call = next(root.call for root in roots if root.call is not None)
            if self.filters.wants_call(call.name):
                self.show(unfinished(call), roots, thread)
                self.announced.add(thread)
                self.open[thread] = [Root("slept", roots[0].node, thread, call)]

    def show(self, head: Line, roots: list[Root], thread: int) -> None:
        lines: list[Line] = []
        if head:
            tag: Line = [(f"[tid {thread}] ", text.EDGE)] if len(self.threads) > 1 else []
            lines.append([*tag, *head])
        if self.filters.graph:
            for root in roots:
                if root.kind == "slept":
                    continue
                body: list[Line] = []
                for node in self.filters.subtrees(root.node):
                    graph(node, thread - 1, 0, self.filters, body)
                if root.kind != "syscall" and body:
                    if not self.filters.softirq:
                        continue
                    name = "<softirq>" if root.kind == "softirq" else "<timer>"
                    body.insert(
                        0, [(f"{thread - 1:>2})   ==========>".ljust(21) + f"|  {name}", "bold magenta")]
                    )
                    body.append([(f"{thread - 1:>2})   <==========".ljust(21) + "|", "bold magenta")])
                if root.sleeps and body:
                    body[-1].append(("  /* sleeps */", "italic yellow"))
                lines += body
        text.paint(lines, self.out or sys.stderr)

    def finish(self) -> None:
        with self.lock:
            for thread, roots in self.open.items():
                call = next((root.call for root in roots if root.call is not None), None)
                if call is not None and thread not in self.announced and self.filters.wants_call(call.name):
                    self.show(unfinished(call), roots, thread)
            self.open = {}


class JsonSink(Sink):
    """One JSON object a line: {kind, thread, call, arguments, result, graph}."""

    def __init__(self, out: TextIO | None = None, filters: Filters | None = None) -> None:
        self.out = out
        self.filters = filters or Filters()
        self.lock = PatientLock()
        self.last_shown = True

    def root(self, root: Root) -> None:
        record: dict[str, Any] = {"kind": root.kind, "thread": root.thread}
        call = root.call
        with self.lock:
            if call is not None:
                self.last_shown = self.filters.wants_call(call.name)
                before, after = strace.arguments(call)
                record["call"] = call.name
                record["arguments"] = ", ".join(part for part in (before, after) if part)
                record["sleeps"] = root.sleeps
                record["resumed"] = root.resumed
                if not root.sleeps:
                    record["result"] = strace.result(call)
                    record["value"] = call.value
            if not self.last_shown or (root.kind != "syscall" and not self.filters.softirq):
                return
            if self.filters.graph:
                record["graph"] = [node.json() for node in self.filters.subtrees(root.node)]
            print(json.dumps(record), file=self.out or sys.stderr, flush=True)


class Collector(Sink):
    """Keeps everything, for tests."""

    def __init__(self) -> None:
        self.roots: list[Root] = []

    def root(self, root: Root) -> None:
        self.roots.append(root)

    def calls(self, name: str) -> list[Root]:
        """The starts of every system call of that name."""
        return [root for root in self.roots if root.call is not None and root.call.name == name]


class CallWatch(Sink):
    """Calls back at a system call of one name: `action(True)` before it, or `action(False)` after it
    succeeded."""

    def __init__(self, name: str, before: bool, action: Callable[[Invocation], None]) -> None:
        self.name = name
        self.before = before
        self.action = action

    def matches(self, call: Invocation) -> bool:
        return call.name == self.name or call.name == f"{self.name}4"

    def entry(self, call: Invocation) -> None:
        if self.before and self.matches(call):
            self.action(call)

    def root(self, root: Root) -> None:
        call = root.call
        if not self.before and call is not None and not root.sleeps and self.matches(call):
            self.action(call)
