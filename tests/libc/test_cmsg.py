"""Control messages: packed as the host packs them, unpacked as they were."""

from __future__ import annotations

import socket

import pytest

from sockfs.libc import cmsg


@pytest.mark.parametrize("n", [0, 1, 4, 7, 8, 9, 1000])
def test_lengths(n: int) -> None:
    assert cmsg.CMSG_LEN(n) == socket.CMSG_LEN(n)
    assert cmsg.CMSG_SPACE(n) == socket.CMSG_SPACE(n)


@pytest.mark.parametrize("n", [-1, 2**31, 2**70])
def test_bad_lengths(n: int) -> None:
    for f in (cmsg.CMSG_LEN, cmsg.CMSG_SPACE):
        with pytest.raises(OverflowError):
            f(n)


def test_round_trip() -> None:
    messages = [(1, 1, b"\1\0\0\0"), (41, 50, b""), (-1, -2, b"12345678")]
    assert cmsg.unpack(cmsg.pack(messages)) == messages
    assert cmsg.pack([]) == b""


@pytest.mark.parametrize("bad", [None, 5, [5], [(1, 2)], [(1, 2, 3)], [(1, 2, "text")], [("a", 2, b"")]])
def test_bad_ancillary_data(bad: object) -> None:
    with pytest.raises(TypeError):
        cmsg.pack(bad)


def test_what_is_cut_off_is_left_out() -> None:
    packed = cmsg.pack([(1, 2, b"abcd"), (1, 3, b"efgh")])
    assert cmsg.unpack(packed[:30]) == [(1, 2, b"abcd")]
