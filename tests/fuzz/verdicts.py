"""What the batch decoder says of bodies, held against fastavro reading them one by one."""

import io
from typing import Any

import fastavro
import numpy as np

from pipeline.codec import catalog
from pipeline.codec.decode import decode_columns
from pipeline.codec.layout import Kind, layout_of
from pipeline.codec.reasons import Reason
from pipeline.codec.registry import FileRegistry
from pipeline.codec.wire import header
from tests.property.codec.records import PARSED, body

REGISTRY = FileRegistry()
RECORDS = sorted({schema.record for schema in catalog.committed()})
NAMED = {Reason.WIRE_FORMAT, Reason.UNKNOWN_SCHEMA, Reason.DECODE}


def check(record: str, bodies: list[bytes]) -> None:
    """Decode bodies as one batch and as batches of one.

    Raises:
        AssertionError: The verdicts, or what was read, differ from fastavro's.
    """
    head = header(catalog.current(record).id)
    values: list[bytes | None] = [head + one for one in bodies]
    together = decode_columns(record, values, REGISTRY)
    refused = {poison.index for poison in together.poison}
    assert {poison.reason for poison in together.poison} <= NAMED
    assert sorted([*refused, *together.kept.tolist()]) == list(range(len(values)))
    columns = together.batch.select(
        [f.name for f in layout_of(catalog.current(record).avro).fields]
    )
    rows = dict(zip(together.kept.tolist(), columns.to_pylist(), strict=True))
    for at, one in enumerate(bodies):
        expected = read(record, one)
        assert (expected is None) == (at in refused), (record, one, expected)
        if expected is not None:
            assert same(rows[at], coded(record, expected)), (record, one, rows[at], expected)


def read(record: str, one: bytes) -> dict[str, Any] | None:
    """A record as fastavro reads it; None if it is not exactly one, written the shortest way."""
    stream = io.BytesIO(one)
    try:
        fields: Any = fastavro.schemaless_reader(stream, PARSED[record], None)
        exact = stream.read(1) == b"" and body(record, fields) == one
        valid = fastavro.validation.validate(fields, PARSED[record], raise_errors=False)
    except Exception:  # noqa: BLE001 - whatever it raises, the bytes are no record
        return None
    return fields if exact and valid else None


def coded(record: str, fields: dict[str, Any]) -> dict[str, Any]:
    """A record with its enums as codes, as columns have them."""
    return _coded(fields, layout_of(catalog.current(record).avro).fields)


def _coded(fields: dict[str, Any], layouts: Any) -> dict[str, Any]:
    made = {}
    for field in layouts:
        value = fields[field.name]
        if field.kind is Kind.ENUM and value is not None:
            value = field.symbols.index(value)
        if field.kind is Kind.LIST and field.holds_records:
            value = [_coded(item, field.items) for item in value]
        made[field.name] = value
    return made


def same(one: Any, other: Any) -> bool:
    """Whether two records are equal, not-a-numbers included."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float):
        return bool(np.float64(one).tobytes() == np.float64(other).tobytes())
    return bool(one == other)
