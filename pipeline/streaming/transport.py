"""Faust's transport, told to read by batches.

Three things differ from Faust's own: one fetched batch of one partition is one message,
the consumer reads only what is committed, and partitions whose lane is behind are left out
of a fetch (pausing them in Faust would drop what is fetched already).
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import uvloop
from aiokafka import AIOKafkaConsumer
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport
from faust.types import TP

from pipeline.streaming.atonce import AtOnce
from pipeline.streaming.bounded import take_fetched
from pipeline.streaming.records import Record

_FAUST = logging.getLogger("faust.transport")
_FETCH_MAX_WAIT_MS = 20
"""How long the broker may wait for records. A fetch leaves out the partitions whose records are
not taken yet, and there is one at a time: so long may theirs wait for the next."""
_HELD_BACK_FETCH_S = 0.02
"""How long a fetch may wait while lanes are behind: they are looked at again after it."""


class FetchedBatch:
    """Consecutive records of one partition, in the shape of one record."""

    __slots__ = ("offset", "partition", "timestamp", "topic", "value")

    timestamp_type = 0
    headers = ()
    key = None
    checksum = None
    serialized_key_size = 0
    serialized_value_size = 0

    def __init__(self, tp: TP, records: Sequence[Any]) -> None:
        """Stand for ``records``, at the offset of the last."""
        self.topic = tp.topic
        self.partition = tp.partition
        self.offset = records[-1].offset
        self.timestamp = records[-1].timestamp
        self.value = records


def batch_scheduler(batch_records_max: int, first: tuple[str, ...]) -> type:
    """A Faust ``ConsumerScheduler`` that yields batches.

    Args:
        batch_records_max: Cap of a batch; a longer fetch is cut.
        first: Topics, prefix included, that go ahead of all others.
    """

    class BatchScheduler:
        """Whole batches, control topics first."""

        def iterate(self, records: Mapping[TP, Sequence[Any]]) -> Iterator[tuple[TP, FetchedBatch]]:
            """Yield each partition's records by batches."""
            for tp in sorted(records, key=lambda tp: tp.topic not in first):
                fetched = records[tp]
                for start in range(0, len(fetched), batch_records_max):
                    yield tp, FetchedBatch(tp, fetched[start : start + batch_records_max])

    return BatchScheduler


class BatchConsumerThread(AIOKafkaConsumerThread):
    """Reads what is committed; Faust would only under its own exactly-once mode."""

    logger = _FAUST

    def _create_worker_consumer(self, transport: Transport) -> AIOKafkaConsumer:
        self.consumer.in_transaction = True
        try:
            consumer = super()._create_worker_consumer(transport)
        finally:
            self.consumer.in_transaction = False
        consumer._fetch_max_wait_ms = _FETCH_MAX_WAIT_MS  # noqa: SLF001 - Faust has no setting
        return consumer

    async def _fetch_records(  # type: ignore[override] # its caller takes any sequence
        self,
        consumer: AIOKafkaConsumer,
        active_partitions: set[TP],
        timeout: float | None = None,  # noqa: ASYNC109 - Faust's signature
        max_records: int | None = None,  # noqa: ARG002 - our bounds are by bytes too
    ) -> Mapping[TP, Sequence[Any]]:
        fetch = super()._fetch_records

        async def take(
            partitions: Collection[TP], wait_s: float, records_max: int | None
        ) -> Mapping[TP, Sequence[Any]]:
            return await fetch(consumer, set(partitions), wait_s, records_max)

        return await take_fetched(consumer._fetcher, take, active_partitions, timeout or 0.0)  # noqa: SLF001


class BatchConsumer(AtOnce, Consumer):
    """Acknowledges by batch and holds back partitions whose lane is behind."""

    logger = _FAUST

    def _new_consumer_thread(self) -> BatchConsumerThread:
        thread = BatchConsumerThread(
            self,
            loop=self.loop,
            beacon=self.beacon,
            # A fetch and a step of the lanes wait for each other.
            thread_loop=uvloop.new_event_loop(),
        )
        thread._close_thread_loop_on_stop = True  # noqa: SLF001 - nobody else does
        return thread

    async def _getmany(  # type: ignore[override] # its caller takes any sequence
        self,
        active_partitions: set[TP] | None,
        timeout: float,  # noqa: ASYNC109 - Faust's signature
    ) -> Mapping[TP, Sequence[Record]]:
        if active_partitions is None:
            return await super()._getmany(active_partitions, timeout)
        is_behind: Callable[[int], bool] = self.app.is_behind  # type: ignore[attr-defined] # BatchApp
        ready = {tp for tp in active_partitions if not is_behind(tp.partition)}
        if not ready:
            await asyncio.sleep(_HELD_BACK_FETCH_S)
            return {}
        if len(ready) < len(active_partitions):
            timeout = _HELD_BACK_FETCH_S
        return await super()._getmany(ready, timeout)

    async def _add_gap(self, _tp: TP, _offset_from: int, _offset_to: int) -> None:
        # Offsets inside a batch are no gaps; lanes acknowledge batches in order.
        return

    def _new_offset(self, tp: TP) -> int | None:
        acked = self._acked[tp]
        if not acked:
            return None
        newest = max(acked)
        acked.clear()
        self._acked_index[tp].clear()
        return newest + 1


class BatchTransport(Transport):
    """Faust's aiokafka transport with our consumer."""

    Consumer = BatchConsumer
