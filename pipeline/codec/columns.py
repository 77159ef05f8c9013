"""Numpy views on the columns of a decoded batch, without copies where Arrow allows."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.factors.columns import Bool, Int32, Int64, UInt8


class Texts:
    """A string column as its bytes: ``data[starts[i]:ends[i]]`` is value i, null is empty.

    ``lengths`` are in bytes; ``used`` are the bytes of all values, one after the other.
    """

    def __init__(self, array: pa.Array) -> None:
        """Look at a string or binary array."""
        _, offsets, data = array.buffers()
        bounds = np.frombuffer(offsets, np.int32)[array.offset : array.offset + len(array) + 1]
        self.array = array
        self.starts = bounds[:-1]
        self.ends = bounds[1:]
        self.lengths: NDArray[np.int32] = self.ends - self.starts
        self.data: UInt8 = np.frombuffer(b"" if data is None else data, np.uint8)
        self.used = self.data[bounds[0] : bounds[-1]].tobytes() if len(array) else b""

    @property
    def ascii(self) -> bool:
        """Whether every value is ASCII, as nearly all are."""
        return self.used.isascii()

    def binary(self) -> pa.Array:
        """The values as they lie, not known to be UTF-8."""
        return self.array.view(pa.binary())


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
        self._longs: dict[str, Int64] = {}

    def __len__(self) -> int:
        """The number of records."""
        return int(self.batch.num_rows)

    def texts(self, name: str) -> Texts:
        """A string column."""
        texts = self._texts.get(name)
        if texts is None:
            texts = self._texts[name] = Texts(self.batch.column(name))
        return texts

    def longs(self, name: str) -> Int64:
        """An integer or enum column, as it lies; see `valid` for nulls."""
        longs = self._longs.get(name)
        if longs is None:
            longs = self._longs[name] = long_values(self.batch.column(name))
        return longs

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
