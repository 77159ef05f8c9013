"""Which people of a batch get a new score record, and what their friends are told."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from pipeline.factors.fold import Signal
from pipeline.factors.months import month_of_ms, month_of_s
from pipeline.factors.social import own_active_peers
from pipeline.factors.state import BatchState, chosen_rows
from pipeline.factors.vocabulary import Scope
from pipeline.scoring.model import Model
from pipeline.scoring.scorecard import ScoreColumns, score

_SCORING_BIT = 1 << Scope.SCORING
_SOCIAL_BIT = 1 << Scope.SOCIAL
_BASE_STEP = 10
"""Peers learn the base score rounded down to tens: less traffic, less to learn."""
# Odd and without a pattern, so that changes of several parts do not cancel out.
_DIGEST_WEIGHTS = np.random.default_rng(20_260_101).integers(1, 2**31, 10).astype(np.uint32) * 2 + 1


@dataclass(frozen=True, slots=True)
class NewScores:
    """Scores to publish; all of shape (n_published,), ``people`` indexes the batch."""

    people: NDArray[np.int64]
    scores: ScoreColumns
    as_of_ms: NDArray[np.int64]
    sequences: NDArray[np.int64]
    base_changed: NDArray[np.int64]
    """People whose rounded base score differs from what their peers were told."""


def publish(
    state: BatchState,
    candidates: NDArray[np.int64],
    watermark_ms: int | NDArray[np.int64],
    model: Model,
) -> NewScores:
    """Score the candidates, and mark in their rows what is published of them.

    ``watermark_ms`` is their partition's, or by person (n,), of each one's partition.

    A score is published when it moved by a point or its status, consent or model changed
    (the band follows from the score), or when another explanation is true of the same
    score: what is published last is then always what the rows say. Scores are as of the
    later of the person's newest event and the partition's watermark, so they age with
    everybody's time.
    """
    enrolled = (state.rows["consent_mask"][candidates] & _SCORING_BIT) != 0
    people = candidates[enrolled]
    rows = chosen_rows(state.rows, people)
    newest_s = np.maximum(
        np.maximum(rows["payments_newest_s"], rows["consumption_newest_s"]),
        rows["obligations_newest_s"],
    ).astype(np.int64)
    # Before the first event the watermark is 0, and so is its month.
    reached_ms = np.broadcast_to(np.asarray(watermark_ms, np.int64), len(state.users))[people]
    as_of_month = np.maximum(month_of_s(newest_s), month_of_ms(reached_ms))
    scored = score(rows, as_of_month, model)

    published = state.rows["published"]
    before = published[people]
    explanation = _digest(scored)
    changed = (
        (before["status"] != scored.status)
        | (before["score"] != scored.score)
        | (before["consent_mask"] != rows["consent_mask"])
        | (before["model"] != model.hash32)
        | (before["explanation"] != explanation)
    )
    told = (scored.base_score // _BASE_STEP).astype(np.uint8)
    base_changed = people[told != before["signalled"]]
    published["signalled"][people] = told

    fresh = people[changed]
    published["sequence"][fresh] += 1
    published["score"][fresh] = scored.score[changed]
    published["base_score"][fresh] = scored.base_score[changed]
    published["status"][fresh] = scored.status[changed]
    published["consent_mask"][fresh] = rows["consent_mask"][changed]
    published["model"][fresh] = model.hash32
    published["explanation"][fresh] = explanation[changed]
    as_of_ms = np.maximum(newest_s * 1000, _month_starts_ms(as_of_month))
    enrolled_ms = state.ledgers["consent_at_ms"][people, Scope.SCORING]
    as_of_ms = np.where(as_of_month > 0, as_of_ms, enrolled_ms)
    return NewScores(
        people=fresh,
        scores=take(scored, changed),
        as_of_ms=as_of_ms[changed],
        sequences=published["sequence"][fresh].astype(np.int64),
        base_changed=base_changed,
    )


def base_change_signals(state: BatchState, people: NDArray[np.int64]) -> list[Signal]:
    """Tell the linked peers of people whose rounded base score changed."""
    return [
        Signal(sender=state.users[i], receiver=peer, active=True, wants_reply=False)
        for i in people.tolist()
        if state.links[i] and state.rows["consent_mask"][i] & _SOCIAL_BIT
        for peer in own_active_peers(state.links[i])
    ]


def told_base_scores(state: BatchState, senders: Sequence[int]) -> list[int | None]:
    """The rounded base score each sender's peers are told; None while unscored."""
    told = state.rows["published"]["signalled"][np.asarray(senders, np.int64)]
    return [tens * _BASE_STEP or None for tens in told.tolist()]


def take(scores: ScoreColumns, selection: NDArray[np.bool_]) -> ScoreColumns:
    """The selected people's scores."""
    return ScoreColumns(**{f.name: getattr(scores, f.name)[selection] for f in fields(scores)})


def _digest(scores: ScoreColumns) -> NDArray[np.uint32]:
    """32 bits of what explains each score, (n,): other explanations give other bits, nearly."""
    parts = (scores.factor_points, scores.reasons, scores.missing[:, None])
    values = np.concatenate(parts, axis=1, dtype=np.int64).astype(np.uint32)
    digest: NDArray[np.uint32] = (values * _DIGEST_WEIGHTS).sum(axis=1, dtype=np.uint32)
    return digest


def _month_starts_ms(months: NDArray[np.int64]) -> NDArray[np.int64]:
    return months.astype("datetime64[M]").astype("datetime64[ms]").astype(np.int64)
