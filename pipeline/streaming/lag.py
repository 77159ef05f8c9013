"""How far behind the worker is, asked of the broker and not of the consumer.

A consumer that has stopped fetching believes that nothing is left to fetch; the broker's end
offsets tell. Feeds the lag metric and the watchdog.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence

from aiokafka.errors import KafkaError

from pipeline.settings import Settings
from pipeline.streaming import lane_metrics as metrics
from pipeline.streaming.pool import LanePool
from pipeline.streaming.reader import PartitionReader
from pipeline.topics import Topic

_EVERY_S = 1.0


class LagWatch:
    """Compares end offsets with the consumer's positions, every second."""

    def __init__(
        self,
        settings: Settings,
        pool: LanePool,
        inputs: Callable[[], Sequence[Topic]],
        position: Callable[[Topic, int], int | None],
    ) -> None:
        """Set up.

        Args:
            settings: The worker's.
            pool: Says which partitions are owned and what waits in their lanes.
            inputs: The topics that are read now.
            position: The next offset that will be fetched of a topic and partition number;
                None while nobody knows.
        """
        self._pool = pool
        self._inputs = inputs
        self._position = position
        self._reader = PartitionReader(settings)
        self._watched: set[str] = set()
        self._unfetched_since: dict[tuple[str, int], tuple[int, float]] = {}

    async def run(self) -> None:
        """Look until cancelled; a broker that does not answer is asked again."""
        try:
            while True:
                with contextlib.suppress(KafkaError, OSError):
                    await self._reader.start()
                    while True:
                        await self._look()
                        await asyncio.sleep(_EVERY_S)
                await asyncio.sleep(_EVERY_S)
        finally:
            await self._reader.stop()

    def stalled_s(self) -> float:
        """How long the consumer has left a partition alone that has records for it."""
        now = time.monotonic()
        return max((now - since for _, since in self._unfetched_since.values()), default=0.0)

    async def _look(self) -> None:
        numbers = sorted(self._pool.lanes) if self._pool.assigned else []
        inputs = {topic.name: topic for topic in self._inputs()}
        for name in self._watched - inputs.keys():
            metrics.CONSUMER_LAG.remove_by_labels({"topic": name})
        self._watched = set(inputs)
        ends = await self._reader.ends(list(inputs.values()), numbers)
        now = time.monotonic()
        unfetched: dict[tuple[str, int], tuple[int, float]] = {}
        for (name, number), end in ends.items():
            lane = self._pool.lanes.get(number)
            position = self._position(inputs[name], number)
            if lane is None or position is None:
                continue
            if end > position and not self._pool.is_behind(number):
                before = self._unfetched_since.get((name, number))
                stuck = before is not None and before[0] == position
                unfetched[name, number] = before if stuck and before else (position, now)
            lag = max(0, end - position) + lane.pending(name)
            metrics.CONSUMER_LAG.labels(name, number).set(lag)
        self._unfetched_since = unfetched
