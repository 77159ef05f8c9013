"""What is written for partners, people and the pipeline, by column."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.codec.encode import decode_record
from pipeline.codec.names import Names
from pipeline.codec.partner_outputs import (
    NO_CODE,
    DisclosedColumns,
    PartnerScoreColumns,
    Reasons,
    encode_disclosures,
    encode_obligations,
    encode_partner_scores,
)
from pipeline.codec.registry import FileRegistry
from pipeline.codec.wire import schema_id_of
from tests.unit.codec.samples import OBLIGATION, OCCURRED_AT, REGISTRY

TWO = np.arange(2, dtype=np.int32)


def codes(*values: int) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    return np.array(values, np.uint8)


SCORES = PartnerScoreColumns(
    subjects=np.array([b"aaaa", b"bbbb"]),
    partners=Names(TWO, ["car-rental", "microloan"]),
    purposes=Names(TWO, ["CAR_RENTAL_DEPOSIT", "MICROLOAN"]),
    disclosure=codes(0, 2),
    admitted=codes(1, 0),
    band=codes(NO_CODE, 3),
    score=np.array([0, 655], np.uint16),
    threshold=np.array([650, 600], np.uint16),
    reasons=Reasons(np.array([[1, 0, -1, -1], [-1] * 4]), ["LATE", "NEW"]),
    models=Names(TWO * 0, ["default@1"]),
    as_of_ms=np.array([OCCURRED_AT, OCCURRED_AT + 1]),
    grant_expires_at_ms=np.array([0, OCCURRED_AT]),
    sequence=np.array([1, 2], np.uint32),
)
DISCLOSED = DisclosedColumns(
    event_ids=["e-1", "e-2"],
    users=["ann", "bob"],
    occurred_at_ms=OCCURRED_AT,
    partners=SCORES.partners,
    purposes=SCORES.purposes,
    subjects=SCORES.subjects,
    kind=codes(0, 1),
    cause=codes(1, 5),
    disclosure=codes(1, NO_CODE),
    admitted=codes(0, NO_CODE),
    band=codes(2, NO_CODE),
    score=np.array([0, 0], np.uint16),
    threshold=np.array([650, 0], np.uint16),
    reasons=Reasons(np.full((2, 4), -1), []),
    sequence=np.array([4, 0], np.uint32),
)


class PerPartner(FileRegistry):
    """Gives every subject an id of its own, as a registry may."""

    def id_of(self, subject: str) -> int:
        return {"partner.car-rental.scores-value": 70_000, "partner.microloan.scores-value": 3}[
            subject
        ]


def test_partner_scores_hold_what_their_columns_say() -> None:
    first, second = (decode_record(v, REGISTRY) for v in encode_partner_scores(SCORES, REGISTRY))
    assert first == {
        "subject": "aaaa",
        "partner_id": "car-rental",
        "purpose": "CAR_RENTAL_DEPOSIT",
        "disclosure": "ADMIT",
        "admitted": "NO",
        "band": None,
        "score": None,
        "threshold": 650,
        "reasons": ["NEW", "LATE"],
        "model": "default@1",
        "as_of": OCCURRED_AT,
        "grant_expires_at": None,
        "sequence": 1,
    }
    assert (second["subject"], second["disclosure"], second["admitted"]) == ("bbbb", "SCORE", "YES")
    assert (second["band"], second["score"], second["reasons"]) == ("VERY_GOOD", 655, [])
    assert second["grant_expires_at"] == OCCURRED_AT


def test_each_record_has_the_schema_id_of_its_own_partners_topic() -> None:
    values = encode_partner_scores(SCORES, PerPartner())
    assert [schema_id_of(value) for value in values] == [70_000, 3]
    plain = encode_partner_scores(SCORES, REGISTRY)
    assert [value[5:] for value in values] == [value[5:] for value in plain]


def test_subjects_of_unequal_length_are_written_without_padding() -> None:
    columns = replace(SCORES, subjects=np.array([b"aaaa", b"bb"]))
    read = [decode_record(value, REGISTRY) for value in encode_partner_scores(columns, REGISTRY)]
    assert [record["subject"] for record in read] == ["aaaa", "bb"]


def test_some_of_an_array_of_subjects_are_written_as_they_are() -> None:
    rows = np.zeros(4, [("subject", "S4"), ("other", "u1")])
    rows["subject"] = [b"aaaa", b"bbbb", b"cccc", b"dddd"]
    columns = replace(SCORES, subjects=rows["subject"][1:3])
    read = [decode_record(value, REGISTRY) for value in encode_partner_scores(columns, REGISTRY)]
    assert [record["subject"] for record in read] == ["bbbb", "cccc"]


def test_disclosures_hold_what_their_columns_say() -> None:
    shown, ended = (decode_record(v, REGISTRY) for v in encode_disclosures(DISCLOSED, REGISTRY))
    assert (shown["event_id"], shown["user_id"], shown["subject"]) == ("e-1", "ann", "aaaa")
    assert (shown["kind"], shown["cause"], shown["disclosure"]) == ("SHOWN", "SCORE", "BAND")
    assert (shown["admitted"], shown["band"], shown["score"]) == ("YES", "GOOD", None)
    assert (shown["threshold"], shown["sequence"]) == (650, 4)
    assert (ended["kind"], ended["cause"]) == ("ENDED", "WITHDRAWAL")
    nothing = ("disclosure", "admitted", "band", "score", "threshold", "sequence")
    assert [ended[name] for name in nothing] == [None] * 6
    assert shown["occurred_at"] == ended["occurred_at"] == OCCURRED_AT


def test_a_partner_that_is_not_named_is_refused() -> None:
    columns = replace(SCORES, purposes=Names(np.array([0, -1], np.int32), ["MICROLOAN"]))
    with pytest.raises(ValueError, match="a record names none of MICROLOAN"):
        encode_partner_scores(columns, REGISTRY)


def test_columns_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match="length"):
        encode_partner_scores(replace(SCORES, admitted=codes(1)), REGISTRY)


def test_nothing_to_write_asks_no_registry() -> None:
    none = np.zeros(0, np.int32)
    columns = replace(SCORES, subjects=[], partners=Names(none, []))
    assert encode_partner_scores(columns, PerPartner()) == []
    assert encode_disclosures(replace(DISCLOSED, users=[]), PerPartner()) == []
    assert encode_obligations([], PerPartner()) == []


def test_an_outcome_with_its_person_is_an_obligation() -> None:
    (value,) = encode_obligations([OBLIGATION | {"subject": "aaaa"}], REGISTRY)
    assert decode_record(value, REGISTRY) == OBLIGATION
