"""What sharing publishes, in the wire format: to partners, to people, to the pipeline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline import topics
from pipeline.codec.encode import encode_columns, encode_records
from pipeline.codec.names import NO_NAME, Names
from pipeline.codec.registry import SchemaRegistry
from pipeline.factors.columns import Bool, Int64, UInt8

Integers = NDArray[np.integer]
Texts = Sequence[str] | NDArray[np.bytes_]
"""Texts one by one, or UTF-8 in fixed width, shape (n,)."""
NO_CODE: Final = 255
"""Stands for null in columns of nullable enums."""


@dataclass(frozen=True, slots=True)
class Reasons:
    """Reason codes: of record i ``names[codes[i]]``, codes of shape (n, any); `NO_NAME`: none."""

    codes: Integers
    names: Sequence[str]


@dataclass(frozen=True, slots=True)
class PartnerScoreColumns:
    """PartnerScore records by column, n of them, of any partners.

    Enum columns hold positions in the Avro enums; a band may be `NO_CODE`.
    """

    subjects: Texts
    partners: Names
    purposes: Names
    disclosure: UInt8
    admitted: UInt8
    band: UInt8
    score: Integers  # 0: null
    threshold: Integers
    reasons: Reasons
    models: Names
    as_of_ms: Int64
    grant_expires_at_ms: Int64  # 0 or NO_TIME: null
    sequence: Integers

    def __len__(self) -> int:
        """The number of records."""
        return len(self.subjects)


@dataclass(frozen=True, slots=True)
class DisclosedColumns:
    """Disclosed records by column, n of them.

    Enum columns hold positions in the Avro enums; disclosure, admitted and band may be
    `NO_CODE`.
    """

    event_ids: Texts
    users: Sequence[str]
    occurred_at_ms: int | Int64  # one for all or shape (n,)
    partners: Names
    purposes: Names
    subjects: Texts
    kind: UInt8
    cause: UInt8
    disclosure: UInt8
    admitted: UInt8
    band: UInt8
    score: Integers  # 0: null
    threshold: Integers  # 0: null
    reasons: Reasons
    sequence: Integers  # 0: null

    def __len__(self) -> int:
        """The number of records."""
        return len(self.users)


def encode_partner_scores(columns: PartnerScoreColumns, registry: SchemaRegistry) -> list[bytes]:
    """PartnerScore records in the wire format, each for its partner's topic.

    Raises:
        RegistryError: The registry cannot answer, or lacks the schema of a partner's topic.
        ValueError: The columns differ in length, or a partner, purpose or model is not named.
    """
    if not len(columns):
        return []
    score, expires = columns.score, columns.grant_expires_at_ms
    fields = {
        "subject": _texts(columns.subjects),
        "partner_id": _named(columns.partners),
        "purpose": _named(columns.purposes),
        "disclosure": _longs(columns.disclosure),
        "admitted": _longs(columns.admitted),
        "band": _longs(columns.band, columns.band == NO_CODE),
        "score": _ints(score, score == 0),
        "threshold": _ints(columns.threshold),
        "reasons": _reasons(columns.reasons),
        "model": _named(columns.models),
        "as_of": _longs(columns.as_of_ms),
        "grant_expires_at": _longs(expires, expires <= 0),
        "sequence": _longs(columns.sequence),
    }
    return encode_columns("PartnerScore", fields, _schema_ids(columns.partners, registry))


def encode_disclosures(columns: DisclosedColumns, registry: SchemaRegistry) -> list[bytes]:
    """Disclosed records in the wire format, to be keyed by ``users``.

    Raises:
        RegistryError: The registry cannot answer or lacks the schema.
        ValueError: The columns differ in length, or a partner or purpose is not named.
    """
    n = len(columns)
    if not n:
        return []
    fields = {
        "event_id": _texts(columns.event_ids),
        "user_id": pa.array(columns.users, pa.string()),
        "occurred_at": _longs(np.broadcast_to(columns.occurred_at_ms, n)),
        "partner_id": _named(columns.partners),
        "purpose": _named(columns.purposes),
        "subject": _texts(columns.subjects),
        "kind": _longs(columns.kind),
        "cause": _longs(columns.cause),
        "disclosure": _longs(columns.disclosure, columns.disclosure == NO_CODE),
        "admitted": _longs(columns.admitted, columns.admitted == NO_CODE),
        "band": _longs(columns.band, columns.band == NO_CODE),
        "score": _ints(columns.score, columns.score == 0),
        "threshold": _ints(columns.threshold, columns.threshold == 0),
        "reasons": _reasons(columns.reasons),
        "sequence": _longs(columns.sequence, columns.sequence == 0),
    }
    return encode_columns("Disclosed", fields, registry.id_of(topics.DISCLOSURES.subject))


def encode_obligations(rows: Sequence[Mapping[str, Any]], registry: SchemaRegistry) -> list[bytes]:
    """Obligation records in the wire format, to be keyed by their ``user_id``.

    Args:
        rows: Their fields: those of a PartnerOutcome with ``user_id`` and ``partner_id``;
            fields that an Obligation has not, as ``subject``, are left out.
        registry: Gives the schema's id.

    Raises:
        RegistryError: The registry cannot answer or lacks the schema.
        ValueError: A row does not fit the schema.
    """
    return encode_records(topics.OBLIGATIONS.subject, rows, registry) if rows else []


def _schema_ids(partners: Names, registry: SchemaRegistry) -> NDArray[np.int64]:
    """The id each record is written with: every partner's topic is a subject of its own."""
    ids = np.zeros(len(partners.names), np.int64)
    for code in np.unique(partners.codes).tolist():
        ids[code] = registry.id_of(topics.partner_scores(partners.names[code]).subject)
    return ids[partners.codes]


def _texts(texts: Texts) -> pa.Array:
    if not isinstance(texts, np.ndarray):
        return pa.array(texts, pa.string())
    width = texts.dtype.itemsize
    data = np.ascontiguousarray(texts)
    if len(data) and (data.view(np.uint8)[width - 1 :: width] == 0).any():
        # Some are shorter than the others.
        return pa.array(data.tolist(), pa.binary()).cast(pa.string())
    ends = np.arange(len(data) + 1, dtype=np.int32) * np.int32(width)
    return pa.StringArray.from_buffers(len(data), pa.py_buffer(ends), pa.py_buffer(data))


def _named(column: Names) -> pa.Array:
    if (column.codes == NO_NAME).any():
        raise ValueError(f"a record names none of {', '.join(column.names)}")
    return pa.array(column.names, pa.string()).take(pa.array(column.codes))


def _longs(values: Integers, null: Bool | None = None) -> pa.Array:
    return pa.array(values.astype(np.int64), mask=null)


def _ints(values: Integers, null: Bool | None = None) -> pa.Array:
    return pa.array(values.astype(np.int32), mask=null)


def _reasons(reasons: Reasons) -> pa.Array:
    given = reasons.codes != NO_NAME
    ends = np.concatenate(([0], np.cumsum(given.sum(axis=1))))
    flat = pa.array(reasons.names, pa.string()).take(pa.array(reasons.codes[given]))
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), flat)
