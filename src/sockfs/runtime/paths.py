"""Sockets with a path stand in the host's file system, as on Linux: programs look for them there, and unlink
them.

The file is made by mknod(2), which needs no privilege for a socket; its device and inode are its identity, so
that a name that was removed and taken again is another socket. Control comes from `net/unix/af_unix.py`
(`kernel.unix_path_host`).
"""

from __future__ import annotations

import errno
import os
import stat

from sockfs.structs.kernel import UnixPathHost


class HostPaths(UnixPathHost):
    """Paths in the host's file system."""

    def mknod(self, path: bytes) -> int:
        try:
            os.mknod(path, stat.S_IFSOCK | 0o777)
            return _identity(os.lstat(path))
        except OSError as e:
            if e.errno == errno.EEXIST:
                return -errno.EADDRINUSE
            return -(e.errno or errno.EIO)

    def lookup(self, path: bytes) -> int:
        try:
            st = os.stat(path)
        except OSError as e:
            return -(e.errno or errno.EIO)
        return _identity(st) if stat.S_ISSOCK(st.st_mode) else -errno.ECONNREFUSED


def _identity(st: os.stat_result) -> int:
    return st.st_dev << 64 | st.st_ino
