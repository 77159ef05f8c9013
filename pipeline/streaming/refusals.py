"""What became of a step's records: counts, and letters for those that could not be used."""

import time
from bisect import bisect_right
from collections.abc import Sequence
from operator import attrgetter

import numpy as np

from pipeline import topics
from pipeline.codec.reasons import Reason
from pipeline.deadletters.letter import carried
from pipeline.deadletters.refusal import Refused, dead_letter
from pipeline.factors.columns import Int64, UInt8
from pipeline.factors.fold import FoldResult, Outcome
from pipeline.streaming.arrivals import DecodedTopic
from pipeline.streaming.output import DeadLetter, Output
from pipeline.streaming.records import UnreadableRecord
from pipeline.streaming.shares import StepContext, spans

_REFUSED = {Outcome.TOO_LATE: Reason.TOO_LATE, Outcome.FUTURE: Reason.FUTURE}
_OUTCOMES = [outcome.name.lower() for outcome in sorted(Outcome)]
_WHY = {
    Outcome.TOO_LATE: "event time is further behind the person's newest event than is allowed",
    Outcome.FUTURE: "event time is more than 24 h ahead of the record's timestamp",
}


def add_outcomes(outputs: Sequence[Output], topic: DecodedTopic, result: FoldResult) -> None:
    """Count what became of a topic's events, for each partition."""
    name = topic.topic.name
    cuts = np.searchsorted(topic.decoded.kept, topic.ends)
    counts = _counts(result.outcomes.get(name), cuts)
    for output, (start, end), counted in zip(outputs, spans(topic.ends), counts, strict=True):
        if start < end:
            output.outcomes[name] = counted
            output.consent_changes |= bool(counted) and name == topics.CONSENTS.name


def add_dead_letters(
    outputs: Sequence[Output],
    topic: DecodedTopic,
    result: FoldResult,
    contexts: Sequence[StepContext],
) -> None:
    """Put a topic's records aside that could not be used, with the reason."""
    name = topic.topic.name

    def add(index: int, reason: Reason, error: str) -> Output:
        share = bisect_right(topic.ends, index)
        letter = _dead_letter(topic, index, reason, error, contexts[share])
        outputs[share].dead_letters.append(letter)
        return outputs[share]

    for poison in sorted(topic.decoded.poison, key=attrgetter("index")):
        output = add(poison.index, poison.reason, poison.error)
        output.refused.setdefault(name, []).append(topic.records[poison.index].offset)
        counts, reason = output.outcomes[name], poison.reason.lower()
        counts[reason] = counts.get(reason, 0) + 1
    outcomes = result.outcomes.get(name)
    if outcomes is None:
        return
    for outcome, reason in _REFUSED.items():
        for i in np.flatnonzero(outcomes == outcome).tolist():
            add(int(topic.decoded.kept[i]), reason, _WHY[outcome])


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


def _counts(outcomes: UInt8 | None, cuts: Int64) -> list[dict[str, int]]:
    """How many events had each outcome, by share; those of each end at ``cuts``."""
    if outcomes is None:
        return [{} for _ in cuts]
    kinds = len(Outcome)
    share = np.repeat(np.arange(len(cuts)), np.diff(cuts, prepend=0))
    counts = np.bincount(share * kinds + outcomes, minlength=kinds * len(cuts))
    return [
        {outcome: count for outcome, count in zip(_OUTCOMES, counted, strict=True) if count}
        for counted in counts.reshape(len(cuts), kinds).tolist()
    ]


def _now_ms() -> int:
    return int(time.time() * 1000)
