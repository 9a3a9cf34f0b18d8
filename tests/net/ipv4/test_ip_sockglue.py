"""Options of level IPPROTO_IP, each with every length and many values, as the real kernel answers them."""

# ruff: noqa: E501  (tables of cases)
from __future__ import annotations

import struct
from typing import Any

import pytest

from tests.parity.harness import Msg, Parity, ip

SOL_IP = 0
OPTIONS = [*range(-1, 30), *range(32, 42), 49, 50, 51, 52, 53]
SKIP_VALUES = {16, 17}
VALUES = [
    -(2**31), -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 16, 31, 64, 130, 224, 225, 254, 255, 256, 257, 300, 65535, 65536, 0x00050003,
    0x00030005, 2**31 - 1,
]  # fmt: skip
LENGTHS = [0, 1, 2, 3, 4, 5, 8, 11, 12, 16, 40, 41]
KINDS = {"udp": (2, 2, 0), "tcp": (2, 1, 0), "raw": (2, 3, 17)}


def get(s: Any, fd: int, opt: int, size: int) -> object:
    buf, n = bytearray(64), bytearray(struct.pack("=I", size))
    r = s.raw("getsockopt", fd, SOL_IP, opt, buf, n)
    got = int.from_bytes(n, "little")
    return r if r < 0 else bytes(buf[:got]).hex()


@pytest.mark.parity
@pytest.mark.parametrize("kind", ["udp", "tcp", "raw"])
def test_every_option(parity: Parity, kind: str) -> None:
    def body(s: Any) -> None:
        for opt in OPTIONS:
            for size in LENGTHS[:8]:
                fd = s.raw("socket", *KINDS[kind])
                s.tab[opt, "get", size] = get(s, fd, opt, size)
                s.raw("close", fd)
            for size in LENGTHS:
                fd = s.raw("socket", *KINDS[kind])
                value = b"\x01" + bytes(40)
                s.tab[opt, "set length", size] = (
                    s.raw("setsockopt", fd, SOL_IP, opt, value[:size], size),
                    get(s, fd, opt, 4),
                )
                s.raw("close", fd)
            for v in VALUES:
                fd = s.raw("socket", *KINDS[kind])
                r = s.raw("setsockopt", fd, SOL_IP, opt, struct.pack("=I", v & 0xFFFFFFFF), 4)
                prio = bytearray(4)
                s.raw("getsockopt", fd, 1, 12, prio, bytearray(struct.pack("=I", 4)))
                s.tab[opt, "set", v] = r, get(s, fd, opt, 4), prio.hex()
                s.raw("close", fd)

    parity(body)


@pytest.mark.parity
def test_ip_options_that_are_well_formed_or_not(parity: Parity) -> None:
    cases = [
        b"\x01\x01\x01\x01", b"\x01\x01", b"\x01", b"\x00\x07\x07", bytes([7, 7, 4, 0, 0, 0, 0]), bytes([7, 3, 4]),
        bytes([7, 2, 4]), bytes([7, 7, 3, 0, 0, 0, 0]), bytes([131, 7, 4, 127, 0, 0, 1]), bytes([137, 7, 4, 127, 0, 0, 1]),
        bytes([131, 6, 4, 127, 0, 0]), bytes([131, 11, 4, 127, 0, 0, 1, 127, 0, 0, 2]), bytes([131, 7, 8, 127, 0, 0, 1]),
        bytes([68, 8, 5, 0, 0, 0, 0, 0]), bytes([68, 4, 5, 0]), bytes([68, 3, 5]), bytes([148, 4, 0, 0]), bytes([148, 3, 0]),
        bytes([99, 4, 1, 2]), bytes([130, 4, 1, 2]), bytes([99, 1]), bytes([99]), bytes(41), bytes([1] * 40),
        bytes([131, 7, 4, 127, 0, 0, 1, 137, 7, 4, 127, 0, 0, 1]),
    ]  # fmt: skip

    def body(s: Any) -> None:
        for i, opt in enumerate(cases):
            fd = s.raw("socket", 2, 2, 0)
            r = s.raw("setsockopt", fd, SOL_IP, 4, opt, len(opt))
            s.tab[i, opt.hex()] = r, get(s, fd, 4, 40)
            s.raw("close", fd)

    parity(body)


