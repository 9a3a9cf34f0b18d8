"""How `sockfs ss --of PID` reaches a running program: a real local socket in a directory of the user's own.

The program's side (`serve`) binds PID.sock in $XDG_RUNTIME_DIR/sockfs or /tmp/sockfs-UID and has the service
thread of the kernel watch it; only when somebody knocks a thread of its own starts, takes the kernel, writes
a snapshot down and sends it as JSON. The other side (`fetch`) reads it back as a `View`. Real sockets are
made from the modules that `libc/host.py` kept from before the swap.

Left out: changing anything from outside. Whoever may open the socket may look, and that is only the user.
"""

from __future__ import annotations

import atexit
import json
import os
import stat
from _thread import start_new_thread
from typing import TYPE_CHECKING, Any

from sockfs.libc import host
from sockfs.observe import snapshot
from sockfs.runtime.realtime import RealTime, Relay

if TYPE_CHECKING:
    from sockfs.structs.kernel import Kernel

real: Any = host.socket_module


class Nobody(Exception):
    """There is no such running program; the text says what was looked for."""


def directory() -> str:
    """Where the control sockets of this user lie."""
    base = os.environ.get("XDG_RUNTIME_DIR", "")
    if base and os.path.isdir(base):
        return os.path.join(base, "sockfs")
    return f"/tmp/sockfs-{os.getuid()}"


# ---- the program's side


class Control(Relay):
    """The listening socket, watched by the kernel's service thread."""

    def __init__(self, kernel: Kernel, waiter: RealTime, path: str, program: list[str]) -> None:
        listener = real.socket(real.AF_UNIX, real.SOCK_STREAM | real.SOCK_NONBLOCK)
        listener.bind(path)
        listener.listen(8)
        super().__init__(host.high(listener.detach()))
        self.kernel = kernel
        self.waiter = waiter
        self.path = path
        self.program = program
        self.owner = os.getpid()

    def pump(self) -> None:
        """Somebody knocks."""
        listener = real.socket(fileno=self.fd)
        try:
            fd, _ = listener._accept()
        except OSError:
            return
        finally:
            listener.detach()
        start_new_thread(self.answer, (host.high(fd),))

    def answer(self, fd: int) -> None:
        """One question, one answer. Runs on a thread of its own."""
        connection = real.socket(fileno=fd)
        try:
            connection.settimeout(10)
            question = json.loads(connection.recv(4096) or b"{}")
            reply: dict[str, Any] = {"pid": os.getpid(), "program": self.program, "cwd": os.getcwd()}
            if question.get("want") == "snapshot":
                self.waiter.enter()
                try:
                    reply["snapshot"] = snapshot.take(self.kernel)
                finally:
                    self.waiter.leave()
            connection.sendall(json.dumps(reply).encode())
        except (OSError, ValueError):
            pass
        finally:
            connection.close()

    def remove(self) -> None:
        """The program ends."""
        if os.getpid() == self.owner:
            try:
                os.unlink(self.path)
            except OSError:
                pass


def serve(kernel: Kernel, program: list[str]) -> Control | None:
    """Let others look at `kernel` from now on. None where no socket can be made: the program runs all the
    same."""
    waiter = kernel.host
    if not isinstance(waiter, RealTime):
        return None
    try:
        folder = directory()
        os.makedirs(folder, mode=0o700, exist_ok=True)
        about = os.lstat(folder)
        if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid() or about.st_mode & 0o022:
            return None
        path = os.path.join(folder, f"{os.getpid()}.sock")
        if os.path.lexists(path):
            os.unlink(path)
        control = Control(kernel, waiter, path, program)
    except OSError:
        return None
    waiter.add_relay(control)
    atexit.register(control.remove)
    return control


# ---- the other side


def running() -> list[int]:
    """Process ids of programs that can be looked at. What dead ones left behind is cleared away."""
    found = []
    try:
        names = sorted(os.listdir(directory()))
    except OSError:
        return []
    for name in names:
        pid, dot, ending = name.partition(".")
        if not dot or ending != "sock" or not pid.isdigit():
            continue
        if os.path.isdir(f"/proc/{pid}"):
            found.append(int(pid))
        else:
            try:
                os.unlink(os.path.join(directory(), name))
            except OSError:
                pass
    return found


def ask(path: str, question: dict[str, Any]) -> dict[str, Any]:
    """One question to a control socket. Raises OSError and ValueError."""
    connection = real.socket(real.AF_UNIX, real.SOCK_STREAM)
    try:
        connection.settimeout(30)
        connection.connect(path)
        connection.sendall(json.dumps(question).encode())
        parts = []
        while True:
            part = connection.recv(1 << 20)
            if not part:
                break
            parts.append(part)
    finally:
        connection.close()
    reply = json.loads(b"".join(parts))
    if not isinstance(reply, dict):
        raise ValueError("no answer of a sockfs program")
    return reply


def find(of: str | None) -> str:
    """The control socket of a program, named by process id, by its file, or by the socket itself; None: the
    only one. Raises Nobody."""
    if of is not None and os.path.exists(of) and stat.S_ISSOCK(os.stat(of).st_mode):
        return of
    pids = running()
    paths = {pid: os.path.join(directory(), f"{pid}.sock") for pid in pids}
    if of is None:
        if len(pids) == 1:
            return paths[pids[0]]
        if not pids:
            raise Nobody("no sockfs program is running; start one with sockfs run")
        raise Nobody(f"several programs run ({', '.join(map(str, pids))}): say which one with --of PID")
    if of.isdigit():
        if int(of) not in paths:
            raise Nobody(f"process {of} is no running sockfs program")
        return paths[int(of)]
    wanted = os.path.realpath(of)
    for path in paths.values():
        try:
            reply = ask(path, {"want": "hello"})
            argv, cwd = reply["program"], reply["cwd"]
        except (OSError, ValueError, KeyError):
            continue
        if argv and os.path.realpath(os.path.join(cwd, argv[0])) == wanted:
            return path
    raise Nobody(f"no running sockfs program is {of!r}")


def fetch(of: str | None) -> snapshot.View:
    """A snapshot of a running program. Raises Nobody."""
    path = find(of)
    try:
        return snapshot.View(ask(path, {"want": "snapshot"})["snapshot"])
    except (OSError, ValueError, KeyError) as e:
        raise Nobody(f"{path} does not answer: {e}") from None
