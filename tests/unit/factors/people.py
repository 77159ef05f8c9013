"""One person or a few, and short ways to tell what happens to them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.factors.characteristics import CHARACTERISTICS, compute
from pipeline.factors.fold import BatchState, FoldResult, Outcome, Policy, fold_batch
from pipeline.factors.vocabulary import (
    Category,
    ConsentAction,
    ConsumptionKind,
    ObligationStatus,
    PaymentKind,
    Scope,
)
from pipeline.reference.batches import batch_of
from pipeline.reference.events import Consent, Consumption, Event, Obligation, Payment

DAY_MS = 86_400_000
NAMES = [characteristic.name for characteristic in CHARACTERISTICS]


def at(day: str) -> int:
    """A date, or date and time, in UTC as milliseconds."""
    return int(np.datetime64(day, "ms").astype(np.int64))


def month(name: str) -> int:
    """A month like 2026-03 as months since 1970."""
    return int(np.datetime64(name, "M").astype(np.int64))


def consent(
    day: str,
    scope: Scope,
    action: ConsentAction = ConsentAction.GRANT,
    *,
    user: str = "ann",
    ends: str | None = None,
) -> Consent:
    return Consent(
        user=user,
        at_ms=at(day),
        kafka_ms=at(day),
        id_hash=1,
        action=action,
        scope=scope,
        expires_ms=None if ends is None else at(ends),
    )


def payment(day: str, kind: PaymentKind, event_id: int, **rest: Any) -> Payment:
    head = {"user": "ann", "kafka_ms": at(day), "id_hash": event_id}
    return Payment(**{**head, "at_ms": at(day), "kind": kind, **rest})


def bill(day: str, due: str, event_id: int) -> Payment:
    return payment(day, PaymentKind.BILL, event_id, due_ms=at(due))


def purchase(day: str, category: Category, event_id: int, **rest: Any) -> Consumption:
    head = {"user": "ann", "kafka_ms": at(day), "id_hash": event_id, "at_ms": at(day)}
    kind = ConsumptionKind.PURCHASE
    return Consumption(**{**head, "kind": kind, "category": category, **rest})


def step(day: str, contract: int, status: ObligationStatus, event_id: int = 0) -> Obligation:
    return Obligation(
        user="ann",
        at_ms=at(day),
        kafka_ms=at(day),
        id_hash=event_id or contract * 10 + status + 1,
        contract=contract,
        status=status,
        amount_minor=100 * contract if status is ObligationStatus.OPENED else None,
    )


def enrolled(*users: str) -> BatchState:
    """People, ann if not named, who grant everything."""
    state = BatchState.empty(list(users or ("ann",)))
    grants = [consent("2020-01-01", scope, user=user) for user in state.users for scope in Scope]
    fold(state, *grants)
    return state


def fold(
    state: BatchState, *events: Event, policy: Policy | None = None, now: str = "1970-01-01"
) -> FoldResult:
    """Fold events that arrived together."""
    return fold_batch(state, batch_of(events, state.users), policy or Policy(), at(now))


def outcomes(result: FoldResult) -> list[Outcome]:
    """Outcomes of a fold of one topic."""
    (found,) = result.outcomes.values()
    return [Outcome(code) for code in found.tolist()]


def value(state: BatchState, name: str, as_of: str) -> float:
    """A characteristic of the first person."""
    return float(compute(state.rows, month(as_of))[0, NAMES.index(name)])


def ring(state: BatchState, name: str) -> dict[int, int]:
    """The slots of the first person's ring that are not zero."""
    slots: NDArray[np.integer] = state.rows[name][0]
    return {int(i): int(slots[i]) for i in np.flatnonzero(slots)}
