"""Random records of each input, valid under the contract's rules, and their bytes."""

import io
from typing import Any

import fastavro
from hypothesis import strategies as st

from pipeline import topics
from pipeline.codec import catalog
from pipeline.topics import Topic

DAY_MS = 86_400_000
OCCURRED = st.integers(946_684_800_000, 4_102_444_799_999)
GIVEN = st.integers(-2_208_988_800_000, 7_258_118_399_999)
TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=128)
EVENT_ID = st.text(st.characters(codec="utf-8"), min_size=1, max_size=64)
AMOUNT = st.integers(0, 10**15)
CURRENCY = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=3, max_size=3)


def symbols(record: str, field: str) -> st.SearchStrategy[str]:
    declared = next(f for f in catalog.current(record).avro["fields"] if f["name"] == field)["type"]
    enum = declared[1] if isinstance(declared, list) else declared
    return st.sampled_from(enum["symbols"])


def nullable(one: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | one


def _record(name: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    event = {"event_id": EVENT_ID, "user_id": TEXT, "occurred_at": OCCURRED}
    enums = {
        f["name"]: symbols(name, f["name"])
        for f in catalog.current(name).avro["fields"]
        if isinstance(f["type"], dict) and f["type"]["type"] == "enum"
    }
    return st.fixed_dictionaries(event | enums | fields)


def _consent(record: dict[str, Any]) -> dict[str, Any]:
    partner = record["scope"] == "PARTNER"
    grant = record["action"] == "GRANT"
    record["partner_id"] = record["partner_id"] if partner else None
    for name in ("purpose", "disclosure"):
        record[name] = record[name] if partner and grant else None
    return record


def _obligation(record: dict[str, Any]) -> dict[str, Any]:
    if record["status"] == "BREACHED":
        record["evidence"] = record["evidence"] or "receipt"
    return record


def _of_two_people(record: dict[str, Any]) -> bool:
    return bool(record["user_id"] != record["other_user_id"])


RECORDS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "Consent": _record(
        "Consent",
        partner_id=TEXT,
        purpose=TEXT,
        disclosure=symbols("Consent", "disclosure"),
        expires_at=nullable(st.integers(946_684_800_000, 253_370_764_799_999)),
        notice_version=st.text(st.characters(codec="utf-8"), max_size=20),
    ).map(_consent),
    "Payment": _record(
        "Payment",
        amount_minor=AMOUNT,
        currency=CURRENCY,
        due_at=nullable(GIVEN),
        account_id=nullable(TEXT),
        balance_minor=nullable(st.integers(-(10**15), 10**15)),
        limit_minor=nullable(AMOUNT),
    ),
    "Consumption": _record(
        "Consumption", amount_minor=nullable(AMOUNT), currency=nullable(CURRENCY)
    ),
    "Obligation": _record(
        "Obligation",
        contract_id=TEXT,
        partner_id=TEXT,
        amount_minor=nullable(AMOUNT),
        due_at=nullable(GIVEN),
        evidence=nullable(st.text(st.characters(codec="utf-8"), max_size=300)),
    ).map(_obligation),
    "Profile": _record("Profile", since=nullable(GIVEN)),
    "Relationship": _record("Relationship", other_user_id=TEXT).filter(_of_two_people),
    "PeerSignal": _record(
        "PeerSignal",
        other_user_id=TEXT,
        active=st.booleans(),
        base_score=nullable(st.integers(350, 950)),
        wants_reply=st.booleans(),
        erased=st.booleans(),
    ).filter(_of_two_people),
}

TOPICS: dict[str, Topic] = {str(topic.record): topic for topic in topics.INPUTS}


def without_logical_types(node: Any) -> Any:
    if isinstance(node, list):
        return [without_logical_types(item) for item in node]
    if isinstance(node, dict):
        return {k: without_logical_types(v) for k, v in node.items() if k != "logicalType"}
    return node


PARSED = {
    schema.record: fastavro.parse_schema(without_logical_types(schema.avro))
    for schema in catalog.committed()
}


def body(record: str, fields: dict[str, Any]) -> bytes:
    """A record's body as fastavro writes it."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, PARSED[record], fields)
    return out.getvalue()


def framed(record: str, fields: dict[str, Any]) -> bytes:
    """A record in the wire format."""
    return b"\0" + catalog.current(record).id.to_bytes(4, "big") + body(record, fields)
