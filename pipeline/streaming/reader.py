"""Reads a range of one partition straight from the broker, outside the consumer group."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaTimeoutError, OffsetOutOfRangeError

from pipeline.errors import SesameError
from pipeline.kafka import aiokafka_config
from pipeline.settings import Settings
from pipeline.streaming.bounded import bound_fetches, whole_batches
from pipeline.streaming.columnar import until
from pipeline.streaming.fetched import WholeBatch
from pipeline.topics import Topic

_FETCH_BYTES = 2 * 1024 * 1024
"""A few batches: more at once leaves the processor's caches, and takes fresh memory each time."""


class OffsetsGoneError(SesameError):
    """Retention deleted offsets before they were read: those from ``first`` up to ``found``."""

    def __init__(self, topic: str, partition: int, first: int, found: int) -> None:
        super().__init__(f"{topic}, partition {partition}, from {first} up to {found} is gone")
        self.first = first
        self.found = found


class PartitionReader:
    """Committed records of single partitions; one consumer a partition number."""

    def __init__(self, settings: Settings, *, strict: bool = False) -> None:
        """Set up; ``start`` connects.

        Args:
            settings: Say where the topics are.
            strict: Refuse to pass over what retention has deleted.
        """
        self._settings = settings
        self._strict = strict
        self._consumer: AIOKafkaConsumer | None = None
        self._reading: object = None

    async def start(self) -> None:
        """Connect; anew if it is connected, as a lane may own its partition again."""
        await self.stop()
        self._consumer = self._new_consumer()
        self._reading = None
        await self._connected.start()

    async def stop(self) -> None:
        """Disconnect."""
        consumer, self._consumer = self._consumer, None
        if consumer is None:
            return
        try:
            await consumer.stop()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # Its own: a fetch was about to be tried again. What it leaves open is the connection.
            await consumer._client.close()  # noqa: SLF001 - no public way, and it is pinned

    @property
    def _connected(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            raise RuntimeError("the reader was not started")
        return self._consumer

    def _new_consumer(self) -> AIOKafkaConsumer:
        bound_fetches(self._settings)
        return AIOKafkaConsumer(
            **aiokafka_config(self._settings),
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="none" if self._strict else "earliest",
            max_partition_fetch_bytes=_FETCH_BYTES,
            fetch_max_wait_ms=100,
        )

    async def end(self, topic: Topic, partition: int) -> int:
        """The offset after the last committed record."""
        ends = await self.ends([topic], [partition])
        return ends[topic.name, partition]

    async def ends(
        self, topics: Sequence[Topic], partitions: Sequence[int]
    ) -> dict[tuple[str, int], int]:
        """The offsets after the last committed records, by topic name and partition number."""
        asked = {(t.name, number): self._tp(t, number) for t in topics for number in partitions}
        if not asked:
            return {}
        ends = await self._connected.end_offsets(list(asked.values()))
        return {key: int(ends[tp]) for key, tp in asked.items()}

    async def beginning(self, topic: Topic, partition: int) -> int:
        """The first offset the broker still has."""
        tp = self._tp(topic, partition)
        beginnings = await self._connected.beginning_offsets([tp])
        return int(beginnings[tp])

    async def exists(self, topic: Topic) -> bool:
        """Whether the broker has a topic."""
        return self._settings.topic(topic.name) in await self._connected.topics()

    async def read(
        self, topic: Topic, partition: int, start: int, end: int
    ) -> AsyncIterator[Sequence[Any]]:
        """Records at offsets from ``start`` up to but without ``end``, fetch by fetch.

        Offsets taken by transaction markers and compaction are left out, and those taken by
        retention too unless the reader is strict. Another range may be read between two fetches.

        Raises:
            OffsetsGoneError: The reader is strict, and retention was quicker. All that lies
                before was read.
            KafkaTimeoutError: Nothing has come for two request timeouts: no broker answers, or
                the topic was deleted meanwhile.
        """
        async for fetched in self._fetches(topic, partition, start, end, whole=False):
            if records := until(fetched, end):
                yield records

    async def read_batches(
        self, topic: Topic, partition: int, start: int, end: int
    ) -> AsyncIterator[list[WholeBatch]]:
        """As `read`, by whole batches: the first and last may hold other offsets too.

        Batches of aborted transactions are left out.
        """
        async for fetched in self._fetches(topic, partition, start, end, whole=True):
            yield fetched

    async def _fetches(
        self, topic: Topic, partition: int, start: int, end: int, *, whole: bool
    ) -> AsyncIterator[Any]:
        tp = self._tp(topic, partition)
        start = await self._present(topic, partition, start) if start < end else end
        this = object()
        patience_s = 2 * self._settings.request_timeout_s
        deadline = time.monotonic() + patience_s
        while start < end:
            if self._reading is not this:
                self._reading = this
                decode = whole_batches if whole else None
                self._connected._fetcher._key_deserializer = decode  # noqa: SLF001 - no public way
                self._connected.assign([tp])
                self._connected.seek(tp, start)
            try:
                fetched = await self._connected.getmany(tp, timeout_ms=200)
            except OffsetOutOfRangeError:
                await self._present(topic, partition, start)
                raise
            position = await self._connected.position(tp)
            if position != start:
                start, deadline = position, time.monotonic() + patience_s
            elif time.monotonic() > deadline:
                raise KafkaTimeoutError(f"{tp.topic}-{partition} is not read on at {start}")
            if records := fetched.get(tp):
                yield records
                deadline = time.monotonic() + patience_s

    async def _present(self, topic: Topic, partition: int, start: int) -> int:
        """The first offset there is from ``start`` on."""
        beginning = await self.beginning(topic, partition)
        if self._strict and beginning > start:
            raise OffsetsGoneError(topic.name, partition, start, beginning)
        return max(start, beginning)

    def _tp(self, topic: Topic, partition: int) -> TopicPartition:
        return TopicPartition(self._settings.topic(topic.name), partition)
