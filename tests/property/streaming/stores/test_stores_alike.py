"""Whatever is done to a store, it holds what a plain dictionary would."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.factors.layout import FACTOR_ROW, LEDGER_ROW
from pipeline.factors.state import BatchState
from pipeline.settings import Settings
from pipeline.streaming.position import Position
from pipeline.streaming.store import PartitionStore
from pipeline.streaming.stores.base import Store
from pipeline.streaming.stores.checkpoint import Checkpoint, StoreError
from pipeline.streaming.stores.database import Database, Pair
from pipeline.streaming.stores.rocks import RocksStore
from pipeline.streaming.stores.rocks_disk import found_in
from pipeline.streaming.stores.rocks_options import Memory
from pipeline.streaming.stores.snapshot import SnapshotDisk

PEOPLE = [f"person-{number}" for number in range(6)] + ["zoë", "person-1\0"]
NOBODY = (0, (0, 0), b"", b"")
Person = tuple[int, tuple[int, int], bytes, bytes]
"""What the row says, two ends of consents, contracts and links."""

people = st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=5, unique=True)
person = st.tuples(
    st.integers(1, 9),
    st.tuples(st.integers(0, 5), st.integers(0, 5)),
    st.sampled_from([b"", b"c", b"contracts"]),
    st.sampled_from([b"", b"l", b"links" * 9]),
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("scatter"), people, person),
        st.tuples(st.just("row"), people, person),
        st.tuples(st.just("ledger"), people, person),
        st.tuples(st.just("lists"), people, person),
        st.tuples(st.just("remove"), people, st.none()),
        st.tuples(st.just("outdate"), people, st.none()),
        st.tuples(st.just("renew"), people, st.none()),
        st.tuples(st.just("keep"), st.just([]), st.none()),
        st.tuples(st.just("fail"), st.just([]), st.none()),
        st.tuples(st.just("reopen"), st.just([]), st.none()),
    ),
    max_size=20,
)
Step = tuple[str, list[str], Person | None]
MEMORY = Memory(16 << 20)


class InMemory:
    """A store that has nothing to reopen."""

    def __init__(self, _: Path) -> None:
        self.store: Store = PartitionStore()

    def reopen(self) -> None:
        pass

    def fail(self) -> None:
        pass


class InSnapshots:
    """A store in memory that is closed and opened again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.store: Store = self._open()

    def reopen(self) -> None:
        self.store.keep(Position(), 7, 1)
        self.store.close()
        self.store = self._open()

    def fail(self) -> None:
        pass

    def _open(self) -> Store:
        beginning = Checkpoint("topic", 1, 0, 0, None)
        return SnapshotDisk(Settings(checkpoint_s=60)).open(self._folder, lambda _: None, beginning)


class FullDisk(Database):
    """A database whose disk may be full for a while."""

    is_full = False

    def write(self, puts: Sequence[Pair], deletes: Sequence[bytes]) -> None:
        if self.is_full:
            raise StoreError("no space left on device")
        super().write(puts, deletes)


class OnDisk:
    """A store that is closed and opened again, and keeps very few people in memory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.store: Store = self._open()

    def reopen(self) -> None:
        self.store.keep(Position(), 7, 1)
        self.store.close()
        self.store = self._open()

    def fail(self) -> None:
        self._database.is_full = True
        with pytest.raises(StoreError):
            self.store.tend()
        self._database.is_full = False

    def _open(self) -> RocksStore:
        self._database = database = FullDisk(self._folder, MEMORY)
        beginning = Checkpoint("topic", 1, 0, 0, None)
        return RocksStore(database, found_in(database) or beginning, people_max=3, every_s=60.0)


def batch(users: list[str], said: Person) -> BatchState:
    state = BatchState.empty(users)
    row, ends, contracts, links = said
    state.rows["layout"] = 1
    state.rows["open_exposure_minor"] = row
    state.ledgers["consent_expires_ms"][:, :2] = ends
    state.contracts, state.links = [contracts] * len(users), [links] * len(users)
    return state


def do(store: Store, model: dict[str, Person], outdated: set[str], step: Step) -> None:
    """One step, to the store and to the dictionary."""
    what, users, said = step
    if said is not None:
        change(store, model, what, users, said)
    elif what == "remove":
        for user in users:
            store.remove(user)
            model.pop(user, None)
            outdated.discard(user)
    elif what == "outdate":
        store.outdated.update(user for user in users if user in model)
        outdated.update(user for user in users if user in model)
    elif what == "renew":
        store.outdated.difference_update(users)
        outdated.difference_update(users)
    elif what == "keep":
        store.keep(Position({"payments": 7}), 7, 1)


def change(
    store: Store, model: dict[str, Person], what: str, users: list[str], said: Person
) -> None:
    match what:
        case "scatter":
            state = store.gather(users)
            new = batch(users, said)
            state.rows, state.ledgers = new.rows, new.ledgers
            state.contracts, state.links = new.contracts, new.links
            chosen = range(0, len(users), 2)
            store.scatter(state, chosen)
            model.update({users[i]: said for i in chosen})
        case "row":
            store.put_row(users, batch(users, said).rows)
            model.update({u: (said[0], *model.get(u, NOBODY)[1:]) for u in users})
        case "ledger":
            store.put_ledger(users, batch(users, said).ledgers)
            for u in users:
                row, _, *lists = model.get(u, NOBODY)
                model[u] = (row, said[1], lists[0], lists[1])
        case "lists":
            for u in users:
                store.put_contracts(u, said[2])
                store.put_links(u, said[3])
                model[u] = (*model.get(u, NOBODY)[:2], said[2], said[3])


def assert_alike(store: Store, model: dict[str, Person], outdated: set[str]) -> None:
    assert len(store) == len(model)
    assert [user in store for user in PEOPLE] == [user in model for user in PEOPLE]
    everyone = [user for chunk in store.chunks(2) for user in chunk]
    assert sorted(everyone) == sorted(model)
    assert set(store.outdated) == outdated
    assert len(store.outdated) == len(outdated)
    ends = {user: [end for end in said[1] if end] for user, said in model.items()}
    for now_ms in range(6):
        due = {user for user, those in ends.items() if any(end <= now_ms for end in those)}
        assert set(store.expired(now_ms)) == due
    assert store.next_expiry_ms() == min((e for those in ends.values() for e in those), default=0)
    state = store.gather(PEOPLE)
    for i, user in enumerate(PEOPLE):
        row, those_ends, contracts, links = model.get(user, NOBODY)
        assert state.rows["open_exposure_minor"][i] == row
        assert tuple(state.ledgers["consent_expires_ms"][i, :2].tolist()) == those_ends
        assert (state.contracts[i], state.links[i]) == (contracts, links)
        if user not in model:
            assert state.rows[i] == np.zeros((), FACTOR_ROW)
            assert state.ledgers[i] == np.zeros((), LEDGER_ROW)


@pytest.mark.parametrize("kind", [InMemory, InSnapshots, OnDisk])
@settings(max_examples=60)
@given(st.lists(steps, min_size=1, max_size=2))
def test_a_store_holds_what_a_dictionary_would(
    kind: type[InMemory | InSnapshots | OnDisk], parts: list[list[Step]]
) -> None:
    with TemporaryDirectory() as folder:
        opened = kind(Path(folder) / "state")
        model: dict[str, Person] = {}
        outdated: set[str] = set()
        for part in parts:
            for step in part:
                do(opened.store, model, outdated, step)
                if step[0] == "reopen":
                    opened.reopen()
                elif step[0] == "fail":
                    opened.fail()
            assert_alike(opened.store, model, outdated)
        opened.store.close()
