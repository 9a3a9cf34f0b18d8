"""Packets of a script and packets of the wire.

`build` makes the bytes of an inbound packet, `decode` takes an outgoing one apart, `compare` says in which
field a decoded one differs from what the script expects. Between them stands `Flow`: one connection, with
what the script's numbers mean on the wire (sequence numbers relative to each side's first, ports,
timestamps). Bytes are made and read here with `struct`, apart from the kernel's own code, so that one
checks the other: checksums are verified.

Left out: IPv6, UDP over IPv6, encapsulation.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace

from sockfs.packetdrill import ast

U32 = 0xFFFFFFFF
ECN = {"noecn": 0, "ect1": 1, "ect0": 2, "ce": 3}
FLAG_BITS = {
    "F": 0x01,
    "S": 0x02,
    "R": 0x04,
    "P": 0x08,
    ".": 0x10,
    "U": 0x20,
    "E": 0x40,
    "W": 0x80,
    "A": 0x100,
}
FLAG_ORDER = "FSRPUEWA."
TCP, UDP, ICMP = 6, 17, 1
ICMP_TYPES = {
    "echo_reply": 0,
    "unreachable": 3,
    "source_quench": 4,
    "redirect": 5,
    "echo_request": 8,
    "time_exceeded": 11,
    "parameter_problem": 12,
}
UNREACHABLE_CODES = {
    "net_unreachable": 0,
    "host_unreachable": 1,
    "protocol_unreachable": 2,
    "port_unreachable": 3,
    "frag_needed": 4,
    "source_route_failed": 5,
    "net_unknown": 6,
    "host_unknown": 7,
    "source_host_isolated": 8,
    "net_prohibited": 9,
    "host_prohibited": 10,
    "net_unreachable_for_tos": 11,
    "host_unreachable_for_tos": 12,
    "admin_prohibited": 13,
    "host_precedence_violation": 14,
    "precedence_cutoff": 15,
}


class PacketError(Exception):
    """A packet that cannot be made, or that came out malformed."""


@dataclass
class Segment:
    """A packet of the machine's, decoded. Numbers as on the wire."""

    at: int  # ns
    raw: bytes
    protocol: int
    source: int
    dest: int
    tos: int
    ttl: int
    sport: int = 0
    dport: int = 0
    seq: int = 0
    ack: int = 0
    bits: int = 0
    win: int = 0
    urg: int = 0
    length: int = 0
    options: tuple[ast.TcpOption, ...] = ()
    payload: bytes = b""
    icmp_type: int = -1
    icmp_code: int = -1

    @property
    def flags(self) -> str:
        return "".join(f for f in FLAG_ORDER if self.bits & FLAG_BITS[f]) or "-"


@dataclass
class Flow:
    """One connection between the machine (local) and the script's peer (remote)."""

    local_ip: int
    remote_ip: int
    local_port: int
    remote_port: int
    active: bool  # the machine sent the first SYN
    script_ports: tuple[int, int] | None = None  # (local, remote) as the script names them
    local_isn: int | None = None
    remote_isn: int | None = None
    remote_syn: ast.TcpPacket | None = None
    inbound_after_syn: bool = False
    syn_script: int = 0  # the sequence number that the script gives to the machine's SYN
    listens: int = 0  # how many times the script had called listen() when it began
    last_seq: int | None = None  # of the latest segment of the machine
    fd: int = -1
    ts_live: dict[int, int] = field(default_factory=dict)  # script TS val → live TS val
    ts_base: tuple[int, int] | None = None  # (script, live) of the first TS val of ours
    ts_last: int = 0

    def key(self) -> tuple[int, int, int, int]:
        return self.local_ip, self.local_port, self.remote_ip, self.remote_port

    def live_seq(self, seq: int) -> int:
        return ((self.local_isn or 0) + seq) & U32

    def live_peer_seq(self, seq: int) -> int:
        return ((self.remote_isn or 0) + seq) & U32


# ---- bytes out of a specification


def checksum(data: bytes) -> int:
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return int(~total & 0xFFFF)