@pytest.mark.parity
def test_membership(parity: Parity) -> None:
    def body(s: Any) -> None:
        group, lo, none = bytes([239, 1, 2, 3]), bytes([127, 0, 0, 1]), bytes(4)
        fd = s.socket(2, 2)
        for mreq in (
            group + none,
            group + lo,
            group + lo,
            group + bytes([127, 0, 0, 2]),
            group + bytes([10, 0, 0, 1]),
            lo + lo,
            group + none + struct.pack("=i", 1),
            bytes([239, 1, 2, 4]) + none + struct.pack("=i", 1),
            group + none + struct.pack("=i", 9),
            group + lo[:3],
        ):
            s.setsockopt(fd, SOL_IP, 35, mreq)
        for mreq in (
            bytes([239, 9, 9, 9]) + lo,
            group + none,
            group + bytes([10, 0, 0, 1]),
            group + lo,
            group + lo,
            bytes([239, 1, 2, 4]) + none + struct.pack("=i", 1),
        ):
            s.setsockopt(fd, SOL_IP, 36, mreq)
        for i in range(22):
            s.setsockopt(fd, SOL_IP, 35, bytes([239, 2, 2, i]) + lo)
        source = group + lo + bytes([127, 0, 0, 9])
        for opt in (38, 37, 39, 39, 38, 40, 40):
            s.setsockopt(fd, SOL_IP, opt, source)
        fd = s.socket(2, 2)
        for opt in (39, 39, 38, 37, 40, 40):
            s.setsockopt(fd, SOL_IP, opt, source)
        s.setsockopt(fd, SOL_IP, 39, source[:11])
        s.setsockopt(fd, SOL_IP, 35, group + lo)
        for opt in (38, 38, 37, 37, 40):
            s.setsockopt(fd, SOL_IP, opt, source)

    parity(body)


@pytest.mark.parity
def test_multicast_if_and_unicast_if(parity: Parity) -> None:
    def body(s: Any) -> None:
        fd = s.socket(2, 2)
        lo = bytes([127, 0, 0, 1])
        for value in (
            lo,
            bytes(4) + lo,
            bytes(8) + struct.pack("=i", 1),
            bytes(8) + struct.pack("=i", 7),
            bytes([10, 0, 0, 1]),
            bytes(4),
        ):
            s.setsockopt(fd, SOL_IP, 32, value)
            s.getsockopt(fd, SOL_IP, 32)
        for value in (struct.pack("!I", 1), struct.pack("!I", 7), bytes(4), struct.pack("=I", 1), bytes(5)):
            s.setsockopt(fd, SOL_IP, 50, value)
            s.getsockopt(fd, SOL_IP, 50)

    parity(body)


def cmsg(level: int, type: int, data: bytes) -> bytes:
    return struct.pack("=Qii", 16 + len(data), level, type) + data + bytes(-len(data) % 8)


@pytest.mark.parity
def test_control_messages_that_are_sent(parity: Parity) -> None:
    def body(s: Any) -> None:
        a, b = s.socket(2, 2), s.socket(2, 2)
        s.bind(a, ip("127.0.0.1", 5000))
        for opt in (8, 12, 13, 20):
            s.setsockopt(a, SOL_IP, opt, 1)
        lo2 = bytes([127, 0, 0, 2])
        cases = [
            cmsg(0, 2, struct.pack("=i", v)) for v in (-1, 0, 1, 77, 255, 256)
        ] + [
            cmsg(0, 1, struct.pack("=i", v)) for v in (-1, 0, 0x10, 0x13, 255, 256)
        ] + [
            cmsg(0, 1, b"\x08"), cmsg(0, 1, b"\x08\x08"), cmsg(0, 2, b"\x08"), cmsg(0, 1, b""),
            cmsg(0, 8, struct.pack("=i", 0) + lo2 + bytes(4)), cmsg(0, 8, struct.pack("=i", 1) + lo2 + bytes(4)),
            cmsg(0, 8, struct.pack("=i", 9) + lo2 + bytes(4)), cmsg(0, 8, struct.pack("=i", 0) + bytes([10, 0, 0, 1]) + bytes(4)),
            cmsg(0, 8, bytes(11)), cmsg(0, 8, bytes(13)), cmsg(0, 99, bytes(4)), cmsg(0, 52, struct.pack("=i", 17)),
            cmsg(0, 52, struct.pack("=i", 0)), cmsg(0, 52, struct.pack("=i", 256)),
            cmsg(6, 1, bytes(4)), cmsg(1, 36, struct.pack("=i", 5)), cmsg(1, 36, b"\0"), cmsg(1, 1, bytes(4)), cmsg(1, 2, bytes(12)),
            cmsg(1, 12, struct.pack("=i", 5)), cmsg(1, 99, bytes(4)), cmsg(17, 103, struct.pack("=H", 1)), cmsg(17, 103, bytes(4)),
            cmsg(17, 99, bytes(2)), cmsg(0, 7, b"\x01\x01\x01\x01"), cmsg(0, 7, b"\x63\x01"),
            struct.pack("=Qii", 15, 0, 1), struct.pack("=Qii", 17, 0, 1), struct.pack("=Qii", 1 << 40, 0, 1), bytes(10), bytes(16),
            cmsg(0, 2, struct.pack("=i", 9)) + cmsg(0, 1, b"\x10"), cmsg(0, 2, struct.pack("=i", 9)) + bytes(7),
        ]  # fmt: skip
        for control in cases:
            r = s.sendmsg(b, Msg([b"xy"], ip("127.0.0.1", 5000), control))
            if r >= 0:
                s.recvmsg(a, Msg([bytearray(8)], bytearray(16), bytearray(256)), 0x40)
        for room in (0, 15, 16, 20, 24, 27, 28, 32, 40, 48, 56, 60, 64, 80, 100):
            s.sendto(b, b"xy", 0, ip("127.0.0.1", 5000))
            s.recvmsg(a, Msg([bytearray(8)], None, bytearray(room)), 0x40)

    parity(body)
