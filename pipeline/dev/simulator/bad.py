"""Bad input of every kind the contract names, each made from a good event.

Time is bad only against what went before: who a late or future event is about must be
covered by consent, or it would not even be looked at.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np

from pipeline import topics
from pipeline.codec.encode import encode_records
from pipeline.codec.reasons import Reason
from pipeline.dev.simulator.draws import DAY_MS
from pipeline.dev.simulator.records import Encoder
from pipeline.factors.columns import Bool
from pipeline.factors.vocabulary import ConsentAction, Scope
from pipeline.topics import Topic

T = TypeVar("T")
Record = dict[str, Any]
UNKNOWN_SCHEMA_ID = 2**31 - 1
FUTURE_MS = 4_070_908_800_000
"""1 January 2099: ahead of any record's Kafka timestamp."""
_SCOPES = {
    topics.PAYMENTS: Scope.CREDIT_HISTORY,
    topics.CONSUMPTION: Scope.BEHAVIOUR,
    topics.OBLIGATIONS: Scope.FULFILMENT,
    topics.PROFILES: Scope.IDENTITY,
    topics.RELATIONSHIPS: Scope.SOCIAL,
}


class Sent(NamedTuple):
    """One record as it goes to Kafka; ``reason`` where it is meant for the dead letters."""

    topic: Topic
    key: bytes | None
    value: bytes | None
    reason: Reason | None = None


def _no_event_id(record: Record) -> Record:
    return {**record, "event_id": ""}


def _long_event_id(record: Record) -> Record:
    return {**record, "event_id": "e" * 65}


def _before_2000(record: Record) -> Record:
    return {**record, "occurred_at": 0}


_ANYWHERE = (_no_event_id, _long_event_id, _before_2000)
_INVALID: dict[Topic, Sequence[Callable[[Record], Record]]] = {
    topics.CONSENTS: (
        *_ANYWHERE,
        lambda record: {**record, "scope": "PARTNER", "partner_id": None},
        lambda record: {**record, "scope": "SOCIAL", "partner_id": "car-rental"},
    ),
    topics.PAYMENTS: (
        *_ANYWHERE,
        lambda record: {**record, "amount_minor": -1},
        lambda record: {**record, "currency": "euro"},
        lambda record: {**record, "limit_minor": -1},
    ),
    topics.CONSUMPTION: (*_ANYWHERE, lambda record: {**record, "amount_minor": -1}),
    topics.OBLIGATIONS: (
        *_ANYWHERE,
        lambda record: {**record, "status": "BREACHED", "evidence": None},
        lambda record: {**record, "contract_id": ""},
    ),
    topics.PROFILES: _ANYWHERE,
    topics.RELATIONSHIPS: (
        *_ANYWHERE,
        lambda record: {**record, "other_user_id": record["user_id"]},
    ),
}


class Spoiler:
    """Makes bad records from good events; the same generator state gives the same ones."""

    def __init__(self, encoder: Encoder, rng: np.random.Generator, lateness_days: int) -> None:
        self._encoder = encoder
        self._rng = rng
        self._late_by_ms = (lateness_days + 5) * DAY_MS
        self._covered = {topic: _covered(encoder, topic) for topic in encoder.history.events}
        self._made = 0

    def reasons_for(self, topic: Topic, index: int) -> list[Reason]:
        """What a record made from this event can be wrong in."""
        reasons = [
            Reason.WIRE_FORMAT,
            Reason.UNKNOWN_SCHEMA,
            Reason.DECODE,
            Reason.INVALID,
            Reason.KEY_MISMATCH,
        ]
        user = self._encoder.history.events[topic].user[index]
        if self._covered[topic][user]:
            reasons.append(Reason.FUTURE)
            if topic is not topics.CONSENTS:
                reasons.append(Reason.TOO_LATE)
        return reasons

    def spoil(self, topic: Topic, index: int) -> Sent:
        """One bad record in the likeness of the topic's event number ``index``."""
        reasons = self.reasons_for(topic, index)
        reason = reasons[int(self._rng.integers(len(reasons)))]
        record = self._encoder.record(topic, index)
        self._made += 1
        record["event_id"] = f"{record['event_id']}-bad{self._made}"
        key: bytes | None = record["user_id"].encode()
        if reason is Reason.INVALID:
            record = self._one_of(_INVALID[topic])(record)
        elif reason is Reason.TOO_LATE:
            record["occurred_at"] -= self._late_by_ms
        elif reason is Reason.FUTURE:
            record["occurred_at"] = FUTURE_MS
        elif reason is Reason.KEY_MISMATCH:
            key = self._one_of((None, b"", b"somebody-else"))
        (value,) = encode_records(topic.subject, [record], self._encoder.registry)
        return Sent(topic, key, self._damaged(value, reason), reason)

    def _damaged(self, value: bytes, reason: Reason) -> bytes | None:
        if reason is Reason.WIRE_FORMAT:
            return self._one_of((None, b"", value[:3], b"\1" + value[1:], b'{"amount": 1}'))
        if reason is Reason.UNKNOWN_SCHEMA:
            return value[:1] + UNKNOWN_SCHEMA_ID.to_bytes(4, "big") + value[5:]
        if reason is Reason.DECODE:
            return self._one_of((value[:5], value[: len(value) // 2], value + b"\0\0"))
        return value

    def _one_of(self, choices: Sequence[T]) -> T:
        return choices[int(self._rng.integers(len(choices)))]


def _covered(encoder: Encoder, topic: Topic) -> Bool:
    """People whose consent covers the topic from their joining on, without an end."""
    consents = encoder.history.events[topics.CONSENTS]
    granted = consents.fields["action"] == ConsentAction.GRANT
    scope = consents.fields["scope"]
    covered = np.ones(len(encoder.history.users), np.bool_)
    if topic in _SCOPES:
        for needed in (Scope.SCORING, _SCOPES[topic]):
            has = np.zeros(len(covered), np.bool_)
            has[consents.user[granted & (scope == needed)]] = True
            covered &= has
    covered[consents.user[~granted]] = False
    return covered
