"""The topics that dead letters can go back to, and whether a record would be taken there."""

import re
from dataclasses import dataclass
from typing import Any

from pipeline import topics
from pipeline.codec import catalog
from pipeline.codec.decode import Poison
from pipeline.codec.encode import decode_record
from pipeline.codec.inputs import decode_inputs
from pipeline.codec.partner_reads import decode_enquiries, decode_outcomes
from pipeline.codec.reasons import Reason
from pipeline.codec.registry import SchemaRegistry, UnknownSchemaError
from pipeline.codec.translate import DecodeError
from pipeline.codec.wire import WireFormatError
from pipeline.topics import Role, Topic

_PARTNER_TOPIC = re.compile(r"partner\.([^.]+)\.(outcomes|enquiries)")
_PARTNER_TOPICS = {"outcomes": topics.partner_outcomes, "enquiries": topics.partner_enquiries}


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a record would be refused again."""

    reason: Reason
    error: str


def origin_of(name: str, prefix: str) -> Topic | None:
    """The topic a letter came from, if it is one that others than the pipeline write.

    Args:
        name: As the letter has it, with its prefix.
        prefix: What the topics' names begin with here.
    """
    if not name.startswith(prefix):
        return None
    name = name.removeprefix(prefix)
    partner = _PARTNER_TOPIC.fullmatch(name)
    if partner:
        return _PARTNER_TOPICS[partner[2]](partner[1])
    inputs = (t for t in topics.INPUTS if t.writers != {Role.PIPELINE})
    return next((topic for topic in inputs if topic.name == name), None)


def find_fault(
    topic: Topic, key: bytes | None, value: bytes | None, registry: SchemaRegistry
) -> Fault | None:
    """What is wrong with a record as far as it alone can tell; None if it would be taken.

    Raises:
        RegistryError: The registry cannot answer.
    """
    poison = _decode(topic, key, value, registry)
    return Fault(poison[0].reason, poison[0].error) if poison else None


def _decode(
    topic: Topic, key: bytes | None, value: bytes | None, registry: SchemaRegistry
) -> list[Poison]:
    if topic in topics.INPUTS:
        return decode_inputs(topic, [key], [value], registry).poison
    decode = decode_outcomes if topic.record == "PartnerOutcome" else decode_enquiries
    return decode(topic, [key], [value], registry).poison


def read_fields(value: bytes | None, registry: SchemaRegistry) -> dict[str, Any] | None:
    """A value's fields, times in milliseconds; None if it does not decode.

    Raises:
        RegistryError: The registry cannot answer.
    """
    try:
        return None if value is None else decode_record(value, registry)
    except (WireFormatError, UnknownSchemaError, DecodeError):
        return None


def current_schema(topic: Topic) -> dict[str, Any]:
    """The Avro schema that records of a topic are written with now."""
    if topic.record is None:
        raise ValueError(f"{topic.name} carries no Avro records")
    return catalog.current(topic.record).avro
