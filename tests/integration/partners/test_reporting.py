"""Outcomes and enquiries on a real Kafka: at least once, never lost, told once an event id."""

from collections import Counter
from dataclasses import replace

import pytest

from pipeline.errors import SesameError
from pipeline.partners.records import OutcomeReport
from pipeline.partners.vocabulary import Admitted, ContractKind, ContractStatus
from tests.integration.partners.topics import WAIT_S, PartnerTopics, score, until

NOW_MS = 1_790_000_000_000
ANN, STRANGER = "a" * 40, "s" * 40
LETTERS = str.maketrans("0123456789", "bcdefghijk")


def report(number: int, status: ContractStatus = ContractStatus.OPENED) -> OutcomeReport:
    return OutcomeReport(f"rental-{number}", "ann", ContractKind.RENTAL, status, NOW_MS)


def test_outcomes_arrive_as_they_were_reported_and_in_order(topics: PartnerTopics) -> None:
    states = (ContractStatus.OPENED, ContractStatus.LATE, ContractStatus.FULFILLED)
    with topics.client() as client:
        ids = [client.report(report(n, status)) for n in range(100) for status in states]
        client.flush(WAIT_S)

    written = topics.written("outcomes")
    assert [outcome["event_id"] for outcome in written] == ids, "one subject, one partition"
    assert written[2] == {
        "event_id": ids[2],
        "subject": "ann",
        "occurred_at": NOW_MS,
        "contract_id": "rental-0",
        "kind": "RENTAL",
        "status": "FULFILLED",
        "amount_minor": None,
        "due_at": None,
        "evidence": None,
    }


def test_a_report_made_again_is_one_event_also_after_a_restart(topics: PartnerTopics) -> None:
    with topics.client() as client:
        first = client.report(report(1))
        client.flush(WAIT_S)
        assert client.report(report(1)) == first
    with topics.client() as client:
        assert client.report(report(1)) == first
        other = client.report(report(2))
        client.flush(WAIT_S)

    assert Counter(o["event_id"] for o in topics.written("outcomes")) == {first: 1, other: 1}


def test_reports_made_while_the_topic_is_missing_arrive_once_it_is_there(
    empty: PartnerTopics,
) -> None:
    with empty.client() as client:
        ids = [client.report(report(number)) for number in range(5)]
        with pytest.raises(SesameError, match=r"outcomes still wait after 1 s \(5\)"):
            client.flush(1)
    with empty.client() as client:
        assert client.outcomes_waiting == 5
        empty.create()
        until(lambda: client.outcomes_waiting == 0)

    assert [o["event_id"] for o in empty.written("outcomes")] == ids


def test_each_decision_is_told_and_beyond_the_limit_the_first_is_repeated(
    topics: PartnerTopics,
) -> None:
    current = topics.settings.model_copy(update={"enquiries_per_day_max": 2})
    topics.commit(score(ANN))
    with topics.client(settings=current) as client:
        client.wait_ready(WAIT_S)
        first = client.decide(ANN)
        topics.commit(score(ANN, 2, admitted="NO"))
        until(lambda: client.records == 2)
        answers = [client.decide(ANN).admitted for _ in range(3)]
        stranger = client.decide(STRANGER)
        client.flush(WAIT_S)
        sent = client.summary().enquiries

    assert first.admitted is Admitted.YES
    assert answers == [Admitted.NO, Admitted.YES, Admitted.YES]
    assert stranger.admitted is Admitted.NOT_AVAILABLE
    told = topics.written("enquiries")
    assert Counter(enquiry["subject"] for enquiry in told) == {ANN: 4, STRANGER: 1}
    assert {enquiry["purpose"] for enquiry in told} == {"CAR_RENTAL_DEPOSIT"}
    assert len({enquiry["event_id"] for enquiry in told}) == 5
    assert sent == {"sent": 5, "waiting": 0}


def test_the_last_enquiries_are_told_when_a_client_ends(topics: PartnerTopics) -> None:
    with topics.client() as client:
        for number in range(300):
            client.decide(f"{number:a>40}".translate(LETTERS))

    assert len(topics.written("enquiries")) == 300


def test_a_report_that_breaks_a_rule_reaches_nobody(topics: PartnerTopics) -> None:
    with topics.client() as client:
        with pytest.raises(SesameError, match="evidence is missing"):
            client.report(replace(report(1), status=ContractStatus.BREACHED))
        client.flush(WAIT_S)

    assert topics.written("outcomes") == []
