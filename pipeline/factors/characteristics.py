"""What is computed of a factor row for scoring: the one list of characteristics.

A characteristic looks back from ``as_of_month``, so it fades as time goes on without any
event. NaN says unknown: the scorecard has an attribute of its own for it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntFlag

import numpy as np
from numpy.typing import NDArray

from pipeline.factors.columns import Int64, UInt8
from pipeline.factors.lookback import Float64, Lookback
from pipeline.factors.state import Rows
from pipeline.factors.vocabulary import Attribute, Category, Factor

_ACTIVE_MONTHS_MIN = 3
_YEAR = 12
_TWO_YEARS = 24
_FIVE_YEARS = 60


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
    view = Lookback(rows, as_of_month)
    values = np.empty((len(CHARACTERISTICS), len(rows)))
    for column, characteristic in zip(values, CHARACTERISTICS, strict=True):
        column[:] = characteristic.compute(view)
    return values.T


def missing_history(rows: Rows, as_of_month: int | Int64) -> UInt8:
    """Bits of MissingHistory, (n_users,); a file is thin if any is set.

    ACTIVE_MONTHS: payments, consumption or obligations in fewer than 3 of the last 24
    months. CREDIT_OR_OBLIGATION: neither a credit nor an obligation ever.
    """
    view = Lookback(rows, as_of_month)
    inactive = np.bitwise_count(view.active_months) < _ACTIVE_MONTHS_MIN
    without = (rows["first_credit_month"] == 0) & (rows["first_obligation_month"] == 0)
    missing = np.where(inactive, MissingHistory.ACTIVE_MONTHS, 0).astype(np.uint8)
    missing[without] |= np.uint8(MissingHistory.CREDIT_OR_OBLIGATION)
    return missing


def _known(values: NDArray[np.generic], known: NDArray[np.bool_]) -> Float64:
    return np.where(known, values, np.nan)


def _share(part: Float64, whole: Float64) -> Float64:
    share: Float64 = np.minimum(part / np.where(whole > 0, whole, np.nan), 1.0)
    return share


def _on_time_share(view: Lookback) -> Float64:
    on_time = view.payments("paid_on_time", _TWO_YEARS)
    return _share(on_time, on_time + view.payments("paid_late", _TWO_YEARS))


def _worst_overdue(view: Lookback) -> Float64:
    worst = (view.rows["worst_overdue"] * (view.payment_ages < _YEAR)).max(axis=1)
    return _known(worst, view.rows["first_credit_month"] > 0)


def _months_since_overdue(view: Lookback) -> Float64:
    overdue = view.rows["worst_overdue"] > 0
    ages = np.where(overdue, view.payment_ages, np.uint8(_TWO_YEARS)).min(axis=1)
    return _known(ages, ages < _TWO_YEARS)


def _credit_utilisation(view: Lookback) -> Float64:
    rows = view.rows
    recent = view.months_since_second(rows["account_at_s"]) < _TWO_YEARS
    counted = recent & (rows["account_hash"] != 0)
    number = counted.sum(axis=1)
    used = (rows["account_used_permille"] * counted).sum(axis=1)
    mean: Float64 = used / np.where(number > 0, number * 1000.0, np.nan)
    return mean


def _credit_history_months(view: Lookback) -> Float64:
    return view.months_since(view.rows["first_credit_month"])


def _chargebacks(view: Lookback) -> Float64:
    return _known(view.payments("chargebacks", _YEAR), view.rows["payments_newest_s"] > 0)


def _fulfilled(view: Lookback) -> Float64:
    fulfilled = view.obligations("fulfilled", _TWO_YEARS)
    return _known(fulfilled, view.rows["first_obligation_month"] > 0)


def _breached(view: Lookback) -> Float64:
    standing = (view.breach_ages < _FIVE_YEARS).sum(axis=1)
    return _known(standing, view.rows["first_obligation_month"] > 0)


def _late_share(view: Lookback) -> Float64:
    late = view.obligations("fulfilled_late", _TWO_YEARS)
    return _share(late, late + view.obligations("fulfilled", _TWO_YEARS))


def _open_exposure(view: Lookback) -> Float64:
    return _known(view.rows["open_exposure_minor"], view.rows["first_obligation_month"] > 0)


def _months_since_breach(view: Lookback) -> Float64:
    newest = view.breach_ages[:, 0]
    return _known(newest, newest < _FIVE_YEARS)


def _active_months(view: Lookback) -> Float64:
    active = np.count_nonzero(view.shopping & view.consumption_window, axis=1)
    return _known(active, view.rows["consumption_newest_s"] > 0)


def _spending_regularity(view: Lookback) -> Float64:
    monthly = (view.rows["purchases"] * view.consumption_window).astype(np.float64)
    total = view.consumption("purchases")
    # variance from sums, which are exact here: n^2 var = n * sum of squares - square of sum
    deviation = np.sqrt(_YEAR * np.einsum("ij,ij->i", monthly, monthly) - total**2)
    regularity: Float64 = 1.0 / (1.0 + deviation / np.where(total > 0, total, np.nan))
    return regularity


def _essentials_share(view: Lookback) -> Float64:
    return _share(view.consumption("essentials"), view.consumption("purchases"))


def _returns_share(view: Lookback) -> Float64:
    return _share(view.consumption("returns"), view.consumption("purchases"))


def _category_spread(view: Lookback) -> Float64:
    bought = np.bitwise_or.reduce(view.rows["categories"] * view.consumption_window, axis=1)
    return _known(np.bitwise_count(bought), view.consumption("purchases") > 0)


def _search_to_purchase(view: Lookback) -> Float64:
    purchases = view.consumption("purchases")
    ratio: Float64 = view.consumption("searches") / np.where(purchases > 0, purchases, np.nan)
    return ratio


def _attributes_verified(view: Lookback) -> Float64:
    number: Float64 = np.bitwise_count(view.rows["attribute_verified"]).astype(np.float64)
    return number


def _months_with(attribute: Attribute) -> Callable[[Lookback], Float64]:
    def months(view: Lookback) -> Float64:
        return view.months_since(view.rows["attribute_since"][:, attribute])

    return months


def _linked_peers(view: Lookback) -> Float64:
    number: Float64 = view.rows["linked_peers"].astype(np.float64)
    return number


def _mean_peer_base_score(view: Lookback) -> Float64:
    scored = view.rows["scored_peers"]
    mean: Float64 = view.rows["peer_base_sum"] / np.where(scored > 0, scored, np.nan)
    return mean


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
        _on_time_share,
    ),
    Characteristic(
        "worst_overdue_12m",
        _CREDIT,
        "bucket",
        "worst days past due in 12 months: 0 none, 1 up to 29 days, 2 30-59, 3 60-89, 4 90+",
        _worst_overdue,
    ),
    Characteristic(
        "months_since_overdue",
        _CREDIT,
        "months",
        "months since anything was overdue, unknown if nothing was in 24",
        _months_since_overdue,
    ),
    Characteristic(
        "credit_utilisation",
        _CREDIT,
        "share",
        "mean used share of the limit of the two newest credit accounts, seen within 24 months",
        _credit_utilisation,
    ),
    Characteristic(
        "credit_history_months",
        _CREDIT,
        "months",
        "months since the first bill, repayment, drawdown or delinquency",
        _credit_history_months,
    ),
    Characteristic(
        "chargebacks_12m", _CREDIT, "count", "payments charged back in 12 months", _chargebacks
    ),
    Characteristic(
        "contracts_fulfilled_24m",
        _FULFILMENT,
        "count",
        "contracts fulfilled in 24 months",
        _fulfilled,
    ),
    Characteristic(
        "contracts_breached_60m",
        _FULFILMENT,
        "count",
        "undisputed breaches in 60 months, the newest four at most",
        _breached,
    ),
    Characteristic(
        "contracts_late_share_24m",
        _FULFILMENT,
        "share",
        "late steps, of late steps and fulfilled contracts, in 24 months",
        _late_share,
    ),
    Characteristic(
        "open_exposure_minor",
        _FULFILMENT,
        "minor units",
        "sum of the amounts of open contracts",
        _open_exposure,
    ),
    Characteristic(
        "months_since_breach",
        _FULFILMENT,
        "months",
        "months since the newest undisputed breach, unknown if none in 60",
        _months_since_breach,
    ),
    Characteristic(
        "active_months_12m",
        _BEHAVIOUR,
        "months",
        "months with purchases, returns or searches, of 12",
        _active_months,
    ),
    Characteristic(
        "spending_regularity_12m",
        _BEHAVIOUR,
        "index",
        "1 / (1 + coefficient of variation) of the monthly number of purchases in 12 months",
        _spending_regularity,
    ),
    Characteristic(
        "essentials_share_12m",
        _BEHAVIOUR,
        "share",
        "purchases of essentials, of all purchases, in 12 months",
        _essentials_share,
    ),
    Characteristic(
        "returns_share_12m",
        _BEHAVIOUR,
        "share",
        "returns per purchase in 12 months, at most 1",
        _returns_share,
    ),
    Characteristic(
        "category_spread_12m",
        _BEHAVIOUR,
        "count",
        f"categories bought in 12 months, of {_CATEGORIES}",
        _category_spread,
    ),
    Characteristic(
        "search_to_purchase_12m",
        _BEHAVIOUR,
        "ratio",
        "searches and views per purchase in 12 months",
        _search_to_purchase,
    ),
    Characteristic(
        "attributes_verified",
        _IDENTITY,
        "count",
        "personal attributes verified, of six",
        _attributes_verified,
    ),
    Characteristic(
        "months_at_address",
        _IDENTITY,
        "months",
        "months since the address holds",
        _months_with(Attribute.ADDRESS),
    ),
    Characteristic(
        "months_with_phone",
        _IDENTITY,
        "months",
        "months since the phone number holds",
        _months_with(Attribute.PHONE),
    ),
    Characteristic(
        "months_in_work",
        _IDENTITY,
        "months",
        "months since the employment holds",
        _months_with(Attribute.EMPLOYMENT),
    ),
    Characteristic(
        "linked_peers",
        _SOCIAL,
        "count",
        "links that both people confirmed and consented to",
        _linked_peers,
    ),
    Characteristic(
        "mean_peer_base_score",
        _SOCIAL,
        "points",
        "mean base score of the linked people who have one",
        _mean_peer_base_score,
    ),
)
