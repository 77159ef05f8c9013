"""People as the bytes that the fast folds keep of them."""

import struct
from collections import Counter

import numpy as np

from pipeline.factors.layout import (
    ACCOUNTS_MAX,
    BREACHES_MAX,
    FACTOR_ROW,
    FACTOR_ROW_LAYOUT,
    LEDGER_ROW,
    LEDGER_ROW_LAYOUT,
    MONTHS_BEHAVIOUR,
    MONTHS_CREDIT,
)
from pipeline.factors.state import Rows
from pipeline.factors.vocabulary import (
    AttributeStatus,
    Category,
    ConsumptionKind,
    ObligationStatus,
    PaymentKind,
)
from pipeline.reference.events import Payment
from pipeline.reference.person import Contract, Link, Memory, Person, month_of

_DAY_MS = 86_400_000
_COUNT_MAX = 255
_U32_MAX = 2**32 - 1
_BALANCE_MAX = 9 * 10**15
_USED_MAX = 2000
CREDIT_KINDS = (
    PaymentKind.BILL,
    PaymentKind.REPAYMENT,
    PaymentKind.CREDIT_DRAWDOWN,
    PaymentKind.DELINQUENCY,
)
DUE_KINDS = (PaymentKind.BILL, PaymentKind.REPAYMENT)


def factor_row(person: Person | None) -> bytes:
    """FACTOR_ROW of a person, all zero for nobody; ``published`` stays zero."""
    row = np.zeros((), FACTOR_ROW)
    if person is not None:
        row["layout"] = FACTOR_ROW_LAYOUT
        row["consent_mask"] = sum(1 << scope for scope in person.grants if person.in_force(scope))
        _credit_history(person, row)
        _behaviour(person, row)
        _fulfilment(person, row)
        _identity(person, row)
        _social(person, row)
    return row.tobytes()


def ledger_row(person: Person | None) -> bytes:
    """LEDGER_ROW of a person, all zero for nobody."""
    row = np.zeros((), LEDGER_ROW)
    if person is not None:
        row["layout"] = LEDGER_ROW_LAYOUT
        for scope, grant in person.grants.items():
            row["consent_at_ms"][scope] = grant.at_ms
            row["consent_expires_ms"][scope] = grant.ends_ms or 0
        for attribute, (at_ms, _, _) in person.attributes.items():
            row["attribute_at_ms"][attribute] = at_ms
        row["profiles_newest_s"] = person.profiles_newest_s
        row["relationships_newest_s"] = person.relationships_newest_s
        row["recent_obligations"] = _memory(person.obligation_ids)
    return row.tobytes()


def contract_list(person: Person | None) -> bytes:
    """The packed contracts of a person."""
    contracts = {} if person is None else person.contracts
    parts = []
    for key, contract in sorted(contracts.items()):
        opened_s, amount_minor = contract.opened or (0, 0)
        disputed_ms, dispute = contract.dispute or (0, 0)
        fulfilled_s, breached_s = contract.fulfilled_s or 0, contract.breached_s or 0
        steps = (opened_s, amount_minor, fulfilled_s, breached_s, dispute, disputed_ms)
        parts.append(struct.pack("<QIIIIBq", key, *steps))
    return b"".join(parts)


def link_list(person: Person | None) -> bytes:
    """The packed links of a person."""
    links = {} if person is None else person.links
    parts = []
    for other, link in sorted(links.items(), key=lambda item: item[0].encode()):
        name = other.encode()
        said_ms, word = (link.said[0], link.said[1] + 1) if link.said else (0, 0)
        base = -1 if link.peer_base is None else link.peer_base
        head = len(name).to_bytes(2, "little") + said_ms.to_bytes(8, "little")
        tail = bytes([word, link.peer_active]) + base.to_bytes(2, "little", signed=True)
        parts.append(head + tail + name)
    return b"".join(parts)


def held_months(times_ms: list[int], reach: int) -> list[int]:
    """The months a topic's rings hold: the last ``reach`` up to its newest event."""
    if not times_ms:
        return []
    head = month_of(max(times_ms))
    return [month for month in range(head - reach + 1, head + 1) if month >= 0]


def overdue_bucket(payment: Payment) -> int:
    """How late a payment was, 0 if it was not."""
    at_ms, due_ms = payment.at_ms, payment.due_ms
    if payment.kind == PaymentKind.DELINQUENCY:
        days = 0 if due_ms is None else (at_ms - due_ms) // _DAY_MS
    elif payment.kind in DUE_KINDS and due_ms is not None and at_ms > due_ms:
        days = (at_ms - due_ms) // _DAY_MS
    else:
        return 0
    return 1 if days < 30 else 2 if days < 60 else 3 if days < 90 else 4  # noqa: PLR2004


