"""Bring an archive up to date: what the topics hold beyond what it has."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.archive.archive import ARCHIVED, Archive, locked_archive
from pipeline.archive.files import FileWriter
from pipeline.errors import SesameError
from pipeline.settings import Settings
from pipeline.streaming.reader import OffsetsGoneError, PartitionReader
from pipeline.streaming.topic_check import check_topics, topic_ids
from pipeline.topics import Topic

FILE_RECORDS_MAX = 500_000


@dataclass(slots=True)
class Exported:
    """What a run added.

    ``holes`` are offsets by topic and partition that the topics had lost before they were
    archived: no replay gets past them.
    """

    records: dict[str, int] = field(default_factory=dict)
    files: int = 0
    holes: list[tuple[str, int, range]] = field(default_factory=list)


def export(settings: Settings, root: Path, on_records: Callable[[int, int], None]) -> Exported:
    """Archive all that is committed by now and not archived yet.

    Args:
        settings: Say where the topics are.
        root: The archive's folder.
        on_records: Told how many more records are done, and how many there are in all.

    Raises:
        RefusedError: Topics are missing or others than those archived, or the folder is not ours
            to write to.
        SesameError: A topic ends before what is archived of it.
        KafkaError: The broker fails us.
    """
    check_topics(settings, ARCHIVED)
    with locked_archive(root, settings) as archive:
        archive.note_topics(topic_ids(settings, ARCHIVED))
        return asyncio.run(_export(settings, archive, on_records))


async def _export(
    settings: Settings, archive: Archive, on_records: Callable[[int, int], None]
) -> Exported:
    reader = PartitionReader(settings, strict=True)
    await reader.start()
    exported = Exported()
    try:
        for topic in ARCHIVED:
            exported.records[topic.name] = 0
            ends = await reader.ends([topic], range(settings.partitions))
            missing = {p: range(archive.end(topic, p), end) for (_, p), end in ends.items()}
            on_records(0, sum(len(span) for span in missing.values()))
            for partition, span in missing.items():
                await _export_partition(
                    reader, archive, (topic, partition, span), exported, on_records
                )
    finally:
        await reader.stop()
    return exported


async def _export_partition(
    reader: PartitionReader,
    archive: Archive,
    missing: tuple[Topic, int, range],
    exported: Exported,
    on_records: Callable[[int, int], None],
) -> None:
    topic, partition, (start, end) = missing[0], missing[1], (missing[2].start, missing[2].stop)
    if end < start:
        raise SesameError(
            f"{topic.name}, partition {partition}, ends at {end}, but {start} records are "
            "archived: was the topic deleted and made again? Then begin another archive"
        )
    while start < end:
        try:
            await _export_span(
                reader, archive, (topic, partition, range(start, end)), exported, on_records
            )
        except OffsetsGoneError as gone:
            hole = range(gone.first, min(gone.found, end))
            exported.holes.append((topic.name, partition, hole))
            start = hole.stop
        else:
            return


async def _export_span(
    reader: PartitionReader,
    archive: Archive,
    missing: tuple[Topic, int, range],
    exported: Exported,
    on_records: Callable[[int, int], None],
) -> None:
    """Archive a span; where retention is quicker, what could be read of it."""
    topic, partition, span = missing
    writer = FileWriter(archive.folder(topic, partition), span.start)
    try:
        async for records in reader.read(topic, partition, span.start, span.stop):
            if writer.records >= FILE_RECORDS_MAX:
                writer.finish(records[0].offset)
                exported.files += 1
                writer = FileWriter(archive.folder(topic, partition), records[0].offset)
            writer.add(records)
            exported.records[topic.name] += len(records)
            on_records(len(records), 0)
    except OffsetsGoneError as gone:
        if writer.records:
            writer.finish(gone.first)
            exported.files += 1
        else:
            writer.drop()
        raise
    except BaseException:
        writer.drop()
        raise
    writer.finish(span.stop)
    exported.files += 1
