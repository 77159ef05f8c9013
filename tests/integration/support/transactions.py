"""Workers that are caught with a transaction open, and whether any is."""

import time
from collections.abc import Collection

from confluent_kafka import TopicPartition

from pipeline import topics
from tests.integration.support.stream import Stream, until
from tests.integration.support.tail import Ends
from tests.integration.support.worker import WorkerProcess

LASTING = {"SESAME_TRANSACTION_TIMEOUT_S": "120", "SESAME_WATCHDOG_S": "180"}
"""Nobody but the worker ends its transactions while a test looks."""
_WAIT_S = 240.0
_SETTLED_S = 60.0
_LOOKS, _BETWEEN_S = 10, 0.1


def catch_in_a_transaction(
    stream: Stream,
    caught: WorkerProcess,
    partitions: Collection[int],
    state: topics.Topic = topics.CHANGELOG,
) -> None:
    """Leave a worker stopped with transactions open that it has not asked the broker to end."""
    deadline = time.monotonic() + _WAIT_S
    while True:
        caught.pause()
        if _stays_in_transaction(stream, partitions, state):
            return
        caught.go_on()
        assert time.monotonic() < deadline, "never in a transaction"
        time.sleep(0.03)


def _stays_in_transaction(stream: Stream, partitions: Collection[int], state: topics.Topic) -> bool:
    # What was on its way to the broker arrives, and a commit among it is carried out.
    for _ in range(_LOOKS):
        if not in_transaction(stream, partitions, state):
            return False
        time.sleep(_BETWEEN_S)
    return True


def in_transaction(
    stream: Stream, partitions: Collection[int], state: topics.Topic = topics.CHANGELOG
) -> bool:
    """Whether any has changelog records that are neither committed nor aborted."""
    name = stream.prefix + state.name
    parts, ends = [TopicPartition(name, number) for number in partitions], Ends(stream.bootstrap)
    written, committed = ends.written(parts), ends.committed(parts)
    return any(written[number] > committed[number] for number in written)


def until_none_is_open(stream: Stream, state: topics.Topic = topics.CHANGELOG) -> None:
    """Return when what a `LASTING` worker committed is seen; fail if it left a transaction open."""
    until(
        lambda: not in_transaction(stream, range(stream.partitions), state),
        lambda: "a transaction was left open",
        _SETTLED_S,
    )
