"""Rebuild a partition's state: grants from the changelog, scores from `scores` itself."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline import topics
from pipeline.failpoints import Failpoint, hit
from pipeline.gateway import changelog
from pipeline.gateway.context import GatewayContext
from pipeline.gateway.following import follow
from pipeline.gateway.state import GatewayState
from pipeline.streaming import lane_metrics
from pipeline.streaming.layouts import UnreadableRowError, told_where
from pipeline.streaming.position import Position
from pipeline.streaming.reader import PartitionReader
from pipeline.streaming.records import Entry
from pipeline.topics import Topic

_WAY_ON = (
    f"to build the state anew, delete and make again {topics.GATEWAY_CHANGELOG.name}: reports that "
    f"partners' topics still hold are then forwarded once more"
)


@dataclass(frozen=True, slots=True)
class Restored:
    """A partition's state as its last committed transaction left it."""

    state: GatewayState
    position: Position


async def restore_gateway(
    reader: PartitionReader, context: GatewayContext, on_restoring: Callable[[], None]
) -> Restored:
    """Read the changelog to its end, then `scores` up to the position.

    The former owner must be fenced already, so that nothing is added meanwhile.

    Args:
        reader: Started.
        context: Names the partition and decodes.
        on_restoring: Called after each fetch applied, so that a long restore is not taken for
            a stall.

    Raises:
        UnreadableRowError: A row this program cannot apply.
    """
    state = GatewayState()
    position: Position | None = None
    end = await reader.end(topics.GATEWAY_CHANGELOG, context.partition)
    async for records in _read(reader, topics.GATEWAY_CHANGELOG, context, end, on_restoring):
        entries = ((record.key, record.value) for record in records)
        with told_where(
            topics.GATEWAY_CHANGELOG, context.partition, records, _apply_alone, _WAY_ON
        ):
            position = changelog.apply(state, entries) or position
    if position is None and (len(state.grants) or len(state.people)):
        raise UnreadableRowError(
            f"{topics.GATEWAY_CHANGELOG.name}, partition {context.partition}, has "
            f"{len(state.grants)} grants and no position: what is applied to them is not known; "
            f"{_WAY_ON}"
        )
    position = position or Position()
    state.grants.index_subjects()
    applied = position.next_offset(topics.SCORES.name)
    async for records in _read(reader, topics.SCORES, context, applied, on_restoring):
        follow(state, records, context.registry)
    state.people.release(np.arange(len(state.people.user_at)))
    return Restored(state, position)


def _apply_alone(entries: list[Entry]) -> None:
    changelog.apply(GatewayState(), entries)


async def _read(
    reader: PartitionReader,
    topic: Topic,
    context: GatewayContext,
    end: int,
    on_restoring: Callable[[], None],
) -> AsyncIterator[Sequence[Any]]:
    progress = lane_metrics.RECOVERY_REMAINING.labels(partition=context.partition)
    start = await reader.beginning(topic, context.partition)
    progress.set(max(end - start, 0))
    async for records in reader.read(topic, context.partition, start, end):
        hit(Failpoint.RESTORE_READ)
        yield records
        hit(Failpoint.RESTORE_APPLIED)
        progress.set(end - records[-1].offset - 1)
        on_restoring()
    progress.set(0)
