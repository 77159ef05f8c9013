"""What requests and answers of both services have in common, as JSON.

Requests are taken strictly: no text for a number, and no unknown fields but in what a
customer asks for, where a shop may send more than we have a use for.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from pipeline.partners.decision import Decision
from pipeline.partners.services.contracts import Entry
from pipeline.partners.services.money import AMOUNT_MAX
from pipeline.partners.services.tables import SUBJECT_CHARS_MAX

DAYS_MAX = 366
REASONS_MAX = 8
_SPACES = "\t\n\r"


def _no_control_characters(text: str) -> str:
    if any(character < " " and character not in _SPACES for character in text):
        raise ValueError("has a control character")
    return text


_Plain = AfterValidator(_no_control_characters)

Subject = Annotated[
    str,
    StringConstraints(min_length=1, max_length=SUBJECT_CHARS_MAX),
    _Plain,
    Field(description="The person's pseudonym at this partner, as the person gave it."),
]
Currency = Annotated[
    str, StringConstraints(pattern=r"^[A-Z]{3}$"), Field(description="ISO 4217 code.")
]
Amount = Annotated[
    int, Field(ge=1, le=AMOUNT_MAX, description="In the currency's minor unit, such as cents.")
]
Words = Annotated[str, StringConstraints(min_length=1, max_length=1_000), _Plain]
Evidence = Annotated[str, StringConstraints(max_length=2_000), _Plain]
Statement = Annotated[str, StringConstraints(max_length=1_000), _Plain]
Reasons = Annotated[
    list[Words], Field(max_length=REASONS_MAX, description="Why, in words for the customer.")
]


class Asked(BaseModel):
    """A request."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Wanted(Asked):
    """A request of a customer's; fields that are not known are left out."""

    model_config = ConfigDict(extra="ignore")


class Told(BaseModel):
    """An answer; every field is always there."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_serialization_defaults_required=True
    )


class StatementBody(Asked):
    """What the customer has to say."""

    statement: Statement = Field("", description="In the customer's words.")


class DisputeReviewBody(Asked):
    """What staff found on a dispute."""

    decision: Literal["UPHOLD", "REJECT"]
    reasons: Reasons = Field(min_length=1)


class DecisionBody(Told):
    """What was decided on what could be seen of the person, and why."""

    outcome: Literal["DEPOSIT_WAIVED", "DEPOSIT_REQUIRED", "LOAN_APPROVED", "HUMAN_REVIEW"]
    admitted: Literal["YES", "NO", "NOT_AVAILABLE"] = Field(
        description="Whether the score reaches the threshold; NOT_AVAILABLE for whatever cause."
    )
    text: str
    reasons: list[str] = Field(description="Reason codes, where the score was not admitted.")
    reason_texts: list[str] = Field(description="Why, in words.")
    threshold: int = Field(description="The lowest score that is admitted.")
    model: str | None = Field(description="The model of the score, id@version.")
    as_of: datetime | None = Field(description="The day the score is of.")

    @classmethod
    def of(cls, decision: Decision) -> Self:
        """The decision as it is told."""
        return cls(
            outcome=decision.outcome.value,
            admitted=decision.admitted.value,
            text=decision.text,
            reasons=list(decision.reasons),
            reason_texts=list(decision.reason_texts),
            threshold=decision.threshold,
            model=decision.model,
            as_of=moment(decision.as_of_ms),
        )


class EntryBody(Told):
    """A line of a history."""

    at: datetime
    status: str
    by: Literal["CUSTOMER", "STAFF", "CLOCK", "SERVICE"]
    text: str


def history_of(entries: Sequence[Entry]) -> list[EntryBody]:
    """A history as it is told, oldest first."""
    return [
        EntryBody(at=utc(e.at_ms), status=e.status, by=e.actor.value, text=e.text) for e in entries
    ]


def moment(at_ms: int | None) -> datetime | None:
    """A time as it is told, where there is one."""
    return None if at_ms is None else utc(at_ms)


def utc(at_ms: int) -> datetime:
    """A time as it is told: ISO 8601, UTC, to the millisecond."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)
