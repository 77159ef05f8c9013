"""A changelog applied by columns comes to what its committed records do one by one."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c
from aiokafka.structs import TopicPartition
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.factors import contracts, links
from pipeline.factors.former import FACTOR_ROW_1
from pipeline.factors.layout import FACTOR_ROW, FACTOR_ROW_LAYOUT, LEDGER_ROW, LEDGER_ROW_LAYOUT
from pipeline.streaming import bulk, changelog
from pipeline.streaming.bounded import BoundedResult, ReadableRecords, whole_batches
from pipeline.streaming.fetched import BoundedRecords
from pipeline.streaming.position import Position
from pipeline.streaming.records import Entry
from pipeline.streaming.store import PartitionStore

USERS = ["ann", "zoë", "a-person-with-a-longer-name" * 3]
CODECS = [0, 1, 3, 4]
_CONTROL, _TRANSACTIONAL = 0x20, 0x10


def row(users: st.SearchStrategy[str]) -> st.SearchStrategy[Entry]:
    def made(user: str, number: int, layout: int) -> Entry:
        rows = np.zeros(1, FACTOR_ROW if layout == FACTOR_ROW_LAYOUT else FACTOR_ROW_1)
        rows["layout"], rows["first_credit_month"] = layout, number
        return changelog.ROW + user.encode(), rows.tobytes()

    # Most are of this layout, or everything would be applied the slow way.
    layouts = st.integers(0, 9).map(lambda n: 1 if n == 0 else FACTOR_ROW_LAYOUT)
    return st.builds(made, users, st.integers(1, 9), layouts)


def ledger(users: st.SearchStrategy[str]) -> st.SearchStrategy[Entry]:
    def made(user: str, number: int) -> Entry:
        rows = np.zeros(1, LEDGER_ROW)
        rows["layout"], rows["profiles_newest_s"] = LEDGER_ROW_LAYOUT, number
        return changelog.LEDGER + user.encode(), rows.tobytes()

    return st.builds(made, users, st.integers(1, 9))


def contract_list(users: st.SearchStrategy[str]) -> st.SearchStrategy[Entry]:
    def made(user: str, number: int) -> Entry:
        held = {k: contracts.Contract(k, opened_at_s=8) for k in range(number)}
        value = changelog.CONTRACT_LISTS.write(contracts.pack(held)) if held else None
        return changelog.CONTRACTS + user.encode(), value

    return st.builds(made, users, st.integers(0, 3))


def link_list(users: st.SearchStrategy[str]) -> st.SearchStrategy[Entry]:
    def made(user: str, peers: set[str]) -> Entry:
        held = {peer: links.Link(own_at_ms=9, own=links.Own.CONFIRMED) for peer in peers}
        value = changelog.LINK_LISTS.write(links.pack(held)) if held else None
        return changelog.LINKS + user.encode(), value

    return st.builds(made, users, st.sets(st.sampled_from(["bob", "zoë", "x" * 300])))


def position(number: int) -> Entry:
    return changelog.POSITION_KEY, Position({"payments": number}).encode()


def with_rows(entries: list[Entry]) -> list[Entry]:
    """The same ahead of which their people have a row: lanes write nothing of nobody."""
    users = {key[1:] for key, _ in entries}
    rows = np.zeros(1, FACTOR_ROW)
    rows["layout"] = FACTOR_ROW_LAYOUT
    return [(changelog.ROW + user, rows.tobytes()) for user in sorted(users)] + entries


NAMES = st.sampled_from(USERS)
ENTRIES = st.one_of(row(NAMES), ledger(NAMES), contract_list(NAMES), link_list(NAMES))
TRANSACTIONS = st.tuples(
    st.one_of(
        st.lists(ENTRIES, max_size=6).map(with_rows),
        NAMES.map(changelog.tombstones),
        st.integers(1, 99).map(lambda number: [position(number)]),
    ),
    st.booleans(),  # committed
    st.sampled_from(CODECS),
    st.integers(0, 2),  # how many records compaction took before it
)


@dataclass
class Log:
    """A partition as the broker keeps it, and what was committed to it."""

    data: bytes
    aborted: list[tuple[int, int]]
    committed: list[tuple[int, Entry]]
    end: int


def written(transactions: list[tuple[list[Entry], bool, int, int]]) -> Log:
    log = Log(b"", [], [], 0)
    for producer, (entries, committed, codec, taken) in enumerate(transactions):
        first = log.end + taken
        builder = DefaultRecordBatchBuilder(2, codec, 1, producer, 0, 0, 1 << 20)
        for number, (key, value) in enumerate(entries):
            assert builder.append(number, 1, key, value, []) is not None
            if committed:
                log.committed.append((first + number, (key, value)))
        if entries:
            log.data += struct.pack(">q", first) + bytes(builder.build())[8:]
            if not committed:
                log.aborted.append((producer, first))
        log.end = first + len(entries)
        log.data += marker(log.end, producer, committed)
        log.end += 1
    return log


def marker(offset: int, producer: int, committed: bool) -> bytes:
    """A control batch that ends a transaction (Kafka's documentation, "Control Records")."""
    key, value = struct.pack(">hh", 0, int(committed)), struct.pack(">hi", 0, 0)
    record = b"\0\0\0" + bytes([2 * len(key)]) + key + bytes([2 * len(value)]) + value + b"\0"
    body = bytes([2 * len(record)]) + record
    attributes = _CONTROL | _TRANSACTIONAL
    after = struct.pack(">hiqqqhii", attributes, 0, 1, 1, producer, 0, -1, 1) + body
    checked = struct.pack(">ibI", -1, 2, calc_crc32c(after)) + after
    return struct.pack(">qi", offset, len(checked)) + checked


def fetches(log: Log, sizes: list[int]) -> Iterator[list[Any]]:
    """Whole batches of the committed transactions, so many at a time."""
    BoundedRecords.unpacked_bytes_max = 1 << 20
    BoundedResult.records_max, BoundedResult.bytes_max = 1 << 20, 1 << 30
    records = BoundedRecords(log.data)
    found = list(
        ReadableRecords(
            TopicPartition("t", 0),
            records,
            log.aborted,
            0,
            whole_batches,
            None,
            True,
            fetcher.READ_COMMITTED,
        )
        if records.has_next()
        else []
    )
    for size in sizes:
        if found[:size]:
            yield found[:size]
        found = found[size:]
    if found:
        yield found


def one_by_one(log: Log, start: int, end: int) -> tuple[PartitionStore, Position | None]:
    store, newest = PartitionStore(), None
    for offset, entry in log.committed:
        if start <= offset < end:
            newest = changelog.apply(store, [entry]) or newest
    return store, newest


@settings(max_examples=400, deadline=None)
@given(
    st.lists(TRANSACTIONS, max_size=12),
    st.lists(st.integers(1, 5), max_size=4),
    st.integers(0, 5),
    st.integers(0, 5),
)
def test_bulk_and_single_records_restore_the_same(
    transactions: list[tuple[list[Entry], bool, int, int]],
    sizes: list[int],
    skipped: int,
    left: int,
) -> None:
    log = written(transactions)
    start, end = skipped, log.end - left
    store, newest, count = PartitionStore(), None, 0
    for batches in fetches(log, sizes):
        found, applied = bulk.apply_batches(store, batches, start, end)
        newest, count = found or newest, count + applied

    expected, position_expected = one_by_one(log, start, end)
    assert newest == position_expected
    assert count == sum(start <= offset < end for offset, _ in log.committed)
    assert len(store) == len(expected)
    assert [user in store for user in USERS] == [user in expected for user in USERS]
    restored, wanted = store.gather(USERS), expected.gather(USERS)
    assert restored.rows.tobytes() == wanted.rows.tobytes()
    assert restored.ledgers.tobytes() == wanted.ledgers.tobytes()
    assert (restored.contracts, restored.links) == (wanted.contracts, wanted.links)
    last = {key: value for offset, (key, value) in log.committed if start <= offset < end}
    outdated = {
        user for user in USERS if (last.get(changelog.ROW + user.encode()) or b"\2")[:1] == b"\1"
    }
    assert outdated <= store.outdated <= expected.outdated
