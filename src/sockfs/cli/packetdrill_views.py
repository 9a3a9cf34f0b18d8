"""What scripts see of their machine through its tools: /proc/net, nstat and ss, made by `observe/`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfs.observe import nstat, proc_net, snapshot, ss
from sockfs.packetdrill import commands

if TYPE_CHECKING:
    from sockfs.structs.kernel import Kernel


class ObserveViews(commands.Views):
    """The tables of the tools of those names."""

    def proc_net(self, k: Kernel, name: str) -> str | None:
        try:
            return proc_net.read(snapshot.View.of(k), name)
        except KeyError:
            return None

    def counters(self, k: Kernel) -> dict[str, int]:
        found = nstat.counters(snapshot.View.of(k), True, ())
        return {name: int(value) for name, value in found.items()}

    def sockets(self, k: Kernel) -> str:
        o = ss.Options(tcp=True, all=True, numeric=True, info=True, memory=True, options=True)
        return ss.table(snapshot.View.of(k), o)
