"""The records of what was shown, by column: for the partner, and for the person."""

import secrets
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.codec.names import Names
from pipeline.codec.partner_outputs import (
    DisclosedColumns,
    PartnerScoreColumns,
    Reasons,
    encode_disclosures,
    encode_partner_scores,
)
from pipeline.codec.registry import SchemaRegistry
from pipeline.gateway.changes import Told
from pipeline.gateway.disclose import Visible
from pipeline.gateway.state import GatewayState
from pipeline.gateway.texts import Texts
from pipeline.gateway.vocabulary import NONE, PURPOSES
from pipeline.scoring.reasons import REASONS_MAX

_EVENT_ID_BYTES = 16


def partner_scores(
    state: GatewayState, told: Sequence[Told], registry: SchemaRegistry
) -> list[bytes | None]:
    """What goes to partners for each of the disclosures; None where something is taken back."""
    values: list[bytes | None] = []
    for chunk in told:
        if chunk.seen is None or chunk.sequence is None:
            values += [None] * len(chunk)
        else:
            values += _scores(state, chunk, chunk.seen, chunk.sequence, registry)
    return values


def disclosures(
    state: GatewayState, told: Sequence[Told], wall_ms: int, registry: SchemaRegistry
) -> list[bytes]:
    """What the people are told, in order."""
    sizes = [len(chunk) for chunk in told]
    seen = _joined([chunk.seen or _nothing(len(chunk)) for chunk in told])
    sequences = [
        np.zeros(len(chunk), np.int64) if chunk.sequence is None else chunk.sequence
        for chunk in told
    ]
    columns = DisclosedColumns(
        event_ids=_event_ids(sum(sizes)),
        users=[user for chunk in told for user in chunk.users],
        occurred_at_ms=wall_ms,
        partners=Names(np.concatenate([c.partner for c in told]), state.grants.partner_ids),
        purposes=_purposes(np.concatenate([c.purpose for c in told])),
        subjects=np.concatenate([c.subject for c in told]),
        kind=np.repeat(np.array([c.kind for c in told], np.uint8), sizes),
        cause=np.concatenate([c.cause for c in told]).astype(np.uint8),
        disclosure=seen.disclosure,
        admitted=seen.admitted,
        band=seen.band,
        score=seen.score,
        threshold=seen.threshold,
        reasons=_reasons(seen, state.texts),
        sequence=np.concatenate(sequences),
    )
    return encode_disclosures(columns, registry)


def _scores(
    state: GatewayState,
    told: Told,
    seen: Visible,
    sequence: NDArray[np.integer],
    registry: SchemaRegistry,
) -> list[bytes]:
    columns = PartnerScoreColumns(
        subjects=told.subject,
        partners=Names(told.partner, state.grants.partner_ids),
        purposes=_purposes(told.purpose),
        disclosure=seen.disclosure,
        admitted=seen.admitted,
        band=seen.band,
        score=seen.score,
        threshold=seen.threshold,
        reasons=_reasons(seen, state.texts),
        models=Names(seen.model - 1, state.texts.all[1:]),
        as_of_ms=seen.as_of_ms,
        grant_expires_at_ms=seen.expires_at_ms,
        sequence=sequence,
    )
    return encode_partner_scores(columns, registry)


def _purposes(codes: NDArray[np.integer]) -> Names:
    return Names(codes.astype(np.int32), PURPOSES)


def _reasons(seen: Visible, texts: Texts) -> Reasons:
    # There 0 is no text, here -1 is.
    return Reasons(seen.reasons - 1, texts.all[1:])


def _nothing(n: int) -> Visible:
    none = np.full(n, NONE, np.uint8)
    zeros = np.zeros(n, np.int64)
    return Visible(
        disclosure=none,
        admitted=none,
        band=none,
        score=np.zeros(n, np.uint16),
        threshold=np.zeros(n, np.uint16),
        reasons=np.zeros((n, REASONS_MAX), np.int32),
        model=np.zeros(n, np.int32),
        as_of_ms=zeros,
        expires_at_ms=zeros,
    )


def _joined(parts: Sequence[Visible]) -> Visible:
    if len(parts) == 1:
        return parts[0]
    columns = (np.concatenate([getattr(p, name) for p in parts]) for name in Visible.__slots__)
    return Visible(*columns)


def _event_ids(n: int) -> list[str]:
    # Random, as any counter would be one more thing to match people by.
    digits = secrets.token_hex(_EVENT_ID_BYTES * n)
    width = 2 * _EVENT_ID_BYTES
    return [digits[at : at + width] for at in range(0, len(digits), width)]
