"""The characteristics of one person; None is unknown."""

from math import sqrt

from pipeline.dev.bench.plain import consumption, obligations
from pipeline.dev.bench.plain.admission import month_of
from pipeline.dev.bench.plain.links import mutual_bases
from pipeline.dev.bench.plain.person import Person
from pipeline.factors.vocabulary import AttributeStatus

Values = dict[str, float | None]

_YEAR, _TWO_YEARS, _FIVE_YEARS = 12, 24, 60
_ACTIVE_MONTHS_MIN = 3
_EXPOSURE_MAX = 2**32 - 1


def characteristics(person: Person, as_of: int) -> Values:
    """All characteristics by name."""
    return {
        **_credit_history(person, as_of),
        **_fulfilment(person, as_of),
        **_behaviour(person, as_of),
        **_identity(person, as_of),
        **_social(person),
    }


def missing(person: Person, as_of: int) -> int:
    """What a thin file lacks: 1 active months, 2 credit or obligation."""
    earliest = as_of - _TWO_YEARS
    months = {
        tile[0]
        for section in ("payments", "consumption", "obligations")
        for tile in person[section]["tiles"]
        if tile[0] > earliest
    }
    without = not person["payments"]["first_credit"] and not person["obligations"]["first"]
    return (len(months) < _ACTIVE_MONTHS_MIN) | without << 1


def _share(part: int, whole: int) -> float | None:
    return min(part / whole, 1.0) if whole else None


def _credit_history(person: Person, as_of: int) -> Values:
    section = person["payments"]
    on_time = late = worst = charged = 0
    since = _TWO_YEARS
    for month, on_time_in, late_in, worst_in, charged_in in section["tiles"]:
        age = as_of - month
        if age >= _TWO_YEARS:
            continue
        on_time += on_time_in
        late += late_in
        if worst_in and age < since:
            since = age
        if age < _YEAR:
            worst = max(worst, worst_in)
            charged += charged_in
    used = [
        permille
        for second, permille in section["accounts"].values()
        if as_of - month_of(second * 1000) < _TWO_YEARS
    ]
    first = section["first_credit"]
    return {
        "on_time_share_24m": _share(on_time, on_time + late),
        "worst_overdue_12m": worst if first else None,
        "months_since_overdue": since if since < _TWO_YEARS else None,
        "credit_utilisation": sum(used) / len(used) / 1000 if used else None,
        "credit_history_months": max(as_of - first, 0) if first else None,
        "chargebacks_12m": charged if section["newest_s"] else None,
    }


def _fulfilment(person: Person, as_of: int) -> Values:
    section = person["obligations"]
    known = section["newest_s"] > 0
    fulfilled = late = 0
    for month, fulfilled_in, late_in in section["tiles"]:
        if as_of - month < _TWO_YEARS:
            fulfilled += fulfilled_in
            late += late_in
    contracts = section["contracts"]
    ages = [as_of - month for month in obligations.standing_breaches(contracts)]
    ages = [age for age in ages if age < _FIVE_YEARS]
    exposure = min(sum(obligations.open_amounts(contracts)), _EXPOSURE_MAX)
    return {
        "contracts_fulfilled_24m": fulfilled if known else None,
        "contracts_breached_60m": len(ages) if known else None,
        "contracts_late_share_24m": _share(late, late + fulfilled),
        "open_exposure_minor": exposure if known else None,
        "months_since_breach": min(ages) if ages else None,
    }


def _behaviour(person: Person, as_of: int) -> Values:
    section = person["consumption"]
    tiles = [tile for tile in section["tiles"] if as_of - tile[0] < _YEAR]
    monthly = [tile[consumption.PURCHASES] for tile in tiles]
    purchases = sum(monthly)
    categories = 0
    for tile in tiles:
        categories |= tile[consumption.CATEGORIES]
    return {
        "active_months_12m": len(tiles) if section["newest_s"] else None,
        "spending_regularity_12m": _regularity(monthly, purchases),
        "essentials_share_12m": _share(sum(t[consumption.ESSENTIALS] for t in tiles), purchases),
        "returns_share_12m": _share(sum(t[consumption.RETURNS] for t in tiles), purchases),
        "category_spread_12m": categories.bit_count() if purchases else None,
        "search_to_purchase_12m": (
            sum(t[consumption.SEARCHES] for t in tiles) / purchases if purchases else None
        ),
    }


def _regularity(monthly: list[int], purchases: int) -> float | None:
    """1 / (1 + coefficient of variation) over twelve months."""
    if not purchases:
        return None
    mean = purchases / _YEAR
    squares = sum((n - mean) ** 2 for n in monthly) + (_YEAR - len(monthly)) * mean**2
    return 1 / (1 + sqrt(squares / _YEAR) / mean)


def _identity(person: Person, as_of: int) -> Values:
    attributes = person["identity"]["attributes"]
    verified = [w for w in attributes.values() if w[1] == AttributeStatus.VERIFIED]

    def months(name: str) -> float | None:
        word = attributes.get(name)
        return max(as_of - word[2], 0) if word and word[2] else None

    return {
        "attributes_verified": len(verified),
        "months_at_address": months("ADDRESS"),
        "months_with_phone": months("PHONE"),
        "months_in_work": months("EMPLOYMENT"),
    }


def _social(person: Person) -> Values:
    linked, bases = mutual_bases(person)
    return {
        "linked_peers": linked,
        "mean_peer_base_score": sum(bases) / len(bases) if bases else None,
    }
