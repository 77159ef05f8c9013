"""Values whose schema does not fit columns: read one by one, written anew in the reader's."""

import io
import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from fastavro import parse_schema, schemaless_reader, schemaless_writer
from fastavro.validation import validate

from pipeline.codec.bounds import refuse_unbounded
from pipeline.codec.catalog import CommittedSchema
from pipeline.codec.reasons import Reason
from pipeline.codec.wire import HEADER_BYTES, header
from pipeline.factors.columns import Int64

NESTED_BYTES_MAX = 64 << 10
"""Of a record that is read on its own: what is read may take thousands of times as much."""

Refuse = Callable[[int, Reason, object], None]
_HAS_INTS = re.compile(r'"int"')


class DecodeError(ValueError):
    """The bytes are not exactly one record of the schema."""


def translate(
    values: list[bytes],
    positions: Int64,
    writer: str,
    reader: CommittedSchema,
    refuse: Refuse,
) -> tuple[list[bytes], Int64]:
    """Framed values of schema ``writer`` as framed values of ``reader``.

    Args:
        values: Framed values, all of the writer's schema.
        positions: Where each came from, shape (n_values,).
        writer: The writer's schema as JSON text.
        reader: The committed schema to write with.
        refuse: Told of each value that is not one whole record.

    Returns:
        The values that could be read, written anew, and where they came from.
    """
    written, kept = [], []
    for position, value in zip(positions, values, strict=True):
        try:
            fields = read_record(value[HEADER_BYTES:], writer, reader.text)
            body = write_record(fields, reader.text)
        except DecodeError as error:
            refuse(int(position), Reason.DECODE, error)
            continue
        written.append(header(reader.id) + body)
        kept.append(position)
    return written, np.array(kept, np.int64)


def find_unreadable(values: list[bytes], schema: str) -> dict[int, str]:
    """The framed values that are not one whole record of a schema, and why."""
    errors = {}
    for at, value in enumerate(values):
        try:
            read_record(value[HEADER_BYTES:], schema)
        except DecodeError as error:
            errors[at] = str(error)
    return errors


def read_record(body: bytes, writer: str, reader: str | None = None) -> dict[str, Any]:
    """One record; timestamps as milliseconds.

    Stricter than fastavro, which takes negative enum codes, any byte for a boolean and ints
    beyond 32 bits: the record written anew must give the same bytes, and its ints be such.

    Args:
        body: The record's bytes, without header.
        writer: The schema it was written with, as JSON text.
        reader: The schema to read it with; the writer's when None.

    Raises:
        DecodeError: The bytes are not exactly one record, or more than `NESTED_BYTES_MAX`.
    """
    if len(body) > NESTED_BYTES_MAX:
        raise DecodeError(f"{len(body)} bytes, more than {NESTED_BYTES_MAX} of such a schema")
    try:
        fields: Any = schemaless_reader(io.BytesIO(body), parsed(writer), None)
        again = write_record(fields, writer)
        if _HAS_INTS.search(writer):
            validate(fields, parsed(writer))
        if again == body and reader not in {None, writer}:
            fields = schemaless_reader(io.BytesIO(body), parsed(writer), parsed(reader))
    except Exception as error:  # fastavro raises all kinds on hostile bytes
        raise DecodeError(f"{type(error).__name__}: {error}") from error
    if again != body:
        raise DecodeError(f"{len(body)} bytes are not the {len(again)} of the record read")
    return dict(fields)


def write_record(fields: dict[str, Any], schema: str) -> bytes:
    """The body of one record; timestamps given as milliseconds."""
    out = io.BytesIO()
    schemaless_writer(out, parsed(schema), fields)
    return out.getvalue()


@lru_cache(maxsize=256)
def parsed(text: str) -> Any:
    """A schema for fastavro, without logical types: hostile times overflow its datetimes.

    Raises:
        UnboundedError: A few bytes may stand for a record of any size.
    """
    avro = json.loads(text)
    refuse_unbounded(avro)
    return parse_schema(_plain(avro))


def _plain(node: Any) -> Any:
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if isinstance(node, dict):
        return {key: _plain(item) for key, item in node.items() if key != "logicalType"}
    return node
