"""What a partner decides on what it sees: pure policy.

There is no refusal: whoever is not admitted, for whatever cause, gets the partner's way on.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.partners.records import PartnerScore
from pipeline.partners.registry import Policy
from pipeline.partners.vocabulary import Admitted, Fallback, Outcome, Purpose

_APPROVAL = {
    Purpose.CAR_RENTAL_DEPOSIT: Outcome.DEPOSIT_WAIVED,
    Purpose.MICROLOAN: Outcome.LOAN_APPROVED,
    Purpose.BIKE_DEPOSIT: Outcome.DEPOSIT_WAIVED,
    Purpose.HOTEL_DEPOSIT: Outcome.DEPOSIT_WAIVED,
}
_WAY_ON = {
    Fallback.DEPOSIT: Outcome.DEPOSIT_REQUIRED,
    Fallback.HUMAN_REVIEW: Outcome.HUMAN_REVIEW,
}
_TEXTS = {
    Outcome.DEPOSIT_WAIVED: "The deposit is waived.",
    Outcome.DEPOSIT_REQUIRED: "A deposit is required.",
    Outcome.LOAN_APPROVED: "The loan is approved.",
    Outcome.HUMAN_REVIEW: "A member of staff decides after a look at the application.",
}
_NOTHING_TO_SEE = "No score is available to us."


@dataclass(frozen=True, slots=True)
class Decision:
    """What a partner decided and what it tells the person.

    ``reasons`` are the score's reason codes, given where it was not admitted; ``text`` says
    the outcome, ``reason_texts`` why, in words. ``threshold`` is the one the score was held
    against; ``model`` and ``as_of_ms`` name the score.
    """

    outcome: Outcome
    admitted: Admitted
    text: str
    reasons: tuple[str, ...]
    reason_texts: tuple[str, ...]
    threshold: int
    model: str | None
    as_of_ms: int | None


def decide(seen: PartnerScore | None, policy: Policy, reason_texts: Mapping[str, str]) -> Decision:
    """Decide on one person.

    Args:
        seen: What the partner may see; None where nothing is available. What was granted
            for another partner or purpose counts as nothing.
        policy: The partner's terms.
        reason_texts: Words for the reason codes; a code without any stands for itself.
    """
    if seen is None or (seen.partner_id, seen.purpose) != (policy.partner_id, policy.purpose):
        return _way_on(Admitted.NOT_AVAILABLE, policy, (), (_NOTHING_TO_SEE,), None)
    if seen.admitted is Admitted.YES:
        outcome = _APPROVAL[policy.purpose]
        return Decision(
            outcome=outcome,
            admitted=Admitted.YES,
            text=_TEXTS[outcome],
            reasons=(),
            reason_texts=(),
            threshold=seen.threshold,
            model=seen.model,
            as_of_ms=seen.as_of_ms,
        )
    if seen.admitted is Admitted.NO:
        words = tuple(reason_texts.get(code, code) for code in seen.reasons)
        return _way_on(Admitted.NO, policy, seen.reasons, words, seen)
    return _way_on(Admitted.NOT_AVAILABLE, policy, (), (_NOTHING_TO_SEE,), None)


def _way_on(
    admitted: Admitted,
    policy: Policy,
    reasons: tuple[str, ...],
    words: tuple[str, ...],
    seen: PartnerScore | None,
) -> Decision:
    outcome = _WAY_ON[policy.fallback]
    return Decision(
        outcome=outcome,
        admitted=admitted,
        text=_TEXTS[outcome],
        reasons=reasons,
        reason_texts=words,
        threshold=seen.threshold if seen else policy.threshold,
        model=seen.model if seen else None,
        as_of_ms=seen.as_of_ms if seen else None,
    )


def outcomes_of(policy: Policy) -> tuple[Outcome, Outcome]:
    """How decisions under a policy can end: admitted, and the way on."""
    return _APPROVAL[policy.purpose], _WAY_ON[policy.fallback]
