"""read, write and their kin: from a descriptor to the file's own operations.

Kernel counterpart: `fs/read_write.c`, `fs/splice.c`, `fs/stat.c` (fstat). A call that carries data is given a
`Msghdr`, which is its resumable record; `ksys_read` and `ksys_write` work on one that is ready, the `sys_`
entries fill it in from the caller's memory. Control goes on to `f_op.read_iter` and `f_op.write_iter`.

sendfile and splice move data between a pipe and a socket, or two pipes, by reference. Left out: regular files
(the host's own are the C library's to read), tee and vmsplice, file positions: sockets and pipes have none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.fs import eventpoll
from sockfs.fs import file as fs_file
from sockfs.fs import pipe as fs_pipe
from sockfs.kernel import wait
from sockfs.structs.call import ESLEEP, MAX_SCHEDULE_TIMEOUT
from sockfs.structs.msghdr import IovIter
from sockfs.structs.socket import Socket
from sockfs.uapi.errno import EAGAIN, EBADF, EFAULT, EINVAL, EPIPE, ERESTARTSYS, ESPIPE
from sockfs.uapi.fcntl import FMODE_READ, FMODE_WRITE, MAX_RW_COUNT, O_NONBLOCK, PAGE_SIZE, SPLICE_F_NONBLOCK
from sockfs.uapi.poll import EPOLLIN, EPOLLOUT, EPOLLRDNORM, EPOLLWRNORM
from sockfs.uapi.socket import UIO_MAXIOV
from sockfs.uapi.stat import S_IFMT, S_IFSOCK

if TYPE_CHECKING:
    from sockfs.fs.pipe import PipeInodeInfo
    from sockfs.structs.call import Call
    from sockfs.structs.file import File
    from sockfs.structs.msghdr import Msghdr
    from sockfs.structs.task import Task

STAT_SIZE: Final = 144  # struct stat of x86-64
SPLICE_F_ALL: Final = 0xF


# read(2), write(2)


def sys_read(task: Task, fd: i64, buf: bytearray | None, count: i64, msg: Msghdr) -> i64:
    """read(2) into a bytearray."""
    if msg.file is None:
        if fs_file.fdget(task, fd, None) is None:
            return -EBADF
        if buf is None:
            if count != 0:
                return -EFAULT
            msg.msg_iter = IovIter(None, None, 0)
        else:
            n = _rw_count(count, len(buf))
            msg.msg_iter = IovIter(None, memoryview(buf), n)
    return ksys_read(task, fd, msg)


def sys_write(task: Task, fd: i64, buf: bytes | bytearray | None, count: i64, msg: Msghdr) -> i64:
    """write(2)."""
    if msg.file is None:
        if fs_file.fdget(task, fd, None) is None:
            return -EBADF
        if buf is None:
            if count != 0:
                return -EFAULT
            buf = b""
        n = _rw_count(count, len(buf))
        msg.msg_iter = IovIter(buf, None, n) if isinstance(buf, bytes) else IovIter(None, memoryview(buf), n)
    return ksys_write(task, fd, msg)


def _rw_count(count: i64, have: i64) -> i64:
    if count > MAX_RW_COUNT:
        count = MAX_RW_COUNT
    return count if 0 <= count < have else have


def ksys_read(task: Task, fd: i64, msg: Msghdr) -> i64:
    """read(2) into msg.msg_iter. Bytes, 0 at the end, -errno, or -ESLEEP."""
    file = fs_file.fdget(task, fd, msg)
    if file is None or not file.f_mode & FMODE_READ:
        return -EBADF
    r = file.f_op.read_iter(file, msg)
    if r == -ESLEEP or msg.held:
        return fs_file.fdput(file, msg, r)
    return r


def ksys_write(task: Task, fd: i64, msg: Msghdr) -> i64:
    """write(2) from msg.msg_iter. Bytes, -errno, or -ESLEEP."""
    file = fs_file.fdget(task, fd, msg)
    if file is None or not file.f_mode & FMODE_WRITE:
        return -EBADF
    r = file.f_op.write_iter(file, msg)
    if r == -ESLEEP or msg.held:
        return fs_file.fdput(file, msg, r)
    return r


# readv(2), writev(2)


def sys_readv(task: Task, fd: i64, iov: list[bytearray], msg: Msghdr) -> i64:
    """readv(2). What arrived is dealt out to the buffers in their order."""
    if msg.file is None:
        if fs_file.fdget(task, fd, None) is None:
            return -EBADF
        if len(iov) > UIO_MAXIOV:
            return -EINVAL
        total: i64 = 0
        for buf in iov:
            total += len(buf)
        if total == 0 and _has_stream(task, fd, FMODE_READ):
            return 0  # Linux: a vector of nothing does not reach the file
        msg.msg_iter = IovIter(None, None, total if total < MAX_RW_COUNT else MAX_RW_COUNT)
    r = ksys_read(task, fd, msg)
    if r > 0:
        scatter(iov, msg.msg_iter.result())
    return r


def _has_stream(task: Task, fd: i64, mode: i64) -> bool:
    """It is open for that, and a file that can be read or written at all."""
    file = fs_file.fdget(task, fd, None)
    if file is None or (file.f_mode & mode) == 0:
        return False
    return not isinstance(file.private_data, eventpoll.Eventpoll)


def scatter(iov: list[bytearray], data: bytes) -> None:
    """Fill the buffers one after the other."""
    at: i64 = 0
    for buf in iov:
        n: i64 = len(data) - at
        if n <= 0:
            break
        if n > len(buf):
            n = len(buf)
        buf[:n] = data[at : at + n]
        at += n


def sys_writev(task: Task, fd: i64, iov: list[bytes], msg: Msghdr) -> i64:
    """writev(2): one write of all buffers in their order."""
    if msg.file is None:
        if fs_file.fdget(task, fd, None) is None:
            return -EBADF
        if len(iov) > UIO_MAXIOV:
            return -EINVAL
        data = iov[0] if len(iov) == 1 else b"".join(iov)
        n: i64 = len(data)
        if n == 0 and _has_stream(task, fd, FMODE_WRITE):
            return 0
        msg.msg_iter = IovIter(data, None, n if n < MAX_RW_COUNT else MAX_RW_COUNT)
    return ksys_write(task, fd, msg)


def sys_lseek(task: Task, fd: i64, offset: i64, whence: i64, call: Call) -> i64:
    """lseek(2): none of our files has a position."""
    return -EBADF if fs_file.fdget(task, fd, None) is None else -ESPIPE


def sys_pread64(task: Task, fd: i64, count: i64, pos: i64, call: Call) -> i64:
    """pread(2), pwrite(2): no position either."""
    if pos < 0:
        return -EINVAL
    return -EBADF if fs_file.fdget(task, fd, None) is None else -ESPIPE


# fstat(2)


def sys_fstat(task: Task, fd: i64, statbuf: bytearray | None, call: Call) -> i64:
    """fstat(2): the struct stat of x86-64, 144 bytes."""
    file = fs_file.fdget(task, fd, None)
    if file is None:
        return -EBADF
    if statbuf is None or len(statbuf) < STAT_SIZE:
        return -EFAULT
    mode: int = st_mode(file)
    ino: int = file.f_ino
    dev = 9 if mode & S_IFMT == S_IFSOCK else 15
    statbuf[:STAT_SIZE] = (
        dev.to_bytes(8, "little")
        + ino.to_bytes(8, "little")
        + (1).to_bytes(8, "little")  # st_nlink
        + mode.to_bytes(4, "little")
        + bytes(28)  # st_uid, st_gid, padding, st_rdev, st_size
        + PAGE_SIZE.to_bytes(8, "little")
        + bytes(STAT_SIZE - 64)
    )
    return 0


def st_mode(file: File) -> i64:
    """Type and permissions of a file."""
    if isinstance(file.private_data, Socket):
        return S_IFSOCK | 0o777
    return file.f_op.i_mode(file)


# sendfile(2), splice(2)


def sys_sendfile(
    task: Task, out_fd: i64, in_fd: i64, offset: bytearray | None, count: i64, msg: Msghdr
) -> i64:
    """sendfile(2) between our own files: only into a pipe can a socket be sent, everything else is EINVAL as
    in Linux.
    """
    infile = fs_file.fdget(task, in_fd, None)
    if infile is None or not infile.f_mode & FMODE_READ:
        return -EBADF
    if offset is not None:
        return -ESPIPE
    outfile = fs_file.fdget(task, out_fd, None)
    if outfile is None or not outfile.f_mode & FMODE_WRITE:
        return -EBADF
    opipe = fs_pipe.get_pipe_info(outfile)
    if opipe is None or fs_pipe.get_pipe_info(infile) is not None:
        return -EINVAL
    return splice_file_to_pipe(infile, opipe, outfile, count, 0, msg)


def sys_splice(
    task: Task,
    fd_in: i64,
    off_in: bytearray | None,
    fd_out: i64,
    off_out: bytearray | None,
    length: i64,
    flags: i64,
    msg: Msghdr,
) -> i64:
    """splice(2): one of the two is a pipe."""
    if length == 0:
        return 0
    if flags & ~SPLICE_F_ALL:
        return -EINVAL
    infile = fs_file.fdget(task, fd_in, None)
    if infile is None:
        return -EBADF
    outfile = fs_file.fdget(task, fd_out, None)
    if outfile is None:
        return -EBADF
    if not infile.f_mode & FMODE_READ or not outfile.f_mode & FMODE_WRITE:
        return -EBADF
    ipipe = fs_pipe.get_pipe_info(infile)
    opipe = fs_pipe.get_pipe_info(outfile)
    if ipipe is not None and off_in is not None:
        return -ESPIPE
    if opipe is not None and off_out is not None:
        return -ESPIPE
    if ipipe is not None:
        if opipe is not None:
            if ipipe is opipe:
                return -EINVAL
            return splice_pipe_to_pipe(ipipe, infile, opipe, outfile, length, flags, msg)
        if off_out is not None:
            return -EINVAL
        return do_splice_from(ipipe, infile, outfile, length, flags, msg)
    if opipe is not None:
        if off_in is not None:
            return -EINVAL
        return splice_file_to_pipe(infile, opipe, outfile, length, flags, msg)
    return -EINVAL


def splice_file_to_pipe(
    infile: File, opipe: PipeInodeInfo, outfile: File, length: i64, flags: i64, msg: Msghdr
) -> i64:
    """Fill the pipe's free slots from a socket."""
    nonblock = (flags & SPLICE_F_NONBLOCK) != 0 or (outfile.f_flags & O_NONBLOCK) != 0
    if opipe.readers == 0:
        return -EPIPE
    if fs_pipe.pipe_full(opipe):
        if nonblock:
            return -EAGAIN
        if msg.signalled:
            return -ERESTARTSYS
        return wait.sleep_on(
            msg, opipe.wr_wait, EPOLLOUT | EPOLLWRNORM, MAX_SCHEDULE_TIMEOUT
        )  # sleeps: wait_for_space
    room = (opipe.ring_size - fs_pipe.pipe_occupancy(opipe)) * PAGE_SIZE
    msg.msg_iter = IovIter(None, None, length if 0 <= length < room else room)
    msg.splice = True
    r = infile.f_op.read_iter(infile, msg)
    if r <= 0:
        return r
    data = msg.msg_iter.result()
    was_empty = fs_pipe.pipe_occupancy(opipe) == 0
    at: i64 = 0
    while at < r:
        opipe.bufs.append(fs_pipe.PipeBuffer(data[at : at + PAGE_SIZE], False, False))
        at += PAGE_SIZE
    if was_empty or opipe.poll_usage:
        wait.wake_up(opipe.rd_wait, EPOLLIN | EPOLLRDNORM)
    return r


