"""Files and credentials as control messages: SCM_RIGHTS, SCM_CREDENTIALS.

Kernel counterpart: `net/core/scm.c`, `include/net/scm.h`; unix(7), cmsg(3). `scm_send` reads what the sender
attached and takes a reference on each file; `scm_recv_unix` gives what a message brought its descriptors and
appends the control messages. A file of the host's comes as a `File` with operations of the runtime's own:
nothing here looks inside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.fs import file as fs_file
from sockfs.net.core import sock as core_sock
from sockfs.structs.scm import ScmCookie, Ucred
from sockfs.structs.sock import SOCK_PASSCRED
from sockfs.uapi.errno import EBADF, EINVAL, EPERM, ESRCH
from sockfs.uapi.fcntl import O_CLOEXEC
from sockfs.uapi.socket import (
    CMSG_HDRLEN,
    MSG_CMSG_CLOEXEC,
    MSG_CTRUNC,
    SCM_CREDENTIALS,
    SCM_MAX_FD,
    SCM_RIGHTS,
    SIZEOF_UCRED,
    SOL_SOCKET,
)

if TYPE_CHECKING:
    from sockfs.structs.file import File
    from sockfs.structs.kernel import Kernel
    from sockfs.structs.msghdr import Msghdr
    from sockfs.structs.sock import Sock
    from sockfs.structs.task import Task

CAP_SETGID: Final = 6
CAP_SETUID: Final = 7
CAP_SYS_ADMIN: Final = 21
OVERFLOW_ID: Final = 65534  # user and group of a message that carries none


def scm_send(msg: Msghdr) -> i64:
    """Read the control messages of a send into `msg.scm`, once. 0 or -errno (then nothing is held)."""
    if msg.scm is not None or msg.msg_control is None:
        return 0
    err = __scm_send(msg, msg.msg_control)
    if err < 0:
        scm_destroy(msg)
    return err


def __scm_send(msg: Msghdr, control: bytes) -> i64:
    task = msg.task
    end: i64 = len(control)
    at: i64 = 0
    while at + CMSG_HDRLEN <= end:
        length: i64 = _le(control, at, 4)
        if _le(control, at + 4, 4) != 0 or length < CMSG_HDRLEN or length > end - at:
            return -EINVAL
        level = _le(control, at + 8, 4)
        kind = _le(control, at + 12, 4)
        if level == SOL_SOCKET:
            scm = msg.scm
            if scm is None:
                scm = ScmCookie()
                msg.scm = scm
            data = control[at + CMSG_HDRLEN : at + length]
            if kind == SCM_RIGHTS:
                err = scm_fp_copy(task, data, scm)
            elif kind == SCM_CREDENTIALS:
                err = _scm_credentials(task, data, scm)
            else:
                err = -EINVAL
            if err < 0:
                return err
        at += (length + 7) & ~7
    return 0


def _le(b: bytes, at: i64, n: i64) -> i64:
    v: i64 = 0
    i: i64 = n - 1
    while i >= 0:
        v = (v << 8) | b[at + i]
        i -= 1
    return v


def scm_fp_copy(task: Task, data: bytes, scm: ScmCookie) -> i64:
    """Take a reference on each file that the descriptors in data name."""
    n: i64 = len(data) // 4
    if n + len(scm.fp) > SCM_MAX_FD:
        return -EINVAL
    i: i64 = 0
    while i < n:
        file = fs_file.fget(task, _le(data, i * 4, 4))
        if file is None:
            return -EBADF
        scm.fp.append(file)
        i += 1
    return 0


def _scm_credentials(task: Task, data: bytes, scm: ScmCookie) -> i64:
    """What the sender claims to be must be true, or the sender be allowed to lie (unix(7))."""
    if len(data) != SIZEOF_UCRED:
        return -EINVAL
    pid = _le(data, 0, 4)
    uid = _le(data, 4, 4)
    gid = _le(data, 8, 4)
    if uid == 0xFFFFFFFF or gid == 0xFFFFFFFF:
        return -EINVAL
    caps = task.cap_effective
    if pid != task.pid and not (caps >> CAP_SYS_ADMIN) & 1:
        return -EPERM
    if uid != task.uid and not (caps >> CAP_SETUID) & 1:
        return -EPERM
    if gid != task.gid and not (caps >> CAP_SETGID) & 1:
        return -EPERM
    if pid != task.pid and pid not in task.kernel.tasks:
        return -ESRCH
    scm.creds = Ucred(pid, uid, gid)
    return 0


def scm_destroy(msg: Msghdr) -> None:
    """A send failed: what it attached goes."""
    scm = msg.scm
    msg.scm = None
    if scm is not None and len(scm.fp) != 0:
        scm_fput(msg.task.kernel, scm.fp)


def scm_fput(k: Kernel, files: list[File]) -> None:
    """Drop the references of a message. A file may be a socket with such messages in its queue: a loop, not
    recursion.
    """
    k.delayed_fput.extend(files)
    if k.delayed_fput_running:
        return
    k.delayed_fput_running = True
    while len(k.delayed_fput) != 0:
        fs_file.fput(k.delayed_fput.pop())
    k.delayed_fput_running = False


def pack_ucred(cred: Ucred | None) -> bytes:
    """struct ucred; a message or a socket without one says pid 0 and the overflow user and group."""
    pid: int = 0
    uid: int = OVERFLOW_ID
    gid: int = OVERFLOW_ID
    if cred is not None:
        pid = cred.pid & 0xFFFFFFFF
        uid = cred.uid & 0xFFFFFFFF
        gid = cred.gid & 0xFFFFFFFF
    return pid.to_bytes(4, "little") + uid.to_bytes(4, "little") + gid.to_bytes(4, "little")


def scm_recv_unix(sk: Sock, msg: Msghdr, creds: Ucred | None, fp: list[File] | None, flags: i64) -> None:
    """The control messages of a received message: credentials first, then files, which become descriptors of
    the task.
    """
    if sk.sk_flags & SOCK_PASSCRED:
        core_sock.put_cmsg(msg, SOL_SOCKET, SCM_CREDENTIALS, pack_ucred(creds))
    if fp is not None and len(fp) != 0:
        scm_detach_fds(msg, fp, flags)


def scm_detach_fds(msg: Msghdr, fp: list[File], flags: i64) -> None:
    """Descriptors for as many files as there is room and numbers for; the rest is closed (MSG_CTRUNC)."""
    task = msg.task
    have = msg.msg_control
    room = msg.msg_controllen - (0 if have is None else len(have)) - CMSG_HDRLEN
    fdmax: i64 = room // 4 if room > 0 else 0
    n: i64 = len(fp)
    data = bytearray()
    i: i64 = 0
    while i < n and i < fdmax:
        fd = fs_file.get_unused_fd_flags(task, O_CLOEXEC if flags & MSG_CMSG_CLOEXEC else 0)
        if fd < 0:
            break
        fs_file.fd_install(task, fd, fp[i])
        number: int = fd
        data += number.to_bytes(4, "little")
        i += 1
    if i > 0:
        core_sock.put_cmsg(msg, SOL_SOCKET, SCM_RIGHTS, bytes(data))
    if i < n:
        msg.msg_flags |= MSG_CTRUNC
        scm_fput(task.kernel, fp[i:])
