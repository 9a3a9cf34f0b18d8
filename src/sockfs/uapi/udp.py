"""Numbers of UDP sockets: options of level IPPROTO_UDP and the header's size.

Kernel counterpart: include/uapi/linux/udp.h; udp(7), RFC 768, RFC 3828 (UDP-Lite).
"""

from __future__ import annotations

from typing import Final

UDP_CORK: Final = 1
UDP_ENCAP: Final = 100
UDP_NO_CHECK6_TX: Final = 101
UDP_NO_CHECK6_RX: Final = 102
UDP_SEGMENT: Final = 103
UDP_GRO: Final = 104
UDP_ENCAP_ESPINUDP_NON_IKE: Final = 1
UDP_ENCAP_ESPINUDP: Final = 2
UDP_ENCAP_L2TPINUDP: Final = 3
UDP_ENCAP_GTP0: Final = 4
UDP_ENCAP_GTP1U: Final = 5
UDP_ENCAP_RXRPC: Final = 6
TCP_ENCAP_ESPINTCP: Final = 7
UDPLITE_SEND_CSCOV: Final = 10
UDPLITE_RECV_CSCOV: Final = 11

UDP_HDRLEN: Final = 8
UDP_MAX_SEGMENTS: Final = 128  # most datagrams one UDP_SEGMENT send makes
