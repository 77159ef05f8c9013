"""Snapshots are whole or not there, and never needed to go on."""

import time
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from pipeline.settings import Settings
from pipeline.streaming.position import Position
from pipeline.streaming.stores import snapshot
from pipeline.streaming.stores.checkpoint import Checkpoint
from pipeline.streaming.stores.snapshot import Saver, SnapshotDisk, SnapshotStore
from pipeline.streaming.stores.snapshot_file import Piece

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


def test_a_file_of_which_any_byte_was_flipped_is_dropped(
    disk: SnapshotDisk, tmp_path: Path
) -> None:
    store = opened(disk, tmp_path)
    enrol(store, "ann", "bob")
    store.close()
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()

    for at in {*range(0, len(whole), 97), whole.index(b"links of ann"), len(whole) - 1}:
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        again = opened(disk, tmp_path)
        assert (again.checkpoint, len(again)) == (None, 0), at
        assert not file.exists()


def test_what_a_killed_worker_did_not_finish_is_deleted(disk: SnapshotDisk, tmp_path: Path) -> None:
    (tmp_path / "people.arrow.unfinished").write_bytes(b"links of ann")
    opened(disk, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_to_be_saved_leaves_the_snapshot_as_it_was(
    disk: SnapshotDisk, tmp_path: Path
) -> None:
    store = opened(disk, tmp_path)
    enrol(store, "ann")
    tended(store)
    enrol(store, "bob")
    store.close(save=False)

    assert people(opened(disk, tmp_path)) == {"ann"}


class Clock:
    """In the place of `time`: no time passes but what is said to."""

    def __init__(self) -> None:
        self.s = 1_000.0

    def monotonic(self) -> float:
        return self.s


class SlowToCopy(SnapshotStore):
    """One with so many people that a copy of them takes a second."""

    def __init__(self, folder: Path, saver: Saver, clock: Clock) -> None:
        super().__init__(folder, BEGINNING, 3.0, saver)
        self.clock = clock

    def _copy(self) -> tuple[list[Piece], Checkpoint]:
        self.clock.s += 1.0
        return super()._copy()

    def tend(self) -> None:
        super().tend()
        if self._saving is not None:
            self._saving.result()


def test_copies_for_which_lanes_wait_take_a_tenth_of_the_time_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(snapshot, "time", clock)
    saver = Saver()
    first, second = (SlowToCopy(tmp_path / name, saver, clock) for name in ("1", "2"))
    enrol(first, "ann")
    enrol(second, "bob")
    first.tend()

    second.tend()  # all lanes have waited for the first's copy
    assert second._saving is None
    assert second.due_in_s() == 10.0

    clock.s += 10.0
    second.tend()
    assert second._saving is not None

    clock.s += 10.0
    first.tend()
    enrol(first, "cleo")
    assert first.due_in_s() == 10.0  # ten times its copy, of which the former snapshot told


def test_one_that_does_not_fit_is_dropped(disk: SnapshotDisk, tmp_path: Path) -> None:
    store = opened(disk, tmp_path)
    enrol(store, "ann")
    store.close()

    assert len(opened(disk, tmp_path, "too old")) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_snapshot_that_cannot_be_written_is_told_by_its_folder_and_done_without(
    disk: SnapshotDisk, tmp_path: Path
) -> None:
    folder = tmp_path / "in the way"
    store = opened(disk, folder)
    folder.write_bytes(b"")
    enrol(store, "ann")

    with capture_logs() as told:
        tended(store)

    assert [line["folder"] for line in told] == [str(folder)]
    assert people(store) == {"ann"}
