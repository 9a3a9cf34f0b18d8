"""The socket layer and the protocols, laid out as the kernel's `net/`."""
