import math
from dataclasses import replace

import pytest

from pipeline.factors.fold import Outcome
from pipeline.factors.vocabulary import Category, ConsumptionKind
from tests.unit.factors.people import enrolled, fold, month, outcomes, purchase, ring, value

C = Category


def test_what_is_bought_counts_by_month_and_category() -> None:
    state = enrolled()
    fold(
        state,
        purchase("2026-03-01", C.ESSENTIALS, 1),
        purchase("2026-03-31", C.TRAVEL, 2),
        purchase("2026-04-01", C.ESSENTIALS, 3),
    )
    march, april = month("2026-03") % 12, month("2026-04") % 12
    assert ring(state, "purchases") == {march: 2, april: 1}
    assert ring(state, "essentials") == {march: 1, april: 1}
    assert ring(state, "categories") == {
        march: 1 << C.ESSENTIALS | 1 << C.TRAVEL,
        april: 1 << C.ESSENTIALS,
    }


@pytest.mark.parametrize("kind", ConsumptionKind)
def test_health_is_accepted_and_leaves_no_trace_in_the_tiles(kind: ConsumptionKind) -> None:
    state = enrolled()
    event = replace(purchase("2026-03-01", C.HEALTH, 1), kind=kind)
    assert outcomes(fold(state, event)) == [Outcome.APPLIED]
    for name in ("purchases", "essentials", "returns", "searches", "categories"):
        assert ring(state, name) == {}
    assert outcomes(fold(state, event)) == [Outcome.DUPLICATE]


def test_health_among_other_things_changes_no_characteristic() -> None:
    with_health, without = enrolled(), enrolled()
    others = [purchase(f"2026-0{m}-10", C.HOME, m) for m in range(1, 7)]
    fold(without, *others)
    fold(with_health, *others, purchase("2026-06-11", C.HEALTH, 50))
    for name in ("active_months_12m", "category_spread_12m", "spending_regularity_12m"):
        assert value(with_health, name, "2026-06") == value(without, name, "2026-06")


def test_searches_and_views_count_alike_and_are_no_purchases() -> None:
    state = enrolled()
    looked = [
        replace(purchase("2026-03-01", C.HOME, 1), kind=ConsumptionKind.SEARCH),
        replace(purchase("2026-03-01", C.HOME, 2), kind=ConsumptionKind.VIEW),
    ]
    fold(state, *looked)
    assert ring(state, "searches") == {month("2026-03") % 12: 2}
    assert ring(state, "categories") == {}
    assert math.isnan(value(state, "search_to_purchase_12m", "2026-03"))
    fold(state, purchase("2026-03-02", C.HOME, 3))
    assert value(state, "search_to_purchase_12m", "2026-03") == 2.0


def test_a_purchase_is_forgotten_after_12_months() -> None:
    state = enrolled()
    fold(state, purchase("2025-03-31", C.HOME, 1), purchase("2025-04-01", C.LUXURY, 2))
    assert value(state, "category_spread_12m", "2026-02") == 2
    assert value(state, "category_spread_12m", "2026-03") == 1
    assert value(state, "active_months_12m", "2026-04") == 0
    assert math.isnan(value(state, "category_spread_12m", "2026-04"))


def test_returns_and_essentials_are_shares_of_purchases() -> None:
    state = enrolled()
    bought = [purchase("2026-03-01", c, c + 1) for c in (C.ESSENTIALS, C.HOME, C.TRAVEL, C.OTHER)]
    returned = replace(purchase("2026-03-02", C.HOME, 60), kind=ConsumptionKind.RETURN)
    fold(state, *bought, returned)
    assert value(state, "essentials_share_12m", "2026-03") == 0.25
    assert value(state, "returns_share_12m", "2026-03") == 0.25


def test_more_returns_than_purchases_are_a_share_of_one() -> None:
    state = enrolled()
    returned = [
        replace(purchase("2026-03-02", C.HOME, i), kind=ConsumptionKind.RETURN) for i in (1, 2)
    ]
    fold(state, purchase("2026-03-01", C.HOME, 3), *returned)
    assert value(state, "returns_share_12m", "2026-03") == 1.0


def test_spending_is_most_regular_when_every_month_sees_the_same() -> None:
    regular, once = enrolled(), enrolled()
    fold(regular, *(purchase(f"2026-{m:02}-10", C.HOME, m) for m in range(1, 13)))
    fold(once, *(purchase("2026-12-10", C.HOME, m) for m in range(1, 13)))
    assert value(regular, "spending_regularity_12m", "2026-12") == 1.0
    # twelve in one month of twelve: mean 1, standard deviation sqrt(11)
    expected = 1 / (1 + math.sqrt(11))
    assert value(once, "spending_regularity_12m", "2026-12") == pytest.approx(expected)
