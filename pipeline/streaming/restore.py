"""Rebuild a partition's state from its changelog."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from pipeline import topics
from pipeline.failpoints import Failpoint, hit
from pipeline.streaming import bulk, changelog, generations, lane_metrics
from pipeline.streaming.fetched import WholeBatch
from pipeline.streaming.layouts import UnreadableRowError, told_where
from pipeline.streaming.position import Position
from pipeline.streaming.reader import PartitionReader
from pipeline.streaming.records import Entry
from pipeline.streaming.store import PartitionStore
from pipeline.topics import Topic

_WAY_ON = "`sesame replay` builds the state anew"
_APPLYING = ThreadPoolExecutor(1, "restore")
"""Beside the event loop, which receives what comes next meanwhile and serves the other lanes."""


@dataclass(frozen=True, slots=True)
class Restored:
    """A partition's state as its last committed transaction left it."""

    store: PartitionStore
    position: Position
    generation: int = 1


@dataclass(slots=True)
class Copy:
    """What a generation's changelog holds of a partition up to ``next_offset``."""

    topic: Topic
    partition: int
    generation: int
    store: PartitionStore = field(default_factory=PartitionStore)
    position: Position | None = None
    next_offset: int = 0
    records: int = 0

    async def apply(self, batches: Sequence[WholeBatch], end: int) -> None:
        """Apply what follows of fetched batches, up to but without ``end``.

        Raises:
            UnreadableRowError: A record that this program cannot apply.
        """
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(_APPLYING, self._apply, batches, end)

    def _apply(self, batches: Sequence[WholeBatch], end: int) -> None:
        start = self.next_offset
        try:
            position, records = bulk.apply_batches(self.store, batches, start, end)
        except UnreadableRowError:
            found = [record for batch in batches for record in batch.records(start, end)]
            with told_where(self.topic, self.partition, found, _apply_alone, _WAY_ON):
                raise
        self.position = position or self.position
        self.next_offset = min(batches[-1].offset + 1, end)
        self.records += records


async def restore(
    reader: PartitionReader, partition: int, advanced: Callable[[], None]
) -> Restored:
    """Read the changelog of the generation ``partition`` is in to its end.

    The former owner must be fenced already, so that nothing is added meanwhile. ``advanced``
    is called after each fetch applied, so that a long restore is not taken for a stall.

    Raises:
        UnreadableRowError: A row or pointer this program cannot apply, or the changelog that the
            pointer names is not there.
    """
    generation = await generations.current(reader, partition)
    copy = Copy(topics.changelog_of(generation), partition, generation)
    end = await reader.end(copy.topic, partition)
    copy.next_offset = await reader.beginning(copy.topic, partition)
    progress = lane_metrics.RECOVERY_REMAINING.labels(partition=partition)
    progress.set(end - copy.next_offset)
    async for batches in reader.read_batches(copy.topic, partition, copy.next_offset, end):
        hit(Failpoint.RESTORE_READ)
        await copy.apply(batches, end)
        hit(Failpoint.RESTORE_APPLIED)
        progress.set(end - copy.next_offset)
        advanced()
    progress.set(0)
    if copy.position is None and len(copy.store):
        raise UnreadableRowError(
            f"{copy.topic.name}, partition {partition}, has {len(copy.store)} people and no "
            f"position: what is applied to them is not known; {_WAY_ON}"
        )
    return Restored(copy.store, copy.position or Position(), generation)


def _apply_alone(entries: list[Entry]) -> None:
    changelog.apply(PartitionStore(), entries)
