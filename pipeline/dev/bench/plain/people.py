"""Events in, scores and peer signals out: what an agent does with one event.

People live in a mapping that the stream processor provides (a table, a state store, or a
dict); each partition number has its own watermark, and everybody of it is scored again
when that enters a month, as scores fade with time.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import NamedTuple, Protocol

from pipeline import topics
from pipeline.dev.bench.plain.admission import is_future, month_of
from pipeline.dev.bench.plain.consents import fold_consent
from pipeline.dev.bench.plain.consumption import fold_consumption
from pipeline.dev.bench.plain.links import (
    Said,
    confirmed_peers,
    fold_peer_signal,
    fold_relationship,
)
from pipeline.dev.bench.plain.obligations import fold_obligation
from pipeline.dev.bench.plain.payments import fold_payment
from pipeline.dev.bench.plain.person import Event, Person, covered
from pipeline.dev.bench.plain.profiles import fold_profile
from pipeline.dev.bench.plain.scoring import Card, Score
from pipeline.factors.admission import Outcome, Policy
from pipeline.factors.vocabulary import Scope

_BASE_STEP = 10
_SOCIAL_BIT = 1 << Scope.SOCIAL
_SCORING_BIT = 1 << Scope.SCORING

Fold = Callable[[Person, Event, int, Policy], Outcome]
_FOLDS: dict[str, tuple[Scope, Fold]] = {
    topics.PAYMENTS.name: (Scope.CREDIT_HISTORY, fold_payment),
    topics.CONSUMPTION.name: (Scope.BEHAVIOUR, fold_consumption),
    topics.OBLIGATIONS.name: (Scope.FULFILMENT, fold_obligation),
    topics.PROFILES.name: (Scope.IDENTITY, fold_profile),
}
_DATED = ("payments", "consumption", "obligations")
_TIMED = {*_FOLDS, topics.RELATIONSHIPS.name}
"""Topics whose events move the watermark."""


class Table(Protocol):
    """Where people are kept; a person is to be put back once changed."""

    def get(self, user: str, /) -> Person | None:
        """A person, None for nobody."""

    def __getitem__(self, user: str, /) -> Person: ...

    def __setitem__(self, user: str, person: Person, /) -> None: ...

    def __delitem__(self, user: str, /) -> None: ...


class NewScore(NamedTuple):
    """A score to publish; None: the person is erased."""

    user: str
    score: Score | None
    mask: int = 0
    as_of_ms: int = 0
    sequence: int = 0


class NewSignal(NamedTuple):
    """What a person's side tells a peer; ``base_score`` in tens, None while unscored."""

    sender: str
    said: Said
    base_score: int | None
    occurred_at_ms: int


class Told(NamedTuple):
    """What an event caused."""

    scores: list[NewScore]
    signals: list[NewSignal]


class People:
    """Everybody of the partitions that a worker holds."""

    def __init__(self, table: Table, card: Card, policy: Policy) -> None:
        """Keep people in ``table``."""
        self._table = table
        self._card = card
        self._policy = policy
        self._members: dict[int, set[str]] = defaultdict(set)
        self._watermark_ms: dict[int, int] = defaultdict(int)

    def apply(self, topic: str, event: Event, partition: int, kafka_ms: int) -> Told:
        """Fold one event and score whom it changes."""
        user = event["user_id"]
        told = Told([], [])
        if topic == topics.CONSENTS.name:
            self._consent(user, event, partition, kafka_ms, told)
            return told
        person = self._table.get(user)
        outcome, said = self._fold(topic, person, event, kafka_ms)
        if outcome is not Outcome.APPLIED or person is None:
            return told
        entered = topic in _TIMED and self._advance(partition, event["occurred_at"])
        self._score(user, person, partition, said, told)
        if entered:
            for other in self._members[partition] - {user}:
                self._score(other, self._table[other], partition, [], told)
        return told

    def follow(self, partition: int, watermark_ms: int) -> None:
        """Take a watermark that somebody else keeps, who then calls ``rescore``."""
        self._watermark_ms[partition] = watermark_ms

    def rescore(self, user: str, partition: int) -> Told:
        """Score somebody again because time went on."""
        told = Told([], [])
        person = self._table.get(user)
        if person is not None:
            self._score(user, person, partition, [], told)
        return told

    def _consent(self, user: str, event: Event, partition: int, kafka_ms: int, told: Told) -> None:
        if is_future(event, kafka_ms, self._policy):
            return
        before = self._table.get(user)
        person, said = fold_consent(before, event)
        if person is not None:
            self._members[partition].add(user)
            self._score(user, person, partition, said, told)
        elif before is not None:
            del self._table[user]
            self._members[partition].discard(user)
            told.scores.append(NewScore(user, None))
            watermark_ms = self._watermark_ms[partition]
            told.signals.extend(NewSignal(user, one, None, watermark_ms) for one in said)

    def _fold(
        self, topic: str, person: Person | None, event: Event, kafka_ms: int
    ) -> tuple[Outcome, list[Said]]:
        plain = _FOLDS.get(topic)
        scope = plain[0] if plain else Scope.SOCIAL
        if person is None or not covered(person, scope):
            return Outcome.NOT_COVERED, []
        if plain:
            return plain[1](person, event, kafka_ms, self._policy), []
        if topic == topics.RELATIONSHIPS.name:
            return fold_relationship(person, event, kafka_ms, self._policy)
        return fold_peer_signal(person, event)

    def _advance(self, partition: int, at_ms: int) -> bool:
        """Move the watermark; whether it entered a month."""
        before_ms = self._watermark_ms[partition]
        if at_ms <= before_ms:
            return False
        self._watermark_ms[partition] = at_ms
        return month_of(at_ms) > month_of(before_ms)

    def _score(
        self, user: str, person: Person, partition: int, said: list[Said], told: Told
    ) -> None:
        """Score a person, put them back into the table, and say what changed."""
        watermark_ms = self._watermark_ms[partition]
        newest_s = max(person[section]["newest_s"] for section in _DATED)
        if person["mask"] & _SCORING_BIT:
            as_of = max(month_of(newest_s * 1000), month_of(watermark_ms))
            score = self._card.score(person, as_of)
            if _moves_base(person, score) and person["mask"] & _SOCIAL_BIT:
                peers = confirmed_peers(person)
                said = said + [Said(other, active=True, wants_reply=False) for other in peers]
            if _is_news(person, score):
                sequence = person["published"]["sequence"]
                as_of_ms = max(newest_s * 1000, watermark_ms)
                told.scores.append(NewScore(user, score, person["mask"], as_of_ms, sequence))
        self._table[user] = person
        base = person["published"]["signalled"] * _BASE_STEP or None
        told.signals.extend(NewSignal(user, one, base, watermark_ms) for one in said)


def _moves_base(person: Person, score: Score) -> bool:
    """Whether peers are to hear of another base score; marks it as told."""
    tens = (score.base_score or 0) // _BASE_STEP
    moved = bool(tens != person["published"]["signalled"])
    person["published"]["signalled"] = tens
    return moved


def _is_news(person: Person, score: Score) -> bool:
    """Whether a score differs from what was published last; marks it as published."""
    published = person["published"]
    now = {
        "status": score.status,
        "score": score.score or 0,
        "mask": person["mask"],
        "explanation": [*score.factor_points, *score.reasons, *score.missing],
    }
    if all(published[name] == value for name, value in now.items()):
        return False
    published.update(now)
    published["sequence"] += 1
    return True
