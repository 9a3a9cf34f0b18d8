"""Builds a machine: makes a Kernel and hangs everything on it.

Kernel counterpart: `init/main.c` and the initcalls. Here, and only here, the layers below are told of those
above: families, protocols, packet types, devices, congestion controls and the system call table are
registered, in the order of Linux's initcall levels. It is the one door to everything below the line.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import mypyc_attr

from sockfs.drivers import loopback
from sockfs.entry import door, files, sockets
from sockfs.fs import file as fs_file
from sockfs.fs import stdio
from sockfs.net.core import dev
from sockfs.net.ipv4 import (
    af_inet,
    devinet,
    fib_frontend,
    icmp,
    ip_input,
    tcp_cong,
    tcp_ipv4,
    udp,
    udplite,
)
from sockfs.net.unix import af_unix
from sockfs.structs import kernel as structs_kernel
from sockfs.structs.task import FilesStruct, Task

BOOT_NS: Final = 1_000 * 1_000_000_000
"""What a machine's clock shows when it is built: some minutes up, so that no instant is ever
zero, which in many fields means "never"."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Kernel(structs_kernel.Kernel):
    """One machine, booted: loopback is up, no task runs.

    `seed` decides every random choice (initial sequence numbers, ports, hashes); `name` is the host's name
    in pictures.
    """

    def __init__(self, seed: int = 0, name: str = "sockfs") -> None:
        super().__init__(seed & 0x7FFF_FFFF_FFFF_FFFF, name)
        self.init_net.hostname = name
        self.now = BOOT_NS
        start_kernel(self)

    def task(self, comm: str = "task") -> Task:
        """A new process: its table holds the standard streams only, so the first socket is 3."""
        return spawn(self, comm)


def start_kernel(k: structs_kernel.Kernel) -> None:
    """The initcalls."""
    dev.net_dev_init(k)
    fib_frontend.ip_fib_init(k)
    devinet.devinet_init(k)
    ip_input.ip_packet_init(k)
    af_inet.inet_init(k)
    icmp.icmp_init(k)
    udp.udp_init(k)
    udplite.udplite4_register(k)
    tcp_cong.tcp_congestion_init(k)
    tcp_ipv4.tcp_init(k)
    af_unix.af_unix_init(k)
    fib_frontend.fib_net_init(k.init_net)
    loopback.loopback_net_init(k.init_net)
    k.syscall_entry = door.DoSyscall64(sys_call_table())


def sys_call_table() -> dict[str, door.Syscall]:
    """The table: every call by name (numbers are `uapi/syscalls.py`'s)."""
    return {call.name: call for call in sockets.socket_calls() + files.file_calls()}


def spawn(k: structs_kernel.Kernel, comm: str) -> Task:
    """A new process (`kernel_clone` and `exec`)."""
    pid = k.next_pid
    k.next_pid += 1
    task = Task(k, pid, comm, FilesStruct(), k.init_net)
    k.tasks[pid] = task
    stdio.open_standard_streams(task)
    return task


def do_exit(task: Task) -> None:
    """The process ends: its descriptors close, nobody waits for what lingers."""
    task.exited = True
    fs_file.exit_files(task)
    task.kernel.tasks.pop(int(task.pid), None)
