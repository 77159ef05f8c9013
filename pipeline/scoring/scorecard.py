"""The scorecard: from factor rows to scores, vectorised over people."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.factors.characteristics import compute_of, missing_history_of
from pipeline.factors.lookback import Lookback
from pipeline.factors.vocabulary import Factor
from pipeline.scoring.bands import NO_BAND
from pipeline.scoring.lookup import Lookup
from pipeline.scoring.model import Model
from pipeline.scoring.reasons import NO_REASON, largest_keys, position_of

NO_SCORE = 0

UInt8 = NDArray[np.uint8]
UInt16 = NDArray[np.uint16]
Int16 = NDArray[np.int16]
Int64 = NDArray[np.int64]
Floats = NDArray[np.float64]
Bool = NDArray[np.bool_]


class Status(IntEnum):
    """What a person has, as kept in a row's ``published``."""

    THIN_FILE = 1
    SCORED = 2


@dataclass(frozen=True, slots=True)
class ScoreColumns:
    """Scores of n people; a thin file has none of them but ``consented`` and ``missing``."""

    status: UInt8  # (n,) Status
    score: UInt16  # (n,) NO_SCORE: none
    base_score: UInt16  # (n,) the score with SOCIAL at its neutral points
    band: UInt8  # (n,) Band; NO_BAND: none
    probability_of_default: Floats  # (n,) NaN: none
    factor_points: Int16  # (n, 5) base + their sum == score
    consented: Bool  # (n, 5)
    reasons: Int16  # (n, 4) position in model.reason_codes, largest loss first; NO_REASON
    missing: UInt8  # (n,) MissingHistory bits


def score(rows: NDArray[Any], as_of_month: int | Int64, model: Model) -> ScoreColumns:
    """Score people from their factor rows.

    Args:
        rows: (n,) of FACTOR_ROW.
        as_of_month: Months since 1970 that characteristics look back from, one or (n,).
        model: A loaded model.

    Returns:
        One entry per row, in the same order.
    """
    view = Lookback(rows, as_of_month)
    missing = missing_history_of(view)
    return score_values(compute_of(view), rows["consent_mask"], missing, model)


def score_values(
    values: Floats, consent_mask: UInt8, missing: NDArray[np.integer], model: Model
) -> ScoreColumns:
    """Score people from their characteristics, finite or NaN.

    Args:
        values: (n, characteristics) in the order of CHARACTERISTICS.
        consent_mask: (n,) a row's scopes in force.
        missing: (n,) MissingHistory bits.
        model: A loaded model.
    """
    lookup = model.lookup
    at = _table_positions(values, consent_mask, lookup)
    thin = np.asarray(missing) != 0
    factor_points = _factor_points(lookup.points.take(at), lookup)
    social = factor_points[Factor.SOCIAL]
    scores = model.base + np.add.reduce(factor_points, axis=0)
    base_scores = scores - social + lookup.neutral[Factor.SOCIAL]
    probability = lookup.probability.take(scores)
    band = lookup.band.take(scores)
    reasons = _reasons(at, lookup)
    if thin.any():
        scores[thin] = NO_SCORE
        base_scores[thin] = NO_SCORE
        probability[thin] = np.nan
        band[thin] = NO_BAND
        factor_points[:, thin] = 0
        reasons[:, thin] = NO_REASON
    return ScoreColumns(
        status=np.where(thin, np.uint8(Status.THIN_FILE), np.uint8(Status.SCORED)),
        score=scores.astype(np.uint16),
        base_score=base_scores.astype(np.uint16),
        band=band,
        probability_of_default=probability,
        factor_points=factor_points.T,
        consented=lookup.shared.take(consent_mask, axis=0),
        reasons=reasons.T,
        missing=np.asarray(missing, dtype=np.uint8),
    )


def _table_positions(values: Floats, consent_mask: UInt8, lookup: Lookup) -> NDArray[np.intp]:
    """(C, n) where each person's attribute stands in the model's flat tables.

    Counts the edges a value is not below, for all characteristics at once; NaN is below none,
    so it lands in the missing slot by itself.
    """
    columns = np.ascontiguousarray(values.T[lookup.columns])
    slots = np.full(columns.shape, lookup.missing_slot, dtype=np.int8)
    below = np.empty(columns.shape, dtype=np.bool_)
    for edge in lookup.edges:
        np.less(columns, edge, out=below)
        slots -= below.view(np.int8)
    if (consent_mask != _ALL_FACTORS).any():
        slots[lookup.private_columns.take(consent_mask, axis=1)] = lookup.private_slot
    return slots + lookup.starts


def _factor_points(points: Int16, lookup: Lookup) -> Int16:
    """(5, n) sums over each factor's characteristics of (C, n) points."""
    sums = np.empty((len(Factor), points.shape[1]), dtype=np.int16)
    for factor, span in enumerate(lookup.factor_slices):
        np.add.reduce(points[span], axis=0, dtype=np.int16, out=sums[factor])
    return sums


def _reasons(at: NDArray[np.intp], lookup: Lookup) -> Int16:
    """(4, n) positions of the reason codes, by points lost."""
    largest = largest_keys(lookup.rank_keys.take(at))
    own = at[position_of(largest), np.arange(at.shape[1])]
    return np.where(largest > 0, lookup.reasons.take(own), np.int16(NO_REASON))


_ALL_FACTORS = (1 << len(Factor) + 1) - 1
"""The consent mask of a person who shares everything: nothing to neutralise."""
