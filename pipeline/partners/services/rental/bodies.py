"""Requests and answers of the car rental."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from pipeline.partners.services.bodies import (
    DAYS_MAX,
    Amount,
    Asked,
    Currency,
    DecisionBody,
    EntryBody,
    Evidence,
    Reasons,
    Subject,
    Told,
    Wanted,
    Words,
    history_of,
    moment,
    utc,
)
from pipeline.partners.services.desk import Filed
from pipeline.partners.services.rental.model import Damage, Rental, Terms
from pipeline.partners.services.rental.outlook import actions, way_on

Status = Literal[
    "AWAITING_DEPOSIT",
    "CANCELLED",
    "OPEN",
    "LATE",
    "DAMAGE_CLAIMED",
    "CONTESTED",
    "FULFILLED",
    "BREACHED",
    "DISPUTED",
    "DISPUTE_UPHELD",
    "DISPUTE_REJECTED",
]
_Vehicle = Annotated[Words, StringConstraints(max_length=100)]


class RentalRequest(Wanted):
    """A car for some days."""

    subject: Subject
    vehicle: _Vehicle = "compact"
    days: int = Field(3, ge=1, le=DAYS_MAX)
    daily_rate_minor: Annotated[Amount, Field(le=10**9)] = 4_500
    currency: Currency = "EUR"

    def terms(self) -> Terms:
        """What is asked for."""
        return Terms(self.subject, self.vehicle, self.days, self.daily_rate_minor, self.currency)


class DamageBody(Asked):
    """What the car came back with, and what proves it."""

    description: Words
    amount_minor: Amount
    evidence: Evidence = Field(
        min_length=1, description="What proves it, such as the numbers of photographs."
    )

    def damage(self) -> Damage:
        """The damage."""
        return Damage(self.description, self.amount_minor, self.evidence)


class ReturnBody(Asked):
    """The car came back; without a damage in order."""

    damage: DamageBody | None = None


class ReviewBody(Asked):
    """What staff found on a contested damage; against the customer only with reasons."""

    decision: Literal["FOR_CUSTOMER", "AGAINST_CUSTOMER"]
    reasons: Reasons = Field(default_factory=list)

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if self.decision == "AGAINST_CUSTOMER" and not self.reasons:
            raise ValueError("a decision against the customer needs reasons")
        return self


class DepositBody(Told):
    """The deposit, in the rental's currency."""

    status: Literal["WAIVED", "REQUIRED", "HELD", "RETURNED", "KEPT", "NOT_PAID"]
    amount_minor: int


class DamageTold(Told):
    """A damage that was claimed."""

    description: str
    amount_minor: int
    evidence: str


class RentalSummary(Told):
    """A rental in a list."""

    id: str
    subject: str
    status: Status
    vehicle: str
    created_at: datetime
    due_at: datetime | None

    @classmethod
    def of(cls, rental: Rental) -> Self:
        """A rental as a list tells it."""
        return cls(
            id=rental.id,
            subject=rental.subject,
            status=rental.status.value,
            vehicle=rental.vehicle,
            created_at=utc(rental.created_at_ms),
            due_at=moment(rental.due_at_ms),
        )


class RentalBody(Told):
    """A rental with its decision and history."""

    id: str
    subject: str
    status: Status
    decision: DecisionBody
    vehicle: str
    days: int
    daily_rate_minor: int
    amount_minor: int = Field(description="The rent for all days.")
    currency: str
    deposit: DepositBody
    damage: DamageTold | None
    created_at: datetime
    opened_at: datetime | None
    due_at: datetime | None
    returned_at: datetime | None
    contest_until: datetime | None = Field(description="Until when a damage may be contested.")
    actions: list[str] = Field(description="What may be done next: the names of endpoints.")
    way_on: str | None = Field(description="What the customer can do now.")
    history: list[EntryBody]

    @classmethod
    def of(cls, filed: Filed[Rental]) -> Self:
        """A rental as it is told."""
        rental, damage = filed.contract, filed.contract.damage
        claimed = damage and DamageTold(
            description=damage.description,
            amount_minor=damage.amount_minor,
            evidence=damage.evidence,
        )
        return cls(
            id=rental.id,
            subject=rental.subject,
            status=rental.status.value,
            decision=DecisionBody.of(rental.decision),
            vehicle=rental.vehicle,
            days=rental.days,
            daily_rate_minor=rental.daily_rate_minor,
            amount_minor=rental.amount_minor,
            currency=rental.currency,
            deposit=DepositBody(status=rental.deposit.value, amount_minor=rental.deposit_minor),
            damage=claimed,
            created_at=utc(rental.created_at_ms),
            opened_at=moment(rental.opened_at_ms),
            due_at=moment(rental.due_at_ms),
            returned_at=moment(rental.returned_at_ms),
            contest_until=moment(rental.contest_until_ms),
            actions=actions(rental),
            way_on=way_on(rental),
            history=history_of(filed.history),
        )


class RentalsBody(Told):
    """Rentals, newest first; ``more`` where there are further ones."""

    rentals: list[RentalSummary]
    more: bool
