"""What a replay is there for: state that is not what the inputs say."""

import numpy as np

from pipeline import topics
from pipeline.dev.chaos.check import check
from pipeline.dev.chaos.witness import Witness
from pipeline.factors.layout import FACTOR_ROW
from pipeline.scoring.model import Model
from pipeline.streaming import changelog
from tests.integration.replay.commands import Replays
from tests.integration.support.load import simulated
from tests.integration.support.records import good_year, grants, record, withdrawal


def test_a_row_that_was_written_by_hand_is_found_and_put_right_and_so_is_what_was_told(
    replays: Replays, model: Model
) -> None:
    stream = replays.stream
    with Witness(stream.settings) as witness:
        worker = stream.worker().until_ready()
        stream.send([*grants("ann"), *grants("ben")])
        stream.until_applied()
        stream.send([*good_year("ann"), *good_year("ben")])
        stream.until_applied()
        true = stream.scores()["ann"]
        assert true is not None
        assert worker.terminate() == 0
        tampered = stream.row("ann").copy()
        tampered["chargebacks"][:] = 9
        home = stream.partition_of("ann")
        replays.write_by_hand(topics.CHANGELOG, home, b"rann", tampered.tobytes())
        # The worker believes it, and tells a wrong score at the next event.
        worker = stream.worker().until_ready()
        stream.send([record(topics.CONSUMPTION, "ann", kind="SEARCH")])
        stream.until_applied()
        wrong = stream.scores()["ann"]
        assert wrong is not None
        assert wrong["score"] < true["score"]

        found = replays.run("replay", "--compare", status=1)
        assert found["rows_differing"] == found["scores_differing"] == 1
        assert {d["user"] for d in found["differences"]} == {"ann"}
        assert any("chargebacks" in d["what"] for d in found["differences"])

        done = replays.run("replay", "--keep-old")
        assert done["scores_published"] == 1
        assert replays.run("replay", "--compare")["rows_differing"] == 0
        replays.until_caught_up(witness)
        right = stream.scores()["ann"]
        assert right is not None
        assert right["score"] > wrong["score"]
        assert right["sequence"] == wrong["sequence"] + 1
        verdict = check(stream.settings, witness, model, histories_of=10**9)
    # But for the score it was made to tell, which is not looked at, nothing was ever wrong.
    assert verdict.holds, verdict.findings


def test_a_state_that_no_worker_can_read_is_built_anew(replays: Replays, model: Model) -> None:
    stream = replays.stream
    opening, rest = simulated(people=20, events=600)
    with Witness(stream.settings) as witness:
        worker = stream.worker().until_ready()
        stream.send([*opening, *rest])
        stream.until_applied()
        before, told = replays.state(), replays.read(topics.SCORE_CHANGES)
        assert worker.terminate() == 0
        user = next(iter(before))[1:]
        home = stream.partition_of(user.decode())
        replays.write_by_hand(topics.CHANGELOG, home, changelog.ROW + user, b"\xff" * 40)
        assert stream.worker().exit_status() != 0
        found = replays.run("replay", "--compare", status=1)
        assert found["unreadable"] == 1
        replays.run("replay", "--keep-old")
        stream.worker().until_ready()
        replays.until_caught_up(witness)
        assert without_published(replays.state()) == without_published(before)
        verdict = check(stream.settings, witness, model)
    assert verdict.holds, verdict.findings
    assert replays.read(topics.SCORE_CHANGES) == told


def test_nobody_who_was_erased_comes_back(replays: Replays, model: Model) -> None:
    stream = replays.stream
    with Witness(stream.settings) as witness:
        stream.worker().until_ready()
        stream.send([*grants("ann"), *grants("ben")])
        stream.until_applied()
        stream.send([*good_year("ann"), *good_year("ben")])
        stream.until_applied()
        replays.run("archive", str(replays.archive))
        stream.send([withdrawal("ann", "SCORING")])
        stream.until_applied()
        for arguments in ((), ("--archive", str(replays.archive))):
            done = replays.run("replay", "--keep-old", *arguments)
            assert done["people"] == 1
            assert done["passed_over"] == (len(good_year("ann")) if arguments else 0)
            assert {key[1:] for key in replays.state()} == {b"ben"}
            assert stream.scores()["ann"] is None
            assert replays.run("replay", "--compare", *arguments)["rows_compared"] == 1
        replays.until_caught_up(witness)
        verdict = check(stream.settings, witness, model)
    assert verdict.holds, verdict.findings
    for generation in (2, 3):
        keys = {r.key for r in witness.records(topics.changelog_of(generation))}
        assert not any(key is not None and key.endswith(b"ann") for key in keys)


def without_published(state: dict[bytes, bytes]) -> dict[bytes, bytes]:
    found = dict(state)
    for key, value in state.items():
        if key.startswith(changelog.ROW):
            row = np.frombuffer(value, FACTOR_ROW).copy()
            row["published"] = np.zeros((), FACTOR_ROW["published"])
            found[key] = row.tobytes()
    return found
