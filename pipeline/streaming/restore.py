"""Rebuild a partition's state from its changelog, or from a checkpoint and what follows it."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from pipeline import topics
from pipeline.failpoints import Failpoint, hit
from pipeline.streaming import generations, lane_metrics
from pipeline.streaming.copy import WAY_ON, Copy
from pipeline.streaming.layouts import UnreadableRowError
from pipeline.streaming.position import Position
from pipeline.streaming.reader import PartitionReader
from pipeline.streaming.standby import Standby, WarmCopy
from pipeline.streaming.store import PartitionStore
from pipeline.streaming.stores.base import Store, Stores
from pipeline.streaming.stores.checkpoint import Changelog
from pipeline.streaming.stores.folders import MemoryStores

log = structlog.get_logger(__name__)


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
    standby: Standby | None = None,
) -> Restored:
    """Read the changelog of the generation ``partition`` is in to its end.

    Args:
        reader: Started.
        partition: Its number. The former owner must be fenced already, so that nothing is added
            meanwhile.
        advanced: Called after each fetch applied, so that a long restore is not taken for a stall.
        stores: Makes the store that takes the people; one may have some of a checkpoint already.
        standby: May hold a warm copy, of which only the rest has to be read.

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
    store = await (stores or MemoryStores()).open(
        Changelog(topic, partition, generation, start, end)
    )
    try:
        copy = Copy(topic, partition, generation, start, store)
        if store.checkpoint is not None:
            copy.position, copy.next_offset = store.checkpoint.position, store.checkpoint.offset
        warm = await standby.take(partition, generation, start, end) if standby else None
        is_warm = warm is not None and _go_on_from(copy, warm)
        await _read_on(reader, copy, end, began_ms, advanced)
    except BaseException:
        store.close()
        raise
    lane_metrics.RECOVERY_RECORDS.labels("warm" if is_warm else "cold").inc(copy.records)
    log.info("changelog read", partition=partition, records=copy.records, warm=is_warm)
    return Restored(store, copy.position or Position(), generation)


def _go_on_from(copy: Copy[Store], warm: WarmCopy) -> bool:
    """Have the people of a warm copy, if they are newer than those on disk."""
    if not isinstance(copy.store, PartitionStore) or warm.next_offset < copy.next_offset:
        return False
    copy.store.adopt(warm.store)
    copy.position, copy.next_offset = warm.position, warm.next_offset
    return True


async def _read_on(
    reader: PartitionReader,
    copy: Copy[Store],
    end: int,
    began_ms: int,
    advanced: Callable[[], None],
) -> None:
    """Apply what the copy lacks of its changelog."""
    progress = lane_metrics.RECOVERY_REMAINING.labels(partition=copy.partition)
    progress.set(end - copy.next_offset)
    async for batches in reader.read_batches(copy.topic, copy.partition, copy.next_offset, end):
        hit(Failpoint.RESTORE_READ)
        await copy.apply(batches, end)
        copy.store.keep(copy.position, copy.next_offset, began_ms)
        hit(Failpoint.RESTORE_APPLIED)
        progress.set(end - copy.next_offset)
        advanced()
    progress.set(0)
    if copy.position is None and len(copy.store):
        raise UnreadableRowError(
            f"{copy.topic.name}, partition {copy.partition}, has {len(copy.store)} people and no "
            f"position: what is applied to them is not known; {WAY_ON}"
        )
    copy.store.keep(copy.position, end, began_ms)
