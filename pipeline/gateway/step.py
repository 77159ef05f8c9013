"""One batch of one partition: from fetched records to everything that is to be written.

No I/O, so tests run the very same step. The state is changed in place: if what comes of it is
not committed, the state must be restored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from pipeline import topics
from pipeline.codec.consent_reads import ConsentReads, decode_consents
from pipeline.factors.columns import Int64
from pipeline.factors.vocabulary import Scope
from pipeline.gateway import changelog
from pipeline.gateway.changes import Changes, Counts
from pipeline.gateway.context import GatewayContext
from pipeline.gateway.decisions import decide
from pipeline.gateway.enrolment import end_enrolments, enrol, follow_scores
from pipeline.gateway.following import follow
from pipeline.gateway.letters import Origin, refuse
from pipeline.gateway.limits import Limits
from pipeline.gateway.outcomes import ended_unseen, settle
from pipeline.gateway.reports import forward, report_of
from pipeline.gateway.rotation import rekey
from pipeline.gateway.sends import lay_out
from pipeline.gateway.showing import Moment, refresh
from pipeline.gateway.state import GatewayState
from pipeline.gateway.terms import PolicyTable
from pipeline.gateway.vocabulary import Cause
from pipeline.streaming.changelog import POSITION_KEY
from pipeline.streaming.columnar import key_column, timestamps_of, values_of
from pipeline.streaming.flow import Send
from pipeline.streaming.position import Position
from pipeline.streaming.records import Record

_CONCERNING = (Scope.SCORING, Scope.PARTNER)
_NOBODY = -1
_DUE_GRANTS_MAX = 20_000
"""Grants that time changes in one transaction; the others follow in the next."""


@dataclass(frozen=True, slots=True)
class Output:
    """What a batch writes, and where the partition stands once it is committed."""

    sends: list[Send]
    position: Position
    counts: Counts = field(default_factory=Counts)

    def naming(self, transactional_id: str) -> "Output":
        """The same with another producer named beside the owner's."""
        if transactional_id == self.position.transactional_id:
            return self
        position = replace(self.position, transactional_id=transactional_id)
        rows, *others = self.sends
        *before, _ = rows.records  # its last is the position
        named = replace(rows, records=[*before, (POSITION_KEY, position.encode(), ())])
        return replace(self, sends=[named, *others], position=position)


def apply(
    state: GatewayState,
    records: Mapping[str, Sequence[Record]],
    position: Position,
    context: GatewayContext,
    table: PolicyTable,
) -> Output:
    """Apply fetched records: consents first, then scores, then what partners report.

    Args:
        state: Changed in place.
        records: By topic (without prefix), none of them applied before.
        position: Where the partition stood before.
        context: What it works with.
        table: The terms in force.

    Raises:
        RegistryError: The schema registry cannot answer.
    """
    changes, after = Changes(), position.copy()
    for topic, taken in records.items():
        after.applied[topic] = taken[-1].offset
    if consents := records.get(topics.CONSENTS.name):
        _consents(state, consents, after, context, changes)
    if scores := records.get(topics.SCORES.name):
        _scores(state, scores, after, context, changes)
    moment = moment_of(after, context, table)
    _let_time_pass(state, moment, changes)
    inbox = records.get(topics.GATEWAY_INBOX.name, ())
    changes.touch(ended_unseen(state, inbox, moment.now_ms), Cause.SCORE)
    refresh(state, *changes.take_touched(), moment, changes)
    for topic, reports in records.items():
        if report_of(topic):
            forward(topic, reports, context, changes)
    if inbox:
        settle(state, inbox, context, moment, changes)
    return _finish(state, after, moment, context, changes)


def review(  # noqa: PLR0913 - what grants are held against, and why
    state: GatewayState,
    slots: Int64,
    position: Position,
    context: GatewayContext,
    table: PolicyTable,
    rescored: Int64 | None = None,
) -> Output:
    """Look at some grants again because terms or keys were exchanged or time has passed.

    Args:
        state: Changed in place.
        slots: Grants that may be shown differently now; what is due is looked at too.
        position: Where the partition stands.
        context: What it works with.
        table: The terms in force.
        rescored: Grants whose news is the score's, see `catch_up`.
    """
    changes = Changes()
    moment = moment_of(position, context, table)
    rekey(state, slots, context.keyring, changes)
    if rescored is not None:
        changes.touch(np.intersect1d(slots, rescored), Cause.SCORE)
    changes.touch(slots, Cause.REGISTRY)
    _let_time_pass(state, moment, changes)
    return _finish(state, position.copy(), moment, context, changes)


