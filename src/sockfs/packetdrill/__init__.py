"""An interpreter of packetdrill scripts on the sockfs kernel, in virtual time."""
