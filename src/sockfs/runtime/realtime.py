"""Real time: the tasks of one kernel are the threads of this process, its clock is the machine's.

One lock per kernel. `enter` takes it, tells the kernel the time and runs the timers that are due; `leave` has
queued packets processed and gives it back. A thread that must wait lets go and blocks on a lock of its own,
which whoever wakes its wait queue entry releases; so an idle program uses no CPU. One more thread per kernel
(`Service`) sleeps until the next timer is due; it is told only when a timer comes before the one it sleeps
for.

The lock is re-entrant so that a finaliser or a signal handler that arrives while its own thread is inside can
find that out (`held`) instead of blocking for ever. Closing is put off then (`Waiter.deferred`), a signal is
raised again as soon as the kernel is free (`signals`), anything else is refused.

This file is compiled with libc: it is on the way of every call.
"""

from __future__ import annotations

import errno
import math
import threading
import traceback
from _thread import allocate_lock, interrupt_main, start_new_thread
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from mypy_extensions import i64, mypyc_attr

from sockfs.kernel import timers
from sockfs.libc import host
from sockfs.libc.loop import Waiter
from sockfs.structs.call import MAX_SCHEDULE_TIMEOUT
from sockfs.structs.wait_queue import WaitQueueEntry
from sockfs.uapi.poll import POLLIN

if TYPE_CHECKING:
    from sockfs.structs.kernel import Kernel

POOL: Final = 64
WAIT_MAX_NS: Final = 10**17  # longest wait that fits a lock's time-out (three years)
BUSY: Final = "sockfs: a finaliser or signal handler used a socket while its own thread was inside the kernel"


class ThreadEntry(WaitQueueEntry):
    """A thread on a wait queue. It sleeps in `lock.acquire`; the wake-up releases."""

    lock: Any

    def __init__(self) -> None:
        super().__init__()
        self.lock = allocate_lock()
        self.lock.acquire()

    def func(self, key: i64) -> i64:
        if self.woken or (key != 0 and self.events != 0 and (key & self.events) == 0):
            return 0
        self.woken = True
        self.lock.release()
        return 1


