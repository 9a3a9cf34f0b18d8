"""The world: hosts, links, names, the run.

Each host is a whole `Kernel` of its own, seeded from the world's seed and its name, so that one more host
changes no other. Links are `drivers/link.py` devices whose packets travel through the scheduler's event
queue (`runtime/virtual.py`). Addresses are given in the order of hosts, from 10.0.0.1; each link is a
point-to-point route to the other end, and hosts that share no link do not reach each other.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from types import TracebackType
from typing import Any

from sockfs.boot import BOOT_NS, Kernel, do_exit
from sockfs.drivers import link as drivers_link
from sockfs.libc import loop
from sockfs.net.ipv4 import devinet, fib_frontend
from sockfs.runtime import green, swap, virtual
from sockfs.structs.inet_sock import inet_ntoa
from sockfs.structs.net_device import NetDevice, PacketTap
from sockfs.structs.sk_buff import SkBuff
from sockfs.util.prng import Prng

FIRST_ADDRESS = (10 << 24) + 1
MTU = 1500
QUEUE_LIMIT = 1000
RTN_UNICAST = 1
RATE = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(bit|kbit|mbit|gbit|bps|kbps|mbps|gbps)\s*", re.IGNORECASE)
UNITS = {
    "bit": 1,
    "kbit": 10**3,
    "mbit": 10**6,
    "gbit": 10**9,
    "bps": 8,
    "kbps": 8 * 10**3,
    "mbps": 8 * 10**6,
    "gbps": 8 * 10**9,
}


class WorldStalled(RuntimeError):
    """Programs wait, and nothing can happen any more that would wake them."""


class World:
    """A simulated network. `seed` decides every random choice in it."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.scheduler = virtual.Scheduler()
        self.hosts: dict[str, Host] = {}
        self.links: dict[tuple[str, str], drivers_link.Link] = {}
        self._clock = _Clock(self.scheduler)

    @property
    def now(self) -> float:
        """Seconds since the world began."""
        return (self.scheduler.now - BOOT_NS) / 1e9

    def host(
        self, name: str, main: Callable[..., Any] | None = None, *args: Any, daemon: bool = False
    ) -> Host:
        """A machine called name, on which main(*args) runs when the world does.

        A daemon (a server that never returns) does not keep the world running. Returns the Host; its
        `address` is what other hosts connect to, as is its name.
        """
        if name in self.hosts:
            raise ValueError(f"there is a host {name!r} already")
        host = Host(self, name, FIRST_ADDRESS + len(self.hosts), main, args, daemon)
        self.hosts[name] = host
        for other in self.hosts.values():
            other.knows(host)
            host.knows(other)
        return host

    def link(
        self, a: str, b: str, *, delay: float = 0.0, loss: float = 0.0, rate: str | float = 0, mtu: int = MTU
    ) -> drivers_link.Link:
        """Join hosts a and b: one-way delay in seconds, loss as a probability, rate as "10mbit" or bits per
        second (0: unlimited).
        """
        if (a, b) in self.links or (b, a) in self.links:
            raise ValueError(f"{a!r} and {b!r} are linked already")
        ends = [self._host(a), self._host(b)]
        if a == b:
            raise ValueError("a link joins two hosts")
        if delay < 0 or not 0 <= loss <= 1:
            raise ValueError("delay must not be negative, loss must be between 0 and 1")
        rng = Prng(self.seed, f"link/{a}/{b}")
        link = drivers_link.Link(
            self._clock, rng, round(delay * 1e9), float(loss), bits_per_second(rate), QUEUE_LIMIT
        )
        devices = [host.add_device(link, mtu) for host in ends]
        drivers_link.link_join(devices[0], devices[1])
        for host, device, peer in zip(ends, devices, reversed(ends), strict=True):
            devinet.inet_addr_add(device, host.ip, 32, 0)
            fib_frontend.ip_route_add(host.kernel.init_net, peer.ip, 32, device, 0, host.ip, RTN_UNICAST, 0)
        self.links[a, b] = link
        return link

    def partition(self, a: str, b: str) -> Partition:
        """Cut the link between a and b: every packet on it is lost until `heal` (or the end of a with
        block).
        """
        link = self.links.get((a, b)) or self.links.get((b, a))
        if link is None:
            raise ValueError(f"{a!r} and {b!r} are not linked")
        return Partition(link)

    def at(self, when: float, action: Callable[[], Any]) -> None:
        """Call action when the world's clock shows `when` seconds."""
        self.scheduler.at(BOOT_NS + round(when * 1e9), action)

    def tap(self, sink: Callable[[float, str, SkBuff, bool], None]) -> None:
        """Call sink(seconds, host, packet, outgoing) for every packet at every link end."""
        for host in self.hosts.values():
            for device in host.devices:
                device.taps.append(_Tap(self, host.name, sink))

    def run(self, until: float | None = None) -> None:
        """Run until every main that is no daemon has returned, or the clock shows `until` seconds.

        Raises what a main raised, and WorldStalled when all wait and nothing is left to happen. May be
        called again to go on after `until`.
        """
        limit = virtual.NEVER - 1 if until is None else BOOT_NS + round(until * 1e9)
        replaced = (virtual.Clocks(self.scheduler), green.GreenThreads(self.scheduler))
        if not self.hosts:
            return
        with _Swapped(self), _Replaced(replaced):
            for host in self.hosts.values():
                host.start()
            failed = True
            try:
                if not self.scheduler.run(self._done, limit):
                    raise WorldStalled(self._stalled())
                failed = False
            finally:
                if failed or self._done():
                    for host in self.hosts.values():
                        host.stop()
                    self.scheduler.kill_all()

    def _done(self) -> bool:
        return all(h.strand is None or h.strand.finished for h in self.hosts.values() if not h.daemon)

    def _stalled(self) -> str:
        waiting = [
            h.name
            for h in self.hosts.values()
            if h.strand is not None and not h.strand.finished and not h.daemon
        ]
        return f"at {self.now:.3f} s {', '.join(waiting)} wait for what can no longer happen"

    def _host(self, name: str) -> Host:
        host = self.hosts.get(name)
        if host is None:
            raise ValueError(f"there is no host {name!r}")
        return host


