"""What people decide about partners: of two decisions the later by event time holds.

Of a tie the one that shows less holds: the withdrawal, the smaller disclosure, the earlier
end. So the order of arrival does not matter, and a batch is one maximum per grant.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.codec.consent_reads import NO_DISCLOSURE, ConsentReads
from pipeline.codec.names import NO_NAME, Names
from pipeline.factors.columns import Bool, Int32, Int64
from pipeline.factors.layout import NO_TIME
from pipeline.factors.vocabulary import Scope
from pipeline.gateway.changes import Changes
from pipeline.gateway.keyring import KeyRing
from pipeline.gateway.rows import GRANT_ROW_LAYOUT
from pipeline.gateway.state import GatewayState
from pipeline.gateway.vocabulary import PURPOSE_CODES, PURPOSES, Cause
from pipeline.partners.vocabulary import Disclosure

_UNKNOWN = -1
_FAR_MS = np.iinfo(np.int64).max


def decide(
    state: GatewayState, reads: ConsentReads, people: Int64, keyring: KeyRing, changes: Changes
) -> None:
    """Apply the PARTNER consents of a batch; those of SCORING are applied already.

    Decisions about partners that are not registered are kept too, so that a registration
    later takes effect; what never can be registered is left out.

    Args:
        state: Changed in place.
        reads: The batch's consents, n of them.
        people: Slot of each one's person, shape (n,).
        keyring: Makes the subjects of new grants.
        changes: Takes the grants to be looked at again.
    """
    taken = _taken(state, reads, people)
    alive = taken["at_ms"] > state.people.rows["cut_at_ms"][taken["person"]]
    taken = taken[alive]
    if not len(taken):
        return
    best, ever_granted = _best(taken)
    slots = _slots(state, best, reads.partners.names)
    kept = slots >= 0
    changes.counts.consents_beyond_limit += int((~kept).sum())
    slots, best, ever_granted = slots[kept], best[kept], ever_granted[kept]
    rows = state.grants.rows[slots]
    newer = _is_newer(best, rows)
    _put(state, slots[newer], best[newer])
    nameless = ever_granted & (rows["key"] == 0)
    name_grants(state, slots[nameless], keyring)
    changes.grants.append(slots[newer | nameless])
    changes.touch(slots[newer], Cause.GRANT)


def name_grants(state: GatewayState, slots: Int64, keyring: KeyRing) -> None:
    """Give grants their subjects, made with the current key."""
    if not len(slots):
        return
    grants, key = state.grants, keyring.current
    policies = np.stack([grants.partner[slots], grants.purpose[slots]], axis=1)
    distinct, which = np.unique(policies, axis=0, return_inverse=True)
    for number, (partner, purpose) in enumerate(distinct.tolist()):
        chosen = slots[which.reshape(-1) == number]
        users = state.people.users(grants.user[chosen])
        names = key.subjects(users, grants.partner_ids[partner], PURPOSES[purpose])
        grants.name_subjects(chosen, names)
    grants.rows["key"][slots] = key.fingerprint


_DECISION = np.dtype(
    [
        ("person", "<i8"),
        ("partner", "<i4"),
        ("purpose", "u1"),
        ("granted", "?"),
        ("disclosure", "u1"),
        ("at_ms", "<i8"),
        ("expires_at_ms", "<i8"),  # 0: no end
    ]
)


def _taken(state: GatewayState, reads: ConsentReads, people: Int64) -> NDArray[np.void]:
    """The decisions about partners and purposes that can be; shape (n,), of _DECISION."""
    chosen = np.flatnonzero(reads.scope == Scope.PARTNER)
    partner = _partners(state, reads.partners)[chosen]
    purpose = _coded(reads.purposes, lambda name: PURPOSE_CODES.get(name, _UNKNOWN))[chosen]
    # A withdrawal that names no purpose is from all of them.
    from_all = (reads.purposes.codes[chosen] == NO_NAME) & ~reads.grant[chosen]
    times = np.where(from_all, len(PURPOSES), 1)
    times[(partner == _UNKNOWN) | ((purpose == _UNKNOWN) & ~from_all)] = 0
    taken = np.zeros(int(times.sum()), _DECISION)
    source = np.repeat(chosen, times)
    taken["person"] = people[source]
    taken["partner"] = np.repeat(partner, times)
    taken["purpose"] = np.repeat(purpose, times)
    if from_all.any():
        in_turn = np.arange(len(taken)) - np.repeat(np.cumsum(times) - times, times)
        taken["purpose"] = np.where(np.repeat(from_all, times), in_turn, taken["purpose"])
    disclosure, expires = reads.disclosure[source], reads.expires_at_ms[source]
    taken["granted"] = reads.grant[source]
    # A grant that names no disclosure grants the least.
    least = Disclosure.ADMIT.rank
    taken["disclosure"] = np.where(disclosure == NO_DISCLOSURE, least, disclosure)
    taken["at_ms"] = reads.occurred_at_ms[source]
    taken["expires_at_ms"] = np.where(expires == NO_TIME, 0, expires)
    return taken


def _partners(state: GatewayState, names: Names) -> Int32:
    """Codes of partners; below -1, by place in the batch, those of whom nothing is kept yet.

    Anybody can name a partner that there never will be: that alone must not take room.
    """
    places = {name: _UNKNOWN - 1 - place for place, name in enumerate(names.names)}

    def code_of(name: str) -> int:
        code = state.grants.known_code(name)
        return places[name] if code is None else code

    return _coded(names, code_of)


def _coded(names: Names, code_of: Callable[[str], int]) -> Int32:
    codes = np.array([*map(code_of, names.names), _UNKNOWN], np.int32)
    return codes[names.codes]  # NO_NAME is the last


def _best(taken: NDArray[np.void]) -> tuple[NDArray[np.void], Bool]:
    """The deciding one of each grant, and whether any of its decisions granted."""
    order = np.lexsort(
        (
            -_until(taken["expires_at_ms"]),
            -taken["disclosure"].astype(np.int16),
            ~taken["granted"],
            taken["at_ms"],
            taken["purpose"],
            taken["partner"],
            taken["person"],
        )
    )
    taken = taken[order]
    names = ("person", "partner", "purpose")
    starts = np.ones(len(taken), np.bool_)
    starts[1:] = np.any([taken[name][1:] != taken[name][:-1] for name in names], axis=0)
    first = np.flatnonzero(starts)
    last = np.append(first[1:], len(taken)) - 1
    return taken[last], np.logical_or.reduceat(taken["granted"], first)


def _slots(state: GatewayState, best: NDArray[np.void], partners: Sequence[str]) -> Int64:
    """The slots of the grants, new ones where there are none; -1: the person has too many."""
    grants = state.grants
    slots = grants.find(best["person"], best["partner"], best["purpose"])
    new = np.flatnonzero(slots < 0)
    names = (best[name][new].tolist() for name in ("person", "partner", "purpose"))
    for at, (person, partner, purpose) in zip(new.tolist(), zip(*names, strict=True), strict=True):
        if not grants.has_too_many(person):
            known = partner > _UNKNOWN
            code = partner if known else grants.partner_code(partners[_UNKNOWN - 1 - partner])
            slots[at] = grants.add(person, code, purpose)
    return slots


def _is_newer(best: NDArray[np.void], rows: NDArray[np.void]) -> Bool:
    """Which decisions hold rather than those of the rows."""
    withdrawn, was_withdrawn = ~best["granted"], rows["granted"] == 0
    until, was_until = _until(best["expires_at_ms"]), _until(rows["expires_at_ms"])
    narrower = best["disclosure"] < rows["disclosure"]
    narrower |= (best["disclosure"] == rows["disclosure"]) & (until < was_until)
    less = np.where(withdrawn | was_withdrawn, withdrawn & ~was_withdrawn, narrower)
    newer: Bool = (rows["layout"] == 0) | (best["at_ms"] > rows["at_ms"])
    newer |= (best["at_ms"] == rows["at_ms"]) & less
    return newer


def _put(state: GatewayState, slots: Int64, best: NDArray[np.void]) -> None:
    rows = state.grants.rows
    rows["layout"][slots] = GRANT_ROW_LAYOUT
    rows["granted"][slots] = best["granted"]
    rows["disclosure"][slots] = best["disclosure"]
    rows["at_ms"][slots] = best["at_ms"]
    rows["expires_at_ms"][slots] = best["expires_at_ms"]
    rows["ended_at_ms"][slots] = rows["ended_seen_ms"][slots] = 0


def _until(expires_at_ms: Int64) -> Int64:
    return np.where(expires_at_ms == 0, _FAR_MS, expires_at_ms)
