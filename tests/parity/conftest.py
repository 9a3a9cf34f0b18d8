"""`parity`: one body on the real kernel and on sockfs."""

from __future__ import annotations

import pytest

from tests.parity.harness import Parity


@pytest.fixture(scope="session")
def parity() -> Parity:
    p = Parity()
    if p.why:
        pytest.skip(p.why)
    return p
