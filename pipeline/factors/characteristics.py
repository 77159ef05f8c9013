"""What is computed of a factor row for scoring: the one list of characteristics.

A characteristic looks back from ``as_of_month``, so it fades as time goes on without any
event. NaN says unknown: the scorecard has an attribute of its own for it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntFlag

import numpy as np

from pipeline.factors import measures
from pipeline.factors.columns import Int64, UInt8
from pipeline.factors.lookback import Float64, Lookback
from pipeline.factors.state import Rows
from pipeline.factors.vocabulary import Attribute, Category, Factor

_ACTIVE_MONTHS_MIN = 3


class MissingHistory(IntFlag):
    """What a thin file lacks."""

    ACTIVE_MONTHS = 1
    CREDIT_OR_OBLIGATION = 2


@dataclass(frozen=True, slots=True)
class Characteristic:
    """One input of a scorecard; ``compute`` gives float64 (n_users,)."""

    name: str
    factor: Factor
    unit: str
    description: str
    compute: Callable[[Lookback], Float64]


def compute(rows: Rows, as_of_month: int | Int64) -> Float64:
    """All characteristics, float64 (n_users, n_characteristics) in the order of the list.

    Args:
        rows: FACTOR_ROW (n_users,).
        as_of_month: The month looked back from, one for all or (n_users,); not before a
            row's newest month.
    """
    return compute_of(Lookback(rows, as_of_month))


def compute_of(view: Lookback) -> Float64:
    """As `compute`, of rows that are looked back at for more than this."""
    values = np.empty((len(CHARACTERISTICS), len(view.rows)))
    for column, characteristic in zip(values, CHARACTERISTICS, strict=True):
        column[:] = characteristic.compute(view)
    return values.T


def missing_history(rows: Rows, as_of_month: int | Int64) -> UInt8:
    """Bits of MissingHistory, (n_users,); a file is thin if any is set.

    ACTIVE_MONTHS: payments, consumption or obligations in fewer than 3 of the last 24
    months. CREDIT_OR_OBLIGATION: neither a credit nor an obligation ever.
    """
    return missing_history_of(Lookback(rows, as_of_month))


def missing_history_of(view: Lookback) -> UInt8:
    """As `missing_history`, of rows that are looked back at for more than this."""
    rows = view.rows
    inactive = np.bitwise_count(view.active_months) < _ACTIVE_MONTHS_MIN
    without = (rows["first_credit_month"] == 0) & (rows["first_obligation_month"] == 0)
    missing = np.where(inactive, MissingHistory.ACTIVE_MONTHS, 0).astype(np.uint8)
    missing[without] |= np.uint8(MissingHistory.CREDIT_OR_OBLIGATION)
    return missing


_CREDIT = Factor.CREDIT_HISTORY
_FULFILMENT = Factor.FULFILMENT
_BEHAVIOUR = Factor.BEHAVIOUR
_IDENTITY = Factor.IDENTITY
_SOCIAL = Factor.SOCIAL
_CATEGORIES = len(Category) - 1

CHARACTERISTICS: tuple[Characteristic, ...] = (
    Characteristic(
        "on_time_share_24m",
        _CREDIT,
        "share",
        "bills and repayments paid on time, of those with a due time, in 24 months",
        measures.on_time_share,
    ),
    Characteristic(
        "worst_overdue_12m",
        _CREDIT,
        "bucket",
        "worst days past due in 12 months: 0 none, 1 up to 29 days, 2 30-59, 3 60-89, 4 90+",
        measures.worst_overdue,
    ),
    Characteristic(
        "months_since_overdue",
        _CREDIT,
        "months",
        "months since anything was overdue, unknown if nothing was in 24",
        measures.months_since_overdue,
    ),
    Characteristic(
        "credit_utilisation",
        _CREDIT,
        "share",
        "mean used share of the limit of the two newest credit accounts, seen within 24 months",
        measures.credit_utilisation,
    ),
    Characteristic(
        "credit_history_months",
        _CREDIT,
        "months",
        "months since the first bill, repayment, drawdown or delinquency",
        measures.credit_history_months,
    ),
    Characteristic(
        "chargebacks_12m",
        _CREDIT,
        "count",
        "payments charged back in 12 months",
        measures.chargebacks,
    ),
    Characteristic(
        "contracts_fulfilled_24m",
        _FULFILMENT,
        "count",
        "contracts fulfilled in 24 months",
        measures.fulfilled,
    ),
    Characteristic(
        "contracts_breached_60m",
        _FULFILMENT,
        "count",
        "undisputed breaches in 60 months, the newest four at most",
        measures.breached,
    ),
    Characteristic(
        "contracts_late_share_24m",
        _FULFILMENT,
        "share",
        "late steps, of late steps and fulfilled contracts, in 24 months",
        measures.late_share,
    ),
    Characteristic(
        "open_exposure_minor",
        _FULFILMENT,
        "minor units",
        "sum of the amounts of open contracts",
        measures.open_exposure,
    ),
    Characteristic(
        "months_since_breach",
        _FULFILMENT,
        "months",
        "months since the newest undisputed breach, unknown if none in 60",
        measures.months_since_breach,
    ),
    Characteristic(
        "active_months_12m",
        _BEHAVIOUR,
        "months",
        "months with purchases, returns or searches, of 12",
        measures.active_months,
    ),
    Characteristic(
        "spending_regularity_12m",
        _BEHAVIOUR,
        "index",
        "1 / (1 + coefficient of variation) of the monthly number of purchases in 12 months",
        measures.spending_regularity,
    ),
    Characteristic(
        "essentials_share_12m",
        _BEHAVIOUR,
        "share",
        "purchases of essentials, of all purchases, in 12 months",
        measures.essentials_share,
    ),
    Characteristic(
        "returns_share_12m",
        _BEHAVIOUR,
        "share",
        "returns per purchase in 12 months, at most 1",
        measures.returns_share,
    ),
    Characteristic(
        "category_spread_12m",
        _BEHAVIOUR,
        "count",
        f"categories bought in 12 months, of {_CATEGORIES}",
        measures.category_spread,
    ),
    Characteristic(
        "search_to_purchase_12m",
        _BEHAVIOUR,
        "ratio",
        "searches and views per purchase in 12 months",
        measures.search_to_purchase,
    ),
    Characteristic(
        "attributes_verified",
        _IDENTITY,
        "count",
        "personal attributes verified, of six",
        measures.attributes_verified,
    ),
    Characteristic(
        "months_at_address",
        _IDENTITY,
        "months",
        "months at the present address",
        measures.months_with(Attribute.ADDRESS),
    ),
    Characteristic(
        "months_with_phone",
        _IDENTITY,
        "months",
        "months with the present phone number",
        measures.months_with(Attribute.PHONE),
    ),
    Characteristic(
        "months_in_work",
        _IDENTITY,
        "months",
        "months in the present work",
        measures.months_with(Attribute.EMPLOYMENT),
    ),
    Characteristic(
        "linked_peers",
        _SOCIAL,
        "count",
        "links that both people confirmed and consented to",
        measures.linked_peers,
    ),
    Characteristic(
        "mean_peer_base_score",
        _SOCIAL,
        "points",
        "mean base score of the linked people who have one",
        measures.mean_peer_base_score,
    ),
)
