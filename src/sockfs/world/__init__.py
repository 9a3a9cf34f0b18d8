"""Many machines in one process, on one virtual clock, joined by links, from one seed.

    world = sockfs.World(seed=1)
    world.host("web", serve)
    world.host("client", fetch)
    world.link("web", "client", delay=0.02, loss=0.01, rate="10mbit")
    world.run()

A host's main is an ordinary function or coroutine function: blocking sockets, selectors, asyncio. Hosts
know each other by name. `run` ends when every main that is no daemon has returned; what a main raises,
`run` raises.
"""

from __future__ import annotations

from sockfs.world.world import Host, Partition, World, WorldStalled

__all__ = ["Host", "Partition", "World", "WorldStalled"]
