"""Who owns a port, and which sock a segment is for.

Kernel counterpart: `net/ipv4/inet_hashtables.c`. Three tables of a namespace (`structs/net.py:
InetHashinfo`): `ehash` by both ports holds connections, requests and time-wait socks; `lhash2` by local port
holds listeners; `bhash` holds the ports taken. Control comes from `tcp_v4_rcv` (lookup), bind, listen and
connect (insertion), `tcp_set_state` (removal).

Ephemeral ports for connect are chosen as RFC 6056 section 3.3.4 (algorithm 4, double-hash) says, in Linux's
variant: ports of the parity of the lower bound first, which bind(2) with port 0 avoids, so that both seldom
meet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.kernel import slab
from sockfs.net.core import secure_seq
from sockfs.net.ipv4 import inet_timewait_sock, tcp_ipv4
from sockfs.structs.inet_connection_sock import InetBindBucket, InetConnectionSock
from sockfs.structs.inet_sock import InetSock
from sockfs.structs.inet_timewait_sock import InetTimewaitSock
from sockfs.structs.sock import SOCK_CONNECT_BIND, Sock, SockCommon
from sockfs.uapi.errno import EADDRNOTAVAIL
from sockfs.uapi.socket import AF_INET6
from sockfs.uapi.tcp import TCP_LISTEN, TCP_TIME_WAIT

if TYPE_CHECKING:
    from sockfs.structs.net import InetHashinfo, Net

INET_TABLE_PERTURB_SIZE: Final = 65536


# ---- lookup


def __inet_lookup_established(
    net: Net, saddr: i64, sport: i64, daddr: i64, hnum: i64, dif: i64
) -> SockCommon | None:
    sk = net.tcp_hashinfo.ehash.get((hnum << 16) | sport)
    while sk is not None:
        if (
            sk.sk_daddr == saddr
            and sk.sk_rcv_saddr == daddr
            and (sk.sk_bound_dev_if == 0 or sk.sk_bound_dev_if == dif)
        ):
            return sk
        sk = sk.hash_next
    return None


def __inet_lookup_listener(net: Net, saddr: i64, sport: i64, daddr: i64, hnum: i64, dif: i64) -> Sock | None:
    """A listener on the very address wins over one on any address; then the one bound to the device; then the
    newest."""
    head = net.tcp_hashinfo.lhash2.get(hnum)
    if head is None:
        return None
    result = inet_lhash2_lookup(net, head, saddr, sport, daddr, hnum, dif, daddr)
    if result is None:
        result = inet_lhash2_lookup(net, head, saddr, sport, daddr, hnum, dif, 0)
    return result


def inet_lhash2_lookup(
    net: Net, head: SockCommon, saddr: i64, sport: i64, daddr: i64, hnum: i64, dif: i64, rcv_saddr: i64
) -> Sock | None:
    best: Sock | None = None
    hiscore: i64 = 0
    sk: SockCommon | None = head
    while sk is not None:
        score = compute_score(sk, rcv_saddr, dif)
        if score > hiscore and isinstance(sk, Sock):
            best = sk
            hiscore = score
        sk = sk.hash_next
    if best is not None and best.sk_reuseport:
        return lookup_reuseport(net, head, best, saddr, sport, daddr, hnum)
    return best


def compute_score(sk: SockCommon, rcv_saddr: i64, dif: i64) -> i64:
    """0: not for this listener."""
    if sk.sk_family == AF_INET6:
        # a wildcard listener of AF_INET6 takes IPv4 too, unless IPV6_V6ONLY says no (ipv6(7))
        if rcv_saddr != 0 or sk.sk_ipv6only or sk.sk_rcv_saddr != 0 or not v6_any(sk.sk_v6_rcv_saddr):
            return 0
    elif sk.sk_rcv_saddr != rcv_saddr:
        return 0
    score: i64 = 1
    if sk.sk_bound_dev_if != 0:
        if sk.sk_bound_dev_if != dif:
            return 0
        score = 2
    return score if sk.sk_family == AF_INET6 else score + 1


def v6_any(addr: bytes) -> bool:
    return len(addr) == 0 or addr == bytes(16)


def lookup_reuseport(
    net: Net, head: SockCommon, first: Sock, saddr: i64, sport: i64, daddr: i64, hnum: i64
) -> Sock:
    """SO_REUSEPORT (socket(7)): connections are spread over the group by a hash of addresses and ports."""
    group: list[Sock] = []
    sk: SockCommon | None = head
    while sk is not None:
        if (
            isinstance(sk, Sock)
            and sk.sk_reuseport
            and sk.sk_uid == first.sk_uid
            and sk.sk_family == first.sk_family
            and sk.sk_rcv_saddr == first.sk_rcv_saddr
            and sk.sk_bound_dev_if == first.sk_bound_dev_if
            and sk.sk_v6_rcv_saddr == first.sk_v6_rcv_saddr
        ):
            group.append(sk)
        sk = sk.hash_next
    n: i64 = len(group)
    phash = inet_ehashfn(net, daddr, hnum, saddr, sport)
    at: i64 = (phash * n) >> 32
    # the chain has the newest in front, the group counts from the oldest
    return group[n - 1 - at]


def inet_ehashfn(net: Net, laddr: i64, lport: i64, faddr: i64, fport: i64) -> i64:
    return secure_seq.secure_ipv4_port_ephemeral(net.kernel, laddr ^ lport, faddr, fport) & 0xFFFFFFFF


# ---- the established table


def ehash_key(sk: SockCommon) -> i64:
    return (sk.sk_num << 16) | sk.sk_dport


def inet_ehash_insert(sk: SockCommon) -> None:
    """Put sk at the head of its chain."""
    ehash = sk.sk_net.tcp_hashinfo.ehash
    key = ehash_key(sk)
    sk.hash_next = ehash.get(key)
    ehash[key] = sk
    sk.sk_hashed = True


def __sk_nulls_del(sk: SockCommon) -> bool:
    """Take sk off its chain. False: it was on none."""
    if not sk.sk_hashed:
        return False
    table = sk.sk_net.tcp_hashinfo.ehash
    key = ehash_key(sk)
    __chain_del(table, key, sk)
    return True


def __chain_del(table: dict[int, SockCommon], key: i64, sk: SockCommon) -> None:
    at = table.get(key)
    if at is sk:
        after = sk.hash_next
        if after is None:
            del table[key]
        else:
            table[key] = after
    else:
        while at is not None:
            if at.hash_next is sk:
                at.hash_next = sk.hash_next
                break
            at = at.hash_next
    sk.hash_next = None
    sk.sk_hashed = False


def inet_ehash_nolisten(sk: Sock, osk: SockCommon | None) -> bool:
    """Hash a connection in place of osk, the request it grew from. False: osk is no longer there, somebody
    was faster."""
    ok = True
    if osk is not None:
        ok = __sk_nulls_del(osk)
    if ok:
        inet_ehash_insert(sk)
    return ok


def inet_hash(sk: Sock) -> i64:
    """`sk_prot->hash`: make sk reachable, as a listener or as a connection. 0 or -errno."""
    if sk.sk_state == TCP_LISTEN:
        lhash2 = sk.sk_net.tcp_hashinfo.lhash2
        sk.hash_next = lhash2.get(sk.sk_num)
        lhash2[sk.sk_num] = sk
        sk.sk_hashed = True
    elif sk.sk_state != 7:
        inet_ehash_insert(sk)
    return 0


def inet_unhash(sk: Sock) -> None:
    """`sk_prot->unhash`: nothing finds sk any more."""
    if not sk.sk_hashed:
        return
    if sk.sk_state == TCP_LISTEN:
        __chain_del(sk.sk_net.tcp_hashinfo.lhash2, sk.sk_num, sk)
    else:
        __sk_nulls_del(sk)


# ---- the table of ports


def inet_bind_bucket_create(net: Net, port: i64) -> InetBindBucket:
    tb = InetBindBucket(port)
    net.tcp_hashinfo.bhash[port] = tb
    slab.kmem_cache_alloc(net.kernel.slabs["tcp_bind_bucket"])
    return tb


def inet_bind_bucket_destroy(net: Net, tb: InetBindBucket) -> None:
    """Free the bucket of a port that nobody owns any more."""
    if tb.owners is not None or net.tcp_hashinfo.bhash.get(tb.port) is not tb:
        return
    del net.tcp_hashinfo.bhash[tb.port]
    slab.kmem_cache_free(net.kernel.slabs["tcp_bind_bucket"])


def inet_bind_hash(sk: InetConnectionSock, tb: InetBindBucket, port: i64) -> None:
    """sk owns port now."""
    sk.sk_num = port
    sk_add_bind_node(sk, tb)
    sk.icsk_bind_hash = tb


def inet_put_port(sk: InetConnectionSock) -> None:
    """sk lets its port go."""
    tb = sk.icsk_bind_hash
    if tb is None:
        return
    sk.icsk_bind_hash = None
    sk_del_bind_node(sk, tb)
    sk.sk_num = 0
    sk.sk_userlocks &= ~SOCK_CONNECT_BIND
    inet_bind_bucket_leave(sk.sk_net, tb)


def inet_bind_bucket_leave(net: Net, tb: InetBindBucket) -> None:
    """An owner went: free the bucket, or let connect use the port again if only its own choices are left
    there."""
    owner = tb.owners
    if owner is None:
        inet_bind_bucket_destroy(net, tb)
        return
    if tb.fastreuse < 0 and tb.fastreuseport < 0:
        return
    while owner is not None:
        if not sk_is_connect_bind(owner):
            return
        owner = owner.bind_next
    tb.fastreuse = -1
    tb.fastreuseport = -1


def sk_add_bind_node(sk: SockCommon, tb: InetBindBucket) -> None:
    """sk is the latest of the port's owners."""
    last = tb.owners_last
    sk.bind_prev = last
    sk.bind_next = None
    if last is None:
        tb.owners = sk
    else:
        last.bind_next = sk
    tb.owners_last = sk


