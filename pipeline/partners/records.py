"""What is read from the topics and what a partner gets to see, as values.

Times are milliseconds since 1970 in event time unless said otherwise.
"""

from dataclasses import dataclass

from pipeline.partners.vocabulary import Admitted, Disclosure


@dataclass(frozen=True, slots=True)
class ConsentEvent:
    """A Consent record that may concern a partner: its scope is SCORING or PARTNER."""

    user_id: str
    occurred_at_ms: int
    granted: bool
    scoring: bool  # scope SCORING; else PARTNER
    partner_id: str | None = None
    purpose: str | None = None
    disclosure: Disclosure | None = None
    expires_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class ScoreEvent:
    """A Score record; ``score`` is None for a thin file."""

    score: int | None
    band: str | None
    reasons: tuple[str, ...]
    model: str
    as_of_ms: int
    sequence: int


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
    """News of one subject.

    Without a grant there is nothing to know and everything to forget. With one,
    ``disclosed`` is what the partner may see now: None where nothing is available, for
    whatever cause. ``sequence`` tells repeats apart; None starts anew.
    """

    subject: str
    granted: bool
    disclosed: PartnerScore | None = None
    sequence: int | None = None
