"""What enrolling with SCORING, and leaving, means for a person's grants.

A withdrawal erases what the person granted up to its event time. A SCORING grant that has an
end ends the person's grants with it, and erases them once the next enrolment shows that there
was none in between, or when its end has been over for long enough. After either the person
decides about partners anew.

Of two consents the newer by event time decides, as in the pipeline; so since when somebody is
enrolled is remembered. What has ended the pipeline erases at once; here it is known for a while
yet, and an older enrolment that comes late does not bring it back.
"""

import numpy as np

from pipeline.codec.consent_reads import ConsentReads
from pipeline.factors.columns import Bool, Int64
from pipeline.factors.layout import NO_TIME
from pipeline.factors.vocabulary import Scope
from pipeline.gateway.changes import Changes
from pipeline.gateway.rows import KEEP_MS
from pipeline.gateway.showing import remove
from pipeline.gateway.state import GatewayState
from pipeline.gateway.vocabulary import Cause, ScoreStatus

_PEOPLE_MAX = 10_000
"""People for whom time passes in one transaction; the others follow in the next."""


def enrol(
    state: GatewayState, reads: ConsentReads, people: Int64, now_ms: int, changes: Changes
) -> None:
    """Apply the SCORING consents of a batch, in order of arrival.

    Args:
        state: Changed in place.
        reads: The batch's consents, n of them.
        people: Slot of each one's person, shape (n,); -1 for consents of no concern.
        now_ms: The time.
        changes: Takes what ends.
    """
    rows = state.people.rows
    scoring, plain = reads.scope == Scope.SCORING, _is_plain(reads)
    in_turn = rows["ends_at_ms"][people] != 0
    in_turn |= np.isin(people, people[scoring & ~plain])
    _enrol_without_end(state, reads, people, np.flatnonzero(plain & ~in_turn), changes)
    chosen = np.flatnonzero(scoring & in_turn)
    if not len(chosen):
        return
    for slot, at_ms, grants, ends_ms in zip(
        people[chosen].tolist(),
        reads.occurred_at_ms[chosen].tolist(),
        reads.grant[chosen].tolist(),
        reads.expires_at_ms[chosen].tolist(),
        strict=True,
    ):
        former_cut_ms = rows["cut_at_ms"][slot]
        ends_ms = 0 if ends_ms == NO_TIME else ends_ms  # noqa: PLW2901 - as the rows say it
        decides = _decide(rows[slot], at_ms, grants, ends_ms, now_ms)
        if decides and rows["cut_at_ms"][slot] != former_cut_ms:
            _mark_stale(rows[slot], state.people.scores[slot])
    _settle(state, np.unique(people[chosen]), changes)


def follow_scores(state: GatewayState, people: Int64, begun: Int64, changes: Changes) -> None:
    """See whether scores read after an erasure are still of before it.

    The pipeline erases too, but its `null` may come later than the person's next enrolment.
    Until then a score is of before if it goes on from the one held and counts nothing newer
    than what was erased. A `null`, a sequence that starts again or a newer event ends that,
    and so does forgetting the cut: nobody is hidden for longer.

    Args:
        state: Changed in place; holds the new scores.
        people: Slots of those whose score changed or went, each once.
        begun: Slots of those of whom a `null` or a first score was read.
        changes: Takes the rows that changed.
    """
    rows = state.people.rows
    begun = begun[rows["stale_sequence"][begun] != 0]
    rows["stale_sequence"][begun] = 0
    changes.people.append(begun)
    marked = people[state.people.rows["stale_sequence"][people] != 0]
    for slot in marked.tolist():
        row, score = state.people.rows[slot], state.people.scores[slot]
        goes_on = score["sequence"] > row["stale_sequence"]
        row["stale_sequence"] = 0
        if goes_on:
            _mark_stale(row, score)
    if len(marked):
        changes.people.append(marked)


