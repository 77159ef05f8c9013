"""One batch of events folded into the state of its people: the core's front door.

Consents go first and gate everything else by what is in force then; the folds of the
other topics are independent of each other.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pipeline import topics
from pipeline.factors import consent
from pipeline.factors.admission import Outcome, Policy
from pipeline.factors.behaviour import fold_consumption
from pipeline.factors.columns import (
    Bool,
    ConsentColumns,
    ConsumptionColumns,
    EventColumns,
    Int64,
    ObligationColumns,
    PaymentColumns,
    PeerSignalColumns,
    ProfileColumns,
    RelationshipColumns,
    UInt8,
)
from pipeline.factors.credit_history import fold_payments
from pipeline.factors.fulfilment import fold_obligations
from pipeline.factors.identity import fold_profiles
from pipeline.factors.social import fold_peer_signals, fold_relationships
from pipeline.factors.state import Arrivals, BatchState, Effects, Signal

__all__ = [
    "Arrivals",
    "Batch",
    "BatchState",
    "FoldResult",
    "Outcome",
    "Policy",
    "Signal",
    "expire_consents",
    "fold_batch",
]


@dataclass(frozen=True, slots=True)
class Batch:
    """What arrived, by topic; None where nothing did."""

    consents: Arrivals[ConsentColumns] | None = None
    payments: Arrivals[PaymentColumns] | None = None
    consumption: Arrivals[ConsumptionColumns] | None = None
    obligations: Arrivals[ObligationColumns] | None = None
    profiles: Arrivals[ProfileColumns] | None = None
    relationships: Arrivals[RelationshipColumns] | None = None
    peer_signals: Arrivals[PeerSignalColumns] | None = None


@dataclass(frozen=True, slots=True)
class FoldResult:
    """What a fold did.

    ``before`` is the state as it was; ``outcomes`` by topic name, each (n_events,) of
    Outcome; ``erased`` and ``touched`` (n_users,): erased at some point of the batch, and
    row, ledger or a list differs from before; ``newest_by_person_ms`` (n_users,): newest event
    time among applied data events, 0 for none.
    """

    before: BatchState
    outcomes: dict[str, UInt8]
    signals: list[Signal]
    erased: Bool
    touched: Bool
    newest_by_person_ms: Int64

    @property
    def newest_ms(self) -> int:
        """The newest of all, 0 for none."""
        return int(self.newest_by_person_ms.max(initial=0))


def fold_batch(
    state: BatchState, batch: Batch, policy: Policy, watermark_ms: int | Int64
) -> FoldResult:
    """Fold a batch into the gathered state, in place.

    Args:
        state: The people of the batch; ``user`` columns index into it.
        batch: Events by topic, in order of arrival within a topic.
        policy: The allowed lateness and lead.
        watermark_ms: Newest event time of the partition, or of each person's (n_users,): grants
            that end by then have lapsed.
    """
    before = state.copy()
    people = len(state.users)
    effects = Effects.none(people)
    now_ms = np.broadcast_to(np.asarray(watermark_ms, np.int64), people)
    outcomes: dict[str, UInt8] = {}
    if batch.consents is not None:
        outcomes[topics.CONSENTS.name] = consent.fold_consents(
            state, batch.consents, policy, now_ms, effects
        )
    consent.expire(state, now_ms, effects)
    newest_ms = np.zeros(people, np.int64)
    for name, events, decided in _fold_data(state, batch, policy, effects):
        outcomes[name] = decided
        applied = decided == Outcome.APPLIED
        np.maximum.at(newest_ms, events.user[applied], events.occurred_at_ms[applied])
    if batch.peer_signals is not None:
        outcomes[topics.PEER_SIGNALS.name] = fold_peer_signals(state, batch.peer_signals, effects)
    return FoldResult(
        before, outcomes, effects.signals, effects.erased, state.differs_from(before), newest_ms
    )


def expire_consents(state: BatchState, now_ms: int) -> FoldResult:
    """Withdraw the grants that end by ``now_ms``, in place; does what withdrawals would."""
    before = state.copy()
    effects = Effects.none(len(state.users))
    people = len(state.users)
    consent.expire(state, np.full(people, now_ms), effects)
    touched = state.differs_from(before)
    return FoldResult(
        before, {}, effects.signals, effects.erased, touched, np.zeros(people, np.int64)
    )


def _fold_data(
    state: BatchState, batch: Batch, policy: Policy, effects: Effects
) -> Iterator[tuple[str, EventColumns, UInt8]]:
    """Fold each data topic present; its name, events and outcomes."""
    if (paid := batch.payments) is not None:
        outcomes = fold_payments(state, paid, policy)
        yield topics.PAYMENTS.name, paid.columns, outcomes
    if (used := batch.consumption) is not None:
        outcomes = fold_consumption(state, used, policy)
        yield topics.CONSUMPTION.name, used.columns, outcomes
    if (owed := batch.obligations) is not None:
        outcomes = fold_obligations(state, owed, policy)
        yield topics.OBLIGATIONS.name, owed.columns, outcomes
    if (told := batch.profiles) is not None:
        outcomes = fold_profiles(state, told, policy)
        yield topics.PROFILES.name, told.columns, outcomes
    if (ties := batch.relationships) is not None:
        outcomes = fold_relationships(state, ties, policy, effects)
        yield topics.RELATIONSHIPS.name, ties.columns, outcomes
