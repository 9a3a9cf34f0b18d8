"""Local sockets: names, connections, and their end.

Kernel counterpart: `net/unix/af_unix.c`; unix(7). Control enters from `net/socket.py` through the three
operation tables at the bottom, and goes on to `unix_stream.py` and `unix_dgram.py` for data. There are no
packets on a wire and no softirq: a send puts an skb on the peer's queue and calls its `sk_data_ready`.

Names: an abstract one belongs to a namespace and a type (`net.unix_abstract`). A pathname is a file: where
the world around has a file system for it (`kernel.unix_path_host`) the file is made there and found by its
identity; otherwise the kernel's own list stands in (`net.unix_paths`), in which a name stays taken after its
socket closed, until `unix_unlink`.

Longer than most files, because a local socket's whole life stands here, as in Linux. Left out: BPF, diag's
own view, SIOCUNIXFILE.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.fs import file as fs_file
from sockfs.kernel import slab, wait
from sockfs.net import socket as net_socket
from sockfs.net.core import scm as core_scm
from sockfs.net.core import skbuff
from sockfs.net.core import sock as core_sock
from sockfs.net.unix import garbage, unix_dgram, unix_stream
from sockfs.structs.ops import NetProtoFamily, Proto, ProtoOps
from sockfs.structs.scm import ScmCookie, Ucred
from sockfs.structs.sock import RCV_SHUTDOWN, SHUTDOWN_MASK, SOCK_DEAD, SOCK_PASSCRED, SockCallback
from sockfs.structs.sockaddr import pack_sockaddr_un, sockaddr_un_path
from sockfs.structs.unix_sock import UnixSock
from sockfs.structs.wait_queue import WaitQueueEntry
from sockfs.uapi.dropreason import SKB_DROP_REASON_SOCKET_CLOSE
from sockfs.uapi.errno import (
    EADDRINUSE,
    EAGAIN,
    ECONNREFUSED,
    ECONNRESET,
    EFAULT,
    EINVAL,
    EISCONN,
    ENOENT,
    ENOIOCTLCMD,
    ENOPROTOOPT,
    ENOSPC,
    EOPNOTSUPP,
    EPERM,
    EPROTONOSUPPORT,
    EPROTOTYPE,
    ESOCKTNOSUPPORT,
    ETOOMANYREFS,
)
from sockfs.uapi.fcntl import O_NONBLOCK
from sockfs.uapi.ioctl import SIOCATMARK, SIOCINQ, SIOCOUTQ
from sockfs.uapi.poll import (
    EPOLLERR,
    EPOLLHUP,
    EPOLLIN,
    EPOLLOUT,
    EPOLLPRI,
    EPOLLRDHUP,
    EPOLLRDNORM,
    EPOLLWRBAND,
    EPOLLWRNORM,
)
from sockfs.uapi.socket import (
    AF_UNIX,
    AF_UNSPEC,
    SOCK_DGRAM,
    SOCK_RAW,
    SOCK_SEQPACKET,
    SOCK_STREAM,
    SS_CONNECTED,
    SS_UNCONNECTED,
)
from sockfs.uapi.tcp import TCP_CLOSE, TCP_ESTABLISHED, TCP_LISTEN
from sockfs.uapi.un import SIZEOF_SOCKADDR_UN

if TYPE_CHECKING:
    from sockfs.structs.call import Call
    from sockfs.structs.file import File
    from sockfs.structs.kernel import Kernel
    from sockfs.structs.msghdr import Msghdr
    from sockfs.structs.net import Net
    from sockfs.structs.ops import PollTable, Sockopt
    from sockfs.structs.sk_buff import SkBuff
    from sockfs.structs.sock import Sock
    from sockfs.structs.socket import Socket
    from sockfs.structs.task import Task

EWRITE: Final = EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND
EREAD: Final = EPOLLIN | EPOLLRDNORM
NPROTO_UNIX: Final = 1  # PF_UNIX, the only protocol number besides 0


# Made


def af_unix_init(k: Kernel) -> None:
    """Register the family."""
    k.net_families[AF_UNIX] = UnixFamily(AF_UNIX, "unix")
    slab.kmem_cache_create(k, "UNIX", 1152)
    slab.kmem_cache_create(k, "UNIX-STREAM", 1152)


def unix_create(net: Net, sock: Socket, protocol: i64, kern: bool) -> i64:
    """socket(2) of the family. SOCK_RAW means datagram here, for BSD's sake."""
    if protocol != 0 and protocol != NPROTO_UNIX:
        return -EPROTONOSUPPORT
    sock.state = SS_UNCONNECTED
    type = sock.type
    if type == SOCK_STREAM:
        sock.ops = unix_stream_ops
    elif type in (SOCK_DGRAM, SOCK_RAW):
        sock.type = SOCK_DGRAM
        sock.ops = unix_dgram_ops
    elif type == SOCK_SEQPACKET:
        sock.ops = unix_seqpacket_ops
    else:
        return -ESOCKTNOSUPPORT
    unix_create1(net, sock, sock.type)
    net_socket.note_ops_set(sock)
    return 0


