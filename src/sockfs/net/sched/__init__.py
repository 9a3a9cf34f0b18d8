"""Queueing disciplines: what stands between IP and a device."""
