"""Records of `consents` and `scores` off the wire, as the values the views take.

Consents are held to the same rules as the pipeline holds them to: what it sends to the dead
letters grants nothing here either.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.codec.columns import Columns
from pipeline.codec.decode import decode_columns
from pipeline.codec.encode import decode_record
from pipeline.codec.registry import SchemaRegistry, UnknownSchemaError
from pipeline.codec.rules import find_broken
from pipeline.codec.translate import DecodeError
from pipeline.codec.wire import WireFormatError
from pipeline.factors.columns import Bool
from pipeline.factors.vocabulary import ConsentAction, Scope
from pipeline.partners.records import ConsentEvent, ScoreEvent
from pipeline.partners.vocabulary import Disclosure
from pipeline.topics import CONSENTS, DAY_MS

FUTURE_MS_MAX = DAY_MS
"""How far a consent may be ahead of its Kafka timestamp."""
_DISCLOSURES = tuple(Disclosure)
_SCOPES = (Scope.SCORING, Scope.PARTNER)


class UnreadableError(ValueError):
    """A score that does not decode."""


@dataclass(frozen=True, slots=True)
class Consents:
    """The consents of a batch that may concern a partner, and how many were refused."""

    events: list[ConsentEvent]
    refused: int


def read_consents(
    keys: Sequence[bytes | None],
    values: Sequence[bytes | None],
    timestamps_ms: Sequence[int],
    registry: SchemaRegistry,
) -> Consents:
    """Decode a batch of consents.

    Args:
        keys: The records' keys.
        values: The records' values, as many.
        timestamps_ms: The records' Kafka timestamps, as many.
        registry: Knows the values' schemas.

    Raises:
        RegistryError: The registry cannot answer, which is no fault of the records.
    """
    read = decode_columns(str(CONSENTS.record), list(values), registry)
    columns = Columns(read.batch)
    good = _good(columns, [keys[at] for at in read.kept], [timestamps_ms[at] for at in read.kept])
    concerning = good & np.isin(columns.longs("scope"), _SCOPES)
    rows = read.batch.filter(pa.array(concerning)).to_pylist()
    return Consents([_event(row) for row in rows], len(values) - int(good.sum()))


def read_score(value: bytes, registry: SchemaRegistry) -> ScoreEvent:
    """Decode one score.

    Raises:
        UnreadableError: It does not decode.
        RegistryError: The registry cannot answer, which is no fault of the record.
    """
    try:
        fields = decode_record(value, registry)
        return ScoreEvent(
            score=fields["score"],
            band=fields["band"],
            reasons=tuple(fields["reasons"]),
            model=fields["model"],
            as_of_ms=fields["as_of"],
            sequence=fields["sequence"],
        )
    except (WireFormatError, UnknownSchemaError, DecodeError) as error:
        raise UnreadableError(str(error)) from error
    except KeyError as error:
        raise UnreadableError(f"no Score: it has no field {error}") from error


def _good(columns: Columns, keys: list[bytes | None], timestamps_ms: list[int]) -> Bool:
    """Which records follow the contract: its rules, their key, no date ahead of time."""
    latest = np.array(timestamps_ms, np.int64) + FUTURE_MS_MAX
    good = columns.longs("occurred_at") <= latest
    good &= [key == user for key, user in zip(keys, columns.texts("user_id").binary(), strict=True)]
    good[list(find_broken(str(CONSENTS.record), columns))] = False
    return good


def _event(row: dict[str, object]) -> ConsentEvent:
    disclosure = row["disclosure"]
    return ConsentEvent(
        user_id=str(row["user_id"]),
        occurred_at_ms=_integer(row["occurred_at"]),
        granted=row["action"] == ConsentAction.GRANT,
        scoring=row["scope"] == Scope.SCORING,
        partner_id=_text(row["partner_id"]),
        purpose=_text(row["purpose"]),
        disclosure=None if disclosure is None else _DISCLOSURES[_integer(disclosure)],
        expires_at_ms=None if row["expires_at"] is None else _integer(row["expires_at"]),
    )


def _integer(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f"{value!r} is no integer")
    return value


def _text(value: object) -> str | None:
    return None if value is None else str(value)
