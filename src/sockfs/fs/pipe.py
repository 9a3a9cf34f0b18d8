"""Pipes: a ring of pages with a reading and a writing end.

Kernel counterpart: `fs/pipe.c`; pipe(7), pipe(2). Data lie in at most `ring_size` slots of up to a page each,
as in Linux: a small write goes into the last slot when it fits there, so how much fits depends on how it was
written, and poll says writable while a slot is free. A write of up to PIPE_BUF bytes is one piece. With
O_DIRECT each write is a packet of its own.

Left out: FIFOs (they have a path), notification pipes, page stealing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.fs import file as fs_file
from sockfs.kernel import wait
from sockfs.structs.call import MAX_SCHEDULE_TIMEOUT
from sockfs.structs.ops import FileOperations
from sockfs.structs.wait_queue import WaitQueueHead
from sockfs.uapi.errno import EAGAIN, EBUSY, EFAULT, EINVAL, ENOPKG, ENOTTY, EPERM, EPIPE, ERESTARTSYS
from sockfs.uapi.fcntl import (
    O_CLOEXEC,
    O_DIRECT,
    O_EXCL,
    O_NONBLOCK,
    O_RDONLY,
    O_WRONLY,
    PAGE_SIZE,
    PIPE_DEF_BUFFERS,
)
from sockfs.uapi.ioctl import FIONREAD
from sockfs.uapi.poll import EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDNORM, EPOLLWRNORM
from sockfs.uapi.stat import S_IFIFO

if TYPE_CHECKING:
    from sockfs.structs.call import Call
    from sockfs.structs.file import File
    from sockfs.structs.msghdr import Msghdr
    from sockfs.structs.ops import PollTable
    from sockfs.structs.task import Task

FMODE_READ: Final = 1
FMODE_WRITE: Final = 2
PIPE_MAX_SIZE: Final = 1048576  # /proc/sys/fs/pipe-max-size
CAP_SYS_RESOURCE: Final = 24


class PipeBuffer:
    """`struct pipe_buffer`: one slot."""

    data: bytes
    offset: i64
    len: i64
    can_merge: bool
    packet: bool

    def __init__(self, data: bytes, can_merge: bool, packet: bool) -> None:
        self.data = data
        self.offset = 0
        self.len = len(data)
        self.can_merge = can_merge
        self.packet = packet


class PipeInodeInfo:
    """`struct pipe_inode_info`."""

    rd_wait: WaitQueueHead
    wr_wait: WaitQueueHead
    bufs: list[PipeBuffer]
    tail: i64  # bufs before it are used up
    ring_size: i64
    readers: i64
    writers: i64
    poll_usage: bool  # somebody polls: edge-triggered epoll wants every wake-up

    def __init__(self) -> None:
        self.rd_wait = WaitQueueHead()
        self.wr_wait = WaitQueueHead()
        self.bufs = []
        self.tail = 0
        self.ring_size = PIPE_DEF_BUFFERS
        self.readers = 1
        self.writers = 1
        self.poll_usage = False


def pipe_occupancy(pipe: PipeInodeInfo) -> i64:
    """Slots in use."""
    return len(pipe.bufs) - pipe.tail


def pipe_full(pipe: PipeInodeInfo) -> bool:
    return len(pipe.bufs) - pipe.tail >= pipe.ring_size


# Made


def sys_pipe(task: Task, fildes: bytearray | None, call: Call) -> i64:
    """pipe(2)."""
    return sys_pipe2(task, fildes, 0, call)


def sys_pipe2(task: Task, fildes: bytearray | None, flags: i64, call: Call) -> i64:
    """pipe2(2): two ints of four bytes are written."""
    fds: list[int] = []
    r = do_pipe2(task, flags, fds)
    if r < 0:
        return r
    if fildes is None or len(fildes) < 8:
        fs_file.close_fd(task, fds[0], None)
        fs_file.close_fd(task, fds[1], None)
        return -EFAULT
    fildes[:4] = fds[0].to_bytes(4, "little")
    fildes[4:8] = fds[1].to_bytes(4, "little")
    return 0


def do_pipe2(task: Task, flags: i64, fds: list[int]) -> i64:
    """A new pipe; the reading and the writing descriptor are appended to fds. 0 or -errno."""
    if flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT | O_EXCL):
        return -EINVAL
    if flags & O_EXCL:
        return -ENOPKG  # O_NOTIFICATION_PIPE, where the kernel was built without
    fdr = fs_file.get_unused_fd_flags(task, flags)
    if fdr < 0:
        return fdr
    fdw = fs_file.get_unused_fd_flags(task, flags)
    if fdw < 0:
        fs_file.put_unused_fd(task, fdr)
        return fdw
    k = task.kernel
    pipe = PipeInodeInfo()
    reader = fs_file.alloc_file(k, PIPEFIFO_FOPS, pipe, O_RDONLY | (flags & O_NONBLOCK))
    writer = fs_file.alloc_file(k, PIPEFIFO_FOPS, pipe, O_WRONLY | (flags & (O_NONBLOCK | O_DIRECT)))
    reader.f_ino = k.next_ino
    writer.f_ino = k.next_ino
    k.next_ino += 1
    fs_file.fd_install(task, fdr, reader)
    fs_file.fd_install(task, fdw, writer)
    fds.append(fdr)
    fds.append(fdw)
    return 0


# Read


def pipe_read(pipe: PipeInodeInfo, file: File, msg: Msghdr) -> i64:
    """Bytes from the front; 0 once all writers have gone; sleeps while it is empty."""
    it = msg.msg_iter
    if it.count == 0:
        return 0
    was_full = pipe_full(pipe)
    ret: i64 = 0
    while it.count > 0 and pipe.tail < len(pipe.bufs):
        buf = pipe.bufs[pipe.tail]
        n = buf.len
        if n > it.count:
            n = it.count
        it.copy_to(buf.data, buf.offset, n)
        ret += n
        buf.offset += n
        buf.len -= n
        packet = buf.packet
        if packet:
            buf.len = 0  # the rest of a packet is lost (pipe(2), O_DIRECT)
        if buf.len == 0:
            pipe_consume(pipe)
        if packet:
            break
    if ret > 0:
        if was_full and not pipe_full(pipe):
            wait.wake_up(pipe.wr_wait, EPOLLOUT | EPOLLWRNORM)
        return ret
    if pipe.writers == 0:
        return 0
    if file.f_flags & O_NONBLOCK:
        return -EAGAIN
    if msg.signalled:
        return -ERESTARTSYS
    msg.exclusive = True
    return wait.sleep_on(msg, pipe.rd_wait, EPOLLIN | EPOLLRDNORM, MAX_SCHEDULE_TIMEOUT)  # sleeps: pipe_read


def pipe_consume(pipe: PipeInodeInfo) -> None:
    """The first slot is used up."""
    pipe.tail += 1
    if pipe.tail == len(pipe.bufs):
        pipe.bufs.clear()
        pipe.tail = 0
    elif pipe.tail >= 64:
        del pipe.bufs[: int(pipe.tail)]
        pipe.tail = 0


# Write


def pipe_write(pipe: PipeInodeInfo, file: File, msg: Msghdr) -> i64:
    """Append everything, sleeping while it is full; -EPIPE when no reader is left (the C library adds
    SIGPIPE).
    """
    it = msg.msg_iter
    if it.count == 0 and msg.done == 0:
        return 0
    if pipe.readers == 0:
        return msg.done if msg.done else -EPIPE
    was_empty = pipe_occupancy(pipe) == 0
    packet = (file.f_flags & O_DIRECT) != 0
    if msg.done == 0 and msg.phase == 0 and not was_empty and not packet:
        msg.phase = 1
        chars = it.count & (PAGE_SIZE - 1)
        last = pipe.bufs[-1]
        if chars and last.can_merge and last.offset + last.len + chars <= PAGE_SIZE:
            last.data = last.data[: last.offset + last.len] + it.take(chars)
            last.len += chars
            msg.done += chars
    while it.count > 0 and not pipe_full(pipe):
        n = it.count
        if n > PAGE_SIZE:
            n = PAGE_SIZE
        pipe.bufs.append(PipeBuffer(it.take(n), not packet, packet))
        msg.done += n
    if was_empty or pipe.poll_usage:
        if pipe_occupancy(pipe) != 0:
            wait.wake_up(pipe.rd_wait, EPOLLIN | EPOLLRDNORM)
    if it.count == 0:
        return msg.done
    if file.f_flags & O_NONBLOCK:
        return msg.done if msg.done else -EAGAIN
    if msg.signalled:
        return msg.done if msg.done else -ERESTARTSYS
    msg.phase = 1
    msg.exclusive = True
    return wait.sleep_on(
        msg, pipe.wr_wait, EPOLLOUT | EPOLLWRNORM, MAX_SCHEDULE_TIMEOUT
    )  # sleeps: pipe_write


# The rest


def pipe_poll(pipe: PipeInodeInfo, file: File, pt: PollTable | None) -> i64:
    """Poll of either end."""
    pipe.poll_usage = True
    if pt is not None:
        pt.queue(file, pipe.rd_wait if file.f_mode & FMODE_READ else pipe.wr_wait)
    mask: i64 = 0
    if file.f_mode & FMODE_READ:
        if pipe_occupancy(pipe) != 0:
            mask |= EPOLLIN | EPOLLRDNORM
        if pipe.writers == 0:
            mask |= EPOLLHUP
    if file.f_mode & FMODE_WRITE:
        if not pipe_full(pipe):
            mask |= EPOLLOUT | EPOLLWRNORM
        # Linux: a pipe that lost its last reader is in error, and was writable anyway
        if pipe.readers == 0:
            mask |= EPOLLERR
    return mask


def pipe_ioctl(pipe: PipeInodeInfo, cmd: i64, arg: object) -> i64:
    """FIONREAD: bytes to read."""
    if cmd != FIONREAD:
        return -ENOTTY
    if not isinstance(arg, bytearray) or len(arg) < 4:
        return -EFAULT
    count: i64 = 0
    i = pipe.tail
    while i < len(pipe.bufs):
        count += pipe.bufs[i].len
        i += 1
    total: int = count
    arg[:4] = total.to_bytes(4, "little")
    return 0


def pipe_set_size(pipe: PipeInodeInfo, size: i64, task: Task) -> i64:
    """F_SETPIPE_SZ: rounded up to a power of two of pages. The new size, or -errno."""
    if size < 0 or size > 1 << 31:
        return -EINVAL
    slots: i64 = 1
    while slots * PAGE_SIZE < size:
        slots *= 2
    if slots > pipe.ring_size and slots * PAGE_SIZE > PIPE_MAX_SIZE:
        if not (task.cap_effective >> CAP_SYS_RESOURCE) & 1:
            return -EPERM
    if pipe_occupancy(pipe) > slots:
        return -EBUSY
    was_full = pipe_full(pipe)
    pipe.ring_size = slots
    if was_full and not pipe_full(pipe):
        wait.wake_up(pipe.wr_wait, EPOLLOUT | EPOLLWRNORM)
    return slots * PAGE_SIZE


def pipe_release(pipe: PipeInodeInfo, file: File) -> None:
    """An end goes; the other one is told when it was the last of its kind."""
    if file.f_mode & FMODE_READ:
        pipe.readers -= 1
    if file.f_mode & FMODE_WRITE:
        pipe.writers -= 1
    # Linux wakes only while the other end is there
    if (pipe.readers == 0) != (pipe.writers == 0):
        wait.wake_up_all(pipe.rd_wait, EPOLLIN | EPOLLRDNORM | EPOLLERR | EPOLLHUP)
        wait.wake_up_all(pipe.wr_wait, EPOLLOUT | EPOLLWRNORM | EPOLLERR | EPOLLHUP)


def get_pipe_info(file: File) -> PipeInodeInfo | None:
    """The pipe behind a file; None when it is no pipe."""
    pipe = file.private_data
    return pipe if isinstance(pipe, PipeInodeInfo) else None


def _pipe(file: File) -> PipeInodeInfo:
    pipe = file.private_data
    assert isinstance(pipe, PipeInodeInfo)
    return pipe


class PipefifoFops(FileOperations):
    """`pipefifo_fops`."""

    def read_iter(self, file: File, msg: Msghdr) -> i64:
        return pipe_read(_pipe(file), file, msg)

    def write_iter(self, file: File, msg: Msghdr) -> i64:
        return pipe_write(_pipe(file), file, msg)

    def poll(self, file: File, pt: PollTable | None) -> i64:
        return pipe_poll(_pipe(file), file, pt)

    def ioctl(self, file: File, cmd: i64, arg: object) -> i64:
        return pipe_ioctl(_pipe(file), cmd, arg)

    def release(self, file: File, call: Call | None) -> i64:
        pipe_release(_pipe(file), file)
        return 0

    def i_mode(self, file: File) -> i64:
        return S_IFIFO | 0o600


PIPEFIFO_FOPS: Final = PipefifoFops("pipefifo_fops")
