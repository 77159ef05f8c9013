"""A replay that slept while another did its work."""

import signal

from pipeline.dev.chaos.check import check
from pipeline.dev.chaos.witness import Witness
from pipeline.scoring.model import Model
from tests.integration.replay.commands import Replays
from tests.integration.support.load import simulated


def test_a_replay_that_slept_while_another_switched_over_changes_nothing(
    replays: Replays, model: Model
) -> None:
    stream = replays.stream
    opening, rest = simulated(people=40, events=2_000)
    with Witness(stream.settings) as witness:
        stream.worker().until_ready()
        stream.send([*opening, *rest[:1_000]])
        stream.until_applied()
        asleep = replays.start("replay", SESAME_CHAOS="1", SESAME_FAILPOINTS="replay.folded:1:stop")
        replays.until_stopped(asleep)
        assert replays.run("replay", "--keep-old")["generation"] == 3
        stream.send(rest[1_000:])
        replays.until_caught_up(witness)
        asleep.send_signal(signal.SIGCONT)
        _, err = asleep.communicate(timeout=120)
        assert asleep.returncode == 1
        assert "another replay" in err
        assert {replays.generation(p) for p in range(stream.partitions)} == {3}
        replays.until_caught_up(witness)
        verdict = check(stream.settings, witness, model)
    assert verdict.holds, verdict.findings
