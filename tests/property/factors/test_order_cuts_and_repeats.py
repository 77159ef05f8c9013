import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import topics
from pipeline.factors.fold import BatchState, Outcome, Policy, fold_batch
from pipeline.factors.layout import RECENT_IDS, RECENT_OBLIGATION_IDS
from pipeline.factors.vocabulary import ConsentAction, ObligationStatus, Scope
from pipeline.reference.batches import batch_of
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
from tests.property.factors.histories import (
    DATA_SCOPES,
    DAY_MS,
    START_MS,
    Historian,
    Shape,
    cut,
    without_repeats,
)

SEEDS = st.integers(0, 2**32 - 1)
DATA = (Payment, Consumption, Obligation, Profile, Relationship)
POLICY = Policy()
NOTHING_LAPSES = 0


def enrolled_with_a_past(seed: int) -> BatchState:
    """People whose tiles are full of earlier months."""
    historian = Historian(seed, Shape(people=3, stride_days=15, ids=10**9, kinds=DATA))
    historian.now_ms = START_MS - 500 * DAY_MS
    state = BatchState.empty(historian.users)
    events = [*historian.enrolment(skipped=0), *without_repeats(historian.events(60), 1)]
    earlier = [event for event in events if event.at_ms < START_MS]
    fold_batch(state, batch_of(earlier, state.users), POLICY, NOTHING_LAPSES)
    return state


def within_the_lateness(seed: int, number: int, shape: Shape) -> list[Event]:
    """Distinct events of at most 31 days, each contract opened and fulfilled once."""
    historian = Historian(seed, shape)
    rng = random.Random(seed)
    events: list[Event] = []
    steps = set()
    for event in without_repeats(historian.events(number), 1000):
        at_ms = START_MS + rng.randrange(31) * DAY_MS + rng.choice([0, 1, DAY_MS - 1])
        moved = replace(event, at_ms=at_ms, kafka_ms=at_ms)
        if isinstance(moved, Obligation):
            moved = replace(moved, contract=moved.contract - 1000)  # none of the past's
            step = (moved.user, moved.contract, moved.status)
            once = moved.status in (ObligationStatus.OPENED, ObligationStatus.FULFILLED)
            if once and step in steps:
                continue
            steps.add(step)
        events.append(moved)
    return events


def folded(state: BatchState, batches: Sequence[Sequence[Event]]) -> BatchState:
    result = state.copy()
    for batch in batches:
        fold_batch(result, batch_of(batch, result.users), POLICY, NOTHING_LAPSES)
    return result


def assert_same(left: BatchState, right: BatchState) -> None:
    assert left.rows.tobytes() == right.rows.tobytes()
    assert left.ledgers.tobytes() == right.ledgers.tobytes()
    assert left.contracts == right.contracts
    assert left.links == right.links


@settings(max_examples=250)
@given(seed=SEEDS, number=st.integers(2, 150), order=st.randoms(use_true_random=False))
def test_arrival_order_within_the_lateness_never_changes_the_row(
    seed: int, number: int, order: random.Random
) -> None:
    state = enrolled_with_a_past(seed)
    events = within_the_lateness(seed, number, Shape(kinds=DATA))
    shuffled = list(events)
    order.shuffle(shuffled)
    once = folded(state, [events])
    assert_same(once, folded(state, [shuffled]))
    assert_same(once, folded(state, cut(shuffled, seed, 10)))


@settings(max_examples=250)
@given(seed=SEEDS, number=st.integers(2, 150), longest=st.sampled_from([1, 3, 20]))
def test_cutting_into_batches_never_changes_the_row(seed: int, number: int, longest: int) -> None:
    # Which own words an erased friend takes along is a matter of order, as with consents.
    shape = Shape(stride_days=8, ids=20, kinds=(*DATA, PeerSignal), erasures=0)
    historian = Historian(seed, shape)
    state = enrolled_with_a_past(seed)
    events = historian.events(number)
    assert_same(folded(state, [events]), folded(state, cut(events, seed, longest)))


