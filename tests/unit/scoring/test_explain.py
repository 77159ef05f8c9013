import numpy as np
import pytest

from pipeline.factors.characteristics import CHARACTERISTICS
from pipeline.factors.layout import FACTOR_ROW
from pipeline.factors.vocabulary import Factor, Scope
from pipeline.scoring.explain import NOT_SHARED, explain, explain_values, reasons_of
from pipeline.scoring.model import Model

ALL = 0b111111
UNKNOWN = {each.name: float("nan") for each in CHARACTERISTICS}


def test_a_line_shows_the_value_its_attribute_and_what_it_gives(model: Model) -> None:
    line = explain_values(UNKNOWN | {"on_time_share_24m": 0.75}, ALL, model)[0]
    assert (line.name, line.factor) == ("on_time_share_24m", Factor.CREDIT_HISTORY)
    assert (line.value, line.attribute) == (0.75, "0.5 to under 0.9")
    assert (line.points, line.max_points, line.reason) == (60, 140, "LATE")


def test_an_unknown_value_is_none_and_says_why(model: Model) -> None:
    line = explain_values(UNKNOWN, ALL, model)[0]
    assert (line.value, line.attribute, line.reason) == (None, "no bill", "NO_BILLS")


def test_the_best_attribute_gives_no_reason(model: Model) -> None:
    line = explain_values(UNKNOWN | {"on_time_share_24m": 0.95}, ALL, model)[0]
    assert (line.points, line.reason) == (140, None)


def test_a_factor_without_consent_shows_neutral_points_only(model: Model) -> None:
    mask = ALL & ~(1 << Scope.CREDIT_HISTORY)
    lines = explain_values(UNKNOWN | {"on_time_share_24m": 0.1}, mask, model)
    private = [line for line in lines if line.factor is Factor.CREDIT_HISTORY]
    assert [line.points for line in private] == [100, 40]
    assert {line.attribute for line in private} == {NOT_SHARED}
    assert [(line.value, line.reason) for line in private] == [(None, None)] * 2


def test_a_row_is_explained_alone_or_in_an_array_of_one(model: Model) -> None:
    rows = np.zeros(1, FACTOR_ROW)
    assert explain(rows, 600, model) == explain(rows[0], 600, model)


def test_codes_lead_back_to_texts_and_advice(model: Model) -> None:
    found = reasons_of(["QUIET", "LATE"], model)
    assert [reason.code for reason in found] == ["QUIET", "LATE"]
    assert found[0].advice == "QUIET advice"


def test_a_code_of_another_model_is_no_reason(model: Model) -> None:
    with pytest.raises(KeyError):
        reasons_of(["SCORE_TOO_LOW"], model)
