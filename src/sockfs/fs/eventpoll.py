"""epoll: a set of watched files that gathers those that have become ready.

Kernel counterpart: `fs/eventpoll.c`; epoll(7), epoll_ctl(2), epoll_wait(2). Control enters from epoll_create,
epoll_ctl and epoll_wait, and from the wait queues of the watched files: an `Epitem` is itself the entry on
such a queue, and a wake-up (`Epitem.func`, the kernel's `ep_poll_callback`) puts it on its `Eventpoll`'s
ready list. epoll_wait walks that list only (`ep_send_events`), asks each file there how it stands now, and so
costs what is ready, not what is watched. Level-triggered items go to the list's end again, edge-triggered
ones wait for their next wake-up, one-shot ones are disabled.

The ready list is linked through the items. Items are found by number of descriptor and file, as in Linux, so
that a number closed and used again makes a second item; an item goes when the last reference of its file goes
(`eventpoll_release`), or with the epoll itself.

Left out: the overflow list (nothing runs between a scan's steps), busy polling, EPOLLWAKEUP's wake-up source
(the flag is accepted and kept), `max_user_watches`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.fs import file as fs_file
from sockfs.kernel import slab, wait
from sockfs.structs.call import MAX_SCHEDULE_TIMEOUT
from sockfs.structs.ops import FileOperations, PollTable
from sockfs.structs.wait_queue import WaitQueueEntry, WaitQueueHead
from sockfs.uapi.errno import EBADF, EEXIST, EFAULT, EINTR, EINVAL, ELOOP, ENOENT, EPERM
from sockfs.uapi.fcntl import O_CLOEXEC, O_RDWR
from sockfs.uapi.poll import (
    EP_MAX_EVENTS,
    EP_MAX_NESTS,
    EPOLL_CTL_ADD,
    EPOLL_CTL_DEL,
    EPOLL_CTL_MOD,
    EPOLLERR,
    EPOLLET,
    EPOLLEXCLUSIVE,
    EPOLLHUP,
    EPOLLIN,
    EPOLLONESHOT,
    EPOLLOUT,
    EPOLLRDNORM,
    EPOLLWAKEUP,
    POLLFREE,
)

if TYPE_CHECKING:
    from sockfs.structs.call import Call
    from sockfs.structs.file import File
    from sockfs.structs.kernel import Kernel
    from sockfs.structs.task import Task

EP_PRIVATE_BITS: Final = EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE
EPOLLINOUT_BITS: Final = EPOLLIN | EPOLLOUT
EPOLLEXCLUSIVE_OK_BITS: Final = EPOLLINOUT_BITS | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE
EVENT_SIZE: Final = 12  # struct epoll_event is packed on x86-64


class EppollEntry(WaitQueueEntry):
    """`struct eppoll_entry`: a further wait queue of a file that has more than one."""

    epi: Epitem
    next_entry: EppollEntry | None

    def __init__(self, epi: Epitem, next_entry: EppollEntry | None) -> None:
        super().__init__()
        self.epi = epi
        self.next_entry = next_entry

    def func(self, key: i64) -> i64:
        return ep_poll_callback(self.epi, key)


class Epitem(WaitQueueEntry):
    """`struct epitem`: one watched file. It is its own entry on the file's (first) wait queue."""

    ep: Eventpoll
    file: File
    fd: i64
    event_events: i64  # what is watched for, and the private bits
    event_data: i64  # the 64 bits the program gets back, as a signed number
    on_rdllist: bool
    rdl_next: Epitem | None
    rdl_prev: Epitem | None
    hash_next: Epitem | None  # another file that had the same number
    fllink: Epitem | None  # the next item that watches the same file
    fllink_prev: Epitem | None
    pwqlist: EppollEntry | None  # further wait queues

    def __init__(self, ep: Eventpoll, file: File, fd: i64, events: i64, data: i64) -> None:
        super().__init__()
        self.ep = ep
        self.file = file
        self.fd = fd
        self.event_events = events
        self.event_data = data
        self.on_rdllist = False
        self.rdl_next = None
        self.rdl_prev = None
        self.hash_next = None
        self.fllink = None
        self.fllink_prev = None
        self.pwqlist = None

    def func(self, key: i64) -> i64:
        return ep_poll_callback(self, key)


