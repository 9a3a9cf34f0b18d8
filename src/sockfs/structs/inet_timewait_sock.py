"""What remains of a connection for a minute: `struct inet_timewait_sock` and `tcp_timewait_sock` in one.

Kernel counterparts: `include/net/inet_timewait_sock.h`, `include/linux/tcp.h`. It keeps the port pair
taken, answers stray segments, and lets a new SYN through when timestamps or sequence numbers prove it new
(RFC 6191).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import i64

from sockfs.structs.sock import SockCommon

if TYPE_CHECKING:
    from sockfs.structs.inet_connection_sock import InetBindBucket
    from sockfs.structs.net import Net
    from sockfs.structs.ops import Proto
    from sockfs.structs.timer import TimerList


class InetTimewaitSock(SockCommon):
    """`struct tcp_timewait_sock`. `tw_substate` is TCP_FIN_WAIT2 or TCP_TIME_WAIT."""

    tw_substate: i64
    tw_timer: TimerList | None
    tw_tb: InetBindBucket | None
    tw_saddr: i64
    tw_rcv_wscale: i64
    tw_rcv_nxt: i64
    tw_snd_nxt: i64
    tw_rcv_wnd: i64
    tw_ts_offset: i64
    tw_ts_recent: i64
    tw_ts_recent_stamp: i64
    tw_last_oow_ack_time: i64
    tw_tos: i64
    tw_transparent: bool
    tw_flowlabel: i64
    tw_mark: i64
    tw_entry_stamp: i64
    tw_txhash: i64
    tw_md5: object
    tw_connect_bind: bool  # its port was chosen by connect(2)

    def __init__(self, family: i64, net: Net, prot: Proto) -> None:
        super().__init__(family, net, prot)
        self.sk_state = 6
        self.tw_substate = 6
        self.tw_timer = None
        self.tw_tb = None
        self.tw_saddr = 0
        self.tw_rcv_wscale = 0
        self.tw_rcv_nxt = 0
        self.tw_snd_nxt = 0
        self.tw_rcv_wnd = 0
        self.tw_ts_offset = 0
        self.tw_ts_recent = 0
        self.tw_ts_recent_stamp = 0
        self.tw_last_oow_ack_time = 0
        self.tw_tos = 0
        self.tw_transparent = False
        self.tw_flowlabel = 0
        self.tw_mark = 0
        self.tw_entry_stamp = 0
        self.tw_txhash = 0
        self.tw_md5 = None
        self.tw_connect_bind = False
