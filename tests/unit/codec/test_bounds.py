"""Schemas that could end the process are refused before a byte is read."""

import json
from typing import Any

import pytest

from pipeline import topics
from pipeline.codec import catalog
from pipeline.codec.bounds import UnboundedError, refuse_unbounded
from pipeline.codec.inputs import decode_inputs
from pipeline.codec.reasons import Reason
from pipeline.codec.registry import FileRegistry, UnknownSchemaError
from pipeline.codec.wire import header
from tests.unit.codec.samples import PAYMENT, framed

OTHER_ID = 77


def record(kind: object) -> dict[str, Any]:
    return {"type": "record", "name": "Payment", "fields": [{"name": "more", "type": kind}]}


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
    ],
)
def test_a_schema_of_endless_records_is_refused(schema: dict[str, Any], error: str) -> None:
    with pytest.raises(UnboundedError, match=error):
        refuse_unbounded(schema)


@pytest.mark.parametrize("schema", catalog.committed(), ids=lambda schema: schema.record)
def test_the_committed_schemas_are_bounded(schema: catalog.CommittedSchema) -> None:
    refuse_unbounded(schema.avro)


class OneMore(FileRegistry):
    """The committed schemas and one that a producer has registered."""

    def __init__(self, avro: dict[str, Any]) -> None:
        super().__init__()
        self._other = json.dumps(avro)

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


def test_the_built_in_registry_knows_no_other_ids() -> None:
    with pytest.raises(UnknownSchemaError, match="no schema has id 77"):
        FileRegistry().schema(OTHER_ID)
