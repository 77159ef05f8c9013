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
from pipeline.codec.layout import FieldLayout, Kind
from pipeline.codec.lists import Items
from pipeline.codec.resolve import Faults
from pipeline.codec.wire import HEADER_BYTES
from pipeline.factors.columns import Bool, Int64

_FIXED_BYTES = {Kind.BOOLEAN: 1, Kind.DOUBLE: 8}
_INT_MAX = 2**31 - 1
_LONGER_FROM = np.left_shift(np.uint64(1), np.arange(7, 64, 7, dtype=np.uint64))
"""The zigzag forms from which on an integer takes one more byte."""


class Structure:
    """What records of certain fields hold on the wire; made once for all batches of a schema."""

    def __init__(self, fields: Sequence[FieldLayout]) -> None:
        """Take the fields of a record, or of a list's items."""
        self._fields = fields
        self._ranges = {f.name: _range_of(f) for f in fields if f.kind in {Kind.INT, Kind.ENUM}}
        longs = [f.name for f in fields if f.kind is Kind.LONG]
        self._integers = [*self._ranges, *longs]
        self._bounds = np.array([*self._ranges.values()], np.int64).reshape(-1, 2)
        self._texts = [f.name for f in fields if f.kind is Kind.STRING]
        self._lists = {f.name: Structure(f.items) for f in fields if f.kind is Kind.LIST}
        sizes = {f.name: _FIXED_BYTES.get(f.kind, 1) for f in fields}
        self._nullable = {f.name: sizes[f.name] for f in fields if f.nullable}
        self._least_bytes = sum(sizes.values()) + len(self._nullable)

    def find_faults(self, columns: Columns, value_bytes: Int64) -> Faults:
        """Malformed records among those decoded from values of these lengths in bytes."""
        numbers = self.numbers(columns)
        faults: Faults = {}
        if self._doubtful(columns, numbers):
            self.check_fields(columns, faults)
        expected = HEADER_BYTES + self.body_bytes(columns, numbers)
        for at in (expected != value_bytes).nonzero()[0]:
            faults.setdefault(
                int(at),
                f"{value_bytes[at]} bytes where the record takes {expected[at]}: "
                "bytes after the record, or an integer longer than it need be",
            )
        return faults

    def numbers(self, columns: Columns) -> Int64:
        """The integers, those with a range first, then the lengths of texts; a row per field.

        Null is 0, which every range holds.
        """
        rows = [columns.longs(name) for name in self._integers]
        lengths = [columns.texts(name).lengths for name in self._texts]
        shape = len(rows) + len(lengths), len(columns)
        return np.array([*rows, *lengths], np.int64).reshape(shape)

    def _doubtful(self, columns: Columns, numbers: Int64) -> bool:
        """Whether a field may hold what it must not: one look for all of them."""
        ranged = numbers[: len(self._bounds)]
        return (
            bool(self._lists)
            or not all(columns.texts(name).ascii for name in self._texts)
            or bool(_outside(ranged, self._bounds[:, :1], self._bounds[:, 1:]).any())
        )

    def check_fields(self, columns: Columns, faults: Faults) -> None:
        """Note what fields hold that they must not, one by one."""
        for field in self._fields:
            if field.name in self._ranges:
                _check_range(columns, field.name, self._ranges[field.name], faults)
            elif field.kind is Kind.STRING:
                _check_text(columns, field.name, faults)
            elif field.kind is Kind.LIST:
                self._check_items(columns, field.name, faults)

    def _check_items(self, columns: Columns, name: str, faults: Faults) -> None:
        items = Items(columns.batch.column(name))
        found: Faults = {}
        self._lists[name].check_fields(items.columns, found)
        for at, owner in zip(found, items.owners(list(found)), strict=True):
            faults.setdefault(owner, f"{name}: {found[at]}")

    def body_bytes(self, columns: Columns, numbers: Int64) -> Int64:
        """Bytes each record takes in Avro's binary form, shape (n_records,).

        Integers take one byte per started 7 bits of their zigzag form (Avro specification,
        "Binary encoding"), texts their length as such an integer and their bytes. A null is its
        branch alone. A list is one block, its count ahead of its items, and a zero; an empty one
        the zero alone.
        """
        lengths = numbers[len(self._integers) :]
        total: Int64 = self._least_bytes + _further_bytes(numbers) + np.add.reduce(lengths, axis=0)
        for name, size in self._nullable.items():
            valid = columns.valid(name)
            if valid is not None:
                total -= np.where(valid, 0, size)
        for name, structure in self._lists.items():
            items = Items(columns.batch.column(name))
            each = structure.body_bytes(items.columns, structure.numbers(items.columns))
            total += (items.counts > 0) + _further_bytes(items.counts[None]) + items.sums(each)
        return total


def _range_of(field: FieldLayout) -> tuple[int, int]:
    return (0, len(field.symbols) - 1) if field.kind is Kind.ENUM else (-_INT_MAX - 1, _INT_MAX)


def _outside(values: Int64, low: int | Int64, high: int | Int64) -> Bool:
    outside: Bool = (values < low) | (values > high)
    return outside


def _check_range(columns: Columns, name: str, bounds: tuple[int, int], faults: Faults) -> None:
    low, high = bounds
    values = columns.longs(name)  # 0 where null, which every range here holds
    for at in np.flatnonzero(_outside(values, low, high)):
        faults.setdefault(int(at), f"{name} is {values[at]}, not within {low} to {high}")


def _check_text(columns: Columns, name: str, faults: Faults) -> None:
    texts = columns.texts(name)
    if texts.ascii:
        return
    try:
        texts.array.validate(full=True)
    except pa.ArrowInvalid:
        for at, value in enumerate(texts.binary().to_pylist()):
            try:
                (value or b"").decode()
            except UnicodeDecodeError as error:
                faults.setdefault(at, f"{name} is not UTF-8: {error.reason}")


def _further_bytes(numbers: Int64) -> Int64:
    """Bytes beyond the first that integers take, summed by column; shape (n_fields, n)."""
    zigzags = ((numbers << 1) ^ (numbers >> 63)).view(np.uint64)
    further: Int64 = np.add.reduce(_LONGER_FROM.searchsorted(zigzags, "right"), axis=0)
    return further
