"""A rental as a row and back."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

import sqlalchemy as sa

from pipeline.partners.services.rental.model import Damage, DepositStatus, Rental, RentalStatus
from pipeline.partners.services.store import decision_of, decision_row
from pipeline.partners.services.tables import make_tables

METADATA = sa.MetaData()
TABLES = make_tables(
    METADATA,
    "rental",
    sa.Column("vehicle", sa.String(100), nullable=False),
    sa.Column("days", sa.Integer, nullable=False),
    sa.Column("daily_rate_minor", sa.BigInteger, nullable=False),
    sa.Column("deposit_minor", sa.BigInteger, nullable=False),
    sa.Column("deposit", sa.String(16), nullable=False),
    sa.Column("returned_at_ms", sa.BigInteger, nullable=True),
    sa.Column("damage", sa.JSON(none_as_null=True), nullable=True),
    sa.Column("contest_until_ms", sa.BigInteger, nullable=True),
)
_FIELDS = tuple(field.name for field in fields(Rental))


class RentalRows:
    """Rentals as rows of ``rental_contracts``."""

    def to_row(self, contract: Rental) -> dict[str, Any]:
        """The values of all columns."""
        row = {name: getattr(contract, name) for name in _FIELDS}
        damage = contract.damage
        return row | {
            "decision": decision_row(contract.decision),
            "damage": None if damage is None else asdict(damage),
        }

    def from_row(self, row: Mapping[str, Any]) -> Rental:
        """The rental of a row."""
        damage = row["damage"]
        return Rental(
            **{
                **row,
                "status": RentalStatus(row["status"]),
                "deposit": DepositStatus(row["deposit"]),
                "decision": decision_of(row["decision"]),
                "damage": None if damage is None else Damage(**damage),
            }
        )
