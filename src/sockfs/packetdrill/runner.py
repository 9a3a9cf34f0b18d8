"""Runs one script: a kernel of its own, a device on which the script is everybody else, and virtual time.

`run_script` is the entry. Events happen in order at their times; between them `Kernel.now` is moved from
timer to timer, so a minute of retransmissions takes no time. What the machine sends is caught by the
device with the instant at which it went, and held against the packets that the script expects. A call that
blocks is resumed when it is woken, while the script goes on; it must end at the time the script says.

Every event takes EVENT_COST of virtual time, and the arrival of a packet ARRIVAL_COST, as they would take
some on a real machine: a round trip is never zero. A timer that is due at the very instant of an inbound
packet fires after it: real timers are late, not early.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from sockfs.boot import Kernel
from sockfs.entry import door
from sockfs.kernel import softirq, timers, wait
from sockfs.net.core import dev as net_dev
from sockfs.net.core import skbuff, wire
from sockfs.net.ipv4 import devinet, fib_frontend
from sockfs.packetdrill import assertions, ast, commands, lexer, packets, parser, syscalls
from sockfs.structs.call import MAX_SCHEDULE_TIMEOUT, Call
from sockfs.structs.net_device import NetDevice, NetDeviceOps
from sockfs.structs.sk_buff import SkBuff
from sockfs.structs.wait_queue import WaitQueueEntry

EVENT_COST = 10_000  # ns
ARRIVAL_COST = 30_000  # ns that an inbound packet takes more than a system call
BOOT = 1000 * 1_000_000_000  # the machine has been up a while when the script begins
FOREVER = 0x7FFF_FFFF_FFFF_FFFF
LONG = 86_400 * 1_000_000_000  # how long `*` waits
ESLEEP = 600
ARPHRD_NONE = 0xFFFE
IFF_NOARP = 0x80
DEVICE_FEATURES = 1 | 1 << 3 | 1 << 14 | 1 << 16 | 1 << 18  # SG HW_CSUM GSO TSO TSO_ECN
IP_VERSIONS = ("ipv4", "ipv4-mapped-ipv6", "ipv6")
# what names in scripts stand for, by IP version: cookies are those of the default key and addresses
DEFINES = {
    "ipv4": {
        "TFO_COOKIE": "3021b9d889017eeb",
        "TFO_COOKIE_ZERO": "b7c12350a90dc8f5",
        "CODE": "host_unreachable",
        "CMSG_LEVEL_IP": "SOL_IP",
        "CMSG_TYPE_RECVERR": "IP_RECVERR",
    },
    "ipv4-mapped-ipv6": {
        "TFO_COOKIE": "3021b9d889017eeb",
        "TFO_COOKIE_ZERO": "b7c12350a90dc8f5",
        "CMSG_LEVEL_IP": "SOL_IPV6",
        "CMSG_TYPE_RECVERR": "IPV6_RECVERR",
    },
    "ipv6": {
        "TFO_COOKIE": "c1d1e9742a47a9bc",
        "TFO_COOKIE_ZERO": "82af1a8f9a205c34",
        "CMSG_LEVEL_IP": "SOL_IPV6",
        "CMSG_TYPE_RECVERR": "IPV6_RECVERR",
    },
}
# options that are read, and options of the original that mean nothing here
IGNORED_OPTIONS = {
    "define",
    "init_scripts",
    "code_command",
    "code_format",
    "code_sockopt",
    "dry_run",
    "gateway_ip",
    "live_gateway_ip",
    "no_cleanup",
    "non_fatal",
    "send_omit_free",
    "speed",
    "udp_encapsulation",
    "use_expect",
    "verbose",
    "wire_client_dev",
}


@dataclass
class Options:
    """What the command line and the script's own options say."""

    ip_version: str = "ipv4"
    tolerance_us: int = 10_000  # the kernel's clock has 250 ticks a second, and timers may be two ticks late
    ts_tick_us: int = 0
    ts_ecr_scaled: bool = False
    strict_segments: bool = False
    mtu: int = 1500
    mss: int = 0  # inbound packets with more data than this are several segments that a device joined (GRO)
    local_ip: str = "192.168.0.1"
    remote_ip: str = "192.0.2.1"
    gateway_ip: str = "192.168.0.2"
    netmask_ip: str = "255.255.0.0"
    bind_port: int = 8080
    connect_port: int = 8080


