from typing import Any

import pytest

from pipeline.dev.bench.check import Checked, DifferentScoresError, same_scores

ANN: dict[str, Any] = {"score": 640, "reasons": ["PAID_LATE"]}
BOB: dict[str, Any] = {"score": None, "reasons": []}


def test_equal_scores_pass_and_are_counted() -> None:
    assert same_scores({"ann": ANN, "bob": BOB}, {"bob": BOB, "ann": ANN}) == Checked(2, 1)


def test_one_other_reason_is_refused_and_named() -> None:
    with pytest.raises(DifferentScoresError, match=r"1 of 2 people differ:\nann:"):
        same_scores({"ann": ANN, "bob": BOB}, {"ann": ANN | {"reasons": []}, "bob": BOB})


def test_a_person_whom_only_one_system_knows_is_refused() -> None:
    with pytest.raises(DifferentScoresError, match="bob"):
        same_scores({"ann": ANN}, {"ann": ANN, "bob": BOB})
    with pytest.raises(DifferentScoresError, match="bob"):
        same_scores({"ann": ANN, "bob": BOB}, {"ann": ANN})


def test_nobody_at_all_is_no_agreement() -> None:
    with pytest.raises(DifferentScoresError):
        same_scores({}, {})
