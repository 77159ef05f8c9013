"""A partition's store hands out copies and shows only what was scattered."""

import numpy as np
import pytest

from pipeline.factors.layout import FACTOR_ROW, LEDGER_ROW
from pipeline.streaming.store import PartitionStore


def filled(store: PartitionStore, *users: str) -> None:
    state = store.gather(users)
    state.rows["layout"] = 1
    state.rows["paid_on_time"][:, 0] = np.arange(1, len(users) + 1)
    state.contracts = [f"c{user}".encode() for user in users]
    store.scatter(state, range(len(users)))


def test_people_nobody_knows_have_zero_rows_and_no_slot() -> None:
    store = PartitionStore()
    filled(store, "a")

    state = store.gather(["b", "a"])

    assert state.rows[0] == np.zeros((), FACTOR_ROW)
    assert state.ledgers[0] == np.zeros((), LEDGER_ROW)
    assert state.rows["paid_on_time"][1, 0] == 1
    assert state.contracts == [b"", b"ca"]
    assert "b" not in store


def test_a_change_of_gathered_rows_is_invisible_until_scattered() -> None:
    store = PartitionStore()
    filled(store, "a")

    state = store.gather(["a"])
    state.rows["paid_on_time"][0, 0] = 99

    assert store.gather(["a"]).rows["paid_on_time"][0, 0] == 1
    store.scatter(state, [0])
    assert store.gather(["a"]).rows["paid_on_time"][0, 0] == 99


def test_only_the_selected_people_are_scattered() -> None:
    store = PartitionStore()
    state = store.gather(["a", "b"])
    state.rows["layout"] = 1

    store.scatter(state, [1])

    assert "a" not in store
    assert "b" in store


def test_the_slot_of_a_removed_person_holds_nothing_of_them_for_the_next() -> None:
    store = PartitionStore()
    filled(store, "a", "b")

    store.remove("a")
    state = store.gather(["c"])
    state.rows["layout"] = 1
    store.scatter(state, [0])

    assert len(store) == 2
    assert store.gather(["c"]).rows["paid_on_time"].sum() == 0
    assert store.gather(["c"]).contracts == [b""]
    assert store.gather(["b"]).rows["paid_on_time"][0, 0] == 2


def test_both_rows_of_people_are_set_at_once_whoever_had_their_slot() -> None:
    store = PartitionStore()
    filled(store, "a", "b", "c")
    store.remove("b")
    users = ["d", "a", "e", "d"]
    state = PartitionStore().gather(users)
    state.rows["open_exposure_minor"] = [1, 2, 3, 4]
    state.ledgers["consent_expires_ms"][:, 0] = [5, 6, 7, 8]

    store.put_people(users, state.rows, state.ledgers)

    found = store.gather(["d", "a", "e", "b"])
    assert found.rows["open_exposure_minor"].tolist() == [4, 2, 3, 0]
    assert found.ledgers["consent_expires_ms"][:, 0].tolist() == [8, 6, 7, 0]
    assert [user for chunk in store.chunks(10) for user in chunk] == ["a", "d", "c", "e"]


def test_a_store_grows_without_losing_anybody() -> None:
    store = PartitionStore()
    users = [f"user-{i}" for i in range(5_000)]
    for start in range(0, len(users), 700):
        part = users[start : start + 700]
        state = store.gather(part)
        state.rows["open_exposure_minor"] = [int(user[5:]) for user in part]
        store.scatter(state, range(len(part)))

    rows = store.gather(users).rows
    assert rows["open_exposure_minor"].tolist() == list(range(5_000))
    assert [user for chunk in store.chunks(999) for user in chunk] == users


def test_people_who_are_expected_find_room_and_change_nothing_for_the_others() -> None:
    store, alike = PartitionStore(), PartitionStore()
    filled(store, "a", "b")
    filled(alike, "a", "b")

    store.expect(3_000)
    arrays = store._rows, store._ledgers
    for each in (store, alike):
        filled(each, *(f"user-{i}" for i in range(2_998)))

    assert store._rows is arrays[0]
    assert store._ledgers is arrays[1]
    assert store.nbytes == alike.nbytes == alike._rows.nbytes + alike._ledgers.nbytes
    users = [user for chunk in alike.chunks(10_000) for user in chunk]
    assert [user for chunk in store.chunks(10_000) for user in chunk] == users
    assert store.gather(users).rows.tobytes() == alike.gather(users).rows.tobytes()


def test_more_people_than_memory_could_hold_are_not_expected() -> None:
    store = PartitionStore()
    before = store.nbytes

    store.expect(1 << 50)
    filled(store, "a")

    assert len(store._rows) <= 1 << 20
    assert store.nbytes == before


def test_the_next_expiry_is_the_earliest_end_of_any_consent() -> None:
    store = PartitionStore()
    assert store.next_expiry_ms() == 0

    state = store.gather(["a", "b"])
    state.ledgers["consent_expires_ms"][0, 2] = 900
    state.ledgers["consent_expires_ms"][1, 0] = 700
    store.scatter(state, range(2))

    assert store.next_expiry_ms() == 700
    store.remove("b")
    assert store.next_expiry_ms() == 900


def test_who_is_adopted_is_there_with_all_that_belongs_to_them() -> None:
    store, other = PartitionStore(), PartitionStore()
    filled(store, "a")
    filled(other, "b", "c", "d")
    other.remove("b")
    other.outdated.add("c")

    store.adopt(other)

    # A new attribute is either of the people, and adopted, or it is named here.
    own = vars(store).keys() - {"checkpoint"}
    assert {name for name in own if vars(store)[name] is vars(other)[name]} == own
    assert [user for chunk in store.chunks(10) for user in chunk] == ["c", "d"]
    assert store.outdated == {"c"}
    assert store.gather(["d"]).contracts == [b"cd"]


@pytest.mark.parametrize(
    "users",
    [
        ["eve", "fay"],
        ["eve", "ann", "fay"],
        ["eve", "eve", "fay", "bob", "eve", "gus", "fay"],
        ["eve", "ann", "bob", "cid", "eve"],
        ["ann", "eve", "eve", "bob"],
    ],
)
def test_who_is_new_gets_the_next_slot_whoever_is_known_or_repeated(users: list[str]) -> None:
    store = PartitionStore()
    known = ["ann", "bob", "cid"]
    store.put_row(known, np.zeros(len(known), FACTOR_ROW))

    rows = np.zeros(len(users), FACTOR_ROW)
    rows["first_credit_month"] = range(1, len(users) + 1)
    store.put_row(users, rows)
    store.put_row(["zed"], np.zeros(1, FACTOR_ROW))

    everybody = list(dict.fromkeys([*known, *users, "zed"]))
    last = {user: number for number, user in enumerate(users, 1)}
    assert [user for chunk in store.chunks(100) for user in chunk] == everybody
    assert store.slots(everybody).tolist() == list(range(len(everybody)))
    found = store.gather(everybody).rows["first_credit_month"].tolist()
    assert found == [last.get(user, 0) for user in everybody]
