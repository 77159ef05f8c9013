from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.codec.registry import FileRegistry, RegistryError
from pipeline.partners.database import Database
from pipeline.partners.rebuild import AWAY_MS_MAX, STALE_MS_MAX, Cause, Found
from pipeline.partners.records import Change
from pipeline.partners.store import ViewStore
from pipeline.partners.tracker import OutdatedError, Raw, Tracker
from pipeline.partners.vocabulary import Admitted
from tests.unit.partners.seen import PARTNER, REGISTRY, TOPIC, seen, value

NOW_MS = 1_790_000_000_000
FOUND = Found("id-1", {0: 0}, {0: 10})


class Clock:
    def __init__(self) -> None:
        self.now_ms = NOW_MS

    def __call__(self) -> int:
        return self.now_ms


class AwayRegistry(FileRegistry):
    """Cannot be reached."""

    def schema(self, schema_id: int) -> str:
        raise RegistryError(f"nobody answers about {schema_id}")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database(tmp_path / "view.sqlite") as opened:
        yield opened


@pytest.fixture
def tracker(database: Database, clock: Clock) -> Tracker:
    return Tracker(TOPIC, PARTNER, REGISTRY, ViewStore(database.view), clock)


def raw(subject: str, sequence: int = 1, **changes: object) -> Raw:
    return Raw(subject.encode(), value(seen(subject, sequence), **changes))


def test_records_are_taken_in_and_counted(tracker: Tracker) -> None:
    tracker.stand(FOUND)

    changes = tracker.take([raw("ann"), raw("ann"), raw("ben"), Raw(b"ben", None)], {0: 4})

    assert changes == [
        Change("ann", seen("ann")),
        Change("ben", seen("ben")),
        Change("ben", None),
    ]
    assert tracker.get("ann", NOW_MS) == seen("ann")
    assert tracker.get("ben", NOW_MS) is None
    assert tracker.results.counts() == {"taken": 2, "ended": 1, "repeat": 1}


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (Raw(b"ann", b"\0\0\0\0\7nonsense"), "not one"),
        (Raw(b"ann", b"{}"), "not framed"),
        (Raw(b"ann", b"\0\0\xff\xff\xff"), "of no known schema"),
        (Raw(b"ann", value(seen("ben"))), "about another subject"),
        (Raw(b"ann", value(seen("ann", partner_id="microloan"))), "for another partner"),
    ],
)
def test_a_record_that_cannot_be_read_shows_nothing_of_its_subject(
    tracker: Tracker, record: Raw, why: str
) -> None:
    tracker.stand(FOUND)
    tracker.take([raw("ann"), raw("ben")], {0: 2})

    changes = tracker.take([record], {0: 3})

    assert changes == [Change("ann", None)], why
    assert tracker.get("ann", NOW_MS) is None
    assert tracker.get("ben", NOW_MS) == seen("ben")
    assert tracker.results.counts()["refused"] == 1


def test_a_record_without_a_key_is_refused_alone(tracker: Tracker) -> None:
    tracker.stand(FOUND)

    assert tracker.take([Raw(None, value(seen("ann"))), raw("ben")], {0: 2}) != []
    assert tracker.results.counts() == {"refused": 1, "taken": 1}


def test_while_the_registry_is_away_nothing_is_taken_in(database: Database, clock: Clock) -> None:
    store = ViewStore(database.view)
    tracker = Tracker(TOPIC, PARTNER, AwayRegistry(), store, clock)
    tracker.stand(FOUND)

    with pytest.raises(RegistryError):
        tracker.take([raw("ann")], {0: 1})

    assert Tracker(TOPIC, PARTNER, REGISTRY, store, clock).stand(FOUND) == ({0: 0}, None)


def test_a_first_start_reads_from_the_beginning_and_a_second_goes_on(
    tracker: Tracker, database: Database, clock: Clock
) -> None:
    assert tracker.stand(replace(FOUND, beginnings={0: 3})) == ({0: 3}, Cause.FIRST_START)
    assert tracker.rebuilding
    tracker.take([raw("ann")], {0: 4})
    tracker.caught_up({0: 5}, NOW_MS)
    assert not tracker.rebuilding

    again = Tracker(TOPIC, PARTNER, REGISTRY, ViewStore(database.view), clock)

    assert again.stand(FOUND) == ({0: 5}, None)
    assert again.get("ann", NOW_MS) == seen("ann")


def test_a_view_that_was_away_too_long_shows_nothing_until_it_is_read_anew(
    tracker: Tracker, clock: Clock
) -> None:
    tracker.stand(FOUND)
    tracker.take([raw("ann"), raw("ben")], {0: 2})
    tracker.caught_up({0: 2}, NOW_MS)
    clock.now_ms += AWAY_MS_MAX + 1

    assert tracker.get("ann", clock.now_ms) is None
    with pytest.raises(OutdatedError):
        tracker.caught_up({0: 2}, clock.now_ms)
    assert tracker.stand(FOUND) == ({0: 0}, Cause.AWAY)
    assert tracker.take([raw("ann")], {0: 1}) == [], "nothing new of ann"
    assert tracker.get("ben", clock.now_ms) is None
    assert tracker.caught_up({0: 2}, clock.now_ms) == [Change("ben", None)]
    assert tracker.get("ann", clock.now_ms) == seen("ann")


def test_looking_at_the_topic_s_end_keeps_a_quiet_view_current(
    tracker: Tracker, database: Database, clock: Clock
) -> None:
    tracker.stand(FOUND)
    for _ in range(5):
        clock.now_ms += AWAY_MS_MAX // 2
        tracker.caught_up({0: 0}, clock.now_ms)

    restarted = Tracker(TOPIC, PARTNER, REGISTRY, ViewStore(database.view), clock)

    assert restarted.stand(FOUND)[1] is None


def test_reasons_are_read_where_the_score_is_not_admitted(tracker: Tracker) -> None:
    tracker.stand(FOUND)

    tracker.take([raw("ann", admitted="NO", reasons=["LATE_PAYMENTS"])], {0: 1})

    ann = tracker.get("ann", NOW_MS)
    assert ann is not None
    assert (ann.admitted, ann.reasons) == (Admitted.NO, ("LATE_PAYMENTS",))


def test_a_view_that_was_an_hour_without_its_topic_s_end_shows_nothing_until_it_is_there_again(
    tracker: Tracker, clock: Clock
) -> None:
    tracker.stand(FOUND)
    tracker.take([raw("ann")], {0: 1})
    tracker.caught_up({0: 1}, NOW_MS)

    assert tracker.get("ann", NOW_MS + STALE_MS_MAX) == seen("ann")
    assert tracker.get("ann", NOW_MS + STALE_MS_MAX + 1) is None

    clock.now_ms += STALE_MS_MAX + 1
    assert tracker.stand(FOUND) == ({0: 1}, None), "what it has is not lost"
    tracker.caught_up({0: 1}, clock.now_ms)
    assert tracker.get("ann", clock.now_ms) == seen("ann")
