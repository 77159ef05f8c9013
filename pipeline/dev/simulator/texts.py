"""Identifiers as fixed-width ASCII, made a column at a time."""

import numpy as np
from numpy.typing import NDArray

from pipeline.factors.columns import Int64

Ascii = NDArray[np.bytes_]
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
_SERIAL_DIGITS = 9


def numbered(prefix: str, numbers: Int64) -> Ascii:
    """``prefix`` and nine hex digits of each number, (n,) of fixed width."""
    width = len(prefix) + _SERIAL_DIGITS
    text = np.empty((len(numbers), width), np.uint8)
    text[:, : len(prefix)] = np.frombuffer(prefix.encode("ascii"), np.uint8)
    for digit in range(_SERIAL_DIGITS):
        text[:, width - 1 - digit] = _HEX[(numbers >> (4 * digit)) & 15]
    return text.view(f"S{width}").ravel()
