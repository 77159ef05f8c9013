"""Which events are folded: covered by consent, not from the future, not too late, not repeats.

Decided as if events came one at a time: an event is too late against the newest accepted
event that arrived before it, and a repeat if its id was remembered when it arrived. People
without any repeat in the batch are decided by column; the few others one by one.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np

from pipeline.factors import dedupe
from pipeline.factors.columns import Bool, EventColumns, Int64, UInt8, UInt64
from pipeline.factors.months import SECOND_MAX, month_of_s
from pipeline.factors.state import Arrivals

_DAY_S = 86_400
_FIRST_MONTH = 1
"""Month 0 stands for none in rows."""
_UNREACHABLE = 1 << 20
"""A reach in months that no event is beyond."""


class Outcome(IntEnum):
    """What became of an event."""

    APPLIED = 0
    NOT_COVERED = 1
    DUPLICATE = 2
    TOO_LATE = 3
    FUTURE = 4


@dataclass(frozen=True, slots=True)
class Policy:
    """How far behind and ahead events may be."""

    lateness_days: int = 31
    future_ms: int = _DAY_S * 1000

    @property
    def lateness_s(self) -> int:
        """The allowed lateness in seconds."""
        return self.lateness_days * _DAY_S


@dataclass(slots=True)
class Clock:
    """A topic's newest accepted event and memory per person, as columns of a batch.

    ``newest_s`` (n_users,) and ``memory`` (n_users, length) are advanced by ``admit``;
    ``memory`` is None for topics whose folds do not mind repeats, ``reach`` None for
    those without tiles.
    """

    newest_s: Int64
    reach: int | None = None
    memory: UInt64 | None = None


@dataclass(frozen=True, slots=True)
class Admitted:
    """The accepted events, by user and within a user in order of arrival.

    ``outcomes`` (n_events,) is in the order of the batch; ``index`` points into it;
    ``user``, ``second`` and ``month`` stand beside ``index``. Heads are months (n_users,).
    """

    outcomes: UInt8
    index: Int64
    user: Int64
    second: Int64
    month: Int64
    old_head: Int64
    new_head: Int64

    def __len__(self) -> int:
        """The number of accepted events."""
        return len(self.index)


def future(arrivals: Arrivals[Any], policy: Policy) -> Bool:
    """Which events (n_events,) lie further ahead of their record than allowed."""
    at = arrivals.columns.occurred_at_ms
    ahead: Bool = (at > arrivals.kafka_timestamp_ms + policy.future_ms) | (at // 1000 > SECOND_MAX)
    return ahead


def admit(
    arrivals: Arrivals[Any],
    covered: Bool,
    clock: Clock,
    policy: Policy,
) -> Admitted:
    """Decide a topic's events and advance its clock in place.

    Args:
        arrivals: Events in order of arrival.
        covered: Whose consent covers the topic, (n_users,).
        clock: The topic's clock of these users.
        policy: The allowed lateness and lead.
    """
    events: EventColumns = arrivals.columns
    old_head = month_of_s(clock.newest_s)
    outcomes = np.zeros(len(events), np.uint8)
    outcomes[future(arrivals, policy)] = Outcome.FUTURE
    outcomes[~covered[events.user]] = Outcome.NOT_COVERED
    live = (outcomes == Outcome.APPLIED).nonzero()[0]
    order = live[_by_user(events.user[live], len(covered))]
    user = events.user[order].astype(np.int64)
    second = np.maximum(events.occurred_at_ms[order] // 1000, 0)
    month = month_of_s(second)
    verdict = _lateness(user, second, month, clock, policy)
    if clock.memory is not None and len(order):
        id_hash = events.id_hash[order]
        repeating = dedupe.may_repeat(clock.memory, user, id_hash)
        if repeating.any():
            _one_by_one(repeating, (user, second, month, id_hash, verdict), clock, policy)
        fast = (verdict == Outcome.APPLIED) & ~repeating[user]
        dedupe.remember(clock.memory, user[fast], dedupe.entries_of(second, id_hash)[fast])
    outcomes[order] = verdict
    kept = (verdict == Outcome.APPLIED).nonzero()[0]
    np.maximum.at(clock.newest_s, user[kept], second[kept])
    return Admitted(
        outcomes=outcomes,
        index=order[kept],
        user=user[kept],
        second=second[kept],
        month=month[kept],
        old_head=old_head,
        new_head=month_of_s(clock.newest_s),
    )


def _by_user(user: np.ndarray[Any, Any], people: int) -> Int64:
    """A stable order by user; numpy sorts 16-bit integers by radix."""
    narrow = user.astype(np.uint16) if people <= 1 << 16 else user
    return np.argsort(narrow, kind="stable")


def _lateness(user: Int64, second: Int64, month: Int64, clock: Clock, policy: Policy) -> UInt8:
    """Outcomes APPLIED or TOO_LATE against each user's running newest event.

    An event that is itself too late never raises the running maximum, so all events may
    enter it. Within the key the user stands above the 32 bits of seconds, which makes one
    running maximum over everybody start afresh at each user.
    """
    key = user << 32 | np.maximum(second, clock.newest_s[user])
    running = np.maximum.accumulate(key) & SECOND_MAX
    late = (second < running - policy.lateness_s) | (month < _FIRST_MONTH)
    if clock.reach is not None:
        late |= month <= month_of_s(running) - clock.reach
    return np.where(late, Outcome.TOO_LATE, Outcome.APPLIED).astype(np.uint8)


def _one_by_one(
    repeating: Bool,
    columns: tuple[Int64, Int64, Int64, UInt64, UInt8],
    clock: Clock,
    policy: Policy,
) -> None:
    """Decide the events of the repeating users in sequence; writes verdicts and memories."""
    user, second, month, id_hash, verdict = columns
    memory = clock.memory
    if memory is None:
        return
    reach = _UNREACHABLE if clock.reach is None else clock.reach
    people = np.flatnonzero(repeating).tolist()
    known = {
        u: _Known(int(clock.newest_s[u]), [e for e in memory[u].tolist() if e]) for u in people
    }
    chosen = np.flatnonzero(repeating[user])
    hashes = id_hash & np.uint64(dedupe.HASH_MASK)
    events = zip(*(c[chosen].tolist() for c in (user, second, month, hashes)), strict=True)
    decided: list[Outcome] = []
    for u, s, m, h in events:
        one = known[u]
        if s < one.newest_s - policy.lateness_s or m <= one.head - reach or m < _FIRST_MONTH:
            decided.append(Outcome.TOO_LATE)
        elif any(entry & dedupe.HASH_MASK == h for entry in one.entries):
            decided.append(Outcome.DUPLICATE)
        else:
            decided.append(Outcome.APPLIED)
            one.accept(s, m, dedupe.entry_of(s, h), memory.shape[1])
    verdict[chosen] = decided
    for u, one in known.items():
        memory[u, : len(one.entries)] = one.entries


class _Known:
    """What one person's decisions hang on: newest event and memory."""

    __slots__ = ("entries", "head", "newest_s")

    def __init__(self, newest_s: int, entries: list[int]) -> None:
        self.newest_s = newest_s
        self.head = month_of_s(newest_s)
        self.entries = entries

    def accept(self, second: int, month: int, entry: int, length: int) -> None:
        """Move on by an accepted event."""
        self.newest_s = max(self.newest_s, second)
        self.head = max(self.head, month)
        self.entries = sorted([*self.entries, entry], reverse=True)[:length]
