"""Raw sockets against the real kernel."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from sockfs.util import checksum
from tests.net.ipv4.snmp import note_counters
from tests.parity.harness import Msg, Parity, ip

pytestmark = pytest.mark.parity
LO = "127.0.0.1"


def echo(seq: int) -> bytes:
    m = struct.pack("!BBHHH", 8, 0, 0, 77, seq) + b"data"
    return m[:2] + struct.pack("!H", checksum.ip_compute_csum(m)) + m[4:]


def hide_id(data: bytes) -> bytes:
    """The identification and the checksum over it are the kernel's own choice."""
    return data[:4] + b"__" + data[6:10] + b"__" + data[12:]


def packets(s: Any, fd: int) -> None:
    while True:
        buf, name = bytearray(2000), bytearray(16)
        n = s.raw("recvfrom", fd, buf, 2000, 0x40, name, bytearray(struct.pack("=I", 16)))
        if n < 0:
            break
        s.note("got", fd, hide_id(bytes(buf[:n])), bytes(name))


def test_ping(parity: Parity) -> None:
    def body(s: Any) -> None:
        fd = s.socket(2, 3, 1)
        s.getsockname(fd)
        s.sendto(fd, echo(1), 0, ip(LO))
        s.mask(fd)
        packets(s, fd)
        s.setsockopt(fd, 255, 1, 1 << 8)
        s.getsockopt(fd, 255, 1)
        s.sendto(fd, echo(2), 0, ip(LO))
        packets(s, fd)
        s.connect(fd, ip(LO))
        s.getpeername(fd)
        s.send(fd, echo(3))
        packets(s, fd)
        s.bind(fd, ip(LO, 5))
        s.getsockname(fd)
        s.setsockopt(fd, 255, 2, 1)
        s.sendto(fd, b"", 0, ip(LO))
        note_counters(s)

    parity(body)


def test_a_protocol_of_its_own(parity: Parity) -> None:
    def body(s: Any) -> None:
        a, b = s.socket(2, 3, 253), s.socket(2, 3, 253)
        for addr in (ip("10.0.0.1"), ip(LO), ip("127.0.0.2"), ip(LO)[:15], b"\x0a\0" + bytes(14)):
            s.bind(a, addr)
        s.getsockname(a)
        s.sendto(b, b"to nobody", 0, ip("127.0.0.3"))
        s.sendto(b, b"hello", 0, ip("127.0.0.2"))
        packets(s, a)
        packets(s, b)
        s.setsockopt(b, 0, 1, 0x10)
        s.setsockopt(b, 0, 2, 9)
        s.sendto(b, b"hello", 0, ip("127.0.0.2"))
        packets(s, a)
        s.send(b, b"x")
        s.sendto(b, b"x", 0, ip("10.0.0.1"))
        s.sendto(b, b"x", 0, ip("127.255.255.255"))
        s.sendto(b, b"x", 1, ip(LO))
        s.sendto(b, bytes(65516), 0, ip(LO))
        s.sendto(b, bytes(65536), 0, ip(LO))
        s.setsockopt(a, 255, 1, 1)
        s.getsockopt(a, 255, 1)
        s.listen(a, 1)
        s.shutdown(a, 2)
        note_counters(s)

    parity(body)


def test_header_included(parity: Parity) -> None:
    def body(s: Any) -> None:
        a, b = s.socket(2, 3, 253), s.socket(2, 3, 255)
        s.getsockopt(b, 0, 3)
        head = struct.pack("!BBHHHBBHII", 0x45, 0x20, 9, 0, 0, 5, 253, 0xDEAD, 0, 0x7F000002)
        s.sendto(b, head + b"own", 0, ip(LO))
        packets(s, a)
        s.sendto(b, head[:4] + b"\x12\x34" + head[6:12] + b"\x7f\0\0\x09" + head[16:] + b"own", 0, ip(LO))
        packets(s, a)
        s.sendto(b, head[:19], 0, ip(LO))
        s.sendto(b, b"\x4f" + head[1:] + b"own", 0, ip(LO))
        s.recv(b, 100, 0x40)
        note_counters(s)

    parity(body)


def test_errors(parity: Parity) -> None:
    def body(s: Any) -> None:
        a = s.socket(2, 3, 200)
        s.close(a)
        a = s.socket(2, 3, 255)
        s.setsockopt(a, 0, 11, 1)
        s.setsockopt(a, 0, 3, 0)
        s.sendto(a, b"nobody takes 255", 0, ip(LO))
        s.mask(a)
        s.recvmsg(a, Msg([bytearray(100)], bytearray(16), bytearray(100)), 0x2000)
        note_counters(s)

    parity(body)


def test_a_protocol_past_a_byte_goes_out_cut_to_one(parity: Parity) -> None:
    def body(s: Any) -> None:
        reader = s.socket(2, 3, 5)
        fd = s.socket(2, 3, 0x105)  # IPPROTO_MAX is 263
        s.socket(2, 3, 263)
        s.sendto(fd, b"data", 0, ip(LO, 0))
        packets(s, reader)

    parity(body)
