"""Decoded events by column: what the folds take.

In every class all columns have equal length n_events and stand in order of arrival.
``user`` indexes into the rows gathered for the batch; ``occurred_at_ms`` is event time;
``id_hash`` is the low 40 bits of xxh3_64 of the event id, never 0; obligations' ids are their
partners' own: of partner_id, NUL, event_id.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
UInt8 = NDArray[np.uint8]
UInt32 = NDArray[np.uint32]
UInt64 = NDArray[np.uint64]
Bool = NDArray[np.bool_]
Objects = NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class EventColumns:
    """What every input record has."""

    user: Int32
    occurred_at_ms: Int64
    id_hash: UInt64

    def __len__(self) -> int:
        """The number of events."""
        return len(self.user)


@dataclass(frozen=True, slots=True)
class ConsentColumns(EventColumns):
    """Consents; those with scope PARTNER are none of the folds' business."""

    action: UInt8  # ConsentAction
    scope: UInt8  # Scope
    expires_at_ms: Int64  # NO_TIME: no end


@dataclass(frozen=True, slots=True)
class PaymentColumns(EventColumns):
    """Payments."""

    kind: UInt8  # PaymentKind
    due_at_ms: Int64  # NO_TIME: null
    account: UInt32  # xxh3_64 & 0xFFFFFFFF of account_id, never 0 for a real one; 0: null
    balance_minor: Int64  # NO_AMOUNT: null
    limit_minor: Int64  # NO_AMOUNT: null


@dataclass(frozen=True, slots=True)
class ConsumptionColumns(EventColumns):
    """Consumption events; no amounts, as currencies do not add up."""

    kind: UInt8  # ConsumptionKind
    category: UInt8  # Category


@dataclass(frozen=True, slots=True)
class ObligationColumns(EventColumns):
    """Steps in the life of contracts."""

    contract: UInt64  # xxh3_64 of partner_id, NUL, contract_id; never 0
    status: UInt8  # ObligationStatus
    amount_minor: Int64  # NO_AMOUNT: null


@dataclass(frozen=True, slots=True)
class ProfileColumns(EventColumns):
    """Verifications of personal attributes."""

    attribute: UInt8  # Attribute
    status: UInt8  # AttributeStatus
    since_ms: Int64  # NO_TIME: null


@dataclass(frozen=True, slots=True)
class RelationshipColumns(EventColumns):
    """One side's word on a link."""

    other: Objects  # str, the other person's id
    action: UInt8  # RelationshipAction


@dataclass(frozen=True, slots=True)
class PeerSignalColumns(EventColumns):
    """What linked people's partitions report, in the order they sent it."""

    other: Objects  # str, the sender's id
    active: Bool
    base_score: Int32  # tens; -1: unscored
    wants_reply: Bool
    erased: Bool
