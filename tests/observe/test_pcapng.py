"""What is written is pcapng, and tshark finds nothing to complain about."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from sockfs.observe import pcapng
from sockfs.structs.headers import Iphdr, Tcphdr, Udphdr
from sockfs.structs.sk_buff import SkBuff
from tests.observe.hand import LOCALHOST, machine


def blocks(data: bytes) -> list[tuple[int, bytes]]:
    out = []
    while data:
        kind, length = struct.unpack_from("<II", data)
        assert length % 4 == 0
        assert struct.unpack_from("<I", data, length - 4) == (length,)
        out.append((kind, data[8 : length - 4]))
        data = data[length:]
    return out


def segment(payload: bytes, flags: int = 0x18) -> SkBuff:
    skb = SkBuff()
    skb.iph = Iphdr(LOCALHOST, LOCALHOST, 6, 64, 0)
    skb.th = Tcphdr(1000, 2000, 1, 1, flags, 512)
    skb.protocol = 0x800
    skb.data, skb.headlen, skb.len = payload, len(payload), len(payload)
    return skb


def test_blocks() -> None:
    file = io.BytesIO()
    writer = pcapng.PcapngWriter(file, "x")
    assert writer.interface("lo", pcapng.LINKTYPE_RAW) == 0
    writer.packet(0, (5 << 32) + 7, b"abcde", pcapng.OUTBOUND)
    shb, idb, epb = blocks(file.getvalue())
    assert shb == (0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + b"\4\0\1\0x\0\0\0" + bytes(4))
    assert idb == (
        1,
        struct.pack("<HHI", 101, 0, 262144) + b"\2\0\2\0lo\0\0" + b"\t\0\1\0\t\0\0\0" + bytes(4),
    )
    assert epb == (
        6,
        struct.pack("<IIIII", 0, 5, 7, 5, 5) + b"abcde\0\0\0" + b"\2\0\4\0\2\0\0\0" + bytes(4),
    )


def test_loopback_is_seen_once_and_a_large_segment_is_one_packet(tmp_path: Path) -> None:
    m = machine()
    m.k.wall_offset = 1_700_000_000_000_000_123 - m.k.now
    capture = pcapng.capture(m.k, str(tmp_path / "x.pcapng"))
    skb = segment(b"x" * 60000)
    for outgoing in (True, False):
        for tap in m.lo.taps:
            tap.packet(skb, m.lo, outgoing)
    capture.close()
    assert m.lo.taps == []
    (packet,) = [body for kind, body in blocks((tmp_path / "x.pcapng").read_bytes()) if kind == 6]
    _, high, low, caplen, length = struct.unpack_from("<IIIII", packet)
    assert (high << 32 | low) == 1_700_000_000_000_000_123
    assert caplen == length == 60040


@pytest.mark.skipif(shutil.which("tshark") is None, reason="needs tshark")
def test_tshark_reads_it_without_a_complaint(tmp_path: Path) -> None:
    m = machine()
    m.k.wall_offset = 1_700_000_000_000_000_123 - m.k.now
    path = tmp_path / "x.pcapng"
    capture = pcapng.capture(m.k, str(path))
    udp = segment(b"hello")
    assert udp.iph is not None
    udp.iph.protocol, udp.th, udp.uh, udp.ip_summed = 17, None, Udphdr(1, 2, 13), 3
    for skb in (segment(b"", 0x2), segment(b"data"), segment(b"y" * 60000), udp):
        m.lo.taps[0].packet(skb, m.lo, False)
    capture.close()
    fields = [
        "frame.interface_name",
        "frame.time_epoch",
        "ip.checksum.status",
        "tcp.checksum.status",
        "udp.checksum.status",
    ]
    check = "ip tcp udp".split()
    done = subprocess.run(
        ["tshark", "-r", str(path), "-T", "fields"]
        + [word for field in fields for word in ("-e", field)]
        + [word for proto in check for word in ("-o", f"{proto}.check_checksum:TRUE")],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    when = "1700000000.000000123"
    assert done.stdout.splitlines() == [f"lo\t{when}\t1\t1\t"] * 3 + [f"lo\t{when}\t1\t\t1"]
