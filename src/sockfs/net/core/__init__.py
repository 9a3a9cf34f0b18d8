"""What all protocols share: socks, buffers, devices, neighbours."""
