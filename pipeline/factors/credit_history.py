"""CREDIT_HISTORY: payments folded into monthly tiles, credit accounts and a first month."""

import numpy as np
from numpy.typing import NDArray

from pipeline.factors import tiles
from pipeline.factors.admission import Admitted, Clock, Policy, admit
from pipeline.factors.columns import Bool, Int64, PaymentColumns, UInt8
from pipeline.factors.layout import (
    ACCOUNTS_MAX,
    MONTHS_BEHAVIOUR,
    MONTHS_CREDIT,
    NO_AMOUNT,
    NO_TIME,
)
from pipeline.factors.state import Arrivals, BatchState, Rows
from pipeline.factors.vocabulary import PaymentKind, Scope

FIELDS = (
    "payments_newest_s",
    "first_credit_month",
    "payment_months",
    "paid_on_time",
    "paid_late",
    "worst_overdue",
    "chargebacks",
    "account_hash",
    "account_at_s",
    "account_used_permille",
    "recent_payments",
)
"""What a withdrawal of CREDIT_HISTORY empties in FACTOR_ROW."""

_DAY_MS = 86_400_000
_OVERDUE_DAYS = np.array([30, 60, 90])
USED_PERMILLE_MAX = 2000
AMOUNT_MAX = 9 * 10**15
"""Balances and limits beyond this are taken as this, so that permille fit 64 bits."""
_DUE_MIN_MS = -(2**61)
_NO_MONTH = 0xFFFF
_ACCOUNT_FIELDS = ("account_hash", "account_at_s", "account_used_permille")


def _kinds(*kinds: PaymentKind) -> Bool:
    table = np.zeros(256, np.bool_)
    table[list(kinds)] = True
    return table


_IS_CREDIT = _kinds(
    PaymentKind.BILL, PaymentKind.REPAYMENT, PaymentKind.CREDIT_DRAWDOWN, PaymentKind.DELINQUENCY
)
_IS_DUE = _kinds(PaymentKind.BILL, PaymentKind.REPAYMENT)


def fold_payments(state: BatchState, arrivals: Arrivals[PaymentColumns], policy: Policy) -> UInt8:
    """Fold payments into their users' credit history, in place; the outcomes (n_events,).

    Commutes within the lateness: any order and any cut into batches gives the same rows.
    """
    rows, events = state.rows, arrivals.columns
    clock = Clock(
        newest_s=rows["payments_newest_s"].astype(np.int64),
        reach=MONTHS_CREDIT,
        memory=rows["recent_payments"].copy(),
    )
    covered = state.covered(Scope.CREDIT_HISTORY)
    admitted = admit(arrivals, covered, clock, policy)
    if len(admitted):
        rows["payments_newest_s"] = clock.newest_s
        rows["recent_payments"] = clock.memory
        _fold_tiles(rows, events, admitted)
        _fold_accounts(rows, events, admitted)
    return admitted.outcomes


def _fold_tiles(rows: Rows, events: PaymentColumns, admitted: Admitted) -> None:
    old, new = admitted.old_head, admitted.new_head
    on_time, late, worst = rows["paid_on_time"], rows["paid_late"], rows["worst_overdue"]
    tiles.advance([on_time, late, worst], old, new)
    tiles.advance([rows["chargebacks"]], old, new)
    active = rows["payment_months"].copy()
    tiles.advance_bits(active, old, new, MONTHS_CREDIT)

    kind = events.kind[admitted.index]
    user, month = admitted.user, admitted.month
    age = new[user] - month
    held = age < MONTHS_CREDIT
    bit = np.left_shift(1, month[held] % MONTHS_CREDIT).astype(np.uint32)
    np.bitwise_or.at(active, user[held], bit)
    rows["payment_months"] = active

    _fold_first_month(rows, user, month, _IS_CREDIT[kind])
    charged = (kind == PaymentKind.CHARGEBACK) & (age < MONTHS_BEHAVIOUR)
    tiles.add_counts(rows["chargebacks"], user[charged], month[charged])

    at, due = events.occurred_at_ms[admitted.index], events.due_at_ms[admitted.index]
    delinquent = kind == PaymentKind.DELINQUENCY
    dated = _IS_DUE[kind] & (due != NO_TIME)
    punctual = dated & (at <= due) & held
    overdue = dated & (at > due) & held
    tiles.add_counts(on_time, user[punctual], month[punctual])
    tiles.add_counts(late, user[overdue], month[overdue])
    marked = np.flatnonzero(overdue | (delinquent & held))
    bucket = overdue_bucket(at[marked], due[marked])
    tiles.raise_to(worst, user[marked], month[marked], bucket)


