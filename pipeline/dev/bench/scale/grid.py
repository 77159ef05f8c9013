"""Cells of a grid: one dimension at a time around a middle."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

_MIDDLE_PEOPLE, _MIDDLE_PARTITIONS = 100_000, 8
_LEAST_PEOPLE = 10_000
_SKEWS = (0.0, 0.8, 1.0, 1.2)


@dataclass(frozen=True, slots=True)
class Cell:
    """One point of the grid; ``skew`` is the exponent of Zipf's law, 0 for even keys."""

    workers: int
    people: int
    partitions: int
    skew: float

    def __str__(self) -> str:
        """In words."""
        return (
            f"{self.workers} workers, {self.people:,} people, {self.partitions} partitions, "
            f"skew {self.skew:g}"
        )


@dataclass(frozen=True, slots=True)
class Grid:
    """The middle, and the values of each dimension with the others as in the middle."""

    middle: Cell
    workers: Sequence[int]
    people: Sequence[int]
    partitions: Sequence[int]
    skew: Sequence[float]

    @classmethod
    def up_to(cls, workers: int, people: int, partitions: int) -> "Grid":
        """Twice as many workers, four times the partitions, ten times the people, to the most."""
        return cls(
            Cell(1, min(_MIDDLE_PEOPLE, people), min(_MIDDLE_PARTITIONS, partitions), 0.0),
            workers=_steps(1, workers, 2),
            people=_steps(min(_LEAST_PEOPLE, people), people, 10),
            partitions=_steps(1, partitions, 4),
            skew=_SKEWS,
        )

    def cells(self) -> list[Cell]:
        """All points, each once; first those of the same events as the middle."""
        found = [self.middle]
        for name in ("workers", "partitions", "people", "skew"):
            found += [replace(self.middle, **{name: value}) for value in getattr(self, name)]
        return list(dict.fromkeys(found))


def _steps(first: int, most: int, times: int) -> list[int]:
    steps = [first]
    while steps[-1] * times <= most:
        steps.append(steps[-1] * times)
    return steps
