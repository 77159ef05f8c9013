import numpy as np
import pytest

from pipeline.factors.characteristics import (
    CHARACTERISTICS,
    MissingHistory,
    compute,
    missing_history,
)
from pipeline.factors.fold import BatchState
from pipeline.factors.vocabulary import Category, ObligationStatus, PaymentKind
from pipeline.reference.events import Event
from tests.unit.factors.people import (
    NAMES,
    at,
    enrolled,
    fold,
    month,
    payment,
    purchase,
    step,
    value,
)

ACTIVE, CREDIT = MissingHistory


def missing(state: BatchState, as_of: str) -> MissingHistory:
    return MissingHistory(int(missing_history(state.rows, month(as_of))[0]))


def test_names_are_unique_and_every_factor_has_some() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert {characteristic.factor.name for characteristic in CHARACTERISTICS} == {
        "CREDIT_HISTORY",
        "BEHAVIOUR",
        "FULFILMENT",
        "IDENTITY",
        "SOCIAL",
    }


def test_of_nobody_only_what_is_counted_is_known() -> None:
    values = compute(BatchState.empty(["ann"]).rows, 650)[0]
    known = {name for name, found in zip(NAMES, values, strict=True) if not np.isnan(found)}
    assert known == {"attributes_verified", "linked_peers"}


def test_each_person_may_be_looked_at_from_a_month_of_their_own() -> None:
    state = enrolled("ann", "bob")
    fold(state, payment("2026-01-10", PaymentKind.BILL, 1))
    bobs = payment("2026-01-10", PaymentKind.BILL, 1, user="bob")
    fold(state, bobs)
    months = np.array([month("2026-02"), month("2026-05")])
    values = compute(state.rows, months)[:, NAMES.index("credit_history_months")]
    assert values.tolist() == [1, 4]
    assert missing_history(state.rows, months).tolist() == [ACTIVE, ACTIVE]


def test_nobody_in_a_batch_is_no_error() -> None:
    rows = BatchState.empty([]).rows
    assert compute(rows, 650).shape == (0, len(NAMES))
    assert missing_history(rows, 650).shape == (0,)


def test_three_months_of_anything_are_an_active_history() -> None:
    state = enrolled()
    fold(
        state, payment("2026-01-31", PaymentKind.BILL, 1), purchase("2026-02-01", Category.HOME, 1)
    )
    assert missing(state, "2026-03") == ACTIVE
    fold(state, step("2026-03-01", 5, ObligationStatus.OPENED))
    assert missing(state, "2026-03") == 0


@pytest.mark.parametrize("years", [3, 21, 22, 43, 80])
def test_tiles_stay_forgotten_however_long_nothing_happens(years: int) -> None:
    state = enrolled()
    months = [f"2020-{m:02}-10" for m in range(1, 13)]
    due = [payment(day, PaymentKind.BILL, m, due_ms=at(day)) for m, day in enumerate(months, 1)]
    fold(state, *due, *(purchase(day, Category.HOME, m) for m, day in enumerate(months, 1)))
    for month_ in range(1, 13):
        as_of = f"{2020 + years}-{month_:02}"
        assert np.isnan(value(state, "on_time_share_24m", as_of))
        assert value(state, "active_months_12m", as_of) == 0
        assert missing(state, as_of) == ACTIVE


def test_the_same_month_on_three_topics_is_one_month() -> None:
    state = enrolled()
    fold(
        state,
        payment("2026-01-31", PaymentKind.BILL, 1),
        purchase("2026-01-01", Category.HOME, 1),
        step("2026-01-15", 5, ObligationStatus.OPENED),
    )
    assert missing(state, "2026-01") == ACTIVE


def test_activity_older_than_24_months_does_not_count() -> None:
    state = enrolled()
    fold(state, *(payment(f"2024-0{m}-10", PaymentKind.BILL, m) for m in (1, 2, 3)))
    assert missing(state, "2025-12") == 0
    assert missing(state, "2026-01") == ACTIVE


def test_consumption_counts_for_24_months_though_its_tiles_reach_12() -> None:
    state = enrolled()
    fold(state, *(purchase(f"2024-0{m}-10", Category.HOME, m) for m in (1, 2, 3)))
    assert missing(state, "2025-12") == CREDIT
    assert missing(state, "2026-01") == ACTIVE | CREDIT


@pytest.mark.parametrize(
    "event",
    [payment("2026-03-10", PaymentKind.BILL, 1), step("2026-03-10", 5, ObligationStatus.OPENED)],
)
def test_one_credit_or_obligation_is_enough_for_the_other_half(event: Event) -> None:
    state = enrolled()
    fold(state, *(payment(f"2026-0{m}-10", PaymentKind.PURCHASE, 10 + m) for m in (1, 2, 3)))
    assert missing(state, "2026-03") == CREDIT
    fold(state, event)
    assert missing(state, "2026-03") == 0


def test_what_was_bought_for_health_makes_nobody_active() -> None:
    state = enrolled()
    fold(state, *(purchase(f"2026-0{m}-10", Category.HEALTH, m) for m in (1, 2, 3, 4)))
    assert missing(state, "2026-04") == ACTIVE | CREDIT
