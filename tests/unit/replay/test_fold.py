"""A partition as a lane folds it, and folded again from its journal and its records."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import topics
from pipeline.archive.files import ArchivedRecord
from pipeline.codec.encode import encode_records
from pipeline.codec.registry import FileRegistry, UnknownSchemaError
from pipeline.dev.simulator import Spec, simulate
from pipeline.dev.simulator.traffic import Mistakes, Traffic
from pipeline.factors.fold import Policy
from pipeline.factors.layout import FACTOR_ROW
from pipeline.factors.months import month_of_ms
from pipeline.replay.fold import CutError, ForgottenSchemaError, fold_cut, ranges
from pipeline.scoring.model import load_model
from pipeline.streaming import step
from pipeline.streaming.arrivals import decode
from pipeline.streaming.journal import Entry, Kind
from pipeline.streaming.output import Output
from pipeline.streaming.position import Position
from pipeline.streaming.records import Record
from pipeline.streaming.store import PartitionStore

CONTEXT = step.StepContext(FileRegistry(), load_model("default@1"), Policy(), 0, 1, "")
END_MS = 1_793_000_000_000


@cache
def inputs() -> list[tuple[str, ArchivedRecord]]:
    """A population's records with their topics, in order of arrival."""
    spec = Spec(people=40, months=8, end_ms=END_MS, withdrawal_rate=0.3)
    mistakes = Mistakes(bad_share=0.01, repeat_share=0.02)
    traffic = Traffic(simulate(spec.for_events(2_000)), CONTEXT.registry, mistakes)
    offsets: dict[str, int] = {}
    found = []
    for chunk in traffic.chunks():
        for sent in chunk.records:
            offset = offsets[sent.topic.name] = offsets.get(sent.topic.name, -1) + 1
            record = ArchivedRecord(offset, END_MS, sent.key, sent.value, ())
            found.append((sent.topic.name, record))
    return found


class LiveLane:
    """Applies batches as a lane does and keeps what its journal says."""

    def __init__(self) -> None:
        self.store, self.position = PartitionStore(), Position()
        self.journal: list[Entry] = []

    def apply(
        self, records: list[tuple[str, ArchivedRecord]], context: step.StepContext = CONTEXT
    ) -> None:
        by_topic: dict[str, list[Record]] = {}
        for name, record in records:
            by_topic.setdefault(name, []).append(record)
        folded = step.fold(self.store, decode(by_topic, context.registry), self.position, context)
        self._commit(step.finish(folded, self.position, context))

    def sweep(self, people: int) -> None:
        """Score everybody again, in transactions of so many."""
        for users in self.store.chunks(people):
            self.sweep_people(users)
        self.position.swept_month = int(month_of_ms(self.position.watermark_ms))

    def sweep_people(self, users: list[str]) -> None:
        self._commit(step.sweep(self.store, users, self.position, CONTEXT))

    def _commit(self, output: Output) -> None:
        for user in output.erased:
            self.store.remove(user)
        self.store.scatter(output.state, output.changed)
        self.position = output.position
        self.journal.append(Entry(output.kind, output.position.copy(), output.refused))


def replayed(
    journal: list[Entry], sent: list[tuple[str, ArchivedRecord]] | None = None
) -> PartitionStore:
    by_topic: dict[str, list[Record]] = {}
    for name, record in sent or inputs():
        by_topic.setdefault(name, []).append(record)
    store, before = PartitionStore(), Position()
    for entry in journal:
        cut = ranges(before, entry)
        records = {name: by_topic[name][span.start : span.stop] for name, span in cut.items()}
        fold_cut(store, before, entry, records, CONTEXT)
        before = entry.position
    return store


def people(store: PartitionStore) -> dict[str, tuple[bytes, ...]]:
    """Everything kept of everybody but what was published."""
    found: dict[str, tuple[bytes, ...]] = {}
    for users in store.chunks(1_000):
        state = store.gather(users)
        state.rows["published"] = np.zeros((), FACTOR_ROW["published"])
        for i, user in enumerate(users):
            lists = (state.contracts[i], state.links[i])
            found[user] = (state.rows[i].tobytes(), state.ledgers[i].tobytes(), *lists)
    return found


@settings(max_examples=8, deadline=None)
@given(
    st.lists(st.integers(1, 700), min_size=4, max_size=30),
    st.sets(st.integers(0, 30), min_size=1, max_size=5),
    st.integers(5, 50),
)
def test_whatever_the_cuts_the_replay_has_the_lanes_people_byte_for_byte(
    sizes: list[int], sweeps: set[int], chunk: int
) -> None:
    lane, left = LiveLane(), inputs()
    for number, size in enumerate([*sizes, len(left)]):
        if left:
            lane.apply(left[:size])
            left = left[size:]
        if number in sweeps:
            lane.sweep(chunk)
    again = replayed(lane.journal)
    assert len(again) > 10
    assert people(again) == people(lane.store)


