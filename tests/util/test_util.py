"""The tools, each against its definition or a published value."""

from __future__ import annotations

import socket

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sockfs.util import checksum, inet, minmax, seq, siphash
from sockfs.util.prng import Prng

u16 = st.integers(0, 0xFFFF)
u32 = st.integers(0, 0xFFFFFFFF)


def plain_sum(data: bytes) -> int:
    """RFC 1071 section 1, word by word."""
    if len(data) % 2:
        data += b"\0"
    total = 0
    for i in range(0, len(data), 2):
        total += data[i] << 8 | data[i + 1]
        total = (total & 0xFFFF) + (total >> 16)
    return total


class TestChecksum:
    @given(data=st.binary(max_size=300))
    @example(data=b"")
    @example(data=b"\xff\xff" * 5)
    @example(data=bytes(100))
    @example(data=b"\xff" * 65535)
    def test_is_the_sum_of_words(self, data: bytes) -> None:
        assert checksum.ip_compute_csum(data) == ~plain_sum(data) & 0xFFFF

    @given(data=st.binary(max_size=300))
    @example(data=b"\xff" * 65535)
    @example(data=bytes(5))
    def test_both_ways_of_adding_agree(self, data: bytes) -> None:
        for add in (checksum._words, checksum._big_number):
            assert checksum.csum_fold(add(data)) == ~plain_sum(data) & 0xFFFF

    def test_rfc_1071_example(self) -> None:
        data = bytes([0x00, 0x01, 0xF2, 0x03, 0xF4, 0xF5, 0xF6, 0xF7])
        assert checksum.csum_fold(checksum.csum_partial(data, 0)) == ~0xDDF2 & 0xFFFF

    @given(
        data=st.binary(min_size=20, max_size=60).filter(lambda b: len(b) % 2 == 0 and any(b[:10] + b[12:]))
    )
    def test_a_header_with_its_checksum_sums_to_zero(self, data: bytes) -> None:
        blank = data[:10] + b"\0\0" + data[12:]
        filled = blank[:10] + checksum.ip_compute_csum(blank).to_bytes(2, "big") + blank[12:]
        assert checksum.ip_compute_csum(filled) == 0

    @given(saddr=u32, daddr=u32, proto=st.integers(0, 255), data=st.binary(max_size=100))
    def test_pseudo_header(self, saddr: int, daddr: int, proto: int, data: bytes) -> None:
        pseudo = saddr.to_bytes(4, "big") + daddr.to_bytes(4, "big") + bytes([0, proto])
        pseudo += len(data).to_bytes(2, "big")
        expected = ~plain_sum(pseudo + data) & 0xFFFF
        partial = checksum.csum_partial(data, 0)
        assert checksum.csum_tcpudp_magic(saddr, daddr, len(data), proto, partial) == expected

    @given(saddr=st.binary(min_size=16, max_size=16), proto=st.integers(0, 255), data=st.binary(max_size=100))
    def test_pseudo_header_of_ipv6(self, saddr: bytes, proto: int, data: bytes) -> None:
        daddr = saddr[::-1]
        pseudo = saddr + daddr + len(data).to_bytes(4, "big") + bytes([0, 0, 0, proto])
        partial = checksum.csum_partial(data, 0)
        magic = checksum.csum_ipv6_magic(saddr, daddr, len(data), proto, partial)
        assert magic == ~plain_sum(pseudo + data) & 0xFFFF

    @given(a=st.binary(max_size=40), b=st.binary(max_size=40))
    def test_pieces_add_up(self, a: bytes, b: bytes) -> None:
        pieces = checksum.csum_block_add(checksum.csum_partial(a, 0), checksum.csum_partial(b, 0), len(a))
        assert checksum.csum_fold(pieces) == checksum.ip_compute_csum(a + b)

    @given(data=st.binary(min_size=4, max_size=4), new=u16)
    def test_replacing_a_word(self, data: bytes, new: int) -> None:
        data = b"\x45\x00" + data
        check = checksum.ip_compute_csum(data)
        changed = data[:2] + new.to_bytes(2, "big") + data[4:]
        old = int.from_bytes(data[2:4], "big")
        assert checksum.csum_replace2(check, old, new) == checksum.ip_compute_csum(changed)


