"""Grants looked at again: what partners may see of them now, and what changes by that."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.factors.columns import Bool, Int64, UInt8, UInt64
from pipeline.gateway.changes import Changes, Told
from pipeline.gateway.disclose import Visible, digest, visible
from pipeline.gateway.limits import Limits, held_threshold, is_frozen
from pipeline.gateway.rows import KEEP_MS, NEVER_MS
from pipeline.gateway.state import GatewayState
from pipeline.gateway.terms import PolicyTable
from pipeline.gateway.vocabulary import Cause, Kind, ScoreStatus
from pipeline.topics import DAY_MS


@dataclass(frozen=True, slots=True)
class Moment:
    """What grants are held against: the terms, the limits and the time.

    ``now_ms`` ends grants: the wall clock, or event time where that is ahead. ``wall_ms`` is
    what the person is told.
    """

    table: PolicyTable
    limits: Limits
    now_ms: int
    wall_ms: int

    @property
    def day(self) -> int:
        """Days since 1970, by the wall clock: nobody's event time thaws what is frozen."""
        return self.wall_ms // DAY_MS


@dataclass(frozen=True, slots=True)
class _Looked:
    """n grants with everything that decides what is seen of them."""

    rows: NDArray[np.void]
    status: UInt8
    registered: Bool
    in_force: Bool
    ripe: Bool  # another threshold counts from now on
    threshold_due_ms: Int64
    frozen: Bool
    seen: Visible
    digest: UInt64  # 0 where nothing is to be seen


def refresh(
    state: GatewayState, slots: Int64, causes: UInt8, moment: Moment, changes: Changes
) -> None:
    """Look at grants again, in place, and collect what partners and people are told.

    Args:
        state: Holds the grants.
        slots: Which grants, each once.
        causes: Why each is looked at, shape (n,): told to the person if it changes anything.
        moment: What they are held against.
        changes: Takes what there is to write.
    """
    # What was touched first and removed after is no more.
    there = state.grants.rows["layout"][slots] != 0
    slots, causes = slots[there], causes[there]
    if not len(slots):
        return
    moment.table.cover(state.grants.partner_ids)
    before = state.grants.rows[slots]
    looked = _look(state, slots, moment)
    rows = looked.rows
    news = (looked.digest != rows["shown"]) & ~looked.frozen
    show, end = news & (looked.digest != 0), news & (looked.digest == 0)
    causes = _show_causes(causes, looked, moment)
    _note(looked, show, end, moment)
    if end.any():
        _tell(state, slots[end], Kind.ENDED, _end_causes(looked)[end], None, changes)
    if show.any():
        seen = looked.seen.take(show)
        _tell(state, slots[show], Kind.SHOWN, causes[show], seen, changes, rows["sequence"][show])
    changes.counts.thresholds_changed += int((show & looked.ripe).sum())
    state.grants.rows[slots] = rows
    state.grants.due_ms[slots] = _due_ms(looked, moment)
    changes.grants.append(slots[_differ(before, rows)])
    _drop(state, slots[_is_done(rows, moment)], changes)


def unseen_ends(state: GatewayState, slots: Int64, now_ms: int) -> Int64:
    """Which of these grants time has ended, and it is not noted yet."""
    rows = state.grants.rows[slots]
    unseen = rows["ended_seen_ms"] == 0
    _end_by_time(rows, state.people.rows[state.grants.user[slots]], now_ms)
    ended: Int64 = slots[unseen & (rows["ended_seen_ms"] != 0)]
    return ended


def remove(state: GatewayState, slots: Int64, cause: Cause, changes: Changes) -> None:
    """Erase grants; what is shown of them is taken back."""
    shown = slots[state.grants.rows["shown"][slots] != 0]
    if len(shown):
        _tell(state, shown, Kind.ENDED, np.full(len(shown), cause, np.uint8), None, changes)
    _drop(state, slots, changes)


