import numpy as np

from pipeline.factors.fold import BatchState
from pipeline.factors.layout import FACTOR_ROW, LEDGER_ROW
from pipeline.factors.vocabulary import Category, PaymentKind
from tests.unit.factors.people import at, enrolled, fold, payment, purchase


def test_a_factor_row_stays_under_512_bytes() -> None:
    assert FACTOR_ROW.itemsize < 512
    assert LEDGER_ROW.itemsize < 256


def test_only_the_people_whose_state_changes_are_touched() -> None:
    state = enrolled("ann", "bob", "eve")
    result = fold(state, payment("2026-03-01", PaymentKind.PURCHASE, 1))
    assert result.touched.tolist() == [True, False, False]
    again = fold(state, payment("2026-03-01", PaymentKind.PURCHASE, 1))
    assert not again.touched.any()


def test_the_newest_time_is_of_applied_events_of_any_topic() -> None:
    state = enrolled()
    result = fold(
        state,
        payment("2026-03-01", PaymentKind.PURCHASE, 1),
        purchase("2026-03-02", Category.HOME, 1),
        payment("2026-03-09", PaymentKind.PURCHASE, 2, kafka_ms=at("2026-03-01")),
    )
    assert result.newest_ms == at("2026-03-02")
    assert fold(state).newest_ms == 0


def test_what_was_published_is_not_the_folds_to_change() -> None:
    state = enrolled()
    state.rows["published"]["sequence"] = 41
    fold(state, payment("2026-03-01", PaymentKind.PURCHASE, 1))
    assert state.rows["published"]["sequence"].tolist() == [41]


def test_only_topics_that_arrived_have_outcomes() -> None:
    result = fold(enrolled(), purchase("2026-03-02", Category.HOME, 1))
    assert list(result.outcomes) == ["consumption"]
    assert result.outcomes["consumption"].dtype == np.uint8


def test_a_copy_shares_nothing_with_its_original() -> None:
    state = enrolled()
    copy = state.copy()
    fold(copy, payment("2026-03-01", PaymentKind.PURCHASE, 1))
    assert copy.differs_from(state).tolist() == [True]
    assert not BatchState.empty(["ann"]).rows.tobytes().strip(b"\0")
