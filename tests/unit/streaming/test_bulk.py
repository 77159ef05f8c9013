"""What lanes write is applied by columns; what is unusual goes the way that tells why."""

import numpy as np
import pytest

from pipeline.factors import contracts, links
from pipeline.factors.layout import (
    FACTOR_ROW,
    FACTOR_ROW_LAYOUT,
    LEDGER_ROW,
    LEDGER_ROW_LAYOUT,
)
from pipeline.factors.state import BatchState
from pipeline.streaming import bulk, changelog
from pipeline.streaming.layouts import UnreadableRowError
from pipeline.streaming.position import Position
from pipeline.streaming.recordcolumns import RecordColumns, Unpacked, read_columns
from pipeline.streaming.records import Entry
from pipeline.streaming.store import PartitionStore
from tests.integration.support.raw import RawRecord, batch

_HEADER_BYTES = 61


def columns_of(entries: list[Entry]) -> RecordColumns:
    data = batch([RawRecord(key, value) for key, value in entries])
    return read_columns([Unpacked(0, len(entries), data[_HEADER_BYTES:])])


def some_state() -> BatchState:
    state = BatchState.empty(["ann", "bob", "zoë"])
    state.rows["layout"] = FACTOR_ROW_LAYOUT
    state.ledgers["layout"] = LEDGER_ROW_LAYOUT
    state.rows["first_credit_month"] = [600, 601, 602]
    state.contracts[1] = contracts.pack({7: contracts.Contract(7, opened_at_s=8)})
    state.links[2] = links.pack({"ann": links.Link(own_at_ms=9), "zoë": links.Link(own_at_ms=9)})
    return state


def test_all_that_a_lane_writes_is_applied_by_columns() -> None:
    state = some_state()
    written = [
        *changelog.tombstones("eve"),
        *changelog.entries(BatchState.empty(state.users), state, [0, 1, 2]),
        (changelog.CONTRACTS + b"ann", None),
        (changelog.POSITION_KEY, Position({"payments": 41}).encode()),
    ]

    # `_UnusualError` would have it applied record by record, at several times the cost.
    change = bulk._Sorter(columns_of(written)).change()
    store = PartitionStore()
    change.put(store)

    assert change.position == Position({"payments": 41})
    again = store.gather(state.users)
    assert again.rows.tobytes() == state.rows.tobytes()
    assert again.ledgers.tobytes() == state.ledgers.tobytes()
    assert (again.contracts, again.links) == (state.contracts, state.links)


@pytest.mark.parametrize(
    "order",
    [
        ("rann", "rbob", "rzoë", "lann", "lbob", "lzoë"),
        ("rann", "rbob", "rzoë", "lbob", "lann", "lzoë"),
        ("rann", "rbob", "rzoë", "lann", "lbob"),
        ("rann", "rbob", "lann", "lbob", "lzoë"),
        ("rann", "rbob", "lann", "rann", "lbob", "lann"),
        ("rann", "rbob", "rbob", "lann", "lbob", "lbob"),
        ("rann", "rbob", "lbob", "lann", "rzoë", "lzoë"),
        ("rann", "rbo", "lan", "lbob"),
        ("rann", "lann", "-ann", "rbob", "lbob"),
    ],
)
def test_each_row_is_that_of_its_person_whoever_the_others_are_of(order: tuple[str, ...]) -> None:
    rows, ledgers = np.zeros(len(order), FACTOR_ROW), np.zeros(len(order), LEDGER_ROW)
    rows["layout"], ledgers["layout"] = FACTOR_ROW_LAYOUT, LEDGER_ROW_LAYOUT
    rows["first_credit_month"] = range(len(order))
    ledgers["consent_expires_ms"][:, 0] = range(100, 100 + len(order))
    written: list[Entry] = []
    for i, key in enumerate(order):
        if key.startswith("-"):
            written += changelog.tombstones(key[1:])
        else:
            row = rows[i] if key.startswith("r") else ledgers[i]
            written.append((key.encode(), row.tobytes()))

    by_columns, one_by_one = PartitionStore(), PartitionStore()
    bulk._Sorter(columns_of(written)).change().put(by_columns)
    changelog.apply(one_by_one, written)

    users = [user for chunk in one_by_one.chunks(10) for user in chunk]
    assert [user for chunk in by_columns.chunks(10) for user in chunk] == users
    found, expected = by_columns.gather(users), one_by_one.gather(users)
    assert found.rows.tobytes() == expected.rows.tobytes()
    assert found.ledgers.tobytes() == expected.ledgers.tobytes()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"rann", b"\x09" + bytes(492)),
        (b"rann", b"\x01too short"),
        (b"rann", b""),
        (b"lann", b"\x02" + bytes(216)),
        (b"xann", b"?"),
        (b"", b"?"),
        (b"r\xff", None),
        (b"l", None),
        (b"cann", b"\x02"),
        (b"cann", b"\x01" + bytes(32)),
        (b"kann", b""),
        (b"kann", b"\x01" + bytes(12)),
        (b"kann", b"\x01\x01" + bytes(13)),
        (b"kann", b"\x01\x01" + bytes(13) + b"\xff"),
        (b"kann", b"\x01\x00\x00" + bytes(8) + b"\x07" + bytes(3)),
        (b"p", None),
        (b"p", b"?"),
        (b"pann", b"?"),
    ],
)
def test_a_record_that_cannot_be_applied_stops_the_restore(key: bytes, value: bytes | None) -> None:
    state = some_state()
    written = changelog.entries(BatchState.empty(state.users), state, [0, 1, 2])
    with pytest.raises(UnreadableRowError):
        bulk.apply_columns(PartitionStore(), columns_of([*written, (key, value)]))
