"""Each rule of the contract, on either side of its limit."""

from typing import Any

import pytest

from pipeline import topics
from pipeline.codec.inputs import decode_inputs
from pipeline.codec.reasons import Reason
from tests.unit.codec.samples import PARTNER_CONSENT, REGISTRY, SAMPLES, framed

TOPICS = {topic.name: topic for topic in topics.INPUTS}


def verdict(topic: str, fields: dict[str, Any]) -> str | None:
    """The error of one record; None when it is good."""
    good = framed(topic, SAMPLES[topic])
    decoded = decode_inputs(
        TOPICS[topic],
        [b"ann", fields["user_id"].encode(), b"ann"],
        [good, framed(topic, fields), good],
        REGISTRY,
    )
    if not decoded.poison:
        return None
    assert decoded.kept.tolist() == [0, 2]
    (poison,) = decoded.poison
    assert (poison.index, poison.reason) == (1, Reason.INVALID)
    return poison.error


@pytest.mark.parametrize("topic", SAMPLES)
def test_a_sample_of_each_record_is_good(topic: str) -> None:
    assert verdict(topic, SAMPLES[topic]) is None


@pytest.mark.parametrize("topic", SAMPLES)
@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"event_id": ""}, "event_id has 0 characters, not 1 to 64: ''"),
        ({"event_id": "x" * 65}, f"event_id has 65 characters, not 1 to 64: '{'x' * 40}…'"),
        ({"event_id": "é" * 65}, f"event_id has 65 characters, not 1 to 64: '{'é' * 40}…'"),
        ({"user_id": ""}, "user_id has 0 characters, not 1 to 128: ''"),
        ({"user_id": "x" * 129}, f"user_id has 129 characters, not 1 to 128: '{'x' * 40}…'"),
        (
            {"occurred_at": 946_684_799_999},
            "occurred_at is 946684799999 ms, not from 2000-01-01 to before 2100-01-01",
        ),
        (
            {"occurred_at": 4_102_444_800_000},
            "occurred_at is 4102444800000 ms, not from 2000-01-01 to before 2100-01-01",
        ),
        (
            {"occurred_at": -(2**63)},
            "occurred_at is -9223372036854775808 ms, not from 2000-01-01 to before 2100-01-01",
        ),
    ],
)
def test_what_every_event_has_is_within_its_limits(
    topic: str, change: dict[str, Any], error: str
) -> None:
    assert verdict(topic, SAMPLES[topic] | change) == error


@pytest.mark.parametrize(
    ("topic", "change", "error"),
    [
        ("payments", {"amount_minor": -1}, "amount_minor is -1, not within 0 to 1000000000000000"),
        ("payments", {"limit_minor": -1}, "limit_minor is -1, not within 0 to 1000000000000000"),
        (
            "payments",
            {"balance_minor": 2**62},
            f"balance_minor is {2**62}, not within -{10**15} to {10**15}",
        ),
        ("payments", {"currency": "eur"}, "currency is 'eur', not three capital letters"),
        ("payments", {"currency": ""}, "currency is '', not three capital letters"),
        ("payments", {"currency": "EURO"}, "currency is 'EURO', not three capital letters"),
        ("payments", {"account_id": ""}, "account_id has 0 characters, not 1 to 128: ''"),
        (
            "payments",
            {"due_at": 2**62},
            "due_at is 4611686018427387904 ms, not from 1900-01-01 to before 2200-01-01",
        ),
        ("consumption", {"currency": "E1R"}, "currency is 'E1R', not three capital letters"),
        (
            "consumption",
            {"amount_minor": -5},
            "amount_minor is -5, not within 0 to 1000000000000000",
        ),
        ("obligations", {"evidence": None}, "evidence is missing"),
        ("obligations", {"evidence": ""}, "evidence is missing"),
        ("obligations", {"contract_id": ""}, "contract_id has 0 characters, not 1 to 128: ''"),
        ("obligations", {"partner_id": ""}, "partner_id has 0 characters, not 1 to 128: ''"),
        ("relationships", {"other_user_id": "ann"}, "other_user_id is the user's own: 'ann'"),
        ("peer-signals", {"other_user_id": "ann"}, "other_user_id is the user's own: 'ann'"),
        ("peer-signals", {"base_score": 349}, "base_score is 349, not within 350 to 950"),
        (
            "profiles",
            {"since": -(2**62)},
            "since is -4611686018427387904 ms, not from 1900-01-01 to before 2200-01-01",
        ),
        ("consents", {"partner_id": "shop"}, "partner_id is given without scope PARTNER"),
        ("consents", {"disclosure": "BAND"}, "disclosure is given without scope PARTNER"),
        ("consents", {"scope": "PARTNER"}, "partner_id is missing with scope PARTNER"),
        (
            "consents",
            PARTNER_CONSENT | {"purpose": None},
            "purpose is missing with scope PARTNER",
        ),
    ],
)
def test_a_broken_rule_names_field_and_value(
    topic: str, change: dict[str, Any], error: str
) -> None:
    assert verdict(topic, SAMPLES[topic] | change) == error


@pytest.mark.parametrize(
    ("topic", "change"),
    [
        ("payments", {"event_id": "é" * 64}),
        ("payments", {"user_id": "名" * 128}),
        ("payments", {"amount_minor": 0, "limit_minor": 0}),
        ("payments", {"due_at": None, "account_id": None, "balance_minor": None}),
        ("payments", {"occurred_at": 946_684_800_000}),
        ("payments", {"occurred_at": 4_102_444_799_999}),
        ("obligations", {"status": "OPENED", "evidence": None}),
        ("relationships", {"other_user_id": "Ann"}),
        ("profiles", {"since": -1_000_000_000_000}),
        ("consents", PARTNER_CONSENT),
        (
            "consents",
            PARTNER_CONSENT | {"action": "WITHDRAW", "purpose": None, "disclosure": None},
        ),
    ],
)
def test_what_the_contract_allows_passes(topic: str, change: dict[str, Any]) -> None:
    assert verdict(topic, SAMPLES[topic] | change) is None


def test_an_invalid_record_under_another_key_is_invalid_first() -> None:
    value = framed("payments", SAMPLES["payments"] | {"amount_minor": -1})
    decoded = decode_inputs(topics.PAYMENTS, [b"bob"], [value], REGISTRY)
    assert [p.reason for p in decoded.poison] == [Reason.INVALID]
