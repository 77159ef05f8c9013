"""A loan as a value."""

from dataclasses import dataclass
from enum import StrEnum

from pipeline.partners.decision import Decision

BREACH_DAYS = 90
"""Days past due from which a loan is a breach, as the credit industry counts."""


class LoanStatus(StrEnum):
    """Where a loan stands."""

    IN_REVIEW = "IN_REVIEW"
    DECLINED = "DECLINED"
    OPEN = "OPEN"
    LATE = "LATE"
    FULFILLED = "FULFILLED"
    BREACHED = "BREACHED"
    DISPUTED = "DISPUTED"
    DISPUTE_UPHELD = "DISPUTE_UPHELD"
    DISPUTE_REJECTED = "DISPUTE_REJECTED"


@dataclass(frozen=True, slots=True)
class Application:
    """What a customer asks for: an amount in minor units, to be repaid in some days."""

    subject: str
    amount_minor: int
    currency: str
    term_days: int


@dataclass(frozen=True, slots=True)
class Loan:
    """One loan; amounts in the currency's minor unit, times in ms since 1970.

    ``reasons`` are those of a decline, in words. ``acts_at_ms`` is when time alone moves it
    on: the day it is due, and 90 days later.
    """

    id: str
    subject: str
    status: LoanStatus
    amount_minor: int
    currency: str
    term_days: int
    decision: Decision
    created_at_ms: int
    changed_at_ms: int
    acts_at_ms: int | None = None
    opened_at_ms: int | None = None
    due_at_ms: int | None = None
    repaid_minor: int = 0
    reasons: tuple[str, ...] = ()

    @property
    def outstanding_minor(self) -> int:
        """What is left to be repaid; nothing of a loan that was never paid out."""
        return self.amount_minor - self.repaid_minor if self.opened_at_ms is not None else 0
