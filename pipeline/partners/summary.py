"""What a partner decides on everyone in its view, and how its exchange with Kafka stands."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pipeline.partners.decision import Decision, outcomes_of
from pipeline.partners.registry import Policy
from pipeline.partners.vocabulary import Admitted


@dataclass(frozen=True, slots=True)
class Summary:
    """The decision on everyone who granted one purpose, by outcome and by answer."""

    policy: Policy
    ready: bool
    subjects: int
    decisions: dict[str, int]
    admitted: dict[str, int]
    records: dict[str, int]
    outcomes: dict[str, int]
    enquiries: dict[str, int]

    def as_json(self) -> dict[str, Any]:
        """The summary as one JSON object."""
        return {
            "partner": self.policy.partner_id,
            "name": self.policy.partner_name,
            "purpose": self.policy.purpose,
            "threshold": self.policy.threshold,
            "ready": self.ready,
            "subjects": self.subjects,
            "decisions": self.decisions,
            "admitted": self.admitted,
            "records": self.records,
            "outcomes": self.outcomes,
            "enquiries": self.enquiries,
        }


def count_outcomes(decisions: Iterable[Decision], policy: Policy) -> dict[str, int]:
    """How many decisions end in each way a policy has."""
    found = Counter(decision.outcome for decision in decisions)
    return {str(outcome): found[outcome] for outcome in outcomes_of(policy)}


def count_answers(decisions: Iterable[Decision]) -> dict[str, int]:
    """How many decisions were made on each answer."""
    found = Counter(decision.admitted for decision in decisions)
    return {str(admitted): found[admitted] for admitted in Admitted}
