"""The timer heap: one per kernel, lazily pruned.

Kernel counterpart: `kernel/time/timer.c`, `hrtimer.c`. `mod_timer` to a later time, and `del_timer`, only
write to the timer; that it is stale is found when its turn comes, and it is dropped or put back then. So a
retransmission timer that is pushed on by each acknowledgement costs the heap nothing. `timer_shutdown` is
for owners that end: nothing is left that would keep them in memory. Ties go in the order of setting: the
key is (time, sequence).

The heap is written out, with each timer knowing its place, because heapq's tuples of boxed integers cost
more than all the rest, and could not be taken out of the middle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

if TYPE_CHECKING:
    from sockfs.structs.kernel import Kernel
    from sockfs.structs.timer import TimerBase, TimerList

NEVER: Final = 0x7FFF_FFFF_FFFF_FFFF


def mod_timer(k: Kernel, timer: TimerList, expires: i64) -> bool:
    """(Re)start timer for `expires`. Returns whether it was pending before."""
    was_pending = timer.pending
    timer.expires = expires
    timer.pending = True
    if timer.index < 0 or expires < timer.queued:
        _enqueue(k, timer, expires)
    return was_pending


def del_timer(timer: TimerList) -> bool:
    """Stop timer. Returns whether it was pending."""
    was_pending = timer.pending
    timer.pending = False
    return was_pending


def timer_shutdown(k: Kernel, timer: TimerList) -> bool:
    """Stop timer for good: the heap forgets it. Returns whether it was pending."""
    was_pending = timer.pending
    timer.pending = False
    if timer.index >= 0:
        _remove(k.timers, timer)
    return was_pending


def run_timers(k: Kernel) -> i64:
    """Run what is due at k.now, in order of time. Returns how many went off."""
    base = k.timers
    now = k.now
    fired: i64 = 0
    while base.next_expiry <= now:
        timer = base.heap[0]
        _remove(base, timer)
        if not timer.pending:
            continue
        if timer.expires > now:
            _enqueue(k, timer, timer.expires)
            continue
        timer.pending = False
        fired += 1
        timer.function()
    base.fired += fired
    return fired


def next_expiry(k: Kernel) -> i64:
    """When the next timer really is due; NEVER when none is pending. Prunes stale ones on the way."""
    base = k.timers
    while base.next_expiry != NEVER:
        timer = base.heap[0]
        if timer.pending and timer.expires <= timer.queued:
            return timer.queued
        _remove(base, timer)
        if timer.pending:
            _enqueue(k, timer, timer.expires)
    return NEVER


def pending(k: Kernel) -> list[TimerList]:
    """Every pending timer, soonest first (for the picture)."""
    return sorted([t for t in k.timers.heap if t.pending], key=_order)


def _order(timer: TimerList) -> tuple[int, int]:
    return timer.expires, timer.seq


# ---- the heap


def _enqueue(k: Kernel, timer: TimerList, at: i64) -> None:
    """Put timer into the heap under the time `at`, or move it forward to there."""
    base = k.timers
    heap = base.heap
    base.seq += 1
    timer.queued = at
    timer.seq = base.seq
    i = timer.index
    if i < 0:
        i = len(heap)
        heap.append(timer)
    _sift_up(heap, timer, i)
    if at < base.next_expiry:
        base.next_expiry = at
        host = k.host
        if host is not None:
            host.timer_changed(at)


def _remove(base: TimerBase, timer: TimerList) -> None:
    """Take timer out, wherever it stands."""
    heap = base.heap
    i = timer.index
    timer.index = -1
    last = heap.pop()
    if last is not timer:
        _sift_up(heap, last, i)
        if last.index == i:
            _sift_down(heap, last, i)
    base.next_expiry = heap[0].queued if len(heap) != 0 else NEVER


def _before(a: TimerList, b: TimerList) -> bool:
    return a.queued < b.queued or (a.queued == b.queued and a.seq < b.seq)


def _sift_up(heap: list[TimerList], timer: TimerList, i: i64) -> None:
    """Timer belongs at i or above."""
    while i > 0:
        up: i64 = (i - 1) >> 1
        parent = heap[up]
        if not _before(timer, parent):
            break
        heap[i] = parent
        parent.index = i
        i = up
    heap[i] = timer
    timer.index = i


def _sift_down(heap: list[TimerList], timer: TimerList, i: i64) -> None:
    """Timer belongs at i or below."""
    n: i64 = len(heap)
    while True:
        down: i64 = 2 * i + 1
        if down >= n:
            break
        child = heap[down]
        if down + 1 < n and _before(heap[down + 1], child):
            down += 1
            child = heap[down]
        if not _before(child, timer):
            break
        heap[i] = child
        child.index = i
        i = down
    heap[i] = timer
    timer.index = i
