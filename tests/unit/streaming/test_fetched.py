"""Batches as a broker takes them are read within bounds, and past what is odd in them."""

import struct
from collections.abc import Iterator
from typing import Any

import pytest
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.util import encode_varint

from pipeline.streaming import fetched
from pipeline.streaming.fetched import HEADERS_MAX, BoundedRecords
from pipeline.streaming.records import UnreadableRecord
from tests.integration.support.raw import CODECS, RawRecord, batch, framed

ORDINARY = [RawRecord(b"ann", b"1"), RawRecord(None, b""), RawRecord(b"bob", None, ((b"h", b"2"),))]
ODD = RawRecord(b"eve", b"3", ((b"\xff\xfe", b"4"), (b"plain", b"5")))
AT_MS = 1_760_000_000_123


@pytest.fixture(autouse=True)
def bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BoundedRecords, "unpacked_bytes_max", 10_000, raising=False)


def read(*batches: bytes) -> list[Any]:
    return list(_read(BoundedRecords(b"".join(batches))))


def _read(records: BoundedRecords) -> Iterator[Any]:
    while records.has_next():
        one = records.next_batch()
        assert one.validate_crc()
        yield from one


def seen(record: Any) -> tuple[Any, ...]:
    headers = tuple(record.headers)
    return record.offset, record.timestamp, record.timestamp_type, record.key, record.value, headers


@pytest.mark.parametrize("codec", CODECS)
def test_ordinary_batches_are_read_as_aiokafka_reads_them(codec: str) -> None:
    data = batch(ORDINARY, codec, AT_MS)
    expected = [seen(record) for record in DefaultRecordBatch(data)]
    assert [seen(record) for record in read(data)] == expected
    assert len(expected) == 3


@pytest.mark.parametrize("codec", CODECS)
def test_the_slow_reader_reads_the_same(codec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = batch(ORDINARY, codec, AT_MS)
    expected = [seen(record) for record in read(data)]
    monkeypatch.setattr(fetched, "QUICK_BYTES_MAX", -1)
    assert [seen(record) for record in read(data)] == expected


@pytest.mark.parametrize("codec", CODECS)
def test_a_header_whose_name_is_no_text_costs_no_record(codec: str) -> None:
    records = read(batch([*ORDINARY, ODD, *ORDINARY], codec, AT_MS))
    assert [r.offset for r in records] == list(range(7))
    assert seen(records[3])[1:] == (
        AT_MS,
        0,
        b"eve",
        b"3",
        (("\ufffd\ufffd", b"4"), ("plain", b"5")),
    )


def test_all_batches_of_a_fetch_are_read() -> None:
    assert len(read(batch(ORDINARY, "zstd"), batch([ODD]), batch(ORDINARY))) == 7


@pytest.mark.parametrize("codec", [codec for codec in CODECS if codec != "none"])
def test_a_batch_that_unpacks_to_too_much_is_one_unreadable_record(codec: str) -> None:
    large = [RawRecord(b"k", b"\0" * 6_000)] * 2
    after = batch(ORDINARY)
    (record, *others) = read(batch(large, codec, AT_MS), after)
    assert isinstance(record, UnreadableRecord)
    assert (record.offset, record.timestamp) == (1, AT_MS)
    assert "the last 2 records of a batch that begins at 0" in record.problem
    assert "it unpacks to more than 10000 bytes" in record.problem
    assert len(others) == 3


def test_a_batch_whose_records_break_off_gives_those_before() -> None:
    whole = batch(ORDINARY)
    body = whole[struct.calcsize(">qiibIhiqqqhii") :]
    *read_before, last = read(framed(body[:-2], 3, "none"))
    assert [r.key for r in read_before] == [b"ann", None]
    assert isinstance(last, UnreadableRecord)
    assert last.offset == 2
    assert "the last 1 records" in last.problem
    assert "its record 2 is broken" in last.problem


def crafted(*records: tuple[int, int]) -> bytes:
    """A batch of records of these time and offset deltas, whatever its header says of them."""
    bodies = [b"\0" + varint(ms) + varint(delta) + b"\x02k\x02v\0" for ms, delta in records]
    packed = b"".join(varint(len(body)) + body for body in bodies)
    return framed(packed, len(records), "none", AT_MS)


def varint(number: int) -> bytes:
    out = bytearray()
    encode_varint(number, out.append)
    return bytes(out)


@pytest.mark.parametrize("quick_bytes", [fetched.QUICK_BYTES_MAX, -1], ids=["quickly", "slowly"])
@pytest.mark.parametrize("columns_from", [1, 1_000], ids=["columns", "records"])
@pytest.mark.parametrize("delta", [10**9, 2, 0, -1])
def test_a_record_is_not_believed_to_be_elsewhere_than_in_its_place(
    monkeypatch: pytest.MonkeyPatch, quick_bytes: int, columns_from: int, delta: int
) -> None:
    monkeypatch.setattr(fetched, "QUICK_BYTES_MAX", quick_bytes)
    monkeypatch.setattr(fetched, "COLUMNS_FROM", columns_from)
    data = crafted((0, 0), (0, delta))
    records = BoundedRecords(data)
    records.whole = True
    (whole,) = records.next_batch()
    for found in (read(data), list(whole.batch.read(1_000_000))):
        good, last = found
        assert good.offset == 0
        assert isinstance(last, UnreadableRecord)
        assert last.offset == 1
        assert f"its record 1 says it is {delta}" in last.problem


@pytest.mark.parametrize("quick_bytes", [fetched.QUICK_BYTES_MAX, -1], ids=["quickly", "slowly"])
def test_a_time_beyond_64_bits_goes_round_as_the_brokers_does(
    monkeypatch: pytest.MonkeyPatch, quick_bytes: int
) -> None:
    monkeypatch.setattr(fetched, "QUICK_BYTES_MAX", quick_bytes)
    largest = 2**63 - 1
    (record,) = read(crafted((largest, 0)))
    assert record.timestamp == AT_MS + largest - 2**64


def test_no_more_than_some_headers_are_kept_of_a_large_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fetched, "QUICK_BYTES_MAX", 100)
    many = RawRecord(b"k", b"v", ((b"", b""),) * 1_000)
    first, second = read(batch([many, RawRecord(b"k2", b"v2")]))
    assert len(first.headers) == HEADERS_MAX
    assert (second.key, second.value) == (b"k2", b"v2")
