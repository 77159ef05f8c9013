"""A transaction that breaks off is told as what it is, wherever it is noticed."""

import asyncio
from dataclasses import replace

import pytest
from aiokafka.errors import KafkaError

from pipeline import provision, topics
from pipeline.streaming.flow import Send
from pipeline.streaming.transaction import FencedError, TransactionalWriter
from tests.integration.support.stream import Stream

LATE = replace(topics.SCORES, name="late")
"""A topic that is made while a writer waits for it, with other records on their way."""


def make_late(stream: Stream) -> None:
    with provision.admin(stream.settings) as client:
        client.create_topics({stream.prefix + LATE.name: {"num_partitions": 1}})


def delete_late(stream: Stream) -> None:
    with provision.admin(stream.settings) as client:
        client.delete_topics([stream.prefix + LATE.name])


def test_fenced_while_it_still_sends_a_writer_says_that_it_is_fenced(stream: Stream) -> None:
    async def take_over_and_write_on() -> None:
        former = TransactionalWriter(stream.settings, "sesame", 0)
        latter = TransactionalWriter(stream.settings, "sesame", 0)
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
        writer = TransactionalWriter(settings, "sesame", 0)
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
            await writer.abandon()

    asyncio.run(write_on())
    stream.until_settled()
    assert [record.value for record in stream.read(topics.SCORES)] == [b"3"]
