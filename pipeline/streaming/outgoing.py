"""What a step's people cause to be written, partition by partition."""

import time
from bisect import bisect_right
from collections.abc import Sequence

import numpy as np

from pipeline.codec.outputs import encode_peer_signals, encode_scores
from pipeline.factors.fold import FoldResult, Signal
from pipeline.factors.state import BatchState
from pipeline.streaming import changelog
from pipeline.streaming.journal import Kind
from pipeline.streaming.output import Output
from pipeline.streaming.position import Position
from pipeline.streaming.publication import NewScores, base_change_signals, publish, told_base_scores
from pipeline.streaming.shares import StepContext, by_person, spans


def lay_out(  # noqa: PLR0913 - of one partition or several
    kind: Kind,
    state: BatchState,
    result: FoldResult,
    positions: Sequence[Position],
    ends: tuple[int, ...],
    context: StepContext,
) -> list[Output]:
    """Score the people that changed and lay out what each partition writes of it.

    Args:
        kind: What the transactions are for.
        state: The people after the fold, one partition's after the other's.
        result: What the fold did.
        positions: By partition, those after the batch.
        ends: Where each partition's people end.
        context: Of any of them: all that is asked of it is the same.
    """
    outputs = [
        Output(kind, state.part(start, end), position)
        for position, (start, end) in zip(positions, spans(ends), strict=True)
    ]
    # Erased and back within a batch can give the same bytes as before: written all the same.
    touched = result.touched | result.erased
    candidates = np.flatnonzero(touched)
    watermark_ms = by_person([position.watermark_ms for position in positions], ends)
    fresh = publish(state, candidates, watermark_ms, context.model)
    _add_erasures(outputs, result, ends)
    _add_scores(outputs, state, fresh, ends, context)
    signals = [*result.signals, *base_change_signals(state, fresh.base_changed)]
    _add_signals(outputs, state, signals, ends, context)
    changed = np.flatnonzero(touched & (state.rows["layout"] != 0))
    cuts = spans(np.searchsorted(changed, ends).tolist())
    written = changelog.entries_by_share(result.before, state, changed.tolist(), ends)
    given = zip(outputs, spans(ends), cuts, written, strict=True)
    for output, (start, _), (first, last), entries in given:
        output.changed = (changed[first:last] - start).tolist()
        output.changelog += entries
    return outputs


def _add_scores(
    outputs: Sequence[Output],
    state: BatchState,
    fresh: NewScores,
    ends: tuple[int, ...],
    context: StepContext,
) -> None:
    if not len(fresh.people):
        return
    users = [state.users[i] for i in fresh.people.tolist()]
    values = encode_scores(
        users,
        fresh.scores,
        context.model,
        fresh.as_of_ms,
        _now_ms(),
        fresh.sequences,
        context.registry,
    )
    entries = list(zip((user.encode() for user in users), values, strict=True))
    cuts = spans(np.searchsorted(fresh.people, ends).tolist())
    for output, (first, last) in zip(outputs, cuts, strict=True):
        output.scores += entries[first:last]
        output.score_changes += entries[first:last]
        scores = fresh.scores.score[first:last]
        output.published_scores = scores[scores > 0]


def _add_erasures(outputs: Sequence[Output], result: FoldResult, ends: tuple[int, ...]) -> None:
    for i in np.flatnonzero(result.erased).tolist():
        user, output = result.before.users[i], outputs[bisect_right(ends, i)]
        output.erased.append(user)
        output.changelog += changelog.tombstones(user)
        output.scores.append((user.encode(), None))
        _forget(result.before, i)


def _forget(before: BatchState, i: int) -> None:
    # What comes after an erasure is compared with nothing, so all of it is written.
    before.rows[i] = np.zeros((), before.rows.dtype)
    before.ledgers[i] = np.zeros((), before.ledgers.dtype)
    before.contracts[i] = before.links[i] = b""


def _add_signals(
    outputs: Sequence[Output],
    state: BatchState,
    signals: list[Signal],
    ends: tuple[int, ...],
    context: StepContext,
) -> None:
    if not signals:
        return
    index_of = {user: i for i, user in enumerate(state.users)}
    senders = [index_of[signal.sender] for signal in signals]
    told = told_base_scores(state, senders)
    shares = np.searchsorted(ends, senders, side="right")
    reached_ms = np.array([output.position.watermark_ms for output in outputs], np.int64)
    values = encode_peer_signals(signals, told, reached_ms[shares], context.registry)
    for share, signal, value in zip(shares.tolist(), signals, values, strict=True):
        outputs[share].peer_signals.append((signal.receiver.encode(), value))


def _now_ms() -> int:
    return int(time.time() * 1000)
