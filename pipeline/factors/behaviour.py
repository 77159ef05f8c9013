"""BEHAVIOUR: consumption folded into monthly tiles; what was bought for health never is."""

import numpy as np

from pipeline.factors import tiles
from pipeline.factors.admission import Clock, Policy, admit
from pipeline.factors.columns import ConsumptionColumns, UInt8
from pipeline.factors.layout import MONTHS_BEHAVIOUR
from pipeline.factors.state import Arrivals, BatchState
from pipeline.factors.vocabulary import Category, ConsumptionKind, Scope

FIELDS = (
    "consumption_newest_s",
    "purchases",
    "essentials",
    "returns",
    "searches",
    "categories",
    "recent_consumption",
)
"""What a withdrawal of BEHAVIOUR empties in FACTOR_ROW."""


def fold_consumption(
    state: BatchState, arrivals: Arrivals[ConsumptionColumns], policy: Policy
) -> UInt8:
    """Fold consumption into its users' behaviour, in place; the outcomes (n_events,).

    HEALTH is accepted, so that nothing about it shows in dead letters, and leaves no trace
    in the tiles. Commutes within the lateness: any order and any cut into batches gives
    the same rows.
    """
    rows, events = state.rows, arrivals.columns
    clock = Clock(
        newest_s=rows["consumption_newest_s"].astype(np.int64),
        reach=MONTHS_BEHAVIOUR,
        memory=rows["recent_consumption"].copy(),
    )
    covered = state.covered(Scope.BEHAVIOUR)
    admitted = admit(arrivals, covered, clock, policy)
    if not len(admitted):
        return admitted.outcomes
    rows["consumption_newest_s"] = clock.newest_s
    rows["recent_consumption"] = clock.memory
    rings = [rows[name] for name in ("purchases", "essentials", "returns", "searches")]
    old, new = admitted.old_head, admitted.new_head
    tiles.advance([*rings, rows["categories"]], old, new)

    kind, category = events.kind[admitted.index], events.category[admitted.index]
    held = new[admitted.user] - admitted.month < MONTHS_BEHAVIOUR
    scored = held & (category != Category.HEALTH)
    bought = scored & (kind == ConsumptionKind.PURCHASE)
    looked = scored & ((kind == ConsumptionKind.SEARCH) | (kind == ConsumptionKind.VIEW))
    counted = (
        bought,
        bought & (category == Category.ESSENTIALS),
        scored & (kind == ConsumptionKind.RETURN),
        looked,
    )
    for ring, chosen in zip(rings, counted, strict=True):
        tiles.add_counts(ring, admitted.user[chosen], admitted.month[chosen])
    tiles.set_bits(
        rows["categories"],
        admitted.user[bought],
        admitted.month[bought],
        category[bought].astype(np.int64),
    )
    return admitted.outcomes
