"""Protocol headers as fields: how a packet travels inside the process.

Kernel counterparts: `struct iphdr`, `tcphdr`, `udphdr`, `icmphdr`. Numbers are host order. A header is
written once, by the protocol that sends, and read as it stands; bytes and checksums exist only at the edge
(`net/core/wire.py`). A header object belongs to one skb: a clone gets its own.

`acyclic`: a class whose objects refer to nothing that could refer back, so that the garbage collector need
not know of them. It says so wherever many are made.
"""

from __future__ import annotations

from mypy_extensions import i64, mypyc_attr


@mypyc_attr(acyclic=True)
class Iphdr:
    """RFC 791. `frag_off` holds flags and offset as on the wire; `check` is right only where `csum_ok` was
    verified.
    """

    ihl: i64
    tos: i64
    tot_len: i64
    id: i64
    frag_off: i64
    ttl: i64
    protocol: i64
    check: i64
    saddr: i64
    daddr: i64
    options: bytes  # padded to 4 bytes; b"" as a rule

    def __init__(self, saddr: i64, daddr: i64, protocol: i64, ttl: i64, tos: i64) -> None:
        self.ihl = 5
        self.tos = tos
        self.tot_len = 0
        self.id = 0
        self.frag_off = 0
        self.ttl = ttl
        self.protocol = protocol
        self.check = 0
        self.saddr = saddr
        self.daddr = daddr
        self.options = b""


@mypyc_attr(acyclic=True)
class Ipv6hdr:
    """RFC 8200. Addresses are 16 bytes."""

    priority: i64  # traffic class
    flow_lbl: i64
    payload_len: i64
    nexthdr: i64
    hop_limit: i64
    saddr: bytes
    daddr: bytes
    ext: bytes  # extension headers, as on the wire, between this header and the transport's

    def __init__(self, saddr: bytes, daddr: bytes, nexthdr: i64, hop_limit: i64) -> None:
        self.priority = 0
        self.flow_lbl = 0
        self.payload_len = 0
        self.nexthdr = nexthdr
        self.hop_limit = hop_limit
        self.saddr = saddr
        self.daddr = daddr
        self.ext = b""


@mypyc_attr(acyclic=True)
class Tcphdr:
    """RFC 9293 section 3.1, with the options of RFC 9293, 7323, 2018, 7413 and 2385 as fields."""

    source: i64
    dest: i64
    seq: i64
    ack_seq: i64
    doff: i64  # header length in 32-bit words, options included
    flags: i64  # TCPHDR_FIN … TCPHDR_CWR, TCPHDR_AE
    window: i64  # as on the wire: not scaled
    check: i64
    urg_ptr: i64
    mss: i64  # 0: option absent
    wscale: i64  # -1: absent
    sack_perm: bool
    saw_tstamp: bool
    tsval: i64
    tsecr: i64
    sacks: list[i64] | None  # start, end, start, end …
    fastopen: bytes | None  # cookie; b"" asks for one
    fastopen_exp: bool  # experimental kind 254 with magic 0xF989
    md5: bytes | None
    options: bytes | None  # the option bytes as they came, when they came as bytes

    def __init__(self, source: i64, dest: i64, seq: i64, ack_seq: i64, flags: i64, window: i64) -> None:
        self.source = source
        self.dest = dest
        self.seq = seq
        self.ack_seq = ack_seq
        self.doff = 5
        self.flags = flags
        self.window = window
        self.check = 0
        self.urg_ptr = 0
        self.mss = 0
        self.wscale = -1
        self.sack_perm = False
        self.saw_tstamp = False
        self.tsval = 0
        self.tsecr = 0
        self.sacks = None
        self.fastopen = None
        self.fastopen_exp = False
        self.md5 = None
        self.options = None


@mypyc_attr(acyclic=True)
class Udphdr:
    """RFC 768; also UDP-Lite (RFC 3828), where `len` is the checksum coverage."""

    source: i64
    dest: i64
    len: i64
    check: i64

    def __init__(self, source: i64, dest: i64, length: i64) -> None:
        self.source = source
        self.dest = dest
        self.len = length
        self.check = 0


@mypyc_attr(acyclic=True)
class Icmphdr:
    """RFC 792 and RFC 4443: `rest` is the second word (identifier and sequence, gateway, MTU, pointer)."""

    type: i64
    code: i64
    checksum: i64
    rest: i64

    def __init__(self, type: i64, code: i64, rest: i64) -> None:
        self.type = type
        self.code = code
        self.checksum = 0
        self.rest = rest


@mypyc_attr(acyclic=True)
class Ethhdr:
    """Ethernet II. Addresses are 6 bytes."""

    h_dest: bytes
    h_source: bytes
    h_proto: i64

    def __init__(self, h_dest: bytes, h_source: bytes, h_proto: i64) -> None:
        self.h_dest = h_dest
        self.h_source = h_source
        self.h_proto = h_proto
