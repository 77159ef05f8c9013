from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pipeline.factors.characteristics import CHARACTERISTICS, MissingHistory
from pipeline.factors.layout import FACTOR_ROW
from pipeline.factors.vocabulary import Factor, Scope
from pipeline.scoring.bands import NO_BAND, Band
from pipeline.scoring.model import Model
from pipeline.scoring.scorecard import NO_SCORE, ScoreColumns, Status, score, score_values

NAN = float("nan")
ALL = 0b111111
NAMES = [each.name for each in CHARACTERISTICS]


def values(known: dict[str, float]) -> NDArray[np.float64]:
    row = np.full((1, len(NAMES)), NAN)
    for name, value in known.items():
        row[0, NAMES.index(name)] = value
    return row


GOOD = {
    "on_time_share_24m": 1.0,
    "credit_history_months": 30.0,
    "active_months_12m": 12.0,
    "months_at_address": 3.0,
    "mean_peer_base_score": 640.0,
}


def scored(
    model: Model, known: dict[str, float], mask: int = ALL, missing: int = 0
) -> ScoreColumns:
    return score_values(
        values(known), np.array([mask], np.uint8), np.array([missing], np.uint8), model
    )


def reasons(columns: ScoreColumns, model: Model) -> list[str]:
    return [model.reason_codes[at] for at in columns.reasons[0] if at >= 0]


def test_the_score_is_the_base_and_the_points_of_the_attributes(model: Model) -> None:
    columns = scored(model, GOOD | {"on_time_share_24m": 0.6})
    # in the order of the record: 60 + 70 | 60 | none in the model | 90 | 30
    assert columns.factor_points.tolist() == [[130, 60, 0, 90, 30]]
    assert columns.score.tolist() == [400 + 130 + 60 + 90 + 30]
    assert columns.status.tolist() == [Status.SCORED]
    assert columns.band.tolist() == [Band.EXCELLENT]
    assert columns.consented.tolist() == [[True] * 5]


def test_the_probability_of_default_is_that_of_the_score(model: Model) -> None:
    columns = scored(model, GOOD)
    odds = 19 * 2 ** ((int(columns.score[0]) - 600) / 50)
    assert np.isclose(columns.probability_of_default[0], 1 / (1 + odds))


def test_the_base_score_has_the_social_factor_at_neutral(model: Model) -> None:
    high = scored(model, GOOD)
    low = scored(model, GOOD | {"mean_peer_base_score": 500.0})
    assert high.score[0] - low.score[0] == 30
    assert high.base_score[0] == low.base_score[0] == high.score[0] - 30 + 15


def test_a_factor_without_consent_gives_its_neutral_points_and_no_reason(model: Model) -> None:
    without = ALL & ~(1 << Scope.CREDIT_HISTORY)
    columns = scored(model, GOOD, mask=without)
    assert columns.factor_points[0, Factor.CREDIT_HISTORY] == 100 + 40
    assert columns.consented.tolist() == [[False, True, True, True, True]]
    assert reasons(columns, model) == []


def test_a_factor_without_consent_hides_the_persons_values(model: Model) -> None:
    without = ALL & ~(1 << Scope.CREDIT_HISTORY)
    best = scored(model, GOOD, mask=without)
    worst = scored(model, GOOD | {"on_time_share_24m": 0.0}, mask=without)
    assert best.score.tolist() == worst.score.tolist()


def test_reasons_come_by_points_lost_against_the_best_attribute(model: Model) -> None:
    columns = scored(
        model,
        {
            "on_time_share_24m": 0.6,  # 80 lost
            "active_months_12m": 2.0,  # 40 lost
            "mean_peer_base_score": 500.0,  # 30 lost; address unknown: 80; history unknown: 70
        },
    )
    assert reasons(columns, model) == ["LATE", "NO_ADDRESS", "SHORT", "QUIET"]


def test_the_best_there_is_has_no_reasons(model: Model) -> None:
    assert reasons(scored(model, GOOD), model) == []


def test_a_thin_file_has_no_number_at_all(model: Model) -> None:
    columns = scored(model, GOOD, missing=MissingHistory.ACTIVE_MONTHS)
    assert columns.status.tolist() == [Status.THIN_FILE]
    assert columns.score.tolist() == columns.base_score.tolist() == [NO_SCORE]
    assert columns.band.tolist() == [NO_BAND]
    assert np.isnan(columns.probability_of_default[0])
    assert columns.factor_points.tolist() == [[0] * 5]
    assert reasons(columns, model) == []
    assert columns.missing.tolist() == [MissingHistory.ACTIVE_MONTHS]


def test_nobody_gives_no_scores(model: Model) -> None:
    columns = score(np.zeros(0, FACTOR_ROW), 600, model)
    assert columns.score.shape == (0,)
    assert columns.factor_points.shape == (0, 5)
    assert columns.reasons.shape == (0, 4)


def test_rows_of_unknown_people_are_thin_files(model: Model) -> None:
    columns = score(np.zeros(3, FACTOR_ROW), 600, model)
    assert columns.status.tolist() == [Status.THIN_FILE] * 3
    assert not columns.consented.any()


def test_types_are_those_of_the_row_and_the_record(model: Model) -> None:
    columns = scored(model, GOOD)
    kinds = {
        "status": "u1",
        "score": "u2",
        "base_score": "u2",
        "band": "u1",
        "probability_of_default": "f8",
        "factor_points": "i2",
        "consented": "?",
        "reasons": "i2",
        "missing": "u1",
    }
    assert {name: getattr(columns, name).dtype for name in kinds} == {
        name: np.dtype(kind) for name, kind in kinds.items()
    }


def test_a_model_without_a_factor_gives_it_no_points(model: Model) -> None:
    alone = Model(replace(model.content, characteristics=model.characteristics[:2]), model.sha256)
    columns = scored(alone, GOOD)
    assert columns.factor_points.tolist() == [[210, 0, 0, 0, 0]]
    assert columns.base_score.tolist() == columns.score.tolist() == [610]
