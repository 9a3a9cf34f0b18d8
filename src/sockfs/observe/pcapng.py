"""Packets into a file that Wireshark and tshark read: pcapng, one interface block a device, nanoseconds.

`capture(kernel, path)` hangs a `PacketTap` on every device that the kernel has or gets later; each packet is
written as the device's own capture on Linux would show it: on loopback once (when it arrives), elsewhere in
both directions with the direction in the packet's flags; a large segment that the stack hands to a device in
one piece is one packet in the file. Bytes and checksums come from `net/core/wire.py`. Counterpart:
tcpdump(8); the format is draft-ietf-opsawg-pcapng.

Left out: name resolution blocks, decryption secrets, more than one section.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, BinaryIO

from sockfs._version import __version__
from sockfs.libc import host
from sockfs.net.core import dev as net_dev
from sockfs.net.core import wire
from sockfs.structs.net_device import NotifierBlock, PacketTap
from sockfs.uapi.if_ import ARPHRD_ETHER, ARPHRD_LOOPBACK, NETDEV_REGISTER

if TYPE_CHECKING:
    from sockfs.structs.kernel import Kernel
    from sockfs.structs.net_device import NetDevice
    from sockfs.structs.sk_buff import SkBuff

LINKTYPE_ETHERNET = 1
LINKTYPE_RAW = 101  # begins with the IPv4 or IPv6 header
SNAPLEN = 262144

SHB, IDB, EPB = 0x0A0D0D0A, 1, 6
OPT_END, OPT_COMMENT = 0, 1
SHB_HARDWARE, SHB_OS, SHB_USERAPPL = 2, 3, 4
IF_NAME, IF_DESCRIPTION, IF_TSRESOL = 2, 3, 9
EPB_FLAGS = 2
INBOUND, OUTBOUND = 1, 2


class PcapngWriter:
    """Blocks of one section, written to a file as they come."""

    def __init__(self, file: BinaryIO, application: str = f"sockfs {__version__}") -> None:
        self.file = file
        self.interfaces = 0
        self.packets = 0
        body = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)
        self._block(SHB, body + option(SHB_USERAPPL, application.encode()) + option(OPT_END, b""))

    def interface(self, name: str, linktype: int, snaplen: int = SNAPLEN) -> int:
        """Describe a device; returns its number for `packet`."""
        options = option(IF_NAME, name.encode()) + option(IF_TSRESOL, b"\x09") + option(OPT_END, b"")
        self._block(IDB, struct.pack("<HHI", linktype, 0, snaplen) + options)
        self.interfaces += 1
        return self.interfaces - 1

    def packet(self, interface: int, ns: int, data: bytes, direction: int = 0) -> None:
        """One packet, seen at `ns` (nanoseconds since 1970)."""
        body = struct.pack("<IIIII", interface, ns >> 32, ns & 0xFFFFFFFF, min(len(data), SNAPLEN), len(data))
        body += pad(data[:SNAPLEN])
        if direction:
            body += option(EPB_FLAGS, struct.pack("<I", direction)) + option(OPT_END, b"")
        self._block(EPB, body)
        self.packets += 1

    def _block(self, kind: int, body: bytes) -> None:
        length = len(body) + 12
        self.file.write(struct.pack("<II", kind, length) + body + struct.pack("<I", length))


def pad(data: bytes) -> bytes:
    """Filled to a multiple of four bytes."""
    return data + bytes(-len(data) % 4)


def option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + pad(value)


class PcapTap(PacketTap):
    """The tap of one device."""

    def __init__(self, capture: Capture, dev: NetDevice) -> None:
        self.capture = capture
        self.loopback = dev.type == ARPHRD_LOOPBACK
        self.ether = dev.type == ARPHRD_ETHER and dev.hard_header_len > 0
        self.number = capture.writer.interface(dev.name, LINKTYPE_ETHERNET if self.ether else LINKTYPE_RAW)

    def packet(self, skb: SkBuff, dev: NetDevice, outgoing: bool) -> None:
        if self.loopback and outgoing:
            return  # it is about to arrive here
        k = dev.net.kernel
        data = wire.skb_to_bytes(skb)
        if self.ether:
            eth = skb.ethh
            if eth is not None:
                data = eth.h_dest + eth.h_source + struct.pack(">H", eth.h_proto) + data
            else:
                data = bytes(12) + struct.pack(">H", skb.protocol) + data
        direction = 0 if self.loopback else OUTBOUND if outgoing else INBOUND
        self.capture.writer.packet(self.number, int(k.now + k.wall_offset), data, direction)


class Capture(NotifierBlock):
    """Everything that passes the devices of one kernel, into one file."""

    def __init__(self, kernel: Kernel, file: BinaryIO) -> None:
        self.kernel = kernel
        self.writer = PcapngWriter(file)
        self.taps: list[tuple[NetDevice, PcapTap]] = []
        for net in kernel.nets:
            for dev in net.dev_by_index.values():
                self.attach(dev)
        net_dev.register_netdevice_notifier(kernel, self)

    def notifier_call(self, event: int, dev: NetDevice) -> None:
        if event == NETDEV_REGISTER:
            self.attach(dev)

    def attach(self, dev: NetDevice) -> None:
        """Look at a device's packets from now on."""
        if all(known is not dev for known, _ in self.taps):
            tap = PcapTap(self, dev)
            dev.taps.append(tap)
            self.taps.append((dev, tap))

    def close(self) -> None:
        """Look no longer, and close the file."""
        for dev, tap in self.taps:
            if tap in dev.taps:
                dev.taps.remove(tap)
        self.taps = []
        if self in self.kernel.netdev_chain:
            self.kernel.netdev_chain.remove(self)
        self.writer.file.close()


def capture(kernel: Kernel, path: str) -> Capture:
    """Write every packet of the kernel's devices to `path` from now on. Raises OSError."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    # unbuffered: a program that is killed leaves all of its packets
    return Capture(kernel, open(host.high(fd), "wb", buffering=0))
