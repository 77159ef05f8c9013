"""The bands of the score, as the contract has them, and how they look."""

from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Band:
    """A band: its symbol in Score records, its lowest score, its name and colour."""

    symbol: str
    low: int
    name: str
    colour: str


BANDS = (
    Band("POOR", 350, "poor", "red"),
    Band("FAIR", 550, "fair", "dark_orange"),
    Band("GOOD", 600, "good", "yellow"),
    Band("VERY_GOOD", 650, "very good", "green"),
    Band("EXCELLENT", 700, "excellent", "cyan"),
)


def band_of(score: int) -> Band:
    """The band of a score.

    >>> band_of(699).name
    'very good'
    """
    return next(band for band in reversed(BANDS) if score >= band.low)


def shares(counts: list[int], width: int) -> list[int]:
    """Cut ``width`` cells into parts in proportion to the counts; all of it, or nothing.

    >>> shares([1, 1, 2], 8)
    [2, 2, 4]
    """
    total = sum(counts)
    if not total:
        return [0] * len(counts)
    bounds = [round(width * sum(counts[:n]) / total) for n in range(len(counts) + 1)]
    return [end - start for start, end in pairwise(bounds)]
