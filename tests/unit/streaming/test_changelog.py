"""A changelog brings back exactly what was written to it."""

import numpy as np
import pytest

from pipeline.factors import contracts, links
from pipeline.factors.former import FACTOR_ROW_1
from pipeline.factors.layout import FACTOR_ROW_LAYOUT
from pipeline.factors.state import BatchState
from pipeline.streaming import changelog, step
from pipeline.streaming.layouts import UnreadableRowError
from pipeline.streaming.position import Position
from pipeline.streaming.records import Entry
from pipeline.streaming.store import PartitionStore


def some_state() -> BatchState:
    state = BatchState.empty(["ann", "bob", "zoë"])
    state.rows["layout"] = FACTOR_ROW_LAYOUT
    state.ledgers["layout"] = 1
    state.rows["first_credit_month"] = [600, 601, 602]
    state.ledgers["consent_at_ms"][:, 0] = [1, 2, 3]
    state.contracts[1] = contracts.pack({7: contracts.Contract(7, opened_at_s=8)})
    state.links[2] = links.pack({"ann": links.Link(own_at_ms=9)})
    return state


def test_a_store_applied_from_entries_equals_the_state_they_came_from() -> None:
    state = some_state()
    entries = changelog.entries(BatchState.empty(state.users), state, [0, 1, 2])
    position = Position({"payments": 41}, 1_700_000_000_000, 646)

    store = PartitionStore()
    restored = changelog.apply(store, [*entries, (changelog.POSITION_KEY, position.encode())])

    again = store.gather(state.users)
    assert again.rows.tobytes() == state.rows.tobytes()
    assert again.ledgers.tobytes() == state.ledgers.tobytes()
    assert again.contracts == state.contracts
    assert again.links == state.links
    assert restored == position


def test_more_people_than_a_fresh_store_has_room_for_are_restored() -> None:
    state = BatchState.empty([f"user-{i}" for i in range(5_000)])
    state.rows["layout"] = FACTOR_ROW_LAYOUT
    state.ledgers["layout"] = 1
    state.rows["open_exposure_minor"] = np.arange(5_000)
    state.ledgers["profiles_newest_s"] = np.arange(5_000)
    everybody = range(5_000)

    store = PartitionStore()
    changelog.apply(store, changelog.entries(BatchState.empty(state.users), state, list(everybody)))

    again = store.gather(state.users)
    assert again.rows.tobytes() == state.rows.tobytes()
    assert again.ledgers.tobytes() == state.ledgers.tobytes()


def test_unchanged_parts_are_not_written() -> None:
    before = some_state()
    after = before.copy()
    after.rows["first_credit_month"][1] = 599

    written = changelog.entries(before, after, [0, 1, 2])

    assert [key for key, _ in written] == [b"rbob"]


def test_a_list_that_became_empty_is_written_as_a_tombstone() -> None:
    before = some_state()
    after = before.copy()
    after.contracts[1] = b""

    assert changelog.entries(before, after, [1]) == [(b"cbob", None)]


def test_the_last_of_several_rows_of_one_person_wins() -> None:
    state = some_state()
    entries = changelog.entries(BatchState.empty(state.users), state, [0])
    later = state.copy()
    later.rows["first_credit_month"][0] = 500

    store = PartitionStore()
    changelog.apply(store, [*entries, *changelog.entries(state, later, [0])])

    assert store.gather(["ann"]).rows["first_credit_month"][0] == 500


def test_tombstones_remove_a_person_whole() -> None:
    state = some_state()
    store = PartitionStore()
    changelog.apply(store, changelog.entries(BatchState.empty(state.users), state, [0, 1, 2]))

    changelog.apply(store, changelog.tombstones("bob"))

    assert "bob" not in store
    assert len(store) == 2


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"rann", b"\x09" + bytes(492)),
        (b"rann", b"\x01too short"),
        (b"lann", b"\x02" + bytes(216)),
        (b"xann", b"?"),
        (b"", b"?"),
        (b"r\xff", None),
        (b"l", None),
        (b"cann", b"\x02"),
        (b"cann", b"\x01" + bytes(32)),
        (b"kann", b"\x01" + bytes(12)),
        (b"kann", b"\x01\x01" + bytes(13)),
        (b"kann", b"\x01\x01" + bytes(13) + b"\xff"),
        (b"p", None),
        (b"p", b"?"),
        (b"p", b"\xff"),
        (b"p", b"[]"),
        (b"p", b"{}"),
        (b"p", b'{"layout": 1}'),
        (b"p", b'{"layout": 1, "applied": {"payments": "7"}, "watermark_ms": 0, "swept_month": 0}'),
        (b"p", b'{"layout": 2, "applied": {}, "watermark_ms": 0, "swept_month": 0}'),
        (
            b"p",
            b'{"layout": 3, "applied": {}, "watermark_ms": 0, "swept_month": 0, "topic_ids": {}}',
        ),
    ],
)
def test_a_row_that_cannot_be_applied_stops_the_restore(key: bytes, value: bytes | None) -> None:
    with pytest.raises(UnreadableRowError):
        changelog.apply(PartitionStore(), [(key, value)])


def in_layout_1(state: BatchState) -> list[Entry]:
    """Factor rows as the first layout had them."""
    before = np.zeros(len(state.rows), FACTOR_ROW_1)
    for name in FACTOR_ROW_1.names or ():
        if name != "published":
            before[name] = state.rows[name]
    for name in FACTOR_ROW_1["published"].names or ():
        before["published"][name] = state.rows["published"][name]
    before["layout"] = 1
    return [
        (changelog.ROW + user.encode(), row.tobytes())
        for user, row in zip(state.users, before, strict=True)
    ]


def test_people_in_a_former_layout_are_restored_in_the_current_one_and_noted() -> None:
    state = some_state()
    state.rows["published"]["sequence"] = [7, 8, 9]
    store = PartitionStore()
    changelog.apply(store, changelog.entries(BatchState.empty(state.users), state, [0, 1, 2]))

    changelog.apply(store, in_layout_1(state)[:2])

    assert store.gather(state.users).rows.tobytes() == state.rows.tobytes()
    assert store.outdated == {"ann", "bob"}
    changelog.apply(store, changelog.tombstones("bob"))
    assert store.outdated == {"ann"}


def test_renewing_writes_all_of_people_and_nothing_of_them_changes() -> None:
    state = some_state()
    store = PartitionStore()
    changelog.apply(store, changelog.entries(BatchState.empty(state.users), state, [0, 1, 2]))
    position = Position({"payments": 41})

    output = step.renew(store, ["zoë", "bob"], position)

    restored = PartitionStore()
    changelog.apply(restored, output.changelog)
    for one in (restored, store):
        again = one.gather(["bob", "zoë"])
        assert again.rows.tobytes() == state.rows[1:].tobytes()
        assert again.ledgers.tobytes() == state.ledgers[1:].tobytes()
        assert again.contracts == state.contracts[1:]
        assert again.links == state.links[1:]
    assert output.position == position
    assert (output.changed, output.scores, output.peer_signals) == ([], [], [])
    assert not restored.outdated


def test_a_position_of_another_layout_is_refused() -> None:
    with pytest.raises(UnreadableRowError, match="layout 7"):
        Position.decode(b'{"layout": 7}')


def test_rows_are_small_enough_to_be_changelog_values() -> None:
    assert np.zeros(1, some_state().rows.dtype).nbytes < 512
    assert np.zeros(1, some_state().ledgers.dtype).nbytes < 512
