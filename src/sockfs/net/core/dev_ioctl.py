"""The interface requests of ioctl(2): names, indices, addresses, flags, MTU of devices.

Kernel counterparts: `net/core/dev_ioctl.c` (`dev_ioctl`) and `devinet_ioctl`; layouts in netdevice(7). The
argument is a `struct ifreq` of 40 bytes, name first, answered in place; SIOCGIFCONF takes an empty
bytearray of the caller's size, and fills it with ifreqs.

Left out: requests that change a device (addresses and routes are `net/ipv4/devinet.py`'s to give).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from sockfs.structs.sockaddr import pack_sockaddr_in
from sockfs.uapi import ioctl as uapi_ioctl
from sockfs.uapi.errno import EADDRNOTAVAIL, EFAULT, ENODEV

if TYPE_CHECKING:
    from sockfs.structs.net import Net
    from sockfs.structs.net_device import InIfaddr, NetDevice

IFNAMSIZ: Final = 16
IFREQ_SIZE: Final = 40
ENOIOCTLCMD: Final = 515


def dev_ioctl(net: Net, cmd: i64, arg: object) -> i64:
    """0 or -errno; -ENOIOCTLCMD when the request is not about interfaces."""
    if cmd == uapi_ioctl.SIOCGIFCONF:
        return dev_ifconf(net, arg)
    if cmd == uapi_ioctl.SIOCGIFNAME:
        return dev_ifname(net, arg)
    if not 0x8910 < cmd < 0x894B:
        return -ENOIOCTLCMD
    if not isinstance(arg, bytearray) or len(arg) < IFREQ_SIZE:
        return -EFAULT
    name = bytes(arg[:IFNAMSIZ]).split(b"\0")[0].decode("latin-1").partition(":")[0]
    dev = net.dev_by_name.get(name)
    if dev is None:
        return -ENODEV
    if cmd == uapi_ioctl.SIOCGIFINDEX:
        put_int(arg, dev.ifindex)
    elif cmd == uapi_ioctl.SIOCGIFFLAGS:
        arg[16] = int(dev.flags & 0xFF)
        arg[17] = int((dev.flags >> 8) & 0xFF)
    elif cmd == uapi_ioctl.SIOCGIFMTU:
        put_int(arg, dev.mtu)
    elif cmd == uapi_ioctl.SIOCGIFMETRIC:
        put_int(arg, 0)
    elif cmd == uapi_ioctl.SIOCGIFTXQLEN:
        put_int(arg, dev.tx_queue_len)
    elif cmd == uapi_ioctl.SIOCGIFHWADDR:
        hw = int(dev.type & 0xFFFF).to_bytes(2, "little") + dev.dev_addr
        arg[16 : 16 + len(hw)] = hw
    elif cmd in (
        uapi_ioctl.SIOCGIFADDR,
        uapi_ioctl.SIOCGIFDSTADDR,
        uapi_ioctl.SIOCGIFBRDADDR,
        uapi_ioctl.SIOCGIFNETMASK,
    ):
        return inet_gifaddr(dev, cmd, arg)
    else:
        return -ENOIOCTLCMD
    return 0


def put_int(arg: bytearray, value: i64) -> None:
    """The answer of a request whose answer is an int."""
    arg[16:20] = int(value & 0xFFFFFFFF).to_bytes(4, "little")


def inet_gifaddr(dev: NetDevice, cmd: i64, arg: bytearray) -> i64:
    """`devinet_ioctl`: the first IPv4 address of the device, and what belongs to it."""
    if not dev.in_dev:
        return -EADDRNOTAVAIL
    ifa: InIfaddr = dev.in_dev[0]
    addr = ifa.ifa_local
    if cmd == uapi_ioctl.SIOCGIFBRDADDR:
        addr = ifa.ifa_broadcast
    elif cmd == uapi_ioctl.SIOCGIFNETMASK:
        addr = (0xFFFFFFFF << (32 - ifa.ifa_prefixlen)) & 0xFFFFFFFF
    arg[16:32] = pack_sockaddr_in(addr, 0)
    return 0


def dev_ifname(net: Net, arg: object) -> i64:
    """The name of a device by its index."""
    if not isinstance(arg, bytearray) or len(arg) < IFREQ_SIZE:
        return -EFAULT
    dev = net.dev_by_index.get(int.from_bytes(arg[16:20], "little"))
    if dev is None:
        return -ENODEV
    arg[:IFNAMSIZ] = dev.name.encode("latin-1")[:15].ljust(IFNAMSIZ, b"\0")
    return 0


def dev_ifconf(net: Net, arg: object) -> i64:
    """All IPv4 addresses as ifreqs, as many as fit; the bytearray is cut to them."""
    if not isinstance(arg, bytearray):
        return -EFAULT
    room = len(arg) // IFREQ_SIZE
    out = b""
    for dev in net.dev_by_index.values():
        for ifa in dev.in_dev:
            if room > 0:
                room -= 1
                name = ifa.ifa_label.encode("latin-1")[:15].ljust(IFNAMSIZ, b"\0")
                out += name + pack_sockaddr_in(ifa.ifa_local, 0) + bytes(8)
    arg[:] = out
    return 0
