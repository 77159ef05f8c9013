"""Consents: who enrols, what they share, with whom, and who changes their mind."""

from collections.abc import Sequence

import numpy as np

from pipeline.dev.simulator.draws import DAY_MS, NULL_CODE, Stage, Table, merge, pick
from pipeline.factors.columns import Bool, Int32, Int64
from pipeline.factors.layout import NO_TIME
from pipeline.factors.vocabulary import ConsentAction, Scope

COLUMNS: dict[str, tuple[type[np.generic], int]] = {
    "action": (np.uint8, 0),
    "scope": (np.uint8, 0),
    "partner_id": (np.uint8, NULL_CODE),
    "purpose": (np.uint8, NULL_CODE),
    "disclosure": (np.uint8, NULL_CODE),
    "expires_at": (np.int64, NO_TIME),
    "notice_version": (np.uint8, 0),
}
PARTNERS = ("car-rental", "microloan")
PURPOSES = ("CAR_RENTAL_DEPOSIT", "MICROLOAN")
"""By partner."""
NOTICES = ("2026-01",)
_SHARED = {
    Scope.SCORING: 1.0,
    Scope.CREDIT_HISTORY: 0.97,
    Scope.BEHAVIOUR: 0.88,
    Scope.FULFILMENT: 0.95,
    Scope.IDENTITY: 0.95,
    Scope.SOCIAL: 0.60,
}
_PARTNER_SHARES = (0.40, 0.30)
_DISCLOSURE_SHARES = ((0.7, 0.3, 0.0), (0.4, 0.4, 0.2))
"""Of ADMIT, BAND, SCORE, by partner; no more than its registry entry allows."""
_EXPIRES_SHARE = 0.3
_GRANT_DAYS = 365
_ALL_SHARE = 0.35
"""Of those who withdraw something, the share that withdraws SCORING itself."""


def consents(stage: Stage, withdrawal_rate: float, return_rate: float) -> Table:
    """The ledger of the stage, by event time."""
    enrolled = np.flatnonzero(stage.people.enrolled).astype(np.int32)
    chosen = {scope: stage.rng.random(len(enrolled)) < share for scope, share in _SHARED.items()}
    joined = stage.people.joined_ms[enrolled]
    grants = [
        # One after the other on the page, SCORING first.
        _table(ConsentAction.GRANT, scope, enrolled[chosen[scope]], joined[chosen[scope]] + scope)
        for scope in _SHARED
    ]
    partners = [_partner_grants(stage, enrolled, code) for code in range(len(PARTNERS))]
    changes = _changes_of_mind(stage, enrolled, chosen, withdrawal_rate, return_rate)
    return merge([*grants, *partners, *changes], COLUMNS, stage)


def _table(action: ConsentAction, scope: Scope, user: Int32, at: Int64) -> Table:
    return {
        "user": user,
        "occurred_at_ms": at,
        "action": np.asarray(action.value, np.uint8),
        "scope": np.asarray(scope.value, np.uint8),
    }


def _partner_grants(stage: Stage, enrolled: Int32, code: int) -> Table:
    user = enrolled[stage.rng.random(len(enrolled)) < _PARTNER_SHARES[code]]
    n = len(user)
    joined = stage.people.joined_ms[user]
    # Some at once, most when they first need a car or a loan.
    at = joined + 10 + (stage.rng.random(n) ** 2 * (stage.end_ms - joined)).astype(np.int64)
    expires = stage.rng.random(n) < _EXPIRES_SHARE
    return {
        **_table(ConsentAction.GRANT, Scope.PARTNER, user, at),
        "partner_id": np.asarray(code, np.uint8),
        "purpose": np.asarray(code, np.uint8),
        "disclosure": pick(stage.rng, n, _DISCLOSURE_SHARES[code]),
        "expires_at": np.where(expires, at + _GRANT_DAYS * DAY_MS, NO_TIME),
    }


def _changes_of_mind(
    stage: Stage,
    enrolled: Int32,
    chosen: dict[Scope, Bool],
    withdrawal_rate: float,
    return_rate: float,
) -> list[Table]:
    """Withdrawals at any time after joining, of one factor or all, and some returns."""
    rng, n = stage.rng, len(enrolled)
    joined = stage.people.joined_ms[enrolled]
    gone = joined + ((0.1 + 0.9 * rng.random(n)) * (stage.end_ms - joined)).astype(np.int64)
    back = gone + ((5 + rng.exponential(40, n)) * DAY_MS).astype(np.int64)
    withdraws = rng.random(n) < withdrawal_rate
    factors = tuple(_SHARED)[1:]
    everything = rng.random(n) < _ALL_SHARE
    what = np.where(everything, Scope.SCORING, rng.integers(1, len(factors) + 1, n))
    returns = withdraws & (rng.random(n) < return_rate)
    tables = []
    for scope in _SHARED:
        leaves = withdraws & chosen[scope] & (what == scope)
        tables.append(_table(ConsentAction.WITHDRAW, scope, enrolled[leaves], gone[leaves]))
        # Withdrawing SCORING ended every grant, so who returns grants all anew.
        ended: Sequence[Scope] = (Scope.SCORING, scope) if scope else (scope,)
        comes = returns & chosen[scope] & np.isin(what, ended)
        tables.append(_table(ConsentAction.GRANT, scope, enrolled[comes], back[comes] + scope))
    return tables