# HalfSipHash-2-4 with 32 bits of output, key 00 01 … 07, input 00 01 … of length 0, 1, …: the reference
# implementation's vectors, as little-endian numbers.
HALF_SIPHASH = [
    0x5B9F35A9, 0xB85A4727, 0x03A662FA, 0x04E7FE8A, 0x89466E2A, 0x69B6FAC5, 0x23FC6358, 0xC563CF8B,
    0x8F84B8D0, 0x79E706F8, 0x3479B094, 0x50300808, 0x2F87F057, 0xFF63E677, 0x7CF8FFD6, 0x972BFE74,
    0x84ACB5D9, 0x5B6474C4, 0x9B8D5B46, 0x87E3EF7B, 0x45104DE3, 0xB3623F61,
]  # fmt: skip
KEY = siphash.HsiphashKey(0x03020100, 0x07060504)


class TestSiphash:
    @pytest.mark.parametrize("length", range(len(HALF_SIPHASH)))
    def test_published_vectors(self, length: int) -> None:
        assert siphash.hsiphash(bytes(range(length)), KEY) == HALF_SIPHASH[length]

    @given(a=u32, b=u32, c=u32, d=u32)
    def test_words_are_bytes(self, a: int, b: int, c: int, d: int) -> None:
        data = b"".join(w.to_bytes(4, "little") for w in (a, b, c, d))
        assert siphash.hsiphash_1u32(a, KEY) == siphash.hsiphash(data[:4], KEY)
        assert siphash.hsiphash_2u32(a, b, KEY) == siphash.hsiphash(data[:8], KEY)
        assert siphash.hsiphash_3u32(a, b, c, KEY) == siphash.hsiphash(data[:12], KEY)
        assert siphash.hsiphash_4u32(a, b, c, d, KEY) == siphash.hsiphash(data, KEY)


class TestMinmax:
    samples = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 1000)), min_size=1, max_size=60)

    @given(steps=samples, win=st.integers(1, 100))
    def test_bounds(self, steps: list[tuple[int, int]], win: int) -> None:
        """Never better than the best of the window, never worse than the newest, always seen there."""
        high, low = minmax.Minmax(), minmax.Minmax()
        now = 0
        seen: list[tuple[int, int]] = []
        for gap, value in steps:
            now += gap
            if not seen:
                minmax.minmax_reset(high, now, value)
                minmax.minmax_reset(low, now, value)
            seen.append((now, value))
            window = [v for t, v in seen if now - t <= win]
            top = minmax.minmax_running_max(high, win, now, value)
            bottom = minmax.minmax_running_min(low, win, now, value)
            assert value <= top <= max(window)
            assert min(window) <= bottom <= value
            assert top in window
            assert bottom in window
            assert (top, bottom) == (minmax.minmax_get(high), minmax.minmax_get(low))

    @given(values=st.lists(st.integers(0, 1000), min_size=1, max_size=60))
    def test_exact_inside_one_window(self, values: list[int]) -> None:
        m, n = minmax.Minmax(), minmax.Minmax()
        minmax.minmax_reset(m, 0, values[0])
        minmax.minmax_reset(n, 0, values[0])
        for t, value in enumerate(values):
            assert minmax.minmax_running_max(m, 60, t, value) == max(values[: t + 1])
            assert minmax.minmax_running_min(n, 60, t, value) == min(values[: t + 1])

    def test_the_best_leaves_and_the_next_is_at_hand(self) -> None:
        m = minmax.Minmax()
        minmax.minmax_reset(m, 0, 100)
        assert minmax.minmax_running_max(m, 10, 3, 80) == 100
        assert minmax.minmax_running_max(m, 10, 6, 60) == 100
        assert minmax.minmax_running_max(m, 10, 10, 5) == 100
        assert minmax.minmax_running_max(m, 10, 11, 5) == 80
        assert minmax.minmax_running_max(m, 10, 14, 5) == 60
        assert minmax.minmax_running_max(m, 10, 40, 1) == 1


