"""A store on disk: bounded in memory, told of by its folder, without those who have left."""

import os
import threading
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from pipeline.factors.state import BatchState
from pipeline.settings import Settings
from pipeline.streaming.position import Position
from pipeline.streaming.stores import removed
from pipeline.streaming.stores.checkpoint import Checkpoint, StoreError
from pipeline.streaming.stores.database import Database
from pipeline.streaming.stores.rocks import RocksStore
from pipeline.streaming.stores.rocks_disk import RocksDisk
from pipeline.streaming.stores.rocks_options import Memory

BEGINNING = Checkpoint("topic", 1, 0, 0, None)


@pytest.fixture
def disk(tmp_path: Path) -> RocksDisk:
    return RocksDisk(
        Settings(store="rocksdb", state_dir=tmp_path, state_cache_bytes=16 << 20, partitions=64)
    )


def opened(disk: RocksDisk, folder: Path, why: str | None = None) -> RocksStore:
    return disk.open(folder, lambda _: why, BEGINNING)


def enrol(store: RocksStore, *users: str) -> None:
    state = store.gather(users)
    state.rows["layout"] = 1
    state.contracts = [f"contracts of {user}".encode() for user in users]
    store.scatter(state, range(len(users)))
    store.keep(Position(), len(store), 1_000)


def people(store: RocksStore) -> set[str]:
    return {user for chunk in store.chunks(1_000) for user in chunk}


def in_files(folder: Path, text: bytes) -> bool:
    return any(text in path.read_bytes() for path in folder.iterdir())


def purged(store: RocksStore) -> None:
    """Return when the purge that was begun has ended."""
    assert store._removed._purging is not None
    store._removed._purging.result(60)


def test_what_is_closed_is_there_again_with_its_place(disk: RocksDisk, tmp_path: Path) -> None:
    store = opened(disk, tmp_path / "p")
    assert store.checkpoint is None
    enrol(store, "ann", "bob")
    store.keep(Position({"payments": 8}), 41, 1_000)
    store.close()

    again = opened(disk, tmp_path / "p")

    assert again.checkpoint is not None
    assert (again.checkpoint.offset, again.checkpoint.at_ms) == (41, 1_000)
    assert again.checkpoint.position == Position({"payments": 8})
    assert people(again) == {"ann", "bob"}
    again.close()


def test_what_does_not_fit_is_dropped_whole(disk: RocksDisk, tmp_path: Path) -> None:
    store = opened(disk, tmp_path / "p")
    enrol(store, "ann")
    store.keep(Position(), 41, 1_000)
    store.close()

    again = opened(disk, tmp_path / "p", "it is of another topic")

    assert again.checkpoint is None
    assert len(again) == 0
    assert people(again) == set()
    again.close()


def test_more_people_than_fit_into_memory_are_all_there(disk: RocksDisk, tmp_path: Path) -> None:
    store = opened(disk, tmp_path / "p")
    for start in range(0, 20_000, 2_000):
        enrol(store, *(f"user-{number}" for number in range(start, start + 2_000)))
        store.keep(Position(), start + 1, 1_000)
        assert len(store._cache) <= 2_000

    assert len(store) == 20_000
    assert len(people(store)) == 20_000
    assert store.gather(["user-7"]).contracts == [b"contracts of user-7"]
    store.close()


