"""What one acknowledgement brought, and what recovery answers to it.

Kernel counterpart: the FLAG_* and REXMIT_* constants of `net/ipv4/tcp_input.c`. They travel in
`TcpSacktagState.flag` and `rexmit` through `net/ipv4/tcp_ack_in.py`, `tcp_sack.py` and `tcp_loss.py`.
"""

from __future__ import annotations

from typing import Final

FLAG_DATA: Final = 0x01
FLAG_WIN_UPDATE: Final = 0x02
FLAG_DATA_ACKED: Final = 0x04
FLAG_RETRANS_DATA_ACKED: Final = 0x08
FLAG_SYN_ACKED: Final = 0x10
FLAG_DATA_SACKED: Final = 0x20
FLAG_ECE: Final = 0x40
FLAG_LOST_RETRANS: Final = 0x80
FLAG_SLOWPATH: Final = 0x100
FLAG_ORIG_SACK_ACKED: Final = 0x200
FLAG_SND_UNA_ADVANCED: Final = 0x400
FLAG_DSACKING_ACK: Final = 0x800
FLAG_SET_XMIT_TIMER: Final = 0x1000
FLAG_SACK_RENEGING: Final = 0x2000
FLAG_UPDATE_TS_RECENT: Final = 0x4000
FLAG_NO_CHALLENGE_ACK: Final = 0x8000
FLAG_ACK_MAYBE_DELAYED: Final = 0x10000
FLAG_DSACK_TLP: Final = 0x20000
FLAG_ACKED: Final = FLAG_DATA_ACKED | FLAG_SYN_ACKED
FLAG_NOT_DUP: Final = FLAG_DATA | FLAG_WIN_UPDATE | FLAG_ACKED
FLAG_CA_ALERT: Final = FLAG_DATA_SACKED | FLAG_ECE | FLAG_DSACKING_ACK
FLAG_FORWARD_PROGRESS: Final = FLAG_ACKED | FLAG_DATA_SACKED
REXMIT_NONE: Final = 0
REXMIT_LOST: Final = 1  # retransmit what is marked
REXMIT_NEW: Final = 2  # F-RTO: new data first
