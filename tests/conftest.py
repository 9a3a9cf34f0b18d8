"""What every test gets. Shared tools stand in tests/tools and are imported by name (`from tests.tools import
…`)."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

import sockfs

# The same examples in every run; a machine with other work on it must not fail a test by being slow.
settings.register_profile(
    "sockfs", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("sockfs")


def pytest_report_header() -> str:
    return f"sockfs: {'compiled' if sockfs.compiled() else 'interpreted'} core from {sockfs.__path__[0]}"
