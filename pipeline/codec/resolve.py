"""From the schema a value was written with to the one the pipeline reads with.

Avro's schema resolution by column: fields by name, defaults for what the writer lacks, enum
symbols by name, null where the reader allows it. Lists are taken as they are.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa

from pipeline.codec.columns import Columns
from pipeline.codec.layout import FieldLayout, Kind, Layout, NotFlatError
from pipeline.factors.columns import Int64

Faults = dict[int, str]
"""What is wrong with a record, by its position in the batch; the first finding stands."""

_ARROW = {
    Kind.LONG: pa.int64(),
    Kind.INT: pa.int64(),
    Kind.ENUM: pa.int64(),
    Kind.BOOLEAN: pa.bool_(),
    Kind.DOUBLE: pa.float64(),
    Kind.STRING: pa.string(),
}
_PROMOTIONS = {(Kind.INT, Kind.LONG), (Kind.INT, Kind.DOUBLE), (Kind.LONG, Kind.DOUBLE)}
NO_CODE = -1
"""Stands for a writer's enum symbol that the reader does not know."""

Column = Callable[[Columns, Faults], pa.Array]


class IncompatibleError(ValueError):
    """Values of the writer's schema cannot be read with the reader's."""


@dataclass(frozen=True, slots=True)
class Projection:
    """How each of the reader's columns comes from the writer's batch, in reader order."""

    names: tuple[str, ...]
    columns: tuple[Column, ...]

    def __call__(self, batch: pa.RecordBatch, faults: Faults) -> pa.RecordBatch:
        """The batch in the reader's layout; records that cannot be read go to ``faults``."""
        columns = Columns(batch)
        arrays = [column(columns, faults) for column in self.columns]
        return pa.RecordBatch.from_arrays(arrays, names=list(self.names))


def project(writer: Layout, reader: Layout) -> Projection:
    """How to read batches written in one layout with another.

    Raises:
        IncompatibleError: No record of the writer's can be read.
        NotFlatError: It takes more than columns: a list's items differ, or it has a default.
    """
    written = {field.name: field for field in writer.fields}
    columns = []
    for field in reader.fields:
        names = (field.name, *field.avro.get("aliases", ()))
        source = next((written[name] for name in names if name in written), None)
        columns.append(_absent(field) if source is None else _present(source, field))
    return Projection(tuple(field.name for field in reader.fields), tuple(columns))


def _absent(field: FieldLayout) -> Column:
    if "default" not in field.avro:
        raise IncompatibleError(f"lacks {field.name}, which has no default")
    default = field.avro["default"]
    if field.kind is Kind.LIST and default:
        raise NotFlatError(f"{field.name} is not empty where it is not written")
    if field.kind is Kind.ENUM and default is not None:
        default = field.symbols.index(default)
    scalar = pa.scalar(default, _arrow(field))
    return lambda columns, _: pa.repeat(scalar, len(columns))


def _arrow(field: FieldLayout) -> pa.DataType:
    if field.kind is not Kind.LIST:
        return _ARROW[field.kind]
    items = [pa.field(item.name, _arrow(item)) for item in field.items]
    return pa.list_(pa.struct(items) if field.holds_records else items[0].type)


def _present(source: FieldLayout, field: FieldLayout) -> Column:
    if source.kind is not field.kind and (source.kind, field.kind) not in _PROMOTIONS:
        raise IncompatibleError(
            f"has {field.name} as {source.kind.value}, which is read as {field.kind.value}"
        )
    if field.kind is Kind.LIST and shape(source) != shape(field):
        raise NotFlatError(f"the items of {field.name} differ")
    convert = _converter(source, field)
    if source.nullable and not field.nullable:
        return _refusing_nulls(source.name, convert)
    return convert


def _converter(source: FieldLayout, field: FieldLayout) -> Column:
    if field.kind is Kind.ENUM and source.symbols != field.symbols:
        return _recoded(source, field)
    if field.kind is Kind.LIST:
        return lambda columns, _: columns.batch.column(source.name)
    target = _ARROW[field.kind]
    return lambda columns, _: columns.batch.column(source.name).cast(target)


def _recoded(source: FieldLayout, field: FieldLayout) -> Column:
    codes = _code_map(source.symbols, field.symbols, _enum_default(field))

    def column(columns: Columns, faults: Faults) -> pa.Array:
        valid = columns.valid_or_all(source.name)
        written = columns.longs(source.name)
        known = valid & (written >= 0) & (written < len(codes))
        read = np.where(known, codes[np.where(known, written, 0)], 0)
        for at in np.flatnonzero(known & (read == NO_CODE)):
            symbol = source.symbols[written[at]]
            faults.setdefault(int(at), f"{field.name} is {symbol}, which the reader does not know")
        return pa.array(np.maximum(read, 0), pa.int64(), mask=~valid)

    return column


def shape(field: FieldLayout) -> tuple[object, ...]:
    """What a field has on the wire; two of a shape are read alike."""
    items = tuple(shape(item) for item in field.items)
    return field.name, json.dumps(field.wire_type), field.symbols, items


def _refusing_nulls(name: str, convert: Column) -> Column:
    def column(columns: Columns, faults: Faults) -> pa.Array:
        valid = columns.valid_or_all(name)
        for at in np.flatnonzero(~valid):
            faults.setdefault(int(at), f"{name} is null, which the reader does not allow")
        return convert(columns, faults)

    return column


@cache
def _code_map(written: tuple[str, ...], read: tuple[str, ...], default: str | None) -> Int64:
    fallback = read.index(default) if default in read else NO_CODE
    codes = [read.index(symbol) if symbol in read else fallback for symbol in written]
    return np.array(codes, np.int64)


def _enum_default(field: FieldLayout) -> str | None:
    declared = field.avro["type"]
    branches = declared if isinstance(declared, list) else [declared]
    for branch in branches:
        if isinstance(branch, dict) and branch.get("type") == "enum":
            default: str | None = branch.get("default")
            return default
    return None
