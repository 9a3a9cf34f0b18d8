"""The receiving side by segments: delayed and quick ACKs, out-of-order data, SACK and D-SACK, windows,
urgent data."""

from __future__ import annotations

from tests.segments import Wire, established, sack_established


def test_data_reaches_the_reader_and_is_acknowledged() -> None:
    w = Wire()
    p = established(w)
    p.send("PA", seq=1, ack=1, data=b"hello")
    p.expect("A", seq=1, ack=6, len=0)
    assert p.read() == b"hello"
    assert p.read() == -11


def test_an_ack_is_delayed_in_a_conversation_and_rides_on_the_answer() -> None:
    w = Wire()
    p = established(w)
    p.send("PA", seq=1, ack=1, data=b"ask")
    p.expect("A", ack=4)
    p.read()
    p.write(b"answer")
    p.expect("PA", seq=1, ack=4, data=b"answer")
    p.send("PA", seq=4, ack=7, data=b"ask")
    p.nothing()  # delayed
    p.read()
    p.write(b"answer")
    p.expect("PA", seq=7, ack=7, data=b"answer")
    w.run(30)
    p.nothing()


def test_a_delayed_ack_goes_within_forty_milliseconds() -> None:
    w = Wire()
    p = established(w)
    p.send("PA", seq=1, ack=1, data=b"ask")
    p.expect("A", ack=4)
    p.write(b"answer")
    p.expect("PA", seq=1, ack=4)
    p.send("PA", seq=4, ack=7, data=b"ask")
    p.nothing()
    at = w.now
    w.run(200)
    ack = p.expect("A", seq=7, ack=7, len=0)
    assert 39 <= ack.at - at <= 45
    assert w.mib.DelayedACKs == 1


def test_out_of_order_data_is_answered_at_once_with_sack_blocks_latest_first() -> None:
    w = Wire()
    p = sack_established(w)
    p.send("A", seq=101, ack=1, data=b"b" * 100)
    p.expect("A", ack=1, sacks=[(101, 201)])
    p.send("A", seq=301, ack=1, data=b"d" * 100)
    p.expect("A", ack=1, sacks=[(301, 401), (101, 201)])
    p.send("A", seq=201, ack=1, data=b"c" * 100)
    p.expect("A", ack=1, sacks=[(101, 401)])
    p.send("A", seq=1, ack=1, data=b"a" * 100)
    p.expect("A", ack=401, sacks=[])
    assert p.read() == b"a" * 100 + b"b" * 100 + b"c" * 100 + b"d" * 100


def test_a_duplicate_is_reported_by_d_sack() -> None:
    w = Wire()
    p = sack_established(w)
    p.send("PA", seq=1, ack=1, data=b"x" * 100)
    p.expect("A", ack=101)
    p.send("PA", seq=1, ack=1, data=b"x" * 100)
    p.expect("A", ack=101, sacks=[(1, 101)])
    assert w.mib.TCPDSACKOldSent == 1
    assert p.read() == b"x" * 100
    assert p.read() == -11


def test_overlaps_give_each_byte_once() -> None:
    w = Wire()
    p = sack_established(w)
    p.send("A", seq=51, ack=1, data=b"0123456789" * 5)
    p.send("A", seq=41, ack=1, data=b"9876543210" * 2)
    p.send("A", seq=1, ack=1, data=b"abcde" * 9)
    w.run(1)
    w.frames()
    got = p.read()
    assert isinstance(got, bytes)
    assert len(got) == 100
    assert got[:45] == b"abcde" * 9


def test_a_closed_window_drops_data_and_says_so() -> None:
    w = Wire()
    p = established(w)
    p.setsockopt(1, 8, 4096)
    seq = 1
    for _ in range(40):
        p.send("A", seq=seq, ack=1, data=b"z" * 1000)
        acks = w.frames()
        if acks and acks[-1].win == 0:
            break
        seq += 1000
    else:
        raise AssertionError("the window never closed")
    before = p.sk.rcv_nxt
    p.send("A", seq=(before - p.iss) & 0xFFFFFFFF, ack=1, data=b"z" * 1000)
    assert p.sk.rcv_nxt == before
    assert w.frames()[-1].win == 0
    while isinstance(p.read(), bytes):
        pass
    assert w.frames()[-1].win > 0  # the reader made room: the peer is told


def test_urgent_data_is_one_byte_out_of_band() -> None:
    w = Wire()
    p = established(w)
    p.send("PAU", seq=1, ack=1, data=b"abc", urg=3)
    assert p.read(1, flags=1) == b"c"
    assert p.read() == b"ab"


def test_nagle_holds_a_small_segment_until_the_last_is_acknowledged() -> None:
    w = Wire()
    p = established(w)
    p.write(b"a")
    p.expect("PA", seq=1, data=b"a")
    p.write(b"b")
    p.write(b"c")
    p.nothing()
    p.send("A", seq=1, ack=2)
    p.expect("PA", seq=2, data=b"bc")


def test_nodelay_does_not_wait() -> None:
    w = Wire()
    p = established(w)
    p.setsockopt(6, 1, 1)
    p.write(b"a")
    p.write(b"b")
    p.expect("PA", seq=1, data=b"a")
    p.expect("PA", seq=2, data=b"b")


def test_cork_fills_segments_and_lets_go_when_pulled() -> None:
    w = Wire()
    p = established(w)
    p.setsockopt(6, 3, 1)
    p.write(b"a" * 100)
    p.write(b"b" * 100)
    p.nothing()
    p.setsockopt(6, 3, 0)
    p.expect("PA", seq=1, len=200)
