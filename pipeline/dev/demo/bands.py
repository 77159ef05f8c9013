"""How the bands of the score look."""

from itertools import pairwise

import numpy as np

from pipeline.scoring import bands
from pipeline.scoring.bands import Band

COLOURS = {
    Band.POOR: "red",
    Band.FAIR: "dark_orange",
    Band.GOOD: "yellow",
    Band.VERY_GOOD: "green",
    Band.EXCELLENT: "cyan",
}


def name_of(band: Band) -> str:
    """The band's name for people.

    >>> name_of(Band.VERY_GOOD)
    'very good'
    """
    return band.name.lower().replace("_", " ")


def band_of(score: int) -> Band:
    """The band of one score."""
    return Band(int(bands.band_of(np.asarray(score))))


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
