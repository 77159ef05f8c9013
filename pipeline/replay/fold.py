"""A partition folded again: the same steps in the same cuts, without any I/O.

    journal entry ──► the records between its position and the former one ──► the same fold

What is published of people is no business of a fold: it says what the outside was told, and is
carried over from the live rows when the state is switched over.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline import topics
from pipeline.codec.reasons import Reason
from pipeline.factors.fold import FoldResult, expire_consents
from pipeline.factors.state import BatchState
from pipeline.streaming import journal, step
from pipeline.streaming.arrivals import DecodedTopic, decode
from pipeline.streaming.position import Position
from pipeline.streaming.records import Record
from pipeline.streaming.store import PartitionStore


class CutError(ValueError):
    """A journal entry that cannot follow the one before it: something between is missing."""


class ForgottenSchemaError(ValueError):
    """A record that was applied names a schema that the registry does not know any more."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a cut changed: people whose state is another, and people who are erased.

    Somebody erased and back within a cut is among both.
    """

    changed: Sequence[str] = ()
    erased: Sequence[str] = ()


def ranges(before: Position, entry: journal.Entry) -> dict[str, range]:
    """The offsets of each input topic that a transaction applied, those with any.

    >>> entry = journal.Entry(journal.Kind.BATCH, Position({"payments": 9, "consents": 3}))
    >>> ranges(Position({"payments": 4, "consents": 3}), entry)
    {'payments': range(5, 10)}

    Raises:
        CutError: The position went back, or moved in a transaction that applies no records.
    """
    after = entry.position
    for name in before.applied.keys() | after.applied.keys():
        start, end = before.next_offset(name), after.next_offset(name)
        if end < start:
            raise CutError(f"{name} goes back from offset {start} to {end}")
        if end > start and entry.kind is not journal.Kind.BATCH:
            raise CutError(f"{name} goes from offset {start} to {end} in a {entry.kind}")
    return {
        topic.name: span
        for topic in topics.INPUTS
        if (span := range(before.next_offset(topic.name), after.next_offset(topic.name)))
    }


def fold_cut(
    store: PartitionStore,
    before: Position,
    entry: journal.Entry,
    records: Mapping[str, Sequence[Record]],
    context: step.StepContext,
) -> Change:
    """Fold one transaction again, in place.

    Time is the journal's: ``before.watermark_ms`` decides which consents have ended.

    Args:
        store: The state before, and after.
        before: The position before.
        entry: The transaction.
        records: What it applied, by topic name.
        context: As the live fold has it.

    Raises:
        ForgottenSchemaError: It cannot be folded as it was.
    """
    if entry.kind is journal.Kind.BATCH and records:
        decoded = decode(_accepted(records, entry), context.registry)
        _check_schemas(decoded)
        folded = step.fold(store, decoded, before, context)
        return _apply(store, folded.state, folded.result)
    if entry.kind is journal.Kind.SWEEP:
        return end_consents(store, entry.position.watermark_ms)
    return Change()


def _accepted(
    records: Mapping[str, Sequence[Record]], entry: journal.Entry
) -> dict[str, Sequence[Record]]:
    """Without those that were refused: they may be readable by now, or sent back since."""
    refused = {name: frozenset(offsets) for name, offsets in entry.refused.items()}
    return {
        name: [r for r in taken if r.offset not in refused[name]] if name in refused else taken
        for name, taken in records.items()
    }


def _check_schemas(decoded: Sequence[DecodedTopic]) -> None:
    for topic in decoded:
        for poison in topic.decoded.poison:
            if poison.reason is Reason.UNKNOWN_SCHEMA:
                raise ForgottenSchemaError(
                    f"{topic.topic.name}, offset {topic.records[poison.index].offset}, was "
                    f"applied, and cannot be read now: {poison.error}"
                )


def end_consents(store: PartitionStore, watermark_ms: int) -> Change:
    """End the consents that are over, as a sweep does; in place."""
    users = store.expired(watermark_ms)
    if not users:
        return Change()
    state = store.gather(users)
    return _apply(store, state, expire_consents(state, watermark_ms))


def _apply(store: PartitionStore, state: BatchState, result: FoldResult) -> Change:
    erased = [result.before.users[i] for i in np.flatnonzero(result.erased).tolist()]
    for user in erased:
        store.remove(user)
    enrolled = state.rows["layout"] != 0
    changed = np.flatnonzero((result.touched | result.erased) & enrolled).tolist()
    store.scatter(state, changed)
    return Change([state.users[i] for i in changed], erased)
