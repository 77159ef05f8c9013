"""Records of fetched batches as columns: where each key and value lies, and no object a record.

A person's row costs a slice of what was fetched instead of a record, its key and its value.
What is odd in any way is left to the reader of single records.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from pipeline.streaming.records import Entry

Int = NDArray[np.int64]
_CONTINUED = 0x80
_PAYLOAD = 0x7F
_PAYLOAD_BITS = 7
_VARINT_BYTES = 10
_ALIKE_MIN = 4
"""Records of one size in a row from which on more of them are looked for at once."""
_RUN_MAX = 1024


class OddBatchError(ValueError):
    """Records that are not read by column: broken, with headers or without keys."""


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A batch's records as bytes: what follows its header, unpacked."""

    base_offset: int
    count: int
    body: bytes | memoryview


@dataclass(frozen=True, slots=True)
class RecordColumns:
    """Consecutive records.

    ``data`` holds them all; the columns, (n,) each, say where key and value of each begin and
    how long they are, -1 for a value that is null.
    """

    data: bytes
    offsets: Int
    key_at: Int
    key_size: Int
    value_at: Int
    value_size: Int

    def __len__(self) -> int:
        """The number of records."""
        return len(self.offsets)

    def within(self, start: int, end: int) -> Self:
        """Those at offsets from ``start`` up to but without ``end``."""
        if not len(self) or (self.offsets[0] >= start and self.offsets[-1] < end):
            return self
        kept = (self.offsets >= start) & (self.offsets < end)
        columns = (self.offsets, self.key_at, self.key_size, self.value_at, self.value_size)
        return type(self)(self.data, *(column[kept] for column in columns))

    def entries(self) -> list[Entry]:
        """Keys and values, one by one."""
        data = self.data
        places = zip(
            self.key_at.tolist(),
            self.key_size.tolist(),
            self.value_at.tolist(),
            self.value_size.tolist(),
            strict=True,
        )
        return [
            (data[k : k + key], data[v : v + value] if value >= 0 else None)
            for k, key, v, value in places
        ]

    def values_at(self, chosen: Int) -> list[bytes]:
        """Values of some records, none of them null."""
        data = self.data
        starts = self.value_at[chosen]
        ends = starts + self.value_size[chosen]
        return [data[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]


def read_columns(batches: Sequence[Unpacked]) -> RecordColumns:
    """The records of batches of Kafka's message format 2, one after the other.

    Raises:
        OddBatchError: They cannot be read so.
    """
    data = b"".join(batch.body for batch in batches)
    octets = np.frombuffer(data, np.uint8)
    try:
        size, starts = _varints(octets, _begins(data, octets, batches))
        _, at = _varints(octets, starts + 1)  # after the attributes: how much later it is
        later, at = _varints(octets, at)
        key_size, key_at = _varints(octets, at)
        value_size, value_at = _varints(octets, key_at + np.maximum(key_size, 0))
        headers, at = _varints(octets, value_at + np.maximum(value_size, 0))
    except IndexError as error:
        raise OddBatchError("a record is cut off") from error
    if (key_size < 0).any() or headers.any() or (at != starts + size).any():
        raise OddBatchError("a record without key, with headers or of another length")
    counts = [batch.count for batch in batches]
    offsets = later + np.repeat([batch.base_offset for batch in batches], counts)
    return RecordColumns(data, offsets, key_at, key_size, value_at, value_size)


def _begins(data: bytes, octets: NDArray[np.uint8], batches: Sequence[Unpacked]) -> Int:
    """Where each record begins, with its length.

    Each begins where the one before ends, so this alone is a loop; records of one size after
    each other, as people's rows are, it passes at once.
    """
    found: list[Int] = []
    single: list[int] = []
    at = batch_end = 0
    for batch in batches:
        batch_end += len(batch.body)
        left, last, alike, enough = batch.count, -1, 0, _ALIKE_MIN
        while left:
            single.append(at)
            left -= 1
            size, begin = data[at], at
            at += 1
            if size >= _CONTINUED:
                more = data[at]
                at += 1
                if more < _CONTINUED:  # of most records
                    size = size & _PAYLOAD | more << _PAYLOAD_BITS
                else:
                    size, at = _continued(
                        data, at, size & _PAYLOAD | (more & _PAYLOAD) << _PAYLOAD_BITS
                    )
            head = at - begin
            at += size >> 1
            if size != last:
                last, alike = size, 0
                continue
            alike += 1
            if alike == enough:
                run = _as_the_first(octets[begin:], at - begin, head, min(left, _RUN_MAX))
                found += np.array(single, np.int64), np.arange(run) * (at - begin) + at
                single, alike = [], 0
                at += run * (at - begin)
                left -= run
                enough = _ALIKE_MIN if run > enough else 2 * enough
        if at != batch_end:
            raise OddBatchError(f"a batch's records end at {at}, and it at {batch_end}")
    return np.concatenate([*found, np.array(single, np.int64)])


def _as_the_first(octets: NDArray[np.uint8], size: int, head: int, most: int) -> int:
    """How many records after the first begin with the same length: its ``head`` bytes.

    Args:
        octets: From where the first begins.
        size: Of a whole record, in bytes.
        head: Bytes of its length.
        most: How many to look at.
    """
    most = min(most, (len(octets) - head) // size)
    if most <= 0:
        return 0
    same = np.ones(most, np.bool_)
    for i in range(head):
        same &= octets[size + i :: size][:most] == octets[i]
    return most if same.all() else int(same.argmin())


def _continued(data: bytes, at: int, size: int) -> tuple[int, int]:
    """A length whose first two bytes gave ``size``, and the place after it."""
    shift = 2 * _PAYLOAD_BITS
    while (more := data[at]) >= _CONTINUED:
        size |= (more & _PAYLOAD) << shift
        shift += _PAYLOAD_BITS
        at += 1
    return size | more << shift, at + 1


def _varints(octets: NDArray[np.uint8], at: Int) -> tuple[Int, Int]:
    """The zigzag-coded numbers at these places, and the places after them.

    Raises:
        IndexError: One goes on beyond the end.
        OddBatchError: One is longer than any number.
    """
    octet = octets[at]
    value = (octet & _PAYLOAD).astype(np.int64)
    after = at + 1
    longer = np.flatnonzero(octet >= _CONTINUED)
    for more in range(1, _VARINT_BYTES):
        if not len(longer):
            return (value >> 1) ^ -(value & 1), after
        octet = octets[after[longer]]
        value[longer] |= (octet & _PAYLOAD).astype(np.int64) << (_PAYLOAD_BITS * more)
        after[longer] += 1
        longer = longer[octet >= _CONTINUED]
    if len(longer):
        raise OddBatchError("a number that does not end")
    return (value >> 1) ^ -(value & 1), after