def do_splice_from(
    ipipe: PipeInodeInfo, infile: File, outfile: File, length: i64, flags: i64, msg: Msghdr
) -> i64:
    """Write what the pipe holds, up to length, to a socket; what it takes leaves the pipe."""
    if msg.phase == 0:
        r = _wait_for_data(ipipe, infile, flags, msg)
        if r <= 0:
            return r
        msg.phase = 1
        data = _peek(ipipe, length)
        msg.msg_iter = IovIter(data, None, len(data))
    r = outfile.f_op.write_iter(outfile, msg)
    if r > 0:
        _drop(ipipe, r)
    return r


def _wait_for_data(ipipe: PipeInodeInfo, infile: File, flags: i64, msg: Msghdr) -> i64:
    """1: there is some, 0: there never will be."""
    if fs_pipe.pipe_occupancy(ipipe) != 0:
        return 1
    if ipipe.writers == 0:
        return 0
    if flags & SPLICE_F_NONBLOCK or infile.f_flags & O_NONBLOCK:
        return -EAGAIN
    if msg.signalled:
        return -ERESTARTSYS
    return wait.sleep_on(
        msg, ipipe.rd_wait, EPOLLIN | EPOLLRDNORM, MAX_SCHEDULE_TIMEOUT
    )  # sleeps: splice_from_pipe_next


