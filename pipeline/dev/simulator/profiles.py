"""Profiles: which personal attributes are verified, and since when they hold."""

import numpy as np

from pipeline.dev.simulator.draws import DAY_MS, FIRST_MS, Stage, Table, merge
from pipeline.dev.simulator.population import logistic
from pipeline.factors.columns import Int32
from pipeline.factors.layout import NO_TIME
from pipeline.factors.vocabulary import Attribute, AttributeStatus

COLUMNS: dict[str, tuple[type[np.generic], int]] = {
    "attribute": (np.uint8, 0),
    "status": (np.uint8, 0),
    "since": (np.int64, NO_TIME),
}
_EASE = {  # log-odds that a person of average rootedness has it verified
    Attribute.IDENTITY: 2.2,
    Attribute.ADDRESS: 1.4,
    Attribute.PHONE: 2.0,
    Attribute.EMAIL: 1.8,
    Attribute.EDUCATION: 0.2,
    Attribute.EMPLOYMENT: 0.8,
}
_YEARS_HELD = 3.5
_VERIFIED_WITHIN_DAYS = 20
_CHANGES_A_MONTH = 0.008


def profiles(stage: Stage) -> Table:
    """All verifications and changes of the stage, by event time."""
    parts = []
    for attribute in Attribute:
        verified = _verifications(stage, attribute)
        changed = _changes(stage, attribute, verified["user"])
        parts += [verified, *changed]
    return merge(parts, COLUMNS, stage)


def _verifications(stage: Stage, attribute: Attribute) -> Table:
    rootedness = stage.trait("rootedness")
    has = stage.happens(logistic(_EASE[attribute] + 0.9 * rootedness))
    if attribute is Attribute.EMPLOYMENT:
        has &= stage.people.employed
    user = np.flatnonzero(has).astype(np.int32)
    n = len(user)
    joined = stage.people.joined_ms[user]
    at = joined + FIRST_MS + (stage.rng.random(n) * _VERIFIED_WITHIN_DAYS * DAY_MS).astype(np.int64)
    years = stage.rng.exponential(_YEARS_HELD * np.exp(0.45 * rootedness[user]))
    since = joined - (np.minimum(years, 25) * 365 * DAY_MS).astype(np.int64)
    told = stage.rng.random(n) < 0.9  # noqa: PLR2004 - some services leave it out
    return {
        "user": user,
        "occurred_at_ms": at,
        "attribute": np.asarray(attribute.value, np.uint8),
        "status": np.asarray(AttributeStatus.VERIFIED.value, np.uint8),
        "since": np.where(told, np.maximum(since, 0), NO_TIME),
    }


def _changes(stage: Stage, attribute: Attribute, holders: Int32) -> list[Table]:
    """Moves and new numbers, mostly verified anew within weeks; seldom a removal."""
    holds = np.zeros(len(stage.people))
    holds[holders] = 1
    rate = _CHANGES_A_MONTH * np.exp(-0.8 * stage.trait("rootedness")) * holds
    user, at = stage.at_random_times(rate[:, None])
    n = len(user)
    # Not before the first verification, or the change would be about nothing.
    at = np.maximum(at, stage.people.joined_ms[user] + (_VERIFIED_WITHIN_DAYS + 1) * DAY_MS)
    removed = stage.rng.random(n) < 0.1  # noqa: PLR2004 - seldom
    again = ~removed & (stage.rng.random(n) < 0.7)  # noqa: PLR2004 - mostly
    anew = at + ((2 + stage.rng.exponential(12, n)) * DAY_MS).astype(np.int64)
    code = np.asarray(attribute.value, np.uint8)
    status = np.where(removed, AttributeStatus.REMOVED, AttributeStatus.CHANGED)
    change: Table = {"user": user, "occurred_at_ms": at, "attribute": code, "status": status}
    verified: Table = {
        "user": user[again],
        "occurred_at_ms": anew[again],
        "attribute": code,
        "status": np.asarray(AttributeStatus.VERIFIED.value, np.uint8),
        "since": at[again],
    }
    return [change, verified]