def sk_del_bind_node(sk: SockCommon, tb: InetBindBucket) -> None:
    """sk is an owner no more."""
    before = sk.bind_prev
    behind = sk.bind_next
    if before is None:
        tb.owners = behind
    else:
        before.bind_next = behind
    if behind is None:
        tb.owners_last = before
    else:
        behind.bind_prev = before
    sk.bind_prev = None
    sk.bind_next = None


def sk_is_connect_bind(sk: SockCommon) -> bool:
    """Its port was chosen by connect(2)."""
    if isinstance(sk, InetTimewaitSock):
        return sk.tw_connect_bind
    return isinstance(sk, Sock) and (sk.sk_userlocks & SOCK_CONNECT_BIND) != 0


def __inet_inherit_port(sk: InetConnectionSock, child: InetConnectionSock) -> i64:
    """A child shares the port of its listener. 0, or -errno when the listener has just let it go."""
    tb = sk.icsk_bind_hash
    if tb is None:
        return -2
    port = child.sk_num
    if tb.port != port:
        # a transparent proxy's child may stand on another port than its listener
        found = sk.sk_net.tcp_hashinfo.bhash.get(port)
        tb = found if found is not None else inet_bind_bucket_create(sk.sk_net, port)
    inet_bind_hash(child, tb, port)
    return 0