def ipv4(source: int, dest: int, protocol: int, payload: bytes, info: ast.IpInfo, ttl: int = 255) -> bytes:
    tos = info.tos if info.tos is not None else ECN.get(info.ecn, 0)
    head = struct.pack(
        "!BBHHHBBHII",
        0x45,
        tos,
        20 + len(payload),
        0,
        0,
        info.ttl if info.ttl is not None else ttl,
        protocol,
        0,
        source,
        dest,
    )
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def option_bytes(options: tuple[ast.TcpOption, ...] | None, flow: Flow, scaled: bool, tick_us: int) -> bytes:
    """The options of an inbound segment. A script writes its own padding."""
    out = b""
    for o in options or ():
        if o.kind == "nop":
            out += b"\x01"
        elif o.kind == "eol":
            out += b"\x00"
        elif o.kind == "mss":
            out += struct.pack("!BBH", 2, 4, o.value & 0xFFFF)
        elif o.kind == "wscale":
            out += struct.pack("!BBB", 3, 3, o.value & 0xFF)
        elif o.kind == "sackOK":
            out += b"\x04\x02"
        elif o.kind == "sack":
            out += struct.pack("!BB", 5, 2 + 8 * len(o.blocks))
            for start, end in o.blocks:
                out += struct.pack("!II", flow.live_seq(start), flow.live_seq(end))
        elif o.kind == "TS":
            out += struct.pack("!BBII", 8, 10, o.value & U32, live_ecr(flow, o.ecr, scaled))
        elif o.kind == "FO":
            out += struct.pack("!BB", 34, 2 + len(o.data)) + o.data
        elif o.kind == "FOEXP":
            out += struct.pack("!BBH", 254, 4 + len(o.data), 0xF989) + o.data
        elif o.kind == "md5":
            out += struct.pack("!BB", 19, 2 + len(o.data)) + o.data
    if len(out) % 4:
        raise PacketError(f"TCP options are not padded to a multiple of 4 bytes: {len(out) % 4} too many")
    if len(out) > 40:
        raise PacketError(f"{len(out)} bytes of TCP options, and there is room for 40")
    return out


def live_ecr(flow: Flow, ecr: int, scaled: bool) -> int:
    """The timestamp that the peer echoes: the one that the script called so."""
    if ecr == 0:
        return 0
    if not scaled and ecr in flow.ts_live:
        return flow.ts_live[ecr]
    if flow.ts_base is not None:
        return (flow.ts_base[1] + ecr - flow.ts_base[0]) & U32
    return ecr & U32


def build_tcp(spec: ast.TcpPacket, flow: Flow, scaled: bool = False, tick_us: int = 0) -> bytes:
    """The bytes of an inbound segment."""
    bits = sum(FLAG_BITS[f] for f in set(spec.flags) if f in FLAG_BITS)
    for f in spec.flags:
        if f.isdigit():  # the three ACE bits as a number
            bits |= (int(f) & 7) << 6
    seq = spec.seq & U32 if bits & 2 else flow.live_peer_seq(spec.seq)
    ack = flow.live_seq(spec.ack or 0) if bits & 0x10 else 0
    options = option_bytes(spec.options, flow, scaled, tick_us)
    words = 5 + len(options) // 4
    segment = struct.pack(
        "!HHIIHHHH",
        flow.remote_port,
        flow.local_port,
        seq,
        ack,
        (words << 12) | bits,
        (spec.win or 0) & 0xFFFF,
        0,
        (spec.urg or 0) & 0xFFFF,
    )
    segment += options + bytes(spec.length)
    pseudo = struct.pack("!IIBBH", flow.remote_ip, flow.local_ip, 0, TCP, len(segment))
    segment = segment[:16] + struct.pack("!H", checksum(pseudo + segment)) + segment[18:]
    return ipv4(flow.remote_ip, flow.local_ip, TCP, segment, spec.ip)


def build_udp(spec: ast.UdpPacket, flow: Flow) -> bytes:
    """The bytes of an inbound datagram."""
    datagram = struct.pack("!HHHH", flow.remote_port, flow.local_port, 8 + spec.length, 0) + bytes(
        spec.length
    )
    pseudo = struct.pack("!IIBBH", flow.remote_ip, flow.local_ip, 0, UDP, len(datagram))
    datagram = datagram[:6] + struct.pack("!H", checksum(pseudo + datagram) or 0xFFFF) + datagram[8:]
    return ipv4(flow.remote_ip, flow.local_ip, UDP, datagram, spec.ip)


def build_icmp(spec: ast.IcmpPacket, flow: Flow) -> bytes:
    """The bytes of an inbound ICMP message; an error carries the header of the packet it is about."""
    kind = ICMP_TYPES.get(spec.type)
    if kind is None:
        raise PacketError(f"ICMP type '{spec.type}' is not known")
    code = 0
    if spec.code:
        found = UNREACHABLE_CODES.get(spec.code)
        if found is None:
            raise PacketError(f"ICMP code '{spec.code}' is not known")
        code = found
    rest = 0
    if spec.mtu is not None:
        rest = spec.mtu & 0xFFFF
    if spec.echo_id is not None:
        rest = spec.echo_id << 16
    body = b""
    if kind in (3, 4, 5, 11, 12):
        body = echoed(spec, flow)
    message = struct.pack("!BBHI", kind, code, 0, rest) + body
    message = message[:2] + struct.pack("!H", checksum(message)) + message[4:]
    return ipv4(flow.remote_ip, flow.local_ip, ICMP, message, spec.ip)


