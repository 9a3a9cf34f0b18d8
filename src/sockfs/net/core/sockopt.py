"""Socket options of level SOL_SOCKET: set and read.

Kernel counterpart: the option half of `net/core/sock.c` (`sk_setsockopt`, `sk_getsockopt`); meanings in
socket(7). Control comes from `net/socket.py`. Values are little-endian ints unless an option says
otherwise; a read is cut to the caller's length, as Linux cuts it. Which options are effective, stored or
refused: docs/supported.md.

Refused here: filters and BPF (SO_ATTACH_*), device memory, SO_RESERVE_MEM beyond 0 (Linux without cgroups
refuses it too).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.net.core import sock as core_sock
from sockfs.structs.call import MAX_SCHEDULE_TIMEOUT
from sockfs.structs.inet_sock import InetSock
from sockfs.structs.ops import Sockopt
from sockfs.structs.sock import (
    SOCK_BROADCAST,
    SOCK_DBG,
    SOCK_FILTER_LOCKED,
    SOCK_KEEPOPEN,
    SOCK_LINGER,
    SOCK_LOCALROUTE,
    SOCK_NOFCS,
    SOCK_PASSCRED,
    SOCK_PASSPIDFD,
    SOCK_PASSSEC,
    SOCK_RCVBUF_LOCK,
    SOCK_RCVMARK,
    SOCK_RCVPRIORITY,
    SOCK_RCVTSTAMP,
    SOCK_RCVTSTAMPNS,
    SOCK_RXQ_OVFL,
    SOCK_SELECT_ERR_QUEUE,
    SOCK_SNDBUF_LOCK,
    SOCK_TIMESTAMP,
    SOCK_TSTAMP_NEW,
    SOCK_TXTIME,
    SOCK_URGINLINE,
    SOCK_WIFI_STATUS,
    SOCK_ZEROCOPY,
)
from sockfs.structs.task import CAP_NET_ADMIN, CAP_NET_RAW
from sockfs.uapi import socket as uapi
from sockfs.uapi.errno import (
    EDOM,
    EINVAL,
    ENODATA,
    ENODEV,
    ENOENT,
    ENOPROTOOPT,
    ENOTCONN,
    EOPNOTSUPP,
    EPERM,
)
from sockfs.uapi.tcp import TCP_LISTEN

if TYPE_CHECKING:
    from sockfs.structs.sock import Sock
    from sockfs.structs.socket import Socket
    from sockfs.structs.task import Task

IPPROTO_TCP: Final = 6
IPPROTO_UDP: Final = 17
SO_PASSRIGHTS_OFF: Final = 1 << 29  # bit of sk_flags: SO_PASSRIGHTS was cleared (on by default)
SO_TIMESTAMPING_MASK: Final = (1 << 19) - 1

# options whose value is one bit of sk_flags, plainly
FLAG_OPTIONS: Final[dict[int, int]] = {
    uapi.SO_DEBUG: SOCK_DBG,
    uapi.SO_DONTROUTE: SOCK_LOCALROUTE,
    uapi.SO_BROADCAST: SOCK_BROADCAST,
    uapi.SO_OOBINLINE: SOCK_URGINLINE,
    uapi.SO_RXQ_OVFL: SOCK_RXQ_OVFL,
    uapi.SO_WIFI_STATUS: SOCK_WIFI_STATUS,
    uapi.SO_NOFCS: SOCK_NOFCS,
    uapi.SO_SELECT_ERR_QUEUE: SOCK_SELECT_ERR_QUEUE,
    uapi.SO_RCVMARK: SOCK_RCVMARK,
    uapi.SO_RCVPRIORITY: SOCK_RCVPRIORITY,
}

# options that only AF_UNIX (and netlink) sockets have
SCM_OPTIONS: Final[dict[int, int]] = {
    uapi.SO_PASSCRED: SOCK_PASSCRED,
    uapi.SO_PASSSEC: SOCK_PASSSEC,
    uapi.SO_PASSPIDFD: SOCK_PASSPIDFD,
}

GET_ONLY: Final = (
    uapi.SO_TYPE,
    uapi.SO_ERROR,
    uapi.SO_PEERCRED,
    uapi.SO_SNDLOWAT,
    uapi.SO_PEERNAME,
    uapi.SO_ACCEPTCONN,
    uapi.SO_PEERSEC,
    uapi.SO_PROTOCOL,
    uapi.SO_DOMAIN,
    uapi.SO_BPF_EXTENSIONS,
    uapi.SO_MEMINFO,
    uapi.SO_INCOMING_NAPI_ID,
    uapi.SO_COOKIE,
    uapi.SO_PEERGROUPS,
    uapi.SO_NETNS_COOKIE,
    uapi.SO_PEERPIDFD,
)


def get_int(b: bytes) -> i64:
    """The C int at the start of b."""
    v: i64 = b[0] | (b[1] << 8) | (b[2] << 16) | (b[3] << 24)
    return v - 0x100000000 if v >= 0x80000000 else v


def put_int(v: i64) -> bytes:
    """A C int."""
    return int(v & 0xFFFFFFFF).to_bytes(4, "little")


def put_u64(v: i64) -> bytes:
    """A C unsigned long long."""
    return (int(v) & 0xFFFFFFFFFFFFFFFF).to_bytes(8, "little")


def get_s64(b: bytes, at: i64) -> i64:
    """The C long long at `at`."""
    return int.from_bytes(b[at : at + 8], "little", signed=True)


# ---- set


def sock_setsockopt(sock: Socket, optname: i64, opt: Sockopt, task: Task) -> i64:
    """setsockopt(2) with SOL_SOCKET. 0 or -errno."""
    sk = sock.sk
    assert sk is not None
    return sk_setsockopt(sk, sock, optname, opt, task)


def sk_setsockopt(sk: Sock, sock: Socket, optname: i64, opt: Sockopt, task: Task) -> i64:
    if optname == uapi.SO_BINDTODEVICE:
        return sock_setbindtodevice(sk, opt, task)
    b = opt.optval
    if opt.optlen < 4 or len(b) < 4:
        return -EINVAL
    val = get_int(b)
    on = val != 0

    flag = FLAG_OPTIONS.get(optname)
    if flag is not None:
        if optname == uapi.SO_DEBUG and on and (task.cap_effective >> CAP_NET_ADMIN) & 1 == 0:
            return -13  # EACCES
        core_sock.sock_valbool_flag(sk, flag, on)
        if optname == uapi.SO_DONTROUTE:
            core_sock.sk_dst_reset(sk)
        return 0
    flag = SCM_OPTIONS.get(optname)
    if flag is not None:
        if not may_scm(sk):
            return -EOPNOTSUPP
        core_sock.sock_valbool_flag(sk, flag, on)
        return 0
    if optname in GET_ONLY:
        return -ENOPROTOOPT

    if optname == uapi.SO_REUSEADDR:
        sk.sk_reuse = 1 if on else 0
    elif optname == uapi.SO_REUSEPORT:
        if on and not is_inet(sk):
            return -EOPNOTSUPP
        sk.sk_reuseport = on
    elif optname == uapi.SO_SNDBUF:
        limit = task.nsproxy_net.core.sysctl_wmem_max
        sock_set_sndbuf(sk, umin(val, limit))
    elif optname == uapi.SO_SNDBUFFORCE:
        if (task.cap_effective >> CAP_NET_ADMIN) & 1 == 0:
            return -EPERM
        sock_set_sndbuf(sk, val if val > 0 else 0)
    elif optname == uapi.SO_RCVBUF:
        limit = task.nsproxy_net.core.sysctl_rmem_max
        sock_set_rcvbuf(sk, umin(val, limit))
    elif optname == uapi.SO_RCVBUFFORCE:
        if (task.cap_effective >> CAP_NET_ADMIN) & 1 == 0:
            return -EPERM
        sock_set_rcvbuf(sk, val if val > 0 else 0)
    elif optname == uapi.SO_KEEPALIVE:
        sk.sk_prot.keepalive(sk, on)
        core_sock.sock_valbool_flag(sk, SOCK_KEEPOPEN, on)
    elif optname == uapi.SO_NO_CHECK:
        sk.sk_no_check_tx = on
    elif optname == uapi.SO_PRIORITY:
        if (
            not 0 <= val <= 6
            and (task.cap_effective >> CAP_NET_ADMIN) & 1 == 0
            and (task.cap_effective >> CAP_NET_RAW) & 1 == 0
        ):
            return -EPERM
        sk.sk_priority = val
    elif optname == uapi.SO_LINGER:
        if opt.optlen < 8 or len(b) < 8:
            return -EINVAL
        if not on:
            core_sock.sock_reset_flag(sk, SOCK_LINGER)
        else:
            seconds = get_int(b[4:8])  # a negative one is for ever
            sk.sk_lingertime = seconds * 1_000_000_000 if seconds >= 0 else 0x7FFF_FFFF_FFFF_FFFF
            core_sock.sock_set_flag(sk, SOCK_LINGER)
    elif optname == uapi.SO_BSDCOMPAT:
        pass
    elif optname == uapi.SO_RCVLOWAT:
        if val < 0:
            val = 0x7FFFFFFF
        return sk.sk_prot.set_rcvlowat(sk, val if val != 0 else 1)
    elif optname == uapi.SO_RCVTIMEO or optname == uapi.SO_RCVTIMEO_NEW:
        return set_timeout(sk, opt, True)
    elif optname == uapi.SO_SNDTIMEO or optname == uapi.SO_SNDTIMEO_NEW:
        return set_timeout(sk, opt, False)
    elif optname in (uapi.SO_TIMESTAMP, uapi.SO_TIMESTAMP_NEW, uapi.SO_TIMESTAMPNS, uapi.SO_TIMESTAMPNS_NEW):
        set_timestamp(sk, optname, on)
    elif optname == uapi.SO_TIMESTAMPING or optname == uapi.SO_TIMESTAMPING_NEW:
        return set_timestamping(sk, optname, val)
    elif optname == uapi.SO_MARK:
        if (task.cap_effective >> CAP_NET_RAW) & 1 == 0 and (task.cap_effective >> CAP_NET_ADMIN) & 1 == 0:
            return -EPERM
        if sk.sk_mark != val & 0xFFFFFFFF:
            sk.sk_mark = val & 0xFFFFFFFF
            core_sock.sk_dst_reset(sk)
    elif optname == uapi.SO_PEEK_OFF:
        sk.sk_peek_off = val
    elif optname == uapi.SO_LOCK_FILTER:
        if (sk.sk_flags & SOCK_FILTER_LOCKED) != 0 and not on:
            return -EPERM
        core_sock.sock_valbool_flag(sk, SOCK_FILTER_LOCKED, on)
    elif optname == uapi.SO_BUSY_POLL:
        if val < 0:
            return -EINVAL
        sk.sk_ll_usec = val
    elif optname == uapi.SO_PREFER_BUSY_POLL:
        sk.sk_prefer_busy_poll = on
    elif optname == uapi.SO_BUSY_POLL_BUDGET:
        if val < 0 or val > 0xFFFF:
            return -EINVAL
        sk.sk_busy_poll_budget = val
    elif optname == uapi.SO_MAX_PACING_RATE:
        rate: i64 = val & 0xFFFFFFFF
        if opt.optlen >= 8 and len(b) >= 8:
            rate = get_s64(b, 0) & 0x7FFFFFFFFFFFFFFF
        elif rate == 0xFFFFFFFF:
            rate = MAX_SCHEDULE_TIMEOUT
        if rate != MAX_SCHEDULE_TIMEOUT and sk.sk_pacing_status == 0:
            sk.sk_pacing_status = 1
        sk.sk_max_pacing_rate = rate
        sk.sk_pacing_rate = min(sk.sk_pacing_rate, rate)
    elif optname == uapi.SO_INCOMING_CPU:
        sk.sk_incoming_cpu = val
    elif optname == uapi.SO_CNX_ADVICE:
        pass  # Linux: advice that the path is bad; the route is looked up anew
    elif optname == uapi.SO_ZEROCOPY:
        if not is_inet(sk) or sk.sk_protocol not in (IPPROTO_TCP, IPPROTO_UDP):
            return -EOPNOTSUPP
        if val < 0 or val > 1:
            return -EINVAL
        core_sock.sock_valbool_flag(sk, SOCK_ZEROCOPY, on)
    elif optname == uapi.SO_TXTIME:
        if opt.optlen != 8 or len(b) < 8:
            return -EINVAL
        flags = get_int(b[4:8])
        if (flags & ~3) != 0 or val not in (0, 1, 11):
            return -EINVAL
        core_sock.sock_set_flag(sk, SOCK_TXTIME)
        sk.sk_clockid = val
        sk.sk_txtime_flags = flags
    elif optname == uapi.SO_BINDTOIFINDEX:
        if val < 0:
            return -EINVAL
        return sock_bindtoindex(sk, val, task)
    elif optname == uapi.SO_BUF_LOCK:
        if (val & ~(SOCK_SNDBUF_LOCK | SOCK_RCVBUF_LOCK)) != 0:
            return -EINVAL
        sk.sk_userlocks = val | (sk.sk_userlocks & ~(SOCK_SNDBUF_LOCK | SOCK_RCVBUF_LOCK))
    elif optname == uapi.SO_RESERVE_MEM:
        if val < 0:
            return -EINVAL
        return -EOPNOTSUPP  # Linux: needs a memory cgroup
    elif optname == uapi.SO_TXREHASH:
        if sk.sk_protocol != IPPROTO_TCP or not is_inet(sk):
            return -EOPNOTSUPP
        if val < -1 or val > 1:
            return -EINVAL
        sk.sk_txrehash = 1 if val == -1 else val
    elif optname == uapi.SO_PASSRIGHTS:
        if sk.sk_family != uapi.AF_UNIX:
            return -EOPNOTSUPP
        core_sock.sock_valbool_flag(sk, SO_PASSRIGHTS_OFF, not on)
    elif optname == uapi.SO_INQ:
        if sk.sk_family == uapi.AF_UNIX and sk.sk_type == uapi.SOCK_STREAM and opt.optlen != 4:
            return -EINVAL
        return sk.sk_prot.set_inq(sk, val)
    elif optname == uapi.SO_DETACH_FILTER:
        return -ENOENT if (sk.sk_flags & SOCK_FILTER_LOCKED) == 0 else -EPERM
    elif optname == uapi.SO_DETACH_REUSEPORT_BPF:
        return -EINVAL
    else:
        return -ENOPROTOOPT
    return 0


def umin(val: i64, limit: i64) -> i64:
    """The smaller, as Linux compares: a negative size is a very large one."""
    return limit if val < 0 or val > limit else val


def sock_set_sndbuf(sk: Sock, val: i64) -> None:
    """Linux doubles what is asked for: the other half is for overhead (socket(7))."""
    sk.sk_userlocks |= SOCK_SNDBUF_LOCK
    if val > 0x3FFFFFFF:
        val = 0x3FFFFFFF
    sk.sk_sndbuf = max(val * 2, core_sock.SOCK_MIN_SNDBUF)
    sk.sk_write_space.run(sk)


def sock_set_rcvbuf(sk: Sock, val: i64) -> None:
    sk.sk_userlocks |= SOCK_RCVBUF_LOCK
    if val > 0x3FFFFFFF:
        val = 0x3FFFFFFF
    sk.sk_rcvbuf = max(val * 2, core_sock.SOCK_MIN_RCVBUF)
    sk.sk_prot.rcvbuf_changed(sk)


def set_timeout(sk: Sock, opt: Sockopt, rcv: bool) -> i64:
    """SO_RCVTIMEO and SO_SNDTIMEO: a struct timeval; zero means for ever."""
    b = opt.optval
    if opt.optlen < 16 or len(b) < 16:
        return -EINVAL
    sec = get_s64(b, 0)
    usec = get_s64(b, 8)
    if usec < 0 or usec >= 1_000_000:
        return -EDOM
    ns: i64
    if sec < 0:
        ns = 0  # Linux: a negative time-out is none at all, and the call does not wait
    elif sec == 0 and usec == 0:
        ns = MAX_SCHEDULE_TIMEOUT
    elif sec > 9_000_000_000:
        ns = MAX_SCHEDULE_TIMEOUT
    else:
        # Linux counts in ticks, rounded up; ours are milliseconds
        ns = ((sec * 1_000_000 + usec + 999) // 1000) * 1_000_000
    if rcv:
        sk.sk_rcvtimeo = ns
    else:
        sk.sk_sndtimeo = ns
    return 0


def set_timestamp(sk: Sock, optname: i64, on: bool) -> None:
    new = optname == uapi.SO_TIMESTAMP_NEW or optname == uapi.SO_TIMESTAMPNS_NEW
    ns = optname == uapi.SO_TIMESTAMPNS or optname == uapi.SO_TIMESTAMPNS_NEW
    if not on:
        sk.sk_flags &= ~(SOCK_RCVTSTAMP | SOCK_RCVTSTAMPNS)
        return
    core_sock.sock_valbool_flag(sk, SOCK_TSTAMP_NEW, new)
    core_sock.sock_valbool_flag(sk, SOCK_RCVTSTAMPNS, ns)
    sk.sk_flags |= SOCK_RCVTSTAMP | SOCK_TIMESTAMP


def set_timestamping(sk: Sock, optname: i64, val: i64) -> i64:
    """SO_TIMESTAMPING: software stamps are made; hardware ones do not exist here."""
    if val < 0 or (val & ~SO_TIMESTAMPING_MASK) != 0:
        return -EINVAL
    if (val & 0x80) != 0 and (sk.sk_tsflags & 0x80) == 0:  # OPT_ID: count from here
        err = sk.sk_prot.start_tskey(sk, (val & 0x10000) != 0)
        if err != 0:
            return err
    sk.sk_tsflags = val
    core_sock.sock_valbool_flag(sk, SOCK_TSTAMP_NEW, optname == uapi.SO_TIMESTAMPING_NEW)
    return 0


def sock_setbindtodevice(sk: Sock, opt: Sockopt, task: Task) -> i64:
    """SO_BINDTODEVICE: an interface name, "" to undo."""
    if opt.optlen < 0:
        return -EINVAL
    name = opt.optval[: min(opt.optlen, 15)].split(b"\0")[0]
    if len(name) == 0:
        return sock_bindtoindex(sk, 0, task)
    dev = task.nsproxy_net.dev_by_name.get(name.decode("latin-1"))
    if dev is None:
        return -ENODEV
    return sock_bindtoindex(sk, dev.ifindex, task)


def sock_bindtoindex(sk: Sock, ifindex: i64, task: Task) -> i64:
    if sk.sk_bound_dev_if != 0 and (task.cap_effective >> CAP_NET_RAW) & 1 == 0:
        return -EPERM
    if ifindex < 0:
        return -EINVAL
    sk.sk_bound_dev_if = ifindex
    core_sock.sk_dst_reset(sk)
    sk.sk_prot.rehash(sk)
    return 0


def is_inet(sk: Sock) -> bool:
    """AF_INET or AF_INET6."""
    return isinstance(sk, InetSock)


def may_scm(sk: Sock) -> bool:
    """The families that pass credentials."""
    return sk.sk_family == uapi.AF_UNIX or sk.sk_family == uapi.AF_NETLINK


# ---- read


def sk_getsockopt(sock: Socket, optname: i64, opt: Sockopt, task: Task) -> i64:
    """getsockopt(2) with SOL_SOCKET. 0 and opt.result, or -errno."""
    sk = sock.sk
    assert sk is not None
    if opt.optlen < 0:
        return -EINVAL
    value = _getsockopt(sk, sock, optname, opt, task)
    if value is None:
        return -opt.err
    opt.result = value[: opt.optlen]
    return 0


def _getsockopt(sk: Sock, sock: Socket, optname: i64, opt: Sockopt, task: Task) -> bytes | None:
    flag = FLAG_OPTIONS.get(optname)
    if flag is not None:
        return put_int(1 if (sk.sk_flags & flag) != 0 else 0)
    flag = SCM_OPTIONS.get(optname)
    if flag is not None:
        if not may_scm(sk):
            opt.err = EOPNOTSUPP
            return None
        return put_int(1 if (sk.sk_flags & flag) != 0 else 0)

    if optname == uapi.SO_SNDBUF:
        return put_int(sk.sk_sndbuf)
    if optname == uapi.SO_RCVBUF:
        return put_int(sk.sk_rcvbuf)
    if optname == uapi.SO_REUSEADDR:
        return put_int(sk.sk_reuse)
    if optname == uapi.SO_REUSEPORT:
        return put_int(1 if sk.sk_reuseport else 0)
    if optname == uapi.SO_KEEPALIVE:
        return put_int(1 if (sk.sk_flags & SOCK_KEEPOPEN) != 0 else 0)
    if optname == uapi.SO_TYPE:
        return put_int(sk.sk_type)
    if optname == uapi.SO_PROTOCOL:
        return put_int(sk.sk_protocol)
    if optname == uapi.SO_DOMAIN:
        return put_int(sk.sk_family)
    if optname == uapi.SO_ERROR:
        err = core_sock.sock_error(sk)
        if err == 0:
            err = -sk.sk_err_soft
            sk.sk_err_soft = 0
        return put_int(-err)
    if optname == uapi.SO_NO_CHECK:
        return put_int(1 if sk.sk_no_check_tx else 0)
    if optname == uapi.SO_PRIORITY:
        return put_int(sk.sk_priority)
    if optname == uapi.SO_LINGER:
        on: i64 = 1 if (sk.sk_flags & SOCK_LINGER) != 0 else 0
        return put_int(on) + put_int(sk.sk_lingertime // 1_000_000_000)
    if optname == uapi.SO_BSDCOMPAT:
        return put_int(0)
    if optname == uapi.SO_TIMESTAMP or optname == uapi.SO_TIMESTAMP_NEW:
        return put_int(timestamp_is(sk, False, optname == uapi.SO_TIMESTAMP_NEW))
    if optname == uapi.SO_TIMESTAMPNS or optname == uapi.SO_TIMESTAMPNS_NEW:
        return put_int(timestamp_is(sk, True, optname == uapi.SO_TIMESTAMPNS_NEW))
    if optname == uapi.SO_TIMESTAMPING or optname == uapi.SO_TIMESTAMPING_NEW:
        new = optname == uapi.SO_TIMESTAMPING_NEW
        mine = sk.sk_tsflags if ((sk.sk_flags & SOCK_TSTAMP_NEW) != 0) == new else 0
        return put_int(mine) + put_int(0)
    if optname in (uapi.SO_RCVTIMEO, uapi.SO_RCVTIMEO_NEW):
        return put_timeval(sk.sk_rcvtimeo)
    if optname in (uapi.SO_SNDTIMEO, uapi.SO_SNDTIMEO_NEW):
        return put_timeval(sk.sk_sndtimeo)
    if optname == uapi.SO_RCVLOWAT:
        return put_int(sk.sk_rcvlowat)
    if optname == uapi.SO_SNDLOWAT:
        return put_int(1)
    if optname == uapi.SO_PEERCRED:
        cred = sk.sk_peer_cred
        if cred is None:
            return put_int(0) + put_int(-1) + put_int(-1)
        return put_int(cred.pid) + put_int(cred.uid) + put_int(cred.gid)
    if optname == uapi.SO_PEERGROUPS:
        if sk.sk_peer_cred is None:
            opt.err = ENODATA
            return None
        return b""  # a task has no supplementary groups
    if optname == uapi.SO_PEERPIDFD:
        opt.err = ENODATA
        return None
    if optname == uapi.SO_PEERNAME:
        ops = sock.ops
        name = ops.getname(sock, 2) if ops is not None else None
        if name is None:
            opt.err = ENOTCONN
            return None
        if len(name) < opt.optlen:
            opt.err = EINVAL
            return None
        return name
    if optname == uapi.SO_ACCEPTCONN:
        return put_int(1 if sk.sk_state == TCP_LISTEN else 0)
    if optname == uapi.SO_MARK:
        return put_int(sk.sk_mark)
    if optname == uapi.SO_BINDTODEVICE:
        return get_bindtodevice(sk, opt)
    if optname == uapi.SO_GET_FILTER:
        return b""
    if optname == uapi.SO_LOCK_FILTER:
        return put_int(1 if (sk.sk_flags & SOCK_FILTER_LOCKED) != 0 else 0)
    if optname == uapi.SO_PEEK_OFF:
        return put_int(sk.sk_peek_off)
    if optname == uapi.SO_BPF_EXTENSIONS:
        return put_int(64)
    if optname == uapi.SO_BUSY_POLL:
        return put_int(sk.sk_ll_usec)
    if optname == uapi.SO_PREFER_BUSY_POLL:
        return put_int(1 if sk.sk_prefer_busy_poll else 0)
    if optname == uapi.SO_MAX_PACING_RATE:
        rate = sk.sk_max_pacing_rate
        if opt.optlen >= 8:
            return put_u64(-1 if rate == MAX_SCHEDULE_TIMEOUT else rate)
        return put_int(min(rate, 0xFFFFFFFF))
    if optname == uapi.SO_INCOMING_CPU:
        return put_int(sk.sk_incoming_cpu)
    if optname == uapi.SO_MEMINFO:
        return meminfo(sk)
    if optname == uapi.SO_INCOMING_NAPI_ID:
        return put_int(0)
    if optname == uapi.SO_COOKIE:
        if opt.optlen < 8:
            opt.err = EINVAL
            return None
        return put_u64(core_sock.sock_gen_cookie(sk))
    if optname == uapi.SO_NETNS_COOKIE:
        if opt.optlen != 8:
            opt.err = EINVAL
            return None
        return put_u64(1)
    if optname == uapi.SO_ZEROCOPY:
        return put_int(1 if (sk.sk_flags & SOCK_ZEROCOPY) != 0 else 0)
    if optname == uapi.SO_TXTIME:
        return put_int(sk.sk_clockid) + put_int(sk.sk_txtime_flags)
    if optname == uapi.SO_BINDTOIFINDEX:
        return put_int(sk.sk_bound_dev_if)
    if optname == uapi.SO_BUF_LOCK:
        return put_int(sk.sk_userlocks & (SOCK_SNDBUF_LOCK | SOCK_RCVBUF_LOCK))
    if optname == uapi.SO_RESERVE_MEM:
        return put_int(sk.sk_reserved_mem)
    if optname == uapi.SO_TXREHASH:
        if sk.sk_protocol != IPPROTO_TCP or not is_inet(sk):
            opt.err = EOPNOTSUPP
            return None
        return put_int(sk.sk_txrehash)
    if optname == uapi.SO_PASSRIGHTS:
        if sk.sk_family != uapi.AF_UNIX:
            opt.err = EOPNOTSUPP
            return None
        return put_int(0 if (sk.sk_flags & SO_PASSRIGHTS_OFF) != 0 else 1)
    opt.err = ENOPROTOOPT
    return None


def timestamp_is(sk: Sock, ns: bool, new: bool) -> i64:
    if (sk.sk_flags & SOCK_RCVTSTAMP) == 0:
        return 0
    if ((sk.sk_flags & SOCK_RCVTSTAMPNS) != 0) != ns or ((sk.sk_flags & SOCK_TSTAMP_NEW) != 0) != new:
        return 0
    return 1


def put_timeval(ns: i64) -> bytes:
    """A struct timeval; for ever is zero."""
    if ns == MAX_SCHEDULE_TIMEOUT:
        return bytes(16)
    return put_u64(ns // 1_000_000_000) + put_u64(ns % 1_000_000_000 // 1000)


def get_bindtodevice(sk: Sock, opt: Sockopt) -> bytes | None:
    """The name of the device, with its NUL."""
    if sk.sk_bound_dev_if == 0:
        return b""
    if opt.optlen < 16:
        opt.err = EINVAL
        return None
    dev = sk.sk_net.dev_by_index.get(sk.sk_bound_dev_if)
    if dev is None:
        opt.err = ENODEV
        return None
    return dev.name.encode("latin-1") + b"\0"


def meminfo(sk: Sock) -> bytes:
    """SK_MEMINFO_*: nine 32-bit words, as ss(8) -m shows them."""
    return (
        put_int(sk.sk_rmem_alloc)
        + put_int(sk.sk_rcvbuf)
        + put_int(sk.sk_wmem_alloc)
        + put_int(sk.sk_sndbuf)
        + put_int(sk.sk_forward_alloc)
        + put_int(sk.sk_wmem_queued)
        + put_int(sk.sk_omem_alloc)
        + put_int(sk.sk_backlog_len)
        + put_int(sk.sk_drops)
    )
