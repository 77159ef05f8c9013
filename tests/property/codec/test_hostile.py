"""Spoilt values are judged and read alike by the batch decoder and by fastavro."""

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pipeline.codec import catalog
from pipeline.codec.decode import decode_columns
from pipeline.codec.wire import header
from tests.fuzz.verdicts import NAMED, RECORDS, REGISTRY, check
from tests.property.codec.records import RECORDS as INPUTS
from tests.property.codec.records import body
from tests.property.codec.shared import SHARED

WHOLE = INPUTS | SHARED
NUMBERS = [
    b"\x01",  # a length or an index of -1
    b"\x04",  # a union's third branch
    b"\x80\x00",  # longer than it need be
    b"\xff\xff\xff\xff\x0f",  # the least of 32 bits
    b"\x80\x80\x80\x80\x10",  # beyond them
    b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01",  # the most of 64 bits
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",  # the least
    b"\xff" * 11,  # no end
    b"\xc3\x28",  # not UTF-8
    b"\xed\xa0\x80",  # a surrogate
]


@st.composite
def spoilt(draw: st.DrawFn, record: str) -> bytes:
    """A record's body with some bytes flipped, cut, doubled, or put in the place of others."""
    data = bytearray(body(record, draw(WHOLE[record])))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(["flip", "cut", "put", "splice", "insert"])):
            case "flip" if at < len(data):
                data[at] ^= 1 << draw(st.integers(0, 7))
            case "cut":
                del data[at:]
            case "put":
                number = draw(st.sampled_from(NUMBERS))
                data[at : at + 1] = number
            case "splice":
                other = body(record, draw(WHOLE[record]))
                data[at:] = other[draw(st.integers(0, len(other))) :]
            case _:
                data[at:at] = draw(st.binary(max_size=12))
    return bytes(data)


@pytest.mark.parametrize("record", sorted(WHOLE))
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_spoilt_records_get_the_same_verdict_and_values_as_from_fastavro(
    record: str, data: st.DataObject
) -> None:
    check(record, data.draw(st.lists(spoilt(record), max_size=8)))


@pytest.mark.parametrize("record", RECORDS)
@settings(max_examples=100, deadline=None)
@given(bodies=st.lists(st.binary(max_size=60), max_size=6))
@example(bodies=[b""])
def test_any_bytes_get_the_same_verdict_as_from_fastavro(record: str, bodies: list[bytes]) -> None:
    check(record, bodies)


@settings(max_examples=100, deadline=None)
@given(
    values=st.lists(
        st.none()
        | st.binary(max_size=20)
        | st.builds(
            lambda number, rest: header(number) + rest,
            st.integers(0, 40) | st.integers(0, 2**32 - 1),
            st.binary(max_size=40),
        ),
        max_size=12,
    )
)
def test_any_values_are_kept_or_refused_for_a_named_reason(values: list[bytes | None]) -> None:
    for schema in catalog.committed():
        read = decode_columns(schema.record, values, REGISTRY)
        assert {poison.reason for poison in read.poison} <= NAMED
        places = [*read.kept.tolist(), *(poison.index for poison in read.poison)]
        assert sorted(places) == list(range(len(values)))
