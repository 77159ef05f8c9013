import numpy as np

from pipeline.scoring.reasons import largest_keys, position_of, rank_key


def test_more_points_lost_rank_first() -> None:
    assert rank_key(30, 5) > rank_key(29, 0)


def test_equal_losses_rank_in_the_models_order() -> None:
    assert rank_key(30, 2) > rank_key(30, 3)


def test_nothing_lost_has_no_rank() -> None:
    assert rank_key(0, 0) == 0


def test_a_key_tells_its_characteristic() -> None:
    keys = np.array([rank_key(lost, at) for lost in (1, 600) for at in range(32)], dtype=np.int16)
    assert position_of(keys).tolist() == [*range(32), *range(32)]


def test_the_four_largest_come_in_order() -> None:
    keys = np.array([[5], [0], [9], [7], [1], [8]], dtype=np.int16)
    assert largest_keys(keys)[:, 0].tolist() == [9, 8, 7, 5]


def test_fewer_than_four_are_filled_with_none() -> None:
    keys = np.array([[0, 3], [4, 0]], dtype=np.int16)
    assert largest_keys(keys).T.tolist() == [[4, 0, 0, 0], [3, 0, 0, 0]]
