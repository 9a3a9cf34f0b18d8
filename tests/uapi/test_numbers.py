"""Our numbers against Python's own modules, compiled from the C headers, and against the running kernel."""

from __future__ import annotations

import errno
import fcntl
import importlib
import os
import pkgutil
import re
import select
import socket
import stat
import termios
from pathlib import Path
from types import ModuleType

import pytest

import sockfs
import sockfs.uapi
from sockfs.uapi import dropreason, poll, rstreason, snmp, syscalls, tcp
from sockfs.uapi import errno as u_errno
from sockfs.uapi import fcntl as u_fcntl
from sockfs.uapi import ioctl as u_ioctl
from sockfs.uapi import socket as u_socket
from sockfs.uapi import stat as u_stat

MODULES = [
    importlib.import_module(f"sockfs.uapi.{m.name}") for m in pkgutil.iter_modules(sockfs.uapi.__path__)
]

# Where a name of ours deliberately has another value than Python's.
DIFFERENT = {
    ("fcntl", "O_LARGEFILE"),  # glibc defines 0 on x86-64; f_flags has the kernel's bit
}


def numbers(module: ModuleType) -> dict[str, int]:
    return {
        n: v for n, v in vars(module).items() if isinstance(v, int) and n.isidentifier() and n[0].isupper()
    }


ALL_NUMBERS = {name: v for m in MODULES for name, v in numbers(m).items()}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        pytest.param(ours, theirs, id=f"{ours.__name__}-{theirs.__name__}")
        for ours in MODULES
        for theirs in (socket, select, errno, fcntl, stat, termios)
    ],
)
def test_same_names_have_same_values(ours: ModuleType, theirs: ModuleType) -> None:
    short = ours.__name__.rpartition(".")[2]
    wrong = {
        name: (value, getattr(theirs, name))
        for name, value in numbers(ours).items()
        if (short, name) not in DIFFERENT
        and isinstance(getattr(theirs, name, None), int)
        and value & 0xFFFFFFFF != getattr(theirs, name) & 0xFFFFFFFF
    }
    assert not wrong


# Families and constants of protocols that sockfs has no part in, so their absence is no gap.
NOT_OURS = re.compile(
    r"(CAN|BT|BTPROTO|HCI|RDS|TIPC|ALG|VSOCK|VMADDR|VM|J1939|L2CAP|NI|AI|EAI|IOCTL_VM|SCM_J1939|SO_J1939|SO_VM)_|"
    r"(has_|INVALID|CAPI|IPX_|SOL_(CAN|TIPC|RDS|ALG|HCI|ATALK))|IPPORT_USERRESERVED|SOL_HCI"
)


@pytest.mark.parametrize("theirs", [socket, select, errno, stat], ids=lambda m: m.__name__)
def test_nothing_python_names_is_missing(theirs: ModuleType) -> None:
    """Every constant of Python's module exists in uapi under the same name, with the same value."""
    missing = []
    for name, value in vars(theirs).items():
        if (
            not isinstance(value, int)
            or isinstance(value, bool)
            or not name.isupper()
            or NOT_OURS.match(name)
        ):
            continue
        if theirs is stat and not name.startswith("S_I"):
            continue
        if theirs is select and name == "PIPE_BUF":
            continue
        found = [numbers(m)[name] for m in MODULES if name in numbers(m)]
        if not any(v & 0xFFFFFFFF == value & 0xFFFFFFFF for v in found):
            missing.append((name, int(value), found))
    allowed = {"S_ISVTX", "S_IREAD", "S_IWRITE", "S_IEXEC", "S_ENFMT", "S_IFDOOR", "S_IFPORT", "S_IFWHT"}
    assert [m for m in missing if m[0] not in allowed] == []


def test_fcntl_commands_and_flags() -> None:
    for name in ("F_GETFL", "F_SETFL", "F_DUPFD_CLOEXEC", "FD_CLOEXEC", "F_SETOWN", "F_SETPIPE_SZ"):
        assert getattr(u_fcntl, name) == getattr(fcntl, name)
    assert (u_ioctl.FIONREAD, u_ioctl.TIOCOUTQ) == (termios.FIONREAD, termios.TIOCOUTQ)
    assert u_ioctl.SIOCINQ == u_ioctl.FIONREAD


