import sqlite3
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import RefusedError
from pipeline.partners.database import Database, StoreError, default_path
from pipeline.partners.records import Change
from pipeline.partners.store import Standing, ViewStore
from pipeline.partners.view import Entry, LocalView
from pipeline.partners.vocabulary import Admitted, Disclosure
from tests.unit.partners.seen import TOPIC, seen

STANDING = Standing(TOPIC, "id-1", {0: 0, 1: 0}, 1_000, 3, rebuilding=True)
FULL = seen(
    "ann",
    disclosure=Disclosure.SCORE,
    admitted=Admitted.NO,
    score=612,
    reasons=("LATE_PAYMENTS", "SHORT_HISTORY"),
    grant_expires_at_ms=2_000,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "view.sqlite"


def test_rows_and_offsets_come_back_as_they_were_written(path: Path) -> None:
    with Database(path) as database:
        store = ViewStore(database.view)
        store.begin(STANDING)
        view = LocalView(generation=3)
        store.save(view.fold([Change("ann", FULL), Change("ben", seen("ben"))]), {1: 8})
        store.save(view.fold([Change("ben", None)]), {0: 4})

    with Database(path) as database:
        view, standing = ViewStore(database.view).load(TOPIC)

    assert view.get("ann", 0) == FULL
    assert standing == replace(STANDING, offsets={0: 4, 1: 8})


def test_what_was_taken_back_does_not_come_back(path: Path) -> None:
    with Database(path) as database:
        store = ViewStore(database.view)
        store.begin(STANDING)
        view = LocalView(generation=3)
        both = view.fold([Change("ann", FULL), Change("ben", seen("ben"))])
        store.save(both, {0: 2})
        view.publish(both)
        store.save(view.fold([Change("ben", None)]), {0: 3})

    with Database(path) as database:
        view, _ = ViewStore(database.view).load(TOPIC)

    assert {score.subject for score in view} == {"ann"}


def test_a_batch_that_fails_half_way_leaves_nothing(path: Path) -> None:
    class NoNumber:
        pass

    with Database(path) as database:
        store = ViewStore(database.view)
        store.begin(STANDING)
        folded = LocalView(generation=3).fold([Change("ann", FULL)])
        with pytest.raises(StoreError):
            store.save(folded, {0: NoNumber()})  # type: ignore[dict-item]

        view, standing = store.load(TOPIC)

    assert len(view) == 0
    assert standing == STANDING


def test_rows_of_a_former_generation_are_hidden_after_a_restart_too(path: Path) -> None:
    with Database(path) as database:
        store = ViewStore(database.view)
        store.begin(replace(STANDING, generation=2))
        store.save(LocalView(generation=2).fold([Change("ann", FULL)]), {0: 1})
        store.begin(STANDING)

    with Database(path) as database:
        view, standing = ViewStore(database.view).load(TOPIC)
        assert standing is not None
        gone = view.unseen()
        ViewStore(database.view).catch_up(gone, standing)
        left, caught_up = ViewStore(database.view).load(TOPIC)

    assert view.get("ann", 0) is None
    assert gone.rows == {"ann": None}
    assert left.unseen().rows == {}
    assert caught_up == replace(STANDING, rebuilding=False)


def test_a_file_of_another_topic_is_refused(path: Path) -> None:
    with Database(path) as database:
        ViewStore(database.view).begin(STANDING)
        with pytest.raises(RefusedError, match=r"holds what partner\.car-rental\.scores told"):
            ViewStore(database.view).load("partner.microloan.scores")


def test_a_file_is_one_process_s_at_a_time(path: Path) -> None:
    opening = (
        "import sys; from pathlib import Path; from pipeline.partners.database import Database; "
        "Database(Path(sys.argv[1])).close()"
    )
    command = [sys.executable, "-c", opening, str(path)]
    with Database(path):
        refused = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    allowed = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603

    assert refused.returncode == 1
    assert "is in use by another process" in refused.stderr
    assert allowed.returncode == 0, allowed.stderr


def test_what_partners_see_is_readable_by_its_owner_only(path: Path) -> None:
    with Database(path) as database:
        ViewStore(database.view).begin(STANDING)
        modes = {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}

    assert modes == {0o600}


def test_a_file_that_is_something_else_is_refused(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no database at all" * 100)

    with pytest.raises(StoreError, match=rf"{path}.*not a database"):
        Database(path)


def test_a_file_of_a_later_version_is_refused(path: Path) -> None:
    Database(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()

    with pytest.raises(StoreError, match="later version"):
        Database(path)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StoreError, match="cannot be opened: Not a directory"):
        Database(tmp_path / "file" / "folder" / "view.sqlite")


def test_each_partner_and_prefix_has_a_file_of_its_own() -> None:
    paths = {
        default_path(Path(), partner, prefix)
        for partner in ("car-rental", "microloan")
        for prefix in ("", "t.")
    }

    assert len(paths) == 4


def test_an_entry_is_loaded_with_its_generation(path: Path) -> None:
    with Database(path) as database:
        store = ViewStore(database.view)
        store.begin(STANDING)
        store.save(LocalView(generation=3).fold([Change("ann", FULL)]), {0: 1})
        view, _ = store.load(TOPIC)

    assert view.fold([Change("ann", replace(FULL, sequence=2))]).rows == {
        "ann": Entry(3, replace(FULL, sequence=2))
    }
