"""The descriptor table and the file table: numbers, what they point at, and how long it lives.

Kernel counterpart: `fs/file.c`, `fs/file_table.c`, `fs/open.c` (close). Control enters from the calls that
make descriptors (`get_unused_fd_flags`, then `fd_install`), from every call that uses one (`fdget` …
`fdput`), and from close, dup and exit. The lowest free number comes first. `File.f_count` counts descriptors,
messages in flight (SCM_RIGHTS) and sleeping calls; the last `fput` asks `f_op.release`, where control goes on
to `net/socket.py`, a pipe or an epoll.

A call that does not sleep borrows the table's reference; one that sleeps takes its own (`fdput`), so that a
descriptor may be closed while others wait in it, as in Linux.

Left out: RCU and the resizing races of a real table; `files_struct` keeps no bitmap of full words (a byte per
number, and `next_fd`, find the lowest free one).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.fs import eventpoll
from sockfs.kernel import slab
from sockfs.structs.call import ESLEEP
from sockfs.structs.file import File
from sockfs.structs.task import FilesStruct
from sockfs.uapi.errno import EBADF, EBUSY, EINVAL, EMFILE
from sockfs.uapi.fcntl import CLOSE_RANGE_CLOEXEC, CLOSE_RANGE_UNSHARE, O_CLOEXEC

if TYPE_CHECKING:
    from sockfs.structs.call import Call
    from sockfs.structs.kernel import Kernel
    from sockfs.structs.ops import FileOperations
    from sockfs.structs.task import Task

NR_GROW: Final = 64  # numbers added to a table when it is full, at least
UINT_MAX: Final = 0xFFFFFFFF


# System calls


def sys_close(task: Task, fd: i64, call: Call) -> i64:
    """close(2). The number is free at once; a lingering socket may sleep after that."""
    return close_fd(task, fd, call)


def sys_close_range(task: Task, first: i64, last: i64, flags: i64, call: Call) -> i64:
    """close_range(2): close, or mark close-on-exec, every descriptor from first to last. Lingering is not
    waited for.
    """
    if flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC):
        return -EINVAL
    first &= UINT_MAX
    last &= UINT_MAX
    if first > last:
        return -EINVAL
    files = task.files
    if flags & CLOSE_RANGE_UNSHARE and files.count > 1:
        own = dup_fd(files)
        files.count -= 1
        task.files = own
        files = own
    fd = first
    while fd <= last and fd < len(files.fdt):
        file = files.fdt[fd]
        if file is not None:
            if flags & CLOSE_RANGE_CLOEXEC:
                files.close_on_exec[fd] = 1
            else:
                _take_out(files, fd)
                fput(file)
        fd += 1
    return 0


def sys_dup(task: Task, oldfd: i64, call: Call) -> i64:
    """dup(2): the lowest free number for the same file."""
    file = fget(task, oldfd)
    if file is None:
        return -EBADF
    fd = get_unused_fd_flags(task, 0)
    if fd < 0:
        fput(file)
        return fd
    fd_install(task, fd, file)
    return fd


def sys_dup2(task: Task, oldfd: i64, newfd: i64, call: Call) -> i64:
    """dup2(2): the same number twice is allowed, and checks only that it is open."""
    if oldfd == newfd:
        return oldfd if fdget(task, oldfd, None) is not None else -EBADF
    return ksys_dup3(task, oldfd, newfd, 0, call)


def sys_dup3(task: Task, oldfd: i64, newfd: i64, flags: i64, call: Call) -> i64:
    """dup3(2)."""
    return ksys_dup3(task, oldfd, newfd, flags, call)


def ksys_dup3(task: Task, oldfd: i64, newfd: i64, flags: i64, call: Call) -> i64:
    """Make newfd name the file of oldfd, closing what it named. Sleeps only in a lingering close of the
    latter.
    """
    closing = call.file
    if closing is not None:
        return -ESLEEP if _finish_close(call, closing) == -ESLEEP else newfd
    if flags & ~O_CLOEXEC:
        return -EINVAL
    if oldfd == newfd:
        return -EINVAL
    newfd &= UINT_MAX
    if newfd >= task.rlimit_nofile:
        return -EBADF
    file = fdget(task, oldfd, None)
    if file is None:
        return -EBADF
    files = task.files
    if newfd >= len(files.fdt):
        _expand_files(files, newfd)
    tofree = files.fdt[newfd]
    if tofree is None:
        if files.open_fds[newfd]:
            return -EBUSY  # another call has reserved the number and not filled it yet (dup(2), ERRORS)
        if files.placeholder is not None:
            r: i64 = files.placeholder.claim(newfd)
            if r < 0:
                return r
        files.open_fds[newfd] = 1
    files.close_on_exec[newfd] = 1 if flags & O_CLOEXEC else 0
    file.f_count += 1
    files.fdt[newfd] = file
    if tofree is not None:
        tofree.f_count -= 1
        if tofree.f_count == 0:
            eventpoll.eventpoll_release(tofree)
            if _finish_close(call, tofree) == -ESLEEP:
                return -ESLEEP
    return newfd


# Numbers


def get_unused_fd_flags(task: Task, flags: i64) -> i64:
    """Reserve the lowest free number, close-on-exec with O_CLOEXEC in flags. The number, or -EMFILE."""
    return alloc_fd(task, 0, task.rlimit_nofile, flags)


def alloc_fd(task: Task, start: i64, end: i64, flags: i64) -> i64:
    """The lowest free number ≥ start and < end."""
    files = task.files
    host = files.placeholder
    if host is not None:
        fd: i64 = host.open() if start == 0 else host.open_from(start)
        if fd < 0:
            return fd
        if fd >= end:
            host.close(fd)
            return -EMFILE
    else:
        open_fds = files.open_fds
        fd = files.next_fd
        if start > fd:
            fd = start
        if fd < len(open_fds) and open_fds[fd]:
            fd = open_fds.find(0, fd)
            if fd < 0:
                fd = len(open_fds)
        if fd >= end:
            return -EMFILE
        if start <= files.next_fd:
            files.next_fd = fd + 1
    if fd >= len(files.fdt):
        _expand_files(files, fd)
    files.open_fds[fd] = 1
    files.close_on_exec[fd] = 1 if flags & O_CLOEXEC else 0
    return fd


def _expand_files(files: FilesStruct, nr: i64) -> None:
    have: i64 = len(files.fdt)
    more = nr + 1 - have
    if more < NR_GROW:
        more = NR_GROW
    if more < have >> 3:
        more = have >> 3
    files.fdt.extend([None] * int(more))
    files.open_fds.extend(bytes(int(more)))
    files.close_on_exec.extend(bytes(int(more)))


def put_unused_fd(task: Task, fd: i64) -> None:
    """Give back a number that was reserved and not filled."""
    files = task.files
    files.open_fds[fd] = 0
    if fd < files.next_fd:
        files.next_fd = fd
    host = files.placeholder
    if host is not None:
        host.close(fd)


def fd_install(task: Task, fd: i64, file: File) -> None:
    """The reserved number names file from now on; the caller's reference becomes the table's."""
    task.files.fdt[fd] = file


def _take_out(files: FilesStruct, fd: i64) -> None:
    files.fdt[fd] = None
    files.open_fds[fd] = 0
    files.close_on_exec[fd] = 0
    if fd < files.next_fd:
        files.next_fd = fd
    host = files.placeholder
    if host is not None:
        host.close(fd)


# Files by number


def fget(task: Task, fd: i64) -> File | None:
    """The file that fd names, with a reference of the caller's own; None: -EBADF."""
    fdt = task.files.fdt
    if fd < 0 or fd >= len(fdt):
        return None
    file = fdt[fd]
    if file is not None:
        file.f_count += 1
    return file


