"""The socket layer: every socket call passes here, between the descriptor table and a family's operations.

Kernel counterpart: `net/socket.c`. Control enters from a system call (`sys_*`, called by libc and by
`entry.py`), finds or makes the `Socket` behind a descriptor, checks what Linux checks at this level, and
goes on through `sock.ops` (`inet_stream_ops` …). Each entry does its own part of the validation, as Linux
divides it: `__sys_socket` the flags, `__sock_create` domain and type, the family's create function type and
protocol.

Addresses are packed sockaddrs, option values bytes; messages travel as `Msghdr`. A call that would sleep
returns -ESLEEP and is called again with the same record (`structs/call.py`).

Left out: security modules, BPF hooks, compat layouts other than the i386 multiplexer, SIGPIPE (Python
programs ignore it).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.fs import fcntl
from sockfs.fs import file as fs_file
from sockfs.kernel import slab, trace
from sockfs.net.core import dev_ioctl, sockopt
from sockfs.net.core import sock as core_sock
from sockfs.structs.call import ESLEEP, Call
from sockfs.structs.file import File
from sockfs.structs.msghdr import Msghdr
from sockfs.structs.ops import FileOperations, Sockopt
from sockfs.structs.sock import SOCK_TIMESTAMP
from sockfs.structs.socket import Socket
from sockfs.uapi.errno import (
    EAFNOSUPPORT,
    EAGAIN,
    EBADF,
    EFAULT,
    EINVAL,
    ENOENT,
    ENOTCONN,
    ENOTSOCK,
    ENOTTY,
    EPERM,
)
from sockfs.uapi.fcntl import O_CLOEXEC, O_NONBLOCK, O_RDWR
from sockfs.uapi.ioctl import (
    FIOGETOWN,
    FIOSETOWN,
    SIOCGIFADDR,
    SIOCGPGRP,
    SIOCGSTAMP_OLD,
    SIOCGSTAMPNS_OLD,
    SIOCSIFNETMASK,
    SIOCSPGRP,
)
from sockfs.uapi.poll import EPOLLNVAL
from sockfs.uapi.socket import (
    MSG_CMSG_CLOEXEC,
    MSG_CMSG_COMPAT,
    MSG_DONTWAIT,
    MSG_ERRQUEUE,
    MSG_OOB,
    MSG_WAITFORONE,
    PF_INET,
    PF_PACKET,
    PF_UNIX,
    SOCK_CLOEXEC,
    SOCK_NONBLOCK,
    SOCK_PACKET,
    SOL_SOCKET,
    SS_FREE,
    UIO_MAXIOV,
)

if TYPE_CHECKING:
    from sockfs.structs.kernel import Kernel
    from sockfs.structs.net import Net
    from sockfs.structs.ops import PollTable
    from sockfs.structs.sock import Sock
    from sockfs.structs.task import Task

NPROTO: Final = 46
SOCK_MAX: Final = 11
SOCK_TYPE_MASK: Final = 0xF
ADDR_MAX: Final = 128  # sizeof(struct sockaddr_storage)
MAX_RW_COUNT: Final = 0x7FFFF000
# MSG_SPLICE_PAGES, MSG_SENDPAGE_*: kernel callers only
MSG_INTERNAL_SENDMSG_FLAGS: Final = 0x8000000 | 0x80000 | 0x100000


# ---- socket(2), socketpair(2)


def sys_socket(task: Task, family: i64, type: i64, protocol: i64) -> i64:
    """socket(2). A descriptor, or -errno."""
    return __sys_socket(task, family, type, protocol)


def __sys_socket(task: Task, family: i64, type: i64, protocol: i64) -> i64:
    flags = type & ~SOCK_TYPE_MASK
    sock = __sys_socket_create(task, family, type, protocol)
    if sock is None:
        return task.kernel.create_err
    if (flags & SOCK_NONBLOCK) != 0:
        flags = (flags & ~SOCK_NONBLOCK) | O_NONBLOCK
    return sock_map_fd(task, sock, flags & (O_CLOEXEC | O_NONBLOCK))


def __sys_socket_create(task: Task, family: i64, type: i64, protocol: i64) -> Socket | None:
    """Check the flags; None: kernel.create_err says why."""
    if (type & ~SOCK_TYPE_MASK & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) != 0:
        task.kernel.create_err = -EINVAL
        return None
    return sock_create(task, family, type & SOCK_TYPE_MASK, protocol)


def sock_create(task: Task, family: i64, type: i64, protocol: i64) -> Socket | None:
    """A Socket for a program, in the task's network namespace."""
    return __sock_create(task.nsproxy_net, family, type, protocol, False, task)


