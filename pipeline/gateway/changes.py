"""What a batch is going to write, collected while it is worked on."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.factors.columns import Int32, Int64, UInt8
from pipeline.gateway.disclose import Visible
from pipeline.gateway.keyring import Subjects
from pipeline.gateway.vocabulary import Cause, Kind
from pipeline.streaming.records import Header

Message = tuple[bytes | None, bytes | None, tuple[Header, ...]]
"""Key, value and headers of a record to write."""


@dataclass(frozen=True, slots=True)
class Told:
    """Disclosure records of one kind, n of them; ``seen`` is what was shown, if anything."""

    users: list[str]
    partner: Int32
    purpose: UInt8
    subject: Subjects
    kind: Kind
    cause: NDArray[np.integer]
    seen: Visible | None = None
    sequence: NDArray[np.integer] | None = None

    def __len__(self) -> int:
        """The number of records."""
        return len(self.users)


@dataclass(slots=True)
class Counts:
    """Numbers of what a batch did, for the metrics.

    ``records`` by kind (consents, scores, outcomes, enquiries) and what became of them: applied,
    refused, forwarded, or the reason of the dead letter. ``told`` by kind and cause.
    """

    records: Counter[tuple[str, str]] = field(default_factory=Counter)
    told: Counter[tuple[str, str]] = field(default_factory=Counter)
    thresholds_changed: int = 0
    subjects_made_anew: int = 0
    consents_beyond_limit: int = 0


@dataclass(slots=True)
class Changes:
    """Rows to write and records to send.

    ``grants`` and ``people`` are slots whose rows changed, ``left`` those of people of whom
    nothing may be left; ``gone`` are names of grants that are no more. What ``told`` says was
    SHOWN or ENDED is also what goes to the partners.
    """

    grants: list[Int64] = field(default_factory=list)
    people: list[Int64] = field(default_factory=list)
    left: list[Int64] = field(default_factory=list)
    contracts: set[int] = field(default_factory=set)
    aliases: set[int] = field(default_factory=set)
    gone: list[bytes] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    inbox: list[tuple[int, Message]] = field(default_factory=list)
    obligations: list[dict[str, object]] = field(default_factory=list)
    dead_letters: list[Message] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    touched: list[tuple[Int64, Cause]] = field(default_factory=list)
    """Grants to be looked at again, and why."""

    def touch(self, slots: Int64, cause: Cause) -> None:
        """Have grants looked at again at the end of the batch."""
        if len(slots):
            self.touched.append((slots, cause))

    def tell(self, told: Told) -> None:
        """Have people told."""
        self.told.append(told)
        for cause, number in enumerate(np.bincount(told.cause).tolist()):
            self.counts.told[told.kind.name, Cause(cause).name] += number

    def take_touched(self) -> tuple[Int64, UInt8]:
        """The grants to be looked at, each once, and why: of several causes the first touch's."""
        if not self.touched:
            return np.zeros(0, np.int64), np.zeros(0, np.uint8)
        touched, self.touched = self.touched, []
        slots = np.concatenate([slots for slots, _ in touched])
        causes = np.repeat(
            np.array([cause for _, cause in touched], np.uint8),
            [len(slots) for slots, _ in touched],
        )
        distinct, first = np.unique(slots, return_index=True)
        return distinct, causes[first]
