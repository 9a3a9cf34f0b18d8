"""Threads of a world's programs: each is one more strand of its host, and locks wait in the world's time.

`threading` stands on a few names of `_thread`; while a world runs they answer with strands and with the
locks below when a program of the world asks. Everything above them (Thread, Event, Condition, Queue,
ThreadPoolExecutor, asyncio's run_in_executor) is the standard library's, unmodified. Outside the world's
programs the machine's own threads go on as they were.
"""

from __future__ import annotations

import _thread
import concurrent.futures.thread
import queue
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from sockfs.runtime import virtual

IDENT_BASE = 1 << 48  # identities of strands lie far from those of the machine's threads


class GreenLock:
    """`_thread.lock` for strands: whoever waits is woken in the order of coming."""

    def __init__(self, scheduler: virtual.Scheduler) -> None:
        self.scheduler = scheduler
        self.held = False
        self.waiters: deque[virtual.Strand] = deque()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        if not blocking and timeout != -1:
            raise ValueError("can't specify a timeout for a non-blocking call")
        if timeout < 0 and timeout != -1:
            raise ValueError("timeout value must be a non-negative number")
        if self.held and (not blocking or not self._wait(timeout)):
            return False
        self.held = True
        return True

    def _wait(self, timeout: float) -> bool:
        """Wait until it is free; False: not within timeout seconds (negative: for ever)."""
        s = self.scheduler
        strand = s.strand
        if strand is None:
            raise RuntimeError("sockfs: a lock of a world's program was waited for outside the world")
        until = virtual.NEVER if timeout < 0 else s.now + int(timeout * 1e9)
        while self.held:
            if s.now >= until:
                return False
            self.waiters.append(strand)
            try:
                s.sleep_until(until)
            finally:
                if strand in self.waiters:
                    self.waiters.remove(strand)
        return True

    def release(self) -> None:
        if not self.held:
            raise RuntimeError("release unlocked lock")
        self.held = False
        if self.waiters:
            self.scheduler.make_ready(self.waiters.popleft())

    def locked(self) -> bool:
        return self.held

    def _at_fork_reinit(self) -> None:
        self.held = False
        self.waiters.clear()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    acquire_lock = acquire
    release_lock = release
    locked_lock = locked


class GreenHandle:
    """`_thread._ThreadHandle` (Python 3.13 and later)."""

    def __init__(self, scheduler: virtual.Scheduler) -> None:
        self.done = GreenLock(scheduler)
        self.done.acquire()
        self.ident = 0

    def join(self, timeout: float | None = None) -> None:
        if self.done.acquire(True, -1 if timeout is None else max(timeout, 0)):
            self.done.release()

    def is_done(self) -> bool:
        return not self.done.held

    def _set_done(self) -> None:
        if self.done.held:
            self.done.release()


