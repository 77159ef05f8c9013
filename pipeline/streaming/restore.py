"""Rebuild a partition's state from its changelog."""

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

_WAY_ON = "`sesame replay` builds the state anew"


@dataclass(frozen=True, slots=True)
class Restored:
    """A partition's state as its last committed transaction left it."""

    store: PartitionStore
    position: Position
    generation: int = 1


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
    store = PartitionStore()
    position: Position | None = None
    generation = await generations.current(reader, partition)
    topic = topics.changelog_of(generation)
    end = await reader.end(topic, partition)
    start = await reader.beginning(topic, partition)
    progress = lane_metrics.RECOVERY_REMAINING.labels(partition=partition)
    progress.set(end - start)
    async for records in reader.read(topic, partition, start, end):
        hit(Failpoint.RESTORE_READ)
        entries = ((record.key, record.value) for record in records)
        with told_where(topic, partition, records, _apply_alone, _WAY_ON):
            position = changelog.apply(store, entries) or position
        hit(Failpoint.RESTORE_APPLIED)
        progress.set(end - records[-1].offset - 1)
        advanced()
    progress.set(0)
    if position is None and len(store):
        raise UnreadableRowError(
            f"{topic.name}, partition {partition}, has {len(store)} people and no position: what "
            f"is applied to them is not known; {_WAY_ON}"
        )
    return Restored(store, position or Position(), generation)


def _apply_alone(entries: list[Entry]) -> None:
    changelog.apply(PartitionStore(), entries)
