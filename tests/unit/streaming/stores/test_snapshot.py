"""Snapshots are whole or not there, and never needed to go on."""

import time
from pathlib import Path

import pytest

from pipeline.settings import Settings
from pipeline.streaming.position import Position
from pipeline.streaming.stores.checkpoint import Checkpoint
from pipeline.streaming.stores.snapshot import SnapshotDisk, SnapshotStore

BEGINNING = Checkpoint("topic", 1, 0, 0, None)


@pytest.fixture
def disk() -> SnapshotDisk:
    return SnapshotDisk(Settings(checkpoint_s=0.1))


def opened(disk: SnapshotDisk, folder: Path, why: str | None = None) -> SnapshotStore:
    return disk.open(folder, lambda _: why, BEGINNING)


def enrol(store: SnapshotStore, *users: str) -> None:
    state = store.gather(users)
    state.rows["layout"] = 1
    state.links = [f"links of {user}".encode() for user in users]
    store.scatter(state, range(len(users)))
    store.keep(Position({"payments": len(store)}), len(store), 1_000)


def people(store: SnapshotStore) -> set[str]:
    return {user for chunk in store.chunks(100) for user in chunk}


def tended(store: SnapshotStore) -> None:
    """Return when all that was kept is in a snapshot."""
    while (wait_s := store.due_in_s()) is not None:
        time.sleep(wait_s)
        store.tend()
    assert store._saving is not None
    store._saving.result()


def test_a_killed_worker_goes_on_from_its_last_snapshot(disk: SnapshotDisk, tmp_path: Path) -> None:
    store = opened(disk, tmp_path)
    assert (store.checkpoint, store.due_in_s()) == (None, None)
    enrol(store, "ann", "bob")
    tended(store)
    enrol(store, "cleo")

    again = opened(disk, tmp_path)

    assert again.checkpoint is not None
    assert (again.checkpoint.offset, again.checkpoint.position) == (2, Position({"payments": 2}))
    assert people(again) == {"ann", "bob"}
    assert again.gather(["bob"]).links == [b"links of bob"]


def test_the_next_snapshot_has_nothing_of_who_has_left(disk: SnapshotDisk, tmp_path: Path) -> None:
    store = opened(disk, tmp_path)
    enrol(store, "ann", "bob")
    tended(store)
    store.remove("ann")
    store.keep(Position(), 9, 1_000)
    tended(store)

    assert not any(b"ann" in path.read_bytes() for path in tmp_path.iterdir())
    assert people(opened(disk, tmp_path)) == {"bob"}


@pytest.mark.parametrize("kept", [0, 10, 400, -8])
def test_a_file_that_is_cut_short_is_dropped(disk: SnapshotDisk, tmp_path: Path, kept: int) -> None:
    store = opened(disk, tmp_path)
    enrol(store, "ann", "bob")
    store.close()
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:kept])

    again = opened(disk, tmp_path)

    assert (again.checkpoint, len(again)) == (None, 0)
    assert not file.exists()


def test_one_that_does_not_fit_is_dropped(disk: SnapshotDisk, tmp_path: Path) -> None:
    store = opened(disk, tmp_path)
    enrol(store, "ann")
    store.close()

    assert len(opened(disk, tmp_path, "too old")) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_snapshot_that_cannot_be_written_is_told_by_its_folder_and_done_without(
    disk: SnapshotDisk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "in the way"
    store = opened(disk, folder)
    folder.write_bytes(b"")
    enrol(store, "ann")

    tended(store)

    assert str(folder) in capsys.readouterr().out
    assert people(store) == {"ann"}