def consents(*given: tuple[str, str, int, int | None]) -> list[tuple[str, ArchivedRecord]]:
    """Grants: who gives which scope, when, and when it ends."""
    fields: list[dict[str, Any]] = [
        {
            "event_id": f"{user}-{scope}-{at_ms}",
            "user_id": user,
            "occurred_at": at_ms,
            "action": "GRANT",
            "scope": scope,
            "expires_at": ends_ms,
            "notice_version": "1",
        }
        for user, scope, at_ms, ends_ms in given
    ]
    values = encode_records(topics.CONSENTS.subject, fields, CONTEXT.registry)
    return [
        (topics.CONSENTS.name, ArchivedRecord(offset, END_MS, grant[0].encode(), value, ()))
        for offset, (grant, value) in enumerate(zip(given, values, strict=True))
    ]


def test_a_consent_renewed_between_two_chunks_of_a_sweep_has_ended_in_both_ways_of_folding() -> (
    None
):
    hour = 3_600_000
    begun = END_MS - 9 * hour
    sent = consents(
        ("ann", "SCORING", begun, None),
        ("bob", "SCORING", begun, begun + hour),
        ("bob", "IDENTITY", begun, None),
        ("bob", "SCORING", begun + hour - 1, None),
    )
    lane = LiveLane()
    lane.apply(sent[:3])
    lane.position.watermark_ms = begun + 2 * hour
    ann, bob = lane.store.chunks(1)
    lane.sweep_people(ann)
    lane.apply(sent[3:])
    lane.sweep_people(bob)

    live = people(lane.store)
    assert live.keys() == {"ann", "bob"}
    assert people(replayed(lane.journal, sent)) == live


class FewSchemas(FileRegistry):
    """Knows no schema that has not been registered with it."""

    registered = False

    def schema(self, schema_id: int) -> str:
        if not self.registered:
            raise UnknownSchemaError(f"no schema has id {schema_id}")
        return super().schema(schema_id)


def test_what_was_refused_is_not_folded_although_its_schema_is_known_by_now() -> None:
    sent = consents(("ann", "SCORING", END_MS, None))
    lane = LiveLane()
    lane.apply(sent, replace(CONTEXT, registry=FewSchemas()))
    assert people(lane.store) == {}
    assert people(replayed(lane.journal, sent)) == {}
    # And sent back, it is folded once.
    again = [*sent, (sent[0][0], replace(sent[0][1], offset=1))]
    lane.apply(again[1:])
    assert people(lane.store).keys() == {"ann"}
    assert people(replayed(lane.journal, again)) == people(lane.store)


def test_what_was_folded_and_cannot_be_read_now_is_missed() -> None:
    sent = consents(("ann", "SCORING", END_MS, None))
    lane = LiveLane()
    lane.apply(sent)
    unknowing = replace(CONTEXT, registry=FewSchemas())
    with pytest.raises(ForgottenSchemaError, match="consents, offset 0, was applied"):
        fold_cut(
            PartitionStore(),
            Position(),
            lane.journal[0],
            {topics.CONSENTS.name: [sent[0][1]]},
            unknowing,
        )


def batch(**applied: int) -> Entry:
    return Entry(Kind.BATCH, Position(applied))


def test_a_journal_that_goes_back_is_no_way_through_the_inputs() -> None:
    with pytest.raises(CutError, match="payments goes back from offset 8 to 6"):
        ranges(Position({"payments": 7}), batch(payments=5))
    with pytest.raises(CutError, match="payments goes back"):
        ranges(Position({"payments": 7}), batch(consents=5))


@pytest.mark.parametrize("kind", [Kind.SWEEP, Kind.CONFIRM, Kind.SWITCH])
def test_records_applied_by_a_transaction_that_the_journal_lacks_are_missed(kind: Kind) -> None:
    with pytest.raises(CutError, match=f"payments goes from offset 8 to 10 in a {kind}"):
        ranges(Position({"payments": 7}), Entry(kind, Position({"payments": 9})))
    assert ranges(Position({"payments": 7}), Entry(kind, Position({"payments": 7}))) == {}


def test_an_erased_person_is_not_in_the_state_although_the_records_still_are() -> None:
    lane = LiveLane()
    lane.apply(inputs())
    erased = {record.key for _, record in inputs()} - {u.encode() for u in people(lane.store)}
    assert erased
    assert topics.PAYMENTS.name in {name for name, record in inputs() if record.key in erased}
    assert people(replayed(lane.journal)).keys() == people(lane.store).keys()
