"""Numbers of the IPv4 header: type of service, fragment bits, options, defaults.

Kernel counterpart: include/uapi/linux/ip.h, net/ip.h; ip(7), RFC 791, RFC 1349, RFC 2474, RFC 3168.
"""

from __future__ import annotations

from typing import Final

IPVERSION: Final = 4
IPDEFTTL: Final = 64
MAXTTL: Final = 255
IP_HDRLEN: Final = 20  # without options
IP_MAX_HDRLEN: Final = 60
MAX_IPOPTLEN: Final = 40
IP_MAX_MTU: Final = 65535
IPV4_MIN_MTU: Final = 68  # RFC 791
IPV6_HDRLEN: Final = 40  # the IPv6 header, which has no options

# Bits of the fragment field.
IP_CE: Final = 0x8000  # the evil bit's place: must be zero
IP_DF: Final = 0x4000  # don't fragment
IP_MF: Final = 0x2000  # more fragments
IP_OFFSET: Final = 0x1FFF  # offset, in units of eight bytes

# Type of service: precedence, and the old bits of RFC 1349.
IPTOS_TOS_MASK: Final = 0x1E
IPTOS_LOWDELAY: Final = 0x10
IPTOS_THROUGHPUT: Final = 0x08
IPTOS_RELIABILITY: Final = 0x04
IPTOS_MINCOST: Final = 0x02
IPTOS_PREC_MASK: Final = 0xE0
IPTOS_PREC_NETCONTROL: Final = 0xE0
IPTOS_PREC_INTERNETCONTROL: Final = 0xC0
IPTOS_PREC_CRITIC_ECP: Final = 0xA0
IPTOS_PREC_FLASHOVERRIDE: Final = 0x80
IPTOS_PREC_FLASH: Final = 0x60
IPTOS_PREC_IMMEDIATE: Final = 0x40
IPTOS_PREC_PRIORITY: Final = 0x20
IPTOS_PREC_ROUTINE: Final = 0x00
IPTOS_RT_MASK: Final = 0x1C
INET_DSCP_MASK: Final = 0xFC

# ECN, the lowest two bits (RFC 3168).
INET_ECN_NOT_ECT: Final = 0
INET_ECN_ECT_1: Final = 1
INET_ECN_ECT_0: Final = 2
INET_ECN_CE: Final = 3
INET_ECN_MASK: Final = 3

# skb->priority that a type of service maps to (ip(7)).
TC_PRIO_BESTEFFORT: Final = 0
TC_PRIO_FILLER: Final = 1
TC_PRIO_BULK: Final = 2
TC_PRIO_INTERACTIVE_BULK: Final = 4
TC_PRIO_INTERACTIVE: Final = 6
TC_PRIO_CONTROL: Final = 7
TC_PRIO_MAX: Final = 15

# Options.
IPOPT_END: Final = 0
IPOPT_NOOP: Final = 1
IPOPT_SEC: Final = 130
IPOPT_LSRR: Final = 131
IPOPT_TIMESTAMP: Final = 68
IPOPT_RR: Final = 7
IPOPT_SID: Final = 136
IPOPT_SSRR: Final = 137
IPOPT_RA: Final = 148
IPOPT_OPTVAL: Final = 0
IPOPT_OLEN: Final = 1
IPOPT_OFFSET: Final = 2
IPOPT_MINOFF: Final = 4
IPOPT_TS_TSONLY: Final = 0
IPOPT_TS_TSANDADDR: Final = 1
IPOPT_TS_PRESPEC: Final = 3
IPOPT_COPY: Final = 128
IPOPT_CLASS_MASK: Final = 96
IPOPT_NUMBER_MASK: Final = 31
