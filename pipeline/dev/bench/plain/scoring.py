"""A person's score: one characteristic after the other looked up in the card."""

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import NamedTuple

from pipeline.dev.bench.plain.characteristics import characteristics, missing
from pipeline.dev.bench.plain.person import Person
from pipeline.factors.vocabulary import Factor
from pipeline.scoring.bands import NO_BAND, Band
from pipeline.scoring.model import Model
from pipeline.scoring.thin_file import missing_codes

_REASONS_MAX = 4


class Score(NamedTuple):
    """A score; the fields of the Score record that a card decides."""

    status: str
    score: int | None
    band: str | None
    base_score: int | None
    probability_of_default: float | None
    factor_points: tuple[int, ...]
    reasons: list[str]
    missing: list[str]


class _Line(NamedTuple):
    """A characteristic of the card; the last attribute is for unknown values."""

    name: str
    factor: int
    edges: tuple[float, ...]
    points: tuple[int, ...]
    losses: tuple[int, ...]
    reasons: tuple[str | None, ...]
    neutral: int


@dataclass(slots=True)
class Card:
    """A model laid out for scoring one person at a time."""

    model: Model
    lines: list[_Line] = field(init=False)
    bands: list[str | None] = field(init=False)
    probabilities: list[float] = field(init=False)
    social_neutral: int = field(init=False)

    def __post_init__(self) -> None:
        """Read the model's tables."""
        self.lines = [
            _Line(
                each.name,
                int(each.factor),
                each.edges,
                (*each.points, each.missing_points),
                tuple(each.max_points - p for p in (*each.points, each.missing_points)),
                tuple(each.reason_of(i) for i in range(len(each.points) + 1)),
                each.neutral_points,
            )
            for each in self.model.characteristics
        ]
        lookup = self.model.lookup
        self.bands = [None if b == NO_BAND else Band(b).name for b in lookup.band.tolist()]
        self.probabilities = lookup.probability.tolist()
        self.social_neutral = int(lookup.neutral[Factor.SOCIAL])

    def score(self, person: Person, as_of: int) -> Score:
        """Score a person as of a month."""
        lacking = missing(person, as_of)
        if lacking:
            nothing = (0,) * len(Factor)
            return Score("THIN_FILE", None, None, None, None, nothing, [], missing_codes(lacking))
        values, mask = characteristics(person, as_of), person["mask"]
        points = [0] * len(Factor)
        lost: list[tuple[int, int, str | None]] = []
        for place, line in enumerate(self.lines):
            if not mask >> line.factor + 1 & 1:
                points[line.factor] += line.neutral
                continue
            value = values[line.name]
            slot = len(line.points) - 1 if value is None else bisect_right(line.edges, value)
            points[line.factor] += line.points[slot]
            if line.losses[slot]:
                lost.append((-line.losses[slot], place, line.reasons[slot]))
        lost.sort()
        total = self.model.base + sum(points)
        return Score(
            "SCORED",
            total,
            self.bands[total],
            total - points[Factor.SOCIAL] + self.social_neutral,
            self.probabilities[total],
            tuple(points),
            [reason for _, _, reason in lost[:_REASONS_MAX] if reason],
            [],
        )
