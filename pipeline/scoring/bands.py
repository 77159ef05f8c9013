"""The five bands of a score, and the limits every score keeps."""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

SCORE_MIN = 350
SCORE_MAX = 950
NO_BAND = 255
"""Stands for null in band columns: a thin file has none."""


class Band(IntEnum):
    """The bands of the Score record, lowest first."""

    POOR = 0
    FAIR = 1
    GOOD = 2
    VERY_GOOD = 3
    EXCELLENT = 4

    @property
    def floor(self) -> int:
        """The lowest score of the band."""
        return BAND_FLOORS[self]

    @property
    def ceiling(self) -> int:
        """The highest score of the band."""
        return SCORE_MAX if self is Band.EXCELLENT else BAND_FLOORS[self + 1] - 1


BAND_FLOORS = (SCORE_MIN, 550, 600, 650, 700)
"""The lowest score of each band, in the order of ``Band``."""


def band_of(scores: NDArray[np.integer]) -> NDArray[np.uint8]:
    """The band of each score.

    Args:
        scores: Integers of any shape, 350..950; anything below 350 has no band.

    Returns:
        ``Band`` codes in the same shape, ``NO_BAND`` where there is no score.

    >>> band_of(np.array([350, 599, 600, 950, 0])).tolist()
    [0, 1, 2, 4, 255]
    """
    bands = np.searchsorted(BAND_FLOORS[1:], scores, side="right")
    return np.where(np.asarray(scores) < SCORE_MIN, NO_BAND, bands).astype(np.uint8)
