from dataclasses import replace

import pytest

from pipeline.partners.rebuild import Cause, Found, cause_to_rebuild
from pipeline.partners.store import Standing
from pipeline.topics import DAY_MS, PARTNER_TOMBSTONE_MS

NOW_MS = 1_790_000_000_000
STANDING = Standing("partner.x.scores", "id-1", {0: 10, 1: 20}, NOW_MS - DAY_MS, 1)
FOUND = Found("id-1", {0: 0, 1: 5}, {0: 10, 1: 25})


def test_a_view_goes_on_where_it_stood() -> None:
    assert cause_to_rebuild(STANDING, FOUND, NOW_MS) is None


@pytest.mark.parametrize(
    ("standing", "found", "cause"),
    [
        (None, FOUND, Cause.FIRST_START),
        (STANDING, replace(FOUND, topic_id="id-2"), Cause.TOPIC),
        (STANDING, replace(FOUND, ends={0: 9, 1: 25}), Cause.OFFSETS),
        (STANDING, replace(FOUND, beginnings={0: 11, 1: 0}, ends={0: 30, 1: 25}), Cause.OFFSETS),
        (
            STANDING,
            replace(FOUND, beginnings={0: 0, 1: 0, 2: 0}, ends={0: 10, 1: 25, 2: 0}),
            Cause.PARTITIONS,
        ),
        (replace(STANDING, current_at_ms=NOW_MS + 2 * 3_600_000), FOUND, Cause.CLOCK),
    ],
)
def test_a_view_is_read_anew_when_its_offsets_mean_nothing(
    standing: Standing | None, found: Found, cause: Cause
) -> None:
    assert cause_to_rebuild(standing, found, NOW_MS) is cause


def test_half_the_time_withdrawals_are_remembered_is_the_longest_a_view_may_be_away() -> None:
    half = PARTNER_TOMBSTONE_MS // 2
    longest = replace(STANDING, current_at_ms=NOW_MS - half)
    too_long = replace(STANDING, current_at_ms=NOW_MS - half - 1)

    assert cause_to_rebuild(longest, FOUND, NOW_MS) is None
    assert cause_to_rebuild(too_long, FOUND, NOW_MS) is Cause.AWAY


def test_a_clock_that_is_a_little_behind_is_no_cause() -> None:
    ahead = replace(STANDING, current_at_ms=NOW_MS + 60_000)

    assert cause_to_rebuild(ahead, FOUND, NOW_MS) is None


def test_brokers_that_tell_no_topic_id_are_believed_by_their_offsets() -> None:
    nameless = replace(STANDING, topic_id=None)

    assert cause_to_rebuild(nameless, replace(FOUND, topic_id=None), NOW_MS) is None
