"""Requests and answers of the microloans."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pipeline.partners.services.bodies import (
    Amount,
    Asked,
    Currency,
    DecisionBody,
    EntryBody,
    Reasons,
    Subject,
    Told,
    Wanted,
    history_of,
    moment,
    utc,
)
from pipeline.partners.services.desk import Filed
from pipeline.partners.services.loans.model import Application, Loan
from pipeline.partners.services.loans.outlook import actions, way_on

TERM_DAYS_MAX = 5 * 366
Status = Literal[
    "IN_REVIEW",
    "DECLINED",
    "OPEN",
    "LATE",
    "FULFILLED",
    "BREACHED",
    "DISPUTED",
    "DISPUTE_UPHELD",
    "DISPUTE_REJECTED",
]


class LoanRequest(Wanted):
    """An amount, to be repaid within some days."""

    subject: Subject
    amount_minor: Annotated[Amount, Field(le=10**9)]
    currency: Currency = "EUR"
    term_days: int = Field(30, ge=1, le=TERM_DAYS_MAX)

    def application(self) -> Application:
        """What is asked for."""
        return Application(self.subject, self.amount_minor, self.currency, self.term_days)


class RepaymentBody(Wanted):
    """Some or all of a loan, repaid."""

    amount_minor: Amount


class ReviewBody(Asked):
    """What staff decided on an application; a decline only with reasons."""

    decision: Literal["APPROVE", "DECLINE"]
    reasons: Reasons = Field(default_factory=list)

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if self.decision == "DECLINE" and not self.reasons:
            raise ValueError("a decline needs reasons")
        return self


class LoanSummary(Told):
    """A loan in a list."""

    id: str
    subject: str
    status: Status
    amount_minor: int
    currency: str
    created_at: datetime
    due_at: datetime | None

    @classmethod
    def of(cls, loan: Loan) -> Self:
        """A loan as a list tells it."""
        return cls(
            id=loan.id,
            subject=loan.subject,
            status=loan.status.value,
            amount_minor=loan.amount_minor,
            currency=loan.currency,
            created_at=utc(loan.created_at_ms),
            due_at=moment(loan.due_at_ms),
        )


class LoanBody(Told):
    """A loan with its decision and history."""

    id: str
    subject: str
    status: Status
    decision: DecisionBody
    amount_minor: int
    currency: str
    term_days: int
    repaid_minor: int
    outstanding_minor: int = Field(description="What is left to be repaid.")
    decline_reasons: list[str] = Field(description="Why staff declined it, in words.")
    created_at: datetime
    opened_at: datetime | None
    due_at: datetime | None
    actions: list[str] = Field(description="What may be done next: the names of endpoints.")
    way_on: str | None = Field(description="What the customer can do now.")
    history: list[EntryBody]

    @classmethod
    def of(cls, filed: Filed[Loan]) -> Self:
        """A loan as it is told."""
        loan = filed.contract
        return cls(
            id=loan.id,
            subject=loan.subject,
            status=loan.status.value,
            decision=DecisionBody.of(loan.decision),
            amount_minor=loan.amount_minor,
            currency=loan.currency,
            term_days=loan.term_days,
            repaid_minor=loan.repaid_minor,
            outstanding_minor=loan.outstanding_minor,
            decline_reasons=list(loan.reasons),
            created_at=utc(loan.created_at_ms),
            opened_at=moment(loan.opened_at_ms),
            due_at=moment(loan.due_at_ms),
            actions=actions(loan),
            way_on=way_on(loan),
            history=history_of(filed.history),
        )


class LoansBody(Told):
    """Loans, newest first; ``more`` where there are further ones."""

    loans: list[LoanSummary]
    more: bool
