"""Ethernet: what kind of frame it is, its header, ARP's hardware addresses."""
