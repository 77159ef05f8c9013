"""What must have been written, told by the naive reference.

The positions in the changelog say how the input was cut into transactions. The same cut is
folded here one event at a time; then everything the stream has written is compared.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipeline import topics
from pipeline.factors.admission import Outcome
from pipeline.factors.layout import CONTRACTS_LAYOUT, FACTOR_ROW, LINKS_LAYOUT
from pipeline.factors.vocabulary import Scope
from pipeline.reference.events import Consent, Event, PeerSignal
from pipeline.reference.oracle import Oracle
from pipeline.reference.person import Person, month_of
from pipeline.reference.render import contract_list, factor_row, ledger_row, link_list
from pipeline.reference.score import score as naive_score
from pipeline.scoring.model import Model
from pipeline.streaming import changelog
from pipeline.streaming.position import Position
from tests.integration.support.events import event_of, fields_of
from tests.integration.support.stream import Placed, Stream, partition_of
from tests.integration.support.tail import Record

BANDS = ("POOR", "FAIR", "GOOD", "VERY_GOOD", "EXCELLENT")
Letter = tuple[str, int, int, str]
"""Topic, partition, offset and reason of a dead letter."""


@dataclass(slots=True)
class Expected:
    """The people of one partition after the last transaction, and what was refused."""

    oracle: Oracle = field(default_factory=Oracle)
    position: Position = field(default_factory=Position)
    letters: Counter[Letter] = field(default_factory=Counter)
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)


def replay(stream: Stream) -> list[Expected]:
    """Fold all that was sent, partition by partition, in the transactions' cut."""
    inputs = _inputs(stream)
    expected = [Expected() for _ in range(stream.partitions)]
    for partition, position in stream.positions():
        _fold(expected[partition], partition, position, inputs)
    return expected


def assert_as_replayed(stream: Stream, model: Model) -> Counter[tuple[str, str]]:
    """Everything written is what the reference says; the outcomes of events by topic."""
    expected = replay(stream)
    people: dict[str, Person] = {}
    month_of_user: dict[str, int] = {}
    for each in expected:
        people |= each.oracle.people
        month_of_user |= dict.fromkeys(each.oracle.people, month_of(each.position.watermark_ms))
    _assert_state(stream, people)
    _assert_letters(stream, sum((each.letters for each in expected), Counter()))
    _assert_sequences(stream, {user for each in expected for user in each.oracle.erased})
    _assert_scores(stream, people, month_of_user, model)
    _assert_links(people, stream)
    return sum((each.outcomes for each in expected), Counter())


Inputs = dict[tuple[str, int], dict[int, Placed]]
"""Every input record by topic and partition, then offset."""


def _inputs(stream: Stream) -> Inputs:
    """What lies in the input topics; who sent it here said what is bad of it."""
    reasons = {(p.topic.name, p.record.partition, p.record.offset): p.reason for p in stream.placed}
    inputs: Inputs = defaultdict(dict)
    for topic in topics.INPUTS:
        for record in stream.read(topic):
            reason = reasons.get((topic.name, record.partition, record.offset))
            placed = Placed(topic, record, reason)
            inputs[topic.name, record.partition][record.offset] = placed
    return inputs


def _fold(expected: Expected, partition: int, position: Position, inputs: Inputs) -> None:
    before = expected.position
    batch: list[Placed] = []
    for topic in topics.INPUTS:
        first, end = before.next_offset(topic.name), position.next_offset(topic.name)
        assert first <= end, f"{topic.name}-{partition} went back from {first} to {end}"
        placed = inputs[topic.name, partition]
        batch += [placed[offset] for offset in range(first, end) if offset in placed]
    watermark_ms = before.watermark_ms
    if batch:
        watermark_ms = _apply(expected, batch, watermark_ms)
    elif position.applied == before.applied:
        expected.oracle.expire(watermark_ms)
    assert position.watermark_ms == watermark_ms
    expected.position = position


def _apply(expected: Expected, batch: list[Placed], watermark_ms: int) -> int:
    """Fold one transaction's records; the watermark after it."""
    good: list[Placed] = []
    events: list[Event] = []
    for placed in batch:
        if placed.reason is None:
            assert placed.record.value is not None
            good.append(placed)
            record = placed.record
            events.append(event_of(placed.topic, placed.record.value, record.timestamp_ms))
        else:
            expected.letters[_letter(placed, placed.reason)] += 1
            expected.outcomes[placed.topic.name, placed.reason.lower()] += 1
    outcomes = expected.oracle.apply_batch(events, watermark_ms)
    newest = watermark_ms
    for placed, event, outcome in zip(good, events, outcomes, strict=True):
        expected.outcomes[placed.topic.name, outcome.name.lower()] += 1
        if outcome in {Outcome.FUTURE, Outcome.TOO_LATE}:
            expected.letters[_letter(placed, outcome.name)] += 1
        if outcome is Outcome.APPLIED and not isinstance(event, Consent | PeerSignal):
            newest = max(newest, event.at_ms)
    return newest


