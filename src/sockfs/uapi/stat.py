"""File types and permission bits, as fstat(2) shows them.

Kernel counterpart: include/uapi/linux/stat.h; inode(7). A socket is S_IFSOCK | 0777, a pipe S_IFIFO | 0600.
"""

from __future__ import annotations

from typing import Final

S_IFMT: Final = 0o170000
S_IFSOCK: Final = 0o140000
S_IFLNK: Final = 0o120000
S_IFREG: Final = 0o100000
S_IFBLK: Final = 0o60000
S_IFDIR: Final = 0o40000
S_IFCHR: Final = 0o20000
S_IFIFO: Final = 0o10000
S_ISUID: Final = 0o4000
S_ISGID: Final = 0o2000
S_ISVTX: Final = 0o1000
S_IRWXU: Final = 0o700
S_IRUSR: Final = 0o400
S_IWUSR: Final = 0o200
S_IXUSR: Final = 0o100
S_IRWXG: Final = 0o70
S_IRGRP: Final = 0o40
S_IWGRP: Final = 0o20
S_IXGRP: Final = 0o10
S_IRWXO: Final = 0o7
S_IROTH: Final = 0o4
S_IWOTH: Final = 0o2
S_IXOTH: Final = 0o1
S_IRWXUGO: Final = 0o777