def overdue_bucket(at_ms: Int64, due_ms: Int64) -> Int64:
    """How late, as the credit industry counts: 1 up to 29 full days, 2 30-59, 3 60-89, 4 90+.

    At least 1; without a due time (NO_TIME) 1.
    """
    due = np.where(due_ms == NO_TIME, at_ms, np.maximum(due_ms, _DUE_MIN_MS))
    days: Int64 = (at_ms - due) // _DAY_MS
    bucket: Int64 = 1 + np.searchsorted(_OVERDUE_DAYS, days, side="right")
    return bucket


def _fold_first_month(rows: Rows, user: Int64, month: Int64, credit: Bool) -> None:
    if not credit.any():
        return
    known = rows["first_credit_month"]
    first = np.where(known == 0, _NO_MONTH, known).astype(np.int64)
    np.minimum.at(first, user[credit], month[credit])
    rows["first_credit_month"] = np.where(first == _NO_MONTH, 0, first)


def used_permille(balance_minor: Int64, limit_minor: Int64) -> Int64:
    """Balance owed in thousandths of the limit, 0 to ``USED_PERMILLE_MAX``."""
    balance = np.clip(balance_minor, 0, AMOUNT_MAX)
    limit = np.clip(limit_minor, 1, AMOUNT_MAX)
    permille: Int64 = np.minimum(balance * 1000 // limit, USED_PERMILLE_MAX)
    return permille


def _fold_accounts(rows: Rows, events: PaymentColumns, admitted: Admitted) -> None:
    """Keep each user's accounts with the newest balances.

    Per account the newest balance decides, ties by the larger use; of the accounts the
    newest stay, ties by the larger hash.
    """
    at = admitted.index
    limit, balance, account = events.limit_minor[at], events.balance_minor[at], events.account[at]
    known = (limit > 0) & (balance != NO_AMOUNT) & (account != 0)
    chosen = np.flatnonzero(known)
    if not len(chosen):
        return
    people = np.unique(admitted.user[chosen])
    held = [rows[name][people] for name in _ACCOUNT_FIELDS]
    user = np.concatenate((np.repeat(people, ACCOUNTS_MAX), admitted.user[chosen]))
    hashes = np.concatenate((held[0].reshape(-1), account[chosen]), dtype=np.int64)
    second = np.concatenate((held[1].reshape(-1), admitted.second[chosen]), dtype=np.int64)
    used = used_permille(balance[chosen], limit[chosen])
    permille = np.concatenate((held[2].reshape(-1), used), dtype=np.int64)

    newest = _last_of_each(np.lexsort((permille, second, hashes, user)), user, hashes)
    newest = newest[hashes[newest] != 0]
    order = newest[np.lexsort((-hashes[newest], -second[newest], user[newest]))]
    starts = np.searchsorted(user[order], people)
    counts = np.concatenate((starts[1:], (len(order),))) - starts
    rank = np.arange(len(order)) - np.repeat(starts, counts)
    kept, slot = order[rank < ACCOUNTS_MAX], rank[rank < ACCOUNTS_MAX]
    for name, values in zip(_ACCOUNT_FIELDS, (hashes, second, permille), strict=True):
        column: NDArray[np.int64] = rows[name].astype(np.int64)
        column[people] = 0
        column[user[kept], slot] = values[kept]
        rows[name] = column


def _last_of_each(order: Int64, user: Int64, key: Int64) -> Int64:
    """Of an order sorted by user and key, the last of each pair."""
    users, keys = user[order], key[order]
    last = np.ones(len(order), np.bool_)
    last[:-1] = (users[1:] != users[:-1]) | (keys[1:] != keys[:-1])
    return order[last]
