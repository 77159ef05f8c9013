"""Attributes of a characteristic and their weights of evidence, by optimal binning.

Weight of evidence: ``ln(share of the goods / share of the bads)`` in an attribute, so
larger is better (Siddiqi 2006, ch. 5). Bins are found by optbinning's constraint solver
(Navas-Palencia, Optimal binning, 2020), monotone in the direction the template demands.
"""

import logging
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.training.template import CharacteristicTemplate, Direction, Missing

Floats = NDArray[np.float64]
Bool = NDArray[np.bool_]

BINS_MAX: Final = 6
BIN_SHARE_MIN: Final = 0.05
"""An attribute holds at least this share of the known values, lest its points be noise."""
MISSING_MIN: Final = 40
"""With fewer goods or fewer bads than this among them, unknown values say nothing."""
_SMOOTHING: Final = 0.5
"""Added to goods and bads of an attribute, so that none is infinitely good."""

_TRENDS: Final = {
    # optbinning speaks of the event's rate, which is the default's.
    Direction.UP: "descending",
    Direction.DOWN: "ascending",
}


@dataclass(frozen=True, slots=True)
class Binned:
    """Attributes of one characteristic; ``woe`` per attribute, the last for unknown values."""

    edges: tuple[float, ...]
    woe: tuple[float, ...]

    def attributes_of(self, values: Floats) -> NDArray[np.intp]:
        """The attribute of each value; the last for NaN."""
        slots = np.searchsorted(self.edges, values, side="right")
        return np.where(np.isnan(values), len(self.woe) - 1, slots).astype(np.intp)

    def transform(self, values: Floats) -> Floats:
        """The weight of evidence of each value."""
        return np.array(self.woe)[self.attributes_of(values)]


def bin_characteristic(template: CharacteristicTemplate, values: Floats, bad: Bool) -> Binned:
    """Find the attributes of one characteristic on people who share its factor.

    Args:
        template: Names the direction and what unknown values are worth.
        values: (n,) NaN: unknown.
        bad: (n,) whether the person defaulted.
    """
    known = ~np.isnan(values)
    edges = _edges(template, values[known], bad[known])
    attributes = np.searchsorted(edges, values[known], side="right")
    totals = (int((~bad).sum()), int(bad.sum()))
    woe = [_woe(bad[known][attributes == attribute], totals) for attribute in range(len(edges) + 1)]
    woe = _monotone(woe, template.direction)
    mean = float(np.array(woe)[attributes].mean()) if len(attributes) else 0.0
    missing = _missing_woe(bad[~known], totals, mean)
    if template.missing is Missing.BEST:
        missing = max(*woe, missing)
    else:
        # To know nothing is neither better than the best nor worse than the worst known.
        missing = float(np.clip(missing, min(woe), max(woe)))
    return Binned(edges, (*woe, missing))


def _edges(template: CharacteristicTemplate, values: Floats, bad: Bool) -> tuple[float, ...]:
    if len(np.unique(values)) < 2 or bad.all() or not bad.any():  # noqa: PLR2004
        return ()
    binning = _optimal_binning()(
        name=template.name,
        dtype="numerical",
        monotonic_trend=_TRENDS[template.direction],
        max_n_bins=BINS_MAX,
        min_bin_size=BIN_SHARE_MIN,
    )
    binning.fit(values, bad.astype(np.int64))
    # Seven significant digits read well and tell any two values apart that matter here.
    return tuple(sorted({float(f"{edge:.7g}") for edge in binning.splits}))


def _optimal_binning() -> Any:
    """The class, imported at its first use, as that takes seconds.

    Its solvers ortools and highspy cannot be loaded together; cvxpy, which is not used here,
    logs that as an error on import.
    """
    logging.disable(logging.CRITICAL)
    try:
        from optbinning import OptimalBinning  # noqa: PLC0415
    finally:
        logging.disable(logging.NOTSET)
    return OptimalBinning


def _woe(bad: Bool, totals: tuple[int, int]) -> float:
    goods, bads = int((~bad).sum()), int(bad.sum())
    if not len(bad):
        return 0.0
    good_share = (goods + _SMOOTHING) / (totals[0] + _SMOOTHING)
    bad_share = (bads + _SMOOTHING) / (totals[1] + _SMOOTHING)
    return float(np.log(good_share / bad_share))


def _monotone(woe: list[float], direction: Direction) -> list[float]:
    """Hold the direction where smoothing or rounded edges would break it by a hair."""
    ordered = np.maximum if direction is Direction.UP else np.minimum
    return [float(each) for each in ordered.accumulate(woe)]


def _missing_woe(bad: Bool, totals: tuple[int, int], mean: float) -> float:
    """The evidence of unknown values; that of the mean person where there are too few."""
    bads = int(bad.sum())
    return _woe(bad, totals) if min(bads, len(bad) - bads) >= MISSING_MIN else mean
