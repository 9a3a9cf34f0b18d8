"""Virtual time: every program is a greenlet, one runs at a time, and the clock jumps to the next event.

The other `Waiter` beside `runtime/realtime.py`. A call that must wait switches to the hub; the hub runs
whoever is ready, in the order of becoming so, and when nobody is, moves the clock to the next timer,
deadline or arriving packet. So an hour of simulated time costs what happens in it, and the same seed gives
the same run: all order is by (time, sequence).

At each switch what belongs to a program goes with it: the task of libc, asyncio's running loop and policy
loop, async-generator hooks (context variables are greenlet's own to switch). While a world runs,
`time.time`, `monotonic`, `perf_counter` and `sleep` answer for its clock when a program of it asks, and for
the machine's otherwise.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

import greenlet

from sockfs import boot
from sockfs.kernel import softirq, timers
from sockfs.libc import loop
from sockfs.libc.loop import Waiter
from sockfs.structs.call import MAX_SCHEDULE_TIMEOUT
from sockfs.structs.kernel import Kernel
from sockfs.structs.task import Task
from sockfs.structs.wait_queue import WaitQueueEntry

NEVER = MAX_SCHEDULE_TIMEOUT
WALL_EPOCH_NS = 1_700_000_000 * 1_000_000_000 - boot.BOOT_NS
"""Wall clock less monotonic clock: a world begins at a fixed instant, on 14 November 2023, in every run."""


class Strand:
    """One program's thread of control."""

    def __init__(
        self, scheduler: Scheduler, name: str, task: Task, waiter: VirtualTime, body: Callable[[], Any]
    ) -> None:
        self.scheduler = scheduler
        self.name = name
        self.task = task
        self.waiter = waiter
        self.body = body
        self.greenlet = greenlet.greenlet(self._run, scheduler.hub)
        self.turn = 0  # grows with every sleep: a stale deadline finds that out
        self.queued = False
        self.finished = False
        self.result: Any = None
        self.error: BaseException | None = None
        scheduler.seq += 1
        self.number = scheduler.seq
        self.main: Strand = self  # of a thread: the program that started it
        self.thread: Any = None  # its threading.Thread, once somebody asked
        self.sentinel: Any = None
        self._running_loop: Any = None
        self._policy_loop: Any = None
        self._asyncgen_hooks: Any = sys.get_asyncgen_hooks()

    def _run(self) -> None:
        try:
            self.result = self.body()
        except greenlet.GreenletExit:
            pass
        except BaseException as error:
            self.error = error
        self.finished = True

    def switch_in(self) -> None:
        """Run it until it waits or ends."""
        current = loop.current
        before = (current.task, current.waiter)
        current.task, current.waiter = self.task, self.waiter
        hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(*self._asyncgen_hooks)
        running, policy = _asyncio_state(self._running_loop, self._policy_loop)
        self.scheduler.strand = self
        try:
            self.greenlet.switch()
        finally:
            self.scheduler.strand = None
            self._running_loop, self._policy_loop = _asyncio_state(running, policy)
            self._asyncgen_hooks = sys.get_asyncgen_hooks()
            sys.set_asyncgen_hooks(*hooks)
            current.task, current.waiter = before

    def kill(self) -> None:
        """End it where it waits."""
        while not self.finished and self.greenlet:
            self.turn += 1
            current = loop.current
            before = (current.task, current.waiter)
            current.task, current.waiter = self.task, self.waiter
            self.scheduler.strand = self
            try:
                self.greenlet.throw(greenlet.GreenletExit)
            finally:
                self.scheduler.strand = None
                current.task, current.waiter = before
            if not self.finished:
                self.greenlet.parent = greenlet.getcurrent()
        self.finished = True


def _asyncio_state(running: Any, policy: Any) -> tuple[Any, Any]:
    """Put asyncio's running loop and the policy's current loop in place; returns what stood there."""
    events = sys.modules.get("asyncio.events")
    if events is None:
        return None, None
    before = events._get_running_loop()
    events._set_running_loop(running)
    local = getattr(events._event_loop_policy, "_local", None)
    if local is None:
        return before, None
    policy_before = (getattr(local, "_loop", None), getattr(local, "_set_called", False))
    local._loop, local._set_called = policy if policy is not None else (None, False)
    return before, policy_before


class GreenletEntry(WaitQueueEntry):
    """A strand on a wait queue. The wake-up puts it at the end of the ready line."""

    def __init__(self) -> None:
        super().__init__()
        self.strand: Strand | None = None

    def func(self, key: int) -> int:
        if self.woken or (key != 0 and self.events != 0 and (key & self.events) == 0):
            return 0
        self.woken = True
        strand = self.strand
        if strand is not None:
            strand.scheduler.make_ready(strand)
        return 1


