"""Socket objects of libc at the edges of their lives."""

from __future__ import annotations

import gc
import ssl
import sys
from typing import Any

import pytest

import sockfs


def test_an_object_that_was_never_initialised_goes_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    """ssl.SSLSocket's own constructor refuses before the socket's has run."""
    heard: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", heard.append)
    with sockfs.installed():
        with pytest.raises(TypeError, match="public constructor"):
            ssl.SSLSocket(1)
        gc.collect()
    assert heard == []
