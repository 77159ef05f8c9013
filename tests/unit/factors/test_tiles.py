import numpy as np
import pytest

from pipeline.factors import tiles

REACH = 12


def ring_of(months: dict[int, int]) -> np.ndarray:
    ring = np.zeros((1, REACH), np.uint8)
    for month, count in months.items():
        ring[0, month % REACH] = count
    return ring


@pytest.mark.parametrize("steps", [0, 1, 5, 11, 12, 13, 40])
def test_a_ring_that_moves_on_keeps_the_months_still_in_reach(steps: int) -> None:
    head = 650
    held = {month: month % 7 + 1 for month in range(head - REACH + 1, head + 1)}
    ring = ring_of(held)
    tiles.advance([ring], np.array([head]), np.array([head + steps]))
    kept = {month: count for month, count in held.items() if month > head + steps - REACH}
    assert (ring == ring_of(kept)).all()


@pytest.mark.parametrize("steps", [0, 1, 5, 23, 24, 100])
def test_months_kept_as_bits_leave_the_same_way(steps: int) -> None:
    head = 650
    bits = np.array([2**24 - 1], np.uint32)
    tiles.advance_bits(bits, np.array([head]), np.array([head + steps]), 24)
    kept = range(head + steps - 23, head + 1)
    assert bits[0] == sum(1 << month % 24 for month in kept)


def test_only_the_rings_of_moving_heads_change() -> None:
    ring = np.ones((3, REACH), np.uint8)
    tiles.advance([ring], np.array([650, 650, 650]), np.array([650, 651, 650]))
    assert ring.sum(axis=1).tolist() == [REACH, REACH - 1, REACH]


def test_counters_stay_at_255() -> None:
    ring = ring_of({650: 254})
    user, month = np.zeros(3, np.int64), np.full(3, 650)
    tiles.add_counts(ring, user, month)
    assert ring[0, 650 % REACH] == 255
    tiles.add_counts(ring, np.zeros(1_000, np.int64), np.full(1_000, 651))
    assert ring[0, 651 % REACH] == 255


def test_bits_of_several_events_come_together() -> None:
    ring = np.zeros((2, REACH), np.uint16)
    tiles.set_bits(ring, np.array([1, 1, 1]), np.array([5, 5, 6]), np.array([0, 9, 3]))
    assert ring[1, 5] == 1 << 0 | 1 << 9
    assert ring[1, 6] == 1 << 3
    assert not ring[0].any()
