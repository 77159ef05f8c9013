"""The fields of framed records, read by fastavro alone."""

import io
import json
from functools import cache
from typing import Any

import fastavro

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


def _without_logical_types(node: Any) -> Any:
    if isinstance(node, list):
        return [_without_logical_types(item) for item in node]
    if isinstance(node, dict):
        return {k: _without_logical_types(v) for k, v in node.items() if k != "logicalType"}
    return node