def sock_create_kern(net: Net, family: i64, type: i64, protocol: i64) -> Socket | None:
    """A Socket for the kernel's own use."""
    return __sock_create(net, family, type, protocol, True, None)


def __sock_create(
    net: Net, family: i64, type: i64, protocol: i64, kern: bool, task: Task | None
) -> Socket | None:
    """Check domain and type, make the Socket, let the family make its sock. None: kernel.create_err says
    why.
    """
    k = net.kernel
    if family < 0 or family >= NPROTO:
        k.create_err = -EAFNOSUPPORT
        return None
    if type < 0 or type >= SOCK_MAX:
        k.create_err = -EINVAL
        return None
    # Linux: an old way to say AF_PACKET; it still works
    if family == PF_INET and type == SOCK_PACKET:
        family = PF_PACKET
    sock = sock_alloc(k)
    sock.type = type
    pf = k.net_families[family]
    if pf is None:
        sock_release(sock)
        k.create_err = -EAFNOSUPPORT
        return None
    err = pf.create(net, sock, protocol, kern, task)
    if err < 0:
        sock.ops = None
        sock_release(sock)
        k.create_err = err
        return None
    return sock


def sock_alloc(k: Kernel) -> Socket:
    """A new Socket from the slab, with an inode number."""
    slab.kmem_cache_alloc(k.sock_inode_cache)
    ino = k.next_ino
    k.next_ino += 1
    return Socket(k, ino)


def sock_release(sock: Socket) -> None:
    """Let go of a Socket without waiting for anything to linger."""
    __sock_release(sock, None)


def __sock_release(sock: Socket, call: Call | None) -> i64:
    """Tell the family, and give the Socket back to the slab. 0, or -ESLEEP while the connection lingers."""
    ops = sock.ops
    if ops is not None:
        if ops.release(sock, call) == -ESLEEP:
            return -ESLEEP
        sock.ops = None
    sock.file = None
    sock.state = SS_FREE
    slab.kmem_cache_free(sock.kernel.sock_inode_cache)
    return 0


def sock_map_fd(task: Task, sock: Socket, flags: i64) -> i64:
    """A descriptor for a new Socket: number, file, both joined."""
    fd = fs_file.get_unused_fd_flags(task, flags)
    if fd < 0:
        sock_release(sock)
        return fd
    newfile = sock_alloc_file(sock, flags)
    fs_file.fd_install(task, fd, newfile)
    return fd


def sock_alloc_file(sock: Socket, flags: i64) -> File:
    """The `File` of a Socket."""
    file = fs_file.alloc_file(sock.kernel, socket_file_ops, sock, O_RDWR | (flags & O_NONBLOCK))
    file.f_ino = sock.i_ino
    sock.file = file
    return file


def sys_socketpair(task: Task, family: i64, type: i64, protocol: i64) -> tuple[i64, i64]:
    """socketpair(2). Two descriptors, or (-errno, 0)."""
    return __sys_socketpair(task, family, type, protocol)


def __sys_socketpair(task: Task, family: i64, type: i64, protocol: i64) -> tuple[i64, i64]:
    k = task.kernel
    flags = type & ~SOCK_TYPE_MASK
    if (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) != 0:
        return -EINVAL, 0
    type &= SOCK_TYPE_MASK
    # Linux takes both numbers first: EMFILE comes before any other complaint
    fd1 = fs_file.get_unused_fd_flags(task, flags)
    if fd1 < 0:
        return fd1, 0
    fd2 = fs_file.get_unused_fd_flags(task, flags)
    if fd2 < 0:
        fs_file.put_unused_fd(task, fd1)
        return fd2, 0
    sock1 = sock_create(task, family, type, protocol)
    if sock1 is None:
        return _undo_pair(task, fd1, fd2, k.create_err)
    sock2 = sock_create(task, family, type, protocol)
    if sock2 is None:
        sock_release(sock1)
        return _undo_pair(task, fd1, fd2, k.create_err)
    ops = sock1.ops
    assert ops is not None
    err = ops.socketpair(sock1, sock2, task)
    if err < 0:
        sock_release(sock2)
        sock_release(sock1)
        return _undo_pair(task, fd1, fd2, err)
    fs_file.fd_install(task, fd1, sock_alloc_file(sock1, flags))
    fs_file.fd_install(task, fd2, sock_alloc_file(sock2, flags))
    return fd1, fd2


