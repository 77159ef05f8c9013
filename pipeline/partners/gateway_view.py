"""From everyone's consents and scores to what one partner may see, for one purpose.

Pure: no Kafka, no clock. It keeps who granted what and no score: a score is turned into
what the grant discloses and let go, so that people without a grant leave no trace.
"""

from pipeline.partners.grants import Grant, GrantBook
from pipeline.partners.records import Change, ConsentEvent, PartnerScore, ScoreEvent
from pipeline.partners.registry import Policy
from pipeline.partners.vocabulary import Admitted, Disclosure


def disclose(subject: str, score: ScoreEvent, grant: Grant, policy: Policy) -> PartnerScore | None:
    """What a partner may see of a score.

    No more than the person granted and the registry allows. Reasons are shown where the
    score is not admitted, as the partner has to give them to the person, and not otherwise.

    Returns:
        None for a thin file, which looks as if there were no score at all.
    """
    if score.score is None:
        return None
    disclosure = grant.disclosure.at_most(policy.disclosure)
    admitted = Admitted.YES if score.score >= policy.threshold else Admitted.NO
    return PartnerScore(
        subject=subject,
        partner_id=policy.partner_id,
        purpose=policy.purpose,
        disclosure=disclosure,
        admitted=admitted,
        band=score.band if disclosure.rank >= Disclosure.BAND.rank else None,
        score=score.score if disclosure is Disclosure.SCORE else None,
        threshold=policy.threshold,
        reasons=score.reasons if admitted is Admitted.NO else (),
        model=score.model,
        as_of_ms=score.as_of_ms,
        grant_expires_at_ms=grant.expires_at_ms,
        sequence=score.sequence,
    )


class GatewayView:
    """The gateway's side of one partner and purpose: consents and scores in, changes out."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._book = GrantBook(policy.partner_id, policy.purpose)
        self._grants: dict[str, Grant] = {}  # those in force
        self._now_ms = 0

    def __contains__(self, user_id: str) -> bool:
        """Whether the person has a grant in force."""
        return user_id in self._grants

    def __len__(self) -> int:
        """The number of people with a grant in force."""
        return len(self._grants)

    def consent(self, event: ConsentEvent) -> Change | None:
        """Take in a consent.

        A new or changed grant starts with nothing disclosed: the person's latest score has
        to be given again, as none is kept.
        """
        self._book.apply(event)
        return self._refresh(event.user_id)

    def score(self, user_id: str, event: ScoreEvent | None) -> Change | None:
        """Take in a score, or None where the person's was erased."""
        grant = self._grants.get(user_id)
        if grant is None:
            return None
        if event is None:
            return Change(user_id, granted=True)
        disclosed = disclose(user_id, event, grant, self._policy)
        return Change(user_id, granted=True, disclosed=disclosed, sequence=event.sequence)

    def advance(self, now_ms: int) -> list[Change]:
        """Let time pass: end the grants that expired by ``now_ms``, which never goes back."""
        self._now_ms = max(self._now_ms, now_ms)
        changes = (self._refresh(user_id) for user_id in self._book.ended(self._now_ms))
        return [change for change in changes if change is not None]

    def _refresh(self, user_id: str) -> Change | None:
        grant = self._book.in_force(user_id, self._now_ms)
        if grant == self._grants.get(user_id):
            return None
        if grant is None:
            del self._grants[user_id]
            return Change(user_id, granted=False)
        self._grants[user_id] = grant
        return Change(user_id, granted=True)
