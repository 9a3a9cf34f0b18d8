"""Control messages of sendmsg and recvmsg: lists of (level, type, data) in Python, `struct cmsghdr` records
below.

CPython counterpart: `sock_sendmsg`, `sock_recvmsg_guts` of socketmodule.c; cmsg(3). Descriptors that travel
in SCM_RIGHTS may be the host's own files (a pipe, a temporary file): they are wrapped in a `File` for the
journey, which keeps a duplicate of the host's descriptor, and become a host descriptor again where they
arrive.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.fs import file as fs_file
from sockfs.libc import addr, calls
from sockfs.structs.msghdr import IovIter
from sockfs.structs.ops import FileOperations
from sockfs.uapi.socket import CMSG_HDRLEN, SCM_RIGHTS, SOL_SOCKET

if TYPE_CHECKING:
    from sockfs.libc.loop import Waiter
    from sockfs.structs.call import Call
    from sockfs.structs.file import File
    from sockfs.structs.msghdr import Msghdr
    from sockfs.structs.task import Task

CMSG_SPACE_1: Final = CMSG_HDRLEN + 8  # CMSG_SPACE(1): what CPython keeps clear of the largest socklen_t


def CMSG_LEN(length: int) -> int:
    """CMSG_LEN(length) -> control message length"""
    if length < 0 or length > 0x7FFFFFFF - CMSG_HDRLEN:
        raise OverflowError("CMSG_LEN() argument out of range")
    return CMSG_HDRLEN + length


def CMSG_SPACE(length: int) -> int:
    """CMSG_SPACE(length) -> buffer size"""
    if length < 0 or length > 0x7FFFFFFF - CMSG_SPACE_1:
        raise OverflowError("CMSG_SPACE() argument out of range")
    return CMSG_HDRLEN + (length + 7 & ~7)


def sequence(items: object) -> list[object]:
    """An iterable argument as a list."""
    if isinstance(items, list):
        return items
    if not isinstance(items, Iterable):
        raise TypeError(f"'{type(items).__name__}' object is not iterable")
    return list(items)


def gather(buffers: object) -> IovIter:
    """The buffers of a sendmsg as one piece of memory; a single bytes object is not copied."""
    if not isinstance(buffers, Iterable):
        raise TypeError("sendmsg() argument 1 must be an iterable")
    pieces: list[bytes] = []
    for b in buffers:
        if isinstance(b, bytes):
            pieces.append(b)
        elif isinstance(b, str):
            raise TypeError("a bytes-like object is required, not 'str'")
        else:
            try:
                pieces.append(bytes(memoryview(b)))
            except TypeError:
                raise TypeError(f"a bytes-like object is required, not '{type(b).__name__}'") from None
    data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    return IovIter(data, None, len(data))


def pack(ancdata: object) -> bytes:
    """Ancillary data as control messages."""
    if not isinstance(ancdata, Iterable):
        raise TypeError("sendmsg() argument 2 must be an iterable")
    out: list[bytes] = []
    for item in ancdata:
        if not isinstance(item, tuple):
            try:
                item = tuple(item)
            except TypeError:
                raise TypeError("[sendmsg() ancillary data items] must be a sequence of length 3") from None
        if len(item) != 3:
            raise TypeError(f"[sendmsg() ancillary data items] must be sequence of length 3, not {len(item)}")
        level, kind = addr.integer(item[0]), addr.integer(item[1])
        payload = item[2]
        if isinstance(payload, str):
            raise TypeError("a bytes-like object is required, not 'str'")
        try:
            data = bytes(memoryview(payload))
        except TypeError:
            raise TypeError(f"a bytes-like object is required, not '{type(payload).__name__}'") from None
        out.append(
            (CMSG_HDRLEN + len(data)).to_bytes(8, "little")
            + (level & 0xFFFFFFFF).to_bytes(4, "little")
            + (kind & 0xFFFFFFFF).to_bytes(4, "little")
            + data
            + bytes(-len(data) % 8)
        )
    return b"".join(out)


def unpack(control: bytes) -> list[tuple[int, int, bytes]]:
    """Control messages as (level, type, data)."""
    found: list[tuple[int, int, bytes]] = []
    at = 0
    while at + CMSG_HDRLEN <= len(control):
        length = int.from_bytes(control[at : at + 8], "little")
        if length < CMSG_HDRLEN:
            break
        level = int.from_bytes(control[at + 8 : at + 12], "little", signed=True)
        kind = int.from_bytes(control[at + 12 : at + 16], "little", signed=True)
        found.append((level, kind, control[at + CMSG_HDRLEN : at + length]))
        at += length + 7 & ~7
    return found


def _ints(data: bytes) -> list[int]:
    return [int.from_bytes(data[i : i + 4], "little", signed=True) for i in range(0, len(data) - 3, 4)]


# ---- the host's own files on their way through SCM_RIGHTS


class HostFileOperations(FileOperations):
    """A file of the host's, in transit. `private_data` is a descriptor that keeps it open."""

    def release(self, file: File, call: Call | None) -> i64:
        fd = file.private_data
        if isinstance(fd, int):
            file.private_data = None
            os.close(fd)
        return 0


