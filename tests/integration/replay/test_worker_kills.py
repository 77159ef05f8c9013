"""A worker that is killed while a replay stands still in the middle of the switch."""

import signal

import pytest

from pipeline.dev.chaos.check import check
from pipeline.dev.chaos.witness import Witness
from pipeline.scoring.model import Model
from tests.integration.replay.commands import Replays
from tests.integration.support.load import simulated


@pytest.mark.parametrize("point", ["switch.fenced", "switch.committed"])
def test_a_worker_killed_during_the_switch_recovers_to_one_generation(
    replays: Replays, model: Model, point: str
) -> None:
    """The replay stands still in the middle, and the worker dies and comes back meanwhile."""
    stream = replays.stream
    opening, rest = simulated(people=40, events=2_000)
    with Witness(stream.settings) as witness:
        worker = stream.worker().until_ready()
        stream.send([*opening, *rest[:1_000]])
        stream.until_applied()
        order = f"{point}:1:stop"
        process = replays.start("replay", "--keep-old", SESAME_CHAOS="1", SESAME_FAILPOINTS=order)
        replays.until_stopped(process)
        worker.kill()
        worker = stream.worker().until_ready()
        stream.send(rest[1_000:])
        replays.until_caught_up(witness)
        process.send_signal(signal.SIGCONT)
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, f"{out} {err}"
        assert {replays.generation(p) for p in range(stream.partitions)} == {2}
        replays.until_caught_up(witness)
        verdict = check(stream.settings, witness, model)
    assert verdict.holds, verdict.findings
