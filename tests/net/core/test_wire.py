"""Bytes and back: exact layouts, checksums, and nothing that a packet may contain raises."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sockfs
from sockfs.net.core import skbuff, wire
from sockfs.structs.headers import Icmphdr, Iphdr, Tcphdr, Udphdr
from sockfs.structs.sk_buff import SkBuff
from sockfs.util import checksum

KERNEL = sockfs.Kernel(seed=1)
U8, U16, U32 = st.integers(0, 0xFF), st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)


def packet(proto: int, payload: bytes) -> SkBuff:
    skb = skbuff.alloc_skb(KERNEL)
    skbuff.skb_set_data(skb, payload)
    iph = Iphdr(0x7F000001, 0xC0A80102, proto, 64, 0)
    iph.id = 0x1234
    iph.frag_off = 0x4000
    skb.iph = iph
    skb.ip_summed = wire.CHECKSUM_PARTIAL
    return skb


def fresh(data: bytes) -> SkBuff:
    skb = skbuff.alloc_skb(KERNEL)
    skbuff.skb_set_data(skb, data)
    return skb


def test_an_ipv4_header_byte_for_byte() -> None:
    skb = packet(253, b"abc")
    assert wire.skb_to_bytes(skb) == bytes.fromhex("450000171234400040fde70a7f000001c0a80102") + b"abc"


def segment(flags: int, **fields: object) -> Tcphdr:
    th = Tcphdr(1000, 2000, 0x01020304, 0x05060708, flags, 0xFFFF)
    for name, value in fields.items():
        setattr(th, name, value)
    return th


@pytest.mark.parametrize(
    ("th", "options"),
    [
        # what Linux puts into a SYN, with every option and with some of them off
        (
            segment(2, mss=65495, sack_perm=True, saw_tstamp=True, tsval=1, tsecr=0, wscale=7),
            "0204ffd7 0402080a 00000001 00000000 01030307",
        ),
        (segment(2, mss=1460), "020405b4"),
        (segment(2, mss=1460, sack_perm=True), "020405b4 01010402"),
        (segment(2, mss=1460, wscale=0), "020405b4 01030300"),
        (segment(2, mss=1460, saw_tstamp=True, tsval=1), "020405b4 0101080a 00000001 00000000"),
        (segment(16, saw_tstamp=True, tsval=1, tsecr=2), "0101080a 00000001 00000002"),
        (
            segment(16, saw_tstamp=True, tsval=1, tsecr=2, sacks=[1, 2, 3, 4]),
            "0101080a 00000001 00000002 01010512 00000001 00000002 00000003 00000004",
        ),
        (segment(16, sacks=[1, 2]), "0101050a 00000001 00000002"),
        (
            segment(16, saw_tstamp=True, tsval=1, tsecr=2, sacks=[1, 2, 3, 4, 5, 6, 7, 8]),
            "0101080a 00000001 00000002 0101051a 00000001 00000002 00000003 00000004 00000005 00000006",
        ),
        (segment(2, mss=1460, fastopen=b""), "020405b4 22020101"),
        (segment(2, mss=1460, fastopen=b"12345678"), "020405b4 220a3132 33343536 37380101"),
        (segment(2, fastopen=b"1234", fastopen_exp=True), "fe08f989 31323334"),
        (segment(16, md5=b"m" * 16), "01011312" + "6d" * 16),
    ],
)
def test_tcp_options_lie_as_linux_writes_them(th: Tcphdr, options: str) -> None:
    raw = bytes.fromhex(options.replace(" ", ""))
    assert wire.tcp_option_bytes(th) == raw
    assert wire.tcp_option_size(th) == len(raw)
    back = wire.tcp_header_from(wire.tcp_segment(1, 2, th, b""))
    wire.tcp_parse_options(back, raw)
    for name in (
        "mss",
        "wscale",
        "sack_perm",
        "saw_tstamp",
        "tsval",
        "tsecr",
        "fastopen",
        "fastopen_exp",
        "md5",
        "flags",
    ):
        assert getattr(back, name) == getattr(th, name), name
    assert (back.sacks or [])[:6] == (th.sacks or [])[: len(back.sacks or [])]


@given(st.binary(max_size=120))
def test_no_bytes_raise(data: bytes) -> None:
    for parse in (wire.parse_ipv4, wire.parse_tcp, wire.parse_udp, wire.parse_icmp):
        skb = fresh(data)
        reason = parse(skb)
        assert reason == 0 or reason > 1
        wire.skb_to_bytes(skb)


@given(st.binary(min_size=20, max_size=60), U8, st.binary(max_size=40))
def test_what_looks_like_ipv4_does_not_raise(head: bytes, proto: int, body: bytes) -> None:
    first = (
        bytes([0x45])
        + head[1:2]
        + struct.pack("!H", 20 + len(body))
        + head[4:9]
        + bytes([proto])
        + b"\0\0"
        + head[12:20]
    )
    check = checksum.ip_compute_csum(first)
    skb = fresh(first[:10] + struct.pack("!H", check) + first[12:] + body)
    assert wire.parse_ipv4(skb) == 0
    for parse in (wire.parse_tcp, wire.parse_udp, wire.parse_icmp):
        parse(skb)
        skb.th = skb.uh = skb.icmph = None
        skb.ip_summed = 0
        skbuff.skb_set_data(skb, body)


@given(st.binary(max_size=40), U8)
def test_no_options_raise(options: bytes, flags: int) -> None:
    th = segment(flags)
    wire.tcp_parse_options(th, options)
    assert len(wire.tcp_option_bytes(th)) <= 60


SACKS = st.one_of(st.none(), st.lists(U32, min_size=2, max_size=4).filter(lambda x: len(x) % 2 == 0))


@given(
    U16,
    U16,
    U32,
    U32,
    st.integers(0, 0x1FF),
    U16,
    U16,
    st.booleans(),
    U32,
    U32,
    SACKS,
    st.binary(max_size=50),
)
def test_tcp_there_and_back(
    source: int, dest: int, seq: int, ack: int, flags: int, window: int, urg: int,
    stamped: bool, tsval: int, tsecr: int, sacks: list[int] | None, payload: bytes,
) -> None:  # fmt: skip
    skb = packet(6, payload)
    th = Tcphdr(source, dest, seq, ack, flags, window)
    th.urg_ptr = urg
    th.saw_tstamp = stamped
    if stamped:
        th.tsval, th.tsecr = tsval, tsecr
    th.sacks = sacks
    skb.th = th
    data = wire.skb_to_bytes(skb)
    back = fresh(data)
    assert wire.parse_ipv4(back) == 0
    assert wire.parse_tcp(back) == 0
    assert skbuff.skb_payload(back) == payload
    for name in (
        "source",
        "dest",
        "seq",
        "ack_seq",
        "flags",
        "window",
        "urg_ptr",
        "saw_tstamp",
        "tsval",
        "tsecr",
        "sacks",
    ):
        assert getattr(back.th, name) == getattr(th, name), name
    assert wire.skb_to_bytes(back) == data
    if len(data) > 40:
        at = 20 + (seq % (len(data) - 20))
        bad = fresh(data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :])
        assert wire.parse_ipv4(bad) == 0
        assert wire.parse_tcp(bad) != 0 or at - 20 == 12


@given(U16, U16, st.binary(max_size=50))
def test_udp_there_and_back(source: int, dest: int, payload: bytes) -> None:
    skb = packet(17, payload)
    skb.uh = Udphdr(source, dest, 8 + len(payload))
    data = wire.skb_to_bytes(skb)
    assert data[26:28] != b"\0\0"
    back = fresh(data)
    assert wire.parse_ipv4(back) == 0
    assert wire.parse_udp(back) == 0
    assert (back.uh.source, back.uh.dest, skbuff.skb_payload(back)) == (source, dest, payload)
    assert wire.skb_to_bytes(back) == data


@given(U8, U8, U32, st.binary(max_size=50))
def test_icmp_there_and_back(type: int, code: int, rest: int, payload: bytes) -> None:
    skb = packet(1, payload)
    skb.icmph = Icmphdr(type, code, rest)
    data = wire.skb_to_bytes(skb)
    assert checksum.ip_compute_csum(data[20:]) == 0
    back = fresh(data)
    assert wire.parse_ipv4(back) == 0
    assert wire.parse_icmp(back) == 0
    assert (back.icmph.type, back.icmph.code, back.icmph.rest) == (type, code, rest)
    assert wire.skb_to_bytes(back) == data


def test_a_udp_checksum_that_is_not_there_stays_away() -> None:
    skb = packet(17, b"x")
    skb.uh = Udphdr(1, 2, 9)
    skb.ip_summed = wire.CHECKSUM_NONE
    data = wire.skb_to_bytes(skb)
    assert data[26:28] == b"\0\0"
    back = fresh(data)
    assert wire.parse_ipv4(back) == 0 and wire.parse_udp(back) == 0
    assert wire.skb_to_bytes(back) == data
