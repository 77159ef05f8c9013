"""Consumption: what people look for, buy and send back."""

import numpy as np

from pipeline.dev.simulator.draws import Stage, Table, amounts, merge, pick
from pipeline.dev.simulator.population import Float, logistic
from pipeline.factors.columns import Int32, Int64
from pipeline.factors.layout import NO_AMOUNT
from pipeline.factors.vocabulary import Category, ConsumptionKind

COLUMNS: dict[str, tuple[type[np.generic], int]] = {
    "kind": (np.uint8, 0),
    "category": (np.uint8, 0),
    "amount_minor": (np.int64, NO_AMOUNT),
    "currency": (np.uint8, 255),
    "channel": (np.uint8, 0),
}
_CATEGORY_SHARES = {  # needful, at a whim
    Category.ESSENTIALS: (0.46, 0.08),
    Category.HOME: (0.18, 0.08),
    Category.HEALTH: (0.08, 0.04),
    Category.EDUCATION: (0.09, 0.03),
    Category.TRAVEL: (0.06, 0.12),
    Category.LEISURE: (0.06, 0.22),
    Category.LUXURY: (0.01, 0.14),
    Category.GAMING: (0.01, 0.20),
    Category.FINANCE: (0.02, 0.03),
    Category.OTHER: (0.03, 0.06),
}
_CHANNEL_SHARES = (0.40, 0.45, 0.15)
_EVENTS_A_MONTH = 7.5


def consumption(stage: Stage) -> Table:
    """All consumption of the stage, by event time."""
    user, at = stage.at_random_times(_rate(stage))
    n = len(user)
    kind = _kinds(stage, user)
    bought = (kind == ConsumptionKind.PURCHASE) | (kind == ConsumptionKind.RETURN)
    price = amounts(stage.rng, n, 28, 0.9)
    table: Table = {
        "user": user,
        "occurred_at_ms": at,
        "kind": kind,
        "category": _categories(stage, user),
        "amount_minor": np.where(bought, price, NO_AMOUNT),
        "currency": np.where(bought, 0, 255),
        "channel": pick(stage.rng, n, _CHANNEL_SHARES),
    }
    return merge([table], COLUMNS, stage)


def _rate(stage: Stage) -> Float:
    """Events a month, (people, months): the unsteady swing, and skip months altogether."""
    shape = (len(stage.people), len(stage.bounds) - 1)
    swing = 0.9 * logistic(-0.8 * stage.trait("steadiness"))[:, None]
    noise = np.exp(swing * stage.rng.standard_normal(shape) - swing**2 / 2)
    skipped = logistic(-2.8 - 0.9 * stage.trait("steadiness"))[:, None]
    active = stage.rng.random(shape) >= skipped
    return _EVENTS_A_MONTH * stage.intensity * stage.people.activity[:, None] * noise * active


def _kinds(stage: Stage, user: Int32) -> Int64:
    steadiness = stage.trait("steadiness")[user]
    purchase = logistic(-0.1 + 0.35 * steadiness)
    sent_back = 0.9 * logistic(-2.6 - 0.6 * steadiness)
    at = stage.rng.random(len(user))
    looked = np.where(
        stage.rng.random(len(user)) < 0.4,  # noqa: PLR2004 - two searches for three views
        ConsumptionKind.SEARCH,
        ConsumptionKind.VIEW,
    )
    bought = np.where(at < purchase * sent_back, ConsumptionKind.RETURN, ConsumptionKind.PURCHASE)
    return np.where(at < purchase, bought, looked)


def _categories(stage: Stage, user: Int32) -> Int64:
    n = len(user)
    shares = np.array([_CATEGORY_SHARES[category] for category in Category])
    needful = stage.happens(logistic(0.4 + 0.6 * stage.trait("steadiness")[user]))
    return np.where(needful, pick(stage.rng, n, shares[:, 0]), pick(stage.rng, n, shares[:, 1]))
