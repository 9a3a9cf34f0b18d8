"""Numbers of packet sockets: sockaddr_ll packet types, options of level SOL_PACKET, fanout modes.

Kernel counterpart: include/uapi/linux/if_packet.h; packet(7). The memory-mapped rings are not modelled;
their option numbers stand here so that the answer to them can be the kernel's.
"""

from __future__ import annotations

from typing import Final

# sll_pkttype.
PACKET_HOST: Final = 0
PACKET_BROADCAST: Final = 1
PACKET_MULTICAST: Final = 2
PACKET_OTHERHOST: Final = 3
PACKET_OUTGOING: Final = 4
PACKET_LOOPBACK: Final = 5
PACKET_USER: Final = 6
PACKET_KERNEL: Final = 7
PACKET_FASTROUTE: Final = 6

# Socket options of level SOL_PACKET.
PACKET_ADD_MEMBERSHIP: Final = 1
PACKET_DROP_MEMBERSHIP: Final = 2
PACKET_RECV_OUTPUT: Final = 3
PACKET_RX_RING: Final = 5
PACKET_STATISTICS: Final = 6
PACKET_COPY_THRESH: Final = 7
PACKET_AUXDATA: Final = 8
PACKET_ORIGDEV: Final = 9
PACKET_VERSION: Final = 10
PACKET_HDRLEN: Final = 11
PACKET_RESERVE: Final = 12
PACKET_TX_RING: Final = 13
PACKET_LOSS: Final = 14
PACKET_VNET_HDR: Final = 15
PACKET_TX_TIMESTAMP: Final = 16
PACKET_TIMESTAMP: Final = 17
PACKET_FANOUT: Final = 18
PACKET_TX_HAS_OFF: Final = 19
PACKET_QDISC_BYPASS: Final = 20
PACKET_ROLLOVER_STATS: Final = 21
PACKET_FANOUT_DATA: Final = 22
PACKET_IGNORE_OUTGOING: Final = 23
PACKET_VNET_HDR_SZ: Final = 24

# struct packet_mreq: what to receive beside the host's own.
PACKET_MR_MULTICAST: Final = 0
PACKET_MR_PROMISC: Final = 1
PACKET_MR_ALLMULTI: Final = 2
PACKET_MR_UNICAST: Final = 3

# Fanout.
PACKET_FANOUT_HASH: Final = 0
PACKET_FANOUT_LB: Final = 1
PACKET_FANOUT_CPU: Final = 2
PACKET_FANOUT_ROLLOVER: Final = 3
PACKET_FANOUT_RND: Final = 4
PACKET_FANOUT_QM: Final = 5
PACKET_FANOUT_CBPF: Final = 6
PACKET_FANOUT_EBPF: Final = 7
PACKET_FANOUT_FLAG_ROLLOVER: Final = 0x1000
PACKET_FANOUT_FLAG_UNIQUEID: Final = 0x2000
PACKET_FANOUT_FLAG_IGNORE_OUTGOING: Final = 0x4000
PACKET_FANOUT_FLAG_DEFRAG: Final = 0x8000

# Status bits of struct tpacket_auxdata and struct tpacket_stats.
TP_STATUS_KERNEL: Final = 0x0
TP_STATUS_USER: Final = 0x1
TP_STATUS_COPY: Final = 0x2
TP_STATUS_LOSING: Final = 0x4
TP_STATUS_CSUMNOTREADY: Final = 0x8
TP_STATUS_VLAN_VALID: Final = 0x10
TP_STATUS_BLK_TMO: Final = 0x20
TP_STATUS_VLAN_TPID_VALID: Final = 0x40
TP_STATUS_CSUM_VALID: Final = 0x80
SIZEOF_SOCKADDR_LL: Final = 20
SIZEOF_TPACKET_AUXDATA: Final = 20
SIZEOF_TPACKET_STATS: Final = 8