def fdget(task: Task, fd: i64, call: Call | None) -> File | None:
    """The file that fd names, borrowed; a call that was started again goes on with the file it slept in."""
    if call is not None and call.file is not None:
        return call.file
    fdt = task.files.fdt
    if fd < 0 or fd >= len(fdt):
        return None
    return fdt[fd]


def fdput(file: File, call: Call, ret: i64) -> i64:
    """A call leaves with ret. When it sleeps it takes a reference along; at its end it gives that back.
    Returns ret.
    """
    if ret == -ESLEEP:
        if not call.held:
            call.held = True
            call.file = file
            file.f_count += 1
    elif call.held:
        call.held = False
        call.file = None
        fput(file)
    return ret


# The life of a file


def alloc_file(k: Kernel, f_op: FileOperations, private_data: object, flags: i64) -> File:
    """A new open file with one reference. Its inode number is the maker's to set."""
    slab.kmem_cache_alloc(k.filp_cache)
    file = File(k, f_op, private_data, flags, 0)
    file.f_mode = ((flags & 3) + 1) & 3
    return file


def get_file(file: File) -> File:
    """One more reference."""
    file.f_count += 1
    return file


def fput(file: File) -> None:
    """One reference less. After the last one everything goes, without waiting for anything to linger."""
    file.f_count -= 1
    if file.f_count == 0:
        __fput(file)