class GreenThreads:
    """The names that are put in the place of `_thread`'s, and taken back."""

    def __init__(self, scheduler: virtual.Scheduler) -> None:
        self.scheduler = scheduler
        self.saved: list[tuple[Any, str, Any]] = []
        self.idents: dict[int, int] = {}  # number of the strand → identity

    def install(self) -> None:
        s = self.scheduler
        real_lock = threading.Lock
        real_rlock = threading.RLock
        real_ident = _thread.get_ident
        real_main = threading.main_thread

        def lock() -> Any:
            return real_lock() if s.strand is None else GreenLock(s)

        def rlock(*args: Any) -> Any:
            if s.strand is None:
                return real_rlock(*args)
            return vars(threading)["_PyRLock"](*args)

        def get_ident() -> int:
            return real_ident() if s.strand is None else IDENT_BASE + s.strand.number

        def main_thread() -> threading.Thread:
            strand = s.strand
            if strand is None:
                return real_main()
            return main_of(strand)

        def simple_queue() -> Any:
            return vars(queue)["_PySimpleQueue"]() if s.strand is not None else queue_simple()

        queue_simple = queue.SimpleQueue
        self._set(threading, "Lock", lock)
        self._set(threading, "_allocate_lock", lock)
        self._set(threading, "RLock", rlock)
        self._set(threading, "get_ident", get_ident)
        self._set(threading, "get_native_id", get_ident)
        self._set(threading, "main_thread", main_thread)
        self._set(_thread, "allocate_lock", lock)
        self._set(_thread, "get_ident", get_ident)
        self._set(_thread, "start_new_thread", self.start_new_thread(_thread.start_new_thread))
        self._set(queue, "SimpleQueue", simple_queue)
        shared = concurrent.futures.thread
        self._set(
            shared, "_global_shutdown_lock", GreenLock(s)
        )  # held while a worker starts, which is a switch
        if hasattr(threading, "_start_new_thread"):
            self._set(threading, "_start_new_thread", self.start_new_thread(threading._start_new_thread))
            self._set(threading, "_set_sentinel", self.set_sentinel(vars(threading)["_set_sentinel"]))
        if hasattr(threading, "_start_joinable_thread"):
            start = self.start_joinable_thread(threading._start_joinable_thread)
            self._set(threading, "_start_joinable_thread", start)
            handle = vars(threading)["_ThreadHandle"]
            self._set(threading, "_ThreadHandle", lambda: handle() if s.strand is None else GreenHandle(s))

    def remove(self) -> None:
        for holder, name, before in reversed(self.saved):
            setattr(holder, name, before)
        self.saved = []
        # Python 3.13 ties a thread it did not start to the machine's thread; strands are none of those
        tied = vars(threading).get("_thread_local_info")
        if tied is not None:
            vars(tied).pop("_track_dummy_thread_ref", None)
        for ident in [i for i in threading._active if i >= IDENT_BASE]:  # type: ignore[attr-defined]
            del threading._active[ident]  # type: ignore[attr-defined]

    def _set(self, holder: Any, name: str, new: Any) -> None:
        self.saved.append((holder, name, getattr(holder, name)))
        setattr(holder, name, new)

    def start_new_thread(self, real: Callable[..., int]) -> Callable[..., int]:
        s = self.scheduler

        def start_new_thread(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Any = None) -> int:
            strand = s.strand
            if strand is None:
                return real(function, args, kwargs or {})
            return IDENT_BASE + self._spawn(strand, lambda: function(*args, **(kwargs or {})), None)

        return start_new_thread

    def start_joinable_thread(self, real: Callable[..., Any]) -> Callable[..., Any]:
        s = self.scheduler

        def start_joinable_thread(
            function: Callable[[], Any], handle: Any = None, daemon: bool = True
        ) -> Any:
            strand = s.strand
            if strand is None:
                return real(function, handle=handle, daemon=daemon)
            if handle is None:
                handle = GreenHandle(s)
            handle.ident = IDENT_BASE + self._spawn(strand, function, handle)
            return handle

        return start_joinable_thread

    def set_sentinel(self, real: Callable[[], Any]) -> Callable[[], Any]:
        """The lock that is released when the thread is over (Python 3.11 and 3.12 join on it)."""
        s = self.scheduler

        def set_sentinel() -> Any:
            strand = s.strand
            if strand is None:
                return real()
            strand.sentinel = GreenLock(s)
            return strand.sentinel

        return set_sentinel

    def _spawn(self, parent: virtual.Strand, body: Callable[[], Any], handle: GreenHandle | None) -> int:
        s = self.scheduler

        def run() -> None:
            strand = s.strand
            assert strand is not None
            try:
                body()
            except SystemExit:
                pass
            finally:
                sentinel = strand.sentinel
                if sentinel is not None and sentinel.locked():
                    sentinel.release()
                if handle is not None:
                    handle._set_done()

        strand = s.spawn(parent.name, parent.task, parent.waiter, run)
        strand.main = parent.main
        return strand.number


def main_of(strand: virtual.Strand) -> threading.Thread:
    """The Thread object of the main program of strand's host."""
    main = strand.main
    if main.thread is None:
        thread = threading._DummyThread()
        thread._name = "MainThread"  # type: ignore[attr-defined]
        if main is strand:
            main.thread = thread
        else:
            return thread
    known: threading.Thread = main.thread
    return known