@dataclass
class Failure:
    """Why a script did not pass. kind: mismatch, timing, syntax, command, unsupported."""

    kind: str
    line: int
    column: int
    message: str
    expected: str = ""
    actual: str = ""


@dataclass
class Result:
    """The outcome of one script in one IP version."""

    path: str
    ip_version: str
    failure: Failure | None = None
    exchange: list[str] = field(default_factory=list)
    printed: list[str] = field(default_factory=list)
    sockets: str = ""
    seconds: float = 0.0  # of real time
    virtual_ns: int = 0

    @property
    def passed(self) -> bool:
        return self.failure is None


class ScriptFailure(Exception):
    """Ends the run of a script."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def run_script(
    path: str,
    ip_version: str = "ipv4",
    defines: dict[str, str] | None = None,
    views: commands.Views | None = None,
) -> Result:
    """Run the script at path. Never raises for what the script does or says."""
    began = time.perf_counter()
    result = Result(path, ip_version)
    words = {**DEFINES.get(ip_version, {}), **(defines or {})}
    runner: Runner | None = None
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
        script = parser.parse(path, text, words)
        options = script_options(script, ip_version)
        if options.ip_version != "ipv4":
            raise ScriptFailure(
                Failure("unsupported", 1, 1, f"{options.ip_version}: address family not supported (AF_INET6)")
            )
        runner = Runner(script, options, result, views or commands.Views())
        runner.run()
    except OSError as e:
        result.failure = Failure("syntax", 0, 0, f"cannot be read: {e.strerror}")
    except lexer.ScriptSyntaxError as e:
        result.failure = Failure("syntax", e.line, e.column, e.message)
    except ScriptFailure as e:
        result.failure = e.failure
    except Exception as e:  # a defect of ours, or what no check of the script foresaw: the others still run
        event = None if runner is None else runner.event
        line, column = (event.line, event.column) if event is not None else (1, 1)
        known = isinstance(e, syscalls.CallError | commands.CommandError | packets.PacketError)
        what = str(e) if known else f"{type(e).__name__}: {e}"
        result.failure = Failure("mismatch" if known else "internal", line, column, what)
    result.seconds = time.perf_counter() - began
    return result


def script_options(script: ast.Script, ip_version: str) -> Options:
    """The script's options on top of the defaults. Raises lexer.ScriptSyntaxError."""
    o = Options(ip_version=ip_version)
    for name, value, line in script.options:
        try:
            if name == "ip_version":
                o.ip_version = value.replace("_", "-")
            elif name == "tolerance_usecs":
                o.tolerance_us = int(value)
            elif name == "tcp_ts_tick_usecs":
                o.ts_tick_us = int(value)
            elif name == "tcp_ts_ecr_scaled":
                o.ts_ecr_scaled = value in ("", "1", "true")
            elif name == "strict_segments":
                o.strict_segments = value in ("", "1", "true")
            elif name in ("mtu", "mss", "bind_port", "connect_port"):
                setattr(o, name, int(value))
            elif name in ("local_ip", "remote_ip", "gateway_ip", "netmask_ip"):
                if ":" not in value:
                    syscalls.parse_ipv4(value)
                setattr(o, name, value)
            elif name not in IGNORED_OPTIONS:
                raise lexer.ScriptSyntaxError(script.path, line, 1, f"option --{name} is not known")
        except ValueError:
            raise lexer.ScriptSyntaxError(script.path, line, 1, f"--{name} takes a number") from None
        except syscalls.CallError as e:
            raise lexer.ScriptSyntaxError(script.path, line, 1, str(e)) from None
    return o


