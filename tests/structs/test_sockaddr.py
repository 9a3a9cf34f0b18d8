"""Packed addresses against those the kernel returns."""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import uuid
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfs.structs import sockaddr
from sockfs.structs.sockaddr import SockaddrIn, SockaddrIn6, SockaddrLl, SockaddrNl

libc = ctypes.CDLL(None, use_errno=True)

u16 = st.integers(0, 0xFFFF)
u32 = st.integers(0, 0xFFFFFFFF)


def getsockname(s: socket.socket) -> bytes:
    buf = ctypes.create_string_buffer(256)
    size = ctypes.c_uint(256)
    assert libc.getsockname(s.fileno(), buf, ctypes.byref(size)) == 0
    return buf.raw[: size.value]


def bind(s: socket.socket, addr: bytes) -> int:
    return 0 if libc.bind(s.fileno(), addr, len(addr)) == 0 else ctypes.get_errno()


@given(addr=u32, port=u16)
def test_sockaddr_in(addr: int, port: int) -> None:
    b = sockaddr.pack_sockaddr_in(addr, port)
    assert b == struct.pack("<H", 2) + struct.pack(">HI8x", port, addr)
    assert (sockaddr.sa_family(b), sockaddr.sockaddr_in_port(b), sockaddr.sockaddr_in_addr(b)) == (
        2,
        port,
        addr,
    )
    whole = sockaddr.unpack_sockaddr_in(b)
    assert (whole.family, whole.port, whole.addr, whole.pack()) == (2, port, addr, b)
    assert SockaddrIn(0, port, addr).pack() == b"\0\0" + b[2:]


@given(addr=st.binary(min_size=16, max_size=16), port=u16, flow=u32, scope=u32)
def test_sockaddr_in6(addr: bytes, port: int, flow: int, scope: int) -> None:
    b = SockaddrIn6(port, flow, addr, scope).pack()
    assert b == struct.pack("<H", 10) + struct.pack(">HI", port, flow) + addr + struct.pack("<I", scope)
    back = sockaddr.unpack_sockaddr_in6(b)
    assert (back.port, back.flowinfo, back.addr, back.scope_id) == (port, flow, addr, scope)
    # RFC 2133's shorter form has no scope id.
    assert sockaddr.unpack_sockaddr_in6(b[:24]).pack() == b[:24] + bytes(4)


@given(
    proto=u16,
    index=st.integers(-(2**31), 2**31 - 1),
    hatype=u16,
    pkttype=st.integers(0, 255),
    addr=st.binary(max_size=8),
)
def test_sockaddr_ll(proto: int, index: int, hatype: int, pkttype: int, addr: bytes) -> None:
    b = SockaddrLl(proto, index, hatype, pkttype, len(addr), addr).pack()
    assert b == struct.pack("<H", 17) + struct.pack(">H", proto) + struct.pack(
        "<iHBB8s", index, hatype, pkttype, len(addr), addr
    )
    back = sockaddr.unpack_sockaddr_ll(b)
    assert (back.protocol, back.ifindex, back.hatype, back.pkttype, back.addr) == (
        proto,
        index,
        hatype,
        pkttype,
        addr,
    )


@given(pid=u32, groups=u32)
def test_sockaddr_nl(pid: int, groups: int) -> None:
    b = SockaddrNl(pid, groups).pack()
    assert b == struct.pack("<HHII", 16, 0, pid, groups)
    assert (sockaddr.unpack_sockaddr_nl(b).pid, sockaddr.unpack_sockaddr_nl(b).groups) == (pid, groups)


@given(b=st.binary(max_size=40))
def test_no_bytes_raise(b: bytes) -> None:
    """Whatever the length, and a field that is all there reads the same as in the whole."""
    whole = b + bytes(40 - len(b))
    assert sockaddr.sa_family(b) == (sockaddr.sa_family(whole) if len(b) >= 2 else 0)
    assert sockaddr.unpack_sockaddr_in(b).addr == (sockaddr.sockaddr_in_addr(whole) if len(b) >= 8 else 0)
    assert len(sockaddr.unpack_sockaddr_in6(b).addr) == 16
    sockaddr.unpack_sockaddr_ll(b)
    assert sockaddr.unpack_sockaddr_nl(b).pack()[4:] == (b + bytes(12))[4:12]
    sockaddr.unpack_sockaddr_un(b)


def test_kernel_agrees_on_inet() -> None:
    with socket.socket() as s:
        assert bind(s, sockaddr.pack_sockaddr_in(0x7F000001, 0)) == 0
        b = getsockname(s)
        assert b == sockaddr.pack_sockaddr_in(0x7F000001, s.getsockname()[1])


def test_kernel_agrees_on_inet6() -> None:
    with socket.socket(socket.AF_INET6) as s:
        assert bind(s, sockaddr.pack_sockaddr_in6(bytes(15) + b"\x01", 0, 0, 0)) == 0
        b = getsockname(s)
        assert b == sockaddr.pack_sockaddr_in6(bytes(15) + b"\x01", s.getsockname()[1], 0, 0)


def test_kernel_agrees_on_netlink() -> None:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as s:
        assert bind(s, SockaddrNl(0, 1).pack()) == 0
        b = getsockname(s)
        assert b == SockaddrNl(s.getsockname()[0], 1).pack()


UNIX_BOUND = [
    pytest.param(lambda d: b"\x01\x00" + d + b"/a", id="no NUL"),
    pytest.param(lambda d: b"\x01\x00" + d + b"/a\0", id="NUL"),
    pytest.param(lambda d: b"\x01\x00" + d + b"/a\0rubbish", id="rubbish after the NUL"),
    pytest.param(lambda d: (b"\x01\x00" + d + b"/").ljust(110, b"a"), id="all 108 bytes"),
    pytest.param(lambda d: b"\x01\x00\0" + d + b"\0\0x\0", id="abstract with NULs"),
    pytest.param(lambda d: b"\x01\x00\0", id="abstract of nothing but the NUL"),
]


@pytest.mark.parametrize("make", UNIX_BOUND)
def test_kernel_agrees_on_unix(make: object, tmp_path: Path) -> None:
    short = f"/tmp/sockfs-{uuid.uuid4().hex[:8]}"
    os.mkdir(short)
    try:
        given_address = make(short.encode())  # type: ignore[operator]
        with socket.socket(socket.AF_UNIX) as s:
            assert getsockname(s) == sockaddr.pack_sockaddr_un(b"")
            assert bind(s, given_address) == 0
            assert getsockname(s) == sockaddr.unpack_sockaddr_un(given_address).pack()
    finally:
        for name in os.listdir(short):
            os.unlink(f"{short}/{name}")
        os.rmdir(short)
