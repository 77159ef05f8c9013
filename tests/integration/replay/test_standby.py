"""A worker that stands by follows a state that was built anew, and takes over from that one."""

from pipeline import topics
from pipeline.dev.chaos.check import check
from pipeline.dev.chaos.witness import Witness
from pipeline.scoring.model import Model
from pipeline.streaming import changelog
from tests.integration.replay.commands import Replays
from tests.integration.support.load import simulated
from tests.integration.support.stream import until
from tests.integration.support.worker import WorkerProcess

_WAIT_S = 240.0


def gauge(worker: WorkerProcess, metric: str) -> dict[int, float]:
    found = worker.metrics().get(f"sesame_standby_{metric}", {})
    return {int(dict(labels)["partition"]): value for labels, value in found.items()}


def is_warm(worker: WorkerProcess, partition: int, people: int) -> bool:
    """Whether it has a copy of this partition, with all of its people."""
    return gauge(worker, "ready") == {partition: 1} and gauge(worker, "rows") == {partition: people}


def test_a_generation_switched_while_standing_by_is_the_one_taken_over(
    replays: Replays, model: Model
) -> None:
    stream = replays.stream
    opening, rest = simulated(people=60, events=6_000)
    with Witness(stream.settings) as witness:
        first = stream.worker(SESAME_STANDBY="1").until_ready()
        second = stream.worker(SESAME_STANDBY="1").until_ready()
        until(lambda: len(first.partitions()) == 1, lambda: first.log, _WAIT_S)
        stream.send([*opening, *rest[:3_000]])
        stream.until_applied()
        (theirs,) = first.partitions()
        rows = {key[1:].decode() for key in stream.state() if key.startswith(changelog.ROW)}
        people = sum(stream.partition_of(user) == theirs for user in rows)
        assert people > 0
        until(lambda: is_warm(second, theirs, people), lambda: second.log, _WAIT_S)
        assert replays.run("replay")["generation"] == 2
        until(
            lambda: "generation switched" in second.log and is_warm(second, theirs, people),
            lambda: second.log,
            _WAIT_S,
        )
        placed = stream.send(rest[3_000:])
        replays.until_caught_up(witness)
        first.kill()
        until(lambda: len(second.partitions()) == 2, lambda: second.log, _WAIT_S)
        until(lambda: "start=warm" in second.log, lambda: second.log, _WAIT_S)
        assert replays.have_applied(placed)
        verdict = check(stream.settings, witness, model)
    assert verdict.holds, verdict.findings
    assert [replays.generation(p) for p in range(stream.partitions)] == [2, 2]
    assert replays.read(topics.CHANGELOG) == []
