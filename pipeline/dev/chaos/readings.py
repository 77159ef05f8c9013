"""Framed values read one at a time by fastavro: nothing shared with the decoder by columns."""

from collections.abc import Callable
from typing import Any

from pipeline import topics
from pipeline.codec import catalog
from pipeline.codec.hashing import ACCOUNT_BITS, EVENT_ID_BITS, hash_one
from pipeline.codec.registry import SchemaRegistry
from pipeline.codec.translate import read_record
from pipeline.codec.wire import HEADER_BYTES, schema_id_of
from pipeline.factors import vocabulary as words
from pipeline.reference import events as plain

Fields = dict[str, Any]


def fields_of(record: str, value: bytes, registry: SchemaRegistry) -> Fields:
    """The fields of a framed value in the current version of ``record``; times in milliseconds.

    Raises:
        WireFormatError: The value is not framed.
        UnknownSchemaError: Nobody knows its schema.
        DecodeError: The bytes are not exactly one record.
    """
    writer = registry.schema(schema_id_of(value))
    return read_record(value[HEADER_BYTES:], writer, catalog.current(record).text)


def event_of(topic: topics.Topic, fields: Fields, timestamp_ms: int) -> plain.Event:
    """An input record's fields as the reference takes them."""
    head = {
        "user": fields["user_id"],
        "at_ms": fields["occurred_at"],
        "kafka_ms": timestamp_ms,
        "id_hash": hash_one(fields["event_id"].encode(), EVENT_ID_BITS),
    }
    return _BUILDERS[topic.name](head, fields)


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


_BUILDERS: dict[str, Callable[[Fields, Fields], plain.Event]] = {
    topics.CONSENTS.name: _consent,
    topics.PAYMENTS.name: _payment,
    topics.CONSUMPTION.name: _consumption,
    topics.OBLIGATIONS.name: _obligation,
    topics.PROFILES.name: _profile,
    topics.RELATIONSHIPS.name: _relationship,
    topics.PEER_SIGNALS.name: _peer_signal,
}