def unix_create1(net: Net, sock: Socket | None, type: i64) -> UnixSock:
    """A new local sock, tied to sock when there is one."""
    sk = core_sock.sk_alloc(net, AF_UNIX, unix_stream_proto if type == SOCK_STREAM else unix_dgram_proto)
    assert isinstance(sk, UnixSock)
    core_sock.sock_init_data(sock, sk)
    sk.sk_type = type
    sk.sk_max_ack_backlog = net.unx.sysctl_max_dgram_qlen
    net.unix_all[sk.sk_cookie] = sk
    return sk


def unix_sk(sock: Socket) -> UnixSock:
    """The local sock of a Socket."""
    sk = sock.sk
    assert isinstance(sk, UnixSock)
    return sk


def _getcred(task: Task) -> Ucred:
    return Ucred(task.pid, task.uid, task.gid)


def unix_socketpair(socka: Socket, sockb: Socket, task: Task) -> i64:
    """socketpair(2): two socks that are each other's peer."""
    a = unix_sk(socka)
    b = unix_sk(sockb)
    core_sock.sock_hold(a)
    core_sock.sock_hold(b)
    a.peer = b
    b.peer = a
    a.sk_peer_cred = _getcred(task)
    b.sk_peer_cred = _getcred(task)
    a.sk_state = TCP_ESTABLISHED
    b.sk_state = TCP_ESTABLISHED
    socka.state = SS_CONNECTED
    sockb.state = SS_CONNECTED
    return 0


# Names


def unix_validate_addr(uaddr: bytes) -> i64:
    """0, or -EINVAL for an address with no name in it, too long, or of another family."""
    n = len(uaddr)
    if n <= 2 or n > SIZEOF_SOCKADDR_UN:
        return -EINVAL
    if uaddr[0] | (uaddr[1] << 8) != AF_UNIX:
        return -EINVAL
    return 0


def unix_bind(sock: Socket, uaddr: bytes) -> i64:
    """bind(2). The family alone asks for a name of the kernel's choice."""
    u = unix_sk(sock)
    if len(uaddr) == 2 and uaddr[0] == AF_UNIX and uaddr[1] == 0:
        return unix_autobind(u)
    err = unix_validate_addr(uaddr)
    if err < 0:
        return err
    name = sockaddr_un_path(uaddr)
    if uaddr[2] != 0:
        return unix_bind_bsd(u, name)
    return unix_bind_abstract(u, name)


def unix_bind_abstract(u: UnixSock, name: bytes) -> i64:
    """A name that starts with NUL and lives in the network namespace, one for each type."""
    if u.addr is not None:
        return -EINVAL
    key = bytes([int(u.sk_type)]) + name
    table = u.sk_net.unix_abstract
    if key in table:
        return -EADDRINUSE
    u.addr = name
    table[key] = u
    return 0


def unix_bind_bsd(u: UnixSock, path: bytes) -> i64:
    """A name that is a file."""
    if u.addr is not None:
        return -EINVAL
    net = u.sk_net
    host = u.kernel.unix_path_host
    if host is not None:
        ino = host.mknod(path)
        if ino < 0:
            return ino
        key = b"#%d" % ino
    else:
        key = path
        if key in net.unix_paths:
            return -EADDRINUSE
    u.addr = path
    u.path_key = key
    net.unix_paths[key] = u
    return 0


def unix_autobind(u: UnixSock) -> i64:
    """An abstract name of five hexadecimal digits that nobody has, unless the sock has a name already."""
    if u.addr is not None:
        return 0
    table = u.sk_net.unix_abstract
    first = u.kernel.rng_misc.get_random_u32() & 0xFFFFF
    i: i64 = 0
    while i <= 0xFFFFF:
        name = b"\0%05x" % int((first + i) & 0xFFFFF)
        key = bytes([int(u.sk_type)]) + name
        if key not in table:
            u.addr = name
            table[key] = u
            return 0
        i += 1
    return -ENOSPC


