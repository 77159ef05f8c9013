"""What partners report, and what they read."""

import copy
from typing import Any

import pytest

from pipeline import topics
from pipeline.codec import catalog, partner_reads
from pipeline.codec.catalog import CommittedSchema
from pipeline.codec.decode import Poison
from pipeline.codec.encode import encode_records
from pipeline.codec.partner_reads import decode_enquiries, decode_outcomes, decode_partner_score
from pipeline.codec.partner_rules import RULES
from pipeline.codec.reasons import Reason
from pipeline.codec.registry import FileRegistry, UnknownSchemaError, parse
from pipeline.codec.rules import RULES as INPUT_RULES
from pipeline.codec.translate import DecodeError, write_record
from pipeline.codec.wire import WireFormatError, header
from tests.unit.codec.samples import OCCURRED_AT, REGISTRY, framed

OUTCOMES = topics.partner_outcomes("car-rental")
ENQUIRIES = topics.partner_enquiries("car-rental")
OUTCOME: dict[str, Any] = {
    "event_id": "e-1",
    "subject": "s-1",
    "occurred_at": OCCURRED_AT,
    "contract_id": "c-1",
    "kind": "RENTAL",
    "status": "BREACHED",
    "amount_minor": 300_00,
    "due_at": None,
    "evidence": "photo 12",
}
ENQUIRY: dict[str, Any] = {
    "event_id": "e-2",
    "subject": "s-1",
    "occurred_at": OCCURRED_AT,
    "purpose": "CAR_RENTAL_DEPOSIT",
}
PARTNER_SCORE: dict[str, Any] = {
    "subject": "s-1",
    "partner_id": "car-rental",
    "purpose": "CAR_RENTAL_DEPOSIT",
    "disclosure": "BAND",
    "admitted": "NO",
    "band": "FAIR",
    "score": None,
    "threshold": 650,
    "reasons": ["RECENT_OVERDUE"],
    "model": "default@1",
    "as_of": OCCURRED_AT,
    "grant_expires_at": None,
    "sequence": 3,
}


def test_outcomes_come_as_rows() -> None:
    read = decode_outcomes(OUTCOMES, [b"s-1"], [framed(OUTCOMES.name, OUTCOME)], REGISTRY)
    assert read.kept.tolist() == [0]
    assert read.rows == [OUTCOME]
    assert read.poison == []


def test_enquiries_come_as_rows() -> None:
    read = decode_enquiries(ENQUIRIES, [b"s-1"], [framed(ENQUIRIES.name, ENQUIRY)], REGISTRY)
    assert (read.kept.tolist(), read.rows, read.poison) == ([0], [ENQUIRY], [])


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"event_id": ""}, "event_id has 0 characters, not 1 to 64: ''"),
        ({"subject": "x" * 129}, f"subject has 129 characters, not 1 to 128: '{'x' * 40}…'"),
        ({"contract_id": ""}, "contract_id has 0 characters, not 1 to 128: ''"),
        ({"amount_minor": -1}, "amount_minor is -1, not within 0 to 1000000000000000"),
        ({"evidence": None}, "evidence is missing"),
        ({"evidence": ""}, "evidence is missing"),
        ({"due_at": 2**62}, f"due_at is {2**62} ms, not from 1900-01-01 to before 2200-01-01"),
        (
            {"occurred_at": 0},
            "occurred_at is 0 ms, not from 2000-01-01 to before 2100-01-01",
        ),
    ],
)
def test_an_outcome_keeps_the_rules_of_an_obligation(change: dict[str, Any], error: str) -> None:
    good, changed = framed(OUTCOMES.name, OUTCOME), OUTCOME | change
    keys = [b"s-1", changed["subject"].encode(), b"s-1"]
    values = [good, framed(OUTCOMES.name, changed), good]
    read = decode_outcomes(OUTCOMES, keys, values, REGISTRY)
    assert read.kept.tolist() == [0, 2]
    assert read.poison == [Poison(1, Reason.INVALID, error)]


