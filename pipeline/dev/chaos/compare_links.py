"""Both sides of links held against each other."""

from collections.abc import Iterable

from pipeline.dev.chaos.publications import told_of
from pipeline.dev.chaos.refold import Refolded
from pipeline.dev.chaos.verdict import Verdict
from pipeline.reference.person import Link, Person
from pipeline.reference.score import Card

_TOLD_STEP = 10


def compare_links(refolded: Iterable[Refolded], card: Card, verdict: Verdict) -> None:
    """Whoever has a link has heard the last word of the other side."""
    every = {
        user: (person, each.month) for each in refolded for user, person in each.people.items()
    }
    for user, (person, _) in every.items():
        for other, link in person.links.items():
            there = every.get(other)
            why = _differs(user, link, *there, card) if there else _stands(link)
            verdict.compare_record(why and f"link of {user} with {other}: {why}")


def _stands(link: Link) -> str | None:
    return "its other side is nobody, and it stands" if link.peer_active else None


def _differs(user: str, link: Link, other: Person, month: int, card: Card) -> str | None:
    back = other.links.get(user)
    stands = back is not None and back.confirmed
    if link.confirmed and link.peer_active != stands:
        return f"the other side {'stands' if stands else 'does not stand'}"
    if link.peer_active and not stands:
        return "the other side does not stand"
    if link.peer_active:
        told = told_of(other, month, card)
        base = told.score.base_score if told else None
        rounded = base and base // _TOLD_STEP * _TOLD_STEP
        if link.peer_base != rounded:
            return f"the other's base score is {link.peer_base}, must be {rounded}"
    return None
