"""Marks of redriven letters: written in the transaction that sends the letter's record.

The mark of the letter at ``partition@offset`` lies in the same partition of the control topic,
under that text as its key. It is removed once its letter is no longer kept.
"""

from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass

import orjson

from pipeline.deadletters.letter import UNKNOWN, Letter, Place
from pipeline.reading import LogReader
from pipeline.topics import DEAD_LETTER_REDRIVES


@dataclass(frozen=True, slots=True)
class Mark:
    """That a letter was redriven: when, for the how many-th time, and to where.

    ``failed_at_ms`` is the letter's: of a topic that was deleted and made again, another
    letter can have the same place.
    """

    at_ms: int
    count: int
    topic: str
    partition: int
    offset: int
    failed_at_ms: int
    fixed: bool
    forced: bool

    def encode(self) -> bytes:
        """The mark as a record's value."""
        return orjson.dumps(asdict(self))

    def is_of(self, letter: Letter) -> bool:
        """Whether it is this letter that was redriven, and not a former one at its place."""
        return self.failed_at_ms in {letter.failed_at_ms, UNKNOWN}


UNREADABLE = Mark(UNKNOWN, UNKNOWN, "", UNKNOWN, UNKNOWN, UNKNOWN, fixed=False, forced=False)
"""A mark of another version: it counts, whatever it says."""


def decode_mark(value: bytes) -> Mark:
    """A mark's value; `UNREADABLE` where it is of another form."""
    try:
        return Mark(**orjson.loads(value))
    except (TypeError, ValueError):
        return UNREADABLE


def each_mark(reader: LogReader, partition: int) -> Iterator[tuple[Place, Mark | None]]:
    """Every mark of a partition in the order written; None where one was removed."""
    if partition not in reader.partitions(DEAD_LETTER_REDRIVES):
        return
    held = reader.held(DEAD_LETTER_REDRIVES, partition)
    for record in reader.read(DEAD_LETTER_REDRIVES, partition, held):
        try:
            place = Place.parse((record.key or b"").decode())
        except ValueError:
            continue
        yield place, None if record.value is None else decode_mark(record.value)


class Redriven:
    """Which letters of a partition were redriven: some hundred bytes a letter."""

    def __init__(self, reader: LogReader, partition: int) -> None:
        """Read the marks of ``partition`` to their end."""
        self._failed_at: dict[int, int] = {}
        for place, mark in each_mark(reader, partition):
            if mark is None:
                self._failed_at.pop(place.offset, None)
            else:
                self._failed_at[place.offset] = mark.failed_at_ms

    def __contains__(self, letter: Letter) -> bool:
        return self._failed_at.get(letter.place.offset, None) in {letter.failed_at_ms, UNKNOWN}

    def before(self, offset: int) -> list[int]:
        """Offsets of marked letters below ``offset``."""
        return sorted(marked for marked in self._failed_at if marked < offset)


def find_marks(reader: LogReader, letters: Collection[Letter]) -> dict[Place, Mark]:
    """The marks of these letters."""
    wanted = {letter.place: letter for letter in letters}
    found: dict[Place, Mark] = {}
    for partition in sorted({place.partition for place in wanted}):
        for place, mark in each_mark(reader, partition):
            if place not in wanted:
                continue
            if mark is not None and mark.is_of(wanted[place]):
                found[place] = mark
            else:
                found.pop(place, None)
    return found
