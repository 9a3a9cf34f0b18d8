"""The machine: everything that would be global in a kernel.

Any number of kernels live in one process and one can be dropped whole. A kernel has no clock: `now` is set
by whoever enters it; no randomness but its seeded streams; and it never waits. `boot.py` builds one
(`sockfs.Kernel(seed)`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import i64, mypyc_attr

from sockfs.structs.net import Net
from sockfs.structs.ops import SyscallEntry
from sockfs.structs.sk_buff import SkBuffHead
from sockfs.structs.tcp_sock import TcpSacktagState
from sockfs.structs.timer import TimerBase
from sockfs.util.prng import Prng

if TYPE_CHECKING:
    from sockfs.structs.call import Call
    from sockfs.structs.file import File
    from sockfs.structs.net_device import NotifierBlock
    from sockfs.structs.ops import CongestionOps, InetProtosw, NetProtocol, NetProtoFamily, PacketType
    from sockfs.structs.task import Task
    from sockfs.structs.tcp_sock import TcpSock
    from sockfs.structs.unix_sock import UnixSock


class KmemCache:
    """A slab cache: how many objects of one kind live, and how many were ever made (`/proc/slabinfo`)."""

    name: str
    size: i64
    active: i64
    total: i64

    def __init__(self, name: str, size: i64) -> None:
        self.name = name
        self.size = size
        self.active = 0
        self.total = 0


@mypyc_attr(allow_interpreted_subclasses=True)
class SoftirqAction:
    """`struct softirq_action`: who does the work of the drain (`open_softirq`)."""

    def action(self, k: Kernel, budget: i64) -> i64:
        """Process at most budget packets. Returns how many it did."""
        return 0


class SoftnetData:
    """`struct softnet_data`: packets that wait for the softirq drain, and socks that wait for it (TSQ)."""

    input_pkt_queue: SkBuffHead
    tsq_head: list[TcpSock]
    processed: i64
    dropped: i64
    time_squeeze: i64
    running: bool
    net_rx: SoftirqAction
    tsq_tasklet: SoftirqAction  # goes on with the socks on tsq_head (TCP sets it)

    def __init__(self) -> None:
        self.net_rx = SoftirqAction()
        self.tsq_tasklet = SoftirqAction()
        self.input_pkt_queue = SkBuffHead()
        self.tsq_head = []
        self.processed = 0
        self.dropped = 0
        self.time_squeeze = 0
        self.running = False
        self.tcp_tw_isn = 0


@mypyc_attr(allow_interpreted_subclasses=True)
class TraceSink:
    """Who listens to tracepoints. `event` gets the tracepoint's kernel name and its fields."""

    def event(self, name: str, fields: dict[str, object]) -> None:
        pass


@mypyc_attr(allow_interpreted_subclasses=True)
class KernelHost:
    """What the world around tells a kernel's runtime: the door that law 8 queues behind."""

    def timer_changed(self, expires: int) -> None:
        """An earlier timer than any before was set: whoever sleeps for timers must know."""


@mypyc_attr(allow_interpreted_subclasses=True)
class UnixPathHost:
    """Where pathname sockets (unix(7)) stand in a real file system, when the world around has one for them.

    An identity is any positive number that is the file's own as long as it exists (device and inode, say).
    """

    def mknod(self, path: bytes) -> int:
        """Make a socket file. Its identity, or -errno (-EADDRINUSE when the name is taken)."""
        return -2

    def lookup(self, path: bytes) -> int:
        """The identity of the socket file of that name, or -errno (-ECONNREFUSED when it is no socket)."""
        return -2


