"""The timer heap: one per kernel, lazily pruned.

Kernel counterpart: `kernel/time/timer.c`, `hrtimer.c`. `mod_timer` to a later time, and `del_timer`, only write to the timer; its
heap entry is found stale when its turn comes, and then dropped or put back. So a retransmission timer that is pushed
on by each acknowledgement costs the heap nothing. Ties go in the order of setting: the key is (time, sequence).
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

if TYPE_CHECKING:
    from sockfs.structs.kernel import Kernel
    from sockfs.structs.timer import TimerList

NEVER: Final = 0x7FFF_FFFF_FFFF_FFFF


def mod_timer(k: Kernel, timer: TimerList, expires: i64) -> bool:
    """(Re)start timer for `expires`. Returns whether it was pending before."""
    was_pending = timer.pending
    timer.expires = expires
    timer.pending = True
    queued = timer.queued
    if queued < 0 or expires < queued:
        _enqueue(k, timer, expires)
    return was_pending


def del_timer(timer: TimerList) -> bool:
    """Stop timer. Returns whether it was pending."""
    was_pending = timer.pending
    timer.pending = False
    return was_pending


def timer_pending(timer: TimerList | None) -> bool:
    """The timer is there and running."""
    return timer is not None and timer.pending


def run_timers(k: Kernel) -> i64:
    """Run what is due at k.now, in order of time. Returns how many went off."""
    base = k.timers
    now = k.now
    fired: i64 = 0
    while base.next_expiry <= now:
        at, _, timer = heappop(base.heap)
        base.next_expiry = base.heap[0][0] if base.heap else NEVER
        if timer.queued != at:
            continue  # a later setting for an earlier time already stands, or stood, in the heap
        timer.queued = -1
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
    """When the next timer really is due; NEVER when none is pending. Prunes stale entries on the way."""
    base = k.timers
    while base.heap:
        at, _, timer = base.heap[0]
        if timer.queued == at and timer.pending and timer.expires <= at:
            return at
        heappop(base.heap)
        if timer.queued == at:
            timer.queued = -1
            if timer.pending:
                _enqueue(k, timer, timer.expires)
        base.next_expiry = base.heap[0][0] if base.heap else NEVER
    base.next_expiry = NEVER
    return NEVER


def pending(k: Kernel) -> list[TimerList]:
    """Every pending timer, soonest first (for the picture)."""
    found = [entry for entry in k.timers.heap if entry[2].pending and entry[2].queued == entry[0]]
    return [timer for _, _, timer in sorted(found, key=lambda e: (e[2].expires, e[1]))]


def _enqueue(k: Kernel, timer: TimerList, at: i64) -> None:
    base = k.timers
    timer.queued = at
    base.seq += 1
    heappush(base.heap, (at, base.seq, timer))
    if at < base.next_expiry:
        base.next_expiry = at
        host = k.host
        if host is not None:
            host.timer_changed(at)
