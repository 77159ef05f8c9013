"""What the batch decoder does not notice: is each value exactly one well-formed record?

pyruhvro 0.4 raises on truncated values, negative lengths, wrong union branches and wrong
booleans, but it takes any bytes for text, ignores bytes after the record, and has no enum
to check here as those are read as integers. The rest is checked by column:

- A value's length is computed anew from the decoded columns. It differs from the real one
  exactly if bytes trail the record or an integer is written longer than it need be.
- Text is UTF-8, enum codes are within the symbols, ints within 32 bits.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from pipeline.codec.columns import Columns
from pipeline.codec.layout import FieldLayout, Kind, Layout
from pipeline.codec.lists import Items
from pipeline.codec.resolve import Faults
from pipeline.codec.wire import HEADER_BYTES
from pipeline.factors.columns import Int64

_FIXED_BYTES = {Kind.BOOLEAN: 1, Kind.DOUBLE: 8}
_ONE_BYTE_CODES = 64
"""Enum codes below take one byte."""
_INT_MAX = 2**31 - 1


def find_faults(columns: Columns, layout: Layout, value_bytes: Int64) -> Faults:
    """Malformed records among those decoded from values of these lengths in bytes."""
    faults: Faults = {}
    _check_fields(columns, layout.fields, faults)
    expected = HEADER_BYTES + body_bytes(columns, layout.fields)
    for at in np.flatnonzero(expected != value_bytes):
        faults.setdefault(
            int(at),
            f"{value_bytes[at]} bytes where the record takes {expected[at]}: "
            "bytes after the record, or an integer longer than it need be",
        )
    return faults


def _check_fields(columns: Columns, fields: Sequence[FieldLayout], faults: Faults) -> None:
    for field in fields:
        if field.kind is Kind.ENUM:
            _check_range(columns, field, 0, len(field.symbols) - 1, faults)
        elif field.kind is Kind.INT:
            _check_range(columns, field, -_INT_MAX - 1, _INT_MAX, faults)
        elif field.kind is Kind.STRING:
            _check_text(columns, field, faults)
        elif field.kind is Kind.LIST:
            _check_items(columns, field, faults)


def _check_items(columns: Columns, field: FieldLayout, faults: Faults) -> None:
    items = Items(columns.batch.column(field.name))
    found: Faults = {}
    _check_fields(items.columns, field.items, found)
    for at, owner in zip(found, items.owners(list(found)), strict=True):
        faults.setdefault(owner, f"{field.name}: {found[at]}")


def _check_range(columns: Columns, field: FieldLayout, low: int, high: int, faults: Faults) -> None:
    values = columns.longs(field.name)  # 0 where null, which every range here holds
    for at in np.flatnonzero((values < low) | (values > high)):
        faults.setdefault(int(at), f"{field.name} is {values[at]}, not within {low} to {high}")


def _check_text(columns: Columns, field: FieldLayout, faults: Faults) -> None:
    texts = columns.texts(field.name)
    if texts.ascii:
        return
    try:
        texts.array.validate(full=True)
    except pa.ArrowInvalid:
        for at, value in enumerate(texts.binary()):
            try:
                (value or b"").decode()
            except UnicodeDecodeError as error:
                faults.setdefault(at, f"{field.name} is not UTF-8: {error.reason}")


def body_bytes(columns: Columns, fields: Sequence[FieldLayout]) -> Int64:
    """Bytes each record takes in Avro's binary form, shape (n_records,).

    Integers take one byte per started 7 bits of their zigzag form (Avro specification,
    "Binary encoding"), texts their length as such an integer and their bytes. A list is one
    block, its count ahead of its items, and a zero; an empty one the zero alone.
    """
    total = np.zeros(len(columns), np.int64)
    zigzags = []
    for field in fields:
        if field.kind is Kind.LIST:
            items = Items(columns.batch.column(field.name))
            total += 1 + (items.counts > 0) + items.sums(body_bytes(items.columns, field.items))
            zigzags.append(items.counts.astype(np.uint64) << np.uint64(1))
            continue
        valid = columns.valid(field.name) if field.nullable else None
        size = _FIXED_BYTES.get(field.kind, 1)
        if field.kind is Kind.STRING:
            lengths = columns.texts(field.name).lengths
            total += lengths
            zigzags.append(lengths.astype(np.uint64) << np.uint64(1))
        elif field.kind not in _FIXED_BYTES and not _one_byte(field):
            values = columns.longs(field.name)
            zigzags.append(((values << 1) ^ (values >> 63)).view(np.uint64))
        # A null is its branch alone; its slot holds 0 or "", counted as one byte below.
        total += size + field.nullable
        if valid is not None:
            total -= np.where(valid, 0, size)
    return total + _further_bytes(zigzags, len(columns))


def _one_byte(field: FieldLayout) -> bool:
    return field.kind is Kind.ENUM and len(field.symbols) <= _ONE_BYTE_CODES


def _further_bytes(zigzags: list[np.ndarray[tuple[int], np.dtype[np.uint64]]], n: int) -> Int64:
    """Bytes beyond the first that the integers of each record take."""
    further = np.zeros(n, np.int64)
    stacked = np.array(zigzags, np.uint64).reshape(len(zigzags), n)
    largest = int(stacked.max(initial=0))
    for bits in range(7, 64, 7):
        if largest >> bits == 0:
            break
        further += (stacked >> np.uint64(bits) != 0).sum(axis=0)
    return further
