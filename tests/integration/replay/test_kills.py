"""A replay that is killed at every step; whoever comes next finds one state."""

import pytest

from pipeline import topics
from pipeline.dev.chaos.check import check
from pipeline.dev.chaos.witness import Witness
from pipeline.failpoints import Failpoint
from pipeline.scoring.model import Model
from tests.integration.replay.commands import Replays
from tests.integration.support.load import Load, simulated

KILLED = -9
POINTS = (
    "replay.made",
    "replay.folded",
    "replay.written",
    "switch.fenced",
    "switch.folded",
    # The third transaction is the switch, after the rows and before anything is scored.
    "transaction.begun:2",
    "transaction.delivered:2",
    "switch.committed",
    "switch.scored",
    "switch.committed:2",
)


@pytest.mark.timeout(900)
def test_a_replay_killed_at_any_step_leaves_one_state_and_can_be_begun_again(
    replays: Replays, model: Model
) -> None:
    stream = replays.stream
    named = {point.split(":")[0] for point in POINTS} | {Failpoint.REPLAY_DELETED}
    assert named >= {p for p in Failpoint if p.startswith(("replay.", "switch."))}
    opening, rest = simulated(people=40, events=60_000)
    with Witness(stream.settings) as witness:
        stream.worker().until_ready()
        stream.send(opening)
        load = Load(stream, rest, per_second=60)
        stream.until_some_applied(len(opening) + 100)
        for point in POINTS:
            process = replays.start("replay", SESAME_CHAOS="1", SESAME_FAILPOINTS=point)
            out, err = process.communicate(timeout=120)
            assert process.returncode == KILLED, f"{point}: {process.returncode} {out} {err}"
            if point.startswith("replay.") or point in {"switch.fenced", "switch.folded"}:
                assert {replays.generation(p) for p in range(stream.partitions)} == {1}
        done = replays.run("replay", "--keep-old")
        generations = {replays.generation(p) for p in range(stream.partitions)}
        assert generations == {done["generation"]}
        load.end()
        replays.until_caught_up(witness)
        verdict = check(stream.settings, witness, model)
    assert verdict.holds, verdict.findings
    before = replays.state()
    process = replays.start("replay", SESAME_CHAOS="1", SESAME_FAILPOINTS="replay.deleted")
    process.communicate(timeout=120)
    assert process.returncode == KILLED
    assert topics.CHANGELOG.name not in replays.names()
    stream.create_topics()
    assert replays.state() == before
    last = replays.run("replay")["generation"]
    assert {n for n in replays.names() if n.startswith(topics.CHANGELOG.name)} == {
        topics.CHANGELOG.name,
        topics.changelog_of(last).name,
    }
    assert replays.state() == before