class Scheduler:
    """The hub: ready strands, sleeping strands, events, and the clock of them all."""

    def __init__(self) -> None:
        self.now: int = boot.BOOT_NS
        self.strand: Strand | None = None
        self.hub = greenlet.getcurrent()
        self.ready: deque[Strand] = deque()
        self.sleepers: list[tuple[int, int, Strand, int]] = []
        self.events: list[tuple[int, int, Callable[[], None]]] = []
        self.waiters: list[VirtualTime] = []
        self.strands: list[Strand] = []
        self.seq = 0

    def add_kernel(self, kernel: Kernel) -> VirtualTime:
        """kernel lives on this clock from now on."""
        waiter = VirtualTime(kernel, self)
        kernel.now = self.now
        kernel.wall_offset = WALL_EPOCH_NS
        kernel.host = waiter
        self.waiters.append(waiter)
        return waiter

    def spawn(self, name: str, task: Task, waiter: VirtualTime, body: Callable[[], Any]) -> Strand:
        """Make a program; it begins when its turn comes."""
        strand = Strand(self, name, task, waiter, body)
        self.strands.append(strand)
        self.make_ready(strand)
        return strand

    def make_ready(self, strand: Strand) -> None:
        if not strand.queued and not strand.finished:
            strand.queued = True
            strand.turn += 1
            self.ready.append(strand)

    def at(self, when: int, event: Callable[[], None]) -> None:
        """Run event at time `when` (ns); ties in the order of asking."""
        self.seq += 1
        heappush(self.events, (when, self.seq, event))

    def sleep_until(self, when: int) -> None:
        """The running strand sleeps until `when`, or until it is made ready."""
        strand = self.strand
        assert strand is not None, "only a program of the world may sleep in its time"
        if when < NEVER:
            self.seq += 1
            heappush(self.sleepers, (when, self.seq, strand, strand.turn))
        self.hub.switch()

    def run(self, done: Callable[[], bool], until: int) -> bool:
        """Run until done() or the clock passes `until`. False: nothing more can happen."""
        self.hub = greenlet.getcurrent()
        for strand in self.strands:
            if not strand.finished:
                strand.greenlet.parent = self.hub
        while not done():
            if self.ready:
                strand = self.ready.popleft()
                strand.queued = False
                if not strand.finished:
                    strand.switch_in()
                    if strand.error is not None:
                        error, strand.error = strand.error, None
                        raise error
                continue
            when = self._next()
            if when >= NEVER:
                return False
            if when > until:
                self.now = until
                return True
            self.now = max(self.now, when)
            self._step(when)
        return True

    def _next(self) -> int:
        when = NEVER
        while self.sleepers and self.sleepers[0][3] != self.sleepers[0][2].turn:
            heappop(self.sleepers)
        if self.sleepers:
            when = self.sleepers[0][0]
        if self.events and self.events[0][0] < when:
            when = self.events[0][0]
        for waiter in self.waiters:
            expiry = timers.next_expiry(waiter.kernel)
            if expiry < when:
                when = expiry
        return when

    def _step(self, when: int) -> None:
        """All that is due at `when`: arrivals, then timers, then sleepers."""
        while self.events and self.events[0][0] <= when:
            heappop(self.events)[2]()
        for waiter in self.waiters:
            waiter.tick()
        while self.sleepers and self.sleepers[0][0] <= when:
            _, _, strand, turn = heappop(self.sleepers)
            if turn == strand.turn:
                self.make_ready(strand)

    def kill_all(self) -> None:
        """End every program that is still there."""
        for strand in self.strands:
            strand.kill()
        self.ready.clear()
        self.sleepers.clear()


class VirtualTime(Waiter):
    """`Waiter` of one kernel on a scheduler's clock."""

    def __init__(self, kernel: Kernel, scheduler: Scheduler) -> None:
        super().__init__(kernel)
        self.scheduler = scheduler
        self.inside = False

    def enter(self) -> None:
        self.inside = True
        k = self.kernel
        k.now = self.scheduler.now
        if k.timers.next_expiry <= k.now:
            timers.run_timers(k)

    def leave(self) -> None:
        if softirq.pending(self.kernel):
            self.drain()
        if self.deferred:
            self.run_deferred()
            self.drain()
        self.inside = False

    def held(self) -> bool:
        return self.inside

    def drain(self) -> None:
        while softirq.do_softirq(self.kernel, loop.NET_RX_BUDGET):
            pass

    def tick(self) -> None:
        """The clock moved: timers that are due, and packets that arrived."""
        k = self.kernel
        if k.timers.next_expiry <= self.scheduler.now or softirq.pending(k):
            self.enter()
            self.leave()

    def entry(self) -> WaitQueueEntry:
        return GreenletEntry()

    def park(self, entry: WaitQueueEntry, until: int) -> None:
        assert isinstance(entry, GreenletEntry)
        entry.strand = self.scheduler.strand
        self.leave()
        try:
            self.scheduler.sleep_until(until)
        finally:
            self.enter()


class Clocks:
    """The time module's functions, answering for a world's clock when one of its programs asks."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self.saved: dict[str, Any] = {}

    def install(self) -> None:
        s = self.scheduler
        real = {name: getattr(time, name) for name in ("time", "monotonic", "perf_counter", "sleep")}
        real |= {name: getattr(time, name) for name in ("time_ns", "monotonic_ns", "perf_counter_ns")}
        self.saved = real

        def seconds(name: str, offset: int) -> Callable[[], float]:
            original = real[name]

            def clock() -> float:
                return original() if s.strand is None else (s.now + offset) / 1e9

            return clock

        def nanoseconds(name: str, offset: int) -> Callable[[], int]:
            original = real[name]

            def clock() -> int:
                return original() if s.strand is None else s.now + offset

            return clock

        def sleep(duration: Any) -> None:
            if s.strand is None:
                real["sleep"](duration)
                return
            if duration < 0:
                raise ValueError("sleep length must be non-negative")
            until = s.now + int(float(duration) * 1e9)
            if until <= s.now:
                s.make_ready(s.strand)
                s.hub.switch()
            while s.now < until:
                s.sleep_until(until)

        time.time = seconds("time", WALL_EPOCH_NS)
        time.monotonic = seconds("monotonic", 0)
        time.perf_counter = seconds("perf_counter", 0)
        time.time_ns = nanoseconds("time_ns", WALL_EPOCH_NS)
        time.monotonic_ns = nanoseconds("monotonic_ns", 0)
        time.perf_counter_ns = nanoseconds("perf_counter_ns", 0)
        time.sleep = sleep

    def remove(self) -> None:
        for name, function in self.saved.items():
            setattr(time, name, function)
        self.saved = {}
