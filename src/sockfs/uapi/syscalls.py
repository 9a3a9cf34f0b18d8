"""Numbers of the system calls that sockfs answers: x86-64, and the i386 multiplexer socketcall(2).

Kernel counterpart: arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/linux/net.h; syscalls(2),
socketcall(2). The table of functions is filled by boot.py.
"""

from __future__ import annotations

from typing import Final

__NR_read: Final = 0
__NR_write: Final = 1
__NR_open: Final = 2
__NR_close: Final = 3
__NR_stat: Final = 4
__NR_fstat: Final = 5
__NR_lstat: Final = 6
__NR_poll: Final = 7
__NR_lseek: Final = 8
__NR_mmap: Final = 9
__NR_ioctl: Final = 16
__NR_pread64: Final = 17
__NR_pwrite64: Final = 18
__NR_readv: Final = 19
__NR_writev: Final = 20
__NR_pipe: Final = 22
__NR_select: Final = 23
__NR_dup: Final = 32
__NR_dup2: Final = 33
__NR_sendfile: Final = 40
__NR_socket: Final = 41
__NR_connect: Final = 42
__NR_accept: Final = 43
__NR_sendto: Final = 44
__NR_recvfrom: Final = 45
__NR_sendmsg: Final = 46
__NR_recvmsg: Final = 47
__NR_shutdown: Final = 48
__NR_bind: Final = 49
__NR_listen: Final = 50
__NR_getsockname: Final = 51
__NR_getpeername: Final = 52
__NR_socketpair: Final = 53
__NR_setsockopt: Final = 54
__NR_getsockopt: Final = 55
__NR_fork: Final = 57
__NR_exit: Final = 60
__NR_fcntl: Final = 72
__NR_getrlimit: Final = 97
__NR_setrlimit: Final = 160
__NR_epoll_create: Final = 213
__NR_exit_group: Final = 231
__NR_epoll_wait: Final = 232
__NR_epoll_ctl: Final = 233
__NR_pselect6: Final = 270
__NR_ppoll: Final = 271
__NR_splice: Final = 275
__NR_tee: Final = 276
__NR_vmsplice: Final = 278
__NR_epoll_pwait: Final = 281
__NR_eventfd: Final = 284
__NR_accept4: Final = 288
__NR_eventfd2: Final = 290
__NR_epoll_create1: Final = 291
__NR_dup3: Final = 292
__NR_pipe2: Final = 293
__NR_preadv: Final = 295
__NR_pwritev: Final = 296
__NR_recvmmsg: Final = 299
__NR_prlimit64: Final = 302
__NR_sendmmsg: Final = 307
__NR_preadv2: Final = 327
__NR_pwritev2: Final = 328
__NR_close_range: Final = 436
__NR_epoll_pwait2: Final = 441

