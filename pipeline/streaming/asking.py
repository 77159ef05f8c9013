"""What several lanes ask the broker at the same time is asked once."""

import asyncio

from aiokafka.errors import KafkaError

from pipeline.streaming import shared
from pipeline.streaming.reader import PartitionReader
from pipeline.topics import Topic

_Ends = dict[tuple[str, int], int]


class EndsOf:
    """The ends of one topic's partitions, as those who ask together have them."""

    def __init__(self, topic: Topic) -> None:
        """Begin with nobody asking."""
        self._topic = topic
        self._partitions: set[int] = set()
        self._asked: asyncio.Task[_Ends] | None = None

    async def end(self, reader: PartitionReader, partition: int) -> int:
        """The offset after a partition's last committed record, not earlier than now.

        Args:
            reader: The lane's, started; the first who asks does so for all.
            partition: Its number.
        """
        if self._asked is None:
            self._partitions = set()
            self._asked = shared.begun(self._ask(reader))
        self._partitions.add(partition)
        try:
            ends = await shared.outcome(self._asked)
        except KafkaError:
            # Whoever asked may have been stopped: that is no failure of the others.
            return await reader.end(self._topic, partition)
        return ends[self._topic.name, partition]

    async def _ask(self, reader: PartitionReader) -> _Ends:
        # All that were woken in the same round have said so by now.
        partitions, self._asked = sorted(self._partitions), None
        return await reader.ends([self._topic], partitions)
