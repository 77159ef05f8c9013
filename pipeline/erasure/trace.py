"""What a partition's records show of a person, folded one record at a time."""

from dataclasses import dataclass, field
from typing import NamedTuple


class Kept(NamedTuple):
    """A record that is kept to be decoded; the timestamp is Kafka's."""

    offset: int
    timestamp_ms: int
    value: bytes


@dataclass(slots=True)
class Trace:
    """The records under one key of one partition, oldest first.

    ``records`` counts values, from offset ``first`` to ``last``; of ``newest`` it is what the
    key holds, None where a tombstone or a value that no longer concerns the person came after.
    """

    table: str
    key: bytes
    whose: bytes | None = None
    """The key a receipt may tell a hash of; None where it is another person's."""
    records: int = 0
    first: int = -1
    last: int = -1
    tombstone: int | None = None
    tombstone_ms: int = 0
    newest: bytes | None = None
    kept: list[Kept] = field(default_factory=list)

    @property
    def is_there(self) -> bool:
        """Whether the newest record is a value that concerns the person."""
        return self.newest is not None

    def add(self, offset: int, timestamp_ms: int, value: bytes | None) -> None:
        """Take the key's next record; None for what removes the one before."""
        self.newest = value
        if value is None:
            self.tombstone, self.tombstone_ms = offset, timestamp_ms
            return
        self.tombstone = None
        self.first = offset if self.first < 0 else self.first
        self.last = offset
        self.records += 1
