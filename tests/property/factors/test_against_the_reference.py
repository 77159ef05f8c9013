from collections import defaultdict
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import topics
from pipeline.factors.characteristics import CHARACTERISTICS, compute, missing_history
from pipeline.factors.fold import BatchState, FoldResult, Outcome, Policy, Signal, fold_batch
from pipeline.reference.batches import batch_of
from pipeline.reference.characteristics import characteristics, missing
from pipeline.reference.events import (
    Consent,
    Consumption,
    Event,
    Obligation,
    Payment,
    PeerSignal,
    Profile,
    Relationship,
)
from pipeline.reference.oracle import Oracle
from pipeline.reference.person import month_of
from pipeline.reference.render import contract_list, factor_row, ledger_row, link_list
from pipeline.reference.score import score as naive_score
from pipeline.scoring.model import Model
from pipeline.scoring.reasons import NO_REASON
from pipeline.scoring.scorecard import Status, score
from tests.property.factors.cards import card
from tests.property.factors.histories import Historian, Shape, cut

TOPIC_OF: dict[type[Event], str] = {
    Consent: topics.CONSENTS.name,
    Payment: topics.PAYMENTS.name,
    Consumption: topics.CONSUMPTION.name,
    Obligation: topics.OBLIGATIONS.name,
    Profile: topics.PROFILES.name,
    Relationship: topics.RELATIONSHIPS.name,
    PeerSignal: topics.PEER_SIGNALS.name,
}
SEEDS = st.integers(0, 2**32 - 1)

DATA = (Payment, Consumption, Obligation, Profile, Relationship)
SHAPES = {
    "of everything": Shape(),
    "of few ids": Shape(people=2, ids=6, stride_days=0.2, kinds=(Payment, Consumption, Obligation)),
    "of one crowded month": Shape(
        people=1, ids=10**9, stride_days=0.01, jitter_days=1, kinds=(Payment, Consumption)
    ),
    "over many years": Shape(
        people=2, ids=30, stride_days=25, jitter_days=60, kinds=(Payment, Consumption, Obligation)
    ),
    "of long delays": Shape(
        people=1, ids=60, stride_days=5, jitter_days=900, jump_months=3, kinds=DATA
    ),
    "of many contracts": Shape(
        people=1, ids=10**9, contracts=60, stride_days=0.1, kinds=(Obligation,)
    ),
    "of many links": Shape(
        people=1, peers=110, stride_days=0.3, jump_months=0, kinds=(Relationship, PeerSignal)
    ),
    "of consents": Shape(
        people=2, stride_days=1, withdrawals=0.5, kinds=(Consent, Consent, Payment)
    ),
    "of many people": Shape(people=20, ids=10**9),
}


def by_pair(signals: Iterable[Signal]) -> dict[tuple[str, str], list[tuple[bool, bool, bool]]]:
    said = defaultdict(list)
    for signal in signals:
        words = signal.active, signal.wants_reply, signal.erased
        said[signal.sender, signal.receiver].append(words)
    return dict(said)


def outcomes_in_order(events: list[Event], result: FoldResult) -> list[Outcome]:
    waiting = {name: iter(found.tolist()) for name, found in result.outcomes.items()}
    return [Outcome(next(waiting[TOPIC_OF[type(event)]])) for event in events]


def assert_same_people(state: BatchState, oracle: Oracle, chosen: set[str]) -> None:
    for i, user in enumerate(state.users):
        if user not in chosen:
            continue
        person = oracle.people.get(user)
        assert state.rows[i].tobytes() == factor_row(person)
        assert state.ledgers[i].tobytes() == ledger_row(person)
        assert state.contracts[i] == contract_list(person)
        assert state.links[i] == link_list(person)


def assert_same_characteristics(state: BatchState, oracle: Oracle, as_of_month: int) -> None:
    fast = compute(state.rows, as_of_month)
    thin = missing_history(state.rows, as_of_month)
    names = [characteristic.name for characteristic in CHARACTERISTICS]
    for i, user in enumerate(state.users):
        slow = characteristics(oracle.people.get(user), as_of_month)
        assert list(slow) == names
        np.testing.assert_allclose(fast[i], list(slow.values()), rtol=1e-12, err_msg=user)
        assert thin[i] == missing(oracle.people.get(user), as_of_month)


def assert_same_scores(state: BatchState, oracle: Oracle, as_of_month: int, model: Model) -> None:
    fast = score(state.rows, as_of_month, model)
    for i, user in enumerate(state.users):
        slow = naive_score(oracle.people.get(user), as_of_month, model)
        assert fast.missing[i] == slow.missing
        assert (fast.score[i] or None) == slow.score
        assert (fast.base_score[i] or None) == slow.base_score
        if slow.score is None:
            assert fast.status[i] == Status.THIN_FILE
            continue
        assert fast.status[i] == Status.SCORED
        assert fast.band[i] == slow.band
        assert fast.probability_of_default[i] == pytest.approx(slow.probability_of_default)
        assert tuple(fast.factor_points[i]) == slow.factor_points
        codes = [model.reason_codes[code] for code in fast.reasons[i] if code != NO_REASON]
        assert tuple(codes) == slow.reasons


def newest_applied_ms(events: list[Event], outcomes: list[Outcome]) -> int:
    counted = (Payment, Consumption, Obligation, Profile, Relationship)
    applied = [
        event.at_ms
        for event, outcome in zip(events, outcomes, strict=True)
        if outcome is Outcome.APPLIED and isinstance(event, counted)
    ]
    return max([0, *applied])


def state_of(state: BatchState, i: int) -> tuple[bytes, ...]:
    row, ledger = state.rows[i].tobytes(), state.ledgers[i].tobytes()
    return row, ledger, state.contracts[i], state.links[i]


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
@settings(max_examples=200)
@given(
    seed=SEEDS,
    number=st.integers(1, 90),
    longest=st.sampled_from([1, 5, 40, 400]),
    lateness_days=st.sampled_from([0, 31, 31, 31, 400, 1000]),
)
def test_a_history_gives_the_same_bytes_as_one_event_at_a_time(
    shape: Shape, seed: int, number: int, longest: int, lateness_days: int
) -> None:
    historian = Historian(seed, shape)
    policy = Policy(lateness_days=lateness_days)
    state, oracle = BatchState.empty(historian.users), Oracle(policy)
    watermark_ms = 0
    as_of_month = 0
    batches = [historian.enrolment(), *cut(historian.events(number), seed, longest)]
    for batch in batches:
        before = state.copy()
        oracle.signals.clear()
        oracle.erased.clear()
        result = fold_batch(state, batch_of(batch, state.users), policy, watermark_ms)
        expected = oracle.apply_batch(batch, watermark_ms)
        assert outcomes_in_order(batch, result) == expected
        assert by_pair(result.signals) == by_pair(oracle.signals)
        assert {
            u for u, gone in zip(state.users, result.erased, strict=True) if gone
        } == oracle.erased
        assert_same_people(state, oracle, {event.user for event in batch})
        newest_ms = newest_applied_ms(batch, expected)
        assert result.newest_ms == newest_ms
        assert result.touched.tolist() == [
            state_of(state, i) != state_of(before, i) for i in range(len(state.users))
        ]
        watermark_ms = max(watermark_ms, newest_ms)
        as_of_month = max(as_of_month, month_of(watermark_ms))
    assert_same_people(state, oracle, set(state.users))
    assert_same_characteristics(state, oracle, as_of_month)
    assert_same_characteristics(state, oracle, as_of_month + seed % 40)
    for later in (0, seed % 40):
        assert_same_scores(state, oracle, as_of_month + later, card(seed % 8))
