"""Making a service's tables, and refusing those of another version."""

import sqlalchemy as sa

from pipeline.errors import RefusedError
from pipeline.partners.services.database import Database

VERSION = 1
"""Of all tables together; a change of them takes another."""
_LOCK = 0x5E5A3E

_versions_of = sa.MetaData()
_VERSIONS = sa.Table(
    "schema_versions",
    _versions_of,
    sa.Column("service", sa.String(64), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
)


def prepare(database: Database, service: str, tables: sa.MetaData) -> None:
    """Make a service's tables where they are missing.

    Args:
        database: Open.
        service: Whose tables they are; several services may share a database.
        tables: What it needs.

    Raises:
        RefusedError: They are of another version than this program's.
    """
    with database.write() as connection:
        if database.dialect == "postgresql":
            # Two that start at once would both make them.
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        _versions_of.create_all(connection)
        kept = sa.select(_VERSIONS.c.version).where(_VERSIONS.c.service == service)
        found = connection.execute(kept).scalar()
        if found is None:
            tables.create_all(connection)
            connection.execute(_VERSIONS.insert().values(service=service, version=VERSION))
        elif found != VERSION:
            raise RefusedError(
                f"the database's {service} tables are of version {found}, this program's of "
                f"version {VERSION}: run the version of the program that made them"
            )
