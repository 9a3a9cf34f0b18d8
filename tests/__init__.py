"""The tests of sockfs: folders mirror src/sockfs, shared tools stand in tests/tools."""
