"""A transaction that breaks off is told as what it is, wherever it is noticed."""

import asyncio
from dataclasses import replace

import pytest
from aiokafka.errors import KafkaError

from pipeline import provision, topics
from pipeline.streaming.flow import Send
from pipeline.streaming.produce import Message
from pipeline.streaming.transaction import FencedError, TransactionalWriter, id_of
from tests.integration.support.stream import Stream
from tests.integration.support.tail import Record

LATE = replace(topics.SCORES, name="late")
"""A topic that is made while a writer waits for it, with other records on their way."""


def make_late(stream: Stream) -> None:
    with provision.admin(stream.settings) as client:
        client.create_topics({stream.prefix + LATE.name: {"num_partitions": 1}})


def delete_late(stream: Stream) -> None:
    with provision.admin(stream.settings) as client:
        client.delete_topics([stream.prefix + LATE.name])


def written(stream: Stream, topic: topics.Topic) -> list[Record]:
    """All of a topic, once there is any: a commit is answered before everybody can see it."""
    stream.until(lambda: bool(stream.read(topic)))
    return stream.read(topic)


def test_fenced_while_it_still_sends_a_writer_says_that_it_is_fenced(stream: Stream) -> None:
    async def take_over_and_write_on() -> None:
        former = TransactionalWriter(stream.settings, id_of("sesame", 0))
        latter = TransactionalWriter(stream.settings, id_of("sesame", 0))
        try:
            await former.start()
            await latter.start()
            sends = [Send(topic, 0, [(b"ann", b"1", ())]) for topic in (topics.SCORES, LATE)]
            writing = asyncio.create_task(former.write(sends))
            await asyncio.sleep(1)
            await asyncio.to_thread(make_late, stream)
            with pytest.raises(FencedError):
                await writing
        finally:
            await former.stop()
            await latter.stop()

    asyncio.run(take_over_and_write_on())
    stream.until_settled()
    assert not stream.read(topics.SCORES)


def test_a_topic_that_goes_keeps_no_writer_for_longer_than_a_transaction_may_last(
    stream: Stream,
) -> None:
    make_late(stream)
    settings = stream.settings.model_copy(update={"transaction_timeout_s": 3.0})

    async def write_on() -> None:
        writer = TransactionalWriter(settings, id_of("sesame", 0))
        await writer.start()
        try:
            await writer.write([Send(LATE, 0, [(b"ann", b"1", ())])])
            await asyncio.to_thread(delete_late, stream)
            sends = [Send(topic, 0, [(b"ann", b"2", ())]) for topic in (topics.SCORES, LATE)]
            async with asyncio.timeout(60):
                with pytest.raises(KafkaError, match="not committed within 3 s"):
                    await writer.write(sends)
                await writer.start()
                await writer.write([Send(topics.SCORES, 0, [(b"ann", b"3", ())])])
        finally:
            await writer.stop()

    asyncio.run(write_on())
    assert [record.value for record in written(stream, topics.SCORES)] == [b"3"]


def test_all_of_a_large_transaction_is_written_in_order_and_in_many_batches(
    stream: Stream,
) -> None:
    rows = [(b"%d" % number, bytes([number % 256]) * 1_000, ()) for number in range(3_000)]
    letters: list[Message] = [(b"ann", None, ()), (None, b"x", [("reason", b"LATE")])]
    sends = [
        Send(topics.SCORES, 1, (row for row in rows)),
        Send(topics.DEAD_LETTERS, 2, letters, 86_400_000),
        Send(topics.SCORES, 1, [(b"last", b"", ())], 1_000),
        Send(topics.SCORES, 3, []),
    ]

    async def write_all() -> dict[tuple[str, int], int]:
        writer = TransactionalWriter(stream.settings, id_of("sesame", 0))
        await writer.start()
        try:
            await writer.write([Send(topics.SCORES, 1, [(b"first", b"", ())])])
            return await writer.write(sends)
        finally:
            await writer.stop()

    offsets = asyncio.run(write_all())

    scores, letter = (stream.prefix + topic.name for topic in (topics.SCORES, topics.DEAD_LETTERS))
    assert set(offsets) == {(scores, 1), (letter, 2)}
    # The first lies at 0, the mark of its commit at 1.
    assert 2 <= offsets[scores, 1] <= 2 + len(rows)
    stream.until(lambda: len(stream.read(topics.SCORES)) > 1)
    read = stream.read(topics.SCORES)
    assert [(r.key, r.value) for r in read] == [
        (b"first", b""),
        *((key, value) for key, value, _ in rows),
        (b"last", b""),
    ]
    assert [(r.key, r.value, list(r.headers)) for r in written(stream, topics.DEAD_LETTERS)] == [
        (key, value, list(headers)) for key, value, headers in letters
    ]


def test_a_transaction_without_records_is_committed_too(stream: Stream) -> None:
    async def write_nothing() -> None:
        writer = TransactionalWriter(stream.settings, id_of("sesame", 0))
        await writer.start()
        try:
            assert await writer.write([Send(topics.SCORES, 0, [])]) == {}
            await writer.write([Send(topics.SCORES, 0, [(b"ann", b"1", ())])])
        finally:
            await writer.stop()

    asyncio.run(write_nothing())
    assert [record.value for record in written(stream, topics.SCORES)] == [b"1"]
