"""Addresses: what CPython makes of a good or bad tuple on a socket of the host's, our function makes of it
too."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from sockfs.libc import addr, constants
from sockfs.structs import sockaddr
from sockfs.uapi import poll as uapi_poll
from sockfs.uapi import socket as uapi_socket

BAD_INET: list[Any] = [
    None,
    "127.0.0.1",
    ["127.0.0.1", 1],
    (),
    ("127.0.0.1",),
    ("127.0.0.1", 1, 2),
    ("127.0.0.1", -1),
    ("127.0.0.1", 65536),
    ("127.0.0.1", 2**40),
    ("127.0.0.1", 2**70),
    ("127.0.0.1", 1.5),
    ("127.0.0.1", "80"),
    ("127.0.0.1", None),
    (1, 80),
    ("a\0b", 80),
]


@pytest.mark.parametrize("bad", BAD_INET)
def test_bad_addresses_fail_as_cpython_has_it(bad: Any) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.bind(bad)
        except Exception as e:
            theirs = e
    with pytest.raises(type(theirs)) as ours:
        addr.pack(socket.AF_INET, bad, "bind")
    if isinstance(theirs, OverflowError):
        assert str(ours.value) == str(theirs)
    if isinstance(theirs, TypeError) and not isinstance(bad, tuple):
        assert str(ours.value) == str(theirs)


@pytest.mark.parametrize("family", [99, 16 + 1000])
def test_a_family_without_addresses(family: int) -> None:
    with pytest.raises(OSError, match=r"bind\(\): bad family"):
        addr.pack(family, ("127.0.0.1", 1), "bind")


def test_inet_round_trip_and_memory() -> None:
    packed = addr.pack(socket.AF_INET, ("192.0.2.1", 8080), "connect")
    assert packed == sockaddr.pack_sockaddr_in(0xC0000201, 8080)
    assert addr.pack(socket.AF_INET, ("192.0.2.1", 8080), "connect") is packed
    assert addr.unpack(packed) == ("192.0.2.1", 8080)
    assert addr.unpack(packed) is addr.unpack(packed)
    assert addr.pack(socket.AF_INET, ("", 0), "bind") == sockaddr.pack_sockaddr_in(0, 0)
    assert addr.pack(socket.AF_INET, ("<broadcast>", 9), "x") == sockaddr.pack_sockaddr_in(0xFFFFFFFF, 9)
    assert addr.pack(socket.AF_INET, (b"192.0.2.1", True), "x") == sockaddr.pack_sockaddr_in(0xC0000201, 1)


def test_inet6_round_trip() -> None:
    packed = addr.pack(socket.AF_INET6, ("2001:db8::1", 443, 5, 0), "connect")
    assert addr.unpack(packed) == ("2001:db8::1", 443, 5, 0)
    with pytest.raises(OverflowError):
        addr.pack(socket.AF_INET6, ("::1", 1, 2**20), "connect")


@pytest.mark.parametrize("path", ["", "/tmp/x", "\0abstract", b"\0a\0b", "/" + "p" * 107])
def test_unix_names_come_back(path: str | bytes) -> None:
    packed = addr.pack(socket.AF_UNIX, path, "bind")
    back = addr.unpack(packed)
    assert back == (path.encode() if isinstance(path, str) and path[:1] == "\0" else path)


@pytest.mark.parametrize("path", ["/" + "p" * 108, "\0" + "p" * 108])
def test_unix_names_too_long(path: str) -> None:
    with pytest.raises(OSError, match="AF_UNIX path too long"):
        addr.pack(socket.AF_UNIX, path, "bind")


def test_no_address() -> None:
    assert addr.unpack(None) is None
    assert addr.unpack(b"") is None


def test_the_interpreters_numbers_are_uapis() -> None:
    numbers = constants.of_socket()
    assert len(numbers) > 300
    common = [n for n in vars(uapi_socket) if n.isupper() and n in numbers]
    assert len(common) > 90
    # glibc's SOMAXCONN and its 32-bit MSG_CMSG_COMPAT are its own
    different = [n for n in common if numbers[n] != getattr(uapi_socket, n)]
    assert different == []
    polls = constants.of_select()
    assert {n: v for n, v in polls.items() if getattr(uapi_poll, n, v) != v} == {}
