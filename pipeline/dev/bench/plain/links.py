"""Social: a person's links, one word or signal at a time."""

from typing import Any, NamedTuple

from pipeline.dev.bench.plain.admission import timely
from pipeline.dev.bench.plain.person import Event, Person
from pipeline.factors.admission import Outcome, Policy
from pipeline.factors.layout import LINKS_MAX

_SILENT, _CONFIRMED, _REMOVED = 0, 1, 2
_SAID_MS, _SAID, _ACTIVE, _BASE = range(4)
UNSCORED = -1

Link = list[Any]
"""When something was said (ms), what, whether the peer is active, its base score."""


class Said(NamedTuple):
    """What the person's side tells a peer."""

    receiver: str
    active: bool
    wants_reply: bool
    erased: bool = False


def fold_relationship(
    person: Person, event: Event, kafka_ms: int, policy: Policy
) -> tuple[Outcome, list[Said]]:
    """Fold a person's own word on a link."""
    section = person["social"]
    outcome = timely(section, event, kafka_ms, policy)
    if outcome is not Outcome.APPLIED:
        return outcome, []
    at_ms, other = event["occurred_at"], event["other_user_id"]
    section["newest_s"] = max(section["newest_s"], at_ms // 1000)
    links: dict[str, Link] = section["links"]
    said: list[Said] = []
    if other != event["user_id"]:
        link = links.setdefault(other, [0, _SILENT, False, UNSCORED])
        was = link[_SAID] == _CONFIRMED
        word = _CONFIRMED if event["action"] == "CONFIRM" else _REMOVED
        link[:2] = max(link[:2], [at_ms, word])
        now = link[_SAID] == _CONFIRMED
        if now != was:
            said.append(Said(other, active=now, wants_reply=now))
    _forget_removals(links, section["newest_s"] - policy.lateness_s)
    return outcome, said + _bound(links)


def fold_peer_signal(person: Person, event: Event) -> tuple[Outcome, list[Said]]:
    """Fold what a peer's side reports."""
    links: dict[str, Link] = person["social"]["links"]
    other, base = event["other_user_id"], event["base_score"]
    if event["erased"]:
        gone = links.pop(other, None)
        if gone is None or gone[_SAID] != _CONFIRMED:
            return Outcome.APPLIED, []
        return Outcome.APPLIED, [Said(other, active=False, wants_reply=False)]
    link = links.setdefault(other, [0, _SILENT, False, UNSCORED])
    link[_ACTIVE] = event["active"]
    link[_BASE] = UNSCORED if base is None or not event["active"] else base
    said: list[Said] = []
    if event["wants_reply"] and link[_SAID] == _CONFIRMED:
        said.append(Said(other, active=True, wants_reply=False))
    if link[_SAID] == _SILENT and not link[_ACTIVE]:
        del links[other]
    return Outcome.APPLIED, said + _bound(links)


def confirmed_peers(person: Person) -> list[str]:
    """To whom the own side is confirmed."""
    links = person["social"]["links"]
    return [other for other, link in links.items() if link[_SAID] == _CONFIRMED]


def mutual_bases(person: Person) -> tuple[int, list[int]]:
    """The number of mutual links, and the base scores of the scored ones."""
    mutual = [
        link[_BASE]
        for link in person["social"]["links"].values()
        if link[_SAID] == _CONFIRMED and link[_ACTIVE]
    ]
    return len(mutual), [base for base in mutual if base != UNSCORED]


def _forget_removals(links: dict[str, Link], before_s: int) -> None:
    gone = [
        other
        for other, link in links.items()
        if link[_SAID] == _REMOVED and link[_SAID_MS] // 1000 < before_s
    ]
    for other in gone:
        links[other][:2] = [0, _SILENT]
        if not links[other][_ACTIVE]:
            del links[other]


def _bound(links: dict[str, Link]) -> list[Said]:
    """Over LINKS_MAX drop removals first, then what only the peer confirmed, then the oldest."""
    said: list[Said] = []
    while len(links) > LINKS_MAX:
        other = min(links, key=lambda known: _rank(known, links[known]))
        if links.pop(other)[_SAID] == _CONFIRMED:
            said.append(Said(other, active=False, wants_reply=False))
    return said


def _rank(other: str, link: Link) -> tuple[int, int, str]:
    kept = 2 if link[_SAID] == _CONFIRMED else int(link[_ACTIVE])
    return kept, link[_SAID_MS], other
