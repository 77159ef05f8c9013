"""What retention deletes while it is read is missed, and never passed over; nor a new topic."""

import asyncio
import os

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from pipeline import topics
from pipeline.archive.archive import open_archive
from pipeline.archive.export import export
from pipeline.replay.errors import RecordsGoneError
from pipeline.replay.source import Source
from tests.integration.replay.commands import Replays

RECORDS = 60
RECORD_BYTES = 900_000
"""Many fetches: some are not under way yet when the records are deleted."""
BEFORE = 55


def fill(replays: Replays) -> None:
    producer = Producer({"bootstrap.servers": replays.stream.bootstrap, "log_level": 0})
    for _ in range(RECORDS):
        name = replays.stream.prefix + topics.PAYMENTS.name
        producer.produce(name, os.urandom(RECORD_BYTES), b"k", 0)
        producer.flush(120)


def test_a_replay_that_retention_overtakes_ends(replays: Replays) -> None:
    fill(replays)

    async def read() -> list[int]:
        source = Source(replays.stream.settings, 0, None)
        offsets: list[int] = []
        try:
            async for records in source.read(topics.PAYMENTS, 0, RECORDS):
                if not offsets:
                    replays.forget(topics.PAYMENTS, 0, BEFORE)
                offsets += [record.offset for record in records]
        finally:
            await source.stop()
        return offsets

    with pytest.raises(RecordsGoneError, match=f"what is left begins at {BEFORE}"):
        asyncio.run(read())


def test_an_archive_that_retention_overtakes_says_what_it_lacks(replays: Replays) -> None:
    fill(replays)
    done: list[int] = []

    def forget_after_first(records: int, _: int) -> None:
        if records and not done:
            replays.forget(topics.PAYMENTS, 0, BEFORE)
        done.extend([1] * records)

    settings = replays.stream.settings
    exported = export(settings, replays.archive, forget_after_first)
    ((topic, partition, hole),) = exported.holes
    assert (topic, partition, hole.stop) == ("payments", 0, BEFORE)
    archive = open_archive(replays.archive, settings)
    kept = archive.read(topics.PAYMENTS, 0, 0, RECORDS)
    there = [*range(hole.start), *range(BEFORE, RECORDS)]
    assert [record.offset for records in kept for record in records] == there
    assert [n for span in archive.spans(topics.PAYMENTS, 0) for n in span] == there


def test_a_topic_that_was_made_anew_is_refused_to_its_former_archive(replays: Replays) -> None:
    replays.run("archive", str(replays.archive))
    replays.run("archive", str(replays.archive))
    admin = AdminClient({"bootstrap.servers": replays.stream.bootstrap, "log_level": 0})
    name = replays.stream.prefix + topics.PAYMENTS.name
    admin.delete_topics([name])[name].result(120)
    replays.stream.until(lambda: topics.PAYMENTS.name not in replays.names())
    replays.stream.create_topics()
    for command in (["archive"], ["replay", "--archive"]):
        complaint = replays.refused(*command, str(replays.archive), status=2)
        assert "payments was deleted and made again since" in complaint
