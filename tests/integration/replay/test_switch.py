"""A state built anew takes the place of the live one, and nobody outside can tell."""

import time

from pipeline import topics
from pipeline.dev.chaos.check import check
from pipeline.dev.chaos.witness import Witness
from pipeline.scoring.model import Model
from tests.integration.replay.commands import Replays
from tests.integration.support.load import Load, simulated


def test_a_replay_comes_to_the_same_state_and_tells_nothing_anew(replays: Replays) -> None:
    stream = replays.stream
    opening, rest = simulated(people=60, events=4_000)
    stream.worker().until_ready()
    stream.send([*opening, *rest])
    stream.until_applied()
    same = replays.run("replay", "--compare")
    assert same["rows_compared"] > 20
    assert same["scores_compared"] == same["rows_compared"]
    assert same["records"] >= 4_000

    before, scores = replays.state(), replays.read(topics.SCORE_CHANGES)
    done = replays.run("replay")
    assert done["generation"] == 2
    assert done["deleted"] == ["factor-state-changelog"]
    assert done["people"] == same["rows_compared"]
    assert done["scores_published"] == 0
    assert replays.state() == before
    assert replays.read(topics.SCORE_CHANGES) == scores
    assert [replays.generation(p) for p in range(stream.partitions)] == [2, 2]
    # The first generation's topic is there as ever, and what lay in it is not.
    assert replays.read(topics.CHANGELOG) == []
    assert replays.run("replay", "--compare")["rows_compared"] == same["rows_compared"]


def test_workers_go_on_from_the_new_state_and_nothing_is_lost_or_doubled_on_the_way(
    replays: Replays, model: Model
) -> None:
    stream = replays.stream
    opening, rest = simulated(people=80, events=100_000, months=20)
    with Witness(stream.settings) as witness:
        stream.worker()
        stream.worker()
        stream.send(opening)
        load = Load(stream, rest, per_second=250)
        stream.until_some_applied(len(opening) + 200)
        assert replays.run("replay")["generation"] == 2
        # Compared under load, the lanes writing on.
        assert replays.run("replay", "--compare")["rows_compared"] > 20
        assert replays.run("replay", "--keep-old")["deleted"] == []
        load.end()
        replays.until_caught_up(witness)
        verdict = check(stream.settings, witness, model)
    assert verdict.holds, verdict.findings
    assert verdict.applied == verdict.events
    assert {"factor-state-changelog.g2", "factor-state-changelog.g3"} <= replays.names()
    assert [replays.generation(p) for p in range(stream.partitions)] == [3, 3]


def test_an_idle_lane_takes_the_next_event_to_the_new_state(replays: Replays, model: Model) -> None:
    stream = replays.stream
    opening, rest = simulated(people=20, events=600)
    with Witness(stream.settings) as witness:
        stream.worker().until_ready()
        stream.send([*opening, *rest[:300]])
        stream.until_applied()
        replays.run("replay", "--keep-old")
        began = time.monotonic()
        stream.send(rest[300:])
        replays.until_caught_up(witness)
        assert time.monotonic() - began < 30
        verdict = check(stream.settings, witness, model)
    assert verdict.holds, verdict.findings
    assert all(position.applied for position in replays.positions())


def test_an_idle_lane_goes_on_though_its_changelog_is_deleted(replays: Replays) -> None:
    stream = replays.stream
    opening, rest = simulated(people=20, events=600)
    stream.worker(SESAME_TRANSACTION_TIMEOUT_S="5").until_ready()
    stream.send([*opening, *rest[:200]])
    stream.until_applied()
    replays.run("replay")
    later = stream.send(rest[200:400])
    stream.until(lambda: replays.have_applied(later))
    # Each lane writes to the second generation by now, and learns nothing of the third.
    assert "factor-state-changelog.g2" in replays.run("replay")["deleted"]
    latest = stream.send(rest[400:])
    stream.until(lambda: replays.have_applied(latest))
    assert [replays.generation(p) for p in range(stream.partitions)] == [3, 3]
    assert all(worker.is_running for worker in stream.workers)
