"""Any records, with anything mixed in, against fastavro and the contract."""

import io
from typing import Any

import fastavro
import numpy as np
import pytest
import xxhash
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.codec import catalog
from pipeline.codec.decode import decode_columns
from pipeline.codec.inputs import decode_inputs
from pipeline.codec.layout import Kind, layout_of
from pipeline.codec.reasons import Reason
from pipeline.codec.registry import FileRegistry
from tests.property.codec.records import PARSED, RECORDS, TOPICS, body, framed

REGISTRY = FileRegistry()
EACH_RECORD = pytest.mark.parametrize("record", sorted(RECORDS))
SOME = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def as_dicts(record: str, batch: Any) -> list[dict[str, Any]]:
    """Decoded columns as records with their symbols, the way fastavro gives them."""
    layout = layout_of(catalog.current(record).avro)
    columns = {f.name: batch.column(f.name).to_pylist() for f in layout.fields}
    for field in layout.fields:
        if field.kind is Kind.ENUM:
            codes = columns[field.name]
            columns[field.name] = [None if c is None else field.symbols[c] for c in codes]
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


@EACH_RECORD
@SOME
@given(data=st.data())
def test_decoded_records_equal_those_written(record: str, data: st.DataObject) -> None:
    written = data.draw(st.lists(RECORDS[record], max_size=20))
    read = decode_columns(record, [framed(record, r) for r in written], REGISTRY)
    assert not read.poison
    assert as_dicts(record, read.batch) == written


@EACH_RECORD
@SOME
@given(data=st.data())
def test_columns_for_the_folds_are_those_of_the_records(record: str, data: st.DataObject) -> None:
    written = data.draw(st.lists(RECORDS[record], min_size=1, max_size=20))
    keys = [r["user_id"].encode() for r in written]
    decoded = decode_inputs(TOPICS[record], keys, [framed(record, r) for r in written], REGISTRY)
    user = np.arange(len(written), dtype=np.int32)
    columns = decoded.columns_for(user)
    assert decoded.poison == []
    assert decoded.users == [r["user_id"] for r in written]
    assert columns.user is user
    assert columns.occurred_at_ms.tolist() == [r["occurred_at"] for r in written]
    # Partners' event ids are their own.
    ids = [
        f"{r['partner_id']}\0{r['event_id']}" if record == "Obligation" else r["event_id"]
        for r in written
    ]
    hashes = [xxhash.xxh3_64_intdigest(one.encode()) % 2**40 or 1 for one in ids]
    assert columns.id_hash.tolist() == hashes


POISON = {
    "no value": Reason.WIRE_FORMAT,
    "short": Reason.WIRE_FORMAT,
    "magic": Reason.WIRE_FORMAT,
    "unknown id": Reason.UNKNOWN_SCHEMA,
    "another record": Reason.DECODE,
    "truncated": Reason.DECODE,
    "trailing": Reason.DECODE,
    "huge length": Reason.DECODE,
    "negative length": Reason.DECODE,
    "not UTF-8": Reason.DECODE,
    "long integer": Reason.DECODE,
    "empty user": Reason.INVALID,
    "long event id": Reason.INVALID,
    "too old": Reason.INVALID,
    "other key": Reason.KEY_MISMATCH,
    "no key": Reason.KEY_MISMATCH,
}


def spoil(record: str, fields: dict[str, Any], how: str) -> tuple[bytes | None, bytes | None]:
    """Key and value of a record spoilt one way; the event id leads every body."""
    key, value = fields["user_id"].encode(), framed(record, fields)
    after_id = value[5 + len(body_of_id(fields)) :]
    spoilt: dict[str, bytes | None] = {
        "no value": None,
        "short": value[:4],
        "magic": b"\1" + value[1:],
        "unknown id": b"\0\0\0\x27\x0f" + value[5:],
        "another record": b"\0\0\0\0\x08" + value[5:],
        "truncated": value[:-1],
        "trailing": value + b"\0",
        "huge length": value[:5] + b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01" + after_id,
        "negative length": value[:5] + b"\x01" + after_id,
        "not UTF-8": value[:5] + b"\x04\xc3\x28" + after_id,
        "long integer": value[:5] + b"\x82\x00a" + after_id,
        "empty user": framed(record, fields | {"user_id": ""}),
        "long event id": framed(record, fields | {"event_id": "é" * 65}),
        "too old": framed(record, fields | {"occurred_at": 946_684_799_999}),
    }
    keys: dict[str, bytes | None] = {
        "other key": key + b"x",
        "no key": None,
        "empty user": b"",
    }
    return keys.get(how, key), spoilt.get(how, value)


def body_of_id(fields: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, "string", fields["event_id"])
    return out.getvalue()


@EACH_RECORD
@SOME
@given(data=st.data())
def test_poison_in_any_position_is_named_and_its_neighbours_are_kept_in_order(
    record: str, data: st.DataObject
) -> None:
    hows = st.sampled_from(["good", "good", *POISON])
    drawn = data.draw(st.lists(st.tuples(RECORDS[record], hows), max_size=24))
    spoilt = [spoil(record, fields, how) for fields, how in drawn]
    decoded = decode_inputs(
        TOPICS[record], [k for k, _ in spoilt], [v for _, v in spoilt], REGISTRY
    )
    good = [at for at, (_, how) in enumerate(drawn) if how == "good"]
    assert decoded.kept.tolist() == good
    assert decoded.users == [drawn[at][0]["user_id"] for at in good]
    named = [(p.index, p.reason) for p in decoded.poison]
    assert named == [(at, POISON[how]) for at, (_, how) in enumerate(drawn) if how != "good"]
    columns = decoded.columns_for(np.zeros(len(good), np.int32))
    assert columns.occurred_at_ms.tolist() == [drawn[at][0]["occurred_at"] for at in good]


@EACH_RECORD
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_bytes_decode_exactly_if_fastavro_reads_and_writes_them_back(
    record: str, data: st.DataObject
) -> None:
    bodies = [body(record, r) for r in data.draw(st.lists(RECORDS[record], max_size=6))]
    edits = data.draw(
        st.lists(
            st.tuples(st.integers(0, 2**16), st.integers(0, 400), st.binary(max_size=4)),
            max_size=6,
        )
    )
    for which, where, what in edits:
        if bodies:
            at = which % len(bodies)
            bodies[at] = bodies[at][:where] + what + bodies[at][where + len(what) :]
    bodies += data.draw(st.lists(st.binary(max_size=60), max_size=3))
    header = b"\0" + catalog.current(record).id.to_bytes(4, "big")
    read = decode_columns(record, [header + one for one in bodies], REGISTRY)
    expected = {at: fields for at, one in enumerate(bodies) if (fields := reread(record, one))}
    assert read.kept.tolist() == list(expected)
    assert as_dicts(record, read.batch) == list(expected.values())
    assert [p.index for p in read.poison] == [at for at in range(len(bodies)) if at not in expected]


def reread(record: str, one: bytes) -> dict[str, Any] | None:
    """What fastavro reads, if writing it gives the same bytes."""
    try:
        fields: Any = fastavro.schemaless_reader(io.BytesIO(one), PARSED[record], None)
        return fields if body(record, fields) == one else None
    except Exception:  # noqa: BLE001 - fastavro raises all kinds on hostile bytes
        return None