def unix_find_other(net: Net, uaddr: bytes, type: i64) -> UnixSock | None:
    """Who is bound to the name in uaddr. None: `kernel.unix_err` says why not."""
    k = net.kernel
    name = sockaddr_un_path(uaddr)
    if uaddr[2] == 0:
        k.unix_err = -ECONNREFUSED
        return net.unix_abstract.get(bytes([int(type)]) + name)
    host = k.unix_path_host
    key = name
    if host is not None:
        ino = host.lookup(name)
        if ino < 0:
            k.unix_err = ino
            return None
        key = b"#%d" % ino
    u = net.unix_paths.get(key)
    if u is None:
        k.unix_err = -ECONNREFUSED if host is not None else -ENOENT
        return None
    if u.sk_flags & SOCK_DEAD:
        k.unix_err = -ECONNREFUSED
        return None
    if u.sk_type != type:
        k.unix_err = -EPROTOTYPE
        return None
    return u


def unix_getname(sock: Socket, peer: i64) -> bytes | None:
    """The packed name; None: not connected."""
    u: UnixSock | None = unix_sk(sock)
    if peer != 0 and u is not None:
        u = u.peer
    if u is None:
        return None
    addr = u.addr
    return pack_sockaddr_un(b"" if addr is None else addr)


def unix_copy_addr(msg: Msghdr, skb: SkBuff) -> None:
    """Who sent it, when it has a name."""
    sk = skb.sk
    msg.msg_name = None
    if isinstance(sk, UnixSock) and sk.addr is not None:
        msg.msg_name = pack_sockaddr_un(sk.addr)


# Connections


def unix_listen(sock: Socket, backlog: i64) -> i64:
    """listen(2), of a bound sock."""
    if sock.type != SOCK_STREAM and sock.type != SOCK_SEQPACKET:
        return -EOPNOTSUPP
    u = unix_sk(sock)
    if u.addr is None:
        return -EINVAL
    if u.sk_state != TCP_CLOSE and u.sk_state != TCP_LISTEN:
        return -EINVAL
    if backlog > u.sk_max_ack_backlog:
        wait.wake_up_all(u.peer_wait, 0)
    u.sk_max_ack_backlog = backlog
    u.sk_state = TCP_LISTEN
    task = u.kernel.current
    if task is not None:
        u.sk_peer_cred = _getcred(task)
    return 0


def unix_recvq_full(u: UnixSock) -> bool:
    """More than sk_max_ack_backlog messages, or connections, wait already."""
    return u.sk_receive_queue.qlen > u.sk_max_ack_backlog


def unix_stream_connect(sock: Socket, uaddr: bytes, flags: i64, call: Call) -> i64:
    """connect(2): the other end is made here, and waits in the listener's queue. 0, -errno, or -ESLEEP."""
    u = unix_sk(sock)
    err = unix_validate_addr(uaddr)
    if err < 0:
        return err
    if u.sk_flags & SOCK_PASSCRED and u.addr is None:
        err = unix_autobind(u)
        if err < 0:
            return err
    k = u.kernel
    other = unix_find_other(u.sk_net, uaddr, u.sk_type)
    if other is None:
        return k.unix_err
    if other.sk_state != TCP_LISTEN or other.sk_shutdown & RCV_SHUTDOWN:
        return -ECONNREFUSED
    if unix_recvq_full(other):
        timeo = core_sock.sock_sndtimeo(u, (flags & O_NONBLOCK) != 0)
        if wait.timeo_left(call, timeo) == 0:
            return -EAGAIN
        if call.signalled:
            return core_sock.sock_intr_errno(timeo)
        call.exclusive = True
        return wait.sleep_on(call, other.peer_wait, 0, timeo)  # sleeps: unix_wait_for_peer
    if u.sk_state != TCP_CLOSE:
        return -EISCONN if u.sk_state == TCP_ESTABLISHED else -EINVAL
    new = unix_create1(u.sk_net, None, u.sk_type)
    skb = skbuff.alloc_skb(k)
    skb.sk = new
    core_sock.sock_hold(u)
    new.peer = u
    new.sk_state = TCP_ESTABLISHED
    new.sk_peer_cred = _getcred(call.task)
    new.addr = other.addr
    new.listener = other
    u.sk_peer_cred = other.sk_peer_cred
    sock.state = SS_CONNECTED
    u.sk_state = TCP_ESTABLISHED
    core_sock.sock_hold(new)
    u.peer = new
    skbuff.skb_queue_tail(other.sk_receive_queue, skb)
    other.sk_data_ready.run(other)
    return 0