def _letter(placed: Placed, reason: str) -> Letter:
    return placed.topic.name, placed.record.partition, placed.record.offset, reason


def _assert_state(stream: Stream, people: dict[str, Person]) -> None:
    wanted: dict[bytes, bytes] = {}
    for user, person in people.items():
        key = user.encode()
        wanted[changelog.ROW + key] = factor_row(person)
        wanted[changelog.LEDGER + key] = ledger_row(person)
        if contracts := contract_list(person):
            wanted[changelog.CONTRACTS + key] = bytes([CONTRACTS_LAYOUT]) + contracts
        if links := link_list(person):
            wanted[changelog.LINKS + key] = bytes([LINKS_LAYOUT]) + links
    found = {
        key: _fold_part(value) if key.startswith(changelog.ROW) else value
        for key, value in stream.state().items()
    }
    assert found.keys() == wanted.keys()
    differing = {key for key in wanted if found[key] != wanted[key]}
    assert not differing
    for record in stream.read(topics.CHANGELOG):
        key = record.key or b""
        if key != changelog.POSITION_KEY:
            assert record.partition == partition_of(key[1:].decode(), stream.partitions)


def _fold_part(value: bytes) -> bytes:
    """A row without what was published of it."""
    row = np.frombuffer(value, FACTOR_ROW).copy()
    row["published"] = np.zeros((), FACTOR_ROW["published"])
    return row.tobytes()


def letters(stream: Stream) -> list[tuple[Letter, Record]]:
    """The dead letters, with what their headers say."""
    found = []
    for record in stream.read(topics.DEAD_LETTERS):
        headers = {name: value.decode() for name, value in record.headers}
        name = headers["dlq.topic"].removeprefix(stream.prefix)
        partition, offset = int(headers["dlq.partition"]), int(headers["dlq.offset"])
        found.append(((name, partition, offset, headers["dlq.reason"]), record))
    return found


def _assert_letters(stream: Stream, wanted: Counter[Letter]) -> None:
    found = letters(stream)
    assert Counter(letter for letter, _ in found) == wanted
    original = {
        (topic.name, record.partition, record.offset): record
        for topic in topics.INPUTS
        for record in stream.read(topic)
    }
    for (name, partition, offset, _), record in found:
        source = original[name, partition, offset]
        assert (record.key, record.value) == (source.key, source.value)


def _assert_sequences(stream: Stream, erased: set[str]) -> None:
    """Per person 1, 2, 3 and so on; from 1 again only after an erasure."""
    last: dict[str, int] = {}
    for record in stream.read(topics.SCORE_CHANGES):
        assert record.value is not None
        fields = fields_of("Score", record.value)
        user, sequence = fields["user_id"], fields["sequence"]
        assert record.key == user.encode()
        known = last.get(user, 0)
        assert sequence == known + 1 or (sequence == 1 and user in erased)
        last[user] = sequence
    for user, fields_or_none in stream.scores().items():
        if fields_or_none is None:
            assert user in erased
        else:
            assert fields_or_none["sequence"] == last[user]


def _assert_scores(
    stream: Stream, people: dict[str, Person], months: dict[str, int], model: Model
) -> None:
    scores = stream.scores()
    enrolled = {user for user, person in people.items() if person.in_force(Scope.SCORING)}
    assert {user for user, fields in scores.items() if fields is not None} == enrolled
    for user in enrolled:
        found = scores[user]
        assert found is not None
        naive = naive_score(people[user], months[user], model.content)
        assert found["score"] == naive.score, user
        assert found["status"] == ("THIN_FILE" if naive.score is None else "SCORED")
        assert found["band"] == (None if naive.band is None else BANDS[naive.band])


def _assert_links(people: dict[str, Person], stream: Stream) -> None:
    """Both sides of every link have heard the last word of the other."""
    published = {
        key[1:].decode(): np.frombuffer(value, FACTOR_ROW)[0]["published"]
        for key, value in stream.state().items()
        if key.startswith(changelog.ROW)
    }
    for user, person in people.items():
        for other, link in person.links.items():
            there = people.get(other)
            back = there.links.get(user) if there is not None else None
            stands = back is not None and back.confirmed
            if link.confirmed:
                assert link.peer_active == stands, (user, other)
            elif link.peer_active:
                assert stands, (user, other)
            if link.peer_active:
                told: Any = published[other]["signalled"]
                assert link.peer_base == (int(told) * 10 or None), (user, other)
