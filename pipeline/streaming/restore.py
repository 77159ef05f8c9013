"""Rebuild a partition's state from its changelog, or from a checkpoint and what follows it."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from pipeline import topics
from pipeline.failpoints import Failpoint, hit
from pipeline.streaming import changelog, generations, lane_metrics
from pipeline.streaming.layouts import UnreadableRowError, told_where
from pipeline.streaming.position import Position
from pipeline.streaming.reader import PartitionReader
from pipeline.streaming.records import Entry
from pipeline.streaming.store import PartitionStore
from pipeline.streaming.stores.base import Store, Stores
from pipeline.streaming.stores.checkpoint import Changelog
from pipeline.streaming.stores.folders import MemoryStores

_WAY_ON = "`sesame replay` builds the state anew"


@dataclass(frozen=True, slots=True)
class Restored:
    """A partition's state as its last committed transaction left it."""

    store: Store
    position: Position
    generation: int = 1


async def restore(
    reader: PartitionReader,
    partition: int,
    advanced: Callable[[], None],
    stores: Stores | None = None,
) -> Restored:
    """Read the changelog of the generation ``partition`` is in to its end.

    The former owner must be fenced already, so that nothing is added meanwhile. ``advanced``
    is called after each fetch applied, so that a long restore is not taken for a stall.
    ``stores`` makes the store that takes the people; one of them may have some already.

    Raises:
        UnreadableRowError: A row or pointer this program cannot apply, or the changelog that the
            pointer names is not there.
        StoreError: The store's folder cannot be used.
    """
    generation = await generations.current(reader, partition)
    topic = topics.changelog_of(generation)
    began_ms = time.time_ns() // 1_000_000
    end = await reader.end(topic, partition)
    start = await reader.beginning(topic, partition)
    changelog_ = Changelog(topic, partition, generation, start, end)
    store = await (stores or MemoryStores()).open(changelog_)
    try:
        position = await _read_on(store, reader, changelog_, began_ms, advanced)
    except BaseException:
        store.close()
        raise
    return Restored(store, position or Position(), generation)


async def _read_on(
    store: Store,
    reader: PartitionReader,
    of: Changelog,
    began_ms: int,
    advanced: Callable[[], None],
) -> Position | None:
    """Apply what the store lacks of a changelog; the position at its end."""
    topic, partition = of.topic, of.partition
    position, start = None, of.start
    if store.checkpoint is not None:
        position, start = store.checkpoint.position, store.checkpoint.offset
    progress = lane_metrics.RECOVERY_REMAINING.labels(partition=partition)
    progress.set(of.end - start)
    async for records in reader.read(topic, partition, start, of.end):
        hit(Failpoint.RESTORE_READ)
        entries = ((record.key, record.value) for record in records)
        with told_where(topic, partition, records, _apply_alone, _WAY_ON):
            position = changelog.apply(store, entries) or position
        store.keep(position, records[-1].offset + 1, began_ms)
        hit(Failpoint.RESTORE_APPLIED)
        progress.set(of.end - records[-1].offset - 1)
        advanced()
    progress.set(0)
    if position is None and len(store):
        raise UnreadableRowError(
            f"{topic.name}, partition {partition}, has {len(store)} people and no position: what "
            f"is applied to them is not known; {_WAY_ON}"
        )
    store.keep(position, of.end, began_ms)
    return position


def _apply_alone(entries: list[Entry]) -> None:
    changelog.apply(PartitionStore(), entries)