def __fput(file: File) -> None:
    eventpoll.eventpoll_release(file)
    file.f_op.release(file, None)
    slab.kmem_cache_free(file.kernel.filp_cache)


def close_fd(task: Task, fd: i64, call: Call | None) -> i64:
    """Free the number and drop its reference. 0, -EBADF, or -ESLEEP while the socket lingers."""
    if call is not None:
        closing = call.file
        if closing is not None:
            return _finish_close(call, closing)
    files = task.files
    if fd < 0 or fd >= len(files.fdt):
        return -EBADF
    file = files.fdt[fd]
    if file is None:
        return -EBADF
    _take_out(files, fd)
    return filp_close(file, call)


def filp_close(file: File, call: Call | None) -> i64:
    """A descriptor's reference goes, and its holder can wait. 0, or -ESLEEP."""
    if call is None:
        fput(file)
        return 0
    file.f_count -= 1
    if file.f_count > 0:
        return 0
    eventpoll.eventpoll_release(file)
    return _finish_close(call, file)


def _finish_close(call: Call, file: File) -> i64:
    """Release the file whose last reference went; call.file keeps it while that sleeps. 0 or -ESLEEP."""
    call.file = file
    call.phase = 1
    r = file.f_op.release(file, call)  # sleeps: sk_stream_wait_close (SO_LINGER)
    if r == -ESLEEP:
        return r
    call.file = None
    slab.kmem_cache_free(file.kernel.filp_cache)
    return 0


# Whole tables


def dup_fd(old: FilesStruct) -> FilesStruct:
    """A copy of the table for a new task (fork): every file gets one more reference. Reserved numbers stay
    behind.
    """
    files = FilesStruct()
    files.fdt = list(old.fdt)
    files.open_fds = bytearray(old.open_fds)
    files.close_on_exec = bytearray(old.close_on_exec)
    files.next_fd = old.next_fd
    fd: i64 = 0
    while fd < len(files.fdt):
        file = files.fdt[fd]
        if file is not None:
            file.f_count += 1
        elif files.open_fds[fd]:
            files.open_fds[fd] = 0
            if fd < files.next_fd:
                files.next_fd = fd
        fd += 1
    return files


def exit_files(task: Task) -> None:
    """The task ends: it leaves its table, and the last one closes all. Nothing lingers in the foreground."""
    files = task.files
    task.files = FilesStruct()
    files.count -= 1
    if files.count == 0:
        close_files(files)


def close_files(files: FilesStruct) -> None:
    """Close every descriptor of the table, lowest first."""
    fd: i64 = 0
    while fd < len(files.fdt):
        file = files.fdt[fd]
        if file is not None:
            _take_out(files, fd)
            fput(file)
        fd += 1


def do_close_on_exec(files: FilesStruct) -> None:
    """execve(2): close what is marked."""
    fd: i64 = 0
    while fd < len(files.fdt):
        file = files.fdt[fd]
        if file is not None and files.close_on_exec[fd]:
            _take_out(files, fd)
            fput(file)
        fd += 1