# ---- connect: a port, and the place in the table


def inet_hash_connect(sk: InetConnectionSock) -> i64:
    """Give sk a port if it has none, and hash it. 0, -EADDRNOTAVAIL or -EADDRINUSE."""
    port_offset: i64 = 0
    if sk.sk_num == 0:
        port_offset = secure_seq.secure_ipv4_port_ephemeral(
            sk.kernel, sk.sk_rcv_saddr, sk.sk_daddr, sk.sk_dport
        )
    return __inet_hash_connect(sk, port_offset)


def __inet_hash_connect(sk: InetConnectionSock, port_offset: i64) -> i64:
    net = sk.sk_net
    hinfo = net.tcp_hashinfo
    if sk.sk_num != 0:
        if __inet_check_established(sk, sk.sk_num, True):
            return 0
        return -EADDRNOTAVAIL
    low, high = inet_sk_get_local_port_range(sk)
    local_ports = sk.local_port_range_lo != 0 or sk.local_port_range_hi != 0
    step: i64 = 1 if local_ports else 2
    high += 1
    remaining: i64 = high - low
    if not local_ports and remaining > 1:
        remaining &= ~1
    index: i64 = port_offset & (INET_TABLE_PERTURB_SIZE - 1)
    counter = hinfo.table_perturb.get(index)
    perturb: i64 = secure_seq.table_perturb_init(net.kernel, index) if counter is None else counter
    offset: i64 = (perturb + (port_offset >> 32)) % remaining
    if not local_ports:
        offset &= ~1
    reserved = inet_local_reserved_ports(net)
    while True:
        port: i64 = low + offset
        i: i64 = 0
        while i < remaining:
            if port >= high:
                port -= remaining
            if not (reserved and reserved_port(reserved, port)):
                tb = hinfo.bhash.get(port)
                if tb is None:
                    tb = inet_bind_bucket_create(net, port)
                    tb.fastreuse = -1
                    tb.fastreuseport = -1
                    sk.sk_num = port
                    inet_connect_bind(sk, tb, port, True)
                    perturb_advance(hinfo, net, index, perturb, i, step)
                    return 0
                # Ports taken by bind(2) are left alone: whoever bound one wants to use it.
                if tb.fastreuse < 0 and tb.fastreuseport < 0 and __inet_check_established(sk, port, False):
                    inet_connect_bind(sk, tb, port, False)
                    perturb_advance(hinfo, net, index, perturb, i, step)
                    return 0
            i += step
            port += step
        if local_ports:
            return -EADDRNOTAVAIL
        offset += 1
        if (offset & 1) == 0 or remaining <= 1:
            return -EADDRNOTAVAIL