def unix_dgram_connect(sock: Socket, uaddr: bytes, flags: i64, call: Call) -> i64:
    """connect(2): a default destination, and the only sender that is heard. AF_UNSPEC dissolves it."""
    u = unix_sk(sock)
    if len(uaddr) < 2:
        return -EINVAL
    other: UnixSock | None = None
    if uaddr[0] | (uaddr[1] << 8) != AF_UNSPEC:
        err = unix_validate_addr(uaddr)
        if err < 0:
            return err
        if u.sk_flags & SOCK_PASSCRED and u.addr is None:
            err = unix_autobind(u)
            if err < 0:
                return err
        other = unix_find_other(u.sk_net, uaddr, sock.type)
        if other is None:
            return u.kernel.unix_err
        if not unix_dgram.unix_may_send(u, other):
            return -EPERM
        core_sock.sock_hold(other)
        u.sk_state = TCP_ESTABLISHED
        sock.state = SS_CONNECTED
    else:
        u.sk_state = TCP_CLOSE
        sock.state = SS_UNCONNECTED
    old = u.peer
    u.peer = other
    if old is not None:
        unix_dgram_peer_wake_disconnect_wakeup(u, old)
        if other is not old:
            unix_dgram_disconnected(u, old)
        core_sock.sock_put(old)
    return 0


def unix_dgram_disconnected(u: UnixSock, other: UnixSock) -> None:
    """One half of a connected pair goes: what it had not read is lost, and the other half hears of that."""
    if u.sk_receive_queue.qlen != 0:
        unix_purge(u)
        wait.wake_up_all(u.peer_wait, EWRITE)
        if not other.sk_flags & SOCK_DEAD and other.peer is u:
            other.sk_err = ECONNRESET
            other.sk_error_report.run(other)


def unix_accept(sock: Socket, newsock: Socket, flags: i64, call: Call) -> i64:
    """accept(2): the first connection of the queue gets its Socket. 0, -errno, or -ESLEEP."""
    if sock.type != SOCK_STREAM and sock.type != SOCK_SEQPACKET:
        return -EOPNOTSUPP
    u = unix_sk(sock)
    if u.sk_state != TCP_LISTEN:
        return -EINVAL
    skb = skbuff.skb_dequeue(u.sk_receive_queue)
    if skb is None:
        err = core_sock.sock_error(u)
        if err != 0:
            return err
        timeo = core_sock.sock_rcvtimeo(u, (flags & O_NONBLOCK) != 0)
        if wait.timeo_left(call, timeo) == 0:
            return -EAGAIN
        if u.sk_shutdown & RCV_SHUTDOWN:
            return -EINVAL
        if call.signalled:
            return core_sock.sock_intr_errno(timeo)
        call.exclusive = True
        return wait.sleep_on(call, sock.wq, EREAD | EPOLLERR, timeo)  # sleeps: __skb_wait_for_more_packets
    tsk = skb.sk
    assert isinstance(tsk, UnixSock)
    skb.sk = None
    skbuff.consume_skb(u.kernel, skb)
    wait.wake_up(u.peer_wait, 0)
    tsk.listener = None
    newsock.state = SS_CONNECTED
    core_sock.sock_graft(tsk, newsock)
    return 0


def unix_shutdown(sock: Socket, how: i64) -> i64:
    """shutdown(2). A connected peer sees it from its own side."""
    if how < 0 or how > 2:
        return -EINVAL
    mode = how + 1
    u = unix_sk(sock)
    u.sk_shutdown |= mode
    other = u.peer
    if other is not None and u.sk_type != SOCK_DGRAM:
        peer_mode: i64 = 0
        if mode & 1:
            peer_mode |= 2
        if mode & 2:
            peer_mode |= 1
        other.sk_shutdown |= peer_mode
        other.sk_state_change.run(other)
    u.sk_state_change.run(u)
    return 0


# The end


def unix_release(sock: Socket) -> i64:
    """The last descriptor went."""
    sk = sock.sk
    if isinstance(sk, UnixSock):
        sock.sk = None
        unix_release_sock(sk, False)
    return 0


