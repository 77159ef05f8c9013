from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from pipeline.factors.months import SECOND_MAX, month_of_ms, month_of_s, month_start_ms


def by_calendar(second: int) -> int:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
    return (at.year - 1970) * 12 + at.month - 1


@pytest.mark.parametrize("day", ["2024-02-29", "2024-03-01", "1970-01-31", "2100-02-28"])
def test_a_month_ends_with_its_last_second(day: str) -> None:
    start = int(np.datetime64(day, "s").astype(np.int64))
    for second in (start, start + 86_399, start + 86_400):
        assert month_of_s(second) == by_calendar(second)
        assert month_of_ms(second * 1000 + 999) == by_calendar(second)


def test_arrays_and_single_times_agree_over_the_whole_range() -> None:
    seconds = np.linspace(0, SECOND_MAX, 5_000).astype(np.int64)
    expected = [by_calendar(second) for second in seconds.tolist()]
    assert month_of_s(seconds).tolist() == expected
    assert month_of_ms(seconds * 1000).tolist() == expected
    assert [month_of_s(second) for second in seconds.tolist()] == expected


def test_times_outside_32_bits_are_taken_to_the_nearer_end() -> None:
    assert month_of_s(-1) == 0
    assert month_of_s(2**40) == by_calendar(SECOND_MAX)
    assert month_of_ms(np.array([-(2**63), 2**63 - 1])).tolist() == [0, by_calendar(SECOND_MAX)]


def test_a_month_starts_where_the_one_before_ends() -> None:
    for month in (0, 1, 24, 649, 1000):
        start = month_start_ms(month)
        assert month_of_ms(start) == month
        assert start == 0 or month_of_ms(start - 1) == month - 1
