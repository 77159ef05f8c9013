"""What partners write and read, one by one: outcomes and enquiries, and their scores.

Outcomes are held to the rules of the obligations they become, so that none is refused later.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import pyarrow as pa

from pipeline.codec import catalog
from pipeline.codec.checked import decode_checked
from pipeline.codec.columns import Columns
from pipeline.codec.decode import Poison
from pipeline.codec.layout import Kind, layout_of
from pipeline.codec.partner_rules import find_broken
from pipeline.codec.registry import SchemaRegistry, parse
from pipeline.codec.translate import DecodeError, read_record
from pipeline.codec.wire import HEADER_BYTES, schema_id_of
from pipeline.factors.columns import Int64
from pipeline.topics import Topic


@dataclass(frozen=True, slots=True)
class Reads:
    """A batch of a partner's topic.

    ``kept`` are the positions of the good records among the values given, ascending, shape
    (n_kept,); ``rows`` their fields, enums as symbols and times in milliseconds; ``poison`` has
    the other records, by position.
    """

    kept: Int64
    rows: list[dict[str, Any]]
    poison: list[Poison]


def decode_outcomes(
    topic: Topic,
    keys: Sequence[bytes | None],
    values: Sequence[bytes | None],
    registry: SchemaRegistry,
) -> Reads:
    """Decode a batch of a partner's outcomes, every record kept or named as poison.

    Args:
        topic: A partner's outcomes.
        keys: The records' keys, as many as values; each has to be its record's subject.
        values: The records' values in the wire format.
        registry: Knows the values' schemas.

    Raises:
        RegistryError: The registry cannot answer, which is no fault of the records.
        ValueError: The topic carries no outcomes, or there are not as many keys as values.
    """
    return _decode("PartnerOutcome", topic, keys, values, registry)


def decode_enquiries(
    topic: Topic,
    keys: Sequence[bytes | None],
    values: Sequence[bytes | None],
    registry: SchemaRegistry,
) -> Reads:
    """As `decode_outcomes`, of a partner's enquiries."""
    return _decode("PartnerEnquiry", topic, keys, values, registry)


def decode_partner_score(value: bytes, registry: SchemaRegistry) -> dict[str, Any]:
    """One PartnerScore as a dict; enums as symbols, times in milliseconds.

    Of another version than the current one, it is read as the current one.

    Raises:
        WireFormatError: The value is not in the wire format.
        UnknownSchemaError: The registry does not know the schema id.
        RegistryError: The registry cannot answer.
        DecodeError: The body is not one whole PartnerScore.
    """
    current = catalog.current("PartnerScore")
    written = registry.schema(schema_id_of(value))
    name = _record_name(written)
    if name != current.record:
        raise DecodeError(f"is a {name}, not a {current.record}")
    return read_record(value[HEADER_BYTES:], written, current.text)


@lru_cache(maxsize=256)
def _record_name(schema: str) -> str:
    return str(parse(schema)["name"]).rpartition(".")[2]


def _decode(
    record: str,
    topic: Topic,
    keys: Sequence[bytes | None],
    values: Sequence[bytes | None],
    registry: SchemaRegistry,
) -> Reads:
    if topic.record != record:
        raise ValueError(f"{topic.name} carries no {record}")
    broken = partial(find_broken, record)
    good = decode_checked(record, keys, values, registry, broken, key_field="subject")
    return Reads(good.kept, _rows(record, good.columns), good.poison)


def _rows(record: str, columns: Columns) -> list[dict[str, Any]]:
    fields = layout_of(catalog.current(record).avro).fields
    spelt = {}
    for field in fields:
        column = columns.batch.column(field.name)
        if field.kind is Kind.ENUM:
            column = pa.array(field.symbols).take(column)
        spelt[field.name] = column
    rows: list[dict[str, Any]] = pa.RecordBatch.from_pydict(spelt).to_pylist()
    return rows
