import numpy as np
import pytest

from pipeline.factors.vocabulary import Factor
from pipeline.scoring.bands import SCORE_MAX, SCORE_MIN
from pipeline.scoring.scaling import Scaling
from pipeline.training.points import Card, Weighted, make_card

SHARES = {
    Factor.CREDIT_HISTORY: 0.35,
    Factor.BEHAVIOUR: 0.20,
    Factor.FULFILMENT: 0.25,
    Factor.IDENTITY: 0.15,
    Factor.SOCIAL: 0.05,
}
N = 20_000


def people(strength: float) -> tuple[list[Weighted], np.ndarray]:
    """Two characteristics a factor, all telling of one hidden trait."""
    rng = np.random.default_rng(17)
    trait = rng.standard_normal(N)
    odds = np.exp(2.7 + strength * trait)
    weighted = []
    for factor in Factor:
        for weight in (0.4, 0.8):
            noisy = trait + rng.standard_normal(N)
            attributes = np.searchsorted([-1.5, -0.5, 0.5, 1.5], noisy)
            woe = np.array([-1.4, -0.7, 0.0, 0.6, 1.1, 0.0])
            weighted.append(Weighted(factor, weight, woe, attributes, rng.random(N) < 0.9))
    return weighted, rng.random(N) < odds / (1 + odds)


def scores_of(card: Card, weighted: list[Weighted]) -> np.ndarray:
    scores = np.full(N, card.base)
    for each, points, neutral in zip(weighted, card.points, card.neutral, strict=True):
        scores += np.where(each.shared, np.array(points)[each.attributes], neutral)
    return scores


@pytest.fixture(scope="module", params=[1.0, 2.5], ids=["mild", "sharp"])
def fitted(request: pytest.FixtureRequest) -> tuple[Card, list[Weighted], np.ndarray]:
    weighted, good = people(request.param)
    return make_card(weighted, SHARES, good, Scaling()), weighted, good


Fitted = tuple[Card, list[Weighted], np.ndarray]


def test_factor_shares_of_the_range_are_held(fitted: Fitted) -> None:
    card, weighted, _ = fitted
    total = sum(max(points) for points in card.points)
    for factor, share in SHARES.items():
        own = sum(
            max(points)
            for each, points in zip(weighted, card.points, strict=True)
            if each.factor is factor
        )
        assert own / total == pytest.approx(share, abs=0.01)


def test_weights_inside_a_factor_are_those_of_the_fit(fitted: Fitted) -> None:
    card, _, _ = fitted
    for light, heavy in zip(card.points[::2], card.points[1::2], strict=True):
        assert max(heavy) == pytest.approx(2 * max(light), abs=2)


def test_every_score_is_in_range_and_every_lowest_attribute_gives_0(fitted: Fitted) -> None:
    card, _, _ = fitted
    assert {min(points) for points in card.points} == {0}
    assert card.base >= SCORE_MIN
    assert card.base + sum(max(points) for points in card.points) <= SCORE_MAX


def test_predicted_defaults_are_as_many_as_came(fitted: Fitted) -> None:
    card, weighted, good = fitted
    scores = scores_of(card, weighted)
    predicted = Scaling().probability_of_default(scores.astype(float))
    assert predicted.mean() == pytest.approx((~good).mean(), rel=0.03)
    for low, high in ((0.0, 0.5), (0.5, 1.0)):
        edges = np.quantile(scores, (low, high))
        inside = (scores >= edges[0]) & (scores <= edges[1])
        assert predicted[inside].mean() == pytest.approx((~good)[inside].mean(), rel=0.2)


def test_a_cap_is_taken_only_where_the_range_needs_it() -> None:
    mild, sharp = (make_card(*_arguments(strength)) for strength in (1.0, 2.5))
    assert (mild.capped_low, mild.capped_high) == (0, 0)
    assert sharp.capped_low > 0


def test_neutral_points_are_the_mean_of_those_who_share(fitted: Fitted) -> None:
    card, weighted, _ = fitted
    for factor in Factor:
        means, neutral = 0.0, 0
        for each, points, own in zip(weighted, card.points, card.neutral, strict=True):
            if each.factor is factor:
                means += np.array(points)[each.attributes][each.shared].mean()
                neutral += own
        assert neutral == round(means)


def test_a_factor_without_evidence_cannot_hold_its_share() -> None:
    weighted, shares, good, scaling = _arguments(1.0)
    silent = [
        Weighted(each.factor, 0.0, each.woe, each.attributes, each.shared)
        if each.factor is Factor.SOCIAL
        else each
        for each in weighted
    ]
    with pytest.raises(ValueError, match="nothing in SOCIAL tells goods from bads"):
        make_card(silent, shares, good, scaling)


def _arguments(
    strength: float,
) -> tuple[list[Weighted], dict[Factor, float], np.ndarray, Scaling]:
    weighted, good = people(strength)
    return weighted, SHARES, good, Scaling()
