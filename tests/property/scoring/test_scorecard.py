"""Any model and any people: the fast scorecard against a loop that takes one at a time."""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.factors.characteristics import CHARACTERISTICS
from pipeline.factors.vocabulary import Factor
from pipeline.scoring.attributes import ScoredCharacteristic
from pipeline.scoring.bands import SCORE_MAX, SCORE_MIN
from pipeline.scoring.content import ModelContent
from pipeline.scoring.explain import explain_values
from pipeline.scoring.model import Model
from pipeline.scoring.reasons import Reason
from pipeline.scoring.scaling import Scaling
from pipeline.scoring.scorecard import score_values

NAMES = [each.name for each in CHARACTERISTICS]
# Few distinct numbers, so that values often stand exactly on an edge.
NUMBERS = st.integers(-4, 12).map(lambda number: number / 2)
VALUES = st.one_of(NUMBERS, st.just(float("nan")), st.floats(-1e12, 1e12))
POINTS = st.integers(0, 24)


@st.composite
def scored_characteristics(draw: st.DrawFn, name: str, factor: Factor) -> ScoredCharacteristic:
    edges = sorted(draw(st.sets(NUMBERS, max_size=6)))
    points = draw(st.lists(POINTS, min_size=len(edges) + 1, max_size=len(edges) + 1))
    missing = draw(POINTS)
    known = (*points, missing)
    return ScoredCharacteristic(
        name=name,
        factor=factor,
        edges=tuple(edges),
        points=tuple(points),
        missing_points=missing,
        neutral_points=draw(st.integers(min(known), max(known))),
        missing_label="unknown",
        reason=name.upper(),
        missing_reason=f"NO_{name.upper()}",
    )


@st.composite
def models(draw: st.DrawFn) -> Model:
    chosen = draw(st.sets(st.sampled_from(NAMES), min_size=1))
    registered = sorted(CHARACTERISTICS, key=lambda each: each.factor)
    characteristics = tuple(
        draw(scored_characteristics(each.name, each.factor))
        for each in registered
        if each.name in chosen
    )
    codes = [code for each in characteristics for code in (each.reason, each.missing_reason)]
    content = ModelContent(
        id="any",
        version=1,
        description="",
        base=draw(st.integers(SCORE_MIN, SCORE_MAX - 24 * len(NAMES))),
        scaling=Scaling(),
        characteristics=characteristics,
        reasons=tuple(Reason(code, "", "") for code in codes),
        training={},
    )
    return Model(content, "0" * 64)


PEOPLE = st.lists(
    st.tuples(st.lists(VALUES, min_size=len(NAMES), max_size=len(NAMES)), st.integers(0, 63)),
    min_size=1,
    max_size=8,
)
People = list[tuple[list[float], int]]


def arrays(people: People) -> tuple[NDArray[np.float64], NDArray[np.uint8], NDArray[np.uint8]]:
    values = np.array([values for values, _ in people])
    masks = np.array([mask for _, mask in people], dtype=np.uint8)
    return values, masks, np.zeros(len(people), dtype=np.uint8)


def naive_score(values: Mapping[str, float], mask: int, model: Model) -> tuple[int, list[str]]:
    """One person, one characteristic, one comparison at a time."""
    total, losses = model.base, []
    for at, each in enumerate(model.characteristics):
        if not mask & (2 << each.factor):
            total += each.neutral_points
            continue
        value = values[each.name]
        if value != value:  # noqa: PLR0124 - NaN
            points, reason = each.missing_points, each.missing_reason
        else:
            points = each.points[sum(value >= edge for edge in each.edges)]
            reason = each.reason
        total += points
        lost = max(*each.points, each.missing_points) - points
        if lost:
            losses.append((-lost, at, reason))
    return total, [reason for _, _, reason in sorted(losses)[:4]]


