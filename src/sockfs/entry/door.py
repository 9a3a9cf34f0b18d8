"""The system call entry: numbers and C arguments in, an integer out.

Kernel counterpart: `arch/x86/entry/` (`do_syscall_64`, and `socketcall` of the i386 table).
`task.syscall("bind", 3, addr, 16)` comes here; libc calls the `sys_*` functions themselves. Arguments are
C's: an integer (cut to 64 bits, and to `int` where C has int), `bytes` to read from, `bytearray` to write
to, `None` for NULL. Structures with pointers in them are Python tuples:

- an iovec array: a list of bytes or bytearrays;
- a msghdr: a list `[name, iov, control, flags]`: on a receive, name and control are bytearrays (or None),
  cut to what
  came, and flags is written to;
- an mmsghdr array: a list of `[msghdr, length]`;
- a length pointer (`socklen_t *`): a one-element list `[n]`.

Bad memory (`None` where there must be something, a `bytes` where something must be written, a wrong type)
is -EFAULT. Nothing raises. On a machine with nobody to wait, a call that would sleep returns -ESLEEP (600)
and its record is `kernel.sleeping[-1]`; `resume` starts it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.fs import file as fs_file
from sockfs.fs import select
from sockfs.kernel import softirq, timers
from sockfs.structs.call import ESLEEP, Call
from sockfs.structs.ops import SyscallEntry
from sockfs.uapi.errno import EFAULT, EINVAL, ENOSYS
from sockfs.uapi.syscalls import SYSCALL_NAME

if TYPE_CHECKING:
    from sockfs.structs.kernel import Kernel
    from sockfs.structs.msghdr import Msghdr
    from sockfs.structs.task import Task

SOFTIRQ_BUDGET: Final = 1 << 20
MAX_RW_COUNT: Final = 0x7FFFF000

# socketcall(2): number → (name, arguments); the i386 multiplexer
SOCKETCALL: Final[dict[int, tuple[str, int]]] = {
    1: ("socket", 3),
    2: ("bind", 3),
    3: ("connect", 3),
    4: ("listen", 2),
    5: ("accept", 3),
    6: ("getsockname", 3),
    7: ("getpeername", 3),
    8: ("socketpair", 4),
    9: ("send", 4),
    10: ("recv", 4),
    11: ("sendto", 6),
    12: ("recvfrom", 6),
    13: ("shutdown", 2),
    14: ("setsockopt", 5),
    15: ("getsockopt", 5),
    16: ("sendmsg", 3),
    17: ("recvmsg", 3),
    18: ("accept4", 4),
    19: ("recvmmsg", 5),
    20: ("sendmmsg", 4),
}


class Regs:
    """The arguments of one call. A wrong one sets `err`, and the call answers with it."""

    task: Task
    args: tuple[object, ...]
    err: i64

    def __init__(self, task: Task, args: tuple[object, ...]) -> None:
        self.task = task
        self.args = args
        self.err = 0

    def raw(self, i: i64) -> object:
        return self.args[i] if i < len(self.args) else 0

    def long(self, i: i64) -> i64:
        """Argument i as a signed 64-bit register."""
        v = self.raw(i)
        if v is None:
            return 0
        if isinstance(v, int):
            v &= 0xFFFF_FFFF_FFFF_FFFF
            return v - (1 << 64) if v >= 1 << 63 else v
        self.err = -EFAULT
        return 0

    def i32(self, i: i64) -> i64:
        """Argument i as a C int."""
        return sign32(self.long(i))

    def u32(self, i: i64) -> i64:
        """Argument i as a C unsigned int."""
        return self.long(i) & 0xFFFFFFFF

    def size(self, i: i64) -> i64:
        """Argument i as a size_t, cut to what one call moves."""
        n = self.long(i)
        return MAX_RW_COUNT if n < 0 or n > MAX_RW_COUNT else n

    def null(self, i: i64) -> bool:
        v = self.raw(i)
        return v is None or (isinstance(v, int) and v == 0)

    def read(self, i: i64, n: i64) -> bytes:
        """n bytes of the memory that argument i points to."""
        return read_memory(self, self.raw(i), n)

    def writable(self, i: i64) -> bytearray:
        """The memory that argument i points to, to be written."""
        v = self.raw(i)
        if isinstance(v, bytearray):
            return v
        self.err = -EFAULT
        return bytearray()

    def length_ptr(self, i: i64) -> list[object]:
        """A `socklen_t *`: a one-element list."""
        v = self.raw(i)
        if isinstance(v, list) and len(v) == 1 and isinstance(v[0], int):
            return v
        self.err = -EFAULT
        return [0]


def sign32(v: i64) -> i64:
    """The low 32 bits, as a C int."""
    v &= 0xFFFFFFFF
    return v - 0x100000000 if v >= 0x80000000 else v


def read_memory(regs: Regs, v: object, n: i64) -> bytes:
    """n bytes at v, which is as long as the caller says it is."""
    if n == 0:
        return b""
    if isinstance(v, bytes):
        data = v
    elif isinstance(v, bytearray):
        data = bytes(v)
    else:
        regs.err = -EFAULT
        return b""
    if n < 0 or n > len(data):
        regs.err = -EFAULT
        return b""
    return data if n == len(data) else data[:n]


# ---- the door


class DoSyscall64(SyscallEntry):
    """`do_syscall_64`: the table (`sys_call_table`) by name or number."""

    table: dict[str, Syscall]

    def __init__(self, table: dict[str, Syscall]) -> None:
        self.table = table

    def call(self, task: Task, name: str | int, args: tuple[object, ...]) -> int:
        if isinstance(name, int):
            found = SYSCALL_NAME.get(name)
            if found is None:
                return -ENOSYS
            name = found
        if name == "socketcall":
            return socketcall(self.table, task, args)
        handler = self.table.get(name)
        if handler is None:
            return -ENOSYS
        return run(task, handler, args)


def socketcall(table: dict[str, Syscall], task: Task, args: tuple[object, ...]) -> int:
    """socketcall(2): (call, args list)."""
    regs = Regs(task, args)
    number = regs.i32(0)
    line = SOCKETCALL.get(number)
    if line is None:
        return -EINVAL
    inner = regs.raw(1)
    if not isinstance(inner, list | tuple) or len(inner) < line[1]:
        return -EFAULT
    return run(task, table[line[0]], tuple(inner[: line[1]]))


def run(task: Task, handler: Syscall, args: tuple[object, ...]) -> int:
    """One call from its entry to the drain behind it."""
    k = task.kernel
    k.current = task
    if k.timers.next_expiry <= k.now:
        timers.run_timers(k)
    regs = Regs(task, args)
    pending = Pending(task, handler, regs)
    r = handler.run(task, regs, pending)
    r = settle(k, pending, r)
    k.current = None
    return int(r)


class Pending:
    """A call through this door: its handler, arguments, and the record that it sleeps with."""

    task: Task
    handler: Syscall
    regs: Regs
    call: Call
    msg: Msghdr | None
    msgs: list[Msghdr]
    vec: list[list[object]]  # the caller's mmsghdrs, once they were read

    def __init__(self, task: Task, handler: Syscall, regs: Regs) -> None:
        self.task = task
        self.handler = handler
        self.regs = regs
        self.call = Call(task)
        self.msg = None
        self.msgs = []
        self.vec = []

    def record(self) -> Call:
        """What the core was given to sleep with."""
        msg = self.msg
        return self.call if msg is None else msg


def settle(k: Kernel, pending: Pending, r: i64) -> i64:
    """Drain; a call that sleeps is tried again as long as the drain itself woke it (a peer on the same
    machine). Bounded: packets that answer each other without end wait for the next call.
    """
    budget: i64 = SOFTIRQ_BUDGET
    while True:
        before = k.softnet.processed
        while softirq.do_softirq(k, budget) and k.softnet.processed - before < budget:
            pass
        done = k.softnet.processed - before
        budget -= done
        if r != -ESLEEP:
            let_go(pending)
            return r
        if done == 0 or budget <= 0:
            k.sleeping.append(pending.record())
            pending.record().pending = pending
            return r
        r = pending.handler.run(pending.task, pending.regs, pending)


def let_go(pending: Pending) -> None:
    """A call gives back what it held in its sleep, if a restart refused its arguments: the memory that they
    point to is the caller's, and he may have cut it short meanwhile.
    """
    let_go_of(pending.call)
    if pending.msg is not None:
        let_go_of(pending.msg)
    for msg in pending.msgs:
        let_go_of(msg)


def let_go_of(call: Call) -> None:
    file = call.file
    if call.held and file is not None:
        fs_file.fdput(file, call, 0)
    if call.wait_data is not None:
        select.poll_freewait(call)


def resume(k: Kernel, call: Call) -> int:
    """Start a sleeping call again: somebody woke it, `call.expired` (its deadline passed) or
    `call.signalled` was set.

    The result, or -ESLEEP when it sleeps on. The caller has set `kernel.now`.
    """
    pending = call.pending
    if not isinstance(pending, Pending) or call not in k.sleeping:
        return -EINVAL
    k.sleeping.remove(call)
    k.current = pending.task
    if k.timers.next_expiry <= k.now:
        timers.run_timers(k)
    r = settle(k, pending, pending.handler.run(pending.task, pending.regs, pending))
    k.current = None
    return int(r)


class Syscall:
    """One line of the table. `run` may be called again for a call that slept (then `pending` holds its
    record).
    """

    name: str

    def __init__(self, name: str) -> None:
        self.name = name

    def run(self, task: Task, regs: Regs, p: Pending) -> i64:
        return -ENOSYS
