"""A worker follows what others own, and goes on from there when it is its turn."""

import re
from itertools import count, islice

from pipeline import topics
from pipeline.scoring.model import Model
from tests.integration.support.load import Load, simulated
from tests.integration.support.records import good_year, grants, withdrawal
from tests.integration.support.replay import assert_as_replayed
from tests.integration.support.stream import Stream, until
from tests.integration.support.worker import WorkerProcess

_WAIT_S = 240.0
_TAKEN_WARM = re.compile(r"changelog read .*partition=(\d+) .*start=warm")


def standing_by(stream: Stream, **variables: str) -> WorkerProcess:
    return stream.worker(SESAME_STANDBY="1", **variables)


def copies(worker: WorkerProcess, metric: str = "ready") -> dict[int, float]:
    """Of each partition it follows."""
    found = worker.metrics().get(f"sesame_standby_{metric}", {})
    return {int(dict(labels)["partition"]): value for labels, value in found.items()}


def is_warm(worker: WorkerProcess, partitions: set[int]) -> bool:
    ready = copies(worker)
    return ready.keys() == partitions and all(ready.values())


def until_warm(worker: WorkerProcess, partitions: set[int]) -> None:
    until(lambda: is_warm(worker, partitions), lambda: worker.log, _WAIT_S)


def until_owned(worker: WorkerProcess, partitions: set[int]) -> None:
    until(lambda: worker.partitions() == partitions, lambda: worker.log, _WAIT_S)


def recovered(worker: WorkerProcess) -> dict[str, float]:
    """Changelog records it has read to take partitions over, by what it began from."""
    found = worker.metrics().get("sesame_recovery_records_total", {})
    return {dict(labels)["start"]: value for labels, value in found.items()}


def paired(stream: Stream) -> tuple[WorkerProcess, WorkerProcess]:
    """Two workers, each with copies of what the other owns."""
    first = standing_by(stream).until_ready()
    second = standing_by(stream).until_ready()
    everything = set(range(stream.partitions))
    until(
        lambda: (
            first.partitions() | second.partitions() == everything
            and is_warm(first, second.partitions())
            and is_warm(second, first.partitions())
        ),
        lambda: first.log + second.log,
        _WAIT_S,
    )
    return first, second


def test_a_worker_takes_over_from_its_copies_when_the_owner_is_killed(
    stream: Stream, model: Model
) -> None:
    opening, rest = simulated(people=150, events=100_000, months=20)
    first, second = paired(stream)
    stream.send(opening)
    sending = Load(stream, rest, per_second=300)
    stream.until_some_applied(len(opening) + 1_500)
    lost = first.partitions()
    assert lost
    until_warm(second, lost)
    first.kill()
    until_owned(second, set(range(stream.partitions)))
    sending.end()
    stream.until_applied()

    written = sum(r.partition in lost for r in stream.read(topics.CHANGELOG))
    read = recovered(second)
    assert 0 <= read["warm"] < written / 4
    assert {int(number) for number in _TAKEN_WARM.findall(second.log)} == lost
    assert_as_replayed(stream, model)


def test_an_erased_person_leaves_the_copies_too(stream: Stream) -> None:
    first, second = paired(stream)
    theirs = first.partitions()
    names = (f"erased-{number}" for number in count())
    ann, bob = islice((n for n in names if stream.partition_of(n) in theirs), 2)
    for user in (ann, bob):
        stream.send([*grants(user), *good_year(user)])
    stream.until_applied()
    until(lambda: sum(copies(second, "rows").values()) == 2, lambda: second.log, _WAIT_S)

    stream.send([withdrawal(ann, "SCORING")])
    stream.until_applied()
    until(lambda: sum(copies(second, "rows").values()) == 1, lambda: second.log, _WAIT_S)
    assert ann not in {key[1:].decode() for key in stream.state()}
    assert second.is_running


def test_copies_beyond_the_bytes_allowed_are_dropped(stream: Stream) -> None:
    opening, rest = simulated(people=100, events=2_000)
    stream.worker().until_ready()
    stream.send([*opening, *rest])
    stream.until_applied()
    # An empty copy takes some 700 kB of room for rows: the least bound has space for one.
    second = standing_by(stream, SESAME_STANDBY_BYTES_MAX=str(1 << 20)).until_ready()
    until(lambda: "no room for a warm copy" in second.log, lambda: second.log, _WAIT_S)
    until(lambda: len(copies(second)) == 1, lambda: second.log, _WAIT_S)
    assert sum(copies(second, "state_bytes").values()) <= 1 << 20
    assert second.is_running


def test_a_worker_that_does_not_stand_by_has_no_copies(stream: Stream) -> None:
    first = stream.worker().until_ready()
    second = stream.worker().until_ready()
    until(lambda: len(first.partitions()) == 2, lambda: first.log, _WAIT_S)
    assert copies(first) == copies(second) == {}
