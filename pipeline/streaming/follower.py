"""Reads several partitions on from where each stands, as batches are committed to them."""

from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition

from pipeline.kafka import aiokafka_config
from pipeline.settings import Settings
from pipeline.streaming.bounded import bound_fetches, whole_batches
from pipeline.streaming.fetched import WholeBatch

_PARTITION_BYTES = 1 << 20
_FETCH_BYTES = 8 << 20
_WAIT_MS = 200
"""How long a fetch waits for anything new; what is followed may change after it."""


class Follower:
    """A consumer outside the group, of whole batches."""

    def __init__(self, settings: Settings) -> None:
        """Set up; ``start`` connects."""
        self._settings = settings
        self._consumer: AIOKafkaConsumer | None = None

    async def start(self) -> None:
        """Connect, anew if it is connected."""
        await self.stop()
        bound_fetches(self._settings)
        self._consumer = AIOKafkaConsumer(
            **aiokafka_config(self._settings),
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="none",
            max_partition_fetch_bytes=_PARTITION_BYTES,
            fetch_max_bytes=_FETCH_BYTES,
            fetch_max_wait_ms=_WAIT_MS,
            key_deserializer=whole_batches,
        )
        await self._consumer.start()

    async def stop(self) -> None:
        """Disconnect."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()

    async def read(
        self, places: Mapping[TopicPartition, int]
    ) -> dict[TopicPartition, list[WholeBatch]]:
        """What follows, of any of these partitions.

        Args:
            places: The partitions, and the offset to read each on from.

        Raises:
            OffsetOutOfRangeError: The broker has not got the offsets it names.
            KafkaError: The broker does not answer.
        """
        consumer = self._connected
        anew = consumer.assignment() != places.keys()
        if anew:
            consumer.assign(list(places))
        for tp, offset in places.items():
            if anew or await self.position(tp) != offset:
                consumer.seek(tp, offset)
        fetched = await consumer.getmany(timeout_ms=_WAIT_MS)
        return dict(fetched)

    async def position(self, tp: TopicPartition) -> int:
        """The offset after the last that was read, marks of transactions included."""
        return int(await self._connected.position(tp))

    def end(self, tp: TopicPartition) -> tuple[int, int] | None:
        """The offset after the last committed record, and when that was so in milliseconds.

        None: the broker has not told yet.
        """
        offset = self._connected.last_stable_offset(tp)
        at_ms = self._connected.last_poll_timestamp(tp)
        return None if offset is None or not at_ms else (int(offset), int(at_ms))

    @property
    def _connected(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            raise RuntimeError("the follower was not started")
        return self._consumer