class RealTime(Waiter):
    """`Waiter` for threads and the machine's clock."""

    lock: Any
    acquire: Callable[[], bool]
    release: Callable[[], None]
    clock: Callable[[], int]
    inside: bool  # somebody is between enter and leave
    alarm: i64  # when the service thread wakes by itself
    sooner: bool  # a timer before that was set
    poked: bool
    wake_fd: int
    stopped: bool
    lost: bool  # this process is a forked child
    pool: list[ThreadEntry]
    signals: list[int]
    relays: list[Relay]
    ended: list[Relay]  # to be closed by the service thread, which may be asleep on them

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel)
        self.lock = threading.RLock()
        self.acquire = self.lock.acquire
        self.release = self.lock.release
        self.clock = host.monotonic_ns
        self.inside = False
        self.alarm = MAX_SCHEDULE_TIMEOUT
        self.sooner = False
        self.poked = False
        self.wake_fd = -1
        self.stopped = False
        self.lost = False
        self.pool = []
        self.signals = []
        self.relays = []
        self.ended = []
        kernel.now = host.monotonic_ns()
        kernel.wall_offset = host.time_ns() - kernel.now

    # ---- the kernel's door

    def enter(self) -> None:
        self.acquire()
        if self.inside:  # the lock is re-entrant: this very thread is inside already
            self.release()
            raise OSError(errno.EDEADLK, BUSY)
        self.inside = True
        k = self.kernel
        now: i64 = self.clock()
        k.now = now
        if k.timers.next_expiry <= now:
            try:
                timers.run_timers(k)
            except BaseException:
                self.inside = False
                self.release()
                raise

    def leave(self) -> None:
        softnet = self.kernel.softnet
        try:
            if softnet.input_pkt_queue.qlen != 0 or len(softnet.tsq_head) != 0:
                self.drain()
            if len(self.deferred) != 0:
                self.run_deferred()
                self.drain()
        except BaseException:
            softnet.running = False
            self.inside = False
            self.release()
            raise
        if self.sooner:
            self._tell_service()
        self.inside = False
        self.release()
        if len(self.signals) != 0:
            self._raise_again()

    def held(self) -> bool:
        return self.inside and bool(self.lock._is_owned())

    def _raise_again(self) -> None:
        pending = self.signals
        self.signals = []
        for number in pending:
            interrupt_main(number)  # type: ignore[arg-type]

    # ---- sleeping

    def entry(self) -> WaitQueueEntry:
        pool = self.pool
        if len(pool) != 0:
            return pool.pop()
        return ThreadEntry()

    def recycle(self, entry: WaitQueueEntry) -> None:
        if isinstance(entry, ThreadEntry) and len(self.pool) < POOL:
            entry.lock.acquire(False)  # a wake-up that nobody slept for has left it free
            self.pool.append(entry)

    def park(self, entry: WaitQueueEntry, until: int) -> None:
        assert isinstance(entry, ThreadEntry)
        lock = entry.lock
        left: i64 = until
        left -= self.kernel.now
        self.leave()
        try:
            if left >= WAIT_MAX_NS:
                lock.acquire()
            elif left > 0:
                lock.acquire(True, int(left) / 1e9)
        finally:
            self.enter_surely()

    def enter_surely(self) -> None:
        """Enter, whatever a signal handler raises meanwhile; that is raised when the kernel is ours."""
        late: BaseException | None = None
        while True:
            try:
                self.enter()
                break
            except BaseException as e:
                if self.held():
                    raise
                late = e
        if late is not None:
            raise late

    # ---- the service thread

    def timer_changed(self, expires: int) -> None:
        if expires < self.alarm:
            self.sooner = True

    def _tell_service(self) -> None:
        self.sooner = False
        if not self.poked and self.wake_fd >= 0:
            self.poked = True
            host.write(self.wake_fd, b"\1\0\0\0\0\0\0\0")

    def start(self) -> None:
        """Start the service thread."""
        self.wake_fd = host.high(host.eventfd(0))
        start_new_thread(self._serve, ())

    def stop(self) -> None:
        """End the service thread. It goes on its own."""
        self.acquire()
        self.stopped = True
        if self.wake_fd >= 0:
            host.write(self.wake_fd, b"\1\0\0\0\0\0\0\0")
        self.release()

    def keep(self) -> None:
        """The interpreter ends: from now on the kernel is this thread's alone. A thread that dies on its way
        would take the lock with it, and finalisers wait for it for ever."""
        self.acquire()

    def add_relay(self, relay: Relay) -> None:
        """Have the service thread pass on what arrives at relay.fd."""
        self.relays = [*self.relays, relay]
        host.write(self.wake_fd, b"\1\0\0\0\0\0\0\0")

    def remove_relay(self, relay: Relay) -> None:
        self.relays = [r for r in self.relays if r is not relay]
        relay.done = True
        self.ended = [*self.ended, relay]
        host.write(self.wake_fd, b"\1\0\0\0\0\0\0\0")

    def _serve(self) -> None:
        """Body of the service thread: run timers when they are due, relay bytes from the host."""
        k = self.kernel
        closing: list[Relay] = []
        while not self.stopped:
            try:
                self.enter()
                self.poked = False
                due = k.timers.next_expiry
                self.alarm = due
                self.sooner = False
                self.leave()
            except BaseException:  # a bug of ours: say so, and keep the time for everybody else
                self.abandon()
                traceback.print_exc()
                due = k.timers.next_expiry
                self.alarm = due
            for relay in closing:
                relay.close()
            relays = self.relays
            ready = _wait([self.wake_fd, *[r.fd for r in relays]], due, self.clock)
            if self.wake_fd in ready:
                host.read(self.wake_fd, 8)
            for relay in relays:
                if relay.fd in ready and not relay.done:
                    try:
                        relay.pump()
                    except BaseException:
                        self.abandon()
                        traceback.print_exc()
            closing = self.ended
            self.ended = []
        for relay in [*closing, *self.ended]:
            relay.close()
        self.acquire()
        host.close(self.wake_fd)
        self.wake_fd = -1
        self.release()


def _wait(watched: list[int], due: i64, clock: Callable[[], int]) -> list[int]:
    """Which of the descriptors can be read; none when `due` has come."""
    seconds: float | None = None
    if due < MAX_SCHEDULE_TIMEOUT:
        left: i64 = clock()
        left = due - left
        seconds = max(int(left), 0) / 1e9
    if max(watched) < host.FD_SETSIZE:
        return list(host.select(watched, [], [], seconds)[0])
    poller = host.poll()  # to the millisecond only, but for any number
    for fd in watched:
        poller.register(fd, POLLIN)
    return [fd for fd, _ in poller.poll(None if seconds is None else math.ceil(seconds * 1e3))]


@mypyc_attr(allow_interpreted_subclasses=True)
class Relay:
    """Bytes that C code writes to a real descriptor, passed on to one of the kernel's
    (`signal.set_wakeup_fd`)."""

    fd: int
    done: bool

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.done = False

    def pump(self) -> None:
        """Something can be read at fd."""

    def close(self) -> None:
        pass
