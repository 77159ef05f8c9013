"""A transaction that breaks off is told as what it is, wherever it is noticed."""

import asyncio
from dataclasses import replace

import pytest

from pipeline import provision, topics
from pipeline.streaming.flow import Send
from pipeline.streaming.transaction import FencedError, TransactionalWriter
from tests.integration.support.stream import Stream

LATE = replace(topics.SCORES, name="late")
"""A topic that is made while a writer waits for it, with other records on their way."""


def make_late(stream: Stream) -> None:
    with provision.admin(stream.settings) as client:
        client.create_topics({stream.prefix + LATE.name: {"num_partitions": 1}})


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
    assert not stream.read(topics.SCORES)
