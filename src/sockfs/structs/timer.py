"""Timers: one per purpose, living in the structure that owns it.

Kernel counterpart: `struct timer_list` (`include/linux/timer.h`). Each kind of timer is a subclass whose
`function` does the work. `kernel/timers.py` keeps the heap: setting a timer later, or stopping it, costs
two assignments; the heap finds out when its turn comes. A timer whose owner ends leaves the heap at once
(`timer_shutdown`).
"""

from __future__ import annotations

from mypy_extensions import i64, mypyc_attr


@mypyc_attr(allow_interpreted_subclasses=True)
class TimerList:
    """One timer. `expires` is absolute, in nanoseconds of `Kernel.now`."""

    expires: i64
    pending: bool
    index: i64  # place in the heap; -1: not there
    queued: i64  # the time under which it stands there, never later than `expires`
    seq: i64  # order among those of the same time

    def __init__(self) -> None:
        self.expires = 0
        self.pending = False
        self.index = -1
        self.queued = 0
        self.seq = 0

    def function(self) -> None:
        """The timer went off."""


class TimerBase:
    """All pending timers of a kernel, and some that were stopped: a binary heap by (queued, seq)."""

    heap: list[TimerList]
    next_expiry: i64  # time of the top of the heap, or MAX when it is empty
    seq: i64
    fired: i64

    def __init__(self) -> None:
        self.heap = []
        self.next_expiry = 0x7FFF_FFFF_FFFF_FFFF
        self.seq = 0
        self.fired = 0
