"""One transactional producer per owned partition: a batch's output, all or nothing."""

import asyncio
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import groupby

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import InvalidProducerEpoch, ProducerFenced
from kafka.partitioner.default import murmur2

from pipeline import topics
from pipeline.kafka import aiokafka_config
from pipeline.settings import Settings
from pipeline.streaming.changelog import POSITION_KEY
from pipeline.streaming.output import Entry, Header, Output

log = structlog.get_logger(__name__)

BATCH_BYTES_MAX = 900_000
"""Of one produce batch: under the broker's default ``message.max.bytes`` of 1,048,588."""

_FENCED = (ProducerFenced, InvalidProducerEpoch)


class FencedError(RuntimeError):
    """Another worker has taken the partition; nothing of the batch was committed."""


class TransactionalWriter:
    """Writes one partition's output; starting it fences the partition's former owner."""

    def __init__(self, settings: Settings, partition: int) -> None:
        """Set up for ``partition``; nothing is sent before ``start``."""
        self._settings = settings
        self._partition = partition
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Connect, and fence whoever wrote this partition before."""
        await self.stop()
        settings = self._settings
        producer = AIOKafkaProducer(
            **aiokafka_config(settings),
            transactional_id=f"{settings.topic_prefix}{settings.app_id}-{self._partition}",
            transaction_timeout_ms=int(settings.transaction_timeout_s * 1000),
            max_batch_size=BATCH_BYTES_MAX,
            max_request_size=topics.DEAD_LETTER_BYTES_MAX,
            linger_ms=0,
        )
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        self._producer = producer

    async def stop(self) -> None:
        """Close; an open transaction is left to be fenced or to time out."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()

    async def write(self, output: Output) -> None:
        """Write a batch's output and commit it.

        Raises:
            FencedError: Another worker owns the partition now.
            KafkaError: The transaction did not commit; it is not known to have failed either,
                so the partition's state must be restored before going on.
        """
        producer = self._producer
        if producer is None:
            raise RuntimeError("the writer is not started")
        sent: list[asyncio.Future[object]] = []
        try:
            await producer.begin_transaction()
            await self._send_all(producer, output, sent)
            await asyncio.gather(*sent)
            await producer.commit_transaction()
        except _FENCED as error:
            raise FencedError(str(error)) from error
        finally:
            # When sending stops half-way, what was sent fails too and nobody asks it why.
            for future in sent:
                future.add_done_callback(_look_at)

    async def _send_all(
        self, producer: AIOKafkaProducer, output: Output, sent: list[asyncio.Future[object]]
    ) -> None:
        """Hand over all records; ``sent`` takes what to wait for, also if it stops half-way."""
        position: Entry = (POSITION_KEY, output.position.encode())
        own = self._partition
        sent += await self._send(producer, topics.CHANGELOG, own, [*output.changelog, position])
        sent += await self._send(producer, topics.SCORES, own, output.scores)
        sent += await self._send(producer, topics.SCORE_CHANGES, own, output.score_changes)
        for partition, entries in self._by_partition(output.peer_signals):
            sent += await self._send(producer, topics.PEER_SIGNALS, partition, entries)
        sent += await self._send_dead_letters(producer, output)

    async def _send(
        self,
        producer: AIOKafkaProducer,
        topic: topics.Topic,
        partition: int,
        entries: Iterable[Entry],
    ) -> list[asyncio.Future[object]]:
        records = ((key, value, ()) for key, value in entries)
        return await self._send_records(producer, topic, partition, records)

    async def _send_dead_letters(
        self, producer: AIOKafkaProducer, output: Output
    ) -> list[asyncio.Future[object]]:
        records = ((letter.key, letter.value, letter.headers) for letter in output.dead_letters)
        return await self._send_records(producer, topics.DEAD_LETTERS, self._partition, records)

    async def _send_records(
        self,
        producer: AIOKafkaProducer,
        topic: topics.Topic,
        partition: int,
        records: Iterable[tuple[bytes | None, bytes | None, Sequence[Header]]],
    ) -> list[asyncio.Future[object]]:
        name = self._settings.topic(topic.name)
        sent = []
        batch = producer.create_batch()
        append = batch.append
        for key, value, headers in records:
            if append(key=key, value=value, timestamp=None, headers=list(headers)) is None:
                sent.append(await producer.send_batch(batch, name, partition=partition))
                batch = producer.create_batch()
                append = batch.append
                # A batch's first record is taken whatever its size.
                append(key=key, value=value, timestamp=None, headers=list(headers))
        if batch.record_count():
            sent.append(await producer.send_batch(batch, name, partition=partition))
        return sent

    def _by_partition(self, entries: list[Entry]) -> list[tuple[int, list[Entry]]]:
        # Kafka's default partitioner: the receiver's records of every topic lie there.
        count = self._settings.partitions
        placed = [(_hash(key) % count, (key, value)) for key, value in entries]
        placed.sort(key=lambda pair: pair[0])
        return [
            (partition, [entry for _, entry in group])
            for partition, group in groupby(placed, key=lambda pair: pair[0])
        ]


@lru_cache(maxsize=100_000)
def _hash(key: bytes) -> int:
    return int(murmur2(key)) & 0x7FFFFFFF


def _look_at(future: asyncio.Future[object]) -> None:
    if not future.cancelled():
        future.exception()