host_file_ops: Final = HostFileOperations("host_file_ops")


def adopt_files(task: Task, w: Waiter, control: bytes) -> bytes:
    """Give the host's descriptors in SCM_RIGHTS messages a descriptor of the kernel's for the journey."""
    if not any(level == SOL_SOCKET and kind == SCM_RIGHTS for level, kind, _ in unpack(control)):
        return control
    out: list[tuple[int, int, bytes]] = []
    for level, kind, data in unpack(control):
        if level == SOL_SOCKET and kind == SCM_RIGHTS:
            data = b"".join([_adopt(task, w, fd).to_bytes(4, "little", signed=True) for fd in _ints(data)])
        out.append((level, kind, data))
    return pack(out)


def _adopt(task: Task, w: Waiter, fd: int) -> int:
    if fd < 0 or calls.ours(task, fd):
        return fd
    try:
        kept = os.dup(fd)
    except OSError:
        return fd  # no file at all: the kernel will say EBADF
    w.enter()
    number = fs_file.get_unused_fd_flags(task, 0)
    if number >= 0:
        fs_file.fd_install(task, number, fs_file.alloc_file(task.kernel, host_file_ops, kept, 2))
    w.leave()
    if number < 0:
        os.close(kept)
        return fd
    return number


def drop_files(task: Task, w: Waiter, control: bytes, sent: bytes | None) -> None:
    """The message is on its way, or failed: the descriptors made for it go."""
    if sent is None or sent == control:
        return
    before = [fd for _, kind, data in unpack(control) if kind == SCM_RIGHTS for fd in _ints(data)]
    after = [fd for _, kind, data in unpack(sent) if kind == SCM_RIGHTS for fd in _ints(data)]
    for fd, made in zip(before, after, strict=False):
        if fd != made:
            calls.close(w, task, made)


def received(task: Task, w: Waiter, msg: Msghdr) -> list[tuple[int, int, bytes]]:
    """The ancillary data of a received message; host files become host descriptors again."""
    control = msg.msg_control
    if control is None or len(control) == 0:
        return []
    found = unpack(control)
    for level, kind, data in found:
        if level == SOL_SOCKET and kind == SCM_RIGHTS:
            for fd in _ints(data):
                _arrive(task, w, fd)
    return found


def _arrive(task: Task, w: Waiter, fd: int) -> None:
    if not calls.ours(task, fd):
        return
    file = task.files.fdt[fd]
    if file is None or file.f_op is not host_file_ops:
        return
    kept = file.private_data
    if not isinstance(kept, int):
        return
    real = os.dup(kept)
    cloexec = task.files.close_on_exec[fd] != 0
    w.enter()
    holder = task.files.placeholder
    task.files.placeholder = None  # the number stays taken: the host's file takes it over
    fs_file.close_fd(task, fd, None)
    task.files.placeholder = holder
    w.leave()
    os.dup2(real, fd, not cloexec)
    os.close(real)
