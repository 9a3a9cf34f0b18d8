"""RFC 6298 timing, tail loss probes, fast retransmit, SACK recovery: by segments, in virtual time."""

from __future__ import annotations

import itertools

import pytest

from tests.segments import Peer, Wire, established, sack_established, syn_sent

MSS = 1460


def big(n: int) -> bytes:
    return bytes(i & 255 for i in range(251)) * (n // 251 + 1)


def test_a_segment_without_an_ack_is_sent_again_after_the_rto_and_then_half_as_often() -> None:
    w = Wire(tcp_early_retrans=0)
    p = established(w)
    p.write(b"x" * 100)
    first = p.expect("PA", seq=1, len=100)
    at = []
    for _ in range(5):
        while not w.out:
            w.run(1)
        at.append(p.expect("PA", seq=1, len=100).at - first.at)
    gaps = [b - a for a, b in zip([0, *at], at, strict=False)]
    assert gaps[0] == 212  # 10 ms and the least variance, in whole jiffies
    for a, b in itertools.pairwise(gaps):
        assert b == pytest.approx(2 * a, rel=0.02)
    p.send("A", seq=1, ack=101)
    w.run(10_000)
    p.nothing()


def test_a_syn_is_repeated_linearly_and_then_exponentially_until_it_times_out() -> None:
    w = Wire()
    p = syn_sent(w)
    w.run(140_000)
    times = [round(s.at / 1000) for s in w.frames()]
    assert times == [0, 1, 2, 3, 4, 5, 7, 11, 19, 35, 67]
    assert p.error() == 110


def test_a_tail_loss_probe_goes_before_the_rto() -> None:
    w = Wire()
    p = sack_established(w)
    p.write(b"x" * 100)
    p.expect("PA", seq=1, len=100)
    w.run(1000)
    probe = p.expect("PA", seq=1, len=100)
    assert w.mib.TCPLossProbes == 1
    assert 200 <= probe.at <= 250


def test_three_duplicate_acks_retransmit_the_hole_without_sack() -> None:
    w = Wire()
    p = established(w)
    assert p.write(big(10 * MSS)[: 10 * MSS]) == 10 * MSS
    sent = w.frames()
    assert sum(len(s.data) for s in sent) == 10 * MSS
    p.send("A", seq=1, ack=1)
    p.send("A", seq=1, ack=1)
    p.nothing()
    p.send("A", seq=1, ack=1)
    p.expect("A", seq=1, ack=1, len=MSS)
    assert p.sk.icsk_ca_state == 3
    assert w.mib.TCPRenoRecovery == 1
    p.send("A", seq=1, ack=1 + 10 * MSS)
    w.run(2000)
    p.nothing()


def test_sack_tells_what_is_lost_and_only_that_is_sent_again() -> None:
    w = Wire()
    p = sack_established(w)
    p.write(big(10 * MSS)[: 10 * MSS])
    w.frames()
    w.run(10)
    p.send("A", seq=1, ack=1, sacks=[(1 + MSS, 1 + 2 * MSS)])
    p.send("A", seq=1, ack=1, sacks=[(1 + MSS, 1 + 3 * MSS)])
    p.send("A", seq=1, ack=1, sacks=[(1 + MSS, 1 + 4 * MSS)])
    w.run(1)
    p.expect("A", seq=1, len=MSS)
    p.nothing()
    assert p.sk.sacked_out == 3
    assert p.sk.icsk_ca_state == 3
    p.send("A", seq=1, ack=1 + 10 * MSS)
    assert p.sk.icsk_ca_state == 0
    assert p.sk.packets_out == p.sk.sacked_out == p.sk.lost_out == p.sk.retrans_out == 0


def test_ssthresh_and_window_after_a_recovery_are_cubics_seven_tenths() -> None:
    w = Wire()
    p = sack_established(w)
    p.write(big(10 * MSS)[: 10 * MSS])
    w.frames()
    w.run(10)
    for n in (2, 3, 4, 5):
        p.send("A", seq=1, ack=1, sacks=[(1 + MSS, 1 + n * MSS)])
    w.run(5)
    p.send("A", seq=1, ack=1 + 10 * MSS)
    assert p.sk.snd_ssthresh == 7
    assert p.sk.snd_cwnd == 7


def test_a_time_out_leaves_one_segment_and_slow_start() -> None:
    w = Wire(tcp_early_retrans=0)
    p = established(w)
    p.write(big(10 * MSS)[: 10 * MSS])
    w.frames()
    w.run(250)
    p.expect("A", seq=1, len=MSS)
    p.nothing()
    assert p.sk.icsk_ca_state == 4
    assert p.sk.snd_cwnd == 1


def test_a_zero_window_is_probed_and_opens_again() -> None:
    w = Wire()
    p = established(w)
    p.send("A", seq=1, ack=1, win=0)
    assert p.write(b"hello") == 5
    p.nothing()
    w.run(250)
    probe = p.expect("A", seq=0, ack=1, len=0)
    p.send("A", seq=1, ack=1, win=0)
    answered = w.now
    w.run(600)
    second = p.expect("A", seq=0, len=0)
    assert second.at - answered == pytest.approx(2 * (probe.at - 10), rel=0.05)
    assert w.mib.TCPWinProbe == 2
    p.send("A", seq=1, ack=1, win=1000)
    p.expect("PA", seq=1, data=b"hello")


def test_keepalive_probes_and_gives_up() -> None:
    w = Wire()
    p = established(w)
    p.setsockopt(6, 4, 10)
    p.setsockopt(6, 5, 2)
    p.setsockopt(6, 6, 3)
    p.setsockopt(1, 9, 1)
    w.run(9_900)
    p.nothing()
    w.run(200)
    p.expect("A", seq=0, ack=1, len=0)
    p.send("A", seq=1, ack=1)
    w.run(10_100)
    p.expect("A", seq=0, ack=1, len=0)
    w.run(30_000)
    flags = [s.flags for s in w.frames()]
    assert flags == ["A", "A", "RA"]
    assert p.read() == -110


def test_user_timeout_ends_a_silent_connection() -> None:
    w = Wire()
    p = established(w)
    p.setsockopt(6, 18, 3000)
    p.write(b"x")
    w.run(2900)
    assert p.sk.sk_state == 1
    w.run(400)
    assert p.sk.sk_state == 7
    assert p.error() == 110


def _window(p: Peer) -> int:
    return int(p.sk.snd_cwnd)


def test_slow_start_doubles_the_window_each_round_trip() -> None:
    w = Wire(tcp_wmem=[4096, 4194304, 4194304])
    p = established(w)
    p.win = 65535
    p.write(big(200 * MSS)[: 200 * MSS])
    una = 1
    seen = []
    for _ in range(2):
        w.run(10)
        flight = sum(len(s.data) for s in w.frames())
        seen.append(flight // MSS)
        for _ in range(flight // MSS):
            una += MSS
            p.send("A", seq=1, ack=una)
    assert seen == [10, 20]
    assert _window(p) == 40
