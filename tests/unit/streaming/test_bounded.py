"""What is fetched is handed over within bounds, in turn, and all of it in the end."""

import asyncio
import struct
from collections.abc import Collection, Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import TopicPartition, conn
from aiokafka.consumer import fetcher

from pipeline import settings
from pipeline.streaming import fetched
from pipeline.streaming.bounded import (
    PARTITIONS_AT_ONCE,
    BoundedResult,
    bound_fetches,
    take_fetched,
)
from pipeline.streaming.columnar import ColumnarRecords
from pipeline.streaming.records import RECORD_BYTES
from tests.integration.support.raw import RawRecord, batch

SETTINGS = settings.load(
    batch_bytes_max=10_000,
    lane_bytes_max=10_000,
    lane_waiting_bytes_max=10_000,
    batch_records_max=8,
)
LARGE = [RawRecord(b"k", b"v" * 4_000)] * 10
SMALL = [RawRecord(b"k", b"v")] * 20


@pytest.fixture(autouse=True, params=[1, fetched.COLUMNS_FROM], ids=["columns", "records"])
def columns_from(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(fetched, "COLUMNS_FROM", request.param)
    return int(request.param)


class Source:
    """Fetched records as aiokafka's fetcher keeps them, and its way to hand them over."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **fetched: bytes) -> None:
        for name in ("MemoryRecords", "PartitionRecords", "FetchResult", "FetchRequest"):
            monkeypatch.setattr(fetcher, name, getattr(fetcher, name))
        monkeypatch.setattr(conn, "AIOKafkaConnection", conn.AIOKafkaConnection)
        bound_fetches(SETTINGS)
        self._subscriptions = SimpleNamespace(reassignment_in_progress=False)
        self._records = {
            TopicPartition(name, 0): self.result(name, data) for name, data in fetched.items()
        }

    def result(self, name: str, data: bytes, start: int = 0) -> Any:
        tp = TopicPartition(name, 0)
        state = SimpleNamespace(paused=False, position=start)
        state.consumed_to = lambda offset: setattr(state, "position", offset)
        assignment = SimpleNamespace(active=True, state_value=lambda _: state)
        records = fetcher.PartitionRecords(
            tp, fetcher.MemoryRecords(data), [], start, None, None, True, fetcher.READ_COMMITTED
        )
        return fetcher.FetchResult(
            tp, assignment=assignment, partition_records=records, backoff=0.0
        )

    async def take(
        self, partitions: Collection[Any], _wait_s: float, records_max: int | None
    ) -> Mapping[Any, list[Any]]:
        taken = {}
        for tp in [tp for tp in self._records if tp in partitions]:
            taken[tp] = self._records[tp].getall(records_max)
            if not self._records[tp].has_more():
                del self._records[tp]
            if records_max is not None:
                break
        return taken

    def next(self, *names: str) -> dict[str, list[int]]:
        partitions = {TopicPartition(name, 0) for name in names}
        taken = asyncio.run(take_fetched(cast("Any", self), self.take, partitions, 0.0))
        return {tp.topic: [record.offset for record in records] for tp, records in taken.items()}


def test_a_piece_ends_with_the_record_that_reaches_the_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (result,) = Source(monkeypatch, a=batch(LARGE, "zstd"))._records.values()
    pieces = []
    while result.has_more():
        pieces.append([record.offset for record in result.getall()])
    assert pieces == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]]


def test_a_piece_has_no_more_records_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    (result,) = Source(monkeypatch, a=batch(SMALL))._records.values()
    assert [len(result.getall()) for _ in range(3)] == [8, 8, 4]
    assert not result.has_more()


@pytest.mark.parametrize("headers", [(), ((b"h", b"1"),)])
@pytest.mark.parametrize("start", [0, 3, 5])
def test_a_fetch_that_begins_amid_a_batch_gives_what_was_asked_for(
    start: int, headers: tuple[tuple[bytes, bytes], ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = batch([RawRecord(b"k", b"v", headers)] * 7, "zstd")
    result = Source(monkeypatch).result("a", data, start)
    assert [record.offset for record in result.getall(2)] == [start, start + 1]
    assert [record.offset for record in result.getall()] == list(range(start + 2, 7))


def test_records_without_headers_are_columns_from_so_many_on(
    columns_from: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_batches = batch(SMALL[:4]), batch([RawRecord(b"k", b"v", ((b"h", b"1"),))] * 4)
    taken = [Source(monkeypatch).result("a", data).getall() for data in of_batches]
    assert [isinstance(records, ColumnarRecords) for records in taken] == [columns_from == 1, False]
    assert [len(records) for records in taken] == [4, 4]


def test_a_single_record_is_given_as_it_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    result = Source(monkeypatch).result("a", batch(SMALL), 4)
    assert (result.getone().offset, result.getone().value) == (4, b"v")


def test_batches_that_fit_are_taken_whole_and_others_begin_the_next_piece(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    large, small = [RawRecord(b"k", b"v" * 4_000)] * 2, [RawRecord(b"k", b"v")] * 3
    batches = {0: batch(small), 3: batch(large, "zstd"), 5: batch(large), 7: batch(small)}
    data = b"".join(struct.pack(">q", base) + data[8:] for base, data in batches.items())
    result = Source(monkeypatch).result("a", data)
    pieces = []
    while result.has_more():
        pieces.append([record.offset for record in result.getall()])
    assert pieces == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]


def test_headers_count_too(monkeypatch: pytest.MonkeyPatch) -> None:
    many = RawRecord(b"k", b"v", ((b"", b""),) * (10_000 // RECORD_BYTES))
    (result,) = Source(monkeypatch, a=batch([many] * 3))._records.values()
    assert [len(result.getall()) for _ in range(3)] == [1, 1, 1]


def test_all_partitions_together_give_so_much_at_once_and_the_rest_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = [f"t{number}" for number in range(2 * PARTITIONS_AT_ONCE)]
    source = Source(monkeypatch, **{name: batch(LARGE, "gzip") for name in names})
    seen: dict[str, list[int]] = {name: [] for name in names}
    calls = 0
    while taken := source.next(*names):
        calls += 1
        size = sum(map(len, taken.values())) * (4_000 + RECORD_BYTES)
        assert size <= (PARTITIONS_AT_ONCE + 1) * (BoundedResult.bytes_max + 4_000)
        for name, offsets in taken.items():
            seen[name] += offsets
    assert seen == {name: list(range(10)) for name in names}
    assert calls > 1


def test_partitions_that_are_not_asked_for_give_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Source(monkeypatch, a=batch(SMALL), b=batch(SMALL))
    assert source.next("b") == {"b": list(range(20))}
    assert source.next("a") == {"a": list(range(20))}


def test_nothing_is_taken_of_a_round_while_partitions_are_given_out_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = Source(monkeypatch, a=batch(SMALL))
    source._subscriptions.reassignment_in_progress = True
    assert source.next("a") == {"a": [0]}  # as aiokafka's own way gives it, after the wait