@given(seed=SEEDS, number=st.integers(1, RECENT_IDS), order=st.randoms(use_true_random=False))
@pytest.mark.parametrize("kind", [Payment, Consumption, Obligation])
def test_a_second_delivery_within_the_memory_changes_nothing(
    kind: type[Event], seed: int, number: int, order: random.Random
) -> None:
    if kind is Obligation:
        number = min(number, RECENT_OBLIGATION_IDS)
    state = enrolled_with_a_past(seed)
    events = [
        event
        for user in state.users
        for event in within_the_lateness(seed, number, Shape(people=1, kinds=(kind,)))
        for event in [replace(event, user=user)]
    ]
    once = folded(state, [events])
    again = [*events]
    order.shuffle(again)
    twice = once.copy()
    result = fold_batch(twice, batch_of(again, twice.users), POLICY, NOTHING_LAPSES)
    (outcomes,) = result.outcomes.values()
    assert set(outcomes.tolist()) == {Outcome.DUPLICATE}
    assert not result.touched.any()
    assert_same(once, twice)
    together = [*events, *again]
    assert_same(once, folded(state, [together]))
    assert_same(once, folded(state, cut(together, seed, 7)))


@given(seed=SEEDS, number=st.integers(1, 60))
def test_profiles_and_relationships_may_be_delivered_any_number_of_times(
    seed: int, number: int
) -> None:
    state = enrolled_with_a_past(seed)
    events = within_the_lateness(seed, number, Shape(kinds=(Profile, Relationship)))
    once = folded(state, [events])
    assert_same(once, folded(state, [events, events[::-1], events]))


@given(
    words=st.lists(
        st.tuples(
            st.sampled_from(ConsentAction),
            st.sampled_from(DATA_SCOPES[1:]),
            st.integers(0, 3),
            st.sampled_from([None, 5, 9]),
        ),
        max_size=12,
    ),
    order=st.randoms(use_true_random=False),
    longest=st.integers(1, 12),
)
def test_the_newest_consents_decide_in_whatever_order_they_come(
    words: list[tuple[ConsentAction, Scope, int, int | None]],
    order: random.Random,
    longest: int,
) -> None:
    def consent(action: ConsentAction, scope: Scope, day: int, ends: int | None) -> Consent:
        at_ms = START_MS + day * DAY_MS
        expires_ms = None if ends is None else START_MS + ends * DAY_MS
        return Consent(
            user="u0",
            at_ms=at_ms,
            kafka_ms=at_ms,
            id_hash=1,
            action=action,
            scope=scope,
            expires_ms=expires_ms,
        )

    scoring = consent(ConsentAction.GRANT, Scope.SCORING, 0, None)
    state = folded(BatchState.empty(["u0"]), [[scoring]])
    consents = [consent(*word) for word in words]
    shuffled = list(consents)
    order.shuffle(shuffled)
    assert_same(folded(state, [consents]), folded(state, cut(shuffled, 0, longest)))


@given(seed=SEEDS, number=st.integers(1, 60))
def test_withdrawing_scoring_leaves_no_byte_of_a_person(seed: int, number: int) -> None:
    state = enrolled_with_a_past(seed)
    events = within_the_lateness(seed, number, Shape(kinds=(*DATA, PeerSignal)))
    full = folded(state, [events])
    at_ms = START_MS + 40 * DAY_MS
    withdrawal = Consent(
        user="u0",
        at_ms=at_ms,
        kafka_ms=at_ms,
        id_hash=1,
        action=ConsentAction.WITHDRAW,
        scope=Scope.SCORING,
    )
    result = fold_batch(full, batch_of([withdrawal], full.users), POLICY, NOTHING_LAPSES)
    assert result.erased.tolist() == [True, False, False]
    assert not any(full.rows[0].tobytes())
    assert not any(full.ledgers[0].tobytes())
    assert (full.contracts[0], full.links[0]) == (b"", b"")
    later = fold_batch(full, batch_of(events, full.users), POLICY, NOTHING_LAPSES)
    told = [e for e in events if isinstance(e, Payment)]
    gated = [o == Outcome.NOT_COVERED for o in later.outcomes.get(topics.PAYMENTS.name, ())]
    assert gated == [payment.user == "u0" for payment in told]
    assert not any(full.rows[0].tobytes())
