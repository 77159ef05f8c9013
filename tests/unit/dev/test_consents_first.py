from collections import Counter

from pipeline import topics
from pipeline.codec.reasons import Reason
from pipeline.dev.simulator.bad import Sent
from pipeline.dev.simulator.consents_first import split
from pipeline.dev.simulator.traffic import Chunk


def consent(user: bytes, value: bytes, reason: Reason | None = None) -> Sent:
    return Sent(topics.CONSENTS, user, value, reason)


def payment(user: bytes, value: bytes) -> Sent:
    return Sent(topics.PAYMENTS, user, value)


def chunk(*records: Sent, opening: bool = False) -> Chunk:
    events = Counter(record.topic.name for record in records)
    return Chunk(list(records), events, Counter(), 0, opening)


def test_who_joins_has_all_consents_sent_ahead_in_their_order() -> None:
    grant, paid, leave = consent(b"new", b"1"), payment(b"new", b"2"), consent(b"new", b"3")
    first, rest = split(chunk(payment(b"old", b"0"), grant, paid, leave), set())
    assert first.records == [grant, leave]
    assert first.opening
    assert rest.records == [payment(b"old", b"0"), paid]


def test_later_consents_keep_their_place() -> None:
    paid, leave = payment(b"old", b"1"), consent(b"old", b"2")
    given = chunk(paid, leave)
    assert list(split(given, {b"old"})) == [given]


def test_people_are_known_from_then_on() -> None:
    known: set[bytes | None] = set()
    list(split(chunk(consent(b"a", b"1"), opening=True), known))
    list(split(chunk(consent(b"b", b"1")), known))
    assert known == {b"a", b"b"}


def test_bad_consents_stay_where_they_are() -> None:
    given = chunk(consent(b"new", b"1", Reason.DECODE))
    assert list(split(given, set())) == [given]


def test_records_and_counts_are_neither_lost_nor_doubled() -> None:
    records = [consent(b"a", b"1"), payment(b"a", b"2"), consent(b"a", b"1"), consent(b"b", b"3")]
    parts = list(split(chunk(*records), set()))
    assert Counter(r for part in parts for r in part.records) == Counter(records)
    assert sum((part.events for part in parts), Counter()) == {"consents": 3, "payments": 1}
