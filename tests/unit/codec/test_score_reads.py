"""Scores by column: of this schema version and others, and what is no score."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from pipeline.codec import catalog
from pipeline.codec.catalog import CommittedSchema
from pipeline.codec.decode import Poison
from pipeline.codec.encode import encode_records
from pipeline.codec.reasons import Reason
from pipeline.codec.registry import FileRegistry
from pipeline.codec.score_reads import ScoreReads, decode_scores
from pipeline.codec.translate import write_record
from pipeline.codec.wire import header
from pipeline.scoring.bands import NO_BAND, Band
from pipeline.scoring.scorecard import NO_SCORE
from tests.unit.codec.samples import OCCURRED_AT, REGISTRY, framed

OTHER_ID = 77
FACTOR = {"factor": "SOCIAL", "points": 3, "max_points": 9, "min_points": -9, "consented": True}
SCORE: dict[str, Any] = {
    "user_id": "ann",
    "status": "SCORED",
    "score": 640,
    "band": "GOOD",
    "base_score": 630,
    "probability_of_default": 0.03,
    "factors": [FACTOR],
    "reasons": ["RECENT_OVERDUE", "FEW_ADDRESSES"],
    "missing": [],
    "model": "default@1",
    "as_of": OCCURRED_AT,
    "computed_at": OCCURRED_AT + 1,
    "sequence": 7,
}
THIN = SCORE | {
    "user_id": "bob",
    "status": "THIN_FILE",
    "score": None,
    "band": None,
    "base_score": None,
    "probability_of_default": None,
    "reasons": [],
    "missing": ["ACTIVE_MONTHS"],
    "sequence": 1,
}
Edit = Callable[[list[dict[str, Any]]], object]


def decode(edit: Edit, *records: dict[str, Any]) -> ScoreReads:
    """Scores of an edited schema, a current one on either side."""
    avro = copy.deepcopy(catalog.versions_of("Score")[0].avro)
    edit(avro["fields"])
    other = CommittedSchema(OTHER_ID, "Score", 2, avro)
    registry = FileRegistry([*catalog.committed(), other])
    good = framed("scores", SCORE)
    written = [header(OTHER_ID) + write_record(record, other.text) for record in records]
    return decode_scores([good, *written, good], registry)


def test_scores_come_as_columns() -> None:
    read = decode_scores([framed("scores", SCORE), framed("scores", THIN)], REGISTRY)
    assert read.kept.tolist() == [0, 1]
    assert read.users == ["ann", "bob"]
    assert read.scored.tolist() == [True, False]
    assert read.score.tolist() == [640, NO_SCORE]
    assert read.band.tolist() == [Band.GOOD, NO_BAND]
    assert read.reasons.tolist() == [[0, 1, -1, -1], [-1, -1, -1, -1]]
    assert read.reason_names == ["RECENT_OVERDUE", "FEW_ADDRESSES"]
    assert [read.models[0], read.models[1]] == ["default@1", "default@1"]
    assert read.as_of_ms.tolist() == [OCCURRED_AT] * 2
    assert read.sequence.tolist() == [7, 1]
    assert read.poison == []


def test_no_scores_give_empty_columns() -> None:
    read = decode_scores([], REGISTRY)
    assert (len(read), read.reasons.shape, list(read.reason_names)) == (0, (0, 4), [])


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"user_id": ""}, "user_id has 0 characters, not 1 to 128: ''"),
        ({"score": None}, "score is missing with status SCORED"),
        ({"band": None}, "band is missing with status SCORED"),
        ({"status": "THIN_FILE"}, "score is given without status SCORED"),
        ({"score": 951}, "score is 951, not within 350 to 950"),
        ({"score": 349}, "score is 349, not within 350 to 950"),
        ({"reasons": ["LATE"] * 5}, "reasons are more than 4"),
        ({"model": ""}, "model has 0 characters, not 1 to 128: ''"),
        ({"as_of": -1}, "as_of is -1 ms, not from 1970-01-01 to before 2200-01-01"),
        ({"sequence": -1}, "sequence is -1, not within 0 to 9223372036854775807"),
    ],
)
def test_what_is_no_possible_score_is_invalid(change: dict[str, Any], error: str) -> None:
    good = framed("scores", SCORE)
    read = decode_scores([good, framed("scores", SCORE | change), good], REGISTRY)
    assert read.kept.tolist() == [0, 2]
    assert read.poison == [Poison(1, Reason.INVALID, error)]


def test_bytes_that_are_no_score_are_named_among_good_neighbours() -> None:
    good = framed("scores", SCORE)
    reason = good.index(b"RECENT")
    not_text = good[:reason] + b"\xff" + good[reason + 1 :]
    factor = good.index(b"\x02\x08\x06\x12\x11\x01")  # one item: SOCIAL, 3, 9, -9, true
    no_factor = good[: factor + 1] + b"\x0a" + good[factor + 2 :]
    two_blocks = good[:factor] + b"\x01\x0c" + good[factor + 1 :]  # -1 items of 6 bytes
    values = [
        good,
        None,
        good[:3],
        b"\0\0\0\x03\xe7" + good[5:],
        framed("consents", {"event_id": "e"} | CONSENT_OF_ANN),
        not_text,
        no_factor,
        two_blocks,
        good + b"\0",
        good,
    ]
    read = decode_scores(values, REGISTRY)
    assert read.kept.tolist() == [0, 9]
    assert [(p.index, p.reason) for p in read.poison] == [
        (1, Reason.WIRE_FORMAT),
        (2, Reason.WIRE_FORMAT),
        (3, Reason.UNKNOWN_SCHEMA),
        (4, Reason.DECODE),
        (5, Reason.DECODE),
        (6, Reason.DECODE),
        (7, Reason.DECODE),
        (8, Reason.DECODE),
    ]
    assert read.poison[4].error == "reasons: item is not UTF-8: invalid start byte"
    assert read.poison[5].error == "factors: factor is 5, not within 0 to 4"


CONSENT_OF_ANN = {
    "user_id": "ann",
    "occurred_at": OCCURRED_AT,
    "action": "GRANT",
    "scope": "SCORING",
    "notice_version": "1",
}


def test_a_list_of_any_length_a_few_bytes_claim_is_refused() -> None:
    good = framed("scores", SCORE | {"factors": [], "reasons": []})
    lists = good.index(b"\0\0\0\x12default@1")
    for count in (b"\xfe\xff\xff\xff\xff\xff\xff\xff\x7f", b"\xff" * 9 + b"\x01\x02"):
        spoilt = good[:lists] + count + good[lists + 1 :]
        read = decode_scores([good, spoilt], REGISTRY)
        assert read.kept.tolist() == [0]
        assert [p.reason for p in read.poison] == [Reason.DECODE]


def test_a_list_whose_count_takes_two_bytes_is_read() -> None:
    long = SCORE | {"missing": ["NOTHING"] * 64, "factors": [FACTOR] * 9_000}
    read = decode_scores([framed("scores", long), framed("scores", SCORE)], REGISTRY)
    assert read.poison == []
    assert read.kept.tolist() == [0, 1]


def test_a_later_version_with_more_fields_is_read() -> None:
    def more(fields: list[dict[str, Any]]) -> None:
        fields.insert(2, {"name": "country", "type": "string"})
        fields.append({"name": "notes", "type": {"type": "array", "items": "string"}})

    read = decode(more, THIN | {"country": "DE", "notes": ["a"]})
    assert read.poison == []
    assert read.users == ["ann", "bob", "ann"]
    assert read.score.tolist() == [640, NO_SCORE, 640]


def test_a_version_whose_factors_hold_more_is_read() -> None:
    def more(fields: list[dict[str, Any]]) -> None:
        fields[6]["type"]["items"]["fields"].append({"name": "weight", "type": "double"})

    weighed = SCORE | {"user_id": "cat", "factors": [FACTOR | {"weight": 0.5}]}
    read = decode(more, weighed)
    assert read.poison == []
    assert read.users == ["ann", "cat", "ann"]
    assert read.reasons.tolist() == [[0, 1, -1, -1]] * 3


def test_a_version_with_bands_in_another_order_is_read_by_their_names() -> None:
    def reverse(fields: list[dict[str, Any]]) -> None:
        fields[3]["type"][1]["symbols"].reverse()

    read = decode(reverse, SCORE | {"band": "EXCELLENT"})
    assert read.band.tolist() == [Band.GOOD, Band.EXCELLENT, Band.GOOD]


def test_a_version_without_a_list_that_is_needed_spoils_its_records_alone() -> None:
    read = decode(lambda fields: fields.pop(7), SCORE)
    assert read.kept.tolist() == [0, 2]
    (poison,) = read.poison
    assert poison == Poison(1, Reason.DECODE, "schema 77 lacks reasons, which has no default")


def test_scores_of_the_log_of_changes_are_read_alike() -> None:
    (value,) = encode_records("score-changes-value", [SCORE], REGISTRY)
    assert decode_scores([value], REGISTRY).users == ["ann"]
