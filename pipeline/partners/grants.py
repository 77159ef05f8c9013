"""Which people have a grant in force for one partner and one purpose.

Of two decisions of a person the later by event time holds, in whatever order they arrive.
Withdrawing SCORING, or letting it expire, erases the person and with that ends the grant
too: after a new enrolment the person decides about partners anew. The book remembers when
a person decided and never a score.
"""

import heapq
import math
from dataclasses import dataclass

from pipeline.partners.records import ConsentEvent
from pipeline.partners.vocabulary import Disclosure


@dataclass(frozen=True, slots=True)
class Grant:
    """What a person granted, and until when (None: until withdrawn)."""

    disclosure: Disclosure
    expires_at_ms: int | None


@dataclass(frozen=True, slots=True)
class _Decision:
    at_ms: int
    grant: Grant | None  # None: withdrawn


@dataclass(frozen=True, slots=True)
class _Enrolment:
    """A SCORING grant that has an end; one without needs no memory."""

    at_ms: int
    ends_at_ms: int


class GrantBook:
    """The grants for one partner and purpose, from the consents of everyone."""

    def __init__(self, partner_id: str, purpose: str) -> None:
        self._partner_id = partner_id
        self._purpose = purpose
        self._decisions: dict[str, _Decision] = {}
        self._enrolments: dict[str, _Enrolment] = {}
        self._ends: list[tuple[int, str]] = []  # heap of when a grant may end, and whose

    def apply(self, event: ConsentEvent) -> None:
        """Take in a consent; one for another partner or purpose changes nothing."""
        if event.scoring:
            self._apply_scoring(event)
        elif event.partner_id == self._partner_id and event.purpose == self._purpose:
            grant = None
            if event.granted:
                # A grant that names no disclosure grants the least.
                grant = Grant(event.disclosure or Disclosure.ADMIT, event.expires_at_ms)
                self._watch(event.user_id, event.expires_at_ms)
            self._decide(event.user_id, _Decision(event.occurred_at_ms, grant))

    def in_force(self, user_id: str, now_ms: int) -> Grant | None:
        """The person's grant, if it holds at ``now_ms``."""
        decision = self._decisions.get(user_id)
        if decision is None or decision.grant is None:
            return None
        until = decision.grant.expires_at_ms
        if until is not None and until <= now_ms:
            return None
        enrolment = self._enrolments.get(user_id)
        if enrolment is not None and decision.at_ms <= enrolment.ends_at_ms <= now_ms:
            return None
        return decision.grant

    def ended(self, now_ms: int) -> list[str]:
        """People whose grant may have ended by ``now_ms``; each end is told once."""
        people = []
        while self._ends and self._ends[0][0] <= now_ms:
            people.append(heapq.heappop(self._ends)[1])
        return people

    def _apply_scoring(self, event: ConsentEvent) -> None:
        user_id, at_ms = event.user_id, event.occurred_at_ms
        former = self._enrolments.get(user_id)
        if former is not None and at_ms < former.at_ms:
            # An older enrolment says nothing new; an older withdrawal may still end a grant.
            if not event.granted:
                self._decide(user_id, _Decision(at_ms, None))
            return
        if not event.granted:
            self._decide(user_id, _Decision(at_ms, None))
        elif former is not None and former.ends_at_ms <= at_ms:
            self._decide(user_id, _Decision(former.ends_at_ms, None))
        self._enrolments.pop(user_id, None)
        if event.granted and event.expires_at_ms is not None:
            self._enrolments[user_id] = _Enrolment(at_ms, event.expires_at_ms)
            self._watch(user_id, event.expires_at_ms)

    def _decide(self, user_id: str, decision: _Decision) -> None:
        former = self._decisions.get(user_id)
        if former is None or _order(decision) > _order(former):
            self._decisions[user_id] = decision

    def _watch(self, user_id: str, ends_at_ms: int | None) -> None:
        if ends_at_ms is not None:
            heapq.heappush(self._ends, (ends_at_ms, user_id))


def _order(decision: _Decision) -> tuple[float, ...]:
    """What decisions are compared by: the later holds; of a tie, the one that shows less."""
    if decision.grant is None:
        return (decision.at_ms, 1)
    until = decision.grant.expires_at_ms
    return (
        decision.at_ms,
        0,
        -decision.grant.disclosure.rank,
        -math.inf if until is None else -until,
    )
