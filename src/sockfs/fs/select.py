"""poll and select: wait on many files at once.

Kernel counterpart: `fs/select.c`; poll(2), select(2). A call polls every file with a poll table that hangs
one entry on each wait queue it is shown (`PollWqueues`), and sleeps on a queue of its own, which any of those
entries wakes. Started again, it asks each file how it stands now and hangs nothing further; at its end all
entries are taken off.

`do_poll` and `do_select` work on lists of integers, which is what the C library's `select` module has at
hand; the `sys_` entries put the byte layouts of struct pollfd and fd_set around them.

Left out: busy polling, and the signal mask of ppoll and pselect6, which is the program's business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.fs import file as fs_file
from sockfs.kernel import wait
from sockfs.structs.call import ESLEEP, MAX_SCHEDULE_TIMEOUT
from sockfs.structs.ops import PollTable
from sockfs.structs.wait_queue import WaitQueueEntry, WaitQueueHead
from sockfs.uapi.errno import EBADF, EFAULT, EINVAL, ERESTART_RESTARTBLOCK, ERESTARTNOHAND
from sockfs.uapi.poll import POLLERR, POLLEX_SET, POLLHUP, POLLIN_SET, POLLNVAL, POLLOUT_SET

if TYPE_CHECKING:
    from sockfs.structs.call import Call
    from sockfs.structs.file import File
    from sockfs.structs.task import Task

POLLFD_SIZE: Final = 8
NSEC_PER_SEC: Final = 1_000_000_000


class PollTableEntry(WaitQueueEntry):
    """`struct poll_table_entry`: on one file's wait queue, and it holds the file."""

    pwq: PollWqueues
    filp: File

    def __init__(self, pwq: PollWqueues, filp: File, key: i64) -> None:
        super().__init__()
        self.pwq = pwq
        self.filp = filp
        self.events = key

    def func(self, key: i64) -> i64:
        if key != 0 and (key & self.events) == 0:
            return 0
        self.woken = True
        wait.wake_up(self.pwq.wait, 0)
        return 1


class PollWqueues(PollTable):
    """`struct poll_wqueues`: every entry of one call, and where that call sleeps."""

    wait: WaitQueueHead
    entries: list[PollTableEntry]

    def __init__(self) -> None:
        super().__init__()
        self.wait = WaitQueueHead()
        self.entries = []

    def queue(self, file: File, head: WaitQueueHead) -> None:
        entry = PollTableEntry(self, fs_file.get_file(file), self.key)
        self.entries.append(entry)
        wait.add_wait_queue(head, entry)


def poll_freewait(call: Call) -> None:
    """Take a call's entries off all wait queues."""
    pwq = call.wait_data
    if not isinstance(pwq, PollWqueues):
        return
    call.wait_data = None
    for entry in pwq.entries:
        head = entry.head
        if head is not None:
            wait.remove_wait_queue(head, entry)
        fs_file.fput(entry.filp)


# poll


def sys_poll(task: Task, ufds: bytearray | None, nfds: i64, timeout: i64, call: Call) -> i64:
    """poll(2). `timeout` in ms, negative: for ever."""
    return do_sys_poll(task, ufds, nfds, MAX_SCHEDULE_TIMEOUT if timeout < 0 else timeout * 1_000_000, call)


def sys_ppoll(
    task: Task,
    ufds: bytearray | None,
    nfds: i64,
    tsp: bytearray | bytes | None,
    sigmask: bytes | None,
    sigsetsize: i64,
    call: Call,
) -> i64:
    """ppoll(2). The time-out is a struct timespec, NULL for ever."""
    timeo = timespec_ns(tsp)
    if timeo < 0:
        return timeo
    if sigmask is not None and sigsetsize != 8:
        return -EINVAL
    return do_sys_poll(task, ufds, nfds, timeo, call)


def do_sys_poll(task: Task, ufds: bytearray | None, nfds: i64, timeo: i64, call: Call) -> i64:
    """poll on packed struct pollfd: int fd, short events, short revents."""
    nfds &= 0xFFFFFFFF
    if nfds > task.rlimit_nofile:
        return -EINVAL
    fds: list[int] = []
    events: list[int] = []
    revents: list[int] = []
    if nfds > 0:
        if ufds is None or len(ufds) < nfds * POLLFD_SIZE:
            return -EFAULT
        at: i64 = 0
        while at < nfds * POLLFD_SIZE:
            fds.append(int.from_bytes(ufds[at : at + 4], "little", signed=True))
            events.append(ufds[at + 4] | (ufds[at + 5] << 8))
            at += POLLFD_SIZE
    r = do_poll(task, fds, events, revents, timeo, call)
    if r >= 0 and ufds is not None:
        at = 6
        for mask in revents:
            ufds[at] = mask & 0xFF
            ufds[at + 1] = mask >> 8
            at += POLLFD_SIZE
    return r


