from dataclasses import replace

import pytest

from pipeline.factors.fold import BatchState, Outcome, Policy
from pipeline.factors.layout import RECENT_IDS
from pipeline.factors.vocabulary import Category, ConsentAction, PaymentKind, Scope
from tests.unit.factors.people import (
    DAY_MS,
    at,
    consent,
    enrolled,
    fold,
    outcomes,
    payment,
    purchase,
)

PURCHASE = PaymentKind.PURCHASE


def test_an_event_of_someone_unknown_is_not_covered_and_leaves_nothing() -> None:
    state = BatchState.empty(["ann"])
    result = fold(state, payment("2026-03-01", PURCHASE, 1))
    assert outcomes(result) == [Outcome.NOT_COVERED]
    assert not result.touched.any()
    assert not any(state.rows.tobytes())


@pytest.mark.parametrize("missing", [Scope.SCORING, Scope.CREDIT_HISTORY])
def test_a_payment_needs_both_the_scoring_and_the_credit_history_grant(missing: Scope) -> None:
    state = BatchState.empty(["ann"])
    fold(state, *(consent("2026-01-01", scope) for scope in Scope if scope is not missing))
    assert outcomes(fold(state, payment("2026-03-01", PURCHASE, 1))) == [Outcome.NOT_COVERED]


def test_a_grant_covers_the_events_of_its_own_batch() -> None:
    state = BatchState.empty(["ann"])
    grants = (consent("2026-03-02", Scope.SCORING), consent("2026-03-02", Scope.CREDIT_HISTORY))
    result = fold(state, payment("2026-03-01", PURCHASE, 1), *grants)
    assert result.outcomes["payments"].tolist() == [Outcome.APPLIED]


def test_an_event_24_hours_ahead_of_its_record_is_taken_and_a_millisecond_more_is_not() -> None:
    record_ms = at("2026-03-01")
    allowed = payment("2026-03-02", PURCHASE, 1, kafka_ms=record_ms)
    ahead = replace(allowed, at_ms=record_ms + DAY_MS + 1, id_hash=2)
    assert outcomes(fold(enrolled(), allowed, ahead)) == [Outcome.APPLIED, Outcome.FUTURE]


def test_an_event_may_be_31_days_behind_the_newest_of_its_topic() -> None:
    newest = payment("2026-03-31T00:00:10", PURCHASE, 1)
    allowed = payment("2026-02-28T00:00:10", PURCHASE, 2)
    late = payment("2026-02-28T00:00:09", PURCHASE, 3)
    assert outcomes(fold(enrolled(), newest, allowed, late)) == [
        Outcome.APPLIED,
        Outcome.APPLIED,
        Outcome.TOO_LATE,
    ]


def test_lateness_counts_from_what_arrived_before_not_after() -> None:
    old, new = payment("2026-01-01", PURCHASE, 1), payment("2026-03-31", PURCHASE, 2)
    assert outcomes(fold(enrolled(), old, new)) == [Outcome.APPLIED, Outcome.APPLIED]
    assert outcomes(fold(enrolled(), new, old)) == [Outcome.APPLIED, Outcome.TOO_LATE]


def test_lateness_is_each_persons_and_each_topics_own() -> None:
    state = enrolled("ann", "bob")
    fold(state, payment("2026-03-31", PURCHASE, 1))
    bobs = replace(payment("2026-01-01", PURCHASE, 2), user="bob")
    assert outcomes(fold(state, bobs)) == [Outcome.APPLIED]
    assert outcomes(fold(state, purchase("2026-01-01", Category.HOME, 3))) == [Outcome.APPLIED]


def test_an_event_the_tiles_no_longer_reach_is_too_late_however_patient_the_policy() -> None:
    patient = Policy(lateness_days=10_000)
    newest = payment("2026-03-15", PURCHASE, 1)
    reached = payment("2024-04-01", PURCHASE, 2)
    beyond = payment("2024-03-31", PURCHASE, 3)
    assert outcomes(fold(enrolled(), newest, reached, beyond, policy=patient)) == [
        Outcome.APPLIED,
        Outcome.APPLIED,
        Outcome.TOO_LATE,
    ]


@pytest.mark.parametrize("day", ["1969-07-20", "1970-01-31"])
def test_an_event_before_february_1970_is_too_late(day: str) -> None:
    assert outcomes(fold(enrolled(), payment(day, PURCHASE, 1))) == [Outcome.TOO_LATE]


def test_an_event_beyond_32_bit_seconds_is_future_even_if_its_record_says_so_too() -> None:
    beyond = payment("2106-02-08", PURCHASE, 1)
    assert outcomes(fold(enrolled(), beyond)) == [Outcome.FUTURE]


def test_a_repeat_is_dropped_within_a_batch_and_across_batches() -> None:
    state = enrolled()
    event = payment("2026-03-01", PURCHASE, 1)
    assert outcomes(fold(state, event, event)) == [Outcome.APPLIED, Outcome.DUPLICATE]
    assert outcomes(fold(state, event)) == [Outcome.DUPLICATE]


def test_the_same_id_of_someone_else_or_on_another_topic_is_no_repeat() -> None:
    state = enrolled("ann", "bob")
    event = payment("2026-03-01", PURCHASE, 1)
    assert outcomes(fold(state, event, replace(event, user="bob"))) == [Outcome.APPLIED] * 2
    assert outcomes(fold(state, purchase("2026-03-01", Category.HOME, 1))) == [Outcome.APPLIED]


def test_a_repeat_is_forgotten_once_the_memory_is_full_of_newer_events() -> None:
    first = payment("2026-03-01", PURCHASE, 1)
    newer = [payment("2026-03-02", PURCHASE, 1 + i) for i in range(1, RECENT_IDS + 1)]
    state = enrolled()
    fold(state, first, *newer[:-1])
    assert outcomes(fold(state, first)) == [Outcome.DUPLICATE]
    assert outcomes(fold(state, newer[-1], first)) == [Outcome.APPLIED, Outcome.APPLIED]


def test_a_repeat_with_another_time_neither_counts_nor_moves_the_newest_event_on() -> None:
    state = enrolled()
    fold(state, payment("2026-03-01", PURCHASE, 1))
    before = state.rows.tobytes()
    assert outcomes(fold(state, payment("2026-06-01", PURCHASE, 1))) == [Outcome.DUPLICATE]
    assert state.rows.tobytes() == before


def test_a_late_event_is_late_even_if_it_is_a_repeat_too() -> None:
    state = enrolled()
    fold(state, payment("2026-01-01", PURCHASE, 1), payment("2026-03-01", PURCHASE, 2))
    assert outcomes(fold(state, payment("2026-01-01", PURCHASE, 1))) == [Outcome.TOO_LATE]


def test_withdrawn_consent_is_counted_before_anything_else_is_looked_at() -> None:
    state = enrolled()
    fold(state, consent("2026-03-02", Scope.CREDIT_HISTORY, ConsentAction.WITHDRAW))
    ahead = replace(payment("2026-03-05", PURCHASE, 1), kafka_ms=at("2026-03-01"))
    assert outcomes(fold(state, ahead)) == [Outcome.NOT_COVERED]
