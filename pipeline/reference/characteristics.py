"""The characteristics of one person, from the kept events; unknown is NaN."""

import math
import statistics
from collections.abc import Iterable

from pipeline.factors.layout import MONTHS_BEHAVIOUR, MONTHS_CREDIT
from pipeline.factors.vocabulary import (
    Attribute,
    AttributeStatus,
    Category,
    ConsumptionKind,
    ObligationStatus,
    PaymentKind,
)
from pipeline.reference.events import Consumption, Event, Payment
from pipeline.reference.person import Person, month_of
from pipeline.reference.render import (
    CREDIT_KINDS,
    DUE_KINDS,
    held_months,
    mutual_links,
    overdue_bucket,
    standing_breaches,
    used_accounts,
)

UNKNOWN = math.nan
COUNT_MAX = 255
_YEAR = 12
_TWO_YEARS = 24
_FIVE_YEARS = 60
_LOOKED = (ConsumptionKind.SEARCH, ConsumptionKind.VIEW)


def characteristics(person: Person | None, as_of_month: int) -> dict[str, float]:
    """All characteristics by name, in the order of the list."""
    known = person or Person()
    return {
        **_credit_history(known, as_of_month),
        **_fulfilment(known, as_of_month),
        **_behaviour(known, as_of_month),
        **_identity(known, as_of_month),
        **_social(known),
    }


def missing(person: Person | None, as_of_month: int) -> int:
    """What a thin file lacks: 1 active months, 2 credit or obligation."""
    known = person or Person()
    told = [e for e in known.consumption if e.category != Category.HEALTH]
    months = {
        *_recent(known.payments, held_months(_times(known.payments), MONTHS_CREDIT)),
        *_recent(told, held_months(_times(known.consumption), MONTHS_BEHAVIOUR)),
        *_recent(known.obligations, held_months(_times(known.obligations), MONTHS_CREDIT)),
    }
    active = [month for month in months if as_of_month - month < MONTHS_CREDIT]
    credit = any(payment.kind in CREDIT_KINDS for payment in known.payments)
    return (len(active) < 3) | (not (credit or known.obligations)) << 1  # noqa: PLR2004


def _times(events: Iterable[Event]) -> list[int]:
    return [event.at_ms for event in events]


def _recent(events: Iterable[Event], months: list[int]) -> list[int]:
    """The months of events that lie in the given months."""
    return [month for event in events if (month := month_of(event.at_ms)) in months]


def _tally(months: Iterable[int], held: list[int], as_of_month: int, within: int) -> int:
    """How many of the months count, at most 255 a month."""
    counted = [month for month in months if month in held and as_of_month - month < within]
    return sum(min(counted.count(month), COUNT_MAX) for month in set(counted))


def _share(part: float, whole: float) -> float:
    return min(part / whole, 1.0) if whole else UNKNOWN


def _credit_history(person: Person, as_of: int) -> dict[str, float]:
    payments = person.payments
    held = held_months(_times(payments), MONTHS_CREDIT)
    held_12 = held_months(_times(payments), MONTHS_BEHAVIOUR)
    dated = [p for p in payments if p.kind in DUE_KINDS and p.due_ms is not None]
    on_time = _tally((_m(p) for p in dated if not overdue_bucket(p)), held, as_of, _TWO_YEARS)
    late = _tally((_m(p) for p in dated if overdue_bucket(p)), held, as_of, _TWO_YEARS)
    credit = [_m(p) for p in payments if p.kind in CREDIT_KINDS]
    overdue = {_m(p): 0 for p in payments if _m(p) in held and overdue_bucket(p)}
    for payment in payments:
        if _m(payment) in overdue:
            overdue[_m(payment)] = max(overdue[_m(payment)], overdue_bucket(payment))
    worst = max((b for month, b in overdue.items() if as_of - month < _YEAR), default=0)
    since = min((as_of - month for month in overdue), default=_TWO_YEARS)
    used = [u for s, _, u in used_accounts(payments) if as_of - month_of(s * 1000) < _TWO_YEARS]
    charged = (_m(p) for p in payments if p.kind == PaymentKind.CHARGEBACK)
    return {
        "on_time_share_24m": _share(on_time, on_time + late),
        "worst_overdue_12m": worst if credit else UNKNOWN,
        "months_since_overdue": since if since < _TWO_YEARS else UNKNOWN,
        "credit_utilisation": statistics.fmean(used) / 1000 if used else UNKNOWN,
        "credit_history_months": max(as_of - min(credit), 0) if credit else UNKNOWN,
        "chargebacks_12m": _tally(charged, held_12, as_of, _YEAR) if payments else UNKNOWN,
    }


