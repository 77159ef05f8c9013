"""The state of the people in a batch, gathered from their partition."""

from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.factors.columns import Bool, EventColumns, Int64
from pipeline.factors.layout import FACTOR_ROW, LEDGER_ROW
from pipeline.factors.vocabulary import Scope

Rows = NDArray[Any]
"""Structured array of FACTOR_ROW or LEDGER_ROW."""


def chosen_rows(rows: Rows, chosen: Int64) -> Rows:
    """Some of the rows; numpy would move them field by field if it knew their fields."""
    opaque = rows.view(f"V{rows.dtype.itemsize}")
    picked: Rows = opaque[chosen].view(rows.dtype)
    return picked


Columns = TypeVar("Columns", bound=EventColumns)


@dataclass(frozen=True, slots=True)
class Arrivals(Generic[Columns]):
    """One topic's events of a batch; timestamps (n_events,) are the Kafka records'."""

    columns: Columns
    kafka_timestamp_ms: Int64

    def __len__(self) -> int:
        """The number of events."""
        return len(self.columns)


@dataclass(slots=True)
class BatchState:
    """Gathered copies that a fold changes in place; position i of each is one person.

    ``rows`` (n,) of FACTOR_ROW, ``ledgers`` (n,) of LEDGER_ROW, ``contracts`` and ``links``
    packed lists. A person nobody knows yet has zero rows and empty lists; ``layout`` is
    zero until the first grant.
    """

    users: list[str]
    rows: Rows
    ledgers: Rows
    contracts: list[bytes]
    links: list[bytes]

    @classmethod
    def empty(cls, users: list[str]) -> "BatchState":
        """The state of people of whom nothing is known."""
        return cls(
            users=users,
            rows=np.zeros(len(users), FACTOR_ROW),
            ledgers=np.zeros(len(users), LEDGER_ROW),
            contracts=[b""] * len(users),
            links=[b""] * len(users),
        )

    def copy(self) -> "BatchState":
        """A copy that shares nothing that a fold changes."""
        return BatchState(
            self.users,
            _copied(self.rows),
            _copied(self.ledgers),
            list(self.contracts),
            list(self.links),
        )

    def covered(self, scope: Scope) -> Bool:
        """Who grants both scoring and ``scope``, (n,)."""
        needed = 1 << Scope.SCORING | 1 << scope
        covered: Bool = (self.rows["consent_mask"] & needed) == needed
        return covered

    def differs_from(self, before: "BatchState") -> Bool:
        """Whose row, ledger, contracts or links differ from ``before``, (n,)."""
        differs = _rows_differ(self.rows, before.rows) | _rows_differ(self.ledgers, before.ledgers)
        for now, then in ((self.contracts, before.contracts), (self.links, before.links)):
            if now != then:
                differs |= np.array([a != b for a, b in zip(now, then, strict=True)], np.bool_)
        return differs


@dataclass(frozen=True, slots=True)
class Signal:
    """What a person's side of a link tells the other; the shell adds the base score.

    ``erased`` asks the other side to keep nothing of the sender.
    """

    sender: str
    receiver: str
    active: bool
    wants_reply: bool
    erased: bool = False


@dataclass(slots=True)
class Effects:
    """What a fold causes beside the new state."""

    erased: Bool  # (n,) erased at some point, even if enrolled again since
    signals: list[Signal] = field(default_factory=list)

    @classmethod
    def none(cls, people: int) -> "Effects":
        """No effects on so many people."""
        return cls(erased=np.zeros(people, np.bool_))


def _copied(rows: Rows) -> Rows:
    copied: Rows = rows.view(f"V{rows.dtype.itemsize}").copy().view(rows.dtype)
    return copied


def _rows_differ(rows: Rows, others: Rows) -> Bool:
    width = rows.dtype.itemsize
    left = rows.view(np.uint8).reshape(-1, width)
    differs: Bool = (left != others.view(np.uint8).reshape(-1, width)).any(axis=1)
    return differs
