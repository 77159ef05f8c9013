import math

import pytest

from pipeline.factors.fold import BatchState
from pipeline.factors.vocabulary import PaymentKind
from pipeline.reference.events import Payment
from tests.unit.factors.people import at, bill, enrolled, fold, month, payment, ring, value

K = PaymentKind


def slot(name: str, reach: int = 24) -> int:
    return month(name) % reach


def test_a_bill_paid_on_its_due_moment_is_on_time_and_a_millisecond_later_is_late() -> None:
    state = enrolled()
    fold(state, bill("2026-03-10T12:00", "2026-03-10T12:00", 1))
    fold(state, bill("2026-03-10T12:00:00.001", "2026-03-10T12:00", 2))
    assert ring(state, "paid_on_time") == {slot("2026-03"): 1}
    assert ring(state, "paid_late") == {slot("2026-03"): 1}
    assert ring(state, "worst_overdue") == {slot("2026-03"): 1}


@pytest.mark.parametrize(
    ("due", "bucket"),
    [
        ("2026-05-30", 1),
        ("2026-05-02", 1),
        ("2026-05-01T00:00:00.001", 1),
        ("2026-05-01", 2),
        ("2026-04-02", 2),
        ("2026-04-01", 3),
        ("2026-03-03", 3),
        ("2026-03-02", 4),
        ("2020-01-01", 4),
    ],
)
def test_days_past_due_fall_into_the_industrys_buckets(due: str, bucket: int) -> None:
    state = enrolled()
    fold(state, bill("2026-05-31", due, 1))
    assert ring(state, "worst_overdue") == {slot("2026-05"): bucket}
    assert value(state, "worst_overdue_12m", "2026-05") == bucket


def test_a_month_remembers_its_worst_delay_not_its_last() -> None:
    state = enrolled()
    fold(state, bill("2026-05-31", "2026-03-20", 1), bill("2026-05-31", "2026-05-30", 2))
    assert ring(state, "worst_overdue") == {slot("2026-05"): 3}


def test_a_bill_without_a_due_time_is_history_but_neither_on_time_nor_late() -> None:
    state = enrolled()
    fold(state, payment("2026-03-10", K.BILL, 1))
    assert (ring(state, "paid_on_time"), ring(state, "paid_late")) == ({}, {})
    assert state.rows["first_credit_month"][0] == month("2026-03")


@pytest.mark.parametrize(
    ("due", "bucket"), [(None, 1), ("2026-04-01", 1), ("2026-02-01", 2), ("2025-01-01", 4)]
)
def test_a_delinquency_marks_its_month_without_counting_a_payment(
    due: str | None, bucket: int
) -> None:
    state = enrolled()
    fold(
        state,
        payment("2026-03-10", K.DELINQUENCY, 1, due_ms=None if due is None else at(due)),
    )
    assert ring(state, "worst_overdue") == {slot("2026-03"): bucket}
    assert ring(state, "paid_late") == {}


@pytest.mark.parametrize(
    ("kind", "is_credit"),
    [(kind, kind.name in ["BILL", "REPAYMENT", "CREDIT_DRAWDOWN", "DELINQUENCY"]) for kind in K],
)
def test_credit_history_begins_with_what_is_owed_not_with_shopping(
    kind: PaymentKind, is_credit: bool
) -> None:
    state = enrolled()
    fold(state, payment("2026-03-10", kind, 1))
    assert state.rows["first_credit_month"][0] == (month("2026-03") if is_credit else 0)
    assert state.rows["payment_months"][0] == 1 << slot("2026-03")


def test_credit_history_begins_with_its_earliest_event_however_late_that_comes() -> None:
    state = enrolled()
    fold(state, payment("2026-03-10", K.BILL, 1), payment("2026-02-20", K.REPAYMENT, 2))
    fold(state, payment("2027-03-10", K.BILL, 3))
    assert state.rows["first_credit_month"][0] == month("2026-02")
    assert value(state, "credit_history_months", "2027-04") == 14


def test_a_late_repayment_is_forgotten_after_24_months() -> None:
    state = enrolled()
    late = payment("2024-01-20", K.REPAYMENT, 1, due_ms=at("2024-01-10"))
    on_time = payment("2025-12-10", K.REPAYMENT, 2, due_ms=at("2025-12-20"))
    fold(state, late, on_time)
    assert value(state, "on_time_share_24m", "2025-12") == 0.5
    assert value(state, "months_since_overdue", "2025-12") == 23
    assert value(state, "on_time_share_24m", "2026-01") == 1.0
    assert math.isnan(value(state, "months_since_overdue", "2026-01"))
    fold(state, payment("2026-01-05", K.PURCHASE, 3))
    assert ring(state, "paid_late") == {}
    assert ring(state, "worst_overdue") == {}


