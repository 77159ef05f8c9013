"""Requests that are sent twice and done once: the ``Idempotency-Key`` header.

After the IETF draft draft-ietf-httpapi-idempotency-key-header. The key is kept with the
answer in the transaction of what it did, so there is no moment in which one is there without
the other. Requests that failed did nothing and keep nothing: their key may be used again.
"""

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from pipeline.partners.services.database import Database

KEPT_MS = 24 * 3_600_000
"""How long a key stands for its request."""
_PURGE_EVERY_MS = 3_600_000


class KeyReusedError(Exception):
    """The key was used for another request."""


class UnderWayError(Exception):
    """The first request with this key is still being worked on."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered; ``replayed`` where it was given before."""

    status: int
    body: str
    location: str | None = None
    replayed: bool = False


Work = Callable[[Connection], Answer]
"""Does what was asked for in a transaction."""


def fingerprint(method: str, path: str, body: str) -> str:
    """What tells requests under one key apart; ``body`` in a form that spacing does not change."""
    return hashlib.sha256(f"{method}\0{path}\0{body}".encode()).hexdigest()


class Idempotency:
    """The keys of one service.

    Args:
        database: Open, with the table.
        table: Of the keys.
        clock_ms: Wall time.
    """

    def __init__(self, database: Database, table: sa.Table, clock_ms: Callable[[], int]) -> None:
        self._database = database
        self._table = table
        self._clock_ms = clock_ms
        self._under_way: set[str] = set()
        self._lock = threading.Lock()
        self._purged_ms = 0

    def perform(self, key: str | None, print_of: str, work: Work) -> Answer:
        """Do the work, or give the answer it was given under this key.

        Args:
            key: None: nothing is remembered.
            print_of: The request's fingerprint.
            work: Runs at most once a key, in the transaction that keeps the answer.

        Raises:
            KeyReusedError: The key stands for another request.
            UnderWayError: The same request is being worked on.
        """
        if key is None:
            with self._database.write() as connection:
                return work(connection)
        with self._alone(key):
            try:
                return self._perform(key, print_of, work)
            except IntegrityError:
                # Another process has just committed the same key; its answer is there now.
                return self._perform(key, print_of, work)

    def _perform(self, key: str, print_of: str, work: Work) -> Answer:
        table, now_ms = self._table, self._clock_ms()
        with self._database.write() as connection:
            self._purge(connection, now_ms)
            query = table.select().where(table.c.key == key)
            kept = connection.execute(query).mappings().first()
            if kept is not None and kept["created_at_ms"] > now_ms - KEPT_MS:
                if kept["fingerprint"] != print_of:
                    raise KeyReusedError
                return Answer(kept["status"], kept["body"], kept["location"], replayed=True)
            if kept is not None:
                connection.execute(table.delete().where(table.c.key == key))
            row = {"key": key, "fingerprint": print_of, "created_at_ms": now_ms}
            # Before the work, so that of two processes one waits here for the other.
            connection.execute(table.insert(), row | {"status": 0, "body": ""})
            answer = work(connection)
            connection.execute(
                table.update().where(table.c.key == key),
                {"status": answer.status, "body": answer.body, "location": answer.location},
            )
            return answer

    def _purge(self, connection: Connection, now_ms: int) -> None:
        if now_ms - self._purged_ms < _PURGE_EVERY_MS:
            return
        self._purged_ms = now_ms
        old = self._table.c.created_at_ms <= now_ms - KEPT_MS
        connection.execute(self._table.delete().where(old))

    @contextmanager
    def _alone(self, key: str) -> Iterator[None]:
        with self._lock:
            if key in self._under_way:
                raise UnderWayError
            self._under_way.add(key)
        try:
            yield
        finally:
            with self._lock:
                self._under_way.discard(key)
