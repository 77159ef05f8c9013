"""Where contracts are moved: the one way from a request or the clock to the database."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog
from sqlalchemy.engine import Connection
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from pipeline.partners.services.contracts import Contract, Entry, Move, Moved, is_due
from pipeline.partners.services.database import Database
from pipeline.partners.services.store import ContractStore

SWEEP_MAX = 500
"""Contracts that time moves on before others have their turn."""

C = TypeVar("C", bound=Contract)

log = structlog.get_logger()


class NotFoundError(Exception):
    """There is no such contract."""


@dataclass(frozen=True, slots=True)
class Filed(Generic[C]):
    """A contract with its history, oldest first."""

    contract: C
    history: list[Entry]


class Desk(Generic[C]):
    """Opens and moves contracts of one kind.

    Args:
        name: Such as ``rental``; ids start with it.
        database: Open, with the tables.
        store: The contracts.
        lapse: What time alone does to one that is due.
        clock_ms: Wall time.
    """

    def __init__(
        self,
        name: str,
        database: Database,
        store: ContractStore[C],
        lapse: Move[C],
        clock_ms: Callable[[], int],
    ) -> None:
        self._name = name
        self.database = database
        self._store = store
        self._lapse = lapse
        self.clock_ms = clock_ms
        self._swept: tuple[int, str] | None = None
        self._stuck: set[str] = set()

    @property
    def stuck(self) -> int:
        """Contracts that time should have moved on and that could not be."""
        return len(self._stuck)

    def open(self, connection: Connection, opening: Callable[[str, int], Moved[C]]) -> Filed[C]:
        """Open a contract; ``opening`` gets its id and the time."""
        moved = opening(f"{self._name}-{uuid.uuid4().hex}", self.clock_ms())
        self._store.add(connection, moved)
        return Filed(moved.contract, [moved.entry])

    def move(self, connection: Connection, contract_id: str, move: Move[C]) -> Filed[C]:
        """Make a move, after those that time has made by now.

        Raises:
            NotFoundError: There is no such contract.
            NotAllowedError: Its state does not allow the move.
        """
        contract = self._store.get(connection, contract_id, lock=True)
        if contract is None:
            raise NotFoundError(contract_id)
        now_ms = self.clock_ms()
        moved = move(self._catch_up(connection, contract, now_ms), now_ms)
        self._store.save(connection, moved)
        return Filed(moved.contract, self._store.history(connection, contract_id))

    def get(self, contract_id: str) -> Filed[C]:
        """A contract as it stands.

        Raises:
            NotFoundError: There is no such contract.
        """
        with self.database.read() as connection:
            contract = self._store.get(connection, contract_id)
            if contract is None:
                raise NotFoundError(contract_id)
            return Filed(contract, self._store.history(connection, contract_id))

    def find(self, *, subject: str | None, status: str | None, limit: int) -> list[C]:
        """Contracts of a subject or with a status, newest first."""
        with self.database.read() as connection:
            return self._store.find(connection, subject=subject, status=status, limit=limit)

    def counts(self) -> dict[str, int]:
        """How many contracts there are, by status."""
        with self.database.read() as connection:
            return self._store.counts(connection)

    def sweep(self) -> int:
        """Let time move on what is due, up to SWEEP_MAX; returns how many were.

        Each in a transaction of its own: one that cannot be moved keeps no other from it. It is
        tried again at every round, and logged once.

        Raises:
            OperationalError: The database is away.
        """
        now_ms = self.clock_ms()
        with self.database.read() as connection:
            due = self._store.due(connection, now_ms, SWEEP_MAX, self._swept)
        for place in due:
            self._let_time_move(place[1], now_ms)
            self._swept = place
        if len(due) < SWEEP_MAX:
            self._swept = None  # the next round begins with the longest due
        return len(due)

    def _let_time_move(self, contract_id: str, now_ms: int) -> None:
        try:
            with self.database.write() as connection:
                contract = self._store.get(connection, contract_id, lock=True)
                if contract is not None:
                    self._catch_up(connection, contract, now_ms)
        except (OperationalError, InterfaceError, PoolTimeoutError):
            raise  # not of this contract's making
        except Exception:
            if contract_id not in self._stuck:
                log.exception("contract stuck", contract_id=contract_id)
            self._stuck.add(contract_id)
        else:
            self._stuck.discard(contract_id)

    def _catch_up(self, connection: Connection, contract: C, now_ms: int) -> C:
        while is_due(contract, now_ms):
            moved = self._lapse(contract, now_ms)
            self._store.save(connection, moved)
            contract = moved.contract
        return contract
