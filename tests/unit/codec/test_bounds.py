"""Schemas that could end the process are refused before a byte is read."""

import copy
import json
from typing import Any

import pytest

from pipeline import topics
from pipeline.codec import catalog
from pipeline.codec.bounds import DEPTH_MAX, UnboundedError, refuse_unbounded
from pipeline.codec.inputs import decode_inputs
from pipeline.codec.reasons import Reason
from pipeline.codec.registry import FileRegistry, UnknownSchemaError
from pipeline.codec.translate import NESTED_BYTES_MAX, write_record
from pipeline.codec.wire import header
from tests.unit.codec.samples import PAYMENT, framed

OTHER_ID = 77


def record(kind: object) -> dict[str, Any]:
    return {"type": "record", "name": "Payment", "fields": [{"name": "more", "type": kind}]}


def nested(levels: int) -> dict[str, Any]:
    kind: Any = "int"
    for level in range(levels):
        kind = {"type": "record", "name": f"L{level}", "fields": [{"name": "f", "type": kind}]}
    return record(kind)


def named(levels: int) -> dict[str, Any]:
    """Levels that stand side by side, each naming the one before."""
    kinds: list[Any] = []
    for level in range(levels):
        inner = f"L{level - 1}" if level else "int"
        kinds.append(
            {"type": "record", "name": f"L{level}", "fields": [{"name": "f", "type": inner}]}
        )
    fields = [{"name": f"f{at}", "type": kind} for at, kind in enumerate(kinds)]
    return {"type": "record", "name": "Payment", "fields": fields}


NULLS = {
    "type": "record",
    "name": "Nulls",
    "fields": [{"name": f"n{at}", "type": "null"} for at in range(300)],
}
EMPTY = {"type": "record", "name": "Empty", "fields": []}
RECURSIVE = record(["null", "Payment"])
WEIGHTLESS = record({"type": "array", "items": "null"})


@pytest.mark.parametrize(
    ("schema", "error"),
    [
        (RECURSIVE, "is recursive: Payment within itself"),
        (record({"type": "map", "values": "Payment"}), "is recursive"),
        (record({"type": "array", "items": ["null", "Payment"]}), "is recursive"),
        (WEIGHTLESS, "has an array of items that take no bytes"),
        (record({"type": "array", "items": EMPTY}), "that take no bytes"),
        (
            record({"type": "array", "items": {"type": "fixed", "name": "F", "size": 0}}),
            "that take no bytes",
        ),
        (record({"type": "array", "items": ["null", NULLS]}), "has parts that take no bytes"),
        (record({"type": "map", "values": EMPTY}), "has parts that take no bytes"),
        (nested(DEPTH_MAX), f"is nested deeper than {DEPTH_MAX} levels"),
        (named(DEPTH_MAX + 1), f"is nested deeper than {DEPTH_MAX} levels"),
        (nested(200), "is nested deeper"),
    ],
)
def test_a_schema_of_endless_records_is_refused(schema: dict[str, Any], error: str) -> None:
    with pytest.raises(UnboundedError, match=error):
        refuse_unbounded(schema)


@pytest.mark.parametrize("schema", [nested(DEPTH_MAX - 1), named(DEPTH_MAX - 1)])
def test_a_schema_of_some_levels_is_none_of_them(schema: dict[str, Any]) -> None:
    refuse_unbounded(schema)


@pytest.mark.parametrize("schema", catalog.committed(), ids=lambda schema: schema.record)
def test_the_committed_schemas_are_bounded(schema: catalog.CommittedSchema) -> None:
    refuse_unbounded(schema.avro)


class OneMore(FileRegistry):
    """The committed schemas and one that a producer has registered."""

    def __init__(self, avro: dict[str, Any] | str) -> None:
        super().__init__()
        self._other = avro if isinstance(avro, str) else json.dumps(avro)

    def schema(self, schema_id: int) -> str:
        return self._other if schema_id == OTHER_ID else super().schema(schema_id)


@pytest.mark.parametrize(
    ("schema", "body"),
    [
        (RECURSIVE, b"\x02" * 100_000 + b"\0"),
        (WEIGHTLESS, b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01\0"),
    ],
)
def test_values_that_would_end_the_process_are_poison(schema: dict[str, Any], body: bytes) -> None:
    good = framed("payments", PAYMENT)
    values = [good, header(OTHER_ID) + body, good]
    decoded = decode_inputs(topics.PAYMENTS, [b"ann"] * 3, values, OneMore(schema))
    assert decoded.kept.tolist() == [0, 2]
    assert [p.reason for p in decoded.poison] == [Reason.DECODE]


@pytest.mark.parametrize(
    "schema",
    [
        "",
        "[" * 100_000,
        "7",
        '{"type": "record"}',
        '{"type": "record", "name": "Payment"}',
        '{"type": "record", "name": 7, "fields": []}',
        '{"type": "record", "name": "Payment", "fields": [1]}',
        json.dumps(record(None)),
        json.dumps(record("nonsense")),
        json.dumps(record({"type": "array"})),
        json.dumps(record([["null"], "int"])),
    ],
)
def test_values_of_a_schema_that_is_none_are_poison(schema: str) -> None:
    good = framed("payments", PAYMENT)
    decoded = decode_inputs(
        topics.PAYMENTS, [b"ann"] * 2, [good, header(OTHER_ID) + b"x"], OneMore(schema)
    )
    assert decoded.kept.tolist() == [0]
    assert [p.reason for p in decoded.poison] == [Reason.DECODE]


def test_a_large_value_of_a_nested_schema_is_poison() -> None:
    avro = copy.deepcopy(catalog.current("Payment").avro)
    avro["fields"].append({"name": "more", "type": {"type": "map", "values": "int"}})
    few = write_record(PAYMENT | {"more": {"a": 1}}, json.dumps(avro))
    many = write_record(
        PAYMENT | {"more": {str(at): at for at in range(NESTED_BYTES_MAX)}}, json.dumps(avro)
    )
    values = [header(OTHER_ID) + few, header(OTHER_ID) + many]
    decoded = decode_inputs(topics.PAYMENTS, [b"ann"] * 2, values, OneMore(avro))
    assert decoded.kept.tolist() == [0]
    assert "of such a schema" in decoded.poison[0].error


def test_the_built_in_registry_knows_no_other_ids() -> None:
    with pytest.raises(UnknownSchemaError, match="no schema has id 77"):
        FileRegistry().schema(OTHER_ID)
