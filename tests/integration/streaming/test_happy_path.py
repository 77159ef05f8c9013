from collections import Counter

from pipeline import topics
from pipeline.codec.reasons import Reason
from pipeline.scoring.model import Model
from tests.integration.support.load import simulated
from tests.integration.support.replay import assert_as_replayed
from tests.integration.support.stream import Stream, until
from tests.integration.support.worker import WorkerProcess


def test_a_population_is_folded_and_scored_as_the_naive_reference_says(
    stream: Stream, model: Model
) -> None:
    worker = stream.worker().until_ready()
    opening, rest = simulated(people=300, events=24_000)

    stream.send(opening)
    stream.send(rest)
    stream.until_applied()

    outcomes = assert_as_replayed(stream, model)
    # What is committed is counted a moment later.
    until(lambda: counted(worker) == outcomes, lambda: f"{counted(worker)}, not {outcomes}", 60)
    applied = {name for name, outcome in outcomes if outcome == "applied"}
    assert applied == {topic.name for topic in topics.INPUTS}
    refused = {reason.lower() for reason in Reason}
    assert {outcome for _, outcome in outcomes} > {"not_covered", "duplicate", *refused}
    scores = stream.scores().values()
    assert {None if score is None else score["status"] for score in scores} == {
        "SCORED",
        "THIN_FILE",
        None,
    }


def counted(worker: WorkerProcess) -> Counter[tuple[str, str]]:
    """Events by topic and what became of them, as the worker counts them."""
    return Counter(
        {
            (dict(labels)["topic"], dict(labels)["outcome"]): int(count)
            for labels, count in worker.metrics().get("sesame_events_total", {}).items()
        }
    )