def perturb_advance(hinfo: InetHashinfo, net: Net, index: i64, perturb: i64, i: i64, step: i64) -> None:
    """The next search of this class starts beyond the port just taken; now and then one further, as noise."""
    if i == 0 and net.kernel.rng_port.below(16) == 0:
        i = step
    hinfo.table_perturb[index] = (perturb + i + step) & 0xFFFFFFFF


def inet_connect_bind(sk: InetConnectionSock, tb: InetBindBucket, port: i64, hash_it: bool) -> None:
    inet_bind_hash(sk, tb, port)
    sk.inet_sport = port
    sk.sk_userlocks |= SOCK_CONNECT_BIND
    if hash_it:
        inet_ehash_insert(sk)


def __inet_check_established(sk: InetConnectionSock, lport: i64, bound: bool) -> bool:
    """Hash sk under lport if no other sock has the same four numbers; a TIME-WAIT that may be reused gives
    way."""
    net = sk.sk_net
    other = net.tcp_hashinfo.ehash.get((lport << 16) | sk.sk_dport)
    tw: InetTimewaitSock | None = None
    while other is not None:
        if (
            other.sk_daddr == sk.sk_daddr
            and other.sk_rcv_saddr == sk.sk_rcv_saddr
            and (
                other.sk_bound_dev_if == 0
                or sk.sk_bound_dev_if == 0
                or other.sk_bound_dev_if == sk.sk_bound_dev_if
            )
        ):
            if other.sk_state != TCP_TIME_WAIT or not isinstance(other, InetTimewaitSock):
                return False
            if not tcp_ipv4.tcp_twsk_unique(sk, other):
                return False
            tw = other
            break
        other = other.hash_next
    sk.sk_num = lport
    sk.inet_sport = lport
    inet_ehash_insert(sk)
    if tw is not None:
        net.mib_linux.TWRecycled += 1
        inet_timewait_sock.inet_twsk_deschedule_put(tw)
    return True


