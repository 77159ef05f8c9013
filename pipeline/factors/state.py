"""The state of the people in a batch, gathered from their partition."""

from collections.abc import Sequence
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

    def part(self, start: int, end: int) -> "BatchState":
        """Those of the people at ``start`` and on, before ``end``; rows are not copied."""
        if (start, end) == (0, len(self.users)):
            return self
        return BatchState(
            self.users[start:end],
            self.rows[start:end],
            self.ledgers[start:end],
            self.contracts[start:end],
            self.links[start:end],
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


def joined(states: Sequence[BatchState]) -> BatchState:
    """The people of several states, one after the other."""
    if len(states) == 1:
        return states[0]
    return BatchState(
        [user for state in states for user in state.users],
        _concatenated([state.rows for state in states]),
        _concatenated([state.ledgers for state in states]),
        [packed for state in states for packed in state.contracts],
        [packed for state in states for packed in state.links],
    )


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


def _concatenated(parts: Sequence[Rows]) -> Rows:
    opaque = [rows.view(f"V{rows.dtype.itemsize}") for rows in parts]
    rows: Rows = np.concatenate(opaque).view(parts[0].dtype)
    return rows


def _rows_differ(rows: Rows, others: Rows) -> Bool:
    width = rows.dtype.itemsize
    left = rows.view(np.uint8).reshape(-1, width)
    differs: Bool = (left != others.view(np.uint8).reshape(-1, width)).any(axis=1)
    return differs
