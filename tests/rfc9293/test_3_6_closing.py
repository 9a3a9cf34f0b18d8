"""RFC 9293 section 3.6: closing a connection, in every order."""

from __future__ import annotations

from tests.segments import (
    Wire,
    close_wait,
    closing,
    established,
    fin_wait1,
    fin_wait2,
    last_ack,
    time_wait,
)


def tw_count(w: Wire) -> int:
    return int(w.k.slabs["tw_sock_TCP"].active)


def test_the_normal_close() -> None:
    """Figure 12."""
    w = Wire()
    p = established(w)
    assert p.close() == 0
    p.expect("FA", seq=1, ack=1)
    p.send("A", seq=1, ack=2)
    w.run(10)
    p.send("FA", seq=1, ack=2)
    p.expect("A", seq=2, ack=2)
    assert tw_count(w) == 1
    w.run(61_000)
    assert tw_count(w) == 0
    p.nothing()


def test_the_other_side_closes_first() -> None:
    w = Wire()
    p = close_wait(w)
    assert p.sk.sk_state == 8
    assert p.read() == b""
    p.write(b"bye")
    p.expect("PA", seq=1, ack=2, data=b"bye")
    p.send("A", seq=2, ack=4)
    p.close()
    p.expect("FA", seq=4, ack=2)
    p.send("A", seq=2, ack=5)
    assert tw_count(w) == 0
    assert w.k.slabs["TCP"].active == 1  # the listener


def test_simultaneous_close() -> None:
    """Figure 13."""
    w = Wire()
    p = closing(w)
    assert p.sk.sk_state == 11
    p.send("A", seq=2, ack=2)
    assert tw_count(w) == 1


def test_a_fin_that_acknowledges_ours_skips_fin_wait_2() -> None:
    w = Wire()
    p = fin_wait1(w)
    p.send("FA", seq=1, ack=2)
    p.expect("A", seq=2, ack=2)
    assert tw_count(w) == 1


def test_half_close_goes_on_receiving() -> None:
    w = Wire()
    p = fin_wait2(w)
    assert p.sk.sk_state == 5
    assert p.write(b"x", 0x4000) == -32
    p.send("PA", seq=1, ack=2, data=b"more")
    p.expect("A", seq=2, ack=5)
    assert p.read() == b"more"


def test_data_after_close_is_reset() -> None:
    """RFC 2525 section 2.17, RFC 1122 section 4.2.2.13."""
    w = Wire()
    p = established(w)
    p.close()
    p.expect("FA", seq=1, ack=1)
    p.send("A", seq=1, ack=2)
    p.send("PA", seq=1, ack=2, data=b"x")
    assert p.next().flags == "R"


def test_closing_with_unread_data_resets() -> None:
    w = Wire()
    p = established(w)
    p.send("PA", seq=1, ack=1, data=b"unread")
    p.expect("A", ack=7)
    p.close()
    p.expect("RA", seq=1, ack=7)
    assert w.mib.TCPAbortOnClose == 1


def test_an_orphan_in_fin_wait_2_goes_after_a_minute() -> None:
    w = Wire()
    p = established(w)
    p.close()
    p.expect("FA")
    p.send("A", seq=1, ack=2)
    assert tw_count(w) == 1  # FIN-WAIT-2 of an orphan is kept as a time-wait sock
    w.run(61_000)
    assert tw_count(w) == 0


def test_time_wait_answers_a_repeated_fin_and_waits_anew() -> None:
    w = Wire()
    p = time_wait(w)
    w.run(30_000)
    p.send("FA", seq=1, ack=2)
    p.expect("A", seq=2, ack=2)
    w.run(59_000)
    assert tw_count(w) == 1
    w.run(2_000)
    assert tw_count(w) == 0


def test_last_ack_ends_with_the_ack_of_the_fin() -> None:
    w = Wire()
    p = last_ack(w)
    sk = p.sk
    assert sk.sk_state == 9
    p.send("A", seq=2, ack=2)
    assert sk.sk_state == 7


def test_a_fin_is_repeated_until_acknowledged() -> None:
    w = Wire()
    p = fin_wait1(w)
    w.run(300)
    p.expect("FA", seq=1, ack=1)


def test_a_fin_out_of_order_waits_for_the_data() -> None:
    w = Wire()
    p = established(w)
    p.send("FA", seq=6, ack=1)
    p.expect("A", ack=1)
    assert p.sk.sk_state == 1
    p.send("PA", seq=1, ack=1, data=b"hello")
    p.expect("A", ack=7)
    assert p.sk.sk_state == 8
    assert p.read() == b"hello"
    assert p.read() == b""
