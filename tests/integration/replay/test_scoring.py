"""What fails once a partition is switched over is no failure of the replay."""

from dataclasses import replace

from pipeline.codec.registry import FileRegistry, RegistryError
from pipeline.replay.run import Replay
from pipeline.scoring.model import Model
from pipeline.streaming.factor_flow import FactorFlow
from tests.integration.replay.commands import Replays
from tests.integration.support.load import simulated


class ReadOnlyRegistry(FileRegistry):
    """Gives no ids to write with."""

    def id_of(self, subject: str) -> int:
        raise RegistryError(f"{subject} cannot be asked for")


class Unseen:
    """Shows no progress."""

    def begin(self, partition: int, records: int) -> None: ...

    def advance(self, records: int) -> None: ...


def test_a_replay_that_cannot_publish_leaves_the_scores_to_the_lanes(
    replays: Replays, model: Model
) -> None:
    stream = replays.stream
    opening, rest = simulated(people=20, events=400)
    worker = stream.worker().until_ready()
    stream.send([*opening, *rest])
    stream.until_applied()
    assert worker.terminate() == 0
    before = stream.scores()
    other = replace(model, sha256="0" * 64)
    flow = FactorFlow(stream.settings, ReadOnlyRegistry(), other)

    done = Replay(stream.settings, flow.context, None, Unseen()).switch_over(keep_old=True)

    assert (done.partitions, done.generation, done.told) == (2, 2, 0)
    assert [replays.generation(p) for p in range(stream.partitions)] == [2, 2]
    assert stream.scores() == before
    # Whoever owns the partitions next scores everybody again.
    assert {position.swept_month for position in replays.positions()} == {0}
