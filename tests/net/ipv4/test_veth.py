"""Two namespaces of one machine on a cable."""

from __future__ import annotations

import pytest

import sockfs
from sockfs.drivers import veth
from sockfs.kernel import softirq
from sockfs.net.core import dev as net_dev
from sockfs.net.ipv4 import devinet, fib_frontend
from tests.parity.harness import ip


def pair() -> tuple[object, object, object]:
    a, b = sockfs.Kernel(seed=1), sockfs.Kernel(seed=2)
    end = veth.veth_newlink(a.init_net, "eth0", b.init_net, "eth0")
    assert end is not None and end.peer is not None
    for d, addr in ((end, 0x0A000001), (end.peer, 0x0A000002)):
        assert net_dev.dev_open(d) == 0
        assert devinet.inet_addr_add(d, addr, 24, 0x0A0000FF) == 0
    return a, b, end


def run(*kernels: object) -> None:
    while any(softirq.pending(k) for k in kernels):
        for k in kernels:
            softirq.do_softirq(k, 100)


@pytest.mark.parametrize("wired", [False, True])
def test_datagrams_cross_the_cable(wired: bool) -> None:
    a, b, end = pair()
    a.wire_mode = b.wire_mode = wired
    ta, tb = a.task("a"), b.task("b")
    rx = tb.syscall("socket", 2, 2, 0)
    assert tb.syscall("bind", rx, ip("0.0.0.0", 5000), 16) == 0
    tx = ta.syscall("socket", 2, 2, 0)
    for data in (b"hello", bytes(5000)):
        assert ta.syscall("sendto", tx, data, len(data), 0, ip("10.0.0.2", 5000), 16) == len(data)
        run(a, b)
        buf, name, size = bytearray(6000), bytearray(16), [16]
        assert tb.syscall("recvfrom", rx, buf, 6000, 0x40, name, size) == len(data)
        assert bytes(name[4:8]) == b"\x0a\0\0\1" and buf[: len(data)] == data
    assert b.init_net.mib_ip.ReasmOKs == 1 and end.tx_packets == 5
    assert ta.syscall("sendto", tx, b"x", 1, 0, ip("10.0.0.2", 9), 16) == 1
    run(a, b)
    assert a.init_net.mib_icmp.InDestUnreachs == 1
    assert a.skbuff_head_cache.active == 0 and b.skbuff_head_cache.active == 0


def test_routes_and_broadcasts() -> None:
    a, b, end = pair()
    ta, tb = a.task("a"), b.task("b")
    tx, rx = ta.syscall("socket", 2, 2, 0), tb.syscall("socket", 2, 2, 0)
    tb.syscall("bind", rx, ip("0.0.0.0", 5000), 16)
    assert ta.syscall("sendto", tx, b"x", 1, 0, ip("192.168.7.7", 5000), 16) == -101
    assert fib_frontend.ip_route_add(a.init_net, 0, 0, None, 0x0A000002, 0, 1, 0) == 0
    assert ta.syscall("sendto", tx, b"x", 1, 0, ip("192.168.7.7", 5000), 16) == 1
    run(a, b)
    assert b.init_net.mib_ip.InAddrErrors == 1
    assert ta.syscall("sendto", tx, b"x", 1, 0, ip("10.0.0.255", 5000), 16) == -13
    ta.syscall("setsockopt", tx, 1, 6, b"\1\0\0\0", 4)
    assert ta.syscall("sendto", tx, b"x", 1, 0, ip("10.0.0.255", 5000), 16) == 1
    run(a, b)
    assert tb.syscall("recvfrom", rx, bytearray(4), 4, 0x40, None, None) == 1
    assert fib_frontend.ip_route_del(a.init_net, 0, 0, None) == 0
    assert ta.syscall("sendto", tx, b"x", 1, 0, ip("192.168.7.7", 5000), 16) == -101
    net_dev.dev_close(end)
    assert ta.syscall("sendto", tx, b"x", 1, 0, ip("10.0.0.2", 5000), 16) == -101