def used_accounts(payments: list[Payment]) -> list[tuple[int, int, int]]:
    """The accounts with the newest balances: second, hash, permille used; newest first."""
    newest: dict[int, tuple[int, int]] = {}
    for payment in payments:
        balance, limit = payment.balance_minor, payment.limit_minor
        if not payment.account or balance is None or limit is None or limit <= 0:
            continue
        owed, limit = min(max(balance, 0), _BALANCE_MAX), min(limit, _BALANCE_MAX)
        seen = (payment.at_ms // 1000, min(owed * 1000 // limit, _USED_MAX))
        newest[payment.account] = max(newest.get(payment.account, seen), seen)
    ranked = sorted(((s, account, used) for account, (s, used) in newest.items()), reverse=True)
    return ranked[:ACCOUNTS_MAX]


def standing_breaches(contracts: dict[int, Contract]) -> list[int]:
    """Months of undisputed breaches, newest first."""
    contested = (ObligationStatus.DISPUTED, ObligationStatus.DISPUTE_UPHELD)
    months = [
        month_of(contract.breached_s * 1000)
        for contract in contracts.values()
        if contract.breached_s is not None
        and (contract.dispute is None or contract.dispute[1] not in contested)
    ]
    return sorted(months, reverse=True)[:BREACHES_MAX]


def mutual_links(person: Person) -> list[Link]:
    """Links that stand on both sides."""
    return [link for link in person.links.values() if link.confirmed and link.peer_active]


def _memory(memory: Memory) -> list[int]:
    packed = [tick * 2**40 + id_hash for tick, id_hash in memory.entries]
    return packed + [0] * (memory.length - len(packed))


def _ring(row: Rows, name: str, months: list[int], held: list[int]) -> None:
    """Count months into a ring."""
    for month, count in Counter(months).items():
        if month in held:
            row[name][month % len(row[name])] = min(count, _COUNT_MAX)


def _credit_history(person: Person, row: Rows) -> None:
    payments = person.payments
    if not payments:
        return
    times = [payment.at_ms for payment in payments]
    held = held_months(times, MONTHS_CREDIT)
    row["payments_newest_s"] = max(times) // 1000
    months = {month_of(at_ms) for at_ms in times}
    row["payment_months"] = sum(1 << month % MONTHS_CREDIT for month in months if month in held)
    credit = [month_of(p.at_ms) for p in payments if p.kind in CREDIT_KINDS]
    row["first_credit_month"] = min(credit, default=0)
    dated = [p for p in payments if p.kind in DUE_KINDS and p.due_ms is not None]
    _ring(row, "paid_on_time", [month_of(p.at_ms) for p in dated if not overdue_bucket(p)], held)
    _ring(row, "paid_late", [month_of(p.at_ms) for p in dated if overdue_bucket(p)], held)
    for payment in payments:
        if (month := month_of(payment.at_ms)) in held:
            slot, bucket = month % MONTHS_CREDIT, overdue_bucket(payment)
            row["worst_overdue"][slot] = max(int(row["worst_overdue"][slot]), bucket)
    charged = [month_of(p.at_ms) for p in payments if p.kind == PaymentKind.CHARGEBACK]
    _ring(row, "chargebacks", charged, held_months(times, MONTHS_BEHAVIOUR))
    for i, (second, account, used) in enumerate(used_accounts(payments)):
        row["account_hash"][i] = account
        row["account_at_s"][i] = second
        row["account_used_permille"][i] = used
    row["recent_payments"] = _memory(person.payment_ids)


def _behaviour(person: Person, row: Rows) -> None:
    if not person.consumption:
        return
    times = [event.at_ms for event in person.consumption]
    held = held_months(times, MONTHS_BEHAVIOUR)
    row["consumption_newest_s"] = max(times) // 1000
    row["recent_consumption"] = _memory(person.consumption_ids)
    told = [e for e in person.consumption if e.category != Category.HEALTH]
    bought = [e for e in told if e.kind == ConsumptionKind.PURCHASE]
    looked = (ConsumptionKind.SEARCH, ConsumptionKind.VIEW)
    rings = {
        "purchases": bought,
        "essentials": [e for e in bought if e.category == Category.ESSENTIALS],
        "returns": [e for e in told if e.kind == ConsumptionKind.RETURN],
        "searches": [e for e in told if e.kind in looked],
    }
    for name, counted in rings.items():
        _ring(row, name, [month_of(e.at_ms) for e in counted], held)
    for month in held:
        seen = {e.category for e in bought if month_of(e.at_ms) == month}
        row["categories"][month % MONTHS_BEHAVIOUR] = sum(1 << category for category in seen)


def _fulfilment(person: Person, row: Rows) -> None:
    if not person.obligations:
        return
    times = [event.at_ms for event in person.obligations]
    held = held_months(times, MONTHS_CREDIT)
    row["obligations_newest_s"] = max(times) // 1000
    months = {month_of(at_ms) for at_ms in times}
    row["first_obligation_month"] = min(months)
    row["obligation_months"] = sum(1 << month % MONTHS_CREDIT for month in months if month in held)
    for name, status in (
        ("fulfilled", ObligationStatus.FULFILLED),
        ("fulfilled_late", ObligationStatus.LATE),
    ):
        _ring(
            row, name, [month_of(e.at_ms) for e in person.obligations if e.status == status], held
        )
    for i, month in enumerate(standing_breaches(person.contracts)):
        row["breach_months"][i] = month
    amounts = [c.opened[1] for c in person.contracts.values() if c.opened and c.open]
    row["open_contracts"] = min(len(amounts), _COUNT_MAX)
    row["open_exposure_minor"] = min(sum(amounts), _U32_MAX)


def _identity(person: Person, row: Rows) -> None:
    for attribute, (_, status, since) in person.attributes.items():
        row["attribute_since"][attribute] = since
        if status == AttributeStatus.VERIFIED:
            row["attribute_verified"] |= 1 << attribute


def _social(person: Person, row: Rows) -> None:
    mutual = mutual_links(person)
    bases = [link.peer_base for link in mutual if link.peer_base is not None]
    row["linked_peers"] = len(mutual)
    row["scored_peers"] = len(bases)
    row["peer_base_sum"] = sum(bases)
