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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "parity" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.parity)
