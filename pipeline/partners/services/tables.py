"""The tables rentals and loans have alike: history, outbox, idempotency keys."""

from dataclasses import dataclass

import sqlalchemy as sa

ID_CHARS_MAX = 64
SUBJECT_CHARS_MAX = 128
KEY_CHARS_MAX = 255
_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
"""SQLite counts rows up only in a column of its own integer type."""


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of one service.

    ``outbox`` holds what is still to be reported, written with the move it reports;
    ``event_id`` names contract and move, so that no move is ever reported under two ids.
    """

    contracts: sa.Table
    history: sa.Table
    outbox: sa.Table
    keys: sa.Table


def make_tables(metadata: sa.MetaData, prefix: str, *columns: sa.Column[object]) -> Tables:
    """The tables of a service whose names start with the prefix.

    Args:
        metadata: Where they are registered.
        prefix: Such as ``rental``.
        columns: Those a contract of this service has beside what all have.
    """
    contracts = _contracts(metadata, prefix, columns)
    contract_id = sa.ForeignKey(contracts.c.id)
    return Tables(
        contracts,
        sa.Table(
            f"{prefix}_history",
            metadata,
            sa.Column("contract_id", sa.String(ID_CHARS_MAX), contract_id, primary_key=True),
            sa.Column("at_ms", sa.BigInteger, primary_key=True),
            sa.Column("status", sa.String(32), nullable=False),
            sa.Column("actor", sa.String(16), nullable=False),
            sa.Column("text", sa.Text, nullable=False),
        ),
        _outbox(metadata, prefix),
        sa.Table(
            f"{prefix}_idempotency_keys",
            metadata,
            sa.Column("key", sa.String(KEY_CHARS_MAX), primary_key=True),
            sa.Column("fingerprint", sa.String(64), nullable=False),
            sa.Column("created_at_ms", sa.BigInteger, nullable=False, index=True),
            sa.Column("status", sa.Integer, nullable=False),
            sa.Column("location", sa.String(255), nullable=True),
            sa.Column("body", sa.Text, nullable=False),
        ),
    )


def _contracts(
    metadata: sa.MetaData, prefix: str, columns: tuple[sa.Column[object], ...]
) -> sa.Table:
    return sa.Table(
        f"{prefix}_contracts",
        metadata,
        sa.Column("id", sa.String(ID_CHARS_MAX), primary_key=True),
        sa.Column("subject", sa.String(SUBJECT_CHARS_MAX), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("decision", sa.JSON, nullable=False),
        sa.Column("created_at_ms", sa.BigInteger, nullable=False),
        sa.Column("changed_at_ms", sa.BigInteger, nullable=False),
        sa.Column("acts_at_ms", sa.BigInteger, nullable=True, index=True),
        sa.Column("opened_at_ms", sa.BigInteger, nullable=True),
        sa.Column("due_at_ms", sa.BigInteger, nullable=True),
        *columns,
        sa.Index(f"{prefix}_contracts_by_subject", "subject", "created_at_ms"),
        sa.Index(f"{prefix}_contracts_by_status", "status", "created_at_ms"),
    )


def _outbox(metadata: sa.MetaData, prefix: str) -> sa.Table:
    table = sa.Table(
        f"{prefix}_outbox",
        metadata,
        sa.Column("seq", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("event_id", sa.String(64), nullable=False, unique=True),
        sa.Column("contract_id", sa.String(ID_CHARS_MAX), nullable=False),
        sa.Column("subject", sa.String(SUBJECT_CHARS_MAX), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("occurred_at_ms", sa.BigInteger, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=True),
        sa.Column("due_at_ms", sa.BigInteger, nullable=True),
        sa.Column("evidence", sa.Text, nullable=True),
        sa.Column("delivered_at_ms", sa.BigInteger, nullable=True),
    )
    # What waits is little; what was delivered grows.
    waiting = table.c.delivered_at_ms.is_(None)
    sa.Index(
        f"{prefix}_outbox_waiting", table.c.seq, sqlite_where=waiting, postgresql_where=waiting
    )
    return table
