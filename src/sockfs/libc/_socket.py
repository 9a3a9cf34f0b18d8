"""The class `socket` that stands in the place of CPython's `_socket.socket`, on the kernel of the task that
made it.

CPython counterpart: Modules/socketmodule.c: the same methods, argument checks, texts and time-out rules, so
that the standard library's `socket.py` and everything above it run unmodified. A socket object holds its task
and its descriptor: a late finaliser never closes another task's descriptor of that number. Calls go on to
`libc/calls.py`; the module that programs see is put together in `libc/module.py`.

Slots are declared twice, as annotations for the compiler and as `__slots__` for the interpreter: `socket.py`
subclasses this class with a slot `__weakref__`, which a class with a `__dict__` would refuse.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Final

from mypy_extensions import i64, mypyc_attr

from sockfs.libc import addr, calls, cmsg, error, host, loop
from sockfs.structs.call import Call
from sockfs.structs.msghdr import IovIter, Msghdr
from sockfs.structs.ops import Sockopt
from sockfs.uapi.errno import EAGAIN, EBADF, ECONNRESET, ENOTSOCK
from sockfs.uapi.socket import (
    AF_INET,
    SO_DOMAIN,
    SO_PROTOCOL,
    SO_TYPE,
    SOCK_CLOEXEC,
    SOCK_NONBLOCK,
    SOCK_STREAM,
    SOL_SOCKET,
)

if TYPE_CHECKING:
    from sockfs.libc.loop import Waiter
    from sockfs.structs.task import Task

INT_MAX: Final = 0x7FFFFFFF
NS: Final = 1_000_000_000
SOMAXCONN_DEFAULT: Final = 128  # what listen() without an argument asks for: min(SOMAXCONN, 128)
NONE: Final = -1  # no time-out: blocking
MISSING: Final[object] = object()


@mypyc_attr(allow_interpreted_subclasses=True)
class socket:
    """socket(family=AF_INET, type=SOCK_STREAM, proto=0) -> socket object
    socket(family=-1, type=-1, proto=-1, fileno=None) -> socket object

    Open a socket of the given type, on the kernel of the task that runs."""

    __slots__ = ("_family", "_fd", "_ns", "_proto", "_task", "_type", "_waiter")

    _task: Task | None
    _waiter: Waiter | None
    _fd: i64
    _family: i64
    _type: i64
    _proto: i64
    _ns: i64  # time-out in nanoseconds; NONE: blocking, 0: non-blocking

    def __init__(self, family: int = -1, type: int = -1, proto: int = -1, fileno: object = None) -> None:
        self._fd = -1
        self._family = family
        self._type = type
        self._proto = proto
        self._ns = NONE
        task = loop.this_task()
        w = loop.waiter_of(task)
        self._task = task
        self._waiter = w
        if fileno is not None:
            self._adopt(w, task, fileno, family, type, proto)
            return
        if family == -1:
            family = AF_INET
        if type == -1:
            type = SOCK_STREAM
        if proto == -1:
            proto = 0
        fd = calls.new_socket(
            w, task, addr.integer(family), addr.integer(type) | SOCK_CLOEXEC, addr.integer(proto)
        )
        if fd < 0:
            error.fail(fd)
        self._fd = fd
        self._family = family
        self._type = type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)
        self._proto = proto
        if type & SOCK_NONBLOCK:
            self._ns = 0
        elif task.default_timeout >= 0.0:
            self._ns = int(task.default_timeout * NS)
            calls.set_nonblock(w, task, fd, True)

    def _adopt(self, w: Waiter, task: Task, fileno: object, family: int, type: int, proto: int) -> None:
        """Take over a descriptor that exists; what was not said of it is asked."""
        if isinstance(fileno, float):
            raise TypeError("integer argument expected, got float")
        fd: i64 = addr.integer(fileno)
        if fd < 0:
            raise ValueError("negative file descriptor")
        if family == -1 or type == -1 or proto == -1 or not calls.ours(task, fd):
            if not calls.ours(task, fd):
                host.fstat(fd)  # EBADF where there is no such file
                error.fail(-ENOTSOCK)
            if family == -1:
                family = _ask(w, task, fd, SO_DOMAIN)
            if type == -1:
                type = _ask(w, task, fd, SO_TYPE)
            if proto == -1:
                proto = _ask(w, task, fd, SO_PROTOCOL)
        self._fd = fd
        self._family = family
        self._type = type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)
        self._proto = proto
        if type & SOCK_NONBLOCK:
            self._ns = 0
        elif task.default_timeout >= 0.0:
            self._ns = int(task.default_timeout * NS)
            calls.set_nonblock(w, task, fd, True)

    # ---- data

    def recv(self, buffersize: object, flags: object = 0, /) -> bytes:
        """recv(buffersize[, flags]) -> data"""
        size, bits = addr.ssize(buffersize), addr.integer(flags)
        if size < 0:
            raise ValueError("negative buffersize in recv")
        task, w = self._task, self._waiter
        if task is None or w is None:
            error.fail(-EBADF)
        msg = Msghdr(task, IovIter(None, None, size))
        r = calls.recvfrom(w, task, self._fd, msg, bits, self._ns)
        if r < 0:
            error.fail(r)
        return msg.msg_iter.result()

    def recv_into(self, buffer: object, nbytes: object = 0, flags: object = 0) -> int:
        """recv_into(buffer, [nbytes[, flags]]) -> nbytes_read"""
        view = writable(buffer)
        n, bits = addr.ssize(nbytes), addr.integer(flags)
        if n < 0:
            raise ValueError("negative buffersize in recv_into")
        size = len(view)
        if n == 0:
            n = size
        elif size < n:
            raise ValueError("buffer too small for requested bytes")
        task, w = self._task, self._waiter
        if task is None or w is None:
            error.fail(-EBADF)
        msg = Msghdr(task, IovIter(None, view, n))
        r = calls.recvfrom(w, task, self._fd, msg, bits, self._ns)
        if r < 0:
            view.release()
            error.fail(r)
        return r

    def recvfrom(self, buffersize: object, flags: object = 0, /) -> tuple[bytes, object]:
        """recvfrom(buffersize[, flags]) -> (data, address info)"""
        size, bits = addr.ssize(buffersize), addr.integer(flags)
        if size < 0:
            raise ValueError("negative buffersize in recvfrom")
        task, w = self._task, self._waiter
        if task is None or w is None:
            error.fail(-EBADF)
        msg = Msghdr(task, IovIter(None, None, size))
        msg.want_name = True
        r = calls.recvfrom(w, task, self._fd, msg, bits, self._ns)
        if r < 0:
            error.fail(r)
        return msg.msg_iter.result(), addr.unpack(msg.msg_name)

    def recvfrom_into(self, buffer: object, nbytes: object = 0, flags: object = 0) -> tuple[int, object]:
        """recvfrom_into(buffer[, nbytes[, flags]]) -> (nbytes, address info)"""
        view = writable(buffer)
        n, bits = addr.ssize(nbytes), addr.integer(flags)
        if n < 0:
            raise ValueError("negative buffersize in recvfrom_into")
        size = len(view)
        if n == 0:
            n = size
        elif size < n:
            raise ValueError("nbytes is greater than the length of the buffer")
        task, w = self._task, self._waiter
        if task is None or w is None:
            error.fail(-EBADF)
        msg = Msghdr(task, IovIter(None, view, n))
        msg.want_name = True
        r = calls.recvfrom(w, task, self._fd, msg, bits, self._ns)
        if r < 0:
            view.release()
            error.fail(r)
        return r, addr.unpack(msg.msg_name)

    def recvmsg(
        self, bufsize: object, ancbufsize: object = 0, flags: object = 0, /
    ) -> tuple[bytes, list[tuple[int, int, bytes]], int, object]:
        """recvmsg(bufsize[, ancbufsize[, flags]]) -> (data, ancdata, msg_flags, address)"""
        size, room, bits = addr.ssize(bufsize), addr.ssize(ancbufsize), addr.integer(flags)
        if size < 0:
            raise ValueError("negative buffer size in recvmsg()")
        if room < 0 or room > INT_MAX:
            raise ValueError("invalid ancillary data buffer length")
        task, w = self._task, self._waiter
        if task is None or w is None:
            error.fail(-EBADF)
        msg = Msghdr(task, IovIter(None, None, size))
        msg.want_name = True
        msg.msg_controllen = room
        r = calls.recvmsg(w, task, self._fd, msg, bits, self._ns)
        if r < 0:
            error.fail(r)
        return (
            msg.msg_iter.result(),
            cmsg.received(task, w, msg),
            _signed(msg.msg_flags),
            addr.unpack(msg.msg_name),
        )

    def recvmsg_into(
        self, buffers: object, ancbufsize: object = 0, flags: object = 0, /
    ) -> tuple[int, list[tuple[int, int, bytes]], int, object]:
        """recvmsg_into(buffers[, ancbufsize[, flags]]) -> (nbytes, ancdata, msg_flags, address)"""
        room, bits = addr.ssize(ancbufsize), addr.integer(flags)
        try:
            views = [writable(b) for b in cmsg.sequence(buffers)]
        except TypeError as e:
            if hasattr(buffers, "__iter__"):
                raise
            raise TypeError("recvmsg_into() argument 1 must be an iterable") from e
        if room < 0 or room > INT_MAX:
            raise ValueError("invalid ancillary data buffer length")
        task, w = self._task, self._waiter
        if task is None or w is None:
            error.fail(-EBADF)
        if len(views) == 1:
            msg = Msghdr(task, IovIter(None, views[0], len(views[0])))
        else:
            msg = Msghdr(task, IovIter(None, None, sum([len(v) for v in views])))
        msg.want_name = True
        msg.msg_controllen = room
        r = calls.recvmsg(w, task, self._fd, msg, bits, self._ns)
        if r < 0:
            for view in views:
                view.release()
            error.fail(r)
        if len(views) != 1:
            scatter(msg.msg_iter.result(), views)
        return r, cmsg.received(task, w, msg), _signed(msg.msg_flags), addr.unpack(msg.msg_name)

    def send(self, data: object, flags: object = 0, /) -> int:
        """send(data[, flags]) -> count"""
        bits = addr.integer(flags)
        task, w = self._task, self._waiter
        if task is None or w is None:
            error.fail(-EBADF)
        msg = Msghdr(task, readable(data))
        r = calls.sendto(w, task, self._fd, msg, bits, self._ns)
        if r < 0:
            drop_view(msg.msg_iter)
            error.fail(r)
        return r

    def sendall(self, data: object, flags: object = 0, /) -> None:
        """sendall(data[, flags])"""
        bits = addr.integer(flags)
        task, w = self._task, self._waiter
        if task is None or w is None:
            error.fail(-EBADF)
        it = readable(data)
        left = it.count
        ns = self._ns
        if ns > 0:
            _sendall_timed(w, task, self._fd, it, bits, ns)
            return
        while True:
            r = calls.sendto(w, task, self._fd, Msghdr(task, it), bits, ns)
            if r < 0:
                drop_view(it)
                error.fail(r)
            left -= r
            if left <= 0:
                return
            it = _rest(it, left)

    def sendto(
        self,
        data: object,
        second: object = MISSING,
        third: object = MISSING,
        fourth: object = MISSING,
        /,
    ) -> int:
        """sendto(data, [flags, ]address) -> count"""
        flags = 0
        if third is MISSING:
            if second is MISSING:
                raise TypeError("sendto() takes 2 or 3 arguments (1 given)")
            address = second
        elif fourth is MISSING:
            flags = addr.integer(second)
            address = third
        else:
            raise TypeError("sendto() takes 2 or 3 arguments (4 given)")
        it = readable(data)
        task, w = self._task, self._waiter
        if task is None or w is None:
            error.fail(-EBADF)
        msg = Msghdr(task, it)
        msg.msg_name = addr.pack(self._family, address, "sendto")
        r = calls.sendto(w, task, self._fd, msg, flags, self._ns)
        if r < 0:
            drop_view(it)
            error.fail(r)
        return r

    def sendmsg(
        self, buffers: object, ancdata: object = (), flags: int = 0, address: object = None, /
    ) -> int:
        """sendmsg(buffers[, ancdata[, flags[, address]]]) -> count"""
        task, w = self._task, self._waiter
        if task is None or w is None:
            error.fail(-EBADF)
        msg = Msghdr(task, cmsg.gather(buffers))
        if address is not None:
            msg.msg_name = addr.pack(self._family, address, "sendmsg")
        control = cmsg.pack(ancdata)
        if len(control) != 0:
            msg.msg_control = cmsg.adopt_files(task, w, control)
        r = calls.sendmsg(w, task, self._fd, msg, addr.integer(flags), self._ns)
        if len(control) != 0:
            cmsg.drop_files(task, w, control, msg.msg_control)
        if r < 0:
            error.fail(r)
        return r

    def sendmsg_afalg(self, *args: object, **kwargs: object) -> int:
        """sendmsg_afalg([msg], *, op[, iv[, assoclen[, flags=MSG_MORE]]])"""
        raise OSError("algset is only supported for AF_ALG")

    # ---- names and connections

    def bind(self, address: object, /) -> None:
        """bind(address)"""
        task, w = self._task, self._waiter
        if task is None or w is None:
            error.fail(-EBADF)
        packed = addr.pack(self._family, address, "bind")
        r = calls.bind(w, task, self._fd, packed)
        if r < 0:
            error.fail(r)

    def connect(self, address: object, /) -> None:
        """connect(address)"""
        r = self._connect(address)
        if r < 0:
            error.fail(r)

    def connect_ex(self, address: object, /) -> int:
        """connect_ex(address) -> errno"""
        r = self._connect(address)
        if r == -1000:
            return EAGAIN  # CPython: a time-out of settimeout is EWOULDBLOCK here
        return -r

    def _connect(self, address: object) -> i64:
        task, w = self._task, self._waiter
        if task is None or w is None:
            error.fail(-EBADF)
        packed = addr.pack(self._family, address, "connect")
        return calls.connect(w, task, self._fd, packed, Call(task), self._ns)

    def listen(self, backlog: int = SOMAXCONN_DEFAULT, /) -> None:
        """listen([backlog])"""
        task, w = self._task, self._waiter
        if task is None or w is None:
            error.fail(-EBADF)
        n = addr.integer(backlog)
        if n < 0:
            n = 0
        r = calls.listen(w, task, self._fd, n)
        if r < 0:
            error.fail(r)

    def _accept(self) -> tuple[int, object]:
        """_accept() -> (integer, address info)"""
        task, w = self._task, self._waiter
        if task is None or w is None:
            error.fail(-EBADF)
        fd = calls.accept4(w, task, self._fd, Call(task), self._ns)
        if fd < 0:
            error.fail(fd)
        return fd, addr.unpack(calls.accepted_name(w, task, fd))

    def shutdown(self, how: int, /) -> None:
        """shutdown(flag)"""
        task, w = self._task, self._waiter
        if task is None or w is None:
            error.fail(-EBADF)
        r = calls.shutdown(w, task, self._fd, addr.integer(how))
        if r < 0:
            error.fail(r)

    def getsockname(self) -> object:
        """getsockname() -> address info"""
        return self._name(False)

    def getpeername(self) -> object:
        """getpeername() -> address info"""
        return self._name(True)

    def _name(self, peer: bool) -> object:
        task, w = self._task, self._waiter
        if task is None or w is None:
            error.fail(-EBADF)
        call = Call(task)
        name = calls.getname(w, task, self._fd, peer, call)
        if name is None:
            error.fail(call.err)
        return addr.unpack(name)

    # ---- options

    def setsockopt(self, level: int, option: int, value: object, *args: object) -> None:
        """setsockopt(level, option, value: int)
        setsockopt(level, option, value: buffer)
        setsockopt(level, option, None, optlen: int)"""
        if len(args) > 1:
            raise TypeError(f"setsockopt() takes at most 4 arguments ({3 + len(args)} given)")
        task, w = self._task, self._waiter
        if task is None or w is None:
            error.fail(-EBADF)
        optlen: i64 = -1
        if value is None:
            if not args:
                raise TypeError("setsockopt() requires an optlen when the value is None")
            n = addr.integer(args[0])
            optval = b""
            optlen = n & 0xFFFFFFFF
        elif args:
            raise TypeError("setsockopt() takes 3 arguments when the value is not None")
        elif hasattr(value, "__index__"):
            optval = (addr.integer(value) & 0xFFFFFFFF).to_bytes(4, "little")
            optlen = 4
        else:
            try:
                optval = bytes(memoryview(value))  # type: ignore[arg-type]
            except TypeError:
                raise TypeError(
                    f"a bytes-like object is required, not '{value.__class__.__name__}'"
                ) from None
            optlen = len(optval)
        r = calls.setsockopt(w, task, self._fd, addr.integer(level), addr.integer(option), optval, optlen)
        if r < 0:
            error.fail(r)

    def getsockopt(self, level: int, option: int, buflen: object = 0, /) -> int | bytes:
        """getsockopt(level, option[, buffersize]) -> value"""
        size = addr.integer(buflen)
        task, w = self._task, self._waiter
        if task is None or w is None:
            error.fail(-EBADF)
        if size < 0 or size > 1024:
            raise OSError("getsockopt buflen out of range")
        opt = Sockopt(b"", 4 if size == 0 else size)
        r = calls.getsockopt(w, task, self._fd, addr.integer(level), addr.integer(option), opt)
        if r < 0:
            error.fail(r)
        result = opt.result
        if size == 0:
            return int.from_bytes(result[:4], "little", signed=len(result) >= 4)
        return result

    # ---- time-outs

    def setblocking(self, flag: object, /) -> None:
        """setblocking(flag): blocking, or not at all"""
        self._set_ns(NONE if addr.any_integer(flag) else 0)

    def getblocking(self) -> bool:
        """getblocking(): whether a call may wait"""
        return self._ns != 0

    def settimeout(self, timeout: object, /) -> None:
        """settimeout(timeout): seconds, or None for blocking"""
        self._set_ns(nanoseconds(timeout))

    def gettimeout(self) -> float | None:
        """gettimeout() -> timeout"""
        ns = self._ns
        return None if ns < 0 else int(ns) / NS

    def _set_ns(self, ns: i64) -> None:
        task, w = self._task, self._waiter
        if task is None or w is None:
            error.fail(-EBADF)
        r = calls.set_nonblock(w, task, self._fd, ns >= 0)
        if r < 0:
            self._ns = ns
            error.fail(r)
        self._ns = ns

    # ---- the object

    def fileno(self) -> int:
        """fileno() -> integer; -1 once closed"""
        return self._fd

    def detach(self) -> int:
        """detach(): the descriptor, which the object forgets"""
        fd = self._fd
        self._fd = -1
        return fd

    def close(self) -> None:
        """close()"""
        fd = self._fd
        if fd == -1:
            return
        self._fd = -1
        task, w = self._task, self._waiter
        if task is None or w is None:
            return
        if w.held():
            calls.close_late(w, task, fd)
            return
        r = calls.close(w, task, fd)
        if r < 0 and r != -ECONNRESET:
            error.fail(r)

    @property
    def family(self) -> int:
        """the socket family"""
        return self._family

    @property
    def type(self) -> int:
        """the socket type"""
        return self._type

    @property
    def proto(self) -> int:
        """the socket protocol"""
        return self._proto

    @property
    def timeout(self) -> float | None:
        """the socket timeout"""
        return self.gettimeout()

    def __repr__(self) -> str:
        return (
            f"<socket object, fd={self._fd}, family={self._family}, type={self._type}, proto={self._proto}>"
        )

    def __del__(self) -> None:
        try:
            fd = self._fd
        except AttributeError:  # never initialised: ssl.SSLSocket's own constructor refuses before
            return
        if fd < 0:
            return
        task, w = self._task, self._waiter
        if task is None or w is None or task.exited:  # the process is over: its descriptors went with it
            return
        try:
            warnings.warn(f"unclosed {self!r}", ResourceWarning, 2, source=self)
        finally:
            self._fd = -1
            calls.close_late(w, task, fd)


def _ask(w: Waiter, task: Task, fd: i64, optname: i64) -> int:
    opt = Sockopt(b"", 4)
    r = calls.getsockopt(w, task, fd, SOL_SOCKET, optname, opt)
    if r < 0:
        error.fail(r)
    return int.from_bytes(opt.result[:4], "little", signed=True)


def _signed(flags: i64) -> int:
    n: int = flags & 0xFFFFFFFF
    return n - (1 << 32) if n & 0x80000000 else n


def readable(data: object) -> IovIter:
    """Memory to send from: bytes as they are, anything else with a buffer as a view that is copied as it is
    taken."""
    if isinstance(data, bytes):
        return IovIter(data, None, len(data))
    if isinstance(data, str):
        raise TypeError("a bytes-like object is required, not 'str'")
    try:
        view = memoryview(data)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"a bytes-like object is required, not '{data.__class__.__name__}'") from None
    if view.ndim != 1 or view.format != "B":
        if not view.c_contiguous:
            return _plain(bytes(view))
        view = view.cast("B")
    elif not view.c_contiguous:
        raise BufferError("memoryview: underlying buffer is not C-contiguous")
    return IovIter(None, view, len(view))


def _plain(data: bytes) -> IovIter:
    return IovIter(data, None, len(data))


def drop_view(it: IovIter) -> None:
    """Before raising: a traceback keeps frames alive, and a view in one would pin the program's bytearray."""
    view = it.view
    if view is not None:
        view.release()


