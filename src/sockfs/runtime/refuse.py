"""C code that makes its own sockets cannot be put on a sockfs kernel: importing it fails with one clear
sentence.

Programs that have a Python way beside it (uvicorn beside uvloop, say) take that when the import fails.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

MODULES: Final = frozenset(
    "uvloop rloop psycopg2 _psycopg psycopg_c psycopg_binary MySQLdb _mysql pycurl zmq grpc gevent pyuv"
    " pymssql confluent_kafka pylibmc".split()
)


class RefuseFinder:
    """First on `sys.meta_path`: says no to `MODULES`."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname in MODULES:
            raise ImportError(
                f"{fullname} makes its sockets in C, past Python's socket module,"
                " so it cannot run on a sockfs kernel",
                name=fullname,
            )
        return None
