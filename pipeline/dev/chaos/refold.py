"""The inputs of one partition folded again, in the journal's cut, by the naive reference."""

import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pipeline import topics
from pipeline.dev.chaos.arrivals import Arrived
from pipeline.dev.chaos.publications import History
from pipeline.dev.chaos.records import Place
from pipeline.dev.chaos.verdict import Verdict
from pipeline.factors.admission import Outcome, Policy
from pipeline.reference.events import Consent, PeerSignal
from pipeline.reference.oracle import Oracle
from pipeline.reference.person import Person, month_of
from pipeline.reference.score import Card
from pipeline.streaming.journal import Entry, Kind
from pipeline.streaming.position import Position

_REFUSED = {Outcome.FUTURE, Outcome.TOO_LATE}


class Inputs:
    """One partition's records of each input topic, taken in order, each once."""

    def __init__(self, partition: int, records: Mapping[str, list[Arrived]]) -> None:
        """Nothing is taken yet; ``records`` are by topic name."""
        self.partition = partition
        self._records = records
        self._taken = dict.fromkeys(records, 0)

    def take(self, name: str, upto: int) -> list[Arrived]:
        """Those not yet taken with offsets up to ``upto``."""
        records, start = self._records.get(name, []), self._taken.get(name, 0)
        end = start
        while end < len(records) and records[end].record.offset <= upto:
            end += 1
        self._taken[name] = end
        return records[start:end]

    def taken(self, name: str) -> int:
        """How many of a topic have been taken."""
        return self._taken.get(name, 0)

    def left(self) -> Iterable[Arrived]:
        """Those that no transaction took."""
        for name, records in self._records.items():
            yield from records[self._taken[name] :]


@dataclass(slots=True)
class Refolded:
    """What the reference makes of a partition.

    ``letters`` are the reasons of its dead letters by the records' places; ``histories`` what
    is published of the people that were chosen, in order.
    """

    inputs: Inputs
    card: Card
    histories_of: int = 1
    policy: Policy = field(default_factory=Policy)
    oracle: Oracle = field(init=False)
    position: Position = field(default_factory=Position)
    letters: dict[Place, str] = field(default_factory=dict)
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    histories: dict[str, History] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.oracle = Oracle(self.policy)

    @property
    def people(self) -> dict[str, Person]:
        """Everybody known after the last transaction."""
        return self.oracle.people

    @property
    def month(self) -> int:
        """What scores are as of."""
        return month_of(self.position.watermark_ms)

    def is_followed(self, user: str) -> bool:
        """Whether each publication of a person is worked out: one person in ``histories_of``."""
        return zlib.crc32(user.encode()) % self.histories_of == 0

    def apply(self, entry: Entry, verdict: Verdict) -> None:
        """Do what one transaction of the journal did."""
        before, after = self.position, entry.position
        batch = self._batch(entry, verdict)
        watermark_ms, touched = before.watermark_ms, set[str]()
        self.oracle.erased = set()
        if batch:
            watermark_ms, touched = self._fold(batch)
        elif entry.kind is Kind.SWEEP:
            touched = self._sweep(before)
        elif entry.kind is Kind.SWITCH:
            touched = set(self.people)
        if watermark_ms != after.watermark_ms:
            verdict.disorder(
                f"partition {self.inputs.partition}: the watermark is {after.watermark_ms}, "
                f"must be {watermark_ms}"
            )
        self.position = after
        self._publish(touched | self.oracle.erased, entry)

    def _batch(self, entry: Entry, verdict: Verdict) -> list[Arrived]:
        """The records that a transaction applied for the first time."""
        before, after = self.position, entry.position
        batch: list[Arrived] = []
        for topic in topics.INPUTS:
            first, end = before.next_offset(topic.name), after.next_offset(topic.name)
            if end < first:
                where = f"{topic.name}-{self.inputs.partition}"
                verdict.double(f"{where} goes back from {first} to {end}", first - end)
            batch += self.inputs.take(topic.name, end - 1)
        if before.applied == after.applied and entry.kind is Kind.BATCH:
            verdict.double(f"partition {self.inputs.partition}: a BATCH applied nothing new")
        if (batch or before.applied != after.applied) and entry.kind is not Kind.BATCH:
            verdict.disorder(f"partition {self.inputs.partition}: a {entry.kind} applied records")
        return batch

    def _fold(self, batch: list[Arrived]) -> tuple[int, set[str]]:
        """Fold one transaction's records; the watermark after it and who is touched."""
        good = [each for each in batch if each.event is not None]
        for each in batch:
            if each.reason is not None:
                self._refuse(each, each.reason)
        events = [each.event for each in good if each.event is not None]
        outcomes = self.oracle.apply_batch(events, self.position.watermark_ms)
        newest, touched = self.position.watermark_ms, set[str]()
        for each, event, outcome in zip(good, events, outcomes, strict=True):
            if outcome in _REFUSED:
                self._refuse(each, outcome.name)
                continue
            self.outcomes[each.topic.name, outcome.name.lower()] += 1
            if outcome is Outcome.APPLIED:
                touched.add(event.user)
                if not isinstance(event, Consent | PeerSignal):
                    newest = max(newest, event.at_ms)
        return newest, touched

    def _refuse(self, each: Arrived, reason: str) -> None:
        place = each.topic.name, each.record.partition, each.record.offset
        self.letters[place] = str(reason)
        self.outcomes[each.topic.name, reason.lower()] += 1

    def _sweep(self, before: Position) -> set[str]:
        self.oracle.expire(before.watermark_ms)
        if month_of(before.watermark_ms) > before.swept_month:
            return set(self.people)
        return self.oracle.ending & self.people.keys()

    def _publish(self, users: Iterable[str], entry: Entry) -> None:
        # Until everybody is scored in a new month, who is scored in it depends on the chunk.
        settled = entry.kind is not Kind.SWITCH and self.month <= entry.position.swept_month
        for user in filter(self.is_followed, users):
            history = self.histories.setdefault(user, History())
            if user in self.oracle.erased:
                history.erase()
            if (person := self.people.get(user)) is not None:
                history.score(person, self.month, self.card, certain=settled)


def refold(refolded: Refolded, entries: Iterable[Entry], verdict: Verdict) -> None:
    """Apply a partition's journal, and count what it covers."""
    for entry in entries:
        refolded.apply(entry, verdict)
    inputs = refolded.inputs
    for topic in topics.INPUTS:
        if topic is not topics.PEER_SIGNALS:
            verdict.applied += inputs.taken(topic.name)
            verdict.events += inputs.taken(topic.name)
    for each in inputs.left():
        place = f"{each.topic.name}-{each.record.partition}@{each.record.offset}"
        verdict.lose(f"{place} is in no transaction")
        verdict.events += each.topic is not topics.PEER_SIGNALS
    verdict.outcomes += refolded.outcomes
