import asyncio
from collections.abc import AsyncIterator, Sequence

from hypothesis import given
from hypothesis import strategies as st

from pipeline.archive.files import ArchivedRecord
from pipeline.replay.cursor import Cursor
from pipeline.streaming.records import Record


def record(offset: int) -> ArchivedRecord:
    return ArchivedRecord(offset, 0, str(offset % 3).encode(), b"v", ())


async def fetches(cuts: list[list[int]]) -> AsyncIterator[Sequence[Record]]:
    for cut in cuts:
        yield [record(offset) for offset in cut]


OFFSETS = st.lists(st.integers(0, 60), unique=True).map(sorted)


@given(OFFSETS, st.lists(st.integers(1, 6)), st.lists(st.integers(0, 70)).map(sorted))
def test_every_record_is_taken_once_in_its_cut_however_they_were_fetched(
    offsets: list[int], sizes: list[int], ends: list[int]
) -> None:
    fetched, left = [], offsets
    for size in [*sizes, 100]:
        fetched.append(left[:size])
        left = left[size:]

    async def run() -> list[list[int]]:
        cursor = Cursor(fetches([cut for cut in fetched if cut]))
        return [[r.offset for r in await cursor.take(end)] for end in ends]

    start = 0
    for end, taken in zip(ends, asyncio.run(run()), strict=True):
        assert taken == [offset for offset in offsets if start <= offset < end]
        start = max(start, end)


def test_records_that_are_not_kept_are_counted() -> None:
    async def run() -> tuple[list[int], int]:
        cursor = Cursor(fetches([[0, 1, 2], [3, 4]]), lambda r: r.key != b"0")
        return [r.offset for r in await cursor.take(5)], cursor.passed_over

    assert asyncio.run(run()) == ([1, 2, 4], 2)
