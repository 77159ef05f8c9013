"""What rentals and loans have in common: moves from state to state, and what they report.

Pure: times come in, values go out. Times are milliseconds since 1970 by the wall clock, and
within a contract every move is later than the one before it, whatever the clock does: whoever
reads the reports orders them by time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from pipeline.partners.vocabulary import ContractStatus

DAY_MS = 86_400_000
EVIDENCE_CHARS_MAX = 4096
"""Most characters of evidence in a report."""


class Actor(StrEnum):
    """Who made a move."""

    CUSTOMER = "CUSTOMER"
    STAFF = "STAFF"
    CLOCK = "CLOCK"
    SERVICE = "SERVICE"


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a contract's history: its status from then on, and why, in words."""

    at_ms: int
    status: str
    actor: Actor
    text: str


@dataclass(frozen=True, slots=True)
class Report:
    """A step that is reported to the person's obligations; BREACHED has evidence."""

    status: ContractStatus
    occurred_at_ms: int
    amount_minor: int | None = None
    due_at_ms: int | None = None
    evidence: str | None = None


class Contract(Protocol):
    """What the shared parts of the services know of a rental or a loan."""

    @property
    def id(self) -> str:
        """Its id, which is the contract's id in reports too."""

    @property
    def subject(self) -> str:
        """The person's pseudonym at this partner."""

    @property
    def status(self) -> str:
        """Where it stands."""

    @property
    def changed_at_ms(self) -> int:
        """When it last moved."""

    @property
    def acts_at_ms(self) -> int | None:
        """When time alone moves it on; None: never."""


C = TypeVar("C", bound=Contract)


@dataclass(frozen=True, slots=True)
class Moved(Generic[C]):
    """A contract after a move, its line of history, and what is reported of it, if anything."""

    contract: C
    entry: Entry
    report: Report | None = None


Move = Callable[[C, int], Moved[C]]
"""A move to be made at a time in ms."""


class NotAllowedError(Exception):
    """The contract is not in a state that allows this."""

    def __init__(self, action: str, status: str, why: str = "") -> None:
        super().__init__(f"{action} is not possible while it is {status}" + (why and f": {why}"))
        self.action = action
        self.status = status


def next_ms(contract: Contract, now_ms: int) -> int:
    """The time of the contract's next move: now, and after the last one."""
    return max(now_ms, contract.changed_at_ms + 1)


def is_due(contract: Contract, now_ms: int) -> bool:
    """Whether time alone moves the contract on."""
    return contract.acts_at_ms is not None and contract.acts_at_ms <= now_ms


def evidence(*parts: str) -> str:
    """Evidence from its parts, cut to what a report may hold."""
    whole = "; ".join(part for part in parts if part)
    return whole if len(whole) <= EVIDENCE_CHARS_MAX else whole[: EVIDENCE_CHARS_MAX - 1] + "…"


def said(what: str, words: str) -> str:
    """A sentence, and what somebody said to it, if anything."""
    return f"{what} {words}" if words else what


def day(at_ms: int) -> str:
    """The UTC day of a time.

    >>> day(0)
    '1970-01-01'
    """
    return datetime.fromtimestamp(at_ms / 1000, UTC).date().isoformat()
