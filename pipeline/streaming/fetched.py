"""What aiokafka has fetched, read within bounds and past what it stumbles over.

Left to itself it unpacks a compressed batch to any size, hands over all of a fetch at once, and
a header whose name is not UTF-8 stops the partition for good, though a broker takes it.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.memory_records import _MemoryRecordsPy
from aiokafka.record.util import decode_varint
from crc32c import crc32c

from pipeline.streaming.columnar import since
from pipeline.streaming.columnread import Times, read_records
from pipeline.streaming.recordcolumns import OddBatchError, Unpacked
from pipeline.streaming.records import RECORD_BYTES, Header, ReadRecord, UnreadableRecord
from pipeline.streaming.unpacking import UnpackError, unpack

HEADERS_MAX = 64
"""Headers kept of a record that the quick reader was not given."""
QUICK_BYTES_MAX = 2 << 20
"""Bytes of a batch given to the quick reader, whose records may take 40 times theirs."""
COLUMNS_FROM = 256
"""Records of a batch that are read by column: fewer are sooner read one by one."""
_BATCH_HEADER = struct.Struct(">qiibIhiqqqhii")
_CRC = struct.Struct(">I")
_CRC_AT = struct.calcsize(">qiib")
_HEADER_BYTES = _BATCH_HEADER.size
_ATTRIBUTES_AT = struct.calcsize(">qiibI")
_MAGIC_AT = struct.calcsize(">qii")
_MAGIC = 2
_CODEC_MASK = 0x07
_TWO_63 = 1 << 63


class BoundedRecords(_MemoryRecordsPy):  # type: ignore[misc] # untyped
    """The batches of a fetch."""

    unpacked_bytes_max: int
    whole = False
    """Whether a batch is handed over as one `WholeBatch` instead of its records."""

    def next_batch(self) -> Any:
        """The next batch; None after the last."""
        piece = self._next_slice
        batch = super().next_batch()
        if piece is None or piece[_MAGIC_AT] < _MAGIC or batch.is_control_batch:
            return batch
        if self.whole:
            return WholeBatches(batch, piece, self.unpacked_bytes_max)
        return BoundedBatch(batch, bytes(piece), self.unpacked_bytes_max)


class BoundedBatch:
    """One batch; its records are read while they are asked for."""

    def __init__(self, batch: Any, data: bytes | memoryview, unpacked_bytes_max: int) -> None:
        """Wrap aiokafka's ``batch`` of ``data``."""
        self._batch = batch
        self._data = data
        self._unpacked_bytes_max = unpacked_bytes_max
        self._count = int(_BATCH_HEADER.unpack_from(data)[-1])
        self.base_offset: int = batch.base_offset
        self.next_offset: int = batch.next_offset
        self.producer_id: int | None = batch.producer_id
        self.is_transactional: bool = batch.is_transactional
        self.is_control_batch = False

    def validate_crc(self) -> bool:
        """Whether it is as it was written."""
        (written,) = _CRC.unpack_from(self._data, _CRC_AT)
        return bool(written == crc32c(memoryview(self._data)[_ATTRIBUTES_AT:]))

    def __iter__(self) -> Iterator[Any]:
        """Its records; one that stands for those that cannot be read."""
        try:
            body = bytes(self.unpacked().body)
        except UnpackError as error:
            return iter((self._unreadable(0, str(error)),))
        return self._read(body)

    def read(self, bytes_max: int) -> "ReadAtOnce | Iterator[Any]":
        """Its records: at once if they are within the bound and have no headers.

        Args:
            bytes_max: Of their bytes, with `RECORD_BYTES` for each.
        """
        try:
            body = bytes(self.unpacked().body)
        except UnpackError as error:
            return iter((self._unreadable(0, str(error)),))
        nbytes = len(body) + self._count * RECORD_BYTES
        columns = self._columnar(body) if nbytes <= bytes_max else None
        if columns is not None:
            return ReadAtOnce(columns, nbytes)
        if nbytes > bytes_max or len(body) > QUICK_BYTES_MAX:
            return self._read(body)
        records = self._listed(body)
        if records is None:
            return self._read_slowly(body, 0)
        if any(record.headers for record in records):  # they take more than their bytes
            return iter(records)
        return ReadAtOnce(records, nbytes)

    def _listed(self, body: bytes) -> list[Any] | None:
        """Its records as the quick reader has them; None if one is not as it should be."""
        try:
            records = list(self._plain(body))
        except (CorruptRecordException, UnicodeDecodeError):
            return None
        return records if all(map(self._is_next, (None, *records), records)) else None

    def _columnar(self, body: bytes) -> Sequence[Any] | None:
        """Its records by column, if that is worth it and they are none that must be looked at."""
        if self._count < COLUMNS_FROM:
            return None
        batch = self._batch
        # With the log's own time all records of a batch have that of the last.
        appended_ms = batch.max_timestamp if batch.timestamp_type else None
        times = Times(batch.first_timestamp, appended_ms)
        try:
            unpacked = Unpacked(self.base_offset, self._count, body)
            return read_records(unpacked, times, self.next_offset)
        except OddBatchError:
            return None

    def _is_next(self, former: Any, record: Any) -> bool:
        """Whether a record lies behind the former, and within the batch.

        A broker does not look at each record's place in what is not compressed; to believe one
        would be to take all up to there for applied.
        """
        least = self.base_offset if former is None else former.offset + 1
        return bool(least <= record.offset < self.next_offset)

    def _read(self, body: bytes) -> Iterator[Any]:
        read, former = 0, None
        if len(body) <= QUICK_BYTES_MAX:
            try:
                for record in self._plain(body):
                    if not self._is_next(former, record):
                        break
                    yield record
                    read, former = read + 1, record
                else:
                    return
            except (CorruptRecordException, UnicodeDecodeError):
                pass
        yield from self._read_slowly(body, read)

    def unpacked(self) -> Unpacked:
        """Its records as bytes.

        Raises:
            UnpackError: They do not unpack, or to more than they may.
        """
        codec = self._batch.attributes & _CODEC_MASK
        body = unpack(codec, bytes(self._data[_HEADER_BYTES:]), self._unpacked_bytes_max)
        return Unpacked(self.base_offset, self._count, body)

    def _plain(self, body: bytes) -> Any:
        if not self._batch.attributes & _CODEC_MASK:
            return self._batch
        header = bytearray(self._data[:_HEADER_BYTES])
        header[_ATTRIBUTES_AT + 1] &= ~_CODEC_MASK
        return DefaultRecordBatch(bytes(header) + body)

    def _read_slowly(self, body: bytes, skipped: int) -> Iterator[ReadRecord | UnreadableRecord]:
        """Records after the first ``skipped``, whatever their headers are called."""
        at, former = 0, None
        for number in range(self._count):
            try:
                record, at = _read(body, at, self._batch)
            except (IndexError, ValueError) as error:
                yield self._unreadable(number, f"its record {number} is broken: {error}")
                return
            if not self._is_next(former, record):
                yield self._unreadable(number, f"its record {number} says it is {record.offset}")
                return
            former = record
            if number >= skipped:
                yield record

    def _unreadable(self, read: int, problem: str) -> UnreadableRecord:
        return UnreadableRecord(
            offset=self.next_offset - 1,
            timestamp=self._batch.max_timestamp,
            problem=f"the last {self._count - read} records of a batch that begins at "
            f"{self.base_offset} were not read: {problem}",
        )


