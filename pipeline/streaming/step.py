"""One batch, of one partition or several: from decoded records to all that is to be written.

Between the fold and Kafka; no I/O, so replay and tests run the very same step.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.factors.fold import FoldResult, Outcome, expire_consents, fold_batch
from pipeline.factors.state import BatchState, joined
from pipeline.streaming import changelog
from pipeline.streaming.arrivals import DecodedTopic, people, to_batch
from pipeline.streaming.journal import Kind
from pipeline.streaming.outgoing import lay_out
from pipeline.streaming.output import Output
from pipeline.streaming.position import Position
from pipeline.streaming.refusals import add_dead_letters, add_outcomes
from pipeline.streaming.shares import Share, StepContext, by_person, spans
from pipeline.streaming.stores.base import Store

__all__ = [
    "Folded",
    "Share",
    "StepContext",
    "finish",
    "finish_together",
    "fold",
    "fold_together",
    "nothing",
    "renew",
    "sweep",
]


@dataclass(slots=True)
class Folded:
    """A batch after the fold: nothing of it is visible yet.

    ``ends`` is where each partition's people end.
    """

    decoded: list[DecodedTopic]
    state: BatchState
    result: FoldResult
    ends: tuple[int, ...]

    @property
    def lack_consent(self) -> set[int]:
        """The shares of which an event was left out for want of consent."""
        shares: set[int] = set()
        for topic in self.decoded:
            outcomes = self.result.outcomes.get(topic.topic.name)
            if outcomes is None:
                continue
            left_out = topic.decoded.kept[outcomes == Outcome.NOT_COVERED]
            shares.update(np.searchsorted(topic.ends, left_out, side="right").tolist())
        return shares


def fold(
    store: Store, decoded: list[DecodedTopic], position: Position, context: StepContext
) -> Folded:
    """Fold decoded records into copies of the people's state."""
    return fold_together([Share(context, store, position)], decoded)


def fold_together(shares: Sequence[Share], decoded: list[DecodedTopic]) -> Folded:
    """Fold several partitions' records, decoded together, as ``fold`` would those of each."""
    found = people(decoded, len(shares))
    state = joined(
        [
            share.store.gather(found.users[start:end])
            for share, (start, end) in zip(shares, spans(found.ends), strict=True)
        ]
    )
    watermark_ms = by_person([share.position.watermark_ms for share in shares], found.ends)
    policy = shares[0].context.policy
    result = fold_batch(state, to_batch(decoded, found.index), policy, watermark_ms)
    return Folded(decoded, state, result, found.ends)


def finish(folded: Folded, position: Position, context: StepContext) -> Output:
    """Score the changed people and lay out all that the batch writes.

    ``position`` is the one before the batch; the output carries the one after.
    """
    return finish_together(folded, [position], [context])[0]


def finish_together(
    folded: Folded, positions: Sequence[Position], contexts: Sequence[StepContext]
) -> list[Output]:
    """Finish several partitions' batch that was folded together: what each of them writes."""
    after = [position.copy() for position in positions]
    newest_ms = folded.result.newest_by_person_ms
    for position, (start, end) in zip(after, spans(folded.ends), strict=True):
        reached_ms = int(newest_ms[start:end].max(initial=0))
        position.watermark_ms = max(position.watermark_ms, reached_ms)
    for topic in folded.decoded:
        for position, (start, end) in zip(after, spans(topic.ends), strict=True):
            if start < end:
                position.applied[topic.topic.name] = topic.records[end - 1].offset
    outputs = lay_out(Kind.BATCH, folded.state, folded.result, after, folded.ends, contexts[0])
    for topic in folded.decoded:
        add_outcomes(outputs, topic, folded.result)
        add_dead_letters(outputs, topic, folded.result, contexts)
    return outputs


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
    everybody = (len(state.users),)
    return lay_out(Kind.SWEEP, state, result, [position.copy()], everybody, context)[0]


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
