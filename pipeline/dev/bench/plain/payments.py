"""Credit history, one payment at a time."""

from typing import Any

from pipeline.dev.bench.plain.admission import Section, admit, count, month_of, tile_of
from pipeline.dev.bench.plain.person import Event, Person
from pipeline.factors.admission import Outcome, Policy
from pipeline.factors.layout import ACCOUNTS_MAX, MONTHS_CREDIT, RECENT_IDS

ON_TIME, LATE, WORST, CHARGEBACKS = 1, 2, 3, 4
"""Places in a tile, after the month."""
_BLANK = (0, 0, 0, 0)
_CREDIT = {"BILL", "REPAYMENT", "CREDIT_DRAWDOWN", "DELINQUENCY"}
_DUE = {"BILL", "REPAYMENT"}
_DAY_MS = 86_400_000
_BALANCE_MAX = 9 * 10**15
_USED_MAX = 2000


def fold_payment(person: Person, event: Event, kafka_ms: int, policy: Policy) -> Outcome:
    """Fold a payment of somebody who shares credit history."""
    section: Section = person["payments"]
    outcome = admit(section, event, kafka_ms, policy, (MONTHS_CREDIT, RECENT_IDS))
    if outcome is not Outcome.APPLIED:
        return outcome
    kind, at_ms, due_ms = event["kind"], event["occurred_at"], event["due_at"]
    month = month_of(at_ms)
    if kind in _CREDIT:
        section["first_credit"] = min(section["first_credit"] or month, month)
    tile = tile_of(section, month, _BLANK, MONTHS_CREDIT)
    if tile is not None:
        if kind == "CHARGEBACK":
            count(tile, CHARGEBACKS)
        elif kind == "DELINQUENCY":
            tile[WORST] = max(tile[WORST], _bucket(at_ms, due_ms))
        elif kind in _DUE and due_ms is not None:
            if at_ms <= due_ms:
                count(tile, ON_TIME)
            else:
                count(tile, LATE)
                tile[WORST] = max(tile[WORST], _bucket(at_ms, due_ms))
    if event["account_id"]:
        _see_account(section["accounts"], event)
    return outcome


def _bucket(at_ms: int, due_ms: int | None) -> int:
    """1 up to 29 days past due, 2 30-59, 3 60-89, 4 90 and more."""
    days = 0 if due_ms is None else (at_ms - due_ms) // _DAY_MS
    return min(max(days, 0) // 30, 3) + 1


def _see_account(accounts: dict[str, list[Any]], event: Event) -> None:
    balance, limit = event["balance_minor"], event["limit_minor"]
    if balance is None or limit is None or limit <= 0:
        return
    owed, limit = min(max(balance, 0), _BALANCE_MAX), min(limit, _BALANCE_MAX)
    seen = [event["occurred_at"] // 1000, min(owed * 1000 // limit, _USED_MAX)]
    name = event["account_id"]
    accounts[name] = max(accounts.get(name, seen), seen)
    if len(accounts) > ACCOUNTS_MAX:
        del accounts[min(accounts, key=lambda known: (accounts[known][0], known))]
