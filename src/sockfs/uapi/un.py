"""Numbers of Unix sockets.

Kernel counterpart: include/uapi/linux/un.h; unix(7).
"""

from __future__ import annotations

from typing import Final

UNIX_PATH_MAX: Final = 108
UNIX_PATH_OFFSET: Final = 2  # offsetof(struct sockaddr_un, sun_path)
SIZEOF_SOCKADDR_UN: Final = 110
SIOCUNIXFILE: Final = 0x89E0  # ioctl: descriptor of the file the socket is bound to
