"""Outcomes that were reported, on disk until they are delivered and for a while after."""

import json
import sqlite3
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pipeline.errors import RefusedError, SesameError
from pipeline.partners.database import transaction


class OutboxFullError(SesameError):
    """Too many outcomes wait for a broker; nothing was taken in."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An outcome to be delivered; positions are in the order of the reports."""

    position: int
    fields: dict[str, Any]


class Outbox:
    """The outbox's table; for any thread.

    Args:
        connection: To the partner's file, for nobody else.
        waiting_max: Outcomes that may wait.
    """

    def __init__(self, connection: sqlite3.Connection, waiting_max: int) -> None:
        self._connection = connection
        self._waiting_max = waiting_max
        self._lock = threading.Lock()
        self._waiting: int = connection.execute(
            "SELECT count(*) FROM outcomes WHERE delivered_at_ms IS NULL"
        ).fetchone()[0]

    @property
    def waiting(self) -> int:
        """The number of outcomes not yet delivered."""
        return self._waiting

    def add(self, fields: dict[str, Any]) -> bool:
        """Take in an outcome; it is on disk when this returns.

        Returns:
            False for a repeat, of which nothing more becomes.

        Raises:
            RefusedError: Its event id was reported with other fields.
            OutboxFullError: As many as may wait are waiting.
            StoreError: The store cannot be written.
        """
        with self._lock:
            added = self._add(fields["event_id"], fields["subject"], fields)
            self._waiting += added
        return added

    def _add(self, event_id: str, subject: str, fields: dict[str, Any]) -> bool:
        text = json.dumps(fields, sort_keys=True)
        with transaction(self._connection) as connection:
            known = connection.execute(
                "SELECT fields FROM outcomes WHERE event_id = ?", (event_id,)
            ).fetchone()
            if known is not None:
                if known[0] != text:
                    raise RefusedError(f"event {event_id} was reported with other fields before")
                return False
            if self._waiting >= self._waiting_max:
                raise OutboxFullError(
                    f"{self._waiting} outcomes wait for a broker, the most allowed"
                )
            connection.execute(
                "INSERT INTO outcomes (event_id, subject, fields) VALUES (?, ?, ?)",
                (event_id, subject, text),
            )
        return True

    def head(self, most: int) -> list[Waiting]:
        """The oldest waiting outcomes."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT position, fields FROM outcomes WHERE delivered_at_ms IS NULL "
                "ORDER BY position LIMIT ?",
                (most,),
            ).fetchall()
        return [Waiting(position, json.loads(text)) for position, text in rows]

    def delivered(self, positions: Iterable[int], now_ms: int, forget_before_ms: int) -> None:
        """Note that outcomes arrived, and forget those that did so before a time."""
        with self._lock:
            with transaction(self._connection) as connection:
                arrived = _mark(connection, positions, now_ms)
                connection.execute(
                    "DELETE FROM outcomes WHERE delivered_at_ms < ?", (forget_before_ms,)
                )
            self._waiting -= arrived


def _mark(connection: sqlite3.Connection, positions: Iterable[int], now_ms: int) -> int:
    """Note that outcomes arrived; returns how many had not before."""
    return connection.executemany(
        "UPDATE outcomes SET delivered_at_ms = ? WHERE position = ? AND delivered_at_ms IS NULL",
        [(now_ms, position) for position in positions],
    ).rowcount
