"""A characteristic of a model: its attributes (bins) with their points."""

from bisect import bisect_right
from dataclasses import dataclass
from math import isnan

from pipeline.factors.vocabulary import Factor


@dataclass(frozen=True, slots=True)
class ScoredCharacteristic:
    """How one characteristic of a person turns into points.

    Attribute ``i`` covers values from ``edges[i - 1]`` (included) to ``edges[i]`` (excluded),
    the first and last are open; one more attribute takes unknown values (NaN).
    ``neutral_points`` stand in when the person does not share the factor.
    """

    name: str
    factor: Factor
    edges: tuple[float, ...]
    points: tuple[int, ...]
    missing_points: int
    neutral_points: int
    missing_label: str
    reason: str
    missing_reason: str

    @property
    def min_points(self) -> int:
        """The fewest points of any attribute."""
        return min(*self.points, self.missing_points)

    @property
    def max_points(self) -> int:
        """The points of the best attribute."""
        return max(*self.points, self.missing_points)

    def attribute_of(self, value: float) -> int:
        """The attribute a value falls into; ``len(points)`` for NaN."""
        return len(self.points) if isnan(value) else bisect_right(self.edges, value)

    def points_of(self, attribute: int) -> int:
        """The points of an attribute."""
        return (*self.points, self.missing_points)[attribute]

    def reason_of(self, attribute: int) -> str | None:
        """The reason code of an attribute; None for the best one."""
        if self.points_of(attribute) == self.max_points:
            return None
        return self.missing_reason if attribute == len(self.points) else self.reason

    def label(self, attribute: int) -> str:
        """The attribute in words, as an interval of the characteristic's unit."""
        if attribute == len(self.points):
            return self.missing_label
        if not self.edges:
            return "any"
        if attribute == 0:
            return f"under {_number(self.edges[0])}"
        if attribute == len(self.edges):
            return f"{_number(self.edges[-1])} or more"
        return f"{_number(self.edges[attribute - 1])} to under {_number(self.edges[attribute])}"


def _number(value: float) -> str:
    return f"{value:,.10g}"
