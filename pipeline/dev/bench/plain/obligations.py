"""Fulfilment, one step of a contract at a time."""

from typing import Any

from pipeline.dev.bench.plain.admission import Section, admit, count, month_of, tile_of
from pipeline.dev.bench.plain.person import Event, Person
from pipeline.factors.admission import Outcome, Policy
from pipeline.factors.layout import (
    BREACHES_MAX,
    CONTRACTS_MAX,
    MONTHS_CREDIT,
    RECENT_OBLIGATION_IDS,
)
from pipeline.factors.vocabulary import ObligationStatus

FULFILLED, LATE = 1, 2
"""Places in a tile, after the month."""
_BLANK = (0, 0)
_AMOUNT_MAX = 2**32 - 1
_OPENED_S, _AMOUNT, _FULFILLED_S, _BREACHED_S, _DISPUTED_MS, _DISPUTE = range(6)
_CONTESTED = (ObligationStatus.DISPUTED, ObligationStatus.DISPUTE_UPHELD)

Contract = list[int]
"""Opened (s), amount, fulfilled (s), breached (s), newest dispute (ms) and its status."""


def fold_obligation(person: Person, event: Event, kafka_ms: int, policy: Policy) -> Outcome:
    """Fold a contract's step of somebody who shares fulfilment."""
    section: Section = person["obligations"]
    outcome = admit(section, event, kafka_ms, policy, (MONTHS_CREDIT, RECENT_OBLIGATION_IDS))
    if outcome is not Outcome.APPLIED:
        return outcome
    month, status = month_of(event["occurred_at"]), event["status"]
    section["first"] = min(section["first"] or month, month)
    tile = tile_of(section, month, _BLANK, MONTHS_CREDIT)
    if tile is not None and status in {"FULFILLED", "LATE"}:
        count(tile, FULFILLED if status == "FULFILLED" else LATE)
    if status != "LATE":
        _step(section["contracts"], event)
    return outcome


def open_amounts(contracts: dict[str, Contract]) -> list[int]:
    """The amounts of contracts that are open."""
    return [c[_AMOUNT] for c in contracts.values() if _is_open(c)]


def standing_breaches(contracts: dict[str, Contract]) -> list[int]:
    """Months of undisputed breaches, newest first."""
    months = [
        month_of(contract[_BREACHED_S] * 1000)
        for contract in contracts.values()
        if contract[_BREACHED_S] and contract[_DISPUTE] not in _CONTESTED
    ]
    return sorted(months, reverse=True)[:BREACHES_MAX]


def _step(contracts: dict[str, Contract], event: Event) -> None:
    key = f"{event['partner_id']}/{event['contract_id']}"
    contract = contracts.setdefault(key, [0] * 6)
    at_ms, status = event["occurred_at"], event["status"]
    at_s = at_ms // 1000
    if status == "OPENED":
        opening = [at_s, min(max(event["amount_minor"] or 0, 0), _AMOUNT_MAX)]
        contract[:2] = max(contract[:2], opening)
    elif status == "FULFILLED":
        contract[_FULFILLED_S] = max(contract[_FULFILLED_S], at_s)
    elif status == "BREACHED":
        contract[_BREACHED_S] = max(contract[_BREACHED_S], at_s)
    else:
        contract[4:] = max(contract[4:], [at_ms, int(ObligationStatus[status])])
    if contract[_OPENED_S] and contract[_FULFILLED_S]:
        contract[:3] = [0, 0, 0]
    if not any(contract):
        del contracts[key]
    if len(contracts) > CONTRACTS_MAX:
        del contracts[min(contracts, key=lambda known: _worth(contracts[known], known))]


def _is_open(contract: Contract) -> bool:
    return contract[_OPENED_S] > 0 and not contract[_BREACHED_S] and not contract[_FULFILLED_S]


def _worth(contract: Contract, key: str) -> tuple[bool, int, Any]:
    """What is kept longest: open or breached, then newest."""
    newest_s = max(*contract[:4:2], contract[_BREACHED_S], contract[_DISPUTED_MS] // 1000)
    return _is_open(contract) or contract[_BREACHED_S] > 0, newest_s, key
