"""Lanes that are flooded stop being fetched, and those that are not go on."""

from collections.abc import Sequence
from typing import cast

import pytest

from pipeline import settings, topics
from pipeline.streaming.flow import Flow
from pipeline.streaming.lane import Lane
from pipeline.streaming.pool import LanePool
from pipeline.streaming.waiting import Waiting
from tests.unit.streaming.test_waiting import Fetched

SETTINGS = settings.load(
    lane_bytes_max=1_024, lane_waiting_bytes_max=4_096, waiting_bytes_max=8_192
)


class _Flow:
    inputs = topics.INPUTS


class _Lane:
    """A lane's bounds without its connections."""

    is_behind = Lane.is_behind
    nbytes = Lane.nbytes

    def __init__(self, nbytes: int) -> None:
        self._settings, self._in_hand = SETTINGS, None
        self.waiting = Waiting(topics.INPUTS)
        self.waiting.put("payments", [Fetched(0, key=None, value=b"v" * nbytes)], lambda: None)


def behind(*nbytes: int) -> list[bool]:
    pool = LanePool(SETTINGS, cast("Flow", _Flow()), lambda _: None)
    lanes: Sequence[object] = [_Lane(each) for each in nbytes]
    pool.lanes = cast("dict[int, Lane]", dict(enumerate(lanes)))
    return [pool.is_behind(number) for number in range(len(nbytes))]


@pytest.mark.parametrize(
    ("nbytes", "expected"),
    [
        ([4_095, 0], [False, False]),
        ([4_096, 0], [True, False]),  # one lane's own bound
        ([3_000, 3_000, 2_000, 0], [False] * 4),  # all together below theirs
        ([3_000, 3_000, 2_191, 0], [False] * 4),
        ([3_000, 3_000, 2_192, 0], [True, True, True, False]),  # at it: a quarter each
        ([3_000, 3_000, 2_047, 145], [True, True, False, False]),
    ],
)
def test_a_flooded_lane_does_not_hold_up_the_others(
    nbytes: list[int], expected: list[bool]
) -> None:
    assert behind(*nbytes) == expected


def test_a_partition_that_is_not_owned_is_not_behind() -> None:
    assert not LanePool(SETTINGS, cast("Flow", _Flow()), lambda _: None).is_behind(3)