@dataclass(frozen=True, slots=True)
class ReadAtOnce:
    """Consecutive records of a batch; at most ``nbytes`` are counted for them."""

    records: Sequence[Any]
    nbytes: int

    def after(self, start: int) -> "ReadAtOnce":
        """Those at offsets from ``start`` on."""
        left = since(self.records, start)
        return self if left is self.records else ReadAtOnce(left, self.nbytes)

    def parted(self, first: int) -> "tuple[ReadAtOnce, ReadAtOnce | None]":
        """So many at most, and the others; the bytes are shared out evenly."""
        if len(self.records) <= first:
            return self, None
        nbytes = self.nbytes * first // len(self.records)
        return (
            ReadAtOnce(self.records[:first], nbytes),
            ReadAtOnce(self.records[first:], self.nbytes - nbytes),
        )


class WholeBatches(BoundedBatch):
    """One batch, handed over whole: what reads records one by one meets a single one."""

    def __iter__(self) -> Iterator["WholeBatch"]:
        """Itself, at its last offset."""
        yield WholeBatch(self.next_offset - 1, self._batch.max_timestamp, self)

    def records(self) -> Iterator[Any]:
        """Its records, as they are read one by one."""
        return super().__iter__()

    def unpacked_in_place(self) -> Unpacked:
        """As `unpacked`, but what is not compressed is not copied."""
        if self._batch.attributes & _CODEC_MASK:
            return self.unpacked()
        return Unpacked(self.base_offset, self._count, memoryview(self._data)[_HEADER_BYTES:])


@dataclass(frozen=True, slots=True)
class WholeBatch:
    """A batch in the shape of a record."""

    offset: int
    timestamp: int
    batch: WholeBatches
    key: None = None
    value: None = None
    headers: tuple[Header, ...] = ()

    @property
    def unpacked(self) -> Unpacked:
        """Its records as bytes.

        Raises:
            UnpackError: They do not unpack, or to more than they may.
        """
        return self.batch.unpacked_in_place()

    def records(self, start: int, end: int) -> list[Any]:
        """Its records at offsets from ``start`` up to but without ``end``, one by one."""
        return [record for record in self.batch.records() if start <= record.offset < end]


def _read(body: bytes, at: int, batch: Any) -> tuple[ReadRecord, int]:
    """The record at a place, and the place of the next."""
    size, at = decode_varint(body, at)
    end = at + size
    if size < 0 or end > len(body):
        raise ValueError(f"{size} bytes where {len(body) - at} are left")
    delta_ms, at = decode_varint(body, at + 1)
    delta, at = decode_varint(body, at)
    key, at = _bytes(body, at, end)
    value, at = _bytes(body, at, end)
    count, at = decode_varint(body, at)
    headers = []
    for _ in range(min(count, HEADERS_MAX)):
        name, at = _bytes(body, at, end)
        content, at = _bytes(body, at, end)
        headers.append(((name or b"").decode(errors="replace"), content))
    # With the log's own time all records of a batch have that of the last.
    at_ms = (
        batch.max_timestamp if batch.timestamp_type else _wrapped(batch.first_timestamp + delta_ms)
    )
    offset = batch.base_offset + delta
    return ReadRecord(offset, at_ms, batch.timestamp_type, key, value, tuple(headers)), end


def _bytes(body: bytes, at: int, end: int) -> tuple[bytes | None, int]:
    size, at = decode_varint(body, at)
    if size < 0:
        return None, at
    if size > end - at:
        raise ValueError(f"{size} bytes where {end - at} are left")
    return body[at : at + size], at + size


def _wrapped(number: int) -> int:
    """As 64 bits hold it, which is how a broker and the quick readers add."""
    return (number + _TWO_63) % (2 * _TWO_63) - _TWO_63
