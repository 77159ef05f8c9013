"""How soon a transaction that the broker refuses for now is tried again."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import ConcurrentTransactions, CoordinatorLoadInProgressError, NoError
from aiokafka.producer.transaction_manager import TransactionManager
from aiokafka.structs import TopicPartition

from pipeline.streaming.beginning import EagerAddPartitions

PLACE = TopicPartition("scores", 0)


async def _manager() -> TransactionManager:
    return TransactionManager("t", 60_000)  # asks for a loop that runs


@pytest.fixture
def answers() -> Any:
    """Gives the wait after an answer to a producer that begins a transaction."""
    manager = asyncio.run(_manager())
    manager._pending_txn_partitions.add(PLACE)
    producer = SimpleNamespace(_txn_manager=manager, _retry_backoff=0.1)

    def answer(error: type[Any]) -> float | None:
        response = SimpleNamespace(errors=[(PLACE.topic, [(PLACE.partition, error.errno)])])
        wait_s: float | None = EagerAddPartitions(producer, {PLACE}).handle_response(response)
        return wait_s

    return answer


def test_each_refusal_doubles_the_wait_up_to_aiokafkas_own(answers: Any) -> None:
    waits = [answers(ConcurrentTransactions) for _ in range(8)]
    assert waits == [0.001, 0.002, 0.004, 0.008, 0.016, 0.02, 0.02, 0.02]


def test_a_broker_may_refuse_for_as_long_as_it_likes(answers: Any) -> None:
    assert {answers(ConcurrentTransactions) for _ in range(2_000)} >= {0.02}
    assert answers(ConcurrentTransactions) == 0.02


def test_after_any_other_answer_the_first_wait_is_short_again(answers: Any) -> None:
    assert [answers(ConcurrentTransactions) for _ in range(3)][-1] == 0.004
    assert answers(CoordinatorLoadInProgressError) == 0.1  # aiokafka's own
    assert answers(ConcurrentTransactions) == 0.001
    assert answers(NoError) is None