def catch_up(
    state: GatewayState, records: Sequence[Record], position: Position, context: GatewayContext
) -> tuple[Output, Int64]:
    """Follow scores that came while nobody was there, before any grant is looked at.

    Compaction may have taken what was below the position: until all of `scores` is followed,
    people look erased who are not.

    Args:
        state: Changed in place.
        records: Of `scores`, none of them applied before.
        position: Where the partition stood before.
        context: What it works with.

    Returns:
        What is to be written, and the grants that are to be looked at.
    """
    changes, after = Changes(), position.copy()
    after.applied[topics.SCORES.name] = records[-1].offset
    _scores(state, records, after, context, changes)
    rescored, _ = changes.take_touched()
    return _written(state, after, context, changes), rescored


def renew(
    state: GatewayState, grants: Int64, people: Int64, position: Position, context: GatewayContext
) -> Output:
    """Write all of grants and people as it is, in the current layouts.

    Args:
        state: Stays as it is.
        grants: Slots, free ones among them maybe.
        people: Likewise.
        position: Where the partition stands.
        context: What it works with.
    """
    slots = set(grants.tolist())
    users = state.people.user_at
    changes = Changes(
        grants=[grants],
        people=[np.array([slot for slot in people.tolist() if users[slot]], np.int64)],
        contracts=slots & state.grants.contracts.keys(),
        aliases=slots & state.grants.aliases.keys(),
    )
    return _written(state, position.copy(), context, changes)


def nothing(position: Position, context: GatewayContext) -> Output:
    """An output that only writes the position again: proof that the partition is ours."""
    empty = GatewayState()
    written = changelog.entries(empty, Changes(), position)
    return Output(lay_out(empty, Changes(), written, context), position)


def moment_of(position: Position, context: GatewayContext, table: PolicyTable) -> Moment:
    """The present: the wall clock, or event time where that is ahead."""
    wall_ms = context.clock_ms()
    now_ms = max(wall_ms, position.watermark_ms)
    return Moment(table, Limits.of(context.settings), now_ms, wall_ms)


def _consents(
    state: GatewayState,
    records: Sequence[Record],
    after: Position,
    context: GatewayContext,
    changes: Changes,
) -> None:
    reads = decode_consents(
        key_column(records), values_of(records), timestamps_of(records), context.registry
    )
    newest_ms = int(reads.occurred_at_ms.max(initial=0))
    after.watermark_ms = max(after.watermark_ms, newest_ms)
    people = _people(state, reads)
    now_ms = max(context.clock_ms(), after.watermark_ms)
    enrol(state, reads, people, now_ms, changes)
    decide(state, reads, people, context.keyring, changes)
    changes.left.append(people[people != _NOBODY])
    changes.counts.records["consents", "applied"] += len(reads)
    # The pipeline sends them to the dead letters.
    changes.counts.records["consents", "refused"] += reads.refused


def _people(state: GatewayState, reads: ConsentReads) -> Int64:
    """The slot of each consent's person; -1 where nothing of it is to be remembered."""
    people = np.full(len(reads), _NOBODY, np.int64)
    kept = np.flatnonzero(np.isin(reads.scope, _CONCERNING))
    people[kept] = state.people.slots_or_new([reads.users[at] for at in kept.tolist()])
    return people


def _scores(
    state: GatewayState,
    records: Sequence[Record],
    after: Position,
    context: GatewayContext,
    changes: Changes,
) -> None:
    followed = follow(state, records, context.registry)
    after.watermark_ms = max(after.watermark_ms, followed.newest_ms)
    for poison in followed.poison:
        origin = Origin.of(topics.SCORES.name, context.partition, records[poison.index])
        refuse(origin, poison.reason, poison.error, context, changes)
    people = followed.people
    follow_scores(state, people, followed.begun, changes)
    changes.touch(state.grants.of_people(people), Cause.SCORE)
    changes.left.append(people)
    changes.counts.records["scores", "applied"] += len(records) - len(followed.poison)


def _let_time_pass(state: GatewayState, moment: Moment, changes: Changes) -> None:
    end_enrolments(state, moment.now_ms, changes)
    grants = state.grants
    due = np.flatnonzero(grants.due_ms[: grants.slots_end] <= moment.now_ms)
    changes.touch(due[:_DUE_GRANTS_MAX], Cause.SCORE)


def _finish(
    state: GatewayState,
    position: Position,
    moment: Moment,
    context: GatewayContext,
    changes: Changes,
) -> Output:
    refresh(state, *changes.take_touched(), moment, changes)
    return _written(state, position, context, changes)


def _written(
    state: GatewayState, position: Position, context: GatewayContext, changes: Changes
) -> Output:
    written = changelog.entries(state, changes, position)
    sends = lay_out(state, changes, written, context)
    if changes.left:
        state.people.release(np.concatenate(changes.left))
    return Output(sends, position, changes.counts)
