"""What a transactional producer does that no broker on one machine shows soon."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.client import ConnectionGroup
from aiokafka.errors import KafkaError, NodeNotReadyError
from aiokafka.producer.transaction_manager import PidAndEpoch
from aiokafka.structs import TopicPartition

from pipeline import settings
from pipeline.streaming import producer as module
from pipeline.streaming.produce import Produce
from pipeline.streaming.producer import TransactionalProducer

PLACE = TopicPartition("scores", 0)


def with_producer(check: Callable[[TransactionalProducer], Awaitable[None]]) -> None:
    async def run() -> None:
        await check(TransactionalProducer(settings.load(), "sesame-0"))

    asyncio.run(run())


def test_after_the_last_sequence_number_comes_the_first() -> None:
    async def check(producer: TransactionalProducer) -> None:
        txn = producer._txn
        txn.set_pid_and_epoch(*PidAndEpoch(7, 0))
        txn._sequence_numbers[PLACE] = 2**31 - 2
        producer.begin()
        records = iter([(b"bob", b"2", ()), (b"cat", b"3", ())])
        _, left = producer.build(PLACE, (b"ann", b"1", ()), records, None)
        assert left is None
        assert txn.sequence_number(PLACE) == 1

    with_producer(check)


def test_a_connection_that_is_closing_is_none() -> None:
    async def check(producer: TransactionalProducer) -> None:
        transport = SimpleNamespace(is_closing=lambda: True)
        reset = SimpleNamespace(
            connected=lambda: True, _writer=SimpleNamespace(transport=transport)
        )
        client = producer._client
        client._conns[1, ConnectionGroup.DEFAULT] = reset
        with pytest.raises(NodeNotReadyError):
            await client.produce(1, Produce("sesame-0", 1_000, []))

    with_producer(check)


def test_when_one_leader_refuses_nothing_goes_on_to_another() -> None:
    went_on: list[str] = []

    async def refused() -> dict[TopicPartition, Any]:
        raise KafkaError("refused")

    async def slow() -> dict[TopicPartition, Any]:
        await asyncio.sleep(0.01)
        went_on.append("slow")
        return {}

    async def run() -> None:
        with pytest.raises(KafkaError, match="refused"):
            await module._all([slow(), refused()])
        await asyncio.sleep(0.05)

    asyncio.run(run())
    assert went_on == []
