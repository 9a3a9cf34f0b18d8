"""Files and credentials on their way through a socket. Kernel counterpart: `struct scm_cookie`
(`include/net/scm.h`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import i64

if TYPE_CHECKING:
    from sockfs.structs.file import File


class Ucred:
    """`struct ucred`: process id, user and group of a peer (unix(7))."""

    pid: i64
    uid: i64
    gid: i64

    def __init__(self, pid: i64, uid: i64, gid: i64) -> None:
        self.pid = pid
        self.uid = uid
        self.gid = gid


class ScmCookie:
    """What SCM_RIGHTS and SCM_CREDENTIALS attached to one message. Each file in `fp` carries a reference of
    its own.
    """

    fp: list[File]
    creds: Ucred | None

    def __init__(self) -> None:
        self.fp = []
        self.creds = None