def do_poll(task: Task, fds: list[int], events: list[int], revents: list[int], timeo: i64, call: Call) -> i64:
    """Poll fds[i] for events[i]; revents is emptied and gets one mask for each. How many are not 0, or
    -errno, or -ESLEEP.

    A negative number is passed over, one that names nothing answers POLLNVAL. `timeo` in ns.
    """
    pwq: PollWqueues | None = None
    if call.wait_data is None and timeo != 0:
        pwq = PollWqueues()
        call.wait_data = pwq
    revents.clear()
    count: i64 = 0
    n: i64 = len(fds)
    i: i64 = 0
    while i < n:
        fd: i64 = fds[i]
        mask: i64 = 0
        if fd >= 0:
            file = fs_file.fdget(task, fd, None)
            if file is None:
                mask = POLLNVAL
            else:
                want: i64 = events[i] | POLLERR | POLLHUP
                if pwq is not None and count == 0:
                    pwq.key = want
                    mask = file.f_op.poll(file, pwq) & want
                else:
                    mask = file.f_op.poll(file, None) & want
            if mask != 0:
                count += 1
        revents.append(mask)
        i += 1
    if count == 0 and not call.expired and timeo != 0:
        if not call.signalled:
            return _poll_schedule(call, timeo)
        count = -ERESTART_RESTARTBLOCK
    poll_freewait(call)
    return count


def _poll_schedule(call: Call, timeo: i64) -> i64:
    pwq = call.wait_data
    assert isinstance(pwq, PollWqueues)
    return wait.sleep_on(call, pwq.wait, 0, timeo)  # sleeps: poll_schedule_timeout


# select


