"""Writers whose broker keeps connections open and answers nothing."""

import asyncio
from collections.abc import Iterator

import pytest
from aiokafka.errors import KafkaError

from pipeline import provision, settings, topics
from pipeline.dev.broker import EmbeddedBroker
from pipeline.settings import Settings
from pipeline.streaming.flow import Send
from pipeline.streaming.transaction import TransactionalWriter


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as started:
        yield started


@pytest.fixture
def config(broker: EmbeddedBroker) -> Settings:
    patient = settings.load(bootstrap=broker.bootstrap, partitions=1)
    provision.ensure_topics(patient, [])
    return patient.model_copy(update={"request_timeout_s": 3.0})


def test_a_writer_that_is_given_up_while_it_sends_can_begin_anew(
    broker: EmbeddedBroker, config: Settings
) -> None:
    scores = config.topic(topics.SCORES.name)

    async def write_on() -> None:
        writer = TransactionalWriter(config, "sesame", 0)
        await writer.start()
        try:
            producer = writer._producer
            assert producer is not None
            await producer.begin_transaction()
            await producer.send_and_wait(scores, b"1", b"ann", 0)
            broker.pause()
            unanswered = await producer.send(scores, b"2", b"ann", 0)
            await asyncio.sleep(1)
            # It would be sent again when no answer comes, and is not there to be sent any more.
            await writer.abandon()
            with pytest.raises(KafkaError, match="abandoned"):
                await unanswered
            broker.resume()
            await writer.start()
            await writer.write([Send(topics.SCORES, 0, [(b"ann", b"3", ())])])
        finally:
            broker.resume()
            await writer.stop()

    asyncio.run(write_on())
