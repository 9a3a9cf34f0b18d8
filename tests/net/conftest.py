"""Comparisons with the real kernel are at hand here too."""

from __future__ import annotations

from tests.parity.conftest import parity

__all__ = ["parity"]