def echoed(spec: ast.IcmpPacket, flow: Flow) -> bytes:
    """The IP header and the first 8 bytes of what the machine sent."""
    what, start, _, length = spec.echoed or ("tcp", 0, 0, 0)
    if what == "tcp":
        seq = flow.live_seq(start)
        if spec.echoed is None and flow.last_seq is not None:
            seq = flow.last_seq
        transport = struct.pack("!HHI", flow.local_port, flow.remote_port, seq)
        total, protocol = 40 + length, TCP
    elif what == "udp":
        transport = struct.pack("!HHHH", flow.local_port, flow.remote_port, 8 + length, 0)
        total, protocol = 28 + length, UDP
    else:
        transport, total, protocol = bytes(8), 20 + length, 255
    head = struct.pack(
        "!BBHHHBBHII", 0x45, 0, total & 0xFFFF, 0, 0x4000, 64, protocol, 0, flow.local_ip, flow.remote_ip
    )
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + transport


def tun_truesize(length: int) -> int:
    """The memory that Linux's TUN device takes for a packet: what windows are reckoned from."""
    if length + 64 >= 4096:
        # a page of it lies in the head, the rest in pages of their own
        return 4096 + 256 + (length - 3712 + 4095) // 4096 * 4096
    need = (length + 64 + 63) // 64 * 64 + 320
    return (640 if need <= 640 else 1 << (need - 1).bit_length()) + 256


# ---- bytes taken apart


def decode(at: int, raw: bytes) -> Segment:
    """A packet of the machine's. PacketError when it is malformed or a checksum is wrong."""
    if len(raw) < 20 or raw[0] >> 4 != 4:
        raise PacketError("no IPv4 packet came out")
    head = (raw[0] & 15) * 4
    _, tos, total, _, _, ttl, protocol, _, source, dest = struct.unpack("!BBHHHBBHII", raw[:20])
    if checksum(raw[:head]) != 0:
        raise PacketError("wrong IP checksum")
    if total != len(raw):
        raise PacketError(f"IP length {total} of {len(raw)} bytes")
    seg = Segment(at, raw, protocol, source, dest, tos, ttl)
    body = raw[head:]
    if protocol == TCP:
        decode_tcp(seg, body)
    elif protocol == UDP:
        seg.sport, seg.dport, seg.length = struct.unpack("!HHH", body[:6])
        seg.length -= 8
    elif protocol == ICMP:
        seg.icmp_type, seg.icmp_code = body[0], body[1]
        if checksum(body) != 0:
            raise PacketError("wrong ICMP checksum")
    return seg


def decode_tcp(seg: Segment, body: bytes) -> None:
    if len(body) < 20:
        raise PacketError("a TCP header cut short")
    pseudo = struct.pack("!IIBBH", seg.source, seg.dest, 0, TCP, len(body))
    if checksum(pseudo + body) != 0:
        raise PacketError("wrong TCP checksum")
    seg.sport, seg.dport, seg.seq, seg.ack, off, seg.win, _, seg.urg = struct.unpack("!HHIIHHHH", body[:20])
    seg.bits = off & 0x1FF
    words = off >> 12
    if words < 5 or words * 4 > len(body):
        raise PacketError(f"TCP data offset {words}")
    seg.options = decode_options(body[20 : words * 4])
    seg.payload = body[words * 4 :]
    seg.length = len(seg.payload)


