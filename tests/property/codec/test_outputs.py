"""Scores and signals as written, against fastavro."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline import topics
from pipeline.codec import catalog
from pipeline.codec.encode import decode_record, encode_records
from pipeline.codec.inputs import decode_inputs
from pipeline.codec.outputs import encode_peer_signals, encode_scores
from pipeline.codec.registry import FileRegistry
from pipeline.codec.translate import DecodeError
from pipeline.factors.state import Signal
from pipeline.factors.vocabulary import Factor
from pipeline.scoring.attributes import ScoredCharacteristic
from pipeline.scoring.bands import NO_BAND, Band
from pipeline.scoring.content import ModelContent
from pipeline.scoring.model import Model
from pipeline.scoring.reasons import NO_REASON, Reason
from pipeline.scoring.scaling import Scaling
from pipeline.scoring.scorecard import ScoreColumns, Status
from pipeline.scoring.thin_file import missing_codes
from tests.property.codec.records import OCCURRED, RECORDS, TEXT, TOPICS, framed

REGISTRY = FileRegistry()
TIMES = st.integers(0, 2**53)
FIVE = len(Factor)
SOME = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


ADDRESS = ScoredCharacteristic(
    name="months_at_address",
    factor=Factor.IDENTITY,
    edges=(12.0,),
    points=(-30, 90),
    missing_points=10,
    neutral_points=55,
    missing_label="no address",
    reason="MOVED",
    missing_reason="NO_ADDRESS",
)


@pytest.fixture(scope="module")
def model() -> Model:
    reasons = tuple(Reason(code, "text", "advice") for code in ("MOVED", "NO_ADDRESS"))
    content = ModelContent("small", 3, "One.", 500, Scaling(), (ADDRESS,), reasons, {})
    return Model(content, "1234abcd" + "0" * 56)


def people(draw: st.DrawFn, codes: int) -> dict[str, Any]:
    """One person's row of the score columns, scored or thin."""
    scored = draw(st.booleans())
    score = draw(st.integers(350, 950)) if scored else 0
    reasons = draw(st.lists(st.integers(0, codes - 1), max_size=4)) if scored else []
    return {
        "user": draw(TEXT),
        "status": Status.SCORED if scored else Status.THIN_FILE,
        "score": score,
        "base_score": draw(st.integers(350, 950)) if scored else 0,
        "band": draw(st.sampled_from(Band)) if scored else NO_BAND,
        "probability_of_default": draw(st.floats(0, 1)) if scored else math.nan,
        "factor_points": [draw(st.integers(-600, 600)) for _ in Factor],
        "consented": [draw(st.booleans()) for _ in Factor],
        "reasons": reasons + [NO_REASON] * (4 - len(reasons)),
        "missing": 0 if scored else draw(st.integers(1, 3)),
        "as_of": draw(TIMES),
        "sequence": draw(st.integers(1, 2**32 - 1)),
    }


def columns(rows: list[dict[str, Any]]) -> ScoreColumns:
    n = len(rows)

    def column(name: str, dtype: str, *shape: int) -> Any:
        return np.array([row[name] for row in rows], dtype).reshape(n, *shape)

    return ScoreColumns(
        status=column("status", "u1"),
        score=column("score", "u2"),
        base_score=column("base_score", "u2"),
        band=column("band", "u1"),
        probability_of_default=column("probability_of_default", "f8"),
        factor_points=column("factor_points", "i2", FIVE),
        consented=column("consented", "?", FIVE),
        reasons=column("reasons", "i2", 4),
        missing=column("missing", "u1"),
    )


def as_record(row: dict[str, Any], model: Model, computed_at: int) -> dict[str, Any]:
    """The Score record of a row, by the contract."""
    scored = row["status"] == Status.SCORED
    return {
        "user_id": row["user"],
        "status": "SCORED" if scored else "THIN_FILE",
        "score": row["score"] if scored else None,
        "band": Band(row["band"]).name if scored else None,
        "base_score": row["base_score"] if scored else None,
        "probability_of_default": row["probability_of_default"] if scored else None,
        "factors": [
            {
                "factor": factor.name,
                "points": row["factor_points"][factor],
                "max_points": int(model.max_points[factor]),
                "min_points": int(model.min_points[factor]),
                "consented": row["consented"][factor],
            }
            for factor in Factor
        ],
        "reasons": [model.reason_codes[at] for at in row["reasons"] if at != NO_REASON],
        "missing": missing_codes(row["missing"]),
        "model": model.name,
        "as_of": row["as_of"],
        "computed_at": computed_at,
        "sequence": row["sequence"],
    }


@SOME
@given(data=st.data(), computed_at=TIMES)
def test_scores_are_the_bytes_fastavro_writes(
    model: Model, data: st.DataObject, computed_at: int
) -> None:
    one = st.composite(people)(len(model.reason_codes))
    rows = data.draw(st.lists(one, max_size=12))
    values = encode_scores(
        [row["user"] for row in rows],
        columns(rows),
        model,
        np.array([row["as_of"] for row in rows], np.int64),
        computed_at,
        np.array([row["sequence"] for row in rows], np.uint32),
        REGISTRY,
    )
    records = [as_record(row, model, computed_at) for row in rows]
    assert values == [framed("Score", record) for record in records]
    assert [decode_record(value, REGISTRY) for value in values] == records


@SOME
@given(
    drawn=st.lists(
        st.tuples(
            st.builds(Signal, TEXT, TEXT, st.booleans(), st.booleans(), st.booleans()).filter(
                lambda signal: signal.sender != signal.receiver
            ),
            st.none() | st.integers(35, 95).map(lambda tens: tens * 10),
        ),
        max_size=12,
    ),
    at=OCCURRED | st.just(0),
)
def test_signals_come_through_as_they_were_sent(
    drawn: list[tuple[Signal, int | None]], at: int
) -> None:
    signals, told = [signal for signal, _ in drawn], [score for _, score in drawn]
    values = encode_peer_signals(signals, told, np.full(len(signals), at), REGISTRY)
    keys = [signal.receiver.encode() for signal in signals]
    decoded = decode_inputs(topics.PEER_SIGNALS, keys, values, REGISTRY)
    assert decoded.poison == []
    records = [decode_record(value, REGISTRY) for value in values]
    assert len({record.pop("event_id") for record in records}) == len(records)
    assert records == [
        {
            "user_id": signal.receiver,
            "occurred_at": max(at, 946_684_800_000),
            "other_user_id": signal.sender,
            "active": signal.active,
            "base_score": score,
            "wants_reply": signal.wants_reply,
            "erased": signal.erased,
        }
        for signal, score in drawn
    ]


@pytest.mark.parametrize("record", sorted(RECORDS))
@SOME
@given(data=st.data())
def test_records_given_as_dicts_come_back_and_are_the_bytes_fastavro_writes(
    record: str, data: st.DataObject
) -> None:
    written = data.draw(st.lists(RECORDS[record], max_size=5))
    values = encode_records(TOPICS[record].subject, written, REGISTRY)
    assert values == [framed(record, fields) for fields in written]
    assert [decode_record(value, REGISTRY) for value in values] == written


@given(body=st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_bytes_that_are_no_score_are_refused(body: bytes) -> None:
    value = b"\0" + catalog.current("Score").id.to_bytes(4, "big") + body
    try:
        fields = decode_record(value, REGISTRY)
    except DecodeError:
        return
    assert framed("Score", fields) == value