def test_the_worst_delay_counts_for_12_months() -> None:
    state = enrolled()
    fold(state, bill("2025-01-31", "2024-12-01", 1))
    assert value(state, "worst_overdue_12m", "2025-12") == 3
    assert value(state, "worst_overdue_12m", "2026-01") == 0


def test_chargebacks_count_for_12_months() -> None:
    state = enrolled()
    fold(state, payment("2025-01-10", K.CHARGEBACK, 1), payment("2025-02-10", K.CHARGEBACK, 2))
    assert value(state, "chargebacks_12m", "2025-12") == 2
    assert value(state, "chargebacks_12m", "2026-01") == 1
    fold(state, payment("2026-01-10", K.PURCHASE, 3))
    assert ring(state, "chargebacks") == {slot("2025-02", 12): 1}


def test_events_over_several_months_in_one_batch_end_as_one_at_a_time() -> None:
    days = [f"{2024 + m // 12}-{m % 12 + 1:02}-15" for m in range(30)]
    bills = [bill(day, day, i + 1) for i, day in enumerate(days)]
    together, apart = enrolled(), enrolled()
    fold(together, *bills)
    for one in bills:
        fold(apart, one)
    assert together.rows.tobytes() == apart.rows.tobytes()
    assert ring(together, "paid_on_time") == dict.fromkeys(range(24), 1)


def balance(day: str, account: int, owed: int | None, limit: int | None, event_id: int) -> Payment:
    rest = {"account": account, "balance_minor": owed, "limit_minor": limit}
    return payment(day, K.REPAYMENT, event_id, **rest)


def accounts(state: BatchState) -> list[tuple[int, int]]:
    row = state.rows[0]
    return list(
        zip(row["account_hash"].tolist(), row["account_used_permille"].tolist(), strict=True)
    )


def test_utilisation_is_of_the_newest_balance_of_an_account() -> None:
    state = enrolled()
    fold(state, balance("2026-03-02", 7, 250, 1000, 1), balance("2026-03-01", 7, 900, 1000, 2))
    assert accounts(state) == [(7, 250), (0, 0)]
    assert value(state, "credit_utilisation", "2026-03") == 0.25


def test_only_the_two_accounts_with_the_newest_balances_are_kept_newest_first() -> None:
    state = enrolled()
    fold(state, balance("2026-03-01", 1, 100, 1000, 1), balance("2026-03-03", 3, 300, 1000, 2))
    fold(state, balance("2026-03-02", 2, 200, 1000, 3))
    assert accounts(state) == [(3, 300), (2, 200)]
    assert value(state, "credit_utilisation", "2026-03") == 0.25


@pytest.mark.parametrize(
    ("owed", "limit", "permille"),
    [(0, 1, 0), (-50, 100, 0), (2, 3, 666), (300, 100, 2000), (2**63 - 1, 2**63 - 1, 1000)],
)
def test_use_is_between_none_and_twice_the_limit(owed: int, limit: int, permille: int) -> None:
    state = enrolled()
    fold(state, balance("2026-03-01", 7, owed, limit, 1))
    assert accounts(state)[0] == (7, permille)


@pytest.mark.parametrize(("owed", "limit"), [(None, 100), (100, None), (100, 0), (100, -1)])
def test_without_a_balance_and_a_limit_there_is_no_utilisation(
    owed: int | None, limit: int | None
) -> None:
    state = enrolled()
    fold(state, balance("2026-03-01", 7, owed, limit, 1))
    assert accounts(state) == [(0, 0), (0, 0)]
    assert math.isnan(value(state, "credit_utilisation", "2026-03"))


def test_a_balance_older_than_24_months_says_nothing() -> None:
    state = enrolled()
    fold(state, balance("2024-03-01", 7, 10, 100, 1))
    assert value(state, "credit_utilisation", "2026-02") == 0.1
    assert math.isnan(value(state, "credit_utilisation", "2026-03"))


def test_counters_of_a_month_stay_at_255() -> None:
    state = enrolled()
    fold(state, *(bill("2026-03-10", "2026-03-10", i) for i in range(1, 301)))
    fold(state, *(bill("2026-03-10", "2026-03-10", i) for i in range(301, 401)))
    assert ring(state, "paid_on_time") == {slot("2026-03"): 255}