def _undo_pair(task: Task, fd1: i64, fd2: i64, err: i64) -> tuple[i64, i64]:
    fs_file.put_unused_fd(task, fd2)
    fs_file.put_unused_fd(task, fd1)
    return err, 0


# ---- bind(2), listen(2), accept(2), connect(2)


def sys_bind(task: Task, fd: i64, umyaddr: bytes, call: Call) -> i64:
    """bind(2). 0 or -errno."""
    return __sys_bind(task, fd, umyaddr, call)


def __sys_bind(task: Task, fd: i64, umyaddr: bytes, call: Call) -> i64:
    sock = sockfd_lookup_light(task, fd, call)
    if sock is None:
        return call.err
    if len(umyaddr) > ADDR_MAX:
        return -EINVAL
    ops = sock.ops
    assert ops is not None
    return ops.bind(sock, umyaddr, task)


def sys_listen(task: Task, fd: i64, backlog: i64, call: Call) -> i64:
    """listen(2). 0 or -errno; the backlog is cut to net.core.somaxconn."""
    return __sys_listen(task, fd, backlog, call)


def __sys_listen(task: Task, fd: i64, backlog: i64, call: Call) -> i64:
    sock = sockfd_lookup_light(task, fd, call)
    if sock is None:
        return call.err
    somaxconn = task.nsproxy_net.core.sysctl_somaxconn
    if backlog < 0 or backlog > somaxconn:  # Linux compares unsigned: a negative backlog is the largest
        backlog = somaxconn
    ops = sock.ops
    assert ops is not None
    return ops.listen(sock, backlog)


def sys_accept(task: Task, fd: i64, call: Call) -> i64:
    """accept(2): accept4 without flags."""
    return __sys_accept4(task, fd, 0, call)


def sys_accept4(task: Task, fd: i64, flags: i64, call: Call) -> i64:
    """accept4(2). The new descriptor, -errno, or -ESLEEP. `call.sk` is the connection; its name is
    getpeername's to tell.
    """
    return __sys_accept4(task, fd, flags, call)


def __sys_accept4(task: Task, fd: i64, flags: i64, call: Call) -> i64:
    file = fs_file.fdget(task, fd, call)
    if file is None:
        return -EBADF
    return fs_file.fdput(file, call, __sys_accept4_file(task, file, flags, call))


def __sys_accept4_file(task: Task, file: File, flags: i64, call: Call) -> i64:
    if (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) != 0:
        return -EINVAL
    newfd = call.newfd
    if newfd < 0:  # Linux reserves the number before it waits: EMFILE comes at once
        newfd = fs_file.get_unused_fd_flags(task, flags)
        if newfd < 0:
            return newfd
        call.newfd = newfd
    err = do_accept(task, file, flags, call)
    if err == -ESLEEP:
        return err
    call.newfd = -1
    if err < 0:
        fs_file.put_unused_fd(task, newfd)
        return err
    newfile = call.newfile
    assert newfile is not None
    fs_file.fd_install(task, newfd, newfile)
    return newfd


def do_accept(task: Task, file: File, flags: i64, call: Call) -> i64:
    """Take a connection off the listener: 0 and call.newfile, -errno, or -ESLEEP."""
    sock = sock_from_file(file)
    if sock is None:
        return -ENOTSOCK
    ops = sock.ops
    assert ops is not None
    newsock = sock_alloc(sock.kernel)
    newsock.type = sock.type
    newsock.ops = ops
    newfile = sock_alloc_file(newsock, flags)
    err = ops.accept(sock, newsock, (file.f_flags & O_NONBLOCK), call)
    if err < 0:
        newsock.ops = None  # the family has nothing to release
        fs_file.fput(newfile)
        return err
    call.newfile = newfile
    call.sk = newsock.sk
    return 0


