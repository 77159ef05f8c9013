"""A stored view is read anew when the topic may have forgotten what it missed."""

import time

import pytest

from pipeline.partners.rebuild import AWAY_MS_MAX
from pipeline.partners.records import Change
from pipeline.partners.vocabulary import Admitted
from tests.integration.partners.topics import WAIT_S, PartnerTopics, score, until


def wall_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
def deletable(empty: PartnerTopics) -> PartnerTopics:
    """Topics whose first records can be removed, as compaction would."""
    empty.create(**{"cleanup.policy": "delete"})
    return empty


def admitted(topics: PartnerTopics, *subjects: str, later_ms: int = 0) -> list[str]:
    """Who is admitted in the view of a client that starts now, or later."""
    changes: list[Change] = []
    with topics.client(clock_ms=lambda: wall_ms() + later_ms) as client:
        client.on_change(changes.append)
        client.wait_ready(WAIT_S)
        found = [s for s in subjects if client.decide(s).admitted is Admitted.YES]
        gone = {change.subject for change in changes if change.seen is None}
    assert not gone & set(found), "callbacks and view differ"
    return found


def test_who_withdrew_and_was_forgotten_while_the_partner_was_away_is_gone(
    deletable: PartnerTopics,
) -> None:
    deletable.commit(score("ann"), score("ben"))
    assert admitted(deletable, "ann", "ben") == ["ann", "ben"]
    # Ben's record and its end are both compacted away: nothing tells of him any more.
    deletable.forget_all()
    deletable.commit(score("ann", 1))

    assert admitted(deletable, "ann", "ben") == ["ann", "ben"], "a day away, it goes on"
    assert admitted(deletable, "ann", "ben", later_ms=AWAY_MS_MAX + 60_000) == ["ann"]


def test_offsets_that_are_gone_are_not_skipped_over_in_silence(deletable: PartnerTopics) -> None:
    deletable.commit(score("ann"), score("ben"))
    assert admitted(deletable, "ann", "ben") == ["ann", "ben"]
    # Something was written and removed: it may have been ben's end.
    deletable.commit(*(score(f"other-{number}") for number in range(9)))
    deletable.forget_all()
    deletable.commit(score("ann", 1))

    assert admitted(deletable, "ann", "ben", "other-1") == ["ann"]


def test_a_topic_made_anew_while_the_partner_was_away_is_read_from_its_start(
    topics: PartnerTopics,
) -> None:
    topics.commit(score("ann", 5), score("ben", 5))
    assert admitted(topics, "ann", "ben") == ["ann", "ben"]
    topics.delete("scores")
    topics.create("scores")
    # More records than before, so that the stored offsets would be good ones.
    topics.commit(*(score(f"other-{number}") for number in range(30)), score("ann", 1))

    assert admitted(topics, "ann", "ben", "other-1") == ["ann", "other-1"]


def test_a_topic_made_anew_while_it_is_followed_is_read_from_its_start(
    topics: PartnerTopics,
) -> None:
    topics.commit(score("ann", 5), score("ben", 5))
    gone: list[str] = []
    with topics.client() as client:
        client.wait_ready(WAIT_S)
        client.on_change(lambda change: gone.extend([change.subject] if not change.seen else []))
        topics.delete("scores")
        topics.create("scores")
        topics.commit(score("ann", 1), *(score(f"other-{number}") for number in range(30)))
        until(lambda: client.decide("other-29").admitted is Admitted.YES)
        until(lambda: client.ready)

        assert client.decide("ann").admitted is Admitted.YES
        assert client.decide("ben").admitted is Admitted.NOT_AVAILABLE
        assert "ben" in gone
