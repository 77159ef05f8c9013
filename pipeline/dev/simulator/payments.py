"""Payments: salaries, purchases, bills and credit, in time or not."""

import numpy as np

from pipeline.dev.simulator.draws import DAY_MS, FIRST_MS, Stage, Table, amounts, merge
from pipeline.dev.simulator.population import ACCOUNTS_MAX, Float, logistic
from pipeline.factors.columns import Int32, Int64
from pipeline.factors.layout import NO_AMOUNT, NO_TIME
from pipeline.factors.vocabulary import PaymentKind

COLUMNS: dict[str, tuple[type[np.generic], int]] = {
    "kind": (np.uint8, 0),
    "amount_minor": (np.int64, 0),
    "currency": (np.uint8, 0),
    "due_at": (np.int64, NO_TIME),
    "account_id": (np.int32, -1),  # user * ACCOUNTS_MAX + number
    "balance_minor": (np.int64, NO_AMOUNT),
    "limit_minor": (np.int64, NO_AMOUNT),
}
_REPORTED_AFTER_DAYS = (30, 60, 90)


def payments(stage: Stage) -> Table:
    """All payments of the stage, by event time."""
    limits = amounts(stage.rng, len(stage.people) * ACCOUNTS_MAX, 1_500, 0.6) // 10_000 * 10_000
    limits = np.maximum(limits, 20_000)
    return merge(
        [
            _salaries(stage),
            _purchases(stage),
            _bills(stage),
            *_repayments(stage, limits),
            _drawdowns(stage, limits),
            _at_will(stage, PaymentKind.REFUND, 0.15 * stage.intensity, 25),
            _chargebacks(stage),
        ],
        COLUMNS,
        stage,
    )


def _table(kind: PaymentKind, user: Int32, at: Int64, amount: Int64) -> Table:
    return {
        "user": user,
        "occurred_at_ms": at,
        "kind": np.asarray(kind.value, np.uint8),
        "amount_minor": amount,
    }


def _salaries(stage: Stage) -> Table:
    employed = np.flatnonzero(stage.people.employed & ~stage.people.dormant).astype(np.int32)
    entry, due = stage.due_dates(employed)
    pay = amounts(stage.rng, len(employed), 2_400, 0.4)
    return _table(PaymentKind.TRANSFER, employed[entry], due, pay[entry])


def _at_will(stage: Stage, kind: PaymentKind, rate: float, median: float) -> Table:
    user, at = stage.at_random_times(rate * stage.people.activity[:, None])
    return _table(kind, user, at, amounts(stage.rng, len(user), median, 0.9))


def _purchases(stage: Stage) -> Table:
    return _at_will(stage, PaymentKind.PURCHASE, 4.0 * stage.intensity, 30)


def _chargebacks(stage: Stage) -> Table:
    rate = 0.02 * np.exp(-0.9 * stage.trait("thrift")) * stage.people.activity
    user, at = stage.at_random_times(rate[:, None])
    return _table(PaymentKind.CHARGEBACK, user, at, amounts(stage.rng, len(user), 60, 0.7))


def _delays_ms(stage: Stage, user: Int32) -> Int64:
    """Time from the due date to the payment, negative when early; by punctuality.

    The late are late by days; among them some by months, as trouble goes with trouble.
    """
    punctuality = stage.trait("punctuality")[user]
    n = len(user)
    late = stage.happens(logistic(-2.6 - 1.2 * punctuality))
    badly = late & stage.happens(logistic(-2.2 - 1.1 * punctuality))
    days: Float = -8 * stage.rng.random(n)
    days = np.where(late, 1 + stage.rng.exponential(5, n), days)
    days = np.where(badly, 30 + stage.rng.exponential(25, n), days)
    return (days * DAY_MS).astype(np.int64)


def _paid(stage: Stage, user: Int32, due: Int64) -> Int64:
    earliest = stage.people.joined_ms[user] + FIRST_MS
    paid: Int64 = np.maximum(due + _delays_ms(stage, user), earliest)
    return paid


def _bills(stage: Stage) -> Table:
    payer = np.repeat(np.arange(len(stage.people), dtype=np.int32), stage.people.bills)
    price = amounts(stage.rng, len(payer), 55, 0.6)
    entry, due = stage.due_dates(payer)
    user = payer[entry]
    bills = _table(PaymentKind.BILL, user, _paid(stage, user, due), price[entry])
    return {**bills, "due_at": due}


def _accounts(stage: Stage) -> Int32:
    """Every credit account, as user * ACCOUNTS_MAX + number."""
    number = np.arange(ACCOUNTS_MAX)
    owned = number[None, :] < stage.people.accounts[:, None]
    return np.flatnonzero(owned).astype(np.int32)


def _used(stage: Stage, account: Int32, limits: Int64) -> Table:
    """Balance and limit columns: the share in use follows thrift and varies by event."""
    user = account // ACCOUNTS_MAX
    noise = stage.rng.standard_normal(len(account))
    share = 1.05 * logistic(-0.5 - 1.0 * stage.trait("thrift")[user] + 0.5 * noise)
    limit = limits[account]
    return {
        "account_id": account,
        "limit_minor": limit,
        "balance_minor": (share * limit).astype(np.int64),
    }


def _repayments(stage: Stage, limits: Int64) -> list[Table]:
    """Monthly repayments, and what lenders report of those that stay away for 30 days."""
    owned = _accounts(stage)
    entry, due = stage.due_dates((owned // ACCOUNTS_MAX).astype(np.int32))
    account = owned[entry]
    user = (account // ACCOUNTS_MAX).astype(np.int32)
    paid = _paid(stage, user, due)
    amount = limits[account] // 20
    repayments = {
        **_table(PaymentKind.REPAYMENT, user, paid, amount),
        **_used(stage, account, limits),
        "due_at": due,
    }
    reports = []
    for days in _REPORTED_AFTER_DAYS:
        overdue = paid - due > days * DAY_MS
        at = due[overdue] + days * DAY_MS
        report = _table(PaymentKind.DELINQUENCY, user[overdue], at, amount[overdue])
        reports.append({**report, "due_at": due[overdue], "account_id": account[overdue]})
    return [repayments, *reports]


def _drawdowns(stage: Stage, limits: Int64) -> Table:
    people = stage.people
    rate = 0.5 * people.activity * (people.accounts > 0)
    user, at = stage.at_random_times(rate[:, None])
    number = (stage.rng.random(len(user)) * people.accounts[user]).astype(np.int32)
    account = (user * ACCOUNTS_MAX + number).astype(np.int32)
    drawn = _table(PaymentKind.CREDIT_DRAWDOWN, user, at, amounts(stage.rng, len(user), 120, 0.7))
    return {**drawn, **_used(stage, account, limits)}
