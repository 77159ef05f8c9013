from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.dev.guard.accepted import (
    TOLERANCE,
    Accepted,
    NotAcceptedError,
    Runtime,
    changes,
    figures,
    for_runtime,
    load,
    replaced,
    save,
)
from pipeline.dev.guard.stages import YARDSTICK

OLD = Runtime("3.11", "2.4.6", "26.0.1", "0.4.0", "x86_64")
NEW = Runtime("3.12", "2.5.5", "26.0.1", "0.4.0", "x86_64")


def test_figures_are_over_the_yardstick_so_that_another_build_moves_both() -> None:
    counted = {"fold": 3_000.0, "score": 1_000.0, YARDSTICK: 2_000.0}
    assert figures(counted) == {"fold": 1.5, "score": 0.5, "all": 2.0}
    slower = {name: 1.3 * n for name, n in counted.items()}
    assert figures(slower) == pytest.approx(figures(counted))


@pytest.mark.parametrize(
    ("over", "verdict"),
    [
        (-0.06, "less than accepted"),
        (-0.04, "kept"),
        (0.0, "kept"),
        (0.04, "kept"),
        (0.06, "more than accepted"),
    ],
)
def test_a_stage_trips_when_it_costs_more_or_less_than_is_tolerated(
    over: float, verdict: str
) -> None:
    assert TOLERANCE == 0.05
    (change,) = changes({"fold": 2.0 * (1 + over)}, {"fold": 2.0})
    assert str(change).endswith(f": {verdict}")
    assert change.trips is (verdict != "kept")
    assert change.by == pytest.approx(over)


def test_a_stage_that_is_new_or_gone_trips() -> None:
    seen = list(changes({"decode": 1.0}, {"fold": 1.0}))
    assert [(c.stage, c.trips) for c in seen] == [("fold", True), ("decode", True)]
    assert [str(c) for c in seen] == ["fold: gone", "decode: new"]


def test_figures_are_compared_with_those_of_their_own_runtime() -> None:
    kept = [Accepted(OLD, {"fold": 1.0}), Accepted(NEW, {"fold": 2.0})]
    assert for_runtime(NEW, kept) == {"fold": 2.0}
    assert for_runtime(OLD, kept) == {"fold": 1.0}


def test_a_runtime_without_figures_is_told_what_differs_from_the_nearest() -> None:
    other = replace(NEW, numpy="2.6.0")
    with pytest.raises(NotAcceptedError, match=r"numpy 2\.6\.0 where 2\.5\.5 was") as told:
        for_runtime(other, [Accepted(OLD, {}), Accepted(NEW, {})])
    assert "python 3.12 where" not in str(told.value)
    with pytest.raises(NotAcceptedError):
        for_runtime(other, [])


def test_accepting_replaces_the_figures_of_one_runtime(tmp_path: Path) -> None:
    file = tmp_path / "accepted.json"
    kept = replaced([Accepted(OLD, {"fold": 1.0})], Accepted(NEW, {"fold": 2.0}))
    kept = replaced(kept, Accepted(OLD, {"fold": 3.0}))
    save(kept, file)
    assert load(file) == [Accepted(OLD, {"fold": 3.0}), Accepted(NEW, {"fold": 2.0})]


def test_what_is_kept_is_of_what_the_lock_installs() -> None:
    lock = (Path(__file__).parents[4] / "requirements-dev.lock").read_text()
    for each in load():
        for name in ("numpy", "pyarrow", "pyruhvro"):
            assert f"\n{name}=={getattr(each.runtime, name)} " in lock
