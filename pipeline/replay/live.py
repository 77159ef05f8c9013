"""A partition's live state and what the outside was told of it, read beside its owner."""

from collections.abc import Iterable
from dataclasses import dataclass

from pipeline import topics
from pipeline.codec.registry import SchemaRegistry
from pipeline.codec.score_reads import decode_scores
from pipeline.scoring.scorecard import NO_SCORE
from pipeline.streaming import changelog
from pipeline.streaming.layouts import UnreadableRowError
from pipeline.streaming.position import Position
from pipeline.streaming.reader import PartitionReader
from pipeline.streaming.records import Entry
from pipeline.streaming.store import PartitionStore

THIN_FILE, SCORED = 1, 2
"""As `published.status` has them."""


class LiveState:
    """The rows of one generation of a partition, as far as its changelog has been read.

    ``position`` is None while none could be read; ``unreadable`` counts records that no worker
    could apply; ``touched`` are people since whoever uses it has last looked.
    """

    def __init__(self, reader: PartitionReader, partition: int, generation: int) -> None:
        """Set up; the reader is started by its owner, and nothing is read yet."""
        self._reader = reader
        self._partition = partition
        self._next = 0
        self.changelog = topics.changelog_of(generation)
        self.store = PartitionStore()
        self.position: Position | None = None
        self.unreadable = 0
        self.touched: set[str] = set()

    async def advance(self) -> None:
        """Read on to the end; transactions are seen whole or not at all."""
        if not await self._reader.exists(self.changelog):
            self.unreadable += 1
            return
        end = await self._reader.end(self.changelog, self._partition)
        fetches = self._reader.read(self.changelog, self._partition, self._next, end)
        async for records in fetches:
            self._apply([(record.key or b"", record.value) for record in records])
        self._next = max(self._next, end)

    def _apply(self, entries: list[Entry]) -> None:
        self.touched.update(key[1:].decode(errors="replace") for key, _ in entries)
        try:
            self.position = changelog.apply(self.store, entries) or self.position
        except UnreadableRowError:
            self._apply_one_by_one(entries)

    def _apply_one_by_one(self, entries: Iterable[Entry]) -> None:
        """What can be applied; the rest is what the replay is there to put right."""
        for entry in entries:
            try:
                self.position = changelog.apply(self.store, [entry]) or self.position
            except UnreadableRowError:
                self.unreadable += 1
                if entry[0] == changelog.POSITION_KEY:
                    self.position = None


@dataclass(frozen=True, slots=True)
class Told:
    """The last score record of a person."""

    sequence: int
    score: int
    """0: none, a thin file."""
    status: int


class ToldScores:
    """The last score record of everybody in a partition; None where it is a tombstone."""

    def __init__(self, reader: PartitionReader, partition: int, registry: SchemaRegistry) -> None:
        """Set up; the reader is started by its owner, and nothing is read yet."""
        self._reader = reader
        self._partition = partition
        self._registry = registry
        self._next = 0
        self.latest: dict[str, Told | None] = {}
        self.touched: set[str] = set()

    async def advance(self) -> None:
        """Read on to the end."""
        end = await self._reader.end(topics.SCORES, self._partition)
        async for records in self._reader.read(topics.SCORES, self._partition, self._next, end):
            newest = {(r.key or b"").decode(errors="replace"): r.value for r in records}
            self.latest |= dict.fromkeys(newest)
            self.touched |= newest.keys()
            values = {user: value for user, value in newest.items() if value is not None}
            self._take(list(values), list(values.values()))
        self._next = max(self._next, end)

    def _take(self, users: list[str], values: list[bytes]) -> None:
        if not values:
            return
        reads = decode_scores(values, self._registry)
        told = zip(
            reads.kept.tolist(),
            reads.sequence.tolist(),
            reads.score.tolist(),
            reads.scored.tolist(),
            strict=True,
        )
        for i, sequence, score, scored in told:
            shown = 0 if score == NO_SCORE else score
            self.latest[users[i]] = Told(sequence, shown, SCORED if scored else THIN_FILE)
