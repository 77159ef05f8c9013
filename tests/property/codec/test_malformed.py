"""The walk names exactly the values that the batch decoder raises on."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyruhvro import deserialize_array

from pipeline.codec import catalog
from pipeline.codec.layout import layout_of
from pipeline.codec.malformed import find_malformed
from tests.property.codec.records import RECORDS, body

PIECES = st.sampled_from(
    [
        b"\x01",
        b"\x02",
        b"\x00",
        b"\x80\x00",
        b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\xff" * 10,
        b"\x80" * 9 + b"\x02",
        b"\x80" * 11,
    ]
)
HOSTILE = st.lists(PIECES | st.binary(max_size=6), max_size=12).map(b"".join)


def raises(value: bytes, framed: str) -> bool:
    try:
        deserialize_array([value], framed)
    except ValueError:
        return True
    return False


@pytest.mark.parametrize("record", sorted(RECORDS))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_what_the_batch_decoder_raises_on_is_found(record: str, data: st.DataObject) -> None:
    schema = catalog.current(record)
    layout = layout_of(schema.avro)
    cut = st.tuples(RECORDS[record].map(lambda r: body(record, r)), st.integers(0, 80), HOSTILE)
    spoilt = cut.map(lambda c: c[0][: c[1]] + c[2])
    bodies = data.draw(st.lists(HOSTILE | spoilt, max_size=12))
    values = [b"\0" + schema.id.to_bytes(4, "big") + one for one in bodies]
    expected = [at for at, value in enumerate(values) if raises(value, layout.framed)]
    assert sorted(find_malformed(values, layout)) == expected
