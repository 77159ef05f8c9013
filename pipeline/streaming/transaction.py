"""What is written all or nothing, by a producer with a transactional id."""

import asyncio
from collections.abc import Iterable, Iterator
from itertools import chain, groupby

from aiokafka.errors import InvalidProducerEpoch, KafkaError, ProducerFenced
from aiokafka.structs import TopicPartition

from pipeline.failpoints import Failpoint, hit
from pipeline.settings import Settings
from pipeline.streaming.flow import Send
from pipeline.streaming.produce import Batch
from pipeline.streaming.producer import TransactionalProducer

_FENCED = (ProducerFenced, InvalidProducerEpoch)


def id_of(group: str, partition: int) -> str:
    """The transactional id, without the prefix, with which a partition's owner writes.

    >>> id_of("sesame", 3)
    'sesame-3'
    """
    return f"{group}-{partition}"


class FencedError(RuntimeError):
    """Another worker has taken the partition.

    Nothing of the batch was committed, unless the answer to its commit was lost before.
    """


class TransactionalWriter:
    """Writes transactions of one transactional id; starting it fences whoever had it before."""

    def __init__(self, settings: Settings, transactional_id: str) -> None:
        """Set up; nothing is sent before ``start``.

        Args:
            settings: Say where the topics are.
            transactional_id: Without the prefix.
        """
        self._settings = settings
        self._transactional_id = settings.topic_prefix + transactional_id
        self._producer: TransactionalProducer | None = None

    async def start(self) -> None:
        """Connect, and fence whoever wrote with this id before."""
        await self.stop()
        producer = TransactionalProducer(self._settings, self._transactional_id)
        try:
            await producer.start()
        except BaseException:
            await producer.close()
            raise
        self._producer = producer

    async def stop(self) -> None:
        """Close; an open transaction is left to be fenced or to time out.

        A write that is under way fails, and is not waited for: its requests may never be answered.
        """
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.close()

    async def write(self, sends: Iterable[Send]) -> dict[tuple[str, int], int]:
        """Write everything, and commit it.

        Returns:
            An offset by topic and partition, as the broker names them: what came before this
            transaction lies below it, and some of what it wrote may.

        Raises:
            FencedError: Somebody else has started a writer of this id, or the broker has ended
                the transaction.
            KafkaError: The transaction did not commit; it is not known to have failed either,
                so what it wrote of must be restored before going on, and the writer started
                again.
        """
        limit_s = self._settings.transaction_timeout_s
        try:
            # A topic that is gone is asked for again and again, and the broker has ended the
            # transaction by then.
            async with asyncio.timeout(limit_s) as limit:
                return await self._write(sends)
        except TimeoutError as error:
            if not limit.expired():
                raise
            await self.stop()
            raise KafkaError(f"the transaction was not committed within {limit_s:g} s") from error

    async def _write(self, sends: Iterable[Send]) -> dict[tuple[str, int], int]:
        producer = self._producer
        if producer is None:
            raise RuntimeError("the writer is not started")
        try:
            producer.begin()
            hit(Failpoint.TRANSACTION_BEGUN)
            offsets = await self._deliver(producer, sends)
            hit(Failpoint.TRANSACTION_DELIVERED)
            await producer.commit()
            hit(Failpoint.TRANSACTION_COMMITTED)
        except _FENCED as error:
            raise FencedError(str(error)) from error
        return {(place.topic, place.partition): offset for place, offset in offsets.items()}

    async def _deliver(
        self, producer: TransactionalProducer, sends: Iterable[Send]
    ) -> dict[TopicPartition, int]:
        """Have everything written; while a request is under way, the next one is built."""
        offsets: dict[TopicPartition, int] = {}
        under_way: asyncio.Task[dict[TopicPartition, int]] | None = None
        try:
            for batches in self._requests(producer, sends):
                if under_way is not None:
                    offsets |= await under_way
                under_way = asyncio.create_task(producer.deliver(batches))
                await asyncio.sleep(0)  # so that it is sent
            hit(Failpoint.TRANSACTION_ALL_SENT)
            if under_way is not None:
                offsets |= await under_way
        finally:
            if under_way is not None:
                under_way.cancel()
        return offsets

    def _requests(
        self, producer: TransactionalProducer, sends: Iterable[Send]
    ) -> Iterator[list[Batch]]:
        """Batches to send together: one of each partition that has any left."""
        by_place: dict[TopicPartition, list[Send]] = {}
        for send in sends:
            place = TopicPartition(self._settings.topic(send.topic.name), send.partition)
            by_place.setdefault(place, []).append(send)
        going = [_batches(producer, place, some) for place, some in by_place.items()]
        while batches := [batch for some in going for batch in [next(some, None)] if batch]:
            yield batches


def _batches(
    producer: TransactionalProducer, place: TopicPartition, sends: Iterable[Send]
) -> Iterator[Batch]:
    # Of several lanes there are several sends: each would take a request of its own.
    for timestamp_ms, alike in groupby(sends, lambda send: send.timestamp_ms):
        records = chain.from_iterable(send.records for send in alike)
        left = next(records, None)
        while left is not None:
            batch, left = producer.build(place, left, records, timestamp_ms)
            yield batch
        hit(Failpoint.TRANSACTION_SENT)
