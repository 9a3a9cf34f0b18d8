"""The message of send and receive calls, and the iterator over the caller's memory.

Kernel counterparts: `struct msghdr` (`include/linux/socket.h`) and `iov_iter` (`include/linux/uio.h`). A
message is also the resumable record of its call (`Call`), because every call that carries one may sleep.

Payload is immutable `bytes` shared by reference: a program's `bytes` goes into buffers as (object, offset,
length); a mutable buffer is copied once, at send, only as much as was taken. On the way back pieces are
collected, and one that is a whole `bytes` object reaches the program uncopied.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import i64, mypyc_attr

from sockfs.structs.call import Call

if TYPE_CHECKING:
    from sockfs.structs.scm import ScmCookie
    from sockfs.structs.sk_buff import UbufInfo
    from sockfs.structs.task import Task


@mypyc_attr(acyclic=True)
class IovIter:
    """The caller's memory on a send (`src`, or `view` when it is mutable) or on a receive (`view`, or
    `pieces`).
    """

    src: bytes | None  # send: an immutable buffer, shared
    view: memoryview | None  # send: a mutable buffer, copied as taken; receive: where to write
    pieces: list[bytes]  # receive without a buffer: what arrived
    iov_offset: i64  # bytes used so far
    count: i64  # bytes left

    def __init__(self, src: bytes | None, view: memoryview | None, count: i64) -> None:
        self.src = src
        self.view = view
        self.pieces = []
        self.iov_offset = 0
        self.count = count

    def take(self, n: i64) -> bytes:
        """The next n ≤ count bytes as a `bytes` of exactly that length (a whole source is handed over
        uncopied).
        """
        off = self.iov_offset
        self.iov_offset = off + n
        self.count -= n
        src = self.src
        if src is not None:
            if off == 0 and n == len(src):
                return src
            return src[off : off + n]
        view = self.view
        if view is None:
            return bytes(int(n))
        return bytes(view[off : off + n])

    def copy_to(self, data: bytes, off: i64, n: i64) -> None:
        """Hand n bytes of data from off to the caller."""
        view = self.view
        at = self.iov_offset
        self.iov_offset = at + n
        self.count -= n
        if view is not None:
            if off == 0 and n == len(data):
                view[at : at + n] = data
            else:
                view[at : at + n] = memoryview(data)[off : off + n]
        elif off == 0 and n == len(data):
            self.pieces.append(data)
        else:
            self.pieces.append(data[off : off + n])

    def result(self) -> bytes:
        """What was received without a buffer."""
        pieces = self.pieces
        if len(pieces) == 1:
            return pieces[0]
        return b"".join(pieces)


class Msghdr(Call):
    """One message: name, data, control data, flags; and how far its call has come."""

    msg_name: bytes | None  # destination (send) or source (receive), a packed sockaddr
    msg_iter: IovIter
    msg_control: bytes | None  # ancillary data given (send) or produced (receive), as cmsg bytes
    msg_controllen: i64  # room for ancillary data on a receive
    msg_flags: i64  # flags of the call (send), flags of the answer (receive)
    scm: ScmCookie | None  # files and credentials on their way through AF_UNIX
    want_name: bool  # the caller asked for the source address
    splice: bool  # splice(2) reads: it does not step over an urgent byte
    msg_ubuf: UbufInfo | None  # the completion of a MSG_ZEROCOPY send
    iov_ends: list[int] | None  # where the pieces of an iovec array end, when there are several

    def __init__(self, task: Task, it: IovIter) -> None:
        super().__init__(task)
        self.msg_name = None
        self.msg_iter = it
        self.msg_control = None
        self.msg_controllen = 0
        self.msg_flags = 0
        self.scm = None
        self.want_name = False
        self.splice = False
        self.msg_ubuf = None
        self.iov_ends = None