def sys_connect(task: Task, fd: i64, uservaddr: bytes, call: Call) -> i64:
    """connect(2). 0, -errno (-EINPROGRESS on a non-blocking socket), or -ESLEEP."""
    return __sys_connect(task, fd, uservaddr, call)


def __sys_connect(task: Task, fd: i64, uservaddr: bytes, call: Call) -> i64:
    file = fs_file.fdget(task, fd, call)
    if file is None:
        return -EBADF
    if len(uservaddr) > ADDR_MAX:
        return -EINVAL
    return fs_file.fdput(file, call, __sys_connect_file(file, uservaddr, call))


def __sys_connect_file(file: File, uservaddr: bytes, call: Call) -> i64:
    sock = sock_from_file(file)
    if sock is None:
        return -ENOTSOCK
    ops = sock.ops
    assert ops is not None
    return ops.connect(sock, uservaddr, file.f_flags, call)


# ---- names


def sys_getsockname(task: Task, fd: i64, call: Call) -> bytes | None:
    """getsockname(2). The packed address; None: call.err says why."""
    return __sys_getsockname(task, fd, call)


def __sys_getsockname(task: Task, fd: i64, call: Call) -> bytes | None:
    return _getname(task, fd, call, 0)


def sys_getpeername(task: Task, fd: i64, call: Call) -> bytes | None:
    """getpeername(2). The packed address; None: call.err says why (-ENOTCONN)."""
    return __sys_getpeername(task, fd, call)


def __sys_getpeername(task: Task, fd: i64, call: Call) -> bytes | None:
    return _getname(task, fd, call, 1)


def accepted_name(task: Task, fd: i64, call: Call) -> bytes | None:
    """The peer's name as accept(2) tells it: also of a connection that was reset before it was accepted."""
    return _getname(task, fd, call, 2)


def _getname(task: Task, fd: i64, call: Call, peer: i64) -> bytes | None:
    sock = sockfd_lookup_light(task, fd, call)
    if sock is None:
        return None
    ops = sock.ops
    assert ops is not None
    name = ops.getname(sock, peer)
    if name is None:
        call.err = -ENOTCONN
    return name


# ---- send


def sys_sendto(task: Task, fd: i64, msg: Msghdr, flags: i64) -> i64:
    """sendto(2), send(2): `msg.msg_iter` holds the data, `msg.msg_name` the address or None. Bytes sent,
    -errno, or -ESLEEP.
    """
    return __sys_sendto(task, fd, msg, flags)


def __sys_sendto(task: Task, fd: i64, msg: Msghdr, flags: i64) -> i64:
    file = fs_file.fdget(task, fd, msg)
    if file is None:
        return -EBADF
    sock = sock_from_file(file)
    if sock is None:
        return -ENOTSOCK
    name = msg.msg_name
    if name is not None and len(name) > ADDR_MAX:
        return -EINVAL
    flags &= ~MSG_INTERNAL_SENDMSG_FLAGS
    if (file.f_flags & O_NONBLOCK) != 0:
        flags |= MSG_DONTWAIT
    msg.msg_flags = flags
    r = sock_sendmsg(sock, msg)
    if r == -ESLEEP or msg.held:
        return fs_file.fdput(file, msg, r)
    return r


def sys_sendmsg(task: Task, fd: i64, msg: Msghdr, flags: i64) -> i64:
    """sendmsg(2): as sendto, with `msg.msg_control`."""
    return __sys_sendmsg(task, fd, msg, flags)


def __sys_sendmsg(task: Task, fd: i64, msg: Msghdr, flags: i64) -> i64:
    if (flags & MSG_CMSG_COMPAT) != 0:
        return -EINVAL
    return __sys_sendto(task, fd, msg, flags)


def sys_sendmmsg(task: Task, fd: i64, msgs: list[Msghdr], flags: i64, call: Call) -> i64:
    """sendmmsg(2). How many were sent (each message's `done_len` has its bytes), -errno if the first
    failed, or -ESLEEP.
    """
    return __sys_sendmmsg(task, fd, msgs, flags, call)


