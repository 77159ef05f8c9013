from collections import Counter
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from pipeline.dev.bench.partners.expected import (
    PartnerRecords,
    Shown,
    WrongRecordsError,
    check,
    check_apart,
    decoded,
    expected,
)
from pipeline.dev.bench.partners.news import News, news
from pipeline.dev.bench.partners.people import EXPIRES_MS, Grants
from pipeline.partners.registry import load_registry
from pipeline.resources import partners_file
from pipeline.scoring.bands import band_of
from pipeline.scoring.model import load_model
from pipeline.scoring.scorecard import ScoreColumns, Status

MODEL = load_model("default@1")
RENTAL = load_registry(partners_file()).policy("car-rental")
LOAN = load_registry(partners_file()).policy("microloan")


def two_scores() -> News:
    """Somebody in two rounds: 599 first, then 720, with one reason to tell."""
    score = np.array([720, 599], np.uint16)
    scores = ScoreColumns(
        status=np.full(2, Status.SCORED, np.uint8),
        score=score,
        base_score=score,
        band=band_of(score),
        probability_of_default=np.full(2, 0.05),
        factor_points=np.zeros((2, 5), np.int16),
        consented=np.ones((2, 5), np.bool_),
        reasons=np.array([[3, -1, -1, -1]] * 2, np.int16),
        missing=np.zeros(2, np.uint8),
    )
    return news(scores, (650, 600), MODEL)


def grants(code: int, *, expires: bool = False) -> Grants:
    of_one = np.array([code], np.uint8)
    return Grants("car-rental", "CAR_RENTAL_DEPOSIT", of_one, np.array([expires]))


ADMIT = expected(RENTAL, grants(0), two_scores(), 2)


def test_who_granted_the_answer_is_shown_as_an_answer_with_reasons_for_a_no() -> None:
    no, yes = sorted(ADMIT, key=lambda shown: shown.sequence)
    assert no == Shown(
        "CAR_RENTAL_DEPOSIT",
        "ADMIT",
        "NO",
        None,
        None,
        RENTAL.threshold,
        (MODEL.reason_codes[3],),
        "default@1",
        None,
        1,
    )
    assert yes == no._replace(admitted="YES", reasons=(), sequence=2)


def test_no_more_is_shown_than_the_partner_may_ever_see() -> None:
    first, second = sorted(expected(RENTAL, grants(2), two_scores(), 2), key=lambda s: s.sequence)
    assert (first.disclosure, first.band, first.score) == ("BAND", "FAIR", None)
    assert (second.disclosure, second.band, second.score) == ("BAND", "EXCELLENT", None)


def test_a_score_is_shown_where_it_was_granted_and_may_be_seen() -> None:
    shown = expected(LOAN, grants(2, expires=True), two_scores(), 1)
    (only,) = shown
    assert (only.disclosure, only.band, only.score) == ("SCORE", "FAIR", 599)
    assert only.grant_expires_at_ms == EXPIRES_MS


def test_equal_contents_are_counted() -> None:
    many = replace(grants(0), disclosure=np.zeros(10, np.uint8), expires=np.zeros(10, np.bool_))
    assert sorted(expected(RENTAL, many, two_scores(), 2).values()) == [5, 5, 5, 5]


def records(subject: str = "s1") -> PartnerRecords:
    shown = sorted(ADMIT, key=lambda each: each.sequence)
    return PartnerRecords("car-rental", [subject] * 2, shown)


def test_what_was_due_and_nothing_else_passes() -> None:
    check(records(), ADMIT, people=1)


def test_the_last_answer_about_a_subject_holds() -> None:
    assert records().admitted == {"s1": True}
    assert PartnerRecords("car-rental", ["s1"] * 2, records().shown[::-1]).admitted == {"s1": False}


def test_a_missing_record_is_told() -> None:
    short = PartnerRecords("car-rental", ["s1"], records().shown[:1])
    with pytest.raises(WrongRecordsError, match="1 records, 2 were due; 1 are missing"):
        check(short, ADMIT, people=1)


def test_a_record_that_shows_more_than_was_granted_is_told() -> None:
    shown = [each._replace(band="FAIR") for each in records().shown]
    with pytest.raises(WrongRecordsError, match=r"2 were not due, such as .*band='FAIR'"):
        check(PartnerRecords("car-rental", ["s1"] * 2, shown), ADMIT, people=1)


def test_a_gap_in_a_subjects_sequence_is_told() -> None:
    swapped = PartnerRecords("car-rental", ["s1", "s1"], records().shown[::-1])
    with pytest.raises(WrongRecordsError, match="subject s1 has sequence 2 after 0"):
        check(swapped, ADMIT, people=1)


def test_two_people_under_one_subject_are_told() -> None:
    both = PartnerRecords("car-rental", ["s1"] * 2, records().shown)
    with pytest.raises(WrongRecordsError, match="1 subjects for 2 people"):
        check(both, ADMIT, people=2)


def test_a_subject_that_two_partners_share_is_told() -> None:
    other = replace(records("s2"), partner_id="microloan")
    check_apart([records("s1"), other])
    with pytest.raises(WrongRecordsError, match="microloan and car-rental share subject s2"):
        check_apart([records("s2"), other])


def batch(partner_id: str = "car-rental") -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {
            "subject": ["s1", "s2"],
            "partner_id": [partner_id] * 2,
            "purpose": ["CAR_RENTAL_DEPOSIT"] * 2,
            "disclosure": ["BAND", "ADMIT"],
            "admitted": ["YES", "NO"],
            "band": ["GOOD", None],
            "score": pa.array([None, None], pa.int32()),
            "threshold": pa.array([650, 650], pa.int32()),
            "reasons": [[], ["A", "B"]],
            "model": ["default@1"] * 2,
            "as_of": pa.array([1, 2], pa.timestamp("ms")),
            "grant_expires_at": pa.array([None, 5], pa.timestamp("ms")),
            "sequence": [1, 4],
        }
    )


def test_records_are_read_by_column() -> None:
    read = decoded("car-rental", batch())
    assert read.subjects == ["s1", "s2"]
    purpose, model = "CAR_RENTAL_DEPOSIT", "default@1"
    assert read.shown == [
        Shown(purpose, "BAND", "YES", "GOOD", None, 650, (), model, None, 1),
        Shown(purpose, "ADMIT", "NO", None, None, 650, ("A", "B"), model, 5, 4),
    ]
    assert Counter(read.shown).total() == 2


def test_a_record_of_another_partner_is_told() -> None:
    with pytest.raises(WrongRecordsError, match=r"car-rental was shown .*\['microloan'\]"):
        decoded("car-rental", batch("microloan"))
