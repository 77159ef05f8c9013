from collections import Counter

from pipeline.scoring.model import Model
from tests.integration.support.load import simulated
from tests.integration.support.replay import assert_as_replayed
from tests.integration.support.stream import Stream


def test_a_population_is_folded_and_scored_as_the_naive_reference_says(
    stream: Stream, model: Model
) -> None:
    worker = stream.worker().until_ready()
    opening, rest = simulated(people=500, events=10_000)

    stream.send(opening)
    stream.send(rest)
    stream.until_applied()

    outcomes = assert_as_replayed(stream, model)
    counted = Counter(
        {
            (dict(labels)["topic"], dict(labels)["outcome"]): int(count)
            for labels, count in worker.metrics()["sesame_events_total"].items()
        }
    )
    assert counted == outcomes
    scored = [score for score in stream.scores().values() if score and score["score"]]
    assert len(scored) > 200
