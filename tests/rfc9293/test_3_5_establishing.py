"""RFC 9293 section 3.5: establishing a connection."""

from __future__ import annotations

import pytest

from tests.segments import LOCAL, Peer, Wire, addr, established, parse, syn_recv, syn_sent


def test_passive_open_is_three_segments() -> None:
    w = Wire()
    p, lfd = syn_recv(w)
    p.expect("SA", seq=0, ack=1, mss=1460)
    assert w.call("accept4", lfd, None, None, 0o4000) == -11
    p.send("A", seq=1, ack=1)
    fd = w.call("accept4", lfd, None, None, 0o4000)
    assert fd >= 0
    assert w.sock(fd).sk_state == 1


def test_active_open_is_three_segments() -> None:
    w = Wire()
    p = syn_sent(w)
    p.expect("S", seq=0, mss=1460, wscale=10, sack_ok=True)
    p.send("SA", seq=0, ack=1, mss=1000)
    p.expect("A", seq=1, ack=1)
    assert p.sk.sk_state == 1
    assert p.sk.mss_cache == 1000


def test_simultaneous_open() -> None:
    """Figure 7."""
    w = Wire()
    p = syn_sent(w)
    p.expect("S", seq=0)
    p.send("S", seq=0, mss=1460)
    assert p.sk.sk_state == 3
    p.expect("SA", seq=0, ack=1)
    p.send("SA", seq=0, ack=1, mss=1460)
    assert p.sk.sk_state == 1
    p.write(b"hi")
    out = [s for s in w.frames() if s.data]
    assert out[0].data == b"hi"


def test_a_request_takes_the_option_that_both_sides_have() -> None:
    w = Wire()
    p, lfd = syn_recv(w, mss=1200, wscale=7, sack_ok=True, ts=(7, 0))
    sa = p.expect("SA", seq=0, ack=1, sack_ok=True)
    assert sa.ts is not None
    assert sa.ts[1] == 7
    assert sa.wscale == 10
    p.send("A", seq=1, ack=1)
    p.fd = w.call("accept4", lfd, None, None, 0o4000)
    assert p.sk.snd_wscale == 7
    assert p.sk.tstamp_ok
    assert p.sk.mss_cache == 1188


def test_the_syn_ack_is_repeated_and_given_up() -> None:
    w = Wire()
    syn_recv(w)
    w.run(100_000)
    assert [round(s.at / 1000) for s in w.frames()] == [0, 1, 3, 7, 15, 31]
    assert w.k.slabs["request_sock_TCP"].active == 0


def test_a_repeated_syn_is_answered_again() -> None:
    w = Wire()
    p, _ = syn_recv(w)
    p.expect("SA", seq=0, ack=1)
    w.run(600)
    p.send("S", mss=1460)
    p.expect("SA", seq=0, ack=1)


def test_a_full_accept_queue_drops_the_third_segment_and_keeps_the_request() -> None:
    w = Wire()
    lfd = w.listen(backlog=0)
    first, _ = syn_recv(w, lfd)
    first.expect("SA")
    second, _ = syn_recv(w, lfd)
    second_sa = parse(w.out[-1][1]) if w.out else None
    first.send("A", seq=1, ack=1)
    if second_sa is not None:
        second.irs = second_sa.seq
        w.frames()
        second.send("A", seq=1, ack=1)
    third = Peer(w, 55555, 8080)
    w.frames()
    third.send("S", mss=1460)
    w.nothing()
    assert w.mib.ListenOverflows >= 1


def test_connecting_to_a_closed_port_is_refused() -> None:
    w = Wire()
    p = Peer(w, 41000, 8081)
    p.send("S", mss=1460)
    rst = p.next()
    assert rst.flags == "RA"
    assert rst.ack == 1
    assert rst.seq == 0


def test_a_refused_connect_tells_the_program() -> None:
    w = Wire()
    p = syn_sent(w)
    p.expect("S")
    p.send("RA", seq=0, ack=1)
    assert p.error() == 111
    assert p.sk.sk_state == 7


@pytest.mark.parametrize("flags", ["A", "SA", "PA"])
def test_half_open_is_discovered(flags: str) -> None:
    """Section 3.5.1: a segment for a connection that is not there is reset with the sequence number it
    acknowledges."""
    w = Wire()
    p = Peer(w, 41000, 8081)
    p.send(flags, seq=5, ack=77)
    rst = p.next()
    assert rst.flags == "R"
    assert rst.seq == 77


def test_a_second_listener_is_in_use() -> None:
    w = Wire()
    w.listen()
    fd = w.socket()
    assert w.call("bind", fd, addr(LOCAL, 8080), 16) == -98


def test_data_with_the_third_segment_is_not_lost() -> None:
    w = Wire()
    p, lfd = syn_recv(w)
    p.expect("SA")
    p.send("PA", seq=1, ack=1, data=b"early")
    p.fd = w.call("accept4", lfd, None, None, 0o4000)
    assert p.read() == b"early"


def test_established_by_the_ladder() -> None:
    assert established(Wire()).sk.sk_state == 1
