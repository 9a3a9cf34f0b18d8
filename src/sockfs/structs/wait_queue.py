"""Wait queues: who sleeps on what, and how a wake-up reaches them.

Kernel counterpart: `include/linux/wait.h` (`wait_queue_head`, `wait_queue_entry`). Blocking calls, `poll`,
`select` and `epoll` all hang an entry on the same head, the one of the `Socket` (`Socket.wq`) or of another
pollable file.

The core never sleeps. An entry is told of a wake-up by `func`, a method each kind of waiter overrides: a
parked thread or greenlet (runtime), an epoll item (`fs/eventpoll.py`), a poll call (`fs/select.py`).
Functions that walk the list stand in `kernel/wait.py`.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

WQ_FLAG_EXCLUSIVE: Final = 0x01


@mypyc_attr(allow_interpreted_subclasses=True)
class WaitQueueEntry:
    """One waiter on one head. `events` are the poll bits it cares for (0: all of them)."""

    flags: i64
    events: i64
    woken: bool
    head: WaitQueueHead | None
    next: WaitQueueEntry | None
    prev: WaitQueueEntry | None

    def __init__(self) -> None:
        self.flags = 0
        self.events = 0
        self.woken = False
        self.head = None
        self.next = None
        self.prev = None

    def func(self, key: i64) -> i64:
        """A wake-up with poll bits `key` (0: unconditional). Returns 1 when this waiter really was woken."""
        if key != 0 and self.events != 0 and (key & self.events) == 0:
            return 0
        self.woken = True
        return 1


class WaitQueueHead:
    """A list of waiters: those who share a wake-up in front, exclusive ones (one at a time) behind."""

    first: WaitQueueEntry | None
    last: WaitQueueEntry | None

    def __init__(self) -> None:
        self.first = None
        self.last = None
