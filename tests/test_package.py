"""`import sockfs` is light, and its public names come when asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

import sockfs


def test_import_brings_nothing_that_binds_sockets() -> None:
    code = (
        "import sys, sockfs\n"
        "heavy = {'socket', '_socket', 'select', 'greenlet', 'click'}\n"
        "print(sorted(m for m in sys.modules if m in heavy or m.startswith('sockfs.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "['sockfs._version']"


def test_unknown_names() -> None:
    with pytest.raises(AttributeError, match="module 'sockfs' has no attribute 'Colonel'"):
        _ = sockfs.Colonel  # type: ignore[attr-defined]
    assert {"Kernel", "World", "installed", "compiled"} <= set(dir(sockfs))