def __sys_sendmmsg(task: Task, fd: i64, msgs: list[Msghdr], flags: i64, call: Call) -> i64:
    if (flags & MSG_CMSG_COMPAT) != 0:
        return -EINVAL
    file = fs_file.fdget(task, fd, call)
    if file is None:
        return -EBADF
    n = min(len(msgs), UIO_MAXIOV)
    err: i64 = 0
    while call.done < n:
        msg = msgs[call.done]
        msg.file = file  # whatever becomes of the descriptor meanwhile
        msg.expired = call.expired
        msg.signalled = call.signalled
        err = __sys_sendto(task, fd, msg, flags)
        if err == -ESLEEP:
            _adopt(call, msg)
            return fs_file.fdput(file, call, err)
        if err < 0:
            break
        msg.done_len = err
        call.done += 1
    return fs_file.fdput(file, call, call.done if call.done != 0 or err >= 0 else err)


def _adopt(call: Call, inner: Call) -> None:
    """A call made of several sleeps where its current part sleeps."""
    call.wq = inner.wq
    call.events = inner.events
    call.deadline = inner.deadline
    call.exclusive = inner.exclusive


def sock_sendmsg(sock: Socket, msg: Msghdr) -> i64:
    """Hand a message to the family."""
    ops = sock.ops
    if ops is None:
        return -EINVAL
    return ops.sendmsg(sock, msg, msg.msg_iter.count)


# ---- receive


def sys_recvfrom(task: Task, fd: i64, msg: Msghdr, flags: i64) -> i64:
    """recvfrom(2), recv(2): `msg.msg_iter` takes the data, `msg.msg_name` the source. Bytes, -errno, or
    -ESLEEP.
    """
    return __sys_recvfrom(task, fd, msg, flags)


def __sys_recvfrom(task: Task, fd: i64, msg: Msghdr, flags: i64) -> i64:
    file = fs_file.fdget(task, fd, msg)
    if file is None:
        return -EBADF
    sock = sock_from_file(file)
    if sock is None:
        return -ENOTSOCK
    if (file.f_flags & O_NONBLOCK) != 0:
        flags |= MSG_DONTWAIT
    msg.msg_flags = 0
    r = sock_recvmsg(sock, msg, flags)
    if r == -ESLEEP or msg.held:
        return fs_file.fdput(file, msg, r)
    return r


def sys_recvmsg(task: Task, fd: i64, msg: Msghdr, flags: i64) -> i64:
    """recvmsg(2): as recvfrom; `msg.msg_control` takes ancillary data up to `msg.msg_controllen`,
    `msg.msg_flags` the flags.
    """
    return __sys_recvmsg(task, fd, msg, flags)


def __sys_recvmsg(task: Task, fd: i64, msg: Msghdr, flags: i64) -> i64:
    if (flags & MSG_CMSG_COMPAT) != 0:
        return -EINVAL
    r = __sys_recvfrom(task, fd, msg, flags)
    if r >= 0 and (flags & MSG_CMSG_CLOEXEC) != 0:
        msg.msg_flags |= MSG_CMSG_CLOEXEC
    return r


def sys_recvmmsg(task: Task, fd: i64, msgs: list[Msghdr], flags: i64, timeout: i64, call: Call) -> i64:
    """recvmmsg(2). How many came; timeout in ns (-1: none) is looked at only between messages, as Linux
    does.
    """
    return __sys_recvmmsg(task, fd, msgs, flags, timeout, call)


def __sys_recvmmsg(task: Task, fd: i64, msgs: list[Msghdr], flags: i64, timeout: i64, call: Call) -> i64:
    if (flags & MSG_CMSG_COMPAT) != 0:
        return -EINVAL
    k = task.kernel
    file = fs_file.fdget(task, fd, call)
    if file is None:
        return -EBADF
    sock = sock_from_file(file)
    if sock is None:
        return -ENOTSOCK
    sk = sock.sk
    if call.phase == 0:
        call.phase = 1
        call.start = k.now
        if (flags & MSG_ERRQUEUE) == 0 and sk is not None and sk.sk_err != 0:
            return core_sock.sock_error(sk)
    n = len(msgs)
    r: i64 = 0
    while call.done < n:
        msg = msgs[call.done]
        msg.file = file  # whatever becomes of the descriptor meanwhile
        msg.expired = call.expired
        msg.signalled = call.signalled
        r = __sys_recvmsg(task, fd, msg, flags & ~MSG_WAITFORONE)
        if r == -ESLEEP:
            _adopt(call, msg)
            return fs_file.fdput(file, call, r)
        if r < 0:
            break
        msg.done_len = r
        call.done += 1
        if (flags & MSG_WAITFORONE) != 0:
            flags |= MSG_DONTWAIT
        if timeout >= 0 and k.now - call.start >= timeout:
            break
        if (msg.msg_flags & MSG_OOB) != 0:
            break
    if call.done != 0:
        if r < 0 and r != -EAGAIN and sk is not None:
            sk.sk_err = -r  # Linux: an error behind received messages is the next call's
        r = call.done
    return fs_file.fdput(file, call, r)


