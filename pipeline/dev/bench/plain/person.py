"""A person's state as plain JSON values: monthly tiles, bounded lists."""

from typing import Any

from pipeline.factors.vocabulary import Scope

Person = dict[str, Any]
"""Sections by name, see ``new_person``."""
Event = dict[str, Any]
"""An input record as fastavro reads it: enums as symbols, times in milliseconds."""

_SCORING = 1 << Scope.SCORING
_SECTIONS = {
    Scope.CREDIT_HISTORY: "payments",
    Scope.BEHAVIOUR: "consumption",
    Scope.FULFILMENT: "obligations",
    Scope.IDENTITY: "identity",
    Scope.SOCIAL: "social",
}


def new_person() -> Person:
    """Somebody of whom nothing is known."""
    return {
        "mask": 0,
        "decided_ms": [0] * 6,
        **{section: _empty(section) for section in _SECTIONS.values()},
        "published": {
            "sequence": 0,
            "status": "",
            "score": 0,
            "mask": 0,
            "explanation": [],
            "signalled": 0,
        },
    }


def covered(person: Person | None, scope: Scope) -> bool:
    """Whether scoring and ``scope`` are granted."""
    if person is None:
        return False
    needed = _SCORING | 1 << scope
    return bool(person["mask"] & needed == needed)


def forget(person: Person, scope: Scope) -> None:
    """Drop what a factor's scope covers."""
    section = _SECTIONS[scope]
    person[section] = _empty(section)


def _empty(section: str) -> dict[str, Any]:
    known: dict[str, dict[str, Any]] = {
        # tile: month, on time, late, worst overdue, chargebacks; account: second, permille
        "payments": {"tiles": [], "recent": [], "first_credit": 0, "accounts": {}},
        # tile: month, purchases, essentials, returns, searches, bits of categories
        "consumption": {"tiles": [], "recent": []},
        # tile: month, fulfilled, late; contract: opened, amount, fulfilled, breached, dispute
        "obligations": {"tiles": [], "recent": [], "first": 0, "contracts": {}},
        # attribute: event time, status, month it holds since
        "identity": {"attributes": {}},
        # link: own word and when, whether the peer is active, its base score
        "social": {"links": {}},
    }
    return {"newest_s": 0, **known[section]}
