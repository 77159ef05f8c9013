"""Workers are killed, stopped, joined and taken for dead; every event counts exactly once."""

from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.scoring.model import Model
from tests.integration.support.load import Load, simulated
from tests.integration.support.replay import assert_as_replayed
from tests.integration.support.stream import Stream, until
from tests.integration.support.transactions import (
    LASTING,
    catch_in_a_transaction,
    in_transaction,
    until_none_is_open,
)
from tests.integration.support.worker import WorkerProcess

SMALL_TRANSACTIONS = {
    "SESAME_BATCH_RECORDS_MAX": "200",
    "SESAME_LANE_RECORDS_MAX": "200",
    "SESAME_LANE_WAITING_MAX": "1000",
}
"""So that whatever happens happens among many."""
PER_SECOND = 1_200
_WAIT_S = 240.0


@contextmanager
def load(stream: Stream) -> Iterator[None]:
    """A population's records come all the while; at the end all that came are applied."""
    # More than enough for the slowest machine: the load must not end first.
    opening, rest = simulated(people=300, events=375_000, months=20)
    sending = Load(stream, [*opening, *rest], PER_SECOND)
    yield
    sending.end()
    stream.until_applied()


def worker(stream: Stream, **variables: str) -> WorkerProcess:
    return stream.worker(**SMALL_TRANSACTIONS, **variables)


def catch_at_work(stream: Stream, caught: WorkerProcess) -> set[int]:
    """Leave the worker stopped with transactions open; its partitions."""
    until(lambda: bool(caught.partitions()), lambda: caught.log, _WAIT_S)
    partitions = caught.partitions()
    catch_in_a_transaction(stream, caught, partitions)
    return partitions


def kill_in_a_transaction(stream: Stream, victim: WorkerProcess) -> None:
    partitions = catch_at_work(stream, victim)
    victim.kill()
    assert in_transaction(stream, partitions)


def test_killed_in_the_middle_of_transactions_a_worker_goes_on_exactly(
    stream: Stream, model: Model
) -> None:
    with load(stream):
        victim = worker(stream)
        for records in (2_000, 7_000, 12_000):
            stream.until_some_applied(records)
            kill_in_a_transaction(stream, victim)
            victim = worker(stream)

    assert_as_replayed(stream, model)


def test_told_to_end_under_load_a_worker_ends_in_order_and_another_goes_on(
    stream: Stream, model: Model
) -> None:
    with load(stream):
        first = worker(stream, **LASTING)
        stream.until_some_applied(5_000)
        assert first.terminate() == 0
        until_none_is_open(stream)
        worker(stream)

    assert_as_replayed(stream, model)


def test_workers_that_join_leave_and_are_killed_share_the_work_exactly(
    stream: Stream, model: Model
) -> None:
    with load(stream):
        first = worker(stream)
        stream.until_some_applied(2_000)
        second = worker(stream)
        until_shared(first, second)
        assert second.terminate() == 0
        third = worker(stream)
        until_shared(first, third)
        kill_in_a_transaction(stream, third)

    assert first.is_running
    assert_as_replayed(stream, model)


def test_a_worker_that_was_taken_for_dead_does_no_harm_when_it_comes_back(
    stream: Stream, model: Model
) -> None:
    with load(stream):
        zombie = worker(stream)
        stream.until_some_applied(2_000)
        catch_at_work(stream, zombie)
        successor = worker(stream).until_ready()
        stream.until_some_applied(stream.applied() + 5_000)
        zombie.go_on()
        until_shared(successor, zombie)

    assert_as_replayed(stream, model)


def is_at_work(one: WorkerProcess) -> bool:
    """Whether it owns partitions, is past recovery."""
    return bool(one.partitions()) and one.get("/health/ready")[0] == 200


def until_shared(one: WorkerProcess, other: WorkerProcess) -> None:
    until(lambda: is_at_work(one) and is_at_work(other), lambda: one.log + other.log, _WAIT_S)