def sock_recvmsg(sock: Socket, msg: Msghdr, flags: i64) -> i64:
    """Ask the family for a message."""
    ops = sock.ops
    if ops is None:
        return -EINVAL
    return ops.recvmsg(sock, msg, msg.msg_iter.count, flags)


# ---- shutdown, options


def sys_shutdown(task: Task, fd: i64, how: i64, call: Call) -> i64:
    """shutdown(2). 0 or -errno."""
    return __sys_shutdown(task, fd, how, call)


def __sys_shutdown(task: Task, fd: i64, how: i64, call: Call) -> i64:
    sock = sockfd_lookup_light(task, fd, call)
    if sock is None:
        return call.err
    ops = sock.ops
    assert ops is not None
    return ops.shutdown(sock, how)


def sys_setsockopt(
    task: Task, fd: i64, level: i64, optname: i64, optval: bytes, optlen: i64, call: Call
) -> i64:
    """setsockopt(2). 0 or -errno."""
    return __sys_setsockopt(task, fd, level, optname, optval, optlen, call)


def __sys_setsockopt(
    task: Task, fd: i64, level: i64, optname: i64, optval: bytes, optlen: i64, call: Call
) -> i64:
    sock = sockfd_lookup_light(task, fd, call)
    if sock is None:
        return call.err
    if optlen < 0:
        return -EINVAL
    return do_sock_setsockopt(sock, level, optname, Sockopt(optval, optlen), task)


def do_sock_setsockopt(sock: Socket, level: i64, optname: i64, opt: Sockopt, task: Task) -> i64:
    ops = sock.ops
    assert ops is not None
    if level == SOL_SOCKET:
        return sockopt.sock_setsockopt(sock, optname, opt, task)
    return ops.setsockopt(sock, level, optname, opt, task)


def sys_getsockopt(task: Task, fd: i64, level: i64, optname: i64, opt: Sockopt, call: Call) -> i64:
    """getsockopt(2). 0 and opt.result (at most opt.optlen bytes), or -errno."""
    return __sys_getsockopt(task, fd, level, optname, opt, call)


def __sys_getsockopt(task: Task, fd: i64, level: i64, optname: i64, opt: Sockopt, call: Call) -> i64:
    sock = sockfd_lookup_light(task, fd, call)
    if sock is None:
        return call.err
    return do_sock_getsockopt(sock, level, optname, opt, task)


def do_sock_getsockopt(sock: Socket, level: i64, optname: i64, opt: Sockopt, task: Task) -> i64:
    ops = sock.ops
    assert ops is not None
    if level == SOL_SOCKET:
        return sockopt.sk_getsockopt(sock, optname, opt, task)
    return ops.getsockopt(sock, level, optname, opt, task)


# ---- from a descriptor to a Socket


def sockfd_lookup_light(task: Task, fd: i64, call: Call) -> Socket | None:
    """The Socket behind fd; None: call.err is -EBADF or -ENOTSOCK."""
    file = fs_file.fdget(task, fd, call)
    if file is None:
        call.err = -EBADF
        return None
    sock = sock_from_file(file)
    if sock is None:
        call.err = -ENOTSOCK
    return sock


def sock_from_file(file: File) -> Socket | None:
    """The Socket behind a file; None when it is no socket."""
    private = file.private_data
    if isinstance(private, Socket):
        return private
    return None


# ---- families


def sock_register(k: Kernel, family: i64) -> bool:
    """Whether a family may be registered (its place is free)."""
    return 0 <= family < NPROTO and k.net_families[family] is None