SYSCALL_NAME: Final[dict[int, str]] = {
    0: "read",
    1: "write",
    2: "open",
    3: "close",
    4: "stat",
    5: "fstat",
    6: "lstat",
    7: "poll",
    8: "lseek",
    9: "mmap",
    16: "ioctl",
    17: "pread64",
    18: "pwrite64",
    19: "readv",
    20: "writev",
    22: "pipe",
    23: "select",
    32: "dup",
    33: "dup2",
    40: "sendfile",
    41: "socket",
    42: "connect",
    43: "accept",
    44: "sendto",
    45: "recvfrom",
    46: "sendmsg",
    47: "recvmsg",
    48: "shutdown",
    49: "bind",
    50: "listen",
    51: "getsockname",
    52: "getpeername",
    53: "socketpair",
    54: "setsockopt",
    55: "getsockopt",
    57: "fork",
    60: "exit",
    72: "fcntl",
    97: "getrlimit",
    160: "setrlimit",
    213: "epoll_create",
    231: "exit_group",
    232: "epoll_wait",
    233: "epoll_ctl",
    270: "pselect6",
    271: "ppoll",
    275: "splice",
    276: "tee",
    278: "vmsplice",
    281: "epoll_pwait",
    284: "eventfd",
    288: "accept4",
    290: "eventfd2",
    291: "epoll_create1",
    292: "dup3",
    293: "pipe2",
    295: "preadv",
    296: "pwritev",
    299: "recvmmsg",
    302: "prlimit64",
    307: "sendmmsg",
    327: "preadv2",
    328: "pwritev2",
    436: "close_range",
    441: "epoll_pwait2",
}
SYSCALL_NR: Final[dict[str, int]] = {
    "read": 0,
    "write": 1,
    "open": 2,
    "close": 3,
    "stat": 4,
    "fstat": 5,
    "lstat": 6,
    "poll": 7,
    "lseek": 8,
    "mmap": 9,
    "ioctl": 16,
    "pread64": 17,
    "pwrite64": 18,
    "readv": 19,
    "writev": 20,
    "pipe": 22,
    "select": 23,
    "dup": 32,
    "dup2": 33,
    "sendfile": 40,
    "socket": 41,
    "connect": 42,
    "accept": 43,
    "sendto": 44,
    "recvfrom": 45,
    "sendmsg": 46,
    "recvmsg": 47,
    "shutdown": 48,
    "bind": 49,
    "listen": 50,
    "getsockname": 51,
    "getpeername": 52,
    "socketpair": 53,
    "setsockopt": 54,
    "getsockopt": 55,
    "fork": 57,
    "exit": 60,
    "fcntl": 72,
    "getrlimit": 97,
    "setrlimit": 160,
    "epoll_create": 213,
    "exit_group": 231,
    "epoll_wait": 232,
    "epoll_ctl": 233,
    "pselect6": 270,
    "ppoll": 271,
    "splice": 275,
    "tee": 276,
    "vmsplice": 278,
    "epoll_pwait": 281,
    "eventfd": 284,
    "accept4": 288,
    "eventfd2": 290,
    "epoll_create1": 291,
    "dup3": 292,
    "pipe2": 293,
    "preadv": 295,
    "pwritev": 296,
    "recvmmsg": 299,
    "prlimit64": 302,
    "sendmmsg": 307,
    "preadv2": 327,
    "pwritev2": 328,
    "close_range": 436,
    "epoll_pwait2": 441,
}

# First argument of socketcall(2).
SYS_SOCKET: Final = 1
SYS_BIND: Final = 2
SYS_CONNECT: Final = 3
SYS_LISTEN: Final = 4
SYS_ACCEPT: Final = 5
SYS_GETSOCKNAME: Final = 6
SYS_GETPEERNAME: Final = 7
SYS_SOCKETPAIR: Final = 8
SYS_SEND: Final = 9
SYS_RECV: Final = 10
SYS_SENDTO: Final = 11
SYS_RECVFROM: Final = 12
SYS_SHUTDOWN: Final = 13
SYS_SETSOCKOPT: Final = 14
SYS_GETSOCKOPT: Final = 15
SYS_SENDMSG: Final = 16
SYS_RECVMSG: Final = 17
SYS_ACCEPT4: Final = 18
SYS_RECVMMSG: Final = 19
SYS_SENDMMSG: Final = 20

SOCKETCALL_NAME: Final[dict[int, str]] = {
    SYS_SOCKET: "socket",
    SYS_BIND: "bind",
    SYS_CONNECT: "connect",
    SYS_LISTEN: "listen",
    SYS_ACCEPT: "accept",
    SYS_GETSOCKNAME: "getsockname",
    SYS_GETPEERNAME: "getpeername",
    SYS_SOCKETPAIR: "socketpair",
    SYS_SEND: "send",
    SYS_RECV: "recv",
    SYS_SENDTO: "sendto",
    SYS_RECVFROM: "recvfrom",
    SYS_SHUTDOWN: "shutdown",
    SYS_SETSOCKOPT: "setsockopt",
    SYS_GETSOCKOPT: "getsockopt",
    SYS_SENDMSG: "sendmsg",
    SYS_RECVMSG: "recvmsg",
    SYS_ACCEPT4: "accept4",
    SYS_RECVMMSG: "recvmmsg",
    SYS_SENDMMSG: "sendmmsg",
}
# How many of the words at the second argument each of them reads (index: the number above).
SOCKETCALL_NARGS: Final[list[int]] = [0, 3, 3, 3, 2, 3, 3, 3, 4, 4, 4, 6, 6, 2, 5, 5, 3, 3, 4, 5, 4]
# Number of socketcall(2) itself on i386; x86-64 has none.
NR_I386_SOCKETCALL: Final = 102