def _look(state: GatewayState, slots: Int64, moment: Moment) -> _Looked:
    grants, people = state.grants, state.people
    rows = grants.rows[slots]
    owner, policy = grants.user[slots], (grants.partner[slots], grants.purpose[slots])
    _end_by_time(rows, people.rows[owner], moment.now_ms)
    scores = people.scores[owner]
    registered, in_force = moment.table.registered[policy], rows["ended_seen_ms"] == 0
    threshold, ripe, due_ms = held_threshold(
        rows, moment.table.threshold[policy], moment.limits, moment.now_ms
    )
    disclosure = np.minimum(rows["disclosure"], moment.table.disclosure[policy])
    seen = visible(scores, disclosure, threshold, rows["expires_at_ms"])
    available = in_force & registered & (scores["status"] == ScoreStatus.SCORED)
    available &= _is_enrolled(people.rows[owner], moment.now_ms)
    available &= people.rows["stale_sequence"][owner] == 0
    # News is held back, but no end, whose cause would show if others passed and it did not,
    # and never that the person wants less to be seen.
    frozen = is_frozen(rows, moment.day) & available
    frozen &= (rows["shown"] == 0) | ~_is_less(seen, rows)
    return _Looked(
        rows=rows,
        status=scores["status"],
        registered=registered,
        in_force=in_force,
        ripe=ripe & available & ~frozen,
        threshold_due_ms=np.where(available, due_ms, NEVER_MS),
        frozen=frozen,
        seen=seen,
        digest=np.where(available, digest(seen, state.texts), np.uint64(0)),
    )


def _is_less(seen: Visible, rows: NDArray[np.void]) -> Bool:
    """Where less is granted than what is shown: less of it, or as much for a shorter time."""
    until, was_until = (
        np.where(ends == 0, NEVER_MS, ends) for ends in (seen.expires_at_ms, rows["shown_until_ms"])
    )
    shorter = (seen.disclosure == rows["shown_disclosure"]) & (until < was_until)
    less: Bool = (seen.disclosure < rows["shown_disclosure"]) | shorter
    return less


def _is_enrolled(people: NDArray[np.void], now_ms: int) -> Bool:
    """Who may be scored: a grant given after SCORING has ended waits for the next enrolment."""
    ends = people["ends_at_ms"]
    enrolled: Bool = (ends == 0) | (ends > np.maximum(people["ended_seen_ms"], now_ms))
    return enrolled


def _end_by_time(rows: NDArray[np.void], people: NDArray[np.void], now_ms: int) -> None:
    """Note which grants have ended, or are in force again, in place."""
    expires, ends = rows["expires_at_ms"], people["ends_at_ms"]
    # A clock that steps back begins nothing again that was seen to end.
    latest_ms = np.maximum(rows["ended_seen_ms"], now_ms)
    lapsed = np.where((expires != 0) & (expires <= latest_ms), expires, NEVER_MS)
    over = (ends != 0) & (ends <= latest_ms) & (rows["at_ms"] <= ends)
    lapsed = np.minimum(lapsed, np.where(over, ends, NEVER_MS))
    ended = np.where(rows["granted"] == 0, rows["at_ms"], lapsed)
    has_ended, seen = ended != NEVER_MS, rows["ended_seen_ms"]
    rows["ended_at_ms"] = np.where(has_ended, ended, 0)
    rows["ended_seen_ms"] = np.where(has_ended, np.where(seen == 0, now_ms, seen), 0)


def _show_causes(causes: UInt8, looked: _Looked, moment: Moment) -> UInt8:
    thawed = (looked.rows["frozen_day"] != 0) & (looked.rows["frozen_day"] < moment.day)
    causes = np.where(thawed, Cause.SCORE, causes)
    return np.where(looked.ripe, Cause.THRESHOLD, causes).astype(np.uint8)


def _end_causes(looked: _Looked) -> UInt8:
    withdrawn = looked.rows["granted"] == 0
    causes = np.select(
        [withdrawn, ~looked.in_force, ~looked.registered, looked.status == ScoreStatus.ABSENT],
        [Cause.WITHDRAWAL, Cause.EXPIRY, Cause.REGISTRY, Cause.ERASURE],
        Cause.SCORE,
    )
    return causes.astype(np.uint8)


