"""Records as lanes take and write them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

Entry = tuple[bytes, bytes | None]
"""A key and a value to write; None tells that the key is gone."""
Header = tuple[str, bytes]
RECORD_BYTES = 64
"""Counted for every record and header beside what it holds, where memory is bounded."""


class Record(Protocol):
    """What the lane needs of a consumed record."""

    @property
    def offset(self) -> int:
        """Its offset in the partition."""

    @property
    def timestamp(self) -> int:
        """Kafka's timestamp, in milliseconds."""

    @property
    def key(self) -> bytes | None:
        """Its key."""

    @property
    def value(self) -> bytes | None:
        """Its value."""

    @property
    def headers(self) -> Sequence[Header]:
        """Its headers."""


class PlainRecord(NamedTuple):
    """One of records that are held as columns."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadRecord:
    """A record as the slow reader gives it to aiokafka."""

    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    checksum: None = None


@dataclass(frozen=True, slots=True)
class UnreadableRecord:
    """Stands for records that cannot be read, at the offset of the last; no producer makes one."""

    offset: int
    timestamp: int
    problem: str
    key: None = None
    value: None = None
    headers: tuple[Header, ...] = ()


def size_of(records: Iterable[Record]) -> int:
    """Bytes of the records' keys, values and headers."""
    total = 0
    for record in records:
        total += len(record.key or b"") + len(record.value or b"")
        if record.headers:
            total += header_bytes(record.headers)
    return total


def header_bytes(headers: Iterable[tuple[str, bytes | None]]) -> int:
    """Bytes of headers, counted as if none were empty: a record can have very many that are."""
    return sum(RECORD_BYTES + len(name) + len(value or b"") for name, value in headers)
