"""Neighbours: the hardware address behind an address on a link.

Kernel counterpart: `net/core/neighbour.c`. `ip_finish_output2` comes here (`neigh_output4`) for links that
have hardware addresses; devices without (lo, NOARP) are never asked. An unknown neighbour is asked for by
whoever knows how (`NeighOps.solicit`, filled in by ARP), and up to 101 packets wait for the answer. RFC
826, RFC 1122 section 2.3.2; states of RFC 4861 7.3.2.

Left out: unreachability detection by timers beyond the first three questions, proxies, garbage collection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.net.core import dev as net_dev
from sockfs.net.core import skbuff
from sockfs.structs.fib import Neighbour
from sockfs.structs.headers import Ethhdr
from sockfs.uapi.dropreason import SKB_DROP_REASON_NEIGH_FAILED, SKB_DROP_REASON_NEIGH_QUEUEFULL
from sockfs.uapi.errno import EHOSTUNREACH
from sockfs.uapi.rtnetlink import NUD_FAILED, NUD_INCOMPLETE, NUD_NONE, NUD_REACHABLE

if TYPE_CHECKING:
    from sockfs.structs.net import Net
    from sockfs.structs.net_device import NetDevice
    from sockfs.structs.sk_buff import SkBuff

NEIGH_QUEUE_LEN: Final = 101
NUD_PERMANENT: Final = 0x80
NUD_VALID: Final = 0xDE  # permanent, NOARP, reachable, probe, stale, delay


def neigh_output4(skb: SkBuff, dev: NetDevice, nexthop: i64, multicast: bool, broadcast: bool) -> i64:
    """Send to an IPv4 next hop on dev, with the link's header. 0 or -errno; the skb is consumed."""
    if multicast:
        # RFC 1112 section 6.4: the group's low 23 bits
        low: int = nexthop & 0x7FFFFF
        return _send(skb, dev, b"\x01\x00\x5e" + low.to_bytes(3, "big"))
    if broadcast:
        return _send(skb, dev, dev.broadcast)
    neigh = neigh_lookup4(dev.net, dev, nexthop)
    if neigh.nud_state & NUD_VALID:
        return _send(skb, dev, neigh.ha)
    return _resolve(skb, dev, neigh)


def neigh_lookup4(net: Net, dev: NetDevice, addr: i64) -> Neighbour:
    """`__neigh_lookup`: the entry of an address on dev, made if it is new."""
    key = addr << 16 | (dev.ifindex & 0xFFFF)
    neigh = net.neigh4.get(key)
    if neigh is None:
        neigh = Neighbour(addr, dev)
        net.neigh4[key] = neigh
    return neigh


def neigh_update4(net: Net, dev: NetDevice, addr: i64, lladdr: bytes, state: i64) -> None:
    """The hardware address of addr is known now: what waited for it goes."""
    neigh = neigh_lookup4(net, dev, addr)
    neigh.ha = lladdr
    neigh.nud_state = state
    neigh.probes = 0
    neigh.updated = net.kernel.now
    if state & NUD_REACHABLE:
        neigh.confirmed = net.kernel.now
    waiting = neigh.arp_queue
    if waiting:
        neigh.arp_queue = []
        for skb in waiting:
            _send(skb, dev, lladdr)


def _send(skb: SkBuff, dev: NetDevice, ha: bytes) -> i64:
    skb.ethh = Ethhdr(ha, dev.dev_addr, skb.protocol)
    return net_dev.dev_queue_xmit(skb)


def _resolve(skb: SkBuff, dev: NetDevice, neigh: Neighbour) -> i64:
    """`neigh_resolve_output`: ask, and let the packet wait."""
    k = dev.net.kernel
    peer = dev.peer
    if peer is not None and neigh.nud_state == NUD_NONE:
        # A cable inside the process: the only station at its other end is the neighbour, whoever it says it
        # is.
        neigh_update4(dev.net, dev, neigh_key(neigh), peer.dev_addr, NUD_REACHABLE)
        return _send(skb, dev, neigh.ha)
    if neigh.nud_state & NUD_FAILED:
        skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_NEIGH_FAILED)
        return -EHOSTUNREACH
    neigh.nud_state = NUD_INCOMPLETE
    queue = neigh.arp_queue
    if len(queue) >= NEIGH_QUEUE_LEN:
        skbuff.kfree_skb_reason(k, queue.pop(0), SKB_DROP_REASON_NEIGH_QUEUEFULL)
    queue.append(skb)
    return 0


def neigh_key(neigh: Neighbour) -> i64:
    """The IPv4 address of an entry."""
    key = neigh.key
    return key if isinstance(key, int) else 0
