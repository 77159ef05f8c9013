"""Plain events turned into the columns that the fast folds take."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from pipeline.factors import columns as fast
from pipeline.factors.fold import Batch
from pipeline.factors.layout import NO_AMOUNT, NO_TIME
from pipeline.factors.state import Arrivals
from pipeline.reference import events as plain


def batch_of(events: Sequence[plain.Event], users: list[str]) -> Batch:
    """The events as one batch, in order of arrival within each topic."""
    place = {user: i for i, user in enumerate(users)}

    def chosen(kind: type[plain.Event]) -> list[Any]:
        return [event for event in events if type(event) is kind]

    def arrivals(kind: type[plain.Event], build: Any) -> Any:
        some = chosen(kind)
        if not some:
            return None
        user = np.array([place[e.user] for e in some], np.int32)
        head = (user, _i64(e.at_ms for e in some), _u64(e.id_hash for e in some))
        return Arrivals(build(head, some), _i64(e.kafka_ms for e in some))

    return Batch(
        consents=arrivals(plain.Consent, _consents),
        payments=arrivals(plain.Payment, _payments),
        consumption=arrivals(plain.Consumption, _consumption),
        obligations=arrivals(plain.Obligation, _obligations),
        profiles=arrivals(plain.Profile, _profiles),
        relationships=arrivals(plain.Relationship, _relationships),
        peer_signals=arrivals(plain.PeerSignal, _peer_signals),
    )


Head = tuple[fast.Int32, fast.Int64, fast.UInt64]


def _i64(values: Iterable[int | None], null: int = 0) -> fast.Int64:
    return np.array([null if value is None else value for value in values], np.int64)


def _u64(values: Iterable[int]) -> fast.UInt64:
    return np.array(list(values), np.uint64)


def _u8(values: Iterable[int]) -> fast.UInt8:
    return np.array(list(values), np.uint8)


def _bool(values: Iterable[bool]) -> fast.Bool:
    return np.array(list(values), np.bool_)


def _objects(values: Iterable[str]) -> fast.Objects:
    return np.array(list(values), np.object_)


def _consents(head: Head, some: list[plain.Consent]) -> fast.ConsentColumns:
    return fast.ConsentColumns(
        *head,
        action=_u8(e.action for e in some),
        scope=_u8(e.scope for e in some),
        expires_at_ms=_i64((e.expires_ms for e in some), NO_TIME),
    )


def _payments(head: Head, some: list[plain.Payment]) -> fast.PaymentColumns:
    return fast.PaymentColumns(
        *head,
        kind=_u8(e.kind for e in some),
        due_at_ms=_i64((e.due_ms for e in some), NO_TIME),
        account=_i64(e.account for e in some).astype(np.uint32),
        balance_minor=_i64((e.balance_minor for e in some), NO_AMOUNT),
        limit_minor=_i64((e.limit_minor for e in some), NO_AMOUNT),
    )


def _consumption(head: Head, some: list[plain.Consumption]) -> fast.ConsumptionColumns:
    return fast.ConsumptionColumns(
        *head, kind=_u8(e.kind for e in some), category=_u8(e.category for e in some)
    )


def _obligations(head: Head, some: list[plain.Obligation]) -> fast.ObligationColumns:
    return fast.ObligationColumns(
        *head,
        contract=_u64(e.contract for e in some),
        status=_u8(e.status for e in some),
        amount_minor=_i64((e.amount_minor for e in some), NO_AMOUNT),
    )


def _profiles(head: Head, some: list[plain.Profile]) -> fast.ProfileColumns:
    return fast.ProfileColumns(
        *head,
        attribute=_u8(e.attribute for e in some),
        status=_u8(e.status for e in some),
        since_ms=_i64((e.since_ms for e in some), NO_TIME),
    )


def _relationships(head: Head, some: list[plain.Relationship]) -> fast.RelationshipColumns:
    return fast.RelationshipColumns(
        *head, other=_objects(e.other for e in some), action=_u8(e.action for e in some)
    )


def _peer_signals(head: Head, some: list[plain.PeerSignal]) -> fast.PeerSignalColumns:
    return fast.PeerSignalColumns(
        *head,
        other=_objects(e.other for e in some),
        active=_bool(e.active for e in some),
        base_score=_i64((e.base_score for e in some), -1).astype(np.int32),
        wants_reply=_bool(e.wants_reply for e in some),
        erased=_bool(e.erased for e in some),
    )
