"""Partitions move between workers: each holds, and tells of, what is its own and no more."""

from collections import Counter

from pipeline import topics
from pipeline.scoring.model import Model
from tests.integration.support.records import DAY_MS, NOW_MS, good_year, grants, record
from tests.integration.support.replay import assert_as_replayed
from tests.integration.support.stream import Input, Stream, until
from tests.integration.support.worker import WorkerProcess

PEOPLE = [f"person-{number}" for number in range(40)]
_WAIT_S = 240.0


def told_of(worker: WorkerProcess) -> set[int]:
    """The partitions that any of its metrics names."""
    return {
        int(number)
        for name, samples in worker.metrics().items()
        if name.startswith("sesame_")
        for labels in samples
        if (number := dict(labels).get("partition")) is not None
    }


def people_held(worker: WorkerProcess) -> dict[int, float]:
    rows = worker.metrics().get("sesame_rows", {})
    return {int(dict(labels)["partition"]): held for labels, held in rows.items()}


def bills(days_ago: int) -> list[Input]:
    at = NOW_MS - days_ago * DAY_MS
    return [record(topics.PAYMENTS, user, at) for user in PEOPLE]


def restores(worker: WorkerProcess) -> int:
    return worker.log.count("partition restored")


def test_a_worker_tells_of_the_partitions_it_owns_and_of_no_others(stream: Stream) -> None:
    first = stream.worker().until_ready()
    stream.send(each for user in PEOPLE for each in grants(user, "SCORING"))
    stream.until_applied()
    living = Counter(map(stream.partition_of, PEOPLE))
    all_held = {number: float(people) for number, people in living.items()}
    assert set(all_held) == {0, 1, 2, 3}
    until(lambda: told_of(first) == set(all_held), lambda: first.log, _WAIT_S)
    until(lambda: people_held(first) == all_held, lambda: first.log, _WAIT_S)

    second = stream.worker().until_ready()

    def is_shared() -> bool:
        firsts, seconds = told_of(first), told_of(second)
        held = people_held(first) | people_held(second)
        is_halved = len(firsts) == len(seconds) == 2 and firsts | seconds == set(all_held)
        return is_halved and held == all_held

    until(is_shared, lambda: f"{told_of(first)} {told_of(second)}\n{second.log}", _WAIT_S)
    assert second.terminate() == 0
    until(lambda: people_held(first) == all_held, lambda: first.log, _WAIT_S)


def test_a_worker_that_slept_through_another_takes_up_where_that_one_stood(
    stream: Stream, model: Model
) -> None:
    sleeper = stream.worker().until_ready()
    stream.send(each for user in PEOPLE for each in (*grants(user), *good_year(user)))
    stream.until_applied()
    # All signals between its own partitions are through: it holds its rows and does nothing.
    before = restores(sleeper)
    sleeper.pause()

    other = stream.worker().until_ready()
    until(lambda: len(other.partitions()) == 4, lambda: other.log, _WAIT_S)
    stream.send(bills(3))
    stream.until_applied()
    other.kill()
    sleeper.go_on()
    stream.send(bills(2))
    stream.until_applied()

    assert sleeper.is_running
    assert restores(sleeper) >= before + 4
    assert_as_replayed(stream, model)
