"""The reference's contracts: an event goes in, and what is kept of the contract is another."""

from pipeline.factors.layout import CONTRACTS_MAX
from pipeline.factors.vocabulary import ObligationStatus
from pipeline.reference.events import Obligation
from pipeline.reference.person import Contract

_AMOUNT_MAX = 2**32 - 1


def step(contracts: dict[int, Contract], event: Obligation) -> None:
    """Apply what is new of a contract, in place; at most ``CONTRACTS_MAX`` are kept."""
    if event.status == ObligationStatus.LATE:
        return
    contract = contracts.setdefault(event.contract, Contract())
    at_s = event.at_ms // 1000
    if event.status == ObligationStatus.OPENED:
        opening = (at_s, min(max(event.amount_minor or 0, 0), _AMOUNT_MAX))
        contract.opened = max(contract.opened or opening, opening)
    elif event.status == ObligationStatus.FULFILLED:
        contract.fulfilled_s = max(contract.fulfilled_s or 0, at_s)
    elif event.status == ObligationStatus.BREACHED:
        contract.breached_s = max(contract.breached_s or 0, at_s)
    else:
        word = (event.at_ms, int(event.status))
        contract.dispute = max(contract.dispute or word, word)
    if contract.opened and contract.fulfilled_s:
        contract.opened = contract.fulfilled_s = None
    if contract == Contract():
        del contracts[event.contract]
    if len(contracts) > CONTRACTS_MAX:
        del contracts[min(contracts, key=lambda key: _worth(contracts[key], key))]


def _worth(contract: Contract, key: int) -> tuple[bool, int, int]:
    """What is kept longest: open or breached, then newest."""
    dispute_s = contract.dispute[0] // 1000 if contract.dispute else 0
    opened_s = contract.opened[0] if contract.opened else 0
    newest = max(opened_s, contract.fulfilled_s or 0, contract.breached_s or 0, dispute_s)
    return contract.open or contract.breached_s is not None, newest, key
