"""Input records off the wire: decoded, checked against the contract, by column."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import pyarrow as pa

from pipeline.codec.arrivals import BUILDERS
from pipeline.codec.checked import decode_checked
from pipeline.codec.decode import Poison
from pipeline.codec.registry import SchemaRegistry
from pipeline.codec.rules import find_broken
from pipeline.factors.columns import EventColumns, Int32, Int64
from pipeline.topics import Topic

__all__ = ["Decoded", "Poison", "decode_inputs"]


@dataclass(frozen=True, slots=True)
class Decoded:
    """A batch of one topic.

    ``kept`` are the positions of the good records among the values given, ascending;
    ``user_ids`` has their user ids; ``columns_for`` takes each one's user index, shape
    (n_kept,), and gives the topic's columns; ``poison`` has the other records, by position.
    """

    kept: Int64
    user_ids: pa.Array
    columns_for: Callable[[Int32], EventColumns]
    poison: list[Poison]

    @property
    def users(self) -> list[str]:
        """The user ids, one by one."""
        users: list[str] = self.user_ids.to_pylist()
        return users


def decode_inputs(
    topic: Topic,
    keys: Sequence[bytes | None] | pa.BinaryArray,
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
    good = decode_checked(record, keys, values, registry, partial(find_broken, record))
    user_ids = good.columns.batch.column("user_id")
    return Decoded(good.kept, user_ids, partial(BUILDERS[record], good.columns), good.poison)
