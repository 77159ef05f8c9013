import pytest

from pipeline.dev.guard.accepted import TOLERANCE, Change, changes, figures, load
from pipeline.dev.guard.counts import prepare
from pipeline.dev.guard.stages import YARDSTICK, stages


def test_figures_are_over_the_yardstick_so_that_another_interpreter_moves_both() -> None:
    counted = {"fold": 3_000.0, "score": 1_000.0, YARDSTICK: 2_000.0}
    assert figures(counted) == {"fold": 1.5, "score": 0.5, "all": 2.0}
    slower = {name: 1.3 * n for name, n in counted.items()}
    assert figures(slower) == pytest.approx(figures(counted))


@pytest.mark.parametrize(
    ("over", "trips"), [(-0.5, False), (0.0, False), (0.04, False), (0.06, True)]
)
def test_a_stage_trips_when_it_costs_more_than_is_tolerated(over: float, trips: bool) -> None:
    assert TOLERANCE == 0.05
    (change,) = changes({"fold": 2.0 * (1 + over)}, {"fold": 2.0})
    assert change.trips is trips
    assert ("more than accepted" in str(change)) is trips
    assert change.by == pytest.approx(over)


def test_what_got_cheaper_asks_to_be_accepted_but_does_not_trip() -> None:
    change = Change("fold", 2.0, 1.0)
    assert "accept it" in str(change)
    assert not change.trips


def test_a_stage_that_is_new_or_gone_trips() -> None:
    seen = list(changes({"decode": 1.0}, {"fold": 1.0}))
    assert [(c.stage, c.trips) for c in seen] == [("fold", True), ("decode", True)]
    assert [str(c) for c in seen] == ["fold: gone", "decode: new"]


def test_every_stage_that_is_counted_has_a_figure_that_was_accepted() -> None:
    names = set(stages(prepare())) - {YARDSTICK}
    assert set(load()) == names | {"all"}


def test_a_stage_does_the_same_each_time_it_runs() -> None:
    given = prepare()
    work = stages(given)
    first, second = work["score"](), work["score"]()
    # A second run that found nothing new to publish would count too little.
    assert len(first.score_changes) == len(second.score_changes) > 50  # type: ignore[attr-defined]
    assert [key for key, _ in first.changelog] == [key for key, _ in second.changelog]  # type: ignore[attr-defined]
