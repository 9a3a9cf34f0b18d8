"""The descriptor table: numbers, flags, duplicates, and what they cost."""

from __future__ import annotations

import struct

import pytest

import sockfs
from sockfs.fs import file as fs_file
from sockfs.structs.call import Call
from sockfs.structs.task import FdPlaceholder
from sockfs.uapi import fcntl as F
from tests.parity.harness import Parity, Sys

EMFILE, EBADF = 24, 9


@pytest.mark.parity
def test_lowest_number_first(parity: Parity) -> None:
    def body(s: Sys) -> None:
        for _ in range(4):
            s.socketpair(1, 1)
        for fd in (5, 3, 8):
            s.close(fd)
        s.dup(4)
        s.epoll_create1()
        s.call("eventfd2", 0, 0)
        s.dup(4)
        s.fcntl(4, F.F_DUPFD, 6)
        s.fcntl(4, F.F_DUPFD, 100)
        s.dup(4)

    parity(body)


@pytest.mark.parity
def test_dup_and_its_errors(parity: Parity) -> None:
    def body(s: Sys) -> None:
        s.socketpair(1, 1)
        s.dup(99)
        s.dup(-1)
        s.dup2(3, 3)
        s.dup2(99, 99)
        s.dup2(99, 3)
        s.dup2(3, -1)
        s.dup2(3, 1 << 40)
        s.dup2(3, 50)
        s.dup2(4, 50)
        s.dup3(3, 3)
        s.dup3(99, 99)
        s.dup3(3, 51, 1)
        s.dup3(99, 51, 1)
        s.dup3(3, 51, F.O_CLOEXEC)
        s.fcntl(51, F.F_GETFD)
        s.fcntl(50, F.F_GETFD)
        s.close(3)
        s.send(51, b"through the copy")
        s.recv(50, 99)
        s.close(51)
        s.recv(50, 99)

    parity(body)


@pytest.mark.parity
def test_close_range(parity: Parity) -> None:
    def body(s: Sys) -> None:
        for _ in range(3):
            s.socketpair(1, 1)
        s.call("close_range", 5, 4, 0)
        s.call("close_range", 3, 4, 1)
        s.call("close_range", 4, 5, F.CLOSE_RANGE_CLOEXEC)
        s.fcntl(4, F.F_GETFD)
        s.fcntl(6, F.F_GETFD)
        s.call("close_range", 7, 8, F.CLOSE_RANGE_UNSHARE)
        s.fcntl(7, F.F_GETFD)
        s.call("close_range", 200, 300, 0)
        s.dup(3)

    parity(body)


FILES = ("socket", "read end", "write end", "eventfd", "epoll")


def open_one(s: Sys, kind: str) -> int:
    if kind == "socket":
        return s.socketpair(1, 1)[0]
    if kind == "read end":
        return s.pipe2()[0]
    if kind == "write end":
        return s.pipe2()[1]
    if kind == "eventfd":
        return s.call("eventfd2", 0, 0)
    return s.epoll_create1()


@pytest.mark.parity
@pytest.mark.parametrize("kind", FILES)
def test_fcntl(parity: Parity, kind: str) -> None:
    def body(s: Sys) -> None:
        fd = open_one(s, kind)
        flags = s.fcntl(fd, F.F_GETFL)
        for flag in (F.O_DIRECT, F.O_ASYNC, F.O_APPEND, F.O_NOATIME, F.O_NONBLOCK, F.O_SYNC, F.O_CREAT):
            s.fcntl(fd, F.F_SETFL, flags | flag)
            s.fcntl(fd, F.F_GETFL)
            s.fcntl(fd, F.F_SETFL, flags)
        for cmd in (
            F.F_GETFD, F.F_GETOWN, F.F_GETSIG, F.F_GETLEASE, F.F_NOTIFY, F.F_DUPFD_QUERY, F.F_CREATED_QUERY,
            F.F_GETPIPE_SZ, F.F_ADD_SEALS, F.F_GET_SEALS, 12, 13, 14, 999, -1,
        ):  # fmt: skip
            s.fcntl(fd, cmd, fd)
        s.fcntl(fd, F.F_SETFD, 1)
        s.fcntl(fd, F.F_GETFD)
        s.fcntl(fd, F.F_SETFD, 2)
        s.fcntl(fd, F.F_GETFD)
        for signum in (64, 65, -1, 0):
            s.fcntl(fd, F.F_SETSIG, signum)
        s.fcntl(fd, F.F_SETOWN, 0)
        s.fcntl(fd, F.F_SETOWN, 0x80000000)
        s.fcntl(fd, F.F_SETOWN, 4000000)
        s.fcntl(fd, F.F_DUPFD, -1)
        s.fcntl(fd, F.F_DUPFD, 1 << 30)
        s.fcntl(fd, F.F_DUPFD_CLOEXEC, 40)
        s.fcntl(40, F.F_GETFD)
        s.fcntl(99, F.F_GETFD)

    parity(body)


