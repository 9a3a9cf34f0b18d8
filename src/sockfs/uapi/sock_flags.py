"""Bits of struct sock and struct socket that no program sees but the picture shows.

Kernel counterpart: enums of net/sock.h and linux/net.h (names and values as the kernel's own type
information, /sys/kernel/btf/vmlinux, gives them). The first group are numbers of bits in sk->sk_flags,
tested as `sk_flags & (1 << SOCK_DEAD)`.
"""

from __future__ import annotations

from typing import Final

# Bit numbers in sk->sk_flags.
SOCK_DEAD: Final = 0
SOCK_DONE: Final = 1
SOCK_URGINLINE: Final = 2
SOCK_KEEPOPEN: Final = 3
SOCK_LINGER: Final = 4
SOCK_DESTROY: Final = 5
SOCK_BROADCAST: Final = 6
SOCK_TIMESTAMP: Final = 7
SOCK_ZAPPED: Final = 8
SOCK_USE_WRITE_QUEUE: Final = 9
SOCK_DBG: Final = 10
SOCK_RCVTSTAMP: Final = 11
SOCK_RCVTSTAMPNS: Final = 12
SOCK_LOCALROUTE: Final = 13
SOCK_MEMALLOC: Final = 14
SOCK_TIMESTAMPING_RX_SOFTWARE: Final = 15
SOCK_FASYNC: Final = 16
SOCK_RXQ_OVFL: Final = 17
SOCK_ZEROCOPY: Final = 18
SOCK_WIFI_STATUS: Final = 19
SOCK_NOFCS: Final = 20
SOCK_FILTER_LOCKED: Final = 21
SOCK_SELECT_ERR_QUEUE: Final = 22
SOCK_RCU_FREE: Final = 23
SOCK_TXTIME: Final = 24
SOCK_XDP: Final = 25
SOCK_TSTAMP_NEW: Final = 26
SOCK_RCVMARK: Final = 27
SOCK_RCVPRIORITY: Final = 28
SOCK_TIMESTAMPING_ANY: Final = 29

# Bit numbers in socket->flags and in wq->flags.
SOCKWQ_ASYNC_NOSPACE: Final = 0
SOCKWQ_ASYNC_WAITDATA: Final = 1
SOCK_NOSPACE: Final = 2
SOCK_SUPPORT_ZC: Final = 3
SOCK_CUSTOM_SOCKOPT: Final = 4

# How sk_wake_async is called.
SOCK_WAKE_IO: Final = 0
SOCK_WAKE_WAITD: Final = 1
SOCK_WAKE_SPACE: Final = 2
SOCK_WAKE_URG: Final = 3

# sk->sk_userlocks: what the program has set and autotuning must leave alone.
SOCK_BINDADDR_LOCK: Final = 4
SOCK_BINDPORT_LOCK: Final = 8
SOCK_CONNECT_BIND: Final = 16

# sk->sk_shutdown: SHUT_RD + 1, SHUT_WR + 1.
RCV_SHUTDOWN: Final = 1
SEND_SHUTDOWN: Final = 2
SHUTDOWN_MASK: Final = 3

# sk->sk_reuse.
SK_NO_REUSE: Final = 0
SK_CAN_REUSE: Final = 1
SK_FORCE_REUSE: Final = 2

# sk->sk_pacing_status.
SK_PACING_NONE: Final = 0
SK_PACING_NEEDED: Final = 1
SK_PACING_FQ: Final = 2

# skb->ip_summed.
CHECKSUM_NONE: Final = 0
CHECKSUM_UNNECESSARY: Final = 1
CHECKSUM_COMPLETE: Final = 2
CHECKSUM_PARTIAL: Final = 3

# Slots of SO_MEMINFO.
SK_MEMINFO_RMEM_ALLOC: Final = 0
SK_MEMINFO_RCVBUF: Final = 1
SK_MEMINFO_WMEM_ALLOC: Final = 2
SK_MEMINFO_SNDBUF: Final = 3
SK_MEMINFO_FWD_ALLOC: Final = 4
SK_MEMINFO_WMEM_QUEUED: Final = 5
SK_MEMINFO_OPTMEM: Final = 6
SK_MEMINFO_BACKLOG: Final = 7
SK_MEMINFO_DROPS: Final = 8
SK_MEMINFO_VARS: Final = 9
