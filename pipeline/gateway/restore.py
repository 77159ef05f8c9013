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
from pipeline.streaming.joint import Fence, read_to_the_end
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
    reader: PartitionReader,
    context: GatewayContext,
    on_restoring: Callable[[], None],
    fence: Fence,
) -> Restored:
    """Read the changelog to its end, then `scores` up to the position.

    The former owner must be fenced already, so that nothing is added meanwhile; all other
    producers that may write the changelog are fenced here.

    Args:
        reader: Started.
        context: Names the partition and decodes.
        on_restoring: Called after each fetch applied, so that a long restore is not taken for
            a stall.
        fence: For producers that positions name beside the owner's.

    Raises:
        UnreadableRowError: A row this program cannot apply.
    """
    copy = _Copy(reader, context, on_restoring)
    await copy.read_on()
    await read_to_the_end(fence, copy.named, copy.read_on)
    state, position = copy.state, copy.position
    if position is None and (len(state.grants) or len(state.people)):
        raise UnreadableRowError(
            f"{topics.GATEWAY_CHANGELOG.name}, partition {context.partition}, has "
            f"{len(state.grants)} grants and no position: what is applied to them is not known; "
            f"{_WAY_ON}"
        )
    position = position or Position()
    state.grants.index_subjects()
    applied = position.next_offset(topics.SCORES.name)
    start = await reader.beginning(topics.SCORES, context.partition)
    async for records in _read(reader, topics.SCORES, context, start, applied, on_restoring):
        follow(state, records, context.registry)
    state.people.release(np.arange(len(state.people.user_at)))
    return Restored(state, position)


class _Copy:
    """What the changelog holds, as far as it is read."""

    def __init__(
        self, reader: PartitionReader, context: GatewayContext, on_restoring: Callable[[], None]
    ) -> None:
        self._reader = reader
        self._context = context
        self._on_restoring = on_restoring
        self._next_offset = 0
        self.state = GatewayState()
        self.position: Position | None = None

    def named(self) -> str | None:
        """The producer that may write beside the owner's, by the newest position."""
        return self.position.transactional_id if self.position else None

    async def read_on(self) -> None:
        """Apply all that is there by now."""
        reader, context, topic = self._reader, self._context, topics.GATEWAY_CHANGELOG
        end = await reader.end(topic, context.partition)
        start = max(self._next_offset, await reader.beginning(topic, context.partition))
        async for records in _read(reader, topic, context, start, end, self._on_restoring):
            entries = ((record.key, record.value) for record in records)
            with told_where(topic, context.partition, records, _apply_alone, _WAY_ON):
                self.position = changelog.apply(self.state, entries) or self.position
        self._next_offset = end


def _apply_alone(entries: list[Entry]) -> None:
    changelog.apply(GatewayState(), entries)


async def _read(  # noqa: PLR0913 - whose, what, from where to where
    reader: PartitionReader,
    topic: Topic,
    context: GatewayContext,
    start: int,
    end: int,
    on_restoring: Callable[[], None],
) -> AsyncIterator[Sequence[Any]]:
    progress = lane_metrics.RECOVERY_REMAINING.labels(partition=context.partition)
    progress.set(max(end - start, 0))
    async for records in reader.read(topic, context.partition, start, end):
        hit(Failpoint.RESTORE_READ)
        yield records
        hit(Failpoint.RESTORE_APPLIED)
        progress.set(end - records[-1].offset - 1)
        on_restoring()
    progress.set(0)
