"""Contracts in the database: each move with its line of history and its report, at once."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Generic, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pipeline.partners.decision import Decision
from pipeline.partners.services.contracts import Actor, Contract, Entry, Moved, Report
from pipeline.partners.services.tables import Tables
from pipeline.partners.vocabulary import Admitted, Outcome

C = TypeVar("C", bound=Contract)


class Rows(Protocol[C]):
    """How a contract of one kind is a row and back."""

    def to_row(self, contract: C) -> dict[str, Any]:
        """The values of all columns."""

    def from_row(self, row: Mapping[str, Any]) -> C:
        """The contract of a row."""


class ContractStore(Generic[C]):
    """The contracts of one service; every method works in the caller's transaction."""

    def __init__(self, tables: Tables, rows: Rows[C]) -> None:
        self._tables = tables
        self._rows = rows

    def add(self, connection: Connection, moved: Moved[C]) -> None:
        """Keep a new contract."""
        row = self._rows.to_row(moved.contract)
        connection.execute(self._tables.contracts.insert(), row)
        self._record(connection, moved)

    def save(self, connection: Connection, moved: Moved[C]) -> None:
        """Keep a contract after a move."""
        table = self._tables.contracts
        row = self._rows.to_row(moved.contract)
        statement = table.update().where(table.c.id == sa.bindparam("contract_id"))
        connection.execute(statement, row | {"contract_id": moved.contract.id})
        self._record(connection, moved)

    def get(self, connection: Connection, contract_id: str, *, lock: bool = False) -> C | None:
        """A contract by its id; locked until the transaction ends where it is to be moved."""
        table = self._tables.contracts
        query = table.select().where(table.c.id == contract_id)
        # SQLite's writers exclude each other anyway, and it knows no row locks.
        row = connection.execute(query.with_for_update() if lock else query).mappings().first()
        return None if row is None else self._rows.from_row(dict(row))

    def history(self, connection: Connection, contract_id: str) -> list[Entry]:
        """What happened to a contract, oldest first."""
        table = self._tables.history
        query = (
            sa.select(table.c.at_ms, table.c.status, table.c.actor, table.c.text)
            .where(table.c.contract_id == contract_id)
            .order_by(table.c.at_ms)
        )
        return [
            Entry(at_ms, status, Actor(actor), text)
            for at_ms, status, actor, text in connection.execute(query)
        ]

    def find(
        self, connection: Connection, *, subject: str | None, status: str | None, limit: int
    ) -> list[C]:
        """Contracts of a subject, or with a status, newest first."""
        table = self._tables.contracts
        query = table.select().order_by(table.c.created_at_ms.desc(), table.c.id).limit(limit)
        if subject is not None:
            query = query.where(table.c.subject == subject)
        if status is not None:
            query = query.where(table.c.status == status)
        return [self._rows.from_row(dict(row)) for row in connection.execute(query).mappings()]

    def due(
        self, connection: Connection, now_ms: int, limit: int, after: tuple[int, str] | None
    ) -> list[tuple[int, str]]:
        """Contracts that time alone moves on, by since when and id, longest due first.

        Args:
            connection: The caller's transaction.
            now_ms: Wall time.
            limit: At most so many.
            after: Those behind this one; None: all.
        """
        table = self._tables.contracts
        query = (
            sa.select(table.c.acts_at_ms, table.c.id)
            .where(table.c.acts_at_ms <= now_ms)
            .order_by(table.c.acts_at_ms, table.c.id)
            .limit(limit)
        )
        if after is not None:
            query = query.where(sa.tuple_(table.c.acts_at_ms, table.c.id) > sa.tuple_(*after))
        return [(acts_at_ms, contract_id) for acts_at_ms, contract_id in connection.execute(query)]

    def counts(self, connection: Connection) -> dict[str, int]:
        """How many contracts there are, by status."""
        table = self._tables.contracts
        query = sa.select(table.c.status, sa.func.count()).group_by(table.c.status)
        return {status: count for status, count in connection.execute(query)}  # noqa: C416 - rows

    def _record(self, connection: Connection, moved: Moved[C]) -> None:
        contract = moved.contract
        entry = asdict(moved.entry) | {"contract_id": contract.id}
        connection.execute(self._tables.history.insert(), entry)
        if moved.report is not None:
            row = _outbox_row(contract, moved.report)
            connection.execute(self._tables.outbox.insert(), row)


def decision_row(decision: Decision) -> dict[str, Any]:
    """A decision as JSON."""
    return asdict(decision)


def decision_of(row: Mapping[str, Any]) -> Decision:
    """The decision of a row's JSON."""
    return Decision(
        outcome=Outcome(row["outcome"]),
        admitted=Admitted(row["admitted"]),
        text=row["text"],
        reasons=tuple(row["reasons"]),
        reason_texts=tuple(row["reason_texts"]),
        threshold=row["threshold"],
        model=row["model"],
        as_of_ms=row["as_of_ms"],
    )


def _outbox_row(contract: Contract, report: Report) -> dict[str, Any]:
    # No two moves of a contract are at the same time, so this names the move.
    event_id = f"{contract.id}-{report.occurred_at_ms}"
    return asdict(report) | {
        "event_id": event_id,
        "contract_id": contract.id,
        "subject": contract.subject,
    }
