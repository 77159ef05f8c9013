"""Compressed record batches, unpacked to no more than a bound.

A broker bounds what a batch takes compressed; 2 KB of zstd may stand for 64 MB. The clients'
own decoders unpack whatever comes.
"""

import gzip
import io
import struct
import zlib
from collections.abc import Callable
from typing import Final

import cramjam
import numpy as np

GZIP: Final = 1
SNAPPY: Final = 2
LZ4: Final = 3
ZSTD: Final = 4
_XERIAL_MAGIC = b"\x82SNAPPY\0"
_XERIAL_HEADER_BYTES = 16
_TOO_SMALL = "failed to write whole buffer"
"""What cramjam says when the room it is given does not do."""


class UnpackError(ValueError):
    """A batch does not unpack, or to more than it may."""


def unpack(codec: int, packed: bytes, bytes_max: int) -> bytes:
    """The records of a compressed batch.

    Args:
        codec: The batch's codec as Kafka numbers them; 0 is none.
        packed: What follows the batch's header.
        bytes_max: The most it may unpack to.

    Raises:
        UnpackError: It is more than that, or is broken, or the codec is not known.
    """
    if codec == 0:
        return packed
    unpacker = _UNPACKERS.get(codec)
    if unpacker is None:
        raise UnpackError(f"its codec {codec} is not known")
    try:
        records = unpacker(packed, bytes_max)
    except (OSError, EOFError, zlib.error, struct.error, cramjam.DecompressionError) as error:
        if str(error) == _TOO_SMALL:
            raise _too_large(bytes_max) from error
        raise UnpackError(f"it does not unpack: {error}") from error
    if len(records) > bytes_max:
        raise _too_large(bytes_max)
    return records


def _too_large(bytes_max: int) -> UnpackError:
    return UnpackError(f"it unpacks to more than {bytes_max} bytes")


def _gzip(packed: bytes, bytes_max: int) -> bytes:
    with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
        return file.read(bytes_max + 1)


def _lz4(packed: bytes, bytes_max: int) -> bytes:
    room = np.empty(bytes_max, np.uint8)  # touched no further than it is filled
    return room[: cramjam.lz4.decompress_into(packed, room.data)].tobytes()


def _zstd(packed: bytes, bytes_max: int) -> bytes:
    room = np.empty(bytes_max, np.uint8)
    return room[: cramjam.zstd.decompress_into(packed, room.data)].tobytes()


def _snappy(packed: bytes, bytes_max: int) -> bytes:
    """Either one block, or blocks of xerial's framing with their lengths ahead."""
    if not packed.startswith(_XERIAL_MAGIC):
        return _snappy_block(packed, bytes_max, bytes_max)
    blocks, at, left = [], _XERIAL_HEADER_BYTES, bytes_max
    while at < len(packed):
        (size,) = struct.unpack_from(">i", packed, at)
        at += 4
        if size < 0 or size > len(packed) - at:
            raise UnpackError(f"it does not unpack: a block of {size} bytes")
        blocks.append(_snappy_block(packed[at : at + size], left, bytes_max))
        left -= len(blocks[-1])
        at += size
    return b"".join(blocks)


def _snappy_block(block: bytes, left: int, bytes_max: int) -> bytes:
    if cramjam.snappy.decompress_raw_len(block) > left:
        raise _too_large(bytes_max)
    return bytes(cramjam.snappy.decompress_raw(block))


_UNPACKERS: dict[int, Callable[[bytes, int], bytes]] = {
    GZIP: _gzip,
    SNAPPY: _snappy,
    LZ4: _lz4,
    ZSTD: _zstd,
}