@given(models(), PEOPLE)
@settings(deadline=None)
def test_the_vectorised_scorecard_equals_a_loop(model: Model, people: People) -> None:
    columns = score_values(*arrays(people), model)
    for person, (values, mask) in enumerate(people):
        total, reasons = naive_score(dict(zip(NAMES, values, strict=True)), mask, model)
        assert columns.score[person] == total
        given_ = [model.reason_codes[at] for at in columns.reasons[person] if at >= 0]
        assert given_ == reasons


@given(models(), PEOPLE)
@settings(deadline=None)
def test_base_and_five_factors_add_up_to_a_score_in_range(model: Model, people: People) -> None:
    columns = score_values(*arrays(people), model)
    assert (columns.score == model.base + columns.factor_points.sum(axis=1)).all()
    assert (columns.score >= SCORE_MIN).all()
    assert (columns.score <= SCORE_MAX).all()
    assert (columns.factor_points >= model.min_points).all()
    assert (columns.factor_points <= model.max_points).all()


@given(models(), PEOPLE)
@settings(deadline=None)
def test_lines_of_an_explanation_add_up_to_the_score(model: Model, people: People) -> None:
    columns = score_values(*arrays(people), model)
    for person, (values, mask) in enumerate(people):
        lines = explain_values(dict(zip(NAMES, values, strict=True)), mask, model)
        assert model.base + sum(line.points for line in lines) == columns.score[person]
        for factor in Factor:
            own = sum(line.points for line in lines if line.factor is factor)
            assert own == columns.factor_points[person, factor]
        given_ = {model.reason_codes[at] for at in columns.reasons[person] if at >= 0}
        assert given_ <= {line.reason for line in lines}


@given(models(), st.data())
@settings(deadline=None)
def test_rising_points_never_fall_as_the_value_rises(model: Model, data: st.DataObject) -> None:
    content = model.content
    chosen = data.draw(st.integers(0, len(content.characteristics) - 1))
    each = content.characteristics[chosen]
    ascending = ScoredCharacteristic(
        each.name, each.factor, each.edges, tuple(sorted(each.points)), each.missing_points,
        each.neutral_points, each.missing_label, each.reason, each.missing_reason,
    )  # fmt: skip
    characteristics = list(content.characteristics)
    characteristics[chosen] = ascending
    monotone = Model(
        ModelContent(
            content.id, content.version, content.description, content.base, content.scaling,
            tuple(characteristics), content.reasons, content.training,
        ),
        model.sha256,
    )  # fmt: skip
    rising = sorted(data.draw(st.lists(NUMBERS, min_size=2, max_size=10)))
    values = np.full((len(rising), len(NAMES)), np.nan)
    values[:, NAMES.index(each.name)] = rising
    masks = np.full(len(rising), 0b111111, dtype=np.uint8)
    scores = score_values(values, masks, np.zeros(len(rising), np.uint8), monotone).score
    assert (np.diff(scores.astype(int)) >= 0).all()


@given(models(), PEOPLE)
@settings(deadline=None)
def test_a_higher_score_never_has_a_higher_probability_of_default(
    model: Model, people: People
) -> None:
    columns = score_values(*arrays(people), model)
    order = np.argsort(columns.score)
    assert (np.diff(columns.probability_of_default[order]) <= 0).all()


@given(st.floats(-20, 20), st.floats(1, 200), st.floats(0.1, 100))
def test_scores_and_log_odds_are_each_others_inverse(
    log_odds: float, pdo: float, odds: float
) -> None:
    scaling = Scaling(anchor_odds=odds, pdo=pdo)
    score = np.array([scaling.score(log_odds)])
    assert scaling.log_odds(score)[0] == pytest.approx(log_odds, abs=1e-6)


@given(st.floats(1e-6, 1 - 1e-6))
def test_scores_and_probabilities_are_each_others_inverse(probability: float) -> None:
    scaling = Scaling()
    score = scaling.score_of_probability(np.array([probability]))
    assert scaling.probability_of_default(score)[0] == pytest.approx(probability)
