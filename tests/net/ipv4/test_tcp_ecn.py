"""ECN by segments: RFC 3168 section 6.1."""

from __future__ import annotations

from tests.segments import Peer, Wire, syn_recv


def ecn_peer() -> Peer:
    """A connection that agreed to ECN, by a listener."""
    w = Wire(tcp_ecn=1)
    lfd = w.listen()
    w.ports += 1
    p = Peer(w, w.ports, 8080)
    p.send("SEW", mss=1460)
    p.irs = p.next().seq
    w.out.clear()
    p.send("A", seq=1, ack=1)
    p.fd = w.call("accept4", lfd, None, None, 0o4000)
    assert p.fd >= 0
    return p


def test_syn_ack_agrees_with_ece_alone() -> None:
    w = Wire(tcp_ecn=1)
    w.listen()
    w.ports += 1
    p = Peer(w, w.ports, 8080)
    p.send("SEW", mss=1460)
    assert "".join(sorted(p.next().flags)) == "AES"


def test_without_an_offer_nothing_is_agreed() -> None:
    w = Wire(tcp_ecn=1)
    p, _ = syn_recv(w)
    p.expect("SA")


def test_a_mark_is_echoed_until_cwr() -> None:
    p = ecn_peer()
    p.send("PA", seq=1, ack=1, data=b"one", ecn=3)
    p.w.run(300)
    p.expect("AE", ack=4)
    p.send("PA", seq=4, ack=1, data=b"two", ecn=2)
    p.w.run(300)
    p.expect("AE", ack=7)  # still
    p.send("PAW", seq=7, ack=1, data=b"six", ecn=2)
    p.w.run(300)
    p.expect("A", ack=10)
    p.send("PA", seq=10, ack=1, data=b"ten", ecn=2)
    p.w.run(300)
    p.expect("A", ack=13)


def test_data_is_marked_capable_and_ece_is_answered_by_cwr_once() -> None:
    p = ecn_peer()
    p.write(b"a")
    assert p.expect("PA", data=b"a").ecn == 2
    p.send("AE", seq=1, ack=2)
    p.write(b"b")
    p.expect("PAW", data=b"b")
    p.send("A", seq=1, ack=3)
    p.write(b"c")
    p.expect("PA", data=b"c")
