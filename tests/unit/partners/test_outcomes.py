from dataclasses import replace
from typing import Any

import pytest

from pipeline.codec.encode import encode_records
from pipeline.codec.partner_reads import decode_outcomes
from pipeline.partners.outcomes import (
    RefusedOutcomeError,
    check_outcome,
    identified,
    outcome_fields,
)
from pipeline.partners.records import OutcomeReport
from pipeline.partners.vocabulary import ContractKind, ContractStatus
from pipeline.topics import partner_outcomes
from tests.unit.partners.seen import PARTNER, REGISTRY

NOW_MS = 1_790_000_000_000
REPORT = OutcomeReport(
    contract_id="rental-1",
    subject="ann",
    kind=ContractKind.RENTAL,
    status=ContractStatus.OPENED,
    occurred_at_ms=NOW_MS,
    amount_minor=50_000,
    due_at_ms=NOW_MS + 1,
)


def test_a_report_made_twice_gets_the_same_event_id() -> None:
    first, second = identified(REPORT, PARTNER), identified(replace(REPORT), PARTNER)

    assert first == second
    assert first.event_id is not None
    assert 1 <= len(first.event_id) <= 64


@pytest.mark.parametrize(
    "other",
    [
        {"contract_id": "rental-2"},
        {"status": ContractStatus.FULFILLED},
        {"occurred_at_ms": NOW_MS + 1},
    ],
)
def test_another_contract_status_or_time_gets_another_event_id(other: dict[str, Any]) -> None:
    assert (
        identified(replace(REPORT, **other), PARTNER).event_id
        != identified(REPORT, PARTNER).event_id
    )


def test_no_two_partners_make_the_same_event_id() -> None:
    assert identified(REPORT, PARTNER).event_id != identified(REPORT, "microloan").event_id


def test_a_given_event_id_is_kept() -> None:
    assert identified(replace(REPORT, event_id="mine"), PARTNER).event_id == "mine"


def test_a_report_that_keeps_the_rules_is_read_by_the_gateway_as_it_was_made() -> None:
    named = identified(REPORT, PARTNER)
    check_outcome(named, PARTNER, NOW_MS)
    topic = partner_outcomes(PARTNER)
    values = encode_records(topic.subject, [outcome_fields(named)], REGISTRY)
    (row,) = decode_outcomes(topic, [b"ann"], values, REGISTRY).rows

    assert row == {
        "event_id": named.event_id,
        "subject": "ann",
        "occurred_at": NOW_MS,
        "contract_id": "rental-1",
        "kind": "RENTAL",
        "status": "OPENED",
        "amount_minor": 50_000,
        "due_at": NOW_MS + 1,
        "evidence": None,
    }


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"status": ContractStatus.BREACHED}, "evidence is missing"),
        ({"contract_id": ""}, "contract_id has 0 characters"),
        ({"subject": "s" * 129}, "subject has 129 characters"),
        ({"event_id": "e" * 65}, "event_id has 65 characters"),
        ({"amount_minor": -1}, "amount_minor is -1"),
        ({"occurred_at_ms": 1}, "occurred_at is 1 ms"),
        ({"occurred_at_ms": NOW_MS + 86_400_001}, "more than a day ahead"),
        ({"kind": "BOAT"}, "BOAT"),
        ({"status": "LOST"}, "LOST"),
        ({"amount_minor": "many"}, "many"),
        ({"contract_id": 7}, "must be string on field contract_id"),
    ],
)
def test_a_report_that_breaks_a_rule_is_refused(wrong: dict[str, Any], says: str) -> None:
    report = identified(replace(REPORT, **wrong), PARTNER)

    with pytest.raises(RefusedOutcomeError) as refused:
        check_outcome(report, PARTNER, NOW_MS)

    assert says in str(refused.value)
