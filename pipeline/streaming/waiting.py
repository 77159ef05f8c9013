"""What has arrived for a lane while its last transaction was under way."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pipeline.streaming.position import Position
from pipeline.streaming.records import Record, size_of
from pipeline.topics import Topic

Acknowledge = Callable[[], object]


@dataclass(slots=True)
class Taken:
    """Records to fold in one transaction, and whom to tell once it has committed."""

    records: dict[str, list[Record]] = field(default_factory=dict)
    acknowledge: list[Acknowledge] = field(default_factory=list)
    nbytes: int = 0
    """Of keys, values and headers."""

    def __bool__(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.records or self.acknowledge)

    def drop_applied(self, position: Position) -> None:
        """Leave out what ``position`` says is applied already."""
        for name, records in list(self.records.items()):
            following = position.next_offset(name)
            if records[0].offset < following:
                left = [record for record in records if record.offset >= following]
                if left:
                    self.records[name] = left
                else:
                    del self.records[name]


@dataclass(frozen=True, slots=True)
class _Batch:
    records: Sequence[Record]
    nbytes: int
    acknowledge: Acknowledge


class Waiting:
    """Batches by topic, in order; control topics are taken whole and first."""

    def __init__(self, inputs: Sequence[Topic]) -> None:
        """Start empty; topics that are not among ``inputs`` come after them."""
        self._control = [topic.name for topic in inputs if topic.control]
        self._queues: dict[str, deque[_Batch]] = {topic.name: deque() for topic in inputs}
        self._arrived = asyncio.Event()
        self.records = 0
        self.nbytes = 0

    def put(self, topic: str, records: Sequence[Record], acknowledge: Acknowledge) -> None:
        """Add a batch of one topic, later than all that was added of it before."""
        batch = _Batch(records, size_of(records), acknowledge)
        self._queues.setdefault(topic, deque()).append(batch)
        self.records += len(records)
        self.nbytes += batch.nbytes
        self._arrived.set()

    def clear(self) -> None:
        """Drop everything, unacknowledged."""
        for queue in self._queues.values():
            queue.clear()
        self.records = self.nbytes = 0
        self._arrived.clear()

    def wake(self) -> None:
        """Let ``wait`` return without anything having arrived."""
        self._arrived.set()

    async def wait(self, seconds_max: float | None = None) -> None:
        """Return when something has arrived, or when so many seconds have passed."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds_max):
                await self._arrived.wait()
        self._arrived.clear()

    def records_of(self, topic: str) -> int:
        """How many records of a topic wait."""
        return sum(len(batch.records) for batch in self._queues.get(topic, ()))

    def take(self, records_max: int, bytes_max: int) -> Taken:
        """Take the next records.

        All control records, then batches of the other topics in turn while the sum stays
        within both bounds (at least one batch).
        """
        taken = Taken()
        total = 0
        for name in self._control:
            while self._queues[name]:
                total += self._take_one(name, taken)
        ready = deque(name for name, queue in self._queues.items() if queue)
        while ready:
            name = ready.popleft()
            queue = self._queues[name]
            over = (
                total + len(queue[0].records) > records_max
                or taken.nbytes + queue[0].nbytes > bytes_max
            )
            if total and over:
                continue
            total += self._take_one(name, taken)
            if queue:
                ready.append(name)
        if any(self._queues.values()):
            self._arrived.set()
        return taken

    def _take_one(self, name: str, taken: Taken) -> int:
        batch = self._queues[name].popleft()
        records = batch.records
        self.records -= len(records)
        self.nbytes -= batch.nbytes
        taken.nbytes += batch.nbytes
        taken.acknowledge.append(batch.acknowledge)
        known = taken.records.get(name)
        if known and records[0].offset <= known[-1].offset:
            newest = known[-1].offset
            records = [record for record in records if record.offset > newest]
        if records:
            taken.records.setdefault(name, []).extend(records)
        return len(records)