class Eventpoll:
    """`struct eventpoll`."""

    kernel: Kernel
    wq: WaitQueueHead  # epoll_wait sleeps here
    poll_wait: WaitQueueHead  # who polls the epoll file itself
    rbr: dict[int, Epitem]  # by descriptor number
    rdl_first: Epitem | None
    rdl_last: Epitem | None
    nitems: i64
    file: File | None
    nested: list[Eventpoll]  # epolls it watches, once per item

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.wq = WaitQueueHead()
        self.poll_wait = WaitQueueHead()
        self.rbr = {}
        self.rdl_first = None
        self.rdl_last = None
        self.nitems = 0
        self.file = None
        self.nested = []


class EpPqueue(PollTable):
    """`struct ep_pqueue`: hangs an item on the wait queues that its file names (`ep_ptable_queue_proc`)."""

    epi: Epitem

    def __init__(self, epi: Epitem) -> None:
        super().__init__()
        self.epi = epi

    def queue(self, file: File, head: WaitQueueHead) -> None:
        epi = self.epi
        entry: WaitQueueEntry = epi
        if epi.head is not None:
            more = EppollEntry(epi, epi.pwqlist)
            epi.pwqlist = more
            entry = more
        if epi.event_events & EPOLLEXCLUSIVE:
            wait.add_wait_queue_exclusive(head, entry)
        else:
            wait.add_wait_queue(head, entry)


# epoll_create


def sys_epoll_create(task: Task, size: i64, call: Call) -> i64:
    """epoll_create(2): the size is a relic, but must be positive."""
    if size <= 0:
        return -EINVAL
    return do_epoll_create(task, 0)


def sys_epoll_create1(task: Task, flags: i64, call: Call) -> i64:
    """epoll_create1(2)."""
    return do_epoll_create(task, flags)


def do_epoll_create(task: Task, flags: i64) -> i64:
    """A new epoll. Its descriptor, or -errno."""
    if flags & ~O_CLOEXEC:
        return -EINVAL
    fd = fs_file.get_unused_fd_flags(task, flags)
    if fd < 0:
        return fd
    k = task.kernel
    ep = Eventpoll(k)
    file = fs_file.alloc_file(k, EVENTPOLL_FOPS, ep, O_RDWR)
    ep.file = file
    fs_file.fd_install(task, fd, file)
    return fd


# epoll_ctl


def sys_epoll_ctl(task: Task, epfd: i64, op: i64, fd: i64, event: bytes | None, call: Call) -> i64:
    """epoll_ctl(2). `event` is the 12 bytes of a struct epoll_event."""
    events: i64 = 0
    data: i64 = 0
    if op != EPOLL_CTL_DEL:
        if event is None or len(event) < EVENT_SIZE:
            return -EFAULT
        events = int.from_bytes(event[:4], "little")
        data = int.from_bytes(event[4:12], "little", signed=True)
    return do_epoll_ctl(task, epfd, op, fd, events, data)


def do_epoll_ctl(task: Task, epfd: i64, op: i64, fd: i64, events: i64, data: i64) -> i64:
    """The same with the event's two fields: mask, and 64 bits of data as a signed number. 0 or -errno."""
    file = fs_file.fdget(task, epfd, None)
    if file is None:
        return -EBADF
    tfile = fs_file.fdget(task, fd, None)
    if tfile is None:
        return -EBADF
    if not tfile.f_op.can_poll(tfile):
        return -EPERM
    ep = file.private_data
    if file is tfile or not isinstance(ep, Eventpoll):
        return -EINVAL
    events &= 0xFFFFFFFF
    tep = tfile.private_data
    if op != EPOLL_CTL_DEL and events & EPOLLEXCLUSIVE:
        # epoll_ctl(2), ERRORS: not with MOD, not for an epoll, not with other bits
        if op == EPOLL_CTL_MOD:
            return -EINVAL
        if op == EPOLL_CTL_ADD and (isinstance(tep, Eventpoll) or events & ~EPOLLEXCLUSIVE_OK_BITS):
            return -EINVAL
    if op == EPOLL_CTL_ADD and isinstance(tep, Eventpoll):
        if ep_loop_check(ep, tep):
            return -ELOOP
    epi = ep_find(ep, tfile, fd)
    if op == EPOLL_CTL_ADD:
        if epi is not None:
            return -EEXIST
        return ep_insert(ep, events | EPOLLERR | EPOLLHUP, data, tfile, fd)
    if op == EPOLL_CTL_DEL:
        if epi is None:
            return -ENOENT
        ep_remove(ep, epi)
        return 0
    if op == EPOLL_CTL_MOD:
        if epi is None:
            return -ENOENT
        if epi.event_events & EPOLLEXCLUSIVE:
            return -EINVAL
        ep_modify(ep, epi, events | EPOLLERR | EPOLLHUP, data)
        return 0
    return -EINVAL


