"""TLS on our sockets: a pump between `_ssl`'s memory buffers and a socket of the kernel.

CPython counterpart: `_ssl._SSLSocket` on a file descriptor. `_ssl` reads and writes a real descriptor from C,
so `_wrap_socket` gives it two `MemoryBIO`s instead, and the object returned here moves ciphertext between
them and the socket. asyncio does the same by itself and needs nothing of this.

The pump reads one TLS record at a time (RFC 8446, 5.1), never more: what follows the close of a TLS session
on the same connection is plain text and the program's (STARTTLS and back). It holds the socket weakly, as
CPython's does.
"""

from __future__ import annotations

import _ssl
import weakref
from typing import Any, Final

from sockfs.libc import host
from sockfs.uapi.errno import ECONNRESET, EPIPE

HEADER: Final = 5  # of a TLS record: type, version, length
_ssl_any: Final[Any] = _ssl


class SSLSocket:
    """What `ssl.SSLSocket` keeps as `_sslobj`."""

    def __init__(self, sock: Any, obj: Any, incoming: Any, outgoing: Any) -> None:
        self._sock = weakref.ref(sock)
        self._obj = obj
        self._in = incoming
        self._out = outgoing
        self._unsent = b""  # ciphertext that the socket would not take yet
        self._part = b""  # of a record whose rest has not come

    # ---- the pump

    def _socket(self) -> Any:
        sock = self._sock()
        if sock is None or sock.fileno() < 0:
            raise _ssl_any.SSLError(_ssl_any.SSL_ERROR_SYSCALL, "Underlying socket connection gone")
        return sock

    def _flush(self, quiet: bool = False) -> None:
        """Send what TLS has produced. Not all taken: SSLWantWriteError (non-blocking) or a time-out."""
        if self._out.pending:
            self._unsent += self._out.read()
        if not self._unsent:
            return
        sock = self._socket()
        send = host_socket_class().send
        while self._unsent:
            try:
                n = send(sock, self._unsent)
            except BlockingIOError:
                raise _ssl_any.SSLWantWriteError(
                    _ssl_any.SSL_ERROR_WANT_WRITE, "The operation did not complete (write)"
                ) from None
            except TimeoutError:
                raise TimeoutError("The write operation timed out") from None
            except OSError as e:
                if quiet and e.errno in (EPIPE, ECONNRESET):
                    self._unsent = b""
                    return
                raise
            self._unsent = self._unsent[n:]

    def _fill(self, what: str) -> None:
        """Receive one record, or the end of the stream."""
        sock = self._socket()
        recv = host_socket_class().recv
        while True:
            need = HEADER
            if len(self._part) >= HEADER:
                need += self._part[3] << 8 | self._part[4]
            if len(self._part) >= need and len(self._part) >= HEADER:
                break
            try:
                data = recv(sock, need - len(self._part))
            except BlockingIOError:
                raise _ssl_any.SSLWantReadError(
                    _ssl_any.SSL_ERROR_WANT_READ, "The operation did not complete (read)"
                ) from None
            except TimeoutError:
                raise TimeoutError(f"The {what} operation timed out") from None
            if not data:
                if self._part:
                    self._in.write(self._part)
                    self._part = b""
                self._in.write_eof()
                return
            self._part += data
        self._in.write(self._part)
        self._part = b""

    def _run(self, what: str, call: Any, *args: Any) -> Any:
        """Call into TLS until it no longer wants to read or write."""
        while True:
            try:
                result = call(*args)
            except _ssl_any.SSLWantReadError:
                self._flush(quiet=what == "read")
                self._fill(what)
                continue
            except _ssl_any.SSLError:
                try:
                    self._flush(quiet=True)  # the alert
                except OSError:
                    pass
                raise
            self._flush(quiet=what == "read" or (what == "handshake" and self._obj.server_side))
            return result

    # ---- what ssl.SSLSocket calls

    def do_handshake(self) -> None:
        self._run("handshake", self._obj.do_handshake)

    def read(self, size: int = 1024, buffer: Any = None) -> Any:
        if buffer is None:
            return self._run("read", self._obj.read, size)
        return self._run("read", self._obj.read, size, buffer)

    def write(self, data: Any) -> int:
        if self._unsent:
            self._flush()  # raises SSLWantWriteError while the socket is full
        return self._run_write(data)

    def _run_write(self, data: Any) -> int:
        while True:
            try:
                n: int = self._obj.write(data)
                break
            except _ssl_any.SSLWantReadError:
                self._flush()
                self._fill("write")
        try:
            self._flush()
        except _ssl_any.SSLWantWriteError:
            pass  # TLS has taken the data; the rest of the ciphertext goes before the next write
        return n

    def pending(self) -> int:
        n: int = self._obj.pending()
        return n

    def shutdown(self) -> Any:
        """Send close_notify; wait for the peer's if ours had gone before."""
        while True:
            try:
                self._obj.shutdown()
                self._flush(quiet=True)
                break
            except _ssl_any.SSLWantReadError:
                self._flush(quiet=True)
                self._fill("read")
            except _ssl_any.SSLSyscallError:
                self._flush(quiet=True)
                raise
        return self._sock()

    def verify_client_post_handshake(self) -> Any:
        result = self._obj.verify_client_post_handshake()
        self._flush()
        return result

    def version(self) -> Any:
        return self._obj.version()

    def cipher(self) -> Any:
        return self._obj.cipher()

    def compression(self) -> Any:
        return self._obj.compression()

    def shared_ciphers(self) -> Any:
        return self._obj.shared_ciphers()

    def getpeercert(self, *args: Any) -> Any:
        return self._obj.getpeercert(*args)

    def get_channel_binding(self, *args: Any, **kwargs: Any) -> Any:
        return self._obj.get_channel_binding(*args, **kwargs)

    def get_verified_chain(self) -> Any:
        return self._obj.get_verified_chain()

    def get_unverified_chain(self) -> Any:
        return self._obj.get_unverified_chain()

    def selected_alpn_protocol(self) -> Any:
        return self._obj.selected_alpn_protocol()

    def selected_npn_protocol(self) -> Any:
        return self._obj.selected_npn_protocol()

    @property
    def context(self) -> Any:
        return self._obj.context

    @context.setter
    def context(self, value: Any) -> None:
        self._obj.context = value

    @property
    def session(self) -> Any:
        return self._obj.session

    @session.setter
    def session(self, value: Any) -> None:
        self._obj.session = value

    @property
    def session_reused(self) -> Any:
        return self._obj.session_reused

    @property
    def server_side(self) -> Any:
        return self._obj.server_side

    @property
    def server_hostname(self) -> Any:
        return self._obj.server_hostname

    @property
    def owner(self) -> Any:
        return self._obj.owner

    @owner.setter
    def owner(self, value: Any) -> None:
        self._obj.owner = value


