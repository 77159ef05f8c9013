"""Reason codes: why a score is not higher, and which come first.

Reasons are exact for a points-based card: points lost against the best attribute of the
same characteristic, largest first, at most four, only of factors the person shares
(US Regulation B, 12 CFR 1002.9, official interpretation: specific, no more than four).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

REASONS_MAX = 4
NO_REASON = -1
CHARACTERISTICS_MAX = 32
"""A rank key keeps the characteristic in its low five bits."""

Int16 = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason code, what it says, and what would raise the score."""

    code: str
    text: str
    advice: str


def rank_key(points_lost: int, position: int) -> int:
    """One integer that sorts by points lost, then by the model's order; 0: nothing lost."""
    if points_lost <= 0:
        return 0
    return points_lost * CHARACTERISTICS_MAX + (CHARACTERISTICS_MAX - 1 - position)


def position_of(keys: Int16) -> NDArray[np.intp]:
    """The characteristic's position in the model that each key stands for; 0 for key 0."""
    positions = CHARACTERISTICS_MAX - 1 - keys % CHARACTERISTICS_MAX
    return np.where(keys > 0, positions, 0).astype(np.intp)


def largest_keys(keys: Int16) -> Int16:
    """The four largest keys per person, largest first, 0 where there are fewer.

    Four passes of a column maximum are several times faster than sorting each person.

    Args:
        keys: (n_characteristics, n), overwritten; a key occurs once per person, but for 0.

    Returns:
        (REASONS_MAX, n).
    """
    largest = np.zeros((REASONS_MAX, keys.shape[1]), dtype=np.int16)
    if not len(keys):
        return largest
    for rank in largest:
        np.maximum.reduce(keys, axis=0, out=rank)
        keys *= keys != rank
    return largest
