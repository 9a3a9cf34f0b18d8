"""The internet protocols over IPv4: IP, ICMP, UDP, TCP."""
