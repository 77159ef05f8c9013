"""From decoded columns to the columns the folds take: nulls marked, identifiers hashed."""

from collections.abc import Callable
from typing import TypedDict

import numpy as np

from pipeline.codec.columns import Columns
from pipeline.codec.hashing import ACCOUNT_BITS, EVENT_ID_BITS, hash_all, within_partners
from pipeline.factors.columns import (
    ConsentColumns,
    ConsumptionColumns,
    EventColumns,
    Int32,
    Int64,
    Objects,
    ObligationColumns,
    PaymentColumns,
    PeerSignalColumns,
    ProfileColumns,
    RelationshipColumns,
    UInt8,
    UInt32,
    UInt64,
)
from pipeline.factors.layout import NO_AMOUNT, NO_TIME

UNSCORED = -1


class _Event(TypedDict):
    user: Int32
    occurred_at_ms: Int64
    id_hash: UInt64


def _event(columns: Columns, user: Int32, ids: list[bytes] | None = None) -> _Event:
    if len(user) != len(columns):
        raise ValueError(f"{len(user)} user indexes for {len(columns)} records")
    named = _identifiers(columns, "event_id") if ids is None else ids
    return {
        "user": user,
        "occurred_at_ms": columns.longs("occurred_at"),
        "id_hash": hash_all(named, EVENT_ID_BITS),
    }


def _identifiers(columns: Columns, name: str) -> list[bytes]:
    return [value or b"" for value in columns.texts(name).binary().to_pylist()]


def _codes(columns: Columns, name: str) -> UInt8:
    return columns.longs(name).astype(np.uint8)


def _people(columns: Columns, name: str) -> Objects:
    people = np.empty(len(columns), object)
    people[:] = columns.batch.column(name).to_pylist()
    return people


def _consents(columns: Columns, user: Int32) -> ConsentColumns:
    return ConsentColumns(
        **_event(columns, user),
        action=_codes(columns, "action"),
        scope=_codes(columns, "scope"),
        expires_at_ms=columns.longs_or("expires_at", NO_TIME),
    )


def _payments(columns: Columns, user: Int32) -> PaymentColumns:
    return PaymentColumns(
        **_event(columns, user),
        kind=_codes(columns, "kind"),
        due_at_ms=columns.longs_or("due_at", NO_TIME),
        account=_accounts(columns),
        balance_minor=columns.longs_or("balance_minor", NO_AMOUNT),
        limit_minor=columns.longs_or("limit_minor", NO_AMOUNT),
    )


def _accounts(columns: Columns) -> UInt32:
    accounts = np.zeros(len(columns), np.uint32)
    given = columns.valid_or_all("account_id")
    accounts_given = columns.texts("account_id").binary().to_pylist()
    named = [name for name in accounts_given if name is not None]
    accounts[given] = hash_all(named, ACCOUNT_BITS)
    return accounts


def _consumption(columns: Columns, user: Int32) -> ConsumptionColumns:
    return ConsumptionColumns(
        **_event(columns, user),
        kind=_codes(columns, "kind"),
        category=_codes(columns, "category"),
    )


def _obligations(columns: Columns, user: Int32) -> ObligationColumns:
    partners = _identifiers(columns, "partner_id")
    # No partner can use up the event ids of another.
    events = within_partners(partners, _identifiers(columns, "event_id"))
    contracts = within_partners(partners, _identifiers(columns, "contract_id"))
    return ObligationColumns(
        **_event(columns, user, events),
        contract=hash_all(contracts),
        status=_codes(columns, "status"),
        amount_minor=columns.longs_or("amount_minor", NO_AMOUNT),
    )


def _profiles(columns: Columns, user: Int32) -> ProfileColumns:
    return ProfileColumns(
        **_event(columns, user),
        attribute=_codes(columns, "attribute"),
        status=_codes(columns, "status"),
        since_ms=columns.longs_or("since", NO_TIME),
    )


def _relationships(columns: Columns, user: Int32) -> RelationshipColumns:
    return RelationshipColumns(
        **_event(columns, user),
        other=_people(columns, "other_user_id"),
        action=_codes(columns, "action"),
    )


def _peer_signals(columns: Columns, user: Int32) -> PeerSignalColumns:
    return PeerSignalColumns(
        **_event(columns, user),
        other=_people(columns, "other_user_id"),
        active=columns.booleans("active"),
        base_score=columns.longs_or("base_score", UNSCORED).astype(np.int32),
        wants_reply=columns.booleans("wants_reply"),
        erased=columns.booleans("erased"),
    )


BUILDERS: dict[str, Callable[[Columns, Int32], EventColumns]] = {
    "Consent": _consents,
    "Payment": _payments,
    "Consumption": _consumption,
    "Obligation": _obligations,
    "Profile": _profiles,
    "Relationship": _relationships,
    "PeerSignal": _peer_signals,
}
"""Per input record: its columns, given each record's user index."""
