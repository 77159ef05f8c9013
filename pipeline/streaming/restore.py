"""Rebuild a partition's state from its changelog, or from a copy of it and what follows that."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import structlog
from aiokafka.errors import KafkaError

from pipeline import topics
from pipeline.failpoints import Failpoint, hit
from pipeline.streaming import generations, lane_metrics
from pipeline.streaming.beside import beside
from pipeline.streaming.copy import WAY_ON, Copy
from pipeline.streaming.joint import Fence, read_to_the_end
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


async def restore(  # noqa: PLR0913 - each is a thing of its own
    reader: PartitionReader,
    partition: int,
    advanced: Callable[[], None],
    fence: Fence,
    stores: Stores | None = None,
    standby: Standby | None = None,
) -> Restored:
    """Read the changelog of the generation ``partition`` is in to its end.

    All other producers that may write it are fenced meanwhile.

    Args:
        reader: Started.
        partition: Its number. The former owner must be fenced already, so that nothing is added
            meanwhile.
        advanced: Called after each fetch applied, so that a long restore is not taken for a stall.
        fence: For producers that positions name beside the owner's.
        stores: Makes the store that takes the people; one may have some of a checkpoint already.
        standby: May hold a warm copy, of which only the rest has to be read. It has the copy
            back if no broker answers or this is cancelled.

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
    changelog = Changelog(topic, partition, generation, start, end)
    warm = await standby.take(changelog) if standby else None
    copy: Copy[Store] | None = None
    try:
        begun_from, copy = await _begin(stores or MemoryStores(), changelog, warm, began_ms)
        former = copy.records
        await _read_on(reader, copy, end, began_ms, advanced)
        await read_to_the_end(
            fence,
            partial(_named, copy),
            partial(_read_later, reader, copy, began_ms, advanced),
        )
    except BaseException as error:
        if copy is not None:
            copy.store.close(save=False)
        if standby and warm and isinstance(error, KafkaError | asyncio.CancelledError):
            standby.give_back(warm)
        raise
    records = copy.records - former
    lane_metrics.RECOVERY_RECORDS.labels(begun_from).inc(records)
    log.info("changelog read", partition=partition, records=records, start=begun_from)
    return Restored(copy.store, copy.position or Position(), generation)


def _named(copy: Copy[Store]) -> str | None:
    return copy.position.transactional_id if copy.position else None


async def _read_later(
    reader: PartitionReader, copy: Copy[Store], began_ms: int, advanced: Callable[[], None]
) -> None:
    await _read_on(reader, copy, await reader.end(copy.topic, copy.partition), began_ms, advanced)


async def _begin(
    stores: Stores, changelog: Changelog, warm: WarmCopy | None, began_ms: int
) -> tuple[str, Copy[Store]]:
    """What is to be read on: a warm copy, people on disk or nobody, whichever has got furthest."""
    store = await stores.open(changelog, warm.next_offset if warm else 0)
    found = store.checkpoint
    if warm is not None and found is None and isinstance(store, PartitionStore):
        store.adopt(warm.store)
        warm.store = store
        return "warm", warm
    copy = Copy(changelog.topic, changelog.partition, changelog.generation, changelog.start, store)
    copy.whole_at_ms = began_ms
    if found is None:
        return "cold", copy
    copy.position, copy.next_offset, copy.whole_at_ms = found.position, found.offset, found.at_ms
    return "disk", copy


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
    start, people = copy.next_offset, len(copy.store)
    is_first = True
    async for batches in reader.read_batches(copy.topic, copy.partition, copy.next_offset, end):
        hit(Failpoint.RESTORE_READ)
        await copy.apply(batches, end)
        hit(Failpoint.RESTORE_APPLIED)
        if is_first:
            read, left = copy.next_offset - start, end - copy.next_offset
            await beside(partial(_make_room, copy.store, people, read, left))
            is_first = False
        progress.set(end - copy.next_offset)
        advanced()
    progress.set(0)
    if copy.position is None and len(copy.store):
        raise UnreadableRowError(
            f"{copy.topic.name}, partition {copy.partition}, has {len(copy.store)} people and no "
            f"position: what is applied to them is not known; {WAY_ON}"
        )
    await beside(partial(copy.store.keep, copy.position, end, began_ms))


def _make_room(store: Store, people: int, read: int, left: int) -> None:
    """Expect new people of the offsets left as they came by those read; there were ``people``."""
    if isinstance(store, PartitionStore) and read:
        store.expect(len(store) + (len(store) - people) * left // read)
