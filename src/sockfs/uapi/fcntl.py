"""Numbers of open and fcntl: file flags, commands, descriptor flags.

Kernel counterpart: include/uapi/asm-generic/fcntl.h; open(2), fcntl(2), pipe(2), splice(2), eventfd(2).
"""

from __future__ import annotations

from typing import Final

O_ACCMODE: Final = 0o3
O_RDONLY: Final = 0o0
O_WRONLY: Final = 0o1
O_RDWR: Final = 0o2
O_CREAT: Final = 0o100
O_EXCL: Final = 0o200
O_NOCTTY: Final = 0o400
O_TRUNC: Final = 0o1000
O_APPEND: Final = 0o2000
O_NONBLOCK: Final = 0o4000
O_NDELAY: Final = 0o4000
O_DSYNC: Final = 0o10000
FASYNC: Final = 0o20000
O_ASYNC: Final = 0o20000
O_DIRECT: Final = 0o40000
O_LARGEFILE: Final = 0o100000  # what the kernel keeps in f_flags; glibc on x86-64 says 0
O_DIRECTORY: Final = 0o200000
O_NOFOLLOW: Final = 0o400000
O_NOATIME: Final = 0o1000000
O_CLOEXEC: Final = 0o2000000
O_SYNC: Final = 0o4010000
O_PATH: Final = 0o10000000
O_TMPFILE: Final = 0o20200000

# Descriptor flags, close_range(2).
FD_CLOEXEC: Final = 1
CLOSE_RANGE_UNSHARE: Final = 2
CLOSE_RANGE_CLOEXEC: Final = 4

# Commands.
F_DUPFD: Final = 0
F_GETFD: Final = 1
F_SETFD: Final = 2
F_GETFL: Final = 3
F_SETFL: Final = 4
F_GETLK: Final = 5
F_SETLK: Final = 6
F_SETLKW: Final = 7
F_SETOWN: Final = 8
F_GETOWN: Final = 9
F_SETSIG: Final = 10
F_GETSIG: Final = 11
F_SETOWN_EX: Final = 15
F_GETOWN_EX: Final = 16
F_OFD_GETLK: Final = 36
F_OFD_SETLK: Final = 37
F_OFD_SETLKW: Final = 38
F_SETLEASE: Final = 1024
F_GETLEASE: Final = 1025
F_NOTIFY: Final = 1026
F_DUPFD_QUERY: Final = 1027
F_CREATED_QUERY: Final = 1028
F_DUPFD_CLOEXEC: Final = 1030
F_SETPIPE_SZ: Final = 1031
F_GETPIPE_SZ: Final = 1032
F_ADD_SEALS: Final = 1033
F_GET_SEALS: Final = 1034
F_OWNER_TID: Final = 0
F_OWNER_PID: Final = 1
F_OWNER_PGRP: Final = 2

# Bits of f_mode that matter to sockets and pipes.
FMODE_READ: Final = 0x1
FMODE_WRITE: Final = 0x2
FMODE_NONOTIFY: Final = 0x4000000

# splice(2), eventfd(2), pipe(7), readv(2).
SPLICE_F_MOVE: Final = 1
SPLICE_F_NONBLOCK: Final = 2
SPLICE_F_MORE: Final = 4
SPLICE_F_GIFT: Final = 8
EFD_SEMAPHORE: Final = 1
EFD_CLOEXEC: Final = 0o2000000
EFD_NONBLOCK: Final = 0o4000
PIPE_BUF: Final = 4096
PIPE_DEF_BUFFERS: Final = 16
PAGE_SIZE: Final = 4096
MAX_RW_COUNT: Final = 0x7FFFF000  # the most one read or write moves: INT_MAX rounded down to a page
RWF_HIPRI: Final = 1
RWF_DSYNC: Final = 2
RWF_SYNC: Final = 4
RWF_NOWAIT: Final = 8
RWF_APPEND: Final = 16
AT_FDCWD: Final = -100

# whence of lseek(2): sockets and pipes answer ESPIPE.
SEEK_SET: Final = 0
SEEK_CUR: Final = 1
SEEK_END: Final = 2

# Resource limits (getrlimit(2)) that sockets meet.
RLIMIT_NOFILE: Final = 7
RLIMIT_MEMLOCK: Final = 8
NR_OPEN_DEFAULT: Final = 64  # first size of a descriptor table
NR_OPEN_MAX: Final = 1048576  # fs.nr_open: hard end of RLIMIT_NOFILE
