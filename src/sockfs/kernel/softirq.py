"""The softirq drain: where queued packets are processed once the outermost call lets go.

Kernel counterpart: `kernel/softirq.c`, and `net_rx_action` of `net/core/dev.c`. Sending only enqueues
(`netif_rx`); nothing re-enters. A drain has a budget, so that whoever runs it can look after signals and
other threads between two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import i64

if TYPE_CHECKING:
    from sockfs.structs.kernel import Kernel, SoftirqAction


def open_softirq(k: Kernel, net_rx: SoftirqAction) -> None:
    """Name who processes packets (`net/core/dev.py` at boot)."""
    k.softnet.net_rx = net_rx


def pending(k: Kernel) -> bool:
    """Work waits."""
    softnet = k.softnet
    return softnet.input_pkt_queue.qlen != 0 or len(softnet.tsq_head) != 0


def do_softirq(k: Kernel, budget: i64) -> bool:
    """Process at most budget packets, and what they cause. Returns whether work is left."""
    softnet = k.softnet
    if softnet.running:
        return False
    softnet.running = True
    done = softnet.net_rx.action(k, budget)
    softnet.running = False
    softnet.processed += done
    left = pending(k)
    if left and done >= budget:
        softnet.time_squeeze += 1
    return left
