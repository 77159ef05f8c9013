"""A transactional producer that does one thing after the other, as a lane does.

    add partitions ─► produce, a request to each leader ─► end the transaction

aiokafka's own hands batches to a task that looks for work whenever something has happened: for a
small transaction that costs more than the requests do. This one has no task: each step is a request
that the writer waits for, so nothing is under way once the writer is cancelled, and a stop has
nothing to wait for. Connections, metadata, and what the coordinator's answers mean are aiokafka's;
some of it has no public name, and its version is pinned.
"""

import asyncio
from collections.abc import Coroutine, Iterable, Iterator, Mapping, Sequence
from typing import Any

import structlog
from aiokafka import errors
from aiokafka.client import AIOKafkaClient, ConnectionGroup, CoordinationType
from aiokafka.conn import CloseReason
from aiokafka.errors import InvalidProducerEpoch, KafkaError, ProducerFenced
from aiokafka.producer.sender import EndTxnHandler, Sender
from aiokafka.producer.transaction_manager import (
    TransactionManager,
    TransactionResult,
    TransactionState,
)
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.structs import TopicPartition
from aiokafka.util import wait_for

from pipeline.kafka import aiokafka_config
from pipeline.settings import Settings
from pipeline.streaming.beginning import EagerAddPartitions
from pipeline.streaming.produce import BATCH_BYTES_MAX, Batch, Message, Outcome, Produce, fill

log = structlog.get_logger(__name__)

_Answer = Mapping[TopicPartition, Outcome]
_RETRY_S = 0.1
_SEQUENCE_MAX = (1 << 31) - 1
"""After it comes 0."""
_MAGIC = 2
"""Of the record format."""
_TOGETHER_BYTES = 65_536
"""A request up to this size is copied into one piece, which costs less than sending many."""


class TransactionalProducer:
    """One transactional id's; ``start`` fences whoever else has it."""

    def __init__(self, settings: Settings, transactional_id: str) -> None:
        """Set up; nothing is sent before ``start``."""
        self._id = transactional_id
        self._timeout_ms = round(settings.request_timeout_s * 1_000)
        self._client = _Client(**aiokafka_config(settings))
        transaction_ms = int(settings.transaction_timeout_s * 1_000)
        self._txn = TransactionManager(transactional_id, transaction_ms)
        self._coordination = Sender(
            self._client,
            acks=-1,
            txn_manager=self._txn,
            message_accumulator=None,
            retry_backoff_ms=int(_RETRY_S * 1_000),
            request_timeout_ms=self._timeout_ms,
        )

    async def start(self) -> None:
        """Connect, and fence; goes on trying for as long as the broker says so."""
        await self._client.bootstrap()
        await self._coordination._maybe_wait_for_pid()  # noqa: SLF001 - no public way

    async def close(self) -> None:
        """Disconnect; what is under way fails, without being waited for."""
        self._client.break_off()
        try:
            await self._client.close()
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing more is asked of it
            # Its task for metadata may have tried once more, on a connection that was reset.
            log.info("a producer broke as it was closed", error=repr(error))

    def begin(self) -> None:
        """Begin a transaction; the broker is told with its first records."""
        self._txn.begin_transaction()

    def build(
        self,
        place: TopicPartition,
        record: Message,
        following: Iterator[Message],
        timestamp_ms: int | None,
    ) -> tuple[Batch, Message | None]:
        """The partition's next batch, and the first record that is too much for it."""
        txn = self._txn
        builder = DefaultRecordBatchBuilder(
            _MAGIC,
            compression_type=0,
            is_transactional=1,
            producer_id=txn.producer_id,
            producer_epoch=txn.producer_epoch,
            base_sequence=txn.sequence_number(place),
            batch_size=BATCH_BYTES_MAX,
        )
        count, left = fill(builder, record, following, timestamp_ms)
        txn._sequence_numbers[place] = (txn.sequence_number(place) + count) & _SEQUENCE_MAX  # noqa: SLF001 - its own goes below 0
        return Batch(place, builder.build()), left

    async def deliver(self, batches: Sequence[Batch]) -> dict[TopicPartition, int]:
        """Have batches written, at most one of each partition; tries again what may succeed yet.

        Returns:
            The offset of each batch's first record. A batch that the broker has taken twice has
            none.

        Raises:
            KafkaError: It failed; the transaction cannot be committed any more.
        """
        for topic in {batch.place.topic for batch in batches}:
            await self._client._wait_on_metadata(topic)  # noqa: SLF001 - no public way
        await self._add({batch.place for batch in batches})
        offsets: dict[TopicPartition, int] = {}
        left = {batch.place: batch for batch in batches}
        while left:
            outcomes = await self._send(left)
            offsets.update((p, o.offset) for p, o in outcomes.items() if o.offset >= 0)
            left = {place: left[place] for place in left if not self._is_written(place, outcomes)}
            if left:
                await asyncio.sleep(_RETRY_S)
                await self._client._maybe_wait_metadata()  # noqa: SLF001 - no public way
        return offsets

    async def commit(self) -> None:
        """Commit what was delivered.

        Raises:
            KafkaError: It is not known to be committed.
        """
        self._txn.committing_transaction()
        if self._txn.is_empty_transaction():
            self._txn.complete_transaction()
            return
        is_done = False
        while not is_done:
            handler = EndTxnHandler(self._coordination, TransactionResult.COMMIT)
            is_done = await handler.do(await self._coordinator())

    async def _coordinator(self) -> int:
        self._client.check()
        # It is remembered until it does not answer.
        node: int = await self._coordination._find_coordinator(  # noqa: SLF001 - no public way
            CoordinationType.TRANSACTION, self._id
        )
        return node

    async def _add(self, places: Iterable[TopicPartition]) -> None:
        """Make partitions part of the transaction, if they are not yet."""
        txn = self._txn
        for place in places:
            txn.maybe_add_partition_to_txn(place)
        while txn.partitions_to_add():
            handler = EagerAddPartitions(self._coordination, txn.partitions_to_add())
            await handler.do(await self._coordinator())
        if txn.state is TransactionState.ABORTABLE_ERROR:
            txn.wait_for_transaction_end().result()  # raises why

    async def _send(self, batches: Mapping[TopicPartition, Batch]) -> dict[TopicPartition, Outcome]:
        """Send each batch once to its partition's leader; what got no answer is left out."""
        self._client.check()
        by_leader: dict[int, list[Batch]] = {}
        for place, batch in batches.items():
            leader = self._client.cluster.leader_for_partition(place)
            if leader is None or leader == -1:
                self._client.force_metadata_update()
            else:
                by_leader.setdefault(leader, []).append(batch)
        sent = [self._send_to(leader, some) for leader, some in by_leader.items()]
        # One leader is the usual case, and needs no task.
        answers = [await sent[0]] if len(sent) == 1 else await _all(sent)
        return {place: outcome for answer in answers for place, outcome in answer.items()}

    async def _send_to(
        self, node: int, batches: Sequence[Batch]
    ) -> Mapping[TopicPartition, Outcome]:
        try:
            return await self._client.produce(node, Produce(self._id, self._timeout_ms, batches))
        except KafkaError as error:
            if not error.retriable or self._client.is_closed:
                raise
            log.warning("no answer to a produce request", node=node, error=repr(error))
            if getattr(error, "invalid_metadata", False):
                self._client.force_metadata_update()
            return {}

    def _is_written(
        self, place: TopicPartition, outcomes: Mapping[TopicPartition, Outcome]
    ) -> bool:
        """Whether the batch need not be sent again; raises if it must not be."""
        outcome = outcomes.get(place)
        if outcome is None:
            return False
        error = errors.for_code(outcome.error)
        if error in {errors.NoError, errors.DuplicateSequenceNumber}:
            return True
        if error is InvalidProducerEpoch:
            raise ProducerFenced
        if not error.retriable:
            raise error(f"{place.topic}[{place.partition}]")
        log.warning("a batch is sent again", place=place, error=error.__name__)
        if error.invalid_metadata:
            self._client.force_metadata_update()
        return False


