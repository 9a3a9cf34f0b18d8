"""Pipes, eventfd, splice."""

from __future__ import annotations

import struct

import pytest

from sockfs.uapi import fcntl as F
from tests.parity.harness import Parity, Sys

NB = F.O_NONBLOCK


@pytest.mark.parity
@pytest.mark.parametrize("size", [1, 100, 4095, 4096, 4097, 10000, 65536, 70000])
def test_how_much_fits(parity: Parity, size: int) -> None:
    def body(s: Sys) -> None:
        r, w = s.pipe2(NB)
        s.quiet = True
        total = n = 0
        while True:
            got = s.write(w, b"x" * size)
            if got < 0:
                break
            total += got
            n += 1
        s.quiet = False
        s.note(n, total, got)
        s.mask(w)
        s.ioctl(r, 0x541B)
        s.read(r, 100)
        s.mask(w)
        s.write(w, b"y")
        s.read(r, 4000)
        s.mask(w)
        s.write(w, b"y" * 5000)
        s.ioctl(r, 0x541B)

    parity(body)


@pytest.mark.parity
def test_ends(parity: Parity) -> None:
    def body(s: Sys) -> None:
        for flags in (0x80, 1, F.O_APPEND):
            s.pipe2(flags)
        r, w = s.pipe2(F.O_CLOEXEC)
        s.read(w, 1)
        s.write(r, b"x")
        s.read(r, 1)
        s.read(r, 0)
        s.write(w, b"")
        s.writev(w, [b"ab", b"", b"cd"])
        s.readv(r, [1, 2, 5])
        s.mask(r)
        s.mask(w)
        s.write(w, b"last")
        s.close(w)
        s.mask(r)
        s.read(r, 9)
        s.read(r, 9)
        s.mask(r)
        r, w = s.pipe2()
        s.close(r)
        s.mask(w)
        s.write(w, b"x")
        s.write(w, b"")
        r, w = s.pipe2(F.O_DIRECT)
        s.write(w, b"abc")
        s.write(w, b"defg")
        s.read(r, 2)
        s.read(r, 9)
        s.fcntl(w, F.F_GETPIPE_SZ)
        for n in (0, 1, 4097, 70000, 1 << 20, -1):
            s.fcntl(w, F.F_SETPIPE_SZ, n)
        s.write(w, b"x" * 9000)
        s.fcntl(w, F.F_SETPIPE_SZ, 4096)

    parity(body)


@pytest.mark.parity
def test_eventfd(parity: Parity) -> None:
    def body(s: Sys) -> None:
        for flags in (2, 4, F.EFD_NONBLOCK, F.EFD_CLOEXEC, F.EFD_SEMAPHORE):
            s.call("eventfd2", 3, flags)
        e = s.call("eventfd2", 0, NB)
        s.mask(e)
        s.read(e, 8)
        s.read(e, 4)
        s.write(e, b"1234")
        s.write(e, b"\xff" * 8)
        s.write(e, struct.pack("=Q", 7))
        s.mask(e)
        s.read(e, 100)
        s.write(e, b"\xfe" + b"\xff" * 7)
        s.mask(e)
        s.write(e, struct.pack("=Q", 1))
        s.write(e, bytes(8))
        s.read(e, 8)
        sem = s.call("eventfd2", 2, F.EFD_SEMAPHORE | NB)
        for _ in range(3):
            s.read(sem, 8)
        blocking = s.call("eventfd2", 0, 0)
        s.read(blocking, 8)

    parity(body)


@pytest.mark.parity
def test_lseek_and_pread_have_no_position(parity: Parity) -> None:
    def body(s: Sys) -> None:
        a, _ = s.socketpair(1, 1)
        s.read(99, 1)
        s.write(99, b"x")
        s.write(99, None, 5)
        s.write(a, None, 5)
        s.readv(99, [1])
        s.writev(99, [b"x"])
        s.call("sendfile", a, a, None, 10)
        s.call("sendfile", a, 99, None, 10)
        s.call("sendfile", 99, a, None, 10)

    parity(body)
