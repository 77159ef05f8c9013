"""From weights of evidence to whole points on the scale.

Weights inside a factor come from the fit. Between factors the template's shares of the
point range hold: every factor is stretched to its share of an index, and the index alone is
fitted to the outcome again, so the odds are calibrated to the scale whatever the shares.
Its intercept sets the base, its slope the whole range of points.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.factors.vocabulary import Factor
from pipeline.scoring.bands import SCORE_MAX, SCORE_MIN
from pipeline.scoring.scaling import Scaling
from pipeline.training.weights import calibrate

Floats = NDArray[np.float64]
Bool = NDArray[np.bool_]

CAP_STEP: Final = 0.01
"""Part of a characteristic's range that a cap takes at a time."""
CAP_MAX: Final = 0.8


@dataclass(frozen=True, slots=True)
class Weighted:
    """A characteristic after the fit, on the n people it was fitted on."""

    factor: Factor
    weight: float
    woe: Floats  # (attributes,) the last for unknown values
    attributes: NDArray[np.intp]  # (n,)
    shared: Bool  # (n,)


@dataclass(frozen=True, slots=True)
class Card:
    """Whole points: ``points`` per characteristic and attribute, the lowest 0."""

    base: int
    points: tuple[tuple[int, ...], ...]
    neutral: tuple[int, ...]
    intercept: float
    slope: float
    capped_low: float  # part of each characteristic's range of evidence that was cut off
    capped_high: float


def make_card(
    weighted: Sequence[Weighted], shares: dict[Factor, float], good: Bool, scaling: Scaling
) -> Card:
    """Spread points so that factor shares hold, odds are calibrated and 350..950 is kept.

    Where the extremes would leave 350..950, the evidence of the worst (or best) attributes
    is capped: the same part of every characteristic's range is cut off, on the side that
    overshoots, just as much as it takes, and the index is fitted again.

    Raises:
        ValueError: A factor with a share tells goods from bads by nothing.
    """
    low = high = 0.0
    while low + high < CAP_MAX:
        capped = [replace(each, woe=_capped(each.woe, low, high)) for each in weighted]
        card = _card(capped, shares, good, scaling, (low, high))
        lowest = card.base
        highest = card.base + sum(max(points) for points in card.points)
        if lowest >= SCORE_MIN and highest <= SCORE_MAX:
            return card
        low += CAP_STEP * (lowest < SCORE_MIN)
        high += CAP_STEP * (highest > SCORE_MAX)
    raise ValueError(f"no cap keeps scores in range, last {lowest}..{highest}: too few people?")


def expected_points(weighted: Sequence[Weighted], shares: dict[Factor, float]) -> list[float]:
    """About how many points each characteristic's best attribute will give, before any card."""
    return [(SCORE_MAX - SCORE_MIN) * float(np.ptp(part)) for part in _stretched(weighted, shares)]


def _capped(woe: Floats, low: float, high: float) -> Floats:
    span = np.ptp(woe)
    return np.clip(woe, woe.min() + low * span, woe.max() - high * span)


def _card(
    weighted: Sequence[Weighted],
    shares: dict[Factor, float],
    good: Bool,
    scaling: Scaling,
    caps: tuple[float, float],
) -> Card:
    parts = _stretched(weighted, shares)
    index = np.sum([_expected(each, part) for each, part in zip(weighted, parts, strict=True)], 0)
    intercept, slope = calibrate(index, good)
    per_unit = scaling.points_per_log_odds * slope
    points = [np.rint(per_unit * (part - part.min())).astype(int) for part in parts]
    exact = scaling.score(intercept + slope * index)
    rounded = np.sum(
        [_expected(each, own.astype(float)) for each, own in zip(weighted, points, strict=True)], 0
    )
    return Card(
        base=round(float((exact - rounded).mean())),
        points=tuple(tuple(own.tolist()) for own in points),
        neutral=_neutral(weighted, points),
        intercept=intercept,
        slope=slope,
        capped_low=round(caps[0], 4),
        capped_high=round(caps[1], 4),
    )


def _stretched(weighted: Sequence[Weighted], shares: dict[Factor, float]) -> list[Floats]:
    """Weighted evidence per attribute, each factor's whole range stretched to its share."""
    raw = [each.weight * each.woe for each in weighted]
    ranges = dict.fromkeys(Factor, 0.0)
    for each, own in zip(weighted, raw, strict=True):
        ranges[each.factor] += float(np.ptp(own))
    empty = [factor.name for factor in Factor if shares[factor] and not ranges[factor]]
    if empty:
        raise ValueError(f"nothing in {', '.join(empty)} tells goods from bads")
    return [
        own * (shares[each.factor] / (ranges[each.factor] or 1.0))
        for each, own in zip(weighted, raw, strict=True)
    ]


def _expected(each: Weighted, by_attribute: Floats) -> Floats:
    """Each person's part; who does not share the factor gets the mean of those who do."""
    own = by_attribute[each.attributes]
    mean = own[each.shared].mean() if each.shared.any() else 0.0
    return np.where(each.shared, own, mean)


def _neutral(weighted: Sequence[Weighted], points: Sequence[NDArray[np.int_]]) -> tuple[int, ...]:
    """Neutral points: a factor's whole mean points, parcelled out by largest remainder."""
    means = np.array(
        [
            own[each.attributes][each.shared].mean() if each.shared.any() else 0.0
            for each, own in zip(weighted, points, strict=True)
        ]
    )
    neutral = np.floor(means).astype(int)
    for factor in Factor:
        inside = np.flatnonzero([each.factor is factor for each in weighted])
        left = round(float(means[inside].sum())) - int(neutral[inside].sum())
        by_remainder = inside[np.argsort(-(means[inside] % 1), kind="stable")]
        neutral[by_remainder[:left]] += 1
    return tuple(neutral.tolist())
