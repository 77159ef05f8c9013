import pytest

from pipeline.dev.guard.accepted import load
from pipeline.dev.guard.counts import prepare
from pipeline.dev.guard.stages import YARDSTICK, Given, stages
from pipeline.factors.fold import Outcome
from pipeline.streaming.output import Output
from pipeline.streaming.step import Folded


@pytest.fixture(scope="module")
def given() -> Given:
    return prepare()


def applied(folded: object) -> int:
    assert isinstance(folded, Folded)
    return sum(int((codes == Outcome.APPLIED).sum()) for codes in folded.result.outcomes.values())


def test_every_stage_that_is_counted_has_a_figure_that_was_accepted(given: Given) -> None:
    names = set(stages(given)) - {YARDSTICK}
    for each in load():
        assert set(each.figures) == names | {"all"}


def test_scoring_does_the_same_each_time_it_runs(given: Given) -> None:
    work = stages(given)
    first, second = work["score"](), work["score"]()
    assert isinstance(first, Output)
    assert isinstance(second, Output)
    # A second run that found nothing new to publish would count too little.
    assert len(first.score_changes) == len(second.score_changes) > 50
    assert [key for key, _ in first.changelog] == [key for key, _ in second.changelog]


def test_no_stage_takes_its_work_from_another(given: Given) -> None:
    work = stages(given)
    first = applied(work["fold"]())
    for stage in work.values():
        stage()
    # Rows that were written back where they came from would make every event a repeat.
    assert applied(work["fold"]()) == first > 1_500
