"""Input records as the reference takes them, or why they are refused."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pipeline.codec.reasons import Reason
from pipeline.codec.registry import SchemaRegistry
from pipeline.dev.chaos.evidence import Evidence
from pipeline.dev.chaos.readings import event_of
from pipeline.dev.chaos.records import Acknowledged, Place, Record
from pipeline.dev.chaos.refusals import read
from pipeline.dev.chaos.verdict import Verdict
from pipeline.reference.events import Event
from pipeline.topics import Topic

Sent = Mapping[Place, Acknowledged]
_BY_TIME = {Reason.TOO_LATE, Reason.FUTURE}
"""Whether it is, the records before it say."""


class Arrived(NamedTuple):
    """One input record: an event, or the reason of a dead letter."""

    topic: Topic
    record: Record
    event: Event | None
    reason: Reason | None


def arrived(
    topic: Topic, record: Record, sent: Sent, registry: SchemaRegistry, verdict: Verdict
) -> Arrived:
    """Read one record; who sent it is asked whether it was meant to be bad."""
    found = read(topic, record.key, record.value, registry)
    reason = found if isinstance(found, Reason) else None
    known = sent.get((topic.name, record.partition, record.offset))
    meant = None if known is None or known.reason in _BY_TIME else known.reason
    if known is not None and meant != reason:
        place = f"{topic.name}-{record.partition}@{record.offset}"
        verdict.disorder(f"{place} was sent as {meant}, by the rules it is {reason}")
    if isinstance(found, Reason):
        return Arrived(topic, record, None, found)
    return Arrived(topic, record, event_of(topic, found, record.timestamp_ms), None)


def by_place(sent: Iterable[Acknowledged]) -> Sent:
    """What was acknowledged, by where it lies."""
    return {(each.topic, each.partition, each.offset): each for each in sent}


def check_sent(evidence: Evidence, sent: Sent, verdict: Verdict) -> None:
    """Everything acknowledged lies where the broker said, as it was sent."""
    there = {
        (name, partition, record.offset): record
        for (name, partition), records in evidence.inputs.items()
        for record in records
    }
    for place, each in sent.items():
        record = there.get(place)
        if record is None or (record.key, record.value) != (each.key, each.value):
            name, partition, offset = place
            verdict.lose(f"{name}-{partition}@{offset} was acknowledged and is not there")