def test_who_has_left_is_gone_from_the_files_too(
    disk: RocksDisk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "p"
    store = opened(disk, folder)
    enrol(store, "ann", "bob")
    store.close()
    monkeypatch.setattr(removed, "PURGE_S", 0.0)
    store = opened(disk, folder)
    assert in_files(folder, b"contracts of ann")
    assert store.due_in_s() is None

    store.remove("ann")
    store.keep(Position(), 42, 1_000)
    assert store.due_in_s() == 0.0
    store.tend()
    purged(store)
    assert not in_files(folder, b"contracts of ann")
    assert in_files(folder, b"contracts of bob")
    store.close()


def test_logs_of_the_database_do_not_name_who_has_left(disk: RocksDisk, tmp_path: Path) -> None:
    folder = tmp_path / "p"
    store = opened(disk, folder)
    enrol(store, "ann", "bob")
    store.tend()
    store.remove("ann")
    store.tend()
    store._removed.purge()
    purged(store)
    store.close()

    logs = [path.read_bytes() for path in folder.glob("LOG*")]
    assert logs
    named = (b"ann", b"uann".hex().encode(), b"uann".hex().upper().encode())
    assert not [name for name in named for log in logs if name in log]


def test_what_a_killed_worker_did_not_purge_the_next_one_does(
    disk: RocksDisk, tmp_path: Path
) -> None:
    folder = tmp_path / "p"
    store = opened(disk, folder)
    enrol(store, "ann", "bob")
    store.close()
    store = opened(disk, folder)
    store.remove("ann")
    store.close()
    assert in_files(folder, b"ann")

    store = opened(disk, folder)
    assert store.due_in_s() == 0.0
    store.tend()
    purged(store)
    store.close()

    assert not in_files(folder, b"contracts of ann")
    # The list of files named her as the first in one of them, until it was written anew.
    opened(disk, folder).close()
    assert not in_files(folder, b"ann")


def a_file_of(folder: Path) -> Path:
    return next(path for path in folder.iterdir() if path.suffix == ".sst")


def damage(path: Path, where: float) -> None:
    whole = path.read_bytes()
    start = int(len(whole) * where)
    path.write_bytes(whole[:start] + b"\xff" * 3_000 + whole[start + 3_000 :])


def test_a_checkpoint_that_cannot_be_read_is_dropped(disk: RocksDisk, tmp_path: Path) -> None:
    store = opened(disk, tmp_path / "p")
    enrol(store, *(f"user-{number}" for number in range(2_000)))
    store.close()
    damage(a_file_of(tmp_path / "p"), 0.0)

    again = opened(disk, tmp_path / "p")

    assert again.checkpoint is None
    assert people(again) == set()
    again.close()


def test_a_file_that_was_damaged_is_told_and_made_anew_at_the_next_start(
    disk: RocksDisk, tmp_path: Path
) -> None:
    folder = tmp_path / "p"
    store = opened(disk, folder)
    enrol(store, *(f"user-{number}" for number in range(2_000)))
    store.close()
    damage(a_file_of(folder), 0.3)
    damaged = opened(disk, folder)
    with pytest.raises(StoreError, match=str(folder)):
        people(damaged)
    damaged._database._db.close()

    again = opened(disk, folder)
    assert again.checkpoint is None
    assert people(again) == set()
    again.close()


def test_a_file_that_is_missing_makes_it_anew(disk: RocksDisk, tmp_path: Path) -> None:
    store = opened(disk, tmp_path / "p")
    enrol(store, "ann")
    store.close()
    a_file_of(tmp_path / "p").unlink()

    again = opened(disk, tmp_path / "p")

    assert again.checkpoint is None
    again.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_named(disk: RocksDisk, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match=str(tmp_path)):
        opened(disk, tmp_path / "p")


def test_two_stores_of_one_folder_are_refused(tmp_path: Path) -> None:
    memory = Memory(16 << 20)
    first = Database(tmp_path / "p", memory)
    with pytest.raises(StoreError, match="lock"):
        Database(tmp_path / "p", memory)
    first.close()


def test_a_store_of_nobody_gathers_zeros(disk: RocksDisk, tmp_path: Path) -> None:
    store = opened(disk, tmp_path / "p")
    nobody = BatchState.empty(["ann"])
    found = store.gather(["ann"])
    assert found.rows.tobytes() == nobody.rows.tobytes()
    assert found.ledgers.tobytes() == nobody.ledgers.tobytes()
    store.close()


def test_a_store_whose_disk_was_full_has_all_of_its_people_at_the_next_start(
    disk: RocksDisk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StoreError("no space left on device")

    store = opened(disk, tmp_path / "p")
    enrol(store, "ann")
    store.tend()
    enrol(store, "bob")
    store.remove("ann")
    store.keep(Position(), 42, 1_000)
    with monkeypatch.context() as patched:
        patched.setattr(store._database, "write", full)
        with pytest.raises(StoreError):
            store.tend()
    store.close()

    again = opened(disk, tmp_path / "p")
    assert again.checkpoint is not None
    assert again.checkpoint.offset == 42
    assert people(again) == {"bob"}
    again.close()


def test_what_is_not_to_be_saved_is_as_it_was_last_written(disk: RocksDisk, tmp_path: Path) -> None:
    store = opened(disk, tmp_path / "p")
    enrol(store, "ann")
    store.tend()
    enrol(store, "bob")
    store.close(save=False)

    again = opened(disk, tmp_path / "p")
    assert again.checkpoint is not None
    assert (again.checkpoint.offset, people(again)) == (1, {"ann"})
    again.close()


def test_a_store_that_kept_nothing_yet_leaves_no_checkpoint(
    disk: RocksDisk, tmp_path: Path
) -> None:
    store = opened(disk, tmp_path / "p")
    state = store.gather(["ann"])
    state.rows["layout"] = 1
    store.scatter(state, [0])
    store.close()

    asked: list[Checkpoint] = []

    def judge(checkpoint: Checkpoint) -> None:
        asked.append(checkpoint)

    again = disk.open(tmp_path / "p", judge, BEGINNING)
    assert (asked, people(again)) == ([], set())
    again.close()


def test_a_purge_that_waits_for_its_turn_does_not_hold_up_the_end(
    disk: RocksDisk, tmp_path: Path
) -> None:
    store = opened(disk, tmp_path / "p")
    enrol(store, "ann", "bob")
    store.close()
    store = opened(disk, tmp_path / "p")
    store.remove("ann")
    store.keep(Position(), 42, 1_000)
    store.tend()
    turn = threading.Event()
    try:
        removed._BESIDE.submit(turn.wait, 60)
        store._removed.purge()
        store.close()
    finally:
        turn.set()

    again = opened(disk, tmp_path / "p")
    assert again.due_in_s() == 0.0  # it is made up for
    again.tend()
    purged(again)
    again.close()
    assert not in_files(tmp_path / "p", b"contracts of ann")


def test_a_database_that_cannot_be_closed_names_its_folder(tmp_path: Path) -> None:
    database = Database(tmp_path / "p", Memory(16 << 20))
    held = database._db.snapshot()
    database._db.close()
    with pytest.raises(StoreError, match=str(tmp_path)):
        database.drop("it is of another topic")
    del held


def test_a_database_whose_purges_are_broken_off_has_what_was_written_and_tells_of_no_failure(
    tmp_path: Path,
) -> None:
    memory = Memory(16 << 20)
    database = Database(tmp_path / "p", memory)
    database.write([(b"uann", b"1")], [])
    database.break_off()
    with pytest.raises(StoreError, match="Shutdown in progress"):
        database.purge(None, [])
    with capture_logs() as told:
        database.close()
    assert told == []

    again = Database(tmp_path / "p", memory)
    assert again.get([b"uann"]) == [b"1"]
    again.close()
