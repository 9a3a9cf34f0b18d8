"""Wait queues at work: hanging entries on heads, waking them, and how a call goes to sleep.

Kernel counterparts: `kernel/sched/wait.c`, `include/linux/wait.h`. The core never blocks: `sleep_on` only
writes into the call's record where it sleeps and until when, and the caller returns `-ESLEEP`. libc's loop
hangs the entry, and parks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import i64

from sockfs.structs.call import ESLEEP, MAX_SCHEDULE_TIMEOUT
from sockfs.structs.wait_queue import WQ_FLAG_EXCLUSIVE

if TYPE_CHECKING:
    from sockfs.structs.call import Call
    from sockfs.structs.wait_queue import WaitQueueEntry, WaitQueueHead


def sleep_on(call: Call, head: WaitQueueHead, events: i64, timeo: i64) -> i64:
    """The call sleeps on head until one of events, at most timeo nanoseconds from its first sleep. Returns
    -ESLEEP.
    """
    call.wq = head
    call.events = events
    if call.deadline < 0:
        now = call.task.kernel.now
        # beyond the end of time is never
        call.deadline = now + timeo if timeo < MAX_SCHEDULE_TIMEOUT - now else MAX_SCHEDULE_TIMEOUT
    return -ESLEEP


def timeo_left(call: Call, timeo: i64) -> i64:
    """What remains of a wait of timeo nanoseconds in all: the kernel's `timeo` as `schedule_timeout` gives
    it back.
    """
    if call.expired:
        return 0
    if call.deadline < 0:
        return timeo
    if call.deadline >= MAX_SCHEDULE_TIMEOUT:
        return MAX_SCHEDULE_TIMEOUT
    left = call.deadline - call.task.kernel.now
    return left if left > 0 else 0


def restart_timeo(call: Call) -> None:
    """The call begins another wait with a time-out of its own (connect after its handshake, say)."""
    call.deadline = -1
    call.expired = False


def add_wait_queue(head: WaitQueueHead, entry: WaitQueueEntry) -> None:
    """Hang entry on head, in front of the exclusive ones."""
    entry.flags &= ~WQ_FLAG_EXCLUSIVE
    entry.head = head
    first = head.first
    entry.prev = None
    entry.next = first
    if first is None:
        head.last = entry
    else:
        first.prev = entry
    head.first = entry


def add_wait_queue_exclusive(head: WaitQueueHead, entry: WaitQueueEntry) -> None:
    """Hang entry on head as one of those of whom a wake-up takes only the first."""
    entry.flags |= WQ_FLAG_EXCLUSIVE
    entry.head = head
    last = head.last
    entry.next = None
    entry.prev = last
    if last is None:
        head.first = entry
    else:
        last.next = entry
    head.last = entry


def remove_wait_queue(head: WaitQueueHead, entry: WaitQueueEntry) -> None:
    """Take entry off head; nothing happens when it is not on it."""
    if entry.head is not head:
        return
    before = entry.prev
    after = entry.next
    if before is None:
        head.first = after
    else:
        before.next = after
    if after is None:
        head.last = before
    else:
        after.prev = before
    entry.head = None
    entry.prev = None
    entry.next = None


def wake_up_nr(head: WaitQueueHead, nr_exclusive: i64, key: i64) -> i64:
    """Wake every shared waiter and nr_exclusive exclusive ones (0: all). Returns how many were woken."""
    woken: i64 = 0
    entry = head.first
    while entry is not None:
        after = entry.next  # func may take the entry off
        exclusive = (entry.flags & WQ_FLAG_EXCLUSIVE) != 0
        if entry.func(key) != 0:
            woken += 1
            if exclusive:
                nr_exclusive -= 1
                if nr_exclusive == 0:
                    break
        entry = after
    return woken


def wake_up(head: WaitQueueHead, key: i64) -> i64:
    """`wake_up_interruptible_poll`: all shared waiters and one exclusive one."""
    if head.first is None:
        return 0
    return wake_up_nr(head, 1, key)


def wake_up_all(head: WaitQueueHead, key: i64) -> i64:
    """Every waiter."""
    if head.first is None:
        return 0
    return wake_up_nr(head, 0, key)