class TestSeq:
    @given(a=u32, distance=st.integers(1, 0x7FFFFFFF))
    @example(a=0xFFFFFFFF, distance=1)
    def test_order_goes_round(self, a: int, distance: int) -> None:
        b = seq.seq_add(a, distance)
        assert 0 <= b <= 0xFFFFFFFF
        assert seq.before(a, b)
        assert seq.after(b, a)
        assert not seq.before(b, a)
        assert not seq.after(a, b)
        assert (seq.seq_diff(b, a), seq.seq_diff(a, b)) == (distance, -distance)
        assert seq.seq_max(a, b) == seq.seq_max(b, a) == b

    @given(a=u32)
    def test_equal_is_neither(self, a: int) -> None:
        assert not seq.before(a, a)
        assert not seq.after(a, a)
        assert seq.between(a, a, a)
        assert seq.seq_diff(a, a) == 0

    @given(low=u32, width=st.integers(0, 0xFFFFFFFF), at=st.integers(0, 0xFFFFFFFF))
    def test_between(self, low: int, width: int, at: int) -> None:
        assert seq.between(seq.seq_add(low, at), low, seq.seq_add(low, width)) == (at <= width)

    @given(a=u32, b=u32)
    def test_only_the_low_bits_count(self, a: int, b: int) -> None:
        assert seq.before(a + 2**32, b) == seq.before(a, b)
        assert seq.after(a, b + 2**40) == seq.after(a, b)


class TestPrng:
    def test_a_stream_depends_on_seed_and_purpose_alone(self) -> None:
        """Fixed numbers: they must not change between Python versions or with PYTHONHASHSEED."""
        p = Prng(1, "isn")
        assert [p.get_random_u32() for _ in range(3)] == ISN_STREAM
        assert Prng(1, "ports").get_random_u32() != ISN_STREAM[0]
        assert Prng(2, "isn").get_random_u32() != ISN_STREAM[0]

    @given(n=st.integers(1, 2**31), seed=st.integers())
    def test_below(self, n: int, seed: int) -> None:
        p = Prng(seed, "x")
        assert all(0 <= p.below(n) < n for _ in range(20))
        assert all(-5 <= p.between(-5, -5 + n - 1) <= -5 + n - 1 for _ in range(5))

    def test_below_nothing_draws_all_the_same(self) -> None:
        p, q = Prng(1, "x"), Prng(1, "x")
        assert p.below(0) == 0
        q.get_random_u32()
        assert p.get_random_u32() == q.get_random_u32()

    def test_below_reaches_every_value_evenly(self) -> None:
        p = Prng(3, "x")
        counts = [0] * 10
        for _ in range(10_000):
            counts[p.below(10)] += 1
        assert min(counts) > 850
        assert max(counts) < 1150

    def test_chance(self) -> None:
        p = Prng(4, "x")
        assert not any(p.chance(0.0) for _ in range(100))
        assert all(p.chance(1.0) for _ in range(100))
        assert 250 < sum(p.chance(0.3) for _ in range(1000)) < 350
        draws = [p.gauss() for _ in range(2000)]
        assert abs(sum(draws) / 2000) < 0.1
        assert 0.9 < sum(d * d for d in draws) / 2000 < 1.1
        assert len(p.bytes(7)) == 7


ISN_STREAM = [756764503, 2906253924, 3543118781]

