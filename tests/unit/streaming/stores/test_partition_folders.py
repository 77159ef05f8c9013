"""What no partition goes on from does not stay on the disk."""

from pathlib import Path

import pytest

from pipeline.streaming.stores.checkpoint import StoreError
from pipeline.streaming.stores.partition_folders import UNUSED_S, PartitionFolders


class Clock:
    """A clock that is told the time."""

    def __init__(self) -> None:
        self.s = 1_000.0

    def __call__(self) -> float:
        return self.s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def folders(tmp_path: Path, clock: Clock) -> PartitionFolders:
    folders = PartitionFolders(tmp_path / "worker", "rocksdb", clock)
    folders.take()
    return folders


def used(folders: PartitionFolders, partition: int) -> Path:
    folder = folders.begin(partition)
    folder.mkdir(exist_ok=True)
    (folder / "people").write_bytes(b"ann")
    return folder


def left(folders: PartitionFolders, tmp_path: Path) -> set[str]:
    """Where somebody is still to be found after a sweep."""
    folders.sweep()
    folders.delete_left()
    return {path.parent.name for path in tmp_path.rglob("people")}


def test_the_people_of_a_partition_that_was_lost_are_deleted_while_the_worker_runs(
    folders: PartitionFolders, clock: Clock, tmp_path: Path
) -> None:
    owned, lost = used(folders, 0), used(folders, 1)
    clock.s += 10 * UNUSED_S
    folders.end(lost)
    assert left(folders, tmp_path) == {owned.name, lost.name}
    clock.s += UNUSED_S
    assert left(folders, tmp_path) == {owned.name}


def test_those_of_one_that_came_back_in_time_are_kept(
    folders: PartitionFolders, clock: Clock, tmp_path: Path
) -> None:
    folders.end(used(folders, 1))
    clock.s += UNUSED_S / 2
    again = used(folders, 1)
    clock.s += UNUSED_S
    assert left(folders, tmp_path) == {again.name}


def test_those_that_a_former_process_had_are_deleted_unless_they_are_soon_owned_again(
    folders: PartitionFolders, clock: Clock, tmp_path: Path
) -> None:
    former = PartitionFolders(tmp_path / "worker", "rocksdb")
    used(former, 0)
    used(former, 1)
    assert len(left(folders, tmp_path)) == 2
    owned = used(folders, 1)
    clock.s += UNUSED_S
    assert left(folders, tmp_path) == {owned.name}


def test_what_another_kind_of_store_has_left_is_deleted_at_once(
    folders: PartitionFolders, tmp_path: Path
) -> None:
    used(PartitionFolders(tmp_path / "worker", "snapshot"), 1)
    assert left(folders, tmp_path) == set()


def test_a_partition_that_is_opened_amid_a_sweep_begins_with_a_new_folder(
    folders: PartitionFolders, clock: Clock, tmp_path: Path
) -> None:
    folders.end(used(folders, 1))
    folders.sweep()
    clock.s += UNUSED_S
    folders.sweep()
    again = used(folders, 1)
    folders.delete_left()
    assert left(folders, tmp_path) == {again.name}


def test_what_a_killed_process_did_not_delete_the_next_one_does(
    folders: PartitionFolders, clock: Clock, tmp_path: Path
) -> None:
    folders.end(used(folders, 1))
    clock.s += UNUSED_S
    folders.sweep()
    assert left(PartitionFolders(tmp_path / "worker", "rocksdb"), tmp_path) == set()


def test_folders_that_another_worker_has_are_refused_by_name(
    folders: PartitionFolders, tmp_path: Path
) -> None:
    folders.take()
    with pytest.raises(StoreError, match=str(tmp_path / "worker")):
        PartitionFolders(tmp_path / "worker", "rocksdb").take()
