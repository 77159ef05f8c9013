from dataclasses import replace

import pytest

from pipeline.factors.vocabulary import Factor
from pipeline.scoring.attributes import ScoredCharacteristic

NAN = float("nan")
ON_TIME = ScoredCharacteristic(
    name="on_time_share_24m",
    factor=Factor.CREDIT_HISTORY,
    edges=(0.5, 0.9),
    points=(0, 60, 140),
    missing_points=50,
    neutral_points=100,
    missing_label="no bill",
    reason="LATE",
    missing_reason="NO_BILLS",
)


@pytest.mark.parametrize(
    ("value", "points", "label", "reason"),
    [
        (0.0, 0, "under 0.5", "LATE"),
        (0.5, 60, "0.5 to under 0.9", "LATE"),
        (0.899, 60, "0.5 to under 0.9", "LATE"),
        (0.9, 140, "0.9 or more", None),
        (NAN, 50, "no bill", "NO_BILLS"),
    ],
)
def test_a_value_finds_its_attribute(
    value: float, points: int, label: str, reason: str | None
) -> None:
    attribute = ON_TIME.attribute_of(value)
    assert ON_TIME.points_of(attribute) == points
    assert ON_TIME.label(attribute) == label
    assert ON_TIME.reason_of(attribute) == reason


def test_unknown_can_be_the_best_there_is() -> None:
    never = replace(ON_TIME, missing_points=200)
    assert never.max_points == 200
    assert never.reason_of(never.attribute_of(NAN)) is None
    assert never.reason_of(never.attribute_of(1.0)) == "LATE"


def test_one_attribute_for_all_known_values_is_called_any() -> None:
    only = replace(ON_TIME, edges=(), points=(10,))
    assert only.label(only.attribute_of(3.0)) == "any"


def test_large_edges_read_with_separators() -> None:
    exposure = replace(ON_TIME, edges=(50_000.0, 1_250_000.0))
    assert exposure.label(1) == "50,000 to under 1,250,000"
