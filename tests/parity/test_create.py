"""socket(2) and socketpair(2): every domain, type and protocol gives the kernel's errno."""

from __future__ import annotations

import errno
import itertools

from tests.parity.harness import Parity, Sys, errname

# Families and protocols of the oracle's kernel that sockfs does not have (docs/supported.md).
LACKING_FAMILIES = (10, 16, 17, 38, 40, 43, 44)  # AF_INET6, NETLINK, PACKET, ALG, VSOCK, SMC, XDP
LACKING_PROTOCOLS = {(2, 1, 262): errno.EPROTONOSUPPORT}  # MPTCP

DOMAINS = (*range(-1, 48), 1000)
TYPES = range(-1, 17)
PROTOCOLS = range(-1, 265)
FLAGS = tuple(1 << bit for bit in range(4, 32))


def expected(s: Sys, domain: int, type: int, protocol: int, r: int) -> int:
    """The kernel's answer, with the documented exceptions in place of what only it can do."""
    if s.side == "kernel":
        if domain in LACKING_FAMILIES and 0 <= type < 11:
            return -errno.EAFNOSUPPORT
        if domain == 2 and type == 10:  # SOCK_PACKET: an old name of AF_PACKET
            return -errno.EAFNOSUPPORT
        if r >= 0 and (domain, type, protocol) in LACKING_PROTOCOLS:
            return -LACKING_PROTOCOLS[domain, type, protocol]
    return min(r, 0)


def test_every_socket(parity: Parity) -> None:
    def body(s: Sys) -> None:
        raw = s.raw
        for domain in DOMAINS:
            for type in TYPES:
                answers = []
                lacking = s.side == "kernel" and domain in LACKING_FAMILIES and 0 <= type < 11
                for protocol in PROTOCOLS:
                    r = -errno.EAFNOSUPPORT if lacking else raw("socket", domain, type, protocol)
                    if r >= 0:
                        raw("close", r)
                    answers.append(expected(s, domain, type, protocol, r))
                s.tab[domain, type] = [
                    (f"protocol {protocols[0]}…{protocols[-1]}", errname(r))
                    for r, group in itertools.groupby(
                        zip(answers, PROTOCOLS, strict=True), key=lambda pair: pair[0]
                    )
                    for protocols in [[protocol for _, protocol in group]]
                ]

    parity(body)


def test_every_flag_bit(parity: Parity) -> None:
    def body(s: Sys) -> None:
        for domain in (0, 1, 2, 1000):
            for type in (0, 1, 2, 3, 5, 11, 15):
                for flag in (*FLAGS, 0o4000 | 0o2000000, 0x80000000 | 1, -16, 0o4000 << 1):
                    r = s.raw("socket", domain, type | flag, 0)
                    s.tab[domain, type, flag] = min(r, 0)
                    if r >= 0:
                        s.tab[domain, type, flag, "fl"] = (s.raw("fcntl", r, 3, 0), s.raw("fcntl", r, 1, 0))
                        s.raw("close", r)

    parity(body)


def test_every_socketpair(parity: Parity) -> None:
    def body(s: Sys) -> None:
        for domain in DOMAINS:
            if domain in LACKING_FAMILIES:
                continue
            for type in TYPES:
                for protocol in (-1, 0, 1, 2, 6, 17, 136, 255, 256, 264):
                    if domain == 2 and type == 10:
                        continue
                    sv = bytearray(8)
                    r = s.raw("socketpair", domain, type, protocol, sv)
                    s.tab[domain, type, protocol] = (r, sv.hex() if r == 0 else "")
                    if r == 0:
                        s.raw("close", 3)
                        s.raw("close", 4)
        for flag in FLAGS:
            sv = bytearray(8)
            r = s.raw("socketpair", 1, 1 | flag, 0, sv)
            s.tab["flag", flag] = (r, s.raw("fcntl", 3, 3, 0), s.raw("fcntl", 4, 1, 0))
            if r == 0:
                s.raw("close", 3)
                s.raw("close", 4)
        s.tab["null"] = s.raw("socketpair", 1, 1, 0, None)
        s.tab["next"] = s.raw("socket", 1, 1, 0)

    parity(body)


def test_integers_are_cut_to_int(parity: Parity) -> None:
    """A C int is the low half of the register, whatever stands above it; past 64 bits nothing is left of
    it.
    """

    def body(s: Sys) -> None:
        for big in (1 << 32, 1 << 33, 1 << 63, 1 << 64, 1 << 70, -(1 << 32), -(1 << 70)):
            for i in range(3):
                args = [2, 1, 6]
                args[i] += big
                s.socket(*args)
        for big in (1 << 31, (1 << 31) - 1, -(1 << 31), (1 << 32) - 1, 1 << 100, -(1 << 100) - 1):
            s.socket(big, 1, 0)
            s.socket(2, big, 0)
            s.socket(2, 1, big)

    parity(body)


def test_lowest_number_first(parity: Parity) -> None:
    def body(s: Sys) -> None:
        for _ in range(4):
            s.socket(2, 1)
        s.close(4)
        s.close(3)
        s.socket(2, 2)
        s.socketpair(1, 2)
        s.dup(4)
        s.dup2(3, 12)
        s.socket(1, 1)
        s.fcntl(3, 0, 10)
        s.fcntl(3, 0, 13)
        s.fcntl(3, 1030, 5)
        s.dup3(3, 5, 0o2000000)
        s.fcntl(5, 1)
        s.fcntl(3, 1)

    parity(body)
