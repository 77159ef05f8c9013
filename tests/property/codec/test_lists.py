"""Records with lists: columns as fastavro reads them one by one, from any bytes."""

import io
from typing import Any

import fastavro
import pytest
from fastavro.validation import validate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.codec import catalog
from pipeline.codec.decode import decode_columns
from pipeline.codec.layout import FieldLayout, Kind, layout_of
from pipeline.codec.registry import FileRegistry
from tests.property.codec.records import PARSED, body
from tests.property.codec.shared import SHARED

REGISTRY = FileRegistry()
EACH_RECORD = pytest.mark.parametrize("record", sorted(SHARED))


def spelt(field: FieldLayout, value: Any) -> Any:
    """A decoded value with enum symbols in place of codes."""
    if field.kind is Kind.LIST and field.holds_records:
        return [{f.name: spelt(f, item[f.name]) for f in field.items} for item in value]
    if field.kind is Kind.ENUM and value is not None:
        return field.symbols[value]
    return value


def as_dicts(record: str, batch: Any) -> list[dict[str, Any]]:
    """Decoded columns as records, the way fastavro gives them."""
    fields = layout_of(catalog.current(record).avro).fields
    return [{f.name: spelt(f, row[f.name]) for f in fields} for row in batch.to_pylist()]


def is_exact(record: str, one: bytes) -> bool:
    """Whether fastavro reads a record, finds it valid and writes the same bytes."""
    try:
        fields: Any = fastavro.schemaless_reader(io.BytesIO(one), PARSED[record], None)
        # Its reader takes ints of more than 32 bits.
        return validate(fields, PARSED[record]) and body(record, fields) == one
    except Exception:  # noqa: BLE001 - fastavro raises all kinds on hostile bytes
        return False


EDITS = st.lists(
    st.tuples(
        st.integers(0, 2**16),
        st.integers(0, 200),
        st.binary(max_size=4) | st.sampled_from([b"\x01", b"\x09\x28", b"\xff" * 9 + b"\x01"]),
    ),
    max_size=6,
)


@EACH_RECORD
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_bytes_decode_exactly_if_fastavro_reads_and_writes_them_back(
    record: str, data: st.DataObject
) -> None:
    bodies = [body(record, r) for r in data.draw(st.lists(SHARED[record], max_size=6))]
    for which, where, what in data.draw(EDITS):
        if bodies:
            at = which % len(bodies)
            bodies[at] = bodies[at][:where] + what + bodies[at][where + len(what) :]
    bodies += data.draw(st.lists(st.binary(max_size=60), max_size=3))
    header = b"\0" + catalog.current(record).id.to_bytes(4, "big")
    read = decode_columns(record, [header + one for one in bodies], REGISTRY)
    exact = [is_exact(record, one) for one in bodies]
    assert read.kept.tolist() == [at for at, good in enumerate(exact) if good]
    # By their bytes, as one not-a-number does not equal another.
    read_bodies = [body(record, fields) for fields in as_dicts(record, read.batch)]
    assert read_bodies == [one for one, good in zip(bodies, exact, strict=True) if good]
    assert [p.index for p in read.poison] == [at for at, good in enumerate(exact) if not good]