def end_enrolments(state: GatewayState, now_ms: int, changes: Changes) -> None:
    """Let time pass: note what has ended, erase and forget what has been over long enough."""
    people = state.people
    slots = np.flatnonzero(people.due_ms[: len(people.user_at)] <= now_ms)[:_PEOPLE_MAX]
    if not len(slots):
        return
    for slot in slots.tolist():
        row = people.rows[slot]
        if row["ends_at_ms"] and row["ends_at_ms"] <= now_ms:
            if not row["ended_seen_ms"]:
                row["ended_seen_ms"] = now_ms
            elif row["ended_seen_ms"] + KEEP_MS <= now_ms:
                _cut(row, int(row["ends_at_ms"]), now_ms)
                _mark_stale(row, people.scores[slot])
                _forget_enrolment(row)
        if row["cut_at_ms"] and row["cut_seen_ms"] + KEEP_MS <= now_ms:
            row["cut_at_ms"] = row["cut_seen_ms"] = row["stale_sequence"] = 0
    changes.touch(state.grants.of_people(slots), Cause.SCORE)
    _settle(state, slots, changes)


def _is_plain(reads: ConsentReads) -> Bool:
    """Which consents enrol without an end, as nearly all do."""
    plain: Bool = reads.grant & (reads.scope == Scope.SCORING)
    plain &= reads.expires_at_ms == NO_TIME
    return plain


def _enrol_without_end(
    state: GatewayState, reads: ConsentReads, people: Int64, chosen: Int64, changes: Changes
) -> None:
    """Note since when people are enrolled of whom no end is known: grants stay as they are."""
    since = state.people.rows["enrolled_at_ms"]
    slots = np.unique(people[chosen])
    former = since[slots]
    np.maximum.at(since, people[chosen], reads.occurred_at_ms[chosen])
    changed = slots[since[slots] != former]
    state.people.remember(changed)
    changes.people.append(changed)


def _decide(
    row: np.void,
    at_ms: int,
    grants: bool,  # noqa: FBT001 - a column of the consent
    ends_ms: int,
    now_ms: int,
) -> bool:
    """Apply a consent; whether it decides, as it does in the pipeline."""
    known, former_ends = int(row["enrolled_at_ms"]), int(row["ends_at_ms"])
    if at_ms < known:
        # An older enrolment says nothing new; an older withdrawal may still end a grant.
        if not grants:
            _cut(row, at_ms, now_ms)
        return False
    if grants and at_ms == known:
        # Of two of the same time the one that ends first.
        row["ends_at_ms"] = min((end for end in (former_ends, ends_ms) if end), default=0)
        return True
    if not grants:
        _cut(row, at_ms, now_ms)
    elif former_ends and former_ends <= at_ms:
        _cut(row, former_ends, now_ms)
    _forget_enrolment(row)
    if grants:
        row["enrolled_at_ms"], row["ends_at_ms"] = at_ms, ends_ms
    return True


def _cut(row: np.void, at_ms: int, now_ms: int) -> None:
    if at_ms > row["cut_at_ms"]:
        row["cut_at_ms"], row["cut_seen_ms"] = at_ms, now_ms


def _mark_stale(row: np.void, score: np.void) -> None:
    if score["status"] != ScoreStatus.ABSENT and score["as_of_ms"] <= row["cut_at_ms"]:
        row["stale_sequence"] = score["sequence"]


def _forget_enrolment(row: np.void) -> None:
    row["enrolled_at_ms"] = row["ends_at_ms"] = row["ended_seen_ms"] = 0


def _settle(state: GatewayState, slots: Int64, changes: Changes) -> None:
    """Erase what is cut off, and have the rest looked at again."""
    people, grants = state.people, state.grants
    people.remember(slots)
    changes.people.append(slots)
    changes.left.append(slots)
    theirs = grants.of_people(slots)
    cut = grants.rows["at_ms"][theirs] <= people.rows["cut_at_ms"][grants.user[theirs]]
    remove(state, theirs[cut], Cause.ERASURE, changes)
    changes.touch(theirs[~cut], Cause.GRANT)
