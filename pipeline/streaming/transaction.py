"""One transactional producer per owned partition: what a batch writes, all or nothing."""

import asyncio
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import IllegalOperation, InvalidProducerEpoch, KafkaError, ProducerFenced
from aiokafka.producer.message_accumulator import BatchBuilder

from pipeline import topics
from pipeline.failpoints import Failpoint, hit
from pipeline.kafka import aiokafka_config
from pipeline.settings import Settings
from pipeline.streaming.beginning import begin_eagerly
from pipeline.streaming.flow import Send
from pipeline.streaming.records import Header

log = structlog.get_logger(__name__)

BATCH_BYTES_MAX = 900_000
"""Of one produce batch: under the broker's default ``message.max.bytes`` of 1,048,588."""

Message = tuple[bytes | None, bytes | None, Sequence[Header]]
"""Key, value and headers."""
_FENCED = (ProducerFenced, InvalidProducerEpoch)


class FencedError(RuntimeError):
    """Another worker has taken the partition; nothing of the batch was committed."""


class TransactionalWriter:
    """Writes what one partition's lane sends; starting it fences the former owner."""

    def __init__(self, settings: Settings, group: str, partition: int) -> None:
        """Set up for a group's ``partition``; nothing is sent before ``start``."""
        self._settings = settings
        self._transactional_id = f"{settings.topic_prefix}{group}-{partition}"
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Connect, and fence whoever wrote this partition before."""
        await self.stop()
        settings = self._settings
        begin_eagerly()
        producer = AIOKafkaProducer(
            **aiokafka_config(settings),
            transactional_id=self._transactional_id,
            transaction_timeout_ms=int(settings.transaction_timeout_s * 1000),
            max_batch_size=BATCH_BYTES_MAX,
            max_request_size=topics.DEAD_LETTER_BYTES_MAX,
            linger_ms=0,
        )
        try:
            await producer.start()
        except BaseException:
            await _close(producer)
            raise
        self._producer = producer

    async def stop(self) -> None:
        """Close; an open transaction is left to be fenced or to time out."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await _close(producer)

    async def abandon(self) -> None:
        """Close without waiting for what is under way, which may never end."""
        if self._producer is not None:
            under_way = self._producer._message_accumulator  # noqa: SLF001 - no public way
            under_way.fail_all(KafkaError("abandoned"))
        await self.stop()

    async def write(self, sends: Iterable[Send]) -> dict[tuple[str, int], int]:
        """Write everything, and commit it.

        Returns:
            An offset by topic and partition, as the broker names them: what came before this
            transaction lies below it, and some of what it wrote may.

        Raises:
            FencedError: Another worker owns the partition now.
            KafkaError: The transaction did not commit; it is not known to have failed either,
                so the partition's state must be restored before going on, and the writer
                started again.
        """
        limit_s = self._settings.transaction_timeout_s
        try:
            # The client tries for ever to begin on a topic that is gone, and the broker has
            # ended the transaction by then.
            async with asyncio.timeout(limit_s) as limit:
                return await self._write(sends)
        except TimeoutError as error:
            if not limit.expired():
                raise
            await self.abandon()
            raise KafkaError(f"the transaction was not committed within {limit_s:g} s") from error

    async def _write(self, sends: Iterable[Send]) -> dict[tuple[str, int], int]:
        producer = self._producer
        if producer is None:
            raise RuntimeError("the writer is not started")
        sent: list[asyncio.Future[Any]] = []
        try:
            await producer.begin_transaction()
            hit(Failpoint.TRANSACTION_BEGUN)
            for send in sends:
                await self._send(producer, send, sent)
                hit(Failpoint.TRANSACTION_SENT)
            hit(Failpoint.TRANSACTION_ALL_SENT)
            delivered = await asyncio.gather(*sent)
            hit(Failpoint.TRANSACTION_DELIVERED)
            await producer.commit_transaction()
            hit(Failpoint.TRANSACTION_COMMITTED)
            # A batch the broker has taken twice has no offset.
            return {(d.topic, d.partition): d.offset for d in delivered if d.offset >= 0}
        except _FENCED as error:
            raise FencedError(str(error)) from error
        except IllegalOperation as error:
            # The client ended the transaction while we were still sending.
            raise _why_ended(sent) from error
        finally:
            # When sending stops half-way, what was sent fails too and nobody asks it why.
            for future in sent:
                future.add_done_callback(_look_at)

    async def _send(
        self, producer: AIOKafkaProducer, send: Send, sent: list[asyncio.Future[Any]]
    ) -> None:
        """Hand over records; ``sent`` takes what to wait for, also if it stops half-way."""
        name = self._settings.topic(send.topic.name)
        records = iter(send.records)
        left = next(records, None)
        while left is not None:
            batch = producer.create_batch()
            left = fill(batch, left, records, send.timestamp_ms)
            sent.append(await producer.send_batch(batch, name, partition=send.partition))


async def _close(producer: AIOKafkaProducer) -> None:
    """Close, whatever the producer's sender breaks at on its last way.

    It raises what its requests under way come to: that it is fenced, or that a batch it was to
    send again is not there any more.
    """
    try:
        await producer.stop()
    except Exception as error:  # noqa: BLE001 - whatever it is, nothing more is asked of it
        log.info("a producer broke as it was closed", error=repr(error))
        await producer.client.close()


def fill(
    batch: BatchBuilder,
    record: Message,
    following: Iterator[Message],
    timestamp_ms: int | None = None,
) -> Message | None:
    """Append records until no more fits; returns the first that did not.

    Their timestamp is that of now where none is given.

    Past the batch's own ``append``, which costs as much again as the building does.
    """
    append = batch._builder.append  # noqa: SLF001 - no public way, and the version is pinned
    at_ms = time.time_ns() // 1_000_000 if timestamp_ms is None else timestamp_ms
    none: list[Header] = []
    count = 0
    left: Message | None = record
    while left is not None:
        key, value, headers = left
        # A batch's first record is taken whatever its size.
        if append(count, at_ms, key, value, list(headers) if headers else none) is None:
            break
        count += 1
        left = next(following, None)
    batch._relative_offset = count  # noqa: SLF001 - what its own append would count
    return left


def _why_ended(sent: Iterable["asyncio.Future[Any]"]) -> FencedError | KafkaError:
    """What was sent before a transaction ended by itself knows why."""
    for future in sent:
        error = future.exception() if future.done() and not future.cancelled() else None
        if error is not None and not isinstance(error, _FENCED):
            return KafkaError(repr(error))
    return FencedError("the transaction ended while it was being written")


def _look_at(future: "asyncio.Future[Any]") -> None:
    if not future.cancelled():
        future.exception()
