"""Addresses as text: inet_aton(3), inet_ntoa(3), inet_pton(3), inet_ntop(3) as glibc answers.

No kernel counterpart: this is the C library's part, below everything so that libc/, the views of the picture
and `World` share it. IPv4 addresses are integers in host order, IPv6 addresses 16 bytes. Nothing raises: text
that is no address gives -1 for a number and b"" for bytes. The forms: inet_aton takes one to four numbers,
decimal, octal or hexadecimal, the last filling what is left, and ignores what follows a blank; inet_pton
takes exactly four decimal ones without leading zeros, and RFC 4291 text for IPv6. inet_ntop writes RFC 5952's
form, but for the IPv4 tails it prints where glibc does.
"""

from __future__ import annotations

from mypy_extensions import i64

from sockfs.uapi.socket import AF_INET, AF_INET6


def inet_ntoa(addr: i64) -> str:
    return f"{addr >> 24 & 255}.{addr >> 16 & 255}.{addr >> 8 & 255}.{addr & 255}"


def inet_ntop(family: i64, addr: bytes) -> str:
    """Text of 4 or 16 bytes; "" for any other length or family."""
    if family == AF_INET and len(addr) == 4:
        return f"{addr[0]}.{addr[1]}.{addr[2]}.{addr[3]}"
    if family == AF_INET6 and len(addr) == 16:
        return _ntop6(addr)
    return ""


def inet_pton(family: i64, text: str) -> bytes:
    """4 or 16 bytes; b"" if the text is no address of that family."""
    if family == AF_INET:
        addr = inet_pton4(text)
        if addr < 0:
            return b""
        return int(addr).to_bytes(4, "big")
    if family == AF_INET6:
        return _pton6(text)
    return b""


def inet_pton4(text: str) -> i64:
    """The address as a number, -1 if it is none: four decimal numbers, no leading zeros."""
    result: i64 = 0
    value: i64 = -1
    dots: i64 = 0
    for ch in text:
        c: i64 = ord(ch)
        if 48 <= c <= 57:
            if value == 0:
                return -1
            value = c - 48 if value < 0 else value * 10 + c - 48
            if value > 255:
                return -1
        elif c == 46:
            if value < 0 or dots == 3:
                return -1
            result = result << 8 | value
            value = -1
            dots += 1
        else:
            return -1
    if value < 0 or dots != 3:
        return -1
    return result << 8 | value


def inet_aton(text: str) -> i64:
    """The address as a number, -1 if it is none, in the old and lenient reading."""
    result: i64 = 0
    parts: i64 = 0
    at: i64 = 0
    size: i64 = len(text)
    while True:
        value: i64 = 0
        base: i64 = 10
        start: i64 = at
        if at < size and text[at] == "0":
            base = 8
            if at + 2 < size and text[at + 1] in "xX" and _digit(text[at + 2], 16) >= 0:
                base = 16
                at += 2
                start = at
        while at < size:
            d: i64 = _digit(text[at], base)
            if d < 0:
                break
            value = value * base + d
            if value > 0xFFFFFFFF:
                return -1
            at += 1
        if at == start:
            return -1
        if at < size and text[at] == ".":
            if parts == 3 or value > 255:
                return -1
            result = result << 8 | value
            parts += 1
            at += 1
            continue
        if at < size and text[at] not in " \t\n\v\f\r":
            return -1
        room: i64 = 32 - 8 * parts
        if value >> room:
            return -1
        return result << room | value


def _digit(ch: str, base: i64) -> i64:
    """Value of a digit, -1 if it is none of that base."""
    c: i64 = ord(ch)
    d: i64 = -1
    if 48 <= c <= 57:
        d = c - 48
    elif 97 <= c <= 102:
        d = c - 87
    elif 65 <= c <= 70:
        d = c - 55
    return d if d < base else -1


def _ntop6(addr: bytes) -> str:
    words = [addr[i] << 8 | addr[i + 1] for i in range(0, 16, 2)]
    # The longest run of two or more zero words, the first of equals, becomes "::".
    best_at: i64 = -1
    best_len: i64 = 1
    run_at: i64 = -1
    i: i64 = 0
    while i < 8:
        if words[i] != 0:
            run_at = -1
        else:
            if run_at < 0:
                run_at = i
            if i + 1 - run_at > best_len:
                best_at = run_at
                best_len = i + 1 - run_at
        i += 1
    # glibc: IPv4-compatible and IPv4-mapped addresses end in dots.
    if best_at == 0 and (best_len == 6 or (best_len == 5 and words[5] == 0xFFFF)):
        tail = f"{addr[12]}.{addr[13]}.{addr[14]}.{addr[15]}"
        return "::" + tail if best_len == 6 else "::ffff:" + tail
    text = [f"{w:x}" for w in words]
    if best_at < 0:
        return ":".join(text)
    return ":".join(text[:best_at]) + "::" + ":".join(text[best_at + best_len :])


def _pton6(text: str) -> bytes:
    head = text
    tail = ""
    gap = text.find("::")
    if gap >= 0:
        head = text[:gap]
        tail = text[gap + 2 :]
        before = _words6(head, False)
        after = _words6(tail, True)
        if before is None or after is None or len(before) + len(after) > 14:
            return b""
        return before + bytes(16 - len(before) - len(after)) + after
    whole = _words6(text, True)
    if whole is None or len(whole) != 16:
        return b""
    return whole


def _words6(text: str, last: bool) -> bytes | None:
    """Words between colons; the last of an address may be an IPv4 address. None if they are not that."""
    if text == "":
        return b""
    out = b""
    parts = text.split(":")
    n: i64 = len(parts)
    i: i64 = 0
    while i < n:
        part = parts[i]
        if last and i == n - 1 and "." in part:
            addr = inet_pton4(part)
            if addr < 0:
                return None
            return out + int(addr).to_bytes(4, "big")
        if part == "" or len(part) > 4:
            return None
        value: i64 = 0
        for ch in part:
            d: i64 = _digit(ch, 16)
            if d < 0:
                return None
            value = value << 4 | d
        out += int(value).to_bytes(2, "big")
        i += 1
    return out