def unix_release_sock(u: UnixSock, embrion: bool) -> None:
    """Unbind, tell the peer, drop what was not read, and let go."""
    k = u.kernel
    net = u.sk_net
    net.unix_all.pop(u.sk_cookie, None)
    addr = u.addr
    if addr is not None and u.listener is None:
        if u.path_key != b"":
            # a name in the kernel's own list stays, as a file does; one that the host keeps is found by
            # lookup no more
            if k.unix_path_host is not None and net.unix_paths.get(u.path_key) is u:
                del net.unix_paths[u.path_key]
        else:
            key = bytes([int(u.sk_type)]) + addr
            if net.unix_abstract.get(key) is u:
                del net.unix_abstract[key]
    core_sock.sock_orphan(u)
    u.sk_shutdown = SHUTDOWN_MASK
    state = u.sk_state
    u.sk_state = TCP_CLOSE
    u.oob_skb = None
    wait.wake_up_all(u.peer_wait, 0)
    peer = u.peer
    if peer is not None:
        u.peer = None
        if u.sk_type == SOCK_STREAM or u.sk_type == SOCK_SEQPACKET:
            peer.sk_shutdown = SHUTDOWN_MASK
            unread = u.sk_receive_queue.first
            if unread is not None and unread.len != 0 and unread.consumed == unread.len:
                unread = unread.next  # the mark of an out-of-band byte
            if unread is not None or embrion:
                peer.sk_err = ECONNRESET
            peer.sk_state_change.run(peer)
        unix_dgram_peer_wake_disconnect(u, peer)
        core_sock.sock_put(peer)
    skb = skbuff.skb_dequeue(u.sk_receive_queue)
    while skb is not None:
        if state == TCP_LISTEN:
            embryo = skb.sk
            skb.sk = None
            if isinstance(embryo, UnixSock):
                unix_release_sock(embryo, True)
        unix_free_skb(k, skb)
        skb = skbuff.skb_dequeue(u.sk_receive_queue)
    core_sock.sock_put(u)
    if k.unix_inflight != 0:
        for lost in garbage.unix_gc(k):
            unix_free_skb(k, lost)


def unix_purge(u: UnixSock) -> None:
    """Drop everything that was not read."""
    skb = skbuff.skb_dequeue(u.sk_receive_queue)
    while skb is not None:
        unix_free_skb(u.kernel, skb)
        skb = skbuff.skb_dequeue(u.sk_receive_queue)


# Messages


def head_truesize(n: i64) -> i64:
    """What Linux charges for a packet with n bytes in its head: the allocation's size class and struct
    sk_buff.
    """
    need = ((n + 63) & ~63) + 320
    size: i64 = 512
    while size < need:
        size *= 2
    return size + 256


def unix_alloc_skb(u: UnixSock, msg: Msghdr, n: i64, truesize: i64) -> SkBuff:
    """A packet with the next n bytes of the message, by reference where they cannot change, charged to u."""
    skb = skbuff.alloc_skb(u.kernel)
    it = msg.msg_iter
    src = it.src
    if src is not None:
        skb.data = src
        skb.data_off = it.iov_offset
        it.iov_offset += n
        it.count -= n
    else:
        skb.data = it.take(n)
    skb.headlen = n
    skb.len = n
    skb.truesize = truesize
    skbuff.skb_set_owner_w(skb, u)
    return skb


def unix_scm_to_skb(u: UnixSock, other: UnixSock, msg: Msghdr, skb: SkBuff) -> i64:
    """Files of the message go with this packet, credentials when one side asked for them. 0 or -errno."""
    scm = msg.scm
    if scm is None:
        if (u.sk_flags | other.sk_flags) & SOCK_PASSCRED:
            own = ScmCookie()
            own.creds = _getcred(msg.task)
            skb.scm = own
        return 0
    k = u.kernel
    if len(scm.fp) != 0:
        if k.unix_inflight > msg.task.rlimit_nofile and not (msg.task.cap_effective >> 21) & 1:
            return -ETOOMANYREFS
        for file in scm.fp:
            garbage.unix_inflight(k, file)
    if scm.creds is None and (u.sk_flags | other.sk_flags) & SOCK_PASSCRED:
        scm.creds = _getcred(msg.task)
    skb.scm = scm
    if scm.creds is None:
        msg.scm = None
    else:
        rest = ScmCookie()  # further packets of a stream send carry the credentials, not the files
        rest.creds = scm.creds
        msg.scm = rest
    return 0


