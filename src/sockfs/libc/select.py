"""`select`, `poll` and `epoll` over descriptors of the kernel and of the host in one wait.

CPython counterpart: Modules/selectmodule.c. A set of the kernel's own files costs no system call of the host:
it goes to `fs/select.py` or `fs/eventpoll.py` and sleeps in libc's one loop. A set of the host's own goes to
the function that was there before. A mixed one sleeps in the host's poll or epoll, where an eventfd stands
for the kernel: a `HostEntry` on the kernel's wait queue writes to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mypy_extensions import i64, mypyc_attr

from sockfs.fs import eventpoll
from sockfs.fs import file as fs_file
from sockfs.fs import select as fs_select
from sockfs.kernel import wait
from sockfs.libc import calls, error, host, loop, posix
from sockfs.structs.call import ESLEEP, MAX_SCHEDULE_TIMEOUT, Call
from sockfs.structs.wait_queue import WaitQueueEntry
from sockfs.uapi.errno import EBADF, EINTR, EINVAL
from sockfs.uapi.poll import (
    EPOLL_CTL_ADD,
    EPOLL_CTL_DEL,
    EPOLL_CTL_MOD,
    EPOLLIN,
    EPOLLOUT,
    EPOLLPRI,
    POLLEX_SET,
    POLLIN,
    POLLIN_SET,
    POLLNVAL,
    POLLOUT,
    POLLOUT_SET,
    POLLPRI,
)

if TYPE_CHECKING:
    from sockfs.libc.loop import Waiter
    from sockfs.structs.task import Task

FD_SETSIZE: Final = 1024
NS: Final = 1_000_000_000
ONE: Final = b"\1\0\0\0\0\0\0\0"


def fd_of(file: object) -> int:
    """PyObject_AsFileDescriptor: an integer, or an object with fileno()."""
    if isinstance(file, int):
        n = int(file)
    else:
        method = getattr(file, "fileno", None)
        if method is None:
            raise TypeError("argument must be an int, or have a fileno() method.")
        n = method()
        if not isinstance(n, int):
            raise TypeError("fileno() returned a non-integer")
    if n < 0:
        raise ValueError(f"file descriptor cannot be a negative integer ({n})")
    if n > 0x7FFFFFFF:
        raise OverflowError("Python int too large to convert to C int")
    return n


def seconds_ns(timeout: object) -> i64:
    """A time-out in seconds: ns, rounded up; negative: for ever."""
    if timeout is None:
        return -1
    if isinstance(timeout, int):
        if timeout > 9223372036:
            raise OverflowError("timestamp too large to convert to C _PyTime_t")
        return max(int(timeout), -1) * NS
    if isinstance(timeout, float):
        if timeout != timeout:
            raise ValueError("Invalid value NaN (not a number)")
        if timeout > 9223372036.0:
            raise OverflowError("timestamp too large to convert to C _PyTime_t")
        if timeout < 0.0:
            return -1
        ns = int(timeout * NS)
        return ns + 1 if ns < timeout * NS else ns
    raise TypeError("timeout must be a real number or None")


# ---- one wait of a mixed set


class HostEntry(WaitQueueEntry):
    """Makes a wake-up in the kernel readable to the host's poll."""

    fd: int

    def __init__(self) -> None:
        super().__init__()
        self.fd = host.high(host.eventfd(0, 0x80800))  # EFD_CLOEXEC | EFD_NONBLOCK

    def func(self, key: i64) -> i64:
        if self.woken:
            return 0
        self.woken = True
        host.write(self.fd, ONE)
        return 1

    def clear(self) -> None:
        self.woken = False
        try:
            host.read(self.fd, 8)
        except BlockingIOError:
            pass

    def close(self) -> None:
        host.close(self.fd)


_idle: Final[list[HostEntry]] = []


def _take_entry() -> HostEntry:
    return _idle.pop() if _idle else HostEntry()


def _give_entry(entry: HostEntry) -> None:
    if len(_idle) < 16:
        entry.clear()
        _idle.append(entry)
    else:
        entry.close()


class PollOp(loop.SysOp):
    """poll(2) of the kernel's files."""

    task: Task
    fds: list[int]
    events: list[int]
    revents: list[int]
    timeo: i64

    def __init__(self, task: Task, fds: list[int], events: list[int], timeo: i64) -> None:
        super().__init__(Call(task))
        self.task = task
        self.fds = fds
        self.events = events
        self.revents = []
        self.timeo = timeo

    def start(self) -> i64:
        return fs_select.do_poll(self.task, self.fds, self.events, self.revents, self.timeo, self.call)