# ---- ranges


def inet_sk_get_local_port_range(sk: InetSock) -> tuple[i64, i64]:
    """The ephemeral ports of sk: the namespace's, narrowed by IP_LOCAL_PORT_RANGE where both overlap."""
    rng = sk.sk_net.ipv4.sysctl_ip_local_port_range
    low: i64 = rng[0]
    high: i64 = rng[1]
    lo: i64 = sk.local_port_range_lo
    hi: i64 = sk.local_port_range_hi
    if lo != 0 or hi != 0:
        if lo != 0 and low <= lo <= high:
            low = lo
        if hi != 0 and low <= hi <= high:
            high = hi
    return low, high


def inet_local_reserved_ports(net: Net) -> str:
    return net.ipv4.sysctl_ip_local_reserved_ports


def reserved_port(reserved: str, port: i64) -> bool:
    """Whether `net.ipv4.ip_local_reserved_ports` ("8080,9000-9100") names port."""
    for part in reserved.split(","):
        ends = part.strip().split("-")
        if not ends[0].isdigit():
            continue
        first: i64 = int(ends[0])
        last: i64 = int(ends[-1]) if ends[-1].isdigit() else first
        if first <= port <= last:
            return True
    return False


# ---- do two local addresses overlap?


def inet_rcv_saddr_equal(sk: SockCommon, sk2: SockCommon, match_wildcard: bool) -> bool:
    """The local addresses of two socks are the same; with match_wildcard, "any" is the same as each."""
    if sk.sk_family == AF_INET6:
        return ipv6_rcv_saddr_equal(sk, sk2, match_wildcard)
    if sk2.sk_family == AF_INET6:
        if sk2.sk_ipv6only:
            return False
        if v6_any(sk2.sk_v6_rcv_saddr):
            return match_wildcard or sk.sk_rcv_saddr == 0
        if not v6_mapped(sk2.sk_v6_rcv_saddr):
            return False
    return ipv4_rcv_saddr_equal(sk.sk_rcv_saddr, sk2.sk_rcv_saddr, match_wildcard)


def ipv4_rcv_saddr_equal(a: i64, b: i64, match_wildcard: bool) -> bool:
    if a == b:
        return True
    return match_wildcard and (a == 0 or b == 0)


def ipv6_rcv_saddr_equal(sk: SockCommon, sk2: SockCommon, match_wildcard: bool) -> bool:
    any1 = v6_any(sk.sk_v6_rcv_saddr)
    map1 = v6_mapped(sk.sk_v6_rcv_saddr)
    if sk2.sk_family != AF_INET6:
        if sk.sk_ipv6only:
            return False
        if map1:
            return ipv4_rcv_saddr_equal(sk.sk_rcv_saddr, sk2.sk_rcv_saddr, match_wildcard)
        return any1 and (match_wildcard or sk2.sk_rcv_saddr == 0)
    any2 = v6_any(sk2.sk_v6_rcv_saddr)
    map2 = v6_mapped(sk2.sk_v6_rcv_saddr)
    if map1 and map2:
        return ipv4_rcv_saddr_equal(sk.sk_rcv_saddr, sk2.sk_rcv_saddr, match_wildcard)
    if any1 and any2:
        return True
    if any2 and match_wildcard:
        return not (sk2.sk_ipv6only and map1)
    if any1 and match_wildcard:
        return not (sk.sk_ipv6only and map2)
    return sk.sk_v6_rcv_saddr == sk2.sk_v6_rcv_saddr


def v6_mapped(addr: bytes) -> bool:
    """::ffff:0:0/96"""
    return len(addr) == 16 and addr[:12] == b"\0\0\0\0\0\0\0\0\0\0\xff\xff"
