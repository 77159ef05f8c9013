"""One good record of each kind, and how to write it."""

from typing import Any

from pipeline.codec.encode import encode_records
from pipeline.codec.registry import FileRegistry

REGISTRY = FileRegistry()
OCCURRED_AT = 1_760_000_000_000

EVENT: dict[str, Any] = {"event_id": "e-1", "user_id": "ann", "occurred_at": OCCURRED_AT}
CONSENT = EVENT | {
    "action": "GRANT",
    "scope": "SCORING",
    "partner_id": None,
    "purpose": None,
    "disclosure": None,
    "expires_at": None,
    "notice_version": "2026-01",
}
PARTNER_CONSENT = CONSENT | {
    "scope": "PARTNER",
    "partner_id": "car-rental",
    "purpose": "CAR_RENTAL_DEPOSIT",
    "disclosure": "BAND",
}
PAYMENT = EVENT | {
    "kind": "REPAYMENT",
    "amount_minor": 12_50,
    "currency": "EUR",
    "due_at": OCCURRED_AT + 1,
    "account_id": "card-1",
    "balance_minor": -3,
    "limit_minor": 100_000,
}
CONSUMPTION = EVENT | {
    "kind": "SEARCH",
    "category": "TRAVEL",
    "amount_minor": None,
    "currency": None,
    "channel": "APP",
}
OBLIGATION = EVENT | {
    "contract_id": "c-1",
    "partner_id": "car-rental",
    "kind": "RENTAL",
    "status": "BREACHED",
    "amount_minor": 300_00,
    "due_at": None,
    "evidence": "photo 12",
}
PROFILE = EVENT | {"attribute": "PHONE", "status": "VERIFIED", "since": 0}
RELATIONSHIP = EVENT | {"other_user_id": "bob", "kind": "FRIEND", "action": "CONFIRM"}
PEER_SIGNAL = EVENT | {
    "other_user_id": "bob",
    "active": True,
    "base_score": 640,
    "wants_reply": False,
    "erased": False,
}
SAMPLES: dict[str, dict[str, Any]] = {
    "consents": CONSENT,
    "payments": PAYMENT,
    "consumption": CONSUMPTION,
    "obligations": OBLIGATION,
    "profiles": PROFILE,
    "relationships": RELATIONSHIP,
    "peer-signals": PEER_SIGNAL,
}


def framed(topic: str, fields: dict[str, Any]) -> bytes:
    """A record of a topic in the wire format."""
    return encode_records(f"{topic}-value", [fields], REGISTRY)[0]
