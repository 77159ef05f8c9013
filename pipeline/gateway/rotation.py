"""New keys: grants get new subjects, and are still found by their former ones."""

import numpy as np

from pipeline.factors.columns import Int64
from pipeline.gateway.changes import Changes, Told
from pipeline.gateway.decisions import name_grants
from pipeline.gateway.keyring import KeyRing
from pipeline.gateway.state import GatewayState
from pipeline.gateway.vocabulary import Cause, Kind

ALIASES_MAX = 4
"""Former subjects a grant is still known by; the oldest go."""


def rekey(state: GatewayState, slots: Int64, keyring: KeyRing, changes: Changes) -> None:
    """Give new subjects to grants whose own were made with a former key.

    What was shown under an old subject is taken back; looked at again, the grants are shown
    under the new one.

    Args:
        state: Changed in place.
        slots: The grants to look through.
        keyring: Its current key makes the new subjects.
        changes: Takes what is taken back, and the grants to be looked at again.
    """
    grants = state.grants
    made_with = grants.rows["key"][slots]
    old = slots[(made_with != 0) & (made_with != keyring.current.fingerprint)]
    if not len(old):
        return
    shown = old[grants.rows["shown"][old] != 0]
    if len(shown):
        changes.tell(_taken_back(state, shown))
    grants.rows["shown"][old] = grants.rows["sequence"][old] = 0
    former = grants.rows["subject"][old].tolist()
    name_grants(state, old, keyring)
    for slot, alias in zip(old.tolist(), former, strict=True):
        _keep_alias(state, slot, alias)
    changes.aliases.update(old.tolist())
    changes.grants.append(old)
    changes.touch(old, Cause.KEY)
    changes.counts.subjects_made_anew += len(old)


def _taken_back(state: GatewayState, slots: Int64) -> Told:
    grants = state.grants
    return Told(
        users=state.people.users(grants.user[slots]),
        partner=grants.partner[slots],
        purpose=grants.purpose[slots],
        subject=grants.rows["subject"][slots],
        kind=Kind.ENDED,
        cause=np.full(len(slots), Cause.KEY, np.uint8),
    )


def _keep_alias(state: GatewayState, slot: int, former: bytes) -> None:
    grants = state.grants
    current = bytes(grants.rows["subject"][slot])
    # A key may come back: then the subject of today is one of before.
    aliases = [alias for alias in grants.aliases.get(slot, ()) if alias not in (current, former)]
    aliases.append(former)
    for dropped in aliases[:-ALIASES_MAX]:
        del grants.subject_slots[dropped]
    grants.aliases[slot] = aliases[-ALIASES_MAX:]
