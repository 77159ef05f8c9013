"""What the pipeline publishes, in the wire format: scores and peer signals, by the batch."""

import os
from collections.abc import Sequence
from functools import cache, lru_cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline import topics
from pipeline.codec.encode import encode_columns
from pipeline.codec.field_rules import OCCURRED_FROM_MS
from pipeline.codec.registry import SchemaRegistry
from pipeline.factors.columns import Bool, Int64
from pipeline.factors.state import Signal
from pipeline.scoring.bands import NO_BAND
from pipeline.scoring.model import Model
from pipeline.scoring.reasons import NO_REASON
from pipeline.scoring.scorecard import NO_SCORE, ScoreColumns, Status
from pipeline.scoring.thin_file import missing_codes

MISSING_MASKS = 4
"""Values of the missing history's two bits."""
Integers = NDArray[np.integer]


def encode_scores(  # noqa: PLR0913 - the record's fields
    users: Sequence[str],
    scores: ScoreColumns,
    model: Model,
    as_of_ms: int | Int64,
    computed_at_ms: int,
    sequences: Integers,
    registry: SchemaRegistry,
) -> list[bytes]:
    """Score records in the wire format, one per person, for `scores` and `score-changes`.

    Args:
        users: User ids, n of them.
        scores: Their scores, n rows.
        model: The model that gave the scores.
        as_of_ms: Event time the scores are as of, one for all or shape (n,).
        computed_at_ms: When they were computed.
        sequences: Number of each person's publication, shape (n,).
        registry: Gives the schema's id.

    Raises:
        ValueError: The lengths differ.
    """
    n = len(users)
    if not n:
        return []
    columns = {
        "user_id": pa.array(users, pa.string()),
        "status": _longs(_STATUS_CODES[scores.status]),
        "score": _ints(scores.score, scores.score == NO_SCORE),
        "band": _longs(scores.band, scores.band == NO_BAND),
        "base_score": _ints(scores.base_score, scores.base_score == NO_SCORE),
        "probability_of_default": pa.array(
            scores.probability_of_default, mask=np.isnan(scores.probability_of_default)
        ),
        "factors": _factors(scores, model),
        "reasons": _codes(scores.reasons, model.reason_codes),
        "missing": _missing(scores.missing),
        "model": pa.repeat(model.name, n),
        "as_of": pa.array(np.full(n, as_of_ms, np.int64)),
        "computed_at": pa.repeat(computed_at_ms, n),
        "sequence": _longs(sequences),
    }
    return encode_columns("Score", columns, registry.id_of(topics.SCORES.subject))


_EVENT_ID_BYTES = 16
_STATUS_CODES = np.zeros(max(Status) + 1, np.int64)
_STATUS_CODES[Status.SCORED] = 0
_STATUS_CODES[Status.THIN_FILE] = 1


def _longs(values: Integers, null: Bool | None = None) -> pa.Array:
    return pa.array(values.astype(np.int64), mask=null)


def _ints(values: Integers, null: Bool | None = None) -> pa.Array:
    return pa.array(values.astype(np.int32), mask=null)


def _factors(scores: ScoreColumns, model: Model) -> pa.Array:
    """Each person's five factors, in the order of `Factor`."""
    n, five = scores.factor_points.shape
    fields = {
        "factor": pa.array(np.full((n, five), np.arange(five)).ravel()),
        "points": _ints(scores.factor_points.ravel()),
        "max_points": pa.array(np.full((n, five), model.max_points, np.int32).ravel()),
        "min_points": pa.array(np.full((n, five), model.min_points, np.int32).ravel()),
        "consented": pa.array(scores.consented.ravel()),
    }
    flat = pa.StructArray.from_arrays(list(fields.values()), names=list(fields))
    return pa.ListArray.from_arrays(pa.array(np.arange(n + 1, dtype=np.int32) * five), flat)


def _codes(positions: Integers, codes: tuple[str, ...]) -> pa.Array:
    """Lists of codes from their positions, shape (n, at most 4); NO_REASON is left out."""
    given = positions != NO_REASON
    bounds = np.zeros(len(positions) + 1, np.int32)
    np.cumsum(np.add.reduce(given, axis=1), out=bounds[1:])
    flat = _texts(codes).take(pa.array(positions[given]))
    return pa.ListArray.from_arrays(pa.array(bounds), flat)


def _missing(masks: NDArray[np.uint8]) -> pa.Array:
    return _missing_by_mask().take(pa.array(masks))


@cache
def _missing_by_mask() -> pa.Array:
    return pa.array([missing_codes(mask) for mask in range(MISSING_MASKS)], pa.list_(pa.string()))


@lru_cache(maxsize=16)
def _texts(texts: tuple[str, ...]) -> pa.Array:
    return pa.array(texts, pa.string())


def _event_ids(number: int) -> list[str]:
    """So many ids that nobody else gives."""
    drawn = os.urandom(number * _EVENT_ID_BYTES).hex()
    width = 2 * _EVENT_ID_BYTES
    return [drawn[at : at + width] for at in range(0, len(drawn), width)]


def encode_peer_signals(
    signals: Sequence[Signal],
    base_scores: Sequence[int | None],
    occurred_at_ms: Integers,
    registry: SchemaRegistry,
) -> list[bytes]:
    """PeerSignal records in the wire format, keyed by their receivers.

    Args:
        signals: What to send, n of them.
        base_scores: Each sender's base score in tens, rounded down; None while unscored.
        occurred_at_ms: Event time of each, (n,). Before the first year that records may be of,
            that year is written: a partition that has seen no event yet has none.
        registry: Gives the schema's id.
    """
    if not signals:
        return []
    columns = {
        "event_id": pa.array(_event_ids(len(signals))),
        "user_id": pa.array([signal.receiver for signal in signals]),
        "occurred_at": pa.array(np.maximum(occurred_at_ms, OCCURRED_FROM_MS)),
        "other_user_id": pa.array([signal.sender for signal in signals]),
        "active": pa.array([signal.active for signal in signals]),
        "base_score": pa.array(base_scores, pa.int32()),
        "wants_reply": pa.array([signal.wants_reply for signal in signals]),
        "erased": pa.array([signal.erased for signal in signals]),
    }
    return encode_columns("PeerSignal", columns, registry.id_of(topics.PEER_SIGNALS.subject))
