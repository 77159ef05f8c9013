"""What each characteristic measures: float64 (n_users,), NaN where it is unknown."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pipeline.factors.lookback import Float64, Lookback
from pipeline.factors.vocabulary import Attribute

_YEAR = 12
_TWO_YEARS = 24
_FIVE_YEARS = 60


def _known(values: NDArray[np.generic], known: NDArray[np.bool_]) -> Float64:
    return np.where(known, values, np.nan)


def _share(part: Float64, whole: Float64) -> Float64:
    share: Float64 = np.minimum(part / np.where(whole > 0, whole, np.nan), 1.0)
    return share


def on_time_share(view: Lookback) -> Float64:
    """Share paid on time of what was paid with a due time, 24 months."""
    on_time = view.payments("paid_on_time", _TWO_YEARS)
    return _share(on_time, on_time + view.payments("paid_late", _TWO_YEARS))


def worst_overdue(view: Lookback) -> Float64:
    """Worst bucket of days past due, 12 months; unknown without credit history."""
    worst = (view.rows["worst_overdue"] * (view.payment_ages < _YEAR)).max(axis=1)
    return _known(worst, view.rows["first_credit_month"] > 0)


def months_since_overdue(view: Lookback) -> Float64:
    """Months since anything was overdue; unknown beyond 24."""
    overdue = view.rows["worst_overdue"] > 0
    ages = np.where(overdue, view.payment_ages, np.uint8(_TWO_YEARS)).min(axis=1)
    return _known(ages, ages < _TWO_YEARS)


def credit_utilisation(view: Lookback) -> Float64:
    """Mean used share of the limits of the accounts seen within 24 months."""
    rows = view.rows
    recent = view.months_since_second(rows["account_at_s"]) < _TWO_YEARS
    counted = recent & (rows["account_hash"] != 0)
    number = counted.sum(axis=1)
    used = (rows["account_used_permille"] * counted).sum(axis=1)
    mean: Float64 = used / np.where(number > 0, number * 1000.0, np.nan)
    return mean


def credit_history_months(view: Lookback) -> Float64:
    """Months since the first event of a credit."""
    return view.months_since(view.rows["first_credit_month"])


def chargebacks(view: Lookback) -> Float64:
    """Chargebacks of 12 months; unknown without payments."""
    return _known(view.payments("chargebacks", _YEAR), view.rows["payments_newest_s"] > 0)


def fulfilled(view: Lookback) -> Float64:
    """Contracts fulfilled in 24 months; unknown without obligations."""
    fulfilled = view.obligations("fulfilled", _TWO_YEARS)
    return _known(fulfilled, view.rows["first_obligation_month"] > 0)


def breached(view: Lookback) -> Float64:
    """Standing breaches of 60 months; unknown without obligations."""
    standing = (view.breach_ages < _FIVE_YEARS).sum(axis=1)
    return _known(standing, view.rows["first_obligation_month"] > 0)


def late_share(view: Lookback) -> Float64:
    """Late steps of late steps and fulfilments, 24 months."""
    late = view.obligations("fulfilled_late", _TWO_YEARS)
    return _share(late, late + view.obligations("fulfilled", _TWO_YEARS))


def open_exposure(view: Lookback) -> Float64:
    """Amounts of open contracts; unknown without obligations."""
    return _known(view.rows["open_exposure_minor"], view.rows["first_obligation_month"] > 0)


def months_since_breach(view: Lookback) -> Float64:
    """Months since the newest standing breach; unknown beyond 60."""
    newest = view.breach_ages[:, 0]
    return _known(newest, newest < _FIVE_YEARS)


def active_months(view: Lookback) -> Float64:
    """Months of 12 with anything at a shop; unknown if there never was."""
    active = np.count_nonzero(view.shopping & view.consumption_window, axis=1)
    return _known(active, view.rows["consumption_newest_s"] > 0)


def spending_regularity(view: Lookback) -> Float64:
    """1 / (1 + coefficient of variation) of monthly purchases, 12 months."""
    monthly = (view.rows["purchases"] * view.consumption_window).astype(np.float64)
    total = view.consumption("purchases")
    # variance from sums, which are exact here: n^2 var = n * sum of squares - square of sum
    deviation = np.sqrt(_YEAR * np.einsum("ij,ij->i", monthly, monthly) - total**2)
    regularity: Float64 = 1.0 / (1.0 + deviation / np.where(total > 0, total, np.nan))
    return regularity


def essentials_share(view: Lookback) -> Float64:
    """Share of essentials in the purchases of 12 months."""
    return _share(view.consumption("essentials"), view.consumption("purchases"))


def returns_share(view: Lookback) -> Float64:
    """Returns per purchase in 12 months, at most 1."""
    return _share(view.consumption("returns"), view.consumption("purchases"))


def category_spread(view: Lookback) -> Float64:
    """Distinct categories bought in 12 months; unknown without purchases."""
    bought = np.bitwise_or.reduce(view.rows["categories"] * view.consumption_window, axis=1)
    return _known(np.bitwise_count(bought), view.consumption("purchases") > 0)


def search_to_purchase(view: Lookback) -> Float64:
    """Searches and views per purchase in 12 months."""
    purchases = view.consumption("purchases")
    ratio: Float64 = view.consumption("searches") / np.where(purchases > 0, purchases, np.nan)
    return ratio


def attributes_verified(view: Lookback) -> Float64:
    """Verified attributes; never unknown."""
    number: Float64 = np.bitwise_count(view.rows["attribute_verified"]).astype(np.float64)
    return number


def months_with(attribute: Attribute) -> Callable[[Lookback], Float64]:
    """Months since an attribute holds, verified or not; unknown if removed."""

    def months(view: Lookback) -> Float64:
        return view.months_since(view.rows["attribute_since"][:, attribute])

    return months


def linked_peers(view: Lookback) -> Float64:
    """Mutual links; never unknown."""
    number: Float64 = view.rows["linked_peers"].astype(np.float64)
    return number


def mean_peer_base_score(view: Lookback) -> Float64:
    """Mean base score of the linked people who have one."""
    scored = view.rows["scored_peers"]
    mean: Float64 = view.rows["peer_base_sum"] / np.where(scored > 0, scored, np.nan)
    return mean
