"""The simulated population as the pipeline sees it: who is scored, what is turned away."""

from collections import Counter

import numpy as np
import pytest

from pipeline import topics
from pipeline.codec.inputs import decode_inputs
from pipeline.codec.reasons import Reason
from pipeline.codec.registry import FileRegistry
from pipeline.dev.simulator import History, Spec, simulate
from pipeline.dev.simulator.bad import Sent
from pipeline.dev.simulator.history import TOPICS
from pipeline.dev.simulator.traffic import Mistakes, Traffic
from pipeline.factors.characteristics import missing_history
from pipeline.factors.fold import Arrivals, Batch, BatchState, FoldResult, Outcome, Policy
from pipeline.factors.fold import fold_batch as fold
from pipeline.factors.months import month_of_ms
from pipeline.factors.vocabulary import Scope
from pipeline.topics import Topic

END_MS = 1_793_000_000_000
SENT_AT_MS = END_MS + 3_600_000
SPEC = Spec(people=1_500, months=8, end_ms=END_MS, seed=3)
REGISTRY = FileRegistry()


@pytest.fixture(scope="module")
def history() -> History:
    return simulate(SPEC)


def records(history: History, mistakes: Mistakes) -> dict[Topic, list[Sent]]:
    by_topic: dict[Topic, list[Sent]] = {topic: [] for topic in TOPICS}
    for chunk in Traffic(history, REGISTRY, mistakes).chunks():
        for record in chunk.records:
            by_topic[record.topic].append(record)
    return by_topic


def fold_good(
    history: History, sent: dict[Topic, list[Sent]]
) -> tuple[FoldResult, dict[Topic, list[Sent]], BatchState]:
    """Decode and fold all of it as one batch; with the records that were decoded."""
    place = {user: index for index, user in enumerate(history.users)}
    arrivals, kept = {}, {}
    for topic, values in sent.items():
        decoded = decode_inputs(topic, [r.key for r in values], [r.value for r in values], REGISTRY)
        kept[topic] = [values[i] for i in decoded.kept]
        columns = decoded.columns_for(np.array([place[u] for u in decoded.users], np.int32))
        stamps = np.full(len(columns), SENT_AT_MS)
        arrivals[topic.name.replace("-", "_")] = Arrivals(columns, stamps)
    state = BatchState.empty(history.users)
    return fold(state, Batch(**arrivals), Policy(), END_MS), kept, state  # type: ignore[arg-type]


def test_columns_for_the_folds_are_those_the_decoder_makes(history: History) -> None:
    sent = records(history, Mistakes())
    for topic, values in sent.items():
        decoded = decode_inputs(topic, [r.key for r in values], [r.value for r in values], REGISTRY)
        assert decoded.poison == []
        mine = history.as_columns(topic)
        theirs = decoded.columns_for(history.events[topic].user)
        for name in mine.__dataclass_fields__:
            one, other = getattr(mine, name), getattr(theirs, name)
            assert one.dtype == other.dtype, (topic.name, name)
            assert np.array_equal(one, other), (topic.name, name)


def test_every_bad_record_is_turned_away_for_its_reason_and_nothing_else_is(
    history: History,
) -> None:
    sent = records(history, Mistakes(bad_share=0.03))
    result, kept, _ = fold_good(history, sent)
    by_fold = {Outcome.TOO_LATE: Reason.TOO_LATE, Outcome.FUTURE: Reason.FUTURE}
    seen: Counter[Reason] = Counter()
    for topic, values in sent.items():
        keys = [r.key for r in values]
        poison = decode_inputs(topic, keys, [r.value for r in values], REGISTRY).poison
        refused = {p.index: p.reason for p in poison}
        for record, outcome in zip(kept[topic], result.outcomes[topic.name], strict=True):
            assert by_fold.get(Outcome(outcome)) == record.reason, (topic.name, record)
            seen.update([record.reason] if record.reason else [])
        for index, record in enumerate(values):
            if record.reason not in (Reason.TOO_LATE, Reason.FUTURE):
                assert refused.get(index) == record.reason, (topic.name, record)
        seen.update(refused.values())
    assert set(seen) == set(Reason)


def test_repeats_are_known_again_and_change_nothing(history: History) -> None:
    _, _, once = fold_good(history, records(history, Mistakes()))
    sent = records(history, Mistakes(repeat_share=0.02))
    result, _, twice = fold_good(history, sent)
    extra = sum(map(len, sent.values())) - len(history)
    assert extra == pytest.approx(0.02 * len(history), rel=0.15)
    for topic in (topics.PAYMENTS, topics.CONSUMPTION, topics.OBLIGATIONS):
        assert (result.outcomes[topic.name] == Outcome.DUPLICATE).sum() > 0
    assert once.rows.tobytes() == twice.rows.tobytes()
    assert once.contracts == twice.contracts
    assert once.links == twice.links


def test_most_enrolled_people_have_history_enough_for_a_score(history: History) -> None:
    _, _, state = fold_good(history, records(history, Mistakes()))
    enrolled = (state.rows["consent_mask"] & (1 << Scope.SCORING)) != 0
    thin = missing_history(state.rows[enrolled], month_of_ms(END_MS)) != 0
    assert enrolled.mean() == pytest.approx(0.89, abs=0.03)
    assert 0.03 < thin.mean() < 0.20


def test_consents_open_the_traffic_and_the_rest_follows_in_event_time(history: History) -> None:
    chunks = list(Traffic(history, REGISTRY, Mistakes(), chunk_events=5_000).chunks())
    opening = [record for chunk in chunks if chunk.opening for record in chunk.records]
    assert len(opening) > 0.7 * 6 * 0.8 * len(history.users)
    assert {record.topic for record in opening} == {topics.CONSENTS}
    everything = [record.value for chunk in chunks for record in chunk.records]
    again = [
        record.value
        for chunk in Traffic(history, REGISTRY, Mistakes()).chunks()
        for record in chunk.records
    ]
    assert everything == again
    counted = sum((chunk.events for chunk in chunks), Counter())
    assert counted == {topic.name: len(events) for topic, events in history.events.items()}


def test_the_same_seed_makes_the_same_mistakes(history: History) -> None:
    mistakes = Mistakes(bad_share=0.01, repeat_share=0.01)
    assert records(history, mistakes) == records(history, mistakes)
