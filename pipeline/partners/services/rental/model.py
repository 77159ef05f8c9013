"""A rental as a value."""

from dataclasses import dataclass
from enum import StrEnum

from pipeline.partners.decision import Decision

DEPOSIT_DAYS = 10
"""A deposit is as many days' rent."""


class RentalStatus(StrEnum):
    """Where a rental stands."""

    AWAITING_DEPOSIT = "AWAITING_DEPOSIT"
    CANCELLED = "CANCELLED"
    OPEN = "OPEN"
    LATE = "LATE"
    DAMAGE_CLAIMED = "DAMAGE_CLAIMED"
    CONTESTED = "CONTESTED"
    FULFILLED = "FULFILLED"
    BREACHED = "BREACHED"
    DISPUTED = "DISPUTED"
    DISPUTE_UPHELD = "DISPUTE_UPHELD"
    DISPUTE_REJECTED = "DISPUTE_REJECTED"


class DepositStatus(StrEnum):
    """What became of the deposit."""

    WAIVED = "WAIVED"
    REQUIRED = "REQUIRED"
    HELD = "HELD"
    RETURNED = "RETURNED"
    KEPT = "KEPT"
    NOT_PAID = "NOT_PAID"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a customer asks for: a vehicle for some days; the rate is per day, minor units."""

    subject: str
    vehicle: str
    days: int
    daily_rate_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Damage:
    """What the car came back with; ``evidence`` says what proves it."""

    description: str
    amount_minor: int
    evidence: str


@dataclass(frozen=True, slots=True)
class Rental:
    """One rental; amounts in the currency's minor unit, times in ms since 1970.

    ``acts_at_ms`` is when time alone moves it on: an overdue car, the end of the window in
    which a damage may be contested.
    """

    id: str
    subject: str
    status: RentalStatus
    vehicle: str
    days: int
    daily_rate_minor: int
    currency: str
    deposit_minor: int
    deposit: DepositStatus
    decision: Decision
    created_at_ms: int
    changed_at_ms: int
    acts_at_ms: int | None = None
    opened_at_ms: int | None = None
    due_at_ms: int | None = None
    returned_at_ms: int | None = None
    damage: Damage | None = None
    contest_until_ms: int | None = None

    @property
    def amount_minor(self) -> int:
        """The rent for all days."""
        return self.days * self.daily_rate_minor