def test_an_enquiry_names_its_purpose() -> None:
    value = framed(ENQUIRIES.name, ENQUIRY | {"purpose": ""})
    (poison,) = decode_enquiries(ENQUIRIES, [b"s-1"], [value], REGISTRY).poison
    assert poison.error == "purpose has 0 characters, not 1 to 128: ''"


def test_a_report_under_another_key_is_refused() -> None:
    value = framed(OUTCOMES.name, OUTCOME)
    read = decode_outcomes(OUTCOMES, [b"s-2", None], [value] * 2, REGISTRY)
    assert read.rows == []
    assert read.poison == [
        Poison(0, Reason.KEY_MISMATCH, "key b's-2' is not the subject b's-1'"),
        Poison(1, Reason.KEY_MISMATCH, "no key"),
    ]


def test_reports_are_read_from_their_own_topics() -> None:
    with pytest.raises(ValueError, match=r"partner\.car-rental\.enquiries carries no Partner"):
        decode_outcomes(ENQUIRIES, [], [], REGISTRY)
    with pytest.raises(ValueError, match="obligations carries no PartnerEnquiry"):
        decode_enquiries(topics.OBLIGATIONS, [], [], REGISTRY)


def test_what_partners_write_is_no_input_of_the_pipeline() -> None:
    assert set(RULES) == {"PartnerOutcome", "PartnerEnquiry"}
    assert set(INPUT_RULES) == {topic.record for topic in topics.INPUTS}


def test_a_partner_score_is_read_as_written() -> None:
    value = framed("partner.car-rental.scores", PARTNER_SCORE)
    assert decode_partner_score(value, REGISTRY) == PARTNER_SCORE


def test_a_later_partner_score_is_read_as_this_version_has_it() -> None:
    avro = copy.deepcopy(catalog.current("PartnerScore").avro)
    avro["fields"].insert(1, {"name": "country", "type": "string"})
    other = CommittedSchema(77, "PartnerScore", 2, avro)
    registry = FileRegistry([*catalog.committed(), other])
    value = header(77) + write_record(PARTNER_SCORE | {"country": "DE"}, other.text)
    assert decode_partner_score(value, registry) == PARTNER_SCORE


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (b"\1\0\0\0\x09", WireFormatError),
        (b"\0\0\0\x03\xe7", UnknownSchemaError),
        (framed("partner.car-rental.scores", PARTNER_SCORE)[:-1], DecodeError),
        (framed("partner.car-rental.scores", PARTNER_SCORE) + b"\0", DecodeError),
    ],
)
def test_what_is_no_partner_score_is_refused(value: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        decode_partner_score(value, REGISTRY)


def test_a_partner_score_is_none_of_the_other_records() -> None:
    with pytest.raises(DecodeError, match="is a PartnerOutcome, not a PartnerScore"):
        decode_partner_score(framed(OUTCOMES.name, OUTCOME), REGISTRY)


@pytest.mark.parametrize("threshold", [2**31, -(2**31) - 1, 2**62])
def test_an_int_beyond_32_bits_is_refused_when_records_are_read_one_by_one(threshold: int) -> None:
    value = framed("partner.car-rental.scores", PARTNER_SCORE | {"threshold": threshold})
    with pytest.raises(DecodeError, match="threshold"):
        decode_partner_score(value, REGISTRY)


def test_the_schema_of_partner_scores_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    texts: list[str] = []

    def counted(text: str) -> dict[str, Any]:
        texts.append(text)
        return parse(text)

    monkeypatch.setattr(partner_reads, "parse", counted)
    partner_reads._record_name.cache_clear()
    value = framed("partner.car-rental.scores", PARTNER_SCORE)
    for _ in range(3):
        assert decode_partner_score(value, REGISTRY) == PARTNER_SCORE
    assert len(texts) == 1


def test_each_partner_has_its_subjects_in_the_built_in_registry() -> None:
    (value,) = encode_records("partner.bike-shop.outcomes-value", [OUTCOME], REGISTRY)
    assert value == framed(OUTCOMES.name, OUTCOME)
