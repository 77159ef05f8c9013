"""A loan as a row and back."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import sqlalchemy as sa

from pipeline.partners.services.loans.model import Loan, LoanStatus
from pipeline.partners.services.store import decision_of, decision_row
from pipeline.partners.services.tables import make_tables

METADATA = sa.MetaData()
TABLES = make_tables(
    METADATA,
    "loan",
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("term_days", sa.Integer, nullable=False),
    sa.Column("repaid_minor", sa.BigInteger, nullable=False),
    sa.Column("reasons", sa.JSON, nullable=False),
)
_FIELDS = tuple(field.name for field in fields(Loan))


class LoanRows:
    """Loans as rows of ``loan_contracts``."""

    def to_row(self, contract: Loan) -> dict[str, Any]:
        """The values of all columns."""
        row = {name: getattr(contract, name) for name in _FIELDS}
        return row | {
            "decision": decision_row(contract.decision),
            "reasons": list(contract.reasons),
        }

    def from_row(self, row: Mapping[str, Any]) -> Loan:
        """The loan of a row."""
        return Loan(
            **{
                **row,
                "status": LoanStatus(row["status"]),
                "decision": decision_of(row["decision"]),
                "reasons": tuple(row["reasons"]),
            }
        )
