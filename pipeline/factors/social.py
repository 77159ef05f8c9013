"""SOCIAL: links that both people confirmed and consented to, and the signals between them.

Each side of a link lives on its own person's partition; signals tell the other side when
it turns active or inactive.
"""

from collections.abc import Iterable

import numpy as np

from pipeline.factors import links
from pipeline.factors.admission import Clock, Outcome, Policy, admit
from pipeline.factors.columns import PeerSignalColumns, RelationshipColumns, UInt8
from pipeline.factors.links import Link, Links, Own
from pipeline.factors.state import Arrivals, BatchState, Effects, Signal
from pipeline.factors.vocabulary import RelationshipAction, Scope

FIELDS = ("linked_peers", "scored_peers", "peer_base_sum")
"""What a withdrawal of SOCIAL empties in FACTOR_ROW."""
LEDGER_FIELDS = ("relationships_newest_s",)
"""And in LEDGER_ROW."""


def own_active_peers(packed: bytes) -> list[str]:
    """To whom a person's own side is confirmed: who hears of a change of base score."""
    return links.confirmed(packed)


def farewells(state: BatchState, user: int) -> list[Signal]:
    """What is said to a person's peers when all of the person's links end."""
    sender = state.users[user]
    return [_inactive(sender, other) for other in own_active_peers(state.links[user])]


def erasures(state: BatchState, user: int) -> list[Signal]:
    """What is said to everybody a person's list names when the person is erased.

    Also to those to whom the own side never was confirmed, or no longer is: their lists may
    name the person all the same.
    """
    sender = state.users[user]
    return [
        Signal(sender, other, active=False, wants_reply=False, erased=True)
        for other in links.unpack(state.links[user])
    ]


def fold_relationships(
    state: BatchState,
    arrivals: Arrivals[RelationshipColumns],
    policy: Policy,
    effects: Effects,
) -> UInt8:
    """Fold the people's own words on their links, in place; the outcomes (n_events,).

    Per link the newest word decides, a removal winning ties. A link to oneself is
    accepted and never kept.
    """
    events = arrivals.columns
    newest_s = state.ledgers["relationships_newest_s"].astype(np.int64)
    before_s = newest_s.tolist()
    clock = Clock(newest_s=newest_s)
    covered = state.covered(Scope.SOCIAL)
    admitted = admit(arrivals, covered, clock, policy)
    if not len(admitted):
        return admitted.outcomes
    state.ledgers["relationships_newest_s"] = clock.newest_s
    words = zip(
        admitted.user.tolist(),
        admitted.second.tolist(),
        events.other[admitted.index].tolist(),
        events.action[admitted.index].tolist(),
        events.occurred_at_ms[admitted.index].tolist(),
        strict=True,
    )
    held: dict[int, Links] = {}
    for user, second, other, action, at_ms in words:
        if user not in held:
            held[user] = links.unpack(state.links[user])
        before_s[user] = max(before_s[user], second)
        sender = state.users[user]
        if other != sender:
            effects.signals += _hear_own(held[user], sender, other, action, at_ms)
        links.forget_removals(held[user], before_s[user] - policy.lateness_s)
        effects.signals += _bound(held[user], sender)
    _store(state, held)
    return admitted.outcomes


def fold_peer_signals(
    state: BatchState, arrivals: Arrivals[PeerSignalColumns], effects: Effects
) -> UInt8:
    """Fold what peers report, in order of arrival, in place; the outcomes (n_events,)."""
    events = arrivals.columns
    covered = state.covered(Scope.SOCIAL)[events.user]
    heard = np.flatnonzero(covered)
    words = zip(
        events.user[heard].tolist(),
        events.other[heard].tolist(),
        events.active[heard].tolist(),
        events.base_score[heard].tolist(),
        events.wants_reply[heard].tolist(),
        events.erased[heard].tolist(),
        strict=True,
    )
    held: dict[int, Links] = {}
    for user, other, active, base_score, wants_reply, erased in words:
        if user not in held:
            held[user] = links.unpack(state.links[user])
        if erased:
            # The own word goes too: it names somebody of whom nothing is to be kept.
            gone = held[user].pop(other, None)
            if gone is not None and gone.own is Own.CONFIRMED:
                # What was said before may reach somebody who is back by then.
                effects.signals.append(
                    Signal(state.users[user], other, active=False, wants_reply=False)
                )
            continue
        entry = _entry(held[user], other)
        entry.peer_active = active
        entry.peer_base = base_score if active else links.UNSCORED
        if entry.blank:
            del held[user][other]
        sender = state.users[user]
        if wants_reply and entry.own is Own.CONFIRMED:
            effects.signals.append(Signal(sender, other, active=True, wants_reply=False))
        effects.signals += _bound(held[user], sender)
    _store(state, held)
    return np.where(covered, Outcome.APPLIED, Outcome.NOT_COVERED).astype(np.uint8)


def _entry(entries: Links, other: str) -> Link:
    entry = entries.get(other)
    if entry is None:
        entry = entries[other] = Link()
    return entry


def _hear_own(entries: Links, sender: str, other: str, action: int, at_ms: int) -> Iterable[Signal]:
    """Apply one own word; the signals it causes."""
    said = Own.REMOVED if action == RelationshipAction.REMOVE else Own.CONFIRMED
    entry = _entry(entries, other)
    was = entry.own
    if (at_ms, said) <= (entry.own_at_ms, was):
        return ()
    entry.own_at_ms, entry.own = at_ms, said
    if said is was:
        return ()
    if said is Own.CONFIRMED:
        return (Signal(sender, other, active=True, wants_reply=True),)
    return (_inactive(sender, other),) if was is Own.CONFIRMED else ()


def _inactive(sender: str, receiver: str) -> Signal:
    return Signal(sender, receiver, active=False, wants_reply=False)


def _bound(entries: Links, sender: str) -> list[Signal]:
    return [_inactive(sender, other) for other in links.enforce_bound(entries)]


def _store(state: BatchState, held: dict[int, Links]) -> None:
    """Write lists back and count the mutual links anew."""
    if not held:
        return
    counts = []
    for user, entries in held.items():
        state.links[user] = links.pack(entries)
        mutual = [link for link in entries.values() if link.mutual]
        bases = [link.peer_base for link in mutual if link.peer_base != links.UNSCORED]
        counts.append((len(mutual), len(bases), sum(bases)))
    people = list(held)
    for name, column in zip(FIELDS, zip(*counts, strict=True), strict=True):
        state.rows[name][people] = column
