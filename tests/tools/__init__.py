"""Tools shared by tests: imported as `from tests.tools import …`."""
