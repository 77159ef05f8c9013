"""Relationships: a graph in which like finds like, confirmed by one side or both."""

import numpy as np

from pipeline.dev.simulator.draws import DAY_MS, FIRST_MS, Stage, Table, merge, pick
from pipeline.factors.columns import Bool, Int64
from pipeline.factors.vocabulary import RelationshipAction

COLUMNS: dict[str, tuple[type[np.generic], int]] = {
    "other_user_id": (np.int32, 0),  # index into users
    "kind": (np.uint8, 0),
    "action": (np.uint8, 0),
}
_LINKS_A_PERSON = 2.0
"""Twice as many links end at a person, as each has two ends."""
_LIKE_SHARE = 0.75
_LIKE_REACH = 0.01
"""How far apart linked people stand in the order of company, as a share of all."""
_KIND_SHARES = (0.7, 0.3)
_BOTH_SHARE = 0.85
_REMOVED_SHARE = 0.04


def relationships(stage: Stage) -> Table:
    """All confirmations and removals of the stage, by event time."""
    rng = stage.rng
    first, second = _pairs(stage)
    n = len(first)
    both_there = np.maximum(stage.people.joined_ms[first], stage.people.joined_ms[second])
    room = stage.end_ms - both_there
    asked = both_there + FIRST_MS + (rng.random(n) ** 2 * room).astype(np.int64)
    answered = asked + (rng.exponential(3 * DAY_MS, n)).astype(np.int64)
    both = rng.random(n) < _BOTH_SHARE
    removed = rng.random(n) < _REMOVED_SHARE
    ended = answered + 1 + (rng.exponential(90 * DAY_MS, n)).astype(np.int64)
    kind = pick(rng, n, _KIND_SHARES)

    def side(user: Int64, other: Int64, at: Int64, action: RelationshipAction) -> Table:
        return {
            "user": user,
            "other_user_id": other,
            "occurred_at_ms": at,
            "kind": kind,
            "action": np.full(n, action.value, np.uint8),
        }

    def of(rows: Bool, table: Table) -> Table:
        return {name: column[rows] for name, column in table.items()}

    parts = [
        side(first, second, asked, RelationshipAction.CONFIRM),
        of(both, side(second, first, answered, RelationshipAction.CONFIRM)),
        of(removed, side(first, second, ended, RelationshipAction.REMOVE)),
    ]
    return merge(parts, COLUMNS, stage)


def _pairs(stage: Stage) -> tuple[Int64, Int64]:
    """Distinct pairs of different people; most are neighbours in the order of company."""
    n = len(stage.people)
    rng = stage.rng
    wanted = int(_LINKS_A_PERSON * n)
    order = np.argsort(stage.trait("company"), kind="stable")
    place = rng.integers(0, n, wanted)
    reach = max(1.0, _LIKE_REACH * n)
    offset = 1 + rng.exponential(reach, wanted).astype(np.int64)
    anyone = rng.random(wanted) >= _LIKE_SHARE
    other = np.where(anyone, rng.integers(0, n, wanted), (place + offset) % n)
    first, second = order[place], order[other]
    pair = np.minimum(first, second) * n + np.maximum(first, second)
    _, unique = np.unique(pair, return_index=True)
    unique = np.sort(unique[first[unique] != second[unique]])
    return first[unique], second[unique]
