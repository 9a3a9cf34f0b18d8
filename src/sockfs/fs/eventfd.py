"""eventfd: a counter that can be polled.

Kernel counterpart: `fs/eventfd.c`; eventfd(2). write adds, read takes all (or one, EFD_SEMAPHORE) and sleeps
at zero. The counter is a Python integer: it has 64 bits without a sign.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.fs import file as fs_file
from sockfs.kernel import wait
from sockfs.structs.call import MAX_SCHEDULE_TIMEOUT
from sockfs.structs.ops import FileOperations
from sockfs.structs.wait_queue import WaitQueueHead
from sockfs.uapi.errno import EAGAIN, EINVAL, ERESTARTSYS
from sockfs.uapi.fcntl import EFD_CLOEXEC, EFD_NONBLOCK, EFD_SEMAPHORE, O_NONBLOCK, O_RDWR
from sockfs.uapi.poll import EPOLLERR, EPOLLIN, EPOLLOUT

if TYPE_CHECKING:
    from sockfs.structs.call import Call
    from sockfs.structs.file import File
    from sockfs.structs.msghdr import Msghdr
    from sockfs.structs.ops import PollTable
    from sockfs.structs.task import Task

ULLONG_MAX: Final = 0xFFFF_FFFF_FFFF_FFFF


class EventfdCtx:
    """`struct eventfd_ctx`."""

    wqh: WaitQueueHead
    count: int
    flags: i64

    def __init__(self, count: int, flags: i64) -> None:
        self.wqh = WaitQueueHead()
        self.count = count
        self.flags = flags


def sys_eventfd(task: Task, count: i64, call: Call) -> i64:
    """eventfd(2) without flags."""
    return do_eventfd(task, count, 0)


def sys_eventfd2(task: Task, count: i64, flags: i64, call: Call) -> i64:
    """eventfd(2)."""
    return do_eventfd(task, count, flags)


def do_eventfd(task: Task, count: i64, flags: i64) -> i64:
    """A new counter that starts at the 32 bits of count. Its descriptor, or -errno."""
    if flags & ~(EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE):
        return -EINVAL
    fd = fs_file.get_unused_fd_flags(task, flags)
    if fd < 0:
        return fd
    start: int = count & 0xFFFFFFFF
    ctx = EventfdCtx(start, flags)
    fs_file.fd_install(
        task, fd, fs_file.alloc_file(task.kernel, EVENTFD_FOPS, ctx, O_RDWR | (flags & O_NONBLOCK))
    )
    return fd


def eventfd_read(ctx: EventfdCtx, file: File, msg: Msghdr) -> i64:
    """Eight bytes: the counter, which goes to zero; or 1, and it goes down by one."""
    if msg.msg_iter.count < 8:
        return -EINVAL
    if ctx.count == 0:
        if file.f_flags & O_NONBLOCK:
            return -EAGAIN
        if msg.signalled:
            return -ERESTARTSYS
        return wait.sleep_on(msg, ctx.wqh, EPOLLIN, MAX_SCHEDULE_TIMEOUT)  # sleeps: eventfd_read
    got = 1 if ctx.flags & EFD_SEMAPHORE else ctx.count
    ctx.count -= got
    wait.wake_up(ctx.wqh, EPOLLOUT)
    msg.msg_iter.copy_to(got.to_bytes(8, "little"), 0, 8)
    return 8


def eventfd_write(ctx: EventfdCtx, file: File, msg: Msghdr) -> i64:
    """Add; what would reach 2**64 - 1 waits until it does not."""
    it = msg.msg_iter
    if it.count < 8:
        return -EINVAL
    data = msg.wait_data
    if not isinstance(data, bytes):
        data = it.take(8)
        it.count += 8  # a restart checks the length again
        msg.wait_data = data
    add = int.from_bytes(data, "little")
    if add == ULLONG_MAX:
        return -EINVAL
    if ULLONG_MAX - ctx.count <= add:
        if file.f_flags & O_NONBLOCK:
            return -EAGAIN
        if msg.signalled:
            return -ERESTARTSYS
        return wait.sleep_on(msg, ctx.wqh, EPOLLOUT, MAX_SCHEDULE_TIMEOUT)  # sleeps: eventfd_write
    ctx.count += add
    wait.wake_up(ctx.wqh, EPOLLIN)
    return 8


def eventfd_poll(ctx: EventfdCtx, file: File, pt: PollTable | None) -> i64:
    """Readable above zero, writable while one can be added."""
    if pt is not None:
        pt.queue(file, ctx.wqh)
    mask: i64 = 0
    if ctx.count > 0:
        mask |= EPOLLIN
    if ctx.count == ULLONG_MAX:
        mask |= EPOLLERR
    if ctx.count < ULLONG_MAX - 1:
        mask |= EPOLLOUT
    return mask


def _ctx(file: File) -> EventfdCtx:
    ctx = file.private_data
    assert isinstance(ctx, EventfdCtx)
    return ctx


class EventfdFops(FileOperations):
    """`eventfd_fops`."""

    def read_iter(self, file: File, msg: Msghdr) -> i64:
        return eventfd_read(_ctx(file), file, msg)

    def write_iter(self, file: File, msg: Msghdr) -> i64:
        return eventfd_write(_ctx(file), file, msg)

    def poll(self, file: File, pt: PollTable | None) -> i64:
        return eventfd_poll(_ctx(file), file, pt)

    def ioctl(self, file: File, cmd: i64, arg: object) -> i64:
        return -25


EVENTFD_FOPS: Final = EventfdFops("[eventfd]")
