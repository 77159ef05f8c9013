"""Numpy views on the columns of a decoded batch, without copies where Arrow allows."""

from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.factors.columns import Bool, Int32, Int64, UInt8


class Texts:
    """A string column as its bytes: ``data[starts[i]:ends[i]]`` is value i, null is empty."""

    def __init__(self, array: pa.Array) -> None:
        """Look at a string or binary array."""
        _, offsets, data = array.buffers()
        bounds = np.frombuffer(offsets, np.int32)[array.offset : array.offset + len(array) + 1]
        self.array = array
        self.starts = bounds[:-1]
        self.ends = bounds[1:]
        self.data: UInt8 = np.frombuffer(b"" if data is None else data, np.uint8)

    @cached_property
    def lengths(self) -> NDArray[np.int32]:
        """Bytes of each value, 0 where null."""
        return self.ends - self.starts

    @cached_property
    def ascii(self) -> bool:
        """Whether every value is ASCII, as nearly all are."""
        used = self.data[self.starts[0] : self.ends[-1]] if len(self.array) else self.data[:0]
        return not len(used) or int(used.max()) < 128  # noqa: PLR2004 - the first byte beyond ASCII

    def binary(self) -> list[bytes | None]:
        """The values as bytes, None where null."""
        values: list[bytes | None] = self.array.cast(pa.binary()).to_pylist()
        return values


def valid_mask(array: pa.Array) -> Bool | None:
    """Which values are not null; None where all are."""
    if not array.null_count:
        return None
    bits = np.frombuffer(array.buffers()[0], np.uint8)
    mask = np.unpackbits(bits, count=array.offset + len(array), bitorder="little")
    return mask[array.offset :].view(np.bool_)


def long_values(array: pa.Array) -> Int64:
    """An int64 column; where null the value is the decoder's, so look at `valid_mask`."""
    values = np.frombuffer(array.buffers()[1], np.int64)
    return values[array.offset : array.offset + len(array)]


def int_values(array: pa.Array) -> Int32:
    """An int32 column; where null the value is the decoder's, so look at `valid_mask`."""
    values = np.frombuffer(array.buffers()[1], np.int32)
    return values[array.offset : array.offset + len(array)]


class Columns:
    """The columns of a batch by name, each looked at once."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        """Look at a batch in the reader's layout."""
        self.batch = batch
        self._texts: dict[str, Texts] = {}

    def __len__(self) -> int:
        """The number of records."""
        return int(self.batch.num_rows)

    def texts(self, name: str) -> Texts:
        """A string column."""
        if name not in self._texts:
            self._texts[name] = Texts(self.batch.column(name))
        return self._texts[name]

    def longs(self, name: str) -> Int64:
        """An integer or enum column, as it lies; see `valid` for nulls."""
        return long_values(self.batch.column(name))

    def valid(self, name: str) -> Bool | None:
        """Which values of a column are not null; None where all are."""
        return valid_mask(self.batch.column(name))

    def valid_or_all(self, name: str) -> Bool:
        """As `valid`, with a full mask where nothing is null."""
        mask = self.valid(name)
        return np.ones(len(self), np.bool_) if mask is None else mask

    def longs_or(self, name: str, null: int) -> Int64:
        """An integer column with ``null`` in place of nulls."""
        mask, values = self.valid(name), self.longs(name)
        return values if mask is None else np.where(mask, values, null)

    def booleans(self, name: str) -> Bool:
        """A boolean column without nulls."""
        array = self.batch.column(name)
        bits = np.frombuffer(array.buffers()[1], np.uint8)
        mask = np.unpackbits(bits, count=array.offset + len(array), bitorder="little")
        return mask[array.offset :].view(np.bool_)
