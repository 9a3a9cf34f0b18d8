"""Tables against what the real ss, netstat and lsof printed of the same sockets (iproute2 6.1, net-tools
2.10)."""

from __future__ import annotations

import pytest

from sockfs.observe import ss
from sockfs.observe.snapshot import View
from tests.observe.hand import machine

SS_TAN = """\
State     Recv-Q Send-Q Local Address:Port  Peer Address:Port Process
LISTEN    0      128        127.0.0.1:18080      0.0.0.0:*           
ESTAB     1000   0          127.0.0.1:18080    127.0.0.1:43290       
ESTAB     0      0          127.0.0.1:43290    127.0.0.1:18080       
TIME-WAIT 0      0          127.0.0.1:43298    127.0.0.1:18080       
"""  # noqa: W291
SS_TUNAP = """\
Netid State     Recv-Q Send-Q Local Address:Port  Peer Address:Port Process                            
udp   UNCONN    832    0            0.0.0.0:15353      0.0.0.0:*     users:(("python3",pid=20852,fd=6))
udp   ESTAB     0      0          127.0.0.1:48464    127.0.0.1:15353 users:(("python3",pid=20852,fd=7))
tcp   LISTEN    0      128        127.0.0.1:18080      0.0.0.0:*     users:(("python3",pid=20852,fd=3))
tcp   ESTAB     1000   0          127.0.0.1:18080    127.0.0.1:43290 users:(("python3",pid=20852,fd=5))
tcp   ESTAB     0      0          127.0.0.1:43290    127.0.0.1:18080 users:(("python3",pid=20852,fd=4))
tcp   TIME-WAIT 0      0          127.0.0.1:43298    127.0.0.1:18080                                   
"""  # noqa: W291
SS_UANM = f"""\
State  Recv-Q Send-Q Local Address:Port  Peer Address:Port Process{" " * 48}
UNCONN 832    0            0.0.0.0:15353      0.0.0.0:*    
\t skmem:(r832,rb212992,t0,tb212992,f3264,w0,o0,bl0,d0)
ESTAB  0      0          127.0.0.1:48464    127.0.0.1:15353
\t skmem:(r0,rb212992,t0,tb212992,f0,w0,o0,bl0,d0)     
"""  # noqa: W291
SS = """\
Netid State Recv-Q Send-Q Local Address:Port   Peer Address:Port  Process
u_str ESTAB 0      768                * 174618            * 174619       
u_str ESTAB 3      0                  * 174619            * 174618       
udp   ESTAB 0      0          127.0.0.1:48464     127.0.0.1:15353        
tcp   ESTAB 1000   0          127.0.0.1:18080     127.0.0.1:43290        
tcp   ESTAB 0      0          127.0.0.1:43290     127.0.0.1:18080        
"""  # noqa: W291
SS_TL = """\
State  Recv-Q Send-Q Local Address:Port  Peer Address:PortProcess
LISTEN 0      128        127.0.0.1:18080      0.0.0.0:*          
"""  # noqa: W291
SS_TAH = """\
LISTEN    0      128    127.0.0.1:18080   0.0.0.0:*    
ESTAB     1000   0      127.0.0.1:18080 127.0.0.1:43290
ESTAB     0      0      127.0.0.1:43290 127.0.0.1:18080
TIME-WAIT 0      0      127.0.0.1:43298 127.0.0.1:18080
"""  # noqa: W291
SS_STATE = """\
Recv-Q Send-Q Local Address:Port  Peer Address:PortProcess
0      128        127.0.0.1:18080      0.0.0.0:*          
"""  # noqa: W291


@pytest.mark.parametrize(
    ("options", "printed"),
    [
        (ss.Options(tcp=True, all=True, numeric=True), SS_TAN),
        (ss.Options(tcp=True, udp=True, numeric=True, all=True, processes=True), SS_TUNAP),
        (ss.Options(udp=True, all=True, numeric=True, memory=True), SS_UANM),
        (ss.Options(), SS),
        (ss.Options(tcp=True, listening=True), SS_TL),
        (ss.Options(tcp=True, all=True, header=False), SS_TAH),
        (ss.Options(tcp=True, all=True, numeric=True, states={10}), SS_STATE),
    ],
)
def test_the_layout_is_that_of_ss(options: ss.Options, printed: str) -> None:
    assert ss.table(View.of(machine().k), options) == printed


def test_extended_and_timers() -> None:
    text = ss.table(View.of(machine().k), ss.Options(tcp=True, all=True, extended=True, options=True))
    lines = [line.rstrip() for line in text.splitlines()]
    assert lines[1].endswith(" ino:174613 sk:5 <->")
    assert lines[2].endswith(" ino:174615 sk:6 <->")
    assert lines[4].endswith("127.0.0.1:18080 timer:(timewait,59sec,0) ino:0 sk:8")


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (204, "204ms"),
        (3092, "3.092ms"),
        (4000, "4sec"),
        (59900, "59sec"),
        (599_000, "9min59sec"),
        (7_199_000, "119min"),
    ],
)
def test_times_as_ss_writes_them(ms: int, text: str) -> None:
    assert ss.duration(ms) == text


def test_filters() -> None:
    view = View.of(machine().k)
    found = ss.select(view, ss.Options(tcp=True, all=True, sport=18080))
    assert [(e.lport, e.rport) for e in found] == [(18080, 0), (18080, 43290)]
    assert ss.select(view, ss.Options(ipv6=True, all=True)) == []
    assert [e.state for e in ss.select(view, ss.Options(tcp=True, states={6}))] == [6]


def test_records_have_what_the_columns_have() -> None:
    first = ss.records(View.of(machine().k), ss.Options(tcp=True, listening=True))[0]
    assert first["local"] == {"address": "127.0.0.1", "port": 18080}
    assert first["users"] == [{"comm": "python3", "pid": 20852, "fd": 3}]
    assert first["skmem"]["rb"] == 131072
    assert first["info"]["cong"] == "cubic"


def test_summary() -> None:
    lines = ss.summary(View.of(machine().k)).splitlines()
    assert lines[1] == "TCP:   4 (estab 2, closed 1, orphaned 0, timewait 1)"
    assert lines[5] == "UDP\t  2         2         0        "
