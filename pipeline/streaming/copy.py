"""A copy of a partition's state, as far as its changelog was read."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeVar

from pipeline.streaming import bulk, changelog
from pipeline.streaming.beside import beside
from pipeline.streaming.fetched import WholeBatch
from pipeline.streaming.layouts import UnreadableRowError, told_where
from pipeline.streaming.position import Position
from pipeline.streaming.records import Entry
from pipeline.streaming.store import PartitionStore
from pipeline.streaming.stores.base import Store
from pipeline.streaming.stores.checkpoint import Checkpoint, Identity
from pipeline.topics import Topic

S_co = TypeVar("S_co", bound=Store, covariant=True)

WAY_ON = "`sesame replay` builds the state anew"
_UNKNOWN = Identity("", None)


@dataclass(slots=True)
class Copy(Generic[S_co]):
    """What a generation's changelog holds of a partition up to ``next_offset``.

    ``whole_at_ms`` is when nothing it had read could yet have been taken by compaction, as
    `Store.keep` has it, and ``records`` how many were applied.
    """

    topic: Topic
    partition: int
    generation: int
    next_offset: int
    store: S_co
    identity: Identity = _UNKNOWN
    position: Position | None = None
    records: int = 0
    whole_at_ms: int = field(default_factory=lambda: time.time_ns() // 1_000_000)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def checkpoint(self) -> Checkpoint:
        """Where it stands."""
        return Checkpoint(
            self.identity.topic_id,
            self.generation,
            self.next_offset,
            self.whole_at_ms,
            self.position,
        )

    async def apply(self, batches: Sequence[WholeBatch], end: int) -> None:
        """Apply what follows of fetched batches, up to but without ``end``.

        Cancelled, it ends once nothing touches the store any more.

        Raises:
            UnreadableRowError: A record that this program cannot apply.
        """
        async with self._lock:
            await beside(partial(self._apply, batches, end))

    async def settled(self) -> None:
        """Return when nothing is being applied any more."""
        async with self._lock:
            pass

    def _apply(self, batches: Sequence[WholeBatch], end: int) -> None:
        start = self.next_offset
        try:
            position, records = bulk.apply_batches(self.store, batches, start, end)
        except UnreadableRowError:
            found = [record for batch in batches for record in batch.records(start, end)]
            with told_where(self.topic, self.partition, found, _apply_alone, WAY_ON):
                raise
        self.position = position or self.position
        self.next_offset = max(start, min(batches[-1].offset + 1, end))
        self.records += records
        self.store.keep(self.position, self.next_offset, self.whole_at_ms)


def _apply_alone(entries: list[Entry]) -> None:
    changelog.apply(PartitionStore(), entries)