@pytest.mark.parity
@pytest.mark.parametrize("kind", FILES)
def test_ioctl(parity: Parity, kind: str) -> None:
    def body(s: Sys) -> None:
        fd = open_one(s, kind)
        for cmd in (0x541B, 0x5421, 0x5452, 0x5450, 0x5451, 0x5460, 0x1234):
            s.ioctl(fd, cmd, None)
            s.ioctl(fd, cmd, 1)
            s.fcntl(fd, F.F_GETFL)
            s.fcntl(fd, F.F_GETFD)
            s.ioctl(fd, cmd, 0)
        s.ioctl(99, 0x5421, 1)

    parity(body)


@pytest.mark.parity
@pytest.mark.parametrize("kind", FILES)
def test_fstat_mode(parity: Parity, kind: str) -> None:
    def body(s: Sys) -> None:
        fd = open_one(s, kind)
        buf = bytearray(144)
        r = s.raw("fstat", fd, buf)
        _, _, nlink, mode = struct.unpack_from("=QQQI", buf)
        s.note(
            r, nlink, oct(mode), struct.unpack_from("=q", buf, 48)[0], struct.unpack_from("=q", buf, 56)[0]
        )
        s.note(s.raw("fstat", 99, buf), s.raw("fstat", fd, None))

    parity(body)


def test_rlimit_nofile() -> None:
    t = sockfs.Kernel().task()
    t.rlimit_nofile = 6
    sv = bytearray(8)
    assert t.syscall("socketpair", 1, 1, 0, sv) == 0
    assert t.syscall("dup", 3) == 5
    assert t.syscall("dup", 3) == -EMFILE
    assert t.syscall("socketpair", 1, 1, 0, sv) == -EMFILE
    assert t.syscall("fcntl", 3, F.F_DUPFD, 5) == -EMFILE
    assert t.syscall("dup2", 3, 6) == -EBADF
    assert t.syscall("close", 4) == 0
    assert t.syscall("dup", 3) == 4


def test_reserved_number_is_busy() -> None:
    t = sockfs.Kernel().task()
    fd = fs_file.get_unused_fd_flags(t, 0)
    assert t.syscall("dup2", 0, fd) == -16
    fs_file.put_unused_fd(t, fd)
    assert t.syscall("dup2", 0, fd) == fd


def test_fork_shares_files_and_exit_closes_them() -> None:
    k = sockfs.Kernel()
    t = k.task()
    before = k.filp_cache.active
    sv = bytearray(8)
    assert t.syscall("socketpair", 1, 1, 0, sv) == 0
    child = k.task("child")
    fs_file.exit_files(child)
    child.files = fs_file.dup_fd(t.files)
    assert child.files.fdt[3] is t.files.fdt[3]
    assert t.files.fdt[3].f_count == 2
    fs_file.exit_files(t)
    assert child.syscall("write", 3, b"x", 1) == 1
    fs_file.exit_files(child)
    assert k.filp_cache.active == 0 and before == 3
    assert k.sock_inode_cache.active == 0
    assert k.slabs["UNIX-STREAM"].active == 0
    assert k.skbuff_head_cache.active == 0


class Holder(FdPlaceholder):
    """Numbers of a host that has some of them in use."""

    def __init__(self) -> None:
        self.taken = {0, 1, 2, 3, 5, 70}

    def open(self) -> int:
        return self.open_from(0)

    def open_from(self, start: int) -> int:
        fd = start
        while fd in self.taken:
            fd += 1
        self.taken.add(fd)
        return fd

    def close(self, fd: int) -> None:
        self.taken.remove(fd)

    def claim(self, fd: int) -> int:
        self.taken.add(fd)
        return fd


def test_numbers_of_a_placeholder() -> None:
    t = sockfs.Kernel().task()
    host = Holder()
    t.files.placeholder = host
    sv = bytearray(8)
    assert t.syscall("socketpair", 1, 1, 0, sv) == 0
    assert struct.unpack("=ii", sv) == (4, 6)
    assert t.syscall("fcntl", 4, F.F_DUPFD, 70) == 71
    assert t.syscall("dup2", 4, 5000) == 5000
    assert t.syscall("write", 5000, b"x", 1) == 1
    for fd in (4, 71, 5000, 6):
        assert t.syscall("close", fd) == 0
    assert host.taken == {0, 1, 2, 3, 5, 70}
    assert fs_file.close_fd(t, 5, Call(t)) == -EBADF
