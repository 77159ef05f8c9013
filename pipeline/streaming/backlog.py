"""Ranges of the inputs that the group's fetches did not bring, or have not brought yet."""

from collections.abc import AsyncIterator, Callable, Sequence

from pipeline import topics
from pipeline.errors import SesameError
from pipeline.streaming import lane_metrics
from pipeline.streaming.asking import EndsOf
from pipeline.streaming.reader import PartitionReader
from pipeline.streaming.records import Record
from pipeline.streaming.waiting import Taken
from pipeline.topics import Topic


class PositionBeyondEndError(SesameError):
    """More is applied of a topic than it holds: it was deleted and made again."""


class Backlog:
    """Reads one partition number of the inputs, from what is applied of them."""

    def __init__(
        self,
        reader: PartitionReader,
        partition: int,
        inputs: Sequence[Topic],
        next_offset: Callable[[str], int],
        consents: EndsOf | None = None,
    ) -> None:
        """Set up; nothing is read yet.

        Args:
            reader: Started by its owner.
            partition: The number to read of every topic.
            inputs: The topics, consents among them.
            next_offset: The first offset of a topic that is not applied, asked at each use.
            consents: Asks for the ends of consents, for several partitions at a time.
        """
        self._consents = consents or EndsOf(topics.CONSENTS)
        self._reader = reader
        self._partition = partition
        self._inputs = {topic.name: topic for topic in inputs}
        self._next_offset = next_offset
        self._unverified = set(self._inputs)
        self._ends: dict[str, int] = {}

    def assigned(self) -> None:
        """Have the first batch of each topic looked at again: the group's offsets may be ahead."""
        self._unverified = set(self._inputs)

    async def skipped(self, taken: Taken) -> AsyncIterator[tuple[str, Sequence[Record]]]:
        """What was skipped before the first batch of each topic since the assignment.

        Whoever is given records applies them before asking for the next.
        """
        for name in self._unverified & taken.records.keys():
            first = taken.records[name][0].offset
            async for records in self._read(name, self._next_offset(name), first):
                lane_metrics.HOLE_RECORDS.inc(len(records))
                yield name, records
            self._unverified.discard(name)

    async def has_consents(self, taken: Sequence[Record]) -> bool:
        """Whether there are consents beyond what is applied and these, which were taken."""
        name = topics.CONSENTS.name
        following = taken[-1].offset + 1 if taken else self._next_offset(name)
        end = await self._consents.end(self._reader, self._partition)
        return end > max(following, self._ends.get(name, 0))

    async def unread(self, topic: Topic) -> AsyncIterator[Sequence[Record]]:
        """All that a topic holds now and that is not applied."""
        name = topic.name
        end = await self._reader.end(topic, self._partition)
        start = max(self._next_offset(name), self._ends.get(name, 0))
        async for records in self._read(name, start, end):
            yield records
        # Transactions leave marks that no record follows: not to be looked for again.
        self._ends[name] = end

    async def check_ends(self, changelog: Topic) -> None:
        """Hold what is applied against what the topics hold.

        Args:
            changelog: Keeps the state, and is named in the advice.

        Raises:
            PositionBeyondEndError: A topic ends before what is applied of it.
        """
        ends = await self._reader.ends(list(self._inputs.values()), [self._partition])
        for (name, _), end in ends.items():
            applied = self._next_offset(name)
            if end < applied:
                raise PositionBeyondEndError(
                    f"{name}, partition {self._partition}, ends at {end}, but {applied} "
                    f"records are applied: was the topic deleted and made again? Then delete and "
                    f"make again {changelog.name} too, and its state is built anew"
                )

    async def _read(self, name: str, start: int, end: int) -> AsyncIterator[Sequence[Record]]:
        if start < end:
            async for records in self._reader.read(self._inputs[name], self._partition, start, end):
                yield records
