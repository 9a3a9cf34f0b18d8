"""netstat, lsof and /proc/net of the machine put together by hand, beside what the real tools printed of the
same sockets (net-tools 2.10, lsof 4.95, Linux 6.18)."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from sockfs.observe import lsof, netstat, nstat, proc_net
from sockfs.observe.snapshot import View
from tests.observe.hand import machine

NETSTAT = """\
Active Internet connections (servers and established)
Proto Recv-Q Send-Q Local Address           Foreign Address         State       PID/Program name    
tcp        0      0 127.0.0.1:18080         0.0.0.0:*               LISTEN      20852/python3       
tcp     1000      0 127.0.0.1:18080         127.0.0.1:43290         ESTABLISHED 20852/python3       
tcp        0      0 127.0.0.1:43290         127.0.0.1:18080         ESTABLISHED 20852/python3       
tcp        0      0 127.0.0.1:43298         127.0.0.1:18080         TIME_WAIT   -                   
udp      832      0 0.0.0.0:15353           0.0.0.0:*                           20852/python3       
udp        0      0 127.0.0.1:48464         127.0.0.1:15353         ESTABLISHED 20852/python3       
"""  # noqa: W291
LSOF = """\
COMMAND   PID USER   FD   TYPE DEVICE SIZE/OFF NODE NAME
python3 20852 root    3u  IPv4 174613      0t0  TCP 127.0.0.1:18080 (LISTEN)
python3 20852 root    4u  IPv4 174614      0t0  TCP 127.0.0.1:43290->127.0.0.1:18080 (ESTABLISHED)
python3 20852 root    5u  IPv4 174615      0t0  TCP 127.0.0.1:18080->127.0.0.1:43290 (ESTABLISHED)
python3 20852 root    6u  IPv4 174616      0t0  UDP *:15353
python3 20852 root    7u  IPv4 174617      0t0  UDP 127.0.0.1:48464->127.0.0.1:15353
"""
PROC_TCP = """\
   0: 0100007F:46A0 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 174613 1
   1: 0100007F:46A0 0100007F:A91A 01 00000000:000003E8 00:00000000 00000000     0        0 174615 1
   2: 0100007F:A91A 0100007F:46A0 01 00000000:00000000 00:00000000 00000000     0        0 174614 1
   3: 0100007F:A922 0100007F:46A0 06 00000000:00000000 03:00001766 00000000     0        0 0 1
"""


def test_netstat() -> None:
    o = netstat.Options(tcp=True, udp=True, all=True, numeric=True, programs=True)
    assert netstat.table(View.of(machine().k), o) == NETSTAT


def test_netstat_of_local_sockets() -> None:
    lines = netstat.table(View.of(machine().k), netstat.Options(unix=True)).splitlines()
    assert lines[:2] == [
        "Active UNIX domain sockets (w/o servers)",
        "Proto RefCnt Flags       Type       State         I-Node   Path",
    ]
    assert lines[2] == "unix  1      [ ]         STREAM     CONNECTED     174618   "


def test_lsof() -> None:
    rows = lsof.records(View.of(machine().k), inet_only=True, numeric=True)
    mine = re.sub(r"(?<= 20852 )\S+", "root", lsof.table(rows))
    assert mine == LSOF
    assert lsof.table([]) == ""


def test_proc_net_tcp() -> None:
    lines = proc_net.read(View.of(machine().k), "tcp").splitlines()
    wanted = PROC_TCP.splitlines()
    assert [line[: len(want)] for line, want in zip(lines[1:], wanted, strict=True)] == wanted
    assert {len(line) for line in lines} == {149}


@pytest.mark.parametrize("name", proc_net.NAMES)
def test_heads_are_the_kernels(name: str) -> None:
    """The first line of each file, and for counters the names, as the kernel of this machine has them."""
    path = "/proc/slabinfo" if name == "slabinfo" else f"/proc/net/{name}"
    code = f"print(open({path!r}).read())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"{path} cannot be read here")
    theirs, mine = done.stdout.splitlines(), proc_net.read(View.of(machine().k), name).splitlines()
    if name in ("snmp", "netstat"):
        by_title = {line.partition(":")[0]: line.split()[1:] for line in reversed(theirs)}
        for line in mine[::2]:
            names = [n for n in by_title[line.partition(":")[0]] if n in line.split()]
            assert line.split()[1:] == names  # ours, in the kernel's order
    elif name == "sockstat":
        assert [line.split()[::2][0] for line in mine] == [line.split()[0] for line in theirs[: len(mine)]]
    else:
        assert mine[0].rstrip() == theirs[0].rstrip()


def test_nstat() -> None:
    m = machine()
    m.k.init_net.mib_linux.TCPPureAcks = 4
    m.k.init_net.mib_tcp.CurrEstab = 2  # a gauge, no counter: nstat leaves it out
    values = nstat.counters(View.of(m.k))
    assert values == {"TcpExtTCPPureAcks": 4}
    assert nstat.table(values) == "#kernel\nTcpExtTCPPureAcks               4                  0.0\n"
    assert nstat.counters(View.of(m.k), True, ("UdpIn*",)) == {
        "UdpInDatagrams": 0,
        "UdpInErrors": 0,
        "UdpInCsumErrors": 0,
    }
