"""Identifiers as fixed-width ASCII, made a column at a time."""

from collections.abc import Iterable

import numpy as np
import xxhash
from numpy.typing import NDArray

from pipeline.factors.columns import Int64, UInt64

Ascii = NDArray[np.bytes_]
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
_ID40 = (1 << 40) - 1
_SERIAL_DIGITS = 9


def numbered(prefix: str, numbers: Int64) -> Ascii:
    """``prefix`` and nine hex digits of each number, (n,) of fixed width."""
    width = len(prefix) + _SERIAL_DIGITS
    text = np.empty((len(numbers), width), np.uint8)
    text[:, : len(prefix)] = np.frombuffer(prefix.encode("ascii"), np.uint8)
    for digit in range(_SERIAL_DIGITS):
        text[:, width - 1 - digit] = _HEX[(numbers >> (4 * digit)) & 15]
    return text.view(f"S{width}").ravel()


def id_hashes(ids: Ascii) -> UInt64:
    """The low 40 bits of xxh3_64 of each id, never 0."""
    hashed: UInt64 = np.maximum(_xxh3(ids.tolist()) & np.uint64(_ID40), np.uint64(1))
    return hashed


def full_hashes(texts: Iterable[bytes]) -> UInt64:
    """The 64 bits of xxh3_64 of each text, never 0."""
    hashed: UInt64 = np.maximum(_xxh3(texts), np.uint64(1))
    return hashed


def _xxh3(texts: Iterable[bytes]) -> UInt64:
    digest = xxhash.xxh3_64_intdigest
    return np.fromiter((digest(text) for text in texts), np.uint64)