class Host:
    """One machine of a world."""

    def __init__(
        self,
        world: World,
        name: str,
        ip: int,
        main: Callable[..., Any] | None,
        args: tuple[Any, ...],
        daemon: bool,
    ) -> None:
        self.world = world
        self.name = name
        self.ip = ip
        self.address = inet_ntoa(ip)
        self.main = main
        self.args = args
        self.daemon = daemon
        self.devices: list[NetDevice] = []
        self.kernel = Kernel(Prng(world.seed, f"host/{name}").get_random_u32(), name)
        self.waiter = world.scheduler.add_kernel(self.kernel)
        self.task = self.kernel.task(name)
        self.strand: virtual.Strand | None = None

    @property
    def result(self) -> Any:
        """What main returned; None before."""
        return None if self.strand is None else self.strand.result

    def knows(self, other: Host) -> None:
        """The other host's name goes into this one's hosts table."""
        self.kernel.init_net.hosts[other.name] = [other.address]

    def add_device(self, link: drivers_link.Link, mtu: int) -> NetDevice:
        device = drivers_link.link_setup(self.kernel.init_net, f"eth{len(self.devices)}", link, mtu)
        self.devices.append(device)
        return device

    def start(self) -> None:
        """Begin main, once."""
        main = self.main
        if main is None or self.strand is not None:
            return
        args = self.args

        def body() -> Any:
            assert self.strand is not None
            green.main_of(self.strand)
            if inspect.iscoroutinefunction(main):
                import asyncio

                return asyncio.run(main(*args))
            return main(*args)

        self.strand = self.world.scheduler.spawn(self.name, self.task, self.waiter, body)

    def stop(self) -> None:
        """The machine's program is over: its descriptors close."""
        if not self.task.exited:
            self.waiter.enter()
            do_exit(self.task)
            self.waiter.leave()


class Partition:
    """A cut link. `heal` joins it again."""

    def __init__(self, link: drivers_link.Link) -> None:
        self.link = link
        link.up = False

    def heal(self) -> None:
        """Packets pass again."""
        self.link.up = True

    def __enter__(self) -> Partition:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.heal()


def bits_per_second(rate: str | float) -> int:
    """A rate as tc(8) writes it ("10mbit", "1.5gbit", "100kbps" in bytes), or a number of bits per second."""
    if isinstance(rate, str):
        match = RATE.fullmatch(rate)
        if match is None:
            raise ValueError(f"cannot read the rate {rate!r}: say for example '10mbit'")
        return round(float(match[1]) * UNITS[match[2].lower()])
    if rate < 0:
        raise ValueError("a rate must not be negative")
    return round(rate)


class _Clock(drivers_link.LinkClock):
    """Links' way into the event queue."""

    def __init__(self, scheduler: virtual.Scheduler) -> None:
        self.scheduler = scheduler

    def now(self) -> int:
        return self.scheduler.now

    def deliver(self, at: int, skb: SkBuff, dev: NetDevice) -> None:
        self.scheduler.at(at, lambda: drivers_link.receive(skb, dev))


class _Tap(PacketTap):
    def __init__(self, world: World, host: str, sink: Callable[[float, str, SkBuff, bool], None]) -> None:
        self.world = world
        self.host = host
        self.sink = sink

    def packet(self, skb: SkBuff, dev: NetDevice, outgoing: bool) -> None:
        self.sink(self.world.now, self.host, skb, outgoing)


class _Swapped:
    """This process's socket modules stand on the world while it runs."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.swap = swap.WorldSwap()

    def __enter__(self) -> None:
        # modules that are executed again try their selectors out: on the first machine
        for host in self.world.hosts.values():
            loop.current.task, loop.current.waiter = host.task, host.waiter
            break
        self.swap.replace()
        loop.current.task = loop.current.waiter = None

    def __exit__(self, *_: object) -> None:
        for host in self.world.hosts.values():
            loop.current.task, loop.current.waiter = host.task, host.waiter
            break
        self.swap.restore()
        loop.current.task = loop.current.waiter = None


class _Replaced:
    """Time and threads answer for the world while it runs."""

    def __init__(self, parts: tuple[virtual.Clocks, green.GreenThreads]) -> None:
        self.parts = parts

    def __enter__(self) -> None:
        for part in self.parts:
            part.install()

    def __exit__(self, *_: object) -> None:
        for part in self.parts:
            part.remove()
