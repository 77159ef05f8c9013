"""IDENTITY: which personal attributes are verified and since when; the newest word decides."""

import numpy as np

from pipeline.factors.admission import Admitted, Clock, Policy, admit
from pipeline.factors.columns import Bool, Int64, ProfileColumns, UInt8
from pipeline.factors.layout import LEDGER_ROW, NO_TIME
from pipeline.factors.months import month_of_ms
from pipeline.factors.state import Arrivals, BatchState
from pipeline.factors.vocabulary import AttributeStatus, Scope

FIELDS = ("attribute_verified", "attribute_since")
"""What a withdrawal of IDENTITY empties in FACTOR_ROW."""
LEDGER_FIELDS = ("attribute_at_ms", "profiles_newest_s")
"""And in LEDGER_ROW."""
_ATTRIBUTES = LEDGER_ROW["attribute_at_ms"].shape[0]


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
    status, attribute = events.status[index].astype(np.int64), events.attribute[index]
    place = admitted.user * _ATTRIBUTES + attribute
    order = np.lexsort((since, status, at_ms, place))
    places = place[order]
    last = np.ones(len(order), np.bool_)
    np.not_equal(places[1:], places[:-1], out=last[:-1])
    newest = order[last]
    _decide(state, place[newest], (at_ms[newest], status[newest], since[newest]))


def _decide(state: BatchState, place: Int64, word: tuple[Int64, Int64, Int64]) -> None:
    """Take each word (time, status, since) that is above the one that decided so far.

    ``place`` (n_words,) is user and attribute of each, none of them twice.
    """
    people, attribute = np.divmod(place, _ATTRIBUTES)
    at_ms, status, since = word
    verified = state.rows["attribute_verified"].astype(np.int64)
    known_since = state.rows["attribute_since"][people, attribute].astype(np.int64)
    decided_ms = state.ledgers["attribute_at_ms"][people, attribute]
    known = _status((verified[people] >> attribute & 1).astype(np.bool_), known_since)
    above = (at_ms > decided_ms) | (
        (at_ms == decided_ms) & ((status > known) | ((status == known) & (since > known_since)))
    )
    chosen = people[above], attribute[above]
    state.ledgers["attribute_at_ms"][chosen] = at_ms[above]
    state.rows["attribute_since"][chosen] = since[above]
    bit = np.left_shift(1, chosen[1].astype(np.int64))
    holds = status[above] == AttributeStatus.VERIFIED
    np.bitwise_and.at(verified, chosen[0], ~bit)
    np.bitwise_or.at(verified, chosen[0][holds], bit[holds])
    state.rows["attribute_verified"] = verified


def _status(verified: Bool, since: Int64) -> Int64:
    """The deciding statuses, as the row's columns tell them."""
    unverified = np.where(since > 0, AttributeStatus.CHANGED, AttributeStatus.REMOVED)
    return np.where(verified, AttributeStatus.VERIFIED, unverified)
