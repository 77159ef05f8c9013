"""Input records off the wire: decoded, checked against the contract, by column."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa

from pipeline.codec.arrivals import BUILDERS
from pipeline.codec.columns import Columns
from pipeline.codec.decode import Poison, decode_columns
from pipeline.codec.reasons import Reason
from pipeline.codec.registry import SchemaRegistry
from pipeline.codec.resolve import Faults
from pipeline.codec.rules import find_broken
from pipeline.factors.columns import EventColumns, Int32, Int64
from pipeline.topics import Topic

__all__ = ["Decoded", "Poison", "decode_inputs"]


@dataclass(frozen=True, slots=True)
class Decoded:
    """A batch of one topic.

    ``kept`` are the positions of the good records among the values given, ascending;
    ``users`` has their user ids; ``columns_for`` takes each one's user index, shape
    (n_kept,), and gives the topic's columns; ``poison`` has the other records, by position.
    """

    kept: Int64
    users: list[str]
    columns_for: Callable[[Int32], EventColumns]
    poison: list[Poison]


def decode_inputs(
    topic: Topic,
    keys: Sequence[bytes | None],
    values: Sequence[bytes | None],
    registry: SchemaRegistry,
) -> Decoded:
    """Decode one batch of an input topic, every record kept or named as poison.

    Args:
        topic: One of ``topics.INPUTS``.
        keys: The records' keys, as many as values.
        values: The records' values in the wire format.
        registry: Knows the values' schemas.

    Raises:
        RegistryError: The registry cannot answer, which is no fault of the records.
        ValueError: The topic carries no input record, or there are not as many keys as values.
    """
    record = topic.record
    if record is None or record not in BUILDERS:
        raise ValueError(f"{topic.name} carries no input record")
    if len(keys) != len(values):
        raise ValueError(f"{len(keys)} keys for {len(values)} values")
    read = decode_columns(record, list(values), registry)
    batch, kept, poison = read.batch, read.kept, read.poison
    columns = Columns(batch)
    own_keys = list(keys) if len(kept) == len(keys) else [keys[i] for i in kept]
    broken = find_broken(record, columns)
    misplaced = _misplaced(own_keys, columns)
    if broken or misplaced:
        reasons = dict.fromkeys(misplaced, Reason.KEY_MISMATCH)
        reasons |= dict.fromkeys(broken, Reason.INVALID)
        errors = misplaced | broken
        poison = [*poison, *(Poison(int(kept[at]), reasons[at], errors[at]) for at in errors)]
        poison.sort(key=lambda p: p.index)
        good = np.ones(len(kept), np.bool_)
        good[list(errors)] = False
        columns, kept = Columns(batch.filter(pa.array(good))), kept[good]
    users: list[str] = columns.batch.column("user_id").to_pylist()
    return Decoded(kept, users, partial(BUILDERS[record], columns), poison)


def _misplaced(keys: list[bytes | None], columns: Columns) -> Faults:
    """Records whose key is not their user id."""
    ids = columns.batch.column("user_id").cast(pa.binary())
    if pa.array(keys, pa.binary()).equals(ids):
        return {}
    return {
        at: "no key" if key is None else f"key {key!r:.60} is not the user id {user!r:.60}"
        for at, (key, user) in enumerate(zip(keys, ids.to_pylist(), strict=True))
        if key != user
    }
