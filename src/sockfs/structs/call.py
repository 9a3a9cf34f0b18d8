"""A system call in flight: what has to be remembered while it sleeps.

The core never blocks. A call that would sleep fills in where and until when (`kernel/wait.py: sleep_on`),
returns `-ESLEEP`, and is started again with the same record when the wait queue woke it, the deadline
passed (`expired`) or a signal came (`signalled`). `phase` and `done` say how far it had come, so nothing is
done twice. Kernel counterparts: `restart_block` and the local variables of the functions that call
`schedule_timeout`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

if TYPE_CHECKING:
    from sockfs.structs.file import File
    from sockfs.structs.sock import Sock
    from sockfs.structs.task import Task
    from sockfs.structs.wait_queue import WaitQueueHead

ESLEEP: Final = 600
"""The call sleeps: `-ESLEEP` never reaches a program (errnos end at 133, the kernel's internal codes at
531).
"""

MAX_SCHEDULE_TIMEOUT: Final = 0x7FFF_FFFF_FFFF_FFFF
"""A wait without a deadline, in nanoseconds, as the kernel's constant of that name is in jiffies."""


class Call:
    """The resumable record of one system call. Times are absolute nanoseconds of `Kernel.now`."""

    task: Task
    file: File | None  # the reference that the call holds while it sleeps, whatever happens to the descriptor
    sk: Sock | None  # result of accept, or what a close still lingers on
    phase: i64  # 0: not started; each call numbers its own waits
    done: i64  # bytes or messages finished before the wait
    err: i64  # -errno beside a result that is an object (accept)
    deadline: i64  # when `expired` becomes true; -1: not computed yet; MAX_SCHEDULE_TIMEOUT: never
    wq: WaitQueueHead | None  # where it sleeps
    events: i64  # poll bits that are worth waking for
    exclusive: bool  # one wake-up for one waiter (accept, epoll_wait)
    expired: bool
    signalled: bool
    held: bool  # `file.f_count` was raised for the sleep
    newfd: i64  # descriptor reserved by accept before it sleeps; -1: none
    nonblock: bool
    newfile: File | None  # result of accept
    start: i64  # when the call began (recvmmsg's time-out)
    done_len: i64  # bytes of this message (sendmmsg, recvmmsg)
    pending: object  # who starts it again on a machine with nobody to wait (entry.py)
    wait_data: object  # what else a call keeps across its sleep (poll: its entries on the wait queues)

    def __init__(self, task: Task) -> None:
        self.task = task
        self.file = None
        self.sk = None
        self.phase = 0
        self.done = 0
        self.err = 0
        self.deadline = -1
        self.wq = None
        self.events = 0
        self.exclusive = False
        self.expired = False
        self.signalled = False
        self.held = False
        self.newfd = -1
        self.nonblock = False
        self.newfile = None
        self.start = 0
        self.done_len = 0
        self.wait_data = None
        self.pending = None
