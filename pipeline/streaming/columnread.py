"""Kafka record batches as columns, read by the Avro decoder.

A record of Kafka's format 2 is a sequence of zigzag varints and of bytes with their length
ahead (Kafka's documentation, "Record"), which is how Avro writes long and string. So a batch
of records without headers is an Avro array of them, once its count is ahead and a zero behind
it, and takes a fifth of what an object a record does.
"""

import json
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyruhvro import deserialize_array

from pipeline.streaming.columnar import ColumnarRecords, Int
from pipeline.streaming.recordcolumns import OddBatchError, Unpacked

_FIELDS = {
    "size": "long",
    "attributes": "long",
    "later_ms": "long",
    "behind": "long",
    "key": "string",
    "value": "string",
    "headers": "long",
}
_RECORD = {
    "type": "record",
    "name": "Record",
    "fields": [{"name": name, "type": kind} for name, kind in _FIELDS.items()],
}
_BATCH = json.dumps(
    {
        "type": "record",
        "name": "Batch",
        "fields": [{"name": "records", "type": {"type": "array", "items": _RECORD}}],
    }
)
_FIXED_BYTES = 2
"""Attributes and the number of headers, 0, take a byte each."""


class Times(NamedTuple):
    """When a batch's records are of.

    ``appended_ms``: all of them, in a log that keeps its own time; None: each is so much later
    than ``first_ms`` as it says.
    """

    first_ms: int
    appended_ms: int | None


def read_records(batch: Unpacked, times: Times, next_offset: int | None = None) -> ColumnarRecords:
    """A batch's records.

    Args:
        batch: Its bytes.
        times: When they are of.
        next_offset: The first offset behind the batch; None: any may be in it.

    Raises:
        OddBatchError: They cannot be read so: one is broken, has headers, or no key or value, or
            says it is in another place than within the batch.
    """
    framed = b"".join((_varint(batch.count), batch.body, b"\0"))
    try:
        records = deserialize_array([framed], _BATCH).column(0).values
    except ValueError as error:
        raise OddBatchError(str(error)) from error
    size, attributes, later_ms, behind, keys, values, headers = records.flatten()
    numbers = np.array([_longs(column) for column in (size, later_ms, behind, attributes, headers)])
    size, later_ms, behind = numbers[:3]
    if len(records) != batch.count or numbers[3:].any():
        raise OddBatchError("other records than said, or one with headers")
    lengths = np.array([_lengths(keys), _lengths(values)])
    takes = _varint_bytes(np.concatenate((numbers[:3], lengths)))
    content = _FIXED_BYTES + takes[1:].sum(axis=0) + lengths.sum(axis=0)
    if (content != size).any() or int(size.sum() + takes[0].sum()) != len(batch.body):
        raise OddBatchError("a record of another length than it says")
    if (np.diff(behind, prepend=-1) <= 0).any():
        raise OddBatchError("records that are not in the order of their offsets")
    if next_offset is not None and int(behind[-1]) >= next_offset - batch.base_offset:
        raise OddBatchError("a record that says it is behind its batch")
    if times.appended_ms is None:
        timestamps_ms = times.first_ms + later_ms
    else:
        timestamps_ms = np.full(batch.count, times.appended_ms)
    return ColumnarRecords(
        batch.base_offset + behind,
        timestamps_ms,
        pa.chunked_array([keys.view(pa.binary())]),
        pa.chunked_array([values.view(pa.binary())]),
    )


def _varint(count: int) -> bytes:
    """A number as Avro writes a long."""
    zigzag, octets = count << 1, bytearray()
    while zigzag >= 0x80:  # noqa: PLR2004 - the bit that says more follows
        octets.append(zigzag & 0x7F | 0x80)
        zigzag >>= 7
    octets.append(zigzag)
    return bytes(octets)


def _longs(column: pa.Array) -> Int:
    return np.frombuffer(column.buffers()[1], np.int64)


def _lengths(texts: pa.Array) -> Int:
    bounds = np.frombuffer(texts.buffers()[1], np.int32)
    return np.diff(bounds).astype(np.int64)


def _varint_bytes(numbers: Int) -> NDArray[np.int64]:
    """Bytes that each number takes: one per started 7 bits of its zigzag form."""
    zigzag = ((numbers << 1) ^ (numbers >> 63)).view(np.uint64)
    takes = np.ones(numbers.shape, np.int64)
    largest = int(zigzag.max(initial=0))
    for bits in range(7, 64, 7):
        if largest >> bits == 0:
            break
        takes += zigzag >> np.uint64(bits) != 0
    return takes
