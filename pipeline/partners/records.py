"""What a partner sees of people and what it reports of them, as values.

Times are milliseconds since 1970 in event time unless said otherwise.
"""

from dataclasses import dataclass

from pipeline.partners.vocabulary import Admitted, ContractKind, ContractStatus, Disclosure


@dataclass(frozen=True, slots=True)
class PartnerScore:
    """What one partner was granted to see of one person: the contract's PartnerScore."""

    subject: str
    partner_id: str
    purpose: str
    disclosure: Disclosure
    admitted: Admitted
    band: str | None
    score: int | None
    threshold: int
    reasons: tuple[str, ...]
    model: str
    as_of_ms: int
    grant_expires_at_ms: int | None
    sequence: int


@dataclass(frozen=True, slots=True)
class Change:
    """News of one subject: what may be seen of it from now on; None: nothing any more."""

    subject: str
    seen: PartnerScore | None


@dataclass(frozen=True, slots=True)
class OutcomeReport:
    """What became of a contract with a subject: the contract's PartnerOutcome.

    ``occurred_at_ms`` is when it did; ``amount_minor`` is in the currency's minor unit;
    ``evidence`` is required with BREACHED. Without an ``event_id`` the partner, the contract,
    the status and the time make one, so that a report made twice is one.
    """

    contract_id: str
    subject: str
    kind: ContractKind
    status: ContractStatus
    occurred_at_ms: int
    amount_minor: int | None = None
    due_at_ms: int | None = None
    evidence: str | None = None
    event_id: str | None = None
