"""How good a card is: discrimination, stability, calibration.

Scores here may be any ranking where larger means less likely to default.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.scoring.bands import Band, band_of

Floats = NDArray[np.float64]
Bool = NDArray[np.bool_]

Measure = Callable[[Floats, Bool], float]
"""A figure of scores and who turned out bad."""

_PSI_FLOOR = 1e-4
"""Stands in for an empty share, which would make the index infinite."""


def auc(scores: Floats, bad: Bool) -> float:
    """The chance that a good person scores above a bad one; ties count half.

    The Mann-Whitney statistic over the product of the group sizes.

    Raises:
        ValueError: There are only goods or only bads.
    """
    goods, bads = _counts(bad)
    _, group, sizes = np.unique(scores, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(sizes) - (sizes - 1) / 2
    ranks = mean_rank[group][~bad].sum()
    return float((ranks - goods * (goods + 1) / 2) / (goods * bads))


def gini(scores: Floats, bad: Bool) -> float:
    """``2 * auc - 1``: 0 for a blind card, 1 for a perfect one."""
    return 2 * auc(scores, bad) - 1


def ks(scores: Floats, bad: Bool) -> float:
    """Kolmogorov-Smirnov: the largest gap between the two cumulative distributions."""
    goods, bads = _counts(bad)
    _, group = np.unique(scores, return_inverse=True)
    good_share = np.cumsum(np.bincount(group, weights=~bad)) / goods
    bad_share = np.cumsum(np.bincount(group, weights=bad)) / bads
    return float(np.abs(bad_share - good_share).max())


def ceiling_auc(propensity: Floats, bad: Bool) -> float:
    """The AUC of the hidden propensity (larger is better): no card can be expected to beat it."""
    return auc(propensity, bad)


def psi(expected: Sequence[float], actual: Sequence[float]) -> float:
    """Population stability index between two distributions over the same classes.

    ``sum((actual - expected) * ln(actual / expected))`` over shares.

    Raises:
        ValueError: The numbers of classes differ.
    """
    if len(expected) != len(actual):
        raise ValueError(f"{len(expected)} classes expected, {len(actual)} given")
    wanted = np.maximum(np.asarray(expected, dtype=np.float64), _PSI_FLOOR)
    found = np.maximum(np.asarray(actual, dtype=np.float64), _PSI_FLOOR)
    return float(((found - wanted) * np.log(found / wanted)).sum())


def shares(scores: Floats, edges: Sequence[float]) -> list[float]:
    """The share of people in each class that ``edges`` cut; an edge opens its class."""
    slots = np.searchsorted(edges, scores, side="right")
    counts = np.bincount(slots, minlength=len(edges) + 1)
    return [float(share) for share in counts / max(len(scores), 1)]


@dataclass(frozen=True, slots=True)
class BandCalibration:
    """What a band promised and what came; None where it holds nobody."""

    predicted: float | None
    observed: float | None
    n: int


def calibration(scores: Floats, probability: Floats, bad: Bool) -> dict[Band, BandCalibration]:
    """Predicted and observed default rates by band."""
    bands = band_of(scores.astype(np.int64))
    table = {}
    for band in Band:
        inside = bands == band
        n = int(inside.sum())
        table[band] = BandCalibration(
            predicted=float(probability[inside].mean()) if n else None,
            observed=float(bad[inside].mean()) if n else None,
            n=n,
        )
    return table


def _counts(bad: Bool) -> tuple[int, int]:
    goods, bads = int((~bad).sum()), int(bad.sum())
    if not (goods and bads):
        raise ValueError(f"needs goods and bads, got {goods} and {bads}")
    return goods, bads