def writable(buffer: object) -> memoryview:
    """Memory to receive into."""
    if isinstance(buffer, bytearray):
        return memoryview(buffer)
    try:
        view = memoryview(buffer)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"read-write bytes-like object required, not {buffer.__class__.__name__}") from None
    if view.readonly:
        raise TypeError(f"argument must be read-write bytes-like object, not {buffer.__class__.__name__}")
    if view.ndim != 1 or view.format != "B":
        view = view.cast("B")
    return view


def scatter(data: bytes, views: list[memoryview]) -> None:
    """Spread what came over several buffers, in order."""
    at = 0
    for view in views:
        if at >= len(data):
            return
        piece = data[at : at + len(view)]
        view[: len(piece)] = piece
        at += len(piece)


def _rest(it: IovIter, left: i64) -> IovIter:
    """A new iterator over what a partial send left."""
    rest = IovIter(it.src, it.view, left)
    src = it.src
    view = it.view
    if src is not None:
        rest.iov_offset = len(src) - left
    elif view is not None:
        rest.iov_offset = len(view) - left
    return rest


def _sendall_timed(w: Waiter, task: Task, fd: i64, it: IovIter, flags: i64, ns: i64) -> None:
    """sendall with a time-out: the time-out is for all of it."""
    left = it.count
    deadline: i64 = -1
    while True:
        r = calls.sendto(w, task, fd, Msghdr(task, it), flags, ns)
        if r < 0:
            drop_view(it)
            error.fail(r)
        left -= r
        if left <= 0:
            return
        now = w.kernel.now
        if deadline < 0:
            deadline = now + ns
        ns = deadline - now
        if ns <= 0:
            raise TimeoutError("timed out")
        it = _rest(it, left)


def nanoseconds(timeout: object) -> i64:
    """A time-out in seconds as nanoseconds, rounded up as CPython rounds; NONE for None."""
    if timeout is None:
        return NONE
    if isinstance(timeout, float):
        if timeout != timeout:
            raise ValueError("Invalid value NaN (not a number)")
        if timeout < 0.0:
            raise ValueError("Timeout value out of range")
        if timeout > 9223372036.0:
            raise OverflowError("timestamp too large to convert to C _PyTime_t")
        ns = int(timeout * NS)
        if ns < timeout * NS:
            ns += 1
        return ns
    seconds = addr.any_integer(timeout)
    if seconds < 0:
        raise ValueError("Timeout value out of range")
    if seconds > 9223372036:
        raise OverflowError("timestamp too large to convert to C _PyTime_t")
    return seconds * NS
