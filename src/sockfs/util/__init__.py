"""Tools that know nothing of sockets: checksums, hashes, filters, sequence numbers, random streams."""
