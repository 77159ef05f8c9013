"""IDENTITY: which personal attributes are verified and since when; the newest word decides."""

import numpy as np

from pipeline.factors.admission import Admitted, Clock, Policy, admit
from pipeline.factors.columns import ProfileColumns, UInt8
from pipeline.factors.layout import NO_TIME
from pipeline.factors.months import month_of_ms
from pipeline.factors.state import Arrivals, BatchState
from pipeline.factors.vocabulary import AttributeStatus, Scope

FIELDS = ("attribute_verified", "attribute_since")
"""What a withdrawal of IDENTITY empties in FACTOR_ROW."""
LEDGER_FIELDS = ("attribute_at_ms", "profiles_newest_s")
"""And in LEDGER_ROW."""


def fold_profiles(state: BatchState, arrivals: Arrivals[ProfileColumns], policy: Policy) -> UInt8:
    """Fold profile events into their users' attributes, in place; the outcomes (n_events,).

    Per attribute the record with the largest (time, status, since) decides, so neither
    order nor repeats matter.
    """
    clock = Clock(newest_s=state.ledgers["profiles_newest_s"].astype(np.int64))
    covered = state.covered(Scope.IDENTITY)
    admitted = admit(arrivals, covered, clock, policy)
    if len(admitted):
        state.ledgers["profiles_newest_s"] = clock.newest_s
        _fold_attributes(state, arrivals.columns, admitted)
    return admitted.outcomes


def _fold_attributes(state: BatchState, events: ProfileColumns, admitted: Admitted) -> None:
    index = admitted.index
    at_ms = events.occurred_at_ms[index]
    since_ms = np.where(events.since_ms[index] == NO_TIME, at_ms, events.since_ms[index])
    # month 0 stands for unknown
    since = np.maximum(month_of_ms(since_ms), 1)
    since[events.status[index] == AttributeStatus.REMOVED] = 0
    words = zip(
        admitted.user.tolist(),
        events.attribute[index].tolist(),
        at_ms.tolist(),
        events.status[index].tolist(),
        since.tolist(),
        strict=True,
    )
    for user, attribute, *word in words:
        row, ledger = state.rows[user], state.ledgers[user]
        verified = int(row["attribute_verified"])
        known_since = int(row["attribute_since"][attribute])
        decided_ms = int(ledger["attribute_at_ms"][attribute])
        status = _status(bool(verified >> attribute & 1), known_since)
        if word <= [decided_ms, status, known_since]:
            continue
        ledger["attribute_at_ms"][attribute] = word[0]
        row["attribute_since"][attribute] = word[2]
        bit = 1 << attribute
        holds = word[1] == AttributeStatus.VERIFIED
        row["attribute_verified"] = verified | bit if holds else verified & ~bit


def _status(verified: bool, since: int) -> int:  # noqa: FBT001 - a bit of the row
    """The deciding status, as the row's columns tell it."""
    if verified:
        return AttributeStatus.VERIFIED
    return AttributeStatus.CHANGED if since else AttributeStatus.REMOVED
