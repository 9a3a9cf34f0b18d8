"""Signals: Python handlers wait until the kernel is free, and `set_wakeup_fd` may name one of the kernel's
sockets.

A handler runs between two bytecodes of the main thread, so (with an interpreted core, or a tracer in a
compiled one) in the middle of a system call. Law 8: it is put off until the call has let the kernel go. And
what C code writes to the wake-up descriptor goes to a real one first, from where the service thread passes it
on (asyncio's self-pipe is a socket pair of ours).
"""

from __future__ import annotations

import signal as signal_module
from typing import TYPE_CHECKING, Any

from sockfs.libc import calls, host, loop
from sockfs.runtime import realtime
from sockfs.structs.msghdr import IovIter, Msghdr
from sockfs.uapi.socket import MSG_DONTWAIT

if TYPE_CHECKING:
    from sockfs.runtime.realtime import RealTime
    from sockfs.structs.task import Task

    Handler = Any


class Held:
    """Stands for a program's handler; `handler` is what `getsignal` shows."""

    def __init__(self, waiter: RealTime, handler: Handler) -> None:
        self.waiter = waiter
        self.handler = handler

    def __call__(self, signum: int, frame: object) -> object:
        w = self.waiter
        if w.held():
            w.signals.append(signum)
            return None
        return self.handler(signum, frame)


class WakeupRelay(realtime.Relay):
    """The real descriptor that C writes to, and where its bytes go."""

    def __init__(self, waiter: RealTime, task: Task, target: int) -> None:
        reader, writer = host.socket_module.socketpair()
        reader.setblocking(False)
        writer.setblocking(False)
        super().__init__(host.high(reader.detach()))
        self.writer = host.high(writer.detach())
        self.waiter = waiter
        self.task = task
        self.target = target

    def pump(self) -> None:
        try:
            data = host.read(self.fd, 4096)
        except OSError:
            return
        task = self.task
        if data and calls.ours(task, self.target):
            msg = Msghdr(task, IovIter(data, None, len(data)))
            calls.sendto(self.waiter, task, self.target, msg, MSG_DONTWAIT, 0)

    def close(self) -> None:
        host.close(self.fd)
        host.close(self.writer)


class Signals:
    """The signal functions while a kernel is installed."""

    def __init__(self, waiter: RealTime) -> None:
        self.waiter = waiter
        self.relay: WakeupRelay | None = None

    def signal(self, signalnum: int, handler: Handler, /) -> Handler:
        """Set the action for the given signal."""
        if callable(handler) and not isinstance(handler, int):
            handler = Held(self.waiter, handler)
        return _shown(host.signal(signalnum, handler))

    def getsignal(self, signalnum: int, /) -> Handler:
        """Return the current action for the given signal."""
        return _shown(host.getsignal(signalnum))

    def set_wakeup_fd(self, fd: int, /, *, warn_on_full_buffer: bool = True) -> int:
        """Sets the fd to be written to (with the signal number) when a signal comes in."""
        old = self.relay
        task = loop.current.task
        if task is not None and fd >= 0 and calls.ours(task, fd):
            file = task.files.fdt[fd]
            if file is not None and not file.f_flags & 0o4000:
                raise ValueError(f"the fd {fd} must be in non-blocking mode")
            relay = WakeupRelay(self.waiter, task, fd)
            try:
                before = host.set_wakeup_fd(relay.writer, warn_on_full_buffer=warn_on_full_buffer)
            except BaseException:
                relay.close()
                raise
            self.relay = relay
            self.waiter.add_relay(relay)
        else:
            before = host.set_wakeup_fd(fd, warn_on_full_buffer=warn_on_full_buffer)
            self.relay = None
        if old is not None:
            before = old.target
            self.waiter.remove_relay(old)
        return int(before)

    for _function in (signal, getsignal, set_wakeup_fd):
        _function.__module__ = "signal"

    def wrap_present(self) -> None:
        """Handlers that are set already are to wait as well."""
        for number in signal_module.valid_signals():
            handler = host.getsignal(number)
            if callable(handler) and not isinstance(handler, (int, Held)):
                host.signal(number, Held(self.waiter, handler))

    def unwrap(self) -> None:
        """Put back the program's own handlers."""
        for number in signal_module.valid_signals():
            handler = host.getsignal(number)
            if isinstance(handler, Held):
                host.signal(number, handler.handler)
        if self.relay is not None:
            host.set_wakeup_fd(-1)
            self.waiter.remove_relay(self.relay)
            self.relay = None


def _shown(handler: Handler) -> Handler:
    return handler.handler if isinstance(handler, Held) else handler