def test_no_name_is_defined_twice_in_a_file() -> None:
    for module in MODULES:
        name = module.__name__.rpartition(".")[2]
        text = (Path(sockfs.__path__[0]) / "uapi" / f"{name}.py").read_text()
        names = re.findall(r"^(\w+): Final", text, re.MULTILINE)
        assert sorted(set(names)) == sorted(names), module.__name__


def test_errno_names() -> None:
    for number, name in u_errno.ERRNO_NAME.items():
        assert getattr(u_errno, name) == number
        if number < 512:
            # 95 has two names; Python knows it by the one POSIX prefers, strace and we by the kernel's.
            assert errno.errorcode[number] == ("ENOTSUP" if name == "EOPNOTSUPP" else name)
    assert set(errno.errorcode) <= set(u_errno.ERRNO_NAME)


def test_pf_equal_af() -> None:
    families = [n for n in numbers(u_socket) if n.startswith("AF_")]
    assert len(families) > 45
    for name in families:
        assert getattr(u_socket, "PF_" + name[3:]) == getattr(u_socket, name)


def test_tcp_states() -> None:
    for state, name in tcp.TCP_STATE_NAMES.items():
        assert getattr(tcp, f"TCP_{name}") == state
        assert getattr(tcp, f"TCPF_{name}") == 1 << state
    assert sorted(tcp.TCP_STATE_NAMES) == list(range(1, tcp.TCP_MAX_STATES))
    for i, name in enumerate(tcp.TCP_CA_NAMES):
        assert getattr(tcp, f"TCP_CA_{name}") == i


def test_tcp_info_layout_has_no_holes() -> None:
    covered = [0] * tcp.SIZEOF_TCP_INFO
    for name, offset, size in tcp.TCP_INFO_LAYOUT:
        assert offset % size == 0, name
        for i in range(offset, offset + size):
            covered[i] += 1
    assert [i for i, n in enumerate(covered) if n == 0] == []
    assert [i for i, n in enumerate(covered) if n > 1] == [6, 7]


def test_tcp_info_of_the_kernel() -> None:
    """The kernel fills the fields where we say they lie."""
    place = {name: (offset, size) for name, offset, size in tcp.TCP_INFO_LAYOUT}

    def field(info: bytes, name: str) -> int:
        offset, size = place[name]
        return int.from_bytes(info[offset : offset + size], "little")

    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as client,
    ):
        server, _ = listener.accept()
        with server:
            client.sendall(b"x" * 1234)
            assert len(server.recv(1234, socket.MSG_WAITALL)) == 1234
            info = client.getsockopt(socket.IPPROTO_TCP, tcp.TCP_INFO, 512)
            assert len(info) <= tcp.SIZEOF_TCP_INFO
            assert field(info, "tcpi_state") == tcp.TCP_ESTABLISHED
            assert field(info, "tcpi_bytes_sent") == 1234
            assert field(info, "tcpi_snd_mss") == client.getsockopt(socket.IPPROTO_TCP, tcp.TCP_MAXSEG)
            assert field(info, "tcpi_data_segs_out") >= 1
        assert listener.getsockopt(socket.IPPROTO_TCP, tcp.TCP_INFO, 1)[0] == tcp.TCP_LISTEN


def test_drop_reasons() -> None:
    for number, name in enumerate(dropreason.DROP_REASON_NAMES):
        prefix = "SKB_" if number < 2 else "SKB_DROP_REASON_"
        assert getattr(dropreason, prefix + name) == number
    assert len(dropreason.DROP_REASON_NAMES) == dropreason.SKB_DROP_REASON_MAX
    assert (dropreason.SKB_NOT_DROPPED_YET, dropreason.SKB_CONSUMED) == (0, 1)
    for number, name in enumerate(rstreason.RST_REASON_NAMES):
        assert getattr(rstreason, f"SK_RST_REASON_{name}") == number


def lines(path: str) -> dict[str, list[str]]:
    out: dict[str, list[str]] = {}
    for line in Path(path).read_text().splitlines():
        key, _, rest = line.partition(":")
        out.setdefault(key, rest.split())
    return out


def is_subsequence(names: list[str], of: list[str]) -> bool:
    rest = iter(of)
    return all(name in rest for name in names)


