"""A model as flat tables, so that scoring a batch is a few passes over arrays.

Every characteristic has the same number of slots: one per attribute in the order of the
edges, then ``missing_slot`` for unknown values and ``private_slot`` for people who do not
share the factor. A characteristic with fewer edges is padded with +inf, which no value
reaches but NaN, as NaN is below nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from pipeline.factors.vocabulary import Factor
from pipeline.scoring.attributes import ScoredCharacteristic
from pipeline.scoring.bands import SCORE_MAX, band_of
from pipeline.scoring.reasons import NO_REASON, rank_key
from pipeline.scoring.scaling import Scaling

Int16 = NDArray[np.int16]
MASKS = 256
"""Values of ``consent_mask``."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """Precomputed tables of one model; C characteristics, S slots each.

    The flat tables are indexed by ``position * S + slot``, those at the end by the score.
    """

    columns: NDArray[np.intp]  # (C,) where each stands among the registered characteristics
    edges: NDArray[np.float64]  # (S - 2, C, 1), ascending, +inf padded, the last all +inf
    starts: NDArray[np.intp]  # (C, 1) flat position of slot 0
    points: Int16  # (C * S,)
    rank_keys: Int16  # (C * S,) see reasons.rank_key
    reasons: Int16  # (C * S,) position of the reason code, NO_REASON for a best attribute
    factor_slices: tuple[slice, ...]  # per Factor, its characteristics; empty: none
    shared: NDArray[np.bool_]  # (MASKS, 5) factors a consent mask shares
    private_columns: NDArray[np.bool_]  # (C, MASKS) characteristics it does not
    neutral: Int16  # (5,)
    min_points: Int16  # (5,)
    max_points: Int16  # (5,)
    probability: NDArray[np.float64]  # (SCORE_MAX + 1,)
    band: NDArray[np.uint8]  # (SCORE_MAX + 1,)

    @property
    def missing_slot(self) -> int:
        """The slot of unknown values."""
        return len(self.edges)

    @property
    def private_slot(self) -> int:
        """The slot of factors that are not shared."""
        return len(self.edges) + 1


def build_lookup(
    characteristics: Sequence[ScoredCharacteristic],
    registered: Sequence[str],
    reason_codes: Sequence[str],
    scaling: Scaling,
) -> Lookup:
    """Lay a model's characteristics, grouped by factor, out as tables."""
    width = max((len(each.edges) for each in characteristics), default=0) + 1
    edges = np.full((width, len(characteristics), 1), np.inf)
    for position, each in enumerate(characteristics):
        edges[: len(each.edges), position, 0] = each.edges
    slots = [list(_slots(each, position, width)) for position, each in enumerate(characteristics)]
    table = np.array(slots, dtype=np.int16).reshape(-1, 2)
    codes = [
        NO_REASON if code is None else reason_codes.index(code)
        for each in characteristics
        for code in _reasons(each, width)
    ]
    shared = _shared_by_mask()
    scores = np.arange(SCORE_MAX + 1)
    return Lookup(
        columns=np.array([registered.index(each.name) for each in characteristics], dtype=np.intp),
        edges=edges,
        starts=(np.arange(len(characteristics), dtype=np.intp) * (width + 2))[:, None],
        points=table[:, 0].copy(),
        rank_keys=table[:, 1].copy(),
        reasons=np.array(codes, dtype=np.int16),
        factor_slices=tuple(_slice(characteristics, factor) for factor in Factor),
        shared=shared,
        private_columns=~shared[:, [int(each.factor) for each in characteristics]].T,
        neutral=_by_factor(characteristics, attrgetter("neutral_points")),
        min_points=_by_factor(characteristics, attrgetter("min_points")),
        max_points=_by_factor(characteristics, attrgetter("max_points")),
        probability=scaling.probability_of_default(scores.astype(np.float64)),
        band=band_of(scores),
    )


def _slots(each: ScoredCharacteristic, position: int, width: int) -> Iterator[tuple[int, int]]:
    padding = width - len(each.points)
    best = each.max_points
    for points in (*each.points, *([best] * padding), each.missing_points):
        yield points, rank_key(best - points, position)
    yield each.neutral_points, 0


def _reasons(each: ScoredCharacteristic, width: int) -> Iterator[str | None]:
    attributes = len(each.points)
    yield from (each.reason_of(attribute) for attribute in range(attributes))
    yield from [None] * (width - attributes)
    yield each.reason_of(attributes)
    yield None


def _slice(characteristics: Sequence[ScoredCharacteristic], factor: Factor) -> slice:
    positions = [at for at, each in enumerate(characteristics) if each.factor is factor]
    return slice(positions[0], positions[-1] + 1) if positions else slice(0, 0)


def _by_factor(
    characteristics: Sequence[ScoredCharacteristic],
    points_of: Callable[[ScoredCharacteristic], int],
) -> Int16:
    """Sums of points, (5,)."""
    sums = [sum(points_of(each) for each in characteristics if each.factor is f) for f in Factor]
    return np.array(sums, dtype=np.int16)


def _shared_by_mask() -> NDArray[np.bool_]:
    bits = np.array([1 << factor.scope for factor in Factor])
    shared: NDArray[np.bool_] = (np.arange(MASKS)[:, None] & bits) != 0
    return shared