@mypyc_attr(allow_interpreted_subclasses=True)
class Kernel:
    """One machine."""

    name: str
    seed: i64
    now: i64  # CLOCK_MONOTONIC, ns; set at every entry
    wall_offset: i64  # CLOCK_REALTIME - CLOCK_MONOTONIC
    init_net: Net
    nets: list[Net]
    tasks: dict[int, Task]
    next_pid: i64
    next_ino: i64
    next_cookie: i64
    net_families: list[NetProtoFamily | None]
    inetsw: list[list[InetProtosw]]  # by socket type
    inetsw6: list[list[InetProtosw]]
    inet_protos: list[NetProtocol | None]
    inet6_protos: list[NetProtocol | None]
    ptype_base: dict[int, list[PacketType]]
    netdev_chain: list[NotifierBlock]
    tcp_cong_list: list[CongestionOps]
    slabs: dict[str, KmemCache]
    sock_inode_cache: KmemCache
    filp_cache: KmemCache
    skbuff_head_cache: KmemCache
    timers: TimerBase
    softnet: SoftnetData
    ack_state: TcpSacktagState  # scratch of tcp_ack
    syscall_entry: SyscallEntry
    sleeping: list[Call]  # calls that nobody waits for (bare kernels)
    drops: list[int]  # packets freed, by SKB_DROP_REASON_*
    trace_on: bool
    trace_sinks: list[TraceSink]
    rng: dict[str, Prng]
    rng_port: Prng
    rng_misc: Prng
    isn_key0: i64
    isn_key1: i64
    port_key0: i64
    port_key1: i64
    cookie_key0: i64
    cookie_key1: i64
    ts_key0: i64
    ts_key1: i64
    host: KernelHost | None
    wire_mode: bool  # every packet of a link goes through bytes and back
    unix_inflight: i64
    unix_gc_list: dict[int, UnixSock]  # socks whose files are in flight (SCM_RIGHTS), by cookie
    unix_gc_running: bool
    unix_path_host: UnixPathHost | None
    unix_err: i64  # why unix_find_other found nobody
    delayed_fput: list[File]  # files of freed messages, let go by a loop and not by recursion
    delayed_fput_running: bool
    create_err: i64  # -errno of the last socket that could not be made
    current: Task | None  # the task whose call is being served
    lost: bool

    def __init__(self, seed: i64, name: str) -> None:
        self.name = name
        self.seed = seed
        self.now = 0
        self.wall_offset = 0
        self.tasks = {}
        self.next_pid = 1
        self.next_ino = 10000
        self.next_cookie = 1
        self.net_families = [None] * 46
        self.inetsw = [[] for _ in range(11)]
        self.inetsw6 = [[] for _ in range(11)]
        self.inet_protos = [None] * 256
        self.inet6_protos = [None] * 256
        self.ptype_base = {}
        self.netdev_chain = []
        self.tcp_cong_list = []
        self.slabs = {}
        self.sock_inode_cache = KmemCache("sock_inode_cache", 832)
        self.filp_cache = KmemCache("filp", 232)
        self.skbuff_head_cache = KmemCache("skbuff_head_cache", 256)
        self.slabs["sock_inode_cache"] = self.sock_inode_cache
        self.slabs["filp"] = self.filp_cache
        self.slabs["skbuff_head_cache"] = self.skbuff_head_cache
        self.timers = TimerBase()
        self.softnet = SoftnetData()
        self.ack_state = TcpSacktagState()
        self.syscall_entry = SyscallEntry()
        self.sleeping = []
        self.drops = [0] * 256
        self.trace_on = False
        self.trace_sinks = []
        self.rng = {}
        self.rng_port = Prng(seed, "ports")
        self.rng_misc = Prng(seed, "misc")
        key = Prng(seed, "keys")
        self.isn_key0 = key.get_random_u32()
        self.isn_key1 = key.get_random_u32()
        self.port_key0 = key.get_random_u32()
        self.port_key1 = key.get_random_u32()
        self.cookie_key0 = key.get_random_u32()
        self.cookie_key1 = key.get_random_u32()
        self.ts_key0 = key.get_random_u32()
        self.ts_key1 = key.get_random_u32()
        self.host = None
        self.wire_mode = False
        self.unix_inflight = 0
        self.unix_gc_list = {}
        self.unix_gc_running = False
        self.unix_path_host = None
        self.unix_err = 0
        self.delayed_fput = []
        self.delayed_fput_running = False
        self.create_err = 0
        self.current = None
        self.lost = False
        self.init_net = Net(self, 4026531840)
        self.nets = [self.init_net]