def wait_many(fds: list[int], events: list[int], timeo: i64) -> list[int]:
    """Wait until one of fds has one of its events, at most timeo ns (negative: for ever). A mask for each of
    fds."""
    task = loop.this_task()
    own: list[int] = []
    theirs: list[int] = []
    for i, fd in enumerate(fds):
        if calls.ours(task, fd):
            own.append(i)
        else:
            theirs.append(i)
    if timeo < 0:
        timeo = MAX_SCHEDULE_TIMEOUT
    if len(own) == 0 and not theirs:
        w = loop.waiter_of(task)
        return _wait_kernel(w, task, [], [], timeo)
    if not theirs:
        return _wait_kernel(loop.waiter_of(task), task, fds, events, timeo)
    poller = host.poll()
    seen: dict[int, int] = {}
    for i in theirs:
        seen[fds[i]] = seen.get(fds[i], 0) | events[i]
    for fd, mask in seen.items():
        poller.register(fd, mask)
    masks = [0] * len(fds)
    if own:
        found = _wait_mixed(
            loop.waiter_of(task), task, [fds[i] for i in own], [events[i] for i in own], poller, timeo
        )
    else:
        found = (
            [],
            poller.poll(None if timeo >= MAX_SCHEDULE_TIMEOUT else (int(timeo) + 999_999) // 1_000_000),
        )
    for i, mask in zip(own, found[0], strict=False):
        masks[i] = mask
    answers = dict(found[1])
    for i in theirs:
        masks[i] = answers.get(fds[i], 0) & (events[i] | 0x38)
    return masks


def _wait_kernel(w: Waiter, task: Task, fds: list[int], events: list[int], timeo: i64) -> list[int]:
    op = PollOp(task, fds, events, timeo)
    w.enter()
    try:
        r = op.start()
        if r == -ESLEEP:
            r = loop.resume(w, op)
    except BaseException:
        w.abandon()
        raise
    w.leave()
    if r < 0 and r != -EINTR:
        error.fail(r)
    return op.revents


def _wait_mixed(
    w: Waiter, task: Task, fds: list[int], events: list[int], poller: Any, timeo: i64
) -> tuple[list[int], list[tuple[int, int]]]:
    """Masks of the kernel's files, and what the host's poll found."""
    op = PollOp(task, fds, events, timeo)
    w.enter()
    deadline = MAX_SCHEDULE_TIMEOUT if timeo >= MAX_SCHEDULE_TIMEOUT else w.kernel.now + timeo
    r = op.start()
    if r != -ESLEEP:
        w.leave()
        return op.revents, poller.poll(0)
    entry = _take_entry()
    poller.register(entry.fd, POLLIN)
    head = op.call.wq
    assert head is not None
    wait.add_wait_queue(head, entry)
    w.leave()
    theirs: list[tuple[int, int]] = []
    try:
        while True:
            left = -1
            if deadline < MAX_SCHEDULE_TIMEOUT:
                ns: int = deadline - host.monotonic_ns()
                left = max((ns + 999_999) // 1_000_000, 0)
            theirs = [(fd, mask) for fd, mask in poller.poll(left) if fd != entry.fd]
            w.enter()
            try:
                if theirs or left == 0:
                    op.call.expired = True  # the last look
                entry.clear()
                r = op.start()
                if r != -ESLEEP:
                    wait.remove_wait_queue(head, entry)
                    w.leave()
                    break
            except BaseException:
                w.abandon()
                raise
            w.leave()
    except BaseException:
        w.enter()
        try:
            wait.remove_wait_queue(head, entry)
            op.call.signalled = True
            op.start()
        except BaseException:
            w.abandon()
            raise
        w.leave()
        entry.close()
        raise
    _give_entry(entry)
    if r < 0:
        error.fail(r)
    return op.revents, theirs


# ---- select


def select(
    rlist: Any, wlist: Any, xlist: Any, timeout: object = None, /
) -> tuple[list[Any], list[Any], list[Any]]:
    """Wait until one or more file descriptors are ready for some kind of I/O."""
    if timeout is not None and not isinstance(timeout, (int, float)):
        raise TypeError("timeout must be a float or None")
    ns = seconds_ns(timeout)
    if timeout is not None and ns < 0:
        raise ValueError("timeout must be non-negative")
    rs: list[Any] = []
    ws: list[Any] = []
    xs: list[Any] = []
    rf = _set_fds(rlist, rs)
    wf = _set_fds(wlist, ws)
    xf = _set_fds(xlist, xs)
    want: dict[int, int] = {}
    for fd in rf:
        want[fd] = want.get(fd, 0) | POLLIN_SET
    for fd in wf:
        want[fd] = want.get(fd, 0) | POLLOUT_SET
    for fd in xf:
        want[fd] = want.get(fd, 0) | POLLEX_SET
    fds = list(want)
    masks = wait_many(fds, list(want.values()), ns)
    got: dict[int, int] = {}
    for fd, mask in zip(fds, masks, strict=False):
        if mask & POLLNVAL:
            error.fail(-EBADF)
        got[fd] = mask
    return (
        [o for o, fd in zip(rs, rf, strict=True) if got.get(fd, 0) & POLLIN_SET],
        [o for o, fd in zip(ws, wf, strict=True) if got.get(fd, 0) & POLLOUT_SET],
        [o for o, fd in zip(xs, xf, strict=True) if got.get(fd, 0) & POLLEX_SET],
    )


def _set_fds(items: Any, found: list[Any]) -> list[int]:
    """The descriptors of a set; found gets its objects. A list may shrink while its objects are asked."""
    if not isinstance(items, (list, tuple)):
        try:
            items = list(items)
        except TypeError:
            if hasattr(items, "__iter__"):
                raise
            raise TypeError("arguments 1-3 must be sequences") from None
    fds: list[int] = []
    i = 0
    while i < len(items):
        item = items[i]
        fd = fd_of(item)
        if fd >= FD_SETSIZE:
            raise ValueError("filedescriptor out of range in select()")
        found.append(item)
        fds.append(fd)
        i += 1
    return fds


# ---- poll


def poll() -> Poll:
    """Returns a polling object, which supports registering and unregistering file descriptors, and then
    polling them for I/O events."""
    return Poll(_made_here)


_made_here: Final = object()


class Poll:
    """A polling object: register descriptors, then poll for events."""

    _want: dict[int, int]
    _busy: bool

    def __init__(self, token: object = None) -> None:
        if token is not _made_here:
            raise TypeError(f"cannot create '{type(self).__module__}.{type(self).__qualname__}' instances")
        self._want = {}
        self._busy = False

    def register(self, fd: object, eventmask: int = POLLIN | POLLPRI | POLLOUT, /) -> None:
        """Register a file descriptor with the polling object."""
        number = fd_of(fd)
        mask = _mask16(eventmask)
        task = loop.this_task()
        if calls.ours(task, number):
            posix.still_ours(task, number)
        self._want[number] = mask

    def modify(self, fd: object, eventmask: int, /) -> None:
        """Modify an already registered file descriptor."""
        number = fd_of(fd)
        mask = _mask16(eventmask)
        if number not in self._want:
            error.fail(-2)
        self._want[number] = mask

    def unregister(self, fd: object, /) -> None:
        """Remove a file descriptor being tracked by the polling object."""
        del self._want[fd_of(fd)]

    def poll(self, timeout: object = None, /) -> list[tuple[int, int]]:
        """Polls the set of registered file descriptors; timeout in milliseconds."""
        ns: i64 = -1
        if timeout is not None:
            if isinstance(timeout, int):
                if timeout > 0x7FFFFFFF:
                    raise OverflowError("timeout is too large")
                ns = int(timeout) * 1_000_000 if timeout >= 0 else -1
            elif isinstance(timeout, float):
                if timeout > 2147483647.0:
                    raise OverflowError("timeout is too large")
                ns = -1 if timeout < 0 else seconds_ns(timeout / 1e3)
            else:
                raise TypeError("timeout must be an integer or None")
        if self._busy:
            raise RuntimeError("concurrent poll() invocation")
        self._busy = True
        try:
            fds = list(self._want)
            masks = wait_many(fds, list(self._want.values()), ns)
        finally:
            self._busy = False
        return [(fd, mask) for fd, mask in zip(fds, masks, strict=False) if mask]


def _mask16(mask: object) -> int:
    if not isinstance(mask, int):
        raise TypeError(f"'{type(mask).__name__}' object cannot be interpreted as an integer")
    if mask < 0:
        raise ValueError("value must be positive")
    if mask > 0xFFFF:
        raise OverflowError("Python int too large to convert to C unsigned short")
    return int(mask)


# ---- epoll


class EpollOp(loop.SysOp):
    """epoll_wait(2)."""

    task: Task
    epfd: i64
    maxevents: i64
    timeo: i64
    out: list[tuple[int, int]]

    def __init__(self, task: Task, epfd: i64, maxevents: i64, timeo: i64) -> None:
        super().__init__(Call(task))
        self.task = task
        self.epfd = epfd
        self.maxevents = maxevents
        self.timeo = timeo
        self.out = []

    def start(self) -> i64:
        call = self.call
        file = fs_file.fdget(self.task, self.epfd, call)
        if file is None:
            return -EBADF
        ep = file.private_data
        if not isinstance(ep, eventpoll.Eventpoll):
            return -EINVAL
        r = eventpoll.ep_poll(ep, call, self.maxevents, self.timeo, self.out)
        return fs_file.fdput(file, call, r)


@mypyc_attr(allow_interpreted_subclasses=True)
class epoll:
    """select.epoll(sizehint=-1, flags=0)

    Returns an epolling object. Descriptors of the host are watched by an epoll of the host's beside it."""

    _task: Task | None
    _waiter: Waiter | None
    _fd: int
    _host: Any  # the host's epoll, made when a descriptor of the host's is registered
    _entry: HostEntry | None
    _hosts: int  # how many descriptors of the host's are registered

    def __init__(self, sizehint: int = -1, flags: int = 0) -> None:
        self._fd = -1
        self._host = None
        self._entry = None
        self._hosts = 0
        self._task = None
        self._waiter = None
        if sizehint < -1 or sizehint == 0:
            raise ValueError("sizehint must be positive or -1")
        if flags & ~0x80000:
            raise OSError(EINVAL, "Invalid argument")
        self._make(loop.this_task(), -1)

    def _make(self, task: Task, fd: int) -> None:
        w = loop.waiter_of(task)
        self._task = task
        self._waiter = w
        if fd < 0:
            w.enter()
            try:
                r = eventpoll.sys_epoll_create1(task, 0x80000, Call(task))
            except BaseException:
                w.abandon()
                raise
            w.leave()
            if r < 0:
                error.fail(r)
            fd = r
        self._fd = fd

    @classmethod
    def fromfd(cls, fd: int, /) -> epoll:
        """Create an epoll object from a given control fd."""
        self = cls()
        self.close()
        self._make(loop.this_task(), fd)
        return self

    @property
    def closed(self) -> bool:
        """True if the epoll handler is closed"""
        return self._fd < 0

    def fileno(self) -> int:
        """Return the epoll control file descriptor."""
        self._check()
        return self._fd

    def _check(self) -> None:
        if self._fd < 0:
            raise ValueError("I/O operation on closed epoll object")

    def close(self) -> None:
        """Close the epoll control file descriptor. Further operations on it raise an exception."""
        fd = self._fd
        if fd < 0:
            return
        self._fd = -1
        if self._host is not None:
            self._host.close()
            self._host = None
        entry = self._entry
        if entry is not None:
            self._entry = None
            entry.close()
        task, w = self._task, self._waiter
        if task is not None and w is not None:
            calls.close_late(w, task, fd)

    def __del__(self) -> None:
        self.close()

    def __enter__(self) -> epoll:
        self._check()
        return self

    def __exit__(self, exc_type: object = None, exc_value: object = None, exc_tb: object = None, /) -> None:
        self.close()

    # ---- what is watched

    def _ctl(self, op: i64, fd: object, eventmask: int) -> None:
        self._check()
        number = fd_of(fd)
        if eventmask < 0 or eventmask > 0xFFFFFFFF:
            raise OverflowError("Python int too large to convert to C unsigned int")
        task, w = self._task, self._waiter
        assert task is not None and w is not None
        if calls.ours(task, number) and posix.still_ours(task, number):
            w.enter()
            try:
                r = eventpoll.do_epoll_ctl(task, self._fd, op, number, eventmask, number)
            except BaseException:
                w.abandon()
                raise
            w.leave()
            if r < 0:
                error.fail(r)
            return
        self._host_ctl(op, number, eventmask)

    def _host_ctl(self, op: i64, fd: int, eventmask: int) -> None:
        if self._host is None:
            if op != EPOLL_CTL_ADD:
                host.fstat(fd)  # EBADF where there is no such file
                error.fail(-2)
            self._host = host.epoll()
            moved = host.high(host.dup(self._host.fileno()))
            self._host.close()
            self._host = host.epoll.fromfd(moved)
            entry = HostEntry()
            self._entry = entry
            self._host.register(entry.fd, EPOLLIN)
        if op == EPOLL_CTL_ADD:
            self._host.register(fd, eventmask)
            self._hosts += 1
        elif op == EPOLL_CTL_MOD:
            self._host.modify(fd, eventmask)
        else:
            self._host.unregister(fd)
            self._hosts -= 1

    def register(self, fd: object, eventmask: int = EPOLLIN | EPOLLPRI | EPOLLOUT) -> None:
        """Registers a new fd or raises an OSError if the fd is already registered."""
        self._ctl(EPOLL_CTL_ADD, fd, eventmask)

    def modify(self, fd: object, eventmask: int) -> None:
        """Modify event mask for a registered file descriptor."""
        self._ctl(EPOLL_CTL_MOD, fd, eventmask)

    def unregister(self, fd: object) -> None:
        """Remove a registered file descriptor from the epoll object."""
        self._ctl(EPOLL_CTL_DEL, fd, 0)

    # ---- waiting

    def poll(self, timeout: object = None, maxevents: int = -1) -> list[tuple[int, int]]:
        """Wait for events on the epoll file descriptor; timeout in seconds."""
        self._check()
        timeo = seconds_ns(timeout)
        if timeo < 0:
            timeo = MAX_SCHEDULE_TIMEOUT
        if maxevents == -1:
            maxevents = FD_SETSIZE - 1
        elif maxevents < 1:
            raise ValueError(f"maxevents must be greater than 0, got {maxevents}")
        task, w = self._task, self._waiter
        assert task is not None and w is not None
        op = EpollOp(task, self._fd, maxevents, timeo)
        if self._host is not None and self._hosts > 0:
            return self._poll_mixed(w, op, maxevents, timeo)
        w.enter()
        try:
            r = op.start()
            if r == -ESLEEP:
                r = loop.resume(w, op)
        except BaseException:
            w.abandon()
            raise
        w.leave()
        if r < 0:
            if r == -EINTR:
                return []
            error.fail(r)
        return op.out

    def _poll_mixed(self, w: Waiter, op: EpollOp, maxevents: int, timeo: i64) -> list[tuple[int, int]]:
        entry = self._entry
        assert entry is not None
        mine = entry.fd
        deadline: i64 = MAX_SCHEDULE_TIMEOUT
        hung = False
        while True:
            w.enter()
            try:
                if timeo < MAX_SCHEDULE_TIMEOUT and deadline == MAX_SCHEDULE_TIMEOUT:
                    deadline = w.kernel.now + timeo
                if hung:
                    entry.clear()
                r = op.start()
                head = op.call.wq
                if r == -ESLEEP and head is not None and not hung:
                    entry.events = 0
                    wait.add_wait_queue(head, entry)
                    hung = True
            except BaseException:
                w.abandon()
                raise
            w.leave()
            left = 0.0
            if r == -ESLEEP:
                left = -1.0
                if deadline < MAX_SCHEDULE_TIMEOUT:
                    ns: int = deadline - host.monotonic_ns()
                    left = max(ns / 1e9, 0.0)
            elif r < 0:
                error.fail(r)
            try:
                theirs = self._host.poll(left, maxevents + 1)
            except BaseException:
                self._end(w, op)
                raise
            theirs = [(fd, mask) for fd, mask in theirs if fd != mine]
            if r == -ESLEEP:
                if not theirs and left != 0.0:
                    continue
                self._end(w, op)
            elif hung:
                self._end(w, op)
            return (op.out + theirs)[:maxevents]

    def _end(self, w: Waiter, op: EpollOp) -> None:
        """Take the entry off, and let the call finish with what is there."""
        entry = self._entry
        w.enter()
        try:
            head = op.call.wq
            if head is not None and entry is not None:
                wait.remove_wait_queue(head, entry)
            op.call.expired = True
            if op.call.held:
                op.start()
        except BaseException:
            w.abandon()
            raise
        w.leave()