def decode_options(raw: bytes) -> tuple[ast.TcpOption, ...]:
    out: list[ast.TcpOption] = []
    while raw:
        kind = raw[0]
        if kind == 0:
            out.append(ast.TcpOption("eol"))
            raw = raw[1:]
            continue
        if kind == 1:
            out.append(ast.TcpOption("nop"))
            raw = raw[1:]
            continue
        if len(raw) < 2 or raw[1] < 2 or raw[1] > len(raw):
            raise PacketError(f"TCP option {kind} of a bad length")
        body = raw[2 : raw[1]]
        raw = raw[raw[1] :]
        if kind == 2:
            out.append(ast.TcpOption("mss", int.from_bytes(body, "big")))
        elif kind == 3:
            out.append(ast.TcpOption("wscale", body[0]))
        elif kind == 4:
            out.append(ast.TcpOption("sackOK"))
        elif kind == 5:
            ends = struct.unpack(f"!{len(body) // 4}I", body)
            out.append(ast.TcpOption("sack", blocks=tuple(zip(ends[::2], ends[1::2], strict=True))))
        elif kind == 8:
            value, ecr = struct.unpack("!II", body)
            out.append(ast.TcpOption("TS", value, ecr))
        elif kind == 34:
            out.append(ast.TcpOption("FO", data=body))
        elif kind == 254 and body[:2] == b"\xf9\x89":
            out.append(ast.TcpOption("FOEXP", data=body[2:]))
        elif kind == 19:
            out.append(ast.TcpOption("md5", data=body))
        else:
            out.append(ast.TcpOption(f"kind{kind}", data=body))
    return tuple(out)


# ---- comparison


def to_script(seg: Segment, flow: Flow | None) -> Segment:
    """The segment in the script's numbers."""
    if flow is None or seg.protocol != TCP:
        return seg
    isn = flow.remote_isn or 0
    options: list[ast.TcpOption] = []
    for o in seg.options:
        if o.kind == "sack":
            blocks = tuple(((a - isn) & U32, (b - isn) & U32) for a, b in o.blocks)
            options.append(replace(o, blocks=blocks))
        else:
            options.append(o)
    # the peer's SYN stands in the script with its own sequence number, and so does what acknowledges it
    ack = seg.ack if seg.bits & 2 else (seg.ack - isn) & U32
    return replace(
        seg,
        seq=(seg.seq - (flow.local_isn or 0) + (flow.syn_script if seg.bits & 2 else 0)) & U32,
        ack=ack if seg.bits & 0x10 else 0,
        options=tuple(options),
    )


def compare(spec: ast.TcpPacket, live: Segment, flow: Flow, tick_us: int, tolerance_us: int) -> str:
    """ "" when `live` (as on the wire) is what the script expects, else which field differs, and how."""
    if "S" in spec.flags:
        flow.syn_script = (
            spec.seq & U32
        )  # as the peer's, it is the number itself; what follows counts from it
    seg = to_script(live, flow)
    want = "".join(f for f in FLAG_ORDER if f in spec.flags) or "-"
    digits = [f for f in spec.flags if f.isdigit()]
    have = seg.flags
    if digits:
        ace = sum((int(d) & 7) << 6 for d in digits)
        if (seg.bits & 0x1C0) != ace:
            return f"ACE bits: expected {ace >> 6}, got {(seg.bits & 0x1C0) >> 6}"
        have = "".join(f for f in have if f not in "EWA") or "-"
    if "P" not in want and "P" in have:
        # whether a packet of several segments carries PSH is the kernel's business: asked for, it is demanded
        have = have.replace("P", "") or "-"
    if spec.ports is not None and flow.script_ports is not None and spec.ports != flow.script_ports:
        return f"ports: expected {spec.ports[0]} > {spec.ports[1]}"
    for name, expected, actual in (
        ("flags", want, have),
        ("sequence number", spec.seq & U32, seg.seq),
        ("payload length", spec.length, seg.length),
    ):
        if expected != actual:
            return f"{name}: expected {expected}, got {actual}"
    if spec.ack is not None and spec.ack & U32 != seg.ack:
        return f"acknowledgement number: expected {spec.ack}, got {seg.ack}"
    if spec.win is not None and spec.win != seg.win:
        return f"window: expected {spec.win}, got {seg.win}"
    if "U" in spec.flags and spec.urg is not None and spec.urg != seg.urg:
        return f"urgent pointer: expected {spec.urg}, got {seg.urg}"
    problem = compare_ip(spec.ip, seg)
    if problem:
        return problem
    if spec.options is None:
        remember_ts(live, None, flow)
        return ""
    return compare_options(spec.options, live, seg, flow, tick_us, tolerance_us)


def compare_ip(info: ast.IpInfo, seg: Segment) -> str:
    if info.ecn:
        ecn = seg.tos & 3
        allowed = (1, 2) if info.ecn == "ect01" else (ECN[info.ecn],)
        if ecn not in allowed:
            names = {v: k for k, v in ECN.items()}
            return f"ECN bits: expected {info.ecn}, got {names[ecn]}"
    if info.tos is not None and info.tos != seg.tos:
        return f"TOS: expected {info.tos:#x}, got {seg.tos:#x}"
    if info.ttl is not None and info.ttl != seg.ttl:
        return f"TTL: expected {info.ttl}, got {seg.ttl}"
    return ""