def host_socket_class() -> Any:
    from sockfs.libc import _socket

    return _socket.socket


def wrap_socket(
    context: Any,
    sock: Any,
    server_side: bool,
    server_hostname: str | None = None,
    *,
    owner: Any = None,
    session: Any = None,
) -> SSLSocket:
    """`_SSLContext._wrap_socket` for a socket of the kernel."""
    incoming, outgoing = _ssl_any.MemoryBIO(), _ssl_any.MemoryBIO()
    obj = context._wrap_bio(incoming, outgoing, server_side, server_hostname, owner=owner, session=session)
    return SSLSocket(sock, obj, incoming, outgoing)


def context_class() -> Any:
    """A subclass of `_ssl._SSLContext` to stand in its place: the type itself cannot be changed."""
    base: Any = _ssl_any._SSLContext
    plain = base._wrap_socket

    def _wrap_socket(
        self: Any,
        sock: Any,
        server_side: bool,
        server_hostname: str | None = None,
        *,
        owner: Any = None,
        session: Any = None,
    ) -> Any:
        if isinstance(sock, host.socket_module.socket):
            return plain(self, sock, server_side, server_hostname, owner=owner, session=session)
        return wrap_socket(self, sock, server_side, server_hostname, owner=owner, session=session)

    return type("_SSLContext", (base,), {"__slots__": (), "_wrap_socket": _wrap_socket, "__module__": "_ssl"})