async def _all(sent: Iterable[Coroutine[Any, Any, _Answer]]) -> list[_Answer]:
    """What all come to; if one fails, none goes on."""
    tasks = [asyncio.create_task(each) for each in sent]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


class _Client(AIOKafkaClient):  # type: ignore[misc] # untyped
    """Connections that can be broken off for good."""

    def __init__(self, **config: Any) -> None:
        super().__init__(**config)
        self.is_closed = False

    def check(self) -> None:
        """Raise an error if nothing can be sent any more."""
        if self.is_closed:
            raise KafkaError("abandoned")

    async def _get_conn(self, *args: Any, **kwargs: Any) -> Any:
        self.check()
        connection = await super()._get_conn(*args, **kwargs)
        self.check()
        # One that was reset counts as open for some rounds of the loop, and uvloop raises an error
        # of the program when it is written to.
        is_open = connection is not None and connection._writer is not None  # noqa: SLF001
        if is_open and connection._writer.transport.is_closing():  # noqa: SLF001
            return None
        return connection

    def break_off(self) -> None:
        """Close all connections, and let no other be made."""
        self.is_closed = True
        for connection in self._conns.values():
            _break_off(connection, CloseReason.SHUTDOWN)

    async def produce(self, node: int, request: Produce) -> Mapping[TopicPartition, Outcome]:
        """As ``send`` does it, without copies of what is large."""
        connection = await self._get_conn(node, group=ConnectionGroup.DEFAULT)
        if connection is None or connection._writer is None:  # noqa: SLF001
            raise errors.NodeNotReadyError(f"node {node}")
        number = connection._next_correlation_id()  # noqa: SLF001
        pieces = request.encode(number, self._client_id)
        if sum(map(len, pieces)) <= _TOGETHER_BYTES:
            connection._writer.write(b"".join(pieces))  # noqa: SLF001
        else:
            connection._writer.writelines(pieces)  # noqa: SLF001
        answer = self._loop.create_future()
        connection._requests.append((number, request, answer))  # noqa: SLF001
        try:
            produced = await wait_for(answer, self._request_timeout_ms / 1_000)
        except TimeoutError as error:
            _break_off(connection, CloseReason.CONNECTION_TIMEOUT)
            raise errors.RequestTimedOutError from error
        outcomes: Mapping[TopicPartition, Outcome] = produced.outcomes
        return outcomes


def _break_off(connection: Any, reason: CloseReason) -> None:
    """Close without a word if anything is under way.

    What a broker that stands still has not taken off the socket would be waited for.
    """
    if connection._requests and connection._writer is not None:  # noqa: SLF001 - no public way
        connection._writer.transport.abort()  # noqa: SLF001
    connection.close(reason=reason)
