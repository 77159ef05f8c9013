"""Why an input record is refused by its bytes alone: the contract's rules, one after the other."""

from collections.abc import Callable

from pipeline.codec import field_rules as bounds
from pipeline.codec.reasons import Reason
from pipeline.codec.registry import SchemaRegistry, UnknownSchemaError
from pipeline.codec.translate import DecodeError
from pipeline.codec.wire import WireFormatError
from pipeline.dev.chaos.readings import Fields, fields_of
from pipeline.topics import Topic

_SCORE_MIN, _SCORE_MAX = 350, 950


def read(
    topic: Topic, key: bytes | None, value: bytes | None, registry: SchemaRegistry
) -> Fields | Reason:
    """The fields of a good input record, or why it is a dead letter."""
    try:
        fields = fields_of(str(topic.record), value or b"", registry)
    except WireFormatError:
        return Reason.WIRE_FORMAT
    except UnknownSchemaError:
        return Reason.UNKNOWN_SCHEMA
    except DecodeError:
        return Reason.DECODE
    if _is_invalid(str(topic.record), fields):
        return Reason.INVALID
    if key != fields["user_id"].encode():
        return Reason.KEY_MISMATCH
    return fields


def _is_invalid(record: str, fields: Fields) -> bool:
    sound = (
        _is_text(fields["event_id"], bounds.EVENT_ID_CHARS_MAX)
        and _is_text(fields["user_id"], bounds.NAME_CHARS_MAX)
        and bounds.OCCURRED_FROM_MS <= fields["occurred_at"] < bounds.OCCURRED_BEFORE_MS
    )
    return not (sound and _SOUND[record](fields))


def _consent(fields: Fields) -> bool:
    partner, purpose, disclosure = (
        fields[name] is not None for name in ("partner_id", "purpose", "disclosure")
    )
    if fields["scope"] != "PARTNER":
        complete = not (partner or purpose or disclosure)
    elif fields["action"] == "GRANT":
        complete = partner and purpose and disclosure
    else:
        complete = partner
    expires = fields["expires_at"]
    return (
        complete
        and _is_none_or_text(fields["partner_id"], bounds.NAME_CHARS_MAX)
        and _is_none_or_text(fields["purpose"], bounds.NAME_CHARS_MAX)
        and (expires is None or bounds.EXPIRES_FROM_MS <= expires < bounds.EXPIRES_BEFORE_MS)
        and len(fields["notice_version"]) <= bounds.TEXT_CHARS_MAX
    )


def _payment(fields: Fields) -> bool:
    return (
        _is_amount(fields["amount_minor"])
        and _is_currency(fields["currency"])
        and _is_given_time(fields["due_at"])
        and _is_none_or_text(fields["account_id"], bounds.NAME_CHARS_MAX)
        and abs(fields["balance_minor"] or 0) <= bounds.AMOUNT_MAX
        and _is_amount(fields["limit_minor"])
    )


def _consumption(fields: Fields) -> bool:
    return _is_amount(fields["amount_minor"]) and _is_currency(fields["currency"])


def _obligation(fields: Fields) -> bool:
    evidence = fields["evidence"] or ""
    return (
        _is_text(fields["partner_id"], bounds.NAME_CHARS_MAX)
        and _is_text(fields["contract_id"], bounds.NAME_CHARS_MAX)
        and _is_amount(fields["amount_minor"])
        and _is_given_time(fields["due_at"])
        and (fields["status"] != "BREACHED" or evidence != "")
        and len(evidence) <= bounds.TEXT_CHARS_MAX
    )


def _profile(fields: Fields) -> bool:
    return _is_given_time(fields["since"])


def _relationship(fields: Fields) -> bool:
    other: str = fields["other_user_id"]
    return _is_text(other, bounds.NAME_CHARS_MAX) and other != fields["user_id"]


def _peer_signal(fields: Fields) -> bool:
    base = fields["base_score"]
    return _relationship(fields) and (base is None or _SCORE_MIN <= base <= _SCORE_MAX)


_SOUND: dict[str, Callable[[Fields], bool]] = {
    "Consent": _consent,
    "Payment": _payment,
    "Consumption": _consumption,
    "Obligation": _obligation,
    "Profile": _profile,
    "Relationship": _relationship,
    "PeerSignal": _peer_signal,
}


def _is_text(text: str, characters_max: int) -> bool:
    return 0 < len(text) <= characters_max


def _is_none_or_text(text: str | None, characters_max: int) -> bool:
    return text is None or _is_text(text, characters_max)


def _is_amount(amount: int | None) -> bool:
    return amount is None or 0 <= amount <= bounds.AMOUNT_MAX


def _is_given_time(at_ms: int | None) -> bool:
    return at_ms is None or bounds.GIVEN_FROM_MS <= at_ms < bounds.GIVEN_BEFORE_MS


def _is_currency(text: str | None) -> bool:
    return text is None or (len(text) == 3 and all("A" <= letter <= "Z" for letter in text))  # noqa: PLR2004 - ISO 4217
