"""Online against offline: the live state of a partition and the same state built anew."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.factors.layout import FACTOR_ROW
from pipeline.factors.months import month_of_ms
from pipeline.factors.state import BatchState
from pipeline.replay.fold import end_consents
from pipeline.scoring.model import Model
from pipeline.streaming.position import Position
from pipeline.streaming.publication import publish
from pipeline.streaming.store import PartitionStore

DIFFERENCES_MAX = 50
_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Difference:
    """One person in whom the two differ, and in what."""

    partition: int
    user: str
    what: str


@dataclass(slots=True)
class Comparison:
    """Counts of people; ``differences`` are the first of them.

    ``scores_compared`` is 0 where a sweep was under way: then scores are of two times.
    """

    people: int = 0
    rows_differing: int = 0
    scores_compared: int = 0
    scores_differing: int = 0
    online_only: int = 0
    offline_only: int = 0
    unreadable: int = 0
    differences: list[Difference] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether nothing differs."""
        differing = self.rows_differing + self.scores_differing
        return not (differing + self.online_only + self.offline_only + self.unreadable)

    def add(self, other: "Comparison") -> None:
        """Count another partition's too."""
        self.people += other.people
        self.rows_differing += other.rows_differing
        self.scores_compared += other.scores_compared
        self.scores_differing += other.scores_differing
        self.online_only += other.online_only
        self.offline_only += other.offline_only
        self.unreadable += other.unreadable
        self.differences += other.differences[: DIFFERENCES_MAX - len(self.differences)]

    def note(self, partition: int, user: str, what: str) -> None:
        """Keep a difference, if it is among the first."""
        if len(self.differences) < DIFFERENCES_MAX:
            self.differences.append(Difference(partition, user, what))


def is_swept(position: Position, store: PartitionStore) -> bool:
    """Whether everybody has been scored for the position's month, without consents that ended."""
    month = int(month_of_ms(position.watermark_ms)) if position.watermark_ms else 0
    return position.swept_month >= month and not store.expired(position.watermark_ms)


def compare(
    online: PartitionStore,
    offline: PartitionStore,
    position: Position,
    model: Model,
    partition: int,
) -> Comparison:
    """Compare two states of a partition at one position, person by person.

    Consents that have ended are ended in both first, in place: a sweep may be under way.

    Args:
        online: The live state.
        offline: The state built anew.
        position: Of both.
        model: What is published must be what this model says of the rows built anew.
        partition: To be named.
    """
    scores_are_of_now = is_swept(position, online)
    for store in (online, offline):
        end_consents(store, position.watermark_ms)
    found = Comparison()
    for users in online.chunks(_AT_ONCE):
        for user in users:
            if user not in offline:
                found.online_only += 1
                found.note(partition, user, "has a live row, and none built anew")
    for users in offline.chunks(_AT_ONCE):
        both = [user for user in users if user in online]
        found.offline_only += len(users) - len(both)
        for user in users:
            if user not in online:
                found.note(partition, user, "has a row built anew, and no live one")
        found.people += len(both)
        _compare_people(online.gather(both), offline.gather(both), found, partition)
        if scores_are_of_now:
            _compare_scores(online, offline.gather(both), position, model, (found, partition))
    return found


def _compare_people(
    online: BatchState, offline: BatchState, found: Comparison, partition: int
) -> None:
    online.rows["published"] = offline.rows["published"]
    for i in np.flatnonzero(offline.differs_from(online)).tolist():
        found.rows_differing += 1
        found.note(partition, online.users[i], ", ".join(_parts(online, offline, i)))


def _parts(online: BatchState, offline: BatchState, i: int) -> Iterator[str]:
    """What of a person differs, by name; the values are nobody's business."""
    for before, after in ((online.rows, offline.rows), (online.ledgers, offline.ledgers)):
        for name in before.dtype.names or ():
            if before[name][i].tobytes() != after[name][i].tobytes():
                yield name
    if online.contracts[i] != offline.contracts[i]:
        yield "contracts"
    if online.links[i] != offline.links[i]:
        yield "links"


def _compare_scores(
    online: PartitionStore,
    state: BatchState,
    position: Position,
    model: Model,
    into: tuple[Comparison, int],
) -> None:
    """Whoever would be published anew has another score than was told, or for another reason."""
    found, partition = into
    published = online.gather(state.users).rows["published"]
    state.rows["published"] = published
    everybody = np.arange(len(state.users))
    fresh = publish(state, everybody, position.watermark_ms, model)
    found.scores_compared += len(everybody)
    after = state.rows["published"]
    for i in fresh.people.tolist():
        names: Sequence[str] = FACTOR_ROW["published"].names or ()
        differing = [n for n in names if n != "sequence" and published[n][i] != after[n][i]]
        if differing == ["explanation"] and not published["explanation"][i]:
            continue  # published by a program that did not keep it
        found.scores_differing += 1
        found.note(partition, state.users[i], "published " + ", ".join(differing))
