"""The closed lists of sharing: purposes, disclosures, ways on, answers, outcomes, contracts.

The only place they are named; the registry, the grants and the decisions all come here.
"""

from enum import StrEnum


class Purpose(StrEnum):
    """What a partner may use a score for.

    State and law-enforcement access has no purpose, on purpose.
    """

    CAR_RENTAL_DEPOSIT = "CAR_RENTAL_DEPOSIT"
    MICROLOAN = "MICROLOAN"
    BIKE_DEPOSIT = "BIKE_DEPOSIT"
    HOTEL_DEPOSIT = "HOTEL_DEPOSIT"


class Disclosure(StrEnum):
    """How much of a score is shown, least first."""

    ADMIT = "ADMIT"
    BAND = "BAND"
    SCORE = "SCORE"

    @property
    def rank(self) -> int:
        """Position in the order of how much is shown; 0 is least."""
        return _RANKS[self]

    def at_most(self, largest: "Disclosure") -> "Disclosure":
        """This disclosure, or the allowed one where that shows less."""
        return min(self, largest, key=lambda disclosure: disclosure.rank)


_RANKS = {disclosure: rank for rank, disclosure in enumerate(Disclosure)}


class Fallback(StrEnum):
    """The way on a partner offers everyone it does not admit."""

    DEPOSIT = "DEPOSIT"
    HUMAN_REVIEW = "HUMAN_REVIEW"


class LegalBasis(StrEnum):
    """Why a partner may process scores (GDPR, Article 6(1)(a) and (b)).

    The bases for authorities, Article 6(1)(c) and (e), are left out on purpose.
    """

    CONSENT = "CONSENT"
    CONTRACT = "CONTRACT"


class Admitted(StrEnum):
    """Whether a score reaches the partner's threshold."""

    YES = "YES"
    NO = "NO"
    NOT_AVAILABLE = "NOT_AVAILABLE"


class Outcome(StrEnum):
    """How a partner's decision ends; none of them is a refusal."""

    DEPOSIT_WAIVED = "DEPOSIT_WAIVED"
    DEPOSIT_REQUIRED = "DEPOSIT_REQUIRED"
    LOAN_APPROVED = "LOAN_APPROVED"
    HUMAN_REVIEW = "HUMAN_REVIEW"


class ContractKind(StrEnum):
    """What a partner's contract with a person is about."""

    RENTAL = "RENTAL"
    LOAN = "LOAN"
    UTILITY = "UTILITY"
    TELECOM = "TELECOM"
    HOUSING = "HOUSING"
    OTHER = "OTHER"


class ContractStatus(StrEnum):
    """What became of a contract."""

    OPENED = "OPENED"
    FULFILLED = "FULFILLED"
    LATE = "LATE"
    BREACHED = "BREACHED"
    DISPUTED = "DISPUTED"
    DISPUTE_UPHELD = "DISPUTE_UPHELD"
    DISPUTE_REJECTED = "DISPUTE_REJECTED"
