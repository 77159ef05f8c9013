"""A score said naively: one person, one characteristic, one comparison at a time."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pipeline.factors.vocabulary import Factor
from pipeline.reference.characteristics import characteristics, missing
from pipeline.reference.person import Person

_REASONS_MAX = 4
_BANDS = ((700, 4), (650, 3), (600, 2), (550, 1))


class Line(Protocol):
    """A characteristic of a card; attribute i covers ``edges[i - 1] <= value < edges[i]``."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def factor(self) -> Factor: ...  # noqa: D102
    @property
    def edges(self) -> Sequence[float]: ...  # noqa: D102
    @property
    def points(self) -> Sequence[int]: ...  # noqa: D102
    @property
    def missing_points(self) -> int: ...  # noqa: D102
    @property
    def neutral_points(self) -> int: ...  # noqa: D102
    @property
    def reason(self) -> str: ...  # noqa: D102
    @property
    def missing_reason(self) -> str: ...  # noqa: D102


class Card(Protocol):
    """A scorecard: where everybody starts and what each characteristic adds."""

    @property
    def base(self) -> int: ...  # noqa: D102
    @property
    def characteristics(self) -> Sequence[Line]: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Score:
    """A score; everything but ``missing`` is None or empty for a thin file."""

    missing: int
    score: int | None = None
    base_score: int | None = None
    band: int | None = None
    probability_of_default: float | None = None
    factor_points: tuple[int, ...] = ()
    reasons: tuple[str, ...] = ()


def score(person: Person | None, as_of_month: int, card: Card) -> Score:
    """Score one person on the scale of 600 points at 19:1, 50 points to double the odds."""
    lacking = missing(person, as_of_month)
    if lacking or person is None:
        return Score(lacking)
    values = characteristics(person, as_of_month)
    points = dict.fromkeys(Factor, 0)
    social_neutral = 0
    losses: list[tuple[int, int, str]] = []
    for position, line in enumerate(card.characteristics):
        if line.factor is Factor.SOCIAL:
            social_neutral += line.neutral_points
        if not person.in_force(line.factor.scope):
            points[line.factor] += line.neutral_points
            continue
        gained, reason = _attribute(line, values)
        points[line.factor] += gained
        lost = max(*line.points, line.missing_points) - gained
        if lost:
            losses.append((-lost, position, reason))
    total = card.base + sum(points.values())
    return Score(
        lacking,
        score=total,
        base_score=total - points[Factor.SOCIAL] + social_neutral,
        band=next((band for floor, band in _BANDS if total >= floor), 0),
        probability_of_default=1 / (1 + 19 * 2 ** ((total - 600) / 50)),
        factor_points=tuple(points[factor] for factor in Factor),
        reasons=tuple(reason for _, _, reason in sorted(losses)[:_REASONS_MAX]),
    )


def _attribute(line: Line, values: Mapping[str, float]) -> tuple[int, str]:
    """The points a value gains, and the reason should that not be the most."""
    value = values[line.name]
    if math.isnan(value):
        return line.missing_points, line.missing_reason
    return line.points[sum(value >= edge for edge in line.edges)], line.reason