def ep_loop_check(ep: Eventpoll, tep: Eventpoll) -> bool:
    """Watching tep from ep would close a circle, or nest deeper than EP_MAX_NESTS."""
    down = _depth_down(tep, ep, 0)
    if down > EP_MAX_NESTS:
        return True
    return down + 1 + _depth_up(ep, 0) > EP_MAX_NESTS


def _depth_down(ep: Eventpoll, origin: Eventpoll, depth: i64) -> i64:
    if ep is origin or depth > EP_MAX_NESTS:
        return EP_MAX_NESTS + 1
    deepest: i64 = 0
    for inner in ep.nested:
        n = _depth_down(inner, origin, depth + 1) + 1
        if n > deepest:
            deepest = n
    return deepest


def _depth_up(ep: Eventpoll, depth: i64) -> i64:
    file = ep.file
    if file is None or depth > EP_MAX_NESTS:
        return 0
    highest: i64 = 0
    epi = file.f_ep
    while isinstance(epi, Epitem):
        n = _depth_up(epi.ep, depth + 1) + 1
        if n > highest:
            highest = n
        epi = epi.fllink
    return highest


def ep_find(ep: Eventpoll, file: File, fd: i64) -> Epitem | None:
    """The item of that number and file."""
    epi = ep.rbr.get(fd)
    while epi is not None and epi.file is not file:
        epi = epi.hash_next
    return epi


def ep_insert(ep: Eventpoll, events: i64, data: i64, tfile: File, fd: i64) -> i64:
    """Watch a file: an item, hung on the file's wait queues, and ready at once when the file is."""
    slab.kmem_cache_alloc(slab.kmem_cache_create(ep.kernel, "eventpoll_epi", 128))
    epi = Epitem(ep, tfile, fd, events, data)
    epi.hash_next = ep.rbr.get(fd)
    ep.rbr[fd] = epi
    ep.nitems += 1
    first = tfile.f_ep
    if isinstance(first, Epitem):
        epi.fllink = first
        first.fllink_prev = epi
    tfile.f_ep = epi
    tep = tfile.private_data
    if isinstance(tep, Eventpoll):
        ep.nested.append(tep)
    pt = EpPqueue(epi)
    pt.key = events
    revents = tfile.f_op.poll(tfile, pt) & events
    if revents and not epi.on_rdllist:
        _rdl_add_tail(ep, epi)
        wait.wake_up(ep.wq, 0)
        wait.wake_up(ep.poll_wait, EPOLLIN)
    return 0


def ep_modify(ep: Eventpoll, epi: Epitem, events: i64, data: i64) -> None:
    """Watch for other events; ready at once when one of them is there (an edge-triggered item too)."""
    epi.event_events = events
    epi.event_data = data
    file = epi.file
    if file.f_op.poll(file, None) & events:
        if not epi.on_rdllist:
            _rdl_add_tail(ep, epi)
            wait.wake_up(ep.wq, 0)
            wait.wake_up(ep.poll_wait, EPOLLIN)


def ep_remove(ep: Eventpoll, epi: Epitem) -> None:
    """Watch no more."""
    _unregister_pollwait(epi)
    file = epi.file
    before = epi.fllink_prev
    after = epi.fllink
    if before is None:
        file.f_ep = after
    else:
        before.fllink = after
    if after is not None:
        after.fllink_prev = before
    epi.fllink = None
    epi.fllink_prev = None
    head = ep.rbr.get(epi.fd)
    if head is epi:
        rest = epi.hash_next
        if rest is None:
            del ep.rbr[epi.fd]
        else:
            ep.rbr[epi.fd] = rest
    else:
        while head is not None:
            if head.hash_next is epi:
                head.hash_next = epi.hash_next
                break
            head = head.hash_next
    epi.hash_next = None
    if epi.on_rdllist:
        _rdl_del(ep, epi)
    tep = file.private_data
    if isinstance(tep, Eventpoll):
        ep.nested.remove(tep)
    ep.nitems -= 1
    slab.kmem_cache_free(slab.kmem_cache_create(ep.kernel, "eventpoll_epi", 128))