v4_parts = st.one_of(
    st.integers(0, 300).map(str),
    st.sampled_from(
        ["", "0", "00", "01", "0x", "0x7f", "0X1F", "08", "0777", "4294967296", "4294967295", "65535"]
    ),
    st.sampled_from(["16777215", "16777216", "65536", " ", "1 ", "1 x", "a", "-1", "+1", "1\t", "٣"]),
)
v4_text = st.one_of(
    st.lists(v4_parts, min_size=0, max_size=5).map(".".join),
    st.text(alphabet="0123456789.xabf \n", max_size=16),
)
v6_words = st.sampled_from(
    ["", "0", "1", "ffff", "FFFF", "00001", "abcd", "g", "1.2.3.4", "1.2.3", "0001", "::"]
)
v6_text = st.one_of(
    st.lists(v6_words, max_size=9).map(":".join),
    st.text(alphabet="0123456789abcdefABCDEF:.", max_size=40),
    st.binary(min_size=16, max_size=16).map(lambda b: socket.inet_ntop(socket.AF_INET6, b)),
)


def real_pton(family: int, text: str) -> bytes:
    try:
        return socket.inet_pton(family, text)
    except OSError:
        return b""


def real_aton(text: str) -> int:
    try:
        return int.from_bytes(socket.inet_aton(text), "big")
    except OSError:
        return -1


class TestInet:
    @given(addr=u32)
    def test_ntoa(self, addr: int) -> None:
        b = addr.to_bytes(4, "big")
        assert inet.inet_ntoa(addr) == socket.inet_ntoa(b) == inet.inet_ntop(socket.AF_INET, b)

    @given(text=v4_text)
    @example(text="127.0.0.1 tail")
    @example(text="1.2.3.4.")
    @example(text="0x7f000001")
    @example(text="")
    def test_aton(self, text: str) -> None:
        assert inet.inet_aton(text) == real_aton(text)

    @given(text=v4_text)
    @example(text="255.255.255.255")
    @example(text="1.2.3.04")
    @example(text="0.0.0.0")
    def test_pton4(self, text: str) -> None:
        assert inet.inet_pton(socket.AF_INET, text) == real_pton(socket.AF_INET, text)

    @given(text=v6_text)
    @example(text="::")
    @example(text="1::2::3")
    @example(text="::ffff:1.2.3.4")
    @example(text="1.2.3.4::")
    @example(text="1:2:3:4:5:6:7::")
    @example(text="::2:3:4:5:6:7:8")
    @example(text="1:2:3:4::5:6:7:8")
    @example(text=":1:2:3:4:5:6:7:8")
    @example(text="1:2:3:4:5:6:7:")
    def test_pton6(self, text: str) -> None:
        assert inet.inet_pton(socket.AF_INET6, text) == real_pton(socket.AF_INET6, text)

    @given(
        addr=st.one_of(
            st.binary(min_size=16, max_size=16),
            st.lists(st.sampled_from([b"\0\0", b"\0\0", b"\0\x01", b"\xff\xff"]), min_size=8, max_size=8).map(
                b"".join
            ),
        )
    )
    @example(addr=bytes(10) + b"\xff\xff\x01\x02\x03\x04")
    @example(addr=bytes(12) + b"\x01\x02\x03\x04")
    @example(addr=bytes(15) + b"\x01")
    def test_ntop6(self, addr: bytes) -> None:
        assert inet.inet_ntop(socket.AF_INET6, addr) == socket.inet_ntop(socket.AF_INET6, addr)
        assert inet.inet_pton(socket.AF_INET6, inet.inet_ntop(socket.AF_INET6, addr)) == addr

    def test_what_is_no_address(self) -> None:
        assert inet.inet_ntop(socket.AF_INET, b"abc") == ""
        assert inet.inet_ntop(socket.AF_UNIX, b"abcd") == ""
        assert inet.inet_pton(socket.AF_UNIX, "1.2.3.4") == b""
