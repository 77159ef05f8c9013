"""Writers whose broker keeps connections open and answers nothing."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from aiokafka.errors import KafkaError

from pipeline import provision, settings, topics
from pipeline.dev.broker import EmbeddedBroker
from pipeline.settings import Settings
from pipeline.streaming.flow import Send
from pipeline.streaming.produce import Message
from pipeline.streaming.transaction import TransactionalWriter, id_of
from tests.integration.support.stream import until
from tests.integration.support.tail import Tail


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as started:
        yield started


@pytest.fixture
def config(broker: EmbeddedBroker) -> Settings:
    patient = settings.load(bootstrap=broker.bootstrap, partitions=_PARTITIONS)
    provision.ensure_topics(patient, [])
    return patient.model_copy(update={"request_timeout_s": 3.0})


_SEEN_S = 10.0
_PARTITIONS = 16
_KEYS = [b"%d" % number for number in range(24)]
"""Of each partition: three requests of 13 MB, more than sockets hold while nobody reads."""
_AMID = 20
"""How many of them are asked for while the second request is under way."""


async def begun(writer: TransactionalWriter, broker: EmbeddedBroker) -> "asyncio.Task[Any]":
    """A write that the broker has begun to take, and goes no further with."""

    def records(partition: int) -> Iterator[Message]:
        for number, key in enumerate(_KEYS):
            if (partition, number) == (0, _AMID):
                broker.pause()
            yield key, bytes(100_000), ()

    sends = [Send(topics.SCORES, number, records(number)) for number in range(_PARTITIONS)]
    writing = asyncio.create_task(writer.write(sends))
    await asyncio.sleep(2)
    assert not writing.done()
    return writing


def assert_written(config: Settings, keys: dict[int, list[bytes]]) -> None:
    with closing(Tail(config.bootstrap, config.topic(topics.SCORES.name), _PARTITIONS)) as tail:

        def found() -> dict[int, list[bytes | None]]:
            records = tail.read()
            return {
                partition: [record.key for record in records if record.partition == partition]
                for partition in {record.partition for record in records}
            }

        # A commit is answered before everybody can see it.
        until(lambda: len(found()) >= len(keys), lambda: f"{list(found())}", _SEEN_S)
        assert found() == keys


async def write_anew(writer: TransactionalWriter) -> None:
    await writer.start()
    await writer.write([Send(topics.SCORES, 0, [(b"anew", b"", ())])])


def test_a_writer_that_is_stopped_while_it_sends_can_begin_anew(
    broker: EmbeddedBroker, config: Settings
) -> None:
    async def write_on() -> None:
        writer = TransactionalWriter(config, id_of("sesame", 0))
        await writer.start()
        try:
            writing = await begun(writer, broker)
            async with asyncio.timeout(2):
                await writer.stop()
            with pytest.raises(KafkaError):
                await writing
            broker.resume()
            await write_anew(writer)
        finally:
            broker.resume()
            await writer.stop()

    asyncio.run(write_on())
    assert_written(config, {0: [b"anew"]})


def test_what_is_cancelled_while_it_is_sent_is_not_committed_later(
    broker: EmbeddedBroker, config: Settings
) -> None:
    async def write_on() -> None:
        writer = TransactionalWriter(config, id_of("sesame", 0))
        await writer.start()
        try:
            writing = await begun(writer, broker)
            writing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await writing
            broker.resume()
            await asyncio.sleep(1)  # what is under way gets there
            await write_anew(writer)
        finally:
            broker.resume()
            await writer.stop()

    asyncio.run(write_on())
    assert_written(config, {0: [b"anew"]})


def test_what_is_not_answered_in_time_is_sent_again_and_written_once(
    broker: EmbeddedBroker, config: Settings
) -> None:
    async def write_on() -> None:
        writer = TransactionalWriter(config, id_of("sesame", 0))
        await writer.start()
        try:
            writing = await begun(writer, broker)
            await asyncio.sleep(config.request_timeout_s + 1)
            broker.resume()
            await writing
        finally:
            broker.resume()
            await writer.stop()

    asyncio.run(write_on())
    assert_written(config, dict.fromkeys(range(_PARTITIONS), _KEYS))