def unix_detach_fds(k: Kernel, skb: SkBuff) -> list[File]:
    """The files of a packet are the reader's now."""
    scm = skb.scm
    assert scm is not None
    files = scm.fp
    scm.fp = []
    for file in files:
        garbage.unix_notinflight(k, file)
    return files


def scm_fp_dup(files: list[File]) -> list[File]:
    """References of its own for a reader that peeks."""
    for file in files:
        fs_file.get_file(file)
    return list(files)


def unix_free_skb(k: Kernel, skb: SkBuff) -> None:
    """A packet is dropped, and the files in it."""
    scm = skb.scm
    files: list[File] | None = None
    if scm is not None and len(scm.fp) != 0:
        files = unix_detach_fds(k, skb)
    skbuff.kfree_skb_reason(k, skb, SKB_DROP_REASON_SOCKET_CLOSE)
    if files is not None:
        core_scm.scm_fput(k, files)


# Room, and who waits for it


def unix_writable(u: UnixSock) -> bool:
    """A quarter of the send buffer, at most, is in flight."""
    return u.sk_state != TCP_LISTEN and (u.sk_wmem_alloc << 2) <= u.sk_sndbuf


def unix_write_space(u: UnixSock) -> None:
    """Packets of this sender were read."""
    wq = u.sk_wq
    if wq is not None and wq.first is not None and unix_writable(u):
        wait.wake_up(wq, EWRITE)


class UnixWriteSpace(SockCallback):
    """`unix_write_space`."""

    def run(self, sk: Sock) -> None:
        assert isinstance(sk, UnixSock)
        unix_write_space(sk)


class PeerWake(WaitQueueEntry):
    """`unix_dgram_peer_wake_relay`: room in the peer's queue wakes those who poll this sock for writing."""

    u: UnixSock

    def __init__(self, u: UnixSock) -> None:
        super().__init__()
        self.u = u

    def func(self, key: i64) -> i64:
        head = self.head
        if head is not None:
            wait.remove_wait_queue(head, self)
        wq = self.u.sk_wq
        if wq is not None:
            wait.wake_up(wq, key)
        return 0


def unix_dgram_peer_wake_me(u: UnixSock, other: UnixSock) -> bool:
    """Ask to be told when the peer's queue has room. False: it has."""
    entry = u.peer_wake
    if entry is None:
        entry = PeerWake(u)
        u.peer_wake = entry
    if entry.head is None:
        wait.add_wait_queue(other.peer_wait, entry)
    if unix_recvq_full(other) and not other.sk_flags & SOCK_DEAD:
        return True
    unix_dgram_peer_wake_disconnect(u, other)
    return False


def unix_dgram_peer_wake_disconnect(u: UnixSock, other: UnixSock) -> None:
    """Wait for that peer's room no more."""
    entry = u.peer_wake
    if entry is not None:
        wait.remove_wait_queue(other.peer_wait, entry)


def unix_dgram_peer_wake_disconnect_wakeup(u: UnixSock, other: UnixSock) -> None:
    """The same, and whoever polls looks again."""
    unix_dgram_peer_wake_disconnect(u, other)
    wq = u.sk_wq
    if wq is not None:
        wait.wake_up(wq, EWRITE)


def unix_poll(file: File, sock: Socket, pt: PollTable | None) -> i64:
    """Poll of a stream socket."""
    if pt is not None:
        pt.queue(file, sock.wq)
    u = unix_sk(sock)
    mask: i64 = 0
    shutdown = u.sk_shutdown
    if u.sk_err != 0:
        mask |= EPOLLERR
    if shutdown == SHUTDOWN_MASK:
        mask |= EPOLLHUP
    if shutdown & RCV_SHUTDOWN:
        mask |= EPOLLRDHUP | EREAD
    if u.sk_receive_queue.first is not None:
        mask |= EREAD
    if u.oob_skb is not None:
        mask |= EPOLLPRI
    if u.sk_state == TCP_CLOSE:
        mask |= EPOLLHUP
    if unix_writable(u):
        mask |= EWRITE
    return mask


