"""What has arrived for a lane while its last transaction was under way."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pipeline.streaming.columnar import joined, since, size_of
from pipeline.streaming.position import Position
from pipeline.streaming.records import Record
from pipeline.topics import Topic

Acknowledge = Callable[[], object]


@dataclass(slots=True)
class Taken:
    """Records to fold in one transaction, and whom to tell once it has committed."""

    records: dict[str, Sequence[Record]] = field(default_factory=dict)
    acknowledge: list[Acknowledge] = field(default_factory=list)
    nbytes: int = 0
    """Of keys, values and headers."""

    def __bool__(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.records or self.acknowledge)

    def drop_applied(self, position: Position) -> None:
        """Leave out what ``position`` says is applied already."""
        for name, records in list(self.records.items()):
            if left := since(records, position.next_offset(name)):
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
        parts: dict[str, list[Sequence[Record]]] = {}
        total = 0
        for name in self._control:
            while self._queues[name]:
                total += self._take_one(name, taken, parts)
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
            total += self._take_one(name, taken, parts)
            if queue:
                ready.append(name)
        if any(self._queues.values()):
            self._arrived.set()
        taken.records = {name: joined(of_topic) for name, of_topic in parts.items()}
        return taken

    def _take_one(self, name: str, taken: Taken, parts: dict[str, list[Sequence[Record]]]) -> int:
        batch = self._queues[name].popleft()
        records = batch.records
        self.records -= len(records)
        self.nbytes -= batch.nbytes
        taken.nbytes += batch.nbytes
        taken.acknowledge.append(batch.acknowledge)
        if known := parts.get(name):
            records = since(records, known[-1][-1].offset + 1)
        if records:
            parts.setdefault(name, []).append(records)
        return len(records)
