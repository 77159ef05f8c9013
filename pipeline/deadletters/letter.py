"""A dead letter and what its headers say; they are checked, as a producer may forge some."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from pipeline.codec.reasons import Reason

UNKNOWN = -1
"""Stands for a number that a header lacks or gets wrong."""
CHAIN_MAX = 16
"""Earlier dead letters of one record that its headers name, the newest."""
_DIGITS_MAX = 18
"""A number of so many digits fits into 64 bits."""
_CARRIED = frozenset(
    f"redrive.{name}" for name in ("topic", "partition", "offset", "count", "at", "chain")
)
_CARRIED_BYTES_MAX = 1_024
CUT = "too many to be kept here"
"""Ends the error of a letter whose record is not in it."""

Header = tuple[str, bytes]


class Record(Protocol):
    """What is needed of a consumed record of the dead letters."""

    @property
    def partition(self) -> int:
        """Its partition."""

    @property
    def offset(self) -> int:
        """Its offset there."""

    @property
    def key(self) -> bytes | None:
        """The refused record's key."""

    @property
    def value(self) -> bytes | None:
        """The refused record's value."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]:
        """``dlq.*`` and, of a record that had been sent back before, ``redrive.*``."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a record lies in its topic.

    >>> str(Place.parse("3@17"))
    '3@17'
    """

    partition: int
    offset: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``PARTITION@OFFSET``.

        Raises:
            ValueError: It is none.
        """
        place = cls(*(_number(part) for part in text.split("@")[:2])) if "@" in text else None
        if place is None or UNKNOWN in {place.partition, place.offset} or str(place) != text:
            raise ValueError(f"{text} is no PARTITION@OFFSET such as 3@17")
        return place

    def __str__(self) -> str:
        return f"{self.partition}@{self.offset}"


@dataclass(frozen=True, slots=True)
class Earlier:
    """The dead letter that a record was sent back from, by the record's own headers.

    ``count`` says how often it has been sent back, ``chain`` from which dead letters, the
    oldest first.
    """

    topic: str
    place: Place
    count: int
    at_ms: int
    chain: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter; ``topic``, ``partition`` and ``offset`` are the refused record's.

    ``topic`` is named with its prefix. Numbers are `UNKNOWN` and texts empty where a header
    is missing. ``value`` may be cut short by `shortened`; ``value_bytes`` is its true size.
    """

    place: Place
    key: bytes | None
    value: bytes | None
    value_bytes: int
    headers: tuple[Header, ...]
    topic: str
    partition: int
    offset: int
    reason: str
    error: str
    failed_at_ms: int
    earlier: Earlier | None

    @property
    def is_kept(self) -> bool:
        """Whether the record's bytes are here; some are too big to be."""
        missing = self.value is None and self.key is None
        had_none = self.reason == Reason.WIRE_FORMAT and CUT not in self.error
        return not missing or had_none

    @property
    def is_whole(self) -> bool:
        """Whether ``value`` is all of the value."""
        return len(self.value or b"") == self.value_bytes


def read_letter(record: Record) -> Letter:
    """A record of the dead letters; whatever its headers hold, nothing is raised."""
    headers = tuple((name, value or b"") for name, value in record.headers)
    said: dict[str, bytes] = {}
    for name, value in headers:
        said.setdefault(name, value)
    return Letter(
        place=Place(record.partition, record.offset),
        key=record.key,
        value=record.value,
        value_bytes=len(record.value or b""),
        headers=headers,
        topic=_text(said, "dlq.topic"),
        partition=_header_number(said, "dlq.partition"),
        offset=_header_number(said, "dlq.offset"),
        reason=_text(said, "dlq.reason"),
        error=_text(said, "dlq.error"),
        failed_at_ms=_header_number(said, "dlq.failed_at"),
        earlier=_earlier(said),
    )


def redrive_headers(letter: Letter, topic: str, at_ms: int) -> list[Header]:
    """What goes with the letter's record when it is sent back.

    Args:
        letter: The dead letter.
        topic: The dead letters' topic, with its prefix.
        at_ms: When it is sent.
    """
    before = letter.earlier
    chain = [*(before.chain if before else ()), letter.place][-CHAIN_MAX:]
    return [
        ("redrive.topic", topic.encode()),
        ("redrive.partition", str(letter.place.partition).encode()),
        ("redrive.offset", str(letter.place.offset).encode()),
        ("redrive.count", str((before.count if before else 0) + 1).encode()),
        ("redrive.at", str(at_ms).encode()),
        ("redrive.chain", " ".join(map(str, chain)).encode()),
    ]


def carried(headers: Iterable[tuple[str, bytes | None]]) -> tuple[Header, ...]:
    """Those of a record's headers that its dead letter carries on: where it was sent back from.

    A producer may forge them: only short values are taken, each name's first.
    """
    kept: dict[str, bytes] = {}
    for name, value in headers:
        if name in _CARRIED and value is not None and len(value) <= _CARRIED_BYTES_MAX:
            kept.setdefault(name, value)
    return tuple(kept.items())


def _earlier(said: Mapping[str, bytes]) -> Earlier | None:
    place = Place(_header_number(said, "redrive.partition"), _header_number(said, "redrive.offset"))
    count = _header_number(said, "redrive.count")
    if UNKNOWN in {place.partition, place.offset} or count < 1:
        return None
    return Earlier(
        _text(said, "redrive.topic"),
        place,
        count,
        _header_number(said, "redrive.at"),
        _chain(_text(said, "redrive.chain")) or (place,),
    )


def _chain(text: str) -> tuple[Place, ...]:
    try:
        return tuple(Place.parse(part) for part in text.split()[-CHAIN_MAX:])
    except ValueError:
        return ()


def _text(said: Mapping[str, bytes], name: str) -> str:
    return said.get(name, b"").decode(errors="replace")


def _header_number(said: Mapping[str, bytes], name: str) -> int:
    return _number(_text(said, name))


def _number(text: str) -> int:
    if len(text) <= _DIGITS_MAX and text.isascii() and text.isdigit():
        return int(text)
    return UNKNOWN
