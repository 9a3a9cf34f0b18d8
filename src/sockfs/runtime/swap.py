"""Putting a kernel under this process: the modules, functions and classes that are replaced, and put back.

Everything in Python that touches a socket stands on two C modules, `_socket` and `select`, and a handful of
functions of `os`, `fcntl` and `signal`. Order matters: replacements go into `sys.modules` before anything
imports `socket`. Where `socket`, `selectors` or `ssl` are imported already they are executed again in place,
so that whoever holds the module sees the new names; and names that other modules took out of them (`from
socket import socket`) are changed one by one, by identity. `undo` puts all of it back.

Threads that sleep in the host's sockets when the swap happens stay there; objects made before it keep working
on the host.
"""

from __future__ import annotations

import atexit
import fcntl as fcntl_module
import importlib
import os
import posix as posix_module
import resource
import sys
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from sockfs import boot
from sockfs.kernel import sysctl
from sockfs.libc import calls, host, loop, module
from sockfs.libc import posix as libc_posix
from sockfs.libc import ssl as libc_ssl
from sockfs.net.core.dev import NETIF_F_GSO_SOFTWARE
from sockfs.runtime import fds, fork, paths, realtime, refuse, signals

if TYPE_CHECKING:
    from sockfs.boot import Kernel
    from sockfs.structs.task import Task

OS_FUNCTIONS = (
    "read write readv writev close closerange dup dup2 get_inheritable set_inheritable get_blocking"
    " set_blocking isatty fstat lseek sendfile"
).split()
FCNTL_FUNCTIONS = ("fcntl", "ioctl")
SIGNAL_FUNCTIONS = ("signal", "getsignal", "set_wakeup_fd")
REDONE = ("socket", "selectors", "ssl")  # executed again where they are there already, in this order

_MISSING = object()


class Swap:
    """One kernel under this process, from `do` to `undo`."""

    def __init__(self, kernel: Kernel, comm: str) -> None:
        self.kernel = kernel
        self.waiter = realtime.RealTime(kernel)
        kernel.host = self.waiter
        kernel.unix_path_host = paths.HostPaths()
        self.task: Task = kernel.task(comm)
        self.fds = fds.HostFds(self.task.files)
        self.task.files.placeholder = self.fds
        soft = _nofile_limit()
        if soft > 0:
            self.task.rlimit_nofile = soft
        self._nothing_replaced(signals.Signals(self.waiter))

    def _nothing_replaced(self, wrapped: signals.Signals | None) -> None:
        self.signals = wrapped
        self.finder = refuse.RefuseFinder()
        self.saved_modules: dict[str, ModuleType | None] = {}
        self.saved_dicts: list[tuple[ModuleType, dict[str, Any]]] = []
        self.changed: list[tuple[Any, str, Any, Any]] = []  # holder, name, what was there, what is there now
        self.renamed: dict[int, tuple[Any, Any]] = {}  # id of the old object → old, new

    # ---- in

    def do(self) -> None:
        """Put the kernel under this process."""
        if loop.current.waiter is not None:
            raise RuntimeError("sockfs: a kernel is installed in this process already")
        self.waiter.start()
        atexit.register(self.waiter.keep)
        loop.current.task = self.task
        loop.current.waiter = self.waiter
        fork.watch()
        self.replace()

    def replace(self) -> None:
        """Modules, functions and classes: ours in, the host's out."""
        late = "socket" in sys.modules
        self._module("_socket", module.socket_module())
        self._module("select", module.select_module())
        for name in OS_FUNCTIONS:
            self._function((os, posix_module), name, getattr(libc_posix, name))
        for name in FCNTL_FUNCTIONS:
            self._function((fcntl_module,), name, getattr(libc_posix, name))
        if self.signals is not None:
            self._replace_signals(self.signals)
        self._ssl()
        sys.meta_path.insert(0, self.finder)
        if late:
            self._redo()
        self._fix_defaults()

    def _replace_signals(self, wrapped: signals.Signals) -> None:
        signal_module = importlib.import_module("signal")
        for name in SIGNAL_FUNCTIONS:
            holders: tuple[Any, ...] = (host._signal,)
            if name == "set_wakeup_fd":  # the others are wrapped in signal.py
                holders = (host._signal, signal_module)
            self._function(holders, name, getattr(wrapped, name))
        wrapped.wrap_present()

    def _module(self, name: str, new: ModuleType) -> None:
        old = sys.modules.get(name)
        self.saved_modules[name] = old
        if old is not None:
            for key, value in new.__dict__.items():
                before = old.__dict__.get(key, _MISSING)
                if before is not _MISSING and not key.startswith("__"):
                    self._rename(before, value)
        new.__spec__ = getattr(old, "__spec__", None)
        sys.modules[name] = new
        if old is not None:
            self.renamed[id(old)] = (old, new)

    def _rename(self, before: Any, after: Any) -> None:
        if before is after or before is None or isinstance(before, (int, float, str, bytes, tuple)):
            return
        self.renamed[id(before)] = (before, after)

    def _function(self, holders: tuple[Any, ...], name: str, new: Any) -> None:
        for holder in holders:
            self._rename(getattr(holder, name), new)
            self._set(holder, name, new)

    def _set(self, holder: Any, name: str, new: Any) -> None:
        self.changed.append((holder, name, getattr(holder, name), new))
        setattr(holder, name, new)

    def _ssl(self) -> None:
        """TLS through MemoryBIO: `ssl.SSLContext` gets a `_wrap_socket` that pumps records through our
        sockets."""
        try:
            _ssl = importlib.import_module("_ssl")
        except ImportError:
            return
        self._set(_ssl, "_SSLContext", libc_ssl.context_class())

    def _redo(self) -> None:
        """Modules that were imported before us: execute them again, and change the names others took from
        them."""
        olds: list[dict[str, Any]] = []
        done = [sys.modules[name] for name in REDONE if name in sys.modules]
        for m in done:
            old = dict(m.__dict__)
            self.saved_dicts.append((m, old))
            olds.append(old)
            importlib.reload(m)
            _keep_sentinels(m, old)
        for m, old in zip(done, olds, strict=True):
            for name, before in old.items():
                after = m.__dict__.get(name, _MISSING)
                if after is _MISSING or name.startswith("__") or not callable(before):
                    continue
                if getattr(before, "__module__", None) in (*REDONE, "_socket", "select", "_ssl"):
                    self._rename(before, after)
        self._everywhere(dict(self.renamed), remember=True)

    def _everywhere(self, names: dict[int, tuple[Any, Any]], remember: bool) -> None:
        """Change every module's global that is one of the old objects."""
        skip = {"_socket", "select", "posix", "os", "_signal", "signal", "fcntl", "_ssl", *REDONE}
        for name, m in list(sys.modules.items()):
            if name in skip or name.partition(".")[0] == "sockfs" or not isinstance(m, ModuleType):
                continue
            d = m.__dict__
            for key, value in list(d.items()):
                pair = names.get(id(value))
                if pair is not None and pair[0] is value:
                    if remember:
                        self.changed.append((m, key, value, pair[1]))
                    d[key] = pair[1]

    def _fix_defaults(self) -> None:
        """`multiprocessing.connection` has os.read and os.write as default arguments."""
        m = sys.modules.get("multiprocessing.connection")
        if m is None:
            return
        for method in ("_send", "_recv"):
            f = getattr(m.Connection, method)
            defaults = f.__defaults__
            new = tuple(self.renamed[id(d)][1] if id(d) in self.renamed else d for d in defaults or ())
            self.changed.append((f, "__defaults__", defaults, new))
            f.__defaults__ = new

    # ---- out

    def undo(self) -> None:
        """Put everything back. Descriptors that the block left open are closed."""
        self.restore()
        self._close_all()
        loop.current.task = None
        loop.current.waiter = None
        atexit.unregister(self.waiter.keep)
        self.waiter.stop()
        self.fds.shut()

    def restore(self) -> None:
        """Modules, functions and classes: the host's again."""
        for holder, name, before, now in reversed(self.changed):
            if isinstance(holder, ModuleType):
                if holder.__dict__.get(name) is now:
                    setattr(holder, name, before)
            else:
                setattr(holder, name, before)
        back: dict[int, tuple[Any, Any]] = {}
        for before, after in self.renamed.values():
            back[id(after)] = (after, before)
        for m, old in self.saved_dicts:
            for name, value in list(m.__dict__.items()):
                if name in old and not name.startswith("__") and callable(value):
                    back.setdefault(id(value), (value, old[name]))
            m.__dict__.clear()
            m.__dict__.update(old)
        for name, module_before in self.saved_modules.items():
            if module_before is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = module_before
        if not self.saved_dicts:
            for name in REDONE:  # imported inside the block, on our modules
                late = sys.modules.get(name)
                if late is not None:
                    importlib.reload(late)
        self._everywhere(back, remember=False)
        if self.finder in sys.meta_path:
            sys.meta_path.remove(self.finder)
        if self.signals is not None:
            self.signals.unwrap()

    def _close_all(self) -> None:
        w = self.waiter
        files = self.task.files
        for fd in range(len(files.fdt)):
            if calls.ours(self.task, fd):
                calls.close_late(w, self.task, fd)
        w.enter()
        w.leave()