def sys_select(
    task: Task,
    n: i64,
    inp: bytearray | None,
    outp: bytearray | None,
    exp: bytearray | None,
    tvp: bytearray | None,
    call: Call,
) -> i64:
    """select(2). Linux writes what is left of the time back into the struct timeval."""
    timeo: i64 = MAX_SCHEDULE_TIMEOUT
    if tvp is not None:
        if len(tvp) < 16:
            return -EFAULT
        sec = int.from_bytes(tvp[:8], "little", signed=True)
        usec = int.from_bytes(tvp[8:16], "little", signed=True)
        # microseconds beyond a second are carried, towards zero as C divides
        carry = usec // 1_000_000 if usec >= 0 else -((-usec) // 1_000_000)
        sec += carry
        usec -= carry * 1_000_000
        if sec < 0 or usec < 0:
            return -EINVAL
        total = sec * NSEC_PER_SEC + usec * 1000
        if total < MAX_SCHEDULE_TIMEOUT:
            timeo = total
    r = core_sys_select(task, n, inp, outp, exp, timeo, call)
    if tvp is not None and timeo != 0 and r != -ESLEEP:
        left: int = _left(call, timeo) // 1000
        tvp[:16] = (left // 1_000_000).to_bytes(8, "little") + (left % 1_000_000).to_bytes(8, "little")
    return r


def sys_pselect6(
    task: Task,
    n: i64,
    inp: bytearray | None,
    outp: bytearray | None,
    exp: bytearray | None,
    tsp: bytearray | None,
    sig: bytes | None,
    call: Call,
) -> i64:
    """pselect(2) as the kernel has it: `sig` is a pointer and a size, which must be 8 where the pointer is
    not NULL.
    """
    if sig is not None:
        if len(sig) < 16:
            return -EFAULT
        if int.from_bytes(sig[:8], "little") != 0 and int.from_bytes(sig[8:16], "little") != 8:
            return -EINVAL
    timeo = timespec_ns(tsp)
    if timeo < 0:
        return timeo
    r = core_sys_select(task, n, inp, outp, exp, timeo, call)
    if tsp is not None and timeo != 0 and r != -ESLEEP:
        left: int = _left(call, timeo)
        tsp[:16] = (left // NSEC_PER_SEC).to_bytes(8, "little") + (left % NSEC_PER_SEC).to_bytes(8, "little")
    return r


def _left(call: Call, timeo: i64) -> i64:
    if timeo >= MAX_SCHEDULE_TIMEOUT:
        return MAX_SCHEDULE_TIMEOUT
    return wait.timeo_left(call, timeo)


def timespec_ns(ts: bytearray | bytes | None) -> i64:
    """A struct timespec in nanoseconds, NULL for ever; -EINVAL, -EFAULT."""
    if ts is None:
        return MAX_SCHEDULE_TIMEOUT
    if len(ts) < 16:
        return -EFAULT
    sec = int.from_bytes(ts[:8], "little", signed=True)
    nsec = int.from_bytes(ts[8:16], "little", signed=True)
    if sec < 0 or nsec < 0 or nsec >= NSEC_PER_SEC:
        return -EINVAL
    total = sec * NSEC_PER_SEC + nsec
    if total >= MAX_SCHEDULE_TIMEOUT:
        return MAX_SCHEDULE_TIMEOUT
    return total


def core_sys_select(
    task: Task,
    n: i64,
    inp: bytearray | None,
    outp: bytearray | None,
    exp: bytearray | None,
    timeo: i64,
    call: Call,
) -> i64:
    """select on bitmaps. Numbers beyond the descriptor table are cut off before anything is looked at, as
    Linux does.
    """
    if n < 0:
        return -EINVAL
    size: i64 = len(task.files.fdt)
    if n > size:
        n = size
    nbytes = (n + 63) // 64 * 8
    for bits in (inp, outp, exp):
        if bits is not None and len(bits) < nbytes and len(bits) < (n + 7) // 8:
            return -EFAULT
    rfds = _bits_of(inp, n)
    wfds = _bits_of(outp, n)
    xfds = _bits_of(exp, n)
    res_in: list[int] = []
    res_out: list[int] = []
    res_ex: list[int] = []
    r = do_select(task, rfds, wfds, xfds, res_in, res_out, res_ex, timeo, call)
    if r < 0:
        return r
    _bits_set(inp, nbytes, res_in)
    _bits_set(outp, nbytes, res_out)
    _bits_set(exp, nbytes, res_ex)
    return r


def _bits_of(bits: bytearray | None, n: i64) -> list[int]:
    fds: list[int] = []
    if bits is not None:
        fd: i64 = 0
        while fd < n:
            if bits[fd >> 3] & (1 << (fd & 7)):
                fds.append(fd)
            fd += 1
    return fds


def _bits_set(bits: bytearray | None, nbytes: i64, fds: list[int]) -> None:
    if bits is None:
        return
    if nbytes > len(bits):
        nbytes = len(bits)
    bits[:nbytes] = bytes(int(nbytes))
    for fd in fds:
        bits[fd >> 3] |= 1 << (fd & 7)


def do_select(
    task: Task,
    rfds: list[int],
    wfds: list[int],
    xfds: list[int],
    res_in: list[int],
    res_out: list[int],
    res_ex: list[int],
    timeo: i64,
    call: Call,
) -> i64:
    """Select on lists of numbers; those that are ready are put into the three result lists, in the order
    given. How many there are in all, -EBADF when a number names nothing, or -ESLEEP. `timeo` in ns."""
    pwq: PollWqueues | None = None
    if call.wait_data is None and timeo != 0:
        pwq = PollWqueues()
        call.wait_data = pwq
    res_in.clear()
    res_out.clear()
    res_ex.clear()
    r: i64 = 0
    if (
        _select_one(task, rfds, POLLIN_SET, res_in, pwq)
        or _select_one(task, wfds, POLLOUT_SET, res_out, pwq)
        or _select_one(task, xfds, POLLEX_SET, res_ex, pwq)
    ):
        r = -EBADF
    else:
        r = len(res_in) + len(res_out) + len(res_ex)
        if r == 0 and not call.expired and timeo != 0:
            if not call.signalled:
                return _poll_schedule(call, timeo)
            r = -ERESTARTNOHAND
    poll_freewait(call)
    return r


def _select_one(task: Task, fds: list[int], bits: i64, res: list[int], pwq: PollWqueues | None) -> bool:
    """One of the three sets. True: a number in it names nothing."""
    for fd in fds:
        file = fs_file.fdget(task, fd, None)
        if file is None:
            return True
        if pwq is not None:
            # the wake-up key of select holds the error bits too, whatever set it was (Linux: wait_key_set)
            pwq.key = bits | POLLERR | POLLHUP
        if file.f_op.poll(file, pwq) & bits:
            res.append(fd)
    return False
