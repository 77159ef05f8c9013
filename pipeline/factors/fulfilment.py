"""FULFILMENT: steps in the life of contracts folded into monthly tiles and a contract list."""

import numpy as np

from pipeline.factors import contracts, tiles
from pipeline.factors.admission import Admitted, Clock, Policy, admit
from pipeline.factors.columns import ObligationColumns, UInt8
from pipeline.factors.layout import MONTHS_CREDIT
from pipeline.factors.state import Arrivals, BatchState, Rows
from pipeline.factors.vocabulary import ObligationStatus, Scope

FIELDS = (
    "obligations_newest_s",
    "first_obligation_month",
    "obligation_months",
    "fulfilled",
    "fulfilled_late",
    "breach_months",
    "open_contracts",
    "open_exposure_minor",
)
"""What a withdrawal of FULFILMENT empties in FACTOR_ROW."""
LEDGER_FIELDS = ("recent_obligations",)
"""And in LEDGER_ROW."""

_NO_MONTH = 0xFFFF


def fold_obligations(
    state: BatchState, arrivals: Arrivals[ObligationColumns], policy: Policy
) -> UInt8:
    """Fold obligations into their users' fulfilment, in place; the outcomes (n_events,).

    Commutes within the lateness while a person has at most CONTRACTS_MAX contracts and a
    contract is opened and fulfilled once.
    """
    rows, ledgers = state.rows, state.ledgers
    clock = Clock(
        newest_s=rows["obligations_newest_s"].astype(np.int64),
        reach=MONTHS_CREDIT,
        memory=ledgers["recent_obligations"].copy(),
    )
    covered = state.covered(Scope.FULFILMENT)
    admitted = admit(arrivals, covered, clock, policy)
    if len(admitted):
        rows["obligations_newest_s"] = clock.newest_s
        ledgers["recent_obligations"] = clock.memory
        _fold_tiles(rows, arrivals.columns, admitted)
        _fold_contracts(state, arrivals.columns, admitted)
    return admitted.outcomes


def _fold_tiles(rows: Rows, events: ObligationColumns, admitted: Admitted) -> None:
    old, new = admitted.old_head, admitted.new_head
    rings = [rows["fulfilled"], rows["fulfilled_late"]]
    tiles.advance(rings, old, new)
    active = rows["obligation_months"].copy()
    tiles.advance_bits(active, old, new, MONTHS_CREDIT)

    user, month = admitted.user, admitted.month
    held = new[user] - month < MONTHS_CREDIT
    bit = np.left_shift(1, month[held] % MONTHS_CREDIT).astype(np.uint32)
    np.bitwise_or.at(active, user[held], bit)
    rows["obligation_months"] = active

    known = rows["first_obligation_month"]
    first = np.where(known == 0, _NO_MONTH, known).astype(np.int64)
    np.minimum.at(first, user, month)
    rows["first_obligation_month"] = np.where(first == _NO_MONTH, 0, first)

    status = events.status[admitted.index]
    counted = (ObligationStatus.FULFILLED, ObligationStatus.LATE)
    for ring, step in zip(rings, counted, strict=True):
        chosen = held & (status == step)
        tiles.add_counts(ring, user[chosen], month[chosen])


def _fold_contracts(state: BatchState, events: ObligationColumns, admitted: Admitted) -> None:
    status = events.status[admitted.index]
    chosen = np.flatnonzero(status != ObligationStatus.LATE)
    index = admitted.index[chosen]
    steps = zip(
        admitted.user[chosen].tolist(),
        events.contract[index].tolist(),
        status[chosen].tolist(),
        events.occurred_at_ms[index].tolist(),
        np.maximum(events.amount_minor[index], 0).tolist(),  # NO_AMOUNT is negative
        strict=True,
    )
    held: dict[int, contracts.Contracts] = {}
    for user, *rest in steps:
        if user not in held:
            held[user] = contracts.unpack(state.contracts[user])
        contracts.step(held[user], *rest)
    if not held:
        return
    for user, entries in held.items():
        state.contracts[user] = contracts.pack(entries)
    people, rows = list(held), state.rows
    rows["breach_months"][people] = [*map(contracts.standing_breach_months, held.values())]
    exposed = [contracts.exposure(entries) for entries in held.values()]
    rows["open_contracts"][people] = [number for number, _ in exposed]
    rows["open_exposure_minor"][people] = [amount_minor for _, amount_minor in exposed]
