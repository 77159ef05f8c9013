"""A partner's local view on a real Kafka: from the start, over restarts, with callbacks."""

import threading

import pytest

from pipeline.errors import SesameError
from pipeline.partners.follower import Phase
from pipeline.partners.records import Change
from pipeline.partners.vocabulary import Admitted, Outcome
from tests.integration.partners.topics import WAIT_S, PartnerTopics, ended, score, until


def test_a_topic_is_followed_from_its_start(topics: PartnerTopics) -> None:
    topics.commit(score("ann"), score("ben", admitted="NO", reasons=["PAID_LATE"]))

    with topics.client() as client:
        client.wait_ready(WAIT_S)
        ann, ben = client.decide("ann"), client.decide("ben", "CAR_RENTAL_DEPOSIT")
        assert client.state.phase is Phase.FOLLOWING

    assert ann.outcome is Outcome.DEPOSIT_WAIVED
    assert (ben.outcome, ben.reasons) == (Outcome.DEPOSIT_REQUIRED, ("PAID_LATE",))
    assert ben.reason_texts != ben.reasons, "reasons are told in words"


def test_what_was_aborted_or_is_not_committed_is_not_seen(topics: PartnerTopics) -> None:
    topics.commit(score("ann"))
    topics.abort(score("ann", 2, admitted="NO"), score("ben"))

    with topics.client() as client:
        client.wait_ready(WAIT_S)
        topics.send(ended("ann"), score("cara"))
        topics.producer.flush()
        assert client.decide("ann").admitted is Admitted.YES
        assert (client.subjects, client.records) == (1, 1)
        topics.producer.commit_transaction()
        until(lambda: client.decide("ann").admitted is Admitted.NOT_AVAILABLE)
        until(lambda: client.decide("cara").admitted is Admitted.YES)


def test_news_reach_callbacks_in_order_once_they_are_seen(topics: PartnerTopics) -> None:
    heard: list[tuple[str, int | None, bool]] = []

    with topics.client() as client:

        def hear(change: Change) -> None:
            seen = client.decide(change.subject).admitted is Admitted.YES
            sequence = None if change.seen is None else change.seen.sequence
            heard.append((change.subject, sequence, seen))

        client.on_change(hear)
        client.wait_ready(WAIT_S)
        topics.commit(score("ann", 1))
        until(lambda: len(heard) == 1)
        topics.commit(score("ann", 1), score("ann", 2))
        until(lambda: len(heard) == 2)
        topics.commit(ended("ann"), ended("ann"), ended("stranger"))
        until(lambda: client.records == 6)

    assert heard == [("ann", 1, True), ("ann", 2, True), ("ann", None, False)]
    assert client.summary().records == {"taken": 2, "repeat": 1, "ended": 3}


def test_a_callback_that_fails_stops_neither_the_others_nor_the_following(
    topics: PartnerTopics,
) -> None:
    heard: list[str] = []

    def fail(change: Change) -> None:
        raise ValueError(change.subject)

    with topics.client() as client:
        client.on_change(fail)
        client.on_change(lambda change: heard.append(change.subject))
        client.wait_ready(WAIT_S)
        topics.commit(score("ann"))
        topics.commit(score("ben"))
        until(lambda: client.subjects == 2)
        until(lambda: sorted(heard) == ["ann", "ben"])
        assert client.callback_errors == 2


def test_a_callback_may_use_the_client_and_others_may_meanwhile(topics: PartnerTopics) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def wait(_: Change) -> None:
        inside.set()
        go_on.wait(WAIT_S)

    with topics.client() as client:
        client.on_change(wait)
        client.wait_ready(WAIT_S)
        topics.commit(score("ann"))
        assert inside.wait(WAIT_S)
        assert client.decide("ann").admitted is Admitted.YES, "callbacks hold no lock"
        go_on.set()


def test_a_restart_goes_on_where_the_view_stood(topics: PartnerTopics) -> None:
    people = [f"subject-{number}" for number in range(50)]
    topics.commit(*(score(subject) for subject in people))
    with topics.client() as client:
        client.wait_ready(WAIT_S)
        assert client.records == 50

    topics.commit(ended(people[0]), score(people[1], 2, admitted="NO"), score("new"))
    with topics.client() as client:
        client.wait_ready(WAIT_S)
        assert client.records == 3, "only what came meanwhile is read"
        assert client.subjects == 50
        answers = {s: client.decide(s).admitted for s in (*people[:3], "new")}

    assert answers == {
        people[0]: Admitted.NOT_AVAILABLE,
        people[1]: Admitted.NO,
        people[2]: Admitted.YES,
        "new": Admitted.YES,
    }


def test_a_record_that_cannot_be_read_stops_nobody(topics: PartnerTopics) -> None:
    topics.commit(score("ann"), ("ann", b"\0\0\0\0\1nonsense"), score("ben"))

    with topics.client() as client:
        client.wait_ready(WAIT_S)
        assert client.decide("ann").admitted is Admitted.NOT_AVAILABLE
        assert client.decide("ben").admitted is Admitted.YES


def test_a_missing_topic_is_told_and_followed_once_it_is_there(empty: PartnerTopics) -> None:
    with empty.client() as client:
        until(lambda: "no topic" in (client.state.problem or ""))
        with pytest.raises(SesameError, match=r"no topic test-.*partner\.car-rental\.scores"):
            client.wait_ready(0.1)
        assert client.state.phase is Phase.AWAY
        assert not client.ready
        empty.create()
        empty.commit(score("ann"))
        client.wait_ready(WAIT_S)
        until(lambda: client.decide("ann").admitted is Admitted.YES)
        assert client.state.problem is None