def compare_options(
    want: tuple[ast.TcpOption, ...], live: Segment, seg: Segment, flow: Flow, tick_us: int, tolerance_us: int
) -> str:
    have = seg.options
    # the padding of a list that is no multiple of four bytes is not written in scripts
    if len(have) > len(want):
        rest = have[len(want) :]
        if all(o.kind in ("eol", "nop") for o in rest) and [o.kind for o in have[: len(want)]] == [
            o.kind for o in want
        ]:
            have = have[: len(want)]
    if [o.kind for o in want] != [o.kind for o in have]:
        return f"TCP options: expected {options_text(want)}, got {options_text(have)}"
    for w, h in zip(want, have, strict=True):
        if w.kind == "TS":
            problem = compare_ts(w, h, flow, tick_us, tolerance_us)
            if problem:
                return problem
            remember_ts(live, w, flow)
        elif w != h:
            return f"TCP options: expected {options_text(want)}, got {options_text(have)}"
    return ""


def compare_ts(want: ast.TcpOption, have: ast.TcpOption, flow: Flow, tick_us: int, tolerance_us: int) -> str:
    if want.ecr & U32 != have.ecr:
        return f"TS ecr: expected {want.ecr}, got {have.ecr}"
    if tick_us and flow.ts_base is not None:
        expected = (flow.ts_base[1] + want.value - flow.ts_base[0]) & U32
        off = (have.value - expected) & U32
        if off >= 1 << 31:
            off -= 1 << 32
        if abs(off) * tick_us > max(tolerance_us, tick_us):
            return f"TS val: expected {want.value}, got {(want.value + off) & U32} ({tick_us} µs a tick)"
    return ""


def remember_ts(live: Segment, want: ast.TcpOption | None, flow: Flow) -> None:
    """From now on the script's TS value stands for the live one."""
    for o in live.options:
        if o.kind == "TS":
            flow.ts_last = o.value
            if want is not None:
                flow.ts_live[want.value] = o.value
                if flow.ts_base is None:
                    flow.ts_base = (want.value, o.value)


# ---- coalescing


def cut(seg: Segment, length: int) -> tuple[Segment, Segment]:
    """The first `length` bytes of a segment, and the rest, as a device that segments would have sent them."""
    first = replace(seg, length=length, payload=seg.payload[:length], bits=seg.bits & ~0x09)
    rest = replace(
        seg,
        length=seg.length - length,
        payload=seg.payload[length:],
        seq=(seg.seq + length) & U32,
        bits=seg.bits & ~0x80,
    )
    return first, rest


def join(first: Segment, second: Segment) -> Segment:
    """Two segments that follow each other, as one."""
    return replace(
        first,
        length=first.length + second.length,
        payload=first.payload + second.payload,
        bits=first.bits | second.bits,
        ack=second.ack,
        win=second.win,
        options=second.options,
    )


# ---- the script's notation


def option_text(o: ast.TcpOption) -> str:
    if o.kind in ("mss", "wscale"):
        return f"{o.kind} {o.value}"
    if o.kind == "TS":
        return f"TS val {o.value} ecr {o.ecr}"
    if o.kind == "sack":
        return "sack " + " ".join(f"{a}:{b}" for a, b in o.blocks)
    return f"{o.kind} {o.data.hex()}".rstrip()


def options_text(options: tuple[ast.TcpOption, ...] | None) -> str:
    if options is None:
        return "<...>"
    return "<" + ",".join(option_text(o) for o in options) + ">" if options else "none"


def segment_text(seg: Segment, flow: Flow | None) -> str:
    """An outgoing packet as a script would write it."""
    if seg.protocol == ICMP:
        return f"> icmp type {seg.icmp_type} code {seg.icmp_code}"
    if seg.protocol == UDP:
        return f"> udp ({seg.length})"
    s = to_script(seg, flow)
    out = f"> {s.flags} {s.seq}:{(s.seq + s.length) & U32}({s.length})"
    if s.bits & 0x10:
        out += f" ack {s.ack}"
    out += f" win {s.win}"
    if s.bits & 0x20:
        out += f" urg {s.urg}"
    if s.options:
        out += " " + options_text(script_ts(s.options, flow))
    return out


def script_ts(options: tuple[ast.TcpOption, ...], flow: Flow | None) -> tuple[ast.TcpOption, ...]:
    if flow is None or flow.ts_base is None:
        return options
    base = flow.ts_base
    return tuple(
        replace(o, value=(o.value - base[1] + base[0]) & U32) if o.kind == "TS" else o for o in options
    )