def unix_dgram_poll(file: File, sock: Socket, pt: PollTable | None) -> i64:
    """Poll of a datagram or sequenced-packet socket: writable also depends on the peer's queue."""
    if pt is not None:
        pt.queue(file, sock.wq)
    u = unix_sk(sock)
    mask: i64 = 0
    shutdown = u.sk_shutdown
    if u.sk_err != 0:
        mask |= EPOLLERR
    if shutdown & RCV_SHUTDOWN:
        mask |= EPOLLRDHUP | EREAD
    if shutdown == SHUTDOWN_MASK:
        mask |= EPOLLHUP
    if u.sk_receive_queue.first is not None:
        mask |= EREAD
    if u.sk_type == SOCK_SEQPACKET and u.sk_state == TCP_CLOSE:
        mask |= EPOLLHUP
    if unix_writable(u):
        other = u.peer
        if other is None or other.peer is u or not unix_recvq_full(other):
            return mask | EWRITE
        if not unix_dgram_peer_wake_me(u, other):
            return mask | EWRITE
    sock.flags |= core_sock.SOCK_NOSPACE
    return mask


def unix_inq_len(u: UnixSock) -> i64:
    """Bytes that wait to be read."""
    n: i64 = 0
    skb = u.sk_receive_queue.first
    while skb is not None:
        n += skb.len - skb.consumed
        skb = skb.next
    return n


def unix_ioctl(sock: Socket, cmd: i64, arg: object) -> i64:
    """SIOCINQ, SIOCOUTQ, SIOCATMARK."""
    if cmd != SIOCINQ and cmd != SIOCOUTQ and cmd != SIOCATMARK:
        return -ENOIOCTLCMD
    u = unix_sk(sock)
    n: i64 = 0
    if cmd == SIOCOUTQ:
        n = u.sk_wmem_alloc
    elif cmd == SIOCINQ:
        if u.sk_state == TCP_LISTEN:
            return -EINVAL
        skb = u.sk_receive_queue.first
        if sock.type == SOCK_DGRAM:
            n = 0 if skb is None else skb.len
        else:
            n = unix_inq_len(u)
    else:
        if u.sk_type != SOCK_STREAM:
            return -EOPNOTSUPP
        first = u.sk_receive_queue.first
        if first is not None:
            oob = u.oob_skb
            if first is oob:
                n = 1
            elif first.len != 0 and first.consumed == first.len and (oob is None or first.next is oob):
                n = 1
    if not isinstance(arg, bytearray) or len(arg) < 4:
        return -EFAULT
    out: int = n
    arg[:4] = out.to_bytes(4, "little")
    return 0


# Send and receive (unix_stream.py, unix_dgram.py)


def unix_stream_sendmsg(sock: Socket, msg: Msghdr, size: i64) -> i64:
    return unix_stream.unix_stream_send_generic(unix_sk(sock), msg, size)


def unix_stream_recvmsg(sock: Socket, msg: Msghdr, size: i64, flags: i64) -> i64:
    return unix_stream.unix_stream_read_generic(unix_sk(sock), msg, size, flags)


def unix_dgram_sendmsg(sock: Socket, msg: Msghdr, size: i64) -> i64:
    return unix_dgram.__unix_dgram_sendmsg(unix_sk(sock), msg, size)


def unix_dgram_recvmsg(sock: Socket, msg: Msghdr, size: i64, flags: i64) -> i64:
    return unix_dgram.__unix_dgram_recvmsg(unix_sk(sock), msg, size, flags)


# The tables


class UnixFamily(NetProtoFamily):
    """`unix_family_ops`."""

    def create(self, net: Net, sock: Socket, protocol: i64, kern: bool, task: Task | None) -> i64:
        return unix_create(net, sock, protocol, kern)


class UnixProto(Proto):
    """`unix_dgram_proto`, `unix_stream_proto`."""

    def alloc(self, net: Net) -> Sock:
        return UnixSock(net.kernel, AF_UNIX, net, self, UNIX_CALLBACKS)

    def set_inq(self, sk: Sock, val: i64) -> i64:
        """SO_INQ: each receive of a stream tells how many bytes are left."""
        assert isinstance(sk, UnixSock)
        if sk.sk_type != SOCK_STREAM:
            return -ENOPROTOOPT
        if val < 0 or val > 1:
            return -EINVAL
        sk.recvmsg_inq = val != 0
        return 0

    def destruct(self, sk: Sock) -> None:
        """`unix_sock_destructor`."""
        assert isinstance(sk, UnixSock)
        unix_purge(sk)


