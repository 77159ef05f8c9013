import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import RefusedError
from pipeline.partners.database import Database, StoreError
from pipeline.partners.outbox import Outbox, OutboxFullError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    with Database(path) as opened:
        yield opened


def fields(number: int, **changes: Any) -> dict[str, Any]:
    return {"event_id": f"event-{number}", "subject": "ann", "status": "OPENED"} | changes


def waiting(outbox: Outbox) -> list[str]:
    return [w.fields["event_id"] for w in outbox.head(100)]


def test_outcomes_wait_in_the_order_they_were_reported(database: Database) -> None:
    outbox = Outbox(database.outbox, 10)
    for number in (3, 1, 2):
        assert outbox.add(fields(number))

    assert waiting(outbox) == ["event-3", "event-1", "event-2"]
    assert [w.fields for w in outbox.head(1)] == [fields(3)]
    assert outbox.waiting == 3


def test_what_was_delivered_waits_no_more_and_the_rest_does(database: Database) -> None:
    outbox = Outbox(database.outbox, 10)
    for number in range(3):
        outbox.add(fields(number))
    first, _, last = outbox.head(10)

    outbox.delivered([first.position, last.position], 1_000, 0)
    outbox.delivered([first.position], 1_000, 0)

    assert waiting(outbox) == ["event-1"]
    assert outbox.waiting == 1


def test_a_repeat_is_known_also_once_it_was_delivered(database: Database) -> None:
    outbox = Outbox(database.outbox, 10)
    outbox.add(fields(1))
    assert not outbox.add(fields(1))
    outbox.delivered([outbox.head(1)[0].position], 1_000, 0)

    assert not outbox.add(fields(1))
    assert outbox.waiting == 0


def test_what_was_delivered_long_ago_is_forgotten(database: Database) -> None:
    outbox = Outbox(database.outbox, 10)
    outbox.add(fields(1))
    outbox.delivered([outbox.head(1)[0].position], 1_000, 0)
    outbox.delivered([], 9_000, 1_001)

    assert outbox.add(fields(1))


def test_an_event_id_stands_for_one_outcome_only(database: Database) -> None:
    outbox = Outbox(database.outbox, 10)
    outbox.add(fields(1))

    with pytest.raises(RefusedError, match="event-1 was reported with other fields"):
        outbox.add(fields(1, status="LATE"))
    assert waiting(outbox) == ["event-1"]


def test_more_than_may_wait_are_refused_until_some_are_delivered(database: Database) -> None:
    outbox = Outbox(database.outbox, 2)
    outbox.add(fields(1))
    outbox.add(fields(2))

    with pytest.raises(OutboxFullError, match="2 outcomes wait"):
        outbox.add(fields(3))
    assert not outbox.add(fields(2)), "a repeat asks for no room"
    outbox.delivered([outbox.head(1)[0].position], 1_000, 0)
    assert outbox.add(fields(3))


def test_what_waits_outlives_a_restart(path: Path) -> None:
    with Database(path) as database:
        outbox = Outbox(database.outbox, 10)
        for number in range(3):
            outbox.add(fields(number))
        outbox.delivered([outbox.head(1)[0].position], 1_000, 0)

    with Database(path) as database:
        again = Outbox(database.outbox, 10)
        assert (again.waiting, waiting(again)) == (2, ["event-1", "event-2"])


class FullDisk(sqlite3.Connection):
    """Refuses to commit when told to."""

    full = False

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        if self.full and sql == "COMMIT":
            raise sqlite3.OperationalError("database or disk is full")
        return super().execute(sql, parameters)


def test_what_could_not_be_committed_is_not_counted(database: Database, path: Path) -> None:
    connection = sqlite3.connect(path, isolation_level=None, factory=FullDisk)
    outbox = Outbox(connection, 10)
    outbox.add(fields(1))

    connection.full = True
    with pytest.raises(StoreError):
        outbox.add(fields(2))
    assert outbox.waiting == 1
    with pytest.raises(StoreError):
        outbox.delivered([outbox.head(1)[0].position], 1_000, 0)
    connection.full = False

    assert (outbox.waiting, waiting(outbox)) == (1, ["event-1"])
    connection.close()
