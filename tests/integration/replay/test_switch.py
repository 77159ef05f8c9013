from pipeline import topics
from pipeline.scoring.model import Model
from pipeline.streaming import changelog
from tests.integration.replay.commands import Replays
from tests.integration.support.load import simulated


def unpublished(state: dict[bytes, bytes]) -> dict[bytes, bytes]:
    return {key: v for key, v in state.items() if not key.startswith(changelog.ROW)}


def test_a_replay_comes_to_the_same_state_and_its_lanes_go_on_from_it(
    replays: Replays, model: Model
) -> None:
    stream = replays.stream
    opening, rest = simulated(people=60, events=4_000)
    stream.worker().until_ready()
    stream.send([*opening, *rest[:2_000]])
    stream.until_applied()
    same = replays.run("replay", "--compare")
    assert same["rows_compared"] > 20
    assert same["scores_compared"] == same["rows_compared"]
    assert same["records"] >= 2_000

    before, scores = replays.state(), stream.read(topics.SCORES)[:]
    done = replays.run("replay")
    assert done["generation"] == 2
    assert done["deleted"] == ["factor-state-changelog"]
    assert done["people"] == same["rows_compared"]
    assert done["scores_published"] == 0
    assert replays.state() == before
    assert stream.read(topics.SCORES) == scores
    assert [replays.generation(p) for p in range(stream.partitions)] == [2, 2]