def _m(event: Event) -> int:
    return month_of(event.at_ms)


def _fulfilment(person: Person, as_of: int) -> dict[str, float]:
    obligations = person.obligations
    held = held_months(_times(obligations), MONTHS_CREDIT)
    done = [_m(o) for o in obligations if o.status == ObligationStatus.FULFILLED]
    lagging = [_m(o) for o in obligations if o.status == ObligationStatus.LATE]
    fulfilled, late = (
        _tally(done, held, as_of, _TWO_YEARS),
        _tally(lagging, held, as_of, _TWO_YEARS),
    )
    breaches = [m for m in standing_breaches(person.contracts) if as_of - m < _FIVE_YEARS]
    amounts = [c.opened[1] for c in person.contracts.values() if c.opened and c.open]
    return {
        "contracts_fulfilled_24m": fulfilled if obligations else UNKNOWN,
        "contracts_breached_60m": len(breaches) if obligations else UNKNOWN,
        "contracts_late_share_24m": _share(late, late + fulfilled),
        "open_exposure_minor": min(sum(amounts), 2**32 - 1) if obligations else UNKNOWN,
        "months_since_breach": as_of - max(breaches) if breaches else UNKNOWN,
    }


def _behaviour(person: Person, as_of: int) -> dict[str, float]:
    times = _times(person.consumption)
    held = [m for m in held_months(times, MONTHS_BEHAVIOUR) if as_of - m < _YEAR]
    told = [e for e in person.consumption if e.category != Category.HEALTH and _m(e) in held]
    bought = [e for e in told if e.kind == ConsumptionKind.PURCHASE]
    purchases = _count(bought, as_of)
    monthly = [_count([e for e in bought if _m(e) == month], as_of) for month in held]
    monthly += [0] * (_YEAR - len(monthly))
    regularity = UNKNOWN
    if purchases:
        regularity = 1 / (1 + statistics.pstdev(monthly) / statistics.fmean(monthly))
    returned = [e for e in told if e.kind == ConsumptionKind.RETURN]
    essential = [e for e in bought if e.category == Category.ESSENTIALS]
    searches = _count([e for e in told if e.kind in _LOOKED], as_of)
    return {
        "active_months_12m": len({_m(e) for e in told}) if times else UNKNOWN,
        "spending_regularity_12m": regularity,
        "essentials_share_12m": _share(_count(essential, as_of), purchases),
        "returns_share_12m": _share(_count(returned, as_of), purchases),
        "category_spread_12m": len({e.category for e in bought}) if purchases else UNKNOWN,
        "search_to_purchase_12m": searches / purchases if purchases else UNKNOWN,
    }


def _count(events: list[Consumption] | list[Payment], as_of: int) -> int:
    months = [_m(event) for event in events]
    return _tally(months, months, as_of, _YEAR)


def _identity(person: Person, as_of: int) -> dict[str, float]:
    verified = [a for a, word in person.attributes.items() if word[1] == AttributeStatus.VERIFIED]

    def months(attribute: Attribute) -> float:
        since = person.attributes[attribute][2] if attribute in person.attributes else 0
        return max(as_of - since, 0) if since else UNKNOWN

    return {
        "attributes_verified": len(verified),
        "months_at_address": months(Attribute.ADDRESS),
        "months_with_phone": months(Attribute.PHONE),
        "months_in_work": months(Attribute.EMPLOYMENT),
    }


def _social(person: Person) -> dict[str, float]:
    mutual = mutual_links(person)
    bases = [link.peer_base for link in mutual if link.peer_base is not None]
    return {
        "linked_peers": len(mutual),
        "mean_peer_base_score": statistics.fmean(bases) if bases else UNKNOWN,
    }
