"""Framed records as the reference's plain events, read by fastavro alone."""

import io
import json
from functools import cache
from typing import Any

import fastavro

from pipeline import topics
from pipeline.codec.hashing import ACCOUNT_BITS, EVENT_ID_BITS, hash_one
from pipeline.factors import vocabulary as words
from pipeline.reference import events as plain
from pipeline.resources import schemas_dir

_HEADER_BYTES = 5


@cache
def schema(record: str) -> Any:
    newest = max(schemas_dir().glob(f"{record}.v*.avsc"))
    avro = json.loads(newest.read_text())
    return fastavro.parse_schema(_without_logical_types(avro))


def fields_of(record: str, value: bytes) -> dict[str, Any]:
    """The fields of a framed value; times in milliseconds."""
    body = io.BytesIO(value[_HEADER_BYTES:])
    fields = fastavro.schemaless_reader(body, schema(record), None)
    assert isinstance(fields, dict)
    return fields


def event_of(topic: topics.Topic, value: bytes, timestamp_ms: int) -> plain.Event:
    """A good input value as the reference takes it."""
    assert topic.record is not None
    fields = fields_of(topic.record, value)
    head = {
        "user": fields["user_id"],
        "at_ms": fields["occurred_at"],
        "kafka_ms": timestamp_ms,
        "id_hash": hash_one(fields["event_id"].encode(), EVENT_ID_BITS),
    }
    return _BUILDERS[topic.name](head, fields)


def _without_logical_types(node: Any) -> Any:
    if isinstance(node, list):
        return [_without_logical_types(item) for item in node]
    if isinstance(node, dict):
        return {k: _without_logical_types(v) for k, v in node.items() if k != "logicalType"}
    return node


Fields = dict[str, Any]


def _consent(head: Fields, fields: Fields) -> plain.Event:
    return plain.Consent(
        **head,
        action=words.ConsentAction[fields["action"]],
        scope=words.Scope[fields["scope"]],
        expires_ms=fields["expires_at"],
    )


def _payment(head: Fields, fields: Fields) -> plain.Event:
    account = fields["account_id"]
    return plain.Payment(
        **head,
        kind=words.PaymentKind[fields["kind"]],
        due_ms=fields["due_at"],
        account=None if account is None else hash_one(account.encode(), ACCOUNT_BITS),
        balance_minor=fields["balance_minor"],
        limit_minor=fields["limit_minor"],
    )


def _consumption(head: Fields, fields: Fields) -> plain.Event:
    return plain.Consumption(
        **head,
        kind=words.ConsumptionKind[fields["kind"]],
        category=words.Category[fields["category"]],
    )


def _obligation(head: Fields, fields: Fields) -> plain.Event:
    partner, event_id = fields["partner_id"], fields["event_id"]
    own = {"id_hash": hash_one(f"{partner}\0{event_id}".encode(), EVENT_ID_BITS)}
    return plain.Obligation(
        **head | own,
        contract=hash_one(f"{partner}\0{fields['contract_id']}".encode()),
        status=words.ObligationStatus[fields["status"]],
        amount_minor=fields["amount_minor"],
    )


def _profile(head: Fields, fields: Fields) -> plain.Event:
    return plain.Profile(
        **head,
        attribute=words.Attribute[fields["attribute"]],
        status=words.AttributeStatus[fields["status"]],
        since_ms=fields["since"],
    )


def _relationship(head: Fields, fields: Fields) -> plain.Event:
    return plain.Relationship(
        **head,
        other=fields["other_user_id"],
        action=words.RelationshipAction[fields["action"]],
    )


def _peer_signal(head: Fields, fields: Fields) -> plain.Event:
    return plain.PeerSignal(
        **head,
        other=fields["other_user_id"],
        active=fields["active"],
        base_score=fields["base_score"],
        wants_reply=fields["wants_reply"],
        erased=fields["erased"],
    )


_BUILDERS = {
    topics.CONSENTS.name: _consent,
    topics.PAYMENTS.name: _payment,
    topics.CONSUMPTION.name: _consumption,
    topics.OBLIGATIONS.name: _obligation,
    topics.PROFILES.name: _profile,
    topics.RELATIONSHIPS.name: _relationship,
    topics.PEER_SIGNALS.name: _peer_signal,
}
