"""Consents by column for those who share scores: with partner, purpose and disclosure.

They are held to the same rules as in the pipeline, so that what it sends to the dead letters
grants nothing here either.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
import pyarrow as pa

from pipeline.codec.checked import decode_checked
from pipeline.codec.columns import Columns
from pipeline.codec.names import Names, names_of
from pipeline.codec.registry import SchemaRegistry
from pipeline.codec.rules import find_broken
from pipeline.factors.columns import Bool, Int64, UInt8
from pipeline.factors.layout import NO_TIME
from pipeline.factors.vocabulary import ConsentAction
from pipeline.topics import CONSENTS, DAY_MS

FUTURE_MS_MAX = DAY_MS
"""How far a consent may be ahead of its Kafka timestamp."""
NO_DISCLOSURE: Final = 255
"""Stands for null in disclosure columns."""


@dataclass(frozen=True, slots=True)
class ConsentReads:
    """The consents of a batch that follow the contract, in order of arrival.

    All columns have shape (n_kept,); ``kept`` are positions among the values given,
    ascending; ``refused`` counts the others.
    """

    kept: Int64
    users: list[str]
    occurred_at_ms: Int64
    grant: Bool  # else a withdrawal
    scope: UInt8  # Scope
    partners: Names
    purposes: Names
    disclosure: UInt8  # position in Avro's Disclosure; NO_DISCLOSURE: null
    expires_at_ms: Int64  # NO_TIME: null
    refused: int

    def __len__(self) -> int:
        """The number of good consents."""
        return len(self.users)


def decode_consents(
    keys: Sequence[bytes | None] | pa.BinaryArray,
    values: Sequence[bytes | None],
    timestamps_ms: Sequence[int] | Int64,
    registry: SchemaRegistry,
) -> ConsentReads:
    """Decode a batch of consents; those the pipeline refuses are left out and counted.

    Args:
        keys: The records' keys.
        values: The records' values in the wire format, as many.
        timestamps_ms: The records' Kafka timestamps, as many.
        registry: Knows the values' schemas.

    Raises:
        RegistryError: The registry cannot answer, which is no fault of the records.
        ValueError: There are not as many keys or timestamps as values.
    """
    if len(timestamps_ms) != len(values):
        raise ValueError(f"{len(timestamps_ms)} timestamps for {len(values)} values")
    record = str(CONSENTS.record)
    good = decode_checked(record, keys, values, registry, partial(find_broken, record))
    columns, kept = good.columns, good.kept
    latest_ms = np.asarray(timestamps_ms, np.int64)[kept] + FUTURE_MS_MAX
    in_time = columns.longs("occurred_at") <= latest_ms
    if not in_time.all():
        columns, kept = Columns(columns.batch.filter(pa.array(in_time))), kept[in_time]
    return _by_column(columns, kept, len(values) - len(kept))


def _by_column(columns: Columns, kept: Int64, refused: int) -> ConsentReads:
    return ConsentReads(
        kept=kept,
        users=columns.batch.column("user_id").to_pylist(),
        occurred_at_ms=columns.longs("occurred_at"),
        grant=columns.longs("action") == ConsentAction.GRANT,
        scope=columns.longs("scope").astype(np.uint8),
        partners=names_of(columns.batch.column("partner_id")),
        purposes=names_of(columns.batch.column("purpose")),
        disclosure=columns.longs_or("disclosure", NO_DISCLOSURE).astype(np.uint8),
        expires_at_ms=columns.longs_or("expires_at", NO_TIME),
        refused=refused,
    )
