from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from pipeline.dev.demo.result import Result, histogram


def test_the_pace_is_of_what_became_of_the_records(result: Result) -> None:
    assert result.events == 100
    assert result.events_per_second == 25


def test_figures_that_agree_are_in_order(result: Result) -> None:
    assert result.ok


@pytest.mark.parametrize(
    "change",
    [
        {"lag": 1},
        {"enrolled": 4},
        {"outcomes": Counter(applied=99)},
        {"dead_letters": Counter(DECODE=2, INVALID=2)},
        {"dead_letters": Counter(DECODE=3, INVALID=1, FUTURE=1)},
        {"shown": {"car-rental": 3}},
        {"scores": {b"a": {"status": "SCORED", "score": 610}}},
    ],
)
def test_any_figure_that_differs_is_told(result: Result, change: dict[str, Any]) -> None:
    assert not replace(result, **change).ok


def test_the_object_for_programs_has_the_keys_of_the_contract(result: Result) -> None:
    shown = result.as_json()
    assert shown["people"] == shown["scored"] + shown["thin_file"] == 3
    assert shown["dead_letters"] == {"DECODE": 3, "INVALID": 1}
    assert shown["decisions"] == {"car-rental": {"DEPOSIT_WAIVED": 1, "DEPOSIT_REQUIRED": 1}}
    assert sum(shown["scores"].values()) == shown["scored"]
    assert shown["events"] == sum(shown["outcomes"].values())
    assert {"events_per_second", "lag"} <= shown.keys()


def test_the_histogram_covers_the_whole_range_once() -> None:
    bins = histogram(range(350, 951))
    assert sum(bins.values()) == 601
    assert next(iter(bins)) == "350-399"
    assert bins["900-950"] == 51
    assert set(list(bins.values())[:-1]) == {50}
