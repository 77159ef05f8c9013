"""The lanes of a worker: one per owned partition number, through assignments and losses."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import structlog

from pipeline.settings import Settings
from pipeline.streaming import lane_metrics as metrics
from pipeline.streaming.flow import Flow
from pipeline.streaming.lane import Lane, LaneStatus
from pipeline.streaming.records import Record
from pipeline.streaming.waiting import Acknowledge

log = structlog.get_logger(__name__)

_GRACE_S = 10.0
"""How long a rebalance or a stop waits for a transaction under way."""


_WAITING_LANES_MAX = 8
"""Full lanes whose records may wait, however many partitions are owned."""


class NotCopartitionedError(RuntimeError):
    """The group gave this worker a partition number of some input topics only."""


class LanePool:
    """Starts, keeps and ends lanes as the consumer group assigns partitions."""

    def __init__(
        self,
        settings: Settings,
        flow: Flow,
        on_failure: Callable[[BaseException], None],
    ) -> None:
        """Set up without lanes."""
        self._settings = settings
        self._flow = flow
        self._on_failure = on_failure
        self._names = {settings.topic(t.name): t.name for t in flow.inputs}
        self._change = asyncio.Lock()
        self._closed = False
        self._unassigned_since = time.monotonic()
        self.lanes: dict[int, Lane] = {}
        self.assigned = False

    def offer(
        self, topic: str, partition: int, records: Sequence[Record], acknowledge: Acknowledge
    ) -> None:
        """Hand a fetched batch to its lane; a batch of a partition lost meanwhile is dropped."""
        lane = self.lanes.get(partition)
        if lane is not None:
            lane.offer(self._names[topic], records, acknowledge)

    def is_behind(self, partition: int) -> bool:
        """Whether a partition's lane has enough waiting.

        While all lanes together have, each may have its equal share only: those that are
        flooded do not hold up the others.
        """
        lane = self.lanes.get(partition)
        if lane is None:
            return False
        lanes = list(self.lanes.values())
        records_max = _WAITING_LANES_MAX * self._settings.lane_waiting_max
        bytes_max = self._settings.waiting_bytes_max
        return (
            lane.is_behind
            or _has_its_share(
                [each.waiting.records for each in lanes], lane.waiting.records, records_max
            )
            or _has_its_share([each.nbytes for each in lanes], lane.nbytes, bytes_max)
        )

    def wake_all(self) -> None:
        """Have every lane look for work."""
        for lane in self.lanes.values():
            lane.wake()

    async def on_revoked(self) -> None:
        """Stop all lanes; their state is kept, as the next assignment may give them back."""
        async with self._change:
            self._unassign()
            await asyncio.gather(*(lane.stop(_GRACE_S) for lane in self.lanes.values()))

    async def on_assigned(self, partitions: Iterable[tuple[str, int]]) -> None:
        """Own exactly these partitions from now on.

        Raises:
            NotCopartitionedError: A number was not given for all input topics.
        """
        numbers = self._numbers(partitions)
        async with self._change:
            if self._closed:
                return  # the group gave partitions to a worker that is leaving it
            await asyncio.gather(*(lane.stop(_GRACE_S) for lane in self.lanes.values()))
            self._flow.assigned()
            for number in self.lanes.keys() - numbers:
                await self.lanes.pop(number).close(_GRACE_S, save=False)
                metrics.forget_partition(number)
                self._flow.forget(number)
            for number in sorted(numbers):
                lane = self.lanes.get(number)
                if lane is None:
                    lane = Lane(self._settings, self._flow, number, self._on_failure)
                    self.lanes[number] = lane
                lane.start()
            self.assigned = True
            log.info("partitions assigned", partitions=sorted(numbers))

    async def close(self) -> None:
        """End all lanes after the transactions under way."""
        async with self._change:
            self._closed = True
            lanes, self.lanes = self.lanes, {}
            self._unassign()
            await asyncio.gather(*(lane.close(_GRACE_S, save=True) for lane in lanes.values()))
            await self._flow.close()

    @property
    def is_ready(self) -> bool:
        """Whether partitions are assigned and all of them are past recovery."""
        return self.assigned and all(
            lane.status is LaneStatus.RUNNING for lane in self.lanes.values()
        )

    def stalled_s(self) -> float:
        """The longest any lane with work has not advanced, in seconds; 0: none stands still.

        Without an assignment, how much longer than a rebalance may take that has lasted.
        """
        if not self.assigned:
            lasts_s = time.monotonic() - self._unassigned_since
            return max(0.0, lasts_s - self._settings.rebalance_timeout_s)
        return max((lane.stalled_s() for lane in list(self.lanes.values())), default=0.0)

    def _unassign(self) -> None:
        if self.assigned:
            self._unassigned_since = time.monotonic()
        self.assigned = False

    def _numbers(self, partitions: Iterable[tuple[str, int]]) -> set[int]:
        topics_of: dict[int, set[str]] = defaultdict(set)
        for topic, number in partitions:
            if topic in self._names:
                topics_of[number].add(topic)
        for number, given in topics_of.items():
            if missing := self._names.keys() - given:
                message = (
                    f"partition {number} was assigned without {', '.join(sorted(missing))}: "
                    f"all input topics must have {self._settings.partitions} partitions"
                )
                raise NotCopartitionedError(message)
        return set(topics_of)


def _has_its_share(of_all: list[int], of_one: int, most: int) -> bool:
    return sum(of_all) >= most and of_one * len(of_all) >= most