class UnixOps(ProtoOps):
    """What the three tables share."""

    def release(self, sock: Socket, call: Call | None) -> i64:
        return unix_release(sock)

    def bind(self, sock: Socket, uaddr: bytes, task: Task) -> i64:
        return unix_bind(sock, uaddr)

    def socketpair(self, sock1: Socket, sock2: Socket, task: Task) -> i64:
        return unix_socketpair(sock1, sock2, task)

    def accept(self, sock: Socket, newsock: Socket, flags: i64, call: Call) -> i64:
        return unix_accept(sock, newsock, flags, call)

    def getname(self, sock: Socket, peer: i64) -> bytes | None:
        return unix_getname(sock, peer)

    def ioctl(self, sock: Socket, cmd: i64, arg: object, task: Task) -> i64:
        return unix_ioctl(sock, cmd, arg)

    def listen(self, sock: Socket, backlog: i64) -> i64:
        return unix_listen(sock, backlog)

    def shutdown(self, sock: Socket, how: i64) -> i64:
        return unix_shutdown(sock, how)

    def setsockopt(self, sock: Socket, level: i64, optname: i64, opt: Sockopt, task: Task) -> i64:
        return -EOPNOTSUPP

    def getsockopt(self, sock: Socket, level: i64, optname: i64, opt: Sockopt, task: Task) -> i64:
        return -EOPNOTSUPP


class UnixStreamOps(UnixOps):
    """`unix_stream_ops`."""

    def connect(self, sock: Socket, uaddr: bytes, flags: i64, call: Call) -> i64:
        return unix_stream_connect(sock, uaddr, flags, call)

    def poll(self, file: File, sock: Socket, pt: PollTable | None) -> i64:
        return unix_poll(file, sock, pt)

    def sendmsg(self, sock: Socket, msg: Msghdr, size: i64) -> i64:
        return unix_stream_sendmsg(sock, msg, size)

    def recvmsg(self, sock: Socket, msg: Msghdr, size: i64, flags: i64) -> i64:
        return unix_stream_recvmsg(sock, msg, size, flags)


class UnixDgramOps(UnixOps):
    """`unix_dgram_ops`."""

    def connect(self, sock: Socket, uaddr: bytes, flags: i64, call: Call) -> i64:
        return unix_dgram_connect(sock, uaddr, flags, call)

    def poll(self, file: File, sock: Socket, pt: PollTable | None) -> i64:
        return unix_dgram_poll(file, sock, pt)

    def sendmsg(self, sock: Socket, msg: Msghdr, size: i64) -> i64:
        return unix_dgram_sendmsg(sock, msg, size)

    def recvmsg(self, sock: Socket, msg: Msghdr, size: i64, flags: i64) -> i64:
        return unix_dgram_recvmsg(sock, msg, size, flags)


class UnixSeqpacketOps(UnixOps):
    """`unix_seqpacket_ops`."""

    def connect(self, sock: Socket, uaddr: bytes, flags: i64, call: Call) -> i64:
        return unix_stream_connect(sock, uaddr, flags, call)

    def poll(self, file: File, sock: Socket, pt: PollTable | None) -> i64:
        return unix_dgram_poll(file, sock, pt)

    def sendmsg(self, sock: Socket, msg: Msghdr, size: i64) -> i64:
        return unix_dgram.unix_seqpacket_sendmsg(unix_sk(sock), msg, size)

    def recvmsg(self, sock: Socket, msg: Msghdr, size: i64, flags: i64) -> i64:
        return unix_dgram.unix_seqpacket_recvmsg(unix_sk(sock), msg, size, flags)


UNIX_CALLBACKS: Final[tuple[SockCallback, SockCallback, SockCallback, SockCallback]] = (
    core_sock.SOCK_DEF_CALLBACKS[0],
    core_sock.SOCK_DEF_CALLBACKS[1],
    UnixWriteSpace("unix_write_space"),
    core_sock.SOCK_DEF_CALLBACKS[3],
)
unix_dgram_proto: Final = UnixProto("UNIX", "UNIX")
unix_stream_proto: Final = UnixProto("UNIX-STREAM", "UNIX-STREAM")
unix_stream_ops: Final = UnixStreamOps(AF_UNIX, "unix_stream_ops")
unix_dgram_ops: Final = UnixDgramOps(AF_UNIX, "unix_dgram_ops")
unix_seqpacket_ops: Final = UnixSeqpacketOps(AF_UNIX, "unix_seqpacket_ops")
