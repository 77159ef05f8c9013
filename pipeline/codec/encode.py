"""Records to framed Avro values: a batch of columns at once, or one dict after the other."""

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyruhvro import serialize_record_batch

from pipeline.codec import catalog
from pipeline.codec.layout import ID_COLUMN, MAGIC_COLUMN, with_header, without_enums
from pipeline.codec.registry import SchemaRegistry
from pipeline.codec.translate import read_record, write_record
from pipeline.codec.wire import HEADER_BYTES, header, schema_id_of


def encode_columns(
    record: str, columns: Mapping[str, pa.Array], schema_id: int | NDArray[np.integer]
) -> list[bytes]:
    """Framed values of a batch, one per row.

    Args:
        record: A committed record; its current version is written.
        columns: A column per field, of equal length: enums as int64 codes in the order of the
            symbols, int as int32, long as int64, arrays as lists.
        schema_id: The id the registry gives that version, one for all or shape (n_rows,): the
            subjects of several topics may have several.

    Raises:
        ValueError: A column is missing or of another type.
    """
    rows = len(next(iter(columns.values())))
    # The header as Avro has it, see `layout`.
    ids_as_floats = np.full(rows, schema_id, ">u4").view(np.float32)
    framing = [pa.array(np.zeros(rows, np.bool_)), pa.array(ids_as_floats)]
    names = [MAGIC_COLUMN, ID_COLUMN, *columns]
    batch = pa.RecordBatch.from_arrays([*framing, *columns.values()], names)
    (framed,) = serialize_record_batch(batch, _wire_schema(record), 1)
    values: list[bytes] = framed.to_pylist()
    return values


@lru_cache(maxsize=64)
def _wire_schema(record: str) -> str:
    return json.dumps(with_header(without_enums(catalog.current(record).avro["fields"])))


def encode_records(
    subject: str, records: Iterable[Mapping[str, Any]], registry: SchemaRegistry
) -> list[bytes]:
    """Framed values of records given as dicts; enums as symbols, times in milliseconds.

    For producers of few records; a field with a default may be left out.

    Raises:
        RegistryError: The subject is none of the pipeline's or not registered, or the
            registry cannot answer.
        ValueError: A record does not fit its schema.
    """
    schema_id = registry.id_of(subject)
    schema = registry.schema(schema_id)
    head = header(schema_id)
    return [head + write_record(dict(fields), schema) for fields in records]


def decode_record(value: bytes, registry: SchemaRegistry) -> dict[str, Any]:
    """One framed value as a dict, as it was written; enums as symbols, times in milliseconds.

    For readers of few records: partners, commands, the person's page.

    Raises:
        WireFormatError: The value is not in the wire format.
        UnknownSchemaError: The registry does not know the schema id.
        RegistryError: The registry cannot answer.
        DecodeError: The body is not one whole record of that schema.
    """
    return read_record(value[HEADER_BYTES:], registry.schema(schema_id_of(value)))
