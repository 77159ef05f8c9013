import pytest

from pipeline.dev.demo.plan import MONTHS_MAX, MONTHS_MIN, Plan, spec_of
from pipeline.dev.simulator import simulate
from pipeline.errors import RefusedError

NOW_MS = 1_790_000_123_456
DAY_MS = 86_400_000


@pytest.mark.parametrize(("people", "events"), [(300, 12_000), (300, 60_000), (100, 40_000)])
def test_about_as_many_events_happen_as_are_asked_for(people: int, events: int) -> None:
    history = simulate(spec_of(Plan(people, events, 1, 4), NOW_MS))
    assert len(history) == pytest.approx(events, rel=0.15)


def test_it_goes_back_as_long_as_the_events_suffice_for() -> None:
    few = spec_of(Plan(1_000, 40_000, 1, 4), NOW_MS)
    more = spec_of(Plan(1_000, 200_000, 1, 4), NOW_MS)
    assert MONTHS_MIN <= few.months < more.months


def test_it_goes_back_no_longer_than_scores_look() -> None:
    assert spec_of(Plan(10, 1_000_000, 1, 4), NOW_MS).months == MONTHS_MAX


def test_the_same_day_gives_the_same_events() -> None:
    plan = Plan(100, 10_000, 7, 4)
    midnight = NOW_MS // DAY_MS * DAY_MS
    assert spec_of(plan, midnight) == spec_of(plan, midnight + DAY_MS - 1)
    assert spec_of(plan, midnight) != spec_of(plan, midnight + DAY_MS)


def test_nothing_happens_after_now() -> None:
    assert spec_of(Plan(100, 10_000, 1, 4), NOW_MS).end_ms <= NOW_MS


def test_too_few_events_are_refused_with_how_many_it_takes() -> None:
    with pytest.raises(RefusedError, match=r"at least ([\d,]+) events") as refused:
        spec_of(Plan(1_000, 5_000, 1, 4), NOW_MS)
    fewest = int(str(refused.value).split("at least ")[1].split(" ")[0].replace(",", ""))
    spec_of(Plan(1_000, fewest + 1, 1, 4), NOW_MS)
    with pytest.raises(RefusedError):
        spec_of(Plan(1_000, fewest - 1_000, 1, 4), NOW_MS)
