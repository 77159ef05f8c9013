"""A corrected record in a letter's place: held to the schema, the rules and the person."""

from dataclasses import replace
from typing import Any

from fastavro.validation import ValidationError, validate

from pipeline.codec.encode import encode_records
from pipeline.codec.reasons import Reason
from pipeline.codec.registry import SchemaRegistry
from pipeline.codec.translate import parsed
from pipeline.deadletters.letter import Letter
from pipeline.deadletters.origin import find_fault, read_fields
from pipeline.deadletters.policy import Outgoing
from pipeline.errors import RefusedError


def corrected(record: Outgoing, fields: dict[str, Any], registry: SchemaRegistry) -> Outgoing:
    """The letter's record with these fields for its value, in the current schema.

    Args:
        record: What the letter holds.
        fields: All fields of the record, enums by name and times in milliseconds, as
            ``sesame dlq list --json`` shows them; nullable ones may be left out.
        registry: To encode with.

    Raises:
        RefusedError: They are not a record of the topic, break a rule, or are about somebody
            else than the letter.
        RegistryError: The registry cannot answer.
    """
    subject = record.topic.subject
    text = registry.schema(registry.id_of(subject))
    fields = _complete(fields, parsed(text), record.topic.name)
    key = _key(record, fields, registry)
    (value,) = encode_records(subject, [fields], registry)
    fault = find_fault(record.topic, key, value, registry)
    if fault is not None:
        raise RefusedError(f"the fixed record breaks a rule: {fault.reason}, {fault.error}")
    partition = record.partition if key == record.key else None
    return replace(record, key=key, value=value, partition=partition, is_fixed=True)


def _complete(fields: dict[str, Any], schema: Any, topic: str) -> dict[str, Any]:
    defaults = {f["name"]: f["default"] for f in schema["fields"] if "default" in f}
    nullable = {f["name"]: None for f in schema["fields"] if "null" in f["type"]}
    whole = nullable | defaults | fields
    names = {f["name"] for f in schema["fields"]}
    if whole.keys() != names:
        differing = ", ".join(sorted(whole.keys() ^ names))
        raise RefusedError(
            f"the fixed record lacks, or has beside those of {topic}, the fields {differing:.200}"
        )
    try:
        validate(whole, schema)
    except ValidationError as error:
        wrong = "; ".join(
            f"{e.field} is {e.datum!r:.60}, not {e.schema!s:.200}" for e in error.errors
        )
        raise RefusedError(f"the fixed record is no record of {topic}: {wrong}") from error
    return whole


def _key(record: Outgoing, fields: dict[str, Any], registry: SchemaRegistry) -> bytes:
    """The key that goes with the fields; nobody's record becomes somebody else's."""
    name = record.topic.key
    wanted = str(fields[name])
    if wanted.encode() not in _known(record.letter, name, registry):
        raise RefusedError(
            f"the fixed record's {name} is {wanted!r:.80}, which is not the letter's: a record of "
            "somebody else must be sent by its producer"
        )
    return wanted.encode()


def _known(letter: Letter, name: str, registry: SchemaRegistry) -> set[bytes | None]:
    """Whom the letter is about: by its key, and where that was what was wrong, its value."""
    if letter.reason != Reason.KEY_MISMATCH:
        return {letter.key}
    fields = read_fields(letter.value, registry) or {}
    return {letter.key, str(fields.get(name, "")).encode()}