def _unregister_pollwait(epi: Epitem) -> None:
    head = epi.head
    if head is not None:
        wait.remove_wait_queue(head, epi)
    entry = epi.pwqlist
    while entry is not None:
        head = entry.head
        if head is not None:
            wait.remove_wait_queue(head, entry)
        entry = entry.next_entry
    epi.pwqlist = None


# The ready list


def ep_poll_callback(epi: Epitem, key: i64) -> i64:
    """A watched file woke its waiters with poll bits `key` (0: unconditional). Returns 1 when an exclusive
    wake-up is used up by it."""
    events = epi.event_events
    ep = epi.ep
    ewake: i64 = 0
    if (events & ~EP_PRIVATE_BITS) == 0:  # one-shot, and it has shot: until EPOLL_CTL_MOD
        return 0 if events & EPOLLEXCLUSIVE else 1
    if key != 0 and (key & events) == 0:
        return 0 if events & EPOLLEXCLUSIVE else 1
    if not epi.on_rdllist:
        _rdl_add_tail(ep, epi)
    if ep.wq.first is not None:
        if events & EPOLLEXCLUSIVE and not key & POLLFREE:
            inout = key & EPOLLINOUT_BITS
            if inout == EPOLLIN:
                if events & EPOLLIN:
                    ewake = 1
            elif inout == EPOLLOUT:
                if events & EPOLLOUT:
                    ewake = 1
            elif inout == 0:
                ewake = 1
        wait.wake_up(ep.wq, 0)
    if ep.poll_wait.first is not None:
        wait.wake_up(ep.poll_wait, EPOLLIN | EPOLLRDNORM)
    return ewake if events & EPOLLEXCLUSIVE else 1


def _rdl_add_tail(ep: Eventpoll, epi: Epitem) -> None:
    last = ep.rdl_last
    epi.on_rdllist = True
    epi.rdl_prev = last
    epi.rdl_next = None
    if last is None:
        ep.rdl_first = epi
    else:
        last.rdl_next = epi
    ep.rdl_last = epi


def _rdl_del(ep: Eventpoll, epi: Epitem) -> None:
    before = epi.rdl_prev
    after = epi.rdl_next
    if before is None:
        ep.rdl_first = after
    else:
        before.rdl_next = after
    if after is None:
        ep.rdl_last = before
    else:
        after.rdl_prev = before
    epi.on_rdllist = False
    epi.rdl_next = None
    epi.rdl_prev = None


# epoll_wait


def sys_epoll_wait(
    task: Task, epfd: i64, events: bytearray | None, maxevents: i64, timeout: i64, call: Call
) -> i64:
    """epoll_wait(2). `timeout` in ms, negative: for ever; events are packed into the 12 bytes each that Linux
    uses.
    """
    return do_epoll_wait(task, epfd, events, maxevents, _ms_to_ns(timeout), call)


def sys_epoll_pwait(
    task: Task,
    epfd: i64,
    events: bytearray | None,
    maxevents: i64,
    timeout: i64,
    sigmask: bytes | None,
    sigsetsize: i64,
    call: Call,
) -> i64:
    """epoll_pwait(2). The mask is the program's business: nothing here delivers signals."""
    if sigmask is not None and sigsetsize != 8:
        return -EINVAL
    return do_epoll_wait(task, epfd, events, maxevents, _ms_to_ns(timeout), call)


def sys_epoll_pwait2(
    task: Task,
    epfd: i64,
    events: bytearray | None,
    maxevents: i64,
    timeout: bytes | None,
    sigmask: bytes | None,
    sigsetsize: i64,
    call: Call,
) -> i64:
    """epoll_pwait2(2): the time-out is a struct timespec, NULL for ever."""
    ns: i64 = MAX_SCHEDULE_TIMEOUT
    if timeout is not None:
        if len(timeout) < 16:
            return -EFAULT
        sec = int.from_bytes(timeout[:8], "little", signed=True)
        nsec = int.from_bytes(timeout[8:16], "little", signed=True)
        if sec < 0 or nsec < 0 or nsec >= 1_000_000_000:
            return -EINVAL
        total = sec * 1_000_000_000 + nsec
        if total < MAX_SCHEDULE_TIMEOUT:
            ns = total
    if sigmask is not None and sigsetsize != 8:
        return -EINVAL
    return do_epoll_wait(task, epfd, events, maxevents, ns, call)


def _ms_to_ns(ms: i64) -> i64:
    return MAX_SCHEDULE_TIMEOUT if ms < 0 else ms * 1_000_000


