"""A person's contracts that are open, breached or disputed: a packed list beside the rows.

Every step is kept as the time it happened, 0 for not at all, so the list depends on which
steps came, not on their order. The layout is versioned by CONTRACTS_LAYOUT.
"""

import struct
from dataclasses import dataclass, fields
from operator import attrgetter

from pipeline.factors.layout import BREACHES_MAX, CONTRACTS_MAX
from pipeline.factors.months import month_of_s
from pipeline.factors.vocabulary import ObligationStatus

_ENTRY = struct.Struct("<QIIIIBq")
"""The fields of ``Contract`` in their order."""
AMOUNT_MAX = 2**32 - 1
OPEN_MAX = 255


@dataclass(slots=True)
class Contract:
    """One contract, by the hash of its partner and id."""

    contract: int
    opened_at_s: int = 0
    amount_minor: int = 0  # of the opening, saturating
    fulfilled_at_s: int = 0
    breached_at_s: int = 0  # the newest breach
    dispute: int = 0  # newest of DISPUTED, DISPUTE_UPHELD, DISPUTE_REJECTED; 0: none
    disputed_at_ms: int = 0

    @property
    def open(self) -> bool:
        """Opened, neither fulfilled nor breached."""
        return bool(self.opened_at_s) and not self.fulfilled_at_s and not self.breached_at_s

    @property
    def breach_stands(self) -> bool:
        """Breached, and not disputed or the dispute was rejected."""
        contested = (ObligationStatus.DISPUTED, ObligationStatus.DISPUTE_UPHELD)
        return bool(self.breached_at_s) and self.dispute not in contested

    @property
    def newest_s(self) -> int:
        """The newest step still kept."""
        disputed_at_s = self.disputed_at_ms // 1000
        return max(self.opened_at_s, self.fulfilled_at_s, self.breached_at_s, disputed_at_s)


Contracts = dict[int, Contract]
_FIELDS = attrgetter(*(field.name for field in fields(Contract)))


def unpack(packed: bytes) -> Contracts:
    """The contracts by hash."""
    return {fields[0]: Contract(*fields) for fields in _ENTRY.iter_unpack(packed)}


def is_whole(size: int) -> bool:
    """Whether `unpack` takes a list of so many bytes; any of a whole number of entries it does."""
    return size % _ENTRY.size == 0


def pack(contracts: Contracts) -> bytes:
    """The contracts as bytes, ordered by hash."""
    return b"".join(_ENTRY.pack(*_FIELDS(contracts[key])) for key in sorted(contracts))


def step(contracts: Contracts, key: int, status: int, at_ms: int, amount_minor: int) -> None:
    """Apply one step in a contract's life, in place.

    Args:
        contracts: The person's contracts.
        key: The contract's hash.
        status: An ObligationStatus other than LATE.
        at_ms: When it happened.
        amount_minor: The exposure, for OPENED; not negative.
    """
    entry = contracts.get(key)
    if entry is None:
        entry = contracts[key] = Contract(key)
    at_s = at_ms // 1000
    match status:
        case ObligationStatus.OPENED:
            opening = (at_s, min(amount_minor, AMOUNT_MAX))
            entry.opened_at_s, entry.amount_minor = max(
                (entry.opened_at_s, entry.amount_minor), opening
            )
        case ObligationStatus.FULFILLED:
            entry.fulfilled_at_s = max(entry.fulfilled_at_s, at_s)
        case ObligationStatus.BREACHED:
            entry.breached_at_s = max(entry.breached_at_s, at_s)
        case _:
            entry.disputed_at_ms, entry.dispute = max(
                (entry.disputed_at_ms, entry.dispute), (at_ms, status)
            )
    if entry.opened_at_s and entry.fulfilled_at_s:
        entry.opened_at_s = entry.amount_minor = entry.fulfilled_at_s = 0
    if not entry.newest_s:
        del contracts[key]
    if len(contracts) > CONTRACTS_MAX:
        _enforce_bound(contracts)


def _enforce_bound(contracts: Contracts) -> None:
    """Over CONTRACTS_MAX drop what is neither open nor breached first, then the oldest."""
    while len(contracts) > CONTRACTS_MAX:
        victim = min(
            contracts.values(),
            key=lambda c: (c.open or bool(c.breached_at_s), c.newest_s, c.contract),
        )
        del contracts[victim.contract]


def standing_breach_months(contracts: Contracts) -> list[int]:
    """Months of the newest undisputed breaches, newest first, 0 for none; BREACHES_MAX long."""
    # Nearly nobody has a breach, and every change of a contract asks.
    breached = [c for c in contracts.values() if c.breached_at_s]
    months = sorted(
        (month_of_s(c.breached_at_s) for c in breached if c.breach_stands), reverse=True
    )
    return (months + [0] * BREACHES_MAX)[:BREACHES_MAX]


def exposure(contracts: Contracts) -> tuple[int, int]:
    """Number of open contracts and the sum of their amounts, both saturating."""
    # As `open` tells, without a call for each.
    amounts = [
        c.amount_minor
        for c in contracts.values()
        if c.opened_at_s and not c.fulfilled_at_s and not c.breached_at_s
    ]
    return min(len(amounts), OPEN_MAX), min(sum(amounts), AMOUNT_MAX)
