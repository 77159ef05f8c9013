"""Records off the wire that follow the contract: decoded, held to rules and to their keys."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.codec.columns import Columns
from pipeline.codec.decode import Poison, Readable, decode_columns
from pipeline.codec.reasons import Reason
from pipeline.codec.registry import SchemaRegistry
from pipeline.codec.resolve import Faults
from pipeline.factors.columns import Int64

FindBroken = Callable[[Columns], Faults]
"""The records of a batch that break a rule, with what is wrong."""
_KEY_NAMES = {"user_id": "user id"}


@dataclass(frozen=True, slots=True)
class Checked:
    """The good records of a batch by column, where they stood, and the others.

    ``kept`` are positions among the values given, ascending, shape (n_kept,); ``poison`` has
    the other records, by position.
    """

    columns: Columns
    kept: Int64
    poison: list[Poison]


def decode_checked(  # noqa: PLR0913 - what tells one kind of record from another
    record: str,
    keys: Sequence[bytes | None] | pa.BinaryArray,
    values: Sequence[bytes | None],
    registry: SchemaRegistry,
    find_broken: FindBroken,
    key_field: str = "user_id",
) -> Checked:
    """Decode one batch, every record kept or named as poison.

    Args:
        record: A committed record of one level, lists apart.
        keys: The records' keys, as many as values.
        values: The records' values in the wire format.
        registry: Knows the values' schemas.
        find_broken: The record's rules.
        key_field: The field that every record is keyed by.

    Raises:
        RegistryError: The registry cannot answer, which is no fault of the records.
        ValueError: There are not as many keys as values.
    """
    if len(keys) != len(values):
        raise ValueError(f"{len(keys)} keys for {len(values)} values")
    read = decode_columns(record, list(values), registry)
    own_keys = keys if isinstance(keys, pa.Array) else pa.array(keys, pa.binary())
    if len(read.kept) < len(keys):
        own_keys = own_keys.take(pa.array(read.kept))
    columns = read.columns
    return without_broken(read, find_broken(columns), _misplaced(own_keys, columns, key_field))


def without_broken(read: Readable, broken: Faults, misplaced: Faults) -> Checked:
    """What is left of a batch without records that break rules or are not under their key.

    Both are by position in the batch; of a record that is in both, the rule's error stands.
    """
    kept = read.kept
    if not broken and not misplaced:
        return Checked(read.columns, kept, read.poison)
    reasons = dict.fromkeys(misplaced, Reason.KEY_MISMATCH)
    reasons |= dict.fromkeys(broken, Reason.INVALID)
    errors = misplaced | broken
    found = (Poison(int(kept[at]), reasons[at], errors[at]) for at in errors)
    poison = sorted([*read.poison, *found], key=lambda p: p.index)
    good = np.ones(len(kept), np.bool_)
    good[list(errors)] = False
    return Checked(Columns(read.columns.batch.filter(pa.array(good))), kept[good], poison)


def _misplaced(keys: pa.BinaryArray, columns: Columns, key_field: str) -> Faults:
    """Records whose key is not what they are about."""
    ids = columns.texts(key_field).binary()
    if keys.equals(ids):
        return {}
    named = _KEY_NAMES.get(key_field, key_field)
    return {
        at: "no key" if key is None else f"key {key!r:.60} is not the {named} {own!r:.60}"
        for at, (key, own) in enumerate(zip(keys.to_pylist(), ids.to_pylist(), strict=True))
        if key != own
    }