def _peek(pipe: PipeInodeInfo, length: i64) -> bytes:
    parts: list[bytes] = []
    left = length
    i = pipe.tail
    while i < len(pipe.bufs) and left > 0:
        buf = pipe.bufs[i]
        n = buf.len if buf.len < left else left
        parts.append(buf.data[buf.offset : buf.offset + n])
        left -= n
        i += 1
    return b"".join(parts)


def _drop(pipe: PipeInodeInfo, n: i64) -> None:
    was_full = fs_pipe.pipe_full(pipe)
    while n > 0 and pipe.tail < len(pipe.bufs):
        buf = pipe.bufs[pipe.tail]
        m = buf.len if buf.len < n else n
        buf.offset += m
        buf.len -= m
        n -= m
        if buf.len == 0:
            fs_pipe.pipe_consume(pipe)
    if was_full and not fs_pipe.pipe_full(pipe):
        wait.wake_up(pipe.wr_wait, EPOLLOUT | EPOLLWRNORM)


def splice_pipe_to_pipe(
    ipipe: PipeInodeInfo,
    infile: File,
    opipe: PipeInodeInfo,
    outfile: File,
    length: i64,
    flags: i64,
    msg: Msghdr,
) -> i64:
    """Move slots from one pipe to the other."""
    r = _wait_for_data(ipipe, infile, flags, msg)
    if r <= 0:
        return r
    if opipe.readers == 0:
        return -EPIPE
    if fs_pipe.pipe_full(opipe):
        if flags & SPLICE_F_NONBLOCK or outfile.f_flags & O_NONBLOCK:
            return -EAGAIN
        if msg.signalled:
            return -ERESTARTSYS
        return wait.sleep_on(
            msg, opipe.wr_wait, EPOLLOUT | EPOLLWRNORM, MAX_SCHEDULE_TIMEOUT
        )  # sleeps: opipe_prep
    was_empty = fs_pipe.pipe_occupancy(opipe) == 0
    moved: i64 = 0
    while moved < length and fs_pipe.pipe_occupancy(ipipe) != 0 and not fs_pipe.pipe_full(opipe):
        buf = ipipe.bufs[ipipe.tail]
        n = buf.len if buf.len < length - moved else length - moved
        opipe.bufs.append(fs_pipe.PipeBuffer(buf.data[buf.offset : buf.offset + n], False, buf.packet))
        _drop(ipipe, n)
        moved += n
    if was_empty or opipe.poll_usage:
        wait.wake_up(opipe.rd_wait, EPOLLIN | EPOLLRDNORM)
    return moved
