"""Where a partition's records come from: the archive as far as it goes, then the topics."""

from collections.abc import AsyncIterator, Sequence

from pipeline import topics
from pipeline.archive.archive import Archive
from pipeline.replay.coverage import first_gap, joined
from pipeline.replay.errors import RecordsGoneError
from pipeline.settings import Settings
from pipeline.streaming.reader import OffsetsGoneError, PartitionReader
from pipeline.streaming.records import Record
from pipeline.topics import Topic

NEEDED = (topics.JOURNAL, *topics.INPUTS)


class Source:
    """Journal and inputs of one partition; each topic is read by a consumer of its own."""

    def __init__(self, settings: Settings, partition: int, archive: Archive | None) -> None:
        """Set up; nothing is connected yet."""
        self._settings = settings
        self._archive = archive
        self._readers: dict[str, PartitionReader] = {}
        self.partition = partition

    async def stop(self) -> None:
        """Disconnect."""
        readers, self._readers = self._readers, {}
        for reader in readers.values():
            await reader.stop()

    async def ends(self) -> dict[str, int]:
        """The offset after the last committed record of each topic, by name.

        The journal's is asked for first: of what it tells the inputs are then there too.
        """
        reader = await self.reader(topics.JOURNAL)
        end = await reader.end(topics.JOURNAL, self.partition)
        inputs = await reader.ends(topics.INPUTS, [self.partition])
        archived = {t.name: self._archived_end(t) for t in NEEDED}
        found = {topics.JOURNAL.name: end} | {name: end for (name, _), end in inputs.items()}
        return {name: max(end, archived[name]) for name, end in found.items()}

    async def spans(self, topic: Topic, end: int) -> list[range]:
        """The offsets below ``end`` that can be read, joined and in their order."""
        reader = await self.reader(topic)
        there = range(await reader.beginning(topic, self.partition), end)
        archived = self._archive.spans(topic, self.partition) if self._archive else []
        return joined([*archived, there])

    async def check_beginnings(self) -> None:
        """See that everything can be read from its first record on.

        Raises:
            RecordsGoneError: Retention has deleted some, and no archive has them.
        """
        ends = await self.ends()
        for topic in NEEDED:
            end = ends[topic.name]
            gap = first_gap(await self.spans(topic, end), range(end))
            if gap is not None:
                raise RecordsGoneError(topic.name, self.partition, *gap)

    async def read(self, topic: Topic, start: int, end: int) -> AsyncIterator[Sequence[Record]]:
        """Records from ``start`` up to but without ``end``, fetch by fetch.

        Raises:
            RecordsGoneError: Retention was quicker.
        """
        if self._archive is not None:
            # Once for all: the archive may grow meanwhile, beyond the files that are read.
            archived = min(end, self._archived_end(topic))
            for records in self._archive.read(topic, self.partition, start, archived):
                yield records
            start = max(start, archived)
        if start < end:
            reader = await self.reader(topic)
            try:
                async for fetched in reader.read(topic, self.partition, start, end):
                    yield fetched
            except OffsetsGoneError as gone:
                raise RecordsGoneError(topic.name, self.partition, gone.first, gone.found) from gone

    async def reader(self, topic: Topic) -> PartitionReader:
        """A topic's own reader, connected."""
        reader = self._readers.get(topic.name)
        if reader is None:
            reader = PartitionReader(self._settings, strict=True)
            await reader.start()
            self._readers[topic.name] = reader
        return reader

    def _archived_end(self, topic: Topic) -> int:
        return self._archive.end(topic, self.partition) if self._archive else 0