def do_epoll_wait(
    task: Task, epfd: i64, events: bytearray | None, maxevents: i64, timeo: i64, call: Call
) -> i64:
    """epoll_wait into packed bytes; `timeo` in ns."""
    file = fs_file.fdget(task, epfd, call)
    if file is None:
        return -EBADF
    if maxevents <= 0 or maxevents > EP_MAX_EVENTS:
        return -EINVAL
    ep = file.private_data
    if not isinstance(ep, Eventpoll):
        return -EINVAL
    room: i64 = 0 if events is None else len(events) // EVENT_SIZE
    out: list[tuple[int, int]] = []
    r = ep_poll(ep, call, room if 0 < room < maxevents else maxevents, timeo, out)
    r = fs_file.fdput(file, call, r)
    if r <= 0:
        return r
    if events is None or room == 0:
        return -EFAULT
    at = 0
    for data, mask in out:
        events[at : at + 4] = mask.to_bytes(4, "little")
        events[at + 4 : at + 12] = data.to_bytes(8, "little", signed=True)
        at += EVENT_SIZE
    return r


def ep_poll(ep: Eventpoll, call: Call, maxevents: i64, timeo: i64, out: list[tuple[int, int]]) -> i64:
    """epoll_wait proper: (data, events) of up to maxevents ready items are appended to out. Their number, 0
    when `timeo` ns have passed, -EINTR, or -ESLEEP."""
    if ep.rdl_first is not None:
        n = ep_send_events(ep, maxevents, out)
        if n > 0:
            return n
    if timeo == 0 or call.expired:
        return 0
    if call.signalled:
        return -EINTR
    call.exclusive = True
    return wait.sleep_on(call, ep.wq, 0, timeo)  # sleeps: ep_poll


def ep_send_events(ep: Eventpoll, maxevents: i64, out: list[tuple[int, int]]) -> i64:
    """Ask every item of the ready list how its file stands now, report those that are ready. What was on the
    list at the start is looked at once; level-triggered items go to its end, behind whatever was not
    reached."""
    n: i64 = 0
    stop = ep.rdl_last
    epi = ep.rdl_first
    while epi is not None and n < maxevents:
        after = epi.rdl_next
        at_end = epi is stop
        _rdl_del(ep, epi)
        events = epi.event_events
        file = epi.file
        revents = file.f_op.poll(file, None) & events
        if revents:
            out.append((epi.event_data, revents))
            n += 1
            if events & EPOLLONESHOT:
                epi.event_events = events & EP_PRIVATE_BITS
            elif not events & EPOLLET:
                if not epi.on_rdllist:
                    _rdl_add_tail(ep, epi)
        if at_end:
            break
        epi = after
    return n


# The epoll as a file


def ep_eventpoll_poll(ep: Eventpoll, file: File, pt: PollTable | None) -> i64:
    """Poll of the epoll itself: readable while an item of the ready list really is ready. Others leave the
    list.
    """
    if pt is not None:
        pt.queue(file, ep.poll_wait)
    epi = ep.rdl_first
    while epi is not None:
        after = epi.rdl_next
        tfile = epi.file
        if tfile.f_op.poll(tfile, None) & epi.event_events:
            return EPOLLIN | EPOLLRDNORM
        _rdl_del(ep, epi)
        epi = after
    return 0


def eventpoll_release(file: File) -> None:
    """The last reference of a watched file went: whoever watches it does so no more."""
    epi = file.f_ep
    while isinstance(epi, Epitem):
        ep_remove(epi.ep, epi)
        epi = file.f_ep


def ep_free(ep: Eventpoll) -> None:
    """The last reference of the epoll went: all its items go."""
    for first in list(ep.rbr.values()):
        epi: Epitem | None = first
        while epi is not None:
            after = epi.hash_next
            ep_remove(ep, epi)
            epi = after
    ep.file = None


class EventpollFops(FileOperations):
    """`eventpoll_fops`. read(2) and write(2) answer EINVAL."""

    def poll(self, file: File, pt: PollTable | None) -> i64:
        ep = file.private_data
        assert isinstance(ep, Eventpoll)
        return ep_eventpoll_poll(ep, file, pt)

    def ioctl(self, file: File, cmd: i64, arg: object) -> i64:
        return -EINVAL

    def release(self, file: File, call: Call | None) -> i64:
        ep = file.private_data
        assert isinstance(ep, Eventpoll)
        ep_free(ep)
        return 0


EVENTPOLL_FOPS: Final = EventpollFops("[eventpoll]")
