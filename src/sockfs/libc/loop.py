"""Start, wait, resume: the single loop in which a system call sleeps, and what it sleeps on.

Kernel counterpart: `schedule()` as seen from a system call. The core never blocks: a call that would sleep
answers `-ESLEEP` and its record (`Call`) knows on which wait queue and until when. `libc/calls.py` starts a
call; when it sleeps, control comes here: `resume` hangs an entry on the queue, lets queued packets be
processed (that alone often wakes it: the peer may live in this very process), parks if nothing came, and
starts the call again.

How a task really waits is a `Waiter`'s business; there are two: `runtime/realtime.py` parks threads,
`runtime/virtual.py` switches greenlets. What a Waiter promises:

    enter()             takes the kernel, sets `kernel.now`, runs the timers that are due leave()
    processes queued packets, does what was put off (`defer_close`), lets the kernel go entry(), recycle()  a
    wait queue entry of its own kind, whose `func` makes the one who parks on it runnable park(entry, until)
    kernel held, entry hung, nothing came yet: lets the kernel go, waits until the entry is woken
                        or `kernel.now` reaches `until`, takes the kernel again. It may return early. It may
                        raise (a signal handler, a killed greenlet), and then too holds the kernel.
    held()              whether the caller itself holds the kernel (a finaliser or signal handler in the
    middle of a call)

Between enter and leave nothing raises but `resume`, which lets the kernel go first; `abandon` is for bugs of
ours, so that they end one call and not the program.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64, mypyc_attr

from sockfs.fs import file as fs_file
from sockfs.kernel import softirq, wait
from sockfs.structs.call import ESLEEP
from sockfs.structs.kernel import KernelHost
from sockfs.structs.wait_queue import WaitQueueEntry

if TYPE_CHECKING:
    from sockfs.structs.call import Call
    from sockfs.structs.kernel import Kernel
    from sockfs.structs.task import Task

NET_RX_BUDGET: Final = 300
MAX_ROUNDS: Final = 64  # drains of that budget before whoever holds the kernel lets others have it


@mypyc_attr(allow_interpreted_subclasses=True)
class Waiter(KernelHost):
    """How the tasks of one kernel enter it and wait."""

    kernel: Kernel
    deferred: list[tuple[Task, int]]  # descriptors to close when the kernel is free (law 8)

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.deferred = []

    def enter(self) -> None:
        raise NotImplementedError

    def leave(self) -> None:
        raise NotImplementedError

    def held(self) -> bool:
        return False

    def entry(self) -> WaitQueueEntry:
        raise NotImplementedError

    def recycle(self, entry: WaitQueueEntry) -> None:
        pass

    def park(self, entry: WaitQueueEntry, until: int) -> None:
        raise NotImplementedError

    def run_deferred(self) -> None:
        """Close what finalisers could not; the kernel is held."""
        while self.deferred:
            task, fd = self.deferred.pop(0)
            fs_file.close_fd(task, fd, None)

    def abandon(self) -> None:
        """A call raised: a signal handler's exception, for which `resume` has let the kernel go, or a bug of
        ours, after which other threads shall not wait for ever. Lets go if the caller still holds it."""
        if self.held():
            self.kernel.softnet.running = False
            self.leave()

    def drain(self) -> None:
        """Process queued packets until none is left, or the bound is reached; the kernel is held."""
        k = self.kernel
        rounds: i64 = 0
        while softirq.do_softirq(k, NET_RX_BUDGET) and rounds < MAX_ROUNDS:
            rounds += 1


class SysOp:
    """A system call that sleeps, as an object. `start` begins it, and goes on with it after each wake-up."""

    call: Call

    def __init__(self, call: Call) -> None:
        self.call = call

    def start(self) -> i64:
        return -38


class Current:
    """The task that runs now: in real time the process's only one, in virtual time changed at each switch."""

    task: Task | None
    waiter: Waiter | None

    def __init__(self) -> None:
        self.task = None
        self.waiter = None


current: Final = Current()


def this_task() -> Task:
    task = current.task
    if task is None:
        raise RuntimeError("sockfs: no kernel is installed in this process")
    return task


def waiter_of(task: Task) -> Waiter:
    host = task.kernel.host
    assert isinstance(host, Waiter)
    return host


def resume(w: Waiter, op: SysOp) -> i64:
    """The call said -ESLEEP, the kernel is held: wait and go on until there is an answer.

    Raises what a signal handler raised, after the call has been told (`signalled`) and the kernel let go.
    """
    call = op.call
    k = w.kernel
    softnet = k.softnet
    while True:
        entry = w.entry()
        entry.woken = False
        entry.events = call.events
        head = call.wq
        if head is not None:
            if call.exclusive:
                wait.add_wait_queue_exclusive(head, entry)
            else:
                wait.add_wait_queue(head, entry)
        if softnet.input_pkt_queue.qlen != 0 or len(softnet.tsq_head) != 0:
            w.drain()
        deadline = call.deadline
        if not _woken(entry) and deadline > k.now:
            try:
                while not _woken(entry) and deadline > k.now:
                    w.park(entry, deadline)
            except BaseException:
                _cut_short(w, op, entry)
                raise
        if head is not None:
            wait.remove_wait_queue(head, entry)
        if not _woken(entry):
            call.expired = True
        w.recycle(entry)
        r = op.start()
        if r != -ESLEEP:
            return r


def _woken(entry: WaitQueueEntry) -> bool:
    return entry.woken


def _cut_short(w: Waiter, op: SysOp, entry: WaitQueueEntry) -> None:
    call = op.call
    head = call.wq
    if head is not None:
        wait.remove_wait_queue(head, entry)
        if _woken(entry) and call.exclusive:
            wait.wake_up(head, call.events)  # that wake-up was for somebody who will use it
    call.signalled = True
    rounds = 0
    while op.start() == -ESLEEP and rounds < 3:  # it drops its references on the way out
        rounds += 1
    w.leave()
