"""Rebuild a partition's state from its changelog."""

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
from pipeline.streaming.standby import Standby
from pipeline.streaming.store import PartitionStore

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Restored:
    """A partition's state as its last committed transaction left it."""

    store: PartitionStore
    position: Position
    generation: int = 1


async def restore(
    reader: PartitionReader,
    partition: int,
    advanced: Callable[[], None],
    standby: Standby | None = None,
) -> Restored:
    """Read the changelog of the generation ``partition`` is in to its end.

    Args:
        reader: Started.
        partition: Its number. The former owner must be fenced already, so that nothing is added
            meanwhile.
        advanced: Called after each fetch applied, so that a long restore is not taken for a stall.
        standby: May hold a warm copy, of which only the rest has to be read.

    Raises:
        UnreadableRowError: A row or pointer this program cannot apply, or the changelog that the
            pointer names is not there.
    """
    generation = await generations.current(reader, partition)
    topic = topics.changelog_of(generation)
    end = await reader.end(topic, partition)
    start = await reader.beginning(topic, partition)
    warm = await standby.take(partition, generation, start, end) if standby else None
    copy = warm or Copy(topic, partition, generation, start)
    known = copy.records
    await _read_on(reader, copy, end, advanced)
    if copy.position is None and len(copy.store):
        raise UnreadableRowError(
            f"{topic.name}, partition {partition}, has {len(copy.store)} people and no position: "
            f"what is applied to them is not known; {WAY_ON}"
        )
    read = copy.records - known
    lane_metrics.RECOVERY_RECORDS.labels("warm" if warm else "cold").inc(read)
    log.info("changelog read", partition=partition, records=read, warm=bool(warm))
    return Restored(copy.store, copy.position or Position(), generation)


async def _read_on(
    reader: PartitionReader, copy: Copy, end: int, advanced: Callable[[], None]
) -> None:
    progress = lane_metrics.RECOVERY_REMAINING.labels(partition=copy.partition)
    progress.set(end - copy.next_offset)
    async for batches in reader.read_batches(copy.topic, copy.partition, copy.next_offset, end):
        hit(Failpoint.RESTORE_READ)
        await copy.apply(batches, end)
        hit(Failpoint.RESTORE_APPLIED)
        progress.set(end - copy.next_offset)
        advanced()
    progress.set(0)
