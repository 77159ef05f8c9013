"""One batch of one partition: from decoded records to everything that is to be written.

Between the fold and Kafka; no I/O, so replay and tests run the very same step.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline import topics
from pipeline.codec.outputs import encode_peer_signals, encode_scores
from pipeline.codec.reasons import Reason
from pipeline.codec.registry import SchemaRegistry
from pipeline.deadletters.letter import carried
from pipeline.deadletters.refusal import Refused, dead_letter
from pipeline.factors.fold import (
    FoldResult,
    Outcome,
    Policy,
    Signal,
    expire_consents,
    fold_batch,
)
from pipeline.factors.state import BatchState
from pipeline.scoring.model import Model
from pipeline.streaming import changelog
from pipeline.streaming.arrivals import DecodedTopic, people, to_batch
from pipeline.streaming.journal import Kind
from pipeline.streaming.output import DeadLetter, Output
from pipeline.streaming.position import Position
from pipeline.streaming.publication import NewScores, base_change_signals, publish, told_base_scores
from pipeline.streaming.records import UnreadableRecord
from pipeline.streaming.stores.base import Store

_REFUSED = {Outcome.TOO_LATE: Reason.TOO_LATE, Outcome.FUTURE: Reason.FUTURE}
_WHY = {
    Outcome.TOO_LATE: "event time is further behind the person's newest event than is allowed",
    Outcome.FUTURE: "event time is more than 24 h ahead of the record's timestamp",
}


@dataclass(frozen=True, slots=True)
class StepContext:
    """What does not change from batch to batch."""

    registry: SchemaRegistry
    model: Model
    policy: Policy
    partition: int
    partitions: int
    topic_prefix: str


@dataclass(slots=True)
class Folded:
    """A batch after the fold: nothing of it is visible yet."""

    decoded: list[DecodedTopic]
    state: BatchState
    result: FoldResult

    @property
    def lacks_consent(self) -> bool:
        """Whether an event was left out for want of consent."""
        return any(
            (outcome == Outcome.NOT_COVERED).any() for outcome in self.result.outcomes.values()
        )


def fold(
    store: Store, decoded: list[DecodedTopic], position: Position, context: StepContext
) -> Folded:
    """Fold decoded records into copies of the people's state."""
    users, index = people(decoded)
    state = store.gather(users)
    result = fold_batch(state, to_batch(decoded, index), context.policy, position.watermark_ms)
    return Folded(decoded, state, result)


def finish(folded: Folded, position: Position, context: StepContext) -> Output:
    """Score the changed people and lay out all that the batch writes.

    ``position`` is the one before the batch; the output carries the one after.
    """
    after = position.copy()
    for topic in folded.decoded:
        after.applied[topic.topic.name] = topic.records[-1].offset
    after.watermark_ms = max(after.watermark_ms, folded.result.newest_ms)
    output = _publish(Kind.BATCH, folded.state, folded.result, after, context)
    output.outcomes = {name: _count(outcomes) for name, outcomes in folded.result.outcomes.items()}
    for topic in folded.decoded:
        _add_dead_letters(output, topic, folded.result, context)
    output.consent_changes = topics.CONSENTS.name in folded.result.outcomes
    return output


def sweep(store: Store, users: Sequence[str], position: Position, context: StepContext) -> Output:
    """Re-score people as time passes: expired consents end, old tiles leave.

    All consents that are over end, also of people that were not chosen: what a sweep ends
    follows from the position alone, and is the same however its people are cut into chunks.
    ``users`` who are gone meanwhile are left out.
    """
    due = dict.fromkeys([*users, *store.expired(position.watermark_ms)])
    state = store.gather([user for user in due if user in store])
    result = expire_consents(state, position.watermark_ms)
    result.touched[:] = True
    return _publish(Kind.SWEEP, state, result, position.copy(), context)


