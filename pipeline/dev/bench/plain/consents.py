"""Consents, one at a time: per scope the newest decides, a withdrawal winning ties.

Grants that end by themselves are not told here: no input of the benchmark has them.
"""

from pipeline.dev.bench.plain.links import Said, confirmed_peers
from pipeline.dev.bench.plain.person import Event, Person, forget, new_person
from pipeline.factors.vocabulary import Scope


def fold_consent(person: Person | None, event: Event) -> tuple[Person | None, list[Said]]:
    """The person after a consent, None for nobody, and what peers are to be told."""
    if event["scope"] == "PARTNER":
        return person, []
    scope, at_ms = Scope[event["scope"]], max(event["occurred_at"], 1)
    if event["action"] == "GRANT":
        return _grant(person, scope, at_ms), []
    return _withdraw(person, scope, at_ms)


def _grant(person: Person | None, scope: Scope, at_ms: int) -> Person:
    known = new_person() if person is None else person
    if at_ms > known["decided_ms"][scope]:
        known["decided_ms"][scope] = at_ms
        known["mask"] |= 1 << scope
    return known


def _withdraw(person: Person | None, scope: Scope, at_ms: int) -> tuple[Person | None, list[Said]]:
    if person is None or at_ms < person["decided_ms"][scope]:
        return person, []
    person["decided_ms"][scope] = at_ms
    granted = person["mask"] >> scope & 1
    if scope is Scope.SCORING:
        named = person["social"]["links"]
        return None, [Said(other, active=False, wants_reply=False, erased=True) for other in named]
    said: list[Said] = []
    if scope is Scope.SOCIAL and granted:
        said = [Said(other, active=False, wants_reply=False) for other in confirmed_peers(person)]
    if granted:
        person["mask"] &= ~(1 << scope)
        forget(person, scope)
    return person, said
