"""Obligations: contracts from their opening to their end, good or bad."""

import numpy as np

from pipeline.dev.simulator.draws import DAY_MS, Stage, Table, amounts, merge, pick
from pipeline.dev.simulator.population import Float, logistic
from pipeline.factors.columns import Bool, Int64
from pipeline.factors.layout import NO_AMOUNT, NO_TIME
from pipeline.factors.vocabulary import ObligationKind, ObligationStatus

COLUMNS: dict[str, tuple[type[np.generic], int]] = {
    "contract_id": (np.int32, 0),
    "partner_id": (np.uint8, 0),  # as kind: each kind has its own partner
    "kind": (np.uint8, 0),
    "status": (np.uint8, 0),
    "amount_minor": (np.int64, NO_AMOUNT),
    "due_at": (np.int64, NO_TIME),
    "evidence": (np.uint8, 255),
}
PARTNERS = ("car-rental", "microloan", "city-power", "telecom", "homes", "library")
"""By ObligationKind."""
EVIDENCE = ("reminders and a notice of termination",)
_SHARES = (0.30, 0.25, 0.15, 0.15, 0.05, 0.10)
_DAYS = ((1, 14), (30, 180), (60, 365), (90, 365), (180, 365), (7, 60))
_MEDIAN_AMOUNTS = np.array((180.0, 600.0, 70.0, 30.0, 900.0, 40.0))
_OPENED_A_MONTH = 0.40


def obligations(stage: Stage) -> Table:
    """All steps of all contracts of the stage, by event time."""
    rng = stage.rng
    user, opened = stage.at_random_times(_OPENED_A_MONTH * stage.people.activity[:, None])
    n = len(user)
    kind = pick(rng, n, _SHARES)
    low, high = np.array(_DAYS).T
    days = low[kind] + rng.random(n) * (high - low)[kind]
    due = opened + (days * DAY_MS).astype(np.int64)
    amount = amounts(rng, n, 1.0, 0.5) * _MEDIAN_AMOUNTS[kind]
    contracts: Table = {
        "user": user,
        "contract_id": np.arange(n, dtype=np.int32),
        "kind": kind,
        "partner_id": kind,
        "amount_minor": amount.astype(np.int64),
        "due_at": due,
    }
    reliability = stage.trait("reliability")[user]
    breached = stage.happens(logistic(-3.6 - 1.2 * reliability))
    late = ~breached & stage.happens(logistic(-2.0 - 1.0 * reliability))
    parts = [
        _step(contracts, ObligationStatus.OPENED, opened),
        *_late_steps(stage, contracts, reliability, opened, days),
        *_kept(stage, contracts, due, ~breached, late),
        *_broken(stage, contracts, due, breached),
    ]
    return merge(parts, COLUMNS, stage)


def _step(
    contracts: Table, status: ObligationStatus, at: Int64, rows: Bool | Int64 | None = None
) -> Table:
    """One step in the life of the contracts in ``rows``; ``at`` already chosen for them."""
    chosen = contracts if rows is None else {k: v[rows] for k, v in contracts.items()}
    return {**chosen, "occurred_at_ms": at, "status": np.asarray(status.value, np.uint8)}


def _later(stage: Stage, at: Int64, days_min: float, days_mean: float) -> Int64:
    days = days_min + stage.rng.exponential(days_mean, len(at))
    return at + (days * DAY_MS).astype(np.int64)


def _late_steps(
    stage: Stage, contracts: Table, reliability: Float, opened: Int64, days: Float
) -> list[Table]:
    """Instalments that came late while the contract ran on."""
    months = np.floor(days / 30)
    counts = stage.rng.poisson(months * 0.3 * logistic(-2.4 - 1.0 * reliability))
    row = np.repeat(np.arange(len(days)), counts)
    at = opened[row] + (stage.rng.random(len(row)) * days[row] * DAY_MS).astype(np.int64)
    return [_step(contracts, ObligationStatus.LATE, at, row)]


def _kept(stage: Stage, contracts: Table, due: Int64, kept: Bool, late: Bool) -> list[Table]:
    in_time = kept & ~late
    early = (stage.rng.random(int(in_time.sum())) * DAY_MS / 2).astype(np.int64)
    noticed = _later(stage, due[late], 0.5, 2)
    ended = _later(stage, noticed, 0.5, 6)
    return [
        _step(contracts, ObligationStatus.FULFILLED, due[in_time] - early, in_time),
        _step(contracts, ObligationStatus.LATE, noticed, late),
        _step(contracts, ObligationStatus.FULFILLED, ended, late),
    ]


def _broken(stage: Stage, contracts: Table, due: Int64, breached: Bool) -> list[Table]:
    """Breaches with their evidence; a quarter is disputed, half of those rightly."""
    at = _later(stage, due[breached], 5, 12)
    row = np.flatnonzero(breached)
    breaches = _step(contracts, ObligationStatus.BREACHED, at, row)
    breaches["evidence"] = np.asarray(0, np.uint8)
    disputed = stage.rng.random(len(row)) < 0.25  # noqa: PLR2004 - the quarter
    row, at = row[disputed], _later(stage, at[disputed], 1, 6)
    verdict = pick(stage.rng, len(row), (0.5, 0.4, 0.1))  # the rest still waits
    decided = _later(stage, at, 4, 9)
    return [
        breaches,
        _step(contracts, ObligationStatus.DISPUTED, at, row),
        *(
            _step(contracts, status, decided[verdict == code], row[verdict == code])
            for code, status in enumerate(
                (ObligationStatus.DISPUTE_UPHELD, ObligationStatus.DISPUTE_REJECTED)
            )
        ),
    ]


if len(PARTNERS) != len(ObligationKind):
    raise AssertionError("a partner for each kind of obligation")
