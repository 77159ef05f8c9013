"""The reference pipeline: events go in one at a time, people come out."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from pipeline.factors.admission import Outcome, Policy
from pipeline.factors.layout import LINKS_MAX, MONTHS_BEHAVIOUR, MONTHS_CREDIT
from pipeline.factors.state import Signal
from pipeline.factors.vocabulary import (
    AttributeStatus,
    ConsentAction,
    Scope,
)
from pipeline.reference import contracts
from pipeline.reference.events import (
    Consent,
    Consumption,
    Event,
    Obligation,
    Payment,
    PeerSignal,
    Profile,
    Relationship,
)
from pipeline.reference.person import Grant, Link, Memory, Person, month_of

_ORDER: tuple[type[Event], ...] = (
    Payment,
    Consumption,
    Obligation,
    Profile,
    Relationship,
    PeerSignal,
)
Kept = TypeVar("Kept", Payment, Consumption, Obligation)
_LAST_SECOND = 2**32 - 1


class Oracle:
    """People by id, the signals sent, and who was erased; a person unknown is not in it."""

    def __init__(self, policy: Policy | None = None) -> None:
        self.policy = policy or Policy()
        self.people: dict[str, Person] = {}
        self.signals: list[Signal] = []
        self.erased: set[str] = set()
        self.ending: set[str] = set()
        """Whoever gave a grant that has an end: nobody else's can expire."""

    def apply_batch(self, events: Sequence[Event], watermark_ms: int) -> list[Outcome]:
        """Apply events as if they had arrived together; an outcome for each.

        Consents first, then what has lapsed by the watermark, then topic by topic.
        """
        outcomes: dict[int, Outcome] = {}
        for i, event in enumerate(events):
            if isinstance(event, Consent):
                outcomes[i] = self._consent(event, watermark_ms)
        self.expire(watermark_ms)
        for kind in _ORDER:
            for i, event in enumerate(events):
                if type(event) is kind:
                    outcomes[i] = self._data(event)
        return [outcomes[i] for i in range(len(events))]

    def expire(self, now_ms: int) -> None:
        """End every grant whose time is up."""
        for user in [user for user in self.people if user in self.ending]:
            person = self.people[user]
            for scope in sorted(person.grants):
                grant = person.grants[scope]
                if grant.in_force and grant.ends_ms is not None and grant.ends_ms <= now_ms:
                    self._end(user, scope, grant.at_ms)
                    if user not in self.people:
                        break

    def _consent(self, event: Consent, watermark_ms: int) -> Outcome:
        if self._future(event):
            return Outcome.FUTURE
        if event.scope == Scope.PARTNER:
            return Outcome.APPLIED
        at_ms = max(event.at_ms, 1)
        lapsed = event.expires_ms is not None and event.expires_ms <= watermark_ms
        if event.action == ConsentAction.GRANT and not lapsed:
            self._grant(event, at_ms)
        elif event.user in self.people:
            known = self.people[event.user].grants.get(event.scope)
            if known is None or at_ms >= known.at_ms:
                self._end(event.user, event.scope, at_ms)
        return Outcome.APPLIED

    def _grant(self, event: Consent, at_ms: int) -> None:
        person = self.people.get(event.user)
        known = None if person is None else person.grants.get(event.scope)
        if known is not None and at_ms < known.at_ms:
            return
        ends_ms = event.expires_ms
        if known is not None and at_ms == known.at_ms:
            if not known.in_force:
                return
            if known.ends_ms is not None:
                ends_ms = known.ends_ms if ends_ms is None else min(ends_ms, known.ends_ms)
        if person is None:
            person = self.people[event.user] = Person()
        person.grants[event.scope] = Grant(at_ms, in_force=True, ends_ms=ends_ms)
        if ends_ms is not None:
            self.ending.add(event.user)

    def _end(self, user: str, scope: Scope, at_ms: int) -> None:
        person = self.people[user]
        if scope == Scope.SOCIAL and person.in_force(scope):
            for other in sorted(person.links):
                if person.links[other].confirmed:
                    self._say(user, other, active=False)
        if scope == Scope.SCORING:
            for other in sorted(person.links):
                self._say(user, other, active=False, erased=True)
            del self.people[user]
            self.erased.add(user)
            return
        if person.in_force(scope):
            person.forget(scope)
        person.grants[scope] = Grant(at_ms, in_force=False)

    def _data(self, event: Event) -> Outcome:
        match event:
            case Payment():
                return self._payment(event)
            case Consumption():
                return self._consumption(event)
            case Obligation():
                return self._obligation(event)
            case Profile():
                return self._profile(event)
            case Relationship():
                return self._relationship(event)
            case PeerSignal():
                return self._peer_signal(event)
        raise TypeError(event)

    def _payment(self, event: Payment) -> Outcome:
        person = self._covered(event, Scope.CREDIT_HISTORY)
        if person is None:
            return Outcome.NOT_COVERED
        newest_s = max((p.at_ms // 1000 for p in person.payments), default=0)
        return self._keep(event, newest_s, MONTHS_CREDIT, person.payment_ids, person.payments)

    def _consumption(self, event: Consumption) -> Outcome:
        person = self._covered(event, Scope.BEHAVIOUR)
        if person is None:
            return Outcome.NOT_COVERED
        newest_s = max((c.at_ms // 1000 for c in person.consumption), default=0)
        memory = person.consumption_ids
        return self._keep(event, newest_s, MONTHS_BEHAVIOUR, memory, person.consumption)

    def _obligation(self, event: Obligation) -> Outcome:
        person = self._covered(event, Scope.FULFILMENT)
        if person is None:
            return Outcome.NOT_COVERED
        newest_s = max((o.at_ms // 1000 for o in person.obligations), default=0)
        memory = person.obligation_ids
        outcome = self._keep(event, newest_s, MONTHS_CREDIT, memory, person.obligations)
        if outcome == Outcome.APPLIED:
            contracts.step(person.contracts, event)
        return outcome

    def _keep(
        self, event: Kept, newest_s: int, reach: int, memory: Memory, kept: list[Kept]
    ) -> Outcome:
        outcome = self._timely(event, newest_s, reach)
        if outcome != Outcome.APPLIED:
            return outcome
        if memory.knows(event.id_hash):
            return Outcome.DUPLICATE
        memory.add(event.at_ms, event.id_hash)
        kept.append(event)
        return Outcome.APPLIED

    def _profile(self, event: Profile) -> Outcome:
        person = self._covered(event, Scope.IDENTITY)
        if person is None:
            return Outcome.NOT_COVERED
        outcome = self._timely(event, person.profiles_newest_s)
        if outcome != Outcome.APPLIED:
            return outcome
        person.profiles_newest_s = max(person.profiles_newest_s, event.at_ms // 1000)
        since = max(1, month_of(event.at_ms if event.since_ms is None else event.since_ms))
        if event.status == AttributeStatus.REMOVED:
            since = 0
        word = (event.at_ms, event.status, since)
        known = person.attributes.get(event.attribute)
        person.attributes[event.attribute] = word if known is None else max(word, known)
        return outcome

    def _relationship(self, event: Relationship) -> Outcome:
        person = self._covered(event, Scope.SOCIAL)
        if person is None:
            return Outcome.NOT_COVERED
        outcome = self._timely(event, person.relationships_newest_s)
        if outcome != Outcome.APPLIED:
            return outcome
        person.relationships_newest_s = max(person.relationships_newest_s, event.at_ms // 1000)
        if event.other != event.user:
            link = person.links.setdefault(event.other, Link())
            was = link.confirmed
            word = (event.at_ms, event.action)
            link.said = word if link.said is None else max(link.said, word)
            if link.confirmed != was:
                self._say(event.user, event.other, active=link.confirmed, reply=link.confirmed)
        cut_s = person.relationships_newest_s - self.policy.lateness_days * 86_400
        for link in person.links.values():
            if link.said and not link.confirmed and link.said[0] // 1000 < cut_s:
                link.said = None
        self._tidy_links(event.user, person.links)
        return outcome

    def _peer_signal(self, event: PeerSignal) -> Outcome:
        person = self._covered(event, Scope.SOCIAL)
        if person is None:
            return Outcome.NOT_COVERED
        if event.erased:
            gone = person.links.pop(event.other, None)
            if gone is not None and gone.confirmed:
                self._say(event.user, event.other, active=False)
            return Outcome.APPLIED
        link = person.links.setdefault(event.other, Link())
        link.peer_active = event.active
        link.peer_base = event.base_score if event.active else None
        if event.wants_reply and link.confirmed:
            self._say(event.user, event.other, active=True)
        self._tidy_links(event.user, person.links)
        return Outcome.APPLIED

    def _tidy_links(self, user: str, links: dict[str, Link]) -> None:
        for other in [o for o, link in links.items() if not link.said and not link.peer_active]:
            del links[other]
        removed = [o for o, link in links.items() if not link.confirmed and not link.peer_active]
        theirs = [o for o, link in links.items() if not link.confirmed and link.peer_active]
        ours = [o for o, link in links.items() if link.confirmed]
        order = [*_oldest_first(links, removed), *_oldest_first(links, theirs)]
        order += _oldest_first(links, ours)
        for other in order[: max(len(links) - LINKS_MAX, 0)]:
            if links.pop(other).confirmed:
                self._say(user, other, active=False)

    def _covered(self, event: Event, scope: Scope) -> Person | None:
        person = self.people.get(event.user)
        return person if person is not None and person.grants_both(scope) else None

    def _future(self, event: Event) -> bool:
        ahead = event.at_ms > event.kafka_ms + self.policy.future_ms
        return ahead or event.at_ms // 1000 > _LAST_SECOND

    def _timely(self, event: Event, newest_s: int, reach: int | None = None) -> Outcome:
        if self._future(event):
            return Outcome.FUTURE
        at_s, month = event.at_ms // 1000, month_of(event.at_ms)
        if month < 1 or at_s < newest_s - self.policy.lateness_days * 86_400:
            return Outcome.TOO_LATE
        if reach is not None and month <= month_of(newest_s * 1000) - reach:
            return Outcome.TOO_LATE
        return Outcome.APPLIED

    def _say(
        self,
        sender: str,
        receiver: str,
        *,
        active: bool,
        reply: bool = False,
        erased: bool = False,
    ) -> None:
        self.signals.append(Signal(sender, receiver, active, reply, erased))


def _oldest_first(links: dict[str, Link], chosen: Iterable[str]) -> list[str]:
    def age(other: str) -> tuple[int, str]:
        said = links[other].said
        return (said[0] if said else 0), other

    return sorted(chosen, key=age)
