"""Hand-made input records in the contract's fields, and a person worth scoring."""

import io
import time
import uuid
from typing import Any

import fastavro

from pipeline import topics
from pipeline.codec.registry import FileRegistry
from tests.integration.support.events import schema
from tests.integration.support.stream import Input

DAY_MS = 86_400_000
MONTH_MS = 30 * DAY_MS
NOW_MS = int(time.time()) * 1000
SCOPES = ("SCORING", "CREDIT_HISTORY", "BEHAVIOUR", "FULFILMENT", "IDENTITY", "SOCIAL")

_DEFAULTS: dict[topics.Topic, dict[str, Any]] = {
    topics.CONSENTS: {
        "action": "GRANT",
        "scope": "SCORING",
        "partner_id": None,
        "purpose": None,
        "disclosure": None,
        "expires_at": None,
        "notice_version": "2026-01",
    },
    topics.PAYMENTS: {
        "kind": "BILL",
        "amount_minor": 4_200,
        "currency": "EUR",
        "due_at": None,
        "account_id": None,
        "balance_minor": None,
        "limit_minor": None,
    },
    topics.CONSUMPTION: {
        "kind": "PURCHASE",
        "category": "ESSENTIALS",
        "amount_minor": None,
        "currency": None,
        "channel": "WEB",
    },
    topics.OBLIGATIONS: {
        "contract_id": "contract-1",
        "partner_id": "car-rental",
        "kind": "RENTAL",
        "status": "OPENED",
        "amount_minor": 50_000,
        "due_at": None,
        "evidence": None,
    },
    topics.PROFILES: {"attribute": "ADDRESS", "status": "VERIFIED", "since": None},
    topics.RELATIONSHIPS: {"other_user_id": "", "kind": "FRIEND", "action": "CONFIRM"},
}


def value_of(topic: topics.Topic, fields: dict[str, Any]) -> bytes:
    """A framed value, written by fastavro alone."""
    assert topic.record is not None
    body = io.BytesIO()
    fastavro.schemaless_writer(body, schema(topic.record), fields)
    return b"\0" + FileRegistry().id_of(topic.subject).to_bytes(4, "big") + body.getvalue()


def fields_for(topic: topics.Topic, user: str, at_ms: int, **changes: Any) -> dict[str, Any]:
    head = {"event_id": uuid.uuid4().hex, "user_id": user, "occurred_at": at_ms}
    return head | _DEFAULTS[topic] | changes


def record(topic: topics.Topic, user: str, at_ms: int = NOW_MS, **changes: Any) -> Input:
    """One good record; fields not named are ordinary."""
    return Input(topic, user.encode(), value_of(topic, fields_for(topic, user, at_ms, **changes)))


def grants(
    user: str, *scopes: str, at_ms: int = NOW_MS - 900 * DAY_MS, **changes: Any
) -> list[Input]:
    """Grants of these scopes; of all when none is named."""
    return [
        record(topics.CONSENTS, user, at_ms, scope=scope, **changes) for scope in scopes or SCOPES
    ]


def withdrawal(user: str, scope: str, at_ms: int = NOW_MS, **changes: Any) -> Input:
    return record(topics.CONSENTS, user, at_ms, action="WITHDRAW", scope=scope, **changes)


def good_year(user: str, newest_ms: int = NOW_MS) -> list[Input]:
    """Twelve months that leave something in every factor but the social one."""
    made: list[Input] = []
    for age in range(12, -1, -1):
        at = newest_ms - age * MONTH_MS
        made += [
            record(topics.PAYMENTS, user, at, due_at=at + DAY_MS),
            record(
                topics.PAYMENTS,
                user,
                at,
                kind="REPAYMENT",
                due_at=at + DAY_MS,
                account_id="card-1",
                balance_minor=30_000,
                limit_minor=100_000,
            ),
            record(topics.CONSUMPTION, user, at),
            record(topics.CONSUMPTION, user, at, kind="SEARCH", category="HOME"),
        ]
    start = newest_ms - 12 * MONTH_MS
    for name in ("IDENTITY", "ADDRESS", "PHONE", "EMPLOYMENT"):
        made.append(record(topics.PROFILES, user, start, attribute=name, since=start))
    steps = (("contract-1", "OPENED"), ("contract-1", "FULFILLED"), ("contract-2", "OPENED"))
    for days, (contract, status) in zip((20, 10, 5), steps, strict=True):
        at = newest_ms - days * DAY_MS
        made.append(record(topics.OBLIGATIONS, user, at, contract_id=contract, status=status))
    return made


def friends(one: str, other: str, at_ms: int = NOW_MS) -> list[Input]:
    """A link that both confirm."""
    return [
        record(topics.RELATIONSHIPS, one, at_ms, other_user_id=other),
        record(topics.RELATIONSHIPS, other, at_ms, other_user_id=one),
    ]
