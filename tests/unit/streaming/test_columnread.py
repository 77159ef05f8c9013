"""Batches that the Avro decoder reads hold what the client's own reader finds, or are refused."""

import random
import struct

import pytest
from aiokafka.record.default_records import DefaultRecordBatch

from pipeline.streaming.columnread import Times, read_records
from pipeline.streaming.recordcolumns import OddBatchError, Unpacked
from tests.integration.support.raw import RawRecord, batch, framed

_HEADER = struct.Struct(">qiibIhiqqqhii")
AT_MS = 1_760_000_000_123
ORDINARY = [
    RawRecord(b"ann", b"1"),
    RawRecord(b"k" * 70, b"v" * 200_000),
    RawRecord(b"", b""),
    RawRecord(b"\xff\xfe", b"\x00\xff" * 40),
    *[RawRecord(b"many", b"v" * 61)] * 200,
]


def unpacked(data: bytes, base_offset: int = 0) -> Unpacked:
    return Unpacked(base_offset, _HEADER.unpack_from(data)[-1], data[_HEADER.size :])


def of_record(later_ms: int, behind: int, key: bytes, value: bytes) -> bytes:
    """A record without headers, its numbers below 64 in size."""
    zigzag = [number << 1 ^ number >> 7 for number in (later_ms, behind, len(key), len(value))]
    content = bytes([0, *zigzag[:3]]) + key + bytes([zigzag[3]]) + value + b"\0"
    return bytes([len(content) << 1]) + content


def test_the_records_are_those_the_client_reads() -> None:
    data = batch(ORDINARY, at_ms=AT_MS)
    expected = [(r.offset + 1_000, r.timestamp, r.key, r.value) for r in DefaultRecordBatch(data)]
    records = read_records(unpacked(data, 1_000), Times(AT_MS, None))
    assert [record[:4] for record in records] == expected
    assert all(record.headers == () for record in records)


def test_each_record_has_its_own_time_and_offset_even_amid_a_compacted_batch() -> None:
    body = of_record(0, 2, b"a", b"1") + of_record(-5, 3, b"b", b"2") + of_record(9, 30, b"c", b"3")
    records = read_records(Unpacked(100, 3, body), Times(1_000, None))
    assert records.offsets.tolist() == [102, 103, 130]
    assert records.timestamps_ms.tolist() == [1_000, 995, 1_009]


def test_with_the_logs_own_time_all_records_have_it() -> None:
    body = of_record(0, 0, b"a", b"1") + of_record(9, 1, b"b", b"2")
    records = read_records(Unpacked(0, 2, body), Times(1_000, 7_000))
    assert records.timestamps_ms.tolist() == [7_000, 7_000]


@pytest.mark.parametrize(
    "odd",
    [
        RawRecord(None, b"1"),
        RawRecord(b"ann", None),
        RawRecord(b"ann", b"1", ((b"h", b"2"),)),
    ],
    ids=["without key", "without value", "with a header"],
)
@pytest.mark.parametrize("at", [0, 100, len(ORDINARY)])
def test_records_of_another_shape_are_refused(odd: RawRecord, at: int) -> None:
    with pytest.raises(OddBatchError):
        read_records(unpacked(batch([*ORDINARY[:at], odd, *ORDINARY[at:]])), Times(0, None))


def test_offsets_that_go_back_are_refused() -> None:
    body = of_record(0, 1, b"a", b"1") + of_record(0, 1, b"b", b"2")
    with pytest.raises(OddBatchError, match="order of their offsets"):
        read_records(Unpacked(0, 2, body), Times(0, None))


def test_a_record_that_says_it_is_behind_its_batch_is_refused() -> None:
    body = of_record(0, 0, b"a", b"1") + of_record(0, 9, b"b", b"2")
    assert len(read_records(Unpacked(5, 2, body), Times(0, None), next_offset=15)) == 2
    with pytest.raises(OddBatchError, match="behind its batch"):
        read_records(Unpacked(5, 2, body), Times(0, None), next_offset=14)


def test_lengths_that_only_together_are_right_are_refused() -> None:
    one, other = bytearray(of_record(0, 0, b"a", b"1")), bytearray(of_record(0, 1, b"b", b"22"))
    one[0], other[0] = other[0], one[0]
    with pytest.raises(OddBatchError, match="another length"):
        read_records(Unpacked(0, 2, bytes(one + other)), Times(0, None))


@pytest.mark.parametrize(
    "tail", [b"\0", b"\0" * 50, b"\xff" * 9 + b"\x01", b"\x02\x0e" + b"\0" * 7]
)
@pytest.mark.parametrize("count", [0, 2, 3, 4, 2**31 - 1])
def test_a_batch_with_more_or_less_in_it_than_it_says_is_refused(count: int, tail: bytes) -> None:
    whole = unpacked(batch([RawRecord(b"k", b"v")] * 3))
    with pytest.raises(OddBatchError):
        read_records(Unpacked(0, count, bytes(whole.body) + tail), Times(0, None))


@pytest.mark.parametrize("seed", range(20))
def test_broken_bytes_are_refused_or_read_as_the_client_reads_them(seed: int) -> None:
    draws = random.Random(seed)
    records = [RawRecord(draws.randbytes(5), draws.randbytes(draws.choice([0, 70, 9_000])))] * 4
    for _ in range(50):
        body = bytearray(unpacked(batch(records)).body)
        for _ in range(draws.randint(1, 3)):
            body[draws.randrange(len(body))] = draws.choice([0, 1, 0x7F, 0x80, 0xFF])
        try:
            read = read_records(Unpacked(0, 4, bytes(body)), Times(AT_MS, None))
        except OddBatchError:
            continue
        theirs = DefaultRecordBatch(framed(bytes(body), 4, "none", AT_MS))
        assert [r[:4] for r in read] == [(r.offset, r.timestamp, r.key, r.value) for r in theirs]
