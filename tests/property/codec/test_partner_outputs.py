"""Partner scores and disclosures as written by column, against fastavro one by one."""

from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline import topics
from pipeline.codec import catalog
from pipeline.codec.encode import decode_record
from pipeline.codec.inputs import decode_inputs
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
from pipeline.codec.partner_reads import decode_partner_score
from pipeline.codec.registry import FileRegistry
from pipeline.factors.layout import NO_TIME
from tests.property.codec.records import TEXT, framed
from tests.property.codec.shared import REPORTED, SHARED

REGISTRY = FileRegistry()
SOME = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
PARTNER = st.sampled_from(["car-rental", "microloan"])


def coded(record: str, field: str, values: list[Any]) -> Any:
    """Enum symbols as their positions, null as NO_CODE."""
    declared = next(f for f in catalog.current(record).avro["fields"] if f["name"] == field)["type"]
    enum = declared[1] if isinstance(declared, list) else declared
    codes = [NO_CODE if v is None else enum["symbols"].index(v) for v in values]
    return np.array(codes, np.uint8)


def named(values: list[str]) -> Names:
    names = sorted(set(values))
    return Names(np.array([names.index(value) for value in values], np.int32), names)


def reasons_of(lists: list[list[str]]) -> Reasons:
    names = sorted({reason for reasons in lists for reason in reasons})
    rows = [[names.index(r) for r in reasons] + [-1] * (4 - len(reasons)) for reasons in lists]
    return Reasons(np.array(rows, np.int32).reshape(-1, 4), names)


def numbers(values: list[int | None], dtype: str) -> Any:
    return np.array([value or 0 for value in values], dtype)


def told(records: list[dict[str, Any]], name: str) -> list[Any]:
    return [record[name] for record in records]


@SOME
@given(
    records=st.lists(SHARED["PartnerScore"], max_size=12), partners=st.lists(PARTNER, min_size=12)
)
def test_partner_scores_are_the_bytes_fastavro_writes(
    records: list[dict[str, Any]], partners: list[str]
) -> None:
    for record, partner in zip(records, partners, strict=False):
        # Zero stands for no end.
        record.update(partner_id=partner, grant_expires_at=record["grant_expires_at"] or None)
    expires = [NO_TIME if e is None else e for e in told(records, "grant_expires_at")]
    columns = PartnerScoreColumns(
        subjects=told(records, "subject"),
        partners=named(told(records, "partner_id")),
        purposes=named(told(records, "purpose")),
        disclosure=coded("PartnerScore", "disclosure", told(records, "disclosure")),
        admitted=coded("PartnerScore", "admitted", told(records, "admitted")),
        band=coded("PartnerScore", "band", told(records, "band")),
        score=numbers(told(records, "score"), "u2"),
        threshold=numbers(told(records, "threshold"), "u2"),
        reasons=reasons_of(told(records, "reasons")),
        models=named(told(records, "model")),
        as_of_ms=np.array(told(records, "as_of"), np.int64),
        grant_expires_at_ms=np.array(expires, np.int64),
        sequence=numbers(told(records, "sequence"), "u4"),
    )
    values = encode_partner_scores(columns, REGISTRY)
    assert values == [framed("PartnerScore", record) for record in records]
    assert [decode_partner_score(value, REGISTRY) for value in values] == records


@SOME
@given(records=st.lists(SHARED["Disclosed"], max_size=12))
def test_disclosures_are_the_bytes_fastavro_writes(records: list[dict[str, Any]]) -> None:
    for record in records:
        record["sequence"] = record["sequence"] or None
    columns = DisclosedColumns(
        event_ids=told(records, "event_id"),
        users=told(records, "user_id"),
        occurred_at_ms=np.array(told(records, "occurred_at"), np.int64),
        partners=named(told(records, "partner_id")),
        purposes=named(told(records, "purpose")),
        subjects=told(records, "subject"),
        kind=coded("Disclosed", "kind", told(records, "kind")),
        cause=coded("Disclosed", "cause", told(records, "cause")),
        disclosure=coded("Disclosed", "disclosure", told(records, "disclosure")),
        admitted=coded("Disclosed", "admitted", told(records, "admitted")),
        band=coded("Disclosed", "band", told(records, "band")),
        score=numbers(told(records, "score"), "u2"),
        threshold=numbers(told(records, "threshold"), "u2"),
        reasons=reasons_of(told(records, "reasons")),
        sequence=numbers(told(records, "sequence"), "u4"),
    )
    values = encode_disclosures(columns, REGISTRY)
    assert values == [framed("Disclosed", record) for record in records]
    assert [decode_record(value, REGISTRY) for value in values] == records


@SOME
@given(drawn=st.lists(st.tuples(REPORTED["PartnerOutcome"], TEXT, TEXT), max_size=12))
def test_a_good_outcome_becomes_an_obligation_the_pipeline_takes(
    drawn: list[tuple[dict[str, Any], str, str]],
) -> None:
    rows = [row | {"user_id": user, "partner_id": partner} for row, user, partner in drawn]
    values = encode_obligations(rows, REGISTRY)
    decoded = decode_inputs(
        topics.OBLIGATIONS, [user.encode() for _, user, _ in drawn], values, REGISTRY
    )
    assert decoded.poison == []
    assert decoded.users == [user for _, user, _ in drawn]
    for row in rows:
        del row["subject"]
    assert [decode_record(value, REGISTRY) for value in values] == rows
