"""The `parity` fixture for the tests of this folder."""

from tests.parity.conftest import parity

__all__ = ["parity"]
