import math

import pytest

from pipeline.factors.fold import BatchState
from pipeline.factors.layout import BREACHES_MAX, CONTRACTS_MAX
from pipeline.factors.vocabulary import ObligationStatus as S
from tests.unit.factors.people import enrolled, fold, month, ring, step, value


def breaches(state: BatchState) -> list[int]:
    return [int(m) for m in state.rows["breach_months"][0] if m]


def exposure(state: BatchState) -> tuple[int, int]:
    row = state.rows[0]
    return int(row["open_contracts"]), int(row["open_exposure_minor"])


def test_an_open_contract_is_exposure_until_it_is_fulfilled() -> None:
    state = enrolled()
    fold(state, step("2026-01-01", 5, S.OPENED), step("2026-01-02", 7, S.OPENED))
    assert exposure(state) == (2, 1200)
    fold(state, step("2026-02-01", 5, S.FULFILLED))
    assert exposure(state) == (1, 700)
    assert ring(state, "fulfilled") == {month("2026-02") % 24: 1}


def test_a_contract_whose_end_is_heard_of_first_is_closed_all_the_same() -> None:
    state = enrolled()
    fold(state, step("2026-02-01", 5, S.FULFILLED))
    fold(state, step("2026-01-15", 5, S.OPENED))
    assert exposure(state) == (0, 0)
    assert state.contracts == [b""]


def test_late_steps_are_a_share_of_late_and_fulfilled() -> None:
    state = enrolled()
    fold(state, step("2026-01-01", 5, S.LATE), step("2026-02-01", 5, S.FULFILLED))
    assert value(state, "contracts_late_share_24m", "2026-02") == 0.5
    assert value(state, "contracts_fulfilled_24m", "2026-02") == 1
    assert value(state, "contracts_fulfilled_24m", "2028-02") == 0
    assert math.isnan(value(state, "contracts_late_share_24m", "2028-02"))


def test_a_breach_closes_the_contract_and_leaves_after_60_months() -> None:
    state = enrolled()
    fold(state, step("2021-03-01", 5, S.OPENED), step("2021-03-20", 5, S.BREACHED))
    assert exposure(state) == (0, 0)
    assert breaches(state) == [month("2021-03")]
    assert value(state, "contracts_breached_60m", "2026-02") == 1
    assert value(state, "months_since_breach", "2026-02") == 59
    assert value(state, "contracts_breached_60m", "2026-03") == 0
    assert math.isnan(value(state, "months_since_breach", "2026-03"))


@pytest.mark.parametrize(
    ("words", "counts"),
    [
        ([], True),
        ([S.DISPUTED], False),
        ([S.DISPUTED, S.DISPUTE_UPHELD], False),
        ([S.DISPUTED, S.DISPUTE_REJECTED], True),
        ([S.DISPUTED, S.DISPUTE_REJECTED, S.DISPUTED], False),
    ],
)
def test_a_breach_counts_unless_it_is_disputed_or_the_dispute_was_upheld(
    words: list[S], counts: bool
) -> None:
    state = enrolled()
    steps = [step(f"2026-01-{10 + i}", 5, word, 100 + i) for i, word in enumerate(words)]
    fold(state, step("2026-01-01", 5, S.BREACHED), *steps)
    assert bool(breaches(state)) == counts
    backwards = enrolled()
    fold(backwards, *steps[::-1], step("2026-01-01", 5, S.BREACHED))
    assert backwards.rows.tobytes() == state.rows.tobytes()
    assert backwards.contracts == state.contracts


def test_the_newest_breaches_are_kept_newest_first() -> None:
    state = enrolled()
    names = [f"2026-0{m}" for m in range(1, BREACHES_MAX + 3)]
    fold(state, *(step(f"{name}-10", 1 + i, S.BREACHED) for i, name in enumerate(names)))
    assert breaches(state) == [month(name) for name in names[:1:-1]]
    assert value(state, "contracts_breached_60m", "2026-06") == BREACHES_MAX


def test_exposure_stays_at_its_largest() -> None:
    state = enrolled()
    huge = 2**32 // 100
    fold(state, step("2026-01-01", huge, S.OPENED, 1), step("2026-01-01", huge + 1, S.OPENED, 2))
    assert exposure(state) == (2, 2**32 - 1)


def test_over_the_bound_closed_markers_go_before_the_oldest_contract() -> None:
    state = enrolled()
    fold(state, step("2026-01-20", 1, S.FULFILLED), step("2026-01-01", 2, S.OPENED))
    opened = [step("2026-01-10", 100 + i, S.OPENED, 1000 + i) for i in range(CONTRACTS_MAX - 1)]
    fold(state, *opened)
    assert exposure(state)[0] == CONTRACTS_MAX  # the marker of contract 1 has gone
    fold(state, step("2026-01-11", 999, S.OPENED, 2_000))
    number, amount = exposure(state)
    assert number == CONTRACTS_MAX
    expected = sum(100 * (100 + i) for i in range(CONTRACTS_MAX - 1)) + 100 * 999
    assert amount == expected  # contract 2, the oldest, has gone


def test_any_step_begins_the_obligation_history() -> None:
    state = enrolled()
    fold(state, step("2026-03-01", 5, S.LATE), step("2026-02-20", 6, S.DISPUTED))
    assert state.rows["first_obligation_month"][0] == month("2026-02")
    expected = 1 << month("2026-02") % 24 | 1 << month("2026-03") % 24
    assert state.rows["obligation_months"][0] == expected
