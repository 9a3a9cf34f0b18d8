"""Numbers of NETLINK_SOCK_DIAG, what ss(8) asks with.

Kernel counterpart: include/uapi/linux/sock_diag.h, inet_diag.h, unix_diag.h, netlink_diag.h, packet_diag.h;
sock_diag(7).
"""

from __future__ import annotations

from typing import Final

TCPDIAG_GETSOCK: Final = 18
SOCK_DIAG_BY_FAMILY: Final = 20
SOCK_DESTROY: Final = 21

# Attributes of an inet answer.
INET_DIAG_NONE: Final = 0
INET_DIAG_MEMINFO: Final = 1
INET_DIAG_INFO: Final = 2
INET_DIAG_VEGASINFO: Final = 3
INET_DIAG_CONG: Final = 4
INET_DIAG_TOS: Final = 5
INET_DIAG_TCLASS: Final = 6
INET_DIAG_SKMEMINFO: Final = 7
INET_DIAG_SHUTDOWN: Final = 8
INET_DIAG_DCTCPINFO: Final = 9
INET_DIAG_PROTOCOL: Final = 10
INET_DIAG_SKV6ONLY: Final = 11
INET_DIAG_LOCALS: Final = 12
INET_DIAG_PEERS: Final = 13
INET_DIAG_PAD: Final = 14
INET_DIAG_MARK: Final = 15
INET_DIAG_BBRINFO: Final = 16
INET_DIAG_CLASS_ID: Final = 17
INET_DIAG_MD5SIG: Final = 18
INET_DIAG_ULP_INFO: Final = 19
INET_DIAG_SK_BPF_STORAGES: Final = 20
INET_DIAG_CGROUP_ID: Final = 21
INET_DIAG_SOCKOPT: Final = 22

# Bytecode of filters.
INET_DIAG_REQ_NONE: Final = 0
INET_DIAG_REQ_BYTECODE: Final = 1

# Attributes and requests of a Unix answer.
UNIX_DIAG_NAME: Final = 0
UNIX_DIAG_VFS: Final = 1
UNIX_DIAG_PEER: Final = 2
UNIX_DIAG_ICONS: Final = 3
UNIX_DIAG_RQLEN: Final = 4
UNIX_DIAG_MEMINFO: Final = 5
UNIX_DIAG_SHUTDOWN: Final = 6
UNIX_DIAG_UID: Final = 7
UDIAG_SHOW_NAME: Final = 0x1
UDIAG_SHOW_VFS: Final = 0x2
UDIAG_SHOW_PEER: Final = 0x4
UDIAG_SHOW_ICONS: Final = 0x8
UDIAG_SHOW_RQLEN: Final = 0x10
UDIAG_SHOW_MEMINFO: Final = 0x20
UDIAG_SHOW_UID: Final = 0x40