@pytest.mark.parametrize(
    ("path", "line", "ours"),
    [
        ("/proc/net/snmp", "Ip", snmp.IPSTATS),
        ("/proc/net/snmp", "Icmp", snmp.ICMP),
        ("/proc/net/snmp", "Tcp", snmp.TCP),
        ("/proc/net/snmp", "Udp", snmp.UDP),
        ("/proc/net/snmp", "UdpLite", snmp.UDPLITE),
        ("/proc/net/netstat", "TcpExt", snmp.TCPEXT),
        ("/proc/net/netstat", "IpExt", snmp.IPEXT),
    ],
)
def test_counters_stand_as_the_kernel_prints_them(path: str, line: str, ours: list[str]) -> None:
    """Other kernel versions print fewer or more; what both have stands in the same order."""
    theirs = lines(path)[line]
    assert len(set(ours)) == len(ours)
    common = [n for n in ours if n in set(theirs)]
    assert len(common) > 0.8 * len(theirs)
    assert is_subsequence(common, theirs)


def test_counters_of_ipv6() -> None:
    names = [line.split()[0] for line in Path("/proc/net/snmp6").read_text().splitlines()]
    ours = [f"Ip6{n}" for n in snmp.IP6] + [f"Icmp6{n}" for n in snmp.ICMP6] + [f"Udp6{n}" for n in snmp.UDP6]
    common = [n for n in ours if n in set(names)]
    assert len(common) > 60
    assert is_subsequence(common, names)


def test_system_call_numbers() -> None:
    """Those that SPEC and syscalls(2) fix, and each name once."""
    nr = syscalls.SYSCALL_NR
    assert (nr["socket"], nr["connect"], nr["accept"], nr["accept4"]) == (41, 42, 43, 288)
    assert (nr["recvmmsg"], nr["sendmmsg"], nr["epoll_create1"], nr["read"], nr["write"]) == (
        299,
        307,
        291,
        0,
        1,
    )
    assert {v: k for k, v in nr.items()} == syscalls.SYSCALL_NAME
    for name, number in nr.items():
        assert getattr(syscalls, f"__NR_{name}") == number
    assert sorted(syscalls.SOCKETCALL_NAME) == list(range(1, 21))
    assert len(syscalls.SOCKETCALL_NARGS) == 21
    assert syscalls.SOCKETCALL_NAME[20] == "sendmmsg"


def test_poll_sets() -> None:
    assert poll.POLLIN_SET == (
        poll.EPOLLRDNORM | poll.EPOLLRDBAND | poll.EPOLLIN | poll.EPOLLHUP | poll.EPOLLERR
    )
    assert poll.POLLOUT_SET == poll.EPOLLWRBAND | poll.EPOLLWRNORM | poll.EPOLLOUT | poll.EPOLLERR
    assert poll.POLLEX_SET == poll.EPOLLPRI
    assert poll.DEFAULT_POLLMASK == poll.EPOLLIN | poll.EPOLLOUT | poll.EPOLLRDNORM | poll.EPOLLWRNORM


KERNEL = tuple(int(n) for n in re.findall(r"\d+", os.uname().release)[:2])


@pytest.mark.skipif(KERNEL < (6, 18), reason="the options came one by one until Linux 6.18")
def test_options_newer_than_the_c_headers_exist_in_the_kernel() -> None:
    with socket.socket() as s:
        for option in (tcp.TCP_IS_MPTCP, tcp.TCP_RTO_MAX_MS, tcp.TCP_RTO_MIN_US, tcp.TCP_DELACK_MAX_US):
            s.getsockopt(socket.IPPROTO_TCP, option, 4)
        s.getsockopt(socket.SOL_SOCKET, u_socket.SO_RCVPRIORITY, 4)
        for option in (u_socket.SO_PASSPIDFD, u_socket.SO_PASSRIGHTS):  # AF_UNIX only
            with pytest.raises(OSError) as raised:
                s.getsockopt(socket.SOL_SOCKET, option, 4)
            assert raised.value.errno == errno.EOPNOTSUPP
        assert s.getsockopt(socket.SOL_SOCKET, u_socket.SO_DOMAIN) == u_socket.AF_INET
    assert u_stat.S_IFSOCK | u_stat.S_IRWXUGO == 0o140777
