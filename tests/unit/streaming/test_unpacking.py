"""Compressed batches unpack to what they held, or not at all."""

import gzip
import struct
from collections.abc import Callable

import cramjam
import pytest

from pipeline.streaming.unpacking import GZIP, LZ4, SNAPPY, ZSTD, UnpackError, unpack

PACKERS: dict[int, Callable[[bytes], bytes]] = {
    GZIP: gzip.compress,
    SNAPPY: lambda body: bytes(cramjam.snappy.compress_raw(body)),
    LZ4: lambda body: bytes(cramjam.lz4.compress(body)),
    ZSTD: lambda body: bytes(cramjam.zstd.compress(body)),
}


def xerial(*blocks: bytes) -> bytes:
    packed = [bytes(cramjam.snappy.compress_raw(block)) for block in blocks]
    framed = b"".join(struct.pack(">i", len(block)) + block for block in packed)
    return b"\x82SNAPPY\0" + struct.pack(">ii", 1, 1) + framed


@pytest.mark.parametrize("codec", PACKERS)
@pytest.mark.parametrize("body", [b"", b"a", b"abc" * 40_000])
def test_what_fits_unpacks(codec: int, body: bytes) -> None:
    assert unpack(codec, PACKERS[codec](body), len(body) + 1) == body


@pytest.mark.parametrize("codec", PACKERS)
def test_the_bound_itself_fits_and_a_byte_more_does_not(codec: int) -> None:
    packed = PACKERS[codec](b"a" * 1_000)
    assert len(unpack(codec, packed, 1_000)) == 1_000
    with pytest.raises(UnpackError, match="unpacks to more than 999 bytes"):
        unpack(codec, packed, 999)


def test_nothing_is_packed_without_a_codec() -> None:
    assert unpack(0, b"as it is", 1) == b"as it is"


def test_blocks_in_xerials_framing_are_joined() -> None:
    assert unpack(SNAPPY, xerial(b"one", b"two"), 6) == b"onetwo"
    with pytest.raises(UnpackError, match="more than 5 bytes"):
        unpack(SNAPPY, xerial(b"one", b"two"), 5)


@pytest.mark.parametrize("size", [-4, -1, 99])
def test_a_block_of_an_impossible_length_is_refused(size: int) -> None:
    with pytest.raises(UnpackError, match=f"a block of {size} bytes"):
        unpack(SNAPPY, xerial() + struct.pack(">i", size), 100)


@pytest.mark.parametrize("codec", PACKERS)
@pytest.mark.parametrize("spoil", [lambda p: p[: len(p) // 2], lambda p: b"\xff" * len(p)])
def test_what_is_broken_is_refused(codec: int, spoil: Callable[[bytes], bytes]) -> None:
    packed = PACKERS[codec](bytes(range(256)) * 20)
    with pytest.raises(UnpackError, match=r"does not unpack|more than"):
        unpack(codec, spoil(packed), 1 << 20)


def test_an_unknown_codec_is_refused() -> None:
    with pytest.raises(UnpackError, match="codec 7 is not known"):
        unpack(7, b"", 1)