def _note(looked: _Looked, show: Bool, end: Bool, moment: Moment) -> None:
    """Keep in the rows what is shown from now on."""
    rows, seen = looked.rows, looked.seen
    rows["shown"] = np.where(show | end, looked.digest, rows["shown"])
    rows["shown_disclosure"] = np.where(show, seen.disclosure, rows["shown_disclosure"])
    rows["shown_until_ms"] = np.where(show, seen.expires_at_ms, rows["shown_until_ms"])
    fresh = (show & (rows["threshold"] == 0)) | looked.ripe
    rows["threshold_at_ms"] = np.where(fresh, moment.now_ms, rows["threshold_at_ms"])
    rows["threshold"] = np.where(fresh, seen.threshold, rows["threshold"])
    # Where it went on after an end it would tell a thin file from an erasure.
    rows["sequence"] = np.where(end, 0, rows["sequence"] + show)
    rows["times_shown"] += show
    first = show & (rows["first_shown_ms"] == 0)
    rows["first_shown_ms"] = np.where(first, moment.wall_ms, rows["first_shown_ms"])
    rows["last_shown_ms"] = np.where(show, moment.wall_ms, rows["last_shown_ms"])
    thawed = (rows["frozen_day"] != 0) & (rows["frozen_day"] < moment.day)
    rows["frozen_day"] = np.where(thawed, 0, rows["frozen_day"])


def _tell(  # noqa: PLR0913 - the columns of a disclosure record
    state: GatewayState,
    slots: Int64,
    kind: Kind,
    causes: UInt8,
    seen: Visible | None,
    changes: Changes,
    sequence: NDArray[np.uint32] | None = None,
) -> None:
    grants = state.grants
    told = Told(
        users=state.people.users(grants.user[slots]),
        partner=grants.partner[slots],
        purpose=grants.purpose[slots],
        subject=grants.rows["subject"][slots],
        kind=kind,
        cause=causes,
        seen=seen,
        sequence=sequence,
    )
    changes.tell(told)


def _due_ms(looked: _Looked, moment: Moment) -> Int64:
    """When time changes something of these grants next."""
    rows = looked.rows
    expires, seen = rows["expires_at_ms"], rows["ended_seen_ms"]
    due = np.where(looked.in_force & (expires != 0), expires, NEVER_MS)
    forgotten = ~looked.in_force & (rows["contracts_open"] == 0)
    due = np.minimum(due, np.where(forgotten, seen + KEEP_MS, NEVER_MS))
    due = np.minimum(due, looked.threshold_due_ms)
    held_back = rows["frozen_day"] >= moment.day
    thaws = (rows["frozen_day"].astype(np.int64) + 1) * DAY_MS
    # Where event time is past the thaw and the clock is not, it is looked at as time goes on.
    thaws = np.maximum(thaws, moment.now_ms + 1)
    due = np.minimum(due, np.where(held_back & looked.in_force, thaws, NEVER_MS))
    return np.asarray(due, np.int64)


def _is_done(rows: NDArray[np.void], moment: Moment) -> Bool:
    ended = (rows["ended_seen_ms"] != 0) & (rows["ended_seen_ms"] + KEEP_MS <= moment.now_ms)
    done: Bool = ended & (rows["contracts_open"] == 0) & (rows["shown"] == 0)
    return done


def _differ(before: NDArray[np.void], after: NDArray[np.void]) -> Bool:
    size = before.dtype.itemsize
    octets = [np.ascontiguousarray(a).view(np.uint8).reshape(-1, size) for a in (before, after)]
    differ: Bool = (octets[0] != octets[1]).any(axis=1)
    return differ


def _drop(state: GatewayState, slots: Int64, changes: Changes) -> None:
    grants = state.grants
    for slot in slots.tolist():
        changes.gone.append(grants.keys[slot] or b"")
        changes.left.append(grants.user[slot : slot + 1].astype(np.int64))
        grants.remove(slot)