class DrillOps(NetDeviceOps):
    """The device's driver: what is sent is kept for the script."""

    def __init__(self, k: Kernel) -> None:
        self.k = k
        self.sent: list[tuple[int, bytes]] = []

    def ndo_start_xmit(self, skb: SkBuff, dev: NetDevice) -> int:
        self.sent.append((int(self.k.now), wire.skb_to_bytes(skb)))
        dev.tx_packets += 1
        skbuff.consume_skb(self.k, skb)
        return 0


@dataclass
class Blocked:
    """A call that sleeps."""

    spec: ast.Syscall
    event: ast.Event
    prepared: syscalls.Prepared
    call: Call
    entry: WaitQueueEntry
    end: int  # kernel time


class Runner:
    """One script on one kernel."""

    def __init__(self, script: ast.Script, options: Options, result: Result, views: commands.Views) -> None:
        self.script = script
        self.options = options
        self.result = result
        self.k = Kernel(seed=1)
        self.k.now = BOOT
        self.ops = DrillOps(self.k)
        self.device = self.network()
        self.task = self.k.task("packetdrill")
        self.shell = commands.Shell(self.k, self.device, Path(script.path).resolve().parent, views)
        self.local_ip = syscalls.parse_ipv4(options.local_ip)
        self.remote_ip = syscalls.parse_ipv4(options.remote_ip)
        self.tolerance = options.tolerance_us * 1000
        self.calls = syscalls.Calls(
            self.task,
            self.local_ip,
            self.remote_ip,
            options.bind_port,
            options.connect_port,
            self.tolerance,
            BOOT,
            self.shell.files,
        )
        self.start = BOOT
        self.base = BOOT  # the time that the next relative time counts from
        self.flows: dict[tuple[int, int, int, int], packets.Flow] = {}
        self.current: packets.Flow | None = None
        self.queue: deque[packets.Segment] = deque()
        self.blocked: Blocked | None = None
        self.names: dict[str, object] = {}
        self.socket_fd = -1  # live descriptor of the socket under test
        self.next_port = 40000
        self.listens = 0  # calls of listen() so far
        self.event: ast.Event | None = None

    def network(self) -> NetDevice:
        """tun0 with its address, and a way to the peer through a gateway on the link."""
        o = self.options
        net = self.k.init_net
        device = NetDevice(net, "tun0", self.ops)
        device.type = ARPHRD_NONE
        device.flags = IFF_NOARP
        device.mtu = o.mtu
        device.features = DEVICE_FEATURES
        assert net_dev.register_netdevice(device) == 0
        assert net_dev.dev_open(device) == 0
        local, gateway = syscalls.parse_ipv4(o.local_ip), syscalls.parse_ipv4(o.gateway_ip)
        mask = syscalls.parse_ipv4(o.netmask_ip)
        plen = mask.bit_count()
        assert devinet.inet_addr_add(device, local, plen, local | (~mask & 0xFFFFFFFF)) == 0
        if gateway == local:
            gateway = local ^ 3
        fib_frontend.ip_route_add(net, syscalls.parse_ipv4(o.remote_ip), 32, device, gateway, 0, 1, 0)
        return device

    # ---- the script

    def run(self) -> None:
        try:
            try:
                if self.script.init is not None:
                    self.begin(self.script.init)
                    self.command(self.script.init)
                self.k.now = max(self.k.now, self.start)
                for event in self.script.events:
                    self.begin(event)
                    self.one(event)
                self.finish_blocked()
                if self.script.cleanup is not None:
                    self.begin(self.script.cleanup)
                    self.command(self.script.cleanup)
            finally:
                self.result.virtual_ns = int(self.k.now) - self.start
        except ScriptFailure:
            self.collect()
            for seg in self.queue:
                self.log(
                    seg.at, packets.segment_text(seg, self.flows.get(flow_key(seg))) + "    // not expected"
                )
            self.result.sockets = views_text(self.shell.views.sockets(self.k))
            raise

    def begin(self, event: ast.Event) -> None:
        self.event = event

    def one(self, event: ast.Event) -> None:
        """One event, at its time."""
        earliest, latest = self.times(event.time)
        action = event.action
        if isinstance(action, ast.TcpPacket | ast.UdpPacket | ast.IcmpPacket) and not action.inbound:
            self.expect(event, action, earliest, latest)
        else:
            if event.time.kind == "any":
                earliest = int(self.k.now)
            self.advance(earliest)
            if isinstance(action, ast.Syscall):
                self.syscall(event, action, earliest)
            elif isinstance(action, ast.Command):
                self.command(event)
            elif isinstance(action, ast.Code):
                self.code(event, action)
            else:
                self.inject(event, action)
            if event.time.kind != "any":
                self.base = earliest
            else:
                self.base = int(self.k.now)
        self.k.now += EVENT_COST

    def times(self, t: ast.Time) -> tuple[int, int]:
        """The kernel times between which the event is to happen."""
        if t.kind == "any":
            return int(self.k.now), FOREVER
        zero = self.base if t.kind.startswith("relative") else self.start
        return zero + t.start, zero + t.end

    # ---- time

    def advance(self, until: int) -> None:
        """Time passes; timers before `until` go off."""
        while True:
            at = self.next_thing()
            if at >= until:
                break
            self.fire(at)
        self.k.now = max(int(self.k.now), until)

    def next_thing(self) -> int:
        """When something is due next: a timer, or the deadline of the call that sleeps."""
        at = int(timers.next_expiry(self.k))
        b = self.blocked
        if b is not None and 0 <= b.call.deadline < MAX_SCHEDULE_TIMEOUT:
            at = min(at, int(b.call.deadline))
        return at

    def fire(self, at: int) -> None:
        self.k.now = max(int(self.k.now), at)
        timers.run_timers(self.k)
        self.settle()

    def settle(self) -> None:
        """Everything that follows without time passing."""
        while True:
            while softirq.do_softirq(self.k, 1000):
                pass
            if not self.wake_blocked():
                break
        self.collect()

    def wake_blocked(self) -> bool:
        """Start the sleeping call again if something woke it. Returns whether it was."""
        b = self.blocked
        if b is None:
            return False
        call = b.call
        if 0 <= call.deadline < MAX_SCHEDULE_TIMEOUT and call.deadline <= self.k.now:
            call.expired = True
        elif not b.entry.woken:
            return False
        if b.entry.head is not None:
            wait.remove_wait_queue(b.entry.head, b.entry)
        b.entry.woken = False
        r = door.resume(self.k, call)
        if r == -ESLEEP:
            self.hang(b)
            return True
        self.blocked = None
        self.log(int(self.k.now), f"{b.spec.name}() returned {r}")
        saved, self.event = self.event, b.event
        if abs(int(self.k.now) - b.end) > self.tolerance:
            self.fail(
                "timing",
                f"{b.spec.name}() returned at {self.clock()}",
                f"{b.spec.name}() ends at {self.at(b.end)}",
                self.clock(),
            )
        self.returned(b.spec, b.prepared, r)
        self.event = saved
        return True

    def hang(self, b: Blocked) -> None:
        b.call = self.k.sleeping[-1]
        wq = b.call.wq
        if wq is not None:
            b.entry.events = b.call.events
            wait.add_wait_queue(wq, b.entry)

    def finish_blocked(self) -> None:
        """Wait for the sleeping call, as long as the script gives it."""
        while self.blocked is not None:
            b = self.blocked
            limit = b.end + self.tolerance
            at = self.next_thing()
            if at > limit:
                self.k.now = max(int(self.k.now), limit)
                self.event = b.event
                self.fail(
                    "timing", f"{b.spec.name}() did not return", f"returns at {self.at(b.end)}", "it sleeps"
                )
            self.fire(at)

    # ---- system calls

    def syscall(self, event: ast.Event, spec: ast.Syscall, scheduled: int) -> None:
        self.finish_blocked()
        self.begin(event)
        try:
            prepared = self.calls.prepare(spec)
        except syscalls.CallError as e:
            self.fail("mismatch", str(e))
            return
        self.log(int(self.k.now), event.text.split(" ", 1)[-1])
        r = self.task.syscall(prepared.name, *prepared.args)
        if r == -ESLEEP:
            if spec.end is None:
                self.fail("mismatch", f"{spec.name}() blocks", "a call that returns at once", "it sleeps")
            zero = self.base if event.time.kind.startswith("relative") else self.start
            end = zero + (spec.end or 0)
            self.blocked = Blocked(spec, event, prepared, self.k.sleeping[-1], WaitQueueEntry(), end)
            self.hang(self.blocked)
            self.settle()
            return
        self.settle()
        if spec.end is not None:
            zero = self.base if event.time.kind.startswith("relative") else self.start
            end = zero + spec.end
            if int(self.k.now) < end - self.tolerance:
                self.result_or_fail(spec, prepared, r)
                self.fail(
                    "timing", f"{spec.name}() returned at once", f"ends at {self.at(end)}", self.clock()
                )
        self.returned(spec, prepared, r)

    def result_or_fail(self, spec: ast.Syscall, prepared: syscalls.Prepared, r: int) -> None:
        problem = prepared.check(r)
        if problem:
            self.fail("mismatch", problem)

    def returned(self, spec: ast.Syscall, prepared: syscalls.Prepared, r: int) -> None:
        """The call is over: look at its result."""
        try:
            self.result_or_fail(spec, prepared, r)
            if prepared.done is not None:
                prepared.done(r)
        except syscalls.CallError as e:
            self.fail("mismatch", str(e))
        if r >= 0 and spec.name == "listen":
            self.listens += 1
        if r >= 0 and spec.name in ("socket", "accept", "accept4"):
            self.socket_fd = r
            if spec.name != "socket":
                self.accepted(r)

    def accepted(self, fd: int) -> None:
        """Which connection is it?"""
        name = bytearray(16)
        if self.task.syscall("getpeername", fd, name, [16]) == 0:
            port = int.from_bytes(name[2:4], "big")
            for flow in self.flows.values():
                if not flow.active and flow.remote_port == port:
                    flow.fd = fd

    # ---- commands and code

    def command(self, event: ast.Event) -> None:
        action = event.action
        assert isinstance(action, ast.Command)
        try:
            status = self.shell.run(action.text)
        except commands.CommandError as e:
            self.fail("command", str(e))
            return
        self.result.printed += self.shell.output
        self.shell.output.clear()
        self.settle()
        if status != 0:
            self.fail("command", f"command ended with status {status}: {' '.join(action.text.split())[:80]}")

    def code(self, event: ast.Event, action: ast.Code) -> None:
        values: dict[str, int] = {}
        if self.socket_fd >= 0:
            buf, length = bytearray(280), [280]
            if self.task.syscall("getsockopt", self.socket_fd, 6, 11, buf, length) == 0:
                values.update(assertions.tcp_info(bytes(buf)))
            buf, length = bytearray(36), [36]
            if self.task.syscall("getsockopt", self.socket_fd, 1, 55, buf, length) == 0:
                values.update(assertions.meminfo(bytes(buf)))
            self.settle()
        try:
            self.result.printed += assertions.run(action.text, self.names, values)
        except assertions.AssertionFailure as e:
            self.fail("mismatch", str(e), line=event.line + e.line - 1)

    # ---- packets in

    def inject(self, event: ast.Event, spec: ast.Packet) -> None:
        """A packet of the script arrives."""
        flow = self.inbound_flow(spec)
        try:
            if isinstance(spec, ast.TcpPacket):
                raw = packets.build_tcp(spec, flow, self.options.ts_ecr_scaled, self.options.ts_tick_us)
            elif isinstance(spec, ast.UdpPacket):
                raw = packets.build_udp(spec, flow)
            else:
                raw = packets.build_icmp(spec, flow)
        except packets.PacketError as e:
            self.fail("mismatch", str(e))
            return
        self.advance(int(self.k.now) + ARRIVAL_COST)
        self.log(int(self.k.now), event.text.split(" ", 1)[-1])
        skb = skbuff.alloc_skb(self.k)
        skbuff.skb_set_data(skb, raw)
        skb.truesize = packets.tun_truesize(len(raw))
        skb.protocol = 0x0800
        skb.dev = self.device
        skb.skb_iif = self.device.ifindex
        mss = self.options.mss
        if mss and isinstance(spec, ast.TcpPacket) and spec.length > mss:
            skb.gso_size = mss  # and no gso_segs: TUN does not count them
        net_dev.netif_rx(self.k, skb)
        self.settle()

    def inbound_flow(self, spec: ast.Packet) -> packets.Flow:
        """The connection that an inbound packet belongs to; a SYN begins one."""
        ports = spec.ports if not isinstance(spec, ast.IcmpPacket) else None
        flow = self.by_ports((ports[1], ports[0])) if ports is not None else self.current
        if isinstance(spec, ast.TcpPacket) and "S" in spec.flags:
            if "." not in spec.flags and not self.again(flow, spec):
                flow = self.passive_flow(ports)
            if flow is not None:
                flow.remote_isn = spec.seq & packets.U32
                flow.remote_syn = spec
        elif flow is not None:
            flow.inbound_after_syn = True
        if flow is None:
            flow = self.passive_flow(ports)
        return flow

    def again(self, flow: packets.Flow | None, spec: ast.TcpPacket) -> bool:
        """A SYN of a connection that there is: one in answer to ours, or the same once more."""
        if flow is None:
            return False
        if flow.active:
            return flow.remote_isn is None or (
                not flow.inbound_after_syn and flow.remote_syn is not None and flow.remote_syn.seq == spec.seq
            )
        # Another SYN belongs to the connection that is there, but when somebody began to listen since.
        return flow.listens == self.listens

    def passive_flow(self, ports: tuple[int, int] | None) -> packets.Flow:
        self.next_port += 1
        flow = packets.Flow(self.local_ip, self.remote_ip, self.options.bind_port, self.next_port, False)
        if ports is not None:
            flow.script_ports = (ports[1], ports[0])
        flow.listens = self.listens
        self.flows[flow.key()] = flow
        self.current = flow
        return flow

    def by_ports(self, ports: tuple[int, int]) -> packets.Flow | None:
        """The connection that the script calls so: (local, remote)."""
        for flow in self.flows.values():
            if flow.script_ports == ports:
                return flow
        if self.current is not None and self.current.script_ports is None:
            self.current.script_ports = ports
            return self.current
        return None

    # ---- packets out

    def collect(self) -> None:
        """What the device caught goes to the queue, and begins connections."""
        for at, raw in self.ops.sent:
            try:
                seg = packets.decode(at, raw)
            except packets.PacketError as e:
                self.fail("mismatch", f"a malformed packet came out: {e}", actual=raw.hex())
                return
            flow = self.flows.get(flow_key(seg))
            if seg.protocol == packets.TCP and seg.bits & 2:
                if flow is None:
                    flow = packets.Flow(seg.source, seg.dest, seg.sport, seg.dport, True)
                    self.flows[flow.key()] = flow
                    self.current = flow
                flow.local_isn = seg.seq
            if flow is not None and seg.protocol == packets.TCP:
                flow.last_seq = seg.seq
            self.queue.append(seg)
        self.ops.sent.clear()

    def next_segment(self, spec: ast.Packet, deadline: int) -> packets.Segment | None:
        """The next packet of the connection that spec is about; time passes until the deadline."""
        while True:
            self.collect()
            while self.queue:
                seg = self.queue.popleft()
                if self.concerns(seg, spec):
                    return seg
                self.log(
                    seg.at, packets.segment_text(seg, self.flows.get(flow_key(seg))) + "    // not looked at"
                )
            at = self.next_thing()
            if at > deadline:
                self.k.now = max(int(self.k.now), deadline)
                return None
            self.fire(at)

    def concerns(self, seg: packets.Segment, spec: ast.Packet) -> bool:
        flow = self.flows.get(flow_key(seg))
        if isinstance(spec, ast.TcpPacket):
            if seg.protocol != packets.TCP:
                return False
            if spec.ports is not None:
                return flow is not None and self.by_ports(spec.ports) is flow
            return flow is None or flow is self.current
        return seg.protocol == (packets.UDP if isinstance(spec, ast.UdpPacket) else packets.ICMP)

    def expect(self, event: ast.Event, spec: ast.Packet, earliest: int, latest: int) -> None:
        """A packet is to come out."""
        deadline = latest + self.tolerance if latest < FOREVER else int(self.k.now) + LONG
        seg = self.next_segment(spec, deadline)
        self.begin(event)
        if seg is None:
            self.fail(
                "mismatch", f"no packet came by {self.at(deadline)}", event.text.split(" ", 1)[-1], "nothing"
            )
            return
        flow = self.flows.get(flow_key(seg)) or self.current
        if flow is None:
            flow = packets.Flow(seg.source, seg.dest, seg.sport, seg.dport, True, local_isn=seg.seq)
        if isinstance(spec, ast.TcpPacket) and not self.options.strict_segments:
            seg = self.fit(spec, seg, deadline)
        shown = packets.segment_text(seg, flow)
        self.log(seg.at, shown)
        problem = self.differs(spec, seg, flow)
        if problem:
            self.fail("mismatch", problem, event.text.split(" ", 1)[-1], shown)
        if event.time.kind != "any" and not earliest - self.tolerance <= seg.at <= latest + self.tolerance:
            self.fail(
                "timing",
                f"the packet came at {self.at(seg.at)}",
                self.span(earliest, latest),
                self.at(seg.at),
            )
        self.base = seg.at if event.time.kind == "any" else earliest

    def fit(self, spec: ast.TcpPacket, seg: packets.Segment, deadline: int) -> packets.Segment:
        """Segmentation is the machine's business: pieces make one expected packet, or one is cut to fit."""
        while 0 < seg.length < spec.length and not seg.bits & 0x07:
            more = self.next_segment(spec, max(int(self.k.now), seg.at))
            if more is None:
                break
            if (
                more.seq != (seg.seq + seg.length) & packets.U32
                or more.length == 0
                or flow_key(more) != flow_key(seg)
            ):
                self.queue.appendleft(more)
                break
            seg = packets.join(seg, more)
        if seg.length > spec.length > 0 and not seg.bits & 0x06:
            seg, rest = packets.cut(seg, spec.length)
            self.queue.appendleft(rest)
        return seg

    def differs(self, spec: ast.Packet, seg: packets.Segment, flow: packets.Flow) -> str:
        o = self.options
        if isinstance(spec, ast.TcpPacket):
            return packets.compare(spec, seg, flow, o.ts_tick_us, o.tolerance_us)
        if isinstance(spec, ast.UdpPacket):
            if spec.length != seg.length:
                return f"payload length: expected {spec.length}, got {seg.length}"
            return packets.compare_ip(spec.ip, seg)
        kind = packets.ICMP_TYPES.get(spec.type)
        if kind != seg.icmp_type:
            return f"ICMP type: expected {spec.type}, got {seg.icmp_type}"
        if spec.code and packets.UNREACHABLE_CODES.get(spec.code) != seg.icmp_code:
            return f"ICMP code: expected {spec.code}, got {seg.icmp_code}"
        return ""

    # ---- words

    def at(self, t: int) -> str:
        return f"{(t - self.start) / 1e9:.6f}"

    def clock(self) -> str:
        return self.at(int(self.k.now))

    def span(self, earliest: int, latest: int) -> str:
        if earliest == latest:
            return f"at {self.at(earliest)}"
        return f"between {self.at(earliest)} and {self.at(latest)}"

    def log(self, t: int, text: str) -> None:
        self.result.exchange.append(f"{self.at(t):>12} {text}")

    def fail(
        self, kind: str, message: str, expected: str = "", actual: str = "", line: int | None = None
    ) -> None:
        event = self.event
        at = event.line if event is not None else 0
        column = event.column if event is not None else 0
        raise ScriptFailure(
            Failure(kind, at if line is None else line, column, message, expected, actual)
        ) from None


def views_text(text: str) -> str:
    """Without the blanks that fill columns up."""
    return "\n".join(line.rstrip() for line in text.splitlines())


def flow_key(seg: packets.Segment) -> tuple[int, int, int, int]:
    return seg.source, seg.sport, seg.dest, seg.dport
