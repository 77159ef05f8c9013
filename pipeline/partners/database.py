"""The SQLite file a partner keeps: opened by one process at a time, in write-ahead mode."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from pipeline.errors import RefusedError, SesameError

SCHEMA_VERSION = 1
BUSY_S = 30.0
"""Longest wait for the other thread's transaction; they take milliseconds."""

_TABLES = """
CREATE TABLE IF NOT EXISTS standing (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    topic TEXT NOT NULL,
    topic_id TEXT,
    current_at_ms INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    rebuilding INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS offsets (partition INTEGER PRIMARY KEY, next_offset INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS scores (
    subject TEXT PRIMARY KEY,
    generation INTEGER NOT NULL,
    partner_id TEXT NOT NULL,
    purpose TEXT NOT NULL,
    disclosure TEXT NOT NULL,
    admitted TEXT NOT NULL,
    band TEXT,
    score INTEGER,
    threshold INTEGER NOT NULL,
    reasons TEXT NOT NULL,
    model TEXT NOT NULL,
    as_of_ms INTEGER NOT NULL,
    grant_expires_at_ms INTEGER,
    sequence INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outcomes (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL UNIQUE,
    subject TEXT NOT NULL,
    fields TEXT NOT NULL,
    delivered_at_ms INTEGER
);
CREATE INDEX IF NOT EXISTS outcomes_delivered ON outcomes (delivered_at_ms);
"""


class StoreError(SesameError):
    """The file is not a partner's store, or cannot be read or written."""


def default_path(folder: Path, partner_id: str, topic_prefix: str) -> Path:
    """A partner's file in a data folder."""
    return folder / "partners" / f"{topic_prefix}{partner_id}.sqlite"


class Database:
    """A partner's file, held by this process until closed; a context manager.

    Two connections, as a thread each writes: the view's may lose its last transactions when
    the machine loses power (they are read again), the outbox's may not.

    Args:
        path: The file; made, with its folder, when missing, and readable by its owner only.

    Raises:
        RefusedError: Another process holds it.
        StoreError: It is something else, or of a later version.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(f"{path}: cannot be opened: {error.strerror}") from error
        self._connections: list[sqlite3.Connection] = []
        try:
            self._hold()
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self.view = self._connect("NORMAL")
            self.outbox = self._connect("FULL")
        except OSError as error:
            self.close()
            raise StoreError(f"{path}: cannot be opened: {error.strerror}") from error
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        """Use it as a context manager."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close the file and let others hold it."""
        for connection in self._connections:
            connection.close()
        self._connections.clear()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _hold(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RefusedError(
                f"{self._path} is in use by another process; give each a store of its own"
            ) from None

    def _connect(self, synchronous: str) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(
                self._path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
            )
            self._connections.append(connection)
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version > SCHEMA_VERSION:
                raise StoreError(f"{self._path} is of a later version of this program")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA synchronous = {synchronous}")
            connection.executescript(_TABLES)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        except sqlite3.Error as error:
            raise StoreError(f"{self._path}: {error}") from error
        return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All of it or nothing.

    Raises:
        StoreError: SQLite refuses, for instance as the disk is full.
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    except sqlite3.Error as error:
        raise StoreError(f"the partner's store cannot be written: {error}") from error
