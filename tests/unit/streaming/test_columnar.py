"""Records held as columns behave as the list of the same records."""

from collections.abc import Sequence

import pyarrow as pa
import pytest

from pipeline.streaming import columnar, records
from pipeline.streaming.columnar import ColumnarRecords, joined, since, until
from pipeline.streaming.records import PlainRecord, Record, UnreadableRecord

LISTED = [
    PlainRecord(offset, 1_000 - offset, b"k%d" % offset, None if offset == 5 else b"v" * offset)
    for offset in (3, 4, 5, 9, 10, 12)
]
WITH_HEADER = PlainRecord(20, 5, b"k", b"v", (("h", b"1"),))
UNREADABLE = UnreadableRecord(20, 5, "broken")


def columns(listed: Sequence[Record] = LISTED) -> ColumnarRecords:
    made = ColumnarRecords.of(listed)
    assert made is not None
    return made


def in_chunks() -> ColumnarRecords:
    return ColumnarRecords.concatenated([columns(LISTED[:1]), columns(LISTED[1:4]), columns()[4:]])


@pytest.mark.parametrize("held", [columns(), in_chunks(), columns([*LISTED, *LISTED])[:6]])
def test_every_record_and_every_slice_is_that_of_the_list(held: ColumnarRecords) -> None:
    assert list(held) == LISTED
    assert len(held) == len(LISTED)
    assert [held[at] for at in range(-6, 6)] == [LISTED[at] for at in range(-6, 6)]
    for start in (None, 0, 2, 4, -1, 9):
        for stop in (None, 0, 3, 5, -2, 9):
            assert list(held[start:stop]) == LISTED[start:stop]
    with pytest.raises(IndexError):
        held[6]
    with pytest.raises(ValueError, match="consecutive"):
        held[::2]


@pytest.mark.parametrize("held", [columns(), in_chunks()])
def test_bytes_and_columns_are_those_of_the_list(held: ColumnarRecords) -> None:
    for ours, listed in ((held, LISTED), (held[1:5], LISTED[1:5]), (held[2:2], [])):
        assert columnar.size_of(ours) == records.size_of(listed) == columnar.size_of(listed)
    assert columnar.keys_of(held) == columnar.keys_of(LISTED)
    assert columnar.values_of(held) == columnar.values_of(LISTED)
    assert columnar.key_column(held).equals(columnar.key_column(LISTED))
    assert columnar.timestamps_of(held).tolist() == columnar.timestamps_of(LISTED).tolist()


@pytest.mark.parametrize("offset", [0, 3, 4, 6, 9, 12, 13])
def test_what_is_since_and_until_an_offset_is_that_of_the_list(offset: int) -> None:
    for held in (columns(), in_chunks(), LISTED):
        assert list(since(held, offset)) == [r for r in LISTED if r.offset >= offset]
        assert list(until(held, offset)) == [r for r in LISTED if r.offset < offset]


def test_what_all_is_since_an_offset_is_the_same_object() -> None:
    held = columns()
    assert since(held, 3) is held
    assert since(LISTED, 3) is LISTED


def test_columns_and_few_single_records_become_columns_in_order() -> None:
    together = joined([LISTED[:2], columns()[2:4], [], LISTED[4:]])
    assert isinstance(together, ColumnarRecords)
    assert list(together) == LISTED


def test_empty_parts_leave_no_trace() -> None:
    held = columns()
    assert joined([held[:0], [], held[2:2]]) == []
    assert joined([[], held, held[:0]]) is held


def test_lists_stay_a_list() -> None:
    assert joined([LISTED[:2], LISTED[2:]]) == LISTED
    assert joined([LISTED]) is LISTED


@pytest.mark.parametrize("odd", [WITH_HEADER, UNREADABLE])
def test_a_record_with_more_than_columns_hold_keeps_all_of_it(odd: Record) -> None:
    assert ColumnarRecords.of([*LISTED, odd]) is None
    together = joined([columns(), [odd]])
    assert list(together) == [*LISTED, odd]
    assert together[-1] is odd


def test_slices_copy_no_values() -> None:
    held = columns()
    (whole,), (part,) = held.values.chunks, held[2:4].values.chunks
    assert isinstance(part, pa.BinaryArray)
    assert part.buffers()[2].address == whole.buffers()[2].address