def renew(store: Store, users: Sequence[str], position: Position) -> Output:
    """Write all of people as it is, in the current layouts; nothing of them changes."""
    state = store.gather(users)
    output = Output(Kind.CONFIRM, state, position)
    nobody = BatchState.empty(state.users)
    output.changelog = changelog.entries(nobody, state, range(len(users)))
    return output


def nothing(position: Position) -> Output:
    """An output that only writes the position again: proof that the partition is ours."""
    return Output(Kind.CONFIRM, BatchState.empty([]), position)


def _publish(
    kind: Kind,
    state: BatchState,
    result: FoldResult,
    position: Position,
    context: StepContext,
) -> Output:
    output = Output(kind, state, position)
    # Erased and back within a batch can give the same bytes as before: written all the same.
    touched = result.touched | result.erased
    candidates = np.flatnonzero(touched)
    fresh = publish(state, candidates, position.watermark_ms, context.model)
    _add_erasures(output, result)
    _add_scores(output, state, fresh, context)
    signals = [*result.signals, *base_change_signals(state, fresh.base_changed)]
    _add_signals(output, state, signals, context)
    output.changed = np.flatnonzero(touched & (state.rows["layout"] != 0)).tolist()
    output.changelog += changelog.entries(result.before, state, output.changed)
    return output


def _add_scores(output: Output, state: BatchState, fresh: NewScores, context: StepContext) -> None:
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
    output.scores += entries
    output.score_changes += entries
    output.published_scores = fresh.scores.score[fresh.scores.score > 0]


def _add_erasures(output: Output, result: FoldResult) -> None:
    for i in np.flatnonzero(result.erased).tolist():
        user = result.before.users[i]
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
    output: Output, state: BatchState, signals: list[Signal], context: StepContext
) -> None:
    if not signals:
        return
    index_of = {user: i for i, user in enumerate(state.users)}
    told = told_base_scores(state, [index_of[signal.sender] for signal in signals])
    values = encode_peer_signals(signals, told, output.position.watermark_ms, context.registry)
    output.peer_signals += [
        (signal.receiver.encode(), value) for signal, value in zip(signals, values, strict=True)
    ]


def _add_dead_letters(
    output: Output, topic: DecodedTopic, result: FoldResult, context: StepContext
) -> None:
    counts = output.outcomes.setdefault(topic.topic.name, {})
    if topic.decoded.poison:
        output.refused[topic.topic.name] = sorted(
            topic.records[poison.index].offset for poison in topic.decoded.poison
        )
    for poison in topic.decoded.poison:
        output.dead_letters.append(
            _dead_letter(topic, poison.index, poison.reason, poison.error, context)
        )
        counts[poison.reason.lower()] = counts.get(poison.reason.lower(), 0) + 1
    outcomes = result.outcomes.get(topic.topic.name)
    if outcomes is None:
        return
    for outcome, reason in _REFUSED.items():
        for i in np.flatnonzero(outcomes == outcome).tolist():
            index = int(topic.decoded.kept[i])
            output.dead_letters.append(_dead_letter(topic, index, reason, _WHY[outcome], context))


def _dead_letter(
    topic: DecodedTopic, index: int, reason: Reason, error: str, context: StepContext
) -> DeadLetter:
    record = topic.records[index]
    if isinstance(record, UnreadableRecord):
        error = record.problem
    refused = Refused(
        topic=context.topic_prefix + topic.topic.name,
        partition=context.partition,
        offset=record.offset,
        key=record.key,
        value=record.value,
        carried=carried(record.headers),
    )
    key, value, headers = dead_letter(refused, reason, error, _now_ms())
    return DeadLetter(key, value, headers, topic.topic.name, str(reason))


def _count(outcomes: Iterable[int]) -> dict[str, int]:
    counts = np.bincount(np.asarray(outcomes), minlength=len(Outcome))
    return {o.name.lower(): int(counts[o]) for o in Outcome if counts[o]}


def _now_ms() -> int:
    return int(time.time() * 1000)
