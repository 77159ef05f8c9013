"""Consecutive records held as columns: a sequence of records that makes none until it is asked.

What is decoded together never becomes a Python object a record. Few records, and those with
headers, stay lists: the functions here take either.
"""

from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Self, overload

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.streaming import records as plain
from pipeline.streaming.records import PlainRecord, Record, UnreadableRecord

Int = NDArray[np.int64]
_OFFSET = attrgetter("offset")
_TIMESTAMP = attrgetter("timestamp")


class ColumnarRecords(Sequence[Record]):
    """Records without headers, by column; slices share them.

    ``offsets`` ascend within a partition, ``timestamps_ms`` are Kafka's, both of shape (n,);
    ``keys`` and ``values`` are chunked binary columns of as many.
    """

    __slots__ = ("keys", "nbytes", "offsets", "timestamps_ms", "values")

    def __init__(
        self, offsets: Int, timestamps_ms: Int, keys: pa.ChunkedArray, values: pa.ChunkedArray
    ) -> None:
        """Hold columns of one length."""
        self.offsets = offsets
        self.timestamps_ms = timestamps_ms
        self.keys = keys
        self.values = values
        self.nbytes = _content_bytes(keys) + _content_bytes(values)
        """Of keys and values."""

    @classmethod
    def of(cls, records: Sequence[Record]) -> Self | None:
        """Single records as columns; None if one of them has more than columns hold."""
        if any(record.headers or isinstance(record, UnreadableRecord) for record in records):
            return None
        return cls(
            np.fromiter(map(_OFFSET, records), np.int64, len(records)),
            timestamps_of(records),
            pa.chunked_array([[record.key for record in records]], pa.binary()),
            pa.chunked_array([[record.value for record in records]], pa.binary()),
        )

    @classmethod
    def concatenated(cls, parts: Sequence["ColumnarRecords"]) -> Self:
        """One after the other; keys and values are not copied."""
        return cls(
            np.concatenate([part.offsets for part in parts]),
            np.concatenate([part.timestamps_ms for part in parts]),
            pa.chunked_array([c for part in parts for c in part.keys.chunks], pa.binary()),
            pa.chunked_array([c for part in parts for c in part.values.chunks], pa.binary()),
        )

    def __len__(self) -> int:
        """The number of records."""
        return len(self.offsets)

    @overload
    def __getitem__(self, at: int) -> PlainRecord: ...

    @overload
    def __getitem__(self, at: slice) -> Self: ...

    def __getitem__(self, at: int | slice) -> PlainRecord | Self:
        """A record, or consecutive ones."""
        if isinstance(at, slice):
            start, stop, step = at.indices(len(self))
            if step != 1:
                raise ValueError("only consecutive records are taken")
            size = max(stop - start, 0)
            columns = (self.keys.slice(start, size), self.values.slice(start, size))
            return type(self)(self.offsets[at], self.timestamps_ms[at], *columns)
        place = range(len(self))[at]
        return PlainRecord(
            int(self.offsets[place]),
            int(self.timestamps_ms[place]),
            self.keys[place].as_py(),
            self.values[place].as_py(),
        )

    def __iter__(self) -> Iterator[PlainRecord]:
        """Each record."""
        return map(
            PlainRecord,
            self.offsets.tolist(),
            self.timestamps_ms.tolist(),
            self.keys.to_pylist(),
            self.values.to_pylist(),
        )


def joined(parts: Sequence[Sequence[Record]]) -> Sequence[Record]:
    """Records one after the other: as columns where some are and the others can be."""
    parts = [part for part in parts if len(part)]
    if len(parts) == 1:
        return parts[0]
    if any(isinstance(part, ColumnarRecords) for part in parts):
        columns = [_columnar(part) for part in parts]
        whole = [part for part in columns if part is not None]
        if len(whole) == len(columns):
            return ColumnarRecords.concatenated(whole)
    return [record for part in parts for record in part]


def _columnar(part: Sequence[Record]) -> ColumnarRecords | None:
    return part if isinstance(part, ColumnarRecords) else ColumnarRecords.of(part)


def since(records: Sequence[Record], offset: int) -> Sequence[Record]:
    """Those at ``offset`` or behind it; the same object where that is all."""
    if not records or records[0].offset >= offset:
        return records
    if isinstance(records, ColumnarRecords):
        return records[int(np.searchsorted(records.offsets, offset)) :]
    return [record for record in records if record.offset >= offset]


def until(records: Sequence[Record], offset: int) -> Sequence[Record]:
    """Those ahead of ``offset``."""
    if isinstance(records, ColumnarRecords):
        return records[: int(np.searchsorted(records.offsets, offset))]
    return [record for record in records if record.offset < offset]


def size_of(records: Sequence[Record]) -> int:
    """Bytes of the records' keys, values and headers."""
    if isinstance(records, ColumnarRecords):
        return records.nbytes
    return plain.size_of(records)


def key_column(records: Sequence[Record]) -> pa.BinaryArray:
    """The keys as one column."""
    if isinstance(records, ColumnarRecords):
        return pa.concat_arrays(records.keys.chunks)
    return pa.array([record.key for record in records], pa.binary())


def keys_of(records: Sequence[Record]) -> list[bytes | None]:
    """The keys, one by one."""
    if isinstance(records, ColumnarRecords):
        keys: list[bytes | None] = records.keys.to_pylist()
        return keys
    return [record.key for record in records]


def values_of(records: Sequence[Record]) -> list[bytes | None]:
    """The values, one by one."""
    if isinstance(records, ColumnarRecords):
        values: list[bytes | None] = records.values.to_pylist()
        return values
    return [record.value for record in records]


def timestamps_of(records: Sequence[Record]) -> Int:
    """Kafka's timestamps in milliseconds, shape (n,)."""
    if isinstance(records, ColumnarRecords):
        return records.timestamps_ms
    return np.fromiter(map(_TIMESTAMP, records), np.int64, len(records))


def _content_bytes(column: pa.ChunkedArray) -> int:
    return sum(_array_bytes(chunk) for chunk in column.chunks)


def _array_bytes(array: pa.Array) -> int:
    if not len(array):
        return 0
    bounds = np.frombuffer(array.buffers()[1], np.int32)
    return int(bounds[array.offset + len(array)] - bounds[array.offset])
