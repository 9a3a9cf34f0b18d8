"""RFC 9293 section 3.10.7: a segment arrives. With RFC 5961's answers to blind attacks, and PAWS."""

from __future__ import annotations

import pytest

from tests.segments import Peer, Wire, close_wait, established, fin_wait1, fin_wait2, last_ack, syn_sent


def test_listen_ignores_a_reset_and_resets_an_ack() -> None:
    """3.10.7.2."""
    w = Wire()
    w.listen()
    p = Peer(w, 42000, 8080)
    p.send("R", seq=5)
    p.nothing()
    p.send("A", seq=5, ack=99)
    rst = p.next()
    assert (rst.flags, rst.seq) == ("R", 99)
    p.send("F", seq=5)
    p.nothing()
    p.send("SF", seq=5)
    p.nothing()


@pytest.mark.parametrize("ack", [0, 2])
def test_syn_sent_resets_an_unacceptable_ack(ack: int) -> None:
    """3.10.7.3, first."""
    w = Wire()
    p = syn_sent(w)
    p.expect("S")
    p.send("SA", seq=0, ack=ack, mss=1460)
    p.expect("R", seq=ack)
    assert p.sk.sk_state == 2
    p.send("RA", seq=0, ack=ack)
    assert p.sk.sk_state == 2


def test_syn_sent_believes_only_a_reset_that_acknowledges_the_syn() -> None:
    w = Wire()
    p = syn_sent(w)
    p.expect("S")
    p.send("R", seq=0)
    assert p.sk.sk_state == 2
    p.send("RA", seq=0, ack=1)
    assert p.sk.sk_state == 7


def test_an_exact_reset_ends_the_connection() -> None:
    w = Wire()
    p = established(w)
    p.send("R", seq=1)
    assert p.sk.sk_state == 7
    assert p.read() == -104
    p.nothing()


def test_a_reset_elsewhere_in_the_window_is_challenged() -> None:
    """RFC 5961 section 3.2."""
    w = Wire()
    p = established(w)
    p.send("R", seq=101)
    p.expect("A", seq=1, ack=1)
    assert p.sk.sk_state == 1
    assert w.mib.TCPChallengeACK == 1


def test_a_reset_outside_the_window_is_dropped() -> None:
    w = Wire()
    p = established(w)
    p.send("R", seq=1_000_000)
    p.nothing()
    assert p.sk.sk_state == 1


def test_a_syn_on_a_connection_is_challenged_wherever_it_lies() -> None:
    """RFC 5961 section 4.2."""
    w = Wire()
    p = established(w)
    p.send("S", seq=1)
    p.expect("A", seq=1, ack=1)
    assert w.mib.TCPSYNChallenge == 1
    w.run(600)
    p.send("S", seq=5_000_000)
    p.expect("A", seq=1, ack=1)
    assert p.sk.sk_state == 1


def test_challenges_are_rationed() -> None:
    """RFC 5961 section 7; net.ipv4.tcp_invalid_ratelimit."""
    w = Wire()
    p = established(w)
    for _ in range(10):
        p.send("R", seq=101)
    assert len(w.frames()) == 1
    assert w.mib.TCPACKSkippedChallenge == 9
    w.run(501)
    p.send("R", seq=101)
    assert len(w.frames()) == 1


def test_old_data_is_answered_with_an_ack() -> None:
    w = Wire()
    p = established(w)
    p.send("PA", seq=1, ack=1, data=b"abc")
    p.expect("A", ack=4)
    p.send("PA", seq=1, ack=1, data=b"abc")
    p.expect("A", ack=4)


def test_data_beyond_the_window_is_answered_with_an_ack() -> None:
    w = Wire()
    p = established(w)
    p.send("PA", seq=1 + 10_000_000, ack=1, data=b"abc")
    p.expect("A", seq=1, ack=1)
    assert p.read() == -11


def test_an_ack_of_what_was_never_sent_is_answered_and_dropped() -> None:
    """3.10.7.4, fifth. Data with it is dropped too (RFC 5961 section 5.2)."""
    w = Wire()
    p = established(w)
    p.send("PA", seq=1, ack=1000, data=b"evil")
    assert p.read() == -11


def test_a_very_old_ack_is_challenged() -> None:
    w = Wire()
    p = established(w)
    p.send("PA", seq=1, ack=-100_000, data=b"evil")
    p.expect("A", seq=1, ack=1)
    assert p.read() == -11


def test_a_segment_without_ack_is_dropped() -> None:
    w = Wire()
    p = established(w)
    p.send("P", seq=1, data=b"abc")
    p.nothing()
    assert p.read() == -11


def test_paws_drops_an_old_timestamp() -> None:
    """RFC 7323 section 5."""
    w = Wire()
    p = established(w, ts=(5000, 0))
    p.tsval = 5001
    p.send("PA", seq=1, ack=1, data=b"abc")
    p.expect("A", ack=4)
    p.tsval = 4000
    p.send("PA", seq=4, ack=1, data=b"old")
    p.expect("A", ack=4)
    assert w.mib.PAWSEstab == 1
    assert p.read() == b"abc"


def test_a_reset_in_close_wait_is_a_broken_pipe() -> None:
    w = Wire()
    p = close_wait(w)
    p.send("R", seq=2)
    assert p.sk.sk_state == 7
    assert p.error() == 32


@pytest.mark.parametrize("ladder", [fin_wait1, fin_wait2])
def test_a_reset_after_our_fin_ends_it(ladder: object) -> None:
    w = Wire()
    p = ladder(w)  # type: ignore[operator]
    p.send("R", seq=1)
    assert p.sk.sk_state == 7


def test_text_after_the_peers_fin_is_ignored() -> None:
    """Seventh: "this should not occur"."""
    w = Wire()
    p = last_ack(w)
    p.send("PA", seq=2, ack=1, data=b"late")
    assert p.sk.sk_state == 9
    assert p.sk.rcv_nxt == (p.iss + 2) & 0xFFFFFFFF


def test_a_window_update_lets_waiting_data_go() -> None:
    w = Wire()
    p = established(w)
    p.send("A", seq=1, ack=1, win=3)
    p.write(b"abcdef")
    w.run(1)
    sent = b"".join(s.data for s in w.frames())
    p.send("A", seq=1, ack=1 + len(sent), win=100)
    sent += b"".join(s.data for s in w.frames())
    assert sent == b"abcdef"
