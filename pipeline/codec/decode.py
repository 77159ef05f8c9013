"""Framed Avro values to one batch of columns, with every record that does not decode named."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
from pyruhvro import deserialize_array

from pipeline.codec import catalog
from pipeline.codec.bounds import UnboundedError, refuse_unbounded
from pipeline.codec.columns import Columns
from pipeline.codec.layout import (
    ID_COLUMN,
    MAGIC_COLUMN,
    Layout,
    NotFlatError,
    layout_of,
)
from pipeline.codec.malformed import find_malformed
from pipeline.codec.reasons import Reason
from pipeline.codec.registry import RegistryError, SchemaRegistry, UnknownSchemaError, parse
from pipeline.codec.resolve import Faults, IncompatibleError, Projection, project, shape
from pipeline.codec.structure import Structure
from pipeline.codec.translate import find_unreadable, parsed, translate
from pipeline.codec.wire import WireFormatError, schema_id_of
from pipeline.factors.columns import Int64

BATCH_BYTES_MAX = 256 << 20
"""Values decoded in one call: text columns have 32-bit offsets, beyond 2 GiB pyruhvro panics."""


@dataclass(frozen=True, slots=True)
class Poison:
    """A value that is no good: its position among the values given, and why."""

    index: int
    reason: Reason
    error: str


@dataclass(frozen=True, slots=True)
class Readable:
    """What decoded: columns in the layout of ``record``, and where their rows came from.

    ``kept`` are positions among the values given, ascending; ``poison`` the others.
    """

    columns: Columns
    kept: Int64
    poison: list[Poison]

    @property
    def batch(self) -> pa.RecordBatch:
        """The columns as Arrow has them."""
        return self.columns.batch


@dataclass(frozen=True, slots=True)
class _Writer:
    """How values were written."""

    layout: Layout
    structure: Structure


@dataclass(frozen=True, slots=True)
class _Plan:
    """How values of one writer's schema become the reader's columns.

    ``writer`` is None when its records do not fit columns, ``projection`` when nothing changes.
    """

    reader: Layout
    writer: _Writer | None
    projection: Projection | None
    text: str


@dataclass(slots=True)
class _Collected:
    """Rows and poison found so far."""

    batches: list[pa.RecordBatch] = field(default_factory=list)
    indexes: list[Int64] = field(default_factory=list)
    poison: list[Poison] = field(default_factory=list)

    def refuse(self, index: int, reason: Reason, error: object) -> None:
        self.poison.append(Poison(int(index), reason, str(error)))


def decode_columns(record: str, values: list[bytes | None], registry: SchemaRegistry) -> Readable:
    """Decode framed values to the columns of the current version of ``record``.

    Most batches are of one schema and all good: those take one call of the decoder. Others
    are grouped by schema, and what is malformed is found before the rest is decoded.

    Raises:
        RegistryError: The registry cannot answer, which is no fault of the values.
    """
    whole = _decode_uniform(record, values, registry)
    if whole is not None:
        return Readable(whole, np.arange(len(values)), [])
    collected = _Collected()
    for schema_id, indexes in _by_schema(values, collected).items():
        _decode_group(record, schema_id, values, indexes, registry, collected)
    return _assemble(layout_of(catalog.current(record).avro), collected)


def _decode_uniform(
    record: str, values: list[bytes | None], registry: SchemaRegistry
) -> Columns | None:
    """The columns if all values are good ones of the current schema; None otherwise."""
    try:
        schema_id = schema_id_of(values[0] if values else None)
        plan = _plan(record, registry.schema(schema_id))
        value_bytes = _lengths(values)  # type: ignore[arg-type] # a null has none
    except (WireFormatError, UnknownSchemaError, IncompatibleError, TypeError):
        return None
    if plan.writer is None or plan.projection or value_bytes.sum() > BATCH_BYTES_MAX:
        return None
    try:
        columns = Columns(deserialize_array(values, plan.writer.layout.framed))
    except ValueError:
        return None
    structure = plan.writer.structure
    if not _all_under(schema_id, columns) or structure.find_faults(columns, value_bytes):
        return None
    return columns


def _all_under(schema_id: int, columns: Columns) -> bool:
    """Whether every value has the magic byte and this schema id."""
    magic, ids = columns.batch.column(MAGIC_COLUMN), columns.batch.column(ID_COLUMN)
    named = ids.buffers()[1].to_pybytes()
    return not magic.true_count and named.startswith(schema_id.to_bytes(4, "big") * len(ids))


def _by_schema(values: list[bytes | None], collected: _Collected) -> dict[int, list[int]]:
    groups: dict[int, list[int]] = {}
    for index, value in enumerate(values):
        try:
            groups.setdefault(schema_id_of(value), []).append(index)
        except WireFormatError as error:
            collected.refuse(index, Reason.WIRE_FORMAT, error)
    return groups


def _decode_group(  # noqa: PLR0913 - what the call above has at hand
    record: str,
    schema_id: int,
    values: list[bytes | None],
    indexes: list[int],
    registry: SchemaRegistry,
    collected: _Collected,
) -> None:
    group = [values[index] or b"" for index in indexes]
    positions = np.array(indexes, np.int64)
    try:
        plan = _plan(record, registry.schema(schema_id))
    except UnknownSchemaError as error:
        for index in indexes:
            collected.refuse(index, Reason.UNKNOWN_SCHEMA, error)
        return
    except IncompatibleError as error:
        for index in indexes:
            collected.refuse(index, Reason.DECODE, f"schema {schema_id} {error}")
        return
    if plan.writer is None:
        current = catalog.current(record)
        group, positions = translate(group, positions, plan.text, current, collected.refuse)
        plan = _plan(record, current.text)
    _decode_flat(group, positions, plan, collected)


def _decode_flat(group: list[bytes], positions: Int64, plan: _Plan, collected: _Collected) -> None:
    assert plan.writer is not None  # noqa: S101 - others were translated
    for part in _parts(group):
        values, places = group[part], positions[part]
        try:
            batch = deserialize_array(values, plan.writer.layout.framed)
        except ValueError:
            bad = _find_malformed(values, plan)
            for at, error in bad.items():
                collected.refuse(places[at], Reason.DECODE, error)
            good = [at for at in range(len(values)) if at not in bad]
            values, places = [values[at] for at in good], places[good]
            batch = deserialize_array(values, plan.writer.layout.framed)
        _collect(batch, places, _lengths(values), plan, collected)


def _find_malformed(values: list[bytes], plan: _Plan) -> dict[int, str]:
    assert plan.writer is not None  # noqa: S101 - others were translated
    if plan.writer.layout.flat:
        return find_malformed(values, plan.writer.layout)
    return find_unreadable(values, plan.text)


def _parts(group: list[bytes]) -> Iterator[slice]:
    """Cuts of at most `BATCH_BYTES_MAX` bytes, or one value."""
    start, taken = 0, 0
    for at, size in enumerate(map(len, group)):
        if taken and taken + size > BATCH_BYTES_MAX:
            yield slice(start, at)
            start, taken = at, 0
        taken += size
    yield slice(start, len(group))


def _lengths(values: list[bytes]) -> Int64:
    return np.fromiter(map(len, values), np.int64, len(values))


def _collect(
    batch: pa.RecordBatch,
    positions: Int64,
    value_bytes: Int64,
    plan: _Plan,
    collected: _Collected,
) -> None:
    assert plan.writer is not None  # noqa: S101 - others were translated
    faults: Faults = plan.writer.structure.find_faults(Columns(batch), value_bytes)
    if faults:
        batch, positions = _without(batch, positions, faults, collected)
    if plan.projection is None:
        batch = batch.select([f.name for f in plan.reader.fields])
    else:
        faults = {}
        batch = plan.projection(batch, faults)
        batch, positions = _without(batch, positions, faults, collected)
    collected.batches.append(batch)
    collected.indexes.append(positions)


def _without(
    batch: pa.RecordBatch, positions: Int64, faults: Faults, collected: _Collected
) -> tuple[pa.RecordBatch, Int64]:
    good = np.ones(len(positions), np.bool_)
    for at, error in faults.items():
        good[at] = False
        collected.refuse(positions[at], Reason.DECODE, error)
    return batch.filter(pa.array(good)), positions[good]


def _assemble(reader: Layout, collected: _Collected) -> Readable:
    collected.poison.sort(key=lambda p: p.index)
    if not collected.batches:
        empty = deserialize_array([], reader.framed)
        return Readable(Columns(empty), np.zeros(0, np.int64), collected.poison)
    kept = np.concatenate(collected.indexes)
    order = np.argsort(kept)
    plain = [pa.RecordBatch.from_arrays(b.columns, names=b.schema.names) for b in collected.batches]
    batch = pa.concat_batches(plain).take(pa.array(order))
    return Readable(Columns(batch), kept[order], collected.poison)


@lru_cache(maxsize=256)
def _plan(record: str, text: str) -> _Plan:
    try:
        return _planned(record, text)
    except IncompatibleError:
        raise
    except Exception as error:  # a registry may hold anything, and that is no end of the worker
        raise IncompatibleError(f"is no schema: {type(error).__name__}: {error}") from error


def _planned(record: str, text: str) -> _Plan:
    reader = layout_of(catalog.current(record).avro)
    written = _written(text)
    if written["name"].rpartition(".")[2] != reader.name:
        raise IncompatibleError(f"is {written['name']}, the topic carries {reader.name}")
    try:
        writer = layout_of(written)
        projection = project(writer, reader)
    except NotFlatError:
        parsed(text)  # refused once, not by each of its values
        return _Plan(reader, None, None, text)
    same = list(map(shape, writer.fields)) == list(map(shape, reader.fields))
    written_so = _Writer(writer, Structure(writer.fields))
    return _Plan(reader, written_so, None if same else projection, text)


def _written(text: str) -> dict[str, Any]:
    try:
        avro = parse(text)
        refuse_unbounded(avro)
    except (RegistryError, UnboundedError) as error:
        raise IncompatibleError(str(error)) from error
    return avro