def _keep_sentinels(m: ModuleType, old: dict[str, Any]) -> None:
    """Bare `object()`s of a module (`socket._GLOBAL_DEFAULT_TIMEOUT`) are default arguments everywhere: they
    must stay the same objects when the module is executed again."""
    kept: dict[int, Any] = {}
    for name, before in old.items():
        after = m.__dict__.get(name)
        if type(before) is object and type(after) is object:
            kept[id(after)] = before
            m.__dict__[name] = before
    if not kept:
        return
    functions = [f for f in m.__dict__.values() if isinstance(f, FunctionType)]
    for cls in [c for c in m.__dict__.values() if isinstance(c, type) and c.__module__ == m.__name__]:
        functions += [f for f in vars(cls).values() if isinstance(f, FunctionType)]
    for f in functions:
        if f.__defaults__:
            f.__defaults__ = tuple(kept.get(id(d), d) for d in f.__defaults__)


def make_kernel(seed: int | None) -> Kernel:
    """A machine for real time, seeded from the machine's randomness unless told."""
    if seed is None:
        seed = int.from_bytes(os.urandom(7), "little")
    return boot.Kernel(seed)


def set_sysctl(kernel: Kernel, key: str, value: str) -> bool:
    """Set one; whether there is such a one and it takes the value."""
    return sysctl.proc_write(kernel.init_net, key, value) == 0


def set_loopback(kernel: Kernel, mtu: int | None, offload: bool) -> None:
    """Give lo another MTU, or take its segmentation offloads away, before anything is sent on it."""
    lo = kernel.init_net.loopback_dev
    if lo is None:
        return
    if mtu is not None:
        lo.mtu = mtu
    if not offload:
        lo.features &= ~NETIF_F_GSO_SOFTWARE


class WorldSwap(Swap):
    """The replacements alone, for a world: kernels, tasks and waiters are its own, changed at each switch."""

    def __init__(self) -> None:
        self._nothing_replaced(None)


def _nofile_limit() -> int:
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return 0 if soft == resource.RLIM_INFINITY else soft
