"""The tool itself: it sees a difference, says where, and leaves out what may differ."""

from __future__ import annotations

import pytest

from tests.parity.harness import (
    Different,
    KernelRun,
    KernelSys,
    Observer,
    Parity,
    Sys,
    difference,
    ip,
    kernel_sys,
)


def on_the_kernel(parity: Parity, body) -> tuple[list[str], dict[object, object], str]:
    return KernelRun(kernel_sys, body).result()


def test_two_runs_on_the_kernel_are_equal(parity: Parity) -> None:
    def body(s: Sys) -> None:
        _, c, a = s.pair()
        s.getsockname(c)
        s.send(c, b"hello")
        s.until(a, 1)
        s.recv(a, 5)
        s.recv(a, 5)

    first, second = on_the_kernel(parity, body), on_the_kernel(parity, body)
    assert first == second and not first[2]
    assert first[0][0] == "socket(2, 1, 0) = 3"
    assert first[0][-2:] == ["recv(5, 5, 0x0) = 5 b'hello'", "recv(5, 5, 0x0) = -EINTR blocks"]
    assert "127.0.0.1:P1" in "".join(first[0])


def test_a_difference_is_shown_where_it_is() -> None:
    message = difference((["a = 1", "b = 2"], {}, ""), (["a = 1", "b = 3"], {}, ""))
    assert "! b = 2" in message and "b = 3" in message and "! a" not in message
    assert "1 of 2 entries" in difference(([], {1: 0, 2: 0}, ""), ([], {1: 0, 2: -22}, ""))
    assert difference((["x"], {1: 2}, ""), (["x"], {1: 2}, "")) == ""


def test_a_body_that_differs_fails(parity: Parity) -> None:
    with pytest.raises(Different, match="side kernel"):
        parity(lambda s: s.note("side", s.side))


def test_a_body_that_raises_fails(parity: Parity) -> None:
    def body(s: Sys) -> None:
        raise ValueError("in the body")

    with pytest.raises(Different, match="in the body"):
        parity(body)


def test_labels_hide_what_may_differ() -> None:
    s = Observer()
    assert s.show_addr(ip("127.0.0.1", 40000)) == "127.0.0.1:P1"
    assert s.show_addr(ip("127.0.0.1", 50000)) == "127.0.0.1:P2"
    assert s.show_addr(ip("127.0.0.1", 40000)) == "127.0.0.1:P1"
    assert s.show_addr(ip("10.0.0.1", 80)) == "10.0.0.1:80"
    assert s.show_addr(b"\x01\x00\x00abcde") == "AUTO1"
    assert KernelSys.side == "kernel"
