import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from pipeline import topics
from pipeline.archive.archive import Archive
from pipeline.archive.files import ArchivedRecord, FileWriter
from pipeline.replay.source import Source
from pipeline.settings import Settings
from pipeline.streaming.reader import PartitionReader
from pipeline.topics import Topic


def records(offsets: range) -> list[ArchivedRecord]:
    return [ArchivedRecord(offset, 0, b"k", b"v", ()) for offset in offsets]


def archive(folder: Path, span: range) -> None:
    writer = FileWriter(folder / topics.PAYMENTS.name / "0", span.start)
    writer.add(records(span))
    writer.finish(span.stop)


class WholeTopic(PartitionReader):
    """A reader of a topic that has a record at every offset."""

    async def read(
        self,
        topic: Topic,  # noqa: ARG002 - as it is called
        partition: int,  # noqa: ARG002
        start: int,
        end: int,
    ) -> AsyncIterator[list[ArchivedRecord]]:
        yield records(range(start, end))


class WholeTopics(Source):
    async def reader(self, topic: Topic) -> PartitionReader:  # noqa: ARG002 - as it is called
        return WholeTopic(Settings())


def test_an_archive_that_grows_while_it_is_read_leaves_no_record_out(tmp_path: Path) -> None:
    archive(tmp_path, range(100))
    source = WholeTopics(Settings(), 0, Archive(tmp_path))

    async def read() -> list[int]:
        offsets: list[int] = []
        async for fetch in source.read(topics.PAYMENTS, 0, 250):
            if not offsets:
                archive(tmp_path, range(100, 200))
            offsets += [record.offset for record in fetch]
        return offsets

    assert asyncio.run(read()) == list(range(250))