def note_ops_set(sock: Socket) -> None:
    """A family just set `sock.ops` and `sk.sk_prot`: the trace shows the moment."""
    if sock.kernel.trace_on:
        trace.sock_bound(sock)


def sock_gettstamp(sk: Sock, nanoseconds: bool, arg: object) -> i64:
    """SIOCGSTAMP: when the last packet came (socket(7)). The first question turns the stamps on; -ENOENT
    until one came.
    """
    core_sock.sock_set_flag(sk, SOCK_TIMESTAMP)
    stamp = sk.sk_stamp
    if stamp == -1:
        return -ENOENT
    if stamp == 0:
        stamp = sk.kernel.now + sk.kernel.wall_offset
        sk.sk_stamp = stamp
    if not isinstance(arg, bytearray) or len(arg) < 16:
        return -EFAULT
    fraction = stamp % 1_000_000_000
    if not nanoseconds:
        fraction //= 1000
    arg[:16] = int(stamp // 1_000_000_000).to_bytes(8, "little") + int(fraction).to_bytes(8, "little")
    return 0


# ---- the file side


def sock_close(file: File, call: Call | None) -> i64:
    """The last reference to a socket's file went."""
    sock = sock_from_file(file)
    assert sock is not None
    return __sock_release(sock, call)


def sock_poll(file: File, pt: PollTable | None) -> i64:
    """The family's mask."""
    sock = sock_from_file(file)
    assert sock is not None
    ops = sock.ops
    if ops is None:
        return EPOLLNVAL
    return ops.poll(file, sock, pt)


def sock_ioctl(file: File, cmd: i64, arg: object) -> i64:
    """What the socket layer and the devices know; the family first."""
    sock = sock_from_file(file)
    assert sock is not None
    ops = sock.ops
    assert ops is not None
    sk = sock.sk
    assert sk is not None
    task = sk.kernel.current
    if task is None:
        return -EPERM
    if cmd in (FIOSETOWN, SIOCSPGRP):
        if not isinstance(arg, bytes | bytearray) or len(arg) < 4:
            return -EFAULT
        return fcntl.f_setown(task, file, int.from_bytes(arg[:4], "little"))
    if cmd in (FIOGETOWN, SIOCGPGRP):
        if not isinstance(arg, bytearray) or len(arg) < 4:
            return -EFAULT
        arg[:4] = int(file.f_owner & 0xFFFFFFFF).to_bytes(4, "little")
        return 0
    if cmd in (SIOCGSTAMP_OLD, SIOCGSTAMPNS_OLD):
        if ops.family == PF_UNIX:
            return -ENOTTY
        return sock_gettstamp(sk, cmd == SIOCGSTAMPNS_OLD, arg)
    r = ops.ioctl(sock, cmd, arg, task)
    if r == -515 and not SIOCGIFADDR <= cmd <= SIOCSIFNETMASK:  # ENOIOCTLCMD; addresses are the family's
        r = dev_ioctl.dev_ioctl(sk.sk_net, cmd, arg)
    if r == -515:
        return -25
    return r


class SocketFileOperations(FileOperations):
    """`socket_file_ops`: a socket as a file."""

    def read_iter(self, file: File, msg: Msghdr) -> i64:
        """read(2): a receive without flags."""
        sock = sock_from_file(file)
        assert sock is not None
        if msg.msg_iter.count == 0:
            return 0  # Linux: match SYS5 behaviour
        return sock_recvmsg(sock, msg, MSG_DONTWAIT if (file.f_flags & O_NONBLOCK) != 0 else 0)

    def write_iter(self, file: File, msg: Msghdr) -> i64:
        """write(2): a send without flags."""
        sock = sock_from_file(file)
        assert sock is not None
        msg.msg_flags = MSG_DONTWAIT if (file.f_flags & O_NONBLOCK) != 0 else 0
        return sock_sendmsg(sock, msg)

    def poll(self, file: File, pt: PollTable | None) -> i64:
        return sock_poll(file, pt)

    def ioctl(self, file: File, cmd: i64, arg: object) -> i64:
        return sock_ioctl(file, cmd, arg)

    def release(self, file: File, call: Call | None) -> i64:
        return sock_close(file, call)


socket_file_ops: Final = SocketFileOperations("socket_file_ops")
