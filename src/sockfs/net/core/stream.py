"""What stream protocols share: waiting for room, for the handshake, for the end.

Kernel counterpart: `net/core/stream.c`. Control comes from `tcp_sendmsg` and its like; the waits end at the
wake-ups of `sk_stream_write_space`, `tcp_finish_connect` and `tcp_fin`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.kernel import wait
from sockfs.net.core import skbuff, sock
from sockfs.structs.sock import SEND_SHUTDOWN, SockCallback
from sockfs.uapi.dropreason import SKB_DROP_REASON_SOCKET_CLOSE
from sockfs.uapi.errno import EAGAIN, EPIPE
from sockfs.uapi.poll import EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLRDNORM, EPOLLWRNORM
from sockfs.uapi.tcp import (
    TCPF_CLOSE_WAIT,
    TCPF_CLOSING,
    TCPF_ESTABLISHED,
    TCPF_FIN_WAIT1,
    TCPF_LAST_ACK,
    TCPF_SYN_RECV,
    TCPF_SYN_SENT,
)

if TYPE_CHECKING:
    from sockfs.structs.call import Call
    from sockfs.structs.sock import Sock


def sk_stream_wspace(sk: Sock) -> i64:
    """Bytes of send buffer left."""
    return sk.sk_sndbuf - sk.sk_wmem_queued


def sk_stream_min_wspace(sk: Sock) -> i64:
    """What must be free before senders are woken."""
    return sk.sk_wmem_queued >> 1


def sk_stream_is_writeable(sk: Sock) -> bool:
    """Enough is free to tell poll(2) so: a third of the buffer."""
    return sk_stream_wspace(sk) >= sk_stream_min_wspace(sk)


def sk_stream_write_space(sk: Sock) -> None:
    """Room was freed: wake who waits for it, if there is enough."""
    sck = sk.sk_socket
    if sck is None or not sk_stream_is_writeable(sk):
        return
    sck.flags &= ~sock.SOCK_NOSPACE
    wq = sk.sk_wq
    if wq is not None and wq.first is not None:
        wait.wake_up(wq, EPOLLOUT | EPOLLWRNORM)


class _StreamWriteSpace(SockCallback):
    def run(self, sk: Sock) -> None:
        sk_stream_write_space(sk)


SK_STREAM_WRITE_SPACE: Final = _StreamWriteSpace("sk_stream_write_space")


def sk_stream_wait_connect(sk: Sock, call: Call, timeo: i64) -> i64:
    """A sender waits for the handshake. 0 when established, -errno, or -ESLEEP."""
    err = sock.sock_error(sk)
    if err != 0:
        return err
    state: i64 = 1 << sk.sk_state
    if (state & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT)) != 0:
        return 0
    if (state & (TCPF_SYN_SENT | TCPF_SYN_RECV)) == 0:
        return -EPIPE
    if wait.timeo_left(call, timeo) == 0:
        return -EAGAIN
    if call.signalled:
        return sock.sock_intr_errno(timeo)
    wq = sk.sk_wq
    if wq is None:
        return -EPIPE
    # sleeps: sk_stream_wait_connect
    return wait.sleep_on(call, wq, EPOLLOUT | EPOLLERR | EPOLLHUP, timeo)


def sk_stream_wait_memory(sk: Sock, call: Call, timeo: i64, free: bool) -> i64:
    """A sender waits for room; `free` says whether its protocol sees some. 0 then, -errno, or -ESLEEP."""
    if sk.sk_err != 0 or (sk.sk_shutdown & SEND_SHUTDOWN) != 0:
        return -EPIPE
    if free:
        return 0
    if wait.timeo_left(call, timeo) == 0:
        return -EAGAIN
    if call.signalled:
        return sock.sock_intr_errno(timeo)
    wq = sk.sk_wq
    if wq is None:
        return -EPIPE
    # sleeps: sk_stream_wait_memory
    return wait.sleep_on(call, wq, EPOLLOUT | EPOLLERR | EPOLLHUP, timeo)


def sk_wait_data(sk: Sock, call: Call, timeo: i64) -> i64:
    """A reader waits for something to come. Returns -ESLEEP."""
    wq = sk.sk_wq
    assert wq is not None
    # sleeps: sk_wait_data
    return wait.sleep_on(call, wq, EPOLLIN | EPOLLRDNORM | EPOLLERR | EPOLLHUP | EPOLLRDHUP, timeo)


def sk_stream_error(sk: Sock, flags: i64, err: i64) -> i64:
    """What a failed send answers: a broken pipe shows a pending error first. SIGPIPE is not sent."""
    if err == -EPIPE:
        pending = sock.sock_error(sk)
        if pending != 0:
            err = pending
    return err


def sk_stream_kill_queues(sk: Sock) -> None:
    """The connection is gone: nothing queued has a reader any more."""
    k = sk.kernel
    skbuff.skb_queue_purge(k, sk.sk_receive_queue, SKB_DROP_REASON_SOCKET_CLOSE)
    sock.sk_mem_reclaim_final(sk)


def sk_stream_closing(sk: Sock) -> bool:
    """Our FIN is out and not yet acknowledged."""
    return ((1 << sk.sk_state) & (TCPF_FIN_WAIT1 | TCPF_CLOSING | TCPF_LAST_ACK)) != 0
