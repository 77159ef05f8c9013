"""Batches read by column hold what the client's own reader finds, or are refused."""

import struct

import pytest
from aiokafka.record.default_records import DefaultRecordBatch

from pipeline.streaming.recordcolumns import OddBatchError, Unpacked, read_columns
from tests.integration.support.raw import RawRecord, batch

_HEADER = struct.Struct(">qiibIhiqqqhii")
ORDINARY = [
    RawRecord(b"ann", b"1"),
    RawRecord(b"k" * 70, b"v" * 200_000),
    RawRecord(b"", b""),
    RawRecord(b"bob", None),
    *[RawRecord(b"many", b"v" * 61)] * 200,
]


def unpacked(data: bytes, base_offset: int = 0) -> Unpacked:
    return Unpacked(base_offset, _HEADER.unpack_from(data)[-1], data[_HEADER.size :])


def test_keys_values_and_offsets_are_those_the_client_reads() -> None:
    one, other = batch(ORDINARY), batch(ORDINARY[:3])
    columns = read_columns([unpacked(one, 1_000), unpacked(other, 5_000)])
    expected = [(r.key, r.value) for data in (one, other) for r in DefaultRecordBatch(data)]
    assert columns.entries() == expected
    assert columns.offsets.tolist() == [*range(1_000, 1_000 + len(ORDINARY)), *range(5_000, 5_003)]
    assert len(columns.within(1_003, 5_001)) == len(ORDINARY) - 3 + 1


@pytest.mark.parametrize("alike", [4, 5, 6, 63, 64, 65, 1_100, 8_300])
def test_records_of_one_size_are_read_at_once_up_to_the_first_of_another(alike: int) -> None:
    records = [
        *[RawRecord(b"r%05d" % i, b"v" * 61) for i in range(alike)],
        RawRecord(b"r", b"w" * 60),
        *[RawRecord(b"r%04d" % i, b"x" * 62) for i in range(alike)],
        *[RawRecord(b"r%d" % i, b"y" * (i % 3)) for i in range(40)],
        *[RawRecord(b"r%04d" % i, b"z" * 20_000) for i in range(9)],
    ]
    columns = read_columns([unpacked(batch(records)), unpacked(batch(records[alike:]), 20_000)])
    expected = [(record.key, record.value) for record in [*records, *records[alike:]]]
    assert columns.entries() == expected


@pytest.mark.parametrize("broken", [3, 4, 5, 6, 20])
def test_a_wrong_length_among_records_of_one_size_is_refused(broken: int) -> None:
    whole = unpacked(batch([RawRecord(b"ann", b"v" * 61)] * 21))
    size = len(whole.body) // whole.count
    for wrong in (0x02, 0x7F, 0xFF):
        body = bytearray(whole.body)
        body[broken * size] = wrong
        with pytest.raises(OddBatchError):
            read_columns([Unpacked(0, whole.count, bytes(body))])


def test_nothing_is_read_from_no_batches() -> None:
    assert read_columns([]).entries() == []


@pytest.mark.parametrize(
    "odd",
    [RawRecord(None, b"1"), RawRecord(b"ann", b"1", ((b"h", b"2"),))],
    ids=["without key", "with a header"],
)
def test_records_of_another_shape_are_refused(odd: RawRecord) -> None:
    with pytest.raises(OddBatchError):
        read_columns([unpacked(batch([*ORDINARY, odd]))])


@pytest.mark.parametrize("cut", [1, 2, 100])
def test_a_batch_that_is_cut_off_is_refused(cut: int) -> None:
    whole = unpacked(batch(ORDINARY))
    with pytest.raises(OddBatchError):
        read_columns([Unpacked(0, whole.count, whole.body[:-cut])])
    with pytest.raises(OddBatchError):
        read_columns([Unpacked(0, whole.count - 1, whole.body)])


@pytest.mark.parametrize("at", range(12))
def test_a_broken_byte_is_refused_or_read_within_the_batch(at: int) -> None:
    body = bytearray(unpacked(batch([RawRecord(b"ann", b"1"), RawRecord(b"bob", b"2")])).body)
    body[at] = 0xFF
    try:
        columns = read_columns([Unpacked(0, 2, bytes(body))])
    except OddBatchError:
        return
    assert (columns.key_at + columns.key_size <= len(body)).all()
    assert (columns.value_at + columns.value_size <= len(body)).all()
