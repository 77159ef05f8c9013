"""The database of a service: SQLite in a file, or PostgreSQL by its address.

SQLite runs in WAL mode with ``synchronous=NORMAL``: a crash of the process, however hard,
loses nothing that was answered. When the machine loses power the last moments may be gone:
whole transactions, so no order is there without its outcome, but an outcome may have been
reported whose order is gone. Who cannot have that takes PostgreSQL, which waits for its disk.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from pipeline.errors import RefusedError, SesameError
from pipeline.settings import variable

BUSY_TIMEOUT_MS = 5_000
CONNECTIONS_MAX = 40
"""As many as the web server has threads that answer."""

_READS = "sesame_reads"
_POSTGRESQL = "postgresql"


class DatabaseError(SesameError):
    """The database cannot be opened."""


class Database:
    """Transactions on one database; safe to be used by several threads.

    ``on_committed`` is called after each transaction that wrote, in the thread that wrote.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        # SQLite has one writer; waiting here is fair, polling its lock is slow.
        one_writer = engine.dialect.name == "sqlite"
        self._writer: AbstractContextManager[Any] = (
            threading.Lock() if one_writer else nullcontext()
        )
        self.on_committed: Callable[[], None] = lambda: None

    @property
    def dialect(self) -> str:
        """Its kind: sqlite or postgresql."""
        return self._engine.dialect.name

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that writes; rolled back when the block raises."""
        with self._writer, self._engine.begin() as connection:
            yield connection
        self.on_committed()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads, and waits for no writer."""
        with self._engine.connect().execution_options(**{_READS: True}) as connection:
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def open_database(address: SecretStr | None, setting: str, file: Path) -> Database:
    """Open the database a setting names.

    Args:
        address: Its URL; None: SQLite in ``file``.
        setting: Name of the setting, for complaints.
        file: Where it is without an address; its folder is made.

    Raises:
        RefusedError: The address is none, or of another kind of database.
        DatabaseError: It cannot be reached or opened.
    """
    url = _url(address, setting, file)
    engine = _sqlite(url) if url.get_backend_name() == "sqlite" else _postgresql(url)
    try:
        with engine.connect():
            pass
    except SQLAlchemyError as error:
        engine.dispose()
        cause = str(getattr(error, "orig", None) or error).strip()
        where = url.render_as_string(hide_password=True)
        raise DatabaseError(
            f"the database at {where} cannot be opened ({cause}); {variable(setting)} names it"
        ) from error
    return Database(engine)


def _url(address: SecretStr | None, setting: str, file: Path) -> URL:
    if address is None:
        _make_private(file)
        return URL.create("sqlite", database=str(file))
    must_be = "must be sqlite:///file.db or postgresql+psycopg://user@host/name"
    try:
        url = make_url(address.get_secret_value())
    except ArgumentError:
        # Not shown: it may bear a password.
        raise RefusedError(f"{variable(setting)} is no address, {must_be}") from None
    if url.get_backend_name() == _POSTGRESQL:
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() == "sqlite" and url.database not in {None, "", ":memory:"}:
        _make_private(Path(str(url.database)))
        return url.set(drivername="sqlite")
    raise RefusedError(
        f"{variable(setting)} is {url.render_as_string(hide_password=True)}, {must_be}"
    )


def _make_private(file: Path) -> None:
    """Make the file, and its folder, for its owner only; SQLite's files beside it follow it."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise DatabaseError(f"{file}: cannot be opened: {error.strerror}") from error


def _sqlite(url: URL) -> Engine:
    engine = sa.create_engine(url, pool_size=CONNECTIONS_MAX, max_overflow=0, hide_parameters=True)

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: object) -> None:
        # The driver would begin transactions late and behind our back.
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "foreign_keys=ON",
            f"busy_timeout={BUSY_TIMEOUT_MS}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A read that turns into a write cannot wait for another writer: it fails.
        reads = connection.get_execution_options().get(_READS)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine


def _postgresql(url: URL) -> Engine:
    return sa.create_engine(
        url,
        pool_size=CONNECTIONS_MAX // 4,
        max_overflow=CONNECTIONS_MAX - CONNECTIONS_MAX // 4,
        # A server that was started anew is noticed before a transaction begins.
        pool_pre_ping=True,
        # Errors are logged, and name nobody.
        hide_parameters=True,
    )
